/*
 * Owns the order of asking by which a socket that is held throughout is never
 * without its owner: rows are dumped first, then /proc is read, then what found
 * no holder is looked for once more. (A pass before the dump misses sockets
 * that were opened since; one behind it, descriptors on the move.)
 *
 * At most BATCH rows are held back before the first pass. Should more come, the
 * pass is over all sockets, the rows go on as they come, and only those whose
 * holder it did not find wait for another one, at most BATCH at a time. No pass
 * is made when no row can have a holder.
 */
#include "private.h"

#include <errno.h>
#include <stdlib.h>

#define BATCH 65536

enum phase { COLLECT, GIVE, STREAM, REST, DONE };

struct owned {
	const struct query *query;
	uint32_t needs;
	enum phase phase;
	struct rowstore batch, left;
	size_t at; /* in the one that is given out */
	bool ended;
	struct env *env; /* of the first row: where the owners of all are kept */
	uint64_t held_back, hidden;
	bool by_name; /* some may be hidden whose processes a condition names */
};

struct owned *owned_new(const struct query *q, uint32_t needs)
{
	struct owned *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->query = q;
	o->needs = needs;
	return o;
}

void owned_free(struct owned *o)
{
	if (!o)
		return;
	rowstore_clear(&o->batch);
	rowstore_clear(&o->left);
	env_unref(o->env);
	free(o);
}

void owned_report(const struct owned *o, struct report *r)
{
	r->held_back += o->held_back;
	r->hidden += o->hidden;
	if (o->by_name)
		report_warn(r, "this user may not look into all processes that the condition "
			       "names: sockets that those hold are left out");
	else if (o->hidden)
		report_warn(r, "the holders of %llu " REPORT_HIDDEN, (unsigned long long)o->hidden);
}

static uint32_t inode_of(const struct row *row)
{
	enum owner_status why;

	return row->source->inode(row, &why);
}

/* The socket at the row's other end, if its holder is wanted; 0: there is none. */
static uint32_t peer_of(const struct owned *o, const struct row *row)
{
	return o->needs & NEED_PEER && row->source->peer ? row->source->peer(row) : 0;
}

size_t owner_conditions(const struct node *n, const struct cond **one)
{
	size_t found = 0;

	if (n->kind == NODE_COND && n->cond.field->cost == COST_PROC) {
		*one = &n->cond;
		return 1;
	}
	for (size_t i = 0; i < n->n; i++)
		found += owner_conditions(n->kids[i], one);
	return found;
}

/* Must each row meet the condition: is it at the top, or in an "and" there? */
static bool is_must(const struct node *n, const struct cond *c)
{
	if (n->kind == NODE_COND)
		return &n->cond == c;
	for (size_t i = 0; n->kind == NODE_AND && i < n->n; i++)
		if (is_must(n->kids[i], c))
			return true;
	return false;
}

/*
 * The condition that tells by itself which owners matter, or NULL. Beside
 * another one it does not: of a socket with two holders each may meet one.
 */
static const struct cond *deciding(const struct node *filter)
{
	const struct cond *one = NULL;

	if (!filter || owner_conditions(filter, &one) != 1 || !is_must(filter, one))
		return NULL;
	return one;
}

/* The inodes of these rows, and of their peers, that can have a holder; the caller frees the list.
 */
static uint32_t *inodes_of(const struct owned *o, const struct rowstore *rows, size_t *n)
{
	uint32_t *list = malloc((2 * rows->n + 1) * sizeof(*list));
	struct row row;

	*n = 0;
	for (size_t i = 0; list && i < rows->n; i++) {
		uint32_t inode, peer;

		kept_row(rows->rows[i], &row);
		inode = inode_of(&row);
		peer = peer_of(o, &row);
		if (inode)
			list[(*n)++] = inode;
		if (peer)
			list[(*n)++] = peer;
	}
	return list;
}

/* Reads /proc for the sockets of these rows; all: for whatever else comes too. */
static int look(struct owned *o, const struct rowstore *rows, bool all, struct nl_error *err)
{
	struct owners_request req = { 0 };
	size_t n;
	uint32_t *inodes = inodes_of(o, rows, &n);
	int rc = 0;

	if (!inodes)
		return query_no_memory(err);
	if (!all) {
		req.inodes = inodes;
		req.ninodes = n;
	}
	if (n || all)
		rc = env_scan_owners(o->env, &req, deciding(o->query->filter), o->needs, err);
	free(inodes);
	return rc;
}

