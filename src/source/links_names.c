/* Owns the enums of `links`: value, name, spellings. The first row of a value is its name. */
#include "links.h"

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_bonding.h>
#include <linux/if_bridge.h>
#include <linux/if_ether.h>
#include <linux/if_tunnel.h>
#include <linux/if_vlan.h>
#include <linux/ip6_tunnel.h>

/* clang-format off */

/* <linux/if.h>, as ip(8) and ifconfig(8) spell them in capitals */
const struct enum_name link_flag_names[] = {
	{ IFF_UP, "up" },
	{ IFF_BROADCAST, "broadcast" },
	{ IFF_DEBUG, "debug" },
	{ IFF_LOOPBACK, "loopback" },
	{ IFF_POINTOPOINT, "pointopoint" },
	{ IFF_POINTOPOINT, "pointtopoint" },
	{ IFF_NOTRAILERS, "notrailers" },
	{ IFF_RUNNING, "running" },
	{ IFF_NOARP, "noarp" },
	{ IFF_PROMISC, "promisc" },
	{ IFF_ALLMULTI, "allmulti" },
	{ IFF_MASTER, "master" },
	{ IFF_SLAVE, "slave" },
	{ IFF_MULTICAST, "multicast" },
	{ IFF_PORTSEL, "portsel" },
	{ IFF_AUTOMEDIA, "automedia" },
	{ IFF_DYNAMIC, "dynamic" },
	{ IFF_LOWER_UP, "lower_up" },
	{ IFF_DORMANT, "dormant" },
	{ IFF_ECHO, "echo" },
	{ 0, NULL },
};

/* ARPHRD_*, <linux/if_arp.h>, as ip(8) spells them */
const struct enum_name link_type_names[] = {
	{ ARPHRD_ETHER, "ether" }, { ARPHRD_ETHER, "ethernet" }, { ARPHRD_LOOPBACK, "loopback" },
	{ ARPHRD_NETROM, "netrom" }, { ARPHRD_EETHER, "eether" }, { ARPHRD_AX25, "ax25" },
	{ ARPHRD_PRONET, "pronet" }, { ARPHRD_CHAOS, "chaos" }, { ARPHRD_IEEE802, "ieee802" },
	{ ARPHRD_ARCNET, "arcnet" }, { ARPHRD_APPLETLK, "atalk" }, { ARPHRD_DLCI, "dlci" },
	{ ARPHRD_ATM, "atm" }, { ARPHRD_METRICOM, "metricom" }, { ARPHRD_IEEE1394, "ieee1394" },
	{ ARPHRD_INFINIBAND, "infiniband" }, { ARPHRD_SLIP, "slip" }, { ARPHRD_CSLIP, "cslip" },
	{ ARPHRD_SLIP6, "slip6" }, { ARPHRD_CSLIP6, "cslip6" }, { ARPHRD_RSRVD, "rsrvd" },
	{ ARPHRD_ADAPT, "adapt" }, { ARPHRD_ROSE, "rose" }, { ARPHRD_X25, "x25" },
	{ ARPHRD_HWX25, "hwx25" }, { ARPHRD_CAN, "can" }, { 290, "mctp" }, { ARPHRD_PPP, "ppp" },
	{ ARPHRD_HDLC, "hdlc" }, { ARPHRD_LAPB, "lapb" }, { ARPHRD_DDCMP, "ddcmp" },
	{ ARPHRD_RAWHDLC, "rawhdlc" }, { 519, "rawip" }, { ARPHRD_TUNNEL, "ipip" },
	{ ARPHRD_TUNNEL6, "tunnel6" }, { ARPHRD_FRAD, "frad" }, { ARPHRD_SKIP, "skip" },
	{ ARPHRD_LOCALTLK, "ltalk" }, { ARPHRD_FDDI, "fddi" }, { ARPHRD_BIF, "bif" },
	{ ARPHRD_SIT, "sit" }, { ARPHRD_IPDDP, "ip/ddp" }, { ARPHRD_IPGRE, "gre" },
	{ ARPHRD_PIMREG, "pimreg" }, { ARPHRD_HIPPI, "hippi" }, { ARPHRD_ASH, "ash" },
	{ ARPHRD_ECONET, "econet" }, { ARPHRD_IRDA, "irda" }, { ARPHRD_FCPP, "fcpp" },
	{ ARPHRD_FCAL, "fcal" }, { ARPHRD_FCPL, "fcpl" }, { ARPHRD_FCFABRIC, "fcfb0" },
	{ ARPHRD_IEEE802_TR, "tr" }, { ARPHRD_IEEE80211, "ieee802.11" },
	{ ARPHRD_IEEE80211_PRISM, "ieee802.11/prism" },
	{ ARPHRD_IEEE80211_RADIOTAP, "ieee802.11/radiotap" },
	{ ARPHRD_IEEE802154, "ieee802.15.4" },
	{ ARPHRD_IEEE802154_MONITOR, "ieee802.15.4/monitor" },
	{ ARPHRD_PHONET, "phonet" }, { ARPHRD_PHONET_PIPE, "phonet_pipe" },
	{ ARPHRD_CAIF, "caif" }, { ARPHRD_IP6GRE, "gre6" }, { ARPHRD_NETLINK, "netlink" },
	{ ARPHRD_6LOWPAN, "6lowpan" }, { ARPHRD_VSOCKMON, "vsockmon" },
	{ ARPHRD_NONE, "none" }, { ARPHRD_VOID, "void" },
	{ 0, NULL },
};

