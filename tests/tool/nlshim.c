/*
 * nlshim: a preload library that spoils what recvmsg returns on netlink
 * sockets, or lets no sock_diag socket be made, to see whether a program notices.
 *
 *   CONNSH_SHIM=MODE[:K[:COUNT]] LD_PRELOAD=nlshim.so program ...
 *
 * The K-th call (default 1) that is no MSG_PEEK is spoilt, and COUNT - 1 after
 * it (default 1, 0 = all). Of the modes marked with +, K counts only the
 * datagrams that hold an NLMSG_DONE.
 *
 *   intr         NLM_F_DUMP_INTR in the first message
 *   intr-done +  NLM_F_DUMP_INTR in the DONE message
 *   done-error + the code in DONE becomes -ENOMEM
 *   drop-done +  the datagram is swallowed; the program reads an end of file
 *   sender       the datagram comes from port 4242 instead of the kernel
 *   seq          every sequence number is another
 *   len          the first message claims 0xc2000001 bytes
 *   short-attr   the first attribute of the first row has a length of 3
 *   bad-attr     the same, 0xffff; CONNSH_SHIM_HDR is the size of the family's
 *                header before the attributes (default 72, inet_diag)
 *   trunc        100 bytes and MSG_TRUNC
 *   errmsg       the datagram becomes NLMSG_ERROR with -EPERM
 *   einval       the datagram becomes NLMSG_ERROR with -EINVAL
 *   enoent       the datagram becomes NLMSG_ERROR with -ENOENT: no diag module
 *   no-diag eacces-diag   socket() of NETLINK_SOCK_DIAG fails with EPROTONOSUPPORT or EACCES, as
 *                in a sandbox; K and COUNT are of these calls
 *   enobufs enomem eintr   the call fails with that errno; nothing is read
 *   eof          the call returns 0; nothing is read
 *
 * An unknown mode ends the program with 99, so that no test passes by a typo.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One received datagram: what the edits work on. */
struct datagram {
	struct msghdr *msg;
	char *data;
	size_t len;
};

/* Returns what recvmsg is to return. */
typedef ssize_t edit_fn(struct datagram *dg);

struct mode {
	const char *name;
	edit_fn *edit; /* after the real call, or */
	int error;     /* errno instead of it, or */
	int end;       /* end of file instead of it */
	int of_done;   /* only datagrams with NLMSG_DONE count */
	int socket;    /* errno of socket() instead of all these */
};

static ssize_t (*real_recvmsg)(int, struct msghdr *, int);
static int (*real_socket)(int, int, int);
static const struct mode *mode;
static unsigned long first = 1, count = 1;
static size_t header = 72;
static atomic_ulong calls;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The message at *pos, whole or not at all. */
static struct nlmsghdr *next(const struct datagram *dg, size_t *pos)
{
	struct nlmsghdr *nlh = (void *)(dg->data + *pos);

	if (*pos > dg->len || dg->len - *pos < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) ||
	    nlh->nlmsg_len > dg->len - *pos)
		return NULL;
	*pos += NLMSG_ALIGN((size_t)nlh->nlmsg_len);
	return nlh;
}

static struct nlmsghdr *find_done(const struct datagram *dg)
{
	struct nlmsghdr *nlh;
	size_t pos = 0;

	while ((nlh = next(dg, &pos)) != NULL)
		if (nlh->nlmsg_type == NLMSG_DONE)
			return nlh;
	return NULL;
}

static ssize_t intr(struct datagram *dg)
{
	size_t pos = 0;
	struct nlmsghdr *nlh = next(dg, &pos);

	if (nlh)
		nlh->nlmsg_flags |= NLM_F_DUMP_INTR;
	return (ssize_t)dg->len;
}

static ssize_t intr_done(struct datagram *dg)
{
	struct nlmsghdr *nlh = find_done(dg);

	if (nlh)
		nlh->nlmsg_flags |= NLM_F_DUMP_INTR;
	return (ssize_t)dg->len;
}

static ssize_t done_error(struct datagram *dg)
{
	struct nlmsghdr *nlh = find_done(dg);
	const int code = -ENOMEM;

	if (nlh && nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(code)))
		memcpy(NLMSG_DATA(nlh), &code, sizeof(code));
	return (ssize_t)dg->len;
}

static ssize_t drop(struct datagram *dg)
{
	dg->msg->msg_namelen = 0;
	dg->msg->msg_flags = 0;
	return 0;
}

static ssize_t sender(struct datagram *dg)
{
	struct sockaddr_nl *from = dg->msg->msg_name;

	if (from && dg->msg->msg_namelen >= sizeof(*from))
		from->nl_pid = 4242;
	return (ssize_t)dg->len;
}

static ssize_t seq(struct datagram *dg)
{
	struct nlmsghdr *nlh;
	size_t pos = 0;

	while ((nlh = next(dg, &pos)) != NULL)
		nlh->nlmsg_seq ^= 0x5555;
	return (ssize_t)dg->len;
}

static ssize_t huge(struct datagram *dg)
{
	size_t pos = 0;
	struct nlmsghdr *nlh = next(dg, &pos);

	if (nlh)
		nlh->nlmsg_len = 0xc2000001;
	return (ssize_t)dg->len;
}

static ssize_t set_attr_len(struct datagram *dg, unsigned short attr_len)
{
	struct nlmsghdr *nlh;
	size_t pos = 0, at = NLMSG_HDRLEN + NLMSG_ALIGN(header);

	while ((nlh = next(dg, &pos)) != NULL) {
		if (nlh->nlmsg_type < NLMSG_MIN_TYPE)
			continue;
		if (nlh->nlmsg_len >= at + sizeof(struct nlattr))
			((struct nlattr *)(void *)((char *)nlh + at))->nla_len = attr_len;
		break;
	}
	return (ssize_t)dg->len;
}

