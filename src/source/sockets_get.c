/*
 * Owns the values of `sockets` that a plain copy out of the message does not
 * give: what is absent in which state, names, nested attributes.
 */
#include "sockets.h"

#include <arpa/inet.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const struct inet_diag_msg *diag(const struct row *row)
{
	return row_header(row);
}

bool get_proto(const struct row *row, const struct field *f, struct value *v)
{
	(void)f;
	return set_int(v, row->tag);
}

/* Of inet a protocol has two families; of others it is the family's own. */
bool get_family(const struct row *row, const struct field *f, struct value *v)
{
	(void)f;
	if (row->shape == &shape_inet)
		return set_int(v, diag(row)->idiag_family);
	return set_int(v, row->tag & 0xff);
}

bool get_state(const struct row *row, const struct field *f, struct value *v)
{
	const struct sock_kind *k = socket_kind(row);
	unsigned state = k->state ? k->state(row) : STATE_CLOSE;

	(void)f;
	return state && set_int(v, state);
}

bool get_addr(const struct row *row, const struct field *f, struct value *v)
{
	const unsigned char *p = (const unsigned char *)row_header(row) + f->offset;

	memset(v, 0, sizeof(*v));
	v->kind = VALUE_ADDR;
	v->addr.family = diag(row)->idiag_family;
	memcpy(v->addr.bytes, p, v->addr.family == AF_INET ? 4 : 16);
	return v->addr.family == AF_INET || v->addr.family == AF_INET6;
}

/* The listeners are those of now: one that is gone made connections that are not inbound. */
bool get_inbound(const struct row *row, const struct field *f, struct value *v)
{
	const struct inet_diag_msg *m = diag(row);
	int listens;

	(void)f;
	if (row->tag != IPPROTO_TCP || m->idiag_state == STATE_LISTEN || m->id.idiag_dport == 0)
		return false;
	listens = env_listens(row->env, ntohs(m->id.idiag_sport));
	v->kind = VALUE_BOOL;
	v->flag = listens > 0;
	return listens >= 0;
}

/* Of raw sockets the protocol stands in place of the port; none is in any range. */
bool get_autobound(const struct row *row, const struct field *f, struct value *v)
{
	uint16_t port = ntohs(diag(row)->id.idiag_sport), lo, hi;

	(void)f;
	return env_local_ports(row->env, &lo, &hi) && set_bool(v, port >= lo && port <= hi);
}

/*
 * The kernel writes uid 0 for what is no full socket: time-wait ones (their
 * timer is 3, also in FIN-WAIT-2) and requests half open. That is nobody's. Nor does it tell whose
 * one was that has ended.
 */
static bool full_socket(const struct row *row)
{
	const struct inet_diag_msg *m = diag(row);

	if (row->tag == PROTO_SCTP || m->idiag_uid != 0)
		return true;
	if (has_ended(row))
		return false;
	if (m->idiag_timer == 3 || m->idiag_state == STATE_TIME_WAIT ||
	    m->idiag_state == STATE_NEW_SYN_RECV)
		return false;
	return m->idiag_state != STATE_SYN_RECV || m->idiag_inode != 0;
}

bool get_uid(const struct row *row, const struct field *f, struct value *v)
{
	return (row->shape != &shape_inet || full_socket(row) || env_verbatim(row->env)) &&
	       field_load(f, row, v);
}

/* A uid without an entry in passwd has no name. */
bool get_user(const struct row *row, const struct field *f, struct value *v)
{
	return (row->shape != &shape_inet || full_socket(row)) && get_user_name(row, f, v);
}

/* Of a listener the two queues are connections: those that wait, and how many may. */
bool is_listener(const struct row *row, const struct field *f)
{
	const struct sock_kind *k = socket_kind(row);

	(void)f;
	return k->state && k->state(row) == STATE_LISTEN;
}

bool tells_backlog(const struct row *row, const struct field *f)
{
	return is_listener(row, f) && tells_sendq(row, f);
}

