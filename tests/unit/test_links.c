/*
 * The source `links` by built messages: the data of kinds that a kernel may lack,
 * each attribute by its number in Documentation/netlink/specs/rt-link.yaml of the
 * kernel, and messages that are cut, too long, wrongly nested or unknown.
 */
#include "source/links.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <ctype.h>
#include <linux/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct fact {
	const char *kind; /* of the link, or (member) of its master */
	bool member;
	uint16_t attr;
	const char *bytes;
	size_t len;
	const char *field, *want;
};

#define DATA(kind, attr, bytes, field, want)                             \
	{                                                                \
		kind, false, attr, bytes, sizeof(bytes) - 1, field, want \
	}
#define MEMBER(kind, attr, bytes, field, want)                          \
	{                                                               \
		kind, true, attr, bytes, sizeof(bytes) - 1, field, want \
	}
#define V6	"\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07"
#define V6_NONE "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

/* clang-format off */
static const struct fact facts[] = {
	DATA("bond", 1, "\4", "bond_mode", "802.3ad"),
	DATA("bond", 1, "\1", "bond_mode", "active-backup"),
	DATA("bond", 2, "\1\0\0\0", "bond_active_slave", "lo"),
	DATA("bond", 3, "\144\0\0\0", "bond_miimon", "0.1"),
	DATA("bond", 4, "\310\0\0\0", "bond_updelay", "0.2"),
	DATA("bond", 5, "\1\0\0\0", "bond_downdelay", "0.001"),
	DATA("bond", 6, "\1", "bond_use_carrier", "true"),
	DATA("bond", 7, "\144\0\0\0", "bond_arp_interval", "0.1"),
	DATA("bond", 8, "\10\0\0\0\177\0\0\2\10\0\1\0\177\0\0\3", "bond_arp_ip_target",
	     "127.0.0.2,127.0.0.3"),
	DATA("bond", 9, "\4\0\0\0", "bond_arp_validate", "filter"),
	DATA("bond", 10, "\1\0\0\0", "bond_arp_all_targets", "all"),
	DATA("bond", 11, "\1\0\0\0", "bond_primary", "lo"),
	DATA("bond", 12, "\2", "bond_primary_reselect", "failure"),
	DATA("bond", 13, "\2", "bond_fail_over_mac", "follow"),
	DATA("bond", 14, "\1", "bond_xmit_hash_policy", "layer3+4"),
	DATA("bond", 15, "\3\0\0\0", "bond_resend_igmp", "3"),
	DATA("bond", 16, "\5", "bond_num_peer_notif", "5"),
	DATA("bond", 17, "\1", "bond_all_slaves_active", "true"),
	DATA("bond", 18, "\2\0\0\0", "bond_min_links", "2"),
	DATA("bond", 19, "\2\0\0\0", "bond_lp_interval", "2"),
	DATA("bond", 20, "\7\0\0\0", "bond_packets_per_slave", "7"),
	DATA("bond", 21, "\1", "bond_lacp_rate", "fast"),
	DATA("bond", 22, "\2", "bond_ad_select", "count"),
	DATA("bond", 23, "\6\0\1\0\5\0\0\0", "bond_ad_aggregator", "5"),
	DATA("bond", 23, "\6\0\2\0\6\0\0\0", "bond_ad_num_ports", "6"),
	DATA("bond", 23, "\6\0\3\0\7\0\0\0", "bond_ad_actor_key", "7"),
	DATA("bond", 23, "\6\0\4\0\10\0\0\0", "bond_ad_partner_key", "8"),
	DATA("bond", 23, "\12\0\5\0\2\0\0\0\0\7\0\0", "bond_ad_partner_lladdr",
	     "02:00:00:00:00:07"),
	DATA("bond", 24, "\1\2", "bond_ad_actor_sys_prio", "513"),
	DATA("bond", 25, "\3\0", "bond_ad_user_port_key", "3"),
	DATA("bond", 26, "\2\0\0\0\0\1", "bond_ad_actor_system", "02:00:00:00:00:01"),
	DATA("bond", 27, "\1", "bond_tlb_dynamic_lb", "true"),
	DATA("bond", 28, "\144\0\0\0", "bond_peer_notif_delay", "0.1"),
	DATA("bond", 29, "\1", "bond_lacp_active", "true"),
	DATA("bond", 30, "\3", "bond_missed_max", "3"),
	DATA("bond", 31, "\24\0\0\0" V6, "bond_ns_ip6_target", "fd00::7"),
	DATA("bond", 32, "\1", "bond_coupled_control", "true"),
	MEMBER("bond", 1, "\1", "bond_slave_state", "backup"),
	MEMBER("bond", 2, "\3", "bond_slave_mii_status", "going_back"),
	MEMBER("bond", 3, "\11\0\0\0", "bond_slave_failures", "9"),
	MEMBER("bond", 4, "\2\0\0\0\0\3", "bond_slave_perm_lladdr", "02:00:00:00:00:03"),
	MEMBER("bond", 5, "\2\0", "bond_slave_queue_id", "2"),
	MEMBER("bond", 6, "\4\0", "bond_slave_ad_aggregator", "4"),
	MEMBER("bond", 7, "\75", "bond_slave_ad_actor_state",
	       "activity,aggregation,synchronization,collecting,distributing"),
	MEMBER("bond", 8, "\302\0", "bond_slave_ad_partner_state", "timeout,defaulted,expired"),
	MEMBER("bond", 9, "\376\377\377\377", "bond_slave_prio", "-2"),
	MEMBER("bond", 10, "\377\0", "bond_slave_ad_port_prio", "255"),
	MEMBER("bond", 11, "\1", "bond_slave_ad_actor_churn", "churned"),
	MEMBER("bond", 12, "\2", "bond_slave_ad_partner_churn", "none"),
	DATA("vlan", 1, "\5\0", "vlan_id", "5"),
	DATA("vlan", 2, "\3\0\0\0\377\377\377\377", "vlan_flags", "reorder_hdr,gvrp"),
	DATA("vlan", 5, "\210\250", "vlan_protocol", "802.1ad"),
	DATA("vlan", 5, "\201\0", "vlan_protocol", "802.1q"),
	DATA("vrf", 1, "\350\3\0\0", "vrf_table", "1000"),
	MEMBER("vrf", 1, "\350\3\0\0", "vrf_member_table", "1000"),
	DATA("ipvlan", 1, "\2\0", "ipvlan_mode", "l3s"),
	DATA("ipvtap", 2, "\1\0", "ipvlan_flags", "private"),
	DATA("macvtap", 1, "\4\0\0\0", "macvlan_mode", "bridge"),
	DATA("macvlan", 2, "\3\0", "macvlan_flags", "nopromisc,nodst"),
	DATA("macvlan", 9, "\377\377\377\377", "macvlan_bc_cutoff", "-1"),
	DATA("netkit", 2, "\1", "netkit_primary", "true"),
	DATA("netkit", 3, "\2\0\0\0", "netkit_policy", "blackhole"),
	DATA("netkit", 4, "\0\0\0\0", "netkit_peer_policy", "forward"),
	DATA("netkit", 5, "\1\0\0\0", "netkit_mode", "l3"),
	DATA("netkit", 6, "\0\0\0\0", "netkit_scrub", "none"),
	DATA("netkit", 7, "\1\0\0\0", "netkit_peer_scrub", "default"),
	DATA("netkit", 8, "\100\0", "netkit_headroom", "64"),
	DATA("netkit", 9, "\41\0", "netkit_tailroom", "33"),
	DATA("xfrm", 1, "\1\0\0\0", "xfrm_dev", "lo"),
	DATA("xfrm", 2, "\7\0\0\0", "xfrm_if_id", "7"),
	DATA("xfrm", 3, "", "xfrm_external", "true"),
	DATA("bridge", 7, "\1", "bridge_vlan_filtering", "true"),
	DATA("bridge", 8, "\201\0", "bridge_vlan_protocol", "802.1q"),
	DATA("bridge", 10, "\20\0\2\0\0\0\0\1", "bridge_root_priority", "4096"),
	DATA("bridge", 10, "\20\0\2\0\0\0\0\1", "bridge_root_lladdr", "02:00:00:00:00:01"),
	DATA("bridge", 12, "\2\0", "bridge_root_port", "2"),
	DATA("bridge", 39, "\3\0", "bridge_vlan_default_pvid", "3"),
	DATA("bridge", 41, "\1", "bridge_vlan_stats", "true"),
	DATA("bridge", 45, "\1", "bridge_vlan_stats_per_port", "true"),
	DATA("bridge", 46, "\7\0\0\0\377\377\377\377", "bridge_options",
	     "no_ll_learn,mcast_vlan_snooping,mst_enabled"),
	DATA("bridge", 47, "\10\0\1\0\177\0\0\1", "bridge_querier", "127.0.0.1"),
	DATA("bridge", 47, "\10\0\2\0\1\0\0\0", "bridge_querier_dev", "lo"),
	DATA("bridge", 47, "\14\0\3\0\144\0\0\0\0\0\0\0", "bridge_querier_timer", "1"),
	DATA("bridge", 47, "\24\0\5\0" V6, "bridge_querier6", "fd00::7"),
	DATA("bridge", 47, "\10\0\6\0\1\0\0\0", "bridge_querier6_dev", "lo"),
	DATA("bridge", 47, "\14\0\7\0\144\0\0\0\0\0\0\0", "bridge_querier6_timer", "1"),
	DATA("bridge", 48, "\7\0\0\0", "bridge_fdb_learned", "7"),
	DATA("bridge", 49, "\10\0\0\0", "bridge_fdb_max_learned", "8"),
	MEMBER("bridge", 34, "\1\0\0\0", "port_backup", "lo"),
	MEMBER("bridge", 35, "\1", "port_mrp_ring_open", "true"),
	MEMBER("bridge", 36, "\1", "port_mrp_in_open", "true"),
	MEMBER("bridge", 40, "\1", "port_mab", "true"),
	MEMBER("bridge", 41, "\3\0\0\0", "port_mcast_groups", "3"),
	MEMBER("bridge", 42, "\4\0\0\0", "port_mcast_max_groups", "4"),
	MEMBER("bridge", 43, "\1", "port_neigh_vlan_suppress", "true"),
	MEMBER("bridge", 44, "\5\0\0\0", "port_backup_nhid", "5"),
	MEMBER("bridge", 11, "\1", "port_learning_sync", "true"),
	DATA("vxlan", 16, V6, "vxlan_remote", "fd00::7"),
	DATA("vxlan", 2, "\177\0\0\1", "vxlan_remote", "127.0.0.1"),
	DATA("vxlan", 31, "\1", "vxlan_localbypass", "true"),
	DATA("vxlan", 32, "\1\0\0\0", "vxlan_label_policy", "inherit"),
	DATA("vxlan", 34, "\1", "vxlan_mc_route", "true"),
	DATA("vxlan", 26, "\0\0\0\7", "vxlan_label", "7"),
	DATA("vxlan", 29, "\2", "vxlan_df", "inherit"),
	DATA("vxlan", 30, "\1", "vxlan_vnifilter", "true"),
	DATA("geneve", 1, "\11\0\0\0", "geneve_vni", "9"),
	DATA("geneve", 2, "\177\0\0\1", "geneve_remote", "127.0.0.1"),
	DATA("geneve", 3, "\7", "geneve_ttl", "7"),
	DATA("geneve", 4, "\1", "geneve_tos", "1"),
	DATA("geneve", 5, "\27\301", "geneve_port", "6081"),
	DATA("geneve", 6, "", "geneve_external", "true"),
	DATA("geneve", 7, V6, "geneve_remote", "fd00::7"),
	DATA("geneve", 8, "\1", "geneve_udp_csum", "true"),
	DATA("geneve", 11, "\0\0\0\3", "geneve_label", "3"),
	DATA("geneve", 12, "\1", "geneve_ttl_inherit", "true"),
	DATA("geneve", 13, "\1", "geneve_df", "set"),
	DATA("gretap", 1, "\1\0\0\0", "gre_dev", "lo"),
	DATA("gre", 2, "\240\0", "gre_iflags", "csum,key"),
	DATA("gre", 3, "\60\0", "gre_oflags", "key,seq"),
	DATA("gre", 4, "\0\0\0\7", "gre_ikey", "7"),
	DATA("gre", 5, "\0\0\1\0", "gre_okey", "256"),
	DATA("gre", 6, "\177\0\0\2", "gre_local", "127.0.0.2"),
	DATA("ip6gre", 6, V6, "gre_local", "fd00::7"),
	DATA("ip6gretap", 7, V6, "gre_remote", "fd00::7"),
	DATA("gre", 8, "\11", "gre_ttl", "9"),
	DATA("gre", 9, "\1", "gre_tos", "1"),
	DATA("gre", 10, "\1", "gre_pmtudisc", "true"),
	DATA("gre", 14, "\1\0", "gre_encap", "fou"),
	DATA("gre", 15, "\5\0", "gre_encap_flags", "csum,remcsum"),
	DATA("gre", 16, "\27\301", "gre_encap_sport", "6081"),
	DATA("gre", 17, "\27\301", "gre_encap_dport", "6081"),
	DATA("gre", 18, "", "gre_external", "true"),
	DATA("gre", 19, "\1", "gre_ignore_df", "true"),
	DATA("gre", 20, "\20\0\0\0", "gre_fwmark", "16"),
	DATA("erspan", 21, "\7\0\0\0", "erspan_index", "7"),
	DATA("erspan", 22, "\2", "erspan_version", "2"),
	DATA("ip6erspan", 23, "\1", "erspan_dir", "egress"),
	DATA("erspan", 24, "\7\0", "erspan_hwid", "7"),
	DATA("ipip", 1, "\1\0\0\0", "iptun_dev", "lo"),
	DATA("sit", 2, "\177\0\0\2", "iptun_local", "127.0.0.2"),
	DATA("ip6tnl", 3, V6, "iptun_remote", "fd00::7"),
	DATA("ipip", 4, "\11", "iptun_ttl", "9"),
	DATA("ipip", 5, "\1", "iptun_tos", "1"),
	DATA("ip6tnl", 6, "\4", "iptun_encap_limit", "4"),
	DATA("ip6tnl", 8, "\101\0\0\0", "iptun_flags", "ign_encap_limit,allow_local_remote"),
	DATA("sit", 8, "\1\0", "iptun_isatap", "true"),
	DATA("ip6tnl", 9, "\51", "iptun_proto", "41"),
	DATA("ipip", 10, "\1", "iptun_pmtudisc", "true"),
	DATA("ipip", 15, "\2\0", "iptun_encap", "gue"),
	DATA("ipip", 17, "\27\301", "iptun_encap_sport", "6081"),
	DATA("ipip", 18, "\27\301", "iptun_encap_dport", "6081"),
	DATA("ipip", 19, "", "iptun_external", "true"),
	DATA("ipip", 20, "\20\0\0\0", "iptun_fwmark", "16"),
	DATA("vti", 1, "\1\0\0\0", "vti_dev", "lo"),
	DATA("vti", 2, "\0\0\0\7", "vti_ikey", "7"),
	DATA("vti", 3, "\0\0\0\10", "vti_okey", "8"),
	DATA("vti", 4, "\177\0\0\2", "vti_local", "127.0.0.2"),
	DATA("vti6", 5, V6, "vti_remote", "fd00::7"),
	DATA("vti", 6, "\20\0\0\0", "vti_fwmark", "16"),
};
/* clang-format on */

