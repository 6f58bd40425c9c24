-- Snapshots: what connsh --from answers is what the kernel answered when it was taken, from another
-- place, as another user, and nothing else is opened for it.

local lu = require("luaunit")
local S = require("support")

-- Prints every row of every source with all its fields, a line each: SOURCE key=value ...
local all_rows = [[
  connsh.accept_incomplete() -- a kernel may not list all that it has
  local function text(v)
    if type(v) ~= "table" then return tostring(v) end
    local items = {}
    for i, item in ipairs(v) do items[i] = text(item) end
    return "{" .. table.concat(items, " ") .. "}"
  end
  for _, s in ipairs(connsh.sources()) do
    local query = s.name == "sockets" and s.query{proto="*"} or s.query
    for row in query do
      local parts = {}
      for k, v in pairs(row) do
        parts[#parts + 1] = k .. "=" .. text(v):gsub("[%c%s]", "_")
      end
      print(s.name .. " " .. table.concat(parts, " "))
    end
  end
]]

-- Rows by source; each a table of its fields.
local function parse(text)
  local sources = {}
  for line in text:gmatch("[^\n]+") do
    local name, rest = line:match("^(%S+) ?(.*)$")
    local row = {}
    for k, v in rest:gmatch("([%w_]+)=(%S*)") do
      row[k] = v
    end
    sources[name] = sources[name] or {}
    table.insert(sources[name], row)
  end
  return sources
end

-- The rows as texts of those fields that do not move, and how often each is there.
local function texts(rows, moving)
  local set = {}
  for _, row in ipairs(rows) do
    local names, parts = {}, {}
    for k in pairs(row) do
      if not moving[k] then names[#names + 1] = k end
    end
    table.sort(names)
    for i, k in ipairs(names) do parts[i] = k .. "=" .. row[k] end
    local one = table.concat(parts, " ")
    set[one] = (set[one] or 0) + 1
  end
  return set
end

-- Names of fields that differ between two lists of the same rows, told apart by these fields.
local function moving_fields(before, after, keys)
  local function key(row)
    local parts = {}
    for i, k in ipairs(keys) do parts[i] = row[k] or "-" end
    return table.concat(parts, " ")
  end
  local known, moving = {}, {}
  for _, row in ipairs(before) do known[key(row)] = row end
  for _, row in ipairs(after) do
    local old = known[key(row)]
    for k, v in pairs(old or {}) do moving[k] = moving[k] or row[k] ~= v end
    for k, v in pairs(old and row or {}) do moving[k] = moving[k] or old[k] ~= v end
  end
  return moving
end

-- What rows of any source are told apart by, as far as they have it.
local identity = { "cookie", "inode", "pid", "index", "name", "cpu", "proto", "family", "table",
  "dst", "dev", "addr", "lladdr", "priority", "id" }

local in_use = {
  namespaces = { "processes" }, limits = { "used", "share" }, counters = { "value" },
  processes = { "state", "rss", "fds" },
}

-- Runs the shell text with its arguments $2 ... ($1 is connsh) beside sockets made by these specs,
-- where no other processes and namespaces come and go.
local function beside(specs, text, ...)
  local words = {}
  for i, word in ipairs(table.pack(table.unpack(specs))) do words[i] = S.sh_quote(word) end
  for _, word in ipairs { "--", "sh", "-c", text, "sh", S.connsh_path(), ... } do
    words[#words + 1] = S.sh_quote(word)
  end
  return S.apart("$SOCKMAKER " .. table.concat(words, " "))
end

TestEverySource = {}

-- Rows that stand before and after are in the snapshot, with the same fields; and it has no others
-- but those that were there before or after, or that came of its taking.
function TestEverySource:test_same_rows()
  local file = S.temporary()
  local result = beside({ "all" }, [[
    set -e
    "$1" -e "$2"; echo ====
    "$1" --snapshot "$3" >/dev/null 2>&1; "$1" --from "$3" -e "$2"; echo ====
    "$1" -e "$2"
  ]], all_rows, file)
  lu.assertEquals(result.code, 0, result.err)
  local before, from, after = result.out:match("^.-(sockets .-)====\n(.-)====\n(.*)$")
  before, from, after = parse(before), parse(from), parse(after)
  lu.assertTrue(#before.sockets > 100)
  for name, rows in pairs(before) do
    local moving = moving_fields(rows, after[name], identity)
    -- what is used is another number while the snapshot is taken
    for _, field in ipairs(in_use[name] or {}) do moving[field] = true end
    local old, new = texts(rows, moving), texts(after[name], moving)
    lu.assertNotNil(from[name], name)
    local told = texts(from[name], moving)
    local same = 0
    for text, n in pairs(old) do
      local least = math.min(n, new[text] or 0)
      same = same + least
      lu.assertTrue((told[text] or 0) >= least, name .. ": " .. text)
    end
    lu.assertTrue(same > 0, name)
    if name == "sockets" then
      for _, field in ipairs { "laddr", "lport", "raddr", "state", "inode", "cookie", "pid", "comm",
        "exe", "user", "owner_status", "mss", "cong" } do
        lu.assertNil(moving[field] or nil, field)
      end
      for text, n in pairs(told) do
        if text:find("proto=tcp", 1, true) or text:find("proto=udp", 1, true) then
          lu.assertTrue(n <= math.max(old[text] or 0, new[text] or 0), text)
        end
      end
    end
  end
end

-- The kernel filters live; here each row is held against the conditions, and against what a query
-- means at all (no socket that is only bound, no other protocol).
function TestEverySource:test_same_answers()
  local file = S.temporary()
  local chunk = [[
    connsh.accept_incomplete() -- a kernel may not list all that it has
    for _, q in ipairs{
      sockets, sockets{state="listen"}, sockets{state="established"}, sockets{proto="udp"},
      sockets{proto="tcp", family="inet6"}, sockets{laddr="127.0.0.0/8"}, sockets{lport=80},
      sockets{lport="1-1023", {"rport", ">", 0}}, sockets{dev="lo"}, sockets{dev=false},
      sockets{state={"time-wait", "syn-recv"}}, sockets{state="bound-inactive"}, sockets{uid=0},
      sockets{user="root"}, sockets{comm="sockmaker"}, sockets{comm="nosuch"}, sockets{pid=true},
      sockets{owner_status="time-wait"}, sockets{inbound=true}, sockets{"not", {proto="tcp"}},
      sockets{cgroup=true},
    } do
      local ok, n = pcall(q.count, q)
      print(ok and n or tostring(n):gsub("^.-:%d+: ", ""))
    end
    print(sockets:group("state", "family"):count():sort("state", "family"):csv())
    print(sockets{state="listen"}:sort("laddr", "lport", "inode"):select("laddr", "lport", "inode",
      "pid", "comm", "exe"):csv())
  ]]
  local result = beside({ "all", "listen=127.0.0.3:80", "conn=127.0.0.3:80*5" }, [[
    set -e
    echo ====; "$1" -e "$2"
    echo ====; "$1" --snapshot "$3" >/dev/null 2>&1; "$1" --from "$3" -e "$2"
  ]], chunk, file)
  lu.assertEquals(result.code, 0, result.err)
  local live, from = result.out:match("====\n(.-)====\n(.*)$")
  -- one line by one, so that a failure shows where
  local lines = live:gmatch("[^\n]+")
  for line in from:gmatch("[^\n]+") do
    lu.assertEquals(line, lines())
  end
  lu.assertNil(lines())
end

-- Counters only grow: what the snapshot has lies between what was read before and after it.
function TestEverySource:test_counters()
  local file = S.temporary()
  local chunk = [[for c in counters{kind="counter"} do
    print(c.name, c.cpu or "-", c.value) end]]
  local result = beside({ "listen=127.0.0.1:80", "conn=127.0.0.1:80*3" }, [[
    set -e
    "$1" -e "$2"; echo ====; "$1" --snapshot "$3" >/dev/null 2>&1; "$1" --from "$3" -e "$2"
    echo ====; "$1" -e "$2"
  ]], chunk, file)
  lu.assertEquals(result.code, 0, result.err)
  local lists = {}
  for part in (result.out .. "====\n"):gmatch("(.-)====\n") do
    local list = {}
    for name, cpu, value in part:gmatch("(%S+)\t(%S+)\t(%S+)\n") do
      list[name .. cpu] = math.tointeger(value)
    end
    lists[#lists + 1] = list
  end
  local n = 0
  for name, value in pairs(lists[2]) do
    n = n + 1
    lu.assertTrue(lists[1][name] <= value and value <= lists[3][name], name)
  end
  lu.assertTrue(n > 200)
end

TestOffline = {}

-- A small scene, and its snapshot in a file.
local function taken()
  local file = S.temporary()
  local result = beside({ "listen=127.0.0.1:80", "conn=127.0.0.1:80*3" },
    [["$1" --snapshot "$2"; stat -c %a "$2"]], file)
  lu.assertEquals(result.code, 0, result.err)
  return file, result
end

function TestOffline:test_says_what_was_written()
  local file, result = taken()
  local said = result.out:match(file:gsub("%p", "%%%0") .. ": ([^\n]*)\n")
  local rows, places, bytes = said:match("^(%d+) rows, (%d+) network namespaces?, (%d+) bytes$")
  lu.assertTrue(tonumber(rows) >= 7, result.out)
  lu.assertTrue(tonumber(places) >= 1)
  lu.assertEquals(tonumber(bytes), #S.read_file(file))
  lu.assertStrContains(result.out, "\n600\n")
end

-- Neither netlink nor /proc, nor anything else of this machine is asked.
function TestOffline:test_opens_nothing()
  if S.run({ "strace", "-V" }).code ~= 0 then
    S.skip("no strace")
  end
  local file, trace = taken(), S.temporary()
  local result = S.run({ "strace", "-f", "-o", trace, "-e", "trace=%file,%network,setns,kill",
    S.connsh_path(), "--from", file, "-e", all_rows, "-p",
    'count{comm="sockmaker", dev=false, cgroup="/x"}', "-p", 'count{pid=1, dev="lo"}', "-p",
    'count{netns="*", inbound=true}', "-p", "sockets:first().owner_status" },
    { env = { ASAN_OPTIONS = "detect_leaks=0" } })
  if result.err:find("PTRACE", 1, true) then
    S.skip("nothing can be traced: " .. result.err)
  end
  lu.assertEquals(result.code, 0, result.err)
  local text = S.read_file(trace)
  lu.assertStrContains(text, file)
  -- the first time it is an argument
  local from = text:find(file, text:find("\n", 1, true), true)
  for line in text:sub(from):gmatch("[^\n]+") do
    local path = line:match('"(/[^"]*)"')
    lu.assertTrue(path == nil or path == file, line)
    lu.assertNil(line:find("socket(", 1, true) or line:find("setns(", 1, true)
      or line:find("kill(", 1, true), line)
  end
end

function TestOffline:test_another_user_elsewhere()
  local file, moved = taken(), os.tmpname()
  S.run({ "sh", "-c", 'cp "$1" "$2" && chmod 644 "$2" && rm "$1"', "sh", file, moved })
  local command = { S.connsh_path(), "--from", moved, "-q",
    'sockets{lport=80, state="listen"}:select("lport", "comm", "user", "owner_status")',
    "-o", "csv", "-p", 'count<state="established", lport=80>', "-p", "connsh.last.source", "-p",
    "connsh.last.complete" }
  local words = { "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups" }
  if S.run(table.move({ "true" }, 1, 1, #words + 1, { table.unpack(words) })).code == 0 then
    command = table.move(command, 1, #command, #words + 1, words)
  end
  local result = S.run(command)
  os.remove(moved)
  lu.assertEquals(result.err, "")
  lu.assertEquals(result.out,
    "lport,comm,user,owner_status\n80,sockmaker,root,held\n3\nsnapshot\ntrue\n")
end

function TestOffline:test_what_the_snapshot_tells()
  local file = taken()
  local result = S.connsh("--from", file, "-e", [[
    local s = connsh.snapshot
    local names = {}
    for name in pairs(s) do names[#names + 1] = name end
    table.sort(names)
    print(table.concat(names, " "))
    print(math.abs(s.time - os.time()) < 100, s.kernel)
    print(pcall(function() s.time = 1 end))
    print(snapshot("/tmp/of_a_snapshot"))
    print(pcall(function() return sockets{lport=80}:destroy() end))
  ]])
  local kernel = S.run({ "uname", "-r" }).out
  local lines = {}
  for line in result.out:gmatch("[^\n]+") do lines[#lines + 1] = line end
  lu.assertEquals(lines[1], "host kernel time version")
  lu.assertEquals(lines[2] .. "\n", "true\t" .. kernel)
  lu.assertStrContains(lines[3], "it cannot be changed")
  lu.assertStrMatches(lines[4], "nil\ta snapshot can only be taken of a living system\t%d+")
  lu.assertStrContains(lines[5], "cannot be closed")
  lu.assertEquals(S.connsh("-p", "connsh.snapshot").out, "nil\n")
end

function TestOffline:test_from_a_script()
  local file = S.temporary()
  local result = S.connsh("-e", ([[
    local ok, r = snapshot(%q)
    print(ok, math.type(r.rows), math.type(r.namespaces), math.type(r.bytes), type(r.missing))
    print(snapshot("/nosuch/dir/file"))
  ]]):format(file), "-p", "#sockets >= 0")
  lu.assertStrContains(result.out, "true\tinteger\tinteger\tinteger\ttable\n"
    .. "nil\tcannot record to '/nosuch/dir/file': No such file or directory\t2\n")
  lu.assertEquals(S.connsh("--from", file, "-p", "connsh.snapshot ~= nil").out, "true\n")
end

function TestOffline:test_wrong_usage()
  local file = S.temporary()
  for _, more in ipairs { { "-e", "" }, { "--record", file }, { "x.lua" }, { "--netns", "1" },
    { "-i" } } do
    local result = S.connsh("--snapshot", file, table.unpack(more))
    lu.assertEquals(result.code, 2, more[1])
    lu.assertStrContains(result.err, "--snapshot takes everything")
  end
  lu.assertEquals(S.read_file(file), "")
end

-- A full disk, a place that is none: no file is left, and what lay there stays.
function TestOffline:test_faults()
  local result = S.connsh("--snapshot", "/dev/full")
  lu.assertEquals(result.code, 1)
  lu.assertStrContains(result.err, "the recording is not whole: writing it failed: No space left")
  result = S.apart([[
    mkdir /run/small && mount -t tmpfs -o size=8k none /run/small
    echo before > /run/small/file
    connsh --snapshot /run/small/file || echo "code $?"
    ls /run/small; cat /run/small/file
  ]])
  lu.assertEquals(result.out, "code 1\nfile\nbefore\n")
  lu.assertStrContains(result.err, "No space left")
end

function TestOffline:test_other_versions_and_rubbish()
  local file = taken()
  local text = S.read_file(file)
  local function says(bytes, what)
    local result = S.connsh("--from", S.temporary(bytes), "-p", "1")
    lu.assertEquals({ result.out, result.code }, { "", 1 })
    lu.assertStrContains(result.err, what)
  end
  says(text:sub(1, 8) .. "\1" .. text:sub(10),
    "the recording has version 1; this connsh reads version 2")
  says(text:sub(1, -2), "damaged at byte " .. #text - 20)
  says(text:sub(1, #text // 2), "damaged at byte ")
  says(text .. "x", "damaged at byte " .. #text .. ": it goes on behind its last record")
  says("", "damaged at byte 0")
end

TestPlaces = {}

local two = S.two_namespaces .. [[
  pid=$(connsh -p 'sockets{netns="blue", state="listen"}:first().pid')
  connsh --snapshot /run/file >/dev/null
]]

function TestPlaces:test_each_has_its_own()
  local result = S.apart(two .. [[
    ip netns del blue; ip netns del red
    from() { connsh --from /run/file "$@"; }
    from -e 'for s in sockets{netns="*", state="listen"}:sort("lport") do
      print(s.netns, s.lport, s.comm) end'
    from -p 'count{netns="blue"}' -p 'count{netns="red"}' -p '#sockets' -p 'count{lport=82}'
    from -p "count{netns=$pid, lport=81}" -p "count{netns='/proc/$pid/ns/net', lport=81}" \
      -p 'count{netns="/run/netns/blue", lport=81}' -p 'count{lport=82}' --netns red
    from -q 'namespaces{names=true}:sort("netns"):select("netns", "names")' -o csv
    from -p 'namespaces{netns="blue"}:first().processes >= 2'
    from -p 'count{netns="green"}' || echo "code $?"
  ]])
  lu.assertEquals(result.out, "blue\t81\tsockmaker\nred\t82\tsockmaker\n3\n1\n0\n0\n2\n2\n2\n1\n"
    .. "netns,names\nblue,blue\nred,red\ntrue\ncode 1\n")
  lu.assertStrContains(result.err, 'the recording has no network namespace "green"')
end

-- One that could not be entered is told when the snapshot is taken, and whenever it is asked.
function TestPlaces:test_not_entered()
  local result = S.apart([[
    ip netns add blue
    setpriv --bounding-set -sys_admin --inh-caps -sys_admin \
      "$CONNSH" --snapshot /run/file >/dev/null || echo "code $?"
    connsh --from /run/file -p 'count{netns="*"}' || echo "code $?"
    connsh --from /run/file -p 'count{netns="blue"}' || echo "code $?"
  ]])
  lu.assertEquals(result.out, "code 3\n0\ncode 3\ncode 1\n")
  lu.assertStrContains(result.err, "connsh: not in the snapshot: network namespace blue (")
  lu.assertStrContains(result.err, "1 network namespace could not be entered: blue (")
  lu.assertStrContains(result.err, 'has nothing of the network namespace "blue"')
end

-- The same of a recording of what was asked, not of everything.
function TestPlaces:test_namespaces_hidden_when_recorded()
  local result = S.apart([[
    mkdir -m 777 /run/open
    user="setpriv --reuid 65534 --regid 65534 --clear-groups"
    $user "$CONNSH" --record /run/open/file -p 'count{netns="*"}' >/dev/null 2>&1
    "$CONNSH" --from /run/open/file -p 'count{netns="*"} >= 0'
  ]])
  lu.assertStrContains(result.out, "true\n")
  lu.assertStrContains(result.err, "there may be more of them")
end

-- What an ordinary user may not look into stays told as such, on any machine.
function TestPlaces:test_owners_hidden_then_are_hidden_now()
  local result = S.apart([[
    $SOCKMAKER listen=127.0.0.1:81 -- sh -c '
      mkdir -m 777 /run/open
      setpriv --reuid 65534 --regid 65534 --clear-groups "$1" --snapshot /run/open/file >/dev/null
      "$1" --from /run/open/file -p "sockets{lport=81}:first().owner_status" \
        -p "sockets{lport=81}:first().pid"' sh "$CONNSH"
  ]])
  if result.err:find("setpriv:", 1, true) then
    S.skip("no setpriv")
  end
  lu.assertStrContains(result.out, "permission\nnil\n")
  lu.assertStrContains(result.err, "connsh: note: /proc does not show all")
end

S.main()
