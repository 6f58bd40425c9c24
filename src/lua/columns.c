/*
 * Owns what columns of an output mean: names, lists and tables of them, and
 * functions, which are made columns by select.
 */
#include "columns.h"

#include <string.h>

void columns_push(lua_State *L, struct plan_of_output *p)
{
	p->columns = lua_newuserdatauv(L, MAX_COLUMNS * sizeof(*p->columns), 0);
	p->n = 0;
}

static void add_column(lua_State *L, const struct source *s, int name, struct plan_of_output *p)
{
	if (lua_type(L, name) == LUA_TSTRING && strcmp(lua_tostring(L, name), "*") == 0) {
		p->n += view_all_columns(s, p->columns + p->n, MAX_COLUMNS - p->n);
		return;
	}
	if (p->n == MAX_COLUMNS)
		luaL_error(L, "at most %d columns can be shown", MAX_COLUMNS);
	p->columns[p->n++] = (struct view_column){ .field = field_check(L, s, name) };
}

void columns_split(lua_State *L, const struct source *s, const char *text, struct plan_of_output *p)
{
	const char *comma = text;

	for (; comma; text = comma + 1) {
		const char *begin = text + strspn(text, " "), *end;

		comma = strchr(text, ',');
		end = comma ? comma : text + strlen(text);
		while (end > begin && end[-1] == ' ')
			end--;
		if (end <= begin)
			luaL_error(L, "the list of columns lacks a name; it is as \"raddr,rtt\"");
		lua_pushlstring(L, begin, (size_t)(end - begin));
		add_column(L, s, lua_gettop(L), p);
		lua_pop(L, 1);
	}
}

size_t width_option(lua_State *L, int index, const char *key)
{
	lua_Integer n = 0;
	int whole = 1;

	if (lua_getfield(L, index, key) != LUA_TNIL)
		n = lua_tointegerx(L, -1, &whole);
	if (!whole || n < 0 || n > 1000000)
		luaL_error(L, "%s is a number of cells, 0 to 1000000, not %s", key,
			   luaL_tolstring(L, -1, NULL));
	lua_pop(L, 1);
	return (size_t)n;
}

static const char *text_option(lua_State *L, int index, const char *key)
{
	const char *text = NULL;

	/* no number: it would become a text that nothing keeps */
	if (lua_getfield(L, index, key) == LUA_TSTRING)
		text = lua_tostring(L, -1);
	else if (!lua_isnil(L, -1))
		luaL_error(L, "%s of a column is a text, not a %s", key, luaL_typename(L, -1));
	lua_pop(L, 1); /* the table keeps it */
	return text;
}

void keys_check(lua_State *L, int index, const char *const *known, const char *what)
{
	const char *const *k;

	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
		const char *key, *near = NULL;

		if (lua_type(L, -2) != LUA_TSTRING)
			continue;
		key = lua_tostring(L, -2);
		for (k = known; *k && strcmp(*k, key) != 0; k++)
			near = nearest_name(key, near, *k);
		if (!*k)
			luaL_error(L,
				   near ? "%s has no '%s'; did you mean '%s'?" : "%s has no '%s'",
				   what, key, near);
	}
}

/* {field =, title =, align =, min =, max =, fixed =, none =} at index. */
static void describe_column(lua_State *L, int index, struct view_column *c)
{
	static const char *const known[] = { "field", "value", "title", "align", "min",
					     "max",   "fixed", "none",	NULL };
	static const char *const sides[] = { "natural", "left", "right", NULL };
	const char *side;
	int align = 0;

	keys_check(L, index, known, "a column");
	c->title = text_option(L, index, "title");
	c->none = text_option(L, index, "none");
	c->min = width_option(L, index, "min");
	c->max = width_option(L, index, "max");
	lua_getfield(L, index, "fixed");
	c->fixed = lua_toboolean(L, -1);
	lua_pop(L, 1);
	side = text_option(L, index, "align");
	while (side && sides[align] && strcmp(side, sides[align]) != 0)
		align++;
	if (!sides[align])
		luaL_error(L, "align of a column is left, right or natural, not '%s'", side);
	c->align = align;
}

void columns_read(lua_State *L, int index, int query, struct plan_of_output *p)
{
	const struct source *s = query_check(L, query)->q->source;
	lua_Integer n = (lua_Integer)lua_rawlen(L, index);

	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, index, i);
		if (lua_istable(L, -1)) {
			int column = lua_gettop(L);

			if (lua_getfield(L, column, "field") != LUA_TSTRING)
				luaL_error(L, "a column is a field or a table with a field or a "
					      "value, which is a function");
			add_column(L, s, column + 1, p);
			lua_settop(L, column);
			describe_column(L, column, &p->columns[p->n - 1]);
		} else {
			add_column(L, s, lua_gettop(L), p);
		}
		lua_pop(L, 1);
	}
	if (p->n == 0)
		luaL_error(L, "the list of columns is empty");
}

/*
 * The column at index, a table with a function as its value: pushes what select
 * takes for it, {name, function}, and a copy whose field is that name [-0, +2, e].
 */
static void name_function(lua_State *L, int index, int nth)
{
	int pair, copy;

	lua_createtable(L, 2, 0);
	pair = lua_gettop(L);
	lua_newtable(L);
	copy = lua_gettop(L);
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
		lua_pushvalue(L, -2);
		lua_pushvalue(L, -2);
		lua_rawset(L, copy);
	}
	if (lua_getfield(L, index, "title") != LUA_TSTRING) {
		lua_pop(L, 1);
		lua_pushfstring(L, "column%d", nth);
	}
	lua_pushvalue(L, -1);
	lua_rawseti(L, pair, 1);
	lua_setfield(L, copy, "field");
	lua_getfield(L, index, "value");
	lua_rawseti(L, pair, 2);
	lua_settop(L, copy);
}

/* Is what stands at index a column that is a function? */
static bool is_function_column(lua_State *L, int index)
{
	bool yes = lua_istable(L, index) && lua_getfield(L, index, "value") == LUA_TFUNCTION;

	lua_settop(L, index);
	return yes;
}

void columns_resolve(lua_State *L, int index, int query)
{
	lua_Integer n = (lua_Integer)lua_rawlen(L, index);
	int list, args;
	bool any = false;

	lua_pushvalue(L, query);
	lua_newtable(L);
	list = lua_gettop(L);
	lua_getfield(L, query, "select");
	lua_pushvalue(L, query);
	args = lua_gettop(L);
	luaL_argcheck(L, n <= MAX_COLUMNS, 2, "too many columns");
	luaL_checkstack(L, (int)n + 8, NULL);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, index, i);
		if (is_function_column(L, lua_gettop(L))) {
			any = true;
			name_function(L, lua_gettop(L), (int)i);
			lua_rawseti(L, list, i);
			lua_remove(L, -2);
			continue;
		}
		lua_pushvalue(L, -1);
		lua_rawseti(L, list, i);
		if (lua_istable(L, -1)) {
			lua_getfield(L, -1, "field");
			lua_remove(L, -2);
		}
	}
	if (any) {
		lua_call(L, lua_gettop(L) - args + 1, 1);
		lua_replace(L, list - 1);
	}
	lua_settop(L, list);
}
