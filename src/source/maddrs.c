/*
 * Owns the source `maddrs`: the multicast groups that interfaces listen to. Only
 * /proc tells them with their users: net/dev_mcast, net/igmp and net/igmp6, one
 * for each part; maddrs_read.c reads them.
 */
#include "maddrs.h"
#include "identity.h"

#include <stddef.h>

static const struct enum_name family_names[] = {
	{ AF_PACKET, "link" },
	NAMES_OF_INET,
	NAMES_OF_INET6,
	{ 0, NULL },
};

#define HDR(member)                                      \
	.offset = offsetof(struct maddr_header, member), \
	.size = sizeof(((struct maddr_header *)0)->member)

/* clang-format off */
static const struct field fields[] = {
	{ .name = "dev", .type = FT_TEXT, .attr = MADDR_DEV, .flags = FF_COLUMN,
	  .from = "second column", .doc = "Interface that listens." },
	{ .name = "dev_index", .type = FT_INT, HDR(ifindex), .from = "first column",
	  .doc = "Number of the interface." },
	{ .name = "family", .type = FT_ENUM, .names = family_names, HDR(family),
	  .flags = FF_COLUMN, .from = "the file: net/dev_mcast, net/igmp, net/igmp6",
	  .doc = "Whose group it is: of the link layer, IPv4 or IPv6." },
	{ .name = "addr", .type = FT_ADDR, .attr = MADDR_ADDR, .flags = FF_COLUMN,
	  .from = "Group of net/igmp, third column of net/igmp6",
	  .doc = "Address of the group; groups of the link layer have lladdr." },
	{ .name = "lladdr", .type = FT_LLADDR, .attr = MADDR_LLADDR, .flags = FF_COLUMN,
	  .from = "fifth column of net/dev_mcast",
	  .doc = "Address of a group of the link layer." },
	{ .name = "users", .type = FT_INT, .attr = MADDR_USERS, .size = 4, .flags = FF_COLUMN,
	  .from = "Users of net/igmp, third column of net/dev_mcast, fourth of net/igmp6",
	  .doc = "How often it was joined: by sockets, or by the kernel itself." },
	{ .name = "static", .type = FT_BOOL, .attr = MADDR_STATIC, .size = 1, .flags = FF_COLUMN,
	  .from = "fourth column of net/dev_mcast",
	  .doc = "Set by hand, as `ip maddr add` does; only of the link layer." },
	{ .name = "timer", .type = FT_DURATION, .unit = "s", .attr = MADDR_TIMER, .size = 4,
	  .scale = CLOCK_TICK, .from = "Timer of net/igmp, sixth column of net/igmp6",
	  .doc = "Time until membership is reported; absent: no report is due." },
	{ .name = "reporter", .type = FT_BOOL, .attr = MADDR_REPORTER, .size = 1,
	  .from = "Reporter of net/igmp, MAF_LAST_REPORTER of net/igmp6",
	  .doc = "This machine was the last that reported membership." },
	{ .name = "version", .type = FT_INT, .attr = MADDR_VERSION, .size = 1,
	  .from = "Querier of net/igmp",
	  .doc = "Version of IGMP that is spoken on the interface, by what was heard there." },
	FIELD_NETNS,
	{ .name = NULL },
};
/* clang-format on */

static const struct {
	uint8_t family;
	const char *what;
} parts[] = {
	{ AF_PACKET, "multicast groups of links" },
	{ AF_INET, "multicast groups (IPv4)" },
	{ AF_INET6, "multicast groups (IPv6)" },
};
#define NPARTS (sizeof(parts) / sizeof(parts[0]))

static const struct shape shape_maddr = {
	.name = "multicast groups",
	.type = MADDR_TYPE,
	.header = sizeof(struct maddr_header),
	.max_attr = MADDR_MAX,
};

/* Which attributes a line of the part's file never has. */
static bool never(unsigned part, uint16_t attr)
{
	switch (attr) {
	case MADDR_ADDR:
	case MADDR_TIMER:
	case MADDR_REPORTER:
		return parts[part].family == AF_PACKET;
	case MADDR_LLADDR:
	case MADDR_STATIC:
		return parts[part].family != AF_PACKET;
	case MADDR_VERSION:
		return parts[part].family != AF_INET;
	default:
		return false;
	}
}

static bool part_value(unsigned part, const struct field *f, struct value *v)
{
	if (f->names == family_names) {
		v->kind = VALUE_INT;
		v->num = parts[part].family;
		return true;
	}
	v->kind = VALUE_NIL;
	return never(part, f->attr);
}

static bool part_asked(unsigned part, const struct cond *const *conds, size_t n)
{
	(void)part;
	(void)conds;
	(void)n;
	return true;
}

static bool dump(const struct scan_request *req, unsigned i, struct dump_plan *out)
{
	for (unsigned part = 0; part < NPARTS; part++) {
		if (!part_has(&req->parts, part) || i-- > 0)
			continue;
		out->request.what = parts[part].what;
		out->tag = parts[part].family;
		out->read = maddr_open;
		return true;
	}
	return false;
}

static uint64_t key(const struct row *row)
{
	const struct maddr_header *m = row_header(row);
	uint64_t h = identity_number(0, m->family);

	h = identity_number(h, m->ifindex);
	h = identity_attr(h, row, MADDR_ADDR);
	return identity_end(identity_attr(h, row, MADDR_LLADDR));
}

const struct source source_maddrs = {
	.name = "maddrs",
	.row_name = "multicast group",
	.doc = "Multicast groups that interfaces listen to, by /proc/net.",
	.fields = fields,
	.nparts = NPARTS,
	.flags = SOURCE_WHOLE | SOURCE_TWICE,
	.shape = &shape_maddr,
	.part_value = part_value,
	.part_asked = part_asked,
	.dump = dump,
	.key = key,
};
