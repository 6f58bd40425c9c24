/* Owns the enums of `sockets`: value, name, spellings. The first row of a value is its name. */
#include "sockets.h"

#include <linux/mptcp.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <sys/socket.h>

const struct enum_name proto_names[] = {
	{ PROTO_TCP, "tcp" },	       { PROTO_UDP, "udp" },   { PROTO_UDPLITE, "udplite" },
	{ PROTO_UDPLITE, "udp-lite" }, { PROTO_RAW, "raw" },   { PROTO_MPTCP, "mptcp" },
	{ PROTO_SCTP, "sctp" },	       { PROTO_DCCP, "dccp" }, { 0, NULL },
};

/* IPPROTO_*, <linux/in.h> and <linux/in6.h>; those without a name are numbers. */
const struct enum_name protocol_names[] = {
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
	{ AF_INET, "inet" }, { AF_INET, "ipv4" },   { AF_INET, "ip4" },	  { AF_INET, "v4" },
	{ AF_INET, "4" },    { AF_INET6, "inet6" }, { AF_INET6, "ipv6" }, { AF_INET6, "ip6" },
	{ AF_INET6, "v6" },  { AF_INET6, "6" },	    { 0, NULL },
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
	{ 0, NULL },
};
