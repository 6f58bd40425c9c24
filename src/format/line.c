/*
 * Owns what a line of limited width shows of the texts that are put on it:
 * where it is cut, and how that is marked. Knows no columns.
 */
#include "glyph.h"
#include "private.h"

static const char cut_mark[] = "\xe2\x80\xa6"; /* U+2026, one cell */
enum { MARK_LEN = sizeof(cut_mark) - 1 };

void line_open(struct line *line, struct fmt_text *to, size_t width, size_t cells)
{
	const bool cut = width > 0 && cells > width;

	*line = (struct line){ .to = to, .left = cut ? width - 1 : SIZE_MAX, .cut = cut };
}

void line_skip(struct line *line, size_t cells)
{
	if (line->full)
		return;
	if (cells >= line->left)
		cells = line->left;
	line->blanks += cells;
	line->left -= cells;
}

static void put_blanks(struct line *line)
{
	if (line->blanks > 0)
		bytes_blanks(line->to, line->blanks);
	line->blanks = 0;
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

static void put(struct line *line, const char *text, size_t len, bool mark, const char *code)
{
	if (len == 0 && !mark)
		return;
	put_blanks(line);
	if (code)
		bytes_add(line->to, code, strlen(code));
	bytes_add(line->to, text, len);
	if (mark)
		bytes_add(line->to, cut_mark, MARK_LEN);
	if (code)
		bytes_add(line->to, CODE_OFF, sizeof(CODE_OFF) - 1);
}

size_t line_text(struct line *line, const char *text, size_t len, size_t cells, size_t most,
		 const char *code)
{
	const bool mark = cells > most && most > 0;

	if (line->full)
		return 0;
	if (cells > most) {
		size_t left = most > 0 ? most - 1 : 0;

		len = fitting(text, len, &left);
		cells = most - left;
	}
	if (cells > line->left) {
		len = fitting(text, len, &line->left);
		put(line, text, len, false, code);
		line->full = true;
		return cells;
	}
	put(line, text, len, mark, code);
	line->left -= cells;
	return cells;
}

void line_close(struct line *line)
{
	if (!line->cut)
		return;
	put_blanks(line);
	bytes_add(line->to, cut_mark, MARK_LEN);
}
