/*
 * Owns aligned tables: cells are gathered in one block, and written when the
 * width of every column is known. Knows nothing of what a cell means.
 */
#include "connsh/format.h"

#include "glyph.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 2 };

static const char cut_mark[] = "\xe2\x80\xa6"; /* U+2026, one cell */

struct cell {
	size_t at, len; /* bytes in text */
	size_t cells;	/* on the screen */
};

struct column {
	enum fmt_align align;
	size_t cells; /* of its widest cell below the title: pairs are written without it */
};

struct fmt_table {
	struct column *columns;
	size_t n;
	struct cell *cells; /* the n titles, then the rows */
	size_t used, room;
	char *text;
	size_t text_used, text_room;
};

/* Room for some units more than used, doubling; false: no memory, nothing changed. */
static bool reserve(void **block, size_t *room, size_t used, size_t more, size_t unit)
{
	size_t want = *room ? *room : 64;
	void *grown;

	if (*block && more <= *room - used)
		return true;
	if (more > SIZE_MAX / 2 - used)
		return false;
	while (want < used + more)
		want *= 2;
	if (want > SIZE_MAX / unit)
		return false;
	grown = realloc(*block, want * unit);
	if (!grown)
		return false;
	*block = grown;
	*room = want;
	return true;
}

static bool reserve_text(struct fmt_table *t, size_t len)
{
	void *block = t->text;

	if (len > SIZE_MAX / 2 / ESCAPE_GROWTH ||
	    !reserve(&block, &t->text_room, t->text_used, len * ESCAPE_GROWTH, 1))
		return false;
	t->text = block;
	return true;
}

static bool reserve_cell(struct fmt_table *t)
{
	void *block = t->cells;

	if (!reserve(&block, &t->room, t->used, 1, sizeof(*t->cells)))
		return false;
	t->cells = block;
	return true;
}

bool fmt_table_cell(struct fmt_table *t, const char *text, size_t len)
{
	struct column *column = &t->columns[t->used % t->n];
	struct cell cell = { .at = t->text_used };

	if (!reserve_text(t, len) || !reserve_cell(t))
		return false;
	cell.len = len > 0 ? fmt_escape_to(t->text + cell.at, text, len) : 0;
	cell.cells = cell.len > 0 ? fmt_width(t->text + cell.at, cell.len) : 0;
	if (t->used >= t->n && cell.cells > column->cells)
		column->cells = cell.cells;
	t->text_used += cell.len;
	t->cells[t->used++] = cell;
	return true;
}

struct fmt_table *fmt_table_new(const struct fmt_column *columns, size_t n)
{
	struct fmt_table *t = n > 0 ? calloc(1, sizeof(*t)) : NULL;

	if (!t)
		return NULL;
	t->n = n;
	t->columns = calloc(n, sizeof(*t->columns));
	for (size_t i = 0; i < n; i++) {
		if (!t->columns || !fmt_table_cell(t, columns[i].title, strlen(columns[i].title))) {
			fmt_table_free(t);
			return NULL;
		}
		t->columns[i].align = columns[i].align;
	}
	return t;
}

void fmt_table_free(struct fmt_table *t)
{
	if (!t)
		return;
	free(t->columns);
	free(t->cells);
	free(t->text);
	free(t);
}

size_t fmt_table_rows(const struct fmt_table *t)
{
	return (t->used - 1) / t->n;
}

/* A line under way: blanks wait until something stands behind them, so none ends a line. */
struct line {
	FILE *out;
	size_t left; /* cells until the cut mark */
	size_t blanks;
	bool cut;
};

static bool put_blanks(struct line *line)
{
	static const char blanks[] = "                                ";

	while (line->blanks > 0) {
		const size_t some = sizeof(blanks) - 1;
		const size_t n = line->blanks < some ? line->blanks : some;

		if (fwrite(blanks, 1, n, line->out) != n)
			return false;
		line->blanks -= n;
	}
	return true;
}

static void skip(struct line *line, size_t cells)
{
	if (cells >= line->left)
		cells = line->left;
	line->blanks += cells;
	line->left -= cells;
}

/* How many bytes of text fit in *cells, which is lowered by what they take. */
static size_t fitting(const char *text, size_t len, size_t *cells)
{
	size_t i = 0;

	while (i < len) {
		uint32_t c = 0;
		size_t n = fmt_decode(text + i, len - i, &c);
		const unsigned int wide = n == 0 ? 1 : fmt_cells(c);

		if (wide > *cells)
			break;
		*cells -= wide;
		i += n == 0 ? 1 : n;
	}
	return i;
}

static bool put_text(struct line *line, const char *text, size_t len, size_t cells)
{
	size_t n = len;

	if (cells <= line->left) {
		line->left -= cells;
	} else {
		n = fitting(text, len, &line->left);
		line->cut = true;
	}
	return n == 0 || (put_blanks(line) && fwrite(text, 1, n, line->out) == n);
}

static size_t column_cells(const struct fmt_table *t, size_t i, bool titles)
{
	const size_t title = titles ? t->cells[i].cells : 0;

	return title > t->columns[i].cells ? title : t->columns[i].cells;
}

/* Cells of a row: up to the end of its last cell that holds text. */
static size_t row_cells(const struct fmt_table *t, size_t first, bool titles)
{
	size_t total = 0, end = 0;

	for (size_t i = 0; i < t->n && first + i < t->used; i++) {
		const struct cell *cell = &t->cells[first + i];
		const size_t width = column_cells(t, i, titles);

		if (cell->len > 0)
			end = total + (t->columns[i].align == FMT_RIGHT ? width : cell->cells);
		total += width + GAP;
	}
	return end;
}

static bool put_row(const struct fmt_table *t, size_t first, bool titles, FILE *out, size_t width)
{
	const bool cut = width > 0 && row_cells(t, first, titles) > width;
	struct line line = { .out = out, .left = cut ? width - 1 : SIZE_MAX };

	for (size_t i = 0; i < t->n && first + i < t->used && !line.cut; i++) {
		const struct cell *cell = &t->cells[first + i];
		const size_t pad = column_cells(t, i, titles) - cell->cells;
		const bool right = t->columns[i].align == FMT_RIGHT;

		if (i > 0)
			skip(&line, GAP);
		if (right)
			skip(&line, pad);
		if (!put_text(&line, t->text + cell->at, cell->len, cell->cells))
			return false;
		if (!right)
			skip(&line, pad);
	}
	if (cut && !(put_blanks(&line) && fputs(cut_mark, out) >= 0))
		return false;
	return putc('\n', out) != EOF;
}

static bool put_rows(const struct fmt_table *t, bool titles, FILE *out, size_t width)
{
	for (size_t first = titles ? 0 : t->n; first < t->used; first += t->n)
		if (!put_row(t, first, titles, out, width))
			return false;
	return true;
}

bool fmt_table_write(const struct fmt_table *t, FILE *out, size_t width)
{
	return put_rows(t, true, out, width);
}

bool fmt_pairs_write(const struct fmt_table *t, FILE *out, size_t width)
{
	return put_rows(t, false, out, width);
}
