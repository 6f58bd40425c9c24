/*
 * Owns the inet sockets that /proc/net lists, for kernels that do not list them by sock_diag: no
 * module for the protocol, or a sandbox that refuses it. Each line becomes the message that
 * sock_diag would give, so that fields are read the same way; what the line does not tell is not
 * in the message.
 */
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The file of a protocol and its name in /proc/net/protocols; of IPv6 both end in more. */
static const struct proc_table {
	uint16_t proto;
	const char *file; /* NULL: there is none */
	const char *name, *name6;
	bool drops; /* its lines end with the packets dropped */
} tables[] = {
	{ PROTO_TCP, "net/tcp", "TCP", "TCPv6", false },
	{ PROTO_UDP, "net/udp", "UDP", "UDPv6", true },
	{ PROTO_UDPLITE, "net/udplite", "UDP-Lite", "UDPLITEv6", true },
	{ PROTO_RAW, "net/raw", "RAW", "RAWv6", true },
	{ PROTO_MPTCP, NULL, "MPTCP", "MPTCPv6", false },
};

static const struct proc_table *proc_table(uint32_t proto)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (tables[i].proto == proto)
			return &tables[i];
	return NULL;
}

struct proc_reader {
	struct reader reader;
	struct proc_file *file;
	const struct sock_table *table;
	struct env *env; /* the scan's */
	uint32_t states; /* that are wanted, 1 << state */
	uint64_t lines;	 /* read of a text */
	bool stopped;	 /* the text makes no sense from here on */
	struct message msg;
};

/* ---- a line ------------------------------------------------------------------------------ */

static bool number32(const char *p, size_t len, unsigned base, uint32_t *n)
{
	uint64_t wide;

	if (!word_number(p, len, base, &wide) || wide > UINT32_MAX)
		return false;
	*n = (uint32_t)wide;
	return true;
}

/* "A:B", both hexadecimal. */
static bool two_numbers(const char *p, size_t len, uint32_t *a, uint32_t *b)
{
	const char *colon = memchr(p, ':', len);
	size_t n = colon ? (size_t)(colon - p) : 0;

	return colon && number32(p, n, 16, a) && number32(colon + 1, len - n - 1, 16, b);
}

/*
 * "0100007F:0050": the address in words of 32 bits, each printed as this machine reads it, and
 * the port, big-endian in the message.
 */
static bool endpoint(const char *p, size_t len, uint8_t family, __be32 addr[4], __be16 *port)
{
	size_t words = family == AF_INET ? 1 : 4;
	uint32_t n;

	if (len != words * 8 + 5 || p[words * 8] != ':')
		return false;
	for (size_t i = 0; i < words; i++) {
		if (!number32(p + i * 8, 8, 16, &n))
			return false;
		addr[i] = n;
	}
	if (!number32(p + words * 8 + 1, 4, 16, &n))
		return false;
	*port = htons((uint16_t)n);
	return true;
}

