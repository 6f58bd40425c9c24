-- The source `processes`: what /proc and ps say of processes that the test starts.
-- luacheck: globals processes sockets

local lu = require("luaunit")
local S = require("support")

S.inside({ "bulk=127.0.0.1:7000*40,procs=6" })

local holder = tonumber(os.getenv("SOCKMAKER_PID"))
local me = tonumber(S.read_file("/proc/self/stat"):match("^%d+"))

local fails = S.fails

local function as_root()
  if S.run({ "id", "-u" }).out ~= "0\n" then
    S.skip("needs root")
  end
end

-- Starts a shell that waits until its pipe is closed; returns its pid and the pipe.
local function start(command)
  local name = os.tmpname()
  local pipe = assert(io.popen("echo $$ >" .. name .. "; " .. command, "w"))
  local pid
  for _ = 1, 200 do
    pid = tonumber(S.read_file(name))
    if pid then
      break
    end
    os.execute("sleep 0.01")
  end
  os.remove(name)
  lu.assertNotNil(pid, "the shell did not start")
  return pid, pipe
end

-- Until f gives something.
local function wait_for(f)
  for _ = 1, 200 do
    local value = f()
    if value then
      return value
    end
    os.execute("sleep 0.01")
  end
  lu.fail("waited in vain")
end

local function ps(pid, what)
  local result = S.run({ "ps", "-o", what .. "=", "-p", tostring(pid) })
  if result.code == 127 then
    S.skip("no ps on this system")
  end
  return (result.out:gsub("^%s+", ""):gsub("%s+$", ""))
end

local function link(pid, name)
  return (S.run({ "readlink", "/proc/" .. pid .. "/" .. name }).out:gsub("\n$", ""))
end

TestFields = {}

function TestFields:test_each_is_what_ps_says()
  local pid, pipe = start("exec sh -c 'read x' 'a b' c")
  local ok, why = pcall(function()
    local p = wait_for(function() return processes { pid = pid, state = "sleeping" }:first() end)
    lu.assertEquals({ p.pid, p.ppid }, { pid, tonumber(ps(pid, "ppid")) })
    lu.assertEquals({ p.uid, p.user, p.gid },
      { tonumber(ps(pid, "uid")), ps(pid, "user"), tonumber(ps(pid, "gid")) })
    lu.assertEquals({ p.comm, p.cmdline }, { ps(pid, "comm"), "sh -c read x a b c" })
    lu.assertEquals(p.cmdline, ps(pid, "args"))
    lu.assertEquals(p.argv, { "sh", "-c", "read x", "a b", "c" })
    lu.assertEquals({ p.threads, p.rss }, { 1, tonumber(ps(pid, "rss")) * 1024 })
    lu.assertEquals(p.kernel, false)
    lu.assertEquals(p.exe, link(pid, "exe"))
    lu.assertEquals("net:[" .. p.netns_inode .. "]", link(pid, "ns/net"))
    lu.assertEquals(p.fds, tonumber(S.run("ls /proc/" .. pid .. "/fd | wc -l").out))
    lu.assertEquals(p.sockets_held, 0)
    lu.assertEquals(p.cgroup, S.read_file("/proc/" .. pid .. "/cgroup"):match("0::([^\n]*)"))
    lu.assertTrue(math.abs(os.time() - p.started) < 60)
    lu.assertTrue(p.age >= 0 and p.age < 60)
    lu.assertAlmostEquals(processes { pid = pid }:first().age - p.age, 0, 5)
    lu.assertEquals(processes { pid = pid }:first().started, p.started)
    lu.assertNil(p.netns)
  end)
  pipe:close()
  lu.assertTrue(ok, type(why) == "table" and why.msg or why)
  lu.assertNil(processes { pid = pid }:first())
end

function TestFields:test_all_at_once_are_the_same_as_one_by_one()
  local fields = { "pid", "ppid", "uid", "gid", "exe", "cmdline", "cgroup", "netns_inode" }
  for p in processes { comm = "sockmaker" } do
    local all = processes { pid = p.pid }:select(table.unpack(fields)):first()
    for _, name in ipairs(fields) do
      lu.assertEquals(p[name], all[name], name)
    end
  end
  lu.assertTrue(processes { comm = "sockmaker" }:count() >= 6)
end

