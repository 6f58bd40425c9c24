/*
 * Recordings as files: what a damaged one is told to be, and that a recording
 * of the running kernel replays to the same messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "connsh/recording.h"
#include "test_netlink_stream.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
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

/* The same, whatever it is. */
static const char *assert_damaged_some(void)
{
	static struct nl_error err;

	assert_int_equal(nl_replay_memory(stream.bytes, stream.len, &err), -1);
	assert_int_equal(err.code, EBADMSG);
	return err.text;
}

static void test_damaged(void **state)
{
	(void)state;
	stream.len = 0;
	assert_damaged(
		"the recording is damaged at byte 0: it does not begin with \"connshnl\" and "
		"a version");
	stream_start(&stream);
	assert_damaged("the recording is damaged at byte 12: it ends without its last record: "
		       "something was cut off");
	stream_u32(&stream, NL_REC_DATA);
	assert_damaged("the recording is damaged at byte 12: the head of a record is cut off");
	stream_u32(&stream, UINT32_MAX);
	stream_u32(&stream, 0);
	assert_damaged("the recording is damaged at byte 12: a record is longer than what is left");
	stream_start(&stream);
	stream_list(&stream, 0);
	stream.bytes[30] ^= 1;
	assert_damaged("the recording is damaged at byte 12: the check of a record does not fit "
		       "its bytes");
	stream_start(&stream);
	stream_list(&stream, 0);
	stream.records++;
	stream_end(&stream);
	assert_damaged("the recording is damaged at byte 40: records are missing before its last "
		       "one");
	stream_start(&stream);
	stream_end(&stream);
	stream_list(&stream, 0);
	assert_damaged("the recording is damaged at byte 32: it goes on behind its last record");
}

/* A record of this kind with these bytes, its check right: what is said of it. */
static void assert_unfit(enum nl_rec_kind kind, const void *bytes, size_t len, const char *why)
{
	char text[128];

	stream_start(&stream);
	stream_record(&stream, kind);
	stream_add(&stream, bytes, len);
	stream_end(&stream);
	snprintf(text, sizeof(text), "the recording is damaged at byte %d: %s",
		 kind == 0 || kind > NL_REC_THREAD ? 12 : 24, why);
	assert_damaged(text);
}

/* Numbers as they lie in a record. */
#define U32(...) ((const uint32_t[]){ __VA_ARGS__ }), sizeof((const uint32_t[]){ __VA_ARGS__ })

/* The same of a thread, behind its process. */
static void assert_thread(const void *bytes, size_t len, const char *why)
{
	const uint32_t process[6] = { 7 };

	stream_start(&stream);
	stream_record(&stream, NL_REC_PASS);
	stream_u32(&stream, 0);
	stream_close(&stream);
	stream_record(&stream, NL_REC_PROCESS);
	stream_add(&stream, process, sizeof(process));
	stream_close(&stream);
	stream_record(&stream, NL_REC_THREAD);
	stream_add(&stream, bytes, len);
	stream_end(&stream);
	assert_non_null(strstr(assert_damaged_some(), why));
}

