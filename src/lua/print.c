/*
 * Owns how values are shown to a person: queries as tables, one record
 * vertically, the rest as print does. Text from outside is escaped.
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

static void release_table(void *p)
{
	fmt_table_free(p);
}

static int write_failed(lua_State *L)
{
	int code = errno;

	return luaL_error(L, "cannot write to standard output: %s", strerror(code));
}

#define MAX_COLUMNS 64

static void mark_used(const struct node *n, const struct source *s, bool *used)
{
	if (n->kind == NODE_COND) {
		if (!(n->cond.field->flags & FF_REQUEST))
			used[n->cond.field - s->fields] = true;
		return;
	}
	for (size_t i = 0; i < n->n; i++)
		mark_used(n->kids[i], s, used);
}

/* The columns of a query: those of its source, and what its conditions name. */
static size_t choose_columns(const struct query *q, const struct field *list[MAX_COLUMNS])
{
	bool used[512] = { false };
	size_t n = 0;

	if (q->filter)
		mark_used(q->filter, q->source, used);
	for (const struct field *f = q->source->fields; f->name && n < MAX_COLUMNS; f++)
		if (f->flags & FF_COLUMN || used[f - q->source->fields])
			list[n++] = f;
	return n;
}

static bool is_number(const struct field *f)
{
	return f->type != FT_BOOL && f->type != FT_ENUM && f->type != FT_TEXT && f->type != FT_ADDR;
}

static struct fmt_table *new_table(const struct field **list, size_t n)
{
	struct fmt_column columns[MAX_COLUMNS];

	for (size_t i = 0; i < n; i++)
		columns[i] = (struct fmt_column){
			.title = list[i]->name,
			.align = is_number(list[i]) ? FMT_RIGHT : FMT_LEFT,
			.fixed = is_number(list[i]), /* half a number is a wrong one */
		};
	return fmt_table_new(columns, n);
}

static bool add_cell(struct fmt_table *t, const struct field *f, const struct value *v)
{
	char buf[VALUE_TEXT_MAX];
	size_t len;
	const char *text = value_text(f, v, buf, &len);

	return fmt_table_cell(t, text, len);
}

/* Runs the query at index and prints its rows [-0, +0, e]. */
static void print_query(lua_State *L, int index, size_t width)
{
	const struct field *list[MAX_COLUMNS];
	struct lx_query *lq = query_check(L, index);
	size_t n = choose_columns(lq->q, list);
	struct lx_box *box;
	int cursor;

	for (size_t i = 0; i < n; i++)
		lq->needs |= list[i]->needs;
	box = box_push(L, release_table);
	box->p = new_table(list, n);
	if (!box->p)
		luaL_error(L, "out of memory");
	cursor_push(L, index);
	for (cursor = lua_gettop(L); cursor_step(L, index, cursor); lua_settop(L, cursor)) {
		for (size_t i = 0; i < n; i++) {
			struct value v;
			struct row row;

			record_get(L, -1, list[i], &row, &v);
			if (!add_cell(box->p, list[i], &v))
				luaL_error(L, "out of memory");
		}
	}
	if (!fmt_table_write(box->p, stdout, width))
		write_failed(L);
	lua_settop(L, cursor - 2);
}

/* Every field that the record has, one a line [-0, +0, e]. */
static void print_record(lua_State *L, int index, size_t width)
{
	static const struct fmt_column columns[] = { { .title = "field" }, { .title = "value" } };
	const struct lx_record *rec = lua_touserdata(L, index);
	struct lx_box *box = box_push(L, release_table);
	struct row row;

	box->p = fmt_table_new(columns, 2);
	if (!box->p)
		luaL_error(L, "out of memory");
	record_complete(L, index);
	for (const struct field *f = rec->source->fields; f->name; f++) {
		struct value v;

		if (!record_get(L, index, f, &row, &v))
			continue;
		if (!fmt_table_cell(box->p, f->name, strlen(f->name)) || !add_cell(box->p, f, &v))
			luaL_error(L, "out of memory");
	}
	if (!fmt_pairs_write(box->p, stdout, width))
		write_failed(L);
	lua_pop(L, 1);
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

/* Upvalues none; arguments: width, then the values. */
static int print_values(lua_State *L)
{
	size_t width = (size_t)lua_tointeger(L, 1);
	int top = lua_gettop(L);
	bool line = false; /* a line of plain values is open */

	for (int i = 2; i <= top; i++) {
		bool query = luaL_testudata(L, i, QUERY_MT) != NULL;

		if (!query && !record_any(L, i)) {
			print_plain(L, i, !line);
			line = true;
			continue;
		}
		if (line && putchar('\n') == EOF)
			write_failed(L);
		line = false;
		if (query)
			print_query(L, i, width);
		else
			print_record(L, i, width);
	}
	if ((line || top == 1) && putchar('\n') == EOF)
		write_failed(L);
	if (fflush(stdout) != 0)
		write_failed(L);
	return 0;
}

enum lx_result lx_print(lua_State *L, int first, size_t width)
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
	lua_pushinteger(L, (lua_Integer)width);
	lua_insert(L, first + 1);
	rc = lx_call(L, n + 1);
	if (rc == LX_DONE)
		lua_settop(L, first - 1);
	return rc;
}
