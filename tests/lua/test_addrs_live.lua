-- The sources `addrs`, `neighs` and `maddrs` beside real addresses, neighbours, forwarding
-- databases and groups: what connsh says is what ip, bridge and /proc say.

local lu = require("luaunit")
local S = require("support")
local json = require("json")

-- tests/run has made the namespace; another one lies beside it for questions about elsewhere.
local setup = [[
set -e
ip link set lo up
ip link add br0 type bridge
ip link add v0 type veth peer name v1
ip link set v0 master br0
ip link set br0 up
ip link set v0 up
ip link set v1 up
sysctl -qw net.ipv4.igmp_max_memberships=1000 net.ipv6.conf.v1.use_tempaddr=2
sysctl -qw net.ipv6.conf.br0.optimistic_dad=1 2>/dev/null || :
ip addr add 10.1.0.1/24 brd + dev v1 label v1:x valid_lft 1000 preferred_lft 500 metric 7
ip addr add 10.1.0.2/24 dev v1
ip addr add 10.2.0.1 peer 10.2.0.9/28 dev v1 scope link noprefixroute
ip addr add 10.3.0.1/8 dev lo scope host
ip addr add 239.255.255.250/32 dev v1 autojoin
ip addr add fd00::5/64 dev v1 nodad
ip addr add fd00::6/64 dev v1 valid_lft 900 preferred_lft 0 nodad
ip addr add fd00::7 peer fd00::8/128 dev v1 nodad home
ip addr add fd00:1::1/64 dev v1 mngtmpaddr valid_lft 2000 preferred_lft 1500 nodad
ip addr add fd00:5::5/64 dev br0 optimistic 2>/dev/null || :
ip addr add ff05::1:3/128 dev v1 autojoin
ip link add w0 type veth peer name w1
ip link set w0 addrgenmode none
ip link set w1 addrgenmode none
ip link set w0 up
ip link set w1 up
ip addr add fd00:2::1/64 dev w0 nodad
ip addr add fd00:2::1/64 dev w1
ip maddr add 01:00:5e:7f:00:09 dev v1
ip link add vx type vxlan id 5 dstport 4789 local 10.1.0.1 && ip link set vx up
bridge fdb add 02:00:00:00:00:05 dev vx dst 10.1.0.3 port 4790 vni 7 via v1
bridge fdb append 00:00:00:00:00:00 dev vx dst 10.1.0.3
bridge fdb append 00:00:00:00:00:00 dev vx dst 10.1.0.4
bridge fdb add 02:00:00:00:00:06 dev vx dst 10.1.0.4 static
bridge fdb add 02:00:00:00:00:07 dev vx dst 10.1.0.4 dynamic
bridge fdb add 02:00:00:00:00:09 dev v0 master static sticky
bridge fdb add 02:00:00:00:00:19 dev v0 master extern_learn
bridge fdb add 02:00:00:00:00:29 dev v0 master dynamic
bridge fdb add 02:00:00:00:00:39 dev br0 self permanent
ip neigh add proxy 10.1.0.77 dev v1
ip neigh add proxy fd00::77 dev v1 protocol 42
ip neigh add 10.1.0.20 lladdr 02:00:00:00:00:20 dev v1 nud permanent protocol static
ip neigh add 10.1.0.21 lladdr 02:00:00:00:00:21 dev v1 nud noarp
ip neigh add 10.1.0.22 lladdr 02:00:00:00:00:22 dev v1 nud reachable
ip neigh add 10.1.0.23 lladdr 02:00:00:00:00:23 dev v1 nud stale extern_learn
ip neigh add 10.1.0.25 lladdr 02:00:00:00:00:25 dev v1 nud failed
ip neigh add fd00::20 lladdr 02:00:00:00:00:30 dev v1 nud permanent router
ip neigh add fd00::21 lladdr 02:00:00:00:00:31 dev v1 nud stale managed 2>/dev/null || :
ip neigh add fd00::22 lladdr 02:00:00:00:00:32 dev v1 nud none
]]

