/*
 * Owns forms: their memory, and printing rows by the tree of their parts. How a
 * single value is printed is in form_value.c, conditions are in form_test.c.
 */
#include "private.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Memory of a form, given back all at once. */
struct block {
	struct block *next;
	size_t used, size;
	_Alignas(16) unsigned char mem[];
};

struct held_node {
	struct held_node *next;
	struct node *node;
};

struct form {
	const struct source *source;
	struct block *blocks;
	struct held_node *nodes;
	struct form_part *root;
	const struct field **fields;
	size_t nfields;
	uint32_t needs;
	bool functions;
};

/* ---- memory -------------------------------------------------------------------------- */

struct form *form_new(const struct source *s)
{
	struct form *f = calloc(1, sizeof(*f));

	if (f)
		f->source = source_ref(s);
	return f;
}

void form_free(struct form *f)
{
	if (!f)
		return;
	for (struct held_node *n = f->nodes; n; n = n->next)
		node_unref(n->node);
	for (struct block *b = f->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	source_unref(f->source);
	free(f->fields);
	free(f);
}

void *form_alloc(struct form *f, size_t size)
{
	struct block *b = f->blocks;
	void *p;

	if (size > SIZE_MAX / 4)
		return NULL;
	size = (size + 15) & ~(size_t)15;
	if (!b || b->size - b->used < size) {
		size_t room = size > 4000 ? size : 4000;

		b = calloc(1, sizeof(*b) + room);
		if (!b)
			return NULL;
		b->size = room;
		b->next = f->blocks;
		f->blocks = b;
	}
	p = b->mem + b->used;
	b->used += size;
	return p;
}

bool form_copy(struct form *f, const char *text, size_t len, struct form_text *out)
{
	char *p = len < SIZE_MAX / 4 ? form_alloc(f, len + 1) : NULL;

	if (!p)
		return false;
	if (len)
		memcpy(p, text, len);
	*out = (struct form_text){ p, len };
	return true;
}

bool form_hold(struct form *f, struct node *n)
{
	struct held_node *held = form_alloc(f, sizeof(*held));

	if (!held) {
		node_unref(n);
		return false;
	}
	*held = (struct held_node){ f->nodes, n };
	f->nodes = held;
	return true;
}

/* ---- what a form needs --------------------------------------------------------------- */

bool form_use(struct form *f, const struct field *field)
{
	const struct field **list;

	for (size_t i = 0; i < f->nfields; i++)
		if (f->fields[i] == field)
			return true;
	list = realloc(f->fields, (f->nfields + 1) * sizeof(*list));
	if (!list)
		return false;
	f->fields = list;
	list[f->nfields++] = field;
	f->needs |= field->needs;
	return true;
}

uint32_t form_needs(const struct form *f)
{
	return f->needs;
}

size_t form_fields(const struct form *f, const struct field *const **list)
{
	*list = f->fields;
	return f->nfields;
}

const struct source *form_of(const struct form *f)
{
	return f->source;
}

bool form_has_functions(const struct form *f)
{
	return f->functions;
}

/* Marks the parts that are text and nothing else. Do any call functions? */
static bool ready_part(struct form_part *p)
{
	bool calls;

	if (!p)
		return false;
	p->bare = p->kind == FORM_TEXT && !p->when && !p->before.len && !p->after.len &&
		  !p->upto.len && !p->width && !p->cuts;
	calls = p->kind == FORM_FUNCTION;
	calls |= ready_part(p->otherwise);
	calls |= ready_part(p->part);
	for (size_t i = 0; i < p->n; i++)
		calls |= ready_part(p->kids[i]);
	return calls;
}

void form_ready(struct form *f, struct form_part *root)
{
	f->root = root;
	f->functions = ready_part(root);
}

/* ---- printing ------------------------------------------------------------------------ */

struct printer {
	const struct calls *calls;
	struct fmt_text *out;
	struct nl_error *err;
	bool failed; /* a function did, *err is set */
};

static bool print(struct printer *w, const struct form_part *p, const struct row *row);

static void print_sequence(struct printer *w, const struct form_part *p, const struct row *row)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct form_part *kid = p->kids[i];

		if (kid->bare)
			fmt_text_add(w->out, kid->text.p, kid->text.len);
		else
			print(w, kid, row);
	}
}

static bool print_first(struct printer *w, const struct form_part *p, const struct row *row)
{
	for (size_t i = 0; i < p->n; i++)
		if (print(w, p->kids[i], row))
			return true;
	return false;
}

/*
 * What holds much (a row, a stack) is kept apart: print calls itself, and its frames shall
 * be small.
 */
#define APART __attribute__((noinline)) static

/* One item of a list, behind what divides it from those before. */
APART bool print_item(struct printer *w, const struct form_part *p, const struct row *row,
		      const struct value *item, bool divided)
{
	size_t at = w->out->len;
	struct row inner;
	bool applies;

	if (divided)
		fmt_text_add(w->out, p->between.p, p->between.len);
	if (item->kind == VALUE_ROW) {
		item_row(p->list, item, row->env, &inner);
		applies = p->part && print(w, p->part, &inner);
	} else {
		applies = !p->part && form_value_put(&p->value, item, row, w->out);
	}
	if (!applies)
		w->out->len = at;
	return applies;
}

static bool print_list(struct printer *w, const struct form_part *p, const struct row *row,
		       const struct value *list)
{
	size_t n = list->list.n;
	bool any = false;

	for (size_t i = 0; i < n; i++)
		any |= print_item(w, p, row, &list->list.items[p->reverse ? n - 1 - i : i], any);
	return any;
}

