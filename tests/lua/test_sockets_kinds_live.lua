-- Packet and netlink sockets of `sockets` beside ss and /proc, with what they fall back to; and
-- kinds that this kernel may not list.
-- luacheck: globals sockets count connsh

local lu = require("luaunit")
local S = require("support")

local holder = S.inside({
  "packet=ip,dev=lo,rxring=3,txring,fanout=9,promisc,join,auxdata,filter",
  "packet=0x88b5,rxring=2", "packet=0x88cc,dgram,dev=lo,txring", "packet=arp,uid=1234",
  "packet", "netlink=route,groups=0x51", "netlink=generic", "netlink=17", "netlink=uevent,groups=1",
  "listen=127.0.0.1:80",
})

local function ss(arguments)
  local result = S.run("ss -Hn " .. arguments)
  if result.code ~= 0 then
    S.skip("no ss that lists them: " .. result.err)
  end
  return S.parse_ss(result.out)
end

local function cookie_of(row)
  return tonumber(row.rest:match("%f[%w]sk:(%x+)"), 16)
end

local function by(rows, field)
  local found = {}
  for _, row in ipairs(rows) do
    lu.assertNil(found[row[field]], "twice: " .. tostring(row[field]))
    found[row[field]] = row
  end
  return found
end

local function set(list)
  local members = {}
  for _, word in ipairs(list or {}) do
    members[word] = true
  end
  return members
end

-- ---- packet ---------------------------------------------------------------------------------

TestPacket = {}

local memory = {
  r = "rmem", rb = "rcvbuf", t = "wmem", tb = "sndbuf", f = "fwd_alloc", w = "wmem_queued",
  o = "optmem", bl = "backlog_mem", d = "drops",
}

local function check_memory(s, rest)
  local text = rest:match("skmem:%((.-)%)")
  local n = 0
  for letters, number in text:gmatch("(%a+)(%d+)") do
    lu.assertEquals(s[memory[letters]], tonumber(number), letters)
    n = n + 1
  end
  lu.assertEquals(n, 9)
end

local function check_ring(s, way, rest)
  local text = rest:match("ring_" .. way .. "(%b())")
  local prefix = way .. "_ring_"
  if not text then
    lu.assertNil(s[prefix .. "blocks"])
    return
  end
  local function number(name)
    return tonumber(text:match(name .. ":(%x+)"))
  end
  lu.assertEquals(s[prefix .. "block_size"], number("blk_size"))
  lu.assertEquals(s[prefix .. "blocks"], number("blk_nr"))
  lu.assertEquals(s[prefix .. "frame_size"], number("frm_size"))
  lu.assertEquals(s[prefix .. "frames"], number("frm_nr"))
  if way == "rx" then
    local timeout = number("tmo")
    lu.assertEquals(s.rx_ring_timeout, timeout > 0 and timeout / 1000 or nil)
    lu.assertEquals(s.rx_ring_features, text:find("features:0x1", 1, true) and { "rxhash" } or nil)
  end
end

