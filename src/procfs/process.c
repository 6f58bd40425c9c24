/*
 * Owns the facts of one process, read below one descriptor of its folder, which
 * names no other process when the pid is used again.
 */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Bytes of a context that are read: <linux/limits.h> has XATTR_SIZE_MAX, modules far less. */
enum { CONTEXT_MAX = 4096 };

/* Doubles the room for *buf, which begins with none. */
static bool more(char **buf, size_t *size)
{
	size_t want = *size ? 2 * *size : 256;
	char *bigger = realloc(*buf, want);

	if (!bigger) {
		errno = ENOMEM;
		return false;
	}
	*buf = bigger;
	*size = want;
	return true;
}

/* At most max bytes of it. */
static char *slurp(int fd, size_t max, size_t *len)
{
	char *buf = NULL;
	size_t size = 0;

	for (*len = 0;;) {
		size_t room;
		ssize_t n;

		if (*len + 1 >= size && !more(&buf, &size))
			break;
		room = size - *len - 1;
		n = read(fd, buf + *len, room < max - *len ? room : max - *len);
		if (n < 0 && errno == EINTR && !nl_cancel)
			continue;
		if (n < 0)
			break;
		*len += (size_t)n;
		if (n == 0) {
			buf[*len] = '\0';
			return buf;
		}
	}
	free(buf);
	return NULL;
}

char *process_read_part(int dir, const char *name, size_t max, size_t *len)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC), saved;
	char *text;

	if (fd < 0)
		return NULL;
	text = slurp(fd, max, len);
	saved = errno;
	close(fd);
	errno = saved;
	return text;
}

char *process_read(int dir, const char *name, size_t *len)
{
	return process_read_part(dir, name, SIZE_MAX, len);
}

int process_comm(int dir, struct holder *h)
{
	size_t len;
	char *comm = process_read(dir, "comm", &len);

	if (!comm)
		return -1;
	/* comm_show() in fs/proc/base.c ends it so, whatever the name is. */
	if (len == 0 || comm[len - 1] != '\n') {
		free(comm);
		errno = ESRCH;
		return -1;
	}
	comm[--len] = '\0';
	h->comm = comm;
	h->comm_len = len;
	return 0;
}

char *process_link(int dir, const char *name)
{
	char *buf = NULL;
	size_t size = 0;
	ssize_t n;

	do {
		if (!more(&buf, &size)) {
			free(buf);
			errno = ENOMEM;
			return NULL;
		}
		n = readlinkat(dir, name, buf, size);
	} while (n >= 0 && (size_t)n == size);
	if (n < 0) {
		int saved = errno;

		free(buf);
		errno = saved;
		return NULL;
	}
	buf[n] = '\0';
	return buf;
}

/* What follows the prefix if the line [line, end) begins with it, else NULL. */
static const char *after(const char *line, const char *end, const char *prefix)
{
	size_t n = strlen(prefix);

	return (size_t)(end - line) >= n && memcmp(line, prefix, n) == 0 ? line + n : NULL;
}

/* The path of a line "5:name=systemd:/path" of proc_pid_cgroup, cgroups(7), or NULL. */
static const char *systemd_path(const char *line, const char *end)
{
	while (line < end && *line >= '0' && *line <= '9')
		line++;
	return after(line, end, ":name=systemd:");
}

char *process_cgroup(int dir)
{
	const char *v2 = NULL, *v2_end = NULL, *v1 = NULL, *v1_end = NULL;
	size_t len;
	char *text = process_read(dir, "cgroup", &len), *path = NULL;

	if (!text)
		return NULL;
	for (const char *line = text, *stop = text + len, *end; line < stop; line = end + 1) {
		const char *p;

		end = memchr(line, '\n', (size_t)(stop - line));
		if (!end)
			end = stop;
		if ((p = after(line, end, "0::")))
			v2 = p, v2_end = end;
		else if ((p = systemd_path(line, end)))
			v1 = p, v1_end = end;
	}
	/* A v2 tree that nobody uses leaves everyone at its root. */
	if (v1 && (!v2 || (v2_end - v2 == 1 && *v2 == '/')))
		v2 = v1, v2_end = v1_end;
	if (v2)
		path = strndup(v2, (size_t)(v2_end - v2));
	free(text);
	errno = v2 ? ENOMEM : ENOENT;
	return path;
}

