/*
 * Owns the Lua state: how it is made and closed, how a chunk is called, what
 * becomes of its errors.
 */
#include "internal.h"

#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(LUA_VERSION_NUM == 504, "connsh is written for Lua 5.4");

struct lx_state *lx_state(lua_State *L)
{
	return *(struct lx_state **)lua_getextraspace(L);
}

/* Its address is the key in the registry. */
static const char state_key;

static int state_gc(lua_State *L)
{
	struct lx_state *st = lua_touserdata(L, 1);

	free(st->netns);
	st->netns = NULL;
	return 0;
}

/* Anchored in the registry: made first, so its finalizer runs after all others. */
static void open_state(lua_State *L, const struct lx_options *opt)
{
	struct lx_state *st = lua_newuserdatauv(L, sizeof(*st), 0);

	memset(st, 0, sizeof(*st));
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, state_gc);
	lua_setfield(L, -2, "__gc");
	lua_setmetatable(L, -2);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
	*(struct lx_state **)lua_getextraspace(L) = st;
	st->netns = opt->netns ? strdup(opt->netns) : NULL;
	if (opt->netns && !st->netns)
		luaL_error(L, "out of memory");
}

static int open_all(lua_State *L)
{
	const struct lx_options *opt = lua_touserdata(L, 1);

	luaL_checkversion(L);
	open_state(L, opt);
	/* the libraries shall not read the environment: modules_open does, with care */
	lua_pushboolean(L, 1);
	lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
	luaL_openlibs(L);
	record_open(L);
	cursor_open_lib(L);
	query_open(L);
	base_open(L);
	names_open(L);
	snapshot_open(L);
	grid_open(L);
	ends_open(L);
	route_open(L);
	nav_open(L);
	form_open(L);
	load_open(L);
	modules_open(L, opt);
	interrupt_open(L);
	return 0;
}

lua_State *lx_new(const struct lx_options *opt)
{
	lua_State *L = luaL_newstate();

	if (!L)
		return NULL;
	lua_gc(L, LUA_GCSTOP);
	lua_pushcfunction(L, open_all);
	lua_pushlightuserdata(L, (void *)opt);
	if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
		lua_close(L);
		return NULL;
	}
	lua_gc(L, LUA_GCRESTART);
	return L;
}

void lx_close(lua_State *L)
{
	interrupt_clear(L);
	lua_close(L);
}

void lx_set_args(lua_State *L, char **argv, int argc, int script)
{
	lua_createtable(L, argc, script + 1);
	for (int i = 0; i < argc; i++) {
		lua_pushstring(L, argv[i]);
		lua_rawseti(L, -2, i - script);
	}
	lua_setglobal(L, "arg");
}

/* How many functions of Lua (not C) are on the stack. */
static int lua_depth(lua_State *L)
{
	lua_Debug ar;
	int n = 0;

	for (int level = 1; lua_getstack(L, level, &ar); level++)
		if (lua_getinfo(L, "S", &ar) && strcmp(ar.what, "C") != 0)
			n++;
	return n;
}

/* A traceback helps where a function called another; a one-liner needs none. */
static int on_error(lua_State *L)
{
	const char *text = lua_tostring(L, 1);

	if (!text) {
		if (luaL_callmeta(L, 1, "__tostring") && lua_isstring(L, -1))
			return 1;
		text = lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
	}
	if (nl_cancel || lua_depth(L) < 2)
		lua_pushstring(L, text);
	else
		luaL_traceback(L, L, text, 1);
	return 1;
}

enum lx_result lx_call(lua_State *L, int nargs)
{
	int base = lua_gettop(L) - nargs, status;

	lua_pushcfunction(L, on_error);
	lua_insert(L, base);
	status = lua_pcall(L, nargs, LUA_MULTRET, base);
	lua_remove(L, base);
	if (nl_cancel) {
		lua_settop(L, base - 1);
		interrupt_clear(L);
		return LX_STOPPED;
	}
	return status == LUA_OK ? LX_DONE : LX_FAILED;
}

/* A module's name and a list of arguments -> the exit code. */
static int command(lua_State *L)
{
	lua_getglobal(L, "require");
	lua_pushvalue(L, 1);
	lua_call(L, 1, 1);
	lua_getfield(L, -1, "main");
	lua_pushvalue(L, 2);
	lua_call(L, 1, 1);
	if (!lua_isinteger(L, -1))
		return luaL_error(L, "%s.main returned no exit code", lua_tostring(L, 1));
	return 1;
}

enum lx_result lx_command(lua_State *L, const char *module, char **args, int nargs, int *code)
{
	enum lx_result rc;

	lua_pushcfunction(L, command);
	lua_pushstring(L, module);
	lua_createtable(L, nargs, 0);
	for (int i = 0; i < nargs; i++) {
		lua_pushstring(L, args[i]);
		lua_rawseti(L, -2, i + 1);
	}
	rc = lx_call(L, 2);
	if (rc == LX_DONE) {
		*code = (int)lua_tointeger(L, -1);
		lua_pop(L, 1);
	}
	return rc;
}

void lx_complain(lua_State *L)
{
	const char *text = lua_tostring(L, -1);

	fflush(stdout);
	fprintf(stderr, "connsh: %s\n", text ? text : "(error without a message)");
	lua_pop(L, 1);
}

enum lx_exit lx_verdict(lua_State *L)
{
	return lx_state(L)->incomplete ? LX_INCOMPLETE : LX_OK;
}
