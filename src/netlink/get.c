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

/* What was answered when the same words were asked. */
static ptrdiff_t get_recorded(const struct nl_request *req, int netns_fd, void *buf, size_t size,
			      struct nl_error *err)
{
	struct nl_list *list = nl_list_object(req, netns_fd, err);
	const struct nlmsghdr *nlh;
	const unsigned char *data;
	size_t len, offset, pos = 0;
	ptrdiff_t got = -1;
	bool bad;
	int rc;

	if (!list)
		return -1;
	rc = nl_list_next(list, &data, &len, &offset, err);
	if (rc > 0) {
		nlh = nl_walk(data, len, &pos, &bad);
		got = nlh ? copy_object(nlh, req->what, buf, size, err)
			  : nl_fail(err, EBADMSG,
				    "the recorded answer about %s is malformed at byte %zu of the "
				    "recording",
				    req->what, offset + pos);
	} else if (rc == 0) {
		got = 0;
	}
	nl_list_close(list);
	return got;
}

static ptrdiff_t get_live(const struct nl_request *req, int netns_fd, void *buf, size_t size,
			  struct nl_error *err)
{
	void *space = malloc(NL_BUFFER_SIZE);
	struct nl_sock sock;
	ptrdiff_t len = -1;

	if (!space)
		return nl_fail_sys(err, ENOMEM, "no memory to ask for %s", req->what);
	if (nl_sock_open(&sock, req, netns_fd, err) == 0) {
		len = ask(&sock, req, space, buf, size, err);
		nl_sock_close(&sock);
	}
	free(space);
	return len;
}

ptrdiff_t nl_get(const struct nl_request *req, int netns_fd, void *buf, size_t size,
		 struct nl_error *err)
{
	struct nl_error why = { .code = 0 };
	struct nl_mark mark;
	ptrdiff_t len;

	if (nl_replay_loaded())
		return get_recorded(req, netns_fd, buf, size, err);
	if (req->flags & NLM_F_DUMP)
		return nl_fail(err, EINVAL,
			       "the request for %s asks for a list, not for one object", req->what);
	len = get_live(req, netns_fd, buf, size, &why);
	if (len < 0 && err)
		*err = why;
	/* what only acts is no answer to be given again */
	if (!nl_recording() || (req->flags & NLM_F_ACK) || why.code == ECANCELED)
		return len;
	mark = nl_record_object(req, netns_fd);
	if (len > 0)
		nl_record_data(&mark, buf, (size_t)len);
	nl_record_end(&mark, why.code, why.text);
	return len;
}
