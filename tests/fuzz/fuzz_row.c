/*
 * Fuzzes what reads a row: two bytes choose the source and the kind of row, the
 * others are one message, in a block of exactly its size; every field is decoded
 * and shown.
 */
#include "../unit/row_forms.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Is the text inside the message, or one of ours? Reading all of it lets ASan see. */
static void touch(const char *text, size_t len)
{
	volatile unsigned sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += (unsigned char)text[i];
	(void)sum;
}

/* The form that these two bytes choose among those of all sources. */
static const struct source *choose(const uint8_t *data, struct form *form)
{
	struct form forms[FORMS_MAX];
	size_t n = 0;

	while (sources[n])
		n++;
	n = data[0] % n;
	*form = forms[data[1] % forms_of(sources[n], forms)];
	return sources[n];
}

/* Every field that asks nobody else is decoded and shown. */
static void read_row(const struct source *s, const struct row *row)
{
	for (const struct field *f = s->fields; f->name; f++) {
		char buf[VALUE_TEXT_MAX];
		struct value v;
		const char *text;
		size_t n;

		if (f->cost == COST_LOOKUP || f->cost == COST_PROC || !field_get(f, row, &v))
			continue;
		text = value_text(f, &v, buf, &n);
		touch(text, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct source *s;
	struct nlmsghdr *msg;
	struct form form;
	struct env *env;
	struct row row;
	size_t len;

	if (size < 2)
		return 0;
	s = choose(data, &form);
	data += 2;
	size -= 2;
	if (size < form.shape->header || size > 65536)
		return 0;
	len = NLMSG_HDRLEN + size;
	msg = calloc(1, len);
	env = env_new(NULL);
	if (!msg || !env)
		abort();
	memcpy((char *)msg + NLMSG_HDRLEN, data, size);
	msg->nlmsg_len = (uint32_t)len;
	msg->nlmsg_type = form.shape->type;
	row = (struct row){
		.source = s, .env = env, .msg = msg, .shape = form.shape, .tag = form.tag
	};
	read_row(s, &row);
	env_unref(env);
	free(msg);
	return 0;
}
