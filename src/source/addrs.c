/*
 * Owns the source `addrs`: the IP addresses of this machine, by RTM_GETADDR
 * (rtnetlink(7), <linux/if_addr.h>). A part is a family.
 */
#include "identity.h"
#include "private.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

/* ---- fields ------------------------------------------------------------------------ */

static const struct enum_name family_names[] = { NAMES_OF_INET, NAMES_OF_INET6, { 0, NULL } };

/* enum rt_scope_t, <linux/rtnetlink.h> */
static const struct enum_name scope_names[] = {
	{ RT_SCOPE_UNIVERSE, "global" },
	{ RT_SCOPE_UNIVERSE, "universe" },
	{ RT_SCOPE_SITE, "site" },
	{ RT_SCOPE_LINK, "link" },
	{ RT_SCOPE_HOST, "host" },
	{ RT_SCOPE_NOWHERE, "nowhere" },
	{ 0, NULL },
};

/* IPv6 uses the bit of IFA_F_SECONDARY for another fact. */
#define TEMPORARY (INT64_C(1) << 32)

static const struct enum_name flag_names[] = {
	{ IFA_F_SECONDARY, "secondary" },
	{ TEMPORARY, "temporary" },
	{ IFA_F_NODAD, "nodad" },
	{ IFA_F_OPTIMISTIC, "optimistic" },
	{ IFA_F_DADFAILED, "dadfailed" },
	{ IFA_F_HOMEADDRESS, "homeaddress" },
	{ IFA_F_HOMEADDRESS, "home" },
	{ IFA_F_DEPRECATED, "deprecated" },
	{ IFA_F_TENTATIVE, "tentative" },
	{ IFA_F_PERMANENT, "permanent" },
	{ IFA_F_MANAGETEMPADDR, "mngtmpaddr" },
	{ IFA_F_NOPREFIXROUTE, "noprefixroute" },
	{ IFA_F_MCAUTOJOIN, "mcautojoin" },
	{ IFA_F_MCAUTOJOIN, "autojoin" },
	{ IFA_F_STABLE_PRIVACY, "stable-privacy" },
	{ 0, NULL },
};

/* IFAPROT_*, <linux/if_addr.h> */
static const struct enum_name proto_names[] = {
	{ IFAPROT_KERNEL_LO, "kernel_lo" },
	{ IFAPROT_KERNEL_RA, "kernel_ra" },
	{ IFAPROT_KERNEL_LL, "kernel_ll" },
	{ 0, NULL },
};

static bool addr_in(const struct row *row, uint16_t attr, struct value *v)
{
	struct field place = { .type = FT_ADDR, .attr = attr };

	return field_load(&place, row, v);
}

/* IFA_ADDRESS is that of the peer where there is an IFA_LOCAL beside it. */
static bool get_own(const struct row *row, const struct field *f, struct value *v)
{
	(void)f;
	return addr_in(row, IFA_LOCAL, v) || addr_in(row, IFA_ADDRESS, v);
}

static bool get_peer(const struct row *row, const struct field *f, struct value *v)
{
	struct value own;

	(void)f;
	return addr_in(row, IFA_LOCAL, &own) && addr_in(row, IFA_ADDRESS, v) &&
	       memcmp(&own.addr, &v->addr, sizeof(own.addr)) != 0;
}

/* The peer's bits count where there is one, as in the route that the kernel makes for it. */
static bool get_network(const struct row *row, const struct field *f, struct value *v)
{
	const struct ifaddrmsg *m = row_header(row);
	unsigned bits = m->ifa_prefixlen;

	if (!get_peer(row, f, v) && !get_own(row, f, v))
		return false;
	if (bits > (v->addr.family == AF_INET ? 32 : 128))
		return false;
	for (unsigned i = 0; i < sizeof(v->addr.bytes); i++) {
		if (bits <= i * 8)
			v->addr.bytes[i] = 0;
		else if (bits < i * 8 + 8)
			v->addr.bytes[i] &= (uint8_t)(0xff << (i * 8 + 8 - bits));
	}
	v->addr.plen = (uint8_t)(bits + 1);
	return true;
}

