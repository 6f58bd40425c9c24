/* Owns reading the fields of routes that are computed, and the hash that tells routes apart. */
#include "routes.h"

#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct rtmsg *head(const struct row *row)
{
	return row_header(row);
}

/*
 * The prefix whose address is attr and whose length is the byte of the header at
 * offset; the family is the header's first byte. Without the attribute it is all zeros.
 */
bool get_prefix(const struct row *row, const struct field *f, struct value *v)
{
	const unsigned char *header = row_header(row);
	size_t size = header[0] == AF_INET6 ? 16 : 4;
	unsigned bits = header[f->offset];
	const void *addr = row_attr(indexed(row), f->attr, size);

	if ((header[0] != AF_INET && header[0] != AF_INET6) || bits > size * 8)
		return false;
	memset(v, 0, sizeof(*v));
	v->kind = VALUE_ADDR;
	v->addr.family = header[0];
	v->addr.plen = bits == size * 8 ? 0 : (uint8_t)(bits + 1);
	if (addr)
		memcpy(v->addr.bytes, addr, size);
	/* what is too short is no address; only a default route may go without */
	return addr || bits == 0;
}

bool get_prefix_given(const struct row *row, const struct field *f, struct value *v)
{
	const unsigned char *header = row_header(row);

	return header[f->offset] > 0 && get_prefix(row, f, v);
}

/* The byte of the header holds tables below 256, and RT_TABLE_COMPAT for others. */
bool get_table(const struct row *row, const struct field *f, struct value *v)
{
	const uint32_t *table = row_attr(indexed(row), f->attr, sizeof(*table));
	const unsigned char *header = row_header(row);

	set_int(v, table ? *table : header[f->offset]);
	return v->num != RT_TABLE_UNSPEC;
}

/* The upper half of what a cached IPv4 route tells are flags of another kind. */
static bool has_cache_flags(const struct row *row)
{
	return head(row)->rtm_family == AF_INET && (head(row)->rtm_flags & RTM_F_CLONED);
}

bool get_route_flags(const struct row *row, const struct field *f, struct value *v)
{
	struct field low = *f;

	low.mask = has_cache_flags(row) ? 0xffff : 0;
	return field_load(&low, row, v);
}

bool get_cache_flags(const struct row *row, const struct field *f, struct value *v)
{
	return has_cache_flags(row) && field_load(f, row, v);
}

/* The kernel leaves a metric of 0 out, but of what it cloned it tells none at all. */
bool get_metric(const struct row *row, const struct field *f, struct value *v)
{
	if (field_load(f, row, v))
		return true;
	return !(head(row)->rtm_flags & RTM_F_CLONED) && set_int(v, 0);
}

/* In ticks of times(2), with a sign: what has expired is still listed for a while. */
bool get_expires(const struct row *row, const struct field *f, struct value *v)
{
	struct field ticks = *f;

	ticks.type = FT_INT;
	ticks.flags = FF_SIGNED;
	if (!field_load(&ticks, row, v) || v->num == 0)
		return false;
	v->real = (double)v->num / (double)sysconf(_SC_CLK_TCK);
	v->kind = VALUE_FLOAT;
	return true;
}

bool get_is_there(const struct row *row, const struct field *f, struct value *v)
{
	return set_bool(v, row_nlattr(indexed(row), f->attr) != NULL);
}

void note_add(char *note, size_t size, const char *fmt, ...)
{
	size_t n = strlen(note);
	va_list args;

	if (n)
		n += (size_t)snprintf(note + n, size - n, ", ");
	if (n >= size)
		return;
	va_start(args, fmt);
	vsnprintf(note + n, size - n, fmt, args);
	va_end(args);
}

void plan_put_u32(struct dump_plan *out, uint16_t type, uint32_t n)
{
	nl_attr_put(out->buf, &out->len, sizeof(out->buf), type, &n, sizeof(n));
}

bool plan_dev(const struct scan_request *req, unsigned *dev)
{
	char name[IFNAMSIZ];

	*dev = 0;
	if (ask_ifindex(req, "dev_index", "dev", dev) < 0)
		return false;
	/* a recording is not filtered by its request, and has no devices to ask about */
	if (nl_replay_loaded())
		*dev = 0;
	if (*dev && !nl_ifname(*dev, env_netns_fd(req->env), name))
		return false;
	/* and while one is made, it shall get the whole list */
	if (nl_recording())
		*dev = 0;
	return true;
}
