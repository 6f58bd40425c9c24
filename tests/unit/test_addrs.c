/*
 * The sources addrs, neighs and maddrs without a kernel: declarations, built
 * messages that are short, long, damaged or of kinds that this kernel lacks,
 * hostile lines of /proc, and the table of where rows lead to.
 */
#include "connsh/query.h"
#include "source/maddrs.h"
#include "source/neighs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <ctype.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct source *const ours[] = { &source_addrs, &source_neighs, &source_maddrs };
#define NOURS (sizeof(ours) / sizeof(ours[0]))

static void test_declarations(void **state)
{
	(void)state;
	for (size_t i = 0; i < NOURS; i++) {
		for (const struct field *f = ours[i]->fields; f->name; f++) {
			size_t len = strlen(f->doc);

			for (const char *p = f->name; *p; p++)
				assert_true(islower(*p) || isdigit(*p) || *p == '_');
			for (const struct field *g = ours[i]->fields; g < f; g++)
				assert_string_not_equal(f->name, g->name);
			assert_true(len > 5 && f->doc[len - 1] == '.');
			assert_non_null(f->from);
			assert_true((f->type == FT_ENUM) == (f->names != NULL));
			assert_true(f->attr <= ours[i]->shape->max_attr || f->in[0]);
			assert_true(ours[i]->shape->max_attr < ROW_ATTRS);
		}
	}
}

/* ---- built messages ------------------------------------------------------------- */

struct built {
	_Alignas(8) unsigned char buf[2048];
	size_t len;
};

static void begin(struct built *m, const void *header, size_t len)
{
	memset(m->buf, 0, NLMSG_HDRLEN + NLMSG_ALIGN(len));
	memcpy(m->buf + NLMSG_HDRLEN, header, len);
	m->len = NLMSG_HDRLEN + NLMSG_ALIGN(len);
}

static void attr(struct built *m, uint16_t type, const void *data, size_t len)
{
	assert_true(nl_attr_put(m->buf, &m->len, sizeof(m->buf), type, data, len));
}

static struct env *env;

static int make_env(void **state)
{
	(void)state;
	env = env_new(NULL);
	return env ? 0 : -1;
}

static int drop_env(void **state)
{
	(void)state;
	env_unref(env);
	return 0;
}

/* The row of a message that ends after len bytes, in memory that ends there too. */
static struct row row_of(const struct source *s, const struct built *m, size_t len)
{
	struct row row = { .source = s, .shape = s->shape, .env = env };
	struct nlmsghdr *h = malloc(len);

	assert_non_null(h);
	memcpy(h, m->buf, len);
	h->nlmsg_len = (uint32_t)len;
	row.msg = h;
	return row;
}

static void row_free(struct row *row)
{
	free((void *)(uintptr_t)row->msg);
}

/* The field as text; "-" when it is absent. */
static const char *shown(const struct source *s, const struct built *m, const char *field)
{
	static char text[VALUE_TEXT_MAX + 1];
	const struct field *f = source_field(s, field);
	struct row row = row_of(s, m, m->len);
	char buf[VALUE_TEXT_MAX];
	struct value v;
	size_t len;

	assert_non_null(f);
	strcpy(text, "-");
	if (field_get(f, &row, &v)) {
		const char *p = value_text(f, &v, buf, &len);

		assert_true(len <= VALUE_TEXT_MAX);
		memcpy(text, p, len);
		text[len] = '\0';
	}
	row_free(&row);
	return text;
}

/* Every field of every cut of the message: nothing is read beyond its end. */
static void cut(const struct source *s, const struct built *m)
{
	for (size_t len = NLMSG_HDRLEN + s->shape->header; len <= m->len; len++) {
		struct row row = row_of(s, m, len);
		struct value v;

		for (const struct field *f = s->fields; f->name; f++)
			field_get(f, &row, &v);
		assert_true(s->key(&row) != 0);
		row_free(&row);
	}
}

