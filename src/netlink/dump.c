/*
 * A dump: the whole list of something, message by message, from its own socket
 * or from a recording. Owns the rules by which a list counts as whole; knows
 * nothing about what the messages mean.
 */
#include "internal.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

enum state { RUNNING, ENDED, FAILED };

struct nl_dump {
	const unsigned char *data; /* the datagram in hand */
	size_t len, pos;
	uint32_t seq, port; /* that every message must carry */
	unsigned seen;	    /* nlmsg_flags of all messages, or'ed */
	enum state state;
	const struct nlmsghdr *done; /* in data */
	struct nl_stats stats;
	const char *what;
	struct nl_sock sock;
	struct nl_mark mark;
	struct nl_list *replay;	 /* NULL: from the kernel */
	size_t offset;		 /* of data in the recording */
	struct nl_error failure; /* why it failed, to be told again */
	uint64_t space[];	 /* NL_BUFFER_SIZE bytes, not for a replay */
};

static void stop(struct nl_dump *dump, enum state state)
{
	dump->state = state;
	nl_sock_close(&dump->sock);
}

/* To be called with dump->failure filled. */
static int fail(struct nl_dump *dump, struct nl_error *err)
{
	if (dump->state == RUNNING && !dump->replay && dump->failure.code != ECANCELED)
		nl_record_end(&dump->mark, dump->failure.code, dump->failure.text);
	stop(dump, FAILED);
	if (err)
		*err = dump->failure;
	return -1;
}

/* Takes over the list. */
static struct nl_dump *new_dump(const struct nl_request *req, struct nl_list *replay)
{
	struct nl_dump *dump = malloc(sizeof(*dump) + (replay ? 0 : NL_BUFFER_SIZE));

	if (dump)
		*dump = (struct nl_dump){ .what = req->what, .replay = replay, .sock.fd = -1 };
	else
		nl_list_close(replay);
	return dump;
}

/*
 * The kernel makes the first part of a list when it is asked, as large as what the socket has
 * received into, which is nothing yet: 4 KiB. A row that does not fit ends the list, with
 * the mark of a whole one. So something is received first: the answer to a request that
 * every kernel refuses, for a rule that is not named.
 */
static int make_room(struct nl_dump *dump, struct nl_error *err)
{
	const struct rtgenmsg any = { .rtgen_family = AF_UNSPEC };
	const struct nl_request req = { .bus = NETLINK_ROUTE,
					.type = RTM_GETRULE,
					.payload = &any,
					.len = sizeof(any),
					.what = dump->what };

	if (nl_sock_send(&dump->sock, &req, 0, err) != 0)
		return -1;
	return nl_sock_recv(&dump->sock, dump->space, NL_BUFFER_SIZE, dump->what,
			    &dump->stats.foreign, err) < 0
		       ? -1
		       : 0;
}

static int open_live(struct nl_dump *dump, const struct nl_request *req, int netns_fd,
		     struct nl_error *err)
{
	if (nl_sock_open(&dump->sock, req, netns_fd, err) != 0 ||
	    (req->bus == NETLINK_ROUTE && make_room(dump, err) != 0) ||
	    nl_sock_send(&dump->sock, req, NLM_F_DUMP | (unsigned)req->flags, err) != 0)
		return -1;
	dump->seq = dump->sock.seq;
	dump->port = dump->sock.port;
	return 0;
}

int nl_dump_open(struct nl_dump **out, const struct nl_request *req, int netns_fd,
		 struct nl_error *err)
{
	struct nl_error why = { .code = 0 };
	struct nl_list *replay = NULL;
	struct nl_mark mark;
	struct nl_dump *dump;

	*out = NULL;
	if (nl_replay_loaded() && !(replay = nl_list_dump(req, netns_fd, err)))
		return -1;
	dump = new_dump(req, replay);
	if (!dump)
		return nl_fail_sys(err, ENOMEM, "no memory to list %s", req->what);
	mark = nl_record_dump(req, netns_fd);
	if (!replay && open_live(dump, req, netns_fd, &why) != 0) {
		nl_record_end(&mark, why.code, why.text);
		nl_dump_close(dump);
		if (err)
			*err = why;
		return -1;
	}
	dump->mark = mark;
	*out = dump;
	return 0;
}

static int fetch_live(struct nl_dump *dump)
{
	ssize_t got = nl_sock_recv(&dump->sock, dump->space, NL_BUFFER_SIZE, dump->what,
				   &dump->stats.foreign, &dump->failure);

	if (got < 0)
		return -1;
	if (got == 0)
		return nl_fail(&dump->failure, EPROTO, "the list of %s ended without its end mark",
			       dump->what);
	dump->data = (const unsigned char *)dump->space;
	dump->len = (size_t)got;
	return 0;
}

