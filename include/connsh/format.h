/*
 * format: text that people and programs read: escaping, display width, and rows
 * of values as a table, vertically, as JSON, CSV, TSV or Markdown. Plain values
 * in, bytes out; knows no Lua, no kernel, no field.
 */
#ifndef CONNSH_FORMAT_H
#define CONNSH_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- text ---------------------------------------------------------------- */

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

/*
 * Text under construction; a zeroed one is empty. Grows as needed; failed stays set once memory
 * was short, and nothing is added from then on.
 */
struct fmt_text {
	char *p; /* len bytes, no NUL */
	size_t len, size;
	bool failed;
};
/* Room for n bytes more at p + len, for who writes them there and then adds to len; NULL: failed.
 */
char *fmt_text_room(struct fmt_text *t, size_t n);
void fmt_text_add(struct fmt_text *t, const char *bytes, size_t n);
void fmt_text_free(struct fmt_text *t);

/* ---- rows of values ------------------------------------------------------ */

/*
 * Text in all of them but JSON goes through fmt_escape, so no byte of a value
 * commands a terminal, and a row is one line (vertical: a value is).
 *
 * table     aligned columns. Rows are held back until all widths are known.
 *           If they are more than the terminal's width, columns are made
 *           narrower, the widest first, to a common width of at least 8 cells
 *           and their title; what is cut ends in U+2026. Lines that are still
 *           too long are cut. Without a width nothing is.
 * vertical  "name  value unit", one a line; no value, no line. An empty line
 *           between rows. Lines are cut at the terminal's width.
 * json      JSON Lines (RFC 8259): an object a row. Numbers are exact, NaN and
 *           infinities null. Strings are UTF-8; what fmt_escape would not show
 *           is \uXXXX, and a byte that is no UTF-8 is \udcXX, so that nothing
 *           is lost: Python's json.loads(line)[key].encode("utf-8",
 *           "surrogateescape") is the bytes that were given.
 * csv       RFC 4180, but lines end in a newline alone. Quoted where needed;
 *           empty text is "", no value is nothing. A list is joined by blanks.
 * tsv       as csv, with tabs and no quotes: empty text and no value are alike.
 * markdown  a table as GitHub's. A backslash stands before what in a text would
 *           end its cell or begin HTML, an entity, a link, code or emphasis by
 *           a star.
 */
enum fmt_format { FMT_TABLE, FMT_VERTICAL, FMT_JSON, FMT_CSV, FMT_TSV, FMT_MARKDOWN, FMT_FORMATS };

/* Its name, as above. */
const char *fmt_format_name(enum fmt_format format);
/* The format of this name; false: there is none. */
bool fmt_format_parse(const char *name, enum fmt_format *format);

/*
 * How a number is shown to a person (layout.human): bytes and bytes per second
 * in powers of 1024 as 1.5K, 64.0M/s; seconds as 35us, 1.20ms, 2.5s, 3m20s,
 * 4h05m, 2d03h. FMT_PLAIN is exact: integers as they are, reals as the shortest
 * text that reads back as the same double.
 */
enum fmt_unit { FMT_PLAIN, FMT_BYTES, FMT_RATE, FMT_SECONDS };

enum fmt_align { FMT_LEFT, FMT_RIGHT };

struct fmt_column {
	const char *name;  /* key in JSON, vertical, CSV and TSV */
	const char *title; /* of tables and Markdown; NULL: name */
	const char *unit;  /* "s": title(s), unless the cells carry it; NULL: none */
	enum fmt_unit scale;
	enum fmt_align align;
	size_t min, max;  /* cells wide in tables; 0: as its content. max: if there is a width */
	bool fixed;	  /* never made narrower to fit the width */
	const char *none; /* a cell without a value in tables and Markdown; NULL: "-" */
};

enum fmt_kind { FMT_NIL, FMT_BOOL, FMT_INT, FMT_REAL, FMT_TEXT, FMT_LIST, FMT_OBJECT };

struct fmt_member;

/*
 * One value; what it points to is the caller's. A list in a list counts as nil, and so does
 * an object that is no item of a list.
 */
struct fmt_cell {
	enum fmt_kind kind;
	union {
		bool flag;
		int64_t num;
		double real;
		struct {
			const char *p;
			size_t len;
		} text;
		struct {
			const struct fmt_cell *items;
			size_t n;
		} list;
		struct {
			const struct fmt_member *members;
			size_t n;
		} object;
	};
};

/*
 * Of an object. JSON has it as one, with all members that have a value; elsewhere it is the
 * members that are brief, the first by its value, others behind their names, and a comma
 * stands between two objects: "10.0.0.1 dev eth0 weight 2, 10.0.0.2 dev eth0 weight 1".
 */
struct fmt_member {
	const char *name;
	bool brief;
	struct fmt_cell cell; /* no object */
};

struct fmt_layout {
	enum fmt_format format;
	size_t width; /* of the terminal in cells, for tables and vertical; 0: none */
	bool human;   /* scaled numbers in tables, vertical and Markdown; others are exact */
	bool colour;  /* tables: bold titles, dim cells without a value */
	bool header;  /* of tables, CSV and TSV; Markdown always has one */
};

/* Writes rows to a stream, in one of the formats. Does not flush it. */
struct fmt_writer;

/* Columns are copied with their strings; out is not owned. NULL: no memory, or n is 0. */
struct fmt_writer *fmt_writer_new(const struct fmt_layout *layout, const struct fmt_column *columns,
				  size_t n, FILE *out);
/*
 * A row of n cells; copied, or written at once (all but tables). False with
 * errno: no memory, or the stream refused; from then on all is refused.
 */
bool fmt_writer_row(struct fmt_writer *w, const struct fmt_cell *cells);
/* Forgets all rows, to begin again. False, nothing changed: some are written already. */
bool fmt_writer_reset(struct fmt_writer *w);
/* The end of the rows: writes what is held back. False with errno: something was not written. */
bool fmt_writer_end(struct fmt_writer *w);
void fmt_writer_free(struct fmt_writer *w); /* NULL is allowed */

/* ---- grids: tables as ss(8) of iproute2 6.1 lays them out ------------------- */

/*
 * Cells of any bytes, at most 65535 of them (what is more is cut), written as they are: who fills
 * them has made them printable. Rows are collected in blocks of about 5 MiB, whose columns are as
 * wide as the widest cell of this block and those before; the last cell before a flush or the end
 * does not count. Without a width cells are padded to their column; with one, columns share what is
 * left of the terminal's lines. Header and rows end in a newline.
 */
struct grid_column {
	const char *title;
	const char *before; /* between it and the column on its left */
	enum fmt_align align;
	bool hidden; /* its cells are taken and not shown */
};
struct grid;
/* Columns are copied; out is not owned. width: of the terminal, 0: none. NULL: no memory. */
struct grid *grid_new(const struct grid_column *columns, size_t n, size_t width, bool header,
		      FILE *out);
/* The next cell; a row is complete with its n-th. False with errno: memory, or the stream refused.
 */
bool grid_cell(struct grid *g, const char *text, size_t len);
/* Writes what is held, header first if it is the first time; widths stay. Does not flush out. */
bool grid_flush(struct grid *g);
bool grid_end(struct grid *g);	/* the same, at the end: an empty grid writes its header */
void grid_free(struct grid *g); /* NULL is allowed */

#endif
