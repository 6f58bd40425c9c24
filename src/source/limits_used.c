/*
 * Owns how much of each limit is in use, and what the kernel's settings of ports mean.
 * Most of it is in small files of /proc; ports and queues take a scan of sockets.
 */
#include "limits.h"

#include "sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

char *sysctl_path(const char *sysctl)
{
	static const char start[] = "sys/";
	char *path = malloc(sizeof(start) + strlen(sysctl));

	if (!path)
		return NULL;
	strcpy(path, start);
	strcat(path, sysctl);
	for (char *p = path; (p = strchr(p, '.'));)
		*p = '/';
	return path;
}

static int no_memory(struct nl_error *err)
{
	return nl_fail(err, ENOMEM, "out of memory");
}

/* The text of a file; 1, 0: there is none, or it is not for us to read; -1. */
static int file_text(struct env *env, const char *path, char **text, size_t *len,
		     struct nl_error *err)
{
	*text = proc_text(env_netns_fd(env), path, len, err);
	if (*text)
		return 1;
	if (err->code == EACCES || err->code == EPERM) {
		env_withhold(env, "some limits, or their use, may not be read by this user");
		return 0;
	}
	return err->code == ENOENT || err->code == ENOTDIR ? 0 : -1;
}

static int sysctl_text(struct env *env, const char *sysctl, char **text, size_t *len,
		       struct nl_error *err)
{
	char *path = sysctl_path(sysctl);
	int rc = path ? file_text(env, path, text, len, err) : no_memory(err);

	free(path);
	return rc;
}

/* The number in this column of the first line. */
static bool column_of(const char *text, size_t len, unsigned column, unsigned base, uint64_t *n)
{
	const char *end = memchr(text, '\n', len), *word;
	size_t wlen = 0;

	if (!end)
		end = text + len;
	for (unsigned i = 0; i <= column; i++)
		wlen = word_next(&text, end, &word);
	return word_number(word, wlen, base, n);
}

int file_number(struct env *env, const char *path, unsigned column, unsigned base, uint64_t *n,
		struct nl_error *err)
{
	size_t len;
	char *text;
	int rc = file_text(env, path, &text, &len, err);

	if (rc > 0) {
		rc = column_of(text, len, column, base, n);
		free(text);
	}
	return rc;
}

/* ---- texts ------------------------------------------------------------------------------- */

int used_sysctl(struct env *env, const struct limit *l, uint64_t *used, struct nl_error *err)
{
	char *path = sysctl_path(l->key);
	int rc = path ? file_number(env, path, 0, 10, used, err) : no_memory(err);

	free(path);
	return rc;
}

int used_sockstat(struct env *env, const struct limit *l, uint64_t *used, struct nl_error *err)
{
	size_t len;
	char *text;
	int rc = file_text(env, l->file, &text, &len, err);

	if (rc > 0) {
		rc = named_find(text, len, NAMED_LABELS, l->group, l->key, used);
		free(text);
	}
	return rc;
}

/* "593 0 2466183": allocated, of them free, the limit. */
int used_files(struct env *env, const struct limit *l, uint64_t *used, struct nl_error *err)
{
	uint64_t unused;
	int rc = file_number(env, l->file, 0, 10, used, err);

	if (rc > 0)
		rc = file_number(env, l->file, 1, 10, &unused, err);
	if (rc > 0 && unused <= *used)
		*used -= unused;
	return rc;
}

/* The first column below the heading "entries" of such a file, hexadecimal. */
static bool entries_of(const char *text, size_t len, uint64_t *n)
{
	static const char heading[] = "entries ";
	const char *line = memchr(text, '\n', len);

	if (!line || len < sizeof(heading) || memcmp(text, heading, sizeof(heading) - 1) != 0)
		return false;
	line++;
	return column_of(line, (size_t)(text + len - line), 0, 16, n);
}

/*
 * All namespaces share one table, whose statistics only the first one has; the first
 * process is in that, as a rule.
 */
int used_neighbours(struct env *env, const struct limit *l, uint64_t *used, struct nl_error *err)
{
	char *text, first[64] = "1/";
	size_t len;
	int rc;

	strncat(first, l->file, sizeof(first) - 3);
	rc = file_text(env, l->file, &text, &len, err);
	if (rc == 0)
		rc = file_text(env, first, &text, &len, err);
	if (rc > 0) {
		rc = entries_of(text, len, used);
		free(text);
	}
	return rc;
}

/* ---- ports --------------------------------------------------------------------------------- */

static void add_port(uint64_t ports[1024], uint64_t port)
{
	ports[port / 64] |= UINT64_C(1) << (port % 64);
}

static bool has_port(const uint64_t ports[1024], unsigned port)
{
	return ports[port / 64] >> (port % 64) & 1;
}

/* "80" or "80-90" of [word, end). */
static bool port_item(const char *word, const char *end, uint64_t *lo, uint64_t *hi)
{
	const char *dash = memchr(word, '-', (size_t)(end - word));

	if (!word_number(word, (size_t)((dash ? dash : end) - word), 10, lo))
		return false;
	*hi = *lo;
	return (!dash || word_number(dash + 1, (size_t)(end - dash - 1), 10, hi)) &&
	       *hi <= UINT16_MAX && *lo <= *hi;
}

