/* What the files of the source `links` share. */
#ifndef CONNSH_SOURCE_LINKS_H
#define CONNSH_SOURCE_LINKS_H

#include "private.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

/* A bit of needs: virtual functions, which the kernel tells when asked (RTEXT_FILTER_VF). */
#define LINK_VFS UINT32_C(1)

/*
 * Attributes that are younger than the headers of some system this is built on,
 * by their number in <linux/if_link.h>, which never changes.
 */
enum {
	LINK_GSO_IPV4_MAX_SIZE = 63, /* Linux 6.3 */
	LINK_GRO_IPV4_MAX_SIZE = 64,
	LINK_PACING_HORIZON = 66,  /* IFLA_MAX_PACING_OFFLOAD_HORIZON, Linux 6.13 */
	LINK_NETNS_IMMUTABLE = 67, /* Linux 6.15 */
	LINK_HEADROOM = 68,	   /* Linux 6.18 */
	LINK_TAILROOM = 69,
};

extern const struct shape shape_link;

/* IFLA_EXT_MASK for these needs. */
uint32_t link_ext_mask(uint32_t needs);
/*
 * Asks for one link, as refetch of struct source does. What is told of each virtual
 * function, which may be more than fits, is left out.
 */
ptrdiff_t link_ask(struct env *env, int index, uint32_t ext_mask, void *buf, size_t size,
		   struct nl_error *err);
/* Reads the link whose index is the plan's tag; 0: there is none. */
struct reader *link_reader(const struct scan_request *req, const struct dump_plan *plan,
			   struct nl_error *err);

extern const struct field link_fields[];

/* The enums and their names; the value of each is the kernel's. */
extern const struct enum_name link_flag_names[], link_type_names[], operstate_names[],
	linkmode_names[], link_group_names[], xdp_names[], link_event_names[],
	addr_gen_mode_names[], inet6_flag_names[], bridge_stp_names[], bridge_opt_names[],
	mcast_router_names[], port_state_names[], vlan_protocol_names[], vlan_flag_names[],
	df_names[], label_policy_names[], macvlan_mode_names[], macvlan_flag_names[],
	ipvlan_mode_names[], ipvlan_flag_names[], tun_type_names[], netkit_mode_names[],
	netkit_policy_names[], netkit_scrub_names[], tunnel_encap_names[],
	tunnel_encap_flag_names[], gre_flag_names[], ip6tnl_flag_names[], erspan_dir_names[],
	bond_mode_names[], bond_validate_names[], bond_targets_names[], bond_reselect_names[],
	bond_mac_names[], bond_hash_names[], bond_rate_names[], bond_select_names[],
	bond_state_names[], bond_mii_names[], bond_churn_names[], lacp_state_names[];

/* Is the link, or what it is as a member of its master, of one of the kinds in f->kind ("a b")? */
bool of_kind(const struct row *row, const struct field *f);
bool of_member_kind(const struct row *row, const struct field *f);

#define GETTER(name) bool name(const struct row *row, const struct field *f, struct value *v)
/* A link layer address; of tunnels the IP address that stands there. */
GETTER(get_lladdr);
/* Name of the lower device, or of the other end of a pair, when it is in this namespace. */
GETTER(get_lower);
GETTER(get_altnames);
/* What an attribute without content says by being there. */
GETTER(get_present);
/* A number of 4 or 8 bytes, as the kernel needed (nla_put_uint). */
GETTER(get_uint);
/* An address that lies in this attribute or, of IPv6, in the one that f->mask names. */
GETTER(get_either_addr);
/* The same without the unspecified address. */
GETTER(get_told_addr);
/* All values of the attributes that lie in this one, each as f->type and f->size say. */
GETTER(get_nested_list);
#undef GETTER

#endif