APART bool print_each(struct printer *w, const struct form_part *p, const struct row *row)
{
	const struct field *f = p->list;
	struct value v;
	size_t n = 0;
	bool any;

	if (!field_get(f, row, &v))
		return false;
	if (v.kind == VALUE_LIST)
		return print_list(w, p, row, &v);
	if (!f->get_more || !p->reverse) {
		any = print_item(w, p, row, &v, false);
		for (size_t i = 1; f->get_more && f->get_more(row, f, i, &v); i++)
			any |= print_item(w, p, row, &v, any);
		return any;
	}
	while (f->get_more(row, f, n + 1, &v))
		n++;
	any = false;
	for (; n > 0; n--)
		if (f->get_more(row, f, n, &v))
			any |= print_item(w, p, row, &v, any);
	if (field_get(f, row, &v))
		any |= print_item(w, p, row, &v, any);
	return any;
}

static bool calculate(char operation, double a, double b, double *out)
{
	switch (operation) {
	case '+':
		*out = a + b;
		break;
	case '-':
		*out = a - b;
		break;
	case '*':
		*out = a * b;
		break;
	default:
		*out = a / b; /* by 0: not finite */
		break;
	}
	return isfinite(*out);
}

APART bool print_calc(struct printer *w, const struct form_part *p, const struct row *row)
{
	double stack[FORM_STACK] = { 0 };
	struct number number;
	struct value v;
	size_t n = 0;

	for (size_t i = 0; i < p->nsteps; i++) {
		const struct form_step *s = &p->steps[i];

		if (s->operation) {
			n--;
			if (!calculate(s->operation, stack[n - 1], stack[n], &stack[n - 1]))
				return false;
		} else if (!s->value) {
			stack[n++] = s->real;
		} else {
			if (!field_get(s->value->field, row, &v) ||
			    !number_of(s->value, &v, &number))
				return false;
			stack[n++] = number.real;
		}
	}
	v.kind = VALUE_FLOAT;
	v.real = stack[0];
	return form_value_put(&p->value, &v, row, w->out);
}

APART bool print_function(struct printer *w, const struct form_part *p, const struct row *row)
{
	static const struct field any = { .type = FT_ANY };
	static const struct form_value plain = { .field = &any, .plain = true };
	struct value v;

	if (w->failed)
		return false;
	if (!w->calls) {
		nl_fail(w->err, EINVAL, "nobody answers the functions of this form");
		w->failed = true;
		return false;
	}
	if (w->calls->value(w->calls->arg, p->function, row, &v, w->err) < 0) {
		w->failed = true;
		return false;
	}
	return v.kind != VALUE_NIL && form_value_put(&plain, &v, row, w->out);
}

static bool print_own(struct printer *w, const struct form_part *p, const struct row *row)
{
	struct value v;

	switch (p->kind) {
	case FORM_TEXT:
		fmt_text_add(w->out, p->text.p, p->text.len);
		return true;
	case FORM_SEQUENCE:
		print_sequence(w, p, row);
		return true;
	case FORM_FIELD:
		return field_get(p->value.field, row, &v) &&
		       form_value_put(&p->value, &v, row, w->out);
	case FORM_FIRST:
		return print_first(w, p, row);
	case FORM_EACH:
		return print_each(w, p, row);
	case FORM_CALC:
		return print_calc(w, p, row);
	case FORM_FUNCTION:
		break;
	}
	return print_function(w, p, row);
}

/* What was printed from `at` on is cut and padded. */
static void fit(struct fmt_text *out, const struct form_part *p, size_t at)
{
	size_t len, fill;
	char *to;

	if (out->failed)
		return;
	if (p->upto.len && out->len > at) {
		const char *end = memmem(out->p + at, out->len - at, p->upto.p, p->upto.len);

		if (end)
			out->len = (size_t)(end - out->p);
	}
	if (p->cuts && out->len - at > p->cut)
		out->len = at + p->cut;
	len = out->len - at;
	if (len >= p->width)
		return;
	fill = p->width - len;
	to = fmt_text_room(out, fill);
	if (!to)
		return;
	if (p->right) {
		memmove(out->p + at + fill, out->p + at, len);
		to = out->p + at;
	}
	memset(to, ' ', fill);
	out->len += fill;
}

/* Does the part, or what stands for it, apply? */
static bool print(struct printer *w, const struct form_part *p, const struct row *row)
{
	size_t at = w->out->len, own;

	if (!p->when || form_test(p->when, row)) {
		if (p->before.len)
			fmt_text_add(w->out, p->before.p, p->before.len);
		own = w->out->len;
		if (print_own(w, p, row)) {
			if (p->width || p->cuts || p->upto.len)
				fit(w->out, p, own);
			if (p->after.len)
				fmt_text_add(w->out, p->after.p, p->after.len);
			return true;
		}
		w->out->len = at;
	}
	return p->otherwise && print(w, p->otherwise, row);
}

bool form_write(const struct form *f, const struct row *row, const struct calls *calls,
		struct fmt_text *out, struct nl_error *err)
{
	struct printer w = { .calls = calls, .out = out, .err = err };

	print(&w, f->root, row);
	if (w.failed)
		return false;
	if (!out->failed)
		return true;
	nl_fail(err, ENOMEM, "out of memory");
	return false;
}
