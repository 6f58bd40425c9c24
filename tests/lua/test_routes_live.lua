-- The sources `routes`, `nexthops`, `rules` and the function route beside real routes of every
-- kind: what connsh says is what ip and /proc say.
-- luacheck: globals routes nexthops rules route sockets

local lu = require("luaunit")
local S = require("support")
local json = require("json")

local setup = [[
set -e
ip link set lo up
ip link add v0 type veth peer name v1
ip link set v0 addrgenmode none
ip link set v1 addrgenmode none
ip link set v0 up
ip link set v1 up
ip addr add 10.0.0.1/24 dev v0
ip addr add fd00::1/64 dev v0 nodad
ip addr add fe80::1/64 dev v0 nodad
ip route add 10.1.0.0/16 nexthop via 10.0.0.2 weight 2 nexthop via 10.0.0.3 dev v0 weight 5 onlink
ip route add 10.2.0.0/16 via inet6 fd00::2 dev v0
ip route add 10.5.0.0/16 nexthop via inet6 fd00::2 dev v0 weight 3 \
  nexthop via 10.0.0.4 nexthop dev v1
ip route add 10.8.0.0/16 via 10.0.0.2 src 10.0.0.1 mtu lock 1400 window 65535 rtt 100ms \
  rttvar lock 50ms ssthresh 10 cwnd lock 4 advmss 1360 reordering 5 hoplimit 40 initcwnd 20 \
  initrwnd 21 features ecn quickack 1 congctl lock cubic rto_min 300ms
ip route add 10.8.0.0/16 via 10.0.0.2 src 10.0.0.1 mtu 1300 realm 3/5 metric 9
ip route add 10.8.0.0/16 via 10.0.0.2 tos 0x10 metric 9 fastopen_no_cookie 1
ip route add blackhole 10.10.0.0/16
ip route add unreachable 10.11.0.0/16 metric 4278198272
ip route add prohibit 10.12.0.0/16 table 4000000000
ip route add throw 10.13.0.0/16 table 100 proto 77
ip route add 10.14.0.0/16 dev v0 table 1000 proto bgp
ip route add default via 10.0.0.9 table 100
ip route add default via 10.0.0.9 dev v0 table 200 proto static
ip -6 route add fd01::/64 nexthop via fd00::2 weight 2 nexthop via fd00::3 weight 3
ip -6 route add fd05::/64 via fd00::2 expires 1000 mtu 1280 metric 7
ip -6 route add fd06::/64 from fd00::/64 via fd00::2 pref high
ip -6 route add unreachable fd07::/64
ip -6 route add default via fe80::9 dev v0 proto ra pref low
ip -6 route add fd08::/64 via fd00::2 dev v0 metric 1
ip -6 route add fd08::/64 via fd00::2 dev v0 metric 2
ip nexthop add id 1 via 10.0.0.2 dev v0
ip nexthop add id 2 via 10.0.0.3 dev v0 onlink proto zebra
ip nexthop add id 3 blackhole
ip nexthop add id 4 via fd00::2 dev v0
ip nexthop add id 5 dev v1
ip nexthop add id 10 group 1,3/2,256
ip nexthop add id 15 via 10.0.0.7 fdb
ip nexthop add id 16 group 15 fdb
ip route add 10.6.0.0/16 nhid 1
ip route add 10.7.0.0/16 nhid 10
ip rule add from 10.0.0.0/24 to 10.1.0.0/16 fwmark 0x10/0xff iif v0 oif lo tos 0x10 table 100 \
  pref 500 suppress_prefixlength 0 suppress_ifgroup 3 uidrange 0-100 ipproto tcp \
  sport 100-200 dport 80 realms 3/5
ip rule add not fwmark 7 table 4000000000 pref 600 protocol 77
ip rule add from 10.9.9.9 goto 700 pref 650
ip rule add from 10.9.9.8 goto 32000 pref 651
ip rule add to 10.9.9.9 nop pref 700
ip rule add blackhole iif gone0 pref 710
ip rule add prohibit dport 53 ipproto udp pref 711
ip rule add unreachable uidrange 5-6 pref 712
ip rule add tun_id 77 table 100 pref 713
ip rule add l3mdev pref 999
ip -6 rule add from fd00::/64 fwmark 9 table 55 pref 3
ip rule add fwmark 0/0xff table 100 pref 714
]]

local made = S.run(setup)
assert(made.code == 0, "the namespace could not be made: " .. made.err)

