/*
 * Owns the source `limits`: what the kernel allows, beside what is in use. A part is
 * one limit, so that a query for one reads no other.
 */
#include "limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct limit_row {
	uint64_t value;
	uint64_t used;	 /* NOT_TOLD */
	uint32_t number; /* in the table */
	uint16_t lo, hi; /* of a range; 0: it has none */
};

#define NOT_TOLD  UINT64_MAX
#define NEED_USED (1u << 0)

static const struct shape shape_limit = {
	.name = "limits",
	.type = 0x10,
	.header = sizeof(struct limit_row),
	.max_attr = 1,
};
enum { LIMIT_RANGE = 1 };

struct limit_reader {
	struct reader reader;
	struct env *env;
	struct part_set parts;
	uint32_t needs;
	unsigned next;
	struct message msg;
};

/* ---- the reader ---------------------------------------------------------------------- */

static int read_value(struct env *env, const struct limit *l, struct limit_row *row,
		      struct nl_error *err)
{
	struct port_range range = { 0 };
	char *path;
	int rc;

	if (l->value) {
		rc = l->value(env, &row->value, &range, err);
		row->lo = range.lo;
		row->hi = range.hi;
		return rc;
	}
	path = sysctl_path(l->sysctl);
	if (!path)
		return nl_fail(err, ENOMEM, "out of memory");
	rc = file_number(env, path, l->column, 10, &row->value, err);
	free(path);
	return rc;
}

/* 1 and the message is made, 0: this system has no such limit, -1. */
static int make(struct limit_reader *r, unsigned number, const struct nlmsghdr **msg,
		struct nl_error *err)
{
	struct limit_row row = { .number = number, .used = NOT_TOLD };
	const struct limit *l = &limits[number];
	char range[32];
	uint64_t used;
	int rc = read_value(r->env, l, &row, err);

	if (rc > 0 && l->used && r->needs & NEED_USED) {
		rc = l->used(r->env, l, &used, err);
		if (rc > 0)
			row.used = used;
		/* what is allowed is known all the same */
		rc = rc < 0 ? -1 : 1;
	}
	if (rc <= 0)
		return rc;
	message_begin(&r->msg, shape_limit.type, &row, sizeof(row));
	if (row.hi) {
		snprintf(range, sizeof(range), "%u-%u", row.lo, row.hi);
		message_put_text(&r->msg, LIMIT_RANGE, range);
	}
	*msg = message_end(&r->msg);
	return *msg ? 1 : nl_fail(err, ENOMEM, "out of memory");
}

static int next(struct reader *reader, const struct nlmsghdr **msg, struct nl_error *err)
{
	struct limit_reader *r = (struct limit_reader *)reader;
	int rc = 0;

	for (; rc == 0 && r->next < NLIMITS; r->next++)
		if (part_has(&r->parts, r->next))
			rc = make(r, r->next, msg, err);
	return rc;
}

static void reader_close(struct reader *reader)
{
	struct limit_reader *r = (struct limit_reader *)reader;

	message_free(&r->msg);
	env_unref(r->env);
	free(r);
}

static const struct reader_ops ops = { next, reader_close };

static struct limit_reader *reader_new(struct env *env, uint32_t needs, struct nl_error *err)
{
	struct limit_reader *r = calloc(1, sizeof(*r));

	if (!r) {
		nl_fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	r->reader.ops = &ops;
	r->env = env_ref(env);
	r->needs = needs;
	return r;
}

static struct reader *open_reader(const struct scan_request *req, const struct dump_plan *plan,
				  struct nl_error *err)
{
	struct limit_reader *r = reader_new(req->env, req->needs, err);

	(void)plan;
	if (!r)
		return NULL;
	r->parts = req->parts;
	return &r->reader;
}

static bool dump(const struct scan_request *req, unsigned i, struct dump_plan *out)
{
	if (i > 0)
		return false;
	out->request.what = "limits below /proc/sys";
	out->read = open_reader;
	if (req->needs & NEED_USED)
		snprintf(out->note, sizeof(out->note), "and their use");
	return true;
}

static ptrdiff_t refetch(const struct row *row, uint32_t needs, void *buf, size_t size,
			 struct nl_error *err)
{
	const struct limit_row *old = row_header(row);
	struct limit_reader *r = reader_new(row->env, needs, err);
	const struct nlmsghdr *msg;
	ptrdiff_t n;

