/*
 * query: trees of conditions, what of them the kernel can do, running; and
 * what is made of rows: groups, joins, rates, sorted and chosen columns. Knows
 * sources by their declarations only, and nothing of Lua.
 *
 * A query is a source, or something made of another query (a derivation), and
 * on its rows: conditions, then functions, then distinct, then sort, then
 * limit, in whatever order these were called. Rows of a derivation are rows of
 * a source that was made at run time, so all of this holds for them again.
 */
#ifndef CONNSH_QUERY_H
#define CONNSH_QUERY_H

#include "connsh/source.h"

/* ---- trees of conditions --------------------------------------------------- */

enum node_kind { NODE_COND, NODE_AND, NODE_OR, NODE_NOT, NODE_KERNEL };

/*
 * A tree of conditions; never changed once it is shared. An AND of nothing is
 * true, an OR of nothing is false, a NOT has one kid and is plain negation: a
 * row without the field does not match the condition, so it matches its NOT.
 *
 * A KERNEL has one kid that the kernel's program tests by what it knows, which may be more than
 * rows tell, and that is tested nowhere else: a run without a program (/proc, recordings, a
 * kernel that refuses it) passes every row. It stands in the whole or in an AND of it only.
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

/* The truth of a tree when some of its conditions are not known yet. */
enum tri { TRI_NO, TRI_UNKNOWN, TRI_YES };
enum tri node_tri(const struct node *n, enum tri (*leaf)(const struct cond *c, const void *arg),
		  const void *arg);

/* ---- queries ----------------------------------------------------------------- */

#define NO_LIMIT (-1)

struct derivation;

struct sort_key {
	const struct field *field;
	bool down;
};

/* What is asked. Reference counted; changed only between query_derive and first use. */
struct query {
	unsigned refs;
	const struct source *source; /* counted */
	struct derivation *from;     /* NULL: the rows are the kernel's */
	struct node *filter;	     /* NULL: every row */
	unsigned *tests;	     /* functions that filter, by their numbers (struct calls) */
	size_t ntests;
	char **netns; /* where to ask; none: here */
	size_t nnetns;
	struct netns *place; /* instead of names: one that is held open; NULL: none is */
	bool netns_default;  /* the place is a default, which a named one replaces */
	bool consistent;     /* ask more than once, so that what a dump misses is there still */
	bool ordered;	     /* rows in the kernel's order, IPv4 before IPv6 */
	bool listed;	     /* what the kernel does not list is not missing */
	bool verbatim;	     /* numbers as the kernel wrote them: env_verbatim */
	struct input input;  /* a file that the rows come from; its path is the query's */
	bool ends;	     /* not those that are there: each as it ends from now on, for ever */
	bool threads;	     /* holders of sockets thread by thread */
	bool contexts;	     /* and with contexts of security */
	uint32_t learned;    /* extensions that those who read its rows turned out to want */
	const struct field **distinct;
	size_t ndistinct;
	struct sort_key *sort;
	size_t nsort;
	int64_t limit;
};

struct query *query_new(const struct source *s);     /* NULL: no memory */
struct query *query_derive(const struct query *q);   /* a copy to narrow; NULL: no memory */
bool query_and(struct query *q, struct node *n);     /* takes the reference */
bool query_netns(struct query *q, const char *spec); /* one more place to ask */
void query_netns_clear(struct query *q);
/*
 * Its rows come from this file, in its order, or (NULL) from none of that form. False: no memory.
 */
bool query_input(struct query *q, enum input_form form, const char *path);
/* Asks in this very namespace, whatever its name stands for by now; takes no reference. NULL: here.
 */
void query_place(struct query *q, struct netns *ns);
/* Narrows it to rows that have this value in the field; nil: to none. False: no memory. */
bool query_equal(struct query *q, const struct field *f, const struct value *v);
/* To rows that have any value in it. */
bool query_present(struct query *q, const struct field *f);
bool query_distinct(struct query *q, const struct field *f); /* one more field to tell apart */
bool query_test(struct query *q, unsigned function);	     /* one more that filters */
/* The keys of the order, first first; replaces those before. Stable; no value comes last. */
bool query_sort(struct query *q, const struct sort_key *keys, size_t n);
struct query *query_ref(struct query *q);
void query_unref(struct query *q); /* NULL is allowed */
/* Does it have any condition (field or function), itself or in what it is made of? */
bool query_narrowed(const struct query *q);

