/*
 * Owns records: a row that Lua keeps. A record has its own copy of the kernel's
 * message, so it lives as long as Lua wants and nothing of the run that it came
 * from stays open for it.
 *
 * There is one metatable for each source; its __index looks the name up in a
 * table of the source's fields, so that an access costs one hash and one read.
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A process may have two lists of arguments of 64 KiB each. */
#define REFETCH_SIZE (160 * 1024)

enum { UV_CURSOR = 1, UV_ENV, UV_WIDER, RECORD_UVS = UV_WIDER };

struct lx_env {
	struct env *env;
};

/* Registry key of a source's metatable; its address is unique. */
static const void *mt_key(const struct source *s)
{
	return s;
}

static int env_gc(lua_State *L)
{
	struct lx_env *e = luaL_checkudata(L, 1, ENV_MT);

	env_unref(e->env);
	e->env = NULL;
	return 0;
}

/* Puts a box that holds the env on the stack [-0, +1, m]. */
static void push_env(lua_State *L, struct env *env)
{
	struct lx_env *box = lua_newuserdatauv(L, sizeof(*box), 0);

	box->env = NULL;
	luaL_setmetatable(L, ENV_MT);
	box->env = env_ref(env);
}

/* The table at this user value, made if it is not there [-0, +1, m]. */
static void push_table(lua_State *L, int cursor, int uv)
{
	if (lua_getiuservalue(L, cursor, uv) == LUA_TTABLE)
		return;
	lua_pop(L, 1);
	lua_newtable(L);
	lua_pushvalue(L, -1);
	lua_setiuservalue(L, cursor, uv);
}

/*
 * Makes a user value of the cursor hold the row's env [-0, +0, m]. Rows of a
 * run have one env a namespace and stage, so a box is made once for each.
 */
static void hold_env(lua_State *L, struct env *env, int cursor)
{
	struct lx_cursor *lc = lua_touserdata(L, cursor);

	if (lc->env == env)
		return;
	push_table(L, cursor, CURSOR_ENVS);
	if (lua_rawgetp(L, -1, env) != LUA_TUSERDATA) {
		lua_pop(L, 1);
		push_env(L, env);
		lua_pushvalue(L, -1);
		lua_rawsetp(L, -3, env);
	}
	lua_setiuservalue(L, cursor, CURSOR_ENV);
	lua_pop(L, 1);
	lc->env = env;
}

static void push_meta(lua_State *L, const struct source *s);

/*
 * The metatable of a source: of ours in the registry, of a made one with the run at cursor
 * (0: none, and it is one of ours) [-0, +1, m].
 */
static void find_meta(lua_State *L, const struct source *s, int cursor)
{
	if (s->refs == 0) {
		if (lua_rawgetp(L, LUA_REGISTRYINDEX, mt_key(s)) == LUA_TTABLE)
			return;
		lua_pop(L, 1);
		push_meta(L, s);
		lua_pushvalue(L, -1);
		lua_rawsetp(L, LUA_REGISTRYINDEX, mt_key(s));
		return;
	}
	push_table(L, cursor, CURSOR_METAS);
	if (lua_rawgetp(L, -1, s) != LUA_TTABLE) {
		lua_pop(L, 1);
		push_meta(L, s);
		lua_pushvalue(L, -1);
		lua_rawsetp(L, -3, s);
	}
	lua_remove(L, -2);
}

/* The record alone, without the env that it needs [-0, +1, m]. */
static struct lx_record *new_record(lua_State *L, const struct row *row, int cursor)
{
	size_t len = row->msg->nlmsg_len;
	struct lx_record *rec = lua_newuserdatauv(L, sizeof(*rec) + len, RECORD_UVS);

	rec->source = row->source;
	rec->env = row->env;
	rec->wider = NULL;
	rec->shape = row->shape;
	rec->tag = row->tag;
	rec->asked = row->asked;
	rec->len = len;
	memcpy(rec->msg, row->msg, len);
	find_meta(L, row->source, cursor);
	lua_setmetatable(L, -2);
	return rec;
}

void record_push_alone(lua_State *L, const struct row *row)
{
	push_env(L, row->env);
	new_record(L, row, 0);
	lua_insert(L, -2);
	lua_setiuservalue(L, -2, UV_ENV);
}

struct lx_record *record_push(lua_State *L, const struct row *row, int cursor)
{
	struct lx_record *rec;

	hold_env(L, row->env, cursor);
	rec = new_record(L, row, cursor);
	lua_pushvalue(L, cursor);
	lua_setiuservalue(L, -2, UV_CURSOR);
	lua_getiuservalue(L, cursor, CURSOR_ENV);
	lua_setiuservalue(L, -2, UV_ENV);
	return rec;
}

