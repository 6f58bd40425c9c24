/*
 * Packet, netlink, vsock, xdp and tipc sockets from messages as the kernel lays them out
 * (net/packet/diag.c, net/netlink/diag.c, net/vmw_vsock/diag.c, net/xdp/xsk_diag.c,
 * net/tipc/socket.c), by way of recordings; lines of /proc/net; and what the kernel lacks.
 */
#include "source/sockets.h"
#include "test_netlink_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tipc_netlink.h>
#include <linux/vm_sockets.h>
#include <linux/vm_sockets_diag.h>
#include <linux/xdp_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct stream stream;

/* A list of sockets of this family, with these messages. */
static void start(unsigned family, const struct message *const *rows, size_t n)
{
	stream_start(&stream);
	stream_record(&stream, NL_REC_DUMP);
	stream_u32(&stream, 0);
	stream_u32(&stream, NETLINK_SOCK_DIAG);
	stream_u32(&stream, SOCK_DIAG_BY_FAMILY);
	stream_u32(&stream, family << 16);
	stream_close(&stream);
	stream_datagram(&stream);
	for (size_t i = 0; i < n; i++)
		stream_msg(&stream, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, rows[i]->buf + NLMSG_HDRLEN,
			   rows[i]->len - NLMSG_HDRLEN);
	stream_done(&stream, 0, 0);
	stream_close(&stream);
}

static void play(void)
{
	struct nl_error err;

	stream_end(&stream);
	assert_int_equal(nl_replay_memory(stream.bytes, stream.len, &err), 0);
}

static void load(unsigned family, const struct message *const *rows, size_t n)
{
	start(family, rows, n);
	play();
}

/* All sockets of a protocol, in any state. */
static struct scan *scan_of(unsigned proto, unsigned family)
{
	struct scan_request req = { .env = env_new(NULL), .needs = ~NEED_OWNERS };
	struct scan *sc;

	for (unsigned state = 1; state < 14; state++) {
		struct part_set one = sockets_parts(proto, family, state);

		for (size_t i = 0; i < sizeof(one.bits) / sizeof(one.bits[0]); i++)
			req.parts.bits[i] |= one.bits[i];
	}
	req.named = req.parts;
	sc = scan_open(&source_sockets, &req);
	assert_non_null(sc);
	env_unref(req.env);
	return sc;
}

/* The text of the row's field; "" when it is absent. Of a list all of it. */
static const char *text_of(const struct row *row, const char *name)
{
	static char out[1024];
	const struct field *f = source_field(&source_sockets, name);
	char buf[VALUE_TEXT_MAX];
	struct value v;
	size_t n, at = 0;

	assert_non_null(f);
	out[0] = '\0';
	if (!field_get(f, row, &v))
		return out;
	for (size_t i = 0; i < (v.kind == VALUE_LIST ? v.list.n : 1); i++) {
		const struct value *one = v.kind == VALUE_LIST ? &v.list.items[i] : &v;
		const char *text = value_text(f, one, buf, &n);

		at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%.*s", i ? "|" : "", (int)n,
				       text);
	}
	return out;
}

struct expected {
	const char *field, *text;
};

static void check(const struct row *row, const struct expected *e)
{
	for (; e->field; e++)
		if (strcmp(text_of(row, e->field), e->text) != 0)
			fail_msg("%s is '%s' and should be '%s'", e->field, text_of(row, e->field),
				 e->text);
}

/* One row of this message, which must be all there is. */
static void check_one(unsigned proto, unsigned family, const struct message *m,
		      const struct expected *e)
{
	struct nl_error err;
	struct scan *sc;
	struct row row;

	load(family, &m, 1);
	sc = scan_of(proto, family);
	assert_int_equal(scan_next(sc, &row, &err), 1);
	assert_int_equal(row.tag, proto);
	check(&row, e);
	assert_int_equal(scan_next(sc, &row, &err), 0);
	scan_close(sc);
	nl_replay_unload();
}

static void put_u32(struct message *m, uint16_t type, uint32_t n)
{
	message_put(m, type, &n, sizeof(n));
}

static void end(struct message *m)
{
	assert_non_null(message_end(m));
}

/* ---- vsock ---------------------------------------------------------------------------- */

