/* What a run remembers of its rows. */
#ifndef CONNSH_QUERY_SEEN_H
#define CONNSH_QUERY_SEEN_H

#include "connsh/source.h"

/* Finalizer of MurmurHash3 by Austin Appleby (public domain): every bit counts. */
static inline uint64_t hash_mix(uint64_t h)
{
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

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

#endif
