/*
 * Inet sockets that this machine may not have, as built messages: sctp with its associations, raw
 * with a diag module, mptcp of older and newer kernels. And lines of /proc/net, whole and damaged.
 */
#include "source/sockets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first */
#include "test_netlink_stream.h"
#include <cmocka.h>
#include <errno.h>
#include <linux/mptcp.h>
#include <linux/sctp.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- messages -------------------------------------------------------------------------- */

struct built {
	size_t len;
	_Alignas(8) unsigned char buf[2048];
};

static struct inet_diag_msg *begin(struct built *m, uint8_t state, uint32_t cookie)
{
	struct inet_diag_msg *d = (void *)(m->buf + NLMSG_HDRLEN);

	memset(m, 0, sizeof(*m));
	m->len = NLMSG_HDRLEN + sizeof(*d);
	d->idiag_family = AF_INET;
	d->idiag_state = state;
	d->id.idiag_cookie[0] = cookie;
	((struct nlmsghdr *)m->buf)->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	return d;
}

static void attr(struct built *m, uint16_t type, const void *data, size_t len)
{
	assert_true(nl_attr_put(m->buf, &m->len, sizeof(m->buf), type, data, len));
}

/* A row of the first len bytes, in a copy without a byte behind them; free it by row_free. */
static struct row row_of(const struct built *m, size_t len, uint32_t proto)
{
	struct nlmsghdr *copy = malloc(len);
	struct row row = {
		.source = &source_sockets, .shape = &shape_inet, .env = env_new(NULL), .tag = proto
	};

	memcpy(copy, m->buf, len);
	copy->nlmsg_len = (uint32_t)len;
	row.msg = copy;
	return row;
}

static void row_free(struct row *row)
{
	free((void *)(uintptr_t)row->msg);
	env_unref(row->env);
}

static bool get(const struct row *row, const char *name, struct value *v)
{
	const struct field *f = source_field(&source_sockets, name);

	assert_non_null(f);
	return field_get(f, row, v);
}

static void is_number(const struct row *row, const char *name, int64_t want)
{
	struct value v;

	assert_true(get(row, name, &v));
	assert_int_equal(v.kind, VALUE_INT);
	assert_int_equal(v.num, want);
}

static void is_absent(const struct row *row, const char *name)
{
	struct value v;

	assert_false(get(row, name, &v));
}

/* ---- sctp -------------------------------------------------------------------------------- */

static void put_addr(struct sockaddr_storage *s, const char *text)
{
	struct addr a;
	unsigned bits;

	memset(s, 0, sizeof(*s));
	assert_true(addr_parse(text, strlen(text), &a, &bits));
	s->ss_family = a.family;
	if (a.family == AF_INET)
		memcpy(&((struct sockaddr_in *)s)->sin_addr, a.bytes, 4);
	else
		memcpy(&((struct sockaddr_in6 *)s)->sin6_addr, a.bytes, 16);
}

static void list_is(const struct row *row, const char *name, const char *const *texts, size_t n)
{
	const struct field *f = source_field(&source_sockets, name);
	struct value v;

	assert_true(field_get(f, row, &v));
	assert_int_equal(v.kind, VALUE_LIST);
	assert_int_equal(v.list.n, n);
	for (size_t i = 0; i < n; i++) {
		char buf[VALUE_TEXT_MAX];
		size_t len;

		assert_string_equal(value_text(f, &v.list.items[i], buf, &len), texts[i]);
	}
}

