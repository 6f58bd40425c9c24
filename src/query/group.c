/*
 * Owns groups: the rows of a query told apart by keys, and numbers of each
 * group. The rows themselves are not kept, so memory grows with the groups only
 * (quantiles keep one number a row).
 */
#include "aggregate.h"
#include "private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct group {
	struct derivation d;
	struct group_key *keys;
	struct aggregate *aggs; /* names are the source's own */
	size_t nkeys, naggs;
};

struct group_feed {
	struct feed feed;
	const struct calls *calls;
	struct cursor *running; /* over the input, while it is read */
	uint32_t inner;		/* needs */
	struct keyset keys;
	struct keybuf key;
	struct agg_state *states; /* naggs for each key, by its number */
	size_t room;		  /* keys */
	bool read;
	size_t at; /* group that is given out next */
	struct packer packer;
	struct value *values;
	struct report report;
};

static const struct group *group_of(const struct query *q)
{
	return (const struct group *)q->from;
}

/* ---- keys ------------------------------------------------------------------------------ */

static bool parse_bits(const char **p, long max, int *bits)
{
	char *end;
	long n;

	if (**p < '0' || **p > '9')
		return false;
	n = strtol(*p, &end, 10);
	*p = end;
	*bits = (int)n;
	return n <= max;
}

int group_key_parse(const struct source *s, const char *text, struct group_key *key,
		    struct nl_error *err)
{
	size_t n = strcspn(text, "/");
	const char *p = text + n, *near;
	char name[64];
	bool ok = true;

	snprintf(name, sizeof(name), "%.*s", (int)(n < 63 ? n : 63), text);
	*key = (struct group_key){ .field = source_field(s, name), .v4 = -1, .v6 = -1 };
	if (key->field && key->field->flags & FF_SETTING)
		return nl_fail(err, EINVAL, "%s says how to ask, no row has it", name);
	near = source_nearest(s, name);
	if (!key->field && near)
		return nl_fail(err, EINVAL, "%s have no field '%s'; did you mean '%s'?", s->name,
			       name, near);
	if (!key->field)
		return nl_fail(err, EINVAL, "%s have no field '%s'", s->name, name);
	if (key->field->flags & FF_LIST)
		return nl_fail(err, EINVAL, "%s is a list, which rows cannot be grouped by", name);
	if (*p == '\0')
		return 0;
	if (key->field->type != FT_ADDR)
		return nl_fail(err, EINVAL, "%s is no address, so it has no prefixes", name);
	p++;
	ok = parse_bits(&p, 128, &key->v4);
	if (ok && *p == '/') {
		p++;
		ok = key->v4 <= 32 && parse_bits(&p, 128, &key->v6);
	} else if (ok && key->v4 > 32) {
		key->v6 = key->v4;
		key->v4 = -1;
	}
	if (!ok || *p)
		return nl_fail(err, EINVAL,
			       "'%.40s' is no prefix of %s: \"%s/24\" is for IPv4, \"%s/64\" for "
			       "IPv6, \"%s/24/64\" for both",
			       text, name, name, name, name);
	return 0;
}

/* Takes off the bits behind the key's prefix; a whole address stays one. */
static void mask(const struct group_key *key, struct addr *a)
{
	int whole, bits;

	*a = addr_canonical(a);
	whole = a->family == AF_INET ? 32 : 128;
	bits = whole == 32 ? key->v4 : key->v6;
	if (bits < 0 || bits > whole || (a->plen && a->plen - 1 <= bits))
		return;
	for (int i = 0; i < 16; i++) {
		if (bits <= i * 8)
			a->bytes[i] = 0;
		else if (bits < i * 8 + 8)
			a->bytes[i] &= (uint8_t)(0xff << (i * 8 + 8 - bits));
	}
	a->plen = (uint8_t)(bits + 1);
}

static int make_key(struct group_feed *f, const struct row *row, struct nl_error *err)
{
	const struct group *g = group_of(f->feed.query);

	f->key.len = 0;
	for (size_t i = 0; i < g->nkeys; i++) {
		const struct group_key *key = &g->keys[i];
		struct value v = { .kind = VALUE_NIL };

		if (key->field)
			field_get(key->field, row, &v);
		else if (f->calls->value(f->calls->arg, key->function, row, &v, err) < 0)
			return -1;
		if (v.kind == VALUE_ADDR)
			mask(key, &v.addr);
		if (!key_put(&f->key, &v))
			return query_no_memory(err);
	}
	return 0;
}

/* ---- reading --------------------------------------------------------------------------- */

static struct agg_state *state_of(struct group_feed *f, size_t number)
{
	size_t n = group_of(f->feed.query)->naggs;