#define NFACTS (sizeof(facts) / sizeof(facts[0]))

/* ---- messages ------------------------------------------------------------------------ */

static struct env *env;

static void begin(struct message *m, uint16_t type)
{
	struct ifinfomsg head = { .ifi_index = 7, .ifi_type = type, .ifi_flags = 0x10043 };

	message_begin(m, RTM_NEWLINK, &head, sizeof(head));
}

/* A link of that kind whose data is this one attribute. */
static void build(struct message *m, const struct fact *f, const char *kind, size_t len)
{
	size_t info, data;

	begin(m, ARPHRD_ETHER);
	message_put_text(m, IFLA_IFNAME, "x7");
	info = message_nest(m, IFLA_LINKINFO);
	message_put_text(m, f->member ? IFLA_INFO_SLAVE_KIND : IFLA_INFO_KIND, kind);
	data = message_nest(m, f->member ? IFLA_INFO_SLAVE_DATA : IFLA_INFO_DATA);
	message_put(m, f->attr, f->bytes, len);
	message_unnest(m, data);
	message_unnest(m, info);
}

static void row_of(const struct nlmsghdr *msg, struct row *row)
{
	memset(row, 0, offsetof(struct row, attr));
	row->source = &source_links;
	row->shape = source_links.shape;
	row->env = env;
	row->msg = msg;
}