/* An association, in the state that sctp gives it. */
static void build_assoc(struct built *m, uint8_t state)
{
	struct sockaddr_storage locals[2], peers[3];
	struct sctp_info info;
	struct inet_diag_msg *d = begin(m, state, 7);

	d->idiag_timer = 4; /* T3-rtx; of tcp it would be another */
	d->idiag_expires = 500;
	d->idiag_uid = 1000;
	d->idiag_inode = 99;
	memset(&info, 0, sizeof(info));
	info.sctpi_tag = 0xfffffff0;
	info.sctpi_instrms = 10;
	info.sctpi_opackets = UINT64_C(1) << 40;
	info.sctpi_p_state = 2;
	info.sctpi_p_rto = 3000;
	put_addr(&info.sctpi_p_address, "10.0.0.9");
	info.sctpi_s_autoclose = 5;
	put_addr(&locals[0], "10.0.0.1");
	put_addr(&locals[1], "fd00::1");
	put_addr(&peers[0], "10.0.0.9");
	put_addr(&peers[1], "fd00::9");
	memset(&peers[2], 0xee, sizeof(peers[2])); /* of a family that nobody knows */
	attr(m, INET_DIAG_INFO, &info, sizeof(info));
	attr(m, INET_DIAG_LOCALS, locals, sizeof(locals));
	attr(m, INET_DIAG_PEERS, peers, sizeof(peers));
}

static void test_sctp_association(void **state)
{
	static const char *const locals[] = { "10.0.0.1", "fd00::1" };
	static const char *const peers[] = { "10.0.0.9", "fd00::9" };
	struct built m;
	struct value v;
	struct row row;

	(void)state;
	build_assoc(&m, 3);
	row = row_of(&m, m.len, PROTO_SCTP);
	is_number(&row, "state", STATE_ESTABLISHED);
	is_number(&row, "sctp_state", 3);
	assert_true(get(&row, "association", &v) && v.flag);
	list_is(&row, "laddrs", locals, 2);
	list_is(&row, "raddrs", peers, 2);
	is_number(&row, "sctp_tag", 0xfffffff0);
	is_number(&row, "sctp_in_streams", 10);
	is_number(&row, "sctp_packets_out", INT64_C(1) << 40);
	is_number(&row, "sctp_path_state", 2);
	assert_true(get(&row, "sctp_path_rto", &v));
	assert_true(v.real == 3.0);
	assert_true(get(&row, "sctp_path", &v));
	assert_int_equal(v.addr.family, AF_INET);
	is_absent(&row, "sctp_autoclose"); /* that is the socket's */
	is_number(&row, "timer", 1);
	is_number(&row, "uid", 1000);
	is_number(&row, "cookie", 7);
	/* what other protocols have in the same attribute */
	is_absent(&row, "rtt");
	is_absent(&row, "mptcp_token");
	row_free(&row);
}

/* Its states are other numbers: 6 is no time-wait, 3 no half-open connection. */
static void test_sctp_states(void **state)
{
	static const uint8_t want[] = { STATE_CLOSE,	   STATE_SYN_SENT,   STATE_SYN_SENT,
					STATE_ESTABLISHED, STATE_FIN_WAIT_1, STATE_FIN_WAIT_2,
					STATE_CLOSE_WAIT,  STATE_LAST_ACK };

	(void)state;
	for (uint8_t i = 0; i < sizeof(want); i++) {
		enum owner_status why = OWNER_HELD;
		struct built m;
		struct row row;

		build_assoc(&m, i);
		row = row_of(&m, m.len, PROTO_SCTP);
		is_number(&row, "state", want[i]);
		is_number(&row, "uid", 1000);
		assert_int_equal(source_sockets.inode(&row, &why), 99);
		row_free(&row);
	}
}

static void test_sctp_socket(void **state)
{
	static const char *const locals[] = { "10.0.0.1" };
	struct sockaddr_storage local;
	struct sctp_info info;
	struct built m, a;
	struct row socket, assoc;
	struct value v;

	(void)state;
	memset(&info, 0, sizeof(info));
	info.sctpi_s_autoclose = 5;
	info.sctpi_s_type = 2;
	put_addr(&local, "10.0.0.1");
	begin(&m, STATE_LISTEN, 7);
	attr(&m, INET_DIAG_INFO, &info, sizeof(info));
	attr(&m, INET_DIAG_LOCALS, &local, sizeof(local));
	build_assoc(&a, 3);
	socket = row_of(&m, m.len, PROTO_SCTP);
	assoc = row_of(&a, a.len, PROTO_SCTP);
	is_number(&socket, "state", STATE_LISTEN);
	assert_true(get(&socket, "association", &v) && !v.flag);
	list_is(&socket, "laddrs", locals, 1);
	assert_true(get(&socket, "sctp_autoclose", &v) && v.real == 5.0);
	is_number(&socket, "sctp_type", 2);
	is_absent(&socket, "raddrs");
	is_absent(&socket, "sctp_tag");
	is_absent(&socket, "sctp_state");
	/* a socket and its associations have one cookie, and are different rows */
	assert_int_equal(source_sockets.key(&socket), 7);
	assert_int_not_equal(source_sockets.key(&assoc), 7);
	assert_int_not_equal(source_sockets.key(&assoc), 0);
	row_free(&socket);
	row_free(&assoc);
}

