/*
 * Owns the printf-like formats of forms: reading them, and numbers and text by
 * them. No text of a user ever becomes a format of printf.
 */
#include "private.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- reading ------------------------------------------------------------------------- */

#define CONVERSIONS "diuxXogfsc"

/* A number of at most FORM_WIDTH_MAX at *p; false: it is more. */
static bool read_count(const char **p, const char *end, unsigned *n)
{
	for (*n = 0; *p < end && **p >= '0' && **p <= '9'; ++*p) {
		*n = *n * 10 + (unsigned)(**p - '0');
		if (*n > FORM_WIDTH_MAX)
			return false;
	}
	return true;
}

static bool read_flag(char c, struct form_format *out)
{
	bool *flag;

	switch (c) {
	case '-':
		flag = &out->minus;
		break;
	case '+':
		flag = &out->plus;
		break;
	case ' ':
		flag = &out->blank;
		break;
	case '#':
		flag = &out->hash;
		break;
	case '0':
		flag = &out->zero;
		break;
	default:
		return false;
	}
	*flag = true;
	return true;
}

/* A byte as it may stand in a message. */
static void shown(char c, char buf[8])
{
	if (c > ' ' && c < 0x7f)
		snprintf(buf, 8, "'%c'", c);
	else
		snprintf(buf, 8, "\\x%02x", (unsigned char)c);
}

/* Behind the % at *p. */
static int read_conversion(const char **p, const char *end, struct form_format *out,
			   struct nl_error *err)
{
	char name[8];

	while (*p < end && read_flag(**p, out))
		++*p;
	if (!read_count(p, end, &out->width))
		return nl_fail(err, EINVAL, "the width of a format is at most %d", FORM_WIDTH_MAX);
	if (*p < end && **p == '.') {
		++*p;
		out->precise = true;
		if (!read_count(p, end, &out->precision))
			return nl_fail(err, EINVAL, "the precision of a format is at most %d",
				       FORM_WIDTH_MAX);
	}
	if (*p == end)
		return nl_fail(err, EINVAL, "the format ends inside of its conversion");
	if (!**p || !strchr(CONVERSIONS, **p)) {
		shown(**p, name);
		return nl_fail(err, EINVAL,
			       "a format has no conversion %s; it is one of d i u x X o g f s c",
			       name);
	}
	out->conversion = **p == 'i' ? 'd' : **p;
	++*p;
	return 0;
}

int form_format_parse(struct form *f, const char *text, size_t len, struct form_format *out,
		      struct nl_error *err)
{
	const char *p = text, *end = text + len;
	struct fmt_text plain = { .p = NULL }; /* the text around the conversion */
	size_t head = 0;
	bool ok;

	memset(out, 0, sizeof(*out));
	while (p < end) {
		if (*p != '%' || (end - p > 1 && p[1] == '%')) {
			fmt_text_add(&plain, p, 1);
			p += *p == '%' ? 2 : 1;
			continue;
		}
		p++;
		if (out->conversion) {
			fmt_text_free(&plain);
			return nl_fail(err, EINVAL, "a format has one conversion, this has two");
		}
		if (read_conversion(&p, end, out, err) < 0) {
			fmt_text_free(&plain);
			return -1;
		}
		head = plain.len;
	}
	ok = !plain.failed && form_copy(f, plain.p, out->conversion ? head : 0, &out->head) &&
	     form_copy(f, plain.p ? plain.p + head : NULL, out->conversion ? plain.len - head : 0,
		       &out->tail);
	fmt_text_free(&plain);
	if (!ok)
		return nl_fail(err, ENOMEM, "out of memory");
	if (!out->conversion)
		return nl_fail(err, EINVAL,
			       "a format has a conversion such as %%s or %%u; a text that is the "
			       "same for all values is a part of its own");
	return 0;
}

/* ---- writing ------------------------------------------------------------------------- */

