/*
 * Owns the question which route a packet would take: RTM_GETROUTE for one
 * destination, which the kernel answers as it would route.
 */
#include "routes.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

struct question {
	size_t len;
	_Alignas(8) unsigned char buf[256];
};

static void put(struct question *q, uint16_t type, const void *data, size_t len)
{
	nl_attr_put(q->buf, &q->len, sizeof(q->buf), type, data, len);
}

static void put_u32(struct question *q, uint16_t type, uint32_t n)
{
	if (n)
		put(q, type, &n, sizeof(n));
}

static void put_port(struct question *q, uint16_t type, uint16_t port)
{
	const uint8_t bytes[2] = { (uint8_t)(port >> 8), (uint8_t)port };

	if (port)
		put(q, type, bytes, sizeof(bytes));
}

/*
 * What a strict request may hold: inet_rtm_valid_getroute_req of net/ipv4/route.c, and
 * inet6_rtm_valid_getroute_req of net/ipv6/route.c, which takes no RTM_F_LOOKUP_TABLE:
 * IPv6 tells the table always.
 */
static void write_question(const struct route_question *ask, struct question *q)
{
	const bool v4 = ask->dst.family == AF_INET;
	const size_t size = v4 ? 4 : 16;
	struct rtmsg r = {
		.rtm_family = ask->dst.family,
		.rtm_dst_len = (unsigned char)(size * 8),
		.rtm_src_len = ask->from.family ? (unsigned char)(size * 8) : 0,
		.rtm_tos = ask->tos,
		.rtm_flags =
			(v4 ? RTM_F_LOOKUP_TABLE : 0u) | (ask->fibmatch ? RTM_F_FIB_MATCH : 0u),
	};

	memcpy(q->buf, &r, sizeof(r));
	q->len = sizeof(r);
	put(q, RTA_DST, ask->dst.bytes, size);
	if (ask->from.family)
		put(q, RTA_SRC, ask->from.bytes, size);
	put_u32(q, RTA_IIF, ask->iif);
	put_u32(q, RTA_OIF, ask->oif);
	put_u32(q, RTA_MARK, ask->mark);
	if (ask->has_uid)
		put(q, RTA_UID, &ask->uid, sizeof(ask->uid));
	if (ask->proto)
		put(q, RTA_IP_PROTO, &ask->proto, sizeof(ask->proto));
	put_port(q, RTA_SPORT, ask->sport);
	put_port(q, RTA_DPORT, ask->dport);
}

/*
 * What the kernel answers when packets are not sent: there is no route, a rule or a
 * route of type prohibit, blackhole or throw. All else is that it could not be asked.
 */
static bool is_answer(int code)
{
	return code == ENETUNREACH || code == EHOSTUNREACH || code == EACCES || code == EINVAL ||
	       code == EAGAIN || code == ESRCH || code == ENETDOWN;
}

int route_lookup(struct env *env, const struct route_question *ask, void *buf, size_t size,
		 struct row *row, struct nl_error *err)
{
	struct question q;
	struct nl_request req = { .bus = NETLINK_ROUTE, .type = RTM_GETROUTE, .what = "a route" };
	ptrdiff_t got;

	if (ask->from.family && ask->from.family != ask->dst.family)
		return nl_fail(err, EAFNOSUPPORT,
			       "the source and the destination of a route are of one family");
	write_question(ask, &q);
	req.payload = q.buf;
	req.len = q.len;
	got = nl_get(&req, env_netns_fd(env), buf, size, err);
	if (got < 0)
		return is_answer(err->code) ? 0 : -1;
	memset(row, 0, offsetof(struct row, attr));
	row->source = &source_routes;
	row->env = env;
	row->msg = buf;
	row->shape = &shape_route;
	if (row->msg->nlmsg_type != RTM_NEWROUTE || (size_t)got < NLMSG_HDRLEN + shape_route.header)
		return nl_fail(err, EPROTO, "the kernel's answer about a route is no route");
	return 1;
}
