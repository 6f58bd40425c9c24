/*
 * Owns the walk over processes, and what the texts of one mean. A process is read
 * through one descriptor of its folder: when it has ended, what is read next fails,
 * and no other process that got its pid is taken for it.
 */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* PF_KTHREAD, <linux/sched.h>: never changed since Linux 2.6.27. */
#define KERNEL_THREAD 0x00200000

struct processes {
	int proc; /* the directory */
	pid_t only;
	bool ended;
	unsigned facts;
	struct numbers pids, list; /* of /proc, and of descriptors */
	struct inodes found;	   /* sockets of the process at hand */
	/* of the process at hand */
	struct holder name;
	char *stat, *args, *exe, *cgroup;
};

/* ---- texts -------------------------------------------------------------------------- */

/* The next word of *p as a number; a word that is none ends the text. */
static bool next_number(const char **p, const char *end, uint64_t *n)
{
	const char *word;
	size_t len = word_next(p, end, &word);

	return word_number(word, len, 10, n);
}

static bool skip_words(const char **p, const char *end, unsigned n)
{
	const char *word;

	while (n > 0 && word_next(p, end, &word) > 0)
		n--;
	return n == 0;
}

/* What follows the state: ppid is column 4, others as proc_pid_stat(5) numbers them. */
static bool stat_numbers(const char *at, const char *end, struct process_info *p)
{
	uint64_t ppid, flags, user, kernel;

	if (!next_number(&at, end, &ppid) || ppid > INT_MAX || !skip_words(&at, end, 4) ||
	    !next_number(&at, end, &flags) || !skip_words(&at, end, 4) ||
	    !next_number(&at, end, &user) || !next_number(&at, end, &kernel) ||
	    !skip_words(&at, end, 4) || !next_number(&at, end, &p->threads) ||
	    !skip_words(&at, end, 1) || !next_number(&at, end, &p->start))
		return false;
	p->ppid = (pid_t)ppid;
	p->kernel = flags & KERNEL_THREAD;
	p->cpu = user + kernel;
	return true;
}

bool process_stat(const char *text, size_t len, struct process_info *p)
{
	const char *end = text + len, *at = text, *open, *close;
	uint64_t pid;

	if (len > 0 && end[-1] == '\n')
		end--;
	/* the name may hold any byte, so it ends at the last ')' */
	close = memrchr(text, ')', (size_t)(end - text));
	if (!next_number(&at, end, &pid) || pid == 0 || pid > INT_MAX || end - at < 2 ||
	    at[1] != '(' || !close || close < at + 2 || end - close < 3)
		return false;
	open = at + 1;
	p->pid = (pid_t)pid;
	p->comm = open + 1;
	p->comm_len = (size_t)(close - p->comm);
	p->state = close[2];
	return p->state > ' ' && p->state < 0x7f && stat_numbers(close + 3, end, p);
}

/* The second of the four ids (real, effective, saved, of the file system) behind the label. */
static bool effective_id(const char *text, const char *label, uint32_t *id)
{
	const char *at = strstr(text, label), *end;
	uint64_t n;

	if (!at)
		return false;
	at += strlen(label);
	end = at + strcspn(at, "\n");
	if (!skip_words(&at, end, 1) || !next_number(&at, end, &n) || n > UINT32_MAX)
		return false;
	*id = (uint32_t)n;
	return true;
}

/* stat has it too, but since Linux 6.2 as a sum that lags behind by some pages a processor. */
static uint64_t resident(const char *text)
{
	static const char label[] = "\nVmRSS:";
	const char *at = strstr(text, label);
	uint64_t kib;

	if (!at)
		return 0;
	at += sizeof(label) - 1;
	return next_number(&at, at + strcspn(at, "\n"), &kib) && kib <= UINT64_MAX / 1024
		       ? kib * 1024
		       : 0;
}

bool process_status(const char *text, struct process_info *p)
{
	p->rss = resident(text);
	return effective_id(text, "\nUid:", &p->uid) && effective_id(text, "\nGid:", &p->gid);
}

bool process_netns(const char *link, uint64_t *inode)
{
	size_t len = strlen(link);

	return len > 6 && strncmp(link, "net:[", 5) == 0 && link[len - 1] == ']' &&
	       word_number(link + 5, len - 6, 10, inode);
}

