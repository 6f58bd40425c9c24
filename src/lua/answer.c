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

/* FNV-1a. Hidden holders are one matter, however many sockets it is about. */
static uint64_t hash(const char *text)
{
	const char *hidden = strstr(text, REPORT_HIDDEN);
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (text = hidden ? hidden : text; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

/* What does not make an answer less whole is said once; a long program is not talkative. */
static void notice(struct lx_state *st, const char *text)
{
	uint64_t h = hash(text);

	if (st->quiet)
		return;
	for (size_t i = 0; i < st->nnotices; i++)
		if (st->notices[i] == h)
			return;
	if (st->nnotices == NOTICES_MAX)
		return;
	st->notices[st->nnotices++] = h;
	fflush(stdout);
	fprintf(stderr, "connsh: note: %s\n", text);
}

static void say(struct lx_state *st, const struct report *r)
{
	bool told = false;

	if (!r->complete && !st->accepts) {
		st->incomplete = true;
		fflush(stdout);
		fprintf(stderr, "connsh: the answer is incomplete, asked %u time%s", r->tries,
			r->tries == 1 ? "" : "s");
		for (size_t i = 0; i < r->nwarnings; i++)
			fprintf(stderr, "%s %s", i ? ";" : ":", r->warnings[i]);
		fputc('\n', stderr);
		told = true;
	}
	for (size_t i = told; i < r->nwarnings && r->complete; i++)
		notice(st, r->warnings[i]);
}

void answer_keep(lua_State *L, int query, const struct report *r)
{
	struct lx_query *lq = lua_touserdata(L, query);

	if (!lq->report)
		lq->report = malloc(sizeof(*lq->report));
	if (!lq->report)
		luaL_error(L, "out of memory");
	*lq->report = *r;
	remember_last(L, query);
}

void answer_settle(lua_State *L, int query, const struct report *r)
{
	say(lx_state(L), r);
	answer_keep(L, query, r);
}

void answer_hidden(lua_State *L, const struct row *row, uint32_t inode)
{
	if (inode && env_owner_hidden(row->env, inode) != OWNER_NOT_HIDDEN)
		notice(lx_state(L), "the holders of some " REPORT_HIDDEN);
}

void answer_withheld(lua_State *L, const struct row *row)
{
	const char *why = env_withheld(row->env);

	if (why)
		notice(lx_state(L), why);
}

static void push_warnings(lua_State *L, const struct report *r)
{
	lua_createtable(L, (int)r->nwarnings, 0);
	for (size_t i = 0; i < r->nwarnings; i++) {
		lua_pushstring(L, r->warnings[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

static void push_complete(lua_State *L, const struct report *r)
{
	lua_pushboolean(L, r->complete);
}

static void push_source(lua_State *L, const struct report *r)
{
	lua_pushstring(L, r->source);
}

static void push_rows(lua_State *L, const struct report *r)
{
	lua_pushinteger(L, (lua_Integer)r->rows);
}

static void push_came(lua_State *L, const struct report *r)
{
	lua_pushinteger(L, (lua_Integer)r->came);
}

static void push_went(lua_State *L, const struct report *r)
{
	lua_pushinteger(L, (lua_Integer)r->went);
}

static void push_seconds(lua_State *L, const struct report *r)
{
	lua_pushnumber(L, r->seconds);
}

/* What a query tells of its last run; nil before it, and what is timed of rates only. */
static const struct {
	const char *name;
	void (*push)(lua_State *L, const struct report *r);
	bool timed;
} facts[] = {
	{ "complete", push_complete, false }, { "source", push_source, false },
	{ "warnings", push_warnings, false }, { "rows", push_rows, false },
	{ "came", push_came, true },	      { "went", push_went, true },
	{ "seconds", push_seconds, true },
};

int answer_index(lua_State *L, const struct lx_query *lq, const char *key)
{
	const struct report *r = lq->report;

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		if (strcmp(key, facts[i].name) != 0)
			continue;
		if (!r || (facts[i].timed && !r->timed))
			lua_pushnil(L);
		else
			facts[i].push(L, r);
		return 1;
	}
	return 0;
}
