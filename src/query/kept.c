/* Owns rows that outlive the buffer they came in. */
#include "private.h"

#include <stdlib.h>
#include <string.h>

struct kept *kept_new(const struct row *row, size_t nkeys)
{
	size_t len = row->msg->nlmsg_len, keys = (len + 7) & ~(size_t)7;
	struct kept *k = malloc(sizeof(*k) + keys + nkeys * sizeof(*k->keys));

	if (!k)
		return NULL;
	k->env = env_ref(row->env);
	k->source = row->source;
	k->shape = row->shape;
	k->tag = row->tag;
	k->asked = row->asked;
	k->when = row->when;
	k->seq = 0;
	k->keys = (struct value *)(k->msg + keys);
	memcpy(k->msg, row->msg, len);
	return k;
}

void kept_row(const struct kept *k, struct row *row)
{
	row->source = k->source;
	row->env = k->env;
	row->msg = (const struct nlmsghdr *)k->msg;
	row->shape = k->shape;
	row->tag = k->tag;
	row->asked = k->asked;
	row->when = k->when;
	row->indexed = false;
}

void kept_free(struct kept *k)
{
	if (!k)
		return;
	env_unref(k->env);
	free(k);
}

static bool reserve(struct rowstore *s)
{
	size_t cap = s->cap ? s->cap * 2 : 64;
	struct kept **rows;

	if (s->n < s->cap)
		return true;
	rows = realloc(s->rows, cap * sizeof(*rows));
	if (!rows)
		return false;
	s->rows = rows;
	s->cap = cap;
	return true;
}

bool rowstore_add(struct rowstore *s, const struct row *row)
{
	if (!reserve(s))
		return false;
	s->rows[s->n] = kept_new(row, 0);
	return s->rows[s->n] && ++s->n;
}

bool rowstore_move(struct rowstore *to, struct rowstore *from, size_t i)
{
	if (!reserve(to))
		return false;
	to->rows[to->n++] = from->rows[i];
	from->rows[i] = NULL;
	return true;
}

void rowstore_clear(struct rowstore *s)
{
	for (size_t i = 0; i < s->n; i++)
		kept_free(s->rows[i]);
	free(s->rows);
	memset(s, 0, sizeof(*s));
}
