/*
 * Fuzzes the writer: the first bytes are the layout and the columns, the rest
 * is rows of cells. Whatever they are, a row is a line (vertical: a value is),
 * no byte of it commands a terminal, no line is wider than it was to be, and
 * JSON and CSV read back as what was given.
 */
#include "../unit/format_rows.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS = 5, ROWS = 40, ITEMS = 3 };

struct input {
	const uint8_t *p;
	size_t left;
};

static unsigned int take(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

/* A name has a NUL; a text is exactly its bytes, so that reading one more is seen. */
static char *take_text(struct input *in, size_t *len, bool name)
{
	size_t n = take(in) % 40;
	char *text;

	if (n > in->left)
		n = in->left;
	text = malloc(name || n == 0 ? n + 1 : n);
	if (!text)
		abort();
	memcpy(text, in->p, n);
	in->p += n;
	in->left -= n;
	if (name) {
		text[n] = '\0';
		n = strlen(text);
	}
	*len = n;
	return text;
}

static void take_cell(struct input *in, struct fmt_cell *cell, bool item)
{
	unsigned char bytes[8];

	cell->kind = (enum fmt_kind)(take(in) % (item ? FMT_LIST : FMT_LIST + 1));
	switch (cell->kind) {
	case FMT_NIL:
		break;
	case FMT_BOOL:
		cell->flag = take(in) & 1;
		break;
	case FMT_INT:
	case FMT_REAL:
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (unsigned char)take(in);
		memcpy(&cell->num, bytes, sizeof(bytes));
		break;
	case FMT_TEXT:
		cell->text.p = take_text(in, &cell->text.len, false);
		break;
	case FMT_LIST: {
		const size_t n = take(in) % (ITEMS + 1);
		struct fmt_cell *items = calloc(n ? n : 1, sizeof(*items));

		if (!items)
			abort();
		for (size_t i = 0; i < n; i++)
			take_cell(in, &items[i], true);
		cell->list.items = items;
		cell->list.n = n;
		break;
	}
	}
}

static void free_cell(const struct fmt_cell *cell)
{
	if (cell->kind == FMT_TEXT)
		free((void *)(uintptr_t)cell->text.p);
	if (cell->kind != FMT_LIST)
		return;
	for (size_t i = 0; i < cell->list.n; i++)
		free_cell(&cell->list.items[i]);
	free((void *)(uintptr_t)cell->list.items);
}

static void take_column(struct input *in, struct fmt_column *c)
{
	const unsigned int flags = take(in);
	size_t len;

	c->align = flags & 1 ? FMT_RIGHT : FMT_LEFT;
	c->fixed = flags & 2;
	c->scale = (enum fmt_unit)(flags >> 2 & 3);
	c->min = flags & 16 ? take(in) % 32 : 0;
	c->max = flags & 32 ? take(in) % 32 : 0;
	c->name = take_text(in, &len, true);
	c->title = flags & 64 ? take_text(in, &len, true) : NULL;
	c->unit = flags & 128 ? take_text(in, &len, true) : NULL;
	c->none = flags & 64 ? take_text(in, &len, true) : NULL;
}

static void free_column(const struct fmt_column *c)
{
	free((void *)(uintptr_t)c->name);
	free((void *)(uintptr_t)c->title);
	free((void *)(uintptr_t)c->unit);
	free((void *)(uintptr_t)c->none);
}

/* Takes the colour codes out; nothing else may be below a blank but line ends and tabs of TSV. */
static size_t check_bytes(const struct sheet *s, char *text, size_t len)
{
	const bool colour = s->layout.colour && s->layout.format == FMT_TABLE;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		const unsigned char b = (unsigned char)text[i];

		if (b == '\033' && colour && len - i >= 4 && text[i + 1] == '[' &&
		    strchr("012", text[i + 2]) && text[i + 3] == 'm') {
			i += 3;
			continue;
		}
		if ((b < 0x20 && b != '\n' && !(b == '\t' && s->layout.format == FMT_TSV)) ||
		    b == 0x7f)
			abort();
		text[n++] = text[i];
	}
	text[n] = '\0';
	return n;
}

static size_t lines_of_vertical(const struct sheet *s)
{
	size_t lines = 0;

	for (size_t i = 0; i < s->rows; i++) {
		size_t shown = 0;

		for (size_t k = 0; k < s->n; k++)
			shown += s->cells[i * s->n + k].kind != FMT_NIL;
		lines += shown + (shown > 0 && lines > 0);
	}
	return lines;
}

