/*
 * Forms: a source of this file's own, whose rows hold what is to be printed. Formats are
 * compared with printf itself, over all flags, widths and a range of numbers.
 */
#include "view/private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- the source ---------------------------------------------------------------------- */

struct header {
	uint64_t big;
	uint32_t small;
	int32_t with_sign;
	uint32_t micros;
	uint32_t millis;
	uint32_t state;
	uint32_t bits;
	uint8_t flag;
	uint8_t pad[3];
	uint8_t v4[4];
	uint8_t v6[16];
	uint16_t port;
	uint8_t pad2[2];
};

enum { ATTR_TEXT = 1, ATTR_SPAN };

static const struct shape shape = { "things", 50, sizeof(struct header), 8 };
static const struct enum_name states[] = {
	{ 1, "open" }, { 2, "shut" }, { 2, "closed" }, { 100, "far" }, { 0, NULL }
};
static const struct enum_name bit_names[] = {
	{ 1, "one" }, { 2, "two" }, { 4, "four" }, { 0, NULL }
};

/* The items are rows of the same kind, whose small is 10, 20, 30. */
static struct {
	struct nlmsghdr head;
	struct header body;
} items[3];
static size_t nitems = 3;

static bool get_items(const struct row *row, const struct field *f, struct value *v)
{
	static struct value list[3];

	(void)row;
	(void)f;
	for (size_t i = 0; i < nitems; i++) {
		memset(&items[i], 0, sizeof(items[i]));
		items[i].head.nlmsg_len = sizeof(items[i]);
		items[i].body.small = (uint32_t)(i + 1) * 10;
		list[i].kind = VALUE_ROW;
		list[i].row = &items[i].head;
	}
	v->kind = VALUE_LIST;
	v->list.items = list;
	v->list.n = nitems;
	return nitems > 0;
}

static bool get_several(const struct row *row, const struct field *f, struct value *v)
{
	(void)row;
	(void)f;
	v->kind = VALUE_INT;
	v->num = 7;
	return true;
}

static bool get_others(const struct row *row, const struct field *f, size_t i, struct value *v)
{
	(void)row;
	(void)f;
	v->kind = VALUE_INT;
	v->num = 7 + (int64_t)i;
	return i <= 2;
}

static const struct source things;

#define IN(member) \
	.offset = offsetof(struct header, member), .size = sizeof(((struct header *)0)->member)

static const struct field fields[] = {
	{ .name = "big", .type = FT_INT, IN(big), .needs = 1 },
	{ .name = "small", .type = FT_INT, IN(small), .needs = 2 },
	{ .name = "with_sign", .type = FT_INT, IN(with_sign), .flags = FF_SIGNED },
	{ .name = "micros", .type = FT_DURATION, IN(micros), .scale = 1e-6, .needs = 4 },
	{ .name = "millis", .type = FT_DURATION, IN(millis), .scale = 1e-3 },
	{ .name = "ticks", .type = FT_DURATION, IN(millis), .scale = 1.0 / 8000 },
	{ .name = "seconds", .type = FT_DURATION, IN(millis), .scale = 1 },
	{ .name = "gain", .type = FT_FLOAT, IN(millis), .scale = 1.0 / 256 },
	{ .name = "state", .type = FT_ENUM, .names = states, IN(state) },
	{ .name = "flags",
	  .type = FT_ENUM,
	  .names = bit_names,
	  IN(bits),
	  .flags = FF_LIST | FF_BITS },
	{ .name = "flag", .type = FT_BOOL, IN(flag), .needs = 8 },
	{ .name = "v4", .type = FT_ADDR, IN(v4) },
	{ .name = "v6", .type = FT_ADDR, IN(v6) },
	{ .name = "port", .type = FT_PORT, IN(port) },
	{ .name = "text", .type = FT_TEXT, .attr = ATTR_TEXT, .needs = 16 },
	{ .name = "span", .type = FT_DURATION, .attr = ATTR_SPAN, .size = 8, .scale = 1e-6 },
	{ .name = "items", .type = FT_ROWS, .rows = &things, .get = get_items, .needs = 32 },
	{ .name = "several", .type = FT_INT, .get = get_several, .get_more = get_others },
	{ .name = NULL },
};
static const struct source things = {
	.name = "things", .row_name = "thing", .fields = fields, .shape = &shape
};

static const struct field *field(const char *name)
{
	const struct field *f = source_field(&things, name);

	assert_non_null(f);
	return f;
}

/* ---- a row, and a form over it ------------------------------------------------------- */

struct bench {
	size_t len;
	_Alignas(8) unsigned char msg[512];
	struct header *h;
	struct row row;
	struct form *form;
};

static void start(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	b->h = (void *)(b->msg + NLMSG_HDRLEN);
	b->len = NLMSG_HDRLEN + sizeof(struct header);
	b->row = (struct row){ .source = &things, .shape = &shape, .env = env_new(NULL) };
	b->row.msg = (void *)b->msg;
	b->form = form_new(&things);
	assert_non_null(b->row.env);
	assert_non_null(b->form);
}

static void put(struct bench *b, uint16_t type, const void *data, size_t len)
{
	assert_true(nl_attr_put(b->msg, &b->len, sizeof(b->msg), type, data, len));
}

static void stop(struct bench *b)
{
	form_free(b->form);
	env_unref(b->row.env);
}

