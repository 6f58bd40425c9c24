/* What the files of the sources `routes`, `nexthops` and `rules` share. */
#ifndef CONNSH_SOURCE_ROUTES_H
#define CONNSH_SOURCE_ROUTES_H

#include "private.h"

#include <linux/ila.h>
#include <linux/lwtunnel.h>
#include <linux/mpls_iptunnel.h>
#include <linux/rtnetlink.h>
#include <linux/seg6_local.h>
#include <stddef.h>

extern const struct shape shape_route;
extern const struct field route_fields[];
/* The rows of a route's field `nexthops`: one path each. */
extern const struct source route_paths;

/* The enums and their names; the value of each is the kernel's. */
extern const struct enum_name route_family_names[], route_table_names[], route_type_names[],
	route_proto_names[], route_scope_names[], route_flag_names[], route_cache_flag_names[],
	route_pref_names[], route_metric_names[], route_feature_names[], hop_flag_names[],
	encap_names[], encap_mode_names[], encap_action_names[], nexthop_group_type_names[],
	rule_action_names[], rule_flag_names[], ip_proto_names[];

/* Numbers that are younger than the headers this is compiled with. */
enum { ROUTE_FEATURE_TCP_USEC_TS = 1 << 4 }; /* RTAX_FEATURE_TCP_USEC_TS, Linux 6.7 */
enum { ENCAP_MODE_AUTO = 0x100 };	     /* IOAM6_IPTUNNEL_MODE_AUTO, beside modes of seg6 */

/*
 * One path of RTA_MULTIPATH: struct rtnexthop and its attributes. *pos is 0 for the
 * first. False at the end, or with *bad where a length does not fit what is left.
 */
struct hop {
	const struct rtnexthop *head;
	const void *attrs;
	size_t len; /* of them */
};
bool hop_next(const struct nlattr *multipath, size_t *pos, struct hop *out, bool *bad);

#define GETTER(name) bool name(const struct row *row, const struct field *f, struct value *v)
GETTER(get_prefix);	  /* attr, and its length at offset of the header */
GETTER(get_prefix_given); /* absent when the length is 0 */
GETTER(get_table);	  /* attr, else the byte at offset of the header */
GETTER(get_route_flags);
GETTER(get_cache_flags);
GETTER(get_metric);
GETTER(get_expires);
GETTER(get_gateway);
GETTER(get_route_dev);
GETTER(get_route_dev_index);
GETTER(get_paths);
GETTER(get_path_weight);
GETTER(get_encap_labels);
GETTER(get_encap_segs);
GETTER(get_encap_mode);
GETTER(get_encap_table);
GETTER(get_encap_nexthop);
GETTER(get_encap_prog);
GETTER(get_is_there); /* of an attribute that tells by being there */
#undef GETTER

#define MORE(name) \
	bool name(const struct row *row, const struct field *f, size_t i, struct value *v)
MORE(more_gateways);
MORE(more_devs);
MORE(more_dev_indexes);
#undef MORE

/* For struct field's when: is the encapsulation one of those whose names kind has? */
bool encap_is(const struct row *row, const struct field *f);

/* For a plan's note: one thing more behind what is there. */
__attribute__((format(printf, 3, 4))) void note_add(char *note, size_t size, const char *fmt, ...);

/* Of a plan without an attribute that is too much: u32 behind what is in buf. */
void plan_put_u32(struct dump_plan *out, uint16_t type, uint32_t n);

/*
 * The device that each row must have, by dev or dev_index; 0: any. False: there is no such
 * device, which the kernel would take for a fault of the request.
 */
bool plan_dev(const struct scan_request *req, unsigned *dev);

/* A dump of routes: are there fewer rows than the kernel counts? See routes_whole.c. */
void routes_ended(struct env *env, const struct dump_plan *plan, uint64_t weight);
uint64_t route_weigh(struct row *row);

/*
 * The facts of a lightweight tunnel, the same wherever one is: type and data are the
 * attributes, the one behind the other (<linux/lwtunnel.h>).
 */
