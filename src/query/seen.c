/* Owns the sets of seen.h. */
#include "seen.h"

#include <stdlib.h>
#include <string.h>

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

static bool reserve(struct distinct *d, size_t more)
{
	size_t size = d->size ? d->size : 4096;
	unsigned char *bytes;

	while (size - d->used < more)
		size *= 2;
	if (size == d->size)
		return true;
	bytes = realloc(d->bytes, size);
	if (!bytes)
		return false;
	d->bytes = bytes;
	d->size = size;
	return true;
}

/* Appends the value's bytes behind d->used + *len, unused as yet. */
static bool append(struct distinct *d, size_t *len, const struct value *v)
{
	struct addr a;
	const void *p = &v->num;
	size_t n = sizeof(v->num);

	if (v->kind == VALUE_TEXT) {
		p = v->text.p;
		n = v->text.len;
	} else if (v->kind == VALUE_ADDR) {
		a = addr_canonical(&v->addr);
		p = &a;
		n = sizeof(a);
	} else if (v->kind == VALUE_BOOL) {
		p = &v->flag;
		n = sizeof(v->flag);
	}
	if (!reserve(d, *len + sizeof(n) + n))
		return false;
	memcpy(d->bytes + d->used + *len, &n, sizeof(n));
	memcpy(d->bytes + d->used + *len + sizeof(n), p, n);
	*len += sizeof(n) + n;
	return true;
}

static uint64_t hash_bytes(const unsigned char *p, size_t n)
{
	uint64_t h = n, word;

	for (; n >= sizeof(word); p += sizeof(word), n -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = mix(h ^ word);
	}
	word = 0;
	memcpy(&word, p, n);
	return mix(h ^ word);
}

static bool grow(struct distinct *d)
{
	size_t cap = d->cap ? d->cap * 2 : 1024;
	struct slot *slots = calloc(cap, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < d->cap; i++) {
		size_t at = d->slots[i].hash & (cap - 1);

		if (!d->slots[i].len)
			continue;
		while (slots[at].len)
			at = (at + 1) & (cap - 1);
		slots[at] = d->slots[i];
	}
	free(d->slots);
	d->slots = slots;
	d->cap = cap;
	return true;
}

/* Keeps the len bytes at d->used unless they are known. */
static int insert(struct distinct *d, size_t len)
{
	const unsigned char *key = d->bytes + d->used;
	uint64_t hash = hash_bytes(key, len);
	size_t at;

	if ((d->n + 1) * 4 > d->cap * 3 && !grow(d))
		return -1;
	for (at = hash & (d->cap - 1); d->slots[at].len; at = (at + 1) & (d->cap - 1))
		if (d->slots[at].hash == hash && d->slots[at].len == len &&
		    memcmp(d->bytes + d->slots[at].at, key, len) == 0)
			return 0;
	d->slots[at] = (struct slot){ hash, d->used, len };
	d->used += len;
	d->n++;
	return 1;
}

int distinct_add(struct distinct *d, const struct row *row, const struct field **fields, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		struct value v;

		if (!field_get(fields[i], row, &v))
			return 0;
		if (!append(d, &len, &v))
			return -1;
	}
	return insert(d, len);
}

void distinct_free(struct distinct *d)
{
	free(d->slots);
	free(d->bytes);
	memset(d, 0, sizeof(*d));
}
