/*
 * Owns the course of one request through the dumps that a source lays out:
 * one after the other, each on its own netlink socket or by a reader of /proc. A program that the
 * kernel refuses is left out and the dump asked again, since the caller tests
 * every row anyhow; a dump that stands for several is refused by kernels that
 * lack it, and then the several are asked; one of what a kernel may lack is a gap
 * of the answer. Knows no particular source.
 */
#include "private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct scan {
	const struct source *source;
	struct scan_request req;
	struct kprog prog;
	struct dump_plan plan;
	struct nl_dump *dump; /* NULL: between two dumps, or there is a reader */
	struct reader *reader;
	unsigned next; /* number of the dump after this one */
	const struct shape *shape;
	uint16_t row_type; /* nlmsg_type of its rows */
	bool ended;
	bool rows;	    /* this dump gave a row */
	uint64_t weight;    /* of its rows, see dump_plan */
	uint64_t datagrams; /* of this dump, when the row at hand came */
	double when;
	unsigned flags;
	struct parts_test *parts; /* of a recording; else NULL */
	struct scan_stats stats;
	const char *proc[DUMPS_MAX]; /* what was refused and is read from /proc */
	size_t nproc;
	int proc_code; /* the first refusal */
	size_t ngaps;
	struct scan_gap gaps[DUMPS_MAX];
};

struct scan *scan_open(const struct source *s, const struct scan_request *req)
{
	struct scan *sc = calloc(1, sizeof(*sc));

	if (!sc)
		return NULL;
	sc->source = s;
	sc->req = *req;
	env_ref(sc->req.env);
	/* once and for all, for the numbers of the dumps depend on it */
	if (nl_replay_loaded() || nl_recording())
		sc->req.ordered = true;
	/* a file is tested by the conditions alone: what it holds was asked for by naming it */
	if (nl_replay_loaded() && !req->input.form &&
	    !(sc->parts = parts_test_new(s, &req->parts))) {
		scan_close(sc);
		return NULL;
	}
	if (req->prog) {
		sc->prog = *req->prog;
		sc->req.prog = &sc->prog;
	}
	return sc;
}

/* Takes over what the dump knows and closes it. */
static void finish_dump(struct scan *sc)
{
	const struct nl_stats *st;
	unsigned flags;

	if (sc->reader)
		sc->reader->ops->close(sc->reader);
	sc->reader = NULL;
	if (!sc->dump)
		return;
	st = nl_dump_stats(sc->dump);
	flags = nl_dump_flags(sc->dump);
	sc->stats.nl.messages += st->messages;
	sc->stats.nl.bytes += st->bytes;
	sc->stats.nl.datagrams += st->datagrams;
	sc->stats.nl.foreign += st->foreign;
	if (flags & NL_INTERRUPTED)
		sc->flags |= SCAN_INTERRUPTED;
	if (flags & NL_RECORDED)
		sc->flags |= SCAN_RECORDED;
	if (st->foreign)
		sc->flags |= SCAN_FOREIGN;
	nl_dump_close(sc->dump);
	sc->dump = NULL;
}

static int open_reader(struct scan *sc, struct nl_error *err)
{
	sc->reader = reader_begin(sc->source, &sc->req, &sc->plan, err);
	if (!sc->reader)
		return -1;
	if (sc->req.input.form)
		sc->flags |= SCAN_FILE;
	else if (nl_replay_loaded())
		sc->flags |= SCAN_RECORDED;
	sc->stats.dumps++;
	return 0;
}

static int open_dump(struct scan *sc, struct nl_error *err)
{
	sc->plan.request.payload = sc->plan.buf;
	sc->plan.request.len = sc->plan.len;
	sc->rows = false;
	sc->weight = 0;
	sc->datagrams = UINT64_MAX; /* none yet */
	if (sc->plan.read && !sc->plan.otherwise)
		return open_reader(sc, err);
	if (nl_dump_open(&sc->dump, &sc->plan.request, env_netns_fd(sc->req.env), err) < 0) {
		sc->dump = NULL;
		return -1;
	}
	sc->stats.dumps++;
	return 0;
}

/* As below; a file is all that there is. */
static int lay_out_next(struct scan *sc, struct nl_error *err)
{
	memset(&sc->plan, 0, offsetof(struct dump_plan, buf));
	if (!sc->req.input.form)
		return sc->source->dump(&sc->req, sc->next, &sc->plan);
	return sc->next ? 0 : sc->source->input(&sc->req, &sc->plan, err);
}

