/*
 * Owns reading the members of parts of forms from Lua tables, and what a value of a field takes:
 * formats, units, maps. Errors name the part.
 */
#include "form_read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t reader_enter(struct form_reader *r, const char *name, lua_Unsigned nth)
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

void reader_leave(struct form_reader *r, size_t before)
{
	r->len = before;
	r->path[before] = '\0';
}

int reader_refuse(struct form_reader *r, const struct nl_error *why)
{
	struct nl_error err = { .code = why->code };
	int room = (int)(sizeof(err.text) - sizeof("form: ") - r->len);

	snprintf(err.text, sizeof(err.text), "form: %s%.*s", r->path, room, why->text);
	return raise_error(r->L, NULL, &err);
}

int reader_fail(struct form_reader *r, const char *fmt, ...)
{
	struct nl_error err = { .code = EINVAL };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err.text, sizeof(err.text), fmt, ap);
	va_end(ap);
	return reader_refuse(r, &err);
}

int reader_no_memory(struct form_reader *r)
{
	return luaL_error(r->L, "out of memory");
}

void *reader_take(struct form_reader *r, size_t size)
{
	void *p = form_alloc(r->form, size);

	if (!p)
		reader_no_memory(r);
	return p;
}

void *reader_take_list(struct form_reader *r, lua_Unsigned n, size_t size)
{
	if (n > SIZE_MAX / size)
		reader_no_memory(r);
	return reader_take(r, (size_t)n * size);
}

bool reader_member(struct form_reader *r, int table, const char *key)
{
	lua_pushstring(r->L, key);
	return lua_rawget(r->L, table) != LUA_TNIL;
}

void reader_text(struct form_reader *r, int index, struct form_text *out)
{
	size_t len;
	const char *text = lua_tolstring(r->L, index, &len);

	if (!form_copy(r->form, text, len, out))
		reader_no_memory(r);
}

bool reader_text_member(struct form_reader *r, int table, const char *key, struct form_text *out)
{
	bool there = reader_member(r, table, key);

	if (there && lua_type(r->L, -1) != LUA_TSTRING)
		reader_fail(r, "%s is a text, not a %s", key, luaL_typename(r->L, -1));
	if (there)
		reader_text(r, -1, out);
	lua_pop(r->L, 1);
	return there;
}

bool reader_flag_member(struct form_reader *r, int table, const char *key)
{
	bool flag = false;

	if (reader_member(r, table, key)) {
		if (!lua_isboolean(r->L, -1))
			reader_fail(r, "%s is true or false, not a %s", key,
				    luaL_typename(r->L, -1));
		flag = lua_toboolean(r->L, -1);
	}
	lua_pop(r->L, 1);
	return flag;
}

bool reader_count_member(struct form_reader *r, int table, const char *key, lua_Integer least,
			 lua_Integer most, lua_Integer *out)
{
	bool there = reader_member(r, table, key);
	int whole = 1;

	*out = 0;
	if (there) {
		*out = lua_type(r->L, -1) == LUA_TNUMBER ? lua_tointegerx(r->L, -1, &whole) : -1;
		if (!whole || *out < least || *out > most)
			reader_fail(r, "%s is a whole number, %lld to %lld, not %.60s", key,
				    (long long)least, (long long)most,
				    luaL_tolstring(r->L, -1, NULL));
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
		reader_fail(r,
			    near ? "%s have no field '%.60s'; did you mean '%s'?"
				 : "%s have no field '%.60s'",
			    r->source->name, name, near);
	}
	if (f->flags & FF_SETTING)
		reader_fail(r, "%s says how to ask, no row has it", f->name);
	if (!r->inside && !form_use(r->form, f))
		reader_no_memory(r);
	return f;
}

const struct field *reader_field(struct form_reader *r, int index, const char *key)
{
	if (lua_type(r->L, index) != LUA_TSTRING)
		reader_fail(r, "%s is the name of a field, not a %s", key,
			    luaL_typename(r->L, index));
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
		reader_fail(r, "a value is a number, a text or a boolean, not a %s",
			    luaL_typename(r->L, index));
	}
	if (form_key_read(r->form, f, &v, key, &err) < 0)
		reader_refuse(r, &err);
}

