/*
 * Owns finding all network namespaces that this process can know of: those that
 * processes are in (/proc/PID/ns/net) and those that are kept by a name or another
 * mount (/proc/self/mountinfo). One that only a descriptor keeps is not found.
 */
#include "private.h"

#include "connsh/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The inode of "net:[4026531840]", as a link of ns/ or the root of a mount has it; 0: none. */
static uint64_t net_inode(const char *text, size_t len)
{
	static const char prefix[] = "net:[";
	size_t skip = sizeof(prefix) - 1;
	uint64_t inode;

	if (len < skip + 2 || memcmp(text, prefix, skip) != 0 || text[len - 1] != ']')
		return 0;
	return word_number(text + skip, len - skip - 1, 10, &inode) ? inode : 0;
}

/* The entry of the inode, a new one if there is none; NULL: no memory. */
static struct netns_entry *entry_of(struct netns_list *l, uint64_t inode)
{
	struct netns_entry *list;

	for (size_t i = l->n; i > 0; i--)
		if (l->list[i - 1].inode == inode)
			return &l->list[i - 1];
	list = reallocarray(l->list, l->n + 1, sizeof(*list));
	if (!list)
		return NULL;
	l->list = list;
	list[l->n] = (struct netns_entry){ .inode = inode };
	return &list[l->n++];
}

static bool add_name(struct netns_entry *e, const char *name)
{
	char **names;

	for (size_t i = 0; i < e->nnames; i++)
		if (strcmp(e->names[i], name) == 0)
			return true;
	names = reallocarray(e->names, e->nnames + 1, sizeof(*names));
	if (!names)
		return false;
	e->names = names;
	names[e->nnames] = strdup(name);
	return names[e->nnames] && ++e->nnames;
}

/* ---- processes ------------------------------------------------------------------------ */

static bool add_pid(struct netns_entry *e, uint32_t pid)
{
	if (e->processes == e->room) {
		size_t room = e->room ? 2 * e->room : 16;
		uint32_t *pids = reallocarray(e->pids, room, sizeof(*pids));

		if (!pids)
			return false;
		e->pids = pids;
		e->room = room;
	}
	e->pids[e->processes++] = pid;
	return true;
}

static int add_process(struct netns_list *l, int proc, const char *name, unsigned pid)
{
	char path[32], link[64];
	struct netns_entry *e;
	uint64_t inode;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/ns/net", name);
	n = readlinkat(proc, path, link, sizeof(link));
	if (n < 0) {
		/* a process that has ended has none; others may not be looked at */
		l->hidden |= errno == EACCES || errno == EPERM;
		return 0;
	}
	inode = net_inode(link, (size_t)n);
	if (inode == 0)
		return 0;
	e = entry_of(l, inode);
	if (!e)
		return -1;
	if (!add_pid(e, pid))
		return -1;
	if (e->pid == 0 || pid < (unsigned)e->pid)
		e->pid = (pid_t)pid;
	return 0;
}

static int add_processes(struct netns_list *l, struct nl_error *err)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;
	struct numbers d;
	const char *name;
	unsigned pid;

	if (proc < 0)
		return nl_fail(err, errno, "/proc cannot be read: %s", strerror(errno));
	numbers_begin(&d, proc);
	while ((rc = numbers_next(&d, &pid, &name)) == 1)
		if (add_process(l, proc, name, pid) < 0) {
			close(proc);
			return procfs_no_memory(err);
		}
	if (rc < 0)
		nl_fail(err, errno, "/proc cannot be read: %s", strerror(errno));
	close(proc);
	return rc;
}

/* ---- mounts ------------------------------------------------------------------------------ */

/* In place: blanks, tabs, newlines and backslashes are octal in mountinfo, proc_pid_mountinfo(5).
 */
static void unescape(char *text)
{
	char *out = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
		    text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
			*out++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
					(text[3] - '0'));
			text += 3;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

/* What a user would call a namespace that is mounted there: its name, or the whole path. */
static const char *mount_name(const char *path)
{
	static const char *const dirs[] = { "/run/netns/", "/var/run/netns/" };

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(dirs[i]);
		const char *name = path + n;

		/* names that netns_open takes */
		if (strncmp(path, dirs[i], n) == 0 && *name && *name != '.' && !strchr(name, '/') &&
		    strlen(name) <= 255)
			return name;
	}
	return path;
}

/* Is what lies at the path this namespace still, and not covered by another mount? */
static bool is_there(const char *path, uint64_t inode)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_ino == inode;
}

/* "36 35 98:0 ROOT MOUNTPOINT options ...": the fourth word is net:[inode]. */
static int add_mount(struct netns_list *l, const char *line, size_t len)
{
	const char *end = line + len, *root = NULL, *point;
	size_t root_len = 0, point_len;
	struct netns_entry *e;
	uint64_t inode;
	char *path;
	bool ok;

	for (int i = 0; i < 4; i++)
		root_len = word_next(&line, end, &root);
	point_len = word_next(&line, end, &point);
	inode = net_inode(root, root_len);
	if (inode == 0 || point_len == 0)
		return 0;
	path = strndup(point, point_len);
	if (!path)
		return -1;
	unescape(path);
	if (!is_there(path, inode)) {
		free(path);
		return 0;
	}
	e = entry_of(l, inode);
	ok = e && add_name(e, mount_name(path));
	free(path);
	return ok ? 0 : -1;
}

