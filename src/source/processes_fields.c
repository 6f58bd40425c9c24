/*
 * Owns the declaration of every field of `processes`. All come from /proc; what a
 * field needs decides which of a process's files are read.
 */
#include "processes.h"

#include <string.h>

static const struct enum_name process_states[] = {
	{ 'R', "running" },	 { 'S', "sleeping" }, { 'D', "disk-sleep" }, { 'T', "stopped" },
	{ 't', "tracing-stop" }, { 'Z', "zombie" },   { 'X', "dead" },	     { 'P', "parked" },
	{ 'I', "idle" },	 { 0, NULL },
};

/* The text up to the next NUL, or to the end. */
static size_t argument(const char *at, const char *end)
{
	return strnlen(at, (size_t)(end - at));
}

static bool get_argv(const struct row *row, const struct field *f, struct value *v)
{
	const struct nlattr *a = row_nlattr((struct row *)(uintptr_t)row, f->attr);
	const char *at = a ? nl_attr_data(a) : NULL, *end = a ? at + nl_attr_len(a) : NULL;
	struct value *list;
	size_t n = 0;

	for (const char *p = at; p < end; p += argument(p, end) + 1)
		n++;
	list = n ? env_list(row->env, n) : NULL;
	if (!list)
		return false;
	n = 0;
	for (const char *p = at; p < end; p += argument(p, end) + 1)
		set_text(&list[n++], p, argument(p, end));
	v->kind = VALUE_LIST;
	v->list.items = list;
	v->list.n = n;
	return true;
}

/* The path of the row's cgroup, which message_put_text has ended with a NUL; or NULL. */
static const char *cgroup_of(const struct row *row, const struct field *f)
{
	const struct nlattr *a = row_nlattr((struct row *)(uintptr_t)row, f->attr);

	return a && memchr(nl_attr_data(a), '\0', nl_attr_len(a)) ? nl_attr_data(a) : NULL;
}

static bool get_unit(const struct row *row, const struct field *f, struct value *v)
{
	const char *path = cgroup_of(row, f);

	return path && cgroup_unit(path, v);
}

static bool get_container(const struct row *row, const struct field *f, struct value *v)
{
	const char *path = cgroup_of(row, f);

	return path && cgroup_container(path, v);
}

#define HDR(member)                                     \
	.offset = offsetof(struct process_row, member), \
	.size = sizeof(((struct process_row *)0)->member)
#define NUMBER(at, bytes) .attr = at, .size = bytes
#define NEEDS(bits)	  .needs = (bits), .cost = COST_REQUEST
#define MICROSECONDS	  .scale = 1e-6