	if (!r)
		return -1;
	n = old->number < NLIMITS ? make(r, old->number, &msg, err) : 0;
	if (n > 0 && msg->nlmsg_len <= size) {
		memcpy(buf, msg, msg->nlmsg_len);
		n = (ptrdiff_t)msg->nlmsg_len;
	}
	reader_close(&r->reader);
	return n;
}

/* ---- fields ------------------------------------------------------------------------------ */

static const struct limit *limit_of(const struct row *row)
{
	const struct limit_row *r = row_header(row);

	return r->number < NLIMITS ? &limits[r->number] : NULL;
}

static bool name_of(const struct limit *l, struct value *v)
{
	return l && set_text(v, l->name, strlen(l->name));
}

static bool sysctl_of(const struct limit *l, struct value *v)
{
	return l && set_text(v, l->sysctl, strlen(l->sysctl));
}

static bool unit_of(const struct limit *l, struct value *v)
{
	return l && set_text(v, l->unit, strlen(l->unit));
}

static bool get_name(const struct row *row, const struct field *f, struct value *v)
{
	(void)f;
	return name_of(limit_of(row), v);
}

static bool get_sysctl(const struct row *row, const struct field *f, struct value *v)
{
	(void)f;
	return sysctl_of(limit_of(row), v);
}

static bool get_unit_name(const struct row *row, const struct field *f, struct value *v)
{
	(void)f;
	return unit_of(limit_of(row), v);
}

static bool get_doc(const struct row *row, const struct field *f, struct value *v)
{
	const struct limit *l = limit_of(row);

	(void)f;
	return l && set_text(v, l->doc, strlen(l->doc));
}

static bool get_share(const struct row *row, const struct field *f, struct value *v)
{
	const struct limit_row *r = row_header(row);

	(void)f;
	if (r->used == NOT_TOLD || r->value == 0)
		return false;
	v->kind = VALUE_FLOAT;
	v->real = (double)r->used / (double)r->value;
	return true;
}

#define HDR(member)                                   \
	.offset = offsetof(struct limit_row, member), \
	.size = sizeof(((struct limit_row *)0)->member)

/* clang-format off */
static const struct field fields[] = {
	{ .name = "name", .type = FT_TEXT, .get = get_name, .flags = FF_COLUMN,
	  .from = "the sysctl",
	  .doc = "Name of the limit: that of its sysctl, or shorter." },
	{ .name = "value", .type = FT_INT, HDR(value), .flags = FF_COLUMN,
	  .from = "the sysctl",
	  .doc = "What is allowed." },
	{ .name = "used", .type = FT_INT, HDR(used), .has_none = true, .none = NOT_TOLD,
	  .needs = NEED_USED, .cost = COST_REQUEST, .flags = FF_COLUMN,
	  .from = "net/sockstat, net/stat, sock_diag(7), fs.file-nr",
	  .doc = "What of it is in use now, in the same unit; of ports and somaxconn the sockets "
		 "are listed for it." },
	{ .name = "share", .type = FT_FLOAT, .get = get_share, .needs = NEED_USED,
	  .cost = COST_REQUEST, .flags = FF_COLUMN, .from = "used / value",
	  .doc = "Share of the limit that is in use: 1 is all of it." },
	{ .name = "unit", .type = FT_TEXT, .get = get_unit_name, .flags = FF_COLUMN,
	  .from = "ip-sysctl.rst of the kernel",
	  .doc = "What value and used count: ports, pages (of memory), sockets ..." },
	{ .name = "range", .type = FT_TEXT, .attr = LIMIT_RANGE,
	  .from = "net.ipv4.ip_local_port_range",
	  .doc = "Of ports: the first and the last, as a condition on lport takes it." },
	{ .name = "sysctl", .type = FT_TEXT, .get = get_sysctl, .from = "sysctl(8)",
	  .doc = "Name by which sysctl(8) sets it." },
	{ .name = "doc", .type = FT_TEXT, .get = get_doc, .from = "ip-sysctl.rst of the kernel",
	  .doc = "What the limit means, and what its use is." },
	FIELD_NETNS,
	{ .name = NULL },
};
/* clang-format on */

static bool part_value(unsigned part, const struct field *f, struct value *v)
{
	if (f->get == get_name)
		return name_of(&limits[part], v);
	if (f->get == get_sysctl)
		return sysctl_of(&limits[part], v);
	return f->get == get_unit_name && unit_of(&limits[part], v);
}

static uint64_t key(const struct row *row)
{
	return ((const struct limit_row *)row_header(row))->number + UINT64_C(1);
}

const struct source source_limits = {
	.name = "limits",
	.row_name = "limit",
	.doc = "What the kernel allows a network namespace, or the system, beside what is in use.",
	.fields = fields,
	.nparts = NLIMITS,
	.shape = &shape_limit,
	.row_names = "name",
	.part_value = part_value,
	.part_asked = part_always,
	.dump = dump,
	.key = key,
	.refetch = refetch,
};
