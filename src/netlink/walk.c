/*
 * Cutting a received datagram into messages: lengths only, no meaning.
 *
 * libmnl's own check (1.0.4) compares the length as an int, so that a length
 * beyond 2 GiB passes; here it is unsigned against what is left.
 */
#include "connsh/netlink.h"

const struct nlmsghdr *nl_walk(const void *data, size_t len, size_t *pos, bool *bad)
{
	const struct nlmsghdr *nlh;
	size_t left, step;

	*bad = false;
	if (*pos >= len)
		return NULL;
	left = len - *pos;
	nlh = (const void *)((const char *)data + *pos);
	if (left < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > left) {
		*bad = true;
		return NULL;
	}
	/* The last message may go without its padding. */
	step = NLMSG_ALIGN((size_t)nlh->nlmsg_len);
	*pos += step < left ? step : left;
	return nlh;
}
