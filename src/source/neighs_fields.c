/* Owns the declaration of every field of `neighs`; places are those of <linux/neighbour.h>. */
#include "neighs.h"

#include <linux/rtnetlink.h>
#include <string.h>

static const struct enum_name family_names[] = {
	NAMES_OF_INET, NAMES_OF_INET6, { AF_BRIDGE, "bridge" }, { AF_BRIDGE, "fdb" }, { 0, NULL },
};

/* NUD_* */
static const struct enum_name state_names[] = {
	{ NUD_NONE, "none" },
	{ NUD_INCOMPLETE, "incomplete" },
	{ NUD_REACHABLE, "reachable" },
	{ NUD_STALE, "stale" },
	{ NUD_DELAY, "delay" },
	{ NUD_PROBE, "probe" },
	{ NUD_FAILED, "failed" },
	{ NUD_NOARP, "noarp" },
	{ NUD_NOARP, "static" },
	{ NUD_PERMANENT, "permanent" },
	{ 0, NULL },
};

/* NTF_EXT_*, of NDA_FLAGS_EXT; the last two are younger than the header of some. */
#define EXT(bit) (INT64_C(1) << (8 + (bit)))

static const struct enum_name flag_names[] = {
	{ NTF_USE, "use" },
	{ NTF_SELF, "self" },
	{ NTF_MASTER, "master" },
	{ NTF_PROXY, "proxy" },
	{ NTF_EXT_LEARNED, "ext_learned" },
	{ NTF_EXT_LEARNED, "extern_learn" },
	{ NTF_OFFLOADED, "offloaded" },
	{ NTF_OFFLOADED, "offload" },
	{ NTF_STICKY, "sticky" },
	{ NTF_ROUTER, "router" },
	{ EXT(0), "managed" },
	{ EXT(1), "locked" },
	{ EXT(2), "ext_validated" },
	{ 0, NULL },
};

/* RTN_*, <linux/rtnetlink.h> */
static const struct enum_name type_names[] = {
	{ RTN_UNICAST, "unicast" }, { RTN_LOCAL, "local" },	    { RTN_BROADCAST, "broadcast" },
	{ RTN_ANYCAST, "anycast" }, { RTN_MULTICAST, "multicast" }, { 0, NULL },
};

/* RTPROT_*, <linux/rtnetlink.h> */
static const struct enum_name proto_names[] = {
	{ RTPROT_REDIRECT, "redirect" },
	{ RTPROT_KERNEL, "kernel" },
	{ RTPROT_BOOT, "boot" },
	{ RTPROT_STATIC, "static" },
	{ RTPROT_GATED, "gated" },
	{ RTPROT_RA, "ra" },
	{ RTPROT_MRT, "mrt" },
	{ RTPROT_ZEBRA, "zebra" },
	{ RTPROT_BIRD, "bird" },
	{ RTPROT_DNROUTED, "dnrouted" },
	{ RTPROT_XORP, "xorp" },
	{ RTPROT_NTK, "ntk" },
	{ RTPROT_DHCP, "dhcp" },
	{ RTPROT_MROUTED, "mrouted" },
	{ RTPROT_KEEPALIVED, "keepalived" },
	{ RTPROT_BABEL, "babel" },
	{ RTPROT_OPENR, "openr" },
	{ RTPROT_BGP, "bgp" },
	{ RTPROT_ISIS, "isis" },
	{ RTPROT_OSPF, "ospf" },
	{ RTPROT_RIP, "rip" },
	{ RTPROT_EIGRP, "eigrp" },
	{ 0, NULL },
};

static const struct enum_name activity_names[] = {
	{ FDB_NOTIFY_BIT, "notify" },
	{ FDB_NOTIFY_INACTIVE_BIT, "inactive" },
	{ 0, NULL },
};

/* In a tunnel's database more bits may be set; then the one that keeps the entry counts. */
static bool get_state(const struct row *row, const struct field *f, struct value *v)
{
	const struct ndmsg *m = row_header(row);
	unsigned state = m->ndm_state;

	(void)f;
	if (state & NUD_PERMANENT)
		state = NUD_PERMANENT;
	else if (state & NUD_NOARP)
		state = NUD_NOARP;
	return set_int(v, state);
}

