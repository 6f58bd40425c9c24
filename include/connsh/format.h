/*
 * format: text that people and programs read: escaping, display width, aligned
 * tables. Plain bytes in, bytes out; knows no Lua, no kernel, no field.
 */
#ifndef CONNSH_FORMAT_H
#define CONNSH_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * The one escaping of text from outside, terminal or not: control bytes, DEL,
 * C1 controls, invalid UTF-8, and characters that show nothing or that turn
 * the writing direction become \xHH per byte; a backslash becomes two. A
 * combining mark stays, but for one that opens the text: it would sit on what
 * is printed before. What is left is printable UTF-8 without a newline, and
 * reads back without loss: a backslash is followed by another, or by x and two
 * hexadecimal digits. The locale plays no part.
 * Returns malloc'ed text with a NUL, *out_len bytes; NULL: no memory.
 */
char *fmt_escape(const char *text, size_t len, size_t *out_len);

/*
 * Display cells of text that fmt_escape has passed: wide characters are 2,
 * combining 0, whatever the locale. Bytes of no character count 1.
 */
size_t fmt_width(const char *text, size_t len);

enum fmt_align { FMT_LEFT, FMT_RIGHT };

/* A table that is filled cell by cell, row by row, then written aligned. */
struct fmt_table;

struct fmt_column {
	const char *title;
	enum fmt_align align;
};

/* The columns are copied, titles escaped. NULL: no memory, or n is 0. */
struct fmt_table *fmt_table_new(const struct fmt_column *columns, size_t n);
/* The next cell; text is escaped here and copied. False: no memory. */
bool fmt_table_cell(struct fmt_table *t, const char *text, size_t len);
/* Rows begun, the title line not counted. */
size_t fmt_table_rows(const struct fmt_table *t);
/*
 * Title line, rows; columns two blanks apart, no filling at a line's end.
 * width: of the terminal in cells, 0 for none; longer lines are cut there,
 * between characters, and end in U+2026. Missing cells of the last row are
 * empty. False with errno: the stream refused. Does not flush.
 */
bool fmt_table_write(const struct fmt_table *t, FILE *out, size_t width);
void fmt_table_free(struct fmt_table *t); /* NULL is allowed */

/*
 * Names and values, one pair a line, the values one below the other: the
 * vertical form of a single record. A table of two columns, written by the
 * same rules but without its title line.
 */
bool fmt_pairs_write(const struct fmt_table *t, FILE *out, size_t width);

#endif
