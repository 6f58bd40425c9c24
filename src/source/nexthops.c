/*
 * Owns the source `nexthops`: the nexthop objects that routes name by id, and groups
 * of them (<linux/nexthop.h>). A part is the single ones, or the groups.
 */
#include "routes.h"

#include <linux/nexthop.h>
#include <string.h>
#include <sys/socket.h>

/* Numbers that are younger than the headers this is compiled with. */
enum { OP_FLAGS = 14, GROUP_STATS = 15, HW_STATS_ENABLE = 16, HW_STATS_USED = 17 };
/* NHA_OP_FLAG_RESP_GRP_RESVD_0 in NHA_OP_FLAGS: the kernel clears what of a member is unused. */
#define RESERVED_IS_CLEAR UINT32_C(0x80000000)

enum { SINGLE, GROUP, NPARTS };

static const struct shape shape_nexthop = {
	.name = "nexthops",
	.type = RTM_NEWNEXTHOP,
	.header = sizeof(struct nhmsg),
	.max_attr = HW_STATS_USED,
};

/* ---- members of groups: rows of our own, a header and no attributes ------------------ */

struct member {
	uint32_t id, weight;
};

static const struct shape shape_member = {
	.name = "members of a nexthop group",
	.type = RTM_NEWNEXTHOP,
	.header = sizeof(struct member),
};

static const struct field member_fields[] = { { .name = "id",
						.type = FT_INT,
						.offset = offsetof(struct member, id),
						.size = 4,
						.flags = FF_COLUMN,
						.from = "nexthop_grp.id",
						.doc = "Id of the nexthop." },
					      { .name = "weight",
						.type = FT_INT,
						.offset = offsetof(struct member, weight),
						.size = 4,
						.flags = FF_COLUMN,
						.from = "nexthop_grp.weight, weight_high",
						.doc = "Its share among the weights of all." },
					      { .name = NULL } };

static const struct source nexthop_members = {
	.name = "members",
	.row_name = "member",
	.doc = "The members of a nexthop group.",
	.fields = member_fields,
	.nparts = 1,
	.shape = &shape_member,
};

/* Weights count from 0; their upper byte was something unused before Linux 6.12. */
static uint32_t weight_of(const struct row *row, const struct nexthop_grp *g)
{
	const uint32_t *flags = row_attr(indexed(row), OP_FLAGS, sizeof(*flags));
	uint32_t weight = g->weight;

	if (flags && (*flags & RESERVED_IS_CLEAR))
		weight |= (uint32_t)g->resvd1 << 8;
	return weight + 1;
}

static bool get_members(const struct row *row, const struct field *f, struct value *v)
{
	const struct nlattr *group = row_nlattr(indexed(row), f->attr);
	const struct nexthop_grp *g = group ? nl_attr_data(group) : NULL;
	const size_t one = NLMSG_HDRLEN + sizeof(struct member);
	size_t n = group ? nl_attr_len(group) / sizeof(*g) : 0;
	struct value *items = n ? env_scratch(row->env, n * (sizeof(*items) + one)) : NULL;
	char *p;

	if (!items)
		return false;
	p = (char *)(items + n);
	for (size_t i = 0; i < n; i++, p += one) {
		struct nlmsghdr msg = { .nlmsg_len = (uint32_t)one, .nlmsg_type = RTM_NEWNEXTHOP };
		struct member m = { g[i].id, weight_of(row, &g[i]) };

		memcpy(p, &msg, sizeof(msg));
		memcpy(p + NLMSG_HDRLEN, &m, sizeof(m));
		items[i].kind = VALUE_ROW;
		items[i].row = (const struct nlmsghdr *)p;
	}
	v->kind = VALUE_LIST;
	v->list.items = items;
	v->list.n = n;
	return true;
}

/* ---- fields ------------------------------------------------------------------------------ */

/* The family of a group is that of its members, which it does not tell. */
static bool get_family(const struct row *row, const struct field *f, struct value *v)
{
	const struct nhmsg *nh = row_header(row);

	(void)f;
	return nh->nh_family != AF_UNSPEC && set_int(v, nh->nh_family);
}

static bool is_group(const struct row *row, const struct field *f)
{
	(void)f;
	return row_nlattr(indexed(row), NHA_GROUP) != NULL;
}

static bool is_single(const struct row *row, const struct field *f)
{
	return !is_group(row, f);
}

#define HDR(member) \
	.offset = offsetof(struct nhmsg, member), .size = sizeof(((struct nhmsg *)0)->member)
#define RES(type, bytes) .in = { NHA_RES_GROUP }, .attr = type, .size = bytes, .from = #type

