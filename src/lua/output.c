/*
 * Owns rows as text for Lua: the methods table, vertical, json, csv, tsv and
 * markdown, what their options mean, and printing for the command line and the
 * prompt. Columns are data; rows are read and written in C, and only a column
 * that is a function makes records (by select).
 */
#include "internal.h"

#include "connsh/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MAX_COLUMNS 512

/* What is written, and how; the columns' texts are anchored by whoever fills it. */
struct plan_of_output {
	struct fmt_layout layout;
	struct view_column *columns; /* in a userdata */
	size_t n;
};

static int write_failed(lua_State *L)
{
	int code = errno;

	return luaL_error(L, code == ENOMEM ? "out of memory" : "cannot write: %s", strerror(code));
}

static void release_view(void *p)
{
	view_free(p);
}

/* ---- running ---------------------------------------------------------------------- */

static int take_row(lua_State *L, void *arg, const struct row *row, int cursor,
		    struct nl_error *err)
{
	(void)L;
	(void)cursor;
	if (view_row(arg, row))
		return 0;
	err->code = errno;
	snprintf(err->text, sizeof(err->text), "cannot write: %s", strerror(errno));
	return -1;
}

static bool restart_view(lua_State *L, void *arg)
{
	(void)L;
	return view_restart(arg);
}

/* Writes the rows of the query at index [-0, +0, e]. */
static void write_query(lua_State *L, int index, const struct plan_of_output *p, FILE *out)
{
	struct lx_box *box = box_push(L, release_view);
	struct lx_sink sink = { take_row, restart_view, NULL };

	box->p = view_open(&p->layout, p->columns, p->n, out);
	if (!box->p)
		luaL_error(L, "out of memory");
	sink.arg = box->p;
	run_query(L, index, view_needs(p->columns, p->n), &sink);
	if (!view_end(box->p))
		write_failed(L);
	lua_pop(L, 1);
}

/* ---- columns ------------------------------------------------------------------------ */

/* Room for columns on the Lua stack [-0, +1, m]. */
static void push_columns(lua_State *L, struct plan_of_output *p)
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

/* "raddr,rtt" */
static void split_columns(lua_State *L, const struct source *s, const char *text,
			  struct plan_of_output *p)
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

static size_t width_option(lua_State *L, int index, const char *key)
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

/* The columns at index (a list) over the query box at query. */
static void read_columns(lua_State *L, int index, int query, struct plan_of_output *p)
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

/*
 * Columns that are functions need a select, which makes records. Pushes the
 * select of all columns of the list at index over the query at query, and the
 * list with those columns named; without any, both as they are [-0, +2, e].
 */
static void resolve_functions(lua_State *L, int index, int query)
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

/* ---- the methods -------------------------------------------------------------------------- */

static size_t terminal_width(void)
{
	struct winsize ws;

	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 ? ws.ws_col : 0;
}

void lx_view_stdout(struct lx_view *view)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	view->width = terminal_width();
	view->terminal = isatty(STDOUT_FILENO) != 0;
	/* no-color.org: present and not empty */
	view->colour = view->terminal && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

bool lx_is_format(const char *name)
{
	enum fmt_format format;

	return fmt_format_parse(name, &format);
}

/* An option that is true or false; absent: as it stands. */
static void flag_option(lua_State *L, int index, const char *key, bool *flag)
{
	if (lua_getfield(L, index, key) != LUA_TNIL) {
		if (!lua_isboolean(L, -1))
			luaL_error(L, "%s is true or false, not a %s", key, luaL_typename(L, -1));
		*flag = lua_toboolean(L, -1);
	}
	lua_pop(L, 1);
}

/* The stream that is asked for by file= or as the argument; NULL: none. */
static FILE *stream_at(lua_State *L, int index)
{
	luaL_Stream *stream;

	if (lua_isnil(L, index))
		return NULL;
	stream = luaL_checkudata(L, index, LUA_FILEHANDLE);
	if (!stream->closef)
		luaL_error(L, "this file is closed");
	return stream->f;
}

