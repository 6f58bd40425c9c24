/*
 * Owns the table of owners: records of processes, each with the inodes that it
 * holds as passes found them, and an index by inode that is made anew after each
 * pass, beside that of descriptors (owners_uses.c) where those are asked for. Processes are entered
 * by ascending pid, so that no inode's holders need sorting and a second descriptor of one process
 * is seen at once.
 */
#include "private.h"

#include <stdlib.h>
#include <string.h>

/* In a value of the index: what is left is a number of struct shared, not of a record. */
#define SHARED 0x80000000u

/* An inode with several holders. */
struct shared {
	size_t first;  /* its place in index.holders */
	uint32_t last; /* record entered last */
	uint32_t n;
};

struct index {
	struct imap inodes; /* -> a record, or SHARED | a place in shared */
	struct shared *shared;
	size_t nshared, shared_size;
	uint32_t *holders; /* records, those of one shared inode in a row */
};

struct owners {
	struct record **records; /* in the order they came; the index names them by place */
	size_t n, size;
	struct imap pids; /* -> 1 + the newest record of the pid */
	struct index index;
	struct uses uses; /* if there are any to be asked for */
	uint32_t passes;
	bool denied, fds;
};

struct owners *owners_new(void)
{
	return calloc(1, sizeof(struct owners));
}

struct span *span_new(struct inodes *found)
{
	size_t n = found->n, fds = found->with_fds ? n : 0;
	struct span *s = malloc(sizeof(*s) + (n + fds) * sizeof(s->inodes[0]));
	char **contexts = found->with_contexts ? malloc((n + 1) * sizeof(*contexts)) : NULL;

	if (!s || (found->with_contexts && !contexts)) {
		free(s);
		free(contexts);
		return NULL;
	}
	*s = (struct span){ .n = n, .contexts = contexts };
	if (n)
		memcpy(s->inodes, found->list, n * sizeof(s->inodes[0]));
	if (fds) {
		s->fds = s->inodes + n;
		memcpy(s->fds, found->fds, n * sizeof(s->fds[0]));
	}
	if (contexts && n)
		memcpy(contexts, found->contexts, n * sizeof(*contexts));
	found->n = 0;
	return s;
}

void span_free(struct span *s)
{
	for (size_t i = 0; s->contexts && i < s->n; i++)
		free(s->contexts[i]);
	free(s->contexts);
	free(s);
}

void span_keep(struct span *s, size_t to, size_t from)
{
	s->inodes[to] = s->inodes[from];
	if (s->fds)
		s->fds[to] = s->fds[from];
	if (s->contexts && to != from) {
		free(s->contexts[to]);
		s->contexts[to] = s->contexts[from];
		s->contexts[from] = NULL;
	}
}

void span_cut(struct span *s, size_t kept)
{
	for (size_t i = kept; s->contexts && i < s->n; i++) {
		free(s->contexts[i]);
		s->contexts[i] = NULL;
	}
	s->n = kept;
}

struct thread *record_thread(struct record *r)
{
	struct thread *bigger = reallocarray(r->threads, r->nthreads + 1, sizeof(*bigger));

	if (!bigger)
		return NULL;
	r->threads = bigger;
	bigger[r->nthreads] = (struct thread){ 0 };
	return &bigger[r->nthreads++];
}

void record_free(struct record *r)
{
	if (!r)
		return;
	for (struct span *s = r->spans, *next; s; s = next) {
		next = s->next;
		span_free(s);
	}
	for (size_t i = 0; i < r->nthreads; i++) {
		free(r->threads[i].comm);
		free(r->threads[i].context);
	}
	free(r->threads);
	free(r->holder.comm);
	free(r->holder.exe);
	free(r->holder.cgroup);
	free(r);
}

static void index_free(struct index *x)
{
	imap_free(&x->inodes);
	free(x->shared);
	free(x->holders);
}

void owners_free(struct owners *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->n; i++)
		record_free(o->records[i]);
	free(o->records);
	imap_free(&o->pids);
	index_free(&o->index);
	uses_free(&o->uses);
	free(o);
}

/* ---- the index ---------------------------------------------------------------- */

static pid_t pid_of(const struct owners *o, uint32_t record)
{
	return o->records[record]->holder.pid;
}

static int64_t new_shared(struct index *x, uint32_t last)
{
	if (x->nshared == x->shared_size) {
		size_t size = x->shared_size ? 2 * x->shared_size : 64;
		struct shared *bigger = realloc(x->shared, size * sizeof(*bigger));

		if (!bigger)
			return -1;
		x->shared = bigger;
		x->shared_size = size;
	}
	x->shared[x->nshared] = (struct shared){ .last = last, .n = 2 };
	return (int64_t)x->nshared++;
}

