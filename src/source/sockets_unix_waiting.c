/*
 * Owns the rows of unix connections that wait to be accepted. The kernel lists
 * none of them, but tells of each listener how many there are and who has
 * connected: a row has the listener's type and name, and the other end as its
 * peer, as /proc/net/unix shows it. That text is not asked, for a name in it can
 * pretend to be rows. (A connection from another network namespace is listed there
 * by the kernel, once it is accepted; until then here it is where its listener is.)
 */
#include "nummap.h"
#include "sockets_unix.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct waiting {
	struct reader reader;
	struct env *env;
	struct nl_dump *dump;
	struct reader *text;	 /* instead, when the kernel refuses the list */
	struct scan_request req; /* what that one needs of it: the env */
	struct message msg;
	struct row listener; /* the one at hand; its message is the dump's */
	struct unix_icons icons;
	bool told;  /* the icons are known */
	bool given; /* there was a row */
	size_t n, at;
};

static void waiting_close(struct reader *r)
{
	struct waiting *w = (struct waiting *)r;

	if (w->text)
		w->text->ops->close(w->text);
	nl_dump_close(w->dump);
	message_free(&w->msg);
	free(w);
}

/* One row for what waits in place i; told apart from others by listener and other end. */
static const struct nlmsghdr *make_row(struct waiting *w, size_t i)
{
	const struct unix_diag_msg *l = unix_msg(&w->listener);
	struct unix_diag_msg m = {
		.udiag_family = AF_UNIX,
		.udiag_type = l->udiag_type,
		.udiag_state = STATE_ESTABLISHED,
	};
	uint32_t peer = w->told ? unix_icon(&w->icons, i) : 0;
	const uint32_t words[] = { l->udiag_cookie[0], l->udiag_cookie[1], peer,
				   peer ? 0 : (uint32_t)i };
	uint64_t key = hash_bytes(0, words, sizeof(words));
	const unsigned char *name;
	size_t len;

	message_begin(&w->msg, SOCK_DIAG_BY_FAMILY, &m, sizeof(m));
	name = unix_row_name(&w->listener, &len);
	if (name)
		message_put(&w->msg, UNIX_DIAG_NAME, name, len);
	if (peer)
		message_put(&w->msg, UNIX_DIAG_PEER, &peer, sizeof(peer));
	message_put(&w->msg, UNIX_ROW_KEY, &key, sizeof(key));
	return message_end(&w->msg);
}

/* Too many for one answer of the kernel: as many as it counts, without their other ends. */
static int ask_icons(struct waiting *w, uint32_t count, struct nl_error *err)
{
	w->at = 0;
	w->told = true;
	if (unix_icons(&w->icons, unix_msg(&w->listener), w->env, err) == 0 &&
	    !nl_replay_loaded()) {
		w->n = w->icons.n;
		return 0;
	}
	w->told = false;
	w->n = count;
	return nl_cancel ? nl_fail(err, ECANCELED, "interrupted") : 0;
}

/* The next listener at which something waits; 1, 0, -1. */
static int next_listener(struct waiting *w, struct nl_error *err)
{
	const struct nlmsghdr *msg;
	int rc;

	while ((rc = nl_dump_next(w->dump, &msg, err)) > 0) {
		uint32_t count;

		if (msg->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
		    msg->nlmsg_len < NLMSG_HDRLEN + sizeof(struct unix_diag_msg))
			continue;
		w->listener = (struct row){ .env = w->env, .msg = msg, .shape = &shape_unix };
		count = unix_waiting(&w->listener);
		if (count)
			return ask_icons(w, count, err) < 0 ? -1 : 1;
	}
	return rc;
}

static int refused(struct waiting *w, struct nl_error *err)
{
	if (w->given || !scan_refused(err))
		return -1;
	w->text = unix_read_text_unheld(&w->req, NULL, err);
	w->reader.of_proc = w->text != NULL;
	return w->text ? 0 : -1;
}

static int waiting_next(struct reader *r, const struct nlmsghdr **msg, struct nl_error *err)
{
	struct waiting *w = (struct waiting *)r;

	while (!w->text && w->at >= w->n) {
		int rc = next_listener(w, err);

		if (rc == 0 || (rc < 0 && refused(w, err) < 0))
			return rc;
	}
	if (w->text)
		return w->text->ops->next(w->text, msg, err);
	w->given = true;
	*msg = make_row(w, w->at++);
	return *msg ? 1 : nl_fail(err, ENOMEM, "out of memory");
}

static const struct reader_ops waiting_ops = { waiting_next, waiting_close };

struct reader *unix_read_waiting(const struct scan_request *req, const struct dump_plan *plan,
				 struct nl_error *err)
{
	struct waiting *w = calloc(1, sizeof(*w));
	struct dump_plan *list = calloc(1, sizeof(*list));
	int rc;

	(void)plan;
	if (!w || !list) {
		free(w);
		free(list);
		nl_fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	w->reader.ops = &waiting_ops;
	w->env = req->env;
	w->req.env = req->env;
	unix_plan(1u << STATE_LISTEN, UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN, true, list);
	rc = nl_dump_open(&w->dump, &list->request, env_netns_fd(req->env), err);
	free(list);
	if (rc < 0) {
		w->dump = NULL;
		if (refused(w, err) < 0) {
			waiting_close(&w->reader);
			return NULL;
		}
	}
	return &w->reader;
}
