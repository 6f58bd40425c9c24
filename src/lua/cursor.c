/*
 * Owns open runs: userdata that hold a cursor, how a loop steps through one,
 * and how many may be open. A loop left by `break` leaves its cursor to the
 * collector, so the collector is made to run before descriptors run out.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>

#define COLLECT_AT 32 /* open cursors that make the collector run */
#define EVICT_AT   48 /* still open after that: the one unused longest is closed */

static void unlink_lru(struct lx_state *st, struct lx_cursor *lc)
{
	if (lc->prev)
		lc->prev->next = lc->next;
	if (lc->next)
		lc->next->prev = lc->prev;
	if (st->lru == lc)
		st->lru = lc->next;
	lc->prev = lc->next = NULL;
}

/* At the end of the list: used last. */
static void link_lru(struct lx_state *st, struct lx_cursor *lc)
{
	struct lx_cursor **at = &st->lru, *last = NULL;

	while (*at) {
		last = *at;
		at = &last->next;
	}
	lc->prev = last;
	lc->next = NULL;
	*at = lc;
}

void cursor_shut(lua_State *L, struct lx_cursor *lc)
{
	struct lx_state *st = lx_state(L);

	if (!lc->c)
		return;
	cursor_close(lc->c);
	lc->c = NULL;
	lc->busy = false;
	unlink_lru(st, lc);
	st->ncursors--;
}

static int cursor_gc(lua_State *L)
{
	cursor_shut(L, luaL_checkudata(L, 1, CURSOR_MT));
	return 0;
}

static void make_room(lua_State *L)
{
	struct lx_state *st = lx_state(L);

	if (st->ncursors < COLLECT_AT)
		return;
	lua_gc(L, LUA_GCCOLLECT);
	while (st->ncursors >= EVICT_AT) {
		struct lx_cursor *oldest = st->lru;

		while (oldest && (oldest->busy || oldest->listens))
			oldest = oldest->next;
		if (!oldest)
			break; /* functions of queries that run queries, so deep */
		oldest->evicted = true;
		cursor_shut(L, oldest);
	}
}

static int open_run(lua_State *L, struct lx_cursor *lc, const struct lx_query *lq,
		    struct nl_error *err)
{
	struct lx_state *st = lx_state(L);

	lc->c = cursor_open(lq->q, lc->needs, err);
	if (!lc->c)
		return -1;
	st->ncursors++;
	link_lru(st, lc);
	return 0;
}

static bool out_of_descriptors(const struct nl_error *err)
{
	return err->code == EMFILE || err->code == ENFILE;
}

struct lx_cursor *cursor_push(lua_State *L, int query, uint32_t needs)
{
	const struct lx_query *lq = query_check(L, query);
	struct lx_cursor *lc;
	struct nl_error err;

	query = lua_absindex(L, query);
	make_room(L);
	lc = lua_newuserdatauv(L, sizeof(*lc), CURSOR_RESULTS);
	memset(lc, 0, sizeof(*lc));
	lc->needs = needs;
	luaL_setmetatable(L, CURSOR_MT);
	lua_pushvalue(L, query);
	lua_setiuservalue(L, -2, CURSOR_QUERY);
	if (open_run(L, lc, lq, &err) == 0)
		return lc;
	if (out_of_descriptors(&err)) {
		lua_gc(L, LUA_GCCOLLECT);
		if (open_run(L, lc, lq, &err) == 0)
			return lc;
	}
	raise_error(L, lq->q->source->name, &err);
	return NULL;
}

/*
 * A function of the query may open others, so many that the oldest are closed,
 * and may have a record by which it could go on with this very run.
 */
static int next_row(lua_State *L, int query, int cursor, struct row *row, struct nl_error *err)
{
	struct lx_cursor *lc = lua_touserdata(L, cursor);
	bool was_busy = lc->busy;
	struct lx_calls calls;
	int rc;

	calls_set(&calls, L, query, cursor);
	cursor_calls(lc->c, &calls.calls);
	lc->busy = true;
	rc = cursor_next(lc->c, row, err);
	lc->busy = was_busy;
	return rc;
}

