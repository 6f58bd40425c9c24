/*
 * Fuzzes what reads the value of a condition: the first byte chooses the field,
 * the second the operator, the rest is the text. What is accepted must match or
 * not match without reading beyond, and can be shown.
 */
#include "connsh/source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void match(const struct cond *c, const struct value *text)
{
	struct value v = { .kind = VALUE_INT };
	char shown[100];

	switch (c->field->type) {
	case FT_TEXT:
		v = *text;
		break;
	case FT_ADDR:
		v.kind = VALUE_ADDR;
		memset(&v.addr, 0, sizeof(v.addr));
		v.addr.family = AF_INET6;
		break;
	case FT_BOOL:
		v.kind = VALUE_BOOL;
		v.flag = true;
		break;
	case FT_DURATION:
	case FT_FLOAT:
		v.kind = VALUE_FLOAT;
		v.real = 0.5;
		break;
	default:
		v.num = 80;
		break;
	}
	cond_match_value(c, &v);
	cond_text(c, shown, sizeof(shown));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct field *f = source_sockets.fields;
	struct cond c = { 0 };
	struct value text = { .kind = VALUE_TEXT };
	struct nl_error err;
	char *copy;

	if (size < 2)
		return 0;
	for (unsigned i = data[0]; i > 0 && f[1].name; i--)
		f++;
	/* exactly the bytes, so that reading one more is seen */
	copy = malloc(size - 2 ? size - 2 : 1);
	if (!copy)
		abort();
	memcpy(copy, data + 2, size - 2);
	text.text.p = copy;
	text.text.len = size - 2;
	c.field = f;
	c.op = data[1] % OP_COUNT;
	if (cond_add(&c, &text, &err) == 0)
		match(&c, &text);
	cond_free(&c);
	free(copy);
	return 0;
}
