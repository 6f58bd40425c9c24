/* Owns the names of enums of routes, nexthops and rules, by the numbers that the kernel has for
 * them. */
#include "routes.h"

#include <linux/fib_rules.h>
#include <linux/icmpv6.h>
#include <linux/in_route.h>
#include <linux/ioam6_iptunnel.h>
#include <linux/lwtunnel.h>
#include <linux/nexthop.h>
#include <linux/seg6_iptunnel.h>
#include <linux/seg6_local.h>
#include <netinet/in.h>
#include <sys/socket.h>

const struct enum_name route_family_names[] = {
	{ AF_INET, "inet" },  { AF_INET, "ipv4" }, { AF_INET6, "inet6" },
	{ AF_INET6, "ipv6" }, { 0, NULL },
};

/* enum rt_class_t, <linux/rtnetlink.h> */
const struct enum_name route_table_names[] = {
	{ RT_TABLE_MAIN, "main" },
	{ RT_TABLE_LOCAL, "local" },
	{ RT_TABLE_DEFAULT, "default" },
	{ 0, NULL },
};

/* rtm_type, <linux/rtnetlink.h> */
const struct enum_name route_type_names[] = {
	{ RTN_UNICAST, "unicast" },
	{ RTN_LOCAL, "local" },
	{ RTN_BROADCAST, "broadcast" },
	{ RTN_ANYCAST, "anycast" },
	{ RTN_MULTICAST, "multicast" },
	{ RTN_BLACKHOLE, "blackhole" },
	{ RTN_UNREACHABLE, "unreachable" },
	{ RTN_PROHIBIT, "prohibit" },
	{ RTN_THROW, "throw" },
	{ RTN_NAT, "nat" },
	{ RTN_XRESOLVE, "xresolve" },
	{ 0, NULL },
};

/* rtm_protocol, <linux/rtnetlink.h>; 18 since Linux 5.12 */
const struct enum_name route_proto_names[] = {
	{ RTPROT_UNSPEC, "unspec" }, { RTPROT_REDIRECT, "redirect" }, { RTPROT_KERNEL, "kernel" },
	{ RTPROT_BOOT, "boot" },     { RTPROT_STATIC, "static" },     { RTPROT_GATED, "gated" },
	{ RTPROT_RA, "ra" },	     { RTPROT_MRT, "mrt" },	      { RTPROT_ZEBRA, "zebra" },
	{ RTPROT_BIRD, "bird" },     { RTPROT_DNROUTED, "dnrouted" }, { RTPROT_XORP, "xorp" },
	{ RTPROT_NTK, "ntk" },	     { RTPROT_DHCP, "dhcp" },	      { RTPROT_MROUTED, "mrouted" },
	{ 18, "keepalived" },	     { RTPROT_BABEL, "babel" },	      { 99, "openr" },
	{ RTPROT_BGP, "bgp" },	     { RTPROT_ISIS, "isis" },	      { RTPROT_OSPF, "ospf" },
	{ RTPROT_RIP, "rip" },	     { RTPROT_EIGRP, "eigrp" },	      { 0, NULL },
};

/* enum rt_scope_t, <linux/rtnetlink.h> */
const struct enum_name route_scope_names[] = {
	{ RT_SCOPE_UNIVERSE, "global" },
	{ RT_SCOPE_UNIVERSE, "universe" },
	{ RT_SCOPE_SITE, "site" },
	{ RT_SCOPE_LINK, "link" },
	{ RT_SCOPE_HOST, "host" },
	{ RT_SCOPE_NOWHERE, "nowhere" },
	{ 0, NULL },
};

#define RTNH_NAMES                                                                               \
	{ RTNH_F_DEAD, "dead" }, { RTNH_F_PERVASIVE, "pervasive" }, { RTNH_F_ONLINK, "onlink" }, \
		{ RTNH_F_OFFLOAD, "offload" }, { RTNH_F_LINKDOWN, "linkdown" },                  \
		{ RTNH_F_UNRESOLVED, "unresolved" },                                             \
	{                                                                                        \
		RTNH_F_TRAP, "trap"                                                              \
	}

/* rtnh_flags, <linux/rtnetlink.h> */
const struct enum_name hop_flag_names[] = { RTNH_NAMES, { 0, NULL } };

