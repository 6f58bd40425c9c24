/*
 * Owns what is known of the processes that hold the sockets of a run, and when
 * it is looked up: in order by whoever gives rows out (env_scan_owners), or at
 * once when a row that did not come that way is asked for its owner.
 */
#include "private.h"

#include "connsh/recording.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What passes over /proc have found. */
struct table {
	struct owners *owners; /* NULL before the first pass */
	bool facts;	       /* with exe and cgroup of all */
	bool fds;	       /* with all descriptors */
	double ended, took;    /* the last look, in seconds */
	bool failed;
	struct nl_error err; /* of the last look, when it failed */
};

/* Shared by the envs of a run. */
struct lookout {
	unsigned refs;
	struct table chosen;   /* of the processes that a condition names, else of all */
	struct table everyone; /* of all of them, when the above is restricted */
	struct table detailed; /* with descriptors, when they are asked for behind the others */
	bool restricted;
	bool threads, contexts; /* as in struct owners_request: tasks, contexts */
	int hidden;		/* owners_hidden, or -1: not asked yet */
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct lookout *lookout_new(void)
{
	struct lookout *l = calloc(1, sizeof(*l));

	if (l) {
		l->refs = 1;
		l->hidden = -1;
	}
	return l;
}

void lookout_unref(struct lookout *l)
{
	if (!l || --l->refs > 0)
		return;
	owners_free(l->chosen.owners);
	owners_free(l->everyone.owners);
	owners_free(l->detailed.owners);
	free(l);
}

void env_share_owners(struct env *e, struct env *with)
{
	struct lookout *l = *env_lookout(with);

	lookout_unref(*env_lookout(e));
	*env_lookout(e) = l;
	l->refs++;
}

void env_detail_owners(struct env *e, bool threads, bool contexts)
{
	struct lookout *l = *env_lookout(e);

	l->threads = threads;
	l->contexts = contexts;
}

static const struct lookout *lookout_of(const struct env *e)
{
	return *env_lookout((struct env *)(uintptr_t)e);
}

static int pass(const struct lookout *l, struct table *t, struct owners_request *req,
		struct nl_error *err)
{
	double began = now();
	int rc;

	/* what is in a table has facts, or it has not, and descriptors */
	if (!t->owners) {
		t->owners = owners_new();
		t->facts = req->facts;
		t->fds = req->fds;
	}
	if (!t->owners)
		return nl_fail(err, ENOMEM, "out of memory");
	req->facts |= t->facts;
	req->fds = t->fds;
	req->tasks = t->fds && l->threads;
	req->contexts = t->fds && l->contexts;
	rc = owners_scan(t->owners, req, err);
	t->ended = now();
	t->took = t->ended - began;
	return rc;
}

static bool knows(const struct table *t, uint32_t inode)
{
	return t->owners && owners_count(t->owners, inode) > 0;
}

bool env_tells_owners(void)
{
	return !nl_replay_loaded() || nl_replay_pass() >= 0;
}

bool env_owners_looked(const struct env *e)
{
	return lookout_of(e)->chosen.owners != NULL;
}

bool env_owner_known(const struct env *e, uint32_t inode, uint32_t needs)
{
	const struct lookout *l = lookout_of(e);

	if (!knows(&l->chosen, inode))
		return false;
	return !l->restricted || !(needs & NEED_HOLDERS) || knows(&l->everyone, inode);
}

bool env_peer_known(const struct env *e, uint32_t inode)
{
	const struct lookout *l = lookout_of(e);

	return knows(l->restricted ? &l->everyone : &l->chosen, inode);
}

/* Was a process met that may not be looked into, or does /proc not show all that matter? */
static bool hidden(struct lookout *l, const struct owners *o)
{
	if (owners_denied(o))
		return true;
	if (l->hidden < 0)
		l->hidden = owners_hidden();
	return l->hidden;
}

enum owner_hidden env_owner_hidden(const struct env *e, uint32_t inode)
{
	struct lookout *l = *env_lookout((struct env *)(uintptr_t)e);

