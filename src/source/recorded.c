/*
 * Owns what sources have to do with recordings: rows that a reader makes go through
 * them both ways, and rows of a recording, in which all parts of a source lie side by
 * side, are held against the parts that were asked for.
 */
#include "private.h"

#include "connsh/recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- readers ------------------------------------------------------------------------ */

/* Stands before a reader whose rows are written down, or for one that was. */
struct recorded {
	struct reader reader;
	struct reader *inner; /* NULL: the rows come from list */
	struct nl_list *list;
	struct nl_mark mark;
	bool ended;
	const char *what;
	void *msg; /* the one given last: readers align theirs to 8, a file does not */
};

static int next_recorded(struct recorded *r, const struct nlmsghdr **msg, struct nl_error *err)
{
	const unsigned char *data;
	size_t len, offset, pos = 0;
	bool bad;
	int rc = nl_list_next(r->list, &data, &len, &offset, err);

	if (rc == 0 && !nl_list_ended(r->list))
		return nl_fail(err, EPROTO, "the recorded list of %s ended without its end",
			       r->what);
	if (rc < 0 && err->code == EAGAIN)
		return READER_TORN;
	if (rc <= 0)
		return rc;
	free(r->msg);
	r->msg = malloc(len ? len : 1);
	if (!r->msg)
		return nl_fail(err, ENOMEM, "out of memory");
	memcpy(r->msg, data, len);
	*msg = nl_walk(r->msg, len, &pos, &bad);
	if (*msg)
		return 1;
	return nl_fail(err, EBADMSG,
		       "the recorded list of %s is malformed at byte %zu of the recording", r->what,
		       offset);
}

static int next(struct reader *reader, const struct nlmsghdr **msg, struct nl_error *err)
{
	struct recorded *r = (struct recorded *)reader;
	int rc;

	if (!r->inner)
		return next_recorded(r, msg, err);
	nl_record_aside(true);
	rc = r->inner->ops->next(r->inner, msg, err);
	nl_record_aside(false);
	if (rc == READER_TORN) {
		if (!r->ended)
			nl_record_end(&r->mark, EAGAIN, "things changed while they were read");
		r->ended = true;
		return rc;
	}
	if (rc > 0)
		nl_record_data(&r->mark, *msg, (*msg)->nlmsg_len);
	else if (!r->ended && (rc == 0 || err->code != ECANCELED))
		nl_record_end(&r->mark, rc == 0 ? 0 : err->code, rc == 0 ? NULL : err->text);
	r->ended |= rc <= 0;
	return rc;
}

static void close_reader(struct reader *reader)
{
	struct recorded *r = (struct recorded *)reader;

	if (r->inner)
		r->inner->ops->close(r->inner);
	nl_list_close(r->list);
	free(r->msg);
	free(r);
}

static const struct reader_ops ops = { .next = next, .close = close_reader };

/* Names the reader's list: by its source, shape and what it lists. */
static struct nl_request list_name(const struct source *s, const struct dump_plan *plan)
{
	const struct shape *shape = plan->shape ? plan->shape : s->shape;
	const char *const words[] = { s->name, shape->name, plan->request.what };
	uint32_t hash = UINT32_C(0x811c9dc5); /* FNV-1a */

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (const char *p = words[i]; p && *p; p++)
			hash = (hash ^ (unsigned char)*p) * UINT32_C(0x01000193);
	return (struct nl_request){
		.bus = NL_BUS_READER,
		.type = shape->type,
		.key = hash,
		.what = plan->request.what,
	};
}

static struct recorded *new_recorded(const char *what, struct nl_error *err)
{
	struct recorded *r = calloc(1, sizeof(*r));

	if (!r) {
		nl_fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	r->reader.ops = &ops;
	r->what = what;
	return r;
}

static struct reader *from_recording(const struct nl_request *name, int netns_fd,
				     struct nl_error *err)
{
	struct nl_list *list = nl_list_dump(name, netns_fd, err);
	struct recorded *r = list ? new_recorded(name->what, err) : NULL;

