/*
 * What the files of the lua room share.
 *
 * A function marked LX_RAISES may leave by a Lua error (longjmp): nothing that
 * must be freed may be held across it, except inside a userdata.
 */
#ifndef CONNSH_LUA_INTERNAL_H
#define CONNSH_LUA_INTERNAL_H

#include "connsh/lx.h"
#include "connsh/query.h"
#include "connsh/view.h"

#include <stdio.h>

#define LX_RAISES

#define QUERY_MT  "connsh.query"
#define CURSOR_MT "connsh.cursor"
#define ENV_MT	  "connsh.env"
#define COUNT_MT  "connsh.count"

struct lx_cursor;

#define NOTICES_MAX 8

/* One for each Lua state; found through its extra space, from coroutines too. */
struct lx_state {
	char *netns;
	bool incomplete; /* an answer was not whole, and the script did not accept that */
	bool accepts;	 /* connsh.accept_incomplete() was called */
	bool quiet;	 /* notices are not given */
	size_t nnotices; /* notices that were given, each once: their hashes */
	uint64_t notices[NOTICES_MAX];
	unsigned functions;    /* numbers given to functions of queries so far */
	unsigned ncursors;     /* open ones */
	struct lx_cursor *lru; /* the open ones, least recently used first */
};
struct lx_state *lx_state(lua_State *L);

/* A query; user value 1: its Lua functions by their numbers, or nil. */
struct lx_query {
	struct query *q;
	struct report *report; /* of the last run that came to its end */
};

/*
 * An open run; user values: 1 its query, 2 the env of the row that was made a
 * record last, 3 all such envs by address, 4 metatables of made sources by
 * address, 5 what its functions returned last by number.
 */
struct lx_cursor {
	struct cursor *c; /* NULL: closed */
	struct lx_cursor *prev, *next;
	const struct env *env; /* what user value 2 holds */
	uint32_t needs;
	bool busy;    /* C is in the middle of it: it is not closed, and not entered again */
	bool listens; /* what happens while it is closed is lost: it is not closed to make room */
	bool told;    /* that its answer is not whole */
	bool started, evicted;
};
enum { CURSOR_QUERY = 1, CURSOR_ENV, CURSOR_ENVS, CURSOR_METAS, CURSOR_RESULTS };

/*
 * A row that Lua has: its own copy of the message. User values: 1 the cursor
 * that goes on behind it (nil once it has), 2 the env, 3 the message with more
 * extensions, when those were asked for later.
 */
struct lx_record {
	const struct source *source;
	const struct shape *shape;
	struct env *env;
	const struct nlmsghdr *wider; /* in user value 3 */
	uint32_t tag, asked;
	size_t len;
	_Alignas(8) unsigned char msg[];
};

/* ---- filter.c: Lua values to conditions [-0, +0] */
/*
 * Narrows q by the table at index, as DESIGN section 4 has it. Never raises;
 * -1 with *err. The function at key "where" is for the caller.
 */
int filter_table(lua_State *L, int index, struct query *q, struct nl_error *err);
/* Narrows q by one condition whose value is at index. */
int filter_one(lua_State *L, const char *name, const char *op, int index, struct query *q,
	       struct nl_error *err);

/* ---- calls.c: functions of queries, called from C */
/*
 * Who answers a run's functions: valid while the function of C that made it
 * runs, with the query (or a form) and the cursor box at these places of its
 * stack. Instead of the cursor box a record: the functions are called with it.
 */
struct lx_calls {
	struct calls calls;
	lua_State *L;
	int query, cursor;
};
void calls_set(struct lx_calls *c, lua_State *L, int query, int cursor);
/* Is it the error of such a function? Then raise_error raises that. */
bool calls_failed(const struct nl_error *err);
int calls_raise(lua_State *L) LX_RAISES;
/* Gives the function at index a number in the query box at query [-0, +0, m]. */
unsigned calls_add(lua_State *L, int query, int function) LX_RAISES;
/* Makes the functions of the box at from those of the box at to as well [-0, +0, m]. */
void calls_merge(lua_State *L, int to, int from) LX_RAISES;

/* ---- query.c */
/* A new query box for q, whose reference it takes [-0, +1, m]. */
struct lx_query *query_push(lua_State *L, struct query *q) LX_RAISES;
struct lx_query *query_check(lua_State *L, int index) LX_RAISES;
/*
 * A copy of the query at index, narrowed by the value at arg: a table of conditions, a text in
 * the words of ss, a function; [-0, +1, e].
 */
void query_narrow(lua_State *L, int index, int arg, const char *who) LX_RAISES;
/* A box for a copy of the query at index, with its functions [-0, +1, e]. */
struct lx_query *query_copy(lua_State *L, int index) LX_RAISES;
/*
 * A box, still empty, for a query that is made of the one at index, with its
 * functions; when it is filled, query_filled raises err if it is not [-0, +1, e].
 */
