/*
 * The rules of a dump, on recorded streams: everything a kernel, a broken
 * kernel or a forged recording could say. What must never happen is a crash, or
 * success with rows missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "connsh/netlink.h"
#include "test_netlink_stream.h"

#include <errno.h>
#include <stdlib.h>

static struct stream stream;
static volatile unsigned sink;

struct result {
	int rc;
	unsigned rows, flags;
	struct nl_error err;
};

static int open_list(struct nl_dump **dump, uint32_t key, struct nl_error *err)
{
	const struct nl_request req = {
		.bus = NETLINK_ROUTE,
		.type = 18,
		.key = key,
		.what = "links",
	};

	return nl_dump_open(dump, &req, -1, err);
}

/* Reads the list to its end; every byte of every row is looked at. */
static struct result read_list(uint32_t key)
{
	struct result r = { .rc = -1 };
	const struct nlmsghdr *msg;
	struct nl_dump *dump;

	if (open_list(&dump, key, &r.err) != 0)
		return r;
	while ((r.rc = nl_dump_next(dump, &msg, &r.err)) == 1) {
		r.rows++;
		for (size_t i = 0; i < msg->nlmsg_len; i++)
			sink += ((const unsigned char *)msg)[i];
	}
	assert_int_equal(nl_dump_next(dump, &msg, NULL), r.rc);
	r.flags = nl_dump_flags(dump);
	assert_int_equal(nl_dump_stats(dump)->messages, r.rows);
	nl_dump_close(dump);
	return r;
}

/* Closes the record under construction, loads the stream and reads its list 0. */
static struct result play(void)
{
	struct nl_error err;
	struct result r;

	stream_end(&stream);
	assert_int_equal(nl_replay_memory(stream.bytes, stream.len, &err), 0);
	r = read_list(0);
	nl_replay_unload();
	return r;
}

static void begin(void)
{
	stream_start(&stream);
	stream_list(&stream, 0);
	stream_datagram(&stream);
}

static void next_datagram(void)
{
	stream_close(&stream);
	stream_datagram(&stream);
}

/* The stream that play() would have read ends with the error, after rows. */
static void assert_failed(struct result r, unsigned rows, int code, const char *text)
{
	assert_int_equal(r.rc, -1);
	assert_int_equal(r.rows, rows);
	assert_string_equal(r.err.text, text);
	assert_int_equal(r.err.code, code);
}

static void assert_whole(struct result r, unsigned rows, unsigned flags)
{
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.rows, rows);
	assert_int_equal(r.flags, flags | NL_RECORDED);
}

static void test_whole(void **state)
{
	(void)state;
	begin();
	stream_row(&stream, 0);
	stream_row(&stream, 0);
	next_datagram();
	stream_row(&stream, 0);
	stream_done(&stream, 0, 0);
	assert_whole(play(), 3, 0);

	begin();
	stream_done(&stream, 0, 0);
	assert_whole(play(), 0, 0);
}

static void test_nothing_after_done(void **state)
{
	(void)state;
	begin();
	stream_done(&stream, 0, 0);
	stream_row(&stream, 0);
	next_datagram();
	stream_row(&stream, 0);
	assert_whole(play(), 0, 0);
}

static void test_done_missing(void **state)
{
	static const char text[] = "the recorded list of links ended without its end mark";

	(void)state;
	begin();
	stream_row(&stream, 0);
	next_datagram();
	stream_row(&stream, 0);
	assert_failed(play(), 2, EPROTO, text);

	stream_start(&stream);
	stream_list(&stream, 0);
	assert_failed(play(), 0, EPROTO, text);
}

static void test_done_code(void **state)
{
	static const char odd[] =
		"the kernel's answer to the request to list links has no valid error code";
	const int32_t codes[] = { 1, INT32_MAX, INT32_MIN, -4096 };

	(void)state;
	begin();
	stream_row(&stream, 0);
	stream_done(&stream, 0, -ENOMEM);
	assert_failed(play(), 1, ENOMEM,
		      "the kernel refused to list links: Cannot allocate memory");
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		begin();
		stream_row(&stream, 0);
		stream_done(&stream, 0, codes[i]);
		assert_failed(play(), 1, EPROTO, odd);
	}
	for (size_t len = 0; len < 4; len++) {
		begin();
		stream_row(&stream, 0);
		stream_msg(&stream, NLMSG_DONE, NLM_F_MULTI, "\0\0\0", len);
		assert_failed(play(), 1, EPROTO, odd);
	}
}

