/* What programs read of the writer: JSON, CSV, TSV and Markdown, exact and without loss. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "format_rows.h"

#include <math.h>

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
	{ .name = "state", .title = "State" },
	{ .name = "sendq", .unit = "bytes", .scale = FMT_BYTES, .align = FMT_RIGHT },
	{ .name = "rtt", .unit = "s", .scale = FMT_SECONDS, .align = FMT_RIGHT },
	{ .name = "pids", .none = "*" },
};

static const struct fmt_cell texts[] = { TEXT("a,b"), TEXT(""), NIL, BOOL(false), REAL(NAN) };
static const struct fmt_cell pids[] = { INT(1), INT(4096) };
static const struct fmt_cell nested[] = { INT(1), LIST(pids, 2) };

static const struct fmt_cell rows[] = {
	TEXT("estab"),
	INT(1536),
	REAL(0.0012),
	LIST(pids, 2),
	TEXT(""),
	INT(INT64_MIN),
	REAL(3.5e-05),
	LIST(pids, 0),
	NIL,
	NIL,
	REAL(-INFINITY),
	NIL,
	BOOL(true),
	INT(INT64_MAX),
	REAL(NAN),
	LIST(texts, 5),
	BOOL(false),
	INT(0),
	REAL(0.1 + 0.2),
	LIST(nested, 2),
	TEXT(" x"),
	INT(-1),
	REAL(1e300),
	TEXT("a|b\\|c"),
	TEXT("x "),
	INT(1),
	REAL(-0.0),
	TEXT("say \"hi\", you"),
	TEXT("<b>&"),
	INT(1),
	REAL(123456.75),
	TEXT("[x](y) `z` *w*"),
};

static void test_json(void **state)
{
	struct sheet s = SHEET(FMT_JSON, columns, rows);

	(void)state;
	/* neither of these makes a difference to programs */
	s.layout.human = s.layout.colour = true;
	s.layout.width = 10;
	assert_sheet(&s,
		     "{\"state\":\"estab\",\"sendq\":1536,\"rtt\":0.0012,\"pids\":[1,4096]}\n"
		     "{\"state\":\"\",\"sendq\":-9223372036854775808,\"rtt\":3.5e-05,\"pids\":[]}\n"
		     "{\"state\":null,\"sendq\":null,\"rtt\":null,\"pids\":null}\n"
		     "{\"state\":true,\"sendq\":9223372036854775807,\"rtt\":null,"
		     "\"pids\":[\"a,b\",\"\",null,false,null]}\n"
		     "{\"state\":false,\"sendq\":0,\"rtt\":0.30000000000000004,\"pids\":[1,null]}\n"
		     "{\"state\":\" x\",\"sendq\":-1,\"rtt\":1e+300,\"pids\":\"a|b\\\\|c\"}\n"
		     "{\"state\":\"x \",\"sendq\":1,\"rtt\":-0,\"pids\":\"say \\\"hi\\\", you\"}\n"
		     "{\"state\":\"<b>&\",\"sendq\":1,\"rtt\":123456.75,"
		     "\"pids\":\"[x](y) `z` *w*\"}\n");
	s.rows = 0;
	assert_sheet(&s, "");
}

static void test_csv(void **state)
{
	struct sheet s = SHEET(FMT_CSV, columns, rows);

	(void)state;
	s.layout.human = s.layout.colour = true;
	s.layout.width = 10;
	assert_sheet(&s, "state,sendq,rtt,pids\n"
			 "estab,1536,0.0012,1 4096\n"
			 "\"\",-9223372036854775808,3.5e-05,\"\"\n"
			 ",,-inf,\n"
			 "true,9223372036854775807,nan,\"a,b  - false nan\"\n"
			 "false,0,0.30000000000000004,1 -\n"
			 "\" x\",-1,1e+300,a|b\\\\|c\n"
			 "\"x \",1,-0,\"say \"\"hi\"\", you\"\n"
			 "<b>&,1,123456.75,[x](y) `z` *w*\n");
	s.layout.header = false;
	s.rows = 1;
	assert_sheet(&s, "estab,1536,0.0012,1 4096\n");
	s.rows = 0;
	assert_sheet(&s, "");
	s.layout.header = true;
	assert_sheet(&s, "state,sendq,rtt,pids\n");
	/* nothing at all before it: a list without items is an empty text */
	s.layout.header = false;
	s.cells = &rows[7];
	s.n = s.rows = 1;
	assert_sheet(&s, "\"\"\n");
}