	if (number >= f->room) {
		size_t room = f->room ? f->room * 2 : 64;
		struct agg_state *states = realloc(f->states, (room * n + 1) * sizeof(*states));

		if (!states)
			return NULL;
		memset(states + f->room * n, 0, (room - f->room) * n * sizeof(*states));
		f->states = states;
		f->room = room;
	}
	return f->states + number * n;
}

static int take(void *arg, const struct row *row, struct nl_error *err)
{
	struct group_feed *f = arg;
	const struct group *g = group_of(f->feed.query);
	struct agg_state *state = NULL;
	ptrdiff_t number;
	bool fresh;

	if (make_key(f, row, err) < 0)
		return -1;
	number = keyset_add(&f->keys, f->key.bytes, f->key.len, &fresh);
	if (number >= 0)
		state = state_of(f, (size_t)number);
	if (!state)
		return query_no_memory(err);
	for (size_t i = 0; i < g->naggs; i++) {
		switch (aggregate_take(&g->aggs[i], &state[i], row)) {
		case AGG_OK:
			break;
		case AGG_NO_NUMBER:
			return nl_fail(err, EINVAL, "%s of %s needs numbers",
				       aggregate_names[g->aggs[i].op], g->aggs[i].field->name);
		default:
			return query_no_memory(err);
		}
	}
	return 0;
}

static void forget(struct group_feed *f)
{
	size_t n = f->room * group_of(f->feed.query)->naggs;

	for (size_t i = 0; i < n; i++)
		aggregate_free(&f->states[i]);
	free(f->states);
	f->states = NULL;
	f->room = 0;
	keyset_free(&f->keys);
}

static bool restart(void *arg)
{
	forget(arg);
	return true;
}

static int read_all(struct group_feed *f, struct nl_error *err)
{
	const struct group *g = group_of(f->feed.query);
	struct sink sink = { take, restart, f, &f->running };
	bool fresh;

	if (query_run(g->d.input, f->inner, f->calls, &sink, &f->report, err) < 0)
		return -1;
	/* all rows together are one group, also when there are none */
	if (g->nkeys == 0 && f->keys.n == 0 &&
	    (keyset_add(&f->keys, "", 0, &fresh) < 0 || !state_of(f, 0)))
		return query_no_memory(err);
	f->read = true;
	return 0;
}

/* ---- giving out --------------------------------------------------------------------------- */

static bool make_row(struct group_feed *f, size_t number, struct row *row)
{
	const struct group *g = group_of(f->feed.query);
	size_t len;
	const unsigned char *p = keyset_key(&f->keys, number, &len);

	for (size_t i = 0; i < g->nkeys; i++) {
		memset(&f->values[i], 0, sizeof(f->values[i]));
		p = key_get(p, &f->values[i]);
	}
	for (size_t i = 0; i < g->naggs; i++)
		aggregate_value(&g->aggs[i], &f->states[number * g->naggs + i],
				&f->values[g->nkeys + i]);
	return pack_row(&f->packer, f->values, row);
}

static int group_next(struct feed *feed, struct row *row, struct nl_error *err)
{
	struct group_feed *f = (struct group_feed *)feed;

	if (!f->read && read_all(f, err) < 0)
		return -1;
	while (f->at < f->keys.n) {
		if (nl_cancel)
			return nl_fail(err, ECANCELED, "interrupted");
		if (!make_row(f, f->at++, row))
			return query_no_memory(err);
		if (!f->feed.query->filter || node_match(f->feed.query->filter, row))
			return 1;
	}
	return 0;
}

static void group_calls(struct feed *feed, const struct calls *calls)
{
	((struct group_feed *)feed)->calls = calls;
}

static void group_widen(struct feed *feed, const struct source *s, uint32_t needs)
{
	struct cursor *running = ((struct group_feed *)feed)->running;

	if (running)
		cursor_widen(running, s, needs);
}

static void group_report(const struct feed *feed, struct report *out)
{
	const struct group_feed *f = (const struct group_feed *)feed;

	if (f->read)
		*out = f->report;
}

static void group_close(struct feed *feed)
{
	struct group_feed *f = (struct group_feed *)feed;

	forget(f);
	key_free(&f->key);
	packer_close(&f->packer);
	free(f->values);
	feed_free(&f->feed);
}

static const struct feed_ops feed_ops = {
	.next = group_next,
	.calls = group_calls,
	.widen = group_widen,
	.report = group_report,
	.close = group_close,
};

static uint32_t group_needs(const struct derivation *d)
{
	const struct group *g = (const struct group *)d;
	uint32_t needs = 0;

	for (size_t i = 0; i < g->nkeys; i++)
		needs |= g->keys[i].field ? g->keys[i].field->needs : 0;
	for (size_t i = 0; i < g->naggs; i++)
		needs |= g->aggs[i].field ? g->aggs[i].field->needs : 0;
	return needs;
}