/* Puts {code, then an extended ack of a text and an offset} into payload. */
static size_t ext_ack(unsigned char *payload, size_t size, size_t len, const char *text,
		      size_t text_len)
{
	const uint32_t offset = 28;

	assert_true(nl_attr_put(payload, &len, size, 1, text, text_len));
	assert_true(nl_attr_put(payload, &len, size, 2, &offset, sizeof(offset)));
	return len;
}

static void test_done_text(void **state)
{
	unsigned char payload[256];
	const int32_t code = -ENOENT;
	size_t len;

	(void)state;
	memcpy(payload, &code, sizeof(code));
	len = ext_ack(payload, sizeof(payload), sizeof(code), "no such table", 14);
	begin();
	stream_msg(&stream, NLMSG_DONE, NLM_F_MULTI | NLM_F_ACK_TLVS, payload, len);
	assert_failed(play(), 0, ENOENT,
		      "the kernel refused to list links: no such table (No such file or "
		      "directory), at byte 28 of the request");

	/* Without the flag, what stands there is no text. */
	begin();
	stream_msg(&stream, NLMSG_DONE, NLM_F_MULTI, payload, len);
	assert_failed(play(), 0, ENOENT,
		      "the kernel refused to list links: No such file or directory");

	/* No final NUL, and a byte that would move a cursor. */
	len = ext_ack(payload, sizeof(payload), sizeof(code), "no\033[Htable", 10);
	begin();
	stream_msg(&stream, NLMSG_DONE, NLM_F_MULTI | NLM_F_ACK_TLVS, payload, len);
	assert_failed(play(), 0, ENOENT,
		      "the kernel refused to list links: no?[Htable (No such file or "
		      "directory), at byte 28 of the request");
}

static void test_done_text_long(void **state)
{
	unsigned char payload[1024];
	char text[600];
	const int32_t code = -EINVAL;
	size_t len;
	struct result r;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(payload, &code, sizeof(code));
	len = ext_ack(payload, sizeof(payload), sizeof(code), text, sizeof(text));
	begin();
	stream_msg(&stream, NLMSG_DONE, NLM_F_MULTI | NLM_F_ACK_TLVS, payload, len);
	r = play();
	assert_int_equal(r.rc, -1);
	assert_int_equal(r.err.code, EINVAL);
	assert_int_equal(strlen(r.err.text), sizeof(r.err.text) - 1);
}

/* An NLMSG_ERROR that repeats a request of body bytes, or its head alone. */
static struct result play_error(uint16_t flags, uint32_t claim, size_t body)
{
	unsigned char payload[256] = { 0 };
	const int32_t code = -EINVAL;
	const struct nlmsghdr request = { claim, 18, NLM_F_REQUEST, STREAM_SEQ, 0 };
	size_t len = sizeof(code) + sizeof(request) + body;

	memcpy(payload, &code, sizeof(code));
	memcpy(payload + sizeof(code), &request, sizeof(request));
	len = ext_ack(payload, sizeof(payload), len, "bad header", 11);
	begin();
	stream_msg(&stream, NLMSG_ERROR, flags, payload, len);
	return play();
}

static void test_error(void **state)
{
	static const char with[] =
		"the kernel refused to list links: bad header (Invalid argument), at byte 28 of "
		"the request";
	static const char without[] = "the kernel refused to list links: Invalid argument";

	(void)state;
	assert_failed(play_error(NLM_F_CAPPED | NLM_F_ACK_TLVS, 16 + 24, 0), 0, EINVAL, with);
	assert_failed(play_error(NLM_F_ACK_TLVS, 16 + 24, 24), 0, EINVAL, with);
	assert_failed(play_error(NLM_F_ACK_TLVS, 16 + 21, 24), 0, EINVAL, with);
	assert_failed(play_error(NLM_F_CAPPED, 16 + 24, 0), 0, EINVAL, without);
	/* A repeated request whose length is a lie leads nowhere. */
	assert_failed(play_error(NLM_F_ACK_TLVS, 0, 24), 0, EINVAL, without);
	assert_failed(play_error(NLM_F_ACK_TLVS, 15, 24), 0, EINVAL, without);
	assert_failed(play_error(NLM_F_ACK_TLVS, UINT32_MAX, 24), 0, EINVAL, without);
	assert_failed(play_error(NLM_F_ACK_TLVS, 0xc2000001, 24), 0, EINVAL, without);
}

