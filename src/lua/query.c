/*
 * Owns queries as Lua sees them: narrowing, the methods that run them, and what
 * they answer to operators. A source is the query without conditions.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct lx_query *query_push(lua_State *L, struct query *q)
{
	struct lx_query *lq = lua_newuserdatauv(L, sizeof(*lq), 1);

	lq->q = q;
	lq->report = NULL;
	luaL_setmetatable(L, QUERY_MT);
	return lq;
}

struct lx_query *query_check(lua_State *L, int index)
{
	struct lx_query *lq = luaL_checkudata(L, index, QUERY_MT);

	/* a finalizer may meet one that the collector has finished already */
	if (!lq->q)
		luaL_error(L, "this query is closed");
	return lq;
}

static int query_gc(lua_State *L)
{
	struct lx_query *lq = luaL_checkudata(L, 1, QUERY_MT);

	query_unref(lq->q);
	free(lq->report);
	lq->q = NULL;
	lq->report = NULL;
	return 0;
}

struct lx_query *query_copy(lua_State *L, int index)
{
	const struct lx_query *from = query_check(L, index);
	struct lx_query *lq;

	index = lua_absindex(L, index);
	lq = query_push(L, NULL);
	lq->q = query_derive(from->q);
	if (!lq->q)
		luaL_error(L, "out of memory");
	lua_getiuservalue(L, index, 1);
	lua_setiuservalue(L, -2, 1);
	return lq;
}

struct lx_query *query_slot(lua_State *L, int index)
{
	struct lx_query *lq;

	index = lua_absindex(L, index);
	lq = query_push(L, NULL);
	lua_getiuservalue(L, index, 1);
	lua_setiuservalue(L, -2, 1);
	return lq;
}

int query_filled(lua_State *L, const char *who, const struct nl_error *err)
{
	const struct lx_query *lq = lua_touserdata(L, -1);

	return lq->q ? 1 : raise_error(L, who, err);
}

/* Adds the function at index to those that filter the query box on top. */
static void add_test(lua_State *L, int function)
{
	struct lx_query *lq = lua_touserdata(L, -1);

	if (!query_test(lq->q, calls_add(L, -1, function)))
		luaL_error(L, "out of memory");
}

/* Narrows the box on top by the table of conditions at index. */
static void narrow_by_table(lua_State *L, struct lx_query *lq, int index, const char *who)
{
	struct nl_error err;

	if (filter_table(L, index, lq->q, &err) < 0)
		raise_error(L, who, &err);
	lua_pushliteral(L, "where");
	if (lua_rawget(L, index) == LUA_TFUNCTION) {
		lua_insert(L, -2);
		add_test(L, -2);
		lua_remove(L, -2);
	} else {
		lua_pop(L, 1);
	}
}

/*
 * Pushes the conditions that a text in the words of ss means; or returns 0 and pushes what is
 * wrong with it. The module ss_filter reads it, loaded when it is first needed.
 */
static int words_push(lua_State *L, int text)
{
	lua_getglobal(L, "require");
	lua_pushliteral(L, "ss_filter");
	lua_call(L, 1, 1);
	lua_getfield(L, -1, "words");
	lua_remove(L, -2);
	lua_pushvalue(L, text);
	lua_call(L, 1, 2);
	lua_remove(L, lua_isnil(L, -2) ? -2 : -1);
	return lua_istable(L, -1);
}

/* Narrows the box on top by the text at index. */
static void narrow_by_words(lua_State *L, struct lx_query *lq, int index, const char *who)
{
	const struct source *s = lq->q->source;
	struct nl_error err;

	if (s != &source_sockets && !lq->q->from) {
		nl_fail(&err, EINVAL,
			"a text of conditions is for sockets; of %s a table is expected, such as "
			"{%s=...}",
			s->name, s->fields[0].name);
		raise_error(L, who, &err);
	}
	if (!words_push(L, index)) {
		nl_fail(&err, EINVAL, "in \"%.60s\": %.180s", lua_tostring(L, index),
			lua_tostring(L, -1));
		raise_error(L, who, &err);
	}
	/* a condition stands in a list of them, or it would be read as the list */
	lua_createtable(L, 1, 0);
	lua_insert(L, -2);
	lua_rawseti(L, -2, 1);
	if (filter_table(L, -1, lq->q, &err) < 0)
		raise_error(L, who, &err);
	lua_pop(L, 1);
}

