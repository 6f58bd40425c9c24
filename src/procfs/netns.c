/*
 * Owns finding network namespaces: by name below /run/netns, by pid, by path.
 * A namespace is held open once for each name it is asked by, so that thousands of
 * queries on it cost one descriptor.
 */
#include "private.h"

#include "connsh/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

struct netns {
	unsigned refs;
	int fd; /* below 0: of the loaded recording */
	dev_t dev;
	ino_t ino;
	char *name;
	struct netns *next;
};

/* All that are held open. */
static struct netns *open_ones;

/* Each namespace that rows are from costs a descriptor: of those allowed, all are taken. */
static bool more_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= r.rlim_max)
		return false;
	r.rlim_cur = r.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &r) == 0;
}

/* O_NONBLOCK: a path may name a fifo. */
static int open_path(const char *path)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = open(path, flags);

	if (fd < 0 && errno == EMFILE && more_descriptors())
		fd = open(path, flags);
	return fd;
}

static int open_named(const char *spec)
{
	static const char *const dirs[] = { "/run/netns", "/var/run/netns" };
	char path[512];
	int fd = -1, saved = ENOENT;

	if (spec[0] == '.' || strlen(spec) > 255) {
		errno = ENOENT;
		return -1;
	}
	for (size_t i = 0; fd < 0 && i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], spec);
		fd = open_path(path);
		if (fd < 0 && errno != ENOENT)
			saved = errno;
	}
	errno = saved;
	return fd;
}

static int open_pid(const char *spec)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.20s/ns/net", spec);
	return open_path(path);
}

/* How a spec may be shown in a message: short and printable. */
static const char *shown(const char *spec, char buf[80])
{
	size_t n = 0;

	for (; *spec && n < 60; spec++)
		buf[n++] = *spec >= 0x20 && *spec < 0x7f ? *spec : '?';
	buf[n] = '\0';
	return buf;
}

/* The descriptor of what spec means, or -1 with *err. */
static int find(const char *spec, struct nl_error *err)
{
	bool number = *spec && strspn(spec, "0123456789") == strlen(spec);
	char buf[80];
	int fd;

	if (strchr(spec, '/')) {
		fd = open_path(spec);
		return fd >= 0 ? fd
			       : nl_fail(err, errno,
					 "the network namespace %s cannot be opened: %s",
					 shown(spec, buf), strerror(errno));
	}
	fd = *spec ? open_named(spec) : (errno = ENOENT, -1);
	if (fd < 0 && errno == ENOENT && number) {
		fd = open_pid(spec);
		return fd >= 0 ? fd
			       : nl_fail(err, errno,
					 "the network namespace of process %s cannot be opened: %s",
					 shown(spec, buf), strerror(errno));
	}
	if (fd < 0 && errno == ENOENT)
		return nl_fail(err, ENOENT,
			       "there is no network namespace \"%s\": no entry of /run/netns has "
			       "this name; a pid or a path would do too",
			       shown(spec, buf));
	return fd >= 0 ? fd
		       : nl_fail(err, errno, "the network namespace \"%s\" cannot be opened: %s",
				 shown(spec, buf), strerror(errno));
}

/* NS_GET_NSTYPE, ioctl_ns(2). */
static int check_kind(int fd, const char *spec, struct stat *st, struct nl_error *err)
{
	char buf[80];

	if (fstat(fd, st) < 0)
		return nl_fail(err, errno, "the network namespace %s cannot be read: %s",
			       shown(spec, buf), strerror(errno));
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return nl_fail(err, EINVAL, "%s is no network namespace", shown(spec, buf));
	return 0;
}

static struct netns *known(const char *spec, const struct stat *st)
{
	for (struct netns *ns = open_ones; ns; ns = ns->next)
		if (ns->ino == st->st_ino && ns->dev == st->st_dev && strcmp(ns->name, spec) == 0)
			return ns;
	return NULL;
}

static struct netns *keep(int fd, const char *spec, const struct stat *st)
{
	struct netns *ns = calloc(1, sizeof(*ns));

	if (ns)
		ns->name = strdup(spec);
	if (!ns || !ns->name) {
		free(ns);
		return NULL;
	}
	ns->refs = 1;
	ns->fd = fd;
	ns->dev = st->st_dev;
	ns->ino = st->st_ino;
	ns->next = open_ones;
	open_ones = ns;
	return ns;
}

/* "/run/netns/NAME" and the like, and "/proc/PID/ns/net"; NULL: the spec is no such path. */
static const char *behind(const char *spec, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(spec, dir, n) == 0 && !strchr(spec + n, '/') ? spec + n : NULL;
}

