/*
 * Owns single values of forms: which number one is in the unit of its part, which
 * are left out, which have a text of their own, and how the others are printed.
 */
#include "private.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Whole numbers below this are looked up in a map by their number. */
#define DIRECT	   64
/* So that no product of two of them and a unit leaves 64 bits. */
#define FACTOR_MAX UINT32_MAX

static const struct {
	const char *name;
	uint64_t per_second;
} units[] = { { "us", 1000000 }, { "ms", 1000 }, { "s", 1 } };

bool form_is_number(const struct field *f)
{
	switch (f->type) {
	case FT_BOOL:
	case FT_TEXT:
	case FT_ADDR:
	case FT_LLADDR:
	case FT_ROWS:
		return false;
	default:
		return true;
	}
}

/* ---- numbers ------------------------------------------------------------------------- */

static void number_real(double real, struct number *out)
{
	double whole = fabs(real);

	out->real = real;
	out->negative = real < 0;
	out->mag = whole < 0x1p64 ? (uint64_t)whole : UINT64_MAX; /* NaN: the maximum */
	out->exact = whole < 0x1p53 && (double)out->mag == whole;
}

/* times / parts of it: one multiplication that loses nothing, one division. */
static void number_scale(const struct form_value *v, struct number *n)
{
	unsigned __int128 product = (unsigned __int128)n->mag * v->times;
	unsigned __int128 whole = product / v->parts;

	n->real = (double)product / (double)v->parts;
	if (n->negative)
		n->real = -n->real;
	n->exact = product % v->parts == 0 && whole <= UINT64_MAX;
	n->mag = whole <= UINT64_MAX ? (uint64_t)whole : UINT64_MAX;
}

static void number_whole(const struct form_value *v, int64_t num, struct number *out)
{
	const struct field *f = v->field;

	if (v->wrap)
		num = (int32_t)(uint32_t)num;
	/* counters of 64 bits keep theirs in the sign */
	out->negative = num < 0 && (v->wrap || !f || f->size != 8 || f->flags & FF_SIGNED);
	out->mag = out->negative ? -(uint64_t)num : (uint64_t)num;
	out->exact = true;
	out->real = out->negative ? -(double)out->mag : (double)out->mag;
	if (v->times)
		number_scale(v, out);
}

static void number_float(const struct form_value *v, double real, struct number *out)
{
	if (v->per_second) {
		double raw = real * (double)v->per_second;

		if (fabs(raw) < 0x1p63) {
			number_whole(v, llround(raw), out);
			return;
		}
	}
	if (v->times)
		real = real * (double)v->times /
		       ((double)v->parts / fmax((double)v->per_second, 1));
	number_real(real, out);
}

bool number_of(const struct form_value *v, const struct value *value, struct number *out)
{
	switch (value->kind) {
	case VALUE_BOOL:
		number_whole(v, value->flag, out);
		return true;
	case VALUE_INT:
		number_whole(v, value->num, out);
		return true;
	case VALUE_FLOAT:
		number_float(v, value->real, out);
		return true;
	default:
		return false;
	}
}

/* ---- keys ---------------------------------------------------------------------------- */

static int refuse_key(const struct field *f, const char *takes, struct nl_error *err)
{
	return nl_fail(err, EINVAL, "%s is compared with %s", f ? f->name : "a calculation", takes);
}

static int enum_key(const struct field *f, const char *name, struct form_key *key,
		    struct nl_error *err)
{
	const char *near = NULL;

	for (const struct enum_name *n = f->names; n->name; n++) {
		if (strcmp(n->name, name) == 0) {
			key->kind = VALUE_FLOAT;
			key->real = (double)n->value;
			return 0;
		}
		near = nearest_name(name, near, n->name);
	}
	return nl_fail(err, EINVAL,
		       near ? "%s is never '%.60s'; did you mean '%s'?" : "%s is never '%.60s'",
		       f->name, name, near);
}

static int text_key(struct form *form, const struct field *f, const struct value *raw,
		    struct form_key *key, struct nl_error *err)
{
	unsigned bits;

	key->kind = VALUE_TEXT;
	if (!form_copy(form, raw->text.p, raw->text.len, &key->text))
		return nl_fail(err, ENOMEM, "out of memory");
	if (f->type == FT_ENUM)
		return enum_key(f, key->text.p, key, err);
	if (f->type != FT_ADDR)
		return 0;
	if (!addr_parse(key->text.p, key->text.len, &key->addr, &bits))
		return refuse_key(f, "an address", err);
	key->kind = VALUE_ADDR;
	key->addr.plen = memchr(key->text.p, '/', key->text.len) ? (uint8_t)(bits + 1) : 0;
	return 0;
}