static void test_error_short(void **state)
{
	const int32_t code = -EPERM;

	(void)state;
	begin();
	stream_msg(&stream, NLMSG_ERROR, NLM_F_ACK_TLVS, &code, sizeof(code));
	assert_failed(play(), 0, EPERM,
		      "the kernel refused to list links: Operation not permitted");
	begin();
	stream_msg(&stream, NLMSG_ERROR, NLM_F_ACK_TLVS, &code, 2);
	assert_failed(play(), 0, EPROTO,
		      "the kernel's answer to the request to list links has no valid error code");
}

static void test_control(void **state)
{
	const int32_t zero[5] = { 0 };

	(void)state;
	begin();
	stream_msg(&stream, NLMSG_NOOP, 0, NULL, 0);
	stream_msg(&stream, NLMSG_ERROR, 0, zero, sizeof(zero));
	stream_row(&stream, 0);
	stream_msg(&stream, NLMSG_NOOP, 0, "abc", 3);
	stream_done(&stream, 0, 0);
	assert_whole(play(), 1, 0);

	begin();
	stream_row(&stream, 0);
	stream_msg(&stream, NLMSG_OVERRUN, 0, NULL, 0);
	stream_done(&stream, 0, 0);
	assert_failed(play(), 1, ENOBUFS, "the kernel lost a part of the list of links");

	begin();
	stream_msg(&stream, 5, 0, NULL, 0);
	stream_done(&stream, 0, 0);
	assert_failed(play(), 0, EPROTO,
		      "the list of links holds a control message of the unknown type 5");
}

static void test_flags(void **state)
{
	(void)state;
	for (int at = 0; at < 4; at++) {
		begin();
		stream_row(&stream, at == 0 ? NLM_F_DUMP_INTR : 0);
		stream_row(&stream, at == 1 ? NLM_F_DUMP_INTR : 0);
		next_datagram();
		stream_row(&stream, at == 2 ? NLM_F_DUMP_INTR : 0);
		stream_done(&stream, at == 3 ? NLM_F_DUMP_INTR : 0, 0);
		assert_whole(play(), 3, NL_INTERRUPTED);
	}
	begin();
	stream_row(&stream, NLM_F_DUMP_FILTERED);
	stream_done(&stream, 0, 0);
	assert_whole(play(), 1, NL_FILTERED);
}

static void test_other_request(void **state)
{
	static const char text[] =
		"the list of links holds a message that belongs to another request";
	size_t at;

	(void)state;
	for (int which = 0; which < 2; which++) {
		begin();
		stream_row(&stream, 0);
		next_datagram();
		at = stream_row(&stream, 0);
		if (which == 0)
			stream_head(&stream, at)->nlmsg_seq ^= 0x5555;
		else
			stream_head(&stream, at)->nlmsg_pid ^= 1;
		stream_done(&stream, 0, 0);
		assert_failed(play(), 1, EPROTO, text);
	}
	begin();
	stream_row(&stream, 0);
	at = stream_done(&stream, 0, 0);
	stream_head(&stream, at)->nlmsg_seq++;
	assert_failed(play(), 1, EPROTO, text);
}

static void test_lengths(void **state)
{
	const uint32_t claims[] = { 0,		1,	    15,		33 + 20,
				    0x7fffffff, 0xc2000001, 0xfffffff1, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		struct result r;

		begin();
		stream_row(&stream, 0);
		stream_claim(&stream, claims[i], STREAM_ROW, 0, "0123456789abcdef", 16);
		stream_done(&stream, 0, 0);
		r = play();
		assert_failed(
			r, 1, EBADMSG,
			"the recorded list of links is malformed at byte 84 of the recording");
	}
}

/* A datagram that ends within a message, wherever it does. */
static void test_short_datagram(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < 32 + 20; cut++) {
		struct result r;

		begin();
		stream_row(&stream, 0);
		stream_done(&stream, 0, 0);
		stream.len -= 32 + 20 - cut;
		r = play();
		assert_int_equal(r.rc, -1);
		assert_int_equal(r.rows, cut >= 32);
		assert_int_equal(r.err.code, cut == 0 || cut == 32 ? EPROTO : EBADMSG);
	}
}

static void build_sample(void)
{
	stream_start(&stream);
	stream_list(&stream, 0);
	stream_list(&stream, 1);
	stream_datagram(&stream);
	stream_row(&stream, 0);
	stream_close(&stream);
	stream_again(&stream, 0);
	stream_datagram(&stream);
	stream_row(&stream, 0);
	stream_row(&stream, 0);
	next_datagram();
	stream_done(&stream, 0, 0);
	stream_close(&stream);
	stream_again(&stream, 1);
	stream_datagram(&stream);
	stream_done(&stream, 0, 0);
	stream_end(&stream);
}

