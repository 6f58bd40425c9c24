/*
 * Owns reading a field out of a row, by its declaration. Knows no particular
 * source and no condition.
 */
#include "private.h"

#include <stdio.h>
#include <string.h>

const struct nlattr *row_nlattr(struct row *row, unsigned type)
{
	if (!row->indexed) {
		size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(row->source->header_size);

		/* a row whose attributes end badly still has those before; the answer says so */
		if (row->msg->nlmsg_len <= skip)
			memset(row->attr, 0, (row->source->max_attr + 1) * sizeof(*row->attr));
		else if (!nl_attrs((const char *)row->msg + skip, row->msg->nlmsg_len - skip,
				   row->attr, row->source->max_attr) &&
			 row->env)
			env_set_damaged(row->env);
		row->indexed = true;
	}
	return type <= row->source->max_attr ? row->attr[type] : NULL;
}

const void *row_attr(struct row *row, unsigned type, size_t size)
{
	const struct nlattr *a = row_nlattr(row, type);

	return a && nl_attr_len(a) >= size ? nl_attr_data(a) : NULL;
}

/* Unsigned, of 1, 2, 4 or 8 bytes at p, which may be unaligned. */
static uint64_t load(const unsigned char *p, const struct field *f)
{
	union {
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
	} u;

	switch (f->size) {
	case 1:
		return *p;
	case 2:
		memcpy(&u.u16, p, 2);
		return f->flags & FF_BIG_ENDIAN ? __builtin_bswap16(u.u16) : u.u16;
	case 4:
		memcpy(&u.u32, p, 4);
		return f->flags & FF_BIG_ENDIAN ? __builtin_bswap32(u.u32) : u.u32;
	default:
		memcpy(&u.u64, p, 8);
		return u.u64;
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
		v->real = f->scale < 1 ? (double)raw / (1 / f->scale) : (double)raw * f->scale;
		break;
	default:
		v->kind = VALUE_INT;
		v->num = (int64_t)raw;
		break;
	}
	return true;
}

bool field_load(const struct field *f, const struct row *row, struct value *v)
{
	const unsigned char *p;

	if (f->attr)
		/* making the index changes no fact of the row */
		p = row_attr((struct row *)row, f->attr, (size_t)f->offset + f->size);
	else
		p = row_header(row);
	return p && typed(f, load(p + f->offset, f), v);
}

bool field_get(const struct field *f, const struct row *row, struct value *v)
{
	if (f->get ? f->get(row, f, v) : field_load(f, row, v))
		return true;
	v->kind = VALUE_NIL;
	return false;
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

const struct source *const sources[] = { &source_sockets, NULL };
