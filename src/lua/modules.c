/*
 * Owns where modules come from: ours, embedded in the program (or from the
 * folder of -L), then the script's own folder, then the paths of Lua. The
 * current folder is not searched, and the environment counts only where it is
 * the user's own.
 */
#include "internal.h"

#include "embedded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

bool lx_raised(void)
{
	return getauxval(AT_SECURE) != 0 || geteuid() != getuid() || getegid() != getgid() ||
	       getenv("SUDO_UID") != NULL || getenv("SUDO_USER") != NULL;
}

const char *own_env(const char *name)
{
	return lx_raised() ? NULL : secure_getenv(name);
}

/* Appends the templates of path to the buffer; those of the current folder are left out. */
static void add_templates(luaL_Buffer *b, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, ";");

		if (n && !(n >= 2 && path[0] == '.' && path[1] == '/')) {
			luaL_addlstring(b, path, n);
			luaL_addchar(b, ';');
		}
		path += n + (path[n] == ';');
	}
}

/* As Lua does: ";;" in the variable stands for the default (manual, package.path). */
static void add_path(luaL_Buffer *b, const char *variable, const char *standard)
{
	const char *gap = variable ? strstr(variable, ";;") : NULL;

	if (!variable) {
		add_templates(b, standard);
		return;
	}
	if (!gap) {
		luaL_addstring(b, variable);
		luaL_addchar(b, ';');
		return;
	}
	luaL_addlstring(b, variable, (size_t)(gap - variable));
	luaL_addchar(b, ';');
	add_templates(b, standard);
	luaL_addstring(b, gap + 2);
	luaL_addchar(b, ';');
}

/* Sets package[field]; [-0, +0, m] with package at index. */
static void set_path(lua_State *L, int package, const char *field, const char *variable,
		     const char *script_dir, const char *const *endings)
{
	const char *standard;
	luaL_Buffer b;
	size_t len;

	lua_getfield(L, package, field);
	standard = lua_tostring(L, -1);
	luaL_buffinit(L, &b);
	if (script_dir && !strpbrk(script_dir, ";?")) {
		for (; *endings; endings++) {
			luaL_addstring(&b, script_dir);
			luaL_addstring(&b, *endings);
			luaL_addchar(&b, ';');
		}
	}
	add_path(&b, variable, standard);
	luaL_pushresult(&b);
	lua_tolstring(L, -1, &len);
	while (len && lua_tostring(L, -1)[len - 1] == ';')
		len--;
	lua_pushlstring(L, lua_tostring(L, -1), len);
	lua_setfield(L, package, field);
	lua_pop(L, 2);
}

static const struct embedded *find_embedded(const char *name)
{
	for (const struct embedded *e = embedded_modules; e->name; e++)
		if (strcmp(e->name, name) == 0)
			return e;
	return NULL;
}

static int load_embedded(lua_State *L, const struct embedded *e)
{
	lua_pushfstring(L, "@connsh:%s.lua", e->name);
	if (luaL_loadbufferx(L, (const char *)e->text, e->len, lua_tostring(L, -1), "t") != LUA_OK)
		return lua_error(L);
	lua_insert(L, -2);
	return 2;
}

/* The searcher for our own modules; upvalue 1: the folder of -L, or nil. */
static int search_ours(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1), *dir = lua_tostring(L, lua_upvalueindex(1));
	const struct embedded *e = find_embedded(name);

	if (dir) {
		luaL_gsub(L, name, ".", "/");
		lua_pushfstring(L, "%s/%s.lua", dir, lua_tostring(L, -1));
		if (access(lua_tostring(L, -1), R_OK) == 0) {
			if (load_file(L, lua_tostring(L, -1), "t") != LUA_OK)
				return lua_error(L);
			lua_insert(L, -2);
			return 2;
		}
	}
	if (e)
		return load_embedded(L, e);
	lua_pushfstring(L, "no module of connsh '%s'", name);
	return 1;
}

/* The searcher for Lua files, through our loader; upvalue 1: package. */
static int search_files(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	lua_getfield(L, lua_upvalueindex(1), "searchpath");
	lua_pushvalue(L, 1);
	if (lua_getfield(L, lua_upvalueindex(1), "path") != LUA_TSTRING)
		return luaL_error(L, "'package.path' must be a string");
	lua_call(L, 2, 2);
	if (lua_isnil(L, -2))
		return 1; /* where it was not */
	lua_pop(L, 1);
	if (load_file(L, lua_tostring(L, -1), NULL) != LUA_OK)
		return luaL_error(L, "error loading module '%s' from file '%s':\n\t%s", name,
				  lua_tostring(L, -2), lua_tostring(L, -1));
	lua_insert(L, -2);
	return 2;
}

/* package.searchers: preload, ours, files, then Lua's own for C. */
static void set_searchers(lua_State *L, int package, const char *lua_dir)
{
	lua_getfield(L, package, "searchers");
	for (lua_Integer i = luaL_len(L, -1); i >= 2; i--) {
		lua_rawgeti(L, -1, i);
		lua_rawseti(L, -2, i + 1);
	}
	lua_pushstring(L, lua_dir);
	lua_pushcclosure(L, search_ours, 1);
	lua_rawseti(L, -2, 2);
	lua_pushvalue(L, package);
	lua_pushcclosure(L, search_files, 1);
	lua_rawseti(L, -2, 3);
	lua_pop(L, 1);
}

void modules_open(lua_State *L, const struct lx_options *opt)
{
	static const char *const lua_endings[] = { "/?.lua", "/?/init.lua", NULL };
	static const char *const c_endings[] = { "/?.so", NULL };
	const char *path = own_env("LUA_PATH_5_4"), *cpath = own_env("LUA_CPATH_5_4");
	int package;

	lua_getglobal(L, "package");
	package = lua_gettop(L);
	set_path(L, package, "path", path ? path : own_env("LUA_PATH"), opt->script_dir,
		 lua_endings);
	set_path(L, package, "cpath", cpath ? cpath : own_env("LUA_CPATH"), opt->script_dir,
		 c_endings);
	set_searchers(L, package, opt->lua_dir);
	lua_pop(L, 1);
}
