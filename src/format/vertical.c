/* Owns the vertical form: a value a line, behind its name. Knows no other row. */
#include "private.h"

enum { GAP = 2 };

void vertical_label(struct fmt_text *to, const struct fmt_column *column)
{
	bytes_escaped(to, column->name, strlen(column->name));
}

static bool is_number(const struct fmt_cell *cell)
{
	if (cell->kind == FMT_LIST)
		return cell->list.n > 0 && is_number(&cell->list.items[0]);
	return cell->kind == FMT_INT || cell->kind == FMT_REAL;
}

static void put_pair(struct fmt_writer *w, size_t i, const struct fmt_cell *cell, size_t names)
{
	const struct sheet_column *column = &w->columns[i];
	struct fmt_text *text = &w->cell;
	struct line line;
	size_t cells, total;

	text->len = 0;
	fmt_put_cell(text, cell, column->scale);
	if (column->unit.len > 0 && is_number(cell)) {
		bytes_byte(text, ' ');
		put_span(w, text, column->unit);
	}
	cells = text->len > 0 ? fmt_width(text->p, text->len) : 0;
	total = cells > 0 ? names + GAP + cells : column->cells;
	line_open(&line, &w->line, w->layout.width, total);
	line_text(&line, w->texts.p + column->label.at, column->label.len, column->cells, names,
		  NULL);
	line_skip(&line, names - column->cells + GAP);
	line_text(&line, text->p, text->len, cells, cells, NULL);
	line_close(&line);
	bytes_byte(&w->line, '\n');
}

void vertical_row(struct fmt_writer *w, const struct fmt_cell *cells)
{
	size_t names = 0;
	bool any = false;

	for (size_t i = 0; i < w->n; i++) {
		if (cells[i].kind == FMT_NIL)
			continue;
		any = true;
		if (w->columns[i].cells > names)
			names = w->columns[i].cells;
	}
	if (any && w->rows > 0)
		bytes_byte(&w->line, '\n');
	for (size_t i = 0; i < w->n; i++)
		if (cells[i].kind != FMT_NIL)
			put_pair(w, i, &cells[i], names);
	if (w->cell.failed)
		w->line.failed = true;
}
