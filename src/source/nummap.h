/* A map from numbers to numbers, for the tables that envs keep. 0 is no key. */
#ifndef CONNSH_SOURCE_NUMMAP_H
#define CONNSH_SOURCE_NUMMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nummap_slot {
	uint64_t key, value;
};

/* All zero is an empty one. */
struct nummap {
	struct nummap_slot *slots;
	size_t n, cap; /* cap is a power of 2, or 0 */
};

/* The value of the key, valid until the next nummap_add; NULL: it is not there. */
uint64_t *nummap_find(const struct nummap *m, uint64_t key);
/* The same, put there as 0 if it was not (*fresh); NULL: no memory. */
uint64_t *nummap_add(struct nummap *m, uint64_t key, bool *fresh);
void nummap_free(struct nummap *m);

/* One that nobody can foresee: whoever chooses keys shall not choose their hashes. */
uint64_t hash_seed(void);
/* A number that bytes have most likely alone; never 0. Another seed gives others. */
uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t len);

#endif
