/*
 * Owns the xdp sockets of `sockets`: how xdp_diag is asked (<linux/xdp_diag.h>,
 * net/xdp/xsk_diag.c), which lists all of a namespace that are not closed.
 */
#include "sockets.h"

#include <linux/sock_diag.h>
#include <linux/xdp_diag.h>
#include <string.h>
#include <sys/socket.h>

const struct shape shape_xdp = {
	.name = "xdp sockets",
	.type = SOCK_DIAG_BY_FAMILY,
	.header = sizeof(struct xdp_diag_msg),
	.max_attr = XDP_DIAG_MAX,
};

static void xdp_lay_out(const struct sock_table *t, uint32_t states, const struct scan_request *req,
			struct dump_plan *out)
{
	struct xdp_diag_req r = {
		.sdiag_family = AF_XDP,
		.xdiag_show = XDP_SHOW_INFO | XDP_SHOW_RING_CFG | XDP_SHOW_UMEM | XDP_SHOW_MEMINFO |
			      XDP_SHOW_STATS,
	};

	(void)states;
	(void)req;
	lay_out_list(t, &r, sizeof(r), out);
}

const struct sock_kind sock_xdp = {
	.shape = &shape_xdp,
	.lay_out = xdp_lay_out,
	.key = socket_key,
	.inode = socket_own_inode,
};