function TestFields:test_sockets_that_it_holds()
  local total = 0
  for p in processes { comm = "sockmaker", { "sockets_held", ">", 0 } } do
    lu.assertTrue(p.fds >= p.sockets_held)
    total = total + p.sockets_held
  end
  lu.assertTrue(total >= 80, total)
end

function TestFields:test_hostile_names_and_arguments()
  local pid, pipe = start("exec perl -e '$0 = \"x\"; open(F, \">/proc/self/comm\"); "
    .. "print F \"a) R\\n\\\\\\x01\\xff\"; close(F); <STDIN>' 2>&1")
  local ok, why = pcall(function()
    local p = wait_for(function()
      return processes { pid = pid, comm = "a) R\n\\\1\xff" }:first()
    end)
    lu.assertEquals({ p.pid, p.ppid }, { pid, me })
    local line = S.connsh("-p", "processes<pid=" .. pid .. ">").out
    lu.assertEquals(select(2, line:gsub("\n", "")), 2)
    lu.assertNil(line:find("[\1\xff]"))
    lu.assertStrContains(line, "a) R\\x0a\\\\\\x01\\xff")
  end)
  pipe:close()
  lu.assertTrue(ok, type(why) == "table" and why.msg or why)
end

function TestFields:test_zombies()
  local pid, pipe = start("(exit 0) & exec cat >/dev/null")
  local ok, why = pcall(function()
    local p = wait_for(function() return processes { ppid = pid, state = "zombie" }:first() end)
    lu.assertEquals({ p.exe, p.cmdline, p.argv, p.rss, p.uid },
      { nil, nil, nil, nil, tonumber(ps(p.pid, "uid")) })
  end)
  pipe:close()
  lu.assertTrue(ok, type(why) == "table" and why.msg or why)
end

function TestFields:test_threads_of_the_kernel()
  local p = processes { kernel = true }:first()
  if not p then
    S.skip("this pid namespace has none")
  end
  lu.assertEquals({ p.exe, p.cmdline, p.rss }, {})
  lu.assertTrue(processes { kernel = true, exe = true }:count() == 0)
end

function TestFields:test_cpu_time()
  local pid, pipe = start("exec sh -c 'while :; do :; done' 2>/dev/null")
  local ok, why = pcall(function()
    local rate
    for _ = 1, 5 do
      rate = processes { pid = pid }:rate(0.5):first().cpu_time_rate
      if rate > 0.1 and rate < 1.3 then
        return
      end
    end
    lu.fail("cpu_time_rate " .. tostring(rate))
  end)
  os.execute("kill " .. pid)
  pipe:close()
  lu.assertTrue(ok, type(why) == "table" and why.msg or why)
end

TestAsked = {}

function TestAsked:test_files_that_are_read()
  local function asks(q)
    return q:explain():match("asks +([^\n]*)")
  end
  lu.assertEquals(asks(processes { comm = "x" }), "processes, /proc/*: stat")
  lu.assertEquals(asks(processes { pid = 7, fds = 3 }), "processes, /proc/7: stat, fd")
  lu.assertEquals(asks(processes { user = "x" }:sort("exe")),
    "processes, /proc/*: stat, status, exe")
  lu.assertEquals(asks(processes { unit = "x" }), "processes, /proc/*: stat, cgroup")
  lu.assertEquals(asks(processes { netns = holder }), "processes, /proc/*: stat, ns/net")
end

function TestAsked:test_pids()
  lu.assertEquals(processes { pid = me }:first().pid, me)
  for _, pid in ipairs({ 0, -1, 2147483647, 4294967296 + me }) do
    lu.assertEquals(processes { pid = pid }:count(), 0)
  end
  lu.assertEquals(processes { pid = { me, holder } }:count(), 2)
  lu.assertEquals(processes { pid = me, comm = "nothing" }:count(), 0)
end

