/*
 * The rows of selector_rows.h, and texts too large for a row.
 *
 * Every row is a test of its own, named by its input. Rows without output must
 * come through as they are; rows with output must keep every line end in its
 * place and must translate to themselves the second time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connsh/selector.h"
#include "selector_rows.h"

/* The line ends of a text, in order, and nothing else of it. */
static void keep_line_ends(char *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n' || text[i] == '\r')
			*out++ = text[i];
	}
	*out = 0;
}

static void check_line_ends(const char *in, const char *out)
{
	char *before = malloc(strlen(in) + 1), *after = malloc(strlen(out) + 1);

	assert_non_null(before);
	assert_non_null(after);
	keep_line_ends(before, in, strlen(in));
	keep_line_ends(after, out, strlen(out));
	assert_string_equal(before, after);
	free(before);
	free(after);
}

/* From an exact-size heap copy, so that a read past the end is seen. */
static int translate(const char *text, char **out, size_t *len, struct selector_error *err)
{
	size_t n = strlen(text);
	char *copy = malloc(n ? n : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, text, n);
	rc = selector_translate(copy, n, out, len, err);
	free(copy);
	return rc;
}

static void test_example(void **state)
{
	const struct example *e = *state;
	struct selector_error err;
	char *out, *again;
	size_t len, len2;

	if (!e->out || !strcmp(e->in, e->out)) {
		assert_int_equal(translate(e->in, &out, &len, &err), 0);
		assert_null(out);
		return;
	}
	assert_int_equal(translate(e->in, &out, &len, &err), 1);
	assert_string_equal(out, e->out);
	assert_int_equal(len, strlen(out));
	check_line_ends(e->in, out);
	assert_int_equal(translate(out, &again, &len2, &err), 0);
	free(out);
}

static void test_mistake(void **state)
{
	const struct mistake *m = *state;
	struct selector_error err;
	char *out;
	size_t len;

	assert_int_equal(translate(m->in, &out, &len, &err), -1);
	assert_null(out);
	assert_string_equal(err.text, m->text);
	assert_int_equal(err.line, m->line);
	assert_int_equal(err.at_end, m->at_end);
}

/* A text with a NUL byte in a string is whole; one with a NUL between tokens stops there. */
static void test_nul_bytes(void **state)
{
	static const char inside[] = "f<a='\0'>", between[] = "f<a=1>\0f<b=2>";
	struct selector_error err;
	char *out;
	size_t len;

	(void)state;
	assert_int_equal(selector_translate(inside, sizeof(inside) - 1, &out, &len, &err), 1);
	assert_int_equal(len, sizeof("f{a=('\0'), [0]=\"a\"}") - 1);
	assert_memory_equal(out, "f{a=('\0'), [0]=\"a\"}", len);
	free(out);
	assert_int_equal(selector_translate(between, sizeof(between) - 1, &out, &len, &err), 1);
	assert_int_equal(len, sizeof("f{a=(1), [0]=\"a\"}\0f<b=2>") - 1);
	assert_memory_equal(out, "f{a=(1), [0]=\"a\"}\0f<b=2>", len);
	free(out);
}

/* Fills 1 MiB with copies of a piece and returns what becomes of it. */
static int translate_many(const char *piece, struct selector_error *err)
{
	size_t n = strlen(piece), copies = (1 << 20) / n, len;
	char *text = malloc(n * copies), *out;
	int rc;

	assert_non_null(text);
	for (size_t i = 0; i < copies; i++)
		memcpy(text + i * n, piece, n);
	rc = selector_translate(text, n * copies, &out, &len, err);
	if (rc == 1)
		assert_int_equal(out[len], 0);
	free(out);
	free(text);
	return rc;
}

/* A scan that is not linear, or that recurses, does not come to the end of these. */
static void test_hostile_size(void **state)
{
	static const struct {
		const char *piece;
		int rc;
	} rows[] = {
		{ "a<b<", 0 },	      { "a<b==", 0 },	      { "(a<b==", 0 },	{ "{a<b==1,", 0 },
		{ "a<b==1,", 0 },     { "a<b==c<d==1>+", 1 }, { "f<a=1>", 1 },	{ "f<>", 1 },
		{ "f<a=f<", -1 },     { "f<a=(", -1 },	      { "f<a=g+", -1 }, { "f<a=1,", -1 },
		{ "f<a=f{g<b=", -1 }, { "(((", 0 },	      { "[=", 0 },	{ "<a=1>", 0 },
	};
	struct selector_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(translate_many(rows[i].piece, &err), rows[i].rc);
}

