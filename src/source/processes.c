/*
 * Owns the source `processes`: a reader of /proc that makes a message of each process,
 * and reads no more of it than the request needs.
 */
#include "processes.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FACTS 0xffffu /* enum process_fact, of the bits that fields need */

const struct shape shape_process = {
	.name = "processes",
	.type = 0x10,
	.header = sizeof(struct process_row),
	.max_attr = PROC_ATTRS - 1,
};

struct process_reader {
	struct reader reader;
	struct env *env;
	struct processes *walk; /* NULL: no process can match */
	uint32_t needs;
	uint64_t netns; /* inode of the namespace whose processes are wanted; 0: any */
	uint64_t boot, hz;
	struct message msg;
};

/* ---- messages ------------------------------------------------------------------------ */

static uint64_t microseconds(const struct process_reader *r, uint64_t ticks)
{
	return ticks / r->hz * 1000000 + ticks % r->hz * 1000000 / r->hz;
}

static uint64_t since_boot(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_BOOTTIME, &t) != 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void put_header(struct process_reader *r, const struct process_info *p)
{
	uint64_t start = microseconds(r, p->start), now = since_boot();
	struct process_row row = {
		.pid = (uint32_t)p->pid,
		.ppid = (uint32_t)p->ppid,
		.threads = p->threads > UINT32_MAX ? UINT32_MAX : (uint32_t)p->threads,
		.state = (uint8_t)p->state,
		.kernel = p->kernel,
		.start = p->start,
		.started = r->boot ? r->boot * 1000000 + start : 0,
		.age = now > start ? now - start : 0,
		.cpu = microseconds(r, p->cpu),
	};

	message_begin(&r->msg, shape_process.type, &row, sizeof(row));
}

/* The arguments with a blank between two: without the NULs that programs leave at the end. */
static void put_cmdline(struct message *m, const char *args, size_t len)
{
	char *text = malloc(len + 1);

	if (!text) {
		m->failed = true;
		return;
	}
	while (len > 0 && args[len - 1] == '\0')
		len--;
	for (size_t i = 0; i < len; i++)
		text[i] = args[i] ? args[i] : ' ';
	message_put(m, PROC_CMDLINE, text, len);
	free(text);
}

static void put_args(struct process_reader *r, const struct process_info *p)
{
	if (r->needs & NEED_CMDLINE)
		put_cmdline(&r->msg, p->args, p->args_len);
	if (r->needs & NEED_ARGV)
		message_put(&r->msg, PROC_ARGV, p->args, p->args_len);
}

static const struct nlmsghdr *build(struct process_reader *r, const struct process_info *p)
{
	struct message *m = &r->msg;

	put_header(r, p);
	message_put(m, PROC_COMM, p->comm, p->comm_len);
	if (p->told & PROCESS_STATUS) {
		message_put(m, PROC_UID, &p->uid, sizeof(p->uid));
		message_put(m, PROC_GID, &p->gid, sizeof(p->gid));
		if (p->rss)
			message_put(m, PROC_RSS, &p->rss, sizeof(p->rss));
	}
	if (p->told & PROCESS_ARGS)
		put_args(r, p);
	if (p->told & PROCESS_EXE)
		message_put_text(m, PROC_EXE, p->exe);
	if (p->told & PROCESS_CGROUP)
		message_put_text(m, PROC_CGROUP, p->cgroup);
	if (p->told & PROCESS_NETNS)
		message_put(m, PROC_NETNS, &p->netns, sizeof(p->netns));
	if (p->told & PROCESS_FDS)
		message_put(m, PROC_FDS, &p->fds, sizeof(p->fds));
	if (p->told & PROCESS_SOCKETS)
		message_put(m, PROC_SOCKETS, &p->sockets, sizeof(p->sockets));
	return message_end(m);
}

/* ---- the reader ------------------------------------------------------------------------ */

static const char *const hidden_facts =
	"what some processes have open and run is hidden from this user: exe, netns_inode, fds or "
	"sockets_held may be missing";
static const char *const hidden_namespaces =
	"this user may not ask all processes for their network namespace: processes may be "
	"missing";
static const char *const hidden_processes =
	"/proc does not show the processes of other users to this user (hidepid)";

static int next(struct reader *reader, const struct nlmsghdr **msg, struct nl_error *err)
{
	struct process_reader *r = (struct process_reader *)reader;
	struct process_info p;
	int rc;

	if (!r->walk)
		return 0;
	while ((rc = processes_next(r->walk, &p, err)) > 0) {
		if (p.withheld)
			env_withhold(r->env, r->netns ? hidden_namespaces : hidden_facts);
		if (r->netns && (!(p.told & PROCESS_NETNS) || p.netns != r->netns))
			continue;
		*msg = build(r, &p);
		return *msg ? 1 : nl_fail(err, ENOMEM, "out of memory");
	}
	return rc;
}

static void reader_close(struct reader *reader)
{
	struct process_reader *r = (struct process_reader *)reader;

	processes_close(r->walk);
	message_free(&r->msg);
	env_unref(r->env);
	free(r);
}

static const struct reader_ops ops = { next, reader_close };

