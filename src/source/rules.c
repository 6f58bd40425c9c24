/*
 * Owns the source `rules`: the rules by which the kernel chooses a routing table
 * (<linux/fib_rules.h>). A part is a family. A dump of rules can miss some while
 * others come and go, without any flag, so it is made twice.
 */
#include "identity.h"
#include "routes.h"

#include <linux/fib_rules.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Numbers that are younger than the headers this is compiled with: Linux 6.12 to 6.15. */
enum { DSCP = 25, FLOWLABEL, FLOWLABEL_MASK, SPORT_MASK, DPORT_MASK, DSCP_MASK };

static const struct {
	uint8_t family;
	const char *what;
} parts[] = {
	{ AF_INET, "IPv4 rules" },
	{ AF_INET6, "IPv6 rules" },
};

#define NPARTS (sizeof(parts) / sizeof(parts[0]))

static const struct shape shape_rule = {
	.name = "rules",
	.type = RTM_NEWRULE,
	.header = sizeof(struct fib_rule_hdr),
	.max_attr = DSCP_MASK,
};

/* ---- fields ------------------------------------------------------------------------------ */

/* The first rule has priority 0, which the kernel does not write. */
static bool get_priority(const struct row *row, const struct field *f, struct value *v)
{
	return field_load(f, row, v) || set_int(v, 0);
}

/* A rule for no table has none. */
static bool chooses_table(const struct row *row, const struct field *f)
{
	const struct fib_rule_hdr *h = row_header(row);

	(void)f;
	return h->action == FR_ACT_TO_TBL;
}

static bool get_l3mdev(const struct row *row, const struct field *f, struct value *v)
{
	return field_load(f, row, v) || set_bool(v, false);
}

/* A mask of 0 is that of a rule without a mark. */
static bool has_mark(const struct row *row, const struct field *f)
{
	const uint32_t *mark = row_attr(indexed(row), FRA_FWMARK, sizeof(*mark));
	const uint32_t *mask = row_attr(indexed(row), FRA_FWMASK, sizeof(*mask));

	(void)f;
	return (mark && *mark) || (mask && *mask);
}

/* A mark of 0 under a mask is a condition too, of which the kernel writes only the mask. */
static bool get_mark(const struct row *row, const struct field *f, struct value *v)
{
	return field_load(f, row, v) || set_int(v, 0);
}

#define HDR(member)                                      \
	.offset = offsetof(struct fib_rule_hdr, member), \
	.size = sizeof(((struct fib_rule_hdr *)0)->member), .from = #member
#define ATTR(type, bytes)	 .attr = type, .size = bytes, .from = #type
#define ATTR_AT(type, at, bytes) .attr = type, .offset = at, .size = bytes, .from = #type

