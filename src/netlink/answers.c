/*
 * Asking a loaded recording: which list answers a request, what a number was called,
 * which namespace a name stood for. Everything here was checked when it was loaded.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct nl_list {
	struct nl_recording *rec; /* held */
	const struct nl_rec_list *list;
	uint32_t next;
	const char *what;
};

static const struct nl_rec_list *list_of(const struct nl_recording *rec, size_t i)
{
	return (const struct nl_rec_list *)rec->lists.items + rec->order[i];
}

/* The first in the order of heads that is not below this one. */
static size_t first_of(const struct nl_recording *rec, const struct nl_head *head)
{
	size_t lo = 0, hi = rec->lists.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (nl_head_compare(&list_of(rec, mid)->head, head) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/*
 * The list recorded last is the freshest. But one that was given up on, or cut
 * short by a failure, only counts when there is no whole one.
 */
static const struct nl_rec_list *find(const struct nl_recording *rec, const struct nl_head *head,
				      const char *path)
{
	const struct nl_rec_list *best = NULL;

	for (size_t i = first_of(rec, head); i < rec->lists.n; i++) {
		const struct nl_rec_list *list = list_of(rec, i);

		if (nl_head_compare(&list->head, head) != 0)
			break;
		if (path && strcmp((const char *)rec->bytes + list->path, path) != 0)
			continue;
		if (!best || list->whole || !best->whole)
			best = list;
	}
	return best;
}

static uint32_t number_of(int netns_fd)
{
	return netns_fd < -1 ? (uint32_t)(-1 - netns_fd) : 0;
}

static int fd_of(uint32_t number)
{
	return -1 - (int)number;
}

/* missing: what is said when it is not there, with one %s. */
static struct nl_list *open_list(const struct nl_head *head, const char *path, const char *missing,
				 const char *what, struct nl_error *err)
{
	struct nl_recording *rec = nl_replay_hold();
	const struct nl_rec_list *list = rec ? find(rec, head, path) : NULL;
	struct nl_list *l;

	if (!list) {
		nl_replay_drop(rec);
		nl_fail(err, ENOENT, "the recording has no %s%.120s", missing, what);
		return NULL;
	}
	/* it could not even be begun */
	if (list->ended && list->code && list->first == NL_NO_DATA) {
		nl_fail(err, (int)list->code, "%.250s", rec->bytes + list->why);
		nl_replay_drop(rec);
		return NULL;
	}
	l = malloc(sizeof(*l));
	if (!l) {
		nl_replay_drop(rec);
		nl_fail_sys(err, ENOMEM, "no memory to list %.120s", what);
		return NULL;
	}
	*l = (struct nl_list){ rec, list, list->first, what };
	return l;
}

struct nl_list *nl_list_dump(const struct nl_request *req, int netns_fd, struct nl_error *err)
{
	const struct nl_head head = {
		NL_REC_DUMP, number_of(netns_fd), (uint32_t)req->bus, req->type, req->key,
	};

	return open_list(&head, NULL, "list of ", req->what, err);
}

struct nl_list *nl_list_object(const struct nl_request *req, int netns_fd, struct nl_error *err)
{
	const struct nl_head head = {
		NL_REC_OBJECT,
		number_of(netns_fd),
		(uint32_t)req->bus,
		req->type,
		nl_hash(req->payload, req->len),
	};

	return open_list(&head, NULL, "answer to the request for ", req->what, err);
}

struct nl_list *nl_list_text(const char *path, int netns_fd, struct nl_error *err)
{
	const struct nl_head head = {
		.kind = NL_REC_TEXT,
		.netns = number_of(netns_fd),
		.key = nl_hash(path, strlen(path)),
	};

	return open_list(&head, path, "text of /proc/", path, err);
}

int nl_list_next(struct nl_list *l, const unsigned char **data, size_t *len, size_t *offset,
		 struct nl_error *err)
{
	const struct nl_rec_data *piece;

	if (nl_cancel)
		return nl_fail(err, ECANCELED, "interrupted");
	if (l->next == NL_NO_DATA) {
		if (l->list->ended && l->list->code)
			return nl_fail(err, (int)l->list->code, "%.250s",
				       l->rec->bytes + l->list->why);
		return 0;
	}
	piece = (const struct nl_rec_data *)l->rec->data.items + l->next;
	l->next = piece->next;
	*data = l->rec->bytes + piece->offset;
	*len = piece->len;
	*offset = piece->offset;
	return 1;
}

bool nl_list_ended(const struct nl_list *l)
{
	return l->list->ended;
}

void nl_list_close(struct nl_list *l)
{
	if (!l)
		return;
	nl_replay_drop(l->rec);
	free(l);
}

/* ---- names, facts, processes ----------------------------------------------------------- */

int nl_replay_name(enum nl_name what, int netns_fd, uint64_t number, const char **name)
{
	const struct nl_recording *rec = nl_replay_peek();
	const struct nl_rec_name key = { number_of(netns_fd), what, number, 0 }, *found;

	if (!rec || rec->names.n == 0)
		return -1;
	found = bsearch(&key, rec->names.items, rec->names.n, sizeof(key), nl_rec_name_compare);
	if (!found)
		return -1;
	if (found->name)
		*name = (const char *)rec->bytes + found->name;
	return found->name != 0;
}

unsigned nl_replay_ifindex(const char *name, int netns_fd)
{
	const struct nl_recording *rec = nl_replay_peek();
	const uint32_t netns = number_of(netns_fd);

	for (size_t i = 0; rec && i < rec->names.n; i++) {
		const struct nl_rec_name *n = (const struct nl_rec_name *)rec->names.items + i;

		if (n->netns == netns && n->what == NL_NAME_DEVICE && n->name &&
		    n->number <= INT32_MAX && strcmp((const char *)rec->bytes + n->name, name) == 0)
			return (unsigned)n->number;
	}
	return 0;
}

const char *nl_rec_fact(const struct nl_recording *rec, const char *key)
{
	for (size_t i = 0; rec && i < rec->facts.n; i++) {
		const char *fact = (const char *)rec->bytes + ((const size_t *)rec->facts.items)[i];

		if (strcmp(fact, key) == 0)
			return fact + strlen(fact) + 1;
	}
	return NULL;
}

const char *nl_replay_fact(const char *key)
{
	return nl_rec_fact(nl_replay_peek(), key);
}

int nl_replay_pass(void)
{
	const struct nl_recording *rec = nl_replay_peek();

	return rec ? rec->pass : -1;
}

bool nl_replay_process(size_t i, struct nl_process *p)
{
	const struct nl_recording *rec = nl_replay_peek();
	uint32_t exe, cgroup;
	const struct nl_rec_process *found;
	const char *text;
	size_t at;

	if (!rec || i >= rec->processes.n)
		return false;
	found = (const struct nl_rec_process *)rec->processes.items + i;
	at = found->at;
	exe = nl_rec_u32(rec, at + 12);
	cgroup = nl_rec_u32(rec, at + 16);
	*p = (struct nl_process){
		.pid = nl_rec_u32(rec, at),
		.denied = nl_rec_u32(rec, at + 4) & 1,
		.comm_len = nl_rec_u32(rec, at + 8),
		.exe_len = exe ? exe - 1 : 0,
		.cgroup_len = cgroup ? cgroup - 1 : 0,
		.ninodes = nl_rec_u32(rec, at + 20),
		.inodes = rec->bytes + at + NL_PROCESS_HEAD,
		.thread = found->thread,
		.nthreads = found->nthreads,
	};
	text = (const char *)p->inodes + p->ninodes * 4;
	p->comm = text;
	p->exe = exe ? text + p->comm_len : NULL;
	p->cgroup = cgroup ? text + p->comm_len + p->exe_len : NULL;
	return true;
}

static uint32_t number_at(const unsigned char *b)
{
	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

uint32_t nl_process_inode(const struct nl_process *p, size_t i)
{
	return number_at(p->inodes + 4 * i);
}

bool nl_replay_thread(const struct nl_process *p, size_t i, struct nl_thread *t)
{
	const struct nl_recording *rec = nl_replay_peek();
	uint32_t comm, context;
	const char *text;
	size_t at;

	if (!rec || i >= p->nthreads || p->thread + i >= rec->threads.n)
		return false;
	at = ((const size_t *)rec->threads.items)[p->thread + i];
	comm = nl_rec_u32(rec, at + 4);
	context = nl_rec_u32(rec, at + 8);
	*t = (struct nl_thread){
		.tid = nl_rec_u32(rec, at),
		.comm_len = comm ? comm - 1 : 0,
		.context_len = context ? context - 1 : 0,
		.n = nl_rec_u32(rec, at + 12),
		.uses = rec->bytes + at + NL_THREAD_HEAD,
	};
	text = (const char *)t->uses + t->n * NL_USE_SIZE;
	t->comm = comm ? text : NULL;
	t->context = context ? text + t->comm_len : NULL;
	t->contexts = text + t->comm_len + t->context_len;
	return true;
}

void nl_thread_use(struct nl_thread *t, struct nl_use *out)
{
	uint32_t context = number_at(t->uses + 8);

	*out = (struct nl_use){
		.inode = number_at(t->uses),
		.fd = number_at(t->uses + 4),
		.context = context ? t->contexts : NULL,
		.context_len = context ? context - 1 : 0,
	};
	t->uses += NL_USE_SIZE;
	t->contexts += out->context_len;
}

/* ---- namespaces ------------------------------------------------------------------------- */

int nl_replay_netns(const char *name)
{
	const struct nl_recording *rec = nl_replay_peek();

	for (size_t i = 0; rec && *name && i < rec->netns.n; i++) {
		const struct nl_rec_netns *ns = (const struct nl_rec_netns *)rec->netns.items + i;

		if (strcmp((const char *)rec->bytes + ns->name, name) == 0)
			return fd_of(ns->number);
	}
	return 0;
}

int nl_replay_netns_pid(uint32_t pid)
{
	const struct nl_recording *rec = nl_replay_peek();

	for (size_t i = 0; rec && i < rec->pids.n; i++) {
		const struct nl_rec_pids *p = (const struct nl_rec_pids *)rec->pids.items + i;

		for (size_t k = 0; k < p->n; k++)
			if (nl_rec_u32(rec, p->offset + 4 * k) == pid)
				return fd_of(p->netns);
	}
	return 0;
}

bool nl_replay_netns_at(size_t i, int *netns_fd, uint64_t *inode, const char **name)
{
	const struct nl_recording *rec = nl_replay_peek();
	const struct nl_rec_netns *ns;

	if (!rec || i >= rec->netns.n)
		return false;
	ns = (const struct nl_rec_netns *)rec->netns.items + i;
	*netns_fd = fd_of(ns->number);
	*inode = ns->inode;
	*name = rec->bytes[ns->name] ? (const char *)rec->bytes + ns->name : NULL;
	return true;
}

size_t nl_replay_netns_pids(int netns_fd, uint32_t *lowest)
{
	const struct nl_recording *rec = nl_replay_peek();
	size_t n = 0;

	*lowest = 0;
	for (size_t i = 0; rec && i < rec->pids.n; i++) {
		const struct nl_rec_pids *p = (const struct nl_rec_pids *)rec->pids.items + i;

		for (size_t k = 0; p->netns == number_of(netns_fd) && k < p->n; k++) {
			uint32_t pid = nl_rec_u32(rec, p->offset + 4 * k);

			if (n++ == 0 || pid < *lowest)
				*lowest = pid;
		}
	}
	return n;
}

bool nl_replay_netns_asked(int netns_fd)
{
	static const enum nl_rec_kind kinds[] = { NL_REC_DUMP, NL_REC_TEXT, NL_REC_OBJECT };
	const struct nl_recording *rec = nl_replay_peek();

	for (size_t i = 0; rec && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct nl_head head = { .kind = kinds[i], .netns = number_of(netns_fd) };
		size_t at = first_of(rec, &head);

		if (at < rec->lists.n && list_of(rec, at)->head.kind == head.kind &&
		    list_of(rec, at)->head.netns == head.netns)
			return true;
	}
	return false;
}