static void check_lines(const struct sheet *s, const char *text)
{
	const enum fmt_format format = s->layout.format;
	const bool fits = format == FMT_TABLE || format == FMT_VERTICAL;
	size_t lines = 0, expected = s->rows + s->layout.header;

	if (format == FMT_VERTICAL)
		expected = lines_of_vertical(s);
	else if (format == FMT_MARKDOWN)
		expected = s->rows + 2;
	else if (format == FMT_JSON)
		expected = s->rows;
	for (const char *at = text, *end; (end = strchr(at, '\n')); at = end + 1) {
		if (fits && s->layout.width > 0 &&
		    fmt_width(at, (size_t)(end - at)) > s->layout.width)
			abort();
		lines++;
	}
	if (lines != expected)
		abort();
}

static const char *check_word(const char *at, const char *word)
{
	if (strncmp(at, word, strlen(word)) != 0)
		abort();
	return at + strlen(word);
}

static const char *check_string(const char *at, const char *text, size_t len)
{
	char *out = malloc(strlen(at) + 1);
	size_t n;

	if (!out)
		abort();
	at = read_json_string(at, out, &n);
	if (n != len || memcmp(out, text, len) != 0)
		abort();
	free(out);
	return at;
}

static const char *check_number(const char *at, double v)
{
	char *end;

	if (v != v || v - v != 0)
		return check_word(at, "null");
	if (strtod(at, &end) != v || end == at)
		abort();
	return end;
}

static const char *check_json_value(const char *at, const struct fmt_cell *cell)
{
	switch (cell->kind) {
	case FMT_TEXT:
		return check_string(at, cell->text.p, cell->text.len);
	case FMT_BOOL:
		return check_word(at, cell->flag ? "true" : "false");
	case FMT_REAL:
		return check_number(at, cell->real);
	case FMT_INT:
		if (strtoll(at, NULL, 10) != cell->num)
			abort();
		return at + strspn(at, "-0123456789");
	case FMT_NIL:
		return check_word(at, "null");
	case FMT_LIST:
		break;
	}
	at = check_word(at, "[");
	for (size_t i = 0; i < cell->list.n; i++) {
		at = i > 0 ? check_word(at, ",") : at;
		at = check_json_value(at, &cell->list.items[i]);
	}
	return check_word(at, "]");
}

static void check_json(const struct sheet *s, const char *at)
{
	for (size_t i = 0; i < s->rows * s->n; i++) {
		const char *name = s->columns[i % s->n].name;

		at = check_word(at, i % s->n == 0 ? "{" : ",");
		at = check_string(at, name, strlen(name));
		at = check_json_value(check_word(at, ":"), &s->cells[i]);
		if (i % s->n == s->n - 1)
			at = check_word(at, "}\n");
	}
	if (*at != '\0')
		abort();
}

static void check_csv(const struct sheet *s, const char *at)
{
	const size_t fields = s->n * (s->rows + s->layout.header);
	const size_t first = s->layout.header ? s->n : 0;
	char *out = malloc(strlen(at) + 1);

	if (!out)
		abort();
	for (size_t i = 0; i < fields; i++) {
		const struct fmt_cell *cell = i >= first ? &s->cells[i - first] : NULL;
		size_t len;

		at = read_csv_field(at, out, &len);
		at = check_word(at, i % s->n == s->n - 1 ? "\n" : ",");
		if (!cell || cell->kind != FMT_TEXT)
			continue;
		len = read_escaped(out, len);
		if (len != cell->text.len || memcmp(out, cell->text.p, len) != 0)
			abort();
	}
	free(out);
	if (*at != '\0')
		abort();
}

static void check(const struct sheet *s)
{
	size_t len;
	char *text = sheet_text(s, &len);

	if (!text || len != strlen(text))
		abort();
	len = check_bytes(s, text, len);
	if (len > 0 && text[len - 1] != '\n')
		abort();
	check_lines(s, text);
	if (s->layout.format == FMT_JSON)
		check_json(s, text);
	if (s->layout.format == FMT_CSV)
		check_csv(s, text);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const unsigned int flags = take(&in);
	struct fmt_column columns[COLUMNS] = { { 0 } };
	struct fmt_cell cells[COLUMNS * ROWS] = { { 0 } };
	struct sheet s = { .columns = columns, .cells = cells };

	s.layout.format = (enum fmt_format)(take(&in) % FMT_FORMATS);
	s.layout.human = flags & 1;
	s.layout.colour = flags & 2;
	s.layout.header = flags & 4;
	s.layout.width = flags & 8 ? take(&in) : 0;
	s.n = 1 + take(&in) % COLUMNS;
	for (size_t i = 0; i < s.n; i++)
		take_column(&in, &columns[i]);
	for (; in.left > 0 && s.rows < ROWS; s.rows++)
		for (size_t i = 0; i < s.n; i++)
			take_cell(&in, &cells[s.rows * s.n + i], false);
	check(&s);
	for (size_t i = 0; i < s.n; i++)
		free_column(&columns[i]);
	for (size_t i = 0; i < s.rows * s.n; i++)
		free_cell(&cells[i]);
	return 0;
}
