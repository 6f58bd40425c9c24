/* Owns telling a person how a query is answered: what is asked, what is tested here. */
#include "private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_places(FILE *out, const struct query *q)
{
	if (q->place)
		fprintf(out, "namespaces %s\n", netns_name(q->place));
	if (q->nnetns == 0)
		return;
	fprintf(out, "namespaces");
	for (size_t i = 0; i < q->nnetns; i++)
		fprintf(out, "%s %s", i ? "," : "", q->netns[i]);
	fputc('\n', out);
}

/* Does each list that is asked for take the program, if there is one? */
static bool print_dumps(FILE *out, const struct query *q, const struct plan *p, struct env *env)
{
	struct dump_plan *d = calloc(1, sizeof(*d));
	struct scan_request req;
	bool all = true;

	plan_request(p, q, env, &req);
	if (q->input.form && p->nparts)
		fprintf(out, "reads      %s, %s\n", q->input.path,
			q->input.form == INPUT_TEXT ? "a text as /proc/net has it"
						    : "messages of sock_diag");
	for (unsigned i = 0; d && !q->input.form && q->source->dump(&req, i, d); i++) {
		fprintf(out, "asks       %s%s%s\n", d->request.what, d->note[0] ? ", " : "",
			d->note);
		all &= d->filtered || p->prog.len == 0;
		memset(d, 0, offsetof(struct dump_plan, buf));
	}
	if (p->nparts == 0)
		fprintf(out, "asks       nothing: no row can match\n");
	free(d);
	return all;
}

static void print_filter(FILE *out, const struct query *q, const struct plan *p, bool all)
{
	char *text = q->filter ? node_text(q->filter) : NULL;

	if (!text)
		return;
	fprintf(out, "filter     %s\n", text);
	if (p->nparts == 0 || q->input.form)
		;
	else if (p->exact && all)
		fprintf(out, "kernel     passes exactly these rows; each is tested again here\n");
	else if (p->prog.len)
		fprintf(out, "kernel     passes these rows and others; each is tested here\n");
	else
		fprintf(out, "kernel     filters by what is asked only; each row is tested here\n");
	free(text);
}

static void print_last(FILE *out, const struct report *r)
{
	fprintf(out,
		"last run   %" PRIu64 " rows read, %" PRIu64 " matched, %u dumps, %" PRIu64
		" bytes in %" PRIu64 " datagrams, from %s\n",
		r->rows, r->passed, r->stats.dumps, r->stats.nl.bytes, r->stats.nl.datagrams,
		r->source);
	if (r->refused)
		fprintf(out,
			"           the kernel refused the program: rows were filtered here\n");
	if (r->tries > 1)
		fprintf(out, "           asked %u times, as the kernel flagged the answer\n",
			r->tries);
	if (r->held_back)
		fprintf(out, "           the owners of %" PRIu64 " sockets were looked up\n",
			r->held_back);
	if (r->timed)
		fprintf(out, "           %" PRIu64 " came and %" PRIu64 " went meanwhile\n",
			r->came, r->went);
	for (size_t i = 0; i < r->nwarnings; i++)
		fprintf(out, "           %s\n", r->warnings[i]);
}

static void print_fields(FILE *out, const struct query *q)
{
	if (q->ntests)
		fprintf(out, "functions  %zu of Lua, each row\n", q->ntests);
	for (size_t i = 0; i < q->ndistinct; i++)
		fprintf(out, "%s%s%s", i ? ", " : "distinct   ", q->distinct[i]->name,
			i + 1 < q->ndistinct ? "" : "\n");
	for (size_t i = 0; i < q->nsort; i++)
		fprintf(out, "%s%s%s%s", i ? ", " : "sort       ", q->sort[i].down ? "-" : "",
			q->sort[i].field->name, i + 1 < q->nsort ? "" : "\n");
	if (q->limit != NO_LIMIT)
		fprintf(out, "limit      %" PRId64 "%s\n", q->limit,
			q->nsort ? ": no more rows are kept" : "");
}

static void print_owners(FILE *out, const struct plan *p)
{
	if (p->needs & NEED_OWNER)
		fprintf(out,
			"owners     /proc is read once these rows are there, and once more for "
			"those left\n");
}

/* An env for the plan: names of devices are those of the first namespace that is asked. */
static struct env *plan_env(const struct query *q)
{
	struct netns *ns = NULL;
	struct nl_error err;

	if (q->place)
		ns = netns_ref(q->place);
	else if (q->nnetns && !place_is_pattern(q->netns[0]))
		netns_open(q->netns[0], &ns, &err); /* a run will tell if there is none */
	return env_new(ns);
}

static const char *how_often(const struct query *q)
{
	if (q->source->flags & SOURCE_TWICE)
		return ", read whole, twice, for a single list can miss rows";
	if (q->source->flags & SOURCE_WHOLE)
		return ", read whole";
	return q->consistent ? ", asked twice, and a third time if the answers differ" : "";
}

/* A query over the kernel's rows. False: no memory. */
static bool print_kernel(FILE *out, const struct query *q, uint32_t needs)
{
	struct env *env = plan_env(q);
	struct plan *p = calloc(1, sizeof(*p));
	bool ok = env && p && plan_make(q, needs, env, p);

	if (ok) {
		fprintf(out, "source     %s%s\n", q->source->name, how_often(q));
		print_places(out, q);
		print_filter(out, q, p, print_dumps(out, q, p, env));
		print_owners(out, p);
		print_fields(out, q);
	}
	free(p);
	env_unref(env);
	return ok;
}

/* From the kernel up: each stage below what it is made of. */
static bool print_query(FILE *out, const struct query *q, uint32_t needs)
{
	char *filter;

	if (!q->from)
		return print_kernel(out, q, needs);
	if (!print_query(out, q->from->input, q->from->ops->needs(q->from)))
		return false;
	if (q->from->other && !print_query(out, q->from->other, 0))
		return false;
	q->from->ops->describe(q->from, out);
	filter = q->filter ? node_text(q->filter) : NULL;
	if (filter)
		fprintf(out, "filter     %s\n", filter);
	free(filter);
	print_fields(out, q);
	return true;
}

char *query_explain(struct query *q, const struct report *last, struct nl_error *err)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	bool ok = out && print_query(out, q, 0);

	if (ok && last)
		print_last(out, last);
	if (out && fclose(out) != 0)
		ok = false;
	if (ok)
		return text;
	free(text);
	query_no_memory(err);
	return NULL;
}