/* A row stays two or three lines, so: */
/* clang-format off */
static const struct field rule_fields[] = {
	{ .name = "priority", .type = FT_INT, .get = get_priority, ATTR(FRA_PRIORITY, 4),
	  .flags = FF_COLUMN, .doc = "Place in the order: the lowest is looked at first." },
	{ .name = "family", .type = FT_ENUM, .names = route_family_names, HDR(family),
	  .flags = FF_COLUMN, .doc = "Address family: inet (IPv4) or inet6 (IPv6)." },
	{ .name = "src", .type = FT_ADDR, .get = get_prefix_given, .attr = FRA_SRC,
	  .offset = offsetof(struct fib_rule_hdr, src_len), .flags = FF_COLUMN, .from = "FRA_SRC",
	  .doc = "Sources that it is for; absent for all." },
	{ .name = "dst", .type = FT_ADDR, .get = get_prefix_given, .attr = FRA_DST,
	  .offset = offsetof(struct fib_rule_hdr, dst_len), .flags = FF_COLUMN, .from = "FRA_DST",
	  .doc = "Destinations that it is for; absent for all." },
	{ .name = "iif", .type = FT_TEXT, .flags = FF_COLUMN, ATTR(FRA_IIFNAME, 0),
	  .doc = "Network device that packets came in by; lo is what this host sends." },
	{ .name = "oif", .type = FT_TEXT, .flags = FF_COLUMN, ATTR(FRA_OIFNAME, 0),
	  .doc = "Network device that the sending socket is bound to." },
	{ .name = "mark", .type = FT_MARK, .when = has_mark, .get = get_mark,
	  .flags = FF_COLUMN, ATTR(FRA_FWMARK, 4), .doc = "Firewall mark that packets must have under mark_mask." },
	{ .name = "mark_mask", .type = FT_INT, .when = has_mark, ATTR(FRA_FWMASK, 4),
	  .doc = "Bits of the mark that are compared." },
	{ .name = "action", .type = FT_ENUM, .names = rule_action_names, HDR(action),
	  .flags = FF_COLUMN | FF_OPEN,
	  .doc = "What happens to a packet: to_tbl (looked up in table), goto, nop, blackhole, "
		 "unreachable or prohibit." },
	{ .name = "table", .type = FT_ENUM, .names = route_table_names, .when = chooses_table,
	  .get = get_table, .attr = FRA_TABLE, .offset = offsetof(struct fib_rule_hdr, table),
	  .flags = FF_COLUMN | FF_OPEN, .from = "FRA_TABLE, table",
	  .doc = "Routing table to look in: main, local, default, or a number." },
	{ .name = "target", .type = FT_INT, ATTR(FRA_GOTO, 4),
	  .doc = "Priority of the rule that goto goes on with." },
	{ .name = "l3mdev", .type = FT_BOOL, .get = get_l3mdev, ATTR(FRA_L3MDEV, 1),
	  .doc = "The table is that of the VRF device." },
	{ .name = "tos", .type = FT_INT, HDR(tos),
	  .doc = "Type of service that packets must have; 0 is any." },
	{ .name = "dscp", .type = FT_INT, ATTR(DSCP, 1),
	  .doc = "Differentiated services codepoint that packets must have." },
	{ .name = "dscp_mask", .type = FT_INT, ATTR(DSCP_MASK, 1),
	  .doc = "Bits of it that are compared." },
	{ .name = "flowlabel", .type = FT_INT, ATTR(FLOWLABEL, 4), .flags = FF_BIG_ENDIAN,
	  .doc = "IPv6 flow label that packets must have." },
	{ .name = "flowlabel_mask", .type = FT_INT, ATTR(FLOWLABEL_MASK, 4),
	  .flags = FF_BIG_ENDIAN, .doc = "Bits of it that are compared." },
	{ .name = "uid_start", .type = FT_INT, ATTR_AT(FRA_UID_RANGE, 0, 4),
	  .doc = "First user id that it is for." },
	{ .name = "uid_end", .type = FT_INT, ATTR_AT(FRA_UID_RANGE, 4, 4),
	  .doc = "Last user id that it is for." },
	{ .name = "ip_proto", .type = FT_ENUM, .names = ip_proto_names, ATTR(FRA_IP_PROTO, 1),
	  .flags = FF_OPEN, NONE(0),
	  .doc = "Transport that it is for: tcp, udp, icmp and others, or a number." },
	{ .name = "sport_start", .type = FT_PORT, ATTR_AT(FRA_SPORT_RANGE, 0, 2),
	  .doc = "First source port that it is for." },
	{ .name = "sport_end", .type = FT_PORT, ATTR_AT(FRA_SPORT_RANGE, 2, 2),
	  .doc = "Last source port that it is for." },
	{ .name = "sport_mask", .type = FT_INT, ATTR(SPORT_MASK, 2),
	  .doc = "Bits of the source port that are compared." },
	{ .name = "dport_start", .type = FT_PORT, ATTR_AT(FRA_DPORT_RANGE, 0, 2),
	  .doc = "First destination port that it is for." },
	{ .name = "dport_end", .type = FT_PORT, ATTR_AT(FRA_DPORT_RANGE, 2, 2),
	  .doc = "Last destination port that it is for." },
	{ .name = "dport_mask", .type = FT_INT, ATTR(DPORT_MASK, 2),
	  .doc = "Bits of the destination port that are compared." },
	{ .name = "tun_id", .type = FT_INT, ATTR(FRA_TUN_ID, 8), .flags = FF_BIG_ENDIAN, NONE(0),
	  .doc = "Key of the tunnel that packets came by." },
	{ .name = "suppress_prefixlength", .type = FT_INT, ATTR(FRA_SUPPRESS_PREFIXLEN, 4),
	  NONE(0xffffffff),
	  .doc = "A route that is found does not count if its prefix is no longer than this." },
	{ .name = "suppress_ifgroup", .type = FT_INT, ATTR(FRA_SUPPRESS_IFGROUP, 4),
	  NONE(0xffffffff),
	  .doc = "A route that is found does not count if its device is in this group." },
	{ .name = "invert", .type = FT_BOOL, HDR(flags), .shift = 1, .mask = 1,
	  .doc = "It is for what does not meet it (not)." },
	{ .name = "flags", .type = FT_ENUM, .names = rule_flag_names, HDR(flags),
	  .flags = FF_LIST | FF_BITS,
	  .doc = "State, as a list: permanent, invert, unresolved (goto has no target), "
		 "iif_detached, oif_detached (there is no such device), find_saddr." },
	{ .name = "realm_from", .type = FT_INT, ATTR(FRA_FLOW, 4), .shift = 16, .mask = 0xffff,
	  NONE(0), .doc = "Realm of the source." },
	{ .name = "realm", .type = FT_INT, ATTR(FRA_FLOW, 4), .mask = 0xffff, NONE(0),
	  .doc = "Realm of the destination." },
	{ .name = "proto", .type = FT_ENUM, .names = route_proto_names, ATTR(FRA_PROTOCOL, 1),
	  .flags = FF_OPEN, .doc = "Who made it: kernel, boot, static, zebra and others, or a number." },
	FIELD_NETNS,
	{ .name = NULL }
};
/* clang-format on */