/* Each attribute with every length up to 40: fields come or do not, and nothing else. */
static void lengths(const struct source *s, const void *header)
{
	unsigned char bytes[40];

	for (unsigned fill = 0; fill < 256; fill += 255) {
		memset(bytes, (int)fill, sizeof(bytes));
		for (unsigned type = 1; type <= s->shape->max_attr + 2; type++) {
			for (size_t len = 0; len <= sizeof(bytes); len++) {
				struct built m;

				begin(&m, header, s->shape->header);
				attr(&m, (uint16_t)type, bytes, len);
				cut(s, &m);
			}
		}
	}
}

static const unsigned char ip4[] = { 10, 0, 0, 1 }, peer4[] = { 10, 0, 0, 130 };
static const unsigned char ip6[16] = { 0xfd, [15] = 1 };
static const unsigned char mac[] = { 2, 0, 0, 0, 0, 5 };

static void test_addresses(void **state)
{
	struct ifaddrmsg h = { .ifa_family = AF_INET, .ifa_prefixlen = 25, .ifa_flags = 0x81 };
	struct ifa_cacheinfo cache = { 5, UINT32_MAX, 1234, 250 };
	uint32_t flags = 0xf01;
	uint8_t proto = 3;
	struct built m;

	(void)state;
	begin(&m, &h, sizeof(h));
	assert_string_equal(shown(&source_addrs, &m, "flags"), "secondary,permanent");
	assert_string_equal(shown(&source_addrs, &m, "addr"), "-");
	assert_string_equal(shown(&source_addrs, &m, "network"), "-");
	attr(&m, IFA_ADDRESS, peer4, 4);
	assert_string_equal(shown(&source_addrs, &m, "addr"), "10.0.0.130");
	assert_string_equal(shown(&source_addrs, &m, "peer"), "-");
	attr(&m, IFA_LOCAL, ip4, 4);
	attr(&m, IFA_ANYCAST, ip4, 4);
	attr(&m, IFA_FLAGS, &flags, 4);
	attr(&m, IFA_CACHEINFO, &cache, sizeof(cache));
	attr(&m, IFA_PROTO, &proto, 1);
	attr(&m, IFA_LABEL, "a\nb", 4);
	assert_string_equal(shown(&source_addrs, &m, "addr"), "10.0.0.1");
	assert_string_equal(shown(&source_addrs, &m, "peer"), "10.0.0.130");
	assert_string_equal(shown(&source_addrs, &m, "network"), "10.0.0.128/25");
	assert_string_equal(shown(&source_addrs, &m, "anycast"), "10.0.0.1");
	assert_string_equal(shown(&source_addrs, &m, "flags"),
			    "secondary,mngtmpaddr,noprefixroute,mcautojoin,stable-privacy");
	assert_string_equal(shown(&source_addrs, &m, "valid_lft"), "-");
	assert_string_equal(shown(&source_addrs, &m, "preferred_lft"), "5");
	assert_string_equal(shown(&source_addrs, &m, "created"), "12.34");
	assert_string_equal(shown(&source_addrs, &m, "updated"), "2.5");
	assert_string_equal(shown(&source_addrs, &m, "proto"), "kernel_ll");
	assert_string_equal(shown(&source_addrs, &m, "label"), "a\nb");
	cut(&source_addrs, &m);
	lengths(&source_addrs, &h);
}

static void test_address_values(void **state)
{
	struct ifaddrmsg h = { .ifa_family = AF_INET6, .ifa_prefixlen = 200, .ifa_flags = 0x01 };
	uint8_t proto = 0;
	struct built m;

	(void)state;
	begin(&m, &h, sizeof(h));
	attr(&m, IFA_ADDRESS, ip6, 16);
	assert_string_equal(shown(&source_addrs, &m, "network"), "-"); /* no such prefix */
	assert_string_equal(shown(&source_addrs, &m, "flags"), "temporary");
	attr(&m, IFA_PROTO, &proto, 1);
	assert_string_equal(shown(&source_addrs, &m, "proto"), "-");
	h.ifa_prefixlen = 0;
	h.ifa_scope = 99;
	h.ifa_flags = 0;
	begin(&m, &h, sizeof(h));
	attr(&m, IFA_ADDRESS, ip6, 16);
	assert_string_equal(shown(&source_addrs, &m, "network"), "::/0");
	assert_string_equal(shown(&source_addrs, &m, "scope"), "99");
	assert_string_equal(shown(&source_addrs, &m, "flags"), "-");
	assert_string_equal(shown(&source_addrs, &m, "dev"), "-");
	assert_string_equal(shown(&source_addrs, &m, "dev_index"), "-");
	/* an address of no length is none */
	begin(&m, &h, sizeof(h));
	attr(&m, IFA_ADDRESS, ip6, 15);
	assert_string_equal(shown(&source_addrs, &m, "addr"), "-");
}

