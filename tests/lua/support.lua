-- Helpers for the tests in Lua: running programs, making sockets, reading what ss prints, and
-- starting LuaUnit. Plain Lua 5.4; it asks nothing of connsh but to run it.
--
-- A test file looks like this:
--
--   local lu = require("luaunit")
--   local S = require("support")
--   TestThing = {}
--   function TestThing:test_something() lu.assertEquals(S.connsh("-e", "print(1)").out, "1\n") end
--   S.main()

local lu = require("luaunit")

local S = {}

-- Seconds that a program started by a test may take. A hang then is a failure, not a wait.
S.time_limit = 120

local function environment(name, default)
  local value = os.getenv(name)
  return value and value ~= "" and value or default
end

local function build_folder()
  return environment("BUILD", "build")
end

function S.connsh_path()
  return environment("CONNSH", build_folder() .. "/connsh")
end

function S.sockmaker_path()
  return environment("SOCKMAKER", build_folder() .. "/tests/sockmaker")
end

-- Skips the running test (or all tests that use what is missing), and says why.
function S.skip(reason)
  lu.skip((tostring(reason or "no reason given"):gsub("%s+", " ")))
end

-- One word for sh(1), whatever bytes it holds. A command line cannot hold a NUL.
function S.sh_quote(text)
  text = tostring(text)
  if text:find("\0", 1, true) then
    error("sh_quote: a NUL byte cannot be an argument: " .. string.format("%q", text), 2)
  end
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

function S.read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

