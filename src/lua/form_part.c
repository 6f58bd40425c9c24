/*
 * Owns reading parts of forms from Lua tables: their kinds, what each kind may hold, conditions.
 */
#include "form_read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct form_part *part_member(struct form_reader *r, int table, const char *key)
{
	struct form_part *p = NULL;
	size_t at = reader_enter(r, key, 0);

	if (reader_member(r, table, key))
		p = reader_part(r, lua_gettop(r->L));
	lua_pop(r->L, 1);
	reader_leave(r, at);
	return p;
}

/* The list of parts at index; false stands for none. */
static void read_list(struct form_reader *r, int list, const char *name, struct form_part *p)
{
	lua_Unsigned n = lua_rawlen(r->L, list);

	p->kids = reader_take_list(r, n ? n : 1, sizeof(struct form_part *));
	for (lua_Unsigned i = 1; i <= n; i++) {
		size_t at = reader_enter(r, name, i);

		lua_rawgeti(r->L, list, (lua_Integer)i);
		if (!lua_isboolean(r->L, -1) || lua_toboolean(r->L, -1))
			p->kids[p->n++] = reader_part(r, lua_gettop(r->L));
		lua_pop(r->L, 1);
		reader_leave(r, at);
	}
}

static void read_field(struct form_reader *r, int table, struct form_part *p)
{
	reader_member(r, table, "field");
	p->value.field = reader_field(r, -1, "field");
	lua_pop(r->L, 1);
	if (p->value.field->type == FT_ROWS)
		reader_fail(r, "%s is a list of %s: {each=\"%s\", part=...} prints its items",
			    p->value.field->name, p->value.field->rows->name, p->value.field->name);
	reader_value(r, table, &p->value);
}

static void read_first(struct form_reader *r, int table, struct form_part *p)
{
	reader_member(r, table, "first");
	if (!lua_istable(r->L, -1))
		reader_fail(r, "first is a list of parts, not a %s", luaL_typename(r->L, -1));
	read_list(r, lua_gettop(r->L), "first", p);
	lua_pop(r->L, 1);
}

/* What is of single values has no meaning for a list of rows. */
static void read_each_row(struct form_reader *r, int table, struct form_part *p)
{
	static const char *const other[] = { "as",  "unless", "map",	     "unit", "wrap", "mul",
					     "div", "proto",  "local_range", "rpc",  NULL };
	const struct source *outer = r->source;

	for (size_t i = 0; other[i]; i++) {
		if (reader_member(r, table, other[i]))
			reader_fail(
				r, "%s is of a value, and %s is a list of %s: it belongs into part",
				other[i], p->list->name, p->list->rows->name);
		lua_pop(r->L, 1);
	}
	if (r->inside)
		reader_fail(r, "a list of records in a list of records cannot be printed");
	r->inside = true;
	r->source = p->list->rows;
	p->part = part_member(r, table, "part");
	r->inside = false;
	r->source = outer;
	if (!p->part)
		reader_fail(r, "%s is a list of %s: part says how one is printed", p->list->name,
			    p->list->rows->name);
}

static void read_each(struct form_reader *r, int table, struct form_part *p)
{
	const struct field *f;

	reader_member(r, table, "each");
	p->list = f = reader_field(r, -1, "each");
	lua_pop(r->L, 1);
	reader_text_member(r, table, "between", &p->between);
	p->reverse = reader_flag_member(r, table, "reverse");
	if (f->type == FT_ROWS) {
		read_each_row(r, table, p);
		return;
	}
	if (!(f->flags & FF_LIST) && !f->get_more)
		reader_fail(r, "%s is no list: {field=\"%s\"} prints it", f->name, f->name);
	if (reader_member(r, table, "part"))
		reader_fail(
			r,
			"%s is a list of plain values: as, map and unless say how one is printed",
			f->name);
	lua_pop(r->L, 1);
	p->value.field = f;
	reader_value(r, table, &p->value);
}

/* A field of a calculation: its name, or {field=, unit=, wrap=, mul=, div=}. */
static void read_operand(struct form_reader *r, int index, struct form_step *s)
{
	static const char *const known[] = { "field", "unit", "wrap", "mul", "div", NULL };

	s->value = reader_take(r, sizeof(*s->value));
	if (lua_istable(r->L, index)) {
		lua_pushfstring(r->L, "form: %sa field of a calculation", r->path);
		keys_check(r->L, index, known, lua_tostring(r->L, -1));
		lua_pop(r->L, 1);
		reader_member(r, index, "field");
		s->value->field = reader_field(r, -1, "field");
		lua_pop(r->L, 1);
		reader_number(r, index, s->value);
	} else {
		s->value->field = reader_field(r, index, "a member of calc");
	}
	if (!form_is_number(s->value->field) || s->value->field->type == FT_ENUM)
		reader_fail(r, "%s is of type %s: it cannot be calculated with",
			    s->value->field->name, field_kinds[s->value->field->type].name);
	reader_value_ready(r, s->value);
}