/* The declaration has the places of the backlog. */
bool get_backlog_used(const struct row *row, const struct field *f, struct value *v)
{
	static const struct field waiting = { .type = FT_INT, .places = queue_places };
	struct field most = { .type = FT_INT, .places = f->places };
	struct value waits, backlog;

	if (!field_load(&most, row, &backlog) || backlog.num == 0 ||
	    !field_load(&waiting, row, &waits))
		return false;
	v->kind = VALUE_FLOAT;
	v->real = (double)waits.num / (double)backlog.num;
	return true;
}

/*
 * What a timer that does not run would say is nothing. Of a half-open connection /proc counts the
 * timeouts, of which not each is a retransmission.
 */
bool get_timer_value(const struct row *row, const struct field *f, struct value *v)
{
	if (env_verbatim(row->env))
		return field_load(f, row, v);
	if (f->offset == offsetof(struct inet_diag_msg, idiag_retrans) &&
	    diag(row)->idiag_state == STATE_SYN_RECV && row->tag != PROTO_SCTP && from_proc(row))
		return false;
	return diag(row)->idiag_timer != 0 && field_load(f, row, v);
}

bool get_cgroup(const struct row *row, const struct field *f, struct value *v)
{
	const void *p = row_attr((struct row *)row, f->attr, sizeof(uint64_t));
	const char *path;
	uint64_t id;

	if (!p)
		return false;
	memcpy(&id, p, sizeof(id));
	path = id ? env_cgroup(row->env, id) : NULL;
	return path && set_text(v, path, strlen(path));
}

/* Id 0 is none. */
bool get_cgroup_id(const struct row *row, const struct field *f, struct value *v)
{
	return field_load(f, row, v) && (v->num != 0 || env_verbatim(row->env));
}

/* A text attribute ends at its first NUL, which a kernel may leave out. */
static bool attr_text(const struct nlattr *a, struct value *v)
{
	size_t len;

	if (!a)
		return false;
	len = strnlen(nl_attr_data(a), nl_attr_len(a));
	return len && set_text(v, nl_attr_data(a), len);
}

bool get_text(const struct row *row, const struct field *f, struct value *v)
{
	return attr_text(row_nlattr((struct row *)row, f->attr), v);
}

/* What stands for none is a number like others where a text is shown as it is. */
static bool load_told(const struct field *f, const struct row *row, struct value *v)
{
	struct field plain = *f;

	if (!f->has_none || !env_verbatim(row->env) || !from_proc(row))
		return field_load(f, row, v);
	plain.has_none = false;
	return field_load(&plain, row, v);
}

/* For a listener the kernel fills a few members with other facts (see accept_queue); /proc does
 * not. */
bool get_tcp_info(const struct row *row, const struct field *f, struct value *v)
{
	bool told = row->tag == IPPROTO_TCP &&
		    (diag(row)->idiag_state != STATE_LISTEN || from_proc(row));

	if (!told && env_verbatim(row->env))
		told = row->tag == IPPROTO_TCP || row->tag == IPPROTO_DCCP;
	return told && load_told(f, row, v);
}

/* struct tcp_diag_md5sig, <linux/tcp.h> */
struct md5sig {
	uint8_t family, prefixlen;
	uint16_t keylen;
	uint32_t addr[4];
	uint8_t key[80];
};
#define MD5SIG_SIZE sizeof(struct md5sig)

bool get_md5_keys(const struct row *row, const struct field *f, struct value *v)
{
	const struct nlattr *a = row_nlattr((struct row *)row, f->attr);

	return a && set_int(v, (int64_t)(nl_attr_len(a) / MD5SIG_SIZE));
}

/* Whom a key is for, kept by the env; false: of no family that is known. */
static bool md5_peer(const struct row *row, const struct md5sig *key, struct value *v)
{
	char addr[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 5];
	const char *kept;

	if ((key->family != AF_INET && key->family != AF_INET6) ||
	    !inet_ntop(key->family, key->addr, addr, sizeof(addr)))
		return false;
	snprintf(text, sizeof(text), "%s/%u", addr, key->prefixlen);
	kept = env_text(row->env, text, strlen(text));
	return kept && set_text(v, kept, strlen(kept));
}