/* Counts the record as a holder; 1, 0 when its pid has been counted, -1: no memory. */
static int count(const struct owners *o, struct index *x, uint32_t inode, uint32_t record)
{
	size_t known = x->inodes.used;
	uint32_t *value = imap_put(&x->inodes, inode);
	uint32_t last;
	int64_t place;

	if (!value)
		return -1;
	if (x->inodes.used > known) {
		*value = record;
		return 1;
	}
	last = *value & SHARED ? x->shared[*value & ~SHARED].last : *value;
	if (pid_of(o, last) == pid_of(o, record))
		return 0;
	if (*value & SHARED) {
		x->shared[*value & ~SHARED].last = record;
		x->shared[*value & ~SHARED].n++;
		return 1;
	}
	place = new_shared(x, record);
	if (place < 0)
		return -1;
	*value = SHARED | (uint32_t)place;
	return 1;
}

/*
 * Counts what one record holds, and drops from it what its pid is known to hold; but not
 * where descriptors are asked for, which are of use all the same.
 */
static bool count_record(const struct owners *o, struct index *x, uint32_t record)
{
	for (struct span *s = o->records[record]->spans; s; s = s->next) {
		size_t kept = 0;

		for (size_t i = 0; i < s->n; i++) {
			int rc = count(o, x, s->inodes[i], record);

			if (rc < 0)
				return false;
			if (rc > 0 || o->fds)
				span_keep(s, kept++, i);
		}
		span_cut(s, kept);
	}
	return true;
}

/* Is the last one that was entered of the same process? */
static bool is_entered(const struct owners *o, const struct index *x, const struct shared *sh,
		       uint32_t record)
{
	return sh->n && pid_of(o, x->holders[sh->first + sh->n - 1]) == pid_of(o, record);
}

/* Each shared inode's holders in a row, by the order of records. */
static bool place_shared(const struct owners *o, struct index *x, const uint32_t *order)
{
	size_t total = 0;

	for (size_t i = 0; i < x->nshared; i++) {
		x->shared[i].first = total;
		total += x->shared[i].n;
		x->shared[i].n = 0;
	}
	x->holders = malloc((total ? total : 1) * sizeof(*x->holders));
	if (!x->holders)
		return false;
	for (size_t k = 0; total && k < o->n; k++)
		for (const struct span *s = o->records[order[k]]->spans; s; s = s->next)
			for (size_t i = 0; i < s->n; i++) {
				uint32_t value = *imap_get(&x->inodes, s->inodes[i]);
				struct shared *sh = &x->shared[value & ~SHARED];

				if (value & SHARED && !is_entered(o, x, sh, order[k]))
					x->holders[sh->first + sh->n++] = order[k];
			}
	return true;
}

/* By pid, and of one pid the newest first: what it held last stands. */
static int by_pid(const void *a, const void *b, void *arg)
{
	uint32_t ra = *(const uint32_t *)a, rb = *(const uint32_t *)b;
	pid_t pa = pid_of(arg, ra), pb = pid_of(arg, rb);

	return pa != pb ? (pa > pb) - (pa < pb) : (ra < rb) - (ra > rb);
}

/* The index of descriptors, if they are asked for. It may change spans, so it comes last. */
static bool make_uses(const struct owners *o, const uint32_t *order, struct uses *x)
{
	struct record **sorted;
	bool ok;

	*x = (struct uses){ 0 };
	if (!o->fds)
		return true;
	sorted = malloc((o->n ? o->n : 1) * sizeof(struct record *));
	if (!sorted)
		return false;
	for (size_t i = 0; i < o->n; i++)
		sorted[i] = o->records[order[i]];
	ok = uses_make(x, sorted, o->n);
	free(sorted);
	return ok;
}

static bool make_index(struct owners *o)
{
	uint32_t *order = malloc((o->n ? o->n : 1) * sizeof(*order));
	struct index x = { 0 };
	struct uses uses = { 0 };
	bool ok = order != NULL;

	for (size_t i = 0; ok && i < o->n; i++)
		order[i] = (uint32_t)i;
	if (ok)
		qsort_r(order, o->n, sizeof(*order), by_pid, o);
	for (size_t i = 0; ok && i < o->n; i++)
		ok = count_record(o, &x, order[i]);
	ok = ok && place_shared(o, &x, order) && make_uses(o, order, &uses);
	free(order);
	if (!ok) {
		index_free(&x);
		return false;
	}
	index_free(&o->index);
	uses_free(&o->uses);
	o->index = x;
	o->uses = uses;
	return true;
}

/* ---- entering records ------------------------------------------------------------ */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Could both be the same process, run on? Facts that were not asked for do not tell. */
static bool same_process(const struct record *a, const struct record *b)
{
	const struct holder *ha = &a->holder, *hb = &b->holder;

	if (ha->comm_len != hb->comm_len || memcmp(ha->comm, hb->comm, ha->comm_len) != 0)
		return false;
	return !a->told || !b->told ||
	       (same_text(ha->exe, hb->exe) && same_text(ha->cgroup, hb->cgroup));
}