struct lx_query *query_slot(lua_State *L, int index) LX_RAISES;
int query_filled(lua_State *L, const char *who, const struct nl_error *err) LX_RAISES;
/* The field of this name, at arg. */
const struct field *field_check(lua_State *L, const struct source *s, int arg) LX_RAISES;
void query_open(lua_State *L) LX_RAISES;

/* The methods of queries, by what they do; each list ends with NULL. */
extern const luaL_Reg query_run_methods[], query_derive_methods[], query_output_methods[],
	query_form_methods[];

/* ---- run.c */
/*
 * Runs the query at index to its end, whole answers asked again as query_run
 * does; take gets each row, and cursor, the place of a box for record_push.
 * Settles the report. What take and restart hold must survive a raise [-0, +0, e].
 */
struct lx_sink {
	/* 0 go on, 1 enough, -1 with *err. May raise. */
	int (*take)(lua_State *L, void *arg, const struct row *row, int cursor,
		    struct nl_error *err);
	bool (*restart)(lua_State *L, void *arg); /* NULL: cannot */
	void *arg;
};
void run_query(lua_State *L, int index, uint32_t needs, const struct lx_sink *sink) LX_RAISES;
/* The first record of the query at index, or nil [-0, +1, e]. */
void query_first(lua_State *L, int query) LX_RAISES;
/* How many rows the query at index has, functions included [-0, +0, e]. */
uint64_t query_run_count(lua_State *L, int index) LX_RAISES;
/* The first record of the query at index, which is not relative, or nil [-0, +1, e]. */
void query_first(lua_State *L, int index) LX_RAISES;

/* ---- named.c */
/*
 * Pushes the row of this name, or its value, of the query at index; raises with the nearest
 * name when there is none. 0: its source does not name rows, or name is one of its fields.
 */
int named_index(lua_State *L, int index, const char *name) LX_RAISES;

/* ---- cursor.c */
/* Opens a run for rows with these extensions [-0, +1, e]. */
struct lx_cursor *cursor_push(lua_State *L, int query, uint32_t needs) LX_RAISES;
/* The next row; 1, 0 at the end, -1 *err. Its functions run meanwhile. */
int cursor_row(lua_State *L, int query, int cursor, struct row *row,
	       struct nl_error *err) LX_RAISES;
/* The next record, or nil at the end, when the report is settled [-0, +1, e]. */
bool cursor_step(lua_State *L, int query, int cursor) LX_RAISES;
/* For generic for: the record behind control (nil: the first) [-0, +1, e]. */
void cursor_continue(lua_State *L, int query, int control) LX_RAISES;
void cursor_shut(lua_State *L, struct lx_cursor *lc);
void cursor_open_lib(lua_State *L) LX_RAISES;

/* ---- record.c */
struct lx_record *record_push(lua_State *L, const struct row *row, int cursor) LX_RAISES;
/* A record of no run, of a source of ours [-0, +1, m]. */
void record_push_alone(lua_State *L, const struct row *row) LX_RAISES;
/* The record at index, of whatever source, or NULL. */
struct lx_record *record_any(lua_State *L, int index);
/* The same; raises if it is none, or the collector has finished it. */
struct lx_record *record_check(lua_State *L, int index) LX_RAISES;
/* The row that a record is; points into it. */
void record_row(const struct lx_record *rec, struct row *row);
/* Pushes what keeps the message of that row when the record is asked for more [-0, +1, -]. */
void record_message(lua_State *L, int index);
/* The field's value, asking the kernel again if its extension was not asked for. */
bool record_get(lua_State *L, int index, const struct field *f, struct row *row,
		struct value *v) LX_RAISES;
/* The same, for a script: that an owner is not told is said, as it is no absence. */
bool record_read(lua_State *L, int index, const struct field *f, struct row *row,
		 struct value *v) LX_RAISES;
/* Asks for all extensions that the record has not got. */
void record_complete(lua_State *L, int index) LX_RAISES;
void record_open(lua_State *L) LX_RAISES;

/* Pushes a value as Lua has it: enums and addresses as text [-0, +1, m]. */
void value_push(lua_State *L, const struct field *f, const struct value *v) LX_RAISES;

/* ---- nav.c: where records lead to */
/* The value of the record's member of this name; false, nothing: it leads to no such [-0, +1, e].
 */
bool nav_push(lua_State *L, int record, const char *name) LX_RAISES;
/* A list of {name, doc, to, many} of where records of the source lead to [-0, +1, m]. */
void navs_push(lua_State *L, const struct source *s) LX_RAISES;
/* Remembers the function `route` as it is, before scripts run [-0, +0, m]. */
void nav_open(lua_State *L) LX_RAISES;

