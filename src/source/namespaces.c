/*
 * Owns the source `namespaces`: network namespaces that processes are in, that
 * have a name or another mount, or that the kernel has a number for. A row is a
 * message of our own, made from what procfs found and what RTM_GETNSID answers
 * (<linux/net_namespace.h>).
 */
#include "private.h"

#include <errno.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* What a row is; 0, of nsid -1, is what is not known. */
struct ns_row {
	uint64_t inode;
	uint32_t pid, processes;
	int32_t nsid;
	uint8_t own;
};

enum { NS_NAME = 1, NS_SPEC, NS_ATTRS };

#define NS_MESSAGE NLMSG_MIN_TYPE

static const struct shape shape_namespace = {
	.name = "network namespaces",
	.type = NS_MESSAGE,
	.header = sizeof(struct ns_row),
	.max_attr = NS_ATTRS - 1,
};

/* ---- numbers of the kernel ------------------------------------------------------------- */

static bool nsid_of(const struct nlmsghdr *msg, int32_t *id)
{
	size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct rtgenmsg));
	const struct nlattr *a;

	if (msg->nlmsg_type != RTM_NEWNSID || msg->nlmsg_len <= skip)
		return false;
	a = nl_attr_find((const char *)msg + skip, msg->nlmsg_len - skip, NETNSA_NSID, NULL);
	if (!a || nl_attr_len(a) < sizeof(*id))
		return false;
	memcpy(id, nl_attr_data(a), sizeof(*id));
	return *id >= 0;
}

/* All numbers that the namespace of netns_fd has for others; -1 and *err. */
static int list_ids(int netns_fd, int32_t **ids, size_t *n, struct nl_error *err)
{
	_Alignas(8) unsigned char payload[NLMSG_ALIGN(sizeof(struct rtgenmsg))] = { AF_UNSPEC };
	struct nl_request req = {
		.bus = NETLINK_ROUTE,
		.type = RTM_GETNSID,
		.payload = payload,
		.len = sizeof(payload),
		.what = "numbers of network namespaces",
	};
	const struct nlmsghdr *msg;
	struct nl_dump *dump;
	int32_t id, *list;
	int rc;

	*ids = NULL;
	*n = 0;
	if (nl_dump_open(&dump, &req, netns_fd, err) < 0)
		return -1;
	while ((rc = nl_dump_next(dump, &msg, err)) > 0) {
		if (!nsid_of(msg, &id))
			continue;
		list = reallocarray(*ids, *n + 1, sizeof(*list));
		if (!list) {
			rc = nl_fail(err, ENOMEM, "out of memory");
			break;
		}
		*ids = list;
		list[(*n)++] = id;
	}
	nl_dump_close(dump);
	return rc;
}

/* The number that the namespace of this descriptor has for ns; -1: none. */
static int32_t id_of(int from, const struct netns *ns)
{
	_Alignas(8) unsigned char payload[64] = { AF_UNSPEC };
	_Alignas(8) unsigned char reply[256];
	uint32_t fd = (uint32_t)netns_fd(ns);
	size_t len = NLMSG_ALIGN(sizeof(struct rtgenmsg));
	struct nl_request req = {
		.bus = NETLINK_ROUTE,
		.type = RTM_GETNSID,
		.payload = payload,
		.what = "the number of a network namespace",
	};
	struct nl_error err;
	int32_t id;

	nl_attr_put(payload, &len, sizeof(payload), NETNSA_FD, &fd, sizeof(fd));
	req.len = len;
	if (nl_get(&req, from, reply, sizeof(reply), &err) <= 0)
		return -1;
	return nsid_of((const struct nlmsghdr *)reply, &id) ? id : -1;
}

/* ---- rows ----------------------------------------------------------------------------------- */

struct ns_reader {
	struct reader reader;
	struct netns_list found;
	int netns_fd;
	int32_t *ids;
	size_t nids, next;
	struct message m;
};

/* Of those numbers that a namespace was found for only the others are left. */
static void strike_id(struct ns_reader *r, int32_t id)
{
	for (size_t i = 0; i < r->nids; i++)
		if (r->ids[i] == id)
			r->ids[i] = -1;
}

static int32_t find_id(struct ns_reader *r, const struct netns_entry *e)
{
	struct nl_error err;
	struct netns *ns;
	int32_t id;

	if (r->nids == 0 || netns_open_entry(e, &ns, &err) < 0)
		return -1;
	id = id_of(r->netns_fd, ns);
	netns_unref(ns);
	strike_id(r, id);
	return id;
}

static void make_found(struct ns_reader *r, const struct netns_entry *e)
{
	struct ns_row row = {
		.inode = e->inode,
		.pid = (uint32_t)e->pid,
		.processes = (uint32_t)e->processes,
		.nsid = find_id(r, e),
		.own = e->own,
	};
	char buf[NETNS_NAME_MAX];

	message_begin(&r->m, NS_MESSAGE, &row, sizeof(row));
	for (size_t i = 0; i < e->nnames; i++)
		message_put_text(&r->m, NS_NAME, e->names[i]);
	if (e->nnames || e->pid)
		message_put_text(&r->m, NS_SPEC, netns_entry_name(e, buf));
}

/* Known by its number only: it lives on a socket, a device or a descriptor somewhere. */
static bool make_numbered(struct ns_reader *r)
{
	while (r->next - r->found.n < r->nids) {
		struct ns_row row = { .nsid = r->ids[r->next - r->found.n] };

		if (row.nsid >= 0) {
			message_begin(&r->m, NS_MESSAGE, &row, sizeof(row));
			return true;
		}
		r->next++;
	}
	return false;
}

