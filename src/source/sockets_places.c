/*
 * Owns where the fields that several kinds of sockets have lie in the messages of each.
 * Those of one kind only are declared with the fields.
 */
#include "sockets_unix.h"

#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/tipc_netlink.h>
#include <linux/vm_sockets_diag.h>
#include <linux/xdp_diag.h>

#define SIZE(type, member) sizeof(((type *)0)->member)
/* A member of the fixed header. */
#define HEAD(kind, type, member)                                          \
	{                                                                 \
		.shape = &shape_##kind, .offset = offsetof(type, member), \
		.size = SIZE(type, member)                                \
	}
#define INET(member)	HEAD(inet, struct inet_diag_msg, member)
#define UNIX(member)	HEAD(unix, struct unix_diag_msg, member)
#define PACKET(member)	HEAD(packet, struct packet_diag_msg, member)
#define NETLINK(member) HEAD(netlink, struct netlink_diag_msg, member)
#define VSOCK(member)	HEAD(vsock, struct vsock_diag_msg, member)
#define XDP(member)	HEAD(xdp, struct xdp_diag_msg, member)
#define ATTR(kind, type, at, bytes)                                               \
	{                                                                         \
		.shape = &shape_##kind, .attr = type, .offset = at, .size = bytes \
	}
/* Within TIPC_NLA_SOCK, and in a part of that. */
#define TIPC(type, bytes)                                                                  \
	{                                                                                  \
		.shape = &shape_tipc, .in = { TIPC_NLA_SOCK }, .attr = type, .size = bytes \
	}
#define TIPC_IN(nest, type, bytes)                                                               \
	{                                                                                        \
		.shape = &shape_tipc, .in = { TIPC_NLA_SOCK, nest }, .attr = type, .size = bytes \
	}
#define END                   \
	{                     \
		.shape = NULL \
	}
#define INFO(member) \
	ATTR(inet, INET_DIAG_INFO, offsetof(struct tcp_info, member), SIZE(struct tcp_info, member))
/* One of the numbers of sock_diag_put_meminfo, SK_MEMINFO_*. */
#define MEMORY(index)                                            \
	ATTR(inet, INET_DIAG_SKMEMINFO, (index)*4, 4),           \
		ATTR(unix, UNIX_DIAG_MEMINFO, (index)*4, 4),     \
		ATTR(packet, PACKET_DIAG_MEMINFO, (index)*4, 4), \
		ATTR(netlink, ATTR_ZERO, (index)*4, 4), ATTR(xdp, XDP_DIAG_MEMINFO, (index)*4, 4)

/* INET_DIAG_MEMINFO has four of them (inet_sk_diag_fill, net/ipv4/inet_diag.c). */
#define MEMINFO(member) ATTR(inet, INET_DIAG_MEMINFO, offsetof(struct inet_diag_meminfo, member), 4)

_Static_assert(PACKET_DIAG_INFO == 0 && NETLINK_DIAG_MEMINFO == 0 && TIPC_NLA_SOCK_STAT_RCVQ == 0 &&
		       TIPC_NLA_SOCK_GROUP_ID == 0,
	       "these are read as ATTR_ZERO");

const struct place type_places[] = {
	UNIX(udiag_type),
	PACKET(pdiag_type),
	NETLINK(ndiag_type),
	VSOCK(vdiag_type),
	XDP(xdiag_type),
	TIPC(TIPC_NLA_SOCK_TYPE, 4),
	END,
};
const struct place protocol_places[] = {
	PACKET(pdiag_num),
	NETLINK(ndiag_protocol),
	/* of raw sockets: where others have their port */
	{ .shape = &shape_inet,
	  .offset = offsetof(struct inet_diag_msg, id.idiag_sport),
	  .size = 2,
	  .flags = FF_BIG_ENDIAN },
	END,
};
const struct place flags_places[] = {
	ATTR(packet, ATTR_ZERO, offsetof(struct packet_diag_info, pdi_flags), 4),
	ATTR(netlink, NETLINK_DIAG_FLAGS, 0, 4),
	END,
};
/* Of unix sockets it is looked up in /proc/net/unix. */
const struct place refs_places[] = {
	{ .shape = &shape_inet, .attr = PROC_REFS, .size = 4 },
	{ .shape = &shape_unix },
	ATTR(packet, OWN_REFS, 0, 4),
	{ .shape = NULL },
};

