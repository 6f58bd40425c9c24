/*
 * Owns the conditions of forms: trees of conditions, made ready to be asked of
 * every row.
 */
#include "private.h"

#include <string.h>

struct form_test {
	const struct node *tree;
};

static bool use_fields(struct form *f, const struct node *n)
{
	if (n->kind == NODE_COND && !form_use(f, n->cond.field))
		return false;
	for (size_t i = 0; i < n->n; i++)
		if (!use_fields(f, n->kids[i]))
			return false;
	return true;
}

const struct form_test *form_test_new(struct form *f, struct node *tree, bool own)
{
	struct form_test *t = form_hold(f, tree) ? form_alloc(f, sizeof(*t)) : NULL;

	if (!t || (own && !use_fields(f, tree)))
		return NULL;
	t->tree = tree;
	return t;
}

bool form_test(const struct form_test *t, const struct row *row)
{
	return node_match(t->tree, row);
}
