/*
 * sockmaker: packet sockets, with rings, fanout, memberships and filters.
 */
#include "sockmaker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>

static bool set(int fd, int option, const void *value, size_t len, const char *what)
{
	if (setsockopt(fd, SOL_PACKET, option, value, (socklen_t)len) == 0)
		return true;
	if (!sm_refused(errno))
		sm_die(errno, "%s", what);
	sm_note(errno, "%s", what);
	return false;
}

static void set_number(int fd, int option, int value, const char *what)
{
	set(fd, option, &value, sizeof(value), what);
}

/* Version 3 says more of its blocks than the others. */
static void make_ring(int fd, int option, long version)
{
	struct tpacket_req3 req = {
		.tp_block_size = 65536,
		.tp_block_nr = 2,
		.tp_frame_size = 2048,
		.tp_frame_nr = 64,
	};

	if (version == 3 && option == PACKET_RX_RING) {
		req.tp_retire_blk_tov = 150;
		req.tp_sizeof_priv = 16;
		req.tp_feature_req_word = TP_FT_REQ_FILL_RXHASH;
	}
	set(fd, option, &req, version == 3 ? sizeof(req) : sizeof(struct tpacket_req), "a ring");
}

static void make_rings(int fd, const struct sm_opts *o)
{
	if (o->rxring < 0 && !o->txring)
		return;
	set_number(fd, PACKET_VERSION, o->rxring > 0 ? (int)o->rxring - 1 : TPACKET_V1,
		   "the version of a ring");
	if (o->rxring > 0)
		make_ring(fd, PACKET_RX_RING, o->rxring);
	if (o->txring)
		make_ring(fd, PACKET_TX_RING, o->rxring);
}

static void join(int fd, int ifindex, unsigned short type)
{
	struct packet_mreq req = { .mr_ifindex = ifindex, .mr_type = type };
	static const unsigned char group[6] = { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x2a };

	if (type == PACKET_MR_MULTICAST) {
		req.mr_alen = sizeof(group);
		memcpy(req.mr_address, group, sizeof(group));
	}
	set(fd, PACKET_ADD_MEMBERSHIP, &req, sizeof(req), "a membership");
}

/* Drops everything, IPv4 by a way of its own. */
static void attach_filter(int fd)
{
	struct sock_filter code[] = {
		{ BPF_LD | BPF_H | BPF_ABS, 0, 0, 12 },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, ETHERTYPE_IP },
		{ BPF_RET | BPF_K, 0, 0, 0 },
		{ BPF_RET | BPF_K, 0, 0, 0 },
	};
	struct sock_fprog prog = { .len = 4, .filter = code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) != 0)
		sm_die(errno, "a filter");
}

static void set_options(int fd, int ifindex, const struct sm_opts *o)
{
	if (o->auxdata) {
		set_number(fd, PACKET_AUXDATA, 1, "PACKET_AUXDATA");
		set_number(fd, PACKET_ORIGDEV, 1, "PACKET_ORIGDEV");
	}
	if (o->promisc)
		join(fd, ifindex, PACKET_MR_PROMISC);
	if (o->join)
		join(fd, ifindex, PACKET_MR_MULTICAST);
	if (o->fanout >= 0)
		set_number(fd, PACKET_FANOUT, (int)o->fanout | PACKET_FANOUT_CPU << 16, "fanout");
}

static int protocol_of(const char *value)
{
	if (value[0] == '\0' || strcmp(value, "all") == 0)
		return ETH_P_ALL;
	if (strcmp(value, "ip") == 0)
		return ETHERTYPE_IP;
	if (strcmp(value, "ipv6") == 0)
		return ETHERTYPE_IPV6;
	if (strcmp(value, "arp") == 0)
		return ETHERTYPE_ARP;
	return (int)sm_number(value, 0, 65535, "packet: ethertype");
}

/* packet=PROTOCOL: all (the default), ip, ipv6, arp or an ethertype. */
void sm_make_packet(char *value, struct sm_opts *o)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons((uint16_t)protocol_of(value)),
	};
	int fd = sm_socket(AF_PACKET, o->dgram ? SOCK_DGRAM : SOCK_RAW, 0, o);

	if (fd < 0)
		return;
	/* It is read by nobody, so that lo's traffic must not fill its buffer. */
	sm_drop_all(fd);
	if (o->filter)
		attach_filter(fd);
	make_rings(fd, o);
	if (o->dev != NULL)
		at.sll_ifindex = (int)if_nametoindex(o->dev);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		sm_die(errno, "packet socket");
	set_options(fd, at.sll_ifindex, o);
	sm_made("packet socket %s", value);
}