/* 1: a dump is open; 0: there are no more; -1: *err. */
static int next_dump(struct scan *sc, struct nl_error *err)
{
	int rc = lay_out_next(sc, err);

	if (rc <= 0)
		return rc;
	sc->next++;
	sc->shape = sc->plan.shape ? sc->plan.shape : sc->source->shape;
	sc->row_type = sc->plan.reply ? sc->plan.reply : sc->shape->type;
	return open_dump(sc, err) < 0 ? -1 : 1;
}

bool scan_refused(const struct nl_error *err)
{
	static const int others[] = {
		ECANCELED, EMFILE, ENFILE, ENOMEM, ENOBUFS, EBADMSG, EPROTO, EMSGSIZE, ETIMEDOUT,
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (err->code == others[i])
			return false;
	return true;
}

static bool merging_refused(const struct scan *sc, const struct nl_error *err)
{
	return sc->plan.merged && !sc->rows && scan_refused(err);
}

/* What the kernel does not list, /proc may tell. */
static bool read_otherwise(const struct scan *sc, const struct nl_error *err)
{
	return sc->plan.read && sc->plan.otherwise && !sc->reader && !sc->rows && scan_refused(err);
}

/*
 * The kernel answers EINVAL for a program that it does not know (older ones
 * lack codes) and EPERM for one that tests marks without CAP_NET_ADMIN.
 */
static bool program_refused(const struct scan *sc, const struct nl_error *err)
{
	return sc->plan.filtered && !sc->rows && (err->code == EINVAL || err->code == EPERM);
}

/* Has the kernel no such list, as it may have none? */
static bool lacking(const struct scan *sc, const struct nl_error *err)
{
	return sc->plan.optional.protocol && !sc->rows && sc->ngaps < DUMPS_MAX &&
	       (err->code == ENOENT || err->code == EINVAL || err->code == EOPNOTSUPP ||
		err->code == EPROTONOSUPPORT || err->code == EAFNOSUPPORT || err->code == EPERM ||
		err->code == EACCES);
}

static void note_gap(struct scan *sc)
{
	const struct dump_optional *o = &sc->plan.optional;

	sc->gaps[sc->ngaps++] = (struct scan_gap){
		.what = sc->plan.request.what,
		.config = o->config,
		.exists = protocol_exists(sc->req.env, o->protocol),
		.named = o->named,
	};
}

static int after_failure(struct scan *sc, struct nl_error *err);

static int go_on(struct scan *sc, struct nl_error *err)
{
	int rc;

	finish_dump(sc);
	rc = next_dump(sc, err);
	return rc < 0 ? after_failure(sc, err) : rc;
}

static bool says_none(const struct scan *sc, const struct nl_error *err)
{
	return sc->dump && sc->plan.none && err->code == sc->plan.none && !sc->rows;
}

/* Begins the dump again that has just failed. */
static int again(struct scan *sc, struct nl_error *err)
{
	sc->next--;
	return go_on(sc, err);
}

/* 1: the reader stands for the dump that failed with this code; -1: *err. */
static int replace_dump(struct scan *sc, int code, struct nl_error *err)
{
	finish_dump(sc);
	sc->plan.otherwise = false; /* once */
	if (open_reader(sc, err) < 0)
		return -1;
	sc->flags |= SCAN_FALLBACK;
	if (sc->nproc == 0)
		sc->proc_code = code;
	if (sc->nproc < DUMPS_MAX)
		sc->proc[sc->nproc++] = sc->plan.request.what;
	return 1;
}

/* What the kernel said stands, if the reader cannot help either. */
static int open_otherwise(struct scan *sc, struct nl_error *err)
{
	struct nl_error why = *err;

	if (replace_dump(sc, why.code, err) > 0)
		return 1;
	if (err->code == EPROTONOSUPPORT)
		return go_on(sc, err);
	if (err->code != ECANCELED)
		*err = why;
	return lacking(sc, err) ? after_failure(sc, err) : -1;
}

/* What the program would have tested is tested here. */
static int without_program(struct scan *sc, struct nl_error *err)
{
	if (sc->plan.instead && replace_dump(sc, err->code, err) > 0)
		return 1;
	sc->flags |= SCAN_REFUSED;
	sc->req.prog = NULL;
	return again(sc, err);
}

/*
 * Each step is taken once a dump at most: 1 and 0 as next_dump, -1: there is none left. When a
 * merged dump is refused without its program too, then not for the program: the dumps that it stood
 * for are asked with it.
 */
static int after_failure(struct scan *sc, struct nl_error *err)
{
	if (program_refused(sc, err))
		return without_program(sc, err);
	if (merging_refused(sc, err)) {
		sc->req.ordered = true;
		if (sc->prog.len && !sc->req.prog) {
			sc->flags &= ~(unsigned)SCAN_REFUSED;
			sc->req.prog = &sc->prog;
		}
		return again(sc, err);
	}
	if (read_otherwise(sc, err))
		return open_otherwise(sc, err);
	if (lacking(sc, err)) {
		note_gap(sc);
		return go_on(sc, err);
	}
	return -1;
}

/* When the datagram at hand, or the row of a reader, came: the clock is read once for each. */
static double arrival(struct scan *sc)
{
	uint64_t n = sc->dump ? nl_dump_stats(sc->dump)->datagrams : sc->datagrams + 1;
	struct timespec t;

	if (n != sc->datagrams && clock_gettime(CLOCK_MONOTONIC, &t) == 0)
		sc->when = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	sc->datagrams = n;
	return sc->when;
}

static void fill(struct scan *sc, struct row *row, const struct nlmsghdr *msg)
{
	row->source = sc->source;
	row->env = sc->req.env;
	row->msg = msg;
	row->shape = sc->shape;
	row->tag = sc->plan.tag;
	/* a row of a recording, or of a file, has all that it will ever have */
	row->asked = sc->parts || sc->req.input.form ? ~NEED_OWNERS : sc->req.needs;
	row->when = arrival(sc);
	row->indexed = false;
}

/* Half a row is no row, and leaving it out would be half an answer. */
static int too_short(struct scan *sc, const struct nlmsghdr *msg, struct nl_error *err)
{
	size_t got = msg->nlmsg_len - NLMSG_HDRLEN;

	finish_dump(sc);
	sc->ended = true;
	return nl_fail(err, EPROTO, "a row of %s has %zu bytes, at least %zu are needed",
		       sc->plan.request.what, got, sc->shape->header);
}

static int next_message(struct scan *sc, const struct nlmsghdr **msg, struct nl_error *err)
{
	int rc;

	if (!sc->reader)
		return sc->dump ? nl_dump_next(sc->dump, msg, err) : 0;
	rc = sc->reader->ops->next(sc->reader, msg, err);
	if (!sc->req.input.form)
		sc->flags |= sc->plan.asks && !sc->reader->of_proc ? SCAN_NETLINK : SCAN_PROC;
	if (rc != READER_TORN)
		return rc;
	sc->flags |= SCAN_INTERRUPTED;
	return 0;
}

int scan_next(struct scan *sc, struct row *row, struct nl_error *err)
{
	const struct nlmsghdr *msg;
	int rc;

	while (!sc->ended) {
		rc = next_message(sc, &msg, err);
		if (rc > 0) {
			if (msg->nlmsg_type != sc->row_type ||
			    (sc->plan.skip && sc->plan.skip(msg)))
				continue;
			if (msg->nlmsg_len < NLMSG_HDRLEN + sc->shape->header)
				return too_short(sc, msg, err);
			sc->rows = true;
			sc->flags |= sc->dump ? SCAN_NETLINK : 0;
			fill(sc, row, msg);
			if (sc->parts && !parts_test(sc->parts, row))
				continue;
			sc->weight += sc->plan.weigh ? sc->plan.weigh(row) : 1;
			return 1;
		}
		if (rc < 0 && says_none(sc, err))
			rc = 0;
		sc->flags |= rc == 0 && sc->dump ? SCAN_NETLINK : 0;
		if (rc == 0 && sc->dump && sc->plan.ended)
			sc->plan.ended(sc->req.env, &sc->plan, sc->weight);
		rc = rc < 0 ? after_failure(sc, err) : go_on(sc, err);
		if (rc <= 0) {
			finish_dump(sc);
			sc->ended = true;
			if (rc < 0)
				return -1;
		}
	}
	return 0;
}

void scan_go_on(struct scan *sc)
{
	sc->ended = false;
}

unsigned scan_flags(const struct scan *sc)
{
	return sc->flags | (env_damaged(sc->req.env) ? SCAN_DAMAGED : 0);
}

void scan_stats(const struct scan *sc, struct scan_stats *out)
{
	*out = sc->stats;
	if (sc->dump) {
		const struct nl_stats *st = nl_dump_stats(sc->dump);

		out->nl.messages += st->messages;
		out->nl.bytes += st->bytes;
		out->nl.datagrams += st->datagrams;
		out->nl.foreign += st->foreign;
	}
}

size_t scan_from_proc(const struct scan *sc, const char *const **what, int *code)
{
	*what = sc->proc;
	*code = sc->proc_code;
	return sc->nproc;
}

size_t scan_gaps(const struct scan *sc, const struct scan_gap **gaps)
{
	*gaps = sc->gaps;
	return sc->ngaps;
}

void scan_close(struct scan *sc)
{
	if (!sc)
		return;
	finish_dump(sc);
	parts_test_free(sc->parts);
	env_unref(sc->req.env);
	free(sc);
}