static int add_mounts(struct netns_list *l, struct nl_error *err)
{
	struct proc_file *f;
	const char *line;
	size_t len;
	int rc;

	if (proc_open(&f, -1, "self/mountinfo", err) < 0)
		return -1;
	while ((rc = proc_line(f, &line, &len, err)) > 0)
		if (add_mount(l, line, len) < 0) {
			rc = procfs_no_memory(err);
			break;
		}
	proc_close(f);
	return rc;
}

/* ---- the list -------------------------------------------------------------------------------- */

/* Names before paths, each in order, so that the first is what a user would type. */
static int by_name(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;

	if ((x[0] == '/') != (y[0] == '/'))
		return x[0] == '/' ? 1 : -1;
	return strcmp(x, y);
}

/* The own one first, then those with names, by name, then the others by their first process. */
static int by_place(const void *a, const void *b)
{
	const struct netns_entry *x = a, *y = b;

	if (x->own != y->own)
		return x->own ? -1 : 1;
	if (x->nnames && y->nnames)
		return by_name(&x->names[0], &y->names[0]);
	if (x->nnames || y->nnames)
		return x->nnames ? -1 : 1;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static int mark_own(struct netns_list *l, struct nl_error *err)
{
	struct netns_entry *e;
	struct stat st;

	if (stat("/proc/thread-self/ns/net", &st) < 0)
		return nl_fail(err, errno, "the own network namespace cannot be told: %s",
			       strerror(errno));
	e = entry_of(l, st.st_ino);
	if (!e)
		return procfs_no_memory(err);
	e->own = true;
	return 0;
}

static int read_live(struct netns_list *l, struct nl_error *err)
{
	if (mark_own(l, err) < 0 || add_processes(l, err) < 0 || add_mounts(l, err) < 0)
		return -1;
	if (l->hidden)
		nl_record_fact("netns_hidden", "1");
	return 0;
}

/* A namespace that was found when the loaded recording was taken. */
static int read_recorded(struct netns_list *l, struct nl_error *err)
{
	const char *name;
	uint64_t inode;
	int netns_fd;

	for (size_t i = 0; nl_replay_netns_at(i, &netns_fd, &inode, &name); i++) {
		struct netns_entry *e;

		/* each is held against all others, and a file may claim any number of them */
		if (nl_cancel)
			return nl_fail(err, ECANCELED, "interrupted");
		e = entry_of(l, inode);
		if (!e || (name && !add_name(e, name)))
			return procfs_no_memory(err);
		e->own = netns_fd == -1;
		e->processes = nl_replay_netns_pids(netns_fd, (uint32_t *)&e->pid);
	}
	l->hidden = nl_replay_fact("netns_hidden") != NULL;
	return 0;
}

void netns_record(const struct netns_entry *e, const struct netns *ns)
{
	uint32_t number = nl_record_netns(ns ? netns_fd(ns) : -1, e->inode);

	for (size_t i = 0; i < e->nnames; i++)
		nl_record_netns_name(number, e->names[i]);
	if (e->processes)
		nl_record_netns_pids(number, e->pids, e->processes);
}

int netns_list_read(struct netns_list *l, struct nl_error *err)
{
	memset(l, 0, sizeof(*l));
	if ((nl_replay_loaded() ? read_recorded(l, err) : read_live(l, err)) < 0) {
		netns_list_free(l);
		return -1;
	}
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].nnames)
			qsort(l->list[i].names, l->list[i].nnames, sizeof(char *), by_name);
	if (l->n)
		qsort(l->list, l->n, sizeof(*l->list), by_place);
	return 0;
}

void netns_list_free(struct netns_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = 0; k < l->list[i].nnames; k++)
			free(l->list[i].names[k]);
		free(l->list[i].names);
		free(l->list[i].pids);
	}
	free(l->list);
	memset(l, 0, sizeof(*l));
}

const char *netns_entry_name(const struct netns_entry *e, char buf[NETNS_NAME_MAX])
{
	if (e->nnames)
		return e->names[0];
	snprintf(buf, NETNS_NAME_MAX, "%d", (int)e->pid);
	return buf;
}

int netns_open_entry(const struct netns_entry *e, struct netns **out, struct nl_error *err)
{
	char buf[NETNS_NAME_MAX];
	const char *name = netns_entry_name(e, buf);
	int fd;

	/* a recording of what was asked here only has no name or pid for it, and needs none */
	*out = NULL;
	if (nl_replay_loaded() && e->own && !e->nnames && !e->pid)
		return 0;
	if (netns_open(name, out, err) < 0)
		return -1;
	if (netns_inode(*out) != e->inode) {
		netns_unref(*out);
		return nl_fail(err, ENOENT, "it has ended");
	}
	if (nl_replay_loaded())
		return 0;
	/* may it be entered? A file that is always there tells. */
	fd = nl_open_in(netns_fd(*out), "/dev/null");
	if (fd < 0) {
		int code = errno;

		netns_unref(*out);
		return nl_fail(err, code, "%s", strerror(code));
	}
	close(fd);
	return 0;
}