local function filter_of_ss(rest)
  local text = rest:match("bpf filter %(%d+%):(.*) skmem")
  local list = {}
  for code, jt, jf, k in (text or ""):gmatch("0x(%x+) (%d+) (%d+) (%d+),") do
    list[#list + 1] = tonumber(code, 16) .. " " .. jt .. " " .. jf .. " " .. k
  end
  return list
end

function TestPacket:test_every_field_is_as_ss_has_it()
  local theirs = ss("-0aemb")
  lu.assertEquals(#theirs, 5)
  local ours = by(sockets { proto = "packet" }:list(), "cookie")
  for _, row in ipairs(theirs) do
    local s, rest = ours[cookie_of(row)], row.rest
    lu.assertNotNil(s, "not listed: " .. rest)
    lu.assertEquals(s.type, row.netid == "p_raw" and "raw" or "dgram")
    lu.assertEquals({ s.proto, s.family, s.state }, { "packet", "packet", "close" })
    lu.assertEquals(s.recvq, row.recvq)
    lu.assertEquals(s.inode, tonumber(rest:match("ino:(%d+)")))
    lu.assertEquals(s.uid, tonumber(rest:match("uid:(%d+)")) or 0)
    lu.assertEquals(s.dev, row.lport ~= "*" and row.lport or nil)
    lu.assertEquals(s.dev_index, row.lport == "lo" and 1 or nil)
    local number = row.laddr == "*" and 3 or tonumber(row.laddr:match("%d+"))
    lu.assertEquals(count { cookie = s.cookie, protocol = number }, 1)
    lu.assertEquals(s.ring_version, "v" .. rest:match("ver:(%d)") + 1)
    lu.assertEquals(s.copy_threshold, tonumber(rest:match("cpy_thresh:(%d+)")))
    local words = {}
    for word in rest:match("flags%((.-)%)"):gmatch("%a+") do
      words[#words + 1] = word
    end
    lu.assertEquals(set(s.flags), set(words))
    check_ring(s, "rx", rest)
    check_ring(s, "tx", rest)
    local id, kind = rest:match("fanout%(id:(%d+),type:(%a+)")
    lu.assertEquals({ s.fanout, s.fanout_type }, { tonumber(id), kind })
    lu.assertEquals(s.filter, filter_of_ss(rest))
    lu.assertEquals(s.filter_length, #s.filter)
    check_memory(s, rest)
    lu.assertEquals({ s.pid, s.owner_status }, { holder, "held" })
    lu.assertNil(s.lport)
    lu.assertNil(s.groups)
    ours[s.cookie] = nil
  end
  lu.assertNil(next(ours))
end

function TestPacket:test_what_ss_does_not_say()
  local s = sockets { proto = "packet", protocol = "ip" }:first()
  lu.assertEquals(set(s.memberships), set({ "promisc lo", "multicast lo 01:00:5e:00:00:2a" }))
  lu.assertTrue(s.promiscuous)
  lu.assertEquals(s.rx_ring_private, 16)
  lu.assertEquals(s.ring_reserve, 0)
  lu.assertNil(s.tstamp)
  s = sockets { proto = "packet", protocol = "arp" }:first()
  lu.assertNil(s.memberships)
  lu.assertFalse(s.promiscuous)
  lu.assertEquals(s.filter, { "6 0 0 0" })
  lu.assertEquals(s.uid, 1234)
end

function TestPacket:test_conditions()
  lu.assertEquals(count { protocol = "all", proto = "packet" }, 1)
  lu.assertEquals(count { protocol = "lldp" }, 1)
  lu.assertEquals(count { protocol = "0x88b5" }, 1)
  lu.assertEquals(count { protocol = 0x88b5 }, 1)
  lu.assertEquals(count { protocol = 35020 }, 1)
  lu.assertEquals(count { proto = "packet", { "protocol", "!=", 35020 } }, 4)
  lu.assertEquals(count { proto = "packet", dev = "lo" }, 2)
  lu.assertEquals(count { proto = "packet", dev_index = 1 }, 2)
  lu.assertEquals(count { family = "packet", uid = 1234 }, 1)
  lu.assertEquals(count { fanout = 9 }, 1)
  lu.assertEquals(count { fanout_type = "cpu" }, 1)
  lu.assertEquals(count { promiscuous = true }, 1)
  lu.assertEquals(count { filter = "40 0 0 12" }, 1)
  lu.assertEquals(count { filter_length = 1 }, 4)
  lu.assertEquals(count { memberships = "multicast*" }, 1)
  lu.assertEquals(count { flags = "auxdata" }, 1)
  lu.assertEquals(count { rx_ring_frames = 64 }, 2)
  lu.assertEquals(count { proto = "packet", state = "close" }, 5)
  lu.assertEquals(count { proto = "packet", state = "established" }, 0)
  lu.assertEquals(count { proto = "packet", type = "dgram" }, 1)
end

function TestPacket:test_only_what_is_named()
  lu.assertEquals(count { state = "listen" }, 1)
  local q = sockets { promiscuous = true }
  lu.assertStrContains(q:explain(), "asks       packet sockets, with info, memory, memberships\n")
  q = sockets { proto = "packet", dev = "lo" }
  lu.assertStrContains(q:explain(), "asks       packet sockets, with info, memory\n")
  lu.assertNotStrContains(q:explain(), "exactly")
end

-- Several lists of a row stay apart, in results too, and outlive the run.
function TestPacket:test_lists_of_results()
  local q = sockets { proto = "packet", protocol = "ip" }:select("filter", "flags", "memberships")
  local rows = q:list()
  q = nil -- luacheck: ignore
  collectgarbage()
  lu.assertEquals(#rows, 1)
  lu.assertEquals(#rows[1].filter, 4)
  lu.assertEquals(rows[1].filter[2], "21 0 1 2048")
  lu.assertEquals(set(rows[1].flags), set({ "running", "auxdata", "origdev" }))
  lu.assertEquals(#rows[1].memberships, 2)
  rows = sockets { proto = "netlink", pid = holder }:select("groups", "flags", "protocol"):list()
  lu.assertEquals(by(rows, "protocol").route.groups, { 1, 5, 7 })
end

-- A field that a list of rows was not asked for is asked for later, by another list.
function TestPacket:test_later()
  local rows = sockets { proto = "packet" }:sort("protocol"):list()
  local fanouts = 0
  for _, s in ipairs(rows) do
    fanouts = fanouts + (s.fanout == 9 and 1 or 0)
  end
  lu.assertEquals({ #rows, fanouts }, { 5, 1 })
end

-- ---- netlink --------------------------------------------------------------------------------

TestNetlink = {}

local function netlink_of_proc()
  local rows = {}
  for line in S.read_file("/proc/net/netlink"):gmatch("[^\n]+") do
    local protocol, port, groups, rmem, wmem, drops, inode = line:match(
      "^%x+%s+(%d+)%s+(%d+)%s+(%x+)%s+(%d+)%s+(%d+)%s+%d+%s+%d+%s+(%d+)%s+(%d+)")
    if protocol then
      rows[#rows + 1] = {
        protocol = tonumber(protocol), port_id = tonumber(port), groups = tonumber(groups, 16),
        rmem = tonumber(rmem), wmem = tonumber(wmem), drops = tonumber(drops),
        inode = tonumber(inode),
      }
    end
  end
  return rows
end

local function mask(groups)
  local bits = 0
  for _, group in ipairs(groups or {}) do
    bits = bits | 1 << group - 1
  end
  return bits
end

-- The socket that asks is among them, and is no more when /proc is read; and the kernel's own
-- end of it has something in its queue.
local function not_mine(rows)
  local others = {}
  for _, s in ipairs(rows) do
    if s.protocol ~= "sock-diag" or s.port_id == 0 then
      others[#others + 1] = s
    end
  end
  return others
end

function TestNetlink:test_every_row_is_as_proc_has_it()
  local ours = by(not_mine(sockets { proto = "netlink" }:list()), "inode")
  local theirs = netlink_of_proc()
  lu.assertTrue(#theirs > 6)
  for _, row in ipairs(theirs) do
    local s = ours[row.inode]
    lu.assertNotNil(s, "not listed: inode " .. row.inode)
    lu.assertEquals(count { inode = s.inode, protocol = row.protocol, proto = "netlink" }, 1)
    lu.assertEquals(s.port_id, row.port_id)
    lu.assertEquals(mask(s.groups) & 0xffffffff, row.groups)
    if s.protocol ~= "sock-diag" then
      lu.assertEquals({ s.recvq, s.sendq, s.rmem }, { row.rmem, row.wmem, row.rmem })
    end
    lu.assertEquals(s.drops, row.drops)
    ours[row.inode] = nil
  end
  lu.assertNil(next(ours))
end

function TestNetlink:test_memory_is_as_ss_has_it()
  local n = 0
  for _, row in ipairs(ss("-f netlink -aem")) do
    if row.lport ~= 0 and row.laddr ~= "4" then
      local q = sockets { proto = "netlink", protocol = tonumber(row.laddr), port_id = row.lport }
      local s = q:first()
      lu.assertEquals(q:count(), 1)
      lu.assertEquals({ s.state, s.recvq, s.sendq }, { "close", row.recvq, row.sendq })
      check_memory(s, row.rest)
      n = n + 1
    end
  end
  lu.assertTrue(n >= 3)
end

function TestNetlink:test_sockets_that_were_made()
  local q = sockets { proto = "netlink", pid = holder }
  local found = by(q:list(), "protocol")
  lu.assertEquals(q:count(), 3)
  lu.assertEquals(found.route.groups, { 1, 5, 7 })
  lu.assertEquals(found.uevent.groups, { 1 })
  lu.assertNil(found.generic.groups)
  for _, s in pairs(found) do
    lu.assertEquals({ s.type, s.state, s.owner_status }, { "raw", "close", "held" })
    lu.assertTrue(s.port_id > 0)
    lu.assertNil(s.uid)
    lu.assertNil(s.dst_group)
    lu.assertNil(s.fanout)
  end
  lu.assertEquals(count { groups = 5, proto = "netlink" }, 1)
  lu.assertEquals(count { groups = 5 }, 1)
end

function TestNetlink:test_one_protocol_is_asked_for()
  local q = sockets { proto = "netlink", protocol = "route" }
  lu.assertStrContains(q:explain(), "asks       netlink sockets, route only, with memory\n")
  for s in q do
    lu.assertEquals(s.protocol, "route")
  end
  local all = 0
  for s in sockets { proto = "netlink" } do
    all = all + (s.protocol == "route" and 1 or 0)
  end
  lu.assertEquals(q:count(), all)
  lu.assertTrue(all >= 2)
  -- the kernel lists those with groups twice
  local everything = sockets { proto = "netlink" }
  everything:count()
  lu.assertTrue(q.rows <= 2 * all and q.rows < everything.rows)
end

-- This one asks, so it sees itself in the midst of its dump.
function TestNetlink:test_flags()
  local s = sockets { proto = "netlink", protocol = "sock-diag", flags = "cap-ack" }:first()
  lu.assertTrue(set(s.flags)["cap-ack"])
  lu.assertNil(set(s.flags).running)
end

-- ---- without diag ---------------------------------------------------------------------------

TestWithoutDiag = {}

local shim = (os.getenv("BUILD") or "build") .. "/tests/nlshim.so"

local function run(mode, script)
  local result = S.run({
    "env", "LD_PRELOAD=" .. shim, "CONNSH_SHIM=" .. mode, S.connsh_path(), "-e", script,
  })
  return result
end

function TestWithoutDiag:test_packet_sockets_come_from_proc()
  local result = run("einval", [[
    local q = sockets{proto="packet"}
    for _, s in ipairs(q:list()) do
      print(s.inode, s.type, s.protocol, s.dev, s.uid, s.recvq, s.cookie, s.flags, s.rcvbuf,
        s.sendq, s.ring_version, s.state)
    end
    io.stderr:write(q.source)
  ]])
  lu.assertEquals(result.code, 0, result.err)
  lu.assertStrContains(result.err, "proc")
  local rows = sockets { proto = "packet" }:list()
  local lines = {}
  for line in result.out:gmatch("[^\n]+") do
    lines[#lines + 1] = line
  end
  table.sort(lines)
  local expected = {}
  for i, s in ipairs(rows) do
    expected[i] = table.concat({
      s.inode, s.type, s.protocol, tostring(s.dev), s.uid, s.recvq, "nil", "nil", "nil", "nil",
      "nil", "close",
    }, "\t")
  end
  table.sort(expected)
  lu.assertEquals(lines, expected)
end

function TestWithoutDiag:test_netlink_sockets_come_from_proc()
  local result = run("einval", [[
    for _, s in ipairs(sockets{proto="netlink", protocol="route"}:list()) do
      print(s.inode, s.type, s.port_id, s.groups and table.concat(s.groups, " "), s.recvq, s.sendq,
        s.rcvbuf, s.state, s.drops)
    end
  ]])
  lu.assertEquals(result.code, 0, result.err)
  local n = 0
  for _, s in ipairs(sockets { proto = "netlink", protocol = "route" }:list()) do
    local groups = s.groups and table.concat(s.groups, " ") or "nil"
    lu.assertStrContains(result.out, table.concat({
      s.inode, "nil", s.port_id, groups, s.recvq, s.sendq, "nil", "nil", s.drops,
    }, "\t") .. "\n")
    n = n + 1
  end
  lu.assertTrue(n >= 2)
end

local function has_protocol(name)
  return S.read_file("/proc/net/protocols"):find("\n" .. name .. " ", 1, true) ~= nil
end

-- One that the program may not ask for is no socket that is not there.
function TestWithoutDiag:test_a_refusal_is_no_absence()
  local result = run("errmsg:1:0", 'print(#sockets{proto="vsock"})')
  lu.assertEquals(result.code, has_protocol("AF_VSOCK") and 3 or 0)
  lu.assertStrContains(result.err, "vsock sockets")
end

local kinds = {
  vsock = { "AF_VSOCK", "CONFIG_VSOCKETS_DIAG", "remote_cid" },
  xdp = { "XDP", "CONFIG_XDP_SOCKETS_DIAG", "umem_id" },
  tipc = { "TIPC", "CONFIG_TIPC_DIAG", "remote_node" },
}

-- Of a kernel that lists them nothing is said; else it is told what is missing, and what exists
-- but is not listed makes the answer incomplete, unless all were asked for.
local function check_gap(proto, filter)
  local protocol, config = table.unpack(kinds[proto])
  local result = run("einval", "print(#sockets{" .. filter .. "})")
  lu.assertEquals(result.out, "0\n")
  lu.assertStrContains(result.err, proto .. " sockets (" .. config .. ")")
  if has_protocol(protocol) then
    lu.assertEquals(result.code, 3)
    lu.assertStrContains(result.err, "may have, but does not list")
  else
    lu.assertEquals(result.code, 0)
    lu.assertStrContains(result.err, "this kernel has no")
  end
  lu.assertNotStrContains(result.err, "asked 5 times")
end

function TestWithoutDiag:test_what_the_kernel_does_not_list()
  for proto, facts in pairs(kinds) do
    check_gap(proto, 'proto="' .. proto .. '"')
    check_gap(proto, 'family="' .. proto .. '"')
    check_gap(proto, facts[3] .. "=7")
  end
end

-- "*" means all protocols, and a field that only rows of others have means those.
function TestPacket:test_all_protocols()
  for _, filter in ipairs({ { proto = "*" }, { family = "*" } }) do
    local found = by(sockets(filter):group("proto"):count():list(), "proto")
    lu.assertEquals(found.packet.count, 5)
    lu.assertTrue(found.netlink.count > 6)
    lu.assertEquals(found.tcp.count, 1)
  end
  lu.assertEquals(count { type = "dgram", protocol = "lldp" }, 1)
end

function TestWithoutDiag:test_all_is_what_there_is()
  local result = S.run({ S.connsh_path(), "-e", 'print(#sockets{proto="*"} > 8)' })
  lu.assertEquals({ result.code, result.out }, { 0, "true\n" })
  if has_protocol("XDP") and result.err ~= "" then
    lu.assertStrContains(result.err, "note: this kernel may have, but does not list")
  end
end

S.main()
