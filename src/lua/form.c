/*
 * Owns forms as Lua has them: reading their parts from tables, which are only looked at
 * while a form is made, printing a record by one, and q:write.
 */
#include "connsh/form.h"
#include "columns.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORM_MT "connsh.form"

/* User value 1: its functions by their numbers, or nil. */
struct lx_form {
	struct form *form;
};

bool form_is(lua_State *L, int index)
{
	return luaL_testudata(L, index, FORM_MT) != NULL;
}

struct form *form_check(lua_State *L, int index)
{
	struct lx_form *lf = luaL_checkudata(L, index, FORM_MT);

	if (!lf->form)
		luaL_error(L, "this form is closed");
	return lf->form;
}

const struct source *form_source(lua_State *L, int index)
{
	return form_of(form_check(L, index));
}

static int form_gc(lua_State *L)
{
	struct lx_form *lf = luaL_checkudata(L, 1, FORM_MT);

	form_free(lf->form);
	lf->form = NULL;
	return 0;
}

/* ---- reading parts ------------------------------------------------------------------- */

struct form_reader {
	lua_State *L;
	struct form *form;
	const struct source *source; /* of the rows that the parts at hand are for */
	int box;		     /* place of the form's userdata */
	int depth;
	bool inside; /* the parts are for rows of a list */
	size_t len;
	char path[160]; /* where in the tables: "part 3: otherwise: " */
};

/* Enters a member of the part at hand; what it returns leaves it. */
static size_t enter(struct form_reader *r, const char *name, lua_Unsigned nth)
{
	size_t before = r->len;
	int n;

	if (nth)
		n = snprintf(r->path + r->len, sizeof(r->path) - r->len, "%s %llu: ", name,
			     (unsigned long long)nth);
	else
		n = snprintf(r->path + r->len, sizeof(r->path) - r->len, "%s: ", name);
	/* of a path too long to show its begin is shown */
	if (n > 0 && (size_t)n < sizeof(r->path) - r->len)
		r->len += (size_t)n;
	r->path[r->len] = '\0';
	return before;
}

static void leave(struct form_reader *r, size_t before)
{
	r->len = before;
	r->path[before] = '\0';
}

static int refuse(struct form_reader *r, const struct nl_error *why)
{
	struct nl_error err = { .code = why->code };
	int room = (int)(sizeof(err.text) - sizeof("form: ") - r->len);

	snprintf(err.text, sizeof(err.text), "form: %s%.*s", r->path, room, why->text);
	return raise_error(r->L, NULL, &err);
}

__attribute__((format(printf, 2, 3))) static int fail(struct form_reader *r, const char *fmt, ...)
{
	struct nl_error err = { .code = EINVAL };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err.text, sizeof(err.text), fmt, ap);
	va_end(ap);
	return refuse(r, &err);
}

static int no_memory(struct form_reader *r)
{
	return luaL_error(r->L, "out of memory");
}

static void *take(struct form_reader *r, size_t size)
{
	void *p = form_alloc(r->form, size);

	if (!p)
		no_memory(r);
	return p;
}

/* The length of a list with holes may be any number. */
static void *take_list(struct form_reader *r, lua_Unsigned n, size_t size)
{
	if (n > SIZE_MAX / size)
		no_memory(r);
	return take(r, (size_t)n * size);
}

/* Pushes the member, read raw; false: it is nil. */
static bool member(struct form_reader *r, int table, const char *key)
{
	lua_pushstring(r->L, key);
	return lua_rawget(r->L, table) != LUA_TNIL;
}

static void copy_text(struct form_reader *r, int index, struct form_text *out)
{
	size_t len;
	const char *text = lua_tolstring(r->L, index, &len);

	if (!form_copy(r->form, text, len, out))
		no_memory(r);
}

/* A text; absent: *out stays. True: it is there. */
static bool text_member(struct form_reader *r, int table, const char *key, struct form_text *out)
{
	bool there = member(r, table, key);

	if (there && lua_type(r->L, -1) != LUA_TSTRING)
		fail(r, "%s is a text, not a %s", key, luaL_typename(r->L, -1));
	if (there)
		copy_text(r, -1, out);
	lua_pop(r->L, 1);
	return there;
}

