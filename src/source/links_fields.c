/*
 * Owns the declaration of every field of `links`: the one place where a name,
 * its type, unit, meaning and place in the message stand. The data of each kind
 * of link is in a links_fields_KIND.h, included below.
 *
 * Places: struct ifinfomsg, or an attribute of <linux/if_link.h>.
 */
#include "links.h"

#include <linux/if_bridge.h>
#include <linux/if_tunnel.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <sys/socket.h>

#define SIZE(type, member) sizeof(((type *)0)->member)
#define HDR(member)                                                                           \
	.offset = offsetof(struct ifinfomsg, member), .size = SIZE(struct ifinfomsg, member), \
	.from = #member
#define ATTR(type, bytes)	    .attr = type, .size = bytes, .from = #type
/* One that younger headers name. */
#define ATTR_NEW(type, name, bytes) .attr = type, .size = bytes, .from = name
#define IN(outer, type, bytes)	    .in = { outer }, .attr = type, .size = bytes, .from = #type
#define BITS(from_bit, ones)	    .shift = from_bit, .mask = ones
#define NONE(value)		    .has_none = true, .none = value
#define LOOKUP			    .get = get_ifname, .cost = COST_LOOKUP
#define FLAGS			    .flags = FF_LIST | FF_BITS
#define LIST			    .get = get_nested_list, .flags = FF_LIST
/* clock_t of the kernel, which is 1/100 s to users everywhere (USER_HZ) */
#define CENTI			    .type = FT_DURATION, .unit = "s", .scale = 0.01
#define MILLI			    .type = FT_DURATION, .unit = "s", .scale = 1e-3
#define WHOLE_SECONDS		    .type = FT_DURATION, .unit = "s", .scale = 1

/* The data of a kind (IFLA_INFO_DATA), and of a member of a master of that kind. */
#define DATA_OF(kinds, number, name, bytes)                                                      \
	.when = of_kind, .kind = kinds, .in = { IFLA_LINKINFO, IFLA_INFO_DATA }, .attr = number, \
	.size = bytes, .from = name
#define MEMBER_OF(kinds, number, name, bytes)                                                 \
	.when = of_member_kind, .kind = kinds, .in = { IFLA_LINKINFO, IFLA_INFO_SLAVE_DATA }, \
	.attr = number, .size = bytes, .from = name

/* A counter of struct rtnl_link_stats64. */
#define STAT(member)                                                                \
	.attr = IFLA_STATS64, .offset = offsetof(struct rtnl_link_stats64, member), \
	.size = SIZE(struct rtnl_link_stats64, member), .from = #member ", IFLA_STATS64"
#define COUNTER	   .flags = FF_COUNTER
#define THROUGHPUT .flags = FF_COUNTER | FF_RATE_COLUMN

