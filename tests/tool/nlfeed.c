/*
 * nlfeed: a preload library that answers dumps of sock_diag(7) from a file, so that a
 * program lists sockets of kinds that the kernel here cannot make.
 *
 *   CONNSH_FEED=FAMILY[.PROTOCOL]:FILE LD_PRELOAD=nlfeed.so program ...
 *
 * A dump that is asked for this address family (and protocol, the second byte of the
 * request) has the messages of FILE as its rows, up to an NLMSG_DONE or the end; the
 * sequence number and the receiver's port are set as the request has them. All others
 * reach the kernel. A file that is damaged ends the program with 99.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define FDS	 1024
#define DATAGRAM 8192

static ssize_t (*real_sendmsg)(int, const struct msghdr *, int);
static ssize_t (*real_recvmsg)(int, struct msghdr *, int);
static pthread_once_t once = PTHREAD_ONCE_INIT;
static long family = -1, protocol = -1;
static char *feed; /* the file */
static size_t size;

/* What is still to be received on a descriptor. */
static struct {
	bool armed;
	size_t pos;
	__u32 seq;
} asked[FDS];

static void give_up(const char *what)
{
	fprintf(stderr, "nlfeed: %s\n", what);
	exit(99);
}

static void read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t got;

	if (!f)
		give_up("the file of CONNSH_FEED cannot be opened");
	do {
		feed = realloc(feed, size + DATAGRAM);
		if (!feed)
			give_up("no memory");
		got = fread(feed + size, 1, DATAGRAM, f);
		size += got;
	} while (got > 0);
	fclose(f);
}

static void start(void)
{
	const char *spec = getenv("CONNSH_FEED");
	char *end;

	real_sendmsg = (ssize_t(*)(int, const struct msghdr *, int))dlsym(RTLD_NEXT, "sendmsg");
	real_recvmsg = (ssize_t(*)(int, struct msghdr *, int))dlsym(RTLD_NEXT, "recvmsg");
	if (!spec)
		return;
	family = strtol(spec, &end, 10);
	if (*end == '.')
		protocol = strtol(end + 1, &end, 10);
	if (*end != ':')
		give_up("CONNSH_FEED is not FAMILY[.PROTOCOL]:FILE");
	read_file(end + 1);
}

/* The first bytes of what is sent, from however many pieces. */
static size_t gather(const struct msghdr *msg, char *buf, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < msg->msg_iovlen && n < room; i++) {
		size_t len = msg->msg_iov[i].iov_len;

		if (len > room - n)
			len = room - n;
		memcpy(buf + n, msg->msg_iov[i].iov_base, len);
		n += len;
	}
	return n;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct {
		struct nlmsghdr nlh;
		unsigned char family, protocol;
	} head;
	size_t all = 0;

	pthread_once(&once, start);
	for (size_t i = 0; i < msg->msg_iovlen; i++)
		all += msg->msg_iov[i].iov_len;
	if (fd < 0 || fd >= FDS || gather(msg, (char *)&head, sizeof(head)) < sizeof(head) ||
	    head.nlh.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    (head.nlh.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP || head.family != family ||
	    (protocol >= 0 && head.protocol != protocol))
		return real_sendmsg(fd, msg, flags);
	asked[fd].armed = true;
	asked[fd].pos = 0;
	asked[fd].seq = head.nlh.nlmsg_seq;
	return (ssize_t)all;
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = len };
	const struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	return sendmsg(fd, &msg, flags);
}

/* The next datagram: whole messages from pos on, or the end alone. Returns where it ends. */
static size_t datagram(size_t pos, char *buf, size_t *len)
{
	const struct {
		struct nlmsghdr nlh;
		int code;
	} done = { .nlh = { .nlmsg_len = sizeof(done),
			    .nlmsg_type = NLMSG_DONE,
			    .nlmsg_flags = NLM_F_MULTI } };

	*len = 0;
	while (pos < size) {
		struct nlmsghdr nlh;
		size_t step;

		if (size - pos < sizeof(nlh))
			give_up("the file of CONNSH_FEED ends within a message");
		memcpy(&nlh, feed + pos, sizeof(nlh));
		if (nlh.nlmsg_type == NLMSG_DONE)
			break;
		step = NLMSG_ALIGN((size_t)nlh.nlmsg_len);
		if (nlh.nlmsg_len < sizeof(nlh) || step > size - pos || step > DATAGRAM)
			give_up("a message in the file of CONNSH_FEED has no possible length");
		if (*len + step > DATAGRAM)
			break;
		memcpy(buf + *len, feed + pos, step);
		*len += step;
		pos += step;
	}
	if (*len == 0) {
		memcpy(buf, &done, sizeof(done));
		*len = sizeof(done);
	}
	return pos;
}

/* Every message answers this request of this socket. */
static void address(char *buf, size_t len, __u32 seq, __u32 port)
{
	for (size_t pos = 0; pos + sizeof(struct nlmsghdr) <= len;) {
		struct nlmsghdr *nlh = (void *)(buf + pos);

		nlh->nlmsg_seq = seq;
		nlh->nlmsg_pid = port;
		pos += NLMSG_ALIGN((size_t)nlh->nlmsg_len);
	}
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	_Alignas(struct nlmsghdr) char buf[DATAGRAM];
	struct sockaddr_nl me = { .nl_family = AF_NETLINK };
	socklen_t me_len = sizeof(me);
	size_t len, end, given = 0;

	pthread_once(&once, start);
	if (fd < 0 || fd >= FDS || !asked[fd].armed)
		return real_recvmsg(fd, msg, flags);
	end = datagram(asked[fd].pos, buf, &len);
	getsockname(fd, (struct sockaddr *)&me, &me_len);
	address(buf, len, asked[fd].seq, me.nl_pid);
	for (size_t i = 0; i < msg->msg_iovlen && given < len; i++) {
		size_t n = msg->msg_iov[i].iov_len;

		if (n > len - given)
			n = len - given;
		memcpy(msg->msg_iov[i].iov_base, buf + given, n);
		given += n;
	}
	if (msg->msg_name && msg->msg_namelen >= sizeof(me)) {
		const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

		memcpy(msg->msg_name, &kernel, sizeof(kernel));
		msg->msg_namelen = sizeof(kernel);
	}
	msg->msg_flags = given < len ? MSG_TRUNC : 0;
	msg->msg_controllen = 0;
	if (!(flags & MSG_PEEK)) {
		if (((struct nlmsghdr *)(void *)buf)->nlmsg_type == NLMSG_DONE)
			asked[fd].armed = false;
		asked[fd].pos = end;
	}
	return (ssize_t)(flags & MSG_TRUNC ? len : given);
}