void query_narrow(lua_State *L, int index, int arg, const char *who)
{
	struct lx_query *lq;

	index = lua_absindex(L, index);
	arg = lua_absindex(L, arg);
	if (lua_type(L, arg) == LUA_TSTRING) {
		lq = query_copy(L, index);
		narrow_by_words(L, lq, arg, who);
		return;
	}
	if (!lua_istable(L, arg) && !lua_isfunction(L, arg))
		luaL_error(
			L,
			"%s: a table of conditions was expected, such as {lport=80}, or a text in "
			"the words of ss, got %s",
			who, lua_isnil(L, arg) ? "nil" : luaL_typename(L, arg));
	lq = query_copy(L, index);
	if (lua_istable(L, arg))
		narrow_by_table(L, lq, arg, who);
	else
		add_test(L, arg);
}

/* q(conditions), q() and, for generic for, q(nil, record) */
static int query_call(lua_State *L)
{
	const struct lx_query *lq = query_check(L, 1);
	int nargs = lua_gettop(L) - 1;

	if (nargs == 0) {
		lua_settop(L, 1);
	} else if (nargs == 2 && lua_isnil(L, 2)) {
		cursor_continue(L, 1, 3);
	} else if (nargs > 1) {
		return luaL_error(L, "%s: one table of conditions was expected, got %d values",
				  lq->q->source->name, nargs);
	} else {
		query_narrow(L, 1, 2, lq->q->source->name);
	}
	return 1;
}

/*
 * q:where(conditions), q:where("words of ss"), q:where(function), q:where(field, value),
 * q:where(field, op, value). A value that is nil raises: it never widens.
 */
static int query_where(lua_State *L)
{
	const struct lx_query *from = query_check(L, 1);
	int top = lua_gettop(L);
	struct nl_error err;
	struct lx_query *lq;
	const char *name, *op;

	/* the name of a field alone has lost its value, but for the word that is one too */
	if (top < 3 &&
	    (lua_type(L, 2) != LUA_TSTRING || !source_field(from->q->source, lua_tostring(L, 2)) ||
	     strcmp(lua_tostring(L, 2), "autobound") == 0)) {
		query_narrow(L, 1, 2, "where");
		return 1;
	}
	name = luaL_checkstring(L, 2);
	if (top < 3)
		return luaL_error(L, "where: the value of %s is missing", name);
	op = top > 3 ? luaL_checkstring(L, 3) : "=";
	luaL_argcheck(L, top <= 4, 5, "where takes a field, an operator and a value");
	lq = query_copy(L, 1);
	if (filter_one(L, name, op, top, lq->q, &err) < 0)
		return raise_error(L, "where", &err);
	return 1;
}

/* q:limit(n): at most n rows. */
static int query_limit(lua_State *L)
{
	lua_Integer n = luaL_checkinteger(L, 2);
	struct lx_query *lq;

	query_check(L, 1);
	luaL_argcheck(L, n >= 0, 2, "a limit is 0 or more");
	lq = query_copy(L, 1);
	if (lq->q->limit == NO_LIMIT || n < lq->q->limit)
		lq->q->limit = n;
	return 1;
}

const struct field *field_check(lua_State *L, const struct source *s, int arg)
{
	const char *name = luaL_checkstring(L, arg), *near;
	const struct field *f = source_field(s, name);

	if (f && !(f->flags & FF_SETTING))
		return f;
	if (f)
		luaL_error(L, "%s says how to ask, no row has it", name);
	near = source_nearest(s, name);
	luaL_error(L, near ? "%s have no field '%s'; did you mean '%s'?" : "%s have no field '%s'",
		   s->name, name, near);
	return NULL;
}