static void test_neighbours(void **state)
{
	struct ndmsg h = { .ndm_family = AF_BRIDGE, .ndm_flags = NTF_SELF | NTF_OFFLOADED };
	struct nda_cacheinfo cache = { 100, 250, 1, 3 };
	unsigned char nest[64];
	uint16_t vlan = 100, port = 0xb612; /* 4790 */
	uint32_t vni = 7, ext = 7;
	uint8_t notify = 3;
	size_t len = 0;
	struct built m;

	(void)state;
	nl_attr_put(nest, &len, sizeof(nest), NFEA_ACTIVITY_NOTIFY, &notify, 1);
	nl_attr_put(nest, &len, sizeof(nest), NFEA_DONT_REFRESH, NULL, 0);
	h.ndm_state = NUD_NOARP | NUD_REACHABLE;
	begin(&m, &h, sizeof(h));
	attr(&m, NDA_LLADDR, mac, 6);
	attr(&m, NDA_DST, ip6, 16);
	attr(&m, NDA_VLAN, &vlan, 2);
	attr(&m, NDA_PORT, &port, 2);
	attr(&m, NDA_VNI, &vni, 4);
	attr(&m, NDA_SRC_VNI, &vni, 4);
	attr(&m, NDA_NH_ID, &vni, 4);
	attr(&m, NDA_LINK_NETNSID, &vni, 4);
	attr(&m, NDA_PROBES, &vni, 4);
	attr(&m, NDA_CACHEINFO, &cache, sizeof(cache));
	attr(&m, NDA_FLAGS_EXT, &ext, 4);
	attr(&m, NDA_FDB_EXT_ATTRS | NLA_F_NESTED, nest, len);
	assert_string_equal(shown(&source_neighs, &m, "family"), "bridge");
	assert_string_equal(shown(&source_neighs, &m, "lladdr"), "02:00:00:00:00:05");
	assert_string_equal(shown(&source_neighs, &m, "addr"), "fd00::1");
	assert_string_equal(shown(&source_neighs, &m, "state"), "noarp");
	assert_string_equal(shown(&source_neighs, &m, "flags"),
			    "self,offloaded,managed,locked,ext_validated");
	assert_string_equal(shown(&source_neighs, &m, "vlan"), "100");
	assert_string_equal(shown(&source_neighs, &m, "port"), "4790");
	assert_string_equal(shown(&source_neighs, &m, "vni"), "7");
	assert_string_equal(shown(&source_neighs, &m, "src_vni"), "7");
	assert_string_equal(shown(&source_neighs, &m, "nhid"), "7");
	assert_string_equal(shown(&source_neighs, &m, "link_netnsid"), "7");
	assert_string_equal(shown(&source_neighs, &m, "probes"), "7");
	assert_string_equal(shown(&source_neighs, &m, "confirmed"), "-");
	assert_string_equal(shown(&source_neighs, &m, "used"), "2.5");
	assert_string_equal(shown(&source_neighs, &m, "updated"), "0.01");
	assert_string_equal(shown(&source_neighs, &m, "refs"), "3");
	assert_string_equal(shown(&source_neighs, &m, "activity"), "notify,inactive");
	assert_string_equal(shown(&source_neighs, &m, "norefresh"), "true");
	assert_string_equal(shown(&source_neighs, &m, "type"), "-");
	assert_string_equal(shown(&source_neighs, &m, "proxy"), "false");
	assert_string_equal(shown(&source_neighs, &m, "master"), "-");
	cut(&source_neighs, &m);
	lengths(&source_neighs, &h);
}

