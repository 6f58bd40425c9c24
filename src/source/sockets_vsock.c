/*
 * Owns the vsock sockets of `sockets`: how vsock_diag is asked
 * (<linux/vm_sockets_diag.h>, net/vmw_vsock/diag.c). Their states are those of tcp.
 */
#include "sockets.h"

#include <linux/sock_diag.h>
#include <linux/vm_sockets_diag.h>
#include <string.h>
#include <sys/socket.h>

const struct shape shape_vsock = {
	.name = "vsock sockets",
	.type = SOCK_DIAG_BY_FAMILY,
	.header = sizeof(struct vsock_diag_msg),
};

static void vsock_lay_out(const struct sock_table *t, uint32_t states,
			  const struct scan_request *req, struct dump_plan *out)
{
	struct vsock_diag_req r = { .sdiag_family = AF_VSOCK, .vdiag_states = states };

	(void)req;
	lay_out_list(t, &r, sizeof(r), out);
	note_states(states, out->note, sizeof(out->note));
}

static unsigned vsock_state(const struct row *row)
{
	const struct vsock_diag_msg *m = row_header(row);

	return m->vdiag_state;
}

const struct sock_kind sock_vsock = {
	.shape = &shape_vsock,
	.lay_out = vsock_lay_out,
	.key = socket_key,
	.inode = socket_own_inode,
	.state = vsock_state,
};
