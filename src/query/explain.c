/* Owns telling a person how a query is answered: what is asked, what is tested here. */
#include "connsh/query.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void print_places(FILE *out, const struct query *q)
{
	if (q->nnetns == 0)
		return;
	fprintf(out, "namespaces");
	for (size_t i = 0; i < q->nnetns; i++)
		fprintf(out, "%s %s", i ? "," : "", q->netns[i]);
	fputc('\n', out);
}

static void print_dumps(FILE *out, const struct query *q, const struct plan *p, struct env *env)
{
	struct scan_request req = {
		.env = env,
		.parts = p->parts,
		.needs = p->needs,
		.prog = p->prog.len ? &p->prog : NULL,
	};
	struct dump_plan *d = calloc(1, sizeof(*d));

	for (unsigned i = 0; d && q->source->dump(&req, i, d); i++)
		fprintf(out, "asks       %s%s%s\n", d->request.what, d->note[0] ? ", " : "",
			d->note);
	if (p->nparts == 0)
		fprintf(out, "asks       nothing: no row can match\n");
	free(d);
}

static void print_filter(FILE *out, const struct query *q, const struct plan *p)
{
	char *text = q->filter ? node_text(q->filter) : NULL;

	if (!text)
		return;
	fprintf(out, "filter     %s\n", text);
	if (p->nparts == 0)
		;
	else if (p->exact)
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
	for (size_t i = 0; i < r->nwarnings; i++)
		fprintf(out, "           %s\n", r->warnings[i]);
}

char *query_explain(struct query *q, const struct report *last, struct nl_error *err)
{
	struct env *env = env_new(NULL);
	struct plan *p = calloc(1, sizeof(*p));
	char *text = NULL;
	size_t len;
	FILE *out = env && p && plan_make(q, 0, env, p) ? open_memstream(&text, &len) : NULL;

	if (out) {
		fprintf(out, "source     %s\n", q->source->name);
		print_places(out, q);
		print_dumps(out, q, p, env);
		print_filter(out, q, p);
		if (q->ndistinct)
			fprintf(out, "distinct   ");
		for (size_t i = 0; i < q->ndistinct; i++)
			fprintf(out, "%s%s", q->distinct[i]->name,
				i + 1 < q->ndistinct ? ", " : "\n");
		if (q->limit != NO_LIMIT)
			fprintf(out, "limit      %" PRId64 "\n", q->limit);
		if (last)
			print_last(out, last);
		if (fclose(out) != 0) {
			free(text);
			text = NULL;
		}
	}
	if (!text) {
		err->code = ENOMEM;
		snprintf(err->text, sizeof(err->text), "out of memory");
	}
	free(p);
	env_unref(env);
	return text;
}