/* Numbers of an array that is indexed by what ip(7) and ipv6(7) call sysctls of a device. */
#define CONF4(name)                                              \
	.in = { IFLA_AF_SPEC, AF_INET }, .attr = IFLA_INET_CONF, \
	.offset = (IPV4_DEVCONF_##name - 1) * 4, .size = 4, .from = "IPV4_DEVCONF_" #name
#define CONF6(name)                                                                              \
	.in = { IFLA_AF_SPEC, AF_INET6 }, .attr = IFLA_INET6_CONF, .offset = DEVCONF_##name * 4, \
	.size = 4, .from = "DEVCONF_" #name
#define INET6(name, bytes)                                                          \
	.in = { IFLA_AF_SPEC, AF_INET6 }, .attr = IFLA_INET6_##name, .size = bytes, \
	.from = "IFLA_INET6_" #name

/* A row stays two or three lines, so: */
/* clang-format off */
const struct field link_fields[] = {
	{ .name = "index", .type = FT_INT, HDR(ifi_index), .flags = FF_COLUMN | FF_SIGNED,
	  .doc = "Number of the interface; others are not given it while the system runs, as a "
		 "rule." },
	{ .name = "name", .type = FT_TEXT, ATTR(IFLA_IFNAME, 0), .flags = FF_COLUMN,
	  .doc = "Name of the interface." },
	{ .name = "altnames", .type = FT_TEXT, .get = get_altnames, ATTR(IFLA_PROP_LIST, 0),
	  .flags = FF_LIST,
	  .doc = "Other names that it answers to." },
	{ .name = "alias", .type = FT_TEXT, ATTR(IFLA_IFALIAS, 0),
	  .doc = "Text that somebody set for it; any bytes." },
	{ .name = "kind", .type = FT_TEXT, IN(IFLA_LINKINFO, IFLA_INFO_KIND, 0),
	  .flags = FF_COLUMN,
	  .doc = "Kind of a virtual interface: bridge, veth, vlan and so on; hardware has none." },
	{ .name = "operstate", .type = FT_ENUM, .names = operstate_names, ATTR(IFLA_OPERSTATE, 1),
	  .flags = FF_COLUMN,
	  .doc = "Operational state (RFC 2863): up is able to pass packets; drivers that do not tell "
		 "leave it unknown." },
	{ .name = "up", .type = FT_BOOL, HDR(ifi_flags), BITS(0, 1),
	  .doc = "It was set up by its administrator (IFF_UP)." },
	{ .name = "running", .type = FT_BOOL, HDR(ifi_flags), BITS(6, 1),
	  .doc = "It is up and has its resources, such as a carrier (IFF_RUNNING)." },
	{ .name = "flags", .type = FT_ENUM, .names = link_flag_names, HDR(ifi_flags), FLAGS,
	  .doc = "What is set of: up, broadcast, loopback, pointopoint, running, noarp, promisc, "
		 "allmulti, master, slave, multicast, lower_up, dormant, echo and others." },
	{ .name = "type", .type = FT_ENUM, .names = link_type_names, HDR(ifi_type),
	  .flags = FF_OPEN,
	  .doc = "Type of the link layer (ARPHRD_*): ether, loopback, none and so on." },
	{ .name = "mtu", .type = FT_BYTES, .unit = "bytes", ATTR(IFLA_MTU, 4), .flags = FF_COLUMN,
	  .doc = "Size of the largest packet that it passes." },
	{ .name = "min_mtu", .type = FT_BYTES, .unit = "bytes", ATTR(IFLA_MIN_MTU, 4),
	  .doc = "Least MTU that it can be set to." },
	{ .name = "max_mtu", .type = FT_BYTES, .unit = "bytes", ATTR(IFLA_MAX_MTU, 4), NONE(0),
	  .doc = "Largest MTU that it can be set to; absent when there is no limit." },
	{ .name = "lladdr", .type = FT_LLADDR, .get = get_lladdr, ATTR(IFLA_ADDRESS, 0),
	  .flags = FF_COLUMN,
	  .doc = "Link layer address; of a tunnel, its local IP address." },
	{ .name = "broadcast", .type = FT_LLADDR, .get = get_lladdr, ATTR(IFLA_BROADCAST, 0),
	  .doc = "Link layer address of all; of a point-to-point link or tunnel, that of the other "
		 "end." },
	{ .name = "perm_lladdr", .type = FT_LLADDR, ATTR(IFLA_PERM_ADDRESS, 0),
	  .doc = "Link layer address that the hardware came with." },
	{ .name = "master", .type = FT_TEXT, LOOKUP, ATTR(IFLA_MASTER, 4), .flags = FF_COLUMN,
	  .doc = "Interface that it is a member of: a bridge, a bond, a VRF." },
	{ .name = "master_index", .type = FT_INT, ATTR(IFLA_MASTER, 4), NONE(0),
	  .doc = "Number of the interface that it is a member of." },
	{ .name = "member_kind", .type = FT_TEXT, IN(IFLA_LINKINFO, IFLA_INFO_SLAVE_KIND, 0),
	  .doc = "Kind of its master, when it has data as a member of it: bridge, bond, vrf." },
	{ .name = "link", .type = FT_TEXT, .get = get_lower, .cost = COST_LOOKUP,
	  ATTR(IFLA_LINK, 4),
	  .doc = "Interface below it (of a vlan, macvlan, tunnel), or the other end of a pair; "
		 "absent when that is in another namespace." },
	{ .name = "link_index", .type = FT_INT, ATTR(IFLA_LINK, 4), NONE(0),
	  .doc = "Number of the interface below it, in the namespace link_netnsid." },
	{ .name = "link_netnsid", .type = FT_INT, ATTR(IFLA_LINK_NETNSID, 4), NONE(UINT64_MAX),
	  .flags = FF_SIGNED,
	  .doc = "Id, in this namespace, of the namespace in which the link below it is; absent "
		 "when that is this one." },
	{ .name = "qdisc", .type = FT_TEXT, ATTR(IFLA_QDISC, 0),
	  .doc = "Queueing discipline at its root." },
	{ .name = "qlen", .type = FT_INT, .unit = "packets", ATTR(IFLA_TXQLEN, 4),
	  .doc = "Packets that its queue may hold." },
	{ .name = "group", .type = FT_ENUM, .names = link_group_names, ATTR(IFLA_GROUP, 4),
	  .flags = FF_OPEN,
	  .doc = "Group that it was put into: default (0) or a number." },
	{ .name = "linkmode", .type = FT_ENUM, .names = linkmode_names, ATTR(IFLA_LINKMODE, 1),
	  .doc = "What it becomes when its carrier comes: up (default), dormant or testing." },
	{ .name = "carrier", .type = FT_BOOL, ATTR(IFLA_CARRIER, 1),
	  .doc = "The driver sees a carrier." },
	{ .name = "carrier_changes", .type = FT_INT, ATTR(IFLA_CARRIER_CHANGES, 4), COUNTER,
	  .doc = "How often the carrier came or went." },
	{ .name = "carrier_up_count", .type = FT_INT, ATTR(IFLA_CARRIER_UP_COUNT, 4), COUNTER,
	  .doc = "How often the carrier came." },
	{ .name = "carrier_down_count", .type = FT_INT, ATTR(IFLA_CARRIER_DOWN_COUNT, 4), COUNTER,
	  .doc = "How often the carrier went." },
	{ .name = "promiscuity", .type = FT_INT, ATTR(IFLA_PROMISCUITY, 4),
	  .doc = "How many users want it to receive everything; above 0 it is promiscuous." },
	{ .name = "allmulti", .type = FT_INT, ATTR(IFLA_ALLMULTI, 4),
	  .doc = "How many users want it to receive all multicasts." },
	{ .name = "num_tx_queues", .type = FT_INT, ATTR(IFLA_NUM_TX_QUEUES, 4),
	  .doc = "Queues that it sends by." },
	{ .name = "num_rx_queues", .type = FT_INT, ATTR(IFLA_NUM_RX_QUEUES, 4),
	  .doc = "Queues that it receives by." },
	{ .name = "gso_max_size", .type = FT_BYTES, .unit = "bytes", ATTR(IFLA_GSO_MAX_SIZE, 4),
	  .doc = "Largest packet that the stack hands to it to be cut into segments." },
	{ .name = "gso_max_segs", .type = FT_INT, ATTR(IFLA_GSO_MAX_SEGS, 4),
	  .doc = "Most segments of such a packet." },
	{ .name = "gso_ipv4_max_size", .type = FT_BYTES, .unit = "bytes",
	  ATTR_NEW(LINK_GSO_IPV4_MAX_SIZE, "IFLA_GSO_IPV4_MAX_SIZE", 4),
	  .doc = "The same as gso_max_size for IPv4." },
	{ .name = "tso_max_size", .type = FT_BYTES, .unit = "bytes", ATTR(IFLA_TSO_MAX_SIZE, 4),
	  .doc = "Largest packet that the device itself can cut." },
	{ .name = "tso_max_segs", .type = FT_INT, ATTR(IFLA_TSO_MAX_SEGS, 4),
	  .doc = "Most segments into which the device itself can cut." },
	{ .name = "gro_max_size", .type = FT_BYTES, .unit = "bytes", ATTR(IFLA_GRO_MAX_SIZE, 4),
	  .doc = "Largest packet that received ones are merged into." },
	{ .name = "gro_ipv4_max_size", .type = FT_BYTES, .unit = "bytes",
	  ATTR_NEW(LINK_GRO_IPV4_MAX_SIZE, "IFLA_GRO_IPV4_MAX_SIZE", 4),
	  .doc = "The same as gro_max_size for IPv4." },
	{ .name = "pacing_horizon", .type = FT_DURATION, .unit = "s", .scale = 1e-9, .get = get_uint,
	  ATTR_NEW(LINK_PACING_HORIZON, "IFLA_MAX_PACING_OFFLOAD_HORIZON", 4), NONE(0),
	  .doc = "How far ahead the device itself can time what it sends; absent when it cannot." },
	{ .name = "headroom", .type = FT_BYTES, .unit = "bytes",
	  ATTR_NEW(LINK_HEADROOM, "IFLA_HEADROOM", 2),
	  .doc = "Bytes that it needs in front of a packet." },
	{ .name = "tailroom", .type = FT_BYTES, .unit = "bytes",
	  ATTR_NEW(LINK_TAILROOM, "IFLA_TAILROOM", 2),
	  .doc = "Bytes that it needs behind a packet." },
	{ .name = "netns_immutable", .type = FT_BOOL,
	  ATTR_NEW(LINK_NETNS_IMMUTABLE, "IFLA_NETNS_IMMUTABLE", 1),
	  .doc = "It cannot be moved to another namespace." },
	{ .name = "phys_port_id", .type = FT_LLADDR, ATTR(IFLA_PHYS_PORT_ID, 0),
	  .doc = "Id of the physical port behind it, the same for all interfaces on it." },
	{ .name = "phys_port_name", .type = FT_TEXT, ATTR(IFLA_PHYS_PORT_NAME, 0),
	  .doc = "Name of the physical port behind it, as its driver gives it." },
	{ .name = "phys_switch_id", .type = FT_LLADDR, ATTR(IFLA_PHYS_SWITCH_ID, 0),
	  .doc = "Id of the switch chip that it is a port of." },
	{ .name = "proto_down", .type = FT_BOOL, ATTR(IFLA_PROTO_DOWN, 1),
	  .doc = "A program holds its carrier down." },
	{ .name = "proto_down_reason", .type = FT_INT,
	  IN(IFLA_PROTO_DOWN_REASON, IFLA_PROTO_DOWN_REASON_VALUE, 4),
	  .doc = "Why, as bits that the programs of this machine agreed on." },
	{ .name = "xdp", .type = FT_ENUM, .names = xdp_names, IN(IFLA_XDP, IFLA_XDP_ATTACHED, 1),
	  NONE(XDP_ATTACHED_NONE),
	  .doc = "Where an XDP program is attached: native (driver), generic, offload or multi." },
	{ .name = "xdp_prog_id", .type = FT_INT, IN(IFLA_XDP, IFLA_XDP_PROG_ID, 4), NONE(0),
	  .doc = "Id of the XDP program, when there is only one." },
	{ .name = "xdp_native_prog_id", .type = FT_INT, IN(IFLA_XDP, IFLA_XDP_DRV_PROG_ID, 4),
	  NONE(0),
	  .doc = "Id of the XDP program in the driver." },
	{ .name = "xdp_generic_prog_id", .type = FT_INT, IN(IFLA_XDP, IFLA_XDP_SKB_PROG_ID, 4),
	  NONE(0),
	  .doc = "Id of the XDP program behind the driver." },
	{ .name = "xdp_offload_prog_id", .type = FT_INT, IN(IFLA_XDP, IFLA_XDP_HW_PROG_ID, 4),
	  NONE(0),
	  .doc = "Id of the XDP program in the device." },
	{ .name = "parent_bus", .type = FT_TEXT, ATTR(IFLA_PARENT_DEV_BUS_NAME, 0),
	  .doc = "Bus of the device behind it: pci, usb, virtio." },
	{ .name = "parent_dev", .type = FT_TEXT, ATTR(IFLA_PARENT_DEV_NAME, 0),
	  .doc = "Name of the device behind it on its bus, such as a PCI address." },
	{ .name = "num_vf", .type = FT_INT, ATTR(IFLA_NUM_VF, 4), .needs = LINK_VFS,
	  .cost = COST_REQUEST,
	  .doc = "Virtual functions (SR-IOV) that are on." },
	{ .name = "event", .type = FT_ENUM, .names = link_event_names, ATTR(IFLA_EVENT, 4),
	  NONE(IFLA_EVENT_NONE),
	  .doc = "What a notification was sent for; a list has none." },
	{ .name = "new_netnsid", .type = FT_INT, ATTR(IFLA_NEW_NETNSID, 4), NONE(UINT64_MAX),
	  .flags = FF_SIGNED,
	  .doc = "Of a notification that it left: id of the namespace that it went to." },
	{ .name = "new_index", .type = FT_INT, ATTR(IFLA_NEW_IFINDEX, 4), NONE(0),
	  .doc = "Of a notification that it left: its number in the namespace that it went to." },
	FIELD_NETNS,

#include "links_fields_stats.h"
#include "links_fields_inet.h"
#include "links_fields_virtual.h"
#include "links_fields_bridge.h"
#include "links_fields_bond.h"
#include "links_fields_tunnel.h"
	{ .name = NULL },
};
/* clang-format on */
