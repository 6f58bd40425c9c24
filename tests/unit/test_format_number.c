/* Numbers as text: exact ones read back as what they were, human ones are short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "format/private.h"

#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The slow way, which is the definition. */
static void shortest(double v, char out[64])
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(out, 64, "%.*g", digits, v);
		if (strtod(out, NULL) == v)
			return;
	}
}

static void assert_real(double v)
{
	char text[NUMBER_MAX + 1], expected[64];
	const size_t len = fmt_real(text, v);

	assert_true(len <= NUMBER_MAX);
	text[len] = '\0';
	shortest(v, expected);
	assert_string_equal(text, expected);
}

static void test_integers(void **state)
{
	static const int64_t numbers[] = {
		0,	   9,	       10,  99, 100,	   -1,	      65535,
		INT32_MIN, UINT32_MAX, -10, 1,	INT64_MAX, INT64_MIN, INT64_MIN + 1,
		1000000000
	};

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		char text[NUMBER_MAX + 1], expected[64];

		text[fmt_integer(text, numbers[i])] = '\0';
		snprintf(expected, sizeof(expected), "%" PRId64, numbers[i]);
		assert_string_equal(text, expected);
	}
}

static void test_reals(void **state)
{
	static const double numbers[] = { 0.0,	   -0.0,       1,	  -1,
					  0.5,	   0.1,	       0.2,	  0.3,
					  1e-6,	   3.5e-5,     35e-6,	  35 * 1e-6,
					  1e-4,	   1.2e-4,     9.9e-5,	  0.00123,
					  1.25e-6, 1e9,	       1e9 - 0.5, 999999999.999999,
					  1e14,	   1e15,       1e16,	  123456.75,
					  1.0 / 3, 2.0 / 3e6,  5e-324,	  DBL_MAX,
					  DBL_MIN, 1e22,       1e23,	  1e300,
					  0x1p53,  0x1p53 + 2, 0x1p63,	  -0x1p63,
					  1e-7,	   0.1 + 0.2,  100,	  1234.5,
					  1e-300,  -0.00005,   1e5 / 3,	  17.0001,
					  4.5e-6,  -12.000001 };

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++)
		assert_real(numbers[i]);
}

/* Every bit pattern is a double; what the kernel counts is a whole number of microseconds. */
static void test_random_reals(void **state)
{
	uint64_t seed = 88172645463325252u;

	(void)state;
	for (unsigned int i = 0; i < 200000; i++) {
		double v;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		memcpy(&v, &seed, sizeof(v));
		if (isfinite(v))
			assert_real(v);
		assert_real((double)(seed >> (i % 64)) / 1e6);
		assert_real((double)(seed >> (i % 64)) * 1e-6);
		assert_real((double)(seed >> (i % 64)) / 1000 * (i % 2 ? -1 : 1));
	}
}

static void test_no_numbers(void **state)
{
	char text[NUMBER_MAX];

	(void)state;
	assert_memory_equal(text, "nan", fmt_real(text, NAN));
	assert_memory_equal(text, "nan", fmt_real(text, -NAN));
	assert_memory_equal(text, "inf", fmt_real(text, INFINITY));
	assert_memory_equal(text, "-inf", fmt_real(text, -INFINITY));
}

struct human_case {
	double v;
	enum fmt_unit unit;
	const char *text;
};

#define K 1024.0

