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

static bool set_text(struct value *v, const char *text, size_t len)
{
	v->kind = VALUE_TEXT;
	v->text.p = text;
	v->text.len = len;
	return true;
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
	if (row->source->max_attr < INET_DIAG_CGROUP_ID)
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
	return ends_with(part, len, ".service") || ends_with(part, len, ".scope") ||
	       ends_with(part, len, ".socket") || ends_with(part, len, ".mount");
}

/* The first part of the path that is a unit and no slice (systemd, CGROUP_DELEGATION). */
bool get_unit(const struct row *row, const struct field *f, struct value *v)
{
	const char *path = cgroup_of(row, f);

	while (path && *path) {
		size_t len;

		path += *path == '/';
		len = strcspn(path, "/");
		if (is_unit(path, len))
			return set_text(v, path, len);
		path += len;
	}
	return false;
}

/* 64 hexadecimal digits that stand alone in the part: ids of Docker, Podman, containerd, CRI-O. */
static bool find_id(const char *part, size_t len, struct value *v)
{
	size_t run = 0;

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

bool get_container(const struct row *row, const struct field *f, struct value *v)
{
	const char *path = cgroup_of(row, f), *before = "";
	size_t blen = 0;
	bool found = false;

	/* the innermost one counts */
	while (path && *path) {
		size_t len;

		path += *path == '/';
		len = strcspn(path, "/");
		if (find_id(path, len, v) || between(path, len, "lxc.payload.", "", v) ||
		    between(path, len, "machine-", ".scope", v))
			found = true;
		else if (blen == 3 && memcmp(before, "lxc", 3) == 0 && len)
			found = set_text(v, path, len);
		before = path;
		blen = len;
		path += len;
	}
	return found;
}

/* ---- why there is none ----------------------------------------------------------------- */

/* Nobody was found to hold it: is it still there at all? */
static enum owner_status status_of_unheld(const struct row *row, const struct owners *o)
{
	_Alignas(8) unsigned char buf[16384];

	if (owners_denied(o))
		return OWNER_PERMISSION;
	if (row->source->refetch(row, 0, buf, sizeof(buf)) <= 0)
		return OWNER_GONE;
	return owners_hidden() ? OWNER_OTHER_PIDNS : OWNER_KERNEL;
}

bool get_owner_status(const struct row *row, const struct field *f, struct value *v)
{
	enum owner_status status = OWNER_HELD;
	uint32_t inode = row->source->inode(row, &status);
	const struct owners *o = inode ? row_owners(row, f, inode) : NULL;

	if (inode && !o)
		return false;
	if (inode && owners_count(o, inode) == 0)
		status = status_of_unheld(row, o);
	v->kind = VALUE_INT;
	v->num = status;
	return true;
}