/* ---- raw and mptcp --------------------------------------------------------------------------- */

static void test_raw(void **state)
{
	uint32_t mem[9] = { 100, 200, 300, 400, 500, 600, 700, 800, 42 };
	uint8_t protocol = 89;
	struct inet_diag_msg *d;
	struct built m;
	struct value v;
	struct row row;

	(void)state;
	d = begin(&m, STATE_CLOSE, 5);
	d->id.idiag_sport = htons(protocol);
	attr(&m, INET_DIAG_PROTOCOL, &protocol, 1);
	attr(&m, INET_DIAG_SKMEMINFO, mem, sizeof(mem));
	row = row_of(&m, m.len, PROTO_RAW);
	assert_true(get(&row, "protocol", &v));
	assert_int_equal(v.text.len, 4);
	assert_memory_equal(v.text.p, "ospf", 4);
	is_number(&row, "state", STATE_CLOSE);
	is_number(&row, "drops", 42);
	is_number(&row, "cookie", 5);
	is_absent(&row, "lport");
	is_absent(&row, "rport");
	is_absent(&row, "refs");
	row.tag = PROTO_UDP;
	is_number(&row, "lport", 89);
	is_absent(&row, "protocol");
	row_free(&row);
}

/* Every length of struct mptcp_info: a member that is not whole there is absent. */
static void test_mptcp_lengths(void **state)
{
	static const struct {
		const char *name;
		size_t end;
	} members[] = {
		{ "mptcp_subflows", 1 },	{ "mptcp_token", 16 },
		{ "mptcp_write_seq", 24 },	{ "mptcp_rcv_nxt", 40 },
		{ "mptcp_local_addr_max", 42 }, { "mptcp_csum", 43 },
		{ "mptcp_retransmits", 48 },	{ "mptcp_bytes_acked", 80 },
		{ "mptcp_subflows_total", 81 }, { "mptcp_laminar_max", 82 },
		{ "mptcp_last_sent", 88 },	{ "mptcp_last_ack", 96 },
	};
	unsigned char info[128];
	struct value v;

	(void)state;
	memset(info, 1, sizeof(info));
	for (size_t len = 0; len <= sizeof(info); len++) {
		struct built m;
		struct row row;

		begin(&m, STATE_ESTABLISHED, 3);
		attr(&m, INET_DIAG_INFO, info, len);
		row = row_of(&m, m.len, PROTO_MPTCP);
		for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
			assert_int_equal(get(&row, members[i].name, &v), len >= members[i].end);
		is_absent(&row, "rtt");
		is_absent(&row, "sctp_tag");
		row.tag = PROTO_TCP;
		is_absent(&row, "mptcp_token");
		row_free(&row);
	}
}

/* ---- lines of /proc -----------------------------------------------------------------------------
 */

static const struct sock_table *const tcp4 = &socket_tables[TCP4],
				      *const udp6 = &socket_tables[UDP6],
				      *const raw4 = &socket_tables[RAW4];

/* The line in a block of exactly its size, with the NUL that proc_line promises. */
static bool parse(const char *line, size_t len, const struct sock_table *t, struct proc_socket *s)
{
	char *copy = malloc(len + 1);
	bool ok;

	memcpy(copy, line, len);
	copy[len] = '\0';
	ok = proc_socket_parse(copy, len, t, s);
	free(copy);
	return ok;
}

