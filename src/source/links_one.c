/*
 * Owns asking for one link: RTM_GETLINK that is no dump, for a record that needs
 * more than it came with, and for queries that name the link.
 */
#include "links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A link with many virtual functions fills a receive buffer (64 KiB). */
#define ONE_SIZE 65536

/* The message without what is told of each virtual function; -1 when it does not fit. */
static ptrdiff_t copy_link(const struct nlmsghdr *msg, void *buf, size_t size, struct nl_error *err)
{
	const size_t skip = NLMSG_HDRLEN + sizeof(struct ifinfomsg);
	const void *start = (const char *)msg + skip;
	const struct nlattr *a = NULL;
	size_t len = skip;
	unsigned type;
	bool bad = false;

	if (size < skip)
		return nl_fail(err, EMSGSIZE, "a link does not fit %zu bytes", size);
	memcpy(buf, msg, skip);
	while ((a = nl_attr_next(start, msg->nlmsg_len - skip, a, &type, &bad))) {
		if (type == IFLA_VFINFO_LIST || type == IFLA_VF_PORTS)
			continue;
		if (!nl_attr_put(buf, &len, size, a->nla_type, nl_attr_data(a), nl_attr_len(a)))
			return nl_fail(err, EMSGSIZE,
				       "the answer about a link has %u bytes; %zu fit",
				       msg->nlmsg_len, size);
	}
	((struct nlmsghdr *)buf)->nlmsg_len = (uint32_t)len;
	return (ptrdiff_t)len;
}

/* The answer as it came, in space; 0: there is no such link. */
static ptrdiff_t ask(struct env *env, int index, uint32_t ext_mask, void *space,
		     struct nl_error *err)
{
	struct {
		struct ifinfomsg head;
		struct nlattr attr;
		uint32_t mask;
	} payload = {
		.head.ifi_index = index,
		.attr = { .nla_len = NLA_HDRLEN + sizeof(uint32_t), .nla_type = IFLA_EXT_MASK },
		.mask = ext_mask,
	};
	const struct nl_request req = {
		.bus = NETLINK_ROUTE,
		.type = RTM_GETLINK,
		.payload = &payload,
		.len = sizeof(payload),
		.what = "a link",
	};
	const struct nlmsghdr *msg = space;
	ptrdiff_t n = nl_get(&req, env_netns_fd(env), space, ONE_SIZE, err);

	if (n < 0)
		return err->code == ENODEV ? 0 : -1;
	if (msg->nlmsg_type != RTM_NEWLINK || (size_t)n < NLMSG_HDRLEN + sizeof(payload.head))
		return nl_fail(err, EPROTO, "the kernel's answer about a link holds none");
	return n;
}

ptrdiff_t link_ask(struct env *env, int index, uint32_t ext_mask, void *buf, size_t size,
		   struct nl_error *err)
{
	void *space = malloc(ONE_SIZE);
	ptrdiff_t n;

	if (!space)
		return nl_fail(err, ENOMEM, "no memory to ask for a link");
	n = ask(env, index, ext_mask, space, err);
	if (n > 0)
		n = copy_link(space, buf, size, err);
	free(space);
	return n;
}

struct one {
	struct reader reader;
	struct env *env;
	int index;
	uint32_t ext_mask;
	bool done;
	_Alignas(8) unsigned char buf[ONE_SIZE];
};

static int one_next(struct reader *r, const struct nlmsghdr **msg, struct nl_error *err)
{
	struct one *o = (struct one *)r;
	ptrdiff_t n;

	if (o->done || o->index <= 0)
		return 0;
	o->done = true;
	n = ask(o->env, o->index, o->ext_mask, o->buf, err);
	*msg = (const struct nlmsghdr *)o->buf;
	return n < 0 ? -1 : n > 0;
}

static void one_close(struct reader *r)
{
	free(r);
}

struct reader *link_reader(const struct scan_request *req, const struct dump_plan *plan,
			   struct nl_error *err)
{
	static const struct reader_ops ops = { one_next, one_close };
	struct one *o = malloc(sizeof(*o));

	if (!o) {
		nl_fail(err, ENOMEM, "no memory to ask for a link");
		return NULL;
	}
	o->reader = (struct reader){ .ops = &ops };
	o->env = req->env; /* the scan keeps it as long */
	o->index = (int)plan->tag;
	o->ext_mask = link_ext_mask(req->needs);
	o->done = false;
	return &o->reader;
}
