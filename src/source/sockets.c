/*
 * Owns the source `sockets`: which kinds of sockets there are, what parts a
 * request can leave out, and who answers for a row. How a kind is asked is in
 * sockets_KIND.c, its fields are in sockets_fields.c.
 *
 * A part is one (protocol, family, state): everything that a request can leave
 * out without a program.
 */
#include "sockets.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* States that a table's rows can have, as bits 1 << state. */
#define UDP_STATES   (1u << STATE_ESTABLISHED | 1u << STATE_CLOSE)
#define VSOCK_STATES (UDP_STATES | 1u << STATE_SYN_SENT | 1u << STATE_LISTEN | 1u << STATE_CLOSING)
#define TIPC_STATES \
	(UDP_STATES | 1u << STATE_SYN_SENT | 1u << STATE_LISTEN | 1u << STATE_CLOSE_WAIT)
/* State 12 is the kernel's own split of 3, and 0 is none. */
#define STREAM_STATES ((1u << STATE_NEW_SYN_RECV) - 2)
#define TCP_STATES    (STREAM_STATES | 1u << STATE_BOUND_INACTIVE)
/* Its states have meanings of their own, so the kernel is asked for all and rows are tested here.
 */
#define ANY_STATE     (1u << STATE_ANY)

#define UNIX_STATES (UDP_STATES | 1u << STATE_LISTEN)

/* In the order of rows: tcp before udp, IPv4 before IPv6, then what must be named. */
const struct sock_table socket_tables[] = {
	[TCP4] = { PROTO_TCP, AF_INET, "tcp sockets (IPv4)", &sock_inet, TCP_STATES },
	[TCP6] = { PROTO_TCP, AF_INET6, "tcp sockets (IPv6)", &sock_inet, TCP_STATES },
	[UDP4] = { PROTO_UDP, AF_INET, "udp sockets (IPv4)", &sock_inet, UDP_STATES },
	[UDP6] = { PROTO_UDP, AF_INET6, "udp sockets (IPv6)", &sock_inet, UDP_STATES },
	[UDPLITE4] = { PROTO_UDPLITE, AF_INET, "udplite sockets (IPv4)", &sock_inet, UDP_STATES },
	[UDPLITE6] = { PROTO_UDPLITE, AF_INET6, "udplite sockets (IPv6)", &sock_inet, UDP_STATES },
	[RAW4] = { PROTO_RAW, AF_INET, "raw sockets (IPv4)", &sock_raw, UDP_STATES },
	[RAW6] = { PROTO_RAW, AF_INET6, "raw sockets (IPv6)", &sock_raw, UDP_STATES },
	[MPTCP4] = { PROTO_MPTCP, AF_INET, "mptcp sockets (IPv4)", &sock_inet, STREAM_STATES },
	[MPTCP6] = { PROTO_MPTCP, AF_INET6, "mptcp sockets (IPv6)", &sock_inet, STREAM_STATES },
	[SCTP4] = { PROTO_SCTP, AF_INET, "sctp sockets (IPv4)", &sock_inet, ANY_STATE },
	[SCTP6] = { PROTO_SCTP, AF_INET6, "sctp sockets (IPv6)", &sock_inet, ANY_STATE },
	[DCCP4] = { PROTO_DCCP, AF_INET, "dccp sockets (IPv4)", &sock_inet, STREAM_STATES },
	[DCCP6] = { PROTO_DCCP, AF_INET6, "dccp sockets (IPv6)", &sock_inet, STREAM_STATES },
	{ PROTO_UNIX, AF_UNIX, "unix sockets", &sock_unix, UNIX_STATES },
	{ PROTO_UNIX, AF_UNIX, "unix connections that wait to be accepted", &sock_unix_waiting,
	  1u << STATE_ESTABLISHED },
	{ PROTO_PACKET, AF_PACKET, "packet sockets", &sock_packet, 1u << STATE_CLOSE },
	{ PROTO_NETLINK, AF_NETLINK, "netlink sockets", &sock_netlink, UDP_STATES },
	{ PROTO_VSOCK, AF_VSOCK, "vsock sockets", &sock_vsock, VSOCK_STATES },
	{ PROTO_XDP, AF_XDP, "xdp sockets", &sock_xdp, 1u << STATE_CLOSE },
	{ PROTO_TIPC, AF_TIPC, "tipc sockets", &sock_tipc, TIPC_STATES },
};