static int recorded_pid(const char *spec)
{
	char *end;
	unsigned long pid = strtoul(spec, &end, 10);

	if (*spec < '0' || *spec > '9' || pid > INT_MAX)
		return 0;
	return *end == '\0' || strcmp(end, "/ns/net") == 0 ? nl_replay_netns_pid((uint32_t)pid) : 0;
}

/* The number of what spec meant when the loaded recording was taken; 0 and *err. */
static int find_recorded(const char *spec, struct nl_error *err)
{
	const char *name = behind(spec, "/run/netns/");
	char buf[80];
	int fd;

	if (!name)
		name = behind(spec, "/var/run/netns/");
	fd = nl_replay_netns(name ? name : spec);
	if (fd == 0)
		fd = recorded_pid(strncmp(spec, "/proc/", 6) == 0 ? spec + 6 : spec);
	if (fd == 0)
		nl_fail(err, ENOENT,
			"the recording has no network namespace \"%s\": neither a name nor a pid "
			"in it",
			shown(spec, buf));
	return fd;
}

/* 0: there is no such namespace. */
static uint64_t recorded_inode(int fd)
{
	const char *name;
	uint64_t inode;
	int number;

	for (size_t i = 0; nl_replay_netns_at(i, &number, &inode, &name); i++)
		if (number == fd)
			return inode;
	return 0;
}

static int open_recorded(const char *spec, struct netns **out, struct nl_error *err)
{
	int fd = find_recorded(spec, err);
	struct stat st = { 0 };
	char buf[80];

	if (fd == 0)
		return -1;
	if (fd != -1 && !nl_replay_netns_asked(fd))
		return nl_fail(err, ENODATA,
			       "the recording has nothing of the network namespace \"%s\": it was "
			       "not entered",
			       shown(spec, buf));
	st.st_ino = recorded_inode(fd);
	*out = known(spec, &st);
	if (*out)
		(*out)->refs++;
	else
		*out = keep(fd, spec, &st);
	return *out ? 0 : procfs_no_memory(err);
}

/* So that the same words find it in the recording that is being written. */
static void record_opened(int fd, const char *spec)
{
	uint32_t number = nl_record_netns(fd, 0), pid;
	bool is_pid = spec[strspn(spec, "0123456789")] == '\0';

	if (is_pid) {
		pid = (uint32_t)strtoul(spec, NULL, 10);
		nl_record_netns_pids(number, &pid, 1);
	} else {
		nl_record_netns_name(number, spec);
	}
}

int netns_open(const char *spec, struct netns **out, struct nl_error *err)
{
	struct stat st;
	int fd;

	if (nl_replay_loaded())
		return open_recorded(spec, out, err);
	fd = find(spec, err);
	if (fd < 0)
		return -1;
	if (check_kind(fd, spec, &st, err) < 0) {
		close(fd);
		return -1;
	}
	record_opened(fd, spec);
	*out = known(spec, &st);
	if (*out) {
		close(fd);
		(*out)->refs++;
		return 0;
	}
	*out = keep(fd, spec, &st);
	if (*out)
		return 0;
	close(fd);
	return procfs_no_memory(err);
}

struct netns *netns_ref(struct netns *ns)
{
	ns->refs++;
	return ns;
}

void netns_unref(struct netns *ns)
{
	struct netns **at = &open_ones;

	if (!ns || --ns->refs > 0)
		return;
	while (*at != ns)
		at = &(*at)->next;
	*at = ns->next;
	if (ns->fd >= 0)
		close(ns->fd);
	free(ns->name);
	free(ns);
}

static bool identity(const struct netns *ns, dev_t *dev, ino_t *ino)
{
	struct stat st;

	if (ns) {
		*dev = ns->dev;
		*ino = ns->ino;
		return true;
	}
	if (nl_replay_loaded())
		st = (struct stat){ .st_ino = recorded_inode(-1) };
	else if (stat("/proc/thread-self/ns/net", &st) < 0)
		return false;
	*dev = st.st_dev;
	*ino = st.st_ino;
	return true;
}

bool netns_same(const struct netns *a, const struct netns *b)
{
	dev_t adev, bdev;
	ino_t aino, bino;

	if (a == b)
		return true;
	return identity(a, &adev, &aino) && identity(b, &bdev, &bino) && adev == bdev &&
	       aino == bino;
}

int netns_fd(const struct netns *ns)
{
	return ns ? ns->fd : -1;
}

uint64_t netns_inode(const struct netns *ns)
{
	dev_t dev;
	ino_t ino;

	return identity(ns, &dev, &ino) ? ino : 0;
}

const char *netns_name(const struct netns *ns)
{
	return ns->name;
}
