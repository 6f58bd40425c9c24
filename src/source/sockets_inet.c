/*
 * Owns the inet sockets of `sockets`: how inet_diag is asked (<linux/inet_diag.h>,
 * struct inet_diag_req_v2 behind SOCK_DIAG_BY_FAMILY), for a list, for one socket,
 * and for its end.
 *
 * Each of two dumps of tcp walks the one hash table that IPv4 and IPv6 share.
 * The older request, struct inet_diag_req behind TCPDIAG_GETSOCK, knows no
 * family and lists both in one walk (inet_diag_dump_compat, net/ipv4/inet_diag.c).
 */
#include "sockets.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct shape shape_inet = {
	.name = "inet sockets",
	.type = SOCK_DIAG_BY_FAMILY,
	.header = sizeof(struct inet_diag_msg),
	.max_attr = PROC_ATTR_MAX,
};

_Static_assert(INET_DIAG_MAX < PROC_REFS && PROC_ATTR_MAX < ROW_ATTRS, "attributes of ours");

/* "states established, listen; with tcp_info" */
static void describe(uint32_t states, uint32_t needs, char *note, size_t size)
{
	static const char *const extensions[8] = {
		"meminfo", "tcp_info", "congestion facts", "congestion control",
		"tos",	   "tclass",   "memory",	   "shutdown",
	};

	note_states(states, note, size);
	for (size_t i = 0, n = 0; i < 8; i++)
		if (needs >> i & 1)
			note_append(note, size, extensions[i], n++ ? ", " : "; with ");
}

/*
 * A program would take the protocol of a raw socket for its port, and sctp runs none. What is
 * left out is tested here.
 */
static bool takes_programs(uint32_t proto)
{
	return proto != PROTO_RAW && proto != PROTO_SCTP;
}

/* What all dumps have in common; the request's header is in buf already. */
static void finish_plan(const struct scan_request *req, uint32_t states, struct dump_plan *out)
{
	if (req->prog && req->prog->len && takes_programs(out->tag))
		out->filtered =
			nl_attr_put(out->buf, &out->len, sizeof(out->buf), INET_DIAG_REQ_BYTECODE,
				    req->prog->code, req->prog->len);
	describe(states, req->needs, out->note, sizeof(out->note));
	if (out->filtered)
		note_append(out->note, sizeof(out->note), "a program", "; filtered by ");
	out->request.bus = NETLINK_SOCK_DIAG;
}

/*
 * What does not fit the byte goes into an attribute (Linux 5.10). A kernel that does not know that
 * reads the byte alone, so it must not be cut: 262 is 6 then, tcp.
 */
static uint8_t proto_byte(uint32_t proto)
{
	return proto > UINT8_MAX ? IPPROTO_IP : (uint8_t)proto;
}

static void inet_lay_out(const struct sock_table *t, uint32_t states,
			 const struct scan_request *req, struct dump_plan *out)
{
	struct inet_diag_req_v2 r = {
		.sdiag_family = t->family,
		.sdiag_protocol = proto_byte(t->proto),
		.idiag_ext = (uint8_t)req->needs,
		.idiag_states = states,
	};
	uint32_t proto = t->proto;

	memcpy(out->buf, &r, sizeof(r));
	out->len = sizeof(r);
	if (proto > UINT8_MAX)
		nl_attr_put(out->buf, &out->len, sizeof(out->buf), INET_DIAG_REQ_PROTOCOL, &proto,
			    sizeof(proto));
	out->tag = t->proto;
	/* of sctp and dccp there is none that tells as much */
	if (t->proto != PROTO_SCTP && t->proto != PROTO_DCCP) {
		out->read = proc_sockets_open;
		out->otherwise = true;
		/* as ss does it */
		out->instead =
			env_verbatim(req->env) && (t->proto == PROTO_TCP || t->proto == PROTO_UDP);
	}
	out->request = (struct nl_request){
		.type = SOCK_DIAG_BY_FAMILY,
		.key = (uint32_t)t->family << 16 | t->proto,
		.what = t->what,
	};
	finish_plan(req, states, out);
}

void inet_lay_out_merged(uint32_t states, const struct scan_request *req, struct dump_plan *out)
{
	struct inet_diag_req r = {
		.idiag_family = AF_UNSPEC,
		.idiag_ext = (uint8_t)req->needs,
		.idiag_states = states,
	};

	memcpy(out->buf, &r, sizeof(r));
	out->len = sizeof(r);
	out->tag = IPPROTO_TCP;
	out->reply = TCPDIAG_GETSOCK;
	out->merged = true;
	out->request = (struct nl_request){
		.type = TCPDIAG_GETSOCK,
		.key = IPPROTO_TCP,
		.what = "tcp sockets (IPv4 and IPv6)",
	};
	finish_plan(req, states, out);
}

