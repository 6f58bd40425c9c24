/* Owns the window of rows seen lately. */
#include "seen.h"

#define SLOTS (WINDOW_SIZE * 2)

static size_t home(uint64_t key)
{
	return hash_mix(key) & (SLOTS - 1);
}

/* Takes key out and closes the gap: what follows moves back if its home allows. */
static void forget(struct window *w, uint64_t key)
{
	size_t hole = home(key), i;

	while (w->slots[hole] != key) {
		if (w->slots[hole] == 0)
			return;
		hole = (hole + 1) & (SLOTS - 1);
	}
	for (i = (hole + 1) & (SLOTS - 1); w->slots[i]; i = (i + 1) & (SLOTS - 1)) {
		size_t h = home(w->slots[i]);

		if (((i - h) & (SLOTS - 1)) >= ((i - hole) & (SLOTS - 1))) {
			w->slots[hole] = w->slots[i];
			hole = i;
		}
	}
	w->slots[hole] = 0;
}

bool window_seen(struct window *w, uint64_t key)
{
	size_t i = home(key);

	for (; w->slots[i]; i = (i + 1) & (SLOTS - 1))
		if (w->slots[i] == key)
			return true;
	if (w->n == WINDOW_SIZE) {
		forget(w, w->ring[w->at]);
		for (i = home(key); w->slots[i]; i = (i + 1) & (SLOTS - 1))
			;
	} else {
		w->n++;
	}
	w->slots[i] = key;
	w->ring[w->at] = key;
	w->at = (w->at + 1) % WINDOW_SIZE;
	return false;
}
