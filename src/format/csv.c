/*
 * Owns lines of separated values: CSV after RFC 4180, and TSV, which needs no
 * quotes since escaped text holds no tab. Knows no line of more than one row.
 */
#include "private.h"

/* Quotes what stands behind at, if a reader would take it for something else. */
static void quote(struct fmt_text *to, size_t at)
{
	const char *text = bytes_room(to, 1) ? to->p + at : NULL;
	const size_t len = to->len - at;

	if (!text)
		return;
	if (len > 0 && !memchr(text, ',', len) && !memchr(text, '"', len) && text[0] != ' ' &&
	    text[len - 1] != ' ')
		return;
	bytes_mark(to, at, "\"", '"');
	if (!bytes_room(to, 2))
		return;
	memmove(to->p + at + 1, to->p + at, to->len - at);
	to->p[at] = '"';
	to->p[to->len + 1] = '"';
	to->len += 2;
}

void csv_label(struct fmt_text *to, const struct fmt_column *column)
{
	const size_t at = to->len;

	bytes_escaped(to, column->name, strlen(column->name));
	quote(to, at);
}

void tsv_label(struct fmt_text *to, const struct fmt_column *column)
{
	bytes_escaped(to, column->name, strlen(column->name));
}

static void put_head(struct fmt_writer *w, char separator)
{
	for (size_t i = 0; i < w->n; i++) {
		if (i > 0)
			bytes_byte(&w->line, separator);
		put_span(w, &w->line, w->columns[i].label);
	}
	bytes_byte(&w->line, '\n');
}

void csv_head(struct fmt_writer *w)
{
	put_head(w, ',');
}

void tsv_head(struct fmt_writer *w)
{
	put_head(w, '\t');
}

void csv_row(struct fmt_writer *w, const struct fmt_cell *cells)
{
	for (size_t i = 0; i < w->n; i++) {
		const enum fmt_kind kind = cells[i].kind;
		size_t at;

		if (i > 0)
			bytes_byte(&w->line, ',');
		at = w->line.len;
		fmt_put_cell(&w->line, &cells[i], FMT_PLAIN);
		if (kind == FMT_TEXT || kind == FMT_LIST)
			quote(&w->line, at);
	}
	bytes_byte(&w->line, '\n');
}

void tsv_row(struct fmt_writer *w, const struct fmt_cell *cells)
{
	for (size_t i = 0; i < w->n; i++) {
		if (i > 0)
			bytes_byte(&w->line, '\t');
		fmt_put_cell(&w->line, &cells[i], FMT_PLAIN);
	}
	bytes_byte(&w->line, '\n');
}
