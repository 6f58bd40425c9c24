-- Random pipelines over real sockets, each held against the same steps done in plain Lua
-- (engine_model) over one listing of these sockets.
--
-- CONNSH_SEED and CONNSH_COUNT choose which: a failure prints the seed that gives its pipeline.
-- luacheck: globals sockets

local lu = require("luaunit")
local M = require("engine_model")
local S = require("support")

S.inside({
  "all", "addr=10.2.0.1/16", "addr=10.2.200.7/16", "addr=fd00:2::1/64", "addr=fd00:2:0:1::9/64",
  "addr=2001:db8:0:1:1:1:1:1/64",
  "listen=*:7000,backlog=9",
  "conn=10.2.0.1:7000*6,from=10.2.200.7", "conn=10.2.200.7:7000*4,from=10.1.0.1,pending=33",
  "conn=[fd00:2::1]:7000*3,from=fd00:2:0:1::9", "conn=[2001:db8:0:1:1:1:1:1]:7000*2",
  "conn=[::ffff:10.2.0.1]:7000*3,pending=12", "conn=10.2.0.1:7000*2,from=127.0.0.9",
  "udpconn=10.2.0.1:7001*3,from=10.2.200.7,pending=40", "udp=[fd00:2::1]:7002,uid=1000",
})

local seed = tonumber(os.getenv("CONNSH_SEED") or 1)
local total = tonumber(os.getenv("CONNSH_COUNT") or 3000)

-- Facts that stay as they are while nobody touches the sockets.
local schema = {
  { name = "proto", kind = "enum" }, { name = "family", kind = "enum" },
  { name = "state", kind = "enum" }, { name = "laddr", kind = "addr" },
  { name = "lport", kind = "port" }, { name = "raddr", kind = "addr" },
  { name = "rport", kind = "port" }, { name = "recvq", kind = "bytes" },
  { name = "sendq", kind = "bytes" }, { name = "accept_queue", kind = "int" },
  { name = "backlog", kind = "int" }, { name = "dev", kind = "text" },
  { name = "dev_index", kind = "int" }, { name = "uid", kind = "int" },
  { name = "user", kind = "text" }, { name = "inode", kind = "int" },
  { name = "cookie", kind = "int" }, { name = "mark", kind = "mark" },
  { name = "v6only", kind = "bool" }, { name = "mss", kind = "bytes" },
  { name = "cong", kind = "text" }, { name = "tos", kind = "int" },
}

local function plain_rows(records, columns)
  local rows = {}
  for i, record in ipairs(records) do
    local row = {}
    for _, column in ipairs(columns) do
      row[column.name] = record[column.name]
    end
    rows[i] = row
  end
  return rows
end

local function snapshot()
  return plain_rows(sockets:list(), schema)
end

-- ---- chance -----------------------------------------------------------------------------------

local random = math.random