/* Each metatable of a record has this key. */
static const char record_key;

struct lx_record *record_any(lua_State *L, int index)
{
	bool ours;

	if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index))
		return NULL;
	ours = lua_rawgetp(L, -1, &record_key) == LUA_TBOOLEAN;
	lua_pop(L, 2);
	return ours ? lua_touserdata(L, index) : NULL;
}

static struct lx_record *check(lua_State *L, int index)
{
	struct lx_record *rec = record_any(L, index);

	if (!rec)
		luaL_typeerror(L, index, "record");
	return rec;
}

void record_row(const struct lx_record *rec, struct row *row)
{
	row->source = rec->source;
	row->env = rec->env;
	row->msg = rec->wider ? rec->wider : (const struct nlmsghdr *)rec->msg;
	row->shape = rec->shape;
	row->tag = rec->tag;
	row->asked = rec->asked;
	row->indexed = false;
}

void record_message(lua_State *L, int index)
{
	lua_getiuservalue(L, index, UV_WIDER);
}

/*
 * Asks the kernel for the same object with more extensions. An object that is
 * gone stays as it was: the field is absent then. That it could not be asked is
 * no absence, and raises.
 */
static void refetch(lua_State *L, int index, uint32_t needs)
{
	struct lx_record *rec = lua_touserdata(L, index);
	_Alignas(8) unsigned char buf[REFETCH_SIZE];
	struct nl_error err;
	struct row row;
	ptrdiff_t n = 0;
	void *copy;

	record_row(rec, &row);
	index = lua_absindex(L, index);
	if (rec->source->refetch)
		n = rec->source->refetch(&row, rec->asked | needs, buf, sizeof(buf), &err);
	if (n < 0) {
		interrupt_check(L);
		raise_error(L, rec->source->name, &err);
	}
	rec->asked |= needs;
	if (n == 0)
		return;
	copy = lua_newuserdatauv(L, (size_t)n, 0);
	memcpy(copy, buf, (size_t)n);
	lua_setiuservalue(L, index, UV_WIDER);
	rec->wider = copy;
}

/* Tells the run behind the record, if it still goes on, what its rows are read for. */
static void widen(lua_State *L, int index, const struct source *s, uint32_t needs)
{
	const struct lx_cursor *lc;

	lua_getiuservalue(L, index, UV_CURSOR);
	lc = lua_touserdata(L, -1);
	if (lc && lc->c)
		cursor_widen(lc->c, s, needs);
	lua_pop(L, 1);
}

/* A finalizer may meet a record whose env the collector has finished already. */
static void check_open(lua_State *L, int index)
{
	const struct lx_env *box;

	lua_getiuservalue(L, index, UV_ENV);
	box = lua_touserdata(L, -1);
	lua_pop(L, 1);
	if (!box || !box->env)
		luaL_error(L, "this record is closed");
}

struct lx_record *record_check(lua_State *L, int index)
{
	struct lx_record *rec = check(L, index);

	check_open(L, index);
	return rec;
}

bool record_get(lua_State *L, int index, const struct field *f, struct row *row, struct value *v)
{
	struct lx_record *rec = lua_touserdata(L, index);
	uint32_t missing = f->needs & ~rec->asked;

	check_open(L, index);
	record_row(rec, row);
	/* owners are found for a single row too, but those behind it shall have them in time */
	if (missing & NEED_OWNERS)
		widen(L, index, rec->source, missing);
	if (field_get(f, row, v))
		return true;
	missing &= ~NEED_OWNERS;
	if (missing == 0 || !field_in_shape(f, rec->shape))
		return false;
	widen(L, index, rec->source, missing);
	refetch(L, index, missing);
	record_row(rec, row);
	return field_get(f, row, v);
}

void record_complete(lua_State *L, int index)
{
	struct lx_record *rec = lua_touserdata(L, index);
	uint32_t all = 0;

	check_open(L, index);
	for (const struct field *f = rec->source->fields; f->name; f++)
		if (field_in_shape(f, rec->shape))
			all |= f->needs & ~NEED_OWNERS;
	if (all & ~rec->asked)
		refetch(L, index, all);
}