static void test_unfit_records(void **state)
{
	static const char process[] = "the lengths of a process do not fit its record";
	static const uint32_t huge[] = { 7, 0, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };

	(void)state;
	assert_unfit(0, "", 0, "a record of unknown kind");
	assert_unfit(99, "", 0, "a record of unknown kind");
	assert_unfit(NL_REC_DUMP, U32(0, 0, 0), "the head of a list has a length other than 16");
	assert_unfit(NL_REC_OBJECT, U32(0, 0, 0),
		     "the head of an object has a length other than 20");
	assert_unfit(NL_REC_DATA, "", 0, "data comes before the list that it belongs to");
	assert_unfit(NL_REC_AGAIN, "", 0, "the number of a list has a length other than 4");
	assert_unfit(NL_REC_AGAIN, U32(0), "it goes on with a list that has not begun");
	assert_unfit(NL_REC_TEXT, U32(0), "the head of a text has no path");
	assert_unfit(NL_REC_TEXT, "\0\0\0\0net", 7, "the head of a text has no path");
	assert_unfit(NL_REC_END, U32(0, 0), "the end of a list has no code and text");
	assert_unfit(NL_REC_END, "\0\0\0\0", 5, "an end comes without its list");
	assert_unfit(NL_REC_NETNS, U32(1, 2, 3), "a namespace has no number, inode and name");
	assert_unfit(NL_REC_NETNS, "\xff\xff\xff\xff\0\0\0\0\0\0\0\0", 13,
		     "a namespace has no number, inode and name");
	assert_unfit(NL_REC_PIDS, "", 0, "pids are no numbers behind that of a namespace");
	assert_unfit(NL_REC_PIDS, "\0\0\0\0\1", 5,
		     "pids are no numbers behind that of a namespace");
	assert_unfit(NL_REC_PASS, U32(2), "a pass over processes has no flags that are known");
	assert_unfit(NL_REC_PROCESS, U32(1, 0, 0, 0, 0, 0), "a process comes before its pass");
	assert_unfit(NL_REC_NAME, U32(0, 1, 1, 0), "a name has no number and text");
	assert_unfit(NL_REC_NAME, U32(0, 1, 1, 0, 1), "a name has no number and text");
	assert_unfit(NL_REC_FACT, "key", 4, "a fact has no key and value");
	assert_unfit(NL_REC_FACT, "key\0value", 9, "a fact has no key and value");
	assert_unfit(NL_REC_THREAD, U32(0, 0, 0, 0), "a thread comes before its process");
	assert_thread(U32(0, 0, 0), "the head of a thread is cut off");
	assert_thread(U32(0, 0, 0, 1), "the lengths of a thread do not fit its record");
	assert_thread(U32(0, 0, 0, UINT32_MAX), "the lengths of a thread do not fit its record");
	assert_thread(U32(0, 2, 0, 0), "the lengths of a thread do not fit its record");
	assert_thread(U32(0, UINT32_MAX, UINT32_MAX, 0),
		      "the lengths of a thread do not fit its record");
	assert_thread(U32(1u << 31, 0, 0, 0), "the lengths of a thread do not fit its record");
	assert_thread(U32(0, 0, 0, 1, 5, 3, 2), "the lengths of a thread do not fit its record");
	assert_thread(U32(0, 0, 0, 1, 5, 3, UINT32_MAX),
		      "the lengths of a thread do not fit its record");
	assert_thread(U32(0, 0, 0, 0, 5), "the lengths of a thread do not fit its record");
	assert_thread(U32(0, 0, 0, 1, 5, 1u << 31, 0), "what a thread holds is no descriptor");
	for (size_t i = 0; i < 4; i++) {
		uint32_t head[6] = { 7 };

		head[2 + i] = huge[2 + i];
		stream_start(&stream);
		stream_record(&stream, NL_REC_PASS);
		stream_u32(&stream, 0);
		stream_close(&stream);
		stream_record(&stream, NL_REC_PROCESS);
		stream_add(&stream, head, sizeof(head));
		stream_end(&stream);
		assert_non_null(strstr(assert_damaged_some(), process));
	}
}

static void test_other_versions(void **state)
{
	struct nl_error err;

	(void)state;
	stream_start(&stream);
	stream.bytes[8] = 1;
	assert_int_equal(nl_replay_memory(stream.bytes, stream.len, &err), -1);
	assert_int_equal(err.code, EINVAL);
	assert_string_equal(err.text, "the recording has version 1; this connsh reads version 2");

	stream_start(&stream);
	stream_record(&stream, NL_REC_FACT);
	stream_add(&stream, "byte_order\0middle", 18);
	stream_end(&stream);
	assert_int_equal(nl_replay_memory(stream.bytes, stream.len, &err), -1);
	assert_int_equal(err.code, EINVAL);
	assert_non_null(strstr(err.text, "the recording is of a middle-endian machine"));
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
	stream_end(&stream);
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
	/* what lay there was replaced at the end, not written to */
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(stat(path, &st), 0);
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
		cmocka_unit_test(test_damaged),	       cmocka_unit_test(test_unfit_records),
		cmocka_unit_test(test_other_versions), cmocka_unit_test(test_files),
		cmocka_unit_test(test_old_stays),      cmocka_unit_test(test_record),
		cmocka_unit_test(test_record_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