/* ---- derivations --------------------------------------------------------------- */

/*
 * Each makes a new query over q, whose reference is not taken. NULL and *err
 * (EINVAL: the caller's fault; ENOMEM).
 */

enum aggregate_op { AGG_COUNT, AGG_SUM, AGG_AVG, AGG_MIN, AGG_MAX, AGG_QUANTILE, AGG_OPS };
extern const char *const aggregate_names[AGG_OPS]; /* "count", "sum" ... */

/*
 * One number of a group. Rows without the field do not count in it. A sum of
 * whole numbers is whole unless it leaves 64 bits; avg is a real; min and max
 * take whatever has an order; quantile p is the least value that at least p of
 * all values do not exceed (nearest rank), so it is one that was there.
 */
struct aggregate {
	enum aggregate_op op;
	const struct field *field; /* NULL for AGG_COUNT */
	double arg;		   /* AGG_QUANTILE: 0 to 1 */
	const char *name;	   /* of the column; NULL: that of the operation */
};

/*
 * A field to group by: its values are told apart as `distinct` does, but rows
 * without a value are a group of their own. Of an address only so many bits
 * count (v4 and mapped, v6); -1: all.
 */
struct group_key {
	const struct field *field; /* NULL: a function */
	int v4, v6;
	unsigned function; /* its number */
	const char *name;  /* of the column of a function */
};
/*
 * Reads "raddr", "raddr/24" (IPv4 networks; IPv6 addresses stay whole), "raddr/64" (above 32:
 * the other way round), "raddr/24/64" (both). -1 and *err.
 */
int group_key_parse(const struct source *s, const char *text, struct group_key *key,
		    struct nl_error *err);

/* One row a group, in the order in which they came up: keys, then aggregates. */
struct query *query_group(struct query *q, const struct group_key *keys, size_t nkeys,
			  const struct aggregate *aggs, size_t naggs, struct nl_error *err);
/* What a group query was made of; NULL if q is none (or has conditions of its own). */
struct group_parts {
	struct query *input;
	const struct group_key *keys;
	size_t nkeys, naggs;
};
bool query_group_parts(const struct query *q, struct group_parts *out);

/* A column: a field, or a function by its number (then name is its name). */
struct chosen {
	const struct field *field; /* NULL: function */
	const char *name;	   /* NULL: the field's */
	unsigned function;
};
struct query *query_select(struct query *q, const struct chosen *columns, size_t n,
			   struct nl_error *err);

/*
 * Rows of q and of other that agree in the n pairs of fields: all fields of
 * both; the pairs' right ones are left out where they have the left one's name,
 * others with a name that the left has get "other_" before it. other is read whole.
 */
struct query *query_join(struct query *q, struct query *other, const struct field *const *left,
			 const struct field *const *right, size_t n, struct nl_error *err);

/*
 * Asks twice, seconds apart; rows that are there both times (by key), with a
 * field NAME_rate, per second, for each FF_COUNTER field NAME.
 */
struct query *query_rate(struct query *q, double seconds, struct nl_error *err);

/* ---- plans ------------------------------------------------------------------- */

/* What of a query the kernel does. */
struct plan {
	struct part_set parts, named; /* as in struct scan_request */
	unsigned nparts;
	uint32_t needs;
	struct kprog prog;		   /* len 0: none */
	const struct cond *asks[ASKS_MAX]; /* of the query's filter; see struct scan_request */
	size_t nasks;
	bool exact;	/* parts and prog pass exactly what the filter passes */
	bool net_admin; /* uses a field that takes CAP_NET_ADMIN */
};

/* needs: extensions wanted beside those of the query's own fields. False: no memory. */
bool plan_make(const struct query *q, uint32_t needs, struct env *env, struct plan *out);

/* The request of this plan; both must live as long as it is used. */
void plan_request(const struct plan *p, const struct query *q, struct env *env,
		  struct scan_request *out);

/* ---- running ----------------------------------------------------------------- */

/*
 * Functions of the language above that take part. They never leave by a jump:
 * an error goes back as -1 with *err, and its object is kept by whoever calls.
 */
struct calls {
	/* 1 the row passes, 0 it does not, -1 *err. */
	int (*test)(void *arg, unsigned function, const struct row *row, struct nl_error *err);
	/* The function's value for the row, valid until the next call of the same; 0 or -1. */
	int (*value)(void *arg, unsigned function, const struct row *row, struct value *v,
		     struct nl_error *err);
	void *arg;
};

