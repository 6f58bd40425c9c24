/*
 * Owns how values are shown to a person: queries and lists of records as
 * tables, one record vertically, the rest as print does.
 */
#include "internal.h"

#include "connsh/format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void escaped_push(lua_State *L, const char *text, size_t len)
{
	struct lx_box *box = box_push(L, free);
	size_t n;

	box->p = fmt_escape(text, len, &n);
	text_push(L, box);
	lua_remove(L, -2);
}

static int write_failed(lua_State *L)
{
	int code = errno;

	return luaL_error(L, "cannot write to standard output: %s", strerror(code));
}

/* As print: converted by tostring, a tab before all but the first of a line. */
static void print_plain(lua_State *L, int index, bool first)
{
	size_t len;
	const char *text = luaL_tolstring(L, index, &len);

	if ((!first && putchar('\t') == EOF) || fwrite(text, 1, len, stdout) != len)
		write_failed(L);
	lua_pop(L, 1);
}

/* Does the list at index begin with a record? */
static bool is_record_list(lua_State *L, int index)
{
	bool yes;

	if (!lua_istable(L, index))
		return false;
	lua_rawgeti(L, index, 1);
	yes = record_any(L, -1) != NULL;
	lua_pop(L, 1);
	return yes;
}

/* Arguments: the view, then the values. */
static int print_values(lua_State *L)
{
	const struct lx_view *view = lua_touserdata(L, 1);
	int top = lua_gettop(L);
	bool line = false; /* a line of plain values is open */

	for (int i = 2; i <= top; i++) {
		bool query = luaL_testudata(L, i, QUERY_MT) != NULL;
		bool list = is_record_list(L, i);

		if (!query && !list && !record_any(L, i)) {
			print_plain(L, i, !line);
			line = true;
			continue;
		}
		if (line && putchar('\n') == EOF)
			write_failed(L);
		line = false;
		if (query)
			output_query(L, i, view, stdout);
		else if (list)
			output_records(L, i, view, stdout);
		else
			output_record(L, i, view, stdout);
	}
	if ((line || top == 1) && putchar('\n') == EOF)
		write_failed(L);
	if (fflush(stdout) != 0)
		write_failed(L);
	return 0;
}

enum lx_result lx_print(lua_State *L, int first, const struct lx_view *view)
{
	int n = lua_gettop(L) - first + 1;
	enum lx_result rc;

	if (n <= 0)
		return LX_DONE;
	if (!lua_checkstack(L, 3)) {
		lua_settop(L, first - 1);
		lua_pushliteral(L, "too many values to print");
		return LX_FAILED;
	}
	lua_pushcfunction(L, print_values);
	lua_insert(L, first);
	lua_pushlightuserdata(L, (void *)(uintptr_t)view);
	lua_insert(L, first + 1);
	rc = lx_call(L, n + 1);
	if (rc == LX_DONE)
		lua_settop(L, first - 1);
	return rc;
}
