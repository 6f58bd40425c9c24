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
    printf '%s\n' 'hosts: files' 'services: files' >/mnt/nsswitch.conf
    for file in hosts services nsswitch.conf; do
      mount --bind /mnt/$file /etc/$file || exit 1
    done
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
  raw_ = { { "0.0.0.0", "[::]", "[::/0]", "*:1", ":58", "0/0", ":89", "0/0:1" },
    { "1", "58", "89", "0", "255", "256", "*", "17" } },
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
  lu.assertTrue(telling > n // 20, name .. ": only " .. telling .. " of them tell rows apart")
end

-- Forms of each kind, good ones and bad ones.
local forms = {
  tcp = [[
dev lo
dev = lo
dev != nope
dev = 99
dev = 0x1
dev > 1
fwmark 1
fwmark = 1/x
fwmark = x
fwmark = 0x10/0xff
fwmark = 010
fwmark = 1/
fwmark = 5x
src != 1.2.3.4
src > 1.2.3.4
src = 127.0.0.1
src == 127.0.0.1
src eq 127.0.0.1
sport 80
sport = 80 90
sport = 80 state established
src 1.2.3.4 state established
( sport = 80
sport = 80 )
or sport = 80
sport = 80 or
not
not not sport = 80
autobound autobound
autobound 80
zork
80
src ::1
src [::1
src [::1]x
src [::1]:
src
src 1.2.3.4:
src 1.2.3.4/33
src 1.2.3.4/x
src 1.2.3.4:nosuch
sport = nosuch
sport = 70000
sport = 0x50
sport = 080
sport = :80
sport = *:80
sport = 127.0.0.1:80
sport = *
sport =
sport = :
sport = http
sport = 99999999999
sport = 80
sport = \80
sport = 80
sport = a\ b
src nosuch.invalid
src localhost
src localhost:80
src 1.2.3.4.5
src 300.1.1.1
src 127
src 127/8
src 127.0/16:80
src /8
src */8
src *:*
src *
src any
src default
src all
src inet:127.0.0.1
src INET:127.0.0.1
src inet6:127.0.0.1
src inet6:::1
src inet6:[::1]
src inet:[::1]
src unix:foo
src link:ip:lo
src link:zork:lo
src link:ip:zork
src link:ip
src link:lo
src link:
src link:*
src link:*:lo
src netlink:route:1
src netlink:zork:1
src netlink:route:kernel
src netlink:route:zork
src netlink:0
src netlink:route
src vsock:1:2
src vsock:x:2
src vsock:1
src vsock:1:x
src vsock:*:*
src tipc:1
src xdp:1
src foo:1
dst = unix:foo sport = 80
sport = unix:foo
sport = -1
sport = -5
sport lt -5
sport gt -5
sport ge -1
sport lt 70000
sport gt 70000
sport le 70000
sport ge 70000
sport lt 65616
sport ge *
sport le *
sport lt *
sport gt *
sport != *
not sport ge *
sport = *x
sport = *zork
sport = :*
sport = :http
sport = ::http
sport = ::80
sport = any
sport = any:80
sport = [80]
sport = [::1]:80
sport = 4294967376
sport = 2147483728
sport = 0x100000050
sport = 80x
sport = +80
src :80
src :-1
src :http
src *:http
src any:80
src any/0:80
src all/8
src default:80
src *80
src *:80:80
src 127.0.0.1:80:80
src 127.0.0.1/8/8
src 127.0.0.1/255.0.0.0
src 127.0.0.1/0
src 127.0.0.1/0x8
src 127.0.0.1/08
src 127.0.0.1/+8
src 127.0.0.1/-1
src 127.0.0.1/
src 127.1
src 127.0.0.1.
src 127.
src 0x7f.0.0.1
src 0177.0.0.1
src localhost/8
src [::1]:80
src [::1/64]:80
src [::1]/64
src ::/0
src ::1/128
src 1::/16
src fe80::1
src fe80::1/64
src fe80::1/64:80
src [::1/129]
src [::1%lo]
src [127.0.0.1]:80
src [127.0.0.1/8]:80
src []:80
src [*]:80
src inet:*:80
src inet6:*:80
src inet6::80
src inet::80
src inet:
src inet6:any
src inet6:0/0
src inet:inet:127.0.0.1
dev = -1
dev = lo:
dev = 0
dev = 1x
dev = 00
dev = 99999999999
dev = 4294967297
fwmark = -1
fwmark = 1/ 2
fwmark = 1/2x
fwmark = 1x/2
fwmark = 0xffffffff
fwmark = 4294967296
fwmark = 0x
fwmark = +1
fwmark = 0/0
fwmark = 1/0
dev
dev =
not (sport = 80)
( sport = 80 ) or sport = 81
( sport = 80 ) ( sport = 81 )
not ( sport = 80 ) ( sport = 80 )
! sport = 80 & dport = 80
sport = 80 && || sport = 80
sport = 80 and not sport = 80
sport = 80 or not sport = 80
sport = 80 not sport = 80
sport = 80 not dport = 80
SPORT = 80
sport EQ 80
src = src
= 80
()
( )
src multi
src multi dev = 0
not src multi
src mix
src mix dev 0
src two
src two:81
src [two]:80
src inet6:multi
src inet:multi
src six
src nosuch.invalid:nosuch
src inet6:*:80 or src inet:*:81
src inet:*:81 or src inet6:*:80
src inet6:any:80 or src inet:*:81
src inet6:[::1] or src inet:*:81
src inet:*:81 src unix:foo
src 0.0.0.0/0
not src 0.0.0.0/0
src 0.0.0.0
not src 0.0.0.0
src 0.0.0.0 dev 0
src [::/0]
not src [::/0]
src [7f00:1::/24] dev 0
src [7f00:1::] dev 0
src [7f00:0001::]
not src [7f00:0001::]
src [::/0] dev 0
src 0.0.0.0/0 dev 0
sport = \
sport = \
src \
dev = \
sport = time
sport = syslog
sport = who
sport = amb
autobound zork
autobound = 1
sport ge http
( ( sport = 80 ) or ( sport = 81 ) )
src \[::1\]:80
src :
src [::1/64]
src [/64]
src [::ffff:1.2.3.4/96]
src [1.2.3.4/255.255.0.0]
src 1.2.3.4/255.0.255.0
src [::1/ffff::]
src 1.2.3.4/32:
src 10/8
src 10./8
src 0x/8
src 1.2.3.4/32x
src 1.2.3.4/0x20
src ::ffff:1.2.3.4/128
src ''
src \
src a.b
src 1.2.3.256
src 1.2.3.-1
src 1..2
src .1
src +1.2.3.4
src 1.2.3.4 :80
fwmark = /1
fwmark = 08
fwmark = 1/08
fwmark = -1/0xff
fwmark = 99999999999999999999
fwmark = 0xg
not or
sport
sport =
sport = =
sport not 80
sport ! = 80
dst not 1.1.1.1
dev == lo
dev eq lo
dev ne lo
dev lt lo
fwmark ge 1
autobound or
not autobound and ( sport = 80
state established sport = 80
dev = if1
dev = if7
dev = alt0
dev = ''
src [::1]:80 dev = \lo
]],
  tcp4 = [[
src [::1]
src mix
]],
  tcp6 = [[
src 127.0.0.1
src localhost
src mix
src multi
]],
  udp = [[
sport = syslog
sport = shell
sport = amb
]],
  x = [[
sport = http
sport = 5
src 5
src *foo
src *FOO*
not src *FOO*
src unix:*Foo*
src @abs*
src ?abs
src *
src unix:
dst unix:
dst *
dst ''
dst foo
dst @*
autobound
not autobound
dev = 0
dev = lo
fwmark = 0
sport ge 0
sport le 0
sport != zork
]],
  unix = [[
src 0.0.0.0/0
src 0.0.0.0
dst 0.0.0.0
dst [::]
dst [::1]
src [::]
src 127.0.0.1
sport gt 1000
dport = 5
dport = 0
src inet:*
]],
  link = [[
sport = http
src *x
src *x:lo
sport = *x
src ip:*x
src ip:
src ip
src ip:lo
src *:lo
src :lo
src :1
src :99
src :zork
sport = lo
sport = 1
sport = ip
sport = *
sport != lo
sport = 99
sport = :lo
sport = ip:lo
sport ge lo
src arp
src all
src ALL
src *
src 3
src 0x800
src [800]
src [2048]
src 2048
src 0
dst ip
dst *
dst 0
dst :0
dst :lo
dport = lo
dport le lo
autobound
not autobound
dev = lo
dev = 0
dev != lo
fwmark 0
src link:ip:if1
src ip:lo:lo
src 802.1Q
src 65536
src 65535
src 0x10800
src -1
src ip/3
src [ip]:lo
src :00
src :-1
src :0x1
src :4294967297
src :2147483649
]],
  packet = [[
src 0.0.0.0
src 3.0.0.0
src 0.8.0.0
src 0.0.0.3
sport = 1
sport = 0
sport gt 0
dst 0.0.0.0
dport = 0
src [::]
src [300::]
]],
  nl = [[
src *x
src rtnl:
sport = *x
src rtnl
src RTNL
src 0
src 4
src 0x4
src tcpdiag:kernel
src tcpdiag:0
src tcpdiag:lo
src :kernel
src *:kernel
src *
src :init
src :1x
sport = kernel
sport != kernel
sport gt 0
sport gt kernel
sport ge *
sport = rtnl
sport = :0
sport = 4294967295
sport = -1
dst rtnl
dst tcpdiag
dst *
dst :0
dport = 0
dport = *
dport = kernel
dport lt 0
dport le -1
autobound
dev = 0
dev = lo
fwmark = 0
fwmark = 1
src 1:2:3
src [4]
src [4]:0
src 99
src 4/3
]],
  netlink = [[
src rtnl
src 0.0.0.0
src 4.0.0.0
dst 0.0.0.0
dport = 0
sport = 0
sport = http
]],
}

-- Tabs, and forms that end with a blank, which a list of lines does not show.
forms.tcp = forms.tcp .. "sport\t=\t80\n \nsport = \\ \nsrc \\ \n"

function TestFilter.test_forms()
  local n = 0
  for name, text in pairs(forms) do
    for form in text:gmatch("([^\n]*)\n") do
      check(name, { form })
      n = n + 1
    end
  end
  lu.assertTrue(n > 300, "only " .. n .. " forms")
end

function TestFilter.test_words_and_states()
  for _, words in ipairs {
    { "sport", "=", "80" }, { "sport = 80", "or sport = 8080" }, { "(", "sport = 80", ")" },
    { "sport =", "80" }, { "state", "established" }, { "state", "ESTABLISHED", "sport = :80" },
    { "state", "established", "state", "time-wait" }, { "exclude", "listening" },
    { "excl", "listening", "exclude", "established" }, { "state", "all", "exclude", "connected" },
    { "exclude", "established", "state", "established" }, { "state", "bucket" },
    { "state", "synchronized" }, { "state", "big" }, { "state", "connected", "dport = 80" },
    { "state", "unconnected" }, { "state", "closed" }, { "state", "close" }, { "state", "syn-rcv" },
    { "state" }, { "exclude" }, { "state", "listen" }, { "state", "estab" }, { "state", "" },
    { "state", "established", "state" }, { "state established" }, { "state", "established sport" },
    { "sport = 80", "state", "established" }, { "src 127.0.0.1", "exclude", "listening" },
    { "state", "listening", "not", "(", "sport = 80", "|", "sport = 8080", ")" },
  } do
    check("tcp", words)
  end
  check("udp", { "state", "unconnected" })
  check("x", { "state", "listening", "src *" })
end

-- Tokens in any order: what is refused, with which words, and what the rest selects.
function TestFilter.test_any_tokens()
  math.randomseed(SEED)
  local tokens = { "(", ")", "not", "and", "or", "!", "|", "=", "!=", ">", "le", "src", "dst",
    "sport", "dport", "dev", "fwmark", "autobound", "80", "lo", "127.0.0.1", "7", "[::1]:80", "0/0",
    "unix:a", "link:ip", "inet6:*", "zork", "sport = 80", "not src 127/8", "src 0/0", "\\", "state",
    "1/x", ":80", "dport = 80 )", "( autobound" }
  local refused = 0
  for _ = 1, EXPRESSIONS do
    local words, own = {}, true
    for i = 1, random(1, 5) do
      words[i] = one(tokens)
      own = own and not words[i]:find("^unix")
    end
    -- an expression of several families makes ss read addresses as pointers
    if own and not check("tcp", words) then
      refused = refused + 1
    end
    -- what people write may be wrong in any way, never an error of ours
    local text = table.concat(words, " ")
    local condition, message = ss_filter.words(text)
    lu.assertTrue((condition == nil) ~= (message == nil), text)
  end
  lu.assertTrue(refused > EXPRESSIONS // 2 and refused < EXPRESSIONS, refused)
end

-- Where no kernel runs a program the row's own test is all: texts of /proc, and dumps in files.
function TestFilter.test_without_program()
  math.randomseed(SEED)
  local dump = S.temporary()
  assert(S.run({ "ss", "-taD", dump }).code == 0)
  local sources = {
    { PROC_NET_TCP = "/proc/net/tcp", PROC_NET_TCP6 = "/proc/net/tcp6" },
    { TCPDIAG_FILE = dump },
  }
  local telling, whole = 0, 0
  for i = 1, 80 do
    local words = { "-Htan", i > 2 and expression("tcp", random(0, 2)) or "sport ge 0" }
    local env = sources[i % 2 + 1]
    local theirs = S.run({ "ss", table.unpack(words) }, { env = env })
    local ours = S.connsh("ss", words[1], words[2], { env = env })
    lu.assertEquals(ours.code, theirs.code, words[2])
    lu.assertEquals(ours.out, theirs.out, words[2] .. (i % 2 == 0 and " /proc" or " dump"))
    whole = math.max(whole, #theirs.out)
    telling = telling + (#theirs.out > 0 and #theirs.out < whole and 1 or 0)
  end
  lu.assertTrue(telling > 15, "only " .. telling .. " tell rows apart")
end

-- ss -F: lines behind the words, without comments and those that begin with 0.
function TestFilter.test_file()
  for _, text in ipairs {
    "sport = 80\n", "sport = 80", "# no\n0 no\nsport = 80\n", "sport =\n80\n", "\n\nsport = 80\n\n",
    " # no\nsport = 80\n", "sport = 80\nor sport = 8080\n", "sport = 80\r\n", "",
    "sport = 80" .. (" "):rep(1011) .. "\n", "sport = 80" .. (" "):rep(1012) .. "\n",
    "sport = 80" .. (" "):rep(1012), "sport = 80" .. (" "):rep(1013), "state established\n",
  } do
    local path = S.temporary(text)
    local lines, refusal = ss_filter.file_words(text)
    local f
    if lines then
      f, refusal = ss_filter.new { words = { "dport", "=", "80", "or" }, more = lines,
        tables = { tcp = true } }
    end
    -- the words of the command line come first
    local theirs, result = listed("tcp", { "-F", path, "dport = 80 or" })
    if f then
      lu.assertEquals(result.code, 0, text)
      lu.assertEquals(keys_of("tcp", sockets { proto = "tcp", f:conditions("inet") }), theirs)
    else
      lu.assertEquals(result.code, refusal.code, text)
      lu.assertStrContains(result.err, refusal.text)
    end
  end
end

-- A cgroup that is there, by both paths; none is a refusal.
function TestFilter.test_cgroup()
  local mount = S.read_file("/proc/self/mountinfo"):match("[^\n]- (/%S*) [^\n]- %- cgroup2 ")
  if not mount then
    S.skip("cgroup v2 is not mounted here")
  end
  for _, form in ipairs { "cgroup = " .. mount, "cgroup " .. mount, "not cgroup " .. mount,
    "cgroup != " .. mount, "cgroup = .", "cgroup /nosuch", "cgroup nosuch", "cgroup /tmp",
    "cgroup lt /", "sport = 80 or cgroup " .. mount } do
    check("tcp", { form })
    check("x", { form })
  end
end

-- A program that the kernel runs, whichever way it is put: the rows are those of ss when a port
-- was chosen by bind(2), and when a kernel gives no program any row passes that the row's own
-- test passes.
function TestFilter.test_autobound_is_both()
  local f = ss_filter.new { words = { "autobound" }, tables = { tcp = true } }
  local c = f:conditions("inet")
  lu.assertEquals(c[1], "and")
  lu.assertEquals(c[3], { "kernel", { "autobound", "=", true } })
  check("tcp", { "autobound" })
  check("tcp", { "not autobound" })
  check("tcp", { "autobound dev 0" })
  check("tcp", { "not ( autobound or sport = 80 )" })
end

for name in pairs(tables) do
  TestFilter["test_random_" .. name] = function()
    run_random(name, name == "tcp" and EXPRESSIONS or EXPRESSIONS // 6)
  end
end

S.main()
