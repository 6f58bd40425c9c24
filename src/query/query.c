/* Owns the query object: what is asked, narrowed step by step by copies. */
#include "private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct query *query_new(const struct source *s)
{
	struct query *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->refs = 1;
	q->source = source_ref(s);
	q->limit = NO_LIMIT;
	return q;
}

struct query *query_ref(struct query *q)
{
	q->refs++;
	return q;
}

void query_unref(struct query *q)
{
	if (!q || --q->refs > 0)
		return;
	node_unref(q->filter);
	query_netns_clear(q);
	netns_unref(q->place);
	free((char *)q->input.path);
	free(q->tests);
	free(q->distinct);
	free(q->sort);
	derivation_unref(q->from);
	source_unref(q->source);
	free(q);
}

struct query *query_derive(const struct query *q)
{
	struct query *copy = query_new(q->source);
	bool ok = copy != NULL;

	if (!ok)
		return NULL;
	copy->filter = q->filter ? node_ref(q->filter) : NULL;
	copy->limit = q->limit;
	copy->netns_default = q->netns_default;
	copy->consistent = q->consistent;
	copy->ordered = q->ordered;
	copy->listed = q->listed;
	copy->verbatim = q->verbatim;
	copy->ends = q->ends;
	copy->threads = q->threads;
	copy->contexts = q->contexts;
	copy->learned = q->learned;
	copy->from = q->from;
	if (copy->from)
		copy->from->refs++;
	ok = query_input(copy, q->input.form, q->input.path);
	copy->input.first_dump = q->input.first_dump;
	query_place(copy, q->place);
	for (size_t i = 0; ok && i < q->nnetns; i++)
		ok = query_netns(copy, q->netns[i]);
	for (size_t i = 0; ok && i < q->ndistinct; i++)
		ok = query_distinct(copy, q->distinct[i]);
	for (size_t i = 0; ok && i < q->ntests; i++)
		ok = query_test(copy, q->tests[i]);
	ok = ok && query_sort(copy, q->sort, q->nsort);
	if (ok)
		return copy;
	query_unref(copy);
	return NULL;
}

/*
 * The old filter may be shared with the query that this one is from, so it is
 * not changed; its members move up, which keeps a long chain of calls flat.
 */
bool query_and(struct query *q, struct node *n)
{
	struct node *old = q->filter, *both;
	bool ok;

	if (!old) {
		q->filter = n;
		return true;
	}
	both = node_new(NODE_AND);
	ok = both != NULL;
	if (ok && old->kind == NODE_AND)
		for (size_t i = 0; ok && i < old->n; i++)
			ok = node_add(both, node_ref(old->kids[i]));
	else if (ok)
		ok = node_add(both, node_ref(old));
	if (!ok)
		node_unref(n);
	else
		ok = node_add(both, n);
	node_unref(ok ? old : both);
	if (ok)
		q->filter = both;
	return ok;
}

void query_netns_clear(struct query *q)
{
	for (size_t i = 0; i < q->nnetns; i++)
		free(q->netns[i]);
	free(q->netns);
	q->netns = NULL;
	q->nnetns = 0;
}

bool query_netns(struct query *q, const char *spec)
{
	char **list = realloc(q->netns, (q->nnetns + 1) * sizeof(*list));

	if (!list)
		return false;
	q->netns = list;
	list[q->nnetns] = strdup(spec);
	return list[q->nnetns] && ++q->nnetns;
}

bool query_input(struct query *q, enum input_form form, const char *path)
{
	char *copy = path ? strdup(path) : NULL;

	if (path && !copy)
		return false;
	free((char *)q->input.path);
	q->input.form = path ? form : INPUT_NONE;
	q->input.path = copy;
	q->ordered |= copy != NULL;
	return true;
}

void query_place(struct query *q, struct netns *ns)
{
	if (ns)
		netns_ref(ns);
	netns_unref(q->place);
	q->place = ns;
}

/* Adds a condition with these operands, which it takes. */
static bool add_cond(struct query *q, const struct field *f, struct operand *operands, size_t n)
{
	struct cond c = { .field = f, .op = OP_EQ, .n = n, .operands = operands };
	struct node *node = node_cond(&c);

	return node && query_and(q, node);
}

bool query_equal(struct query *q, const struct field *f, const struct value *v)
{
	struct operand *o;

	if (v->kind == VALUE_NIL)
		return add_cond(q, f, NULL, 0);
	o = calloc(1, sizeof(*o));
	if (!o)
		return false;
	o->kind = OPERAND_VALUE;
	o->lo = *v;
	/* as a condition that is written has it, which the kernel may be handed */
	if (v->kind == VALUE_ADDR && v->addr.plen == 0) {
		o->kind = OPERAND_PREFIX;
		o->lo.addr = addr_canonical(&v->addr);
		o->bits = o->lo.addr.family == AF_INET ? 32 : 128;
	}
	if (v->kind == VALUE_TEXT) {
		char *copy = malloc(v->text.len + 1);

		if (!copy) {
			free(o);
			return false;
		}
		memcpy(copy, v->text.p, v->text.len);
		copy[v->text.len] = '\0';
		o->lo.text.p = copy;
	}
	return add_cond(q, f, o, 1);
}

bool query_present(struct query *q, const struct field *f)
{
	struct operand *o = calloc(1, sizeof(*o));

	if (!o)
		return false;
	o->kind = OPERAND_PRESENT;
	o->lo.kind = VALUE_BOOL;
	o->lo.flag = true;
	return add_cond(q, f, o, 1);
}

bool query_distinct(struct query *q, const struct field *f)
{
	const struct field **list = realloc(q->distinct, (q->ndistinct + 1) * sizeof(*list));

	if (!list)
		return false;
	q->distinct = list;
	list[q->ndistinct++] = f;
	return true;
}

bool query_test(struct query *q, unsigned function)
{
	unsigned *list = realloc(q->tests, (q->ntests + 1) * sizeof(*list));

	if (!list)
		return false;
	q->tests = list;
	list[q->ntests++] = function;
	return true;
}

bool query_sort(struct query *q, const struct sort_key *keys, size_t n)
{
	struct sort_key *list = NULL;

	if (n) {
		list = malloc(n * sizeof(*list));
		if (!list)
			return false;
		memcpy(list, keys, n * sizeof(*list));
	}
	free(q->sort);
	q->sort = list;
	q->nsort = n;
	return true;
}

/* "*" says which rows are meant, but leaves none of them out. */
static bool narrows(const struct cond *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->operands[i].kind == OPERAND_ALL)
			return c->op != OP_EQ;
	return true;
}

static bool has_condition(const struct node *n)
{
	if (n->kind == NODE_COND)
		return narrows(&n->cond);
	for (size_t i = 0; i < n->n; i++)
		if (has_condition(n->kids[i]))
			return true;
	return false;
}

bool query_narrowed(const struct query *q)
{
	if (q->ntests || (q->filter && has_condition(q->filter)))
		return true;
	return q->from && query_narrowed(q->from->input);
}

/* ---- derivations ---------------------------------------------------------------- */

void derivation_unref(struct derivation *d)
{
	if (!d || --d->refs > 0)
		return;
	query_unref(d->input);
	query_unref(d->other);
	d->ops->destroy(d);
}

struct query *derivation_query(struct derivation *d, struct source *s, struct nl_error *err)
{
	struct query *q = query_new(s);

	source_unref(s);
	if (!q) {
		derivation_unref(d);
		query_no_memory(err);
		return NULL;
	}
	q->from = d;
	return q;
}