static bool is_operation(struct form_reader *r, int index)
{
	const char *text = lua_type(r->L, index) == LUA_TSTRING ? lua_tostring(r->L, index) : "";

	return text[0] && !text[1] && strchr("+-*/", text[0]);
}

static void read_calc(struct form_reader *r, int table, struct form_part *p)
{
	lua_Unsigned n;
	size_t held = 0; /* numbers on the stack */

	reader_member(r, table, "calc");
	if (!lua_istable(r->L, -1))
		reader_fail(r, "calc is a list of numbers, fields and + - * /, not a %s",
			    luaL_typename(r->L, -1));
	n = lua_rawlen(r->L, -1);
	p->steps = reader_take_list(r, n ? n : 1, sizeof(*p->steps));
	for (lua_Unsigned i = 1; i <= n; i++) {
		struct form_step *s = &p->steps[p->nsteps++];
		size_t at = reader_enter(r, "calc", i);

		lua_rawgeti(r->L, -1, (lua_Integer)i);
		if (is_operation(r, -1)) {
			s->operation = lua_tostring(r->L, -1)[0];
			if (held < 2)
				reader_fail(r,
					    "%c takes the two numbers before it, and there are %zu",
					    s->operation, held);
			held--;
		} else if (held == FORM_STACK) {
			reader_fail(r, "more than %d numbers wait for an operation", FORM_STACK);
		} else {
			held++;
			if (lua_type(r->L, -1) == LUA_TNUMBER)
				s->real = lua_tonumber(r->L, -1);
			else
				read_operand(r, lua_gettop(r->L), s);
		}
		lua_pop(r->L, 1);
		reader_leave(r, at);
	}
	lua_pop(r->L, 1);
	if (held != 1)
		reader_fail(r, "calc leaves %zu numbers, not one", held);
	reader_value(r, table, &p->value);
}

static void read_function(struct form_reader *r, int table, struct form_part *p)
{
	reader_member(r, table, "value");
	if (!lua_isfunction(r->L, -1))
		reader_fail(r, "value is a function, not a %s", luaL_typename(r->L, -1));
	/* it could read the list that is being walked */
	if (r->inside)
		reader_fail(r, "a function stands outside of each");
	p->function = calls_add(r->L, r->box, -1);
	lua_pop(r->L, 1);
}

/* What kinds of parts there are: the key that makes one, and those that it has beside. */
#define COMMON "when", "otherwise", "before", "after", "width", "align", "cut", "upto"
#define OF_NUMBERS \
	"as", "unit", "wrap", "mul", "div", "unless", "map", "proto", "local_range", "rpc"
static const struct part_kind {
	const char *key; /* NULL: a sequence */
	enum form_kind kind;
	void (*read)(struct form_reader *r, int table, struct form_part *p);
	const char *const *known;
	const char *what;
} kinds[] = {
	{ "field", FORM_FIELD, read_field,
	  (const char *const[]){ "field", OF_NUMBERS, COMMON, NULL }, "a part with field" },
	{ "first", FORM_FIRST, read_first, (const char *const[]){ "first", COMMON, NULL },
	  "a part with first" },
	{ "each", FORM_EACH, read_each,
	  (const char *const[]){ "each", "part", "between", "reverse", OF_NUMBERS, COMMON, NULL },
	  "a part with each" },
	{ "calc", FORM_CALC, read_calc, (const char *const[]){ "calc", OF_NUMBERS, COMMON, NULL },
	  "a part with calc" },
	{ "value", FORM_FUNCTION, read_function, (const char *const[]){ "value", COMMON, NULL },
	  "a part with a function" },
	{ NULL, FORM_SEQUENCE, NULL, (const char *const[]){ COMMON, NULL }, "a list of parts" },
};

static const struct part_kind *kind_of(struct form_reader *r, int table)
{
	const struct part_kind *k = NULL;

	for (size_t i = 0; kinds[i].key; i++) {
		bool there = reader_member(r, table, kinds[i].key);

		lua_pop(r->L, 1);
		if (there && k)
			reader_fail(
				r,
				"a part has one of field, first, each, calc and value: this has "
				"%s and %s",
				k->key, kinds[i].key);
		k = there ? &kinds[i] : k;
	}
	return k ? k : &kinds[sizeof(kinds) / sizeof(kinds[0]) - 1];
}