/* What kernels are built without, and what their lists take. */
static const struct {
	uint16_t proto;
	const char *protocol, *config;
} lackable[] = {
	{ PROTO_PACKET, "PACKET", "CONFIG_PACKET_DIAG" },
	{ PROTO_VSOCK, "AF_VSOCK", "CONFIG_VSOCKETS_DIAG" },
	{ PROTO_XDP, "XDP", "CONFIG_XDP_SOCKETS_DIAG" },
	{ PROTO_TIPC, "TIPC", "CONFIG_TIPC_DIAG" },
	{ PROTO_SCTP, "SCTP", "CONFIG_INET_SCTP_DIAG" },
	{ PROTO_DCCP, "DCCP", "CONFIG_INET_DCCP_DIAG" },
};

#define NTABLES (sizeof(socket_tables) / sizeof(socket_tables[0]))
const size_t socket_table_count = NTABLES;

#define NSTATES 14 /* states are 1 .. 13 and STATE_ANY, their bit is 1 << state */

_Static_assert(NTABLES *NSTATES <= PARTS_MAX, "a part for each table and state");

static const struct sock_table *part_table(unsigned part)
{
	return &socket_tables[part / NSTATES];
}

/* Is it the protocol that decides whether rows of a shape have the field? */
static bool by_proto(const struct field *f)
{
	return f->when == is_mptcp || f->when == is_sctp || f->when == has_ports ||
	       f->get == get_protocol;
}

/* Do rows of the table have it then? */
static bool proto_has(const struct sock_table *t, const struct field *f)
{
	struct row any = { .tag = t->proto };

	if (f->get == get_protocol)
		return t->kind->protocols != NULL;
	return !by_proto(f) || f->when(&any, f);
}

/* Fields that lie elsewhere are absent in all rows of the table. */
static bool part_value(unsigned part, const struct field *f, struct value *v)
{
	const struct sock_table *t = part_table(part);

	v->kind = VALUE_INT;
	if (f->get == get_proto)
		v->num = t->proto;
	else if (f->get == get_family)
		v->num = t->family;
	else if (f->get == get_state && (part % NSTATES != STATE_ANY || t->states != ANY_STATE))
		v->num = part % NSTATES;
	else if (!field_in_shape(f, t->kind->shape) || !proto_has(t, f) ||
		 (t->kind == &sock_unix_waiting && f->places == inode_places))
		v->kind = VALUE_NIL; /* what waits to be accepted has no inode yet */
	else
		return false;
	return true;
}

/* Does the condition name the value, as equal to it or not? */
static bool names_value(const struct cond *c, int64_t value)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct operand *o = &c->operands[i];

		if (o->kind == OPERAND_VALUE && o->lo.kind == VALUE_INT && o->lo.num == value)
			return true;
	}
	return false;
}

static bool names_all(const struct cond *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->operands[i].kind == OPERAND_ALL)
			return true;
	return false;
}

/*
 * Sockets are what people mean by connections, tcp and udp, unless a condition
 * names a protocol ("*": all of them), another family, or a field that only
 * others have. `!=` and presence name nothing.
 */
static bool names_table(const struct cond *c, const struct sock_table *t)
{
	if (c->field->get == get_proto)
		return c->op == OP_EQ && (names_all(c) || names_value(c, t->proto));
	if (c->field->get == get_family)
		return c->op == OP_EQ && t->family != AF_INET && t->family != AF_INET6 &&
		       (names_all(c) || names_value(c, t->family));
	if (by_proto(c->field) && c->field->when != has_ports)
		return proto_has(t, c->field);
	return !field_in_shape(c->field, &shape_inet) && field_in_shape(c->field, t->kind->shape);
}