/*
 * q:distinct(field ...): the first row of each combination of values; rows
 * without one of them are left out. Mapped addresses count as their IPv4 form.
 */
static int query_distinct_method(lua_State *L)
{
	const struct lx_query *from = query_check(L, 1);
	int top = lua_gettop(L);
	struct lx_query *lq;

	luaL_argcheck(L, top >= 2, 2, "distinct takes the name of a field, such as \"raddr\"");
	for (int i = 2; i <= top; i++)
		field_check(L, from->q->source, i);
	lq = query_copy(L, 1);
	for (int i = 2; i <= top; i++)
		if (!query_distinct(lq->q, field_check(L, from->q->source, i)))
			return luaL_error(L, "out of memory");
	return 1;
}

/* q:explain(): what the kernel is asked and what is tested here, as text. */
static int query_explain_method(lua_State *L)
{
	struct lx_query *lq = query_check(L, 1);
	struct nl_error err;
	struct lx_box *box;

	box = box_push(L, free);
	box->p = query_explain(lq->q, lq->report, &err);
	if (!box->p)
		return raise_error(L, "explain", &err);
	/* without its last newline, as all methods that give text for print */
	((char *)box->p)[strlen(box->p) - 1] = '\0';
	text_push(L, box);
	return 1;
}

/* The names of extensions in the list at index, as bits of idiag_ext. */
static uint32_t extensions_check(lua_State *L, int index)
{
	lua_Integer n = (luaL_checktype(L, index, LUA_TTABLE), luaL_len(L, index));
	uint32_t bits = 0;

	for (lua_Integer i = 1; i <= n; i++) {
		const struct enum_name *e = diag_extensions;
		const char *name, *near = NULL;

		lua_rawgeti(L, index, i);
		name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
		for (; e->name && strcmp(e->name, name) != 0; e++)
			near = nearest_name(name, near, e->name);
		if (!e->name)
			luaL_error(L, "save_diag: there is no extension '%s'%s%s%s", name,
				   near ? "; did you mean '" : "", near ? near : "",
				   near ? "'?" : "");
		bits |= (uint32_t)e->value;
		lua_pop(L, 1);
	}
	return bits;
}

/*
 * q:save_diag(FILE [, extensions]): writes the kernel's messages as ss -D does, for the setting
 * diag to read: of inet sockets of one protocol. extensions: a list of what to ask for, by the
 * names of <linux/inet_diag.h>: "info", "cong", "skmeminfo" ... Returns true and how many rows; or
 * nil, message, errno.
 */
static int save_diag_method(lua_State *L)
{
	struct lx_query *lq = query_check(L, 1);
	const char *path = luaL_checkstring(L, 2);
	uint32_t extensions = lua_isnoneornil(L, 3) ? 0 : extensions_check(L, 3);
	struct report report;
	struct nl_error err = { 0 };

	luaL_argcheck(L, *path && strlen(path) == lua_rawlen(L, 2), 2,
		      "the path of a file is not empty and has no NUL in it");
	if (query_save_diag(lq->q, extensions, path, &report, &err) < 0) {
		interrupt_check(L);
		if (err.code == EINVAL)
			return raise_error(L, "save_diag", &err);
		luaL_pushfail(L);
		lua_pushstring(L, err.text);
		lua_pushinteger(L, err.code);
		return 3;
	}
	answer_settle(L, 1, &report);
	lua_pushboolean(L, true);
	lua_pushinteger(L, (lua_Integer)report.passed);
	return 2;
}

/* #q: how many rows, of groups too. */
static int query_len(lua_State *L)
{
	query_check(L, 1);
	lua_settop(L, 1);
	lua_pushinteger(L, (lua_Integer)query_run_count(L, 1));
	return 1;
}

