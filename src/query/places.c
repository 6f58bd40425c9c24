/*
 * Owns where a run asks: which namespaces its query names, by name or by pattern,
 * in which order, and which of them could not be entered. A namespace is entered
 * when its turn comes, so hundreds of them do not need hundreds of descriptors.
 */
#include "private.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One that was named is opened at once; of one that was found only its entry is known. */
struct spot {
	struct env *env;
	const struct netns_entry *entry; /* NULL: named, or here */
};

struct places {
	struct spot *list;
	size_t n;
	struct netns_list found;
	struct env *shared; /* whose look at owners all use */
	size_t missed;
	char missing[160];  /* names of those that could not be entered, and why */
	char lacks[200];    /* what an env could not tell, empty: nothing */
	char withheld[200]; /* what was kept from it, though it is whole */
};

static struct spot *add(struct places *p)
{
	struct spot *list = reallocarray(p->list, p->n + 1, sizeof(*list));

	if (!list)
		return NULL;
	p->list = list;
	memset(&list[p->n], 0, sizeof(*list));
	return &list[p->n++];
}

/* All envs of a run share what is known of owners. */
static struct env *new_env(struct places *p, struct netns *ns)
{
	struct env *env = env_new(ns);

	if (env && p->shared)
		env_share_owners(env, p->shared);
	else if (env)
		p->shared = env_ref(env);
	return env;
}

/* Is it asked already, under whatever name? Rows of it would come twice. */
static bool is_listed(const struct places *p, uint64_t inode)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct spot *s = &p->list[i];

		if (s->entry ? s->entry->inode == inode
			     : env_netns(s->env) && netns_inode(env_netns(s->env)) == inode)
			return true;
	}
	return false;
}

static int add_one(struct places *p, struct netns *ns, struct nl_error *err)
{
	struct spot *spot;

	if (ns && is_listed(p, netns_inode(ns))) {
		netns_unref(ns);
		return 0;
	}
	spot = add(p);
	if (!spot) {
		netns_unref(ns);
		return query_no_memory(err);
	}
	spot->env = new_env(p, ns);
	return spot->env ? 0 : query_no_memory(err);
}

/* ---- patterns ---------------------------------------------------------------------- */

/* A namespace without a name is found by "*" only. */
static bool entry_matches(const struct netns_entry *e, const char *pattern)
{
	if (strcmp(pattern, "*") == 0)
		return true;
	for (size_t i = 0; i < e->nnames; i++)
		if (fnmatch(pattern, e->names[i], 0) == 0)
			return true;
	return false;
}

static int add_pattern(struct places *p, const char *pattern, struct nl_error *err)
{
	bool any = false;

	if (!p->found.list && netns_list_read(&p->found, err) < 0)
		return -1;
	for (size_t i = 0; i < p->found.n; i++) {
		const struct netns_entry *e = &p->found.list[i];
		struct spot *spot;

		if (!entry_matches(e, pattern))
			continue;
		any = true;
		if (is_listed(p, e->inode))
			continue;
		spot = add(p);
		if (!spot)
			return query_no_memory(err);
		spot->entry = e;
	}
	if (!any)
		return nl_fail(err, ENOENT, "no network namespace has a name like \"%.80s\"",
			       pattern);
	return 0;
}

bool place_is_pattern(const char *spec)
{
	return strpbrk(spec, "*?[") != NULL;
}

static int add_spec(struct places *p, const char *spec, struct nl_error *err)
{
	struct netns *ns;

	if (place_is_pattern(spec))
		return add_pattern(p, spec, err);
	return netns_open(spec, &ns, err) < 0 ? -1 : add_one(p, ns, err);
}

/* ---- the list ------------------------------------------------------------------------ */

struct places *places_open(const struct query *q, struct nl_error *err)
{
	struct places *p = calloc(1, sizeof(*p));
	int rc = 0;

	if (!p) {
		query_no_memory(err);
		return NULL;
	}
	if (q->place)
		rc = add_one(p, netns_ref(q->place), err);
	else if (q->nnetns == 0)
		rc = add_one(p, NULL, err);
	for (size_t i = 0; rc == 0 && i < q->nnetns; i++)
		rc = add_spec(p, q->netns[i], err);
	if (rc == 0)
		return p;
	places_free(p);
	return NULL;
}

size_t places_count(const struct places *p)
{
	return p->n;
}

/* As many names as there is room for. */
static void note_missing(struct places *p, const struct netns_entry *e, const struct nl_error *err)
{
	char name[NETNS_NAME_MAX];
	size_t at = strlen(p->missing);

	p->missed++;
	if (at < sizeof(p->missing) - 1)
		snprintf(p->missing + at, sizeof(p->missing) - at, "%s%.60s (%.60s)",
			 at ? ", " : "", netns_entry_name(e, name), err->text);
}

int places_enter(struct places *p, size_t i, struct env **env, struct nl_error *err)
{
	struct spot *spot = &p->list[i];
	struct netns *ns;

	if (!spot->env) {
		if (netns_open_entry(spot->entry, &ns, err) < 0) {
			if (err->code == ENOMEM || err->code == EMFILE || err->code == ENFILE)
				return -1;
			note_missing(p, spot->entry, err);
			return 0;
		}
		spot->env = new_env(p, ns);
		if (!spot->env)
			return query_no_memory(err);
	}
	*env = spot->env;
	return 1;
}

static void take_notes(const struct env *env, const char **lacks, const char **withheld)
{
	if (env && !*lacks)
		*lacks = env_lacks(env);
	if (env && !*withheld)
		*withheld = env_withheld(env);
}

/* Rows that are kept keep it open. */
void places_leave(struct places *p, size_t i)
{
	struct spot *spot = &p->list[i];
	const char *lacks = NULL, *withheld = NULL;

	if (!spot->env)
		return;
	take_notes(spot->env, &lacks, &withheld);
	/* they are the env's */
	if (withheld && !p->withheld[0])
		snprintf(p->withheld, sizeof(p->withheld), "%s", withheld);
	if (lacks && !p->lacks[0])
		snprintf(p->lacks, sizeof(p->lacks), "%s", lacks);
	env_unref(spot->env);
	spot->env = NULL;
}

void places_report(const struct places *p, struct report *out)
{
	const char *lacks = p->lacks[0] ? p->lacks : NULL,
		   *withheld = p->withheld[0] ? p->withheld : NULL;

	for (size_t i = 0; i < p->n; i++)
		take_notes(p->list[i].env, &lacks, &withheld);
	if (withheld)
		report_warn(out, "%s", withheld);
	if (lacks) {
		out->complete = false;
		out->flagged = true;
		report_warn(out, "%s", lacks);
	}
	if (p->missed) {
		out->complete = false;
		report_warn(out, "%zu network namespace%s could not be entered: %s", p->missed,
			    p->missed == 1 ? "" : "s", p->missing);
	}
	/* what cannot be seen cannot be entered: the answer is of those that can */
	if (p->found.hidden)
		report_warn(out, "the network namespaces of some processes could not be looked "
				 "up: there may be more of them");
}

void places_free(struct places *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		env_unref(p->list[i].env);
	free(p->list);
	env_unref(p->shared);
	netns_list_free(&p->found);
	free(p);
}