/* ---- answer.c */
/* Keeps the report with the query at index: what its fields tell from now on. */
void answer_keep(lua_State *L, int query, const struct report *r) LX_RAISES;
/* The same, and says what must be said. */
void answer_settle(lua_State *L, int query, const struct report *r) LX_RAISES;
/* Says, unless a notice was given, that a row's owner is hidden, if it is. */
void answer_hidden(lua_State *L, const struct row *row, uint32_t inode);
/* The same of what rows of its run lack for want of permission. */
void answer_withheld(lua_State *L, const struct row *row);
/*
 * q.complete, q.source, q.warnings, q.rows, of a rate q.came, q.went, q.seconds
 * (how many rows were there only the second or the first time; how far apart the
 * times were): pushes what key is, 0 if it is none of these.
 */
int answer_index(lua_State *L, const struct lx_query *lq, const char *key) LX_RAISES;

/* ---- route.c */
/*
 * Asks which route the kernel would use: pushes its record, or nil, a message and the errno
 * value when nothing is sent; returns how many values. Raises when it could not be asked; the
 * env must be held meanwhile [-0, +(1|3), e].
 */
int route_push(lua_State *L, struct env *env, const struct route_question *ask) LX_RAISES;
void route_open(lua_State *L) LX_RAISES;

/* ---- load.c */
int load_file(lua_State *L, const char *path, const char *mode); /* a lua_load status */
void load_open(lua_State *L) LX_RAISES;

/* ---- base.c: count, sleep, print, the table connsh */
void base_open(lua_State *L) LX_RAISES;

/* names.c: what names of hosts, services and cgroups stand for */
void names_open(lua_State *L) LX_RAISES;

/* snapshot.c */
void snapshot_open(lua_State *L) LX_RAISES;

/* ---- modules.c */
/* The variable, if the environment is the user's own (lx_raised); else NULL. */
const char *own_env(const char *name);
void modules_open(lua_State *L, const struct lx_options *opt) LX_RAISES;

/* ---- interrupt.c */
void interrupt_open(lua_State *L) LX_RAISES;
/* Raises when SIGINT came. */
void interrupt_check(lua_State *L) LX_RAISES;
void interrupt_clear(lua_State *L);

/* ---- output.c: rows as text */
/* Writes the rows of the query at index [-0, +0, e]. */
void output_query(lua_State *L, int index, const struct lx_view *view, FILE *out) LX_RAISES;
/* Writes one record: vertically, or as a row of the view's format. */
void output_record(lua_State *L, int index, const struct lx_view *view, FILE *out) LX_RAISES;
/* Writes the list at index, whose first member is a record, as rows. */
void output_records(lua_State *L, int list, const struct lx_view *view, FILE *out) LX_RAISES;

/* ---- form.c */
/*
 * The form at index, which keeps its functions in its user value 1 by their numbers (nil: none),
 * as a query does: so it is the `query` of calls_set, whatever query is run [-0, +0, v].
 */
struct form *form_check(lua_State *L, int index) LX_RAISES;
bool form_is(lua_State *L, int index);
/* What it was made for: the rows that it can write. */
const struct source *form_source(lua_State *L, int index) LX_RAISES;
/*
 * Appends what the form at index prints of a row, functions included; for a sink's take, which
 * has the cursor. 0, or -1 with *err for raise_error. The form was checked, and so was that the row
 * is of its source; the run was asked for form_needs [-0, +0, -].
 */
int form_row(lua_State *L, int form, int cursor, const struct row *row, struct fmt_text *out,
	     struct nl_error *err);
/* The same for a record, which is asked again for what it lacks. Checks both [-0, +0, e]. */
void form_record(lua_State *L, int form, int record, struct fmt_text *out) LX_RAISES;
void form_open(lua_State *L) LX_RAISES;

/* ---- grid.c: connsh.grid */
void grid_open(lua_State *L) LX_RAISES;

/* ---- ends.c: connsh.destroyed, connsh.destroy */
void ends_open(lua_State *L) LX_RAISES;

/* ---- columns.c */
/*
 * Raises if the table at index has a key that is a text and not known (a list
 * that ends with NULL): nothing that is misspelt is passed over [-0, +0, e].
 */
void keys_check(lua_State *L, int index, const char *const *known, const char *what) LX_RAISES;

/* ---- print.c */
/* Pushes text as fmt_escape leaves it [-0, +1, m]. */
void escaped_push(lua_State *L, const char *text, size_t len) LX_RAISES;

/* ---- box.c: malloc'ed memory that a raise must not lose */
struct lx_box {
	void *p;
	void (*release)(void *p);
};
struct lx_box *box_push(lua_State *L, void (*release)(void *)) LX_RAISES; /* [-0, +1, m] */
/* Pushes the malloc'ed text and frees it; NULL raises "out of memory" [-0, +1, e]. */
void text_push(lua_State *L, struct lx_box *box) LX_RAISES;

/* Raises err->text with the position of the Lua code that called. */
int raise_error(lua_State *L, const char *who, const struct nl_error *err) LX_RAISES;

#endif
