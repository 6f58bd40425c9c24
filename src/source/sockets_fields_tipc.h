/*
 * Rows of the table in sockets_fields.c, which includes this: fields of tipc sockets
 * (<linux/tipc_netlink.h>). Its ports are among the fields of vsock.
 */
/* clang-format off */
#define TIPC(type) \
	.shape = &shape_tipc, .in = { TIPC_NLA_SOCK }, .attr = type, .size = 4, .from = #type
#define WITHIN(nest, type) \
	.shape = &shape_tipc, .in = { TIPC_NLA_SOCK, TIPC_NLA_SOCK_##nest }, .attr = type, .size = 4
#define FLAG .type = FT_BOOL, .get = get_flag

	{ .name = "local_node", .type = FT_INT, TIPC(TIPC_NLA_SOCK_ADDR), .flags = FF_COLUMN,
	  .doc = "Number of this node in the tipc cluster." },
	{ .name = "remote_node", .type = FT_INT, WITHIN(CON, TIPC_NLA_CON_NODE), .flags = FF_COLUMN,
	  .from = "TIPC_NLA_CON_NODE",
	  .doc = "Number of the node at the other end of a tipc connection." },
	{ .name = "service_type", .type = FT_INT, WITHIN(CON, TIPC_NLA_CON_TYPE),
	  .from = "TIPC_NLA_CON_TYPE",
	  .doc = "Type of the service that a tipc connection was made to." },
	{ .name = "service_instance", .type = FT_INT, WITHIN(CON, TIPC_NLA_CON_INST),
	  .from = "TIPC_NLA_CON_INST",
	  .doc = "Instance of that service." },
	{ .name = "published", FLAG, TIPC(TIPC_NLA_SOCK_HAS_PUBL),
	  .doc = "Services are bound to the tipc socket; told of one that is not connected." },
	{ .name = "recvq_messages", .type = FT_INT, .unit = "messages",
	  WITHIN(STAT, ATTR_ZERO), .from = "TIPC_NLA_SOCK_STAT_RCVQ",
	  .doc = "Messages that a tipc socket has received and its program has not read." },
	{ .name = "sendq_messages", .type = FT_INT, .unit = "messages",
	  WITHIN(STAT, TIPC_NLA_SOCK_STAT_SENDQ), .from = "TIPC_NLA_SOCK_STAT_SENDQ",
	  .doc = "Messages that wait to be sent." },
	{ .name = "link_congested", FLAG, WITHIN(STAT, TIPC_NLA_SOCK_STAT_LINK_CONG),
	  .from = "TIPC_NLA_SOCK_STAT_LINK_CONG",
	  .doc = "A link that it sends over takes no more for now." },
	{ .name = "conn_congested", FLAG, WITHIN(STAT, TIPC_NLA_SOCK_STAT_CONN_CONG),
	  .from = "TIPC_NLA_SOCK_STAT_CONN_CONG",
	  .doc = "The other end of its connection takes no more for now." },
	{ .name = "group_id", .type = FT_INT, WITHIN(GROUP, ATTR_ZERO),
	  .from = "TIPC_NLA_SOCK_GROUP_ID",
	  .doc = "Communication group that it has joined (TIPC_GROUP_JOIN)." },
	{ .name = "group_instance", .type = FT_INT, WITHIN(GROUP, TIPC_NLA_SOCK_GROUP_INSTANCE),
	  .from = "TIPC_NLA_SOCK_GROUP_INSTANCE",
	  .doc = "Its instance number in that group." },
	{ .name = "group_open", FLAG, WITHIN(GROUP, TIPC_NLA_SOCK_GROUP_OPEN),
	  .from = "TIPC_NLA_SOCK_GROUP_OPEN",
	  .doc = "The kernel has let it into that group, so it can send to it." },

#undef TIPC
#undef WITHIN
#undef FLAG
