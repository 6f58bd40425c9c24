/*
 * Owns the netlink sockets of `sockets`: how netlink_diag is asked
 * (<linux/netlink_diag.h>, net/netlink/diag.c), which lists those of one protocol or
 * of all and gives no single one, and what /proc/net/netlink tells without it.
 */
#include "sockets.h"

#include <linux/netlink_diag.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

const struct shape shape_netlink = {
	.name = "netlink sockets",
	.type = SOCK_DIAG_BY_FAMILY,
	.header = sizeof(struct netlink_diag_msg),
	.max_attr = OWN_MAX,
};

#define ON_DEMAND (NDIAG_SHOW_GROUPS | NDIAG_SHOW_RING_CFG | NDIAG_SHOW_FLAGS)

/* ndiag_state: NETLINK_UNCONNECTED, NETLINK_CONNECTED, or as sock_init_data left it. */
enum { UNCONNECTED = 0, CONNECTED = 1, UNTOLD = UINT8_MAX };

/*
 * sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode; netlink_native_seq_show,
 * net/netlink/af_netlink.c. Of the groups it has the first 32.
 */
enum { SK, PROTO, PORT, GROUPS, RMEM, WMEM, DUMP, LOCKS, DROPS, INODE, WORDS };
static const unsigned char bases[WORDS] = { 0, 10, 10, 16, 10, 10, 0, 0, 10, 10 };

/* The first have of them are there. */
static void put_line(const uint64_t n[WORDS], size_t have, struct message *m)
{
	struct netlink_diag_msg head = { .ndiag_family = AF_NETLINK, .ndiag_state = UNTOLD };
	uint32_t rmem, wmem, drops;
	unsigned long groups;

	head.ndiag_protocol = (uint8_t)n[PROTO];
	head.ndiag_portid = (uint32_t)n[PORT];
	head.ndiag_ino = (uint32_t)n[INODE];
	rmem = (uint32_t)n[RMEM];
	wmem = (uint32_t)n[WMEM];
	drops = (uint32_t)n[DROPS];
	groups = (uint32_t)n[GROUPS];
	message_begin(m, SOCK_DIAG_BY_FAMILY, &head, sizeof(head));
	message_put(m, OWN_POINTER, &n[SK], sizeof(n[SK]));
	if (have > RMEM)
		message_put(m, OWN_RMEM, &rmem, sizeof(rmem));
	if (have > WMEM)
		message_put(m, OWN_WMEM, &wmem, sizeof(wmem));
	if (have > DUMP)
		message_put(m, OWN_CALLBACK, &n[DUMP], sizeof(n[DUMP]));
	if (have > DROPS)
		message_put(m, OWN_DROPS, &drops, sizeof(drops));
	if (groups)
		message_put(m, NETLINK_DIAG_GROUPS, &groups, sizeof(groups));
}

bool netlink_line(const char *line, const char *end, struct message *m)
{
	uint64_t n[WORDS];

	if (!line_numbers(&line, end, bases, WORDS, n) || n[PROTO] > UINT8_MAX ||
	    n[PORT] > UINT32_MAX || n[GROUPS] > UINT32_MAX || n[RMEM] > UINT32_MAX ||
	    n[WMEM] > UINT32_MAX || n[DROPS] > UINT32_MAX || n[INODE] > UINT32_MAX)
		return false;
	put_line(n, WORDS, m);
	return true;
}

bool netlink_text(const char *line, const char *end, struct message *m)
{
	uint64_t n[WORDS];
	size_t have = text_numbers(&line, end, bases, WORDS, n);

	if (have <= PORT)
		return false;
	put_line(n, have, m);
	return true;
}

struct reader *netlink_read(const struct scan_request *req, const struct dump_plan *plan,
			    struct nl_error *err)
{
	(void)plan;
	return lines_open(req, "net/netlink", netlink_line, netlink_text, err);
}

