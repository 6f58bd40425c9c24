/*
 * Owns rates: two dumps some time apart, what was there both times matched by
 * its key, the growth of its counters over the true time between the two looks
 * at it. A row is the second dump's, with one attribute more that holds the
 * rates, so it has all fields of its source.
 */
#include "private.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The last that a row can have; no source has as many of its own. */
#define RATE_ATTR 0x3fff /* that no kernel uses */

#define FIELD_COUNTERS_MAX 64

struct rate {
	struct derivation d;
	double seconds;
	size_t n;
	const struct field **counters; /* of the input's source */
};

/* The source of the rows: that of the input, and the rates. */
struct rate_source {
	struct source source;
	const struct source *base;
	size_t n; /* rates */
	char **names, **docs;
	char *doc;
	struct field fields[];
};

struct rate_feed {
	struct feed feed;
	const struct calls *calls;
	uint32_t inner; /* needs of the dumps */
	struct cursor *first, *second;
	struct report before; /* of the first dump */
	struct keyset seen;
	double *samples; /* by number of the key: time, then the counters */
	size_t room;
	uint64_t matched, came;
	bool ended;	     /* the second dump came to its end */
	double began, again; /* when the two dumps began */
	unsigned char *buf;
	size_t size;
};

static const struct rate *rate_of(const struct query *q)
{
	return (const struct rate *)q->from;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sample(const struct rate *r, const struct row *row, double *out)
{
	/* a row may have been held back since it came, while its owner was looked for */
	out[0] = row->when;
	for (size_t i = 0; i < r->n; i++) {
		struct value v;

		if ((r->counters[i]->grows && !r->counters[i]->grows(row)) ||
		    !field_get(r->counters[i], row, &v))
			out[i + 1] = NAN;
		else
			out[i + 1] = v.kind == VALUE_FLOAT ? v.real : (double)v.num;
	}
}

/* ---- the first dump ------------------------------------------------------------------- */

static double *room_for(struct rate_feed *f, size_t number, size_t width)
{
	if (number >= f->room) {
		size_t room = f->room ? f->room * 2 : 256;
		double *samples = realloc(f->samples, room * width * sizeof(*samples));

		if (!samples)
			return NULL;
		f->samples = samples;
		f->room = room;
	}
	return f->samples + number * width;
}

/* By namespace and key: the key alone may be one of several namespaces. */
static size_t make_key(const struct row *row, unsigned char out[80])
{
	uint64_t key = row->source->key(row);
	const char *ns = env_netns_name(row->env);
	size_t n = ns ? strlen(ns) : 0;

	n = n > 64 ? 64 : n;
	memcpy(out, &key, sizeof(key));
	memcpy(out + sizeof(key), ns ? ns : "", n);
	return sizeof(key) + n;
}

static int read_first(struct rate_feed *f, struct nl_error *err)
{
	const struct rate *r = rate_of(f->feed.query);
	unsigned char key[80];
	struct row row;
	int rc;

	f->began = now();
	while ((rc = cursor_next(f->first, &row, err)) > 0) {
		bool fresh;
		ptrdiff_t number = keyset_add(&f->seen, key, make_key(&row, key), &fresh);
		double *at = number < 0 ? NULL : room_for(f, (size_t)number, r->n + 1);

		if (!at)
			return query_no_memory(err);
		sample(r, &row, at);
	}
	cursor_report(f->first, &f->before);
	cursor_close(f->first);
	f->first = NULL;
	return rc;
}

/* Until the interval is over, counted from the start of the first dump. */
static int wait_for_second(const struct rate_feed *f, struct nl_error *err)
{
	double left;

	fflush(stdout); /* what was printed before a wait should be seen */
	while ((left = f->began + rate_of(f->feed.query)->seconds - now()) > 0) {
		struct timespec t = { .tv_sec = (time_t)left };

		t.tv_nsec = (long)((left - floor(left)) * 1e9);
		if (nl_cancel)
			return nl_fail(err, ECANCELED, "interrupted");
		nanosleep(&t, NULL);
	}
	return nl_cancel ? nl_fail(err, ECANCELED, "interrupted") : 0;
}

/* ---- the second dump --------------------------------------------------------------------- */

/* The message of row with the n rates behind it as one attribute more. */
static int append(struct rate_feed *f, const struct row *from, const double *rates, size_t n,
		  struct row *row, struct nl_error *err)
{
	size_t len = from->msg->nlmsg_len,
	       size = NLMSG_ALIGN(len) + NLA_HDRLEN + n * sizeof(*rates);
	struct nlmsghdr *msg;

	if (size > f->size) {
		unsigned char *buf = realloc(f->buf, size * 2);

		if (!buf)
			return query_no_memory(err);
		f->buf = buf;
		f->size = size * 2;
	}
	memcpy(f->buf, from->msg, len);
	if (!nl_attr_put(f->buf, &len, f->size, RATE_ATTR, rates, n * sizeof(*rates)))
		return query_no_memory(err);
	msg = (struct nlmsghdr *)f->buf;
	msg->nlmsg_len = (uint32_t)len;
	memcpy(row, from, offsetof(struct row, attr));
	row->source = f->feed.query->source;
	row->msg = msg;
	row->indexed = false;
	env_keep_source(row->env, f->feed.query->source);
	return 1;
}

/* 1: *row is the row with its rates; 0: it was not there before. */
static int match(struct rate_feed *f, const struct row *from, struct row *row, struct nl_error *err)
{
	const struct rate *r = rate_of(f->feed.query);
	double here[FIELD_COUNTERS_MAX + 1], rates[FIELD_COUNTERS_MAX];
	unsigned char key[80];
	ptrdiff_t number = keyset_find(&f->seen, key, make_key(from, key));
	const double *before;

	if (number < 0) {
		f->came++;
		return 0;
	}
	f->matched++;
	before = f->samples + (size_t)number * (r->n + 1);
	sample(r, from, here);
	for (size_t i = 0; i < r->n; i++) {
		double growth = here[i + 1] - before[i + 1];

		/* one that fell was begun anew: what it is now has grown since then */
		rates[i] = (growth < 0 ? here[i + 1] : growth) / (here[0] - before[0]);
	}
	return append(f, from, rates, r->n, row, err);
}

static int rate_next(struct feed *feed, struct row *row, struct nl_error *err)
{
	struct rate_feed *f = (struct rate_feed *)feed;
	struct row from;
	int rc;

	if (!f->second) {
		if (read_first(f, err) < 0 || wait_for_second(f, err) < 0)
			return -1;
		f->again = now();
		f->second = cursor_open(rate_of(f->feed.query)->d.input, f->inner, err);
		if (!f->second)
			return -1;
		cursor_calls(f->second, f->calls);
	}
	while ((rc = cursor_next(f->second, &from, err)) > 0) {
		rc = match(f, &from, row, err);
		if (rc < 0 ||
		    (rc && (!f->feed.query->filter || node_match(f->feed.query->filter, row))))
			return rc;
	}
	f->ended = rc == 0;
	return rc;
}

static void rate_calls(struct feed *feed, const struct calls *calls)
{
	struct rate_feed *f = (struct rate_feed *)feed;

	f->calls = calls;
	if (f->first)
		cursor_calls(f->first, calls);
	if (f->second)
		cursor_calls(f->second, calls);
}

static void rate_widen(struct feed *feed, const struct source *s, uint32_t needs)
{
	struct rate_feed *f = (struct rate_feed *)feed;

	if (s == f->feed.query->source)
		s = ((const struct rate_source *)s)->base;
	f->inner |= needs;
	if (f->first)
		cursor_widen(f->first, s, needs);
	if (f->second)
		cursor_widen(f->second, s, needs);
}

static void rate_report(const struct feed *feed, struct report *out)
{
	const struct rate_feed *f = (const struct rate_feed *)feed;
	struct report after;

	if (!f->second)
		return;
	cursor_report(f->second, &after);
	*out = after;
	out->complete = f->before.complete && after.complete;
	out->flagged |= f->before.flagged;
	out->rows += f->before.rows;
	out->stats.dumps += f->before.stats.dumps;
	out->stats.nl.bytes += f->before.stats.nl.bytes;
	out->stats.nl.datagrams += f->before.stats.nl.datagrams;
	for (size_t i = 0; i < f->before.nwarnings; i++)
		report_warn(out, "%s", f->before.warnings[i]);
	/* of a run that was left early nobody knows what else came and went */
	out->timed = f->ended;
	out->came = f->came;
	out->went = f->seen.n - f->matched;
	out->seconds = f->again - f->began;
}

static void rate_close(struct feed *feed)
{
	struct rate_feed *f = (struct rate_feed *)feed;

	cursor_close(f->first);
	cursor_close(f->second);
	keyset_free(&f->seen);
	free(f->samples);
	free(f->buf);
	feed_free(&f->feed);
}

static const struct feed_ops feed_ops = {
	.next = rate_next,
	.calls = rate_calls,
	.widen = rate_widen,
	.report = rate_report,
	.close = rate_close,
};

static uint32_t rate_needs(const struct derivation *d)
{
	const struct rate *r = (const struct rate *)d;
	uint32_t needs = 0;

	for (size_t i = 0; i < r->n; i++)
		needs |= r->counters[i]->needs;
	return needs;
}

static struct feed *rate_open(struct query *q, uint32_t needs, struct nl_error *err)
{
	const struct rate *r = rate_of(q);
	struct rate_feed *f = feed_new(&feed_ops, q, sizeof(*f), err);
	uint32_t counters = rate_needs(&r->d);

	if (!f)
		return NULL;
	f->inner = needs | counters;
	/* owners are wanted of the second dump only */
	f->first = cursor_open(r->d.input, counters, err);
	if (f->first)
		return &f->feed;
	rate_close(&f->feed);
	return NULL;
}

static void describe(const struct derivation *d, FILE *out)
{
	fprintf(out, "rate       two dumps, %.14g s apart, matched by key\n",
		((const struct rate *)d)->seconds);
}

static void destroy(struct derivation *d)
{
	struct rate *r = (struct rate *)d;

	free(r->counters);
	free(r);
}

static const struct derivation_ops ops = { rate_open, rate_needs, describe, destroy };

/* ---- the source of its rows ------------------------------------------------------------------ */

/* The attribute with the rates ends the message; NULL: it has none. */
static const struct nlattr *rates_of(const struct row *row)
{
	const struct rate_source *s = (const struct rate_source *)row->source;
	size_t len = NLA_HDRLEN + s->n * sizeof(double);
	const struct nlattr *a;

	if (row->msg->nlmsg_len < NLMSG_HDRLEN + row->shape->header + len)
		return NULL;
	a = (const void *)((const char *)row->msg + row->msg->nlmsg_len - len);
	return a->nla_type == RATE_ATTR && a->nla_len == len ? a : NULL;
}

static bool get_rate(const struct row *row, const struct field *f, struct value *v)
{
	const struct nlattr *rates = rates_of(row);

	if (!rates)
		return false;
	memcpy(&v->real, (const char *)nl_attr_data(rates) + f->offset, sizeof(v->real));
	v->kind = VALUE_FLOAT;
	return !isnan(v->real);
}

/* The base's answer, with the rates of the row that was asked for. */
static ptrdiff_t refetch(const struct row *row, uint32_t needs, void *buf, size_t size,
			 struct nl_error *err)
{
	const struct rate_source *s = (const struct rate_source *)row->source;
	const struct nlattr *rates = rates_of(row);
	ptrdiff_t n = s->base->refetch(row, needs, buf, size, err);
	size_t len = (size_t)n;

	if (n <= 0 || !rates)
		return n;
	if (!nl_attr_put(buf, &len, size, RATE_ATTR, nl_attr_data(rates), nl_attr_len(rates)))
		return nl_fail(err, EMSGSIZE, "a row with its rates has more than %zu bytes", size);
	((struct nlmsghdr *)buf)->nlmsg_len = (uint32_t)len;
	return (ptrdiff_t)len;
}

static void source_destroy(struct source *source)
{
	struct rate_source *s = (struct rate_source *)source;

	for (size_t i = 0; i < s->n; i++) {
		free(s->names[i]);
		free(s->docs[i]);
	}
	free(s->names);
	free(s->docs);
	source_unref(s->base);
	free(s);
}

static bool add_rate(struct rate_source *s, struct field *f, const struct field *of, size_t i)
{
	const char *unit = of->type == FT_BYTES	     ? "bytes/s"
			   : of->type == FT_DURATION ? NULL
						     : "1/s";

	if (asprintf(&s->names[i], "%s_rate", of->name) < 0 ||
	    asprintf(&s->docs[i], "Growth of %s per second.", of->name) < 0)
		return false;
	*f = (struct field){
		.name = s->names[i],
		.type = of->type == FT_BYTES ? FT_RATE : FT_FLOAT,
		.unit = unit,
		.doc = s->docs[i],
		.from = of->from,
		.get = get_rate,
		.offset = (uint16_t)(i * sizeof(double)),
		.flags = of->flags & FF_RATE_COLUMN ? FF_COLUMN : 0,
	};
	return true;
}

static size_t count_fields(const struct source *s, bool counters)
{
	size_t n = 0;

	for (const struct field *f = s->fields; f->name; f++)
		n += !counters || f->flags & FF_COUNTER;
	return n;
}

static struct source *rate_source(const struct source *base, const struct rate *r)
{
	size_t nbase = count_fields(base, false);
	struct rate_source *s = calloc(1, sizeof(*s) + (nbase + r->n + 1) * sizeof(s->fields[0]));

	if (!s)
		return NULL;
	s->source = *base;
	s->source.fields = s->fields;
	s->source.refetch = base->refetch ? refetch : NULL;
	s->source.row_names = NULL;
	s->source.refs = 1;
	s->source.destroy = source_destroy;
	s->base = source_ref(base);
	s->names = calloc(r->n + 1, sizeof(*s->names));
	s->docs = calloc(r->n + 1, sizeof(*s->docs));
	memcpy(s->fields, base->fields, nbase * sizeof(s->fields[0]));
	for (size_t i = 0; i < nbase; i++) {
		s->fields[i].push = NULL;
		s->fields[i].flags &= ~(unsigned)FF_REQUEST;
	}
	s->n = s->names && s->docs ? r->n : 0;
	for (size_t i = 0; i < s->n; i++)
		if (!add_rate(s, &s->fields[nbase + i], r->counters[i], i))
			s->n = 0;
	if (s->n == r->n)
		return &s->source;
	source_unref(&s->source);
	return NULL;
}

struct query *query_rate(struct query *q, double seconds, struct nl_error *err)
{
	const struct source *base = q->source;
	size_t n = count_fields(base, true);
	struct source *s = NULL;
	struct rate *r;

	if (q->from) {
		nl_fail(err, EINVAL,
			"rates are of what the kernel counts, so rate comes before "
			"group, select, join and another rate");
		return NULL;
	}
	if (n == 0 || !base->key || n > FIELD_COUNTERS_MAX) {
		nl_fail(err, EINVAL, "%s have no counters, so they have no rates", base->name);
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (r) {
		r->d = (struct derivation){ .ops = &ops, .refs = 1, .input = query_ref(q) };
		r->seconds = seconds;
		r->counters = calloc(n, sizeof(*r->counters));
	}
	for (const struct field *f = base->fields; r && r->counters && f->name; f++)
		if (f->flags & FF_COUNTER)
			r->counters[r->n++] = f;
	if (r && r->counters)
		s = rate_source(base, r);
	if (s)
		return derivation_query(&r->d, s, err);
	if (r)
		derivation_unref(&r->d);
	query_no_memory(err);
	return NULL;
}
