/* A stream that refuses, memory that runs out, and the smallest of everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "format_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

/* These need an allocator below ours, and a sanitizer has one of its own. */
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#define MEMORY_RUNS_OUT
#endif

static const struct fmt_column columns[] = {
	{ .name = "a", .title = "A", .unit = "s" },
	{ .name = "b", .none = "none", .scale = FMT_BYTES, .align = FMT_RIGHT },
};

static const struct fmt_cell row[] = { TEXT("te,xt\n"), INT(12345) };

/* Each error is told by the row or by the end, and again by the end. */
static void assert_refused(FILE *out, enum fmt_format format, size_t rows, int error)
{
	const struct fmt_layout layout = { .format = format, .header = true };
	struct fmt_writer *w = fmt_writer_new(&layout, columns, 2, out);
	bool good = true;

	assert_non_null(w);
	for (size_t i = 0; i < rows; i++) {
		errno = 0;
		if (!fmt_writer_row(w, row)) {
			good = false;
			assert_int_equal(errno, error);
		} else {
			assert_true(good); /* nothing is taken any more once it failed */
		}
	}
	for (unsigned int i = 0; i < 2; i++) {
		errno = 0;
		assert_false(fmt_writer_end(w));
		assert_int_equal(errno, error);
	}
	if (format != FMT_TABLE && rows > 0)
		assert_false(fmt_writer_reset(w));
	fmt_writer_free(w);
}

static void test_full_disk(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < FMT_FORMATS; i++) {
		FILE *out = fopen("/dev/full", "w");

		assert_non_null(out);
		assert_int_equal(setvbuf(out, NULL, _IONBF, 0), 0);
		assert_refused(out, (enum fmt_format)i, 3, ENOSPC);
		fclose(out);
		/* behind a buffer it comes out when that is full */
		out = fopen("/dev/full", "w");
		assert_non_null(out);
		assert_refused(out, (enum fmt_format)i, 10000, ENOSPC);
		fclose(out);
	}
}

static void test_closed_stream(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < FMT_FORMATS; i++) {
		FILE *out = fopen("/dev/null", "w"), *in = fopen("/dev/null", "r");

		assert_non_null(out);
		assert_non_null(in);
		assert_int_equal(setvbuf(out, NULL, _IONBF, 0), 0);
		assert_int_equal(close(fileno(out)), 0);
		assert_refused(out, (enum fmt_format)i, 3, EBADF);
		fclose(out);
		assert_refused(in, (enum fmt_format)i, 3, EBADF);
		fclose(in);
	}
}

/* No rows is no error, even where a header cannot be written before the first of them. */
static void test_header_refused(void **state)
{
	static const bool headed[FMT_FORMATS] = {
		[FMT_TABLE] = true, [FMT_CSV] = true, [FMT_TSV] = true, [FMT_MARKDOWN] = true
	};

	(void)state;
	for (unsigned int i = 0; i < FMT_FORMATS; i++) {
		const struct fmt_layout layout = { .format = (enum fmt_format)i, .header = true };
		FILE *out = fopen("/dev/full", "w");
		struct fmt_writer *w;

		assert_non_null(out);
		assert_int_equal(setvbuf(out, NULL, _IONBF, 0), 0);
		w = fmt_writer_new(&layout, columns, 2, out);
		assert_non_null(w);
		assert_int_equal(fmt_writer_end(w), !headed[i]);
		fmt_writer_free(w);
		fclose(out);
	}
}

static void test_smallest(void **state)
{
	static const struct fmt_column one[] = { { .name = "" } };
	static const struct fmt_cell cells[] = { NIL, { .kind = FMT_TEXT } };
	static const char *const expected[FMT_FORMATS] = {
		[FMT_TABLE] = "\n-\n\n",
		[FMT_VERTICAL] = "\n",
		[FMT_JSON] = "{\"\":null}\n{\"\":\"\"}\n",
		[FMT_CSV] = "\"\"\n\n\"\"\n",
		[FMT_TSV] = "\n\n\n",
		[FMT_MARKDOWN] = "|  |\n| --- |\n| - |\n|  |\n",
	};

	(void)state;
	for (unsigned int i = 0; i < FMT_FORMATS; i++) {
		struct sheet s = SHEET((enum fmt_format)i, one, cells);
		size_t len;
		char *text = sheet_text(&s, &len);

		assert_non_null(text);
		assert_string_equal(text, expected[i]);
		free(text);
		assert_null(fmt_writer_new(&s.layout, one, 0, stdout));
	}
	fmt_writer_free(NULL);
}