/* What the part prints; the text is the caller's until the next call. */
static const char *printed(struct bench *b, struct form_part *root, const struct calls *calls)
{
	static char text[4096];
	struct fmt_text out = { .p = NULL };
	struct nl_error err;

	((struct nlmsghdr *)b->msg)->nlmsg_len = (uint32_t)b->len;
	b->row.indexed = false;
	form_ready(b->form, root);
	fmt_text_add(&out, "<", 1);
	assert_true(form_write(b->form, &b->row, calls, &out, &err));
	assert_true(out.len < sizeof(text));
	memcpy(text, out.p + 1, out.len - 1);
	text[out.len - 1] = '\0';
	assert_int_equal(out.p[0], '<');
	fmt_text_free(&out);
	return text;
}

static struct form_part *new_part(struct bench *b, enum form_kind kind)
{
	struct form_part *p = form_alloc(b->form, sizeof(*p));

	assert_non_null(p);
	p->kind = kind;
	return p;
}

static struct form_part *text_part(struct bench *b, const char *text)
{
	struct form_part *p = new_part(b, FORM_TEXT);

	assert_true(form_copy(b->form, text, strlen(text), &p->text));
	return p;
}

static const struct form_format *format(struct bench *b, const char *as)
{
	struct form_format *f = form_alloc(b->form, sizeof(*f));
	struct nl_error err;

	if (form_format_parse(b->form, as, strlen(as), f, &err) < 0)
		fail_msg("%s: %s", as, err.text);
	return f;
}

/* A field by a format (NULL: none) in a unit (NULL: none). */
static struct form_part *field_part(struct bench *b, const char *name, const char *as,
				    const char *unit)
{
	struct form_part *p = new_part(b, FORM_FIELD);
	struct nl_error err;

	p->value.field = field(name);
	p->value.as = as ? format(b, as) : NULL;
	p->value.unit = unit;
	assert_true(form_use(b->form, p->value.field));
	if (form_value_ready(b->form, &p->value, &err) < 0)
		fail_msg("%s: %s", name, err.text);
	return p;
}

static struct form_part *with_kids(struct bench *b, enum form_kind kind, struct form_part *one,
				   struct form_part *two)
{
	struct form_part *p = new_part(b, kind);

	p->kids = form_alloc(b->form, 2 * sizeof(struct form_part *));
	p->kids[0] = one;
	p->kids[1] = two;
	p->n = two ? 2 : 1;
	return p;
}

static const struct form_test *test_of(struct bench *b, const char *name, enum cond_op op,
				       const struct value *raw)
{
	struct cond c = { .field = field(name), .op = op };
	const struct form_test *t;
	struct nl_error err;

	assert_int_equal(cond_add(&c, raw, &err), 0);
	t = form_test_new(b->form, node_cond(&c), true);
	assert_non_null(t);
	return t;
}

static struct value text_value(const char *text)
{
	return (struct value){ .kind = VALUE_TEXT, .text = { text, strlen(text) } };
}

static struct form_text text_of(const char *text)
{
	return (struct form_text){ text, strlen(text) };
}

/* ---- formats ------------------------------------------------------------------------- */

/* printf decides; what it is given here is built from the lists below only. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static void compare(struct bench *b, const char *spec, char conversion)
{
	char as[64], theirs[64], expected[1200];

	snprintf(as, sizeof(as), "[%%%s%c]%%%%", spec, conversion);
	snprintf(theirs, sizeof(theirs), "[%%%s" PRId64 "]%%%%", spec);
	theirs[strlen(theirs) - 4] = conversion;
	snprintf(expected, sizeof(expected), theirs, (int64_t)b->h->big);
	if (strcmp(printed(b, field_part(b, "big", as, NULL), NULL), expected) != 0)
		fail_msg("%s of %" PRIu64 ": got %s, not %s", as, b->h->big,
			 printed(b, field_part(b, "big", as, NULL), NULL), expected);
}

static void compare_real(struct bench *b, const char *spec, char conversion)
{
	char as[64], expected[1200];

	snprintf(as, sizeof(as), "[%%%s%c]", spec, conversion);
	snprintf(expected, sizeof(expected), as, b->h->millis / 256.0);
	assert_string_equal(printed(b, field_part(b, "gain", as, NULL), NULL), expected);
}

static void test_formats_are_printf(void **state)
{
	static const char *const widths[] = { "",   "1",   "6",	  "21",	 ".0",
					      ".3", "8.5", "3.8", "12.", "." };
	static const uint64_t wholes[] = { 0,	1,	7,	 8,	     10,
					   255, 999999, 1000000, UINT32_MAX, INT64_MAX };
	static const uint32_t reals[] = { 0,	    1,	     128,	   255,	      256,
					  256 * 10, 256 * 9, 256 * 999999, 256000000, UINT32_MAX };
	struct bench b;
	size_t n = 0;

	(void)state;
	for (unsigned flags = 0; flags < 32; flags++) {
		char spec[32];

		for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]); w++) {
			snprintf(spec, sizeof(spec), "%s%s%s%s%s%s", flags & 1 ? "-" : "",
				 flags & 2 ? "+" : "", flags & 4 ? " " : "", flags & 8 ? "#" : "",
				 flags & 16 ? "0" : "", widths[w]);
			start(&b);
			for (size_t i = 0; i < 10; i++) {
				b.h->big = wholes[i];
				b.h->millis = reals[i];
				for (const char *c = "duxXo"; *c; c++, n++)
					compare(&b, spec, *c);
				for (const char *c = "gf"; *c; c++, n++)
					compare_real(&b, spec, *c);
			}
			stop(&b);
		}
	}
	assert_int_equal(n, 32 * 10 * 10 * 7);
}

/* Microseconds as milliseconds: all of the first second, and what lies beyond. */
static void test_thousandths_are_printf(void **state)
{
	struct bench b;
	struct form_part *p;

	(void)state;
	start(&b);
	p = new_part(&b, FORM_FIELD);
	p->value.field = field("big");
	p->value.div = 1000;
	p->value.as = format(&b, "%g");
	assert_int_equal(form_value_ready(b.form, &p->value, NULL), 0);
	for (uint64_t n = 0; n < 2000000; n += n < 1010000 ? 7 : 33331) {
		char expected[32];

		b.h->big = n;
		snprintf(expected, sizeof(expected), "%g", (double)n / 1000);
		assert_string_equal(printed(&b, p, NULL), expected);
	}
	stop(&b);
}

