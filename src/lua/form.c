/*
 * Owns forms as Lua has them: making them (form_part.c reads their data), printing a record by
 * one, and q:write.
 */
#include "form_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORM_MT "connsh.form"

/* User value 1: its functions by their numbers, or nil. */
struct lx_form {
	struct form *form;
};

bool form_is(lua_State *L, int index)
{
	return luaL_testudata(L, index, FORM_MT) != NULL;
}

struct form *form_check(lua_State *L, int index)
{
	struct lx_form *lf = luaL_checkudata(L, index, FORM_MT);

	if (!lf->form)
		luaL_error(L, "this form is closed");
	return lf->form;
}

const struct source *form_source(lua_State *L, int index)
{
	return form_of(form_check(L, index));
}

static int form_gc(lua_State *L)
{
	struct lx_form *lf = luaL_checkudata(L, 1, FORM_MT);

	form_free(lf->form);
	lf->form = NULL;
	return 0;
}

/*
 * q:form(part): how a row is printed, as data. A part is one of
 *
 *   "text"               itself
 *   {part, ...}          one behind the other; false stands for nothing
 *   {field=NAME, ...}    a value, if the row has it and it is none of unless (a value or a list).
 *                        map={[value]=text} prints some as a text; as prints the others: a
 *                        printf-like format with one of %d %u %x %X %o %g %f %s %c (%s of a name is
 *                        its text, %d its number), or "service" (of a port; proto="tcp": of that
 *                        protocol only, local_range=true: not of ports that the kernel gives away,
 *                        rpc=true: what rpcbind knows first), "host" (of an address),
 *                        "host_before_port" (the same, brackets around an IPv6 address), "bits"
 *                        (1.5M) or "clock" (9min59sec). Durations are of unit "us", "ms" or "s".
 *                        wrap=32 takes it as a signed number of 32 bits, mul and div are one exact
 *                        step. Control bytes of texts from outside are dots.
 *   {first={part, ...}}  the first one that applies
 *   {each=NAME, ...}     a list: of records, part is how one is printed; of plain values, what a
 *                        field has says it. between=text, reverse=true
 *   {calc={...}}         numbers, fields (NAME or {field=NAME, unit=, mul=, div=, wrap=}) and + - *
 *                        / in postfix, as reals; applies if all are there and the result is finite.
 *                        as, unless and map as of a field
 *   {value=function}     what it returns for the record, in Lua for each row; nil does not apply
 *
 * and each table may have when={conditions} (if they do not hold it does not apply), otherwise=part
 * (if it does not apply), upto=text (ends before that), cut=n and width=n with align="right" (of
 * what it prints, in bytes), before=text and after=text (around it, if it applies).
 *
 * Parts are read now, and never again: a change of their tables changes nothing.
 */
static int form_method(lua_State *L)
{
	const struct lx_query *lq = query_check(L, 1);
	struct form_reader r = { .L = L, .source = lq->q->source };
	struct lx_form *lf;

	luaL_argcheck(L, lua_gettop(L) == 2, 2, "a form is made of one part: a text or a table");
	lf = lua_newuserdatauv(L, sizeof(*lf), 1);
	r.box = lua_gettop(L);
	lf->form = NULL;
	luaL_setmetatable(L, FORM_MT);
	lf->form = r.form = form_new(r.source);
	if (!r.form)
		return reader_no_memory(&r);
	form_ready(r.form, reader_part(&r, 2));
	return 1;
}

/* ---- printing ------------------------------------------------------------------------ */

int form_row(lua_State *L, int form, int cursor, const struct row *row, struct fmt_text *out,
	     struct nl_error *err)
{
	const struct lx_form *lf = lua_touserdata(L, form);
	struct lx_calls calls;

	/* most have none, and each cell of a table comes here */
	if (!form_has_functions(lf->form))
		return form_write(lf->form, row, NULL, out, err) ? 0 : -1;
	calls_set(&calls, L, form, cursor);
	return form_write(lf->form, row, &calls.calls, out, err) ? 0 : -1;
}

static void release_text(void *p)
{
	fmt_text_free(p);
	free(p);
}