void put_clean(const char *text, size_t len, struct fmt_text *out)
{
	char *to = fmt_text_room(out, len);

	if (!to)
		return;
	for (size_t i = 0; i < len; i++)
		to[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '.' : text[i];
	out->len += len;
}

static void put_fill(struct fmt_text *out, char c, size_t n)
{
	char *to = n ? fmt_text_room(out, n) : NULL;

	if (!to)
		return;
	memset(to, c, n);
	out->len += n;
}

void put_text(const struct form_format *fmt, const char *text, size_t len, bool outside,
	      struct fmt_text *out)
{
	size_t fill;

	if (fmt->precise && len > fmt->precision)
		len = fmt->precision;
	fill = fmt->width > len ? fmt->width - len : 0;
	fmt_text_add(out, fmt->head.p, fmt->head.len);
	if (!fmt->minus)
		put_fill(out, ' ', fill);
	if (outside)
		put_clean(text, len, out);
	else
		fmt_text_add(out, text, len);
	if (fmt->minus)
		put_fill(out, ' ', fill);
	fmt_text_add(out, fmt->tail.p, fmt->tail.len);
}

/* The digits of n, ending at end; returns where they begin. */
static char *digits(uint64_t n, unsigned base, bool upper, char *end)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	if (base == 10)
		for (; n; n /= 10)
			*--end = (char)('0' + n % 10);
	else
		for (; n; n /= base)
			*--end = set[n % base];
	return end;
}

/* sign, zeros and body, padded to the width by blanks, or by zeros behind the sign. */
static void put_padded(const struct form_format *fmt, const char *sign, size_t zeros,
		       const char *body, size_t len, bool by_zeros, struct fmt_text *out)
{
	size_t signs = strlen(sign), all = signs + zeros + len;
	size_t fill = fmt->width > all ? fmt->width - all : 0;
	char *to, *at;

	if (by_zeros) {
		zeros += fill;
		fill = 0;
	}
	to = fmt_text_room(out, fmt->head.len + signs + zeros + len + fill + fmt->tail.len);
	if (!to)
		return;
	at = to;
	if (fmt->head.len)
		at = mempcpy(at, fmt->head.p, fmt->head.len);
	if (fill && !fmt->minus) {
		memset(at, ' ', fill);
		at += fill;
	}
	if (signs)
		at = mempcpy(at, sign, signs);
	if (zeros) {
		memset(at, '0', zeros);
		at += zeros;
	}
	at = mempcpy(at, body, len);
	if (fill && fmt->minus) {
		memset(at, ' ', fill);
		at += fill;
	}
	if (fmt->tail.len)
		at = mempcpy(at, fmt->tail.p, fmt->tail.len);
	out->len += (size_t)(at - to);
}

static const char *sign_of(const struct form_format *fmt, bool negative)
{
	return negative ? "-" : fmt->plus ? "+" : fmt->blank ? " " : "";
}

static void put_whole(const struct form_format *fmt, const struct number *n, struct fmt_text *out)
{
	char buf[32], *end = buf + sizeof(buf), *p;
	bool is_signed = fmt->conversion == 'd';
	uint64_t value = n->negative && !is_signed ? -n->mag : n->mag;
	unsigned base = fmt->conversion == 'o' ? 8 : (fmt->conversion | 0x20) == 'x' ? 16 : 10;
	const char *sign = is_signed ? sign_of(fmt, n->negative && n->mag) : "";
	size_t len, least = fmt->precise ? fmt->precision : 1, zeros;

	p = digits(value, base, fmt->conversion == 'X', end);
	len = (size_t)(end - p);
	zeros = least > len ? least - len : 0;
	if (fmt->hash && base == 16 && value)
		sign = fmt->conversion == 'X' ? "0X" : "0x";
	else if (fmt->hash && base == 8 && zeros == 0)
		zeros = 1;
	put_padded(fmt, sign, zeros, p, len, fmt->zero && !fmt->minus && !fmt->precise, out);
}

/*
 * A number of at most six digits of which three are behind the point, as milliseconds of the
 * kernel's microseconds are, is what %g prints of it: its length, or 0 when it is none. printf
 * takes long.
 */
