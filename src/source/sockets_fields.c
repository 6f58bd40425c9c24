/*
 * Owns the declaration of every field of `sockets`: the one place where a name,
 * its type, unit, meaning and place in the message stand.
 *
 * Places: the fixed struct inet_diag_msg, or an attribute <linux/inet_diag.h>.
 * Members of struct tcp_info that are younger than the header this is compiled
 * with are given by their offset, which the kernel never changes.
 */
#include "sockets_unix.h"

#include <linux/mptcp.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/sctp.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/tipc_netlink.h>
#include <linux/tls.h>
#include <linux/vm_sockets_diag.h>
#include <linux/xdp_diag.h>

#define SIZE(type, member) sizeof(((type *)0)->member)
#define HDR(member)                                       \
	.offset = offsetof(struct inet_diag_msg, member), \
	.size = SIZE(struct inet_diag_msg, member), .shape = &shape_inet
#define ATTR(type, at, bytes) .attr = type, .offset = at, .size = bytes, .shape = &shape_inet
/* An attribute that comes only when its bit of idiag_ext is set. */
#define EXT(type)	      (1u << ((type)-1))
#define NEEDS(type)	      .needs = EXT(type), .cost = COST_REQUEST
#define MEMBER(kind, request, type, member) \
	ATTR(kind, offsetof(type, member), SIZE(type, member)), NEEDS(request), .from = #member
#define VEGAS(member) MEMBER(INET_DIAG_VEGASINFO, INET_DIAG_VEGASINFO, struct tcpvegas_info, member)
#define DCTCP(member) \
	MEMBER(INET_DIAG_DCTCPINFO, INET_DIAG_VEGASINFO, struct tcp_dctcp_info, member)
#define BBR(member) MEMBER(INET_DIAG_BBRINFO, INET_DIAG_VEGASINFO, struct tcp_bbr_info, member)
#define INFO(member) \
	MEMBER(INET_DIAG_INFO, INET_DIAG_INFO, struct tcp_info, member), .get = get_tcp_info
/* One that /proc/net/tcp tells too. */
#define INFO_PLACES(name, member)                                                              \
	.places = name##_places, NEEDS(INET_DIAG_INFO), .from = #member, .shape = &shape_inet, \
	.get = get_tcp_info
#define INFO_AT(member, at, bytes) \
	ATTR(INET_DIAG_INFO, at, bytes), NEEDS(INET_DIAG_INFO), .from = #member, .get = get_tcp_info
#define SKMEM(name, member)  .places = name##_places, NEEDS(INET_DIAG_SKMEMINFO), .from = #member
/* Known from a pass over /proc. */
#define OWNER(more)	     .needs = NEED_OWNER | (more), .cost = COST_PROC
#define BITS(from_bit, ones) .shift = from_bit, .mask = ones
#define COUNTER		     .flags = FF_COUNTER
#define THROUGHPUT	     .flags = FF_COUNTER | FF_RATE_COLUMN
#define NONE(value)	     .has_none = true, .none = value

