/*
 * Owns what a value is: field types, names of enums, addresses as text and
 * back, and the nearest name for a misspelt word. Knows no particular source.
 */
#include "private.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const struct field_kind field_kinds[FT_TYPES] = {
	[FT_BOOL] = { "boolean", "true or false", false },
	[FT_INT] = { "integer", "a number or a range such as \"10-20\"", true },
	[FT_MARK] = { "mark", "a number, or a number and a mask such as \"0x10/0xff\"", true },
	[FT_PORT] = { "port", "0 to 65535, a range such as \"1024-65535\", or a service name",
		      true },
	[FT_BYTES] = { "bytes", "a number of bytes, or a size such as \"64k\"", true },
	[FT_RATE] = { "rate", "bytes per second, a size such as \"2M\", or bits such as \"8Mbit\"",
		      true },
	[FT_DURATION] = { "duration", "seconds, or a text such as \"100ms\"", true },
	[FT_FLOAT] = { "number", "a number", true },
	[FT_ENUM] = { "name", "one of its names", false },
	[FT_TEXT] = { "text", "a text, with * and ? as wildcards", true },
	[FT_ANY] = { "any", "a value of the kind that the function gives", true },
	[FT_ADDR] = { "address", "an address or a prefix such as \"10.0.0.0/8\"", false },
	[FT_LLADDR] = { "lladdr", "a link layer address such as \"02:00:5e:10:00:01\"", false },
	[FT_ROWS] = { "records", "true or false: has it any", false },
};

/* Letters and digits of both, whatever the case and whatever stands between them. */
bool same_spelling(const char *a, const char *b, size_t blen)
{
	const char *end = b + blen;

	for (;; a++, b++) {
		while (*a == '-' || *a == '_')
			a++;
		while (b < end && (*b == '-' || *b == '_'))
			b++;
		if (*a == '\0' || b == end)
			return *a == '\0' && b == end;
		if ((*a | 0x20) != (*b | 0x20))
			return false;
	}
}

const char *enum_text(const struct enum_name *names, int64_t value)
{
	for (; names && names->name; names++)
		if (names->value == value)
			return names->name;
	return NULL;
}

bool enum_is_named(const struct field *f, int64_t value)
{
	return f->type == FT_ENUM && (!(f->flags & FF_OPEN) || enum_text(f->names, value));
}

/* Dotted decimal: half of all cells of a table of sockets, and inet_ntop goes by printf. */
static char *put_octet(char *p, unsigned n)
{
	if (n >= 100)
		*p++ = (char)('0' + n / 100);
	if (n >= 10)
		*p++ = (char)('0' + n / 10 % 10);
	*p++ = (char)('0' + n % 10);
	return p;
}

/* Returns how long it is, as addr_text does. */
static size_t ipv4_text(const uint8_t bytes[4], char *p)
{
	char *begin = p;

	for (int i = 0; i < 4; i++) {
		p = put_octet(p, bytes[i]);
		*p++ = i < 3 ? '.' : '\0';
	}
	return (size_t)(p - begin) - 1;
}

static size_t addr_text(const struct addr *a, char buf[VALUE_TEXT_MAX])
{
	size_t n;

	if (a->family == AF_INET && !a->plen)
		return ipv4_text(a->bytes, buf);
	if (a->family == AF_INET)
		ipv4_text(a->bytes, buf);
	else if (!inet_ntop(a->family, a->bytes, buf, VALUE_TEXT_MAX))
		snprintf(buf, VALUE_TEXT_MAX, "unknown(%u)", a->family);
	n = strlen(buf);
	if (a->plen)
		snprintf(buf + n, VALUE_TEXT_MAX - n, "/%u", a->plen - 1u);
	return strlen(buf);
}

/* "02:00:5e:10:00:01" */
static void lladdr_text(const struct value *v, char buf[VALUE_TEXT_MAX])
{
	char *p = buf;

	for (size_t i = 0; i < v->text.len && i < VALUE_TEXT_MAX / 3; i++)
		p += snprintf(p, 4, i ? ":%02x" : "%02x", (unsigned char)v->text.p[i]);
}

/* As many items as fit; a printer that wants them all goes through the list itself. */
static void list_text(const struct field *f, const struct value *v, char buf[VALUE_TEXT_MAX])
{
	size_t at = 0, len;

	if (f->type == FT_ROWS) {
		snprintf(buf, VALUE_TEXT_MAX, "%zu %ss", v->list.n, f->rows->row_name);
		return;
	}
	for (size_t i = 0; i < v->list.n; i++) {
		char one[VALUE_TEXT_MAX];
		const char *text = value_text(f, &v->list.items[i], one, &len);

		/* a comma, the item, and room for what says that there are more */
		if (at + 1 + len + sizeof(",...") > VALUE_TEXT_MAX) {
			memcpy(buf + at, ",...", sizeof(",..."));
			return;
		}
		if (i)
			buf[at++] = ',';
		memcpy(buf + at, text, len);
		at += len;
	}
	buf[at] = '\0';
}

