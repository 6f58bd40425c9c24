/*
 * Owns the methods that make a query of another: groups and their numbers,
 * chosen columns, order, joins, rates.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_PARTS 64

static int too_many(lua_State *L, const char *who, int n)
{
	return luaL_error(L, "%s takes at most %d fields, got %d", who, MAX_PARTS, n);
}

/* ---- sort ---------------------------------------------------------------------------- */

/* "rtt" or "-rtt" at index. */
static struct sort_key sort_key(lua_State *L, const struct source *s, int index)
{
	const char *text = luaL_checkstring(L, index);
	struct sort_key key = { .down = text[0] == '-' };

	lua_pushstring(L, text + key.down);
	key.field = field_check(L, s, lua_gettop(L));
	lua_pop(L, 1);
	if (key.field->flags & FF_LIST)
		luaL_error(L, "sort: %s is a list, which has no order", key.field->name);
	return key;
}

/*
 * q:sort(field, ...): in the order of these fields, "-field" falling; stable;
 * rows without the value come last. Addresses are in order by value, names by
 * their letters. With a limit no more rows than that are kept.
 */
static int sort_method(lua_State *L)
{
	struct lx_query *lq = query_check(L, 1);
	struct sort_key keys[MAX_PARTS];
	int n = lua_gettop(L) - 1;

	luaL_argcheck(L, n >= 1, 2, "sort takes the names of fields, such as \"-rtt\"");
	if (n > MAX_PARTS)
		return too_many(L, "sort", n);
	for (int i = 0; i < n; i++)
		keys[i] = sort_key(L, lq->q->source, i + 2);
	lq = query_copy(L, 1);
	if (!query_sort(lq->q, keys, (size_t)n))
		return luaL_error(L, "out of memory");
	return 1;
}

/* ---- group ----------------------------------------------------------------------------- */

/* The key at index: a field, a prefix, a function, or {name, function}. */
static void group_key(lua_State *L, const struct source *s, int index, int box, int nth,
		      struct group_key *key)
{
	struct nl_error err;

	if (lua_isstring(L, index)) {
		if (group_key_parse(s, lua_tostring(L, index), key, &err) < 0)
			raise_error(L, "group", &err);
		return;
	}
	*key = (struct group_key){ .v4 = -1, .v6 = -1 };
	if (lua_istable(L, index)) {
		lua_rawgeti(L, index, 1);
		lua_rawgeti(L, index, 2);
		if (lua_type(L, -2) != LUA_TSTRING)
			luaL_error(L, "group: a key is a field, a function or {name, function}");
	} else {
		lua_pushfstring(L, nth == 1 ? "key" : "key%d", nth);
		lua_pushvalue(L, index);
	}
	if (!lua_isfunction(L, -1))
		luaL_error(L,
			   "group: a key is a field such as \"raddr\", a prefix such as "
			   "\"raddr/24\", a function or {name, function}, not a %s",
			   luaL_typename(L, index));
	key->function = calls_add(L, box, lua_gettop(L));
	key->name = lua_tostring(L, -2);
	/* the name stays on the stack, as the key points to it */
	lua_pop(L, 1);
}

/*
 * Pushes a query over the query at 1, grouped by what stands from first to last;
 * with count: and how many rows each group has.
 */
static struct lx_query *group(lua_State *L, int first, int last, bool count)
{
	const struct lx_query *lq = query_check(L, 1);
	struct aggregate counted = { .op = AGG_COUNT };
	struct group_key keys[MAX_PARTS];
	struct lx_query *slot;
	struct nl_error err;
	int n = last - first + 1, box;

	if (n > MAX_PARTS)
		too_many(L, "group", n);
	luaL_checkstack(L, n + 8, NULL);
	query_copy(L, 1); /* gathers the functions */
	box = lua_gettop(L);
	for (int i = 0; i < n; i++)
		group_key(L, lq->q->source, first + i, box, i + 1, &keys[i]);
	slot = query_slot(L, box);
	slot->q = query_group(lq->q, keys, (size_t)n, &counted, count, &err);
	query_filled(L, "group", &err);
	return slot;
}

/*
 * q:group(key, ...): rows told apart by fields, by prefixes ("raddr/24" for
 * IPv4, "raddr/64" for IPv6, "raddr/24/64" for both), by functions. Behind it
 * count, sum, avg, min, max, quantile, aggregate or rate say what is wanted of
 * each group; without one its rows are the keys. A row without a value belongs to
 * the group whose key is nil.
 */
static int group_method(lua_State *L)
{
	int top = lua_gettop(L);

	query_check(L, 1);
	luaL_argcheck(L, top >= 2, 2, "group takes the name of a field, such as \"raddr\"");
	group(L, 2, top, false);
	return 1;
}