static const struct human_case humans[] = {
	{ 0, FMT_BYTES, "0" },
	{ 1, FMT_BYTES, "1" },
	{ 1023, FMT_BYTES, "1023" },
	{ 1024, FMT_BYTES, "1.0K" },
	{ 1536, FMT_BYTES, "1.5K" },
	{ 99.9 * K, FMT_BYTES, "99.9K" },
	{ 99.96 * K, FMT_BYTES, "100K" }, /* not 100.0K */
	{ 512 * K, FMT_BYTES, "512K" },
	{ 1023 * K, FMT_BYTES, "1023K" },
	{ 1023.4 * K, FMT_BYTES, "1023K" },
	{ 1023.6 * K, FMT_BYTES, "1.0M" }, /* not 1024K */
	{ 64 * K * K, FMT_BYTES, "64.0M" },
	{ 3 * K * K * K, FMT_BYTES, "3.0G" },
	{ K * K * K * K, FMT_BYTES, "1.0T" },
	{ K * K * K * K * K, FMT_BYTES, "1.0P" },
	{ K * K * K * K * K * K, FMT_BYTES, "1.0E" },
	{ 0x1p63, FMT_BYTES, "8.0E" },
	{ 1e30, FMT_BYTES, "1e+30" },
	{ -1536, FMT_BYTES, "-1.5K" },
	{ 12.34, FMT_BYTES, "12.3" },
	{ 0.02, FMT_BYTES, "0.0" },
	{ 512.5, FMT_BYTES, "513" },
	{ 99.96, FMT_BYTES, "100" },
	{ 1023.6, FMT_BYTES, "1.0K" },
	{ 0, FMT_RATE, "0/s" },
	{ 512, FMT_RATE, "512/s" },
	{ 1.5 * K * K, FMT_RATE, "1.5M/s" },
	{ NAN, FMT_RATE, "nan" },
	{ INFINITY, FMT_BYTES, "inf" },
	{ 0, FMT_SECONDS, "0s" },
	{ -0.0, FMT_SECONDS, "0s" },
	{ 5e-324, FMT_SECONDS, "0ns" },
	{ 250e-9, FMT_SECONDS, "250ns" },
	{ 999.6e-9, FMT_SECONDS, "1us" },
	{ 35e-6, FMT_SECONDS, "35us" },
	{ 999e-6, FMT_SECONDS, "999us" },
	{ 999.6e-6, FMT_SECONDS, "1.00ms" },
	{ 1.2e-3, FMT_SECONDS, "1.20ms" },
	{ 9.996e-3, FMT_SECONDS, "10.0ms" },
	{ 12.34e-3, FMT_SECONDS, "12.3ms" },
	{ 99.96e-3, FMT_SECONDS, "100ms" },
	{ 0.123, FMT_SECONDS, "123ms" },
	{ 0.9996, FMT_SECONDS, "1.0s" },
	{ 2.5, FMT_SECONDS, "2.5s" },
	{ 59.94, FMT_SECONDS, "59.9s" },
	{ 59.96, FMT_SECONDS, "1m00s" },
	{ 200, FMT_SECONDS, "3m20s" },
	{ 3599.4, FMT_SECONDS, "59m59s" },
	{ 3599.6, FMT_SECONDS, "1h00m" },
	{ 4 * 3600 + 5 * 60, FMT_SECONDS, "4h05m" },
	{ 24 * 3600 - 1, FMT_SECONDS, "1d00h" },
	{ 51 * 3600, FMT_SECONDS, "2d03h" },
	{ 400.5 * 24 * 3600, FMT_SECONDS, "400d12h" },
	{ -2.5, FMT_SECONDS, "-2.5s" },
	{ 0x1p63, FMT_SECONDS, "106751991167300d16h" },
	{ 1e300, FMT_SECONDS, "1e+300" },
	{ NAN, FMT_SECONDS, "nan" },
	{ 1536, FMT_PLAIN, "1536" },
};

static void test_human(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(humans); i++) {
		char text[NUMBER_MAX + 1];

		text[fmt_human(text, humans[i].v, humans[i].unit)] = '\0';
		assert_string_equal(text, humans[i].text);
	}
}

/* Sizes are short and durations go up, whatever the number. */
static void test_human_is_short(void **state)
{
	(void)state;
	for (double v = 1e-9; v < 0x1p63; v *= 1.003) {
		char text[NUMBER_MAX];
		const size_t len = fmt_human(text, v, FMT_BYTES);

		assert_true(len <= 5);
		assert_true(memchr(text, '\0', len) == NULL);
		assert_true(fmt_human(text, v, FMT_RATE) == len + 2);
		if (v < 99 * 86400)
			assert_true(fmt_human(text, v, FMT_SECONDS) <= 6);
	}
}

/* Makes a locale below dir whose point is a comma, from that of C.UTF-8; false: no such here. */
static bool make_comma_locale(const char *dir)
{
	char name[256], bytes[4096];
	FILE *from = fopen("/usr/lib/locale/C.utf8/LC_NUMERIC", "rb"), *to;
	const size_t n = from ? fread(bytes, 1, sizeof(bytes), from) : 0;
	uint32_t at = 0;

	if (from)
		fclose(from);
	/* the point is its first string; offsets begin behind two words */
	if (n > 12)
		memcpy(&at, bytes + 8, sizeof(at));
	if (at == 0 || at >= n || bytes[at] != '.')
		return false;
	bytes[at] = ',';
	snprintf(name, sizeof(name), "%s/comma", dir);
	if (mkdir(name, 0700) != 0)
		return false;
	snprintf(name, sizeof(name), "%s/comma/LC_NUMERIC", dir);
	to = fopen(name, "wb");
	return to && fwrite(bytes, 1, n, to) == n && fclose(to) == 0;
}

static void remove_comma_locale(const char *dir)
{
	char name[256];

	snprintf(name, sizeof(name), "%s/comma/LC_NUMERIC", dir);
	unlink(name);
	snprintf(name, sizeof(name), "%s/comma", dir);
	rmdir(name);
	rmdir(dir);
}

/* A comma for the point, as in much of the world, is no number in JSON. */
static void test_other_locale(void **state)
{
	char dir[] = "/tmp/connsh-locale-XXXXXX", text[NUMBER_MAX], comma[8] = "";
	bool found;

	(void)state;
	assert_non_null(mkdtemp(dir));
	found = make_comma_locale(dir) && setenv("LOCPATH", dir, 1) == 0 &&
		setlocale(LC_NUMERIC, "comma");
	snprintf(comma, sizeof(comma), "%.1f", 0.5);
	assert_int_equal(fmt_real(text, 1.0 / 3), 18);
	setlocale(LC_NUMERIC, "C");
	remove_comma_locale(dir);
	if (!found)
		skip();
	assert_string_equal(comma, "0,5");
	assert_memory_equal(text, "0.3333333333333333", 18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),     cmocka_unit_test(test_reals),
		cmocka_unit_test(test_random_reals), cmocka_unit_test(test_no_numbers),
		cmocka_unit_test(test_human),	     cmocka_unit_test(test_human_is_short),
		cmocka_unit_test(test_other_locale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
