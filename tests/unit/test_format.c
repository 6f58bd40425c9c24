/*
 * Escaping and widths. Texts are given as bytes, so that what is on the screen
 * is plain to see here too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "connsh/format.h"

#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define COMBINING "\xcc\x81"	     /* U+0301, an acute accent */
#define WIDE	  "\xe4\xb8\xad"     /* U+4E2D, two cells */
#define EMOJI	  "\xf0\x9f\x98\x80" /* U+1F600, two cells */
#define CUT	  "\xe2\x80\xa6"     /* U+2026 */

/* The text of one character; for surrogates too, which have none. */
static size_t encode(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static unsigned int hex(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = strchr(digits, c);

	assert_non_null(at);
	assert_int_not_equal(c, '\0');
	return (unsigned int)(at - digits);
}

/* What a reader of escaped text does: \\ and \xHH back to bytes. Returns the length. */
static size_t unescape(const char *text, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\\') {
			out[n++] = text[i];
			continue;
		}
		assert_true(i + 1 < len);
		if (text[++i] == '\\') {
			out[n++] = '\\';
			continue;
		}
		assert_int_equal(text[i], 'x');
		assert_true(i + 2 < len);
		out[n++] = (char)(hex(text[i + 1]) << 4 | hex(text[i + 2]));
		i += 2;
	}
	return n;
}

static void assert_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		assert_true((unsigned char)text[i] >= 0x20);
		assert_int_not_equal(text[i], 0x7f);
	}
}

/* Escapes an exact heap copy, checks what holds for every text, and returns the result. */
static char *escape(const char *text, size_t len, size_t *out_len)
{
	char *copy = malloc(len ? len : 1);
	char *out, *back;

	assert_non_null(copy);
	memcpy(copy, text, len);
	out = fmt_escape(copy, len, out_len);
	free(copy);
	assert_non_null(out);
	assert_int_equal(out[*out_len], '\0');
	assert_printable(out, *out_len);
	back = malloc(*out_len + 1);
	assert_non_null(back);
	assert_int_equal(unescape(out, *out_len, back), len);
	assert_memory_equal(back, text, len);
	free(back);
	return out;
}

struct text_case {
	const char *in;
	size_t len;
	const char *out;
};

#define CASE(in, out)                   \
	{                               \
		in, sizeof(in) - 1, out \
	}

static const struct text_case escapes[] = {
	CASE("", ""),
	CASE("nginx", "nginx"),
	CASE("a b", "a b"),
	CASE("\\", "\\\\"),
	CASE("\\x41", "\\\\x41"),
	CASE("a\nb", "a\\x0ab"),
	CASE("\r\t\b", "\\x0d\\x09\\x08"),
	CASE("\x1b[31m", "\\x1b[31m"),
	CASE("\0abstract", "\\x00abstract"),
	CASE("\x7f", "\\x7f"),
	CASE("\x9b"
	     "2J",
	     "\\x9b2J"),
	CASE("\xc2\x9b"
	     "2J",
	     "\\xc2\\x9b2J"),
	CASE("\xc3\xa9", "\xc3\xa9"),
	CASE("\xc2\xad", "\\xc2\\xad"),
	CASE(WIDE EMOJI, WIDE EMOJI),
	/* Not the shortest form: '/' in two, three and four bytes, NUL in two. */
	CASE("\xc0\xaf", "\\xc0\\xaf"),
	CASE("\xe0\x80\xaf", "\\xe0\\x80\\xaf"),
	CASE("\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"),
	CASE("\xc0\x80", "\\xc0\\x80"),
	CASE("\xe0\x9f\xbf", "\\xe0\\x9f\\xbf"),
	CASE("\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf"),
	/* Surrogates, beyond the last plane, five and six bytes. */
	CASE("\xed\xa0\x80", "\\xed\\xa0\\x80"),
	CASE("\xed\xbf\xbf", "\\xed\\xbf\\xbf"),
	CASE("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"),
	CASE("\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"),
	CASE("\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"),
	CASE("\xfe\xff", "\\xfe\\xff"),
	/* Cut short, at the end and before another character; a stray tail. */
	CASE("\xe4\xb8", "\\xe4\\xb8"),
	CASE("\xf0\x9f\x98", "\\xf0\\x9f\\x98"),
	CASE("\xe4\xb8"
	     "a",
	     "\\xe4\\xb8a"),
	CASE("\xe4" WIDE, "\\xe4" WIDE),
	CASE("\x80", "\\x80"),
	CASE("a\xbf", "a\\xbf"),
	/* Marks stay on their letter, and never sit on what comes before the text. */
	CASE("e" COMBINING, "e" COMBINING),
	CASE(COMBINING "e", "\\xcc\\x81"
			    "e"),
	CASE(COMBINING COMBINING, "\\xcc\\x81" COMBINING),
};

static void test_escapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(escapes); i++) {
		size_t len;
		char *out = escape(escapes[i].in, escapes[i].len, &len);

		assert_string_equal(out, escapes[i].out);
		free(out);
	}
}

struct range {
	uint32_t first, last;
};

/* Every character that must not reach a screen raw, whatever the libc thinks of it. */
static const struct range hidden[] = {
	{ 0x00, 0x1f },	    { 0x7f, 0x9f },	  { 0xad, 0xad },	  { 0x61c, 0x61c },
	{ 0x180e, 0x180e }, { 0x200b, 0x200f },	  { 0x2028, 0x202e },	  { 0x2060, 0x206f },
	{ 0xfe0f, 0xfe0f }, { 0xfeff, 0xfeff },	  { 0xfff9, 0xfffb },	  { 0xfffe, 0xffff },
	{ 0xd800, 0xdfff }, { 0xe0000, 0xe0fff }, { 0x10ffff, 0x10ffff },
};