static void test_whole_numbers(void **state)
{
	struct bench b;
	struct form_part *p;

	(void)state;
	start(&b);
	b.h->with_sign = -5;
	assert_string_equal(printed(&b, field_part(&b, "with_sign", "%d", NULL), NULL), "-5");
	assert_string_equal(printed(&b, field_part(&b, "with_sign", "%5i|", NULL), NULL), "   -5|");
	assert_string_equal(printed(&b, field_part(&b, "with_sign", "%x", NULL), NULL),
			    "fffffffffffffffb");
	assert_string_equal(printed(&b, field_part(&b, "with_sign", "%g", NULL), NULL), "-5");
	assert_string_equal(printed(&b, field_part(&b, "with_sign", NULL, NULL), NULL), "-5");
	/* an unsigned counter of 64 bits keeps its highest bit */
	b.h->big = UINT64_MAX;
	assert_string_equal(printed(&b, field_part(&b, "big", "%u", NULL), NULL),
			    "18446744073709551615");
	assert_string_equal(printed(&b, field_part(&b, "big", "%.0f", NULL), NULL),
			    "18446744073709551616");
	/* wrap */
	b.h->small = UINT32_MAX;
	p = field_part(&b, "small", "%-6d|", NULL);
	assert_string_equal(printed(&b, p, NULL), "4294967295|");
	p->value.wrap = true;
	assert_string_equal(printed(&b, p, NULL), "-1    |");
	/* mul and div are one step */
	b.h->small = 7;
	p = new_part(&b, FORM_FIELD);
	p->value.field = field("small");
	p->value.mul = 10;
	p->value.div = 4;
	p->value.as = format(&b, "%g");
	assert_int_equal(form_value_ready(b.form, &p->value, NULL), 0);
	assert_string_equal(printed(&b, p, NULL), "17.5");
	p->value.as = format(&b, "%u");
	assert_string_equal(printed(&b, p, NULL), "17");
	p->value.as = NULL;
	assert_string_equal(printed(&b, p, NULL), "17.5");
	p->value.as = format(&b, "%6s|");
	assert_string_equal(printed(&b, p, NULL), "  17.5|");
	stop(&b);
}

static void test_durations_are_exact(void **state)
{
	struct bench b;
	uint64_t span = 123456789012;

	(void)state;
	start(&b);
	b.h->micros = 700123;
	assert_string_equal(printed(&b, field_part(&b, "micros", "%g", "ms"), NULL), "700.123");
	assert_string_equal(printed(&b, field_part(&b, "micros", "%u", "ms"), NULL), "700");
	assert_string_equal(printed(&b, field_part(&b, "micros", "%u", "us"), NULL), "700123");
	assert_string_equal(printed(&b, field_part(&b, "micros", NULL, "us"), NULL), "700123");
	assert_string_equal(printed(&b, field_part(&b, "micros", NULL, NULL), NULL), "0.700123");
	assert_string_equal(printed(&b, field_part(&b, "micros", "%.3f", "s"), NULL), "0.700");
	/* every number of a range comes back */
	for (uint32_t n = 0; n < 200000; n += 37) {
		char text[32];

		b.h->micros = UINT32_MAX - n;
		snprintf(text, sizeof(text), "%u", b.h->micros);
		assert_string_equal(printed(&b, field_part(&b, "micros", "%u", "us"), NULL), text);
	}
	b.h->millis = 8001;
	assert_string_equal(printed(&b, field_part(&b, "millis", "%u", "us"), NULL), "8001000");
	assert_string_equal(printed(&b, field_part(&b, "ticks", "%u", "us"), NULL), "1000125");
	assert_string_equal(printed(&b, field_part(&b, "ticks", "%g", "ms"), NULL), "1000.12");
	assert_string_equal(printed(&b, field_part(&b, "seconds", "%u", "ms"), NULL), "8001000");
	put(&b, ATTR_SPAN, &span, sizeof(span));
	assert_string_equal(printed(&b, field_part(&b, "span", "%ums", "ms"), NULL), "123456789ms");
	stop(&b);
}

static void test_format_faults(void **state)
{
	static const struct {
		const char *as, *says;
	} faults[] = {
		{ "", "a format has a conversion" },
		{ "100%%", "a format has a conversion" },
		{ "%", "the format ends inside of its conversion" },
		{ "%5", "the format ends inside of its conversion" },
		{ "%.", "the format ends inside of its conversion" },
		{ "%u%u", "one conversion, this has two" },
		{ "%n", "no conversion 'n'" },
		{ "%ld", "no conversion 'l'" },
		{ "%*d", "no conversion '*'" },
		{ "%\n", "no conversion \\x0a" },
		{ "%256d", "the width of a format is at most 255" },
		{ "%99999999999999999999d", "the width of a format is at most 255" },
		{ "%.256f", "the precision of a format is at most 255" },
	};
	struct form *f = form_new(&things);
	struct form_format out;
	struct nl_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		assert_int_equal(
			form_format_parse(f, faults[i].as, strlen(faults[i].as), &out, &err), -1);
		assert_non_null(strstr(err.text, faults[i].says));
	}
	assert_int_equal(form_format_parse(f, "%\0d", 3, &out, &err), -1);
	form_free(f);
}

