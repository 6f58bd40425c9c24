/*
 * Fuzzes forms: the first byte chooses what the rest is: a format that is read and, if it
 * is one, prints numbers and text; or what rpcbind replied. No format may print more than
 * its parts add up to, and nothing is read beyond the bytes.
 */
#include "view/private.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct source nothing = { .name = "nothing" };

static void print(const struct form_format *fmt, size_t len)
{
	static const double reals[] = { 0, -0.0, 0.5, -1e308, 1.0 / 3, 123456, 1e18 };
	struct fmt_text out = { .p = NULL };

	for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) {
		double whole = reals[i] < 0 ? -reals[i] : reals[i];
		struct number n = { .negative = reals[i] < 0, .real = reals[i] };

		n.mag = whole < 0x1p63 ? (uint64_t)whole : UINT64_MAX;
		n.exact = (double)n.mag == whole && whole < 0x1p53;
		out.len = 0;
		put_number(fmt, &n, &out);
		/* 309 digits and a sign, or the width or precision */
		if (out.len > len + 320 + 2 * FORM_WIDTH_MAX || out.len < fmt->width)
			abort();
	}
	out.len = 0;
	put_text(fmt, "a\nb", 3, true, &out);
	if (memchr(out.p + fmt->head.len, '\n', out.len - fmt->head.len - fmt->tail.len))
		abort();
	fmt_text_free(&out);
}

static void take(void *arg, uint16_t port, const char *proto, const char *program)
{
	(void)port;
	*(size_t *)arg += strlen(proto) + strlen(program);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct form_format fmt;
	struct nl_error err;
	struct form *form;
	size_t sum = 0;
	char *copy;

	if (size < 1)
		return 0;
	/* exactly the bytes, so that reading one more is seen */
	copy = malloc(size - 1 ? size - 1 : 1);
	if (!copy)
		abort();
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1) {
		rpcbind_read(copy, size - 1, take, &sum);
	} else {
		form = form_new(&nothing);
		if (form_format_parse(form, copy, size - 1, &fmt, &err) == 0)
			print(&fmt, size);
		form_free(form);
	}
	free(copy);
	return 0;
}
