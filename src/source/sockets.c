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
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* States that a table's rows can have, as bits 1 << state. */
#define UDP_STATES  (1u << STATE_ESTABLISHED | 1u << STATE_CLOSE)
/* State 12 is the kernel's own split of 3, and 0 is none. */
#define TCP_STATES  (((1u << STATE_NEW_SYN_RECV) - 2) | 1u << STATE_BOUND_INACTIVE)
#define UNIX_STATES (1u << STATE_ESTABLISHED | 1u << STATE_CLOSE | 1u << STATE_LISTEN)

/* In the order of rows: tcp before udp, IPv4 before IPv6, then what must be named. */
const struct sock_table socket_tables[] = {
	[TCP4] = { PROTO_TCP, AF_INET, "tcp sockets (IPv4)", &sock_inet, TCP_STATES },
	[TCP6] = { PROTO_TCP, AF_INET6, "tcp sockets (IPv6)", &sock_inet, TCP_STATES },
	[UDP4] = { PROTO_UDP, AF_INET, "udp sockets (IPv4)", &sock_inet, UDP_STATES },
	[UDP6] = { PROTO_UDP, AF_INET6, "udp sockets (IPv6)", &sock_inet, UDP_STATES },
	{ PROTO_UNIX, AF_UNIX, "unix sockets", &sock_unix, UNIX_STATES },
	{ PROTO_UNIX, AF_UNIX, "unix connections that wait to be accepted", &sock_unix_waiting,
	  1u << STATE_ESTABLISHED },
};

#define NTABLES (sizeof(socket_tables) / sizeof(socket_tables[0]))
#define NSTATES 14 /* states are 1 .. 13, their bit is 1 << state */

_Static_assert(NTABLES *NSTATES <= PARTS_MAX, "a part for each table and state");

static const struct sock_table *part_table(unsigned part)
{
	return &socket_tables[part / NSTATES];
}

/* Can rows of the shape have the field? */
static bool lies_in(const struct field *f, const struct shape *shape)
{
	if (!f->places)
		return !f->shape || f->shape == shape;
	for (const struct place *p = f->places; p->shape; p++)
		if (p->shape == shape)
			return true;
	return false;
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
	else if (f->get == get_state)
		v->num = part % NSTATES;
	else if (!lies_in(f, t->kind->shape))
		v->kind = VALUE_NIL;
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

/*
 * Sockets are what people mean by connections, tcp and udp, unless a condition
 * names a protocol, another family, or a field that only others have. `!=` on a
 * protocol, or its presence, names them all.
 */
static bool names_table(const struct cond *c, const struct sock_table *t)
{
	if (c->field->get == get_proto)
		return c->op != OP_EQ || cond_asks_presence(c) || names_value(c, t->proto);
	if (c->field->get == get_family)
		return c->op == OP_EQ && t->family != AF_INET && t->family != AF_INET6 &&
		       names_value(c, t->family);
	return !lies_in(c->field, &shape_inet) && lies_in(c->field, t->kind->shape);
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

struct part_set sockets_parts(uint32_t proto, unsigned family, unsigned state)
{
	struct part_set parts = { { 0 } };

	for (unsigned t = 0; t < NTABLES; t++)
		if (socket_tables[t].proto == proto && socket_tables[t].family == family)
			part_add(&parts, t * NSTATES + state);
	return parts;
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

	for (unsigned s = 1; s < NSTATES; s++)
		if (part_has(parts, (unsigned)table * NSTATES + s))
			states |= 1u << s;
	return states;
}

/* Recordings know the dumps of a family each, so that any of them answers any question. */
static bool merges(const struct scan_request *req)
{
	return !req->ordered && !nl_replay_loaded() && !nl_recording() &&
	       states_of(&req->parts, TCP4) == states_of(&req->parts, TCP6);
}

static bool dump(const struct scan_request *req, unsigned i, struct dump_plan *out)
{
	bool merged = merges(req);

	for (size_t t = 0; t < NTABLES; t++) {
		uint32_t states = states_of(&req->parts, t);

		if (!states || (merged && t == TCP6) || i-- > 0)
			continue;
		out->tag = socket_tables[t].proto;
		out->shape = socket_tables[t].kind->shape;
		if (merged && t == TCP4)
			inet_lay_out_merged(states, req, out);
		else
			socket_tables[t].kind->lay_out(&socket_tables[t], states, req, out);
		return true;
	}
	return false;
}

/* ---- rows: who answers for one ---------------------------------------------------- */

static const struct sock_kind *kind_of(const struct row *row)
{
	for (size_t t = 0; t < NTABLES; t++)
		if (socket_tables[t].proto == row->tag)
			return socket_tables[t].kind;
	return &sock_inet;
}

static uint64_t key(const struct row *row)
{
	return kind_of(row)->key(row);
}

uint32_t socket_inode(const struct row *row, enum owner_status *why)
{
	return kind_of(row)->inode(row, why);
}

uint32_t socket_peer(const struct row *row)
{
	const struct sock_kind *k = kind_of(row);

	return k->peer ? k->peer(row) : 0;
}

static ptrdiff_t refetch(const struct row *row, uint32_t needs, void *buf, size_t size,
			 struct nl_error *err)
{
	const struct sock_kind *k = kind_of(row);

	return k->refetch ? k->refetch(row, needs, buf, size, err) : 0;
}

static int end(const struct row *row, struct nl_error *err)
{
	const struct sock_kind *k = kind_of(row);

	if (k->end)
		return k->end(row, err);
	return nl_fail(err, EOPNOTSUPP, "the kernel closes no %s", k->shape->name);
}

const struct source source_sockets = {
	.name = "sockets",
	.row_name = "socket",
	.doc = "Sockets: tcp and udp over IPv4 and IPv6, and unix ones when named, by "
	       "sock_diag(7).",
	.fields = socket_fields,
	.nparts = NTABLES * NSTATES,
	.shape = &shape_inet,
	.part_value = part_value,
	.part_asked = part_asked,
	.dump = dump,
	.key = key,
	.refetch = refetch,
	.inode = socket_inode,
	.peer = socket_peer,
	.end = end,
};
