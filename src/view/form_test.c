/*
 * Owns the conditions of forms: trees of conditions, made ready to be asked of
 * every row. What most of them are, equalities with a few small numbers (names,
 * booleans, presence), is a look at a bit; others are asked as queries do.
 */
#include "private.h"

#include <string.h>

enum test_kind {
	TEST_COND,    /* cond */
	TEST_BITS,    /* the value's bit is set in bits */
	TEST_PRESENT, /* has it a value: flag */
	TEST_ALL,
	TEST_ANY,
	TEST_NOT, /* of kids[0] */
};

struct form_test {
	enum test_kind kind;
	bool flag; /* of bits: they are those that do not match */
	const struct field *field;
	uint64_t bits;
	const struct cond *cond;
	const struct form_test **kids;
	size_t n;
};

#define BITS 64

/* ---- making ready -------------------------------------------------------------------- */

static bool use_fields(struct form *f, const struct node *n)
{
	if (n->kind == NODE_COND && !form_use(f, n->cond.field))
		return false;
	for (size_t i = 0; i < n->n; i++)
		if (!use_fields(f, n->kids[i]))
			return false;
	return true;
}

/* Is each operand one small number? Then their bits. */
static bool small_numbers(const struct cond *c, uint64_t *bits)
{
	*bits = 0;
	for (size_t i = 0; i < c->n; i++) {
		const struct operand *o = &c->operands[i];

		if (o->kind != OPERAND_VALUE)
			return false;
		if (o->lo.kind == VALUE_BOOL)
			*bits |= UINT64_C(1) << o->lo.flag;
		else if (o->lo.kind == VALUE_INT && o->lo.num >= 0 && o->lo.num < BITS)
			*bits |= UINT64_C(1) << o->lo.num;
		else
			return false;
	}
	return c->n > 0;
}

static void ready_cond(struct form_test *t, const struct cond *c)
{
	const struct field *f = c->field;

	t->kind = TEST_COND;
	t->cond = c;
	t->field = f;
	t->flag = c->op == OP_NE;
	if (c->op != OP_EQ && c->op != OP_NE)
		return;
	/* of a list any item does */
	if (f->flags & FF_LIST || f->get_more || f->type == FT_ANY)
		return;
	if (c->n == 1 && c->operands[0].kind == OPERAND_PRESENT) {
		t->kind = TEST_PRESENT;
		t->flag = c->operands[0].lo.flag == (c->op == OP_EQ);
	} else if (small_numbers(c, &t->bits)) {
		t->kind = TEST_BITS;
	}
}

static struct form_test *ready(struct form *f, const struct node *n)
{
	struct form_test *t = form_alloc(f, sizeof(*t));

	if (!t)
		return NULL;
	if (n->kind == NODE_COND) {
		ready_cond(t, &n->cond);
		return t;
	}
	t->kind = n->kind == NODE_AND ? TEST_ALL : n->kind == NODE_OR ? TEST_ANY : TEST_NOT;
	t->kids = form_alloc(f, (n->n ? n->n : 1) * sizeof(struct form_test *));
	if (!t->kids)
		return NULL;
	for (; t->n < n->n; t->n++) {
		t->kids[t->n] = ready(f, n->kids[t->n]);
		if (!t->kids[t->n])
			return NULL;
	}
	return t->n == 1 && t->kind != TEST_NOT ? (struct form_test *)(uintptr_t)t->kids[0] : t;
}

const struct form_test *form_test_new(struct form *f, struct node *tree, bool own)
{
	if (!form_hold(f, tree) || (own && !use_fields(f, tree)))
		return NULL;
	return ready(f, tree);
}

/* ---- asking -------------------------------------------------------------------------- */

static bool test_bits(const struct form_test *t, const struct row *row)
{
	struct value v;
	uint64_t n;

	if (!field_get(t->field, row, &v))
		return false;
	if (v.kind == VALUE_INT)
		n = (uint64_t)v.num;
	else if (v.kind == VALUE_BOOL)
		n = v.flag;
	else
		return cond_match_value(t->cond, &v);
	return (n < BITS && t->bits >> n & 1) != t->flag;
}

bool form_test(const struct form_test *t, const struct row *row)
{
	struct value v;

	switch (t->kind) {
	case TEST_COND:
		return cond_match(t->cond, row);
	case TEST_BITS:
		return test_bits(t, row);
	case TEST_PRESENT:
		return field_get(t->field, row, &v) == t->flag;
	case TEST_NOT:
		return !form_test(t->kids[0], row);
	case TEST_ALL:
		for (size_t i = 0; i < t->n; i++)
			if (!form_test(t->kids[i], row))
				return false;
		return true;
	case TEST_ANY:
		break;
	}
	for (size_t i = 0; i < t->n; i++)
		if (form_test(t->kids[i], row))
			return true;
	return false;
}