/* ---- values -------------------------------------------------------------------------- */

static void test_text_and_names(void **state)
{
	struct bench b;
	struct form_part *p;

	(void)state;
	start(&b);
	assert_string_equal(printed(&b, field_part(&b, "text", NULL, NULL), NULL), "");
	put(&b, ATTR_TEXT, "a\x1b[0m\n\x7f\xc3\xa4", 10);
	assert_string_equal(printed(&b, field_part(&b, "text", NULL, NULL), NULL),
			    "a.[0m..\xc3\xa4");
	assert_string_equal(printed(&b, field_part(&b, "text", "<%5.2s>", NULL), NULL), "<   a.>");
	assert_string_equal(printed(&b, field_part(&b, "text", "%-4.1s|", NULL), NULL), "a   |");
	b.h->state = 2;
	assert_string_equal(printed(&b, field_part(&b, "state", NULL, NULL), NULL), "shut");
	assert_string_equal(printed(&b, field_part(&b, "state", "%6s", NULL), NULL), "  shut");
	assert_string_equal(printed(&b, field_part(&b, "state", "%u", NULL), NULL), "2");
	b.h->state = 77;
	assert_string_equal(printed(&b, field_part(&b, "state", NULL, NULL), NULL), "unknown(77)");
	b.h->flag = 1;
	assert_string_equal(printed(&b, field_part(&b, "flag", NULL, NULL), NULL), "true");
	assert_string_equal(printed(&b, field_part(&b, "flag", "%d", NULL), NULL), "1");
	memcpy(b.h->v4, "\x7f\0\0\x01", 4);
	b.h->v6[15] = 1;
	assert_string_equal(printed(&b, field_part(&b, "v4", NULL, NULL), NULL), "127.0.0.1");
	assert_string_equal(printed(&b, field_part(&b, "v6", "[%s]", NULL), NULL), "[::1]");
	b.h->small = '\t';
	assert_string_equal(printed(&b, field_part(&b, "small", "%c", NULL), NULL), ".");
	b.h->bits = 5;
	assert_string_equal(printed(&b, field_part(&b, "flags", NULL, NULL), NULL), "one,four");
	p = field_part(&b, "small", NULL, NULL);
	assert_string_equal(printed(&b, p, NULL), "9");
	stop(&b);
}

static struct form_key key_of(struct bench *b, const char *name, const struct value *raw)
{
	struct form_key key;
	struct nl_error err;

	if (form_key_read(b->form, name ? field(name) : NULL, raw, &key, &err) < 0)
		fail_msg("%s", err.text);
	return key;
}

static void test_map(void **state)
{
	struct bench b;
	struct form_entry entries[3] = { 0 };
	struct form_part *p;
	struct value raw;

	(void)state;
	start(&b);
	raw = text_value("closed");
	entries[0] = (struct form_entry){ key_of(&b, "state", &raw), text_of("CLOSED") };
	raw = text_value("far");
	entries[1] = (struct form_entry){ key_of(&b, "state", &raw), text_of("") };
	p = new_part(&b, FORM_FIELD);
	p->value.field = field("state");
	p->value.map = entries;
	p->value.nmap = 1; /* small numbers only: a look at a table */
	p->value.as = format(&b, "%d?");
	assert_int_equal(form_value_ready(b.form, &p->value, NULL), 0);
	b.h->state = 2;
	assert_string_equal(printed(&b, p, NULL), "CLOSED");
	b.h->state = 1;
	assert_string_equal(printed(&b, p, NULL), "1?");
	b.h->state = 66;
	assert_string_equal(printed(&b, p, NULL), "66?");
	p->value.nmap = 2; /* with one that is not small */
	p->value.by_number = NULL;
	assert_int_equal(form_value_ready(b.form, &p->value, NULL), 0);
	assert_null(p->value.by_number);
	b.h->state = 100;
	assert_string_equal(printed(&b, p, NULL), "");
	b.h->state = 2;
	assert_string_equal(printed(&b, p, NULL), "CLOSED");

	raw = text_value("::");
	entries[0] = (struct form_entry){ key_of(&b, "v6", &raw), text_of("*") };
	p = new_part(&b, FORM_FIELD);
	p->value.field = field("v6");
	p->value.map = entries;
	p->value.nmap = 1;
	assert_int_equal(form_value_ready(b.form, &p->value, NULL), 0);
	assert_string_equal(printed(&b, p, NULL), "*");
	b.h->v6[0] = 1;
	assert_string_equal(printed(&b, p, NULL), "100::");
	stop(&b);
}

static void test_unless(void **state)
{
	struct bench b;
	struct form_key keys[2];
	struct form_part *p;
	struct value raw = { .kind = VALUE_FLOAT, .real = 3 };

	(void)state;
	start(&b);
	keys[0] = key_of(&b, "micros", &raw);
	p = new_part(&b, FORM_FIELD);
	p->value.field = field("micros");
	p->value.unit = "ms";
	p->value.unless = keys;
	p->value.nunless = 1;
	assert_int_equal(form_value_ready(b.form, &p->value, NULL), 0);
	b.h->micros = 3000;
	assert_string_equal(printed(&b, p, NULL), "");
	b.h->micros = 3001;
	assert_string_equal(printed(&b, p, NULL), "3.001");
	raw = text_value("a.b");
	keys[1] = key_of(&b, "text", &raw);
	p->value = (struct form_value){ .field = field("text"), .unless = &keys[1], .nunless = 1 };
	assert_int_equal(form_value_ready(b.form, &p->value, NULL), 0);
	put(&b, ATTR_TEXT, "a.b", 4);
	assert_string_equal(printed(&b, p, NULL), "");
	p->otherwise = text_part(&b, "else");
	assert_string_equal(printed(&b, p, NULL), "else");
	stop(&b);
}

