/*
 * Owns the ends of sockets for Lua: being told of them, and making them one by
 * one. What ends by conditions is q:destroy, in run.c.
 */
#include "internal.h"

#include <stdio.h>

/* The query and the run that listens are upvalues 1 and 2. */
static int next_ended(lua_State *L)
{
	struct lx_cursor *lc;
	struct report report;

	lua_settop(L, 0);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushvalue(L, lua_upvalueindex(2));
	lc = lua_touserdata(L, 2);
	fflush(stdout); /* what was printed before a wait should be seen */
	if (!cursor_step(L, 1, 2))
		return 1;
	/* a record that is kept must not keep the run open */
	lua_pushnil(L);
	lua_setiuservalue(L, -2, 1);
	if (lc->told)
		return 1;
	/* there is no end at which it would be said */
	cursor_report(lc->c, &report);
	lc->told = !report.complete;
	if (lc->told)
		answer_settle(L, 1, &report);
	return 1;
}

/*
 * connsh.destroyed(query): for a loop over records of the query's sockets as they end, from now
 * on, whoever ends them; it waits for the next. They have the facts that the kernel tells by then.
 */
static int destroyed(lua_State *L)
{
	struct lx_query *lq = query_check(L, 1);

	lua_settop(L, 1);
	if (lq->q->from || !lq->q->source->ends)
		return luaL_error(L, "destroyed: the kernel does not tell when %s end",
				  lq->q->source->name);
	if (lq->q->nsort > 0)
		return luaL_error(L, "destroyed: what has no end cannot be sorted");
	lq = query_copy(L, 1);
	lq->q->ends = true;
	cursor_push(L, 2, 0)->listens = true;
	lua_pushvalue(L, 2);
	lua_pushvalue(L, 3);
	lua_pushcclosure(L, next_ended, 2);
	lua_pushnil(L);
	lua_pushnil(L);
	lua_pushvalue(L, 3); /* a loop that is left closes it */
	return 4;
}

/* connsh.destroy(record): closes its socket (SOCK_DESTROY); true, or nil, message, errno. */
static int destroy(lua_State *L)
{
	const struct lx_record *rec = record_check(L, 1);
	struct nl_error err;
	struct row row;

	if (!rec->source->end)
		return luaL_error(L, "destroy: a %s cannot be closed", rec->source->row_name);
	if (env_of_file(rec->env))
		return luaL_error(L, "destroy: what a file tells of cannot be closed");
	record_row(rec, &row);
	if (rec->source->end(&row, &err) == 0) {
		lua_pushboolean(L, true);
		return 1;
	}
	interrupt_check(L);
	lua_pushnil(L);
	lua_pushstring(L, err.text);
	lua_pushinteger(L, err.code);
	return 3;
}

void ends_open(lua_State *L)
{
	lua_getfield(L, LUA_REGISTRYINDEX, "connsh");
	lua_pushcfunction(L, destroyed);
	lua_setfield(L, -2, "destroyed");
	lua_pushcfunction(L, destroy);
	lua_setfield(L, -2, "destroy");
	lua_pop(L, 1);
}
