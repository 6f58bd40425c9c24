/*
 * Owns the paths of a route: the one that its message names, or those of
 * RTA_MULTIPATH, as conditions see them and as a list of rows. A row of a path is
 * a message of our own: struct rtnexthop, the attributes that came with it, and the
 * name of its device.
 */
#include "routes.h"

#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

bool hop_next(const struct nlattr *multipath, size_t *pos, struct hop *out, bool *bad)
{
	const char *data = nl_attr_data(multipath);
	size_t left = nl_attr_len(multipath) - *pos, len;

	if (left == 0)
		return false;
	out->head = (const struct rtnexthop *)(data + *pos);
	if (left < sizeof(*out->head) || out->head->rtnh_len < sizeof(*out->head) ||
	    out->head->rtnh_len > left) {
		*bad = true;
		return false;
	}
	len = out->head->rtnh_len;
	out->attrs = out->head + 1;
	out->len = len - sizeof(*out->head);
	*pos += RTNH_ALIGN(len) < left ? RTNH_ALIGN(len) : left;
	return true;
}

/* ---- one value of each path --------------------------------------------------- */

/* RTA_GATEWAY, or RTA_VIA with a gateway of another family. */
static bool gateway_of(const struct nlattr *gateway, const struct nlattr *via, struct value *v)
{
	const unsigned char *p = gateway ? nl_attr_data(gateway) : NULL;
	size_t len = gateway ? nl_attr_len(gateway) : 0;
	sa_family_t family = len == 4 ? AF_INET : AF_INET6;

	if (!gateway) {
		if (!via || nl_attr_len(via) < sizeof(family))
			return false;
		memcpy(&family, nl_attr_data(via), sizeof(family));
		p = (const unsigned char *)nl_attr_data(via) + sizeof(family);
		len = nl_attr_len(via) - sizeof(family);
	}
	if (!(family == AF_INET && len == 4) && !(family == AF_INET6 && len == 16))
		return false;
	memset(v, 0, sizeof(*v));
	v->kind = VALUE_ADDR;
	v->addr.family = (uint8_t)family;
	memcpy(v->addr.bytes, p, len);
	return true;
}

static bool hop_gateway(const struct row *row, const struct hop *hop, struct value *v)
{
	bool bad = false;

	(void)row;
	return gateway_of(nl_attr_find(hop->attrs, hop->len, RTA_GATEWAY, &bad),
			  nl_attr_find(hop->attrs, hop->len, RTA_VIA, &bad), v);
}

static bool hop_dev_index(const struct row *row, const struct hop *hop, struct value *v)
{
	(void)row;
	return hop->head->rtnh_ifindex > 0 && set_int(v, hop->head->rtnh_ifindex);
}

static bool hop_dev(const struct row *row, const struct hop *hop, struct value *v)
{
	const char *name;

	if (hop->head->rtnh_ifindex <= 0)
		return false;
	name = env_ifname(row->env, (unsigned)hop->head->rtnh_ifindex);
	return name && set_text(v, name, strlen(name));
}

typedef bool hop_reader(const struct row *row, const struct hop *hop, struct value *v);

/* Of the paths that have such a value, that of number i. */
static bool of_hop(const struct row *row, size_t i, hop_reader *read, struct value *v)
{
	const struct nlattr *multipath =
		row->shape == &shape_route ? row_nlattr(indexed(row), RTA_MULTIPATH) : NULL;
	bool bad = false;
	size_t pos = 0;
	struct hop hop;

	if (!multipath)
		return false;
	while (hop_next(multipath, &pos, &hop, &bad))
		if (read(row, &hop, v) && i-- == 0)
			return true;
	if (bad)
		env_set_damaged(row->env);
	return false;
}

bool get_gateway(const struct row *row, const struct field *f, struct value *v)
{
	(void)f;
	return gateway_of(row_nlattr(indexed(row), RTA_GATEWAY), row_nlattr(indexed(row), RTA_VIA),
			  v) ||
	       of_hop(row, 0, hop_gateway, v);
}

bool more_gateways(const struct row *row, const struct field *f, size_t i, struct value *v)
{
	(void)f;
	return of_hop(row, i, hop_gateway, v);
}

bool get_route_dev(const struct row *row, const struct field *f, struct value *v)
{
	return get_ifname(row, f, v) || of_hop(row, 0, hop_dev, v);
}

bool more_devs(const struct row *row, const struct field *f, size_t i, struct value *v)
{
	(void)f;
	return of_hop(row, i, hop_dev, v);
}

bool get_route_dev_index(const struct row *row, const struct field *f, struct value *v)
{
	return field_load(f, row, v) || of_hop(row, 0, hop_dev_index, v);
}

bool more_dev_indexes(const struct row *row, const struct field *f, size_t i, struct value *v)
{
	(void)f;
	return of_hop(row, i, hop_dev_index, v);
}

/* ---- the list ------------------------------------------------------------------- */

