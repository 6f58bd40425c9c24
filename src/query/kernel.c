/*
 * Owns rows as they come from the kernel: namespace after namespace, dump after
 * dump, each object once, only those that match. Rows whose owners are wanted
 * go through owned.c.
 *
 * Doubles come from the place where a dump resumed, so a window of the rows
 * seen lately tells them. Under `consistent` everything is asked twice, and all
 * keys are remembered; if the two dumps differ, things come and go, and a third
 * is asked: of dumps under the fiercest churn on a small hash table 90 of 100
 * miss a socket that lives throughout, of unions of two 1 in 200, of three none.
 */
#include "private.h"
#include "seen.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Dumps of a consistent answer, at most. */
#define PASSES 3

struct kernel_feed {
	struct feed feed;
	struct places *places;
	size_t place;	 /* the one at hand */
	struct env *env; /* of it; NULL: it has not been entered yet */
	uint32_t needs;	 /* wanted beside the query's own */
	struct plan plan;
	struct scan *scan; /* NULL: the place has not been asked yet */
	unsigned pass;
	struct window *window; /* NULL when consistent */
	struct keyset seen;    /* when consistent */
	unsigned char *last;   /* by number in seen: pass in which it came last, plus one */
	size_t last_room;
	size_t now, before;   /* how many keys came in this pass, and in the one before */
	bool differs;	      /* this pass gave a key that no other did */
	struct whole *whole;  /* rows of a source that is read whole; NULL: it streams */
	struct owned *owned;  /* NULL: owners are not wanted */
	uint32_t owner_needs; /* of them, what the rows come with */
	bool ownerless;	      /* they are wanted, but a recording does not tell them */
	uint64_t rows;
	uint64_t here;	/* rows read since this place was first asked */
	unsigned tries; /* of a place that is read whole */
	bool again;	/* begin this place anew, with more extensions */
	unsigned flags;
	struct scan_stats stats;
	const char *proc[DUMPS_MAX]; /* what was read from /proc, for the kernel refused it */
	size_t nproc;
	int proc_code; /* the first refusal */
	size_t ngaps;
	struct scan_gap gaps[DUMPS_MAX]; /* each list once */
};

static void take_proc(struct kernel_feed *k)
{
	const char *const *what;
	int code;
	size_t n = scan_from_proc(k->scan, &what, &code);

	if (k->nproc == 0)
		k->proc_code = code;
	for (size_t i = 0; i < n; i++) {
		size_t at = 0;

		while (at < k->nproc && strcmp(k->proc[at], what[i]) != 0)
			at++;
		if (at == k->nproc && at < DUMPS_MAX)
			k->proc[k->nproc++] = what[i];
	}
}

static void take_gaps(struct kernel_feed *k)
{
	const struct scan_gap *gaps;
	size_t n = scan_gaps(k->scan, &gaps);

	for (size_t i = 0; i < n; i++) {
		size_t at = 0;

		while (at < k->ngaps && strcmp(k->gaps[at].what, gaps[i].what) != 0)
			at++;
		if (at == k->ngaps && k->ngaps < DUMPS_MAX)
			k->gaps[k->ngaps++] = gaps[i];
	}
}

/* Takes over what the scan knows and closes it. */
static void finish_scan(struct kernel_feed *k)
{
	struct scan_stats st;

	if (!k->scan)
		return;
	k->flags |= scan_flags(k->scan);
	take_proc(k);
	take_gaps(k);
	scan_stats(k->scan, &st);
	k->stats.dumps += st.dumps;
	k->stats.nl.messages += st.nl.messages;
	k->stats.nl.bytes += st.nl.bytes;
	k->stats.nl.datagrams += st.nl.datagrams;
	k->stats.nl.foreign += st.nl.foreign;
	scan_close(k->scan);
	k->scan = NULL;
}

static int start_scan(struct kernel_feed *k, struct nl_error *err)
{
	struct scan_request req;

	if (!plan_make(k->feed.query, k->needs, k->env, &k->plan))
		return query_no_memory(err);
	k->needs |= k->plan.needs;
	plan_request(&k->plan, k->feed.query, k->env, &req);
	k->scan = scan_open(k->feed.query->source, &req);
	return k->scan ? 0 : query_no_memory(err);
}

