/*
 * Owns sources that are made at run time, for the results of queries, and
 * their rows: a row is a message like any other, whose payload is the values
 * one behind the other. Texts, lists and rows lie behind them; a value holds the
 * distance from the start of the message where in memory a pointer would be,
 * so a row can be copied as it is.
 */
#include "private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct made {
	struct source source;
	size_t n;
	char **names;
	struct field fields[];
};

const struct shape made_shape = { .name = "rows of a query" };

static struct made *made_of(const struct source *s)
{
	return (struct made *)(uintptr_t)s;
}

static void made_destroy(struct source *s)
{
	struct made *m = made_of(s);

	for (size_t i = 0; i < m->n; i++)
		free(m->names[i]);
	free(m->names);
	free(m);
}

struct source *made_source(const char *name, const char *row_name, size_t n)
{
	/* one more: the end of the list */
	struct made *m = calloc(1, sizeof(*m) + (n + 1) * sizeof(m->fields[0]));

	if (!m)
		return NULL;
	m->names = calloc(n + 1, sizeof(*m->names));
	if (!m->names) {
		free(m);
		return NULL;
	}
	m->n = n;
	m->source = (struct source){
		.name = name,
		.row_name = row_name,
		.doc = "Rows that a query made.",
		.fields = m->fields,
		.shape = &made_shape,
		.refs = 1,
		.destroy = made_destroy,
	};
	return &m->source;
}

const struct field made_any = {
	.type = FT_ANY,
	.doc = "What a function of the query gives.",
	.from = "a function",
};

static const struct value *values_of(const struct row *row)
{
	return row_header(row);
}

/* Where a distance from the start of the message leads. */
static const void *at(const struct row *row, const void *distance)
{
	return (const char *)row->msg + (uintptr_t)distance;
}

/* Where the tail lies, of what has one; a distance becomes a pointer. */
static void resolve(const struct row *row, struct value *v)
{
	if (v->kind == VALUE_TEXT)
		v->text.p = at(row, v->text.p);
	else if (v->kind == VALUE_ROW)
		v->row = at(row, v->row);
	else if (v->kind == VALUE_LIST)
		v->list.items = at(row, v->list.items);
}

/* The row stays as it is, so items that have tails are resolved in a copy. */
static bool resolve_items(const struct row *row, struct value *v)
{
	struct value *items;

	if (v->list.n == 0 ||
	    (v->list.items[0].kind != VALUE_TEXT && v->list.items[0].kind != VALUE_ROW))
		return true;
	items = env_scratch(row->env, v->list.n * sizeof(*items));
	if (!items)
		return false;
	memcpy(items, v->list.items, v->list.n * sizeof(*items));
	for (size_t i = 0; i < v->list.n; i++)
		resolve(row, &items[i]);
	v->list.items = items;
	return true;
}

static bool get_packed(const struct row *row, const struct field *f, struct value *v)
{
	*v = values_of(row)[f - row->source->fields];
	resolve(row, v);
	if (v->kind == VALUE_LIST && !resolve_items(row, v))
		return false;
	return v->kind != VALUE_NIL;
}

bool made_field(struct source *s, size_t i, const char *name, const struct field *like)
{
	struct made *m = made_of(s);

	for (size_t k = 0; k < m->n; k++)
		if (m->names[k] && strcmp(m->names[k], name) == 0) {
			errno = EEXIST;
			return false;
		}
	m->names[i] = strdup(name);
	if (!m->names[i])
		return false;
	if (like)
		m->fields[i] = *like;
	m->fields[i].name = m->names[i];
	m->fields[i].get = get_packed;
	m->fields[i].get_more = NULL; /* what a row has beside it, a result has not */
	m->fields[i].shape = NULL;
	m->fields[i].places = NULL;
	m->fields[i].when = NULL;
	m->fields[i].push = NULL;
	m->fields[i].needs = 0;
	m->fields[i].cost = COST_FREE;
	m->fields[i].flags = (m->fields[i].flags & FF_LIST) | FF_COLUMN;
	return true;
}

