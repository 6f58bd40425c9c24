/* Owns the numbers of one group: how a value is taken in, and what comes out. */
#include "aggregate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const aggregate_names[AGG_OPS] = {
	[AGG_COUNT] = "count", [AGG_SUM] = "sum", [AGG_AVG] = "avg",
	[AGG_MIN] = "min",     [AGG_MAX] = "max", [AGG_QUANTILE] = "quantile",
};

static bool numeric(enum field_type type)
{
	return type != FT_BOOL && type != FT_ENUM && type != FT_TEXT && type != FT_ADDR &&
	       type != FT_PORT && type != FT_MARK;
}

static bool has_order(enum field_type type)
{
	return type != FT_BOOL;
}

const char *aggregate_refusal(const struct aggregate *a)
{
	if (a->op == AGG_COUNT)
		return NULL;
	if (a->field->flags & FF_LIST)
		return "a list";
	if (a->op == AGG_MIN || a->op == AGG_MAX)
		return has_order(a->field->type) ? NULL : field_kinds[a->field->type].name;
	return numeric(a->field->type) ? NULL : field_kinds[a->field->type].name;
}

void aggregate_field(const struct aggregate *a, struct field *f)
{
	switch (a->op) {
	case AGG_COUNT:
		*f = (struct field){ .type = FT_INT, .doc = "Rows of the group.", .from = "" };
		break;
	case AGG_AVG:
		*f = *a->field;
		if (f->type == FT_INT)
			f->type = FT_FLOAT;
		break;
	default:
		*f = *a->field;
		break;
	}
}

static double as_real(const struct value *v)
{
	return v->kind == VALUE_INT ? (double)v->num : v->real;
}

/* Whole numbers stay whole until they leave 64 bits. */
static void add(struct agg_state *s, const struct value *v)
{
	if (v->kind == VALUE_INT && !s->inexact &&
	    !__builtin_add_overflow(s->whole, v->num, &s->whole))
		return;
	if (!s->inexact) {
		/* on overflow the builtin has stored the wrapped sum: take it back */
		if (v->kind == VALUE_INT)
			s->whole = (int64_t)((uint64_t)s->whole - (uint64_t)v->num);
		s->real = (double)s->whole;
		s->inexact = true;
	}
	s->real += as_real(v);
}

/* Text is copied, since the row goes; addresses and numbers are in the value. */
static bool replace(struct agg_state *s, const struct value *v)
{
	char *copy = NULL;

	if (v->kind == VALUE_TEXT) {
		copy = malloc(v->text.len + 1);
		if (!copy)
			return false;
		memcpy(copy, v->text.p, v->text.len);
	}
	free(s->text);
	s->text = copy;
	s->best = *v;
	if (copy)
		s->best.text.p = copy;
	return true;
}

/* Whole numbers are kept as they are, all as reals once one is. */
static void all_real(struct agg_state *s)
{
	for (size_t i = 0; !s->inexact && i < s->n; i++)
		s->list[i].real = (double)s->list[i].whole;
	s->inexact = true;
}

static bool note(struct agg_state *s, const struct value *v)
{
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 4;
		union agg_number *list = realloc(s->list, room * sizeof(*list));

		if (!list)
			return false;
		s->list = list;
		s->room = room;
	}
	if (v->kind == VALUE_FLOAT)
		all_real(s);
	if (s->inexact)
		s->list[s->n].real = as_real(v);
	else
		s->list[s->n].whole = v->num;
	return true;
}

enum agg_result aggregate_take(const struct aggregate *a, struct agg_state *s,
			       const struct row *row)
{
	struct value v;
	int c;

	if (a->op == AGG_COUNT) {
		s->n++;
		return AGG_OK;
	}
	if (!field_get(a->field, row, &v))
		return AGG_OK;
	if (a->op != AGG_MIN && a->op != AGG_MAX && v.kind != VALUE_INT && v.kind != VALUE_FLOAT)
		return AGG_NO_NUMBER;
	if (a->op == AGG_QUANTILE) {
		if (!note(s, &v))
			return AGG_NO_MEMORY;
	} else if (a->op == AGG_SUM || a->op == AGG_AVG) {
		add(s, &v);
	} else {
		c = s->n ? value_compare(a->field, &v, &s->best) : 0;
		if ((s->n == 0 || (a->op == AGG_MIN ? c < 0 : c > 0)) && !replace(s, &v))
			return AGG_NO_MEMORY;
	}
	s->n++;
	return AGG_OK;
}

static int compare_reals(const void *a, const void *b)
{
	double x = ((const union agg_number *)a)->real, y = ((const union agg_number *)b)->real;

	return (x > y) - (x < y);
}

static int compare_whole(const void *a, const void *b)
{
	int64_t x = ((const union agg_number *)a)->whole, y = ((const union agg_number *)b)->whole;

	return (x > y) - (x < y);
}

static void quantile(const struct aggregate *a, struct agg_state *s, struct value *v)
{
	double rank = ceil(a->arg * (double)s->n);
	size_t i = rank < 1 ? 0 : (size_t)rank - 1;

	i = i < s->n ? i : s->n - 1;
	qsort(s->list, s->n, sizeof(*s->list), s->inexact ? compare_reals : compare_whole);
	if (s->inexact) {
		v->kind = VALUE_FLOAT;
		v->real = s->list[i].real;
	} else {
		v->kind = VALUE_INT;
		v->num = s->list[i].whole;
	}
}

void aggregate_value(const struct aggregate *a, struct agg_state *s, struct value *v)
{
	memset(v, 0, sizeof(*v));
	if (a->op == AGG_COUNT || (a->op == AGG_SUM && !s->inexact)) {
		v->kind = VALUE_INT;
		v->num = a->op == AGG_COUNT ? (int64_t)s->n : s->whole;
	} else if (a->op == AGG_SUM) {
		v->kind = VALUE_FLOAT;
		v->real = s->real;
	} else if (s->n == 0) {
		v->kind = VALUE_NIL;
	} else if (a->op == AGG_AVG) {
		v->kind = VALUE_FLOAT;
		v->real = (s->inexact ? s->real : (double)s->whole) / (double)s->n;
	} else if (a->op == AGG_QUANTILE) {
		quantile(a, s, v);
	} else {
		*v = s->best;
	}
}

void aggregate_free(struct agg_state *s)
{
	free(s->text);
	free(s->list);
}
