/*
 * Owns joins: the rows of one query beside those of another that agree with
 * them. The right side is read whole into a table by its keys, the left one
 * streams. A row holds the messages of both sides, so that any field of either
 * is read only when it is asked for.
 */
#include "private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct join {
	struct derivation d;
	size_t n;
	const struct field **left, **right;
};

/* Which side's field each column is. */
struct side_field {
	bool right;
	const struct field *field;
};

struct join_source {
	struct source source;
	struct query *left, *right; /* keep the sources of both sides */
	char **names;
	struct side_field *sides;
	size_t n;
	struct field fields[];
};

/* One side of a row, as it lies in the row's message. */
struct side {
	uint32_t at, tag, asked,
		env; /* of the message, from the start of the row's; number of env */
	const struct source *source;
	const struct shape *shape;
};

struct join_feed {
	struct feed feed;
	const struct calls *calls;
	struct cursor *left;
	struct cursor *right; /* while it is read */
	struct report right_report;
	bool read;
	struct rowstore rows; /* the right side */
	struct keyset keys;
	struct keybuf key;
	size_t *heads, *nexts; /* row + 1 by key, and the one behind each row; 0: none */
	size_t heads_room, nexts_room;
	struct row at_hand; /* of the left side */
	size_t next;	    /* right row + 1 that it meets next */
	struct env *env;
	unsigned char *buf;
	size_t size;
};

static const struct join *join_of(const struct query *q)
{
	return (const struct join *)q->from;
}

/* ---- keys ---------------------------------------------------------------------------------- */

/* 1 with the row's key made, 0 when it lacks a value, -1. */
static int make_key(struct join_feed *f, const struct field *const *fields, const struct row *row,
		    struct nl_error *err)
{
	f->key.len = 0;
	for (size_t i = 0; i < join_of(f->feed.query)->n; i++) {
		struct value v;

		if (!field_get(fields[i], row, &v))
			return 0;
		if (!key_put(&f->key, &v))
			return query_no_memory(err);
	}
	return 1;
}

static bool room(size_t **list, size_t *size, size_t n)
{
	size_t more = *size ? *size * 2 : 64, *bigger;

	if (n < *size)
		return true;
	bigger = realloc(*list, more * sizeof(**list));
	if (!bigger)
		return false;
	*list = bigger;
	*size = more;
	return true;
}

/* ---- the right side -----------------------------------------------------------------------------
 */

static int take_right(void *arg, const struct row *row, struct nl_error *err)
{
	struct join_feed *f = arg;
	int rc = make_key(f, join_of(f->feed.query)->right, row, err);
	ptrdiff_t number;
	bool fresh;

	if (rc <= 0)
		return rc;
	number = keyset_add(&f->keys, f->key.bytes, f->key.len, &fresh);
	if (number < 0 || !rowstore_add(&f->rows, row) ||
	    !room(&f->heads, &f->heads_room, (size_t)number) ||
	    !room(&f->nexts, &f->nexts_room, f->rows.n - 1))
		return query_no_memory(err);
	/* in front: the rows of a key come in falling order and are turned round at the end */
	f->nexts[f->rows.n - 1] = fresh ? 0 : f->heads[number];
	f->heads[number] = f->rows.n;
	return 0;
}

static bool restart_right(void *arg)
{
	struct join_feed *f = arg;

	rowstore_clear(&f->rows);
	keyset_free(&f->keys);
	return true;
}

static void turn_round(struct join_feed *f)
{
	for (size_t k = 0; k < f->keys.n; k++) {
		size_t head = 0, at = f->heads[k];

		while (at) {
			size_t next = f->nexts[at - 1];

			f->nexts[at - 1] = head;
			head = at;
			at = next;
		}
		f->heads[k] = head;
	}
}

