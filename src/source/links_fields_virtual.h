/* Fields of `links`: pairs, vlans, macvlans, ipvlans, VRFs, tun and tap, netkit, xfrm. */
/* clang-format off */
	{ .name = "peer", .type = FT_TEXT, .get = get_lower, .cost = COST_LOOKUP,
	  .when = of_kind, .kind = "veth netkit", ATTR(IFLA_LINK, 4),
	  .doc = "Other end of a pair, when it is in this namespace." },
	{ .name = "peer_index", .type = FT_INT, .when = of_kind, .kind = "veth netkit",
	  ATTR(IFLA_LINK, 4), NONE(0),
	  .doc = "Number of the other end of a pair, in the namespace peer_netnsid." },
	{ .name = "peer_netnsid", .type = FT_INT, .when = of_kind, .kind = "veth netkit",
	  ATTR(IFLA_LINK_NETNSID, 4), NONE(UINT64_MAX), .flags = FF_SIGNED,
	  .doc = "Id, in this namespace, of the namespace of the other end; absent when that is this "
		 "one." },

#define VLAN(name, bytes) DATA_OF("vlan", IFLA_VLAN_##name, "IFLA_VLAN_" #name, bytes)
	{ .name = "vlan_id", .type = FT_INT, VLAN(ID, 2),
	  .doc = "Number of the vlan." },
	{ .name = "vlan_protocol", .type = FT_ENUM, .names = vlan_protocol_names, VLAN(PROTOCOL, 2),
	  .flags = FF_OPEN | FF_BIG_ENDIAN,
	  .doc = "Protocol of its tags: 802.1q or 802.1ad." },
	{ .name = "vlan_flags", .type = FT_ENUM, .names = vlan_flag_names, VLAN(FLAGS, 4), FLAGS,
	  .doc = "What is set of reorder_hdr, gvrp, mvrp, loose_binding and bridge_binding." },
#undef VLAN