	if (!r) {
		nl_list_close(list);
		return NULL;
	}
	r->list = list;
	return &r->reader;
}

struct reader *reader_begin(const struct source *s, const struct scan_request *req,
			    const struct dump_plan *plan, struct nl_error *err)
{
	const struct nl_request name = list_name(s, plan);
	int netns_fd = env_netns_fd(req->env);
	struct reader *inner;
	struct recorded *r;
	struct nl_mark mark;

	/* a file that the query names is no part of what is recorded */
	if (req->input.form)
		return plan->read(req, plan, err);
	if (nl_replay_loaded())
		return from_recording(&name, netns_fd, err);
	nl_record_aside(true);
	inner = plan->read(req, plan, err);
	nl_record_aside(false);
	if (!nl_recording())
		return inner;
	mark = nl_record_dump(&name, netns_fd);
	if (!inner) {
		nl_record_end(&mark, err->code, err->text);
		return NULL;
	}
	r = new_recorded(name.what, err);
	if (!r) {
		inner->ops->close(inner);
		return NULL;
	}
	r->inner = inner;
	r->mark = mark;
	return &r->reader;
}

/* ---- parts -------------------------------------------------------------------------- */

#define PART_FIELDS 8

/* The fields by which parts differ, and the values of each part in them. */
struct parts_test {
	const struct source *source;
	struct part_set asked;
	const struct field *fields[PART_FIELDS];
	size_t n;
	int64_t *values; /* n of each part; */
	bool *known;	 /* and whether the part has it */
};

/* Is it a field that some part has a whole number in? */
static bool tells_parts(const struct source *s, const struct field *f)
{
	struct value v;

	for (unsigned i = 0; i < s->nparts; i++)
		if (s->part_value(i, f, &v) && v.kind == VALUE_INT)
			return true;
	return false;
}

static bool load_values(struct parts_test *t)
{
	const struct source *s = t->source;

	t->values = calloc(s->nparts * t->n + 1, sizeof(*t->values));
	t->known = calloc(s->nparts * t->n + 1, sizeof(*t->known));
	if (!t->values || !t->known)
		return false;
	for (unsigned i = 0; i < s->nparts; i++)
		for (size_t k = 0; k < t->n; k++) {
			struct value v;

			if (!s->part_value(i, t->fields[k], &v) || v.kind != VALUE_INT)
				continue;
			t->known[i * t->n + k] = true;
			t->values[i * t->n + k] = v.num;
		}
	return true;
}

struct parts_test *parts_test_new(const struct source *s, const struct part_set *asked)
{
	struct parts_test *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->source = s;
	t->asked = *asked;
	for (const struct field *f = s->fields; s->part_value && f->name && t->n < PART_FIELDS; f++)
		if (tells_parts(s, f))
			t->fields[t->n++] = f;
	if (load_values(t))
		return t;
	parts_test_free(t);
	return NULL;
}

void parts_test_free(struct parts_test *t)
{
	if (!t)
		return;
	free(t->values);
	free(t->known);
	free(t);
}

static bool is_of_part(const struct parts_test *t, unsigned part, const struct value *row)
{
	for (size_t k = 0; k < t->n; k++)
		if (t->known[part * t->n + k] &&
		    (row[k].kind != VALUE_INT || row[k].num != t->values[part * t->n + k]))
			return false;
	return true;
}

bool parts_test(const struct parts_test *t, const struct row *row)
{
	struct value values[PART_FIELDS];
	bool left_out = false;

	for (size_t k = 0; k < t->n; k++)
		field_get(t->fields[k], row, &values[k]);
	for (unsigned i = 0; t->n && i < t->source->nparts; i++) {
		if (!is_of_part(t, i, values))
			continue;
		if (part_has(&t->asked, i))
			return true;
		left_out = true;
	}
	/* what is of no part is not for us to judge */
	return !left_out;
}
