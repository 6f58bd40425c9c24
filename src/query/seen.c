/* Owns the window of rows seen lately. */
#include "seen.h"

#define SLOTS (WINDOW_SIZE * 2)

/* Finalizer of MurmurHash3 by Austin Appleby (public domain): every bit counts. */
static uint64_t mix(uint64_t h)
{
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

static size_t home(uint64_t key)
{
	return mix(key) & (SLOTS - 1);
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
