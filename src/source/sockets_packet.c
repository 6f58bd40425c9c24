/*
 * Owns the packet sockets of `sockets`: how packet_diag is asked
 * (<linux/packet_diag.h>, net/packet/diag.c), which lists all of a namespace and
 * gives no single one, and what /proc/net/packet tells without it.
 */
#include "sockets.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

const struct shape shape_packet = {
	.name = "packet sockets",
	.type = SOCK_DIAG_BY_FAMILY,
	.header = sizeof(struct packet_diag_msg),
	.max_attr = OWN_MAX,
};

#define ALWAYS (PACKET_SHOW_INFO | PACKET_SHOW_MEMINFO)
#define ON_DEMAND \
	(PACKET_SHOW_MCLIST | PACKET_SHOW_RING_CFG | PACKET_SHOW_FANOUT | PACKET_SHOW_FILTER)

/* sk RefCnt Type Proto Iface R Rmem User Inode; packet_seq_show, net/packet/af_packet.c */
enum { SK, REFCNT, TYPE, PROTO, IFACE, RUNNING, RMEM, USER, INODE, WORDS };
static const unsigned char bases[WORDS] = { 0, 10, 10, 16, 10, 10, 10, 10, 10 };

/* The first have of them are there. */
static void put_line(const uint64_t n[WORDS], size_t have, struct message *m)
{
	struct packet_diag_msg head = { .pdiag_family = AF_PACKET };
	uint32_t refs = (uint32_t)n[REFCNT], index, rmem, uid;

	head.pdiag_type = (uint8_t)n[TYPE];
	head.pdiag_num = (uint16_t)n[PROTO];
	head.pdiag_ino = (uint32_t)n[INODE];
	index = (uint32_t)n[IFACE];
	rmem = (uint32_t)n[RMEM];
	uid = (uint32_t)n[USER];
	message_begin(m, SOCK_DIAG_BY_FAMILY, &head, sizeof(head));
	message_put(m, OWN_POINTER, &n[SK], sizeof(n[SK]));
	message_put(m, OWN_REFS, &refs, sizeof(refs));
	/* of struct packet_diag_info only the first member is known */
	if (have > IFACE)
		message_put(m, PACKET_DIAG_INFO, &index, sizeof(index));
	if (have > USER)
		message_put(m, PACKET_DIAG_UID, &uid, sizeof(uid));
	if (have > RMEM)
		message_put(m, OWN_RMEM, &rmem, sizeof(rmem));
}

bool packet_line(const char *line, const char *end, struct message *m)
{
	uint64_t n[WORDS];

	if (!line_numbers(&line, end, bases, WORDS, n) || n[REFCNT] > UINT32_MAX ||
	    n[TYPE] > UINT8_MAX || n[PROTO] > UINT16_MAX || n[IFACE] > INT32_MAX ||
	    n[RMEM] > UINT32_MAX || n[USER] > UINT32_MAX || n[INODE] > UINT32_MAX)
		return false;
	put_line(n, WORDS, m);
	return true;
}

bool packet_text(const char *line, const char *end, struct message *m)
{
	uint64_t n[WORDS];
	size_t have = text_numbers(&line, end, bases, WORDS, n);

	if (have <= PROTO)
		return false;
	put_line(n, have, m);
	return true;
}

struct reader *packet_read(const struct scan_request *req, const struct dump_plan *plan,
			   struct nl_error *err)
{
	(void)plan;
	return lines_open(req, "net/packet", packet_line, packet_text, err);
}

static void packet_lay_out(const struct sock_table *t, uint32_t states,
			   const struct scan_request *req, struct dump_plan *out)
{
	uint32_t more = req->needs / PACKET_NEEDS(1) & ON_DEMAND;
	struct packet_diag_req r = { .sdiag_family = AF_PACKET, .pdiag_show = ALWAYS | more };

	(void)states;
	lay_out_list(t, &r, sizeof(r), out);
	out->read = packet_read;
	out->otherwise = true;
	snprintf(out->note, sizeof(out->note), "with info, memory%s%s%s%s",
		 more & PACKET_SHOW_MCLIST ? ", memberships" : "",
		 more & PACKET_SHOW_RING_CFG ? ", rings" : "",
		 more & PACKET_SHOW_FANOUT ? ", fanout" : "",
		 more & PACKET_SHOW_FILTER ? ", filter" : "");
}

const struct sock_kind sock_packet = {
	.shape = &shape_packet,
	.lay_out = packet_lay_out,
	.key = socket_key,
	.inode = socket_own_inode,
	.protocols = ethertype_names,
	.extensions = PACKET_NEEDS(ON_DEMAND),
};

