/* Aligned tables: columns, filling, cutting at a terminal's width, hostile cells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "format/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define COMBINING "\xcc\x81"	     /* U+0301, an acute accent */
#define WIDE	  "\xe4\xb8\xad"     /* U+4E2D, two cells */
#define EMOJI	  "\xf0\x9f\x98\x80" /* U+1F600, two cells */
#define CUT	  "\xe2\x80\xa6"     /* U+2026 */

/* A column per letter of aligns ('<' left, '>' right), titles A B C ... */
static struct fmt_table *table(const char *aligns)
{
	static const char *const titles[] = { "A", "B", "C", "D" };
	struct fmt_column columns[COUNT(titles)] = { { 0 } };
	const size_t n = strlen(aligns);
	struct fmt_table *t;

	assert_true(n <= COUNT(columns));
	for (size_t i = 0; i < n; i++) {
		columns[i].title = titles[i];
		columns[i].align = aligns[i] == '>' ? FMT_RIGHT : FMT_LEFT;
	}
	t = fmt_table_new(columns, n);
	assert_non_null(t);
	return t;
}

/* Adds the cells of a line, separated by '|'. */
static void add(struct fmt_table *t, const char *line)
{
	for (;;) {
		const size_t n = strcspn(line, "|");

		assert_true(fmt_table_cell(t, line, n));
		if (line[n] == '\0')
			return;
		line += n + 1;
	}
}

typedef bool (*writer)(const struct fmt_table *t, FILE *out, size_t width);

/* What the writer writes; the caller frees it. */
static char *written(writer write, const struct fmt_table *t, size_t width)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_true(write(t, out, width));
	assert_int_equal(fclose(out), 0);
	assert_int_equal(strlen(text), len);
	return text;
}

static void assert_written(const struct fmt_table *t, size_t width, const char *expected)
{
	char *text = written(fmt_table_write, t, width);

	assert_string_equal(text, expected);
	free(text);
}

static void test_alignment(void **state)
{
	struct fmt_table *t = table("<>");

	(void)state;
	add(t, "tcp|80");
	add(t, "unix|65535");
	assert_int_equal(fmt_table_rows(t), 2);
	assert_written(t, 0,
		       "A         B\n"
		       "tcp      80\n"
		       "unix  65535\n");
	fmt_table_free(t);
}

static void test_no_rows(void **state)
{
	struct fmt_table *t = table("<><");

	(void)state;
	assert_int_equal(fmt_table_rows(t), 0);
	assert_written(t, 0, "A  B  C\n");
	fmt_table_free(t);
	assert_null(fmt_table_new(NULL, 0));
	fmt_table_free(NULL);
}

static void test_no_filling_at_line_end(void **state)
{
	struct fmt_table *t = table("<<<");

	(void)state;
	add(t, "aaa|bbb|ccc");
	add(t, "a||");
	add(t, "|b|");
	add(t, "||");
	assert_written(t, 0,
		       "A    B    C\n"
		       "aaa  bbb  ccc\n"
		       "a\n"
		       "     b\n"
		       "\n");
	fmt_table_free(t);
}

static void test_missing_cells(void **state)
{
	struct fmt_table *t = table("<>>");

	(void)state;
	add(t, "a|1|2");
	add(t, "b|22");
	assert_int_equal(fmt_table_rows(t), 2);
	assert_written(t, 0,
		       "A   B  C\n"
		       "a   1  2\n"
		       "b  22\n");
	fmt_table_free(t);
}

static void test_wide_cells(void **state)
{
	struct fmt_table *t = table("<><");

	(void)state;
	add(t, WIDE WIDE "|" EMOJI "|x");
	add(t, "e" COMBINING "|1|x");
	add(t, "abc|1234|x");
	assert_written(t, 0,
		       "A        B  C\n" WIDE WIDE "    " EMOJI "  x\n"
		       "e" COMBINING "        1  x\n"
		       "abc   1234  x\n");
	fmt_table_free(t);
}

/* A mark that opens a cell must not land on the blank that separates the columns. */
static void test_opening_mark(void **state)
{
	struct fmt_table *t = table("<<");

	(void)state;
	add(t, "a|" COMBINING "b");
	assert_written(t, 0,
		       "A  B\n"
		       "a  \\xcc\\x81b\n");
	fmt_table_free(t);
}

/* Hostile bytes in titles and cells: of all that is below a blank, only line ends leave. */
static void test_hostile_cells(void **state)
{
	const struct fmt_column column = { .title = "ti\ttle\n" };
	struct fmt_table *t = fmt_table_new(&column, 1);
	size_t lines = 0;
	char *text;

	(void)state;
	assert_non_null(t);
	for (unsigned int b = 0; b < 256; b++) {
		const char cell[3] = { 'a', (char)b, (char)b };

		assert_true(fmt_table_cell(t, cell, sizeof(cell)));
	}
	for (size_t width = 0; width < 12; width++) {
		text = written(fmt_table_write, t, width);
		lines = 0;
		for (size_t i = 0; text[i] != '\0'; i++) {
			lines += text[i] == '\n';
			assert_true(text[i] == '\n' || (unsigned char)text[i] >= 0x20);
			assert_int_not_equal(text[i], 0x7f);
		}
		assert_int_equal(lines, 257);
		free(text);
	}
	fmt_table_free(t);
}

