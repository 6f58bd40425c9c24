-- Queries from Lua: what runs them, every spelling of a condition, and random filters against
-- the same filters evaluated here, row by row.
-- luacheck: globals sockets count connsh

local lu = require("luaunit")
local S = require("support")

local holder = S.inside({ "all" })

local function cookies(rows)
  local list = {}
  for _, s in ipairs(rows) do
    list[#list + 1] = s.cookie
  end
  table.sort(list)
  return list
end

-- The rows of sockets for which a Lua function holds.
local function having(test)
  local rows = {}
  for _, s in ipairs(sockets:list()) do
    if test(s) then
      rows[#rows + 1] = s
    end
  end
  return rows
end

-- Asserts that a filter gives those rows, counted and listed; at least one, unless told.
local function same(filter, test, may_be_empty)
  local expected = having(test)
  lu.assertTrue(may_be_empty or #expected > 0, "nothing to compare")
  local q = sockets(filter)
  lu.assertEquals(cookies(q:list()), cookies(expected))
  lu.assertEquals(q:count(), #expected)
end

local fails = S.fails

local function chunk(text)
  return assert(load(text, "=chunk"))()
end

TestRun = {}

function TestRun:test_count_in_all_its_forms()
  local filter = { state = "established", lport = 80 }
  local n = #having(function(s) return s.state == "established" and s.lport == 80 end)
  lu.assertTrue(n > 5)
  lu.assertEquals(count(filter), n)
  lu.assertEquals(count(sockets(filter)), n)
  lu.assertEquals(sockets(filter):count(), n)
  lu.assertEquals(#sockets(filter), n)
  lu.assertEquals(chunk('return count<state="established", lport=80>'), n)
  lu.assertEquals(chunk('return #sockets<state="established", lport=80>'), n)
  lu.assertEquals(math.type(n), "integer")
end

function TestRun:test_count_takes_one_thing()
  fails(function() count() end, "count")
  fails(function() count(nil) end, "count", "nil")
  fails(function() count(5) end, "count", "number")
  fails(function() count({}, {}) end, "count", "2")
end

function TestRun:test_first()
  local s = sockets { lport = 80, state = "listen", family = "inet" }:first()
  lu.assertEquals(s.laddr, "127.0.0.1")
  lu.assertNil(sockets { lport = 1 }:first())
end

function TestRun:test_list_is_an_array()
  local rows = sockets { state = "listen" }:list()
  lu.assertEquals(#rows, count { state = "listen" })
  lu.assertEquals(sockets { lport = 1 }:list(), {})
end

function TestRun:test_each_stops_on_false_only()
  local seen = 0
  local n = sockets { state = "listen" }:each(function() seen = seen + 1 end)
  lu.assertEquals(n, count { state = "listen" })
  lu.assertEquals(seen, n)
  seen = 0
  lu.assertEquals(sockets:each(function()
    seen = seen + 1
    return seen < 3
  end), 3)
  lu.assertEquals(seen, 3)
  fails(function() sockets:each() end, "each")
  fails(function() sockets:each(function() error("mine") end) end, "mine")
end

function TestRun:test_limit()
  lu.assertEquals(sockets:limit(3):count(), 3)
  lu.assertEquals(#sockets:limit(3):list(), 3)
  lu.assertEquals(sockets:limit(0):count(), 0)
  lu.assertEquals(sockets:limit(2):limit(9):count(), 2)
  lu.assertEquals(sockets:limit(9):limit(2):count(), 2)
  lu.assertEquals(sockets:limit(100000):count(), #sockets)
  lu.assertEquals(sockets { lport = 80, state = "listen" }:limit(1):count(), 1)
  local n = 0
  for _ in sockets:limit(4) do
    n = n + 1
  end
  lu.assertEquals(n, 4)
  fails(function() sockets:limit(-1) end, "limit")
  fails(function() sockets:limit("x") end, "limit")
  fails(function() sockets:limit() end, "limit")
end

local function distinct_of(rows, ...)
  local seen, n = {}, 0
  for _, s in ipairs(rows) do
    local parts = {}
    for i, name in ipairs({ ... }) do
      local value = s[name]
      if value == nil then
        parts = nil
        break
      end
      parts[i] = tostring(value):gsub("^::ffff:(%d+%.)", "%1")
    end
    local key = parts and table.concat(parts, " ")
    if key and not seen[key] then
      seen[key] = true
      n = n + 1
    end
  end
  return n
end

function TestRun:test_distinct()
  local all = sockets:list()
  lu.assertEquals(sockets:distinct("state"):count(), distinct_of(all, "state"))
  lu.assertEquals(sockets:distinct("raddr"):count(), distinct_of(all, "raddr"))
  lu.assertEquals(sockets:distinct("proto", "lport"):count(), distinct_of(all, "proto", "lport"))
  lu.assertEquals(sockets:distinct("dev"):count(), 1)
  lu.assertEquals(#sockets:distinct("state"):list(), distinct_of(all, "state"))
  local q = sockets { lport = 80, state = "established", family = "inet" }:distinct("raddr")
  lu.assertEquals(q:count(), 2)
  fails(function() sockets:distinct() end, "distinct")
  fails(function() sockets:distinct("stat") end, "'stat'", "'state'")
end

function TestRun:test_explain_before_and_after_a_run()
  local q = sockets { lport = 80, state = "established" }
  local text = q:explain()
  lu.assertStrContains(text, "sockets")
  lu.assertStrContains(text, "lport = 80")
  lu.assertStrContains(text, "established")
  lu.assertNotStrContains(text, "last run")
  lu.assertNil(q.complete)
  local n = q:count()
  lu.assertStrContains(q:explain(), "last run")
  lu.assertStrContains(q:explain(), n .. " matched")
  lu.assertTrue(q.complete)
  lu.assertEquals(q.source, "netlink")
  lu.assertEquals(q.warnings, {})
end

-- What the kernel filters does not come here: fewer rows are read than there are.
function TestRun:test_ports_and_states_are_asked_of_the_kernel()
  local q = sockets { lport = 80, state = "established", proto = "tcp" }
  local n = q:count()
  lu.assertEquals(q.rows, n)
end

function TestRun:test_connsh_last_is_the_query_that_ran()
  local n = count { state = "listen" }
  lu.assertTrue(connsh.last.complete)
  lu.assertEquals(connsh.last:count(), n)
end

function TestRun:test_a_query_is_lazy_and_does_not_change()
  local q = sockets { state = "listen" }
  local narrow = q { lport = 80 }
  lu.assertEquals(q:count(), count { state = "listen" })
  lu.assertEquals(narrow:count(), 2)
  lu.assertEquals(q:count(), count { state = "listen" })
  lu.assertEquals(q():count(), q:count())
end

function TestRun:test_unknown_methods_raise()
  fails(function() sockets:cuont() end, "'cuont'", "'count'")
  fails(function() return sockets.lport end, "lport", "field")
end

function TestRun:test_tostring()
  lu.assertEquals(tostring(sockets), "sockets")
  lu.assertStrContains(tostring(sockets { lport = 80 }), "lport = 80")
end

TestWhere = {}

local function listen80(s)
  return s.state == "listen" and s.lport == 80
end

function TestWhere:test_all_forms()
  local expected = cookies(having(listen80))
  lu.assertEquals(#expected, 2)
  local base = sockets { state = "listen" }
  lu.assertEquals(cookies(base:where({ lport = 80 }):list()), expected)
  lu.assertEquals(cookies(base:where("lport", 80):list()), expected)
  lu.assertEquals(cookies(base:where("lport", "=", 80):list()), expected)
  lu.assertEquals(cookies(base:where("lport", "==", 80):list()), expected)
  lu.assertEquals(cookies(base:where("lport", { 80 }):list()), expected)
  lu.assertEquals(cookies(base:where(function(s) return s.lport == 80 end):list()), expected)
  lu.assertEquals(cookies(sockets:where(listen80):list()), expected)
  lu.assertEquals(cookies(sockets { where = listen80 }:list()), expected)
  lu.assertEquals(cookies(base { where = listen80, lport = 80 }:list()), expected)
  lu.assertEquals(count { where = listen80 }, 2)
  lu.assertEquals(sockets:where(listen80):where("family", "inet"):count(), 1)
  lu.assertEquals(sockets:where(listen80):where(function() return false end):count(), 0)
  lu.assertEquals(sockets:where(listen80):limit(1):count(), 1)
end

function TestWhere:test_operators()
  same({ { "lport", "<", 80 } }, function(s) return s.lport < 80 end)
  same({ { "lport", "<=", 80 } }, function(s) return s.lport <= 80 end)
  same({ { "lport", ">", 8080 } }, function(s) return s.lport > 8080 end)
  same({ { "lport", ">=", 8080 } }, function(s) return s.lport >= 8080 end)
  same({ { "lport", "!=", 80 } }, function(s) return s.lport ~= 80 end)
  same({ { "lport", "~=", 80 } }, function(s) return s.lport ~= 80 end)
  fails(function() sockets:where("lport", "=<", 80) end, "lport", "operator")
  fails(function() sockets:where("state", "<", "listen") end, "state", "order")
end

function TestWhere:test_nil_raises()
  local none = nil
  fails(function() sockets:where("lport", none) end, "lport", "nil")
  fails(function() sockets:where("lport", "=", none) end, "lport", "nil")
  fails(function() sockets:where(none) end, "nil")
  fails(function() sockets(none) end, "nil")
  fails(function() sockets { { "lport", "=", none } } end, "lport", "nil")
  fails(function() chunk("local p; return count<lport=p>") end, "lport", "nil")
  fails(function() chunk("local p; return count<state='listen', lport=p>") end, "lport", "nil")
  fails(function() chunk("local p; return count<lport>p, state='listen'>") end, "lport", "nil")
end

function TestWhere:test_functions_raise_through()
  fails(function() sockets:where(function() error("mine") end):count() end, "mine")
end

TestSpellings = {}

function TestSpellings:test_lists()
  same({ lport = { 80, 8080 } }, function(s) return s.lport == 80 or s.lport == 8080 end)
  same({ { "lport", "!=", { 80, 8080 } } },
    function(s) return s.lport ~= 80 and s.lport ~= 8080 end)
  same({ state = { "listen", "close" } },
    function(s) return s.state == "listen" or s.state == "close" end)
  same({ lport = {} }, function() return false end, true)
end

function TestSpellings:test_and_or_not()
  same({ "or", { lport = 80 }, { rport = 80 } },
    function(s) return s.lport == 80 or s.rport == 80 end)
  same({ "and", { lport = 80 }, { state = "listen" } }, listen80)
  same({ { "or", { lport = 80 }, { rport = 80 } }, state = "established" },
    function(s) return s.state == "established" and (s.lport == 80 or s.rport == 80) end)
  same({ "not", { state = "listen" } }, function(s) return s.state ~= "listen" end)
  same({ "not", { "or", { state = "listen" }, { { "lport", "<", 1000 } } } },
    function(s) return s.state ~= "listen" and s.lport >= 1000 end)
  -- a row without the field: the condition does not hold, so its negation does
  same({ "not", { dev = "lo" } }, function(s) return s.dev ~= "lo" end)
  same({ { "dev", "!=", "lo" } }, function(s) return s.dev ~= nil and s.dev ~= "lo" end, true)
end

function TestSpellings:test_ranges()
  same({ lport = "1024-65535" }, function(s) return s.lport >= 1024 end)
  same({ lport = { "80-84", 443 } },
    function(s) return s.lport >= 80 and s.lport <= 84 or s.lport == 443 end)
  same({ { "lport", ">=", 80 }, { "lport", "<", 443 } },
    function(s) return s.lport >= 80 and s.lport < 443 end)
  same({ { "lport", "!=", "0-1023" } }, function(s) return s.lport > 1023 end)
end

function TestSpellings:test_service_names()
  same({ lport = "http" }, function(s) return s.lport == 80 end)
  same({ lport = { "ssh", "https" } }, function(s) return s.lport == 22 or s.lport == 443 end)
  same({ lport = "domain" }, function(s) return s.lport == 53 end)
end

function TestSpellings:test_states()
  for _, word in ipairs({ "established", "estab", "ESTABLISHED", "Estab" }) do
    same({ state = word }, function(s) return s.state == "established" end)
  end
  for _, word in ipairs({ "time-wait", "TIME_WAIT", "time_wait", "timewait" }) do
    same({ state = word }, function(s) return s.state == "time-wait" end)
  end
  same({ state = "unconn" }, function(s) return s.state == "close" end)
  same({ state = "LISTENING" }, function(s) return s.state == "listen" end)
  same({ family = "v6" }, function(s) return s.family == "inet6" end)
  same({ family = "ipv4" }, function(s) return s.family == "inet" end)
end

function TestSpellings:test_durations_and_sizes()
  lu.assertEquals(count { { "rtt", "<", "100ms" } }, count { { "rtt", "<", 0.1 } })
  lu.assertTrue(count { { "rtt", "<", "100ms" } } > 10)
  lu.assertEquals(count { { "rtt", ">", "1us" } }, count { rtt = true })
  lu.assertEquals(count { { "rtt", ">", "1h" } }, 0)
  same({ { "rcvbuf", ">=", "64k" } }, function(s) return (s.rcvbuf or 0) >= 65536 end)
  same({ { "rcvbuf", ">", "1m" } }, function(s) return (s.rcvbuf or 0) > 1048576 end, true)
  same({ { "recvq", ">", 0.5 } }, function(s) return s.recvq >= 1 end)
end

function TestSpellings:test_globs()
  same({ cong = "re*" }, function(s) return s.cong and s.cong:find("^re") end)
  same({ cong = "?????" }, function(s) return s.cong and #s.cong == 5 end)
  same({ cong = "[cr]*" }, function(s) return s.cong and s.cong:find("^[cr]") end)
  same({ dev = "l*" }, function(s) return s.dev end)
end

function TestSpellings:test_presence()
  same({ dev = true }, function(s) return s.dev ~= nil end)
  same({ dev = false }, function(s) return s.dev == nil end)
  same({ rtt = true }, function(s) return s.rtt ~= nil end)
  same({ rtt = false, proto = "tcp" }, function(s) return s.rtt == nil and s.proto == "tcp" end)
  same({ { "uid", "!=", true } }, function(s) return s.uid == nil end)
  same({ uid = { false, 1000 } }, function(s) return s.uid == nil or s.uid == 1000 end)
end

function TestSpellings:test_booleans_are_values()
  same({ v6only = true }, function(s) return s.v6only == true end)
  same({ v6only = false }, function(s) return s.v6only == false end)
end

function TestSpellings:test_marks()
  same({ mark = "0x5" }, function(s) return s.mark == 5 end)
  same({ mark = 7 }, function(s) return s.mark == 7 end)
  same({ mark = "0x1/0x1" }, function(s) return s.mark and s.mark % 2 == 1 end)
end

function TestSpellings:test_prefixes()
  same({ laddr = "10.0.0.0/8" }, function(s) return s.laddr:find("^10%.") end)
  same({ raddr = "127.0.0.7" }, function(s) return s.raddr == "127.0.0.7" end)
  same({ laddr = "fd00::/8" }, function(s) return s.laddr:find("^fd") end)
  same({ laddr = "::1" }, function(s) return s.laddr == "::1" end)
  same({ laddr = "0:0:0:0:0:0:0:1/128" }, function(s) return s.laddr == "::1" end)
end

function TestSpellings:test_what_is_refused()
  fails(function() count { lprt = 80 } end, "'lprt'", "'lport'")
  fails(function() count { state = "establishd" } end, "state", "establishd", "established")
  fails(function() count { lport = 65536 } end, "lport", "65536")
  fails(function() count { lport = -1 } end, "lport", "-1")
  fails(function() count { lport = "90-80" } end, "lport", "90-80")
  fails(function() count { lport = "nosuchservice" } end, "lport", "nosuchservice")
  fails(function() count { lport = 80.5 } end, "lport", "80.5")
  fails(function() count { raddr = "10.0.0.0/33" } end, "raddr", "10.0.0.0/33")
  fails(function() count { raddr = "10.0.0" } end, "raddr", "10.0.0")
  fails(function() count { rtt = "100 parsecs" } end, "rtt", "parsecs")
  fails(function() count { lport = print } end, "lport", "function")
  fails(function() count { { "lport", "<", { 1, 2 } } } end, "lport", "list")
  fails(function() count { "not", { lport = 1 }, { lport = 2 } } end, "not")
  fails(function() count { "lport" } end, "lport")
  fails(function() count { 80 } end, "number")
  fails(function() count { [true] = 80 } end, "boolean")
  fails(function() count { "or", { netns = "x" } } end, "netns")
end

TestLoops = {}

function TestLoops:test_nested_loops_over_one_query_are_independent()
  local q = sockets { lport = 80, state = "listen" }
  local pairs_seen = {}
  for a in q do
    for b in q do
      pairs_seen[#pairs_seen + 1] = a.cookie .. " " .. b.cookie
    end
  end
  lu.assertEquals(#pairs_seen, q:count() ^ 2)
  local distinct = {}
  for _, pair in ipairs(pairs_seen) do
    lu.assertNil(distinct[pair])
    distinct[pair] = true
  end
end

function TestLoops:test_coroutines()
  local function producer()
    for s in sockets { state = "listen" } do
      coroutine.yield(s.cookie)
    end
  end
  local a, b, n = coroutine.wrap(producer), coroutine.wrap(producer), 0
  for cookie in a do
    lu.assertEquals(b(), cookie)
    n = n + 1
  end
  lu.assertEquals(n, count { state = "listen" })
end

local function open_count()
  local n = 0
  local list = assert(io.popen("ls /proc/$PPID/fd"))
  for _ in list:lines() do
    n = n + 1
  end
  list:close()
  return n
end

function TestLoops:test_loops_left_by_break_do_not_run_out_of_descriptors()
  local q = sockets { state = "listen" }
  local most = 0
  for i = 1, 10000 do
    for s in q do -- luacheck: ignore 512
      lu.assertEquals(s.state, "listen")
      break
    end
    if i % 500 == 0 then
      most = math.max(most, open_count())
    end
  end
  lu.assertTrue(most < 64, "descriptors open: " .. most)
end

TestSelectors = {}

local selector = 'return count<lport=80, state="listen">'

function TestSelectors:test_in_every_loader()
  lu.assertEquals(load(selector)(), 2)
  local pieces = { "return count<lport=80,", ' state="listen"', ">" }
  lu.assertEquals(load(function() return table.remove(pieces, 1) end)(), 2)
  local path = S.temporary(selector)
  lu.assertEquals(loadfile(path)(), 2)
  lu.assertEquals(dofile(path), 2)
end

function TestSelectors:test_in_require()
  local path = S.temporary(selector)
  local folder, name = path:match("^(.*)/([^/]+)$")
  local before = package.path
  package.path = folder .. "/?"
  local ok, value = pcall(require, name)
  package.path = before
  package.loaded[name] = nil
  lu.assertTrue(ok, value)
  lu.assertEquals(value, 2)
end

function TestSelectors:test_spellings_agree()
  local n = count { state = "established", { "lport", ">=", 1024 } }
  lu.assertEquals(chunk('return count<lport>=1024, state="established">'), n)
  lu.assertEquals(chunk('return count<state="established", lport>=1024>'), n)
  lu.assertEquals(chunk('return count<state="established", lport="1024-65535">'), n)
  lu.assertEquals(chunk('return #sockets<state="established", lport > 1023,>'), n)
  lu.assertEquals(chunk('return sockets<state="established"><lport>1023\n>:count()'), n)
  lu.assertEquals(chunk("return count<>"), #sockets)
end

function TestSelectors:test_a_comparison_says_how_to_select()
  fails(function() return sockets < 5 end, "sockets<lport=80>")
  fails(function() return count > 5 end, "count<lport=80>")
end

function TestSelectors:test_plain_comparisons_stay()
  lu.assertEquals(chunk("local a, b, c = 1, 2, 0 return a<b, c>a"), true)
  lu.assertEquals({ chunk("local a, b, c = 1, 2, 0 return a<b, c>(a)") }, { true, false })
end

TestNamespaces = {}

function TestNamespaces:test_by_pid_and_path()
  local here = #sockets
  lu.assertEquals(count { netns = holder }, here)
  lu.assertEquals(count { netns = tostring(holder) }, here)
  lu.assertEquals(count { netns = "/proc/" .. holder .. "/ns/net" }, here)
  lu.assertEquals(count { { "netns", "=", holder } }, here)
  lu.assertEquals(sockets:where("netns", holder):count(), here)
  local s = sockets { netns = holder, lport = 80 }:first()
  lu.assertEquals(s.netns, tostring(holder))
  lu.assertNil(sockets { lport = 80 }:first().netns)
end

-- Another namespace is empty, and what is asked there is not what is here.
function TestNamespaces:test_another_namespace()
  local other = assert(io.popen("exec unshare -n sh -c 'echo $$; exec sleep 60'"))
  local pid = other:read("n")
  lu.assertEquals(count { netns = pid }, 0)
  lu.assertEquals(count { netns = { pid, holder } }, #sockets)
  lu.assertEquals(sockets:where("netns", pid):list(), {})
  local result = S.connsh("--netns", pid, "-e", "print(#sockets)")
  lu.assertEquals(result.out, "0\n")
  os.execute("kill " .. pid)
  other:close()
  fails(function() count { netns = pid } end, tostring(pid))
end

function TestNamespaces:test_by_name()
  local name = "connsh-test-" .. holder
  if S.run({ "ip", "netns", "add", name }).code ~= 0 then
    S.skip("this user cannot name a network namespace")
  end
  local ok, n = pcall(count, { netns = name })
  local result = S.connsh("--netns", name, "-e", "print(#sockets)")
  S.run({ "ip", "netns", "delete", name })
  lu.assertTrue(ok, n)
  lu.assertEquals(n, 0)
  lu.assertEquals(result.out, "0\n")
end

function TestNamespaces:test_there_is_none()
  fails(function() count { netns = "nosuch" } end, "nosuch")
  fails(function() count { netns = "/nosuch" } end, "/nosuch")
  fails(function() count { netns = "/etc/passwd" } end, "/etc/passwd")
  fails(function() count { netns = 999999999 } end, "999999999")
  fails(function() count { netns = "" } end, "netns")
end

-- ---- random filters -------------------------------------------------------------------

-- Address text -> family and bytes as a string; a mapped address is its IPv4 form.
local function parse_address(text)
  local a, b, c, d = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if a then
    return string.char(a, b, c, d)
  end
  local head, tail = text:match("^(.-)::(.*)$")
  local function words(part)
    local list = {}
    for word in (part or ""):gmatch("[^:]+") do
      if word:find("%.") then
        local bytes = parse_address(word)
        list[#list + 1], list[#list + 2] = bytes:sub(1, 2), bytes:sub(3, 4)
      else
        list[#list + 1] = string.pack(">I2", tonumber(word, 16))
      end
    end
    return list
  end
  local front, back = words(head or text), words(tail)
  local fill = string.rep("\0\0", 8 - #front - #back)
  return table.concat(front) .. fill .. table.concat(back)
end

local mapped_prefix = string.rep("\0", 10) .. "\255\255"

local function starts_with(bytes, prefix, bits)
  for i = 0, bits - 1 do
    local byte, mask = i // 8 + 1, 0x80 >> (i % 8)
    if bytes:byte(byte) & mask ~= prefix:byte(byte) & mask then
      return false
    end
  end
  return true
end

local function in_prefix(text, value)
  local address, bits = value:match("^(.*)/(%d+)$")
  local wanted = parse_address(address or value)
  bits = tonumber(bits) or #wanted * 8
  if #wanted == 16 and bits >= 96 and starts_with(wanted, mapped_prefix, 96) then
    wanted, bits = wanted:sub(13), bits - 96
  end
  local bytes = parse_address(text)
  if #bytes ~= #wanted then
    if #bytes == 4 or not starts_with(bytes, mapped_prefix, 96) then
      return false
    end
    bytes = bytes:sub(13)
  end
  return starts_with(bytes, wanted, bits)
end

local choices = {
  proto = { "tcp", "udp" },
  family = { "inet", "inet6" },
  state = {
    "established", "listen", "time-wait", "close-wait", "close", "syn-sent", "syn-recv",
    "fin-wait-1", "fin-wait-2", "last-ack", "closing",
  },
  addr = {
    "127.0.0.1", "127.0.0.0/8", "10.0.0.0/8", "0.0.0.0/0", "0.0.0.0", "::1", "::/0", "::",
    "fd00::/16", "::ffff:127.0.0.1", "::ffff:0:0/96", "127.0.0.7/31", "::/64", "::fffe:0:0/95",
  },
  port = { 0, 22, 53, 80, 81, 82, 443, 5353, 5357, 8080, 9001, 32768, 65535 },
}

local ports_range = { "80-84", "1024-65535", "0-0", "5353-5358", "9000-9020" }
local fields = { "proto", "state", "family", "lport", "rport", "laddr", "raddr" }
local kind_of = {
  proto = "proto", state = "state", family = "family", lport = "port", rport = "port",
  laddr = "addr", raddr = "addr",
}

local function pick(list)
  return list[math.random(#list)]
end

-- One value against one wanted: a range, a prefix or the value itself.
local function equals(kind, value, wanted)
  if kind == "addr" then
    return in_prefix(value, wanted)
  end
  local low, high = tostring(wanted):match("^(%d+)%-(%d+)$")
  if kind == "port" and low then
    return value >= tonumber(low) and value <= tonumber(high)
  end
  return value == wanted
end

local orderings = {
  ["<"] = function(a, b) return a < b end, ["<="] = function(a, b) return a <= b end,
  [">"] = function(a, b) return a > b end, [">="] = function(a, b) return a >= b end,
}

-- A condition {field, op, value} and the function that decides the same.
local function random_condition()
  local field = pick(fields)
  local kind = kind_of[field]
  local value = pick(choices[kind])
  if kind == "port" and math.random(2) == 1 then
    local op = pick({ "<", "<=", ">", ">=" })
    return { field, op, value }, function(s) return orderings[op](s[field], value) end
  end
  if kind == "port" and math.random(4) == 1 then
    value = pick(ports_range)
  end
  local wanted = { value }
  if math.random(4) == 1 then
    wanted[2], wanted[3] = pick(choices[kind]), pick(choices[kind])
    value = wanted
  end
  local unequal = math.random(4) == 1
  return { field, unequal and "!=" or "=", value }, function(s)
    for _, one in ipairs(wanted) do
      if equals(kind, s[field], one) then
        return not unequal
      end
    end
    return unequal
  end
end

local random_filter

local function random_members(depth)
  local members, tests = {}, {}
  for i = 1, math.random(1, 3) do
    members[i], tests[i] = random_filter(depth - 1)
  end
  return members, tests
end

function random_filter(depth)
  local what = depth > 0 and math.random(5) or 1
  if what <= 2 then
    return random_condition()
  elseif what == 3 then
    local member, test = random_filter(depth - 1)
    return { "not", member }, function(s) return not test(s) end
  end
  local all = what == 4
  local members, tests = random_members(depth)
  return { all and "and" or "or", table.unpack(members) }, function(s)
    for _, test in ipairs(tests) do
      if test(s) ~= all then
        return not all
      end
    end
    return all
  end
end

local function show(filter)
  local parts = {}
  for i, item in ipairs(filter) do
    parts[i] = type(item) == "table" and show(item) or string.format("%q", item)
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

TestRandom = {}

-- The filter's rows are the cookies that the test picks from rows; else a text says how not.
local function disagreement(filter, test, rows)
  local expected = {}
  for _, s in ipairs(rows) do
    if test(s) then
      expected[#expected + 1] = s.cookie
    end
  end
  table.sort(expected)
  local q = sockets(filter)
  local got = cookies(q:list())
  if table.concat(got, " ") ~= table.concat(expected, " ") then
    return string.format("%s: %d rows, expected %d", show(filter), #got, #expected)
  elseif q:count() ~= #expected then
    return string.format("%s: counted %d, expected %d", show(filter), q:count(), #expected)
  end
  return nil, #expected
end

function TestRandom:test_filters_against_plain_lua()
  math.randomseed(20240607)
  local rows, matched = sockets:list(), 0
  for _ = 1, 400 do
    local filter, test = random_filter(3)
    local wrong, n = disagreement(filter, test, rows)
    if wrong then
      -- a socket may have changed its state meanwhile: look once more
      rows = sockets:list()
      wrong, n = disagreement(filter, test, rows)
    end
    lu.assertNil(wrong)
    matched = matched + (n > 0 and n < #rows and 1 or 0)
  end
  lu.assertTrue(matched > 150, "too few filters select something: " .. matched)
end

-- Up to three conditions joined by commas; a name stands before '=' once only.
local function random_selector()
  local parts, tests, given = {}, {}, {}
  for _ = 1, math.random(1, 3) do
    local cond, test = random_condition()
    local field, op, value = cond[1], cond[2], cond[3]
    if op ~= "=" or not given[field] then
      given[field] = given[field] or op == "="
      value = type(value) == "table" and show(value) or string.format("%q", value)
      parts[#parts + 1] = field .. op .. value
      tests[#tests + 1] = test
    end
  end
  parts[#parts + 1] = "inode={true, false}"
  return "return sockets<" .. table.concat(parts, ", ") .. ">", function(s)
    for _, test in ipairs(tests) do
      if not test(s) then
        return false
      end
    end
    return true
  end
end

function TestRandom:test_selectors_against_plain_lua()
  math.randomseed(42)
  local rows, matched = sockets:list(), 0
  for _ = 1, 200 do
    local text, test = random_selector()
    local expected = {}
    for _, s in ipairs(rows) do
      expected[#expected + 1] = test(s) and s.cookie or nil
    end
    table.sort(expected)
    lu.assertEquals(cookies(chunk(text):list()), expected, text)
    matched = matched + (#expected > 0 and 1 or 0)
  end
  lu.assertTrue(matched > 50, "too few selectors select something: " .. matched)
end

S.main()