/* q:top(n, key, ...): the n largest groups by count; the same as group, count, sort, limit. */
static int top_method(lua_State *L)
{
	lua_Integer n = luaL_checkinteger(L, 2);
	int top = lua_gettop(L);
	struct sort_key keys[MAX_PARTS + 1];
	struct lx_query *lq;
	size_t nkeys = (size_t)(top - 2);

	query_check(L, 1);
	luaL_argcheck(L, n >= 0, 2, "a number of rows is 0 or more");
	luaL_argcheck(L, top >= 3, 3, "top takes the name of a field, such as \"raddr\"");
	lq = group(L, 3, top, true);
	/* the count, which is behind the keys; then the keys, so that equal counts have an order */
	keys[0] = (struct sort_key){ &lq->q->source->fields[nkeys], true };
	for (size_t i = 0; i < nkeys; i++)
		keys[i + 1] = (struct sort_key){ &lq->q->source->fields[i], false };
	lq->q->limit = n;
	if (!query_sort(lq->q, keys, nkeys + 1))
		return luaL_error(L, "out of memory");
	return 1;
}

/* ---- numbers of groups --------------------------------------------------------------------- */

/* The number of one aggregate, on top, over all rows of the query at 1, whose answer it is. */
static int single(lua_State *L)
{
	const struct lx_query *lq = query_check(L, -1);
	int box = lua_gettop(L);
	struct row row;
	struct value v;

	cursor_push(L, box, 0);
	if (!cursor_step(L, box, box + 1))
		return 1;
	record_get(L, -1, lq->q->source->fields, &row, &v);
	value_push(L, lq->q->source->fields, &v);
	/* settles what is to be said of the answer */
	lua_replace(L, box + 2);
	cursor_step(L, box, box + 1);
	lua_settop(L, box + 2);
	answer_keep(L, 1, lq->report);
	return 1;
}

/* Of an open grouping: its parts; else the query at 1 as one group. */
static bool grouping(lua_State *L, struct group_parts *parts)
{
	const struct lx_query *lq = query_check(L, 1);

	if (query_group_parts(lq->q, parts) && parts->naggs == 0)
		return true;
	*parts = (struct group_parts){ .input = lq->q };
	return false;
}

/*
 * q:sum(field) and the others: of all rows one number; behind group() a query
 * of the groups with the number of each, in a column of the operation's name.
 * Values that are absent do not count. quantile takes 0.99 or the like, too.
 */
static int aggregate_method(lua_State *L, enum aggregate_op op)
{
	struct aggregate a = { .op = op };
	struct group_parts parts;
	bool groups = grouping(L, &parts);
	struct lx_query *slot;
	struct nl_error err;

	a.field = field_check(L, parts.input->source, 2);
	if (op == AGG_QUANTILE) {
		a.arg = luaL_checknumber(L, 3);
		luaL_argcheck(L, a.arg >= 0 && a.arg <= 1, 3, "a quantile is from 0 to 1");
	}
	lua_settop(L, 3);
	slot = query_slot(L, 1);
	slot->q = query_group(parts.input, parts.keys, parts.nkeys, &a, 1, &err);
	query_filled(L, aggregate_names[op], &err);
	return groups ? 1 : single(L);
}

static int sum_method(lua_State *L)
{
	return aggregate_method(L, AGG_SUM);
}

static int avg_method(lua_State *L)
{
	return aggregate_method(L, AGG_AVG);
}

static int min_method(lua_State *L)
{
	return aggregate_method(L, AGG_MIN);
}

static int max_method(lua_State *L)
{
	return aggregate_method(L, AGG_MAX);
}

static int quantile_method(lua_State *L)
{
	return aggregate_method(L, AGG_QUANTILE);
}

static enum aggregate_op operation(lua_State *L, const char *name)
{
	const char *near = NULL;

	for (enum aggregate_op op = 0; op < AGG_OPS; op++) {
		if (strcmp(name, aggregate_names[op]) == 0)
			return op;
		near = nearest_name(name, near, aggregate_names[op]);
	}
	luaL_error(L,
		   near ? "aggregate: there is no '%s'; did you mean '%s'?"
			: "aggregate: there is no '%s'; there are count, sum, avg, min, max, "
			  "quantile",
		   name, near);
	return AGG_OPS;
}

/* Reads what stands from top on: the operation, its field, its number. */
static void read_operation(lua_State *L, const struct source *s, int top, struct aggregate *a)
{
	if (lua_type(L, top) != LUA_TSTRING)
		luaL_error(L, "aggregate: {\"sum\", \"sendq\"} begins with an operation, not a %s",
			   luaL_typename(L, top));
	a->op = operation(L, lua_tostring(L, top));
	if (a->op == AGG_COUNT)
		return;
	if (lua_type(L, top + 1) != LUA_TSTRING)
		luaL_error(L, "aggregate: %s needs a field: {\"%s\", \"rtt\"}",
			   aggregate_names[a->op], aggregate_names[a->op]);
	a->field = field_check(L, s, top + 1);
	if (a->op != AGG_QUANTILE)
		return;
	if (lua_type(L, top + 2) != LUA_TNUMBER)
		luaL_error(L, "aggregate: quantile needs a number: {\"quantile\", \"%s\", 0.99}",
			   a->field->name);
	a->arg = lua_tonumber(L, top + 2);
	if (!(a->arg >= 0 && a->arg <= 1))
		luaL_error(L, "aggregate: a quantile is from 0 to 1");
}