#define MACVLAN(name, bytes) \
	DATA_OF("macvlan macvtap", IFLA_MACVLAN_##name, "IFLA_MACVLAN_" #name, bytes)
	{ .name = "macvlan_mode", .type = FT_ENUM, .names = macvlan_mode_names, MACVLAN(MODE, 4),
	  .doc = "Who sees whom: private, vepa, bridge, passthru or source." },
	{ .name = "macvlan_flags", .type = FT_ENUM, .names = macvlan_flag_names, MACVLAN(FLAGS, 2),
	  FLAGS,
	  .doc = "What is set of nopromisc and nodst." },
	{ .name = "macvlan_sources", .type = FT_LLADDR, LIST, MACVLAN(MACADDR_DATA, 0),
	  .doc = "Senders that it takes packets of, in mode source." },
	{ .name = "macvlan_source_count", .type = FT_INT, MACVLAN(MACADDR_COUNT, 4),
	  .doc = "How many senders it takes packets of, in mode source." },
	{ .name = "macvlan_bc_queue_len", .type = FT_INT, .unit = "packets",
	  MACVLAN(BC_QUEUE_LEN, 4),
	  .doc = "Broadcasts that it asked to queue." },
	{ .name = "macvlan_bc_queue_len_used", .type = FT_INT, .unit = "packets",
	  MACVLAN(BC_QUEUE_LEN_USED, 4),
	  .doc = "Broadcasts that are queued at most: the largest of what all on the link asked "
		 "for." },
	{ .name = "macvlan_bc_cutoff", .type = FT_INT, .flags = FF_SIGNED,
	  DATA_OF("macvlan macvtap", IFLA_MACVLAN_BC_QUEUE_LEN_USED + 1, "IFLA_MACVLAN_BC_CUTOFF",
		  4),
	  .doc = "A multicast to more members than this goes through the queue (Linux 6.4)." },
#undef MACVLAN

#define IPVLAN(name, bytes) \
	DATA_OF("ipvlan ipvtap", IFLA_IPVLAN_##name, "IFLA_IPVLAN_" #name, bytes)
	{ .name = "ipvlan_mode", .type = FT_ENUM, .names = ipvlan_mode_names, IPVLAN(MODE, 2),
	  .doc = "Where it parts packets: l2, l3 or l3s." },
	{ .name = "ipvlan_flags", .type = FT_ENUM, .names = ipvlan_flag_names, IPVLAN(FLAGS, 2),
	  FLAGS,
	  .doc = "What is set of private and vepa." },
#undef IPVLAN

	{ .name = "vrf_table", .type = FT_INT, DATA_OF("vrf", IFLA_VRF_TABLE, "IFLA_VRF_TABLE", 4),
	  .doc = "Routing table of the VRF." },
	{ .name = "vrf_member_table", .type = FT_INT,
	  MEMBER_OF("vrf", IFLA_VRF_PORT_TABLE, "IFLA_VRF_PORT_TABLE", 4),
	  .doc = "Routing table of the VRF that it is a member of." },

#define TUN(name, bytes) DATA_OF("tun", IFLA_TUN_##name, "IFLA_TUN_" #name, bytes)
	{ .name = "tun_type", .type = FT_ENUM, .names = tun_type_names, TUN(TYPE, 1),
	  .doc = "tun passes IP packets, tap Ethernet frames." },
	{ .name = "tun_uid", .type = FT_INT, TUN(OWNER, 4),
	  .doc = "User id that may attach to it; absent when that was not set." },
	{ .name = "tun_user", .type = FT_TEXT, .get = get_user_name, .cost = COST_LOOKUP,
	  TUN(OWNER, 4),
	  .doc = "Login name of the user that may attach to it." },
	{ .name = "tun_gid", .type = FT_INT, TUN(GROUP, 4),
	  .doc = "Group id that may attach to it; absent when that was not set." },
	{ .name = "tun_pi", .type = FT_BOOL, TUN(PI, 1),
	  .doc = "Packets have the protocol in front of them (no IFF_NO_PI)." },
	{ .name = "tun_vnet_hdr", .type = FT_BOOL, TUN(VNET_HDR, 1),
	  .doc = "Packets have a virtio header in front of them." },
	{ .name = "tun_persist", .type = FT_BOOL, TUN(PERSIST, 1),
	  .doc = "It stays when no program has it open." },
	{ .name = "tun_multi_queue", .type = FT_BOOL, TUN(MULTI_QUEUE, 1),
	  .doc = "Several programs or threads may attach, each with a queue." },
	{ .name = "tun_num_queues", .type = FT_INT, TUN(NUM_QUEUES, 4),
	  .doc = "Queues that are attached, when there can be several." },
	{ .name = "tun_num_disabled_queues", .type = FT_INT, TUN(NUM_DISABLED_QUEUES, 4),
	  .doc = "Queues that are attached and turned off, when there can be several." },
#undef TUN

/* <linux/if_link.h> of Linux 6.7, 6.12 and 6.14 */
#define NETKIT(number, name, bytes) DATA_OF("netkit", number, "IFLA_NETKIT_" name, bytes)
	{ .name = "netkit_primary", .type = FT_BOOL, NETKIT(2, "PRIMARY", 1),
	  .doc = "It is the end that programs are attached to for both." },
	{ .name = "netkit_policy", .type = FT_ENUM, .names = netkit_policy_names,
	  NETKIT(3, "POLICY", 4), .flags = FF_OPEN,
	  .doc = "What becomes of packets without a program: forward or blackhole." },
	{ .name = "netkit_peer_policy", .type = FT_ENUM, .names = netkit_policy_names,
	  NETKIT(4, "PEER_POLICY", 4), .flags = FF_OPEN,
	  .doc = "The same of the other end." },
	{ .name = "netkit_mode", .type = FT_ENUM, .names = netkit_mode_names, NETKIT(5, "MODE", 4),
	  .doc = "What it passes: l2 (Ethernet frames) or l3 (IP packets)." },
	{ .name = "netkit_scrub", .type = FT_ENUM, .names = netkit_scrub_names,
	  NETKIT(6, "SCRUB", 4), .flags = FF_OPEN,
	  .doc = "What is taken off packets that leave the namespace: default, or none." },
	{ .name = "netkit_peer_scrub", .type = FT_ENUM, .names = netkit_scrub_names,
	  NETKIT(7, "PEER_SCRUB", 4), .flags = FF_OPEN,
	  .doc = "The same of the other end." },
	{ .name = "netkit_headroom", .type = FT_BYTES, .unit = "bytes", NETKIT(8, "HEADROOM", 2),
	  .doc = "Bytes that were set as needed in front of packets." },
	{ .name = "netkit_tailroom", .type = FT_BYTES, .unit = "bytes", NETKIT(9, "TAILROOM", 2),
	  .doc = "Bytes that were set as needed behind packets." },
#undef NETKIT

#define XFRM(name, bytes) DATA_OF("xfrm", IFLA_XFRM_##name, "IFLA_XFRM_" #name, bytes)
	{ .name = "xfrm_if_id", .type = FT_INT, XFRM(IF_ID, 4),
	  .doc = "Id that policies and states of IPsec name it by." },
	{ .name = "xfrm_dev", .type = FT_TEXT, LOOKUP, XFRM(LINK, 4),
	  .doc = "Device below it, for offload." },
	{ .name = "xfrm_external", .type = FT_BOOL, .get = get_present, XFRM(COLLECT_METADATA, 0),
	  .doc = "The id is taken from each packet's metadata." },
#undef XFRM
	/* clang-format on */
