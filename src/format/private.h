/* Inside format: growing blocks, values as text, lines that are cut, and what a format is. */
#ifndef CONNSH_FORMAT_PRIVATE_H
#define CONNSH_FORMAT_PRIVATE_H

#include "connsh/format.h"

#include <string.h>

/* ---- more of text under construction (text.c, bytes.c) -------------------- */

/* As fmt_text_room and fmt_text_add, without a call where there is room. */
static inline char *bytes_room(struct fmt_text *b, size_t n)
{
	return n < b->size - b->len ? b->p + b->len : fmt_text_room(b, n);
}

static inline void bytes_add(struct fmt_text *b, const char *text, size_t len)
{
	char *to = bytes_room(b, len);

	if (to && len > 0) {
		memcpy(to, text, len);
		b->len += len;
	}
}

static inline void bytes_byte(struct fmt_text *b, char byte)
{
	bytes_add(b, &byte, 1);
}

void bytes_blanks(struct fmt_text *b, size_t n);
/* Text as fmt_escape leaves it. */
void bytes_escaped(struct fmt_text *b, const char *text, size_t len);
/* Puts mark before each byte behind at that is one of those in which. */
void bytes_mark(struct fmt_text *b, size_t at, const char *which, char mark);
/* Writes and empties the block. False with errno: the stream refused, or the block had failed. */
bool bytes_flush(struct fmt_text *b, FILE *out);

/* ---- values as text (number.c, cell.c) ----------------------------------- */

enum { NUMBER_MAX = 32 };

/* Exact, whatever the locale. They return the length; no NUL. */
size_t fmt_integer(char out[NUMBER_MAX], int64_t n);
size_t fmt_real(char out[NUMBER_MAX], double v);
/* As enum fmt_unit says; FMT_PLAIN is fmt_real. */
size_t fmt_human(char out[NUMBER_MAX], double v, enum fmt_unit unit);

/* The value as all formats but JSON show it, escaped; nil is nothing, a list joined by blanks. */
void fmt_put_cell(struct fmt_text *to, const struct fmt_cell *cell, enum fmt_unit unit);
/* The number that stands for it in every format; false: it is none. */
bool fmt_put_number(struct fmt_text *to, const struct fmt_cell *cell, enum fmt_unit unit);

/* ---- lines of a width (line.c) ------------------------------------------- */

/* A line under way: blanks wait until something stands behind them, so none ends a line. */
struct line {
	struct fmt_text *to;
	size_t left; /* cells until the cut mark */
	size_t blanks;
	bool cut;  /* it will end in a cut mark */
	bool full; /* nothing more goes on it */
};

/* cells: what will be put on it; more than width (0: none) will be cut. */
void line_open(struct line *line, struct fmt_text *to, size_t width, size_t cells);
void line_skip(struct line *line, size_t cells);
/*
 * Escaped text that takes so many cells, cut to most of them; code, or NULL,
 * goes around it without taking any. Returns the cells that it took.
 */
size_t line_text(struct line *line, const char *text, size_t len, size_t cells, size_t most,
		 const char *code);
/* The cut mark, if need be; the newline is the caller's. */
void line_close(struct line *line);

/* The only colour codes; they come from nowhere else. */
#define CODE_BOLD "\033[1m"
#define CODE_DIM  "\033[2m"
#define CODE_OFF  "\033[0m"

/* ---- tables, cell by cell (table.c) -------------------------------------- */

/* Without titles: the first n cells are those. */
struct fmt_table *table_open(const struct fmt_column *columns, size_t n);
/* Append the escaped text of the next cell here ... */
struct fmt_text *table_text(struct fmt_table *t);
/* ... and say that it is whole. False: no memory. */
bool table_close_cell(struct fmt_table *t, bool dim);
/* Forgets the rows. */
void table_clear(struct fmt_table *t);

struct table_style {
	size_t width;
	bool titles, colour;
	bool narrow; /* make columns narrower before lines are cut */
};
bool table_write(const struct fmt_table *t, const struct table_style *style, FILE *out);

