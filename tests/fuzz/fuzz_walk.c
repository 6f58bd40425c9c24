/*
 * Fuzzing what faces the kernel's bytes: one received datagram, walked and its
 * attributes indexed.
 *
 * Messages and attributes are copied into heap blocks of their exact size, so
 * that the address sanitizer sees a read of one byte too many.
 */
#include "connsh/netlink.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	walk(data, size);
	return 0;
}
