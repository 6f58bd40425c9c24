/*
 * Rows of the table in sockets_fields.c, which includes this: fields of vsock
 * sockets (<linux/vm_sockets_diag.h>), and the ports that tipc has too.
 */
/* clang-format off */
#define VSOCK(member) \
	.shape = &shape_vsock, .offset = offsetof(struct vsock_diag_msg, member), .size = 4, \
	.from = #member

	{ .name = "local_cid", .type = FT_ENUM, .names = cid_names, .flags = FF_OPEN | FF_COLUMN,
	  VSOCK(vdiag_src_cid),
	  .doc = "Context id of this end of a vsock: any, hypervisor, local, host, or the number "
		 "of a virtual machine." },
	{ .name = "remote_cid", .type = FT_ENUM, .names = cid_names, .flags = FF_OPEN | FF_COLUMN,
	  VSOCK(vdiag_dst_cid),
	  .doc = "Context id of the other end; any when there is none." },
	{ .name = "local_port", .type = FT_INT, .places = local_port_places, NONE(UINT32_MAX),
	  .flags = FF_COLUMN,
	  .from = "vdiag_src_port, TIPC_NLA_SOCK_REF",
	  .doc = "Port of a vsock or tipc socket, of 32 bits; absent when it has any." },
	{ .name = "remote_port", .type = FT_INT, .places = remote_port_places, NONE(UINT32_MAX),
	  .flags = FF_COLUMN,
	  .from = "vdiag_dst_port, TIPC_NLA_CON_SOCK",
	  .doc = "Port of the other end of a vsock or tipc socket; absent without a peer." },

#undef VSOCK