/* What a column's width is decided by, and the answer (fit.c). */
struct fit {
	size_t cells; /* that it would like */
	size_t least; /* that it is not made narrower than */
	size_t width; /* that it gets */
};
/* Water-filling: the widest are lowered to a common width until the sum is at most total. */
void fit_columns(struct fit *columns, size_t n, size_t total);

/* ---- formats (writer.c, and one file each) ------------------------------- */

struct span {
	size_t at, len;
};

struct sheet_column {
	struct span label, unit, none; /* as the format shows them; none in texts if len is 0 */
	size_t cells;		       /* of the label */
	enum fmt_unit scale;	       /* FMT_PLAIN if not human */
	enum fmt_align align;
};

struct fmt_writer {
	const struct format *format;
	struct fmt_layout layout;
	FILE *out;
	struct sheet_column *columns;
	size_t n;
	struct fmt_text texts;	 /* what the spans are in */
	struct fmt_text line;	 /* bytes of the row under way */
	struct fmt_text cell;	 /* and of one of its cells */
	struct fmt_table *table; /* NULL: rows are not held back */
	size_t rows;		 /* written */
	bool begun, ended;
	int error; /* errno of what failed first; 0: nothing */
};

static inline void put_span(const struct fmt_writer *w, struct fmt_text *to, struct span s)
{
	bytes_add(to, w->texts.p + s.at, s.len);
}

/* head and row append to w->line. */
struct format {
	const char *name;
	bool people; /* scales numbers if asked to */
	/* How the column is called. Its unit is NULL where the cells carry it. */
	void (*label)(struct fmt_text *to, const struct fmt_column *column);
	void (*head)(struct fmt_writer *w); /* NULL: has none */
	void (*row)(struct fmt_writer *w, const struct fmt_cell *cells);
};

void json_label(struct fmt_text *to, const struct fmt_column *column);
void json_row(struct fmt_writer *w, const struct fmt_cell *cells);

void csv_label(struct fmt_text *to, const struct fmt_column *column);
void csv_head(struct fmt_writer *w);
void csv_row(struct fmt_writer *w, const struct fmt_cell *cells);
void tsv_label(struct fmt_text *to, const struct fmt_column *column);
void tsv_head(struct fmt_writer *w);
void tsv_row(struct fmt_writer *w, const struct fmt_cell *cells);

void markdown_label(struct fmt_text *to, const struct fmt_column *column);
void markdown_head(struct fmt_writer *w);
void markdown_row(struct fmt_writer *w, const struct fmt_cell *cells);

/* title(unit), escaped */
void table_label(struct fmt_text *to, const struct fmt_column *column);
void table_row(struct fmt_writer *w, const struct fmt_cell *cells);

void vertical_label(struct fmt_text *to, const struct fmt_column *column);
void vertical_row(struct fmt_writer *w, const struct fmt_cell *cells);

/* ---- tables of text (table.c) -------------------------------------------- */

/* A table that is filled cell by cell, row by row, then written aligned. */
struct fmt_table;

/*
 * Title (or name), align, min, max and fixed of the columns count here; they
 * are copied, and titles escaped. NULL: no memory, or n is 0.
 */
struct fmt_table *fmt_table_new(const struct fmt_column *columns, size_t n);
/* The next cell; text is escaped here and copied. False: no memory. */
bool fmt_table_cell(struct fmt_table *t, const char *text, size_t len);
/* Rows begun, the title line not counted. */
size_t fmt_table_rows(const struct fmt_table *t);
/*
 * Title line, rows; columns two blanks apart, no filling at a line's end.
 * width: of the terminal in cells, 0 for none; see FMT_TABLE for how it is made
 * to fit. Missing cells of the last row are empty. False with errno: no memory,
 * or the stream refused. Does not flush.
 */
bool fmt_table_write(const struct fmt_table *t, FILE *out, size_t width);
void fmt_table_free(struct fmt_table *t); /* NULL is allowed */

#endif
