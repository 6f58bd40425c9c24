/*
 * Owns the methods that run a query: count, first, list, each, destroy, and the
 * one loop over rows for whoever needs them all.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One pass: -1 with *err; the report is filled at its end. The cursor box is on top. */
static int run_once(lua_State *L, int query, const struct lx_sink *sink, struct report *report,
		    struct nl_error *err)
{
	int cursor = lua_gettop(L), rc;
	struct lx_cursor *lc = lua_touserdata(L, cursor);
	struct row row;

	lc->busy = true; /* between its rows a finalizer may run queries */
	while ((rc = cursor_row(L, query, cursor, &row, err)) > 0) {
		rc = sink->take(L, sink->arg, &row, cursor, err);
		if (rc)
			break;
	}
	if (rc < 0)
		return -1;
	cursor_report(lc->c, report);
	return 0;
}

void run_query(lua_State *L, int index, uint32_t needs, const struct lx_sink *sink)
{
	const struct lx_query *lq = query_check(L, index);
	struct report report;
	struct nl_error err;
	unsigned tries = 0, inner;
	int top = lua_gettop(L), rc;

	index = lua_absindex(L, index);
	luaL_checkstack(L, 16, NULL);
	do {
		cursor_push(L, index, needs);
		rc = run_once(L, index, sink, &report, &err);
		cursor_shut(L, lua_touserdata(L, top + 1));
		lua_settop(L, top);
		if (rc < 0) {
			interrupt_check(L);
			raise_error(L, lq->q->source->name, &err);
		}
		inner = report.tries;
		tries++;
		/* what is read whole was asked again further down already */
	} while (report.flagged && inner == 1 && tries < QUERY_TRIES && sink->restart &&
		 sink->restart(L, sink->arg));
	if (tries > report.tries)
		report.tries = tries;
	answer_settle(L, index, &report);
}

/* ---- count -------------------------------------------------------------------------- */

static int count_take(lua_State *L, void *arg, const struct row *row, int cursor,
		      struct nl_error *err)
{
	(void)L;
	(void)row;
	(void)cursor;
	(void)err;
	++*(uint64_t *)arg;
	return 0;
}

static bool count_restart(lua_State *L, void *arg)
{
	(void)L;
	*(uint64_t *)arg = 0;
	return true;
}

uint64_t query_run_count(lua_State *L, int index)
{
	uint64_t n = 0;
	struct lx_sink sink = { count_take, count_restart, &n };

	run_query(L, index, 0, &sink);
	return n;
}

/*
 * q:count(): how many rows; no record is made unless a function filters. Behind
 * group(): a query of the groups with their counts.
 */
static int count_method(lua_State *L)
{
	struct group_parts parts;
	const struct lx_query *lq = query_check(L, 1);

	lua_settop(L, 1);
	if (query_group_parts(lq->q, &parts) && parts.naggs == 0) {
		struct aggregate count = { .op = AGG_COUNT };
		struct lx_query *slot;
		struct nl_error err;

		slot = query_slot(L, 1);
		slot->q = query_group(parts.input, parts.keys, parts.nkeys, &count, 1, &err);
		query_filled(L, "count", &err);
		return 1;
	}
	lua_pushinteger(L, (lua_Integer)query_run_count(L, 1));
	return 1;
}

/* ---- records --------------------------------------------------------------------------- */

/* Closes a run before its end; what is flagged by then must be said all the same [-0, +0, e]. */
static void stop(lua_State *L, int query, struct lx_cursor *lc)
{
	struct report report;

	if (!lc->c)
		return;
	cursor_report(lc->c, &report);
	cursor_shut(L, lc);
	if (!report.complete && !lc->told)
		answer_settle(L, query, &report);
}

void query_first(lua_State *L, int query)
{
	int cursor;

	query = lua_absindex(L, query);
	cursor_push(L, query, 0);
	cursor = lua_gettop(L);
	if (cursor_step(L, query, cursor)) {
		stop(L, query, lua_touserdata(L, cursor));
		lua_pushnil(L);
		lua_setiuservalue(L, -2, 1);
	}
	lua_remove(L, cursor);
}

/* q:first(): the first record, or nil. */
static int first_method(lua_State *L)
{
	query_check(L, 1);
	lua_settop(L, 1);
	query_first(L, 1);
	return 1;
}