/* 0 or -1 and *err; *none: no process has such a pid. */
static int begin(struct process_reader *r, struct env *env, uint32_t needs, const int64_t *pid,
		 struct nl_error *err)
{
	int fd = env_netns_fd(env);
	struct stat st;

	*r = (struct process_reader){
		.reader = { .ops = &ops },
		.env = env_ref(env),
		.needs = needs,
		.hz = (uint64_t)sysconf(_SC_CLK_TCK),
	};
	if (nl_replay_loaded())
		return nl_fail(err, ENODATA,
			       "a recording does not tell which processes there were");
	if (pid && (*pid <= 0 || *pid > INT_MAX))
		return 0;
	if (fd >= 0) {
		if (fstat(fd, &st) != 0)
			return nl_fail(err, errno, "the network namespace %s cannot be told: %s",
				       env_netns_name(env), strerror(errno));
		r->netns = st.st_ino;
		needs |= PROCESS_NETNS;
	}
	return processes_open(&r->walk, pid ? (pid_t)*pid : 0, needs & FACTS, err);
}

static struct reader *open_reader(const struct scan_request *req, const struct dump_plan *plan,
				  struct nl_error *err)
{
	struct process_reader *r = calloc(1, sizeof(*r));
	int64_t pid;

	(void)plan;
	if (!r) {
		nl_fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	if (begin(r, req->env, req->needs, ask_number(req, "pid", &pid) ? &pid : NULL, err) < 0) {
		reader_close(&r->reader);
		return NULL;
	}
	r->boot = boot_time();
	if (processes_hidden())
		env_withhold(r->env, hidden_processes);
	return &r->reader;
}

/* ---- the source ------------------------------------------------------------------------ */

/* The files that are read, for explain. */
static void note_files(const struct scan_request *req, char *note, size_t size)
{
	static const struct {
		unsigned fact;
		const char *file;
	} files[] = {
		{ PROCESS_STATUS, "status" }, { PROCESS_ARGS, "cmdline" }, { PROCESS_EXE, "exe" },
		{ PROCESS_CGROUP, "cgroup" }, { PROCESS_NETNS, "ns/net" }, { PROCESS_FDS, "fd" },
		{ PROCESS_SOCKETS, "fd/*" },
	};
	int64_t pid;
	size_t n;

	if (ask_number(req, "pid", &pid))
		snprintf(note, size, "/proc/%lld: stat", (long long)pid);
	else
		snprintf(note, size, "/proc/*: stat");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		n = strlen(note);
		if (req->needs & files[i].fact ||
		    (files[i].fact == PROCESS_NETNS && env_netns_fd(req->env) >= 0))
			snprintf(note + n, size - n, ", %s", files[i].file);
	}
}

static bool dump(const struct scan_request *req, unsigned i, struct dump_plan *out)
{
	if (i > 0 || !part_has(&req->parts, 0))
		return false;
	out->request.what = "processes";
	out->read = open_reader;
	note_files(req, out->note, sizeof(out->note));
	return true;
}

/* A pid is used again, but not with the same start. */
static uint64_t key(const struct row *row)
{
	const struct process_row *p = row_header(row);
	uint64_t n = p->start * UINT64_C(0x9e3779b97f4a7c15) ^ p->pid;

	return n ? n : 1;
}

/* The message that is at hand, if it is of the same process. */
static ptrdiff_t reread(struct process_reader *r, const struct process_row *old, void *buf,
			size_t size, struct nl_error *err)
{
	const struct nlmsghdr *msg;
	int rc = next(&r->reader, &msg, err);

	if (rc <= 0)
		return rc;
	if (((const struct process_row *)((const char *)msg + NLMSG_HDRLEN))->start != old->start)
		return 0;
	if (msg->nlmsg_len > size)
		return nl_fail(err, EMSGSIZE, "process %u has more to tell than %zu bytes",
			       old->pid, size);
	memcpy(buf, msg, msg->nlmsg_len);
	/* what the boot was is read once a run */
	((struct process_row *)((char *)buf + NLMSG_HDRLEN))->started = old->started;
	return (ptrdiff_t)msg->nlmsg_len;
}

static ptrdiff_t refetch(const struct row *row, uint32_t needs, void *buf, size_t size,
			 struct nl_error *err)
{
	const struct process_row *old = row_header(row);
	int64_t pid = old->pid;
	struct process_reader *r;
	ptrdiff_t n = -1;

	if (nl_replay_loaded())
		return 0;
	r = calloc(1, sizeof(*r));
	if (!r)
		return nl_fail(err, ENOMEM, "out of memory");
	if (begin(r, row->env, needs, &pid, err) == 0) {
		/* it was in the namespace that was asked for */
		r->netns = 0;
		n = reread(r, old, buf, size, err);
	}
	reader_close(&r->reader);
	return n;
}

const struct source source_processes = {
	.name = "processes",
	.row_name = "process",
	.doc = "Processes, from /proc: all that this pid namespace has, or those in the network "
	       "namespace that netns names.",
	.fields = process_fields,
	.nparts = 1,
	.shape = &shape_process,
	.part_value = part_varies,
	.part_asked = part_always,
	.dump = dump,
	.key = key,
	.refetch = refetch,
};
