/*
 * Rows from files: lines of texts that somebody made, and files of netlink messages that are
 * short, long, damaged or not there. Lines and files are read in blocks and files of exactly
 * their size.
 */
#include "source/sockets_unix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first */
#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- numbers ------------------------------------------------------------------------------- */

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		unsigned base;
		bool ok;
		uint64_t n;
		size_t used;
	} cases[] = {
		{ "12", 10, true, 12, 2 },
		{ "  -1 x", 10, true, UINT64_MAX, 4 },
		{ "\t+5", 10, true, 5, 3 },
		{ "0x1F:", 16, true, 0x1f, 4 },
		{ "0x", 16, true, 0, 1 },
		{ "0xg", 16, true, 0, 1 },
		{ "-0xff", 16, true, -UINT64_C(0xff), 5 },
		{ "0x10", 10, true, 0, 1 },
		{ "12zz", 10, true, 12, 2 },
		{ "FFFFFFFFFFFFFFFF", 16, true, UINT64_MAX, 16 },
		{ "", 10, false, 0, 0 },
		{ "   ", 10, false, 0, 0 },
		{ "-", 10, false, 0, 0 },
		{ "+-1", 10, false, 0, 0 },
		{ "x1", 16, false, 0, 0 },
		{ ":1", 16, false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].text);
		char *copy = malloc(len ? len : 1);
		const char *p = copy;
		uint64_t n = 0;

		memcpy(copy, cases[i].text, len);
		if (text_number(&p, copy + len, cases[i].base, &n) != cases[i].ok ||
		    n != cases[i].n || (size_t)(p - copy) != cases[i].used)
			fail_msg("%s", cases[i].text);
		free(copy);
	}
}

/* ---- lines of inet sockets ------------------------------------------------------------------ */

static bool parse(const char *line, size_t len, unsigned table, struct proc_socket *s)
{
	char *copy = malloc(len ? len : 1);
	bool ok;

	memcpy(copy, line, len);
	ok = text_socket_parse(copy, len, &socket_tables[table], s);
	s->tail = NULL;
	free(copy);
	return ok;
}

#define ENDS "0: 0100007F:0050 0200007F:C350 "
#define LINE ENDS "01 5:6 01:64 3 1000 7 12345 2 ffff8881012e4c00 21 40 31 11 17"

static void test_line(void **state)
{
	struct proc_socket s;

	(void)state;
	assert_true(parse(LINE, strlen(LINE), TCP4, &s));
	assert_int_equal(ntohs(s.msg.id.idiag_dport), 50000);
	assert_int_equal(s.msg.id.idiag_dst[0], 0x0200007f);
	assert_int_equal(s.msg.idiag_wqueue, 5);
	assert_int_equal(s.msg.idiag_rqueue, 6);
	assert_int_equal(s.msg.idiag_expires, 1000);
	assert_int_equal(s.msg.idiag_retrans, 3);
	assert_int_equal(s.retransmits, 3);
	assert_int_equal(s.probes, 7);
	assert_int_equal(s.msg.idiag_uid, 1000);
	assert_int_equal(s.msg.idiag_inode, 12345);
	assert_int_equal(s.refs, 2);
	assert_true(s.pointer == UINT64_C(0xffff8881012e4c00));
	assert_int_equal(s.more, 5);
	assert_int_equal(s.rto, 210000);
	assert_int_equal(s.ato, 400000);
	assert_int_equal(s.ack, 31);
	assert_int_equal(s.cwnd, 11);
	assert_int_equal(s.ssthresh, 17);
}

/* Cut at each byte: what is there counts, from the addresses on, and nothing is read beyond. */
static void test_short_lines(void **state)
{
	struct proc_socket s;

	(void)state;
	for (size_t len = 0; len <= strlen(LINE); len++) {
		bool ok = parse(LINE, len, TCP4, &s);

		assert_int_equal(ok, len >= strlen(ENDS) - 1);
		if (ok && len < strlen(ENDS) + 2)
			assert_int_equal(s.msg.idiag_inode, 0);
		assert_int_equal(s.more > 0, len > (size_t)(strstr(LINE, " 21 ") - LINE) + 1);
	}
	for (size_t len = 0; len <= strlen(LINE); len++)
		assert_false(parse(LINE, len, TCP6, &s));
}

