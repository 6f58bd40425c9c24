/*
 * Rows of socket_fields: what unix sockets have, <linux/unix_diag.h>, the type that
 * others have too, and the other end of any socket. Included by sockets_fields.c in
 * its table.
 */
/* clang-format off */
#define UNIX .shape = &shape_unix
#define VFS(member) \
	UNIX, .attr = UNIX_DIAG_VFS, .offset = offsetof(struct unix_diag_vfs, member), .size = 4, \
	.needs = UNIX_NEEDS(UDIAG_SHOW_VFS), .cost = COST_REQUEST
#define PEER_OWNER .needs = NEED_OWNER | NEED_PEER, .cost = COST_PROC

	{ .name = "type", .type = FT_ENUM, .names = sock_type_names, .places = type_places, NONE(0),
	  .flags = FF_COLUMN,
	  .from = "udiag_type, pdiag_type, ndiag_type, vdiag_type, xdiag_type, TIPC_NLA_SOCK_TYPE",
	  .doc = "Type of the socket: stream, dgram, raw, rdm, seqpacket or packet; of unix, packet, "
		 "netlink, vsock, xdp and tipc." },
	{ .name = "name", .type = FT_TEXT, .get = get_unix_name, UNIX,
	  .flags = FF_COLUMN, .from = "UNIX_DIAG_NAME",
	  .doc = "Name of a unix socket as ss shows it: its path, or its abstract name with @ for "
		 "each NUL; a connection that was accepted has that of its listener." },
	{ .name = "path", .type = FT_TEXT, .get = get_unix_name, .kind = "path", UNIX,
	  .from = "UNIX_DIAG_NAME",
	  .doc = "Path of the file that a unix socket is bound to, as it was bound: it may be "
		 "relative, and the file may be gone." },
	{ .name = "abstract", .type = FT_TEXT, .get = get_unix_name, .kind = "abstract", UNIX,
	  .from = "UNIX_DIAG_NAME",
	  .doc = "Abstract name of a unix socket, all its bytes, without the NUL in front; absent "
		 "of one with a path." },
	{ .name = "path_dev", .type = FT_INT, .get = get_path_dev, VFS(udiag_vfs_dev),
	  .from = "udiag_vfs_dev",
	  .doc = "Device that the file of a unix socket is on, as st_dev of stat(2)." },
	{ .name = "path_inode", .type = FT_INT, VFS(udiag_vfs_ino), .from = "udiag_vfs_ino",
	  .doc = "Inode of the file that a unix socket is bound to, its lower 32 bits." },
	{ .name = "pending", .type = FT_INT, .get = get_pending, UNIX, .flags = FF_LIST,
	  .cost = COST_LOOKUP, .from = "UNIX_DIAG_ICONS",
	  .doc = "Inodes of the sockets whose connections wait to be accepted by a unix listener, "
		 "as a list; absent when there are none, or more than the kernel tells (about 900, of "
		 "newer kernels twice that)." },
	{ .name = "refs", .type = FT_INT, .get = get_refs, .places = refs_places, .cost = COST_LOOKUP,
	  .from = "RefCount of /proc/net/unix and packet, ref of /proc/net/tcp",
	  .doc = "References of the kernel to a unix socket, absent of a connection that waits to "
		 "be accepted; of others only where the rows came from /proc." },
	{ .name = "socket_state", .type = FT_ENUM, .names = socket_state_names, UNIX,
	  .attr = UNIX_ROW_STATE, .size = 1, .from = "St of /proc/net/unix, socket_state of <linux/net.h>",
	  .doc = "State of a unix socket as /proc has it: connecting waits to be accepted, and "
		 "disconnecting has lost its program; told by rows from /proc only." },
	{ .name = "peer_inode", .type = FT_INT, .get = get_peer_inode, .cost = COST_LOOKUP,
	  .from = "UNIX_DIAG_PEER, or the socket that has the two ends exchanged",
	  .doc = "Inode of the socket at the other end: of a unix socket, or of a tcp or udp "
		 "connection within the network namespace; absent while that waits to be accepted." },
	{ .name = "peer_name", .type = FT_TEXT, .get = get_unix_peer_name, UNIX,
	  .cost = COST_LOOKUP, .from = "UNIX_DIAG_PEER, and UNIX_DIAG_NAME of that socket",
	  .doc = "Name of the unix socket at the other end, in the form of name; absent when it is "
		 "in another network namespace." },
	{ .name = "peer_path", .type = FT_TEXT, .get = get_unix_peer_name, .kind = "path", UNIX,
	  .cost = COST_LOOKUP, .from = "UNIX_DIAG_PEER, and UNIX_DIAG_NAME of that socket",
	  .doc = "Path of the unix socket at the other end: what this one has connected to." },
	{ .name = "peer_abstract", .type = FT_TEXT, .get = get_unix_peer_name, .kind = "abstract",
	  UNIX, .cost = COST_LOOKUP, .from = "UNIX_DIAG_PEER, and UNIX_DIAG_NAME of that socket",
	  .doc = "Abstract name of the unix socket at the other end, in the form of abstract." },
	{ .name = "peer_pid", .type = FT_INT, .get = get_peer_pid, .get_more = more_peer_pids,
	  PEER_OWNER, .from = "/proc/PID/fd",
	  .doc = "Process that holds the socket at the other end; a condition holds if it does of "
		 "any of several, of which the one with the lowest pid is given." },
	{ .name = "peer_comm", .type = FT_TEXT, .get = get_peer_comm, .get_more = more_peer_comms,
	  PEER_OWNER, .from = "/proc/PID/comm",
	  .doc = "Name of the process that holds the socket at the other end, as that process "
		 "chose it." },
#undef UNIX
#undef VFS
#undef PEER_OWNER
	/* clang-format on */