/* The field's text, or "nil". */
static const char *text_of(const struct message *m, const char *name)
{
	static char buf[VALUE_TEXT_MAX], text[VALUE_TEXT_MAX];
	const struct field *f = source_field(&source_links, name);
	struct message copy = *m;
	struct value v;
	struct row row;
	const char *p;
	size_t len;

	assert_non_null(f);
	row_of(message_end(&copy), &row);
	if (!field_get(f, &row, &v))
		return "nil";
	p = value_text(f, &v, buf, &len);
	assert_true(len < sizeof(text));
	memcpy(text, p, len);
	text[len] = '\0';
	return text;
}

/* ---- tests ---------------------------------------------------------------------------- */

static void test_declarations(void **state)
{
	(void)state;
	for (const struct field *f = source_links.fields; f->name; f++) {
		size_t len = strlen(f->doc);

		for (const char *p = f->name; *p; p++)
			assert_true(islower(*p) || isdigit(*p) || *p == '_');
		for (const struct field *g = source_links.fields; g < f; g++)
			assert_string_not_equal(f->name, g->name);
		assert_true(len > 5 && f->doc[len - 1] == '.');
		assert_true(f->from && *f->from);
		assert_true((f->type == FT_ENUM) == (f->names != NULL));
		assert_true((f->when != NULL) == (f->kind != NULL));
		assert_true(f->size <= 8 || f->type == FT_ADDR || f->type == FT_LLADDR);
		assert_true((f->needs != 0) == (f->cost == COST_REQUEST));
		/* what only bits of a mask can be told apart by */
		if (f->flags & FF_BITS)
			assert_true(f->flags & FF_LIST && f->size > 0);
	}
}