static void test_tsv(void **state)
{
	struct sheet s = SHEET(FMT_TSV, columns, rows);

	(void)state;
	assert_sheet(&s, "state\tsendq\trtt\tpids\n"
			 "estab\t1536\t0.0012\t1 4096\n"
			 "\t-9223372036854775808\t3.5e-05\t\n"
			 "\t\t-inf\t\n"
			 "true\t9223372036854775807\tnan\ta,b  - false nan\n"
			 "false\t0\t0.30000000000000004\t1 -\n"
			 " x\t-1\t1e+300\ta|b\\\\|c\n"
			 "x \t1\t-0\tsay \"hi\", you\n"
			 "<b>&\t1\t123456.75\t[x](y) `z` *w*\n");
}

/* Two lines make it a table, so they come even without a header, and without rows. */
static void test_markdown(void **state)
{
	struct sheet s = SHEET(FMT_MARKDOWN, columns, rows);

	(void)state;
	s.rows = 1;
	assert_sheet(&s, "| State | sendq(bytes) | rtt(s) | pids |\n"
			 "| --- | ---: | ---: | --- |\n"
			 "| estab | 1536 | 0.0012 | 1 4096 |\n");
	s.layout.human = true;
	s.layout.header = false;
	s.rows = COUNT(rows) / COUNT(columns);
	assert_sheet(&s, "| State | sendq | rtt | pids |\n"
			 "| --- | ---: | ---: | --- |\n"
			 "| estab | 1.5K | 1.20ms | 1 4096 |\n"
			 "|  | -8.0E | 35us |  |\n"
			 "| - | - | -inf | * |\n"
			 "| true | 8.0E | nan | a,b  - false nan |\n"
			 "| false | 0 | 300ms | 1 - |\n"
			 "|  x | -1 | 1e+300 | a\\|b\\\\\\|c |\n"
			 "| x  | 1 | 0s | say \"hi\", you |\n"
			 "| \\<b>\\& | 1 | 1d10h | \\[x](y) \\`z\\` \\*w\\* |\n");
	s.rows = 0;
	assert_sheet(&s, "| State | sendq | rtt | pids |\n"
			 "| --- | ---: | ---: | --- |\n");
}

/* Names of columns may be hostile as well: `select` takes any. */
static void test_hostile_names(void **state)
{
	static const struct fmt_column one[] = { { .name = "a\"|,\n\033", .unit = "\t" } };
	static const struct fmt_cell cells[] = { INT(1) };
	static const char *const expected[FMT_FORMATS] = {
		[FMT_TABLE] = "a\"|,\\x0a\\x1b(\\x09)\n                 1\n",
		[FMT_VERTICAL] = "a\"|,\\x0a\\x1b  1 \\x09\n",
		[FMT_JSON] = "{\"a\\\"|,\\n\\u001b\":1}\n",
		[FMT_CSV] = "\"a\"\"|,\\x0a\\x1b\"\n1\n",
		[FMT_TSV] = "a\"|,\\x0a\\x1b\n1\n",
		[FMT_MARKDOWN] = "| a\"\\|,\\x0a\\x1b(\\x09) |\n| --- |\n| 1 |\n",
	};

	(void)state;
	for (unsigned int i = 0; i < FMT_FORMATS; i++) {
		struct fmt_column right = one[0];
		struct sheet s = SHEET((enum fmt_format)i, one, cells);

		right.align = i == FMT_TABLE ? FMT_RIGHT : FMT_LEFT;
		s.columns = &right;
		assert_sheet(&s, expected[i]);
	}
}

struct json_case {
	const char *in;
	size_t len;
	const char *out;
};

#define CASE(in, out)                   \
	{                               \
		in, sizeof(in) - 1, out \
	}

static const struct json_case strings[] = {
	CASE("\b\t\n\f\r", "\\u0008\\t\\n\\u000c\\r"),
	CASE("\0a", "\\u0000a"),
	CASE("\x7f\xc2\x80\xc2\x9b", "\\u007f\\u0080\\u009b"),
	CASE("\xe2\x80\xae\xe2\x80\x8b", "\\u202e\\u200b"),
	CASE("\xe2\x80\xa8", "\\u2028"),
	CASE("\xf3\xa0\x80\x81", "\\udb40\\udc01"), /* U+E0001, a tag */
	CASE("\xf0\x9f\xbf\xbe", "\\ud83f\\udffe"), /* U+1FFFE, no character */
	CASE("\xff\x80", "\\udcff\\udc80"),
	CASE("\xed\xa0\x80", "\\udced\\udca0\\udc80"), /* a surrogate in UTF-8 is none */
	CASE("\xc0\xaf", "\\udcc0\\udcaf"),
	CASE(WIDE EMOJI "e" COMBINING, WIDE EMOJI "e" COMBINING),
	CASE(COMBINING "e", "\\u0301e"),
	CASE("/</script>", "/</script>"),
};

