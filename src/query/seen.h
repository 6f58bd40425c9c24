/* What a run remembers of its rows. */
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

#endif
