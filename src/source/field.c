/*
 * Owns reading a field out of a row, by its declaration. Knows no particular
 * source and no condition.
 */
#include "private.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

const struct nlattr *row_nlattr(struct row *row, unsigned type)
{
	if (!row->indexed) {
		size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(row->shape->header);

		/* a row whose attributes end badly still has those before; the answer says so */
		if (row->msg->nlmsg_len <= skip)
			memset(row->attr, 0, (row->shape->max_attr + 1) * sizeof(*row->attr));
		else if (!nl_attrs((const char *)row->msg + skip, row->msg->nlmsg_len - skip,
				   row->attr, row->shape->max_attr) &&
			 row->env)
			env_set_damaged(row->env);
		row->indexed = true;
	}
	return type <= row->shape->max_attr ? row->attr[type] : NULL;
}

const void *row_attr(struct row *row, unsigned type, size_t size)
{
	const struct nlattr *a = row_nlattr(row, type);

	return a && nl_attr_len(a) >= size ? nl_attr_data(a) : NULL;
}

/* Unsigned, of 1, 2, 4 or 8 bytes at p, which may be unaligned. */
static uint64_t load(const unsigned char *p, size_t size, bool swap)
{
	union {
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
	} u;

	switch (size) {
	case 1:
		return *p;
	case 2:
		memcpy(&u.u16, p, 2);
		return swap ? __builtin_bswap16(u.u16) : u.u16;
	case 4:
		memcpy(&u.u32, p, 4);
		return swap ? __builtin_bswap32(u.u32) : u.u32;
	default:
		memcpy(&u.u64, p, 8);
		return swap ? __builtin_bswap64(u.u64) : u.u64;
	}
}

static bool typed(const struct field *f, uint64_t raw, struct value *v)
{
	if (f->mask)
		raw = raw >> f->shift & f->mask;
	if (f->has_none && raw == f->none)
		return false;
	switch (f->type) {
	case FT_BOOL:
		v->kind = VALUE_BOOL;
		v->flag = raw != 0;
		break;
	case FT_DURATION:
	case FT_FLOAT:
		v->kind = VALUE_FLOAT;
		/* a division by a whole number rounds once, as a written 0.05 does */
		v->real = (double)(int64_t)raw;
		v->real = f->scale < 1 ? v->real / (1 / f->scale) : v->real * f->scale;
		break;
	default:
		v->kind = VALUE_INT;
		v->num = (int64_t)raw;
		break;
	}
	return true;
}

const struct nlattr *row_nested(struct row *row, const uint16_t in[FIELD_DEPTH], unsigned type)
{
	const struct nlattr *a;
	bool bad = false;

	if (in[0] == 0)
		return row_nlattr(row, type);
	a = row_nlattr(row, in[0]);
	for (unsigned i = 1; a && i < FIELD_DEPTH && in[i]; i++)
		a = nl_attr_find(nl_attr_data(a), nl_attr_len(a), in[i], &bad);
	if (a)
		a = nl_attr_find(nl_attr_data(a), nl_attr_len(a), type, &bad);
	if (bad && row->env)
		env_set_damaged(row->env);
	return a;
}

static bool text_of(const unsigned char *p, size_t len, struct value *v)
{
	v->kind = VALUE_TEXT;
	v->text.p = (const char *)p;
	v->text.len = strnlen(v->text.p, len);
	return v->text.len > 0;
}

static bool addr_of(const unsigned char *p, size_t len, struct value *v)
{
	if (len != 4 && len != 16)
		return false;
	memset(v, 0, sizeof(*v));
	v->kind = VALUE_ADDR;
	v->addr.family = len == 4 ? AF_INET : AF_INET6;
	memcpy(v->addr.bytes, p, len);
	return true;
}

static bool lladdr_of(const unsigned char *p, size_t len, struct value *v)
{
	v->kind = VALUE_TEXT;
	v->text.p = (const char *)p;
	v->text.len = len;
	return len > 0 && len <= 32; /* MAX_ADDR_LEN, <linux/netdevice.h> */
}

/* Values whose length is that of what they lie in: len bytes from p on. */
static bool typed_bytes(const struct field *f, const unsigned char *p, size_t len, struct value *v)
{
	switch (f->type) {
	case FT_TEXT:
		return text_of(p, len, v);
	case FT_ADDR:
		return addr_of(p, len, v);
	default:
		return lladdr_of(p, len, v);
	}
}

static bool is_bytes(const struct field *f)
{
	return f->type == FT_TEXT || f->type == FT_ADDR || f->type == FT_LLADDR;
}

