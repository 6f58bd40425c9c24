-- Where the kernel refuses sock_diag, as sandboxes do: every row, every count and every condition
-- is the same from /proc as by netlink, for what both tell; and the answer says where it is from.
-- luacheck: globals sockets count

local lu = require("luaunit")
local S = require("support")

S.inside({ "all", "holders=3" })

local shim = (os.getenv("BUILD") or "build") .. "/tests/nlshim.so"
if not shim:find("^/") then
  shim = os.getenv("PWD") .. "/" .. shim
end

-- No socket of the family, or one that may not be made, or dumps that no module answers.
local modes = { "no-diag:1:0", "eacces-diag:1:0", "enoent:1:0", "errmsg:1:0" }

local function refused(mode, chunk)
  return S.run({ "env", "LD_PRELOAD=" .. shim, "CONNSH_SHIM=" .. mode, S.connsh_path(), "-e",
    chunk })
end

-- Output of a chunk whose rows come from /proc: right, said so once for each kind, and exit 0.
local function from_proc(mode, chunk)
  local result = refused(mode, chunk)
  local name = mode .. " " .. chunk .. ": " .. result.err
  lu.assertEquals(result.code, 0, name)
  local said, lines = {}, 0
  for line in result.err:gmatch("[^\n]+") do
    lu.assertStrMatches(line, "connsh: note: .* were read from /proc, .*", nil, nil, name)
    lu.assertNil(said[line], name)
    said[line], lines = true, lines + 1
  end
  lu.assertTrue(lines >= 1 and lines <= 4, name)
  return result.out
end

local function by_netlink(chunk)
  local result = S.connsh("-e", chunk)
  lu.assertEquals(result.code, 0, result.err)
  return result.out
end

