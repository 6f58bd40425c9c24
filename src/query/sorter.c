/*
 * Owns putting rows in order by the values of several fields: stable, values
 * that are absent last whichever way. With a limit it is a heap whose top is
 * the last of those kept, so that no more rows than that are in memory.
 */
#include "private.h"

#include <stdlib.h>
#include <string.h>

struct sorter {
	struct sort_key *keys;
	size_t nkeys, n, cap;
	size_t limit; /* SIZE_MAX: none */
	struct kept **rows;
	struct value *probe; /* of the row at hand */
	uint64_t seq;
};

struct sorter *sorter_new(const struct sort_key *keys, size_t n, int64_t limit)
{
	struct sorter *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->keys = malloc(n * sizeof(*keys));
	s->probe = calloc(n, sizeof(*s->probe));
	if (!s->keys || !s->probe) {
		sorter_free(s);
		return NULL;
	}
	memcpy(s->keys, keys, n * sizeof(*keys));
	s->nkeys = n;
	s->limit = limit == NO_LIMIT ? SIZE_MAX : (size_t)limit;
	return s;
}

static int compare_keys(const struct sorter *s, const struct value *a, const struct value *b)
{
	for (size_t i = 0; i < s->nkeys; i++) {
		int c = value_compare(s->keys[i].field, &a[i], &b[i]);

		if (c == 0)
			continue;
		/* nothing is last, also in falling order */
		if (s->keys[i].down && a[i].kind != VALUE_NIL && b[i].kind != VALUE_NIL)
			c = -c;
		return c;
	}
	return 0;
}

static int compare_rows(const struct sorter *s, const struct kept *a, const struct kept *b)
{
	int c = compare_keys(s, a->keys, b->keys);

	return c ? c : (a->seq > b->seq) - (a->seq < b->seq);
}

static void read_keys(const struct sorter *s, const struct row *row, struct value *keys)
{
	for (size_t i = 0; i < s->nkeys; i++)
		field_get(s->keys[i].field, row, &keys[i]);
}

/* A copy of the row; its keys are read from the copy, so that texts stay. */
static struct kept *keep(struct sorter *s, const struct row *row)
{
	struct kept *k = kept_new(row, s->nkeys);
	struct row own;

	if (!k)
		return NULL;
	kept_row(k, &own);
	read_keys(s, &own, k->keys);
	k->seq = s->seq++;
	return k;
}

static void sift_up(struct sorter *s, size_t i)
{
	struct kept *k = s->rows[i];

	while (i > 0 && compare_rows(s, k, s->rows[(i - 1) / 2]) > 0) {
		s->rows[i] = s->rows[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->rows[i] = k;
}

static void sift_down(struct sorter *s, size_t i, size_t n)
{
	struct kept *k = s->rows[i];

	for (size_t kid; (kid = i * 2 + 1) < n; i = kid) {
		if (kid + 1 < n && compare_rows(s, s->rows[kid + 1], s->rows[kid]) > 0)
			kid++;
		if (compare_rows(s, k, s->rows[kid]) >= 0)
			break;
		s->rows[i] = s->rows[kid];
	}
	s->rows[i] = k;
}

/* The heap is full: the row takes the place of the last one if it comes before it. */
static bool replace_top(struct sorter *s, const struct row *row)
{
	struct kept *k;

	if (s->limit == 0)
		return true;
	read_keys(s, row, s->probe);
	if (compare_keys(s, s->probe, s->rows[0]->keys) >= 0) {
		s->seq++;
		return true;
	}
	k = keep(s, row);
	if (!k)
		return false;
	kept_free(s->rows[0]);
	s->rows[0] = k;
	sift_down(s, 0, s->n);
	return true;
}

bool sorter_add(struct sorter *s, const struct row *row)
{
	if (s->n >= s->limit)
		return replace_top(s, row);
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct kept **rows = realloc(s->rows, cap * sizeof(*rows));

		if (!rows)
			return false;
		s->rows = rows;
		s->cap = cap;
	}
	s->rows[s->n] = keep(s, row);
	if (!s->rows[s->n])
		return false;
	s->n++;
	if (s->limit != SIZE_MAX)
		sift_up(s, s->n - 1);
	return true;
}

/* A raised nl_cancel makes what is left equal, so that the sort ends at once. */
static int compare_for_qsort(const void *a, const void *b, void *arg)
{
	return nl_cancel ? 0
			 : compare_rows(arg, *(struct kept *const *)a, *(struct kept *const *)b);
}

void sorter_finish(struct sorter *s)
{
	if (s->n)
		qsort_r(s->rows, s->n, sizeof(*s->rows), compare_for_qsort, s);
}

bool sorter_get(const struct sorter *s, size_t i, struct row *row)
{
	if (i >= s->n)
		return false;
	kept_row(s->rows[i], row);
	return true;
}

void sorter_reset(struct sorter *s)
{
	for (size_t i = 0; i < s->n; i++)
		kept_free(s->rows[i]);
	free(s->rows);
	s->rows = NULL;
	s->n = s->cap = 0;
	s->seq = 0;
}

void sorter_free(struct sorter *s)
{
	if (!s)
		return;
	sorter_reset(s);
	free(s->keys);
	free(s->probe);
	free(s);
}
