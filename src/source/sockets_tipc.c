/*
 * Owns the tipc sockets of `sockets`: how tipc's diag is asked
 * (<linux/tipc_sockets_diag.h>, net/tipc/diag.c). A row has no fixed header; all is
 * in TIPC_NLA_SOCK (<linux/tipc_netlink.h>; tipc_sk_fill_sock_diag in
 * net/tipc/socket.c fills it).
 */
#include "sockets.h"

#include <linux/sock_diag.h>
#include <linux/tipc_netlink.h>
#include <linux/tipc_sockets_diag.h>
#include <string.h>
#include <sys/socket.h>

const struct shape shape_tipc = {
	.name = "tipc sockets",
	.type = SOCK_DIAG_BY_FAMILY,
	.max_attr = TIPC_NLA_SOCK,
};

/*
 * For a socket of another state, and for one that no longer fits the datagram, the
 * kernel leaves a message without attributes.
 */
static bool is_empty(const struct nlmsghdr *msg)
{
	return msg->nlmsg_len <= NLMSG_HDRLEN;
}

static void tipc_lay_out(const struct sock_table *t, uint32_t states,
			 const struct scan_request *req, struct dump_plan *out)
{
	struct tipc_sock_diag_req r = { .sdiag_family = AF_TIPC, .tidiag_states = states };

	(void)req;
	lay_out_list(t, &r, sizeof(r), out);
	out->skip = is_empty;
	note_states(states, out->note, sizeof(out->note));
}

static const struct nlattr *within(const struct row *row, uint16_t nest, unsigned type)
{
	const uint16_t in[FIELD_DEPTH] = { TIPC_NLA_SOCK, nest };

	return row_nested((struct row *)(uintptr_t)row, in, type);
}

static unsigned tipc_state(const struct row *row)
{
	const struct nlattr *a = within(row, 0, TIPC_NLA_SOCK_TIPC_STATE);
	uint32_t state;

	if (!a || nl_attr_len(a) < sizeof(state))
		return 0;
	memcpy(&state, nl_attr_data(a), sizeof(state));
	return state;
}

/* A flag is an attribute without a value; where those beside it are told it is false. */
bool get_flag(const struct row *row, const struct field *f, struct value *v)
{
	struct row *r = (struct row *)(uintptr_t)row;
	const uint16_t around[FIELD_DEPTH] = { f->in[1] ? f->in[0] : 0 };
	unsigned last = f->in[1] ? f->in[1] : f->in[0];

	return row_nested(r, around, last) && set_bool(v, row_nested(r, f->in, f->attr) != NULL);
}

const struct sock_kind sock_tipc = {
	.shape = &shape_tipc,
	.lay_out = tipc_lay_out,
	.key = socket_key,
	.inode = socket_own_inode,
	.state = tipc_state,
};
