/*
 * Owns chosen columns: rows of just these fields, and of what functions make of
 * a row. They stream: nothing is kept.
 */
#include "private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct select {
	struct derivation d;
	size_t n;
	struct chosen *columns; /* names are the source's own from here on */
};

struct select_feed {
	struct feed feed;
	struct cursor *input;
	const struct calls *calls;
	struct packer packer;
};

static const struct select *select_of(const struct query *q)
{
	return (const struct select *)q->from;
}

/* Value by value: a list is valid until the next one is read, here or by a function. */
static int fill(struct select_feed *s, const struct row *from, struct row *row,
		struct nl_error *err)
{
	const struct select *sel = select_of(s->feed.query);
	bool ok = pack_begin(&s->packer);

	for (size_t i = 0; ok && i < sel->n; i++) {
		const struct chosen *c = &sel->columns[i];
		struct value v = { .kind = VALUE_NIL };

		if (c->field)
			field_get(c->field, from, &v);
		else if (s->calls->value(s->calls->arg, c->function, from, &v, err) < 0)
			return -1;
		ok = pack_put(&s->packer, i, &v);
	}
	if (!ok)
		return query_no_memory(err);
	pack_end(&s->packer, row);
	return 0;
}

static int select_next(struct feed *f, struct row *row, struct nl_error *err)
{
	struct select_feed *s = (struct select_feed *)f;
	struct row from;
	int rc;

	while ((rc = cursor_next(s->input, &from, err)) > 0) {
		if (fill(s, &from, row, err) < 0)
			return -1;
		if (!s->feed.query->filter || node_match(s->feed.query->filter, row))
			return 1;
	}
	return rc;
}

static void select_calls(struct feed *f, const struct calls *calls)
{
	struct select_feed *s = (struct select_feed *)f;

	s->calls = calls;
	cursor_calls(s->input, calls);
}

static void select_widen(struct feed *f, const struct source *s, uint32_t needs)
{
	cursor_widen(((struct select_feed *)f)->input, s, needs);
}

static void select_report(const struct feed *f, struct report *out)
{
	cursor_report(((const struct select_feed *)f)->input, out);
}

static void select_close(struct feed *f)
{
	struct select_feed *s = (struct select_feed *)f;

	cursor_close(s->input);
	packer_close(&s->packer);
	feed_free(&s->feed);
}

static const struct feed_ops select_ops = {
	.next = select_next,
	.calls = select_calls,
	.widen = select_widen,
	.report = select_report,
	.close = select_close,
};

static uint32_t select_needs(const struct derivation *d)
{
	const struct select *sel = (const struct select *)d;
	uint32_t needs = 0;

	for (size_t i = 0; i < sel->n; i++)
		needs |= sel->columns[i].field ? sel->columns[i].field->needs : 0;
	return needs;
}

static struct feed *select_open(struct query *q, uint32_t needs, struct nl_error *err)
{
	const struct select *sel = select_of(q);
	struct select_feed *s = feed_new(&select_ops, q, sizeof(*s), err);

	(void)needs; /* its own rows are whole */
	if (!s)
		return NULL;
	if (!packer_open(&s->packer, q->source))
		query_no_memory(err);
	else
		s->input = cursor_open(sel->d.input, select_needs(&sel->d), err);
	if (s->input)
		return &s->feed;
	select_close(&s->feed);
	return NULL;
}

static void describe(const struct derivation *d, FILE *out)
{
	const struct select *sel = (const struct select *)d;

	fprintf(out, "select     ");
	for (size_t i = 0; i < sel->n; i++)
		fprintf(out, "%s%s%s", i ? ", " : "", sel->columns[i].name,
			sel->columns[i].field ? "" : " (a function)");
	fputc('\n', out);
}

static void destroy(struct derivation *d)
{
	struct select *sel = (struct select *)d;

	free(sel->columns);
	free(sel);
}

static const struct derivation_ops ops = { select_open, select_needs, describe, destroy };

/* The source of the rows; column names become its own. */
static struct source *columns_source(struct select *sel, struct nl_error *err)
{
	struct source *s = made_source("results", "result", sel->n);

	if (!s)
		query_no_memory(err);
	for (size_t i = 0; s && i < sel->n; i++) {
		struct chosen *c = &sel->columns[i];
		const char *name = c->field && !c->name ? c->field->name : c->name;

		if (!made_field(s, i, name, c->field ? c->field : &made_any)) {
			if (errno == EEXIST)
				nl_fail(err, EINVAL, "two columns have the name '%.60s'", name);
			else
				query_no_memory(err);
			source_unref(s);
			return NULL;
		}
		c->name = made_at(s, i)->name;
	}
	return s;
}

struct query *query_select(struct query *q, const struct chosen *columns, size_t n,
			   struct nl_error *err)
{
	struct select *sel = calloc(1, sizeof(*sel));
	struct source *s;

	if (sel)
		sel->columns = malloc((n ? n : 1) * sizeof(*columns));
	if (!sel || !sel->columns) {
		free(sel);
		query_no_memory(err);
		return NULL;
	}
	sel->d = (struct derivation){ .ops = &ops, .refs = 1, .input = query_ref(q) };
	memcpy(sel->columns, columns, n * sizeof(*columns));
	sel->n = n;
	s = columns_source(sel, err);
	if (s)
		return derivation_query(&sel->d, s, err);
	derivation_unref(&sel->d);
	return NULL;
}