static void test_facts(void **state)
{
	struct message m = { 0 };

	(void)state;
	for (size_t i = 0; i < NFACTS; i++) {
		const struct fact *f = &facts[i];

		build(&m, f, f->kind, f->len);
		if (strcmp(text_of(&m, f->field), f->want) != 0)
			fail_msg("%s of kind %s is %s, not %s", f->field, f->kind,
				 text_of(&m, f->field), f->want);
		/* the same number in the data of another kind is something else */
		build(&m, f, "nosuch", f->len);
		assert_string_equal(text_of(&m, f->field), "nil");
		build(&m, f, "", f->len);
		assert_string_equal(text_of(&m, f->field), "nil");
	}
	message_free(&m);
}

/* Is it told of each field of these kinds above? */
static void test_all_are_told(void **state)
{
	static const char *const kinds[] = { "bond", "vlan",   "vrf",	"ipvlan", "netkit", "xfrm",
					     "gre",  "erspan", "iptun", "vti",	  "geneve", NULL };

	(void)state;
	for (const struct field *f = source_links.fields; f->name; f++) {
		bool told = !f->kind;

		for (size_t k = 0; kinds[k] && !told; k++)
			if (strncmp(f->name, kinds[k], strlen(kinds[k])) == 0)
				break;
			else if (!kinds[k + 1])
				told = true; /* of a kind that live tests have */
		for (size_t i = 0; i < NFACTS && !told; i++)
			told = strcmp(facts[i].field, f->name) == 0;
		if (!told)
			fail_msg("nothing tells %s", f->name);
	}
}