int form_key_read(struct form *form, const struct field *f, const struct value *raw,
		  struct form_key *key, struct nl_error *err)
{
	bool any = f && f->type == FT_ANY, numbers = !f || form_is_number(f);

	memset(key, 0, sizeof(*key));
	key->kind = VALUE_FLOAT;
	switch (raw->kind) {
	case VALUE_BOOL:
		key->real = raw->flag;
		return any || (f && f->type == FT_BOOL) ? 0 : refuse_key(f, "no boolean", err);
	case VALUE_INT:
		key->real = (double)raw->num;
		return numbers ? 0 : refuse_key(f, "no number", err);
	case VALUE_FLOAT:
		key->real = raw->real;
		return numbers ? 0 : refuse_key(f, "no number", err);
	case VALUE_TEXT:
		if (!f || f->type == FT_BOOL || f->type == FT_ROWS)
			return refuse_key(f, "no text", err);
		if (numbers && f->type != FT_ENUM && !any)
			return refuse_key(f, "numbers, not with a text", err);
		return text_key(form, f, raw, key, err);
	default:
		return refuse_key(f, "values", err);
	}
}

/* The value's text; *outside: it may hold any byte. */
static const char *text_of(const struct form_value *v, const struct value *value,
			   char buf[VALUE_TEXT_MAX], size_t *len, bool *outside)
{
	static const struct field plain = { .type = FT_FLOAT };

	*outside = value->kind == VALUE_TEXT;
	return value_text(v->field ? v->field : &plain, value, buf, len);
}

static bool key_matches(const struct form_value *v, const struct form_key *key,
			const struct value *value, const struct number *n)
{
	char buf[VALUE_TEXT_MAX];
	const char *text;
	bool outside;
	size_t len;

	switch (key->kind) {
	case VALUE_FLOAT:
		return n && n->real == key->real;
	case VALUE_ADDR:
		return value->kind == VALUE_ADDR && value->addr.family == key->addr.family &&
		       value->addr.plen == key->addr.plen &&
		       memcmp(value->addr.bytes, key->addr.bytes,
			      key->addr.family == AF_INET ? 4 : 16) == 0;
	default:
		text = text_of(v, value, buf, &len, &outside);
		return len == key->text.len && memcmp(text, key->text.p, len) == 0;
	}
}

static const struct form_text *map_find(const struct form_value *v, const struct value *value,
					const struct number *n)
{
	if (v->by_number && n && n->exact && !n->negative && n->mag < DIRECT)
		return v->by_number[n->mag];
	for (size_t i = 0; i < v->nmap; i++)
		if (key_matches(v, &v->map[i].key, value, n))
			return &v->map[i].text;
	return NULL;
}

/* ---- printing ------------------------------------------------------------------------ */

static void put_as(const struct form_value *v, const struct value *value, const struct number *n,
		   struct fmt_text *out)
{
	struct fmt_text number = { .p = NULL };
	char buf[VALUE_TEXT_MAX];
	const char *text;
	bool outside;
	size_t len;

	if (n && v->as->conversion != 's') {
		put_number(v->as, n, out);
	} else if (n && !v->plain) {
		put_plain(n, &number);
		if (number.failed)
			out->failed = true;
		else
			put_text(v->as, number.p, number.len, false, out);
		fmt_text_free(&number);
	} else {
		text = text_of(v, value, buf, &len, &outside);
		put_text(v->as, text, len, outside, out);
	}
}

static void put_natural(const struct form_value *v, const struct value *value,
			const struct number *n, struct fmt_text *out)
{
	char buf[VALUE_TEXT_MAX];
	const char *text;
	bool outside;
	size_t len;

	if (n && (!v->plain || (value->kind == VALUE_INT && v->field->type != FT_ENUM))) {
		put_plain(n, out);
		return;
	}
	text = text_of(v, value, buf, &len, &outside);
	if (outside)
		put_clean(text, len, out);
	else
		fmt_text_add(out, text, len);
}

static bool put_list(const struct form_value *v, const struct value *list, const struct row *row,
		     struct fmt_text *out)
{
	bool any = false;

	for (size_t i = 0; i < list->list.n; i++) {
		size_t at = out->len;

		if (any)
			fmt_text_add(out, ",", 1);
		if (form_value_put(v, &list->list.items[i], row, out))
			any = true;
		else
			out->len = at;
	}
	return any;
}

bool form_value_put(const struct form_value *v, const struct value *value, const struct row *row,
		    struct fmt_text *out)
{
	const struct form_text *named;
	struct number number;
	const struct number *n = NULL;

