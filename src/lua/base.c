/*
 * Owns the globals that are no source: count, sleep, print, and the table
 * connsh.
 */
#include "internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef CONNSH_VERSION
#define CONNSH_VERSION "unknown"
#endif

/*
 * count(conditions), count("words of ss"), count(query): how many rows; conditions are over
 * sockets. Upvalue 1: sockets.
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

/*
 * connsh.quiet(quiet): whether what does not make an answer less whole is left unsaid; returns
 * whether it was.
 */
static int quiet(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TBOOLEAN);
	lua_pushboolean(L, lx_state(L)->quiet);
	lx_state(L)->quiet = lua_toboolean(L, 1);
	return 1;
}

/*
 * connsh.env(name): the variable of the environment, or nil: it is not set, or the environment is
 * somebody else's (lx_raised).
 */
static int env(lua_State *L)
{
	lua_pushstring(L, own_env(luaL_checkstring(L, 1)));
	return 1;
}

/* connsh.terminal(): how many columns the terminal of standard output has, or nil: it is none. */
static int terminal(lua_State *L)
{
	struct lx_view view;

	lx_view_stdout(&view);
	if (view.width == 0)
		return 0;
	lua_pushinteger(L, (lua_Integer)view.width);
	return 1;
}

/* connsh.accept_incomplete(): answers that are not whole are no failure to this script. */
static int accept_incomplete(lua_State *L)
{
	lx_state(L)->accepts = true;
	lx_state(L)->incomplete = false;
	return 0;
}

/* Is there a ".." among the parts of the path? */
static bool leads_up(const char *path)
{
	for (const char *p = path; *p; p += *p == '/') {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.')
			return true;
		p += n;
	}
	return false;
}

static int proc_failed(lua_State *L, const struct nl_error *err)
{
	interrupt_check(L);
	luaL_pushfail(L);
	lua_pushstring(L, err->text);
	lua_pushinteger(L, err->code);
	return 3;
}

/*
 * connsh.proc(path [, netns]): the text of /proc/PATH, "net/..." and "sys/net/..." being those of
 * the network namespace, by name, pid or path; or nil, message, errno.
 */
static int base_proc(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1), *place = luaL_optstring(L, 2, NULL);
	struct netns *ns = NULL;
	struct nl_error err = { 0 };
	struct lx_box *box;
	size_t len = 0;

	if (!*path || *path == '/' || leads_up(path) || strlen(path) != lua_rawlen(L, 1)) {
		nl_fail(&err, EINVAL,
			"proc takes the path of a file below /proc, such as \"net/sockstat\", "
			"without .. in it");
		return proc_failed(L, &err);
	}
	if (!place)
		place = lx_state(L)->netns;
	box = box_push(L, free);
	if (place && netns_open(place, &ns, &err) < 0)
		return proc_failed(L, &err);
	box->p = proc_text(netns_fd(ns), path, &len, &err);
	netns_unref(ns);
	if (!box->p)
		return proc_failed(L, &err);
	lua_pushlstring(L, box->p, len);
	return 1;
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

/* connsh.selinux(): is SELinux in use, or was it where the loaded recording was taken? */
static int base_selinux(lua_State *L)
{
	lua_pushboolean(L, selinux_enabled());
	return 1;
}

/* Pushes the module whose name is upvalue 1; it is loaded when it is first asked. */
static void push_module(lua_State *L)
{
	lua_getglobal(L, "require");
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_call(L, 1, 1);
}

/* Calls the module with what is on the stack from first on. */
static int call_module(lua_State *L, int first)
{
	push_module(L);
	lua_insert(L, first);
	lua_call(L, lua_gettop(L) - first, LUA_MULTRET);
	return lua_gettop(L) - first + 1;
}

/* help(...) */
static int base_help(lua_State *L)
{
	return call_module(L, 1);
}

/* ss(...), of a table that stands for its module */
static int module_call(lua_State *L)
{
	return call_module(L, 2);
}

/* ss.query */
static int module_index(lua_State *L)
{
	push_module(L);
	lua_pushvalue(L, 2);
	lua_gettable(L, -2);
	return 1;
}

/* A global table that is the module of its name, loaded when it is first used. */
static void open_module(lua_State *L, const char *name)
{
	static const luaL_Reg meta[] = {
		{ "__call", module_call },
		{ "__index", module_index },
		{ NULL, NULL },
	};

	lua_newtable(L);
	lua_newtable(L);
	lua_pushstring(L, name);
	luaL_setfuncs(L, meta, 1);
	lua_setmetatable(L, -2);
	lua_setglobal(L, name);
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
		{ "env", env },
		{ "fields", base_fields },
		{ "navs", base_navs },
		{ "proc", base_proc },
		{ "quiet", quiet },
		{ "selinux", base_selinux },
		{ "sources", base_sources },
		{ "terminal", terminal },
		{ NULL, NULL },
	};

	open_count(L);
	lua_register(L, "sleep", base_sleep);
	lua_register(L, "print", base_print);
	lua_pushliteral(L, "help");
	lua_pushcclosure(L, base_help, 1);
	lua_setglobal(L, "help");
	open_module(L, "ss");
	luaL_newlib(L, functions);
	set_text(L, "version", CONNSH_VERSION);
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, "connsh");
	lua_setglobal(L, "connsh");
}
