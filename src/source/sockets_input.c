/*
 * Owns rows of `sockets` that come from a file which the query names: which table a text is of,
 * and reading messages of sock_diag(7) as `ss -D` and q:save_diag write them. A message does not
 * tell its protocol, and a text neither that nor its family, so the query must.
 *
 * Lines of texts are read where those of /proc are.
 */
#include "sockets_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- which table ------------------------------------------------------------------------ */

static const struct {
	uint16_t proto;
	reader_open *read;
} texts[] = {
	{ PROTO_TCP, proc_sockets_open },     { PROTO_UDP, proc_sockets_open },
	{ PROTO_UDPLITE, proc_sockets_open }, { PROTO_RAW, proc_sockets_open },
	{ PROTO_UNIX, unix_read_text },	      { PROTO_PACKET, packet_read },
	{ PROTO_NETLINK, netlink_read },
};

static reader_open *text_reader(uint16_t proto)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].proto == proto)
			return texts[i].read;
	return NULL;
}

/* The tables that are asked for: the first, and whether all are of its protocol and family. */
struct asked {
	const struct sock_table *table;
	bool one_proto, one_family;
};

static struct asked tables_asked(const struct scan_request *req)
{
	struct asked a = { NULL, true, true };

	for (size_t i = 0; i < socket_table_count; i++) {
		const struct sock_table *t = &socket_tables[i];

		if (!table_states(&req->parts, t))
			continue;
		if (!a.table)
			a.table = t;
		a.one_proto &= t->proto == a.table->proto;
		a.one_family &= t->family == a.table->family;
	}
	return a;
}

static int text_input(const struct asked *a, struct dump_plan *out, struct nl_error *err)
{
	const char *proto = enum_text(proto_names, a->table->proto);

	if (!a->one_proto)
		return nl_fail(
			err, EINVAL,
			"text reads one table: name it by proto, as in text=\"/proc/net/tcp\", "
			"proto=\"tcp\", family=\"inet\"");
	if (!a->one_family)
		return nl_fail(err, EINVAL,
			       "a text of %s is of one family: name it, family=\"inet\" or "
			       "family=\"inet6\"",
			       proto);
	out->read = text_reader(a->table->proto);
	if (!out->read)
		return nl_fail(
			err, EINVAL,
			"there are no texts of %s, but of tcp, udp, udplite, raw, unix, packet "
			"and netlink",
			proto);
	return 1;
}

static int diag_input(const struct asked *a, struct dump_plan *out, struct nl_error *err)
{
	if (!a->one_proto)
		return nl_fail(err, EINVAL,
			       "messages do not tell their protocol: name it by proto, as in "
			       "diag=\"FILE\", proto=\"tcp\"");
	if (a->table->kind->shape != &shape_inet)
		return nl_fail(err, EINVAL, "diag reads messages of inet sockets, not of %s",
			       enum_text(proto_names, a->table->proto));
	out->read = diag_file_open;
	return 1;
}

int sockets_input(const struct scan_request *req, struct dump_plan *out, struct nl_error *err)
{
	struct asked a = tables_asked(req);

	if (!a.table)
		return 0;
	out->tag = a.table->proto;
	out->shape = a.table->kind->shape;
	out->request.what = a.table->what;
	out->request.key = (uint32_t)a.table->family << 16;
	return req->input.form == INPUT_TEXT ? text_input(&a, out, err) : diag_input(&a, out, err);
}

void input_lacks(struct env *e, const char *text)
{
	const char *kept = env_verbatim(e) ? env_text(e, text, strlen(text)) : NULL;

	if (kept)
		env_withhold(e, kept);
	else
		env_set_lacks(e, text);
}

/* ---- messages ------------------------------------------------------------------------------ */

#define READ_SIZE   65536
/* No message of the kernel is as long: one datagram is all that it writes at once. */
#define MESSAGE_MAX (1u << 20)

struct diag_file {
	struct reader reader;
	int fd;
	bool first;	 /* only one list is wanted */
	bool ended, fed; /* no more rows are to come; no more bytes of the file */
	bool open;	 /* a list has begun and its end was not met */
	bool had;	 /* was there any list? */
	uint64_t offset; /* of buf in the file */
	struct env *env; /* the scan's */
	char *path;
	size_t at, len, size; /* of buf: what is read lies in [at, len) */
	_Alignas(8) unsigned char *buf;
};

