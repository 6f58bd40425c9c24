/*
 * Owns reading multicast groups from /proc/net. The columns are those of
 * dev_mc_seq_show (net/core/net-procfs.c), igmp_mc_seq_show (net/ipv4/igmp.c) and
 * igmp6_mc_seq_show (net/ipv6/mcast.c). A damaged line is no row, and a number
 * that is none leaves its field out.
 */
#include "maddrs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Flags in net/igmp6, MAF_* of the kernel's net/if_inet6.h. */
#define TIMER_RUNNING 0x01
#define LAST_REPORTER 0x02

/* A line as it is cut into words. */
struct words {
	const char *at, *end;
};

static bool next_number(struct words *w, unsigned base, uint32_t *n)
{
	const char *word;
	size_t len = word_next(&w->at, w->end, &word);
	uint64_t wide;

	if (!word_number(word, len, base, &wide) || wide > UINT32_MAX)
		return false;
	*n = (uint32_t)wide;
	return true;
}

/* Pairs of hexadecimal digits; the number of bytes, 0 if it is something else. */
static size_t hex_bytes(const char *word, size_t len, unsigned char *out, size_t size)
{
	uint64_t byte;

	if (len % 2 || len / 2 > size)
		return 0;
	for (size_t i = 0; i < len / 2; i++) {
		if (!word_number(word + 2 * i, 2, 16, &byte))
			return 0;
		out[i] = (unsigned char)byte;
	}
	return len / 2;
}

static size_t next_hex(struct words *w, unsigned char *out, size_t size)
{
	const char *word;
	size_t len = word_next(&w->at, w->end, &word);

	return hex_bytes(word, len, out, size);
}

/* The two columns in front: the interface. */
static bool next_interface(struct words *w, struct maddr_at *at)
{
	const char *word;

	memset(at, 0, sizeof(*at));
	if (!next_number(w, 10, &at->ifindex) || at->ifindex == 0)
		return false;
	at->len = word_next(&w->at, w->end, &word);
	if (at->len == 0 || at->len >= sizeof(at->dev) || memchr(word, '\0', at->len))
		return false;
	memcpy(at->dev, word, at->len);
	return true;
}

static void begin(struct message *m, uint8_t family, const struct maddr_at *at)
{
	struct maddr_header h = { .ifindex = at->ifindex, .family = family };

	message_begin(m, MADDR_TYPE, &h, sizeof(h));
	message_put_text(m, MADDR_DEV, at->dev);
}

static void put_users(struct message *m, struct words *w)
{
	uint32_t users;

	if (next_number(w, 10, &users))
		message_put(m, MADDR_USERS, &users, sizeof(users));
}

static void put_byte(struct message *m, uint16_t type, uint8_t byte)
{
	message_put(m, type, &byte, sizeof(byte));
}

/* "4    eth0            1     0     333300000001" */
static bool link_line(struct words *w, struct message *m)
{
	unsigned char lladdr[32]; /* MAX_ADDR_LEN, <linux/netdevice.h> */
	struct maddr_at at;
	struct words users;
	uint32_t times;
	size_t n;

	if (!next_interface(w, &at))
		return false;
	begin(m, AF_PACKET, &at);
	users = *w;
	next_number(w, 10, &times);
	if (next_number(w, 10, &times))
		put_byte(m, MADDR_STATIC, times != 0);
	n = next_hex(w, lladdr, sizeof(lladdr));
	message_put(m, MADDR_LLADDR, lladdr, n);
	put_users(m, &users);
	return n > 0;
}

/* "4\teth0      :     2      V3": the name may touch the colon, which no name has in it. */
static void igmp_interface(struct words *w, struct maddr_at *at)
{
	const char *colon = memchr(w->at, ':', (size_t)(w->end - w->at)), *word;
	struct words name = { w->at, colon };
	uint64_t version;
	uint32_t count;
	size_t len;

	memset(at, 0, sizeof(*at));
	if (!colon || !next_interface(&name, at) || word_next(&name.at, name.end, &word) != 0) {
		at->ifindex = 0; /* of what follows it is not known whose it is */
		return;
	}
	w->at = colon + 1;
	next_number(w, 10, &count);
	len = word_next(&w->at, w->end, &word);
	if (len > 1 && word[0] == 'V' && word_number(word + 1, len - 1, 10, &version) &&
	    version < 256)
		at->version = (uint8_t)version;
}

