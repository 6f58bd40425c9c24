/*
 * The netlink room against the running kernel: lists, single objects, errors in
 * the kernel's own words, namespaces, descriptors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "connsh/netlink.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct inet_diag_req_v2 tcp_payload = {
	.sdiag_family = AF_INET,
	.sdiag_protocol = IPPROTO_TCP,
	.idiag_states = ~0u,
};
static const struct ifinfomsg link_payload = { .ifi_family = AF_UNSPEC };

static const struct nl_request tcp = {
	.bus = NETLINK_SOCK_DIAG,
	.type = SOCK_DIAG_BY_FAMILY,
	.payload = &tcp_payload,
	.len = sizeof(tcp_payload),
	.key = AF_INET << 8 | IPPROTO_TCP,
	.what = "tcp sockets (IPv4)",
};
static const struct nl_request links = {
	.bus = NETLINK_ROUTE,
	.type = RTM_GETLINK,
	.payload = &link_payload,
	.len = sizeof(link_payload),
	.what = "links",
};

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Reads a list to its end; -1 when it can not be opened or fails, else its rows. */
static int count_rows(const struct nl_request *req, int netns_fd, struct nl_error *err)
{
	const struct nlmsghdr *msg;
	struct nl_dump *dump;
	int rc, rows = 0;

	if (nl_dump_open(&dump, req, netns_fd, err) != 0)
		return -1;
	while ((rc = nl_dump_next(dump, &msg, err)) == 1)
		rows++;
	nl_dump_close(dump);
	return rc == 0 ? rows : -1;
}

static void assert_refused(const struct nl_request *req, int code, const char *text)
{
	struct nl_error err = { .code = 0 };

	assert_int_equal(count_rows(req, -1, &err), -1);
	assert_string_equal(err.text, text);
	assert_int_equal(err.code, code);
}

/* A listening TCP socket on the loopback address: its descriptor, and its port. */
static int listen_somewhere(uint16_t *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*port = addr.sin_port;
	return fd;
}