#define TCP_LINE                                                                                 \
	"   3: 0100007F:0050 0200007F:C001 01 00000010:00000020 02:00000064 00000005  1000     " \
	"   7 93146247 2 0000000090747bd2 100 0 0 10 -1"
#define UDP6_LINE                                                                                \
	" 8510: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07 " \
	"00000000:00000000 00:00000000 00000000     0        0 4294967295 2 000000001b2bb577 17  "

static void test_line_of_tcp(void **state)
{
	struct proc_socket s;

	(void)state;
	assert_true(parse(TCP_LINE, strlen(TCP_LINE), tcp4, &s));
	assert_int_equal(s.msg.idiag_family, AF_INET);
	assert_int_equal(s.msg.idiag_state, STATE_ESTABLISHED);
	assert_int_equal(s.msg.id.idiag_src[0], 0x0100007f);
	assert_int_equal(s.msg.id.idiag_dst[0], 0x0200007f);
	assert_int_equal(ntohs(s.msg.id.idiag_sport), 80);
	assert_int_equal(ntohs(s.msg.id.idiag_dport), 0xc001);
	assert_int_equal(s.msg.idiag_wqueue, 16);
	assert_int_equal(s.msg.idiag_rqueue, 32);
	/* a keepalive timer: 100 ticks of a hundredth of a second, and its probes */
	assert_int_equal(s.msg.idiag_timer, 2);
	assert_int_equal(s.msg.idiag_expires, 1000);
	assert_int_equal(s.msg.idiag_retrans, 7);
	assert_int_equal(s.msg.idiag_uid, 1000);
	assert_int_equal(s.msg.idiag_inode, 93146247);
	assert_int_equal(s.refs, 2);
	assert_false(s.has_drops);
}

static void test_line_of_udp6(void **state)
{
	static const uint8_t loopback[16] = { [15] = 1 };
	struct proc_socket s;

	(void)state;
	assert_true(parse(UDP6_LINE, strlen(UDP6_LINE), udp6, &s));
	assert_memory_equal(s.msg.id.idiag_src, loopback, 16);
	assert_int_equal(ntohs(s.msg.id.idiag_sport), 53);
	assert_int_equal(s.msg.idiag_inode, UINT32_MAX);
	assert_true(s.has_drops);
	assert_int_equal(s.drops, 17);
	/* of the other family it is no line */
	assert_false(parse(UDP6_LINE, strlen(UDP6_LINE), &socket_tables[UDP4], &s));
	assert_false(parse(TCP_LINE, strlen(TCP_LINE), udp6, &s));
}

static void test_damaged_lines(void **state)
{
	static const char *const lines[] = {
		"",
		"   ",
		"0:",
		/* an address, a port, a state, a queue, a timer, a uid, an inode that are none */
		" 0: 0100007:0050 00000000:0000 07 0:0 0:0 0 0 0 1 2 x 0",
		" 0: 0100007F:00050 00000000:0000 07 0:0 0:0 0 0 0 1 2 x 0",
		" 0: 0100007F.0050 00000000:0000 07 0:0 0:0 0 0 0 1 2 x 0",
		" 0: 0100007G:0050 00000000:0000 07 0:0 0:0 0 0 0 1 2 x 0",
		" 0: 0100007F:0050 00000000:0000 0E 0:0 0:0 0 0 0 1 2 x 0",
		" 0: 0100007F:0050 00000000:0000 00 0:0 0:0 0 0 0 1 2 x 0",
		" 0: 0100007F:0050 00000000:0000 07 00 0:0 0 0 0 1 2 x 0",
		" 0: 0100007F:0050 00000000:0000 07 100000000:0 0:0 0 0 0 1 2 x 0",
		" 0: 0100007F:0050 00000000:0000 07 0:0 100:0 0 0 0 1 2 x 0",
		" 0: 0100007F:0050 00000000:0000 07 0:0 0:0 0 -1 0 1 2 x 0",
		" 0: 0100007F:0050 00000000:0000 07 0:0 0:0 0 0 0 4294967296 2 x 0",
		" 0: 0100007F:0050 00000000:0000 07 0:0 0:0 0 0 0 99999999999999999999999 2 x 0",
		" 0: 0100007F:0050 00000000:0000 07 0:0 0:0 0 0 0 1 2 x",
		" 0: 0100007F:0050 00000000:0000 07 0:0 0:0 0 0 0 1 2 x 0x1",
	};
	struct proc_socket s;

	(void)state;
	assert_true(
		parse(" 0: 0100007F:0050 00000000:0000 07 0:0 0:0 0 0 0 1 2 x 0", 56, raw4, &s));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(parse(lines[i], strlen(lines[i]), raw4, &s));
}

