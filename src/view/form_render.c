/*
 * Owns the renderers of forms: values as words and amounts that people read, where no
 * format says it. One table has them all.
 */
#include "private.h"

#include <stdio.h>
#include <string.h>

static void put_decimal(uint64_t n, struct fmt_text *out)
{
	const struct number number = { .mag = n, .exact = true, .real = (double)n };

	put_plain(&number, out);
}

/* ---- service ------------------------------------------------------------------------- */

static bool fits_port(const struct form_value *v)
{
	return v->field && (v->field->type == FT_PORT || v->field->type == FT_INT);
}

static bool is_local(const struct row *row, uint16_t port)
{
	uint16_t from, to;

	return row->env && env_local_ports(row->env, &from, &to) && from <= port && port <= to;
}

static void put_service(const struct form_value *v, const struct value *value,
			const struct number *n, const struct row *row, struct fmt_text *out)
{
	const struct form_options *o = &v->options;
	const char *name = NULL;

	(void)value;
	if (!n)
		return;
	if (!n->negative && n->mag > 0 && n->mag <= UINT16_MAX) {
		uint16_t port = (uint16_t)n->mag;

		if (o->rpc)
			name = name_rpc(port, o->proto.p);
		if (!name && !(o->local_range && is_local(row, port)))
			name = name_service(port, o->proto.p);
	}
	if (name)
		put_clean(name, strlen(name), out);
	else
		put_plain(n, out);
}

/* ---- host ---------------------------------------------------------------------------- */

static bool fits_addr(const struct form_value *v)
{
	return v->field && v->field->type == FT_ADDR;
}

static void put_host(const struct form_value *v, const struct value *value, const struct number *n,
		     const struct row *row, struct fmt_text *out)
{
	char buf[VALUE_TEXT_MAX];
	const char *text = NULL;
	size_t len;

	(void)n;
	(void)row;
	if (value->kind == VALUE_ADDR && !value->addr.plen)
		text = name_host(&value->addr);
	if (text)
		len = strlen(text);
	else
		text = value_text(v->field, value, buf, &len);
	put_clean(text, len, out);
}

/* As it stands before a port: an IPv6 address that has no name is in brackets. */
static void put_host_before_port(const struct form_value *v, const struct value *value,
				 const struct number *n, const struct row *row,
				 struct fmt_text *out)
{
	size_t at = out->len;

	put_host(v, value, n, row, out);
	if (out->failed || out->len == at || !memchr(out->p + at, ':', out->len - at) ||
	    !fmt_text_room(out, 2))
		return;
	memmove(out->p + at + 1, out->p + at, out->len - at);
	out->p[at] = '[';
	out->p[out->len + 1] = ']';
	out->len += 2;
}

/* ---- amounts ------------------------------------------------------------------------------- */

static bool fits_number(const struct form_value *v)
{
	return !v->field || (form_is_number(v->field) && v->field->type != FT_ENUM);
}

/* Bits per second in steps of 1000, three digits of them from 1000 on. */
static void put_bits(const struct form_value *v, const struct value *value, const struct number *n,
		     const struct row *row, struct fmt_text *out)
{
	static const struct {
		double least;
		const char *unit;
	} steps[] = { { 1e12, "T" }, { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" } };
	char buf[64];
	int len;

	(void)v;
	(void)value;
	(void)row;
	if (!n)
		return;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (n->real >= steps[i].least) {
			len = snprintf(buf, sizeof(buf), "%.3g%s", n->real / steps[i].least,
				       steps[i].unit);
			fmt_text_add(out, buf, (size_t)len);
			return;
		}
	}
	len = snprintf(buf, sizeof(buf), "%g", n->real);
	fmt_text_add(out, buf, (size_t)len);
}

/*
 * Milliseconds as the timers of ss: "119min", "9min59sec", "10sec", "1.500ms" (that is 1.5 s),
 * "010ms"; nothing for 0. The greater the time, the less of its small parts is shown.
 */
static void put_clock(const struct form_value *v, const struct value *value, const struct number *n,
		      const struct row *row, struct fmt_text *out)
{
	static const struct form_format three = { .conversion = 'u',
						  .precise = true,
						  .precision = 3 };
	struct number rest = { .exact = true };
	uint64_t minutes, seconds;

	(void)v;
	(void)value;
	(void)row;
	if (!n || n->negative)
		return;
	rest.mag = n->mag % 1000;
	seconds = n->mag / 1000 % 60;
	minutes = n->mag / 60000;
	if (minutes) {
		rest.mag = 0;
		seconds = minutes > 9 ? 0 : seconds;
		put_decimal(minutes, out);
		fmt_text_add(out, "min", 3);
	}
	if (seconds) {
		rest.mag = seconds > 9 ? 0 : rest.mag;
		put_decimal(seconds, out);
		fmt_text_add(out, rest.mag ? "." : "sec", rest.mag ? 1 : 3);
	}
	if (rest.mag) {
		put_number(&three, &rest, out);
		fmt_text_add(out, "ms", 2);
	}
}

/* ---- the table ----------------------------------------------------------------------- */

static const struct form_renderer renderers[] = {
	{ "service", "a port", fits_port, true, NULL, put_service },
	{ "host", "an address", fits_addr, false, NULL, put_host },
	{ "host_before_port", "an address", fits_addr, false, NULL, put_host_before_port },
	{ "bits", "a number", fits_number, false, NULL, put_bits },
	{ "clock", "a number of milliseconds", fits_number, false, "ms", put_clock },
};

const struct form_renderer *form_renderer_find(const char *name)
{
	for (size_t i = 0; i < sizeof(renderers) / sizeof(renderers[0]); i++)
		if (strcmp(renderers[i].name, name) == 0)
			return &renderers[i];
	return NULL;
}

const char *form_renderer_nearest(const char *name)
{
	const char *near = NULL;

	for (size_t i = 0; i < sizeof(renderers) / sizeof(renderers[0]); i++)
		near = nearest_name(name, near, renderers[i].name);
	return near;
}

bool form_renderer_has_options(const struct form_renderer *r)
{
	return r->options;
}
