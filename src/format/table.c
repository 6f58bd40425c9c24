/*
 * Owns aligned tables: cells are gathered in one block, and written when the
 * width of every column is known. Knows nothing of what a cell means.
 */
#include "private.h"

#include <errno.h>
#include <stdlib.h>

enum { GAP = 2, LEAST = 8, CHUNK = 1 << 15 };

/* Texts lie one behind the other, in the order of the cells. */
struct cell {
	uint32_t len;	     /* bytes */
	uint32_t dim : 1;    /* stands for no value */
	uint32_t cells : 31; /* on the screen */
};

struct column {
	enum fmt_align align;
	size_t min, max;
	bool fixed;
	size_t cells; /* of its widest cell below the title: pairs are written without it */
};

struct fmt_table {
	struct column *columns;
	struct fit *fit; /* of the columns, made when the table is written */
	size_t n;
	struct cell *cells; /* the n titles, then the rows */
	size_t used, room;
	struct fmt_text text;
	size_t closed; /* bytes of text that belong to cells */
	size_t titles; /* bytes of the titles */
};

struct fmt_table *table_open(const struct fmt_column *columns, size_t n)
{
	struct fmt_table *t = n > 0 ? calloc(1, sizeof(*t)) : NULL;

	if (!t)
		return NULL;
	t->n = n;
	t->columns = calloc(n, sizeof(*t->columns));
	t->fit = calloc(n, sizeof(*t->fit));
	if (!t->columns || !t->fit) {
		fmt_table_free(t);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		t->columns[i] = (struct column){ .align = columns[i].align,
						 .min = columns[i].min,
						 .max = columns[i].max,
						 .fixed = columns[i].fixed };
	return t;
}

struct fmt_text *table_text(struct fmt_table *t)
{
	return &t->text;
}

static bool reserve_cell(struct fmt_table *t)
{
	const size_t room = t->room ? t->room * 2 : 64;
	struct cell *cells;

	if (t->used < t->room)
		return true;
	if (room > SIZE_MAX / 2 / sizeof(*cells))
		return false;
	cells = realloc(t->cells, room * sizeof(*cells));
	if (!cells)
		return false;
	t->cells = cells;
	t->room = room;
	return true;
}

bool table_close_cell(struct fmt_table *t, bool dim)
{
	struct column *column = &t->columns[t->used % t->n];
	const size_t len = t->text.len - t->closed;
	size_t cells;

	/* what a cell can count: nothing is wider than it has bytes */
	if (t->text.failed || len > INT32_MAX || !reserve_cell(t)) {
		t->text.len = t->closed;
		return false;
	}
	cells = len > 0 ? fmt_width(t->text.p + t->closed, len) : 0;
	if (t->used < t->n)
		t->titles += len;
	else if (cells > column->cells)
		column->cells = cells;
	t->cells[t->used++] = (struct cell){ (uint32_t)len, dim, cells & INT32_MAX };
	t->closed += len;
	return true;
}

void table_clear(struct fmt_table *t)
{
	t->used = t->n;
	t->closed = t->text.len = t->titles;
	t->text.failed = false;
	for (size_t i = 0; i < t->n; i++)
		t->columns[i].cells = 0;
}

bool fmt_table_cell(struct fmt_table *t, const char *text, size_t len)
{
	bytes_escaped(&t->text, text, len);
	return table_close_cell(t, false);
}

struct fmt_table *fmt_table_new(const struct fmt_column *columns, size_t n)
{
	struct fmt_table *t = table_open(columns, n);

