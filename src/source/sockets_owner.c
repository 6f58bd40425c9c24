/*
 * Owns the fields that tell which process holds a socket, and what its cgroup
 * says of it. The table of holders is that of the row's env.
 */
#include "sockets.h"

#include <string.h>

static const struct owners *owners_for(const struct row *row, const struct field *f,
				       uint32_t *inode)
{
	enum owner_status why;

	*inode = row->source->inode(row, &why);
	return *inode ? row_owners(row, f, *inode) : NULL;
}

static const struct holder *holder(const struct row *row, const struct field *f, size_t i)
{
	uint32_t inode;
	const struct owners *o = owners_for(row, f, &inode);

	return o && i < owners_count(o, inode) ? owners_holder(o, inode, i) : NULL;
}

bool more_pids(const struct row *row, const struct field *f, size_t i, struct value *v)
{
	const struct holder *h = holder(row, f, i);

	if (!h)
		return false;
	v->kind = VALUE_INT;
	v->num = h->pid;
	return true;
}

bool get_pid(const struct row *row, const struct field *f, struct value *v)
{
	return more_pids(row, f, 0, v);
}

bool more_comms(const struct row *row, const struct field *f, size_t i, struct value *v)
{
	const struct holder *h = holder(row, f, i);

	return h && set_text(v, h->comm, h->comm_len);
}

bool get_comm(const struct row *row, const struct field *f, struct value *v)
{
	return more_comms(row, f, 0, v);
}

bool more_exes(const struct row *row, const struct field *f, size_t i, struct value *v)
{
	const struct holder *h = holder(row, f, i);

	return h && h->exe && set_text(v, h->exe, strlen(h->exe));
}

bool get_exe(const struct row *row, const struct field *f, struct value *v)
{
	return more_exes(row, f, 0, v);
}

bool get_pids(const struct row *row, const struct field *f, struct value *v)
{
	uint32_t inode;
	const struct owners *o = owners_for(row, f, &inode);
	size_t n = o ? owners_count(o, inode) : 0;
	struct value *list = n ? env_list(row->env, n) : NULL;

	if (!list)
		return false;
	for (size_t i = 0; i < n; i++) {
		list[i].kind = VALUE_INT;
		list[i].num = owners_holder(o, inode, i)->pid;
	}
	v->kind = VALUE_LIST;
	v->list.items = list;
	v->list.n = n;
	return true;
}

/* ---- cgroups ------------------------------------------------------------------------ */

/* The path of the holder's cgroup; without a holder, of that which the socket was made in. */
static const char *cgroup_of(const struct row *row, const struct field *f)
{
	const struct holder *h = holder(row, f, 0);
	const void *p;
	uint64_t id;

	if (h)
		return h->cgroup;
	if (row->shape != &shape_inet)
		return NULL;
	p = row_attr((struct row *)(uintptr_t)row, INET_DIAG_CGROUP_ID, sizeof(id));
	if (!p)
		return NULL;
	memcpy(&id, p, sizeof(id));
	return id ? env_cgroup(row->env, id) : NULL;
}

static bool ends_with(const char *text, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && memcmp(text + len - n, end, n) == 0;
}

static bool is_unit(const char *part, size_t len)
{
	static const char *const ends[] = { ".service", ".scope", ".socket", ".mount", ".swap" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends_with(part, len, ends[i]))
			return true;
	return false;
}

/* The next part of a path, with its length; NULL: there is none. *path goes on behind it. */
static const char *next_part(const char **path, size_t *len)
{
	const char *part = *path + strspn(*path, "/");

	*len = strcspn(part, "/");
	*path = part + *len;
	return *len ? part : NULL;
}

bool cgroup_unit(const char *path, struct value *v)
{
	const char *part;
	size_t len;

	while ((part = next_part(&path, &len)))
		if (is_unit(part, len))
			return set_text(v, part, len);
	return false;
}

static bool has_prefix(const char *part, size_t len, const char *start)
{
	size_t n = strlen(start);

	return len > n && memcmp(part, start, n) == 0;
}

/* 64 hexadecimal digits that stand alone in the part: ids of Docker, Podman, containerd, CRI-O. */
static bool find_id(const char *part, size_t len, struct value *v)
{
	size_t run = 0;

	/* the programs that watch over a container are not in it */
	if (has_prefix(part, len, "libpod-conmon-") || has_prefix(part, len, "crio-conmon-"))
		return false;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && strchr("0123456789abcdef", part[i])) {
			run++;
			continue;
		}
		if (run == 64)
			return set_text(v, part + i - 64, 64);
		run = 0;
	}
	return false;
}

/* What stands between a start and an end of the part: names of LXC and systemd-nspawn. */
static bool between(const char *part, size_t len, const char *start, const char *end,
		    struct value *v)
{
	size_t n = strlen(start), m = strlen(end);

	if (len <= n + m || memcmp(part, start, n) != 0 || memcmp(part + len - m, end, m) != 0)
		return false;
	return set_text(v, part + n, len - n - m);
}

/* machine-qemu\x2d... is a virtual machine: its sockets are those of the host. */
static bool machine(const char *part, size_t len, struct value *v)
{
	return !has_prefix(part, len, "machine-qemu\\x2d") &&
	       (between(part, len, "machine-", ".scope", v) ||
		between(part, len, "systemd-nspawn@", ".service", v));
}

static bool is_word(const char *part, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(part, word, len) == 0;
}

bool cgroup_container(const char *path, struct value *v)
{
	const char *part, *before = "";
	size_t len, blen = 0;
	bool found = false;

	while ((part = next_part(&path, &len))) {
		if (find_id(part, len, v) || between(part, len, "lxc.payload.", "", v) ||
		    machine(part, len, v))
			found = true;
		else if (is_word(before, blen, "lxc") || is_word(before, blen, "lxc.payload"))
			found = set_text(v, part, len);
		before = part;
		blen = len;
	}
	return found;
}

bool get_unit(const struct row *row, const struct field *f, struct value *v)
{
	const char *path = cgroup_of(row, f);

	return path && cgroup_unit(path, v);
}

bool get_container(const struct row *row, const struct field *f, struct value *v)
{
	const char *path = cgroup_of(row, f);

	return path && cgroup_container(path, v);
}

/* ---- why there is none ----------------------------------------------------------------- */

/* Nobody was found to hold it: is it still there at all? */
static enum owner_status status_of_unheld(const struct row *row, const struct owners *o)
{
	_Alignas(8) unsigned char buf[16384];
	struct nl_error err;
	ptrdiff_t n = 1;

	if (owners_denied(o))
		return OWNER_PERMISSION;
	/* what is in a recording was there then */
	if (!nl_replay_loaded())
		n = row->source->refetch(row, 0, buf, sizeof(buf), &err);
	if (n <= 0)
		return n == 0 ? OWNER_GONE : OWNER_UNREADABLE;
	return row_owners_hidden(row, o) ? OWNER_OTHER_PIDNS : OWNER_KERNEL;
}

bool get_owner_status(const struct row *row, const struct field *f, struct value *v)
{
	enum owner_status status = OWNER_HELD;
	uint32_t inode = row->source->inode(row, &status);
	const struct owners *o = inode ? row_owners(row, f, inode) : NULL;

	if (inode && !o && !env_tells_owners())
		return false;
	if (inode && !o)
		status = OWNER_UNREADABLE;
	else if (inode && owners_count(o, inode) == 0)
		status = status_of_unheld(row, o);
	v->kind = VALUE_INT;
	v->num = status;
	return true;
}
