/*
 * Owns reading what a user wrote as the value of a condition: by the field's
 * type, with units, ranges, names. Knows no row and no tree of conditions.
 */
#include "private.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const cond_op_names[OP_COUNT] = {
	[OP_EQ] = "=", [OP_NE] = "!=", [OP_LT] = "<", [OP_LE] = "<=", [OP_GT] = ">", [OP_GE] = ">=",
};

enum cond_op cond_op_parse(const char *text)
{
	for (enum cond_op op = 0; op < OP_COUNT; op++)
		if (strcmp(text, cond_op_names[op]) == 0)
			return op;
	if (strcmp(text, "==") == 0)
		return OP_EQ;
	return strcmp(text, "~=") == 0 ? OP_NE : OP_COUNT;
}

/* A unit behind a number, and what it multiplies by. */
struct unit {
	const char *name;
	double times;
};

static const struct unit durations[] = {
	{ "", 1 },   { "s", 1 },    { "sec", 1 },  { "ms", 1e-3 }, { "us", 1e-6 }, { "ns", 1e-9 },
	{ "m", 60 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 }, { NULL, 0 },
};
static const struct unit sizes[] = {
	{ "", 1 },
	{ "b", 1 },
	{ "k", 1024 },
	{ "kb", 1024 },
	{ "kib", 1024 },
	{ "m", 1048576 },
	{ "mb", 1048576 },
	{ "mib", 1048576 },
	{ "g", 1073741824 },
	{ "gb", 1073741824 },
	{ "gib", 1073741824 },
	{ "t", 1099511627776 },
	{ "tb", 1099511627776 },
	{ "tib", 1099511627776 },
	{ NULL, 0 },
};
static const struct unit rates[] = {
	{ "bit", 1.0 / 8 },  { "kbit", 1e3 / 8 },  { "mbit", 1e6 / 8 },
	{ "gbit", 1e9 / 8 }, { "tbit", 1e12 / 8 }, { NULL, 0 },
};
static const struct unit none[] = { { "", 1 }, { NULL, 0 } };

/* The text with a NUL behind it, or false when it is too long or holds one. */
static bool terminated(const struct value *raw, char *buf, size_t size)
{
	if (raw->text.len >= size || memchr(raw->text.p, '\0', raw->text.len))
		return false;
	memcpy(buf, raw->text.p, raw->text.len);
	buf[raw->text.len] = '\0';
	return true;
}

static bool scaled(const char *text, const struct unit *units, double *out)
{
	char *end;
	double n;

	if (strpbrk(text, "xXnNpP") == text) /* "nan", "infinity" are no numbers here */
		return false;
	n = strtod(text, &end);
	if (end == text || !isfinite(n))
		return false;
	while (*end == ' ')
		end++;
	for (; units->name; units++) {
		if (strcasecmp(end, units->name) == 0) {
			*out = units->times < 1 ? n / (1 / units->times) : n * units->times;
			return true;
		}
	}
	return false;
}

static bool number(const struct field *f, const char *text, double *out)
{
	switch (f->type) {
	case FT_DURATION:
		return scaled(text, durations, out);
	case FT_BYTES:
		return scaled(text, sizes, out);
	case FT_RATE:
		return scaled(text, sizes, out) || scaled(text, rates, out);
	default:
		return scaled(text, none, out);
	}
}

static bool whole_field(const struct field *f)
{
	return f->type != FT_DURATION && f->type != FT_FLOAT;
}