static void test_vsock(void **state)
{
	struct vsock_diag_msg head = {
		.vdiag_family = AF_VSOCK,
		.vdiag_type = SOCK_STREAM,
		.vdiag_state = 1,
		.vdiag_shutdown = 2,
		.vdiag_src_cid = 2,
		.vdiag_src_port = 4000000000,
		.vdiag_dst_cid = 77,
		.vdiag_dst_port = 1024,
		.vdiag_ino = 4711,
		.vdiag_cookie = { 5, 1 },
	};
	static const struct expected connected[] = {
		{ "proto", "vsock" },
		{ "family", "vsock" },
		{ "state", "established" },
		{ "type", "stream" },
		{ "local_cid", "host" },
		{ "local_port", "4000000000" },
		{ "remote_cid", "77" },
		{ "remote_port", "1024" },
		{ "inode", "4711" },
		{ "cookie", "4294967301" },
		{ "shutdown_recv", "false" },
		{ "shutdown_send", "true" },
		{ "lport", "" },
		{ "laddr", "" },
		{ "uid", "" },
		{ "recvq", "" },
		{ "dev", "" },
		{ "remote_node", "" },
		{ NULL, NULL },
	};
	static const struct expected listening[] = {
		{ "state", "listen" },	 { "type", "seqpacket" }, { "local_cid", "any" },
		{ "remote_cid", "any" }, { "remote_port", "" },	  { "inode", "" },
		{ "local_port", "22" },	 { NULL, NULL },
	};
	struct message m = { 0 };

	(void)state;
	message_begin(&m, SOCK_DIAG_BY_FAMILY, &head, sizeof(head));
	end(&m);
	check_one(PROTO_VSOCK, AF_VSOCK, &m, connected);
	head.vdiag_state = 10;
	head.vdiag_type = SOCK_SEQPACKET;
	head.vdiag_src_cid = head.vdiag_dst_cid = VMADDR_CID_ANY;
	head.vdiag_dst_port = VMADDR_PORT_ANY;
	head.vdiag_src_port = 22;
	head.vdiag_ino = 0;
	message_begin(&m, SOCK_DIAG_BY_FAMILY, &head, sizeof(head));
	end(&m);
	check_one(PROTO_VSOCK, AF_VSOCK, &m, listening);
	message_free(&m);
}

/* ---- xdp --------------------------------------------------------------------------------- */

static void put_xdp(struct message *m, uint32_t flags)
{
	const struct xdp_diag_msg head = {
		.xdiag_family = AF_XDP,
		.xdiag_type = SOCK_RAW,
		.xdiag_ino = 99,
		.xdiag_cookie = { 12, 0 },
	};
	const struct xdp_diag_info info = { .ifindex = 3, .queue_id = 5 };
	const struct xdp_diag_ring rings[] = { { 2048 }, { 1024 }, { 4096 }, { 512 } };
	const struct xdp_diag_umem umem = {
		.size = UINT64_C(1) << 33,
		.id = 8,
		.num_pages = 2097152,
		.chunk_size = 4096,
		.headroom = 256,
		.ifindex = 3,
		.queue_id = 5,
		.flags = flags,
		.refs = 2,
	};
	const uint32_t memory[SK_MEMINFO_VARS] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	const struct xdp_diag_stats stats = { 11, 12, 13, 14, 15, 16 };

	message_begin(m, SOCK_DIAG_BY_FAMILY, &head, sizeof(head));
	message_put(m, XDP_DIAG_INFO, &info, sizeof(info));
	put_u32(m, XDP_DIAG_UID, 1000);
	message_put(m, XDP_DIAG_RX_RING, &rings[0], sizeof(rings[0]));
	message_put(m, XDP_DIAG_TX_RING, &rings[1], sizeof(rings[1]));
	message_put(m, XDP_DIAG_UMEM, &umem, sizeof(umem));
	message_put(m, XDP_DIAG_UMEM_FILL_RING, &rings[2], sizeof(rings[2]));
	message_put(m, XDP_DIAG_UMEM_COMPLETION_RING, &rings[3], sizeof(rings[3]));
	message_put(m, XDP_DIAG_MEMINFO, memory, sizeof(memory));
	message_put(m, XDP_DIAG_STATS, &stats, sizeof(stats));
	end(m);
}

