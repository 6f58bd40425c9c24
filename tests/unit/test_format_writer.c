/* What people read of the writer: tables that fit a terminal, and the vertical form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "format_rows.h"

#define BOLD "\033[1m"
#define DIM  "\033[2m"
#define OFF  "\033[0m"

static void assert_sheet(const struct sheet *s, const char *expected)
{
	size_t len;
	char *text = sheet_text(s, &len);

	assert_non_null(text);
	assert_string_equal(text, expected);
	assert_int_equal(len, strlen(expected));
	free(text);
}

static const struct fmt_column columns[] = {
	{ .name = "proto" },
	{ .name = "sendq",
	  .title = "queue",
	  .unit = "bytes",
	  .scale = FMT_BYTES,
	  .align = FMT_RIGHT },
	{ .name = "rtt", .unit = "s", .scale = FMT_SECONDS, .align = FMT_RIGHT },
	{ .name = "lost", .unit = "packets", .align = FMT_RIGHT, .none = "*" },
	{ .name = "pids" },
};

static const struct fmt_cell pids[] = { INT(1), INT(4096), NIL };

static const struct fmt_cell rows[] = {
	TEXT("tcp"), INT(1536), REAL(0.0012), INT(-3),	  LIST(pids, 3), TEXT("a\nb\\"),
	NIL,	     REAL(200), NIL,	      BOOL(true), NIL,		 INT(7),
	NIL,	     NIL,	NIL,
};

static void test_table(void **state)
{
	struct sheet s = SHEET(FMT_TABLE, columns, rows);

	(void)state;
	assert_sheet(&s, "proto     queue(bytes)  rtt(s)  lost(packets)  pids\n"
			 "tcp               1536  0.0012             -3  1 4096 -\n"
			 "a\\x0ab\\\\             -     200              *  true\n"
			 "-                    7       -              *  -\n");
	s.layout.human = true;
	assert_sheet(&s, "proto     queue     rtt  lost(packets)  pids\n"
			 "tcp        1.5K  1.20ms             -3  1 4096 -\n"
			 "a\\x0ab\\\\      -   3m20s              *  true\n"
			 "-             7       -              *  -\n");
	s.layout.header = false;
	assert_sheet(&s, "tcp       1.5K  1.20ms  -3  1 4096 -\n"
			 "a\\x0ab\\\\     -   3m20s   *  true\n"
			 "-            7       -   *  -\n");
	s.rows = 0;
	assert_sheet(&s, "");
	s.layout.header = true;
	assert_sheet(&s, "proto  queue  rtt  lost(packets)  pids\n");
}

/* Codes around the titles and around what stands for no value; widths as without. */
static void test_colour(void **state)
{
	static const struct fmt_column two[] = { { .name = "a" },
						 { .name = "b", .align = FMT_RIGHT } };
	static const struct fmt_cell cells[] = { TEXT("x"), NIL,       NIL,
						 INT(100),  TEXT("-"), TEXT("\033[1m") };
	struct sheet s = SHEET(FMT_TABLE, two, cells);

	(void)state;
	s.layout.colour = true;
	assert_sheet(&s, BOLD "a        b" OFF "\n"
			      "x        " DIM "-" OFF "\n" DIM "-" OFF "      100\n"
			      "-  \\x1b[1m\n");
	s.layout.width = 4;
	assert_sheet(&s, BOLD "a  " CUT OFF "\n"
			      "x  " CUT "\n" DIM "-" OFF "  " CUT "\n"
			      "-  " CUT "\n");
	s.layout.width = 1;
	assert_sheet(&s, BOLD CUT OFF "\n" CUT "\n" CUT "\n" CUT "\n");
	s.layout.format = FMT_VERTICAL;
	s.layout.width = 0;
	assert_sheet(&s, "a  x\n\nb  100\n\na  -\nb  \\x1b[1m\n");
}

/* min holds always, max if there is a width; a title is never cut by max. */
static void test_min_max(void **state)
{
	static const struct fmt_column three[] = {
		{ .name = "a", .min = 4 },
		{ .name = "b", .max = 3 },
		{ .name = "title", .max = 2, .align = FMT_RIGHT },
	};
	static const struct fmt_cell cells[] = { TEXT("x"), TEXT("abcdef"), TEXT("1234567") };
	struct sheet s = SHEET(FMT_TABLE, three, cells);

	(void)state;
	assert_sheet(&s, "a     b         title\n"
			 "x     abcdef  1234567\n");
	s.layout.width = 80;
	assert_sheet(&s, "a     b    title\n"
			 "x     ab" CUT "  1234" CUT "\n");
	s.layout.header = false;
	assert_sheet(&s, "x     ab" CUT "  1" CUT "\n");
}

static const struct fmt_column shrinking[] = {
	{ .name = "a" },
	{ .name = "b", .fixed = true },
	{ .name = "long title" },
	{ .name = "d", .align = FMT_RIGHT },
};

