/*
 * Owns the table of where rows lead to: from a field of one source to the field
 * of another that means the same. Sources and fields are found by their names
 * when they are asked for.
 */
#include "private.h"

#include <string.h>

struct nav_row {
	const char *from, *name;
	enum nav_kind kind;
	const char *ours, *to, *theirs;
	enum nav_place place;
	const char *any;
	const struct nav_told *told;
	const char *through;
	const char *doc;
};

static const struct nav_told told_by_sockets[] = {
	{ "from", "laddr" }, { "mark", "mark" }, { "oif", "dev_index" },
	{ "uid", "uid" },    { NULL, NULL },
};

/* clang-format off */
static const struct nav_row rows[] = {
	{ .from = "sockets", .name = "link", .ours = "dev_index", .to = "links",
	  .theirs = "index", .through = "route",
	  .doc = "Interface to which it is bound, else that of its route." },
	{ .from = "sockets", .name = "process", .ours = "pid", .to = "processes",
	  .theirs = "pid", .place = NAV_ANY,
	  .doc = "Process that holds it, the first of several." },
	{ .from = "sockets", .name = "route", .kind = NAV_ROUTE, .ours = "raddr", .to = "routes",
	  .told = told_by_sockets, .doc = "Route that its remote address takes now." },
	{ .from = "routes", .name = "link", .ours = "dev_index", .to = "links",
	  .theirs = "index", .doc = "Interface to which it leads." },
	{ .from = "nexthops", .name = "link", .ours = "dev_index", .to = "links",
	  .theirs = "index", .doc = "Interface to which it leads." },
	{ .from = "links", .name = "addrs", .kind = NAV_MANY, .ours = "index", .to = "addrs",
	  .theirs = "dev_index", .doc = "Its addresses." },
	{ .from = "links", .name = "neighs", .kind = NAV_MANY, .ours = "index", .to = "neighs",
	  .theirs = "dev_index", .doc = "Its neighbours." },
	{ .from = "links", .name = "maddrs", .kind = NAV_MANY, .ours = "index", .to = "maddrs",
	  .theirs = "dev_index", .doc = "Multicast groups that it listens to." },
	{ .from = "links", .name = "routes", .kind = NAV_MANY, .ours = "index", .to = "routes",
	  .theirs = "dev_index", .doc = "Routes that lead to it." },
	{ .from = "links", .name = "master_link", .ours = "master_index", .to = "links",
	  .theirs = "index", .doc = "Bridge, bond or the like that it is a port of." },
	{ .from = "addrs", .name = "link", .ours = "dev_index", .to = "links", .theirs = "index",
	  .doc = "Interface that has it." },
	{ .from = "addrs", .name = "sockets", .kind = NAV_MANY, .ours = "addr", .to = "sockets",
	  .theirs = "laddr", .doc = "Sockets and connections that have it as their local one." },
	{ .from = "neighs", .name = "link", .ours = "dev_index", .to = "links",
	  .theirs = "index", .doc = "Interface behind which it is." },
	{ .from = "neighs", .name = "master_link", .ours = "master_index", .to = "links",
	  .theirs = "index", .doc = "Bridge to which the entry belongs." },
	{ .from = "neighs", .name = "sockets", .kind = NAV_MANY, .ours = "addr", .to = "sockets",
	  .theirs = "raddr", .doc = "Connections with it." },
	{ .from = "maddrs", .name = "sockets", .kind = NAV_MANY, .ours = "addr", .to = "sockets",
	  .theirs = "laddr", .doc = "Sockets that are bound to the group, not to any address." },
	{ .from = "maddrs", .name = "link", .ours = "dev_index", .to = "links",
	  .theirs = "index", .doc = "Interface that listens." },
	{ .from = "processes", .name = "sockets", .kind = NAV_MANY, .ours = "pid",
	  .to = "sockets", .theirs = "pid", .place = NAV_PROCESS, .any = "proto",
	  .doc = "Sockets that it holds, of every protocol, in its namespace." },
};
/* clang-format on */

static const struct source *source_named(const char *name)
{
	for (size_t i = 0; sources[i]; i++)
		if (strcmp(sources[i]->name, name) == 0)
			return sources[i];
	return NULL;
}

static bool resolve(const struct source *from, const struct nav_row *row, struct nav *out)
{
	*out = (struct nav){
		.name = row->name,
		.doc = row->doc,
		.kind = row->kind,
		.place = row->place,
		.to = source_named(row->to),
		.ours = source_field(from, row->ours),
		.told = row->told,
		.through = row->through,
	};
	if (!out->to || !out->ours)
		return false;
	if (row->theirs)
		out->theirs = source_field(out->to, row->theirs);
	if (row->any)
		out->any = source_field(out->to, row->any);
	return (out->theirs || !row->theirs) && (out->any || !row->any);
}

bool source_nav(const struct source *s, size_t i, struct nav *out)
{
	/* one that was made of another may bear its name; its fields need not mean the same */
	if (s != source_named(s->name))
		return false;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
		if (strcmp(rows[r].from, s->name) == 0 && resolve(s, &rows[r], out) && i-- == 0)
			return true;
	return false;
}