static void test_xdp(void **state)
{
	static const struct expected all[] = {
		{ "proto", "xdp" },
		{ "family", "xdp" },
		{ "state", "close" },
		{ "type", "raw" },
		{ "inode", "99" },
		{ "cookie", "12" },
		{ "uid", "1000" },
		{ "dev_index", "3" },
		{ "queue", "5" },
		{ "rx_entries", "2048" },
		{ "tx_entries", "1024" },
		{ "fill_entries", "4096" },
		{ "completion_entries", "512" },
		{ "umem_id", "8" },
		{ "umem_size", "8589934592" },
		{ "umem_pages", "2097152" },
		{ "umem_chunk_size", "4096" },
		{ "umem_headroom", "256" },
		{ "umem_dev_index", "3" },
		{ "umem_queue", "5" },
		{ "umem_zerocopy", "true" },
		{ "umem_refs", "2" },
		{ "recvq", "1" },
		{ "rmem", "1" },
		{ "rcvbuf", "2" },
		{ "wmem", "3" },
		{ "sendq", "3" },
		{ "sndbuf", "4" },
		{ "fwd_alloc", "5" },
		{ "wmem_queued", "6" },
		{ "optmem", "7" },
		{ "backlog_mem", "8" },
		{ "drops", "9" },
		{ "rx_dropped", "11" },
		{ "rx_invalid", "12" },
		{ "rx_full", "13" },
		{ "fill_empty", "14" },
		{ "tx_invalid", "15" },
		{ "tx_empty", "16" },
		{ "rx_ring_frames", "" },
		{ "protocol", "" },
		{ NULL, NULL },
	};
	static const struct expected copying[] = { { "umem_zerocopy", "false" }, { NULL, NULL } };
	struct message m = { 0 };

	(void)state;
	put_xdp(&m, XDP_DU_F_ZEROCOPY);
	check_one(PROTO_XDP, AF_XDP, &m, all);
	put_xdp(&m, 0);
	check_one(PROTO_XDP, AF_XDP, &m, copying);
	message_free(&m);
}

/* ---- tipc -------------------------------------------------------------------------------- */

static void begin_tipc(struct message *m, uint32_t sk_state, uint64_t cookie, size_t *sock)
{
	message_begin(m, SOCK_DIAG_BY_FAMILY, "", 0);
	*sock = message_nest(m, TIPC_NLA_SOCK);
	put_u32(m, TIPC_NLA_SOCK_REF, 3001);
	put_u32(m, TIPC_NLA_SOCK_ADDR, 0x1001001);
	put_u32(m, TIPC_NLA_SOCK_TYPE, SOCK_SEQPACKET);
	put_u32(m, TIPC_NLA_SOCK_TIPC_STATE, sk_state);
	put_u32(m, TIPC_NLA_SOCK_INO, 55);
	put_u32(m, TIPC_NLA_SOCK_UID, 7);
	message_put(m, TIPC_NLA_SOCK_COOKIE, &cookie, sizeof(cookie));
}

static void put_connection(struct message *m, bool service)
{
	size_t con = message_nest(m, TIPC_NLA_SOCK_CON);

	put_u32(m, TIPC_NLA_CON_NODE, 0x1001002);
	put_u32(m, TIPC_NLA_CON_SOCK, 3002);
	if (service) {
		message_put(m, TIPC_NLA_CON_FLAG, NULL, 0);
		put_u32(m, TIPC_NLA_CON_TYPE, 18888);
		put_u32(m, TIPC_NLA_CON_INST, 17);
	}
	message_unnest(m, con);
}

static void put_stat(struct message *m, bool congested)
{
	size_t stat = message_nest(m, TIPC_NLA_SOCK_STAT);

	put_u32(m, TIPC_NLA_SOCK_STAT_RCVQ, 4);
	put_u32(m, TIPC_NLA_SOCK_STAT_SENDQ, 5);
	put_u32(m, TIPC_NLA_SOCK_STAT_DROP, 6);
	if (congested)
		message_put(m, TIPC_NLA_SOCK_STAT_LINK_CONG, NULL, 0);
	message_unnest(m, stat);
}

static void put_group(struct message *m)
{
	size_t group = message_nest(m, TIPC_NLA_SOCK_GROUP);

	put_u32(m, TIPC_NLA_SOCK_GROUP_ID, 4711);
	put_u32(m, TIPC_NLA_SOCK_GROUP_INSTANCE, 2);
	put_u32(m, TIPC_NLA_SOCK_GROUP_BC_SEND_NEXT, 1);
	message_put(m, TIPC_NLA_SOCK_GROUP_OPEN, NULL, 0);
	message_unnest(m, group);
}