/* Cut at each byte, and with each byte changed to each of some others: nothing is read beyond. */
static void test_every_byte(void **state)
{
	static const char bytes[] = { 0, ' ', ':', '-', '0', 'f', 'z', '\n', (char)0xff };
	char line[sizeof(UDP6_LINE)];
	struct proc_socket s;
	size_t last = strlen(UDP6_LINE) - 4; /* behind it is the last column */

	(void)state;
	for (size_t len = 0; len < last; len++)
		assert_false(parse(UDP6_LINE, len, udp6, &s));
	for (size_t at = 0; at < strlen(UDP6_LINE); at++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			memcpy(line, UDP6_LINE, sizeof(line));
			line[at] = bytes[i];
			if (parse(line, strlen(UDP6_LINE), udp6, &s))
				assert_in_range(s.msg.idiag_state, 1, STATE_BOUND_INACTIVE);
		}
	}
}

/* ---- rows of /proc
 * ---------------------------------------------------------------------------------- */

/* A row as the reader makes it of the line. */
static struct row proc_row(const char *line, const struct sock_table *t)
{
	struct message m = { .buf = NULL };
	const struct nlmsghdr *msg;
	struct proc_socket s;
	struct built b;

	assert_true(parse(line, strlen(line), t, &s));
	msg = proc_socket_message(&s, t, &m);
	assert_non_null(msg);
	b.len = msg->nlmsg_len;
	memcpy(b.buf, msg, b.len);
	message_free(&m);
	return row_of(&b, b.len, t->proto);
}

static void test_what_proc_rows_tell(void **state)
{
	struct row udp = proc_row(UDP6_LINE, udp6), tcp = proc_row(TCP_LINE, tcp4);
	struct row listener = proc_row(" 0: 0100007F:0050 00000000:0000 0A 00000000:00000002 "
				       "00:00000000 00000000 0 0 9 1 0 100 0 0 10 0",
				       tcp4);

	(void)state;
	is_number(&udp, "drops", 17);
	is_number(&udp, "refs", 2);
	is_absent(&udp, "cookie");
	is_absent(&udp, "rmem");
	is_number(&tcp, "sendq", 16);
	is_absent(&tcp, "drops");
	is_absent(&tcp, "rtt");
	is_number(&tcp, "kernel_pointer", 0x90747bd2);
	is_number(&tcp, "retransmits", 5);
	is_number(&tcp, "probes", 7);
	is_number(&tcp, "quick_ack", 0);
	is_number(&tcp, "cwnd", 10);
	is_absent(&tcp, "ato");
	is_absent(&tcp, "ssthresh");
	is_absent(&udp, "cwnd");
	is_absent(&udp, "probes");
	is_number(&listener, "fastopen_backlog", 0);
	is_absent(&listener, "ssthresh");
	is_number(&listener, "accept_queue", 2);
	is_absent(&listener, "sendq");
	is_absent(&listener, "backlog");
	is_absent(&listener, "backlog_used");
	row_free(&udp);
	row_free(&tcp);
	row_free(&listener);
}

