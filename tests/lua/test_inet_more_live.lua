-- Sockets of udplite, raw and mptcp, really made: every field is what ss and /proc say of them.
-- luacheck: globals sockets count

local lu = require("luaunit")
local S = require("support")

-- A second subflow needs a second address that the path manager may use.
if not os.getenv("SOCKMAKER_PID") then
  S.run({ "ip", "link", "set", "lo", "up" })
  S.run({ "ip", "mptcp", "limits", "set", "subflow", "2", "add_addr_accepted", "2" })
  S.run({ "ip", "mptcp", "endpoint", "add", "127.0.0.2", "dev", "lo", "subflow" })
end

S.inside({
  "udplite=127.0.0.1:5360", "udplite=[::1]:5361*2", "udp=127.0.0.1:53", "listen=127.0.0.1:81",
  "conn=127.0.0.1:81*2", "raw=icmp", "raw=ospf,from=127.0.0.1,dev=lo", "raw=253",
  "raw=raw,uid=1000", "raw6=icmp6*2", "raw6=89,from=::1", "mptcp=127.0.0.1:80*2,send=5000",
  "mptcp=[::1]:8080",
})

-- The lines of a table of /proc/net as {state, inode, refs, drops, laddr and lport in hex}.
local function table_of_proc(name)
  local rows = {}
  for line in io.lines("/proc/net/" .. name) do
    local w = {}
    for word in line:gmatch("%S+") do
      w[#w + 1] = word
    end
    if w[1] ~= "sl" then
      local address, port = w[2]:match("^(%x+):(%x+)$")
      rows[tonumber(w[10])] = {
        address = address, port = tonumber(port, 16), state = tonumber(w[4], 16),
        uid = tonumber(w[8]), refs = tonumber(w[11]), drops = tonumber(w[13]),
      }
    end
  end
  return rows
end

local state_numbers = { established = 1, close = 7 }

local function size(rows)
  local n = 0
  for _ in pairs(rows) do
    n = n + 1
  end
  return n
end

-- Every row of the protocol is in the tables of /proc, and none is missing.
local function compare(proto, check)
  local seen = 0
  for family, suffix in pairs({ inet = "", inet6 = "6" }) do
    local rows = table_of_proc(proto .. suffix)
    lu.assertTrue(size(rows) > 0, proto .. suffix)
    lu.assertEquals(count { proto = proto, family = family }, size(rows))
    for s in sockets { proto = proto, family = family } do
      local row = rows[s.inode]
      lu.assertNotNil(row, tostring(s.inode))
      lu.assertEquals(s.proto, proto)
      lu.assertEquals(s.family, family)
      lu.assertEquals(state_numbers[s.state], row.state)
      lu.assertEquals(s.uid, row.uid)
      lu.assertEquals(s.drops, row.drops)
      check(s, row)
      seen = seen + 1
    end
  end
  return seen
end

TestUdplite = {}

function TestUdplite:test_rows_are_those_of_proc()
  local n = compare("udplite", function(s, row)
    lu.assertEquals(s.lport, row.port)
    lu.assertNil(s.protocol)
    lu.assertTrue(s.cookie > 0)
  end)
  lu.assertEquals(n, 3)
  lu.assertEquals(count { proto = "udplite", lport = 5361 }, 2)
  lu.assertEquals(sockets { proto = "udplite", lport = 5360 }:first().laddr, "127.0.0.1")
end

-- Asked for one by one: two of them share an address, and each is found.
function TestUdplite:test_fields_of_a_record()
  for _, s in ipairs(sockets { proto = "udplite" }:list()) do
    lu.assertTrue(s.rcvbuf > 0)
    lu.assertEquals(s.rmem, 0)
  end
end

TestRaw = {}

local protocols = { [1] = "icmp", [58] = "icmpv6", [89] = "ospf", [253] = "253", [255] = "raw" }

function TestRaw:test_rows_are_those_of_proc()
  local seen = {}
  local n = compare("raw", function(s, row)
    lu.assertEquals(s.protocol, protocols[row.port])
    lu.assertNil(s.lport)
    lu.assertNil(s.rport)
    lu.assertEquals(s.pid, tonumber(os.getenv("SOCKMAKER_PID")))
    seen[row.port] = (seen[row.port] or 0) + 1
  end)
  lu.assertEquals(n, 7)
  lu.assertEquals(seen, { [1] = 1, [58] = 2, [89] = 2, [253] = 1, [255] = 1 })
end

function TestRaw:test_rows_are_those_of_ss()
  local rows = S.ss({ "-w", "-a" })
  lu.assertEquals(#rows, count { proto = "raw" })
  local theirs, ours = {}, {}
  for i, row in ipairs(rows) do
    local any = row.laddr == "*" or row.laddr == "0.0.0.0" or row.laddr == "::"
    theirs[i] = tostring(any or row.laddr) .. " " .. row.lport .. " " .. row.recvq
  end
  for s in sockets { proto = "raw" } do
    local any = s.laddr == "0.0.0.0" or s.laddr == "::"
    local number = s.protocol
    for n, name in pairs(protocols) do
      number = name == number and n or number
    end
    ours[#ours + 1] = tostring(any or s.laddr) .. " " .. number .. " " .. s.recvq
  end
  table.sort(theirs)
  table.sort(ours)
  lu.assertEquals(ours, theirs)
end

function TestRaw:test_conditions()
  lu.assertEquals(count { protocol = "icmp" }, 1)
  lu.assertEquals(count { protocol = "icmpv6" }, 2)
  lu.assertEquals(count { protocol = "ospf" }, 2)
  lu.assertEquals(count { protocol = 253 }, 1)
  lu.assertEquals(count { protocol = { "icmp", "raw" } }, 2)
  lu.assertEquals(count { proto = "raw", protocol = true }, 7)
  lu.assertEquals(count { protocol = "ospf", family = "inet6", laddr = "::1" }, 1)
  lu.assertEquals(count { proto = "raw", uid = 1000 }, 1)
  lu.assertEquals(count { proto = { "raw", "udp" }, lport = 53 }, 1)
  -- what a raw socket has in the place of its port is none
  lu.assertEquals(count { proto = "raw", lport = 1 }, 0)
  lu.assertEquals(count { proto = { "raw", "udp" }, { "not", { lport = 89 } } }, 8)
end

-- What people mean by connections has none of these.
function TestRaw:test_unless_named_tcp_and_udp()
  local protos = {}
  for s in sockets do
    protos[s.proto] = (protos[s.proto] or 0) + 1
  end
  lu.assertEquals(protos.tcp, count { proto = "tcp" })
  lu.assertEquals(protos.udp, 1)
  lu.assertEquals(size(protos), 2)
  local all = 0
  for _, s in ipairs(sockets { proto = "*" }:list()) do
    local of_inet = s.family == "inet" or s.family == "inet6"
    all = all + (of_inet and 1 or 0)
  end
  lu.assertEquals(all, count { proto = "tcp" } + 1 + 3 + 7 + count { proto = "mptcp" })
end

function TestRaw:test_none_is_closed()
  local result = S.connsh("-e", "print(#sockets{protocol='icmp'}:destroy())")
  lu.assertEquals(result.out, "0\n")
  lu.assertEquals(result.code, 3)
  lu.assertStrContains(result.err, "a socket could not be closed")
  lu.assertEquals(count { protocol = "icmp" }, 1)
end

TestMptcp = {}

local function ends(row)
  return string.format("%s %s %s %s", row.laddr, row.lport, row.raddr, row.rport)
end

-- Rows of ss by their ends, with the tokens `name:value` of the rest.
local function of_ss(args)
  local rows, n = {}, 0
  for _, row in ipairs(S.ss(args)) do
    row.rport = row.rport == "*" and 0 or row.rport
    row.raddr = (row.raddr == "*" or row.raddr == "[::]") and "::" or row.raddr
    for name, value in row.rest:gmatch("([%a_]+):([%x]+)") do
      row[name] = value
    end
    rows[ends(row)] = row
    n = n + 1
  end
  return rows, n
end

local function signed(hex)
  return math.tointeger(tonumber(hex, 16))
end

-- A number that ss leaves out where it is 0.
local function number(text)
  return tonumber(text or 0)
end

function TestMptcp:test_rows_are_those_of_ss()
  local rows, n = of_ss({ "-M", "-a", "-i", "-e", "-O" })
  lu.assertEquals(n, 8)
  lu.assertEquals(count { proto = "mptcp" }, n)
  local connections = 0
  for s in sockets { proto = "mptcp" } do
    local row = rows[ends(s)]
    lu.assertNotNil(row, ends(s))
    lu.assertEquals(s.inode, tonumber(row.rest:match("ino:(%d+)")))
    lu.assertEquals(s.cookie, signed(row.sk))
    lu.assertEquals(s.recvq, row.recvq)
    lu.assertEquals(s.sendq, row.sendq)
    if s.state == "listen" then
      lu.assertNil(s.mptcp_token)
      lu.assertNil(s.mptcp_subflows)
    else
      connections = connections + 1
      lu.assertEquals(s.state, "established")
      lu.assertEquals(s.mptcp_token, signed(row.token))
      lu.assertEquals(s.mptcp_write_seq, signed(row.write_seq))
      lu.assertEquals(s.mptcp_snd_una, signed(row.snd_una))
      lu.assertEquals(s.mptcp_rcv_nxt, signed(row.rcv_nxt))
      lu.assertEquals(s.mptcp_subflows, number(row.subflows))
      lu.assertEquals(s.mptcp_subflows_max, number(row.subflows_max))
      lu.assertEquals(s.mptcp_add_addr_accepted_max, number(row.add_addr_accepted_max))
      lu.assertEquals(s.mptcp_add_addr_signal, 0)
      lu.assertEquals(s.mptcp_remote_key, row.rest:find("remote_key", 1, true) ~= nil)
      lu.assertEquals(s.mptcp_fallback, row.rest:find("fallback", 1, true) ~= nil)
      lu.assertEquals(s.mptcp_csum, false)
    end
  end
  lu.assertEquals(connections, 6)
end

-- 5000 bytes went one way through each of the two.
function TestMptcp:test_bytes_and_times()
  local from = sockets { proto = "mptcp", rport = 80 }:list()
  lu.assertEquals(#from, 2)
  if not from[1].mptcp_bytes_sent then
    S.skip("this kernel does not count the bytes of mptcp")
  end
  for _, s in ipairs(from) do
    lu.assertEquals(s.mptcp_bytes_sent, 5000)
    lu.assertEquals(s.mptcp_bytes_acked, 5000)
    lu.assertEquals(s.mptcp_bytes_received, 0)
    lu.assertEquals(s.mptcp_bytes_retrans, 0)
    local other = sockets { proto = "mptcp", lport = 80, rport = s.lport }:first()
    lu.assertEquals(other.mptcp_bytes_received, 5000)
    lu.assertEquals(other.mptcp_rcv_nxt, s.mptcp_write_seq)
    local age = s.mptcp_last_sent
    lu.assertTrue(age == nil or (age >= 0 and age < 600), tostring(age))
  end
end

function TestMptcp:test_subflows_lead_to_their_connection()
  local tokens = {}
  for s in sockets { proto = "mptcp", mptcp_token = true } do
    tokens[s.mptcp_token] = s
  end
  local rows = of_ss({ "-t", "-i", "-O" })
  local joined = 0
  for s in sockets { subflow_token = true } do
    local row = rows[ends(s)]
    local id, id_remote
    local token_remote, token
    token_remote, id_remote, token, id =
      row.rest:match("token:(%x+)%(id:(%d+)%)/(%x+)%(id:(%d+)%)")
    lu.assertEquals(s.proto, "tcp")
    lu.assertEquals(s.ulp, "mptcp")
    lu.assertEquals(s.subflow_token, signed(token))
    lu.assertEquals(s.subflow_token_remote, signed(token_remote))
    lu.assertEquals(s.subflow_id, tonumber(id))
    lu.assertEquals(s.subflow_id_remote, tonumber(id_remote))
    lu.assertEquals(s.subflow_map_seq, signed(row.seq))
    lu.assertEquals(s.subflow_map_sfseq, signed(row.sfseq))
    lu.assertEquals(s.subflow_ssn_offset, signed(row.ssnoff))
    lu.assertEquals(s.subflow_map_len, signed(row.maplen))
    local c = tokens[s.subflow_token]
    lu.assertNotNil(c, "no connection has the token")
    lu.assertEquals(s.inode, c.inode)
    joined = joined + (s.subflow_id > 0 and 1 or 0)
  end
  lu.assertEquals(count { subflow_token = true },
    #S.run("ss -HtniO | grep -o 'token:.*(id:'").out:gsub("[^\n]", ""))
  if count { proto = "mptcp", { "mptcp_subflows", ">", 0 } } > 0 then
    lu.assertTrue(joined > 0)
    lu.assertEquals(sockets { { "subflow_id", ">", 0 } }:first().laddr, "127.0.0.2")
  end
end

local letters = {
  M = "capable-remote", m = "capable-local", J = "join-remote", j = "join-local",
  B = "backup-remote", b = "backup-local", e = "fully-established", c = "connected",
  v = "map-valid",
}

function TestMptcp:test_flags_of_subflows()
  local rows, seen = of_ss({ "-t", "-i", "-O" }), 0
  for s in sockets { subflow_token = true } do
    local expected = {}
    for letter in rows[ends(s)].rest:match("flags:(%a+)"):gmatch("%a") do
      expected[#expected + 1] = letters[letter]
    end
    lu.assertItemsEquals(s.subflow_flags, expected)
    seen = seen + 1
  end
  lu.assertEquals(count { subflow_flags = "connected" }, seen)
  lu.assertTrue(seen >= 6)
end

-- A connection and its subflows are different protocols: nothing counts twice.
function TestMptcp:test_counts()
  lu.assertEquals(count { proto = "mptcp", state = "established" }, 6)
  lu.assertEquals(count { proto = "mptcp", state = "listen" }, 2)
  lu.assertEquals(count { proto = "mptcp", lport = 80 }, 3)
  lu.assertEquals(count { proto = "mptcp", lport = 80, raddr = "127.0.0.0/8" }, 2)
  lu.assertEquals(count { proto = "mptcp", family = "inet6" }, 3)
  lu.assertEquals(count { proto = "tcp" }, #S.ss({ "-t", "-a" }))
  lu.assertEquals(count { mptcp_subflows_total = true }, 6)
end

-- Asked for later, one by one.
function TestMptcp:test_fields_of_a_record()
  for _, s in ipairs(sockets { proto = "mptcp", state = "established" }:list()) do
    lu.assertTrue(s.mptcp_token > 0)
    lu.assertTrue(s.rcvbuf > 0)
  end
end

function TestMptcp:test_cannot_be_closed()
  local result = S.connsh("-e", "print(#sockets{proto='mptcp', lport=8080}:destroy())")
  lu.assertEquals(result.out, "0\n")
  lu.assertEquals(result.code, 3)
  lu.assertStrContains(result.err, "closes no sockets of mptcp")
  lu.assertEquals(count { proto = "mptcp", lport = 8080 }, 2)
end

TestLacking = {}

-- This kernel has or has not the protocol; with none there is none, and the answer is whole.
function TestLacking:test_sctp_and_dccp()
  local known = S.read_file("/proc/net/protocols")
  for _, proto in ipairs({ "sctp", "dccp" }) do
    if not known:find("\n" .. proto:upper() .. " ") then
      local q = sockets { proto = proto }
      lu.assertEquals(#q, 0)
      lu.assertTrue(q.complete)
      lu.assertEquals(#q.warnings, 1)
      lu.assertStrContains(q.warnings[1], "this kernel has no " .. proto .. " sockets")
    end
  end
end

S.main()
