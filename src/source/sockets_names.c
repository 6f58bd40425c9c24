/* Owns the enums of `sockets`: value, name, spellings. The first row of a value is its name. */
#include "sockets.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/mptcp.h>
#include <linux/net.h>
#include <linux/net_tstamp.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/tls.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sys/socket.h>

const struct enum_name proto_names[] = {
	{ PROTO_TCP, "tcp" },	       { PROTO_UDP, "udp" },	     { PROTO_UDPLITE, "udplite" },
	{ PROTO_UDPLITE, "udp-lite" }, { PROTO_RAW, "raw" },	     { PROTO_MPTCP, "mptcp" },
	{ PROTO_SCTP, "sctp" },	       { PROTO_DCCP, "dccp" },	     { PROTO_UNIX, "unix" },
	{ PROTO_PACKET, "packet" },    { PROTO_NETLINK, "netlink" }, { PROTO_VSOCK, "vsock" },
	{ PROTO_XDP, "xdp" },	       { PROTO_TIPC, "tipc" },	     { 0, NULL },
};

/* IPPROTO_*, <linux/in.h> and <linux/in6.h>; those without a name are numbers. */
const struct enum_name ip_protocol_names[] = {
	{ 0, "ip" },	 { 1, "icmp" },	      { 2, "igmp" },   { 4, "ipip" },
	{ 6, "tcp" },	 { 8, "egp" },	      { 17, "udp" },   { 33, "dccp" },
	{ 41, "ipv6" },	 { 46, "rsvp" },      { 47, "gre" },   { 50, "esp" },
	{ 51, "ah" },	 { 58, "icmpv6" },    { 58, "icmp6" }, { 58, "ipv6-icmp" },
	{ 88, "eigrp" }, { 89, "ospf" },      { 103, "pim" },  { 108, "ipcomp" },
	{ 112, "vrrp" }, { 115, "l2tp" },     { 132, "sctp" }, { 136, "udplite" },
	{ 137, "mpls" }, { 143, "ethernet" }, { 255, "raw" },  { 0, NULL },
};

/* enum sctp_state, include/net/sctp/constants.h */
const struct enum_name sctp_state_names[] = {
	{ 0, "closed" },
	{ 1, "cookie-wait" },
	{ 2, "cookie-echoed" },
	{ 3, "established" },
	{ 4, "shutdown-pending" },
	{ 5, "shutdown-sent" },
	{ 6, "shutdown-received" },
	{ 7, "shutdown-ack-sent" },
	{ 0, NULL },
};

/* enum sctp_spinfo_state, <linux/sctp.h> */
const struct enum_name sctp_path_names[] = {
	{ 0, "inactive" },    { 1, "potentially-failed" }, { 1, "pf" }, { 2, "active" },
	{ 3, "unconfirmed" }, { 0xffff, "unknown" },	   { 0, NULL },
};

/* enum sctp_socket_type, include/net/sctp/constants.h */
const struct enum_name sctp_type_names[] = {
	{ 0, "udp" },	     { 0, "one-to-many" }, { 1, "udp-high-bandwidth" },
	{ 1, "peeled-off" }, { 2, "tcp" },	   { 2, "one-to-one" },
	{ 0, NULL },
};

/* MPTCP_SUBFLOW_FLAG_*, <linux/mptcp.h> */
const struct enum_name subflow_flag_names[] = {
	{ MPTCP_SUBFLOW_FLAG_MCAP_REM, "capable-remote" },
	{ MPTCP_SUBFLOW_FLAG_MCAP_LOC, "capable-local" },
	{ MPTCP_SUBFLOW_FLAG_JOIN_REM, "join-remote" },
	{ MPTCP_SUBFLOW_FLAG_JOIN_LOC, "join-local" },
	{ MPTCP_SUBFLOW_FLAG_BKUP_REM, "backup-remote" },
	{ MPTCP_SUBFLOW_FLAG_BKUP_LOC, "backup-local" },
	{ MPTCP_SUBFLOW_FLAG_FULLY_ESTABLISHED, "fully-established" },
	{ MPTCP_SUBFLOW_FLAG_CONNECTED, "connected" },
	{ MPTCP_SUBFLOW_FLAG_MAPVALID, "map-valid" },
	{ 0, NULL },
};

