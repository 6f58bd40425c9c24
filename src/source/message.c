/*
 * Owns building messages: what readers of /proc tell takes the form in which
 * netlink would tell it, so that fields are read the same way.
 */
#include "connsh/source.h"

#include <stdlib.h>
#include <string.h>

static unsigned char *reserve(struct message *m, size_t more)
{
	size_t size = m->size ? m->size : 1024;
	unsigned char *buf;

	if (m->failed)
		return NULL;
	while (size - m->len < more)
		size *= 2;
	if (size == m->size)
		return m->buf + m->len;
	buf = realloc(m->buf, size);
	if (!buf) {
		m->failed = true;
		return NULL;
	}
	m->buf = buf;
	m->size = size;
	return buf + m->len;
}

void message_begin(struct message *m, uint16_t type, const void *header, size_t len)
{
	size_t room = NLMSG_HDRLEN + NLMSG_ALIGN(len);
	unsigned char *p;

	m->len = 0;
	m->failed = false;
	p = reserve(m, room);
	if (!p)
		return;
	memset(p, 0, room);
	((struct nlmsghdr *)p)->nlmsg_type = type;
	memcpy(p + NLMSG_HDRLEN, header, len);
	m->len = room;
}

/* What does not fit an attribute is left out: nothing in /proc is that long that matters. */
void message_put(struct message *m, uint16_t type, const void *data, size_t len)
{
	unsigned char *p;

	if (len > UINT16_MAX - NLA_HDRLEN)
		len = UINT16_MAX - NLA_HDRLEN;
	p = reserve(m, NLA_ALIGN(NLA_HDRLEN + len));
	if (p)
		nl_attr_put(m->buf, &m->len, m->size, type, data, len);
}

void message_put_text(struct message *m, uint16_t type, const char *text)
{
	if (text)
		message_put(m, type, text, strlen(text) + 1);
}

size_t message_nest(struct message *m, uint16_t type)
{
	size_t at = m->len;

	message_put(m, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void message_unnest(struct message *m, size_t nest)
{
	struct nlattr *a;

	if (m->failed)
		return;
	a = (struct nlattr *)(m->buf + nest);
	/* one that is longer than an attribute can be spoils the message */
	if (m->len - nest > UINT16_MAX)
		m->failed = true;
	else
		a->nla_len = (uint16_t)(m->len - nest);
}

const struct nlmsghdr *message_end(struct message *m)
{
	struct nlmsghdr *msg = (struct nlmsghdr *)m->buf;

	if (m->failed)
		return NULL;
	msg->nlmsg_len = (uint32_t)m->len;
	return msg;
}

void message_free(struct message *m)
{
	free(m->buf);
	memset(m, 0, sizeof(*m));
}