/* One value for each bit that is set and has a name. */
bool field_bits(const struct field *f, const struct row *row, uint64_t raw, struct value *v)
{
	size_t n = 0;
	struct value *list;

	if (f->mask)
		raw = raw >> f->shift & f->mask;
	for (const struct enum_name *e = f->names; e->name; e++)
		n++;
	list = env_list(row->env, n ? n : 1);
	if (!list)
		return false;
	n = 0;
	for (const struct enum_name *e = f->names; e->name; e++) {
		if ((raw & (uint64_t)e->value) == 0 || enum_text(f->names, e->value) != e->name)
			continue;
		list[n].kind = VALUE_INT;
		list[n++].num = e->value;
	}
	v->kind = VALUE_LIST;
	v->list.items = list;
	v->list.n = n;
	return n > 0;
}

static uint64_t extend(uint64_t raw, size_t size)
{
	unsigned empty = 64 - 8 * (unsigned)size;

	return size < 8 ? (uint64_t)((int64_t)(raw << empty) >> empty) : raw;
}

static bool load_from(const struct field *f, const struct place *at, const struct row *row,
		      const unsigned char *p, struct value *v)
{
	unsigned flags = f->flags | at->flags;
	uint64_t raw = load(p, at->size, flags & FF_BIG_ENDIAN);

	if (flags & FF_BITS)
		return field_bits(f, row, raw, v);
	if (flags & FF_SIGNED)
		raw = extend(raw, at->size);
	return typed(f, raw, v);
}

/* In an attribute: the whole of it, or what the place says of it. */
static bool load_attr(const struct field *f, const struct place *at, const struct row *row,
		      struct value *v)
{
	/* making the index changes no fact of the row */
	const struct nlattr *a = row_nested((struct row *)(uintptr_t)row, at->in,
					    at->attr == ATTR_ZERO ? 0 : at->attr);
	size_t len = a ? nl_attr_len(a) : 0;
	const unsigned char *p;

	if (!a || len < (size_t)at->offset + at->size)
		return false;
	p = (const unsigned char *)nl_attr_data(a) + at->offset;
	if (is_bytes(f))
		return typed_bytes(f, p, at->size ? at->size : len - at->offset, v);
	return load_from(f, at, row, p, v);
}

static bool load_here(const struct field *f, const struct place *at, const struct row *row,
		      struct value *v)
{
	const unsigned char *p;

	if (at->attr)
		return load_attr(f, at, row, v);
	p = (const unsigned char *)row_header(row) + at->offset;
	return is_bytes(f) ? typed_bytes(f, p, at->size, v) : load_from(f, at, row, p, v);
}

/* Of the places that the row's shape has for it, the first that is there. */
static bool load_place(const struct field *f, const struct row *row, struct value *v)
{
	for (const struct place *p = f->places; p->shape; p++)
		if (p->shape == row->shape && load_here(f, p, row, v))
			return true;
	return false;
}

static bool load_own(const struct field *f, const struct row *row, struct value *v)
{
	struct place at = { .attr = f->attr, .offset = f->offset, .size = f->size };

	memcpy(at.in, f->in, sizeof(at.in));
	return load_here(f, &at, row, v);
}

bool field_load(const struct field *f, const struct row *row, struct value *v)
{
	return f->places ? load_place(f, row, v) : load_own(f, row, v);
}

bool field_number(const struct field *f, const struct row *row, int64_t *n)
{
	struct field number = *f;
	struct value v;

	number.type = FT_INT;
	if (!field_load(&number, row, &v))
		return false;
	*n = v.num;
	return true;
}

bool field_in_shape(const struct field *f, const struct shape *shape)
{
	if (f->shape && f->shape != shape)
		return false;
	if (!f->places)
		return true;
	for (const struct place *p = f->places; p->shape; p++)
		if (p->shape == shape)
			return true;
	return false;
}

bool field_get(const struct field *f, const struct row *row, struct value *v)
{
	if ((!f->shape || f->shape == row->shape) && (!f->when || f->when(row, f)) &&
	    (f->get ? f->get(row, f, v) : field_load(f, row, v)))
		return true;
	v->kind = VALUE_NIL;
	return false;
}

void item_row(const struct field *f, const struct value *item, struct env *env, struct row *row)
{
	row->source = f->rows;
	row->env = env;
	row->msg = item->row;
	row->shape = f->rows->shape;
	row->tag = 0;
	row->asked = 0;
	row->when = 0;
	row->indexed = false;
}

const struct field *source_field(const struct source *s, const char *name)
{
	for (const struct field *f = s->fields; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

const char *source_nearest(const struct source *s, const char *word)
{
	const char *best = NULL;

	for (const struct field *f = s->fields; f->name; f++)
		best = nearest_name(word, best, f->name);
	return best;
}

const struct source *source_ref(const struct source *s)
{
	/* only counted ones are written to, and those were made in memory of ours */
	if (s->refs)
		((struct source *)(uintptr_t)s)->refs++;
	return s;
}

void source_unref(const struct source *s)
{
	struct source *own = (struct source *)(uintptr_t)s;

	if (s && s->refs && --own->refs == 0)
		own->destroy(own);
}
