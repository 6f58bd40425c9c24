/*
 * Owns what lightweight tunnels of routes and nexthops tell beside plain attributes:
 * label stacks, segment lists, modes. All of it is checked here against the length
 * that the attribute has.
 */
#include "routes.h"

#include <linux/ioam6_iptunnel.h>
#include <linux/rpl_iptunnel.h>
#include <linux/seg6.h>
#include <linux/seg6_iptunnel.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* The type of the tunnel lies in the attribute before its data, in all kinds of messages. */
static unsigned encap_type(const struct row *row, const struct field *f)
{
	const uint16_t *type = row_attr(indexed(row), f->in[0] - 1u, sizeof(*type));

	return type ? *type : LWTUNNEL_ENCAP_NONE;
}

bool encap_is(const struct row *row, const struct field *f)
{
	const char *name = enum_text(encap_names, encap_type(row, f));
	size_t len = name ? strlen(name) : 0;

	for (const char *p = f->kind; len && p; p = strchr(p, ' ')) {
		p += *p == ' ';
		if (strncmp(p, name, len) == 0 && (p[len] == ' ' || p[len] == '\0'))
			return true;
	}
	return false;
}

static const struct nlattr *part(const struct row *row, const struct field *f, unsigned type)
{
	return row_nested(indexed(row), f->in, type);
}

static bool set_list(struct value *v, const struct value *items, size_t n)
{
	v->kind = VALUE_LIST;
	v->list.items = items;
	v->list.n = n;
	return n > 0;
}

/* Entries of a label stack, RFC 3032: the label is the upper 20 bits. */
bool get_encap_labels(const struct row *row, const struct field *f, struct value *v)
{
	const struct nlattr *a = part(row, f, f->attr);
	size_t n = a ? nl_attr_len(a) / 4 : 0;
	const unsigned char *p = a ? nl_attr_data(a) : NULL;
	struct value *items = n ? env_list(row->env, n) : NULL;

	if (!items)
		return false;
	for (size_t i = 0; i < n; i++, p += 4)
		set_int(&items[i], (int64_t)p[0] << 12 | p[1] << 4 | p[2] >> 4);
	return set_list(v, items, n);
}

/* The segments of a routing header lie in the order of travel turned round (RFC 8754). */
static bool segments(const struct row *row, const unsigned char *srh, size_t len, struct value *v)
{
	const size_t fixed = sizeof(struct ipv6_sr_hdr);
	struct value *items;
	size_t n;

	if (len < fixed || ((size_t)srh[1] + 1) * 8 > len)
		return false;
	n = (size_t)srh[4] + 1; /* first_segment is the index of the last in memory */
	if (n * 16 > ((size_t)srh[1] + 1) * 8 - fixed)
		return false;
	items = env_list(row->env, n);
	if (!items)
		return false;
	for (size_t i = 0; i < n; i++) {
		memset(&items[i], 0, sizeof(items[i]));
		items[i].kind = VALUE_ADDR;
		items[i].addr.family = AF_INET6;
		memcpy(items[i].addr.bytes, srh + fixed + (n - 1 - i) * 16, 16);
	}
	return set_list(v, items, n);
}

/* RFC 6554 without compressed addresses, which is how the kernel tells it. */
static bool rpl_segments(const struct row *row, const unsigned char *srh, size_t len,
			 struct value *v)
{
	size_t n = len >= 8 && ((size_t)srh[1] + 1) * 8 <= len ? srh[1] / 2 : 0;
	struct value *items = n && srh[4] == 0 ? env_list(row->env, n) : NULL;

	if (!items)
		return false;
	for (size_t i = 0; i < n; i++) {
		memset(&items[i], 0, sizeof(items[i]));
		items[i].kind = VALUE_ADDR;
		items[i].addr.family = AF_INET6;
		memcpy(items[i].addr.bytes, srh + 8 + i * 16, 16);
	}
	return set_list(v, items, n);
}

bool get_encap_segs(const struct row *row, const struct field *f, struct value *v)
{
	unsigned type = encap_type(row, f);
	const struct nlattr *a = part(row, f,
				      type == LWTUNNEL_ENCAP_SEG6	  ? SEG6_IPTUNNEL_SRH
				      : type == LWTUNNEL_ENCAP_SEG6_LOCAL ? SEG6_LOCAL_SRH
									  : RPL_IPTUNNEL_SRH);
	const size_t mode = type == LWTUNNEL_ENCAP_SEG6 ? sizeof(int) : 0;
	const unsigned char *p = a ? nl_attr_data(a) : NULL;

	if (!a || nl_attr_len(a) < mode)
		return false;
	return type == LWTUNNEL_ENCAP_RPL ? rpl_segments(row, p, nl_attr_len(a), v)
					  : segments(row, p + mode, nl_attr_len(a) - mode, v);
}

static bool seg6_mode(const struct nlattr *a, struct value *v)
{
	int mode;

	if (!a || nl_attr_len(a) < sizeof(mode))
		return false;
	memcpy(&mode, nl_attr_data(a), sizeof(mode));
	return set_int(v, mode);
}

/* IOAM6_IPTUNNEL_MODE_*: 1 inline, 2 encap, 3 auto. */
static bool ioam6_mode(const struct nlattr *a, struct value *v)
{
	static const int modes[] = {
		[IOAM6_IPTUNNEL_MODE_INLINE] = SEG6_IPTUN_MODE_INLINE,
		[IOAM6_IPTUNNEL_MODE_ENCAP] = SEG6_IPTUN_MODE_ENCAP,
		[IOAM6_IPTUNNEL_MODE_AUTO] = ENCAP_MODE_AUTO,
	};
	unsigned char mode;

	if (!a || nl_attr_len(a) < 1)
		return false;
	memcpy(&mode, nl_attr_data(a), 1);
	return mode >= 1 && mode < sizeof(modes) / sizeof(modes[0]) && set_int(v, modes[mode]);
}

bool get_encap_mode(const struct row *row, const struct field *f, struct value *v)
{
	if (encap_type(row, f) == LWTUNNEL_ENCAP_SEG6)
		return seg6_mode(part(row, f, SEG6_IPTUNNEL_SRH), v);
	return ioam6_mode(part(row, f, IOAM6_IPTUNNEL_MODE), v);
}

static bool number(const struct nlattr *a, struct value *v)
{
	uint32_t n;

	if (!a || nl_attr_len(a) < sizeof(n))
		return false;
	memcpy(&n, nl_attr_data(a), sizeof(n));
	return set_int(v, n);
}

bool get_encap_table(const struct row *row, const struct field *f, struct value *v)
{
	return number(part(row, f, SEG6_LOCAL_TABLE), v) ||
	       number(part(row, f, 9 /* SEG6_LOCAL_VRFTABLE, Linux 5.11 */), v);
}

bool get_encap_nexthop(const struct row *row, const struct field *f, struct value *v)
{
	struct field nexthop = *f;

	nexthop.attr = part(row, f, SEG6_LOCAL_NH6) ? SEG6_LOCAL_NH6 : SEG6_LOCAL_NH4;
	return field_load(&nexthop, row, v);
}

bool get_encap_prog(const struct row *row, const struct field *f, struct value *v)
{
	struct field prog = *f;

	prog.attr = LWT_BPF_PROG_NAME;
	for (prog.in[1] = LWT_BPF_IN; prog.in[1] <= LWT_BPF_XMIT; prog.in[1]++)
		if (field_load(&prog, row, v))
			return true;
	return false;
}