static bool get_flags(const struct row *row, const struct field *f, struct value *v)
{
	const struct ndmsg *m = row_header(row);
	const void *more = row_attr((struct row *)(uintptr_t)row, NDA_FLAGS_EXT, sizeof(uint32_t));
	uint32_t ext = 0;

	if (more)
		memcpy(&ext, more, sizeof(ext));
	return field_bits(f, row, (uint64_t)ext << 8 | m->ndm_flags, v);
}

/* A forwarding database does not keep it: the kernel writes 0 there (fdb_fill_info). */
static bool is_of_ip(const struct row *row, const struct field *f)
{
	(void)f;
	return ((const struct ndmsg *)row_header(row))->ndm_family != AF_BRIDGE;
}

/* An attribute without content: that it is there says yes. */
static bool get_there(const struct row *row, const struct field *f, struct value *v)
{
	return row_nested((struct row *)(uintptr_t)row, f->in, f->attr) && set_bool(v, true);
}

#define SIZE(type, member) sizeof(((type *)0)->member)
#define HDR(member)	   .offset = offsetof(struct ndmsg, member), .size = SIZE(struct ndmsg, member)
#define CACHE(member) \
	.attr = NDA_CACHEINFO, .offset = offsetof(struct nda_cacheinfo, member), .size = 4
#define AGO(member) \
	.type = FT_DURATION, .unit = "s", CACHE(member), .scale = CLOCK_TICK, .from = #member
#define NUMBER(of)    .attr = of, .size = 4, .from = #of
#define ABSENT(value) .has_none = true, .none = value

