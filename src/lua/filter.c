/*
 * Owns turning what a script wrote (tables of conditions) into trees of
 * conditions. Nothing here raises: nodes are plain C memory, so a refusal goes
 * back as an error text and the caller raises when all is freed. Tables are
 * read raw, metamethods are not asked.
 */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Words of ss that alternate nest as deep as there are of them. Each level takes up to 3 KiB of the
 * stack, here and where the tree is planned: 500 leave room in the usual 8 MiB, sanitizers
 * included.
 */
#define MAX_DEPTH 500

struct filter_reader {
	lua_State *L;
	struct query *q;
	struct nl_error *err;
	int depth;
	int inside; /* lists of or and not around what is read */
};

__attribute__((format(printf, 2, 3))) static int fail(struct nl_error *err, const char *fmt, ...)
{
	va_list ap;

	err->code = EINVAL;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

static int no_memory(struct nl_error *err)
{
	err->code = ENOMEM;
	snprintf(err->text, sizeof(err->text), "out of memory");
	return -1;
}

/* A name as it may be shown: printable, short. */
static const char *shown(const char *name, char buf[48])
{
	size_t n = 0;

	for (; *name && n < 40; name++)
		buf[n++] = *name >= 0x20 && *name < 0x7f ? *name : '?';
	buf[n] = '\0';
	return buf;
}

static int unknown_field(const struct source *s, const char *name, struct nl_error *err)
{
	const char *near = source_nearest(s, name);
	char buf[48];

	if (near)
		return fail(err, "%s have no field '%s'; did you mean '%s'?", s->name,
			    shown(name, buf), near);
	return fail(err, "%s have no field '%s'; help \"%s\" lists them", s->name, shown(name, buf),
		    s->name);
}

/* A scalar as a user wrote it; strings stay on the stack or in their table. */
static bool scalar(lua_State *L, int index, struct value *v)
{
	switch (lua_type(L, index)) {
	case LUA_TBOOLEAN:
		v->kind = VALUE_BOOL;
		v->flag = lua_toboolean(L, index);
		return true;
	case LUA_TNUMBER:
		v->kind = lua_isinteger(L, index) ? VALUE_INT : VALUE_FLOAT;
		if (v->kind == VALUE_INT)
			v->num = lua_tointeger(L, index);
		else
			v->real = lua_tonumber(L, index);
		return true;
	case LUA_TSTRING:
		v->kind = VALUE_TEXT;
		v->text.p = lua_tolstring(L, index, &v->text.len);
		return true;
	default:
		return false;
	}
}

static int wrong_type(lua_State *L, const char *name, int index, struct nl_error *err)
{
	if (lua_isnil(L, index) || lua_isnone(L, index))
		return fail(err,
			    "the value of %s is nil; to select rows without one, write %s=false",
			    name, name);
	return fail(err, "%s cannot be a %s; it takes a value or a list of values", name,
		    luaL_typename(L, index));
}

static int add_list(struct filter_reader *r, struct cond *c, int index)
{
	lua_Unsigned n = lua_rawlen(r->L, index);
	struct value v;
	int rc = 0;

	if (c->op != OP_EQ && c->op != OP_NE)
		return fail(r->err, "%s %s takes one value, not a list", c->field->name,
			    cond_op_names[c->op]);
	for (lua_Unsigned i = 1; rc == 0 && i <= n; i++) {
		lua_rawgeti(r->L, index, (lua_Integer)i);
		if (scalar(r->L, -1, &v))
			rc = cond_add(c, &v, r->err);
		else
			rc = wrong_type(r->L, c->field->name, -1, r->err);
		lua_pop(r->L, 1);
	}
	return rc;
}

/* A condition of its own, or NULL with the error set. */
static struct node *read_cond(struct filter_reader *r, const struct field *f, enum cond_op op,
			      int index)
{
	struct cond c = { .field = f, .op = op };
	struct node *n;
	struct value v;
	int rc;

	if (f->flags & (FF_REQUEST | FF_SETTING)) {
		fail(r->err,
		     "%s decides where to ask: it takes = and stands outside of or, and, not",
		     f->name);
		return NULL;
	}
	index = lua_absindex(r->L, index);
	if (lua_istable(r->L, index))
		rc = add_list(r, &c, index);
	else if (scalar(r->L, index, &v))
		rc = cond_add(&c, &v, r->err);
	else
		rc = wrong_type(r->L, f->name, index, r->err);
	if (rc < 0) {
		cond_free(&c);
		return NULL;
	}
	n = node_cond(&c);
	if (!n)
		no_memory(r->err);
	return n;
}

static int place(struct filter_reader *r, int index)
{
	char number[24];

	if (lua_isinteger(r->L, index) && lua_type(r->L, index) == LUA_TNUMBER) {
		snprintf(number, sizeof(number), LUA_INTEGER_FMT, lua_tointeger(r->L, index));
		return query_netns(r->q, number) ? 0 : no_memory(r->err);
	}
	if (lua_type(r->L, index) != LUA_TSTRING)
		return wrong_type(r->L, "netns", index, r->err);
	if (strlen(lua_tostring(r->L, index)) != lua_rawlen(r->L, index))
		return fail(r->err, "the name of a network namespace has no NUL in it");
	return query_netns(r->q, lua_tostring(r->L, index)) ? 0 : no_memory(r->err);
}

/* The request fields: so far netns, one or a list of them. */
static int read_places(struct filter_reader *r, int index)
{
	int rc = 0;

	index = lua_absindex(r->L, index);
	if (r->q->netns_default)
		query_netns_clear(r->q);
	r->q->netns_default = false;
	if (r->q->nnetns || r->q->place)
		return fail(r->err, "netns is named already in this query");
	if (!lua_istable(r->L, index))
		return place(r, index);
	for (lua_Unsigned i = 1; rc == 0 && i <= lua_rawlen(r->L, index); i++) {
		lua_rawgeti(r->L, index, (lua_Integer)i);
		rc = place(r, -1);
		lua_pop(r->L, 1);
	}
	if (rc == 0 && r->q->nnetns == 0)
		return fail(r->err, "the list of netns is empty");
	return rc;
}

/* A file that the rows come from; false: none. */
static int read_input(struct filter_reader *r, const struct field *f, enum input_form form,
		      int index)
{
	const char *path = NULL;
	size_t len = 0;

	if (lua_type(r->L, index) == LUA_TSTRING)
		path = lua_tolstring(r->L, index, &len);
	else if (!lua_isboolean(r->L, index) || lua_toboolean(r->L, index))
		return fail(r->err, "%s is a setting: it is the path of a file, not a %s", f->name,
			    luaL_typename(r->L, index));
	if (path && (len == 0 || strlen(path) != len))
		return fail(r->err, "%s: the path of a file is not empty and has no NUL in it",
			    f->name);
	if (!path && r->q->input.form != form)
		return 0;
	if (path && r->q->input.form && r->q->input.form != form)
		return fail(r->err, "text and diag are two places for the same rows: only one can "
				    "be named");
	return query_input(r->q, form, path) ? 0 : no_memory(r->err);
}

/* The settings that are no file are true or false: each is a member of the query. */
static const struct {
	const char *name;
	size_t member;
} settings[] = {
	{ "consistent", offsetof(struct query, consistent) },
	{ "ordered", offsetof(struct query, ordered) },
	{ "listed", offsetof(struct query, listed) },
	{ "verbatim", offsetof(struct query, verbatim) },
	{ "first_dump", offsetof(struct query, input.first_dump) },
	{ "threads", offsetof(struct query, threads) },
	{ "contexts", offsetof(struct query, contexts) },
};

static int read_setting(struct filter_reader *r, const struct field *f, int index)
{
	if (r->q->from)
		return fail(r->err,
			    "%s says how the kernel is asked: it stands in the query that "
			    "these results are made of",
			    f->name);
	if (strcmp(f->name, "text") == 0)
		return read_input(r, f, INPUT_TEXT, index);
	if (strcmp(f->name, "diag") == 0)
		return read_input(r, f, INPUT_DIAG, index);
	if (!lua_isboolean(r->L, index))
		return fail(r->err, "%s is a setting: it is true or false, not a %s", f->name,
			    luaL_typename(r->L, index));
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (strcmp(f->name, settings[i].name) == 0) {
			*(bool *)((char *)r->q + settings[i].member) = lua_toboolean(r->L, index);
			return 0;
		}
	return fail(r->err, "the setting %s is not known here", f->name);
}

static struct node *read_conds(struct filter_reader *r, int index, bool top);

/* {"rtt", ">", 0.1} or {"rtt", 0.1} */
static struct node *read_triple(struct filter_reader *r, int index, const char *name)
{
	const struct field *f = source_field(r->q->source, name);
	lua_Unsigned len = lua_rawlen(r->L, index);
	enum cond_op op = OP_EQ;
	struct node *n = NULL;

	if (!f) {
		unknown_field(r->q->source, name, r->err);
		return NULL;
	}
	if (len > 3) {
		fail(r->err, "a condition on %s has three members, {\"%s\", \">\", value}", name,
		     name);
		return NULL;
	}
	lua_rawgeti(r->L, index, 2);
	lua_rawgeti(r->L, index, 3);
	if (len == 3 || !lua_isnil(r->L, -1)) {
		op = lua_type(r->L, -2) == LUA_TSTRING ? cond_op_parse(lua_tostring(r->L, -2))
						       : OP_COUNT;
		if (op == OP_COUNT)
			fail(r->err,
			     "the operator of a condition on %s is one of = != < <= > >=", name);
		else
			n = read_cond(r, f, op, -1);
	} else if (lua_type(r->L, -2) == LUA_TSTRING &&
		   cond_op_parse(lua_tostring(r->L, -2)) != OP_COUNT) {
		wrong_type(r->L, name, -1, r->err); /* {"lport", "=", nil} */
	} else {
		n = read_cond(r, f, op, -2);
	}
	lua_pop(r->L, 2);
	return n;
}

/*
 * {"or", a, b ...}, {"kernel", a}: what the kernel's program tests, and nothing here (struct
 * node). Members are triples, tables of conditions, or such lists.
 */
static struct node *read_logic(struct filter_reader *r, int index, enum node_kind kind)
{
	struct node *n = node_new(kind), *kid;
	lua_Unsigned len = lua_rawlen(r->L, index);

	if (!n) {
		no_memory(r->err);
		return NULL;
	}
	if (kind == NODE_NOT && len != 2) {
		fail(r->err, "\"not\" takes one member, {\"not\", {...}}");
		node_unref(n);
		return NULL;
	}
	if (kind == NODE_KERNEL && (len != 2 || r->inside || r->q->from)) {
		fail(r->err,
		     "\"kernel\" takes one member, {\"kernel\", {...}}, and stands outside of "
		     "or and not, in a query of what the kernel lists");
		node_unref(n);
		return NULL;
	}
	r->inside += kind != NODE_AND;
	for (lua_Unsigned i = 2; i <= len; i++) {
		lua_rawgeti(r->L, index, (lua_Integer)i);
		kid = lua_istable(r->L, -1) ? read_conds(r, lua_gettop(r->L), false) : NULL;
		if (!lua_istable(r->L, -1))
			fail(r->err, "member %d of a list of conditions is a %s, not a table",
			     (int)i, luaL_typename(r->L, -1));
		lua_pop(r->L, 1);
		if (!kid || !node_add(n, kid)) {
			if (kid)
				no_memory(r->err);
			node_unref(n);
			return NULL;
		}
	}
	r->inside -= kind != NODE_AND;
	return n;
}

static bool logic_word(const char *word, enum node_kind *kind)
{
	static const struct {
		const char *word;
		enum node_kind kind;
	} words[] = { { "and", NODE_AND },
		      { "or", NODE_OR },
		      { "not", NODE_NOT },
		      { "kernel", NODE_KERNEL } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i].word) == 0) {
			*kind = words[i].kind;
			return true;
		}
	}
	return false;
}

