/*
 * Owns the unix sockets of `sockets`: how unix_diag is asked (<linux/unix_diag.h>,
 * struct unix_diag_req behind SOCK_DIAG_BY_FAMILY), for a list and for one socket.
 *
 * The kernel lists sockets that have an inode (net/unix/diag.c, sk_diag_dump), so
 * connections that were not accepted yet are no rows of its own: these are made
 * from what it tells of the listener (sockets_unix_waiting.c).
 *
 * What a list never asks for is the connections that wait (UDIAG_SHOW_ICONS): a
 * listener with more of them than the kernel's buffer takes would end the list
 * without any sign. They are asked for one listener at a time.
 */
#include "sockets_unix.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

const struct shape shape_unix = {
	.name = "unix sockets",
	.type = SOCK_DIAG_BY_FAMILY,
	.header = sizeof(struct unix_diag_msg),
	.max_attr = UNIX_ROW_MAX,
};

/* What every row comes with, so that fields which all sockets have need no extension. */
#define SHOW_ALWAYS (UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | UDIAG_SHOW_UID)

/* The memory of a socket is the same extension in all fields. */
#define NEED_MEMINFO (UINT32_C(1) << (INET_DIAG_SKMEMINFO - 1))
#define EXTENSIONS   (UNIX_NEEDS(UDIAG_SHOW_VFS) | NEED_MEMINFO)

static uint32_t show_of(uint32_t needs)
{
	uint32_t show = SHOW_ALWAYS | (needs >> UNIX_SHOW_SHIFT & UDIAG_SHOW_VFS);

	if (needs & NEED_MEMINFO)
		show |= UDIAG_SHOW_MEMINFO;
	return show;
}

/* Names the lists beside that of the rows in a recording. */
#define KEY_ASIDE UINT32_C(0x80000000)

void unix_plan(uint32_t states, uint32_t show, bool aside, struct dump_plan *plan)
{
	struct unix_diag_req r = {
		.sdiag_family = AF_UNIX,
		.udiag_states = states,
		.udiag_show = show,
	};

	memcpy(plan->buf, &r, sizeof(r));
	plan->len = sizeof(r);
	plan->shape = &shape_unix;
	plan->tag = PROTO_UNIX;
	plan->request = (struct nl_request){
		.bus = NETLINK_SOCK_DIAG,
		.type = SOCK_DIAG_BY_FAMILY,
		.payload = plan->buf,
		.len = plan->len,
		.key = (uint32_t)AF_UNIX << 16,
		.what = "unix sockets",
	};
	if (aside && nl_recording())
		plan->request.key |= KEY_ASIDE;
}

static void unix_lay_out(const struct sock_table *t, uint32_t states,
			 const struct scan_request *req, struct dump_plan *out)
{
	uint32_t show = show_of(req->needs);

	unix_plan(states, show, false, out);
	out->request.what = t->what;
	out->read = unix_read_text;
	out->otherwise = true;
	note_states(states, out->note, sizeof(out->note));
	if (show & UDIAG_SHOW_VFS)
		note_append(out->note, sizeof(out->note), "the file", "; with ");
	if (show & UDIAG_SHOW_MEMINFO)
		note_append(out->note, sizeof(out->note), "memory", "; with ");
}

static void waiting_lay_out(const struct sock_table *t, uint32_t states,
			    const struct scan_request *req, struct dump_plan *out)
{
	(void)states;
	(void)req;
	out->request.what = t->what;
	out->read = unix_read_waiting;
	out->asks = true;
	snprintf(out->note, sizeof(out->note), "what waits at each listener");
}

/* ---- rows ------------------------------------------------------------------------- */

const unsigned char *unix_row_name(const struct row *row, size_t *len)
{
	/* making the index changes no fact of the row */
	const struct nlattr *a = row_nlattr((struct row *)(uintptr_t)row, UNIX_DIAG_NAME);

	*len = a ? nl_attr_len(a) : 0;
	return *len ? nl_attr_data(a) : NULL;
}

uint32_t unix_waiting(const struct row *row)
{
	const void *p;
	struct unix_diag_rqlen q;

	if (unix_msg(row)->udiag_state != STATE_LISTEN)
		return 0;
	p = row_attr((struct row *)(uintptr_t)row, UNIX_DIAG_RQLEN, sizeof(q));
	if (!p)
		return 0;
	memcpy(&q, p, sizeof(q));
	return q.udiag_rqueue;
}

static uint64_t cookie_of(const struct unix_diag_msg *m)
{
	uint64_t cookie;

	memcpy(&cookie, m->udiag_cookie, sizeof(cookie));
	return cookie;
}

