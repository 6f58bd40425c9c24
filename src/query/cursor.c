/*
 * Owns a run: what its feed gives, through functions, distinct, sort and limit,
 * row after row; and the repetition of answers that are flagged.
 */
#include "private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct cursor {
	struct query *query;
	uint32_t needs; /* wanted of its rows beside what the query itself uses */
	const struct calls *calls;
	struct feed *feed;
	struct keyset distinct;
	struct keybuf key;
	struct sorter *sorter; /* NULL: rows are given as they come */
	bool sorted;
	size_t at; /* in the sorter */
	int64_t admitted;
	uint64_t passed;
	unsigned tries;
};

void *feed_new(const struct feed_ops *ops, struct query *q, size_t size, struct nl_error *err)
{
	struct feed *f = calloc(1, size);

	if (!f) {
		query_no_memory(err);
		return NULL;
	}
	f->ops = ops;
	f->query = query_ref(q);
	return f;
}

void feed_free(struct feed *f)
{
	query_unref(f->query);
	free(f);
}

/* What the query itself reads of its rows. */
static uint32_t own_needs(const struct query *q)
{
	uint32_t needs = q->learned;

	for (size_t i = 0; i < q->ndistinct; i++)
		needs |= q->distinct[i]->needs;
	for (size_t i = 0; i < q->nsort; i++)
		needs |= q->sort[i].field->needs;
	return needs;
}

static int open_feed(struct cursor *c, struct nl_error *err)
{
	struct query *q = c->query;
	uint32_t needs = c->needs | own_needs(q);

	if (q->from)
		c->feed = q->from->ops->open(q, needs, err);
	else
		c->feed = q->ends ? ends_feed(q, err) : kernel_feed(q, needs, err);
	if (!c->feed)
		return -1;
	c->feed->ops->calls(c->feed, c->calls);
	return 0;
}

struct cursor *cursor_open(struct query *q, uint32_t needs, struct nl_error *err)
{
	struct cursor *c = calloc(1, sizeof(*c));

	if (!c) {
		query_no_memory(err);
		return NULL;
	}
	c->query = query_ref(q);
	c->needs = needs;
	if (q->nsort) {
		c->sorter = sorter_new(q->sort, q->nsort, q->limit);
		if (!c->sorter)
			query_no_memory(err);
	}
	if ((c->sorter || !q->nsort) && open_feed(c, err) == 0)
		return c;
	cursor_close(c);
	return NULL;
}

void cursor_calls(struct cursor *c, const struct calls *calls)
{
	c->calls = calls;
	c->feed->ops->calls(c->feed, calls);
}

/* Do all functions of the query let the row pass? */
static int test(struct cursor *c, const struct row *row, struct nl_error *err)
{
	int rc = 1;

	for (size_t i = 0; rc == 1 && i < c->query->ntests; i++)
		rc = c->calls->test(c->calls->arg, c->query->tests[i], row, err);
	return rc;
}

/* Rows that lack one of the values are left out: they are not told apart. */
static int is_new(struct cursor *c, const struct row *row, struct nl_error *err)
{
	bool fresh;

	c->key.len = 0;
	for (size_t i = 0; i < c->query->ndistinct; i++) {
		struct value v;

		if (!field_get(c->query->distinct[i], row, &v))
			return 0;
		if (!key_put(&c->key, &v))
			return query_no_memory(err);
	}
	if (keyset_add(&c->distinct, c->key.bytes, c->key.len, &fresh) < 0)
		return query_no_memory(err);
	return fresh;
}

/* The next row before sort and limit. */
static int next_unsorted(struct cursor *c, struct row *row, struct nl_error *err)
{
	int rc;

	while ((rc = c->feed->ops->next(c->feed, row, err)) > 0) {
		rc = test(c, row, err);
		if (rc > 0 && c->query->ndistinct)
			rc = is_new(c, row, err);
		if (rc < 0)
			return -1;
		if (rc > 0) {
			c->passed++;
			return 1;
		}
	}
	return rc;
}

/* Forgets what was read, to ask once more. */
static int begin_again(struct cursor *c, struct nl_error *err)
{
	c->feed->ops->close(c->feed);
	c->feed = NULL;
	keyset_free(&c->distinct);
	sorter_reset(c->sorter);
	c->passed = 0;
	return open_feed(c, err);
}

