/*
 * Owns rows that the kernel tells as they end: in each namespace of the query a
 * socket listens from the moment the run is opened, and what was lost is told.
 */
#include "private.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

struct ear {
	struct nl_listen *listen;
	struct env *env;
};

struct ends_feed {
	struct feed feed;
	struct places *places;
	struct end_plan plan;
	struct ear *ears;
	struct nl_listen **listens; /* of the ears, to wait for */
	size_t n, at;		    /* the one that is asked next */
	uint64_t rows, lost;
	bool failed, told; /* told: that some were lost */
};

/* The request of the query there: what its conditions leave decides on the groups. */
static int listen_in(struct ends_feed *e, struct env *env, struct nl_error *err)
{
	const struct source *s = e->feed.query->source;
	struct ear *ear = &e->ears[e->n];
	struct plan *plan = malloc(sizeof(*plan));
	int rc = -1;

	if (!plan || !plan_make(e->feed.query, 0, env, plan))
		query_no_memory(err);
	else
		rc = s->ends(&plan->parts, &e->plan, err);
	free(plan);
	if (rc < 0 || nl_listen_open(&ear->listen, e->plan.bus, e->plan.groups, e->plan.n,
				     env_netns_fd(env), e->plan.what, err) < 0)
		return -1;
	ear->env = env_ref(env);
	e->listens[e->n++] = ear->listen;
	return 0;
}

static int open_all(struct ends_feed *e, struct nl_error *err)
{
	size_t n = places_count(e->places);

	e->ears = calloc(n + 1, sizeof(*e->ears));
	e->listens = calloc(n + 1, sizeof(struct nl_listen *));
	if (!e->ears || !e->listens)
		return query_no_memory(err);
	for (size_t i = 0; i < n; i++) {
		struct env *env;
		int rc = places_enter(e->places, i, &env, err);

		if (rc < 0 || (rc > 0 && listen_in(e, env, err) < 0))
			return -1;
	}
	if (e->n == 0)
		return nl_fail(err, ENOENT, "there is no namespace to listen in");
	return 0;
}

/* Is the message a row that matches? A row has all that it will ever have: its object is gone. */
static bool take(const struct ends_feed *e, const struct ear *ear, const struct nlmsghdr *msg,
		 struct row *row)
{
	const struct node *filter = e->feed.query->filter;
	struct timespec t;

	if (msg->nlmsg_type != e->plan.type ||
	    msg->nlmsg_len < NLMSG_HDRLEN + e->plan.shape->header)
		return false;
	*row = (struct row){ .source = e->feed.query->source,
			     .env = ear->env,
			     .msg = msg,
			     .shape = e->plan.shape,
			     .asked = ~(uint32_t)NEED_OWNERS };
	if (!e->plan.tag(msg, &row->tag))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &t);
	row->when = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	return !filter || node_match(filter, row);
}

/* The next row that is there; 0: none is. */
static int take_next(struct ends_feed *e, struct row *row, struct nl_error *err)
{
	for (size_t quiet = 0; quiet < e->n;) {
		const struct ear *ear = &e->ears[e->at];
		const struct nlmsghdr *msg;
		int rc = nl_listen_next(ear->listen, &msg, err);

		if (rc < 0)
			return -1;
		if (rc == 0) {
			quiet++;
			e->at = (e->at + 1) % e->n;
			continue;
		}
		quiet = 0;
		if (rc == NL_LISTEN_LOST) {
			e->lost++;
			continue;
		}
		e->rows++;
		if (take(e, ear, msg, row)) {
			e->at = (e->at + 1) % e->n; /* the others have their turn */
			return 1;
		}
	}
	return 0;
}

static int ends_next(struct feed *f, struct row *row, struct nl_error *err)
{
	struct ends_feed *e = (struct ends_feed *)f;
	int rc;

	if (e->failed)
		return nl_fail(err, EINVAL, "listening has failed before");
	while ((rc = take_next(e, row, err)) == 0) {
		/* the next row may be long in coming */
		if (e->lost > 0 && !e->told) {
			e->told = true;
			return nl_fail(err, EAGAIN, "some %s were lost", e->plan.what);
		}
		if ((rc = nl_listen_wait(e->listens, e->n, -1, err)) < 0)
			break;
	}
	e->failed = rc < 0;
	return rc;
}

static void ends_calls(struct feed *f, const struct calls *calls)
{
	(void)f;
	(void)calls;
}

static void ends_widen(struct feed *f, const struct source *s, uint32_t needs)
{
	(void)f;
	(void)s;
	(void)needs;
}

static void ends_report(const struct feed *f, struct report *out)
{
	const struct ends_feed *e = (const struct ends_feed *)f;
	uint64_t foreign = 0;

	out->rows += e->rows;
	for (size_t i = 0; i < e->n; i++)
		foreign += nl_listen_foreign(e->ears[i].listen);
	out->stats.nl.foreign += foreign;
	if (e->lost > 0) {
		out->complete = false;
		report_warn(out, "%s came faster than they were taken: some were lost",
			    e->plan.what);
	}
	places_report(e->places, out);
}

static void ends_close(struct feed *f)
{
	struct ends_feed *e = (struct ends_feed *)f;

	for (size_t i = 0; i < e->n; i++) {
		nl_listen_close(e->ears[i].listen);
		env_unref(e->ears[i].env);
	}
	free(e->ears);
	free(e->listens);
	places_free(e->places);
	feed_free(&e->feed);
}

static const struct feed_ops ends_ops = {
	.next = ends_next,
	.calls = ends_calls,
	.widen = ends_widen,
	.report = ends_report,
	.close = ends_close,
};

struct feed *ends_feed(struct query *q, struct nl_error *err)
{
	struct ends_feed *e = feed_new(&ends_ops, q, sizeof(*e), err);

	if (!e)
		return NULL;
	e->places = places_open(q, err);
	if (e->places && open_all(e, err) == 0)
		return &e->feed;
	ends_close(&e->feed);
	return NULL;
}