/* Two bits at once, and bits that no header names yet. */
static void test_neighbour_states(void **state)
{
	static const struct {
		uint16_t state;
		const char *name;
	} rows[] = {
		{ 0, "none" },
		{ NUD_INCOMPLETE, "incomplete" },
		{ NUD_PERMANENT | NUD_NOARP, "permanent" },
		{ NUD_DELAY, "delay" },
		{ 0x300, "768" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ndmsg h = { .ndm_family = AF_INET, .ndm_state = rows[i].state };
		struct built m;

		begin(&m, &h, sizeof(h));
		assert_string_equal(shown(&source_neighs, &m, "state"), rows[i].name);
	}
}

static uint64_t key_of(const struct source *s, const struct built *m)
{
	struct row row = row_of(s, m, m->len);
	uint64_t key = s->key(&row);

	row_free(&row);
	return key;
}

/* What tells entries apart is in the key, and what may change is not. */
static void test_keys(void **state)
{
	struct ndmsg h = { .ndm_family = AF_BRIDGE, .ndm_ifindex = 3 };
	uint16_t vlan = 1;
	uint64_t keys[6];
	struct built m;

	(void)state;
	begin(&m, &h, sizeof(h));
	keys[0] = key_of(&source_neighs, &m);
	attr(&m, NDA_LLADDR, mac, 6);
	keys[1] = key_of(&source_neighs, &m);
	attr(&m, NDA_DST, ip4, 4);
	keys[2] = key_of(&source_neighs, &m);
	attr(&m, NDA_VLAN, &vlan, 2);
	keys[3] = key_of(&source_neighs, &m);
	h.ndm_flags = NTF_SELF;
	memcpy(m.buf + NLMSG_HDRLEN, &h, sizeof(h));
	keys[4] = key_of(&source_neighs, &m);
	h.ndm_ifindex = 4;
	memcpy(m.buf + NLMSG_HDRLEN, &h, sizeof(h));
	keys[5] = key_of(&source_neighs, &m);
	for (size_t i = 0; i < 6; i++)
		for (size_t j = 0; j < i; j++)
			assert_true(keys[i] != keys[j]);
	h.ndm_state = NUD_STALE;
	memcpy(m.buf + NLMSG_HDRLEN, &h, sizeof(h));
	assert_true(key_of(&source_neighs, &m) == keys[5]);
	/* a neighbour of IP keeps its key when its link layer address changes */
	h = (struct ndmsg){ .ndm_family = AF_INET };
	begin(&m, &h, sizeof(h));
	attr(&m, NDA_DST, ip4, 4);
	keys[0] = key_of(&source_neighs, &m);
	attr(&m, NDA_LLADDR, mac, 6);
	assert_true(key_of(&source_neighs, &m) == keys[0]);
}

/* ---- lines of /proc ------------------------------------------------------------- */

/* The fields of the row that a line makes, as "field=text ..."; "" when it makes none. */
static const char *line(uint8_t family, const char *text, size_t len, struct maddr_at *at)
{
	static char out[512];
	struct message msg = { 0 };
	struct built m;
	char *copy = malloc(len ? len : 1); /* without a NUL behind it */
	bool made;

	assert_non_null(copy);
	memcpy(copy, text, len);
	out[0] = '\0';
	made = maddr_line(family, copy, len, at, &msg);
	free(copy);
	if (made) {
		const struct nlmsghdr *h = message_end(&msg);

		assert_non_null(h);
		assert_true(h->nlmsg_len <= sizeof(m.buf));
		memcpy(m.buf, h, h->nlmsg_len);
		m.len = h->nlmsg_len;
		for (const struct field *f = source_maddrs.fields; f->name; f++) {
			const char *value = shown(&source_maddrs, &m, f->name);

			if (strcmp(value, "-") != 0)
				snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s=%s",
					 out[0] ? " " : "", f->name, value);
		}
		cut(&source_maddrs, &m);
	}
	message_free(&msg);
	return out;
}

static const char *text_line(const char *text, struct maddr_at *at)
{
	return line(AF_INET, text, strlen(text), at);
}

