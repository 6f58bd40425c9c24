/*
 * Owns passes over processes as a recording has them: what a live pass found is written
 * down whole, and what is asked of a recorded one is chosen here by the same
 * conditions.
 */
#include "private.h"

#include "connsh/recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a request names, to be asked quickly. */
struct wanted {
	const struct owners_request *req;
	struct imap inodes, pids;
};

static bool want(struct wanted *w, const struct owners_request *req)
{
	*w = (struct wanted){ .req = req };
	for (size_t i = 0; req->inodes && i < req->ninodes; i++)
		if (req->inodes[i] && !imap_put(&w->inodes, req->inodes[i]))
			return false;
	for (size_t i = 0; req->pids && i < req->npids; i++)
		if (req->pids[i] > 0 && req->pids[i] <= INT32_MAX &&
		    !imap_put(&w->pids, (uint32_t)req->pids[i]))
			return false;
	return true;
}

static void want_free(struct wanted *w)
{
	imap_free(&w->inodes);
	imap_free(&w->pids);
}

static bool wants_process(const struct wanted *w, uint32_t pid, const char *comm, size_t len)
{
	const struct owners_request *req = w->req;

	if (req->pids && !imap_get(&w->pids, pid))
		return false;
	return !req->accept || req->accept(comm, len, req->arg);
}

static bool wants_inode(const struct wanted *w, uint32_t inode)
{
	return inode && (!w->req->inodes || imap_get(&w->inodes, inode));
}

/* ---- what a live pass found ------------------------------------------------------- */

static size_t count_inodes(const struct record *r)
{
	size_t n = 0;

	for (const struct span *s = r->spans; s; s = s->next)
		n += s->n;
	return n;
}

/* What the process holds, or one of its threads, as it is written down. */
static int write_thread(const struct record *r, size_t thread)
{
	const struct thread *t = r->nthreads ? &r->threads[thread] : NULL;
	struct nl_thread out = {
		.tid = t ? (uint32_t)t->tid : 0,
		.comm = t ? t->comm : NULL,
		.comm_len = t && t->comm ? t->comm_len : 0,
		.context = t ? t->context : NULL,
		.context_len = t && t->context ? strlen(t->context) : 0,
	};
	struct nl_use *uses;

	for (const struct span *s = r->spans; s; s = s->next)
		out.n += s->thread == thread ? s->n : 0;
	if (out.n == 0)
		return 0;
	uses = malloc(out.n * sizeof(*uses));
	if (!uses)
		return -1;
	out.n = 0;
	for (const struct span *s = r->spans; s; s = s->next)
		for (size_t i = 0; s->thread == thread && i < s->n; i++) {
			const char *context = s->contexts ? s->contexts[i] : NULL;

			uses[out.n++] = (struct nl_use){ s->inodes[i], s->fds[i], context,
							 context ? strlen(context) : 0 };
		}
	nl_record_thread(&out, uses);
	free(uses);
	return 0;
}

static int write_threads(const struct record *r)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < (r->nthreads ? r->nthreads : 1); i++)
		rc = write_thread(r, i);
	return rc;
}

static int write_record(const struct record *r)
{
	const struct holder *h = &r->holder;
	struct nl_process p = {
		.pid = (uint32_t)h->pid,
		.denied = r->denied,
		.comm = h->comm,
		.comm_len = h->comm ? h->comm_len : 0,
		.exe = h->exe,
		.exe_len = h->exe ? strlen(h->exe) : 0,
		.cgroup = h->cgroup,
		.cgroup_len = h->cgroup ? strlen(h->cgroup) : 0,
		.ninodes = count_inodes(r),
	};
	uint32_t *inodes = malloc((p.ninodes + 1) * sizeof(*inodes));
	size_t n = 0;

	if (!inodes)
		return -1;
	for (const struct span *s = r->spans; s; s = s->next) {
		memcpy(inodes + n, s->inodes, s->n * sizeof(*inodes));
		n += s->n;
	}
	nl_record_process(&p, inodes);
	free(inodes);
	return write_threads(r);
}

