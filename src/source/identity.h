/* The keys of rows that the kernel gives no number: a hash of what tells them apart. */
#ifndef CONNSH_SOURCE_IDENTITY_H
#define CONNSH_SOURCE_IDENTITY_H

#include "connsh/source.h"

#include <string.h>

/* Adds n bytes, and where they end. Begin with 0. */
static inline uint64_t identity_bytes(uint64_t h, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t word;

	h ^= n + 1;
	for (;; p += sizeof(word), n -= sizeof(word)) {
		word = 0;
		memcpy(&word, p, n < sizeof(word) ? n : sizeof(word));
		/* a multiplier of splitmix64 by Sebastiano Vigna (public domain) */
		h = (h ^ word) * UINT64_C(0xbf58476d1ce4e5b9);
		h ^= h >> 29;
		if (n <= sizeof(word))
			return h;
	}
}

static inline uint64_t identity_number(uint64_t h, uint64_t n)
{
	return identity_bytes(h, &n, sizeof(n));
}

/* Adds an attribute; that it is not there tells rows apart too. */
static inline uint64_t identity_attr(uint64_t h, const struct row *row, unsigned type)
{
	/* making the index of attributes changes no fact of the row */
	const struct nlattr *a = row_nlattr((struct row *)(uintptr_t)row, type);

	return a ? identity_bytes(h, nl_attr_data(a), nl_attr_len(a)) : identity_number(h, type);
}

/* 0 stands for an unknown key. */
static inline uint64_t identity_end(uint64_t h)
{
	return h ? h : 1;
}

#endif