/* Of a clock of USER_HZ, in milliseconds. */
static uint32_t milliseconds(uint32_t ticks)
{
	long hz = sysconf(_SC_CLK_TCK);
	uint64_t ms = (uint64_t)ticks * 1000 / (uint64_t)(hz > 0 ? hz : 100);

	return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* How often it fired, or the probes without an answer: inet_diag gives one of these. */
void proc_socket_timer(struct proc_socket *s, uint32_t kind, uint32_t ticks)
{
	uint32_t n = kind == 1 ? s->retransmits : kind == 2 || kind == 4 ? s->probes : 0;

	s->msg.idiag_timer = (uint8_t)(kind > UINT8_MAX ? UINT8_MAX : kind);
	s->msg.idiag_retrans = (uint8_t)(n > UINT8_MAX ? UINT8_MAX : n);
	s->msg.idiag_expires = kind ? milliseconds(ticks) : 0;
	s->ticks = ticks;
}

enum column {
	COL_SLOT,
	COL_LOCAL,
	COL_REMOTE,
	COL_STATE,
	COL_QUEUES,
	COL_TIMER,
	COL_RETRANSMITS,
	COL_UID,
	COL_PROBES,
	COL_INODE,
	COL_REFS,
	COL_POINTER,
	COL_DROPS, /* where the file has them; tcp goes on with other facts */
	NCOLUMNS
};

struct columns {
	const char *p[NCOLUMNS];
	size_t len[NCOLUMNS];
};

static bool column32(const struct columns *c, enum column i, unsigned base, uint32_t *n)
{
	return number32(c->p[i], c->len[i], base, n);
}

static bool identity(const struct columns *c, struct inet_diag_msg *m)
{
	struct inet_diag_sockid *id = &m->id;
	size_t slot = c->len[COL_SLOT];
	uint32_t state, n;

	if (slot == 0 || c->p[COL_SLOT][slot - 1] != ':' ||
	    !number32(c->p[COL_SLOT], slot - 1, 10, &n) ||
	    !endpoint(c->p[COL_LOCAL], c->len[COL_LOCAL], m->idiag_family, id->idiag_src,
		      &id->idiag_sport) ||
	    !endpoint(c->p[COL_REMOTE], c->len[COL_REMOTE], m->idiag_family, id->idiag_dst,
		      &id->idiag_dport) ||
	    !column32(c, COL_STATE, 16, &state) || state == 0 || state > STATE_BOUND_INACTIVE)
		return false;
	m->idiag_state = (uint8_t)state;
	return true;
}

static bool facts(const struct columns *c, struct proc_socket *s)
{
	struct inet_diag_msg *m = &s->msg;
	uint32_t kind, ticks;

	if (!two_numbers(c->p[COL_QUEUES], c->len[COL_QUEUES], &m->idiag_wqueue,
			 &m->idiag_rqueue) ||
	    !two_numbers(c->p[COL_TIMER], c->len[COL_TIMER], &kind, &ticks) || kind > UINT8_MAX ||
	    !column32(c, COL_RETRANSMITS, 16, &s->retransmits) ||
	    !column32(c, COL_PROBES, 10, &s->probes))
		return false;
	proc_socket_timer(s, kind, ticks);
	return column32(c, COL_UID, 10, &m->idiag_uid) &&
	       column32(c, COL_INODE, 10, &m->idiag_inode) && column32(c, COL_REFS, 10, &s->refs);
}

bool proc_socket_parse(const char *line, size_t len, const struct sock_table *t,
		       struct proc_socket *out)
{
	const struct proc_table *file = proc_table(t->proto);
	const char *end = line + len;
	struct columns c;

	for (size_t i = 0; i < NCOLUMNS; i++)
		c.len[i] = word_next(&line, end, &c.p[i]);
	memset(out, 0, sizeof(*out));
	out->msg.idiag_family = t->family;
	out->has_drops = file && file->drops;
	proc_socket_more(c.p[COL_POINTER], end, t, out);
	return identity(&c, &out->msg) && facts(&c, out) &&
	       (!out->has_drops || column32(&c, COL_DROPS, 10, &out->drops));
}

/* ---- the reader ------------------------------------------------------------------------------ */

/* Of struct tcp_sock; ack is two facts: how many are sent at once, and whether it talks. */
static void put_tcp(const struct proc_socket *s, struct message *m)
{
	bool listens = s->msg.idiag_state == STATE_LISTEN;
	int32_t quick = (int32_t)s->ack / 2;
	uint8_t interactive = s->ack & 1;

	message_put(m, PROC_RETRANSMITS, &s->retransmits, sizeof(s->retransmits));
	message_put(m, PROC_PROBES, &s->probes, sizeof(s->probes));
	if (s->more > 0)
		message_put(m, PROC_RTO, &s->rto, sizeof(s->rto));
	if (s->more > 1)
		message_put(m, PROC_ATO, &s->ato, sizeof(s->ato));
	if (s->more > 2) {
		message_put(m, PROC_QUICK_ACK, &quick, sizeof(quick));
		message_put(m, PROC_INTERACTIVE, &interactive, sizeof(interactive));
	}
	if (s->more > 3)
		message_put(m, PROC_CWND, &s->cwnd, sizeof(s->cwnd));
	/* -1 while it is infinite */
	if (s->more > 4 && s->ssthresh != UINT32_MAX)
		message_put(m, listens ? PROC_FASTOPEN : PROC_SSTHRESH, &s->ssthresh,
			    sizeof(s->ssthresh));
	if (s->tail)
		message_put(m, PROC_TAIL, s->tail, s->tail_len);
}

const struct nlmsghdr *proc_socket_message(const struct proc_socket *s, const struct sock_table *t,
					   struct message *m)
{
	message_begin(m, SOCK_DIAG_BY_FAMILY, &s->msg, sizeof(s->msg));
	message_put(m, PROC_REFS, &s->refs, sizeof(s->refs));
	if (s->has_drops)
		message_put(m, PROC_DROPS, &s->drops, sizeof(s->drops));
	if (s->has_pointer)
		message_put(m, PROC_POINTER, &s->pointer, sizeof(s->pointer));
	if (t->proto == PROTO_TCP)
		put_tcp(s, m);
	return message_end(m);
}

__attribute__((format(printf, 2, 3))) static void lacks(struct env *e, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	env_set_lacks(e, text);
}

/* The line that names the columns. */
static bool is_heading(const char *line, size_t len)
{
	const char *word;

	return word_next(&line, line + len, &word) == 2 && memcmp(word, "sl", 2) == 0;
}

static int next(struct reader *reader, const struct nlmsghdr **msg, struct nl_error *err)
{
	struct proc_reader *r = (struct proc_reader *)reader;
	struct proc_socket s;
	const char *line;
	size_t len;
	int rc;

	while ((rc = proc_line(r->file, &line, &len, err)) > 0) {
		if (is_heading(line, len))
			continue;
		if (!proc_socket_parse(line, len, r->table, &s)) {
			lacks(r->env,
			      "a line of /proc about %s makes no sense: they may be missing",
			      r->table->what);
			continue;
		}
		if (!(r->states >> s.msg.idiag_state & 1))
			continue;
		*msg = proc_socket_message(&s, r->table, &r->msg);
		return *msg ? 1 : nl_fail(err, ENOMEM, "out of memory");
	}
	return rc;
}

__attribute__((format(printf, 2, 3))) static void text_lacks(struct env *e, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	input_lacks(e, text);
}

/* Of a text that the query names; its first line is its heading, whatever that says. */
static int next_of_text(struct reader *reader, const struct nlmsghdr **msg, struct nl_error *err)
{
	struct proc_reader *r = (struct proc_reader *)reader;
	struct proc_socket s;
	const char *line;
	size_t len;
	int rc = r->stopped ? 0 : 1;

	while (rc > 0 && (rc = proc_line(r->file, &line, &len, err)) > 0) {
		if (r->lines++ == 0)
			continue;
		if (proc_line_cut(r->file) || !text_socket_parse(line, len, r->table, &s))
			break;
		if (s.msg.idiag_state > STATE_CLOSING) {
			text_lacks(r->env,
				   "line %llu of the text has a state that is none of %s: it is "
				   "missing",
				   (unsigned long long)r->lines, r->table->what);
			continue;
		}
		if (env_verbatim(r->env))
			text_socket_wrap(&s);
		*msg = proc_socket_message(&s, r->table, &r->msg);
		return *msg ? 1 : nl_fail(err, ENOMEM, "out of memory");
	}
	if (rc <= 0)
		return rc;
	/* what follows may be of another table */
	text_lacks(r->env,
		   "line %llu of the text makes no sense among %s: it and what follows is missing",
		   (unsigned long long)r->lines, r->table->what);
	r->stopped = true;
	return 0;
}

static void close_reader(struct reader *reader)
{
	struct proc_reader *r = (struct proc_reader *)reader;

	proc_close(r->file);
	message_free(&r->msg);
	free(r);
}

static const struct reader_ops ops = { .next = next, .close = close_reader };
static const struct reader_ops text_ops = { .next = next_of_text, .close = close_reader };

/*
 * How many sockets the namespace has of a protocol, by /proc/net/protocols ("TCPv6 2432 3 ...");
 * 0 when the kernel has no such protocol; -1 and *err.
 */
static int64_t in_use(int netns_fd, const char *name, struct nl_error *err)
{
	struct proc_file *f;
	const char *line, *word;
	int64_t found = 0;
	size_t len, n;
	int rc;

	if (proc_open(&f, netns_fd, "net/protocols", err) < 0)
		return -1;
	while ((rc = proc_line(f, &line, &len, err)) > 0) {
		const char *end = line + len;
		uint64_t sockets = 0;

		n = word_next(&line, end, &word);
		if (n != strlen(name) || memcmp(word, name, n) != 0)
			continue;
		word_next(&line, end, &word);
		n = word_next(&line, end, &word);
		/* -1 is one that does not count them */
		found = word_number(word, n, 10, &sockets) && sockets <= INT32_MAX
				? (int64_t)sockets
				: 1;
	}
	proc_close(f);
	return rc < 0 ? -1 : found;
}

/* There is no file to read: are there sockets that it would list? */
static void no_file(const struct scan_request *req, const struct sock_table *t, const char *name,
		    struct nl_error *err)
{
	int64_t n = in_use(env_netns_fd(req->env), name, err);

	if (n < 0)
		return;
	if (n > 0)
		lacks(req->env,
		      "the kernel does not list %s, of which there are %lld: they are missing",
		      t->what, (long long)n);
	nl_fail(err, EPROTONOSUPPORT, "there are no %s", t->what);
}

static int open_file(struct proc_reader *r, const struct scan_request *req, struct nl_error *err)
{
	const struct proc_table *file = proc_table(r->table->proto);
	bool six = r->table->family == AF_INET6;
	char path[32];

	if (file->file) {
		snprintf(path, sizeof(path), "%s%s", file->file, six ? "6" : "");
		if (proc_open(&r->file, env_netns_fd(req->env), path, err) == 0)
			return 0;
		if (err->code != ENOENT)
			return -1;
	}
	no_file(req, r->table, six ? file->name6 : file->name, err);
	return -1;
}

struct reader *proc_sockets_open(const struct scan_request *req, const struct dump_plan *plan,
				 struct nl_error *err)
{
	const struct sock_table *t = table_of(plan->tag, plan->request.key >> 16 & 0xff);
	struct proc_reader *r = t && proc_table(t->proto) ? calloc(1, sizeof(*r)) : NULL;

	if (!r) {
		nl_fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	r->reader.ops = &ops;
	r->table = t;
	r->env = req->env;
	r->states = table_states(&req->parts, t);
	if (req->input.form) {
		r->reader.ops = &text_ops;
		if (proc_open_file(&r->file, req->input.path, err) == 0)
			return &r->reader;
		free(r);
		return NULL;
	}
	if (open_file(r, req, err) == 0) {
		if (t->proto == PROTO_TCP && r->states >> STATE_BOUND_INACTIVE & 1)
			lacks(r->env,
			      "/proc does not list %s that are only bound: they are missing",
			      t->what);
		return &r->reader;
	}
	free(r);
	return NULL;
}

/* The identity but its device and cookie, the header, and what is put beside them. */
bool proc_sockets_tell(const struct field *f)
{
	if (f->places == cookie_places || f->places == dev_places)
		return false;
	for (const struct place *p = f->places; p && p->shape; p++)
		if (p->shape == &shape_inet && p->attr >= PROC_REFS && p->attr <= PROC_ATTR_MAX)
			return true;
	if (f->shape == &shape_inet && f->attr >= PROC_REFS && f->attr <= PROC_ATTR_MAX)
		return true;
	if (!field_in_shape(f, &shape_inet) || (f->needs & NEED_OWNERS))
		return true;
	/* a setting lies nowhere */
	if (!f->shape && !f->places)
		return true;
	if (f->attr || f->needs || f->when == tells_backlog)
		return false;
	return f->offset != offsetof(struct inet_diag_msg, id.idiag_if);
}
