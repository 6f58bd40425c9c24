/*
 * Owns a run: namespace after namespace, row after row, each socket once, only
 * those that match; and what is to be said of the answer afterwards.
 */
#include "connsh/query.h"
#include "seen.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct cursor {
	struct query *query;
	struct env **places; /* one for each namespace to ask */
	size_t nplaces, place;
	uint32_t needs; /* wanted beside the query's own */
	struct plan plan;
	struct scan *scan; /* NULL: the place has not been asked yet */
	struct window *window;
	struct distinct distinct;
	int64_t admitted;
	uint64_t rows, passed;
	uint64_t here; /* rows read since this place was first asked */
	bool again;    /* begin this place anew, with more extensions */
	unsigned flags;
	struct scan_stats stats;
};

static int fail(struct nl_error *err, int code, const char *text)
{
	err->code = code;
	snprintf(err->text, sizeof(err->text), "%s", text);
	return -1;
}

static int open_places(struct cursor *c, struct nl_error *err)
{
	size_t n = c->query->nnetns ? c->query->nnetns : 1;

	c->places = calloc(n, sizeof(*c->places));
	if (!c->places)
		return fail(err, ENOMEM, "out of memory");
	for (; c->nplaces < n; c->nplaces++) {
		struct netns *ns = NULL;

		if (c->query->nnetns && netns_open(c->query->netns[c->nplaces], &ns, err) < 0)
			return -1;
		c->places[c->nplaces] = env_new(ns);
		if (!c->places[c->nplaces])
			return fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

struct cursor *cursor_open(struct query *q, uint32_t needs, struct nl_error *err)
{
	struct cursor *c = calloc(1, sizeof(*c));

	if (!c) {
		fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	c->query = query_ref(q);
	c->needs = needs;
	c->window = calloc(1, sizeof(*c->window));
	if (!c->window)
		fail(err, ENOMEM, "out of memory");
	else if (open_places(c, err) == 0)
		return c;
	cursor_close(c);
	return NULL;
}

/* Takes over what the scan knows and closes it. */
static void finish_scan(struct cursor *c)
{
	struct scan_stats st;

	if (!c->scan)
		return;
	c->flags |= scan_flags(c->scan);
	scan_stats(c->scan, &st);
	c->stats.dumps += st.dumps;
	c->stats.nl.messages += st.nl.messages;
	c->stats.nl.bytes += st.nl.bytes;
	c->stats.nl.datagrams += st.nl.datagrams;
	c->stats.nl.foreign += st.nl.foreign;
	scan_close(c->scan);
	c->scan = NULL;
}

static int start_scan(struct cursor *c, struct nl_error *err)
{
	struct scan_request req = { .env = c->places[c->place] };

	if (!plan_make(c->query, c->needs, req.env, &c->plan))
		return fail(err, ENOMEM, "out of memory");
	req.parts = c->plan.parts;
	req.needs = c->plan.needs;
	req.prog = c->plan.prog.len ? &c->plan.prog : NULL;
	c->scan = scan_open(c->query->source, &req);
	return c->scan ? 0 : fail(err, ENOMEM, "out of memory");
}

static bool passes(struct cursor *c, const struct row *row)
{
	uint64_t key;

	if (c->query->filter && !node_match(c->query->filter, row))
		return false;
	key = c->query->source->key(row);
	return key == 0 || !window_seen(c->window, key);
}

int cursor_next(struct cursor *c, struct row *row, struct nl_error *err)
{
	int rc;

	if (c->again)
		finish_scan(c);
	c->again = false;
	for (; c->place < c->nplaces; c->place++) {
		if (!c->scan && start_scan(c, err) < 0)
			return -1;
		while ((rc = scan_next(c->scan, row, err)) > 0) {
			c->rows++;
			c->here++;
			if (passes(c, row)) {
				c->passed++;
				return 1;
			}
		}
		finish_scan(c);
		c->here = 0;
		if (rc < 0) {
			c->place = c->nplaces;
			return -1;
		}
	}
	return 0;
}

int cursor_admit(struct cursor *c, const struct row *row, struct nl_error *err)
{
	int rc = 1;

	if (cursor_full(c))
		return 0;
	if (c->query->ndistinct)
		rc = distinct_add(&c->distinct, row, c->query->distinct, c->query->ndistinct);
	if (rc < 0)
		return fail(err, ENOMEM, "out of memory");
	c->admitted += rc;
	return rc;
}

bool cursor_full(const struct cursor *c)
{
	return c->query->limit != NO_LIMIT && c->admitted >= c->query->limit;
}

/*
 * The rows that were given out are in the window, so they do not come again,
 * as long as not more were read than it holds. Later each row that lacks an
 * extension is asked for by itself.
 */
void cursor_widen(struct cursor *c, uint32_t needs)
{
	if ((c->needs | needs) == c->needs)
		return;
	c->needs |= needs;
	/* not at once: the row that was given out last is in the scan's buffer */
	c->again = c->scan && c->here <= WINDOW_SIZE / 2;
}

/* Does this process hold CAP_NET_ADMIN? capget(2). */
static bool net_admin(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	return syscall(SYS_capget, &head, data) == 0 && data[0].effective & 1u << CAP_NET_ADMIN;
}

__attribute__((format(printf, 2, 3))) static void warn(struct report *r, const char *fmt, ...)
{
	va_list ap;

	if (r->nwarnings == REPORT_WARNINGS)
		return;
	va_start(ap, fmt);
	vsnprintf(r->warnings[r->nwarnings++], sizeof(r->warnings[0]), fmt, ap);
	va_end(ap);
}

void cursor_report(const struct cursor *c, struct report *out)
{
	const char *name = c->query->source->name;

	memset(out, 0, sizeof(*out));
	out->tries = 1;
	out->rows = c->rows;
	out->passed = c->passed;
	out->stats = c->stats;
	out->source = c->flags & SCAN_RECORDED ? "recording" : "netlink";
	out->refused = (c->flags & SCAN_REFUSED) != 0;
	out->complete = !(c->flags & (SCAN_INTERRUPTED | SCAN_FOREIGN | SCAN_DAMAGED));
	if (c->flags & SCAN_DAMAGED)
		warn(out, "rows of %s came with damaged attributes: fields may be missing", name);
	if (c->flags & SCAN_INTERRUPTED)
		warn(out, "%s changed while the kernel listed them: rows may be missing", name);
	if (c->flags & SCAN_FOREIGN)
		warn(out,
		     "%llu messages that did not come from the kernel were dropped while it "
		     "listed %s: rows may be missing",
		     (unsigned long long)c->stats.nl.foreign, name);
	if (c->plan.net_admin && !(c->flags & SCAN_RECORDED) && !net_admin())
		warn(out,
		     "the kernel tells marks and keys of %s to CAP_NET_ADMIN only: none are "
		     "known here",
		     name);
}

void cursor_close(struct cursor *c)
{
	if (!c)
		return;
	finish_scan(c);
	for (size_t i = 0; i < c->nplaces; i++)
		env_unref(c->places[i]);
	free(c->places);
	free(c->window);
	distinct_free(&c->distinct);
	query_unref(c->query);
	free(c);
}

/* One pass; the report tells whether it is flagged. */
static int count_once(struct query *q, uint64_t *n, struct report *report, struct nl_error *err)
{
	struct cursor *c = cursor_open(q, 0, err);
	struct row row;
	int rc;

	if (!c)
		return -1;
	*n = 0;
	while (!cursor_full(c) && (rc = cursor_next(c, &row, err)) != 0) {
		if (rc > 0)
			rc = cursor_admit(c, &row, err);
		if (rc < 0) {
			cursor_close(c);
			return -1;
		}
		*n += (uint64_t)rc;
	}
	finish_scan(c);
	cursor_report(c, report);
	cursor_close(c);
	return 0;
}

int query_count(struct query *q, uint64_t *n, struct report *report, struct nl_error *err)
{
	unsigned tries = 0;

	do {
		if (count_once(q, n, report, err) < 0)
			return -1;
		report->tries = ++tries;
	} while (!report->complete && tries < QUERY_TRIES);
	return 0;
}
