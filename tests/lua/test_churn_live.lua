-- Listings while sockets come and go: what lives all the time is there once, nothing is there
-- twice. Beside it the sockets of `churn` and `udpchurn` themselves.
--
-- The kernel resumes a dump by its position inside a bucket of its table (tcp_diag.c), so that a
-- socket which vanishes before that position makes it pass over one, and a new one makes it give
-- one twice, both without a word. A table of 256 buckets shows it in nearly every dump; in the
-- usual one hardly any bucket has two sockets.
-- luacheck: globals sockets

local lu = require("luaunit")
local S = require("support")

local stable_port = 8000

-- ---- the observer: this file again, beside stable sockets, as connsh test_churn_live.lua observe

-- Starts churn, and returns when it is under way; closing what it returns ends it.
local function start_churn(spec)
  local said = S.temporary()
  local churn = assert(io.popen(S.sh_quote(S.sockmaker_path()) .. " " .. S.sh_quote(spec) .. " >"
    .. S.sh_quote(said), "w"))
  local limit = os.time() + 20
  while S.read_file(said) ~= "ready\n" do
    if os.time() > limit then
      error("churn did not start: " .. spec)
    end
    S.run({ "sleep", "0.02" })
  end
  os.remove(said)
  return churn
end

local function stable_cookies(proto)
  local cookies, n = {}, 0
  for s in sockets({ proto = proto, state = "established" }) do
    if s.lport == stable_port or s.rport == stable_port then
      cookies[s.cookie] = true
      n = n + 1
    end
  end
  return cookies, n
end

-- What one dump gave, against the stable cookies; others are added to `strangers`.
local function judge(list, stable, n_stable, strangers, total)
  local seen, found, doubled = {}, 0, 0
  for _, cookie in ipairs(list) do
    if seen[cookie] then
      doubled = doubled + 1
    elseif stable[cookie] then
      found = found + 1
    elseif not strangers[cookie] then
      strangers[cookie] = true
      total.strangers = total.strangers + 1
    end
    seen[cookie] = true
  end
  total.doubled = total.doubled + doubled
  total.missed = total.missed + n_stable - found
  if found < n_stable then
    total.dumps_that_missed = total.dumps_that_missed + 1
  end
end

-- observe PROTO DUMPS plain|consistent CHURN: prints what observe() below reads.
local function observer(proto, dumps, how, spec)
  local stable, n_stable = stable_cookies(proto)
  local filter = { proto = proto, consistent = how == "consistent" or nil }
  local total = { stable = n_stable, doubled = 0, missed = 0, dumps_that_missed = 0, strangers = 0 }
  local strangers = {}
  local churn = start_churn(spec)
  for _ = 1, dumps do
    local list, n = {}, 0
    for s in sockets(filter) do
      n = n + 1
      list[n] = s.cookie
    end
    judge(list, stable, n_stable, strangers, total)
  end
  churn:close()
  for name, value in pairs(total) do
    print(name, value)
  end
end

if arg[1] == "observe" then
  observer(arg[2], tonumber(arg[3]), arg[4], arg[5])
  os.exit(0, true)
end

-- ---- the tests

-- What `dumps` listings gave beside the stable sockets of `specs`; `more` is for S.sockmaker.
local function observe(what)
  local beside = {
    what.stable, small_table = what.small_table,
    cmd = { S.connsh_path(), arg[0], "observe", what.proto, what.dumps, what.how, what.churn },
  }
  local result = S.sockmaker(beside)
  lu.assertEquals({ result.err, result.code }, { "", 0 })
  local found = {}
  for name, value in result.out:gmatch("(%S+)\t(%d+)\n") do
    found[name] = math.tointeger(tonumber(value))
  end
  -- Without churn there would be nothing to get wrong.
  lu.assertTrue(found.strangers > 5 * what.dumps, "hardly any socket came and went: "
    .. found.strangers .. " in " .. what.dumps .. " dumps")
  return found
end

TestDefaultTable = {}

-- Very rarely a bucket does hold two, and the kernel passes over one: 5 of 1,000 dumps of 16,000
-- sockets did at 30,000 connections a second. Fewer sockets and connections, and one dump of 60
-- forgiven, make that less than one run in 10,000.
function TestDefaultTable:test_each_stable_socket_is_there_once()
  local found = observe({
    stable = "bulk=127.0.0.2:8000*3000,procs=2", proto = "tcp", dumps = 60, how = "plain",
    churn = "churn=127.0.0.3:9000,procs=2,rate=2000",
  })
  lu.assertEquals(found.stable, 6000)
  lu.assertEquals(found.doubled, 0)
  lu.assertTrue(found.missed <= 1, found.missed .. " stable sockets were missing")
end

function TestDefaultTable:test_time_wait_doubles_no_socket()
  local found = observe({
    stable = "bulk=127.0.0.2:8000*3000,procs=2", proto = "tcp", dumps = 60, how = "plain",
    churn = "churn=127.0.0.3:9000,procs=2,rate=2000,timewait",
  })
  lu.assertEquals(found.doubled, 0)
  lu.assertTrue(found.missed <= 1, found.missed .. " stable sockets were missing")