static void test_json_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(strings); i++) {
		static const struct fmt_column one[] = { { .name = "a" } };
		const struct fmt_cell cell = { .kind = FMT_TEXT,
					       .text = { strings[i].in, strings[i].len } };
		struct sheet s = { .layout = { .format = FMT_JSON },
				   .columns = one,
				   .n = 1,
				   .cells = &cell,
				   .rows = 1 };
		char expected[128];

		snprintf(expected, sizeof(expected), "{\"a\":\"%s\"}\n", strings[i].out);
		assert_sheet(&s, expected);
	}
}

enum { RANDOM = 10000, LONGEST = 24 };

struct random_texts {
	char bytes[RANDOM][LONGEST];
	struct fmt_cell cells[RANDOM];
};

/* Any bytes, and more often than by chance those that mean something somewhere. */
static struct random_texts *random_texts(void)
{
	static const char *const bits[] = { ",",
					    "\"",
					    "\\",
					    " ",
					    "\n",
					    "\t",
					    "|",
					    "\\x0",
					    WIDE,
					    COMBINING,
					    EMOJI,
					    "\r",
					    "\xe4",
					    "\xf0",
					    "\xc2\x9b",
					    "\xe2\x80\xae",
					    "\x1b[",
					    "u00",
					    "\xed\xb2\x80",
					    "\xf3\xa0\x80\x81" };
	struct random_texts *t = calloc(1, sizeof(*t));
	uint32_t seed = 12345;

	assert_non_null(t);
	for (size_t i = 0; i < RANDOM; i++) {
		size_t len = 0, end;

		seed = seed * 1664525 + 1013904223;
		end = (seed >> 16) % (LONGEST - 4);
		while (len < end) {
			seed = seed * 1664525 + 1013904223;
			if (seed & 0x10000) {
				const char *bit = bits[(seed >> 17) % COUNT(bits)];

				memcpy(t->bytes[i] + len, bit, strlen(bit));
				len += strlen(bit);
			} else {
				t->bytes[i][len++] = (char)(seed >> 24);
			}
		}
		t->cells[i] = (struct fmt_cell){ .kind = FMT_TEXT, .text = { t->bytes[i], len } };
	}
	return t;
}

static void assert_no_control(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_true(text[i] == '\n' || text[i] == '\t' || (unsigned char)text[i] >= 0x20);
}

/* Writes the texts in two columns, and gives what is written below a header. */
static char *random_sheet(const struct random_texts *t, enum fmt_format format)
{
	static const struct fmt_column two[] = { { .name = "a" }, { .name = "b" } };
	struct sheet s = { .layout = { .format = format },
			   .columns = two,
			   .n = 2,
			   .cells = t->cells,
			   .rows = RANDOM / 2 };
	size_t len;
	char *text = sheet_text(&s, &len);

	assert_non_null(text);
	assert_int_equal(strlen(text), len);
	assert_no_control(text, len);
	return text;
}

static void test_json_round_trip(void **state)
{
	struct random_texts *t = random_texts();
	char *text = random_sheet(t, FMT_JSON), *out = malloc(strlen(text) + 1);
	const char *at = text;

	(void)state;
	assert_non_null(out);
	for (size_t i = 0; i < RANDOM; i++) {
		const char *key = i % 2 ? ",\"b\":" : "{\"a\":";
		size_t len;

		assert_memory_equal(at, key, 5);
		at = read_json_string(at + 5, out, &len);
		assert_int_equal(len, t->cells[i].text.len);
		assert_memory_equal(out, t->cells[i].text.p, len);
		if (i % 2) {
			assert_memory_equal(at, "}\n", 2);
			at += 2;
		}
	}
	assert_int_equal(*at, '\0');
	free(out);
	free(text);
	free(t);
}

