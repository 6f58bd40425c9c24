/*
 * Owns blocks of bytes that grow. Knows no format; of text only how it is
 * escaped.
 */
#include "glyph.h"
#include "private.h"

#include <errno.h>
#include <stdlib.h>

char *bytes_grow(struct bytes *b, size_t n)
{
	size_t room = b->room ? b->room : 256;
	char *p;

	b->failed = b->failed || n >= SIZE_MAX / 4 - b->used;
	if (b->failed)
		return NULL;
	while (room - b->used <= n)
		room *= 2;
	p = realloc(b->p, room);
	if (!p) {
		b->failed = true;
		return NULL;
	}
	b->p = p;
	b->room = room;
	return p + b->used;
}

void bytes_blanks(struct bytes *b, size_t n)
{
	char *to = bytes_room(b, n);

	if (!to)
		return;
	memset(to, ' ', n);
	b->used += n;
}

void bytes_escaped(struct bytes *b, const char *text, size_t len)
{
	char *to = bytes_room(b, len > SIZE_MAX / ESCAPE_GROWTH ? SIZE_MAX : len * ESCAPE_GROWTH);

	if (to)
		b->used += fmt_escape_to(to, text, len);
}

void bytes_mark(struct bytes *b, size_t at, const char *which, char mark)
{
	size_t marks = 0, from = b->used, to;

	for (size_t i = at; i < b->used; i++)
		marks += b->p[i] != '\0' && strchr(which, b->p[i]) != NULL;
	if (marks == 0 || !bytes_room(b, marks))
		return;
	/* from the end, so that no byte is overwritten before it has moved */
	for (to = b->used += marks; to > from;) {
		b->p[--to] = b->p[--from];
		if (b->p[to] != '\0' && strchr(which, b->p[to]))
			b->p[--to] = mark;
	}
}

bool bytes_flush(struct bytes *b, FILE *out)
{
	const size_t n = b->used;

	b->used = 0;
	if (b->failed) {
		errno = ENOMEM;
		return false;
	}
	errno = 0;
	if (n == 0 || fwrite(b->p, 1, n, out) == n)
		return true;
	if (errno == 0)
		errno = EIO;
	return false;
}

void bytes_free(struct bytes *b)
{
	free(b->p);
	*b = (struct bytes){ 0 };
}