const struct enum_name family_names[] = {
	{ AF_INET, "inet" },
	{ AF_INET, "ipv4" },
	{ AF_INET, "ip4" },
	{ AF_INET, "v4" },
	{ AF_INET, "4" },
	{ AF_INET6, "inet6" },
	{ AF_INET6, "ipv6" },
	{ AF_INET6, "ip6" },
	{ AF_INET6, "v6" },
	{ AF_INET6, "6" },
	{ AF_UNIX, "unix" },
	{ AF_UNIX, "local" },
	{ AF_PACKET, "packet" },
	{ AF_PACKET, "link" },
	{ AF_NETLINK, "netlink" },
	{ AF_VSOCK, "vsock" },
	{ AF_XDP, "xdp" },
	{ AF_TIPC, "tipc" },
	{ 0, NULL },
};

/* The kernel's states, as ss, netstat and RFC 9293 spell them. */
const struct enum_name state_names[] = {
	{ 1, "established" },
	{ 1, "estab" },
	{ 2, "syn-sent" },
	{ STATE_SYN_RECV, "syn-recv" },
	{ STATE_SYN_RECV, "syn-rcv" },
	{ STATE_SYN_RECV, "syn-received" },
	{ 4, "fin-wait-1" },
	{ 5, "fin-wait-2" },
	{ STATE_TIME_WAIT, "time-wait" },
	{ STATE_CLOSE, "close" },
	{ STATE_CLOSE, "closed" },
	{ STATE_CLOSE, "unconn" },
	{ STATE_CLOSE, "unconnected" },
	{ 8, "close-wait" },
	{ 9, "last-ack" },
	{ STATE_LISTEN, "listen" },
	{ STATE_LISTEN, "listening" },
	{ 11, "closing" },
	{ STATE_BOUND_INACTIVE, "bound-inactive" },
	{ 0, NULL },
};

/* idiag_timer, net/ipv4/inet_diag.c */
const struct enum_name timer_names[] = {
	{ 1, "on" },	  { 1, "retransmit" }, { 2, "keepalive" }, { 3, "timewait" },
	{ 4, "persist" }, { 4, "probe" },      { 5, "delack" },	   { 0, NULL },
};

/* enum tcp_ca_state, <linux/tcp.h> */
const struct enum_name ca_state_names[] = {
	{ 0, "open" },	   { 1, "disorder" }, { 2, "cwr" },
	{ 3, "recovery" }, { 4, "loss" },     { 0, NULL },
};

const struct enum_name tls_version_names[] = {
	{ TLS_1_2_VERSION, "1.2" },
	{ TLS_1_3_VERSION, "1.3" },
	{ 0, NULL },
};

const struct enum_name tls_cipher_names[] = {
	{ TLS_CIPHER_AES_GCM_128, "aes-gcm-128" },
	{ TLS_CIPHER_AES_GCM_256, "aes-gcm-256" },
	{ TLS_CIPHER_AES_CCM_128, "aes-ccm-128" },
	{ TLS_CIPHER_CHACHA20_POLY1305, "chacha20-poly1305" },
	{ TLS_CIPHER_SM4_GCM, "sm4-gcm" },
	{ TLS_CIPHER_SM4_CCM, "sm4-ccm" },
	{ TLS_CIPHER_ARIA_GCM_128, "aria-gcm-128" },
	{ TLS_CIPHER_ARIA_GCM_256, "aria-gcm-256" },
	{ 0, NULL },
};

const struct enum_name tls_conf_names[] = {
	{ TLS_CONF_BASE, "none" },	     { TLS_CONF_SW, "sw" }, { TLS_CONF_HW, "hw" },
	{ TLS_CONF_HW_RECORD, "hw-record" }, { 0, NULL },
};

const struct enum_name owner_status_names[] = {
	{ OWNER_HELD, "held" },
	{ OWNER_PERMISSION, "permission" },
	{ OWNER_OTHER_PIDNS, "other-pidns" },
	{ OWNER_KERNEL, "kernel" },
	{ OWNER_TIME_WAIT, "time-wait" },
	{ OWNER_NOT_ACCEPTED, "not-accepted" },
	{ OWNER_CLOSED, "closed" },
	{ OWNER_GONE, "gone" },
	{ OWNER_UNREADABLE, "unreadable" },
	{ OWNER_UNTRUSTED, "untrusted" },
	{ 0, NULL },
};