#define REPORT_WARNINGS 8
/* The end of the warning about owners that may not be looked at. */
#define REPORT_HIDDEN \
	"sockets are not known: /proc does not show all processes to this user (see owner_status)"

/* What is to be said of an answer. */
struct report {
	bool complete;
	bool flagged;	    /* not complete for a reason that asking again may cure */
	const char *source; /* "netlink", "proc", "snapshot" */
	size_t nwarnings;
	char warnings[REPORT_WARNINGS][256];
	unsigned tries;
	bool refused;	     /* the kernel did not take the program */
	uint64_t rows;	     /* read */
	uint64_t passed;     /* matched */
	uint64_t held_back;  /* sockets whose holders were looked up */
	uint64_t hidden;     /* of them, those whose holders may not be known */
	bool timed;	     /* a rate: came and went mean something */
	uint64_t came, went; /* between its two dumps */
	double seconds;	     /* from the begin of the one to that of the other */
	struct scan_stats stats;
};

/* One more warning, unless it is there or there are REPORT_WARNINGS; cut to 255 bytes. */
void report_add(struct report *r, const char *text);

struct cursor;

/*
 * Opens the namespaces, asks nothing yet. needs as in plan_make. NULL and *err
 * when a namespace cannot be opened or memory is short.
 */
struct cursor *cursor_open(struct query *q, uint32_t needs, struct nl_error *err);
/* Who answers functions; must be set before rows are asked for when the query has any. */
void cursor_calls(struct cursor *c, const struct calls *calls);
/*
 * The next row, valid until the next call; 1, 0 at the end, -1 with *err. What
 * is read whole before its first row (sort, groups) is asked again while the
 * answer is flagged, QUERY_TRIES times in all.
 */
int cursor_next(struct cursor *c, struct row *row, struct nl_error *err);
/* From now on rows of this source shall carry these extensions too. */
void cursor_widen(struct cursor *c, const struct source *s, uint32_t needs);
void cursor_report(const struct cursor *c, struct report *out);
void cursor_close(struct cursor *c); /* NULL is allowed */

#define QUERY_TRIES 5

/*
 * Hands every row to take (0: go on, 1: enough, -1 *err). A flagged answer is asked again, at
 * most QUERY_TRIES times in all, after restart has forgotten the rows before;
 * restart NULL or false: it is not.
 */
struct sink {
	int (*take)(void *arg, const struct row *row, struct nl_error *err);
	bool (*restart)(void *arg);
	void *arg;
	struct cursor **running; /* where the cursor is to be found meanwhile, or NULL */
};
int query_run(struct query *q, uint32_t needs, const struct calls *calls, const struct sink *sink,
	      struct report *report, struct nl_error *err);

/* How many rows. */
int query_count(struct query *q, const struct calls *calls, uint64_t *n, struct report *report,
		struct nl_error *err);

/*
 * Writes the messages of sock_diag(7) that match, of inet sockets of one protocol, to path
 * ("-": standard output) as `ss -D` does: IPv4, its NLMSG_DONE, IPv6, its own. extensions: bits of
 * idiag_ext (diag_extensions) to ask for beside what conditions need. The diag setting reads it.
 * -1 and *err (EINVAL: not such a query; what was written until then stays), else *report.
 */
int query_save_diag(const struct query *q, uint32_t extensions, const char *path,
		    struct report *report, struct nl_error *err);

/* What would be asked and tested, in lines; last may be NULL. malloc'ed, NULL: no memory. */
char *query_explain(struct query *q, const struct report *last, struct nl_error *err);

/* ---- snapshots ------------------------------------------------------------------ */

/* What a snapshot holds, and what could not be had. */
struct snapshot_report {
	uint64_t rows;
	uint64_t bytes;
	size_t namespaces;
	size_t nmissing; /* texts says why, as far as there is room */
	char texts[REPORT_WARNINGS][256];
	bool hidden; /* the sockets of some processes, by permission */
};

/*
 * Writes a recording of everything to path: every source, all its parts and fields, in
 * every network namespace that can be entered, the texts of /proc that tools read, and
 * which process holds which socket. What cannot be had is told in it and in *out.
 * -1 and *err: there is no file; EBUSY while a recording is made, EINVAL from one.
 */
int snapshot_take(const char *path, struct snapshot_report *out, struct nl_error *err);

#endif
