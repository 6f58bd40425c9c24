-- What queries mean, said a second time and as plainly as can be: rows are tables, each step makes
-- a new list of them, nothing is asked of the kernel. The tests hold connsh to it.
--
-- A layer is {rows, schema, conds, tests, distinct, sort, limit}: as queries do, it applies
-- conditions, functions, distinct, sort and limit in this order, whatever the order of the calls.
-- A schema is a list of {name, kind}; kinds: int, port, bytes, mark, float, enum, text, addr, bool,
-- anynum, anytext. A key below is {name =, v4 =, v6 =, f =, kind =}.

local M = {}

-- ---- values ----------------------------------------------------------------

local function v4_bytes(text)
  local bytes = ""
  for part in text:gmatch("%d+") do
    bytes = bytes .. string.char(tonumber(part))
  end
  return bytes
end

local function v6_bytes(text)
  local mapped = text:match(":(%d+%.%d+%.%d+%.%d+)$")
  if mapped then
    local a, b, c, d = v4_bytes(mapped):byte(1, 4)
    text = text:gsub("%d+%.%d+%.%d+%.%d+$", string.format("%x:%x", a * 256 + b, c * 256 + d))
  end
  local head, tail = text:match("^(.-)::(.*)$")
  local function groups(part)
    local list = {}
    for word in part:gmatch("%x+") do
      list[#list + 1] = string.pack(">I2", tonumber(word, 16))
    end
    return list
  end
  if not head then
    return table.concat(groups(text))
  end
  local a, b = groups(head), groups(tail)
  return table.concat(a) .. ("\0\0"):rep(8 - #a - #b) .. table.concat(b)
end

local mapped_prefix = ("\0"):rep(10) .. "\255\255"
local addresses = {}

-- "10.0.0.0/8" -> family 4 or 6, bytes, bits or nil; mapped addresses as they stand.
local function parse(text)
  local host, bits = text:match("^([^/]*)/?(%d*)$")
  if host:find(":", 1, true) then
    return 6, v6_bytes(host), tonumber(bits)
  end
  return 4, v4_bytes(host), tonumber(bits)
end

-- The same with mapped ones as IPv4; remembered, since there are few.
function M.address(text)
  local a = addresses[text]
  if not a then
    a = {}
    a.family, a.bytes, a.bits = parse(text)
    a.raw = a.family == 6 and a.bytes or nil
    if a.family == 6 and a.bytes:sub(1, 12) == mapped_prefix then
      a.family, a.bytes = 4, a.bytes:sub(13)
    end
    addresses[text] = a
  end
  return a
end

local function same_bits(a, b, bits)
  local whole, rest = bits // 8, bits % 8
  if a:sub(1, whole) ~= b:sub(1, whole) then
    return false
  end
  return rest == 0 or (a:byte(whole + 1) ~ b:byte(whole + 1)) >> (8 - rest) == 0
end

-- Does the address or prefix lie in the other? A mapped one is in IPv6 prefixes, too.
local function lies_in(text, other)
  local a, o = M.address(text), M.address(other)
  local bits = o.bits or (o.family == 4 and 32 or 128)
  if a.bits and a.bits < bits then
    return false
  end
  if a.family == o.family then
    return same_bits(a.bytes, o.bytes, bits)
  end
  return o.family == 6 and a.raw ~= nil and same_bits(a.raw, o.bytes, bits)
end

local function order(a, b)
  return a < b and -1 or a > b and 1 or 0
end

-- Of two values of one kind that are there: negative, 0 or positive.
function M.compare(kind, a, b)
  if kind ~= "addr" then
    if kind == "bool" then
      return order(a and 1 or 0, b and 1 or 0)
    end
    return order(a, b)
  end
  local x, y = M.address(a), M.address(b)
  if x.family ~= y.family then
    return x.family - y.family
  end
  return x.bytes ~= y.bytes and order(x.bytes, y.bytes) or order(x.bits or -1, y.bits or -1)
end

-- A text that two values have in common if they are the same.
local function identity(kind, value)
  if kind == "addr" then
    local a = M.address(value)
    return a.family .. a.bytes .. "/" .. (a.bits or "")
  end
  if math.type(value) == "float" and value == math.floor(value) then
    value = math.tointeger(value)
  end
  return type(value):sub(1, 1) .. #tostring(value) .. ":" .. tostring(value)
end

-- ---- conditions ----------------------------------------------------------------

local function glob_pattern(text)
  local pattern = text:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".")
  return "^" .. pattern .. "$"
end

local function equals(kind, value, operand)
  -- a function may give true or false, so there they are values and say nothing of presence
  if kind == "bool" or kind:find("^any") and type(operand) == "boolean" then
    return value == operand
  elseif operand == true or operand == false then
    return operand == (value ~= nil)
  elseif value == nil then
    return false
  elseif kind == "addr" then
    return lies_in(value, operand)
  elseif kind == "text" or kind == "anytext" then
    return value:find(glob_pattern(operand)) ~= nil
  elseif type(operand) == "string" and kind ~= "enum" then
    local low, high = operand:match("^(%d+)%-(%d+)$")
    return value >= tonumber(low) and value <= tonumber(high)
  end
  return value == operand
end

local function any_of(kind, value, operand)
  if type(operand) ~= "table" then
    return equals(kind, value, operand)
  end
  for _, one in ipairs(operand) do
    if equals(kind, value, one) then
      return true
    end
  end
  return false
end

local function holds(cond, row)
  local op, kind, value = cond.op, cond.kind, row[cond.field]
  if op == "=" then
    return any_of(kind, value, cond.operand)
  elseif op == "!=" then
    return value ~= nil and not any_of(kind, value, cond.operand)
  elseif value == nil then
    return false
  elseif op == "<" then
    return value < cond.operand
  elseif op == "<=" then
    return value <= cond.operand
  elseif op == ">" then
    return value > cond.operand
  end
  return value >= cond.operand
end

-- A tree is a condition or {kind = "and" | "or" | "not", ...}.
function M.matches(tree, row)
  if tree.field then
    return holds(tree, row)
  elseif tree.kind == "not" then
    return not M.matches(tree[1], row)
  end
  for _, kid in ipairs(tree) do
    if M.matches(kid, row) ~= (tree.kind == "and") then
      return tree.kind == "or"
    end
  end
  return tree.kind == "and"
end

-- ---- layers ----------------------------------------------------------------

function M.layer(rows, schema)
  return { rows = rows, schema = schema, conds = {}, tests = {}, distinct = {}, sort = {} }
end

function M.kind_of(schema, name)
  for _, column in ipairs(schema) do
    if column.name == name then
      return column.kind
    end
  end
  error("the model has no column " .. name)
end

function M.has(schema, name)
  for _, column in ipairs(schema) do
    if column.name == name then
      return true
    end
  end
  return false
end

local function passes(layer, row)
  for _, tree in ipairs(layer.conds) do
    if not M.matches(tree, row) then
      return false
    end
  end
  for _, test in ipairs(layer.tests) do
    if not test(row) then
      return false
    end
  end
  return true
end

-- What the values of these columns have in common with those of an equal row; nil: one lacks.
local function row_key(schema, names, row)
  local parts = {}
  for i, name in ipairs(names) do
    if row[name] == nil then
      return nil
    end
    parts[i] = identity(M.kind_of(schema, name), row[name])
  end
  return table.concat(parts, "\0")
end

local function apart(layer, rows)
  if #layer.distinct == 0 then
    return rows
  end
  local seen, out = {}, {}
  for _, row in ipairs(rows) do
    local key = row_key(layer.schema, layer.distinct, row)
    if key and not seen[key] then
      seen[key] = true
      out[#out + 1] = row
    end
  end
  return out
end

-- Is a before b? Absent values are last, whichever way; equal rows keep their order.
local function before(layer, a, b, place)
  for _, key in ipairs(layer.sort) do
    local x, y = a[key.name], b[key.name]
    if (x == nil) ~= (y == nil) then
      return y == nil
    end
    local c = x ~= nil and M.compare(M.kind_of(layer.schema, key.name), x, y) or 0
    if c ~= 0 then
      return (c < 0) ~= key.down
    end
  end
  return place[a] < place[b]
end

-- The rows that a layer has in the end.
function M.rows(layer)
  local out = {}
  for _, row in ipairs(layer.rows) do
    if passes(layer, row) then
      out[#out + 1] = row
    end
  end
  out = apart(layer, out)
  if #layer.sort > 0 then
    local place = {}
    for i, row in ipairs(out) do
      place[row] = i
    end
    table.sort(out, function(a, b) return before(layer, a, b, place) end)
  end
  return table.move(out, 1, math.min(#out, layer.limit or #out), 1, {})
end

-- ---- groups ----------------------------------------------------------------

local function v4_text(bytes)
  return string.format("%d.%d.%d.%d", bytes:byte(1, 4))
end

-- "raddr/24" of a value: the text of the prefix.
local function prefix(key, value)
  local a = M.address(value)
  local whole = a.family == 4 and 32 or 128
  local bits = a.family == 4 and key.v4 or key.v6
  local bytes = {}
  -- what is a prefix already and wider stays so
  if not bits or bits > whole or a.family == 6 and not key.v6
      or a.bits and a.bits <= bits then
    return M.plain(value)
  end
  for i = 1, whole // 8 do
    local keep = math.max(0, math.min(8, bits - (i - 1) * 8))
    bytes[i] = string.char(a.bytes:byte(i) & (0xff << (8 - keep)) & 0xff)
  end
  local masked = table.concat(bytes)
  return (a.family == 4 and v4_text or M.v6_text)(masked) .. "/" .. bits
end

-- As inet_ntop(3) writes it (RFC 5952): the first longest run of two zeros or more is "::".
function M.v6_text(bytes)
  local words, best, length = {}, 0, 1
  for i = 1, 8 do
    words[i] = string.unpack(">I2", bytes, i * 2 - 1)
  end
  for i = 1, 8 do
    local n = 0
    while i + n <= 8 and words[i + n] == 0 do
      n = n + 1
    end
    if n > length then
      best, length = i, n
    end
  end
  local function join(from, to)
    local list = {}
    for i = from, to do
      list[#list + 1] = string.format("%x", words[i])
    end
    return table.concat(list, ":")
  end
  if best == 0 then
    return join(1, 8)
  end
  return join(1, best - 1) .. "::" .. join(best + length, 8)
end

-- A key is shown with mapped addresses as IPv4.
function M.plain(value)
  return (value:gsub("^::ffff:(%d+%.)", "%1"))
end

local function key_value(key, row)
  if key.f then
    return key.f(row)
  end
  local value = row[key.name]
  if key.kind == "addr" and value ~= nil then
    return prefix(key, value)
  end
  return value
end

local function numbers(rows, name)
  local list = {}
  for _, row in ipairs(rows) do
    list[#list + 1] = row[name]
  end
  return list
end

local function sum(list)
  local total = 0
  for _, x in ipairs(list) do
    total = total + x
  end
  return total
end

local function best(list, kind, sign)
  local found = list[1]
  for _, x in ipairs(list) do
    if M.compare(kind, x, found) * sign < 0 then
      found = x
    end
  end
  return found
end

local operations = {
  sum = sum,
  avg = function(list) return #list > 0 and sum(list) / #list or nil end,
  min = function(list, kind) return best(list, kind, 1) end,
  max = function(list, kind) return best(list, kind, -1) end,
  quantile = function(list, _, p)
    table.sort(list)
    return list[math.max(1, math.ceil(p * #list))]
  end,
}

-- One number of some rows; agg is {op =, field =, p =, name =}.
function M.aggregate(schema, rows, agg)
  if agg.op == "count" then
    return #rows
  end
  return operations[agg.op](numbers(rows, agg.field), M.kind_of(schema, agg.field), agg.p)
end

local function group_of(keys, row)
  local group, parts = { rows = {} }, {}
  for i, key in ipairs(keys) do
    local value = key_value(key, row)
    group[key.as or key.name] = value
    parts[i] = value == nil and "nil" or identity(key.kind, value)
  end
  return group, table.concat(parts, "\0")
end

function M.group(layer, keys, aggs)
  local groups, by_key = {}, {}
  for _, row in ipairs(M.rows(layer)) do
    local group, key = group_of(keys, row)
    if not by_key[key] then
      by_key[key] = group
      groups[#groups + 1] = group
    end
    table.insert(by_key[key].rows, row)
  end
  if #keys == 0 and #groups == 0 then
    groups[1] = { rows = {} }
  end
  local schema = {}
  for _, key in ipairs(keys) do
    schema[#schema + 1] = { name = key.as or key.name, kind = key.kind }
  end
  for _, agg in ipairs(aggs) do
    for _, group in ipairs(groups) do
      group[agg.name] = M.aggregate(layer.schema, group.rows, agg)
    end
    schema[#schema + 1] = { name = agg.name, kind = M.aggregate_kind(layer.schema, agg) }
  end
  return M.layer(groups, schema)
end

function M.aggregate_kind(schema, agg)
  if agg.op == "count" then
    return "int"
  end
  local kind = M.kind_of(schema, agg.field)
  return agg.op == "avg" and kind == "int" and "float" or kind
end

-- ---- select and join ----------------------------------------------------------------

-- columns: {name =, kind =, f = function or nil}
function M.select(layer, columns)
  local out, schema = {}, {}
  for i, column in ipairs(columns) do
    schema[i] = { name = column.name, kind = column.kind }
  end
  for i, row in ipairs(M.rows(layer)) do
    out[i] = {}
    for _, column in ipairs(columns) do
      if column.f then
        out[i][column.name] = column.f(row)
      else
        out[i][column.name] = row[column.name]
      end
    end
  end
  return M.layer(out, schema)
end

-- Names of the right side in a joined row; nil for those that are left out.
local function other_names(left, right, pairs_of_names)
  local taken, names = {}, {}
  for _, column in ipairs(left) do
    taken[column.name] = true
  end
  for _, column in ipairs(right) do
    names[column.name] = taken[column.name] and "other_" .. column.name or column.name
  end
  for _, pair in ipairs(pairs_of_names) do
    if pair[1] == pair[2] then
      names[pair[2]] = nil
    end
  end
  return names
end

local function joined(a, b, names)
  local row = {}
  for name, value in pairs(a) do
    row[name] = value
  end
  for name, as in pairs(names) do
    row[as] = b[name]
  end
  return row
end

function M.join(layer, other, pairs_of_names)
  local right, out, schema = M.rows(other), {}, {}
  local names = other_names(layer.schema, other.schema, pairs_of_names)
  local lefts, rights = {}, {}
  for i, pair in ipairs(pairs_of_names) do
    lefts[i], rights[i] = pair[1], pair[2]
  end
  for _, a in ipairs(M.rows(layer)) do
    local key = row_key(layer.schema, lefts, a)
    for _, b in ipairs(right) do
      if key and key == row_key(other.schema, rights, b) then
        out[#out + 1] = joined(a, b, names)
      end
    end
  end
  table.move(layer.schema, 1, #layer.schema, 1, schema)
  for _, column in ipairs(other.schema) do
    if names[column.name] then
      schema[#schema + 1] = { name = names[column.name], kind = column.kind }
    end
  end
  return M.layer(out, schema)
end

return M
