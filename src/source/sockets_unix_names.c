/*
 * Owns what is known of the other unix sockets of a namespace: their names, by
 * inode, from one dump a run, and their RefCount, which only /proc/net/unix tells.
 *
 * That text can be forged through names with a newline (sockets_unix_text.c). The
 * names are known from the dump, so a name that has one is passed over as a whole;
 * of an inode that comes up twice nothing is believed.
 */
#include "nummap.h"
#include "sockets_unix.h"

#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A text that is kept, or a name. */
struct piece {
	struct piece *next;
	size_t len;
	char bytes[];
};

struct unix_names {
	struct nummap by_inode; /* inode -> struct piece */
	struct nummap waiting;	/* inode of what waits at a listener -> its name */
	struct nummap broken;	/* hash of the first line -> names with a newline, as written */
	bool asked, failed;
	struct nummap refs; /* inode -> RefCount, or DOUBTFUL */
	bool refs_asked, refs_failed;
	struct nummap texts; /* hash -> list of struct piece */
	uint64_t seed;	     /* of all hashes */
};

#define DOUBTFUL UINT64_MAX

static void free_pieces(struct nummap *m)
{
	for (size_t i = 0; i < m->cap; i++) {
		struct piece *p, *next;

		if (!m->slots[i].key)
			continue;
		for (p = (struct piece *)(uintptr_t)m->slots[i].value; p; p = next) {
			next = p->next;
			free(p);
		}
	}
	nummap_free(m);
}

void unix_names_free(struct unix_names *u)
{
	if (!u)
		return;
	free_pieces(&u->by_inode);
	free_pieces(&u->broken);
	free_pieces(&u->texts);
	nummap_free(&u->waiting);
	nummap_free(&u->refs);
	free(u);
}

const char *unix_names_lack(const struct unix_names *u)
{
	if (u && u->failed)
		return "the names of unix sockets could not be listed: those of peers are unknown";
	if (u && u->refs_failed)
		return "/proc/net/unix could not be read: refs is unknown";
	return NULL;
}

static struct unix_names *names_of(struct env *env)
{
	struct unix_names **u = env_unix_names(env);

	if (!*u) {
		*u = calloc(1, sizeof(**u));
		if (*u)
			(*u)->seed = hash_seed();
	}
	return *u;
}

static struct piece *piece_new(struct piece *next, const void *bytes, size_t len)
{
	struct piece *p = malloc(sizeof(*p) + len);

	if (!p)
		return NULL;
	p->next = next;
	p->len = len;
	memcpy(p->bytes, bytes, len);
	return p;
}

const char *unix_keep_text(struct env *env, const char *text, size_t len)
{
	struct unix_names *u = names_of(env);
	struct piece *p;
	bool fresh;
	uint64_t *slot;

	slot = u ? nummap_add(&u->texts, hash_bytes(u->seed, text, len), &fresh) : NULL;
	if (!slot)
		return NULL;
	for (p = (struct piece *)(uintptr_t)*slot; p; p = p->next)
		if (p->len == len && memcmp(p->bytes, text, len) == 0)
			return p->bytes;
	p = piece_new((struct piece *)(uintptr_t)*slot, text, len);
	if (!p)
		return NULL;
	*slot = (uint64_t)(uintptr_t)p;
	return p->bytes;
}

/* ---- the dump of names ----------------------------------------------------------------- */

/* Hash of the text up to its first newline, or the end. */
static uint64_t first_line(const struct unix_names *u, const char *text, const char *end)
{
	const char *newline = memchr(text, '\n', (size_t)(end - text));

	return hash_bytes(u->seed, text, (size_t)((newline ? newline : end) - text));
}

/* As /proc/net/unix writes it: a path without its NUL, else "@" for each NUL. */
static bool add_broken(struct unix_names *u, const unsigned char *name, size_t len)
{
	struct piece *p;
	uint64_t *slot;
	bool fresh;

	if (name[0])
		len = strnlen((const char *)name, len);
	if (!memchr(name, '\n', len))
		return true;
	p = piece_new(NULL, name, len);
	if (!p)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!p->bytes[i])
			p->bytes[i] = '@';
	slot = nummap_add(&u->broken, first_line(u, p->bytes, p->bytes + len), &fresh);
	if (!slot) {
		free(p);
		return false;
	}
	p->next = (struct piece *)(uintptr_t)*slot;
	*slot = (uint64_t)(uintptr_t)p;
	return true;
}

/* What waits at the listener has its name, and the other end is known by inode. */
static bool add_waiting(struct unix_names *u, const struct row *row, struct piece *name)
{
	struct unix_icons *icons = malloc(sizeof(*icons));
	struct nl_error err;
	bool ok = icons != NULL, fresh;

	/* of too many, no end is known by the kernel's answer: they stay without a name */
	if (icons && unix_icons(icons, unix_msg(row), row->env, &err) == 0)
		for (size_t i = 0; ok && i < icons->n; i++) {
			uint64_t *slot;

			if (unix_icon(icons, i) == 0)
				continue;
			slot = nummap_add(&u->waiting, unix_icon(icons, i), &fresh);
			if (slot)
				*slot = (uint64_t)(uintptr_t)name;
			ok = slot != NULL;
		}
	free(icons);
	return ok;
}

