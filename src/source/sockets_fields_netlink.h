/*
 * Rows of the table in sockets_fields.c, which includes this: fields of netlink
 * sockets (<linux/netlink_diag.h>).
 */
/* clang-format off */
#define NETLINK(member) \
	.shape = &shape_netlink, .offset = offsetof(struct netlink_diag_msg, member), .size = 4, \
	.from = #member

	{ .name = "port_id", .type = FT_INT, NETLINK(ndiag_portid), .flags = FF_COLUMN,
	  .doc = "Netlink address of the socket, often the pid of its program; 0 of the kernel's "
		 "own, and of one that is not bound." },
	{ .name = "dst_port_id", .type = FT_INT, NETLINK(ndiag_dst_portid), NONE(0),
	  .doc = "Netlink address that it is connected to." },
	{ .name = "dst_group", .type = FT_INT, NETLINK(ndiag_dst_group), NONE(0),
	  .doc = "Multicast group that it sends to when not told otherwise." },
	{ .name = "groups", .type = FT_INT, .get = get_groups, .shape = &shape_netlink,
	  .flags = FF_LIST, .needs = NETLINK_NEEDS(NDIAG_SHOW_GROUPS), .cost = COST_REQUEST,
	  .from = "NETLINK_DIAG_GROUPS",
	  .doc = "Multicast groups that it listens to, by number (RTNLGRP_LINK is 1); those "
		 "above 32 are not known from /proc." },

	{ .name = "groups_mask", .type = FT_INT, .get = get_groups_mask, .shape = &shape_netlink,
	  .needs = NETLINK_NEEDS(NDIAG_SHOW_GROUPS), .cost = COST_REQUEST,
	  .from = "NETLINK_DIAG_GROUPS",
	  .doc = "The first 32 of these groups as bits, group 1 the lowest." },
	{ .name = "dump_callback", .type = FT_INT, .shape = &shape_netlink,
	  .attr = OWN_CALLBACK, .size = 8, .from = "Dump of /proc/net/netlink",
	  .doc = "Not 0 while the kernel writes a list to it: 1, of older kernels a pointer; told by "
		 "rows from /proc only (see flags)." },

#undef NETLINK