/* clang-format off */
const struct field process_fields[] = {
	{ .name = "pid", .type = FT_INT, HDR(pid), .flags = FF_COLUMN,
	  .from = "proc_pid_stat(5) pid",
	  .doc = "Number of the process, as this pid namespace counts." },
	{ .name = "ppid", .type = FT_INT, HDR(ppid), .flags = FF_COLUMN,
	  .from = "proc_pid_stat(5) ppid",
	  .doc = "Process that is its parent; 0 of the first, and of one whose parent is "
		 "outside of this pid namespace." },
	{ .name = "uid", .type = FT_INT, NUMBER(PROC_UID, 4), NEEDS(PROCESS_STATUS),
	  .from = "proc_pid_status(5) Uid",
	  .doc = "User whose rights it has (the effective uid)." },
	{ .name = "user", .type = FT_TEXT, NUMBER(PROC_UID, 4), NEEDS(PROCESS_STATUS),
	  .get = get_user_name, .flags = FF_COLUMN, .from = "getpwuid(3) of uid",
	  .doc = "Login name of that user; absent for a uid that passwd does not have." },
	{ .name = "gid", .type = FT_INT, NUMBER(PROC_GID, 4), NEEDS(PROCESS_STATUS),
	  .from = "proc_pid_status(5) Gid",
	  .doc = "Group whose rights it has (the effective gid)." },
	{ .name = "state", .type = FT_ENUM, .names = process_states, HDR(state),
	  .flags = FF_COLUMN, .from = "proc_pid_stat(5) state",
	  .doc = "What its first thread does: running, sleeping, disk-sleep (it waits and no "
		 "signal wakes it), stopped, tracing-stop, zombie (its parent has not asked yet "
		 "how it ended), dead, parked or idle (a thread of the kernel)." },
	{ .name = "kernel", .type = FT_BOOL, HDR(kernel), .from = "PF_KTHREAD in flags",
	  .doc = "Is it a thread of the kernel, which has no program and no memory of its own." },
	{ .name = "started", .type = FT_FLOAT, .unit = "s", HDR(started), MICROSECONDS,
	  .has_none = true, .none = 0, .from = "proc_pid_stat(5) starttime + btime",
	  .doc = "When it was started, in seconds since the epoch; as exact as the kernel's time "
		 "of boot, a second." },
	{ .name = "age", .type = FT_DURATION, .unit = "s", HDR(age), MICROSECONDS,
	  .flags = FF_COLUMN, .from = "proc_pid_stat(5) starttime",
	  .doc = "How long it had been there when it was read." },
	{ .name = "cpu_time", .type = FT_DURATION, .unit = "s", HDR(cpu), MICROSECONDS,
	  .flags = FF_COUNTER | FF_RATE_COLUMN, .from = "proc_pid_stat(5) utime + stime",
	  .doc = "Time that its threads have run, in the program and in the kernel; its rate is "
		 "how many processors it keeps busy." },
	{ .name = "threads", .type = FT_INT, HDR(threads), .from = "proc_pid_stat(5) num_threads",
	  .doc = "Number of its threads." },
	{ .name = "rss", .type = FT_BYTES, .unit = "bytes", NUMBER(PROC_RSS, 8),
	  NEEDS(PROCESS_STATUS), .flags = FF_COLUMN, .from = "proc_pid_status(5) VmRSS",
	  .doc = "Memory that it holds now (resident set), shared pages included." },
	{ .name = "comm", .type = FT_TEXT, .attr = PROC_COMM, .flags = FF_COLUMN,
	  .from = "proc_pid_comm(5)",
	  .doc = "Name of the process, which it may choose itself." },
	{ .name = "exe", .type = FT_TEXT, .attr = PROC_EXE, NEEDS(PROCESS_EXE),
	  .from = "proc_pid_exe(5)",
	  .doc = "Path of the program that it runs; it ends with \" (deleted)\" when the file is "
		 "gone." },
	{ .name = "cmdline", .type = FT_TEXT, .attr = PROC_CMDLINE,
	  NEEDS(PROCESS_ARGS | NEED_CMDLINE), .from = "proc_pid_cmdline(5)",
	  .doc = "Its arguments joined by blanks, at most the first 65,000 bytes; absent for "
		 "threads of the kernel and zombies." },
	{ .name = "argv", .type = FT_TEXT, .attr = PROC_ARGV, .get = get_argv,
	  NEEDS(PROCESS_ARGS | NEED_ARGV), .flags = FF_LIST, .from = "proc_pid_cmdline(5)",
	  .doc = "Its arguments one by one, which it may have written over." },
	{ .name = "cgroup", .type = FT_TEXT, .attr = PROC_CGROUP, NEEDS(PROCESS_CGROUP),
	  .from = "proc_pid_cgroup(5)",
	  .doc = "Path of its cgroup: of version 2, else of systemd's tree of version 1." },
	{ .name = "unit", .type = FT_TEXT, .attr = PROC_CGROUP, .get = get_unit,
	  NEEDS(PROCESS_CGROUP), .from = "proc_pid_cgroup(5)",
	  .doc = "Unit of systemd that it belongs to, as its cgroup tells." },
	{ .name = "container", .type = FT_TEXT, .attr = PROC_CGROUP, .get = get_container,
	  NEEDS(PROCESS_CGROUP), .from = "proc_pid_cgroup(5)",
	  .doc = "Container that it is in: the whole id of Docker, Podman, containerd and CRI-O, "
		 "the name of LXC and systemd-nspawn." },
	{ .name = "netns_inode", .type = FT_INT, NUMBER(PROC_NETNS, 8), NEEDS(PROCESS_NETNS),
	  .from = "ns/net, namespaces(7)",
	  .doc = "Network namespace of its first thread, by the number that its link shows." },
	{ .name = "fds", .type = FT_INT, NUMBER(PROC_FDS, 8), NEEDS(PROCESS_FDS),
	  .from = "proc_pid_fd(5)",
	  .doc = "Number of its open descriptors." },
	{ .name = "sockets_held", .type = FT_INT, NUMBER(PROC_SOCKETS, 8), NEEDS(PROCESS_SOCKETS),
	  .from = "proc_pid_fd(5)",
	  .doc = "How many of its descriptors are sockets; each descriptor is looked at." },
	FIELD_NETNS,
	{ .name = NULL },
};