static int thousandths(const struct form_format *fmt, double real, char *buf)
{
	unsigned n, whole, part;
	char *p = buf;

	if (fmt->precise || fmt->hash || !(real >= 0.001 && real < 1000))
		return 0;
	n = (unsigned)lround(real * 1000);
	if (n >= 1000000 || n / 1000.0 != real)
		return 0;
	whole = n / 1000;
	part = n % 1000;
	if (whole >= 100)
		*p++ = (char)('0' + whole / 100);
	if (whole >= 10)
		*p++ = (char)('0' + whole / 10 % 10);
	*p++ = (char)('0' + whole % 10);
	if (part)
		*p++ = '.';
	for (unsigned unit = 100; part; part %= unit, unit /= 10)
		*p++ = (char)('0' + part / unit);
	return (int)(p - buf);
}

static void put_real(const struct form_format *fmt, const struct number *n, struct fmt_text *out)
{
	char buf[FORM_WIDTH_MAX + 400]; /* 309 digits before the point */
	int precision = fmt->precise ? (int)fmt->precision : 6;
	double real = fabs(n->real);
	int len = fmt->conversion == 'g' ? thousandths(fmt, real, buf) : 0;

	if (!len && fmt->conversion == 'g')
		len = fmt->hash ? snprintf(buf, sizeof(buf), "%#.*g", precision, real)
				: snprintf(buf, sizeof(buf), "%.*g", precision, real);
	else if (!len)
		len = fmt->hash ? snprintf(buf, sizeof(buf), "%#.*f", precision, real)
				: snprintf(buf, sizeof(buf), "%.*f", precision, real);
	put_padded(fmt, sign_of(fmt, signbit(n->real)), 0, buf, (size_t)len,
		   fmt->zero && !fmt->minus && isfinite(real), out);
}

/* Reals that print as their whole number does: printf takes ten times as long. */
static bool prints_whole(const struct form_format *fmt, const struct number *n)
{
	if (!n->exact || fmt->hash)
		return false;
	if (fmt->conversion == 'g')
		return !fmt->precise && n->mag < 1000000;
	return fmt->precise && fmt->precision == 0 && n->mag < (UINT64_C(1) << 53);
}

/* Is it a plain %d or %u, as most are? */
static bool is_bare(const struct form_format *fmt)
{
	return (fmt->conversion == 'd' || fmt->conversion == 'u') && !fmt->width && !fmt->precise &&
	       !fmt->plus && !fmt->blank;
}

static void put_bare(const struct form_format *fmt, uint64_t n, struct fmt_text *out)
{
	char buf[20], *end = buf + sizeof(buf), *p = n ? digits(n, 10, false, end) : end - 1;
	size_t len = (size_t)(end - p);
	char *to = fmt_text_room(out, fmt->head.len + len + fmt->tail.len);

	if (!to)
		return;
	if (!n)
		*p = '0';
	if (fmt->head.len)
		memcpy(to, fmt->head.p, fmt->head.len);
	memcpy(to + fmt->head.len, p, len);
	if (fmt->tail.len)
		memcpy(to + fmt->head.len + len, fmt->tail.p, fmt->tail.len);
	out->len += fmt->head.len + len + fmt->tail.len;
}

void put_number(const struct form_format *fmt, const struct number *n, struct fmt_text *out)
{
	struct form_format whole;
	char byte;

	if (!n->negative && is_bare(fmt)) {
		put_bare(fmt, n->mag, out);
		return;
	}
	switch (fmt->conversion) {
	case 'c':
		byte = (char)n->mag;
		put_text(fmt, &byte, 1, true, out);
		break;
	case 'g':
	case 'f':
		if (!prints_whole(fmt, n)) {
			put_real(fmt, n, out);
			break;
		}
		whole = *fmt;
		whole.conversion = 'd';
		whole.precise = false;
		put_whole(&whole, n, out);
		break;
	default:
		put_whole(fmt, n, out);
		break;
	}
}

void put_plain(const struct number *n, struct fmt_text *out)
{
	static const struct form_format whole = { .conversion = 'd' };
	static const struct form_format real = { .conversion = 'g',
						 .precise = true,
						 .precision = 14 };

	put_number(n->exact ? &whole : &real, n, out);
}