/* "\t\t\t\tFB0000E0     1 0:00000000\t\t0": the address is a number of this machine's order. */
static bool igmp_group(struct words *w, const struct maddr_at *at, struct message *m)
{
	struct words timer;
	const char *word;
	uint32_t group, n;
	size_t len;

	if (at->ifindex == 0 || !next_number(w, 16, &group))
		return false;
	begin(m, AF_INET, at);
	message_put(m, MADDR_ADDR, &group, sizeof(group));
	put_users(m, w);
	len = word_next(&w->at, w->end, &word);
	timer = (struct words){ word + 2, word + len };
	if (len > 2 && memcmp(word, "1:", 2) == 0 && next_number(&timer, 16, &n))
		message_put(m, MADDR_TIMER, &n, sizeof(n));
	if (next_number(w, 10, &n))
		put_byte(m, MADDR_REPORTER, n != 0);
	if (at->version)
		put_byte(m, MADDR_VERSION, at->version);
	return true;
}

static bool igmp_line(struct words *w, struct maddr_at *at, struct message *m)
{
	if (w->at < w->end && *w->at == '\t')
		return igmp_group(w, at, m);
	igmp_interface(w, at);
	return false;
}

/* "4    eth0            ff020000000000000000000000000001     1 0000000C 0" */
static bool igmp6_line(struct words *w, struct message *m)
{
	unsigned char group[16];
	struct maddr_at at;
	uint32_t flags, ticks;

	if (!next_interface(w, &at) || next_hex(w, group, sizeof(group)) != sizeof(group))
		return false;
	begin(m, AF_INET6, &at);
	message_put(m, MADDR_ADDR, group, sizeof(group));
	put_users(m, w);
	if (!next_number(w, 16, &flags))
		return true;
	if (flags & TIMER_RUNNING && next_number(w, 10, &ticks))
		message_put(m, MADDR_TIMER, &ticks, sizeof(ticks));
	put_byte(m, MADDR_REPORTER, (flags & LAST_REPORTER) != 0);
	return true;
}

bool maddr_line(uint8_t family, const char *line, size_t len, struct maddr_at *at,
		struct message *m)
{
	struct words w = { line, line + len };

	switch (family) {
	case AF_PACKET:
		return link_line(&w, m);
	case AF_INET:
		return igmp_line(&w, at, m);
	default:
		return igmp6_line(&w, m);
	}
}

/* ---- the reader -------------------------------------------------------------------- */

struct maddr_reader {
	struct reader base;
	uint8_t family;
	struct proc_file *file; /* NULL: this kernel has none, so no groups */
	struct maddr_at at;
	struct message message;
};

static int next(struct reader *base, const struct nlmsghdr **msg, struct nl_error *err)
{
	struct maddr_reader *r = (struct maddr_reader *)base;
	const char *line;
	size_t len;
	int rc;

	while (r->file && (rc = proc_line(r->file, &line, &len, err)) != 0) {
		if (rc < 0)
			return -1;
		if (!maddr_line(r->family, line, len, &r->at, &r->message))
			continue;
		*msg = message_end(&r->message);
		return *msg ? 1 : nl_fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

static void close_reader(struct reader *base)
{
	struct maddr_reader *r = (struct maddr_reader *)base;

	proc_close(r->file);
	message_free(&r->message);
	free(r);
}

static const struct reader_ops ops = { next, close_reader };

/*
 * A kernel without IPv6, or without CONFIG_IP_MULTICAST, has no such file. All
 * have net/dev_mcast: without that it is /proc that is not there.
 */
static int open_file(struct maddr_reader *r, int netns_fd, struct nl_error *err)
{
	static const char all[] = "net/dev_mcast";
	const char *path = r->family == AF_PACKET ? all
			   : r->family == AF_INET ? "net/igmp"
						  : "net/igmp6";
	struct proc_file *any;

	if (proc_open(&r->file, netns_fd, path, err) == 0)
		return 0;
	r->file = NULL;
	if (err->code != ENOENT || proc_open(&any, netns_fd, all, err) < 0)
		return -1;
	proc_close(any);
	return 0;
}

struct reader *maddr_open(const struct scan_request *req, const struct dump_plan *plan,
			  struct nl_error *err)
{
	struct maddr_reader *r = calloc(1, sizeof(*r));

	if (!r) {
		nl_fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	r->base.ops = &ops;
	r->family = (uint8_t)plan->tag;
	if (open_file(r, env_netns_fd(req->env), err) == 0)
		return &r->base;
	free(r);
	return NULL;
}
