/*
 * Owns tables laid out as ss(8) of iproute2 6.1 does it: how wide a column is, which share a line
 * of the terminal, and when a part of a long table is written with what is known by then. The
 * limits of its memory are those of ss, for where they are reached is seen in the widths.
 */
#include "connsh/format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	CELL_MAX = UINT16_MAX, /* bytes; what is more is cut */
	/* What ss takes from malloc at a time, less the two pointers that it keeps there. */
	CHUNK = 1024 * 1024 - 16,
	CHUNKS = 5, /* that many are begun: what is there is written at the end of its row */
	OUT = 256 * 1024,
	STEP = 16,
};

struct grid_col {
	char *title, *before;
	size_t title_len, before_len;
	enum fmt_align align;
	bool hidden;
	size_t most;  /* bytes of its longest cell so far */
	size_t width; /* for the block that is written, with what is before it */
};

/*
 * Cells lie one behind the other, the bytes of each behind their number. ss has one more column
 * behind the last, always empty: its cell takes two bytes too, once the next row has begun.
 */
struct grid {
	struct grid_col *cols;
	size_t n, shown; /* columns; those not hidden */
	size_t width;
	bool header; /* still to come */
	FILE *out;
	char *cells; /* of the block: used bytes of room */
	size_t used, room;
	size_t rows;	       /* begun in the block */
	size_t at;	       /* the column of the next cell; n: the row is complete */
	struct grid_col *open; /* whose cell was the last, not measured yet; NULL: none is */
	size_t open_len;       /* and its bytes */
	unsigned chunks;
	size_t left; /* in the last of them */
	char *line;  /* OUT bytes and STEP; what waits to be written ends at to */
	char *to;
	int error;
};

/* Keeps the first error; what comes later follows from it. */
static bool fail(struct grid *g, int error)
{
	if (g->error == 0)
		g->error = error ? error : EIO;
	errno = g->error;
	return false;
}

/* ---- what is held ---------------------------------------------------------- */

static bool make_room(struct grid *g, size_t n)
{
	size_t room = g->room ? g->room : 64 * 1024;
	char *p;

	n += STEP;
	if (n <= g->room - g->used)
		return true;
	while (room - g->used < n)
		room *= 2;
	p = realloc(g->cells, room);
	if (!p)
		return fail(g, ENOMEM);
	g->cells = p;
	g->room = room;
	return true;
}

static void next_chunk(struct grid *g)
{
	g->chunks++;
	g->left = CHUNK;
}

/* Where the memory of ss would be behind this cell. */
static void account(struct grid *g, size_t len)
{
	const size_t whole = sizeof(uint16_t) + len + (len & 1);

	if (g->chunks == 0 || (len > 0 && sizeof(uint16_t) + len >= g->left))
		next_chunk(g);
	if (whole + sizeof(uint16_t) > g->left)
		next_chunk(g);
	else
		g->left -= whole;
}

static void measure(struct grid *g)
{
	if (g->open && g->open_len > g->open->most)
		g->open->most = g->open_len;
	g->open = NULL;
}

/* The next cell of the row under way. */
static bool put(struct grid *g, const char *text, size_t len)
{
	struct grid_col *col = &g->cols[g->at];
	uint16_t bytes = (uint16_t)(len < CELL_MAX ? len : CELL_MAX);

	g->at++;
	if (col->hidden)
		return true;
	if (!make_room(g, sizeof(bytes) + bytes))
		return false;
	measure(g);
	g->open = col;
	g->open_len = bytes;
	memcpy(g->cells + g->used, &bytes, sizeof(bytes));
	if (bytes > 0)
		memcpy(g->cells + g->used + sizeof(bytes), text, bytes);
	g->used += sizeof(bytes) + bytes;
	account(g, bytes);
	return true;
}

/* ---- widths ------------------------------------------------------------------ */

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* As wide as the longest cell; the first that is not empty has nothing before it. */
static void natural_widths(struct grid *g)
{
	const size_t screen = g->width ? g->width : SIZE_MAX;
	bool first = true;

	for (size_t i = 0; i < g->n; i++) {
		struct grid_col *c = &g->cols[i];

		c->width = c->most;
		if (c->most > 0 && !first)
			c->width += c->before_len;
		c->width = smaller(c->width, screen);
		first = first && c->width == 0;
	}
}

/*
 * Gives what a line of the terminal has left to the columns from first to behind, those at the
 * right first if it cannot be divided.
 */
static void share(struct grid *g, size_t first, size_t behind, size_t n, size_t rest)
{
	size_t each = rest / n, more = rest % n;

	for (size_t i = behind; i-- > first;) {
		if (g->cols[i].width == 0)
			continue;
		g->cols[i].width += each;
		if (more > 0) {
			g->cols[i].width++;
			more--;
		}
	}
}

/* Fills each line of the terminal with as many columns as it takes. */
static void fill_lines(struct grid *g)
{
	size_t first = 0, n = 0, taken = 0;

	for (size_t i = 0; i < g->n; i++) {
		const size_t width = g->cols[i].width;

		if (width == 0)
			continue;
		if (n > 0 && taken + width > g->width) {
			share(g, first, i, n, g->width - taken);
			first = i;
			n = taken = 0;
		}
		n++;
		taken += width;
	}
	if (n > 0)
		share(g, first, g->n, n, g->width - taken);
}

/* ---- writing ------------------------------------------------------------------ */

static void write_out(struct grid *g)
{
	const size_t n = (size_t)(g->to - g->line);

	g->to = g->line;
	if (g->error != 0 || n == 0)
		return;
	errno = 0;
	if (fwrite(g->line, 1, n, g->out) != n)
		fail(g, errno);
}

