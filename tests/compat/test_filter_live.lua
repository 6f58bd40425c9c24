-- The filters of ss: what the installed ss lists under an expression against what the conditions of
-- ss_filter select, over many sockets of all kinds. Expressions are drawn from the grammar.
-- luacheck: globals sockets links limits connsh count

local lu = require("luaunit")
local S = require("support")

local SEED = math.tointeger(tonumber(os.getenv("CONNSH_SEED"))) or 20250117
local EXPRESSIONS = math.tointeger(tonumber(os.getenv("CONNSH_EXPRESSIONS"))) or 260

-- A table of services and of hosts that are the same everywhere, in a mount namespace of our own.
local function with_own_files()
  if os.getenv("CONNSH_OWN_FILES") or S.run({ "unshare", "-m", "true" }).code ~= 0 then
    return
  end
  local words = { "CONNSH_OWN_FILES=1 exec unshare -m sh -c", S.sh_quote [[
    mount -t tmpfs none /mnt || exit 1
    printf '%s\n' '127.0.0.1 localhost' '127.0.0.2 multi' '127.0.0.1 multi' '::1 multi' \
      'fd00::1 six6' >/mnt/hosts
    printf '%s\n' 'http 80/tcp' 'http 80/udp' 'both 8090/tcp' 'both 8093/udp' 'only 8092/udp' \
      >/mnt/services
    mount --bind /mnt/hosts /etc/hosts && mount --bind /mnt/services /etc/services || exit 1
    exec "$@"]], "sh", S.sh_quote(S.connsh_path()) }
  for i = 0, #arg do
    words[#words + 1] = S.sh_quote(arg[i])
  end
  local _, how, number = os.execute(table.concat(words, " "))
  os.exit(how == "signal" and 128 + number or number)
end

if not os.getenv("SOCKMAKER_PID") then
  with_own_files()
end

local directory = os.getenv("FILTER_UNIX") or os.tmpname()
local paths = directory .. ".d"

local function specs()
  os.remove(directory)
  assert(os.execute("mkdir -p " .. paths))
  local list = {
    "addr", "fd00::1/64", "addr", "10.1.2.3/8", "addr", "7f00:1::/64",
    "listen=127.0.0.1:80", "listen=127.0.0.2:80", "listen=[::1]:80", "listen=*:8080",
    "listen6only=[::]:8081", "listen=[::ffff:127.0.0.1]:8082", "listen=0.0.0.0:8083",
    "listen=[fd00::1]:8084", "listen=10.1.2.3:8085", "listen=[7f00:1::]:8086",
    "conn=127.0.0.1:80*2", "conn=127.0.0.1:80,from=127.0.0.1:50001", "conn=[::1]:80",
    "conn=127.0.0.1:8080,from=127.0.0.3:1024", "conn=[fd00::1]:8084",
    "listen=127.0.0.1:40000", "conn=127.0.0.1:40000", "conn=10.1.2.3:8085",
    "listen=127.0.0.1:8090,mark=5", "conn=127.0.0.1:8090,mark=16",
    "listen=127.0.0.1:8091,dev=lo", "conn=127.0.0.1:8091,dev=lo,mark=7",
    "state=syn-sent,addr=127.0.0.1:9301", "state=time-wait,addr=127.0.0.1:9302",
    "state=fin-wait-2,addr=127.0.0.1:9303", "state=close-wait,addr=[::1]:9304",
    "udp=127.0.0.1:8092", "udpconn=127.0.0.1:8093", "udp=[::1]:8093,dev=lo", "udp=0.0.0.0:40001",
    "udp=[::]:65535", "udpconn=[::ffff:127.0.0.1]:8094,mark=3",
    "raw=icmp", "raw=89", "raw6=58",
    "unix=" .. paths .. "/Foo.sock", "unix=@abs", "unix=@00abc", "unix=pair*2", "unix=@[x]*",
    "packet=ip,dev=lo", "packet=arp", "packet=all", "packet=0,dev=lo", "packet",
    "netlink=route", "netlink=generic", "netlink=route,groups=1",
  }
  return list
end

S.inside(os.getenv("SOCKMAKER_PID") and {} or specs())

local ss_filter = require("ss_filter")

-- ---- the two lists ----------------------------------------------------------------------------

-- What tells the sockets of each table apart in what ss prints, and here.
local tables = {
  tcp = { ss = { "-t" }, kind = "inet", mark = "sk:(%x+)" },
  udp = { ss = { "-u" }, kind = "inet", mark = "sk:(%x+)" },
  raw = { ss = { "-w" }, kind = "raw" },
  unix = { ss = { "-A", "unix" }, kind = "unix" },
  x = { ss = { "-x" }, kind = "unix", proto = "unix", family = "unix" },
  packet = { ss = { "-A", "packet" }, kind = "packet", mark = "sk:(%x+)" },
  link = { ss = { "-0" }, kind = "packet", proto = "packet", family = "link",
    mark = "sk:(%x+)" },
  netlink = { ss = { "-A", "netlink" }, kind = "netlink" },
  nl = { ss = { "-f", "netlink" }, kind = "netlink", proto = "netlink", family = "netlink" },
  tcp4 = { ss = { "-t4" }, kind = "inet", proto = "tcp", family = "inet", mark = "sk:(%x+)" },
  tcp6 = { ss = { "-t6" }, kind = "inet", proto = "tcp", family = "inet6", mark = "sk:(%x+)" },
}

-- Sockets that a look itself makes and ends: of sock_diag, with a port.
local function passing(protocol, port)
  return protocol == "4" and port ~= "0"
end

-- The kernel lists a netlink socket with groups twice, and ss prints it so.
local function sorted_once(keys)
  local out = {}
  table.sort(keys)
  for _, key in ipairs(keys) do
    if key ~= out[#out] then
      out[#out + 1] = key
    end
  end
  return out
end

local function listed(name, words)
  local t = tables[name]
  local command = { "ss", "-Hane" }
  table.move(t.ss, 1, #t.ss, #command + 1, command)
  table.move(words, 1, #words, #command + 1, command)
  local result = S.run(command)
  local keys = {}
  for line in result.out:gmatch("[^\n]+") do
    local key
    if t.kind == "netlink" then
      local protocol, port = line:match(" (%d+):(%-?%d+) ")
      key = protocol and not passing(protocol, port) and protocol .. ":" .. port or nil
    elseif t.kind == "raw" then
      local address, number = line:match("^%S+ +%S+ +%S+ +(%S+):(%d+) ")
      key = address:gsub("[][]", ""):gsub("^::$", "*") .. " " .. number
    elseif t.kind == "unix" then
      key = line:match("^.* (%d+) +%* +%d+ ")
    else
      key = line:match(t.mark)
    end
    keys[#keys + 1] = key
  end
  return sorted_once(keys), result
end

-- Rows show their protocol by its name: the numbers of all names that there are.
local netlink_numbers = {}
for number = 0, 31 do
  local s = sockets { proto = "netlink", protocol = tostring(number) }:first()
  if s then
    netlink_numbers[s.protocol] = number
  end
end

local function raw_number(s)
  for number = 0, 255 do
    if #sockets { proto = "raw", protocol = tostring(number), inode = s.inode } > 0 then
      return number
    end
  end
end

local function keys_of(name, query)
  local t, keys = tables[name], {}
  for _, s in ipairs(query:list()) do
    local key
    if t.kind == "netlink" then
      local number = netlink_numbers[s.protocol]
      local port = s.port_id > 0x7fffffff and s.port_id - 0x100000000 or s.port_id
      key = not passing(tostring(number), tostring(port)) and number .. ":" .. port or nil
    elseif t.kind == "raw" then
      key = s.laddr:gsub("^::$", "*") .. " " .. raw_number(s)
    elseif t.kind == "unix" then
      key = tostring(s.inode)
    else
      key = string.format("%x", s.cookie)
    end
    keys[#keys + 1] = key
  end
  return sorted_once(keys)
end

local state_names = { "established", "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2",
  "time-wait", "close", "close-wait", "last-ack", "listen", "closing" }

-- The rows that a filter of this table selects, nil and the refusal.
local function selected(name, words)
  local t = tables[name]
  local proto = t.proto or name
  local f, refusal = ss_filter.new { words = words, tables = { [proto] = true },
    family = t.family }
  if not f then
    return nil, refusal
  end
  local family = f.family or t.family
  local families = { inet = "inet", inet6 = "inet" }
  local own = t.kind == "raw" and "inet" or t.kind == "packet" and "link" or t.kind
  if family and (families[family] or family) ~= own then
    return {} -- other tables than this one
  end
  local query = sockets { proto = proto, ordered = true }
  if own == "inet" and family then
    query = query { family = family }
  end
  if f.states then
    local list = {}
    for state in pairs(f.states) do
      list[#list + 1] = state_names[state]
    end
    query = query { state = list }
  end
  local conditions = f:conditions(t.kind)
  if t.kind == "unix" then
    query = query { inode = true }
  end
  return keys_of(name, conditions and query:where { conditions } or query)
end

local function check(name, words)
  local ours, refusal = selected(name, words)
  local theirs, result = listed(name, words)
  local what = "ss " .. table.concat(tables[name].ss, " ") .. " " .. table.concat(words, " ")
  if refusal then
    lu.assertEquals(result.code, refusal.code, what)
    -- ss says more: what it could not ask of the kernel, its usage
    lu.assertStrContains(result.err, refusal.text, false, false, what)
    lu.assertEquals(refusal.usage or false, result.err:find("\nUsage: ss", 1, true) ~= nil, what)
    return false
  end
  lu.assertEquals(result.code, 0, what .. ": " .. result.err)
  lu.assertEquals(ours, theirs, what .. " " .. tostring(#ours) .. " " .. tostring(#theirs))
  return true, #ours
end

-- ---- expressions ------------------------------------------------------------------------------

local random = math.random

local function one(list)
  return list[random(#list)]
end

local orders = { "=", "==", "eq", "!=", "ne", "neq", ">", "gt", "<", "lt", ">=", "ge", "geq", "<=",
  "le", "leq", "" }
local ports = { "80", ":80", "http", "8080", "8090", "8092", "0", "1", "1024", "32768", "40000",
  "50001", "60999", "65535", "65536", "70000", "0x1f90", "020", "*", "8093", "9302" }
local hosts = { "127.0.0.1", "127.0.0.0/8", "127/8", "127.0.0.2:80", "*:80", ":8090", "*", "any",
  "0.0.0.0/0", "0.0.0.0", "0/1", "10.1.2.3", "10/7:8085", "[::1]", "[::1]:80", "[::]", "[::/0]",
  "[::/1]", "[fd00::/16]", "[fd00::1]:8084", "[::ffff:127.0.0.1]", "[::ffff:0.0.0.0/96]:8082",
  "[::ffff:0:0/95]", "[7f00:1::]", "[7f00:1::/24]", "127.0.0.1:http", "localhost", "multi",
  "multi:80", "six6", "127.0.0.1:*", "default:8091", "fd00::/8", "[0:0:0:1::/64]", "127.0.0.3/31" }
local devices = { "lo", "0", "1", "7", "if1" }
local marks = { "0", "5", "7", "16", "0x10/0x10", "1/1", "5/7", "0/0", "0/1", "3/1" }
local patterns = { "*", "*foo*", "*FOO.SOCK", "@abs", "@ABS", "@a[a-c]s", "@00*", "", "?abs",
  "@\\\\[x]*", "@[[]x]?", "*[!k]", "/*", "unix:@*", "[@/]*[[:alpha:]]" }

local links_hosts = { "ip", "ip:lo", "*:lo", "arp", "ALL", ":lo", "*", "3", "0x806", "0", "link:ip",
  ":0", ":7", "ip:" }
local netlink_hosts = { "rtnl", "0", "genl", "16:kernel", ":kernel", "*", "tcpdiag:0", "99",
  "nft:0", "netlink:uevent" }
-- What ss compares where there are no addresses: numbers in their place, as they lie in memory.
local number_hosts = { "3.0.0.0", "0.8.0.0", "8.6/16", "0.0.0.0", "0.0.0.0/0", "[300::]", "0/7",
  "16.0.0.0", "[::]", "*:1", ":0", "6/8", "[600::/127]" }

local operands = {
  unix = { patterns, patterns },
  link = { links_hosts, { "lo", "0", "1", "*", ":lo", "9" } },
  netlink = { netlink_hosts, { "kernel", "0", "*", "1", ":5" } },
  packet_ = { number_hosts, { "0", "1", "2", "*" } },
  netlink_ = { number_hosts, { "0", "1", "*", "32768" } },
  -- a prefix that is short of 32 bits is compared with where the name lies in the memory of ss
  unix_ = { { "0.0.0.0", "127.0.0.1", "[::]", "[::1]", "*", "0/0", ":0" }, ports },
  raw_ = { hosts, { "1", "58", "89", "0", "255", "256", "*", "17" } },
}

local function operand(name, which)
  local list = operands[tables[name].family] or operands[name .. "_"]
  return one(list and list[which] or which == 1 and hosts or ports)
end

local simple = {
  function(name)
    return one { "src", "dst" } .. one { " ", " = ", " eq " } .. operand(name, 1)
  end,
  function(name)
    return one { "sport", "dport" } .. " " .. one(orders) .. " " .. operand(name, 2)
  end,
  function() return "dev " .. one { "", "= ", "!= " } .. one(devices) end,
  function() return "fwmark " .. one { "", "= ", "!= " } .. one(marks) end,
  function() return "autobound" end,
}

local function predicate(name)
  local n = random(10)
  return simple[n <= 4 and 1 or n <= 7 and 2 or n - 5](name)
end

local function expression(name, depth)
  if depth == 0 then
    return predicate(name)
  end
  local n = random(10)
  if n <= 2 then
    return one { "not ", "! " } .. expression(name, 0)
  elseif n <= 4 then
    return one { "", "not " } .. "( " .. expression(name, depth - 1) .. " )"
  elseif n <= 9 then
    return expression(name, depth - 1) .. one { " or ", " | ", " || ", " and ", " & ", " && ", " " }
      .. expression(name, random(0, 1))
  end
  return predicate(name)
end

TestFilter = {}

-- Does the test see both kinds of rows: an expression that selects all or none shows little.
local function run_random(name, n)
  math.randomseed(SEED, #name)
  local whole, telling = #listed(name, {}), 0
  for _ = 1, n do
    local words = { expression(name, random(0, 3)) }
    local good, count = check(name, words)
    if good and count > 0 and count < whole then
      telling = telling + 1
    end
  end
  lu.assertTrue(telling > (name == "raw" and 0 or n // 20), name .. ": only " .. telling .. " of them tell rows apart")
end

for name in pairs(tables) do
  TestFilter["test_random_" .. name] = function()
    run_random(name, name == "tcp" and EXPRESSIONS or EXPRESSIONS // 6)
  end
end

S.main()