local function lines_only_in(text, other)
  local counts, only = {}, {}
  for line in other:gmatch("[^\n]+") do
    counts[line] = (counts[line] or 0) + 1
  end
  for line in text:gmatch("[^\n]+") do
    counts[line] = (counts[line] or 0) - 1
    if counts[line] < 0 then
      only[#only + 1] = line .. "\n"
    end
  end
  return table.concat(only)
end

-- What changes by itself between the two (a retransmission) is asked again.
local function same(mode, chunk)
  local ours, theirs
  for _ = 1, 5 do
    ours, theirs = from_proc(mode, chunk), by_netlink(chunk)
    if ours == theirs then
      break
    end
  end
  if ours ~= theirs then
    lu.fail(chunk .. "\n/proc only:\n" .. lines_only_in(ours, theirs) .. "netlink only:\n"
      .. lines_only_in(theirs, ours))
  end
end

-- Each row a line, in an order of its own. sendq of a listener is what /proc does not tell, nor
-- how often a half-open connection answered again.
local rows_of = [[
  local names = {"proto", "family", "state", "laddr", "lport", "raddr", "rport", "recvq", "sendq",
    "uid", "user", "inode", "timer", "timer_retrans", "accept_queue", "inbound", "protocol"}
  local lines = {}
  for s in sockets(%s) do
    local words = {}
    for i, name in ipairs(names) do
      words[i] = tostring(s[name])
      if name == "sendq" and s.state == "listen" or name == "timer_retrans"
        and s.state == "syn-recv" then words[i] = "-" end
    end
    lines[#lines + 1] = table.concat(words, " ")
  end
  table.sort(lines)
  print(#lines, table.concat(lines, "\n"))]]

TestRows = {}

function TestRows:test_every_row()
  for _, mode in ipairs(modes) do
    same(mode, rows_of:format("{}"))
  end
  lu.assertTrue(tonumber(by_netlink("print(#sockets)")) > 80)
end

function TestRows:test_each_protocol_and_family()
  for _, proto in ipairs({ "tcp", "udp", "udplite" }) do
    for _, family in ipairs({ "inet", "inet6" }) do
      local filter = string.format("{proto=%q, family=%q}", proto, family)
      same("no-diag:1:0", rows_of:format(filter))
      same("enoent:1:0", "print(count" .. filter .. ")")
    end
  end
end

-- The processes that hold them are found all the same.
function TestRows:test_owners()
  same("no-diag:1:0", [[
    local lines = {}
    for s in sockets{pid=true} do
      lines[#lines + 1] = table.concat(s.pids, ",") .. " " .. s.inode .. " " .. s.comm
        .. " " .. s.owner_status
    end
    table.sort(lines)
    print(#lines, table.concat(lines, "\n"))]])
  same("no-diag:1:0", "print(count{comm='sockmaker'}, count{comm='nosuch'})")
end

-- A timer runs on between the two: give or take a second.
function TestRows:test_timers()
  local chunk = [[
    for s in sockets{timer=true} do
      print(s.laddr, s.lport, s.rport, s.timer, math.floor(s.timer_expires * 10))
    end]]
  local function times(text)
    local found = {}
    for key, tenths in text:gmatch("([^\n]*)\t(%d+)\n") do
      found[key] = tonumber(tenths)
    end
    return found
  end
  local theirs, ours = times(by_netlink(chunk)), times(from_proc("no-diag:1:0", chunk))
  local compared = 0
  for key, tenths in pairs(ours) do
    if theirs[key] and not key:find("\ton$") then
      lu.assertTrue(math.abs(theirs[key] - tenths) <= 30, key .. ": " .. tenths)
      compared = compared + 1
    end
  end
  lu.assertTrue(compared > 3, "few timers were compared: " .. compared)
end

TestCounts = {}

function TestCounts:test_every_state()
  same("no-diag:1:0", [[
    for _, state in ipairs{"established", "listen", "time-wait", "close-wait", "close",
      "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2", "last-ack", "closing"} do
      for _, family in ipairs{"inet", "inet6"} do
        for _, proto in ipairs{"tcp", "udp", "udplite", "raw"} do
          print(state, family, proto, count{state=state, family=family, proto=proto})
        end
      end
    end]])
end

function TestCounts:test_conditions()
  for _, filter in ipairs({
    'state="established", lport=80', 'raddr="127.0.0.0/8"', 'lport>=1024, state!="listen"',
    'laddr="::1"', 'uid=0', 'rport={80, 443, 53}', 'recvq>0', 'inbound=true', 'inode=true',
    'timer="keepalive"', 'proto="udp", state="established"', 'raddr="0.0.0.0/0"',
    'accept_queue>0', 'protocol="icmp"', 'protocol={"ospf", "icmpv6"}',
    'proto="raw", laddr="127.0.0.1"',
  }) do
    same("no-diag:1:0", "print(count<" .. filter .. ">)")
    same("enoent:1:0", "print(count<" .. filter .. ">)")
  end
end

function TestCounts:test_groups_and_order()
  same("no-diag:1:0", [[
    for r in sockets:group("state", "family"):count():sort("state", "family") do
      print(r.state, r.family, r.count)
    end]])
  same("no-diag:1:0", [[
    for s in sockets:sort("proto", "laddr", "lport", "rport", "inode"):limit(50) do
      print(s.proto, s.laddr, s.lport, s.rport)
    end]])
  same("no-diag:1:0", "print(#sockets{ordered=true}:list(), #sockets{consistent=true}:list())")
  same("no-diag:1:0", "print(sockets:distinct('laddr'):count(), sockets:sum('recvq'))")
end

-- The other end too is one of the rows of /proc.
function TestRows:test_other_ends()
  for _, mode in ipairs(modes) do
    same(mode, [[
      local n = 0
      for s in sockets{proto={"tcp", "udp"}, peer_inode=true}:sort("peer_inode", "inode") do
        n = n + 1
        print(s.inode, s.peer_inode, s.peer_pid, s.peer_comm)
      end
      assert(n > 0)]])
  end
end

TestWhatIsSaid = {}

function TestWhatIsSaid:test_where_rows_are_from()
  local chunk = "local q = sockets<lport=80> q:count() print(q.source, q.complete, q.warnings[1])"
  for _, mode in ipairs(modes) do
    local out = from_proc(mode, chunk)
    lu.assertStrMatches(out, "proc\ttrue\ttcp sockets, udp sockets were read from /proc[^\n]*\n")
  end
  lu.assertStrContains(from_proc("no-diag:1:0", chunk), "Protocol not supported")
  lu.assertStrContains(from_proc("eacces-diag:1:0", chunk), "Permission denied")
  lu.assertEquals(by_netlink(chunk), "netlink\ttrue\tnil\n")
end

-- A part by netlink, a part from /proc: raw sockets on kernels without their diag module.
function TestWhatIsSaid:test_both()
  local result = S.connsh("-e", "local q = sockets{proto={'tcp', 'raw'}} q:count() print(q.source)")
  if result.err == "" then
    S.skip("this kernel lists raw sockets by sock_diag")
  end
  lu.assertEquals(result.out, "netlink and proc\n")
  lu.assertStrContains(result.err, "note: raw sockets were read from /proc")
  lu.assertEquals(result.code, 0)
end

function TestWhatIsSaid:test_once()
  local result = refused("no-diag:1:0", "print(#sockets) print(#sockets) print(count<lport=80>)")
  lu.assertEquals(select(2, result.err:gsub("\n", "")), 1, result.err)
end

-- What /proc cannot tell is not none: it is said, also after another notice was given.
function TestWhatIsSaid:test_conditions_that_cannot_be_told()
  for _, filter in ipairs({ "rtt>0", "mark=0", "cookie=true", "dev='lo'", "cong='*'",
    "backlog>0", "rcvbuf>0", "cgroup='/'" }) do
    local name = filter:match("^%a+")
    local out = refused("no-diag:1:0", "print(#sockets) print(count<" .. filter .. ">)")
    lu.assertEquals(out.code, 0, out.err)
    lu.assertStrMatches(out.out, "%d+\n0\n")
    lu.assertStrContains(out.err, "no row meets them: " .. name)
  end
  local result = refused("no-diag:1:0", "print(count{'or', {lport=80}, {'rtt', '>', 9}})")
  lu.assertStrContains(result.err, "no row meets them: rtt")
  lu.assertEquals(result.out, by_netlink("print(count<lport=80>)"))
end

-- Absent, never 0.
function TestWhatIsSaid:test_what_is_not_told_is_absent()
  local out = from_proc("no-diag:1:0", [[
    for _, s in ipairs(sockets{proto="tcp"}:list()) do
      for _, name in ipairs{"cookie", "rtt", "rcvbuf", "mark", "cgroup", "cong", "v6only", "dev",
        "dev_index", "backlog", "backlog_used", "drops"} do
        if s[name] ~= nil then print(name, s[name]) end
      end
      if s.state == "listen" and s.sendq ~= nil then print("sendq", s.sendq) end
      assert(s.refs >= 0)
    end
    for s in sockets{proto="udp"} do assert(s.drops == 0 and s.refs >= 1) end]])
  lu.assertEquals(out, "")
end

function TestWhatIsSaid:test_nothing_is_closed()
  local result = refused("no-diag:1:0", "print(sockets{lport=80, state='listen'}:destroy())")
  lu.assertStrContains(result.err, "sock_diag")
  lu.assertNotEquals(result.code, 0)
  lu.assertTrue(count { lport = 80, state = "listen" } > 0)
end

-- Of mptcp /proc tells no more than how many there are.
function TestWhatIsSaid:test_what_nobody_lists_is_missing()
  local n = count { proto = "mptcp", family = "inet" }
  if n == 0 then
    S.skip("this kernel has no mptcp")
  end
  local result = refused("no-diag:1:0", "print(count{proto='mptcp', family='inet'})")
  lu.assertEquals(result.out, "0\n")
  lu.assertEquals(result.code, 3)
  lu.assertStrContains(result.err, "does not list mptcp sockets (IPv4), of which there are " .. n)
end

function TestWhatIsSaid:test_sockets_that_are_only_bound()
  local result = refused("no-diag:1:0", "print(count{state='bound-inactive'})")
  lu.assertEquals(result.out, "0\n")
  lu.assertEquals(result.code, 3)
  lu.assertStrContains(result.err, "only bound")
end

-- In another namespace its own tables are read.
function TestWhatIsSaid:test_other_namespaces()
  local chunk = "print(count{netns='" .. os.getenv("SOCKMAKER_PID") .. "'})"
  same("no-diag:1:0", chunk)
  local result = S.run({ "unshare", "-n", "env", "LD_PRELOAD=" .. shim,
    "CONNSH_SHIM=no-diag:1:0", S.connsh_path(), "-e", chunk .. " print(#sockets)" })
  if result.code == 0 then
    lu.assertEquals(result.out, by_netlink(chunk) .. "0\n")
  end
end

TestMany = {}

-- 20,000 sockets: counted whole, in memory that does not grow with them.
function TestMany:test_stream_in_flat_memory()
  local chunk = [[
    print(count{state="established"}, sockets:group("state"):count():count() > 0)
    print(io.open("/proc/self/status"):read("a"):match("VmHWM:%s*(%d+)"))]]
  local command = { "env", "LD_PRELOAD=" .. shim, "CONNSH_SHIM=no-diag:1:0", S.connsh_path(), "-e",
    chunk }
  local few = S.sockmaker({ "conn=127.0.0.1:9000*10", cmd = command })
  local many = S.sockmaker({ "bulk=127.0.0.1:9000*10000", cmd = command })
  lu.assertEquals(few.code, 0, few.err)
  lu.assertEquals(many.code, 0, many.err)
  local n_few, peak_few = few.out:match("^(%d+)\ttrue\n(%d+)\n$")
  local n_many, peak_many = many.out:match("^(%d+)\ttrue\n(%d+)\n$")
  lu.assertEquals(tonumber(n_few), 20)
  lu.assertEquals(tonumber(n_many), 20000)
  lu.assertTrue(tonumber(peak_many) - tonumber(peak_few) < 1024,
    peak_few .. " and " .. peak_many .. " KiB")
end

S.main()
