/*
 * Owns how text becomes a chunk: selectors are translated first, then Lua loads
 * it. load, loadfile, dofile and the searcher of require all come through here.
 */
#include "internal.h"

#include "connsh/selector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * How Lua shows a chunk's name in messages, by asking it: a chunk that is wrong
 * at its first character is complained about as "NAME:1: ...".
 */
static void push_shown_name(lua_State *L, const char *chunkname)
{
	const char *message, *colon;

	if (luaL_loadbufferx(L, "?", 1, chunkname, "t") == LUA_OK) {
		lua_pop(L, 1);
		lua_pushstring(L, chunkname);
		return;
	}
	message = lua_tostring(L, -1);
	colon = message ? strstr(message, ":1: ") : NULL;
	for (const char *next = colon; next; next = strstr(next + 1, ":1: "))
		colon = next;
	if (colon)
		lua_pushlstring(L, message, (size_t)(colon - message));
	else
		lua_pushstring(L, chunkname);
	lua_remove(L, -2);
}

static int selector_failed(lua_State *L, const struct selector_error *err, const char *chunkname)
{
	push_shown_name(L, chunkname);
	lua_pushfstring(L, "%s:%d: %s%s", lua_tostring(L, -1), err->line, err->text,
			err->at_end ? " near <eof>" : "");
	lua_remove(L, -2);
	return LUA_ERRSYNTAX;
}

/* Lua speaks of the braces that we put there: say where they are from. */
static void explain_braces(lua_State *L)
{
	const char *message = lua_tostring(L, -1);

	if (!message || (!strstr(message, "near '{'") && !strstr(message, "near '}'")))
		return;
	lua_pushfstring(L, "%s (a selector name<...> reads as name{...})", message);
	lua_remove(L, -2);
}

/* As luaL_loadbufferx, with selectors; a status of lua_load. Binary chunks pass. */
static int load_text(lua_State *L, const char *text, size_t len, const char *chunkname,
		     const char *mode)
{
	struct selector_error err;
	size_t out_len;
	char *out = NULL;
	int rc = 0, status;

	if (len && text[0] != LUA_SIGNATURE[0])
		rc = selector_translate(text, len, &out, &out_len, &err);
	if (rc == -1)
		return selector_failed(L, &err, chunkname);
	if (rc == -2) {
		lua_pushliteral(L, "not enough memory");
		return LUA_ERRMEM;
	}
	/* lua_load is protected, so out is not lost */
	status =
		luaL_loadbufferx(L, rc == 1 ? out : text, rc == 1 ? out_len : len, chunkname, mode);
	free(out);
	if (status == LUA_ERRSYNTAX && rc == 1)
		explain_braces(L);
	return status;
}

static int read_failed(lua_State *L, const char *what, const char *path, int code)
{
	lua_pushfstring(L, "cannot %s %s: %s", what, path ? path : "standard input",
			strerror(code));
	return LUA_ERRFILE;
}

/* The whole file as a Lua string, or a message; a status of lua_load. */
static int read_whole(lua_State *L, const char *path)
{
	FILE *f = path ? fopen(path, "re") : stdin;
	luaL_Buffer b;
	size_t n;
	int code;

	if (!f)
		return read_failed(L, "open", path, errno);
	luaL_buffinit(L, &b);
	do {
		char *p = luaL_prepbuffsize(&b, 65536);

		n = fread(p, 1, 65536, f);
		luaL_addsize(&b, n);
	} while (n > 0);
	code = ferror(f) ? errno : 0;
	if (path)
		fclose(f);
	luaL_pushresult(&b);
	if (code) {
		lua_pop(L, 1);
		return read_failed(L, "read", path, code);
	}
	return LUA_OK;
}