struct field *made_at(struct source *s, size_t i)
{
	return &made_of(s)->fields[i];
}

size_t made_count(const struct source *s)
{
	return made_of(s)->n;
}

/* ---- rows -------------------------------------------------------------------------- */

bool packer_open(struct packer *p, const struct source *s)
{
	memset(p, 0, sizeof(*p));
	p->source = s;
	p->env = env_new(NULL);
	if (!p->env)
		return false;
	env_keep_source(p->env, s);
	return true;
}

void packer_close(struct packer *p)
{
	env_unref(p->env);
	free(p->buf);
	memset(p, 0, sizeof(*p));
}

#define ALIGN8(n) (((n) + 7) & ~(size_t)7)

/* Bytes that the value's text, row or items take behind the values. */
static size_t tail(const struct value *v)
{
	size_t n = 0;

	if (v->kind == VALUE_TEXT)
		return ALIGN8(v->text.len);
	if (v->kind == VALUE_ROW)
		return ALIGN8(v->row->nlmsg_len);
	if (v->kind != VALUE_LIST)
		return 0;
	for (size_t i = 0; i < v->list.n; i++)
		n += sizeof(*v) + tail(&v->list.items[i]);
	return n;
}

static bool reserve(struct packer *p, size_t size)
{
	unsigned char *buf;

	if (size <= p->size)
		return true;
	buf = realloc(p->buf, size * 2);
	if (!buf)
		return false;
	p->buf = buf;
	p->size = size * 2;
	return true;
}

/* Copies what the value points to behind what is there, for which there is room. */
static void *put_bytes(struct packer *p, const void *bytes, size_t n)
{
	void *here = (void *)p->end; /* a distance, see above */

	if (n)
		memcpy(p->buf + p->end, bytes, n);
	p->end += ALIGN8(n);
	return here;
}

static void put_tail(struct packer *p, struct value *v)
{
	if (v->kind == VALUE_TEXT)
		v->text.p = put_bytes(p, v->text.p, v->text.len);
	else if (v->kind == VALUE_ROW)
		v->row = put_bytes(p, v->row, v->row->nlmsg_len);
}

/* The items lie one behind the other, then their tails; a list holds no lists. */
static void put_items(struct packer *p, struct value *v)
{
	struct value *items = (struct value *)(p->buf + p->end);

	v->list.items = put_bytes(p, v->list.items, v->list.n * sizeof(*v));
	for (size_t i = 0; i < v->list.n; i++)
		put_tail(p, &items[i]);
}

bool pack_begin(struct packer *p)
{
	size_t end = NLMSG_HDRLEN + made_count(p->source) * sizeof(struct value);

	if (!reserve(p, end))
		return false;
	memset(p->buf, 0, end); /* VALUE_NIL is 0 */
	p->end = end;
	return true;
}

bool pack_put(struct packer *p, size_t i, const struct value *v)
{
	struct value *out;

	if (!reserve(p, p->end + tail(v)))
		return false;
	out = (struct value *)(p->buf + NLMSG_HDRLEN) + i;
	*out = *v;
	if (v->kind == VALUE_LIST)
		put_items(p, out);
	else
		put_tail(p, out);
	return true;
}

void pack_end(struct packer *p, struct row *row)
{
	struct nlmsghdr *msg = (struct nlmsghdr *)p->buf;

	msg->nlmsg_len = (uint32_t)p->end;
	memset(row, 0, offsetof(struct row, attr));
	row->source = p->source;
	row->env = p->env;
	row->msg = msg;
	row->shape = &made_shape;
}

bool pack_row(struct packer *p, const struct value *values, struct row *row)
{
	bool ok = pack_begin(p);

	for (size_t i = 0; ok && i < made_count(p->source); i++)
		ok = pack_put(p, i, &values[i]);
	if (ok)
		pack_end(p, row);
	return ok;
}