/* The kind says of which half: the peers, or the keys, which point into the row. */
bool get_md5_list(const struct row *row, const struct field *f, struct value *v)
{
	const struct nlattr *a = row_nlattr((struct row *)row, f->attr);
	size_t n = a ? nl_attr_len(a) / MD5SIG_SIZE : 0, found = 0;
	struct value *list = n ? env_list(row->env, n) : NULL;

	if (!list)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *at = (const char *)nl_attr_data(a) + i * MD5SIG_SIZE;
		struct md5sig key;

		memcpy(&key, at, sizeof(key));
		if (f->kind[0] == 'p') {
			found += md5_peer(row, &key, &list[found]);
		} else {
			size_t len = key.keylen < sizeof(key.key) ? key.keylen : sizeof(key.key);

			found += set_text(&list[found], at + offsetof(struct md5sig, key), len);
		}
	}
	v->kind = VALUE_LIST;
	v->list.items = list;
	v->list.n = found;
	return found > 0;
}

/* The attribute within INET_DIAG_ULP_INFO, or within its part nest if that is not 0. */
static const struct nlattr *ulp_attr(const struct row *row, unsigned nest, unsigned type)
{
	const struct nlattr *tb[INET_ULP_INFO_MAX + 1], *in[TLS_INFO_MAX + 1];
	const struct nlattr *a = row_nlattr((struct row *)row, INET_DIAG_ULP_INFO);

	if (!a)
		return NULL;
	nl_attrs(nl_attr_data(a), nl_attr_len(a), tb, INET_ULP_INFO_MAX);
	if (nest == 0)
		return tb[type];
	if (!tb[nest])
		return NULL;
	nl_attrs(nl_attr_data(tb[nest]), nl_attr_len(tb[nest]), in, TLS_INFO_MAX);
	return in[type];
}

bool get_ulp(const struct row *row, const struct field *f, struct value *v)
{
	return attr_text(ulp_attr(row, 0, f->offset), v);
}

bool get_tls(const struct row *row, const struct field *f, struct value *v)
{
	const struct nlattr *a = ulp_attr(row, INET_ULP_INFO_TLS, f->offset);
	uint16_t n;

	if (f->type == FT_BOOL) /* an attribute without a value, or none */
		return ulp_attr(row, 0, INET_ULP_INFO_TLS) && set_bool(v, a != NULL);
	if (!a || nl_attr_len(a) < sizeof(n))
		return false;
	memcpy(&n, nl_attr_data(a), sizeof(n));
	return set_int(v, n);
}

/*
 * Protocols of several families have the same numbers, and each family names its own.
 * A packet socket of protocol 0 receives nothing.
 */
bool get_protocol(const struct row *row, const struct field *f, struct value *v)
{
	const char *name;
	int64_t n;

	if (!socket_kind(row)->protocols || !field_number(f, row, &n) ||
	    (n == 0 && row->shape == &shape_packet))
		return false;
	name = enum_text(socket_kind(row)->protocols, n);
	if (!name)
		return more_protocols(row, f, n > UINT8_MAX ? 2 : 1, v);
	return set_text(v, name, strlen(name));
}

bool get_protocol_number(const struct row *row, const struct field *f, struct value *v)
{
	return socket_kind(row)->protocols && field_load(f, row, v);
}

bool more_protocols(const struct row *row, const struct field *f, size_t i, struct value *v)
{
	const char *kept;
	char text[24];
	int64_t n;

	if (i > 2 || !socket_kind(row)->protocols || !field_number(f, row, &n))
		return false;
	snprintf(text, sizeof(text), i == 1 ? "%llu" : "0x%04llx", (unsigned long long)n);
	kept = env_text(row->env, text, strlen(text));
	return kept && set_text(v, kept, strlen(kept));
}

/* The kinds' bits overlap: those of netlink stand above those of packet in the names. */
bool get_flags(const struct row *row, const struct field *f, struct value *v)
{
	struct value *list;
	int64_t bits;
	size_t n = 0;

	if (!field_number(f, row, &bits))
		return false;
	if (row->shape == &shape_netlink)
		bits <<= NETLINK_FLAG_SHIFT;
	list = env_list(row->env, 64);
	if (!list)
		return false;
	for (const struct enum_name *e = sock_flag_names; e->name; e++)
		if (bits & e->value)
			set_int(&list[n++], e->value);
	v->kind = VALUE_LIST;
	v->list.items = list;
	v->list.n = n;
	return n > 0;
}