/* Attributes that end early, or go on, as those of other kernels may. */
static void test_lengths(void **state)
{
	static const char more[64] = { 1, 2, 3 };
	struct message m = { 0 };

	(void)state;
	for (size_t i = 0; i < NFACTS; i++) {
		const struct fact *f = &facts[i];
		const struct field *d = source_field(&source_links, f->field);
		struct fact longer = *f;
		char bytes[256];

		for (size_t len = 0; len < f->len; len++) {
			build(&m, f, f->kind, len);
			if (d->size && len < d->size + d->offset && !d->in[2])
				assert_string_equal(text_of(&m, f->field), "nil");
			else
				text_of(&m, f->field);
		}
		memcpy(bytes, f->bytes, f->len);
		memcpy(bytes + f->len, more, sizeof(more));
		longer.bytes = bytes;
		build(&m, &longer, f->kind, f->len + sizeof(more));
		if (d->size && !d->in[2])
			assert_string_equal(text_of(&m, f->field), f->want);
		else
			text_of(&m, f->field);
	}
	message_free(&m);
}

/* Reads every field of the message. */
static void read_all(const struct nlmsghdr *msg)
{
	struct value v;
	struct row row;

	row_of(msg, &row);
	for (const struct field *f = source_links.fields; f->name; f++)
		if (field_get(f, &row, &v) && v.kind == VALUE_LIST)
			for (size_t i = 0; i < v.list.n; i++)
				assert_int_not_equal(v.list.items[i].kind, VALUE_NIL);
}

/*
 * All facts of a kind in one message, which is cut at every byte and in which each
 * byte in turn is another: nothing is read beyond it, as the sanitizer tells.
 */