static struct feed *group_open(struct query *q, uint32_t needs, struct nl_error *err)
{
	const struct group *g = group_of(q);
	struct group_feed *f = feed_new(&feed_ops, q, sizeof(*f), err);

	(void)needs; /* its own rows are whole */
	if (!f)
		return NULL;
	f->inner = group_needs(&g->d);
	f->values = calloc(g->nkeys + g->naggs + 1, sizeof(*f->values));
	if (f->values && packer_open(&f->packer, q->source))
		return &f->feed;
	group_close(&f->feed);
	query_no_memory(err);
	return NULL;
}

static void describe(const struct derivation *d, FILE *out)
{
	const struct group *g = (const struct group *)d;

	fprintf(out, "group      by ");
	for (size_t i = 0; i < g->nkeys; i++) {
		fprintf(out, "%s%s", i ? ", " : "",
			g->keys[i].field ? g->keys[i].field->name : "a function");
		if (g->keys[i].v4 >= 0)
			fprintf(out, "/%d", g->keys[i].v4);
		if (g->keys[i].v6 >= 0)
			fprintf(out, "/%d", g->keys[i].v6);
	}
	if (g->nkeys == 0)
		fprintf(out, "nothing: one group");
	for (size_t i = 0; i < g->naggs; i++)
		fprintf(out, "; %s%s%s", aggregate_names[g->aggs[i].op],
			g->aggs[i].field ? " of " : "",
			g->aggs[i].field ? g->aggs[i].field->name : "");
	fputc('\n', out);
}

static void destroy(struct derivation *d)
{
	struct group *g = (struct group *)d;

	free(g->keys);
	free(g->aggs);
	free(g);
}

static const struct derivation_ops ops = { group_open, group_needs, describe, destroy };

/* ---- making one ------------------------------------------------------------------------------ */

static int name_taken(const char *name, struct nl_error *err)
{
	if (errno == EEXIST)
		return nl_fail(err, EINVAL, "two columns have the name '%.60s'", name);
	return query_no_memory(err);
}

/* The columns: keys under their own names, then the aggregates. */
static int set_columns(struct group *g, struct source *s, struct nl_error *err)
{
	for (size_t i = 0; i < g->nkeys; i++) {
		struct group_key *key = &g->keys[i];
		const char *name = key->field ? key->field->name : key->name;

		if (!made_field(s, i, name, key->field ? key->field : &made_any))
			return name_taken(name, err);
		key->name = made_at(s, i)->name;
	}
	for (size_t i = 0; i < g->naggs; i++) {
		struct aggregate *a = &g->aggs[i];
		const char *name = a->name ? a->name : aggregate_names[a->op];
		const char *why = aggregate_refusal(a);
		struct field like;

		if (why)
			return nl_fail(err, EINVAL, "%s is of the type %s, which has no %s",
				       a->field->name, why, aggregate_names[a->op]);
		aggregate_field(a, &like);
		if (!made_field(s, g->nkeys + i, name, &like))
			return name_taken(name, err);
		a->name = made_at(s, g->nkeys + i)->name;
	}
	return 0;
}

struct query *query_group(struct query *q, const struct group_key *keys, size_t nkeys,
			  const struct aggregate *aggs, size_t naggs, struct nl_error *err)
{
	struct group *g = calloc(1, sizeof(*g));
	struct source *s = made_source("results", "result", nkeys + naggs);

	if (g) {
		g->d = (struct derivation){ .ops = &ops, .refs = 1, .input = query_ref(q) };
		g->keys = calloc(nkeys + 1, sizeof(*keys));
		g->aggs = calloc(naggs + 1, sizeof(*aggs));
	}
	if (!g || !g->keys || !g->aggs || !s) {
		query_no_memory(err);
	} else {
		/* a list of none may be NULL, which memcpy must not be given */
		if (nkeys)
			memcpy(g->keys, keys, nkeys * sizeof(*keys));
		if (naggs)
			memcpy(g->aggs, aggs, naggs * sizeof(*aggs));
		g->nkeys = nkeys;
		g->naggs = naggs;
		if (set_columns(g, s, err) == 0)
			return derivation_query(&g->d, s, err);
	}
	source_unref(s);
	if (g)
		derivation_unref(&g->d);
	return NULL;
}

bool query_group_parts(const struct query *q, struct group_parts *out)
{
	const struct group *g = group_of(q);

	if (!q->from || q->from->ops != &ops || q->filter || q->ntests || q->ndistinct ||
	    q->nsort || q->limit != NO_LIMIT)
		return false;
	*out = (struct group_parts){ g->d.input, g->keys, g->nkeys, g->naggs };
	return true;
}