static void read_unless(struct form_reader *r, int table, struct form_value *v)
{
	size_t at = reader_enter(r, "unless", 0);
	lua_Unsigned n;

	if (!reader_member(r, table, "unless")) {
		/* each value that there is is printed */
	} else if (!lua_istable(r->L, -1)) {
		v->unless = reader_take(r, sizeof(*v->unless));
		key_at(r, -1, v->field, v->unless);
		v->nunless = 1;
	} else {
		n = lua_rawlen(r->L, -1);
		v->unless = reader_take_list(r, n, sizeof(*v->unless));
		for (lua_Unsigned i = 1; i <= n; i++) {
			lua_rawgeti(r->L, -1, (lua_Integer)i);
			key_at(r, -1, v->field, &v->unless[i - 1]);
			lua_pop(r->L, 1);
		}
		v->nunless = (size_t)n;
	}
	lua_pop(r->L, 1);
	reader_leave(r, at);
}

static void add_entry(struct form_reader *r, struct form_value *v)
{
	struct form_entry *e = &v->map[v->nmap];

	key_at(r, -2, v->field, &e->key);
	if (lua_type(r->L, -1) != LUA_TSTRING)
		reader_fail(r, "what a value is printed as is a text, not a %s",
			    luaL_typename(r->L, -1));
	reader_text(r, -1, &e->text);
	for (size_t i = 0; i < v->nmap; i++)
		if (e->key.kind == VALUE_FLOAT && v->map[i].key.kind == VALUE_FLOAT &&
		    v->map[i].key.real == e->key.real)
			reader_fail(r, "two keys are the same value");
	v->nmap++;
}

static void read_map(struct form_reader *r, int table, struct form_value *v)
{
	size_t at = reader_enter(r, "map", 0), n = 0;

	if (reader_member(r, table, "map")) {
		int map = lua_gettop(r->L);

		if (!lua_istable(r->L, map))
			reader_fail(r, "it is a table of values and their texts, not a %s",
				    luaL_typename(r->L, map));
		for (lua_pushnil(r->L); lua_next(r->L, map); lua_pop(r->L, 1))
			n++;
		v->map = reader_take(r, n * sizeof(*v->map));
		for (lua_pushnil(r->L); lua_next(r->L, map); lua_pop(r->L, 1))
			add_entry(r, v);
	}
	lua_pop(r->L, 1);
	reader_leave(r, at);
}

static void read_as(struct form_reader *r, int table, struct form_value *v)
{
	struct form_text as = { .p = NULL };
	struct form_format *format;
	struct nl_error err;
	const char *near;

	if (!reader_text_member(r, table, "as", &as))
		return;
	if (memchr(as.p, '%', as.len)) {
		format = reader_take(r, sizeof(*format));
		if (form_format_parse(r->form, as.p, as.len, format, &err) < 0)
			reader_refuse(r, &err);
		v->as = format;
		return;
	}
	v->renderer = form_renderer_find(as.p);
	if (v->renderer)
		return;
	near = form_renderer_nearest(as.p);
	reader_fail(r,
		    near ? "as is a format such as \"%%u\" or the name of a renderer; '%.60s' is "
			   "neither; "
			   "did you mean '%s'?"
			 : "as is a format such as \"%%u\" or the name of a renderer; '%.60s' is "
			   "neither",
		    as.p, near);
}

static void read_options(struct form_reader *r, int table, struct form_value *v)
{
	struct form_options *o = &v->options;
	bool any = reader_text_member(r, table, "proto", &o->proto);

	o->local_range = reader_flag_member(r, table, "local_range");
	o->rpc = reader_flag_member(r, table, "rpc");
	if ((any || o->local_range || o->rpc) &&
	    !(v->renderer && form_renderer_has_options(v->renderer)))
		reader_fail(r, "proto, local_range and rpc are for as=\"service\"");
}

void reader_number(struct form_reader *r, int table, struct form_value *v)
{
	struct form_text unit = { .p = NULL };
	lua_Integer n;

	reader_text_member(r, table, "unit", &unit);
	v->unit = unit.p;
	v->wrap = reader_count_member(r, table, "wrap", 32, 32, &n);
	reader_count_member(r, table, "mul", 1, UINT32_MAX, &n);
	v->mul = (uint64_t)n;
	reader_count_member(r, table, "div", 1, UINT32_MAX, &n);
	v->div = (uint64_t)n;
}

void reader_value_ready(struct form_reader *r, struct form_value *v)
{
	struct nl_error err;

	if (form_value_ready(r->form, v, &err) < 0)
		reader_refuse(r, &err);
}

void reader_value(struct form_reader *r, int table, struct form_value *v)
{
	reader_number(r, table, v);
	read_as(r, table, v);
	read_options(r, table, v);
	read_unless(r, table, v);
	read_map(r, table, v);
	reader_value_ready(r, v);
}
