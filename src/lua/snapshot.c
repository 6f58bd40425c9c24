/*
 * Owns snapshots as Lua has them: the function that takes one, and connsh.snapshot,
 * which tells of the one that answers.
 */
#include "internal.h"

#include "connsh/recording.h"

#include <stdio.h>

static void push_report(lua_State *L, const struct snapshot_report *r)
{
	size_t told = r->nmissing < REPORT_WARNINGS ? r->nmissing : REPORT_WARNINGS;

	lua_createtable(L, 0, 5);
	lua_pushinteger(L, (lua_Integer)r->rows);
	lua_setfield(L, -2, "rows");
	lua_pushinteger(L, (lua_Integer)r->namespaces);
	lua_setfield(L, -2, "namespaces");
	lua_pushinteger(L, (lua_Integer)r->bytes);
	lua_setfield(L, -2, "bytes");
	lua_pushboolean(L, r->hidden);
	lua_setfield(L, -2, "hidden");
	lua_createtable(L, (int)told, 0);
	for (size_t i = 0; i < told; i++) {
		lua_pushstring(L, r->texts[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "missing");
}

/* What is not in it: an answer that is not whole. */
static void complain(lua_State *L, const struct snapshot_report *r)
{
	struct lx_state *st = lx_state(L);

	if (r->nmissing == 0 || st->accepts)
		return;
	st->incomplete = true;
	fflush(stdout);
	fputs("connsh: not in the snapshot:", stderr);
	for (size_t i = 0; i < r->nmissing && i < REPORT_WARNINGS; i++)
		fprintf(stderr, "%s %s", i ? ";" : "", r->texts[i]);
	if (r->nmissing > REPORT_WARNINGS)
		fprintf(stderr, "; and %zu more", r->nmissing - REPORT_WARNINGS);
	fputc('\n', stderr);
}

/*
 * snapshot(path): writes everything to a file that connsh --from reads. Returns true and
 * a table: rows, namespaces, bytes, hidden (the sockets of some processes could not be
 * looked up), missing (texts: what else could not be had); or nil, message, errno.
 */
static int snapshot_call(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	struct snapshot_report report = { 0 };
	struct nl_error err = { 0 };

	if (snapshot_take(path, &report, &err) < 0) {
		interrupt_check(L);
		luaL_pushfail(L);
		lua_pushstring(L, err.text);
		lua_pushinteger(L, err.code);
		return 3;
	}
	complain(L, &report);
	lua_pushboolean(L, true);
	push_report(L, &report);
	return 2;
}

enum lx_exit lx_snapshot(lua_State *L, const char *path)
{
	struct snapshot_report r = { 0 };
	struct nl_error err = { 0 };

	if (snapshot_take(path, &r, &err) < 0) {
		if (nl_cancel)
			return LX_INTERRUPTED;
		fprintf(stderr, "connsh: %s\n", err.text);
		return LX_ERROR;
	}
	printf("%s: %llu rows, %zu network namespace%s, %llu bytes\n", path,
	       (unsigned long long)r.rows, r.namespaces, r.namespaces == 1 ? "" : "s",
	       (unsigned long long)r.bytes);
	if (r.hidden) {
		fflush(stdout);
		fputs("connsh: note: /proc does not show all processes and their sockets here: "
		      "some owners and namespaces are not in the snapshot\n",
		      stderr);
	}
	complain(L, &r);
	return lx_verdict(L);
}

static int read_only(lua_State *L)
{
	return luaL_error(L, "connsh.snapshot is what the snapshot tells: it cannot be changed");
}

/* next over what the closure holds. */
static int snapshot_next(lua_State *L)
{
	lua_settop(L, 2);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_replace(L, 1);
	return lua_next(L, 1) ? 2 : 0;
}

static int snapshot_pairs(lua_State *L)
{
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushcclosure(L, snapshot_next, 1);
	return 1;
}

static void set_fact(lua_State *L, const char *name, const char *key)
{
	const char *value = nl_replay_fact(key);

	if (!value)
		return;
	lua_pushstring(L, value);
	lua_setfield(L, -2, name);
}

/* A table that cannot be changed with time, host, kernel, version. */
static void push_facts(lua_State *L)
{
	lua_newtable(L);
	lua_createtable(L, 0, 4);
	lua_newtable(L);
	lua_pushnumber(L, nl_replay_time());
	lua_setfield(L, -2, "time");
	set_fact(L, "host", "host");
	set_fact(L, "kernel", "kernel");
	set_fact(L, "version", "connsh");
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, "__index");
	lua_pushcclosure(L, snapshot_pairs, 1);
	lua_setfield(L, -2, "__pairs");
	lua_pushcfunction(L, read_only);
	lua_setfield(L, -2, "__newindex");
	lua_setmetatable(L, -2);
}

void snapshot_open(lua_State *L)
{
	lua_register(L, "snapshot", snapshot_call);
	if (!nl_replay_loaded())
		return;
	lua_getglobal(L, "connsh");
	push_facts(L);
	lua_setfield(L, -2, "snapshot");
	lua_pop(L, 1);
}