static void test_odd_lines(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"0100007F:0050 0200007F:C350 01",
		"0: 0100007F:050 0200007F:C350 01",
		"0: 0100007F:00050 0200007F:C350 01",
		"0: :0050 0200007F:C350 01",
		"0: 0100007F 0200007F 01",
		"0: 0100007F:0050",
		"0: 00100007F:0050 0200007F:C350 01",
		"0: -100007F:0050 0200007F:C350 01",
	};
	struct proc_socket s;
	const char *line;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i], strlen(bad[i]), TCP4, &s))
			fail_msg("%s", bad[i]);
	/* what does not fit 32 bits is cut, also below 0 */
	line = ENDS "01 100000005:FFFFFFFF 01:64 3 -1 -7 99999999999 -1 -ffff 21";
	assert_true(parse(line, strlen(line), TCP4, &s));
	assert_int_equal(s.msg.idiag_wqueue, 5);
	assert_true(s.msg.idiag_rqueue == UINT32_MAX && s.msg.idiag_uid == UINT32_MAX);
	assert_true(s.probes == UINT32_MAX - 6 && s.msg.idiag_inode == 1215752191);
	assert_true(s.pointer == -UINT64_C(0xffff));
	/* a pair is divided by its colon alone, and what follows a fault is not there */
	line = ENDS "01 5 :6 01:64 3 1000 7 12345";
	assert_true(parse(line, strlen(line), TCP4, &s));
	assert_int_equal(s.msg.idiag_wqueue, 5);
	assert_int_equal(s.msg.idiag_rqueue, 0);
	assert_int_equal(s.msg.idiag_inode, 0);
	/* a timer that nobody knows */
	line = ENDS "01 5:6 101:64 100 0 9 1 1 0 20";
	assert_true(parse(line, strlen(line), TCP4, &s));
	assert_int_equal(s.msg.idiag_timer, 255);
	/* an address without its zeros, a slot without a number, and what udp has at its end */
	line = " : 100007F:0050 0:0000 07 0:0 0:0 0 0 0 1 2 ffff 42";
	assert_true(parse(line, strlen(line), UDP4, &s));
	assert_int_equal(s.msg.id.idiag_src[0], 0x100007f);
	assert_true(s.has_drops);
	assert_int_equal(s.drops, 42);
	assert_int_equal(s.more, 0);
}

/* ---- lines of other tables ----------------------------------------------------------------------
 */

/* The attribute's first bytes as a number; -1: there is none. */
static int64_t attr_of(struct message *m, const struct shape *shape, unsigned type)
{
	size_t head = NLMSG_HDRLEN + NLMSG_ALIGN(shape->header);
	const struct nlattr *a = nl_attr_find(m->buf + head, m->len - head, type, NULL);
	uint64_t n = 0;

	if (!a)
		return -1;
	memcpy(&n, nl_attr_data(a), nl_attr_len(a) < 8 ? nl_attr_len(a) : 8);
	return (int64_t)n;
}

static bool take(line_message *line, const char *text, struct message *m)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	bool ok;

	memcpy(copy, text, len);
	ok = line(copy, copy + len, m);
	free(copy);
	return ok && message_end(m);
}

static void test_packet(void **state)
{
	struct message m = { .buf = NULL };
	const struct packet_diag_msg *head;

	(void)state;
	assert_true(take(packet_text, "ffff889 3 2 1FFFF -1 1 -5 6 -8", &m));
	head = NLMSG_DATA((struct nlmsghdr *)m.buf);
	assert_int_equal(head->pdiag_type, 2);
	assert_int_equal(head->pdiag_num, 0xffff);
	assert_true(head->pdiag_ino == UINT32_MAX - 7);
	assert_int_equal(attr_of(&m, &shape_packet, OWN_POINTER), 0xffff889);
	assert_int_equal(attr_of(&m, &shape_packet, OWN_RMEM), UINT32_MAX - 4);
	assert_int_equal(attr_of(&m, &shape_packet, PACKET_DIAG_UID), 6);
	assert_true(take(packet_text, "ffff889 3 3 3", &m));
	assert_int_equal(attr_of(&m, &shape_packet, PACKET_DIAG_INFO), -1);
	assert_int_equal(attr_of(&m, &shape_packet, OWN_RMEM), -1);
	assert_int_equal(attr_of(&m, &shape_packet, OWN_REFS), 3);
	assert_false(take(packet_text, "ffff889 3 3", &m));
	assert_false(take(packet_text, "", &m));
	assert_false(take(packet_text, "sk RefCnt Type Proto", &m));
	message_free(&m);
}

