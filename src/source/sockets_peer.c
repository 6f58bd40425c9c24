/*
 * Owns the fields on the socket at the other end that all kinds have: its inode,
 * and which process holds it. Who holds it is looked up as for the row itself, for
 * any process may be at the other end.
 */
#include "sockets.h"

bool get_peer_inode(const struct row *row, const struct field *f, struct value *v)
{
	uint32_t inode = socket_peer(row);

	(void)f;
	return inode && set_int(v, inode);
}

static const struct holder *peer_holder(const struct row *row, const struct field *f, size_t i)
{
	uint32_t inode = socket_peer(row);
	const struct owners *o = inode ? row_owners(row, f, inode) : NULL;

	return o && i < owners_count(o, inode) ? owners_holder(o, inode, i) : NULL;
}

bool more_peer_pids(const struct row *row, const struct field *f, size_t i, struct value *v)
{
	const struct holder *h = peer_holder(row, f, i);

	return h && set_int(v, h->pid);
}

bool get_peer_pid(const struct row *row, const struct field *f, struct value *v)
{
	return more_peer_pids(row, f, 0, v);
}

bool more_peer_comms(const struct row *row, const struct field *f, size_t i, struct value *v)
{
	const struct holder *h = peer_holder(row, f, i);

	return h && set_text(v, h->comm, h->comm_len);
}

bool get_peer_comm(const struct row *row, const struct field *f, struct value *v)
{
	return more_peer_comms(row, f, 0, v);
}