uint64_t boot_time(void)
{
	struct proc_file *f;
	struct nl_error err;
	const char *line;
	uint64_t n = 0;
	size_t len;

	if (proc_open(&f, -1, "stat", &err) < 0)
		return 0;
	while (proc_line(f, &line, &len, &err) > 0)
		if (len > 6 && memcmp(line, "btime ", 6) == 0) {
			if (!word_number(line + 6, len - 6, 10, &n))
				n = 0;
			break;
		}
	proc_close(f);
	return n;
}

/* ---- facts of one process ------------------------------------------------------------- */

enum answer { TOLD, WITHHELD, ABSENT, FAILED };

/* What errno says of a fact that could not be read. */
static enum answer why_not(void)
{
	switch (errno) {
	case EACCES:
	case EPERM:
		return WITHHELD;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ECANCELED:
		return FAILED;
	default:
		return ABSENT;
	}
}

static enum answer read_status(struct processes *w, int dir, struct process_info *p)
{
	size_t len;
	char *text = process_read(dir, "status", &len);
	bool ok;

	(void)w;
	if (!text)
		return why_not();
	ok = process_status(text, p);
	free(text);
	return ok ? TOLD : ABSENT;
}

static enum answer read_args(struct processes *w, int dir, struct process_info *p)
{
	w->args = process_read_part(dir, "cmdline", PROCESS_ARGS_MAX, &p->args_len);
	p->args = w->args;
	if (!p->args)
		return why_not();
	return p->args_len ? TOLD : ABSENT;
}

static enum answer read_exe(struct processes *w, int dir, struct process_info *p)
{
	p->exe = w->exe = process_link(dir, "exe");
	return p->exe ? TOLD : why_not();
}

static enum answer read_cgroup(struct processes *w, int dir, struct process_info *p)
{
	p->cgroup = w->cgroup = process_cgroup(dir);
	return p->cgroup ? TOLD : why_not();
}

static enum answer read_netns(struct processes *w, int dir, struct process_info *p)
{
	char *link = process_link(dir, "ns/net");
	bool ok;

	(void)w;
	if (!link)
		return why_not();
	ok = process_netns(link, &p->netns);
	free(link);
	return ok ? TOLD : ABSENT;
}

static int open_fds(int dir)
{
	return openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Since Linux 6.2 the size of the directory is their number, told to anyone. */
static enum answer read_fds(struct processes *w, int dir, struct process_info *p)
{
	struct stat st;
	const char *name;
	unsigned n;
	int fd, rc;

	if (fstatat(dir, "fd", &st, 0) < 0)
		return why_not();
	if (st.st_size > 0) {
		p->fds = (uint64_t)st.st_size;
		return TOLD;
	}
	fd = open_fds(dir);
	if (fd < 0)
		return why_not();
	numbers_begin(&w->list, fd);
	while ((rc = numbers_next(&w->list, &n, &name)) == 1)
		p->fds++;
	close(fd);
	return rc < 0 ? why_not() : TOLD;
}

static enum answer read_sockets(struct processes *w, int dir, struct process_info *p)
{
	int fd = open_fds(dir), rc, saved;
	bool any = false;

	if (fd < 0)
		return why_not();
	inodes_clear(&w->found);
	numbers_begin(&w->list, fd);
	rc = fds_read(&w->list, 0, UINT_MAX, NULL, &w->found, &any);
	saved = errno;
	close(fd);
	errno = saved;
	p->sockets = w->found.n;
	return rc < 0 ? why_not() : TOLD;
}

/* live: it is told below a thread that lives only, when the first one has ended. */
static const struct {
	unsigned fact;
	bool live;
	enum answer (*read)(struct processes *w, int dir, struct process_info *p);
} readers[] = {
	{ PROCESS_STATUS, false, read_status },	 { PROCESS_ARGS, true, read_args },
	{ PROCESS_EXE, true, read_exe },	 { PROCESS_CGROUP, false, read_cgroup },
	{ PROCESS_NETNS, true, read_netns },	 { PROCESS_FDS, true, read_fds },
	{ PROCESS_SOCKETS, true, read_sockets },
};

/* 1: all that is to be had; 0: it has ended; -1 and errno. */
static int read_facts(struct processes *w, int dir, int live, struct process_info *p)
{
	bool absent = false;

	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		if (!(w->facts & readers[i].fact))
			continue;
		switch (readers[i].read(w, readers[i].live ? live : dir, p)) {
		case TOLD:
			p->told |= readers[i].fact;
			break;
		case WITHHELD:
			p->withheld |= readers[i].fact;
			break;
		case ABSENT:
			absent = true;
			break;
		case FAILED:
			return -1;
		}
	}
	/* a thread of the kernel has no program; one that has ended has nothing any more */
	return !absent || faccessat(dir, "stat", F_OK, 0) == 0;
}

