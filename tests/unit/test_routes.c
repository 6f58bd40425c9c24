/*
 * Routes and nexthops by built messages: tunnels that a kernel may lack, and paths whose
 * lengths lie, each message in a block of exactly its size.
 */
#include "source/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <linux/nexthop.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct fixture {
	const struct source *source;
	struct env *env;
	struct message m;
	struct nlmsghdr *copy;
	struct row row;
};

static void open_route(struct fixture *t)
{
	const struct rtmsg r = { .rtm_family = AF_INET, .rtm_type = RTN_UNICAST };

	memset(t, 0, sizeof(*t));
	t->source = &source_routes;
	t->env = env_new(NULL);
	message_begin(&t->m, RTM_NEWROUTE, &r, sizeof(r));
}

/* The row of the first len bytes of what was built. */
static void cut(struct fixture *t, size_t len)
{
	free(t->copy);
	t->copy = malloc(len);
	assert_non_null(t->copy);
	memcpy(t->copy, t->m.buf, len);
	t->copy->nlmsg_len = (uint32_t)len;
	t->row = (struct row){
		.source = t->source, .env = t->env, .msg = t->copy, .shape = t->source->shape
	};
}

static void build(struct fixture *t)
{
	const struct nlmsghdr *msg = message_end(&t->m);

	assert_non_null(msg);
	cut(t, msg->nlmsg_len);
}

static void done(struct fixture *t)
{
	free(t->copy);
	message_free(&t->m);
	env_unref(t->env);
}

static bool get(struct fixture *t, const char *name, struct value *v)
{
	const struct field *f = source_field(t->source, name);

	assert_non_null(f);
	return field_get(f, &t->row, v);
}

static int64_t number(struct fixture *t, const char *name)
{
	struct value v;

	assert_true(get(t, name, &v));
	assert_int_equal(v.kind, VALUE_INT);
	return v.num;
}

static void assert_text(struct fixture *t, const char *name, const char *want)
{
	char buf[VALUE_TEXT_MAX], got[VALUE_TEXT_MAX];
	const char *text;
	struct value v;
	size_t len;

	assert_true(get(t, name, &v));
	text = value_text(source_field(t->source, name), &v, buf, &len);
	memcpy(got, text, len);
	got[len] = '\0';
	assert_string_equal(got, want);
}

static void put_u16(struct fixture *t, uint16_t type, uint16_t n)
{
	message_put(&t->m, type, &n, sizeof(n));
}

static void put_u32(struct fixture *t, uint16_t type, uint32_t n)
{
	message_put(&t->m, type, &n, sizeof(n));
}

/* A route by a tunnel of this type, with one attribute in it. */
static void open_tunnel(struct fixture *t, uint16_t type, uint16_t attr, const void *data,
			size_t len)
{
	size_t nest;

	open_route(t);
	put_u16(t, RTA_ENCAP_TYPE, type);
	nest = message_nest(&t->m, RTA_ENCAP);
	message_put(&t->m, attr, data, len);
	message_unnest(&t->m, nest);
	build(t);
}

static void test_tunnels(void **state)
{
	static const unsigned char labels[] = { 0, 6, 0x40, 64, 0, 12, 0x81, 64 };
	static const unsigned char locator[] = { 0, 1, 0, 2, 0, 3, 0, 4 };
	static const unsigned char auto_mode = 3, rpl[8 + 32] = { 0, 4, 3, 2, [23] = 1, [39] = 2 };
	const uint32_t if_id = 77;
	struct fixture t;
	struct value v;
	size_t encap, in;

	(void)state;
	open_tunnel(&t, LWTUNNEL_ENCAP_MPLS, MPLS_IPTUNNEL_DST, labels, sizeof(labels));
	assert_text(&t, "encap", "mpls");
	assert_text(&t, "encap_labels", "100,200");
	assert_false(get(&t, "encap_dst", &v));
	done(&t);
	open_tunnel(&t, LWTUNNEL_ENCAP_ILA, ILA_ATTR_LOCATOR, locator, sizeof(locator));
	assert_int_equal(number(&t, "encap_locator"), 0x0001000200030004);
	done(&t);
	open_tunnel(&t, LWTUNNEL_ENCAP_IOAM6, 1, &auto_mode, 1);
	assert_text(&t, "encap_mode", "auto");
	done(&t);
	open_tunnel(&t, LWTUNNEL_ENCAP_RPL, 1, rpl, sizeof(rpl));
	assert_text(&t, "encap_segs", "::1,::2");
	done(&t);
	open_tunnel(&t, LWTUNNEL_ENCAP_XFRM, LWT_XFRM_IF_ID, &if_id, sizeof(if_id));
	assert_int_equal(number(&t, "encap_if_id"), 77);
	assert_false(get(&t, "encap_id", &v));
	done(&t);
	open_tunnel(&t, 99, 1, &if_id, sizeof(if_id));
	assert_int_equal(number(&t, "encap"), 99);
	assert_false(get(&t, "encap_id", &v));
	done(&t);

	open_route(&t);
	put_u16(&t, RTA_ENCAP_TYPE, LWTUNNEL_ENCAP_BPF);
	encap = message_nest(&t.m, RTA_ENCAP);
	in = message_nest(&t.m, LWT_BPF_OUT);
	message_put_text(&t.m, LWT_BPF_PROG_NAME, "count.o:[out]");
	message_unnest(&t.m, in);
	message_unnest(&t.m, encap);
	build(&t);
	assert_text(&t, "encap_prog", "count.o:[out]");
	done(&t);
}