static void test_damage(void **state)
{
	static const char *const kinds[] = {
		"bond", "bridge", "vxlan", "gre", "netkit", "macvlan"
	};
	struct message m = { 0 };

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		const struct nlmsghdr *msg;
		size_t info, data;

		begin(&m, ARPHRD_TUNNEL6);
		message_put(&m, IFLA_ADDRESS, V6, 16);
		info = message_nest(&m, IFLA_LINKINFO);
		message_put_text(&m, IFLA_INFO_KIND, kinds[k]);
		data = message_nest(&m, IFLA_INFO_DATA);
		for (size_t i = 0; i < NFACTS; i++)
			if (!facts[i].member && strcmp(facts[i].kind, kinds[k]) == 0)
				message_put(&m, facts[i].attr, facts[i].bytes, facts[i].len);
		message_unnest(&m, data);
		message_unnest(&m, info);
		data = message_nest(&m, IFLA_PROP_LIST);
		message_put_text(&m, IFLA_ALT_IFNAME, "another");
		message_unnest(&m, data);
		msg = message_end(&m);
		assert_non_null(msg);
		for (size_t len = NLMSG_HDRLEN + sizeof(struct ifinfomsg); len <= m.len; len++) {
			struct nlmsghdr *cut = malloc(len); /* so that its end is the end */

			assert_non_null(cut);
			memcpy(cut, msg, len);
			cut->nlmsg_len = (uint32_t)len;
			read_all(cut);
			free(cut);
		}
		for (size_t at = NLMSG_HDRLEN; at < m.len; at++) {
			struct nlmsghdr *other = malloc(m.len);

			assert_non_null(other);
			memcpy(other, msg, m.len);
			((unsigned char *)other)[at] ^= 0xff;
			read_all(other);
			((unsigned char *)other)[at] = 0;
			read_all(other);
			free(other);
		}
	}
	message_free(&m);
}

static void test_damage_is_told(void **state)
{
	struct env *here = env;
	struct message m = { 0 };
	size_t data;

	(void)state;
	begin(&m, ARPHRD_ETHER);
	data = message_nest(&m, IFLA_PROP_LIST);
	message_put_text(&m, IFLA_ALT_IFNAME, "fine");
	message_put(&m, IFLA_ALT_IFNAME, "\377\377\377\377", 4);
	message_unnest(&m, data);
	/* the second says that it is longer than the list */
	((struct nlattr *)(m.buf + m.len - 8))->nla_len = 0x1000;
	env = env_new(NULL);
	assert_string_equal(text_of(&m, "altnames"), "fine");
	assert_true(env_damaged(env));
	env_unref(env);
	env = here;
	message_free(&m);
}

/* What lies beside of what is looked for is no part of it. */
static void test_nesting(void **state)
{
	struct message m = { 0 };
	size_t data;

	(void)state;
	begin(&m, ARPHRD_ETHER);
	/* kind and data where they do not belong */
	message_put_text(&m, IFLA_INFO_KIND, "vlan");
	message_put(&m, IFLA_INFO_DATA, "\6\0\1\0\5\0\0\0", 8);
	data = message_nest(&m, IFLA_PROP_LIST);
	message_put_text(&m, 99, "no name");
	message_put_text(&m, IFLA_ALT_IFNAME, "");
	message_put_text(&m, IFLA_ALT_IFNAME, "one");
	message_put(&m, IFLA_ALT_IFNAME, "two", 3); /* without its NUL */
	message_unnest(&m, data);
	message_put(&m, 95, "\1", 1); /* of a kernel to come */
	message_put(&m, 0x3ffe, "\1", 1);
	assert_string_equal(text_of(&m, "kind"), "nil");
	assert_string_equal(text_of(&m, "vlan_id"), "nil");
	assert_string_equal(text_of(&m, "altnames"), "one,two");
	/* a list without any name in it */
	begin(&m, ARPHRD_ETHER);
	data = message_nest(&m, IFLA_PROP_LIST);
	message_put_text(&m, 99, "no name");
	message_unnest(&m, data);
	assert_string_equal(text_of(&m, "altnames"), "nil");
	message_free(&m);
}

/* The text of a list, whatever its length, stays in its buffer. */
static void test_long_lists(void **state)
{
	const struct field *f = source_field(&source_links, "altnames");
	char name[VALUE_TEXT_MAX + 8];
	struct message m = { 0 };

	(void)state;
	memset(name, 'x', sizeof(name));
	for (size_t n = 1; n < sizeof(name); n++) {
		struct {
			char text[VALUE_TEXT_MAX], guard[8];
		} buf;
		size_t data, len;
		const char *text;
		struct value v;
		struct row row;

		begin(&m, ARPHRD_ETHER);
		data = message_nest(&m, IFLA_PROP_LIST);
		for (int i = 0; i < 3; i++)
			message_put(&m, IFLA_ALT_IFNAME, name, i ? 1 : n);
		message_unnest(&m, data);
		row_of(message_end(&m), &row);
		assert_true(field_get(f, &row, &v));
		assert_int_equal(v.list.n, 3);
		memset(&buf, '#', sizeof(buf));
		text = value_text(f, &v, buf.text, &len);
		assert_int_equal(len, strlen(text));
		assert_true(len < VALUE_TEXT_MAX);
		assert_memory_equal(buf.guard, "########", 8);
	}
	message_free(&m);
}