	for (size_t i = 0; t && i < n; i++) {
		const char *title = columns[i].title ? columns[i].title : columns[i].name;

		if (!fmt_table_cell(t, title, strlen(title))) {
			fmt_table_free(t);
			return NULL;
		}
	}
	return t;
}

void fmt_table_free(struct fmt_table *t)
{
	if (!t)
		return;
	free(t->columns);
	free(t->fit);
	free(t->cells);
	fmt_text_free(&t->text);
	free(t);
}

size_t fmt_table_rows(const struct fmt_table *t)
{
	return (t->used - 1) / t->n;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* The widths of all columns, for this sheet. */
static void fit(const struct fmt_table *t, const struct table_style *style)
{
	size_t gaps = (t->n - 1) * GAP;

	for (size_t i = 0; i < t->n; i++) {
		const struct column *c = &t->columns[i];
		const size_t title = larger(style->titles ? t->cells[i].cells : 0, c->min);
		struct fit *f = &t->fit[i];

		f->cells = c->cells;
		if (style->width > 0 && c->max > 0 && f->cells > c->max)
			f->cells = c->max;
		f->cells = f->width = larger(f->cells, title);
		f->least = c->fixed ? f->cells : larger(title, LEAST);
	}
	if (style->narrow && style->width > 0)
		fit_columns(t->fit, t->n, style->width > gaps ? style->width - gaps : 0);
}

/* Cells of a row: up to the end of its last cell that holds text. */
static size_t row_cells(const struct fmt_table *t, size_t first)
{
	size_t total = 0, end = 0;

	for (size_t i = 0; i < t->n && first + i < t->used; i++) {
		const struct cell *cell = &t->cells[first + i];
		const size_t width = t->fit[i].width;
		const bool filled = t->columns[i].align == FMT_RIGHT || cell->cells > width;

		if (cell->len > 0)
			end = total + (filled ? width : cell->cells);
		total += width + GAP;
	}
	return end;
}

static void put_cell(struct line *line, const struct fmt_table *t, size_t i,
		     const struct cell *cell, const char *text, bool colour)
{
	const size_t width = t->fit[i].width;
	const bool right = t->columns[i].align == FMT_RIGHT;
	const char *code = cell->dim && colour ? CODE_DIM : NULL;
	size_t shown;

	if (right && cell->cells < width)
		line_skip(line, width - cell->cells);
	shown = line_text(line, text, cell->len, cell->cells, width, code);
	/* what was cut can be a cell short of it, beside a wide character */
	if (!right || cell->cells > width)
		line_skip(line, width - shown);
}

/* Writes the row that begins with cell number first, whose text is there; returns its bytes. */
static size_t put_row(const struct fmt_table *t, size_t first, const char *text,
		      const struct table_style *style, struct fmt_text *to)
{
	const bool title = first == 0 && style->titles && style->colour;
	const size_t cells = style->width > 0 ? row_cells(t, first) : 0;
	struct line line;
	size_t at = 0;

	if (title)
		bytes_add(to, CODE_BOLD, sizeof(CODE_BOLD) - 1);
	line_open(&line, to, style->width, cells);
	for (size_t i = 0; i < t->n && first + i < t->used; i++) {
		const struct cell *cell = &t->cells[first + i];

		if (i > 0)
			line_skip(&line, GAP);
		put_cell(&line, t, i, cell, text + at, style->colour);
		at += cell->len;
	}
	line_close(&line);
	if (title)
		bytes_add(to, CODE_OFF, sizeof(CODE_OFF) - 1);
	bytes_byte(to, '\n');
	return at;
}

bool table_write(const struct fmt_table *t, const struct table_style *style, FILE *out)
{
	size_t at = style->titles ? 0 : t->titles;
	struct fmt_text lines = { 0 };
	bool good = true;

	fit(t, style);
	for (size_t first = style->titles ? 0 : t->n; first < t->used && good; first += t->n) {
		at += put_row(t, first, t->text.p + at, style, &lines);
		if (lines.len >= CHUNK)
			good = bytes_flush(&lines, out);
	}
	good = good && bytes_flush(&lines, out);
	fmt_text_free(&lines);
	return good;
}

bool fmt_table_write(const struct fmt_table *t, FILE *out, size_t width)
{
	const struct table_style style = { .width = width, .titles = true, .narrow = true };

	return table_write(t, &style, out);
}

void table_label(struct fmt_text *to, const struct fmt_column *column)
{
	const char *title = column->title ? column->title : column->name;

	bytes_escaped(to, title, strlen(title));
	if (!column->unit)
		return;
	bytes_byte(to, '(');
	bytes_escaped(to, column->unit, strlen(column->unit));
	bytes_byte(to, ')');
}

void table_row(struct fmt_writer *w, const struct fmt_cell *cells)
{
	struct fmt_text *text = table_text(w->table);

	for (size_t i = 0; i < w->n; i++) {
		const struct sheet_column *column = &w->columns[i];
		const bool none = cells[i].kind == FMT_NIL;

		if (none)
			put_span(w, text, column->none);
		else
			fmt_put_cell(text, &cells[i], column->scale);
		if (!table_close_cell(w->table, none)) {
			w->line.failed = true;
			return;
		}
	}
}