/* The kernel's cookie; rows that are made here bring a number of their own. */
static uint64_t unix_key(const struct row *row)
{
	uint64_t key = cookie_of(unix_msg(row));
	const void *p;

	if (key)
		return key;
	p = row_attr((struct row *)(uintptr_t)row, UNIX_ROW_KEY, sizeof(key));
	if (p)
		memcpy(&key, p, sizeof(key));
	return key;
}

/*
 * Of a row from /proc/net/unix the inode may be one that somebody wrote into a
 * name: it decides nothing about owners.
 */
static uint32_t unix_inode(const struct row *row, enum owner_status *why)
{
	const struct unix_diag_msg *m = unix_msg(row);

	if (m->udiag_ino && cookie_of(m))
		return m->udiag_ino;
	if (m->udiag_ino)
		*why = OWNER_UNTRUSTED;
	else
		*why = m->udiag_state == STATE_ESTABLISHED ? OWNER_NOT_ACCEPTED : OWNER_CLOSED;
	return 0;
}

static unsigned unix_state(const struct row *row)
{
	return unix_msg(row)->udiag_state;
}

/* UNIX_DIAG_PEER is 0 while the other end has not been accepted. */
static uint32_t unix_peer(const struct row *row)
{
	const void *p = row_attr((struct row *)(uintptr_t)row, UNIX_DIAG_PEER, sizeof(uint32_t));
	uint32_t inode = 0;

	if (p)
		memcpy(&inode, p, sizeof(inode));
	return inode;
}

/* ---- one socket --------------------------------------------------------------------- */

/* As nl_get; 0: there is no such socket any more. */
static ptrdiff_t get_one(const struct unix_diag_msg *m, uint32_t show, struct env *env, void *buf,
			 size_t size, struct nl_error *err)
{
	struct unix_diag_req r = {
		.sdiag_family = AF_UNIX,
		.udiag_states = UINT32_MAX,
		.udiag_ino = m->udiag_ino,
		.udiag_show = show,
		.udiag_cookie = { m->udiag_cookie[0], m->udiag_cookie[1] },
	};
	struct nl_request req = {
		.bus = NETLINK_SOCK_DIAG,
		.type = SOCK_DIAG_BY_FAMILY,
		.payload = &r,
		.len = sizeof(r),
		.what = "one unix socket",
	};
	const struct nlmsghdr *reply = buf;
	ptrdiff_t n = nl_get(&req, env_netns_fd(env), buf, size, err);

	if (n < 0)
		return err->code == ENOENT || err->code == ESTALE ? 0 : -1;
	if ((size_t)n < NLMSG_HDRLEN + sizeof(*m) || reply->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    cookie_of(NLMSG_DATA(reply)) != cookie_of(m))
		return 0;
	return n;
}

static ptrdiff_t unix_refetch(const struct row *row, uint32_t needs, void *buf, size_t size,
			      struct nl_error *err)
{
	const struct unix_diag_msg *m = unix_msg(row);

	/* made here, of what the kernel has no answer of its own for */
	if (m->udiag_ino == 0 || cookie_of(m) == 0)
		return 0;
	return get_one(m, show_of(needs), row->env, buf, size, err);
}

int unix_icons(struct unix_icons *icons, const struct unix_diag_msg *listener, struct env *env,
	       struct nl_error *err)
{
	ptrdiff_t n =
		get_one(listener, UDIAG_SHOW_ICONS, env, icons->reply, sizeof(icons->reply), err);
	const size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(*listener));
	const struct nlattr *a = NULL;

	icons->n = 0;
	if (n < 0)
		return -1;
	if ((size_t)n > skip)
		a = nl_attr_find(icons->reply + skip, (size_t)n - skip, UNIX_DIAG_ICONS, NULL);
	if (a) {
		icons->list = nl_attr_data(a);
		icons->n = nl_attr_len(a) / sizeof(uint32_t);
	}
	return 0;
}

uint32_t unix_icon(const struct unix_icons *icons, size_t i)
{
	uint32_t inode;

	memcpy(&inode, icons->list + i * sizeof(inode), sizeof(inode));
	return inode;
}

const struct sock_kind sock_unix = {
	.shape = &shape_unix,
	.lay_out = unix_lay_out,
	.key = unix_key,
	.inode = unix_inode,
	.peer = unix_peer,
	.state = unix_state,
	.extensions = EXTENSIONS,
	.refetch = unix_refetch,
};

const struct sock_kind sock_unix_waiting = {
	.shape = &shape_unix,
	.lay_out = waiting_lay_out,
	.key = unix_key,
	.inode = unix_inode,
	.peer = unix_peer,
	.state = unix_state,
	.extensions = EXTENSIONS,
	.refetch = unix_refetch,
};
