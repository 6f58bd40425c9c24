/*
 * Owns what this room does with text under construction: blanks, escaping, marks, writing it out.
 * Growing it is in text.c.
 */
#include "glyph.h"
#include "private.h"

#include <errno.h>
#include <stdlib.h>

void bytes_blanks(struct fmt_text *b, size_t n)
{
	char *to = bytes_room(b, n);

	if (!to)
		return;
	memset(to, ' ', n);
	b->len += n;
}

void bytes_escaped(struct fmt_text *b, const char *text, size_t len)
{
	char *to = bytes_room(b, len > SIZE_MAX / ESCAPE_GROWTH ? SIZE_MAX : len * ESCAPE_GROWTH);

	if (to)
		b->len += fmt_escape_to(to, text, len);
}

void bytes_mark(struct fmt_text *b, size_t at, const char *which, char mark)
{
	size_t marks = 0, from = b->len, to;

	for (size_t i = at; i < b->len; i++)
		marks += b->p[i] != '\0' && strchr(which, b->p[i]) != NULL;
	if (marks == 0 || !bytes_room(b, marks))
		return;
	/* from the end, so that no byte is overwritten before it has moved */
	for (to = b->len += marks; to > from;) {
		b->p[--to] = b->p[--from];
		if (b->p[to] != '\0' && strchr(which, b->p[to]))
			b->p[--to] = mark;
	}
}

bool bytes_flush(struct fmt_text *b, FILE *out)
{
	const size_t n = b->len;

	b->len = 0;
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
