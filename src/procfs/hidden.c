/*
 * Owns the question whether /proc shows every process: pid namespaces, and the
 * option hidepid of proc(5). subset=pid hides no process, so it does not count.
 */
#include "private.h"

#include "connsh/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Inodes of the first namespaces: PROC_PID_INIT_INO, PROC_USER_INIT_INO, <linux/proc_ns.h>. */
#define FIRST_PID_NS  0xEFFFFFFCu
#define FIRST_USER_NS 0xEFFFFFFDu

static bool first_namespace(const char *path, unsigned inode)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_ino == inode;
}

/* The value of key in a list "a,key=value,b", with its length; NULL: it is not there. */
static const char *option(const char *list, const char *key, size_t *len)
{
	size_t n = strlen(key);

	while (*list) {
		size_t item = strcspn(list, ",\n");

		if (item > n && list[n] == '=' && memcmp(list, key, n) == 0) {
			*len = item - n - 1;
			return list + n + 1;
		}
		list += item;
		list += *list != '\0';
	}
	return NULL;
}

static bool is_word(const char *s, size_t len, const char *a, const char *b)
{
	return (strlen(a) == len && memcmp(s, a, len) == 0) ||
	       (strlen(b) == len && memcmp(s, b, len) == 0);
}

/* The kernel's number of the mount that path leads into, or -1. */
static long mount_of(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[32], *text, *at;
	long id = -1;
	size_t len;

	if (fd < 0)
		return -1;
	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	text = process_read(AT_FDCWD, name, &len);
	at = text ? strstr(text, "mnt_id:") : NULL;
	if (at)
		id = strtol(at + 7, NULL, 10);
	free(text);
	close(fd);
	return id;
}

/*
 * Options of the procfs mount at /proc, for free(); NULL: they are not told. Several
 * mounts may lie there on each other, and only the number says which one is on top.
 */
static char *proc_options(void)
{
	long id = mount_of("/proc");
	size_t len;
	char *text = process_read(AT_FDCWD, "/proc/self/mountinfo", &len), *found = NULL;

	for (char *line = text, *end; line && *line && !found; line = end) {
		char *tail;

		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		/* "36 35 0:21 / /proc rw - proc SOURCE OPTIONS", proc_pid_mountinfo(5) */
		tail = id >= 0 && strtol(line, NULL, 10) == id ? strstr(line, " - proc ") : NULL;
		if (tail)
			found = strdup(strrchr(tail, ' ') + 1);
	}
	free(text);
	return found;
}

/* Is every process ours to trace? A capability of a later user namespace does not reach all. */
static bool may_trace_all(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	return syscall(SYS_capget, &head, data) == 0 &&
	       data[CAP_TO_INDEX(CAP_SYS_PTRACE)].effective & CAP_TO_MASK(CAP_SYS_PTRACE) &&
	       first_namespace("/proc/self/ns/user", FIRST_USER_NS);
}

static bool in_group(gid_t gid)
{
	int n = getgroups(0, NULL);
	gid_t *list = n > 0 ? malloc((size_t)n * sizeof(*list)) : NULL;
	bool in = getegid() == gid;

	n = list ? getgroups(n, list) : 0;
	for (int i = 0; i < n && !in; i++)
		in = list[i] == gid;
	free(list);
	return in;
}

/* has_pid_permissions() in fs/proc/base.c, for any process of another user. */
static bool hides(const char *options)
{
	const char *mode, *group;
	size_t len, group_len;

	mode = option(options, "hidepid", &len);
	if (!mode || is_word(mode, len, "0", "off") || may_trace_all())
		return false;
	if (is_word(mode, len, "4", "ptraceable"))
		return true;
	/* Without the option it is group 0 that is exempt. */
	group = option(options, "gid", &group_len);
	return !in_group(group ? (gid_t)strtoul(group, NULL, 10) : 0);
}

bool processes_hidden(void)
{
	char *options = proc_options();
	bool hidden = options && hides(options);

	free(options);
	return hidden;
}

bool owners_hidden(void)
{
	if (nl_replay_loaded())
		return nl_replay_pass() > 0 && nl_replay_pass() & NL_PASS_HIDDEN;
	return !first_namespace("/proc/self/ns/pid", FIRST_PID_NS) || processes_hidden();
}
