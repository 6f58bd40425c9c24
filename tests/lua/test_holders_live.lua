-- Every descriptor by which sockets are held, beside what the installed ss says of them.
-- luacheck: globals sockets count

local lu = require("luaunit")
local S = require("support")

local PORT = 7600
local maker = (os.getenv("BUILD") or "build") .. "/tests/ownermaker"

S.inside({ "all", "conn=127.0.0.1:7590*20", "holders=2" })

-- The scene of `ownermaker many`, which ends with this program.
local said = S.temporary()
local _ <close> = assert(io.popen(S.sh_quote(maker) .. " many " .. PORT .. " >" .. said, "w"))
do
  local limit = os.time() + 20
  while S.read_file(said) ~= "ready\n" do
    assert(os.time() <= limit, "ownermaker does not start")
    S.run({ "sleep", "0.01" })
  end
end
S.may_keep("^pipe:")

-- What ss prints of a list of holders: each, the last one first; names end at their first ")".
local function users(holders)
  local list = {}
  for i = #(holders or {}), 1, -1 do
    local h = holders[i]
    list[#list + 1] = ('("%s",pid=%d,%sfd=%d)'):format(h.comm:match("^[^)]*"), h.pid,
      h.tid and "tid=" .. h.tid .. "," or "", h.fd)
  end
  return #list > 0 and "users:(" .. table.concat(list, ",") .. ")" or nil
end

local function ss(...)
  local result = S.run({ "ss", "-Hn", ... })
  if result.code == 127 then
    S.skip("no ss on this system")
  end
  lu.assertEquals(result.code, 0, result.err)
  return result.out
end

-- ---- one socket ----------------------------------------------------------------------------

TestOne = {}

