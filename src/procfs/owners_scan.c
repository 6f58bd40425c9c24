/*
 * Owns one pass over the descriptors of processes: which are looked at, the
 * threads that share the work, and what one process gave. A large table of
 * descriptors is read in ranges, by several threads. Nothing is shared while
 * descriptors are read; what a range gave is handed over under the pass's lock.
 */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
	RANGE = 8192,	    /* descriptors that one thread reads at a time */
	MOST_THREADS = 64,  /* however many are asked for */
	USUAL_THREADS = 8,  /* more gain nothing: the kernel's locks are shared */
	WORTH_THREADS = 24, /* processes; a range to share is worth them too */
};

/* A process while its descriptors are read. */
struct process {
	int dir;
	int live;	       /* process_live, or -1 */
	unsigned tasks;	       /* ranges that are read or wait; under the lock */
	bool left_out;	       /* it ended, or may not be read; under the lock */
	unsigned from;	       /* first descriptor of the range that waits */
	struct process *queue; /* the next one with a range that waits */
	struct record *record;
};

struct pass {
	const struct owners_request *req;
	int proc;
	struct imap wanted;
	unsigned threads; /* at most */
	bool told;	  /* what could not be looked into is found too, as such */
	bool split;	  /* tables may be read in ranges */
	atomic_bool stop, denied;

	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t changed;
	pid_t *pids;
	size_t npids, next;
	struct process *queue;
	unsigned busy; /* threads that have a task */
	struct record *found;
	struct nl_error *err; /* the first failure */

	pthread_t helpers[MOST_THREADS]; /* the caller's thread alone knows these */
	unsigned nhelpers;
	bool started;
};

/* What one thread works with. */
struct worker {
	struct pass *s;
	struct inodes found;
	struct numbers dir;
};

static void *help(void *arg);

/* ---- failures ------------------------------------------------------------------ */