/* Subflows of one mptcp socket have its inode; time-wait has none: the ends tell them apart. */
static void test_keys_of_proc_rows(void **state)
{
	static const char *const lines[] = {
		" 0: 0100007F:0050 0100007F:C001 01 0:0 00:0 0 0 0 77 1 x 0",
		" 0: 0100007F:0050 0100007F:C002 01 0:0 00:0 0 0 0 77 1 x 0",
		" 0: 0100007F:0050 0100007F:C003 06 0:0 03:10 0 0 0 0 1 x 0",
		" 0: 0100007F:0050 0100007F:C004 06 0:0 03:10 0 0 0 0 1 x 0",
		" 0: 0100007F:0050 00000000:0000 0A 0:0 00:0 0 0 0 78 1 x 0",
		" 0: 0100007F:0050 00000000:0000 0A 0:0 00:0 0 0 0 79 1 x 0",
	};
	enum { N = sizeof(lines) / sizeof(lines[0]) };
	uint64_t keys[N];

	(void)state;
	for (size_t i = 0; i < N; i++) {
		struct row row = proc_row(lines[i], tcp4), again = proc_row(lines[i], tcp4);

		keys[i] = source_sockets.key(&row);
		assert_int_equal(source_sockets.key(&again), keys[i]);
		assert_true(keys[i] >> 63); /* no cookie is that large */
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(keys[i], keys[j]);
		row_free(&row);
		row_free(&again);
	}
}

/* ---- recordings
 * ------------------------------------------------------------------------------------------ */

/* Loads a recording of one dump with these messages and its end. */
static void load(uint32_t key, const struct built *const *rows, size_t n)
{
	static struct stream stream;
	struct nl_error err;

	stream_start(&stream);
	stream_record(&stream, NL_REC_DUMP);
	stream_u32(&stream, 0);
	stream_u32(&stream, NETLINK_SOCK_DIAG);
	stream_u32(&stream, SOCK_DIAG_BY_FAMILY);
	stream_u32(&stream, key);
	stream_close(&stream);
	stream_datagram(&stream);
	for (size_t i = 0; i < n; i++)
		stream_msg(&stream, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, rows[i]->buf + NLMSG_HDRLEN,
			   rows[i]->len - NLMSG_HDRLEN);
	stream_done(&stream, 0, 0);
	stream_end(&stream);
	assert_int_equal(nl_replay_memory(stream.bytes, stream.len, &err), 0);
}

/* All rows of one table of a scan. */
static unsigned scan_all(const struct sock_table *t, unsigned *flags)
{
	struct scan_request req = { .env = env_new(NULL) };
	struct nl_error err = { 0, "" };
	struct scan *sc;
	struct row row;
	unsigned n = 0;
	int rc;

	req.parts = sockets_parts(t->proto, t->family, STATE_ESTABLISHED);
	sc = scan_open(&source_sockets, &req);
	while ((rc = scan_next(sc, &row, &err)) > 0) {
		assert_int_equal(row.tag, t->proto);
		n++;
	}
	*flags = scan_flags(sc);
	scan_close(sc);
	env_unref(req.env);
	if (rc < 0)
		fprintf(stderr, "# %s\n", err.text);
	assert_int_equal(rc, 0);
	return n;
}

/* The whole way from a dump: an sctp socket with two associations are three rows. */
static void test_recorded_sctp(void **state)
{
	struct built ep, first, second;
	const struct built *const rows[] = { &ep, &first, &second };
	unsigned flags;

	(void)state;
	begin(&ep, STATE_LISTEN, 7);
	build_assoc(&first, 3);
	build_assoc(&second, 6);
	load(AF_INET << 16 | PROTO_SCTP, rows, 3);
	assert_int_equal(scan_all(&socket_tables[SCTP4], &flags), 3);
	assert_true(flags & SCAN_RECORDED);
	assert_false(flags & SCAN_PROC);
	nl_replay_unload();
}