static ssize_t short_attr(struct datagram *dg)
{
	return set_attr_len(dg, 3);
}

static ssize_t bad_attr(struct datagram *dg)
{
	return set_attr_len(dg, 0xffff);
}

static ssize_t cut(struct datagram *dg)
{
	dg->msg->msg_flags |= MSG_TRUNC;
	return dg->len < 100 ? (ssize_t)dg->len : 100;
}

/* Replaces the datagram by an error in answer to the same request. */
static ssize_t become_error(struct datagram *dg, int code)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr body;
	} answer;
	size_t pos = 0;
	const struct nlmsghdr *nlh = next(dg, &pos);

	if (!nlh || dg->msg->msg_iov[0].iov_len < sizeof(answer))
		return (ssize_t)dg->len;
	memset(&answer, 0, sizeof(answer));
	answer.head.nlmsg_len = sizeof(answer);
	answer.head.nlmsg_type = NLMSG_ERROR;
	answer.head.nlmsg_flags = NLM_F_CAPPED;
	answer.head.nlmsg_seq = nlh->nlmsg_seq;
	answer.head.nlmsg_pid = nlh->nlmsg_pid;
	answer.body.error = -code;
	answer.body.msg = *nlh;
	memcpy(dg->data, &answer, sizeof(answer));
	return sizeof(answer);
}

static ssize_t errmsg(struct datagram *dg)
{
	return become_error(dg, EPERM);
}

static ssize_t einval(struct datagram *dg)
{
	return become_error(dg, EINVAL);
}

static ssize_t enoent(struct datagram *dg)
{
	return become_error(dg, ENOENT);
}

static const struct mode modes[] = {
	{ .name = "intr", .edit = intr },
	{ .name = "intr-done", .edit = intr_done, .of_done = 1 },
	{ .name = "done-error", .edit = done_error, .of_done = 1 },
	{ .name = "drop-done", .edit = drop, .of_done = 1 },
	{ .name = "sender", .edit = sender },
	{ .name = "seq", .edit = seq },
	{ .name = "len", .edit = huge },
	{ .name = "short-attr", .edit = short_attr },
	{ .name = "bad-attr", .edit = bad_attr },
	{ .name = "trunc", .edit = cut },
	{ .name = "errmsg", .edit = errmsg },
	{ .name = "einval", .edit = einval },
	{ .name = "enoent", .edit = enoent },
	{ .name = "no-diag", .socket = EPROTONOSUPPORT },
	{ .name = "eacces-diag", .socket = EACCES },
	{ .name = "enobufs", .error = ENOBUFS },
	{ .name = "enomem", .error = ENOMEM },
	{ .name = "eintr", .error = EINTR },
	{ .name = "eof", .end = 1 },
};

static void read_mode(const char *text)
{
	size_t name_len = strcspn(text, ":");

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strlen(modes[i].name) == name_len && memcmp(modes[i].name, text, name_len) == 0)
			mode = &modes[i];
	text += name_len;
	if (*text == ':')
		first = strtoul(text + 1, (char **)(void *)&text, 10);
	if (*text == ':')
		count = strtoul(text + 1, (char **)(void *)&text, 10);
	if (!mode || *text || first == 0) {
		fprintf(stderr, "nlshim: CONNSH_SHIM is not MODE[:K[:COUNT]]\n");
		_exit(99);
	}
}

static void set_up(void)
{
	const char *text = getenv("CONNSH_SHIM");
	const char *size = getenv("CONNSH_SHIM_HDR");

	*(void **)&real_recvmsg = dlsym(RTLD_NEXT, "recvmsg");
	*(void **)&real_socket = dlsym(RTLD_NEXT, "socket");
	if (size)
		header = strtoul(size, NULL, 10);
	if (text && *text)
		read_mode(text);
}

static int is_netlink(int fd)
{
	int domain = 0;
	socklen_t size = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_NETLINK;
}

/* Counts this call; true when it is one to spoil. */
static int is_due(void)
{
	unsigned long call = atomic_fetch_add(&calls, 1) + 1;

	return call >= first && (count == 0 || call - first < count);
}

__attribute__((visibility("default"))) int socket(int domain, int type, int protocol)
{
	pthread_once(&once, set_up);
	if (mode && mode->socket && domain == AF_NETLINK && protocol == NETLINK_SOCK_DIAG &&
	    is_due()) {
		errno = mode->socket;
		return -1;
	}
	return real_socket(domain, type, protocol);
}

__attribute__((visibility("default"))) ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct datagram dg = { .msg = msg };
	ssize_t got;

	pthread_once(&once, set_up);
	if (!mode || mode->socket || (flags & MSG_PEEK) || !is_netlink(fd))
		return real_recvmsg(fd, msg, flags);
	if (!mode->edit) {
		if (!is_due())
			return real_recvmsg(fd, msg, flags);
		if (mode->end)
			return drop(&dg);
		errno = mode->error;
		return -1;
	}
	got = real_recvmsg(fd, msg, flags);
	if (got <= 0 || msg->msg_iovlen == 0)
		return got;
	dg.data = msg->msg_iov[0].iov_base;
	dg.len = (size_t)got < msg->msg_iov[0].iov_len ? (size_t)got : msg->msg_iov[0].iov_len;
	if ((mode->of_done && !find_done(&dg)) || !is_due())
		return got;
	return mode->edit(&dg);
}
