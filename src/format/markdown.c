/*
 * Owns tables of GitHub Flavored Markdown (its specification, 4.10). What would
 * end a cell or begin markup, a link or HTML gets a backslash: a process may be
 * named so.
 */
#include "private.h"

static const char special[] = "|<&[`*";

static void put_marked(struct fmt_writer *w, const struct fmt_cell *cell, size_t column)
{
	const size_t at = w->line.len;

	fmt_put_cell(&w->line, cell, w->columns[column].scale);
	if (cell->kind == FMT_TEXT || cell->kind == FMT_LIST)
		bytes_mark(&w->line, at, special, '\\');
}

void markdown_label(struct fmt_text *to, const struct fmt_column *column)
{
	const size_t at = to->len;

	table_label(to, column);
	bytes_mark(to, at, special, '\\');
}

void markdown_head(struct fmt_writer *w)
{
	struct fmt_text *to = &w->line;

	for (size_t i = 0; i < w->n; i++) {
		bytes_add(to, "| ", 2);
		put_span(w, to, w->columns[i].label);
		bytes_byte(to, ' ');
	}
	bytes_add(to, "|\n", 2);
	for (size_t i = 0; i < w->n; i++) {
		const char *rule = w->columns[i].align == FMT_RIGHT ? "| ---: " : "| --- ";

		bytes_add(to, rule, strlen(rule));
	}
	bytes_add(to, "|\n", 2);
}

void markdown_row(struct fmt_writer *w, const struct fmt_cell *cells)
{
	struct fmt_text *to = &w->line;

	for (size_t i = 0; i < w->n; i++) {
		bytes_add(to, "| ", 2);
		if (cells[i].kind == FMT_NIL)
			put_span(w, to, w->columns[i].none);
		else
			put_marked(w, &cells[i], i);
		bytes_byte(to, ' ');
	}
	bytes_add(to, "|\n", 2);
}