/* 1, 0: its stat cannot be read any more, -1 and errno. */
static int read_stat(struct processes *w, int dir, struct process_info *p)
{
	size_t len;

	w->stat = process_read(dir, "stat", &len);
	if (!w->stat)
		return why_not() == FAILED ? -1 : 0;
	if (!process_stat(w->stat, len, p))
		return 0;
	/* written as it is, or escaped by an older kernel: the file comm never is */
	if (!memchr(p->comm, '\\', p->comm_len))
		return 1;
	if (process_comm(dir, &w->name) < 0)
		return why_not() == FAILED ? -1 : 0;
	p->comm = w->name.comm;
	p->comm_len = w->name.comm_len;
	return 1;
}

static int read_process(struct processes *w, int dir, struct process_info *p)
{
	int live = -1, rc = read_stat(w, dir, p);

	if (rc <= 0 || !w->facts)
		return rc;
	if (process_live(dir, &live, NULL) < 0 && why_not() == FAILED)
		return -1;
	rc = read_facts(w, dir, live >= 0 ? live : dir, p);
	if (live >= 0)
		close(live);
	return rc;
}

/* ---- the walk ---------------------------------------------------------------------------- */

static void forget(struct processes *w)
{
	free(w->stat);
	free(w->name.comm);
	free(w->args);
	free(w->exe);
	free(w->cgroup);
	w->stat = w->name.comm = w->args = w->exe = w->cgroup = NULL;
}

int processes_open(struct processes **out, pid_t only, unsigned facts, struct nl_error *err)
{
	struct processes *w = calloc(1, sizeof(*w));
	struct statfs fs;

	if (!w)
		return procfs_no_memory(err);
	w->only = only;
	w->facts = facts;
	w->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->proc < 0) {
		nl_fail(err, errno, "processes are read from /proc: %s", strerror(errno));
		free(w);
		return -1;
	}
	if (fstatfs(w->proc, &fs) == 0 && fs.f_type != PROC_SUPER_MAGIC) {
		processes_close(w);
		return nl_fail(err, ENODEV,
			       "processes are read from /proc, but no procfs is mounted there");
	}
	numbers_begin(&w->pids, w->proc);
	*out = w;
	return 0;
}

/* Everything that belongs to the call fails it; what belongs to a process leaves it out. */
static int give_up(struct nl_error *err)
{
	if (errno == ECANCELED)
		return nl_fail(err, errno, "interrupted");
	if (errno == EMFILE || errno == ENFILE) {
		procfs_no_descriptors(err, errno, "read processes");
		return -1;
	}
	if (errno == ENOMEM)
		return procfs_no_memory(err);
	return nl_fail(err, errno, "processes cannot be read from /proc: %s", strerror(errno));
}

/* 1, 0: it is not there, or no process, -1 and errno. */
static int look_at(struct processes *w, const char *name, struct process_info *p)
{
	int dir = openat(w->proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC), rc = 1, saved;

	if (dir < 0)
		return why_not() == FAILED ? -1 : 0;
	memset(p, 0, sizeof(*p));
	/* a thread has a folder that the directory does not list */
	if (w->only) {
		rc = process_is_leader(dir, w->only);
		if (rc < 0)
			rc = why_not() == FAILED ? -1 : 0;
	}
	if (rc > 0)
		rc = read_process(w, dir, p);
	saved = errno;
	close(dir);
	errno = saved;
	return rc;
}

static int look_at_one(struct processes *w, struct process_info *p)
{
	char name[16];

	w->ended = true;
	snprintf(name, sizeof(name), "%d", (int)w->only);
	return look_at(w, name, p);
}

int processes_next(struct processes *w, struct process_info *p, struct nl_error *err)
{
	const char *name;
	unsigned pid;
	int rc = 0;

	while (rc == 0 && !w->ended) {
		forget(w);
		if (nl_cancel)
			return nl_fail(err, ECANCELED, "interrupted");
		if (w->only) {
			rc = look_at_one(w, p);
			continue;
		}
		rc = numbers_next(&w->pids, &pid, &name);
		w->ended = rc == 0;
		if (rc > 0)
			rc = look_at(w, name, p);
	}
	return rc < 0 ? give_up(err) : rc;
}

void processes_close(struct processes *w)
{
	if (!w)
		return;
	forget(w);
	inodes_free(&w->found);
	close(w->proc);
	free(w);
}