static bool add_name(struct unix_names *u, const struct row *row)
{
	const struct unix_diag_msg *m = unix_msg(row);
	size_t len;
	const unsigned char *name = unix_row_name(row, &len);
	struct piece *p;
	uint64_t *slot;
	bool fresh;

	if (!name || m->udiag_ino == 0)
		return true;
	slot = nummap_add(&u->by_inode, m->udiag_ino, &fresh);
	/* the same row once more: lists double rows while others come and go */
	if (slot && !fresh)
		return true;
	p = slot ? piece_new(NULL, name, len) : NULL;
	if (!p)
		return false;
	*slot = (uint64_t)(uintptr_t)p;
	return add_broken(u, name, len) && (unix_waiting(row) == 0 || add_waiting(u, row, p));
}

static int list_names(struct unix_names *u, struct env *env)
{
	struct dump_plan *plan = calloc(1, sizeof(*plan));
	struct nl_dump *dump = NULL;
	const struct nlmsghdr *msg;
	struct nl_error err;
	int rc = -1;

	if (!plan)
		return -1;
	unix_plan(UINT32_MAX, UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN, true, plan);
	if (nl_dump_open(&dump, &plan->request, env_netns_fd(env), &err) == 0) {
		while ((rc = nl_dump_next(dump, &msg, &err)) > 0) {
			struct row row = { .env = env, .msg = msg, .shape = &shape_unix };

			if (msg->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
			    msg->nlmsg_len < NLMSG_HDRLEN + sizeof(struct unix_diag_msg))
				continue;
			if (!add_name(u, &row)) {
				rc = -1;
				break;
			}
		}
	}
	nl_dump_close(dump);
	free(plan);
	return rc;
}

static struct unix_names *listed(struct env *env)
{
	struct unix_names *u = names_of(env);

	if (u && !u->asked) {
		u->asked = true;
		u->failed = list_names(u, env) < 0;
	}
	return u;
}

const unsigned char *unix_peer_name(const struct row *row, size_t *len)
{
	struct unix_names *u = listed(row->env);
	uint32_t peer = socket_peer(row);
	const uint64_t *slot;
	const struct piece *p;

	if (!u || u->failed)
		return NULL;
	/* while the other end waits to be accepted it has no inode, but this one has */
	slot = peer ? nummap_find(&u->by_inode, peer)
		    : nummap_find(&u->waiting, unix_msg(row)->udiag_ino);
	if (!slot)
		return NULL;
	p = (const struct piece *)(uintptr_t)*slot;
	*len = p->len;
	return (const unsigned char *)p->bytes;
}

/* ---- RefCount ------------------------------------------------------------------------------ */

/* Where the row ends whose name begins here: at its newline, but one that belongs to the name. */
static const char *end_of_name(const struct unix_names *u, const char *name, const char *end)
{
	const uint64_t *slot = NULL;
	const char *newline;
	size_t longest = 0;

	if (u->broken.n)
		slot = nummap_find(&u->broken, first_line(u, name, end));
	for (const struct piece *p = slot ? (const struct piece *)(uintptr_t)*slot : NULL; p;
	     p = p->next)
		if (p->len > longest && (size_t)(end - name) > p->len &&
		    memcmp(name, p->bytes, p->len) == 0 && name[p->len] == '\n')
			longest = p->len;
	newline = memchr(name + longest, '\n', (size_t)(end - name) - longest);
	return newline ? newline : end;
}

static bool add_refs(struct unix_names *u, const struct unix_line *row)
{
	bool fresh;
	uint64_t *slot;

	if (row->inode == 0)
		return true;
	slot = nummap_add(&u->refs, row->inode, &fresh);
	if (!slot)
		return false;
	if (fresh)
		*slot = row->refs;
	else if (*slot != row->refs)
		*slot = DOUBTFUL;
	return true;
}

static bool parse_refs(struct unix_names *u, const char *p, const char *end)
{
	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		const char *stop = newline ? newline : end;
		struct unix_line row;

		if (unix_line_parse(p, (size_t)(stop - p), &row)) {
			if (!add_refs(u, &row))
				return false;
			if (row.name)
				stop = end_of_name(u, row.name, end);
		}
		p = stop < end ? stop + 1 : end;
	}
	return true;
}

static void read_refs(struct unix_names *u, struct env *env)
{
	struct nl_error err;
	size_t len;
	char *text = proc_text(env_netns_fd(env), "net/unix", &len, &err);

	u->refs_asked = true;
	u->refs_failed = !text || !parse_refs(u, text, text + len);
	free(text);
}

bool unix_refs(const struct row *row, uint32_t *refs)
{
	struct unix_names *u = listed(row->env);
	const uint64_t *n;

	if (!u || u->failed)
		return false;
	if (!u->refs_asked)
		read_refs(u, row->env);
	n = nummap_find(&u->refs, unix_msg(row)->udiag_ino);
	if (!n || *n == DOUBTFUL)
		return false;
	*refs = (uint32_t)*n;
	return true;
}
