/*
 * Owns reading lines of texts that somebody made in the form of /proc/net, more leniently than
 * lines of the kernel's own: numbers may have any width and a sign, what does not fit 32 bits is
 * cut, and columns at the end of a line may be missing; so tools read them that use sscanf(3).
 * And what /proc/net/tcp has behind the columns that all such files share.
 */
#include "sockets.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void skip_blanks(const char **p, const char *end)
{
	while (*p < end && (**p == ' ' || **p == '\t'))
		++*p;
}

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 99;
}

/* Of a hexadecimal number "0x" may stand in front, if digits follow. */
static void skip_prefix(const char **p, const char *end, unsigned base)
{
	if (base == 16 && end - *p > 2 && **p == '0' && ((*p)[1] | 0x20) == 'x' &&
	    digit_of((*p)[2]) < 16)
		*p += 2;
}

bool text_number(const char **p, const char *end, unsigned base, uint64_t *n)
{
	const char *at = *p, *digits;
	uint64_t sum = 0;
	bool minus;

	skip_blanks(&at, end);
	minus = at < end && *at == '-';
	if (at < end && (*at == '-' || *at == '+'))
		at++;
	skip_prefix(&at, end, base);
	for (digits = at; at < end && digit_of(*at) < base; at++)
		if (__builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, digit_of(*at), &sum))
			sum = UINT64_MAX / base;
	if (at == digits)
		return false;
	*p = at;
	*n = minus ? -sum : sum;
	return true;
}

size_t text_numbers(const char **p, const char *end, const unsigned char *bases, size_t n,
		    uint64_t *numbers)
{
	size_t i = 0;

	memset(numbers, 0, n * sizeof(*numbers));
	while (i < n && text_number(p, end, bases[i] ? bases[i] : 16, &numbers[i]))
		i++;
	return i;
}

static bool literal(const char **p, const char *end, char c)
{
	if (*p >= end || **p != c)
		return false;
	++*p;
	return true;
}

/* ---- a line of tcp, udp, udplite or raw ------------------------------------------------- */

static bool hex32(const char **p, const char *end, size_t most, uint32_t *n)
{
	size_t i = 0;

	*n = 0;
	for (; i < most && *p < end && digit_of(**p) < 16; i++)
		*n = *n << 4 | digit_of(*(*p)++);
	return i > 0;
}

/* "0100007F:0050": as of the kernel, but an IPv4 address may go without its zeros in front. */
static bool endpoint(const char **p, const char *end, uint8_t family, __be32 addr[4], __be16 *port)
{
	size_t words = family == AF_INET ? 1 : 4;
	const char *start;
	uint32_t n;

	skip_blanks(p, end);
	start = *p;
	for (size_t i = 0; i < words; i++) {
		if (!hex32(p, end, 8, &n))
			return false;
		addr[i] = n;
	}
	if ((words > 1 && *p - start != 32) || !literal(p, end, ':'))
		return false;
	start = *p;
	if (!hex32(p, end, 4, &n) || *p - start != 4)
		return false;
	*port = htons((uint16_t)n);
	return *p == end || **p == ' ' || **p == '\t';
}

static int64_t microseconds(uint64_t ticks)
{
	long hz = sysconf(_SC_CLK_TCK);

	return (int32_t)ticks * INT64_C(1000000) / (hz > 0 ? hz : 100);
}

/* In 32 bits, where the milliseconds of 12 hours and more do not fit. */
void text_socket_wrap(struct proc_socket *s)
{
	long hz = sysconf(_SC_CLK_TCK);

	s->msg.idiag_expires = s->ticks * 1000 / (uint32_t)(hz > 0 ? hz : 100);
}

void proc_socket_more(const char *p, const char *end, const struct sock_table *t,
		      struct proc_socket *out)
{
	enum { RTO, ATO, ACK, CWND, SSTHRESH, COLUMNS };
	static const unsigned char bases[COLUMNS] = { 10, 10, 10, 10, 10 };
	uint64_t n[COLUMNS];

	out->has_pointer = text_number(&p, end, 16, &out->pointer);
	if (t->proto != PROTO_TCP || !out->has_pointer)
		return;
	out->more = text_numbers(&p, end, bases, COLUMNS, n);
	out->rto = microseconds(n[RTO]);
	out->ato = microseconds(n[ATO]);
	out->ack = (uint32_t)n[ACK];
	out->cwnd = (uint32_t)n[CWND];
	out->ssthresh = (uint32_t)n[SSTHRESH];
	skip_blanks(&p, end);
	if (out->more < COLUMNS || p == end)
		return;
	out->tail = p;
	out->tail_len = (size_t)(end - p);
}

/* From the state up to the references; what is missing is 0. Returns where it stopped. */
static const char *columns(const char *p, const char *end, struct proc_socket *out, bool *whole)
{
	enum { STATE, WQ, RQ, TIMER, WHEN, RETRANSMITS, UID, PROBES, INODE, REFS, COLUMNS };
	static const unsigned char bases[COLUMNS] = { 16, 16, 16, 16, 16, 16, 10, 10, 10, 10 };
	uint64_t n[COLUMNS] = { 0 };
	size_t i = 0;

	for (; i < COLUMNS; i++) {
		/* the two numbers of a pair are divided by that alone */
		if ((i == RQ || i == WHEN) && !literal(&p, end, ':'))
			break;
		if (!text_number(&p, end, bases[i], &n[i]))
			break;
	}
	*whole = i == COLUMNS;
	out->msg.idiag_state = (uint8_t)n[STATE];
	out->msg.idiag_wqueue = (uint32_t)n[WQ];
	out->msg.idiag_rqueue = (uint32_t)n[RQ];
	out->retransmits = (uint32_t)n[RETRANSMITS];
	out->probes = (uint32_t)n[PROBES];
	proc_socket_timer(out, (uint32_t)n[TIMER], (uint32_t)n[WHEN]);
	out->msg.idiag_uid = (uint32_t)n[UID];
	out->msg.idiag_inode = (uint32_t)n[INODE];
	out->refs = (uint32_t)n[REFS];
	return p;
}

bool text_socket_parse(const char *line, size_t len, const struct sock_table *t,
		       struct proc_socket *out)
{
	const char *end = line + len, *p = memchr(line, ':', len);
	struct inet_diag_sockid *id = &out->msg.id;
	uint64_t pointer, drops;
	bool whole;

	memset(out, 0, sizeof(*out));
	out->msg.idiag_family = t->family;
	if (!p)
		return false;
	p++;
	if (!endpoint(&p, end, t->family, id->idiag_src, &id->idiag_sport) ||
	    !endpoint(&p, end, t->family, id->idiag_dst, &id->idiag_dport))
		return false;
	p = columns(p, end, out, &whole);
	if (!whole)
		return true;
	proc_socket_more(p, end, t, out);
	if (t->proto != PROTO_TCP && text_number(&p, end, 16, &pointer) &&
	    text_number(&p, end, 10, &drops)) {
		out->drops = (uint32_t)drops;
		out->has_drops = true;
	}
	return true;
}
