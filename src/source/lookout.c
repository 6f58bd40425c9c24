/*
 * Owns what is known of the processes that hold the sockets of a run, and when
 * it is looked up: in order by whoever gives rows out (env_scan_owners), or at
 * once when a row that did not come that way is asked for its owner.
 */
#include "private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Shared by the envs of a run. */
struct lookout {
	unsigned refs;
	struct owners *owners;	 /* of those that the conditions let pass */
	struct owners *everyone; /* all of them, when the above was restricted */
	bool restricted;	 /* some processes were not looked at */
	bool facts;		 /* exe and cgroup were read */
	double ended, took;	 /* the last pass, in seconds */
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

	if (l)
		l->refs = 1;
	return l;
}

void lookout_unref(struct lookout *l)
{
	if (!l || --l->refs > 0)
		return;
	owners_free(l->owners);
	owners_free(l->everyone);
	free(l);
}

void env_share_owners(struct env *e, struct env *with)
{
	struct lookout *l = *env_lookout(with);

	lookout_unref(*env_lookout(e));
	*env_lookout(e) = l;
	l->refs++;
}

const struct owners *env_owners(const struct env *e)
{
	return (*env_lookout((struct env *)(uintptr_t)e))->owners;
}

static int pass(struct lookout *l, struct owners **into, const struct owners_request *req,
		struct nl_error *err)
{
	double began = now();
	int rc;

	if (!*into)
		*into = owners_new();
	if (!*into)
		return source_fail(err, ENOMEM, "out of memory");
	rc = owners_scan(*into, req, err);
	l->ended = now();
	l->took = l->ended - began;
	return rc;
}

/* ---- what conditions say of the processes to look at ------------------------------- */

struct scope {
	const struct cond *const *conds;
	size_t n;
};

static bool is_owner_text(const struct cond *c)
{
	return c->field->get == get_comm;
}

/* Called by several threads: asks nothing but the conditions. */
static bool accept_comm(const char *comm, size_t len, void *arg)
{
	const struct scope *scope = arg;
	struct value v = { .kind = VALUE_TEXT };

	v.text.p = comm;
	v.text.len = len;
	for (size_t i = 0; i < scope->n; i++)
		if (is_owner_text(scope->conds[i]) && scope->conds[i]->op == OP_EQ &&
		    !cond_match_value(scope->conds[i], &v))
			return false;
	return true;
}

/* Presence and absence say nothing of a single process. */
static bool restricts(const struct cond *c)
{
	if (c->op != OP_EQ || c->n == 0)
		return false;
	for (size_t i = 0; i < c->n; i++)
		if (c->operands[i].kind == OPERAND_PRESENT)
			return false;
	return true;
}

/* Single pids of a condition as a list; NULL and *n 0 when it has ranges. */
static int64_t *pids_of(const struct cond *c, size_t *n)
{
	int64_t *list = malloc(c->n * sizeof(*list));

	*n = 0;
	for (size_t i = 0; list && i < c->n; i++) {
		if (c->operands[i].kind != OPERAND_VALUE || c->operands[i].lo.kind != VALUE_INT) {
			free(list);
			*n = 0;
			return NULL;
		}
		list[(*n)++] = c->operands[i].lo.num;
	}
	return list;
}

int env_scan_owners(struct env *e, const struct owners_request *what,
		    const struct cond *const *conds, size_t n, struct nl_error *err)
{
	struct lookout *l = *env_lookout(e);
	struct owners_request req = *what;
	struct scope scope = { conds, 0 };
	int64_t *pids = NULL;
	int rc;

	/* a member that restricts nothing is passed over by accept_comm, too */
	for (size_t i = 0; i < n; i++) {
		if (!restricts(conds[i]))
			continue;
		if (is_owner_text(conds[i]))
			req.accept = accept_comm;
		if (conds[i]->field->get == get_pid && !pids)
			pids = pids_of(conds[i], &req.npids);
	}
	scope.n = n;
	req.arg = &scope;
	req.pids = pids;
	l->restricted |= req.accept || pids;
	l->facts |= req.facts;
	rc = pass(l, &l->owners, &req, err);
	free(pids);
	return rc;
}

/* ---- rows that nobody looked up in order --------------------------------------------- */

/*
 * Looks at all processes now. One that was not found just now is not looked for
 * again before ten times as long has gone as a look takes, so that many such
 * questions cost a tenth of the time.
 */
static void look_now(struct lookout *l, struct owners **into, uint32_t inode)
{
	struct owners_request req = { .facts = true };
	struct nl_error err;

	if (*into && (owners_count(*into, inode) || now() - l->ended < 10 * l->took))
		return;
	if (into == &l->owners && !*into)
		l->facts = true;
	pass(l, into, &req, &err); /* what it could not read is not known */
}

const struct owners *row_owners(const struct row *row, const struct field *f, uint32_t inode)
{
	struct lookout *l = *env_lookout(row->env);
	uint32_t missing = f->needs & ~row->asked;

	/* another machine's, or another time's */
	if (nl_replay_loaded())
		return NULL;
	if ((missing & NEED_HOLDERS && l->restricted) ||
	    (missing & NEED_FACTS && l->owners && !l->facts)) {
		look_now(l, &l->everyone, inode);
		return l->everyone;
	}
	if (!(row->asked & NEED_OWNER))
		look_now(l, &l->owners, inode);
	return l->owners;
}