/* A whole number: decimal, 0x.., or with the field's units. */
static bool integer(const struct field *f, const char *text, int64_t *out)
{
	char *end;
	double n;

	errno = 0;
	*out = strtoll(text, &end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
	if (end != text && *end == '\0' && text[0] != ' ')
		return errno == 0;
	if (!number(f, text, &n) || n != floor(n) || fabs(n) >= 9e18)
		return false;
	*out = (int64_t)n;
	return true;
}

static bool in_bounds(const struct field *f, const struct value *v)
{
	return f->type != FT_PORT || (v->num >= 0 && v->num <= 65535);
}

static bool one_number(const struct field *f, const char *text, struct value *v)
{
	if (whole_field(f)) {
		v->kind = VALUE_INT;
		return integer(f, text, &v->num) && in_bounds(f, v);
	}
	v->kind = VALUE_FLOAT;
	return number(f, text, &v->real);
}

/* "a-b"; the first '-' that is not a sign or an exponent's divides. */
static bool range(const struct field *f, char *text, struct operand *o)
{
	char *dash = text[0] ? strchr(text + 1, '-') : NULL;

	while (dash && (dash[-1] | 0x20) == 'e')
		dash = strchr(dash + 1, '-');
	if (!dash)
		return false;
	*dash = '\0';
	o->kind = OPERAND_RANGE;
	if (one_number(f, text, &o->lo) && one_number(f, dash + 1, &o->hi))
		return whole_field(f) ? o->lo.num <= o->hi.num : o->lo.real <= o->hi.real;
	*dash = '-';
	return false;
}

/* An operand at the end of the list, cleared; NULL: no memory. */
static struct operand *grow(struct cond *c)
{
	struct operand *list = realloc(c->operands, (c->n + 1) * sizeof(*list));

	if (!list)
		return NULL;
	c->operands = list;
	memset(&list[c->n], 0, sizeof(*list));
	return &list[c->n++];
}

static int no_memory(struct nl_error *err)
{
	return nl_fail(err, ENOMEM, "out of memory");
}

/* An enum without a near name: all of its names, each value's own. */
static int refuse_name(const struct cond *c, const char *shown, struct nl_error *err)
{
	char names[sizeof(err->text)] = "";
	const struct enum_name *own = c->field->names;

	for (const struct enum_name *n = own; n->name; n++) {
		size_t len = strlen(names);

		if (enum_text(own, n->value) == n->name)
			snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "",
				 n->name);
	}
	return nl_fail(err, EINVAL, "%s cannot be %s; it is one of %.180s", c->field->name, shown,
		       names);
}

/* The refusal that every type shares: what it got, what the field takes. */
static int refuse(const struct cond *c, const struct value *raw, const char *near,
		  struct nl_error *err)
{
	const struct field *f = c->field;
	struct field plain = { .type = FT_TEXT };
	char buf[VALUE_TEXT_MAX], shown[80];
	const char *text;
	size_t len;

	text = value_text(&plain, raw, buf, &len);
	snprintf(shown, sizeof(shown), raw->kind == VALUE_TEXT ? "\"%.*s\"" : "%.*s",
		 (int)(len > 60 ? 60 : len), text);
	if (near)
		return nl_fail(err, EINVAL, "%s cannot be %s; did you mean \"%s\"?", f->name, shown,
			       near);
	if (f->type == FT_ENUM)
		return refuse_name(c, shown, err);
	return nl_fail(err, EINVAL, "%s cannot be %s; it takes %s", f->name, shown,
		       field_kinds[f->type].takes);
}

static bool known_service(uint16_t port, const struct cond *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->operands[i].lo.num == port)
			return true;
	return false;
}

/* A service may have another number in udp than in tcp: either is meant. */
static int add_service(struct cond *c, const char *name, struct nl_error *err)
{
	static const char *const protos[] = { "tcp", "udp" };
	bool found = false;

	for (size_t i = 0; i < 2; i++) {
		struct servent entry, *got = NULL;
		char buf[1024];
		struct operand *o;

		if (getservbyname_r(name, protos[i], &entry, buf, sizeof(buf), &got) || !got)
			continue;
		found = true;
		if (known_service(ntohs((uint16_t)got->s_port), c))
			continue;
		o = grow(c);
		if (!o)
			return no_memory(err);
		o->lo.kind = VALUE_INT;
		o->lo.num = ntohs((uint16_t)got->s_port);
	}
	return found ? 0 : 1;
}

static int add_mark(struct cond *c, char *text, struct nl_error *err)
{
	char *slash = strchr(text, '/');
	struct operand *o;
	int64_t value, mask;

	if (!slash)
		return 1;
	*slash = '\0';
	if (!integer(c->field, text, &value) || !integer(c->field, slash + 1, &mask))
		return 1;
	o = grow(c);
	if (!o)
		return no_memory(err);
	o->kind = OPERAND_MASK;
	o->lo.kind = VALUE_INT;
	o->lo.num = value;
	o->mask = (uint64_t)mask;
	return 0;
}