/* ---- values ----------------------------------------------------------------------- */

/* An array of items of size bytes: their number; what is left over at the end is none. */
static size_t array_of(const struct row *row, unsigned attr, size_t size, const char **items)
{
	const struct nlattr *a = row_nlattr((struct row *)(uintptr_t)row, attr);

	*items = a ? nl_attr_data(a) : NULL;
	return a ? nl_attr_len(a) / size : 0;
}

/* Without CAP_NET_ADMIN the attribute is there and empty (sock_diag_put_filterinfo). */
bool get_filter_length(const struct row *row, const struct field *f, struct value *v)
{
	const char *code;
	size_t n = array_of(row, PACKET_DIAG_FILTER, sizeof(struct sock_filter), &code);

	(void)f;
	return (n || (code && env_verbatim(row->env))) && set_int(v, (int64_t)n);
}

/* One item a text, kept by the env. */
static bool add_text(const struct row *row, struct value *v, struct value *list, const char *text)
{
	const char *kept = env_text(row->env, text, strlen(text));

	if (!kept)
		return false;
	v->kind = VALUE_LIST;
	v->list.items = list;
	return set_text(&list[v->list.n++], kept, strlen(kept));
}

bool get_filter(const struct row *row, const struct field *f, struct value *v)
{
	const char *code;
	size_t n = array_of(row, PACKET_DIAG_FILTER, sizeof(struct sock_filter), &code);
	struct value *list = n ? env_list(row->env, n) : NULL;

	(void)f;
	if (!list)
		return false;
	v->list.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct sock_filter op;
		char text[48];

		memcpy(&op, code + i * sizeof(op), sizeof(op));
		snprintf(text, sizeof(text), "%u %u %u %u", op.code, op.jt, op.jf, op.k);
		if (!add_text(row, v, list, text))
			return false;
	}
	return true;
}

/* "multicast eth0 01:00:5e:00:00:fb": the kind, the device, and the address if it has one. */
static void membership_text(const struct row *row, const struct packet_diag_mclist *ml, char *text,
			    size_t size)
{
	static const char *const kinds[] = {
		[PACKET_MR_MULTICAST] = "multicast",
		[PACKET_MR_PROMISC] = "promisc",
		[PACKET_MR_ALLMULTI] = "allmulti",
		[PACKET_MR_UNICAST] = "unicast",
	};
	const char *dev = env_ifname(row->env, ml->pdmc_index);
	/* that of a recording can have any length */
	const int most = IFNAMSIZ - 1;
	size_t at, n = ml->pdmc_alen;

	if (ml->pdmc_type < sizeof(kinds) / sizeof(kinds[0]))
		at = (size_t)snprintf(text, size, "%s %.*s", kinds[ml->pdmc_type], most,
				      dev ? dev : "?");
	else
		at = (size_t)snprintf(text, size, "%u %.*s", ml->pdmc_type, most, dev ? dev : "?");
	if (ml->pdmc_type == PACKET_MR_PROMISC || ml->pdmc_type == PACKET_MR_ALLMULTI)
		return;
	for (size_t i = 0; i < n && i < sizeof(ml->pdmc_addr); i++)
		at += (size_t)snprintf(text + at, size - at, i ? ":%02x" : " %02x",
				       ml->pdmc_addr[i]);
}

bool get_memberships(const struct row *row, const struct field *f, struct value *v)
{
	const char *items;
	size_t n = array_of(row, PACKET_DIAG_MCLIST, sizeof(struct packet_diag_mclist), &items);
	struct value *list = n ? env_list(row->env, n) : NULL;

	(void)f;
	if (!list)
		return false;
	v->list.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct packet_diag_mclist ml;
		char text[160];

		memcpy(&ml, items + i * sizeof(ml), sizeof(ml));
		membership_text(row, &ml, text, sizeof(text));
		if (!add_text(row, v, list, text))
			return false;
	}
	return true;
}

bool get_promiscuous(const struct row *row, const struct field *f, struct value *v)
{
	const char *items;
	size_t n = array_of(row, PACKET_DIAG_MCLIST, sizeof(struct packet_diag_mclist), &items);
	bool found = false;

	(void)f;
	if (!items)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct packet_diag_mclist ml;

		memcpy(&ml, items + i * sizeof(ml), sizeof(ml));
		found |= ml.pdmc_type == PACKET_MR_PROMISC;
	}
	return set_bool(v, found);
}