const struct enum_name sock_type_names[] = {
	{ SOCK_STREAM, "stream" },
	{ SOCK_DGRAM, "dgram" },
	{ SOCK_RAW, "raw" },
	{ SOCK_RDM, "rdm" },
	{ SOCK_SEQPACKET, "seqpacket" },
	{ SOCK_PACKET, "packet" },
	{ 0, NULL },
};

/* PDI_*, <linux/packet_diag.h>; NDIAG_FLAG_*, <linux/netlink_diag.h>. */
#define NETLINK_FLAG(flag) (NDIAG_FLAG_##flag << NETLINK_FLAG_SHIFT)
const struct enum_name sock_flag_names[] = {
	{ PDI_RUNNING, "running" },
	{ PDI_AUXDATA, "auxdata" },
	{ PDI_ORIGDEV, "origdev" },
	{ PDI_VNETHDR, "vnethdr" },
	{ PDI_LOSS, "loss" },
	{ NETLINK_FLAG(CB_RUNNING), "cb-running" },
	{ NETLINK_FLAG(PKTINFO), "pktinfo" },
	{ NETLINK_FLAG(BROADCAST_ERROR), "broadcast-error" },
	{ NETLINK_FLAG(NO_ENOBUFS), "no-enobufs" },
	{ NETLINK_FLAG(LISTEN_ALL_NSID), "listen-all-nsid" },
	{ NETLINK_FLAG(CAP_ACK), "cap-ack" },
	{ 0, NULL },
};

/* What packet sockets ask for, <linux/if_ether.h>; names as in tcpdump(8) and ethertypes(5). */
const struct enum_name ethertype_names[] = {
	{ ETH_P_ALL, "all" },
	{ ETH_P_IP, "ip" },
	{ ETH_P_IPV6, "ipv6" },
	{ ETH_P_ARP, "arp" },
	{ ETH_P_RARP, "rarp" },
	{ ETH_P_802_3, "802.3" },
	{ ETH_P_802_2, "802.2" },
	{ ETH_P_LOOP, "loop" },
	{ ETH_P_8021Q, "vlan" },
	{ ETH_P_8021AD, "qinq" },
	{ ETH_P_MPLS_UC, "mpls" },
	{ ETH_P_MPLS_MC, "mpls-multicast" },
	{ ETH_P_PPP_DISC, "pppoe-discovery" },
	{ ETH_P_PPP_SES, "pppoe" },
	{ ETH_P_SLOW, "slow" },
	{ ETH_P_PAE, "eapol" },
	{ ETH_P_PREAUTH, "preauth" },
	{ ETH_P_LLDP, "lldp" },
	{ ETH_P_1588, "ptp" },
	{ ETH_P_MACSEC, "macsec" },
	{ ETH_P_MVRP, "mvrp" },
	{ ETH_P_MRP, "mrp" },
	{ ETH_P_PRP, "prp" },
	{ ETH_P_CFM, "cfm" },
	{ ETH_P_FCOE, "fcoe" },
	{ ETH_P_FIP, "fip" },
	{ ETH_P_AOE, "aoe" },
	{ ETH_P_TIPC, "tipc" },
	{ ETH_P_BATMAN, "batman" },
	{ ETH_P_CAN, "can" },
	{ ETH_P_CANFD, "canfd" },
	{ ETH_P_IEEE802154, "802.15.4" },
	{ ETH_P_PROFINET, "profinet" },
	{ ETH_P_ETHERCAT, "ethercat" },
	{ ETH_P_HSR, "hsr" },
	{ 0, NULL },
};