static bool table_asked(const struct sock_table *t, const struct cond *const *conds, size_t n)
{
	if (t->proto == PROTO_TCP || t->proto == PROTO_UDP)
		return true;
	for (size_t i = 0; i < n; i++)
		if (names_table(conds[i], t))
			return true;
	return false;
}

/*
 * A bound tcp socket that neither listens nor connects (Linux 6.8 lists them)
 * is no connection: it comes when it is named.
 */
static bool part_asked(unsigned part, const struct cond *const *conds, size_t n)
{
	const struct sock_table *t = part_table(part);
	unsigned state = part % NSTATES;

	if (!(t->states >> state & 1) || !table_asked(t, conds, n))
		return false;
	if (state != STATE_BOUND_INACTIVE)
		return true;
	for (size_t i = 0; i < n; i++)
		if (conds[i]->field->get == get_state && conds[i]->op == OP_EQ &&
		    names_value(conds[i], STATE_BOUND_INACTIVE))
			return true;
	return false;
}

const struct sock_table *table_of(uint32_t proto, unsigned family)
{
	for (size_t t = 0; t < NTABLES; t++)
		if (socket_tables[t].proto == proto && socket_tables[t].family == family)
			return &socket_tables[t];
	return NULL;
}

/* By its protocol, its family, or a field that no other kind has. */
static bool part_named(unsigned part, const struct cond *const *conds, size_t n)
{
	const struct sock_table *t = part_table(part);

	for (size_t i = 0; i < n; i++) {
		const struct field *f = conds[i]->field;

		if ((f->get == get_proto && names_value(conds[i], t->proto)) ||
		    (f->get == get_family && names_value(conds[i], t->family)) ||
		    (f->shape && f->shape == t->kind->shape))
			return true;
	}
	return false;
}

struct part_set sockets_parts(uint32_t proto, unsigned family, unsigned state)
{
	const struct sock_table *t = table_of(proto, family);
	struct part_set parts = { { 0 } };

	if (t)
		part_add(&parts, (unsigned)(t - socket_tables) * NSTATES +
					 (t->states == ANY_STATE ? STATE_ANY : state));
	return parts;
}

void lay_out_list(const struct sock_table *t, const void *request, size_t len,
		  struct dump_plan *out)
{
	memcpy(out->buf, request, len);
	out->len = len;
	out->request = (struct nl_request){
		.bus = NETLINK_SOCK_DIAG,
		.type = SOCK_DIAG_BY_FAMILY,
		.key = (uint32_t)t->family << 16,
		.what = t->what,
	};
}

void note_append(char *buf, size_t size, const char *word, const char *between)
{
	size_t n = strlen(buf);

	snprintf(buf + n, size - n, "%s%s", n ? between : "", word);
}

void note_states(uint32_t states, char *note, size_t size)
{
	const uint32_t all = (1u << STATE_NEW_SYN_RECV) - 2;
	char list[160] = "";

	for (int64_t s = 1; s < NSTATES; s++)
		if (states >> s & 1)
			note_append(list, sizeof(list), enum_text(state_names, s), ", ");
	if ((states & all) == all)
		snprintf(list, sizeof(list), "all");
	snprintf(note, size, "states %s", list);
}

static uint32_t states_of(const struct part_set *parts, size_t table)
{
	uint32_t states = 0;

	if (part_has(parts, (unsigned)table * NSTATES + STATE_ANY))
		return UINT32_MAX;
	for (unsigned s = 1; s < NSTATES; s++)
		if (part_has(parts, (unsigned)table * NSTATES + s))
			states |= 1u << s;
	return states;
}

uint32_t table_states(const struct part_set *parts, const struct sock_table *t)
{
	return states_of(parts, (size_t)(t - socket_tables));
}