/* Strings of the columns may go away, and large texts come. */
static void test_copies(void **state)
{
	enum { LARGE = 1 << 20 };
	char name[] = "name", *large = malloc(LARGE);
	struct fmt_column column = { .name = name, .title = name, .unit = name, .none = name };
	const struct fmt_cell cells[2] = { NIL, { .kind = FMT_TEXT, .text = { large, LARGE } } };

	(void)state;
	assert_non_null(large);
	memset(large, '\n', LARGE);
	for (unsigned int i = 0; i < FMT_FORMATS; i++) {
		const struct fmt_layout layout = { .format = (enum fmt_format)i, .header = true };
		char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);
		struct fmt_writer *w;

		memcpy(name, "name", 4);
		w = fmt_writer_new(&layout, &column, 1, out);
		assert_non_null(w);
		memset(name, '?', 4);
		memset(&column, 0, sizeof(column));
		assert_true(fmt_writer_row(w, &cells[0]));
		assert_true(fmt_writer_row(w, &cells[1]));
		assert_true(fmt_writer_end(w));
		fmt_writer_free(w);
		fclose(out);
		assert_true(len >= 2 * LARGE);
		assert_non_null(strstr(text, "name"));
		assert_null(strchr(text, '?'));
		free(text);
		column = (struct fmt_column){
			.name = name, .title = name, .unit = name, .none = name
		};
	}
	free(large);
}

#ifdef MEMORY_RUNS_OUT
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static long allowed = LONG_MAX; /* allocations until memory runs out */
static long blocks;		/* allocated by these and not freed */

static bool may(void)
{
	if (allowed-- > 0)
		return true;
	allowed = 0;
	errno = ENOMEM;
	return false;
}

/* Of the whole program; the room asks for memory by no other name. */
void *calloc(size_t n, size_t size)
{
	void *p = may() ? __libc_calloc(n, size) : NULL;

	blocks += p != NULL;
	return p;
}

void *realloc(void *p, size_t size)
{
	void *grown = may() ? __libc_realloc(p, size) : NULL;

	blocks += grown && !p;
	return grown;
}

void free(void *p)
{
	blocks -= p != NULL;
	__libc_free(p);
}

/* Writes many rows; false if memory ran out, which must be said by ENOMEM or by no writer. */
static bool write_some(enum fmt_format format, FILE *out)
{
	const struct fmt_layout layout = { .format = format, .header = true, .width = 12 };
	struct fmt_writer *w = fmt_writer_new(&layout, columns, 2, out);
	bool good = true, ended;

	if (!w)
		return false;
	for (size_t i = 0; good && i < 300; i++) {
		errno = 0;
		good = fmt_writer_row(w, row);
		if (!good && errno != ENOMEM)
			abort();
	}
	errno = 0;
	ended = fmt_writer_end(w);
	if (ended && !good)
		abort();
	if (!ended && errno != ENOMEM)
		abort();
	fmt_writer_free(w);
	return good && ended;
}

/* Every allocation fails once: no crash, no leak, and never a silent success. */
static void test_no_memory(void **state)
{
	FILE *out = fopen("/dev/null", "w");

	(void)state;
	assert_non_null(out);
	for (unsigned int i = 0; i < FMT_FORMATS; i++) {
		long before;
		long steps = 0;
		bool good = false;

		assert_true(write_some((enum fmt_format)i, out)); /* the stream has its buffer */
		before = blocks;
		for (; !good && steps < 100; steps++) {
			allowed = steps;
			good = write_some((enum fmt_format)i, out);
			allowed = LONG_MAX;
		}
		assert_true(good);
		assert_true(steps > 4);
		assert_int_equal(blocks, before);
	}
	fclose(out);
}

/* A table that ran out of memory can begin again, since nothing of it is written. */
static void test_reset_after_no_memory(void **state)
{
	const struct fmt_layout layout = { .header = true };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct fmt_writer *w = fmt_writer_new(&layout, columns, 2, out);
	bool good = true;

	(void)state;
	assert_non_null(w);
	allowed = 0;
	for (size_t i = 0; good && i < 1000; i++)
		good = fmt_writer_row(w, row);
	allowed = LONG_MAX;
	assert_false(good);
	assert_false(fmt_writer_row(w, row));
	assert_true(fmt_writer_reset(w));
	assert_true(fmt_writer_row(w, row));
	assert_true(fmt_writer_end(w));
	fmt_writer_free(w);
	fclose(out);
	assert_string_equal(text, "A(s)           b\n"
				  "te,xt\\x0a  12345\n");
	free(text);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_disk),      cmocka_unit_test(test_closed_stream),
		cmocka_unit_test(test_header_refused), cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_copies),
#ifdef MEMORY_RUNS_OUT
		cmocka_unit_test(test_no_memory),      cmocka_unit_test(test_reset_after_no_memory),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
