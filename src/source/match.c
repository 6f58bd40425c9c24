/*
 * Owns the question whether a value satisfies a condition. Runs once a row and
 * condition, so it allocates nothing and asks nobody.
 */
#include "private.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static int compare_text(const struct value *a, const struct value *b)
{
	size_t n = a->text.len < b->text.len ? a->text.len : b->text.len;
	int c = memcmp(a->text.p, b->text.p, n);

	return c ? c : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

static int compare_addr(const struct addr *a, const struct addr *b)
{
	struct addr x = addr_canonical(a), y = addr_canonical(b);
	int c = (x.family > y.family) - (x.family < y.family);

	if (c == 0)
		c = memcmp(x.bytes, y.bytes, sizeof(x.bytes));
	return c ? c : (x.plen > y.plen) - (x.plen < y.plen);
}

/* Enum values by their names, as people see them; one without a name is above. */
static int compare_names(const struct field *f, int64_t a, int64_t b)
{
	const char *x = enum_text(f->names, a), *y = enum_text(f->names, b);

	if (x && y)
		return strcmp(x, y);
	if (x || y)
		return x ? -1 : 1;
	return (a > b) - (a < b);
}

static double as_real(const struct value *v)
{
	return v->kind == VALUE_INT ? (double)v->num : v->real;
}

/* Of two values of one field; numbers of both kinds compare by size. */
static int compare(const struct value *a, const struct value *b)
{
	if (a->kind == VALUE_TEXT)
		return b->kind == VALUE_TEXT ? compare_text(a, b) : 1;
	if (a->kind == VALUE_ADDR)
		return b->kind == VALUE_ADDR ? compare_addr(&a->addr, &b->addr) : 1;
	if (a->kind == VALUE_ROW)
		return 1;
	if (a->kind == VALUE_BOOL)
		return b->kind == VALUE_BOOL ? a->flag - b->flag : 1;
	if (b->kind != VALUE_INT && b->kind != VALUE_FLOAT)
		return 1;
	if (a->kind == VALUE_INT && b->kind == VALUE_INT)
		return (a->num > b->num) - (a->num < b->num);
	return (as_real(a) > as_real(b)) - (as_real(a) < as_real(b));
}

/* Values of a Lua function may be of several kinds: then the kinds are in order. */
static int kind_rank(enum value_kind kind)
{
	return kind == VALUE_FLOAT ? VALUE_INT : (int)kind;
}

int value_compare(const struct field *f, const struct value *a, const struct value *b)
{
	int x = kind_rank(a->kind), y = kind_rank(b->kind);

	if (a->kind == VALUE_NIL || b->kind == VALUE_NIL)
		return (a->kind == VALUE_NIL) - (b->kind == VALUE_NIL);
	if (x != y)
		return x - y;
	if (f->type == FT_ENUM && a->kind == VALUE_INT)
		return compare_names(f, a->num, b->num);
	return a->kind == VALUE_LIST ? 0 : compare(a, b);
}

/* One [...] of a pattern at *p (behind the bracket); moves *p behind it. */
static bool in_class(const char **p, const char *end, char c)
{
	const char *s = *p;
	bool negate = s < end && (*s == '!' || *s == '^'), hit = false;

	s += negate;
	do {
		if (s + 2 < end && s[1] == '-' && s[2] != ']') {
			hit |= (unsigned char)s[0] <= (unsigned char)c &&
			       (unsigned char)c <= (unsigned char)s[2];
			s += 3;
		} else {
			hit |= *s++ == c;
		}
	} while (s < end && *s != ']');
	*p = s < end ? s + 1 : end;
	return hit != negate;
}

/* Shell pattern over bytes; a backtrack point is only ever the last '*'. */
static bool glob(const char *p, size_t plen, const char *s, size_t slen)
{
	const char *pend = p + plen, *send = s + slen, *star = NULL, *resume = NULL;

	while (s < send) {
		const char *next = p + 1;

		if (p < pend && *p == '*') {
			star = ++p;
			resume = s;
			continue;
		}
		if (p < pend && (*p == '?' || (*p == '[' && memchr(p, ']', (size_t)(pend - p))
						       ? in_class(&next, pend, *s)
						       : *p == *s))) {
			p = next;
			s++;
			continue;
		}
		if (!star)
			return false;
		p = star;
		s = ++resume;
	}
	while (p < pend && *p == '*')
		p++;
	return p == pend;
}

/* A mapped address is its IPv4 form; as IPv6 it matches shorter IPv6 prefixes too. */
static bool in_prefix(const struct addr *a, const struct operand *o)
{
	struct addr v4;
	unsigned whole = o->bits / 8, rest = o->bits % 8;

	if (a->plen && a->plen - 1u < o->bits)
		return false; /* a prefix lies in another only if it is no wider */
	if (a->family != o->lo.addr.family) {
		v4 = addr_canonical(a);
		if (v4.family != o->lo.addr.family)
			return false;
		a = &v4;
	}
	if (memcmp(a->bytes, o->lo.addr.bytes, whole) != 0)
		return false;
	return rest == 0 || ((a->bytes[whole] ^ o->lo.addr.bytes[whole]) >> (8 - rest)) == 0;
}

static bool equals(const struct operand *o, const struct value *v)
{
	switch (o->kind) {
	case OPERAND_VALUE:
		return compare(v, &o->lo) == 0;
	case OPERAND_RANGE:
		return compare(v, &o->lo) >= 0 && compare(v, &o->hi) <= 0;
	case OPERAND_PREFIX:
		return v->kind == VALUE_ADDR && in_prefix(&v->addr, o);
	case OPERAND_GLOB:
		return v->kind == VALUE_TEXT &&
		       glob(o->lo.text.p, o->lo.text.len, v->text.p, v->text.len);
	case OPERAND_MASK:
		return v->kind == VALUE_INT && ((uint64_t)v->num & o->mask) == (uint64_t)o->lo.num;
	case OPERAND_ALL:
		return true;
	case OPERAND_PRESENT:
		break;
	}
	return false;
}

static bool any(const struct cond *c, const struct value *v)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct operand *o = &c->operands[i];

		if (o->kind == OPERAND_PRESENT ? o->lo.flag == (v->kind != VALUE_NIL)
					       : v->kind != VALUE_NIL && equals(o, v))
			return true;
	}
	return false;
}

