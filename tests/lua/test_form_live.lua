-- Forms from Lua: rows as ss prints them, built of data, beside ss itself; single records,
-- functions, files, and every way in which a form cannot be made.
-- luacheck: globals sockets routes links

local lu = require("luaunit")
local S = require("support")

S.inside {
  "addr=fd00:1::1/64", "listen=[fd00:1::1]:85",
  "listen=127.0.0.1:80", "listen=*:81", "listen6only=[::]:82", "listen=[::1]:83",
  "conn=127.0.0.1:80*3", "conn=[::1]:83*2", "conn=[::ffff:127.0.0.1]:81", "udp=127.0.0.1:53",
  "udpconn=[::1]:123", "listen=127.0.0.1:8080", "unix=@form", "packet", "netlink=route,groups=5",
}

local function file_of()
  local path = S.temporary("")
  return assert(io.open(path, "w")), path
end

-- What q:write gives, and its result.
local function written(q, form)
  local file, path = file_of()
  local n = q:write(form, file)
  file:close()
  return S.read_file(path), n
end

-- The lines of ss, with single blanks and without those at the end.
local function ss(options)
  local text = S.run("ss " .. options).out:gsub(" +", " "):gsub(" *\n", "\n")
  return text
end

local states = {
  established = "ESTAB", ["syn-sent"] = "SYN-SENT", ["syn-recv"] = "SYN-RECV",
  ["fin-wait-1"] = "FIN-WAIT-1", ["fin-wait-2"] = "FIN-WAIT-2", ["time-wait"] = "TIME-WAIT",
  close = "UNCONN", ["close-wait"] = "CLOSE-WAIT", ["last-ack"] = "LAST-ACK", listen = "LISTEN",
  closing = "CLOSING",
}

local function address(name)
  return { first = {
    { field = name, when = { family = "inet" } },
    { "[::]", when = { [name] = "::", v6only = true } },
    { "*", when = { [name] = "::" } },
    { "[", { field = name }, "]" },
  } }
end

local function port(name, more)
  local part = { field = name, as = "%u", map = { [0] = "*" } }
  for key, value in pairs(more or {}) do
    part[key] = value
  end
  return part
end

local function columns(more)
  return {
    { field = "state", map = states }, " ", { field = "recvq", as = "%d" }, " ",
    { field = "sendq", as = "%d" }, " ", address "laddr", { field = "dev", before = "%" }, ":",
    port("lport", more), " ", address "raddr", ":", port("rport", more),
  }
end

local tcp = sockets { proto = "tcp", ordered = true }

TestRows = {}

function TestRows:test_tables_of_ss()
  for proto, letter in pairs { tcp = "t", udp = "u" } do
    local q = sockets { proto = proto, ordered = true }
    local text, n = written(q, q:form { columns(), "\n" })
    lu.assertEquals(text, ss("-Han" .. letter))
    lu.assertEquals(n, q:count())
    lu.assertTrue(n > 1)
  end
end

function TestRows:test_names_of_services()
  local list = { as = "service", proto = "tcp", local_range = true }
  local function set(name, value)
    local file = assert(io.open("/proc/sys/net/ipv4/" .. name, "w"))
    file:setvbuf "no"
    assert(file:write(value))
    file:close()
  end
  set("ip_local_port_range", "1024 60999")
  lu.assertEquals((written(tcp, tcp:form { columns(list), "\n" })), ss("-Hat"))
  lu.assertStrContains(ss("-Hat"), ":http ")
  -- a namespace whose range has them gives numbers
  set("ip_unprivileged_port_start", "0")
  set("ip_local_port_range", "50 60999")
  local text = written(tcp, tcp:form { columns(list), "\n" })
  lu.assertEquals(text, ss("-Hat"))
  lu.assertNotStrContains(text, ":http ")
  list.local_range = nil
  lu.assertStrContains(written(tcp, tcp:form { columns(list), "\n" }), ":http ")
end

function TestRows:test_names_of_hosts()
  local q = sockets { proto = "tcp", lport = 80, state = "listen" }
  lu.assertEquals((written(q, q:form { field = "laddr", as = "host" })), "localhost")
  q = q:where("lport", 80)
  local form = q:form { field = "raddr", as = "host", map = { ["0.0.0.0"] = "any" } }
  lu.assertEquals((written(q, form)), "any")
end