/* A run that could not even begin for want of descriptors begins once more. */
int cursor_row(lua_State *L, int query, int cursor, struct row *row, struct nl_error *err)
{
	const struct lx_query *lq = lua_touserdata(L, query);
	struct lx_cursor *lc = lua_touserdata(L, cursor);
	bool was_busy = lc->busy;
	int rc = next_row(L, query, cursor, row, err);

	if (rc < 0 && out_of_descriptors(err) && !lc->started) {
		cursor_shut(L, lc);
		lua_gc(L, LUA_GCCOLLECT);
		if (open_run(L, lc, lq, err) < 0)
			return -1;
		lc->busy = was_busy;
		rc = next_row(L, query, cursor, row, err);
	}
	lc->started |= rc > 0;
	return rc;
}

/* Closes the run and settles what is to be said of it [-0, +0, e]. */
static void finish(lua_State *L, int query, struct lx_cursor *lc)
{
	struct report report;

	cursor_report(lc->c, &report);
	cursor_shut(L, lc);
	if (lc->told)
		answer_keep(L, query, &report);
	else
		answer_settle(L, query, &report);
}

/*
 * What is read whole is known to be whole or not at its first row, and a loop
 * that is left by break would never tell.
 */
static void tell_early(lua_State *L, int query, struct lx_cursor *lc)
{
	struct report report;

	cursor_report(lc->c, &report);
	lc->told = !report.complete;
	if (lc->told)
		answer_settle(L, query, &report);
}

static int ended(lua_State *L, const struct lx_query *lq, const struct lx_cursor *lc)
{
	return luaL_error(L,
			  lc->evicted ? "this loop over %s cannot go on: too many others were "
					"left open"
				      : "this loop over %s has ended",
			  lq->q->source->name);
}

bool cursor_step(lua_State *L, int query, int cursor)
{
	struct lx_query *lq = lua_touserdata(L, query);
	struct lx_cursor *lc = lua_touserdata(L, cursor);
	struct nl_error err;
	struct row row;
	bool begun;
	int rc;

	if (!lc->c)
		return ended(L, lq, lc);
	if (lc->busy)
		return luaL_error(
			L, "a function of a query cannot go on with the loop it is called by");
	unlink_lru(lx_state(L), lc);
	link_lru(lx_state(L), lc);
	begun = lc->started;
	rc = cursor_row(L, query, cursor, &row, &err);
	if (rc < 0 && err.code == EAGAIN && lc->listens) {
		tell_early(L, query, lc);
		rc = cursor_row(L, query, cursor, &row, &err);
	}
	if (rc > 0) {
		/* a finalizer that runs meanwhile may open others, and the row is in our buffer */
		lc->busy = true;
		if (!begun && !lc->told)
			tell_early(L, query, lc);
		record_push(L, &row, cursor);
		lc->busy = false;
		return true;
	}
	if (rc < 0) {
		cursor_shut(L, lc);
		interrupt_check(L);
		return raise_error(L, lq->q->source->name, &err);
	}
	finish(L, query, lc);
	lua_pushnil(L);
	return false;
}

void cursor_continue(lua_State *L, int query, int control)
{
	const struct lx_query *lq = lua_touserdata(L, query);

	if (lua_isnil(L, control)) {
		cursor_push(L, query, 0);
	} else {
		const struct lx_record *rec = record_any(L, control);

		if (!rec || rec->source != lq->q->source)
			luaL_error(L, "a loop over %s goes on from a %s, not from a %s",
				   lq->q->source->name, lq->q->source->row_name,
				   luaL_typename(L, control));
		if (lua_getiuservalue(L, control, 1) != LUA_TUSERDATA)
			luaL_error(L, "the loop that gave this %s has gone on already",
				   lq->q->source->row_name);
		lua_getiuservalue(L, -1, CURSOR_QUERY);
		if (!lua_rawequal(L, -1, query))
			luaL_error(L, "this %s is of a loop over another query",
				   lq->q->source->row_name);
		lua_pop(L, 1);
		/* a record that is kept must not keep its run open */
		lua_pushnil(L);
		lua_setiuservalue(L, control, 1);
	}
	cursor_step(L, query, lua_gettop(L));
}

void cursor_open_lib(lua_State *L)
{
	luaL_newmetatable(L, CURSOR_MT);
	lua_pushcfunction(L, cursor_gc);
	lua_setfield(L, -2, "__gc");
	lua_pushcfunction(L, cursor_gc);
	lua_setfield(L, -2, "__close");
	lua_pop(L, 1);
}