	if (!l->chosen.owners || knows(&l->chosen, inode) || knows(&l->everyone, inode))
		return OWNER_NOT_HIDDEN;
	if (!hidden(l, l->chosen.owners))
		return OWNER_NOT_HIDDEN;
	return l->restricted && !l->everyone.owners ? OWNER_HIDDEN_BY_NAME : OWNER_HIDDEN;
}

/* ---- what a condition says of the processes to look at ------------------------------ */

/* Called by several threads: asks nothing but the condition. */
static bool accept_comm(const char *comm, size_t len, void *arg)
{
	struct value v = { .kind = VALUE_TEXT };

	v.text.p = comm;
	v.text.len = len;
	return cond_match_value(arg, &v);
}

/* Presence and absence say nothing of a single process, and != asks all of them. */
static bool restricts(const struct cond *c)
{
	if (c->op != OP_EQ || c->n == 0)
		return false;
	for (size_t i = 0; i < c->n; i++)
		if (c->operands[i].kind == OPERAND_PRESENT)
			return false;
	return true;
}

/* Single pids of a condition as a list; NULL when it has ranges, or without memory. */
static int64_t *pids_of(const struct cond *c)
{
	int64_t *list = malloc(c->n * sizeof(*list));

	for (size_t i = 0; list && i < c->n; i++) {
		if (c->operands[i].kind != OPERAND_VALUE || c->operands[i].lo.kind != VALUE_INT) {
			free(list);
			return NULL;
		}
		list[i] = c->operands[i].lo.num;
	}
	return list;
}

/* Is one of them a process that /proc does not show (hidepid, proc(5))? */
static bool any_hidden(const int64_t *pids, size_t n)
{
	if (nl_replay_loaded())
		return owners_hidden();
	for (size_t i = 0; i < n; i++) {
		char path[32];

		if (pids[i] <= 0 || pids[i] > INT_MAX)
			continue;
		snprintf(path, sizeof(path), "/proc/%d", (int)pids[i]);
		if (kill((pid_t)pids[i], 0) < 0 && errno == EPERM && access(path, F_OK) < 0)
			return true;
	}
	return false;
}

int env_scan_owners(struct env *e, const struct owners_request *req, const struct cond *only,
		    uint32_t needs, struct nl_error *err)
{
	struct lookout *l = *env_lookout(e);
	struct owners_request chosen = *req, everyone = *req;
	int64_t *pids = NULL;
	int rc;

	if (only && restricts(only) && only->field->get == get_comm) {
		chosen.accept = accept_comm;
		chosen.arg = (void *)(uintptr_t)only;
	} else if (only && restricts(only) && only->field->get == get_pid) {
		pids = pids_of(only);
		chosen.pids = pids;
		chosen.npids = pids ? only->n : 0;
		if (pids)
			l->hidden = any_hidden(pids, only->n);
	}
	if (chosen.accept || pids) {
		l->restricted = true;
		/* of these processes only: there is no asking for facts of others later */
		chosen.facts = true;
	}
	chosen.facts |= (needs & NEED_FACTS) != 0;
	everyone.fds = (needs & NEED_FDS) != 0;
	chosen.fds = everyone.fds && !l->restricted;
	rc = pass(l, &l->chosen, &chosen, err);
	/* processes that are not even shown: what is held by others is held by none of them */
	if (chosen.accept && hidden(l, l->chosen.owners) && !owners_denied(l->chosen.owners))
		needs |= NEED_HOLDERS;
	if (rc == 0 && l->restricted && needs & (NEED_HOLDERS | NEED_PEER))
		rc = pass(l, &l->everyone, &everyone, err);
	free(pids);
	return rc;
}

/* ---- rows that nobody looked up in order --------------------------------------------- */

/*
 * Looks at all processes now, and once more if that did not find the socket: a
 * descriptor may move from one process to another behind the first look. One
 * that was not found just now is not looked for again before ten times as long
 * has gone as a look takes, so that many such questions cost a tenth of the time.
 */
static void look_now(const struct lookout *l, struct table *t, uint32_t inode)
{
	struct owners_request req = { .facts = true, .fds = t == &l->detailed };
	double began = now();

	if (t->failed ? began - t->ended < 1 : t->owners && began - t->ended < 10 * t->took)
		return;
	t->failed = pass(l, t, &req, &t->err) < 0;
	if (!t->failed && !knows(t, inode))
		t->failed = pass(l, t, &req, &t->err) < 0;
	t->took = t->ended - began;
}

const struct owners *row_owners(const struct row *row, const struct field *f, uint32_t inode)
{
	struct lookout *l = *env_lookout(row->env);
	struct table *t = &l->chosen;
	/* whoever a condition names, these are of all processes */
	uint32_t all = f->needs & (NEED_HOLDERS | NEED_PEER);
	bool looked = row->asked & NEED_OWNER;

	if (!env_tells_owners())
		return NULL;
	if (f->needs & NEED_PEER)
		looked = row->asked & NEED_PEER;
	if (l->restricted && all) {
		t = &l->everyone;
		looked = row->asked & all;
	} else if (f->needs & NEED_FACTS && t->owners && !t->facts) {
		t = &l->everyone;
		looked = false;
	}
	if (f->needs & NEED_FDS && !t->fds) {
		t = &l->detailed;
		looked = false;
	}
	if (!looked && !knows(t, inode))
		look_now(l, t, inode);
	return t->failed && !knows(t, inode) ? NULL : t->owners;
}

bool row_owners_hidden(const struct row *row, const struct owners *o)
{
	return hidden(*env_lookout(row->env), o);
}

const struct nl_error *env_owners_error(const struct env *e)
{
	const struct lookout *l = lookout_of(e);
	const struct nl_error *err;

	/* a row that holds others' rows asks in their envs */
	for (uint32_t i = 0; i < env_nheld(e); i++)
		if ((err = env_owners_error(env_held(e, i))) != NULL)
			return err;

	if (l->chosen.failed)
		return &l->chosen.err;
	if (l->detailed.failed)
		return &l->detailed.err;
	return l->everyone.failed ? &l->everyone.err : NULL;
}