/* Ends the pass; the first reason stands. pid: whose descriptors could not be read. */
static void fail(struct pass *s, int code, pid_t pid)
{
	pthread_mutex_lock(&s->lock);
	if (!atomic_exchange(&s->stop, true)) {
		if (code == ECANCELED)
			nl_fail(s->err, code, "interrupted");
		else if (code == EMFILE || code == ENFILE)
			procfs_no_descriptors(s->err, code, "look for owners");
		else if (code == ENOMEM)
			procfs_no_memory(s->err);
		else
			nl_fail(s->err, code, "cannot read the descriptors of process %d: %s",
				(int)pid, strerror(code));
	}
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* A record of a process that could not be looked into. */
static void keep_denied(struct pass *s, pid_t pid)
{
	struct record *r = calloc(1, sizeof(*r));
	char name[16];
	int dir;

	if (!r) {
		fail(s, ENOMEM, pid);
		return;
	}
	r->denied = true;
	r->holder.pid = pid;
	snprintf(name, sizeof(name), "%d", (int)pid);
	dir = openat(s->proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0) {
		/* comm may be read by all */
		if (process_comm(dir, &r->holder) < 0)
			r->holder.comm = NULL;
		close(dir);
	}
	pthread_mutex_lock(&s->lock);
	r->next = s->found;
	s->found = r;
	pthread_mutex_unlock(&s->lock);
}

/* A process cannot be looked at: it ended, or it is not ours to see, or all is lost. */
static void leave_out(struct pass *s, int code, pid_t pid)
{
	if (code == EACCES || code == EPERM) {
		atomic_store(&s->denied, true);
		if (s->told)
			keep_denied(s, pid);
	} else if (code != ENOENT && code != ESRCH) {
		fail(s, code, pid);
	}
}

/* ---- threads --------------------------------------------------------------------- */

/* Signals go to the caller's thread: it may be at a prompt, and a handler may need it. */
static void start_helpers(struct pass *s)
{
	sigset_t all, before;

	s->started = true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (s->nhelpers + 1 < s->threads &&
	       pthread_create(&s->helpers[s->nhelpers], NULL, help, s) == 0)
		s->nhelpers++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Lets another thread read the descriptors of p numbered from and more. */
static void queue_range(struct pass *s, struct process *p, unsigned from)
{
	pthread_mutex_lock(&s->lock);
	p->from = from;
	p->tasks++;
	p->queue = s->queue;
	s->queue = p;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	/* Not started yet: then this is the only thread. */
	if (!s->started)
		start_helpers(s);
}

/*
 * The next task: a range of *p, or the process *pid. Ranges first, so that few
 * folders are open at a time. False: there is none, nor will there be.
 */
static bool take_task(struct pass *s, struct process **p, pid_t *pid)
{
	bool got = false;

	if (nl_cancel)
		fail(s, ECANCELED, 0);
	pthread_mutex_lock(&s->lock);
	while (!atomic_load(&s->stop) && !s->queue && s->next == s->npids && s->busy > 0)
		pthread_cond_wait(&s->changed, &s->lock);
	*p = NULL;
	if (!atomic_load(&s->stop) && s->queue) {
		*p = s->queue;
		s->queue = (*p)->queue;
		got = true;
	} else if (!atomic_load(&s->stop) && s->next < s->npids) {
		*pid = s->pids[s->next++];
		got = true;
	}
	s->busy += got;
	pthread_mutex_unlock(&s->lock);
	return got;
}

static void end_task(struct pass *s)
{
	pthread_mutex_lock(&s->lock);
	if (--s->busy == 0)
		pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* ---- one process ------------------------------------------------------------------- */

static void process_free(struct process *p)
{
	if (p->live >= 0)
		close(p->live);
	close(p->dir);
	record_free(p->record);
	free(p);
}

/* Takes over dir. */
static struct process *process_new(struct pass *s, int dir, pid_t pid)
{
	struct process *p = calloc(1, sizeof(*p));
	struct record *r = p ? calloc(1, sizeof(*r)) : NULL;

	if (!r) {
		free(p);
		close(dir);
		fail(s, ENOMEM, pid);
		return NULL;
	}
	*p = (struct process){ .dir = dir, .live = -1, .tasks = 1, .record = r };
	r->holder.pid = pid;
	r->told = s->req->facts;
	return p;
}

/* Is the process one that is asked for? Reads its name if that decides; -1 and errno. */
static int asked_for(struct pass *s, struct process *p)
{
	const struct owners_request *req = s->req;
	struct holder *h = &p->record->holder;
	int leader = req->pids ? process_is_leader(p->dir, h->pid) : 1;

	if (leader <= 0 || !req->accept)
		return leader;
	if (process_comm(p->dir, h) < 0)
		return -1;
	return req->accept(h->comm, h->comm_len, req->arg);
}

/* NULL: it is not to be looked at, or cannot be. */
static struct process *process_open(struct pass *s, pid_t pid)
{
	struct process *p;
	char name[16];
	int dir, rc;

	snprintf(name, sizeof(name), "%d", (int)pid);
	dir = openat(s->proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		leave_out(s, errno, pid);
		return NULL;
	}
	p = process_new(s, dir, pid);
	if (!p)
		return NULL;
	rc = asked_for(s, p);
	if (rc > 0)
		return p;
	if (rc < 0)
		leave_out(s, errno, pid);
	process_free(p);
	return NULL;
}

/*
 * Where the range that begins at from ends. If there are descriptors behind it,
 * they become a range that another thread can read meanwhile.
 */
static unsigned end_of_range(struct worker *w, struct process *p, unsigned from)
{
	unsigned to = from + RANGE, first;
	const char *name;

	if (!w->s->split || from > INT_MAX - RANGE || !fds_seek(w->dir.fd, to))
		return UINT_MAX;
	numbers_begin(&w->dir, w->dir.fd);
	if (numbers_next(&w->dir, &first, &name) != 1 || first < to)
		return UINT_MAX;
	queue_range(w->s, p, first);
	return to;
}

static const struct imap *wanted_by(const struct pass *s)
{
	return s->req->inodes ? &s->wanted : NULL;
}

static int read_range(struct worker *w, struct process *p, unsigned from, bool *any)
{
	const struct imap *wanted = wanted_by(w->s);
	int at = p->live >= 0 ? p->live : p->dir, rc, saved;
	int fd = openat(at, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	numbers_begin(&w->dir, fd);
	rc = fds_read(&w->dir, from, end_of_range(w, p, from), wanted, &w->found, any);
	saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

/* The first range of a process, wherever its descriptors are shown. */
static int read_process(struct worker *w, struct process *p)
{
	bool any = false, ended = false;
	int rc = read_range(w, p, 0, &any), live, saved = errno;

	if ((rc == 0 && any) || (rc < 0 && saved != EACCES))
		return rc;
	live = process_live(p->dir, &p->live, rc < 0 ? &ended : NULL);
	if (live > 0 && !w->s->req->tasks)
		return read_range(w, p, 0, &any);
	if (live < 0)
		return -1;
	errno = saved;
	/* the threads that live are read by themselves, if they are */
	return ended || live > 0 ? 0 : rc;
}

/* Hands over what one thread of the process, by its place, was found to hold. */
static int keep_found(struct worker *w, struct process *p, size_t thread)
{
	struct span *span;

	if (w->found.n == 0)
		return 0;
	span = span_new(&w->found);
	if (!span) {
		errno = ENOMEM;
		return -1;
	}
	span->thread = (uint32_t)thread;
	pthread_mutex_lock(&w->s->lock);
	span->next = p->record->spans;
	p->record->spans = span;
	pthread_mutex_unlock(&w->s->lock);
	return 0;
}

/* ---- its threads ------------------------------------------------------------------- */

/* The name and the context of the thread of this folder; 0: it has ended meanwhile. */
static int thread_facts(const struct pass *s, int dir, struct thread *t)
{
	struct holder h = { 0 };

	if (process_comm(dir, &h) < 0)
		return errno == ENOENT || errno == ESRCH ? 0 : -1;
	t->comm = h.comm;
	t->comm_len = h.comm_len;
	if (s->req->contexts)
		t->context = process_context(dir);
	return s->req->contexts && !t->context && errno == ENOMEM ? -1 : 1;
}

/* A thread of this folder that holds a socket, as it was found, becomes one of the record. */
static int keep_thread(struct worker *w, struct process *p, int dir, pid_t tid)
{
	struct record *r = p->record;
	struct thread *t = record_thread(r);
	int rc;

	if (!t) {
		errno = ENOMEM;
		return -1;
	}
	t->tid = tid;
	rc = thread_facts(w->s, dir, t);
	return rc > 0 ? keep_found(w, p, r->nthreads - 1) : rc;
}

/* One beside the first: 0 too when it has ended, or may not be looked into. */
static int read_thread(struct worker *w, struct process *p, int dir, pid_t tid)
{
	int fd, rc = -1, saved;
	bool any = false;

	inodes_clear(&w->found);
	fd = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		numbers_begin(&w->dir, fd);
		rc = fds_read(&w->dir, 0, UINT_MAX, wanted_by(w->s), &w->found, &any);
		saved = errno;
		close(fd);
		errno = saved;
	}
	if (rc == 0)
		return w->found.n ? keep_thread(w, p, dir, tid) : 0;
	if (errno != EACCES && errno != EPERM)
		return errno == ENOENT || errno == ESRCH ? 0 : -1;
	atomic_store(&w->s->denied, true);
	return 0;
}

/* The other threads, in the order of their directory, one behind the other. */
static int read_threads(struct worker *w, struct process *p, int task)
{
	struct numbers d;
	const char *name;
	unsigned tid;
	int rc;

	numbers_begin(&d, task);
	while ((rc = numbers_next(&d, &tid, &name)) == 1) {
		int dir, saved;

		if ((pid_t)tid == p->record->holder.pid)
			continue;
		dir = openat(task, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0 && (errno == ENOENT || errno == ESRCH))
			continue;
		if (dir < 0)
			return -1;
		rc = read_thread(w, p, dir, (pid_t)tid);
		saved = errno;
		close(dir);
		errno = saved;
		if (rc < 0)
			return -1;
	}
	return rc;
}

/* What the threads beside the first hold. */
static int look_at_threads(struct worker *w, struct process *p)
{
	int task = openat(p->dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc, saved;

	if (task < 0)
		return -1;
	rc = read_threads(w, p, task);
	saved = errno;
	close(task);
	errno = saved;
	return rc;
}

/*
 * The place of the first thread, before what it holds is kept; and of the process where
 * threads are not told apart, if there is anything to tell of it.
 */
static int first_thread(const struct pass *s, struct process *p)
{
	struct thread *t;

	if (!s->req->tasks && !s->req->contexts)
		return 0;
	t = record_thread(p->record);
	if (!t) {
		errno = ENOMEM;
		return -1;
	}
	if (s->req->tasks)
		t->tid = p->record->holder.pid;
	if (s->req->contexts)
		t->context = process_context(p->dir);
	return s->req->contexts && !t->context && errno == ENOMEM ? -1 : 0;
}

/* All its ranges are read: the facts of one that holds a socket, and the end of it. */
static void process_done(struct pass *s, struct process *p)
{
	struct record *r = p->record;
	int rc = 0;

	if (!p->left_out && r->spans && !atomic_load(&s->stop)) {
		if (!r->holder.comm)
			rc = process_comm(p->dir, &r->holder);
		if (rc == 0 && s->req->facts)
			rc = process_facts(p->dir, p->live, &r->holder);
		if (rc < 0) {
			leave_out(s, errno, r->holder.pid);
		} else {
			pthread_mutex_lock(&s->lock);
			r->next = s->found;
			s->found = r;
			pthread_mutex_unlock(&s->lock);
			p->record = NULL;
		}
	}
	process_free(p);
}

static void run_task(struct worker *w, struct process *p, pid_t pid)
{
	struct pass *s = w->s;
	bool whole = !p, any, last;
	int rc;

	if (whole && !(p = process_open(s, pid)))
		return;
	inodes_clear(&w->found);
	rc = whole ? first_thread(s, p) : 0;
	if (rc == 0)
		rc = whole ? read_process(w, p) : read_range(w, p, p->from, &any);
	if (rc == 0)
		rc = keep_found(w, p, 0);
	if (rc == 0 && whole && s->req->tasks)
		rc = look_at_threads(w, p);
	if (rc < 0)
		leave_out(s, errno, p->record->holder.pid);
	pthread_mutex_lock(&s->lock);
	p->left_out |= rc < 0;
	last = --p->tasks == 0;
	pthread_mutex_unlock(&s->lock);
	if (last)
		process_done(s, p);
}

static void work(struct pass *s)
{
	struct worker w = { .s = s };
	struct process *p;
	pid_t pid = 0;

	w.found.with_fds = s->req->fds;
	w.found.with_contexts = s->req->fds && s->req->contexts;

	while (take_task(s, &p, &pid)) {
		run_task(&w, p, pid);
		end_task(s);
	}
	inodes_free(&w.found);
}

static void *help(void *arg)
{
	work(arg);
	return NULL;
}

/* ---- the pass ------------------------------------------------------------------------ */

static int by_number(const void *a, const void *b)
{
	pid_t pa = *(const pid_t *)a, pb = *(const pid_t *)b;

	return (pa > pb) - (pa < pb);
}

/* The pids of the request, each once; those that no process can have are left out. */
static int given_pids(struct pass *s)
{
	const struct owners_request *req = s->req;
	size_t n = 0;

	s->pids = malloc((req->npids + 1) * sizeof(*s->pids));
	if (!s->pids)
		return procfs_no_memory(s->err);
	for (size_t i = 0; i < req->npids; i++)
		if (req->pids[i] > 0 && req->pids[i] <= INT_MAX)
			s->pids[n++] = (pid_t)req->pids[i];
	qsort(s->pids, n, sizeof(*s->pids), by_number);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || s->pids[i] != s->pids[i - 1])
			s->pids[s->npids++] = s->pids[i];
	return 0;
}

static int listed_pids(struct pass *s)
{
	size_t size = 0;
	struct numbers d;
	const char *name;
	unsigned pid;
	int rc;

	numbers_begin(&d, s->proc);
	while ((rc = numbers_next(&d, &pid, &name)) == 1) {
		if (s->npids == size) {
			size_t want = size ? 2 * size : 512;
			pid_t *bigger = realloc(s->pids, want * sizeof(*bigger));

			if (!bigger)
				return procfs_no_memory(s->err);
			s->pids = bigger;
			size = want;
		}
		s->pids[s->npids++] = (pid_t)pid;
	}
	if (rc < 0)
		return nl_fail(s->err, errno, "cannot list /proc: %s", strerror(errno));
	return 0;
}

static int open_proc(struct pass *s)
{
	struct statfs fs;

	s->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->proc < 0 && (errno == EMFILE || errno == ENFILE)) {
		procfs_no_descriptors(s->err, errno, "look for owners");
		return -1;
	}
	if (s->proc < 0)
		return nl_fail(s->err, errno, "owners of sockets need /proc: %s", strerror(errno));
	if (fstatfs(s->proc, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
		return 0;
	return nl_fail(s->err, ENODEV,
		       "owners of sockets need /proc, but no procfs is mounted there");
}

static int want_inodes(struct pass *s)
{
	for (size_t i = 0; s->req->inodes && i < s->req->ninodes; i++)
		if (s->req->inodes[i] && !imap_put(&s->wanted, s->req->inodes[i]))
			return procfs_no_memory(s->err);
	return 0;
}

static unsigned usual_threads(void)
{
	cpu_set_t cpus;
	long n;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		n = CPU_COUNT(&cpus);
	else
		n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > USUAL_THREADS ? USUAL_THREADS : (unsigned)n;
}

static void run(struct pass *s)
{
	unsigned asked = s->req->threads ? s->req->threads : usual_threads();

	s->threads = asked > MOST_THREADS ? MOST_THREADS : asked;
	s->split = s->threads > 1 && fds_can_seek(s->proc);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	if (s->threads > 1 && s->npids >= WORTH_THREADS)
		start_helpers(s);
	work(s);
	for (unsigned i = 0; i < s->nhelpers; i++)
		pthread_join(s->helpers[i], NULL);
	for (struct process *p = s->queue, *next; p; p = next) {
		next = p->queue;
		process_free(p);
	}
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

static void drop(struct record *list)
{
	for (struct record *next; list; list = next) {
		next = list->next;
		record_free(list);
	}
}

/* What a pass over /proc finds for the request: *list, whatever it returns. */
static int look(const struct owners_request *req, bool told, struct record **list, bool *denied,
		struct nl_error *err)
{
	struct pass s = { .req = req, .proc = -1, .err = err, .told = told };
	int rc = open_proc(&s);

	if (rc == 0)
		rc = want_inodes(&s);
	if (rc == 0)
		rc = req->pids ? given_pids(&s) : listed_pids(&s);
	if (rc == 0) {
		run(&s);
		rc = atomic_load(&s.stop) ? -1 : 0;
	}
	*list = s.found;
	*denied = atomic_load(&s.denied);
	free(s.pids);
	imap_free(&s.wanted);
	if (s.proc >= 0)
		close(s.proc);
	return rc;
}

int owners_scan(struct owners *o, const struct owners_request *req, struct nl_error *err)
{
	const struct owners_request all = { .facts = true,
					    .fds = true,
					    .tasks = req->tasks,
					    .contexts = req->contexts || selinux_enabled(),
					    .threads = req->threads };
	struct record *list = NULL;
	bool denied = false;
	int rc;

	if (nl_replay_loaded()) {
		rc = owners_replay(req, &list, &denied, err);
	} else if (nl_recording()) {
		/* other questions will be asked of it: all processes are written down */
		rc = look(&all, true, &list, &denied, err);
		if (rc == 0)
			rc = owners_record(req, &list, &denied, err);
	} else {
		rc = look(req, false, &list, &denied, err);
	}
	if (rc < 0)
		drop(list);
	else if (owners_add(o, list, denied, req->fds) < 0)
		rc = procfs_no_memory(err);
	return rc;
}
