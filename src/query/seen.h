/* Sets that a run keeps: rows seen lately, and values seen at all. */
#ifndef CONNSH_QUERY_SEEN_H
#define CONNSH_QUERY_SEEN_H

#include "connsh/source.h"

/*
 * The keys of the last WINDOW_SIZE rows. A dump of sockets doubles rows only
 * near the bucket where it resumed, so a bounded window tells them.
 */
#define WINDOW_SIZE 8192
struct window {
	uint32_t at, n;
	uint64_t ring[WINDOW_SIZE];
	uint64_t slots[WINDOW_SIZE * 2]; /* open addressing; 0 is free */
};
/* Was the key (not 0) there already? It is now. */
bool window_seen(struct window *w, uint64_t key);

/* Distinct combinations of values; grows with their number. */
struct distinct {
	size_t n, cap; /* slots */
	struct slot {
		uint64_t hash;
		size_t at, len; /* in bytes */
	} * slots;
	unsigned char *bytes;
	size_t used, size;
};
/* 1: the row's values are new, and kept; 0: known, or one is absent; -1: no memory. */
int distinct_add(struct distinct *d, const struct row *row, const struct field **fields, size_t n);
void distinct_free(struct distinct *d);

#endif