/* What a condition tells of a row whose owners are not known yet. */
static enum tri row_leaf(const struct cond *c, const void *arg)
{
	if (c->field->cost == COST_PROC)
		return TRI_UNKNOWN;
	return cond_match(c, arg) ? TRI_YES : TRI_NO;
}

/* May the row pass, as far as it can be told here? */
static bool may_pass(const struct kernel_feed *k, const struct row *row)
{
	const struct node *n = k->feed.query->filter;

	if (!n)
		return true;
	return k->owned ? node_tri(n, row_leaf, row) != TRI_NO : node_match(n, row);
}

/* The same when all keys are kept, and which of them this pass gave. */
static int seen_before(struct kernel_feed *k, uint64_t key)
{
	bool fresh;
	ptrdiff_t number = keyset_add(&k->seen, &key, sizeof(key), &fresh);

	if (number < 0)
		return -1;
	if ((size_t)number >= k->last_room) {
		size_t room = k->last_room ? k->last_room * 2 : 4096;
		unsigned char *last = realloc(k->last, room);

		if (!last)
			return -1;
		k->last = last;
		k->last_room = room;
	}
	if (fresh || k->last[number] != k->pass + 1)
		k->now++;
	k->last[number] = (unsigned char)(k->pass + 1);
	k->differs |= fresh;
	return !fresh;
}

/* 1 the row was given out before, 0 not, -1 no memory. */
static int doubled(struct kernel_feed *k, const struct row *row)
{
	const struct source *s = k->feed.query->source;
	const struct query *q = k->feed.query;
	/* a file has each row as often as it has it, and so has the kernel's own list */
	bool as_it_is = q->input.form || (q->verbatim && !q->consistent);
	uint64_t key = s->key && !as_it_is ? s->key(row) : 0;

	if (key == 0)
		return 0;
	return k->window ? window_seen(k->window, key) : seen_before(k, key);
}

/* Rows of the place at hand: 1, 0 at its end, -1. */
static int next_here(struct kernel_feed *k, struct row *row, struct nl_error *err)
{
	int rc;

	while ((rc = scan_next(k->scan, row, err)) > 0) {
		k->rows++;
		k->here++;
		row->asked |= k->owner_needs;
		if (!may_pass(k, row))
			continue;
		rc = doubled(k, row);
		if (rc == 0)
			return 1;
		if (rc < 0)
			return query_no_memory(err);
	}
	return rc;
}

static void leave_place(struct kernel_feed *k)
{
	finish_scan(k);
	places_leave(k->places, k->place);
	/* another namespace has objects with the same keys: routes, counters */
	if (k->window && k->window->n)
		memset(k->window, 0, sizeof(*k->window));
	keyset_free(&k->seen);
	k->env = NULL;
	k->place++;
}

/* A place is done when it was asked as often as it shall be. */
static void next_pass(struct kernel_feed *k)
{
	finish_scan(k);
	k->here = 0;
	if (k->feed.query->consistent) {
		bool same = k->pass > 0 && !k->differs && k->now == k->before;

		k->before = k->now;
		k->now = 0;
		k->differs = false;
		if (!same && ++k->pass < PASSES)
			return;
	}
	k->pass = 0;
	leave_place(k);
}

/* ---- sources that are read whole ---------------------------------------------------------- */

/* One list of the place at hand, added to what is there. */
static int read_list(struct kernel_feed *k, struct nl_error *err)
{
	struct row row;
	int rc;

	if (start_scan(k, err) < 0)
		return -1;
	while ((rc = scan_next(k->scan, &row, err)) > 0) {
		k->rows++;
		row.asked |= k->owner_needs;
		if (may_pass(k, &row) && !whole_add(k->whole, &row))
			rc = query_no_memory(err);
		if (rc < 0)
			break;
	}
	finish_scan(k);
	return rc;
}

