/*
 * Building recordings byte by byte, for the netlink tests: what a kernel could
 * send, and what it never would.
 */
#ifndef TEST_NETLINK_STREAM_H
#define TEST_NETLINK_STREAM_H

#include "connsh/recording.h"

#include <endian.h>
#include <string.h>

enum { STREAM_SEQ = 7, STREAM_PORT = 9, STREAM_ROW = 16 };

struct stream {
	size_t len;
	size_t open; /* where the current record begins; 0: none does */
	uint64_t records;
	unsigned char bytes[16384];
};

static inline void stream_add(struct stream *s, const void *data, size_t len)
{
	memcpy(s->bytes + s->len, data, len);
	s->len += len;
}

static inline void stream_u32(struct stream *s, uint32_t value)
{
	value = htole32(value);
	stream_add(s, &value, sizeof(value));
}

static inline void stream_start(struct stream *s)
{
	s->len = 0;
	s->open = 0;
	s->records = 0;
	stream_add(s, "connshnl", 8);
	stream_u32(s, NL_REC_VERSION);
}

static inline void stream_record(struct stream *s, uint32_t kind)
{
	s->open = s->len;
	stream_u32(s, kind);
	stream_u32(s, 0);
	stream_u32(s, 0);
}

/* Gives the current record its length and check, and pads it. */
static inline void stream_close(struct stream *s)
{
	uint32_t len = htole32((uint32_t)(s->len - s->open - 12)), crc;

	if (s->open == 0)
		return;
	memcpy(s->bytes + s->open + 4, &len, sizeof(len));
	while (s->len % 4)
		s->bytes[s->len++] = 0;
	crc = nl_crc(0, s->bytes + s->open, 8);
	crc = htole32(nl_crc(crc, s->bytes + s->open + 12, s->len - s->open - 12));
	memcpy(s->bytes + s->open + 8, &crc, sizeof(crc));
	s->open = 0;
	s->records++;
}

/* Closes the current record and adds the last one. */
static inline void stream_end(struct stream *s)
{
	uint64_t count;

	stream_close(s);
	count = s->records;
	stream_record(s, NL_REC_LAST);
	stream_u32(s, (uint32_t)count);
	stream_u32(s, (uint32_t)(count >> 32));
	stream_close(s);
}

/* What a number is called in the namespace of the taker. */
static inline void stream_name(struct stream *s, uint32_t what, uint64_t number, const char *name)
{
	stream_record(s, NL_REC_NAME);
	stream_u32(s, 0);
	stream_u32(s, what);
	stream_u32(s, (uint32_t)number);
	stream_u32(s, (uint32_t)(number >> 32));
	stream_u32(s, 1);
	stream_add(s, name, strlen(name) + 1);
	stream_close(s);
}

/* A list of links in the namespace of the taker. */
static inline void stream_list(struct stream *s, uint32_t key)
{
	stream_record(s, NL_REC_DUMP);
	stream_u32(s, 0);
	stream_u32(s, NETLINK_ROUTE);
	stream_u32(s, 18);
	stream_u32(s, key);
	stream_close(s);
}

static inline void stream_again(struct stream *s, uint32_t number)
{
	stream_record(s, NL_REC_AGAIN);
	stream_u32(s, number);
	stream_close(s);
}

static inline void stream_datagram(struct stream *s)
{
	stream_record(s, NL_REC_DATA);
}

/* A message with the nlmsg_len that it claims. Returns where its header lies. */
static inline size_t stream_claim(struct stream *s, uint32_t claim, uint16_t type, uint16_t flags,
				  const void *payload, size_t len)
{
	const struct nlmsghdr head = { claim, type, flags, STREAM_SEQ, STREAM_PORT };
	size_t at = s->len;

	stream_add(s, &head, sizeof(head));
	if (len > 0)
		stream_add(s, payload, len);
	while (s->len % 4)
		s->bytes[s->len++] = 0;
	return at;
}

static inline size_t stream_msg(struct stream *s, uint16_t type, uint16_t flags,
				const void *payload, size_t len)
{
	return stream_claim(s, (uint32_t)(NLMSG_HDRLEN + len), type, flags, payload, len);
}

static inline size_t stream_row(struct stream *s, uint16_t flags)
{
	return stream_msg(s, STREAM_ROW, (uint16_t)(NLM_F_MULTI | flags), "0123456789abcdef", 16);
}

static inline size_t stream_done(struct stream *s, uint16_t flags, int32_t code)
{
	return stream_msg(s, NLMSG_DONE, (uint16_t)(NLM_F_MULTI | flags), &code, sizeof(code));
}

static inline struct nlmsghdr *stream_head(struct stream *s, size_t at)
{
	return (struct nlmsghdr *)(void *)(s->bytes + at);
}

#endif