/* Nesting beyond what Lua itself reads comes out well formed all the same. */
static void test_deep_nesting(void **state)
{
	enum { DEPTH = 100000, OPEN = 5, CLOSE = 1 };
	size_t size = (size_t)DEPTH * (OPEN + CLOSE) + 1, len;
	char *text = malloc(size), *out;
	struct selector_error err;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < DEPTH; i++)
		memcpy(text + i * OPEN, "f<ab=", OPEN);
	text[DEPTH * OPEN] = '1';
	memset(text + DEPTH * OPEN + 1, '>', DEPTH);
	assert_int_equal(selector_translate(text, size, &out, &len, &err), 1);
	/* each level gains "(" and `), [0]="ab"}` less the '>' */
	assert_int_equal(len, size + (size_t)DEPTH * (1 + strlen("), [0]=\"ab\"}") - 1));
	assert_string_equal(out + len - 24, "), [0]=\"ab\"}), [0]=\"ab\"}");
	free(out);
	free(text);
}

/* A hundred thousand names: the search for one given twice is not quadratic. */
static void test_many_names(void **state)
{
	enum { NAMES = 100000, WIDTH = 10 };
	char *text = malloc(2 + NAMES * WIDTH + 16), *out, *at = text;
	struct selector_error err;
	size_t len;

	(void)state;
	assert_non_null(text);
	at += sprintf(at, "f<");
	for (int i = 0; i < NAMES; i++)
		at += sprintf(at, "n%06d=1,", i);
	assert_int_equal(selector_translate(text, at - text, &out, &len, &err), -1);
	assert_true(err.at_end);
	strcpy(at, ">");
	assert_int_equal(selector_translate(text, at + 1 - text, &out, &len, &err), 1);
	free(out);
	strcpy(at, "\nn000007=2>");
	assert_int_equal(selector_translate(text, at + 11 - text, &out, &len, &err), -1);
	assert_int_equal(err.line, 2);
	assert_non_null(strstr(err.text, "'n000007' is given twice"));
	free(text);
}

#define ROWS(array) (sizeof(array) / sizeof((array)[0]))

static struct CMUnitTest tests[512];
static size_t test_count;

/* The input as a test's name: one line, no byte that a reader of the report trips over. */
static char *make_name(const char *group, const char *in)
{
	char *name = malloc(strlen(group) + 4 * strlen(in) + 3), *at = name;

	if (!name)
		abort();
	at += sprintf(at, "%s: ", group);
	for (; *in; in++) {
		unsigned char c = *in;

		if (c < ' ' || c > '~' || c == '#')
			at += sprintf(at, "\\%03o", c);
		else
			*at++ = c;
	}
	*at = 0;
	return name;
}

static void add_test(char *name, CMUnitTestFunction function, const void *state)
{
	if (test_count == ROWS(tests))
		abort();
	tests[test_count++] = (struct CMUnitTest){
		.name = name,
		.test_func = function,
		.initial_state = (void *)state,
	};
}

static void add_examples(const char *group, const struct example *e, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_test(make_name(group, e[i].in), test_example, &e[i]);
}

static void add_mistakes(void)
{
	for (size_t i = 0; i < ROWS(mistakes); i++)
		add_test(make_name("mistake", mistakes[i].in), test_mistake, &mistakes[i]);
}

int main(void)
{
	int failed;

	add_examples("certain", certain, ROWS(certain));
	add_examples("splitting", splitting, ROWS(splitting));
	add_examples("rule a", rule_a, ROWS(rule_a));
	add_examples("rule b", rule_b, ROWS(rule_b));
	add_examples("rule c", rule_c, ROWS(rule_c));
	add_examples("value", values, ROWS(values));
	add_examples("layout", layout, ROWS(layout));
	add_examples("plain", plain, ROWS(plain));
	add_examples("broken", broken, ROWS(broken));
	add_mistakes();
	add_test(make_name("whole", "NUL bytes"), test_nul_bytes, NULL);
	add_test(make_name("whole", "hostile size"), test_hostile_size, NULL);
	add_test(make_name("whole", "deep nesting"), test_deep_nesting, NULL);
	add_test(make_name("whole", "many names"), test_many_names, NULL);
	failed = _cmocka_run_group_tests("selector", tests, test_count, NULL, NULL);
	for (size_t i = 0; i < test_count; i++)
		free((char *)tests[i].name);
	return failed;
}