struct cut_case {
	size_t width;
	const char *line;
};

/* The line is "ab", two blanks, WIDE "c", two blanks, "d": ten cells. */
static const struct cut_case cuts[] = {
	{ 0, "ab  " WIDE "c  d" },
	{ 11, "ab  " WIDE "c  d" },
	{ 10, "ab  " WIDE "c  d" },
	{ 9, "ab  " WIDE "c " CUT },
	{ 8, "ab  " WIDE "c" CUT },
	{ 7, "ab  " WIDE CUT },
	{ 6, "ab  " CUT }, /* the wide one would need two cells, one is left */
	{ 5, "ab  " CUT },
	{ 4, "ab " CUT },
	{ 3, "ab" CUT },
	{ 2, "a" CUT },
	{ 1, CUT },
};

static void test_cut(void **state)
{
	struct fmt_table *t = table("<<<");

	(void)state;
	add(t, "ab|" WIDE "c|d");
	for (size_t i = 0; i < COUNT(cuts); i++) {
		char *text = written(fmt_table_write, t, cuts[i].width);
		char *line = strchr(text, '\n');

		assert_non_null(line);
		line++;
		assert_true(strlen(line) > 0);
		line[strlen(line) - 1] = '\0';
		assert_string_equal(line, cuts[i].line);
		free(text);
	}
	fmt_table_free(t);
}

/* Marks go with their letter, and a row that fits is not cut because another is. */
static void test_cut_marks(void **state)
{
	struct fmt_table *t = table("<");

	(void)state;
	add(t, "e" COMBINING "e" COMBINING "e" COMBINING);
	add(t, "ee");
	assert_written(t, 2, "A\ne" COMBINING CUT "\nee\n");
	assert_written(t, 3, "A\ne" COMBINING "e" COMBINING "e" COMBINING "\nee\n");
	fmt_table_free(t);
}

/* No line of any table is wider than the terminal. */
static void test_cut_width(void **state)
{
	struct fmt_table *t = table("<>>");

	(void)state;
	add(t, WIDE WIDE "|" EMOJI "1|x");
	add(t, "\x1b[2J|e" COMBINING "|" WIDE);
	for (size_t width = 1; width < 30; width++) {
		char *text = written(fmt_table_write, t, width);

		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			assert_true(fmt_width(line, strlen(line)) <= width);
		free(text);
	}
	fmt_table_free(t);
}

/* Many cells: blocks grow under the rows that are there already. */
static void test_many_rows(void **state)
{
	enum { ROWS = 3000 };
	struct fmt_table *t = table("<>");
	size_t lines = 0;
	char *text;

	(void)state;
	for (unsigned int i = 0; i < ROWS; i++) {
		char number[16];

		snprintf(number, sizeof(number), "%u", i);
		assert_true(fmt_table_cell(t, "row\t", 4));
		assert_true(fmt_table_cell(t, number, strlen(number)));
	}
	assert_int_equal(fmt_table_rows(t), ROWS);
	text = written(fmt_table_write, t, 0);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char expected[32];

		if (lines > 0) {
			snprintf(expected, sizeof(expected), "row\\x09  %4zu", lines - 1);
			assert_string_equal(line, expected);
		}
		lines++;
	}
	assert_int_equal(lines, ROWS + 1);
	free(text);
	fmt_table_free(t);
}

/* Filling wider than the block of blanks that is written at once. */
static void test_long_filling(void **state)
{
	struct fmt_table *t = table("><");
	char cell[201], expected[1024];

	(void)state;
	memset(cell, 'x', sizeof(cell) - 1);
	cell[sizeof(cell) - 1] = '\0';
	add(t, cell);
	assert_true(fmt_table_cell(t, "y", 1));
	add(t, "1|z");
	snprintf(expected, sizeof(expected), "%200s  B\n%s  y\n%200s  z\n", "A", cell, "1");
	assert_written(t, 0, expected);
	fmt_table_free(t);
}

static void test_refusing_stream(void **state)
{
	struct fmt_table *t = table("<");
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	assert_int_equal(setvbuf(full, NULL, _IONBF, 0), 0);
	add(t, "a");
	assert_false(fmt_table_write(t, full, 0));
	fclose(full);
	fmt_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_no_rows),
		cmocka_unit_test(test_no_filling_at_line_end),
		cmocka_unit_test(test_missing_cells),
		cmocka_unit_test(test_wide_cells),
		cmocka_unit_test(test_opening_mark),
		cmocka_unit_test(test_hostile_cells),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_marks),
		cmocka_unit_test(test_cut_width),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_long_filling),
		cmocka_unit_test(test_refusing_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
