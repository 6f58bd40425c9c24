/*
 * Owns the truth of an answer: what a run reported is kept with its query, an
 * answer that is not whole is said on standard error and remembered for the
 * exit code, and what is hidden by permission is said once.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* connsh.last: the query that ran last. */
static void remember_last(lua_State *L, int query)
{
	query = lua_absindex(L, query);
	if (lua_getfield(L, LUA_REGISTRYINDEX, "connsh") == LUA_TTABLE) {
		lua_pushvalue(L, query);
		lua_setfield(L, -2, "last");
	}
	lua_pop(L, 1);
}

static void say(struct lx_state *st, const struct report *r)
{
	bool told = false;

	if (!r->complete && !st->accepts) {
		st->incomplete = true;
		fflush(stdout);
		fprintf(stderr, "connsh: the answer is incomplete, asked %u time%s: %s\n", r->tries,
			r->tries == 1 ? "" : "s", r->warnings[0]);
		told = true;
	}
	for (size_t i = told; i < r->nwarnings; i++) {
		if (!r->complete || st->noticed)
			continue;
		st->noticed = true;
		fflush(stdout);
		fprintf(stderr, "connsh: note: %s\n", r->warnings[i]);
	}
}

void answer_settle(lua_State *L, int query, const struct report *r)
{
	struct lx_query *lq = lua_touserdata(L, query);

	if (!lq->report)
		lq->report = malloc(sizeof(*lq->report));
	if (!lq->report)
		luaL_error(L, "out of memory");
	*lq->report = *r;
	say(lx_state(L), r);
	remember_last(L, query);
}

void answer_hidden(lua_State *L, const struct row *row)
{
	struct lx_state *st = lx_state(L);
	enum owner_status why;
	uint32_t inode = row->source->inode ? row->source->inode(row, &why) : 0;

	if (st->noticed || !inode || env_owner_hidden(row->env, inode) == OWNER_NOT_HIDDEN)
		return;
	st->noticed = true;
	fflush(stdout);
	fputs("connsh: note: the holders of some sockets are not known: /proc does not show all "
	      "processes to this user (see owner_status)\n",
	      stderr);
}

static void push_warnings(lua_State *L, const struct report *r)
{
	lua_createtable(L, (int)r->nwarnings, 0);
	for (size_t i = 0; i < r->nwarnings; i++) {
		lua_pushstring(L, r->warnings[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

/* q.complete, q.source, q.warnings, q.rows: nil before the query has run. */
int answer_index(lua_State *L, const struct lx_query *lq, const char *key)
{
	const struct report *r = lq->report;
	static const char *const keys[] = { "complete", "source", "warnings", "rows", NULL };
	size_t i = 0;

	while (keys[i] && strcmp(key, keys[i]) != 0)
		i++;
	if (!keys[i])
		return 0;
	if (!r)
		lua_pushnil(L);
	else if (i == 0)
		lua_pushboolean(L, r->complete);
	else if (i == 1)
		lua_pushstring(L, r->source);
	else if (i == 2)
		push_warnings(L, r);
	else
		lua_pushinteger(L, (lua_Integer)r->rows);
	return 1;
}