static bool flag_member(struct form_reader *r, int table, const char *key)
{
	bool flag = false;

	if (member(r, table, key)) {
		if (!lua_isboolean(r->L, -1))
			fail(r, "%s is true or false, not a %s", key, luaL_typename(r->L, -1));
		flag = lua_toboolean(r->L, -1);
	}
	lua_pop(r->L, 1);
	return flag;
}

/* A whole number of at least `least`; absent: 0 and false. */
static bool count_member(struct form_reader *r, int table, const char *key, lua_Integer least,
			 lua_Integer most, lua_Integer *out)
{
	bool there = member(r, table, key);
	int whole = 1;

	*out = 0;
	if (there) {
		*out = lua_type(r->L, -1) == LUA_TNUMBER ? lua_tointegerx(r->L, -1, &whole) : -1;
		if (!whole || *out < least || *out > most)
			fail(r, "%s is a whole number, %lld to %lld, not %.60s", key,
			     (long long)least, (long long)most, luaL_tolstring(r->L, -1, NULL));
	}
	lua_pop(r->L, 1);
	return there;
}

/* ---- fields and values --------------------------------------------------------------- */

static const struct field *named_field(struct form_reader *r, const char *name)
{
	const struct field *f = source_field(r->source, name);
	const char *near;

	if (!f) {
		near = source_nearest(r->source, name);
		fail(r,
		     near ? "%s have no field '%.60s'; did you mean '%s'?"
			  : "%s have no field '%.60s'",
		     r->source->name, name, near);
	}
	if (f->flags & FF_SETTING)
		fail(r, "%s says how to ask, no row has it", f->name);
	if (!r->inside && !form_use(r->form, f))
		no_memory(r);
	return f;
}

/* The name at index is that of a field. */
static const struct field *field_at(struct form_reader *r, int index, const char *key)
{
	if (lua_type(r->L, index) != LUA_TSTRING)
		fail(r, "%s is the name of a field, not a %s", key, luaL_typename(r->L, index));
	return named_field(r, lua_tostring(r->L, index));
}

static void key_at(struct form_reader *r, int index, const struct field *f, struct form_key *key)
{
	struct value v = { .kind = VALUE_NIL };
	struct nl_error err;

	switch (lua_type(r->L, index)) {
	case LUA_TBOOLEAN:
		v.kind = VALUE_BOOL;
		v.flag = lua_toboolean(r->L, index);
		break;
	case LUA_TNUMBER:
		v.kind = VALUE_FLOAT;
		v.real = lua_tonumber(r->L, index);
		break;
	case LUA_TSTRING:
		v.kind = VALUE_TEXT;
		v.text.p = lua_tolstring(r->L, index, &v.text.len);
		break;
	default:
		fail(r, "a value is a number, a text or a boolean, not a %s",
		     luaL_typename(r->L, index));
	}
	if (form_key_read(r->form, f, &v, key, &err) < 0)
		refuse(r, &err);
}

static void read_unless(struct form_reader *r, int table, struct form_value *v)
{
	size_t at = enter(r, "unless", 0);
	lua_Unsigned n;

	if (!member(r, table, "unless")) {
		/* each value that there is is printed */
	} else if (!lua_istable(r->L, -1)) {
		v->unless = take(r, sizeof(*v->unless));
		key_at(r, -1, v->field, v->unless);
		v->nunless = 1;
	} else {
		n = lua_rawlen(r->L, -1);
		v->unless = take_list(r, n, sizeof(*v->unless));
		for (lua_Unsigned i = 1; i <= n; i++) {
			lua_rawgeti(r->L, -1, (lua_Integer)i);
			key_at(r, -1, v->field, &v->unless[i - 1]);
			lua_pop(r->L, 1);
		}
		v->nunless = (size_t)n;
	}
	lua_pop(r->L, 1);
	leave(r, at);
}