/* Every key must be one that the other functions read, or it would be passed over. */
static int check_keys(struct filter_reader *r, int index, bool top)
{
	lua_Unsigned len = lua_rawlen(r->L, index);
	int rc = 0;

	for (lua_pushnil(r->L); rc == 0 && lua_next(r->L, index); lua_pop(r->L, 1)) {
		if (lua_type(r->L, -2) == LUA_TSTRING) {
			const char *name = lua_tostring(r->L, -2);

			if (strcmp(name, "where") == 0 && lua_isfunction(r->L, -1)) {
				if (!top)
					rc = fail(r->err,
						  "where=function stands outside of or, and, "
						  "not");
			} else if (!source_field(r->q->source, name)) {
				rc = unknown_field(r->q->source, name, r->err);
			}
		} else if (!lua_isinteger(r->L, -2) ||
			   (lua_Unsigned)lua_tointeger(r->L, -2) > len) {
			rc = fail(r->err,
				  "a table of conditions has names and a list of tables, not "
				  "the key of type %s",
				  luaL_typename(r->L, -2));
		}
		if (rc < 0)
			lua_pop(r->L, 2);
		if (rc < 0)
			break;
	}
	return rc;
}

/*
 * Entry 0 of a selector names what it gave by '='. A name that is not in the
 * table had the value nil, which must not widen the query.
 */
