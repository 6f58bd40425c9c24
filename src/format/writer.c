/*
 * Owns the one way to write rows: which formats there are, what all of them
 * have in common, and what becomes of a stream that refuses. Knows no format's
 * looks.
 */
#include "private.h"

#include <errno.h>
#include <stdlib.h>

/* The one list of formats. */
static const struct format formats[FMT_FORMATS] = {
	[FMT_TABLE] = { .name = "table", .people = true, .label = table_label, .row = table_row },
	[FMT_VERTICAL] = { .name = "vertical",
			   .people = true,
			   .label = vertical_label,
			   .row = vertical_row },
	[FMT_JSON] = { .name = "json", .label = json_label, .row = json_row },
	[FMT_CSV] = { .name = "csv", .label = csv_label, .head = csv_head, .row = csv_row },
	[FMT_TSV] = { .name = "tsv", .label = tsv_label, .head = tsv_head, .row = tsv_row },
	[FMT_MARKDOWN] = { .name = "markdown",
			   .people = true,
			   .label = markdown_label,
			   .head = markdown_head,
			   .row = markdown_row },
};

const char *fmt_format_name(enum fmt_format format)
{
	return formats[format].name;
}

bool fmt_format_parse(const char *name, enum fmt_format *format)
{
	for (size_t i = 0; i < FMT_FORMATS; i++) {
		if (strcmp(formats[i].name, name) == 0) {
			*format = (enum fmt_format)i;
			return true;
		}
	}
	return false;
}

static struct span keep_text(struct fmt_writer *w, const char *text)
{
	struct span s = { .at = w->texts.len };

	if (text)
		bytes_escaped(&w->texts, text, strlen(text));
	s.len = w->texts.len - s.at;
	return s;
}

static void keep_column(struct fmt_writer *w, size_t i, struct fmt_column column)
{
	struct sheet_column *to = &w->columns[i];

	if (!w->layout.human || !w->format->people)
		column.scale = FMT_PLAIN;
	if (column.scale != FMT_PLAIN)
		column.unit = NULL;
	to->scale = column.scale;
	to->align = column.align;
	to->unit = keep_text(w, column.unit);
	to->none = keep_text(w, column.none ? column.none : "-");
	to->label.at = w->texts.len;
	w->format->label(&w->texts, &column);
	to->label.len = w->texts.len - to->label.at;
	if (to->label.len > 0)
		to->cells = fmt_width(w->texts.p + to->label.at, to->label.len);
}

/* A table's titles are its first row. */
static bool open_table(struct fmt_writer *w, const struct fmt_column *columns)
{
	w->table = table_open(columns, w->n);
	for (size_t i = 0; w->table && i < w->n; i++) {
		put_span(w, table_text(w->table), w->columns[i].label);
		if (!table_close_cell(w->table, false))
			return false;
	}
	return w->table != NULL;
}

struct fmt_writer *fmt_writer_new(const struct fmt_layout *layout, const struct fmt_column *columns,
				  size_t n, FILE *out)
{
	struct fmt_writer *w = n > 0 ? calloc(1, sizeof(*w)) : NULL;

	if (!w)
		return NULL;
	w->format = &formats[layout->format];
	w->layout = *layout;
	w->out = out;
	w->n = n;
	w->columns = calloc(n, sizeof(*w->columns));
	for (size_t i = 0; w->columns && i < n; i++)
		keep_column(w, i, columns[i]);
	if (!w->columns || w->texts.failed ||
	    (layout->format == FMT_TABLE && !open_table(w, columns))) {
		fmt_writer_free(w);
		return NULL;
	}
	return w;
}

/* Keeps the first error; what comes later follows from it. */
static bool fail(struct fmt_writer *w, int error)
{
	if (w->error == 0)
		w->error = error;
	errno = w->error;
	return false;
}

static bool flush(struct fmt_writer *w)
{
	return bytes_flush(&w->line, w->out) || fail(w, errno);
}

static void begin(struct fmt_writer *w)
{
	if (!w->begun && w->format->head && (w->layout.header || w->layout.format == FMT_MARKDOWN))
		w->format->head(w);
	w->begun = true;
}

bool fmt_writer_row(struct fmt_writer *w, const struct fmt_cell *cells)
{
	if (w->error != 0 || w->ended)
		return fail(w, EINVAL);
	begin(w);
	w->format->row(w, cells);
	if (w->table)
		return !w->line.failed || fail(w, ENOMEM);
	/* a row without a value is no line of the vertical form */
	w->rows += w->line.len > 0;
	return flush(w);
}

bool fmt_writer_reset(struct fmt_writer *w)
{
	if (w->ended || (w->begun && !w->table))
		return false;
	if (w->table) {
		table_clear(w->table);
		w->line.failed = false;
		w->error = 0; /* only memory can have failed, no stream */
	}
	return true;
}

bool fmt_writer_end(struct fmt_writer *w)
{
	const struct table_style style = { .width = w->layout.width,
					   .titles = w->layout.header,
					   .colour = w->layout.colour,
					   .narrow = true };

	if (w->error != 0 || w->ended)
		return w->error == 0 || fail(w, 0);
	begin(w);
	w->ended = true;
	if (w->table)
		return table_write(w->table, &style, w->out) || fail(w, errno);
	return flush(w);
}

void fmt_writer_free(struct fmt_writer *w)
{
	if (!w)
		return;
	fmt_table_free(w->table);
	fmt_text_free(&w->texts);
	fmt_text_free(&w->line);
	fmt_text_free(&w->cell);
	free(w->columns);
	free(w);
}