static void test_value_faults(void **state)
{
	static const struct {
		const char *field, *as, *unit, *renderer;
		uint64_t mul;
		const char *says;
	} faults[] = {
		{ "text", "%u", NULL, NULL, 0, "%u takes a number, and text is of type text" },
		{ "v4", "%x", NULL, NULL, 0, "v4 is of type address: use %s" },
		{ "small", NULL, "ms", NULL, 0,
		  "a unit is of durations; small is of type integer" },
		{ "micros", NULL, "ns", NULL, 0, "a unit is us, ms or s, not ns" },
		{ "text", NULL, NULL, NULL, 2,
		  "text is of type text: it cannot be calculated with" },
		{ "state", NULL, NULL, NULL, 2, "it cannot be calculated with" },
		{ "small", NULL, NULL, NULL, UINT64_MAX, "mul and div are at most" },
		{ "v4", NULL, NULL, "bits", 0, "bits takes a number, and v4 is of type address" },
		{ "text", NULL, NULL, "host", 0, "host takes an address" },
		{ "v4", NULL, NULL, "service", 0, "service takes a port" },
		{ "text", NULL, NULL, "clock", 0, "clock takes a number of milliseconds" },
	};
	struct bench b;
	struct nl_error err;

	(void)state;
	start(&b);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct form_value v = { .field = field(faults[i].field), .unit = faults[i].unit };

		v.as = faults[i].as ? format(&b, faults[i].as) : NULL;
		v.mul = faults[i].mul;
		if (faults[i].renderer)
			v.renderer = form_renderer_find(faults[i].renderer);
		assert_int_equal(form_value_ready(b.form, &v, &err), -1);
		if (!strstr(err.text, faults[i].says))
			fail_msg("got: %s", err.text);
	}
	assert_null(form_renderer_find("servic"));
	assert_string_equal(form_renderer_nearest("servic"), "service");
	stop(&b);
}

static void test_key_faults(void **state)
{
	static const struct {
		const char *field;
		struct value raw;
		const char *says;
	} faults[] = {
		{ "text", { .kind = VALUE_INT }, "text is compared with no number" },
		{ "small", { .kind = VALUE_BOOL }, "small is compared with no boolean" },
		{ "flag",
		  { .kind = VALUE_TEXT, .text = { "yes", 3 } },
		  "flag is compared with no text" },
		{ "small",
		  { .kind = VALUE_TEXT, .text = { "1", 1 } },
		  "with numbers, not with a text" },
		{ "state", { .kind = VALUE_TEXT, .text = { "opn", 3 } }, "did you mean 'open'?" },
		{ "v4",
		  { .kind = VALUE_TEXT, .text = { "1.2.3", 5 } },
		  "compared with an address" },
		{ NULL,
		  { .kind = VALUE_TEXT, .text = { "x", 1 } },
		  "a calculation is compared with" },
	};
	struct bench b;
	struct form_key key;
	struct nl_error err;

	(void)state;
	start(&b);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct field *f = faults[i].field ? field(faults[i].field) : NULL;

		assert_int_equal(form_key_read(b.form, f, &faults[i].raw, &key, &err), -1);
		if (!strstr(err.text, faults[i].says))
			fail_msg("got: %s", err.text);
	}
	stop(&b);
}

/* ---- renderers ----------------------------------------------------------------------- */

static void test_amounts(void **state)
{
	/* what ss 6.1.0 prints of these times and rates */
	static const struct {
		uint32_t ms;
		const char *text;
	} clocks[] = {
		{ 0, "" },
		{ 1, "001ms" },
		{ 10, "010ms" },
		{ 999, "999ms" },
		{ 1000, "1sec" },
		{ 1001, "1.001ms" },
		{ 1500, "1.500ms" },
		{ 9990, "9.990ms" },
		{ 10000, "10sec" },
		{ 59999, "59sec" },
		{ 60500, "1min" },
		{ 69999, "1min9sec" },
		{ 599999, "9min59sec" },
		{ 600000, "10min" },
		{ UINT32_MAX, "71582min" },
	};
	static const struct {
		uint64_t bits;
		const char *text;
	} rates[] = {
		{ 0, "0" },
		{ 992, "992" },
		{ 1000, "1k" },
		{ 1008, "1.01k" },
		{ 1000000, "1M" },
		{ 999992000, "1e+03M" },
		{ 1000000000, "1G" },
		{ 999520000000, "1e+03G" },
		{ 1000000000000, "1T" },
		{ 98765431209876544, "9.88e+04T" },
		{ UINT64_C(9223372036854775808), "9.22e+06T" },
	};
	struct bench b;
	struct form_part *clock, *bits;

	(void)state;
	start(&b);
	clock = new_part(&b, FORM_FIELD);
	clock->value = (struct form_value){ .field = field("millis"),
					    .renderer = form_renderer_find("clock") };
	assert_int_equal(form_value_ready(b.form, &clock->value, NULL), 0);
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		b.h->millis = clocks[i].ms;
		assert_string_equal(printed(&b, clock, NULL), clocks[i].text);
	}
	bits = new_part(&b, FORM_FIELD);
	bits->value = (struct form_value){ .field = field("big"),
					   .renderer = form_renderer_find("bits") };
	assert_int_equal(form_value_ready(b.form, &bits->value, NULL), 0);
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		b.h->big = rates[i].bits;
		assert_string_equal(printed(&b, bits, NULL), rates[i].text);
	}
	stop(&b);
}