void value_push(lua_State *L, const struct field *f, const struct value *v)
{
	char buf[VALUE_TEXT_MAX];
	const char *text;
	size_t len;

	switch (v->kind) {
	case VALUE_NIL:
		lua_pushnil(L);
		break;
	case VALUE_BOOL:
		lua_pushboolean(L, v->flag);
		break;
	case VALUE_FLOAT:
		lua_pushnumber(L, v->real);
		break;
	case VALUE_LIST:
		lua_createtable(L, (int)v->list.n, 0);
		for (size_t i = 0; i < v->list.n; i++) {
			value_push(L, f, &v->list.items[i]);
			lua_rawseti(L, -2, (lua_Integer)i + 1);
		}
		break;
	case VALUE_INT:
		if (!enum_is_named(f, v->num)) {
			lua_pushinteger(L, v->num);
			break;
		}
		/* fall through */
	default:
		text = value_text(f, v, buf, &len);
		lua_pushlstring(L, text, len);
		break;
	}
}

/* Bytes of a list with its rows. */
static size_t list_size(const struct value *list)
{
	size_t size = list->list.n * sizeof(*list);

	for (size_t i = 0; i < list->list.n; i++)
		if (list->list.items[i].kind == VALUE_ROW)
			size += NLMSG_ALIGN(list->list.items[i].row->nlmsg_len);
	return size;
}

/* A copy of the list, with its rows, in memory of so many bytes. */
static struct value *copy_list(const struct value *list, void *memory)
{
	struct value *items = memory;
	char *rows = (char *)(items + list->list.n);

	if (list->list.n)
		memcpy(items, list->list.items, list->list.n * sizeof(*items));
	for (size_t i = 0; i < list->list.n; i++) {
		size_t len;

		if (items[i].kind != VALUE_ROW)
			continue;
		len = items[i].row->nlmsg_len;
		items[i].row = memcpy(rows, items[i].row, len);
		rows += NLMSG_ALIGN(len);
	}
	return items;
}

/*
 * The list that the field of the record at index is [-0, +1, e]. A finalizer that the
 * collector runs meanwhile may read another list, so ours is read again into memory of its
 * own: nothing is allocated between the two.
 */
static void list_push(lua_State *L, int index, const struct field *f, struct value *v)
{
	size_t size = list_size(v), n = v->list.n;
	void *memory = lua_newuserdatauv(L, size, 0);
	struct value *items;
	struct row row;

	record_row(lua_touserdata(L, index), &row);
	if (!field_get(f, &row, v) || v->kind != VALUE_LIST || v->list.n != n ||
	    list_size(v) > size)
		luaL_error(L, "%s cannot be read: not enough memory", f->name);
	items = copy_list(v, memory);
	lua_createtable(L, (int)n, 0);
	for (size_t i = 0; i < n; i++) {
		if (items[i].kind == VALUE_ROW) {
			item_row(f, &items[i], row.env, &row);
			new_record(L, &row, 0);
			lua_getiuservalue(L, index, UV_ENV);
			lua_setiuservalue(L, -2, UV_ENV);
		} else {
			value_push(L, f, &items[i]);
		}
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_remove(L, -2);
}

/* The value of the field of the record at index, as read from there [-0, +1, e]. */
static void push_read(lua_State *L, int index, const struct field *f, struct value *v)
{
	if (v->kind == VALUE_LIST)
		list_push(L, index, f, v);
	else
		value_push(L, f, v);
}

/* A script that asks for an owner shall not take "not told" for "none". */
static void unknown_owner(lua_State *L, const struct row *row, const struct field *f)
{
	const struct source *s = row->source;
	enum owner_status why;
	uint32_t inode = 0;

	if (f->needs & NEED_PEER)
		inode = s->peer ? s->peer(row) : 0;
	else if (s->inode)
		inode = s->inode(row, &why);
	/* what no process can hold has none, whatever could not be read */
	if (inode == 0 && s->inode)
		return;
	if (env_owners_error(row->env)) {
		interrupt_check(L);
		raise_error(L, row->source->name, env_owners_error(row->env));
	}
	answer_hidden(L, row, inode);
}

bool record_read(lua_State *L, int index, const struct field *f, struct row *row, struct value *v)
{
	if (record_get(L, index, f, row, v))
		return true;
	if (f->cost == COST_PROC)
		unknown_owner(L, row, f);
	else if (f->cost == COST_REQUEST)
		answer_withheld(L, row);
	return false;
}

/* Upvalues: 1 name -> field, 2 the metatable. */
static int record_index(lua_State *L)
{
	struct lx_record *rec;
	struct value v;
	struct row row;
	const struct field *f;
	const char *near;
	bool ours;

	ours = lua_type(L, 1) == LUA_TUSERDATA && lua_getmetatable(L, 1) &&
	       lua_rawequal(L, -1, lua_upvalueindex(2));
	if (!ours)
		return luaL_typeerror(L, 1, "record");
	lua_pop(L, 1);
	rec = lua_touserdata(L, 1);
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TLIGHTUSERDATA) {
		const char *name;

		if (lua_type(L, 2) == LUA_TSTRING && nav_push(L, 1, lua_tostring(L, 2)))
			return 1;
		name = luaL_tolstring(L, 2, NULL);
		near = source_nearest(rec->source, name);
		return luaL_error(L,
				  near ? "a %s has no field '%s'; did you mean '%s'?"
				       : "a %s has no field '%s'",
				  rec->source->row_name, name, near);
	}
	f = lua_touserdata(L, -1);
	record_read(L, 1, f, &row, &v);
	push_read(L, 1, f, &v);
	return 1;
}