local function write_file(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

local temporaries = {}

local function remove_temporaries()
  for _, path in ipairs(temporaries) do
    os.remove(path)
  end
  temporaries = {}
end

-- The path of a new file with that text. It is removed when the running test has ended.
function S.temporary(text)
  local path = os.tmpname()
  temporaries[#temporaries + 1] = path
  write_file(path, text or "")
  return path
end

-- The shell text that sets (a value) and removes (false) variables, in a fixed order.
local function environment_text(env)
  local names, parts = {}, {}
  for name in pairs(env) do
    if not name:match("^[%a_][%w_]*$") then
      error("run: '" .. name .. "' is no name of a variable", 0)
    end
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    if env[name] then
      parts[#parts + 1] = "export " .. name .. "=" .. S.sh_quote(env[name]) .. "; "
    else
      parts[#parts + 1] = "unset " .. name .. "; "
    end
  end
  return table.concat(parts)
end

local run_options = {
  stdin = true, env = true, cwd = true, stdout = true, stderr = true, time_limit = true,
}

local function check_options(opts)
  for name in pairs(opts) do
    if not run_options[name] then
      error("run: there is no option '" .. tostring(name) .. "'", 0)
    end
  end
end

-- Runs a program and returns what came of it.
--
-- command: a list of arguments, or a text for sh -c.
-- opts: stdin = text (default: nothing to read), env = {NAME = value, or false to remove it},
--   cwd = folder, stdout / stderr = a path to write to (/dev/full) in place of collecting,
--   time_limit = seconds.
-- Returns {out =, err =, code =, signal =, timed_out =}: code or signal is nil. A program that
-- sh could not start has code 126 or 127.
function S.run(command, opts)
  opts = opts or {}
  check_options(opts)
  local words = {}
  if type(command) == "string" then
    command = { "sh", "-c", command }
  end
  for i, word in ipairs(command) do
    words[i] = S.sh_quote(word)
  end
  local out, err, input = os.tmpname(), os.tmpname(), "/dev/null"
  if opts.stdin then
    input = os.tmpname()
    write_file(input, opts.stdin)
  end
  local text = environment_text(opts.env or {})
  if opts.cwd then
    text = text .. "cd " .. S.sh_quote(opts.cwd) .. " || exit 126; "
  end
  text = text .. "exec timeout -k 5 " .. (opts.time_limit or S.time_limit) .. " "
    .. table.concat(words, " ") .. " <" .. S.sh_quote(input)
    .. " >" .. S.sh_quote(opts.stdout or out) .. " 2>" .. S.sh_quote(opts.stderr or err)
  local _, how, number = os.execute(text)
  local result = { out = S.read_file(out), err = S.read_file(err) }
  os.remove(out)
  os.remove(err)
  if opts.stdin then
    os.remove(input)
  end
  if how == "signal" then
    result.signal = number
  else
    result.code = number
  end
  result.timed_out = number == 124 and how == "exit"
  return result
end

-- connsh with these arguments; a table at the end is S.run's options.
function S.connsh(...)
  local command = table.pack(S.connsh_path(), ...)
  local opts
  if type(command[command.n]) == "table" then
    opts = table.remove(command)
  end
  return S.run(command, opts)
end

local namespace_words, namespace_fault

-- The words that run a command in a new network namespace, or nil and why there is none.
function S.namespace()
  if namespace_words or namespace_fault then
    return namespace_words, namespace_fault
  end
  local why
  for _, words in ipairs({ { "unshare", "-n" }, { "unshare", "-Urn" } }) do
    local try = S.run({ words[1], words[2], "true" })
    if try.code == 0 then
      namespace_words = words
      return words
    end
    why = try.err:match("[^\n]*")
  end
  namespace_fault = "no network namespace: " .. why
  return nil, namespace_fault
end

-- tcp_child_ehash_entries is read when a namespace is made, from the one that makes it: so there
-- are two, and the inner one has a table of its own with 256 buckets.
local small_table_script = "echo 256 >/proc/sys/net/ipv4/tcp_child_ehash_entries"
  .. ' && exec unshare -n "$@"'

local small_table_words, small_table_fault

-- The words that run a command in a new network namespace whose tcp sockets are in 256 buckets,
-- or nil and why there is none: many sockets share a bucket, and dumps resume within one.
function S.small_table()
  if small_table_words or small_table_fault then
    return small_table_words, small_table_fault
  end
  local words, why = S.namespace()
  if not words then
    return nil, why
  end
  words = { words[1], words[2], "sh", "-c", small_table_script, "small_table" }
  local probe = table.move(words, 1, #words, 1, {})
  table.move({ "cat", "/proc/sys/net/ipv4/tcp_ehash_entries" }, 1, 2, #probe + 1, probe)
  local try = S.run(probe)
  -- A negative number is the size of a table shared with the namespace that made it.
  if try.code == 0 and try.out == "256\n" then
    small_table_words = words
    return words
  end
  small_table_fault = "no namespace with a small table of sockets: "
    .. (try.err:match("[^\n]+") or "the table has " .. try.out:match("[^\n]*") .. " buckets")
  return nil, small_table_fault
end

-- Runs the shell text with namespaces of network, mounts and processes of its own, where /run/netns
-- is empty and /proc shows its own processes only; connsh is a function there, $CONNSH and
-- $SOCKMAKER are paths. Skips where that cannot be made.
function S.apart(text)
  local words = { "unshare", "-nmpf", "--mount-proc", "sh", "-c" }
  local probe = S.run { "unshare", "-nmpf", "--mount-proc", "true" }
  if probe.code ~= 0 then
    S.skip("no namespaces of our own: " .. probe.err)
  end
  words[#words + 1] = [[
    set -e
    mount -t tmpfs none /run
    mkdir /run/netns
    CONNSH=$1 SOCKMAKER=$2
    connsh() { "$CONNSH" "$@"; }
    ]] .. text
  for _, word in ipairs { "sh", S.connsh_path(), S.sockmaker_path() } do
    words[#words + 1] = word
  end
  return S.run(words)
end

-- For S.apart: the namespaces blue, with a connection to port 81, and red, which listens on 82.
S.two_namespaces = [[
  ip netns add blue
  ip netns add red
  ip netns exec blue ip link set lo up
  ip netns exec red ip link set lo up
  ip netns exec blue $SOCKMAKER listen=127.0.0.1:81 conn=127.0.0.1:81 -- sleep 60 &
  ip netns exec red $SOCKMAKER listen=127.0.0.1:82 -- sleep 60 &
  i=0
  until [ "$(connsh -p 'count{netns={"blue", "red"}, state="listen"}')" = 2 ]; do
    i=$((i + 1)); [ $i -lt 100 ]; sleep 0.1
  done
]]

-- The notes that sockmaker writes (what this kernel refused) are no output of the command.
local function split_notes(result)
  local lines, notes = {}, {}
  for line in result.err:gmatch("[^\n]*\n?") do
    local note = line:match("^sockmaker: note: ([^\n]*)")
    if note then
      notes[#notes + 1] = note
    else
      lines[#lines + 1] = line
    end
  end
  result.err = table.concat(lines)
  result.notes = notes
end

local own_options = { cmd = true, here = true, small_table = true }

-- Runs a command beside sockets, in a namespace made for it:
--
--   S.sockmaker({ "listen=127.0.0.1:80", "conn=127.0.0.1:80*3", cmd = { "ss", "-Htan" } })
--
-- The list holds sockmaker's specs; cmd is as in S.run, and S.run's options may stand beside it.
-- here = true uses the namespace of the test, as a *_live test has one; small_table = true makes
-- one as S.small_table() says. Skips the test where those are not to be had. Returns S.run's
-- result, with `notes` of what the kernel refused.
function S.sockmaker(what)
  local command, opts = {}, {}
  if not what.here then
    local words, why = (what.small_table and S.small_table or S.namespace)()
    if not words then
      S.skip(why)
    end
    table.move(words, 1, #words, 1, command)
  end
  command[#command + 1] = S.sockmaker_path()
  table.move(what, 1, #what, #command + 1, command)
  command[#command + 1] = "--"
  local cmd = what.cmd or { "true" }
  if type(cmd) == "string" then
    cmd = { "sh", "-c", cmd }
  end
  table.move(cmd, 1, #cmd, #command + 1, command)
  for name, value in pairs(what) do
    if type(name) == "string" and not own_options[name] then
      opts[name] = value
    end
  end
  local result = S.run(command, opts)
  split_notes(result)
  if result.code == 125 and result.err:find("^sockmaker: ") then
    error(result.err, 2)
  end
  return result
end

-- For a *_live test: runs this very file again, beside the sockets of the specs, and ends with
-- its exit code. In that second run it returns the pid of the process that holds the sockets.
function S.inside(specs)
  local holder = os.getenv("SOCKMAKER_PID")
  if holder then
    return tonumber(holder)
  end
  local words = { S.sh_quote(S.sockmaker_path()) }
  for _, spec in ipairs(specs) do
    words[#words + 1] = S.sh_quote(spec)
  end
  words[#words + 1] = "-- " .. S.sh_quote(S.connsh_path())
  for i = 0, #arg do
    words[#words + 1] = S.sh_quote(arg[i])
  end
  local _, how, number = os.execute("exec " .. table.concat(words, " "))
  os.exit(how == "signal" and 128 + number or number)
end

local function port(text)
  return math.tointeger(tonumber(text)) or text
end

-- `127.0.0.1%lo:67` `[fe80::1]%v0:80` `*:8080` `0.0.0.0:*` -> address, device or nil, port.
local function split_address(text)
  local address, device, number = text:match("^%[(.*)%](%%?[^:]*):([^:]*)$")
  if not address then
    address, device, number = text:match("^([^%%]*)(%%?[^:]*):([^:]*)$")
  end
  if not address then
    error("ss: '" .. text .. "' should be ADDR:PORT", 0)
  end
  return address, device ~= "" and device:sub(2) or nil, port(number)
end

local function parse_unix(row, text)
  local address, number, peer, peer_number, rest =
    text:match("^(.-) +(%d+) +(%*) +(%d+)%s*(.*)$")
  if not address then
    error("ss: this is no unix row: '" .. text .. "'", 0)
  end
  row.laddr, row.lport, row.raddr, row.rport, row.rest =
    address, port(number), peer, port(peer_number), rest
end

-- packet and netlink: `protocol:port`, and a peer that has no port.
local function parse_plain(row, text)
  local address, number, peer, rest = text:match("^(%S-):(%S+) +(%S+)%s*(.*)$")
  if not address then
    error("ss: this is no packet or netlink row: '" .. text .. "'", 0)
  end
  row.laddr, row.lport, row.raddr, row.rest = address, port(number), peer, rest
end

local function parse_inet(row, text)
  local here, there, rest = text:match("^(%S+) +(%S+)%s*(.*)$")
  if not here then
    error("ss: this is no row of addresses: '" .. text .. "'", 0)
  end
  row.laddr, row.dev, row.lport = split_address(here)
  row.raddr, row.rdev, row.rport = split_address(there)
  row.rest = rest
end

-- ss leaves the first column out where all rows have the same; the peer tells them apart.
local function kind_of(text)
  if text:find("^.- +%d+ +%* +%d+") then
    return "u_"
  end
  local peer = text:match("^%S+ +(%S+)")
  return peer and not peer:find(":", 1, true) and "nl" or "tcp"
end

local function parse_row(line)
  local row = {}
  local text = line
  local word, after = text:match("^([%l?][%l%d_?]*)%s+(.*)$")
  if word then
    row.netid, text = word, after
  end
  word, after = text:match("^([%u`][%w-]*)%s+(.*)$")
  if word then
    row.state, text = word, after
  end
  local recvq, sendq, rest = text:match("^(%-?%d+)%s+(%-?%d+)%s+(.*)$")
  if not recvq then
    error("ss: '" .. line .. "' has no queues; it must be run with -H", 0)
  end
  row.recvq, row.sendq = math.tointeger(recvq), math.tointeger(sendq)
  rest = rest:gsub("%s+$", "")
  local kind = row.netid or kind_of(rest)
  if kind:find("^u_") then
    parse_unix(row, rest)
  elseif kind:find("^p_") or kind == "nl" then
    parse_plain(row, rest)
  else
    parse_inet(row, rest)
  end
  return row
end

-- What `ss -Hn ...` printed -> a list of rows {netid, state, recvq, sendq, laddr, lport, dev,
-- raddr, rport, rest}. netid and state are nil where ss leaves the column out; addresses are
-- without brackets, ports numbers or "*", rest is all that follows, second lines included.
function S.parse_ss(text)
  local rows = {}
  for line in text:gmatch("[^\n]+") do
    if line:find("^%s") then
      if #rows == 0 then
        error("ss: a row begins with blanks: '" .. line .. "'", 0)
      end
      local row = rows[#rows]
      row.rest = (row.rest .. " " .. line:gsub("^%s+", "")):gsub("%s+$", "")
    else
      rows[#rows + 1] = parse_row(line)
    end
  end
  return rows
end

-- Runs the installed ss in this namespace, with -H and -n added; args is a list or one text
-- of words. Skips the test where there is no ss.
function S.ss(args)
  local command = { "ss", "-Hn" }
  if type(args) == "string" then
    for word in args:gmatch("%S+") do
      command[#command + 1] = word
    end
  else
    table.move(args or {}, 1, #(args or {}), 3, command)
  end
  local result = S.run(command)
  if result.code == 127 then
    S.skip("no ss on this system")
  elseif result.code ~= 0 then
    error("ss failed: " .. result.err, 2)
  end
  return S.parse_ss(result.out)
end

-- Patterns of descriptors (what /proc/PID/fd/N points to) that may be kept after a test.
local kept = {}

-- A test file whose subject rightly opens something once and keeps it, such as an event loop,
-- says so: S.may_keep("^anon_inode:%[eventpoll%]").
function S.may_keep(pattern)
  kept[#kept + 1] = pattern
end

-- Descriptor number -> what it is, of this process, but for the pipe that this list comes by.
local function open_descriptors()
  collectgarbage()
  collectgarbage()
  local found = {}
  local list = assert(io.popen("readlink /proc/$$/fd/1; ls -ln /proc/$PPID/fd"))
  local pipe = list:read("l")
  for line in list:lines() do
    local number, target = line:match(" (%d+) %-> (.*)$")
    if number and target ~= pipe then
      found[number] = target
    end
  end
  list:close()
  return found
end

local function is_kept(target)
  for _, pattern in ipairs(kept) do
    if target:find(pattern) then
      return true
    end
  end
  return false
end

-- Raises when the second list holds more descriptors than the first.
local function check_descriptors(before, after)
  local leaked, surplus = {}, 0
  for number, target in pairs(after) do
    if not before[number] and not is_kept(target) then
      leaked[#leaked + 1] = number .. " -> " .. target
      surplus = surplus + 1
    end
  end
  for number, target in pairs(before) do
    if not after[number] and not is_kept(target) then
      surplus = surplus - 1
    end
  end
  if surplus > 0 then
    table.sort(leaked)
    lu.fail("the test left descriptors open: " .. table.concat(leaked, ", "))
  end
end

-- The test, and after it the check that no descriptor is left. What setUp opened was there
-- before and what tearDown closes is closed later, so they do not count.
local function watched(test)
  return function(...)
    local before = open_descriptors()
    local ended = table.pack(pcall(test, ...))
    remove_temporaries()
    if not ended[1] then
      -- LuaUnit's own failures and skips are tables and pass through as they are.
      error(ended[2], 0)
    end
    check_descriptors(before, open_descriptors())
  end
end

local function is_test_name(name)
  return type(name) == "string" and name:lower():sub(1, 4) == "test"
end

-- LuaUnit finds tests among the globals by name; each is wrapped where it stands.
local function watch_all()
  for name, value in pairs(_G) do
    if is_test_name(name) and type(value) == "function" then
      _G[name] = watched(value)
    elseif is_test_name(name) and type(value) == "table" then
      for method, body in pairs(value) do
        if is_test_name(method) and type(body) == "function" then
          value[method] = watched(body)
        end
      end
    end
  end
end

-- Runs all tests with TAP output and ends the program; exit 1 if any failed. The arguments of
-- the test file go to LuaUnit: `connsh tests/lua/test_x.lua -p some_test`.
function S.main()
  watch_all()
  local failures = lu.LuaUnit.run("-o", "tap", table.unpack(arg or {}))
  remove_temporaries()
  os.exit(failures == 0, true)
end

-- The function raises an error whose message has all these texts in it.
function S.fails(f, ...)
  local ok, message = pcall(f)
  lu.assertFalse(ok, "no error was raised")
  for _, part in ipairs({ ... }) do
    lu.assertStrContains(message, part)
  end
end

return S
