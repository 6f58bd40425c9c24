/*
 * Owns the values of the inet sockets that are neither tcp nor udp: raw, mptcp and sctp, and of
 * those that were read from /proc.
 */
#include "sockets_unix.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static const struct inet_diag_msg *diag(const struct row *row)
{
	return row_header(row);
}

/* Making the index of the attributes changes no fact of the row. */
static const struct nlattr *attr_of(const struct row *row, unsigned type)
{
	return row_nlattr((struct row *)(uintptr_t)row, type);
}

/* ---- which rows have what ------------------------------------------------------------ */

bool is_mptcp(const struct row *row, const struct field *f)
{
	(void)f;
	return row->tag == PROTO_MPTCP;
}

bool is_sctp(const struct row *row, const struct field *f)
{
	(void)f;
	return row->tag == PROTO_SCTP;
}

/* Where the others have their port, a raw socket has its protocol, and what connect(2) was given.
 */
bool has_ports(const struct row *row, const struct field *f)
{
	(void)f;
	return row->tag != PROTO_RAW || env_verbatim(row->env);
}

bool from_proc(const struct row *row)
{
	static const struct {
		const struct shape *shape;
		unsigned attr; /* that only such rows have */
	} marks[] = {
		{ &shape_inet, PROC_REFS },
		{ &shape_unix, UNIX_ROW_REFS },
		{ &shape_packet, OWN_POINTER },
		{ &shape_netlink, OWN_POINTER },
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (row->shape == marks[i].shape)
			return attr_of(row, marks[i].attr) != NULL;
	return false;
}

bool get_from_proc(const struct row *row, const struct field *f, struct value *v)
{
	(void)f;
	return from_proc(row) && set_bool(v, true);
}

bool has_ended(const struct row *row)
{
	return row->msg->nlmsg_seq == 0 && (row->tag == PROTO_TCP || row->tag == PROTO_UDP) &&
	       attr_of(row, INET_DIAG_PROTOCOL) != NULL;
}

bool tells_sendq(const struct row *row, const struct field *f)
{
	(void)f;
	/* the kernel has 0 there, but a text that somebody made may have more */
	return row->shape != &shape_inet || diag(row)->idiag_state != STATE_LISTEN ||
	       diag(row)->idiag_wqueue != 0 || !from_proc(row);
}

/* ---- states ----------------------------------------------------------------------------- */

bool sctp_is_assoc(const struct row *row)
{
	return attr_of(row, INET_DIAG_PEERS) != NULL;
}

/* RFC 9260 4 beside RFC 9293 3.3.2: what an end has sent and got of the way to the end. */
static uint8_t assoc_state(uint8_t state)
{
	static const uint8_t near[] = {
		STATE_CLOSE,	  STATE_SYN_SENT,   STATE_SYN_SENT,   STATE_ESTABLISHED,
		STATE_FIN_WAIT_1, STATE_FIN_WAIT_2, STATE_CLOSE_WAIT, STATE_LAST_ACK,
	};

	return state < sizeof(near) ? near[state] : state;
}

/*
 * tcp keeps no closed socket in its tables: one that is there as CLOSE is a bound one. /proc lists
 * none of these, so a text with one says what it means; so do the words of the input where they
 * are wanted themselves.
 */
unsigned inet_state(const struct row *row)
{
	uint8_t state = diag(row)->idiag_state;

	if (row->tag == PROTO_SCTP)
		return sctp_is_assoc(row) ? assoc_state(state) : state;
	if (state == STATE_CLOSE && row->tag == PROTO_TCP && !has_ended(row) && !from_proc(row) &&
	    !env_verbatim(row->env))
		return STATE_BOUND_INACTIVE;
	return state == STATE_NEW_SYN_RECV ? STATE_SYN_RECV : state;
}

bool get_sctp_state(const struct row *row, const struct field *f, struct value *v)
{
	(void)f;
	return sctp_is_assoc(row) && set_int(v, diag(row)->idiag_state);
}

bool get_is_assoc(const struct row *row, const struct field *f, struct value *v)
{
	(void)f;
	return set_bool(v, sctp_is_assoc(row));
}

/* The one timer that sctp tells is its T3-rtx, by a number that is another timer of tcp. */
bool get_timer(const struct row *row, const struct field *f, struct value *v)
{
	if (row->tag == PROTO_SCTP)
		return diag(row)->idiag_timer != 0 && set_int(v, 1);
	return field_load(f, row, v);
}

/* ---- facts ---------------------------------------------------------------------------------- */

/* Of a listener the kernel leaves struct mptcp_info empty. */
bool get_mptcp(const struct row *row, const struct field *f, struct value *v)
{
	return diag(row)->idiag_state != STATE_LISTEN && field_load(f, row, v);
}

/* struct sctp_info has one half that only associations fill, and one of the socket alone. */
bool get_sctp_assoc(const struct row *row, const struct field *f, struct value *v)
{
	return sctp_is_assoc(row) && field_load(f, row, v);
}

bool get_sctp_socket(const struct row *row, const struct field *f, struct value *v)
{
	return !sctp_is_assoc(row) && field_load(f, row, v);
}

/* The address in a struct sockaddr_storage at p; false: of no family that is known. */
static bool addr_from(const unsigned char *p, struct value *v)
{
	uint16_t family;

	memcpy(&family, p, sizeof(family));
	memset(v, 0, sizeof(*v));
	v->kind = VALUE_ADDR;
	v->addr.family = (uint8_t)family;
	if (family == AF_INET)
		memcpy(v->addr.bytes, p + offsetof(struct sockaddr_in, sin_addr), 4);
	else if (family == AF_INET6)
		memcpy(v->addr.bytes, p + offsetof(struct sockaddr_in6, sin6_addr), 16);
	return family == AF_INET || family == AF_INET6;
}

bool get_sctp_addr(const struct row *row, const struct field *f, struct value *v)
{
	const struct nlattr *a = attr_of(row, f->attr);

	return sctp_is_assoc(row) && a && nl_attr_len(a) >= (size_t)f->offset + f->size &&
	       addr_from((const unsigned char *)nl_attr_data(a) + f->offset, v);
}

/* INET_DIAG_LOCALS and INET_DIAG_PEERS: one struct sockaddr_storage behind the other. */
bool get_sctp_addrs(const struct row *row, const struct field *f, struct value *v)
{
	const struct nlattr *a = attr_of(row, f->attr);
	size_t n = a ? nl_attr_len(a) / sizeof(struct sockaddr_storage) : 0, found = 0;
	struct value *list = n ? env_list(row->env, n) : NULL;

	if (!list)
		return false;
	for (size_t i = 0; i < n; i++)
		if (addr_from((const unsigned char *)nl_attr_data(a) +
				      i * sizeof(struct sockaddr_storage),
			      &list[found]))
			found++;
	v->kind = VALUE_LIST;
	v->list.items = list;
	v->list.n = found;
	return found > 0;
}
