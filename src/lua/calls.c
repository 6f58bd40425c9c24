/*
 * Owns the way from C to the Lua functions of a query: those that filter, that
 * make a column, that make a key. C must not be left by a jump, so each call is
 * protected; its error is kept in the registry and raised when all C is undone.
 */
#include "internal.h"

#include <errno.h>
#include <limits.h>
#include <math.h>

/* Its address is the key of the error. */
static const char error_key;

/* No errno; files name positive codes of any size. */
#define CALL_FAILED INT_MIN

bool calls_failed(const struct nl_error *err)
{
	return err->code == CALL_FAILED;
}

int calls_raise(lua_State *L)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key);
	lua_pushboolean(L, false);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
	return lua_error(L);
}

struct call {
	const struct row *row;
	unsigned function;
};

/* Arguments: the call, the query box, the cursor box or record. Returns what the function does. */
static int call_body(lua_State *L)
{
	const struct call *call = lua_touserdata(L, 1);

	if (lua_getiuservalue(L, 2, 1) != LUA_TTABLE ||
	    lua_rawgeti(L, -1, call->function) == LUA_TNIL)
		return luaL_error(L, "a function of this query is gone");
	if (record_any(L, 3)) {
		lua_pushvalue(L, 3);
		lua_call(L, 1, 1);
		return 1;
	}
	record_push(L, call->row, 3);
	lua_pushvalue(L, -2);
	lua_pushvalue(L, -2);
	lua_call(L, 1, 1);
	/* a record that the function keeps must not keep the run */
	lua_pushnil(L);
	lua_setiuservalue(L, -3, 1);
	return 1;
}

/* Leaves the function's result on the stack, or fails. */
static int call(struct lx_calls *c, unsigned function, const struct row *row, struct nl_error *err)
{
	struct call what = { row, function };

	if (!lua_checkstack(c->L, 8)) {
		err->code = ENOMEM;
		snprintf(err->text, sizeof(err->text), "out of memory");
		return -1;
	}
	lua_pushcfunction(c->L, call_body);
	lua_pushlightuserdata(c->L, &what);
	lua_pushvalue(c->L, c->query);
	lua_pushvalue(c->L, c->cursor);
	if (lua_pcall(c->L, 3, 1, 0) == LUA_OK)
		return 0;
	lua_rawsetp(c->L, LUA_REGISTRYINDEX, &error_key);
	err->code = CALL_FAILED;
	snprintf(err->text, sizeof(err->text), "a function of the query failed");
	return -1;
}

static int call_test(void *arg, unsigned function, const struct row *row, struct nl_error *err)
{
	struct lx_calls *c = arg;
	int pass;

	if (call(c, function, row, err) < 0)
		return -1;
	pass = lua_toboolean(c->L, -1);
	lua_pop(c->L, 1);
	return pass;
}

/* The value on top; text stays valid as long as the value is anchored. */
static bool read_value(lua_State *L, struct value *v)
{
	switch (lua_type(L, -1)) {
	case LUA_TNIL:
		v->kind = VALUE_NIL;
		return true;
	case LUA_TBOOLEAN:
		v->kind = VALUE_BOOL;
		v->flag = lua_toboolean(L, -1);
		return true;
	case LUA_TNUMBER:
		v->kind = lua_isinteger(L, -1) ? VALUE_INT : VALUE_FLOAT;
		if (v->kind == VALUE_INT)
			v->num = lua_tointeger(L, -1);
		else
			v->real = lua_tonumber(L, -1);
		/* what is no number has no place in an order */
		if (v->kind == VALUE_FLOAT && isnan(v->real))
			v->kind = VALUE_NIL;
		return true;
	case LUA_TSTRING:
		v->kind = VALUE_TEXT;
		v->text.p = lua_tolstring(L, -1, &v->text.len);
		return true;
	default:
		return false;
	}
}

/* Arguments: the cursor box, the number, the value: keeps it until the next of that number. */
static int anchor_body(lua_State *L)
{
	if (lua_getiuservalue(L, 1, CURSOR_RESULTS) != LUA_TTABLE) {
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_setiuservalue(L, 1, CURSOR_RESULTS);
	}
	lua_pushvalue(L, 3);
	lua_rawseti(L, -2, lua_tointeger(L, 2));
	return 0;
}

/*
 * Moves the value on top to where it stays; it is not popped when that fails. Of a record alone
 * nothing is kept: its text is copied before Lua runs again.
 */
static bool anchor(struct lx_calls *c, unsigned function)
{
	if (record_any(c->L, c->cursor))
		return true;
	lua_pushcfunction(c->L, anchor_body);
	lua_pushvalue(c->L, c->cursor);
	lua_pushinteger(c->L, function);
	lua_pushvalue(c->L, -4);
	if (lua_pcall(c->L, 3, 0, 0) == LUA_OK)
		return true;
	lua_pop(c->L, 1);
	return false;
}

static int call_value(void *arg, unsigned function, const struct row *row, struct value *v,
		      struct nl_error *err)
{
	struct lx_calls *c = arg;
	int rc = 0;

	if (call(c, function, row, err) < 0)
		return -1;
	if (!read_value(c->L, v)) {
		err->code = EINVAL;
		snprintf(err->text, sizeof(err->text),
			 "a column's function gave a %s; it takes a number, a text, a boolean or "
			 "nil",
			 luaL_typename(c->L, -1));
		rc = -1;
	} else if (v->kind == VALUE_TEXT && !anchor(c, function)) {
		err->code = ENOMEM;
		snprintf(err->text, sizeof(err->text), "out of memory");
		rc = -1;
	}
	lua_pop(c->L, 1);
	return rc;
}

void calls_set(struct lx_calls *c, lua_State *L, int query, int cursor)
{
	c->calls = (struct calls){ call_test, call_value, c };
	c->L = L;
	c->query = lua_absindex(L, query);
	c->cursor = lua_absindex(L, cursor);
}

/* A table of its own for the box: those of queries are shared with what they are made of. */
static void own_table(lua_State *L, int query)
{
	lua_newtable(L);
	if (lua_getiuservalue(L, query, 1) == LUA_TTABLE)
		for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
			lua_pushvalue(L, -2);
			lua_pushvalue(L, -2);
			lua_rawset(L, -6);
		}
	lua_pop(L, 1);
	lua_pushvalue(L, -1);
	lua_setiuservalue(L, query, 1);
}

unsigned calls_add(lua_State *L, int query, int function)
{
	unsigned number = ++lx_state(L)->functions;

	query = lua_absindex(L, query);
	function = lua_absindex(L, function);
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key) == LUA_TNIL) {
		/* the place is made here, where it may raise, and never goes */
		lua_pushboolean(L, false);
		lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
	}
	lua_pop(L, 1);
	own_table(L, query);
	lua_pushvalue(L, function);
	lua_rawseti(L, -2, number);
	lua_pop(L, 1);
	return number;
}

void calls_merge(lua_State *L, int to, int from)
{
	to = lua_absindex(L, to);
	from = lua_absindex(L, from);
	if (lua_getiuservalue(L, from, 1) == LUA_TTABLE) {
		own_table(L, to);
		for (lua_pushnil(L); lua_next(L, -3); lua_pop(L, 1)) {
			lua_pushvalue(L, -2);
			lua_pushvalue(L, -2);
			lua_rawset(L, -5);
		}
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}