static int add_number(struct cond *c, const struct value *raw, struct nl_error *err)
{
	struct operand o = { .kind = OPERAND_VALUE }, *place;
	char text[64];
	int rc = 1;

	if (raw->kind == VALUE_FLOAT && isnan(raw->real))
		return refuse(c, raw, NULL, err);
	if (raw->kind == VALUE_TEXT) {
		if (!terminated(raw, text, sizeof(text)))
			return refuse(c, raw, NULL, err);
		if (!one_number(c->field, text, &o.lo) && !range(c->field, text, &o)) {
			if (c->field->type == FT_PORT)
				rc = add_service(c, text, err);
			else if (c->field->type == FT_MARK)
				rc = add_mark(c, text, err);
			return rc == 1 ? refuse(c, raw, NULL, err) : rc;
		}
	} else if (whole_field(c->field)) {
		if (raw->kind == VALUE_FLOAT &&
		    (raw->real != floor(raw->real) || fabs(raw->real) >= 9e18)) {
			/* 0.5 is a fair bound for an ordering, never an exact value */
			if (c->op == OP_EQ || c->op == OP_NE)
				return refuse(c, raw, NULL, err);
			o.lo = *raw;
		} else {
			o.lo.kind = VALUE_INT;
			o.lo.num = raw->kind == VALUE_INT ? raw->num : (int64_t)raw->real;
			if (!in_bounds(c->field, &o.lo))
				return refuse(c, raw, NULL, err);
		}
	} else {
		o.lo.kind = VALUE_FLOAT;
		o.lo.real = raw->kind == VALUE_FLOAT ? raw->real : (double)raw->num;
	}
	place = grow(c);
	if (!place)
		return no_memory(err);
	*place = o;
	return 0;
}

/* Is it a number, of an enum that has those too? */
static bool open_number(const struct field *f, const struct value *raw, int64_t *number)
{
	const struct field plain = { .type = FT_INT };
	char text[32];

	if (!(f->flags & FF_OPEN))
		return false;
	*number = raw->num;
	if (raw->kind == VALUE_INT)
		return true;
	return raw->kind == VALUE_TEXT && terminated(raw, text, sizeof(text)) &&
	       integer(&plain, text, number);
}

static int add_enum(struct cond *c, const struct value *raw, struct nl_error *err)
{
	const struct enum_name *n;
	const char *near = NULL;
	int64_t number = 0;
	struct operand *o;
	char word[32];

	for (n = c->field->names; n->name; n++)
		if (raw->kind == VALUE_TEXT ? same_spelling(n->name, raw->text.p, raw->text.len)
					    : raw->kind == VALUE_INT && n->value == raw->num)
			break;
	if (!n->name && open_number(c->field, raw, &number)) {
		/* any number does */
	} else if (!n->name) {
		if (raw->kind == VALUE_TEXT && terminated(raw, word, sizeof(word)))
			for (n = c->field->names; n->name; n++)
				near = nearest_name(word, near, n->name);
		return refuse(c, raw, near, err);
	}
	o = grow(c);
	if (!o)
		return no_memory(err);
	o->lo.kind = VALUE_INT;
	o->lo.num = n->name ? n->value : number;
	return 0;
}