/* x != true and x != false ask for presence too; no other condition holds for no value. */
bool cond_asks_presence(const struct cond *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->operands[i].kind == OPERAND_PRESENT)
			return true;
	return false;
}

static bool ordered(enum cond_op op, int c)
{
	switch (op) {
	case OP_LT:
		return c < 0;
	case OP_LE:
		return c <= 0;
	case OP_GT:
		return c > 0;
	default:
		return c >= 0;
	}
}

/* Against a range, "below" is below all of it and "above" above all of it. */
static bool compares(const struct cond *c, const struct value *v)
{
	const struct operand *o = &c->operands[0];
	const struct value *bound = &o->lo;

	if (c->n != 1 || v->kind == VALUE_NIL || kind_rank(v->kind) != kind_rank(bound->kind))
		return false;
	if (o->kind == OPERAND_RANGE && (c->op == OP_GT || c->op == OP_LE))
		bound = &o->hi;
	return ordered(c->op, compare(v, bound));
}

/* Of a list an equality or an order needs one item, an inequality all of them. */
static bool match_list(const struct cond *c, const struct value *v)
{
	if (cond_asks_presence(c) || (c->op == OP_NE && v->list.n == 0))
		return (c->op == OP_EQ) == any(c, v);
	for (size_t i = 0; i < v->list.n; i++)
		if (cond_match_value(c, &v->list.items[i]) == (c->op != OP_NE))
			return c->op != OP_NE;
	return c->op == OP_NE;
}

bool cond_match_value(const struct cond *c, const struct value *v)
{
	if (v->kind == VALUE_LIST)
		return match_list(c, v);
	switch (c->op) {
	case OP_EQ:
		return any(c, v);
	case OP_NE:
		return (v->kind != VALUE_NIL || cond_asks_presence(c)) && !any(c, v);
	default:
		return compares(c, v);
	}
}

/* One of the values is enough, but for != all must be unequal. */
static bool match_more(const struct cond *c, const struct row *row)
{
	struct value v;

	for (size_t i = 1; c->field->get_more(row, c->field, i, &v); i++)
		if (cond_match_value(c, &v) == (c->op != OP_NE))
			return c->op != OP_NE;
	return c->op == OP_NE;
}

bool cond_match(const struct cond *c, const struct row *row)
{
	bool first;
	struct value v;

	field_get(c->field, row, &v);
	first = cond_match_value(c, &v);
	if (!c->field->get_more || v.kind == VALUE_NIL || first == (c->op != OP_NE) ||
	    cond_asks_presence(c))
		return first;
	return match_more(c, row);
}

static size_t operand_text(const struct field *f, const struct operand *o, char *out, size_t size)
{
	char a[VALUE_TEXT_MAX], b[VALUE_TEXT_MAX];
	size_t alen, blen;
	const char *lo = value_text(f, &o->lo, a, &alen), *hi;
	int n;

	switch (o->kind) {
	case OPERAND_RANGE:
		hi = value_text(f, &o->hi, b, &blen);
		n = snprintf(out, size, "%.*s-%.*s", (int)alen, lo, (int)blen, hi);
		break;
	case OPERAND_PREFIX:
		n = snprintf(out, size,
			     o->bits == (o->lo.addr.family == AF_INET ? 32 : 128) ? "%.*s"
										  : "%.*s/%u",
			     (int)alen, lo, o->bits);
		break;
	case OPERAND_MASK:
		n = snprintf(out, size, "%.*s/0x%llx", (int)alen, lo, (unsigned long long)o->mask);
		break;
	case OPERAND_ALL:
		n = snprintf(out, size, "*");
		break;
	default:
		n = snprintf(out, size, "%.*s", (int)alen, lo);
		break;
	}
	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

void cond_text(const struct cond *c, char *buf, size_t size)
{
	size_t at;

	snprintf(buf, size, "%s %s ", c->field->name, cond_op_names[c->op]);
	at = strlen(buf);
	for (size_t i = 0; i < c->n && at + 1 < size; i++) {
		if (i && at + 3 < size)
			at += (size_t)snprintf(buf + at, size - at, "|");
		at += operand_text(c->field, &c->operands[i], buf + at, size - at);
	}
	if (c->n == 0)
		snprintf(buf + at, size - at, "(nothing)");
}