/* rtm_flags, <linux/rtnetlink.h>: those of the path, then RTM_F_* */
const struct enum_name route_flag_names[] = {
	RTNH_NAMES,
	{ RTM_F_NOTIFY, "notify" },
	{ RTM_F_CLONED, "cloned" },
	{ RTM_F_EQUALIZE, "equalize" },
	{ RTM_F_PREFIX, "prefix" },
	{ RTM_F_OFFLOAD, "rt_offload" },
	{ RTM_F_TRAP, "rt_trap" },
	{ RTM_F_OFFLOAD_FAILED, "rt_offload_failed" },
	{ 0, NULL },
};

/* RTCF_*, <linux/in_route.h> */
const struct enum_name route_cache_flag_names[] = {
	{ RTCF_NOTIFY, "notify" },
	{ RTCF_REDIRECTED, "redirected" },
	{ RTCF_DOREDIRECT, "src-redirect" },
	{ RTCF_DIRECTSRC, "src-direct" },
	{ RTCF_DNAT, "dst-nat" },
	{ RTCF_BROADCAST, "broadcast" },
	{ RTCF_MULTICAST, "multicast" },
	{ RTCF_LOCAL, "local" },
	{ 0, NULL },
};

/* ICMPV6_ROUTER_PREF_*, <linux/icmpv6.h> */
const struct enum_name route_pref_names[] = {
	{ ICMPV6_ROUTER_PREF_LOW, "low" },
	{ ICMPV6_ROUTER_PREF_MEDIUM, "medium" },
	{ ICMPV6_ROUTER_PREF_HIGH, "high" },
	{ ICMPV6_ROUTER_PREF_INVALID, "invalid" },
	{ 0, NULL },
};

/* RTAX_LOCK has bit 1 << RTAX_* for each; the names are those of the fields. */
const struct enum_name route_metric_names[] = {
	{ 1 << RTAX_MTU, "mtu" },
	{ 1 << RTAX_WINDOW, "window" },
	{ 1 << RTAX_RTT, "rtt" },
	{ 1 << RTAX_RTTVAR, "rttvar" },
	{ 1 << RTAX_SSTHRESH, "ssthresh" },
	{ 1 << RTAX_CWND, "cwnd" },
	{ 1 << RTAX_ADVMSS, "advmss" },
	{ 1 << RTAX_REORDERING, "reordering" },
	{ 1 << RTAX_HOPLIMIT, "hoplimit" },
	{ 1 << RTAX_INITCWND, "initcwnd" },
	{ 1 << RTAX_FEATURES, "features" },
	{ 1 << RTAX_RTO_MIN, "rto_min" },
	{ 1 << RTAX_INITRWND, "initrwnd" },
	{ 1 << RTAX_QUICKACK, "quickack" },
	{ 1 << RTAX_CC_ALGO, "cong" },
	{ 1 << RTAX_FASTOPEN_NO_COOKIE, "fastopen_no_cookie" },
	{ 0, NULL },
};

/* RTAX_FEATURE_*, <linux/rtnetlink.h> */
const struct enum_name route_feature_names[] = {
	{ RTAX_FEATURE_ECN, "ecn" },
	{ RTAX_FEATURE_SACK, "sack" },
	{ RTAX_FEATURE_TIMESTAMP, "timestamp" },
	{ RTAX_FEATURE_ALLFRAG, "allfrag" },
	{ ROUTE_FEATURE_TCP_USEC_TS, "tcp_usec_ts" },
	{ 0, NULL },
};

/* enum lwtunnel_encap_types, <linux/lwtunnel.h> */
const struct enum_name encap_names[] = {
	{ LWTUNNEL_ENCAP_MPLS, "mpls" },
	{ LWTUNNEL_ENCAP_IP, "ip" },
	{ LWTUNNEL_ENCAP_ILA, "ila" },
	{ LWTUNNEL_ENCAP_IP6, "ip6" },
	{ LWTUNNEL_ENCAP_SEG6, "seg6" },
	{ LWTUNNEL_ENCAP_BPF, "bpf" },
	{ LWTUNNEL_ENCAP_SEG6_LOCAL, "seg6local" },
	{ LWTUNNEL_ENCAP_RPL, "rpl" },
	{ LWTUNNEL_ENCAP_IOAM6, "ioam6" },
	{ LWTUNNEL_ENCAP_XFRM, "xfrm" },
	{ 0, NULL },
};