static int add_text(struct cond *c, const struct value *raw, struct nl_error *err)
{
	char buf[VALUE_TEXT_MAX];
	const struct field plain = { .type = FT_TEXT };
	struct operand *o;
	const char *text;
	size_t len;
	char *copy;

	text = value_text(&plain, raw, buf, &len);
	copy = malloc(len + 1);
	o = copy ? grow(c) : NULL;
	if (!o) {
		free(copy);
		return no_memory(err);
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	o->kind = raw->kind == VALUE_TEXT && strpbrk(copy, "*?[") ? OPERAND_GLOB : OPERAND_VALUE;
	o->lo.kind = VALUE_TEXT;
	o->lo.text.p = copy;
	o->lo.text.len = len;
	return 0;
}

/* A prefix keeps no bits behind its length; ::ffff:a.b.c.d/96+n is the IPv4 prefix /n. */
static int add_addr(struct cond *c, const struct value *raw, struct nl_error *err)
{
	struct operand *o;
	struct addr a;
	unsigned bits;

	if (raw->kind != VALUE_TEXT || !addr_parse(raw->text.p, raw->text.len, &a, &bits))
		return refuse(c, raw, NULL, err);
	if (bits >= 96 && addr_is_mapped(&a)) {
		a = addr_canonical(&a);
		bits -= 96;
	}
	for (unsigned i = 0; i < sizeof(a.bytes); i++) {
		if (bits <= i * 8)
			a.bytes[i] = 0;
		else if (bits < i * 8 + 8)
			a.bytes[i] &= (uint8_t)(0xff << (i * 8 + 8 - bits));
	}
	o = grow(c);
	if (!o)
		return no_memory(err);
	o->kind = OPERAND_PREFIX;
	o->lo.kind = VALUE_ADDR;
	o->lo.addr = a;
	o->bits = bits;
	return 0;
}

static int hex_digit(char c)
{
	c = tolower_ascii(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "02:00:5e:10:00:01", also with '-' between: its bytes to out; 0: it is none. */
static size_t lladdr_parse(const char *p, size_t len, char out[32])
{
	const char *end = p + len;
	size_t n = 0;

	while (p < end && n < 32) {
		int hi = hex_digit(*p++), lo;

		if (hi < 0)
			return 0;
		lo = p < end ? hex_digit(*p) : -1;
		if (lo >= 0)
			p++;
		out[n++] = (char)(lo < 0 ? hi : hi << 4 | lo);
		if (p == end)
			return n > 1 ? n : 0;
		if (*p != ':' && *p != '-')
			return 0;
		p++;
	}
	return 0;
}

/* Of tunnels the address of the link is an IP address. */
static int add_lladdr(struct cond *c, const struct value *raw, struct nl_error *err)
{
	struct operand *o;
	char bytes[32], *copy;
	size_t n = 0;

	if (raw->kind == VALUE_TEXT)
		n = lladdr_parse(raw->text.p, raw->text.len, bytes);
	if (n == 0)
		return add_addr(c, raw, err);
	copy = malloc(n);
	o = copy ? grow(c) : NULL;
	if (!o) {
		free(copy);
		return no_memory(err);
	}
	memcpy(copy, bytes, n);
	o->lo.kind = VALUE_TEXT;
	o->lo.text.p = copy;
	o->lo.text.len = n;
	return 0;
}

static int add_bool(struct cond *c, const struct value *raw, struct nl_error *err)
{
	struct operand *o;
	bool flag = false;

	if (raw->kind == VALUE_BOOL)
		flag = raw->flag;
	else if (raw->kind == VALUE_TEXT && same_spelling("true", raw->text.p, raw->text.len))
		flag = true;
	else if (raw->kind != VALUE_TEXT || !same_spelling("false", raw->text.p, raw->text.len))
		return refuse(c, raw, NULL, err);
	o = grow(c);
	if (!o)
		return no_memory(err);
	o->lo.kind = VALUE_BOOL;
	o->lo.flag = flag;
	return 0;
}

static int add_present(struct cond *c, const struct value *raw, struct nl_error *err)
{
	struct operand *o = grow(c);

	if (!o)
		return no_memory(err);
	o->kind = OPERAND_PRESENT;
	o->lo = *raw;
	return 0;
}

/* A value as it is; text may be a pattern. */
static int add_any(struct cond *c, const struct value *raw, struct nl_error *err)
{
	struct operand *o;

	if (raw->kind == VALUE_TEXT)
		return add_text(c, raw, err);
	if (raw->kind == VALUE_FLOAT && isnan(raw->real))
		return refuse(c, raw, NULL, err);
	o = grow(c);
	if (!o)
		return no_memory(err);
	o->lo = *raw;
	return 0;
}

static int add_all(struct cond *c, struct nl_error *err)
{
	struct operand *o = grow(c);

	if (!o)
		return no_memory(err);
	o->kind = OPERAND_ALL;
	return 0;
}

/* "*": any name does. */
static bool is_star(const struct value *raw)
{
	return raw->kind == VALUE_TEXT && raw->text.len == 1 && raw->text.p[0] == '*';
}

int cond_add(struct cond *c, const struct value *raw, struct nl_error *err)
{
	const struct field *f = c->field;

	if (c->op != OP_EQ && c->op != OP_NE) {
		if (!field_kinds[f->type].ordered)
			return nl_fail(err, EINVAL,
				       "%s is a %s, which has no order: use = or !=", f->name,
				       field_kinds[f->type].name);
		if (raw->kind == VALUE_BOOL)
			return nl_fail(err, EINVAL,
				       "%s %s true or false has no meaning: use =", f->name,
				       cond_op_names[c->op]);
	}
	if (f->type == FT_ANY)
		return add_any(c, raw, err);
	if (raw->kind == VALUE_BOOL && f->type != FT_BOOL)
		return add_present(c, raw, err);
	switch (f->type) {
	case FT_BOOL:
		return add_bool(c, raw, err);
	case FT_ENUM:
		return is_star(raw) ? add_all(c, err) : add_enum(c, raw, err);
	case FT_TEXT:
		return add_text(c, raw, err);
	case FT_ADDR:
		return add_addr(c, raw, err);
	case FT_LLADDR:
		return add_lladdr(c, raw, err);
	case FT_ROWS:
		return refuse(c, raw, NULL, err);
	default:
		return add_number(c, raw, err);
	}
}

void cond_free(struct cond *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->operands[i].lo.kind == VALUE_TEXT)
			free((char *)c->operands[i].lo.text.p);
	free(c->operands);
	c->operands = NULL;
	c->n = 0;
}