static void test_plain_attributes(void **state)
{
	struct message m = { 0 };
	uint64_t horizon = 10000000000;
	int32_t unknown = -1;
	size_t data;

	(void)state;
	begin(&m, ARPHRD_IP6GRE);
	message_put(&m, IFLA_ADDRESS, V6, 16);
	message_put(&m, IFLA_BROADCAST, V6_NONE, 16);
	message_put(&m, IFLA_LINK, "\1\0\0\0", 4);
	message_put(&m, LINK_PACING_HORIZON, &horizon, 8);
	message_put(&m, IFLA_PHYS_SWITCH_ID, "\xde\xad\xbe\xef", 4);
	message_put_text(&m, IFLA_PHYS_PORT_NAME, "p0");
	message_put_text(&m, IFLA_PARENT_DEV_NAME, "0000:01:00.0");
	message_put_text(&m, IFLA_PARENT_DEV_BUS_NAME, "pci");
	message_put(&m, IFLA_PERM_ADDRESS, "\2\0\0\0\0\7", 6);
	message_put(&m, IFLA_NUM_VF, "\4\0\0\0", 4);
	message_put(&m, IFLA_GROUP, "\0\0\0\0", 4);
	message_put(&m, IFLA_EVENT, "\3\0\0\0", 4);
	data = message_nest(&m, IFLA_XDP);
	message_put(&m, IFLA_XDP_ATTACHED, "\4", 1);
	message_put(&m, IFLA_XDP_SKB_PROG_ID, "\11\0\0\0", 4);
	message_unnest(&m, data);
	data = message_nest(&m, IFLA_PROTO_DOWN_REASON);
	message_put(&m, 2, "\5\0\0\0", 4);
	message_unnest(&m, data);
	assert_string_equal(text_of(&m, "type"), "gre6");
	assert_string_equal(text_of(&m, "flags"), "up,broadcast,running,lower_up");
	assert_string_equal(text_of(&m, "lladdr"), "fd00::7");
	assert_string_equal(text_of(&m, "broadcast"), "::");
	assert_string_equal(text_of(&m, "link"), "lo");
	assert_string_equal(text_of(&m, "pacing_horizon"), "10");
	assert_string_equal(text_of(&m, "phys_switch_id"), "de:ad:be:ef");
	assert_string_equal(text_of(&m, "phys_port_name"), "p0");
	assert_string_equal(text_of(&m, "parent_dev"), "0000:01:00.0");
	assert_string_equal(text_of(&m, "parent_bus"), "pci");
	assert_string_equal(text_of(&m, "perm_lladdr"), "02:00:00:00:00:07");
	assert_string_equal(text_of(&m, "num_vf"), "4");
	assert_string_equal(text_of(&m, "group"), "default");
	assert_string_equal(text_of(&m, "event"), "bonding-failover");
	assert_string_equal(text_of(&m, "xdp"), "multi");
	assert_string_equal(text_of(&m, "xdp_generic_prog_id"), "9");
	assert_string_equal(text_of(&m, "xdp_prog_id"), "nil");
	assert_string_equal(text_of(&m, "proto_down_reason"), "5");
	/* that link is in a namespace without an id here */
	message_put(&m, IFLA_LINK_NETNSID, &unknown, 4);
	assert_string_equal(text_of(&m, "link"), "nil");
	assert_string_equal(text_of(&m, "link_index"), "1");
	assert_string_equal(text_of(&m, "link_netnsid"), "nil");
	message_put(&m, IFLA_MASTER, "\0\0\0\0", 4);
	assert_string_equal(text_of(&m, "master_index"), "nil");
	assert_string_equal(text_of(&m, "rx_bytes"), "nil");
	message_free(&m);
}

