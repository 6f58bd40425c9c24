-- The source `links` beside interfaces of every kind that this kernel makes: what connsh says is
-- what `ip -d -s -s -j link` and /proc/sys say.
-- luacheck: globals links sleep

local lu = require("luaunit")
local S = require("support")
local json = require("json")

S.inside({})

-- ---- the interfaces -------------------------------------------------------------------------

local function try(...)
  return S.run({ "ip", ... }).code == 0
end

local function ip(...)
  local result = S.run({ "ip", ... })
  assert(result.code == 0, "ip " .. table.concat({ ... }, " ") .. ": " .. result.err)
end

local function words(text)
  local list = {}
  for word in text:gmatch("%S+") do
    list[#list + 1] = word
  end
  return table.unpack(list)
end

-- A namespace beside this one, by the pid of a process in it.
local neighbour = io.popen("exec unshare -n sh -c 'echo $$; exec sleep 600' 2>&1")
local other_pid = assert(tonumber(neighbour:read("l")))

-- What each line makes is there or, where the kernel lacks the kind, is not.
local optional = {
  "link add vlan5 link va type vlan id 5 protocol 802.1ad gvrp on",
  "link add bond0 type bond mode 802.3ad miimon 100 lacp_rate fast",
  "link add vrf0 type vrf table 100",
  "link add dummy0 type dummy",
  "link add gre7 type gre local 127.0.0.2 remote 127.0.0.3 key 7 ttl 9",
  "link add ipip7 type ipip local 127.0.0.2 remote 127.0.0.3 ttl 9",
  "link add sit7 type sit local 127.0.0.2 remote 127.0.0.3 ttl 9",
  "link add gnv0 type geneve id 9 remote 127.0.0.9",
  "link add ipv0 link va type ipvlan mode l3",
}

local function make()
  ip(words("link set lo up"))
  ip(words("link add br0 type bridge forward_delay 1000 hello_time 300 max_age 1500 "
    .. "ageing_time 12345 priority 4096 group_fwd_mask 8 mcast_querier 1 mcast_router 2 "
    .. "mcast_hash_max 512 mcast_query_interval 4321 mcast_igmp_version 3"))
  try(words("link set br0 type bridge vlan_filtering 1 vlan_default_pvid 3"))
  try(words("link set br0 type bridge stp_state 1"))
  ip(words("link set br0 address 02:00:00:00:00:0a up"))
  ip(words("link add va type veth peer name vb"))
  ip(words("link set va master br0"))
  ip(words("link set va type bridge_slave cost 7 priority 5 hairpin on fastleave on flood off "
    .. "learning off mcast_router 2 isolated on group_fwd_mask 8"))
  ip(words("link set va up mtu 1400 txqueuelen 77 group 42"))
  ip(words("link set vb up"))
  ip(words("link add vc type veth peer name vd numtxqueues 2"))
  ip("link", "set", "vd", "netns", tostring(other_pid))
  ip(words("link add vx4 type vxlan id 5 dstport 4790 remote 10.99.0.1 local 127.0.0.5 dev vb "
    .. "srcport 4000 5000 ttl 7 tos 3 ageing 77 maxaddress 9 nolearning proxy rsc l2miss l3miss "
    .. "gbp noudpcsum"))
  ip(words("link add vx6 type vxlan id 6 dstport 4791 remote fd00::1 local fd00::2 ttl inherit "
    .. "udp6zerocsumtx udp6zerocsumrx"))
  ip(words("link add vxe type vxlan dstport 4792 external"))
  ip(words("link add mv0 link vb type macvlan mode source"))
  ip(words("link set mv0 type macvlan macaddr add 02:00:00:00:00:01"))
  ip(words("link set mv0 type macvlan macaddr add 02:00:00:00:00:02"))
  try(words("link add mt0 link vb type macvtap mode bridge"))
  ip(words("tuntap add tap0 mode tap user nobody group 65534 multi_queue vnet_hdr"))
  ip(words("tuntap add tun0 mode tun pi"))
  try(words("link add ifb7 numtxqueues 3 type ifb"))
  for _, line in ipairs(optional) do
    try(words(line))
  end
  try(words("link property add dev vb altname second altname third"))
  try(words("link set vb addrgenmode none"))
end

make()

-- ---- what ip says ---------------------------------------------------------------------------

-- Each gives, for a record, what ip prints in that place.
local function plain(field, none)
  return function(r)
    if r[field] == nil then
      return none
    end
    return r[field]
  end
end

local function upper(field)
  return function(r) return r[field] and r[field]:upper() end
end

local function digit(field)
  return function(r) return r[field] ~= nil and (r[field] and 1 or 0) or nil end
end

local function times(field, factor)
  return function(r) return r[field] and math.floor(r[field] * factor + 0.5) end
end

local function hex(field, format)
  return function(r) return r[field] and string.format(format, r[field]) end
end

-- Time until something: it passes between two looks, and begins anew.
local function running(field)
  return function(r, said)
    return r[field] and r[field] >= 0 and math.abs(r[field] - said) < 310 and said
  end
end

-- "8000.a:4a:f8:87:f8:16"
local function bridge_id(priority, lladdr)
  return function(r)
    local bytes = {}
    for byte in r[lladdr]:gmatch("%x%x") do
      bytes[#bytes + 1] = string.format("%x", tonumber(byte, 16))
    end
    return string.format("%04x.%s", r[priority], table.concat(bytes, ":"))
  end
end

local function place(list, name)
  for i, item in ipairs(list) do
    if item == name then
      return i - 1
    end
  end
end

local function number_of(field, ...)
  local list = { ... }
  return function(r) return place(list, r[field]) end
end

local router = { "disabled", "temp_query", "perm", "temp" }

local function flags_of_ip(r)
  local list = {}
  for _, flag in ipairs(r.flags) do
    if flag ~= "running" then
      list[#list + 1] = flag:upper()
    end
  end
  if r.up and not r.running then
    list[#list + 1] = "NO-CARRIER"
  end
  table.sort(list)
  return table.concat(list, " ")
end

local function names_of_ip(field)
  return function(r) return table.concat(r[field] or {}, " ") end
end

local common = {
  ifindex = plain("index"), ifname = plain("name"), flags = flags_of_ip, mtu = plain("mtu"),
  link = plain("link", json.null), link_index = plain("link_index"),
  link_netnsid = plain("link_netnsid"),
  qdisc = plain("qdisc"), master = plain("master"), operstate = upper("operstate"),
  linkmode = upper("linkmode"), group = function(r) return tostring(r.group) end,
  txqlen = plain("qlen"), link_type = plain("type"), address = plain("lladdr"),
  broadcast = plain("broadcast"), link_pointtopoint = function() return true end,
  permaddr = plain("perm_lladdr"),
  promiscuity = plain("promiscuity"), allmulti = plain("allmulti"), min_mtu = plain("min_mtu"),
  max_mtu = plain("max_mtu", 0), inet6_addr_gen_mode = plain("inet6_addr_gen_mode"),
  num_tx_queues = plain("num_tx_queues"), num_rx_queues = plain("num_rx_queues"),
  gso_max_size = plain("gso_max_size"), gso_max_segs = plain("gso_max_segs"),
  tso_max_size = plain("tso_max_size"), tso_max_segs = plain("tso_max_segs"),
  gro_max_size = plain("gro_max_size"), gso_ipv4_max_size = plain("gso_ipv4_max_size"),
  gro_ipv4_max_size = plain("gro_ipv4_max_size"), ifalias = plain("alias"),
  altnames = names_of_ip("altnames"), parentbus = plain("parent_bus"),
  parentdev = plain("parent_dev"),
  ["linkinfo.info_kind"] = plain("kind"), ["linkinfo.info_slave_kind"] = plain("member_kind"),
  ["stats64.tx.carrier_changes"] = plain("carrier_changes"),
  ["stats64.rx.multicast"] = plain("multicast"), ["stats64.tx.collisions"] = plain("collisions"),
  ["stats64.rx.nohandler"] = plain("rx_nohandler"),
  ["stats64.rx.otherhost"] = plain("rx_otherhost_dropped"),
}
for _, name in ipairs({ "bytes", "packets", "errors", "dropped", "over_errors", "length_errors",
  "crc_errors", "frame_errors", "fifo_errors", "missed_errors", "compressed" }) do
  common["stats64.rx." .. name] = plain("rx_" .. name)
end
for _, name in ipairs({ "bytes", "packets", "errors", "dropped", "carrier_errors", "compressed",
  "aborted_errors", "fifo_errors", "window_errors", "heartbeat_errors" }) do
  common["stats64.tx." .. name] = plain("tx_" .. name)
end

-- The data of each kind; where a name is missing, it is KIND_name.
local data = {
  bridge = {
    forward_delay = times("bridge_forward_delay", 100),
    hello_time = times("bridge_hello_time", 100), max_age = times("bridge_max_age", 100),
    ageing_time = times("bridge_ageing_time", 100),
    stp_state = number_of("bridge_stp", "off", "kernel", "user"),
    vlan_filtering = digit("bridge_vlan_filtering"),
    vlan_protocol = function(r) return (r.bridge_vlan_protocol:gsub("q", "Q")) end,
    bridge_id = bridge_id("bridge_id_priority", "bridge_id_lladdr"),
    root_id = bridge_id("bridge_root_priority", "bridge_root_lladdr"),
    root_port = plain("bridge_root_port", 0),
    topology_change = digit("bridge_topology_change"),
    topology_change_detected = digit("bridge_topology_change_detected"),
    hello_timer = running("bridge_hello_timer"), tcn_timer = running("bridge_tcn_timer"),
    topology_change_timer = running("bridge_topology_change_timer"),
    gc_timer = running("bridge_gc_timer"),
    vlan_default_pvid = plain("bridge_vlan_default_pvid"),
    vlan_stats_enabled = digit("bridge_vlan_stats"),
    vlan_stats_per_port = digit("bridge_vlan_stats_per_port"),
    group_fwd_mask = hex("bridge_group_fwd_mask", "%#x"), group_addr = plain("bridge_group_lladdr"),
    mcast_snooping = digit("bridge_mcast_snooping"),
    no_linklocal_learn = function(r)
      return place(r.bridge_options or {}, "no_ll_learn") and 1 or 0
    end,
    mcast_vlan_snooping = function(r)
      return place(r.bridge_options or {}, "mcast_vlan_snooping") and 1 or 0
    end,
    mcast_router = number_of("bridge_mcast_router", table.unpack(router)),
    mcast_query_use_ifaddr = digit("bridge_mcast_query_use_ifaddr"),
    mcast_querier = digit("bridge_mcast_querier"),
    mcast_last_member_cnt = plain("bridge_mcast_last_member_count"),
    mcast_startup_query_cnt = plain("bridge_mcast_startup_query_count"),
    mcast_last_member_intvl = times("bridge_mcast_last_member_interval", 100),
    mcast_membership_intvl = times("bridge_mcast_membership_interval", 100),
    mcast_querier_intvl = times("bridge_mcast_querier_interval", 100),
    mcast_query_intvl = times("bridge_mcast_query_interval", 100),
    mcast_query_response_intvl = times("bridge_mcast_query_response_interval", 100),
    mcast_startup_query_intvl = times("bridge_mcast_startup_query_interval", 100),
    mcast_stats_enabled = digit("bridge_mcast_stats"),
    nf_call_iptables = digit("bridge_nf_call_iptables"),
    nf_call_ip6tables = digit("bridge_nf_call_ip6tables"),
    nf_call_arptables = digit("bridge_nf_call_arptables"),
    mcast_querier_ipv4_addr = plain("bridge_querier"),
    mcast_querier_ipv6_addr = plain("bridge_querier6"),
  },
  veth = {},
  vlan = {
    protocol = function(r) return (r.vlan_protocol:gsub("q", "Q")) end,
    flags = function(r) return table.concat(r.vlan_flags, " "):upper() end,
  },
  vxlan = {
    id = plain("vxlan_vni"), link = plain("vxlan_dev"),
    remote6 = plain("vxlan_remote"), local6 = plain("vxlan_local"),
    ["port_range.low"] = plain("vxlan_sport_min", 0),
    ["port_range.high"] = plain("vxlan_sport_max", 0),
    tos = hex("vxlan_tos", "%#x"), ttl = plain("vxlan_ttl", 0),
    ttl_inherit = plain("vxlan_ttl_inherit"),
  },
  macvlan = {
    macaddr_data = names_of_ip("macvlan_sources"), macaddr_count = plain("macvlan_source_count"),
    bcqueuelen = plain("macvlan_bc_queue_len"),
    usedbcqueuelen = plain("macvlan_bc_queue_len_used"),
  },
  tun = {
    numqueues = plain("tun_num_queues"), numdisabled = plain("tun_num_disabled_queues"),
    group = function(r, said) return r.tun_gid == 65534 and said end,
  },
  bond = {
    miimon = times("bond_miimon", 1000), updelay = times("bond_updelay", 1000),
    downdelay = times("bond_downdelay", 1000),
    peer_notify_delay = times("bond_peer_notif_delay", 1000),
    arp_interval = times("bond_arp_interval", 1000), use_carrier = digit("bond_use_carrier"),
    ad_lacp_rate = plain("bond_lacp_rate"), ad_lacp_active = function(r)
      return r.bond_lacp_active and "on" or "off"
    end,
    all_slaves_active = digit("bond_all_slaves_active"),
    tlb_dynamic_lb = digit("bond_tlb_dynamic_lb"), arp_missed_max = plain("bond_missed_max"),
    arp_validate = function(r, said) return r.bond_arp_validate == "none" and said end,
    arp_all_targets = plain("bond_arp_all_targets"),
  },
  vrf = {}, ipvlan = {}, gre = {}, ipip = {}, sit = {}, dummy = {}, ifb = {},
  geneve = { id = plain("geneve_vni") },
}
data.macvtap = data.macvlan

local member_data = {
  bridge = {
    hairpin = plain("port_hairpin"), root_block = plain("port_root_block"),
    fastleave = plain("port_mcast_fast_leave"),
    id = hex("port_id", "%#x"), no = hex("port_no", "%#x"),
    bridge_id = bridge_id("port_designated_priority", "port_designated_lladdr"),
    root_id = bridge_id("port_root_priority", "port_root_lladdr"),
    hold_timer = running("port_hold_timer"), message_age_timer = running("port_message_age_timer"),
    forward_delay_timer = running("port_forward_delay_timer"),
    topology_change_ack = digit("port_topology_change_ack"),
    config_pending = digit("port_config_pending"),
    multicast_router = number_of("port_mcast_router", table.unpack(router)),
    group_fwd_mask = hex("port_group_fwd_mask", "%#x"),
    group_fwd_mask_str = function(_, said) return said end,
    mcast_to_unicast = plain("port_mcast_to_unicast"),
  },
  vrf = { table = plain("vrf_member_table") },
  bond = {},
}
local member_prefix = { bridge = "port_", bond = "bond_slave_", vrf = "vrf_member_" }
local kind_prefix = { macvtap = "macvlan_", ipip = "iptun_", sit = "iptun_" }

-- The leaves of a table of JSON, by path; lists of plain values are one leaf.
local function leaves(t, prefix, out)
  for key, v in pairs(t) do
    local path = prefix .. key
    if type(v) ~= "table" or v == json.null then
      out[path] = v
    elseif v[1] and type(v[1]) ~= "table" then
      local list = table.move(v, 1, #v, 1, {})
      if path == "flags" then
        table.sort(list)
      end
      out[path] = table.concat(list, " ")
    elseif next(v) then
      leaves(v, path .. ".", out)
    end
  end
  return out
end

local missing_fields = {}

-- What the record says in the place of this leaf.
local function answer(r, path, said)
  local own = common[path]
  local name = path:match("^linkinfo%.info_data%.(.+)$")
  local prefix = (kind_prefix[r.kind] or tostring(r.kind) .. "_")
  local special = data[r.kind]
  if not name then
    name = path:match("^linkinfo%.info_slave_data%.(.+)$")
    if name then
      special = member_data[r.member_kind]
      prefix = member_prefix[r.member_kind]
    end
  end
  if name then
    lu.assertNotNil(special, "kind " .. tostring(r.kind) .. " is not compared")
    own = special[name]
    if not own then
      own = plain(prefix .. name)
    end
  end
  if not own then
    missing_fields[#missing_fields + 1] = path
    return said
  end
  local ok, result = pcall(own, r, said)
  return ok and result or (not ok and "an error: " .. tostring(result)) or result
end

local function differences(options)
  local result = S.run({ "ip", "-d", "-s", "-s", "-j", "link" })
  assert(result.code == 0, result.err)
  local told, seen = json.decode(result.out), {}
  local list, n, compared = {}, 0, 0
  for r in links(options or {}) do
    seen[r.index] = r
    n = n + 1
  end
  for _, link in ipairs(told) do
    local r = seen[link.ifindex]
    if not r then
      list[#list + 1] = "no link " .. link.ifindex
    else
      for path, said in pairs(leaves(link, "", {})) do
        local got = answer(r, path, said)
        compared = compared + 1
        if got ~= said and not (said == 0 and got == false) and not (said == 1 and got == true) then
          list[#list + 1] = link.ifname .. " " .. path .. ": ip says " .. tostring(said)
            .. ", connsh " .. tostring(got)
        end
      end
    end
  end
  if n ~= #told then
    list[#list + 1] = n .. " rows, ip has " .. #told
  end
  return list, compared
end

TestLinks = {}

-- Counters grow between two looks, so a difference must last.
function TestLinks:test_all_that_ip_tells()
  local list, compared
  for _ = 1, 8 do
    list, compared = differences()
    if #list == 0 then
      break
    end
    sleep(0.2)
  end
  lu.assertEquals(table.concat(list, "\n"), "")
  lu.assertEquals(table.concat(missing_fields, " "), "", "not compared")
  lu.assertTrue(compared > 700, "only " .. compared .. " values were compared")
end

-- What ip 6.1 does not print, or not of these.
function TestLinks:test_what_was_set()
  local va, vx4, vx6 = links { name = "va" }:first(), links { name = "vx4" }:first(),
    links { name = "vx6" }:first()
  local vb = links { name = "vb" }:first()
  lu.assertEquals({ va.peer, va.peer_index, va.peer_netnsid }, { "vb", vb.index })
  lu.assertEquals({ va.group, va.qlen, va.mtu, va.master }, { 42, 77, 1400, "br0" })
  lu.assertEquals({ va.port_cost, va.port_priority, va.port_isolated }, { 7, 5, true })
  lu.assertIsNil(va.bridge_priority)
  lu.assertIsNil(va.vxlan_vni)
  lu.assertEquals({ vx4.vxlan_vni, vx4.vxlan_port, vx4.vxlan_sport_min, vx4.vxlan_sport_max },
    { 5, 4790, 4000, 5000 })
  lu.assertEquals({ vx4.vxlan_remote, vx4.vxlan_local, vx4.vxlan_gbp, vx4.vxlan_gpe },
    { "10.99.0.1", "127.0.0.5", true, false })
  lu.assertEquals({ vx6.vxlan_remote, vx6.vxlan_local, vx6.vxlan_dev }, { "fd00::1", "fd00::2" })
  local br0 = links { name = "br0" }:first()
  lu.assertEquals({ br0.bridge_forward_delay, br0.bridge_max_age, br0.bridge_priority },
    { 10.0, 15.0, 4096 })
  lu.assertEquals(#links { kind = "bridge", { "bridge_max_age", ">", "14s" } }, 1)
  lu.assertEquals(#links { kind = "bridge", { "bridge_max_age", ">", "15s" } }, 0)
  local mv0 = links { name = "mv0" }:first()
  lu.assertItemsEquals(mv0.macvlan_sources, { "02:00:00:00:00:01", "02:00:00:00:00:02" })
  lu.assertEquals({ mv0.link, mv0.peer }, { "vb" })
  local tap0 = links { name = "tap0" }:first()
  lu.assertEquals({ tap0.kind, tap0.tun_type, tap0.tun_user, tap0.tun_gid, tap0.tun_multi_queue },
    { "tun", "tap", "nobody", 65534, true })
end

function TestLinks:test_pair_across_namespaces()
  local other = tostring(other_pid)
  local vc = links { name = "vc" }:first()
  local vd = links { name = "vd", netns = other }:first()
  lu.assertEquals({ vc.peer_index, vd.peer_index }, { vd.index, vc.index })
  -- nothing of the other namespace has a name here
  lu.assertIsNil(vc.peer)
  lu.assertIsNil(vc.link)
  lu.assertIsNil(vd.peer)
  lu.assertEquals(vc.link_netnsid, vc.peer_netnsid)
  lu.assertTrue(vc.peer_netnsid >= 0)
  lu.assertTrue(vd.peer_netnsid >= 0)
  lu.assertEquals(vd.netns, other)
  lu.assertEquals(vd.num_tx_queues, 2)
  local shown = S.run({ "nsenter", "-t", other, "-n", "ip", "-j", "link", "show", "vd" })
  lu.assertEquals(vd.peer_netnsid, json.decode(shown.out)[1].link_netnsid)
  lu.assertEquals(#links { peer_netnsid = true }, 1)
end

local function setting(family, link, name, value)
  local path = "/proc/sys/net/" .. family .. "/conf/" .. link .. "/" .. name
  if value then
    local file = io.open(path, "w")
    if file then
      file:write(tostring(value))
      file:close()
    end
  end
  local file = io.open(path)
  local text = file and file:read("l")
  if file then
    file:close()
  end
  return tonumber(text)
end

local sysctls = {
  ipv4 = {
    inet_forwarding = { "forwarding", 1 }, inet_mc_forwarding = { "mc_forwarding" },
    inet_rp_filter = { "rp_filter", 2 }, inet_accept_local = { "accept_local", 1 },
    inet_route_localnet = { "route_localnet", 1 },
    inet_accept_redirects = { "accept_redirects", 0 },
    inet_send_redirects = { "send_redirects", 0 },
    inet_accept_source_route = { "accept_source_route", 1 },
    inet_log_martians = { "log_martians", 1 }, inet_proxy_arp = { "proxy_arp", 1 },
    inet_arp_filter = { "arp_filter", 1 }, inet_arp_announce = { "arp_announce", 2 },
    inet_arp_ignore = { "arp_ignore", 8 }, inet_arp_accept = { "arp_accept", 1 },
    inet_promote_secondaries = { "promote_secondaries", 1 },
    inet_ignore_routes_with_linkdown = { "ignore_routes_with_linkdown", 1 },
  },
  ipv6 = {
    inet6_disabled = { "disable_ipv6" }, inet6_forwarding = { "forwarding", 1 },
    inet6_hop_limit = { "hop_limit", 33 }, inet6_mtu = { "mtu", 1300 },
    inet6_accept_ra = { "accept_ra", 2 }, inet6_autoconf = { "autoconf", 0 },
    inet6_accept_dad = { "accept_dad", 2 }, inet6_accept_redirects = { "accept_redirects", 0 },
    inet6_use_tempaddr = { "use_tempaddr", -1 },
    inet6_keep_addr_on_down = { "keep_addr_on_down", -1 }, inet6_proxy_ndp = { "proxy_ndp", 1 },
    inet6_ignore_routes_with_linkdown = { "ignore_routes_with_linkdown", 1 },
  },
}

-- Each as it is by itself, and as it is when it was set to something else.
function TestLinks:test_settings_of_ip()
  local function compare(name, set)
    for family, fields in pairs(sysctls) do
      for field, what in pairs(fields) do
        local value = setting(family, name, what[1], set and what[2])
        lu.assertNotNil(value, what[1])
        local got = links { name = name }:first()[field]
        if type(got) == "boolean" then
          got, value = got and 1 or 0, value ~= 0 and 1 or 0
        end
        lu.assertEquals(got, value, name .. " " .. field)
      end
    end
  end
  compare("mv0")
  compare("mv0", true)
  ip(words("link set mv0 addrgenmode random"))
  lu.assertEquals(links { name = "mv0" }:first().inet6_addr_gen_mode, "random")
end

function TestLinks:test_token()
  lu.assertIsNil(links { name = "va" }:first().inet6_token)
  ip(words("token set ::7 dev vc"))
  lu.assertEquals(links { name = "vc" }:first().inet6_token, "::7")
end

local function is_va_or_vb(r)
  return r.name == "va" or r.name == "vb"
end

-- What the kernel filters, against the same filter in Lua.
function TestLinks:test_filters()
  local all = links:list()
  for _, case in ipairs({
    { { master = "br0" }, function(r) return r.master == "br0" end, 1 },
    { { kind = "veth" }, function(r) return r.kind == "veth" end, 3 },
    { { kind = "veth", master = "br0" }, function(r) return r.name == "va" end, 1 },
    { { kind = "VETH" }, function(r) return r.kind == "VETH" end, 0 },
    { { kind = "no such kind" }, function() return false end, 0 },
    { { kind = ("x"):rep(500) }, function() return false end, 0 },
    { { master = "nosuch" }, function() return false end, 0 },
    { { name = "vb" }, function(r) return r.name == "vb" end, 1 },
    { { name = "second" }, function() return false end, 0 },
    { { altnames = "second" }, function(r) return r.name == "vb" end, 1 },
    { { index = 1 }, function(r) return r.name == "lo" end, 1 },
    { { index = 1, name = "vb" }, function() return false end, 0 },
    { { index = 987654 }, function() return false end, 0 },
    { { index = -1 }, function() return false end, 0 },
    { { index = 0 }, function() return false end, 0 },
    { { master_index = 0 }, function() return false end, 0 },
    { { flags = "loopback" }, function(r) return r.name == "lo" end, 1 },
    { { kind = false }, function(r) return r.kind == nil end, 1 },
    { { { "or", { name = "vb" }, { name = "va" } } }, is_va_or_vb, 2 },
    { { name = { "vb", "va" } }, is_va_or_vb, 2 },
  }) do
    local want, got = {}, {}
    for _, r in ipairs(all) do
      want[#want + 1] = case[2](r) and r.name or nil
    end
    for r in links(case[1]) do
      got[#got + 1] = r.name
    end
    lu.assertEquals(got, want, lu.prettystr(case[1]))
    lu.assertEquals(#got, case[3], lu.prettystr(case[1]))
  end
end

-- One link is asked for by itself, and that too is netlink.
function TestLinks:test_one()
  local q = links { name = "vb" }
  lu.assertEquals({ #q, q.source, q.complete, q.warnings }, { 1, "netlink", true, {} })
  lu.assertStrContains(q:explain(), "the one with index " .. q:first().index)
  lu.assertStrContains(links { name = "nosuch" }:explain(), "none has this name")
  lu.assertStrContains(links { kind = "veth", master = "br0" }:explain(), "kind veth, master ")
end

-- Any bytes: they come as they are, and are printed so that a row is one line.
function TestLinks:test_hostile_names()
  local alias = "a\27[31m\nb\tc\255\"'\\ \226\128\174d"
  ip("link", "set", "vb", "alias", alias)
  lu.assertEquals(links { name = "vb" }:first().alias, alias)
  lu.assertEquals(links { alias = alias }:first().name, "vb")
  local printed = S.connsh("-q", "links{name='vb'}", "--columns", "name,alias").out
  lu.assertEquals(select(2, printed:gsub("\n", "")), 2)
  lu.assertNotStrContains(printed, "\27")
  lu.assertNotStrContains(printed, "\226\128\174")
  local name = "x\27[2J\255y"
  if try("link", "property", "add", "dev", "vb", "altname", name) then
    lu.assertEquals(links { altnames = name }:first().name, "vb")
    lu.assertNotStrContains(S.connsh("-p", "links{name='vb'}:first()").out, "\27")
    ip("link", "property", "del", "dev", "vb", "altname", name)
  end
  ip("link", "set", "vb", "alias", "")
  lu.assertIsNil(links { name = "vb" }:first().alias)
  -- a name that is one only with its NUL cut off
  lu.assertEquals(#links { name = "vb\0" }, 0)
  lu.assertEquals(#links { kind = "veth\0" }, 0)
end

-- A record whose link has gone keeps what it has.
function TestLinks:test_gone()
  ip(words("link add gone0 type bridge"))
  local r = links { name = "gone0" }:first()
  ip(words("link del gone0"))
  -- this one would have to be asked for
  lu.assertIsNil(r.num_vf)
  lu.assertEquals({ r.name, r.kind, r.rx_bytes }, { "gone0", "bridge", 0 })
end

function TestLinks:test_recording()
  local path = S.temporary("")
  local columns = "name,kind,rx_errors,tun_type,vxlan_vni,port_cost"
  local query = { "-q", "links<name='vx4'>", "-o", "csv", "--columns", columns }
  local live = S.connsh("--record", path, table.unpack(query))
  lu.assertEquals(live.err, "")
  lu.assertEquals(live.out, "name,kind,rx_errors,tun_type,vxlan_vni,port_cost\nvx4,vxlan,0,,5,\n")
  local played = S.connsh("--replay", path, table.unpack(query))
  lu.assertEquals({ played.out, played.err, played.code }, { live.out, "", 0 })
  -- of one question all others can be answered
  local all = S.connsh("--replay", path, "-e",
    "print(#links, links{name='va'}:first().tx_packets ~= nil)")
  lu.assertEquals(all.out, #links .. "\ttrue\n")
end

-- vx4 has no route to its other end: each packet is an error.
function TestLinks:test_errors_rise()
  ip(words("link set vx4 up"))
  ip(words("addr add 10.98.0.1/24 dev vx4"))
  ip(words("neigh add 10.98.0.2 lladdr 02:00:00:00:00:02 dev vx4"))
  local sender = io.popen("exec timeout 30 bash -c 'echo $$; while sleep 0.02; do "
    .. "echo x >/dev/udp/10.98.0.2/9; done' 2>/dev/null")
  local pid = sender:read("l")
  sleep(0.3)
  local result = S.connsh("-q", 'links:rate(1):where("tx_errors_rate", ">", 0)', "-o", "csv",
    "--columns", "name,tx_errors_rate,rx_errors_rate")
  local rows = links:rate(0.5):where("tx_errors_rate", ">", 5):list()
  os.execute("kill " .. pid)
  sender:close()
  lu.assertEquals(result.err, "")
  local rate = result.out:match("^name,tx_errors_rate,rx_errors_rate\nvx4,([%d.]+),0[.0]*\n$")
  rate = lu.assertNotNil(rate, result.out) or tonumber(rate)
  lu.assertTrue(rate > 2 and rate < 60, result.out)
  lu.assertEquals(#rows, 1)
  lu.assertEquals(rows[1].name, "vx4")
  lu.assertTrue(rows[1].tx_errors > 10)
end

-- A dump of many datagrams.
function TestLinks:test_many()
  local batch = {}
  for i = 1, 300 do
    batch[i] = "link add many" .. i .. " type bridge\n"
  end
  local program = [[
    local n, seen, bytes = 0, {}, 0
    for l in links do
      n = n + 1
      seen[l.name] = l.index
      bytes = bytes + l.rx_bytes
    end
    print(n, seen.many1 ~= nil, seen.many300 ~= nil, links.complete, bytes,
      #links{kind="bridge", {"index", ">", 0}}, links{name="many234"}:first().kind)]]
  local made = S.run({ "unshare", "-n", "sh", "-c", 'ip -b - && exec "$0" "$@"',
    S.connsh_path(), "-e", program },
    { stdin = table.concat(batch) })
  lu.assertEquals(made.err, "")
  lu.assertEquals(made.out, "301\ttrue\ttrue\ttrue\t0\t300\tbridge\n")
end

-- Runs last: no process of ours stays.
function TestLinks:test_zz_end()
  os.execute("kill " .. other_pid)
  neighbour:close()
  lu.assertIsNil(io.open("/proc/" .. other_pid .. "/status"))
end

S.main()