/* "sockets<state = established and lport = 80>" */
static int query_tostring(lua_State *L)
{
	struct lx_query *lq = query_check(L, 1);
	struct lx_box *box;

	if (!lq->q->filter) {
		lua_pushfstring(L, "%s", lq->q->source->name);
		return 1;
	}
	box = box_push(L, free);
	box->p = node_text(lq->q->filter);
	text_push(L, box);
	escaped_push(L, lua_tostring(L, -1), lua_rawlen(L, -1));
	lua_pushfstring(L, "%s<%s>", lq->q->source->name, lua_tostring(L, -1));
	return 1;
}

/* Comparing is what a selector without its '=' parses as. */
static int query_compared(lua_State *L)
{
	const struct lx_query *lq = luaL_testudata(L, 1, QUERY_MT);

	if (!lq)
		lq = query_check(L, 2);
	return luaL_error(L,
			  "%s cannot be compared by < or >; to select, write %s<name=value>, as in "
			  "%s<lport=80>; a selector that begins with a comparison needs a second "
			  "condition with = or the end of a line behind its >",
			  lq->q->source->name, lq->q->source->name, lq->q->source->name);
}

static const luaL_Reg narrowing[] = {
	{ "where", query_where },
	{ "limit", query_limit },
	{ "distinct", query_distinct_method },
	{ "explain", query_explain_method },
	{ "save_diag", save_diag_method },
	{ NULL, NULL },
};

/* All methods, in the order in which they are suggested. */
static const luaL_Reg *const methods[] = {
	query_run_methods,    narrowing,	  query_derive_methods,
	query_output_methods, query_form_methods, NULL,
};

static int unknown_key(lua_State *L, const struct lx_query *lq)
{
	const char *key = luaL_tolstring(L, 2, NULL), *near = NULL;
	const char *name = lq->q->source->name;

	if (source_field(lq->q->source, key))
		return luaL_error(L, "%s is a field of each %s: for s in %s do print(s.%s) end",
				  key, lq->q->source->row_name, name, key);
	for (size_t i = 0; methods[i]; i++)
		for (const luaL_Reg *m = methods[i]; m->name; m++)
			near = nearest_name(key, near, m->name);
	return luaL_error(L,
			  near ? "a query has no method '%s'; did you mean '%s'?"
			       : "a query has no method '%s'",
			  key, near);
}

/* Upvalue 1: the table of methods. */
static int query_index(lua_State *L)
{
	const struct lx_query *lq = query_check(L, 1);

	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
		return 1;
	if (lua_type(L, 2) == LUA_TSTRING && answer_index(L, lq, lua_tostring(L, 2)))
		return 1;
	if (lua_type(L, 2) == LUA_TSTRING && named_index(L, 1, lua_tostring(L, 2)))
		return 1;
	return unknown_key(L, lq);
}

static const luaL_Reg meta[] = {
	{ "__call", query_call },
	{ "__len", query_len },
	{ "__tostring", query_tostring },
	{ "__lt", query_compared },
	{ "__le", query_compared },
	{ "__gc", query_gc },
	{ NULL, NULL },
};

/* A global for each source: the query without conditions. */
static void open_source(lua_State *L, const struct source *s)
{
	const struct lx_state *st = lx_state(L);
	struct lx_query *lq = query_push(L, NULL);

	lq->q = query_new(s);
	if (!lq->q)
		luaL_error(L, "out of memory");
	if (st->netns) {
		lq->q->netns_default = true;
		if (!query_netns(lq->q, st->netns))
			luaL_error(L, "out of memory");
	}
	lua_setglobal(L, s->name);
}

void query_open(lua_State *L)
{
	luaL_newmetatable(L, QUERY_MT);
	luaL_setfuncs(L, meta, 0);
	lua_newtable(L);
	for (size_t i = 0; methods[i]; i++)
		luaL_setfuncs(L, methods[i], 0);
	lua_pushcclosure(L, query_index, 1);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
	for (size_t i = 0; sources[i]; i++)
		open_source(L, sources[i]);
}
