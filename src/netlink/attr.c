/*
 * Attributes: indexing those of a message, and building those of a request.
 * Knows struct nlattr, not what a type means.
 *
 * The checks are ours because libmnl's take the space left as an int; they
 * stand on the path of every row.
 */
#include "connsh/netlink.h"

#include <string.h>

/* Is the attribute at at whole within len bytes? */
static bool fits(const struct nlattr *attr, size_t len)
{
	return len >= NLA_HDRLEN && attr->nla_len >= NLA_HDRLEN && attr->nla_len <= len;
}

bool nl_attrs(const void *start, size_t len, const struct nlattr *tb[], unsigned max)
{
	const char *at = start;

	memset(tb, 0, ((size_t)max + 1) * sizeof(tb[0]));
	while (len > 0) {
		const struct nlattr *attr = (const void *)at;
		size_t step;
		unsigned type;

		if (!fits(attr, len))
			return false;
		type = attr->nla_type & NLA_TYPE_MASK;
		if (type <= max && !tb[type])
			tb[type] = attr;
		step = NLA_ALIGN((size_t)attr->nla_len);
		if (step > len)
			step = len;
		at += step;
		len -= step;
	}
	return true;
}

const struct nlattr *nl_attr_next(const void *start, size_t len, const struct nlattr *a,
				  unsigned *type, bool *bad)
{
	size_t at = 0;

	if (a)
		at = (size_t)((const char *)a - (const char *)start) +
		     NLA_ALIGN((size_t)a->nla_len);
	if (at >= len)
		return NULL;
	a = (const void *)((const char *)start + at);
	if (!fits(a, len - at)) {
		if (bad)
			*bad = true;
		return NULL;
	}
	*type = a->nla_type & NLA_TYPE_MASK;
	return a;
}

const struct nlattr *nl_attr_find(const void *start, size_t len, unsigned type, bool *bad)
{
	const struct nlattr *a = NULL;
	unsigned got;

	while ((a = nl_attr_next(start, len, a, &got, bad)))
		if (got == type)
			return a;
	return NULL;
}

size_t nl_attr_len(const struct nlattr *attr)
{
	return attr->nla_len - (size_t)NLA_HDRLEN;
}

const void *nl_attr_data(const struct nlattr *attr)
{
	return (const char *)attr + NLA_HDRLEN;
}

bool nl_attr_put(void *buf, size_t *len, size_t size, uint16_t type, const void *data,
		 size_t data_len)
{
	struct nlattr attr;
	char *at;
	size_t start, room;

	if (data_len > UINT16_MAX - NLA_HDRLEN || *len > size)
		return false;
	room = NLA_ALIGN(NLA_HDRLEN + data_len);
	start = NLA_ALIGN(*len);
	if (start > size || room > size - start)
		return false;
	attr.nla_len = (uint16_t)(NLA_HDRLEN + data_len);
	attr.nla_type = type;
	memset((char *)buf + *len, 0, start - *len);
	at = (char *)buf + start;
	memset(at, 0, room);
	memcpy(at, &attr, sizeof(attr));
	if (data_len > 0)
		memcpy(at + NLA_HDRLEN, data, data_len);
	*len = start + room;
	return true;
}