/* The attribute of our own with the name of the device, behind all of the kernel's. */
enum { PATH_DEV = 64 };

/* Bytes of the row of a path, at most. */
static size_t path_room(const struct hop *hop)
{
	return NLMSG_HDRLEN + sizeof(struct rtnexthop) + NLA_ALIGN(hop->len) + NLA_HDRLEN +
	       IFNAMSIZ;
}

/* Builds the row at p; returns its length. */
static size_t put_path(struct env *env, const struct hop *hop, char *p)
{
	struct nlmsghdr *msg = (struct nlmsghdr *)p;
	size_t len = NLMSG_HDRLEN + sizeof(*hop->head), size = path_room(hop);
	const char *name = NULL;

	memset(p, 0, size);
	msg->nlmsg_type = RTM_NEWROUTE;
	memcpy(p + NLMSG_HDRLEN, hop->head, sizeof(*hop->head));
	memcpy(p + len, hop->attrs, hop->len);
	len += NLA_ALIGN(hop->len);
	if (hop->head->rtnh_ifindex > 0)
		name = env_ifname(env, (unsigned)hop->head->rtnh_ifindex);
	if (name)
		nl_attr_put(p, &len, size, PATH_DEV, name, strnlen(name, IFNAMSIZ - 1) + 1);
	msg->nlmsg_len = (uint32_t)len;
	return NLMSG_ALIGN(len);
}

bool get_paths(const struct row *row, const struct field *f, struct value *v)
{
	const struct nlattr *multipath = row_nlattr(indexed(row), f->attr);
	size_t n = 0, room = 0, pos = 0;
	struct value *items;
	struct hop hop;
	bool bad = false;
	char *p;

	if (!multipath)
		return false;
	for (; hop_next(multipath, &pos, &hop, &bad); n++)
		room += sizeof(*items) + NLMSG_ALIGN(path_room(&hop));
	if (bad)
		env_set_damaged(row->env);
	items = n ? env_scratch(row->env, room) : NULL;
	if (!items)
		return false;
	p = (char *)(items + n);
	pos = 0;
	for (size_t i = 0; i < n && hop_next(multipath, &pos, &hop, &bad); i++) {
		items[i].kind = VALUE_ROW;
		items[i].row = (const struct nlmsghdr *)p;
		p += put_path(row->env, &hop, p);
	}
	v->kind = VALUE_LIST;
	v->list.items = items;
	v->list.n = n;
	return true;
}

/* rtnh_hops counts from 0. */
bool get_path_weight(const struct row *row, const struct field *f, struct value *v)
{
	const struct rtnexthop *hop = row_header(row);

	(void)f;
	return set_int(v, hop->rtnh_hops + 1);
}

static const struct shape shape_path = {
	.name = "paths of a route",
	.type = RTM_NEWROUTE,
	.header = sizeof(struct rtnexthop),
	.max_attr = PATH_DEV,
};

/* A row stays two or three lines, so: */
/* clang-format off */
static const struct field path_fields[] = {
	{ .name = "gateway", .type = FT_ADDR, .get = get_gateway, .flags = FF_COLUMN,
	  .from = "RTA_GATEWAY, RTA_VIA", .doc = "Router that the path goes to." },
	{ .name = "dev", .type = FT_TEXT, .attr = PATH_DEV, .flags = FF_COLUMN,
	  .from = "rtnh_ifindex", .doc = "Network device that the path leaves by." },
	{ .name = "dev_index", .type = FT_INT, .offset = offsetof(struct rtnexthop, rtnh_ifindex),
	  .size = 4, NONE(0), .from = "rtnh_ifindex", .doc = "Index of this device." },
	{ .name = "weight", .type = FT_INT, .get = get_path_weight, .flags = FF_COLUMN,
	  .from = "rtnh_hops", .doc = "Share of the path among the weights of all." },
	{ .name = "flags", .type = FT_ENUM, .names = hop_flag_names,
	  .offset = offsetof(struct rtnexthop, rtnh_flags), .size = 1,
	  .flags = FF_COLUMN | FF_LIST | FF_BITS, .from = "rtnh_flags",
	  .doc = "State of the path: onlink, dead, linkdown and others." },
	{ .name = "realm_from", .type = FT_INT, .attr = RTA_FLOW, .size = 4, .shift = 16,
	  .mask = 0xffff, NONE(0), .from = "RTA_FLOW", .doc = "Realm of the source." },
	{ .name = "realm", .type = FT_INT, .attr = RTA_FLOW, .size = 4, .mask = 0xffff, NONE(0),
	  .from = "RTA_FLOW", .doc = "Realm of the destination." },
	ENCAP_FIELDS(RTA_ENCAP),
	{ .name = NULL }
};
/* clang-format on */

const struct source route_paths = {
	.name = "nexthops",
	.row_name = "nexthop",
	.doc = "The paths of a route with several.",
	.fields = path_fields,
	.nparts = 1,
	.shape = &shape_path,
};