function TestAsked:test_processes_of_a_namespace()
  local own = processes { pid = me }:first().netns_inode
  local there = processes { netns = holder }
  lu.assertEquals(there:count(), processes { netns_inode = own }:count())
  lu.assertTrue(there:count() >= 7)
  lu.assertTrue(there:count() < #processes)
  for _, p in ipairs(there:list()) do
    lu.assertEquals({ p.netns, p.netns_inode }, { tostring(holder), own })
  end
  lu.assertEquals(processes { netns = holder, pid = holder }:first().comm, "sockmaker")
  -- another namespace has none of ours
  local result = S.run({ "unshare", "-n", S.connsh_path(), "-e",
    "print(#processes{netns='/proc/self/ns/net', pid=" .. holder .. "}, "
      .. "#processes{netns='/proc/self/ns/net', comm='connsh'})" })
  lu.assertEquals(result.out, "0\t1\n")
end

function TestAsked:test_join_with_sockets()
  local n = 0
  for s in sockets { lport = 7000, state = "established" } do
    lu.assertEquals(processes { pid = s.pid }:first().comm, s.comm)
    n = n + 1
    if n == 3 then
      break
    end
  end
  lu.assertEquals(n, 3)
end

function TestAsked:test_processes_that_end_meanwhile()
  local pid, pipe = start("exec sh -c 'while :; do (:); done' 2>/dev/null")
  local ok, why = pcall(function()
    for _ = 1, 20 do
      local seen = {}
      for p in processes do
        -- what else is asked of one that has ended is absent, and no error
        lu.assertEquals(type(p.pid), "number")
        lu.assertTrue(p.exe == nil or type(p.exe) == "string")
        lu.assertNil(seen[p.pid])
        seen[p.pid] = true
      end
      lu.assertTrue(seen[me] and seen[holder])
    end
  end)
  os.execute("kill " .. pid)
  pipe:close()
  lu.assertTrue(ok, type(why) == "table" and why.msg or why)
end

function TestAsked:test_unknown()
  fails(function() return processes { pidd = 1 } end, "pid")
  fails(function() return processes.sh end, "a query has no method")
end

-- What another user may not see.
TestHidden = {}

local function as_nobody(mount, ...)
  local result = S.run({ "unshare", "-m", "sh", "-c", mount
    .. ' exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"', "sh",
    S.connsh_path(), ... })
  if result.code == 77 then
    S.skip("no /proc of its own: " .. result.err)
  end
  return result
end

function TestHidden:test_of_other_users()
  as_root()
  local where = "processes<pid=" .. holder .. ">:first()"
  local result = as_nobody("", "-e", "local p = " .. where
    .. " print(p.comm, p.uid, p.exe, p.netns_inode)")
  lu.assertEquals({ result.out, result.code }, { "sockmaker\t0\tnil\tnil\n", 0 })
  lu.assertStrMatches(result.err, "connsh: note: [^\n]*hidden from this user[^\n]*\n")
  result = as_nobody("", "-e", "print(processes{comm='sockmaker', exe=true}:count())")
  lu.assertEquals({ result.out, result.code }, { "0\n", 0 })
  lu.assertStrMatches(result.err, "connsh: note: [^\n]*hidden from this user[^\n]*\n")
  -- what needs nothing of it says nothing
  result = as_nobody("", "-e", "print(processes{comm='sockmaker', uid=0}:count() > 5)")
  lu.assertEquals({ result.out, result.err, result.code }, { "true\n", "", 0 })
end

function TestHidden:test_hidepid()
  as_root()
  local mount = "mount -t proc -o hidepid=2 proc /proc || exit 77;"
  local result = as_nobody(mount, "-e", "print(processes{pid=" .. holder .. "}:count())")
  lu.assertEquals({ result.out, result.code }, { "0\n", 0 })
  lu.assertStrMatches(result.err, "connsh: note: [^\n]*hidepid[^\n]*\n")
end

function TestHidden:test_without_proc()
  if S.run({ "unshare", "-m", "mount", "-t", "tmpfs", "none", "/proc" }).code ~= 0 then
    S.skip("nothing can be mounted")
  end
  local result = S.run({ "unshare", "-m", "sh", "-c",
    'mount -t tmpfs none /proc && exec "$@"', "sh", S.connsh_path(), "-e", "print(#processes)" })
  if result.err:find("LeakSanitizer has encountered a fatal error", 1, true) then
    S.skip("the sanitizer cannot do without /proc")
  end
  lu.assertEquals({ result.out, result.code }, { "", 1 })
  lu.assertStrContains(result.err, "no procfs is mounted there")
end

function TestHidden:test_recording()
  local file = S.temporary()
  S.connsh("--record", file, "-e", "print(#sockets)")
  local result = S.connsh("--replay", file, "-e", "print(#processes)")
  lu.assertEquals({ result.out, result.code }, { "", 1 })
  lu.assertStrContains(result.err, "the recording has no list of processes")
end

S.main()
