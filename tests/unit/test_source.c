/*
 * The source room without a kernel: declarations, values of conditions, decoding
 * of built messages that are short, long or damaged.
 */
#include "connsh/procfs.h"
#include "source/sockets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <ctype.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- names -------------------------------------------------------------------- */

static void test_nearest(void **state)
{
	(void)state;
	assert_string_equal(source_nearest(&source_sockets, "lprot"), "lport");
	assert_string_equal(source_nearest(&source_sockets, "sate"), "state");
	assert_null(source_nearest(&source_sockets, "zzzzzzzz"));
}

/* ---- conditions on values ------------------------------------------------------- */

static struct value text(const char *s)
{
	struct value v = { .kind = VALUE_TEXT };

	v.text.p = s;
	v.text.len = strlen(s);
	return v;
}

static struct value num(int64_t n)
{
	struct value v = { .kind = VALUE_INT };

	v.num = n;
	return v;
}

static struct value real(double d)
{
	struct value v = { .kind = VALUE_FLOAT };

	v.real = d;
	return v;
}

static struct value address(const char *s)
{
	struct value v = { .kind = VALUE_ADDR };
	unsigned bits;

	assert_true(addr_parse(s, strlen(s), &v.addr, &bits));
	return v;
}

/* Does `field op operand` hold for the value? -1: the operand is refused. */
static int holds(const char *field, const char *op, struct value operand, struct value v)
{
	struct cond c = { .field = source_field(&source_sockets, field), .op = cond_op_parse(op) };
	struct nl_error err = { 0, "" };
	int rc;

	assert_non_null(c.field);
	assert_int_not_equal(c.op, OP_COUNT);
	rc = cond_add(&c, &operand, &err);
	if (rc == 0)
		rc = cond_match_value(&c, &v);
	else
		assert_non_null(strstr(err.text, field));
	cond_free(&c);
	return rc;
}

