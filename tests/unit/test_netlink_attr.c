/*
 * Attributes and the walk over a datagram: lengths at every border, in blocks
 * of exact size so that a sanitizer sees a byte too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "connsh/netlink.h"

#include <stdlib.h>
#include <string.h>

enum { MAX = 5 };

static const struct nlattr *tb[MAX + 1];

/* An attribute head {len, type} at a place in bytes. */
static void head(unsigned char *at, uint16_t len, uint16_t type)
{
	const struct nlattr attr = { len, type };

	memcpy(at, &attr, sizeof(attr));
}

/* Indexes a heap copy of len bytes; the copy is the caller's to free. */
static bool index_copy(const unsigned char *bytes, size_t len, void **copy)
{
	*copy = malloc(len ? len : 1);
	assert_non_null(*copy);
	if (len > 0)
		memcpy(*copy, bytes, len);
	memset(tb, 0xff, sizeof(tb));
	return nl_attrs(*copy, len, tb, MAX);
}

static void assert_none(void)
{
	for (int i = 0; i <= MAX; i++)
		assert_null(tb[i]);
}

static void test_none(void **state)
{
	void *copy;

	(void)state;
	assert_true(index_copy(NULL, 0, &copy));
	assert_none();
	free(copy);
}

static void test_bad_first(void **state)
{
	const uint16_t lens[] = { 0, 1, 2, 3, 13, 0x7fff, 0x8000, 0xffff };

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		unsigned char bytes[12] = { 0 };
		void *copy;

		head(bytes, lens[i], 1);
		assert_false(index_copy(bytes, sizeof(bytes), &copy));
		assert_none();
		free(copy);
	}
}

static void test_bad_later(void **state)
{
	unsigned char bytes[20] = { 0 };
	void *copy;

	(void)state;
	head(bytes, 8, 2);
	head(bytes + 8, 13, 3);
	assert_false(index_copy(bytes, sizeof(bytes), &copy));
	assert_ptr_equal(tb[2], copy);
	assert_null(tb[3]);
	free(copy);
}

static void test_cut_head(void **state)
{
	unsigned char bytes[11] = { 0 };

	(void)state;
	head(bytes, 8, 2);
	for (size_t len = 9; len <= sizeof(bytes); len++) {
		void *copy;

		assert_false(index_copy(bytes, len, &copy));
		assert_non_null(tb[2]);
		free(copy);
	}
}

static void test_exact_end(void **state)
{
	unsigned char bytes[12] = { 0 };
	void *copy;

	(void)state;
	head(bytes, 4, 1);
	head(bytes + 4, 8, 4);
	memcpy(bytes + 8, "wxyz", 4);
	assert_true(index_copy(bytes, sizeof(bytes), &copy));
	assert_int_equal(nl_attr_len(tb[1]), 0);
	assert_int_equal(nl_attr_len(tb[4]), 4);
	assert_memory_equal(nl_attr_data(tb[4]), "wxyz", 4);
	assert_null(tb[0]);
	free(copy);
}

/* The last one may come without its padding. */
static void test_no_padding(void **state)
{
	unsigned char bytes[13] = { 0 };
	void *copy;

	(void)state;
	head(bytes, 5, 1);
	head(bytes + 8, 5, 2);
	assert_true(index_copy(bytes, sizeof(bytes), &copy));
	assert_int_equal(nl_attr_len(tb[2]), 1);
	free(copy);
}

static void test_types(void **state)
{
	unsigned char bytes[28] = { 0 };
	void *copy;

	(void)state;
	head(bytes, 4, MAX + 1);
	head(bytes + 4, 4, 0x3fff);
	head(bytes + 8, 4, NLA_F_NESTED | 2);
	head(bytes + 12, 4, NLA_F_NET_BYTEORDER | 3);
	head(bytes + 16, 4, MAX);
	head(bytes + 20, 8, 2);
	assert_true(index_copy(bytes, sizeof(bytes), &copy));
	assert_ptr_equal(tb[2], (char *)copy + 8);
	assert_ptr_equal(tb[3], (char *)copy + 12);
	assert_ptr_equal(tb[MAX], (char *)copy + 16);
	assert_null(tb[0]);
	assert_null(tb[1]);
	assert_null(tb[4]);
	free(copy);
}

static void test_nested_deep(void **state)
{
	unsigned char bytes[404] = { 0 };
	const void *inner;
	size_t len = sizeof(bytes);
	void *copy;
	int depth = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		head(bytes + i * 4, (uint16_t)(len - (size_t)i * 4), NLA_F_NESTED | 1);
	assert_true(index_copy(bytes, len, &copy));
	for (inner = copy; len > 4 && nl_attrs(inner, len, tb, MAX) && tb[1]; depth++) {
		len = nl_attr_len(tb[1]);
		inner = nl_attr_data(tb[1]);
	}
	assert_int_equal(depth, 100);
	free(copy);
}

