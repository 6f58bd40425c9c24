/*
 * Every field of every source, by its declaration: what is declared is sound, and a
 * row whose attributes are short, long, wrongly nested, damaged or unknown gives
 * either the value or nothing, never a byte from behind it (messages lie in blocks of
 * exactly their size, for ASan to see).
 */
#include "row_forms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- messages ------------------------------------------------------------------------ */

struct block {
	size_t len;
	_Alignas(8) unsigned char buf[8192];
};

static void begin(struct block *b, const struct form *form, unsigned char fill)
{
	memset(b->buf, 0, sizeof(b->buf));
	memset(b->buf + NLMSG_HDRLEN, fill, form->shape->header);
	b->len = NLMSG_HDRLEN + NLMSG_ALIGN(form->shape->header);
}

static size_t put(struct block *b, unsigned type, unsigned char fill, size_t len)
{
	unsigned char data[512];
	size_t at = b->len;

	memset(data, fill, len);
	assert_true(nl_attr_put(b->buf, &b->len, sizeof(b->buf), (uint16_t)type, data, len));
	return at;
}

static void close_nest(struct block *b, size_t at)
{
	((struct nlattr *)(b->buf + at))->nla_len = (uint16_t)(b->len - at);
}

/* The value as text, or NULL; all of it is touched. */
static char *read_field(const struct source *s, const struct form *form, const struct field *f,
			const struct block *b, size_t len)
{
	struct env *env = env_new(NULL);
	struct nlmsghdr *copy = malloc(len);
	struct row row = {
		.source = s, .shape = form->shape, .tag = form->tag, .env = env, .msg = copy
	};
	char buf[VALUE_TEXT_MAX], *out = NULL;
	struct value v;
	size_t n;

	memcpy(copy, b->buf, len);
	copy->nlmsg_len = (uint32_t)len;
	copy->nlmsg_type = form->shape->type;
	if (field_get(f, &row, &v)) {
		const char *text = value_text(f, &v, buf, &n);

		out = strndup(text, n);
	} else {
		assert_int_equal(v.kind, VALUE_NIL);
	}
	free(copy);
	env_unref(env);
	return out;
}

static bool has(const struct source *s, const struct form *form, const struct field *f,
		const struct block *b)
{
	char *text = read_field(s, form, f, b, b->len);
	bool yes = text != NULL;

	free(text);
	return yes;
}

/* Fields that ask this machine (names of users, devices, owners) are tried elsewhere. */
static bool is_plain(const struct field *f)
{
	return f->cost != COST_LOOKUP && f->cost != COST_PROC;
}

static void read_all(const struct source *s, const struct form *form, const struct block *b,
		     size_t len)
{
	for (const struct field *f = s->fields; f->name; f++)
		if (is_plain(f))
			free(read_field(s, form, f, b, len));
}

/* ---- declarations ----------------------------------------------------------------------- */

static void check_declaration(const struct source *s, const struct field *f)
{
	static const char *const keywords[] = { "and",	 "or",	  "not",  "end",   "for",
						"if",	 "in",	  "goto", "local", "nil",
						"where", "break", NULL };
	size_t len = strlen(f->doc);

	for (const char *p = f->name; *p; p++)
		assert_true(islower(*p) || isdigit(*p) || *p == '_');
	for (size_t i = 0; keywords[i]; i++)
		assert_string_not_equal(f->name, keywords[i]);
	for (const struct field *g = s->fields; g < f; g++)
		assert_string_not_equal(f->name, g->name);
	if (len < 6 || f->doc[len - 1] != '.' || !f->from)
		fail_msg("%s.%s: doc or from", s->name, f->name);
	if ((f->type == FT_ENUM) != (f->names != NULL))
		fail_msg("%s.%s: names", s->name, f->name);
	if (((f->needs & NEED_OWNERS) != 0) != (f->cost == COST_PROC))
		fail_msg("%s.%s: cost", s->name, f->name);
	if (f->flags & FF_BITS)
		assert_true(f->type == FT_ENUM && f->flags & FF_LIST);
	if ((f->type == FT_ROWS) != (f->rows != NULL))
		fail_msg("%s.%s: rows", s->name, f->name);
	assert_ptr_equal(source_field(s, f->name), f);
}

static void test_declarations(void **state)
{
	(void)state;
	for (size_t i = 0; sources[i]; i++) {
		struct form forms[FORMS_MAX];
		size_t n = forms_of(sources[i], forms);

		assert_true(sources[i]->nparts >= 1 && sources[i]->nparts <= PARTS_MAX);
		for (size_t k = 0; k < n; k++)
			assert_true(forms[k].shape->max_attr < ROW_ATTRS);
		for (const struct field *f = sources[i]->fields; f->name; f++)
			check_declaration(sources[i], f);
	}
}