/* IFA_FLAGS came with Linux 3.14; before there were eight bits. */
static bool get_flags(const struct row *row, const struct field *f, struct value *v)
{
	const struct ifaddrmsg *m = row_header(row);
	const void *wide = row_attr((struct row *)(uintptr_t)row, IFA_FLAGS, sizeof(uint32_t));
	uint32_t flags = m->ifa_flags;
	uint64_t raw;

	if (wide)
		memcpy(&flags, wide, sizeof(flags));
	raw = flags;
	if (m->ifa_family == AF_INET6 && flags & IFA_F_TEMPORARY)
		raw = (raw & ~(uint64_t)IFA_F_TEMPORARY) | (uint64_t)TEMPORARY;
	return field_bits(f, row, raw, v);
}

#define HDR(member)                                   \
	.offset = offsetof(struct ifaddrmsg, member), \
	.size = sizeof(((struct ifaddrmsg *)0)->member)
#define CACHE(member) \
	.attr = IFA_CACHEINFO, .offset = offsetof(struct ifa_cacheinfo, member), .size = 4
#define FOREVER	      .has_none = true, .none = UINT32_MAX
#define ABSENT(value) .has_none = true, .none = value

/* clang-format off */
static const struct field fields[] = {
	{ .name = "dev", .type = FT_TEXT, .get = get_ifname, HDR(ifa_index), .cost = COST_LOOKUP,
	  .flags = FF_COLUMN, .from = "ifa_index", .doc = "Interface that has the address." },
	{ .name = "dev_index", .type = FT_INT, HDR(ifa_index), ABSENT(0), .from = "ifa_index",
	  .doc = "Number of the interface." },
	{ .name = "family", .type = FT_ENUM, .names = family_names, HDR(ifa_family),
	  .flags = FF_COLUMN, .from = "ifa_family", .doc = "Family of the address." },
	{ .name = "addr", .type = FT_ADDR, .get = get_own, .flags = FF_COLUMN,
	  .from = "IFA_LOCAL, or IFA_ADDRESS without it",
	  .doc = "Address of the interface itself." },
	{ .name = "plen", .type = FT_INT, HDR(ifa_prefixlen), .flags = FF_COLUMN,
	  .from = "ifa_prefixlen", .doc = "Length of the network's prefix in bits." },
	{ .name = "network", .type = FT_ADDR, .get = get_network,
	  .from = "IFA_ADDRESS and ifa_prefixlen",
	  .doc = "Network of the address, of the peer where there is one." },
	{ .name = "peer", .type = FT_ADDR, .get = get_peer, .flags = FF_COLUMN,
	  .from = "IFA_ADDRESS beside another IFA_LOCAL",
	  .doc = "Address of the other end of a point-to-point link." },
	{ .name = "broadcast", .type = FT_ADDR, .attr = IFA_BROADCAST, .from = "IFA_BROADCAST",
	  .doc = "Broadcast address of the network." },
	{ .name = "anycast", .type = FT_ADDR, .attr = IFA_ANYCAST, .from = "IFA_ANYCAST",
	  .doc = "Anycast address." },
	{ .name = "label", .type = FT_TEXT, .attr = IFA_LABEL, .from = "IFA_LABEL",
	  .doc = "Label of an IPv4 address: the interface's name, or that with a suffix." },
	{ .name = "scope", .type = FT_ENUM, .names = scope_names, HDR(ifa_scope),
	  .flags = FF_COLUMN | FF_OPEN, .from = "ifa_scope",
	  .doc = "How far the address is valid: global, site, link or host." },
	{ .name = "flags", .type = FT_ENUM, .names = flag_names, .get = get_flags,
	  .flags = FF_COLUMN | FF_LIST | FF_BITS, .from = "IFA_FLAGS",
	  .doc = "What holds of the address; one that is not permanent was given for a time." },
	{ .name = "valid_lft", .type = FT_DURATION, .unit = "s", CACHE(ifa_valid), FOREVER,
	  .scale = 1, .from = "ifa_valid",
	  .doc = "Time until the address goes; absent: it stays." },
	{ .name = "preferred_lft", .type = FT_DURATION, .unit = "s", CACHE(ifa_prefered),
	  FOREVER, .scale = 1, .from = "ifa_prefered",
	  .doc = "Time until new connections shall not use the address; absent: never." },
	{ .name = "created", .type = FT_DURATION, .unit = "s", CACHE(cstamp), .scale = 0.01,
	  .from = "cstamp", .doc = "When the address was set, since the machine was started." },
	{ .name = "updated", .type = FT_DURATION, .unit = "s", CACHE(tstamp), .scale = 0.01,
	  .from = "tstamp", .doc = "When it was changed last, since the machine was started." },
	{ .name = "metric", .type = FT_INT, .attr = IFA_RT_PRIORITY, .size = 4, ABSENT(0),
	  .from = "IFA_RT_PRIORITY", .doc = "Metric of the network's route." },
	{ .name = "proto", .type = FT_ENUM, .names = proto_names, .attr = IFA_PROTO, .size = 1,
	  ABSENT(IFAPROT_UNSPEC), .flags = FF_OPEN, .from = "IFA_PROTO",
	  .doc = "Who set the address (Linux 5.18)." },
	{ .name = "netnsid", .type = FT_INT, .attr = IFA_TARGET_NETNSID, .size = 4,
	  .flags = FF_SIGNED, .from = "IFA_TARGET_NETNSID",
	  .doc = "Number of the namespace that was asked for by it." },
	FIELD_NETNS,
	{ .name = NULL },
};
/* clang-format on */