static void check_keys(struct form_reader *r, int table, const struct part_kind *k)
{
	lua_Unsigned n = lua_rawlen(r->L, table);

	lua_pushfstring(r->L, "form: %s%s", r->path, k->what);
	keys_check(r->L, table, k->known, lua_tostring(r->L, -1));
	lua_pop(r->L, 1);
	for (lua_pushnil(r->L); lua_next(r->L, table); lua_pop(r->L, 1)) {
		if (lua_type(r->L, -2) == LUA_TSTRING)
			continue;
		if (k->key)
			reader_fail(r, "%s has no list of parts", k->what);
		/* a hole would end the list somewhere */
		if (!lua_isinteger(r->L, -2) || lua_tointeger(r->L, -2) < 1 ||
		    (lua_Unsigned)lua_tointeger(r->L, -2) > n)
			reader_fail(r, "a list of parts has no holes and no keys but names; false "
				       "stands for nothing");
	}
}

/* Is a part of it tested by the kernel alone, which does not see what forms print? */
static bool is_of_kernel(const struct node *n)
{
	bool found = n->kind == NODE_KERNEL;

	for (size_t i = 0; i < n->n; i++)
		found |= is_of_kernel(n->kids[i]);
	return found;
}

static void read_when(struct form_reader *r, int table, struct form_part *p)
{
	struct node *tree = NULL;
	struct nl_error err;
	struct query *q;
	size_t at = reader_enter(r, "when", 0);
	bool place, kernel;
	int rc;

	if (!reader_member(r, table, "when")) {
		lua_pop(r->L, 1);
		reader_leave(r, at);
		return;
	}
	if (!lua_istable(r->L, -1))
		reader_fail(r, "it is a table of conditions, such as {state=\"listen\"}, not a %s",
			    luaL_typename(r->L, -1));
	for (lua_pushnil(r->L); lua_next(r->L, -2); lua_pop(r->L, 1)) {
		const struct field *f;

		if (lua_type(r->L, -2) != LUA_TSTRING)
			continue;
		if (lua_isfunction(r->L, -1))
			reader_fail(r, "a condition is no function");
		f = source_field(r->source, lua_tostring(r->L, -2));
		if (f && f->flags & (FF_REQUEST | FF_SETTING))
			reader_fail(r, "%s says what to ask, it is no condition on a row", f->name);
	}
	q = query_new(r->source);
	if (!q) {
		reader_no_memory(r);
		return;
	}
	rc = filter_table(r->L, -1, q, &err);
	place = q->nnetns || q->place;
	kernel = q->filter && is_of_kernel(q->filter);
	if (rc == 0 && !place && !kernel && q->filter)
		tree = node_ref(q->filter);
	query_unref(q);
	if (rc < 0)
		reader_refuse(r, &err);
	if (place)
		reader_fail(r, "netns says what to ask, it is no condition on a row");
	if (kernel)
		reader_fail(r, "\"kernel\" says what to ask, it is no condition on a row");
	if (tree) {
		p->when = form_test_new(r->form, tree, !r->inside);
		if (!p->when)
			reader_no_memory(r);
	}
	lua_pop(r->L, 1);
	reader_leave(r, at);
}

/* What any table has: its condition, what stands for it, what stands around it. */
static void read_common(struct form_reader *r, int table, struct form_part *p)
{
	struct form_text align = { .p = NULL };
	lua_Integer n;

	read_when(r, table, p);
	p->otherwise = part_member(r, table, "otherwise");
	reader_text_member(r, table, "before", &p->before);
	reader_text_member(r, table, "after", &p->after);
	reader_text_member(r, table, "upto", &p->upto);
	reader_count_member(r, table, "width", 0, UINT16_MAX, &n);
	p->width = (unsigned)n;
	p->cuts = reader_count_member(r, table, "cut", 0, UINT16_MAX, &n);
	p->cut = (unsigned)n;
	if (reader_text_member(r, table, "align", &align)) {
		p->right = strcmp(align.p, "right") == 0;
		if (!p->right && strcmp(align.p, "left") != 0)
			reader_fail(r, "align is left or right, not '%.60s'", align.p);
	}
}

struct form_part *reader_part(struct form_reader *r, int index)
{
	struct form_part *p = reader_take(r, sizeof(*p));
	const struct part_kind *k;

	if (lua_type(r->L, index) == LUA_TSTRING) {
		p->kind = FORM_TEXT;
		reader_text(r, index, &p->text);
		return p;
	}
	if (!lua_istable(r->L, index))
		reader_fail(r, "a part is a text or a table, not a %s", luaL_typename(r->L, index));
	if (++r->depth > FORM_DEPTH)
		reader_fail(r, "parts are nested too deep: more than %d", FORM_DEPTH);
	luaL_checkstack(r->L, 16, NULL);
	k = kind_of(r, index);
	check_keys(r, index, k);
	p->kind = k->kind;
	if (k->read)
		k->read(r, index, p);
	else
		read_list(r, index, "part", p);
	read_common(r, index, p);
	r->depth--;
	return p;
}