function TestRows:test_hosts_before_ports()
  local form = tcp:form { { field = "laddr", as = "host_before_port" }, ":",
    { field = "lport", as = "service", proto = "tcp" } }
  lu.assertEquals(form(tcp:where("lport", 85):first()), "[fd00:1::1]:85")
  lu.assertEquals(form(tcp:where { lport = 80, state = "listen" }:first()), "localhost:http")
  form = tcp:form { field = "laddr", as = "host" }
  lu.assertEquals(form(tcp:where("lport", 85):first()), "fd00:1::1")
  form = tcp:form { field = "comm", upto = "mak", after = ")" }
  lu.assertEquals(form(tcp:where("lport", 85):first()), "sock)")
end

-- The tokens that stay as they are while nothing is sent.
function TestRows:test_info_of_tcp()
  local ms = function(name, as, more)
    local part = { field = name, as = as, unit = "ms" }
    for key, value in pairs(more or {}) do
      part[key] = value
    end
    return part
  end
  local form = tcp:form {
    { field = "rto", as = " rto:%g", unit = "ms", unless = { 0, 3 * 1000 } },
    { ms("rtt", " rtt:%g"), ms("rttvar", "/%g") }, ms("ato", " ato:%g", { unless = 0 }),
    { field = "mss", as = " mss:%u", unless = 0 }, { field = "cwnd", as = " cwnd:%u", unless = 0 },
    { calc = { "cwnd", "mss", "*", 8e6, "*", { field = "rtt", unit = "us" }, "/" },
      as = " send %.0fbps" },
    { field = "min_rtt", as = " minrtt:%g", unit = "ms", unless = 0 }, "\n",
  }
  local expected = {}
  for line in S.run("ss -Htniao state established").out:gmatch "[^\n]+" do
    if line:find "rto:" then
      local words = {}
      for _, pattern in ipairs {
        "rto:%S+", "rtt:%S+", "ato:%S+", " mss:%S+", "cwnd:%S+", "send %S+", "minrtt:%S+",
      } do
        words[#words + 1] = (line:match(pattern) or ""):match "^ ?(.*)"
      end
      expected[#expected + 1] = (" " .. table.concat(words, " ")):gsub("  +", " ")
    end
  end
  table.sort(expected)
  local got = {}
  local text = written(tcp:where("state", "established"), form)
  for line in text:gmatch "[^\n]+" do
    got[#got + 1] = line
  end
  table.sort(got)
  lu.assertEquals(got, expected)
  lu.assertTrue(#got >= 12)
end

function TestRows:test_lists()
  S.run "ip route add 10.9.0.0/24 nexthop dev lo weight 2 nexthop dev lo weight 3"
  local q = routes { dst = "10.9.0.0/24" }
  local list = { each = "nexthops", between = ",", before = "(", after = ")",
    part = { { field = "dev" }, { field = "weight", as = "*%u" } } }
  lu.assertEquals((written(q, q:form(list))), "(lo*2,lo*3)")
  list.reverse = true
  lu.assertEquals((written(q, q:form(list))), "(lo*3,lo*2)")
  list.part.when = { weight = 3 }
  lu.assertEquals((written(q, q:form(list))), "(lo*3)")
  list.part.when = { weight = 4 }
  list.otherwise = "none"
  lu.assertEquals((written(q, q:form(list))), "none")
end

-- A part says what it does with any of the fields that there are, as the record has them.
function TestRows:test_every_field()
  local seen = 0
  for _, name in ipairs { "tcp", "udp", "unix", "packet", "netlink" } do
    local q = sockets { proto = name }
    for r in q do
      for field, value in pairs(r) do
        local text
        if type(value) == "table" and type(value[1]) ~= "userdata" then
          text = q:form { each = field, between = "," } (r)
          local items = {}
          for i, item in ipairs(value) do
            items[i] = tostring(item):gsub("%c", ".")
          end
          lu.assertEquals(text, table.concat(items, ","), field)
        elseif type(value) ~= "table" then
          text = q:form { field = field } (r)
          if math.type(value) == "float" then
            lu.assertAlmostEquals(tonumber(text), value, math.abs(value) * 1e-13)
          else
            lu.assertEquals(text, (tostring(value):gsub("%c", ".")), field)
          end
        end
        seen = seen + 1
      end
    end
  end
  lu.assertTrue(seen > 500)
end

TestRecords = {}

function TestRecords:test_what_a_record_lacks_is_asked_for()
  local r = tcp:where { state = "established" }:first()
  local form = tcp:form { { field = "cwnd", as = "cwnd:%u" }, { field = "rcvbuf", as = " rb%u" } }
  lu.assertEquals(form(r), ("cwnd:%d rb%d"):format(r.cwnd, r.rcvbuf))
  r = tcp:where { state = "listen", lport = 80 }:first()
  lu.assertEquals(tcp:form { { field = "pid", as = "%d" } } (r), tostring(r.pid))
  lu.assertNotNil(r.pid)
  lu.assertEquals(tcp:form { "a", when = { rcvbuf = true }, otherwise = "b" } (r), "a")
end

function TestRecords:test_a_loop_goes_on_behind_a_form()
  local form = tcp:form { { field = "lport" }, { value = function(r) return "/" .. r.state end } }
  local n = 0
  for r in tcp do
    lu.assertEquals(form(r), r.lport .. "/" .. r.state)
    n = n + 1
  end
  lu.assertEquals(n, tcp:count())
end

function TestRecords:test_other_records()
  local form = tcp:form { field = "lport" }
  lu.assertErrorMsgContains("a form for sockets prints a socket, not a link", form, links:first())
  lu.assertErrorMsgContains("a form for sockets prints a socket, not a nil", form)
  lu.assertErrorMsgContains("a form for sockets prints a socket, not a table", form, {})
  lu.assertErrorMsgContains("a form for sockets cannot write links", links.write, links, form)
  lu.assertEquals(tostring(form), "form for sockets")
end

function TestRecords:test_derived_rows()
  local q = sockets { proto = "tcp", state = "listen" }:group("lport"):count():sort("lport")
  local form = q:form { { field = "lport", as = "%u" }, "=", { field = "count", as = "%u" }, ";" }
  lu.assertStrContains(written(q, form), "80=1;81=1;")
  lu.assertEquals(form(q:first()), "80=1;")
  q = sockets { proto = "tcp", lport = 80 }:select("state", { "twice", function(r)
    return r.lport * 2
  end })
  lu.assertStrContains(written(q, q:form { { field = "twice" }, "\n" }), "160\n")
end

TestFunctions = {}

function TestFunctions:test_values()
  local q = sockets { proto = "tcp", lport = 80, state = "listen" }
  local cases = { [7] = "7", [1.5] = "1.5", ["a\tb"] = "a.b", [true] = "true", [false] = "false" }
  for value, text in pairs(cases) do
    local form = q:form { before = "<", after = ">", width = 6, value = function()
      return value
    end }
    lu.assertEquals((written(q, form)), ("<%-6s>"):format(text))
    lu.assertEquals(form(q:first()), ("<%-6s>"):format(text))
  end
  local form = q:form { value = function() end, before = "<", otherwise = "-" }
  lu.assertEquals((written(q, form)), "-")
end

function TestFunctions:test_several_forms_over_other_queries()
  local one = tcp:form { value = function(r) return r.lport + 1 end, after = "\n" }
  local two = tcp:form { value = function(r) return r.lport + 2 end, after = "\n" }
  local q = tcp:where { state = "listen", lport = 80 }:where(function(r) return r.lport == 80 end)
  collectgarbage()
  lu.assertEquals((written(q, one)), "81\n")
  lu.assertEquals((written(q, two)), "82\n")
end

function TestFunctions:test_errors_come_through()
  local thrown = {}
  local form = tcp:form { "x", { value = function() error(thrown) end } }
  local ok, why = pcall(written, tcp, form)
  lu.assertFalse(ok)
  lu.assertIs(why, thrown)
  ok, why = pcall(form, tcp:first())
  lu.assertFalse(ok)
  lu.assertIs(why, thrown)
  form = tcp:form { value = function() return {} end }
  lu.assertErrorMsgContains("gave a table", written, tcp, form)
  -- and again, when it is well
  local bad = true
  form = tcp:form { value = function(r) return bad and error("no") or r.lport end, after = "\n" }
  lu.assertErrorMsgContains("no", written, tcp, form)
  bad = false
  lu.assertStrContains(written(tcp, form), "80\n")
end

function TestFunctions:test_may_run_queries_and_close_the_file()
  local file, path = file_of()
  local n = 0
  local form = tcp:form { "row\n", { value = function()
    n = n + 1
    if n == 2 then
      file:close()
    end
    return #sockets { proto = "udp" } > 0 and "" or "?"
  end } }
  lu.assertErrorMsgContains("the file was closed while rows were written to it", tcp.write, tcp,
    form, file)
  lu.assertEquals(S.read_file(path), "row\n")
  lu.assertErrorMsgContains("this file is closed", tcp.write, tcp, form, file)
end

TestFiles = {}

function TestFiles:test_standard_output_and_a_full_disk()
  local program = [[local q = sockets{proto="tcp", lport=80, state="listen"}
    q:write(q:form{{field="lport"}, "\n"})]]
  lu.assertEquals(S.connsh("-e", program).out, "80\n")
  program = [[local q = sockets{proto="tcp"} local f = io.open("/dev/full", "w") f:setvbuf("no")
    q:write(q:form{{field="lport"}, "\n"}, f)]]
  local result = S.connsh("-e", program)
  lu.assertEquals(result.code, 1)
  lu.assertStrContains(result.err, "cannot write: No space left on device")
end

TestFaults = {}

local function nested(n)
  local part = "x"
  for _ = 1, n do
    part = { part }
  end
  return part
end

function TestFaults:test_messages()
  local faults = {
    { { field = "rtx" }, "form: sockets have no field 'rtx'; did you mean 'rtt'?" },
    { { "a", "b", { field = "rtx" } }, "form: part 3: sockets have no field 'rtx'" },
    { { "a", { first = { "b", { otherwise = { field = "zzzzz" }, "c" } } } },
      "form: part 2: first 2: otherwise: sockets have no field 'zzzzz'" },
    { { field = "lport", unles = 3 },
      "form: a part with field has no 'unles'; did you mean 'unless'?" },
    { { "x", { each = "pids", seperator = "," } },
      "form: part 2: a part with each has no 'seperator'" },
    { { field = "lport", first = {} }, "this has field and first" },
    { { field = "ordered" }, "ordered says how to ask, no row has it" },
    { { field = 7 }, "field is the name of a field, not a number" },
    { { field = "lport", "x" }, "a part with field has no list of parts" },
    { { "a", [3] = "b" }, "a list of parts has no holes" },
    { { "a", [1.5] = "b" }, "a list of parts has no holes" },
    { { "a", 7 }, "form: part 2: a part is a text or a table, not a number" },
    { { "a", true }, "form: part 2: a part is a text or a table, not a boolean" },
    { { field = "lport", as = "%q" }, "a format has no conversion 'q'" },
    { { field = "lport", as = "%u%u" }, "a format has one conversion, this has two" },
    { { field = "lport", as = "port" }, "'port' is neither" },
    { { field = "lport", as = "servce" }, "did you mean 'service'?" },
    { { field = "lport", as = 7 }, "as is a text, not a number" },
    { { field = "laddr", as = "%u" }, "%u takes a number, and laddr is of type address: use %s" },
    { { field = "laddr", as = "service" }, "service takes a port, and laddr is of type address" },
    { { field = "lport", as = "%u", rpc = true }, 'rpc are for as="service"' },
    { { field = "lport", unit = "ms" }, "a unit is of durations; lport is of type port" },
    { { field = "rtt", unit = "m" }, "a unit is us, ms or s, not m" },
    { { field = "cwnd", mul = 0 }, "mul is a whole number, 1 to 4294967295, not 0" },
    { { field = "cwnd", div = 0.5 }, "div is a whole number, 1 to 4294967295, not 0.5" },
    { { field = "cwnd", wrap = 16 }, "wrap is a whole number, 32 to 32, not 16" },
    { { field = "cwnd", unless = "x" }, "form: unless: cwnd is compared with numbers" },
    { { field = "cwnd", unless = { 1, {} } }, "form: unless: a value is a number, a text" },
    { { field = "state", map = { establishd = "E" } },
      "form: map: state is never 'establishd'; did you mean 'established'?" },
    { { field = "state", map = { established = 1 } }, "what a value is printed as is a text" },
    { { field = "state", map = { established = "a", estab = "b" } },
      "two keys are the same value" },
    { { field = "state", map = "x" }, "form: map: it is a table of values and their texts" },
    { { each = "lport" }, 'lport is no list: {field="lport"} prints it' },
    { { each = "pids", part = "x" }, "pids is a list of plain values" },
    { { calc = { "cwnd", "+" } },
      "form: calc 2: + takes the two numbers before it, and there are 1" },
    { { calc = { "cwnd", "mss" } }, "form: calc leaves 2 numbers, not one" },
    { { calc = {} }, "form: calc leaves 0 numbers, not one" },
    { { calc = { "state" } }, "state is of type name: it cannot be calculated with" },
    { { calc = { { field = "cwnd", as = "%u" } } }, "a field of a calculation has no 'as'" },
    { { calc = "cwnd" }, "calc is a list of numbers, fields and + - * /" },
    { { value = "x" }, "value is a function, not a string" },
    { { first = "x" }, "first is a list of parts, not a string" },
    { { "x", when = { sate = 1 } }, "form: when: sockets have no field 'sate'" },
    { { "x", when = { netns = "a" } }, "form: when: netns says what to ask" },
    { { "x", when = { { "netns", "a" } } }, "form: when: netns says what to ask" },
    { { "x", when = { ordered = true } }, "form: when: ordered says what to ask" },
    { { "x", when = { { "kernel", { lport = 80 } } } }, "form: when: \"kernel\" says what to ask" },
    { { "x", when = { where = function() end } }, "form: when: a condition is no function" },
    { { "x", when = true }, "form: when: it is a table of conditions" },
    { { "x", width = -1 }, "width is a whole number, 0 to 65535, not -1" },
    { { "x", cut = "1" }, "cut is a whole number, 0 to 65535, not 1" },
    { { "x", align = "middle" }, "align is left or right, not 'middle'" },
    { { "x", before = 1 }, "before is a text, not a number" },
    { nested(70), "parts are nested too deep: more than 64" },
    { 7, "a part is a text or a table, not a number" },
  }
  for _, fault in ipairs(faults) do
    lu.assertErrorMsgContains(fault[2], sockets.form, sockets, fault[1])
  end
  lu.assertErrorMsgContains("a form is made of one part", sockets.form, sockets)
  lu.assertErrorMsgContains("nexthops is a list of nexthops: {each=", routes.form, routes,
    { field = "nexthops" })
end

-- A calculation that needs more room than there is, and one that just fits.
function TestFaults:test_room_of_calculations()
  local steps = {}
  for i = 1, 17 do
    steps[i] = i
  end
  lu.assertErrorMsgContains("form: calc 17: more than 16 numbers wait", sockets.form, sockets,
    { calc = steps })
  steps[17] = nil
  for i = 17, 31 do
    steps[i] = "+"
  end
  lu.assertEquals(tcp:form { calc = steps } (tcp:first()), "136")
end

-- Nothing that was made is lost or kept when making a form fails halfway, and tables are not looked
-- at again.
function TestFaults:test_tables_are_read_once()
  local part = { field = "lport", as = "%u", map = { [80] = "http" } }
  local r = tcp:where { lport = 80, state = "listen" }:first()
  local form = tcp:form(part)
  part.field, part.as, part.map[80] = "nonsense", 7, nil
  part = nil
  collectgarbage()
  collectgarbage()
  lu.assertNil(part)
  lu.assertEquals(form(r), "http")
  for _ = 1, 200 do
    pcall(sockets.form, sockets, { "text", { field = "lport", when = { state = "listen" } },
      { value = function() end }, { field = "nothing of this name" } })
  end
  lu.assertEquals(tcp:form { false, "a", false, { first = { false, "b" } } } (r), "ab")
end

-- A border of a table with holes may lie anywhere: it is no length to take memory by.
function TestFaults:test_borders_far_away()
  local members = { "'+','+','+','+',[5]='+'" }
  for i = 3, 62 do
    members[#members + 1] = ("[%d]='+'"):format(1 << i)
  end
  local far = load("return {" .. table.concat(members, ",") .. "}")()
  if #far < 1 << 61 then
    S.skip("this Lua finds another border")
  end
  local parts = { far, { first = far }, { calc = far }, { field = "comm", unless = far } }
  for _, part in ipairs(parts) do
    lu.assertErrorMsgContains("out of memory", sockets.form, sockets, part)
  end
end

-- ---- records that change ---------------------------------------------------------------------

TestRecords = {}

-- What a function asks of the record is read into another message.
function TestRecords:test_function_that_asks_for_more()
  local form = tcp:form { { field = "cong" }, {
    value = function(r)
      for _ in pairs(r) do -- luacheck: ignore 542
      end
      collectgarbage()
      collectgarbage()
      return ("x"):rep(300)
    end,
    cut = 1, before = " ", after = " ",
  }, { field = "cong" } }
  for r in tcp { family = "inet" } do
    local cong = sockets { cookie = r.cookie, proto = "tcp" }:first().cong
    lu.assertEquals(form(r), cong .. " x " .. cong)
  end
end

-- A finalizer may meet a record of which the collector has finished a part.
function TestRecords:test_finalizers()
  local result = S.connsh("-e", [[
    local form = sockets:form { { field = "user" }, { field = "lport" } }
    local grid = connsh.grid { columns = { { title = "User" } } }
    local held = setmetatable({}, { __gc = function(held)
      print(select(2, pcall(form, held.record)))
      print(select(2, pcall(grid.add, grid, held.record, { form })))
      print(select(2, pcall(pairs, held.record)))
    end })
    held.record = sockets { proto = "tcp", lport = 80 }:first()
    held = nil
    collectgarbage()
  ]])
  lu.assertEquals({ result.out, result.err, result.code },
    { ("this record is closed\n"):rep(3), "", 0 })
end

S.main()