/* ---- the source -------------------------------------------------------------------- */

static const uint8_t families[] = { AF_INET, AF_INET6 };
#define NFAMILIES (sizeof(families) / sizeof(families[0]))

static const struct shape shape_addr = {
	.name = "addresses",
	.type = RTM_NEWADDR,
	.header = sizeof(struct ifaddrmsg),
	.max_attr = IFA_MAX,
};

static bool part_value(unsigned part, const struct field *f, struct value *v)
{
	if (f->names != family_names)
		return false;
	v->kind = VALUE_INT;
	v->num = families[part];
	return true;
}

static bool part_asked(unsigned part, const struct cond *const *conds, size_t n)
{
	(void)part;
	(void)conds;
	(void)n;
	return true;
}

/* Under strict checking ifa_index filters, and all else must be 0 (inet_valid_dump_ifaddr_req). */
static void lay_out(uint8_t family, unsigned ifindex, struct dump_plan *out)
{
	struct ifaddrmsg m = { .ifa_family = family, .ifa_index = ifindex };

	memcpy(out->buf, &m, sizeof(m));
	out->len = sizeof(m);
	out->none = ENODEV; /* of an interface that is not there */
	out->request = (struct nl_request){
		.bus = NETLINK_ROUTE,
		.type = RTM_GETADDR,
		.key = family,
		.what = family == AF_INET ? "IPv4 addresses" : "IPv6 addresses",
	};
	out->note[0] = '\0';
	if (ifindex)
		snprintf(out->note, sizeof(out->note), "interface %u", ifindex);
}

static bool dump(const struct scan_request *req, unsigned i, struct dump_plan *out)
{
	unsigned ifindex = 0;

	if (ask_ifindex(req, "dev_index", "dev", &ifindex) < 0)
		return false;
	for (unsigned part = 0; part < NFAMILIES; part++) {
		if (!part_has(&req->parts, part) || i-- > 0)
			continue;
		/* a recording shall know the whole list by this key */
		lay_out(families[part], nl_recording() ? 0 : ifindex, out);
		return true;
	}
	return false;
}

/* The kernel takes an address once for each interface, prefix and peer. */
static uint64_t key(const struct row *row)
{
	const struct ifaddrmsg *m = row_header(row);
	uint64_t h = identity_number(0, m->ifa_family);

	h = identity_number(h, m->ifa_index);
	h = identity_number(h, m->ifa_prefixlen);
	h = identity_attr(h, row, IFA_LOCAL);
	return identity_end(identity_attr(h, row, IFA_ADDRESS));
}

const struct source source_addrs = {
	.name = "addrs",
	.row_name = "local address",
	.doc = "IP addresses of the interfaces, by rtnetlink(7).",
	.fields = fields,
	.nparts = NFAMILIES,
	.flags = SOURCE_WHOLE,
	.shape = &shape_addr,
	.part_value = part_value,
	.part_asked = part_asked,
	.dump = dump,
	.key = key,
};
