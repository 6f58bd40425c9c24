/*
 * Owns the globals that are no source: count, sleep, print, and the table
 * connsh.
 */
#include "internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#ifndef CONNSH_VERSION
#define CONNSH_VERSION "unknown"
#endif

/* count(conditions), count(query): how many rows; conditions are over sockets. Upvalue 1: sockets.
 */
static int count_call(lua_State *L)
{
	int query = 2;

	if (lua_gettop(L) != 2)
		return luaL_error(
			L,
			"count: one table of conditions or one query was expected, got %d "
			"values",
			lua_gettop(L) - 1);
	if (!luaL_testudata(L, 2, QUERY_MT)) {
		lua_pushvalue(L, lua_upvalueindex(1));
		query_narrow(L, -1, 2, "count");
		query = lua_gettop(L);
	}
	lua_pushinteger(L, (lua_Integer)query_run_count(L, query));
	return 1;
}

static int count_compared(lua_State *L)
{
	return luaL_error(
		L, "count cannot be compared by < or >; to count, write count<name=value>, as "
		   "in count<lport=80>; a selector that begins with a comparison needs a "
		   "second condition with = or the end of a line behind its >");
}

static int count_tostring(lua_State *L)
{
	lua_pushliteral(L,
			"count: how many rows match, as in count<state=\"established\", lport=80>");
	return 1;
}

/* sleep(seconds): suspends the program; SIGINT ends it at once. */
static int base_sleep(lua_State *L)
{
	lua_Number seconds = luaL_checknumber(L, 1);
	struct timespec left;

	luaL_argcheck(L, seconds >= 0 && seconds < 1e9, 1, "seconds from 0 to 1e9 were expected");
	left.tv_sec = (time_t)seconds;
	left.tv_nsec = (long)((seconds - floor(seconds)) * 1e9);
	fflush(stdout); /* what was printed before a wait should be seen */
	interrupt_check(L);
	while (nanosleep(&left, &left) < 0) {
		if (errno != EINTR)
			return luaL_error(L, "sleep: %s", strerror(errno));
		interrupt_check(L);
	}
	return 0;
}

/* print(...): as Lua's, but a write that fails raises. */
static int base_print(lua_State *L)
{
	int n = lua_gettop(L);

	for (int i = 1; i <= n; i++) {
		size_t len;
		const char *text = luaL_tolstring(L, i, &len);

		if ((i > 1 && putchar('\t') == EOF) || fwrite(text, 1, len, stdout) != len)
			goto failed;
		lua_pop(L, 1);
	}
	if (putchar('\n') == EOF)
		goto failed;
	return 0;
failed:
	return luaL_error(L, "cannot write to standard output: %s", strerror(errno));
}

/* connsh.accept_incomplete(): answers that are not whole are no failure to this script. */
static int accept_incomplete(lua_State *L)
{
	lx_state(L)->accepts = true;
	lx_state(L)->incomplete = false;
	return 0;
}

static void push_names(lua_State *L, const struct field *f)
{
	lua_newtable(L);
	for (const struct enum_name *n = f->names; n && n->name; n++) {
		bool first = true;

		for (const struct enum_name *m = f->names; m < n; m++)
			first &= m->value != n->value;
		if (!first)
			continue;
		lua_pushstring(L, n->name);
		lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
	}
}

static void set_text(lua_State *L, const char *key, const char *text)
{
	lua_pushstring(L, text);
	lua_setfield(L, -2, key);
}

static void push_field(lua_State *L, const struct field *f)
{
	static const char *const costs[] = {
		[COST_FREE] = "free",
		[COST_REQUEST] = "request",
		[COST_LOOKUP] = "lookup",
		[COST_PROC] = "proc",
	};
	static const struct {
		const char *name;
		unsigned flag;
	} flags[] = { { "list", FF_LIST }, { "counter", FF_COUNTER }, { "setting", FF_SETTING } };

	lua_newtable(L);
	set_text(L, "name", f->name);
	set_text(L, "type", field_kinds[f->type].name);
	set_text(L, "takes", field_kinds[f->type].takes);
	set_text(L, "unit", f->unit);
	set_text(L, "doc", f->doc);
	set_text(L, "from", f->from);
	set_text(L, "cost", costs[f->cost]);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (f->flags & flags[i].flag) {
			lua_pushboolean(L, true);
			lua_setfield(L, -2, flags[i].name);
		}
	if (f->names) {
		push_names(L, f);
		lua_setfield(L, -2, "values");
	}
}

/*
 * connsh.fields(source): the declarations of a source's fields, in order: name,
 * type, takes (what a condition on it can be), unit, doc, from (the kernel's
 * own name), cost, values for those with names, and list, counter, setting where
 * they are true.
 */
static int base_fields(lua_State *L)
{
	const struct lx_query *lq = query_check(L, 1);
	lua_Integer n = 0;

	lua_newtable(L);
	for (const struct field *f = lq->q->source->fields; f->name; f++) {
		push_field(L, f);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/*
 * connsh.navs(source): where its records lead to, in order: name, doc, to (a
 * source's name), many (it is a query, not a record).
 */
static int base_navs(lua_State *L)
{
	navs_push(L, query_check(L, 1)->q->source);
	return 1;
}

/* connsh.sources(): {name, doc, query} of each source. */
static int base_sources(lua_State *L)
{
	lua_newtable(L);
	for (lua_Integer i = 0; sources[i]; i++) {
		lua_newtable(L);
		set_text(L, "name", sources[i]->name);
		set_text(L, "doc", sources[i]->doc);
		lua_getglobal(L, sources[i]->name);
		lua_setfield(L, -2, "query");
		lua_rawseti(L, -2, i + 1);
	}
	return 1;
}

/* connsh.selinux(): is SELinux in use? Of a recording, which has no contexts: no. */
static int base_selinux(lua_State *L)
{
	lua_pushboolean(L, selinux_enabled());
	return 1;
}

/* help(...): the module `help`, loaded when it is first asked. */
static int base_help(lua_State *L)
{
	int n = lua_gettop(L);

	lua_getglobal(L, "require");
	lua_pushliteral(L, "help");
	lua_call(L, 1, 1);
	lua_insert(L, 1);
	lua_call(L, n, 0);
	return 0;
}

static void open_count(lua_State *L)
{
	lua_newuserdatauv(L, 0, 0);
	luaL_newmetatable(L, COUNT_MT);
	lua_getglobal(L, source_sockets.name);
	lua_pushcclosure(L, count_call, 1);
	lua_setfield(L, -2, "__call");
	lua_pushcfunction(L, count_compared);
	lua_setfield(L, -2, "__lt");
	lua_pushcfunction(L, count_compared);
	lua_setfield(L, -2, "__le");
	lua_pushcfunction(L, count_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_setmetatable(L, -2);
	lua_setglobal(L, "count");
}

void base_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "accept_incomplete", accept_incomplete },
		{ "fields", base_fields },
		{ "navs", base_navs },
		{ "selinux", base_selinux },
		{ "sources", base_sources },
		{ NULL, NULL },
	};

	open_count(L);
	lua_register(L, "sleep", base_sleep);
	lua_register(L, "print", base_print);
	lua_register(L, "help", base_help);
	luaL_newlib(L, functions);
	set_text(L, "version", CONNSH_VERSION);
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, "connsh");
	lua_setglobal(L, "connsh");
}
