/*
 * Owns the decision what the kernel does of a query: which parts of the source
 * are asked for at all, which extensions they carry, and which program filters
 * them. Whatever it decides, every row is tested again here, so a kernel that
 * does less than it was asked changes nothing but the time, unless the query asks
 * for what only the kernel knows (NODE_KERNEL, the field autobound).
 */
#include "connsh/query.h"

#include <stdlib.h>
#include <string.h>

/* What the part's own values tell of a condition. */
struct part {
	const struct source *source;
	unsigned number;
};

static enum tri part_leaf(const struct cond *c, const void *arg)
{
	const struct part *part = arg;
	struct value v;

	if (!part->source->part_value || !part->source->part_value(part->number, c->field, &v))
		return TRI_UNKNOWN;
	return cond_match_value(c, &v) ? TRI_YES : TRI_NO;
}

/* Does a row of this part match, as far as the part's own values tell? */
static enum tri part_matches(const struct source *s, unsigned number, const struct node *n)
{
	struct part part = { s, number };

	return node_tri(n, part_leaf, &part);
}

/* All conditions of a tree, wherever they stand. */
static size_t gather(const struct node *n, const struct cond **list, size_t at)
{
	if (n->kind == NODE_COND) {
		if (list)
			list[at] = &n->cond;
		return at + 1;
	}
	for (size_t i = 0; i < n->n; i++)
		at = gather(n->kids[i], list, at);
	return at;
}

static void choose_parts(const struct query *q, const struct cond *const *conds, size_t nconds,
			 struct plan *out)
{
	const struct source *s = q->source;

	out->exact = true;
	for (unsigned i = 0; i < s->nparts; i++) {
		enum tri m = q->filter ? part_matches(s, i, q->filter) : TRI_YES;

		if (m == TRI_NO || (s->part_asked && !s->part_asked(i, conds, nconds)))
			continue;
		part_add(&out->parts, i);
		if (!s->part_named || s->part_named(i, conds, nconds))
			part_add(&out->named, i);
		out->nparts++;
		if (m == TRI_UNKNOWN)
			out->exact = false;
	}
}

/*
 * Is the condition true (or false) of every part that is asked for? Then the
 * parts have done it, and a program need not. An unknown one makes it unknown.
 */
static enum tri settled(const struct query *q, const struct plan *p, const struct node *n)
{
	enum tri all = TRI_YES, any = TRI_NO;

	for (unsigned i = 0; i < q->source->nparts; i++) {
		enum tri m;

		if (!part_has(&p->parts, i))
			continue;
		m = part_matches(q->source, i, n);
		all = m < all ? m : all;
		any = m > any ? m : any;
	}
	return all == TRI_YES ? TRI_YES : any == TRI_NO ? TRI_NO : TRI_UNKNOWN;
}

struct compiler {
	const struct query *q;
	const struct plan *plan;
	struct env *env;
};

/* What a compiled node is: the same test, a weaker one, or none at all. */
enum strength { EXACT, WEAKER, NOTHING };

static enum strength compile(const struct compiler *k, const struct node *n, bool negated,
			     struct kprog *prog);

static enum strength compile_cond(const struct compiler *k, const struct cond *c, bool negated,
				  struct kprog *prog)
{
	if (!c->field->push)
		return NOTHING;
	switch (c->field->push(c, negated, prog, k->env)) {
	case PUSH_EXACT:
		return EXACT;
	case PUSH_SUPERSET:
		return WEAKER;
	default:
		return NOTHING;
	}
}

/* A member that has no program is left out, which makes the whole weaker. */
static enum strength compile_all(const struct compiler *k, const struct node *n, bool negated,
				 struct kprog *prog)
{
	enum strength s = EXACT;

	for (size_t i = 0; i < n->n; i++) {
		struct kprog one = { .len = 0 };
		enum strength kid = compile(k, n->kids[i], negated, &one);

		if (kid != EXACT)
			s = WEAKER;
		if (kid != NOTHING && one.len && !kprog_and(prog, &one))
			return NOTHING;
	}
	return s == WEAKER && prog->len == 0 ? NOTHING : s;
}

/* A member that has no program could pass anything, and so could the whole. */
static enum strength compile_any(const struct compiler *k, const struct node *n, bool negated,
				 struct kprog *prog)
{
	enum strength s = EXACT;
	bool first = true;

	for (size_t i = 0; i < n->n; i++) {
		struct kprog one = { .len = 0 };
		enum strength kid;
		enum tri m = settled(k->q, k->plan, n->kids[i]);

		if (m == (negated ? TRI_YES : TRI_NO))
			continue; /* never true of what is asked for */
		kid = compile(k, n->kids[i], negated, &one);
		if (kid == NOTHING || one.len == 0)
			return NOTHING;
		if (kid == WEAKER)
			s = WEAKER;
		if (!(first ? kprog_and(prog, &one) : kprog_or(prog, &one)))
			return NOTHING;
		first = false;
	}
	return first ? NOTHING : s;
}

