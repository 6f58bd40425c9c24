-- The source `limits`: what is allowed as sysctl tells it, what is used as other sources do.
-- luacheck: globals limits sockets counters

local lu = require("luaunit")
local S = require("support")

S.inside({
  "listen=127.0.0.1:80", "conn=127.0.0.1:8000*7", "noaccept=127.0.0.1:81*3", "udp=127.0.0.1:53",
})

local holder = tonumber(os.getenv("SOCKMAKER_PID"))
local sys = "/proc/sys/"

local function sysctl(name)
  local file = io.open(sys .. name:gsub("%.", "/"))
  if not file then
    return nil
  end
  local text = file:read("a")
  file:close()
  return text
end

local function set(name, value)
  local file = assert(io.open(sys .. name:gsub("%.", "/"), "w"))
  assert(file:write(value, "\n"))
  assert(file:close())
end

local fails = S.fails

TestValues = {}

local columns = { tcp_mem_low = 1, tcp_mem_pressure = 2, tcp_mem = 3, udp_mem = 3 }
local counted = { ports = true, udp_ports = true, reserved_ports = true }

local function check_values(rows)
  local n = 0
  for _, l in ipairs(rows) do
    if not counted[l.name] then
      local words = {}
      for word in sysctl(l.sysctl):gmatch("%d+") do
        words[#words + 1] = math.tointeger(tonumber(word))
      end
      lu.assertEquals(l.value, words[columns[l.name] or 1], l.name)
      n = n + 1
    end
    lu.assertEquals({ type(l.doc), type(l.unit), l.netns }, { "string", "string" })
  end
  return n
end

function TestValues:test_each_is_what_sysctl_tells()
  lu.assertTrue(check_values(limits:list()) >= 4)
  lu.assertEquals(limits.somaxconn.value, tonumber(sysctl("net.core.somaxconn")))
  lu.assertEquals(limits.file_max.sysctl, "fs.file-max")
end

-- The namespace that the tests were started in; the first one has settings that no other has.
local outside = S.read_file("/proc/" .. holder .. "/stat"):match("^.*%) %a (%d+)")

function TestValues:test_those_of_the_first_namespace()
  local rows = S.run({ "nsenter", "-t", outside, "-n", S.connsh_path(), "-e", [[
    for _, l in ipairs(limits:list()) do
      local file = io.open("/proc/sys/" .. l.sysctl:gsub("%.", "/"))
      print(l.name, l.value, l.used, (file:read("a"):gsub("%s+", " ")))
    end
    for _, name in ipairs({ "net.ipv4.tcp_mem", "net.ipv4.udp_mem", "net.ipv4.tcp_max_orphans",
      "net.ipv4.neigh.default.gc_thresh3", "net.ipv6.neigh.default.gc_thresh3",
      "net.core.somaxconn" }) do
      local file = io.open("/proc/sys/" .. name:gsub("%.", "/"))
      print("there", name, file ~= nil, #limits { sysctl = name } > 0)
    end]] })
  lu.assertEquals({ rows.code, rows.err }, { 0, "" })
  for name, value, used, text in rows.out:gmatch("(%S+)\t(%d+)\t(%w+)\t([^\t\n]*)\n") do
    local words = {}
    for word in text:gmatch("%d+") do
      words[#words + 1] = tonumber(word)
    end
    if not counted[name] then
      lu.assertEquals(tonumber(value), words[columns[name] or 1], name)
      lu.assertNotNil(tonumber(used), name)
    end
  end
  local n = 0
  for name, file, row in rows.out:gmatch("there\t(%S+)\t(%a+)\t(%a+)\n") do
    lu.assertEquals(row, file, name)
    n = n + 1
  end
  lu.assertEquals(n, 6)
end

function TestValues:test_what_is_not_there_is_no_row()
  for _, name in ipairs({ "net.ipv4.tcp_mem", "net.netfilter.nf_conntrack_max" }) do
    lu.assertEquals(limits { sysctl = name }:count() > 0, sysctl(name) ~= nil, name)
  end
end

TestUse = {}

function TestUse:test_from_sockstat()
  lu.assertEquals(limits.tcp_max_tw_buckets.used, counters.SockstatTCPTw)
  lu.assertEquals(limits.ipfrag.used, 0)
  lu.assertEquals(limits.ip6frag.used, 0)
end

function TestUse:test_ports()
  local range = sysctl("net.ipv4.ip_local_port_range")
  local lo, hi = range:match("(%d+)%s+(%d+)")
  lo, hi = tonumber(lo), tonumber(hi)
  local ports, distinct, n = limits.ports, {}, 0
  lu.assertEquals(ports.value, hi - lo + 1)
  lu.assertEquals(ports.range, lo .. "-" .. hi)
  for _, row in ipairs(S.ss("-ta")) do
    local port = tonumber(row.lport)
    if port and port >= lo and port <= hi and not distinct[port] then
      distinct[port] = true
      n = n + 1
    end
  end
  lu.assertTrue(n >= 7)
  lu.assertEquals(ports.used, n)
  lu.assertAlmostEquals(ports.share, n / (hi - lo + 1), 1e-12)
  local towards = sockets { raddr = "127.0.0.1", rport = 8000, lport = ports.range }
  lu.assertEquals(towards:distinct("lport"):count(), 7)
  local udp = sockets { proto = "udp", lport = ports.range }:distinct("lport"):count()
  lu.assertEquals(limits.udp_ports.used, udp)
end

function TestUse:test_reserved_ports_are_left_out()
  local name = "net.ipv4.ip_local_reserved_ports"
  local before, ports = sysctl(name), limits.ports
  local mine, used = sockets { rport = 8000, lport = ports.range }:first().lport, ports.used
  local ok, why = pcall(function()
    set(name, "1-3," .. mine .. ",40000-40009")
    local inside = 11 - ((mine >= 40000 and mine <= 40009) and 1 or 0)
    lu.assertEquals(limits.ports.value, ports.value - inside)
    lu.assertEquals(limits.ports.used, used - 1)
    lu.assertEquals(limits.reserved_ports.value, inside + 3)
    lu.assertNil(limits.reserved_ports.used)
    lu.assertNil(limits.reserved_ports.share)
  end)
  set(name, before)
  lu.assertTrue(ok, type(why) == "table" and why.msg or why)
end

function TestUse:test_the_longest_queue()
  local longest = 0
  for _, s in ipairs(sockets { proto = "tcp", state = "listen" }:list()) do
    longest = math.max(longest, s.recvq)
  end
  lu.assertTrue(longest >= 3)
  lu.assertEquals(limits.somaxconn.used, longest)
end

function TestUse:test_files()
  local low = tonumber(sysctl("fs.file-nr"):match("^%d+"))
  local used = limits.file_max.used
  -- other programs open and close some meanwhile
  lu.assertTrue(math.abs(used - low) < low / 2, used .. " of " .. low)
end

function TestUse:test_conntrack()
  if not sysctl("net.netfilter.nf_conntrack_count") then
    S.skip("no conntrack here")
  end
  lu.assertEquals(limits.conntrack.used, tonumber(sysctl("net.netfilter.nf_conntrack_count")))
end

function TestUse:test_it_is_asked_for_when_it_is_read()
  local l = limits { name = "ports" }:first()
  lu.assertEquals(l.value, limits.ports.value)
  lu.assertNotNil(l.used)
  lu.assertEquals(#limits { share = true }:list() > 5, true)
  lu.assertEquals(limits { used = false, name = "reserved_ports" }:count(), 1)
  lu.assertEquals(limits { { "share", ">", 2 } }:count(), 0)
  lu.assertStrContains(limits { { "share", ">", 2 } }:explain(), "and their use")
end

TestNames = {}

function TestNames:test_short_form_is_the_record()
  lu.assertEquals(limits.somaxconn.name, "somaxconn")
  lu.assertEquals(limits { unit = "ports" }.udp_ports.name, "udp_ports")
  fails(function() return limits.somaxcon end, "limits have no row 'somaxcon'; did you mean "
    .. "'somaxconn'?")
  fails(function() return limits { unit = "ports" }.somaxconn end, "no row 'somaxconn'")
  fails(function() return limits.share end, "share is a field of each limit")
  fails(function() return limits:rate(1) end, "limits have no counters")
end

function TestNames:test_other_namespaces()
  local result = S.run({ "unshare", "-n", S.connsh_path(), "-e",
    "print(limits.ports.used, limits{netns=" .. holder .. "}.ports.used)" })
  lu.assertEquals({ result.out, result.err },
    { "0\t" .. limits.ports.used .. "\n", "" })
end

-- A /proc/sys/net of ours: what this kernel lacks, and what no kernel writes.
TestMade = {}

local function made(texts, chunk)
  local script = { "mount -t tmpfs none /proc/sys/net || exit 77" }
  for name, text in pairs(texts) do
    local path = "/proc/sys/" .. name:gsub("%.", "/")
    script[#script + 1] = "mkdir -p " .. path:match("^(.*)/") .. " && printf '%b' '" .. text
      .. "' >" .. path
  end
  script[#script + 1] = 'exec "$@"'
  local result = S.run({ "unshare", "-m", "sh", "-c", table.concat(script, "\n"), "sh",
    S.connsh_path(), "-e", chunk })
  if result.code == 77 then
    S.skip("nothing can be mounted: " .. result.err)
  end
  lu.assertEquals(result.code, 0, result.err)
  return result.out
end

local show = "for _, l in ipairs(limits{sysctl='net.*'}:list()) do print(l.name, l.value, l.used)"
  .. " end"

function TestMade:test_nothing()
  lu.assertEquals(made({}, show), "")
end

function TestMade:test_conntrack()
  lu.assertEquals(made({
    ["net.netfilter.nf_conntrack_max"] = "65536\\n",
    ["net.netfilter.nf_conntrack_buckets"] = "16384\\n",
    ["net.netfilter.nf_conntrack_count"] = "4096\\n",
  }, show .. " print(limits.conntrack.share, limits.conntrack_buckets.share)"),
    "conntrack\t65536\t4096\nconntrack_buckets\t16384\t4096\n0.0625\t0.25\n")
end

function TestMade:test_hostile_texts()
  lu.assertEquals(made({
    ["net.core.somaxconn"] = "-5\\n",
    ["net.netfilter.nf_conntrack_max"] = "99999999999999999999\\n",
    ["net.netfilter.nf_conntrack_buckets"] = "0\\n",
    ["net.netfilter.nf_conntrack_count"] = "a\\0b\\033",
    ["net.ipv4.tcp_mem"] = "1 2",
    ["net.ipv4.tcp_max_tw_buckets"] = "",
    ["net.ipv4.ip_local_port_range"] = "50000 70000\\n",
    ["net.ipv4.ip_local_reserved_ports"] = "7,8,x,9\\n",
  }, "for _, l in ipairs(limits{sysctl='net.*'}:list()) do "
      .. "print(l.name, l.value, type(l.share)) end"),
    "reserved_ports\t2\tnil\ntcp_mem_low\t1\tnumber\ntcp_mem_pressure\t2\tnumber\n"
      .. "conntrack_buckets\t0\tnil\n")
end

function TestMade:test_a_range_without_reserved_ports()
  lu.assertEquals(made({ ["net.ipv4.ip_local_port_range"] = "1 65535" },
    "print(limits.ports.value, limits.ports.range, limits.ports.used == "
      .. "sockets{proto='tcp'}:distinct('lport'):count())"), "65535\t1-65535\ttrue\n")
end

S.main()