/* The number of the one protocol whose sockets are wanted, by its name. */
static uint8_t wanted_protocol(const struct scan_request *req)
{
	const struct value *v = ask_value(req, "protocol");

	if (!v || v->kind != VALUE_TEXT)
		return NDIAG_PROTO_ALL;
	for (const struct enum_name *e = netlink_protocol_names; e->name; e++)
		if (strlen(e->name) == v->text.len && memcmp(e->name, v->text.p, v->text.len) == 0)
			return (uint8_t)e->value;
	return NDIAG_PROTO_ALL;
}

static void netlink_lay_out(const struct sock_table *t, uint32_t states,
			    const struct scan_request *req, struct dump_plan *out)
{
	uint32_t more = req->needs / NETLINK_NEEDS(1) & ON_DEMAND;
	struct netlink_diag_req r = {
		.sdiag_family = AF_NETLINK,
		.sdiag_protocol = wanted_protocol(req),
		.ndiag_show = NDIAG_SHOW_MEMINFO | more,
	};

	(void)states;
	lay_out_list(t, &r, sizeof(r), out);
	out->read = netlink_read;
	out->otherwise = true;
	snprintf(out->note, sizeof(out->note), "%s%swith memory%s%s%s",
		 r.sdiag_protocol == NDIAG_PROTO_ALL
			 ? ""
			 : enum_text(netlink_protocol_names, r.sdiag_protocol),
		 r.sdiag_protocol == NDIAG_PROTO_ALL ? "" : " only, ",
		 more & NDIAG_SHOW_GROUPS ? ", groups" : "",
		 more & NDIAG_SHOW_RING_CFG ? ", rings" : "",
		 more & NDIAG_SHOW_FLAGS ? ", flags" : "");
}

static unsigned netlink_state(const struct row *row)
{
	const struct netlink_diag_msg *m = row_header(row);

	if (m->ndiag_state == UNTOLD)
		return 0;
	return m->ndiag_state == CONNECTED ? STATE_ESTABLISHED : STATE_CLOSE;
}

const struct sock_kind sock_netlink = {
	.shape = &shape_netlink,
	.lay_out = netlink_lay_out,
	.key = socket_key,
	.inode = socket_own_inode,
	.state = netlink_state,
	.protocols = netlink_protocol_names,
	.extensions = NETLINK_NEEDS(ON_DEMAND),
};

/* Of a bitmap of the kernel's longs, group 1 is bit 0. */
static bool group_set(const struct nlattr *a, size_t group)
{
	const size_t bits = 8 * sizeof(unsigned long);
	unsigned long word;

	memcpy(&word, (const char *)nl_attr_data(a) + group / bits * sizeof(word), sizeof(word));
	return word >> group % bits & 1;
}

bool get_groups(const struct row *row, const struct field *f, struct value *v)
{
	const struct nlattr *a = row_nlattr((struct row *)(uintptr_t)row, NETLINK_DIAG_GROUPS);
	size_t all = a ? nl_attr_len(a) / sizeof(unsigned long) * 8 * sizeof(unsigned long) : 0;
	size_t n = 0;
	struct value *list;

	(void)f;
	for (size_t i = 0; i < all; i++)
		n += group_set(a, i);
	list = n ? env_list(row->env, n) : NULL;
	if (!list)
		return false;
	n = 0;
	for (size_t i = 0; i < all; i++)
		if (group_set(a, i))
			set_int(&list[n++], (int64_t)i + 1);
	v->kind = VALUE_LIST;
	v->list.items = list;
	v->list.n = n;
	return true;
}

bool get_groups_mask(const struct row *row, const struct field *f, struct value *v)
{
	const struct nlattr *a = row_nlattr((struct row *)(uintptr_t)row, NETLINK_DIAG_GROUPS);
	unsigned long word;

	(void)f;
	if (!a || nl_attr_len(a) < sizeof(word))
		return false;
	memcpy(&word, nl_attr_data(a), sizeof(word));
	return set_int(v, (uint32_t)word);
}