static void check_line(uint8_t family, const char *text, const char *want)
{
	struct maddr_at at = { .ifindex = 4, .dev = "eth0", .len = 4 };

	assert_string_equal(line(family, text, strlen(text), &at), want);
}

static void test_link_lines(void **state)
{
	(void)state;
	check_line(AF_PACKET, "4    eth0            2     1     01005e000001",
		   "dev=eth0 dev_index=4 family=link lladdr=01:00:5e:00:00:01 users=2 static=true");
	check_line(AF_PACKET, "4 e\xc3\xa9\x1b 1 0 0a000001",
		   "dev=e\xc3\xa9\x1b dev_index=4 family=link lladdr=0a:00:00:01 users=1 "
		   "static=false");
	/* numbers that are none leave their fields out */
	check_line(AF_PACKET, "4 eth0 x -1 0a01", "dev=eth0 dev_index=4 family=link lladdr=0a:01");
	check_line(AF_PACKET, "4 eth0 99999999999999999999 4294967296 0a01",
		   "dev=eth0 dev_index=4 family=link lladdr=0a:01");
	/* these are no rows */
	check_line(AF_PACKET, "", "");
	check_line(AF_PACKET, "    ", "");
	check_line(AF_PACKET, "0 eth0 1 0 01005e000001", "");
	check_line(AF_PACKET, "x eth0 1 0 01005e000001", "");
	check_line(AF_PACKET, "4294967296 eth0 1 0 01005e000001", "");
	check_line(AF_PACKET, "4 eth0 1 0 01005e00000", "");
	check_line(AF_PACKET, "4 eth0 1 0 01005e00000g", "");
	check_line(AF_PACKET, "4 eth0 1 0", "");
	check_line(AF_PACKET, "4 a_name_of_16_long 1 0 01005e000001", "");
	check_line(AF_PACKET,
		   "4 eth0 1 0 0000000000000000000000000000000000000000000000000000000000000000aa",
		   "");
}

static void test_igmp6_lines(void **state)
{
	(void)state;
	check_line(AF_INET6,
		   "4    eth0            ff020000000000000000000000000001     1 0000000C 0",
		   "dev=eth0 dev_index=4 family=inet6 addr=ff02::1 users=1 reporter=false");
	check_line(AF_INET6, "4 eth0 ff050000000000000000000000010003 3 00000003 250",
		   "dev=eth0 dev_index=4 family=inet6 addr=ff05::1:3 users=3 timer=2.5 "
		   "reporter=true");
	/* a timer that has just run out */
	check_line(AF_INET6, "4 eth0 ff050000000000000000000000010003 3 00000001 -1",
		   "dev=eth0 dev_index=4 family=inet6 addr=ff05::1:3 users=3 reporter=false");
	check_line(AF_INET6, "4 eth0 ff050000000000000000000000010003",
		   "dev=eth0 dev_index=4 family=inet6 addr=ff05::1:3");
	check_line(AF_INET6, "4 eth0 ff0500000000000000000000000100 3 00000001 1", "");
	check_line(AF_INET6, "4 eth0 ff05000000000000000000000001000300 3 00000001 1", "");
	check_line(AF_INET6, "4 eth0 ff05:0000:0000:0000:0000:0001:00 3 00000001 1", "");
}