/* 1: the row's holder (and its peer's) is known, or it has none; 0: it may be found yet. */
static bool settled(const struct owned *o, const struct row *row)
{
	uint32_t inode = inode_of(row), peer = peer_of(o, row);

	return (inode == 0 || env_owner_known(o->env, inode, o->needs)) &&
	       (peer == 0 || env_peer_known(o->env, peer));
}

static bool passes(const struct owned *o, const struct row *row)
{
	return !o->query->filter || node_match(o->query->filter, row);
}

/* The first rows, up to a batch of them, then the first pass over /proc. */
static int collect(struct owned *o, owned_pull pull, void *arg, struct nl_error *err)
{
	size_t most = o->query->ordered ? SIZE_MAX : BATCH;
	struct row row;
	int rc = 0;

	while (o->batch.n < most && (rc = pull(arg, &row, err)) > 0) {
		if (!o->env)
			o->env = env_ref(row.env);
		if (!rowstore_add(&o->batch, &row))
			return query_no_memory(err);
		/* a record was asked for its owner: all sockets were looked up then */
		if (!o->query->ordered && env_owners_looked(o->env)) {
			o->phase = GIVE;
			return 0;
		}
	}
	if (rc < 0)
		return -1;
	o->ended = rc == 0 && o->batch.n < most;
	o->held_back += o->batch.n;
	o->phase = GIVE;
	return o->batch.n ? look(o, &o->batch, !o->ended, err) : 0;
}

/*
 * With `ordered` no row may overtake another, so the second look is made before
 * the first row is given out, and everything counts as settled then.
 */
static int second_look_ahead(struct owned *o, struct nl_error *err)
{
	struct row row;

	for (size_t i = 0; i < o->batch.n; i++) {
		kept_row(o->batch.rows[i], &row);
		if (!settled(o, &row) && !rowstore_add(&o->left, &row))
			return query_no_memory(err);
	}
	if (o->left.n && look(o, &o->left, false, err) < 0)
		return -1;
	rowstore_clear(&o->left);
	return 0;
}

static void count_hidden(struct owned *o, const struct row *row)
{
	enum owner_hidden hidden = env_owner_hidden(o->env, inode_of(row));
	uint32_t peer = peer_of(o, row);

	if (hidden == OWNER_NOT_HIDDEN && peer && !env_peer_known(o->env, peer))
		hidden = env_owner_hidden(o->env, peer);
	o->hidden += hidden != OWNER_NOT_HIDDEN;
	o->by_name |= hidden == OWNER_HIDDEN_BY_NAME;
}

/* The next row of a store that passes; 0 at its end, when the store is emptied. */
static int give(struct owned *o, struct rowstore *rows, bool last, struct row *row,
		struct nl_error *err)
{
	while (o->at < rows->n) {
		size_t at = o->at++;

		kept_row(rows->rows[at], row);
		if (!settled(o, row)) {
			if (!last && !rowstore_move(&o->left, rows, at))
				return query_no_memory(err);
			if (!last)
				continue;
			count_hidden(o, row);
		}
		if (passes(o, row))
			return 1;
	}
	o->at = 0;
	rowstore_clear(rows);
	return 0;
}

/* Goes on with the dump; 0 at its end, or when as many rows wait as may. */
static int stream(struct owned *o, owned_pull pull, void *arg, struct row *row,
		  struct nl_error *err)
{
	while (!o->ended && o->left.n < BATCH) {
		int rc = pull(arg, row, err);

		o->ended = rc == 0;
		if (rc <= 0)
			return rc;
		if (!settled(o, row)) {
			o->held_back++;
			if (!rowstore_add(&o->left, row))
				return query_no_memory(err);
		} else if (passes(o, row)) {
			return 1;
		}
	}
	return 0;
}

int owned_next(struct owned *o, owned_pull pull, void *arg, struct row *row, struct nl_error *err)
{
	int rc = 0;

	while (rc == 0 && o->phase != DONE) {
		switch (o->phase) {
		case COLLECT:
			rc = collect(o, pull, arg, err);
			if (rc == 0 && o->query->ordered)
				rc = second_look_ahead(o, err);
			break;
		case GIVE:
			rc = give(o, &o->batch, o->query->ordered, row, err);
			if (rc == 0)
				o->phase = STREAM;
			break;
		case STREAM:
			rc = stream(o, pull, arg, row, err);
			if (rc == 0) {
				o->phase = REST;
				rc = o->left.n ? look(o, &o->left, false, err) : 0;
			}
			break;
		case REST:
			rc = give(o, &o->left, true, row, err);
			if (rc == 0)
				o->phase = o->ended ? DONE : STREAM;
			break;
		case DONE:
			break;
		}
	}
	return rc;
}
