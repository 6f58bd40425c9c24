-- Results of queries as Lua has them: records of groups, joins and columns, loops over them, what
-- is raised where, functions that do what they should not.
-- luacheck: globals sockets count connsh

local lu = require("luaunit")
local S = require("support")

local holder = S.inside({ "all" })

local function fails(f, ...)
  local ok, message = pcall(f)
  lu.assertFalse(ok, "no error was raised")
  for _, part in ipairs({ ... }) do
    lu.assertStrContains(message, part)
  end
  return message
end

TestRecords = {}

function TestRecords:test_pairs_walk_the_columns_in_order()
  local q = sockets { state = "listen", lport = 80 }:select("lport", "dev", "state",
    { "mine", function(s) return s.family end })
  for s in q do
    local names = {}
    for name, value in pairs(s) do
      names[#names + 1] = name
      lu.assertEquals(s[name], value)
    end
    -- dev is nil, and pairs passes over what is nil
    lu.assertEquals(names, { "lport", "state", "mine" })
  end
  lu.assertEquals(q:count(), 2)
end

function TestRecords:test_pairs_of_groups_and_joins()
  local group = sockets { state = "listen", lport = 80 }:group("state"):count():first()
  local seen = {}
  for name, value in pairs(group) do
    seen[name] = value
  end
  lu.assertEquals(seen, { state = "listen", count = 2 })
  local q = sockets { state = "listen", lport = 22 }
  local both = q:join(sockets { state = "established", lport = 22 }, "lport"):first()
  seen = {}
  for name, value in pairs(both) do
    seen[name] = value
  end
  lu.assertEquals(seen.state, "listen")
  lu.assertEquals(seen.other_state, "established")
  lu.assertEquals(seen.other_raddr, both.other_raddr)
  lu.assertNil(seen.other_lport)
end

function TestRecords:test_tostring()
  local group = sockets { state = "listen", lport = 80 }:group("state"):count():first()
  lu.assertEquals(tostring(group), "result listen 2")
  lu.assertEquals(tostring(sockets:group("state"):count()), "results")
  local text = tostring(sockets:group("state"):count():where("count", ">", 3))
  lu.assertEquals(text, "results<count > 3>")
  local joined = sockets { lport = 22, state = "listen", family = "inet" }:join(sockets, "lport")
    :first()
  lu.assertStrContains(tostring(joined), "result tcp listen 10.1.0.1 22")
end

function TestRecords:test_unknown_fields_raise_with_the_nearest()
  local group = sockets:group("state", "laddr"):count():first()
  fails(function() return group.stat end, "result", "'stat'", "'state'")
  fails(function() return group.lport end, "'lport'")
  fails(function() group.state = 1 end, "cannot be changed")
  fails(function() sockets:group("state"):count():where("lport", 80) end, "lport")
  fails(function() sockets:group("state"):count():sort("-coutn") end, "'coutn'", "'count'")
  fails(function() sockets:select("lport"):sum("lprt") end, "'lprt'", "'lport'")
  fails(function() return sockets:group("state"):count().state end, "field of each result")
  local joined = sockets { lport = 22, state = "listen" }:join(sockets, "lport"):first()
  fails(function() return joined.other_stat end, "'other_stat'", "'other_state'")
end

-- Each record holds what it needs; the query and all that it was made of may go.
function TestRecords:test_outlive_their_query()
  local kept = {}
  for name, make in pairs({
    grouped = function()
      return sockets { state = "listen" }:group("laddr/8", "state"):count():sort("-count")
    end,
    selected = function()
      return sockets { state = "listen" }:select("lport", { "text", function(s)
        return "port " .. s.lport
      end })
    end,
    joined = function()
      return sockets { state = "listen" }:join(sockets { state = "established" }:select("lport",
        "rport", "state"), "lport")
    end,
    rated = function() return sockets { state = "listen" }:rate(0.001):sort("lport") end,
  }) do
    kept[name] = { make():list(), make():first() }
    for row in make() do
      table.insert(kept[name], row)
    end
    collectgarbage()
  end
  collectgarbage()
  collectgarbage()
  lu.assertEquals(kept.grouped[2].state, "listen")
  lu.assertTrue(kept.grouped[2].count > 0)
  lu.assertEquals(kept.grouped[1][1].laddr, kept.grouped[2].laddr)
  for _, row in ipairs(kept.selected[1]) do
    lu.assertEquals(row.text, "port " .. row.lport)
  end
  for i = 3, #kept.joined do
    lu.assertEquals(kept.joined[i].state, "listen")
    lu.assertEquals(kept.joined[i].other_state, "established")
    lu.assertEquals(math.type(kept.joined[i].rport), "integer")
  end
  lu.assertEquals(kept.rated[2].state, "listen")
  -- asked later for what the run did not bring
  lu.assertEquals(math.type(kept.rated[2].rcvbuf), "integer")
  lu.assertEquals(kept.rated[2].drops_rate, 0.0)
end

TestLoops = {}

function TestLoops:test_nested_over_one_result_are_independent()
  local q = sockets { state = "listen" }:group("lport"):count():sort("lport")
  local expected, seen = {}, 0
  for row in q do
    expected[#expected + 1] = row.lport
  end
  lu.assertTrue(#expected > 5)
  for i, a in ipairs(expected) do
    local n = 0
    for b in q do
      n = n + 1
      lu.assertEquals(b.lport, expected[n])
    end
    lu.assertEquals(n, #expected)
    seen = seen + (a == expected[i] and 1 or 0)
  end
  for a in q do
    for b in q do
      seen = seen + (a.lport == b.lport and 1 or 0)
    end
  end
  lu.assertEquals(seen, 2 * #expected)
end

-- Loops left by break leave their runs to the collector, which comes in time.
function TestLoops:test_break_ten_thousand_times_with_few_descriptors()
  local script = S.temporary([[
    local queries = {
      sockets{state="listen"}:group("laddr"):count(),
      sockets{state="listen"}:select("lport", {"f", function(s) return s.lport end}),
      sockets{state="listen"}:sort("lport"),
      sockets{state="listen"}:join(sockets{state="listen"}, "lport"),
      sockets{state="listen"}:where(function(s) return s.lport > 0 end),
    }
    local n = 0
    for i = 1, 10000 do
      for row in queries[i % #queries + 1] do
        n = n + 1
        break
      end
    end
    print(n)
  ]])
  local result = S.run("ulimit -n 64; exec " .. S.sh_quote(S.connsh_path()) .. " " .. script)
  lu.assertEquals(result.err, "")
  lu.assertEquals(result.out, "10000\n")
  lu.assertEquals(result.code, 0)
end

function TestLoops:test_coroutines_around_results()
  local q = sockets { state = "listen" }:group("laddr", "lport"):count()
  local function producer()
    for row in q do
      coroutine.yield(row.lport)
    end
  end
  local a, b, n = coroutine.wrap(producer), coroutine.wrap(producer), 0
  for lport in a do
    lu.assertEquals(b(), lport)
    n = n + 1
  end
  lu.assertEquals(n, #q)
  -- left in the middle
  for _ = 1, 100 do
    coroutine.wrap(producer)()
  end
end

function TestLoops:test_the_query_is_collected_while_its_loop_runs()
  local n = 0
  for row in sockets { state = "listen" }:select("lport", { "f", function(s)
    return s.laddr
  end }):where(function(r) return r.f ~= nil end) do
    collectgarbage()
    n = n + 1
    lu.assertEquals(type(row.f), "string")
  end
  lu.assertEquals(n, count { state = "listen" })
end

function TestLoops:test_a_loop_goes_on_from_its_own_records_only()
  local q = sockets:group("state"):count()
  local row = q:first()
  fails(function() q(nil, row) end, "has gone on already")
  fails(function() sockets(nil, row) end, "socket", "result")
  local other = sockets:group("state"):count()
  q:each(function(r)
    fails(function() other(nil, r) end, "results")
    return false
  end)
end

TestFunctions = {}

local here = debug.getinfo(1, "S").short_src

-- An error goes through all of C to whoever asked, with the place where it was raised.
function TestFunctions:test_errors_keep_their_place_at_every_stage()
  local q = sockets { state = "listen" }
  local line
  local function bad()
    line = debug.getinfo(1, "l").currentline + 1
    error("mine")
  end
  local cases = {
    where = q:where(bad),
    select = q:select({ "x", bad }),
    group = q:group(bad):count(),
    named = q:group({ "k", bad }):sum("recvq"),
    top = q:top(2, bad),
    under_sort = q:where(bad):sort("lport"),
    under_group = q:where(bad):group("lport"):count(),
    under_distinct = q:where(bad):distinct("lport"),
    under_join = q:where(bad):join(q, "lport"),
    right_of_join = q:join(q:where(bad), "lport"),
    over_group = q:group("lport"):count():where(bad),
    over_join = q:join(q, "lport"):where(bad),
    rate = q:where(bad):rate(0.001),
  }
  for name, case in pairs(cases) do
    for _, run in ipairs({
      function() return case:count() end, function() return #case end,
      function() return case:list() end, function() return case:first() end,
      function() return case:table() end, function() return case:json() end,
      function() case(nil, nil) end,
    }) do
      local message = fails(run, "mine")
      lu.assertStrContains(message, here .. ":" .. line .. ": mine", name)
    end
  end
end

function TestFunctions:test_any_value_is_raised_as_it_is()
  local thing = {}
  for _, value in ipairs({ thing, 5, "text", false }) do
    local ok, raised = pcall(function()
      return sockets:where(function() error(value, 0) end):count()
    end)
    lu.assertFalse(ok)
    lu.assertIs(raised, value)
  end
end

-- After an error the same query runs as if nothing had been.
function TestFunctions:test_errors_leave_nothing_open()
  local calls = 0
  local q = sockets { state = "listen" }:where(function()
    calls = calls + 1
    if calls % 3 == 0 then
      error("third")
    end
    return true
  end):sort("lport")
  for _ = 1, 500 do
    pcall(q.count, q)
    pcall(q.list, q)
    pcall(q.json, q)
  end
  lu.assertTrue(calls > 1500)
end

function TestFunctions:test_what_a_column_may_be()
  local q = sockets { state = "listen", lport = 80 }
  local row = q:select({ "a", function() return 1 end }, { "b", function() return 0.5 end },
    { "c", function() return "x\0y" end }, { "d", function() return true end },
    { "e", function() end }, { "f", function() return 0 / 0 end }):first()
  lu.assertEquals({ row.a, row.b, row.c, row.d }, { 1, 0.5, "x\0y", true })
  lu.assertEquals(math.type(row.a), "integer")
  lu.assertNil(row.e)
  lu.assertNil(row.f)
  fails(function() q:select({ "x", function() return {} end }):list() end, "table", "number")
  fails(function() q:select({ "x", print }):select("y") end, "'y'")
  fails(function() q:select({ "x", function() return "a" end }):sum("x") end, "sum of x", "numbers")
end

-- Text that a function made must live as long as the row does.
function TestFunctions:test_texts_of_several_columns()
  local q = sockets { state = "listen" }:select(
    { "a", function(s) return ("a"):rep(2000) .. s.lport end },
    { "b", function(s) collectgarbage() return ("b"):rep(2000) .. s.lport end },
    "lport")
  for row in q:sort("a") do
    lu.assertEquals(row.a, ("a"):rep(2000) .. row.lport)
    lu.assertEquals(row.b, ("b"):rep(2000) .. row.lport)
  end
end

function TestFunctions:test_they_may_run_queries()
  local inner = sockets { state = "established" }
  local q = sockets { state = "listen", family = "inet" }:select("lport", { "n", function(s)
    return inner:where("lport", s.lport):count()
  end }):where("n", ">", 0):sort("-n")
  lu.assertTrue(#q > 3)
  for row in q do
    lu.assertEquals(row.n, inner:where("lport", row.lport):count())
  end
end

-- So many that those left open longest are closed; never the one that called.
function TestFunctions:test_they_may_open_many_loops()
  local kept = {}
  local q = sockets { state = "listen" }:where(function()
    for _ = 1, 60 do
      local loop = coroutine.wrap(function()
        for s in sockets do
          coroutine.yield(s)
        end
      end)
      loop()
      kept[#kept + 1] = loop
    end
    return true
  end)
  lu.assertEquals(q:count(), count { state = "listen" })
  lu.assertEquals(#q:list(), count { state = "listen" })
  fails(kept[1], "too many others")
  kept = nil
end

function TestFunctions:test_they_cannot_go_on_with_their_own_loop()
  local q, messages = nil, {}
  q = sockets { state = "listen" }:where(function(s)
    local ok, message = pcall(q, nil, s)
    messages[#messages + 1] = not ok and message
    return true
  end)
  lu.assertEquals(q:count(), count { state = "listen" })
  lu.assertEquals(#messages, count { state = "listen" })
  lu.assertStrContains(messages[1], "cannot go on")
end

function TestFunctions:test_they_run_again_in_themselves()
  local depth, q = 0, nil
  q = sockets { state = "listen", lport = 80 }:where(function()
    if depth < 3 then
      depth = depth + 1
      lu.assertEquals(q:count(), 2)
      depth = depth - 1
    end
    return true
  end)
  lu.assertEquals(q:count(), 2)
end

function TestFunctions:test_a_finalizer_that_runs_queries()
  local n = 0
  local q = sockets { state = "listen" }:where(function()
    setmetatable({}, { __gc = function()
      n = n + #sockets:group("state"):count()
    end })
    collectgarbage()
    return true
  end)
  lu.assertEquals(#q:list(), count { state = "listen" })
  lu.assertTrue(n > 0)
end

function TestFunctions:test_they_cannot_yield()
  local co = coroutine.wrap(function()
    return sockets:where(function() coroutine.yield(1) end):count()
  end)
  fails(co, "yield")
end

function TestFunctions:test_records_that_they_keep_keep_no_run_open()
  local kept = {}
  local q = sockets { state = "listen" }:where(function(s)
    kept[#kept + 1] = s
    return true
  end)
  for _ = 1, 100 do
    q(nil, nil) -- as a loop that is left after its first row
  end
  collectgarbage()
  lu.assertEquals(#kept, 100)
  lu.assertEquals(kept[100].state, "listen")
end

TestAnswers = {}

function TestAnswers:test_scalars_tell_of_their_answer()
  for _, op in ipairs({ "sum", "avg", "min", "max" }) do
    local q = sockets { proto = "tcp" }
    q[op](q, "recvq")
    lu.assertTrue(q.complete, op)
    lu.assertEquals(q.rows, count { proto = "tcp" })
  end
  lu.assertEquals(sockets { lport = 1 }:sum("recvq"), 0)
  lu.assertNil(sockets { lport = 1 }:avg("recvq"))
  lu.assertNil(sockets { lport = 1 }:min("laddr"))
  lu.assertNil(sockets { lport = 1 }:quantile("recvq", 0.5))
end

function TestAnswers:test_sums_are_whole_until_they_leave_64_bits()
  local q = sockets { state = "listen" }:limit(3)
  local big = q:select({ "n", function() return math.maxinteger // 3 end })
  lu.assertEquals(big:sum("n"), math.maxinteger // 3 * 3)
  lu.assertEquals(math.type(big:sum("n")), "integer")
  lu.assertEquals(big:quantile("n", 0.5), math.maxinteger // 3)
  big = q:select({ "n", function() return math.maxinteger end })
  lu.assertAlmostEquals(big:sum("n"), 3 * 2.0 ^ 63, 1e4)
  lu.assertEquals(big:max("n"), math.maxinteger)
  lu.assertEquals(big:quantile("n", 1), math.maxinteger)
  big = q:select({ "n", function() return math.mininteger end })
  lu.assertAlmostEquals(big:sum("n"), -3 * 2.0 ^ 63, 1e4)
end

function TestAnswers:test_what_groups_refuse()
  fails(function() sockets:sum("state") end, "state", "sum")
  fails(function() sockets:sum("lport") end, "lport", "port")
  fails(function() sockets:group("pids") end, "pids", "list")
  fails(function() sockets:group("consistent") end, "consistent")
  fails(function() sockets:group("lport/8") end, "lport", "address")
  fails(function() sockets:group("raddr/33/64") end, "raddr/33/64")
  fails(function() sockets:group("raddr/") end, "raddr/")
  fails(function() sockets:group("raddr/24x") end, "raddr/24x")
  fails(function() sockets:group("raddr/129") end, "raddr/129")
  fails(function() sockets:group("state", "state") end, "two columns", "state")
  fails(function() sockets:group({ "x" }) end, "function")
  fails(function() sockets:group({ 5, print }) end, "function")
  fails(function() sockets:group() end, "group")
  fails(function() sockets:quantile("recvq", 1.5) end, "0 to 1")
  fails(function() sockets:quantile("recvq", 0 / 0) end, "0 to 1")
  fails(function() sockets:quantile("recvq") end, "number")
  fails(function() sockets:aggregate({ "sumx", "recvq" }) end, "'sumx'", "'sum'")
  fails(function() sockets:aggregate({ "sum" }) end, "sum needs a field")
  fails(function() sockets:aggregate("sum") end, "sum needs a field")
  fails(function() sockets:aggregate({ "quantile", "recvq" }) end, "needs a number")
  fails(function() sockets:aggregate({ "sum", "recvq", sa = "x" }) end, "'sa'", "'as'")
  fails(function() sockets:aggregate({ "sum", "recvq", as = {} }) end, "as", "table")
  fails(function() sockets:aggregate({ "count" }, { "count" }) end, "two columns", "count")
  fails(function() sockets:top("x", "state") end, "number")
  fails(function() sockets:top(3) end, "top")
end

function TestAnswers:test_what_sorts_joins_and_columns_refuse()
  fails(function() sockets:sort() end, "sort")
  fails(function() sockets:sort("-stat") end, "'stat'", "'state'")
  fails(function() sockets:sort("pids") end, "pids", "list")
  fails(function() sockets:select() end, "select")
  fails(function() sockets:select("lport", "lport") end, "two columns")
  fails(function() sockets:select({ "x" }) end, "function")
  fails(function() sockets:join(sockets) end, "join")
  fails(function() sockets:join(sockets, {}) end, "empty")
  fails(function() sockets:join("x", "lport") end, "query")
  fails(function() sockets:join(sockets, "lprt") end, "'lprt'", "'lport'")
  fails(function() sockets:join(sockets, { lport = "rprt" }) end, "'rprt'", "'rport'")
  fails(function() sockets:join(sockets, "lport"):join(sockets, "lport") end, "both sides")
end

-- A socket has several holders; a result has the first, and asks no process any more.
function TestAnswers:test_owners_in_results()
  local n = sockets { pid = holder }:count()
  lu.assertTrue(n > 20)
  local groups = sockets:group("comm", "pid"):count()
  lu.assertEquals(groups:where("comm", "nobody"):count(), 0)
  lu.assertEquals(groups:where("pid", holder):first().count, n)
  lu.assertEquals(groups:where("pid", "!=", holder):where("comm", "nobody*"):list(), {})
  local chosen = sockets:select("comm", "pid", "pids", "lport")
  lu.assertEquals(chosen:where("comm", "nobody"):count(), 0)
  lu.assertEquals(chosen:where("pid", holder):count(), n)
  lu.assertEquals(chosen:where("pids", holder):count(), n)
  local both = chosen:join(sockets { state = "listen" }:select("lport", "comm"), "lport")
  lu.assertEquals(both:where("other_comm", "nobody"):count(), 0)
  lu.assertTrue(both:where("pid", holder):count() > 10)
end

-- What a hostile or careless script can do with the parts of a record.
TestMisuse = {}

function TestMisuse:test_parts_of_records()
  local record, other = sockets:first(), sockets:select("lport", "comm"):first()
  local iterator = pairs(other)
  lu.assertFalse((pcall(iterator, record, "lport")))
  lu.assertFalse((pcall(function() return setmetatable({}, getmetatable(record)).lport end)))
end

function TestMisuse:test_finalizers_meet_what_is_finished()
  local seen = 0
  do
    local late = setmetatable({}, { __gc = function(t)
      seen = seen + 1
      pcall(function() return t.record.user, tostring(t.record), #t.query end)
    end })
    late.record, late.query = sockets:first(), sockets { lport = 80 }
  end
  collectgarbage()
  collectgarbage()
  lu.assertEquals(seen, 1)
end

function TestMisuse:test_nothing_widens()
  lu.assertFalse((pcall(function() return sockets:where("rtt", 0 / 0):count() end)))
  lu.assertFalse((pcall(count, { { "netns", "!=", 1 } })))
  lu.assertEquals(#sockets:group("netns"):count() { { "netns", "=", "none" } }, 0)
  lu.assertFalse((pcall(function() return sockets:rate(0.01) { consistent = true } end)))
  local mixed = sockets:select({ "x", function(s) return s.lport == 80 and "text" or s.lport end })
  lu.assertEquals(#mixed:where("x", ">", 65535), 0)
end

function TestMisuse:test_a_function_closes_the_file_of_its_rows()
  local path, n = S.temporary(), 0
  local file = io.open(path, "w")
  local ok, message = pcall(function()
    sockets:csv { file = file, columns = { { title = "n", value = function()
      n = n + 1
      if n == 2 then
        file:close()
      end
      return n
    end } } }
  end)
  lu.assertFalse(ok)
  lu.assertStrContains(message, "closed")
end

function TestMisuse:test_a_loop_goes_on_by_its_own_query_only()
  local other = sockets:limit(3)
  for s in sockets:limit(1) do
    lu.assertFalse((pcall(other, nil, s)))
  end
end

-- A list is valid until the next one is read, and a function may read others.
function TestMisuse:test_lists_beside_functions_that_read_lists()
  local kept = sockets { state = "listen" }:list()
  local columns = sockets:select("cookie", "pids", { "seen", function()
    return #(kept[1].pids or {})
  end })
  local want = {}
  for s in sockets do
    want[s.cookie] = s.pids and table.concat(s.pids, " ") or "none"
  end
  for row in columns do
    lu.assertEquals(row.pids and table.concat(row.pids, " ") or "none", want[row.cookie])
  end
end

function TestMisuse:test_one_question_about_owners_is_no_habit()
  sockets:each(function(s) return s.pid == false end)
  lu.assertNotStrContains(sockets { lport = 80 }:explain(), "owners")
end

S.main()