static void test_netlink(void **state)
{
	struct message m = { .buf = NULL };
	const struct netlink_diag_msg *head;

	(void)state;
	assert_true(take(netlink_text, "ab 16 -1 ffffffff 5 6 abcdef 2 7 999", &m));
	head = NLMSG_DATA((struct nlmsghdr *)m.buf);
	assert_int_equal(head->ndiag_protocol, 16);
	assert_true(head->ndiag_portid == UINT32_MAX);
	assert_int_equal(head->ndiag_ino, 999);
	assert_int_equal(attr_of(&m, &shape_netlink, OWN_CALLBACK), 0xabcdef);
	assert_int_equal(attr_of(&m, &shape_netlink, NETLINK_DIAG_GROUPS), UINT32_MAX);
	assert_int_equal(attr_of(&m, &shape_netlink, OWN_DROPS), 7);
	assert_true(take(netlink_text, "ab 15 12", &m));
	assert_int_equal(attr_of(&m, &shape_netlink, OWN_RMEM), -1);
	assert_int_equal(attr_of(&m, &shape_netlink, NETLINK_DIAG_GROUPS), -1);
	assert_false(take(netlink_text, "ab 15", &m));
	/* of the kernel: a word where an older one has a pointer is no fault */
	assert_true(take(netlink_line, "ab 15 12 1 2 3 (null) 2 7 999", &m));
	assert_int_equal(attr_of(&m, &shape_netlink, OWN_CALLBACK), 0);
	message_free(&m);
}

static bool unix_line(const char *text, struct unix_line *l)
{
	return unix_text_parse(text, strlen(text), l);
}

static void test_unix(void **state)
{
	struct unix_line l;

	(void)state;
	assert_true(unix_line("ffff8: 5 0 10000 5 3 77  a b", &l));
	assert_int_equal(l.pointer, 0xffff8);
	assert_int_equal(l.flags, 0x10000);
	assert_int_equal(l.type, 5);
	assert_int_equal(l.state, 3);
	assert_int_equal(l.inode, 77);
	assert_memory_equal(l.name, " a b", l.len);
	assert_true(unix_line("ffff8: 5 0 0 1 1", &l));
	assert_int_equal(l.inode, 0);
	assert_null(l.name);
	assert_true(unix_line("ffff8: 5 0 0 1 1 -1 zz", &l));
	assert_true(l.inode == UINT32_MAX);
	assert_false(unix_line("ffff8: 5 0 0 1", &l));
	assert_false(unix_line("ffff8 5 0 0 1 1 1", &l));
	assert_false(unix_line("ffff8:", &l));
	assert_false(unix_line("", &l));
	assert_false(unix_line("Num       RefCount Protocol Flags    Type St Inode Path", &l));
}

/* ---- files of messages
 * ---------------------------------------------------------------------------- */

static char path[] = "/tmp/test_inputs_XXXXXX";

struct bytes {
	size_t len;
	_Alignas(8) unsigned char buf[1024];
};

static void put(struct bytes *b, unsigned type, const void *data, size_t len)
{
	struct nlmsghdr h = { .nlmsg_len = (uint32_t)(NLMSG_HDRLEN + len),
			      .nlmsg_type = (uint16_t)type,
			      .nlmsg_flags = NLM_F_MULTI };

	memcpy(b->buf + b->len, &h, sizeof(h));
	if (len)
		memcpy(b->buf + b->len + NLMSG_HDRLEN, data, len);
	b->len += NLMSG_ALIGN(NLMSG_HDRLEN + len);
}

static void put_row(struct bytes *b, unsigned type, unsigned port)
{
	struct inet_diag_msg m = { .idiag_family = AF_INET,
				   .idiag_state = STATE_ESTABLISHED,
				   .id.idiag_sport = htons((uint16_t)port) };

	put(b, type, &m, sizeof(m));
}

static void put_done(struct bytes *b, int32_t code)
{
	put(b, NLMSG_DONE, &code, sizeof(code));
}

static void write_file(const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	fclose(f);
}

struct result {
	size_t rows;
	unsigned ports; /* the sum of them */
	int rc;
	bool lacks;
	struct nl_error err;
};

static struct result read_path(const char *file, bool first)
{
	struct scan_request req = { .env = env_new(NULL), .input = { INPUT_DIAG, file, first } };
	struct dump_plan *plan = calloc(1, sizeof(*plan));
	struct result out = { .rc = -1 };
	struct reader *r = diag_file_open(&req, plan, &out.err);
	const struct nlmsghdr *msg;

	while (r && (out.rc = r->ops->next(r, &msg, &out.err)) > 0) {
		out.rows++;
		if (msg->nlmsg_len >= NLMSG_HDRLEN + sizeof(struct inet_diag_msg))
			out.ports +=
				ntohs(((struct inet_diag_msg *)NLMSG_DATA(msg))->id.idiag_sport);
	}
	/* after its end it stays ended */
	if (r && out.rc == 0)
		assert_int_equal(r->ops->next(r, &msg, &out.err), 0);
	if (r)
		r->ops->close(r);
	out.lacks = env_lacks(req.env) != NULL;
	env_unref(req.env);
	free(plan);
	return out;
}

static struct result read_bytes(const struct bytes *b, size_t len, bool first)
{
	write_file(b->buf, len);
	return read_path(path, first);
}

