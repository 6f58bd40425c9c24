/*
 * Owns the list of limits: where each one stands and what of it is in use. One row
 * here is all that a limit needs.
 */
#include "limits.h"

#include "sockets.h"

/* What Documentation/networking/ip-sysctl.rst says; a unit is that of value and used. */
/* clang-format off */
const struct limit limits[] = {
	{ .name = "ports", .sysctl = "net.ipv4.ip_local_port_range", .unit = "ports",
	  .value = ports_range, .used = used_ports, .proto = PROTO_TCP,
	  .doc = "Ports for connections that ask for none, reserved ones left out; used: distinct "
		 "local ports of tcp among them. Two connections may share one when they go to "
		 "different places: what counts is the use towards one destination." },
	{ .name = "udp_ports", .sysctl = "net.ipv4.ip_local_port_range", .unit = "ports",
	  .value = ports_range, .used = used_ports, .proto = PROTO_UDP,
	  .doc = "The same range; used: distinct local ports of udp among them." },
	{ .name = "reserved_ports", .sysctl = "net.ipv4.ip_local_reserved_ports", .unit = "ports",
	  .value = ports_reserved,
	  .doc = "Ports that are never chosen for a socket that asks for none." },
	{ .name = "somaxconn", .sysctl = "net.core.somaxconn", .unit = "connections",
	  .used = used_backlog, .proto = PROTO_TCP,
	  .doc = "The most that listen(2) allows to wait for accept(2); used: the longest such "
		 "queue of a tcp listener now. A listener may have a lower limit: see backlog of "
		 "sockets." },
	{ .name = "tcp_max_tw_buckets", .sysctl = "net.ipv4.tcp_max_tw_buckets", .unit = "sockets",
	  .used = used_sockstat, .file = "net/sockstat", .group = "TCP", .key = "tw",
	  .doc = "Sockets in time-wait; beyond it they are closed at once." },
	{ .name = "tcp_max_orphans", .sysctl = "net.ipv4.tcp_max_orphans", .unit = "sockets",
	  .used = used_sockstat, .file = "net/sockstat", .group = "TCP", .key = "orphan",
	  .doc = "Tcp sockets that no process holds any more; beyond it they are reset." },
	{ .name = "tcp_mem_low", .sysctl = "net.ipv4.tcp_mem", .column = 0, .unit = "pages",
	  .used = used_sockstat, .file = "net/sockstat", .group = "TCP", .key = "mem",
	  .doc = "Memory of all tcp sockets below which none is held back." },
	{ .name = "tcp_mem_pressure", .sysctl = "net.ipv4.tcp_mem", .column = 1, .unit = "pages",
	  .used = used_sockstat, .file = "net/sockstat", .group = "TCP", .key = "mem",
	  .doc = "Memory of all tcp sockets above which each is given less." },
	{ .name = "tcp_mem", .sysctl = "net.ipv4.tcp_mem", .column = 2, .unit = "pages",
	  .used = used_sockstat, .file = "net/sockstat", .group = "TCP", .key = "mem",
	  .doc = "Memory that all tcp sockets may have for their queues." },
	{ .name = "udp_mem", .sysctl = "net.ipv4.udp_mem", .column = 2, .unit = "pages",
	  .used = used_sockstat, .file = "net/sockstat", .group = "UDP", .key = "mem",
	  .doc = "Memory that all udp sockets may have for their queues." },
	{ .name = "ipfrag", .sysctl = "net.ipv4.ipfrag_high_thresh", .unit = "bytes",
	  .used = used_sockstat, .file = "net/sockstat", .group = "FRAG", .key = "memory",
	  .doc = "Memory for fragments of IPv4 packets that wait for the others." },
	{ .name = "ip6frag", .sysctl = "net.ipv6.ip6frag_high_thresh", .unit = "bytes",
	  .used = used_sockstat, .file = "net/sockstat6", .group = "FRAG6", .key = "memory",
	  .doc = "The same of IPv6." },
	{ .name = "neigh_gc_thresh1", .sysctl = "net.ipv4.neigh.default.gc_thresh1",
	  .unit = "entries", .used = used_neighbours, .file = "net/stat/arp_cache",
	  .doc = "IPv4 neighbours below which none is thrown out; used, of all three: entries of "
		 "all namespaces, which share the table, permanent ones too." },
	{ .name = "neigh_gc_thresh2", .sysctl = "net.ipv4.neigh.default.gc_thresh2",
	  .unit = "entries", .used = used_neighbours, .file = "net/stat/arp_cache",
	  .doc = "IPv4 neighbours above which those that were not used for 5 s are thrown out." },
	{ .name = "neigh_gc_thresh3", .sysctl = "net.ipv4.neigh.default.gc_thresh3",
	  .unit = "entries", .used = used_neighbours, .file = "net/stat/arp_cache",
	  .doc = "The most IPv4 neighbours; beyond it new ones cannot be reached." },
	{ .name = "neigh6_gc_thresh1", .sysctl = "net.ipv6.neigh.default.gc_thresh1",
	  .unit = "entries", .used = used_neighbours, .file = "net/stat/ndisc_cache",
	  .doc = "As neigh_gc_thresh1, of IPv6." },
	{ .name = "neigh6_gc_thresh2", .sysctl = "net.ipv6.neigh.default.gc_thresh2",
	  .unit = "entries", .used = used_neighbours, .file = "net/stat/ndisc_cache",
	  .doc = "As neigh_gc_thresh2, of IPv6." },
	{ .name = "neigh6_gc_thresh3", .sysctl = "net.ipv6.neigh.default.gc_thresh3",
	  .unit = "entries", .used = used_neighbours, .file = "net/stat/ndisc_cache",
	  .doc = "As neigh_gc_thresh3, of IPv6." },
	{ .name = "conntrack", .sysctl = "net.netfilter.nf_conntrack_max", .unit = "entries",
	  .used = used_sysctl, .key = "net.netfilter.nf_conntrack_count",
	  .doc = "Connections that the firewall tracks; beyond it packets of new ones are "
		 "dropped." },
	{ .name = "conntrack_buckets", .sysctl = "net.netfilter.nf_conntrack_buckets",
	  .unit = "buckets", .used = used_sysctl, .key = "net.netfilter.nf_conntrack_count",
	  .doc = "Size of the table of tracked connections; used: the connections, so its share "
		 "is the length of a chain, less than 1 of a table that is large enough." },
	{ .name = "file_max", .sysctl = "fs.file-max", .unit = "files",
	  .used = used_files, .file = "sys/fs/file-nr",
	  .doc = "Open files of the whole system, of which a socket is one." },
};
/* clang-format on */

_Static_assert(sizeof(limits) / sizeof(limits[0]) == NLIMITS, "the source has a part for each");