/*
 * All rows of the place at hand; a list that the kernel flags is read again, and
 * under SOURCE_TWICE two are joined: what one misses without a flag is in the other.
 */
static int read_whole(struct kernel_feed *k, struct nl_error *err)
{
	unsigned lists = k->feed.query->source->flags & SOURCE_TWICE ? 2 : 1, before = k->flags;
	unsigned tries = 0;

	do {
		whole_clear(k->whole);
		k->flags = before;
		for (unsigned i = 0; i < lists; i++)
			if (read_list(k, err) < 0)
				return -1;
		tries++;
	} while (k->flags & SCAN_INTERRUPTED && tries < QUERY_TRIES);
	whole_mark_read(k->whole);
	if (tries > k->tries)
		k->tries = tries;
	return 0;
}

static int next_whole(struct kernel_feed *k, struct row *row, struct nl_error *err)
{
	if (!whole_is_read(k->whole) && read_whole(k, err) < 0)
		return -1;
	if (whole_next(k->whole, row))
		return 1;
	whole_clear(k->whole);
	leave_place(k);
	return 0;
}

/* ---- the feed -------------------------------------------------------------------------------- */

/* 1 the place at hand is entered, 0 there is none any more, -1. */
static int enter_place(struct kernel_feed *k, struct nl_error *err)
{
	int rc = 1;

	while (!k->env && k->place < places_count(k->places)) {
		rc = places_enter(k->places, k->place, &k->env, err);
		if (rc < 0)
			return -1;
		if (rc == 0)
			k->place++;
		else
			env_detail_owners(k->env, k->feed.query->threads, k->feed.query->contexts);
	}
	return k->env != NULL;
}

static int next_streamed(struct kernel_feed *k, struct row *row, struct nl_error *err)
{
	int rc;

	if (!k->scan && start_scan(k, err) < 0)
		return -1;
	rc = next_here(k, row, err);
	if (rc == 0)
		next_pass(k);
	return rc;
}

static int pull(void *arg, struct row *row, struct nl_error *err)
{
	struct kernel_feed *k = arg;
	int rc;

	if (k->again)
		finish_scan(k);
	k->again = false;
	while ((rc = enter_place(k, err)) > 0) {
		rc = k->whole ? next_whole(k, row, err) : next_streamed(k, row, err);
		if (rc > 0)
			return 1;
		if (rc < 0)
			break;
	}
	if (rc < 0) {
		finish_scan(k);
		k->place = places_count(k->places);
		k->env = NULL;
	}
	return rc;
}

/* Rows from now on go through owned.c. */
static int begin_owned(struct kernel_feed *k, struct nl_error *err)
{
	const struct node *filter = k->feed.query->filter;
	const struct cond *c = NULL;

	if (!env_tells_owners()) {
		k->ownerless = true;
		if (!filter || !owner_conditions(filter, &c))
			return 0;
		return nl_fail(err, ENODATA,
			       "a recording does not tell which processes held the sockets, so "
			       "%s cannot be a condition",
			       c->field->name);
	}
	k->owner_needs = k->needs & NEED_OWNERS;
	k->owned = owned_new(k->feed.query, k->owner_needs);
	return k->owned ? 0 : query_no_memory(err);
}

static int kernel_next(struct feed *f, struct row *row, struct nl_error *err)
{
	struct kernel_feed *k = (struct kernel_feed *)f;

	/* the first plan tells whether owners are wanted */
	if (!k->whole && !k->scan && k->place == 0 && k->rows == 0 &&
	    (enter_place(k, err) < 0 || (k->env && start_scan(k, err) < 0)))
		return -1;
	if ((k->needs & NEED_OWNER) && k->feed.query->source->inode && !k->owned && !k->ownerless &&
	    begin_owned(k, err) < 0)
		return -1;
	return k->owned ? owned_next(k->owned, pull, k, row, err) : pull(k, row, err);
}

static void kernel_calls(struct feed *f, const struct calls *calls)
{
	(void)f;
	(void)calls;
}

/*
 * The rows that were given out are in the window, so they do not come again,
 * as long as not more were read than it holds. Later each row that lacks an
 * extension is asked for by itself. Owners need no new dump.
 */