local made = S.run(setup)
assert(made.code == 0, "the namespace could not be made: " .. made.err)
assert(os.execute("sleep 2")) -- duplicates of addresses are found after a second

-- What a program prints as JSON; ip prints {} for what it leaves out.
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

local function names_of(list)
  local names = {}
  for _, name in ipairs(list or {}) do
    names[name] = true
  end
  return names
end

local function sorted(set)
  local names = {}
  for name in pairs(set) do
    names[#names + 1] = name
  end
  table.sort(names)
  return table.concat(names, " ")
end

local function near(a, b, by)
  return a and b and math.abs(a - b) <= by
end

-- Times and states change between two looks: what differs is looked at again.
local function in_time(compare)
  local why
  for _ = 1, 5 do
    local ok
    ok, why = pcall(compare)
    if ok then
      return
    end
  end
  error(why, 0)
end

local function by_key(rows, key_of)
  local map = {}
  for _, row in ipairs(rows) do
    local key = key_of(row)
    lu.assertNil(map[key], "twice: " .. key)
    map[key] = row
  end
  return map
end

local function uptime()
  return tonumber(S.read_file("/proc/uptime"):match("^%S+"))
end

-- ---- addresses -----------------------------------------------------------------------------

TestAddrs = {}

local ip_flags = {
  secondary = "secondary", temporary = "temporary", nodad = "nodad", optimistic = "optimistic",
  dadfailed = "dadfailed", home = "homeaddress", deprecated = "deprecated",
  tentative = "tentative", mngtmpaddr = "mngtmpaddr", noprefixroute = "noprefixroute",
  autojoin = "mcautojoin", ["stable-privacy"] = "stable-privacy",
}

local function addresses_of_ip()
  local list = {}
  for _, link in ipairs(printed("ip -j -d addr")) do
    for _, address in ipairs(link.addr_info) do
      if next(address) then
        address.dev, address.dev_index = link.ifname, link.ifindex
        list[#list + 1] = address
      end
    end
  end
  return list
end

local function check_lifetime(value, said, what)
  if said == 4294967295 then
    lu.assertNil(value, what)
  else
    lu.assertTrue(near(value, said, 1), what .. ": " .. tostring(value))
  end
end

local function check_address(ours, theirs)
  local what = theirs.dev .. " " .. theirs["local"]
  for field, key in pairs({
    family = "family", plen = "prefixlen", peer = "address", broadcast = "broadcast",
    anycast = "anycast", scope = "scope", label = "label", metric = "metric", dev = "dev",
    dev_index = "dev_index",
  }) do
    lu.assertEquals(ours[field], theirs[key], what .. " " .. field)
  end
  local flags = {}
  for key, name in pairs(ip_flags) do
    flags[name] = theirs[key]
  end
  flags.permanent = not theirs.dynamic or nil
  lu.assertEquals(sorted(names_of(ours.flags)), sorted(flags), what)
  check_lifetime(ours.valid_lft, theirs.valid_life_time, what .. " valid_lft")
  check_lifetime(ours.preferred_lft, theirs.preferred_life_time, what .. " preferred_lft")
end

local function address_key(a)
  return a.dev .. " " .. (a.addr or a["local"]) .. " " .. tostring(a.plen or a.prefixlen)
end

function TestAddrs:test_all_of_ip()
  in_time(function()
    local theirs, ours = by_key(addresses_of_ip(), address_key), by_key(addrs:list(), address_key)
    for key, address in pairs(theirs) do
      lu.assertNotNil(ours[key], key)
      check_address(ours[key], address)
      ours[key] = nil
    end
    lu.assertNil(next(ours))
  end)
end

-- The comparison proves nothing about what is not there.
function TestAddrs:test_rows_of_every_kind()
  for _, flag in ipairs({
    "secondary", "temporary", "nodad", "dadfailed", "homeaddress", "deprecated", "tentative",
    "permanent", "mngtmpaddr", "noprefixroute", "mcautojoin",
  }) do
    lu.assertTrue(#addrs { flags = flag } > 0, flag)
  end
  lu.assertEquals(addrs { flags = "secondary" }:first().addr, "10.1.0.2")
  lu.assertEquals(#addrs { family = "inet6", flags = "secondary" }, 0)
  lu.assertEquals(addrs { flags = "dadfailed" }:first().dev, "w1")
  lu.assertEquals(addrs { label = "v1:x" }:first().metric, 7)
end

function TestAddrs:test_network()
  lu.assertEquals(addrs { addr = "10.1.0.1" }:first().network, "10.1.0.0/24")
  lu.assertEquals(addrs { addr = "10.2.0.1" }:first().network, "10.2.0.0/28")
  lu.assertEquals(addrs { addr = "10.3.0.1" }:first().network, "10.0.0.0/8")
  lu.assertEquals(addrs { addr = "fd00::5" }:first().network, "fd00::/64")
  lu.assertEquals(addrs { addr = "fd00::7" }:first().network, "fd00::8/128")
  lu.assertEquals(addrs { network = "10.1.0.0/16", flags = "secondary" }:count(), 1)
end

function TestAddrs:test_times_and_origin()
  local now = uptime()
  for a in addrs do
    lu.assertTrue(a.created <= a.updated and near(a.updated, now, 100), tostring(a))
  end
  local loopback = addrs { addr = "::1" }:first()
  if loopback.proto == nil then
    S.skip("this kernel does not tell who set an address")
  end
  lu.assertEquals(loopback.proto, "kernel_lo")
  lu.assertEquals(addrs { addr = "fe80::/10", dev = "v1" }:first().proto, "kernel_ll")
end

function TestAddrs:test_requests()
  local index = addrs { dev = "v1" }:first().dev_index
  local q = addrs { dev = "v1" }
  lu.assertStrContains(q:explain(), "interface " .. index)
  lu.assertTrue(#q > 5)
  lu.assertEquals(q.rows, #q) -- the kernel has left the others out
  lu.assertEquals(#addrs { dev_index = index }, #q)
  local inet, inet6 = addrs { dev = "v1", family = "inet" }, addrs { dev = "v1", family = "inet6" }
  lu.assertEquals(#inet + #inet6, #q)
  lu.assertEquals(#addrs { dev = "nosuch" }, 0)
  lu.assertEquals(#addrs { dev_index = 99999 }, 0)
  lu.assertEquals(#addrs { dev = "v1", dev_index = 99999 }, 0)
  lu.assertEquals(#addrs { dev = { "v1", "lo" } }, #q + #addrs { dev = "lo" })
  lu.assertEquals(#addrs { { "not", { dev = "v1" } } }, #addrs - #q)
end

-- ---- neighbours ------------------------------------------------------------------------------

TestNeighs = {}

local function neighbour_key(n)
  return n.dev .. " " .. (n.addr or n.dst)
end

local ip_neigh_flags = {
  router = "router", proxy = "proxy", extern_learn = "ext_learned", managed = "managed",
  offload = "offloaded",
}

local function check_neighbour(ours, theirs)
  local what = neighbour_key(theirs)
  lu.assertEquals(ours.lladdr, theirs.lladdr, what)
  lu.assertEquals(ours.proto and tostring(ours.proto), theirs.protocol, what)
  lu.assertEquals(ours.state, theirs.state and theirs.state[1]:lower() or "none", what)
  local flags = {}
  for key, name in pairs(ip_neigh_flags) do
    flags[name] = theirs[key] and true
  end
  lu.assertEquals(sorted(names_of(ours.flags)), sorted(flags), what)
  lu.assertEquals(ours.proxy, theirs.proxy ~= nil, what)
  lu.assertEquals(ours.probes, theirs.probes, what)
  lu.assertEquals(ours.refs, theirs.refcnt or theirs.used and 0, what)
  for _, time in ipairs({ "used", "confirmed", "updated" }) do
    lu.assertEquals(ours[time] == nil, theirs[time] == nil, what .. " " .. time)
    lu.assertTrue(ours[time] == nil or near(ours[time], theirs[time], 2), what .. " " .. time)
  end
end

local function compare_neighbours(command, query)
  in_time(function()
    local theirs = by_key(printed(command), neighbour_key)
    local ours = by_key(query:list(), neighbour_key)
    for key, neighbour in pairs(theirs) do
      lu.assertNotNil(ours[key], key)
      check_neighbour(ours[key], neighbour)
      ours[key] = nil
    end
    lu.assertNil(next(ours))
  end)
end

function TestNeighs:test_tables_of_ip()
  compare_neighbours("ip -4 -j -s neigh show nud all", neighs { family = "inet", proxy = false })
  compare_neighbours("ip -6 -j -s neigh show nud all", neighs { family = "inet6", proxy = false })
end

function TestNeighs:test_proxies_of_ip()
  compare_neighbours("ip -4 -j -s neigh show proxy", neighs { family = "inet", proxy = true })
  compare_neighbours("ip -6 -j -s neigh show proxy", neighs { family = "inet6", proxy = true })
  lu.assertEquals(neighs { addr = "fd00::77" }:first().proto, "babel")
  lu.assertEquals(#neighs { flags = "proxy" }, 2)
end

-- Sets the state and sees it, before the kernel's timers change it.
local function set_and_see(address, state)
  local set = S.run("ip neigh replace " .. address
    .. " lladdr 02:00:00:00:00:99 dev v1 nud " .. state)
  lu.assertEquals(set.code, 0, set.err)
  local n = neighs { addr = address, dev = "v1", state = state }:first()
  S.run("ip neigh del " .. address .. " dev v1")
  lu.assertNotNil(n)
  lu.assertEquals(n.state, state)
  return n
end

function TestNeighs:test_every_state()
  for _, state in ipairs({
    "none", "incomplete", "reachable", "stale", "delay", "probe", "failed", "noarp", "permanent",
  }) do
    for family, address in pairs({ inet = "10.1.0.99", inet6 = "fd00::99" }) do
      in_time(function()
        lu.assertEquals(set_and_see(address, state).family, family)
      end)
    end
  end
end

-- The kernel writes 0 for what a forwarding database does not keep.
function TestNeighs:test_forwarding_databases_have_no_confirmation()
  local n = neighs { lladdr = "02:00:00:00:00:05", family = "bridge" }:first()
  lu.assertNotNil(n.updated)
  lu.assertNil(n.confirmed)
  lu.assertEquals(#neighs { family = "bridge", { "confirmed", ">=", 0 } }, 0)
end

function TestNeighs:test_requests()
  local index = addrs { dev = "v1" }:first().dev_index
  local q = neighs { dev = "v1" }
  lu.assertStrContains(q:explain(), "interface " .. index)
  lu.assertTrue(#q > 8)
  lu.assertEquals(q.rows, #q)
  lu.assertEquals(#neighs { dev = "nosuch" }, 0)
  lu.assertEquals(#neighs { dev_index = 99999 }, 0)
  lu.assertEquals(#neighs { dev_index = 99999, family = "bridge" }, 0)
  lu.assertEquals(#neighs { master_index = 99999 }, 0)
  lu.assertNotStrContains(neighs:explain(), "forwarding")
  lu.assertNotStrContains(neighs { proxy = false }:explain(), "proxies")
  lu.assertNotStrContains(neighs { family = "bridge" }:explain(), "(IPv4)")
  lu.assertStrContains(neighs { vlan = 5 }:explain(), "forwarding")
  lu.assertNotStrContains(neighs { vlan = 5 }:explain(), "(IPv4)")
  lu.assertNotStrContains(neighs { family = "inet", vlan = 5 }:explain(), "forwarding")
end

-- ---- forwarding databases ---------------------------------------------------------------------

TestForwarding = {}

local function join(...)
  local parts = table.pack(...)
  for i = 1, parts.n do
    parts[i] = tostring(parts[i])
  end
  return table.concat(parts, " ")
end

local function entry_key(e)
  if type(e) == "table" then
    return join(e.ifname, e.mac, e.dst, e.master, e.vlan, e.vni)
  end
  return join(e.dev, e.lladdr, e.addr, e.master, e.vlan, e.vni)
end

local bridge_flags = {
  self = "self", master = "master", router = "router", extern_learn = "ext_learned",
  offload = "offloaded", sticky = "sticky", locked = "locked",
}
-- bridge(8) has no word for an entry that was learned, and its own for others.
local bridge_states = { noarp = "static", reachable = "", permanent = "permanent", stale = "stale" }

local function check_entry(ours, theirs)
  local what = entry_key(theirs)
  lu.assertEquals(bridge_states[ours.state], theirs.state or "", what)
  local flags = {}
  for _, name in ipairs(theirs.flags) do
    flags[bridge_flags[name] or name] = true
  end
  lu.assertEquals(sorted(names_of(ours.flags)), sorted(flags), what)
  for field, key in pairs({
    vlan = "vlan", port = "port", vni = "vni", src_vni = "src_vni", via = "viaIf",
    link_netnsid = "linkNetNsId", nhid = "nhid",
  }) do
    lu.assertEquals(ours[field], theirs[key], what .. " " .. field)
  end
  if theirs.used then
    lu.assertTrue(near(ours.used, theirs.used, 2), what .. " used")
    lu.assertTrue(near(ours.updated, theirs.updated, 2), what .. " updated")
  end
end

function TestForwarding:test_all_of_bridge()
  in_time(function()
    local theirs = by_key(printed("bridge -j -s -d fdb"), entry_key)
    local ours = by_key(neighs { family = "bridge" }:list(), entry_key)
    for key, entry in pairs(theirs) do
      lu.assertNotNil(ours[key], key)
      check_entry(ours[key], entry)
      ours[key] = nil
    end
    lu.assertNil(next(ours))
  end)
end

function TestForwarding:test_filters()
  lu.assertEquals(#neighs { family = "bridge", lladdr = "00:00:00:00:00:00", dev = "vx" }, 2)
  local of_bridge = neighs { master = "br0" }
  lu.assertTrue(#of_bridge >= 4)
  lu.assertStrContains(of_bridge:explain(), "master " .. of_bridge:first().master_index)
  for n in of_bridge do
    lu.assertEquals(n.master, "br0")
    lu.assertEquals(n.family, "bridge")
  end
  local all = 0
  for n in neighs { family = "bridge" } do
    all = all + (n.master == "br0" and 1 or 0)
  end
  lu.assertEquals(#of_bridge, all)
  local of_port = neighs { family = "bridge", dev = "v0" }
  lu.assertStrContains(of_port:explain(), "interface")
  lu.assertEquals(#neighs { family = "bridge", { "dev", "=", { "v0", "nosuch" } } }, #of_port)
  lu.assertEquals(neighs { vni = 7 }:first().port, 4790)
  lu.assertEquals(#neighs { family = { "bridge", "inet" }, proxy = false },
    #neighs { family = "bridge" } + #neighs { family = "inet", proxy = false })
end

-- ---- groups ------------------------------------------------------------------------------------

TestGroups = {}

local function group_key(g)
  return g.dev .. " " .. g.family .. " " .. (g.addr or g.lladdr)
end

-- Only groups of links can be static.
local function groups_of_ip()
  local list = {}
  for _, link in ipairs(printed("ip -j maddr")) do
    for _, group in ipairs(link.maddr) do
      list[#list + 1] = {
        dev = link.ifname, dev_index = link.ifindex, family = group.family or "link",
        addr = group.address, lladdr = group.link, users = group.users or 1,
      }
      if not group.family then
        list[#list].static = group.features == "static"
      end
    end
  end
  return list
end

function TestGroups:test_all_of_ip()
  in_time(function()
    local theirs = by_key(groups_of_ip(), group_key)
    local ours = by_key(maddrs:list(), group_key)
    for key, group in pairs(theirs) do
      lu.assertNotNil(ours[key], key)
      for _, field in ipairs({
        "dev", "dev_index", "family", "addr", "lladdr", "users", "static",
      }) do
        lu.assertEquals(ours[key][field], group[field], key .. " " .. field)
      end
      ours[key] = nil
    end
    lu.assertNil(next(ours))
  end)
end

function TestGroups:test_who_joined()
  local joined = maddrs { addr = "239.255.255.250" }:list()
  lu.assertEquals(#joined, 1)
  lu.assertEquals(joined[1].dev, "v1")
  lu.assertEquals(joined[1].version, 3)
  lu.assertEquals(maddrs { addr = "ff05::1:3" }:first().dev, "v1")
  lu.assertEquals(maddrs { static = true }:first().lladdr, "01:00:5e:7f:00:09")
  lu.assertNotStrContains(maddrs { addr = "224.0.0.1" }:explain(), "of links")
  lu.assertNotStrContains(maddrs { lladdr = "01:00:5e:7f:00:09" }:explain(), "IPv")
end

-- Columns that ip does not show, beside the lines of /proc.
function TestGroups:test_lines_of_proc()
  in_time(function()
    local file = S.read_file("/proc/thread-self/net/igmp6")
    for dev, hex, flags in file:gmatch("%d+ +(%S+) +(%x+) +%d+ (%x+) %d+\n") do
      local address = hex:gsub("%x%x%x%x", "%0:"):sub(1, -2)
      local m = maddrs { dev = dev, addr = address }:first()
      flags = tonumber(flags, 16)
      lu.assertEquals(m.reporter, flags & 2 ~= 0, address)
      lu.assertEquals(m.timer ~= nil, flags & 1 ~= 0, address)
    end
  end)
  in_time(function()
    local dev
    for line in S.read_file("/proc/thread-self/net/igmp"):gmatch("[^\n]+") do
      dev = line:match("^%d+\t(%S+) *:") or dev
      local a, b, c, d, users, running, ticks, reporter =
        line:match("^\t+(%x%x)(%x%x)(%x%x)(%x%x) +(%d+) (%d):(%x+)\t+(%d)")
      if a then
        local address = {}
        for i, byte in ipairs({ d, c, b, a }) do
          address[i] = tonumber(byte, 16)
        end
        local m = maddrs { dev = dev, addr = table.concat(address, ".") }:first()
        lu.assertEquals(m.users, tonumber(users), line)
        lu.assertEquals(m.reporter, reporter ~= "0", line)
        lu.assertEquals(m.timer ~= nil, running == "1", line)
        lu.assertTrue(m.timer == nil or near(m.timer, tonumber(ticks, 16) / 100, 0.5), line)
      end
    end
  end)
end

-- In IGMPv2 a report of each group is due for a while after it is joined.
function TestGroups:test_timer()
  S.run("sysctl -qw net.ipv4.conf.v1.force_igmp_version=2")
  lu.assertEquals(maddrs { addr = "239.255.255.250" }:first().version, 2)
  local seen
  for i = 1, 20 do
    lu.assertEquals(S.run("ip addr add 239.1.1." .. i .. "/32 dev v1 autojoin").code, 0)
    seen = seen or maddrs { addr = "239.1.1.0/24", timer = true }:first()
  end
  lu.assertNotNil(seen)
  lu.assertTrue(seen.timer >= 0 and seen.timer < 20)
  lu.assertEquals(seen.family, "inet")
  S.run("sysctl -qw net.ipv4.conf.v1.force_igmp_version=0")
end

-- Groups that stay are there, each once, whatever comes and goes beside them.
function TestGroups:test_whole_under_churn()
  local stable = 60
  local add, del = {}, {}
  for i = 1, stable do
    add[i] = "addr add 239.2.0." .. i .. "/32 dev v1 autojoin"
  end
  lu.assertEquals(S.run({ "ip", "-batch", "-" }, { stdin = table.concat(add, "\n") }).code, 0)
  for i = 1, 200 do
    add[i] = "addr add 239.3.0." .. i .. "/32 dev v1 autojoin"
    del[i] = "addr del 239.3.0." .. i .. "/32 dev v1"
  end
  local batch = S.temporary(table.concat(add, "\n") .. "\n" .. table.concat(del, "\n") .. "\n")
  local churn = io.popen("while :; do ip -batch " .. batch .. " || exit; done 2>&1 & echo $!; wait")
  local pid = churn:read("l")
  local sizes = {}
  local ok, why = pcall(function()
    for _ = 1, 200 do
      local list = maddrs:list()
      local seen = by_key(list, group_key)
      sizes[#list] = true
      for _, m in ipairs(list) do
        -- the line of an interface in net/igmp may be missing: then these seem to be another's
        lu.assertTrue(m.dev == "v1" or not (m.addr or ""):find("^239%."), tostring(m))
      end
      for i = 1, stable do
        lu.assertNotNil(seen["v1 inet 239.2.0." .. i])
        lu.assertNotNil(seen["v1 link 01:00:5e:02:00:" .. ("%02x"):format(i)])
      end
    end
  end)
  os.execute("kill " .. pid)
  churn:close()
  lu.assertTrue(ok, why)
  lu.assertNotNil(next(sizes, (next(sizes))), "nothing came or went")
end

-- ---- navigation --------------------------------------------------------------------------------

TestNavigation = {}

-- Runs body with the pid of a process in another namespace that is connected with itself.
local function elsewhere(body)
  local script = "ip link set lo up; ip addr add 10.9.0.1/32 dev lo; "
    .. 'exec "$0" conn=10.9.0.1:4242 -- sh -c "echo \\$\\$; exec sleep 60"'
  local other = io.popen("exec unshare -n sh -c " .. S.sh_quote(script) .. " "
    .. S.sh_quote(S.sockmaker_path()))
  local pid = math.tointeger(tonumber(other:read("l")))
  local ok, why = pcall(body, pid)
  os.execute("kill " .. pid .. " 2>/dev/null")
  other:close()
  if not ok then
    error(why, 0)
  end
end

function TestNavigation:test_list()
  local names = {}
  for _, nav in ipairs(connsh.navs(maddrs)) do
    names[nav.name] = nav
  end
  lu.assertEquals(names.sockets.to, "sockets")
  lu.assertTrue(names.sockets.many)
  lu.assertEquals(#connsh.navs(addrs:group("dev"):count()), 0)
  local help = S.connsh("-e", 'help "addrs" help "addrs.sockets"').out
  lu.assertStrContains(help, "leads to")
  lu.assertStrContains(help, "a query of sockets")
end

function TestNavigation:test_unknown_names_stay_errors()
  local a = addrs:first()
  lu.assertErrorMsgContains("has no field 'sockts'", function() return a.sockts end)
  lu.assertErrorMsgContains("did you mean 'addr'", function() return a.adr end)
  lu.assertError(function() return a[1] end)
  for name in pairs(a) do
    lu.assertNotEquals(name, "sockets")
  end
end

function TestNavigation:test_queries_in_the_place_of_the_record()
  elsewhere(function(pid)
    local a = addrs { netns = pid, addr = "10.9.0.1" }:first()
    lu.assertEquals(a.netns, tostring(pid))
    lu.assertEquals(#sockets { laddr = "10.9.0.1" }, 0)
    local q = a.sockets
    lu.assertEquals(#q, 3)
    lu.assertEquals(q { state = "listen" }:first().netns, tostring(pid))
    lu.assertStrContains(q:explain(), "namespaces " .. pid)
    -- another place cannot be named, for it would be another question
    lu.assertErrorMsgContains("netns", function() return q { netns = pid } end)
    -- its namespace is held, whatever becomes of its name
    os.execute("kill " .. pid)
    repeat
      sleep(0.01)
    until not pcall(function() return #addrs { netns = pid } end)
    lu.assertEquals(#a.sockets, 0)
    lu.assertEquals(#maddrs { addr = "224.0.0.1" }:first().sockets, 0)
  end)
end

function TestNavigation:test_no_value_leads_nowhere()
  lu.assertEquals(#maddrs { family = "link" }:first().sockets, 0)
  lu.assertEquals(count(maddrs { family = "link" }:first().sockets), 0)
end

function TestNavigation:test_last_answer_stays()
  local q = sockets { proto = "udp" }
  local n = #q
  local a = addrs { addr = "127.0.0.1" }:first()
  lu.assertEquals(#q, n)
  lu.assertEquals(a.link.name, "lo")
  lu.assertIs(connsh.last, q)
end

function TestNavigation:test_links()
  local lo = links { name = "lo" }:first()
  lu.assertEquals(#lo.addrs, #addrs { dev = "lo" })
  lu.assertEquals(#lo.maddrs, #maddrs { dev = "lo" })
  lu.assertEquals(#links { name = "v1" }:first().neighs, #neighs { dev = "v1" })
  lu.assertEquals(addrs { addr = "fd00::5" }:first().link.name, "v1")
  lu.assertEquals(neighs { addr = "10.1.0.20" }:first().link.name, "v1")
  lu.assertEquals(maddrs { addr = "239.255.255.250" }:first().link.name, "v1")
  lu.assertEquals(links { name = "v0" }:first().master_link.name, "br0")
  lu.assertNil(lo.master_link)
  lu.assertEquals(neighs { master = "br0" }:first().master_link.name, "br0")
  S.run("ip link add gone0 type veth peer name gone1; ip link set gone0 up; "
    .. "ip addr add 10.77.0.1/32 dev gone0")
  local a = addrs { addr = "10.77.0.1" }:first()
  lu.assertEquals(a.link.name, "gone0")
  S.run("ip link del gone0")
  lu.assertNil(a.link)
  lu.assertEquals(#a.sockets, 0)
end

function TestNavigation:test_processes()
  elsewhere(function(pid)
    local s = sockets { netns = pid, lport = 4242 }:first()
    local process = s.process
    lu.assertNotNil(process)
    lu.assertEquals(process.pid, s.pid)
    local found = false
    for other in process.sockets do
      found = found or other.cookie == s.cookie
    end
    lu.assertTrue(found)
  end)
  lu.assertTrue(#addrs > 0) -- connsh.last keeps the namespace of its query open
end

function TestNavigation:test_routes()
  elsewhere(function(pid)
    local connected = sockets { netns = pid, raddr = "10.9.0.1", state = "established" }
    lu.assertEquals(#connected, 2)
    for s in connected do
      lu.assertEquals(s.route.dev, "lo")
      lu.assertEquals(s.route.dst, "10.9.0.1")
      lu.assertEquals(s.route.link.name, "lo")
      lu.assertEquals(s.link.name, "lo") -- bound to none: that of its route
      lu.assertEquals(s.route.netns, tostring(pid))
    end
    lu.assertNil(sockets { netns = pid, state = "listen" }:first().route)
    lu.assertNil(sockets { netns = pid, state = "listen" }:first().link)
    lu.assertTrue(#addrs > 0) -- as above
  end)
  local lo = addrs { addr = "127.0.0.1" }:first().link
  lu.assertTrue(#lo.routes > 0)
  lu.assertEquals(#lo.routes, #rawget(_G, "routes") { dev = "lo" })
end

S.main()
