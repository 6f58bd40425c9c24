/*
 * One netlink socket, below dumps: signals while it waits, senders that are not
 * the kernel, datagrams that do not fit, a kernel that says nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../src/netlink/internal.h"
#include "alarms.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

static const struct ifinfomsg link_payload = { .ifi_family = AF_UNSPEC };

static const struct nl_request links = {
	.bus = NETLINK_ROUTE,
	.type = RTM_GETLINK,
	.payload = &link_payload,
	.len = sizeof(link_payload),
	.what = "links",
};

/* A receive with nothing to come: signals pass, until one of them cancels. */
static void test_cancel_during(void **state)
{
	struct nl_error err;
	struct nl_sock sock;
	uint64_t foreign = 0, buf[128];
	ssize_t got;

	(void)state;
	assert_int_equal(nl_sock_open(&sock, &links, -1, &err), 0);
	start_alarms(4);
	got = nl_sock_recv(&sock, buf, sizeof(buf), "links", &foreign, &err);
	stop_alarms();
	nl_sock_close(&sock);
	assert_int_equal(got, -1);
	assert_int_equal(err.code, ECANCELED);
	assert_true(alarms >= 4);
}

/* Dumps without end, until a signal comes at whatever moment. */
static void test_cancel_any_time(void **state)
{
	const struct nlmsghdr *msg;
	struct nl_dump *dump;
	struct nl_error err;
	int rc;

	(void)state;
	start_alarms(3);
	do {
		rc = nl_dump_open(&dump, &links, -1, &err);
		while (rc >= 0 && (rc = nl_dump_next(dump, &msg, &err)) == 1)
			;
		nl_dump_close(dump);
	} while (rc == 0);
	stop_alarms();
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ECANCELED);
}

static void test_silence(void **state)
{
	struct nl_error err;
	struct nl_sock sock;
	uint64_t foreign = 0, buf[128];

	(void)state;
	assert_int_equal(nl_sock_open(&sock, &links, -1, &err), 0);
	assert_int_equal(nl_sock_recv(&sock, buf, sizeof(buf), "links", &foreign, &err), -1);
	nl_sock_close(&sock);
	assert_int_equal(err.code, ETIMEDOUT);
	assert_string_equal(err.text, "the kernel stopped answering the request for links");
}

static void test_truncated(void **state)
{
	struct nl_error err;
	struct nl_sock sock;
	uint64_t foreign = 0, buf[16];

	(void)state;
	assert_int_equal(nl_sock_open(&sock, &links, -1, &err), 0);
	assert_int_equal(nl_sock_send(&sock, &links, NLM_F_DUMP, &err), 0);
	assert_int_equal(nl_sock_recv(&sock, buf, sizeof(buf), "links", &foreign, &err), -1);
	nl_sock_close(&sock);
	assert_int_equal(err.code, EMSGSIZE);
	assert_string_equal(err.text, "a part of the answer about links was larger than 128 bytes "
				      "and was cut off");
}

/* On NETLINK_USERSOCK any process may send to any other: what a forger does. */
static void test_foreign_sender(void **state)
{
	const struct nl_request bus = { .bus = NETLINK_USERSOCK, .what = "nothing" };
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct nl_sock victim, forger;
	struct nlmsghdr msg = { .nlmsg_len = 0xc2000001, .nlmsg_type = 20 };
	struct nl_error err;
	uint64_t foreign = 0, buf[128];

	(void)state;
	if (nl_sock_open(&victim, &bus, -1, &err) != 0)
		skip();
	assert_int_equal(nl_sock_open(&forger, &bus, -1, &err), 0);
	assert_int_not_equal(victim.port, forger.port);
	to.nl_pid = victim.port;
	for (size_t len = 1; len <= sizeof(msg); len += sizeof(msg) - 1)
		assert_int_equal(
			sendto(forger.fd, &msg, len, 0, (struct sockaddr *)&to, sizeof(to)), len);
	start_alarms(2);
	assert_int_equal(nl_sock_recv(&victim, buf, sizeof(buf), "nothing", &foreign, &err), -1);
	stop_alarms();
	assert_int_equal(err.code, ECANCELED);
	assert_int_equal(foreign, 2);
	nl_sock_close(&victim);
	nl_sock_close(&forger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cancel_during),  cmocka_unit_test(test_cancel_any_time),
		cmocka_unit_test(test_silence),	       cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_foreign_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
