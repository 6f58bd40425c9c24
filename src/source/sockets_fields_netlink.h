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

#undef NETLINK