static void test_statistics(void **state)
{
	uint64_t n[25];
	struct message m = { 0 };

	(void)state;
	for (size_t i = 0; i < 25; i++)
		n[i] = 1000 + i;
	/* an older kernel ends before rx_otherhost_dropped */
	for (size_t count = 0; count <= 25; count++) {
		begin(&m, ARPHRD_ETHER);
		message_put(&m, IFLA_STATS64, n, count * 8);
		assert_string_equal(text_of(&m, "rx_packets"), count >= 1 ? "1000" : "nil");
		assert_string_equal(text_of(&m, "tx_bytes"), count >= 4 ? "1003" : "nil");
		assert_string_equal(text_of(&m, "tx_dropped"), count >= 8 ? "1007" : "nil");
		assert_string_equal(text_of(&m, "tx_window_errors"), count >= 21 ? "1020" : "nil");
		assert_string_equal(text_of(&m, "rx_otherhost_dropped"),
				    count >= 25 ? "1024" : "nil");
	}
	message_free(&m);
}

/* ---- requests ---------------------------------------------------------------------------- */

static struct value text(const char *s)
{
	struct value v = { .kind = VALUE_TEXT };

	v.text.p = s;
	v.text.len = strlen(s);
	return v;
}

static void ask(struct cond *c, const char *field, const char *value)
{
	struct value v = text(value);
	struct nl_error err;

	memset(c, 0, sizeof(*c));
	c->field = source_field(&source_links, field);
	c->op = OP_EQ;
	assert_int_equal(cond_add(c, &v, &err), 0);
}

/* Strict checking wants zeros in the header, and takes these attributes only. */
static void test_requests(void **state)
{
	struct scan_request req = { .env = env };
	struct dump_plan *p = calloc(1, sizeof(*p));
	struct cond kind, master;
	const struct nlattr *tb[64];
	const struct nlattr *a;
	bool bad = false;

	(void)state;
	assert_non_null(p);
	ask(&kind, "kind", "bridge");
	ask(&master, "master", "lo");
	req.asks[req.nasks++] = &kind;
	req.asks[req.nasks++] = &master;
	assert_true(source_links.dump(&req, 0, p));
	for (size_t i = 0; i < sizeof(struct ifinfomsg); i++)
		assert_int_equal(p->buf[i], 0);
	assert_true(nl_attrs(p->buf + sizeof(struct ifinfomsg), p->len - sizeof(struct ifinfomsg),
			     tb, 63));
	assert_int_equal(*(const uint32_t *)nl_attr_data(tb[IFLA_EXT_MASK]),
			 RTEXT_FILTER_SKIP_STATS);
	assert_int_equal(*(const uint32_t *)nl_attr_data(tb[IFLA_MASTER]), 1);
	a = nl_attr_find(nl_attr_data(tb[IFLA_LINKINFO]), nl_attr_len(tb[IFLA_LINKINFO]),
			 IFLA_INFO_KIND, &bad);
	assert_string_equal(nl_attr_data(a), "bridge");
	assert_false(source_links.dump(&req, 1, p));
	cond_free(&kind);
	cond_free(&master);
	/* no link of that name: there is nothing to ask for */
	ask(&master, "master", "no such link");
	memset(p, 0, sizeof(*p));
	req.asks[0] = &master;
	req.nasks = 1;
	assert_false(source_links.dump(&req, 0, p));
	cond_free(&master);
	/* virtual functions are asked for when they are wanted */
	memset(p, 0, sizeof(*p));
	req.nasks = 0;
	req.needs = source_field(&source_links, "num_vf")->needs;
	assert_true(source_links.dump(&req, 0, p));
	assert_true(nl_attrs(p->buf + sizeof(struct ifinfomsg), p->len - sizeof(struct ifinfomsg),
			     tb, 63));
	assert_int_equal(*(const uint32_t *)nl_attr_data(tb[IFLA_EXT_MASK]),
			 RTEXT_FILTER_SKIP_STATS | RTEXT_FILTER_VF);
	assert_null(tb[IFLA_MASTER]);
	assert_null(tb[IFLA_LINKINFO]);
	free(p);
}

static int setup(void **state)
{
	(void)state;
	env = env_new(NULL);
	return env ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	env_unref(env);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_declarations),	 cmocka_unit_test(test_facts),
		cmocka_unit_test(test_all_are_told),	 cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_damage),		 cmocka_unit_test(test_damage_is_told),
		cmocka_unit_test(test_nesting),		 cmocka_unit_test(test_long_lists),
		cmocka_unit_test(test_plain_attributes), cmocka_unit_test(test_statistics),
		cmocka_unit_test(test_requests),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
