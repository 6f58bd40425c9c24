/* Inside lua: which columns an output has. */
#ifndef CONNSH_LUA_COLUMNS_H
#define CONNSH_LUA_COLUMNS_H

#include "internal.h"

#include "connsh/view.h"

#define MAX_COLUMNS 512

/* What is written, and how; the columns' texts are anchored by whoever fills it. */
struct plan_of_output {
	struct fmt_layout layout;
	struct view_column *columns; /* in a userdata */
	size_t n;
};

/* Room for columns on the Lua stack; none is in it yet [-0, +1, m]. */
void columns_push(lua_State *L, struct plan_of_output *p) LX_RAISES;
/* Adds those that a text names: "raddr,rtt" [-0, +0, e]. */
void columns_split(lua_State *L, const struct source *s, const char *text,
		   struct plan_of_output *p) LX_RAISES;
/* Adds those of the list at index, over the query box at query [-0, +0, e]. */
void columns_read(lua_State *L, int index, int query, struct plan_of_output *p) LX_RAISES;
/*
 * Columns that are functions need a select, which makes records. Pushes the
 * select of all columns of the list at index over the query at query, and the
 * list with those columns named; without any, both as they are [-0, +2, e].
 */
void columns_resolve(lua_State *L, int index, int query) LX_RAISES;
/* The number of cells at this key of the table at index; 0: not given [-0, +0, e]. */
size_t width_option(lua_State *L, int index, const char *key) LX_RAISES;

#endif
