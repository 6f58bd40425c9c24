/*
 * Owns reading directories whose entries are numbers (/proc, /proc/PID/fd,
 * /proc/PID/task), and telling sockets among descriptors.
 */
#include "private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Entries before the first descriptor: "." and "..". */
enum { FIRST_POSITION = 2 };

/* A decimal number in [s, s + len), at most max; false when it is none. */
static bool number(const char *s, size_t len, uint32_t max, uint32_t *out)
{
	uint64_t n = 0;

	if (len == 0 || len > 10)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(s[i] - '0');
	}
	*out = (uint32_t)n;
	return n <= max;
}

/*
 * sockfs_dname() in net/socket.c writes "socket:[%lu]". No path can look so: those
 * begin with '/', and each other kind of file has a prefix of its own.
 */
uint32_t fds_socket(const char *link, size_t len)
{
	static const char prefix[] = "socket:[";
	size_t skip = sizeof(prefix) - 1;
	uint32_t inode;

	if (len < skip + 2 || memcmp(link, prefix, skip) != 0 || link[len - 1] != ']')
		return 0;
	return number(link + skip, len - skip - 1, UINT32_MAX, &inode) ? inode : 0;
}

void numbers_begin(struct numbers *d, int fd)
{
	d->fd = fd;
	d->at = d->len = 0;
}

/* The entry at d->at, or NULL when what is left holds no whole one. */
static const struct dirent64 *entry(const struct numbers *d)
{
	const struct dirent64 *e = (const void *)(d->buf + d->at);
	size_t left = d->len - d->at, name = offsetof(struct dirent64, d_name);

	if (left <= name || e->d_reclen <= name || e->d_reclen > left || e->d_reclen % 8 ||
	    !memchr(e->d_name, '\0', e->d_reclen - name))
		return NULL;
	return e;
}

int numbers_next(struct numbers *d, unsigned *out, const char **name)
{
	for (;;) {
		const struct dirent64 *e;

		if (d->at == d->len) {
			ssize_t n = getdents64(d->fd, d->buf, sizeof(d->buf));

			if (n <= 0)
				return (int)n;
			d->at = 0;
			d->len = (size_t)n;
		}
		e = entry(d);
		if (!e) {
			errno = EPROTO;
			return -1;
		}
		d->at += e->d_reclen;
		if (number(e->d_name, strlen(e->d_name), INT_MAX, out)) {
			*name = e->d_name;
			return 1;
		}
	}
}

bool fds_seek(int fd, unsigned from)
{
	off_t to = from ? (off_t)from + FIRST_POSITION : 0;

	return lseek(fd, to, SEEK_SET) == to;
}

/* The first entry from this position on, or -1. */
static long first_from(struct numbers *d, unsigned from)
{
	const char *name;
	unsigned n;

	numbers_begin(d, d->fd);
	return fds_seek(d->fd, from) && numbers_next(d, &n, &name) == 1 ? (long)n : -1;
}

bool fds_can_seek(int proc)
{
	struct numbers d;
	unsigned own;
	bool ok;

	d.fd = openat(proc, "self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d.fd < 0)
		return false;
	/* This descriptor is there; what comes behind it is greater, if there is any. */
	own = (unsigned)d.fd;
	ok = first_from(&d, own) == (long)own;
	if (ok) {
		long behind = first_from(&d, own + 1);

		ok = behind < 0 || behind > (long)own;
	}
	close(d.fd);
	return ok;
}

void inodes_clear(struct inodes *l)
{
	for (size_t i = 0; l->with_contexts && i < l->n; i++)
		free(l->contexts[i]);
	l->n = 0;
}

void inodes_free(struct inodes *l)
{
	inodes_clear(l);
	free(l->list);
	free(l->fds);
	free(l->contexts);
}

static bool grow(struct inodes *l)
{
	size_t size = l->size ? 2 * l->size : 1024;
	uint32_t *list = reallocarray(l->list, size, sizeof(*list)), *fds;
	char **contexts;

	if (!list)
		return false;
	l->list = list;
	if (l->with_fds) {
		fds = reallocarray(l->fds, size, sizeof(*fds));
		if (!fds)
			return false;
		l->fds = fds;
	}
	if (l->with_contexts) {
		contexts = reallocarray(l->contexts, size, sizeof(*contexts));
		if (!contexts)
			return false;
		l->contexts = contexts;
	}
	l->size = size;
	return true;
}

static bool append(struct inodes *out, uint32_t inode, unsigned fd)
{
	if (out->n == out->size && !grow(out))
		return false;
	if (out->with_fds)
		out->fds[out->n] = fd;
	if (out->with_contexts)
		out->contexts[out->n] = NULL;
	out->list[out->n++] = inode;
	return true;
}

/*
 * 0: the descriptor was looked at. A name longer than a page is a path, and one that
 * is gone was closed meanwhile. No other failure is a socket's, whose name needs
 * nothing but memory: a strange file of one process must not end the whole pass.
 */
static int take(int fd, const char *name, unsigned number, const struct imap *wanted,
		struct inodes *out)
{
	char link[32];
	ssize_t n = readlinkat(fd, name, link, sizeof(link));
	uint32_t inode;

	if (n < 0)
		return errno == EACCES || errno == EPERM || errno == ENOMEM ? -1 : 0;
	inode = fds_socket(link, (size_t)n);
	if (!inode || (wanted && !imap_get(wanted, inode)))
		return 0;
	if (!append(out, inode, number)) {
		errno = ENOMEM;
		return -1;
	}
	if (!out->with_contexts)
		return 0;
	out->contexts[out->n - 1] = process_socket_context(fd, name);
	return !out->contexts[out->n - 1] && errno == ENOMEM ? -1 : 0;
}

int fds_read(struct numbers *d, unsigned from, unsigned to, const struct imap *wanted,
	     struct inodes *out, bool *any)
{
	const char *name;
	unsigned n;
	int rc;

	if (!fds_seek(d->fd, from))
		return -1;
	numbers_begin(d, d->fd);
	while ((rc = numbers_next(d, &n, &name)) == 1 && n < to) {
		if (nl_cancel) {
			errno = ECANCELED;
			return -1;
		}
		*any = true;
		if (take(d->fd, name, n, wanted, out) < 0)
			return -1;
	}
	return rc < 0 ? -1 : 0;
}