static void test_tipc_connected(void **state)
{
	static const struct expected all[] = {
		{ "proto", "tipc" },
		{ "family", "tipc" },
		{ "state", "established" },
		{ "type", "seqpacket" },
		{ "local_node", "16781313" },
		{ "local_port", "3001" },
		{ "remote_node", "16781314" },
		{ "remote_port", "3002" },
		{ "service_type", "18888" },
		{ "service_instance", "17" },
		{ "inode", "55" },
		{ "uid", "7" },
		{ "cookie", "81985529216486895" },
		{ "recvq_messages", "4" },
		{ "sendq_messages", "5" },
		{ "drops", "6" },
		{ "link_congested", "true" },
		{ "conn_congested", "false" },
		{ "group_id", "" },
		{ "group_open", "" },
		{ "recvq", "" },
		{ "published", "false" },
		{ NULL, NULL },
	};
	struct message m = { 0 };
	size_t sock;

	(void)state;
	begin_tipc(&m, 1, UINT64_C(0x0123456789abcdef), &sock);
	put_connection(&m, true);
	put_stat(&m, true);
	message_unnest(&m, sock);
	end(&m);
	check_one(PROTO_TIPC, AF_TIPC, &m, all);
	message_free(&m);
}

static void test_tipc_group(void **state)
{
	static const struct expected all[] = {
		{ "state", "close" },	       { "published", "true" },
		{ "remote_port", "" },	       { "remote_node", "" },
		{ "service_type", "" },	       { "group_id", "4711" },
		{ "group_instance", "2" },     { "group_open", "true" },
		{ "link_congested", "false" }, { NULL, NULL },
	};
	static const struct expected bare[] = {
		{ "link_congested", "" },
		{ "drops", "" },
		{ "recvq_messages", "" },
		{ NULL, NULL },
	};
	struct message m = { 0 };
	size_t sock;

	(void)state;
	begin_tipc(&m, 7, 1, &sock);
	message_put(&m, TIPC_NLA_SOCK_HAS_PUBL, NULL, 0);
	put_stat(&m, false);
	put_group(&m);
	message_unnest(&m, sock);
	end(&m);
	check_one(PROTO_TIPC, AF_TIPC, &m, all);
	begin_tipc(&m, 7, 1, &sock);
	message_unnest(&m, sock);
	end(&m);
	check_one(PROTO_TIPC, AF_TIPC, &m, bare);
	message_free(&m);
}

/* The kernel leaves empty messages for sockets of other states. */
static void test_tipc_empty_messages(void **state)
{
	struct message empty = { 0 }, m = { 0 };
	const struct message *const rows[] = { &empty, &m, &empty };
	struct nl_error err;
	struct scan *sc;
	struct row row;
	size_t sock;

	(void)state;
	message_begin(&empty, SOCK_DIAG_BY_FAMILY, "", 0);
	end(&empty);
	begin_tipc(&m, 10, 1, &sock);
	message_unnest(&m, sock);
	end(&m);
	load(AF_TIPC, rows, 3);
	sc = scan_of(PROTO_TIPC, AF_TIPC);
	assert_int_equal(scan_next(sc, &row, &err), 1);
	assert_string_equal(text_of(&row, "state"), "listen");
	assert_int_equal(scan_next(sc, &row, &err), 0);
	scan_close(sc);
	nl_replay_unload();
	message_free(&empty);
	message_free(&m);
}

/* ---- packet ------------------------------------------------------------------------------- */

static void begin_packet(struct message *m, uint16_t protocol)
{
	const struct packet_diag_msg head = {
		.pdiag_family = AF_PACKET,
		.pdiag_type = SOCK_RAW,
		.pdiag_num = protocol,
		.pdiag_ino = 31,
		.pdiag_cookie = { 9, 0 },
	};

	message_begin(m, SOCK_DIAG_BY_FAMILY, &head, sizeof(head));
}