/* IF_OPER_*, <linux/if.h>, RFC 2863 */
const struct enum_name operstate_names[] = {
	{ IF_OPER_UNKNOWN, "unknown" },
	{ IF_OPER_NOTPRESENT, "notpresent" },
	{ IF_OPER_DOWN, "down" },
	{ IF_OPER_LOWERLAYERDOWN, "lowerlayerdown" },
	{ IF_OPER_TESTING, "testing" },
	{ IF_OPER_DORMANT, "dormant" },
	{ IF_OPER_UP, "up" },
	{ 0, NULL },
};

/* IF_LINK_MODE_*, <linux/if.h> */
const struct enum_name linkmode_names[] = {
	{ 0, "default" }, { 1, "dormant" }, { 2, "testing" }, { 0, NULL },
};

const struct enum_name link_group_names[] = { { 0, "default" }, { 0, NULL } };

/* XDP_ATTACHED_*, <linux/if_link.h> */
const struct enum_name xdp_names[] = {
	{ XDP_ATTACHED_DRV, "native" }, { XDP_ATTACHED_DRV, "drv" },
	{ XDP_ATTACHED_SKB, "generic" }, { XDP_ATTACHED_SKB, "skb" },
	{ XDP_ATTACHED_HW, "offload" }, { XDP_ATTACHED_HW, "hw" },
	{ XDP_ATTACHED_MULTI, "multi" },
	{ 0, NULL },
};

/* IFLA_EVENT_*, <linux/if_link.h> */
const struct enum_name link_event_names[] = {
	{ IFLA_EVENT_REBOOT, "reboot" },
	{ IFLA_EVENT_FEATURES, "features" },
	{ IFLA_EVENT_BONDING_FAILOVER, "bonding-failover" },
	{ IFLA_EVENT_NOTIFY_PEERS, "notify-peers" },
	{ IFLA_EVENT_IGMP_RESEND, "igmp-resend" },
	{ IFLA_EVENT_BONDING_OPTIONS, "bonding-options" },
	{ 0, NULL },
};

/* enum in6_addr_gen_mode, <linux/if_link.h> */
const struct enum_name addr_gen_mode_names[] = {
	{ IN6_ADDR_GEN_MODE_EUI64, "eui64" },
	{ IN6_ADDR_GEN_MODE_NONE, "none" },
	{ IN6_ADDR_GEN_MODE_STABLE_PRIVACY, "stable_secret" },
	{ IN6_ADDR_GEN_MODE_RANDOM, "random" },
	{ 0, NULL },
};

/* IF_*, the kernel's include/net/if_inet6.h */
const struct enum_name inet6_flag_names[] = {
	{ 0x80000000, "ready" },
	{ 0x40, "ra_managed" },
	{ 0x80, "ra_othermanaged" },
	{ 0x20, "ra_rcvd" },
	{ 0x10, "rs_sent" },
	{ 0, NULL },
};

/* br_stp_enabled: the kernel's own spanning tree or that of a program */
const struct enum_name bridge_stp_names[] = {
	{ 0, "off" }, { 1, "kernel" }, { 1, "on" }, { 2, "user" }, { 0, NULL },
};

/* enum br_boolopt_id, <linux/if_bridge.h> */
const struct enum_name bridge_opt_names[] = {
	{ 1 << 0, "no_ll_learn" },
	{ 1 << 1, "mcast_vlan_snooping" },
	{ 1 << 2, "mst_enabled" },
	{ 1 << 3, "mdb_offload_fail_notification" },
	{ 0, NULL },
};