/*
 * The same test as a program, by what the kernel knows; false: a condition has none, or it does
 * not fit. prog is empty at entry.
 */
static bool compile_kernel(const struct compiler *k, const struct node *n, struct kprog *prog)
{
	if (n->kind == NODE_COND)
		return n->cond.field->push &&
		       n->cond.field->push(&n->cond, false, prog, k->env) != PUSH_CANNOT;
	if (n->kind == NODE_NOT)
		return compile_kernel(k, n->kids[0], prog) && kprog_not(prog);
	if (n->n == 0)
		return kprog_always(prog, n->kind == NODE_AND);
	for (size_t i = 0; i < n->n; i++) {
		struct kprog one = { .len = 0 };

		if (!compile_kernel(k, n->kids[i], &one) ||
		    !(i == 0 || n->kind == NODE_AND ? kprog_and(prog, &one) : kprog_or(prog, &one)))
			return false;
	}
	return true;
}

/* prog is empty at entry; on NOTHING its content is of no use. */
static enum strength compile(const struct compiler *k, const struct node *n, bool negated,
			     struct kprog *prog)
{
	if (settled(k->q, k->plan, n) == (negated ? TRI_NO : TRI_YES))
		return EXACT; /* with an empty program: always true */
	if (n->kind == NODE_NOT)
		return compile(k, n->kids[0], !negated, prog);
	if (n->kind == NODE_COND)
		return compile_cond(k, &n->cond, negated, prog);
	if (n->kind == NODE_KERNEL)
		return compile_kernel(k, n->kids[0], prog) ? WEAKER : NOTHING;
	return (n->kind == NODE_AND) != negated ? compile_all(k, n, negated, prog)
						: compile_any(k, n, negated, prog);
}

/* What each row must meet and a request may be able to carry. */
static void gather_asks(const struct node *n, struct plan *p)
{
	const struct cond *c = &n->cond;

	if (n->kind == NODE_AND)
		for (size_t i = 0; i < n->n; i++)
			gather_asks(n->kids[i], p);
	if (n->kind != NODE_COND || c->op != OP_EQ || c->n != 1 || p->nasks == ASKS_MAX)
		return;
	if (c->operands[0].kind == OPERAND_VALUE || c->operands[0].kind == OPERAND_PREFIX)
		p->asks[p->nasks++] = c;
}

void plan_request(const struct plan *p, const struct query *q, struct env *env,
		  struct scan_request *out)
{
	memset(out, 0, sizeof(*out));
	out->env = env;
	out->parts = p->parts;
	out->named = p->named;
	out->needs = p->needs;
	out->prog = p->prog.len ? &p->prog : NULL;
	out->ordered = q->ordered;
	out->listed = q->listed;
	env_set_verbatim(env, q->verbatim);
	env_set_of_file(env, q->input.form != 0);
	out->input = q->input;
	memcpy(out->asks, p->asks, sizeof(out->asks));
	out->nasks = p->nasks;
}

static void use_field(struct plan *p, const struct field *f)
{
	p->needs |= f->needs;
	p->net_admin |= (f->flags & FF_NET_ADMIN) != 0;
}

bool plan_make(const struct query *q, uint32_t needs, struct env *env, struct plan *out)
{
	size_t n = q->filter ? gather(q->filter, NULL, 0) : 0;
	const struct cond **conds = n ? calloc(n, sizeof(*conds)) : NULL;
	struct compiler k = { q, out, env };
	enum strength s;

	memset(out, 0, sizeof(*out));
	out->needs = needs;
	if (n && !conds)
		return false;
	if (n)
		gather(q->filter, conds, 0);
	for (size_t i = 0; i < n; i++)
		use_field(out, conds[i]->field);
	for (size_t i = 0; i < q->ndistinct; i++)
		use_field(out, q->distinct[i]);
	for (size_t i = 0; i < q->nsort; i++)
		use_field(out, q->sort[i].field);
	choose_parts(q, conds, n, out);
	free(conds);
	if (q->filter)
		gather_asks(q->filter, out);
	/* nobody filters what comes from a file but we */
	out->exact &= !q->input.form;
	if (!q->filter || out->nparts == 0 || q->input.form)
		return true;
	s = compile(&k, q->filter, false, &out->prog);
	if (s == NOTHING)
		out->prog.len = 0;
	out->exact |= s == EXACT;
	return true;
}