const struct place cookie_places[] = {
	/* two halves of 32 bits, the lower first, are one number where this is built for */
	{ .shape = &shape_inet,
	  .offset = offsetof(struct inet_diag_msg, id.idiag_cookie),
	  .size = 8 },
	{ .shape = &shape_unix, .offset = offsetof(struct unix_diag_msg, udiag_cookie), .size = 8 },
	{ .shape = &shape_packet,
	  .offset = offsetof(struct packet_diag_msg, pdiag_cookie),
	  .size = 8 },
	{ .shape = &shape_netlink,
	  .offset = offsetof(struct netlink_diag_msg, ndiag_cookie),
	  .size = 8 },
	{ .shape = &shape_vsock,
	  .offset = offsetof(struct vsock_diag_msg, vdiag_cookie),
	  .size = 8 },
	{ .shape = &shape_xdp, .offset = offsetof(struct xdp_diag_msg, xdiag_cookie), .size = 8 },
	TIPC(TIPC_NLA_SOCK_COOKIE, 8),
	END,
};
const struct place inode_places[] = {
	INET(idiag_inode), UNIX(udiag_ino), PACKET(pdiag_ino),		NETLINK(ndiag_ino),
	VSOCK(vdiag_ino),  XDP(xdiag_ino),  TIPC(TIPC_NLA_SOCK_INO, 4), END,
};
const struct place uid_places[] = {
	INET(idiag_uid),
	ATTR(unix, UNIX_DIAG_UID, 0, 4),
	ATTR(packet, PACKET_DIAG_UID, 0, 4),
	ATTR(xdp, XDP_DIAG_UID, 0, 4),
	TIPC(TIPC_NLA_SOCK_UID, 4),
	END,
};
const struct place dev_places[] = {
	INET(id.idiag_if),
	ATTR(packet, ATTR_ZERO, offsetof(struct packet_diag_info, pdi_index), 4),
	ATTR(xdp, XDP_DIAG_INFO, offsetof(struct xdp_diag_info, ifindex), 4),
	END,
};
const struct place shutdown_places[] = {
	ATTR(inet, INET_DIAG_SHUTDOWN, 0, 1),
	ATTR(unix, UNIX_DIAG_SHUTDOWN, 0, 1),
	VSOCK(vdiag_shutdown),
	END,
};
/* Those that count bytes; what tipc counts are messages. */
const struct place recvq_places[] = {
	INET(idiag_rqueue),
	ATTR(unix, UNIX_DIAG_RQLEN, 0, 4),
	ATTR(packet, PACKET_DIAG_MEMINFO, SK_MEMINFO_RMEM_ALLOC * 4, 4),
	ATTR(packet, OWN_RMEM, 0, 4),
	ATTR(netlink, ATTR_ZERO, SK_MEMINFO_RMEM_ALLOC * 4, 4),
	ATTR(netlink, OWN_RMEM, 0, 4),
	ATTR(xdp, XDP_DIAG_MEMINFO, SK_MEMINFO_RMEM_ALLOC * 4, 4),
	END,
};
const struct place sendq_places[] = {
	INET(idiag_wqueue),
	ATTR(unix, UNIX_DIAG_RQLEN, 4, 4),
	ATTR(packet, PACKET_DIAG_MEMINFO, SK_MEMINFO_WMEM_ALLOC * 4, 4),
	ATTR(netlink, ATTR_ZERO, SK_MEMINFO_WMEM_ALLOC * 4, 4),
	ATTR(netlink, OWN_WMEM, 0, 4),
	ATTR(xdp, XDP_DIAG_MEMINFO, SK_MEMINFO_WMEM_ALLOC * 4, 4),
	END,
};
/* Those that count connections, of a listener. */
const struct place queue_places[] = {
	INET(idiag_rqueue),
	ATTR(unix, UNIX_DIAG_RQLEN, 0, 4),
	END,
};
const struct place backlog_places[] = {
	INET(idiag_wqueue),
	ATTR(unix, UNIX_DIAG_RQLEN, 4, 4),
	END,
};
const struct place rmem_places[] = {
	MEMORY(SK_MEMINFO_RMEM_ALLOC),
	MEMINFO(idiag_rmem),
	ATTR(packet, OWN_RMEM, 0, 4),
	ATTR(netlink, OWN_RMEM, 0, 4),
	END,
};
const struct place rcvbuf_places[] = { MEMORY(SK_MEMINFO_RCVBUF), END };
const struct place wmem_places[] = {
	MEMORY(SK_MEMINFO_WMEM_ALLOC),
	MEMINFO(idiag_tmem),
	ATTR(netlink, OWN_WMEM, 0, 4),
	END,
};
const struct place sndbuf_places[] = { MEMORY(SK_MEMINFO_SNDBUF), END };
const struct place fwd_alloc_places[] = {
	MEMORY(SK_MEMINFO_FWD_ALLOC),
	MEMINFO(idiag_fmem),
	END,
};
const struct place wmem_queued_places[] = {
	MEMORY(SK_MEMINFO_WMEM_QUEUED),
	MEMINFO(idiag_wmem),
	END,
};
const struct place optmem_places[] = { MEMORY(SK_MEMINFO_OPTMEM), END };
const struct place backlog_mem_places[] = { MEMORY(SK_MEMINFO_BACKLOG), END };
const struct place drops_places[] = {
	MEMORY(SK_MEMINFO_DROPS),
	ATTR(inet, PROC_DROPS, 0, 4),
	ATTR(netlink, OWN_DROPS, 0, 4),
	TIPC_IN(TIPC_NLA_SOCK_STAT, TIPC_NLA_SOCK_STAT_DROP, 4),
	END,
};
const struct place pointer_places[] = {
	ATTR(inet, PROC_POINTER, 0, 8),
	ATTR(unix, UNIX_ROW_POINTER, 0, 8),
	ATTR(packet, OWN_POINTER, 0, 8),
	ATTR(netlink, OWN_POINTER, 0, 8),
	END,
};
/* What /proc/net/tcp tells too. */
const struct place rto_places[] = { INFO(tcpi_rto), ATTR(inet, PROC_RTO, 0, 8), END };
const struct place ato_places[] = { INFO(tcpi_ato), ATTR(inet, PROC_ATO, 0, 8), END };
const struct place cwnd_places[] = { INFO(tcpi_snd_cwnd), ATTR(inet, PROC_CWND, 0, 4), END };
const struct place ssthresh_places[] = {
	INFO(tcpi_snd_ssthresh),
	ATTR(inet, PROC_SSTHRESH, 0, 4),
	END,
};
const struct place retransmits_places[] = {
	INFO(tcpi_retransmits),
	ATTR(inet, PROC_RETRANSMITS, 0, 4),
	END,
};
const struct place probes_places[] = { INFO(tcpi_probes), ATTR(inet, PROC_PROBES, 0, 4), END };
const struct place local_port_places[] = {
	VSOCK(vdiag_src_port),
	TIPC(TIPC_NLA_SOCK_REF, 4),
	END,
};
const struct place remote_port_places[] = {
	VSOCK(vdiag_dst_port),
	TIPC_IN(TIPC_NLA_SOCK_CON, TIPC_NLA_CON_SOCK, 4),
	END,
};
