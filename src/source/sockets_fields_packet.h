/*
 * Rows of the table in sockets_fields.c, which includes this: fields that several of
 * the kinds without addresses have, and those of packet sockets (<linux/packet_diag.h>).
 */
/* clang-format off */
#define PACKET(type, at, bytes) .shape = &shape_packet, .attr = type, .offset = at, .size = bytes
#define SHOW(what) .needs = PACKET_NEEDS(PACKET_SHOW_##what), .cost = COST_REQUEST
#define PACKET_INFO(member) \
	PACKET(ATTR_ZERO, offsetof(struct packet_diag_info, member), 4), .from = #member
#define RING(way, member) \
	PACKET(PACKET_DIAG_##way##_RING, offsetof(struct packet_diag_ring, member), 4), \
	SHOW(RING_CFG), .from = #member
/* Until Linux 4.6 netlink sockets had rings too; theirs begin with the same members. */
#define EITHER_RING(way, member) \
	.places = (const struct place[]){ \
		{ .shape = &shape_packet, .attr = PACKET_DIAG_##way##_RING, \
		  .offset = offsetof(struct packet_diag_ring, pdr_##member), .size = 4 }, \
		{ .shape = &shape_netlink, .attr = NETLINK_DIAG_##way##_RING, \
		  .offset = offsetof(struct netlink_diag_ring, ndr_##member), .size = 4 }, \
		{ .shape = NULL } }, \
	.needs = PACKET_NEEDS(PACKET_SHOW_RING_CFG) | NETLINK_NEEDS(NDIAG_SHOW_RING_CFG), \
	.cost = COST_REQUEST, .from = "pdr_" #member

	{ .name = "protocol", .type = FT_TEXT, .get = get_protocol, .get_more = more_protocols,
	  .places = protocol_places, .flags = FF_COLUMN,
	  .from = "pdiag_num, ndiag_protocol, idiag_sport of a raw socket",
	  .doc = "What a packet socket receives (all, ip, arp, ipv6 ... or an ethertype such as "
		 "0x88b5; absent when nothing), or which netlink family it is (route, sock-diag, "
		 "generic ...); of a raw socket the protocol of IP (icmp, ospf ...); a condition "
		 "takes the number too." },
	{ .name = "protocol_number", .type = FT_INT, .get = get_protocol_number,
	  .places = protocol_places, .from = "pdiag_num, ndiag_protocol, idiag_sport of a raw socket",
	  .doc = "The same as a number: an ethertype (0 receives nothing), a netlink family, a "
		 "protocol of IP." },
	{ .name = "flags", .type = FT_ENUM, .names = sock_flag_names, .get = get_flags,
	  .places = flags_places, .flags = FF_LIST, .needs = NETLINK_NEEDS(NDIAG_SHOW_FLAGS),
	  .cost = COST_REQUEST, .from = "pdi_flags, NETLINK_DIAG_FLAGS",
	  .doc = "What is set: of packet running, auxdata, origdev, vnethdr, loss; of netlink "
		 "cb-running (a dump is under way), pktinfo, broadcast-error, no-enobufs, "
		 "listen-all-nsid, cap-ack." },

	{ .name = "ring_version", .type = FT_ENUM, .names = tpacket_names, PACKET_INFO(pdi_version),
	  .doc = "Layout of the frames of its rings (PACKET_VERSION): v1, v2 or v3." },
	{ .name = "ring_reserve", .type = FT_BYTES, .unit = "bytes", PACKET_INFO(pdi_reserve),
	  .doc = "Room before the headers of each frame (PACKET_RESERVE)." },
	{ .name = "copy_threshold", .type = FT_BYTES, .unit = "bytes", PACKET_INFO(pdi_copy_thresh),
	  .doc = "Packets that are too long for a frame are also queued whole if this is set "
		 "(PACKET_COPY_THRESH)." },
	{ .name = "tstamp", .type = FT_ENUM, .names = tstamp_names, PACKET_INFO(pdi_tstamp),
	  .flags = FF_LIST | FF_BITS,
	  .doc = "Timestamps that its frames carry (PACKET_TIMESTAMP)." },
	{ .name = "rx_ring_block_size", .type = FT_BYTES, .unit = "bytes",
	  EITHER_RING(RX, block_size), .doc = "Bytes of each block of the receive ring (PACKET_RX_RING)." },
	{ .name = "rx_ring_blocks", .type = FT_INT, EITHER_RING(RX, block_nr),
	  .doc = "Blocks of the receive ring." },
	{ .name = "rx_ring_frame_size", .type = FT_BYTES, .unit = "bytes",
	  EITHER_RING(RX, frame_size), .doc = "Bytes of each frame of the receive ring." },
	{ .name = "rx_ring_frames", .type = FT_INT, EITHER_RING(RX, frame_nr),
	  .doc = "Frames of the receive ring." },
	{ .name = "rx_ring_timeout", .type = FT_DURATION, .unit = "s", .scale = 1e-3,
	  RING(RX, pdr_retire_tmo), NONE(0),
	  .doc = "After that time a block that is not full is handed over (v3)." },
	{ .name = "rx_ring_private", .type = FT_BYTES, .unit = "bytes",
	  RING(RX, pdr_sizeof_priv), NONE(0), .doc = "The program's own room in each block (v3)." },
	{ .name = "rx_ring_features", .type = FT_ENUM, .names = ring_feature_names,
	  .flags = FF_LIST | FF_BITS, RING(RX, pdr_features),
	  .doc = "What the frames of the receive ring have beside the packet (v3)." },
	{ .name = "tx_ring_block_size", .type = FT_BYTES, .unit = "bytes",
	  EITHER_RING(TX, block_size), .doc = "Bytes of each block of the send ring (PACKET_TX_RING)." },
	{ .name = "tx_ring_blocks", .type = FT_INT, EITHER_RING(TX, block_nr),
	  .doc = "Blocks of the send ring." },
	{ .name = "tx_ring_frame_size", .type = FT_BYTES, .unit = "bytes",
	  EITHER_RING(TX, frame_size), .doc = "Bytes of each frame of the send ring." },
	{ .name = "tx_ring_frames", .type = FT_INT, EITHER_RING(TX, frame_nr),
	  .doc = "Frames of the send ring." },
	{ .name = "fanout", .type = FT_INT, PACKET(PACKET_DIAG_FANOUT, 0, 4), BITS(0, 0xffff),
	  SHOW(FANOUT), .from = "PACKET_DIAG_FANOUT",
	  .doc = "Number of the group of sockets that share the packets (PACKET_FANOUT)." },
	{ .name = "fanout_type", .type = FT_ENUM, .names = fanout_names,
	  PACKET(PACKET_DIAG_FANOUT, 0, 4), BITS(16, 0xff), SHOW(FANOUT),
	  .from = "PACKET_DIAG_FANOUT",
	  .doc = "How the group shares them: hash, lb, cpu, rollover, rnd, qm, cbpf or ebpf." },
	{ .name = "filter", .type = FT_TEXT, .get = get_filter, .shape = &shape_packet,
	  .flags = FF_LIST | FF_NET_ADMIN, SHOW(FILTER), .from = "PACKET_DIAG_FILTER",
	  .doc = "The classic BPF program that it is filtered by, an instruction an item, as "
		 "'code jt jf k' in decimal; the kernel tells it to CAP_NET_ADMIN only." },
	{ .name = "filter_length", .type = FT_INT, .get = get_filter_length,
	  .shape = &shape_packet, .flags = FF_NET_ADMIN, SHOW(FILTER),
	  .from = "PACKET_DIAG_FILTER",
	  .doc = "Instructions of its filter; absent without one, and without CAP_NET_ADMIN." },
	{ .name = "memberships", .type = FT_TEXT, .get = get_memberships, .shape = &shape_packet,
	  .flags = FF_LIST, SHOW(MCLIST), .from = "PACKET_DIAG_MCLIST",
	  .doc = "What it made a device receive (PACKET_ADD_MEMBERSHIP): 'promisc eth0', "
		 "'allmulti eth0', 'multicast eth0 01:00:5e:00:00:fb'." },
	{ .name = "promiscuous", .type = FT_BOOL, .get = get_promiscuous, .shape = &shape_packet,
	  SHOW(MCLIST), .from = "PACKET_DIAG_MCLIST",
	  .doc = "Keeps a device in promiscuous mode (PACKET_MR_PROMISC)." },

#undef PACKET
#undef SHOW
#undef PACKET_INFO
#undef RING
#undef EITHER_RING