static void test_service(void **state)
{
	struct bench b;
	struct form_part *p;

	(void)state;
	start(&b);
	p = new_part(&b, FORM_FIELD);
	p->value = (struct form_value){ .field = field("port"),
					.renderer = form_renderer_find("service"),
					.options = { .proto = { "tcp", 3 } } };
	assert_int_equal(form_value_ready(b.form, &p->value, NULL), 0);
	for (int twice = 0; twice < 2; twice++) {
		b.h->port = 22;
		assert_string_equal(printed(&b, p, NULL), "ssh");
		b.h->port = 0;
		assert_string_equal(printed(&b, p, NULL), "0");
		b.h->port = 65431;
		assert_string_equal(printed(&b, p, NULL), "65431");
	}
	/* as many as there are: the table grows */
	for (unsigned port = 1; port <= 3000; port++) {
		b.h->port = (uint16_t)port;
		assert_true(strlen(printed(&b, p, NULL)) > 0);
	}
	b.h->port = 22;
	assert_string_equal(printed(&b, p, NULL), "ssh");
	p->value.options.proto = (struct form_text){ "no-such-protocol-as-this", 24 };
	assert_string_equal(printed(&b, p, NULL), "22");
	stop(&b);
}

/* What rpcbind says, built; and each part of it that may be wrong. */
struct reply {
	size_t len;
	unsigned char bytes[1024];
};

static void reply_number(struct reply *r, uint32_t n)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		r->bytes[r->len++] = (unsigned char)(n >> shift);
}

static void reply_text(struct reply *r, const char *text)
{
	reply_number(r, (uint32_t)strlen(text));
	memcpy(r->bytes + r->len, text, strlen(text));
	r->len += (strlen(text) + 3) & ~(size_t)3;
}

static void reply_program(struct reply *r, uint32_t program, const char *netid, const char *at)
{
	reply_number(r, 1);
	reply_number(r, program);
	reply_number(r, 4);
	reply_text(r, netid);
	reply_text(r, at);
	reply_text(r, "superuser");
}

static void reply_start(struct reply *r)
{
	static const uint32_t head[] = { 0x636f6e6e, 1, 0, 0, 0, 0 };

	memset(r, 0, sizeof(*r));
	for (size_t i = 0; i < 6; i++)
		reply_number(r, head[i]);
}

static void note_program(void *arg, uint16_t port, const char *proto, const char *program)
{
	char *text = arg;

	snprintf(text + strlen(text), 400 - strlen(text), "%s %u %s;", proto, port, program);
}

/* What is read of the first len bytes, in a block of that size. */
static const char *programs_of(const struct reply *r, size_t len)
{
	static char text[400];
	void *copy = malloc(len ? len : 1);

	text[0] = '\0';
	memcpy(copy, r->bytes, len);
	rpcbind_read(copy, len, note_program, text);
	free(copy);
	return text;
}

static void test_rpcbind(void **state)
{
	const char *const first = "tcp 111 portmapper;";
	const char *const both = "tcp 111 portmapper;udp 65535 portmapper;";
	struct reply r;
	size_t one, two;

	(void)state;
	reply_start(&r);
	reply_program(&r, 100000, "tcp", "0.0.0.0.0.111");
	one = r.len;
	reply_program(&r, 100000, "udp6", "::.255.255");
	two = r.len;
	reply_program(&r, 100000, "tcp", "127.0.0.1.0.112"); /* of one address only */
	reply_program(&r, 100000, "tcp", "0.0.0.0.256.1");
	reply_program(&r, 100000, "tcp", "0.0.0.0.1");
	reply_program(&r, 100000, "tcp", "0.0.0.0.");
	reply_program(&r, 100000, "tcp", "");
	reply_program(&r, 100000, "local", "/run/rpcbind.sock");
	reply_program(&r, 0x7fffffff, "tcp", "0.0.0.0.0.113"); /* has no name */
	reply_number(&r, 0);
	reply_program(&r, 100000, "tcp", "0.0.0.0.0.99"); /* behind the end */
	assert_string_equal(programs_of(&r, r.len), both);
	/* cut anywhere: what is whole counts */
	for (size_t len = 0; len < r.len; len++)
		assert_string_equal(programs_of(&r, len), len < one   ? ""
							  : len < two ? first
								      : both);
	/* not ours, no reply, refused, not done */
	for (size_t at = 3; at < 24; at += 4) {
		if (at == 15 || at == 19)
			continue; /* the verifier: any, of no length */
		r.bytes[at] ^= 1;
		assert_string_equal(programs_of(&r, r.len), "");
		r.bytes[at] ^= 1;
	}
	/* a length that leads far away */
	r.bytes[36] = 0xff;
	assert_string_equal(programs_of(&r, r.len), "");
}

/* ---- parts --------------------------------------------------------------------------- */

static void test_around(void **state)
{
	struct bench b;
	struct form_part *p;

	(void)state;
	start(&b);
	b.h->small = 42;
	p = field_part(&b, "small", NULL, NULL);
	p->before = text_of("(");
	p->after = text_of(")");
	p->width = 5;
	assert_string_equal(printed(&b, p, NULL), "(42   )");
	p->right = true;
	assert_string_equal(printed(&b, p, NULL), "(   42)");
	p->cuts = true;
	p->cut = 1;
	assert_string_equal(printed(&b, p, NULL), "(    4)");
	p->cut = 0;
	p->width = 0;
	assert_string_equal(printed(&b, p, NULL), "()");
	/* upto goes first: what is behind it is not there to be cut */
	p->cuts = false;
	p->upto = text_of("2");
	p->width = 3;
	assert_string_equal(printed(&b, p, NULL), "(  4)");
	p->upto = text_of("4");
	assert_string_equal(printed(&b, p, NULL), "(   )");
	p->upto = text_of("(");
	assert_string_equal(printed(&b, p, NULL), "( 42)");
	p->upto = text_of("423");
	assert_string_equal(printed(&b, p, NULL), "( 42)");
	/* what does not apply prints nothing at all */
	p = field_part(&b, "text", NULL, NULL);
	p->before = text_of("(");
	p->after = text_of(")");
	p->width = 5;
	assert_string_equal(printed(&b, p, NULL), "");
	p->otherwise = text_part(&b, "-");
	assert_string_equal(printed(&b, with_kids(&b, FORM_SEQUENCE, p, text_part(&b, "!")), NULL),
			    "-!");
	stop(&b);
}

