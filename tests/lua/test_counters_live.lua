-- The source `counters`: every number of the files, by the name that nstat has for it.
-- luacheck: globals counters

local lu = require("luaunit")
local S = require("support")

local RATE = 200000

S.inside({
  "listen=127.0.0.1:80", "conn=127.0.0.1:8000*5", "traffic=127.0.0.1:7000*1,rate=" .. RATE,
})

local holder = tonumber(os.getenv("SOCKMAKER_PID"))

local fails = S.fails

-- Traffic goes on: what is read by us must lie between two readings of the other.
local function between(low, value, high, name)
  lu.assertTrue(low[name] <= value and value <= high[name],
    name .. ": " .. low[name] .. " <= " .. value .. " <= " .. high[name])
end

local gauges = {
  IpForwarding = true, IpDefaultTTL = true, TcpRtoAlgorithm = true, TcpRtoMin = true,
  TcpRtoMax = true, TcpMaxConn = true, TcpCurrEstab = true, MPTcpExtMPCurrEstab = true,
}

-- Files in which a line of names stands above one of numbers, read without connsh.
local function pairs_of(path, into)
  local file = assert(io.open("/proc/thread-self/" .. path))
  for names in file:lines() do
    local numbers = file:read("l")
    local label, rest = names:match("^(%w+):(.*)$")
    local values = {}
    for word in numbers:match(":(.*)$"):gmatch("%S+") do
      values[#values + 1] = math.tointeger(tonumber(word))
    end
    local i = 0
    for name in rest:gmatch("%S+") do
      i = i + 1
      into[label .. name] = values[i]
    end
  end
  file:close()
end

local function lines_of(path, into)
  for line in io.lines("/proc/thread-self/" .. path) do
    local name, value = line:match("^(%S+)%s+(%d+)")
    into[name] = tonumber(value)
  end
end

local function labels_of(path, into)
  for line in io.lines("/proc/thread-self/" .. path) do
    local label, rest = line:match("^(%w+): (.*)$")
    for name, value in rest:gmatch("(%w+) (%d+)") do
      local long = "Sockstat" .. label:sub(1, 1):upper() .. label:sub(2)
        .. name:sub(1, 1):upper() .. name:sub(2)
      into[long] = tonumber(value)
    end
  end
end

local files = {
  ["net/snmp"] = pairs_of, ["net/netstat"] = pairs_of, ["net/snmp6"] = lines_of,
  ["net/sockstat"] = labels_of, ["net/sockstat6"] = labels_of,
}

TestRows = {}

function TestRows:test_each_number_of_each_file()
  for path, read in pairs(files) do
    local before, after, ours, n = {}, {}, {}, 0
    read(path, before)
    for _, c in ipairs(counters { file = path }:list()) do
      lu.assertNil(ours[c.name], c.name .. " comes twice")
      lu.assertEquals({ c.file, c.cpu, c.netns }, { path })
      lu.assertEquals(c.name:sub(1, #c.group), c.group)
      ours[c.name] = c
    end
    read(path, after)
    for name in pairs(before) do
      lu.assertNotNil(ours[name], name)
      local gauge = gauges[name] or read == labels_of
      lu.assertEquals(ours[name].kind, gauge and "gauge" or "counter", name)
      if not gauge then
        between(before, ours[name].value, after, name)
      end
      ours[name] = nil
      n = n + 1
    end
    lu.assertNil(next(ours))
    lu.assertTrue(n > 3, path)
  end
end

function TestRows:test_settings_are_as_they_stand()
  local there = {}
  pairs_of("net/snmp", there)
  for _, name in ipairs({ "TcpMaxConn", "TcpRtoMin", "TcpRtoMax", "IpDefaultTTL" }) do
    lu.assertEquals(counters[name], there[name])
  end
  lu.assertEquals(counters.TcpMaxConn, -1)
  lu.assertTrue(counters.SockstatTCPInuse >= 12)
end

function TestRows:test_groups()
  lu.assertEquals(counters { group = "Tcp", name = "*CurrEstab" }:count(), 1)
  lu.assertEquals(counters { name = "IcmpMsgOutType3" }:first(), nil)
  S.run({ "ping", "-c1", "127.0.0.1" })
  local groups = {}
  for _, g in ipairs(counters:distinct("group"):list()) do
    groups[g.group] = true
  end
  for _, name in ipairs({ "Ip", "Icmp", "Tcp", "Udp", "TcpExt", "IpExt", "Ip6", "Icmp6", "Udp6",
    "UdpLite6", "SockstatTCP", "SockstatSockets", "SockstatTCP6", "Softnet" }) do
    lu.assertTrue(groups[name], name)
  end
end

function TestRows:test_nstat_has_the_same_names()
  local result = S.run({ "nstat", "-asz" })
  if result.code ~= 0 then
    S.skip("no nstat on this system")
  end
  local n, ours = 0, {}
  for _, c in ipairs(counters { cpu = false }:list()) do
    ours[c.name] = true
  end
  for name in result.out:gmatch("\n(%w+) +%d+") do
    lu.assertTrue(ours[name], name)
    n = n + 1
  end
  lu.assertTrue(n > 200)
end

function TestRows:test_one_file_is_read_for_a_condition_on_it()
  local q = counters { file = "net/snmp6" }
  lu.assertTrue(#q > 50)
  lu.assertStrContains(q:explain(), "net/snmp6")
  lu.assertNil(q:explain():find("netstat", 1, true))
  lu.assertEquals({ q.source, q.complete }, { "proc", true })
  lu.assertEquals(counters { file = "net/none" }:count(), 0)
end

TestSoftnet = {}

local columns = {
  SoftnetProcessed = 1, SoftnetDropped = 2, SoftnetTimeSqueeze = 3, SoftnetReceivedRps = 10,
  SoftnetFlowLimit = 11,
}

local function softnet()
  local cpus = {}
  for line in io.lines("/proc/net/softnet_stat") do
    local words = {}
    for word in line:gmatch("%x+") do
      words[#words + 1] = tonumber(word, 16)
    end
    local row = {}
    for name, column in pairs(columns) do
      row[name] = words[column]
    end
    cpus[words[13]] = row
  end
  return cpus
end

function TestSoftnet:test_each_processor_and_all()
  local before, rows, after, sums, n = softnet(), counters { group = "Softnet" }:list(), softnet(),
    {}, 0
  for _, c in ipairs(rows) do
    if c.cpu and columns[c.name] then
      between(before[c.cpu], c.value, after[c.cpu], c.name)
      sums[c.name] = (sums[c.name] or 0) + c.value
      n = n + 1
    end
  end
  lu.assertTrue(n >= 5)
  for _, c in ipairs(rows) do
    if not c.cpu and columns[c.name] then
      lu.assertEquals(c.value, sums[c.name])
    end
  end
  lu.assertEquals(counters { name = "SoftnetDropped", cpu = false }:count(), 1)
  local some = next(before)
  between(before[some], counters { cpu = some }.SoftnetProcessed, softnet()[some],
    "SoftnetProcessed")
end

TestNames = {}

function TestNames:test_short_form_is_the_value()
  lu.assertEquals(counters.IpDefaultTTL, 64)
  lu.assertEquals(counters.TcpPassiveOpens, counters { name = "TcpPassiveOpens" }:first().value)
  lu.assertTrue(counters.TcpPassiveOpens >= 6)
  lu.assertEquals(counters { kind = "counter" }.TcpPassiveOpens, counters.TcpPassiveOpens)
end

function TestNames:test_unknown_names()
  fails(function() return counters.TcpExtListenOverflow end,
    "counters have no row 'TcpExtListenOverflow'", "did you mean 'TcpExtListenOverflows'?")
  fails(function() return counters["Tcp*"] end, "counters have no row 'Tcp*'")
  fails(function() return counters["a\0b"] end, "counters have no row")
  fails(function() return counters["a\27b\n"] end, "counters have no row 'a\\x1bb\\x0a'")
  fails(function() return counters[""] end, "counters have no row ''")
  -- not of those that the query has
  fails(function() return counters { group = "Udp" }.TcpInSegs end, "no row 'TcpInSegs'")
  fails(function() return counters { group = "nothing" }.TcpInSegs end, "no row 'TcpInSegs'")
  -- fields and methods are what they were
  fails(function() return counters.value end, "value is a field of each counter")
  lu.assertEquals(type(counters.first), "function")
  fails(function() return counters:rate(0.01).TcpInSegs end, "a query has no method")
end

function TestNames:test_other_namespaces()
  local result = S.run({ "unshare", "-n", S.connsh_path(), "-e",
    "print(counters.TcpPassiveOpens, counters{netns=" .. holder .. "}.TcpPassiveOpens > 5,"
      .. "counters{netns=" .. holder .. ", name='TcpPassiveOpens'}:first().netns)" })
  lu.assertEquals({ result.out, result.err }, { "0\ttrue\t" .. holder .. "\n", "" })
end

TestRates = {}

-- The sender sleeps between two writes, and a busy machine may wake it late: one of a few must
-- be near.
function TestRates:test_octets_of_the_namespace()
  local seen = {}
  for i = 1, 5 do
    local c = counters { name = "IpExtInOctets" }:rate(1):first()
    seen[i] = c.value_rate
    -- headers and acknowledgements too
    if seen[i] >= RATE and seen[i] < RATE * 1.5 then
      return
    end
  end
  lu.fail("octets a second: " .. table.concat(seen, ", "))
end

function TestRates:test_gauges_have_none()
  local n = 0
  for _, c in ipairs(counters:rate(0.1):list()) do
    lu.assertEquals(c.value_rate == nil, c.kind == "gauge", c.name)
    n = n + 1
  end
  lu.assertEquals(n, #counters)
  lu.assertTrue(counters:rate(0.2):sort("-value_rate"):first().value_rate > 0)
end

-- A /proc of ours: files that are not there, and texts that no kernel writes.
TestMade = {}

local function made(texts)
  local script = { "mount -t tmpfs none /proc || exit 77", "mkdir -p /proc/thread-self/net" }
  for name, text in pairs(texts) do
    script[#script + 1] = "printf '%b' '" .. text .. "' >/proc/thread-self/net/" .. name
  end
  script[#script + 1] = 'exec "$@"'
  local result = S.run({ "unshare", "-m", "sh", "-c", table.concat(script, "\n"), "sh",
    S.connsh_path(), "-e", "for _, c in ipairs(counters:list()) do io.write("
      .. "c.group, ' ', c.name, ' ', c.value, ' ', c.kind, ' ', c.cpu or '-', '\\n') end" })
  if result.code == 77 then
    S.skip("nothing can be mounted: " .. result.err)
  elseif result.err:find("LeakSanitizer has encountered a fatal error", 1, true) then
    S.skip("the sanitizer cannot do without /proc")
  end
  lu.assertEquals({ result.code, result.err }, { 0, "" })
  return result.out
end

function TestMade:test_nothing()
  lu.assertEquals(made({}), "")
  lu.assertEquals(made({ snmp = "", snmp6 = "", sockstat = "", softnet_stat = "" }), "")
end

function TestMade:test_large_and_unknown_numbers()
  lu.assertEquals(made({
    snmp = "New: A B\\nNew: 18446744073709551615 9223372036854775808\\n",
    snmp6 = "Ip6New 7\\nPlain 8\\n",
    sockstat6 = "NEW6: thing 9\\n",
  }), "New NewA -1 counter -\nNew NewB -9223372036854775808 counter -\n"
    .. "Ip6 Ip6New 7 counter -\nPlain Plain 8 counter -\n"
    .. "SockstatNEW6 SockstatNEW6Thing 9 gauge -\n")
end

function TestMade:test_damaged()
  lu.assertEquals(made({
    snmp = "Ip: A B\\nIp: 1 \\000\\033 \\nTcp: C\\nUdp: D\\nUdp: 5\\nTcp: 6",
    sockstat = "TCP: inuse\\nUDP: inuse x mem 3\\n: a 1\\n",
  }), "Ip IpA 1 counter -\nUdp UdpD 5 counter -\nSockstatUDP SockstatUDPMem 3 gauge -\n")
end

-- An old kernel has fewer columns and does not number the processors; a word is no number.
function TestMade:test_softnet()
  local old = made({ softnet_stat = "0000000a 00000001 zz\\nffffffff\\n\\n" })
  lu.assertEquals(old, "Softnet SoftnetProcessed 4294967305 counter -\n"
    .. "Softnet SoftnetDropped 1 counter -\nSoftnet SoftnetProcessed 10 counter 0\n"
    .. "Softnet SoftnetDropped 1 counter 0\nSoftnet SoftnetProcessed 4294967295 counter 1\n")
  local new = made({ softnet_stat = "1 2 3 0 0 0 0 0 0 4 5 6 1f 7 8 9 9 9\\n" })
  lu.assertEquals(new:match("SoftnetBacklogLen %d+ gauge %d+"), "SoftnetBacklogLen 6 gauge 31")
  lu.assertEquals(new:match("SoftnetProcessQlen %d+ gauge %-"), "SoftnetProcessQlen 8 gauge -")
  lu.assertEquals(select(2, new:gsub("\n", "")), 16)
end

S.main()