/* A row stays two or three lines, so: */
/* clang-format off */
const struct field socket_fields[] = {
	{ .name = "proto", .type = FT_ENUM, .names = proto_names, .get = get_proto,
	  .flags = FF_COLUMN, .from = "the request that listed it",
	  .doc = "Protocol: tcp or udp; by name also udplite, raw, mptcp, sctp, dccp, unix, "
		 "packet, netlink, vsock, xdp and tipc, or all of them." },
	{ .name = "family", .type = FT_ENUM, .names = family_names, .get = get_family,
	  .from = "idiag_family",
	  .doc = "Address family: inet (IPv4), inet6 (IPv6; IPv4 peers of such a socket have "
		 "mapped addresses), or that of the protocol." },
	{ .name = "state", .type = FT_ENUM, .names = state_names, .get = get_state,
	  .flags = FF_COLUMN, .from = "idiag_state",
	  .doc = "State of the connection; a udp or netlink socket is established when "
		 "connected, else close; a unix dgram one also when another has connected to it; "
		 "packet and xdp sockets are close." },
	{ .name = "laddr", .type = FT_ADDR, .get = get_addr, HDR(id.idiag_src),
	  .flags = FF_COLUMN, .push = push_addr, .from = "idiag_src",
	  .doc = "Local address; 0.0.0.0 or :: when bound to any." },
	{ .name = "lport", .type = FT_PORT, .when = has_ports, HDR(id.idiag_sport),
	  .flags = FF_COLUMN | FF_BIG_ENDIAN, .push = push_port, .from = "idiag_sport",
	  .doc = "Local port; raw sockets have none (see protocol)." },
	{ .name = "raddr", .type = FT_ADDR, .get = get_addr, HDR(id.idiag_dst),
	  .flags = FF_COLUMN, .push = push_addr, .from = "idiag_dst",
	  .doc = "Remote address; 0.0.0.0 or :: when there is no peer." },
	{ .name = "rport", .type = FT_PORT, .when = has_ports, HDR(id.idiag_dport),
	  .flags = FF_COLUMN | FF_BIG_ENDIAN, .push = push_port, .from = "idiag_dport",
	  .doc = "Remote port; 0 when there is no peer." },
	{ .name = "inbound", .type = FT_BOOL, .get = get_inbound, .shape = &shape_inet, .cost = COST_LOOKUP,
	  .from = "a list of the tcp listeners",
	  .doc = "A tcp listener here holds lport, so the peer has most likely connected to it; "
		 "absent for listeners, without a peer, and for udp." },
	{ .name = "autobound", .type = FT_BOOL, .get = get_autobound, .shape = &shape_inet,
	  .cost = COST_LOOKUP, .push = push_autobound,
	  .from = "INET_DIAG_BC_AUTO and net.ipv4.ip_local_port_range",
	  .doc = "The local port lies in the range from which the kernel takes ports for who asks "
		 "for none. A condition on it asks the kernel too whether bind(2) chose the port, "
		 "and wants both to agree: a port of the range that bind(2) chose, or that an "
		 "accepted connection has from such a listener, matches neither true nor false; "
		 "rows of /proc and of recordings go by the range alone." },
#include "sockets_fields_unix.h"
	{ .name = "recvq", .type = FT_BYTES, .unit = "bytes", .places = recvq_places,
	  .flags = FF_COLUMN, .from = "idiag_rqueue",
	  .doc = "Bytes received and not yet read by the program; of a listener, connections "
		 "that wait to be accepted; of packet, netlink and xdp the memory of it." },
	{ .name = "sendq", .type = FT_BYTES, .unit = "bytes", .when = tells_sendq,
	  .places = sendq_places,
	  .flags = FF_COLUMN, .from = "idiag_wqueue",
	  .doc = "Bytes written and not yet acknowledged by the peer (of a unix socket: not "
		 "yet read by it); of a listener, connections "
		 "that may wait; of packet, netlink and xdp the memory on its way." },
	{ .name = "accept_queue", .type = FT_INT, .when = is_listener, .places = queue_places,
	  .from = "idiag_rqueue of a listener",
	  .doc = "Connections of a listener that wait to be accepted." },
	{ .name = "backlog", .type = FT_INT, .when = tells_backlog, .places = backlog_places,
	  .from = "idiag_wqueue of a listener",
	  .doc = "Connections of a listener that may wait to be accepted: what listen(2) "
		 "allowed." },
	{ .name = "backlog_used", .type = FT_FLOAT, .when = tells_backlog, .get = get_backlog_used,
	  .places = backlog_places,
	  .from = "idiag_rqueue and idiag_wqueue of a listener",
	  .doc = "Share of its backlog that a listener uses: 1 is full; above, it drops." },
	{ .name = "dev", .type = FT_TEXT, .get = get_ifname, .places = dev_places,
	  .cost = COST_LOOKUP, .push = push_dev, .from = "idiag_if",
	  .doc = "Network device that the socket is bound to." },
	{ .name = "dev_index", .type = FT_INT, .places = dev_places, NONE(0),
	  .push = push_dev_index, .from = "idiag_if",
	  .doc = "Index of the network device that the socket is bound to." },
	FIELD_NETNS,
	{ .name = "consistent", .type = FT_BOOL, .get = get_nothing, .flags = FF_SETTING,
	  .from = "two dumps, joined by cookie",
	  .doc = "Setting: true asks twice, so that a socket that one dump misses while others "
		 "come and go is in the other." },
	{ .name = "ordered", .type = FT_BOOL, .get = get_nothing, .flags = FF_SETTING,
	  .from = "one dump a protocol and family",
	  .doc = "Setting: true gives rows in the kernel's order, IPv4 before IPv6." },
	{ .name = "listed", .type = FT_BOOL, .get = get_nothing, .flags = FF_SETTING,
	  .from = "sock_diag(7)",
	  .doc = "Setting: true asks for what this kernel lists: kinds of sockets that it may have "
		 "and does not list are not missing in the answer." },
	{ .name = "verbatim", .type = FT_BOOL, .get = get_nothing, .flags = FF_SETTING,
	  .from = "struct tcp_info, idiag_uid and idiag_retrans as they are",
	  .doc = "Setting: true gives the kernel's numbers also where they mean something else, or "
		 "nothing: struct tcp_info of listeners (unacked is their queue) and of dccp, the uid "
		 "of time-wait, the retransmissions of a timer that does not run, the protocol of raw "
		 "as lport, filter_length 0 where the filter is withheld, cgroup_id 0. Unix connections "
		 "that wait to be accepted have no rows then, as the kernel lists none, and what it "
		 "lists twice has two." },
	{ .name = "text", .type = FT_TEXT, .get = get_nothing, .flags = FF_SETTING,
	  .from = "proc(5)",
	  .doc = "Setting: rows come from this file, a text as /proc/net has it of the one protocol "
		 "and family that the query names (tcp, udp, udplite, raw, unix, packet, netlink); "
		 "numbers that a line lacks are 0, and one that makes no sense ends it." },
	{ .name = "diag", .type = FT_TEXT, .get = get_nothing, .flags = FF_SETTING,
	  .from = "sock_diag(7)",
	  .doc = "Setting: rows come from this file, messages of the kernel as save_diag and ss -D "
		 "write them, of the one protocol that the query names." },
	{ .name = "first_dump", .type = FT_BOOL, .get = get_nothing, .flags = FF_SETTING,
	  .from = "NLMSG_DONE",
	  .doc = "Setting, with diag: true reads only the first list in the file, as ss does of "
		 "TCPDIAG_FILE; a list of IPv6 is behind that of IPv4." },
	{ .name = "from_proc", .type = FT_BOOL, .get = get_from_proc, .from = "proc(5)",
	  .doc = "The row is from a text of /proc, or in its form (see text); else absent." },
	{ .name = "kernel_pointer", .type = FT_INT, .places = pointer_places,
	  .from = "sk, Num and pointer columns of /proc/net",
	  .doc = "Where the socket lies in the kernel, or a number made of that "
		 "(kptr_restrict), 64 bits; told by rows from /proc only." },
	{ .name = "threads", .type = FT_BOOL, .get = get_nothing, .flags = FF_SETTING,
	  .from = "/proc/PID/task/TID/fd",
	  .doc = "Setting: true makes holders tell each thread of a process by itself, which "
		 "takes as long as if all of them were processes." },
	{ .name = "contexts", .type = FT_BOOL, .get = get_nothing, .flags = FF_SETTING,
	  .from = "/proc/PID/attr/current",
	  .doc = "Setting: true makes holders tell contexts of security." },
	{ .name = "uid", .type = FT_INT, .get = get_uid, .places = uid_places,
	  .from = "idiag_uid",
	  .doc = "User id of the owner; absent in time-wait and for a half-open connection." },
	{ .name = "user", .type = FT_TEXT, .get = get_user, .places = uid_places,
	  .cost = COST_LOOKUP,
	  .from = "idiag_uid and passwd(5)",
	  .doc = "Login name of the owner; absent where uid is, and where no name is known." },
	{ .name = "pid", .type = FT_INT, .get = get_pid, .get_more = more_pids, OWNER(0),
	  .from = "/proc/PID/fd",
	  .doc = "Process that holds it; a condition holds if it does of any of several. Of these "
		 "the one with the lowest pid is given (see pids); under a single condition on "
		 "pid or comm, the lowest that meets it." },
	{ .name = "comm", .type = FT_TEXT, .get = get_comm, .get_more = more_comms, OWNER(0),
	  .from = "/proc/PID/comm",
	  .doc = "Name of the process that holds it, as the process chose it: 15 bytes of any "
		 "kind." },
	{ .name = "exe", .type = FT_TEXT, .get = get_exe, .get_more = more_exes,
	  OWNER(NEED_FACTS), .from = "/proc/PID/exe",
	  .doc = "Program that this process runs; told of processes of the same user, or to root." },
	{ .name = "unit", .type = FT_TEXT, .get = get_unit, OWNER(NEED_FACTS),
	  .from = "/proc/PID/cgroup",
	  .doc = "systemd unit of this process, or else of the cgroup that the socket was made in." },
	{ .name = "container", .type = FT_TEXT, .get = get_container, OWNER(NEED_FACTS),
	  .from = "/proc/PID/cgroup",
	  .doc = "Container of this process, by its cgroup: the id that Docker, Podman, containerd "
		 "and CRI-O use, or the name of LXC and systemd-nspawn." },
	{ .name = "pids", .type = FT_INT, .get = get_pids, OWNER(NEED_HOLDERS),
	  .flags = FF_LIST,
	  .from = "/proc/PID/fd",
	  .doc = "All processes that hold it, as a list." },
	{ .name = "holders", .type = FT_ROWS, .rows = &socket_holders, .get = get_holders,
	  OWNER(NEED_HOLDERS | NEED_FDS), .flags = FF_LIST, .from = "/proc/PID/fd",
	  .doc = "All descriptors by which processes hold it: a list of records with pid, tid, "
		 "comm, fd and others, by ascending pid, of a process thread by thread, then by fd." },
	{ .name = "owner_status", .type = FT_ENUM, .names = owner_status_names,
	  .get = get_owner_status, OWNER(0), .from = "/proc/PID/fd and idiag_inode",
	  .doc = "Whether a process is known to hold it (held), or why not: permission (of other "
		 "users' processes), other-pidns (a process that /proc does not show), kernel (or "
		 "on its way between two processes), time-wait, not-accepted, closed (by its "
		 "program), gone (ended before its holder was found), unreadable (/proc is), "
		 "untrusted (the row is of /proc/net/unix, into which any user can write)." },
	{ .name = "inode", .type = FT_INT, .places = inode_places, NONE(0),
	  .from = "idiag_inode",
	  .doc = "Inode of the socket, as in /proc/PID/fd; absent when no program holds it yet "
		 "or any more." },
	{ .name = "cookie", .type = FT_INT, .places = cookie_places, NONE(0),
	  .from = "idiag_cookie",
	  .doc = "Number of the socket that no other has while the system runs." },
	{ .name = "mark", .type = FT_MARK, ATTR(INET_DIAG_MARK, 0, 4), .flags = FF_NET_ADMIN,
	  .push = push_mark, .from = "INET_DIAG_MARK",
	  .doc = "Firewall mark (SO_MARK); the kernel tells it to CAP_NET_ADMIN only." },
	{ .name = "cgroup_id", .type = FT_INT, .get = get_cgroup_id, ATTR(INET_DIAG_CGROUP_ID, 0, 8),
	  .push = push_cgroup_id, .from = "INET_DIAG_CGROUP_ID",
	  .doc = "Id of the cgroup (v2) that the socket was made in." },
	{ .name = "cgroup", .type = FT_TEXT, .get = get_cgroup, ATTR(INET_DIAG_CGROUP_ID, 0, 8),
	  .cost = COST_LOOKUP, .push = push_cgroup, .from = "INET_DIAG_CGROUP_ID",
	  .doc = "Path of the cgroup (v2) that the socket was made in." },
	{ .name = "timer", .type = FT_ENUM, .names = timer_names, .get = get_timer, HDR(idiag_timer), NONE(0),
	  .from = "idiag_timer",
	  .doc = "Timer that runs: on (retransmission), keepalive, timewait, persist (zero "
		 "window) or delack." },
	{ .name = "timer_expires", .type = FT_DURATION, .unit = "s", .get = get_timer_value,
	  HDR(idiag_expires), .scale = 1e-3, .from = "idiag_expires, milliseconds",
	  .doc = "Time until the timer fires." },
	{ .name = "timer_retrans", .type = FT_INT, .get = get_timer_value, HDR(idiag_retrans),
	  .from = "idiag_retrans",
	  .doc = "How often what the timer repeats was repeated: retransmissions or probes." },
	{ .name = "v6only", .type = FT_BOOL, ATTR(INET_DIAG_SKV6ONLY, 0, 1),
	  .from = "INET_DIAG_SKV6ONLY",
	  .doc = "Takes IPv6 only (IPV6_V6ONLY); told for listeners and closed sockets." },
	{ .name = "shutdown_recv", .type = FT_BOOL, .places = shutdown_places, BITS(0, 1),
	  .from = "INET_DIAG_SHUTDOWN, RCV_SHUTDOWN",
	  .doc = "Receiving is shut down: the peer has sent its end, or shutdown(SHUT_RD)." },
	{ .name = "shutdown_send", .type = FT_BOOL, .places = shutdown_places, BITS(1, 1),
	  .from = "INET_DIAG_SHUTDOWN, SEND_SHUTDOWN",
	  .doc = "Sending is shut down: shutdown(SHUT_WR), or closed." },
	{ .name = "tos", .type = FT_INT, ATTR(INET_DIAG_TOS, 0, 1), NEEDS(INET_DIAG_TOS),
	  .from = "INET_DIAG_TOS",
	  .doc = "Type of service of what it sends over IPv4 (IP_TOS)." },
	{ .name = "tclass", .type = FT_INT, ATTR(INET_DIAG_TCLASS, 0, 1), NEEDS(INET_DIAG_TCLASS),
	  .from = "INET_DIAG_TCLASS",
	  .doc = "Traffic class of what it sends over IPv6 (IPV6_TCLASS)." },
	{ .name = "class_id", .type = FT_INT, ATTR(INET_DIAG_CLASS_ID, 0, 4),
	  NEEDS(INET_DIAG_TCLASS), .from = "INET_DIAG_CLASS_ID",
	  .doc = "Class of the net_cls cgroup, or the socket priority (SO_PRIORITY)." },
	{ .name = "recverr", .type = FT_BOOL, ATTR(INET_DIAG_SOCKOPT, 0, 1), BITS(0, 1),
	  .from = "INET_DIAG_SOCKOPT",
	  .doc = "Queues errors for MSG_ERRQUEUE (IP_RECVERR)." },
	{ .name = "is_icsk", .type = FT_BOOL, ATTR(INET_DIAG_SOCKOPT, 0, 1), BITS(1, 1),
	  .from = "INET_DIAG_SOCKOPT",
	  .doc = "Is a connection-oriented socket of inet_connection_sock." },
	{ .name = "freebind", .type = FT_BOOL, ATTR(INET_DIAG_SOCKOPT, 0, 1), BITS(2, 1),
	  .from = "INET_DIAG_SOCKOPT",
	  .doc = "May bind an address that is not here (IP_FREEBIND)." },
	{ .name = "hdrincl", .type = FT_BOOL, ATTR(INET_DIAG_SOCKOPT, 0, 1), BITS(3, 1),
	  .from = "INET_DIAG_SOCKOPT",
	  .doc = "The program writes the IP header (IP_HDRINCL)." },
	{ .name = "mc_loop", .type = FT_BOOL, ATTR(INET_DIAG_SOCKOPT, 0, 1), BITS(4, 1),
	  .from = "INET_DIAG_SOCKOPT",
	  .doc = "Own multicasts come back (IP_MULTICAST_LOOP)." },
	{ .name = "transparent", .type = FT_BOOL, ATTR(INET_DIAG_SOCKOPT, 0, 1), BITS(5, 1),
	  .from = "INET_DIAG_SOCKOPT",
	  .doc = "Takes connections for foreign addresses (IP_TRANSPARENT)." },
	{ .name = "mc_all", .type = FT_BOOL, ATTR(INET_DIAG_SOCKOPT, 0, 1), BITS(6, 1),
	  .from = "INET_DIAG_SOCKOPT",
	  .doc = "Receives every joined group (IP_MULTICAST_ALL)." },
	{ .name = "nodefrag", .type = FT_BOOL, ATTR(INET_DIAG_SOCKOPT, 0, 1), BITS(7, 1),
	  .from = "INET_DIAG_SOCKOPT",
	  .doc = "Is not reassembled by netfilter (IP_NODEFRAG)." },
	{ .name = "bind_addr_no_port", .type = FT_BOOL, ATTR(INET_DIAG_SOCKOPT, 1, 1), BITS(0, 1),
	  .from = "INET_DIAG_SOCKOPT",
	  .doc = "Takes its port at connect (IP_BIND_ADDRESS_NO_PORT)." },
	{ .name = "recverr_rfc4884", .type = FT_BOOL, ATTR(INET_DIAG_SOCKOPT, 1, 1), BITS(1, 1),
	  .from = "INET_DIAG_SOCKOPT",
	  .doc = "Errors carry RFC 4884 extensions (IP_RECVERR_RFC4884)." },
	{ .name = "defer_connect", .type = FT_BOOL, ATTR(INET_DIAG_SOCKOPT, 1, 1), BITS(2, 1),
	  .from = "INET_DIAG_SOCKOPT",
	  .doc = "Connects with the first data (TCP_FASTOPEN_CONNECT)." },

	/* memory, <linux/sock_diag.h> SK_MEMINFO_*; all in bytes but the drops */
	{ .name = "rmem", .type = FT_BYTES, .unit = "bytes",
	  SKMEM(rmem, SK_MEMINFO_RMEM_ALLOC),
	  .doc = "Memory in use by what was received." },
	{ .name = "rcvbuf", .type = FT_BYTES, .unit = "bytes",
	  SKMEM(rcvbuf, SK_MEMINFO_RCVBUF),
	  .doc = "Limit of the receive buffer (SO_RCVBUF)." },
	{ .name = "wmem", .type = FT_BYTES, .unit = "bytes",
	  SKMEM(wmem, SK_MEMINFO_WMEM_ALLOC),
	  .doc = "Memory in use by what is on its way down to the device." },
	{ .name = "sndbuf", .type = FT_BYTES, .unit = "bytes",
	  SKMEM(sndbuf, SK_MEMINFO_SNDBUF),
	  .doc = "Limit of the send buffer (SO_SNDBUF)." },
	{ .name = "fwd_alloc", .type = FT_BYTES, .unit = "bytes",
	  SKMEM(fwd_alloc, SK_MEMINFO_FWD_ALLOC),
	  .doc = "Memory taken in advance and not yet used." },
	{ .name = "wmem_queued", .type = FT_BYTES, .unit = "bytes",
	  SKMEM(wmem_queued, SK_MEMINFO_WMEM_QUEUED),
	  .doc = "Memory in use by what waits to be sent or acknowledged." },
	{ .name = "optmem", .type = FT_BYTES, .unit = "bytes",
	  SKMEM(optmem, SK_MEMINFO_OPTMEM),
	  .doc = "Memory in use by options and filters." },
	{ .name = "backlog_mem", .type = FT_BYTES, .unit = "bytes",
	  SKMEM(backlog_mem, SK_MEMINFO_BACKLOG),
	  .doc = "Memory of packets that arrived while the program held the socket." },
	{ .name = "drops", COUNTER, .type = FT_INT, .unit = "packets",
	  SKMEM(drops, SK_MEMINFO_DROPS),
	  .doc = "Packets that were dropped at this socket." },

	/* struct tcp_info, <linux/tcp.h>; of a listener the kernel fills other facts in */
	{ .name = "rtt", .type = FT_DURATION, .unit = "s", INFO(tcpi_rtt), NONE(0), .scale = 1e-6,
	  .doc = "Smoothed round-trip time." },
	{ .name = "rttvar", .type = FT_DURATION, .unit = "s", INFO(tcpi_rttvar), NONE(0),
	  .scale = 1e-6,
	  .doc = "Mean deviation of the round-trip time." },
	{ .name = "min_rtt", .type = FT_DURATION, .unit = "s", INFO(tcpi_min_rtt),
	  NONE(UINT32_MAX), .scale = 1e-6,
	  .doc = "Least round-trip time seen lately." },
	{ .name = "rcv_rtt", .type = FT_DURATION, .unit = "s", INFO(tcpi_rcv_rtt), NONE(0),
	  .scale = 1e-6,
	  .doc = "Round-trip time as the receiving side estimates it." },
	{ .name = "rto", .type = FT_DURATION, .unit = "s", INFO_PLACES(rto, tcpi_rto), NONE(0), .scale = 1e-6,
	  .doc = "Retransmission timeout." },
	{ .name = "ato", .type = FT_DURATION, .unit = "s", INFO_PLACES(ato, tcpi_ato), NONE(0), .scale = 1e-6,
	  .doc = "Delayed acknowledgement timeout." },
	{ .name = "cwnd", .type = FT_INT, .unit = "segments", INFO_PLACES(cwnd, tcpi_snd_cwnd),
	  .doc = "Congestion window." },
	{ .name = "ssthresh", .type = FT_INT, .unit = "segments", INFO_PLACES(ssthresh, tcpi_snd_ssthresh),
	  NONE(0x7fffffff),
	  .doc = "Slow start threshold; absent while it is infinite." },
	{ .name = "rcv_ssthresh", .type = FT_BYTES, .unit = "bytes", INFO(tcpi_rcv_ssthresh),
	  .doc = "Limit of the receive window that is advertised." },
	{ .name = "ca_state", .type = FT_ENUM, .names = ca_state_names, INFO(tcpi_ca_state),
	  .doc = "State of congestion avoidance: open, disorder, cwr, recovery or loss." },
	{ .name = "mss", .type = FT_BYTES, .unit = "bytes", INFO(tcpi_snd_mss),
	  .doc = "Maximum segment size of what is sent." },
	{ .name = "rcv_mss", .type = FT_BYTES, .unit = "bytes", INFO(tcpi_rcv_mss),
	  .doc = "Maximum segment size of what is received, as estimated." },
	{ .name = "advmss", .type = FT_BYTES, .unit = "bytes", INFO(tcpi_advmss),
	  .doc = "Maximum segment size that was advertised." },
	{ .name = "pmtu", .type = FT_BYTES, .unit = "bytes", INFO(tcpi_pmtu), NONE(0),
	  .doc = "Path MTU." },
	{ .name = "bytes_sent", THROUGHPUT, .type = FT_BYTES, .unit = "bytes", INFO(tcpi_bytes_sent),
	  .doc = "Payload bytes sent, retransmissions included (RFC 4898)." },
	{ .name = "bytes_retrans", COUNTER, .type = FT_BYTES, .unit = "bytes", INFO(tcpi_bytes_retrans),
	  .doc = "Payload bytes retransmitted (RFC 4898)." },
	{ .name = "bytes_acked", COUNTER, .type = FT_BYTES, .unit = "bytes", INFO(tcpi_bytes_acked),
	  .doc = "Payload bytes acknowledged by the peer (RFC 4898)." },
	{ .name = "bytes_received", THROUGHPUT, .type = FT_BYTES, .unit = "bytes", INFO(tcpi_bytes_received),
	  .doc = "Payload bytes received (RFC 4898)." },
	{ .name = "segs_out", THROUGHPUT, .type = FT_INT, .unit = "segments", INFO(tcpi_segs_out),
	  .doc = "Segments sent (RFC 4898)." },
	{ .name = "segs_in", THROUGHPUT, .type = FT_INT, .unit = "segments", INFO(tcpi_segs_in),
	  .doc = "Segments received (RFC 4898)." },
	{ .name = "data_segs_out", COUNTER, .type = FT_INT, .unit = "segments", INFO(tcpi_data_segs_out),
	  .doc = "Segments with data sent (RFC 4898)." },
	{ .name = "data_segs_in", COUNTER, .type = FT_INT, .unit = "segments", INFO(tcpi_data_segs_in),
	  .doc = "Segments with data received (RFC 4898)." },
	{ .name = "notsent", .type = FT_BYTES, .unit = "bytes", INFO(tcpi_notsent_bytes),
	  .doc = "Bytes written and not yet sent for the first time." },
	{ .name = "unacked", .type = FT_INT, .unit = "segments", INFO(tcpi_unacked),
	  .doc = "Segments sent and not yet acknowledged." },
	{ .name = "sacked", .type = FT_INT, .unit = "segments", INFO(tcpi_sacked),
	  .doc = "Segments acknowledged selectively (RFC 2018)." },
	{ .name = "lost", .type = FT_INT, .unit = "segments", INFO(tcpi_lost),
	  .doc = "Segments taken for lost." },
	{ .name = "retrans", .type = FT_INT, .unit = "segments", INFO(tcpi_retrans),
	  .doc = "Retransmitted segments that are not yet acknowledged." },
	{ .name = "total_retrans", COUNTER, .type = FT_INT, .unit = "segments", INFO(tcpi_total_retrans),
	  .doc = "Segments retransmitted since the connection began." },
	{ .name = "retransmits", .type = FT_INT, INFO_PLACES(retransmits, tcpi_retransmits),
	  .doc = "Timeouts of the retransmission timer without an answer." },
	{ .name = "probes", .type = FT_INT, INFO_PLACES(probes, tcpi_probes),
	  .doc = "Window or keepalive probes without an answer." },
	{ .name = "backoff", .type = FT_INT, INFO(tcpi_backoff),
	  .doc = "Exponent by which the timeout has grown." },
	{ .name = "fackets", .type = FT_INT, .unit = "segments", INFO(tcpi_fackets),
	  .doc = "Segments up to the highest acknowledged selectively; 0 since Linux 4.15." },
	{ .name = "reordering", .type = FT_INT, .unit = "segments", INFO(tcpi_reordering),
	  .doc = "Reordering that the connection reckons with." },
	{ .name = "reord_seen", COUNTER, .type = FT_INT, INFO(tcpi_reord_seen),
	  .doc = "Times that reordering was seen." },
	{ .name = "dsack_dups", COUNTER, .type = FT_INT, INFO(tcpi_dsack_dups),
	  .doc = "Duplicates that the peer reported (RFC 4898)." },
	{ .name = "rcv_ooopack", COUNTER, .type = FT_INT, .unit = "packets", INFO(tcpi_rcv_ooopack),
	  .doc = "Packets received out of order." },
	{ .name = "rcv_space", .type = FT_BYTES, .unit = "bytes", INFO(tcpi_rcv_space),
	  .doc = "Receive buffer as tuned by the kernel." },
	{ .name = "snd_wnd", .type = FT_BYTES, .unit = "bytes", INFO(tcpi_snd_wnd),
	  .doc = "Receive window that the peer advertises." },
	{ .name = "rcv_wnd", .type = FT_BYTES, .unit = "bytes", INFO_AT(tcpi_rcv_wnd, 232, 4),
	  .doc = "Receive window that is advertised to the peer (Linux 6.2)." },
	{ .name = "delivered", COUNTER, .type = FT_INT, .unit = "segments", INFO(tcpi_delivered),
	  .doc = "Segments delivered, those acknowledged out of order included." },
	{ .name = "delivered_ce", COUNTER, .type = FT_INT, .unit = "segments", INFO(tcpi_delivered_ce),
	  .doc = "Segments delivered with a congestion mark." },
	{ .name = "pacing_rate", .type = FT_RATE, .unit = "bytes/s", INFO(tcpi_pacing_rate),
	  NONE(UINT64_MAX),
	  .doc = "Rate at which sending is paced; absent when it is not." },
	{ .name = "max_pacing_rate", .type = FT_RATE, .unit = "bytes/s",
	  INFO(tcpi_max_pacing_rate), NONE(UINT64_MAX),
	  .doc = "Limit of the pacing rate (SO_MAX_PACING_RATE); absent when there is none." },
	{ .name = "delivery_rate", .type = FT_RATE, .unit = "bytes/s", INFO(tcpi_delivery_rate),
	  NONE(0),
	  .doc = "Most recent rate of delivery; absent before it was measured." },
	{ .name = "app_limited", .type = FT_BOOL, INFO_AT(tcpi_delivery_rate_app_limited, 7, 1),
	  BITS(0, 1),
	  .doc = "The delivery rate was limited by the program, not the network." },
	{ .name = "busy_time", COUNTER, .type = FT_DURATION, .unit = "s", INFO(tcpi_busy_time),
	  .scale = 1e-6,
	  .doc = "Time spent sending, with data outstanding." },
	{ .name = "rwnd_limited", COUNTER, .type = FT_DURATION, .unit = "s", INFO(tcpi_rwnd_limited),
	  .scale = 1e-6,
	  .doc = "Part of busy_time that waited for the receive window of the peer." },
	{ .name = "sndbuf_limited", COUNTER, .type = FT_DURATION, .unit = "s", INFO(tcpi_sndbuf_limited),
	  .scale = 1e-6,
	  .doc = "Part of busy_time that waited for room in the send buffer." },
	{ .name = "last_data_sent", .type = FT_DURATION, .unit = "s", INFO(tcpi_last_data_sent),
	  .scale = 1e-3,
	  .doc = "Time since data was last sent." },
	{ .name = "last_data_recv", .type = FT_DURATION, .unit = "s", INFO(tcpi_last_data_recv),
	  .scale = 1e-3,
	  .doc = "Time since data was last received." },
	{ .name = "last_ack_recv", .type = FT_DURATION, .unit = "s", INFO(tcpi_last_ack_recv),
	  .scale = 1e-3,
	  .doc = "Time since an acknowledgement was last received." },
	{ .name = "timestamps", .type = FT_BOOL, INFO(tcpi_options), BITS(0, 1),
	  .doc = "Timestamps are in use (RFC 7323)." },
	{ .name = "sack", .type = FT_BOOL, INFO(tcpi_options), BITS(1, 1),
	  .doc = "Selective acknowledgements are in use (RFC 2018)." },
	{ .name = "wscale", .type = FT_BOOL, INFO(tcpi_options), BITS(2, 1),
	  .doc = "Window scaling is in use (RFC 7323)." },
	{ .name = "ecn", .type = FT_BOOL, INFO(tcpi_options), BITS(3, 1),
	  .doc = "Explicit congestion notification is in use (RFC 3168)." },
	{ .name = "ecn_seen", .type = FT_BOOL, INFO(tcpi_options), BITS(4, 1),
	  .doc = "A packet that may be marked was received (RFC 3168)." },
	{ .name = "fastopen", .type = FT_BOOL, INFO(tcpi_options), BITS(5, 1),
	  .doc = "The data in the SYN was acknowledged (RFC 7413)." },
	{ .name = "usec_ts", .type = FT_BOOL, INFO(tcpi_options), BITS(6, 1),
	  .doc = "Timestamps count microseconds (Linux 6.7)." },
	{ .name = "tfo_child", .type = FT_BOOL, INFO(tcpi_options), BITS(7, 1),
	  .doc = "Accepted by fast open (Linux 6.16)." },
	{ .name = "snd_wscale", .type = FT_INT, INFO_AT(tcpi_snd_wscale, 6, 1), BITS(0, 15),
	  .doc = "Scale of the window that the peer advertises, as a power of 2." },
	{ .name = "rcv_wscale", .type = FT_INT, INFO_AT(tcpi_rcv_wscale, 6, 1), BITS(4, 15),
	  .doc = "Scale of the window that is advertised, as a power of 2." },
	{ .name = "fastopen_fail", .type = FT_INT, INFO_AT(tcpi_fastopen_client_fail, 7, 1),
	  BITS(1, 3),
	  .doc = "Why the client did not use fast open: 0 nothing, 1 no cookie, 2 no data "
		 "acknowledged, 3 retransmitted." },
	{ .name = "rehash", COUNTER, .type = FT_INT, INFO_AT(tcpi_rehash, 236, 4),
	  .doc = "Times that another path was tried after timeouts (Linux 6.2)." },
	{ .name = "total_rto", COUNTER, .type = FT_INT, INFO_AT(tcpi_total_rto, 240, 2),
	  .doc = "Timeouts of retransmission since the connection began (Linux 6.7)." },
	{ .name = "total_rto_recoveries", .type = FT_INT,
	  INFO_AT(tcpi_total_rto_recoveries, 242, 2),
	  .doc = "Recoveries from such timeouts (Linux 6.7)." },
	{ .name = "total_rto_time", .type = FT_DURATION, .unit = "s",
	  INFO_AT(tcpi_total_rto_time, 244, 4), .scale = 1e-3,
	  .doc = "Time spent in such recoveries (Linux 6.7)." },
	{ .name = "received_ce", .type = FT_INT, .unit = "segments",
	  INFO_AT(tcpi_received_ce, 248, 4),
	  .doc = "Segments received with a congestion mark (Linux 6.18, RFC 9768)." },
	{ .name = "delivered_e1_bytes", .type = FT_BYTES, .unit = "bytes",
	  INFO_AT(tcpi_delivered_e1_bytes, 252, 4),
	  .doc = "Bytes delivered that were marked ECT(1) (Linux 6.18, RFC 9768)." },
	{ .name = "delivered_e0_bytes", .type = FT_BYTES, .unit = "bytes",
	  INFO_AT(tcpi_delivered_e0_bytes, 256, 4),
	  .doc = "Bytes delivered that were marked ECT(0) (Linux 6.18, RFC 9768)." },
	{ .name = "delivered_ce_bytes", .type = FT_BYTES, .unit = "bytes",
	  INFO_AT(tcpi_delivered_ce_bytes, 260, 4),
	  .doc = "Bytes delivered that were marked CE (Linux 6.18, RFC 9768)." },
	{ .name = "received_e1_bytes", .type = FT_BYTES, .unit = "bytes",
	  INFO_AT(tcpi_received_e1_bytes, 264, 4),
	  .doc = "Bytes received that were marked ECT(1) (Linux 6.18, RFC 9768)." },
	{ .name = "received_e0_bytes", .type = FT_BYTES, .unit = "bytes",
	  INFO_AT(tcpi_received_e0_bytes, 268, 4),
	  .doc = "Bytes received that were marked ECT(0) (Linux 6.18, RFC 9768)." },
	{ .name = "received_ce_bytes", .type = FT_BYTES, .unit = "bytes",
	  INFO_AT(tcpi_received_ce_bytes, 272, 4),
	  .doc = "Bytes received that were marked CE (Linux 6.18, RFC 9768)." },

	/* columns of /proc/net/tcp that sock_diag(7) does not tell */
	{ .name = "quick_ack", .type = FT_INT, .shape = &shape_inet,
	  .places = (const struct place[]){
		{ .shape = &shape_inet, .attr = PROC_QUICK_ACK, .size = 4, .flags = FF_SIGNED },
		{ .shape = NULL } },
	  .from = "icsk_ack.quick, get_tcp4_sock in net/ipv4/tcp_ipv4.c",
	  .doc = "Segments that are to be acknowledged at once; told by rows from /proc only." },
	{ .name = "interactive", .type = FT_BOOL, ATTR(PROC_INTERACTIVE, 0, 1),
	  .from = "inet_csk_in_pingpong_mode, get_tcp4_sock in net/ipv4/tcp_ipv4.c",
	  .doc = "Both ends write in turn, so acknowledgements wait to go along with data; told by "
		 "rows from /proc only." },
	{ .name = "fastopen_backlog", .type = FT_INT, ATTR(PROC_FASTOPEN, 0, 4),
	  .from = "fastopenq.max_qlen, get_tcp4_sock in net/ipv4/tcp_ipv4.c",
	  .doc = "Connections by fast open that may wait at a listener (TCP_FASTOPEN); told by rows "
		 "from /proc only." },
	{ .name = "proc_tail", .type = FT_TEXT, ATTR(PROC_TAIL, 0, 0),
	  .from = "/proc/net/tcp",
	  .doc = "What the line of a text has behind the columns that are known." },

	/* congestion control */
	{ .name = "cong", .type = FT_TEXT, .get = get_text, ATTR(INET_DIAG_CONG, 0, 1),
	  NEEDS(INET_DIAG_CONG), .from = "INET_DIAG_CONG",
	  .doc = "Name of the congestion control algorithm." },
	{ .name = "vegas_enabled", .type = FT_BOOL, VEGAS(tcpv_enabled),
	  .doc = "Vegas is in control." },
	{ .name = "vegas_rttcnt", .type = FT_INT, VEGAS(tcpv_rttcnt),
	  .doc = "Round trips that Vegas measured." },
	{ .name = "vegas_rtt", .type = FT_DURATION, .unit = "s", VEGAS(tcpv_rtt),
	  NONE(0x7fffffff), .scale = 1e-6,
	  .doc = "Round-trip time of Vegas." },
	{ .name = "vegas_min_rtt", .type = FT_DURATION, .unit = "s", VEGAS(tcpv_minrtt),
	  NONE(0x7fffffff), .scale = 1e-6,
	  .doc = "Least round-trip time of Vegas." },
	{ .name = "dctcp_enabled", .type = FT_BOOL, DCTCP(dctcp_enabled),
	  .doc = "DCTCP is in control; else it fell back to Reno." },
	{ .name = "dctcp_ce_state", .type = FT_INT, DCTCP(dctcp_ce_state),
	  .doc = "Whether the last packet had a congestion mark." },
	{ .name = "dctcp_alpha", .type = FT_INT, DCTCP(dctcp_alpha),
	  .doc = "Fraction of marked bytes, as estimated, times 1024." },
	{ .name = "dctcp_ab_ecn", .type = FT_BYTES, .unit = "bytes", DCTCP(dctcp_ab_ecn),
	  .doc = "Bytes acknowledged with a mark in this window." },
	{ .name = "dctcp_ab_tot", .type = FT_BYTES, .unit = "bytes", DCTCP(dctcp_ab_tot),
	  .doc = "Bytes acknowledged in this window." },
	{ .name = "bbr_bw", .type = FT_RATE, .unit = "bytes/s", ATTR(INET_DIAG_BBRINFO, 0, 8),
	  NEEDS(INET_DIAG_VEGASINFO), .from = "bbr_bw_lo, bbr_bw_hi",
	  .doc = "Bandwidth of the path, as BBR estimates it." },
	{ .name = "bbr_min_rtt", .type = FT_DURATION, .unit = "s", BBR(bbr_min_rtt),
	  NONE(UINT32_MAX), .scale = 1e-6,
	  .doc = "Least round-trip time of BBR." },
	{ .name = "bbr_pacing_gain", .type = FT_FLOAT, BBR(bbr_pacing_gain), .scale = 1.0 / 256,
	  .doc = "Factor from bandwidth to pacing rate." },
	{ .name = "bbr_cwnd_gain", .type = FT_FLOAT, BBR(bbr_cwnd_gain), .scale = 1.0 / 256,
	  .doc = "Factor from bandwidth and delay to congestion window." },

	/* upper layers; they come with tcp_info */
	{ .name = "md5_keys", .type = FT_INT, .get = get_md5_keys, ATTR(INET_DIAG_MD5SIG, 0, 1),
	  NEEDS(INET_DIAG_INFO), .flags = FF_NET_ADMIN, .from = "INET_DIAG_MD5SIG",
	  .doc = "TCP MD5 keys (RFC 2385); the kernel tells it to CAP_NET_ADMIN only." },
	{ .name = "md5_peers", .type = FT_TEXT, .get = get_md5_list, .kind = "peers",
	  ATTR(INET_DIAG_MD5SIG, 0, 1), NEEDS(INET_DIAG_INFO), .flags = FF_LIST | FF_NET_ADMIN,
	  .from = "tcpm_addr, tcpm_prefixlen",
	  .doc = "Whom the TCP MD5 keys are for, a prefix a key: '10.0.0.1/32'." },
	{ .name = "md5_secrets", .type = FT_TEXT, .get = get_md5_list, .kind = "secrets",
	  ATTR(INET_DIAG_MD5SIG, 0, 1), NEEDS(INET_DIAG_INFO), .flags = FF_LIST | FF_NET_ADMIN,
	  .from = "tcpm_key",
	  .doc = "The TCP MD5 keys themselves, in the order of md5_peers." },
	{ .name = "ulp", .type = FT_TEXT, .get = get_ulp, ATTR(0, INET_ULP_INFO_NAME, 0),
	  NEEDS(INET_DIAG_INFO), .from = "INET_ULP_INFO_NAME",
	  .doc = "Upper layer protocol in the kernel: tls, mptcp ..." },
	{ .name = "tls_version", .type = FT_ENUM, .names = tls_version_names, .get = get_tls,
	  ATTR(0, TLS_INFO_VERSION, 2), NEEDS(INET_DIAG_INFO), .from = "TLS_INFO_VERSION",
	  .doc = "Version of kernel TLS." },
	{ .name = "tls_cipher", .type = FT_ENUM, .names = tls_cipher_names, .get = get_tls,
	  ATTR(0, TLS_INFO_CIPHER, 2), NEEDS(INET_DIAG_INFO), .from = "TLS_INFO_CIPHER",
	  .doc = "Cipher of kernel TLS." },
	{ .name = "tls_rx", .type = FT_ENUM, .names = tls_conf_names, .get = get_tls,
	  ATTR(0, TLS_INFO_RXCONF, 2), NEEDS(INET_DIAG_INFO), .from = "TLS_INFO_RXCONF",
	  .doc = "Where kernel TLS decrypts: none, sw, hw or hw-record." },
	{ .name = "tls_tx", .type = FT_ENUM, .names = tls_conf_names, .get = get_tls,
	  ATTR(0, TLS_INFO_TXCONF, 2), NEEDS(INET_DIAG_INFO), .from = "TLS_INFO_TXCONF",
	  .doc = "Where kernel TLS encrypts: none, sw, hw or hw-record." },
	{ .name = "tls_zerocopy", .type = FT_BOOL, .get = get_tls, ATTR(0, TLS_INFO_ZC_RO_TX, 0),
	  NEEDS(INET_DIAG_INFO), .from = "TLS_INFO_ZC_RO_TX",
	  .doc = "Kernel TLS sends files from the device without a copy (TLS_TX_ZEROCOPY_RO)." },

#include "sockets_fields_inet_more.h"

#include "sockets_fields_packet.h"

#include "sockets_fields_netlink.h"

#include "sockets_fields_vsock.h"

#include "sockets_fields_xdp.h"

#include "sockets_fields_tipc.h"

	{ .name = NULL },
};
/* clang-format on */
