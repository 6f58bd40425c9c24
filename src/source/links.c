/*
 * Owns the source `links`: the network interfaces of a namespace, by RTM_GETLINK
 * of rtnetlink(7). Its fields are in links_fields.c and the links_fields_*.h
 * that it includes, what must be computed of them is in links_get.c.
 *
 * The kernel filters by master and kind; one link is asked for by its number.
 */
#include "links.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

const struct shape shape_link = {
	.name = "links",
	.type = RTM_NEWLINK,
	.header = sizeof(struct ifinfomsg),
	.max_attr = ROW_ATTRS - 1,
};

static bool part_value(unsigned part, const struct field *f, struct value *v)
{
	(void)part;
	(void)f;
	(void)v;
	return false;
}

static bool part_asked(unsigned part, const struct cond *const *conds, size_t n)
{
	(void)part;
	(void)conds;
	(void)n;
	return true;
}

/*
 * No field reads the statistics of IPv6, which are a quarter of a message; those of
 * the link come always (inet6_fill_ifla6_attrs() and rtnl_fill_stats() of the kernel).
 */
uint32_t link_ext_mask(uint32_t needs)
{
	return RTEXT_FILTER_SKIP_STATS | (needs & LINK_VFS ? RTEXT_FILTER_VF : 0);
}

static bool put_u32(struct dump_plan *p, uint16_t type, uint32_t n)
{
	return nl_attr_put(p->buf, &p->len, sizeof(p->buf), type, &n, sizeof(n));
}

static void note(struct dump_plan *p, const char *what, const char *value, size_t len)
{
	size_t at = strlen(p->note);

	snprintf(p->note + at, sizeof(p->note) - at, "%s%s %.*s", at ? ", " : "", what, (int)len,
		 value);
}

/* Strict checking lets a dump be narrowed by these two, rtnl_dump_ifinfo(). */
static void put_kind(const struct scan_request *req, struct dump_plan *p)
{
	const struct value *kind = ask_value(req, "kind");
	_Alignas(4) unsigned char nest[64];
	char text[32] = "";
	size_t len = 0;

	if (!kind || kind->kind != VALUE_TEXT || kind->text.len >= sizeof(text))
		return;
	memcpy(text, kind->text.p, kind->text.len);
	if (nl_attr_put(nest, &len, sizeof(nest), IFLA_INFO_KIND, text, kind->text.len + 1) &&
	    nl_attr_put(p->buf, &p->len, sizeof(p->buf), IFLA_LINKINFO | NLA_F_NESTED, nest, len))
		note(p, "kind", text, strlen(text));
}

/* False: no link can have this master. */
static bool put_master(const struct scan_request *req, struct dump_plan *p)
{
	unsigned index;
	char text[16];
	int rc = ask_ifindex(req, "master_index", "master", &index);

	if (rc > 0 && put_u32(p, IFLA_MASTER, index)) {
		snprintf(text, sizeof(text), "%u", index);
		note(p, "master", text, strlen(text));
	}
	return rc >= 0;
}

/* Of one link no list is needed; what has no such name has no row. False: one is not asked for. */
static bool only_one(const struct scan_request *req, struct dump_plan *p)
{
	unsigned index;
	int rc = ask_ifindex(req, "index", "name", &index);

	if (rc == 0 || nl_replay_loaded())
		return false;
	p->read = link_reader;
	p->asks = true;
	p->tag = rc > 0 ? index : 0;
	snprintf(p->note, sizeof(p->note), rc > 0 ? "the one with index %u" : "none has this name",
		 p->tag);
	return true;
}

static bool dump(const struct scan_request *req, unsigned i, struct dump_plan *out)
{
	/* what is recorded shall answer other questions too */
	bool all = nl_recording();
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };

	if (i > 0)
		return false;
	out->request = (struct nl_request){
		.bus = NETLINK_ROUTE,
		.type = RTM_GETLINK,
		.what = shape_link.name,
	};
	memcpy(out->buf, &head, sizeof(head));
	out->len = sizeof(head);
	put_u32(out, IFLA_EXT_MASK, link_ext_mask(all ? LINK_VFS : req->needs));
	if (all || only_one(req, out))
		return true;
	put_kind(req, out);
	return put_master(req, out);
}

static uint64_t key(const struct row *row)
{
	return (uint64_t)((const struct ifinfomsg *)row_header(row))->ifi_index;
}

static ptrdiff_t refetch(const struct row *row, uint32_t needs, void *buf, size_t size,
			 struct nl_error *err)
{
	int index = ((const struct ifinfomsg *)row_header(row))->ifi_index;

	if (nl_replay_loaded())
		return 0; /* it holds all that a link has */
	return link_ask(row->env, index, link_ext_mask(needs), buf, size, err);
}

const struct source source_links = {
	.name = "links",
	.row_name = "link",
	.doc = "Network interfaces, by rtnetlink(7).",
	.fields = link_fields,
	.nparts = 1,
	.flags = SOURCE_WHOLE,
	.shape = &shape_link,
	.part_value = part_value,
	.part_asked = part_asked,
	.dump = dump,
	.key = key,
	.refetch = refetch,
};