/*
 * The options at 2, if any: a stream, or a table. Pushes what must be kept and
 * leaves the query that is written at the returned index [-0, +n, e].
 */
static int read_options(lua_State *L, struct plan_of_output *p, FILE **out)
{
	static const char *const known[] = { "columns", "header", "width", "human",
					     "colour",	"color",  "file",  NULL };
	int query = 1;
	size_t width;

	*out = NULL;
	push_columns(L, p);
	if (!lua_istable(L, 2)) {
		*out = stream_at(L, 2);
		p->n = view_columns(query_check(L, 1)->q, p->columns, MAX_COLUMNS);
		return query;
	}
	keys_check(L, 2, known, "the table of options");
	lua_getfield(L, 2, "file");
	*out = stream_at(L, lua_gettop(L));
	width = width_option(L, 2, "width");
	p->layout.width = width ? width : p->layout.width;
	flag_option(L, 2, "header", &p->layout.header);
	flag_option(L, 2, "human", &p->layout.human);
	flag_option(L, 2, "colour", &p->layout.colour);
	flag_option(L, 2, "color", &p->layout.colour);
	lua_getfield(L, 2, "columns");
	if (lua_isstring(L, -1)) {
		split_columns(L, query_check(L, 1)->q->source, lua_tostring(L, -1), p);
	} else if (lua_istable(L, -1)) {
		resolve_functions(L, lua_gettop(L), 1);
		query = lua_gettop(L) - 1;
		read_columns(L, query + 1, query, p);
	} else if (lua_isnil(L, -1)) {
		p->n = view_columns(query_check(L, 1)->q, p->columns, MAX_COLUMNS);
	} else {
		return luaL_error(L, "columns is a list or a text such as \"raddr,rtt\", not a %s",
				  luaL_typename(L, -1));
	}
	return query;
}

/* A stream into memory, closed and freed whatever happens. */
struct memory {
	FILE *file;
	char *text;
	size_t len;
};

static void release_memory(void *p)
{
	struct memory *m = p;

	if (m->file)
		fclose(m->file);
	free(m->text);
	free(m);
}

static struct memory *push_memory(lua_State *L)
{
	struct lx_box *box = box_push(L, release_memory);
	struct memory *m = calloc(1, sizeof(*m));

	box->p = m;
	if (m)
		m->file = open_memstream(&m->text, &m->len);
	if (!m || !m->file)
		luaL_error(L, "out of memory");
	return m;
}

/*
 * q:FORMAT(), q:FORMAT(file), q:FORMAT{columns =, header =, width =, human =, colour =, file =}:
 * the rows as text. Without a file it is returned, without its last newline, for print.
 */
static int format_method(lua_State *L, enum fmt_format format)
{
	struct plan_of_output p = { .layout = { .format = format, .header = true } };
	struct lx_view screen;
	struct memory *m;
	FILE *out;
	int query;

	query_check(L, 1);
	lua_settop(L, 2);
	lx_view_stdout(&screen);
	if (format == FMT_TABLE || format == FMT_VERTICAL) {
		p.layout.width = screen.width;
		p.layout.human = screen.terminal;
		p.layout.colour = screen.colour;
	}
	query = read_options(L, &p, &out);
	if (out) {
		write_query(L, query, &p, out);
		return 0;
	}
	m = push_memory(L);
	write_query(L, query, &p, m->file);
	if (fclose(m->file) != 0) {
		m->file = NULL;
		return luaL_error(L, "out of memory");
	}
	m->file = NULL;
	lua_pushlstring(L, m->text, m->len && m->text[m->len - 1] == '\n' ? m->len - 1 : m->len);
	return 1;
}

static int table_method(lua_State *L)
{
	return format_method(L, FMT_TABLE);
}

static int vertical_method(lua_State *L)
{
	return format_method(L, FMT_VERTICAL);
}

static int json_method(lua_State *L)
{
	return format_method(L, FMT_JSON);
}

