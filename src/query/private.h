/*
 * What the files of the query room share: where a stage's rows come from
 * (feeds), rows that are kept, rows that are made (packed), and keys of values.
 */
#ifndef CONNSH_QUERY_PRIVATE_H
#define CONNSH_QUERY_PRIVATE_H

#include "connsh/query.h"

#include <stdio.h>

int query_no_memory(struct nl_error *err);

/* ---- feeds: rows before distinct, sort and limit ------------------------------- */

struct feed;
struct feed_ops {
	/* The next row that passes the query's conditions; as cursor_next. */
	int (*next)(struct feed *f, struct row *row, struct nl_error *err);
	void (*calls)(struct feed *f, const struct calls *calls);
	void (*widen)(struct feed *f, const struct source *s, uint32_t needs);
	/* Adds what it knows to a report that was begun by report_begin. */
	void (*report)(const struct feed *f, struct report *out);
	void (*close)(struct feed *f);
};
/* The first member of each. */
struct feed {
	const struct feed_ops *ops;
	struct query *query; /* held */
};
/* A feed of size bytes, all zero behind this; NULL and *err: no memory. */
void *feed_new(const struct feed_ops *ops, struct query *q, size_t size, struct nl_error *err);
/* The end of each close: lets the query go and frees the feed. */
void feed_free(struct feed *f);

/* ---- places: the namespaces of a run ------------------------------------------------ */

struct places;
/* Those that the query names; one that is named must be there. NULL and *err. */
struct places *places_open(const struct query *q, struct nl_error *err);
size_t places_count(const struct places *p);
/* The env of place i: 1, 0 it cannot be entered, which is noted, -1 *err. */
int places_enter(struct places *p, size_t i, struct env **env, struct nl_error *err);
void places_leave(struct places *p, size_t i);
void places_report(const struct places *p, struct report *out);
void places_free(struct places *p); /* NULL is allowed */
/* Does it name namespaces by a pattern: "*", "web*"? */
bool place_is_pattern(const char *spec);

/* ---- rows that are all read before the first is given -------------------------------- */

struct whole;
struct whole *whole_new(void); /* NULL: no memory */
/* Unless a row with its key is there. False: no memory. */
bool whole_add(struct whole *w, const struct row *row);
void whole_mark_read(struct whole *w);
bool whole_is_read(const struct whole *w); /* since the last clear */
/* The next row, valid until the clear; false: there are no more. */
bool whole_next(struct whole *w, struct row *row);
void whole_clear(struct whole *w);
void whole_free(struct whole *w); /* NULL is allowed */

struct feed *kernel_feed(struct query *q, uint32_t needs, struct nl_error *err);
/*
 * Rows as they end (query.ends): listens from now on. Once some were lost and none is at hand, next
 * fails with EAGAIN, once, and goes on: the report has it.
 */
struct feed *ends_feed(struct query *q, struct nl_error *err);

void report_begin(struct report *r);
__attribute__((format(printf, 2, 3))) void report_warn(struct report *r, const char *fmt, ...);
/* Does the answer have to be asked again, if it can be? */
bool report_flagged(const struct report *r);

/* ---- derivations ----------------------------------------------------------------- */

struct derivation_ops {
	/* needs: of the fields of its own rows that are wanted. */
	struct feed *(*open)(struct query *q, uint32_t needs, struct nl_error *err);
	/* What it reads of its input's rows. */
	uint32_t (*needs)(const struct derivation *d);
	void (*describe)(const struct derivation *d, FILE *out);
	void (*destroy)(struct derivation *d);
};
/* The first member of each derivation. */
struct derivation {
	const struct derivation_ops *ops;
	unsigned refs;
	struct query *input; /* held */
	struct query *other; /* a second input, or NULL */
};
/* A query over d's rows, which are of source s; takes both references, also when it fails. */
struct query *derivation_query(struct derivation *d, struct source *s, struct nl_error *err);
void derivation_unref(struct derivation *d);

/* ---- sources that are made --------------------------------------------------------- */

/* Of its rows: values that lie behind the nlmsghdr, and no attributes. */
extern const struct shape made_shape;
/* A source with n fields, to be set by made_field; refs is 1. NULL: no memory. */
struct source *made_source(const char *name, const char *row_name, size_t n);
/*
 * Field i as like (NULL: all zero) with this name; its value comes from a
 * packed row. False: no memory, or the name is taken (EEXIST in errno).
 */