static void kernel_widen(struct feed *f, const struct source *s, uint32_t needs)
{
	struct kernel_feed *k = (struct kernel_feed *)f;
	uint32_t more = needs & ~k->needs;

	if (s != k->feed.query->source || more == 0)
		return;
	k->needs |= more;
	if (more & ~(NEED_OWNERS) && !k->feed.query->input.form)
		/* not at once: the row that was given out last is in the scan's buffer */
		k->again = !k->whole && k->scan && !k->owned && !f->query->verbatim &&
			   k->here <= WINDOW_SIZE / 2;
}

/* Does this process hold CAP_NET_ADMIN? capget(2). */
static bool net_admin(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	return syscall(SYS_capget, &head, data) == 0 && data[0].effective & 1u << CAP_NET_ADMIN;
}

static void warn_flags(const struct kernel_feed *k, struct report *out)
{
	const char *name = k->feed.query->source->name;

	if (k->flags & SCAN_DAMAGED)
		report_warn(out, "rows of %s came with damaged attributes: fields may be missing",
			    name);
	if (k->flags & SCAN_INTERRUPTED)
		report_warn(out, "%s changed while the kernel listed them: rows may be missing",
			    name);
	if (k->flags & SCAN_FOREIGN)
		report_warn(out,
			    "%llu messages that did not come from the kernel were dropped while "
			    "it listed %s: rows may be missing",
			    (unsigned long long)k->stats.nl.foreign, name);
	if (k->plan.net_admin && !(k->flags & (SCAN_RECORDED | SCAN_FILE)) && !net_admin())
		report_warn(out,
			    "the kernel tells marks, keys and filters of %s to CAP_NET_ADMIN only: "
			    "none "
			    "are known here",
			    name);
}

/* Adds the name to "a, b", up to its " (" if it has one, unless it is there: families are one. */
static void name_once(char *list, size_t size, const char *name)
{
	const char *end = strstr(name, " (");
	size_t len = end ? (size_t)(end - name) : strlen(name), at = strlen(list);

	for (const char *p = list; *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ",");

		if (n == len && memcmp(p, name, len) == 0)
			return;
		p += n;
	}
	snprintf(list + at, size - at, "%s%.*s", at ? ", " : "", (int)len, name);
}

/* The fields of conditions, wherever they stand, that rows of /proc do not tell: "a, b". */
static void list_untold(const struct source *s, const struct node *n, char *list, size_t size)
{
	const struct field *f = n->kind == NODE_COND ? n->cond.field : NULL;

	for (size_t i = 0; !f && i < n->n; i++)
		list_untold(s, n->kids[i], list, size);
	if (f && s->proc_tells && !s->proc_tells(f))
		name_once(list, size, f->name);
}

/* That nothing may be known of what a condition asks for must not look like an answer of none. */
static void warn_proc(const struct kernel_feed *k, struct report *out)
{
	const struct query *q = k->feed.query;
	char rows[120] = "", untold[80] = "";

	if (k->nproc == 0)
		return;
	for (size_t i = 0; i < k->nproc; i++)
		name_once(rows, sizeof(rows), k->proc[i]);
	if (q->filter)
		list_untold(q->source, q->filter, untold, sizeof(untold));
	report_warn(out, "%s were read from /proc, as the kernel does not list them (%s): %s%s",
		    rows, strerror(k->proc_code),
		    untold[0] ? "conditions cannot be told there, and no row meets them: "
			      : "fields that only netlink tells are absent",
		    untold);
}

/* "vsock sockets (CONFIG_VSOCKETS_DIAG), xdp sockets (...)"; false: there are none of them. */
static bool gap_text(const struct kernel_feed *k, bool exists, bool named, char *text, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < k->ngaps && at < size; i++) {
		const struct scan_gap *g = &k->gaps[i];

		if (g->exists == exists && g->named == named)
			at += (size_t)snprintf(text + at, size - at, "%s%s (%s)", at ? ", " : "",
					       g->what, g->config);
	}
	return at > 0;
}

