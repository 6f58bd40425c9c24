/*
 * query: trees of conditions, what of them the kernel can do, and running.
 * Knows sources by their declarations only, and nothing of Lua.
 */
#ifndef CONNSH_QUERY_H
#define CONNSH_QUERY_H

#include "connsh/source.h"

/* ---- trees of conditions --------------------------------------------------- */

enum node_kind { NODE_COND, NODE_AND, NODE_OR, NODE_NOT };

/*
 * A tree of conditions; never changed once it is shared. An AND of nothing is
 * true, an OR of nothing is false, a NOT has one kid and is plain negation: a
 * row without the field does not match the condition, so it matches its NOT.
 */
struct node {
	unsigned refs;
	enum node_kind kind;
	struct cond cond; /* NODE_COND */
	size_t n;
	struct node **kids;
};

/* Takes over the condition's operands, also when it fails. NULL: no memory. */
struct node *node_cond(struct cond *c);
/* A node without kids; node_add takes the reference to the kid, also when it fails. */
struct node *node_new(enum node_kind kind);
bool node_add(struct node *parent, struct node *kid);
struct node *node_ref(struct node *n);
void node_unref(struct node *n); /* NULL is allowed */

bool node_match(const struct node *n, const struct row *row);
/* "state = established and (lport = 80 or rport > 1024)"; malloc'ed, NULL: no memory. */
char *node_text(const struct node *n);

/* ---- queries ----------------------------------------------------------------- */

#define NO_LIMIT (-1)

/*
 * What is asked. Reference counted; changed only between query_derive and the
 * first use of the copy. Rows pass the filter, then distinct, then the limit,
 * in whatever order these were called.
 */
struct query {
	unsigned refs;
	const struct source *source;
	struct node *filter; /* NULL: every row */
	char **netns;	     /* where to ask; none: here */
	size_t nnetns;
	bool netns_default; /* the place is a default, which a named one replaces */
	const struct field **distinct;
	size_t ndistinct;
	int64_t limit;
};

struct query *query_new(const struct source *s);     /* NULL: no memory */
struct query *query_derive(const struct query *q);   /* a copy to narrow; NULL: no memory */
bool query_and(struct query *q, struct node *n);     /* takes the reference */
bool query_netns(struct query *q, const char *spec); /* one more place to ask */
void query_netns_clear(struct query *q);
bool query_distinct(struct query *q, const struct field *f); /* one more field to tell apart */
struct query *query_ref(struct query *q);
void query_unref(struct query *q); /* NULL is allowed */

/* ---- plans ------------------------------------------------------------------- */

/* What of a query the kernel does. */
struct plan {
	struct part_set parts;
	unsigned nparts;
	uint32_t needs;
	struct kprog prog; /* len 0: none */
	bool exact;	   /* parts and prog pass exactly what the filter passes */
	bool net_admin;	   /* uses a field that takes CAP_NET_ADMIN */
};

/* needs: extensions wanted beside those of the query's own fields. False: no memory. */
bool plan_make(const struct query *q, uint32_t needs, struct env *env, struct plan *out);

/* ---- running ----------------------------------------------------------------- */

#define REPORT_WARNINGS 8

/* What is to be said of an answer. */
struct report {
	bool complete;
	const char *source; /* "netlink", "recording" */
	size_t nwarnings;
	char warnings[REPORT_WARNINGS][256];
	unsigned tries;
	bool refused;	 /* the kernel did not take the program */
	uint64_t rows;	 /* read */
	uint64_t passed; /* matched */
	struct scan_stats stats;
};

struct cursor;

/*
 * Opens the namespaces, asks nothing yet. needs as in plan_make. NULL and *err
 * when a namespace cannot be opened or memory is short.
 */
struct cursor *cursor_open(struct query *q, uint32_t needs, struct nl_error *err);
/* The next row that matches, each socket once; 1, 0 at the end, -1 with *err. */
int cursor_next(struct cursor *c, struct row *row, struct nl_error *err);
/*
 * Does a row that the caller found good count, after distinct and limit?
 * 1 yes, 0 no, -1 with *err: no memory.
 */
int cursor_admit(struct cursor *c, const struct row *row, struct nl_error *err);
/* Has the limit been reached? Then cursor_next need not be asked. */
bool cursor_full(const struct cursor *c);
/* From now on rows shall carry these extensions too; begins again unless too much was read. */
void cursor_widen(struct cursor *c, uint32_t needs);
void cursor_report(const struct cursor *c, struct report *out);
void cursor_close(struct cursor *c); /* NULL is allowed */

#define QUERY_TRIES 5

/* How many rows; a flagged answer is asked again, at most QUERY_TRIES times in all. */
int query_count(struct query *q, uint64_t *n, struct report *report, struct nl_error *err);

/* What would be asked and tested, in lines; last may be NULL. malloc'ed, NULL: no memory. */
char *query_explain(struct query *q, const struct report *last, struct nl_error *err);

#endif
