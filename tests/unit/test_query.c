/*
 * The query room without a kernel: plans held against plain evaluation by a
 * model of how inet_diag audits and runs a program, and the sets of a run.
 */
#include "connsh/query.h"
#include "query/private.h"
#include "query/seen.h"
#include "source/sockets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static uint32_t seed = 12345;

static unsigned roll(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* ---- a model of net/ipv4/inet_diag.c ------------------------------------------------ */

static struct inet_diag_bc_op op_at(const struct kprog *p, size_t at)
{
	struct inet_diag_bc_op op;

	memcpy(&op, p->code + at, sizeof(op));
	return op;
}

/* Is `at` on the chain of `yes` from the start? */
static bool reachable(const struct kprog *p, size_t at)
{
	size_t i = 0;

	while (i < at)
		i += op_at(p, i).yes;
	return i == at;
}

static bool audit(const struct kprog *p)
{
	for (size_t at = 0; at < p->len;) {
		struct inet_diag_bc_op op = op_at(p, at);
		size_t left = p->len - at, min = 4;

		if (op.code >= INET_DIAG_BC_S_GE && op.code <= INET_DIAG_BC_D_LE)
			min = 8;
		else if (op.code != INET_DIAG_BC_JMP && op.code != INET_DIAG_BC_NOP)
			return false;
		if (left < min)
			return false;
		if (op.code != INET_DIAG_BC_NOP) {
			if (op.no < min || op.no > left + 4 || op.no & 3)
				return false;
			if (op.no < left && !reachable(p, at + op.no))
				return false;
		}
		if (op.yes < min || op.yes > left + 4 || op.yes & 3)
			return false;
		at += op.yes;
	}
	return true;
}

static bool run(const struct kprog *p, unsigned sport, unsigned dport)
{
	long len = (long)p->len;
	size_t at = 0;

	while (len > 0) {
		struct inet_diag_bc_op op = op_at(p, at);
		unsigned arg = op.code >= INET_DIAG_BC_S_GE ? op_at(p, at + 4).no : 0;
		bool yes = true;

		if (op.code == INET_DIAG_BC_JMP)
			yes = false;
		else if (op.code == INET_DIAG_BC_S_GE)
			yes = sport >= arg;
		else if (op.code == INET_DIAG_BC_S_LE)
			yes = sport <= arg;
		else if (op.code == INET_DIAG_BC_D_GE)
			yes = dport >= arg;
		else if (op.code == INET_DIAG_BC_D_LE)
			yes = dport <= arg;
		len -= yes ? op.yes : op.no;
		at += yes ? op.yes : op.no;
	}
	return len == 0;
}

/* ---- plans --------------------------------------------------------------------------- */

static struct value random_operand(const char *name)
{
	static const char *const ranges[] = { "0-65535", "1-3", "2-2", "3-65535", "0-0" };
	struct value v = { .kind = VALUE_INT };

	if (strstr(name, "port") && roll(3) == 0) {
		v.kind = VALUE_TEXT;
		v.text.p = ranges[roll(5)];
		v.text.len = strlen(v.text.p);
	} else if (strcmp(name, "proto") == 0) {
		v.num = roll(2) ? IPPROTO_TCP : IPPROTO_UDP;
	} else if (strcmp(name, "family") == 0) {
		v.num = roll(2) ? AF_INET : AF_INET6;
	} else if (strcmp(name, "state") == 0) {
		v.num = 1 + roll(11);
	} else {
		v.num = strstr(name, "port") ? (int64_t[]){ 0, 1, 2, 3, 65535 }[roll(5)] : roll(3);
	}
	return v;
}

static struct node *random_cond(void)
{
	static const char *const names[] = { "lport", "rport", "proto", "family", "state", "uid" };
	const char *name = names[roll(6)];
	struct cond c = { .field = source_field(&source_sockets, name) };
	struct nl_error err;

	c.op = field_kinds[c.field->type].ordered ? roll(OP_COUNT) : roll(2);
	for (unsigned n = c.op <= OP_NE ? 1 + roll(3) : 1; n > 0; n--) {
		struct value v = random_operand(name);

		assert_int_equal(cond_add(&c, &v, &err), 0);
	}
	return node_cond(&c);
}

static struct node *random_tree(unsigned depth)
{
	struct node *n;
	unsigned kind = depth ? roll(4) : 0;

	if (kind == 0)
		return random_cond();
	n = node_new((enum node_kind)kind);
	for (unsigned i = kind == NODE_NOT ? 1 : roll(4); i > 0; i--)
		assert_true(node_add(n, random_tree(depth - 1)));
	return n;
}

struct sock {
	_Alignas(8) unsigned char buf[NLMSG_HDRLEN + sizeof(struct inet_diag_msg)];
	struct row row;
	unsigned sport, dport;
};

static void random_sock(struct sock *s, struct env *env)
{
	static const uint16_t ports[] = { 0, 1, 2, 3, 4, 65534, 65535 };
	struct inet_diag_msg *d = (void *)(s->buf + NLMSG_HDRLEN);

	memset(s, 0, sizeof(*s));
	((struct nlmsghdr *)s->buf)->nlmsg_len = sizeof(s->buf);
	s->sport = ports[roll(7)];
	s->dport = ports[roll(7)];
	d->idiag_family = roll(2) ? AF_INET : AF_INET6;
	d->idiag_state = (uint8_t)(1 + roll(11));
	d->id.idiag_sport = htons((uint16_t)s->sport);
	d->id.idiag_dport = htons((uint16_t)s->dport);
	d->idiag_uid = roll(3);
	d->idiag_inode = roll(2);
	s->row = (struct row){ .source = &source_sockets, .env = env, .msg = (void *)s->buf };
	s->row.tag = roll(2) ? IPPROTO_TCP : IPPROTO_UDP;
	/* tcp has no closed sockets but the bound ones, which no part of ours asks for */
	if (s->row.tag == IPPROTO_TCP && d->idiag_state == STATE_CLOSE)
		d->idiag_state = STATE_LISTEN;
	/* and udp has these two states only */
	if (s->row.tag == IPPROTO_UDP && d->idiag_state != STATE_ESTABLISHED)
		d->idiag_state = STATE_CLOSE;
}

/* Is the socket in a part that is asked for? By the parts' own values. */
static bool asked(const struct plan *p, const struct sock *s)
{
	static const char *const names[] = { "proto", "family", "state" };

	for (unsigned i = 0; i < source_sockets.nparts; i++) {
		bool same = part_has(&p->parts, i);

		for (size_t k = 0; same && k < 3; k++) {
			const struct field *f = source_field(&source_sockets, names[k]);
			struct value part, own;

			assert_true(source_sockets.part_value(i, f, &part));
			assert_true(field_get(f, &s->row, &own));
			same = part.num == own.num;
		}
		if (same)
			return true;
	}
	return false;
}

/* The kernel passes all that matches; when the plan says exact, nothing else. */
static void test_plans(void **state)
{
	struct env *env = env_new(NULL);
	unsigned exact = 0, programs = 0, fewer = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct query *q = query_new(&source_sockets);
		struct plan p;

		assert_true(query_and(q, random_tree(4)));
		assert_true(plan_make(q, 0, env, &p));
		assert_true(audit(&p.prog));
		exact += p.exact;
		programs += p.prog.len > 0;
		for (unsigned k = 0; k < 40; k++) {
			struct sock s;
			bool passes, matches;

			random_sock(&s, env);
			passes = asked(&p, &s) && run(&p.prog, s.sport, s.dport);
			matches = node_match(q->filter, &s.row);
			assert_true(passes || !matches);
			assert_true(!p.exact || passes == matches);
			fewer += !passes;
		}
		query_unref(q);
	}
	env_unref(env);
	/* the model must have seen all three kinds in numbers */
	assert_in_range(exact, 2000, 19999);
	assert_in_range(programs, 2000, 19999);
	assert_in_range(fewer, 100000, 799999);
}

