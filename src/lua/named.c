/*
 * Owns rows by their names: counters.TcpInSegs is the row of this name, or its value,
 * for sources that name their rows.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* Narrows the query to rows whose field is this text, as it is; false: no memory. */
static bool narrow(struct query *q, const struct field *f, const char *text)
{
	struct cond c = { .field = f, .op = OP_EQ, .n = 1 };
	struct node *n;

	c.operands = calloc(1, sizeof(*c.operands));
	if (!c.operands)
		return false;
	c.operands[0].lo.kind = VALUE_TEXT;
	c.operands[0].lo.text.len = strlen(text);
	c.operands[0].lo.text.p = strdup(text);
	if (!c.operands[0].lo.text.p) {
		free(c.operands);
		return false;
	}
	n = node_cond(&c);
	return n && query_and(q, n);
}

struct nearest {
	const struct field *field;
	const char *word;
	int best; /* place of the nearest name so far, or of nil */
};

static int take_name(lua_State *L, void *arg, const struct row *row, int cursor,
		     struct nl_error *err)
{
	const struct nearest *near = arg;
	const char *best = lua_tostring(L, near->best), *name;
	struct value v;

	(void)cursor;
	(void)err;
	if (!field_get(near->field, row, &v))
		return 0;
	name = lua_pushlstring(L, v.text.p, v.text.len);
	if (nearest_name(near->word, best, name) == name)
		lua_replace(L, near->best);
	else
		lua_pop(L, 1);
	return 0;
}

static int unknown_name(lua_State *L, int query, const struct source *s, const struct field *f,
			const char *word)
{
	struct nearest near = { f, word, 0 };
	struct lx_sink sink = { take_name, NULL, &near };
	const char *best;

	lua_pushnil(L);
	near.best = lua_gettop(L);
	run_query(L, query, 0, &sink);
	best = lua_tostring(L, near.best);
	escaped_push(L, word, strlen(word));
	word = lua_tostring(L, -1);
	if (!best)
		return luaL_error(L, "%s have no row '%s'", s->name, word);
	return luaL_error(L, "%s have no row '%s'; did you mean '%s'?", s->name, word, best);
}

int named_index(lua_State *L, int query, const char *name)
{
	const struct lx_query *lq = query_check(L, query);
	const struct source *s = lq->q->source;
	const struct field *f = s->row_names ? source_field(s, s->row_names) : NULL;
	struct row row;
	struct value v;
	int copy;

	if (!f || source_field(s, name))
		return 0;
	query = lua_absindex(L, query);
	lq = query_copy(L, query);
	copy = lua_gettop(L);
	if (!narrow(lq->q, f, name))
		return luaL_error(L, "out of memory");
	query_first(L, copy);
	if (lua_isnil(L, -1))
		return unknown_name(L, query, s, f, name);
	if (s->row_value) {
		f = source_field(s, s->row_value);
		record_get(L, lua_gettop(L), f, &row, &v);
		value_push(L, f, &v);
	}
	return 1;
}
