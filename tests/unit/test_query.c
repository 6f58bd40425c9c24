/*
 * The query room without a kernel: plans held against plain evaluation by a
 * model of how inet_diag audits and runs a program, and the sets of a run.
 */
#include "connsh/procfs.h"
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

#include "diag_model.h"

static uint32_t seed = 12345;

static unsigned roll(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* ---- plans --------------------------------------------------------------------------- */

static struct value number(int64_t n)
{
	return (struct value){ .kind = VALUE_INT, .num = n };
}

static struct value words(const char *t)
{
	struct value v = { .kind = VALUE_TEXT };

	v.text.p = t;
	v.text.len = strlen(t);
	return v;
}

#define ONE_OF(list) ((list)[roll(sizeof(list) / sizeof((list)[0]))])

static const int64_t ports[] = { 0, 1, 2, 3, 4, 65534, 65535 };
static const int64_t marks[] = { 0, 1, 2, 5, 7, 0x80000000, 0xffffffff };
static const uint32_t devices[] = { 0, 0, 1, 2, 7 };
static uint64_t cgroups[] = { 5, 6, UINT64_MAX, 0 /* of the root, in main */ };
static const char *const addresses[] = {
	"10.0.0.1", "10.0.0.130", "10.128.0.1",	      "0.0.0.0",	 "127.0.0.1",
	"::",	    "::1",	  "::ffff:10.0.0.1",  "::ffff:0.0.0.0",	 "::10.0.0.1",
	"fd00::1",  "fd00::8001", "::fffe:127.0.0.1", "::ffff:127.0.0.1"
};
static const char *const prefixes[] = { "10.0.0.0/8",	 "10.0.0.0/25",	  "10.0.0.0/9",
					"0.0.0.0/0",	 "0.0.0.0/1",	  "10.0.0.128/31",
					"::/0",		 "::/96",	  "fd00::/16",
					"fd00::/113",	 "::/1",	  "::/64",
					"::ffff:0:0/96", "::ffff:0:0/95", "::ffff:10.0.0.0/104",
					"fd00::1/127" };

static struct value random_operand(const char *name)
{
	static const char *const ranges[] = { "0-65535", "1-3", "2-2", "3-65535", "0-0" };
	static const char *const masks[] = { "1/1",
					     "4/5",
					     "0/0",
					     "5/0xffffffff",
					     "3/0x100000003",
					     "2/1",
					     "0x100000001/0x100000001",
					     "0/2",
					     "1-5" };
	static const char *const names[] = { "lo", "if7", "l*", "nosuch", "if", "LO" };
	static const char *const paths[] = { "/", "//", "/nosuch", "", "/..", "/*", "nosuch" };

	if (roll(8) == 0 && strcmp(name, "proto") && strcmp(name, "family") &&
	    strcmp(name, "state"))
		return (struct value){ .kind = VALUE_BOOL, .flag = roll(2) };
	if (strcmp(name, "proto") == 0)
		return number(roll(2) ? IPPROTO_TCP : IPPROTO_UDP);
	if (strcmp(name, "family") == 0)
		return number(roll(2) ? AF_INET : AF_INET6);
	if (strcmp(name, "state") == 0)
		return number(1 + roll(11));
	if (strstr(name, "port"))
		return roll(3) ? number(ONE_OF(ports)) : words(ONE_OF(ranges));
	if (strstr(name, "addr"))
		return words(roll(2) ? ONE_OF(addresses) : ONE_OF(prefixes));
	if (strcmp(name, "mark") == 0)
		return roll(2) ? number(roll(8) ? ONE_OF(marks) : -1) : words(ONE_OF(masks));
	if (strcmp(name, "dev") == 0)
		return words(ONE_OF(names));
	if (strcmp(name, "cgroup") == 0)
		return words(ONE_OF(paths));
	if (strcmp(name, "cgroup_id") == 0)
		return number(roll(8) ? (int64_t)ONE_OF(cgroups) : 0);
	if (strcmp(name, "dev_index") == 0)
		return roll(5) ? number(roll(9) ? (int64_t)ONE_OF(devices) : -1) : words("1-7");
	return number(roll(3));
}

static struct node *random_cond(void)
{
	static const char *const names[] = {
		"lport", "rport",     "laddr", "raddr",	    "dev",    "dev_index", "mark",
		"proto", "cgroup_id", "state", "cgroup",    "family", "uid",	   "laddr",
		"raddr", "dev_index", "mark",  "cgroup_id", "lport",  "rport",
	};
	const char *name = ONE_OF(names);
	struct cond c = { .field = source_field(&source_sockets, name) };
	struct nl_error err;

	c.op = field_kinds[c.field->type].ordered && roll(3) == 0 ? roll(OP_COUNT) : roll(2);
	for (unsigned n = c.op <= OP_NE ? roll(20) ? 1 + roll(3) : 0 : 1; n > 0;) {
		struct value v = random_operand(name);

		if (v.kind == VALUE_BOOL && c.op > OP_NE)
			continue; /* which is refused */
		assert_int_equal(cond_add(&c, &v, &err), 0);
		n--;
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

/* A socket: its row, and what the kernel knows of it. */
struct sock {
	_Alignas(8) unsigned char buf[NLMSG_HDRLEN + sizeof(struct inet_diag_msg) + 64];
	struct row row;
	struct entry entry;
};

static void put_attr(struct sock *s, size_t *len, uint16_t type, const void *data, size_t size)
{
	assert_true(nl_attr_put(s->buf, len, sizeof(s->buf), type, data, size));
}

/* An address of the family that the socket has: IPv6 ones are mapped now and then. */
static void random_address(uint8_t family, uint8_t bytes[16])
{
	struct addr a;
	unsigned bits;

	do {
		const char *t = ONE_OF(addresses);

		assert_true(addr_parse(t, strlen(t), &a, &bits));
	} while (a.family != family);
	memcpy(bytes, a.bytes, 16);
}

static void random_entry(struct entry *e)
{
	memset(e, 0, sizeof(*e));
	e->family = roll(2) ? AF_INET : AF_INET6;
	random_address(e->family, e->src);
	random_address(e->family, e->dst);
	e->sport = (unsigned)ONE_OF(ports);
	e->dport = (unsigned)ONE_OF(ports);
	e->ifindex = ONE_OF(devices);
	e->mark = (uint32_t)ONE_OF(marks);
	e->locked = roll(2);
	e->cgroup = roll(9) ? ONE_OF(cgroups) : 0;
}

/*
 * Marks and cgroups are left out of any row now and then, though the kernel has
 * them: of sockets in time-wait and half open, by a kernel of any age.
 */
static void random_sock(struct sock *s, struct env *env)
{
	struct inet_diag_msg *d = (void *)(s->buf + NLMSG_HDRLEN);
	size_t len = NLMSG_HDRLEN + sizeof(*d);

	memset(s, 0, sizeof(*s));
	random_entry(&s->entry);
	d->idiag_family = s->entry.family;
	d->idiag_state = (uint8_t)(1 + roll(11));
	memcpy(d->id.idiag_src, s->entry.src, 16);
	memcpy(d->id.idiag_dst, s->entry.dst, 16);
	d->id.idiag_sport = htons((uint16_t)s->entry.sport);
	d->id.idiag_dport = htons((uint16_t)s->entry.dport);
	d->id.idiag_if = s->entry.ifindex;
	d->idiag_uid = roll(3);
	d->idiag_inode = roll(2);
	if (roll(3))
		put_attr(s, &len, INET_DIAG_MARK, &s->entry.mark, sizeof(s->entry.mark));
	if (roll(3))
		put_attr(s, &len, INET_DIAG_CGROUP_ID, &s->entry.cgroup, sizeof(s->entry.cgroup));
	((struct nlmsghdr *)s->buf)->nlmsg_len = (uint32_t)len;
	s->row = (struct row){ .source = &source_sockets,
			       .shape = source_sockets.shape,
			       .env = env,
			       .msg = (void *)s->buf };
	s->row.tag = roll(2) ? IPPROTO_TCP : IPPROTO_UDP;
	/* tcp has no closed sockets but the bound ones, which no part of ours asks for */
	if (s->row.tag == IPPROTO_TCP && d->idiag_state == STATE_CLOSE)
		d->idiag_state = STATE_LISTEN;
	if (s->row.tag == IPPROTO_UDP)
		d->idiag_state = roll(2) ? STATE_ESTABLISHED : STATE_CLOSE;
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

static void fail_plan(const struct query *q, const char *what)
{
	char *t = node_text(q->filter);

	fail_msg("%s: %s", what, t);
}

/* Every instruction that we use has said yes and no; the two that say one thing, that. */
static void assert_all_codes_seen(void)
{
	for (unsigned code = 0; code <= INET_DIAG_BC_CGROUP_COND; code++) {
		if (code == INET_DIAG_BC_AUTO)
			continue;
		if (code != INET_DIAG_BC_NOP && model_gave[code][false] < 1000)
			fail_msg("instruction %u said no %u times", code, model_gave[code][false]);
		if (code != INET_DIAG_BC_JMP && model_gave[code][true] < 1000)
			fail_msg("instruction %u said yes %u times", code, model_gave[code][true]);
	}
}

/* The kernel passes all that matches; when the plan says exact, nothing else. */
static void test_plans(void **state)
{
	struct env *env = env_new(NULL);
	unsigned exact = 0, programs = 0, fewer = 0, more = 0;

	(void)state;
	for (unsigned i = 0; i < 40000; i++) {
		struct query *q = query_new(&source_sockets);
		struct plan p;

		assert_true(query_and(q, random_tree(4)));
		assert_true(plan_make(q, 0, env, &p));
		if (!model_audit(&p.prog))
			fail_plan(q, "the kernel refuses the program");
		exact += p.exact;
		programs += p.prog.len > 0;
		for (unsigned k = 0; k < 40; k++) {
			struct sock s;
			bool passes, matches;

			random_sock(&s, env);
			passes = asked(&p, &s) && model_run(&p.prog, &s.entry);
			matches = node_match(q->filter, &s.row);
			if (matches && !passes)
				fail_plan(q, "the kernel drops a row that matches");
			if (p.exact && passes && !matches)
				fail_plan(q, "exact, and the kernel passes a row too many");
			fewer += !passes;
			more += passes && !matches;
		}
		query_unref(q);
	}
	env_unref(env);
	assert_all_codes_seen();
	/* the model must have seen all kinds in numbers */
	assert_in_range(exact, 4000, 39999);
	assert_in_range(programs, 8000, 39999);
	assert_in_range(fewer, 200000, 1599999);
	assert_in_range(more, 20000, 1599999);
}

/* Adds the test numbered i; *size is what it takes. False at the end of the list. */
static bool add_test(struct kprog *p, unsigned i, size_t *size, bool *added)
{
	static const struct addr v4 = { .family = AF_INET }, v6 = { .family = AF_INET6 };
	static const size_t sizes[] = { 8, 8, 16, 8, 4, 16, 28, 8, 12, 12, 4, 4, 4 };
	const bool did[] = {
		i == 0 && kprog_port(p, true, 80, 80),
		i == 1 && kprog_port(p, false, 80, UINT16_MAX),
		i == 2 && kprog_port(p, true, 80, 81),
		i == 3 && kprog_port(p, false, 0, 81),
		i == 4 && kprog_port(p, true, 0, UINT16_MAX),
		i == 5 && kprog_addr(p, true, &v4, 32),
		i == 6 && kprog_addr(p, false, &v6, 0),
		i == 7 && kprog_dev(p, 1),
		i == 8 && kprog_mark(p, 1, 1),
		i == 9 && kprog_cgroup(p, 1),
		i == 10 && kprog_always(p, true),
		i == 11 && kprog_always(p, false),
		i == 12 && kprog_auto(p),
	};

	if (i >= sizeof(sizes) / sizeof(sizes[0]))
		return false;
	*size = sizes[i];
	*added = did[i];
	return true;
}

/* No byte more than the instruction needs; and what does not fit leaves no trace. */
static void test_programs_have_room(void **state)
{
	struct kprog p, before;
	size_t size;
	bool added;

	(void)state;
	for (unsigned i = 0; p.len = 0, add_test(&p, i, &size, &added); i++) {
		assert_true(added);
		assert_int_equal(p.len, size);
		assert_true(model_audit(&p));
		for (unsigned n = 0; added && n < sizeof(p.code); n++) {
			before = p;
			add_test(&p, i, &size, &added);
		}
		assert_false(added);
		assert_memory_equal(&p, &before, sizeof(p.len) + p.len);
		assert_in_range(p.len, 4000, sizeof(p.code));
		assert_true(model_audit(&p));
	}
}

/* ---- what only the kernel tests ---------------------------------------------------------- */

/* A condition by what the kernel knows of a socket. */
static struct node *known_cond(const char *name, enum cond_op op, int64_t n)
{
	struct cond c = { .field = source_field(&source_sockets, name), .op = op };
	struct value v = number(n);
	struct nl_error err;

	if (c.field->type == FT_BOOL)
		v = (struct value){ .kind = VALUE_BOOL, .flag = n };
	assert_int_equal(cond_add(&c, &v, &err), 0);
	return node_cond(&c);
}

static struct node *known_tree(unsigned depth)
{
	unsigned kind = depth ? roll(4) : 0;
	struct node *n;

	if (kind == 0) {
		switch (roll(5)) {
		case 0:
			return known_cond("lport", OP_EQ, ONE_OF(ports));
		case 1:
			return known_cond("rport", OP_GE, ONE_OF(ports));
		case 2:
			return known_cond("mark", OP_EQ, ONE_OF(marks));
		case 3:
			return known_cond("cgroup_id", OP_EQ, (int64_t)ONE_OF(cgroups));
		default:
			return known_cond("autobound", OP_EQ, true);
		}
	}
	n = node_new((enum node_kind)kind);
	for (unsigned i = kind == NODE_NOT ? 1 : roll(4); i > 0; i--)
		assert_true(node_add(n, known_tree(depth - 1)));
	return n;
}

static bool known_cond_holds(const struct cond *c, const struct entry *e)
{
	int64_t n = c->operands[0].lo.num;

	if (strcmp(c->field->name, "lport") == 0)
		return e->sport == n;
	if (strcmp(c->field->name, "rport") == 0)
		return e->dport >= n;
	if (strcmp(c->field->name, "mark") == 0)
		return e->mark == n;
	if (strcmp(c->field->name, "cgroup_id") == 0)
		return e->cgroup == (uint64_t)n;
	return !e->locked;
}

static bool known_holds(const struct node *n, const struct entry *e)
{
	if (n->kind == NODE_COND)
		return known_cond_holds(&n->cond, e);
	if (n->kind == NODE_NOT)
		return !known_holds(n->kids[0], e);
	for (size_t i = 0; i < n->n; i++)
		if (known_holds(n->kids[i], e) == (n->kind == NODE_OR))
			return n->kind == NODE_OR;
	return n->kind == NODE_AND;
}

/* A KERNEL's program is its tree in every polarity, whatever rows tell; no row is tested by it. */
static void test_kernel_conditions(void **state)
{
	struct env *env = env_new(NULL);
	unsigned passed = 0;

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		struct query *q = query_new(&source_sockets);
		struct node *n = node_new(NODE_KERNEL), *tree = known_tree(4);
		struct plan p;

		assert_true(node_add(n, tree));
		assert_true(query_and(q, n));
		assert_true(plan_make(q, 0, env, &p));
		assert_true(p.prog.len > 0);
		assert_false(p.exact);
		if (!model_audit(&p.prog))
			fail_plan(q, "the kernel refuses the program");
		for (unsigned k = 0; k < 40; k++) {
			struct sock s;

			random_sock(&s, env);
			assert_true(node_match(q->filter, &s.row));
			if (model_run(&p.prog, &s.entry) != known_holds(tree, &s.entry))
				fail_plan(q, "the program is not the tree");
			passed += known_holds(tree, &s.entry);
		}
		query_unref(q);
	}
	/* what has no program is not asked at all */
	for (unsigned i = 0; i < 2; i++) {
		struct query *q = query_new(&source_sockets);
		struct node *n = node_new(NODE_KERNEL), *both = node_new(i ? NODE_AND : NODE_OR);
		struct plan p;

		assert_true(node_add(both, known_cond("lport", OP_EQ, 1)));
		assert_true(node_add(both, known_cond("uid", OP_EQ, 1)));
		assert_true(node_add(n, both));
		assert_true(query_and(q, n));
		assert_true(plan_make(q, 0, env, &p));
		assert_int_equal(p.prog.len, 0);
		query_unref(q);
	}
	env_unref(env);
	assert_in_range(passed, 20000, 140000);
	assert_in_range(model_gave[INET_DIAG_BC_AUTO][true], 1000, UINT32_MAX);
	assert_in_range(model_gave[INET_DIAG_BC_AUTO][false], 1000, UINT32_MAX);
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
		cmocka_unit_test(test_programs_have_room),
		cmocka_unit_test(test_long_filter),
		cmocka_unit_test(test_narrowing_shares),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_kernel_conditions),
	};

	cgroups[3] = cgroup_id("/");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
