/*
 * Owns text under construction that other rooms write: struct fmt_text.
 */
#include "connsh/format.h"

#include <stdlib.h>
#include <string.h>

char *fmt_text_room(struct fmt_text *t, size_t n)
{
	size_t size = t->size ? t->size : 256;
	char *p;

	if (t->failed)
		return NULL;
	if (t->p && n <= t->size - t->len)
		return t->p + t->len;
	if (n > SIZE_MAX / 4 - t->len) {
		t->failed = true;
		return NULL;
	}
	while (size - t->len < n)
		size *= 2;
	p = realloc(t->p, size);
	if (!p) {
		t->failed = true;
		return NULL;
	}
	t->p = p;
	t->size = size;
	return p + t->len;
}

void fmt_text_add(struct fmt_text *t, const char *bytes, size_t n)
{
	char *to = fmt_text_room(t, n);

	if (!to || n == 0)
		return;
	memcpy(to, bytes, n);
	t->len += n;
}

void fmt_text_free(struct fmt_text *t)
{
	free(t->p);
	*t = (struct fmt_text){ 0 };
}
