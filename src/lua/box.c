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

int raise_error(lua_State *L, const char *who, const struct nl_error *err)
{
	if (calls_failed(err))
		return calls_raise(L);
	if (who)
		return luaL_error(L, "%s: %s", who, err->text);
	return luaL_error(L, "%s", err->text);
}