/* 1 there is more, 0 the end of the file, -1. */
static int feed(struct diag_file *d, struct nl_error *err)
{
	ssize_t n;

	if (d->at) {
		memmove(d->buf, d->buf + d->at, d->len - d->at);
		d->offset += d->at;
		d->len -= d->at;
		d->at = 0;
	}
	if (d->size - d->len < READ_SIZE) {
		unsigned char *buf = realloc(d->buf, d->size + READ_SIZE);

		if (!buf)
			return nl_fail(err, ENOMEM, "out of memory");
		d->buf = buf;
		d->size += READ_SIZE;
	}
	do {
		if (nl_cancel)
			return nl_fail(err, ECANCELED, "interrupted");
		n = read(d->fd, d->buf + d->len, READ_SIZE);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return nl_fail(err, errno, "%.150s cannot be read: %s", d->path, strerror(errno));
	d->len += (size_t)n;
	d->fed = n == 0;
	return n > 0;
}

/*
 * The next message, whole and with its padding, unless the file ends with it: messages then stay
 * aligned as the buffer is. 1; 0 at the end of the file; -1. A message is read into what is
 * there already, so what was handed out is gone.
 */
static int whole_message(struct diag_file *d, const struct nlmsghdr **msg, struct nl_error *err)
{
	for (;;) {
		size_t left = d->len - d->at, pos = 0, need = NLMSG_HDRLEN;
		const struct nlmsghdr *head = left ? (const void *)(d->buf + d->at) : NULL;
		bool bad;
		int rc;

		if (left >= need) {
			if (head->nlmsg_len < NLMSG_HDRLEN || head->nlmsg_len > MESSAGE_MAX)
				return nl_fail(
					err, EBADMSG,
					"%.120s is malformed at byte %llu: a message of %u bytes",
					d->path, (unsigned long long)(d->offset + d->at),
					head->nlmsg_len);
			need = NLMSG_ALIGN((size_t)head->nlmsg_len);
		}
		if (left >= need || (d->fed && left >= NLMSG_HDRLEN && left >= head->nlmsg_len)) {
			*msg = nl_walk(head, left, &pos, &bad);
			d->at += pos;
			return 1;
		}
		rc = d->fed ? 0 : feed(d, err);
		if (rc < 0)
			return -1;
		if (rc == 0 && d->fed)
			return 0;
	}
}

/* What the file lacks. */
static int end_of_file(struct diag_file *d)
{
	d->ended = true;
	if (d->len - d->at > 0 || d->open || !d->had)
		input_lacks(d->env, "the file of the setting diag ends before the end of its "
				    "list: rows may be missing");
	return 0;
}

/* The end of a list. 1: go on behind it; 0; -1. */
static int end_of_list(struct diag_file *d, const struct nlmsghdr *msg, struct nl_error *err)
{
	int32_t code = 0;

	if (msg->nlmsg_len >= NLMSG_HDRLEN + sizeof(code))
		memcpy(&code, NLMSG_DATA(msg), sizeof(code));
	if (code < 0) {
		/* the least number has no opposite, and is no code of a kernel's anyway */
		const int why = code > INT32_MIN ? -code : EBADMSG;

		return nl_fail(err, why, "the kernel had failed to list what %.120s holds: %s",
			       d->path, strerror(why));
	}
	d->open = false;
	d->had = true;
	d->ended = d->first;
	return !d->ended;
}

static int diag_next(struct reader *r, const struct nlmsghdr **msg, struct nl_error *err)
{
	struct diag_file *d = (struct diag_file *)r;
	int rc;

	while (!d->ended) {
		struct nlmsghdr *m;

		rc = whole_message(d, msg, err);
		if (rc < 0)
			return -1;
		if (rc == 0)
			return end_of_file(d);
		m = (struct nlmsghdr *)(uintptr_t)*msg; /* in our buffer */
		if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR) {
			rc = end_of_list(d, m, err);
			if (rc <= 0)
				return rc;
			continue;
		}
		d->open = true;
		/* kernels before 3.3 answered by this type, with the same message */
		if (m->nlmsg_type == TCPDIAG_GETSOCK)
			m->nlmsg_type = SOCK_DIAG_BY_FAMILY;
		if (m->nlmsg_type == SOCK_DIAG_BY_FAMILY)
			return 1;
		if (m->nlmsg_type != NLMSG_NOOP)
			input_lacks(d->env, "the file of the setting diag holds messages that "
					    "are no sockets: rows may be missing");
	}
	return 0;
}

static void diag_close(struct reader *r)
{
	struct diag_file *d = (struct diag_file *)r;

	if (d->fd >= 0)
		close(d->fd);
	free(d->path);
	free(d->buf);
	free(d);
}

static const struct reader_ops diag_ops = { .next = diag_next, .close = diag_close };

struct reader *diag_file_open(const struct scan_request *req, const struct dump_plan *plan,
			      struct nl_error *err)
{
	struct diag_file *d = calloc(1, sizeof(*d));

	(void)plan;
	if (!d || !(d->path = strdup(req->input.path))) {
		free(d);
		nl_fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	d->reader.ops = &diag_ops;
	d->env = req->env;
	d->first = req->input.first_dump;
	/* a fifo waits here for who writes into it */
	do {
		d->fd = open(d->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	} while (d->fd < 0 && errno == EINTR && !nl_cancel);
	if (d->fd >= 0)
		return &d->reader;
	if (nl_cancel)
		nl_fail(err, ECANCELED, "interrupted");
	else
		nl_fail(err, errno, "%.150s cannot be read: %s", d->path, strerror(errno));
	diag_close(&d->reader);
	return NULL;
}
