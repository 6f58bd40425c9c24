/*
 * Owns grids for Lua: connsh.grid and its methods. A grid lays out cells that forms fill, row by
 * row in C, or that a script gives; how, is format's.
 */
#include "columns.h"

#include <errno.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#define GRID_MT "connsh.grid"

/* User value 1: the file. */
struct lx_grid {
	struct grid *grid; /* NULL: closed */
	size_t n;	   /* columns */
	const luaL_Stream *stream;
	FILE *out; /* of the stream, as long as it is open */
};

static void close_grid(struct lx_grid *g)
{
	grid_free(g->grid);
	g->grid = NULL;
}

static void failed(lua_State *L, int code)
{
	luaL_error(L, code == ENOMEM ? "out of memory" : "cannot write: %s", strerror(code));
}

/* A function that a form calls may close the grid, or its file. */
static void check_open(lua_State *L, const struct lx_grid *g)
{
	if (!g->grid)
		luaL_error(L, "this grid is closed");
	if (!g->stream->closef || g->stream->f != g->out)
		luaL_error(L, "the file of this grid is closed");
}

static struct lx_grid *check(lua_State *L, int index)
{
	struct lx_grid *g = luaL_checkudata(L, index, GRID_MT);

	check_open(L, g);
	return g;
}

/* ---- making ------------------------------------------------------------------- */

static const char *text_key(lua_State *L, int index, const char *key, lua_Integer column)
{
	const char *text = "";

	/* no number: it would become a text that nothing keeps */
	if (lua_getfield(L, index, key) == LUA_TSTRING)
		text = lua_tostring(L, -1);
	else if (!lua_isnil(L, -1))
		luaL_error(L, "grid: %s of column %I is a text, not a %s", key, column,
			   luaL_typename(L, -1));
	if (strlen(text) != lua_rawlen(L, -1))
		luaL_error(L, "grid: %s of column %I has a NUL in it", key, column);
	lua_pop(L, 1); /* the table keeps it */
	return text;
}

static bool flag_key(lua_State *L, int index, const char *key, bool otherwise)
{
	bool flag = otherwise;

	if (lua_getfield(L, index, key) != LUA_TNIL) {
		if (!lua_isboolean(L, -1))
			luaL_error(L, "grid: %s is true or false, not a %s", key,
				   luaL_typename(L, -1));
		flag = lua_toboolean(L, -1);
	}
	lua_pop(L, 1);
	return flag;
}

static void read_column(lua_State *L, lua_Integer number, struct grid_column *c)
{
	static const char *const known[] = { "title", "before", "align", "hidden", NULL };
	int column = lua_gettop(L);
	const char *align;

	if (!lua_istable(L, column))
		luaL_error(L, "grid: column %I is a table such as {title=\"State\"}, not a %s",
			   number, luaL_typename(L, column));
	keys_check(L, column, known, "a column of a grid");
	c->title = text_key(L, column, "title", number);
	c->before = text_key(L, column, "before", number);
	c->hidden = flag_key(L, column, "hidden", false);
	align = text_key(L, column, "align", number);
	if (*align && strcmp(align, "left") != 0 && strcmp(align, "right") != 0)
		luaL_error(L, "grid: align of column %I is left or right, not '%s'", number, align);
	c->align = strcmp(align, "right") == 0 ? FMT_RIGHT : FMT_LEFT;
}

/* Pushes the columns of the table of options at 1, n of them [-0, +2, e]. */
static struct grid_column *read_columns(lua_State *L, size_t *n)
{
	struct grid_column *columns;

	if (lua_getfield(L, 1, "columns") != LUA_TTABLE)
		luaL_error(L, "grid: columns is a list of tables such as {title=\"State\"}, not %s",
			   lua_isnil(L, -1) ? "nil" : luaL_typename(L, -1));
	*n = lua_rawlen(L, -1);
	if (*n == 0 || *n > MAX_COLUMNS)
		luaL_error(L, "grid: 1 to %d columns were expected, got %I", MAX_COLUMNS,
			   (lua_Integer)*n);
	columns = lua_newuserdatauv(L, *n * sizeof(*columns), 0);
	for (size_t i = 0; i < *n; i++) {
		lua_rawgeti(L, -2, (lua_Integer)i + 1);
		read_column(L, (lua_Integer)i + 1, &columns[i]);
		lua_pop(L, 1);
	}
	return columns;
}

/* Pushes the file that is asked for, or io.stdout [-0, +1, e]. */
static const luaL_Stream *read_file(lua_State *L)
{
	const luaL_Stream *stream;

	if (lua_getfield(L, 1, "file") == LUA_TNIL) {
		lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
		lua_getfield(L, -1, LUA_IOLIBNAME);
		if (lua_istable(L, -1))
			lua_getfield(L, -1, "stdout");
	}
	if (!luaL_testudata(L, -1, LUA_FILEHANDLE))
		luaL_error(L, "grid: file is an open file, not a %s", luaL_typename(L, -1));
	stream = lua_touserdata(L, -1);
	if (!stream->closef)
		luaL_error(L, "grid: this file is closed");
	return stream;
}

