/*
 * Fuzzing what faces the kernel's bytes. The first byte chooses: even, the rest
 * is one received datagram, walked and its attributes indexed; odd, the rest is
 * a recording, loaded and every dump in it read to its end.
 *
 * Messages and attributes are copied into heap blocks of their exact size, so
 * that the address sanitizer sees a read of one byte too many.
 */
#include "connsh/netlink.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Sizes of the headers before the attributes: none, odd, rtgenmsg to inet_diag. */
static const size_t headers[] = { 0, 1, 4, 8, 12, 16, 20, 72 };

enum { MAX_TYPE = 40 };

static volatile unsigned sink;

static void touch(const void *data, size_t len)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++)
		sink += bytes[i];
}

static void *exact(const void *data, size_t len)
{
	void *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

static void read_attrs(const void *data, size_t len)
{
	const struct nlattr *tb[MAX_TYPE + 1];
	void *copy = exact(data, len);

	nl_attrs(copy, len, tb, MAX_TYPE);
	for (unsigned i = 0; i <= MAX_TYPE; i++)
		if (tb[i])
			touch(nl_attr_data(tb[i]), nl_attr_len(tb[i]));
	free(copy);
}

static void read_message(const struct nlmsghdr *nlh)
{
	void *copy = exact(nlh, nlh->nlmsg_len);

	touch(copy, nlh->nlmsg_len);
	free(copy);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (nlh->nlmsg_len >= NLMSG_HDRLEN + headers[i])
			read_attrs((const char *)nlh + NLMSG_HDRLEN + headers[i],
				   nlh->nlmsg_len - NLMSG_HDRLEN - headers[i]);
}

static void walk(const uint8_t *data, size_t size)
{
	void *copy = exact(data, size);
	const struct nlmsghdr *nlh;
	size_t pos = 0, before = 0;
	bool bad;

	while ((nlh = nl_walk(copy, size, &pos, &bad)) != NULL) {
		if (pos <= before || pos > size)
			abort();
		before = pos;
		read_message(nlh);
	}
	if (!bad && pos != size)
		abort();
	free(copy);
}

static void read_dump(int bus, uint16_t type, uint32_t key)
{
	const struct nl_request req = { .bus = bus, .type = type, .key = key, .what = "rows" };
	const struct nlmsghdr *nlh;
	struct nl_error err;
	struct nl_dump *dump;
	int rc;

	if (nl_dump_open(&dump, &req, -1, &err) != 0)
		return;
	while ((rc = nl_dump_next(dump, &nlh, &err)) == 1)
		read_message(nlh);
	if (nl_dump_next(dump, &nlh, &err) != rc || !(nl_dump_flags(dump) & NL_RECORDED))
		abort();
	if (rc != 0 && (err.code <= 0 || err.text[0] == '\0' || !memchr(err.text, 0, 256)))
		abort();
	nl_dump_close(dump);
}

static uint32_t u32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

/* Asks for every dump that the recording may name: at each place a head fits. */
static void replay(const uint8_t *data, size_t size)
{
	struct nl_error err;

	if (nl_replay_memory(data, size, &err) != 0) {
		if (err.code <= 0 || err.text[0] == '\0')
			abort();
		return;
	}
	read_dump(NETLINK_ROUTE, 18, 0);
	for (size_t at = 12; at + 20 <= size && at < 1024; at += 4)
		if (u32(data + at) == 1 && u32(data + at + 4) == 12)
			read_dump((int)u32(data + at + 8), (uint16_t)u32(data + at + 12),
				  u32(data + at + 16));
	nl_replay_unload();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] & 1)
		replay(data + 1, size - 1);
	else
		walk(data + 1, size - 1);
	return 0;
}
