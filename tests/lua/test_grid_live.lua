-- Grids: what ss prints of the same cells, on a pipe and on terminals, small tables and long ones;
-- rows of queries by forms; what a script can do wrong.
-- luacheck: globals sockets routes connsh

local lu = require("luaunit")
local S = require("support")

S.inside { "listen=127.0.0.1:80", "conn=127.0.0.1:80*7", "listen=[::1]:22", "udp=127.0.0.1:53" }

local function columns(hidden)
  local list = {
    { title = "Netid" }, { title = "State", before = " " }, { title = "Recv-Q", before = " " },
    { title = "Send-Q", before = " " }, { title = "Local Address:", before = " ", align = "right" },
    { title = "Port" }, { title = "Peer Address:", before = " ", align = "right" },
    { title = "Port" }, { title = "Process" },
  }
  for i = 1, hidden do
    list[i].hidden = true
  end
  return list
end

-- What use(grid) makes of a grid with these options.
local function written(options, use)
  local path = S.temporary()
  options.file = assert(io.open(path, "wb"))
  local grid = connsh.grid(options)
  use(grid)
  grid:close()
  options.file:close()
  return S.read_file(path)
end

-- ---- ss as the judge ----------------------------------------------------------------------

local states = {
  "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN", "CLOSE-WAIT",
  "LAST-ACK", "LISTEN", "CLOSING",
}
-- Timers: number and hundredths of a second, as ss shows them with -o.
local timers = {
  { 0, 0, "" }, { 0, 0, "" }, { 1, 0, " timer:(on,,0)" }, { 1, 1, " timer:(on,010ms,0)" },
  { 2, 150, " timer:(keepalive,1.500ms,0)" }, { 2, 1001, " timer:(keepalive,10sec,0)" },
  { 4, 6050, " timer:(persist,1min,0)" }, { 4, 61000, " timer:(persist,10min,0)" },
}

local function address()
  local a = math.random() < 0.5 and { 127, 0, 0, 1 }
    or { math.random(255), math.random(0, 255), math.random(0, 255), math.random(0, 255) }
  return ("%02X%02X%02X%02X"):format(a[4], a[3], a[2], a[1]), table.concat(a, ".") .. ":"
end

