-- Routes that are many, and routes of many paths: half a million in memory that does not grow,
-- a thousand paths whole, and three thousand, which no message of the kernel holds, not lost
-- without a word.
-- luacheck: globals routes route connsh

local lu = require("luaunit")
local S = require("support")

local ROUTES = 500000

assert(S.run([[
set -e
ip link set lo up
ip link add v0 type veth peer name v1
ip link set v0 addrgenmode none
ip link set v1 addrgenmode none
ip link set v0 up
ip link set v1 up
ip addr add 10.0.0.1/16 dev v0
ip addr add fd00::1/64 dev v0 nodad
for i in 1 2 3; do ip route add 1.1.1.$i dev v0; ip route add 200.1.1.$i dev v0 proto bgp; done
]]).code == 0, "the namespace could not be made")

-- One route of so many paths, as tests/tool/routemaker.c says.
local function make(...)
  local result = S.run({ (os.getenv("BUILD") or "build") .. "/tests/routemaker", ... })
  lu.assertEquals(result.code, 0, result.err)
end

TestPaths = {}

function TestPaths:test_1000_come_whole()
  make("20.0.0.1", 1000, "v0", 254, 99)
  local q = routes { dst = "20.0.0.1" }
  local r = q:list()[1]
  lu.assertTrue(q.complete)
  lu.assertEquals(#r.nexthops, 1000)
  for i, hop in ipairs(r.nexthops) do
    lu.assertEquals(hop.gateway, ("10.0.%d.%d"):format((i + 1) >> 8, (i + 1) & 255))
    lu.assertEquals({ hop.dev, hop.weight, hop.flags }, { "v0", 1 + (i - 1) % 200, { "onlink" } })
  end
  lu.assertEquals(#routes { gateway = "10.0.3.233" }, 1)
  lu.assertEquals(#routes { gateway = "10.0.3.234" }, 0)
  lu.assertErrorMsgContains("Message too long", route, "20.0.0.1", { fibmatch = true })
  local result = S.connsh("-q", "routes{proto=99}", "-o", "json", "--columns", "nexthops")
  lu.assertEquals(select(2, result.out:gsub('"gateway":', "")), 1000)
  S.run("ip route del 20.0.0.1")
end

-- Linux takes such a route and ends each dump before it, with the end mark of a whole one.
local function cut_off(family, what, filters)
  connsh.accept_incomplete()
  for _, filter in ipairs(filters) do
    filter.family = family
    local q = routes(filter)
    q:list()
    lu.assertEquals(q.complete, false)
    lu.assertEquals(q.warnings, { "the kernel left " .. what .. " routes out: one has more paths"
      .. " than fit a message of its own, and no route behind it was listed" })
  end
end

function TestPaths:test_3000_are_not_lost_without_a_word()
  make("99.9.9.9", 1900, "v0", 100)
  make("99.9.9.10", 10, "v0", 100)
  -- the first route of a dump, which has to fit its first part
  local q = routes { table = 100 }
  lu.assertEquals({ #q:list()[1].nexthops, #q, q.complete }, { 1900, 2, true })
  make("99.9.9.9", 3000, "v0", 300)
  cut_off("inet", "IPv4", { {}, { table = 300 }, { dev = "v0" }, { proto = "boot" } })
  q = routes { family = "inet6" }
  lu.assertTrue(#q > 0 and q.complete)
  local result = S.connsh("-p", "#routes")
  lu.assertEquals(result.code, 3)
  lu.assertStrContains(result.err, "the kernel left IPv4 routes out")
  S.run("ip route del 99.9.9.9 table 300") -- ip cannot flush what it cannot list
  q = routes { family = "inet" }
  lu.assertTrue(#q > 6 and q.complete)
  S.run("ip route flush table 100")
end

function TestPaths:test_ipv6_too()
  make("fd99::9", 500, "v0")
  local q = routes { dst = "fd99::9" }
  lu.assertEquals({ #q:list()[1].nexthops, q.complete }, { 500, true })
  S.run("ip -6 route del fd99::9")
  make("fd99::9", 2500, "v0")
  cut_off("inet6", "IPv6", { {}, { table = "main" }, { dev = "v0" } })
  S.run("ip -6 route del fd99::9")
  q = routes { family = "inet6" }
  lu.assertTrue(#q > 0 and q.complete)
end

-- ---- many --------------------------------------------------------------------------------------

-- /proc/self/status of a run that counts, in KiB at most.
local peak_script = [[
local n, metric, one = 0, 0, routes%s
for r in one do n, metric = n + 1, metric + r.metric end
local status = io.open("/proc/self/status"):read("a")
print(n, metric, one.complete, status:match("VmHWM:%%s*(%%d+)"))
]]

local function run_loop(filter)
  -- a sanitizer keeps what was freed, which is no memory of ours
  local options = (os.getenv("ASAN_OPTIONS") or "") .. ":quarantine_size_mb=1"
  local result = S.run({ S.connsh_path(), "-e", peak_script:format(filter) },
    { env = { ASAN_OPTIONS = options } })
  lu.assertEquals({ result.code, result.err }, { 0, "" })
  local n, metric, complete, peak = result.out:match("^(%d+)\t(%d+)\t(%w+)\t(%d+)\n$")
  return tonumber(n), tonumber(metric), complete, tonumber(peak)
end

TestThousands = {}

function TestThousands:test_half_a_million_stream()
  local _, _, _, few = run_loop("{table=500}")
  local file = S.temporary()
  local out = assert(io.open(file, "w"))
  local sum = 0
  for i = 0, ROUTES - 1 do
    out:write(("route add %d.%d.%d.0/24 via 10.0.0.%d table 500 metric %d\n"):format(
      20 + (i >> 16), i >> 8 & 255, i & 255, 2 + i % 200, i % 7))
    sum = sum + i % 7
  end
  out:close()
  lu.assertEquals(S.run({ "ip", "-batch", file }).code, 0)
  local n, metric, complete, peak = run_loop("{table=500}")
  lu.assertEquals({ n, metric, complete }, { ROUTES, sum, "true" })
  -- what one route more would take, times half a million, is far above this
  lu.assertTrue(peak < few + 4096, peak .. " KiB, with no routes " .. few)
  lu.assertEquals(#routes { table = 500, gateway = "10.0.0.77" }, ROUTES // 200)
  lu.assertEquals(routes { table = 500 }:top(1, "gateway"):first().count, ROUTES // 200)
  lu.assertEquals(#routes { table = 500, dst = "23.4.5.0/24" }, 1)
end

S.main()