/* A context has no bytes of its own behind its first NUL or newline. */
static char *context_end(char *text, size_t len)
{
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (text[0])
		return text;
	free(text);
	errno = ENODATA;
	return NULL;
}

char *process_context(int dir)
{
	size_t len;
	char *text = process_read_part(dir, "attr/current", CONTEXT_MAX, &len);

	return text ? context_end(text, len) : NULL;
}

/* Only a path leads to a descriptor's attributes: that by our own descriptor of its folder. */
char *process_socket_context(int fds, const char *name)
{
	char path[64], *text = malloc(CONTEXT_MAX + 1);
	ssize_t n;
	int saved;

	if (!text) {
		errno = ENOMEM;
		return NULL;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", fds, name);
	n = getxattr(path, XATTR_NAME_SELINUX, text, CONTEXT_MAX);
	if (n >= 0) {
		char *fit = context_end(text, (size_t)n);
		char *small = fit ? realloc(fit, strlen(fit) + 1) : NULL;

		return small ? small : fit;
	}
	/* of those that the kernel gives, none but a lack of our memory is of concern */
	saved = errno == ENOMEM ? EIO : errno;
	free(text);
	errno = saved;
	return NULL;
}

int process_facts(int dir, int live, struct holder *h)
{
	h->exe = process_link(live >= 0 ? live : dir, "exe");
	if (!h->exe && errno == ENOMEM)
		return -1;
	h->cgroup = process_cgroup(dir);
	return !h->cgroup && errno == ENOMEM ? -1 : 0;
}

int process_is_leader(int dir, pid_t pid)
{
	size_t len;
	char *status = process_read(dir, "status", &len), *tgid;
	long id = -1;

	if (!status)
		return -1;
	/* The only text before it, Name, has its newlines escaped: proc_pid_status(5). */
	tgid = strstr(status, "\nTgid:\t");
	if (tgid)
		id = strtol(tgid + 7, NULL, 10);
	free(status);
	return id == pid;
}

/* Has the thread of this folder ended? Its state is behind the last ')': the name may hold any. */
static int ended_thread(int dir)
{
	size_t len;
	char *stat = process_read(dir, "stat", &len), *p;
	int ended;

	if (!stat)
		return -1;
	p = memrchr(stat, ')', len);
	ended = p && p[1] == ' ' && (p[2] == 'Z' || p[2] == 'X');
	free(stat);
	return ended;
}

/* The folder of a thread that has not ended below the directory task, or -1 and errno. */
static int live_thread(int task)
{
	struct numbers d;
	const char *name;
	unsigned tid;
	int rc;

	numbers_begin(&d, task);
	while ((rc = numbers_next(&d, &tid, &name)) == 1) {
		int dir = openat(task, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (dir < 0 && errno != ENOENT && errno != ESRCH)
			return -1;
		if (dir >= 0 && ended_thread(dir) == 0)
			return dir;
		if (dir >= 0)
			close(dir);
	}
	if (rc == 0)
		errno = ESRCH;
	return -1;
}

/* Two links of a directory, and one a thread: proc_task_getattr() in fs/proc/base.c. */
static bool one_thread(int dir)
{
	struct stat st;

	return fstatat(dir, "task", &st, 0) == 0 && st.st_nlink <= 3;
}

int process_live(int dir, int *live, bool *ended)
{
	bool one = one_thread(dir);
	int task, gone;

	/* The cheap question first: every thread of the kernel is asked. */
	if (one && !ended)
		return 0;
	gone = ended_thread(dir);
	if (ended)
		*ended = gone == 1;
	if (gone <= 0 || one)
		return gone < 0 ? -1 : 0;
	task = openat(dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (task < 0)
		return -1;
	*live = live_thread(task);
	gone = errno;
	close(task);
	errno = gone;
	if (*live >= 0)
		return 1;
	return errno == ESRCH || errno == ENOENT ? 0 : -1;
}