#define ENCAP_FIELD(data) .in = { data }, .when = encap_is
/* clang-format off */
#define ENCAP_FIELDS(data) \
	{ .name = "encap", .type = FT_ENUM, .names = encap_names, .attr = (data) - 1, .size = 2, \
	  .flags = FF_OPEN, NONE(0), .from = "lwtunnel_encap_types", \
	  .doc = "Lightweight tunnel that packets are put into: mpls, ip, ila, ip6, seg6, bpf, " \
		 "seg6local, rpl, ioam6 or xfrm." }, \
	{ .name = "encap_id", .type = FT_INT, ENCAP_FIELD(data), .kind = "ip ip6", \
	  .attr = LWTUNNEL_IP_ID, .size = 8, .flags = FF_BIG_ENDIAN, .from = "LWTUNNEL_IP_ID", \
	  .doc = "Key of an ip or ip6 tunnel." }, \
	{ .name = "encap_if_id", .type = FT_INT, ENCAP_FIELD(data), .kind = "xfrm", \
	  .attr = LWT_XFRM_IF_ID, .size = 4, .from = "LWT_XFRM_IF_ID", \
	  .doc = "Interface id of an xfrm tunnel." }, \
	{ .name = "encap_src", .type = FT_ADDR, ENCAP_FIELD(data), .kind = "ip ip6", \
	  .attr = LWTUNNEL_IP_SRC, .from = "LWTUNNEL_IP_SRC", \
	  .doc = "Outer source address of an ip or ip6 tunnel; 0.0.0.0 or :: when the kernel " \
		 "chooses." }, \
	{ .name = "encap_dst", .type = FT_ADDR, ENCAP_FIELD(data), .kind = "ip ip6", \
	  .attr = LWTUNNEL_IP_DST, .from = "LWTUNNEL_IP_DST", \
	  .doc = "Outer destination address of an ip or ip6 tunnel." }, \
	{ .name = "encap_ttl", .type = FT_INT, ENCAP_FIELD(data), .kind = "ip ip6", \
	  .attr = LWTUNNEL_IP_TTL, .size = 1, .from = "LWTUNNEL_IP_TTL, LWTUNNEL_IP6_HOPLIMIT", \
	  .doc = "Outer time to live or hop limit of an ip or ip6 tunnel; 0 is the default." }, \
	{ .name = "encap_tos", .type = FT_INT, ENCAP_FIELD(data), .kind = "ip ip6", \
	  .attr = LWTUNNEL_IP_TOS, .size = 1, .from = "LWTUNNEL_IP_TOS, LWTUNNEL_IP6_TC", \
	  .doc = "Outer type of service or traffic class of an ip or ip6 tunnel." }, \
	{ .name = "encap_labels", .type = FT_INT, ENCAP_FIELD(data), .kind = "mpls", \
	  .attr = MPLS_IPTUNNEL_DST, .get = get_encap_labels, .flags = FF_LIST, \
	  .from = "MPLS_IPTUNNEL_DST", .doc = "MPLS labels that are pushed, the outermost first." }, \
	{ .name = "encap_mode", .type = FT_ENUM, .names = encap_mode_names, ENCAP_FIELD(data), \
	  .kind = "seg6 ioam6", .get = get_encap_mode, .flags = FF_OPEN, \
	  .from = "seg6_iptunnel_encap.mode, IOAM6_IPTUNNEL_MODE", \
	  .doc = "How seg6 or ioam6 adds its header: inline, encap, l2encap, encap.red, " \
		 "l2encap.red or auto." }, \
	{ .name = "encap_segs", .type = FT_ADDR, ENCAP_FIELD(data), .kind = "seg6 seg6local rpl", \
	  .get = get_encap_segs, .flags = FF_LIST, .from = "ipv6_sr_hdr.segments", \
	  .doc = "Segments in the order of travel, of seg6, seg6local (End.B6) or rpl." }, \
	{ .name = "encap_action", .type = FT_ENUM, .names = encap_action_names, \
	  ENCAP_FIELD(data), .kind = "seg6local", .attr = SEG6_LOCAL_ACTION, .size = 4, \
	  .flags = FF_OPEN, .from = "SEG6_LOCAL_ACTION", \
	  .doc = "What seg6local does with a packet: End, End.X, End.DT6 and so on (RFC 8986)." }, \
	{ .name = "encap_table", .type = FT_ENUM, .names = route_table_names, ENCAP_FIELD(data), \
	  .kind = "seg6local", .get = get_encap_table, .flags = FF_OPEN, \
	  .from = "SEG6_LOCAL_TABLE, SEG6_LOCAL_VRFTABLE", \
	  .doc = "Routing table that seg6local looks the inner packet up in." }, \
	{ .name = "encap_nexthop", .type = FT_ADDR, ENCAP_FIELD(data), .kind = "seg6local", \
	  .get = get_encap_nexthop, .from = "SEG6_LOCAL_NH4, SEG6_LOCAL_NH6", \
	  .doc = "Neighbour that seg6local sends the inner packet to." }, \
	{ .name = "encap_dev_index", .type = FT_INT, ENCAP_FIELD(data), .kind = "seg6local", \
	  .attr = SEG6_LOCAL_OIF, .size = 4, .from = "SEG6_LOCAL_OIF", \
	  .doc = "Index of the device that seg6local sends the inner frame to." }, \
	{ .name = "encap_prog", .type = FT_TEXT, ENCAP_FIELD(data), .kind = "bpf", \
	  .get = get_encap_prog, .from = "LWT_BPF_PROG_NAME", \
	  .doc = "Names of the BPF programs of a bpf tunnel; of several the first of in, out, " \
		 "xmit." }, \
	{ .name = "encap_locator", .type = FT_INT, ENCAP_FIELD(data), .kind = "ila", \
	  .attr = ILA_ATTR_LOCATOR, .size = 8, .flags = FF_BIG_ENDIAN, .from = "ILA_ATTR_LOCATOR", \
	  .doc = "Locator of an ila address, 64 bits." }
/* clang-format on */

#define NONE(value) .has_none = true, .none = value

#endif