static int record_newindex(lua_State *L)
{
	const struct lx_record *rec = check(L, 1);

	return luaL_error(L, "a %s is what the kernel said and cannot be changed",
			  rec->source->row_name);
}

static size_t field_count(const struct source *s)
{
	size_t n = 0;

	while (s->fields[n].name)
		n++;
	return n;
}

/* next(record, name): the field declared behind name; upvalue 1 name -> field. */
static int record_next(lua_State *L)
{
	const struct lx_record *rec = check(L, 1);
	const struct field *f = rec->source->fields;
	struct value v;
	struct row row;

	if (!lua_isnil(L, 2)) {
		lua_pushvalue(L, 2);
		if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TLIGHTUSERDATA)
			return luaL_error(L, "a %s has no such field to go on from",
					  rec->source->row_name);
		f = lua_touserdata(L, -1);
		if (f < rec->source->fields || f >= rec->source->fields + field_count(rec->source))
			return luaL_error(L, "this is the iterator of another kind of record");
		f++;
	}
	/* as pairs of a table does, it passes over what is nil */
	for (; f->name; f++) {
		if (!record_get(L, 1, f, &row, &v))
			continue;
		push_read(L, 1, f, &v);
		lua_pushstring(L, f->name);
		lua_insert(L, -2);
		return 2;
	}
	lua_pushnil(L);
	return 1;
}

/* Upvalue 1: record_next. All facts are asked for at once, so they are of one moment. */
static int record_pairs(lua_State *L)
{
	check(L, 1);
	record_complete(L, 1);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushvalue(L, 1);
	lua_pushnil(L);
	return 3;
}

/* The columns of a table, joined: "tcp established 10.0.0.1 80 ..." */
static int record_tostring(lua_State *L)
{
	const struct lx_record *rec = check(L, 1);
	char buf[VALUE_TEXT_MAX];
	struct row row;
	luaL_Buffer b;

	check_open(L, 1);
	record_row(rec, &row);
	luaL_buffinit(L, &b);
	luaL_addstring(&b, rec->source->row_name);
	for (const struct field *f = rec->source->fields; f->name; f++) {
		struct value v;
		const char *text;
		size_t len;

		if (!(f->flags & FF_COLUMN) || !field_get(f, &row, &v))
			continue;
		text = value_text(f, &v, buf, &len);
		luaL_addchar(&b, ' ');
		luaL_addlstring(&b, text, len);
	}
	luaL_pushresult(&b);
	return 1;
}

/* Pushes the table name -> field of a source. */
static void push_names(lua_State *L, const struct source *s)
{
	lua_newtable(L);
	for (const struct field *f = s->fields; f->name; f++) {
		lua_pushlightuserdata(L, (void *)f);
		lua_setfield(L, -2, f->name);
	}
}

/* The metatable of a source's records [-0, +1, m]. */
static void push_meta(lua_State *L, const struct source *s)
{
	lua_newtable(L);
	lua_pushboolean(L, true);
	lua_rawsetp(L, -2, &record_key);
	lua_pushstring(L, s->row_name);
	lua_setfield(L, -2, "__name");
	push_names(L, s);
	lua_pushvalue(L, -1);
	lua_pushvalue(L, -3);
	lua_pushcclosure(L, record_index, 2);
	lua_setfield(L, -3, "__index");
	lua_pushcclosure(L, record_next, 1);
	lua_pushcclosure(L, record_pairs, 1);
	lua_setfield(L, -2, "__pairs");
	lua_pushcfunction(L, record_newindex);
	lua_setfield(L, -2, "__newindex");
	lua_pushcfunction(L, record_tostring);
	lua_setfield(L, -2, "__tostring");
}

void record_open(lua_State *L)
{
	luaL_newmetatable(L, ENV_MT);
	lua_pushcfunction(L, env_gc);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
	for (size_t i = 0; sources[i]; i++) {
		push_meta(L, sources[i]);
		lua_rawsetp(L, LUA_REGISTRYINDEX, mt_key(sources[i]));
	}
}