local function port()
  local number = math.random() < 0.2 and 0 or math.random(0, 10 ^ math.random(2, 4) // 1)
  return ("%04X"):format(number), number == 0 and "*" or tostring(number)
end

-- A line of /proc/net/tcp, and the cells that ss makes of it.
local function socket(details)
  local state = math.random(#states)
  local recvq, sendq = math.random(0, 10 ^ math.random(0, 8) // 1), math.random(0, 9)
  local laddr, local_text = address()
  local lport, lport_text = port()
  local raddr, remote_text = address()
  local rport, rport_text = port()
  local timer = timers[math.random(#timers)]
  local uid, inode = math.random(0, 2) * 1000, math.random(0, 99999)
  local line = ("0: %s:%s %s:%s %02X %08X:%08X %02X:%08X 00000000 %d 0 %d 1 0 20 4 30 10 -1\n")
    :format(laddr, lport, raddr, rport, state, sendq, recvq, timer[1], timer[2], uid, inode)
  local text = ""
  if details ~= "" then
    text = timer[3]
  end
  if details == "e" then
    text = text .. (uid > 0 and " uid:" .. uid or "") .. " ino:" .. inode .. " sk:0"
  end
  return line, { "tcp", states[state], ("%-6d"):format(recvq), ("%-6d"):format(sendq), local_text,
    lport_text, remote_text, rport_text, text }
end

-- What ss prints of the table, into a pipe or on a terminal of so many columns.
local function ss(options, table_text, width)
  local env = { PROC_NET_TCP = S.temporary(table_text), PROC_NET_TCP6 = "/dev/null",
    PROC_NET_UDP = "/dev/null", PROC_NET_UDP6 = "/dev/null" }
  local command = "ss " .. options
  if width > 0 then
    command = "script -qec 'stty cols " .. width .. " -opost; exec ss " .. options .. "' /dev/null"
  end
  local result = S.run(command, { env = env })
  lu.assertEquals(result.code, 0, result.err)
  return result.out
end

local function need(program)
  if S.run({ "sh", "-c", "command -v " .. program }).code ~= 0 then
    S.skip("there is no " .. program)
  end
end

local function compare(n, width)
  local details = ({ "", "o", "e" })[math.random(3)]
  local header = math.random() < 0.7
  local netid = math.random() < 0.3
  local lines, rows = { "head\n" }, {}
  for i = 1, n do
    local line, cells = socket(details)
    lines[i + 1] = line
    rows[i] = cells
  end
  local options = "-nta" .. details .. (netid and "u" or "") .. (header and "" or "H")
  local got = written({ columns = columns(netid and 0 or 1), header = header, width = width },
    function(grid)
      for _, cells in ipairs(rows) do
        grid:row(cells)
      end
    end)
  local want = ss(options, table.concat(lines), width)
  if got ~= want then
    lu.fail(("%d rows with %s at %d columns differ:\n%s\n%s"):format(n, options, width,
      want:sub(1, 2000), got:sub(1, 2000)))
  end
end

TestAsSs = {}

function TestAsSs:setUp()
  need("ss")
  math.randomseed(5)
end

function TestAsSs:test_pipes()
  for i = 1, 80 do
    compare(i < 12 and i % 3 or math.random(0, 30), 0)
  end
end

function TestAsSs:test_terminals()
  need("script")
  for width = 20, 250, 3 do
    compare(math.random(0, 3) * math.random(0, 8), width)
  end
end

function TestAsSs:test_tables_of_several_blocks()
  need("script")
  compare(75000, 0)
  compare(80000, 100)
end

function TestAsSs:test_rows_of_the_kernel()
  local q = sockets { proto = "tcp", ordered = true }
  local function f(part)
    return q:form(part)
  end
  local forms = {
    f "tcp", f { field = "state", map = { listen = "LISTEN", established = "ESTAB" } },
    f { field = "recvq", as = "%-6d" }, f { field = "sendq", as = "%-6d" },
    f { { first = { { field = "laddr", when = { family = "inet" } },
        { field = "laddr", as = "[%s]" } } }, ":" },
    f { field = "lport", as = "%u", map = { [0] = "*" } },
    f { { first = { { field = "raddr", when = { family = "inet" } },
        { field = "raddr", as = "[%s]" } } }, ":" },
    f { field = "rport", as = "%u", map = { [0] = "*" } },
  }
  local rows
  local got = written({ columns = columns(1) }, function(grid)
    rows = grid:add(q, forms)
  end)
  lu.assertEquals(rows, 16)
  lu.assertEquals(got, S.run({ "ss", "-tan" }).out)
  -- and record by record
  lu.assertEquals(written({ columns = columns(1) }, function(grid)
    for r in q do
      lu.assertEquals(grid:add(r, forms), 1)
    end
  end), got)
end

-- ---- what a script can do ---------------------------------------------------------------------

TestGrid = {}

local function fails(f, ...)
  local ok, message = pcall(f)
  lu.assertFalse(ok, "no error was raised")
  for _, part in ipairs({ ... }) do
    lu.assertStrContains(message, part)
  end
end

function TestGrid:test_cells_that_are_not_given()
  local two = { { title = "A" }, { title = "B", before = "|" }, { title = "C", before = "|" } }
  lu.assertEquals(written({ columns = two }, function(grid)
    grid:row { "x", nil, 17 }
    grid:row { "long" }
    grid:row {}
    grid:add(sockets { lport = 80, state = "listen" }, { sockets:form { field = "lport" } })
    grid:row { "", "b" }
  end), "A   |B|C \nx   | |17\nlong| |  \n    | |  \n80  | |  \n    |b|  \n")
end

function TestGrid:test_flush()
  local path = S.temporary()
  local file <close> = assert(io.open(path, "wb"))
  local grid = connsh.grid { columns = { { title = "A" }, { title = "B", before = " " } },
    file = file }
  grid:row { "xxx", "y" }
  grid:flush()
  lu.assertEquals(S.read_file(path), "A   B\nxxx y\n")
  grid:row { "x", "y" }
  grid:close()
  file:flush()
  lu.assertEquals(S.read_file(path), "A   B\nxxx y\nx   y\n")
  fails(function() grid:row {} end, "this grid is closed")
  fails(function() grid:close() end, "this grid is closed")
end

function TestGrid:test_closed_or_not()
  local path = S.temporary()
  local file <close> = assert(io.open(path, "wb"))
  local options = { columns = { { title = "A" } }, file = file }
  do
    local grid <close> = connsh.grid(options)
    grid:row { "whole" }
  end
  pcall(function()
    local grid <close> = connsh.grid(options)
    grid:row { "half" }
    error("midway")
  end)
  connsh.grid(options):row { "forgotten" }
  collectgarbage()
  file:flush()
  lu.assertEquals(S.read_file(path), "A\nwhole\n")
end

-- The rows before stay, a row whose form failed is none.
function TestGrid:test_functions_that_fail()
  local q = sockets { proto = "tcp", lport = 80 }
  local n = 0
  local failing = q:form { value = function()
    n = n + 1
    if n == 3 then
      error("no third")
    end
    return "row " .. n
  end }
  lu.assertEquals(written({ columns = { { title = "A" }, { title = "B", before = " " } } },
    function(grid)
      fails(function() grid:add(q, { q:form "x", failing }) end, "no third")
      grid:row { "y" }
    end), "A B    \nx row 1\nx row 2\ny      \n")
end

function TestGrid:test_functions_that_close()
  local q = sockets { proto = "tcp", lport = 80 }
  local file = assert(io.open("/dev/null", "wb"))
  local grid = connsh.grid { columns = { { title = "A" } }, file = file }
  fails(function()
    grid:add(q, { q:form { value = function() grid:close() return "" end } })
  end, "this grid is closed")
  grid = connsh.grid { columns = { { title = "A" } }, file = file }
  fails(function()
    grid:add(q, { q:form { value = function() file:close() return "" end } })
  end, "the file of this grid is closed")
  fails(function() grid:close() end, "the file of this grid is closed")
  fails(function() connsh.grid { columns = { { title = "A" } }, file = file } end,
    "this file is closed")
end

-- A function may use the very grid: its rows come before its own.
function TestGrid:test_functions_that_add()
  local q = sockets { proto = "tcp", lport = 22 }
  lu.assertEquals(written({ columns = { { title = "A" } } }, function(grid)
    grid:add(q, { q:form { value = function(r)
      grid:row { "inner" }
      grid:add(r, { q:form { field = "lport" } })
      return "outer"
    end } })
  end), "A    \ninner\n22   \nouter\n")
end

function TestGrid:test_rows_that_are_wanted()
  local q = sockets { proto = "tcp", lport = 80, state = "established" }
  local asked = 0
  lu.assertEquals(written({ columns = { { title = "A" } } }, function(grid)
    local forms = { q:form { field = "lport" } }
    lu.assertEquals(grid:add(q, forms, function(r)
      lu.assertEquals(r.lport, 80)
      asked = asked + 1
      return asked % 2 == 0, asked == 4
    end), 2)
    lu.assertEquals(asked, 4)
    lu.assertEquals(grid:add(q:first(), forms, function() return false end), 0)
    lu.assertEquals(grid:add(q:first(), forms, function() return 1 end), 1)
    fails(function() grid:add(q, forms, function() error("not wanted") end) end, "not wanted")
    fails(function() grid:add(q, forms, 1) end, "function expected")
  end), "A \n80\n80\n80\n")
end

-- The cells are made before: what becomes of the socket then does not change them.
function TestGrid:test_rows_that_end()
  local q = sockets { proto = "tcp", lport = 80, state = "established" }:limit(1)
  local done, message, code
  local text = written({ columns = { { title = "A" }, { title = "B", before = " " } },
    header = false }, function(grid)
    grid:add(q, { q:form { field = "state" }, q:form { field = "mss", as = "%u" } }, function(r)
      done, message, code = connsh.destroy(r)
      return true
    end)
  end)
  if code == 95 then
    S.skip("sockets cannot be closed here: " .. message)
  end
  lu.assertTrue(done)
  lu.assertStrMatches(text, "established %d+\n")
end

function TestGrid:test_wrong_use()
  local q = sockets { proto = "tcp" }
  fails(function() connsh.grid { columns = {} } end, "1 to 512 columns were expected, got 0")
  fails(function() connsh.grid {} end, "columns is a list of tables", "not nil")
  fails(function() connsh.grid { columns = { "A" } } end, "column 1 is a table", "not a string")
  fails(function() connsh.grid { columns = { {} }, widht = 3 } end, "widht", "width")
  fails(function() connsh.grid { columns = { { titel = "A" } } } end, "titel", "title")
  fails(function() connsh.grid { columns = { {}, { title = 3 } } } end,
    "title of column 2 is a text, not a number")
  fails(function() connsh.grid { columns = { { title = "A\0B" } } } end, "has a NUL in it")
  fails(function() connsh.grid { columns = { { align = "middle" } } } end, "not 'middle'")
  fails(function() connsh.grid { columns = { { hidden = 1 } } } end, "hidden is true or false")
  fails(function() connsh.grid { columns = { {} }, width = -1 } end, "width is a number of cells")
  fails(function() connsh.grid { columns = { {} }, header = "no" } end, "header is true or false")
  fails(function() connsh.grid { columns = { {} }, file = 1 } end, "file is an open file")
  local grid = connsh.grid { columns = { { title = "A" } } }
  fails(function() grid:row { 1, 2 } end, "2 cells for 1 columns")
  fails(function() grid:row { {} } end, "cell 1 is a text, not a table")
  fails(function() grid:row("x") end, "table expected")
  fails(function() grid:add(q, {}) end, "got none")
  fails(function() grid:add(q, { "x" }) end, "member 1 of the list is a form, as q:form makes it")
  fails(function() grid:add(q, { q:form "x", q:form "y" }) end, "2 forms for 1 columns")
  fails(function() grid:add(q, { routes:form "x" }) end,
    "form 1 is for routes; these rows are of sockets")
  fails(function() grid:add(q:first(), { routes:form "x" }) end,
    "form 1 is for routes; these rows are of sockets")
  fails(function() grid:add("x", { q:form "x" }) end, "connsh.query expected")
end

function TestGrid:test_a_disk_that_is_full()
  local out = S.connsh("-e", "local g = connsh.grid{columns={{title='A'}}} g:row{'x'} g:close()",
    { stdout = "/dev/full" })
  lu.assertEquals(out.code, 1)
  lu.assertStrContains(out.err, "No space left on device")
  out = S.connsh("-e", "local g = connsh.grid{columns={{title='A'}}} g:row{'x'} g:flush()",
    { stdout = "/dev/full" })
  lu.assertEquals(out.code, 1)
  lu.assertStrContains(out.err, "cannot write: No space left on device")
end

function TestGrid:test_interrupted()
  local out = S.run { "timeout", "-s", "INT", "-k", "5", "0.5", S.connsh_path(), "-e", [[
    local q = sockets{proto="tcp"}
    local g = connsh.grid{columns={{title="A"}}}
    local f = q:form{value=function() return "x" end}
    while true do pcall(g.add, g, q, {f}) end]] }
  -- timeout says 124 of what it has ended
  lu.assertEquals(out.code, 124)
  lu.assertEquals(out.out, "")
end

S.main()
