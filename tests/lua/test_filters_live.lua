-- What the kernel filters: random filters over sockets of every kind against the same filters
-- evaluated here, row by row over one unfiltered list, by an evaluator that shares nothing with
-- the program.
-- luacheck: globals sockets count

local lu = require("luaunit")
local S = require("support")

local SEED = math.tointeger(tonumber(os.getenv("CONNSH_SEED"))) or 20240611
local FILTERS = 12000

-- All namespaces share one table of connections, which each dump walks whole: the load that
-- another one bears would be ours. So this file runs again in a namespace with a table of its own.
local function with_own_table()
  local entries = io.open("/proc/sys/net/ipv4/tcp_child_ehash_entries", "w")
  if not entries or os.getenv("CONNSH_OWN_TABLE") then
    return
  end
  entries:write("4096")
  if not entries:close() or S.run({ "unshare", "-n", "true" }).code ~= 0 then
    return
  end
  local words = { "CONNSH_OWN_TABLE=1 exec unshare -n", S.sh_quote(S.connsh_path()) }
  for i = 0, #arg do
    words[#words + 1] = S.sh_quote(arg[i])
  end
  local _, how, number = os.execute(table.concat(words, " "))
  os.exit(how == "signal" and 128 + number or number)
end

with_own_table()

-- Devices to bind to, as far as this kernel makes them: one stays, one will be gone.
local function devices()
  local specs = {}
  for _, name in ipairs({ "kept0", "gone0" }) do
    if S.run({ "ip", "link", "add", name, "type", "ifb" }).code == 0 then
      specs[#specs + 1] = "listen=127.0.0.1:8095,dev=" .. name
      specs[#specs + 1] = "listen=[::]:8097,mark=6,dev=" .. name
      specs[#specs + 1] = "udp=127.0.0.1:8096,dev=" .. name
    end
  end
  return specs
end

local function specs()
  local list = devices()
  return {
    "all",
    "listen=127.0.0.1:8090,mark=2147483647", "listen=[::]:8091,mark=1073741824",
    "conn=127.0.0.1:8090*2,mark=1", "conn=[::1]:8091,mark=16,dev=lo",
    "state=time-wait*2,addr=127.0.0.1:9301,mark=5", "state=syn-recv,addr=127.0.0.1:9302,mark=5",
    "state=time-wait,addr=[::1]:9303,mark=4", "state=syn-recv,addr=[::1]:9304",
    "state=fin-wait-2,orphan,addr=127.0.0.1:9305,mark=7",
    "udpconn=[::ffff:127.0.0.1]:8092*2,mark=3", "udp=[::1]:8093,dev=lo,mark=7",
    table.unpack(list),
  }
end

S.inside(os.getenv("SOCKMAKER_PID") and {} or specs())

-- The sockets of gone0 stay bound to its index, which has no name any more.
local gone_index
if S.run({ "ip", "link", "show", "gone0" }).code == 0 then
  gone_index = sockets { dev = "gone0" }:first().dev_index
  assert(S.run({ "ip", "link", "del", "gone0" }).code == 0)
  -- a device of the name by which rows show that index
  assert(S.run({ "ip", "link", "add", "if" .. gone_index, "type", "ifb" }).code == 0)
end

-- ---- the evaluator ------------------------------------------------------------------------

local names = {
  "proto", "family", "state", "laddr", "lport", "raddr", "rport", "dev", "dev_index", "mark",
  "cgroup", "cgroup_id", "uid", "inbound",
}

-- A number that no other socket has. Rows of /proc have no cookie.
local function identity(s)
  return s.cookie or -s.inode
end

local protocols = { "tcp", "udp", "udplite", "raw", "mptcp" }

-- One unfiltered list, copied: what the filters are held against.
local function snapshot()
  local rows = {}
  for i, s in ipairs(sockets { proto = protocols }:list()) do
    rows[i] = { id = identity(s) }
    for _, name in ipairs(names) do
      rows[i][name] = s[name]
    end
  end
  return rows
end

local function bits_of_bytes(bytes)
  local bits = {}
  for i, byte in ipairs(bytes) do
    for k = 7, 0, -1 do
      bits[(i - 1) * 8 + 8 - k] = byte >> k & 1
    end
  end
  return table.concat(bits)
end

local function words_of(text, bytes)
  for word in text:gmatch("[^:]+") do
    if word:find(".", 1, true) then
      for byte in word:gmatch("%d+") do
        bytes[#bytes + 1] = tonumber(byte)
      end
    else
      local n = tonumber(word, 16)
      bytes[#bytes + 1] = n >> 8
      bytes[#bytes + 1] = n & 255
    end
  end
  return bytes
end

-- An address as a string of 32 or 128 zeros and ones; a mapped one has 128.
local address_bits = setmetatable({}, { __index = function(memo, text)
  local head, tail = text:match("^(.-)::(.*)$")
  local bytes = words_of(head or text, {})
  if head then
    local rest = words_of(tail, {})
    for _ = #bytes + #rest + 1, 16 do
      bytes[#bytes + 1] = 0
    end
    table.move(rest, 1, #rest, #bytes + 1, bytes)
  end
  memo[text] = bits_of_bytes(bytes)
  return memo[text]
end })

local MAPPED = ("0"):rep(80) .. ("1"):rep(16)

-- Does the address lie in the prefix? Written for IPv4, it holds for the mapped form too.
local function in_prefix(address, prefix)
  local base, length = prefix:match("^(.*)/(%d+)$")
  local have, want = address_bits[address], address_bits[base or prefix]
  want = want:sub(1, length and tonumber(length) or #want)
  local wide = #address_bits[base or prefix] == 128
  if wide and #have == 32 then
    -- only ::ffff:0:0/96 and what is longer speaks of IPv4
    return #want >= 96 and want:sub(1, 96) == MAPPED and have:sub(1, #want - 96) == want:sub(97)
  elseif not wide and #have == 128 then
    return have:sub(1, 96) == MAPPED and have:sub(97, 96 + #want) == want
  end
  return have:sub(1, #want) == want
end

local function glob(text, pattern)
  pattern = pattern:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".")
  return text:find("^" .. pattern .. "$") ~= nil
end

local function text_equals(value, wanted)
  return wanted:find("[*?]") and glob(value, wanted) or value == wanted
end

local function number_equals(value, wanted)
  if type(wanted) == "number" then
    return value == wanted
  end
  local low, high = wanted:match("^(%d+)%-(%d+)$")
  return value >= tonumber(low) and value <= tonumber(high)
end

local function mark_equals(value, wanted)
  local number, mask = tostring(wanted):match("^(%w+)/(%w+)$")
  if number then
    return value & math.tointeger(tonumber(mask)) == math.tointeger(tonumber(number))
  end
  return number_equals(value, wanted)
end

local equals_of = {
  laddr = in_prefix, raddr = in_prefix, dev = text_equals, cgroup = text_equals,
  mark = mark_equals, lport = number_equals, rport = number_equals, dev_index = number_equals,
  cgroup_id = number_equals, uid = number_equals,
}

local function any_of(row, field, wanted)
  local value = row[field]
  local equals = equals_of[field] or rawequal
  for _, one in ipairs(wanted) do
    if type(one) == "boolean" and field ~= "inbound" then
      if one == (value ~= nil) then
        return true
      end
    elseif value ~= nil and equals(value, one) then
      return true
    end
  end
  return false
end

local orderings = {
  ["<"] = function(a, b) return a < b end, ["<="] = function(a, b) return a <= b end,
  [">"] = function(a, b) return a > b end, [">="] = function(a, b) return a >= b end,
}

local function asks_presence(field, wanted)
  for _, one in ipairs(wanted) do
    if type(one) == "boolean" and field ~= "inbound" then
      return true
    end
  end
  return false
end

local function holds(filter, row)
  local head = filter[1]
  if head == "not" then
    return not holds(filter[2], row)
  elseif head == "and" or head == "or" then
    for i = 2, #filter do
      if holds(filter[i], row) == (head == "or") then
        return head == "or"
      end
    end
    return head == "and"
  end
  local field, op, value = table.unpack(filter)
  if orderings[op] then
    return row[field] ~= nil and orderings[op](row[field], value)
  end
  local wanted = type(value) == "table" and value or { value }
  if op == "=" then
    return any_of(row, field, wanted)
  end
  return (row[field] ~= nil or asks_presence(field, wanted)) and not any_of(row, field, wanted)
end

-- ---- random filters -----------------------------------------------------------------------

local function pick(list)
  return list[math.random(#list)]
end

local values = {
  proto = { "tcp", "udp", "tcp", "udp", "udplite", "raw", "mptcp" },
  family = { "inet", "inet6" },
  state = {
    "established", "listen", "time-wait", "close-wait", "close", "syn-sent", "syn-recv",
    "fin-wait-1", "fin-wait-2", "last-ack", "closing",
  },
  laddr = {
    "127.0.0.1", "127.0.0.0/8", "127.0.0.2/31", "10.0.0.0/8", "0.0.0.0/0", "0.0.0.0", "0.0.0.0/1",
    "128.0.0.0/1", "::1", "::/0", "::", "::/127", "fd00::/16", "fd00:1::1", "::ffff:127.0.0.1",
    "::ffff:0:0/96", "::ffff:127.0.0.0/104", "127.0.0.7/32", "::/64", "::fffe:0:0/95", "::/96",
    "8000::/1", true, false,
  },
  lport = {
    0, 22, 53, 67, 80, 81, 82, 443, 5353, 5357, 8080, 8090, 8095, 9001, 9301, 32768, 65535,
    "80-84", "1024-65535", "0-0", "5353-5358", "9000-9020", "0-65535", true, false,
  },
  dev = { "lo", "kept0", "gone0", "l*", "k*", "*", "nosuch", "lo:1", true, false },
  dev_index = { 0, 1, 2, 3, 4, 99, -1, "1-2", true, false },
  mark = {
    0, 1, 3, 4, 5, 6, 7, 9, 16, 2147483647, 1073741824, 4294967296, -1, "1/1", "0/1", "4/6", "0/0",
    "0x40000000/0x40000000", "2/1", "1/0x100000001", "3-5", true, false,
  },
  cgroup = { "/", "//", "/nosuch", "/*", "", true, false },
  cgroup_id = { 0, 1, 2, -1, "1-2", true, false },
  uid = { 0, 1000, true, false },
  inbound = { true, false },
}
values.raddr, values.rport = values.laddr, values.lport
if gone_index then
  values.dev[#values.dev + 1] = "if" .. gone_index
  values.dev_index[#values.dev_index + 1] = gone_index
end

local ordered = { lport = true, rport = true, dev_index = true, mark = true, uid = true }
local fields = {
  "proto", "family", "state", "laddr", "lport", "raddr", "rport", "dev", "dev_index", "mark",
  "cgroup", "cgroup_id", "uid", "inbound", "laddr", "raddr", "lport", "rport", "dev", "mark",
}

local function random_condition()
  local field = pick(fields)
  local value = pick(values[field])
  if ordered[field] and math.type(value) == "integer" and math.random(4) == 1 then
    return { field, pick({ "<", "<=", ">", ">=" }), value }
  end
  if math.random(3) == 1 then
    value = { value }
    for _ = 1, math.random(0, 3) do
      value[#value + 1] = pick(values[field])
    end
  end
  return { field, math.random(3) == 1 and "!=" or "=", value }
end

local function random_filter(depth)
  local what = depth > 0 and math.random(6) or 1
  if what <= 2 then
    return random_condition()
  elseif what == 3 then
    return { "not", random_filter(depth - 1) }
  end
  local filter = { what == 4 and "or" or "and" }
  for _ = 1, math.random(1, 3) do
    filter[#filter + 1] = random_filter(depth - 1)
  end
  return filter
end

local function show(value)
  if type(value) ~= "table" then
    return string.format("%q", value)
  end
  local parts = {}
  for i, item in ipairs(value) do
    parts[i] = show(item)
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

-- Does it name the protocol, by `=`, wherever in the filter?
local function names_protocol(filter, proto)
  if filter[1] == "proto" then
    local values_named = type(filter[3]) == "table" and filter[3] or { filter[3] }
    return filter[2] == "=" and any_of({ proto = proto }, "proto", values_named)
  end
  local inner = filter[1] == "and" or filter[1] == "or" or filter[1] == "not"
  for i = 2, inner and #filter or 0 do
    if names_protocol(filter[i], proto) then
      return true
    end
  end
  return false
end

-- Tcp and udp are meant by any filter, other protocols by one that names them.
local function meant_by(filter)
  return setmetatable({ tcp = true, udp = true }, { __index = function(memo, proto)
    memo[proto] = names_protocol(filter, proto)
    return memo[proto]
  end })
end

local function matching(filter, rows)
  local ids, meant = {}, meant_by(filter)
  for _, row in ipairs(rows) do
    if meant[row.proto] and holds(filter, row) then
      ids[#ids + 1] = row.id
    end
  end
  table.sort(ids)
  return ids
end

local function listed(q)
  local ids = {}
  for _, s in ipairs(q:list()) do
    ids[#ids + 1] = identity(s)
  end
  table.sort(ids)
  return ids
end

TestFilters = {}

-- Sockets in time-wait leave after a minute.
local at_first = snapshot()

-- How the filter's answer differs from the evaluator's, or nil and how many rows there are.
local function difference(filter, rows, whole)
  local q = sockets(filter)
  local expected = matching(filter, rows)
  local n = q:count()
  if n ~= #expected then
    return string.format("counted %d, expected %d", n, #expected)
  elseif whole and table.concat(listed(q), " ") ~= table.concat(expected, " ") then
    return "other rows than expected"
  end
  return nil, n
end

function TestFilters:test_evaluator()
  lu.assertTrue(in_prefix("::ffff:10.0.0.1", "10.0.0.0/8"))
  lu.assertTrue(in_prefix("10.0.0.1", "::ffff:10.0.0.0/104"))
  lu.assertFalse(in_prefix("10.0.0.1", "::/0"))
  lu.assertFalse(in_prefix("::1", "0.0.0.0/0"))
  lu.assertTrue(in_prefix("::ffff:0.0.0.0", "::/80"))
  lu.assertFalse(in_prefix("fd00::1", "fd00::2/127"))
  lu.assertTrue(holds({ "mark", "=", "4/6" }, { mark = 5 }))
  lu.assertFalse(holds({ "mark", "!=", 5 }, {}))
  lu.assertTrue(holds({ "not", { "mark", "=", 5 } }, {}))
  lu.assertTrue(holds({ "mark", "=", { 5, false } }, {}))
end

function TestFilters:test_random_filters()
  math.randomseed(SEED)
  local rows, anew, some, programs, exact = at_first, 0, 0, 0, 0
  for i = 1, FILTERS do
    local filter = random_filter(3)
    local wrong, n = difference(filter, rows, i % 8 == 0)
    if wrong then
      -- a socket may have changed its state meanwhile: look once more
      rows, anew = snapshot(), anew + 1
      wrong, n = difference(filter, rows, true)
    end
    if wrong then
      lu.fail(string.format("CONNSH_SEED=%d, filter %d: %s: %s", SEED, i, show(filter), wrong))
    end
    some = some + (n > 0 and n < #rows and 1 or 0)
    if i % 16 == 0 then
      local text = sockets(filter):explain()
      programs = programs + (text:find("filtered by a program", 1, true) and 1 or 0)
      exact = exact + (text:find("passes exactly", 1, true) and 1 or 0)
    end
  end
  lu.assertTrue(anew < 20, "the list was read anew too often: " .. anew)
  lu.assertTrue(some > FILTERS / 4, "too few filters select something: " .. some)
  lu.assertTrue(programs > FILTERS / 64, "too few programs: " .. programs)
  lu.assertTrue(exact > FILTERS / 64, "too few exact ones: " .. exact)
end

-- Each kind of row that the filters are about must be there, or they prove nothing.
function TestFilters:test_rows_of_every_kind()
  local function have(filter)
    lu.assertTrue(#matching(filter, at_first) > 0, "no socket for " .. show(filter))
  end
  for _, state in ipairs(values.state) do
    have({ "state", "=", state })
  end
  have({ "laddr", "=", "::ffff:0:0/96" })
  have({ "and", { "family", "=", "inet6" }, { "laddr", "=", "127.0.0.0/8" } })
  have({ "and", { "dev", "=", "lo" }, { "proto", "=", "udp" } })
  have({ "and", { "mark", "=", 2147483647 }, { "state", "=", "listen" } })
  have({ "and", { "mark", "=", 5 }, { "state", "=", { "time-wait", "syn-recv" } } })
  have({ "mark", "=", 1073741824 })
  for _, proto in ipairs({ "udplite", "raw", "mptcp" }) do
    have({ "proto", "=", proto })
  end
  have({ "cgroup_id", "=", false })
  if gone_index then
    have({ "dev", "=", "if" .. gone_index })
    lu.assertEquals(count { dev = "if" .. gone_index }, count { dev_index = gone_index })
  end
end

S.main()