/* Behind a byte order mark and a first line with '#', whose newline stays. */
static const char *skip_comment(const char *text, size_t *len)
{
	const char *end = text + *len, *p = text;

	if (*len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	if (p < end && *p == '#')
		while (p < end && *p != '\n')
			p++;
	/* a binary chunk may stand behind the line */
	if (p != text && end - p > 1 && p[0] == '\n' && p[1] == LUA_SIGNATURE[0])
		p++;
	*len = (size_t)(end - p);
	return p;
}

/* A binary chunk can do anything to the process, so a script is source text. */
static int not_text(lua_State *L, const char *path)
{
	lua_pushfstring(L, "cannot run %s: it is a binary chunk, and source text was expected",
			path ? path : "standard input");
	return LUA_ERRSYNTAX;
}

static int load_file_body(lua_State *L)
{
	const char *path = lua_touserdata(L, 1), *mode = lua_touserdata(L, 2);
	const char *text;
	size_t len;
	int status = read_whole(L, path);

	if (status == LUA_OK) {
		text = lua_tolstring(L, -1, &len);
		text = skip_comment(text, &len);
		if (path)
			lua_pushfstring(L, "@%s", path);
		else
			lua_pushliteral(L, "=stdin");
		if (len && text[0] == LUA_SIGNATURE[0] && mode && strcmp(mode, "t") == 0)
			status = not_text(L, path);
		else
			status = load_text(L, text, len, lua_tostring(L, -1), mode);
	}
	lua_pushinteger(L, status);
	lua_insert(L, -2);
	return 2;
}

int load_file(lua_State *L, const char *path, const char *mode)
{
	int status;

	lua_pushcfunction(L, load_file_body);
	lua_pushlightuserdata(L, (void *)path);
	lua_pushlightuserdata(L, (void *)mode);
	status = lua_pcall(L, 2, 2, 0);
	if (status != LUA_OK)
		return status; /* memory: the message is on top */
	status = (int)lua_tointeger(L, -2);
	lua_remove(L, -2);
	return status;
}

/* The results of load and loadfile: a function with its env, or fail and a message. */
static int loaded(lua_State *L, int status, int env)
{
	if (status != LUA_OK) {
		luaL_pushfail(L);
		lua_insert(L, -2);
		return 2;
	}
	if (env) {
		lua_pushvalue(L, env);
		if (!lua_setupvalue(L, -2, 1))
			lua_pop(L, 1);
	}
	return 1;
}

/* Joins the pieces that a reader function gives (Lua 5.4 manual, load). */
static int gather(lua_State *L)
{
	luaL_Buffer b;
	size_t len;

	luaL_buffinit(L, &b);
	for (;;) {
		lua_pushvalue(L, 1);
		lua_call(L, 0, 1);
		if (lua_isnil(L, -1))
			break;
		if (!lua_isstring(L, -1))
			return luaL_error(L, "reader function must return a string");
		lua_tolstring(L, -1, &len);
		if (len == 0)
			break;
		luaL_addvalue(&b);
	}
	lua_pop(L, 1);
	luaL_pushresult(&b);
	return 1;
}

/* load(chunk [, chunkname [, mode [, env]]]) */
static int lua_load_global(lua_State *L)
{
	const char *mode = luaL_optstring(L, 3, "bt"), *name;
	int env = lua_isnone(L, 4) ? 0 : 4;
	size_t len;
	const char *text;

	if (lua_isstring(L, 1)) {
		text = lua_tolstring(L, 1, &len);
		name = luaL_optstring(L, 2, text);
	} else {
		name = luaL_optstring(L, 2, "=(load)");
		luaL_checktype(L, 1, LUA_TFUNCTION);
		lua_pushcfunction(L, gather);
		lua_pushvalue(L, 1);
		if (lua_pcall(L, 1, 1, 0) != LUA_OK)
			return loaded(L, LUA_ERRRUN, 0);
		text = lua_tolstring(L, -1, &len);
	}
	return loaded(L, load_text(L, text, len, name, mode), env);
}

/* loadfile([path [, mode [, env]]]) */
static int lua_loadfile_global(lua_State *L)
{
	const char *path = luaL_optstring(L, 1, NULL);
	const char *mode = luaL_optstring(L, 2, NULL);

	return loaded(L, load_file(L, path, mode), lua_isnone(L, 3) ? 0 : 3);
}

static int dofile_done(lua_State *L, int status, lua_KContext context)
{
	(void)status;
	(void)context;
	return lua_gettop(L) - 1;
}

/* dofile([path]) */
static int lua_dofile_global(lua_State *L)
{
	const char *path = luaL_optstring(L, 1, NULL);

	lua_settop(L, 1);
	if (load_file(L, path, NULL) != LUA_OK)
		return lua_error(L);
	lua_callk(L, 0, LUA_MULTRET, 0, dofile_done);
	return dofile_done(L, 0, 0);
}

void load_open(lua_State *L)
{
	lua_register(L, "load", lua_load_global);
	lua_register(L, "loadfile", lua_loadfile_global);
	lua_register(L, "dofile", lua_dofile_global);
}

/* ---- for those who run chunks -------------------------------------------------- */

/* Does the message say that the text ended too early, so that more lines may mend it? */
static bool unfinished(lua_State *L, const char *text, size_t len)
{
	static const char mark[] = "<eof>";
	size_t n;
	const char *message = lua_tolstring(L, -1, &n);

	if (!message || n < sizeof(mark) - 1 ||
	    memcmp(message + n - (sizeof(mark) - 1), mark, sizeof(mark) - 1) != 0)
		return false;
	/* a quoted string ends with its line, unless a backslash goes on */
	return !strstr(message, "unfinished string near") || (len && text[len - 1] == '\\');
}

static enum lx_result result(lua_State *L, int status, const char *text, size_t len)
{
	if (status == LUA_OK)
		return LX_DONE;
	return status == LUA_ERRSYNTAX && unfinished(L, text, len) ? LX_UNFINISHED : LX_FAILED;
}

struct load_call {
	const char *text, *chunkname, *mode;
	size_t len;
};

/* load_text may raise when memory ends; here it is protected. */
static int protected_body(lua_State *L)
{
	const struct load_call *call = lua_touserdata(L, 1);
	int status = load_text(L, call->text, call->len, call->chunkname, call->mode);

	lua_pushinteger(L, status);
	lua_insert(L, -2);
	return 2;
}

static int protected_load(lua_State *L, const char *text, size_t len, const char *chunkname)
{
	struct load_call call = { text, chunkname, "t", len };
	int status;

	lua_pushcfunction(L, protected_body);
	lua_pushlightuserdata(L, &call);
	status = lua_pcall(L, 1, 2, 0);
	if (status != LUA_OK)
		return status;
	status = (int)lua_tointeger(L, -2);
	lua_remove(L, -2);
	return status;
}

enum lx_result lx_load(lua_State *L, const char *text, size_t len, const char *chunkname)
{
	return result(L, protected_load(L, text, len, chunkname), text, len);
}

enum lx_result lx_load_file(lua_State *L, const char *path)
{
	return load_file(L, path, "t") == LUA_OK ? LX_DONE : LX_FAILED;
}

enum lx_result lx_load_line(lua_State *L, const char *text, size_t len, const char *chunkname)
{
	static const char prefix[] = "return ";
	size_t n = sizeof(prefix) - 1;
	char *expression = malloc(len + n + 1);
	int status;

	if (!expression) {
		lua_pushliteral(L, "not enough memory");
		return LX_FAILED;
	}
	memcpy(expression, prefix, n);
	memcpy(expression + n, text, len);
	status = protected_load(L, expression, len + n, chunkname);
	free(expression);
	if (status == LUA_OK)
		return LX_DONE;
	lua_pop(L, 1);
	return lx_load(L, text, len, chunkname);
}