static void test_igmp_lines(void **state)
{
	static const char group[] = "\t\t\t\tFAFFFFEF     1 0:00000000\t\t0";
	static const char *const headers[] = {
		"eth0",
		"4 eth0",
		"4\t:     1      V3",
		"0\teth0      :     1      V3",
		"4\teth0 x :  1 V3",
		"x\teth0: 1 V3",
		"Idx\tDevice    : Count Querier\tGroup",
		"4\ta_name_of_16_long: 1 V3",
		"",
		":",
		"4\t\t:",
	};
	struct maddr_at at = { 0 };

	(void)state;
	assert_string_equal(text_line(group, &at), ""); /* whose is it? */
	assert_string_equal(text_line("7\tdevice1tap2abcd:     1      V2", &at), "");
	assert_int_equal(at.ifindex, 7);
	assert_string_equal(at.dev, "device1tap2abcd");
	assert_string_equal(text_line(group, &at),
			    "dev=device1tap2abcd dev_index=7 family=inet addr=239.255.255.250 "
			    "users=1 reporter=false version=2");
	assert_string_equal(text_line("4\teth0      :     1    NONE", &at), "");
	assert_string_equal(text_line("\t\t\t\tFAFFFFEF 2 1:000000FA\t\t1", &at),
			    "dev=eth0 dev_index=4 family=inet addr=239.255.255.250 users=2 "
			    "timer=2.5 reporter=true");
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		at.ifindex = 3;
		assert_string_equal(text_line(headers[i], &at), "");
		/* groups behind a damaged line are nobody's rather than another's */
		assert_int_equal(at.ifindex, 0);
		assert_string_equal(text_line(group, &at), "");
	}
	check_line(AF_INET, "\t", "");
	check_line(AF_INET, "\tFAFFFFEF", "dev=eth0 dev_index=4 family=inet addr=239.255.255.250");
	check_line(AF_INET, "\tFAFFFFEF 1 1: 0",
		   "dev=eth0 dev_index=4 family=inet addr=239.255.255.250 users=1 reporter=false");
	check_line(AF_INET, "\tFAFFFFEF 1 1 0",
		   "dev=eth0 dev_index=4 family=inet addr=239.255.255.250 users=1 reporter=false");
	check_line(AF_INET, "\tFAFFFFEF 1 1:FFFFFFFFFFFFFFFF 1",
		   "dev=eth0 dev_index=4 family=inet addr=239.255.255.250 users=1 reporter=true");
	check_line(AF_INET, "\t1FAFFFFEF 1 0:0 0", "");
	check_line(AF_INET, "\t-AFFFFEF 1 0:0 0", "");
}

/* A text in which a line of an interface is missing, and such as only look so. */
static void test_torn_texts(void **state)
{
#define IGMP_LO	   "Idx\tDevice    : Count Querier\tGroup\n1\tlo        :     1      V3\n"
#define IGMP_ETH   "2\teth0      :     2      V3\n"
#define GROUP(hex) "\t\t\t\t" hex "     1 0:00000000\t\t0\n"
	static const struct {
		const char *text;
		int torn;
	} rows[] = {
		{ "", 0 },
		{ "\n\n", 0 },
		{ IGMP_LO GROUP("010000E0"), 0 },
		{ IGMP_LO GROUP("010000E0") IGMP_ETH GROUP("FAFFFFEF") GROUP("010000E0"), 0 },
		/* one has gone meanwhile */
		{ IGMP_LO GROUP("010000E0") IGMP_ETH GROUP("FAFFFFEF"), 0 },
		/* reading went on one group too early */
		{ IGMP_LO GROUP("010000E0") IGMP_ETH GROUP("FAFFFFEF") GROUP("FAFFFFEF")
			  GROUP("010000E0"),
		  0 },
		/* the line of eth0 is missing, at the end and before another */
		{ IGMP_LO GROUP("010000E0") GROUP("FAFFFFEF") GROUP("010000E0"), 1 },
		{ IGMP_LO GROUP("010000E0") GROUP("FAFFFFEF") IGMP_ETH GROUP("FAFFFFEF"), 1 },
		/* nothing is known of groups without an interface, nor of one without a count */
		{ GROUP("010000E0") GROUP("FAFFFFEF"), 0 },
		{ "1\tlo:\n" GROUP("010000E0") GROUP("FAFFFFEF"), 0 },
		{ "1\tlo: 0\n" GROUP("010000E0"), 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].text);

		assert_int_equal(igmp_torn(rows[i].text, len), rows[i].torn);
		for (size_t n = 0; n < len; n++) {
			char *copy = malloc(n ? n : 1);

			assert_non_null(copy);
			memcpy(copy, rows[i].text, n);
			assert_true(igmp_torn(copy, n) >= 0);
			free(copy);
		}
	}
}

