/*
 * Owns the search for the other end of a tcp or udp connection: the socket of the
 * same namespace that has the two ends exchanged.
 *
 * The kernel finds a socket by its ends at once, in about 12 us a question; a list
 * of all takes about 1 us a socket. So the first rows are asked for one by one,
 * and when there were as many as a list of usual length is worth, all are listed.
 */
#include "nummap.h"
#include "sockets.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Questions before the list. */
#define QUESTIONS 1024

#define LOOPBACK_IFINDEX 1 /* in each namespace, <net/net_namespace.h> */

struct inet_peers {
	uint64_t seed;
	unsigned asked;
	struct nummap found; /* cookie of a row -> inode of its peer, 0: none */
	bool listed, failed;
	struct nummap all; /* hash of the ends -> inode, 0: of several sockets */
};

void inet_peers_free(struct inet_peers *p)
{
	if (!p)
		return;
	nummap_free(&p->found);
	nummap_free(&p->all);
	free(p);
}

const char *inet_peers_lack(const struct inet_peers *p)
{
	return p && p->failed ? "sockets could not be listed: the other ends are unknown" : NULL;
}

static struct inet_peers *peers_of(struct env *env)
{
	struct inet_peers **p = env_inet_peers(env);

	if (!*p) {
		*p = calloc(1, sizeof(**p));
		if (*p)
			(*p)->seed = hash_seed();
	}
	return *p;
}

/* Both ends of a socket, in one form for IPv4 and its mapped addresses. */
struct ends {
	unsigned char addr[2][16]; /* ours, theirs */
	uint16_t port[2];
	uint32_t proto;
};

static void put_addr(unsigned char out[16], unsigned family, const void *addr)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (family == AF_INET) {
		memcpy(out, mapped, 12);
		memcpy(out + 12, addr, 4);
	} else {
		memcpy(out, addr, 16);
	}
}

static struct ends ends_of(const struct inet_diag_msg *m, uint32_t proto, bool exchanged)
{
	struct ends e;

	memset(&e, 0, sizeof(e));
	put_addr(e.addr[exchanged], m->idiag_family, m->id.idiag_src);
	put_addr(e.addr[!exchanged], m->idiag_family, m->id.idiag_dst);
	e.port[exchanged] = m->id.idiag_sport;
	e.port[!exchanged] = m->id.idiag_dport;
	e.proto = proto;
	return e;
}

/* ---- one question -------------------------------------------------------------------- */

/*
 * The exchanged identity, as a request for one has it: of udp the other way round
 * once more (udp_dump_one, net/ipv4/udp_diag.c). What comes over loopback comes from
 * its device, to which the other one may be bound.
 */
static struct inet_diag_sockid exchanged(const struct inet_diag_msg *m, uint32_t proto)
{
	struct inet_diag_sockid id = m->id;

	if (proto != PROTO_UDP) {
		id.idiag_sport = m->id.idiag_dport;
		id.idiag_dport = m->id.idiag_sport;
		memcpy(id.idiag_src, m->id.idiag_dst, sizeof(id.idiag_src));
		memcpy(id.idiag_dst, m->id.idiag_src, sizeof(id.idiag_dst));
	}
	if (id.idiag_if == 0)
		id.idiag_if = LOOPBACK_IFINDEX;
	id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return id;
}

/* False: it could not be asked. */
static bool ask(const struct row *row, uint32_t *inode)
{
	_Alignas(8) unsigned char buf[4096];
	const struct inet_diag_msg *m = row_header(row), *got;
	struct inet_diag_req_v2 r = {
		.sdiag_family = m->idiag_family,
		.sdiag_protocol = (uint8_t)row->tag,
		.idiag_states = UINT32_MAX,
		.id = exchanged(m, row->tag),
	};
	struct nl_request req = {
		.bus = NETLINK_SOCK_DIAG,
		.type = SOCK_DIAG_BY_FAMILY,
		.payload = &r,
		.len = sizeof(r),
		.what = "the other end of a socket",
	};
	struct ends want = ends_of(m, row->tag, true), is;
	struct nl_error err;
	ptrdiff_t n = nl_get(&req, env_netns_fd(row->env), buf, sizeof(buf), &err);

	*inode = 0;
	if (n < 0)
		return err.code == ENOENT;
	if ((size_t)n < NLMSG_HDRLEN + sizeof(*got))
		return true;
	/* the kernel answers with a listener too, or one that has no peer */
	got = NLMSG_DATA((struct nlmsghdr *)buf);
	is = ends_of(got, row->tag, false);
	if (memcmp(&is, &want, sizeof(is)) == 0)
		*inode = got->idiag_inode;
	return true;
}

/* ---- all at once ---------------------------------------------------------------------- */