static void test_packet(void **state)
{
	const struct packet_diag_info info = { 0, TPACKET_V3, 64, 7, 1u << 4 | 1u << 6, 0x1f };
	const struct packet_diag_ring rx = { 65536, 4, 2048, 128, 100, 16, 1 };
	const struct packet_diag_ring tx = { 4096, 2, 1024, 8, 0, 0, 0 };
	const struct packet_diag_mclist lists[] = {
		{ .pdmc_index = 1, .pdmc_type = 0, .pdmc_alen = 2, .pdmc_addr = { 1, 0xff } },
		{ .pdmc_index = 1, .pdmc_type = 9, .pdmc_alen = UINT16_MAX },
		{ .pdmc_index = 1, .pdmc_type = 1 },
	};
	static const struct expected all[] = {
		{ "proto", "packet" },
		{ "protocol", "0x88b5" },
		{ "type", "raw" },
		{ "state", "close" },
		{ "dev_index", "" },
		{ "dev", "" },
		{ "inode", "31" },
		{ "uid", "12" },
		{ "ring_version", "v3" },
		{ "ring_reserve", "64" },
		{ "copy_threshold", "7" },
		{ "tstamp", "software|raw-hardware" },
		{ "flags", "running|auxdata|origdev|vnethdr|loss" },
		{ "rx_ring_block_size", "65536" },
		{ "rx_ring_blocks", "4" },
		{ "rx_ring_frame_size", "2048" },
		{ "rx_ring_frames", "128" },
		{ "rx_ring_timeout", "0.1" },
		{ "rx_ring_private", "16" },
		{ "rx_ring_features", "rxhash" },
		{ "tx_ring_block_size", "4096" },
		{ "tx_ring_blocks", "2" },
		{ "tx_ring_frame_size", "1024" },
		{ "tx_ring_frames", "8" },
		{ "fanout", "65535" },
		{ "fanout_type", "unknown(255)" },
		{ "promiscuous", "true" },
		{ "port_id", "" },
		{ NULL, NULL },
	};
	struct message m = { 0 };

	(void)state;
	begin_packet(&m, 0x88b5);
	message_put(&m, PACKET_DIAG_INFO, &info, sizeof(info));
	put_u32(&m, PACKET_DIAG_UID, 12);
	message_put(&m, PACKET_DIAG_MCLIST, lists, sizeof(lists));
	message_put(&m, PACKET_DIAG_RX_RING, &rx, sizeof(rx));
	message_put(&m, PACKET_DIAG_TX_RING, &tx, sizeof(tx));
	put_u32(&m, PACKET_DIAG_FANOUT, UINT32_MAX);
	end(&m);
	check_one(PROTO_PACKET, AF_PACKET, &m, all);
	message_free(&m);
}

/* A list is as long as what is whole of it, whatever its items claim. */
static void test_packet_lists(void **state)
{
	struct packet_diag_mclist lists[] = {
		{ .pdmc_index = 0, .pdmc_type = 1 },
		{ .pdmc_index = 0, .pdmc_type = 9, .pdmc_alen = UINT16_MAX },
		{ .pdmc_index = 0, .pdmc_type = 1 },
	};
	const struct sock_filter code[] = { { 0xffff, 255, 254, UINT32_MAX }, { 6, 0, 0, 0 } };
	struct message m = { 0 };
	char long_one[160] = "promisc ";
	static const struct expected none[] = {
		{ "filter", "" },      { "filter_length", "" }, { "memberships", "" },
		{ "promiscuous", "" }, { "protocol", "all" },	{ NULL, NULL },
	};
	static const struct expected cut[] = {
		{ "filter", "65535 255 254 4294967295" },
		{ "filter_length", "1" },
		{ "promiscuous", "true" },
		{ "protocol", "" },
		{ NULL, NULL },
	};
	struct nl_error err;
	const struct message *rows = &m;
	struct scan *sc;
	struct row row;

	(void)state;
	begin_packet(&m, ETH_P_ALL);
	message_put(&m, PACKET_DIAG_FILTER, NULL, 0); /* no permission */
	end(&m);
	check_one(PROTO_PACKET, AF_PACKET, &m, none);
	begin_packet(&m, 0);
	message_put(&m, PACKET_DIAG_FILTER, code, sizeof(code) - 1);
	message_put(&m, PACKET_DIAG_MCLIST, lists, sizeof(lists) - 1);
	end(&m);
	check_one(PROTO_PACKET, AF_PACKET, &m, cut);
	load(AF_PACKET, &rows, 1);
	sc = scan_of(PROTO_PACKET, AF_PACKET);
	assert_int_equal(scan_next(sc, &row, &err), 1);
	snprintf(long_one, sizeof(long_one), "%s", text_of(&row, "memberships"));
	assert_true(strncmp(long_one, "promisc if0|9 if0 00:00:", 24) == 0);
	assert_int_equal(strlen(long_one), strlen("promisc if0|9 if0") + 32 * 3);
	scan_close(sc);
	nl_replay_unload();
	message_free(&m);
}