local function one_of(list)
  return list[random(#list)]
end

local function chance(percent)
  return random(100) <= percent
end

-- Columns of these kinds (none named: all), in any order, at most n.
local function columns_of(from, kinds, n)
  local list, out = {}, {}
  for _, column in ipairs(from) do
    if not kinds or kinds[column.kind] then
      list[#list + 1] = column
    end
  end
  while #list > 0 and #out < n do
    out[#out + 1] = table.remove(list, random(#list))
  end
  return out
end

local function quote(value)
  if type(value) ~= "table" then
    return string.format("%q", value)
  end
  local parts = {}
  for i, one in ipairs(value) do
    parts[i] = quote(one)
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

-- ---- pipelines --------------------------------------------------------------------------------

-- A pipeline that grows: its text for connsh, and its layer in the model.
local function begin(rows)
  return { text = "sockets", layer = M.layer(rows, schema) }
end

local function add(p, format, ...)
  p.text = p.text .. format:format(...)
end

local ordered = { int = true, port = true, bytes = true, float = true, anynum = true, mark = true }

local function sample(layer, column)
  return #layer.rows > 0 and one_of(layer.rows)[column.name] or nil
end

local prefixes = { "10.0.0.0/8", "127.0.0.0/8", "0.0.0.0/0", "10.2.0.0/16", "10.2.200.7",
  "fd00::/8", "::/0", "fd00:2::/64", "::1", "10.2.128.0/17", "2001:db8::/33" }

local function text_operand(value)
  if chance(50) then
    return value
  end
  local n = random(0, #value)
  return value:sub(1, n) .. (chance(50) and "*" or ("?"):rep(#value - n))
end

local function operand(layer, column)
  local kind, value = column.kind, sample(layer, column)
  if kind == "bool" then
    return chance(50)
  elseif chance(8) or value == nil then
    return chance(50)
  elseif kind == "addr" then
    return chance(60) and one_of(prefixes) or value
  elseif kind == "text" or kind == "anytext" then
    return text_operand(value)
  elseif kind == "bytes" then
    return math.floor(value) -- an average is not whole, what it is compared to must be
  elseif (kind == "int" or kind == "port") and chance(25) then
    return value .. "-" .. math.min(65535 + (kind == "int" and value or 0), value + random(0, 900))
  end
  return value
end

local function condition(layer)
  local column = one_of(layer.schema)
  local op = one_of({ "=", "=", "!=", "<", "<=", ">", ">=" })
  local c = { field = column.name, kind = column.kind, op = op }
  if op ~= "=" and op ~= "!=" then
    local value = sample(layer, column)
    if ordered[column.kind] and value ~= nil then
      c.operand = value
      return c
    end
    c.op = "="
  end
  c.operand = operand(layer, column)
  if chance(20) and column.kind ~= "bool" then
    c.operand = { c.operand, operand(layer, column) }
  end
  -- "x != true" asks for presence, which the model's equality says already
  if c.op == "!=" and c.operand ~= nil then
    for _, one in ipairs(type(c.operand) == "table" and c.operand or { c.operand }) do
      if type(one) == "boolean" then
        c.op = "="
      end
    end
  end
  return c
end

local function tree(layer, depth)
  if depth == 0 or chance(50) then
    return condition(layer)
  end
  local kind = one_of({ "and", "or", "not" })
  local t = { kind = kind }
  for i = 1, kind == "not" and 1 or random(1, 3) do
    t[i] = tree(layer, depth - 1)
  end
  return t
end

local function tree_text(t)
  if t.field then
    return string.format("{%q, %q, %s}", t.field, t.op, quote(t.operand))
  end
  local parts = { string.format("%q", t.kind) }
  for _, kid in ipairs(t) do
    parts[#parts + 1] = tree_text(kid)
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

local steps = {}

function steps.where(p)
  local t = tree(p.layer, random(0, 2))
  table.insert(p.layer.conds, t)
  if t.field then
    add(p, ":where(%q, %q, %s)", t.field, t.op, quote(t.operand))
  else
    add(p, ":where(%s)", tree_text(t))
  end
end

-- A function of a row, as text; with what kind of value it gives.
local function number_function(layer)
  local c = columns_of(layer.schema, { int = true, port = true, bytes = true, float = true }, 1)[1]
  if not c then
    return "function() return 7 end", "anynum"
  end
  local n = random(2, 9)
  return one_of({
    "function(r) return r.%s and r.%s %% %d end",
    "function(r) return (r.%s or 0) + (r.%s or 1) / %d end",
    "function(r) if r.%s and r.%s > %d then return %d end end",
  }):gsub("%%%a", { ["%s"] = c.name, ["%d"] = n }):gsub("%%%%", "%%"), "anynum"
end

local function text_function(layer)
  local c = columns_of(layer.schema, { enum = true, text = true, addr = true }, 1)[1]
  if not c then
    return "function() return 'x' end", "anytext"
  end
  return one_of({
    "function(r) return r.%s and r.%s:sub(1, 3) end",
    "function(r) return r.%s and '<' .. r.%s .. '>' or 'none' end",
    "function(r) return r.%s and #r.%s > 4 and 'long' or nil end",
  }):gsub("%%s", c.name), "anytext"
end

local function row_function(layer)
  return (chance(60) and number_function or text_function)(layer)
end

local function compile(text)
  return assert(load("return " .. text))()
end

function steps.test(p)
  local text = row_function(p.layer)
  table.insert(p.layer.tests, compile(text))
  add(p, ":where(%s)", text)
end

local function names_of(columns, format)
  local names = {}
  for i, column in ipairs(columns) do
    names[i] = string.format(format or "%q", column.name)
  end
  return table.concat(names, ", ")
end

function steps.distinct(p)
  local columns = columns_of(p.layer.schema, nil, random(1, 3))
  for _, column in ipairs(columns) do
    table.insert(p.layer.distinct, column.name)
  end
  add(p, ":distinct(%s)", names_of(columns))
end

function steps.sort(p)
  local keys = {}
  p.layer.sort = {}
  for i, column in ipairs(columns_of(p.layer.schema, nil, random(1, 3))) do
    local down = chance(50)
    p.layer.sort[i] = { name = column.name, down = down }
    keys[i] = string.format("%q", (down and "-" or "") .. column.name)
  end
  add(p, ":sort(%s)", table.concat(keys, ", "))
end

function steps.limit(p)
  local n = chance(5) and 0 or random(1, 60)
  p.layer.limit = math.min(n, p.layer.limit or n)
  add(p, ":limit(%d)", n)
end

-- "raddr", "raddr/24", a function or {name, function}: the key and its text.
local function group_key(layer, column, nth)
  if chance(15) then
    local text, kind = row_function(layer)
    local key = { f = compile(text), kind = kind, name = nth == 1 and "key" or "key" .. nth }
    if chance(50) then
      key.name = "made" .. nth
      return key, string.format("{%q, %s}", key.name, text)
    end
    return key, text
  end
  local key = { name = column.name, kind = column.kind }
  if key.kind ~= "addr" or chance(30) then
    return key, string.format("%q", key.name)
  end
  local text, which = key.name, random(3)
  if which ~= 2 then
    key.v4 = random(8, 32)
    text = text .. "/" .. key.v4
  end
  if which ~= 1 then
    -- alone, a number up to 32 is that of IPv4
    key.v6 = random(which == 2 and 33 or 16, 128)
    text = text .. "/" .. key.v6
  end
  return key, string.format("%q", text)
end

local function group_keys(layer, n)
  local keys, texts = {}, {}
  for i, column in ipairs(columns_of(layer.schema, nil, n)) do
    keys[i], texts[i] = group_key(layer, column, i)
  end
  return keys, table.concat(texts, ", ")
end

local summed = { int = true, bytes = true, float = true, anynum = true }

local function aggregate(layer)
  local op = one_of({ "count", "sum", "avg", "min", "max", "quantile" })
  local kinds = (op ~= "min" and op ~= "max") and summed
    or { int = true, port = true, bytes = true, enum = true, text = true, addr = true,
      float = true, mark = true, anynum = true, anytext = true }
  local column = op ~= "count" and columns_of(layer.schema, kinds, 1)[1]
  if not column then
    return { op = "count", name = "count" }
  end
  return { op = op, field = column.name, name = op,
    p = op == "quantile" and one_of({ 0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1 }) or nil }
end

-- Two columns of one name are an error.
local function clash(keys, aggregates)
  local seen = {}
  for _, list in ipairs({ keys, aggregates }) do
    for _, column in ipairs(list) do
      if seen[column.name] then
        return true
      end
      seen[column.name] = true
    end
  end
  return false
end

local function several(layer)
  local list, texts = {}, {}
  for i = 1, random(1, 4) do
    local a = aggregate(layer)
    a.name = "a" .. i
    list[i] = a
    texts[i] = string.format("{%q%s%s, as = %q}", a.op, a.field and string.format(", %q", a.field)
      or "", a.p and ", " .. a.p or "", a.name)
  end
  return list, string.format(":aggregate(%s)", table.concat(texts, ", "))
end

function steps.group(p)
  local keys, text = group_keys(p.layer, random(1, 3))
  local a = aggregate(p.layer)
  local list, call = { a }, ":count()"
  if chance(30) then
    list, call = several(p.layer)
  elseif a.op ~= "count" then
    call = string.format(":%s(%q%s)", a.op, a.field, a.p and ", " .. a.p or "")
  end
  if chance(10) then
    list, call = {}, ""
  end
  if clash(keys, list) then
    return
  end
  p.layer = M.group(p.layer, keys, list)
  add(p, ":group(%s)%s", text, call)
  p.open = call == ""
end

function steps.all(p)
  local list, call = several(p.layer)
  p.layer = M.group(p.layer, {}, list)
  add(p, "%s", call)
end

function steps.top(p)
  local keys, text = group_keys(p.layer, random(1, 2))
  if clash(keys, { { name = "count" } }) then
    return
  end
  local n = random(1, 10)
  p.layer = M.group(p.layer, keys, { { op = "count", name = "count" } })
  p.layer.sort = { { name = "count", down = true } }
  for i, key in ipairs(keys) do
    p.layer.sort[i + 1] = { name = key.name, down = false }
  end
  p.layer.limit = n
  add(p, ":top(%d, %s)", n, text)
end

function steps.select(p)
  local columns, texts = columns_of(p.layer.schema, nil, random(1, 6)), {}
  for i, column in ipairs(columns) do
    texts[i] = string.format("%q", column.name)
  end
  for i = 1, random(0, 2) do
    local text, kind = row_function(p.layer)
    columns[#columns + 1] = { name = "f" .. i, kind = kind, f = compile(text) }
    if M.has(p.layer.schema, "f" .. i) then
      return
    end
    texts[#texts + 1] = string.format("{%q, %s}", "f" .. i, text)
  end
  p.layer = M.select(p.layer, columns)
  add(p, ":select(%s)", table.concat(texts, ", "))
end

local ends = {
  { { "laddr", "raddr" }, { "lport", "rport" }, { "raddr", "laddr" }, { "rport", "lport" } },
  { { "lport", "rport" } }, { { "lport", "lport" } }, { { "rport", "lport" } },
  { { "raddr", "laddr" } }, { { "laddr", "laddr" }, { "lport", "lport" } },
  { { "inode", "inode" } }, { { "dev", "dev" } }, { { "cookie", "cookie" } },
  { { "state", "state" }, { "uid", "uid" }, { "recvq", "recvq" } }, { { "backlog", "backlog" } },
}

local function pairs_text(list)
  local parts = {}
  for i, pair in ipairs(list) do
    parts[i] = string.format("%s = %q", pair[1], pair[2])
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

-- With other sockets, or with groups of them.
function steps.join(p, rows)
  local list = one_of(ends)
  local other = begin(rows)
  if p.layer.schema ~= schema then
    return
  end
  steps.where(other)
  if chance(30) then
    steps.limit(other)
  end
  if chance(20) then
    list = { one_of(ends)[1] }
    local key = { name = list[1][2], kind = M.kind_of(schema, list[1][2]) }
    other.layer = M.group(other.layer, { key }, { { op = "count", name = "count" } })
    add(other, ":group(%q):count()", key.name)
  end
  p.layer = M.join(p.layer, other.layer, list)
  if #list == 1 and list[1][1] == list[1][2] then
    add(p, ":join(%s, %q)", other.text, list[1][1])
  else
    add(p, ":join(%s, %s)", other.text, pairs_text(list))
  end
end

local kinds_of_step = { "where", "where", "where", "test", "distinct", "sort", "sort", "limit",
  "group", "group", "select", "select", "join", "top", "all" }

local function pipeline(number, rows)
  math.randomseed(number)
  local p = begin(rows)
  for _ = 1, random(1, 6) do
    steps[one_of(kinds_of_step)](p, rows)
    if p.open then
      break -- what comes behind an open group belongs to it
    end
  end
  return p
end

-- ---- comparing --------------------------------------------------------------------------------

local function same(a, b)
  if type(a) == "number" and type(b) == "number" then
    return a == b or math.abs(a - b) <= 1e-12 * math.max(math.abs(a), math.abs(b))
  end
  return a == b
end

local function show(row, columns)
  local parts = {}
  for i, column in ipairs(columns) do
    parts[i] = column.name .. "=" .. tostring(row and row[column.name])
  end
  return table.concat(parts, " ")
end

-- nil, or where two lists of rows differ.
local function difference(got, expected, columns)
  for i = 1, math.max(#got, #expected) do
    for _, column in ipairs(columns) do
      local a, b = got[i], expected[i]
      if not a or not b or not same(a[column.name], b[column.name]) then
        return string.format("row %d of %d (expected %d)\n  got      %s\n  expected %s", i, #got,
          #expected, show(a, columns), show(b, columns))
      end
    end
  end
end

local function scalar_difference(q, p)
  local a = aggregate(p.layer)
  if a.op == "count" or p.open then
    return nil
  end
  local expected = M.aggregate(p.layer.schema, M.rows(p.layer), a)
  local got = q[a.op](q, a.field, a.p)
  if not same(got, expected) then
    return string.format("%s(%s, %s): got %s, expected %s", a.op, a.field, a.p, got, expected)
  end
end

local function check(p, shallow)
  local q = assert(load("return " .. p.text))()
  local expected = M.rows(p.layer)
  -- not all of them: what a listing did not have to ask for is asked again for each record
  local columns = columns_of(p.layer.schema, nil, 8)
  local fault = difference(plain_rows(q:list(), columns), expected, columns)
  if fault or shallow then
    return fault
  end
  if #q ~= #expected then
    return "#q is " .. #q .. ", expected " .. #expected
  end
  local looped = {}
  for row in q do
    looped[#looped + 1] = row
  end
  fault = difference(plain_rows(looped, columns), expected, columns)
  return fault and "in a loop: " .. fault or scalar_difference(q, p)
end

TestPipelines = {}

function TestPipelines:test_random()
  local rows = snapshot()
  lu.assertTrue(#rows > 150, "too few sockets")
  local nonempty = 0
  for number = seed, seed + total - 1 do
    local p = pipeline(number, rows)
    local ok, fault = pcall(check, p, number % 4 ~= 0)
    if not ok or fault then
      -- a socket may have timed out meanwhile: then the list is another
      local now = snapshot()
      if difference(now, rows, schema) then
        rows = now
        p = pipeline(number, rows)
        ok, fault = pcall(check, p)
      end
    end
    lu.assertTrue(ok and not fault, string.format("CONNSH_SEED=%d CONNSH_COUNT=1\n%s\n%s", number,
      p.text, tostring(fault)))
    nonempty = nonempty + (#M.rows(p.layer) > 0 and 1 or 0)
  end
  lu.assertTrue(nonempty > total // 2, "most pipelines gave nothing: " .. nonempty)
end

S.main()