/* ---- short, long, misplaced ---------------------------------------------------------------- */

/* Where the declaration has the field in messages of the form; false: nowhere, or computed. */
static bool place_in(const struct field *f, const struct form *form, struct field *out)
{
	*out = *f;
	if (f->shape && f->shape != form->shape)
		return false;
	for (const struct place *p = f->places; p && p->shape; p++) {
		if (p->shape != form->shape)
			continue;
		memcpy(out->in, p->in, sizeof(out->in));
		out->attr = p->attr;
		out->offset = p->offset;
		out->size = p->size;
		return p->attr != 0;
	}
	return !f->places && f->attr != 0;
}

static void lay(struct block *b, const struct form *form, const struct field *f, size_t len)
{
	size_t nests[FIELD_DEPTH], depth = 0;

	begin(b, form, 0);
	put(b, 0x3ff0, 0xee, 5); /* one that nobody knows */
	for (; depth < FIELD_DEPTH && f->in[depth]; depth++) {
		nests[depth] = put(b, f->in[depth] | NLA_F_NESTED, 0, 0);
		put(b, 0x3ff1, 0xee, 3);
	}
	put(b, f->attr, 0x41, len);
	while (depth > 0)
		close_nest(b, nests[--depth]);
}

static void try_lengths(const struct source *s, const struct form *form, const struct field *f)
{
	struct field here;
	struct block b;

	if (!place_in(f, form, &here))
		return;
	for (size_t len = 0; len <= (size_t)here.offset + here.size + 40; len++) {
		lay(&b, form, &here, len);
		if (has(s, form, f, &b) && !f->get && len < (size_t)here.offset + here.size)
			fail_msg("%s.%s: %zu bytes of %s", s->name, f->name, len,
				 form->shape->name);
		/* and what others make of it, at the ends of what can be */
		if (len < 2 || len + 1 == (size_t)here.offset + here.size ||
		    len == (size_t)here.offset + here.size + 40)
			read_all(s, form, &b, b.len);
	}
}

/* An attribute out of its nest, or whose nest ends before it does, is not there. */
static void try_nests(const struct source *s, const struct form *form, const struct field *f)
{
	struct field here, bare;
	struct block b;

	if (!place_in(f, form, &here) || !here.in[0] || f->get)
		return;
	bare = here;
	memset(bare.in, 0, sizeof(bare.in));
	if (bare.attr != here.in[0]) {
		lay(&b, form, &bare, (size_t)here.offset + here.size + 8);
		if (has(s, form, f, &b))
			fail_msg("%s.%s: out of its nest", s->name, f->name);
	}
	lay(&b, form, &here, (size_t)here.offset + here.size + 8);
	for (size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(form->shape->header); at + 4 <= b.len;
	     at += 4) {
		struct block damaged = b;

		((struct nlattr *)(damaged.buf + at))->nla_len = 0xfff0;
		read_all(s, form, &damaged, damaged.len);
		((struct nlattr *)(damaged.buf + at))->nla_len = 2;
		read_all(s, form, &damaged, damaged.len);
	}
}

static void for_each_form(void (*one)(const struct source *, const struct form *,
				      const struct field *))
{
	for (size_t i = 0; sources[i]; i++) {
		struct form forms[FORMS_MAX];
		size_t n = forms_of(sources[i], forms);

		for (size_t k = 0; k < n; k++)
			for (const struct field *f = sources[i]->fields; f->name; f++)
				if (is_plain(f))
					one(sources[i], &forms[k], f);
	}
}

static void test_lengths(void **state)
{
	(void)state;
	for_each_form(try_lengths);
}

static void test_nests(void **state)
{
	(void)state;
	for_each_form(try_nests);
}

/* Cut off anywhere behind the fixed header, and with a header of any bytes. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; sources[i]; i++) {
		struct form forms[FORMS_MAX];
		size_t n = forms_of(sources[i], forms);

		for (size_t k = 0; k < n; k++) {
			struct block b;
			size_t header = NLMSG_HDRLEN + NLMSG_ALIGN(forms[k].shape->header);

			begin(&b, &forms[k], 0xff);
			for (unsigned type = 1; type <= forms[k].shape->max_attr; type++)
				put(&b, type, 0xff, type % 40);
			for (size_t len = header; len <= b.len; len += len < header + 64 ? 1 : 37)
				read_all(sources[i], &forms[k], &b, len);
			read_all(sources[i], &forms[k], &b, b.len);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_declarations),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_nests),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