/* Headers that promise more segments than there are bytes. */
static void test_segments_that_lie(void **state)
{
	unsigned char encap[4 + 8 + 32] = { 1, 0, 0, 0, 0, 4, 4, 1, 1 };
	struct fixture t;
	struct value v;

	(void)state;
	encap[4 + 8 + 15] = 9;
	encap[4 + 8 + 31] = 8;
	open_tunnel(&t, LWTUNNEL_ENCAP_SEG6, 1, encap, sizeof(encap));
	assert_text(&t, "encap_segs", "::8,::9");
	assert_text(&t, "encap_mode", "encap");
	done(&t);
	for (size_t len = 0; len < sizeof(encap); len++) {
		open_tunnel(&t, LWTUNNEL_ENCAP_SEG6, 1, encap, len);
		assert_false(get(&t, "encap_segs", &v));
		done(&t);
	}
	encap[8] = 200;
	open_tunnel(&t, LWTUNNEL_ENCAP_SEG6, 1, encap, sizeof(encap));
	assert_false(get(&t, "encap_segs", &v));
	done(&t);
}

/* Two paths, the second with a gateway of the other family. */
static void open_paths(struct fixture *t)
{
	static const unsigned char via[2 + 16] = { AF_INET6, 0, 0xfd, [17] = 2 };
	struct rtnexthop hop = { .rtnh_len = 8 + 8, .rtnh_hops = 4, .rtnh_ifindex = 900001 };
	unsigned char data[16 + 8 + 4 + 20];
	size_t len = sizeof(hop);

	open_route(t);
	memset(data, 0, sizeof(data));
	memcpy(data, &hop, sizeof(hop));
	nl_attr_put(data, &len, sizeof(data), RTA_GATEWAY, "\12\0\0\1", 4);
	hop.rtnh_len = 8 + 4 + 18;
	hop.rtnh_flags = RTNH_F_DEAD | RTNH_F_LINKDOWN;
	memcpy(data + len, &hop, sizeof(hop));
	len += sizeof(hop);
	nl_attr_put(data, &len, sizeof(data), RTA_VIA, via, sizeof(via));
	message_put(&t->m, RTA_MULTIPATH, data, len);
	build(t);
}

static bool of_path(struct fixture *t, const struct value *list, size_t i, const char *name,
		    struct value *v)
{
	const struct field *f = source_field(&source_routes, "nexthops");
	static struct row row;

	item_row(f, &list->list.items[i], t->env, &row);
	return field_get(source_field(f->rows, name), &row, v);
}

static void test_paths(void **state)
{
	const struct field *gateway = source_field(&source_routes, "gateway");
	struct fixture t;
	struct value list, v;
	char buf[VALUE_TEXT_MAX];
	size_t len;

	(void)state;
	open_paths(&t);
	assert_true(get(&t, "nexthops", &list));
	assert_int_equal(list.list.n, 2);
	assert_true(of_path(&t, &list, 0, "weight", &v));
	assert_int_equal(v.num, 5);
	assert_true(of_path(&t, &list, 0, "dev", &v));
	assert_memory_equal(v.text.p, "if900001", 8);
	assert_true(of_path(&t, &list, 1, "gateway", &v));
	assert_string_equal(value_text(gateway, &v, buf, &len), "fd00::2");
	/* a list of an item leaves the list that the item is of */
	assert_true(of_path(&t, &list, 1, "flags", &v));
	assert_int_equal(v.list.n, 2);
	assert_true(of_path(&t, &list, 0, "gateway", &v));
	assert_string_equal(value_text(gateway, &v, buf, &len), "10.0.0.1");
	assert_true(gateway->get_more(&t.row, gateway, 1, &v));
	assert_string_equal(value_text(gateway, &v, buf, &len), "fd00::2");
	assert_false(gateway->get_more(&t.row, gateway, 2, &v));
	assert_text(&t, "nexthops", "2 nexthops");
	assert_false(env_damaged(t.env));
	done(&t);
}