static int fetch_replay(struct nl_dump *dump)
{
	const struct nlmsghdr *first;
	int rc = nl_list_next(dump->replay, &dump->data, &dump->len, &dump->offset, &dump->failure);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return nl_fail(&dump->failure, EPROTO,
			       "the recorded list of %s ended without its end mark", dump->what);
	if (dump->stats.datagrams == 0 && dump->len >= sizeof(*first)) {
		first = (const void *)dump->data;
		dump->seq = first->nlmsg_seq;
		dump->port = first->nlmsg_pid;
	}
	return 0;
}

static int fetch(struct nl_dump *dump)
{
	dump->pos = 0;
	dump->len = 0;
	if ((dump->replay ? fetch_replay(dump) : fetch_live(dump)) != 0)
		return -1;
	dump->stats.datagrams++;
	dump->stats.bytes += dump->len;
	nl_record_data(&dump->mark, dump->data, dump->len);
	return 0;
}

static int malformed(struct nl_dump *dump)
{
	if (dump->replay)
		return nl_fail(&dump->failure, EBADMSG,
			       "the recorded list of %s is malformed at byte %zu of the recording",
			       dump->what, dump->offset + dump->pos);
	return nl_fail(&dump->failure, EBADMSG,
		       "the kernel's list of %s is malformed at byte %zu of part %llu", dump->what,
		       dump->pos, (unsigned long long)dump->stats.datagrams);
}

/*
 * Nobody else asks on this socket, so a message of another request took the
 * place of one of ours: passing over it would lose rows in silence.
 */
static int misplaced(struct nl_dump *dump)
{
	return nl_fail(&dump->failure, EPROTO,
		       "the list of %s holds a message that belongs to another request",
		       dump->what);
}

/*
 * A message that is no row: true while the dump goes on. Otherwise it has
 * ended, or failed with dump->failure filled.
 */
static bool control(struct nl_dump *dump, const struct nlmsghdr *nlh)
{
	switch (nlh->nlmsg_type) {
	case NLMSG_NOOP:
		return true;
	case NLMSG_DONE:
	case NLMSG_ERROR:
		if (nl_answer_code(nlh) != 0) {
			nl_refused(&dump->failure, nlh, "to list", dump->what);
			stop(dump, FAILED);
			return false;
		}
		/* An error of 0 is a receipt; the list comes beside it. */
		if (nlh->nlmsg_type == NLMSG_ERROR)
			return true;
		dump->done = nlh;
		stop(dump, ENDED);
		return false;
	case NLMSG_OVERRUN:
		nl_fail(&dump->failure, ENOBUFS, "the kernel lost a part of the list of %s",
			dump->what);
		break;
	default:
		nl_fail(&dump->failure, EPROTO,
			"the list of %s holds a control message of the unknown type %u", dump->what,
			nlh->nlmsg_type);
	}
	stop(dump, FAILED);
	return false;
}

int nl_dump_next(struct nl_dump *dump, const struct nlmsghdr **msg, struct nl_error *err)
{
	while (dump->state == RUNNING) {
		bool bad;
		const struct nlmsghdr *nlh = nl_walk(dump->data, dump->len, &dump->pos, &bad);

		if (!nlh) {
			if ((bad ? malformed(dump) : fetch(dump)) != 0)
				return fail(dump, err);
			continue;
		}
		if (nlh->nlmsg_seq != dump->seq || nlh->nlmsg_pid != dump->port) {
			misplaced(dump);
			return fail(dump, err);
		}
		dump->seen |= nlh->nlmsg_flags;
		if (nlh->nlmsg_type >= NLMSG_MIN_TYPE) {
			dump->stats.messages++;
			*msg = nlh;
			return 1;
		}
		if (!control(dump, nlh))
			break;
	}
	return dump->state == ENDED ? 0 : fail(dump, err);
}

const struct nlmsghdr *nl_dump_done(const struct nl_dump *dump)
{
	return dump->done;
}

unsigned nl_dump_flags(const struct nl_dump *dump)
{
	return (dump->seen & NLM_F_DUMP_INTR ? NL_INTERRUPTED : 0u) |
	       (dump->seen & NLM_F_DUMP_FILTERED ? NL_FILTERED : 0u) |
	       (dump->replay ? NL_RECORDED : 0u);
}

const struct nl_stats *nl_dump_stats(const struct nl_dump *dump)
{
	return &dump->stats;
}

void nl_dump_close(struct nl_dump *dump)
{
	if (!dump)
		return;
	nl_sock_close(&dump->sock);
	nl_list_close(dump->replay);
	free(dump);
}
