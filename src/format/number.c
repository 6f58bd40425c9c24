/*
 * Owns numbers as text: exact, and scaled for people. Knows no column. Integers
 * and what the kernel counts in microseconds do without printf.
 */
#include "private.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

static size_t put_digits(char *out, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits), len;

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	len = sizeof(digits) - at;
	memcpy(out, digits + at, len);
	return len;
}

/* n with two digits at least. */
static size_t put_two(char *out, uint64_t n)
{
	if (n >= 10)
		return put_digits(out, n);
	out[0] = '0';
	out[1] = (char)('0' + n);
	return 2;
}

static size_t put_word(char *out, const char *word)
{
	const size_t len = strlen(word);

	memcpy(out, word, len);
	return len;
}

size_t fmt_integer(char out[NUMBER_MAX], int64_t n)
{
	if (n >= 0)
		return put_digits(out, (uint64_t)n);
	out[0] = '-';
	return 1 + put_digits(out + 1, 0 - (uint64_t)n);
}

static locale_t c_locale;

static void open_locale(void)
{
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* 17 digits tell all doubles apart, 15 are kept by all (DBL_DIG). */
static size_t shortest(char out[NUMBER_MAX], double v)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	locale_t before;
	int len = 0;

	pthread_once(&once, open_locale);
	before = uselocale(c_locale); /* a point is a point everywhere */
	for (int digits = 15; digits <= 17; digits++) {
		len = snprintf(out, NUMBER_MAX, "%.*g", digits, v);
		if (strtod(out, NULL) == v)
			break;
	}
	uselocale(before);
	return (size_t)len;
}

enum { MILLIONTHS = 1000000, DECIMALS = 6 };

/* n millionths, n > 0, written as %.15g would. */
static size_t put_millionths(char *out, uint64_t n)
{
	char digits[20];
	size_t len = put_digits(digits, n), at = 0;
	const int exponent = (int)len - 1 - DECIMALS;

	while (len > 1 && digits[len - 1] == '0')
		len--;
	if (exponent < -4) {
		out[at++] = digits[0];
		if (len > 1)
			out[at++] = '.';
		memcpy(out + at, digits + 1, len - 1);
		at += len - 1;
		return at + put_word(out + at, exponent == -5 ? "e-05" : "e-06");
	}
	if (exponent < 0) {
		at = put_word(out, "0.000") - 4 + (size_t)-exponent;
		memcpy(out + at, digits, len);
		return at + len;
	}
	for (size_t i = 0; i < len || i <= (size_t)exponent; i++) {
		if (i == (size_t)exponent + 1)
			out[at++] = '.';
		out[at++] = i < len ? digits[i] : '0';
	}
	return at;
}

/*
 * The common case, a whole number of millionths of at most 15 digits: such a
 * decimal is the only one of its length that reads as v, since the division is
 * rounded correctly, and so is reading.
 */
static bool in_millionths(double v, uint64_t *n)
{
	if (!(v > 0 && v < 1e9))
		return false;
	*n = (uint64_t)(v * MILLIONTHS + 0.5);
	return *n > 0 && (double)*n / MILLIONTHS == v;
}

size_t fmt_real(char out[NUMBER_MAX], double v)
{
	const bool negative = signbit(v);
	uint64_t n;

	if (isnan(v))
		return put_word(out, "nan");
	if (isinf(v))
		return put_word(out, negative ? "-inf" : "inf");
	out[0] = '-';
	if (v == floor(v) && fabs(v) < 1e15)
		return negative + put_digits(out + negative, (uint64_t)fabs(v));
	if (in_millionths(fabs(v), &n))
		return negative + put_millionths(out + negative, n);
	return shortest(out, v);
}

/* n / 10^decimals, with so many decimals. */
static size_t put_fixed(char *out, uint64_t n, unsigned decimals)
{
	size_t len = put_digits(out, n), whole;

	if (decimals == 0)
		return len;
	while (len <= decimals) {
		memmove(out + 1, out, len);
		out[0] = '0';
		len++;
	}
	whole = len - decimals;
	memmove(out + whole + 1, out + whole, decimals);
	out[whole] = '.';
	return len + 1;
}

static uint64_t rounded(double v)
{
	return (uint64_t)(v + 0.5);
}

/* v < 1024, in at most four characters; what is whole stays so. */
static size_t put_few(char *out, double v)
{
	if (v != floor(v) && rounded(v * 10) < 1000)
		return put_fixed(out, rounded(v * 10), 1);
	return put_digits(out, rounded(v));
}

/* v >= 0, in powers of 1024. What rounds to 1024 goes into the next one. */
static size_t put_size(char *out, double v)
{
	static const char letters[] = "KMGTPE";
	size_t len;

	if (rounded(v) < 1024)
		return put_few(out, v);
	for (size_t i = 0; letters[i]; i++) {
		v /= 1024;
		if (rounded(v) >= 1024 && letters[i + 1])
			continue;
		if (rounded(v * 10) < 1000)
			len = put_fixed(out, rounded(v * 10), 1);
		else
			len = put_digits(out, rounded(v));
		out[len++] = letters[i];
		return len;
	}
	return 0;
}

/* So many of the larger unit, and of the smaller in two digits. */
static size_t put_pair(char *out, uint64_t n, uint64_t per, char large, char small)
{
	size_t len = put_digits(out, n / per);

	out[len++] = large;
	len += put_two(out + len, n % per);
	out[len++] = small;
	return len;
}

/* Each step is left at what rounds to a whole of the next: 59.96 s is 1m00s, not 60.0s. */
static size_t put_seconds(char *out, double v)
{
	static const struct {
		double per_second;
		uint64_t below;
		unsigned decimals;
		const char *unit;
	} steps[] = {
		{ 1e9, 1000, 0, "ns" }, { 1e6, 1000, 0, "us" }, { 1e5, 1000, 2, "ms" },
		{ 1e4, 1000, 1, "ms" }, { 1e3, 1000, 0, "ms" }, { 10, 600, 1, "s" },
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const double n = v * steps[i].per_second;
		size_t len;

		if (n >= 1e6 || rounded(n) >= steps[i].below)
			continue;
		len = put_fixed(out, rounded(n), steps[i].decimals);
		return len + put_word(out + len, steps[i].unit);
	}
	if (rounded(v) < 3600)
		return put_pair(out, rounded(v), 60, 'm', 's');
	if (rounded(v / 60) < 24 * 60)
		return put_pair(out, rounded(v / 60), 60, 'h', 'm');
	return put_pair(out, rounded(v / 3600), 24, 'd', 'h');
}

/* Beyond this, sizes and durations are no measurements any more. */
#define LARGEST 0x1p+63

size_t fmt_human(char out[NUMBER_MAX], double v, enum fmt_unit unit)
{
	const bool negative = signbit(v) && v != 0;
	const double size = fabs(v);
	size_t len = negative;

	if (unit == FMT_PLAIN || !(size <= LARGEST))
		return fmt_real(out, v);
	out[0] = '-';
	if (unit == FMT_SECONDS)
		return len + (size == 0 ? put_word(out + len, "0s") : put_seconds(out + len, size));
	len += put_size(out + len, size);
	if (unit == FMT_RATE)
		len += put_word(out + len, "/s");
	return len;
}