bool made_field(struct source *s, size_t i, const char *name, const struct field *like);
/* A declaration like which the field of a function is. */
extern const struct field made_any;
/* Field i of it, to be changed until the source is used. */
struct field *made_at(struct source *s, size_t i);
size_t made_count(const struct source *s);

/* A row whose message is the values one behind the other; reused for one after the other. */
struct packer {
	const struct source *source;
	struct env *env; /* of its rows; keeps the source */
	unsigned char *buf;
	size_t end, size; /* of what is packed; of buf */
};
bool packer_open(struct packer *p, const struct source *s);
/*
 * Value by value: begin, then put value number i, which may be forgotten then; what is
 * not put is nil. Rows are valid until the next begin. False: no memory.
 */
bool pack_begin(struct packer *p);
bool pack_put(struct packer *p, size_t i, const struct value *v);
void pack_end(struct packer *p, struct row *row);
/* All at once. */
bool pack_row(struct packer *p, const struct value *values, struct row *row);
void packer_close(struct packer *p);

/* ---- rows that are kept -------------------------------------------------------------- */

struct kept {
	struct env *env; /* held */
	const struct source *source;
	const struct shape *shape;
	uint32_t tag, asked;
	double when;
	uint64_t seq; /* for whoever keeps it */
	struct value *keys;
	_Alignas(8) unsigned char msg[];
};
/* A copy of the row with room for nkeys values; NULL: no memory. */
struct kept *kept_new(const struct row *row, size_t nkeys);
void kept_row(const struct kept *k, struct row *row);
void kept_free(struct kept *k);

struct rowstore {
	struct kept **rows;
	size_t n, cap;
};
bool rowstore_add(struct rowstore *s, const struct row *row);
/* Row i changes its place; a hole stays. False: no memory, and it stays where it is. */
bool rowstore_move(struct rowstore *to, struct rowstore *from, size_t i);
void rowstore_clear(struct rowstore *s); /* also frees */

/* ---- keys: values told apart by their bytes --------------------------------------------- */

struct keybuf {
	unsigned char *bytes;
	size_t len, size;
};
/*
 * Appends the value: equal values have equal bytes (1 and 1.0, an address and
 * its mapped form), different ones different bytes.
 */
bool key_put(struct keybuf *k, const struct value *v);
/* Reads one back from *p; text points into it. Returns what is behind. */
const unsigned char *key_get(const unsigned char *p, struct value *v);
void key_free(struct keybuf *k);

/* A set of keys, numbered from 0 as they come up. */
struct keyset {
	size_t n, cap;
	struct key_slot {
		uint64_t hash;
		size_t at; /* in bytes; its length stands there first */
		size_t number;
	} * slots;
	size_t *starts; /* by number */
	unsigned char *bytes;
	size_t used, size;
};
/* The key's number; *fresh: it was not there. -1: no memory. */
ptrdiff_t keyset_add(struct keyset *s, const void *key, size_t len, bool *fresh);
/* The number, or -1 when it is not there. */
ptrdiff_t keyset_find(const struct keyset *s, const void *key, size_t len);
const unsigned char *keyset_key(const struct keyset *s, size_t number, size_t *len);
void keyset_free(struct keyset *s);

/* ---- sorting ------------------------------------------------------------------------------ */

struct sorter;
/* limit NO_LIMIT: all rows are kept; else no more than that many. NULL: no memory. */
struct sorter *sorter_new(const struct sort_key *keys, size_t n, int64_t limit);
bool sorter_add(struct sorter *s, const struct row *row);
/* Puts them in order; then sorter_get gives them from 0, false behind the last. */
void sorter_finish(struct sorter *s);
bool sorter_get(const struct sorter *s, size_t i, struct row *row);
void sorter_reset(struct sorter *s);
void sorter_free(struct sorter *s); /* NULL is allowed */

/* ---- owners --------------------------------------------------------------------------------- */

/* Rows on their way, held back until their owners are known. */
struct owned;
struct owned *owned_new(const struct query *q, uint32_t needs);
/* Counts the conditions on owners, of which the last is put into *one. */
size_t owner_conditions(const struct node *n, const struct cond **one);
/* Where it takes rows from: as cursor_next; rows that the filter may pass yet. */
typedef int (*owned_pull)(void *arg, struct row *row, struct nl_error *err);
int owned_next(struct owned *o, owned_pull pull, void *arg, struct row *row, struct nl_error *err);
void owned_report(const struct owned *o, struct report *r);
void owned_free(struct owned *o);

#endif