/* {"quantile", "rtt", 0.99, as = "p99"} at index; its texts stay on the stack. */
static struct aggregate read_aggregate(lua_State *L, const struct source *s, int index)
{
	static const char *const known[] = { "as", NULL };
	struct aggregate a = { .op = AGG_COUNT };
	int top;

	if (lua_type(L, index) == LUA_TSTRING) {
		a.op = operation(L, lua_tostring(L, index));
		if (a.op != AGG_COUNT)
			luaL_error(L, "aggregate: %s needs a field: {\"%s\", \"rtt\"}",
				   aggregate_names[a.op], aggregate_names[a.op]);
		return a;
	}
	luaL_checktype(L, index, LUA_TTABLE);
	keys_check(L, index, known, "aggregate: an operation");
	if (lua_getfield(L, index, "as") != LUA_TNIL && lua_type(L, -1) != LUA_TSTRING)
		luaL_error(L, "aggregate: as is the name of a column, not a %s",
			   luaL_typename(L, -1));
	a.name = lua_tostring(L, -1);
	top = lua_gettop(L);
	for (int i = 1; i <= 3; i++)
		lua_rawgeti(L, index, i);
	read_operation(L, s, top + 1, &a);
	lua_settop(L, top);
	return a;
}

/*
 * q:aggregate("count", {"sum", "sendq"}, {"quantile", "rtt", 0.99, as = "p99"}): several numbers
 * of each group (or of all rows, as one row), each in a column of its operation's
 * name or the one that `as` gives.
 */
static int aggregate_all(lua_State *L)
{
	struct aggregate list[MAX_PARTS];
	struct group_parts parts;
	struct lx_query *slot;
	struct nl_error err;
	int n = lua_gettop(L) - 1;

	grouping(L, &parts);
	luaL_argcheck(L, n >= 1, 2, "aggregate takes operations such as {\"sum\", \"sendq\"}");
	if (n > MAX_PARTS)
		return too_many(L, "aggregate", n);
	luaL_checkstack(L, n + 8, NULL);
	for (int i = 0; i < n; i++)
		list[i] = read_aggregate(L, parts.input->source, i + 2);
	slot = query_slot(L, 1);
	slot->q = query_group(parts.input, parts.keys, parts.nkeys, list, (size_t)n, &err);
	query_filled(L, "aggregate", &err);
	return 1;
}

/* ---- select ---------------------------------------------------------------------------------- */

/* Adds a field's name or {name, function} at index; "*" is all fields. */
static void choose(lua_State *L, const struct source *s, int index, int box, struct chosen *list,
		   size_t *n, size_t max)
{
	if (lua_type(L, index) == LUA_TSTRING && strcmp(lua_tostring(L, index), "*") == 0) {
		for (const struct field *f = s->fields; f->name && *n < max; f++)
			if (!(f->flags & FF_SETTING))
				list[(*n)++] = (struct chosen){ .field = f };
		return;
	}
	if (*n >= max)
		luaL_error(L, "select takes at most %d columns", (int)max);
	if (lua_istable(L, index)) {
		lua_rawgeti(L, index, 1);
		lua_rawgeti(L, index, 2);
		if (lua_type(L, -2) != LUA_TSTRING || !lua_isfunction(L, -1))
			luaL_error(L, "select: a column is a field or {name, function}");
		list[(*n)++] = (struct chosen){
			.name = lua_tostring(L, -2),
			.function = calls_add(L, box, lua_gettop(L)),
		};
		lua_pop(L, 1); /* the name stays */
		return;
	}
	list[(*n)++] = (struct chosen){ .field = field_check(L, s, index) };
}

/*
 * q:select(column, ...): rows of these columns only: fields, {name, function}
 * (the function gets the row), "*" for all fields.
 */
static int select_method(lua_State *L)
{
	const struct lx_query *lq = query_check(L, 1);
	struct chosen list[512];
	int top = lua_gettop(L), box;
	struct lx_query *slot;
	struct nl_error err;
	size_t n = 0;

	luaL_argcheck(L, top >= 2, 2, "select takes the names of fields, such as \"raddr\"");
	luaL_checkstack(L, top + 8, NULL);
	query_copy(L, 1);
	box = lua_gettop(L);
	for (int i = 2; i <= top; i++)
		choose(L, lq->q->source, i, box, list, &n, sizeof(list) / sizeof(list[0]));
	slot = query_slot(L, box);
	slot->q = query_select(lq->q, list, n, &err);
	query_filled(L, "select", &err);
	return 1;
}

