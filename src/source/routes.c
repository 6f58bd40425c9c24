/*
 * Owns the source `routes`: how routes are asked for, and what tells two of them
 * apart. A part is a family, without or with the routes that the kernel cloned.
 */
#include "routes.h"
#include "identity.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static const struct {
	uint8_t family;
	bool cached;
	const char *what;
} parts[] = {
	{ AF_INET, false, "IPv4 routes" },
	{ AF_INET6, false, "IPv6 routes" },
	{ AF_INET, true, "cached IPv4 routes" },
	{ AF_INET6, true, "cached IPv6 routes" },
};

#define NPARTS (sizeof(parts) / sizeof(parts[0]))

const struct shape shape_route = {
	.name = "routes",
	.type = RTM_NEWROUTE,
	.header = sizeof(struct rtmsg),
	.max_attr = RTA_NH_ID,
};

static bool part_value(unsigned part, const struct field *f, struct value *v)
{
	if (strcmp(f->name, "family") == 0)
		return set_int(v, parts[part].family);
	return strcmp(f->name, "cached") == 0 && set_bool(v, parts[part].cached);
}

static bool part_asked(unsigned part, const struct cond *const *conds, size_t n)
{
	if (!parts[part].cached)
		return true;
	for (size_t i = 0; i < n; i++)
		if (strcmp(conds[i]->field->name, "cached") == 0)
			return true;
	return false;
}

/* A byte of the header by which the kernel filters; 0 would be none. */
static void ask_byte(const struct scan_request *req, const char *field, uint8_t *byte,
		     struct dump_plan *out)
{
	int64_t n;

	if (!ask_number(req, field, &n) || n <= 0 || n > UINT8_MAX)
		return;
	*byte = (uint8_t)n;
	note_add(out->note, sizeof(out->note), "%s %u", field, *byte);
}

/*
 * ip_valid_fib_dump_req of net/ipv4/fib_frontend.c says what a strict request may hold:
 * protocol, type, RTM_F_CLONED, RTA_TABLE and RTA_OIF; all else is zero.
 */
static void lay_out(const struct scan_request *req, unsigned part, unsigned dev,
		    struct dump_plan *out)
{
	struct rtmsg r = { .rtm_family = parts[part].family,
			   .rtm_flags = parts[part].cached ? RTM_F_CLONED : 0 };
	int64_t table;
	bool all = nl_recording(); /* which shall know the whole list by its key */

	out->note[0] = '\0';
	if (!all) {
		ask_byte(req, "proto", &r.rtm_protocol, out);
		ask_byte(req, "type", &r.rtm_type, out);
	}
	memcpy(out->buf, &r, sizeof(r));
	out->len = sizeof(r);
	if (!all && ask_number(req, "table", &table) && table > 0 && table <= UINT32_MAX) {
		plan_put_u32(out, RTA_TABLE, (uint32_t)table);
		note_add(out->note, sizeof(out->note), "table %u", (unsigned)table);
	}
	if (dev) {
		plan_put_u32(out, RTA_OIF, dev);
		note_add(out->note, sizeof(out->note), "device %u", dev);
	}
	if (!out->note[0])
		note_add(out->note, sizeof(out->note), "all");
	out->tag = part;
	out->none = ENOENT; /* there is no such table */
	out->ended = parts[part].cached ? NULL : routes_ended;
	out->weigh = route_weigh;
	out->request = (struct nl_request){
		.bus = NETLINK_ROUTE,
		.type = RTM_GETROUTE,
		.key = parts[part].family | (parts[part].cached ? 0x100u : 0),
		.what = parts[part].what,
	};
}

static bool dump(const struct scan_request *req, unsigned i, struct dump_plan *out)
{
	unsigned dev = 0;

	if (!plan_dev(req, &dev))
		return false;
	for (unsigned part = 0; part < NPARTS; part++) {
		if (!part_has(&req->parts, part) || i-- > 0)
			continue;
		lay_out(req, part, dev, out);
		return true;
	}
	return false;
}

/* What tells the paths of a route apart, which is not their state. */
static uint64_t hash_paths(uint64_t h, const struct nlattr *multipath)
{
	size_t pos = 0;
	bool bad = false;
	struct hop hop;

	while (hop_next(multipath, &pos, &hop, &bad)) {
		h = identity_bytes(h, &hop.head->rtnh_hops, sizeof(hop.head->rtnh_hops));
		h = identity_bytes(h, &hop.head->rtnh_ifindex, sizeof(hop.head->rtnh_ifindex));
		h = identity_bytes(h, hop.attrs, hop.len);
	}
	return h;
}

/*
 * The kernel takes no two routes that agree in all that they are; what they are going
 * through (use, expiry, state of the device) is no part of that.
 */
static uint64_t key(const struct row *row)
{
	const size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct rtmsg));
	struct rtmsg r = *(const struct rtmsg *)row_header(row);
	const char *start = (const char *)row->msg + skip;
	size_t len = row->msg->nlmsg_len > skip ? row->msg->nlmsg_len - skip : 0;
	const struct nlattr *a = NULL;
	unsigned type;
	uint64_t h;

	r.rtm_flags &= RTM_F_CLONED | RTM_F_PREFIX | RTNH_F_ONLINK | RTNH_F_PERVASIVE;
	h = identity_bytes(0, &r, sizeof(r));
	while ((a = nl_attr_next(start, len, a, &type, NULL))) {
		if (type == RTA_CACHEINFO)
			continue;
		h = identity_bytes(h, &type, sizeof(type));
		h = type == RTA_MULTIPATH ? hash_paths(h, a)
					  : identity_bytes(h, nl_attr_data(a), nl_attr_len(a));
	}
	return identity_end(h);
}

const struct source source_routes = {
	.name = "routes",
	.row_name = "route",
	.doc = "Routes of every table, IPv4 and IPv6, by rtnetlink(7).",
	.fields = route_fields,
	.nparts = NPARTS,
	.shape = &shape_route,
	.part_value = part_value,
	.part_asked = part_asked,
	.dump = dump,
	.key = key,
};
