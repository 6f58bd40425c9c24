/*
 * One private netlink socket: made, asked once, read datagram by datagram.
 * Promises that a datagram came from the kernel and is whole; does not look
 * into it. Also the request for a single object, which needs no more.
 */
#include "internal.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdatomic.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

/*
 * The kernel makes each part of an answer inside our own call, so there is
 * never anything to wait for; a wait this long means that no more will come.
 */
enum { SILENCE_SECONDS = 3 };

volatile sig_atomic_t nl_cancel;

static int interrupted(struct nl_error *err)
{
	return nl_fail(err, ECANCELED, "interrupted");
}

/* Counts from a random start, so that it can not be guessed across processes. */
static uint32_t next_seq(void)
{
	static atomic_uint seq;
	unsigned now = atomic_load(&seq);

	if (now == 0) {
		unsigned start = 0;

		if (getrandom(&start, sizeof(start), GRND_NONBLOCK) != sizeof(start))
			start = (unsigned)time(NULL);
		atomic_compare_exchange_strong(&seq, &now, start | 1);
	}
	return atomic_fetch_add(&seq, 1);
}

/*
 * A listing of netlink sockets has the asking one in it: its buffers (SO_RCVBUF, SO_SNDBUF, in
 * bytes) are those that ss gives to its own.
 */
static void set_buffers(int fd)
{
	const int receive = 1024 * 1024, send = 32 * 1024;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof(send));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
}

/* What a kernel does not know yet it does without: callers check the answer. */
static void set_options(int fd, int bus)
{
	const struct timeval silence = { .tv_sec = SILENCE_SECONDS };
	const int on = 1;

	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	if (bus == NETLINK_ROUTE)
		setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (bus == NETLINK_SOCK_DIAG)
		set_buffers(fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
}

/* Port 0: the kernel chooses, so that any number of sockets live side by side. */
static int take_port(struct nl_sock *sock)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(addr);

	if (bind(sock->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
	    getsockname(sock->fd, (struct sockaddr *)&addr, &len) != 0)
		return -1;
	if (len != sizeof(addr) || addr.nl_family != AF_NETLINK) {
		errno = EPROTO;
		return -1;
	}
	sock->port = addr.nl_pid;
	return 0;
}

int nl_sock_open(struct nl_sock *sock, const struct nl_request *req, int netns_fd,
		 struct nl_error *err)
{
	sock->fd = nl_socket_in(netns_fd, req->bus);
	if (sock->fd < 0)
		return nl_fail_sys(err, errno, "cannot open a netlink socket for %s%s", req->what,
				   netns_fd < 0 ? "" : " in the network namespace asked for");
	set_options(sock->fd, req->bus);
	if (take_port(sock) != 0) {
		int reason = errno;

		nl_sock_close(sock);
		return nl_fail_sys(err, reason, "cannot bind a netlink socket for %s", req->what);
	}
	return 0;
}

int nl_sock_send(struct nl_sock *sock, const struct nl_request *req, unsigned flags,
		 struct nl_error *err)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	char space[MNL_NLMSG_HDRLEN] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *head = mnl_nlmsg_put_header(space);
	struct iovec parts[] = {
		{ .iov_base = space, .iov_len = sizeof(space) },
		{ .iov_base = (void *)(uintptr_t)req->payload, .iov_len = req->len },
	};
	struct msghdr msg = {
		.msg_name = &kernel,
		.msg_namelen = sizeof(kernel),
		.msg_iov = parts,
		.msg_iovlen = req->len ? 2 : 1,
	};
	ssize_t sent;

	if (req->len > NL_REQUEST_MAX)
		return nl_fail(err, EMSGSIZE, "the request for %s has %zu bytes; at most %d fit",
			       req->what, req->len, NL_REQUEST_MAX);
	sock->seq = next_seq();
	head->nlmsg_len = (uint32_t)(sizeof(space) + req->len);
	head->nlmsg_type = req->type;
	head->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	head->nlmsg_seq = sock->seq;
	head->nlmsg_pid = sock->port;
	do {
		if (nl_cancel)
			return interrupted(err);
		sent = sendmsg(sock->fd, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return nl_fail_sys(err, errno, "cannot send the request for %s", req->what);
	if ((size_t)sent != head->nlmsg_len)
		return nl_fail(err, EPROTO, "only %zd of %u bytes of the request for %s were sent",
			       sent, head->nlmsg_len, req->what);
	return 0;
}

static int recv_failed(int reason, const char *what, struct nl_error *err)
{
	if (reason == EAGAIN || reason == EWOULDBLOCK)
		return nl_fail(err, ETIMEDOUT, "the kernel stopped answering the request for %s",
			       what);
	return nl_fail_sys(err, reason, "the answer about %s was cut short", what);
}

/*
 * Any process with the right in the namespace can send to our port and choose
 * every byte of the message, but not its sender's address: the kernel's is 0.
 */
static bool from_kernel(const struct msghdr *msg)
{
	const struct sockaddr_nl *from = msg->msg_name;

	return msg->msg_namelen == sizeof(*from) && from->nl_family == AF_NETLINK &&
	       from->nl_pid == 0;
}

ssize_t nl_sock_recv(struct nl_sock *sock, void *buf, size_t size, const char *what,
		     uint64_t *foreign, struct nl_error *err)
{
	for (;;) {
		struct sockaddr_nl from = { .nl_family = AF_UNSPEC };
		struct iovec part = { .iov_base = buf, .iov_len = size };
		struct msghdr msg = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &part,
			.msg_iovlen = 1,
		};
		ssize_t got;

		if (nl_cancel)
			return interrupted(err);
		got = recvmsg(sock->fd, &msg, 0);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			return recv_failed(errno, what, err);
		}
		/* The end of a stream has no sender; an empty datagram has. */
		if (got == 0 && (msg.msg_namelen == 0 || from.nl_family == AF_UNSPEC))
			return 0;
		if (!from_kernel(&msg)) {
			++*foreign;
			continue;
		}
		if (msg.msg_flags & MSG_TRUNC)
			return nl_fail(
				err, EMSGSIZE,
				"a part of the answer about %s was larger than %zu bytes and "
				"was cut off",
				what, size);
		return got;
	}
}

void nl_sock_close(struct nl_sock *sock)
{
	if (sock->fd >= 0)
		close(sock->fd);
	sock->fd = -1;
}