/* ---- join
 * ---------------------------------------------------------------------------------------- */

struct pairs {
	const struct field *left[MAX_PARTS], *right[MAX_PARTS];
	size_t n;
};

static void add_pair(lua_State *L, const struct lx_query *left, const struct lx_query *right, int l,
		     int r, struct pairs *p)
{
	if (p->n == MAX_PARTS)
		too_many(L, "join", MAX_PARTS + 1);
	p->left[p->n] = field_check(L, left->q->source, l);
	p->right[p->n++] = field_check(L, right->q->source, r);
}

/*
 * q:join(other, "field", ...) or q:join(other, {left = "right", ...}): each row
 * of q beside each row of other whose fields have the same values. A field of
 * other whose name q has too is called other_NAME.
 */
static int join_method(lua_State *L)
{
	const struct lx_query *left = query_check(L, 1), *right = query_check(L, 2);
	struct pairs p = { .n = 0 };
	struct lx_query *slot;
	struct nl_error err;
	int top = lua_gettop(L);

	luaL_argcheck(L, top >= 3, 3,
		      "join takes the fields that agree, such as \"pid\" or "
		      "{pid = \"ppid\"}");
	for (int i = 3; i <= top; i++) {
		if (!lua_istable(L, i)) {
			add_pair(L, left, right, i, i, &p);
			continue;
		}
		for (lua_pushnil(L); lua_next(L, i); lua_pop(L, 1)) {
			if (lua_type(L, -2) != LUA_TSTRING)
				return luaL_error(L, "join: {left = \"right\"} names fields");
			add_pair(L, left, right, lua_gettop(L) - 1, lua_gettop(L), &p);
		}
	}
	luaL_argcheck(L, p.n > 0, 3, "the table of fields is empty");
	slot = query_slot(L, 1);
	slot->q = query_join(left->q, right->q, p.left, p.right, p.n, &err);
	query_filled(L, "join", &err);
	calls_merge(L, -1, 2);
	return 1;
}

/* ---- rate
 * ---------------------------------------------------------------------------------------- */

/* The same keys and the sum of each rate that is a column, over the rates' rows on top. */
static int group_rates(lua_State *L, const struct group_parts *parts)
{
	int rates = lua_gettop(L);
	struct query *q = query_check(L, rates)->q;
	const struct source *s = q->source;
	struct aggregate aggs[MAX_PARTS] = { { .op = AGG_COUNT } };
	struct group_key keys[MAX_PARTS];
	struct lx_query *slot;
	struct nl_error err;
	size_t n = 1;

	for (size_t i = 0; i < parts->nkeys; i++) {
		keys[i] = parts->keys[i];
		if (keys[i].field)
			keys[i].field = source_field(s, keys[i].field->name);
	}
	for (const struct field *f = s->fields; f->name && n < MAX_PARTS; f++)
		if (f->flags & FF_COLUMN && !source_field(parts->input->source, f->name))
			aggs[n++] = (struct aggregate){ AGG_SUM, f, 0, f->name };
	slot = query_slot(L, rates);
	slot->q = query_group(q, keys, parts->nkeys, aggs, n, &err);
	query_filled(L, "rate", &err);
	return 1;
}

/*
 * q:rate(seconds): asks twice, so far apart; rows that were there both times, by
 * cookie, each with NAME_rate, per second, for each counter NAME: bytes_sent_rate,
 * segs_in_rate ... Behind group(): their sums by group. Afterwards q.came and q.went tell
 * how many rows were there only once.
 */
static int rate_method(lua_State *L)
{
	struct group_parts parts;
	bool groups = grouping(L, &parts);
	lua_Number seconds = luaL_checknumber(L, 2);
	struct lx_query *slot;
	struct nl_error err;

	luaL_argcheck(L, seconds >= 0.001 && seconds <= 1e9, 2, "seconds from 0.001 to 1e9");
	lua_settop(L, 2);
	slot = query_slot(L, 1);
	slot->q = query_rate(parts.input, seconds, &err);
	query_filled(L, "rate", &err);
	return groups ? group_rates(L, &parts) : 1;
}

const luaL_Reg query_derive_methods[] = {
	{ "sort", sort_method },
	{ "select", select_method },
	{ "group", group_method },
	{ "top", top_method },
	{ "sum", sum_method },
	{ "avg", avg_method },
	{ "min", min_method },
	{ "max", max_method },
	{ "quantile", quantile_method },
	{ "aggregate", aggregate_all },
	{ "join", join_method },
	{ "rate", rate_method },
	{ NULL, NULL },
};