/* Recordings know the dumps of a family each, so that any of them answers any question. */
static bool merges(const struct scan_request *req)
{
	return !req->ordered && !nl_replay_loaded() && !nl_recording() &&
	       states_of(&req->parts, TCP4) == states_of(&req->parts, TCP6);
}

static void set_optional(const struct sock_table *t, size_t number, const struct scan_request *req,
			 struct dump_optional *out)
{
	for (size_t i = 0; i < sizeof(lackable) / sizeof(lackable[0]); i++) {
		if (lackable[i].proto != t->proto)
			continue;
		out->protocol = lackable[i].protocol;
		out->config = lackable[i].config;
		out->named = !req->listed && states_of(&req->named, number) != 0;
	}
}

/* Rows that are made of what the kernel tells of others are not its own words. */
static bool unlisted(const struct scan_request *req, size_t table)
{
	return socket_tables[table].kind == &sock_unix_waiting && env_verbatim(req->env);
}

static bool dump(const struct scan_request *req, unsigned i, struct dump_plan *out)
{
	bool merged = merges(req);

	for (size_t t = 0; t < NTABLES; t++) {
		uint32_t states = states_of(&req->parts, t);

		if (!states || (merged && t == TCP6) || unlisted(req, t) || i-- > 0)
			continue;
		out->tag = socket_tables[t].proto;
		out->shape = socket_tables[t].kind->shape;
		if (merged && t == TCP4)
			inet_lay_out_merged(states, req, out);
		else
			socket_tables[t].kind->lay_out(&socket_tables[t], states, req, out);
		set_optional(&socket_tables[t], t, req, &out->optional);
		return true;
	}
	return false;
}

/* ---- rows: who answers for one ---------------------------------------------------- */

const struct sock_kind *socket_kind(const struct row *row)
{
	for (size_t t = 0; t < NTABLES; t++)
		if (socket_tables[t].proto == row->tag)
			return socket_tables[t].kind;
	return &sock_inet;
}

uint64_t socket_key(const struct row *row)
{
	static const struct field cookie = { .places = cookie_places, .has_none = true };
	enum owner_status why;
	uint32_t inode;
	int64_t n;

	if (field_number(&cookie, row, &n))
		return (uint64_t)n;
	inode = socket_own_inode(row, &why);
	/* cookies are counted from 1 */
	return inode ? inode | UINT64_C(1) << 63 : 0;
}

uint32_t socket_own_inode(const struct row *row, enum owner_status *why)
{
	static const struct field inode = { .places = inode_places, .has_none = true };
	int64_t n;

	if (field_number(&inode, row, &n))
		return (uint32_t)n;
	*why = OWNER_KERNEL;
	return 0;
}

static uint64_t key(const struct row *row)
{
	return socket_kind(row)->key(row);
}

uint32_t socket_inode(const struct row *row, enum owner_status *why)
{
	return socket_kind(row)->inode(row, why);
}

uint32_t socket_peer(const struct row *row)
{
	const struct sock_kind *k = socket_kind(row);

	return k->peer ? k->peer(row) : 0;
}

/* All of its table: of kinds with few sockets, of which the kernel gives no single one. */
static ptrdiff_t relist(const struct row *row, uint32_t needs, void *buf, size_t size,
			struct nl_error *err)
{
	struct scan_request req = { .env = row->env, .needs = needs };
	uint64_t wanted = key(row);
	ptrdiff_t found = 0;
	struct scan *sc;
	struct row other;
	int rc = 1;

	for (unsigned i = 0; i < NTABLES * NSTATES; i++)
		if (part_table(i)->proto == row->tag)
			part_add(&req.parts, i);
	sc = scan_open(row->source, &req);
	if (!sc)
		return nl_fail(err, ENOMEM, "out of memory");
	while (wanted && found == 0 && (rc = scan_next(sc, &other, err)) > 0) {
		size_t len = other.msg->nlmsg_len;

		if (key(&other) != wanted)
			continue;
		if (len > size) {
			rc = nl_fail(err, EMSGSIZE, "a row of %s has %zu bytes", row->shape->name,
				     len);
			break;
		}
		memcpy(buf, other.msg, len);
		found = (ptrdiff_t)len;
	}
	scan_close(sc);
	return rc < 0 ? -1 : found;
}