/* clang-format off */
const struct field neigh_fields[] = {
	{ .name = "addr", .type = FT_ADDR, .attr = NDA_DST, .flags = FF_COLUMN,
	  .from = "NDA_DST",
	  .doc = "Address of the neighbour; of a tunnel's entry the far end's." },
	{ .name = "lladdr", .type = FT_LLADDR, .attr = NDA_LLADDR, .flags = FF_COLUMN,
	  .from = "NDA_LLADDR", .doc = "Address of its link layer." },
	{ .name = "dev", .type = FT_TEXT, .get = get_ifname, HDR(ndm_ifindex),
	  .cost = COST_LOOKUP, .flags = FF_COLUMN, .from = "ndm_ifindex",
	  .doc = "Interface behind which it is." },
	{ .name = "dev_index", .type = FT_INT, HDR(ndm_ifindex), ABSENT(0),
	  .from = "ndm_ifindex", .doc = "Number of the interface." },
	{ .name = "family", .type = FT_ENUM, .names = family_names, HDR(ndm_family),
	  .from = "ndm_family", .doc = "Family of the address, or that of forwarding databases." },
	{ .name = "state", .type = FT_ENUM, .names = state_names, .get = get_state,
	  .flags = FF_COLUMN | FF_OPEN, .from = "ndm_state",
	  .doc = "What is known of the neighbour's being there; a proxy has none." },
	{ .name = "flags", .type = FT_ENUM, .names = flag_names, .get = get_flags,
	  .flags = FF_COLUMN | FF_LIST | FF_BITS, .from = "ndm_flags and NDA_FLAGS_EXT",
	  .doc = "What holds of the entry." },
	{ .name = "proxy", .type = FT_BOOL, HDR(ndm_flags), .shift = 3, .mask = 1,
	  .from = "NTF_PROXY", .doc = "This machine answers for the address." },
	{ .name = "type", .type = FT_ENUM, .names = type_names, HDR(ndm_type), ABSENT(0),
	  .flags = FF_OPEN, .from = "ndm_type", .doc = "Kind of address." },
	{ .name = "probes", .type = FT_INT, NUMBER(NDA_PROBES),
	  .doc = "Questions sent without an answer." },
	{ .name = "confirmed", AGO(ndm_confirmed), .when = is_of_ip,
	  .doc = "Time since it was known to be there; forwarding databases do not keep it." },
	{ .name = "used", AGO(ndm_used), .doc = "Time since the entry was used." },
	{ .name = "updated", AGO(ndm_updated), .doc = "Time since its state or address changed." },
	{ .name = "refs", .type = FT_INT, CACHE(ndm_refcnt), .from = "ndm_refcnt",
	  .doc = "Users of the entry in the kernel." },
	{ .name = "proto", .type = FT_ENUM, .names = proto_names, .attr = NDA_PROTOCOL,
	  .size = 1, ABSENT(RTPROT_UNSPEC), .flags = FF_OPEN, .from = "NDA_PROTOCOL",
	  .doc = "Who made the entry." },
	{ .name = "master", .type = FT_TEXT, .get = get_ifname, NUMBER(NDA_MASTER),
	  .cost = COST_LOOKUP, .doc = "Bridge to which the entry belongs." },
	{ .name = "master_index", .type = FT_INT, NUMBER(NDA_MASTER), ABSENT(0),
	  .doc = "Number of the bridge." },
	{ .name = "vlan", .type = FT_INT, .attr = NDA_VLAN, .size = 2, ABSENT(0),
	  .from = "NDA_VLAN", .doc = "VLAN of the entry of a forwarding database." },
	{ .name = "vni", .type = FT_INT, NUMBER(NDA_VNI),
	  .doc = "Number of the virtual network to which frames are sent." },
	{ .name = "src_vni", .type = FT_INT, NUMBER(NDA_SRC_VNI),
	  .doc = "Number of the virtual network from which frames come." },
	{ .name = "port", .type = FT_PORT, .attr = NDA_PORT, .size = 2, .flags = FF_BIG_ENDIAN,
	  .from = "NDA_PORT",
	  .doc = "UDP port of a tunnel's far end, where it is not the usual." },
	{ .name = "via", .type = FT_TEXT, .get = get_ifname, NUMBER(NDA_IFINDEX),
	  .cost = COST_LOOKUP, .doc = "Interface by which a tunnel's far end is reached." },
	{ .name = "via_index", .type = FT_INT, NUMBER(NDA_IFINDEX), ABSENT(0),
	  .doc = "Number of that interface." },
	{ .name = "link_netnsid", .type = FT_INT, NUMBER(NDA_LINK_NETNSID), .flags = FF_SIGNED,
	  .doc = "Number of the namespace in which a tunnel's far end is." },
	{ .name = "nhid", .type = FT_INT, NUMBER(NDA_NH_ID), ABSENT(0),
	  .doc = "Nexthop object to which frames are sent." },
	{ .name = "activity", .type = FT_ENUM, .names = activity_names,
	  .in = { NDA_FDB_EXT_ATTRS }, .attr = NFEA_ACTIVITY_NOTIFY, .size = 1,
	  .flags = FF_LIST | FF_BITS, .from = "NFEA_ACTIVITY_NOTIFY",
	  .doc = "Whether changes of activity are told, and that there is none." },
	{ .name = "norefresh", .type = FT_BOOL, .get = get_there, .in = { NDA_FDB_EXT_ATTRS },
	  .attr = NFEA_DONT_REFRESH, .from = "NFEA_DONT_REFRESH",
	  .doc = "Its use does not count as an update." },
	FIELD_NETNS,
	{ .name = NULL },
};
/* clang-format on */

/* The tables of IPv4 and IPv6 tell of these attributes never (neigh_fill_info). */
bool neigh_field_of_bridge(const struct field *f)
{
	static const uint16_t attrs[] = {
		NDA_VLAN,   NDA_PORT,  NDA_VNI,		 NDA_IFINDEX,
		NDA_MASTER, NDA_NH_ID, NDA_LINK_NETNSID, NDA_SRC_VNI,
	};

	if (f->in[0] == NDA_FDB_EXT_ATTRS)
		return true;
	for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
		if (f->attr == attrs[i])
			return true;
	return false;
}