static void test_csv_round_trip(void **state)
{
	struct random_texts *t = random_texts();
	char *text = random_sheet(t, FMT_CSV), *out = malloc(strlen(text) + 1);
	const char *at = text;

	(void)state;
	assert_non_null(out);
	for (size_t i = 0; i < RANDOM; i++) {
		size_t len;

		assert_null(memchr(at, '\t', strcspn(at, "\n")));
		at = read_csv_field(at, out, &len);
		len = read_escaped(out, len);
		assert_int_equal(len, t->cells[i].text.len);
		assert_memory_equal(out, t->cells[i].text.p, len);
		assert_int_equal(*at++, i % 2 ? '\n' : ',');
	}
	assert_int_equal(*at, '\0');
	free(out);
	free(text);
	free(t);
}

static void test_tsv_round_trip(void **state)
{
	struct random_texts *t = random_texts();
	char *text = random_sheet(t, FMT_TSV), *at = text;

	(void)state;
	for (size_t i = 0; i < RANDOM; i++) {
		const size_t n = strcspn(at, "\t\n");
		size_t len;

		assert_int_equal(at[n], i % 2 ? '\n' : '\t');
		len = read_escaped(at, n);
		assert_int_equal(len, t->cells[i].text.len);
		assert_memory_equal(at, t->cells[i].text.p, len);
		at += n + 1;
	}
	assert_int_equal(*at, '\0');
	free(text);
	free(t);
}

/* Cells of Markdown end at a bar that no backslash precedes; then the escapes are undone. */
static void test_markdown_round_trip(void **state)
{
	struct random_texts *t = random_texts();
	char *text = random_sheet(t, FMT_MARKDOWN), *at = text;

	(void)state;
	at = strchr(strchr(at, '\n') + 1, '\n') + 1;
	for (size_t i = 0; i < RANDOM; i++) {
		size_t len = 0;

		assert_memory_equal(at, "| ", 2);
		/* a backslash of fmt_escape never stands before one of these */
		for (at += 2; *at != '|'; at++) {
			assert_int_not_equal(*at, '\n');
			if (*at == '\\' && strchr("|<&[`*", at[1]))
				at++;
			text[len++] = *at;
			if (*at == '\\' && at[1] == '\\')
				text[len++] = *++at;
		}
		assert_int_equal(text[len - 1], ' ');
		len = read_escaped(text, len - 1);
		assert_int_equal(len, t->cells[i].text.len);
		assert_memory_equal(text, t->cells[i].text.p, len);
		if (i % 2) {
			assert_memory_equal(at, "|\n", 2);
			at += 2;
		}
	}
	assert_int_equal(*at, '\0');
	free(text);
	free(t);
}

/* One row is one line, whatever is in it. */
static void test_lines(void **state)
{
	static const struct {
		enum fmt_format format;
		size_t above;
	} cases[] = { { FMT_TABLE, 0 },
		      { FMT_JSON, 0 },
		      { FMT_CSV, 0 },
		      { FMT_TSV, 0 },
		      { FMT_MARKDOWN, 2 } };
	struct random_texts *t = random_texts();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *text = random_sheet(t, cases[i].format);
		size_t lines = 0;

		for (const char *at = text; (at = strchr(at, '\n')); at++)
			lines++;
		assert_int_equal(lines, RANDOM / 2 + cases[i].above);
		free(text);
	}
	free(t);
}

/* Rows do not wait: each is in the stream when the call is back. */
static void test_streaming(void **state)
{
	static const enum fmt_format formats[] = { FMT_VERTICAL, FMT_JSON, FMT_CSV, FMT_TSV,
						   FMT_MARKDOWN };
	static const struct fmt_column one[] = { { .name = "a" } };
	static const struct fmt_cell cells[] = { TEXT("first"), TEXT("second") };

	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++) {
		const struct fmt_layout layout = { .format = formats[i] };
		char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);
		struct fmt_writer *w = fmt_writer_new(&layout, one, 1, out);

		assert_non_null(w);
		assert_int_equal(fflush(out), 0);
		assert_int_equal(len, 0);
		for (size_t k = 0; k < COUNT(cells); k++) {
			assert_true(fmt_writer_row(w, &cells[k]));
			assert_int_equal(fflush(out), 0);
			assert_non_null(strstr(text, cells[k].text.p));
			assert_int_equal(text[len - 1], '\n');
		}
		fmt_writer_free(w);
		fclose(out);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_tsv),
		cmocka_unit_test(test_markdown),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_json_strings),
		cmocka_unit_test(test_json_round_trip),
		cmocka_unit_test(test_csv_round_trip),
		cmocka_unit_test(test_tsv_round_trip),
		cmocka_unit_test(test_markdown_round_trip),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_streaming),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