/* What its requests do not carry is in the row already, or nowhere. */
static ptrdiff_t refetch(const struct row *row, uint32_t needs, void *buf, size_t size,
			 struct nl_error *err)
{
	const struct sock_kind *k = socket_kind(row);

	if (k->refetch)
		return k->refetch(row, needs, buf, size, err);
	if (needs && !(needs & ~row->asked & k->extensions))
		return 0;
	return relist(row, needs, buf, size, err);
}

/*
 * What ends is told by protocol and family, with the facts that are left by then (sock_diag_bind()
 * and sock_diag_broadcast_destroy() of net/core/sock_diag.c). A tcp socket is in state close then.
 */
static const struct {
	unsigned table, state, group;
} end_groups[] = {
	{ TCP4, STATE_CLOSE, SKNLGRP_INET_TCP_DESTROY },
	{ TCP6, STATE_CLOSE, SKNLGRP_INET6_TCP_DESTROY },
	{ UDP4, 0, SKNLGRP_INET_UDP_DESTROY },
	{ UDP6, 0, SKNLGRP_INET6_UDP_DESTROY },
};

static bool end_tag(const struct nlmsghdr *msg, uint32_t *tag)
{
	const char *attrs = (const char *)msg + NLMSG_HDRLEN + sizeof(struct inet_diag_msg);
	const size_t len = msg->nlmsg_len - NLMSG_HDRLEN - sizeof(struct inet_diag_msg);
	const struct nlattr *a = nl_attr_find(attrs, len, INET_DIAG_PROTOCOL, NULL);

	if (!a || nl_attr_len(a) < 1)
		return false;
	*tag = *(const unsigned char *)nl_attr_data(a);
	return *tag == PROTO_TCP || *tag == PROTO_UDP;
}

static int ends(const struct part_set *parts, struct end_plan *out, struct nl_error *err)
{
	*out = (struct end_plan){ .bus = NETLINK_SOCK_DIAG,
				  .what = "sockets that end",
				  .shape = &shape_inet,
				  .type = SOCK_DIAG_BY_FAMILY,
				  .tag = end_tag };
	for (size_t i = 0; i < sizeof(end_groups) / sizeof(end_groups[0]); i++) {
		uint32_t states = states_of(parts, end_groups[i].table);

		if (end_groups[i].state ? states >> end_groups[i].state & 1 : states != 0)
			out->groups[out->n++] = end_groups[i].group;
	}
	if (out->n > 0)
		return 0;
	return nl_fail(err, EINVAL,
		       "the kernel tells only of tcp and udp sockets that they end, and that a tcp "
		       "socket is in state close then: the conditions leave none of them");
}

static int end(const struct row *row, struct nl_error *err)
{
	const struct sock_kind *k = socket_kind(row);

	if (k->end)
		return k->end(row, err);
	return nl_fail(err, EOPNOTSUPP, "the kernel closes no %s", k->shape->name);
}

const struct source source_sockets = {
	.name = "sockets",
	.row_name = "socket",
	.doc = "Sockets by sock_diag(7), or /proc where that is lacking: tcp and udp over IPv4 and "
	       "IPv6; by name udplite, raw, mptcp, sctp, dccp, unix, packet, netlink, vsock, xdp "
	       "and "
	       "tipc.",
	.fields = socket_fields,
	.nparts = NTABLES * NSTATES,
	.shape = &shape_inet,
	.part_value = part_value,
	.part_asked = part_asked,
	.part_named = part_named,
	.dump = dump,
	.input = sockets_input,
	.key = key,
	.proc_tells = proc_sockets_tell,
	.refetch = refetch,
	.inode = socket_inode,
	.peer = socket_peer,
	.ends = ends,
	.end = end,
};
