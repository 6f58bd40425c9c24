/*
 * Owns the source `neighs`: the neighbour tables of IPv4 and IPv6, the proxies
 * that are answered for, and the forwarding databases of bridges and tunnels, by
 * RTM_GETNEIGH (rtnetlink(7), <linux/neighbour.h>). Its fields are in
 * neighs_fields.c.
 *
 * A part is a list that the kernel dumps apart. Forwarding databases are no
 * neighbours of IP, so they come when they are named.
 */
#include "neighs.h"
#include "identity.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

struct list {
	uint8_t family;
	bool proxies;
	const char *what;
};

enum { NEIGH4, NEIGH6, PROXY4, PROXY6, FDB };
static const struct list lists[] = {
	[NEIGH4] = { AF_INET, false, "neighbours (IPv4)" },
	[NEIGH6] = { AF_INET6, false, "neighbours (IPv6)" },
	[PROXY4] = { AF_INET, true, "neighbour proxies (IPv4)" },
	[PROXY6] = { AF_INET6, true, "neighbour proxies (IPv6)" },
	[FDB] = { AF_BRIDGE, false, "forwarding databases" },
};
#define NLISTS (sizeof(lists) / sizeof(lists[0]))

static const struct shape shape_neigh = {
	.name = "neighbours",
	.type = RTM_NEWNEIGH,
	.header = sizeof(struct ndmsg),
	.max_attr = NDA_MAX,
};

static bool is_family(const struct field *f)
{
	return f->type == FT_ENUM && f->attr == 0 && f->size == 1 &&
	       f->offset == offsetof(struct ndmsg, ndm_family);
}

static bool is_proxy(const struct field *f)
{
	return f->type == FT_BOOL && f->offset == offsetof(struct ndmsg, ndm_flags);
}

static bool part_value(unsigned part, const struct field *f, struct value *v)
{
	const struct list *l = &lists[part];

	if (is_family(f)) {
		v->kind = VALUE_INT;
		v->num = l->family;
	} else if (is_proxy(f)) {
		v->kind = VALUE_BOOL;
		v->flag = l->proxies;
	} else if (part != FDB && neigh_field_of_bridge(f)) {
		v->kind = VALUE_NIL;
	} else {
		return false;
	}
	return true;
}

static bool names_bridge(const struct cond *c)
{
	if (neigh_field_of_bridge(c->field))
		return true;
	if (!is_family(c->field) || c->op != OP_EQ)
		return false;
	for (size_t i = 0; i < c->n; i++)
		if (c->operands[i].kind == OPERAND_VALUE && c->operands[i].lo.num == AF_BRIDGE)
			return true;
	return false;
}

/* A forwarding database is named by its family, or by a field that only it has. */
static bool part_asked(unsigned part, const struct cond *const *conds, size_t n)
{
	if (part != FDB)
		return true;
	for (size_t i = 0; i < n; i++)
		if (names_bridge(conds[i]))
			return true;
	return false;
}

static void put_number(struct dump_plan *out, uint16_t attr, uint32_t number, const char *what)
{
	size_t n = strlen(out->note);

	nl_attr_put(out->buf, &out->len, sizeof(out->buf), attr, &number, sizeof(number));
	snprintf(out->note + n, sizeof(out->note) - n, "%s%s %u", n ? ", " : "", what, number);
}

/*
 * Under strict checking of the header only the family counts, and NTF_PROXY alone
 * among the flags; interfaces are attributes (neigh_valid_dump_req of
 * net/core/neighbour.c, valid_fdb_dump_strict of net/core/rtnetlink.c). The
 * kernel knows the master of a neighbour's interface, but a row does not tell
 * it, so it is asked for only where rows do.
 */
static void lay_out(unsigned part, unsigned ifindex, unsigned master, struct dump_plan *out)
{
	const struct list *l = &lists[part];
	struct ndmsg m = { .ndm_family = l->family, .ndm_flags = l->proxies ? NTF_PROXY : 0 };

	memcpy(out->buf, &m, sizeof(m));
	out->len = sizeof(m);
	out->note[0] = '\0';
	if (ifindex)
		put_number(out, NDA_IFINDEX, ifindex, "interface");
	if (master && part == FDB)
		put_number(out, NDA_MASTER, master, "master");
	out->none = ENODEV; /* of an interface that is not there */
	out->request = (struct nl_request){
		.bus = NETLINK_ROUTE,
		.type = RTM_GETNEIGH,
		.key = (uint32_t)l->family << 8 | l->proxies,
		.what = l->what,
	};
}

static bool dump(const struct scan_request *req, unsigned i, struct dump_plan *out)
{
	unsigned ifindex = 0, master = 0;

	if (ask_ifindex(req, "dev_index", "dev", &ifindex) < 0 ||
	    ask_ifindex(req, "master_index", "master", &master) < 0)
		return false;
	/* a recording shall know whole lists by their keys */
	if (nl_recording())
		ifindex = master = 0;
	for (unsigned part = 0; part < NLISTS; part++) {
		if (!part_has(&req->parts, part) || i-- > 0)
			continue;
		lay_out(part, ifindex, master, out);
		return true;
	}
	return false;
}

/*
 * A neighbour is known by its address and interface. An entry of a forwarding
 * database by its link layer address, and where it lies and leads to.
 */
static uint64_t key(const struct row *row)
{
	static const uint16_t fdb[] = {
		NDA_LLADDR, NDA_VLAN,	 NDA_VNI,    NDA_SRC_VNI,
		NDA_PORT,   NDA_IFINDEX, NDA_MASTER, NDA_NH_ID,
	};
	const struct ndmsg *m = row_header(row);
	uint64_t h = identity_number(0, m->ndm_family);

	h = identity_number(h, (uint32_t)m->ndm_ifindex);
	h = identity_number(h, m->ndm_flags & (NTF_PROXY | NTF_SELF | NTF_MASTER));
	h = identity_attr(h, row, NDA_DST);
	if (m->ndm_family == AF_BRIDGE)
		for (size_t i = 0; i < sizeof(fdb) / sizeof(fdb[0]); i++)
			h = identity_attr(h, row, fdb[i]);
	return identity_end(h);
}

const struct source source_neighs = {
	.name = "neighs",
	.row_name = "neighbour",
	.doc = "Neighbours and proxies of IPv4 and IPv6; with family=\"bridge\" forwarding "
	       "databases.",
	.fields = neigh_fields,
	.nparts = NLISTS,
	.flags = SOURCE_WHOLE,
	.shape = &shape_neigh,
	.part_value = part_value,
	.part_asked = part_asked,
	.dump = dump,
	.key = key,
};