/* MDB_RTR_TYPE_*, <linux/if_bridge.h> */
const struct enum_name mcast_router_names[] = {
	{ MDB_RTR_TYPE_DISABLED, "disabled" },
	{ MDB_RTR_TYPE_TEMP_QUERY, "temp_query" },
	{ MDB_RTR_TYPE_TEMP_QUERY, "auto" },
	{ MDB_RTR_TYPE_PERM, "perm" },
	{ MDB_RTR_TYPE_PERM, "permanent" },
	{ MDB_RTR_TYPE_TEMP, "temp" },
	{ 0, NULL },
};

/* BR_STATE_*, <linux/if_bridge.h> */
const struct enum_name port_state_names[] = {
	{ BR_STATE_DISABLED, "disabled" }, { BR_STATE_LISTENING, "listening" },
	{ BR_STATE_LEARNING, "learning" }, { BR_STATE_FORWARDING, "forwarding" },
	{ BR_STATE_BLOCKING, "blocking" },
	{ 0, NULL },
};

const struct enum_name vlan_protocol_names[] = {
	{ ETH_P_8021Q, "802.1q" }, { ETH_P_8021Q, "8021q" },
	{ ETH_P_8021AD, "802.1ad" }, { ETH_P_8021AD, "8021ad" },
	{ 0, NULL },
};

/* enum vlan_flags, <linux/if_vlan.h> */
const struct enum_name vlan_flag_names[] = {
	{ VLAN_FLAG_REORDER_HDR, "reorder_hdr" }, { VLAN_FLAG_GVRP, "gvrp" },
	{ VLAN_FLAG_LOOSE_BINDING, "loose_binding" }, { VLAN_FLAG_MVRP, "mvrp" },
	{ VLAN_FLAG_BRIDGE_BINDING, "bridge_binding" },
	{ 0, NULL },
};

/* enum ifla_vxlan_df and ifla_geneve_df */
const struct enum_name df_names[] = {
	{ VXLAN_DF_UNSET, "unset" }, { VXLAN_DF_SET, "set" }, { VXLAN_DF_INHERIT, "inherit" },
	{ 0, NULL },
};

/* enum ifla_vxlan_label_policy */
const struct enum_name label_policy_names[] = { { 0, "fixed" }, { 1, "inherit" }, { 0, NULL } };

const struct enum_name macvlan_mode_names[] = {
	{ MACVLAN_MODE_PRIVATE, "private" }, { MACVLAN_MODE_VEPA, "vepa" },
	{ MACVLAN_MODE_BRIDGE, "bridge" }, { MACVLAN_MODE_PASSTHRU, "passthru" },
	{ MACVLAN_MODE_SOURCE, "source" },
	{ 0, NULL },
};

const struct enum_name macvlan_flag_names[] = {
	{ MACVLAN_FLAG_NOPROMISC, "nopromisc" }, { MACVLAN_FLAG_NODST, "nodst" }, { 0, NULL },
};

const struct enum_name ipvlan_mode_names[] = {
	{ IPVLAN_MODE_L2, "l2" }, { IPVLAN_MODE_L3, "l3" }, { IPVLAN_MODE_L3S, "l3s" },
	{ 0, NULL },
};

const struct enum_name ipvlan_flag_names[] = {
	{ IPVLAN_F_PRIVATE, "private" }, { IPVLAN_F_VEPA, "vepa" }, { 0, NULL },
};

/* IFF_TUN and IFF_TAP, <linux/if_tun.h> */
const struct enum_name tun_type_names[] = { { 1, "tun" }, { 2, "tap" }, { 0, NULL } };

/* netkit_mode, netkit_action, netkit_scrub, <linux/if_link.h> of Linux 6.7 and later */
const struct enum_name netkit_mode_names[] = { { 0, "l2" }, { 1, "l3" }, { 0, NULL } };
const struct enum_name netkit_policy_names[] = {
	{ 0, "forward" }, { 2, "blackhole" }, { 0, NULL },
};
const struct enum_name netkit_scrub_names[] = { { 0, "none" }, { 1, "default" }, { 0, NULL } };