static const struct fmt_cell shrunk[] = {
	TEXT("aaaaaaaaaaaaaaaaaaaa"),
	TEXT("bbbbbbbbbbbb"),
	TEXT("cccccccccccccccc"),
	TEXT("dd"),
	TEXT("a"),
	NIL,
	TEXT(WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE),
	TEXT("d"),
};

/* The widest give way first, down to a common width; what is fixed never does. */
static void test_shrinking(void **state)
{
	struct sheet s = SHEET(FMT_TABLE, shrinking, shrunk);

	(void)state;
	s.layout.width = 56; /* as wide as it is */
	assert_sheet(&s,
		     "a                     b             long title         d\n"
		     "aaaaaaaaaaaaaaaaaaaa  bbbbbbbbbbbb  cccccccccccccccc  dd\n"
		     "a                     -             " WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE
		     "   d\n");
	s.layout.width = 54;
	assert_sheet(&s,
		     "a                   b             long title         d\n"
		     "aaaaaaaaaaaaaaaaa" CUT "  bbbbbbbbbbbb  cccccccccccccccc  dd\n"
		     "a                   -             " WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE
		     "   d\n");
	s.layout.width = 44; /* both at 12: a wide character that does not fit leaves a cell free */
	assert_sheet(&s, "a             b             long title     d\n"
			 "aaaaaaaaaaa" CUT "  bbbbbbbbbbbb  ccccccccccc" CUT "  dd\n"
			 "a             -             " WIDE WIDE WIDE WIDE WIDE CUT "    d\n");
	s.layout.width = 38; /* not below 8, nor below the title */
	assert_sheet(&s, "a         b             long title   d\n"
			 "aaaaaaa" CUT "  bbbbbbbbbbbb  ccccccccc" CUT "  dd\n"
			 "a         -             " WIDE WIDE WIDE WIDE CUT "    d\n");
	s.layout.width = 37; /* then the line is cut */
	assert_sheet(&s, "a         b             long title  " CUT "\n"
			 "aaaaaaa" CUT "  bbbbbbbbbbbb  ccccccccc" CUT "  " CUT "\n"
			 "a         -             " WIDE WIDE WIDE WIDE CUT "   " CUT "\n");
}

static size_t cells_of_line(const char *line, size_t len)
{
	size_t codes = 0;

	for (size_t i = 0; i < len; i++)
		codes += line[i] == '\033' ? 4 : 0;
	/* a code counts as four one-cell bytes */
	return fmt_width(line, len) - codes;
}

/* No width is too small, and no line is wider than it. */
static void test_every_width(void **state)
{
	struct sheet s = SHEET(FMT_TABLE, shrinking, shrunk);

	(void)state;
	for (size_t width = 1; width < 70; width++) {
		for (unsigned int how = 0; how < 8; how++) {
			size_t len, lines = 0;
			char *text;

			s.layout.width = width;
			s.layout.header = how & 1;
			s.layout.colour = how & 2;
			s.layout.format = how & 4 ? FMT_VERTICAL : FMT_TABLE;
			text = sheet_text(&s, &len);
			assert_non_null(text);
			for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
				assert_true(cells_of_line(line, strlen(line)) <= width);
				lines++;
			}
			assert_int_equal(lines, how & 4 ? 7 : how & 1 ? 3 : 2);
			free(text);
		}
	}
}

/* Marks and wide characters are never torn, and never counted wrong. */
static void test_cut_characters(void **state)
{
	static const struct fmt_column one[] = { { .name = "a", .max = 4 } };
	static const struct fmt_cell cells[] = {
		TEXT("e" COMBINING "e" COMBINING "e" COMBINING "e" COMBINING),
		TEXT("e" COMBINING "e" COMBINING "e" COMBINING "e" COMBINING "x"),
		TEXT(EMOJI EMOJI),
		TEXT(EMOJI EMOJI EMOJI),
		TEXT("x" EMOJI EMOJI),
		TEXT("\x1b[2J"),
	};
	struct sheet s = SHEET(FMT_TABLE, one, cells);

	(void)state;
	s.layout.width = 80;
	assert_sheet(&s, "a\n"
			 "e" COMBINING "e" COMBINING "e" COMBINING "e" COMBINING "\n"
			 "e" COMBINING "e" COMBINING "e" COMBINING CUT "\n" EMOJI EMOJI
			 "\n" EMOJI CUT "\n"
			 "x" EMOJI CUT "\n"
			 "\\x1" CUT "\n");
}

