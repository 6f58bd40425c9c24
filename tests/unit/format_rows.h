/*
 * For the tests of the writer: cells in a word, what a writer writes, and
 * readers of its formats that know nothing of how it does so.
 */
#ifndef TEST_FORMAT_ROWS_H
#define TEST_FORMAT_ROWS_H

#include "connsh/format.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define NIL                     \
	{                       \
		.kind = FMT_NIL \
	}
#define BOOL(b)                               \
	{                                     \
		.kind = FMT_BOOL, .flag = (b) \
	}
#define INT(n)                              \
	{                                   \
		.kind = FMT_INT, .num = (n) \
	}
#define REAL(x)                               \
	{                                     \
		.kind = FMT_REAL, .real = (x) \
	}
#define TEXT(s)                                                 \
	{                                                       \
		.kind = FMT_TEXT, .text = {(s), sizeof(s) - 1 } \
	}
#define LIST(...)                                         \
	{                                                 \
		.kind = FMT_LIST, .list = { __VA_ARGS__ } \
	}

#define COMBINING "\xcc\x81"	     /* U+0301, an acute accent */
#define WIDE	  "\xe4\xb8\xad"     /* U+4E2D, two cells */
#define EMOJI	  "\xf0\x9f\x98\x80" /* U+1F600, two cells */
#define CUT	  "\xe2\x80\xa6"     /* U+2026 */

struct sheet {
	struct fmt_layout layout;
	const struct fmt_column *columns;
	size_t n;
	const struct fmt_cell *cells; /* n of them a row */
	size_t rows;
};

#define SHEET(format_, columns_, cells_)                                                         \
	{                                                                                        \
		.layout = { .format = (format_), .header = true }, .columns = (columns_),        \
		.n = COUNT(columns_), .cells = (cells_), .rows = COUNT(cells_) / COUNT(columns_) \
	}

/* What is written of the sheet, *len bytes with a NUL behind; NULL: it was refused. */
static inline char *sheet_text(const struct sheet *s, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	struct fmt_writer *w = out ? fmt_writer_new(&s->layout, s->columns, s->n, out) : NULL;
	bool good = w != NULL;

	for (size_t i = 0; good && i < s->rows; i++)
		good = fmt_writer_row(w, s->cells + i * s->n);
	good = good && fmt_writer_end(w);
	fmt_writer_free(w);
	if (out && fclose(out) != 0)
		good = false;
	if (good)
		return text;
	free(text);
	return NULL;
}

static inline unsigned int read_hex(const char *text, size_t n)
{
	unsigned int value = 0;

	for (size_t i = 0; i < n; i++) {
		const char *digits = "0123456789abcdef", *at = strchr(digits, text[i]);

		if (!at || text[i] == '\0')
			abort();
		value = value << 4 | (unsigned int)(at - digits);
	}
	return value;
}

/* The UTF-8 of a character, or the byte that U+DC80 to U+DCFF stand for. */
static inline size_t write_utf8(uint32_t c, char *out)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	if (c >= 0xdc80 && c <= 0xdcff) {
		out[0] = (char)(c & 0xff);
		return 1;
	}
	if (c >= 0xd800 && c <= 0xdfff)
		abort();
	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(lead[n] | c);
	return n;
}

/*
 * Reads a JSON string that begins at text; out holds as many bytes as it is
 * long. Returns what is behind its closing quote; aborts if there is none.
 */
static inline const char *read_json_string(const char *text, char *out, size_t *len)
{
	static const char shorts[] = "\"\"\\\\//b\bf\fn\nr\rt\t";

	*len = 0;
	if (*text++ != '"')
		abort();
	while (*text != '"') {
		const char *escape;
		uint32_t c;

		if ((unsigned char)*text < 0x20)
			abort();
		if (*text != '\\') {
			out[(*len)++] = *text++;
			continue;
		}
		text++;
		for (escape = shorts; *escape && *escape != *text;)
			escape += 2;
		if (*escape) {
			out[(*len)++] = escape[1];
			text++;
			continue;
		}
		if (*text != 'u')
			abort();
		c = read_hex(text + 1, 4);
		text += 5;
		if (c >= 0xd800 && c <= 0xdbff) {
			if (text[0] != '\\' || text[1] != 'u')
				abort();
			c = 0x10000 + ((c - 0xd800) << 10 | (read_hex(text + 2, 4) - 0xdc00));
			text += 6;
		}
		*len += write_utf8(c, out + *len);
	}
	return text + 1;
}

/* Reads a field of CSV, quoted or not; returns the comma or newline behind it. */
static inline const char *read_csv_field(const char *text, char *out, size_t *len)
{
	*len = 0;
	if (*text != '"') {
		while (*text != ',' && *text != '\n' && *text != '\0')
			out[(*len)++] = *text++;
		return text;
	}
	for (text++; *text != '"' || text[1] == '"'; text++) {
		if (*text == '\0')
			abort();
		text += *text == '"';
		out[(*len)++] = *text;
	}
	if (text[1] != ',' && text[1] != '\n')
		abort();
	return text + 1;
}

/* What fmt_escape did, undone in place; returns the length. */
static inline size_t read_escaped(char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '\\' && i + 3 < len && text[i + 1] == 'x') {
			c = (char)read_hex(text + i + 2, 2);
			i += 3;
		} else if (c == '\\') {
			if (i + 1 >= len || text[++i] != '\\')
				abort();
		}
		text[n++] = c;
	}
	return n;
}

#endif