static int check_given(struct filter_reader *r, int index)
{
	const char *names, *end;
	int rc = 0;

	lua_rawgeti(r->L, index, 0);
	names = lua_type(r->L, -1) == LUA_TSTRING ? lua_tostring(r->L, -1) : "";
	for (; rc == 0 && *names; names = *end ? end + 1 : end) {
		char name[64];
		size_t n;

		end = names + strcspn(names, ",");
		n = (size_t)(end - names) < sizeof(name) - 1 ? (size_t)(end - names)
							     : sizeof(name) - 1;
		memcpy(name, names, n);
		name[n] = '\0';
		if (!source_field(r->q->source, name) && strcmp(name, "where") != 0) {
			rc = unknown_field(r->q->source, name, r->err);
			break;
		}
		lua_pushstring(r->L, name);
		if (lua_rawget(r->L, index) == LUA_TNIL)
			rc = wrong_type(r->L, name, -1, r->err);
		lua_pop(r->L, 1);
	}
	lua_pop(r->L, 1);
	return rc;
}

/* The equalities, in the order in which the fields are declared. */
static int read_fields(struct filter_reader *r, int index, bool top, struct node *all)
{
	for (const struct field *f = r->q->source->fields; f->name; f++) {
		struct node *n;
		int rc = 0;

		lua_pushstring(r->L, f->name);
		if (lua_rawget(r->L, index) == LUA_TNIL) {
			lua_pop(r->L, 1);
			continue;
		}
		if (f->flags & FF_REQUEST && top) {
			rc = read_places(r, -1);
		} else if (f->flags & FF_SETTING && top) {
			rc = read_setting(r, f, -1);
		} else {
			n = read_cond(r, f, OP_EQ, -1);
			rc = !n ? -1 : node_add(all, n) ? 0 : no_memory(r->err);
		}
		lua_pop(r->L, 1);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* {"netns", "=", x} or {"netns", x} at the top is a request, as netns=x is. */
static bool is_place(struct filter_reader *r, int index)
{
	const struct field *f = NULL;
	enum cond_op op;
	bool equal;

	lua_rawgeti(r->L, index, 1);
	if (lua_type(r->L, -1) == LUA_TSTRING)
		f = source_field(r->q->source, lua_tostring(r->L, -1));
	lua_rawgeti(r->L, index, 2);
	op = lua_type(r->L, -1) == LUA_TSTRING ? cond_op_parse(lua_tostring(r->L, -1)) : OP_COUNT;
	/* {"netns", "="} had a value that is nil: that is told where conditions are read */
	equal = lua_rawlen(r->L, index) == 3 ? op == OP_EQ : op == OP_COUNT;
	lua_pop(r->L, 2);
	return f && f->flags & FF_REQUEST && equal;
}

static int read_members(struct filter_reader *r, int index, bool top, struct node *all)
{
	lua_Unsigned len = lua_rawlen(r->L, index);

	for (lua_Unsigned i = 1; i <= len; i++) {
		struct node *n = NULL;
		int rc = 0;

		lua_rawgeti(r->L, index, (lua_Integer)i);
		if (!lua_istable(r->L, -1)) {
			rc = fail(r->err,
				  "member %d of a table of conditions is a %s, not a table such "
				  "as {\"rtt\", \">\", 0.1}",
				  (int)i, luaL_typename(r->L, -1));
		} else if (top && is_place(r, lua_gettop(r->L))) {
			lua_rawgeti(r->L, -1, lua_rawlen(r->L, -1) == 3 ? 3 : 2);
			rc = read_places(r, -1);
			lua_pop(r->L, 1);
		} else {
			n = read_conds(r, lua_gettop(r->L), false);
			rc = !n ? -1 : node_add(all, n) ? 0 : no_memory(r->err);
		}
		lua_pop(r->L, 1);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* A table whose first member is a word is a triple or a list; else it is conditions. */
static struct node *read_conds(struct filter_reader *r, int index, bool top)
{
	struct node *all = NULL;
	enum node_kind kind;

	if (++r->depth > MAX_DEPTH || !lua_checkstack(r->L, 8)) {
		fail(r->err, "conditions are nested too deep: more than %d tables", MAX_DEPTH);
		return NULL;
	}
	lua_rawgeti(r->L, index, 1);
	if (lua_type(r->L, -1) == LUA_TSTRING) {
		const char *word = lua_tostring(r->L, -1);

		all = logic_word(word, &kind) ? read_logic(r, index, kind)
					      : read_triple(r, index, word);
		lua_pop(r->L, 1);
		r->depth--;
		return all;
	}
	lua_pop(r->L, 1);
	all = node_new(NODE_AND);
	if (!all) {
		no_memory(r->err);
	} else if (check_given(r, index) < 0 || check_keys(r, index, top) < 0 ||
		   read_fields(r, index, top, all) < 0 || read_members(r, index, top, all) < 0) {
		node_unref(all);
		all = NULL;
	}
	r->depth--;
	return all;
}

/* Joins a tree to the query's filter; the members of an "and" one by one. */
static int join(struct query *q, struct node *n, struct nl_error *err)
{
	bool ok = true;

	if (n->kind != NODE_AND)
		return query_and(q, n) ? 0 : no_memory(err);
	for (size_t i = 0; ok && i < n->n; i++)
		ok = query_and(q, node_ref(n->kids[i]));
	node_unref(n);
	return ok ? 0 : no_memory(err);
}

int filter_table(lua_State *L, int index, struct query *q, struct nl_error *err)
{
	struct filter_reader r = { .L = L, .q = q, .err = err };
	int top = lua_gettop(L);
	struct node *n;

	n = read_conds(&r, lua_absindex(L, index), true);
	lua_settop(L, top);
	return n ? join(q, n, err) : -1;
}

int filter_one(lua_State *L, const char *name, const char *op, int index, struct query *q,
	       struct nl_error *err)
{
	struct filter_reader r = { .L = L, .q = q, .err = err };
	const struct field *f = source_field(q->source, name);
	enum cond_op o = cond_op_parse(op);
	int top = lua_gettop(L);
	struct node *n;

	if (!f)
		return unknown_field(q->source, name, err);
	if (o == OP_COUNT)
		return fail(err,
			    "the operator of a condition on %s is one of = != < <= > >=", name);
	if (!lua_checkstack(L, 8))
		return no_memory(err);
	if (f->flags & (FF_REQUEST | FF_SETTING) && o == OP_EQ) {
		int rc =
			f->flags & FF_REQUEST ? read_places(&r, index) : read_setting(&r, f, index);

		lua_settop(L, top);
		return rc;
	}
	n = read_cond(&r, f, o, index);
	lua_settop(L, top);
	return n ? join(q, n, err) : -1;
}
