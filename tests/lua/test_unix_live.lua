-- Unix sockets of every kind, held by two processes: what connsh says is what ss and
-- /proc/net/unix say, and what is known of how they were made. And the other ends, of loopback
-- connections too.
-- luacheck: globals sockets count connsh

local lu = require("luaunit")
local S = require("support")

local build = os.getenv("BUILD") or "build"
local shim = build .. "/tests/nlshim.so"

local function run_inside()
  local folder = S.run({ "mktemp", "-d" }).out:match("[^\n]+")
  -- sockmaker without a socket of its own: it brings up the loopback device
  local words = { S.sh_quote(S.sockmaker_path()), "--", S.sh_quote(build .. "/tests/unixmaker"),
    S.sh_quote(folder), S.sh_quote(S.connsh_path()) }
  for i = 0, #arg do
    words[#words + 1] = S.sh_quote(arg[i])
  end
  local _, how, number = os.execute(table.concat(words, " "))
  os.execute("rm -rf " .. S.sh_quote(folder))
  os.exit(how == "signal" and 128 + number or number)
end

if not os.getenv("UM_PARENT") then
  run_inside()
end

-- The inode of a socket that unixmaker made, or the pid of one of the two processes.
local um = setmetatable({}, { __index = function(memo, name)
  memo[name] = math.tointeger(tonumber((assert(os.getenv("UM_" .. name), name))))
  return memo[name]
end })

local function row_of(name, fields)
  local rows = sockets { proto = "unix", inode = um[name] }:list()
  lu.assertEquals(#rows, 1, name)
  for field, value in pairs(fields or {}) do
    lu.assertEquals(rows[1][field], value or nil, name .. "." .. field)
  end
  return rows[1]
end

-- ---- what is known --------------------------------------------------------------------------

TestKnown = {}

function TestKnown:test_listener()
  local l = row_of("LISTENER", { state = "listen", type = "stream", path = "x.sock",
    name = "x.sock", abstract = false, accept_queue = 2, backlog = 5, backlog_used = 0.4,
    recvq = 2, sendq = 5, peer_inode = false, peer_name = false, peer_pid = false,
    pid = um.PARENT, family = "unix", proto = "unix", owner_status = "held", laddr = false,
    lport = false })
  lu.assertIs(l.shutdown_recv, false)
  lu.assertIs(l.shutdown_send, false)
  -- the other connection that waits has been closed meanwhile
  lu.assertEquals(l.pending, { um.WAITS })
end

function TestKnown:test_connection()
  row_of("CLIENT", { state = "established", type = "stream", path = false, abstract = false,
    name = false, recvq = 0, peer_inode = um.ACCEPTED, peer_path = "x.sock",
    peer_name = "x.sock", peer_abstract = false, pid = um.CHILD, comm = "unix-client",
    peer_pid = um.PARENT, accept_queue = false, backlog = false, backlog_used = false,
    pending = false })
  row_of("ACCEPTED", { state = "established", path = "x.sock", recvq = 5, sendq = 0,
    peer_inode = um.CLIENT, peer_path = false, pid = um.PARENT, peer_pid = um.CHILD,
    peer_comm = "unix-client" })
end

function TestKnown:test_abstract()
  row_of("ABSTRACT", { state = "listen", type = "seqpacket", path = false,
    abstract = "ab\0c\nd\0", name = "@ab@c\nd@", backlog = 3, accept_queue = 0,
    path_dev = false, path_inode = false })
  local auto = row_of("AUTO", { state = "close", type = "dgram", path = false })
  lu.assertStrMatches(auto.abstract, "%x%x%x%x%x")
  lu.assertEquals(auto.name, "@" .. auto.abstract)
  row_of("UNNAMED", { state = "close", name = false, path = false, abstract = false,
    peer_inode = false })
end

function TestKnown:test_paths()
  row_of("AT", { path = "@file", name = "@file", abstract = false })
  row_of("LONGEST", { path = ("p"):rep(108), name = ("p"):rep(108) })
  local forger = row_of("FORGER", { abstract = false })
  lu.assertStrMatches(forger.path, "f\n0+: 00000099 0+ 0+ 0001 03 " .. um.LISTENER .. " x%.sock")
  lu.assertIs(forger.name, forger.path)
  local abstract = row_of("FORGER_ABSTRACT", { path = false })
  lu.assertEquals(abstract.name, "@" .. abstract.abstract)
end

function TestKnown:test_dgram()
  row_of("DGRAM", { type = "dgram", path = "d.sock", peer_inode = false, peer_pid = false })
  row_of("DGRAM_CLIENT", { type = "dgram", state = "established", path = false,
    peer_inode = um.DGRAM, peer_path = "d.sock", peer_pid = um.PARENT })
end

function TestKnown:test_pairs()
  local one = row_of("PAIR", { peer_inode = um.PAIR_PEER, peer_pid = um.CHILD, name = false })
  local two = row_of("PAIR_PEER", { peer_inode = um.PAIR, peer_pid = um.PARENT })
  lu.assertEquals({ one.shutdown_recv, one.shutdown_send }, { false, true })
  lu.assertEquals({ two.shutdown_recv, two.shutdown_send }, { true, false })
  row_of("SHARED", { type = "seqpacket", pid = math.min(um.PARENT, um.CHILD) })
  row_of("SHARED_PEER", { peer_inode = um.SHARED, peer_pid = math.min(um.PARENT, um.CHILD) })
end

function TestKnown:test_in_flight()
  local s = row_of("FLIGHT", { pid = false, comm = false, peer_inode = um.FLIGHT_PEER,
    peer_pid = um.PARENT })
  lu.assertTrue(s.owner_status == "kernel" or s.owner_status == "permission"
    or s.owner_status == "other-pidns", s.owner_status)
  row_of("FLIGHT_PEER", { peer_inode = um.FLIGHT, peer_pid = false, peer_comm = false })
end

function TestKnown:test_waiting()
  local rows = {}
  for s in sockets { proto = "unix", owner_status = "not-accepted" } do
    rows[#rows + 1] = s
    lu.assertEquals({ s.state, s.type, s.path, s.name }, { "established", "stream", "x.sock",
      "x.sock" })
    lu.assertNil(s.inode)
    lu.assertNil(s.cookie)
    lu.assertNil(s.pid)
    lu.assertNil(s.uid)
    lu.assertNil(s.recvq)
    lu.assertNil(s.refs)
    lu.assertNil(s.path_inode)
  end
  lu.assertEquals(#rows, 2)
  table.sort(rows, function(a, b) return (a.peer_inode or 0) > (b.peer_inode or 0) end)
  lu.assertEquals({ rows[1].peer_inode, rows[1].peer_pid, rows[1].peer_comm },
    { um.WAITS, um.CHILD, "unix-client" })
  lu.assertNil(rows[2].peer_inode)
  lu.assertNil(rows[2].peer_pid)
  -- what waits has no inode yet, but whose it will be is known
  row_of("WAITS", { peer_inode = false, peer_path = "x.sock", peer_pid = false })
end

function TestKnown:test_users()
  for s in sockets { proto = "unix", inode = true } do
    lu.assertEquals(s.uid, 0)
    lu.assertEquals(s.user, "root")
  end
end

-- ---- beside ss --------------------------------------------------------------------------------

TestBeside = {}

local types = { u_str = "stream", u_dgr = "dgram", u_seq = "seqpacket" }
local states = { ESTAB = "established", LISTEN = "listen", UNCONN = "close" }

-- The rows of ss by inode, but for those whose names would break its lines.
local function rows_of_ss()
  local rows = {}
  local text = S.run({ "ss", "-Hxaem" }).out
  for line in text:gmatch("[^\n]+") do
    local netid, state, recvq, sendq, name, inode, peer, rest =
      line:match("^(u_%l+)%s+(%u+)%s+(%d+)%s+(%d+)%s+(%S+)%s+(%d+)%s+%*%s+(%d+)%s*(.*)$")
    if netid then
      rows[tonumber(inode)] = { type = types[netid], state = states[state],
        recvq = tonumber(recvq), sendq = tonumber(sendq), name = name ~= "*" and name or nil,
        peer = tonumber(peer), rest = rest }
    end
  end
  return rows
end

local arrows = { ["<->"] = { false, false }, ["-->"] = { true, false }, ["<--"] = { false, true } }

local function compare_extras(s, row)
  local r, rb, t, tb, f, w, o, bl, d =
    row.rest:match("skmem:%(r(%d+),rb(%d+),t(%d+),tb(%d+),f(%d+),w(%d+),o(%d+),bl(%d+),d(%d+)%)")
  lu.assertEquals({ s.rmem, s.rcvbuf, s.wmem, s.sndbuf, s.fwd_alloc, s.wmem_queued, s.optmem,
    s.backlog_mem, s.drops }, { tonumber(r), tonumber(rb), tonumber(t), tonumber(tb),
    tonumber(f), tonumber(w), tonumber(o), tonumber(bl), tonumber(d) })
  lu.assertEquals({ s.shutdown_recv, s.shutdown_send }, arrows[row.rest:match("[<-]%-[>-]")])
  lu.assertEquals(s.path_inode, tonumber(row.rest:match(" ino:(%d+)")))
  local peers = row.rest:match(" peers:([ %d]*)")
  local pending = {}
  for inode in (peers or ""):gmatch("%d+") do
    -- ss shows what was closed meanwhile as 0
    pending[#pending + 1] = tonumber(inode) ~= 0 and tonumber(inode) or nil
  end
  lu.assertEquals(s.pending or {}, pending)
end

function TestBeside:test_ss()
  local theirs = rows_of_ss()
  local compared = 0
  for s in sockets { proto = "unix", inode = true } do
    local row = theirs[s.inode]
    if row then
      compared = compared + 1
      lu.assertEquals({ s.type, s.state, s.recvq, s.sendq, s.name, s.peer_inode or 0 },
        { row.type, row.state, row.recvq, row.sendq, row.name, row.peer }, s.inode)
      compare_extras(s, row)
      theirs[s.inode] = nil
    end
  end
  lu.assertTrue(compared >= 15, compared)
  lu.assertNil(next(theirs))
end

-- ss shows no cookie of unix sockets: that the kernel finds the socket by it is the proof.
function TestBeside:test_asked_again()
  local seen = {}
  for s in sockets { proto = "unix", inode = true } do
    lu.assertNotNil(s.cookie)
    lu.assertNil(seen[s.cookie])
    seen[s.cookie] = true
  end
  -- the file is asked for only when the record is
  lu.assertNotNil(sockets { path = "x.sock", state = "listen" }:first().path_inode)
end

function TestBeside:test_file()
  local folder = os.getenv("UM_FOLDER")
  local stat = S.run({ "stat", "-c", "%d %i", folder .. "/x.sock" }).out
  local device, inode = stat:match("^(%d+) (%d+)\n$")
  lu.assertNotNil(device, stat)
  local l = row_of("LISTENER", { path_inode = tonumber(inode) & 0xffffffff })
  lu.assertEquals(l.path_dev, tonumber(device))
  -- what was accepted has its listener's
  row_of("ACCEPTED", { path_inode = tonumber(inode) & 0xffffffff, path_dev = tonumber(device) })
end

-- RefCount as the kernel wrote it: the last row of an inode that begins with a pointer that is
-- not all zero, as those of the forged rows are.
local function refs_of_proc()
  local refs = {}
  for line in io.lines("/proc/thread-self/net/unix") do
    local pointer, count, inode =
      line:match("^(%x+): (%x+) 00000000 %x+ %x+ %x+ +(%d+)")
    if pointer and not pointer:find("^0+$") and inode ~= "0" then
      refs[tonumber(inode)] = tonumber(count, 16)
    end
  end
  return refs
end

function TestBeside:test_refs()
  local refs = refs_of_proc()
  local n = 0
  for s in sockets { proto = "unix", inode = true } do
    if refs[s.inode] then
      lu.assertEquals(s.refs, refs[s.inode], s.name)
      n = n + 1
    end
    lu.assertNotEquals(s.refs, 0x99)
  end
  lu.assertTrue(n >= 20, n)
end

-- ---- what is asked ------------------------------------------------------------------------------

TestAsked = {}

function TestAsked:test_only_when_named()
  for s in sockets do
    lu.assertNotEquals(s.proto, "unix")
  end
  local all = sockets { proto = "unix" }:count()
  lu.assertEquals(sockets { family = "unix" }:count(), all)
  lu.assertEquals(sockets { family = "local" }:count(), all)
  lu.assertEquals(sockets { proto = "unix", type = true }:count(), all)
  lu.assertEquals(sockets { proto = "*", family = "unix" }:count(), all)
  lu.assertEquals(sockets { proto = "unix", lport = 7001 }:count(), 0)
  lu.assertEquals(sockets { proto = { "tcp", "unix" } }:count(),
    all + sockets { proto = "tcp" }:count())
  lu.assertEquals(sockets { path = "x.sock" }:count(), 4)
  lu.assertEquals(sockets { abstract = "ab\0c\nd\0" }:count(), 1)
  lu.assertEquals(sockets { abstract = "ab" }:count(), 0)
  lu.assertEquals(sockets { pending = um.WAITS }:first().inode, um.LISTENER)
  lu.assertEquals(sockets { proto = "unix", lport = true }:count(), 0)
end

function TestAsked:test_states()
  local by = {}
  for s in sockets { proto = "unix" } do
    by[s.state] = (by[s.state] or 0) + 1
  end
  for _, state in ipairs({ "established", "listen", "close" }) do
    lu.assertTrue(by[state] > 0)
    lu.assertEquals(sockets { proto = "unix", state = state }:count(), by[state], state)
  end
  lu.assertEquals(sockets { proto = "unix", state = "syn-sent" }:count(), 0)
end

function TestAsked:test_each_once()
  local n = sockets { proto = "unix" }:count()
  lu.assertEquals(sockets { proto = "unix", consistent = true }:count(), n)
  lu.assertEquals(sockets { proto = "unix", ordered = true }:count(), n)
  local q = sockets { proto = "unix" }
  lu.assertEquals(q:count(), n)
  lu.assertTrue(q.complete)
  lu.assertEquals(q.source, "netlink")
end

function TestAsked:test_columns()
  local text = sockets { proto = "unix", state = "listen" }:table()
  lu.assertStrMatches(text:match("[^\n]+"), "proto +state +type +name +recvq%S+ +sendq%S+ *")
  lu.assertStrMatches(sockets:table():match("[^\n]+"),
    "proto +state +laddr +lport +raddr +rport +recvq%S+ +sendq%S+ *")
end

-- ---- the other end ------------------------------------------------------------------------------

TestPeer = {}

function TestPeer:test_inet()
  local ends = {
    TCP_CLIENT = "TCP_ACCEPTED", TCP_ACCEPTED = "TCP_CLIENT", UDP = "UDP_PEER", UDP_PEER = "UDP",
    MAPPED_CLIENT = "MAPPED_ACCEPTED", MAPPED_ACCEPTED = "MAPPED_CLIENT",
  }
  local parents = { TCP_ACCEPTED = true, MAPPED_ACCEPTED = true, UDP = true }
  for here, there in pairs(ends) do
    local s = sockets { inode = um[here] }:first()
    lu.assertEquals(s.peer_inode, um[there], here)
    lu.assertEquals(s.peer_pid, parents[here] and um.CHILD or um.PARENT, here)
    lu.assertNil(s.peer_name)
  end
  for _, name in ipairs({ "TCP", "TCP6", "TCP_WAITS" }) do
    local s = sockets { inode = um[name] }:first()
    lu.assertNil(s.peer_inode, name)
    lu.assertNil(s.peer_pid, name)
  end
  lu.assertEquals(sockets { lport = 7001, inode = false }:first().peer_inode, um.TCP_WAITS)
end

function TestPeer:test_conditions()
  lu.assertEquals(sockets { path = "x.sock", peer_comm = "unix-client", inode = true }:count(), 1)
  lu.assertEquals(sockets { path = "x.sock", peer_pid = um.CHILD }:count(), 2)
  lu.assertEquals(sockets { peer_path = "x.sock", inode = true, peer_pid = um.PARENT }
    :first().inode, um.CLIENT)
  lu.assertEquals(sockets { lport = 7001, peer_pid = um.CHILD }:count(), 2)
  -- a socket with two holders is at the other end of either
  for _, pid in ipairs({ um.PARENT, um.CHILD }) do
    lu.assertEquals(sockets { proto = "unix", peer_inode = um.SHARED, peer_pid = pid }:count(), 1)
  end
  lu.assertEquals(sockets { proto = "unix", peer_inode = um.FLIGHT, peer_pid = true }:count(), 0)
end

-- A condition names the process at one end; that at the other is looked for among all.
function TestPeer:test_beside_owners()
  local q = sockets { proto = "unix", pid = um.CHILD, inode = um.CLIENT }
  lu.assertEquals(q:select("pid", "peer_pid"):list()[1].peer_pid, um.PARENT)
  q = sockets { proto = "unix", comm = "unix-client", peer_path = "d.sock" }
  local rows = q:select("comm", "peer_pid", "peer_comm"):list()
  lu.assertEquals(#rows, 1)
  lu.assertEquals({ rows[1].comm, rows[1].peer_pid }, { "unix-client", um.PARENT })
  lu.assertEquals(sockets { proto = "unix", pid = um.PARENT, peer_pid = um.CHILD,
    path = "x.sock" }:first().inode, um.ACCEPTED)
  -- of two holders the lowest is given, whichever a condition names
  local shared = sockets { proto = "unix", inode = um.SHARED_PEER }
  lu.assertEquals(shared:first().peer_pid, math.min(um.PARENT, um.CHILD))
end

function TestPeer:test_one_liner()
  local result = S.connsh("-e", 'print(sockets{proto="unix", path="x.sock", state="established",'
    .. 'inode=true}:select("pid","peer_pid","peer_comm"):csv())')
  lu.assertEquals(result.err, "")
  lu.assertStrContains(result.out:gsub("\r", ""),
    ("\n%d,%d,unix-client\n"):format(um.PARENT, um.CHILD))
end

-- From another namespace, and of a connection between two of them.
function TestPeer:test_namespaces()
  local words = S.namespace()
  if not words then
    S.skip("no namespace")
  end
  local command = table.move(words, 1, #words, 1, {})
  table.move({ S.connsh_path(), "-e", ([[
    local here = sockets{proto="unix", netns=%d, inode=%d}:select("pid", "peer_pid", "peer_name")
    local row = here:list()[1]
    print(row.pid, row.peer_pid, row.peer_name)
    print(sockets{netns=%d, inode=%d}:select("peer_pid"):list()[1].peer_pid)
    print(sockets{proto="unix", inode=%d}:count())
  ]]):format(um.PARENT, um.CLIENT, um.PARENT, um.TCP_CLIENT, um.CLIENT) }, 1, 3, #command + 1,
    command)
  local result = S.run(command)
  lu.assertEquals(result.out, ("%d\t%d\tx.sock\n%d\n0\n"):format(um.CHILD, um.PARENT, um.PARENT),
    result.err)
end

-- More rows than are asked for one by one.
function TestPeer:test_many()
  local result = S.sockmaker({ "conn=127.0.0.1:8000*700", cmd = { S.connsh_path(), "-e", [[
    local by, n = {}, 0
    local function name(s, a, p, b, q) return s[a] .. s[p] .. "/" .. s[b] .. s[q] end
    local all = sockets{proto="tcp", state="established"}:list()
    for _, s in ipairs(all) do by[name(s, "laddr", "lport", "raddr", "rport")] = s end
    for s in sockets{proto="tcp", state="established", peer_inode=true} do
      local other = by[name(s, "raddr", "rport", "laddr", "lport")]
      assert(other.inode == s.peer_inode)
      n = n + 1
    end
    print(#all, n)
  ]] } })
  lu.assertEquals(result.out, "1400\t1400\n", result.err)
end

-- ---- without unix_diag ----------------------------------------------------------------------

TestRefused = {}

local function refused(script)
  local result = S.run({ "env", "LD_PRELOAD=" .. shim, "CONNSH_SHIM=errmsg:1:0",
    S.connsh_path(), "-e", script })
  lu.assertEquals(result.code, 0, result.err)
  return result.out
end

function TestRefused:test_rows()
  local out = refused([[
    local q = sockets{proto="unix"}
    for s in q do
      print(s.inode, s.state, s.type, s.refs, s.path, s.abstract and s.abstract:gsub("%c", "?"),
        s.pid, s.owner_status, s.cookie, s.recvq, s.uid)
    end
    print(q.source)
  ]])
  out = "\n" .. out
  lu.assertStrContains(out, ("\n%d\tlisten\tstream\t2\tx.sock\tnil\tnil\tuntrusted\tnil\t")
    :format(um.LISTENER))
  lu.assertStrContains(out, ("\n%d\testablished\tdgram\t2\tnil\tnil\tnil\tuntrusted\t")
    :format(um.DGRAM_CLIENT))
  lu.assertStrContains(out, ("\n%d\tlisten\tseqpacket\t2\tnil\tab@c?d@"):format(um.ABSTRACT))
  local waits = select(2, out:gsub("nil\testablished\tstream\t%d+\tx.sock\tnil\tnil\tnot%-accepted",
    ""))
  lu.assertEquals(waits, 2)
  lu.assertStrContains(out, "\nproc\n")
end

-- What waits has no inode, and in namespaces that were made alike it is the same to a byte. There
-- are two, in either order: of three namespaces two have the same.
function TestRefused:test_rows_alike_in_namespaces()
  local folder = S.run({ "mktemp", "-d" }).out:match("[^\n]+")
  local maker = { "unshare", "-n", S.sockmaker_path(), "--", build .. "/tests/unixmaker", folder }
  local command = table.move(maker, 1, #maker, 1, {})
  local middle = 'rm -rf "$UM_FOLDER"/*; MIDDLE=$UM_PARENT exec "$@"'
  for _, word in ipairs { "sh", "-c", middle, "sh" } do
    command[#command + 1] = word
  end
  table.move(maker, 1, #maker, #command + 1, command)
  for _, word in ipairs { "env", "LD_PRELOAD=" .. shim, "CONNSH_SHIM=errmsg:1:0",
    S.connsh_path(), "-e", ([[
    local all = { os.getenv("UM_PARENT"), os.getenv("MIDDLE"), "%d" }
    for _, ns in ipairs { all[1], all[2], all[3], all } do
      print(count { proto = "unix", netns = ns, inode = false })
    end
  ]]):format(um.PARENT) } do
    command[#command + 1] = word
  end
  local result = S.run(command)
  S.run({ "rm", "-rf", folder })
  lu.assertEquals(result.out, "2\n2\n2\n6\n", result.err)
end

-- A forged row stands beside the one that it pretends to be, wherever in the list it is.
function TestRefused:test_not_in_its_place()
  local out = refused(([[
    for s in sockets{proto="unix", inode=%d} do print(s.state, s.refs, s.path) end
    for s in sockets{proto="unix", inode=%d} do print(s.state, s.refs, s.path) end
  ]]):format(um.LISTENER, um.CLIENT))
  lu.assertStrContains("\n" .. out, "\nlisten\t2\tx.sock\n")
  lu.assertStrContains("\n" .. out, "\nestablished\t153\tx.sock\n")
  lu.assertStrContains("\n" .. out, "\nestablished\t3\tnil\n")
  lu.assertStrContains("\n" .. out, "\nestablished\t153\ty\n")
end

-- The forged row of a tcp socket is listed, as nothing tells it from others, but it has no owner.
function TestRefused:test_forged()
  lu.assertEquals(refused(([[
    for s in sockets{proto="unix", inode=%d} do print(s.path, s.pid, s.owner_status) end
    print(sockets{proto="unix", pid=true}:count())
  ]]):format(um.TCP)), "evil\tnil\tuntrusted\n0\n")
end

S.main()
