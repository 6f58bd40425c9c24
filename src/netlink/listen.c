/*
 * Listening: messages that the kernel sends to multicast groups when something
 * happens. Owns the rules by which one counts as the kernel's and whole, and the
 * truth about those that were lost; knows nothing about what they mean.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

/* What may wait to be taken; the kernel counts the memory, of which a small message takes 1 KiB. */
enum { WAITING_BYTES = 8 * 1024 * 1024 };

struct nl_listen {
	struct nl_sock sock;
	const char *what;
	size_t len, pos; /* of the datagram in hand */
	uint64_t datagrams, foreign;
	uint64_t space[NL_BUFFER_SIZE / sizeof(uint64_t)];
};

/* More than the system's limit takes a privilege; with less, messages are lost sooner. */
static void set_buffer(int fd)
{
	const int bytes = WAITING_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

static int join(struct nl_listen *l, const unsigned *groups, size_t n, struct nl_error *err)
{
	const int flags = fcntl(l->sock.fd, F_GETFL);

	if (flags < 0 || fcntl(l->sock.fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return nl_fail_sys(err, errno, "cannot listen to %s", l->what);
	set_buffer(l->sock.fd);
	for (size_t i = 0; i < n; i++)
		if (setsockopt(l->sock.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])) != 0)
			return nl_fail_sys(err, errno, "cannot listen to %s", l->what);
	return 0;
}

int nl_listen_open(struct nl_listen **out, int bus, const unsigned *groups, size_t n, int netns_fd,
		   const char *what, struct nl_error *err)
{
	const struct nl_request req = { .bus = bus, .what = what };
	struct nl_listen *l;

	*out = NULL;
	if (nl_replay_loaded())
		return nl_fail(err, EINVAL, "nothing happens in a recording: %s come from a kernel",
			       what);
	l = malloc(sizeof(*l));
	if (!l)
		return nl_fail_sys(err, ENOMEM, "no memory to listen to %s", what);
	l->sock.fd = -1;
	l->what = what;
	l->len = l->pos = 0;
	l->datagrams = l->foreign = 0;
	if (nl_sock_open(&l->sock, &req, netns_fd, err) != 0 || join(l, groups, n, err) != 0) {
		nl_listen_close(l);
		return -1;
	}
	*out = l;
	return 0;
}

/*
 * A signal that comes between the look at the flag and the wait must end the wait, so it is kept
 * off meanwhile.
 */
static int wait_on(struct pollfd *fds, size_t n, const struct timespec *limit)
{
	sigset_t held, before;
	int rc = -1, code;

	sigfillset(&held);
	pthread_sigmask(SIG_BLOCK, &held, &before);
	if (nl_cancel)
		errno = EINTR;
	else
		rc = ppoll(fds, n, limit, &before);
	code = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = code;
	return rc;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int nl_listen_wait(struct nl_listen *const *list, size_t n, int milliseconds, struct nl_error *err)
{
	const double until = now() + milliseconds / 1e3;
	struct timespec left = { .tv_sec = 0 };
	struct pollfd *fds = calloc(n + 1, sizeof(*fds));
	int rc = 0, code;

	if (!fds)
		return nl_fail_sys(err, ENOMEM, "no memory to listen");
	for (size_t i = 0; i < n; i++) {
		fds[i] = (struct pollfd){ .fd = list[i]->sock.fd, .events = POLLIN };
		rc |= list[i]->pos < list[i]->len;
	}
	while (rc == 0) {
		const double rest = until - now();

		if (milliseconds >= 0 && rest > 0) {
			left.tv_sec = (time_t)rest;
			left.tv_nsec = (long)((rest - (double)left.tv_sec) * 1e9);
		} else {
			left = (struct timespec){ .tv_sec = 0 };
		}
		rc = wait_on(fds, n, milliseconds < 0 ? NULL : &left);
		if (rc == 0)
			break;
		if (rc < 0 && errno == EINTR && !nl_cancel)
			rc = 0;
	}
	code = errno;
	free(fds);
	if (nl_cancel)
		return nl_fail(err, ECANCELED, "interrupted");
	if (rc < 0)
		return nl_fail_sys(err, code, "cannot wait for %s", n ? list[0]->what : "anything");
	return rc > 0;
}

/* 1 a datagram is in hand, else as nl_listen_next. */
static int fetch(struct nl_listen *l, struct nl_error *err)
{
	struct nl_error why;
	ssize_t got =
		nl_sock_recv(&l->sock, l->space, sizeof(l->space), l->what, &l->foreign, &why);

	if (got > 0) {
		l->len = (size_t)got;
		l->pos = 0;
		l->datagrams++;
		return 1;
	}
	if (got < 0 && why.code == ENOBUFS)
		return NL_LISTEN_LOST;
	if (got == 0 || why.code == ETIMEDOUT)
		return 0;
	if (err)
		*err = why;
	return -1;
}

int nl_listen_next(struct nl_listen *l, const struct nlmsghdr **msg, struct nl_error *err)
{
	for (;;) {
		bool bad;
		const struct nlmsghdr *nlh = nl_walk(l->space, l->len, &l->pos, &bad);
		int rc;

		if (bad) {
			l->len = l->pos = 0;
			return nl_fail(err, EBADMSG, "number %llu of %s is malformed",
				       (unsigned long long)l->datagrams, l->what);
		}
		if (!nlh) {
			l->len = l->pos = 0;
			rc = fetch(l, err);
			if (rc != 1)
				return rc;
			continue;
		}
		if (nlh->nlmsg_type == NLMSG_OVERRUN)
			return NL_LISTEN_LOST;
		if (nlh->nlmsg_type < NLMSG_MIN_TYPE)
			continue; /* no control message tells anything here */
		*msg = nlh;
		return 1;
	}
}

uint64_t nl_listen_foreign(const struct nl_listen *l)
{
	return l->foreign;
}

void nl_listen_close(struct nl_listen *l)
{
	if (!l)
		return;
	nl_sock_close(&l->sock);
	free(l);
}