static int list_take(lua_State *L, void *arg, const struct row *row, int cursor,
		     struct nl_error *err)
{
	int list = *(int *)arg;

	(void)err;
	record_push(L, row, cursor);
	lua_pushnil(L);
	lua_setiuservalue(L, -2, 1);
	lua_rawseti(L, list, (lua_Integer)lua_rawlen(L, list) + 1);
	return 0;
}

static bool list_restart(lua_State *L, void *arg)
{
	lua_newtable(L);
	lua_replace(L, *(int *)arg);
	return true;
}

/* q:list(): an array of the records; a flagged answer is asked again, as a count is. */
static int list_method(lua_State *L)
{
	int list = 2;
	struct lx_sink sink = { list_take, list_restart, &list };

	query_check(L, 1);
	lua_settop(L, 1);
	lua_newtable(L);
	run_query(L, 1, 0, &sink);
	return 1;
}

/* q:each(f): calls f with each record; stops when f returns false. Returns how many. */
static int each_method(lua_State *L)
{
	lua_Integer n = 0;

	query_check(L, 1);
	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	cursor_push(L, 1, 0);
	while (cursor_step(L, 1, 3)) {
		bool stop;

		n++;
		lua_pushvalue(L, 2);
		lua_insert(L, -2);
		lua_call(L, 1, 1);
		stop = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
		lua_settop(L, 3);
		if (stop)
			break;
	}
	stop(L, 1, lua_touserdata(L, 3));
	lua_pushinteger(L, n);
	return 1;
}

/* ---- destroy ------------------------------------------------------------------------------ */

/* Ends the object of the record on top; true if it was there. Raises what forbids it. */
static bool end_record(lua_State *L, struct report *report)
{
	const struct lx_record *rec = lua_touserdata(L, -1);
	char text[sizeof(report->warnings[0])];
	struct nl_error err;
	struct row row;

	record_row(rec, &row);
	if (rec->source->end(&row, &err) == 0)
		return true;
	if (err.code == ENOENT || err.code == ESTALE)
		return false; /* it has ended by itself */
	if (err.code != EOPNOTSUPP)
		raise_error(L, "destroy", &err);
	/* the kernel ends no socket in such a state (time-wait on some); others it does */
	report->complete = false;
	snprintf(text, sizeof(text), "a %s could not be closed: %.150s", rec->source->row_name,
		 err.text);
	report_add(report, text);
	return false;
}

/*
 * q:destroy(): closes the sockets that match now (SOCK_DESTROY with the cookie,
 * so that no other is hit) and returns them as a list; those that ended meanwhile
 * are not in it. A query without a condition is refused. Needs CAP_NET_ADMIN. A
 * udp socket that its program has bound loses its peer only and stays bound.
 */
static int destroy_method(lua_State *L)
{
	struct lx_query *lq = query_check(L, 1);
	struct report report;
	int list = 2;
	struct lx_sink sink = { list_take, list_restart, &list };
	lua_Integer n = 0;

	lua_settop(L, 1);
	if (!lq->q->source->end || lq->q->from)
		return luaL_error(L, "destroy: %s cannot be closed", lq->q->source->name);
	if (lq->q->input.form)
		return luaL_error(L, "destroy: what a file tells of cannot be closed");
	if (!query_narrowed(lq->q))
		return luaL_error(L, "destroy: this would close all %s; a condition is needed",
				  lq->q->source->name);
	lua_newtable(L);
	run_query(L, 1, 0, &sink);
	report = *lq->report;
	lua_newtable(L);
	for (lua_Integer i = 1; lua_rawgeti(L, 2, i) != LUA_TNIL; i++) {
		interrupt_check(L);
		if (end_record(L, &report))
			lua_rawseti(L, 3, ++n);
		else
			lua_pop(L, 1);
	}
	lua_pop(L, 1);
	if (report.complete != lq->report->complete)
		answer_settle(L, 1, &report);
	return 1;
}

const luaL_Reg query_run_methods[] = {
	{ "count", count_method }, { "first", first_method },	  { "list", list_method },
	{ "each", each_method },   { "destroy", destroy_method }, { NULL, NULL },
};