static int sort_all(struct cursor *c, struct nl_error *err)
{
	struct report r;
	struct row row;
	int rc;

	for (;;) {
		while ((rc = next_unsorted(c, &row, err)) > 0)
			if (!sorter_add(c->sorter, &row))
				return query_no_memory(err);
		if (rc < 0)
			return -1;
		report_begin(&r);
		c->feed->ops->report(c->feed, &r);
		c->tries++;
		/* what is read whole further down was asked again there already */
		if (!report_flagged(&r) || r.tries > 1 || c->tries >= QUERY_TRIES)
			break;
		if (begin_again(c, err) < 0)
			return -1;
	}
	sorter_finish(c->sorter);
	c->sorted = true;
	if (nl_cancel)
		return nl_fail(err, ECANCELED, "interrupted");
	return 0;
}

int cursor_next(struct cursor *c, struct row *row, struct nl_error *err)
{
	int rc;

	if (c->query->limit != NO_LIMIT && c->admitted >= c->query->limit)
		return 0;
	/* what is in memory is given out without the kernel, which would notice */
	if (nl_cancel)
		return nl_fail(err, ECANCELED, "interrupted");
	if (c->sorter) {
		if (!c->sorted && sort_all(c, err) < 0)
			return -1;
		rc = sorter_get(c->sorter, c->at, row);
		c->at += (size_t)rc;
	} else {
		rc = next_unsorted(c, row, err);
	}
	if (rc > 0)
		c->admitted++;
	return rc;
}

void cursor_widen(struct cursor *c, const struct source *s, uint32_t needs)
{
	if (s == c->query->source) {
		c->needs |= needs;
		/* but not a look at /proc: one question would make all later ones slow */
		c->query->learned |= needs & ~NEED_OWNERS;
	}
	c->feed->ops->widen(c->feed, s, needs);
}

void cursor_report(const struct cursor *c, struct report *out)
{
	report_begin(out);
	if (c->feed)
		c->feed->ops->report(c->feed, out);
	if (c->tries > out->tries)
		out->tries = c->tries;
	out->passed = c->passed;
}

void cursor_close(struct cursor *c)
{
	if (!c)
		return;
	if (c->feed)
		c->feed->ops->close(c->feed);
	keyset_free(&c->distinct);
	key_free(&c->key);
	sorter_free(c->sorter);
	query_unref(c->query);
	free(c);
}

/* ---- whole runs ------------------------------------------------------------------- */

/* One pass: 0 with the report filled, or -1. */
static int run_once(struct query *q, uint32_t needs, const struct calls *calls,
		    const struct sink *sink, struct report *report, struct nl_error *err)
{
	struct cursor *c = cursor_open(q, needs, err);
	struct row row;
	int rc;

	if (!c)
		return -1;
	cursor_calls(c, calls);
	if (sink->running)
		*sink->running = c;
	while ((rc = cursor_next(c, &row, err)) > 0) {
		rc = sink->take(sink->arg, &row, err);
		if (rc)
			break;
	}
	if (sink->running)
		*sink->running = NULL;
	cursor_report(c, report);
	cursor_close(c);
	return rc < 0 ? -1 : 0;
}

int query_run(struct query *q, uint32_t needs, const struct calls *calls, const struct sink *sink,
	      struct report *report, struct nl_error *err)
{
	unsigned tries = 0, inner;

	do {
		if (run_once(q, needs, calls, sink, report, err) < 0)
			return -1;
		inner = report->tries;
		tries++;
		/* what is read whole was asked again further down already */
	} while (report_flagged(report) && inner == 1 && tries < QUERY_TRIES && sink->restart &&
		 sink->restart(sink->arg));
	if (tries > report->tries)
		report->tries = tries;
	return 0;
}

static int count_row(void *arg, const struct row *row, struct nl_error *err)
{
	(void)row;
	(void)err;
	++*(uint64_t *)arg;
	return 0;
}

static bool count_restart(void *arg)
{
	*(uint64_t *)arg = 0;
	return true;
}

int query_count(struct query *q, const struct calls *calls, uint64_t *n, struct report *report,
		struct nl_error *err)
{
	struct sink sink = { count_row, count_restart, n, NULL };

	*n = 0;
	return query_run(q, 0, calls, &sink, report, err);
}