static int ns_next(struct reader *reader, const struct nlmsghdr **msg, struct nl_error *err)
{
	struct ns_reader *r = (struct ns_reader *)reader;

	if (nl_cancel)
		return nl_fail(err, ECANCELED, "interrupted");
	if (r->next < r->found.n)
		make_found(r, &r->found.list[r->next]);
	else if (!make_numbered(r))
		return 0;
	r->next++;
	*msg = message_end(&r->m);
	return *msg ? 1 : nl_fail(err, ENOMEM, "out of memory");
}

static void ns_close(struct reader *reader)
{
	struct ns_reader *r = (struct ns_reader *)reader;

	netns_list_free(&r->found);
	free(r->ids);
	message_free(&r->m);
	free(r);
}

static const struct reader_ops ns_ops = { ns_next, ns_close };

static struct reader *ns_open(const struct scan_request *req, const struct dump_plan *plan,
			      struct nl_error *err)
{
	struct ns_reader *r = calloc(1, sizeof(*r));

	(void)plan;
	if (!r) {
		nl_fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	r->reader.ops = &ns_ops;
	r->netns_fd = env_netns_fd(req->env);
	if (netns_list_read(&r->found, err) == 0 &&
	    list_ids(r->netns_fd, &r->ids, &r->nids, err) == 0)
		return &r->reader;
	ns_close(&r->reader);
	return NULL;
}

/* ---- the source --------------------------------------------------------------------------------
 */

static bool get_names(const struct row *row, const struct field *f, struct value *v)
{
	const char *start = (const char *)row->msg + NLMSG_HDRLEN + NLMSG_ALIGN(row->shape->header);
	size_t len = row->msg->nlmsg_len - (size_t)(start - (const char *)row->msg), n = 0;
	const struct nlattr *a = NULL;
	struct value *list;
	unsigned type;

	if (row->msg->nlmsg_len < NLMSG_HDRLEN + NLMSG_ALIGN(row->shape->header))
		return false;
	while ((a = nl_attr_next(start, len, a, &type, NULL)))
		n += type == f->attr;
	list = env_list(row->env, n ? n : 1);
	if (!list || n == 0)
		return false;
	v->kind = VALUE_LIST;
	v->list.items = list;
	v->list.n = 0;
	while ((a = nl_attr_next(start, len, a, &type, NULL)))
		if (type == f->attr)
			set_text(&list[v->list.n++], nl_attr_data(a),
				 strnlen(nl_attr_data(a), nl_attr_len(a)));
	return true;
}

static bool is_found(const struct row *row, const struct field *f)
{
	(void)f;
	return ((const struct ns_row *)row_header(row))->inode != 0;
}

#define ROW(member) \
	.offset = offsetof(struct ns_row, member), .size = sizeof(((struct ns_row *)0)->member)

/* clang-format off */
static const struct field namespace_fields[] = {
	{ .name = "netns", .type = FT_TEXT, .attr = NS_SPEC, .flags = FF_COLUMN,
	  .from = "/run/netns, mount points of nsfs, or a pid",
	  .doc = "What netns= takes for it: its first name, else the pid of a process in it; absent "
		 "when only its number is known." },
	{ .name = "names", .type = FT_TEXT, .get = get_names, .attr = NS_NAME,
	  .flags = FF_LIST | FF_COLUMN, .from = "/proc/self/mountinfo",
	  .doc = "Names below /run/netns, and paths of other mounts that keep it." },
	{ .name = "inode", .type = FT_INT, ROW(inode), .has_none = true, .none = 0,
	  .flags = FF_COLUMN, .from = "/proc/PID/ns/net",
	  .doc = "Inode of the namespace, as in net:[4026531840]." },
	{ .name = "pid", .type = FT_INT, ROW(pid), .has_none = true, .none = 0, .flags = FF_COLUMN,
	  .from = "/proc/PID/ns/net",
	  .doc = "Lowest pid of the processes in it; absent when none is known." },
	{ .name = "processes", .type = FT_INT, .when = is_found, ROW(processes),
	  .flags = FF_COLUMN, .from = "/proc/PID/ns/net",
	  .doc = "How many processes are in it, of those that may be looked at." },
	{ .name = "nsid", .type = FT_INT, ROW(nsid), .has_none = true, .none = UINT64_MAX,
	  .flags = FF_COLUMN | FF_SIGNED, .from = "NETNSA_NSID",
	  .doc = "Number that the namespace asked in has for it, as in link-netnsid; absent when it "
		 "has none." },
	{ .name = "own", .type = FT_BOOL, ROW(own), .from = "/proc/thread-self/ns/net",
	  .doc = "It is the one that connsh runs in." },
	{ .name = NULL },
};
/* clang-format on */

static bool dump(const struct scan_request *req, unsigned i, struct dump_plan *out)
{
	if (i > 0 || !part_has(&req->parts, 0))
		return false;
	out->request.what = "network namespaces";
	out->read = ns_open;
	return true;
}

static uint64_t key(const struct row *row)
{
	const struct ns_row *r = row_header(row);

	return r->inode ? r->inode : UINT64_C(1) << 63 | (uint32_t)r->nsid;
}

const struct source source_namespaces = {
	.name = "namespaces",
	.row_name = "namespace",
	.doc = "Network namespaces that have a process, a name, or a number of the kernel.",
	.fields = namespace_fields,
	.nparts = 1,
	.flags = SOURCE_WHOLE,
	.shape = &shape_namespace,
	.dump = dump,
	.key = key,
};
