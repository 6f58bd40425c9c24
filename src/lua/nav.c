/*
 * Owns navigation: members of records that are no fields but lead to records of
 * other sources. Each use asks anew, and what has gone meanwhile is nil.
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Registry key of the function `route`; its address is unique. */
static const char route_key;

/* The query box for the rows of nav->to, on the stack, is still without conditions. */
static struct lx_query *push_all(lua_State *L, const struct nav *nav)
{
	struct lx_query *lq = query_push(L, NULL);

	lq->q = query_new(nav->to);
	if (!lq->q)
		luaL_error(L, "out of memory");
	return lq;
}

/*
 * Where the process is: its namespace, or that of the record if it is the same,
 * which needs no permission to be entered. 0, or -1 with *err, ENOENT: it has
 * ended.
 */
static int place_of_process(struct query *q, const struct row *row, int64_t pid,
			    struct nl_error *err)
{
	struct netns *here = env_netns(row->env), *there;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%lld/ns/net", (long long)pid);
	if (netns_open(path, &there, err) < 0)
		return -1;
	query_place(q, netns_same(here, there) ? here : there);
	netns_unref(there);
	return 0;
}

/* Sets where the box on top asks; v becomes nil if there is no such place any more. */
static void set_place(lua_State *L, const struct nav *nav, const struct row *row, struct value *v)
{
	struct lx_query *lq = lua_touserdata(L, -1);
	struct nl_error err;

	if (nav->place == NAV_HERE)
		query_place(lq->q, env_netns(row->env));
	if (nav->place != NAV_PROCESS || v->kind != VALUE_INT)
		return;
	if (place_of_process(lq->q, row, v->num, &err) == 0)
		return;
	if (err.code != ENOENT && err.code != ESRCH)
		raise_error(L, nav->name, &err);
	v->kind = VALUE_NIL;
}

/* The query for what the record leads to [-0, +1, e]. */
static void push_query(lua_State *L, const struct nav *nav, const struct row *row, struct value *v)
{
	struct lx_query *lq = push_all(L, nav);
	bool ok;

	set_place(L, nav, row, v);
	ok = query_equal(lq->q, nav->theirs, v);
	if (ok && nav->any)
		ok = query_present(lq->q, nav->any);
	if (!ok)
		luaL_error(L, "out of memory");
}

/* connsh.last stays what it is: the question was about the record [-0, +0, m]. */
static void push_first(lua_State *L)
{
	bool there = lua_getfield(L, LUA_REGISTRYINDEX, "connsh") == LUA_TTABLE;

	if (there)
		lua_getfield(L, -1, "last");
	else
		lua_pushnil(L);
	query_first(L, -3);
	lua_insert(L, -3);
	if (there)
		lua_setfield(L, -2, "last");
	else
		lua_pop(L, 1);
	lua_pop(L, 1);
}

/* ---- route --------------------------------------------------------------------------- */

static bool unspecified(const struct value *v)
{
	static const uint8_t zeros[16] = { 0 };

	return v->kind != VALUE_ADDR || memcmp(v->addr.bytes, zeros, sizeof(zeros)) == 0;
}

/* An address goes by IPv4 when it stands for one. */
static void push_address(lua_State *L, const struct field *f, const struct value *v)
{
	struct value plain = *v;

	plain.addr = addr_canonical(&v->addr);
	value_push(L, f, &plain);
}

/* Sets the member of the question on top, if the record has the field. */
static void tell(lua_State *L, int record, const struct nav_told *told)
{
	const struct lx_record *rec = lua_touserdata(L, record);
	const struct field *f = source_field(rec->source, told->field);
	struct value v;
	struct row row;

	if (!f || !record_get(L, record, f, &row, &v))
		return;
	if (f->type == FT_ADDR && unspecified(&v))
		return;
	if (f->type == FT_ADDR)
		push_address(L, f, &v);
	else
		value_push(L, f, &v);
	lua_setfield(L, -2, told->name);
}

/* route(address, {from=, mark=, oif=, netns= ...}): its first result. */
static void push_route(lua_State *L, int record, const struct nav *nav, const struct row *row,
		       const struct value *v)
{
	if (unspecified(v) || lua_rawgetp(L, LUA_REGISTRYINDEX, &route_key) != LUA_TFUNCTION) {
		lua_pushnil(L);
		return;
	}
	push_address(L, nav->ours, v);
	lua_newtable(L);
	for (const struct nav_told *t = nav->told; t->name; t++)
		tell(L, record, t);
	if (env_netns_name(row->env)) {
		lua_pushstring(L, env_netns_name(row->env));
		lua_setfield(L, -2, "netns");
	}
	lua_call(L, 2, 1);
}

void nav_open(lua_State *L)
{
	lua_getglobal(L, "route");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &route_key);
}

/* ---- members ------------------------------------------------------------------------- */

static bool find(const struct source *s, const char *name, struct nav *nav)
{
	for (size_t i = 0; source_nav(s, i, nav); i++)
		if (strcmp(nav->name, name) == 0)
			return true;
	return false;
}

/* What the record behind another member has under this name; a snapshot chooses no routes. */
static void push_through(lua_State *L, int record, const struct nav *nav)
{
	if (!nav->through || nl_replay_loaded() || !nav_push(L, record, nav->through)) {
		lua_pushnil(L);
	} else if (!lua_isnil(L, -1)) {
		nav_push(L, -1, nav->name);
		lua_remove(L, -2);
	}
}

bool nav_push(lua_State *L, int record, const char *name)
{
	const struct lx_record *rec = lua_touserdata(L, record);
	struct value v;
	struct nav nav;
	struct row row;

	if (!find(rec->source, name, &nav))
		return false;
	record = lua_absindex(L, record);
	luaL_checkstack(L, 16, NULL);
	record_read(L, record, nav.ours, &row, &v);
	if (nav.kind == NAV_ROUTE) {
		push_route(L, record, &nav, &row, &v);
	} else if (nav.kind == NAV_ONE && v.kind == VALUE_NIL) {
		push_through(L, record, &nav);
	} else {
		push_query(L, &nav, &row, &v);
		if (nav.kind == NAV_ONE)
			push_first(L);
	}
	return true;
}

void navs_push(lua_State *L, const struct source *s)
{
	struct nav nav;

	lua_newtable(L);
	for (size_t i = 0; source_nav(s, i, &nav); i++) {
		lua_createtable(L, 0, 4);
		lua_pushstring(L, nav.name);
		lua_setfield(L, -2, "name");
		lua_pushstring(L, nav.doc);
		lua_setfield(L, -2, "doc");
		lua_pushstring(L, nav.to->name);
		lua_setfield(L, -2, "to");
		lua_pushboolean(L, nav.kind == NAV_MANY);
		lua_setfield(L, -2, "many");
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}
