/*
 * Fuzzes the selector translator: any bytes are a text.
 *
 * It must not crash, must keep every line end in order, and must find nothing to
 * do in its own output. Build with clang -fsanitize=fuzzer,address,undefined.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "connsh/selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_line_end(char c)
{
	return c == '\n' || c == '\r';
}

static void check_line_ends(const char *in, size_t len, const char *out, size_t out_len)
{
	size_t i = 0, k = 0;

	for (;;) {
		while (i < len && !is_line_end(in[i]))
			i++;
		while (k < out_len && !is_line_end(out[k]))
			k++;
		if (i == len && k == out_len)
			return;
		if (i == len || k == out_len || in[i++] != out[k++])
			abort();
	}
}

static void check_error(const struct selector_error *err)
{
	if (err->line < 1 || !err->text[0] || !memchr(err->text, 0, sizeof(err->text)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct selector_error err;
	char *out = NULL, *again = NULL;
	size_t len, len2;
	int rc = selector_translate(text, size, &out, &len, &err);

	if ((rc == 1) != (out != NULL) || rc == -2)
		abort();
	if (rc == -1)
		check_error(&err);
	if (rc != 1)
		return 0;
	if (out[len])
		abort();
	check_line_ends(text, size, out, len);
	if (selector_translate(out, len, &again, &len2, &err))
		abort();
	free(out);
	return 0;
}
