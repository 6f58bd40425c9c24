/*
 * Owns writing down what the kernel answers to a query, message by message, as `ss -D` does:
 * each dump with the message that ends it.
 */
#include "private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct saving {
	const struct query *q;
	struct env *env;
	FILE *out;
	const char *path;
	struct plan plan;
	struct scan_request req;
	struct dump_plan dump;
	uint32_t tag; /* of all its rows */
	bool any;     /* was a dump laid out? */
	struct report *report;
};

static int write_message(struct saving *s, const struct nlmsghdr *msg, struct nl_error *err)
{
	static const char padding[NLMSG_ALIGNTO];
	size_t len = msg->nlmsg_len, more = NLMSG_ALIGN(len) - len;

	if (fwrite(msg, 1, len, s->out) == len && fwrite(padding, 1, more, s->out) == more)
		return 0;
	return nl_fail(err, errno, "%.150s cannot be written: %s", s->path, strerror(errno));
}

/* The conditions are tested here: the kernel may have passed more than was asked for. */
static bool passes(const struct saving *s, const struct nlmsghdr *msg)
{
	const struct shape *shape = s->q->source->shape;
	struct row row = {
		.source = s->q->source,
		.env = s->env,
		.msg = msg,
		.shape = shape,
		.tag = s->dump.tag,
		.asked = s->req.needs,
	};

	if (msg->nlmsg_type != shape->type || msg->nlmsg_len < NLMSG_HDRLEN + shape->header)
		return false;
	return !s->q->filter || node_match(s->q->filter, &row);
}

/* All of one dump that is open: 0, or -1; *began: a row came. */
static int copy_dump(struct saving *s, struct nl_dump *d, bool *began, struct nl_error *err)
{
	const struct nlmsghdr *msg;
	int rc;

	while ((rc = nl_dump_next(d, &msg, err)) > 0) {
		*began = true;
		s->report->rows++;
		if (!passes(s, msg))
			continue;
		s->report->passed++;
		if (write_message(s, msg, err) < 0)
			return -1;
	}
	if (rc < 0)
		return -1;
	if (nl_dump_flags(d) & NL_INTERRUPTED) {
		s->report->complete = false;
		report_warn(s->report,
			    "%s changed while the kernel listed them: rows may be missing",
			    s->dump.request.what);
	}
	return write_message(s, nl_dump_done(d), err);
}

/* The dump that is laid out. A program that the kernel does not take is left out. */
static int save_dump(struct saving *s, unsigned i, struct nl_error *err)
{
	struct nl_dump *d = NULL;
	bool began = false;
	int rc;

	s->dump.request.payload = s->dump.buf;
	s->dump.request.len = s->dump.len;
	rc = nl_dump_open(&d, &s->dump.request, env_netns_fd(s->env), err);
	if (rc == 0)
		rc = copy_dump(s, d, &began, err);
	nl_dump_close(d);
	if (rc == 0 || began || !s->dump.filtered || (err->code != EINVAL && err->code != EPERM))
		return rc;
	s->req.prog = NULL;
	memset(&s->dump, 0, offsetof(struct dump_plan, buf));
	if (!s->q->source->dump(&s->req, i, &s->dump))
		return rc;
	return save_dump(s, i, err);
}

static int check_dump(struct saving *s, struct nl_error *err)
{
	const struct shape *shape = s->q->source->shape;

	if (s->dump.shape != shape || (s->dump.read && !s->dump.otherwise))
		return nl_fail(err, EINVAL, "save_diag writes messages of %s, not of %s",
			       shape->name, s->dump.request.what);
	if (s->any && s->tag != s->dump.tag)
		return nl_fail(err, EINVAL,
			       "messages do not tell their protocol, so save_diag writes those of "
			       "one: name it, proto=\"tcp\"");
	s->tag = s->dump.tag;
	s->any = true;
	return 0;
}

/* Once to see whether all can be written, and once to write it. */
static int each_dump(struct saving *s, int (*one)(struct saving *s, unsigned i, struct nl_error *),
		     struct nl_error *err)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0; i++) {
		memset(&s->dump, 0, offsetof(struct dump_plan, buf));
		if (!s->q->source->dump(&s->req, i, &s->dump))
			break;
		rc = one(s, i, err);
	}
	return rc;
}

static int look_at_dump(struct saving *s, unsigned i, struct nl_error *err)
{
	(void)i;
	return check_dump(s, err);
}

static int open_output(struct saving *s, struct nl_error *err)
{
	s->out = strcmp(s->path, "-") == 0 ? stdout : fopen(s->path, "we");
	if (s->out)
		return 0;
	return nl_fail(err, errno, "%.150s cannot be written: %s", s->path, strerror(errno));
}

/* What was buffered may still fail to be written. */
static int close_output(struct saving *s, int rc, struct nl_error *err)
{
	int failed = s->out == stdout ? fflush(stdout) : fclose(s->out);

	if (failed == 0 || rc < 0)
		return rc;
	return nl_fail(err, errno, "%.150s cannot be written: %s", s->path, strerror(errno));
}

static int save_here(struct saving *s, uint32_t needs, struct nl_error *err)
{
	int rc;

	if (!plan_make(s->q, needs, s->env, &s->plan))
		return query_no_memory(err);
	if (s->plan.needs & NEED_OWNERS)
		return nl_fail(err, EINVAL,
			       "save_diag writes what the kernel tells, which is not who holds a "
			       "socket");
	plan_request(&s->plan, s->q, s->env, &s->req);
	s->req.ordered = true;
	if (each_dump(s, look_at_dump, err) < 0 || open_output(s, err) < 0)
		return -1;
	rc = each_dump(s, save_dump, err);
	return close_output(s, rc, err);
}

static int check_query(const struct query *q, struct nl_error *err)
{
	if (q->from || q->source != &source_sockets)
		return nl_fail(err, EINVAL, "save_diag writes rows of sockets, not of %s",
			       q->source->name);
	if (q->input.form)
		return nl_fail(err, EINVAL, "save_diag writes what the kernel tells, not a file");
	if (q->ntests || q->ndistinct || q->nsort || q->limit != NO_LIMIT || q->consistent)
		return nl_fail(err, EINVAL,
			       "save_diag writes what the kernel tells as it comes: no function, "
			       "distinct, sort, limit or consistent");
	if (q->nnetns > 1 || (q->nnetns && place_is_pattern(q->netns[0])))
		return nl_fail(err, EINVAL, "save_diag writes the sockets of one namespace");
	return 0;
}

int query_save_diag(const struct query *q, uint32_t extensions, const char *path,
		    struct report *report, struct nl_error *err)
{
	struct places *places;
	struct saving *s;
	int rc;

	report_begin(report);
	if (check_query(q, err) < 0)
		return -1;
	places = places_open(q, err);
	s = places ? calloc(1, sizeof(*s)) : NULL;
	if (!s) {
		rc = places ? query_no_memory(err) : -1;
		places_free(places);
		return rc;
	}
	s->q = q;
	s->path = path;
	s->report = report;
	rc = places_enter(places, 0, &s->env, err);
	if (rc > 0)
		rc = save_here(s, extensions, err);
	if (nl_replay_loaded())
		report->source = "snapshot";
	places_report(places, report);
	places_free(places);
	free(s);
	return rc;
}
