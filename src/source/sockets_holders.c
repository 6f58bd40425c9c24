/*
 * Owns the rows of the field `holders`: one for each descriptor by which a socket is
 * held. They are rows of our own, a header and attributes, so that they tell all by
 * themselves; they are not listed anywhere else.
 */
#include "sockets.h"

#include <string.h>

struct held {
	int32_t pid, tid, fd;
};

enum { HELD_COMM = 1, HELD_CONTEXT, HELD_SOCK_CONTEXT };

/* No netlink family's; rows of it never come from a socket. */
#define HELD_MESSAGE NLMSG_MIN_TYPE

static const struct shape shape_held = {
	.name = "holders of a socket",
	.type = HELD_MESSAGE,
	.header = sizeof(struct held),
	.max_attr = HELD_SOCK_CONTEXT,
};

/* A name may be empty, which is no lack of one. */
static bool get_held_comm(const struct row *row, const struct field *f, struct value *v)
{
	const struct nlattr *a = row_nlattr(indexed(row), f->attr);

	return a && set_text(v, nl_attr_data(a), nl_attr_len(a));
}

#define HELD(member)                                                                         \
	.offset = offsetof(struct held, member), .size = sizeof(((struct held *)0)->member), \
	.has_none = true

/* A row stays two or three lines, so: */
/* clang-format off */
static const struct field held_fields[] = {
	{ .name = "pid", .type = FT_INT, HELD(pid), .none = 0, .flags = FF_COLUMN,
	  .from = "/proc/PID", .doc = "Process that holds it." },
	{ .name = "tid", .type = FT_INT, HELD(tid), .none = 0, .flags = FF_COLUMN,
	  .from = "/proc/PID/task/TID",
	  .doc = "Thread of this process, the first one too; told under the setting threads." },
	{ .name = "comm", .type = FT_TEXT, .get = get_held_comm, .attr = HELD_COMM,
	  .flags = FF_COLUMN, .from = "/proc/PID/comm",
	  .doc = "Name of the process, under the setting threads of the thread: bytes of any kind." },
	{ .name = "fd", .type = FT_INT, HELD(fd), .none = UINT32_MAX, .flags = FF_COLUMN,
	  .from = "/proc/PID/fd",
	  .doc = "Descriptor that it has it by; absent in recordings of older versions." },
	{ .name = "context", .type = FT_TEXT, .attr = HELD_CONTEXT,
	  .from = "/proc/PID/attr/current",
	  .doc = "Context of security of this process, or thread, as SELinux or another module "
		 "tells it; told under the setting contexts." },
	{ .name = "sock_context", .type = FT_TEXT, .attr = HELD_SOCK_CONTEXT,
	  .from = "XATTR_NAME_SELINUX",
	  .doc = "SELinux context of the socket; told under the setting contexts." },
	{ .name = NULL }
};
/* clang-format on */

const struct source socket_holders = {
	.name = "holders",
	.row_name = "holder",
	.doc = "The descriptors by which a socket is held.",
	.fields = held_fields,
	.nparts = 1,
	.shape = &shape_held,
};

static size_t attr_room(size_t len)
{
	return NLA_HDRLEN + NLA_ALIGN(len);
}

static size_t room_of(const struct use *u)
{
	size_t room = NLMSG_SPACE(sizeof(struct held)) + attr_room(u->comm_len);

	room += u->context ? attr_room(strlen(u->context) + 1) : 0;
	room += u->sock_context ? attr_room(strlen(u->sock_context) + 1) : 0;
	return NLMSG_ALIGN(room);
}

/* Builds the row at p, which has this much room; returns its length. */
static size_t put_held(const struct use *u, char *p)
{
	const struct held held = { u->holder->pid, u->tid, u->fd };
	struct nlmsghdr *msg = (struct nlmsghdr *)p;
	size_t len = NLMSG_SPACE(sizeof(held)), size = room_of(u);

	memset(p, 0, size);
	msg->nlmsg_type = HELD_MESSAGE;
	memcpy(p + NLMSG_HDRLEN, &held, sizeof(held));
	nl_attr_put(p, &len, size, HELD_COMM, u->comm, u->comm_len);
	if (u->context)
		nl_attr_put(p, &len, size, HELD_CONTEXT, u->context, strlen(u->context) + 1);
	if (u->sock_context)
		nl_attr_put(p, &len, size, HELD_SOCK_CONTEXT, u->sock_context,
			    strlen(u->sock_context) + 1);
	msg->nlmsg_len = (uint32_t)len;
	return size;
}

bool get_holders(const struct row *row, const struct field *f, struct value *v)
{
	enum owner_status why;
	uint32_t inode = row->source->inode(row, &why);
	const struct owners *o = inode ? row_owners(row, f, inode) : NULL;
	size_t first, n = o ? owners_uses(o, inode, &first) : 0, room = 0;
	struct value *items;
	struct use u;
	char *p;

	for (size_t i = 0; i < n; i++) {
		owners_use(o, first + i, &u);
		room += sizeof(*items) + room_of(&u);
	}
	items = n ? env_scratch(row->env, room) : NULL;
	if (!items)
		return false;
	p = (char *)(items + n);
	for (size_t i = 0; i < n; i++) {
		owners_use(o, first + i, &u);
		items[i].kind = VALUE_ROW;
		items[i].row = (const struct nlmsghdr *)p;
		p += put_held(&u, p);
	}
	v->kind = VALUE_LIST;
	v->list.items = items;
	v->list.n = n;
	return true;
}