/*
 * What exists and is not listed is missing in the answer. That is an answer which
 * is not whole only if it was meant in particular: "all" is what the kernel lists.
 */
static void report_gaps(const struct kernel_feed *k, struct report *out)
{
	const char *lacks = k->flags & SCAN_RECORDED ? "the recording" : "this kernel";
	char text[160];

	if (gap_text(k, true, true, text, sizeof(text))) {
		out->complete = false;
		report_warn(out, "%s may have, but does not list %s", lacks, text);
	}
	if (gap_text(k, true, false, text, sizeof(text)))
		report_warn(out, "%s may have, but does not list %s", lacks, text);
	if (gap_text(k, false, true, text, sizeof(text)))
		report_warn(out, "%s has no %s", lacks, text);
}

static void kernel_report(const struct feed *f, struct report *out)
{
	const struct kernel_feed *k = (const struct kernel_feed *)f;

	out->rows += k->rows;
	out->stats.dumps += k->stats.dumps;
	out->stats.nl.messages += k->stats.nl.messages;
	out->stats.nl.bytes += k->stats.nl.bytes;
	out->stats.nl.datagrams += k->stats.nl.datagrams;
	out->stats.nl.foreign += k->stats.nl.foreign;
	if (k->feed.query->input.form)
		out->source = "file";
	else if (k->flags & SCAN_RECORDED)
		out->source = "snapshot";
	else if (k->flags & SCAN_PROC)
		out->source = k->flags & SCAN_NETLINK ? "netlink and proc" : "proc";
	if (k->flags & SCAN_REFUSED)
		out->refused = true;
	if (k->flags & (SCAN_INTERRUPTED | SCAN_FOREIGN | SCAN_DAMAGED)) {
		out->complete = false;
		out->flagged = true;
	}
	if (k->tries > out->tries)
		out->tries = k->tries;
	warn_flags(k, out);
	warn_proc(k, out);
	report_gaps(k, out);
	places_report(k->places, out);
	/* the file will not be another one */
	out->flagged &= !k->feed.query->input.form;
	if (k->owned)
		owned_report(k->owned, out);
	if (k->ownerless)
		report_warn(out, "a recording does not tell which processes held the %s",
			    k->feed.query->source->name);
}

static void kernel_close(struct feed *f)
{
	struct kernel_feed *k = (struct kernel_feed *)f;

	finish_scan(k);
	owned_free(k->owned);
	whole_free(k->whole);
	places_free(k->places);
	free(k->window);
	keyset_free(&k->seen);
	free(k->last);
	feed_free(&k->feed);
}

static const struct feed_ops kernel_ops = {
	.next = kernel_next,
	.calls = kernel_calls,
	.widen = kernel_widen,
	.report = kernel_report,
	.close = kernel_close,
};

/* A file is read once; namespaces only tell what its rows speak of. */
static int check_input(const struct query *q, struct nl_error *err)
{
	const char *name = q->input.form == INPUT_TEXT ? "text" : "diag";

	if (!q->input.form)
		return 0;
	if (q->consistent)
		return nl_fail(
			err, EINVAL,
			"consistent asks the kernel twice, but %s reads the rows from a file",
			name);
	if (q->nnetns > 1 || (q->nnetns && place_is_pattern(q->netns[0])))
		return nl_fail(err, EINVAL,
			       "%s reads one file: netns can be one namespace, to look up names in",
			       name);
	return 0;
}

struct feed *kernel_feed(struct query *q, uint32_t needs, struct nl_error *err)
{
	struct kernel_feed *k;

	if (check_input(q, err) < 0)
		return NULL;
	k = feed_new(&kernel_ops, q, sizeof(*k), err);
	if (!k)
		return NULL;
	k->needs = needs;
	if (q->source->flags & SOURCE_WHOLE)
		k->whole = whole_new();
	else if (!q->consistent)
		k->window = calloc(1, sizeof(*k->window));
	if (!k->whole && !k->window && !q->consistent)
		query_no_memory(err);
	else
		k->places = places_open(q, err);
	if (k->places)
		return &k->feed;
	kernel_close(&k->feed);
	return NULL;
}
