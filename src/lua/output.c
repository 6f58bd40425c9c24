/*
 * Owns rows as text for Lua: the methods table, vertical, json, csv, tsv and
 * markdown, what their options mean, and printing for the command line and the
 * prompt. Columns are data; rows are read and written in C, and only a column
 * that is a function makes records (by select).
 */
#include "columns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int write_failed(lua_State *L)
{
	int code = errno;

	return luaL_error(L, code == ENOMEM ? "out of memory" : "cannot write: %s", strerror(code));
}

/* ---- running ---------------------------------------------------------------------- */

/* A stream into memory, closed and freed whatever happens. */
struct memory {
	FILE *file;
	char *text;
	size_t len;
};

static void memory_forget(struct memory *m)
{
	if (m->file)
		fclose(m->file);
	free(m->text);
	*m = (struct memory){ .file = NULL };
}

static void release_memory(void *p)
{
	memory_forget(p);
	free(p);
}

/* Empty, whatever was in it. */
static bool memory_open(struct memory *m)
{
	memory_forget(m);
	m->file = open_memstream(&m->text, &m->len);
	return m->file != NULL;
}

static struct memory *push_memory(lua_State *L)
{
	struct lx_box *box = box_push(L, release_memory);
	struct memory *m = calloc(1, sizeof(*m));

	box->p = m;
	if (!m || !memory_open(m))
		luaL_error(L, "out of memory");
	return m;
}

/* Rows on their way to a stream, or to a text in memory; what it holds lives in boxes. */
struct output {
	const struct plan_of_output *plan;
	struct lx_box *view;
	FILE *out;
	struct memory *memory;	   /* NULL: out is the caller's */
	const luaL_Stream *stream; /* of whom out is, when Lua has it; anchored by the caller */
};

/* A function of a column may close the file that its row is written to. */
static void check_stream(lua_State *L, const struct output *o)
{
	if (o->stream && (!o->stream->closef || o->stream->f != o->out))
		luaL_error(L, "the file was closed while rows were written to it");
}

static void release_view(void *p)
{
	view_free(p);
}

static void open_view(lua_State *L, struct output *o)
{
	o->view->p = view_open(&o->plan->layout, o->plan->columns, o->plan->n,
			       o->memory ? o->memory->file : o->out);
	if (!o->view->p)
		luaL_error(L, "out of memory");
}

static int take_row(lua_State *L, void *arg, const struct row *row, int cursor,
		    struct nl_error *err)
{
	const struct output *o = arg;

	(void)cursor;
	check_stream(L, o);
	if (view_row(o->view->p, row))
		return 0;
	err->code = errno;
	snprintf(err->text, sizeof(err->text), "cannot write: %s", strerror(errno));
	return -1;
}

/* What is written to a stream stays written; a text in memory begins anew. */
static bool restart_view(lua_State *L, void *arg)
{
	struct output *o = arg;

	if (view_restart(o->view->p))
		return true;
	if (!o->memory)
		return false;
	view_free(o->view->p);
	o->view->p = NULL;
	if (!memory_open(o->memory))
		luaL_error(L, "out of memory");
	open_view(L, o);
	return true;
}

/* Writes the rows of the query at index as the output, whose plan is p, says [-0, +0, e]. */
static void write_query(lua_State *L, int index, const struct plan_of_output *p, struct output o)
{
	struct lx_sink sink = { take_row, restart_view, &o };

	o.plan = p;
	o.view = box_push(L, release_view);
	open_view(L, &o);
	run_query(L, index, view_needs(p->columns, p->n), &sink);
	check_stream(L, &o);
	if (!view_end(o.view->p))
		write_failed(L);
	lua_pop(L, 1);
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
static const luaL_Stream *stream_at(lua_State *L, int index)
{
	const luaL_Stream *stream;

	if (lua_isnil(L, index))
		return NULL;
	stream = luaL_checkudata(L, index, LUA_FILEHANDLE);
	if (!stream->closef)
		luaL_error(L, "this file is closed");
	return stream;
}

/*
 * The options at 2, if any: a stream, or a table. Pushes what must be kept and
 * leaves the query that is written at the returned index [-0, +n, e].
 */
static int read_options(lua_State *L, struct plan_of_output *p, const luaL_Stream **out)
{
	static const char *const known[] = { "columns", "header", "width", "human",
					     "colour",	"color",  "file",  NULL };
	int query = 1;
	size_t width;

	*out = NULL;
	columns_push(L, p);
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
		columns_split(L, query_check(L, 1)->q->source, lua_tostring(L, -1), p);
	} else if (lua_istable(L, -1)) {
		columns_resolve(L, lua_gettop(L), 1);
		query = lua_gettop(L) - 1;
		columns_read(L, query + 1, query, p);
	} else if (lua_isnil(L, -1)) {
		p->n = view_columns(query_check(L, 1)->q, p->columns, MAX_COLUMNS);
	} else {
		return luaL_error(L, "columns is a list or a text such as \"raddr,rtt\", not a %s",
				  luaL_typename(L, -1));
	}
	return query;
}

/*
 * q:FORMAT(), q:FORMAT(file), q:FORMAT{columns =, header =, width =, human =, colour =, file =}:
 * the rows as text. Without a file it is returned, without its last newline, for print.
 */
static int format_method(lua_State *L, enum fmt_format format)
{
	struct plan_of_output p = { .layout = { .format = format, .header = true } };
	struct lx_view screen;
	const luaL_Stream *out;
	struct memory *m;
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
		write_query(L, query, &p, (struct output){ .out = out->f, .stream = out });
		return 0;
	}
	m = push_memory(L);
	write_query(L, query, &p, (struct output){ .memory = m });
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
	columns_push(L, &p);
	if (view->columns)
		columns_split(L, lq->q->source, view->columns, &p);
	else
		p.n = view_columns(lq->q, p.columns, MAX_COLUMNS);
	write_query(L, index, &p, (struct output){ .out = out });
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
	columns_push(L, &p);
	if (view->columns)
		columns_split(L, rec->source, view->columns, &p);
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
	columns_push(L, &p);
	if (view->columns)
		columns_split(L, rec->source, view->columns, &p);
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