/* NETLINK_*, <linux/netlink.h> */
const struct enum_name netlink_protocol_names[] = {
	{ NETLINK_ROUTE, "route" },
	{ NETLINK_UNUSED, "unused" },
	{ NETLINK_USERSOCK, "usersock" },
	{ NETLINK_FIREWALL, "firewall" },
	{ NETLINK_SOCK_DIAG, "sock-diag" },
	{ NETLINK_NFLOG, "nflog" },
	{ NETLINK_XFRM, "xfrm" },
	{ NETLINK_SELINUX, "selinux" },
	{ NETLINK_ISCSI, "iscsi" },
	{ NETLINK_AUDIT, "audit" },
	{ NETLINK_FIB_LOOKUP, "fib-lookup" },
	{ NETLINK_CONNECTOR, "connector" },
	{ NETLINK_NETFILTER, "netfilter" },
	{ NETLINK_IP6_FW, "ip6-fw" },
	{ NETLINK_DNRTMSG, "dnrtmsg" },
	{ NETLINK_KOBJECT_UEVENT, "uevent" },
	{ NETLINK_GENERIC, "generic" },
	{ NETLINK_SCSITRANSPORT, "scsi-transport" },
	{ NETLINK_ECRYPTFS, "ecryptfs" },
	{ NETLINK_RDMA, "rdma" },
	{ NETLINK_CRYPTO, "crypto" },
	{ NETLINK_SMC, "smc" },
	{ 0, NULL },
};

/* PACKET_FANOUT_*, <linux/if_packet.h> */
const struct enum_name fanout_names[] = {
	{ PACKET_FANOUT_HASH, "hash" },
	{ PACKET_FANOUT_LB, "lb" },
	{ PACKET_FANOUT_CPU, "cpu" },
	{ PACKET_FANOUT_ROLLOVER, "rollover" },
	{ PACKET_FANOUT_RND, "rnd" },
	{ PACKET_FANOUT_QM, "qm" },
	{ PACKET_FANOUT_CBPF, "cbpf" },
	{ PACKET_FANOUT_EBPF, "ebpf" },
	{ 0, NULL },
};

/* enum tpacket_versions, <linux/if_packet.h> */
const struct enum_name tpacket_names[] = {
	{ TPACKET_V1, "v1" },
	{ TPACKET_V2, "v2" },
	{ TPACKET_V3, "v3" },
	{ 0, NULL },
};

/* SOF_TIMESTAMPING_* of PACKET_TIMESTAMP, <linux/net_tstamp.h> */
const struct enum_name tstamp_names[] = {
	{ SOF_TIMESTAMPING_TX_HARDWARE, "tx-hardware" },
	{ SOF_TIMESTAMPING_TX_SOFTWARE, "tx-software" },
	{ SOF_TIMESTAMPING_RX_HARDWARE, "rx-hardware" },
	{ SOF_TIMESTAMPING_RX_SOFTWARE, "rx-software" },
	{ SOF_TIMESTAMPING_SOFTWARE, "software" },
	{ SOF_TIMESTAMPING_SYS_HARDWARE, "sys-hardware" },
	{ SOF_TIMESTAMPING_RAW_HARDWARE, "raw-hardware" },
	{ 0, NULL },
};

const struct enum_name ring_feature_names[] = {
	{ TP_FT_REQ_FILL_RXHASH, "rxhash" },
	{ 0, NULL },
};

/* VMADDR_CID_*, <linux/vm_sockets.h> */
const struct enum_name socket_state_names[] = {
	{ SS_FREE, "free" },
	{ SS_UNCONNECTED, "unconnected" },
	{ SS_CONNECTING, "connecting" },
	{ SS_CONNECTED, "connected" },
	{ SS_DISCONNECTING, "disconnecting" },
	{ 0, NULL },
};

#define EXTENSION(name) 1 << (INET_DIAG_##name - 1)
const struct enum_name diag_extensions[] = {
	{ EXTENSION(MEMINFO), "meminfo" },
	{ EXTENSION(INFO), "info" },
	{ EXTENSION(VEGASINFO), "vegasinfo" },
	{ EXTENSION(CONG), "cong" },
	{ EXTENSION(TOS), "tos" },
	{ EXTENSION(TCLASS), "tclass" },
	{ EXTENSION(SKMEMINFO), "skmeminfo" },
	{ EXTENSION(SHUTDOWN), "shutdown" },
	{ 0, NULL },
};

const struct enum_name cid_names[] = {
	{ VMADDR_CID_ANY, "any" },
	{ VMADDR_CID_HYPERVISOR, "hypervisor" },
	{ VMADDR_CID_LOCAL, "local" },
	{ VMADDR_CID_HOST, "host" },
	{ 0, NULL },
};