static void add_entry(struct form_reader *r, struct form_value *v)
{
	struct form_entry *e = &v->map[v->nmap];

	key_at(r, -2, v->field, &e->key);
	if (lua_type(r->L, -1) != LUA_TSTRING)
		fail(r, "what a value is printed as is a text, not a %s", luaL_typename(r->L, -1));
	copy_text(r, -1, &e->text);
	for (size_t i = 0; i < v->nmap; i++)
		if (e->key.kind == VALUE_FLOAT && v->map[i].key.kind == VALUE_FLOAT &&
		    v->map[i].key.real == e->key.real)
			fail(r, "two keys are the same value");
	v->nmap++;
}

static void read_map(struct form_reader *r, int table, struct form_value *v)
{
	size_t at = enter(r, "map", 0), n = 0;

	if (member(r, table, "map")) {
		int map = lua_gettop(r->L);

		if (!lua_istable(r->L, map))
			fail(r, "it is a table of values and their texts, not a %s",
			     luaL_typename(r->L, map));
		for (lua_pushnil(r->L); lua_next(r->L, map); lua_pop(r->L, 1))
			n++;
		v->map = take(r, n * sizeof(*v->map));
		for (lua_pushnil(r->L); lua_next(r->L, map); lua_pop(r->L, 1))
			add_entry(r, v);
	}
	lua_pop(r->L, 1);
	leave(r, at);
}

static void read_as(struct form_reader *r, int table, struct form_value *v)
{
	struct form_text as = { .p = NULL };
	struct form_format *format;
	struct nl_error err;
	const char *near;

	if (!text_member(r, table, "as", &as))
		return;
	if (memchr(as.p, '%', as.len)) {
		format = take(r, sizeof(*format));
		if (form_format_parse(r->form, as.p, as.len, format, &err) < 0)
			refuse(r, &err);
		v->as = format;
		return;
	}
	v->renderer = form_renderer_find(as.p);
	if (v->renderer)
		return;
	near = form_renderer_nearest(as.p);
	fail(r,
	     near ? "as is a format such as \"%%u\" or the name of a renderer; '%.60s' is neither; "
		    "did you mean '%s'?"
		  : "as is a format such as \"%%u\" or the name of a renderer; '%.60s' is neither",
	     as.p, near);
}

static void read_options(struct form_reader *r, int table, struct form_value *v)
{
	struct form_options *o = &v->options;
	bool any = text_member(r, table, "proto", &o->proto);

	o->local_range = flag_member(r, table, "local_range");
	o->rpc = flag_member(r, table, "rpc");
	if ((any || o->local_range || o->rpc) &&
	    !(v->renderer && form_renderer_has_options(v->renderer)))
		fail(r, "proto, local_range and rpc are for as=\"service\"");
}

/* unit, wrap, mul, div */
static void read_number(struct form_reader *r, int table, struct form_value *v)
{
	struct form_text unit = { .p = NULL };
	lua_Integer n;

	text_member(r, table, "unit", &unit);
	v->unit = unit.p;
	v->wrap = count_member(r, table, "wrap", 32, 32, &n);
	count_member(r, table, "mul", 1, UINT32_MAX, &n);
	v->mul = (uint64_t)n;
	count_member(r, table, "div", 1, UINT32_MAX, &n);
	v->div = (uint64_t)n;
}

static void value_ready(struct form_reader *r, struct form_value *v)
{
	struct nl_error err;

	if (form_value_ready(r->form, v, &err) < 0)
		refuse(r, &err);
}

static void read_value(struct form_reader *r, int table, struct form_value *v)
{
	read_number(r, table, v);
	read_as(r, table, v);
	read_options(r, table, v);
	read_unless(r, table, v);
	read_map(r, table, v);
	value_ready(r, v);
}

/* ---- parts --------------------------------------------------------------------------- */

static struct form_part *read_part(struct form_reader *r, int index);

static struct form_part *part_member(struct form_reader *r, int table, const char *key)
{
	struct form_part *p = NULL;
	size_t at = enter(r, key, 0);

	if (member(r, table, key))
		p = read_part(r, lua_gettop(r->L));
	lua_pop(r->L, 1);
	leave(r, at);
	return p;
}