void ports_list(const char *text, size_t len, uint64_t ports[1024])
{
	const char *end = text + len;

	while (text < end && *text != '\n') {
		size_t left = (size_t)(end - text), item = 0;
		uint64_t lo, hi;

		while (item < left && text[item] != ',' && text[item] != '\n')
			item++;
		if (!port_item(text, text + item, &lo, &hi))
			return;
		for (; lo <= hi; lo++)
			add_port(ports, lo);
		text += item;
		text += text < end && *text == ',';
	}
}

static uint64_t count_ports(const uint64_t ports[1024])
{
	uint64_t n = 0;

	for (size_t i = 0; i < 1024; i++)
		n += (unsigned)__builtin_popcountll(ports[i]);
	return n;
}

int ports_reserved(struct env *env, uint64_t *value, struct port_range *range, struct nl_error *err)
{
	char *text;
	size_t len;
	int rc = sysctl_text(env, "net.ipv4.ip_local_reserved_ports", &text, &len, err);

	memset(range->reserved, 0, sizeof(range->reserved));
	if (rc <= 0)
		return rc;
	ports_list(text, len, range->reserved);
	*value = count_ports(range->reserved);
	free(text);
	return 1;
}

int ports_range(struct env *env, uint64_t *value, struct port_range *range, struct nl_error *err)
{
	uint64_t lo, hi;
	char *text;
	size_t len;
	int rc = sysctl_text(env, "net.ipv4.ip_local_port_range", &text, &len, err);

	if (rc <= 0)
		return rc;
	rc = column_of(text, len, 0, 10, &lo) && column_of(text, len, 1, 10, &hi) && lo > 0 &&
	     lo <= hi && hi <= UINT16_MAX;
	free(text);
	if (rc <= 0)
		return rc;
	range->lo = (uint16_t)lo;
	range->hi = (uint16_t)hi;
	if (ports_reserved(env, value, range, err) < 0)
		return -1;
	*value = 0;
	for (; lo <= hi; lo++)
		*value += !has_port(range->reserved, (unsigned)lo);
	return 1;
}

/* ---- sockets --------------------------------------------------------------------------------- */

/* Hands each socket of the protocol that is in one of these states to take; 0 or -1. */
static int each_socket(struct env *env, unsigned proto, uint32_t states,
		       void (*take)(const struct row *row, void *arg), void *arg,
		       struct nl_error *err)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct scan_request req = { .env = env };
	struct scan *sc;
	struct row row;
	int rc;

	for (unsigned f = 0; f < 2; f++)
		for (unsigned s = 1; s < 32; s++) {
			struct part_set one = { { 0 } };

			if (states >> s & 1)
				one = sockets_parts(proto, families[f], s);
			for (size_t i = 0; i < PARTS_MAX / 64; i++)
				req.parts.bits[i] |= one.bits[i];
		}
	sc = scan_open(&source_sockets, &req);
	if (!sc)
		return no_memory(err);
	while ((rc = scan_next(sc, &row, err)) > 0)
		take(&row, arg);
	scan_close(sc);
	return rc;
}

/* What holds a port; state 12 is the kernel's own split of 3. */
#define UDP_STATES (1u << STATE_ESTABLISHED | 1u << STATE_CLOSE)
#define TCP_STATES (((1u << STATE_NEW_SYN_RECV) - 2) | 1u << STATE_BOUND_INACTIVE)

struct held {
	const struct field *lport;
	uint64_t ports[1024];
};

static void note_port(const struct row *row, void *arg)
{
	struct held *h = arg;
	struct value v;

	if (field_get(h->lport, row, &v) && v.num > 0 && v.num <= UINT16_MAX)
		add_port(h->ports, (uint64_t)v.num);
}

int used_ports(struct env *env, const struct limit *l, uint64_t *used, struct nl_error *err)
{
	struct held h = { .lport = source_field(&source_sockets, "lport") };
	struct port_range range;
	int rc = l->value(env, used, &range, err);

	if (rc <= 0)
		return rc;
	if (each_socket(env, l->proto, l->proto == PROTO_UDP ? UDP_STATES : TCP_STATES, note_port,
			&h, err) < 0)
		return -1;
	*used = 0;
	for (unsigned p = range.lo; p <= range.hi; p++)
		*used += has_port(h.ports, p) && !has_port(range.reserved, p);
	return 1;
}

struct longest {
	const struct field *recvq;
	uint64_t n;
};

static void note_queue(const struct row *row, void *arg)
{
	struct longest *q = arg;
	struct value v;

	if (field_get(q->recvq, row, &v) && v.num > 0 && (uint64_t)v.num > q->n)
		q->n = (uint64_t)v.num;
}

int used_backlog(struct env *env, const struct limit *l, uint64_t *used, struct nl_error *err)
{
	/* of a listener the kernel tells there how many wait: tcp_diag_get_info() */
	struct longest q = { .recvq = source_field(&source_sockets, "recvq") };

	if (each_socket(env, l->proto, 1u << STATE_LISTEN, note_queue, &q, err) < 0)
		return -1;
	*used = q.n;
	return 1;
}