/* FNV-1a. */
static uint64_t hash_more(uint64_t hash, const void *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ ((const unsigned char *)data)[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/*
 * What else tells a socket from all others: its inode, which subflows of one mptcp socket share
 * and time-wait has lost, its ends, and where it is. Never as small as a cookie.
 */
static uint64_t hash_key(const struct row *row, uint64_t cookie)
{
	const struct inet_diag_msg *m = row_header(row);
	const char *place = row->env ? env_netns_name(row->env) : NULL;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	hash = hash_more(hash, &cookie, sizeof(cookie));
	hash = hash_more(hash, &row->tag, sizeof(row->tag));
	hash = hash_more(hash, &m->idiag_family, sizeof(m->idiag_family));
	hash = hash_more(hash, &m->idiag_inode, sizeof(m->idiag_inode));
	hash = hash_more(hash, &m->id, offsetof(struct inet_diag_sockid, idiag_if));
	if (place)
		hash = hash_more(hash, place, strlen(place));
	return hash | UINT64_C(1) << 63;
}

/*
 * The kernel's cookie, unique among sockets of all protocols and namespaces; an sctp socket and
 * its associations share one, and rows of /proc have none.
 */
static uint64_t inet_key(const struct row *row)
{
	const struct inet_diag_msg *m = row_header(row);
	uint64_t cookie;

	memcpy(&cookie, m->id.idiag_cookie, sizeof(cookie));
	if (cookie && !(row->tag == PROTO_SCTP && sctp_is_assoc(row)))
		return cookie;
	return hash_key(row, cookie);
}

static bool same_socket(const struct row *row, const struct nlmsghdr *reply, size_t len)
{
	struct row got = { .source = row->source,
			   .env = row->env,
			   .msg = reply,
			   .shape = row->shape,
			   .tag = row->tag };

	return len >= NLMSG_HDRLEN + sizeof(struct inet_diag_msg) &&
	       reply->nlmsg_type == SOCK_DIAG_BY_FAMILY && inet_key(&got) == inet_key(row);
}

static bool is_udp(const struct row *row)
{
	return row->tag == PROTO_UDP || row->tag == PROTO_UDPLITE;
}

/*
 * The identity as a request for one socket has it. For udp the kernel takes the
 * ends the other way round (udp_dump_one, net/ipv4/udp_diag.c).
 */
static struct inet_diag_sockid identity(const struct row *row)
{
	const struct inet_diag_msg *m = row_header(row);
	struct inet_diag_sockid id = m->id;

	if (is_udp(row)) {
		id.idiag_sport = m->id.idiag_dport;
		id.idiag_dport = m->id.idiag_sport;
		memcpy(id.idiag_src, m->id.idiag_dst, sizeof(id.idiag_src));
		memcpy(id.idiag_dst, m->id.idiag_src, sizeof(id.idiag_dst));
	}
	return id;
}

/* One socket by its identity; the cookie makes sure that it is the same one. */
static ptrdiff_t get_one(const struct row *row, uint32_t needs, void *buf, size_t size,
			 struct nl_error *err)
{
	const struct inet_diag_msg *m = row_header(row);
	struct inet_diag_req_v2 r = {
		.sdiag_family = m->idiag_family,
		.sdiag_protocol = (uint8_t)row->tag,
		.idiag_ext = (uint8_t)needs,
		.idiag_states = UINT32_MAX,
		.id = identity(row),
	};
	struct nl_request req = {
		.bus = NETLINK_SOCK_DIAG,
		.type = SOCK_DIAG_BY_FAMILY,
		.payload = &r,
		.len = sizeof(r),
		.what = "one socket",
	};
	ptrdiff_t n = nl_get(&req, env_netns_fd(row->env), buf, size, err);

	if (n < 0)
		return err->code == ENOENT || err->code == ESTALE ? 0 : -1;
	return n > 0 && same_socket(row, buf, (size_t)n) ? n : 0;
}

/*
 * Sockets may share an identity (SO_REUSEPORT), and a request for one finds any
 * of them. Then those of its port are listed. Only for listeners and protocols
 * whose tables are small: the kernel walks all of a table for a dump.
 */
static ptrdiff_t find_one(const struct row *row, uint32_t needs, void *buf, size_t size,
			  struct nl_error *err)
{
	const struct inet_diag_msg *m = row_header(row);
	struct scan_request req = { .env = row->env, .needs = needs };
	struct kprog prog = { .len = 0 };
	uint16_t port = ntohs(m->id.idiag_sport);
	ptrdiff_t found = 0;
	struct scan *sc;
	struct row other;
	int rc = 1;

	if (m->idiag_state != STATE_LISTEN && (row->tag == PROTO_TCP || row->tag == PROTO_DCCP))
		return 0;
	req.parts = sockets_parts(row->tag, m->idiag_family, m->idiag_state);
	if (kprog_port(&prog, true, port, port))
		req.prog = &prog;
	sc = scan_open(row->source, &req);
	if (!sc)
		return nl_fail(err, ENOMEM, "out of memory");
	while (found == 0 && (rc = scan_next(sc, &other, err)) > 0) {
		size_t len = other.msg->nlmsg_len;

		if (len <= size && same_socket(row, other.msg, len)) {
			memcpy(buf, other.msg, len);
			found = (ptrdiff_t)len;
		}
	}
	scan_close(sc);
	return rc < 0 ? -1 : found;
}

/* /proc has no more to say, and reading all of it again for one row would not be worth it. */
static ptrdiff_t as_it_was(const struct row *row, void *buf, size_t size)
{
	size_t len = row->msg->nlmsg_len;

	if (len > size)
		return 0;
	memcpy(buf, row->msg, len);
	return (ptrdiff_t)len;
}

/* A raw socket is found by its addresses alone, an mptcp one by a token, an association not. */
static bool asked_by_identity(const struct row *row)
{
	return row->tag != PROTO_RAW && row->tag != PROTO_MPTCP && row->tag != PROTO_SCTP;
}

static ptrdiff_t inet_refetch(const struct row *row, uint32_t needs, void *buf, size_t size,
			      struct nl_error *err)
{
	ptrdiff_t n;

	if (from_proc(row))
		return as_it_was(row, buf, size);
	n = asked_by_identity(row) ? get_one(row, needs, buf, size, err) : 0;
	return n || nl_replay_loaded() ? n : find_one(row, needs, buf, size, err);
}

/* No process can have an inode of 0: these have lost theirs, or never had one. */
static uint32_t inet_inode(const struct row *row, enum owner_status *why)
{
	const struct inet_diag_msg *m = row_header(row);
	unsigned state = inet_state(row);

	if (m->idiag_inode)
		return m->idiag_inode;
	if (has_ended(row))
		*why = OWNER_CLOSED;
	else if (state == STATE_TIME_WAIT || (m->idiag_timer == 3 && row->tag != PROTO_SCTP))
		*why = OWNER_TIME_WAIT;
	else if (state == STATE_ESTABLISHED || state == STATE_CLOSE_WAIT || state == STATE_SYN_RECV)
		*why = OWNER_NOT_ACCEPTED;
	else
		*why = OWNER_CLOSED;
	return 0;
}

/* SOCK_DESTROY, <linux/sock_diag.h>, of the socket with this cookie if it is that of r->id. */
static int destroy(const struct row *row, struct inet_diag_req_v2 *r, struct nl_error *err)
{
	_Alignas(8) unsigned char buf[64];
	struct nl_request req = {
		.bus = NETLINK_SOCK_DIAG,
		.type = SOCK_DESTROY,
		.flags = NLM_F_ACK,
		.payload = r,
		.len = sizeof(*r),
		.what = "the end of a socket",
	};

	if (nl_get(&req, env_netns_fd(row->env), buf, sizeof(buf), err) >= 0)
		return 0;
	if (err->code == EPERM)
		return nl_fail(err, EPERM, "closing sockets takes CAP_NET_ADMIN");
	return -1;
}

#define PEERS 8192 /* that are tried for one socket */

/*
 * Sockets without a peer may share an identity (SO_REUSEPORT). Which of them the
 * kernel finds depends on the peer that asks, so peers are made up until it is
 * this one; the cookie keeps the others from harm.
 */
static int destroy_shared(const struct row *row, struct inet_diag_req_v2 *r, struct nl_error *err)
{
	_Alignas(8) unsigned char buf[4096];

	for (unsigned peer = 1; peer <= PEERS; peer++) {
		ptrdiff_t there = 1;

		/* gone by itself, as most are; or gone since the last look */
		if (peer % 64 == 1)
			there = find_one(row, 0, buf, sizeof(buf), err);
		if (there <= 0)
			return there < 0 ? -1 : nl_fail(err, ENOENT, "it has ended");
		r->id.idiag_dport = htons((uint16_t)peer);
		if (destroy(row, r, err) == 0)
			return 0;
		if (err->code != ENOENT)
			return -1;
	}
	return nl_fail(err, EOPNOTSUPP,
		       "it shares its address with others, and the kernel finds only those");
}

/*
 * The cookie makes sure that it is this very socket and none that took its
 * ports. Here also udp has its ends the right way. What becomes of a udp socket is
 * udp_abort(): it loses its peer, its program gets ECONNABORTED, and if it was
 * bound it stays so.
 */
static int inet_end(const struct row *row, struct nl_error *err)
{
	const struct inet_diag_msg *m = row_header(row);
	struct inet_diag_req_v2 r = {
		.sdiag_family = m->idiag_family,
		.sdiag_protocol = (uint8_t)row->tag,
		.idiag_states = UINT32_MAX,
		.id = m->id,
	};

	if (nl_replay_loaded())
		return nl_fail(err, EINVAL, "sockets of a recording cannot be closed");
	if (from_proc(row))
		return nl_fail(err, EOPNOTSUPP,
			       "the kernel closes sockets by sock_diag, which it refuses here");
	/* raw_diag_destroy() takes the first that has these addresses, whatever its cookie */
	if (row->tag == PROTO_RAW)
		return nl_fail(err, EOPNOTSUPP,
			       "the kernel cannot tell raw sockets apart: another could be closed");
	if (row->tag == PROTO_MPTCP || row->tag == PROTO_SCTP)
		return nl_fail(err, EOPNOTSUPP, "the kernel closes no sockets of %s",
			       enum_text(proto_names, row->tag));
	if (destroy(row, &r, err) == 0)
		return 0;
	if (err->code == ENOENT && m->id.idiag_dport == 0)
		return destroy_shared(row, &r, err);
	return -1;
}

/* Name dumps in a recording that are no list of all sockets, or not of all facts. */
#define KEY_LISTENERS UINT32_C(0x80000000)
#define KEY_ASIDE     UINT32_C(0x40000000)

void inet_aside(struct dump_plan *plan)
{
	if (nl_recording())
		plan->request.key |= KEY_ASIDE;
}

static void note_listener(const struct nlmsghdr *msg, uint64_t ports[1024])
{
	const struct inet_diag_msg *m = NLMSG_DATA(msg);
	uint16_t port;

	/* a recording may hold more than was asked for */
	if (msg->nlmsg_type != SOCK_DIAG_BY_FAMILY || msg->nlmsg_len < NLMSG_HDRLEN + sizeof(*m) ||
	    m->idiag_state != STATE_LISTEN)
		return;
	port = ntohs(m->id.idiag_sport);
	ports[port / 64] |= UINT64_C(1) << (port % 64);
}

/* 1: all of them were listed; 0: the kernel does not list them; -1. */
static int dump_listeners(struct env *env, const struct dump_plan *plan, uint64_t ports[1024])
{
	struct nl_dump *list = NULL;
	const struct nlmsghdr *msg;
	struct nl_error err;
	bool any = false;
	int rc = -1;

	if (nl_dump_open(&list, &plan->request, env_netns_fd(env), &err) == 0) {
		while ((rc = nl_dump_next(list, &msg, &err)) > 0) {
			note_listener(msg, ports);
			any = true;
		}
	}
	nl_dump_close(list);
	return rc == 0 ? 1 : any || err.code == ECANCELED ? -1 : 0;
}

static bool read_listeners(const struct scan_request *req, const struct dump_plan *plan,
			   uint64_t ports[1024])
{
	const struct nlmsghdr *msg;
	struct nl_error err;
	struct reader *r = proc_sockets_open(req, plan, &err);
	int rc;

	if (!r)
		return err.code == EPROTONOSUPPORT;
	while ((rc = r->ops->next(r, &msg, &err)) > 0)
		note_listener(msg, ports);
	r->ops->close(r);
	return rc == 0;
}

static bool list_listeners(struct env *env, const struct sock_table *t, uint64_t ports[1024])
{
	struct scan_request req = { .env = env };
	struct dump_plan *plan = calloc(1, sizeof(*plan));
	int rc;

	if (!plan)
		return false;
	inet_lay_out(t, 1u << STATE_LISTEN, &req, plan);
	plan->request.key |= KEY_LISTENERS;
	plan->request.payload = plan->buf;
	plan->request.len = plan->len;
	req.parts = sockets_parts(t->proto, t->family, STATE_LISTEN);
	rc = dump_listeners(env, plan, ports);
	if (rc == 0)
		rc = read_listeners(&req, plan, ports) ? 1 : -1;
	free(plan);
	return rc > 0;
}

bool sockets_listening(struct env *env, uint64_t ports[1024])
{
	return list_listeners(env, &socket_tables[TCP4], ports) &&
	       list_listeners(env, &socket_tables[TCP6], ports);
}

const struct sock_kind sock_inet = {
	.shape = &shape_inet,
	.lay_out = inet_lay_out,
	.key = inet_key,
	.inode = inet_inode,
	.peer = inet_peer,
	.state = inet_state,
	.refetch = inet_refetch,
	.end = inet_end,
};

const struct sock_kind sock_raw = {
	.shape = &shape_inet,
	.lay_out = inet_lay_out,
	.key = inet_key,
	.inode = inet_inode,
	.state = inet_state,
	.protocols = ip_protocol_names,
	.refetch = inet_refetch,
	.end = inet_end,
};
