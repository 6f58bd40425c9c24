/*
 * Owns what is known of single characters: UTF-8, which ones are hidden, how
 * wide one is. Knows no text as a whole.
 */
#include "glyph.h"

#include <locale.h>
#include <pthread.h>
#include <wchar.h>

struct range {
	uint32_t first, last;
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool within(uint32_t c, const struct range *r, size_t n)
{
	size_t low = 0;

	while (low < n) {
		const size_t mid = low + (n - low) / 2;

		if (c > r[mid].last)
			low = mid + 1;
		else if (c < r[mid].first)
			n = mid;
		else
			return true;
	}
	return false;
}

/* Length by the lead byte; 0: cannot lead. C0, C1 and F5 up only lead what is invalid. */
static size_t lead(unsigned char b, uint32_t *bits)
{
	if (b < 0x80) {
		*bits = b;
		return 1;
	}
	if (b >= 0xc2 && b <= 0xdf) {
		*bits = b & 0x1f;
		return 2;
	}
	if (b >= 0xe0 && b <= 0xef) {
		*bits = b & 0x0f;
		return 3;
	}
	if (b >= 0xf0 && b <= 0xf4) {
		*bits = b & 0x07;
		return 4;
	}
	return 0;
}

size_t fmt_decode(const char *text, size_t len, uint32_t *c)
{
	static const uint32_t least[] = { [1] = 0, [2] = 0x80, [3] = 0x800, [4] = 0x10000 };
	const size_t n = len > 0 ? lead((unsigned char)text[0], c) : 0;

	if (n == 0 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		const unsigned char b = (unsigned char)text[i];

		if ((b & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (b & 0x3f);
	}
	if (*c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
		return 0;
	return n;
}

/*
 * Our own list, so that the same bytes are escaped with every libc: controls,
 * what Unicode calls default ignorable (drawn as nothing, or changing how a
 * neighbour is drawn), the separators of lines, the marks of writing direction
 * and of annotations, and places that will never hold a character.
 */
static const struct range hidden[] = {
	{ 0x0000, 0x001f },   /* C0 controls */
	{ 0x007f, 0x009f },   /* delete, C1 controls: U+009B is as good as ESC [ */
	{ 0x00ad, 0x00ad },   /* soft hyphen: seen or not, as the terminal likes */
	{ 0x034f, 0x034f },   /* combining grapheme joiner */
	{ 0x061c, 0x061c },   /* Arabic letter mark */
	{ 0x115f, 0x1160 },   /* Hangul fillers */
	{ 0x17b4, 0x17b5 },   /* Khmer inherent vowels */
	{ 0x180b, 0x180f },   /* Mongolian variation selectors, vowel separator */
	{ 0x200b, 0x200f },   /* zero width space and joiners, direction marks */
	{ 0x2028, 0x202e },   /* line and paragraph separator, embeddings, overrides */
	{ 0x2060, 0x206f },   /* word joiner, invisible operators, isolates */
	{ 0x3164, 0x3164 },   /* Hangul filler */
	{ 0xfdd0, 0xfdef },   /* no characters */
	{ 0xfe00, 0xfe0f },   /* variation selectors: the width before them becomes a guess */
	{ 0xfeff, 0xfeff },   /* byte order mark */
	{ 0xffa0, 0xffa0 },   /* halfwidth Hangul filler */
	{ 0xfff0, 0xfffb },   /* ignorable, annotations */
	{ 0x1bca0, 0x1bca3 }, /* shorthand format controls */
	{ 0x1d173, 0x1d17a }, /* musical format controls */
	{ 0xe0000, 0xe0fff }, /* tags, variation selectors */
};

bool fmt_hidden(uint32_t c)
{
	/* The last two of every plane are no characters. */
	return (c & 0xfffe) == 0xfffe || within(c, hidden, COUNT(hidden));
}

/* For a libc without C.UTF-8: whole blocks, right for nearly all text. */
static const struct range combining[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a },
	{ 0x064b, 0x065f }, { 0x0e34, 0x0e3a }, { 0x0e47, 0x0e4e }, { 0x1160, 0x11ff },
	{ 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff }, { 0x302a, 0x302d },
	{ 0x3099, 0x309a }, { 0xfe20, 0xfe2f },
};

static const struct range wide[] = {
	{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },	  { 0xa960, 0xa97f },
	{ 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },	  { 0xff01, 0xff60 },
	{ 0xffe0, 0xffe6 },   { 0x17000, 0x18cff }, { 0x1b000, 0x1b2ff }, { 0x1f300, 0x1f64f },
	{ 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
};

static locale_t utf8;

/* Of its own, not the process's: widths must not depend on LC_ALL, nor on setlocale. */
static void open_locale(void)
{
	utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static int libc_cells(uint32_t c)
{
	const locale_t before = uselocale(utf8);
	const int n = wcwidth((wchar_t)c);

	uselocale(before);
	return n;
}

unsigned int fmt_cells(uint32_t c)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int n;

	if (c < 0x300)
		return 1;
	pthread_once(&once, open_locale);
	if (utf8 == (locale_t)0) {
		if (within(c, combining, COUNT(combining)))
			return 0;
		return within(c, wide, COUNT(wide)) ? 2 : 1;
	}
	n = libc_cells(c);
	/* Younger than this libc: a guess, the same that terminals make. */
	return n < 0 || n > 2 ? 1 : (unsigned int)n;
}