/* enum tunnel_encap_types, TUNNEL_ENCAP_FLAG_*, GRE_*, IP6_TNL_F_*, <linux/if_tunnel.h> */
const struct enum_name tunnel_encap_names[] = {
	{ TUNNEL_ENCAP_NONE, "none" }, { TUNNEL_ENCAP_FOU, "fou" }, { TUNNEL_ENCAP_GUE, "gue" },
	{ TUNNEL_ENCAP_MPLS, "mpls" },
	{ 0, NULL },
};
const struct enum_name tunnel_encap_flag_names[] = {
	{ TUNNEL_ENCAP_FLAG_CSUM, "csum" }, { TUNNEL_ENCAP_FLAG_CSUM6, "csum6" },
	{ TUNNEL_ENCAP_FLAG_REMCSUM, "remcsum" },
	{ 0, NULL },
};
const struct enum_name gre_flag_names[] = {
	{ 0x8000, "csum" }, { 0x4000, "routing" }, { 0x2000, "key" }, { 0x1000, "seq" },
	{ 0, NULL },
};
const struct enum_name ip6tnl_flag_names[] = {
	{ IP6_TNL_F_IGN_ENCAP_LIMIT, "ign_encap_limit" },
	{ IP6_TNL_F_USE_ORIG_TCLASS, "use_orig_tclass" },
	{ IP6_TNL_F_USE_ORIG_FLOWLABEL, "use_orig_flowlabel" },
	{ IP6_TNL_F_MIP6_DEV, "mip6" },
	{ IP6_TNL_F_RCV_DSCP_COPY, "rcv_dscp_copy" },
	{ IP6_TNL_F_USE_ORIG_FWMARK, "use_orig_fwmark" },
	{ IP6_TNL_F_ALLOW_LOCAL_REMOTE, "allow_local_remote" },
	{ 0, NULL },
};
const struct enum_name erspan_dir_names[] = { { 0, "ingress" }, { 1, "egress" }, { 0, NULL } };

/* BOND_*, <linux/if_bonding.h>; the rest as Documentation/networking/bonding.rst names it */
const struct enum_name bond_mode_names[] = {
	{ BOND_MODE_ROUNDROBIN, "balance-rr" }, { BOND_MODE_ACTIVEBACKUP, "active-backup" },
	{ BOND_MODE_XOR, "balance-xor" }, { BOND_MODE_BROADCAST, "broadcast" },
	{ BOND_MODE_8023AD, "802.3ad" }, { BOND_MODE_8023AD, "lacp" },
	{ BOND_MODE_TLB, "balance-tlb" }, { BOND_MODE_ALB, "balance-alb" },
	{ 0, NULL },
};
const struct enum_name bond_validate_names[] = {
	{ 0, "none" }, { 1, "active" }, { 2, "backup" }, { 3, "all" }, { 4, "filter" },
	{ 5, "filter_active" }, { 6, "filter_backup" },
	{ 0, NULL },
};
const struct enum_name bond_targets_names[] = { { 0, "any" }, { 1, "all" }, { 0, NULL } };
const struct enum_name bond_reselect_names[] = {
	{ 0, "always" }, { 1, "better" }, { 2, "failure" }, { 0, NULL },
};
const struct enum_name bond_mac_names[] = {
	{ 0, "none" }, { 1, "active" }, { 2, "follow" }, { 0, NULL },
};
const struct enum_name bond_hash_names[] = {
	{ BOND_XMIT_POLICY_LAYER2, "layer2" }, { BOND_XMIT_POLICY_LAYER34, "layer3+4" },
	{ BOND_XMIT_POLICY_LAYER23, "layer2+3" }, { BOND_XMIT_POLICY_ENCAP23, "encap2+3" },
	{ BOND_XMIT_POLICY_ENCAP34, "encap3+4" }, { BOND_XMIT_POLICY_VLAN_SRCMAC, "vlan+srcmac" },
	{ 0, NULL },
};
const struct enum_name bond_rate_names[] = { { 0, "slow" }, { 1, "fast" }, { 0, NULL } };
const struct enum_name bond_select_names[] = {
	{ 0, "stable" }, { 1, "bandwidth" }, { 2, "count" }, { 3, "actor_port_prio" }, { 0, NULL },
};
const struct enum_name bond_state_names[] = {
	{ BOND_STATE_ACTIVE, "active" }, { BOND_STATE_BACKUP, "backup" }, { 0, NULL },
};
const struct enum_name bond_mii_names[] = {
	{ BOND_LINK_UP, "up" }, { BOND_LINK_FAIL, "going_down" }, { BOND_LINK_DOWN, "down" },
	{ BOND_LINK_BACK, "going_back" },
	{ 0, NULL },
};
/* enum in the kernel's include/net/bond_3ad.h */
const struct enum_name bond_churn_names[] = {
	{ 0, "monitor" }, { 1, "churned" }, { 2, "none" }, { 0, NULL },
};
/* LACP_STATE_*, IEEE 802.1AX 6.4.2.3 */
const struct enum_name lacp_state_names[] = {
	{ 0x01, "activity" }, { 0x02, "timeout" }, { 0x04, "aggregation" },
	{ 0x08, "synchronization" }, { 0x10, "collecting" }, { 0x20, "distributing" },
	{ 0x40, "defaulted" }, { 0x80, "expired" },
	{ 0, NULL },
};