static int read_right(struct join_feed *f, struct nl_error *err)
{
	const struct join *j = join_of(f->feed.query);
	struct sink sink = { take_right, restart_right, f, &f->right };
	uint32_t needs = 0;

	/* any field may be asked for, but a look at all processes is made when it is */
	for (const struct field *c = j->d.other->source->fields; c->name; c++)
		needs |= c->needs & ~NEED_OWNERS;
	for (size_t i = 0; i < j->n; i++)
		needs |= j->right[i]->needs;
	if (query_run(j->d.other, needs, f->calls, &sink, &f->right_report, err) < 0)
		return -1;
	turn_round(f);
	f->read = true;
	return 0;
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

#define ALIGN8(n) (((n) + 7) & ~(size_t)7)

static bool lay_side(struct join_feed *f, struct side *out, const struct row *row, size_t *end)
{
	uint32_t number;

	if (!env_hold(f->env, row->env, &number))
		return false;
	*out = (struct side){
		(uint32_t)*end, row->tag, row->asked, number, row->source, row->shape
	};
	memcpy(f->buf + *end, row->msg, row->msg->nlmsg_len);
	*end += ALIGN8(row->msg->nlmsg_len);
	return true;
}

static int make_row(struct join_feed *f, const struct row *right, struct row *row,
		    struct nl_error *err)
{
	size_t start = ALIGN8(NLMSG_HDRLEN), end = start + 2 * sizeof(struct side);
	size_t size = end + ALIGN8(f->at_hand.msg->nlmsg_len) + ALIGN8(right->msg->nlmsg_len);
	struct side *sides;

	if (size > f->size) {
		unsigned char *buf = realloc(f->buf, size * 2);

		if (!buf)
			return query_no_memory(err);
		f->buf = buf;
		f->size = size * 2;
	}
	memset(f->buf, 0, start);
	sides = (struct side *)(f->buf + start);
	if (!lay_side(f, &sides[0], &f->at_hand, &end) || !lay_side(f, &sides[1], right, &end))
		return query_no_memory(err);
	((struct nlmsghdr *)f->buf)->nlmsg_len = (uint32_t)end;
	memset(row, 0, offsetof(struct row, attr));
	row->source = f->feed.query->source;
	row->env = f->env;
	row->msg = (const struct nlmsghdr *)f->buf;
	row->shape = &made_shape;
	row->asked = f->at_hand.asked;
	return 1;
}

static void side_row(const struct row *row, bool right, struct row *out)
{
	const char *start = (const char *)row->msg;
	const struct side *side =
		(const struct side *)(start + ALIGN8(NLMSG_HDRLEN)) + (right ? 1 : 0);

	out->source = side->source;
	out->env = env_held(row->env, side->env);
	out->msg = (const struct nlmsghdr *)(start + side->at);
	out->shape = side->shape;
	out->tag = side->tag;
	out->asked = side->asked;
	out->indexed = false;
}

static const struct side_field *side_field(const struct row *row, const struct field *f)
{
	const struct join_source *s = (const struct join_source *)row->source;

	return &s->sides[f - row->source->fields];
}

static bool get_side(const struct row *row, const struct field *f, struct value *v)
{
	const struct side_field *sf = side_field(row, f);
	struct row inner;

	side_row(row, sf->right, &inner);
	return field_get(sf->field, &inner, v);
}

static bool more_side(const struct row *row, const struct field *f, size_t i, struct value *v)
{
	const struct side_field *sf = side_field(row, f);
	struct row inner;

	side_row(row, sf->right, &inner);
	return sf->field->get_more && sf->field->get_more(&inner, sf->field, i, v);
}

/* ---- the feed
 * ------------------------------------------------------------------------------------- */

/* The next left row that has a partner; 1, 0, -1. */
static int next_left(struct join_feed *f, struct nl_error *err)
{
	int rc;

	while ((rc = cursor_next(f->left, &f->at_hand, err)) > 0) {
		ptrdiff_t number;

		rc = make_key(f, join_of(f->feed.query)->left, &f->at_hand, err);
		if (rc < 0)
			return -1;
		number = rc ? keyset_find(&f->keys, f->key.bytes, f->key.len) : -1;
		if (number < 0)
			continue;
		f->next = f->heads[number];
		return 1;
	}
	return rc;
}

static int join_next(struct feed *feed, struct row *row, struct nl_error *err)
{
	struct join_feed *f = (struct join_feed *)feed;
	struct row right;
	int rc;

	if (!f->read && read_right(f, err) < 0)
		return -1;
	for (;;) {
		if (f->next == 0) {
			rc = next_left(f, err);
			if (rc <= 0)
				return rc;
		}
		if (nl_cancel)
			return nl_fail(err, ECANCELED, "interrupted");
		kept_row(f->rows.rows[f->next - 1], &right);
		f->next = f->nexts[f->next - 1];
		rc = make_row(f, &right, row, err);
		if (rc < 0 || !f->feed.query->filter || node_match(f->feed.query->filter, row))
			return rc;
	}
}

static void join_calls(struct feed *feed, const struct calls *calls)
{
	struct join_feed *f = (struct join_feed *)feed;

	f->calls = calls;
	cursor_calls(f->left, calls);
}

static void join_widen(struct feed *feed, const struct source *s, uint32_t needs)
{
	struct join_feed *f = (struct join_feed *)feed;

	/* fields of a joined row have the needs of its left side */
	if (s == f->feed.query->source)
		s = join_of(f->feed.query)->d.input->source;
	if (f->right)
		cursor_widen(f->right, s, needs);
	cursor_widen(f->left, s, needs);
}

static void join_report(const struct feed *feed, struct report *out)
{
	const struct join_feed *f = (const struct join_feed *)feed;

	if (!f->read)
		return;
	cursor_report(f->left, out);
	out->complete = out->complete && f->right_report.complete;
	out->flagged |= f->right_report.flagged;
	if (f->right_report.tries > out->tries)
		out->tries = f->right_report.tries;
	out->rows += f->right_report.rows;
	out->stats.dumps += f->right_report.stats.dumps;
	for (size_t i = 0; i < f->right_report.nwarnings; i++)
		report_warn(out, "%s", f->right_report.warnings[i]);
}

static void join_close(struct feed *feed)
{
	struct join_feed *f = (struct join_feed *)feed;

	cursor_close(f->left);
	rowstore_clear(&f->rows);
	keyset_free(&f->keys);
	key_free(&f->key);
	free(f->heads);
	free(f->nexts);
	env_unref(f->env);
	free(f->buf);
	feed_free(&f->feed);
}

static const struct feed_ops feed_ops = {
	.next = join_next,
	.calls = join_calls,
	.widen = join_widen,
	.report = join_report,
	.close = join_close,
};

static uint32_t join_needs(const struct derivation *d)
{
	const struct join *j = (const struct join *)d;
	uint32_t needs = 0;

	for (size_t i = 0; i < j->n; i++)
		needs |= j->left[i]->needs;
	return needs;
}

static struct feed *join_open(struct query *q, uint32_t needs, struct nl_error *err)
{
	const struct join *j = join_of(q);
	struct join_feed *f = feed_new(&feed_ops, q, sizeof(*f), err);

	if (!f)
		return NULL;
	f->env = env_new(NULL);
	needs |= join_needs(&j->d);
	if (!f->env)
		query_no_memory(err);
	else
		f->left = cursor_open(j->d.input, needs, err);
	if (f->left) {
		env_keep_source(f->env, q->source);
		return &f->feed;
	}
	join_close(&f->feed);
	return NULL;
}

static void describe(const struct derivation *d, FILE *out)
{
	const struct join *j = (const struct join *)d;

	fprintf(out, "join       with %s where", j->d.other->source->name);
	for (size_t i = 0; i < j->n; i++)
		fprintf(out, "%s %s is its %s", i ? " and" : "", j->left[i]->name,
			j->right[i]->name);
	fputc('\n', out);
}

static void destroy(struct derivation *d)
{
	struct join *j = (struct join *)d;

	free(j->left);
	free(j->right);
	free(j);
}

static const struct derivation_ops ops = { join_open, join_needs, describe, destroy };

/* ---- the source of its rows
 * ---------------------------------------------------------------------------- */

static void source_destroy(struct source *source)
{
	struct join_source *s = (struct join_source *)source;

	for (size_t i = 0; i < s->n; i++)
		free(s->names[i]);
	free(s->names);
	free(s->sides);
	query_unref(s->left);
	query_unref(s->right);
	free(s);
}

/* More of the left side can be asked for; the right one has all that it can have. */
static ptrdiff_t refetch(const struct row *row, uint32_t needs, void *buf, size_t size,
			 struct nl_error *err)
{
	size_t start = ALIGN8(NLMSG_HDRLEN), end = start + 2 * sizeof(struct side);
	struct side sides[2];
	struct row left, right;
	ptrdiff_t n;

	side_row(row, false, &left);
	side_row(row, true, &right);
	if (!left.source->refetch)
		return 0;
	n = left.source->refetch(&left, needs, (char *)buf + end, size - end, err);
	if (n <= 0)
		return n;
	if (end + ALIGN8((size_t)n) + ALIGN8(right.msg->nlmsg_len) > size)
		return nl_fail(err, EMSGSIZE, "a joined row has more than %zu bytes", size);
	memcpy(sides, (const char *)row->msg + start, sizeof(sides));
	sides[0].asked |= needs;
	sides[0].at = (uint32_t)end;
	end += ALIGN8((size_t)n);
	sides[1].at = (uint32_t)end;
	memcpy((char *)buf + end, right.msg, right.msg->nlmsg_len);
	end += ALIGN8(right.msg->nlmsg_len);
	memset(buf, 0, start);
	memcpy((char *)buf + start, sides, sizeof(sides));
	((struct nlmsghdr *)buf)->nlmsg_len = (uint32_t)end;
	return (ptrdiff_t)end;
}

/* 1 added, 0 no memory, -1 the name is taken. */
static int add_column(struct join_source *s, const struct field *of, bool right, const char *name)
{
	struct field *f = &s->fields[s->n];

	if (source_field(&s->source, name))
		return -1;
	s->names[s->n] = strdup(name);
	if (!s->names[s->n])
		return 0;
	*f = *of;
	f->name = s->names[s->n];
	f->get = get_side;
	f->shape = NULL; /* that of its side's row is looked at there */
	f->places = NULL;
	f->when = NULL;
	f->get_more = of->get_more ? more_side : NULL;
	f->push = NULL;
	f->flags &= ~(unsigned)FF_REQUEST;
	if (right)
		f->needs = 0;
	s->sides[s->n] = (struct side_field){ right, of };
	s->n++;
	return 1;
}

static bool is_same_key(const struct join *j, const struct field *right)
{
	for (size_t i = 0; i < j->n; i++)
		if (j->right[i] == right && strcmp(j->left[i]->name, right->name) == 0)
			return true;
	return false;
}

static int add_sides(struct join_source *s, const struct join *j, struct nl_error *err)
{
	for (const struct field *f = j->d.input->source->fields; f->name; f++)
		if (add_column(s, f, false, f->name) == 0)
			return query_no_memory(err);
	for (const struct field *f = j->d.other->source->fields; f->name; f++) {
		char name[80];
		int rc;

		if (is_same_key(j, f))
			continue;
		rc = add_column(s, f, true, f->name);
		snprintf(name, sizeof(name), "other_%.60s", f->name);
		if (rc < 0)
			rc = add_column(s, f, true, name);
		if (rc == 0)
			return query_no_memory(err);
		if (rc < 0)
			return nl_fail(err, EINVAL, "both sides have a field '%.60s'", name);
	}
	return 0;
}

static size_t count_fields(const struct source *s)
{
	size_t n = 0;

	while (s->fields[n].name)
		n++;
	return n;
}

static struct source *join_source(const struct join *j, struct nl_error *err)
{
	size_t n = count_fields(j->d.input->source) + count_fields(j->d.other->source);
	struct join_source *s = calloc(1, sizeof(*s) + (n + 1) * sizeof(s->fields[0]));

	if (!s) {
		query_no_memory(err);
		return NULL;
	}
	s->source = (struct source){
		.shape = &made_shape,
		.name = "results",
		.row_name = "result",
		.doc = "Rows of two queries, joined.",
		.fields = s->fields,
		.refetch = refetch,
		.refs = 1,
		.destroy = source_destroy,
	};
	s->left = query_ref(j->d.input);
	s->right = query_ref(j->d.other);
	s->names = calloc(n + 1, sizeof(*s->names));
	s->sides = calloc(n + 1, sizeof(*s->sides));
	if (!s->names || !s->sides)
		query_no_memory(err);
	else if (add_sides(s, j, err) == 0)
		return &s->source;
	source_unref(&s->source);
	return NULL;
}

struct query *query_join(struct query *q, struct query *other, const struct field *const *left,
			 const struct field *const *right, size_t n, struct nl_error *err)
{
	struct join *j = calloc(1, sizeof(*j));
	struct source *s;

	if (j) {
		j->d = (struct derivation){
			.ops = &ops,
			.refs = 1,
			.input = query_ref(q),
			.other = query_ref(other),
		};
		j->left = calloc(n, sizeof(*left));
		j->right = calloc(n, sizeof(*right));
	}
	if (!j || !j->left || !j->right) {
		if (j)
			derivation_unref(&j->d);
		query_no_memory(err);
		return NULL;
	}
	memcpy(j->left, left, n * sizeof(*left));
	memcpy(j->right, right, n * sizeof(*right));
	j->n = n;
	s = join_source(j, err);
	if (s)
		return derivation_query(&j->d, s, err);
	derivation_unref(&j->d);
	return NULL;
}