static void test_put(void **state)
{
	unsigned char buf[32];
	size_t len = 6;

	(void)state;
	memset(buf, 0xee, sizeof(buf));
	assert_true(nl_attr_put(buf, &len, sizeof(buf), 3, "abcde", 5));
	assert_int_equal(len, 20);
	/* The gap before it and its padding are zero. */
	assert_memory_equal(buf + 6, "\0\0", 2);
	assert_memory_equal(buf + 12, "abcde\0\0\0", 8);
	assert_true(nl_attr_put(buf, &len, sizeof(buf), NLA_F_NESTED | 4, NULL, 0));
	assert_int_equal(len, 24);
	assert_true(nl_attrs(buf + 8, len - 8, tb, MAX));
	assert_int_equal(nl_attr_len(tb[3]), 5);
	assert_int_equal(nl_attr_len(tb[4]), 0);
	assert_int_equal(buf[24], 0xee);
}

static void assert_no_room(size_t len, size_t size, size_t data_len)
{
	unsigned char *buf = malloc(size ? size : 1), *data = calloc(1, data_len + 1);
	size_t after = len;

	assert_non_null(buf);
	assert_non_null(data);
	memset(buf, 0xee, size);
	assert_false(nl_attr_put(buf, &after, size, 1, data, data_len));
	assert_int_equal(after, len);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(buf[i], 0xee);
	free(buf);
	free(data);
}

static void test_put_overflow(void **state)
{
	unsigned char *buf = calloc(1, 70000), *data = calloc(1, 65536);
	size_t len = 0;

	(void)state;
	assert_no_room(0, 0, 0);
	assert_no_room(0, 3, 0);
	assert_no_room(0, 7, 1);
	assert_no_room(1, 7, 0);
	assert_no_room(8, 8, 0);
	assert_no_room(9, 8, 0);
	assert_no_room(8, 15, 1);
	/* The length field of an attribute has 16 bits. */
	assert_no_room(0, 70000, 65532);
	assert_no_room(0, 70000, 65536);
	assert_non_null(buf);
	assert_non_null(data);
	assert_false(nl_attr_put(buf, &len, 70000, 1, data, SIZE_MAX));
	assert_false(nl_attr_put(buf, &len, 70000, 1, data, SIZE_MAX - 3));
	assert_true(nl_attr_put(buf, &len, 70000, 1, data, 65531));
	assert_int_equal(len, 65536);
	free(buf);
	free(data);
}

/* Walks a heap copy; returns how many messages it has. */
static int walk(const void *bytes, size_t len, bool *bad)
{
	void *copy = malloc(len ? len : 1);
	size_t pos = 0;
	int n = 0;

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, bytes, len);
	while (nl_walk(copy, len, &pos, bad))
		n++;
	if (!*bad)
		assert_int_equal(pos, len);
	free(copy);
	return n;
}

static void test_walk(void **state)
{
	struct nlmsghdr heads[3] = { { .nlmsg_len = 16 },
				     { .nlmsg_len = 16 },
				     { .nlmsg_len = 16 } };
	bool bad = true;

	(void)state;
	assert_int_equal(walk(heads, 0, &bad), 0);
	assert_false(bad);
	assert_int_equal(walk(heads, sizeof(heads), &bad), 3);
	assert_false(bad);
	for (size_t len = 33; len < 48; len++) {
		assert_int_equal(walk(heads, len, &bad), 2);
		assert_true(bad);
	}
	heads[1].nlmsg_len = 29;
	assert_int_equal(walk(heads, 45, &bad), 2);
	assert_false(bad);
	assert_int_equal(walk(heads, 44, &bad), 1);
	assert_true(bad);
}

static void test_walk_lengths(void **state)
{
	const uint32_t lens[] = { 0,	      1,	  15,	      33,	 0x7fffffff,
				  0x80000000, 0xc2000001, 0xfffffffc, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct nlmsghdr heads[2] = { { .nlmsg_len = lens[i] }, { .nlmsg_len = 16 } };
		bool bad = false;

		assert_int_equal(walk(heads, sizeof(heads), &bad), 0);
		assert_true(bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),	  cmocka_unit_test(test_bad_first),
		cmocka_unit_test(test_bad_later), cmocka_unit_test(test_cut_head),
		cmocka_unit_test(test_exact_end), cmocka_unit_test(test_no_padding),
		cmocka_unit_test(test_types),	  cmocka_unit_test(test_nested_deep),
		cmocka_unit_test(test_put),	  cmocka_unit_test(test_put_overflow),
		cmocka_unit_test(test_walk),	  cmocka_unit_test(test_walk_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
