/*
 * Owns finding network namespaces: by name below /run/netns, by pid, by path.
 * A namespace is held open once for each name it is asked by, so that thousands of
 * queries on it cost one descriptor.
 */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
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
	int fd;
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

int netns_open(const char *spec, struct netns **out, struct nl_error *err)
{
	struct stat st;
	int fd = find(spec, err);

	if (fd < 0)
		return -1;
	if (check_kind(fd, spec, &st, err) < 0) {
		close(fd);
		return -1;
	}
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
	if (stat("/proc/thread-self/ns/net", &st) < 0)
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
	return ns->fd;
}

uint64_t netns_inode(const struct netns *ns)
{
	return ns->ino;
}

const char *netns_name(const struct netns *ns)
{
	return ns->name;
}
