/*
 * Owns a map from 64-bit numbers to 64-bit numbers: open addressing, linear
 * probing, at most three quarters full. Nothing is ever taken out.
 */
#include "nummap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { FIRST_CAP = 64 };

/* The finalizer of splitmix64: each bit of the key decides about each of the result. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* The slot of the key, or the free one where it belongs. */
static struct nummap_slot *slot_of(const struct nummap *m, uint64_t key)
{
	size_t mask = m->cap - 1, i = (size_t)mix(key) & mask;

	while (m->slots[i].key && m->slots[i].key != key)
		i = (i + 1) & mask;
	return &m->slots[i];
}

static bool grow(struct nummap *m)
{
	struct nummap bigger = { .n = m->n, .cap = m->cap ? m->cap * 2 : FIRST_CAP };

	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].key)
			*slot_of(&bigger, m->slots[i].key) = m->slots[i];
	free(m->slots);
	*m = bigger;
	return true;
}

uint64_t *nummap_find(const struct nummap *m, uint64_t key)
{
	struct nummap_slot *s = m->cap && key ? slot_of(m, key) : NULL;

	return s && s->key ? &s->value : NULL;
}

uint64_t *nummap_add(struct nummap *m, uint64_t key, bool *fresh)
{
	struct nummap_slot *s;

	if (m->n >= m->cap / 4 * 3 && !grow(m))
		return NULL;
	s = slot_of(m, key);
	*fresh = s->key == 0;
	m->n += *fresh;
	s->key = key;
	return &s->value;
}

void nummap_free(struct nummap *m)
{
	free(m->slots);
	memset(m, 0, sizeof(*m));
}

uint64_t hash_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uintptr_t)&seed; /* early at boot; still another in each process */
	return mix(seed);
}

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	uint64_t h = mix(seed ^ len);

	for (; len; p += 8) {
		size_t n = len < 8 ? len : 8;
		uint64_t word = 0;

		memcpy(&word, p, n);
		h = mix(h ^ word) + seed;
		len -= n;
	}
	return h ? h : 1;
}