/*
 * connsh.grid{columns = {{title =, before =, align =, hidden =}, ...}, width =, header =, file =}:
 * a table as ss lays it out; width: of the terminal, 0 (as without it): none.
 */
static int new_grid(lua_State *L)
{
	static const char *const known[] = { "columns", "width", "header", "file", NULL };
	struct grid_column *columns;
	struct lx_grid *g;
	size_t n, width;
	bool header;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	keys_check(L, 1, known, "the table of a grid");
	columns = read_columns(L, &n);
	width = width_option(L, 1, "width");
	header = flag_key(L, 1, "header", true);
	g = lua_newuserdatauv(L, sizeof(*g), 1);
	*g = (struct lx_grid){ .n = n };
	luaL_setmetatable(L, GRID_MT);
	g->stream = read_file(L);
	g->out = g->stream->f;
	lua_setiuservalue(L, 4, 1);
	lua_settop(L, 4);
	g->grid = grid_new(columns, n, width, header, g->out);
	if (!g->grid)
		failed(L, ENOMEM);
	return 1;
}

/* ---- rows ------------------------------------------------------------------------ */

/* Rows on their way to a grid. A row goes there when all its cells are made. */
struct filling {
	struct lx_grid *grid;
	int form; /* place of the first form; the others are behind it */
	size_t n;
	struct fmt_text *text;	   /* cells of the row, one behind the other */
	size_t *ends;		   /* of each in it */
	const struct form **plain; /* the forms; NULL: one that has functions */
	bool asks;		   /* the function at 4 says which rows are added */
	lua_Integer rows;
};

static void release_text(void *p)
{
	fmt_text_free(p);
	free(p);
}

/* The row whose cells are in text; columns behind the n-th are empty [-0, +0, e]. */
static void put_row(lua_State *L, struct lx_grid *g, const struct fmt_text *text,
		    const size_t *ends, size_t n)
{
	size_t from = 0;

	check_open(L, g);
	for (size_t i = 0; i < g->n; i++) {
		const size_t end = i < n ? ends[i] : from;

		if (!grid_cell(g->grid, end > from ? text->p + from : NULL, end - from))
			failed(L, errno);
		from = end;
	}
}

/* Calls the function with the record on top, which it pops; *stop: that was the last row. */
static bool is_wanted(lua_State *L, bool *stop)
{
	bool wanted;

	lua_pushvalue(L, 4);
	lua_insert(L, -2);
	lua_call(L, 1, 2);
	wanted = lua_toboolean(L, -2);
	*stop = lua_toboolean(L, -1);
	lua_pop(L, 2);
	return wanted;
}

static int take_row(lua_State *L, void *arg, const struct row *row, int cursor,
		    struct nl_error *err)
{
	struct filling *f = arg;
	bool stop = false;

	f->text->len = 0;
	for (size_t i = 0; i < f->n; i++) {
		if (f->plain[i] ? !form_write(f->plain[i], row, NULL, f->text, err)
				: form_row(L, f->form + (int)i, cursor, row, f->text, err) < 0)
			return -1;
		f->ends[i] = f->text->len;
	}
	if (f->asks) {
		record_push(L, row, cursor);
		/* a record that the function keeps must not keep the run */
		lua_pushnil(L);
		lua_setiuservalue(L, -2, 1);
		if (!is_wanted(L, &stop))
			return stop;
	}
	put_row(L, f->grid, f->text, f->ends, f->n);
	f->rows++;
	return stop;
}

/* Pushes the forms of the list at 3, and what holds a row [-0, +n, e]. */
static void read_forms(lua_State *L, struct filling *f, const struct source *s)
{
	struct lx_box *box;

	luaL_checktype(L, 3, LUA_TTABLE);
	f->n = lua_rawlen(L, 3);
	luaL_argcheck(L, f->n > 0, 3, "one form a column was expected, got none");
	if (f->n > f->grid->n)
		luaL_error(L, "add: %I forms for %I columns", (lua_Integer)f->n,
			   (lua_Integer)f->grid->n);
	luaL_checkstack(L, (int)f->n + 8, "too many forms");
	f->ends = lua_newuserdatauv(L, f->n * sizeof(*f->ends), 0);
	f->plain = lua_newuserdatauv(L, f->n * sizeof(struct form *), 0);
	box = box_push(L, release_text);
	f->text = box->p = calloc(1, sizeof(*f->text));
	if (!f->text)
		failed(L, ENOMEM);
	f->form = lua_gettop(L) + 1;
	for (size_t i = 0; i < f->n; i++) {
		lua_rawgeti(L, 3, (lua_Integer)i + 1);
		if (!form_is(L, -1))
			luaL_error(L,
				   "add: member %I of the list is a form, as q:form makes it, "
				   "not a %s",
				   (lua_Integer)i + 1, luaL_typename(L, -1));
		if (form_source(L, -1) != s)
			luaL_error(L, "add: form %I is for %s; these rows are of %s",
				   (lua_Integer)i + 1, form_source(L, -1)->name, s->name);
		f->plain[i] = form_has_functions(form_check(L, -1)) ? NULL : form_check(L, -1);
	}
}

