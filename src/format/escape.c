/*
 * Owns the border between text from outside and what people see. Knows no
 * table and no stream.
 */
#include "connsh/format.h"

#include "glyph.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char *put_hex(char *out, const char *text, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		const unsigned char b = (unsigned char)text[i];

		*out++ = '\\';
		*out++ = 'x';
		*out++ = digits[b >> 4];
		*out++ = digits[b & 15];
	}
	return out;
}

/*
 * Writes one character, or one byte of none; returns its length in the text.
 * A combining mark that opens the text would sit on whatever is printed before
 * it, so it is escaped there.
 */
static size_t put_one(char **out, const char *text, size_t len, bool opens)
{
	uint32_t c = 0;
	const size_t n = fmt_decode(text, len, &c);

	if (n == 0) {
		*out = put_hex(*out, text, 1);
		return 1;
	}
	if (fmt_hidden(c) || (opens && fmt_cells(c) == 0)) {
		*out = put_hex(*out, text, n);
		return n;
	}
	if (c == '\\')
		*(*out)++ = '\\';
	memcpy(*out, text, n);
	*out += n;
	return n;
}

/* The common case: nothing to look up. */
static bool plain(unsigned char b)
{
	return b >= 0x20 && b < 0x7f && b != '\\';
}

size_t fmt_escape_to(char *out, const char *text, size_t len)
{
	char *end = out;

	for (size_t i = 0; i < len;) {
		if (plain((unsigned char)text[i]))
			*end++ = text[i++];
		else
			i += put_one(&end, text + i, len - i, i == 0);
	}
	return (size_t)(end - out);
}

char *fmt_escape(const char *text, size_t len, size_t *out_len)
{
	char *out, *shorter;

	if (len > (SIZE_MAX - 1) / ESCAPE_GROWTH)
		return NULL;
	out = malloc(len * ESCAPE_GROWTH + 1);
	if (!out)
		return NULL;
	*out_len = fmt_escape_to(out, text, len);
	out[*out_len] = '\0';
	shorter = realloc(out, *out_len + 1);
	if (shorter)
		out = shorter;
	return out;
}

size_t fmt_width(const char *text, size_t len)
{
	size_t cells = 0;

	for (size_t i = 0; i < len;) {
		uint32_t c = 0;
		size_t n;

		if ((unsigned char)text[i] < 0x80) {
			cells++;
			i++;
			continue;
		}
		n = fmt_decode(text + i, len - i, &c);
		cells += n == 0 ? 1 : fmt_cells(c);
		i += n == 0 ? 1 : n;
	}
	return cells;
}
