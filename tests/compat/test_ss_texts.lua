-- `connsh ss` and the installed ss over texts like those of /proc/net, through PROC_NET_*: layout,
-- timers, tables of many blocks, kinds that this kernel cannot make, lines that no kernel writes.

package.path = (os.getenv("TESTS") or "tests") .. "/compat/?.lua;" .. package.path

local lu = require("luaunit")
local S = require("support")
local C = require("compare")

-- ---- texts ----------------------------------------------------------------------------------

-- Numbers that are the same in every run.
local function sequence(seed)
  return function(n)
    seed = (seed * 1103515245 + 12345) % 2147483648
    return (seed >> 8) % n
  end
end

local headers = {
  tcp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout"
    .. " inode",
  unix = "Num       RefCount Protocol Flags    Type St Inode Path",
  packet = "sk       RefCnt Type Proto  Iface R Rmem   User   Inode",
  netlink = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops"
    .. "    Inode",
}

local function text_of(kind, lines)
  return headers[kind] .. "\n" .. table.concat(lines, "\n") .. (#lines > 0 and "\n" or "")
end

-- A row of tcp, udp or raw; what is not given is an established connection of nobody.
local function inet(r)
  return ("%4d: %s:%04X %s:%04X %02X %08X:%08X %02X:%08X %08X %5d %8d %d %d %016x %s"):format(
    r.number or 0, r.laddr or "0100007F", r.lport or 80, r.raddr or "0100007F", r.rport or 50000,
    r.state or 1, r.sendq or 0, r.recvq or 0, r.timer or 0, r.left or 0, r.retrans or 0, r.uid or 0,
    r.probes or 0, r.inode or 1, r.refs or 1, r.kernel or 0, r.rest or "20 4 30 10 -1")
end

local addresses = { "0100007F", "00000000", "0101A8C0", "FFFFFFFF", "0A00000A", "FE01FEA9" }
local addresses6 = {
  "00000000000000000000000000000000", "00000000000000000000000001000000",
  "0000000000000000FFFF00000100007F", "000080FE000000000000000001000000",
  "000100FD000000000000000001000000", "B80D0120000000000000000001000000",
  "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "0000000000000000000000000100007F",
  "B80D01200100000001000000FFFF0000",
}

local datagram = { 1, 7 }

-- states: those that the kernel has in such a table.
local function random_rows(count, seed, list, states)
  local pick = sequence(seed)
  local rows = {}
  for i = 1, count do
    local timer = pick(6)
    rows[i] = inet({ number = i - 1, laddr = list[pick(#list) + 1], raddr = list[pick(#list) + 1],
      lport = ({ 0, 22, 80, 443, 8080, 33000, 65535, 53 })[pick(8) + 1], rport = pick(65536),
      state = states and states[pick(#states) + 1] or pick(11) + 1,
      sendq = pick(4) == 0 and pick(100000) or 0,
      recvq = pick(4) == 0 and pick(1000) or 0, timer = timer,
      left = pick(pick(3) == 0 and 800000 or
      3000), retrans = pick(5), uid = pick(3) == 0 and pick(70000) or 0, probes = pick(4),
      inode = pick(3) == 0 and 0 or pick(1000000), kernel = pick(3) == 0 and 0 or pick(1 << 20),
      rest = ({ "20 4 30 10 -1", "100 0 0 10 0", "1000 40 31 2 7", "300 0 0 10 100000", "20 8 1 16",
        "" })[pick(6) + 1] })
  end
  return rows
end

-- ---- running --------------------------------------------------------------------------------

local nothing = { PROC_NET_TCP6 = "/dev/null", PROC_NET_UDP6 = "/dev/null",
  PROC_NET_RAW6 = "/dev/null" }

-- The environment that makes ss read these texts; tables of v6 that are not given are empty.
local function environment(texts)
  local env = {}
  for name, text in pairs(texts) do
    env["PROC_NET_" .. name] = S.temporary(text)
    local pair = "PROC_NET_" .. name .. "6"
    if nothing[pair] and not texts[name .. "6"] then
      env[pair] = nothing[pair]
    end
  end
  return env
end

local function check(texts, lines, widths)
  local env = environment(texts)
  local list = {}
  for _, line in ipairs(lines) do
    for _, cols in ipairs(widths or { false }) do
      list[#list + 1] = { line, { env = env, cols = cols or nil } }
    end
  end
  C.check_all(list)
end

local screens = { false, 20, 37, 60, 80, 100, 132, 200, 250 }

-- ---- tests ----------------------------------------------------------------------------------

TestInet = {}

function TestInet:test_tcp()
  check({ TCP = text_of("tcp", random_rows(40, 1, addresses)),
    TCP6 = text_of("tcp", random_rows(40, 2, addresses6)) }, { "-ta", "-tan", "-tano", "-tane",
    "-tanoemi", "-tanH", "-tanO", "-tanHOe", "-tln", "-tn", "-t4an", "-t6an", "-tanm", "-tani",
    "-tanp", "-tan state time-wait", "-tan sport = 80", "-tan src 127.0.0.1", "-tan dst 10/8",
    "-tan autobound", "-tan not dst [::1]", "-tan dport > 30000", "-tan dev lo", "-tan fwmark = 0",
    "-tan fwmark = 1", "-tan fwmark = 0 or sport = 80", "-tan --tos --cgroup --inet-sockopt" },
    { false, 80, 132 })
end

function TestInet:test_udp_and_raw()
  check({ UDP = text_of("tcp", random_rows(30, 3, addresses, datagram)),
    UDP6 = text_of("tcp", random_rows(30, 4, addresses6, datagram)),
    RAW = text_of("tcp", random_rows(20, 5, addresses, datagram)),
    RAW6 = text_of("tcp", random_rows(20, 6, addresses6, datagram)) }, { "-ua", "-uan", "-uane",
    "-uanoemi",
    "-wa", "-wan", "-wane", "-wuaO", "-wuanH", "-un", "-ul", "-wn", "-uan sport = 53",
    "-wan sport = 80" }, { false, 60, 250 })
end

function TestInet:test_widths()
  check({ TCP = text_of("tcp", random_rows(12, 7, addresses)) },
    { "-tan", "-tanoe", "-tanoemi", "-tanHO" }, screens)
end

function TestInet:test_timers()
  local lines = {}
  for timer = 0, 6 do
    for _, left in ipairs({ 0, 1, 10, 99, 100, 101, 150, 999, 1000, 1001, 5999, 6000, 6050, 53900,
      54000, 59999, 60000, 61000, 720000, 3276700 }) do
      lines[#lines + 1] = inet({ timer = timer, left = left, retrans = timer, rport = #lines,
        probes = left % 3 })
    end
  end
  check({ TCP = text_of("tcp", lines) }, { "-Htno", "-tnoO", "-tne" }, { false, 80, 120 })
end

function TestInet:test_states()
  local lines, plain = {}, {}
  for state = 1, 11 do
    lines[#lines + 1] = inet({ state = state, rport = state })
  end
  for i, state in ipairs(datagram) do
    plain[i] = inet({ state = state, rport = state })
  end
  check({ TCP = text_of("tcp", lines), UDP = text_of("tcp", plain), RAW = text_of("tcp", plain) },
    { "-tan", "-tn", "-tln", "-uan", "-un", "-uln", "-wan", "-tuwan", "-tan state closed",
      "-tan exclude established" })
end

function TestInet:test_queues()
  local lines = {}
  for i, n in ipairs({ 0, 1, 9999, 99999, 999999, 9999999, 0x7fffffff, 0x80000000, 0xffffffff }) do
    lines[#lines + 1] = inet({ recvq = n, sendq = 0xffffffff - n, rport = i })
    lines[#lines + 1] = inet({ state = 10, recvq = n, sendq = n, rport = i })
  end
  check({ TCP = text_of("tcp", lines) }, { "-tan", "-Htn", "-tlnO" }, { false, 40, 80 })
end

-- The numbers at a line's end: retransmission and acknowledgement timers, windows.
function TestInet:test_numbers()
  local lines = {}
  for i, rest in ipairs({ "", "1", "100", "100 0", "100 0 0", "100 0 0 10", "100 0 0 10 -1",
    "100 0 0 10 0", "100 0 1 10 7", "300 40 30 2 65534", "301 4 31 1 65535", "0 0 0 0 0",
    "20 4 31 4294967295 -1", "20 1 2 3 4 5 6", "x y z" }) do
    lines[#lines + 1] = inet({ rest = rest, rport = i })
    lines[#lines + 1] = inet({ rest = rest, rport = i, state = 10 })
  end
  check({ TCP = text_of("tcp", lines) }, { "-tani", "-tanei", "-tanoemiO", "-tanHi" })
end

-- The last row's details are not measured; a single row is a last row.
function TestInet:test_last_rows()
  local short, long = inet({ rport = 1 }), inet({ rport = 2, timer = 1, left = 100, retrans = 2 })
  for _, lines in ipairs({ { short, long }, { long, short }, { long }, { short }, {},
    { long, short, long }, { long, long } }) do
    check({ TCP = text_of("tcp", lines) }, { "-tno", "-tnoH", "-tnoe", "-tnO", "-tn" }, { false,
      60 })
  end
end

local function big_table(count, last)
  local lines = {}
  for i = 0, count - 1 do
    lines[#lines + 1] = inet({ number = i, laddr = "0101A8C0", raddr = "0101A8C0",
      rport = i % 60000 + 1 })
  end
  for _, line in ipairs(last) do
    lines[#lines + 1] = line
  end
  return text_of("tcp", lines)
end

-- A block of 5 MiB is laid out by itself; what is wide in a later one leaves the first as it is.
function TestInet:test_blocks()
  local wide = inet({ laddr = "FFFFFFFF", raddr = "FFFFFFFF", rport = 65535, timer = 1,
    left = 12345, retrans = 17 })
  local env = environment({ TCP = big_table(90000, { wide, inet({}) }) })
  for _, line in ipairs({ "-Htn", "-tno", "-tneO" }) do
    C.check(line, { env = env })
  end
  C.check("-tno", { env = env, cols = 70 })
  -- the reference's own widths do change here: else this test shows nothing
  local widths = {}
  for row in C.run(C.need_reference(), "-Htn", { env = env }).out:gmatch("[^\n]+") do
    widths[#row] = true
  end
  local count = 0
  for _ in pairs(widths) do
    count = count + 1
  end
  lu.assertTrue(count >= 2)
end

-- Around the end of a block: a row more or less moves it.
function TestInet:test_edges_of_blocks()
  local wide = inet({ laddr = "FFFFFFFF", raddr = "FFFFFFFF", rport = 65535 })
  for _, count in ipairs({ 62030, 62038, 62039, 62040, 62041, 62042, 62050 }) do
    C.check("-Htn", { env = environment({ TCP = big_table(count, { wide }) }) })
  end
end

function TestInet:test_odd_lines()
  local good = inet({ rport = 1 })
  local odd = { good, good:lower(), good:gsub("%s+", " "), good .. " and more", "\t" .. good,
    good:gsub(": ", ":", 1), good:gsub("^%s*0:", "99999999:"), good .. (" 1"):rep(30) }
  for i, line in ipairs(odd) do
    check({ TCP = text_of("tcp", { good, line, good }) }, { "-tnoe" })
    lu.assertTrue(i > 0)
  end
  -- no line but the header, nothing at all, lines of another kind
  for _, text in ipairs({ headers.tcp .. "\n", headers.tcp, "", "\n",
    headers.tcp .. "\n" .. good .. "\r\n" }) do
    check({ TCP = text }, { "-tn", "-tnH" })
  end
end

function TestInet:test_files_that_are_not_there()
  local list = {}
  for _, name in ipairs({ "TCP", "UDP", "RAW", "UNIX", "PACKET", "NETLINK" }) do
    local env = { ["PROC_NET_" .. name] = "/no/such/file" }
    list[#list + 1] = { "-tan", { env = name == "TCP" and env or { PROC_NET_TCP = "/no/such" } } }
    list[#list + 1] = { ({ TCP = "-tn", UDP = "-uan", RAW = "-wan", UNIX = "-xan", PACKET = "-0an",
      NETLINK = "-an -f netlink" })[name], { env = env } }
  end
  C.check_all(list)
end

TestOthers = {}

function TestOthers:test_unix()
  local lines = {
    "0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/x.sock",
    "0000000000000000: 00000003 00000000 00000000 0001 03 12346 /run/x.sock",
    "0000000000000000: 00000003 00000000 00000000 0001 03 12347",
    "0000000000000000: 00000002 00000000 00000000 0002 01 12348 @abstract",
    "0000000000000000: 00000002 00000000 00000000 0005 01 12349 @seq@@x",
    "ffff888000000001: 0000000A 00000000 00010000 0005 01 12350 /path with blanks",
    "0000000000000000: 00000002 00000000 00000000 0001 02 12351",
    "0000000000000000: 00000002 00000000 00000000 0001 04 12352 x",
    "0000000000000000: 00000002 00000000 00000000 0002 01 12353 name",
    "0000000000000000: 00000002 00000000 00000000 0002 03 2147483647 *",
    "0000000000000000: 00000002 00000000 00000000 0001 01 0 " .. ("p"):rep(107),
  }
  check({ UNIX = text_of("unix", lines) }, { "-xa", "-xan", "-x", "-xl", "-xae", "-xam", "-xaO",
    "-xaH", "-xap", "-xa src *x*", "-xa src @*", "-xa autobound", "-aA u_dgr", "-aA u_seq",
    "-x state established", "-xa sport = 1" }, { false, 50, 132 })
end

function TestOthers:test_packet()
  local lines = {
    "0000000000000000 3      3    0003   1     1 0      0      1001",
    "0000000000000000 3      2    0800   0     1 12345  1000   1002",
    "ffff888000000001 3      3    88cc   2     0 0      0      1003",
    "0000000000000000 3      10   0806   99999 1 1      70000  0",
    "0000000000000000 3      3    1234   1     1 4294967295 0 4294967295",
  }
  check({ PACKET = text_of("packet", lines) }, { "-0a", "-0an", "-0", "-0e", "-0ae", "-0aem",
    "-0aO",
    "-0aH", "-0aep", "-A p_raw -a", "-A p_dgr -a", "-0an src link:*:lo", "-0an src ip" },
    { false, 40, 100 })
end

function TestOthers:test_netlink()
  local lines = {
    "0000000000000000 0   0          00000000 0        0        0     2        0        1001",
    "0000000000000000 0   4000001    00000051 0        0        0     2        0        1002",
    "ffff888000000001 4   0          00000000 832      0        0     2        0        1003",
    "0000000000000000 15  4294967295 00000001 0        9        0     2        3        1004",
    "0000000000000000 16  -4096      ffffffff 12345678 0        1     2        0        1005",
    "0000000000000000 31  5000000    00000000 0        0        0     2        0        1006",
    "0000000000000000 99  5000001    00000000 0        0        0     2        0        1007",
  }
  check({ NETLINK = text_of("netlink", lines) }, { "-a -f netlink", "-an -f netlink",
    "-e -f netlink",
    "-em -f netlink", "-O -f netlink", "-H -f netlink", "-n -f netlink src netlink:*",
    "-n -f netlink src netlink:rtnl", "-p -f netlink" }, { false, 50, 120 })
end

local sockstat = "sockets: used %s\nTCP: inuse %s orphan %s tw %s alloc %s mem 8\n"
  .. "UDP: inuse 9 mem 1\n"
  .. "UDPLITE: inuse 3\nRAW: inuse 2\nFRAG: inuse 1 memory 4096\n"
local sockstat6 = "TCP6: inuse %s\nUDP6: inuse 4\nUDPLITE6: inuse 1\nRAW6: inuse 5\n"
  .. "FRAG6: inuse 6 memory 0\n"
local snmp = "Ip: Forwarding DefaultTTL\nIp: 1 64\nTcp: RtoAlgorithm RtoMin RtoMax MaxConn"
  .. " ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs\n"
  .. "Tcp: 1 200 120000 -1 10 20 30 40 %s 60\n"

function TestOthers:test_summary()
  for _, n in ipairs({ 0, 1, 12345, 999999999 }) do
    check({ SOCKSTAT = sockstat:format(n, n, n // 3, n // 2, n),
      SOCKSTAT6 = sockstat6:format(n // 5),
      SNMP = snmp:format(n) }, { "-s", "-sH" }, { false, 40 })
  end
  -- what an old kernel, or one without IPv6, says
  check({ SOCKSTAT = "sockets: used 5\n", SOCKSTAT6 = "", SNMP = "" }, { "-s" })
  check({ SOCKSTAT = "", SOCKSTAT6 = "", SNMP = "Tcp: CurrEstab\nTcp: 7\n" }, { "-s" })
  check({ SOCKSTAT = "TCP: alloc 9 inuse 4\nnonsense\nUDP:\n\nRAW: inuse x\n",
    SOCKSTAT6 = "TCP6:\n",
    SNMP = "Tcp: A B\nTcp: 1\n" }, { "-s" })
end

C.summary_last()

S.main()