/* Moves r's threads behind those of the record that is known already; false: no memory. */
static bool join_threads(struct record *known, struct record *r)
{
	size_t n = known->nthreads + r->nthreads;
	struct thread *bigger;

	if (r->nthreads == 0)
		return true;
	bigger = reallocarray(known->threads, n, sizeof(*bigger));
	if (!bigger)
		return false;
	memcpy(bigger + known->nthreads, r->threads, r->nthreads * sizeof(*bigger));
	for (struct span *s = r->spans; s; s = s->next)
		s->thread += (uint32_t)known->nthreads;
	known->threads = bigger;
	known->nthreads = n;
	r->nthreads = 0;
	return true;
}

/* Moves what r found to the record that is known already, and frees r. */
static bool join(struct record *known, struct record *r)
{
	struct span **end = &known->spans;

	if (!join_threads(known, r)) {
		record_free(r);
		return false;
	}
	while (*end)
		end = &(*end)->next;
	*end = r->spans;
	r->spans = NULL;
	if (!known->told && r->told) {
		known->holder.exe = r->holder.exe;
		known->holder.cgroup = r->holder.cgroup;
		known->told = true;
		r->holder.exe = r->holder.cgroup = NULL;
	}
	record_free(r);
	return true;
}

/*
 * A pid whose facts are others now is another process, or one that runs another
 * program: what the earlier one held keeps the name that it had then.
 */
static bool enter(struct owners *o, struct record *r)
{
	uint32_t *newest = imap_put(&o->pids, (uint32_t)r->holder.pid);

	if (newest && *newest && same_process(o->records[*newest - 1], r))
		return join(o->records[*newest - 1], r);
	if (newest && o->n == o->size) {
		size_t size = o->size ? 2 * o->size : 64;
		struct record **bigger = realloc(o->records, size * sizeof(struct record *));

		if (bigger) {
			o->records = bigger;
			o->size = size;
		}
	}
	if (!newest || o->n == o->size) {
		record_free(r);
		return false;
	}
	o->records[o->n++] = r;
	*newest = (uint32_t)o->n;
	return true;
}

int owners_add(struct owners *o, struct record *list, bool denied, bool fds)
{
	uint32_t before = o->passes;
	bool ok = true;

	o->denied |= denied;
	o->fds |= fds;
	for (struct record *r = list, *next; r; r = next) {
		next = r->next;
		for (struct span *s = r->spans; s; s = s->next) {
			s->pass += before;
			o->passes = s->pass >= o->passes ? s->pass + 1 : o->passes;
		}
		if (ok)
			ok = enter(o, r);
		else
			record_free(r);
	}
	return ok && make_index(o) ? 0 : -1;
}

/* ---- asking ----------------------------------------------------------------------- */

size_t owners_count(const struct owners *o, uint32_t inode)
{
	const uint32_t *value = imap_get(&o->index.inodes, inode);

	if (!value)
		return 0;
	return *value & SHARED ? o->index.shared[*value & ~SHARED].n : 1;
}

const struct holder *owners_holder(const struct owners *o, uint32_t inode, size_t i)
{
	const struct index *x = &o->index;
	const uint32_t *value = imap_get(&x->inodes, inode);

	if (!value || i >= owners_count(o, inode))
		return NULL;
	if (*value & SHARED)
		return &o->records[x->holders[x->shared[*value & ~SHARED].first + i]]->holder;
	return &o->records[*value]->holder;
}

size_t owners_uses(const struct owners *o, uint32_t inode, size_t *first)
{
	const uint32_t *end = imap_get(&o->uses.ends, inode);
	size_t at = end ? *end : 0;

	while (at > 0 && o->uses.list[at - 1].span->inodes[o->uses.list[at - 1].at] == inode)
		at--;
	*first = at;
	return end ? *end - at : 0;
}

void owners_use(const struct owners *o, size_t number, struct use *out)
{
	const struct used *u = &o->uses.list[number];
	const struct record *r = u->record;
	const struct thread *t =
		u->span->thread < r->nthreads ? &r->threads[u->span->thread] : NULL;
	bool named = t && t->comm;

	*out = (struct use){
		.holder = &r->holder,
		.tid = t ? t->tid : 0,
		.comm = named ? t->comm : r->holder.comm,
		.comm_len = named ? t->comm_len : r->holder.comm_len,
		.fd = u->span->fds ? (int)u->span->fds[u->at] : -1,
		.context = t ? t->context : NULL,
		.sock_context = u->span->contexts ? u->span->contexts[u->at] : NULL,
	};
}

bool owners_denied(const struct owners *o)
{
	return o->denied;
}