/* A row stays two or three lines, so: */
/* clang-format off */
static const struct field nexthop_fields[] = {
	{ .name = "id", .type = FT_INT, .attr = NHA_ID, .size = 4, .flags = FF_COLUMN,
	  .from = "NHA_ID", .doc = "Number by which routes and groups name it." },
	{ .name = "gateway", .type = FT_ADDR, .attr = NHA_GATEWAY, .flags = FF_COLUMN,
	  .from = "NHA_GATEWAY", .doc = "Router that packets go to." },
	{ .name = "dev", .type = FT_TEXT, .get = get_ifname, .attr = NHA_OIF, .size = 4,
	  .flags = FF_COLUMN, .cost = COST_LOOKUP, .from = "NHA_OIF",
	  .doc = "Network device that packets leave by." },
	{ .name = "dev_index", .type = FT_INT, .attr = NHA_OIF, .size = 4, NONE(0),
	  .from = "NHA_OIF", .doc = "Index of this network device." },
	{ .name = "group", .type = FT_ROWS, .rows = &nexthop_members, .get = get_members,
	  .attr = NHA_GROUP, .flags = FF_COLUMN | FF_LIST, .from = "NHA_GROUP",
	  .doc = "Members of a group: a list of records with id and weight." },
	{ .name = "group_type", .type = FT_ENUM, .names = nexthop_group_type_names,
	  .when = is_group, .attr = NHA_GROUP_TYPE, .size = 2, .flags = FF_COLUMN | FF_OPEN,
	  .from = "NHA_GROUP_TYPE",
	  .doc = "How a group divides flows: mpath (by hash) or resilient (by buckets)." },
	{ .name = "blackhole", .type = FT_BOOL, .when = is_single, .get = get_is_there,
	  .attr = NHA_BLACKHOLE, .from = "NHA_BLACKHOLE", .doc = "Drops what comes to it." },
	{ .name = "fdb", .type = FT_BOOL, .get = get_is_there, .attr = NHA_FDB, .from = "NHA_FDB",
	  .doc = "Is for forwarding entries of bridges (vxlan), not for routes." },
	{ .name = "family", .type = FT_ENUM, .names = route_family_names, .get = get_family,
	  .from = "nh_family",
	  .doc = "Address family: inet (IPv4) or inet6 (IPv6); a group tells none." },
	{ .name = "scope", .type = FT_ENUM, .names = route_scope_names, HDR(nh_scope),
	  .flags = FF_OPEN, .from = "nh_scope",
	  .doc = "How far its destinations may be: global, link or host." },
	{ .name = "proto", .type = FT_ENUM, .names = route_proto_names, HDR(nh_protocol),
	  .flags = FF_COLUMN | FF_OPEN, .from = "nh_protocol",
	  .doc = "Who made it: unspec, kernel, static, zebra, bgp and others, or a number." },
	{ .name = "flags", .type = FT_ENUM, .names = hop_flag_names, HDR(nh_flags),
	  .flags = FF_LIST | FF_BITS, .from = "nh_flags",
	  .doc = "State, as a list: onlink, dead, linkdown, offload, trap." },
	FIELD_NETNS,
	{ .name = "buckets", .type = FT_INT, RES(NHA_RES_GROUP_BUCKETS, 2),
	  .doc = "Number of buckets of a resilient group." },
	{ .name = "idle_timer", .type = FT_DURATION, .unit = "s", .scale = 1e-2,
	  RES(NHA_RES_GROUP_IDLE_TIMER, 4),
	  .doc = "Time without traffic after which a bucket of a resilient group may change." },
	{ .name = "unbalanced_timer", .type = FT_DURATION, .unit = "s", .scale = 1e-2,
	  RES(NHA_RES_GROUP_UNBALANCED_TIMER, 4),
	  .doc = "Time out of balance after which buckets change by force; 0 is never." },
	{ .name = "unbalanced_time", .type = FT_DURATION, .unit = "s", .scale = 1e-2,
	  RES(NHA_RES_GROUP_UNBALANCED_TIME, 8),
	  .doc = "How long the resilient group is out of balance." },
	ENCAP_FIELDS(NHA_ENCAP),
	{ .name = NULL }
};
/* clang-format on */

/* ---- the source --------------------------------------------------------------------------- */

static bool part_value(unsigned part, const struct field *f, struct value *v)
{
	v->kind = VALUE_NIL;
	return part == SINGLE && strcmp(f->name, "group") == 0;
}

static bool part_asked(unsigned part, const struct cond *const *conds, size_t n)
{
	(void)part;
	(void)conds;
	(void)n;
	return true;
}

/* nh_valid_dump_req of net/ipv4/nexthop.c: the header is zero; NHA_OIF, NHA_GROUPS, NHA_FDB. */
static bool dump(const struct scan_request *req, unsigned i, struct dump_plan *out)
{
	const struct value *fdb = ask_value(req, "fdb");
	const struct nhmsg nh = { .nh_family = AF_UNSPEC };
	bool all = nl_recording(); /* which shall know the whole list by its key */
	unsigned dev = 0;

	if (i > 0 || !plan_dev(req, &dev))
		return false;
	if (!part_has(&req->parts, SINGLE) && !part_has(&req->parts, GROUP))
		return false;
	memcpy(out->buf, &nh, sizeof(nh));
	out->len = sizeof(nh);
	out->note[0] = '\0';
	if (dev) {
		plan_put_u32(out, NHA_OIF, dev);
		note_add(out->note, sizeof(out->note), "device %u", dev);
	}
	if (!all && !part_has(&req->parts, SINGLE)) {
		nl_attr_put(out->buf, &out->len, sizeof(out->buf), NHA_GROUPS, NULL, 0);
		note_add(out->note, sizeof(out->note), "groups only");
	}
	if (!all && fdb && fdb->kind == VALUE_BOOL && fdb->flag) {
		nl_attr_put(out->buf, &out->len, sizeof(out->buf), NHA_FDB, NULL, 0);
		note_add(out->note, sizeof(out->note), "those of bridges");
	}
	if (!out->note[0])
		note_add(out->note, sizeof(out->note), "all");
	out->request = (struct nl_request){
		.bus = NETLINK_ROUTE,
		.type = RTM_GETNEXTHOP,
		.what = "nexthops",
	};
	return true;
}

static uint64_t key(const struct row *row)
{
	const uint32_t *id = row_attr(indexed(row), NHA_ID, sizeof(*id));

	return id ? *id : 0;
}

const struct source source_nexthops = {
	.name = "nexthops",
	.row_name = "nexthop",
	.doc = "Nexthop objects that routes share, and groups of them, by rtnetlink(7).",
	.fields = nexthop_fields,
	.nparts = NPARTS,
	.flags = SOURCE_WHOLE,
	.shape = &shape_nexthop,
	.part_value = part_value,
	.part_asked = part_asked,
	.dump = dump,
	.key = key,
};