static void test_first_and_when(void **state)
{
	struct value open = text_value("open"), yes = { .kind = VALUE_BOOL, .flag = true };
	struct value wide = text_value("::"), far = text_value("far");
	struct value v4 = text_value("127.0.0.0/8");
	struct bench b;
	struct form_part *first, *one, *two;

	(void)state;
	start(&b);
	one = field_part(&b, "text", NULL, NULL);
	two = text_part(&b, "none");
	first = with_kids(&b, FORM_FIRST, one, two);
	assert_string_equal(printed(&b, first, NULL), "none");
	put(&b, ATTR_TEXT, "some", 5);
	assert_string_equal(printed(&b, first, NULL), "some");
	/* a part that stands for another applies as well */
	one->when = test_of(&b, "state", OP_EQ, &open);
	one->otherwise = text_part(&b, "other");
	assert_string_equal(printed(&b, first, NULL), "other");
	b.h->state = 1;
	assert_string_equal(printed(&b, first, NULL), "some");
	/* nothing applies */
	one->otherwise = NULL;
	two->when = test_of(&b, "state", OP_NE, &open);
	one->when = test_of(&b, "flag", OP_EQ, &yes);
	assert_string_equal(printed(&b, first, NULL), "");
	first->otherwise = text_part(&b, "nothing");
	assert_string_equal(printed(&b, first, NULL), "nothing");
	b.h->flag = 3;
	assert_string_equal(printed(&b, first, NULL), "some");
	/* conditions of each kind */
	two = text_part(&b, "yes");
	two->when = test_of(&b, "v6", OP_EQ, &wide);
	assert_string_equal(printed(&b, two, NULL), "yes");
	b.h->v6[15] = 1;
	assert_string_equal(printed(&b, two, NULL), "");
	two->when = test_of(&b, "v4", OP_EQ, &v4);
	assert_string_equal(printed(&b, two, NULL), "");
	b.h->v4[0] = 127;
	assert_string_equal(printed(&b, two, NULL), "yes");
	two->when = test_of(&b, "state", OP_EQ, &far); /* 100 is no bit */
	assert_string_equal(printed(&b, two, NULL), "");
	b.h->state = 100;
	assert_string_equal(printed(&b, two, NULL), "yes");
	two->when = test_of(&b, "text", OP_EQ, &yes);
	assert_string_equal(printed(&b, two, NULL), "yes");
	two->when = test_of(&b, "text", OP_NE, &yes);
	assert_string_equal(printed(&b, two, NULL), "");
	two->when = test_of(&b, "span", OP_NE, &yes);
	assert_string_equal(printed(&b, two, NULL), "yes");
	stop(&b);
}

/* Whatever a condition is made into, it answers as the query's own does. */
static void test_conditions_agree(void **state)
{
	static const char *const numbers[] = { "small", "flag", "port", "several" };
	static const int64_t tried[] = { 0, 1, 7, 8, 63, 64, 65535 };
	struct bench b;

	(void)state;
	start(&b);
	((struct nlmsghdr *)b.msg)->nlmsg_len = (uint32_t)b.len;
	for (size_t f = 0; f < 4; f++)
		for (enum cond_op op = OP_EQ; op <= OP_NE; op++)
			for (size_t i = 0; i < 7; i++)
				for (size_t j = 0; j < 7; j++) {
					struct cond c = { .field = field(numbers[f]), .op = op };
					struct value raw = { .kind = VALUE_INT, .num = tried[i] };
					struct node *tree;
					struct form_part *p = text_part(&b, "y");
					bool expected;

					if (f == 1)
						raw = (struct value){ .kind = VALUE_BOOL,
								      .flag = tried[i] & 1 };
					assert_int_equal(cond_add(&c, &raw, NULL), 0);
					b.h->small = (uint32_t)tried[j];
					b.h->port = (uint16_t)tried[j];
					b.h->flag = (uint8_t)tried[j];
					tree = node_cond(&c);
					expected = node_match(tree, &b.row);
					p->when = form_test_new(b.form, tree, true);
					assert_string_equal(printed(&b, p, NULL),
							    expected ? "y" : "");
				}
	stop(&b);
}

static struct form_part *each_part(struct bench *b, const char *name, struct form_part *part)
{
	struct form_part *p = new_part(b, FORM_EACH);

	p->list = field(name);
	p->part = part;
	p->value.field = p->list;
	assert_true(form_use(b->form, p->list));
	if (!part)
		assert_int_equal(form_value_ready(b->form, &p->value, NULL), 0);
	return p;
}