/* Sockets of several devices (VRFs) can have the same ends: then none of them is meant. */
static bool add(struct inet_peers *p, const struct inet_diag_msg *m, uint32_t proto)
{
	struct ends e;
	uint64_t *slot;
	bool fresh;

	if (m->idiag_inode == 0 || m->id.idiag_dport == 0)
		return true;
	e = ends_of(m, proto, false);
	slot = nummap_add(&p->all, hash_bytes(p->seed, &e, sizeof(e)), &fresh);
	if (!slot)
		return false;
	if (fresh)
		*slot = m->idiag_inode;
	else if (*slot != m->idiag_inode)
		*slot = 0;
	return true;
}

/* Those that have a peer and a holder. */
static uint32_t states_of(const struct sock_table *t)
{
	return t->states & ~(1u << STATE_LISTEN | 1u << STATE_TIME_WAIT | 1u << STATE_NEW_SYN_RECV |
			     1u << STATE_BOUND_INACTIVE);
}

/* The same from /proc, where the kernel refuses the list. */
static int read_part(struct inet_peers *p, struct env *env, const struct sock_table *t,
		     const struct dump_plan *plan)
{
	struct scan_request req = { .env = env };
	const struct nlmsghdr *msg;
	struct nl_error err;
	struct reader *r;
	int rc;

	for (unsigned s = 1; s <= STATE_BOUND_INACTIVE; s++) {
		struct part_set one = sockets_parts(t->proto, t->family, s);

		for (size_t i = 0; states_of(t) >> s & 1 && i < PARTS_MAX / 64; i++)
			req.parts.bits[i] |= one.bits[i];
	}
	r = proc_sockets_open(&req, plan, &err);
	if (!r)
		return err.code == EPROTONOSUPPORT ? 0 : -1;
	while ((rc = r->ops->next(r, &msg, &err)) > 0) {
		if (!add(p, NLMSG_DATA(msg), t->proto)) {
			rc = -1;
			break;
		}
	}
	r->ops->close(r);
	return rc;
}

static int list_part(struct inet_peers *p, struct env *env, const struct sock_table *t)
{
	struct scan_request req = { .env = env };
	struct dump_plan *plan = calloc(1, sizeof(*plan));
	struct nl_dump *dump = NULL;
	const struct nlmsghdr *msg;
	struct nl_error err;
	bool any = false;
	int rc = -1;

	if (!plan)
		return -1;
	t->kind->lay_out(t, states_of(t), &req, plan);
	inet_aside(plan);
	plan->request.payload = plan->buf;
	plan->request.len = plan->len;
	if (nl_dump_open(&dump, &plan->request, env_netns_fd(env), &err) == 0) {
		while ((rc = nl_dump_next(dump, &msg, &err)) > 0) {
			if (msg->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
			    msg->nlmsg_len < NLMSG_HDRLEN + sizeof(struct inet_diag_msg))
				continue;
			any = true;
			if (!add(p, NLMSG_DATA(msg), t->proto)) {
				rc = -1;
				break;
			}
		}
	}
	nl_dump_close(dump);
	if (rc < 0 && !any && scan_refused(&err))
		rc = read_part(p, env, t, plan);
	free(plan);
	return rc;
}

static void list(struct inet_peers *p, struct env *env)
{
	p->listed = true;
	for (int t = TCP4; t <= UDP6; t++)
		p->failed |= list_part(p, env, &socket_tables[t]) < 0;
}

static uint32_t look_up(struct inet_peers *p, const struct row *row)
{
	struct ends e = ends_of(row_header(row), row->tag, true);
	const uint64_t *slot = nummap_find(&p->all, hash_bytes(p->seed, &e, sizeof(e)));

	return slot ? (uint32_t)*slot : 0;
}

uint32_t inet_peer(const struct row *row)
{
	const struct inet_diag_msg *m = row_header(row);
	struct inet_peers *p;
	uint32_t inode;
	uint64_t *slot, key;
	bool fresh;

	if (row->shape != &shape_inet || (row->tag != PROTO_TCP && row->tag != PROTO_UDP) ||
	    m->id.idiag_dport == 0)
		return 0;
	p = peers_of(row->env);
	if (!p)
		return 0;
	key = row->source->key(row);
	/* a recording has lists only, and of /proc nobody can be asked for a single one */
	if (!p->listed && (from_proc(row) || p->asked >= QUESTIONS || nl_replay_loaded()))
		list(p, row->env);
	if (p->listed)
		return look_up(p, row);
	slot = nummap_add(&p->found, key, &fresh);
	if (!slot)
		return 0;
	if (fresh) {
		p->asked++;
		p->failed |= !ask(row, &inode);
		*slot = inode;
	}
	return (uint32_t)*slot;
}