/* A record is one row, and each form a function of it. */
static void add_record(lua_State *L, struct filling *f)
{
	bool stop;

	for (size_t i = 0; i < f->n; i++) {
		form_record(L, f->form + (int)i, 2, f->text);
		f->ends[i] = f->text->len;
	}
	if (f->text->failed)
		failed(L, ENOMEM);
	if (f->asks) {
		lua_pushvalue(L, 2);
		if (!is_wanted(L, &stop))
			return;
	}
	put_row(L, f->grid, f->text, f->ends, f->n);
	f->rows = 1;
}

/*
 * g:add(query, {form, ...} [, wanted]), g:add(record, {form, ...} [, wanted]): adds its rows, whose
 * cells the forms fill, one a column; columns behind them are empty. wanted(record) is called when
 * the cells of a row are made and says whether it is added; if its second value is true too, no
 * row comes behind. Returns how many were added.
 */
static int add_method(lua_State *L)
{
	struct filling f = { .grid = check(L, 1) };
	const struct lx_record *rec = record_any(L, 2);
	struct lx_sink sink = { take_row, NULL, &f };
	uint32_t needs = 0;

	lua_settop(L, 4);
	f.asks = !lua_isnil(L, 4);
	if (f.asks)
		luaL_checktype(L, 4, LUA_TFUNCTION);
	read_forms(L, &f, rec ? rec->source : query_check(L, 2)->q->source);
	if (rec) {
		add_record(L, &f);
	} else {
		for (size_t i = 0; i < f.n; i++)
			needs |= form_needs(form_check(L, f.form + (int)i));
		run_query(L, 2, needs, &sink);
	}
	lua_pushinteger(L, f.rows);
	return 1;
}

/* g:row{text, ...}: a row of these cells; nil is an empty one. */
static int row_method(lua_State *L)
{
	struct lx_grid *g = check(L, 1);
	struct fmt_text *text;
	struct lx_box *box;
	size_t *ends;

	luaL_checktype(L, 2, LUA_TTABLE);
	lua_settop(L, 2);
	if (lua_rawlen(L, 2) > g->n)
		luaL_error(L, "row: %I cells for %I columns", (lua_Integer)lua_rawlen(L, 2),
			   (lua_Integer)g->n);
	ends = lua_newuserdatauv(L, g->n * sizeof(*ends), 0);
	box = box_push(L, release_text);
	text = box->p = calloc(1, sizeof(*text));
	if (!text)
		failed(L, ENOMEM);
	for (size_t i = 0; i < g->n; i++) {
		const char *cell;
		size_t len;

		if (lua_rawgeti(L, 2, (lua_Integer)i + 1) != LUA_TNIL) {
			cell = lua_tolstring(L, -1, &len);
			if (!cell)
				luaL_error(L, "row: cell %I is a text, not a %s",
					   (lua_Integer)i + 1, luaL_typename(L, -1));
			fmt_text_add(text, cell, len);
		}
		ends[i] = text->len;
		lua_pop(L, 1);
	}
	if (text->failed)
		failed(L, ENOMEM);
	put_row(L, g, text, ends, g->n);
	return 0;
}

/* ---- the end ------------------------------------------------------------------------ */

/* g:flush(): writes what is held, out of the file's buffer too; widths are kept. */
static int flush_method(lua_State *L)
{
	struct lx_grid *g = check(L, 1);

	if (!grid_flush(g->grid) || fflush(g->out) != 0)
		failed(L, errno);
	return 0;
}

/* g:close(): writes what is held; an empty grid writes its header. Nothing can be added then. */
static int close_method(lua_State *L)
{
	struct lx_grid *g = check(L, 1);
	bool done = grid_end(g->grid);
	int code = errno;

	close_grid(g);
	if (!done)
		failed(L, code);
	return 0;
}

/* Of a variable <close>: an error leaves the rest unwritten. */
static int leave(lua_State *L)
{
	struct lx_grid *g = luaL_checkudata(L, 1, GRID_MT);

	if (g->grid && lua_isnoneornil(L, 2))
		return close_method(L);
	close_grid(g);
	return 0;
}

/* A grid that is not closed writes nothing: who knows what its file is by then. */
static int collect(lua_State *L)
{
	close_grid(luaL_checkudata(L, 1, GRID_MT));
	return 0;
}

void grid_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "add", add_method },	   { "row", row_method }, { "flush", flush_method },
		{ "close", close_method }, { NULL, NULL },
	};

	luaL_newmetatable(L, GRID_MT);
	luaL_newlib(L, methods);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, leave);
	lua_setfield(L, -2, "__close");
	lua_pushcfunction(L, collect);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
	lua_getfield(L, LUA_REGISTRYINDEX, "connsh");
	lua_pushcfunction(L, new_grid);
	lua_setfield(L, -2, "grid");
	lua_pop(L, 1);
}