-- Names may have any byte, so that the text is not parsed: what is expected must be in it.
local function same_as_ss(option, settings)
  local conditions = { proto = "tcp", lport = PORT, ordered = true }
  for name, value in pairs(settings) do
    conditions[name] = value
  end
  -- asked for a record that the query knew nothing of, and by a query that knows
  for _, q in ipairs({ sockets(conditions), sockets(conditions):select("holders") }) do
    local s = q:first()
    local got = users(s.holders)
    local said_by_ss = ss("-ltp" .. option, "sport", "=", ":" .. PORT)
    lu.assertStrContains(said_by_ss, " " .. got)
    lu.assertEquals(select(2, said_by_ss:gsub("pid=", "")), #s.holders)
  end
end

function TestOne:test_as_ss_says()
  same_as_ss("", {})
  same_as_ss("", { threads = false, contexts = true })
end

function TestOne:test_threads_as_ss_says()
  same_as_ss("T", { threads = true })
  same_as_ss("T", { threads = true, contexts = true })
end

local function each(holders, what)
  local list = {}
  for i, h in ipairs(holders) do
    list[i] = what(h)
  end
  return list
end

function TestOne:test_processes()
  local s = sockets { proto = "tcp", lport = PORT }:first()
  local comms, pids = {}, {}
  for _, h in ipairs(s.holders) do
    lu.assertNil(h.tid)
    lu.assertNil(h.context)
    lu.assertNil(h.sock_context)
    comms[h.comm] = (comms[h.comm] or 0) + 1
    if pids[#pids] ~= h.pid then
      pids[#pids + 1] = h.pid
    end
  end
  lu.assertEquals(comms, { ['a "b\n) c'] = 3, [""] = 3, ["l\u{e9}"] = 3 })
  lu.assertEquals(pids, s.pids)
  local first = each(s.holders, function(h) return h.pid == s.pid and h.fd or nil end)
  lu.assertEquals({ first[2], first[3] }, { 60, 100 })
end

function TestOne:test_threads()
  local s = sockets { proto = "tcp", lport = PORT, threads = true }:first()
  local list = {}
  for _, h in ipairs(s.holders) do
    local last = list[#list]
    if not last or last.tid ~= h.tid then
      last = { pid = h.pid, tid = h.tid, comm = h.comm, n = 0 }
      list[#list + 1] = last
    end
    last.n = last.n + 1
  end
  local expected = {
    { 'a "b\n) c', 3, true }, { "shares", 3 }, { ") apart", 3 }, { "shares", 3 }, { "", 3, true },
    { "l\u{e9}", 3, true }, { "\xff\xfe\x1b[m", 3 },
  }
  for i, e in ipairs(expected) do
    lu.assertEquals({ list[i].comm, list[i].n, list[i].pid == list[i].tid },
      { e[1], e[2], e[3] or false })
  end
  lu.assertEquals(#list, #expected)
end

-- What one thread alone has is found when threads are asked for.
function TestOne:test_of_one_thread()
  local alone = { proto = "udp", lport = PORT }
  lu.assertEquals(sockets(alone):select("holders"):first().holders, nil)
  alone.threads = true
  local found = sockets(alone):select("holders", "comm"):first()
  lu.assertEquals({ #found.holders, found.holders[1].comm, found.comm },
    { 1, ") apart", 'a "b\n) c' })
end

-- A condition that names a process hides no other holder.
function TestOne:test_beside_conditions()
  local all = #sockets { proto = "tcp", lport = PORT }:first().holders
  local pid = sockets { proto = "tcp", lport = PORT }:first().pids[2]
  for _, condition in ipairs({ { pid = pid }, { comm = "l\u{e9}" }, { holders = true } }) do
    condition.proto, condition.lport = "tcp", PORT
    lu.assertEquals(#sockets(condition):first().holders, all)
    lu.assertEquals(#sockets(condition):select("holders"):first().holders, all)
    lu.assertEquals(#sockets(condition):select("pids", "holders"):first().holders, all)
  end
  lu.assertEquals(count { proto = "tcp", lport = PORT, holders = false }, 0)
end

function TestOne:test_settings_are_booleans()
  for _, name in ipairs({ "threads", "contexts" }) do
    lu.assertErrorMsgContains(name .. " is a setting: it is true or false, not a number",
      function() return sockets { [name] = 1 } end)
    lu.assertNil(sockets { proto = "tcp", [name] = true }:first()[name])
  end
end

function TestOne:test_outputs()
  local q = sockets { proto = "udp", lport = PORT, threads = true }:select("lport", "holders")
  local h = q:first().holders[1]
  lu.assertEquals(q:json(),
    ('{"lport":%d,"holders":[{"pid":%d,"tid":%d,"comm":") apart","fd":%d}]}')
      :format(PORT, h.pid, h.tid, h.fd))
  local names = {}
  for name in pairs(h) do
    names[#names + 1] = name
  end
  lu.assertEquals(names, { "pid", "tid", "comm", "fd" })
  lu.assertErrorMsgContains("a holder has no field 'fdd'; did you mean 'fd'?",
    function() return h.fdd end)
end

-- ---- every kind ------------------------------------------------------------------------------

TestKinds = {}

-- Inode -> users, of each row that ss tells the inode of.
local function by_inode(text, pattern)
  local map = {}
  for line in text:gmatch("[^\n]+") do
    local inode = line:match(pattern)
    if inode and inode ~= "0" then
      map[tonumber(inode)] = line:match("users:%(.*%)%)") or false
    end
  end
  return map
end

local function compare(option, pattern, protos)
  local ours, n = {}, 0
  local theirs = by_inode(ss("-aep" .. option), pattern)
  for s in sockets { proto = protos, inode = true }:select("inode", "holders") do
    ours[s.inode] = users(s.holders) or false
  end
  for inode, text in pairs(theirs) do
    -- the scene's names have newlines, which TestOne looks at
    if not (ours[inode] or ""):find("\n") then
      lu.assertEquals(ours[inode], text, "inode " .. inode)
      n = n + 1
    end
  end
  return n
end

function TestKinds:test_tcp()
  lu.assertTrue(compare("t", " ino:(%d+)", "tcp") > 20)
end

function TestKinds:test_udp()
  lu.assertTrue(compare("u", " ino:(%d+)", "udp") > 0)
end

function TestKinds:test_unix()
  lu.assertTrue(compare("x", "^%S+%s+%S+%s+%d+%s+%d+%s+.- (%d+)%s+%* ", "unix") > 0)
end

function TestKinds:test_others()
  local n = 0
  for option, proto in pairs({ ["0"] = "packet", M = "mptcp", S = "sctp" }) do
    n = n + compare(option, " ino:(%d+)", proto)
  end
  lu.assertTrue(n > 0)
end

-- ---- recordings ------------------------------------------------------------------------------

TestRecorded = {}

local chunk = ([[
  for s in sockets{proto="tcp", lport=%d, threads=%%s}:select("holders") do
    for _, h in ipairs(s.holders) do
      io.write(h.pid, " ", h.tid or "-", " ", ("%%%%q"):format(h.comm), " ", h.fd, "\n")
    end
  end]]):format(PORT)

function TestRecorded:test_as_it_was()
  for _, threads in ipairs({ "false", "true" }) do
    local file = S.temporary()
    local live = S.connsh("--record", file, "-e", chunk:format(threads))
    lu.assertEquals({ live.code, live.err }, { 0, "" })
    lu.assertTrue(#live.out > 50)
    lu.assertEquals(S.connsh("--from", file, "-e", chunk:format(threads)).out, live.out)
    -- a thread's descriptors are not the process's
    lu.assertEquals(S.connsh("--from", file, "-e", chunk:format("false")).out,
      S.connsh("-e", chunk:format("false")).out)
  end
end

function TestRecorded:test_snapshot()
  local file = S.temporary()
  local result = S.connsh("--snapshot", file)
  -- 3: something changed in another namespace of this machine, which may be anybody's
  lu.assertTrue(result.code == 0 or result.code == 3, result.err)
  lu.assertEquals(S.connsh("--from", file, "-e", chunk:format("false")).out,
    S.connsh("-e", chunk:format("false")).out)
end

-- ---- SELinux -----------------------------------------------------------------------------------

TestSelinux = {}

-- ss refuses to show contexts where it is not in use.
function TestSelinux:test_in_use()
  local result = S.run({ "ss", "-tZ" })
  if result.code == 127 then
    S.skip("no ss on this system")
  end
  lu.assertEquals(connsh.selinux(), result.code == 0)
end

S.main()
