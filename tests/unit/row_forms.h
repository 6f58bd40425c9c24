/* The kinds of rows of a source, for tests that go through all of them. */
#ifndef CONNSH_TESTS_ROW_FORMS_H
#define CONNSH_TESTS_ROW_FORMS_H

#include "source/sockets.h"

#include <stdlib.h>

struct form {
	const struct shape *shape;
	uint32_t tag;
};

#define FORMS_MAX 64

static size_t add_form(struct form *forms, size_t n, const struct shape *shape, uint32_t tag)
{
	for (size_t i = 0; i < n; i++)
		if (forms[i].shape == shape && forms[i].tag == tag)
			return n;
	if (!shape || n == FORMS_MAX)
		abort();
	forms[n] = (struct form){ shape, tag };
	return n + 1;
}

/* Of sockets each protocol; of others each shape that a field or a dump speaks of. */
static size_t forms_of(const struct source *s, struct form forms[FORMS_MAX])
{
	size_t n = 0;

	if (s == &source_sockets) {
		for (size_t i = 0; i < socket_table_count; i++)
			n = add_form(forms, n, socket_tables[i].kind->shape,
				     socket_tables[i].proto);
		return n;
	}
	n = add_form(forms, n, s->shape, 0);
	for (const struct field *f = s->fields; f->name; f++) {
		if (f->shape)
			n = add_form(forms, n, f->shape, 0);
		for (const struct place *p = f->places; p && p->shape; p++)
			n = add_form(forms, n, p->shape, 0);
	}
	return n;
}

#endif