	if (value->kind == VALUE_LIST)
		return put_list(v, value, row, out);
	if (value->kind == VALUE_NIL || value->kind == VALUE_ROW)
		return false;
	if (v->number && number_of(v, value, &number))
		n = &number;
	for (size_t i = 0; i < v->nunless; i++)
		if (key_matches(v, &v->unless[i], value, n))
			return false;
	named = v->nmap ? map_find(v, value, n) : NULL;
	if (named)
		fmt_text_add(out, named->p, named->len);
	else if (v->renderer)
		v->renderer->put(v, value, n, row, out);
	else if (v->as)
		put_as(v, value, n, out);
	else
		put_natural(v, value, n, out);
	return true;
}

/* ---- checking ------------------------------------------------------------------------ */

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static int ready_unit(struct form_value *v, struct nl_error *err)
{
	const struct field *f = v->field;
	bool duration = f && f->type == FT_DURATION;
	uint64_t per_second = 1, common;

	if (!v->unit && v->renderer && duration)
		v->unit = v->renderer->unit;
	if (v->unit && !duration)
		return nl_fail(err, EINVAL, "a unit is of durations; %s is of type %s",
			       f ? f->name : "a calculation",
			       f ? field_kinds[f->type].name : "number");
	if ((v->mul || v->div || v->wrap) && f && (!form_is_number(f) || f->type == FT_ENUM))
		return nl_fail(err, EINVAL, "%s is of type %s: it cannot be calculated with",
			       f->name, field_kinds[f->type].name);
	if (v->mul > FACTOR_MAX || v->div > FACTOR_MAX)
		return nl_fail(err, EINVAL, "mul and div are at most %u", FACTOR_MAX);
	v->plain = !v->unit && !v->mul && !v->div && !v->wrap;
	if (v->unit) {
		size_t i = 0;

		while (i < sizeof(units) / sizeof(units[0]) && strcmp(units[i].name, v->unit) != 0)
			i++;
		if (i == sizeof(units) / sizeof(units[0]))
			return nl_fail(err, EINVAL, "a unit is us, ms or s, not %.20s", v->unit);
		per_second = units[i].per_second;
	}
	/* the declaration says how many of the kernel's numbers are a second */
	if (duration && f->scale > 0)
		v->per_second = f->scale < 1 ? (uint64_t)llround(1 / f->scale) : 1;
	v->times = per_second * (v->mul ? v->mul : 1);
	v->parts = (v->per_second ? v->per_second : 1) * (v->div ? v->div : 1);
	common = gcd(v->times, v->parts);
	v->times /= common;
	v->parts /= common;
	if (v->times == 1 && v->parts == 1)
		v->times = 0;
	return 0;
}

static int ready_map(struct form *form, struct form_value *v, struct nl_error *err)
{
	bool direct = v->nmap > 0;

	for (size_t i = 0; i < v->nmap; i++) {
		const struct form_key *key = &v->map[i].key;

		direct = direct && key->kind == VALUE_FLOAT && key->real >= 0 &&
			 key->real < DIRECT && key->real == floor(key->real);
	}
	if (!direct)
		return 0;
	v->by_number = form_alloc(form, DIRECT * sizeof(struct form_text *));
	if (!v->by_number)
		return nl_fail(err, ENOMEM, "out of memory");
	for (size_t i = v->nmap; i-- > 0;)
		v->by_number[(size_t)v->map[i].key.real] = &v->map[i].text;
	return 0;
}

static bool has_number_key(const struct form_value *v)
{
	for (size_t i = 0; i < v->nunless; i++)
		if (v->unless[i].kind == VALUE_FLOAT)
			return true;
	for (size_t i = 0; i < v->nmap; i++)
		if (v->map[i].key.kind == VALUE_FLOAT)
			return true;
	return false;
}

int form_value_ready(struct form *form, struct form_value *v, struct nl_error *err)
{
	const struct field *f = v->field;
	bool numbers = !f || form_is_number(f);

	if (ready_unit(v, err) < 0 || ready_map(form, v, err) < 0)
		return -1;
	if (v->as && v->as->conversion != 's' && !numbers && f->type != FT_BOOL)
		return nl_fail(err, EINVAL, "%%%c takes a number, and %s is of type %s: use %%s",
			       v->as->conversion, f->name, field_kinds[f->type].name);
	if (v->renderer && !v->renderer->fits(v))
		return nl_fail(err, EINVAL, "%s takes %s, and %s is of type %s", v->renderer->name,
			       v->renderer->takes, f ? f->name : "a calculation",
			       f ? field_kinds[f->type].name : "number");
	v->number = numbers || has_number_key(v) || (v->as && v->as->conversion != 's');
	/* the text of a name or a real is made of the value */
	if (v->plain && f && !v->as && !v->renderer && !has_number_key(v) &&
	    (f->type == FT_ENUM || f->type == FT_FLOAT || f->type == FT_DURATION))
		v->number = false;
	return 0;
}