/* A recording can give a device a name that is longer than any: it must not spoil the text. */
static void test_packet_long_name(void **state)
{
	struct packet_diag_mclist one = { .pdmc_index = 3, .pdmc_type = 9, .pdmc_alen = 32 };
	struct message m = { 0 };
	char name[1000], want[128] = "9 LLLLLLLLLLLLLLL 00";
	struct nl_error err;
	struct scan *sc;
	struct row row;

	(void)state;
	memset(name, 'L', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	begin_packet(&m, ETH_P_ALL);
	message_put(&m, PACKET_DIAG_MCLIST, &one, sizeof(one));
	end(&m);
	start(AF_PACKET, (const struct message *[]){ &m }, 1);
	stream_name(&stream, NL_NAME_DEVICE, 3, name);
	play();
	sc = scan_of(PROTO_PACKET, AF_PACKET);
	assert_int_equal(scan_next(sc, &row, &err), 1);
	for (unsigned i = 1; i < 32; i++)
		strcat(want, ":00");
	assert_string_equal(text_of(&row, "memberships"), want);
	scan_close(sc);
	nl_replay_unload();
	message_free(&m);
}

/* ---- netlink ------------------------------------------------------------------------------ */

static void begin_netlink(struct message *m, uint8_t protocol, uint8_t sk_state)
{
	const struct netlink_diag_msg head = {
		.ndiag_family = AF_NETLINK,
		.ndiag_type = SOCK_DGRAM,
		.ndiag_protocol = protocol,
		.ndiag_state = sk_state,
		.ndiag_portid = UINT32_MAX,
		.ndiag_dst_portid = 5,
		.ndiag_dst_group = 3,
		.ndiag_ino = 77,
		.ndiag_cookie = { 1, 0 },
	};

	message_begin(m, SOCK_DIAG_BY_FAMILY, &head, sizeof(head));
}

static void test_netlink(void **state)
{
	const uint32_t memory[SK_MEMINFO_VARS] = { 21, 22, 23, 24, 25, 26, 27, 28, 29 };
	const unsigned long groups[3] = { 1ul | 1ul << 63, 1ul << 1, 1ul };
	const struct netlink_diag_ring ring = { 4096, 3, 512, 24 };
	static const struct expected all[] = {
		{ "proto", "netlink" },
		{ "family", "netlink" },
		{ "protocol", "generic" },
		{ "state", "established" },
		{ "type", "dgram" },
		{ "port_id", "4294967295" },
		{ "dst_port_id", "5" },
		{ "dst_group", "3" },
		{ "inode", "77" },
		{ "cookie", "1" },
		{ "recvq", "21" },
		{ "sendq", "23" },
		{ "drops", "29" },
		{ "groups", "1|64|66" },
		{ "flags", "cb-running|cap-ack" },
		{ "rx_ring_blocks", "3" },
		{ "rx_ring_frames", "24" },
		{ "tx_ring_frames", "" },
		{ "rx_ring_timeout", "" },
		{ "uid", "" },
		{ NULL, NULL },
	};
	static const struct expected odd[] = {
		{ "protocol", "31" }, { "state", "close" }, { "groups", "" },
		{ "flags", "" },      { "recvq", "" },	    { NULL, NULL },
	};
	struct message m = { 0 };

	(void)state;
	begin_netlink(&m, NETLINK_GENERIC, 1);
	message_put(&m, NETLINK_DIAG_MEMINFO, memory, sizeof(memory));
	message_put(&m, NETLINK_DIAG_GROUPS, groups, sizeof(groups) - 4);
	put_u32(&m, NETLINK_DIAG_FLAGS, NDIAG_FLAG_CB_RUNNING | NDIAG_FLAG_CAP_ACK);
	message_put(&m, NETLINK_DIAG_RX_RING, &ring, sizeof(ring));
	end(&m);
	check_one(PROTO_NETLINK, AF_NETLINK, &m, all);
	begin_netlink(&m, 31, 7);
	message_put(&m, NETLINK_DIAG_GROUPS, groups, 7);
	put_u32(&m, NETLINK_DIAG_FLAGS, 0);
	end(&m);
	check_one(PROTO_NETLINK, AF_NETLINK, &m, odd);
	message_free(&m);
}

/* ---- /proc -------------------------------------------------------------------------------- */

/* The message of a line, which is read from a copy without a byte behind it. */
static bool line_of(line_message *read, const char *line, struct message *m)
{
	size_t len = strlen(line);
	char *copy = malloc(len ? len : 1);
	bool yes;

	memcpy(copy, line, len);
	yes = read(copy, copy + len, m);
	free(copy);
	if (yes)
		end(m);
	return yes;
}

static void check_line(line_message *read, unsigned proto, const char *line,
		       const struct expected *e)
{
	struct message m = { 0 };
	struct row row = { .source = &source_sockets,
			   .env = env_new(NULL),
			   .shape = proto == PROTO_PACKET ? &shape_packet : &shape_netlink,
			   .tag = proto };

	assert_true(line_of(read, line, &m));
	row.msg = (const struct nlmsghdr *)m.buf;
	check(&row, e);
	assert_int_not_equal(source_sockets.key(&row), 0);
	env_unref(row.env);
	message_free(&m);
}

static void test_lines(void **state)
{
	static const struct expected packet[] = {
		{ "type", "raw" },    { "protocol", "lldp" }, { "dev_index", "2" },
		{ "recvq", "4096" },  { "uid", "1000" },      { "inode", "5551212" },
		{ "cookie", "" },     { "flags", "" },	      { "ring_version", "" },
		{ "rcvbuf", "" },     { "sendq", "" },	      { "rmem", "4096" },
		{ "state", "close" }, { NULL, NULL },
	};
	static const struct expected netlink[] = {
		{ "protocol", "uevent" }, { "port_id", "1234" }, { "groups", "1|32" },
		{ "recvq", "640" },	  { "sendq", "17" },	 { "drops", "3" },
		{ "inode", "888" },	  { "state", "" },	 { "type", "" },
		{ "cookie", "" },	  { "sndbuf", "" },	 { "flags", "" },
		{ NULL, NULL },
	};

	(void)state;
	check_line(packet_line, PROTO_PACKET,
		   "00000000f31bd2a1 3      3    88cc   2     1 4096   1000   5551212", packet);
	check_line(netlink_line, PROTO_NETLINK,
		   "000000002a275905 15  1234       80000001 640      17       0     2        3    "
		   "    "
		   "888     ",
		   netlink);
}

static void test_damaged_lines(void **state)
{
	static const char *const packet[] = {
		"",
		"sk               RefCnt Type Proto  Iface R Rmem   User   Inode",
		"1 3 3 88cc 2 1 4096 1000",
		"1 3 256 88cc 2 1 4096 1000 1",
		"1 3 3 10000 2 1 4096 1000 1",
		"1 3 3 88cg 2 1 4096 1000 1",
		"1 3 3 88cc -2 1 4096 1000 1",
		"1 3 3 88cc 2147483648 1 4096 1000 1",
		"1 3 3 88cc 2 1 4294967296 1000 1",
		"1 3 3 88cc 2 1 4096 99999999999999999999 1",
		"1 3 3 88cc 2 1 4096 1000 4294967296",
	};
	static const char *const netlink[] = {
		"",
		"sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops   "
		" Inode",
		"1 0 1 00000001 0 0 0 2 0",
		"1 256 1 00000001 0 0 0 2 0 5",
		"1 0 4294967296 00000001 0 0 0 2 0 5",
		"1 0 1 100000000 0 0 0 2 0 5",
		"1 0 1 00000001 -1 0 0 2 0 5",
		"1 0 1 00000001 0 0 0 2 x 5",
	};
	struct message m = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(packet) / sizeof(packet[0]); i++)
		if (line_of(packet_line, packet[i], &m))
			fail_msg("taken: %s", packet[i]);
	for (size_t i = 0; i < sizeof(netlink) / sizeof(netlink[0]); i++)
		if (line_of(netlink_line, netlink[i], &m))
			fail_msg("taken: %s", netlink[i]);
	message_free(&m);
}

