/*
 * Recordings as files: what a damaged one is told to be, and that a recording
 * of the running kernel replays to the same messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "connsh/netlink.h"
#include "test_netlink_stream.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct stream stream;

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

/* Structure that is wrong: what is said of it. */
static void assert_damaged(const char *text)
{
	struct nl_error err = { .code = 0 };

	assert_int_equal(nl_replay_memory(stream.bytes, stream.len, &err), -1);
	assert_int_equal(err.code, EBADMSG);
	assert_string_equal(err.text, text);
}

static void test_damaged(void **state)
{
	(void)state;
	stream.len = 0;
	assert_damaged(
		"the recording is damaged at byte 0: it does not begin with \"connshnl\" and "
		"a version");
	stream_start(&stream);
	stream.bytes[8] = 2;
	assert_damaged("the recording is damaged at byte 8: its version is not 1");
	stream_start(&stream);
	stream_datagram(&stream);
	stream_close(&stream);
	assert_damaged("the recording is damaged at byte 20: a datagram comes before the list that "
		       "it belongs to");
	stream_start(&stream);
	stream_record(&stream, 1);
	stream_u32(&stream, 0);
	stream_close(&stream);
	assert_damaged("the recording is damaged at byte 20: the head of a list has a length other "
		       "than 12");
	stream_start(&stream);
	stream_record(&stream, 3);
	stream_u32(&stream, 0);
	stream_close(&stream);
	assert_damaged("the recording is damaged at byte 20: it goes on with a list that has not "
		       "begun");
	stream_start(&stream);
	stream_record(&stream, 4);
	assert_damaged("the recording is damaged at byte 12: a record of unknown kind");
	stream_start(&stream);
	stream_u32(&stream, 2);
	stream_u32(&stream, UINT32_MAX);
	assert_damaged("the recording is damaged at byte 12: a record is longer than what is left");
	stream_start(&stream);
	stream_u32(&stream, 2);
	assert_damaged("the recording is damaged at byte 12: the head of a record is cut off");
}

static void test_files(void **state)
{
	struct nl_error err;

	(void)state;
	assert_int_equal(nl_replay_load("/nonexistent/recording", &err), -1);
	assert_int_equal(err.code, ENOENT);
	assert_string_equal(err.text, "cannot open the recording '/nonexistent/recording': No such "
				      "file or directory");
	assert_int_equal(nl_replay_load("/", &err), -1);
	assert_int_equal(err.code, EISDIR);
	assert_int_equal(nl_replay_load("/dev/null", &err), -1);
	assert_int_equal(err.code, EBADMSG);
	assert_string_equal(err.text,
			    "'/dev/null': the recording is damaged at byte 0: it does not "
			    "begin with \"connshnl\" and a version");
	assert_false(nl_replay_loaded());
}

static void test_old_stays(void **state)
{
	struct nl_error err;

	(void)state;
	stream_start(&stream);
	assert_int_equal(nl_replay_memory(stream.bytes, stream.len, &err), 0);
	assert_int_equal(nl_replay_memory(stream.bytes, 3, &err), -1);
	assert_true(nl_replay_loaded());
	nl_replay_unload();
	assert_false(nl_replay_loaded());
}

/* The messages of a list, one behind the other. */
struct copy {
	size_t len;
	unsigned rows;
	unsigned char bytes[1 << 18];
};

/* Reads the next row into copy (where it fits whole); false at the end. */
static bool copy_row(struct nl_dump *dump, struct copy *copy)
{
	const struct nlmsghdr *msg;
	struct nl_error err;
	int rc = nl_dump_next(dump, &msg, &err);

	if (rc != 1) {
		assert_int_equal(rc, 0);
		return false;
	}
	assert_true(msg->nlmsg_len <= sizeof(copy->bytes) - copy->len);
	memcpy(copy->bytes + copy->len, msg, msg->nlmsg_len);
	copy->len += msg->nlmsg_len;
	copy->rows++;
	return true;
}

/* Two lists at the same time, so that their datagrams lie mixed in a recording. */
static void copy_both(struct copy *a, struct copy *b)
{
	struct nl_dump *dump_a, *dump_b;
	struct nl_error err;
	bool more_a = true, more_b = true;

	a->len = b->len = 0;
	assert_int_equal(nl_dump_open(&dump_a, &links, -1, &err), 0);
	assert_int_equal(nl_dump_open(&dump_b, &tcp, -1, &err), 0);
	while (more_a || more_b) {
		more_a = more_a && copy_row(dump_a, a);
		more_b = more_b && copy_row(dump_b, b);
	}
	nl_dump_close(dump_a);
	nl_dump_close(dump_b);
}

static void copy_links(struct copy *copy)
{
	struct nl_dump *dump;
	struct nl_error err;

	copy->len = copy->rows = 0;
	assert_int_equal(nl_dump_open(&dump, &links, -1, &err), 0);
	while (copy_row(dump, copy))
		;
	assert_true(copy->rows >= 1);
	nl_dump_close(dump);
}

static void test_record(void **state)
{
	static struct copy live[2], replayed[2];
	char path[] = "/tmp/test_netlink_XXXXXX";
	struct nl_error err;
	struct stat st;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(nl_record_start(path, &err), 0);
	assert_int_equal(nl_record_start(path, &err), -1);
	assert_int_equal(err.code, EBUSY);
	copy_both(&live[0], &live[1]);
	assert_int_equal(nl_record_stop(&err), 0);
	assert_int_equal(nl_record_stop(&err), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_int_equal(nl_replay_load(path, &err), 0);
	for (int again = 0; again < 2; again++) {
		copy_both(&replayed[0], &replayed[1]);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(replayed[i].len, live[i].len);
			assert_memory_equal(replayed[i].bytes, live[i].bytes, live[i].len);
		}
	}
	nl_replay_unload();
	close(fd);
	unlink(path);
}

static void test_record_fails(void **state)
{
	struct nl_error err;
	static struct copy before, recorded;

	(void)state;
	copy_links(&before);
	assert_int_equal(nl_record_start("/nonexistent/recording", &err), -1);
	assert_int_equal(err.code, ENOENT);
	assert_string_equal(err.text, "cannot record to '/nonexistent/recording': No such file or "
				      "directory");
	assert_int_equal(nl_record_start("/dev/full", &err), 0);
	copy_links(&recorded);
	assert_int_equal(recorded.rows, before.rows);
	assert_int_equal(nl_record_stop(&err), -1);
	assert_int_equal(err.code, ENOSPC);
	assert_string_equal(err.text,
			    "the recording is not whole: writing it failed: No space left "
			    "on device");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged),	     cmocka_unit_test(test_files),
		cmocka_unit_test(test_old_stays),    cmocka_unit_test(test_record),
		cmocka_unit_test(test_record_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