/* SEG6_IPTUN_MODE_*, <linux/seg6_iptunnel.h>; those of ioam6 are made these, and auto. */
const struct enum_name encap_mode_names[] = {
	{ SEG6_IPTUN_MODE_INLINE, "inline" },
	{ SEG6_IPTUN_MODE_ENCAP, "encap" },
	{ SEG6_IPTUN_MODE_L2ENCAP, "l2encap" },
	{ SEG6_IPTUN_MODE_ENCAP_RED, "encap.red" },
	{ SEG6_IPTUN_MODE_L2ENCAP_RED, "l2encap.red" },
	{ ENCAP_MODE_AUTO, "auto" },
	{ 0, NULL },
};

/* SEG6_LOCAL_ACTION_*, <linux/seg6_local.h>, as RFC 8986 writes them */
const struct enum_name encap_action_names[] = {
	{ SEG6_LOCAL_ACTION_END, "End" },
	{ SEG6_LOCAL_ACTION_END_X, "End.X" },
	{ SEG6_LOCAL_ACTION_END_T, "End.T" },
	{ SEG6_LOCAL_ACTION_END_DX2, "End.DX2" },
	{ SEG6_LOCAL_ACTION_END_DX6, "End.DX6" },
	{ SEG6_LOCAL_ACTION_END_DX4, "End.DX4" },
	{ SEG6_LOCAL_ACTION_END_DT6, "End.DT6" },
	{ SEG6_LOCAL_ACTION_END_DT4, "End.DT4" },
	{ SEG6_LOCAL_ACTION_END_B6, "End.B6" },
	{ SEG6_LOCAL_ACTION_END_B6_ENCAP, "End.B6.Encaps" },
	{ SEG6_LOCAL_ACTION_END_BM, "End.BM" },
	{ SEG6_LOCAL_ACTION_END_S, "End.S" },
	{ SEG6_LOCAL_ACTION_END_AS, "End.AS" },
	{ SEG6_LOCAL_ACTION_END_AM, "End.AM" },
	{ SEG6_LOCAL_ACTION_END_BPF, "End.BPF" },
	{ 16, "End.DT46" }, /* Linux 5.14 */
	{ 0, NULL },
};

/* NEXTHOP_GRP_TYPE_*, <linux/nexthop.h> */
const struct enum_name nexthop_group_type_names[] = {
	{ NEXTHOP_GRP_TYPE_MPATH, "mpath" },
	{ 1, "resilient" }, /* Linux 5.13 */
	{ 0, NULL },
};

/* FR_ACT_*, <linux/fib_rules.h> */
const struct enum_name rule_action_names[] = {
	{ FR_ACT_TO_TBL, "to_tbl" },	   { FR_ACT_TO_TBL, "lookup" },
	{ FR_ACT_GOTO, "goto" },	   { FR_ACT_NOP, "nop" },
	{ FR_ACT_BLACKHOLE, "blackhole" }, { FR_ACT_UNREACHABLE, "unreachable" },
	{ FR_ACT_PROHIBIT, "prohibit" },   { 0, NULL },
};

/* FIB_RULE_*, <linux/fib_rules.h> */
const struct enum_name rule_flag_names[] = {
	{ FIB_RULE_PERMANENT, "permanent" },
	{ FIB_RULE_INVERT, "invert" },
	{ FIB_RULE_UNRESOLVED, "unresolved" },
	{ FIB_RULE_IIF_DETACHED, "iif_detached" },
	{ FIB_RULE_OIF_DETACHED, "oif_detached" },
	{ FIB_RULE_FIND_SADDR, "find_saddr" },
	{ 0, NULL },
};

/* IPPROTO_*, <netinet/in.h>: those with ports, and what rules are made for */
const struct enum_name ip_proto_names[] = {
	{ IPPROTO_ICMP, "icmp" }, { IPPROTO_TCP, "tcp" },	   { IPPROTO_UDP, "udp" },
	{ IPPROTO_DCCP, "dccp" }, { IPPROTO_GRE, "gre" },	   { IPPROTO_ESP, "esp" },
	{ IPPROTO_AH, "ah" },	  { IPPROTO_ICMPV6, "ipv6-icmp" }, { IPPROTO_ICMPV6, "icmpv6" },
	{ IPPROTO_SCTP, "sctp" }, { IPPROTO_UDPLITE, "udplite" },  { 0, NULL },
};