/* Keeps of the record what is wanted; false: nothing. */
static bool choose(const struct wanted *w, struct record *r)
{
	if (r->denied ||
	    !wants_process(w, (uint32_t)r->holder.pid, r->holder.comm, r->holder.comm_len))
		return false;
	for (struct span *s = r->spans; s; s = s->next) {
		size_t kept = 0;

		for (size_t i = 0; i < s->n; i++)
			if (wants_inode(w, s->inodes[i]))
				span_keep(s, kept++, i);
		span_cut(s, kept);
	}
	return count_inodes(r) > 0;
}

int owners_record(const struct owners_request *req, struct record **list, bool *denied,
		  struct nl_error *err)
{
	struct record *kept = NULL;
	struct wanted w;
	bool ok = want(&w, req);

	*denied = false;
	if (selinux_enabled())
		nl_record_fact(SELINUX_FACT, "enabled");
	nl_record_pass(owners_hidden() ? NL_PASS_HIDDEN : 0);
	for (struct record *r = *list, *next; r; r = next) {
		next = r->next;
		ok = ok && write_record(r) == 0;
		if (ok && r->denied)
			*denied |= wants_process(&w, (uint32_t)r->holder.pid,
						 r->holder.comm ? r->holder.comm : "",
						 r->holder.comm_len);
		if (ok && choose(&w, r)) {
			r->next = kept;
			kept = r;
		} else {
			record_free(r);
		}
	}
	want_free(&w);
	*list = kept;
	return ok ? 0 : procfs_no_memory(err);
}

/* ---- what a recording tells --------------------------------------------------------- */

/* A text of a recording may hold a NUL, which ends it here. */
static char *copy(const char *text, size_t len)
{
	char *s = malloc(len + 1);

	if (s) {
		memcpy(s, text, len);
		s[len] = '\0';
	}
	return s;
}

static bool copy_facts(const struct nl_process *p, struct holder *h)
{
	h->pid = (pid_t)p->pid;
	h->comm = copy(p->comm, p->comm_len);
	h->comm_len = p->comm_len;
	if (p->exe)
		h->exe = copy(p->exe, p->exe_len);
	if (p->cgroup)
		h->cgroup = copy(p->cgroup, p->cgroup_len);
	return h->comm && (!p->exe || h->exe) && (!p->cgroup || h->cgroup);
}

static void put_span(struct record *r, struct span *s, uint32_t pass, size_t thread)
{
	s->pass = pass;
	s->thread = (uint32_t)thread;
	s->next = r->spans;
	r->spans = s;
}

/* What the process holds, each socket once. */
static bool read_inodes(const struct wanted *w, const struct nl_process *p, uint32_t pass,
			struct record *r)
{
	struct inodes found = { .list = malloc((p->ninodes + 1) * sizeof(uint32_t)) };
	struct imap seen = { 0 };
	struct span *s = NULL;
	bool ok = found.list != NULL;

	for (size_t i = 0; ok && i < p->ninodes; i++) {
		uint32_t inode = nl_process_inode(p, i), *times;

		if (!wants_inode(w, inode))
			continue;
		times = imap_put(&seen, inode);
		ok = times != NULL;
		if (ok && ++*times == 1)
			found.list[found.n++] = inode;
	}
	if (ok && found.n && (s = span_new(&found)))
		put_span(r, s, pass, 0);
	ok = ok && (found.n == 0 || s);
	imap_free(&seen);
	inodes_free(&found);
	return ok;
}

static int by_fd(const void *a, const void *b)
{
	uint32_t fa = ((const struct nl_use *)a)->fd, fb = ((const struct nl_use *)b)->fd;

	return (fa > fb) - (fa < fb);
}

/* Those of the thread that are wanted, by descriptor; NULL: no memory. */
static struct nl_use *wanted_uses(const struct wanted *w, struct nl_thread *t, size_t *n)
{
	struct nl_use *uses = malloc((t->n + 1) * sizeof(*uses));

	*n = 0;
	for (size_t i = 0; uses && i < t->n; i++) {
		nl_thread_use(t, &uses[*n]);
		*n += wants_inode(w, uses[*n].inode);
	}
	if (uses)
		qsort(uses, *n, sizeof(*uses), by_fd);
	return uses;
}