-- What a kernel or an ip may lack.
local function can(command)
  return S.run(command).code == 0
end

local has = {
  ip = can("ip route add 10.3.0.0/16 encap ip id 7 dst 10.9.9.9 ttl 5 dev v0"),
  seg6 = can("ip route add 10.4.0.0/16 encap seg6 mode encap segs fd00::5,fd00::6 dev v0"),
  ip6 = can("ip -6 route add fd04::/64 encap ip6 id 7 dst fd00::9 hoplimit 5 dev v0"),
  seg6local = can("ip -6 route add fd02::/64 encap seg6local action End.DX6 nh6 fd00::7 dev v0"),
  mpls = can("ip route add 10.20.0.0/16 encap mpls 100/200 via 10.0.0.2"),
  resilient = can("ip nexthop add id 11 group 1,5/2,7 type resilient buckets 32 idle_timer 60"),
  hop_encap = can("ip route add 10.21.0.0/16 nexthop encap ip id 8 dst 10.9.9.8 dev v0"
    .. " nexthop via 10.0.0.3"),
}

local function printed(command)
  local result = S.run(command)
  lu.assertEquals(result.code, 0, command .. ": " .. result.err)
  local list = {}
  for _, item in ipairs(result.out:find("%S") and json.decode(result.out) or {}) do
    if next(item) then
      list[#list + 1] = item
    end
  end
  return list
end

local function number(text)
  return math.tointeger(tonumber(text)) or text
end

local function joined(list)
  return list and table.concat(list, ",") or ""
end

-- ---- routes ----------------------------------------------------------------------------------

TestRoutes = {}

local function prefix(r)
  if r.dst_len == 0 then
    return "default"
  end
  return r.dst
end

-- A route as ip -j -d has it, made from a record.
local function paths_of_ip(list)
  local out = {}
  for i, hop in ipairs(list) do
    out[i] = table.concat({ hop.gateway or (hop.via and hop.via.host) or "-", hop.dev or "-",
      hop.weight, joined(hop.flags) }, " ")
  end
  return table.concat(out, "; ")
end

local function paths_of(r)
  local out = {}
  for i, hop in ipairs(r.nexthops or {}) do
    out[i] = table.concat({ hop.gateway or "-", hop.dev or "-", hop.weight, joined(hop.flags) },
      " ")
  end
  return table.concat(out, "; ")
end

local metrics = {
  mtu = "mtu", window = "window", ssthresh = "ssthresh", cwnd = "cwnd", advmss = "advmss",
  reordering = "reordering", hoplimit = "hoplimit", initcwnd = "initcwnd", initrwnd = "initrwnd",
}
local times = { rtt = "rtt", rttvar = "rttvar", rto_min = "rto_min" }

local function same_metrics(r, m)
  for name, key in pairs(metrics) do
    lu.assertEquals(r[name], m[key], name)
  end
  for name, key in pairs(times) do
    lu.assertEquals(r[name], m[key] and m[key] / 1000, name)
  end
  lu.assertEquals(r.quickack, m.quickack and m.quickack == 1 or nil)
  lu.assertEquals(r.cong, m.congestion)
  lu.assertEquals(joined(r.features), m.ecn and "ecn" or "")
  lu.assertEquals(r.fastopen_no_cookie, m.fastopen_no_cookie and m.fastopen_no_cookie == 1 or nil)
end

local function same_route(r, ip)
  lu.assertEquals(r.type, ip.type)
  if not ip.encap or ip.encap:find("^seg6") then
    lu.assertEquals(prefix(r), ip.dst)
  end
  lu.assertEquals(tostring(r.table), ip.table)
  lu.assertEquals(tostring(r.proto), ip.protocol)
  lu.assertEquals(r.scope, ip.scope)
  lu.assertEquals(r.metric, ip.metric or 0)
  lu.assertEquals(r.prefsrc, ip.prefsrc)
  lu.assertEquals(r.tos, number(ip.tos or 0))
  lu.assertEquals(r.pref, ip.pref)
  lu.assertEquals(r.nhid, ip.nhid)
  lu.assertEquals(r.error, ip.error)
  if not ip.encap then
    lu.assertEquals(r.src, ip.from)
  end
  lu.assertEquals(paths_of(r), paths_of_ip(ip.nexthops or {}))
  if ip.nexthops then
    lu.assertEquals(r.gateway, r.nexthops[1].gateway or r.nexthops[2].gateway)
  else
    lu.assertEquals(r.gateway, ip.gateway or (ip.via and ip.via.host))
    lu.assertEquals(r.dev, ip.dev)
    lu.assertEquals(joined(r.flags), joined(ip.flags))
  end
  lu.assertEquals(r.realm_from, number(ip.flow and ip.flow.from))
  lu.assertEquals(r.realm, number(ip.flow and ip.flow.to))
  same_metrics(r, ip.metrics and ip.metrics[1] or {})
  lu.assertEquals(r.expires ~= nil, ip.expires ~= nil)
  lu.assertFalse(r.cached)
  lu.assertEquals(r.encap, ip.encap)
end

-- In the kernel's order, family by family: the same routes, field by field.
function TestRoutes:test_every_field_is_what_ip_says()
  for _, family in ipairs({ "inet", "inet6" }) do
    local ip = printed("ip -j -d -f " .. family .. " route show table all")
    local ours = routes { family = family }:list()
    lu.assertEquals(#ours, #ip)
    for i, r in ipairs(ours) do
      lu.assertEquals(r.family, family)
      same_route(r, ip[i])
    end
  end
end

function TestRoutes:test_proc_lists_the_same_ipv6_routes()
  local seen, n = {}, 0
  for line in S.read_file("/proc/net/ipv6_route"):gmatch("[^\n]+") do
    local dst, len, _, _, gateway, metric, _, _, flags, dev =
      line:match("^(%x+) (%x+) (%x+) (%x+) (%x+) (%x+) (%x+) (%x+) (%x+) +(%S+)$")
    -- the entry that stands for "no route" is listed, and is none
    if not (dev == "lo" and metric == "ffffffff" and flags == "00200200") then
      seen[table.concat({ dst, tonumber(len, 16), gateway, tonumber(metric, 16), dev }, " ")] = true
      n = n + 1
    end
  end
  local function hex(address)
    local function groups(text)
      local hexes = text:gsub("(%x+):?", function(group) return ("0000" .. group):sub(-4) end)
      return hexes
    end
    local head, tail = address:match("^(.*)::(.*)$")
    head, tail = groups(head or address), groups(tail or "")
    return head .. ("0"):rep(32 - #head - #tail) .. tail
  end
  local zero = ("0"):rep(32)
  local function look(r, gateway, dev)
    local key = table.concat({ hex(r.dst:match("^[^/]+")), r.dst_len,
      gateway and hex(gateway) or zero, r.metric, dev or "lo" }, " ")
    lu.assertTrue(seen[key], key)
    n = n - 1
  end
  for r in routes { family = "inet6" } do
    if r.nexthops then
      for _, hop in ipairs(r.nexthops) do
        look(r, hop.gateway, hop.dev)
      end
    else
      look(r, r.gateway, r.dev)
    end
  end
  lu.assertEquals(n, 0)
end

function TestRoutes:test_metrics_and_their_locks()
  local r = routes { dst = "10.8.0.0/16", metric = 0 }:first()
  lu.assertEquals(r.locks, { "mtu", "rttvar", "cwnd", "rto_min", "cong" })
  lu.assertEquals(r.mtu, 1400)
  lu.assertEquals(r.rtt, 0.1)
  lu.assertEquals(r.rttvar, 0.05)
  lu.assertEquals(r.rto_min, 0.3)
  lu.assertEquals(r.features, { "ecn" })
  lu.assertEquals(#routes { locks = "cwnd" }, 1)
  lu.assertEquals(#routes { rtt = "100ms" }, 1)
  lu.assertNil(routes { metric = 9, tos = 0 }:first().locks)
end

function TestRoutes:test_kinds_of_conditions()
  lu.assertEquals(#routes { dst = "10.0.0.0/8", type = "blackhole" }, 1)
  lu.assertEquals(routes { dst_len = 0, table = 100 }:first().gateway, "10.0.0.9")
  lu.assertEquals(#routes { table = 4000000000 }, 1)
  lu.assertEquals(routes { table = 4000000000 }:first().table, 4000000000)
  lu.assertEquals(#routes { proto = 77 }, 1)
  lu.assertEquals(#routes { table = 4711 }, 0)
  lu.assertEquals(#routes { table = 4711, family = "inet6" }, 0)
  lu.assertEquals(#routes { dev = "nosuch" }, 0)
  lu.assertEquals(#routes { dev_index = 99999 }, 0)
  lu.assertEquals(routes { src = "fd00::/64" }:first().dst, "fd06::/64")
  lu.assertEquals(#routes { cached = true }, 0)
  lu.assertEquals(#routes { cached = false }, #routes)
end

-- What the kernel filters, and what is filtered here.
function TestRoutes:test_filters_of_the_kernel_change_nothing()
  local all = routes:list()
  local function matching(test)
    local n = 0
    for _, r in ipairs(all) do
      n = n + (test(r) and 1 or 0)
    end
    return n
  end
  for _, name in ipairs({ "type", "table", "proto", "family" }) do
    local values = {}
    for _, r in ipairs(all) do
      values[r[name]] = true
    end
    for value in pairs(values) do
      lu.assertEquals(#routes { [name] = value }, matching(function(r) return r[name] == value end),
        name .. "=" .. value)
    end
  end
  for _, dev in ipairs({ "lo", "v0", "v1" }) do
    local function leads_there(r)
      for _, hop in ipairs(r.nexthops or {}) do
        if hop.dev == dev then
          return true
        end
      end
      return r.dev == dev
    end
    lu.assertEquals(#routes { dev = dev }, matching(leads_there), dev)
  end
  local all_four = routes { table = 100, proto = "bgp", dev = "v0", type = "unicast" }
  lu.assertStrContains(all_four:explain(), "IPv4 routes, proto 186, type 1, table 100, device ")
end

function TestRoutes:test_a_condition_holds_if_it_does_of_any_path()
  lu.assertEquals(#routes { gateway = "10.0.0.4" }, 1)
  lu.assertEquals(#routes { gateway = "10.0.0.4", dst = "10.5.0.0/16" }, 1)
  lu.assertEquals(#routes { dst = "10.5.0.0/16", dev = "v1" }, 1)
  lu.assertEquals(#routes { dst = "10.1.0.0/16", { "gateway", "!=", "10.0.0.3" } }, 0)
  lu.assertEquals(#routes { nexthops = true, family = "inet6" }, 1)
  lu.assertEquals(#routes { nexthops = false } + #routes { nexthops = true }, #routes)
  lu.assertErrorMsgContains("it takes true or false", function()
    return #routes { nexthops = "10.0.0.1" }
  end)
end

-- Of one question all others can be answered.
function TestRoutes:test_recording()
  local all = ("%d\t%d\t%d\n"):format(#routes, #nexthops, #routes { table = "main" })
  for _, asked in ipairs({
    "#routes{table='main'}, #nexthops{dev='v0'}",
    "#routes{dev='v0'}, #nexthops{group=true}",
    "#routes{proto='bgp'}, #nexthops{fdb=true}",
    "#routes{type='blackhole'}, #nexthops{dev_index=1}",
  }) do
    local path = S.temporary("")
    local ask = "print(" .. asked .. ")"
    local live = S.connsh("--record", path, "-e", ask)
    lu.assertEquals({ live.err, live.code }, { "", 0 })
    lu.assertEquals(S.connsh("--replay", path, "-e", ask).out, live.out)
    local played = S.connsh("--replay", path, "-e",
      "print(#routes, #nexthops, #routes{table='main'})")
    lu.assertEquals({ played.out, played.err, played.code }, { all, "", 0 }, asked)
  end
end

-- ---- paths as values ---------------------------------------------------------------------------

TestPaths = {}

function TestPaths:test_records()
  local r = routes { dst = "10.1.0.0/16" }:first()
  lu.assertEquals(#r.nexthops, 2)
  local a, b = r.nexthops[1], r.nexthops[2]
  lu.assertEquals({ a.gateway, a.dev, a.dev_index, a.weight, a.flags },
    { "10.0.0.2", "v0", r.dev_index, 2 })
  lu.assertEquals({ b.gateway, b.dev, b.weight, b.flags }, { "10.0.0.3", "v0", 5, { "onlink" } })
  lu.assertErrorMsgContains("a nexthop has no field 'gatway'; did you mean 'gateway'?",
    function() return a.gatway end)
  local seen = {}
  for name in pairs(b) do
    seen[#seen + 1] = name
  end
  lu.assertEquals(seen, { "gateway", "dev", "dev_index", "weight", "flags" })
  lu.assertEquals(tostring(b), "nexthop 10.0.0.3 v0 5 onlink")
  lu.assertStrContains(tostring(r), " 2 nexthops ")
end

-- A path outlives the route that it is of.
function TestPaths:test_paths_stay()
  local path = routes { dst = "10.1.0.0/16" }:first().nexthops[2]
  collectgarbage()
  collectgarbage()
  lu.assertEquals({ path.gateway, path.dev }, { "10.0.0.3", "v0" })
end

function TestPaths:test_texts()
  local q = routes { dst = "10.1.0.0/16" }
  local row = json.decode(q:json())
  lu.assertEquals(#row.nexthops, 2)
  lu.assertEquals(row.nexthops[2].flags, { "onlink" })
  lu.assertEquals(row.nexthops[1].weight, 2)
  lu.assertNil(row.nexthops[1].flags)
  local text = "10.0.0.2 dev v0 weight 2, 10.0.0.3 dev v0 weight 5 flags onlink"
  lu.assertStrContains(q:csv(), '"' .. text .. '"')
  lu.assertStrContains(q:table(), text)
  lu.assertStrContains(q:vertical(), text)
  lu.assertStrContains(routes { dst = "10.5.0.0/16" }:csv(),
    '"fd00::2 dev v0 weight 3, 10.0.0.4 dev v0 weight 1, dev v1 weight 1"')
end

-- Rows of a query's result hold what they were made of, also when that is several lists.
function TestPaths:test_results_keep_them()
  local q = routes { dst = "10.0.0.0/8" }:select("dst", "nexthops", "locks", "flags", "features")
    :sort("dst")
  local seen = 0
  for r in q do
    local first = routes { dst = r.dst }:first()
    if r.nexthops then
      seen = seen + 1
      lu.assertEquals(paths_of(r), paths_of(first))
      lu.assertEquals(r.nexthops[1].dev, "v0")
    end
    lu.assertEquals(joined(r.locks), r.dst == "10.8.0.0/16" and joined(r.locks) or "")
  end
  lu.assertTrue(seen >= 3)
  local r = routes { metric = 0, dst = "10.8.0.0/16" }:select("features", "locks", "flags"):first()
  lu.assertEquals({ r.features, #r.locks, r.flags }, { { "ecn" }, 5 })
  lu.assertEquals(json.decode(routes { dst = "10.1.0.0/16" }:select("nexthops"):json()).nexthops,
    json.decode(routes { dst = "10.1.0.0/16" }:json()).nexthops)
  lu.assertEquals(#routes { nexthops = true }:distinct("nexthops"), #routes { nexthops = true })
  local other = routes { dst = "10.1.0.0/16" }:join(routes, "dst"):first()
  lu.assertEquals(other.other_nexthops[2].weight, 5)
end

-- ---- encapsulation -----------------------------------------------------------------------------

TestEncap = {}

function TestEncap:test_ip()
  if not has.ip then
    S.skip("this kernel has no encap ip")
  end
  local r = routes { encap = "ip", dst = "10.3.0.0/16" }:first()
  lu.assertEquals({ r.encap_id, r.encap_dst, r.encap_src, r.encap_ttl, r.encap_tos, r.encap_segs },
    { 7, "10.9.9.9", "0.0.0.0", 5, 0 })
  lu.assertEquals(#routes { encap_dst = "10.9.9.9" }, 1)
end

function TestEncap:test_ip6()
  if not has.ip6 then
    S.skip("this kernel has no encap ip6")
  end
  local r = routes { encap = "ip6" }:first()
  lu.assertEquals({ r.dst, r.encap_id, r.encap_dst, r.encap_ttl },
    { "fd04::/64", 7, "fd00::9", 5 })
end

function TestEncap:test_seg6()
  if not has.seg6 then
    S.skip("this kernel has no encap seg6")
  end
  local r = routes { encap = "seg6" }:first()
  lu.assertEquals({ r.encap_mode, r.encap_segs }, { "encap", { "fd00::5", "fd00::6" } })
  lu.assertEquals(#routes { encap_segs = "fd00::6" }, 1)
  lu.assertNil(r.encap_id)
end

function TestEncap:test_seg6local()
  if not has.seg6local then
    S.skip("this kernel has no encap seg6local")
  end
  local r = routes { encap = "seg6local" }:first()
  lu.assertEquals({ r.encap_action, r.encap_nexthop }, { "End.DX6", "fd00::7" })
  lu.assertEquals(#routes { encap_action = "end.dx6" }, 1)
end

function TestEncap:test_mpls()
  if not has.mpls then
    S.skip("this kernel has no encap mpls")
  end
  lu.assertEquals(routes { encap = "mpls" }:first().encap_labels, { 100, 200 })
end

function TestEncap:test_of_a_path()
  if not has.hop_encap then
    S.skip("this kernel has no encap ip in a path")
  end
  local hops = routes { dst = "10.21.0.0/16" }:first().nexthops
  lu.assertEquals({ hops[1].encap, hops[1].encap_id, hops[1].encap_dst }, { "ip", 8, "10.9.9.8" })
  lu.assertNil(hops[2].encap)
end

-- ---- nexthops --------------------------------------------------------------------------------

TestNexthops = {}

local function members_of(list)
  local out = {}
  for i, m in ipairs(list or {}) do
    out[i] = m.id .. " " .. (m.weight or 1)
  end
  return table.concat(out, "/")
end

local function same_nexthop(n, ip)
  lu.assertEquals(n.id, ip.id)
  lu.assertEquals(n.gateway, ip.gateway)
  lu.assertEquals(n.dev, ip.dev)
  lu.assertEquals(n.scope, ip.scope)
  lu.assertEquals(n.proto, ip.protocol)
  lu.assertEquals(joined(n.flags), joined(ip.flags))
  lu.assertEquals(members_of(n.group), members_of(ip.group))
  lu.assertEquals(n.group_type, ip.group and (ip.type or "mpath"))
  lu.assertEquals(n.fdb, ip.fdb ~= nil)
  if ip.group then
    lu.assertNil(n.blackhole)
  else
    lu.assertEquals(n.blackhole, ip.blackhole ~= nil)
  end
  local args = ip.resilient_args or {}
  lu.assertEquals(n.buckets, args.buckets)
  lu.assertEquals(n.idle_timer, args.idle_timer)
  lu.assertEquals(n.unbalanced_timer, args.unbalanced_timer)
  lu.assertEquals(n.unbalanced_time, args.unbalanced_time)
end

function TestNexthops:test_every_field_is_what_ip_says()
  local ip = printed("ip -j -d nexthop")
  local ours = nexthops:list()
  lu.assertEquals(#ours, #ip)
  for i, n in ipairs(ours) do
    same_nexthop(n, ip[i])
  end
end

function TestNexthops:test_conditions()
  lu.assertEquals(#nexthops { dev = "v0" }, #printed("ip -j nexthop show dev v0"))
  lu.assertEquals(#nexthops { group = true }, #printed("ip -j nexthop show groups"))
  lu.assertEquals(#nexthops { group = false } + #nexthops { group = true }, #nexthops)
  lu.assertEquals(#nexthops { fdb = true }, 2)
  lu.assertEquals(#nexthops { dev = "nosuch" }, 0)
  lu.assertEquals(#nexthops { dev_index = 99999 }, 0)
  lu.assertEquals(nexthops { blackhole = true }:first().id, 3)
  lu.assertEquals(nexthops { family = "inet6" }:first().gateway, "fd00::2")
  local r = routes { nhid = 10 }:first()
  lu.assertEquals(#r.nexthops, #nexthops { id = 10 }:first().group)
  lu.assertStrContains(nexthops { group = true }:explain(), "nexthops, groups only")
end

-- ---- rules -----------------------------------------------------------------------------------

TestRules = {}

local function address(base, len)
  if base == "all" or base == nil then
    return nil
  end
  return len and base .. "/" .. len or base
end

local function range(ip, name)
  return ip[name .. "_start"] or ip[name], ip[name .. "_end"] or ip[name]
end

local actions = { "goto", "nop", "blackhole", "unreachable", "prohibit" }

local function same_target(r, ip)
  local action = "to_tbl"
  for _, name in ipairs(actions) do
    if ip[name] or ip.action == name then
      action = name
    end
  end
  lu.assertEquals(r.action, action)
  lu.assertEquals(r.target, ip["goto"] and number(ip["goto"]))
  lu.assertEquals(r.table and tostring(r.table), ip.table)
end

local function same_rule(r, ip)
  lu.assertEquals(r.priority, ip.priority)
  lu.assertEquals(r.src, address(ip.src, ip.srclen))
  lu.assertEquals(r.dst, address(ip.dst, ip.dstlen))
  lu.assertEquals(r.iif, ip.iif)
  lu.assertEquals(r.oif, ip.oif)
  lu.assertEquals(r.mark, number(ip.fwmark))
  lu.assertEquals(r.mark_mask, ip.fwmark and number(ip.fwmask or "0xffffffff"))
  lu.assertEquals(r.tos, number(ip.tos or 0))
  same_target(r, ip)
  lu.assertEquals({ r.uid_start, r.uid_end }, { ip.uid_start, ip.uid_end })
  lu.assertEquals(r.ip_proto, ip.ipproto)
  local sport = table.pack(range(ip, "sport"))
  local dport = table.pack(range(ip, "dport"))
  lu.assertEquals({ r.sport_start, r.sport_end }, { sport[1], sport[2] })
  lu.assertEquals({ r.dport_start, r.dport_end }, { dport[1], dport[2] })
  lu.assertEquals(r.suppress_prefixlength, ip.suppress_prefixlen)
  lu.assertEquals(r.suppress_ifgroup, number(ip.suppress_ifgroup))
  lu.assertEquals(r.l3mdev, ip.l3mdev ~= nil)
  lu.assertEquals(r.realm_from, number(ip.flow_from))
  lu.assertEquals(r.realm, number(ip.flow_to))
  lu.assertEquals(r.invert, ip["not"] ~= nil)
  lu.assertEquals(r.tun_id, number(ip.tun_id))
  lu.assertEquals(tostring(r.proto), ip.protocol)
end

function TestRules:test_every_field_is_what_ip_says()
  for _, family in ipairs({ "inet", "inet6" }) do
    local ip = printed("ip -j -d -f " .. family .. " rule")
    local ours = rules { family = family }:list()
    lu.assertEquals(#ours, #ip)
    for i, r in ipairs(ours) do
      same_rule(r, ip[i])
    end
  end
end

function TestRules:test_flags()
  lu.assertEquals(rules { priority = 651 }:first().flags, { "unresolved" })
  lu.assertEquals(rules { priority = 710 }:first().flags, { "iif_detached" })
  lu.assertEquals(rules { priority = 600 }:first().flags, { "invert" })
  lu.assertNil(rules { priority = 650 }:first().flags)
  lu.assertEquals(#rules { table = 4000000000 }, 1)
  lu.assertEquals(#rules { mark = "0x10" }, 1)
end

function TestRules:test_a_mark_of_zero()
  lu.assertEquals(rules { priority = 714 }:first().mark, 0)
  lu.assertEquals(rules { mark = 0 }:list()[1].mark_mask, 0xff)
  lu.assertNil(rules { priority = 999 }:first().mark)
end

-- One dump of rules can miss some while others come and go; those that stay are always there.
function TestRules:test_under_churn_they_are_whole()
  local stay = #rules { priority = "500-999" }
  local stop = S.temporary()
  os.execute("(while [ -e " .. stop .. " ]; do ip rule add pref 400 table 9; "
    .. "ip rule add pref 505 table 9; ip rule del pref 400; ip rule del pref 505; done) "
    .. ">/dev/null 2>&1 &")
  local ok, err = pcall(function()
    for _ = 1, 150 do
      local q = rules { priority = "500-999", { "priority", "!=", 505 } }
      lu.assertEquals(#q, stay)
      local seen = {}
      for r in rules do
        local key = r.family .. r.priority
        lu.assertNil(seen[key])
        seen[key] = true
      end
    end
  end)
  os.remove(stop)
  assert(os.execute("sleep 0.2"))
  S.run("ip rule del pref 400; ip rule del pref 505")
  assert(ok, err)
end

-- ---- route -----------------------------------------------------------------------------------

TestRoute = {}

local function same_answer(dst, options, words)
  local ip = printed("ip -j -d route get " .. dst .. " " .. words)[1]
  local r = route(dst, options)
  lu.assertEquals(r.type, ip.type)
  lu.assertEquals(r.gateway, ip.gateway)
  lu.assertEquals(r.dev, ip.dev)
  lu.assertEquals(r.prefsrc, ip.prefsrc)
  lu.assertEquals(tostring(r.table), ip.table)
  lu.assertEquals(r.iif, ip.iif)
  lu.assertEquals(r.mark, ip.mark and number(ip.mark))
  return r
end

function TestRoute:test_it_is_what_ip_says()
  same_answer("10.0.0.7", nil, "")
  same_answer("10.0.0.1", nil, "")
  same_answer("127.0.0.1", {}, "")
  same_answer("10.0.0.255", nil, "")
  same_answer("10.8.1.1", { mark = 7 }, "mark 7")
  same_answer("fd00::5", nil, "")
  same_answer("fd05::5", { oif = "v0" }, "oif v0")
  same_answer("fe80::77", { oif = "v0" }, "oif v0")
  same_answer("10.0.0.1", { iif = "v0", from = "10.0.0.9" }, "from 10.0.0.9 iif v0")
  lu.assertEquals(route("10.8.1.1", { mark = 7 }).mtu, 1400)
  lu.assertEquals(route("10.0.0.1").cache_flags, { "local" })
  lu.assertEquals(route("10.0.0.7", { uid = 9 }).uid, 9)
end

-- Rules decide: by mark, user and port.
function TestRoute:test_rules_count()
  lu.assertEquals(route("10.14.7.7", { mark = 7 }), nil)
  lu.assertEquals({ route("10.0.0.7", { proto = "udp", dport = "domain" }) },
    { nil, "the kernel refused the request for a route: Permission denied", 13 })
  lu.assertEquals(select(3, route("10.0.0.7", { uid = 5 })), 101)
  lu.assertEquals(route("10.0.0.7", { proto = 17, dport = 54 }).dev, "v0")
  lu.assertEquals(select(3, route("10.10.1.1", { mark = 7 })), 22)
  lu.assertEquals(select(3, route("10.11.1.1", { mark = 7 })), 113)
  lu.assertEquals(select(3, route("fd07::1")), 113)
end

function TestRoute:test_fibmatch()
  local r = route("10.1.2.3", { fibmatch = true, mark = 7 })
  lu.assertEquals({ r.dst, #r.nexthops, r.cached }, { "10.1.0.0/16", 2, false })
  lu.assertEquals(route("fd01::1", { fibmatch = true }).dst, "fd01::/64")
  if has.ip then
    lu.assertEquals(route("10.3.1.1", { fibmatch = true, mark = 7 }).encap_dst, "10.9.9.9")
  end
end

function TestRoute:test_what_is_wrong_with_a_question_raises()
  local function raises(text, ...)
    lu.assertErrorMsgContains(text, route, ...)
  end
  raises('the destination cannot be "nonsense"', "nonsense")
  raises("the destination takes one address, not '10.0.0.0/8'", "10.0.0.0/8")
  raises("the destination cannot be a nil", nil)
  raises("from is of another family", "10.0.0.1", { from = "::1" })
  raises("iif: there is no network device 'nosuch'", "10.0.0.1", { iif = "nosuch" })
  raises('sport cannot be "70000"', "10.0.0.1", { sport = "70000" })
  raises("tos is a number from 0 to 255", "10.0.0.1", { tos = 256 })
  raises("route has no 'mrk'; did you mean 'mark'?", "10.0.0.1", { mrk = 1 })
  raises('there is no network namespace "nosuch"', "10.0.0.1", { netns = "nosuch" })
  raises("table expected", "10.0.0.1", 5)
end

function TestRoute:test_recording()
  local path = S.temporary("")
  local ask = "print(route('10.14.0.1', {oif='v0'}))"
  local live = S.connsh("--record", path, "-e", ask)
  lu.assertStrContains(live.out, " v0 ")
  local played = S.connsh("--replay", path, "-e", ask)
  lu.assertEquals({ played.out, played.err, played.code }, { live.out, "", 0 })
  local other = S.connsh("--replay", path, "-e", "route('10.14.0.1', {oif='v1'})")
  lu.assertStrContains(other.err, "the recording knows of no network device 'v1'")
end

function TestRoute:test_of_another_namespace()
  local words = S.namespace()
  if not words then
    S.skip("no namespaces")
  end
  local pipe = io.popen(table.concat(words, " ") .. " sh -c 'ip link set lo up; echo $$;"
    .. " exec sleep 60' 2>/dev/null")
  local pid = pipe:read("l")
  local r = route("127.0.0.1", { netns = pid })
  lu.assertEquals({ r.dev, r.netns }, { "lo", pid })
  lu.assertEquals(select(3, route("10.0.0.7", { netns = pid })), 101)
  lu.assertTrue(#routes { netns = pid } < #routes)
  lu.assertEquals(#rules { netns = pid, family = "inet" }, 3)
  os.execute("kill " .. pid)
  pipe:close()
end

function TestRoute:test_a_record_leads_to_its_link()
  lu.assertEquals(route("10.0.0.7").link.name, "v0")
end

S.main()