static void test_sample(void **state)
{
	struct nl_error err;

	(void)state;
	build_sample();
	assert_int_equal(nl_replay_memory(stream.bytes, stream.len, &err), 0);
	assert_true(nl_replay_loaded());
	for (int again = 0; again < 2; again++) {
		assert_whole(read_list(0), 2, 0);
		assert_whole(read_list(1), 1, 0);
	}
	assert_failed(read_list(2), 0, ENOENT, "the recording has no list of links");
	nl_replay_unload();
	assert_false(nl_replay_loaded());
}

/* It is refused, naming the byte. */
static void assert_refused(const unsigned char *bytes, size_t len)
{
	struct nl_error err = { .code = 0 };
	unsigned char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	assert_int_equal(nl_replay_memory(copy, len, &err), -1);
	assert_true(err.code == EBADMSG ? strstr(err.text, "damaged at byte ") != NULL
					: err.code == EINVAL && strstr(err.text, "has version "));
	assert_false(nl_replay_loaded());
	free(copy);
}

static void test_truncated_anywhere(void **state)
{
	(void)state;
	build_sample();
	for (size_t cut = 0; cut < stream.len; cut++)
		assert_refused(stream.bytes, cut);
}

static void test_flipped_anywhere(void **state)
{
	(void)state;
	build_sample();
	for (size_t i = 0; i < stream.len * 9; i++) {
		unsigned char mask = i % 9 == 8 ? 0xff : (unsigned char)(1 << i % 9);
		unsigned char *at = &stream.bytes[i / 9];

		*at ^= mask;
		assert_refused(stream.bytes, stream.len);
		*at ^= mask;
	}
}

/* Of two lists with the same name the last counts, but a whole one before others. */
static void test_same_name(void **state)
{
	(void)state;
	begin();
	stream_row(&stream, 0);
	stream_done(&stream, 0, 0);
	stream_close(&stream);
	stream_list(&stream, 0);
	stream_datagram(&stream);
	stream_row(&stream, 0);
	stream_row(&stream, 0);
	stream_done(&stream, 0, 0);
	stream_close(&stream);
	stream_list(&stream, 0);
	stream_datagram(&stream);
	stream_row(&stream, 0);
	assert_whole(play(), 2, 0);
}

static void test_unload_while_open(void **state)
{
	const struct nlmsghdr *msg;
	struct nl_dump *dump;
	struct nl_error err;

	(void)state;
	build_sample();
	assert_int_equal(nl_replay_memory(stream.bytes, stream.len, &err), 0);
	assert_int_equal(open_list(&dump, 0, &err), 0);
	assert_int_equal(nl_dump_next(dump, &msg, &err), 1);
	nl_replay_unload();
	assert_int_equal(msg->nlmsg_type, STREAM_ROW);
	assert_int_equal(nl_dump_next(dump, &msg, &err), 1);
	assert_int_equal(nl_dump_next(dump, &msg, &err), 0);
	nl_dump_close(dump);
}

static void test_no_single_objects(void **state)
{
	const struct nl_request req = { .bus = NETLINK_ROUTE, .type = 18, .what = "link 1" };
	struct nl_error err;
	char name[16], buf[64];

	(void)state;
	build_sample();
	assert_int_equal(nl_replay_memory(stream.bytes, stream.len, &err), 0);
	assert_int_equal(nl_get(&req, -1, buf, sizeof(buf), &err), -1);
	assert_int_equal(err.code, ENOENT);
	assert_string_equal(err.text, "the recording has no answer to the request for link 1");
	assert_false(nl_ifname(1, -1, name));
	assert_int_equal(nl_ifindex("lo", -1), 0);
	nl_replay_unload();
}

static void test_cancel(void **state)
{
	struct result r;

	(void)state;
	begin();
	stream_row(&stream, 0);
	stream_done(&stream, 0, 0);
	nl_cancel = 1;
	r = play();
	nl_cancel = 0;
	assert_failed(r, 0, ECANCELED, "interrupted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_nothing_after_done),
		cmocka_unit_test(test_done_missing),
		cmocka_unit_test(test_done_code),
		cmocka_unit_test(test_done_text),
		cmocka_unit_test(test_done_text_long),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_error_short),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_other_request),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_short_datagram),
		cmocka_unit_test(test_sample),
		cmocka_unit_test(test_truncated_anywhere),
		cmocka_unit_test(test_flipped_anywhere),
		cmocka_unit_test(test_same_name),
		cmocka_unit_test(test_unload_while_open),
		cmocka_unit_test(test_no_single_objects),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