/* Cut anywhere, and with any length of the first path: what is left is read, and no more. */
static void test_paths_that_lie(void **state)
{
	const size_t skip = NLMSG_HDRLEN + sizeof(struct rtmsg);
	struct fixture t;
	struct value v;
	size_t whole;

	(void)state;
	open_paths(&t);
	whole = t.copy->nlmsg_len;
	for (size_t len = skip; len <= whole; len++) {
		cut(&t, len);
		((struct nlattr *)((char *)t.m.buf + skip))->nla_len = (uint16_t)(len - skip);
		cut(&t, len);
		for (const struct field *f = route_fields; f->name; f++)
			field_get(f, &t.row, &v);
		assert_true(source_routes.key(&t.row) != 0);
		assert_true(route_weigh(&t.row) >= 1);
	}
	done(&t);
	open_paths(&t);
	for (unsigned n = 0; n <= UINT16_MAX; n += n < 64 ? 1 : 997) {
		struct rtnexthop *hop = (void *)((char *)t.m.buf + skip + NLA_HDRLEN);

		hop->rtnh_len = (unsigned short)n;
		cut(&t, whole);
		if (get(&t, "nexthops", &v))
			for (size_t i = 0; i < v.list.n; i++) {
				struct value part;

				of_path(&t, &v, i, "gateway", &part);
				of_path(&t, &v, i, "encap_id", &part);
			}
		get(&t, "dev", &v);
		assert_true(source_routes.key(&t.row) != 0);
	}
	assert_true(env_damaged(t.env));
	done(&t);
}

/* What a route goes through leaves its key; what it is does not. */
static void test_keys(void **state)
{
	struct rta_cacheinfo used = { .rta_used = 5, .rta_expires = 100 };
	struct fixture t;
	uint64_t key;

	(void)state;
	open_route(&t);
	put_u32(&t, RTA_OIF, 3);
	build(&t);
	key = source_routes.key(&t.row);
	message_put(&t.m, RTA_CACHEINFO, &used, sizeof(used));
	build(&t);
	assert_true(source_routes.key(&t.row) == key);
	((struct rtmsg *)((char *)t.copy + NLMSG_HDRLEN))->rtm_flags = RTNH_F_LINKDOWN;
	assert_true(source_routes.key(&t.row) == key);
	((struct rtmsg *)((char *)t.copy + NLMSG_HDRLEN))->rtm_flags = RTM_F_CLONED;
	assert_true(source_routes.key(&t.row) != key);
	put_u32(&t, RTA_PRIORITY, 9);
	build(&t);
	assert_true(source_routes.key(&t.row) != key);
	done(&t);
}

/* What a cached route tells: an expiry with a sign, an error, flags of another kind. */
static void test_cached(void **state)
{
	const struct rta_cacheinfo c = { .rta_expires = -250,
					 .rta_error = (uint32_t)-101,
					 .rta_lastuse = 350,
					 .rta_clntref = 2 };
	const struct rtmsg r = { .rtm_family = AF_INET,
				 .rtm_dst_len = 32,
				 .rtm_flags = RTM_F_CLONED | 0x20000000 | RTNH_F_ONLINK };
	struct fixture t;
	struct value v;

	(void)state;
	open_route(&t);
	message_begin(&t.m, RTM_NEWROUTE, &r, sizeof(r));
	message_put(&t.m, RTA_CACHEINFO, &c, sizeof(c));
	build(&t);
	assert_true(get(&t, "expires", &v));
	assert_true(v.real == -2.5);
	assert_int_equal(number(&t, "error"), -101);
	assert_int_equal(number(&t, "users"), 2);
	assert_true(get(&t, "lastuse", &v));
	assert_true(v.real == 3.5);
	assert_text(&t, "flags", "onlink,cloned");
	assert_text(&t, "cache_flags", "multicast");
	assert_false(get(&t, "metric", &v));
	/* an address that is not there, and one that is too long */
	assert_false(get(&t, "dst", &v));
	done(&t);
}

/* The upper byte of a weight counts only when the kernel says that it is clear otherwise. */
static void test_weights(void **state)
{
	const struct nexthop_grp group[] = { { .id = 1, .weight = 2, .resvd1 = 1 }, { .id = 2 } };
	const struct nhmsg nh = { .nh_family = AF_UNSPEC };
	const struct field *f = source_field(&source_nexthops, "group");
	struct fixture t;
	struct value v, part;
	struct row row;

	(void)state;
	for (int clear = 0; clear < 2; clear++) {
		open_route(&t);
		t.source = &source_nexthops;
		message_begin(&t.m, RTM_NEWNEXTHOP, &nh, sizeof(nh));
		message_put(&t.m, NHA_GROUP, group, sizeof(group) - 3);
		if (clear)
			put_u32(&t, 14, UINT32_C(1) << 31);
		build(&t);
		assert_true(get(&t, "group", &v));
		assert_int_equal(v.list.n, 1); /* the second is cut */
		item_row(f, &v.list.items[0], t.env, &row);
		assert_true(field_get(source_field(f->rows, "weight"), &row, &part));
		assert_int_equal(part.num, clear ? 259 : 3);
		assert_false(get(&t, "family", &v));
		done(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tunnels), cmocka_unit_test(test_segments_that_lie),
		cmocka_unit_test(test_paths),	cmocka_unit_test(test_paths_that_lie),
		cmocka_unit_test(test_keys),	cmocka_unit_test(test_cached),
		cmocka_unit_test(test_weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
