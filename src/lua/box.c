/*
 * Owns boxes: userdata that free what C allocated when a raise, or its end,
 * leaves it behind; and the one way to raise what a lower room reported.
 */
#include "internal.h"

#include <stdlib.h>

#define BOX_MT "connsh.box"

static int box_gc(lua_State *L)
{
	struct lx_box *box = lua_touserdata(L, 1);

	if (box->p)
		box->release(box->p);
	box->p = NULL;
	return 0;
}

struct lx_box *box_push(lua_State *L, void (*release)(void *))
{
	struct lx_box *box = lua_newuserdatauv(L, sizeof(*box), 0);

	box->p = NULL;
	box->release = release;
	if (luaL_newmetatable(L, BOX_MT)) {
		lua_pushcfunction(L, box_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	return box;
}

void text_push(lua_State *L, struct lx_box *box)
{
	if (!box->p)
		luaL_error(L, "out of memory");
	lua_pushstring(L, box->p);
	free(box->p);
	box->p = NULL;
}

/* "file:line: " of the nearest Lua code: one method of ours may have called another. */
static void push_position(lua_State *L)
{
	lua_Debug at;

	lua_pushliteral(L, "");
	for (int level = 1; lua_rawlen(L, -1) == 0 && lua_getstack(L, level, &at); level++) {
		lua_pop(L, 1);
		luaL_where(L, level);
	}
}

int raise_error(lua_State *L, const char *who, const struct nl_error *err)
{
	if (calls_failed(err))
		return calls_raise(L);
	push_position(L);
	lua_pushfstring(L, who ? "%s: %s" : "%s%s", who ? who : "", err->text);
	lua_concat(L, 2);
	return lua_error(L);
}
