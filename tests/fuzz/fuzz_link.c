/*
 * Fuzzes what reads a link: the bytes are one message of rtnetlink, in a block of
 * exactly its size; every field is decoded, items of lists too, and shown.
 */
#include "connsh/source.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reading all of the text lets ASan see. */
static void show(const struct field *f, const struct value *v)
{
	char buf[VALUE_TEXT_MAX];
	volatile unsigned sum = 0;
	size_t len;
	const char *text = value_text(f, v, buf, &len);

	for (size_t i = 0; i < len; i++)
		sum += (unsigned char)text[i];
	(void)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct source *s = &source_links;
	size_t len = NLMSG_HDRLEN + size;
	struct nlmsghdr *msg;
	struct env *env;
	struct row row;

	if (size < s->shape->header || size > 65536)
		return 0;
	msg = calloc(1, len);
	env = env_new(NULL);
	if (!msg || !env)
		abort();
	memcpy((char *)msg + NLMSG_HDRLEN, data, size);
	msg->nlmsg_len = (uint32_t)len;
	msg->nlmsg_type = s->shape->type;
	row = (struct row){ .source = s, .env = env, .msg = msg, .shape = s->shape };
	for (const struct field *f = s->fields; f->name; f++) {
		struct value v;

		if (f->cost == COST_LOOKUP || !field_get(f, &row, &v))
			continue;
		show(f, &v);
		for (size_t i = 0; v.kind == VALUE_LIST && i < v.list.n; i++)
			show(f, &v.list.items[i]);
	}
	env_unref(env);
	free(msg);
	return 0;
}