/* What a recording lacks is not read from the /proc of this machine. */
static void test_recorded_without(void **state)
{
	struct scan_request req = { .env = env_new(NULL) };
	struct nl_error err = { 0, "" };
	struct scan *sc;
	struct row row;

	(void)state;
	load(AF_INET << 16 | PROTO_UDP, NULL, 0);
	req.parts = sockets_parts(PROTO_TCP, AF_INET, STATE_LISTEN);
	sc = scan_open(&source_sockets, &req);
	assert_int_equal(scan_next(sc, &row, &err), -1);
	assert_int_equal(err.code, ENOENT);
	assert_non_null(strstr(err.text, "the recording has no list of tcp sockets (IPv4)"));
	scan_close(sc);
	env_unref(req.env);
	nl_replay_unload();
}

/* ---- requests
 * ---------------------------------------------------------------------------------------------- */

static void lay_out(const struct sock_table *t, unsigned state, struct dump_plan *plan)
{
	struct kprog prog = { .len = 0 };
	struct scan_request req = { .env = env_new(NULL), .ordered = true };

	assert_true(kprog_port(&prog, true, 1, 1));
	req.prog = &prog;
	req.parts = sockets_parts(t->proto, t->family, state);
	memset(plan, 0, sizeof(*plan));
	assert_true(source_sockets.dump(&req, 0, plan));
	assert_false(source_sockets.dump(&req, 1, &(struct dump_plan){ 0 }));
	env_unref(req.env);
}

static void test_requests(void **state)
{
	const struct inet_diag_req_v2 *r;
	const struct nlattr *a;
	struct dump_plan plan;
	uint32_t proto;

	(void)state;
	/* 262 does not fit the byte, and 6, what is left of it, would be tcp */
	lay_out(&socket_tables[MPTCP6], STATE_ESTABLISHED, &plan);
	r = (const void *)plan.buf;
	assert_int_equal(r->sdiag_family, AF_INET6);
	assert_int_equal(r->sdiag_protocol, 0);
	assert_int_equal(r->idiag_states, 1u << STATE_ESTABLISHED);
	a = nl_attr_find(plan.buf + sizeof(*r), plan.len - sizeof(*r), INET_DIAG_REQ_PROTOCOL,
			 NULL);
	assert_non_null(a);
	assert_int_equal(nl_attr_len(a), 4);
	memcpy(&proto, nl_attr_data(a), 4);
	assert_int_equal(proto, 262);
	assert_true(plan.filtered);
	/* a program on ports would be one on protocols */
	lay_out(&socket_tables[RAW4], STATE_CLOSE, &plan);
	r = (const void *)plan.buf;
	assert_int_equal(r->sdiag_protocol, 255);
	assert_false(plan.filtered);
	assert_int_equal(plan.len, sizeof(*r));
	/* states of sctp are other numbers: all are asked for */
	lay_out(&socket_tables[SCTP4], STATE_LISTEN, &plan);
	r = (const void *)plan.buf;
	assert_int_equal(r->sdiag_protocol, 132);
	assert_int_equal(r->idiag_states, UINT32_MAX);
	lay_out(&socket_tables[DCCP4], STATE_LISTEN, &plan);
	r = (const void *)plan.buf;
	assert_int_equal(r->sdiag_protocol, 33);
	assert_false(plan.otherwise); /* /proc tells nothing of it */
}

/* ---- sockets that end ---------------------------------------------------------------- */

/* Which groups tell of these: protocols and families, and of tcp what is closed. */
static void groups_are(uint32_t proto, unsigned family, unsigned state, unsigned group)
{
	struct part_set parts = sockets_parts(proto, family, state);
	struct end_plan plan;
	struct nl_error err;

	if (group == 0) {
		assert_int_equal(source_sockets.ends(&parts, &plan, &err), -1);
		assert_int_equal(err.code, EINVAL);
		return;
	}
	assert_int_equal(source_sockets.ends(&parts, &plan, &err), 0);
	assert_int_equal(plan.bus, NETLINK_SOCK_DIAG);
	assert_int_equal(plan.n, 1);
	assert_int_equal(plan.groups[0], group);
}