/* The list of parts at index; false stands for none. */
static void read_list(struct form_reader *r, int list, const char *name, struct form_part *p)
{
	lua_Unsigned n = lua_rawlen(r->L, list);

	p->kids = take_list(r, n ? n : 1, sizeof(struct form_part *));
	for (lua_Unsigned i = 1; i <= n; i++) {
		size_t at = enter(r, name, i);

		lua_rawgeti(r->L, list, (lua_Integer)i);
		if (!lua_isboolean(r->L, -1) || lua_toboolean(r->L, -1))
			p->kids[p->n++] = read_part(r, lua_gettop(r->L));
		lua_pop(r->L, 1);
		leave(r, at);
	}
}

static void read_field(struct form_reader *r, int table, struct form_part *p)
{
	member(r, table, "field");
	p->value.field = field_at(r, -1, "field");
	lua_pop(r->L, 1);
	if (p->value.field->type == FT_ROWS)
		fail(r, "%s is a list of %s: {each=\"%s\", part=...} prints its items",
		     p->value.field->name, p->value.field->rows->name, p->value.field->name);
	read_value(r, table, &p->value);
}

static void read_first(struct form_reader *r, int table, struct form_part *p)
{
	member(r, table, "first");
	if (!lua_istable(r->L, -1))
		fail(r, "first is a list of parts, not a %s", luaL_typename(r->L, -1));
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
		if (member(r, table, other[i]))
			fail(r, "%s is of a value, and %s is a list of %s: it belongs into part",
			     other[i], p->list->name, p->list->rows->name);
		lua_pop(r->L, 1);
	}
	if (r->inside)
		fail(r, "a list of records in a list of records cannot be printed");
	r->inside = true;
	r->source = p->list->rows;
	p->part = part_member(r, table, "part");
	r->inside = false;
	r->source = outer;
	if (!p->part)
		fail(r, "%s is a list of %s: part says how one is printed", p->list->name,
		     p->list->rows->name);
}

static void read_each(struct form_reader *r, int table, struct form_part *p)
{
	const struct field *f;

	member(r, table, "each");
	p->list = f = field_at(r, -1, "each");
	lua_pop(r->L, 1);
	text_member(r, table, "between", &p->between);
	p->reverse = flag_member(r, table, "reverse");
	if (f->type == FT_ROWS) {
		read_each_row(r, table, p);
		return;
	}
	if (!(f->flags & FF_LIST) && !f->get_more)
		fail(r, "%s is no list: {field=\"%s\"} prints it", f->name, f->name);
	if (member(r, table, "part"))
		fail(r, "%s is a list of plain values: as, map and unless say how one is printed",
		     f->name);
	lua_pop(r->L, 1);
	p->value.field = f;
	read_value(r, table, &p->value);
}

/* A field of a calculation: its name, or {field=, unit=, wrap=, mul=, div=}. */
static void read_operand(struct form_reader *r, int index, struct form_step *s)
{
	static const char *const known[] = { "field", "unit", "wrap", "mul", "div", NULL };

	s->value = take(r, sizeof(*s->value));
	if (lua_istable(r->L, index)) {
		lua_pushfstring(r->L, "form: %sa field of a calculation", r->path);
		keys_check(r->L, index, known, lua_tostring(r->L, -1));
		lua_pop(r->L, 1);
		member(r, index, "field");
		s->value->field = field_at(r, -1, "field");
		lua_pop(r->L, 1);
		read_number(r, index, s->value);
	} else {
		s->value->field = field_at(r, index, "a member of calc");
	}
	if (!form_is_number(s->value->field) || s->value->field->type == FT_ENUM)
		fail(r, "%s is of type %s: it cannot be calculated with", s->value->field->name,
		     field_kinds[s->value->field->type].name);
	value_ready(r, s->value);
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

	member(r, table, "calc");
	if (!lua_istable(r->L, -1))
		fail(r, "calc is a list of numbers, fields and + - * /, not a %s",
		     luaL_typename(r->L, -1));
	n = lua_rawlen(r->L, -1);
	p->steps = take_list(r, n ? n : 1, sizeof(*p->steps));
	for (lua_Unsigned i = 1; i <= n; i++) {
		struct form_step *s = &p->steps[p->nsteps++];
		size_t at = enter(r, "calc", i);

		lua_rawgeti(r->L, -1, (lua_Integer)i);
		if (is_operation(r, -1)) {
			s->operation = lua_tostring(r->L, -1)[0];
			if (held < 2)
				fail(r, "%c takes the two numbers before it, and there are %zu",
				     s->operation, held);
			held--;
		} else if (held == FORM_STACK) {
			fail(r, "more than %d numbers wait for an operation", FORM_STACK);
		} else {
			held++;
			if (lua_type(r->L, -1) == LUA_TNUMBER)
				s->real = lua_tonumber(r->L, -1);
			else
				read_operand(r, lua_gettop(r->L), s);
		}
		lua_pop(r->L, 1);
		leave(r, at);
	}
	lua_pop(r->L, 1);
	if (held != 1)
		fail(r, "calc leaves %zu numbers, not one", held);
	read_value(r, table, &p->value);
}