end

function TestDefaultTable:test_no_udp_socket_is_doubled()
  local found = observe({
    stable = "udpconn=127.0.0.2:8000*3000", proto = "udp", dumps = 60, how = "plain",
    churn = "udpchurn=127.0.0.3:9000,procs=2",
  })
  lu.assertEquals(found.stable, 3000)
  lu.assertEquals(found.doubled, 0)
end

TestSmallTable = {}

function TestSmallTable:test_no_socket_is_doubled()
  local found = observe({
    small_table = true, stable = "bulk=127.0.0.2:8000*4000,procs=2", proto = "tcp", dumps = 60,
    how = "plain", churn = "churn=127.0.0.3:9000,procs=2",
  })
  lu.assertEquals(found.stable, 8000)
  lu.assertEquals(found.doubled, 0)
  -- Else the next test would prove nothing.
  lu.assertTrue(found.dumps_that_missed >= 6, "only " .. found.dumps_that_missed
    .. " of 60 dumps missed a stable socket: this table is no test of consistent")
end

function TestSmallTable:test_consistent_misses_no_stable_socket()
  local found = observe({
    small_table = true, stable = "bulk=127.0.0.2:8000*4000,procs=2", proto = "tcp", dumps = 100,
    how = "consistent", churn = "churn=127.0.0.3:9000,procs=2",
  })
  lu.assertEquals(found.stable, 8000)
  lu.assertEquals(found.doubled, 0)
  lu.assertTrue(found.dumps_that_missed <= 1, found.dumps_that_missed
    .. " of 100 consistent dumps missed a stable socket")
end

TestChurn = {}

-- Runs sh beside the churn; returns the numbers that it printed.
local function numbers_beside(spec, script)
  local result = S.sockmaker({ spec, cmd = script })
  lu.assertEquals({ result.err, result.code }, { "", 0 })
  local numbers = {}
  for number in result.out:gmatch("%d+") do
    numbers[#numbers + 1] = tonumber(number)
  end
  return numbers
end

-- Connections opened in one second: Tcp ActiveOpens of /proc/net/snmp, before and after.
local opens = "awk '/^Tcp: [0-9]/ { print $6 }' /proc/net/snmp; "

function TestChurn:test_rate_is_that_of_all_processes()
  local n = numbers_beside("churn=127.0.0.1:9000,procs=4,rate=800", opens .. "sleep 1; " .. opens)
  lu.assertTrue(n[2] - n[1] > 100 and n[2] - n[1] < 1600, n[2] - n[1] .. " opened in a second")
end

function TestChurn:test_time_wait_is_left_only_when_asked_for()
  local script = "sleep 0.5; " .. S.sh_quote(S.connsh_path())
    .. [[ -e 'print(count{state="time-wait"}, count{state="established"})']]
  local reset = numbers_beside("churn=127.0.0.1:9000,rate=1000", script)
  local left = numbers_beside("churn=[::1]:9000,rate=1000,timewait", script)
  lu.assertEquals(reset[1], 0)
  lu.assertTrue(left[1] > 50, left[1] .. " sockets in time-wait")
  -- 64 live connections with two ends each; while they are listed some open and some close.
  for _, established in ipairs({ reset[2], left[2] }) do
    lu.assertTrue(established >= 110 and established <= 150, established .. " established")
  end
end

-- The process is there, and no zombie.
local function lives(pid)
  local state = S.run({ "cat", ("/proc/%d/stat"):format(pid) }).out:match("%) (%a)")
  return state ~= nil and state ~= "Z"
end

local function wait_for_death(pid)
  local limit = os.time() + 5
  while lives(pid) and os.time() <= limit do
    S.run({ "sleep", "0.02" })
  end
  return not lives(pid)
end

-- Ends sockmaker as `ending` says; its churners were the first children.
local function check_no_process_left(ending, code)
  local result = S.sockmaker({
    "churn=127.0.0.1:9000,procs=2,rate=100", "udpchurn=127.0.0.1:9001,rate=100",
    cmd = "cat /proc/$SOCKMAKER_PID/task/$SOCKMAKER_PID/children; " .. ending,
  })
  lu.assertEquals({ result.code or result.signal, result.err }, { code, "" })
  local n = 0
  for pid in result.out:gmatch("%d+") do
    n = n + 1
    lu.assertTrue(wait_for_death(tonumber(pid)), "process " .. pid .. " was left behind")
  end
  lu.assertEquals(n, 4) -- three churners and the command
end

function TestChurn:test_no_process_is_left()
  check_no_process_left("exit 0", 0)
end

function TestChurn:test_no_process_outlives_a_killed_sockmaker()
  check_no_process_left("kill -9 $SOCKMAKER_PID; sleep 1", 9)
end

S.main()