static int csv_method(lua_State *L)
{
	return format_method(L, FMT_CSV);
}

static int tsv_method(lua_State *L)
{
	return format_method(L, FMT_TSV);
}

static int markdown_method(lua_State *L)
{
	return format_method(L, FMT_MARKDOWN);
}

const luaL_Reg query_output_methods[] = {
	{ "table", table_method },
	{ "vertical", vertical_method },
	{ "json", json_method },
	{ "csv", csv_method },
	{ "tsv", tsv_method },
	{ "markdown", markdown_method },
	{ NULL, NULL },
};

/* ---- for who prints ---------------------------------------------------------------------------
 */

static struct plan_of_output plan_for(const struct lx_view *view, enum fmt_format otherwise)
{
	struct plan_of_output p = {
		.layout = {
			.format = otherwise,
			.width = view->width,
			.human = view->terminal,
			.colour = view->colour,
			.header = true,
		},
	};

	if (view->format)
		fmt_format_parse(view->format, &p.layout.format);
	return p;
}

void output_query(lua_State *L, int index, const struct lx_view *view, FILE *out)
{
	struct plan_of_output p = plan_for(view, FMT_TABLE);
	const struct lx_query *lq = query_check(L, index);

	index = lua_absindex(L, index);
	push_columns(L, &p);
	if (view->columns)
		split_columns(L, lq->q->source, view->columns, &p);
	else
		p.n = view_columns(lq->q, p.columns, MAX_COLUMNS);
	write_query(L, index, &p, out);
	lua_pop(L, 1);
}

/* Fills what the record lacks of the columns, then writes it. */
static void write_record(lua_State *L, int index, const struct plan_of_output *p, struct view *view)
{
	struct lx_record *rec = lua_touserdata(L, index);
	struct row row;
	struct value v;

	for (size_t i = 0; i < p->n; i++)
		record_get(L, index, p->columns[i].field, &row, &v);
	record_row(rec, &row);
	if (!view_row(view, &row))
		write_failed(L);
}

void output_record(lua_State *L, int index, const struct lx_view *view, FILE *out)
{
	struct plan_of_output p = plan_for(view, FMT_VERTICAL);
	const struct lx_record *rec = record_any(L, index);
	struct lx_box *box;

	index = lua_absindex(L, index);
	push_columns(L, &p);
	if (view->columns)
		split_columns(L, rec->source, view->columns, &p);
	else
		p.n = view_all_columns(rec->source, p.columns, MAX_COLUMNS);
	record_complete(L, index);
	box = box_push(L, release_view);
	box->p = view_open(&p.layout, p.columns, p.n, out);
	if (!box->p)
		luaL_error(L, "out of memory");
	write_record(L, index, &p, box->p);
	if (!view_end(box->p))
		write_failed(L);
	lua_pop(L, 2);
}

void output_records(lua_State *L, int list, const struct lx_view *view, FILE *out)
{
	struct plan_of_output p = plan_for(view, FMT_TABLE);
	const struct lx_record *rec;
	struct lx_box *box;
	struct query q;

	list = lua_absindex(L, list);
	lua_rawgeti(L, list, 1);
	rec = record_any(L, -1);
	q = (struct query){ .source = rec->source };
	push_columns(L, &p);
	if (view->columns)
		split_columns(L, rec->source, view->columns, &p);
	else
		p.n = view_columns(&q, p.columns, MAX_COLUMNS);
	box = box_push(L, release_view);
	box->p = view_open(&p.layout, p.columns, p.n, out);
	if (!box->p)
		luaL_error(L, "out of memory");
	for (lua_Integer i = 1; lua_rawgeti(L, list, i) != LUA_TNIL; i++) {
		const struct lx_record *other = record_any(L, -1);

		if (!other || other->source != rec->source)
			luaL_error(L, "the list holds more than records of one kind");
		write_record(L, lua_gettop(L), &p, box->p);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	if (!view_end(box->p))
		write_failed(L);
	lua_pop(L, 3);
}
