-- The program from outside: options, exit codes, what stands on which stream, and where it
-- takes code from.

local lu = require("luaunit")
local S = require("support")

-- Runs connsh and asserts its exit code and output; err nil: nothing on standard error.
local function gives(args, out, code, opts)
  args[#args + 1] = opts
  local result = S.connsh(table.unpack(args))
  lu.assertEquals(result.err, "")
  lu.assertEquals(result.out, out)
  lu.assertEquals(result.code, code or 0)
end

-- Asserts exit code 1, nothing on standard output and one message that holds all the parts.
local function refuses(args, ...)
  local result = S.connsh(table.unpack(args))
  lu.assertEquals(result.out, "")
  lu.assertEquals(result.code, 1, result.err)
  for _, part in ipairs({ ... }) do
    lu.assertStrContains(result.err, part)
  end
  return result
end

local function in_folder(f)
  local folder = S.run({ "mktemp", "-d" }).out:gsub("\n$", "")
  local ok, message = pcall(f, folder, function(name, text)
    local file = assert(io.open(folder .. "/" .. name, "wb"))
    assert(file:write(text))
    file:close()
    return folder .. "/" .. name
  end)
  S.run({ "rm", "-rf", folder })
  if not ok then
    error(message, 0)
  end
end

TestOptions = {}

function TestOptions:test_chunks_in_order()
  gives({ "-e", "x = 1", "-e", "x = x + 1 print(x)" }, "2\n")
  gives({ "-e", "" }, "")
  gives({ "-eprint(1)" }, "1\n")
end

function TestOptions:test_print()
  gives({ "-p", "1 + 1" }, "2\n")
  gives({ "-p", "1, 'a', nil" }, "1\ta\tnil\n")
  gives({ "-e", "x = 5", "-p", "x", "-p", "x * 2" }, "5\n10\n")
  gives({ "-p", "count<lport=1, state='syn-sent'>" }, "0\n")
end

function TestOptions:test_print_of_rows_is_a_table()
  local result = S.sockmaker({ "listen=127.0.0.1:80*2,reuseport", cmd = {
    S.connsh_path(), "-p", 'sockets<state="listen">',
  } })
  lu.assertEquals(result.err, "")
  lu.assertEquals(result.code, 0)
  local _, rows = result.out:gsub("127%.0%.0%.1[^\n]*80", "")
  lu.assertEquals(rows, 2)
  lu.assertStrContains(result.out, "listen")
end

function TestOptions:test_script_with_arguments()
  in_folder(function(folder, write)
    local script = write("s.lua",
      "#!/usr/bin/env connsh\nprint((...), #arg, arg[0])\nprint(arg[2])")
    gives({ script, "a", "-e", "--help" }, "a\t3\t" .. script .. "\n-e\n")
    gives({ "-e", "print('first')", script, "b", "c" }, "first\nb\t2\t" .. script .. "\nc\n")
    gives({ "s.lua" }, "nil\t0\ts.lua\nnil\n", 0, { cwd = folder })
  end)
end

function TestOptions:test_arguments_are_bytes()
  gives({ "-", "a b", "", "\255\n" }, "a b||\255\n|\n", 0,
    { stdin = "print(table.concat({ ... }, '|') .. '|')" })
end

function TestOptions:test_negative_indices_of_arg()
  gives({ "-e", "x = 1", "-", "one" }, "x = 1\t-\tone\n", 0,
    { stdin = "print(arg[-1], arg[0], arg[1])" })
end

function TestOptions:test_standard_input()
  gives({ "-" }, "7\n", 0, { stdin = "print(7)" })
  gives({}, "7\n", 0, { stdin = "print(7)" })
  gives({}, "0\n", 0, { stdin = "print(count<lport=1, state='syn-sent'>)" })
  gives({}, "", 0)
end

function TestOptions:test_prompt_reads_standard_input()
  local result = S.connsh("-i", "-e", "x = 4", { stdin = "print(x * 10)\n" })
  lu.assertStrContains(result.out, "40")
  lu.assertEquals(result.code, 0)
end

function TestOptions:test_help_and_version()
  local help = S.connsh("-h")
  lu.assertEquals(help.code, 0)
  lu.assertEquals(help.err, "")
  for _, option in ipairs({ "-e", "-p", "-i", "-L", "--netns", "--version", "--record" }) do
    lu.assertStrContains(help.out, option)
  end
  lu.assertEquals(S.connsh("--help").out, help.out)
  local version = S.connsh("--version")
  lu.assertEquals(version.code, 0)
  lu.assertStrMatches(version.out, "connsh %d+%.%d+%.%d+\n")
end

function TestOptions:test_usage_errors()
  for _, args in ipairs({ { "--nosuch" }, { "-e" }, { "-Z" }, { "--netns" }, { "-p" } }) do
    local result = S.connsh(table.unpack(args))
    lu.assertEquals(result.code, 2, args[1])
    lu.assertEquals(result.out, "")
    lu.assertStrContains(result.err, "usage")
  end
end

function TestOptions:test_namespace()
  local result = S.sockmaker({ "listen=127.0.0.1:80", cmd = {
    S.connsh_path(), "--netns", "/proc/self/ns/net", "-e", "print(#sockets)",
  } })
  lu.assertEquals(result.err .. result.out, "1\n")
  refuses({ "--netns", "nosuch", "-e", "print(#sockets)" }, "nosuch")
  gives({ "--netns", "/proc/self/ns/net", "-p", "count<lport=1, state='syn-sent'>" }, "0\n")
end

function TestOptions:test_modules_from_a_folder()
  in_folder(function(folder, write)
    write("help.lua", "return function() print('mine') end")
    write("another.lua", "return count<lport=1, state='syn-sent'>")
    gives({ "-L", folder, "-e", "help()" }, "mine\n")
    gives({ "-L", folder, "-e", "print((require('another')))" }, "0\n")
  end)
end

function TestOptions:test_record_and_replay()
  in_folder(function(folder)
    local file = folder .. "/answers"
    local chunk = "for s in sockets<lport=80> do print(s, s.cookie, s.inode) end print(#sockets)"
    local first = S.sockmaker({ "listen=127.0.0.1:80", "conn=127.0.0.1:80*3", cmd = {
      S.connsh_path(), "--record", file, "-e", chunk,
    } })
    lu.assertEquals(first.err, "")
    lu.assertEquals(first.code, 0)
    lu.assertStrContains(first.out, "listen 127.0.0.1 80")
    gives({ "--from", file, "-e", chunk }, first.out)
    refuses({ "--from", folder .. "/nosuch", "-e", chunk }, "nosuch")
    refuses({ "--record", folder .. "/no/such", "-e", chunk }, "no/such")
    refuses({ "--from", S.temporary("rubbish"), "-e", chunk }, "connsh:")
  end)
end

-- A recording and what answers from one do not go together: it would hold nothing.
function TestOptions:test_record_from_a_recording()
  in_folder(function(folder)
    local file, other = folder .. "/answers", folder .. "/other"
    gives({ "--record", file, "-e", "local n = #links" }, "")
    local result = S.connsh("--from", file, "--record", other, "-e", "print(#links)")
    lu.assertEquals(result.code, 2, result.err)
    lu.assertStrContains(result.err, "--record")
    lu.assertEquals(S.run("ls " .. S.sh_quote(folder)).out, "answers\n")
  end)
end

-- os.exit ends a recording as the end of the script does.
function TestOptions:test_record_until_exit()
  in_folder(function(folder)
    local file = folder .. "/answers"
    for _, args in ipairs { "0", "0, true" } do
      gives({ "--record", file, "-e", "local n = #links os.exit(" .. args .. ")" }, "")
      lu.assertEquals(S.run("ls " .. S.sh_quote(folder)).out, "answers\n")
      lu.assertEquals(S.connsh("--from", file, "-e", "print(#links > 0)").out, "true\n")
      os.remove(file)
    end
    refuses({ "--record", "/dev/full", "-e", "local n = #links os.exit(0)" }, "not whole")
  end)
end

-- A link stays one, and what it leads to is written: /dev/stdout is one that is not to be lost.
function TestOptions:test_record_through_a_link()
  in_folder(function(folder)
    local link, out = folder .. "/link", folder .. "/out"
    S.run("ln -s /proc/self/fd/1 " .. S.sh_quote(link))
    S.run(string.format("%s --record %s -e 'local n = #links' > %s", S.sh_quote(S.connsh_path()),
      S.sh_quote(link), S.sh_quote(out)))
    lu.assertEquals(S.run("readlink " .. S.sh_quote(link)).out, "/proc/self/fd/1\n")
    lu.assertEquals(S.connsh("--from", out, "-e", "print(#links > 0)").out, "true\n")
  end)
end

-- What never ends is not read for ever.
function TestOptions:test_from_what_never_ends()
  local limited = "ulimit -v 4000000; exec " .. S.sh_quote(S.connsh_path()) .. " -e ''"
  if S.run(limited).code ~= 0 then
    S.skip("the sanitizer cannot do with so little address space")
  end
  local result = S.run("ulimit -v 4000000; exec " .. S.sh_quote(S.connsh_path())
    .. " --from /dev/zero -e 'print(1)'")
  lu.assertEquals(result.code, 1)
  lu.assertStrContains(result.err, "does not begin with")
end

-- The namespace that was asked in needs no name to be among all of them.
function TestOptions:test_all_namespaces_of_a_recording()
  in_folder(function(folder)
    local file = folder .. "/answers"
    gives({ "--record", file, "-e", "local n = #links" }, "")
    local result = S.connsh("--from", file, "-e", "print(#links == #links{netns='*'})")
    lu.assertEquals(result.err .. result.out, "true\n")
    lu.assertEquals(result.code, 0)
  end)
end

TestExitCodes = {}

function TestExitCodes:test_errors()
  refuses({ "-e", "error('oh')" }, "oh", "(command line):1:")
  refuses({ "-e", "x = = 1" }, "(command line):1:")
  refuses({ "-e", "error({})" }, "connsh")
  refuses({ "-e", "error()" }, "connsh")
  refuses({ "-e", "error(setmetatable({}, {__tostring = function() return 'made' end}))" },
    "made")
  refuses({ "/nosuch.lua" }, "/nosuch.lua")
  refuses({ "/" }, "/")
  refuses({ "-e", "error('oh')", "-e", "print('never')" }, "oh")
end

function TestExitCodes:test_os_exit()
  gives({ "-e", "os.exit(7)" }, "", 7)
  gives({ "-e", "print(1) os.exit(true)" }, "1\n", 0)
  gives({ "-e", "print(1) os.exit(false)" }, "1\n", 1)
end

-- The signal comes while the chunk runs; kill is sent by a child of the program.
local function interrupted(chunk)
  local kill = [[os.execute("p=$PPID; (sleep 0.2; kill -INT $p) >/dev/null 2>&1 &") ]]
  local result = S.connsh("-e", kill .. chunk, { time_limit = 20 })
  lu.assertEquals(result.code, 130, chunk .. ": " .. result.err)
  return result
end

function TestExitCodes:test_interrupted()
  interrupted("sleep(15)")
  interrupted("while true do end")
  interrupted("while true do pcall(error) end")
  interrupted("while true do pcall(sleep, 15) end")
  interrupted("while true do pcall(function() while true do end end) end")
  interrupted("coroutine.wrap(function() while true do end end)()")
  interrupted("while true do pcall(count, {}) end")
  interrupted("local s = string.rep('a', 1000) while true do s:find('.-b') end")
end

function TestExitCodes:test_interrupted_keeps_what_was_printed()
  lu.assertEquals(interrupted("print('before') sleep(15)").out, "before\n")
end

-- The signal meets a write to a pipe that is full.
function TestExitCodes:test_interrupted_while_nobody_reads()
  local result = S.run(([[
    folder=$(mktemp -d) && mkfifo $folder/pipe || exit
    sleep 15 <$folder/pipe & reader=$!
    %s -e 'while true do print(1) end' >$folder/pipe & writer=$!
    sleep 0.3; kill -INT $writer; (sleep 5; kill $reader) 2>/dev/null & late=$!
    wait $writer; echo $?
    kill $reader $late; rm -r $folder
  ]]):format(S.connsh_path()), { time_limit = 20 })
  lu.assertEquals({ result.out, result.err:match("connsh:[^\n]*") }, { "130\n", nil })
end

function TestExitCodes:test_sleep()
  gives({ "-e", "sleep(0) sleep(0.01) print('done')" }, "done\n")
  refuses({ "-e", "sleep(-1)" }, "seconds")
  refuses({ "-e", "sleep('x')" }, "sleep")
  refuses({ "-e", "sleep(0/0)" }, "seconds")
end

TestMessages = {}

-- Each: a chunk, then what its message must hold beside file and line.
local messages = {
  { 'print(count<state="listen", lport=80)', "selector of 'count'" },
  { "print(count<lport=>)", "a value is missing", "'lport='", "selector of 'count'" },
  { "print(count<lport=80, lport=81>)", "'lport'", "twice", "selector of 'count'" },
  { "local p; print(count<lport=p>)", "lport", "nil" },
  { "local p; print(count<state='listen', lport>=p>)", "lport", "nil" },
  { "print(count<lprt=80>)", "'lprt'", "'lport'" },
  { "print(count<lprt>80, state='listen'>)", "'lprt'", "'lport'" },
  { 'print(count<state="establishd">)', "state", "establishd", "established" },
  { "print(count<lport=80, raddr='10.0.0.0/40'>)", "raddr", "10.0.0.0/40" },
  { "print(count<lport=70000>)", "lport", "70000" },
  { "local x = count < 5", "count<" },
  { "local x = sockets < count", "sockets<" },
  { "print(count < 80)", "count<lport=80>" },
}

function TestMessages:test_in_a_chunk()
  for _, row in ipairs(messages) do
    refuses({ "-e", row[1] }, "(command line):1:", table.unpack(row, 2))
  end
end

function TestMessages:test_in_a_script()
  in_folder(function(_, write)
    for _, row in ipairs(messages) do
      local script = write("bad.lua", "-- a comment\n\n" .. row[1] .. "\n")
      refuses({ script }, "bad.lua:3:", table.unpack(row, 2))
    end
  end)
end

function TestMessages:test_lines_do_not_move()
  local text = 'local n = count<\n  state="listen",\n  lport=1\n>\nlocal a\nerror("here")'
  refuses({ "-e", text }, "(command line):6: here")
end

function TestMessages:test_from_load_and_require()
  gives({ "-e", "print(load('return count<lport=>', '=mine'))" },
    "nil\tmine:1: a value is missing after 'lport=' in the selector of 'count'\n")
  in_folder(function(_, write)
    write("broken.lua", "\nreturn count<lport=>")
    local script = write("s.lua", "require('broken')")
    refuses({ script }, "broken.lua:2:", "a value is missing")
  end)
end

function TestMessages:test_control_bytes_do_not_come_raw()
  for _, name in ipairs({ "a\27[31m", "b\7", "c\200" }) do
    local result = S.connsh("-e", "count{[" .. string.format("%q", name) .. "]=1}")
    lu.assertEquals(result.code, 1)
    lu.assertNil(result.err:find("[\0-\8\11-\31\127-\255]"), result.err)
  end
end

function TestMessages:test_no_such_namespace()
  local result = S.connsh("-e", 'print(count<state="established", netns="nosuch">)')
  lu.assertEquals(result.code, 1)
  lu.assertEquals(result.out, "")
  lu.assertStrContains(result.err, "nosuch")
end

TestStreams = {}

local loud = "for i = 1, 100000 do print('a line of some length', i) end"

function TestStreams:test_full_disk()
  for _, chunk in ipairs({
    "print(1)", loud, "io.write('x')", "print(1) os.exit(0)", "print(1) os.exit(0, true)",
  }) do
    local result = S.connsh("-e", chunk, { stdout = "/dev/full" })
    lu.assertEquals(result.code, 1, chunk)
    lu.assertStrContains(result.err, "No space left on device", chunk)
  end
  local result = S.connsh("-p", "1", { stdout = "/dev/full" })
  lu.assertEquals(result.code, 1)
  lu.assertStrContains(result.err, "No space left on device")
  lu.assertEquals(S.connsh("-h", { stdout = "/dev/full" }).code, 1)
  lu.assertEquals(S.connsh("--version", { stdout = "/dev/full" }).code, 1)
end

function TestStreams:test_closed_pipe_is_quiet()
  local command = S.sh_quote(S.connsh_path()) .. " -e " .. S.sh_quote(loud) .. " | head -n 1"
  local result = S.run(command, { time_limit = 30 })
  lu.assertEquals(result.out, "a line of some length\t1\n")
  lu.assertEquals(result.err, "")
end

function TestStreams:test_closed_output()
  local result = S.run(S.sh_quote(S.connsh_path()) .. " -e 'print(1)' >&-")
  lu.assertEquals(result.code, 1)
  lu.assertStrContains(result.err, "standard output")
  result = S.run(S.sh_quote(S.connsh_path()) .. " -e 'x = #sockets' >&-")
  lu.assertEquals(result.code, 0, result.err)
  result = S.run(S.sh_quote(S.connsh_path()) .. " -e 'print(1)' <&-")
  lu.assertEquals(result.out .. result.err, "1\n")
  result = S.run(S.sh_quote(S.connsh_path()) .. " -e 'print(1) print(#sockets >= 0)' 2>&- <&-")
  lu.assertEquals(result.out, "1\ntrue\n")
end

TestEnvironment = {}

function TestEnvironment:test_lua_init_is_never_run()
  gives({ "-e", "print(2)" }, "2\n", 0,
    { env = { LUA_INIT = "print('init')", LUA_INIT_5_4 = "print('init54')" } })
end

function TestEnvironment:test_lua_path()
  in_folder(function(folder, write)
    write("mine.lua", "return 'found'")
    local path = folder .. "/?.lua"
    local plain = { LUA_PATH = path, SUDO_UID = false, SUDO_USER = false }
    gives({ "-e", "print((require('mine')))" }, "found\n", 0, { env = plain })
    for _, variable in ipairs({ "SUDO_UID", "SUDO_USER" }) do
      local result = S.connsh("-e", "print((require('mine')))",
        { env = { LUA_PATH = path, [variable] = "1000" } })
      lu.assertEquals(result.code, 1, variable)
      lu.assertEquals(result.out, "")
      lu.assertStrContains(result.err, "mine")
    end
    local newer = { LUA_PATH = "/nosuch/?.lua", LUA_PATH_5_4 = path, SUDO_UID = false,
      SUDO_USER = false }
    gives({ "-e", "print((require('mine')))" }, "found\n", 0, { env = newer })
  end)
end

function TestEnvironment:test_the_current_folder_is_not_searched()
  in_folder(function(folder, write)
    write("mine.lua", "return 'found'")
    for _, path in ipairs({ false, ";;" }) do
      local result = S.connsh("-e", "print((require('mine')))",
        { cwd = folder, env = { LUA_PATH = path } })
      lu.assertEquals(result.code, 1)
      lu.assertEquals(result.out, "")
    end
  end)
end

function TestEnvironment:test_the_folder_of_the_script_is_searched()
  in_folder(function(folder, write)
    write("mine.lua", "return 'found ' .. count<lport=1, state='syn-sent'>")
    local script = write("s.lua", "print((require('mine')))")
    gives({ script }, "found 0\n", 0, { cwd = "/" })
    gives({ "s.lua" }, "found 0\n", 0, { cwd = folder })
    gives({ script }, "found 0\n", 0, { cwd = "/", env = { SUDO_UID = "1000" } })
  end)
end

function TestEnvironment:test_modules_of_ours_come_first()
  in_folder(function(_, write)
    write("help.lua", "error('not this one')")
    local script = write("s.lua", "require('help') print('ours')")
    gives({ script }, "ours\n")
  end)
end

TestBinary = {}

function TestBinary:test_a_binary_chunk_is_no_script()
  in_folder(function(_, write)
    local script = write("b.luac", string.dump(load("print('run')")))
    local result = refuses({ script }, "b.luac")
    lu.assertStrContains(result.err, "binary")
    result = S.connsh("-", { stdin = string.dump(load("print('run')")) })
    lu.assertEquals(result.code, 1)
    lu.assertEquals(result.out, "")
  end)
end

function TestBinary:test_load_takes_binary_chunks()
  gives({ "-e", "print(load(string.dump(function() return 6 end))())" }, "6\n")
  gives({ "-e", "print(load(string.dump(function() end), 'x', 't'))" },
    "nil\tattempt to load a binary chunk (mode is 't')\n")
  gives({ "-e", "print(load('return 1', 'x', 'b'))" },
    "nil\tattempt to load a text chunk (mode is 'b')\n")
end

function TestBinary:test_loadfile_takes_binary_chunks()
  local path = S.temporary(string.dump(load("return 6")))
  gives({ "-e", "print(loadfile(arg[1])(), dofile(arg[1]))", "-", path }, "6\t6\n", 0,
    { stdin = "" })
end

S.main()