static void test_vertical(void **state)
{
	struct sheet s = SHEET(FMT_VERTICAL, columns, rows);

	(void)state;
	assert_sheet(&s, "proto  tcp\n"
			 "sendq  1536 bytes\n"
			 "rtt    0.0012 s\n"
			 "lost   -3 packets\n"
			 "pids   1 4096 -\n"
			 "\n"
			 "proto  a\\x0ab\\\\\n"
			 "rtt    200 s\n"
			 "pids   true\n"
			 "\n"
			 "sendq  7 bytes\n");
	s.layout.human = true;
	s.layout.width = 12;
	assert_sheet(&s, "proto  tcp\n"
			 "sendq  1.5K\n"
			 "rtt    1.20" CUT "\n"
			 "lost   -3 p" CUT "\n"
			 "pids   1 40" CUT "\n"
			 "\n"
			 "proto  a\\x0" CUT "\n"
			 "rtt    3m20s\n"
			 "pids   true\n"
			 "\n"
			 "sendq  7\n");
	s.layout.width = 3;
	s.rows = 1;
	assert_sheet(&s, "pr" CUT "\nse" CUT "\nrt" CUT "\nlo" CUT "\npi" CUT "\n");
}

/* Names are as wide as those that are shown; a row of nothing is nothing. */
static void test_vertical_gaps(void **state)
{
	static const struct fmt_column two[] = { { .name = "a" },
						 { .name = WIDE WIDE, .unit = "B" } };
	static const struct fmt_cell cells[] = { NIL, NIL,	 TEXT("x"), NIL, NIL,
						 NIL, TEXT("y"), TEXT(""),  NIL, LIST(pids, 2) };
	struct sheet s = SHEET(FMT_VERTICAL, two, cells);

	(void)state;
	assert_sheet(&s, "a  x\n"
			 "\n"
			 "a     y\n" WIDE WIDE "\n"
			 "\n" WIDE WIDE "  1 4096 B\n");
	s.rows = 1;
	assert_sheet(&s, "");
}

static void test_names(void **state)
{
	enum fmt_format format = FMT_FORMATS;

	(void)state;
	for (unsigned int i = 0; i < FMT_FORMATS; i++) {
		assert_true(fmt_format_parse(fmt_format_name((enum fmt_format)i), &format));
		assert_int_equal(format, i);
	}
	assert_true(fmt_format_parse("json", &format));
	assert_int_equal(format, FMT_JSON);
	assert_false(fmt_format_parse("jso", &format));
	assert_false(fmt_format_parse("", &format));
	assert_false(fmt_format_parse("JSON", &format));
}

/* A table can begin again until its end; its widths do too. What is written stays written. */
static void test_reset(void **state)
{
	static const struct fmt_column one[] = { { .name = "a", .align = FMT_RIGHT } };
	static const struct fmt_cell wide = TEXT("wide cell"), narrow = TEXT("n");
	struct fmt_layout layout = { .header = true };

	(void)state;
	for (unsigned int i = 0; i < FMT_FORMATS; i++) {
		char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);
		struct fmt_writer *w;

		layout.format = (enum fmt_format)i;
		w = fmt_writer_new(&layout, one, 1, out);
		assert_non_null(w);
		assert_true(fmt_writer_reset(w));
		assert_true(fmt_writer_row(w, &wide));
		assert_int_equal(fmt_writer_reset(w), layout.format == FMT_TABLE);
		assert_true(fmt_writer_row(w, &narrow));
		assert_true(fmt_writer_end(w));
		assert_true(fmt_writer_end(w));
		assert_false(fmt_writer_reset(w));
		assert_false(fmt_writer_row(w, &narrow));
		fmt_writer_free(w);
		fclose(out);
		if (layout.format == FMT_TABLE)
			assert_string_equal(text, "a\nn\n");
		else
			assert_non_null(strstr(text, "wide cell"));
		free(text);
	}
}

/* More than the block of lines that is written at once. */
static void test_many_rows(void **state)
{
	static const struct fmt_column two[] = { { .name = "n", .align = FMT_RIGHT },
						 { .name = "t" } };
	enum { ROWS = 20000 };
	struct fmt_cell *cells = calloc(ROWS * 2, sizeof(*cells));
	struct sheet s = {
		.layout = { .format = FMT_TABLE }, .columns = two, .n = 2, .rows = ROWS
	};
	size_t len;
	char *text, *line;

	(void)state;
	assert_non_null(cells);
	for (size_t i = 0; i < ROWS; i++) {
		cells[i * 2] = (struct fmt_cell)INT((int64_t)i);
		cells[i * 2 + 1] = (struct fmt_cell)TEXT("tcp\t");
	}
	s.cells = cells;
	text = line = sheet_text(&s, &len);
	assert_non_null(text);
	assert_int_equal(len, ROWS * 15);
	for (size_t i = 0; i < ROWS; i++, line += 15) {
		char expected[32];

		snprintf(expected, sizeof(expected), "%5zu  tcp\\x09\n", i);
		assert_memory_equal(line, expected, 15);
	}
	free(text);
	free(cells);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	    cmocka_unit_test(test_colour),
		cmocka_unit_test(test_min_max),	    cmocka_unit_test(test_shrinking),
		cmocka_unit_test(test_every_width), cmocka_unit_test(test_cut_characters),
		cmocka_unit_test(test_vertical),    cmocka_unit_test(test_vertical_gaps),
		cmocka_unit_test(test_names),	    cmocka_unit_test(test_reset),
		cmocka_unit_test(test_many_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