static void test_each(void **state)
{
	struct bench b;
	struct form_part *p, *item;
	struct value raw = { .kind = VALUE_INT, .num = 20 };
	struct form_key key;

	(void)state;
	start(&b);
	item = field_part(&b, "small", "(%u)", NULL);
	p = each_part(&b, "items", item);
	p->between = text_of(",");
	p->before = text_of(" users:(");
	p->after = text_of(")");
	assert_string_equal(printed(&b, p, NULL), " users:((10),(20),(30))");
	p->reverse = true;
	assert_string_equal(printed(&b, p, NULL), " users:((30),(20),(10))");
	/* what divides stands between what is printed */
	key = key_of(&b, "small", &raw);
	item->value.unless = &key;
	item->value.nunless = 1;
	assert_string_equal(printed(&b, p, NULL), " users:((30),(10))");
	nitems = 0;
	assert_string_equal(printed(&b, p, NULL), "");
	nitems = 3;
	/* no item applies: nor does the list */
	p->part = field_part(&b, "text", NULL, NULL);
	assert_string_equal(printed(&b, p, NULL), "");
	/* plain values */
	b.h->bits = 7;
	p = each_part(&b, "flags", NULL);
	p->value.as = format(&b, " %s");
	assert_string_equal(printed(&b, p, NULL), " one two four");
	p->reverse = true;
	assert_string_equal(printed(&b, p, NULL), " four two one");
	b.h->bits = 0;
	assert_string_equal(printed(&b, p, NULL), "");
	p = each_part(&b, "several", NULL);
	p->between = text_of("+");
	assert_string_equal(printed(&b, p, NULL), "7+8+9");
	p->reverse = true;
	assert_string_equal(printed(&b, p, NULL), "9+8+7");
	stop(&b);
}

static void test_calc(void **state)
{
	struct form_value small = { .field = field("small") };
	struct form_value micros = { .field = field("micros"), .unit = "us" };
	struct form_value text = { .field = field("span") };
	struct form_step steps[5] = { 0 };
	struct bench b;
	struct form_part *p;

	(void)state;
	start(&b);
	assert_int_equal(form_value_ready(b.form, &small, NULL), 0);
	assert_int_equal(form_value_ready(b.form, &micros, NULL), 0);
	assert_int_equal(form_value_ready(b.form, &text, NULL), 0);
	p = new_part(&b, FORM_CALC);
	p->steps = steps;
	p->nsteps = 5;
	assert_int_equal(form_value_ready(b.form, &p->value, NULL), 0);
	steps[0].value = &small;
	steps[1].real = 8e6;
	steps[2].operation = '*';
	steps[3].value = &micros;
	steps[4].operation = '/';
	b.h->small = 3;
	b.h->micros = 4;
	assert_string_equal(printed(&b, p, NULL), "6000000");
	b.h->micros = 0;
	assert_string_equal(printed(&b, p, NULL), "");
	p->otherwise = text_part(&b, "no");
	assert_string_equal(printed(&b, p, NULL), "no");
	b.h->micros = 7;
	p->value.as = format(&b, "%.0f");
	assert_string_equal(printed(&b, p, NULL), "3428571");
	steps[4].operation = '-';
	assert_string_equal(printed(&b, p, NULL), "23999993");
	steps[4].operation = '+';
	assert_string_equal(printed(&b, p, NULL), "24000007");
	steps[3].value = &text; /* absent */
	assert_string_equal(printed(&b, p, NULL), "no");
	stop(&b);
}

static int answer(void *arg, unsigned function, const struct row *row, struct value *v,
		  struct nl_error *err)
{
	const struct bench *b = arg;

	assert_ptr_equal(row, &b->row);
	if (function == 2)
		return nl_fail(err, EIO, "it failed");
	*v = function == 1 ? text_value("a\nb") : (struct value){ .kind = VALUE_NIL };
	return 0;
}

static void test_functions(void **state)
{
	struct bench b;
	struct calls calls = { .value = answer, .arg = &b };
	struct fmt_text out = { .p = NULL };
	struct form_part *p;
	struct nl_error err;

	(void)state;
	start(&b);
	p = new_part(&b, FORM_FUNCTION);
	p->function = 1;
	p->before = text_of("\n\t");
	assert_string_equal(printed(&b, p, &calls), "\n\ta.b");
	assert_true(form_has_functions(b.form));
	p->function = 3;
	assert_string_equal(printed(&b, p, &calls), "");
	p->function = 2;
	assert_false(form_write(b.form, &b.row, &calls, &out, &err));
	assert_string_equal(err.text, "it failed");
	assert_false(form_write(b.form, &b.row, NULL, &out, &err));
	fmt_text_free(&out);
	stop(&b);
}

static void test_needs(void **state)
{
	struct value yes = { .kind = VALUE_BOOL, .flag = true };
	const struct field *const *list;
	struct bench b;
	struct form_part *p;

	(void)state;
	start(&b);
	assert_int_equal(form_needs(b.form), 0);
	p = field_part(&b, "big", NULL, NULL);
	p->when = test_of(&b, "flag", OP_EQ, &yes);
	assert_int_equal(form_needs(b.form), 1 | 8);
	p = each_part(&b, "items", text_part(&b, "x"));
	assert_int_equal(form_needs(b.form), 1 | 8 | 32);
	assert_int_equal(form_fields(b.form, &list), 3);
	assert_true(form_use(b.form, list[0]));
	assert_int_equal(form_fields(b.form, &list), 3);
	assert_ptr_equal(form_of(b.form), &things);
	stop(&b);
	form_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats_are_printf),
		cmocka_unit_test(test_thousandths_are_printf),
		cmocka_unit_test(test_whole_numbers),
		cmocka_unit_test(test_durations_are_exact),
		cmocka_unit_test(test_format_faults),
		cmocka_unit_test(test_text_and_names),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_unless),
		cmocka_unit_test(test_value_faults),
		cmocka_unit_test(test_key_faults),
		cmocka_unit_test(test_amounts),
		cmocka_unit_test(test_service),
		cmocka_unit_test(test_around),
		cmocka_unit_test(test_first_and_when),
		cmocka_unit_test(test_conditions_agree),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_calc),
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_rpcbind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