/* Lists of what was found; false: no memory. */
static bool found_of(const struct nl_use *uses, size_t n, bool contexts, struct inodes *out)
{
	*out = (struct inodes){ .with_fds = true, .with_contexts = contexts };
	out->list = calloc(n + 1, sizeof(*out->list));
	out->fds = calloc(n + 1, sizeof(*out->fds));
	out->contexts = contexts ? calloc(n + 1, sizeof(char *)) : NULL;
	if (!out->list || !out->fds || (contexts && !out->contexts))
		return false;
	for (size_t i = 0; i < n; i++) {
		out->list[i] = uses[i].inode;
		out->fds[i] = uses[i].fd;
		out->n++;
		if (contexts && uses[i].context &&
		    !(out->contexts[i] = copy(uses[i].context, uses[i].context_len)))
			return false;
	}
	return true;
}

/* One more thread of the record, with what is asked of it; false: no memory. */
static bool put_thread(const struct owners_request *req, const struct nl_thread *t,
		       struct record *r)
{
	struct thread *thread = record_thread(r);

	if (!thread)
		return false;
	if (req->tasks && t->tid) {
		thread->tid = (pid_t)t->tid;
		thread->comm = t->comm ? copy(t->comm, t->comm_len) : NULL;
		thread->comm_len = t->comm_len;
	}
	if (req->contexts && t->context)
		thread->context = copy(t->context, t->context_len);
	return (!req->tasks || !t->tid || !t->comm || thread->comm) &&
	       (!req->contexts || !t->context || thread->context);
}

/* What one thread holds. */
static bool read_thread(const struct wanted *w, struct nl_thread t, uint32_t pass, struct record *r)
{
	size_t n, place = r->nthreads;
	struct nl_use *uses = wanted_uses(w, &t, &n);
	struct inodes found = { 0 };
	struct span *s = NULL;
	bool ok = uses != NULL;

	if (ok && n) {
		ok = found_of(uses, n, w->req->contexts, &found) && put_thread(w->req, &t, r);
		s = ok ? span_new(&found) : NULL;
		ok = s != NULL;
	}
	if (s)
		put_span(r, s, pass, place);
	inodes_free(&found);
	free(uses);
	return ok;
}

/* Each thread's; or where they are not told apart the first one's, which is the process's. */
static bool read_threads(const struct wanted *w, const struct nl_process *p, uint32_t pass,
			 struct record *r)
{
	size_t n = w->req->tasks || p->nthreads == 0 ? p->nthreads : 1;
	struct nl_thread t;
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++)
		ok = nl_replay_thread(p, i, &t) && read_thread(w, t, pass, r);
	return ok;
}

/* The process with what is wanted of it; *out NULL: it has none. False: no memory. */
static bool read_record(const struct wanted *w, const struct nl_process *p, uint32_t pass,
			struct record **out)
{
	struct record *r = calloc(1, sizeof(*r));
	bool ok;

	*out = NULL;
	if (!r)
		return false;
	if (w->req->fds && p->nthreads)
		ok = read_threads(w, p, pass, r);
	else
		ok = read_inodes(w, p, pass, r);
	if (ok && !r->spans) {
		record_free(r);
		return true;
	}
	r->told = true;
	*out = r;
	return ok && copy_facts(p, &r->holder);
}

int owners_replay(const struct owners_request *req, struct record **list, bool *denied,
		  struct nl_error *err)
{
	struct record **end = list;
	struct nl_process p;
	struct wanted w;
	bool ok = want(&w, req);

	*list = NULL;
	*denied = false;
	if (nl_replay_pass() < 0) {
		want_free(&w);
		return nl_fail(err, ENODATA,
			       "the recording does not tell which processes held the sockets");
	}
	for (size_t i = 0; ok && nl_replay_process(i, &p); i++) {
		if (!wants_process(&w, p.pid, p.comm, p.comm_len))
			continue;
		if (p.denied) {
			*denied = true;
			continue;
		}
		ok = read_record(&w, &p, (uint32_t)i, end);
		if (*end)
			end = &(*end)->next;
	}
	want_free(&w);
	return ok ? 0 : procfs_no_memory(err);
}
