/*
 * Rows of the table in sockets_fields.c, which includes this: fields of xdp sockets
 * (<linux/xdp_diag.h>).
 */
/* clang-format off */
#define XDP(kind, type, member) \
	.shape = &shape_xdp, .attr = XDP_DIAG_##kind, .offset = offsetof(struct type, member), \
	.size = SIZE(struct type, member), .from = #member
#define ENTRIES(kind) .type = FT_INT, XDP(kind, xdp_diag_ring, entries)
#define UMEM(member) XDP(UMEM, xdp_diag_umem, member)
#define STATS(member) \
	.type = FT_INT, .unit = "packets", .flags = FF_COUNTER, XDP(STATS, xdp_diag_stats, member)

	{ .name = "queue", .type = FT_INT, XDP(INFO, xdp_diag_info, queue_id), .flags = FF_COLUMN,
	  .doc = "Queue of the device that an xdp socket is bound to." },
	{ .name = "rx_entries", ENTRIES(RX_RING), .doc = "Descriptors of its receive ring." },
	{ .name = "tx_entries", ENTRIES(TX_RING), .doc = "Descriptors of its send ring." },
	{ .name = "fill_entries", ENTRIES(UMEM_FILL_RING),
	  .doc = "Descriptors of the ring by which the program gives frames to the kernel." },
	{ .name = "completion_entries", ENTRIES(UMEM_COMPLETION_RING),
	  .doc = "Descriptors of the ring by which the kernel gives sent frames back." },
	{ .name = "umem_id", .type = FT_INT, UMEM(id),
	  .doc = "Number of the memory that its frames are in; sockets can share it." },
	{ .name = "umem_size", .type = FT_BYTES, .unit = "bytes", UMEM(size),
	  .doc = "Bytes of that memory." },
	{ .name = "umem_pages", .type = FT_INT, UMEM(num_pages), .doc = "Pages of that memory." },
	{ .name = "umem_chunk_size", .type = FT_BYTES, .unit = "bytes", UMEM(chunk_size),
	  .doc = "Bytes of each frame in it." },
	{ .name = "umem_headroom", .type = FT_BYTES, .unit = "bytes", UMEM(headroom),
	  .doc = "Bytes that are free before the packet in each frame." },
	{ .name = "umem_dev_index", .type = FT_INT, UMEM(ifindex), NONE(0),
	  .doc = "Index of the device that the memory is bound to." },
	{ .name = "umem_queue", .type = FT_INT, UMEM(queue_id),
	  .doc = "Queue of that device." },
	{ .name = "umem_zerocopy", .type = FT_BOOL, UMEM(flags), BITS(0, XDP_DU_F_ZEROCOPY),
	  .doc = "The device reads and writes it without a copy." },
	{ .name = "umem_refs", .type = FT_INT, UMEM(refs),
	  .doc = "How many sockets share it." },
	{ .name = "rx_dropped", STATS(n_rx_dropped),
	  .doc = "Packets dropped for another reason than a full or invalid ring." },
	{ .name = "rx_invalid", STATS(n_rx_invalid),
	  .doc = "Packets dropped for an invalid descriptor in the fill ring." },
	{ .name = "rx_full", STATS(n_rx_full),
	  .doc = "Packets dropped because the receive ring was full." },
	{ .name = "fill_empty", STATS(n_fill_ring_empty),
	  .doc = "How often a packet found no frame in the fill ring." },
	{ .name = "tx_invalid", STATS(n_tx_invalid),
	  .doc = "Packets not sent for an invalid descriptor." },
	{ .name = "tx_empty", STATS(n_tx_ring_empty),
	  .doc = "How often the kernel found nothing to send in the send ring." },

#undef XDP
#undef ENTRIES
#undef UMEM
#undef STATS