static void test_tcp(void **state)
{
	const struct nlmsghdr *msg;
	struct nl_dump *dump;
	struct nl_error err;
	uint16_t port;
	int fd = listen_somewhere(&port), found = 0, rc;

	(void)state;
	assert_int_equal(nl_dump_open(&dump, &tcp, -1, &err), 0);
	while ((rc = nl_dump_next(dump, &msg, &err)) == 1) {
		const struct inet_diag_msg *row = NLMSG_DATA(msg);

		assert_int_equal(msg->nlmsg_type, SOCK_DIAG_BY_FAMILY);
		assert_true(msg->nlmsg_len >= NLMSG_LENGTH(sizeof(*row)));
		found += row->id.idiag_sport == port && row->idiag_state == 10;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(found, 1);
	assert_int_equal(nl_dump_flags(dump), 0);
	assert_true(nl_dump_stats(dump)->messages >= 1);
	assert_true(nl_dump_stats(dump)->datagrams >= 1);
	assert_true(nl_dump_stats(dump)->bytes >= 88);
	assert_int_equal(nl_dump_stats(dump)->foreign, 0);
	nl_dump_close(dump);
	close(fd);
}

static void test_links(void **state)
{
	const struct nlmsghdr *msg;
	struct nl_dump *dump;
	struct nl_error err;
	int lo = 0, rc;

	(void)state;
	assert_int_equal(nl_dump_open(&dump, &links, -1, &err), 0);
	while ((rc = nl_dump_next(dump, &msg, &err)) == 1) {
		const char *attrs = (const char *)NLMSG_DATA(msg) + sizeof(struct ifinfomsg);
		const struct nlattr *tb[IFLA_IFNAME + 1];

		assert_true(nl_attrs(attrs, msg->nlmsg_len - NLMSG_LENGTH(sizeof(struct ifinfomsg)),
				     tb, IFLA_IFNAME));
		assert_non_null(tb[IFLA_IFNAME]);
		if (nl_attr_len(tb[IFLA_IFNAME]) == 3)
			lo += memcmp(nl_attr_data(tb[IFLA_IFNAME]), "lo", 3) == 0;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(lo, 1);
	nl_dump_close(dump);
	nl_dump_close(NULL);
}

static void test_error_in_done(void **state)
{
	struct inet_diag_req_v2 payload = tcp_payload;
	struct nl_request req = tcp;

	(void)state;
	payload.sdiag_protocol = 255;
	req.payload = &payload;
	req.what = "raw sockets (IPv4)";
	/* A kernel with that module has the list. */
	if (count_rows(&req, -1, NULL) >= 0)
		skip();
	assert_refused(&req, ENOENT,
		       "the kernel refused to list raw sockets (IPv4): No such file or directory");
}

static void test_error_message(void **state)
{
	const struct sock_diag_req payload = { .sdiag_family = 99 };
	struct nl_request req = tcp;

	(void)state;
	req.payload = &payload;
	req.len = sizeof(payload);
	req.what = "sockets of family 99";
	assert_refused(&req, EINVAL,
		       "the kernel refused to list sockets of family 99: Invalid argument");
}

static void test_kernel_words(void **state)
{
	struct {
		struct rtmsg head;
		struct nlattr attr;
		uint32_t table;
	} payload = { .head.rtm_family = AF_INET, .attr = { 8, RTA_TABLE }, .table = 424242 };
	const struct nl_request req = {
		.bus = NETLINK_ROUTE,
		.type = RTM_GETROUTE,
		.payload = &payload,
		.len = sizeof(payload),
		.what = "routes (IPv4)",
	};

	(void)state;
	assert_refused(&req, ENOENT,
		       "the kernel refused to list routes (IPv4): ipv4: FIB table does not exist "
		       "(No such file or directory)");
	payload.attr.nla_type = 200;
	assert_refused(&req, EINVAL,
		       "the kernel refused to list routes (IPv4): Unknown attribute type (Invalid "
		       "argument), at byte 28 of the request");
}

static void test_requests_refused_here(void **state)
{
	struct nl_request req = links;

	(void)state;
	req.len = NL_REQUEST_MAX + 1;
	assert_refused(&req, EMSGSIZE, "the request for links has 65001 bytes; at most 65000 fit");
	req = links;
	req.bus = MAX_LINKS - 1;
	assert_refused(&req, EPROTONOSUPPORT,
		       "cannot open a netlink socket for links: Protocol not supported");
	/* A request without payload is answered, whatever the kernel says to it. */
	req = links;
	req.payload = NULL;
	req.len = 0;
	assert_true(count_rows(&req, -1, NULL) >= -1);
}

static void test_get(void **state)
{
	uint64_t buf[1024];
	const struct nlmsghdr *msg = (const void *)buf;
	struct ifinfomsg payload = { .ifi_index = 1 };
	struct nl_request req = links;
	struct nl_error err;
	ptrdiff_t len;

	(void)state;
	req.payload = &payload;
	req.what = "link 1";
	len = nl_get(&req, -1, buf, sizeof(buf), &err);
	assert_true(len >= (ptrdiff_t)NLMSG_LENGTH(sizeof(payload)));
	assert_int_equal(msg->nlmsg_len, len);
	assert_int_equal(msg->nlmsg_type, RTM_NEWLINK);
	assert_int_equal(((const struct ifinfomsg *)NLMSG_DATA(msg))->ifi_index, 1);

	assert_int_equal(nl_get(&req, -1, buf, (size_t)len - 1, &err), -1);
	assert_int_equal(err.code, EMSGSIZE);
	payload.ifi_index = 0x7ffffff0;
	req.what = "link 2147483632";
	assert_int_equal(nl_get(&req, -1, buf, sizeof(buf), &err), -1);
	assert_int_equal(err.code, ENODEV);
	assert_string_equal(err.text, "the kernel refused the request for link 2147483632: No such "
				      "device");
	req.flags = NLM_F_ROOT;
	assert_int_equal(nl_get(&req, -1, buf, sizeof(buf), &err), -1);
	assert_int_equal(err.code, EINVAL);
}

/* To a request that only acts the kernel says yes, and no more. */
static void test_get_receipt(void **state)
{
	const struct nl_request req = {
		.bus = NETLINK_ROUTE,
		.type = NLMSG_NOOP,
		.flags = NLM_F_ACK,
		.what = "nothing",
	};
	struct nl_error err;
	uint64_t buf[8];

	(void)state;
	assert_int_equal(nl_get(&req, -1, buf, sizeof(buf), &err), 0);
}

static void test_names(void **state)
{
	char name[16] = "";

	(void)state;
	assert_int_equal(nl_ifindex("lo", -1), 1);
	assert_true(nl_ifname(1, -1, name));
	assert_string_equal(name, "lo");
	assert_int_equal(nl_ifindex("", -1), 0);
	assert_int_equal(nl_ifindex("no-such-link", -1), 0);
	assert_int_equal(nl_ifindex("longer-than-any-name-can-be", -1), 0);
	assert_false(nl_ifname(0, -1, name));
	assert_false(nl_ifname(0x7ffffff0, -1, name));
	assert_false(nl_ifname(UINT32_MAX, -1, name));
}

static void test_no_fd_left(void **state)
{
	const struct nlmsghdr *msg;
	struct nl_dump *dump;
	struct nl_error err;
	unsigned before = count_fds();
	uint64_t buf[1024];

	(void)state;
	for (int i = 0; i < 50; i++) {
		/* Given up on at once, in the middle, and at the end. */
		assert_int_equal(nl_dump_open(&dump, &links, -1, &err), 0);
		nl_dump_close(dump);
		assert_int_equal(nl_dump_open(&dump, &links, -1, &err), 0);
		assert_int_equal(nl_dump_next(dump, &msg, &err), 1);
		nl_dump_close(dump);
		assert_true(count_rows(&links, -1, &err) >= 1);
		nl_get(&links, -1, buf, sizeof(buf), &err);
		nl_ifindex("lo", -1);
	}
	assert_int_equal(count_fds(), before);

	/* The end closes the socket without waiting for nl_dump_close. */
	assert_int_equal(nl_dump_open(&dump, &links, -1, &err), 0);
	assert_int_equal(count_fds(), before + 1);
	while (nl_dump_next(dump, &msg, &err) == 1)
		;
	assert_int_equal(count_fds(), before);
	nl_dump_close(dump);
}

static void test_two_at_once(void **state)
{
	const struct nlmsghdr *msg;
	struct nl_dump *a, *b;
	struct nl_error err;
	int rows_a = 0, rows_b = 0, more_a = 1, more_b = 1;

	(void)state;
	assert_int_equal(nl_dump_open(&a, &links, -1, &err), 0);
	assert_int_equal(nl_dump_open(&b, &links, -1, &err), 0);
	while (more_a == 1 || more_b == 1) {
		if (more_a == 1 && (more_a = nl_dump_next(a, &msg, &err)) == 1)
			rows_a++;
		if (more_b == 1 && (more_b = nl_dump_next(b, &msg, &err)) == 1)
			rows_b++;
	}
	assert_int_equal(more_a, 0);
	assert_int_equal(more_b, 0);
	assert_int_equal(rows_a, rows_b);
	nl_dump_close(a);
	nl_dump_close(b);
}

/* A child that lives in a new network namespace until its input is closed. */
struct child {
	pid_t pid;
	int input;
};

static int netns_of(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* pid 0 when the namespace may not be made. */
static struct child start_child(void)
{
	int input[2], ready[2];
	struct child child;
	char byte = 0;

	assert_int_equal(pipe2(input, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (child.pid == 0) {
		close(input[1]);
		if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "y", 1) == 1 &&
		    read(input[0], &byte, 1) == 0)
			_exit(0);
		_exit(1);
	}
	close(input[0]);
	close(ready[1]);
	child.input = input[1];
	if (read(ready[0], &byte, 1) != 1) {
		waitpid(child.pid, NULL, 0);
		close(child.input);
		child.pid = 0;
	}
	close(ready[0]);
	return child;
}

static void end_child(struct child child)
{
	close(child.input);
	waitpid(child.pid, NULL, 0);
}

static void test_netns(void **state)
{
	struct child child = start_child();
	struct stat before, after;
	struct nl_error err;
	uint16_t port;
	int fd, netns_fd, lo_here = 0, lo_there = -1;
	unsigned fds;

	(void)state;
	if (child.pid == 0)
		skip();
	fd = listen_somewhere(&port);
	netns_fd = netns_of(child.pid);
	assert_true(netns_fd >= 0);
	fds = count_fds();
	assert_int_equal(stat("/proc/thread-self/ns/net", &before), 0);
	lo_there = count_rows(&tcp, netns_fd, &err);
	lo_here = count_rows(&tcp, -1, &err);
	assert_int_equal(stat("/proc/thread-self/ns/net", &after), 0);
	assert_int_equal(lo_there, 0);
	assert_true(lo_here >= 1);
	assert_int_equal(nl_ifindex("lo", netns_fd), 1);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(count_fds(), fds);
	close(netns_fd);
	close(fd);
	end_child(child);
}

static void test_netns_own(void **state)
{
	int netns_fd = netns_of(getpid()), fd;
	struct nl_error err;
	uint16_t port;

	(void)state;
	assert_true(netns_fd >= 0);
	fd = listen_somewhere(&port);
	assert_true(count_rows(&tcp, netns_fd, &err) >= 1);
	close(fd);
	close(netns_fd);
}

static void test_netns_wrong(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	unsigned fds = count_fds();
	struct nl_error err;
	char name[16];

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(count_rows(&tcp, fd, &err), -1);
	assert_int_equal(err.code, EINVAL);
	assert_string_equal(err.text, "cannot open a netlink socket for tcp sockets (IPv4) in the "
				      "network namespace asked for: Invalid argument");
	assert_false(nl_ifname(1, fd, name));
	assert_int_equal(count_rows(&tcp, 99999, &err), -1);
	assert_int_equal(err.code, EBADF);
	assert_int_equal(count_fds(), fds);
	close(fd);
}

static void test_cancel_before(void **state)
{
	const struct nlmsghdr *msg;
	struct nl_dump *dump;
	struct nl_error err;

	(void)state;
	nl_cancel = 1;
	assert_int_equal(nl_dump_open(&dump, &links, -1, &err), -1);
	assert_null(dump);
	assert_int_equal(err.code, ECANCELED);
	assert_string_equal(err.text, "interrupted");
	nl_cancel = 0;
	assert_int_equal(nl_dump_open(&dump, &links, -1, &err), 0);
	nl_cancel = 1;
	assert_int_equal(nl_dump_next(dump, &msg, &err), -1);
	nl_cancel = 0;
	assert_int_equal(err.code, ECANCELED);
	/* It stays failed: what was missed does not come back. */
	assert_int_equal(nl_dump_next(dump, &msg, &err), -1);
	nl_dump_close(dump);
	assert_true(count_rows(&links, -1, &err) >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp),	      cmocka_unit_test(test_links),
		cmocka_unit_test(test_error_in_done), cmocka_unit_test(test_error_message),
		cmocka_unit_test(test_kernel_words),  cmocka_unit_test(test_requests_refused_here),
		cmocka_unit_test(test_get),	      cmocka_unit_test(test_get_receipt),
		cmocka_unit_test(test_names),	      cmocka_unit_test(test_no_fd_left),
		cmocka_unit_test(test_two_at_once),   cmocka_unit_test(test_netns),
		cmocka_unit_test(test_netns_own),     cmocka_unit_test(test_netns_wrong),
		cmocka_unit_test(test_cancel_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