static void test_ports(void **state)
{
	static const struct {
		const char *operand;
		int port, want;
	} rows[] = {
		{ "80", 80, 1 },
		{ "80", 81, 0 },
		{ "http", 80, 1 },
		{ "1024-65535", 1024, 1 },
		{ "1024-65535", 65535, 1 },
		{ "1024-65535", 1023, 0 },
		{ "0x50", 80, 1 },
		{ "65536", 1, -1 },
		{ "-1", 1, -1 },
		{ "90-80", 85, -1 },
		{ "no such service", 1, -1 },
		{ "", 1, -1 },
		{ "80x", 80, -1 },
		{ "nan", 0, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(holds("lport", "=", text(rows[i].operand), num(rows[i].port)),
				 rows[i].want);
	assert_int_equal(holds("lport", "=", num(70000), num(1)), -1);
	assert_int_equal(holds("lport", "=", real(80.5), num(80)), -1);
	assert_int_equal(holds("lport", "=", real(80.0), num(80)), 1);
	assert_int_equal(holds("lport", ">", real(80.5), num(81)), 1);
	assert_int_equal(holds("lport", ">=", text("100-200"), num(100)), 1);
	assert_int_equal(holds("lport", ">", text("100-200"), num(150)), 0);
	assert_int_equal(holds("lport", "<", text("100-200"), num(99)), 1);
	assert_int_equal(holds("lport", "<=", text("100-200"), num(200)), 1);
}

static void test_units(void **state)
{
	(void)state;
	assert_int_equal(holds("rtt", "=", text("100ms"), real(0.1)), 1);
	assert_int_equal(holds("rtt", "=", text("50us"), real(50 / 1e6)), 1);
	assert_int_equal(holds("rtt", ">", num(1), real(1.5)), 1);
	assert_int_equal(holds("rtt", "<", text("1min"), real(59.9)), 1);
	assert_int_equal(holds("rtt", "=", text("1ms-2ms"), real(0.0015)), 1);
	assert_int_equal(holds("rtt", "=", text("fast"), real(1)), -1);
	assert_int_equal(holds("recvq", "=", text("64k"), num(65536)), 1);
	assert_int_equal(holds("recvq", ">", text("1.5M"), num(1572865)), 1);
	assert_int_equal(holds("pacing_rate", "=", text("8Mbit"), num(1000000)), 1);
	assert_int_equal(holds("mark", "=", text("0x10/0xf0"), num(0x1f)), 1);
	assert_int_equal(holds("mark", "=", text("0x10/0xf0"), num(0x2f)), 0);
	assert_int_equal(holds("mark", "=", text("0x10/"), num(0)), -1);
}

static void test_names(void **state)
{
	static const char *const same[] = { "established", "estab", "ESTABLISHED", "Estab" };
	struct value yes = { .kind = VALUE_BOOL }, no = { .kind = VALUE_BOOL };
	struct value nil = { .kind = VALUE_NIL };

	(void)state;
	yes.flag = true;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(holds("state", "=", text(same[i]), num(1)), 1);
	assert_int_equal(holds("state", "=", text("CLOSE_WAIT"), num(8)), 1);
	assert_int_equal(holds("state", "!=", text("listen"), num(8)), 1);
	assert_int_equal(holds("state", "=", text("establishd"), num(1)), -1);
	assert_int_equal(holds("state", "<", text("listen"), num(1)), -1);
	assert_int_equal(holds("app_limited", "=", yes, yes), 1);
	assert_int_equal(holds("app_limited", "=", no, yes), 0);
	assert_int_equal(holds("app_limited", "=", no, nil), 0);
	/* presence, and that nothing else holds for what is absent */
	assert_int_equal(holds("dev", "=", yes, text("lo")), 1);
	assert_int_equal(holds("dev", "=", no, nil), 1);
	assert_int_equal(holds("dev", "!=", no, text("lo")), 1);
	assert_int_equal(holds("dev", "!=", text("lo"), nil), 0);
	assert_int_equal(holds("uid", "=", num(0), nil), 0);
	assert_int_equal(holds("rtt", "<", num(1), nil), 0);
}

static void test_text(void **state)
{
	(void)state;
	assert_int_equal(holds("user", "=", text("www*"), text("www-data")), 1);
	assert_int_equal(holds("user", "=", text("*"), text("")), 1);
	assert_int_equal(holds("user", "=", text("r??t"), text("root")), 1);
	assert_int_equal(holds("user", "=", text("[a-r]oot"), text("root")), 1);
	assert_int_equal(holds("user", "=", text("[!r]oot"), text("root")), 0);
	assert_int_equal(holds("user", "=", text("*a*b*c"), text("aXbYbc")), 1);
	assert_int_equal(holds("user", "=", text("*a*b*c"), text("aXbYb")), 0);
	assert_int_equal(holds("user", "=", text("[unclosed"), text("[unclosed")), 1);
	assert_int_equal(holds("user", "=", num(33), text("33")), 1);
	assert_int_equal(holds("user", ">", text("m"), text("root")), 1);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *operand, *addr;
		int want;
	} rows[] = {
		{ "10.0.0.0/8", "10.1.2.3", 1 },
		{ "10.9.9.9/8", "10.1.2.3", 1 },
		{ "10.0.0.0/8", "11.1.2.3", 0 },
		{ "10.0.0.0/8", "::ffff:10.1.2.3", 1 },
		{ "::ffff:10.0.0.0/104", "10.1.2.3", 1 },
		{ "::ffff:10.1.2.3", "10.1.2.3", 1 },
		{ "10.1.2.3", "::ffff:10.1.2.3", 1 },
		{ "0.0.0.0/0", "::1", 0 },
		{ "0.0.0.0/0", "::ffff:1.2.3.4", 1 },
		{ "::/0", "1.2.3.4", 0 },
		{ "::/0", "::ffff:1.2.3.4", 1 },
		{ "::ffff:0:0/95", "::ffff:1.2.3.4", 1 },
		{ "[fe80::]/10", "fe80::1", 1 },
		{ "fe80::/10", "fec0::1", 0 },
		{ "10.1.2.3/31", "10.1.2.2", 1 },
		{ "10.0.0.0/33", "10.0.0.0", -1 },
		{ "::/129", "::", -1 },
		{ "10.0.0.0/", "10.0.0.0", -1 },
		{ "10.0.0.0/-1", "10.0.0.0", -1 },
		{ "[10.0.0.1]", "10.0.0.1", -1 },
		{ "example.org", "10.0.0.0", -1 },
		{ "", "10.0.0.0", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(holds("raddr", "=", text(rows[i].operand), address(rows[i].addr)),
				 rows[i].want);
	assert_int_equal(holds("raddr", "<", text("10.0.0.1"), address("10.0.0.0")), -1);
}

/* ---- decoding --------------------------------------------------------------------- */

/* A message under construction, in a heap block of exactly its size when done. */
struct built {
	size_t len;
	_Alignas(8) unsigned char buf[2048];
};

static struct inet_diag_msg *begin(struct built *m, int tcp_state)
{
	struct inet_diag_msg *d = (void *)(m->buf + NLMSG_HDRLEN);

	memset(m, 0, sizeof(*m));
	m->len = NLMSG_HDRLEN + sizeof(*d);
	d->idiag_family = AF_INET;
	d->idiag_state = (uint8_t)tcp_state;
	d->id.idiag_sport = htons(80);
	d->id.idiag_cookie[0] = 7;
	return d;
}

static void attr(struct built *m, uint16_t type, const void *data, size_t len)
{
	assert_true(nl_attr_put(m->buf, &m->len, sizeof(m->buf), type, data, len));
}

/* The field of the first len bytes, in a copy without a byte behind them. */
static bool get(const struct built *m, size_t len, const char *field, struct value *v)
{
	struct env *env = env_new(NULL);
	unsigned char *copy = malloc(len);
	struct row row = { .source = &source_sockets,
			   .shape = source_sockets.shape,
			   .env = env,
			   .tag = IPPROTO_TCP };
	struct nlmsghdr *h = (void *)copy;
	bool got;

	memcpy(copy, m->buf, len);
	h->nlmsg_len = (uint32_t)len;
	row.msg = h;
	got = field_get(source_field(&source_sockets, field), &row, v);
	if (v->kind == VALUE_TEXT)
		v->text.p = NULL; /* pointed into the copy */
	free(copy);
	env_unref(env);
	return got;
}

static void test_info_lengths(void **state)
{
	uint32_t info[100];
	struct built m;
	struct value v;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		info[i] = (uint32_t)(i + 1) * 1000;
	for (size_t words = 0; words <= 100; words++) {
		begin(&m, 1);
		attr(&m, INET_DIAG_INFO, info, words * 4);
		/* rtt is word 17, rcv_wnd word 58, received_ce_bytes word 68 */
		assert_int_equal(get(&m, m.len, "rtt", &v), words >= 18);
		if (words >= 18)
			assert_true(v.real == 18000 / 1e6);
		assert_int_equal(get(&m, m.len, "rcv_wnd", &v), words >= 59);
		assert_int_equal(get(&m, m.len, "received_ce_bytes", &v), words >= 69);
	}
	begin(&m, STATE_LISTEN);
	attr(&m, INET_DIAG_INFO, info, 280);
	assert_false(get(&m, m.len, "rtt", &v));
	assert_false(get(&m, m.len, "cwnd", &v));
	assert_true(get(&m, m.len, "backlog", &v));
}

static void test_absent_values(void **state)
{
	struct inet_diag_msg *d;
	struct built m;
	struct value v;

	(void)state;
	d = begin(&m, STATE_TIME_WAIT);
	d->idiag_timer = 3;
	assert_false(get(&m, m.len, "uid", &v));
	assert_false(get(&m, m.len, "user", &v));
	assert_false(get(&m, m.len, "inode", &v));
	assert_true(get(&m, m.len, "timer_expires", &v));
	begin(&m, STATE_SYN_RECV);
	assert_false(get(&m, m.len, "uid", &v));
	begin(&m, 1);
	assert_true(get(&m, m.len, "uid", &v));
	assert_false(get(&m, m.len, "timer", &v));
	assert_false(get(&m, m.len, "timer_expires", &v));
	assert_false(get(&m, m.len, "accept_queue", &v));
	assert_true(get(&m, m.len, "lport", &v));
	assert_int_equal(v.num, 80);
	/* five is an FIN-WAIT-2 that is a time-wait socket, by its timer */
	d = begin(&m, 5);
	d->idiag_timer = 3;
	assert_false(get(&m, m.len, "uid", &v));
}

/* A nest for kernel TLS, and every attribute cut at every byte: nothing is read beyond. */
static void test_every_cut(void **state)
{
	unsigned char nest[256], tls[64];
	uint32_t words[70] = { 1 };
	size_t nlen = 0, tlen = 0;
	uint16_t version = 0x0304, cipher = 51;
	struct built m;
	struct value v;

	(void)state;
	nl_attr_put(tls, &tlen, sizeof(tls), 1, &version, 2);
	nl_attr_put(tls, &tlen, sizeof(tls), 2, &cipher, 2);
	nl_attr_put(nest, &nlen, sizeof(nest), INET_ULP_INFO_NAME, "tls", 4);
	nl_attr_put(nest, &nlen, sizeof(nest), INET_ULP_INFO_TLS, tls, tlen);
	begin(&m, 1);
	attr(&m, INET_DIAG_ULP_INFO, nest, nlen);
	attr(&m, INET_DIAG_CONG, "cubic", 6);
	attr(&m, INET_DIAG_INFO, words, sizeof(words));
	attr(&m, INET_DIAG_SKMEMINFO, words, 36);
	attr(&m, INET_DIAG_BBRINFO, words, 20);
	attr(&m, INET_DIAG_SOCKOPT, words, 2);
	assert_true(get(&m, m.len, "tls_version", &v));
	assert_int_equal(v.num, version);
	assert_true(get(&m, m.len, "tls_cipher", &v));
	assert_true(get(&m, m.len, "ulp", &v));
	assert_int_equal(v.text.len, 3);
	assert_true(get(&m, m.len, "cong", &v));
	assert_int_equal(v.text.len, 5);
	assert_true(get(&m, m.len, "drops", &v));
	for (size_t len = NLMSG_HDRLEN + sizeof(struct inet_diag_msg); len <= m.len; len++)
		for (const struct field *f = source_sockets.fields; f->name; f++)
			get(&m, len, f->name, &v);
	assert_false(get(&m, m.len - 8, "recverr", &v));
	assert_true(get(&m, m.len - 8, "bbr_bw", &v));
}

static void test_damaged_is_told(void **state)
{
	struct env *env = env_new(NULL);
	struct row row = { .source = &source_sockets,
			   .shape = source_sockets.shape,
			   .env = env,
			   .tag = IPPROTO_TCP };
	struct built m;
	struct nlattr *a;
	struct value v;

	(void)state;
	begin(&m, 1);
	a = (void *)(m.buf + m.len);
	attr(&m, INET_DIAG_MARK, "\1\0\0\0", 4);
	a->nla_len = 0xffff;
	((struct nlmsghdr *)m.buf)->nlmsg_len = (uint32_t)m.len;
	row.msg = (void *)m.buf;
	assert_false(field_get(source_field(&source_sockets, "mark"), &row, &v));
	assert_true(env_damaged(env));
	env_unref(env);
}

static void test_unknown_enum(void **state)
{
	const struct field *f = source_field(&source_sockets, "state");
	struct value v = num(42);
	char buf[VALUE_TEXT_MAX];
	size_t len;

	(void)state;
	assert_string_equal(value_text(f, &v, buf, &len), "unknown(42)");
	assert_int_equal(len, 11);
}

/* Where there is no cgroup2 mount, no path has an id. */
static void test_cgroup_ids(void **state)
{
	uint64_t root = cgroup_id("/");
	char *path = root ? cgroup_path(root) : NULL;

	(void)state;
	if (path)
		assert_string_equal(path, "/");
	free(path);
	assert_int_equal(cgroup_id("///"), root);
	assert_int_equal(cgroup_id("/."), root);
	assert_int_equal(cgroup_id("/.."), 0);
	assert_int_equal(cgroup_id("/../.."), 0);
	assert_int_equal(cgroup_id("/nosuch/.."), 0);
	assert_int_equal(cgroup_id("/no such cgroup"), 0);
	assert_int_equal(cgroup_id("/cgroup.procs"), 0);
	assert_int_equal(cgroup_id(""), 0);
	assert_int_equal(cgroup_id("."), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),	     cmocka_unit_test(test_ports),
		cmocka_unit_test(test_units),	     cmocka_unit_test(test_names),
		cmocka_unit_test(test_text),	     cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_info_lengths), cmocka_unit_test(test_absent_values),
		cmocka_unit_test(test_every_cut),    cmocka_unit_test(test_damaged_is_told),
		cmocka_unit_test(test_unknown_enum), cmocka_unit_test(test_cgroup_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
