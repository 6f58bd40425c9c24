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
	return 0;
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
				s->inodes[kept++] = s->inodes[i];
		s->n = kept;
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

/* The process with the inodes that are wanted; *out NULL: it has none. False: no memory. */
static bool read_record(const struct wanted *w, const struct nl_process *p, struct record **out)
{
	struct record *r;
	struct span *s;
	size_t n = 0;

	*out = NULL;
	for (size_t i = 0; i < p->ninodes; i++)
		n += wants_inode(w, nl_process_inode(p, i));
	if (n == 0)
		return true;
	r = calloc(1, sizeof(*r));
	s = r ? malloc(sizeof(*s) + n * sizeof(s->inodes[0])) : NULL;
	if (!s) {
		free(r);
		return false;
	}
	*s = (struct span){ .next = NULL };
	for (size_t i = 0; i < p->ninodes; i++) {
		uint32_t inode = nl_process_inode(p, i);

		if (wants_inode(w, inode))
			s->inodes[s->n++] = inode;
	}
	r->spans = s;
	r->told = true;
	*out = r;
	return copy_facts(p, &r->holder);
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
		ok = read_record(&w, &p, end);
		if (*end)
			end = &(*end)->next;
	}
	want_free(&w);
	return ok ? 0 : procfs_no_memory(err);
}