/* A text whose lines are those of another table: no rows, and that is told. */
static void test_left_out_lines(void **state)
{
	struct scan_request req = { .env = env_new(NULL) };
	const struct nlmsghdr *msg;
	struct nl_error err;
	struct reader *r = lines_open(&req, "net/protocols", netlink_line, netlink_text, &err);

	(void)state;
	assert_non_null(r);
	assert_int_equal(r->ops->next(r, &msg, &err), 0);
	r->ops->close(r);
	assert_non_null(env_lacks(req.env));
	assert_string_equal(env_lacks(req.env),
			    "a line of /proc/net/protocols makes no sense: sockets may be missing");
	env_unref(req.env);
}

/* ---- what is lacking ---------------------------------------------------------------------- */

static void test_gaps(void **state)
{
	static const struct {
		unsigned proto, family;
		const char *what, *config;
	} lists[] = {
		{ PROTO_VSOCK, AF_VSOCK, "vsock sockets", "CONFIG_VSOCKETS_DIAG" },
		{ PROTO_XDP, AF_XDP, "xdp sockets", "CONFIG_XDP_SOCKETS_DIAG" },
		{ PROTO_TIPC, AF_TIPC, "tipc sockets", "CONFIG_TIPC_DIAG" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const struct scan_gap *gaps;
		struct nl_error err;
		struct scan *sc;
		struct row row;

		load(AF_PACKET, NULL, 0);
		sc = scan_of(lists[i].proto, lists[i].family);
		assert_int_equal(scan_next(sc, &row, &err), 0);
		assert_int_equal(scan_gaps(sc, &gaps), 1);
		assert_string_equal(gaps[0].what, lists[i].what);
		assert_string_equal(gaps[0].config, lists[i].config);
		assert_true(gaps[0].named);
		/* the recording does not tell, so it may be */
		assert_true(gaps[0].exists);
		scan_close(sc);
		nl_replay_unload();
	}
}

/* TCP is there on any system that runs this, and no kernel has the other. */
static void test_protocols(void **state)
{
	struct env *env = env_new(NULL);

	(void)state;
	assert_true(protocol_exists(env, "TCP"));
	assert_false(protocol_exists(env, "TC"));
	assert_false(protocol_exists(env, "TCPX"));
	assert_false(protocol_exists(env, ""));
	env_unref(env);
}

/* The same text is kept once, others beside it. */
static void test_kept_texts(void **state)
{
	struct env *env = env_new(NULL);
	const char *one = env_text(env, "6 0 0 0", 7);
	char text[16];

	(void)state;
	assert_string_equal(one, "6 0 0 0");
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_string_equal(env_text(env, text, strlen(text)), text);
	}
	assert_ptr_equal(env_text(env, "6 0 0 0 and more", 7), one);
	assert_string_equal(env_text(env, "", 0), "");
	env_unref(env);
}