static void test_hidden_characters(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(hidden); i++) {
		for (uint32_t c = hidden[i].first; c <= hidden[i].last; c++) {
			char text[8] = "a";
			const size_t n = 1 + encode(c, text + 1);
			size_t len;
			char *out = escape(text, n, &len);

			assert_int_equal(len, 1 + 4 * (n - 1));
			free(out);
		}
	}
}

/* Neighbours of the hidden ones, and spaces that do show. */
static void test_shown_characters(void **state)
{
	const uint32_t shown[] = { 0x20,   0x7e,    0xa0,    0xac,	  0xae,	   0x61b,
				   0x61e,  0x200a,  0x2010,  0x2027,	  0x202f,  0x205f,
				   0x2070, 0xd7a3,  0xe000,  0xfe10,	  0xff01,  0xfffc,
				   0xfffd, 0x10000, 0x1f600, 0xdffff - 2, 0xe1000, 0x10fffd };

	(void)state;
	for (size_t i = 0; i < COUNT(shown); i++) {
		char text[8] = "a";
		const size_t n = 1 + encode(shown[i], text + 1);
		size_t len;
		char *out = escape(text, n, &len);

		assert_int_equal(len, n);
		free(out);
	}
}

/* Each byte alone, at the start, and between others. */
static void test_all_bytes(void **state)
{
	char all[256];
	size_t len;
	char *out;

	(void)state;
	for (unsigned int b = 0; b < 256; b++) {
		const char text[3] = { 'a', (char)b, 'z' };

		all[b] = (char)b;
		out = escape(text, 3, &len);
		assert_int_equal(len, b >= 0x20 && b < 0x7f && b != '\\' ? 3 : b == '\\' ? 4 : 6);
		free(out);
		out = escape(text + 1, 1, &len);
		free(out);
	}
	out = escape(all, sizeof(all), &len);
	assert_int_equal(len, 32 * 4 + 94 + 2 + 4 + 128 * 4);
	free(out);
}

/* Texts of every length from a small generator: what escape() checks must hold for all. */
static void test_scrambled(void **state)
{
	static const char *const bits[] = { "a",    "\\",   "\n",	WIDE,		COMBINING,
					    "\xe4", "\xb8", "\xf0\x9f", "\xe2\x80\xae", "\xff" };
	uint32_t seed = 1;

	(void)state;
	for (unsigned int round = 0; round < 2000; round++) {
		char text[64] = "";
		size_t len;
		char *out;

		for (unsigned int i = 0; i < round % 16; i++) {
			seed = seed * 1664525 + 1013904223;
			strcat(text, bits[(seed >> 16) % COUNT(bits)]);
		}
		out = escape(text, strlen(text), &len);
		/* What has passed once is all printable: only backslashes are doubled again. */
		assert_true(fmt_width(out, len) <= len);
		free(out);
	}
}

struct width_case {
	const char *text;
	size_t cells;
};

static const struct width_case widths[] = {
	{ "", 0 },
	{ "abc", 3 },
	{ "\xc3\xa9", 1 }, /* U+00E9 */
	{ "e" COMBINING, 1 },
	{ WIDE, 2 },
	{ EMOJI, 2 },
	{ "\xea\xb0\x80", 2 }, /* U+AC00 Hangul */
	{ "\xef\xbc\xa1", 2 }, /* U+FF21 fullwidth A */
	{ "\xef\xbd\xb1", 1 }, /* U+FF71 halfwidth kana */
	{ "\xe3\x80\x80", 2 }, /* U+3000 ideographic space */
	{ CUT, 1 },
	{ "\xd8\xa7\xd9\x8e", 1 }, /* Arabic letter and vowel */
	{ "\xee\x80\x80", 1 },	   /* U+E000, private */
	{ "\xcd\xb8", 1 },	   /* U+0378, not given to any character yet */
	{ "a" WIDE "b" COMBINING EMOJI, 6 },
	{ "\\x1b", 4 },
};

static void assert_widths(void)
{
	for (size_t i = 0; i < COUNT(widths); i++)
		assert_int_equal(fmt_width(widths[i].text, strlen(widths[i].text)),
				 widths[i].cells);
}

/* The same in the C locale, in a locale of the environment, and before any setlocale. */
static void test_widths(void **state)
{
	(void)state;
	assert_widths();
	assert_non_null(setlocale(LC_ALL, "C"));
	assert_widths();
	setlocale(LC_ALL, "");
	assert_widths();
	assert_non_null(setlocale(LC_ALL, "C"));
}

/*
 * Where the libc has no C.UTF-8 our own blocks serve, and agree on these. A
 * process of its own, since the locale is looked for once.
 */
static void test_widths_without_locale(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		bool same = setenv("LOCPATH", "/nonexistent", 1) == 0;

		for (size_t i = 0; i < COUNT(widths); i++)
			same = same &&
			       fmt_width(widths[i].text, strlen(widths[i].text)) == widths[i].cells;
		_exit(same ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A broken byte is one cell and nothing is read behind the end. */
static void test_width_of_bytes(void **state)
{
	char *text = malloc(2);

	(void)state;
	assert_non_null(text);
	text[0] = '\xe4';
	text[1] = '\xb8';
	assert_int_equal(fmt_width(text, 2), 2);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_widths_without_locale), /* first: before the locale is open */
		cmocka_unit_test(test_widths),		      /* before any setlocale */
		cmocka_unit_test(test_width_of_bytes),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_hidden_characters),
		cmocka_unit_test(test_shown_characters),
		cmocka_unit_test(test_all_bytes),
		cmocka_unit_test(test_scrambled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
