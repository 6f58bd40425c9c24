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
	at->count = next_number(w, 10, &count) ? count : UINT32_MAX;
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

/* ---- torn texts of net/igmp ---------------------------------------------------------- */

/*
 * The kernel writes the line of an interface in front of the group that is the
 * first at that moment. A group that is joined meanwhile comes before it, the line
 * is left out, and what follows seems to be the interface's before (seen in 1 of
 * 15 readings beside a program that joins groups all the time). The interface
 * before then has more groups than its line says.
 */
struct census {
	uint32_t *groups; /* of the interface at hand */
	size_t n, size;
	struct maddr_at at;
};

static int by_number(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

/* Are more distinct groups there than were said? Reading on may repeat some. */
static bool too_many(struct census *c)
{
	size_t distinct = 0;

	if (c->n == 0 || c->n <= c->at.count)
		return false;
	qsort(c->groups, c->n, sizeof(*c->groups), by_number);
	for (size_t i = 0; i < c->n; i++)
		distinct += i == 0 || c->groups[i] != c->groups[i - 1];
	return distinct > c->at.count;
}

static bool count_group(struct census *c, uint32_t group)
{
	if (c->n == c->size) {
		size_t size = c->size ? c->size * 2 : 64;
		uint32_t *groups = realloc(c->groups, size * sizeof(*groups));

		if (!groups)
			return false;
		c->groups = groups;
		c->size = size;
	}
	c->groups[c->n++] = group;
	return true;
}

/* The next line of a text without its newline; false at the end. */
static bool next_line(const char **at, const char *end, const char **line, size_t *len)
{
	const char *stop;

	if (*at == end)
		return false;
	stop = memchr(*at, '\n', (size_t)(end - *at));
	*line = *at;
	*len = (size_t)((stop ? stop : end) - *at);
	*at = stop ? stop + 1 : end;
	return true;
}

int igmp_torn(const char *text, size_t len)
{
	struct census c = { .at = { .count = UINT32_MAX } };
	const char *end = text + len, *line;
	uint32_t group;
	int torn = 0;

	while (torn == 0 && next_line(&text, end, &line, &len)) {
		struct words w = { line, line + len };

		if (len == 0 || *line != '\t') {
			torn = too_many(&c);
			c.n = 0;
			igmp_interface(&w, &c.at);
		} else if (c.at.ifindex && next_number(&w, 16, &group) && !count_group(&c, group)) {
			torn = -1;
		}
	}
	if (torn == 0)
		torn = too_many(&c);
	free(c.groups);
	return torn;
}

/* ---- the reader -------------------------------------------------------------------- */

/* How often a torn text is read again before the answer is flagged. */
#define READINGS 20

struct maddr_reader {
	struct reader base;
	uint8_t family;
	bool torn;
	char *text; /* NULL: this kernel has no such file, so no groups */
	const char *next, *end;
	struct maddr_at at;
	struct message message;
};

static int next(struct reader *base, const struct nlmsghdr **msg, struct nl_error *err)
{
	struct maddr_reader *r = (struct maddr_reader *)base;
	const char *line;
	size_t len;

	while (next_line(&r->next, r->end, &line, &len)) {
		if (!maddr_line(r->family, line, len, &r->at, &r->message))
			continue;
		*msg = message_end(&r->message);
		return *msg ? 1 : nl_fail(err, ENOMEM, "out of memory");
	}
	return r->torn ? READER_TORN : 0;
}

static void close_reader(struct reader *base)
{
	struct maddr_reader *r = (struct maddr_reader *)base;

	free(r->text);
	message_free(&r->message);
	free(r);
}

static const struct reader_ops ops = { next, close_reader };

static const char *path_of(uint8_t family)
{
	switch (family) {
	case AF_PACKET:
		return "net/dev_mcast";
	case AF_INET:
		return "net/igmp";
	default:
		return "net/igmp6";
	}
}

/*
 * A kernel without IPv6, or without CONFIG_IP_MULTICAST, has no such file. All
 * have net/dev_mcast: without that it is /proc that is not there.
 */
static int read_text(struct maddr_reader *r, int netns_fd, struct nl_error *err)
{
	struct proc_file *any;
	size_t len = 0;

	free(r->text);
	r->text = proc_text(netns_fd, path_of(r->family), &len, err);
	if (!r->text) {
		if (err->code != ENOENT || proc_open(&any, netns_fd, path_of(AF_PACKET), err) < 0)
			return -1;
		proc_close(any);
	}
	r->next = r->text;
	r->end = r->text ? r->text + len : NULL;
	return 0;
}

static int read_whole(struct maddr_reader *r, int netns_fd, struct nl_error *err)
{
	unsigned readings = nl_replay_loaded() ? 1 : READINGS;
	int torn = 1;

	while (torn > 0 && readings-- > 0) {
		if (read_text(r, netns_fd, err) < 0)
			return -1;
		torn = r->text && r->family == AF_INET
			       ? igmp_torn(r->text, (size_t)(r->end - r->text))
			       : 0;
	}
	r->torn = torn > 0;
	return torn < 0 ? nl_fail(err, ENOMEM, "out of memory") : 0;
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
	if (read_whole(r, env_netns_fd(req->env), err) == 0)
		return &r->base;
	close_reader(&r->base);
	return NULL;
}
