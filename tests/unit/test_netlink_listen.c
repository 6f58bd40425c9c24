/*
 * Listening: what happens in a namespace of its own is told, what others send is not, what does not
 * fit is said, and waiting ends when it shall.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alarms.h"
#include "connsh/recording.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const unsigned link_group = RTNLGRP_LINK, first_group = 1;

static struct nl_listen *open_links(void)
{
	struct nl_listen *l;
	struct nl_error err;

	assert_int_equal(nl_listen_open(&l, NETLINK_ROUTE, &link_group, 1, -1, "links", &err), 0);
	return l;
}

/* The kernel tells each change of an MTU to RTNLGRP_LINK. */
static void change_mtu(int times)
{
	static int mtu = 2000;
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	for (int i = 0; i < times; i++) {
		ifr.ifr_mtu = mtu ^= 1;
		assert_int_equal(ioctl(fd, SIOCSIFMTU, &ifr), 0);
	}
	close(fd);
}

static void test_told(void **state)
{
	struct nl_listen *l = open_links();
	const struct nlmsghdr *msg;
	struct nl_error err;
	const struct ifinfomsg *link;

	(void)state;
	assert_int_equal(nl_listen_next(l, &msg, &err), 0);
	change_mtu(1);
	assert_int_equal(nl_listen_wait(&l, 1, 5000, &err), 1);
	assert_int_equal(nl_listen_next(l, &msg, &err), 1);
	assert_int_equal(msg->nlmsg_type, RTM_NEWLINK);
	assert_true(msg->nlmsg_len >= NLMSG_LENGTH(sizeof(*link)));
	link = NLMSG_DATA(msg);
	assert_int_equal(link->ifi_index, if_nametoindex("lo"));
	while (nl_listen_next(l, &msg, &err) == 1)
		assert_int_equal(msg->nlmsg_type, RTM_NEWLINK);
	assert_int_equal(nl_listen_next(l, &msg, &err), 0);
	assert_int_equal(nl_listen_wait(&l, 1, 0, &err), 0);
	nl_listen_close(l);
}

/* Of several the one that has something ends the wait. */
static void test_several(void **state)
{
	struct nl_listen *list[2];
	const struct nlmsghdr *msg;
	struct nl_error err;

	(void)state;
	assert_int_equal(
		nl_listen_open(&list[0], NETLINK_USERSOCK, &first_group, 1, -1, "quiet", &err), 0);
	list[1] = open_links();
	change_mtu(1);
	assert_int_equal(nl_listen_wait(list, 2, 5000, &err), 1);
	assert_int_equal(nl_listen_next(list[0], &msg, &err), 0);
	assert_int_equal(nl_listen_next(list[1], &msg, &err), 1);
	nl_listen_close(list[0]);
	nl_listen_close(list[1]);
}

/* Any process may send to a group of this bus; it is not the kernel. */
static void test_foreign(void **state)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	struct nlmsghdr fake = { .nlmsg_len = sizeof(fake), .nlmsg_type = RTM_NEWLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
	const struct nlmsghdr *msg;
	struct nl_listen *l;
	struct nl_error err;

	(void)state;
	assert_int_equal(nl_listen_open(&l, NETLINK_USERSOCK, &first_group, 1, -1, "x", &err), 0);
	/* the group gets it; that there is no kernel behind this bus is what the sender is told */
	assert_int_equal(sendto(fd, &fake, sizeof(fake), 0, (struct sockaddr *)&to, sizeof(to)),
			 -1);
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(nl_listen_wait(&l, 1, 5000, &err), 1);
	assert_int_equal(nl_listen_next(l, &msg, &err), 0);
	assert_int_equal(nl_listen_foreign(l), 1);
	close(fd);
	nl_listen_close(l);
}

/* More than fits: that is said, and what did fit comes still. */
static void test_lost(void **state)
{
	struct nl_listen *l = open_links();
	const struct nlmsghdr *msg;
	unsigned lost = 0, told = 0;
	struct nl_error err;
	int rc;

	(void)state;
	change_mtu(30000);
	while ((rc = nl_listen_next(l, &msg, &err)) > 0) {
		lost += rc == NL_LISTEN_LOST;
		told += rc == 1;
	}
	assert_int_equal(rc, 0);
	assert_true(lost >= 1);
	assert_true(told > 100);
	assert_true(told < 30000);
	/* and goes on */
	change_mtu(1);
	assert_int_equal(nl_listen_next(l, &msg, &err), 1);
	nl_listen_close(l);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Signals that mean nothing do not shorten the wait. */
static void test_limit(void **state)
{
	struct nl_listen *l = open_links();
	struct nl_error err;
	double before = now();

	(void)state;
	start_alarms(1000000);
	assert_int_equal(nl_listen_wait(&l, 1, 60, &err), 0);
	stop_alarms();
	assert_true(now() - before >= 0.059);
	assert_true(alarms > 2);
	nl_listen_close(l);
}

static void test_cancel(void **state)
{
	struct nl_listen *l = open_links();
	const struct nlmsghdr *msg;
	struct nl_error err;

	(void)state;
	start_alarms(3);
	assert_int_equal(nl_listen_wait(&l, 1, -1, &err), -1);
	assert_int_equal(err.code, ECANCELED);
	stop_alarms();
	nl_cancel = 1;
	assert_int_equal(nl_listen_wait(&l, 1, -1, &err), -1);
	assert_int_equal(err.code, ECANCELED);
	assert_int_equal(nl_listen_next(l, &msg, &err), -1);
	assert_int_equal(err.code, ECANCELED);
	nl_cancel = 0;
	assert_int_equal(nl_listen_next(l, &msg, &err), 0);
	nl_listen_close(l);
	nl_listen_close(NULL);
}

static void test_refused(void **state)
{
	const unsigned none = 100000;
	struct nl_listen *l = (void *)state;
	struct nl_error err;

	(void)state;
	assert_int_equal(nl_listen_open(&l, NETLINK_ROUTE, &none, 1, -1, "wonders", &err), -1);
	assert_null(l);
	assert_int_equal(err.code, EINVAL);
	assert_string_equal(err.text, "cannot listen to wonders: Invalid argument");
	assert_int_equal(nl_listen_open(&l, 77, &none, 1, -1, "wonders", &err), -1);
	assert_int_equal(err.code, EPROTONOSUPPORT);
}

static int own_namespace(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET) == 0 ? 0 : unshare(CLONE_NEWUSER | CLONE_NEWNET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),	cmocka_unit_test(test_several),
		cmocka_unit_test(test_foreign), cmocka_unit_test(test_lost),
		cmocka_unit_test(test_limit),	cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, own_namespace, NULL);
}
