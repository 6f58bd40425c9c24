-- Rows as text: all formats from the command line and as methods, on a terminal, on a full disk,
-- and with names of processes that are meant to do harm.
-- luacheck: globals sockets count

local lu = require("luaunit")
local R = require("readers")
local S = require("support")

S.inside({
  "listen=127.0.0.1:80", "conn=127.0.0.1:80*3,pending=100000", "conn=[::1]:80*2",
  "udp=127.0.0.1:53", "listen=127.0.0.2:81,dev=lo",
})

local named = (os.getenv("BUILD") or "build") .. "/tests/named"
local formats = { "table", "vertical", "json", "csv", "tsv", "markdown" }
local query = 'sockets{state="established", lport=80}'

local fails = S.fails

local function lines(text)
  local list = {}
  for line in text:gmatch("([^\n]*)\n") do
    list[#list + 1] = line
  end
  return list
end

-- connsh -q, which must succeed; what it printed.
local function printed(q, ...)
  local result = S.connsh("-q", q, ...)
  lu.assertEquals(result.err, "")
  lu.assertEquals(result.code, 0)
  return result.out
end

TestFormats = {}

function TestFormats:test_table_is_the_usual_one()
  local out = printed(query, "--columns", "lport,raddr,recvq")
  lu.assertEquals(out, printed(query, "-o", "table", "--columns", "lport,raddr,recvq"))
  local rows = lines(out)
  lu.assertEquals(#rows, 6)
  lu.assertEquals(rows[1], "lport  raddr      recvq(bytes)")
  for i = 2, 6 do
    lu.assertStrMatches(rows[i], "   80  %S+ +%d+")
  end
end

function TestFormats:test_json_lines()
  local list = R.json_lines(printed(query, "-o", "json", "--columns", "lport,state,dev,rtt,v6only"))
  lu.assertEquals(#list, 5)
  for _, object in ipairs(list) do
    lu.assertEquals(object[0], { "lport", "state", "dev", "rtt", "v6only" })
    lu.assertEquals({ object.lport, object.state }, { 80, "established" })
    lu.assertIs(object.dev, R.null)
    lu.assertEquals(math.type(object.rtt), "float")
  end
end

function TestFormats:test_json_of_all_fields()
  local list = R.json_lines(printed(query .. ":limit(1)", "-o", "json", "--columns", "*"))
  lu.assertTrue(#list[1][0] > 100)
  lu.assertEquals(type(list[1].pids), "table")
  lu.assertEquals(list[1].pids[1], list[1].pid)
end

function TestFormats:test_csv()
  local rows = R.csv(printed(query .. ':sort("rport")', "-o", "csv", "--columns",
    "rport,laddr,dev"))
  lu.assertEquals(rows[1], { "rport", "laddr", "dev" })
  lu.assertEquals(#rows, 6)
  for i, s in ipairs(sockets { state = "established", lport = 80 }:sort("rport"):list()) do
    lu.assertEquals(rows[i + 1], { tostring(s.rport), s.laddr, "" })
  end
end

function TestFormats:test_tsv_markdown_vertical()
  local q = 'sockets{state="listen", laddr="127.0.0.2"}'
  lu.assertEquals(printed(q, "-o", "tsv", "--columns", "lport,dev"), "lport\tdev\n81\tlo\n")
  lu.assertEquals(printed(q, "-o", "markdown", "--columns", "lport,dev"),
    "| lport | dev |\n| ---: | --- |\n| 81 | lo |\n")
  lu.assertEquals(printed(q, "-o", "vertical", "--columns", "lport,dev"), "lport  81\ndev    lo\n")
end

function TestFormats:test_groups_in_every_format()
  local q = 'sockets{state="established"}:group("lport"):count():where("lport", 80)'
  lu.assertEquals(printed(q), "lport  count\n   80      5\n")
  lu.assertEquals(printed(q, "-o", "json"), '{"lport":80,"count":5}\n')
  lu.assertEquals(printed(q, "-o", "csv"), "lport,count\n80,5\n")
  lu.assertEquals(printed(q, "-o", "vertical"), "lport  80\ncount  5\n")
  lu.assertEquals(printed(q, "-o", "json", "--columns", "count"), '{"count":5}\n')
end

function TestFormats:test_no_rows()
  local expected = { table = 1, vertical = 0, json = 0, csv = 1, tsv = 1, markdown = 2 }
  for format, n in pairs(expected) do
    lu.assertEquals(#lines(printed("sockets{lport=1}", "-o", format)), n, format)
  end
end

function TestFormats:test_several_queries_and_values()
  local result = S.connsh("-q", "sockets{lport=81}:count()", "-q", "sockets{lport=81}", "-o", "csv",
    "--columns", "lport")
  lu.assertEquals(result.out, "1\nlport\n81\n")
  result = S.connsh("-o", "json", "--columns", "lport", "-p", "sockets{lport=81}:list()")
  lu.assertEquals(result.out, '{"lport":81}\n')
  result = S.connsh("-o", "csv", "--columns", "lport,dev", "-p", "sockets{lport=81}:first()")
  lu.assertEquals(result.out, "lport,dev\n81,lo\n")
end

TestMistakes = {}

function TestMistakes:test_wrong_format()
  local result = S.connsh("-q", "sockets", "-o", "jsn")
  lu.assertEquals({ result.code, result.out }, { 2, "" })
  lu.assertStrContains(result.err, "'jsn'")
  lu.assertEquals(S.connsh("-q", "sockets", "-o").code, 2)
end

function TestMistakes:test_wrong_columns()
  local result = S.connsh("-q", "sockets", "--columns", "lport,raddrr")
  lu.assertEquals({ result.code, result.out }, { 1, "" })
  lu.assertStrContains(result.err, "'raddrr'; did you mean 'raddr'?")
  for _, list in ipairs({ "", ",", "lport,", "lport,,rport", " " }) do
    result = S.connsh("-q", "sockets", "--columns", list)
    lu.assertEquals({ result.code, result.out }, { 1, "" }, list)
    lu.assertStrContains(result.err, "columns", list)
  end
  result = S.connsh("-q", 'sockets:group("state"):count()', "--columns", "lport")
  lu.assertEquals(result.code, 1)
  lu.assertStrContains(result.err, "lport")
  lu.assertEquals(printed("sockets{lport=81}", "-o", "csv", "--columns", " lport , dev "),
    "lport,dev\n81,lo\n")
end

TestMethods = {}

local q = sockets { lport = 81 }

function TestMethods:test_text_file_and_options()
  lu.assertEquals(q:csv { columns = "lport,dev" }, "lport,dev\n81,lo")
  lu.assertEquals(q:csv { columns = { "lport", "dev" }, header = false }, "81,lo")
  lu.assertEquals(q:tsv { columns = { "dev" } }, "dev\nlo")
  lu.assertEquals(q:json { columns = "lport" }, '{"lport":81}')
  lu.assertEquals(sockets { lport = 1 }:json(), "")
  local path = S.temporary()
  local file = io.open(path, "w")
  file:write("first\n")
  lu.assertNil(q:csv { columns = "lport", file = file })
  lu.assertNil(q:json(file))
  file:close()
  local written = lines(S.read_file(path))
  lu.assertEquals({ written[1], written[2], written[3], #written }, { "first", "lport", "81", 4 })
  fails(function() q:json(file) end, "closed")
end

function TestMethods:test_columns_with_titles_and_functions()
  local text = q:table { columns = {
    { field = "lport", title = "Port" },
    { title = "Twice", value = function(s) return s.lport * 2 end, align = "left" },
    { value = function(s) return s.dev end, min = 9 },
    { field = "rtt", none = "?" },
  } }
  lu.assertEquals(text, "Port  Twice  column3    rtt(s)\n  81  162    lo              ?")
  lu.assertEquals(q:json { columns = { { title = "a\"b", value = function() return true end } } },
    '{"a\\"b":true}')
end

function TestMethods:test_width_human_colour()
  local wide = sockets { state = "established", lport = 80, family = "inet" }:limit(1)
  lu.assertStrContains(wide:table { columns = "recvq", human = true }, "97.7K")
  lu.assertStrContains(wide:table { columns = "recvq" }, "100000")
  lu.assertStrContains(wide:table { columns = "recvq", colour = true }, "\27[1m")
  lu.assertStrContains(wide:table { columns = "laddr", width = 6 }, "…")
  for line in (wide:table { width = 40 } .. "\n"):gmatch("([^\n]*)\n") do
    lu.assertTrue(utf8.len(line) <= 40, line)
  end
end

function TestMethods:test_mistakes()
  fails(function() q:table { colums = "lport" } end, "'colums'", "'columns'")
  fails(function() q:table { columns = { { field = "lport", titel = "x" } } } end, "'titel'",
    "'title'")
  fails(function() q:table { columns = { { field = "lport", title = 5 } } } end, "title", "number")
  fails(function() q:table { columns = { { field = "lport", align = "up" } } } end, "align", "up")
  fails(function() q:table { columns = { { title = "x" } } } end, "field")
  fails(function() q:table { columns = { 5 } } end, "'5'")
  fails(function() q:table { columns = {} } end, "empty")
  fails(function() q:table { columns = 5.5 } end, "5.5")
  fails(function() q:table { columns = true } end, "columns")
  fails(function() q:table { width = "x" } end, "width", "x")
  fails(function() q:table { width = -1 } end, "width", "-1")
  fails(function() q:table { header = 1 } end, "header")
  fails(function() q:table(5) end, "number")
  fails(function() q:table { file = "x" } end, "FILE")
  fails(function() q:json { columns = { { value = function() error("mine") end } } } end, "mine")
end

TestStreams = {}

function TestStreams:test_full_disk()
  for _, format in ipairs(formats) do
    local result = S.connsh("-q", "sockets", "-o", format, { stdout = "/dev/full" })
    lu.assertEquals(result.code, 1, format)
    lu.assertStrContains(result.err, "No space left", format)
    lu.assertEquals(#lines(result.err), 1, format)
  end
  local full = io.open("/dev/full", "w")
  full:setvbuf("no")
  fails(function() sockets:json(full) end, "No space left")
  full:close()
end

function TestStreams:test_closed_pipe_is_quiet()
  for _, format in ipairs(formats) do
    local result = S.run(S.sh_quote(S.connsh_path()) .. " -e 'for _ = 1, 3000 do sockets:"
      .. format .. "(io.stdout) end' | head -n 1 >/dev/null")
    lu.assertEquals({ result.err, result.code }, { "", 0 }, format)
  end
end

TestTerminal = {}

-- What the query looks like on a terminal of 60 cells.
local function on_terminal(q_text, env, more)
  local result = S.run({ "script", "-qec", "stty cols 60; " .. S.sh_quote(S.connsh_path()) .. " -q "
    .. S.sh_quote(q_text) .. (more or ""), "/dev/null" }, { env = env })
  if result.code == 127 then
    S.skip("no script(1)")
  end
  lu.assertEquals(result.code, 0)
  return (result.out:gsub("\r\n", "\n"))
end

local terminal = { TERM = "xterm", NO_COLOR = false }

function TestTerminal:test_fits_and_is_bold()
  local out = on_terminal(query, terminal)
  lu.assertStrContains(out, "97.7K")
  lu.assertStrContains(out, "…")
  lu.assertNotStrContains(out, "(bytes)")
  local list = lines(out)
  lu.assertEquals(#list, 6)
  lu.assertStrMatches(list[1], "\27%[1m.*\27%[0m")
  for i = 2, #list do
    lu.assertNotStrContains(list[i], "\27[1m")
    lu.assertTrue(utf8.len((list[i]:gsub("\27%[%d*m", ""))) <= 60, list[i])
  end
end

function TestTerminal:test_no_colour()
  for _, env in ipairs({ { TERM = "xterm", NO_COLOR = "1" }, { TERM = "dumb", NO_COLOR = false },
    { TERM = false, NO_COLOR = false } }) do
    local out = on_terminal("sockets{lport=81}", env)
    lu.assertNotStrContains(out, "\27")
    lu.assertStrContains(out, "listen")
  end
  local out = on_terminal("sockets{lport=81}", { TERM = "xterm", NO_COLOR = "" })
  lu.assertStrContains(out, "\27[1m")
end

function TestTerminal:test_data_formats_are_as_in_a_pipe()
  for _, format in ipairs({ "json", "csv", "tsv" }) do
    lu.assertEquals(on_terminal("sockets{lport=80, state='listen'}", terminal, " -o " .. format),
      printed("sockets{lport=80, state='listen'}", "-o", format))
  end
end

function TestTerminal:test_never_in_a_pipe()
  lu.assertNotStrContains(printed(query), "\27")
  lu.assertNotStrContains(printed(query), "…")
end

TestHostileNames = {}

local names = {
  'a"b,c', "new\nline", "esc\27[31m", "bad\xff\xfeutf", "e)vil", "tab\there", "cr\rback",
  "| pipe |",
  "\\back\\", "\u{202e}rtl", "\u{200b}zero", "  blank ", "\127del", "*glob?", "`x`<b>", "=1+1",
}

local function beside(name, ...)
  local words = { named, name, "9999", S.connsh_path(), "-q", "sockets{lport=9999}", ... }
  local result = S.run(words)
  lu.assertEquals({ result.err, result.code }, { "", 0 }, name)
  return result.out
end

-- One row is one line, and nothing but text leaves.
local function harmless(text, name)
  local list = lines(text)
  lu.assertNotNil(utf8.len(text), name)
  lu.assertNil(text:gsub("[\n\t]", ""):find("%c"), name)
  lu.assertNil(text:find("\u{202e}", 1, true), name)
  lu.assertNil(text:find("\u{200b}", 1, true), name)
  return list
end

function TestHostileNames:test_tables()
  for _, name in ipairs(names) do
    for format, n in pairs({ table = 2, tsv = 2, csv = 2, vertical = 2, markdown = 3 }) do
      local list = harmless(beside(name, "-o", format, "--columns", "lport,comm"), name)
      lu.assertEquals(#list, n, format .. " of " .. name)
    end
  end
end

-- They lose nothing: what they say is the name.
function TestHostileNames:test_json_and_csv_lose_nothing()
  for _, name in ipairs(names) do
    local out = beside(name, "-o", "json", "--columns", "comm")
    local list = R.json_lines(out)
    lu.assertEquals(#list, 1, name)
    lu.assertNotNil(utf8.len(out), name)
    lu.assertEquals(list[1].comm, name)
    local rows = R.csv(beside(name, "-o", "csv", "--columns", "comm,lport"))
    lu.assertEquals({ R.unescape(rows[2][1]), rows[2][2], #rows }, { name, "9999", 2 })
    local tsv = lines(beside(name, "-o", "tsv", "--columns", "comm"))
    lu.assertEquals({ R.unescape(tsv[2]), #tsv }, { name, 2 })
  end
end

function TestHostileNames:test_conditions_groups_and_joins_take_them()
  for _, name in ipairs(names) do
    local script = S.temporary("local name = ... local q = sockets{lport=9999} "
      .. "assert(q:first().comm == name) "
      .. "local found = 0 for r in q:group('comm'):count() do "
      .. "found = found + (r.comm == name and r.count or 0) end assert(found == 1) "
      .. "assert(q:join(q, 'comm'):count() == 1) "
      .. "assert(q:select('comm'):sort('comm'):first().comm == name) "
      .. "assert(q:max('comm') == name) print('good')")
    local result = S.run({ named, name, "9999", S.connsh_path(), script, name })
    lu.assertEquals({ result.out, result.err }, { "good\n", "" }, name)
  end
end

S.main()
