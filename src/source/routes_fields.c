/*
 * Owns the declaration of every field of `routes`.
 *
 * Places: struct rtmsg, or an attribute RTA_* of <linux/rtnetlink.h>; metrics lie in
 * RTA_METRICS by RTAX_*.
 */
#include "routes.h"

#define SIZE(type, member) sizeof(((type *)0)->member)
#define HDR(member)	   .offset = offsetof(struct rtmsg, member), .size = SIZE(struct rtmsg, member)
#define ATTR(type, bytes)  .attr = type, .size = bytes, .from = #type
#define METRIC(type)	   .in = { RTA_METRICS }, .attr = type, .size = 4, .from = #type
#define CACHE(member)                                                            \
	.attr = RTA_CACHEINFO, .offset = offsetof(struct rta_cacheinfo, member), \
	.size = SIZE(struct rta_cacheinfo, member), .from = #member
#define BITS(from_bit, ones) .shift = from_bit, .mask = ones
/* times(2) counts in hundredths of a second on every system that Linux runs on (USER_HZ) */
#define TICKS		     .unit = "s", .scale = 1e-2

/* A row stays two or three lines, so: */
/* clang-format off */
const struct field route_fields[] = {
	{ .name = "type", .type = FT_ENUM, .names = route_type_names, HDR(rtm_type),
	  .flags = FF_COLUMN | FF_OPEN, .from = "rtm_type",
	  .doc = "What happens to a packet: unicast (sent on), local (is for this host), broadcast, "
		 "anycast, multicast, blackhole (dropped), unreachable or prohibit (dropped with an "
		 "error), throw (this table does not know)." },
	{ .name = "dst", .type = FT_ADDR, .get = get_prefix, .attr = RTA_DST,
	  .offset = offsetof(struct rtmsg, rtm_dst_len), .flags = FF_COLUMN, .from = "RTA_DST",
	  .doc = "Destinations that it is for; a condition takes those inside of a prefix. A default "
		 "route is 0.0.0.0/0 or ::/0, and the only one with a dst_len of 0." },
	{ .name = "dst_len", .type = FT_INT, HDR(rtm_dst_len), .from = "rtm_dst_len",
	  .doc = "Length of the destination's prefix; 0 is a default route." },
	{ .name = "src", .type = FT_ADDR, .get = get_prefix_given, .attr = RTA_SRC,
	  .offset = offsetof(struct rtmsg, rtm_src_len), .from = "RTA_SRC",
	  .doc = "Sources that it is for, of an IPv6 route that has any; of route() the source that "
		 "was asked about." },
	{ .name = "gateway", .type = FT_ADDR, .get = get_gateway, .get_more = more_gateways,
	  .flags = FF_COLUMN, .from = "RTA_GATEWAY, RTA_VIA, RTA_MULTIPATH",
	  .doc = "Router that it goes to; absent when the destination is on the link. Of several "
		 "paths the first, but a condition holds if it does of any." },
	{ .name = "dev", .type = FT_TEXT, .get = get_route_dev, .get_more = more_devs,
	  ATTR(RTA_OIF, 4), .flags = FF_COLUMN, .cost = COST_LOOKUP,
	  .doc = "Network device that it leaves by. Of several paths the first, but a condition "
		 "holds if it does of any." },
	{ .name = "dev_index", .type = FT_INT, .get = get_route_dev_index,
	  .get_more = more_dev_indexes, ATTR(RTA_OIF, 4), NONE(0),
	  .doc = "Index of this network device." },
	{ .name = "nexthops", .type = FT_ROWS, .rows = &route_paths, .get = get_paths,
	  .attr = RTA_MULTIPATH, .flags = FF_COLUMN | FF_LIST, .cost = COST_LOOKUP,
	  .from = "RTA_MULTIPATH",
	  .doc = "The paths of a route that has several: a list of records with gateway, dev, "
		 "dev_index, weight, flags and the fields of encap." },
	{ .name = "family", .type = FT_ENUM, .names = route_family_names, HDR(rtm_family),
	  .from = "rtm_family", .doc = "Address family: inet (IPv4) or inet6 (IPv6)." },
	{ .name = "table", .type = FT_ENUM, .names = route_table_names, .get = get_table,
	  .attr = RTA_TABLE, .offset = offsetof(struct rtmsg, rtm_table),
	  .flags = FF_COLUMN | FF_OPEN, .from = "RTA_TABLE, rtm_table",
	  .doc = "Routing table that it is in: main, local, default, or a number." },
	{ .name = "proto", .type = FT_ENUM, .names = route_proto_names, HDR(rtm_protocol),
	  .flags = FF_COLUMN | FF_OPEN, .from = "rtm_protocol",
	  .doc = "Who made it: kernel, boot, static, ra, dhcp, bird, bgp and others, or a number." },
	{ .name = "scope", .type = FT_ENUM, .names = route_scope_names, HDR(rtm_scope),
	  .flags = FF_OPEN, .from = "rtm_scope",
	  .doc = "How far its destinations are: global, site, link, host or nowhere." },
	{ .name = "metric", .type = FT_INT, .get = get_metric, ATTR(RTA_PRIORITY, 4),
	  .flags = FF_COLUMN,
	  .doc = "Of routes to the same destination the one with the lowest metric is used." },
	{ .name = "prefsrc", .type = FT_ADDR, .flags = FF_COLUMN, ATTR(RTA_PREFSRC, 0),
	  .doc = "Source address for what this host sends by it." },
	{ .name = "tos", .type = FT_INT, HDR(rtm_tos), .from = "rtm_tos",
	  .doc = "Type of service that packets must have; 0 is any." },
	{ .name = "pref", .type = FT_ENUM, .names = route_pref_names, ATTR(RTA_PREF, 1),
	  .doc = "Preference of an IPv6 route by its router (RFC 4191): low, medium or high." },
	{ .name = "flags", .type = FT_ENUM, .names = route_flag_names, .get = get_route_flags,
	  HDR(rtm_flags), .flags = FF_LIST | FF_BITS, .from = "rtm_flags",
	  .doc = "State, as a list: onlink, dead, linkdown, pervasive, offload, trap, cloned and "
		 "others." },
	{ .name = "cached", .type = FT_BOOL, HDR(rtm_flags), BITS(9, 1), .from = "RTM_F_CLONED",
	  .doc = "Made by the kernel from another route for one destination (path MTU, redirect); "
		 "listed only when a condition names this field." },
	{ .name = "cache_flags", .type = FT_ENUM, .names = route_cache_flag_names,
	  .get = get_cache_flags, HDR(rtm_flags), .flags = FF_LIST | FF_BITS,
	  .from = "RTCF_*, <linux/in_route.h>",
	  .doc = "Of a cached IPv4 route and of route(): local, broadcast, multicast, redirected "
		 "and others." },
	{ .name = "nhid", .type = FT_INT, ATTR(RTA_NH_ID, 4), NONE(0),
	  .doc = "Id of the nexthop object that it uses (see nexthops)." },
	FIELD_NETNS,
	{ .name = "mtu", .type = FT_BYTES, .unit = "bytes", METRIC(RTAX_MTU),
	  .doc = "Largest packet that is sent by it." },
	{ .name = "window", .type = FT_BYTES, .unit = "bytes", METRIC(RTAX_WINDOW),
	  .doc = "Largest TCP window that is offered." },
	{ .name = "rtt", .type = FT_DURATION, .unit = "s", METRIC(RTAX_RTT), .scale = 1.0 / 8000,
	  .doc = "Round-trip time that TCP begins with." },
	{ .name = "rttvar", .type = FT_DURATION, .unit = "s", METRIC(RTAX_RTTVAR),
	  .scale = 1.0 / 4000, .doc = "Variance of the round-trip time that TCP begins with." },
	{ .name = "ssthresh", .type = FT_INT, .unit = "segments", METRIC(RTAX_SSTHRESH),
	  .doc = "Slow start threshold that TCP begins with." },
	{ .name = "cwnd", .type = FT_INT, .unit = "segments", METRIC(RTAX_CWND),
	  .doc = "Bound of TCP's congestion window; kept only while locked." },
	{ .name = "advmss", .type = FT_BYTES, .unit = "bytes", METRIC(RTAX_ADVMSS),
	  .doc = "Segment size that TCP offers to its peers." },
	{ .name = "reordering", .type = FT_INT, .unit = "segments", METRIC(RTAX_REORDERING),
	  .doc = "Reordering that TCP takes for no loss, to begin with." },
	{ .name = "hoplimit", .type = FT_INT, METRIC(RTAX_HOPLIMIT),
	  .doc = "Time to live or hop limit of what is sent by it." },
	{ .name = "initcwnd", .type = FT_INT, .unit = "segments", METRIC(RTAX_INITCWND),
	  .doc = "Congestion window that TCP begins with." },
	{ .name = "initrwnd", .type = FT_INT, .unit = "segments", METRIC(RTAX_INITRWND),
	  .doc = "Receive window that TCP begins with." },
	{ .name = "features", .type = FT_ENUM, .names = route_feature_names, METRIC(RTAX_FEATURES),
	  .flags = FF_LIST | FF_BITS,
	  .doc = "What may be used towards its destinations, as a list: ecn, tcp_usec_ts and "
		 "others." },
	{ .name = "rto_min", .type = FT_DURATION, .unit = "s", METRIC(RTAX_RTO_MIN), .scale = 1e-3,
	  .doc = "Least retransmission timeout of TCP." },
	{ .name = "quickack", .type = FT_BOOL, METRIC(RTAX_QUICKACK),
	  .doc = "TCP acknowledges at once." },
	{ .name = "cong", .type = FT_TEXT, .in = { RTA_METRICS }, .attr = RTAX_CC_ALGO,
	  .from = "RTAX_CC_ALGO", .doc = "Congestion control of TCP connections by it." },
	{ .name = "fastopen_no_cookie", .type = FT_BOOL, METRIC(RTAX_FASTOPEN_NO_COOKIE),
	  .doc = "TCP fast open takes no cookie." },
	{ .name = "locks", .type = FT_ENUM, .names = route_metric_names, METRIC(RTAX_LOCK),
	  .flags = FF_LIST | FF_BITS,
	  .doc = "Metrics that are locked, by the names of their fields: the kernel learns no other "
		 "value." },
	{ .name = "realm_from", .type = FT_INT, ATTR(RTA_FLOW, 4), BITS(16, 0xffff), NONE(0),
	  .doc = "Realm of the source." },
	{ .name = "realm", .type = FT_INT, ATTR(RTA_FLOW, 4), BITS(0, 0xffff), NONE(0),
	  .doc = "Realm of the destination." },
	{ .name = "ttl_propagate", .type = FT_BOOL, ATTR(RTA_TTL_PROPAGATE, 1),
	  .doc = "The time to live is carried over between IP and MPLS." },
	ENCAP_FIELDS(RTA_ENCAP),
	{ .name = "expires", .type = FT_DURATION, .unit = "s", .get = get_expires,
	  CACHE(rta_expires),
	  .doc = "Time until it is removed; below 0 it waits for that." },
	{ .name = "error", .type = FT_INT, CACHE(rta_error), .flags = FF_SIGNED, NONE(0),
	  .doc = "What a packet by it fails with: a negative errno value." },
	{ .name = "users", .type = FT_INT, CACHE(rta_clntref), NONE(0),
	  .doc = "How many hold it, of a cached route." },
	{ .name = "lastuse", .type = FT_DURATION, TICKS, CACHE(rta_lastuse), NONE(0),
	  .doc = "Time since it was used last, of a cached route." },
	{ .name = "used", .type = FT_INT, CACHE(rta_used), NONE(0),
	  .doc = "How often it was used, of a cached route." },
	{ .name = "iif", .type = FT_TEXT, .get = get_ifname, ATTR(RTA_IIF, 4), .cost = COST_LOOKUP,
	  .doc = "Network device that the packet came in by; told by route() and of multicast "
		 "routes." },
	{ .name = "iif_index", .type = FT_INT, ATTR(RTA_IIF, 4), NONE(0),
	  .doc = "Index of this network device." },
	{ .name = "mark", .type = FT_MARK, ATTR(RTA_MARK, 4),
	  .doc = "Firewall mark that route() was asked about." },
	{ .name = "uid", .type = FT_INT, ATTR(RTA_UID, 4),
	  .doc = "User id that route() was asked about." },
	{ .name = NULL }
};
/* clang-format on */