/* ---- the source --------------------------------------------------------------------------- */

static bool part_value(unsigned part, const struct field *f, struct value *v)
{
	return strcmp(f->name, "family") == 0 && set_int(v, parts[part].family);
}

static bool part_asked(unsigned part, const struct cond *const *conds, size_t n)
{
	(void)part;
	(void)conds;
	(void)n;
	return true;
}

/* A strict request has a header of zeros but for the family, and no attributes. */
static bool dump(const struct scan_request *req, unsigned i, struct dump_plan *out)
{
	for (unsigned part = 0; part < NPARTS; part++) {
		struct fib_rule_hdr h = { .family = parts[part].family };

		if (!part_has(&req->parts, part) || i-- > 0)
			continue;
		memcpy(out->buf, &h, sizeof(h));
		out->len = sizeof(h);
		out->tag = part;
		snprintf(out->note, sizeof(out->note), "all");
		out->request = (struct nl_request){
			.bus = NETLINK_ROUTE,
			.type = RTM_GETRULE,
			.key = parts[part].family,
			.what = parts[part].what,
		};
		return true;
	}
	return false;
}

/* A rule is all that it says; whether its devices and its target are there is not told apart. */
static uint64_t key(const struct row *row)
{
	const size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct fib_rule_hdr));
	struct fib_rule_hdr h = *(const struct fib_rule_hdr *)row_header(row);
	uint64_t hash;

	h.flags &= ~(uint32_t)(FIB_RULE_UNRESOLVED | FIB_RULE_IIF_DETACHED | FIB_RULE_OIF_DETACHED);
	hash = identity_bytes(0, &h, sizeof(h));
	if (row->msg->nlmsg_len > skip)
		hash = identity_bytes(hash, (const char *)row->msg + skip,
				      row->msg->nlmsg_len - skip);
	return identity_end(hash);
}

const struct source source_rules = {
	.name = "rules",
	.row_name = "rule",
	.doc = "Rules by which a routing table is chosen, IPv4 and IPv6, by rtnetlink(7).",
	.fields = rule_fields,
	.nparts = NPARTS,
	.flags = SOURCE_WHOLE | SOURCE_TWICE,
	.shape = &shape_rule,
	.part_value = part_value,
	.part_asked = part_asked,
	.dump = dump,
	.key = key,
};
