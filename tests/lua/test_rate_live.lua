-- Rates beside connections that carry a known number of bytes a second.
-- luacheck: globals sockets

local lu = require("luaunit")
local S = require("support")

local FAST, SLOW = 400000, 50000

S.inside({
  "traffic=127.0.0.1:7000*2,rate=" .. FAST .. ",comm=fast",
  "traffic=[::1]:7001*3,rate=" .. SLOW .. ",comm=slow",
  "conn=127.0.0.1:7002*4",
})

local fails = S.fails

-- The sender sleeps between two writes, and a busy machine may wake it late: one of a few must
-- be near.
local function near(expected, measure)
  local seen = {}
  for i = 1, 4 do
    seen[i] = measure()
    if math.abs(seen[i] - expected) <= expected * 0.1 then
      return
    end
  end
  lu.fail("expected " .. expected .. ", measured " .. table.concat(seen, ", "))
end

TestRate = {}

function TestRate:test_bytes_sent_of_one_connection()
  local q = sockets { rport = 7000, state = "established" }:rate(1)
  near(FAST, function() return q:first().bytes_sent_rate end)
end

function TestRate:test_received_and_acknowledged()
  near(SLOW, function()
    return sockets { lport = 7001, state = "established" }:rate(1):first().bytes_received_rate
  end)
  near(SLOW, function()
    return sockets { rport = 7001, state = "established" }:rate(1):first().bytes_acked_rate
  end)
end

-- The look for owners takes time, which is no part of the interval.
function TestRate:test_with_owners()
  near(FAST, function()
    local fast = sockets { rport = 7000, comm = "fast" }:rate(1):first()
    lu.assertEquals(fast.comm, "fast")
    return fast.bytes_sent_rate
  end)
end

function TestRate:test_idle_is_zero()
  local q = sockets { rport = 7002, state = "established" }:rate(0.2)
  local rows = q:list()
  lu.assertEquals(#rows, 4)
  for _, s in ipairs(rows) do
    lu.assertEquals(s.bytes_sent_rate, 0.0)
    lu.assertEquals(s.segs_out_rate, 0.0)
    lu.assertEquals(s.rport, 7002)
  end
  lu.assertEquals({ q.came, q.went, q.complete }, { 0, 0, true })
end

function TestRate:test_sums_by_group()
  local q = sockets { state = "established" }:group("comm"):rate(1)
  near(2 * FAST, function()
    local fast = q:where("comm", "fast"):first()
    lu.assertEquals(fast.count, 4)
    return fast.bytes_sent_rate
  end)
  near(3 * SLOW, function()
    return sockets { state = "established" }:group("lport"):rate(1):where("lport", 7001):first()
      .bytes_received_rate
  end)
  local state = sockets { rport = 7002 }:group("rport", { "mine", function(s)
    return s.state
  end }):rate(0.1):first()
  lu.assertEquals({ state.rport, state.mine, state.count }, { 7002, "established", 4 })
end

-- Rows of a rate are rows as all others.
function TestRate:test_narrowed_sorted_summed()
  local rates = sockets { state = "established" }:rate(0.5)
  lu.assertEquals(rates:where("bytes_sent_rate", ">", 1000):count(), 5)
  lu.assertEquals(rates:where({ { "bytes_sent_rate", ">", "100k" } }):count(), 2)
  lu.assertEquals(rates:where(function(s) return s.bytes_received_rate > 1000 end):count(), 5)
  local top = rates:sort("-bytes_sent_rate"):limit(2):list()
  lu.assertEquals({ top[1].rport, top[2].rport }, { 7000, 7000 })
  near(2 * FAST + 3 * SLOW, function() return rates:sum("bytes_sent_rate") end)
  lu.assertEquals(rates:select("rport", "segs_in_rate"):where("segs_in_rate", 0.0):count(), 8)
  lu.assertStrContains(rates:explain(), "0.5 s apart")
  -- what the two dumps did not ask for
  lu.assertEquals(type(rates:first().cong), "string")
end

-- Starts sockmaker with these specs beside us after some time, for some time.
local function later(delay, specs, seconds)
  lu.assertTrue(os.execute(string.format("(sleep %s; exec %s %s -- sleep %s) </dev/null "
    .. ">/dev/null 2>&1 &", delay, S.sh_quote(S.sockmaker_path()), specs, seconds)))
end

function TestRate:test_came_and_went()
  later(0.5, "listen=127.0.0.1:7100 conn=127.0.0.1:7100*3", 4)
  later(0, "listen=127.0.0.1:7200 conn=127.0.0.1:7200*5", 0.8)
  local went = sockets { "or", { lport = 7200 }, { rport = 7200 } }
  while went:count() < 11 do
    os.execute("sleep 0.02")
  end
  local q = sockets { "or", { lport = { 7100, 7200, 7002 } }, { rport = { 7100, 7200 } } }
  local rates = q:rate(2)
  lu.assertNil(rates.came)
  lu.assertEquals(rates:count(), 5)
  lu.assertEquals({ rates.came, rates.went }, { 7, 11 })
  lu.assertAlmostEquals(rates.seconds, 2, 0.2)
  lu.assertNil(q.came)
  lu.assertNil(sockets.seconds)
end

function TestRate:test_seconds_have_limits()
  for _, seconds in ipairs({ 0, -1, 0.0001, 1e10, 1 / 0, 0 / 0 }) do
    fails(function() sockets:rate(seconds) end, "seconds from 0.001 to 1e9")
  end
  fails(function() sockets:rate() end, "number")
  fails(function() sockets:rate("x") end, "number")
  lu.assertEquals(sockets { rport = 7002 }:rate(0.001):count(), 4)
end

function TestRate:test_comes_before_what_makes_other_rows()
  fails(function() sockets:select("lport"):rate(1) end, "before", "select")
  fails(function() sockets:rate(1):rate(1) end, "before")
  fails(function() sockets:group("lport"):count():rate(1) end, "before")
end

-- Ctrl-C ends the wait at once, in every form of asking.
function TestRate:test_interrupted()
  for _, chunk in ipairs({
    "print(#sockets:rate(30))", "for s in sockets:rate(30) do print(s) end",
    "print(sockets:group('comm'):rate(30):json())",
    "pcall(function() sockets:rate(30):sum('rtt') end)",
  }) do
    local begin = os.time()
    local result = S.run({ "timeout", "--preserve-status", "-s", "INT", "0.4", S.connsh_path(),
      "-e", "print('begun') " .. chunk })
    lu.assertEquals(result.code, 130, chunk)
    lu.assertEquals(result.out, "begun\n", chunk)
    lu.assertTrue(os.time() - begin < 10, chunk)
  end
end

S.main()