const char *value_text(const struct field *f, const struct value *v, char buf[VALUE_TEXT_MAX],
		       size_t *len)
{
	const char *name;

	buf[0] = '\0';
	switch (v->kind) {
	case VALUE_NIL:
		break;
	case VALUE_BOOL:
		strcpy(buf, v->flag ? "true" : "false");
		break;
	case VALUE_INT:
		name = f->type == FT_ENUM ? enum_text(f->names, v->num) : NULL;
		if (name) {
			*len = strlen(name);
			return name;
		}
		/* an enum value of a newer kernel is shown as what it is */
		snprintf(buf, VALUE_TEXT_MAX,
			 f->type == FT_ENUM && !(f->flags & FF_OPEN) ? "unknown(%" PRId64 ")"
								     : "%" PRId64,
			 v->num);
		break;
	case VALUE_FLOAT:
		snprintf(buf, VALUE_TEXT_MAX, "%.14g", v->real);
		break;
	case VALUE_TEXT:
		if (f->type == FT_LLADDR) {
			lladdr_text(v, buf);
			break;
		}
		*len = v->text.len;
		return v->text.p;
	case VALUE_ROW:
		break; /* its own fields are its text */
	case VALUE_ADDR:
		*len = addr_text(&v->addr, buf);
		return buf;
	case VALUE_LIST:
		list_text(f, v, buf);
		break;
	}
	*len = strlen(buf);
	return buf;
}

bool addr_is_mapped(const struct addr *a)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return a->family == AF_INET6 && memcmp(a->bytes, prefix, sizeof(prefix)) == 0;
}

struct addr addr_canonical(const struct addr *a)
{
	struct addr v4 = { .family = AF_INET };

	if (!addr_is_mapped(a))
		return *a;
	memcpy(v4.bytes, a->bytes + 12, 4);
	return v4;
}

/* Digits only, at most 3 of them: a prefix length is never longer. */
static bool parse_bits(const char *p, const char *end, unsigned max, unsigned *bits)
{
	unsigned n = 0;

	if (p == end || end - p > 3)
		return false;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9')
			return false;
		n = n * 10 + (unsigned)(*p - '0');
	}
	*bits = n;
	return n <= max;
}

bool addr_parse(const char *text, size_t len, struct addr *a, unsigned *plen)
{
	const char *slash = memchr(text, '/', len);
	size_t host = slash ? (size_t)(slash - text) : len;
	const char *end = text + len;
	char buf[INET6_ADDRSTRLEN];

	memset(a, 0, sizeof(*a));
	if (host > 1 && text[0] == '[' && text[host - 1] == ']') {
		text++;
		host -= 2;
		if (!memchr(text, ':', host))
			return false;
	}
	if (host == 0 || host >= sizeof(buf) || memchr(text, '\0', host))
		return false;
	memcpy(buf, text, host);
	buf[host] = '\0';
	a->family = strchr(buf, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(a->family, buf, a->bytes) != 1)
		return false;
	*plen = a->family == AF_INET ? 32 : 128;
	return !slash || parse_bits(slash + 1, end, *plen, plen);
}

/* Optimal string alignment distance, of words of at most 31 letters. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[3][32], *two = row[0], *one = row[1], *now = row[2];
	size_t la = strlen(a), lb = strlen(b), i, j;

	if (la > 31 || lb > 31)
		return 99;
	for (j = 0; j <= lb; j++)
		one[j] = (unsigned)j;
	for (i = 1; i <= la; i++) {
		unsigned *t = two;

		now[0] = (unsigned)i;
		for (j = 1; j <= lb; j++) {
			unsigned d =
				one[j - 1] + (tolower_ascii(a[i - 1]) != tolower_ascii(b[j - 1]));

			if (one[j] + 1 < d)
				d = one[j] + 1;
			if (now[j - 1] + 1 < d)
				d = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    two[j - 2] + 1 < d)
				d = two[j - 2] + 1;
			now[j] = d;
		}
		two = one;
		one = now;
		now = t;
	}
	return one[lb];
}

/* A third of the word may be wrong; a word of three letters one. */
static unsigned score(const char *word, const char *candidate)
{
	unsigned d = candidate ? distance(word, candidate) : 99;
	size_t len = strlen(word);

	if (candidate && len >= 3 && strncasecmp(word, candidate, len) == 0)
		return 1; /* an abbreviation is near */
	return d <= 1 + len / 4 && d < len ? d : 99;
}

const char *nearest_name(const char *word, const char *best, const char *candidate)
{
	unsigned new = score(word, candidate);

	return new < 99 && new < score(word, best) ? candidate : best;
}