/* A filter whose program is too long for the kernel's 16 bits is tested here. */
static void test_long_filter(void **state)
{
	struct env *env = env_new(NULL);
	struct query *q = query_new(&source_sockets);
	struct cond c = { .field = source_field(&source_sockets, "lport") };
	struct nl_error err;
	struct plan p;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct value v = { .kind = VALUE_INT };

		v.num = i * 2;
		assert_int_equal(cond_add(&c, &v, &err), 0);
	}
	assert_true(query_and(q, node_cond(&c)));
	assert_true(plan_make(q, 0, env, &p));
	assert_int_equal(p.prog.len, 0);
	assert_false(p.exact);
	query_unref(q);
	env_unref(env);
}

static void test_narrowing_shares(void **state)
{
	struct query *q = query_new(&source_sockets), *copy;
	size_t before;
	char *text;

	(void)state;
	assert_true(query_and(q, random_cond()));
	assert_true(query_and(q, random_cond()));
	text = node_text(q->filter);
	before = q->filter->n;
	copy = query_derive(q);
	assert_true(query_and(copy, random_cond()));
	assert_int_equal(copy->filter->n, before + 1);
	assert_int_equal(q->filter->n, before);
	query_unref(q);
	free(text);
	text = node_text(copy->filter);
	assert_non_null(strstr(text, " and "));
	free(text);
	query_unref(copy);
}

/* ---- sets ----------------------------------------------------------------------------- */

static void test_window(void **state)
{
	struct window *w = calloc(1, sizeof(*w));

	(void)state;
	for (uint64_t k = 1; k <= 3 * WINDOW_SIZE; k++) {
		assert_false(window_seen(w, k * 7919));
		assert_true(window_seen(w, k * 7919));
		if (k > WINDOW_SIZE / 2)
			assert_true(window_seen(w, (k - WINDOW_SIZE / 2) * 7919));
	}
	/* what is out of the window is new again, and takes one place */
	assert_false(window_seen(w, 7919));
	assert_true(window_seen(w, 7919));
	free(w);
}

/* Keys are numbered as they come up, equal values are one key, and each reads back. */
static void test_keys(void **state)
{
	struct keyset set = { 0 };
	struct keybuf key = { 0 };
	struct value v = { .kind = VALUE_INT }, back;
	bool fresh;
	size_t len;

	(void)state;
	for (int64_t i = 0; i < 5000; i++) {
		v.num = i % 1000 * 7919;
		key.len = 0;
		assert_true(key_put(&key, &v));
		assert_int_equal(keyset_add(&set, key.bytes, key.len, &fresh), i % 1000);
		assert_int_equal(fresh, i < 1000);
		assert_int_equal(keyset_find(&set, key.bytes, key.len), i % 1000);
	}
	key_get(keyset_key(&set, 3, &len), &back);
	assert_int_equal(back.num, 3 * 7919);
	v = (struct value){ .kind = VALUE_FLOAT, .real = 7919.0 };
	key.len = 0;
	assert_true(key_put(&key, &v));
	assert_int_equal(keyset_find(&set, key.bytes, key.len), 1);
	v.real = 7919.5;
	key.len = 0;
	assert_true(key_put(&key, &v));
	assert_int_equal(keyset_find(&set, key.bytes, key.len), -1);
	keyset_free(&set);
	key_free(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plans),
		cmocka_unit_test(test_long_filter),
		cmocka_unit_test(test_narrowing_shares),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
