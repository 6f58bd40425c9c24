/*
 * Owns paths of cgroups by id, and ids by path. The id that sockets carry is that of the
 * cgroup's directory in the cgroup v2 tree: the 64-bit number of a kernfs file
 * handle, and on 64-bit kernels its inode.
 */
#include "connsh/procfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* FILEID_KERNFS, include/linux/exportfs.h: the handle is the id itself. */
#define FILEID_KERNFS 0xfe

/* \040 and the like in mountinfo, in place. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++, out++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*out = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*out = *s;
		}
	}
	*out = '\0';
}

/* Mount point of a line of mountinfo if it is a cgroup2 mount; proc_pid_mountinfo(5). */
static char *cgroup2_mount(char *line)
{
	char *tail = strstr(line, " - cgroup2 "), *p = line, *save = NULL;

	if (!tail)
		return NULL;
	*tail = '\0';
	p = strtok_r(p, " ", &save);
	for (int i = 0; p && i < 4; i++)
		p = strtok_r(NULL, " ", &save);
	if (p)
		unescape(p);
	return p;
}

static char *find_mount(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *found = NULL;
	size_t size = 0;

	if (!f)
		return NULL;
	while (!found && getline(&line, &size, f) > 0) {
		char *at = cgroup2_mount(line);

		found = at ? strdup(at) : NULL;
	}
	free(line);
	fclose(f);
	return found;
}

/* What is behind the mount point in path: "/" for the mount point itself. */
static char *below(const char *mount, const char *path)
{
	size_t n = strlen(mount);

	if (strncmp(mount, path, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return NULL;
	return strdup(path[n] ? path + n : "/");
}

/* Needs CAP_DAC_READ_SEARCH; NULL without it. */
static char *by_handle(int mount_fd, const char *mount, uint64_t id)
{
	struct {
		struct file_handle h;
		uint64_t id;
	} handle = { .h = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS } };
	char link[64], path[4096];
	ssize_t n;
	int fd;

	memcpy(handle.h.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(mount_fd, &handle.h, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	close(fd);
	if (n <= 0)
		return NULL;
	path[n] = '\0';
	return below(mount, path);
}

/* Looks through the tree below fd (taken over); path has room for size bytes, len in use. */
static bool by_walk(int fd, char *path, size_t len, size_t size, uint64_t id, int depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *e;
	bool found = false;

	if (!dir) {
		close(fd);
		return false;
	}
	while (!found && (e = readdir(dir))) {
		size_t n = strlen(e->d_name);
		int sub;

		if (e->d_type != DT_DIR || e->d_name[0] == '.' || len + n + 2 > size)
			continue;
		path[len] = '/';
		memcpy(path + len + 1, e->d_name, n + 1);
		if (e->d_ino == id)
			found = true;
		else if (depth > 0 &&
			 (sub = openat(dirfd(dir), e->d_name,
				       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) >= 0)
			found = by_walk(sub, path, len + 1 + n, size, id, depth - 1);
	}
	closedir(dir);
	return found;
}

static char *walk_path(int fd, uint64_t id)
{
	char path[4096] = "";
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_ino == id)
		return strdup("/");
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return fd >= 0 && by_walk(fd, path, 0, sizeof(path), id, 64) ? strdup(path) : NULL;
}

char *cgroup_path(uint64_t id)
{
	char *mount = find_mount(), *path;
	int fd = mount ? open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0) {
		free(mount);
		return NULL;
	}
	path = by_handle(fd, mount, id);
	if (!path)
		path = walk_path(fd, id);
	close(fd);
	free(mount);
	return path;
}

static bool goes_up(const char *path)
{
	for (; (path = strstr(path, "/..")); path += 3)
		if (path[3] == '/' || path[3] == '\0')
			return true;
	return false;
}

uint64_t cgroup_id(const char *path)
{
	/* what is mounted over a cgroup is not that cgroup */
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
	};
	char *mount = path[0] == '/' && !goes_up(path) ? find_mount() : NULL;
	int at = mount ? open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1, fd = -1;
	struct stat st;
	uint64_t id = 0;

	path += strspn(path, "/");
	if (at >= 0)
		fd = (int)syscall(SYS_openat2, at, *path ? path : ".", &how, sizeof(how));
	if (fd >= 0 && fstat(fd, &st) == 0)
		id = st.st_ino;
	if (fd >= 0)
		close(fd);
	if (at >= 0)
		close(at);
	free(mount);
	return id;
}

bool cgroup_id_of_file(const char *path, uint64_t *id)
{
	_Alignas(struct file_handle) unsigned char buf[sizeof(struct file_handle) + sizeof(*id)];
	struct file_handle *handle = (struct file_handle *)buf;
	struct statfs fs;
	int mount;

	handle->handle_bytes = sizeof(*id);
	if (name_to_handle_at(AT_FDCWD, path, handle, &mount, 0) < 0 || statfs(path, &fs) < 0)
		return false;
	*id = 0;
	if (fs.f_type == CGROUP2_SUPER_MAGIC && handle->handle_bytes == sizeof(*id))
		memcpy(id, handle->f_handle, sizeof(*id));
	return true;
}
