-- connsh ss: what the command line means, beside the installed ss; exit codes, files, the name of
-- the program, and the module from Lua. Rows of every kind and layout are compared elsewhere.

local lu = require("luaunit")
local S = require("support")

S.inside({
  "listen=127.0.0.1:80", "listen=[::1]:80", "conn=127.0.0.1:80*3", "conn=[::1]:80*2",
  "udp=127.0.0.1:53", "udpconn=127.0.0.1:5353", "raw=icmp", "raw6=icmp6", "packet=all",
  "packet=ip,dgram", "unix=@ss-test*1,queue=2", "unix=pair", "netlink=generic",
})

local function words_of(text)
  local words = {}
  for word in text:gmatch("%S+") do
    words[#words + 1] = word
  end
  return words
end

local function ours(args, opts)
  local words = type(args) == "table" and args or words_of(args)
  return S.run({ S.connsh_path(), "ss", table.unpack(words) }, opts)
end

local function theirs(args, opts)
  local words = type(args) == "table" and args or words_of(args)
  local result = S.run({ "ss", table.unpack(words) }, opts)
  if result.code == 127 then
    S.skip("no ss on this system")
  end
  return result
end

-- Standard output and exit code are those of ss; standard error too if told.
local function same(args, opts, errors)
  local a, b = theirs(args, opts), ours(args, opts)
  local name = type(args) == "table" and table.concat(args, " ") or args
  lu.assertEquals(b.out, a.out, name)
  lu.assertEquals(b.code, a.code, name .. ": " .. b.err)
  if errors then
    lu.assertEquals(b.err, a.err, name)
  end
  return b
end

local function temporary(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

TestSs = {}

function TestSs:test_usage_and_version()
  for _, args in ipairs { "-h", "--help", "-V", "-v", "--version", "--ver", "-tV", "-f help",
    "-nh -y", "--fam help" } do
    local result = same(args, nil, true)
    lu.assertTrue(#result.out > 10, args)
  end
end

function TestSs:test_wrong_options()
  for _, args in ipairs { "-Q", "-tX", "--nothing", "--ipv", "--net", "-A", "-f", "-D", "--tcp=3",
    "-f foo", "-A foo", "-A tcp,foo", "-A tcp,", "-t --bpf=2", "-A help" } do
    same(args, nil, true)
    lu.assertEquals(ours(args).code, 255, args)
  end
  same({ "-A", "" }, nil, true)
end

function TestSs:test_wrong_words()
  for _, args in ipairs { "state", "state foo", "exclude", "state established foo bar",
    "-F /nonexistent", "-F - -F -", "-N nosuch", "-Z", "-tz", "src", "sport = x" } do
    local result = same(args)
    lu.assertNotEquals(result.code, 0, args)
    lu.assertNotEquals(result.err, "", args)
  end
end

-- Tables, families and states by what they list.
function TestSs:test_selection()
  for _, args in ipairs {
    "", "-t", "-u", "-w", "-x", "-0", "-4", "-6", "-l -tuwx0", "-A inet", "-A all,!netlink -a",
    "-A packet", "-aA packet_raw", "-A p_dgr -a", "-A unix", "-A u_str,u_seq -a", "-lA u_str",
    "-A v_str,u_dgr -a", "-46", "-64", "-46 -ta", "-64 -ta", "-46x", "-4x -a", "-wan46",
    "-wan64", "-wan6", "-4 -A unix -a", "-f inet6 -x -u", "-tu", "-t -A udp", "-tA udp -A raw -a",
    "-la -t", "-al -t", "-M -a", "-S -a", "-d", "--tipc", "--vsock -a", "--xdp", "-f link",
    "-A tcp,!tcp", "-A !tcp", "-4 -A !tcp -a", "-tA !tcp", "-t state established",
    "-t state all exclude all", "-ta exclude listening", "-l state established -t",
    "-t state connected exclude syn-sent", "-ta -H", "-taH -u", "--li --tc --num", "-- -ta",
    "-ta --", "-ta src inet:127.0.0.1", "-46 -a src inet:127.0.0.1", "-a src unix:@ss*",
    "-ta dport = 80", "dport = 80 -ta", "-E -x", "-Ea0",
  } do
    same(args)
  end
end

function TestSs:test_states_that_are_one_by_words_hide_the_column()
  local all_but_established = ""
  for _, state in ipairs { "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2", "time-wait",
    "closed", "close-wait", "last-ack", "listening", "closing" } do
    all_but_established = all_but_established .. " exclude " .. state
  end
  same("-t" .. all_but_established)
  same("-t exclude connected exclude listening -a")
end

function TestSs:test_nothing_to_show()
  local result = same("-A !tcp", nil, true)
  lu.assertEquals(result.err, "ss: no socket tables to show with such filter.\n")
end

function TestSs:test_tables_of_this_kernel_only()
  for _, args in ipairs { "-a --vsock", "-a --xdp", "-a --tipc", "-aS", "-ad", "-wa" } do
    local result = ours(args)
    lu.assertEquals(result.code, 0, args)
    lu.assertEquals(result.err, "", args)
  end
end

-- ---- -s -------------------------------------------------------------------------------------

function TestSs:test_summary()
  -- what the kernel keeps for all namespaces together, and frees in its own time, changes meanwhile
  local function masked(result)
    local text = result.out:gsub("Total: %d+", "Total: N")
    return (text:gsub("TCP:   %d+ %(estab (%d+), closed %-?%d+, orphaned %d+",
      "TCP:   N (estab %1, closed N, orphaned N"))
  end
  for _, args in ipairs { "-s", "-s -H -t -a", "-st state established" } do
    local a, b = theirs(args), ours(args)
    lu.assertEquals(masked(b), masked(a))
    lu.assertEquals(b.code, 0)
    lu.assertEquals(b.err, "")
  end
end

function TestSs:test_summary_of_files()
  local v4 = temporary("sockets: used -7\nTCP: inuse 4294967295 orphan 2147483648 tw 99999999999 "
    .. "alloc x mem 7\nUDP: mem 2 inuse 5\nbogus\nTCP: inuse 6\nRAW: inuse +3 \nTCP : inuse 8\n")
  local v6 = temporary("TCP6: inuse 11\nUDP6: inuse 12\nRAW6: inuse 13\nFRAG6: inuse 14 memory 0\n")
  local snmp = temporary("Ip: a b\nIp: 1 2\nTcp: RtoAlgorithm CurrEstab X\nTcp: 1 42 3\n")
  local whole = { PROC_NET_SOCKSTAT = v4, PROC_NET_SOCKSTAT6 = v6, PROC_NET_SNMP = snmp }
  same("-s", { env = whole })
  for name in pairs(whole) do
    for _, path in ipairs { "/nonexistent", "/dev/null" } do
      local env = {}
      for other, value in pairs(whole) do
        env[other] = other == name and path or value
      end
      same("-s", { env = env })
    end
  end
  same("-s", { env = { PROC_ROOT = "/nonexistent" } })
  for _, path in pairs(whole) do
    os.remove(path)
  end
end

-- ---- files in place of the kernel --------------------------------------------------------------

function TestSs:test_texts_of_proc()
  local tcp = temporary(S.read_file("/proc/net/tcp"))
  local tcp6 = temporary(S.read_file("/proc/net/tcp6"))
  for _, args in ipairs { "-tan", "-46tan", "-64tan", "-4tan", "-tn state established",
    "-tan dport = 80", "-tuan" } do
    same(args, { env = { PROC_NET_TCP = tcp, PROC_NET_TCP6 = tcp6 } })
    same(args, { env = { PROC_NET_TCP = tcp, PROC_NET_TCP6 = "/nonexistent" } })
    same(args, { env = { PROC_NET_TCP = "/nonexistent", PROC_NET_TCP6 = tcp6 } })
    same(args, { env = { PROC_NET_TCP6 = "/dev/null" } })
    same(args, { env = { PROC_NET_TCP = "" } })
  end
  for _, args in ipairs { "-tuwan", "-0an", "-Ma", "-da", "-Sa" } do
    same(args, { env = { PROC_ROOT = "/proc" } })
    same(args, { env = { PROC_ROOT = "/nonexistent" } })
  end
  os.remove(tcp)
  os.remove(tcp6)
end

function TestSs:test_messages_of_a_file()
  local dump = os.tmpname()
  for _, args in ipairs { "", "-4", "-6", "-46", "-n state established", "-u -t" } do
    local a, b = theirs("-ta -D - " .. args), ours("-ta -D - " .. args)
    lu.assertEquals(b.code, 0)
    lu.assertEquals(#b.out, #a.out, args)
  end
  lu.assertEquals(ours("-ta -D " .. dump).out, "")
  lu.assertTrue(#S.read_file(dump) > 500)
  for _, args in ipairs { "-tan", "-t", "-4tan", "-tan dport = 80", "-tn state established" } do
    same(args, { env = { TCPDIAG_FILE = dump } })
  end
  os.remove(dump)
  same("-u -D -", nil, true)
  local result = ours("-t -D /nonexistent/file")
  lu.assertEquals(result.code, 1)
  lu.assertStrContains(result.err, "/nonexistent/file")
end

function TestSs:test_the_environment_of_somebody_else_is_not_read()
  local env = { TCPDIAG_FILE = "/dev/null", PROC_NET_UDP = "/dev/null", PROC_ROOT = "/nonexistent",
    SUDO_UID = "0" }
  lu.assertEquals(ours("-tuan", { env = env }).out, theirs("-tuan").out)
  lu.assertEquals(ours("-s", { env = env }).err, "")
end

function TestSs:test_filter_file()
  local path = temporary("# a comment\ndport = 80\n0 is one too\n")
  same("-tan -F " .. path)
  same("-tan src 127.0.0.1 and -F " .. path)
  same("-tan -F -", { stdin = "dport = 80\nor sport = 80\n" })
  os.remove(path)
end

-- ---- -K, -E, -N --------------------------------------------------------------------------------

-- In a namespace of its own, beside new sockets: what the shell text prints; ss is $1.
local function beside(specs, text)
  local function with(words)
    local command = { "sh", "-c", text, "sh", table.unpack(words) }
    return S.sockmaker { cmd = command, table.unpack(specs) }
  end
  return with { "ss" }, with { S.connsh_path(), "ss" }
end

function TestSs:test_kill()
  local a, b = beside({ "listen=127.0.0.1:80", "udp=127.0.0.1:53" }, [[
    "$@" -Ktan sport = 80; echo $?
    "$@" -Kuan; echo $?; "$@" -Ktuan sport = 80; ss -Htuan]])
  lu.assertEquals(b.out, a.out)
  lu.assertStrContains(b.out, "127.0.0.1:80")
  lu.assertEquals(b.err, "")
end

-- What is listed is the socket as it was before.
function TestSs:test_kill_with_details()
  local _, b = beside({ "conn=127.0.0.1:80" }, [[
    "$@" -HKtin state established sport = :80; ss -Htan state established]])
  lu.assertStrContains(b.out, "127.0.0.1:80")
  lu.assertStrContains(b.out, " cwnd:10 ")
  lu.assertEquals(b.err, "")
end

-- -K closes with --json too, and lists what it closed.
function TestSs:test_kill_with_json()
  local _, b = beside({ "listen=127.0.0.1:80" }, [[
    "$@" --json -Ktan sport = 80; ss -Htan]])
  lu.assertStrMatches(b.out, '{"proto":"tcp","state":"listen"[^\n]*"lport":80,[^\n]*}\n')
  lu.assertEquals(b.err, "")
  lu.assertEquals(ours("-tE --json").code, 255)
  lu.assertEquals(ours("-tE --netns *").code, 255)
end

function TestSs:test_kill_without_permission()
  local a, b = beside({ "listen=127.0.0.1:80", "udp=127.0.0.1:53" },
    [[setpriv --reuid=65534 --clear-groups "$@" -Ktan
      setpriv --reuid=65534 --clear-groups "$@" -Kuan; echo $?; ss -Htuan]])
  if a.err:find("setpriv") then
    S.skip("no setpriv, or no right to use it")
  end
  lu.assertEquals(b.out, a.out)
  lu.assertStrContains(b.err, "SOCK_DESTROY answers: ")
end

function TestSs:test_events()
  local text = [[
    out=$(mktemp)
    timeout -s KILL 20 "$@" >$out 2>&1 & pid=$!
    i=0
    until [ -s $out ] || [ $i -ge 40 ]; do
      "$SOCKMAKER" listen=127.0.0.1:4000 conn=127.0.0.1:4000*2,from=127.0.0.1 -- true
      i=$((i + 1)); sleep 0.1
    done
    sleep 0.3; kill -KILL $pid; cat $out; rm $out]]
  local function events(args)
    return S.sockmaker { cmd = { "env", "SOCKMAKER=" .. S.sockmaker_path(), "sh", "-c", text, "sh",
      S.connsh_path(), "ss", table.unpack(words_of(args)) } }.out
  end
  local header, row = events("-Etn dport = 4000"):match("^([^\n]*\n)([^\n]*)")
  lu.assertEquals(header, "State  Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess\n")
  lu.assertStrMatches(row, "UNCONN +%d+ +%d+ +127%.0%.0%.1:%d+ +127%.0%.0%.1:4000 *")
  lu.assertStrMatches(events("-EHn sport = 4000"):match("[^\n]*"),
    "tcp +UNCONN +%d+ +%d+ +127%.0%.0%.1:4000 +127%.0%.0%.1:%S+ *")
end

function TestSs:test_namespace()
  local result = S.apart(S.two_namespaces .. [[
    for ss in ss "connsh ss"; do $ss -N blue -tln; $ss -Htl --net=red; done
    connsh ss -tln --netns '*' -H | sed 's/ *$//' | sort
    connsh ss -tln --json --netns red
    connsh --netns red ss -Htln
    connsh ss -Htln]])
  lu.assertEquals(result.code, 0, result.err)
  local first, rest = result.out:match("^(.-\n.-\n.-\n)(.*)$")
  lu.assertEquals(rest:sub(1, #first), first)
  rest = rest:sub(#first + 1)
  lu.assertStrContains(rest, "blue LISTEN 0")
  lu.assertStrContains(rest, "red  LISTEN 0")
  lu.assertStrContains(rest, '{"netns":"red","proto":"tcp","state":"listen"')
  lu.assertEquals(select(2, rest:gsub("LISTEN", "")), 3)
end

-- ---- JSON ---------------------------------------------------------------------------------------

function TestSs:test_json()
  local json = require("json")
  local result = ours("-tn --json state established dport = 80")
  lu.assertEquals(result.code, 0, result.err)
  local rows = 0
  for line in result.out:gmatch("[^\n]+") do
    local row = json.decode(line)
    lu.assertEquals(row.rport, 80)
    lu.assertEquals(row.state, "established")
    lu.assertNil(row.mss)
    rows = rows + 1
  end
  lu.assertEquals(rows, 5)
  lu.assertStrContains(ours("-ti --json").out, '"mss":')
  lu.assertStrContains(ours("-xp --json").out, '"holders":[{')
  lu.assertEquals(ours("-t --js").code, 255)
end

-- ---- the program, and Lua ----------------------------------------------------------------------

function TestSs:test_name_of_the_program()
  local dir = S.run({ "mktemp", "-d" }).out:gsub("\n", "")
  local path = S.connsh_path():gsub("^([^/])", os.getenv("PWD") .. "/%1")
  S.run({ "ln", "-s", path, dir .. "/ss" })
  lu.assertEquals(S.run({ dir .. "/ss", "-tan" }).out, theirs("-tan").out)
  lu.assertEquals(S.run({ dir .. "/ss", "-e", "-tn" }).out, theirs("-e -tn").out)
  local script = io.open(dir .. "/script", "w")
  script:write("print('a script', ...)")
  script:close()
  S.run({ "mkdir", dir .. "/here" })
  S.run({ "cp", dir .. "/script", dir .. "/here/ss" })
  lu.assertEquals(S.connsh("./ss", "1", { cwd = dir .. "/here" }).out, "a script\t1\n")
  lu.assertEquals(S.connsh("ss", "-tan", { cwd = dir .. "/here" }).out, theirs("-tan").out)
  S.run({ "rm", "-r", dir })
end

function TestSs:test_snapshot()
  local path = os.tmpname()
  S.connsh("--snapshot", path)
  local before = theirs("-tan").out
  lu.assertEquals(S.connsh("--from", path, "ss", "-tan").out, before)
  os.remove(path)
  -- it has sockets that are only bound, which the kernel does not list to ss
  local _, b = beside({ "all" }, [[ f=$(mktemp); "$1" --snapshot $f >/dev/null 2>&1
    "$1" --from $f ss -tanH | wc -l; ss -tanH | wc -l; rm $f ]])
  local ours_there, theirs_there = b.out:match("(%d+)\n(%d+)\n")
  lu.assertEquals(ours_there, theirs_there)
end

function TestSs:test_closed_and_full_output()
  lu.assertEquals(ours("-tan", { stdout = "/dev/full" }).code, 1)
  lu.assertStrContains(ours("-tan", { stdout = "/dev/full" }).err, "No space left")
  lu.assertEquals(ours("-h", { stdout = "/dev/full" }).code, 1)
  local result = S.run("for i in 1 2 3; do '" .. S.connsh_path() .. "' ss -tan >&-; echo $?; done")
  lu.assertEquals(result.out, "1\n1\n1\n")
end

function TestSs:test_from_lua_prints_the_same()
  lu.assertEquals(S.connsh("-e", 'ss "-tan \'dport = 80\'"').out, theirs("-tan dport = 80").out)
  lu.assertEquals(S.connsh("-e", 'ss{"-t", "-a", "-n"}').out, theirs("-tan").out)
  lu.assertEquals(S.connsh("-e", 'require("ss") "-xa"').out, theirs("-xa").out)
  lu.assertEquals(S.connsh("-e", 'print(select("#", ss "-h"))').out, theirs("-h").out .. "0\n")
end

function TestSs:test_from_lua_faults_raise()
  local function fault(what)
    return select(2, pcall(ss, what))
  end
  lu.assertEquals(fault("-X"), "ss: invalid option -- 'X'")
  lu.assertEquals(fault("-f foo"), 'ss: "foo" is invalid family')
  lu.assertEquals(fault("-t state foo"), "ss: wrong state name: foo")
  lu.assertEquals(fault("-t 'a"), "ss: the quote ' at character 4 has no end")
  lu.assertEquals(fault(3), "ss: its words are a text or a list, such as ss \"-tln\"; got number")
end

-- What ss lists, counted; and the query is one, lazy, and narrows on.
function TestSs:test_query()
  for _, args in ipairs { "-tan", "-tn", "-tuan", "-an -4", "-an -6", "-xa", "-x", "-0a", "-tn46",
    "-tan dport = 80", "-tuwxan", "-tn state established src 127.0.0.1", "-aA inet,unix,packet",
    "-tuan not src 127.0.0.1", "-tuan dport gt 79 or not sport = 80", "-tan autobound" } do
    lu.assertEquals(#ss.query(args), select(2, ours("-H " .. args).out:gsub("\n", "")), args)
  end
  local q = ss.query "-tn state established"
  lu.assertEquals(#q { lport = 80 }, 5)
  lu.assertEquals(#q:group("family"):count(), 2)
  lu.assertErrorMsgContains("no socket tables", ss.query, "-A !tcp")
  lu.assertErrorMsgContains("autobound takes", ss.query, "-tuan autobound")
end

-- What the module needs of the library is there for others too.
function TestSs:test_kinds_that_are_not_listed_are_not_missing()
  local function lacks(more)
    return S.connsh("-p", 'count{proto="vsock"' .. more .. "}")
  end
  local plain, listed = lacks(""), lacks(", listed=true")
  lu.assertEquals(listed.out, plain.out)
  lu.assertEquals(listed.code, 0, listed.err)
  if plain.code == 3 then
    lu.assertStrContains(plain.err, "does not list vsock")
    lu.assertNotStrContains(listed.err, "incomplete")
  end
end

function TestSs:test_notices_environment_terminal()
  local chunk = 'print(connsh.quiet(true), connsh.quiet(false)) '
  lu.assertEquals(S.connsh("-e", chunk).out, "false\ttrue\n")
  local raw = 'connsh.quiet(%s) print(count{proto="raw"})'
  lu.assertEquals(S.connsh("-e", raw:format("true")).err, "")
  lu.assertErrorMsgContains("boolean expected", connsh.quiet, 1)
  local env = 'print(connsh.env("CONNSH_TEST"))'
  lu.assertEquals(S.connsh("-e", env, { env = { CONNSH_TEST = "x" } }).out, "x\n")
  local raised = { CONNSH_TEST = "x", SUDO_USER = "y" }
  lu.assertEquals(S.connsh("-e", env, { env = raised }).out, "nil\n")
  lu.assertEquals(S.connsh("-e", 'print(connsh.terminal())').out, "\n")
end

function TestSs:test_a_failed_dump_is_told()
  local shim = (os.getenv("BUILD") or "build") .. "/tests/nlshim.so"
  if not shim:find("^/") then
    shim = os.getenv("PWD") .. "/" .. shim
  end
  local function spoilt(mode)
    return ours("-tan", { env = { LD_PRELOAD = shim, CONNSH_SHIM = mode } })
  end
  for _, mode in ipairs { "intr:1:0", "done-error:1:0" } do
    local result = spoilt(mode)
    lu.assertEquals(result.code, 3, mode .. result.err)
    lu.assertNotEquals(result.err, "", mode)
  end
end

S.main()