/* The text of a list fills its buffer at most; what it leaves out is told. */
static void test_list_text(void **state)
{
	static const struct field numbers = { .type = FT_INT, .flags = FF_LIST };
	struct value items[60], list = { .kind = VALUE_LIST };

	(void)state;
	for (int64_t first = 1; first < 1000000000000000000; first *= 10) {
		char *buf = malloc(VALUE_TEXT_MAX);
		const char *text;
		size_t len;

		items[0] = (struct value){ .kind = VALUE_INT, .num = first };
		for (size_t i = 1; i < 60; i++)
			items[i] = (struct value){ .kind = VALUE_INT, .num = 10 };
		list.list.items = items;
		list.list.n = 60;
		text = value_text(&numbers, &list, buf, &len);
		assert_true(len == strlen(text) && len < VALUE_TEXT_MAX && len > 90);
		assert_string_equal(text + len - 4, ",...");
		free(buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vsock),
		cmocka_unit_test(test_xdp),
		cmocka_unit_test(test_tipc_connected),
		cmocka_unit_test(test_tipc_group),
		cmocka_unit_test(test_tipc_empty_messages),
		cmocka_unit_test(test_packet),
		cmocka_unit_test(test_packet_lists),
		cmocka_unit_test(test_packet_long_name),
		cmocka_unit_test(test_netlink),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_damaged_lines),
		cmocka_unit_test(test_left_out_lines),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_kept_texts),
		cmocka_unit_test(test_list_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
