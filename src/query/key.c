/* Owns keys: values as bytes that are equal when the values are, and sets of them. */
#include "private.h"
#include "seen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool append(struct keybuf *k, const void *p, size_t n)
{
	if (k->size - k->len < n) {
		size_t size = (k->len + n) * 2;
		unsigned char *bytes = realloc(k->bytes, size);

		if (!bytes)
			return false;
		k->bytes = bytes;
		k->size = size;
	}
	if (n)
		memcpy(k->bytes + k->len, p, n);
	k->len += n;
	return true;
}

/* 1.0 is 1, and -0.0 is 0, as everywhere in Lua. */
static struct value canonical(const struct value *v)
{
	struct value c = *v;

	if (v->kind == VALUE_ADDR) {
		c.addr = addr_canonical(&v->addr);
	} else if (v->kind == VALUE_FLOAT && v->real == floor(v->real) && fabs(v->real) < 1e15) {
		c.kind = VALUE_INT;
		c.num = (int64_t)v->real;
	}
	return c;
}

bool key_put(struct keybuf *k, const struct value *v)
{
	struct value c = canonical(v);
	unsigned char kind = (unsigned char)c.kind;
	size_t n = c.kind == VALUE_TEXT ? c.text.len : c.kind == VALUE_LIST ? c.list.n : 0;

	if (!append(k, &kind, 1))
		return false;
	switch (c.kind) {
	case VALUE_NIL:
		return true;
	case VALUE_BOOL:
		return append(k, &c.flag, sizeof(c.flag));
	case VALUE_INT:
	case VALUE_FLOAT:
		return append(k, &c.num, sizeof(c.num));
	case VALUE_TEXT:
		return append(k, &n, sizeof(n)) && append(k, c.text.p, n);
	case VALUE_ADDR:
		return append(k, &c.addr, sizeof(c.addr));
	case VALUE_ROW:
		n = c.row->nlmsg_len;
		return append(k, &n, sizeof(n)) && append(k, c.row, n);
	case VALUE_LIST:
		break;
	}
	if (!append(k, &n, sizeof(n)))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!key_put(k, &c.list.items[i]))
			return false;
	return true;
}

/* Of a list only that there was one comes back: nothing sorts or groups by lists. */
const unsigned char *key_get(const unsigned char *p, struct value *v)
{
	size_t n;

	v->kind = *p++;
	switch (v->kind) {
	case VALUE_BOOL:
		memcpy(&v->flag, p, sizeof(v->flag));
		return p + sizeof(v->flag);
	case VALUE_INT:
	case VALUE_FLOAT:
		memcpy(&v->num, p, sizeof(v->num));
		return p + sizeof(v->num);
	case VALUE_TEXT:
		memcpy(&n, p, sizeof(n));
		v->text.p = (const char *)p + sizeof(n);
		v->text.len = n;
		return p + sizeof(n) + n;
	case VALUE_ADDR:
		memcpy(&v->addr, p, sizeof(v->addr));
		return p + sizeof(v->addr);
	default:
		v->kind = VALUE_NIL;
		return p;
	}
}

void key_free(struct keybuf *k)
{
	free(k->bytes);
	memset(k, 0, sizeof(*k));
}

/* ---- sets ---------------------------------------------------------------------------- */

static uint64_t hash_bytes(const unsigned char *p, size_t n)
{
	uint64_t h = n, word;

	for (; n >= sizeof(word); p += sizeof(word), n -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = hash_mix(h ^ word);
	}
	word = 0;
	if (n)
		memcpy(&word, p, n);
	h = hash_mix(h ^ word);
	return h ? h : 1; /* 0 marks a free slot */
}

static bool grow_slots(struct keyset *s)
{
	size_t cap = s->cap ? s->cap * 2 : 256;
	struct key_slot *slots = calloc(cap, sizeof(*slots));
	size_t *starts = slots ? realloc(s->starts, cap * sizeof(*starts)) : NULL;

	if (!starts) {
		free(slots);
		return false;
	}
	for (size_t i = 0; i < s->cap; i++) {
		size_t at = s->slots[i].hash & (cap - 1);

		if (!s->slots[i].hash)
			continue;
		while (slots[at].hash)
			at = (at + 1) & (cap - 1);
		slots[at] = s->slots[i];
	}
	free(s->slots);
	s->slots = slots;
	s->starts = starts;
	s->cap = cap;
	return true;
}

static bool store(struct keyset *s, const void *key, size_t len)
{
	size_t more = sizeof(len) + len;

	if (s->size - s->used < more) {
		size_t size = s->size ? s->size * 2 : 4096;
		unsigned char *bytes;

		while (size - s->used < more)
			size *= 2;
		bytes = realloc(s->bytes, size);
		if (!bytes)
			return false;
		s->bytes = bytes;
		s->size = size;
	}
	memcpy(s->bytes + s->used, &len, sizeof(len));
	if (len)
		memcpy(s->bytes + s->used + sizeof(len), key, len);
	s->used += more;
	return true;
}

static bool same(const struct keyset *s, size_t at, const void *key, size_t len)
{
	size_t have;

	memcpy(&have, s->bytes + at, sizeof(have));
	return have == len && (len == 0 || memcmp(s->bytes + at + sizeof(have), key, len) == 0);
}

/* The slot where the key is or would be; the set has free ones. */
static struct key_slot *probe(const struct keyset *s, uint64_t hash, const void *key, size_t len)
{
	size_t at = hash & (s->cap - 1);

	while (s->slots[at].hash &&
	       !(s->slots[at].hash == hash && same(s, s->slots[at].at, key, len)))
		at = (at + 1) & (s->cap - 1);
	return &s->slots[at];
}

ptrdiff_t keyset_add(struct keyset *s, const void *key, size_t len, bool *fresh)
{
	uint64_t hash = hash_bytes(key, len);
	struct key_slot *slot;
	size_t at = s->used;

	if ((s->n + 1) * 4 > s->cap * 3 && !grow_slots(s))
		return -1;
	slot = probe(s, hash, key, len);
	*fresh = slot->hash == 0;
	if (!*fresh)
		return (ptrdiff_t)slot->number;
	if (!store(s, key, len))
		return -1;
	*slot = (struct key_slot){ hash, at, s->n };
	s->starts[s->n] = at;
	return (ptrdiff_t)s->n++;
}

ptrdiff_t keyset_find(const struct keyset *s, const void *key, size_t len)
{
	const struct key_slot *slot;

	if (s->n == 0)
		return -1;
	slot = probe(s, hash_bytes(key, len), key, len);
	return slot->hash ? (ptrdiff_t)slot->number : -1;
}

const unsigned char *keyset_key(const struct keyset *s, size_t number, size_t *len)
{
	memcpy(len, s->bytes + s->starts[number], sizeof(*len));
	return s->bytes + s->starts[number] + sizeof(*len);
}

void keyset_free(struct keyset *s)
{
	free(s->slots);
	free(s->starts);
	free(s->bytes);
	memset(s, 0, sizeof(*s));
}
