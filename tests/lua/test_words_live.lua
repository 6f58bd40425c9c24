-- Texts in the words of ss as conditions: sockets"...", count"...", q:where"...", and what they
-- stand on: autobound, {"kernel", ...}, names of hosts, services and cgroups.
-- luacheck: globals sockets links count connsh

local lu = require("luaunit")
local S = require("support")

S.inside {
  "addr", "fd00::1/64",
  "listen=127.0.0.1:80", "listen=127.0.0.2:81", "listen=[::1]:80", "listen=*:8080",
  "conn=127.0.0.1:80*3", "conn=127.0.0.1:80,from=127.0.0.1:50001", "conn=127.0.0.1:8080,mark=7",
  "conn=[::1]:80,dev=lo", "state=time-wait,addr=127.0.0.1:9302,mark=5",
  "udp=127.0.0.1:53", "udpconn=127.0.0.1:8093",
  "unix=@words", "unix=@other", "unix=pair", "packet=ip,dev=lo", "packet=arp", "netlink=route",
}

TestWords = {}

local function keys(query)
  local out = {}
  for s in query do
    out[#out + 1] = s.proto .. " " .. (s.cookie or s.inode)
  end
  table.sort(out)
  return out
end

-- What the text selects is what the table selects, and not nothing.
local function same(text, condition)
  local ours, theirs = keys(sockets(text)), keys(sockets(condition))
  lu.assertTrue(#theirs > 0, text .. ": the table selects nothing")
  lu.assertEquals(ours, theirs, text)
end

function TestWords:test_meanings()
  for text, condition in pairs {
    ["state established sport = :80"] = { state = "established", lport = 80 },
    ["state established state time-wait"] = { state = { "established", "time-wait" } },
    ["state all exclude listening"] = { { "state", "!=", "listen" } },
    ["exclude connected"] = { state = { "close", "listen" } },
    ["state bucket"] = { state = { "syn-recv", "time-wait" } },
    ["sport=80 and state ESTAB"] = { state = "established", lport = 80 },
    ["sport = http"] = { lport = 80 },
    ["dport >= 8080 and dport lt 9000"] = { { "rport", ">=", 8080 }, { "rport", "<", 9000 } },
    ["sport = 1024-65535"] = { lport = "1024-65535" },
    ["sport 0x50"] = { lport = 80 },
    ["src 127.0.0.2"] = { laddr = "127.0.0.2" },
    ["src != 127/8"] = { { "laddr", "!=", "127.0.0.0/8" } },
    ["src ::1"] = { laddr = "::1" },
    ["src [::1]:80"] = { laddr = "::1", lport = 80 },
    ["src ::1/128 dst *:80"] = { laddr = "::1", rport = 80 },
    ["src inet6:*:80"] = { family = "inet6", lport = 80 },
    ["dev lo"] = { dev = "lo" },
    ["dev != 0"] = { dev = true },
    ["dev = 1"] = { dev_index = 1 },
    ["fwmark = 7"] = { mark = 7 },
    ["fwmark 3/3 dport 8080"] = { mark = "3/3", rport = 8080 },
    ["autobound"] = { autobound = true },
    ["cgroup /"] = { cgroup_id = connsh.cgroup_id("/sys/fs/cgroup/unified") or 1 },
    ["src unix:@w*"] = { proto = "unix", name = "@w*" },
    ["src unix:"] = { proto = "unix", name = false },
    ["src link:ip:lo"] = { proto = "packet", protocol = "ip", dev = "lo" },
    ["src link:arp or src unix:@other"] = { { "or", { proto = "packet", protocol = "arp" },
      { proto = "unix", name = "@other" } } },
    ["src netlink:rtnl:kernel"] = { proto = "netlink", protocol = "0", port_id = 0 },
  } do
    if text ~= "cgroup /" or (connsh.cgroup_id("/") or 0) ~= 0 then
      same(text, condition)
    end
  end
end

-- not, then and, then or; nothing between two is and.
function TestWords:test_precedence()
  same("sport = 81 or sport = 80 and state established", { { "or", { lport = 81 },
    { lport = 80, state = "established" } } })
  same("sport = 80 and state established or sport = 81", { { "or", { lport = 81 },
    { lport = 80, state = "established" } } })
  same("(sport = 81 or sport = 80) and state established", { lport = { 80, 81 },
    state = "established" })
  same("sport = 81 | sport = 80 state established", { { "or", { lport = 81 },
    { lport = 80, state = "established" } } })
  same("not sport = 80 and state established", { { "lport", "!=", 80 }, state = "established" })
  same("! (sport = 80 or dport = 80) state established", { { "lport", "!=", 80 },
    { "rport", "!=", 80 }, state = "established" })
  same("not not sport = 80", { lport = 80 })
end

function TestWords:test_places()
  lu.assertEquals(count"state listening sport = :80", 2)
  lu.assertEquals(sockets"state established":where"dport = 80":count(), #keys(sockets {
    state = "established", rport = 80 }))
  lu.assertEquals(sockets:where"autobound":count(), count { autobound = true })
  lu.assertEquals(#sockets"state all", #sockets)
  lu.assertEquals(tostring(sockets"state established sport = :80"),
    "sockets<state = established and lport = 80>")
  local selected = sockets:select("lport", "state")
  lu.assertEquals(selected:where"sport = 81":count(), 1)
end

local function refusal(call)
  local ok, message = pcall(call)
  lu.assertFalse(ok)
  return message
end

function TestWords:test_refusals()
  for text, part in pairs {
    ["sprot = 80"] = "did you mean 'sport'?",
    ["hello"] = "'hello' is none of src, dst, sport",
    ["sport ="] = "sport is followed by a value",
    ["sport = )"] = "sport is followed by a value, not by ')'",
    ["(sport = 80"] = "a ) is missing at the end",
    ["sport = 80)"] = "a ) that nothing opened",
    ["sport = 80 or"] = "a condition is missing at the end",
    ["or sport = 80"] = "a condition is missing in front of 'or'",
    [" "] = "the text is empty",
    ["state"] = "state is followed by a state",
    ["state nosuch"] = "state cannot be \"nosuch\"",
    ["sport = nosuch"] = "lport cannot be \"nosuch\"",
    ["sport = 70000"] = "lport cannot be \"70000\"",
    ["sport > *"] = "every port is any port",
    ["src 1.2.3.4/33"] = "1.2.3.4/33 is no address, prefix or known host",
    ["src inet:[::1]"] = "::1 is no address, prefix or known host of inet",
    ["src > 1.2.3.4"] = "src > has no meaning",
    ["fwmark x"] = "fwmark cannot be x",
    ["cgroup /nosuch"] = "there is no cgroup (v2) at /nosuch",
    ["src '::1"] = "the quote ' is not closed",
    ["dst link:ip"] = "packet sockets have no peer",
    ["src netlink:route:x"] = "x is no port id",
  } do
    local message = refusal(function() return sockets(text) end)
    lu.assertStrContains(message, part)
    lu.assertStrMatches(message, "^[^ ]*test_words_live.lua:%d+: sockets: .*$")
  end
  lu.assertStrContains(refusal(function() return count"sprot 1" end), "count: in \"sprot 1\"")
  lu.assertStrContains(refusal(function() return links"dev lo" end),
    "a text of conditions is for sockets")
  lu.assertStrContains(refusal(function() return sockets:where"lport" end),
    "the value of lport is missing")
  lu.assertStrContains(refusal(function() return sockets(nil) end), "got nil")
end

-- Ports that nobody chose, and those that bind(2) did; the two tests have to agree.
function TestWords:test_autobound()
  local range = limits.ports.range
  local clients = keys(sockets { rport = 80, raddr = "127.0.0.1", lport = range })
  local chosen = sockets { lport = 50001 }:first()
  lu.assertTrue(chosen.autobound)
  lu.assertFalse(sockets { lport = 81 }:first().autobound)
  local matched = keys(sockets { rport = 80, raddr = "127.0.0.1", autobound = true })
  lu.assertEquals(#matched, #clients - 1)
  lu.assertEquals(count { lport = 50001, autobound = true }, 0)
  lu.assertEquals(count { lport = 50001, autobound = false }, 0)
  lu.assertEquals(count { lport = 50001, { "not", { "autobound", "=", true } } }, 0)
  lu.assertEquals(count { lport = 81, autobound = false }, 1)
  lu.assertEquals(count { lport = 81, { "autobound", "!=", true } }, 1)
  lu.assertEquals(count { lport = 81, autobound = { true, false } }, 1)
end

function TestWords:test_kernel_conditions()
  -- the kernel knows that bind(2) chose the port, its row does not tell it
  local q = sockets { proto = "tcp", lport = 50001 }
  local auto, locked = { "autobound", "=", true }, { "not", { "autobound", "=", true } }
  lu.assertTrue(q:first().autobound)
  lu.assertEquals(q { { "kernel", auto } }:count(), 0)
  lu.assertEquals(q { { "kernel", locked } }:count(), 1)
  lu.assertEquals(q { { "kernel", { "not", locked } } }:count(), 0)
  lu.assertEquals(q { { "kernel", { "and", locked, { "or" } } } }:count(), 0)
  lu.assertEquals(q { { "kernel", { "and" } } }:count(), 1)
  lu.assertEquals(q { { "kernel", { "or", auto, { "rport", "=", 80 } } } }:count(), 1)
  lu.assertEquals(q { { "kernel", { "or", auto, { "rport", "=", 81 } } } }:count(), 0)
  lu.assertStrContains(q { { "kernel", auto } }:explain(), "kernel autobound = true")
  -- what has no program is not asked, so every row passes
  lu.assertEquals(q { { "kernel", { uid = 77777 } } }:count(), 1)
  for _, condition in ipairs {
    { "not", { "kernel", { mark = 5 } } }, { "or", { "kernel", { mark = 5 } } }, { "kernel" },
    { "kernel", { mark = 5 }, { mark = 6 } },
  } do
    lu.assertStrContains(refusal(function() return q { condition } end), '"kernel" takes one')
  end
  lu.assertStrContains(refusal(function()
    return sockets:group("lport"):count():where { { "kernel", { lport = 5 } } }
  end), '"kernel" takes one')
end

function TestWords:test_names()
  lu.assertEquals(connsh.resolve("localhost", "inet"), { "127.0.0.1" })
  lu.assertEquals(connsh.resolve("no.such.host.invalid"), {})
  lu.assertStrContains(refusal(function() connsh.resolve("a\0b") end), "no NUL")
  lu.assertStrContains(refusal(function() connsh.resolve("a", "unix") end), "invalid option")
  lu.assertEquals(connsh.service("http"), 80)
  lu.assertEquals(connsh.service("http", "tcp"), 80)
  lu.assertNil(connsh.service("nosuch"))
  lu.assertNil((connsh.cgroup_id("/no/such")))
  lu.assertEquals(connsh.cgroup_id("/tmp"), 0)
end

S.main()