static void read_function(struct form_reader *r, int table, struct form_part *p)
{
	member(r, table, "value");
	if (!lua_isfunction(r->L, -1))
		fail(r, "value is a function, not a %s", luaL_typename(r->L, -1));
	/* it could read the list that is being walked */
	if (r->inside)
		fail(r, "a function stands outside of each");
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
		bool there = member(r, table, kinds[i].key);

		lua_pop(r->L, 1);
		if (there && k)
			fail(r,
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
			fail(r, "%s has no list of parts", k->what);
		/* a hole would end the list somewhere */
		if (!lua_isinteger(r->L, -2) || lua_tointeger(r->L, -2) < 1 ||
		    (lua_Unsigned)lua_tointeger(r->L, -2) > n)
			fail(r, "a list of parts has no holes and no keys but names; false "
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
	size_t at = enter(r, "when", 0);
	bool place, kernel;
	int rc;

	if (!member(r, table, "when")) {
		lua_pop(r->L, 1);
		leave(r, at);
		return;
	}
	if (!lua_istable(r->L, -1))
		fail(r, "it is a table of conditions, such as {state=\"listen\"}, not a %s",
		     luaL_typename(r->L, -1));
	for (lua_pushnil(r->L); lua_next(r->L, -2); lua_pop(r->L, 1)) {
		const struct field *f;

		if (lua_type(r->L, -2) != LUA_TSTRING)
			continue;
		if (lua_isfunction(r->L, -1))
			fail(r, "a condition is no function");
		f = source_field(r->source, lua_tostring(r->L, -2));
		if (f && f->flags & (FF_REQUEST | FF_SETTING))
			fail(r, "%s says what to ask, it is no condition on a row", f->name);
	}
	q = query_new(r->source);
	if (!q) {
		no_memory(r);
		return;
	}
	rc = filter_table(r->L, -1, q, &err);
	place = q->nnetns || q->place;
	kernel = q->filter && is_of_kernel(q->filter);
	if (rc == 0 && !place && !kernel && q->filter)
		tree = node_ref(q->filter);
	query_unref(q);
	if (rc < 0)
		refuse(r, &err);
	if (place)
		fail(r, "netns says what to ask, it is no condition on a row");
	if (kernel)
		fail(r, "\"kernel\" says what to ask, it is no condition on a row");
	if (tree) {
		p->when = form_test_new(r->form, tree, !r->inside);
		if (!p->when)
			no_memory(r);
	}
	lua_pop(r->L, 1);
	leave(r, at);
}

/* What any table has: its condition, what stands for it, what stands around it. */
static void read_common(struct form_reader *r, int table, struct form_part *p)
{
	struct form_text align = { .p = NULL };
	lua_Integer n;

	read_when(r, table, p);
	p->otherwise = part_member(r, table, "otherwise");
	text_member(r, table, "before", &p->before);
	text_member(r, table, "after", &p->after);
	text_member(r, table, "upto", &p->upto);
	count_member(r, table, "width", 0, UINT16_MAX, &n);
	p->width = (unsigned)n;
	p->cuts = count_member(r, table, "cut", 0, UINT16_MAX, &n);
	p->cut = (unsigned)n;
	if (text_member(r, table, "align", &align)) {
		p->right = strcmp(align.p, "right") == 0;
		if (!p->right && strcmp(align.p, "left") != 0)
			fail(r, "align is left or right, not '%.60s'", align.p);
	}
}

static struct form_part *read_part(struct form_reader *r, int index)
{
	struct form_part *p = take(r, sizeof(*p));
	const struct part_kind *k;

	if (lua_type(r->L, index) == LUA_TSTRING) {
		p->kind = FORM_TEXT;
		copy_text(r, index, &p->text);
		return p;
	}
	if (!lua_istable(r->L, index))
		fail(r, "a part is a text or a table, not a %s", luaL_typename(r->L, index));
	if (++r->depth > FORM_DEPTH)
		fail(r, "parts are nested too deep: more than %d", FORM_DEPTH);
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

/*
 * q:form(part): how a row is printed, as data. A part is one of
 *
 *   "text"               itself
 *   {part, ...}          one behind the other; false stands for nothing
 *   {field=NAME, ...}    a value, if the row has it and it is none of unless (a value or a list).
 *                        map={[value]=text} prints some as a text; as prints the others: a
 *                        printf-like format with one of %d %u %x %X %o %g %f %s %c (%s of a name is
 *                        its text, %d its number), or "service" (of a port; proto="tcp": of that
 *                        protocol only, local_range=true: not of ports that the kernel gives away,
 *                        rpc=true: what rpcbind knows first), "host" (of an address),
 *                        "host_before_port" (the same, brackets around an IPv6 address), "bits"
 *                        (1.5M) or "clock" (9min59sec). Durations are of unit "us", "ms" or "s".
 *                        wrap=32 takes it as a signed number of 32 bits, mul and div are one exact
 *                        step. Control bytes of texts from outside are dots.
 *   {first={part, ...}}  the first one that applies
 *   {each=NAME, ...}     a list: of records, part is how one is printed; of plain values, what a
 *                        field has says it. between=text, reverse=true
 *   {calc={...}}         numbers, fields (NAME or {field=NAME, unit=, mul=, div=, wrap=}) and + - *
 *                        / in postfix, as reals; applies if all are there and the result is finite.
 *                        as, unless and map as of a field
 *   {value=function}     what it returns for the record, in Lua for each row; nil does not apply
 *
 * and each table may have when={conditions} (if they do not hold it does not apply), otherwise=part
 * (if it does not apply), upto=text (ends before that), cut=n and width=n with align="right" (of
 * what it prints, in bytes), before=text and after=text (around it, if it applies).
 *
 * Parts are read now, and never again: a change of their tables changes nothing.
 */
static int form_method(lua_State *L)
{
	const struct lx_query *lq = query_check(L, 1);
	struct form_reader r = { .L = L, .source = lq->q->source };
	struct lx_form *lf;

	luaL_argcheck(L, lua_gettop(L) == 2, 2, "a form is made of one part: a text or a table");
	lf = lua_newuserdatauv(L, sizeof(*lf), 1);
	r.box = lua_gettop(L);
	lf->form = NULL;
	luaL_setmetatable(L, FORM_MT);
	lf->form = r.form = form_new(r.source);
	if (!r.form)
		return no_memory(&r);
	form_ready(r.form, read_part(&r, 2));
	return 1;
}

/* ---- printing ------------------------------------------------------------------------ */

int form_row(lua_State *L, int form, int cursor, const struct row *row, struct fmt_text *out,
	     struct nl_error *err)
{
	const struct lx_form *lf = lua_touserdata(L, form);
	struct lx_calls calls;

	/* most have none, and each cell of a table comes here */
	if (!form_has_functions(lf->form))
		return form_write(lf->form, row, NULL, out, err) ? 0 : -1;
	calls_set(&calls, L, form, cursor);
	return form_write(lf->form, row, &calls.calls, out, err) ? 0 : -1;
}

static void release_text(void *p)
{
	fmt_text_free(p);
	free(p);
}

static struct fmt_text *push_text(lua_State *L)
{
	struct lx_box *box = box_push(L, release_text);

	box->p = calloc(1, sizeof(struct fmt_text));
	if (!box->p)
		luaL_error(L, "out of memory");
	return box->p;
}

void form_record(lua_State *L, int form, int record, struct fmt_text *out)
{
	const struct form *f = form_check(L, form);
	const struct lx_record *rec = record_any(L, record);
	const struct field *const *fields;
	struct nl_error err;
	struct value v;
	struct row row;
	size_t n;

	form = lua_absindex(L, form);
	record = lua_absindex(L, record);
	if (!rec || rec->source != form_of(f))
		luaL_error(L, "a form for %s prints a %s, not a %s", form_of(f)->name,
			   form_of(f)->row_name,
			   rec ? rec->source->row_name : luaL_typename(L, record));
	record_check(L, record);
	/* what the record lacks is asked for, of the owners too */
	n = form_fields(f, &fields);
	for (size_t i = 0; i < n; i++)
		if (fields[i]->needs & ~rec->asked)
			record_get(L, record, fields[i], &row, &v);
	/* a function of the form that reads the record may replace what the row lies in */
	record_message(L, record);
	record_row(rec, &row);
	if (form_row(L, form, record, &row, out, &err) < 0)
		raise_error(L, "form", &err);
	lua_pop(L, 1);
}

/* form(record): what it prints of the record. */
static int form_call(lua_State *L)
{
	struct fmt_text *text;

	form_check(L, 1);
	lua_settop(L, 2);
	text = push_text(L);
	form_record(L, 1, 2, text);
	lua_pushlstring(L, text->p ? text->p : "", text->len);
	return 1;
}

struct writing {
	int form;
	const luaL_Stream *stream; /* NULL: standard output */
	struct fmt_text *text;
	lua_Integer rows;
};

static int write_row(lua_State *L, void *arg, const struct row *row, int cursor,
		     struct nl_error *err)
{
	struct writing *w = arg;
	FILE *out = stdout;

	w->text->len = 0;
	if (form_row(L, w->form, cursor, row, w->text, err) < 0)
		return -1;
	/* a function of the form may have closed it */
	if (w->stream && !w->stream->closef)
		return nl_fail(err, EBADF, "the file was closed while rows were written to it");
	if (w->stream)
		out = w->stream->f;
	errno = 0;
	if (w->text->len && fwrite(w->text->p, 1, w->text->len, out) != w->text->len)
		return nl_fail(err, errno ? errno : EIO, "cannot write: %s",
			       strerror(errno ? errno : EIO));
	w->rows++;
	return 0;
}

/* q:write(form [, file]): each row as the form prints it, nothing between. Returns how many. */
static int write_method(lua_State *L)
{
	const struct lx_query *lq = query_check(L, 1);
	const struct form *f = form_check(L, 2);
	struct writing w = { .form = 2 };
	struct lx_sink sink = { write_row, NULL, &w };

	lua_settop(L, 3);
	if (form_of(f) != lq->q->source)
		return luaL_error(L, "a form for %s cannot write %s", form_of(f)->name,
				  lq->q->source->name);
	if (!lua_isnil(L, 3)) {
		w.stream = luaL_checkudata(L, 3, LUA_FILEHANDLE);
		if (!w.stream->closef)
			return luaL_error(L, "this file is closed");
	}
	w.text = push_text(L);
	run_query(L, 1, form_needs(f), &sink);
	lua_pushinteger(L, w.rows);
	return 1;
}

const luaL_Reg query_form_methods[] = {
	{ "form", form_method },
	{ "write", write_method },
	{ NULL, NULL },
};

static int form_tostring(lua_State *L)
{
	lua_pushfstring(L, "form for %s", form_source(L, 1)->name);
	return 1;
}

void form_open(lua_State *L)
{
	static const luaL_Reg meta[] = {
		{ "__call", form_call },
		{ "__tostring", form_tostring },
		{ "__gc", form_gc },
		{ NULL, NULL },
	};

	luaL_newmetatable(L, FORM_MT);
	luaL_setfuncs(L, meta, 0);
	lua_pop(L, 1);
}
