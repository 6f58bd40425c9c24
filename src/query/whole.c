/* Owns the rows of a source that is read whole before the first is given out, each object once. */
#include "private.h"

#include <stdlib.h>

struct whole {
	struct rowstore rows;
	struct keyset keys;
	size_t next;
	bool read; /* rows were added, or there were none to add */
};

struct whole *whole_new(void)
{
	return calloc(1, sizeof(struct whole));
}

bool whole_add(struct whole *w, const struct row *row)
{
	uint64_t key = row->source->key ? row->source->key(row) : 0;
	bool fresh = true;

	if (key && keyset_add(&w->keys, &key, sizeof(key), &fresh) < 0)
		return false;
	return !fresh || rowstore_add(&w->rows, row);
}

void whole_mark_read(struct whole *w)
{
	w->read = true;
}

bool whole_is_read(const struct whole *w)
{
	return w->read;
}

bool whole_next(struct whole *w, struct row *row)
{
	if (w->next == w->rows.n)
		return false;
	kept_row(w->rows.rows[w->next++], row);
	return true;
}

void whole_clear(struct whole *w)
{
	rowstore_clear(&w->rows);
	keyset_free(&w->keys);
	w->next = 0;
	w->read = false;
}

void whole_free(struct whole *w)
{
	if (!w)
		return;
	whole_clear(w);
	free(w);
}