/* Two lists: two rows, one of them in the older form, between them nothing; then one. */
static void two_lists(struct bytes *b)
{
	b->len = 0;
	put_row(b, SOCK_DIAG_BY_FAMILY, 80);
	put(b, NLMSG_NOOP, "other", 5);
	put_row(b, TCPDIAG_GETSOCK, 81);
	put_done(b, 0);
	put_row(b, SOCK_DIAG_BY_FAMILY, 443);
	put_done(b, 0);
}

static void test_file(void **state)
{
	struct result r;
	struct bytes b;

	(void)state;
	two_lists(&b);
	r = read_bytes(&b, b.len, false);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.rows, 3);
	assert_int_equal(r.ports, 80 + 81 + 443);
	assert_false(r.lacks);
	r = read_bytes(&b, b.len, true);
	assert_int_equal(r.rows, 2);
	assert_int_equal(r.ports, 80 + 81);
	assert_false(r.lacks);
}

/* A message of another kind is no row, and that is told. */
static void test_other_messages(void **state)
{
	struct result r;
	struct bytes b;

	(void)state;
	b.len = 0;
	put_row(&b, SOCK_DIAG_BY_FAMILY, 80);
	put(&b, 99, "other", 5);
	put_row(&b, SOCK_DIAG_BY_FAMILY, 81);
	put_done(&b, 0);
	r = read_bytes(&b, b.len, false);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.rows, 2);
	assert_true(r.lacks);
}

/* Cut anywhere but behind a list, it is not whole, and that is told. */
static void test_cut_file(void **state)
{
	struct bytes b;
	size_t list;

	(void)state;
	two_lists(&b);
	list = b.len - NLMSG_ALIGN(NLMSG_HDRLEN + 4) -
	       NLMSG_ALIGN(NLMSG_HDRLEN + sizeof(struct inet_diag_msg));
	for (size_t len = 0; len <= b.len; len++) {
		struct result r = read_bytes(&b, len, false);

		assert_int_equal(r.rc, 0);
		assert_int_equal(r.lacks, len != list && len != b.len);
		r = read_bytes(&b, len, true);
		assert_int_equal(r.rc, 0);
		assert_int_equal(r.lacks, len < list);
	}
}

/* Lengths of any kind end the file, or are told, and nothing is read beyond. */
static void test_lengths_of_messages(void **state)
{
	static const uint32_t lengths[] = { 0,		1,	    15,	       16,	 17,
					    60,		89,	    4096,      0x100000, 0x100001,
					    0x7fffffff, 0x80000000, 0xffffffff };
	struct bytes b;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct result r;

		two_lists(&b);
		memcpy(b.buf, &lengths[i], 4);
		r = read_bytes(&b, b.len, false);
		if (lengths[i] < NLMSG_HDRLEN || lengths[i] > 0x100000) {
			assert_int_equal(r.rc, -1);
			assert_int_equal(r.err.code, EBADMSG);
			assert_non_null(strstr(r.err.text, "at byte 0"));
		}
	}
}

static void test_refused_list(void **state)
{
	struct result r;
	struct bytes b;

	(void)state;
	b.len = 0;
	put_row(&b, SOCK_DIAG_BY_FAMILY, 80);
	put_done(&b, -EPERM);
	r = read_bytes(&b, b.len, false);
	assert_int_equal(r.rows, 1);
	assert_int_equal(r.rc, -1);
	assert_int_equal(r.err.code, EPERM);
}

static void test_large_file(void **state)
{
	struct result r;
	struct bytes b = { .len = 0 };
	FILE *f = fopen(path, "w");
	const size_t n = 3000; /* more than is read at once */

	(void)state;
	assert_non_null(f);
	put_row(&b, SOCK_DIAG_BY_FAMILY, 1);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(fwrite(b.buf, 1, b.len, f), b.len);
	b.len = 0;
	put_done(&b, 0);
	assert_int_equal(fwrite(b.buf, 1, b.len, f), b.len);
	fclose(f);
	r = read_path(path, false);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.rows, n);
	assert_false(r.lacks);
}

static void test_no_file(void **state)
{
	struct result r;

	(void)state;
	r = read_path("/nonexistent/file", false);
	assert_int_equal(r.err.code, ENOENT);
	assert_non_null(strstr(r.err.text, "/nonexistent/file"));
	r = read_path("/", false);
	assert_int_equal(r.err.code, EISDIR);
	r = read_path("/dev/null", false);
	assert_int_equal(r.rc, 0);
	assert_true(r.lacks);
}

static int make_path(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : -1;
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_short_lines),
		cmocka_unit_test(test_odd_lines),
		cmocka_unit_test(test_packet),
		cmocka_unit_test(test_netlink),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_other_messages),
		cmocka_unit_test(test_cut_file),
		cmocka_unit_test(test_lengths_of_messages),
		cmocka_unit_test(test_refused_list),
		cmocka_unit_test(test_large_file),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
