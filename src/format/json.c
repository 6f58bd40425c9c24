/*
 * Owns JSON Lines: an object a row, strings that lose no byte. Its escapes are
 * RFC 8259 section 7; a byte that is no UTF-8 becomes the surrogate that
 * Python's surrogateescape (PEP 383) reads back.
 */
#include "glyph.h"
#include "private.h"

#include <math.h>

/* A UTF-16 unit. */
static void put_unit(struct fmt_text *to, uint32_t unit)
{
	static const char digits[] = "0123456789abcdef";
	const char text[] = { '\\',
			      'u',
			      digits[unit >> 12 & 15],
			      digits[unit >> 8 & 15],
			      digits[unit >> 4 & 15],
			      digits[unit & 15] };

	bytes_add(to, text, sizeof(text));
}

static void put_escape(struct fmt_text *to, uint32_t c)
{
	static const char shorts[] = "\"\"\\\\\nn\rr\tt";

	for (const char *p = shorts; *p; p += 2) {
		if (c == (unsigned char)*p) {
			const char text[] = { '\\', p[1] };

			bytes_add(to, text, sizeof(text));
			return;
		}
	}
	if (c < 0x10000) {
		put_unit(to, c);
		return;
	}
	put_unit(to, 0xd800 + ((c - 0x10000) >> 10));
	put_unit(to, 0xdc00 + ((c - 0x10000) & 0x3ff));
}

/* One character, or one byte of none; returns its length in the text. */
static size_t put_one(struct fmt_text *to, const char *text, size_t len, bool opens)
{
	uint32_t c = 0;
	const size_t n = fmt_decode(text, len, &c);

	if (n == 0) {
		put_unit(to, 0xdc00u + (unsigned char)text[0]);
		return 1;
	}
	/* a mark that opens the string would sit on its quote */
	if (c == '"' || c == '\\' || fmt_hidden(c) || (opens && fmt_cells(c) == 0))
		put_escape(to, c);
	else
		bytes_add(to, text, n);
	return n;
}

static bool plain(unsigned char b)
{
	return b >= 0x20 && b < 0x7f && b != '"' && b != '\\';
}

static void put_string(struct fmt_text *to, const char *text, size_t len)
{
	size_t i = 0;

	bytes_byte(to, '"');
	while (i < len) {
		size_t run = i;

		while (run < len && plain((unsigned char)text[run]))
			run++;
		bytes_add(to, text + i, run - i);
		i = run;
		if (i < len)
			i += put_one(to, text + i, len - i, i == 0);
	}
	bytes_byte(to, '"');
}

static void put_value(struct fmt_text *to, const struct fmt_cell *cell)
{
	if (cell->kind == FMT_TEXT)
		put_string(to, cell->text.p, cell->text.len);
	else if (cell->kind == FMT_BOOL)
		bytes_add(to, cell->flag ? "true" : "false", cell->flag ? 4 : 5);
	else if ((cell->kind == FMT_REAL && !isfinite(cell->real)) ||
		 !fmt_put_number(to, cell, FMT_PLAIN))
		bytes_add(to, "null", 4);
}

static void put_any(struct fmt_text *to, const struct fmt_cell *cell);

static void put_object(struct fmt_text *to, const struct fmt_cell *object)
{
	char before = '{';

	for (size_t i = 0; i < object->object.n; i++) {
		const struct fmt_member *m = &object->object.members[i];

		if (m->cell.kind == FMT_NIL)
			continue;
		bytes_byte(to, before);
		put_string(to, m->name, strlen(m->name));
		bytes_byte(to, ':');
		put_any(to, &m->cell);
		before = ',';
	}
	if (before == '{')
		bytes_byte(to, '{');
	bytes_byte(to, '}');
}

static void put_list(struct fmt_text *to, const struct fmt_cell *list)
{
	bytes_byte(to, '[');
	for (size_t i = 0; i < list->list.n; i++) {
		const struct fmt_cell *item = &list->list.items[i];

		if (i > 0)
			bytes_byte(to, ',');
		if (item->kind == FMT_OBJECT)
			put_object(to, item);
		else
			put_value(to, item);
	}
	bytes_byte(to, ']');
}

static void put_any(struct fmt_text *to, const struct fmt_cell *cell)
{
	if (cell->kind == FMT_LIST)
		put_list(to, cell);
	else
		put_value(to, cell);
}

void json_label(struct fmt_text *to, const struct fmt_column *column)
{
	put_string(to, column->name, strlen(column->name));
	bytes_byte(to, ':');
}

void json_row(struct fmt_writer *w, const struct fmt_cell *cells)
{
	for (size_t i = 0; i < w->n; i++) {
		bytes_byte(&w->line, i == 0 ? '{' : ',');
		put_span(w, &w->line, w->columns[i].label);
		put_any(&w->line, &cells[i]);
	}
	bytes_add(&w->line, "}\n", 2);
}