/* Each line cut at every byte, and with every byte changed. */
static void test_damaged_lines(void **state)
{
	static const struct {
		uint8_t family;
		const char *text;
	} lines[] = {
		{ AF_PACKET, "4    eth0            2     1     01005e000001" },
		{ AF_INET6, "4    eth0 ff020000000000000000000000000001     1 00000003 12" },
		{ AF_INET, "4\teth0      :     1      V3" },
		{ AF_INET, "\t\t\t\tFAFFFFEF     1 1:0000000F\t\t0" },
	};
	static const char bytes[] = { '\0', '\n', '\t', ' ', ':', '-', '9', 'f', 'z', '\xff' };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t len = strlen(lines[i].text);

		for (size_t at = 0; at < len; at++) {
			struct maddr_at kept = { .ifindex = 4, .dev = "eth0", .len = 4 };
			char copy[128];

			line(lines[i].family, lines[i].text, at, &kept);
			for (size_t b = 0; b < sizeof(bytes); b++) {
				memcpy(copy, lines[i].text, len);
				copy[at] = bytes[b];
				kept.ifindex = 4;
				line(lines[i].family, copy, len, &kept);
			}
		}
	}
}

/* ---- parts and navigation ---------------------------------------------------------- */

static unsigned parts_of(const struct source *s, const char *field, const char *value)
{
	struct query *q = query_new(s);
	struct plan *p = calloc(1, sizeof(*p));
	struct value raw = { .kind = VALUE_TEXT };
	struct cond c = { .field = source_field(s, field), .op = OP_EQ };
	unsigned n;

	assert_true(q && p && c.field);
	raw.text.p = value;
	raw.text.len = strlen(value);
	assert_int_equal(cond_add(&c, &raw, NULL), 0);
	assert_true(query_and(q, node_cond(&c)));
	assert_true(plan_make(q, 0, env, p));
	n = p->nparts;
	free(p);
	query_unref(q);
	return n;
}

static void test_parts(void **state)
{
	(void)state;
	assert_int_equal(parts_of(&source_addrs, "family", "inet6"), 1);
	assert_int_equal(parts_of(&source_addrs, "addr", "::1"), 2);
	assert_int_equal(parts_of(&source_neighs, "family", "inet"), 2);
	assert_int_equal(parts_of(&source_neighs, "proxy", "true"), 2);
	assert_int_equal(parts_of(&source_neighs, "family", "bridge"), 1);
	assert_int_equal(parts_of(&source_neighs, "vlan", "7"), 1);
	assert_int_equal(parts_of(&source_neighs, "master", "br0"), 1);
	assert_int_equal(parts_of(&source_neighs, "lladdr", "02:00:00:00:00:01"), 4);
	assert_int_equal(parts_of(&source_maddrs, "lladdr", "02:00:00:00:00:01"), 1);
	assert_int_equal(parts_of(&source_maddrs, "addr", "224.0.0.1"), 2);
	assert_int_equal(parts_of(&source_maddrs, "version", "3"), 1);
	assert_int_equal(parts_of(&source_maddrs, "dev", "lo"), 3);
}

/* A name leads to one place, and is no field. */
static void test_navs(void **state)
{
	unsigned found = 0;

	(void)state;
	for (size_t s = 0; sources[s]; s++) {
		struct nav nav, other;

		for (size_t i = 0; source_nav(sources[s], i, &nav); i++, found++) {
			assert_null(source_field(sources[s], nav.name));
			assert_true(nav.doc[strlen(nav.doc) - 1] == '.');
			assert_non_null(nav.to);
			assert_non_null(nav.ours);
			if (nav.kind != NAV_ROUTE) {
				assert_non_null(nav.theirs);
				assert_int_equal(nav.theirs->type, nav.ours->type);
			}
			for (size_t j = 0; j < i; j++) {
				assert_true(source_nav(sources[s], j, &other));
				assert_string_not_equal(other.name, nav.name);
			}
		}
	}
	assert_true(found >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_declarations),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_address_values),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_neighbour_states),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_link_lines),
		cmocka_unit_test(test_igmp6_lines),
		cmocka_unit_test(test_igmp_lines),
		cmocka_unit_test(test_torn_texts),
		cmocka_unit_test(test_damaged_lines),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_navs),
	};

	return cmocka_run_group_tests(tests, make_env, drop_env);
}