static void test_groups_of_ends(void **state)
{
	(void)state;
	groups_are(PROTO_TCP, AF_INET, STATE_CLOSE, SKNLGRP_INET_TCP_DESTROY);
	groups_are(PROTO_TCP, AF_INET6, STATE_CLOSE, SKNLGRP_INET6_TCP_DESTROY);
	groups_are(PROTO_UDP, AF_INET, STATE_ESTABLISHED, SKNLGRP_INET_UDP_DESTROY);
	groups_are(PROTO_UDP, AF_INET6, STATE_CLOSE, SKNLGRP_INET6_UDP_DESTROY);
	groups_are(PROTO_TCP, AF_INET, STATE_ESTABLISHED, 0);
	groups_are(PROTO_UNIX, AF_UNIX, STATE_CLOSE, 0);
	groups_are(PROTO_UDPLITE, AF_INET, STATE_CLOSE, 0);
}

static bool tag_of(const struct built *m, size_t len, uint32_t *tag)
{
	struct part_set parts = sockets_parts(PROTO_TCP, AF_INET, STATE_CLOSE);
	struct row row = row_of(m, len, 0);
	struct end_plan plan;
	bool is_row;

	assert_int_equal(source_sockets.ends(&parts, &plan, NULL), 0);
	is_row = plan.tag(row.msg, tag);
	row_free(&row);
	return is_row;
}

/* The protocol is an attribute; what has none, half of one, or another is no row. */
static void test_messages_of_ends(void **state)
{
	const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, 0 };
	uint32_t tag;
	struct built m;

	(void)state;
	begin(&m, STATE_CLOSE, 7);
	assert_false(tag_of(&m, m.len, &tag));
	for (size_t i = 0; i < sizeof(protos); i++) {
		const size_t header = NLMSG_HDRLEN + sizeof(struct inet_diag_msg);

		begin(&m, STATE_CLOSE, 7);
		attr(&m, INET_DIAG_PROTOCOL, &protos[i], 1);
		for (size_t len = header; len < header + sizeof(struct nlattr) + 1; len++)
			assert_false(tag_of(&m, len, &tag));
		assert_int_equal(tag_of(&m, m.len, &tag), i < 2);
		if (i < 2)
			assert_int_equal(tag, protos[i]);
		begin(&m, STATE_CLOSE, 7);
		attr(&m, INET_DIAG_PROTOCOL, NULL, 0);
		assert_false(tag_of(&m, m.len, &tag));
	}
}

/* The zeros of what is not told any more are no facts; the same of a dump are. */
static void test_rows_of_ends(void **state)
{
	const uint8_t proto = IPPROTO_TCP;
	enum owner_status why = OWNER_HELD;
	struct built m;
	struct value v;
	struct row row;

	(void)state;
	begin(&m, STATE_CLOSE, 7);
	attr(&m, INET_DIAG_PROTOCOL, &proto, 1);
	row = row_of(&m, m.len, PROTO_TCP);
	is_number(&row, "state", STATE_CLOSE);
	is_number(&row, "cookie", 7);
	assert_false(get(&row, "uid", &v));
	assert_false(get(&row, "user", &v));
	assert_int_equal(source_sockets.inode(&row, &why), 0);
	assert_int_equal(why, OWNER_CLOSED);
	row_free(&row);
	((struct nlmsghdr *)m.buf)->nlmsg_seq = 1;
	row = row_of(&m, m.len, PROTO_TCP);
	is_number(&row, "state", STATE_BOUND_INACTIVE);
	is_number(&row, "uid", 0);
	row_free(&row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sctp_association),
		cmocka_unit_test(test_sctp_states),
		cmocka_unit_test(test_sctp_socket),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_mptcp_lengths),
		cmocka_unit_test(test_line_of_tcp),
		cmocka_unit_test(test_line_of_udp6),
		cmocka_unit_test(test_damaged_lines),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_what_proc_rows_tell),
		cmocka_unit_test(test_keys_of_proc_rows),
		cmocka_unit_test(test_recorded_sctp),
		cmocka_unit_test(test_recorded_without),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_groups_of_ends),
		cmocka_unit_test(test_messages_of_ends),
		cmocka_unit_test(test_rows_of_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
