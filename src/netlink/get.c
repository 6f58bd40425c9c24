/*
 * The request for one object: one message there, one back. Knows no more about
 * messages than which of them carry an object.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of the answer, the first message that is more than padding. */
static const struct nlmsghdr *first_message(const struct nl_sock *sock, const void *data,
					    size_t len, const char *what, struct nl_error *err)
{
	const struct nlmsghdr *nlh;
	size_t pos = 0;
	bool bad;

	do {
		nlh = nl_walk(data, len, &pos, &bad);
	} while (nlh && nlh->nlmsg_type == NLMSG_NOOP);
	if (!nlh) {
		nl_fail(err, EBADMSG, "the kernel's answer about %s is malformed at byte %zu", what,
			pos);
		return NULL;
	}
	if (nlh->nlmsg_seq != sock->seq || nlh->nlmsg_pid != sock->port) {
		nl_fail(err, EPROTO, "the kernel's answer about %s belongs to another request",
			what);
		return NULL;
	}
	return nlh;
}

static ptrdiff_t copy_object(const struct nlmsghdr *nlh, const char *what, void *buf, size_t size,
			     struct nl_error *err)
{
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		if (nl_answer_code(nlh) == 0)
			return 0;
		return nl_refused(err, nlh, "the request for", what);
	}
	if (nlh->nlmsg_type < NLMSG_MIN_TYPE)
		return nl_fail(err, EPROTO, "the kernel's answer about %s holds no object", what);
	if (nlh->nlmsg_len > size)
		return nl_fail(err, EMSGSIZE, "the answer about %s has %u bytes; %zu fit", what,
			       nlh->nlmsg_len, size);
	memcpy(buf, nlh, nlh->nlmsg_len);
	return (ptrdiff_t)nlh->nlmsg_len;
}

static ptrdiff_t ask(struct nl_sock *sock, const struct nl_request *req, void *space, void *buf,
		     size_t size, struct nl_error *err)
{
	const struct nlmsghdr *nlh;
	uint64_t foreign = 0;
	ssize_t got;

	if (nl_sock_send(sock, req, req->flags, err) != 0)
		return -1;
	got = nl_sock_recv(sock, space, NL_BUFFER_SIZE, req->what, &foreign, err);
	if (got < 0)
		return -1;
	if (got == 0)
		return nl_fail(err, EPROTO, "the kernel gave no answer about %s", req->what);
	nlh = first_message(sock, space, (size_t)got, req->what, err);
	return nlh ? copy_object(nlh, req->what, buf, size, err) : -1;
}

ptrdiff_t nl_get(const struct nl_request *req, int netns_fd, void *buf, size_t size,
		 struct nl_error *err)
{
	struct nl_sock sock;
	ptrdiff_t len = -1;
	void *space;

	if (nl_replay_loaded())
		return nl_fail(err, ENOENT,
			       "a recording holds lists only: it can not answer the "
			       "request for %s",
			       req->what);
	if (req->flags & NLM_F_DUMP)
		return nl_fail(err, EINVAL,
			       "the request for %s asks for a list, not for one object", req->what);
	space = malloc(NL_BUFFER_SIZE);
	if (!space)
		return nl_fail_sys(err, ENOMEM, "no memory to ask for %s", req->what);
	if (nl_sock_open(&sock, req, netns_fd, err) == 0) {
		len = ask(&sock, req, space, buf, size, err);
		nl_sock_close(&sock);
	}
	free(space);
	return len;
}
