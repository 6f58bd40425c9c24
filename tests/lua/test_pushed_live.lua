-- What the kernel is asked: one pass for both families, what explain() says of each kind of
-- condition, kernels that refuse, cgroups, and the listeners behind `inbound`.
-- luacheck: globals sockets count

local lu = require("luaunit")
local S = require("support")

S.inside({ "all" })

-- The cookies of a query's rows, in order.
local function listed(q)
  local cookies = {}
  for _, s in ipairs(q:list()) do
    cookies[#cookies + 1] = s.cookie
  end
  table.sort(cookies)
  return cookies
end

-- ---- one pass for both families -----------------------------------------------------------

TestOnePass = {}

-- What does not move while the tests run.
local still = { "established", "listen", "close-wait", "fin-wait-2" }

function TestOnePass:test_same_rows_as_of_each_family()
  for _, state in ipairs(still) do
    local q = sockets { state = state, proto = "tcp" }
    local both, apart = listed(q), {}
    lu.assertStrContains(q:explain(), "tcp sockets (IPv4 and IPv6)")
    for _, family in ipairs({ "inet", "inet6" }) do
      local one = sockets { state = state, proto = "tcp", family = family }
      lu.assertStrContains(one:explain(), family == "inet" and "(IPv4)" or "(IPv6)")
      local cookies = listed(one)
      table.move(cookies, 1, #cookies, #apart + 1, apart)
    end
    table.sort(apart)
    lu.assertTrue(#both > 2)
    lu.assertEquals(both, apart)
  end
end

-- Other states for each family: nothing to merge.
function TestOnePass:test_other_states_are_asked_apart()
  local q = sockets { "or", { family = "inet", state = "listen" },
    { family = "inet6", state = "established" } }
  lu.assertNotStrContains(q:explain(), "IPv4 and IPv6")
  for s in q do
    lu.assertEquals(s.state, s.family == "inet" and "listen" or "established")
  end
end

-- A row that came by the older request is asked for again when a field needs more.
function TestOnePass:test_more_of_a_row_is_asked_for()
  local n = 0
  for _, s in ipairs(sockets { state = still, proto = "tcp" }:list()) do
    if s.state ~= "fin-wait-2" then
      lu.assertNotNil(s.cong, s.state .. " " .. s.laddr)
      n = n + 1
    end
  end
  lu.assertTrue(n > 20)
end

function TestOnePass:test_a_recording_holds_the_families_apart()
  local file = S.temporary()
  local filter = '{state="established", proto="tcp", inbound=true}'
  local asked = S.connsh("--record", file, "-e", "print(count" .. filter .. ")")
  local again = S.connsh("--from", file, "-e", "print(count" .. filter .. ")")
  lu.assertEquals(asked.err, "")
  lu.assertEquals(again.err, "")
  lu.assertEquals(asked.out, again.out)
  lu.assertEquals(asked.out, count { state = "established", proto = "tcp", inbound = true } .. "\n")
  local told = S.connsh("--record", file, "-e", 'print(sockets{proto="tcp"}:explain())').out
  lu.assertStrContains(told, "tcp sockets (IPv4),")
  lu.assertStrContains(told, "tcp sockets (IPv6),")
end

function TestOnePass:test_a_replay_answers_for_one_family()
  local file = S.temporary()
  S.connsh("--record", file, "-e", 'print(count{state="established", proto="tcp"})')
  local filter = '{family="inet6", state="established", proto="tcp"}'
  local one = S.connsh("--from", file, "-e", "print(count" .. filter .. ")")
  lu.assertEquals(one.out, load("return count" .. filter)() .. "\n")
end

-- ---- explain ------------------------------------------------------------------------------

TestExplain = {}

local EXACT, MORE, NONE = "passes exactly these rows", "passes these rows and others",
  "filters by what is asked only"

local function explained(filter, said)
  local text = sockets(filter):explain()
  lu.assertStrContains(text, said)
  local with = text:find("filtered by a program", 1, true) ~= nil
  lu.assertEquals(with, said ~= NONE, text)
end

function TestExplain:test_exact()
  for _, filter in ipairs({
    { lport = 80 }, { rport = { 80, 443 } }, { lport = "80-90" }, { { "lport", "<", 80 } },
    { { "rport", "!=", "1024-65535" } }, { laddr = "127.0.0.1" }, { raddr = "127.0.0.0/8" },
    { laddr = { "::1", "fd00::/16" } }, { { "laddr", "!=", "::/0" } }, { dev = "lo" },
    { dev = true }, { dev = false }, { { "dev", "!=", "lo" } }, { dev_index = 1 },
    { { "dev_index", "!=", { 1, 2 } } }, { dev_index = { 1, false } },
  }) do
    explained(filter, EXACT)
    explained({ "not", filter }, EXACT)
  end
end

function TestExplain:test_superset()
  local id = sockets { cgroup_id = true }:first().cgroup_id
  local filters = {
    { mark = 5 }, { mark = "4/6" }, { { "mark", "!=", { 5, 7 } } }, { cgroup_id = id },
    { { "cgroup_id", "!=", 5 } }, { laddr = "127.0.0.1", uid = 0 },
    { { "or", { lport = 80 }, { mark = 5 } } },
  }
  if sockets { cgroup = "/" }:first() then
    filters[#filters + 1] = { cgroup = "/" }
    filters[#filters + 1] = { { "cgroup", "!=", "/" } }
  end
  for _, filter in ipairs(filters) do
    explained(filter, MORE)
  end
end

-- Rows without the field pass these, though the kernel may know it.
function TestExplain:test_not_for_the_kernel()
  for _, filter in ipairs({
    { "not", { mark = 5 } }, { "not", { { "mark", "!=", 5 } } }, { mark = true },
    { mark = { 5, false } }, { "not", { cgroup_id = 5 } }, { cgroup = false },
    { "not", { cgroup = "/" } }, { cgroup = "/*" }, { cgroup = "//" }, { dev = "l*" },
    { dev = "nosuch" }, { dev = "lo:1" }, { dev = "if1" }, { uid = 0 }, { inbound = true },
    { "or", { lport = 80 }, { uid = 0 } },
  }) do
    explained(filter, NONE)
  end
end

-- ---- kernels that refuse ------------------------------------------------------------------

TestRefused = {}

local shim = (os.getenv("BUILD") or "build") .. "/tests/nlshim.so"
local SHOW = "local q = sockets%s print(q:count()) print(q:explain()) print(#q.warnings)"

local function refused(command, filter, expected)
  command[#command + 1] = S.connsh_path()
  command[#command + 1] = "-e"
  command[#command + 1] = SHOW:format(filter)
  local result = S.run(command)
  lu.assertEquals(result.code, 0, filter .. ": " .. result.err)
  lu.assertEquals(result.out:match("^%d+"), tostring(expected), filter)
  lu.assertStrContains(result.out, "the kernel refused the program: rows were filtered here")
end

function TestRefused:test_every_kind()
  for _, filter in ipairs({
    '{lport=80, state="established"}', '{laddr="127.0.0.0/8", state="listen"}', '{dev="lo"}',
    '{dev_index=1}', '{mark=7}', '{cgroup_id=true, raddr="::1", state="established"}',
    '{cgroup="/", state="listen"}',
  }) do
    local n = load("return count" .. filter)()
    refused({ "env", "LD_PRELOAD=" .. shim, "CONNSH_SHIM=einval" }, filter, n)
  end
end

-- Without CAP_NET_ADMIN the kernel tells no mark and takes no program that tests one.
function TestRefused:test_marks_without_permission()
  local without = { "setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin" }
  if S.run({ without[1], without[2], without[3], "true" }).code ~= 0 then
    S.skip("no setpriv that can drop CAP_NET_ADMIN")
  end
  refused({ table.unpack(without) }, "{mark=7}", 0)
  refused({ table.unpack(without) }, '{{"or", {mark=7}, {lport=80}}, state="listen"}',
    count { lport = 80, state = "listen" })
end

-- ---- cgroups and inbound ------------------------------------------------------------------

TestCgroup = {}

local function cgroup2()
  for line in io.lines("/proc/self/mountinfo") do
    local point = line:match("^%S+ %S+ %S+ / (%S+) .* %- cgroup2 ")
    if point then
      return point
    end
  end
end

-- Sockets in a cgroup of their own, and in one below it.
function TestCgroup:test_by_path_and_id()
  local point = cgroup2()
  local path = "/connsh-test-" .. sockets:first().cookie
  local folder = point and point .. path
  if not point or not os.execute("mkdir -p " .. folder .. "/below 2>/dev/null") then
    S.skip("no cgroup can be made here")
  end
  local script = [[
    move() { echo $$ >"$1/cgroup.procs" || exit 77; }
    move FOLDER/below
    exec SOCKMAKER listen=127.0.0.1:8181 udp=[::1]:8182 -- sh -c '
      echo $$ >FOLDER/cgroup.procs; exec SOCKMAKER listen=127.0.0.1:8183 -- sh -c "
        echo \$\$ >POINT/cgroup.procs; exec CONNSH -"']]
  script = script:gsub("%u%u%u+", { FOLDER = folder, POINT = point,
    SOCKMAKER = S.sockmaker_path(), CONNSH = S.connsh_path() })
  local result = S.run(script, { stdin = ([[
    local path = PATH
    local below = path .. "/below"
    local id = sockets{cgroup=below}:first().cgroup_id
    print(count{cgroup=path}, count{cgroup=below}, count{cgroup={path, below}})
    print(count{cgroup_id=id}, count{cgroup=path .. "*"}, count{cgroup=path .. "/"})
    local others = count{{"cgroup", "!=", below}}
    print(#sockets - others == count{{"or", {cgroup=below}, {cgroup=false}}})
    print(count{"not", {cgroup=below}} + 2 == #sockets)
    local q = sockets{cgroup=below, proto="udp"}
    print(q:count(), q.rows)
    print(count{cgroup=below .. "/../below"})
  ]]):gsub("PATH", string.format("%q", path)) })
  os.execute("rmdir " .. folder .. "/below " .. folder .. " 2>/dev/null")
  if result.code == 77 then
    S.skip("no process can be moved to a cgroup here")
  end
  lu.assertEquals(result.err, "")
  lu.assertEquals(result.out, "1\t2\t3\n2\t3\t0\ntrue\ntrue\n1\t1\n0\n")
end

TestInbound = {}

function TestInbound:test_a_listener_holds_the_port()
  local listens = {}
  for s in sockets { state = "listen" } do
    listens[s.lport] = true
    lu.assertNil(s.inbound)
  end
  local seen = { [true] = 0, [false] = 0 }
  for s in sockets { { "state", "!=", "listen" } } do
    if s.proto == "udp" or s.rport == 0 then
      lu.assertNil(s.inbound)
    else
      lu.assertEquals(s.inbound, listens[s.lport] or false, s.laddr .. " " .. s.lport)
      seen[s.inbound] = seen[s.inbound] + 1
    end
  end
  lu.assertTrue(seen[true] > 20 and seen[false] > 20)
  lu.assertEquals(count { inbound = true } + count { inbound = false }, count { inbound = { true,
    false } })
end

-- The namespace of the socket is asked, not ours.
function TestInbound:test_in_its_namespace()
  local result = S.sockmaker({ "listen=127.0.0.1:7777", "conn=127.0.0.1:7777*3", cmd = {
    "sh", "-c", S.sh_quote(S.connsh_path()) .. " -e 'print(count{inbound=true, lport=7777})'; "
      .. "nsenter --net=/proc/$PPID/ns/net true && nsenter --net=" .. S.sh_quote("/proc/"
      .. os.getenv("SOCKMAKER_PID") .. "/ns/net") .. " " .. S.sh_quote(S.connsh_path())
      .. " -e \"print(count{inbound=true, lport=7777}, "
      .. "count{inbound=true, lport=7777, netns=\\\"$SOCKMAKER_PID\\\"})\"",
  } })
  if result.err:find("nsenter") then
    S.skip(result.err)
  end
  lu.assertEquals(result.out, "3\n0\t3\n")
end

S.main()
