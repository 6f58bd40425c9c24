/*
 * Owns asking rpcbind(8) which programs are at which ports: its whole list, once, by the
 * protocol of RFC 1833 (RPCBPROC_DUMP of version 4) over RFC 5531 on its local socket.
 */
#include "private.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define RPCBIND	     "/var/run/rpcbind.sock"
/* It is on this machine: one that says nothing for so long is not well. */
#define WAIT_SECONDS 5
#define REPLY_MAX    (1024 * 1024)

/* ---- talking ------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Exactly n bytes; false: it ended, took too long or was interrupted. */
static bool receive(int fd, void *to, size_t n, int64_t until)
{
	char *p = to;

	while (n > 0) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int64_t left = until - now_ms();
		ssize_t got;

		if (left <= 0 || nl_cancel)
			return false;
		if (poll(&pfd, 1, (int)left) <= 0)
			continue; /* the clock says whether to go on */
		got = recv(fd, p, n, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
			return false;
		if (got > 0) {
			p += got;
			n -= (size_t)got;
		}
	}
	return true;
}

static uint32_t number_at(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A record of fragments (RFC 5531 section 11). */
static bool receive_record(int fd, struct fmt_text *out)
{
	int64_t until = now_ms() + WAIT_SECONDS * 1000;
	bool last = false;

	while (!last) {
		unsigned char head[4];
		uint32_t len;
		char *to;

		if (!receive(fd, head, sizeof(head), until))
			return false;
		last = head[0] & 0x80;
		len = number_at(head) & 0x7fffffff;
		if (len > REPLY_MAX - out->len)
			return false;
		to = fmt_text_room(out, len ? len : 1);
		if (!to || !receive(fd, to, len, until))
			return false;
		out->len += len;
	}
	return true;
}

#define CALL_ID 0x636f6e6e

static bool ask(struct fmt_text *reply)
{
	static const uint32_t words[] = {
		0x80000000 | 40, /* the only fragment, of so many bytes */
		CALL_ID,
		0 /* CALL */,
		2 /* of RPC */,
		100000 /* rpcbind */,
		4,
		4 /* DUMP */,
		0,
		0,
		0,
		0, /* nobody's credentials, no verifier */
	};
	const size_t size = sizeof(words);
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = RPCBIND };
	unsigned char call[sizeof(words)];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return false;
	for (size_t i = 0; i < size; i++)
		call[i] = (unsigned char)(words[i / 4] >> (24 - i % 4 * 8));
	ok = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	     send(fd, call, size, MSG_NOSIGNAL) == (ssize_t)size && receive_record(fd, reply);
	close(fd);
	return ok;
}

/* ---- reading the reply --------------------------------------------------------------- */

/* What is left of it; a read beyond the end sets bad and gives nothing (RFC 4506). */
struct xdr {
	const unsigned char *p;
	size_t left;
	bool bad;
};

static uint32_t xdr_number(struct xdr *x)
{
	uint32_t n;

	if (x->bad || x->left < 4) {
		x->bad = true;
		return 0;
	}
	n = number_at(x->p);
	x->p += 4;
	x->left -= 4;
	return n;
}

static const char *xdr_text(struct xdr *x, size_t *len)
{
	const char *text;
	size_t padded;

	*len = xdr_number(x);
	padded = (*len + 3) & ~(size_t)3;
	if (x->bad || padded > x->left) {
		x->bad = true;
		*len = 0;
		return "";
	}
	text = (const char *)x->p;
	x->p += padded;
	x->left -= padded;
	return text;
}

/* The accepted reply to our call (RFC 5531 section 9). */
static bool is_reply(struct xdr *x)
{
	bool ours = xdr_number(x) == CALL_ID && xdr_number(x) == 1 && xdr_number(x) == 0;
	size_t len;

	xdr_number(x); /* a verifier that we do not look at */
	xdr_text(x, &len);
	return ours && xdr_number(x) == 0 && !x->bad;
}

/* The decimal number at *p, at most 255, and what ends it. */
static bool read_byte(const char **p, const char *end, unsigned *n)
{
	const char *begin = *p;

	for (*n = 0; *p < end && **p >= '0' && **p <= '9' && *n < 256; ++*p)
		*n = *n * 10 + (unsigned)(**p - '0');
	return *p > begin && *n < 256;
}

/* "0.0.0.0.8.1" and "::.8.1", any address of this machine, end in the two bytes of the port. */
static bool read_port(const char *text, size_t len, uint16_t *port)
{
	static const char *const any[] = { "0.0.0.0.", "::." };
	const char *p = text, *end = text + len;
	unsigned hi, lo;

	for (size_t i = 0; i < 2 && p == text; i++)
		if (len > strlen(any[i]) && memcmp(text, any[i], strlen(any[i])) == 0)
			p += strlen(any[i]);
	if (p == text || !read_byte(&p, end, &hi) || p == end || *p++ != '.' ||
	    !read_byte(&p, end, &lo))
		return false;
	*port = (uint16_t)(hi << 8 | lo);
	return true;
}

static const char *read_proto(const char *netid, size_t len)
{
	static const char *const protos[] = { "tcp", "udp", "sctp" };

	if (len > 1 && netid[len - 1] == '6')
		len--;
	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++)
		if (len == strlen(protos[i]) && memcmp(netid, protos[i], len) == 0)
			return protos[i];
	return NULL;
}

static void take_program(uint32_t number, uint16_t port, const char *proto, rpcbind_take *take,
			 void *arg)
{
	struct rpcent entry, *got = NULL;
	char *buf = NULL;
	int rc = ERANGE;

	for (size_t size = 1024; rc == ERANGE && size <= REPLY_MAX; size *= 4) {
		char *more = realloc(buf, size);

		if (!more)
			break;
		buf = more;
		rc = getrpcbynumber_r((int)number, &entry, buf, size, &got);
	}
	if (rc == 0 && got)
		take(arg, port, proto, got->r_name);
	free(buf);
}

void rpcbind_read(const void *reply, size_t size, rpcbind_take *take, void *arg)
{
	struct xdr x = { .p = reply, .left = size };

	if (!is_reply(&x))
		return;
	while (xdr_number(&x) == 1) {
		uint32_t program = xdr_number(&x);
		size_t netid_len, at_len, owner_len;
		const char *netid, *at, *proto;
		uint16_t port;

		xdr_number(&x); /* version */
		netid = xdr_text(&x, &netid_len);
		at = xdr_text(&x, &at_len);
		xdr_text(&x, &owner_len);
		proto = read_proto(netid, netid_len);
		if (!x.bad && proto && read_port(at, at_len, &port))
			take_program(program, port, proto, take, arg);
	}
}

void rpcbind_list(rpcbind_take *take, void *arg)
{
	struct fmt_text reply = { .p = NULL };

	if (ask(&reply))
		rpcbind_read(reply.p, reply.len, take, arg);
	fmt_text_free(&reply);
}