/* Where n bytes can be put, which are at most OUT. */
static char *out_room(struct grid *g, size_t n)
{
	if (n > (size_t)(g->line + OUT - g->to))
		write_out(g);
	return g->to;
}

static void out_text(struct grid *g, const char *text, size_t len)
{
	while (len > 0) {
		const size_t n = smaller(len, OUT);

		memcpy(out_room(g, n), text, n);
		g->to += n;
		text += n;
		len -= n;
	}
}

static void out_blanks(struct grid *g, size_t len)
{
	while (len > 0) {
		const size_t n = smaller(len, OUT);

		memset(out_room(g, n), ' ', n);
		g->to += n;
		len -= n;
	}
}

/*
 * Most cells and blanks are few: STEP bytes are written, and what follows overwrites those too
 * many. There are as many behind the cells and behind the line.
 */
static inline void out_few(struct grid *g, const char *text, size_t len)
{
	if (len <= STEP)
		memcpy(g->to, text, STEP);
	else
		memcpy(g->to, text, len);
	g->to += len;
}

static inline void fill_few(struct grid *g, size_t len)
{
	if (len <= STEP)
		memset(g->to, ' ', STEP);
	else
		memset(g->to, ' ', len);
	g->to += len;
}

/* One cell of a column; begun: something is on the line already. */
static inline void out_cell(struct grid *g, const struct grid_col *c, const char *text, size_t len,
			    bool begun)
{
	const size_t before = begun && c->width + len > 0 ? c->before_len : 0;
	const size_t taken = before + len, fill = taken < c->width ? c->width - taken : 0;
	const size_t left = fill && c->align == FMT_RIGHT ? fill : 0;

	if (taken + fill > (size_t)(g->line + OUT - g->to)) {
		out_text(g, c->before, before);
		out_blanks(g, left);
		out_text(g, text, len);
		out_blanks(g, fill - left);
		return;
	}
	for (size_t i = 0; i < before; i++)
		*g->to++ = c->before[i];
	if (left > 0)
		fill_few(g, left);
	out_few(g, text, len);
	if (fill > left)
		fill_few(g, fill - left);
}

static const char *out_row(struct grid *g, const char *cell)
{
	bool begun = false;

	for (size_t i = 0; i < g->n; i++) {
		const struct grid_col *c = &g->cols[i];
		uint16_t len;

		if (c->hidden)
			continue;
		memcpy(&len, cell, sizeof(len));
		cell += sizeof(len);
		out_cell(g, c, cell, len, begun);
		cell += len;
		begun = begun || c->width + len > 0;
	}
	out_text(g, "\n", 1);
	return cell;
}

/* Writes the block and forgets it; its last cell is not measured. */
static bool write_block(struct grid *g)
{
	const char *cell = g->cells;

	natural_widths(g);
	if (g->width > 0)
		fill_lines(g);
	for (; g->rows > 0; g->rows--)
		cell = out_row(g, cell);
	write_out(g);
	g->open = NULL;
	g->used = g->left = 0;
	g->chunks = 0;
	return g->error == 0 || fail(g, g->error);
}

/* ---- rows ----------------------------------------------------------------------- */

static void begin_row(struct grid *g)
{
	g->at = 0;
	g->rows++;
}

static bool put_header(struct grid *g)
{
	if (!g->header)
		return true;
	g->header = false;
	begin_row(g);
	for (size_t i = 0; i < g->n; i++)
		if (!put(g, g->cols[i].title, g->cols[i].title_len))
			return false;
	measure(g);
	return true;
}

/* A row is behind the one before: that is measured now, and may have been the last of its block. */
static bool next_row(struct grid *g)
{
	if (!put_header(g))
		return false;
	measure(g);
	if (g->chunks >= CHUNKS && !write_block(g))
		return false;
	if (g->rows > 0)
		account(g, 0);
	begin_row(g);
	return true;
}

bool grid_cell(struct grid *g, const char *text, size_t len)
{
	if (g->error != 0)
		return fail(g, g->error);
	if (g->at == g->n && !next_row(g))
		return false;
	return put(g, text, len);
}

bool grid_flush(struct grid *g)
{
	if (g->error != 0)
		return fail(g, g->error);
	if (!put_header(g))
		return false;
	while (g->at < g->n)
		if (!put(g, NULL, 0))
			return false;
	return write_block(g);
}

bool grid_end(struct grid *g)
{
	return grid_flush(g);
}

/* ---- making ---------------------------------------------------------------------- */

static bool copy_text(char **to, size_t *len, const char *text)
{
	*to = strdup(text ? text : "");
	*len = *to ? strlen(*to) : 0;
	return *to != NULL;
}

struct grid *grid_new(const struct grid_column *columns, size_t n, size_t width, bool header,
		      FILE *out)
{
	struct grid *g = n > 0 ? calloc(1, sizeof(*g)) : NULL;

	if (!g)
		return NULL;
	g->cols = calloc(n, sizeof(*g->cols));
	g->line = malloc(OUT + STEP);
	for (; g->cols && g->n < n; g->n++) {
		const struct grid_column *from = &columns[g->n];
		struct grid_col *c = &g->cols[g->n];

		c->align = from->align;
		c->hidden = from->hidden;
		if (!copy_text(&c->title, &c->title_len, from->title) ||
		    !copy_text(&c->before, &c->before_len, from->before)) {
			g->n++; /* what there is of it is freed */
			grid_free(g);
			return NULL;
		}
	}
	if (!g->cols || !g->line) {
		grid_free(g);
		return NULL;
	}
	g->at = n;
	g->width = width;
	g->header = header;
	g->out = out;
	g->to = g->line;
	return g;
}

void grid_free(struct grid *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n; i++) {
		free(g->cols[i].title);
		free(g->cols[i].before);
	}
	free(g->cols);
	free(g->cells);
	free(g->line);
	free(g);
}