static struct fmt_text *push_text(lua_State *L)
{
	struct lx_box *box = box_push(L, release_text);

	box->p = calloc(1, sizeof(struct fmt_text));
	if (!box->p)
		luaL_error(L, "out of memory");
	return box->p;
}

void form_record(lua_State *L, int form, int record, struct fmt_text *out)
{
	const struct form *f = form_check(L, form);
	const struct lx_record *rec = record_any(L, record);
	const struct field *const *fields;
	struct nl_error err;
	struct value v;
	struct row row;
	size_t n;

	form = lua_absindex(L, form);
	record = lua_absindex(L, record);
	if (!rec || rec->source != form_of(f))
		luaL_error(L, "a form for %s prints a %s, not a %s", form_of(f)->name,
			   form_of(f)->row_name,
			   rec ? rec->source->row_name : luaL_typename(L, record));
	record_check(L, record);
	/* what the record lacks is asked for, of the owners too */
	n = form_fields(f, &fields);
	for (size_t i = 0; i < n; i++)
		if (fields[i]->needs & ~rec->asked)
			record_get(L, record, fields[i], &row, &v);
	/* a function of the form that reads the record may replace what the row lies in */
	record_message(L, record);
	record_row(rec, &row);
	if (form_row(L, form, record, &row, out, &err) < 0)
		raise_error(L, "form", &err);
	lua_pop(L, 1);
}

/* form(record): what it prints of the record. */
static int form_call(lua_State *L)
{
	struct fmt_text *text;

	form_check(L, 1);
	lua_settop(L, 2);
	text = push_text(L);
	form_record(L, 1, 2, text);
	lua_pushlstring(L, text->p ? text->p : "", text->len);
	return 1;
}

struct writing {
	int form;
	const luaL_Stream *stream; /* NULL: standard output */
	struct fmt_text *text;
	lua_Integer rows;
};

static int write_row(lua_State *L, void *arg, const struct row *row, int cursor,
		     struct nl_error *err)
{
	struct writing *w = arg;
	FILE *out = stdout;

	w->text->len = 0;
	if (form_row(L, w->form, cursor, row, w->text, err) < 0)
		return -1;
	/* a function of the form may have closed it */
	if (w->stream && !w->stream->closef)
		return nl_fail(err, EBADF, "the file was closed while rows were written to it");
	if (w->stream)
		out = w->stream->f;
	errno = 0;
	if (w->text->len && fwrite(w->text->p, 1, w->text->len, out) != w->text->len)
		return nl_fail(err, errno ? errno : EIO, "cannot write: %s",
			       strerror(errno ? errno : EIO));
	w->rows++;
	return 0;
}

/* q:write(form [, file]): each row as the form prints it, nothing between. Returns how many. */
static int write_method(lua_State *L)
{
	const struct lx_query *lq = query_check(L, 1);
	const struct form *f = form_check(L, 2);
	struct writing w = { .form = 2 };
	struct lx_sink sink = { write_row, NULL, &w };

	lua_settop(L, 3);
	if (form_of(f) != lq->q->source)
		return luaL_error(L, "a form for %s cannot write %s", form_of(f)->name,
				  lq->q->source->name);
	if (!lua_isnil(L, 3)) {
		w.stream = luaL_checkudata(L, 3, LUA_FILEHANDLE);
		if (!w.stream->closef)
			return luaL_error(L, "this file is closed");
	}
	w.text = push_text(L);
	run_query(L, 1, form_needs(f), &sink);
	lua_pushinteger(L, w.rows);
	return 1;
}

const luaL_Reg query_form_methods[] = {
	{ "form", form_method },
	{ "write", write_method },
	{ NULL, NULL },
};

static int form_tostring(lua_State *L)
{
	lua_pushfstring(L, "form for %s", form_source(L, 1)->name);
	return 1;
}

void form_open(lua_State *L)
{
	static const luaL_Reg meta[] = {
		{ "__call", form_call },
		{ "__tostring", form_tostring },
		{ "__gc", form_gc },
		{ NULL, NULL },
	};

	luaL_newmetatable(L, FORM_MT);
	luaL_setfuncs(L, meta, 0);
	lua_pop(L, 1);
}
