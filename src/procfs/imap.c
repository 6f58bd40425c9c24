/*
 * Owns a map from 32-bit numbers to 32-bit numbers: open addressing, linear
 * probing, at most three quarters full. Nothing is ever taken out.
 */
#include "private.h"

#include <stdlib.h>

enum { FIRST_BITS = 6 };

/* Inodes are handed out one after the other: the product spreads them (2^32 / golden ratio). */
static size_t home(const struct imap *m, uint32_t key)
{
	return (key * 2654435769u) >> (32 - m->bits);
}

/* The slot of the key, or the free one where it belongs. */
static struct imap_slot *find(const struct imap *m, uint32_t key)
{
	size_t mask = ((size_t)1 << m->bits) - 1, i = home(m, key);

	while (m->slots[i].key && m->slots[i].key != key)
		i = (i + 1) & mask;
	return &m->slots[i];
}

static bool grow(struct imap *m)
{
	struct imap bigger = { .bits = m->slots ? m->bits + 1 : FIRST_BITS, .used = m->used };

	if (bigger.bits > 32)
		return false;
	bigger.slots = calloc((size_t)1 << bigger.bits, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (size_t i = 0; m->slots && i < (size_t)1 << m->bits; i++)
		if (m->slots[i].key)
			*find(&bigger, m->slots[i].key) = m->slots[i];
	free(m->slots);
	*m = bigger;
	return true;
}

uint32_t *imap_get(const struct imap *m, uint32_t key)
{
	struct imap_slot *slot;

	if (!m->slots || !key)
		return NULL;
	slot = find(m, key);
	return slot->key ? &slot->value : NULL;
}

uint32_t *imap_put(struct imap *m, uint32_t key)
{
	uint32_t *known = imap_get(m, key);
	struct imap_slot *slot;

	if (known)
		return known;
	if ((!m->slots || m->used >= ((size_t)3 << m->bits) / 4) && !grow(m))
		return NULL;
	slot = find(m, key);
	slot->key = key;
	m->used++;
	return &slot->value;
}

void imap_free(struct imap *m)
{
	free(m->slots);
	*m = (struct imap){ 0 };
}
