/*
 * Reading a recording: loading it, checking its structure once and for all, and
 * handing out the datagrams of a dump. What is inside a datagram is judged by
 * the dump, as if it had come from the kernel.
 */
#include "internal.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NONE UINT32_MAX /* no datagram */

struct list {
	uint32_t bus, type, key;
	uint32_t first, last; /* of its datagrams */
	bool whole;	      /* has its end mark */
};

struct datagram {
	size_t offset;
	uint32_t len;
	uint32_t next; /* of the same list */
};

struct nl_recording {
	atomic_uint holders;
	unsigned char *bytes;
	size_t len;
	struct list *lists;
	uint32_t n_lists, max_lists;
	struct datagram *datagrams;
	uint32_t n_datagrams, max_datagrams;
	uint32_t current; /* list, while loading */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct nl_recording *loaded; /* under lock */

struct nl_recording *nl_replay_hold(void)
{
	struct nl_recording *rec;

	pthread_mutex_lock(&lock);
	rec = loaded;
	if (rec)
		atomic_fetch_add(&rec->holders, 1);
	pthread_mutex_unlock(&lock);
	return rec;
}

void nl_replay_drop(struct nl_recording *rec)
{
	if (!rec || atomic_fetch_sub(&rec->holders, 1) != 1)
		return;
	free(rec->bytes);
	free(rec->lists);
	free(rec->datagrams);
	free(rec);
}

/* Makes room for one more of items, size bytes each. */
static bool grow(void **items, uint32_t used, uint32_t *max, size_t size)
{
	uint32_t more = *max ? *max * 2 : 16;
	void *bigger;

	if (used < *max)
		return true;
	if (more < *max)
		return false;
	bigger = reallocarray(*items, more, size);
	if (!bigger)
		return false;
	*items = bigger;
	*max = more;
	return true;
}

static uint32_t u32_at(const struct nl_recording *rec, size_t offset)
{
	uint32_t value;

	memcpy(&value, rec->bytes + offset, sizeof(value));
	return le32toh(value);
}

static int damaged(size_t offset, const char *why, struct nl_error *err)
{
	return nl_fail(err, EBADMSG, "the recording is damaged at byte %zu: %s", offset, why);
}

static int add_list(struct nl_recording *rec, size_t body, struct nl_error *err)
{
	if (!grow((void **)&rec->lists, rec->n_lists, &rec->max_lists, sizeof(*rec->lists)))
		return nl_fail_sys(err, ENOMEM, "no memory for the recording");
	rec->lists[rec->n_lists] = (struct list){
		.bus = u32_at(rec, body),
		.type = u32_at(rec, body + 4),
		.key = u32_at(rec, body + 8),
		.first = NONE,
		.last = NONE,
	};
	rec->current = rec->n_lists++;
	return 0;
}

static int add_datagram(struct nl_recording *rec, size_t body, uint32_t len, struct nl_error *err)
{
	struct list *list;
	uint32_t number = rec->n_datagrams;

	if (rec->n_lists == 0)
		return damaged(body, "a datagram comes before the list that it belongs to", err);
	if (!grow((void **)&rec->datagrams, number, &rec->max_datagrams, sizeof(*rec->datagrams)))
		return nl_fail_sys(err, ENOMEM, "no memory for the recording");
	rec->datagrams[number] = (struct datagram){ body, len, NONE };
	rec->n_datagrams++;
	list = &rec->lists[rec->current];
	if (list->last == NONE)
		list->first = number;
	else
		rec->datagrams[list->last].next = number;
	list->last = number;
	return 0;
}

static int add_record(struct nl_recording *rec, uint32_t kind, size_t body, uint32_t len,
		      struct nl_error *err)
{
	switch (kind) {
	case NL_REC_DUMP:
		if (len != 12)
			return damaged(body, "the head of a list has a length other than 12", err);
		return add_list(rec, body, err);
	case NL_REC_DATAGRAM:
		return add_datagram(rec, body, len, err);
	case NL_REC_AGAIN:
		if (len != 4)
			return damaged(body, "the number of a list has a length other than 4", err);
		if (u32_at(rec, body) >= rec->n_lists)
			return damaged(body, "it goes on with a list that has not begun", err);
		rec->current = u32_at(rec, body);
		return 0;
	default:
		return damaged(body - 8, "a record of unknown kind", err);
	}
}

static int read_records(struct nl_recording *rec, struct nl_error *err)
{
	size_t offset = NL_REC_HEAD;

	if (rec->len < NL_REC_HEAD ||
	    memcmp(rec->bytes, NL_REC_MAGIC, sizeof(NL_REC_MAGIC) - 1) != 0)
		return damaged(0, "it does not begin with \"" NL_REC_MAGIC "\" and a version", err);
	if (u32_at(rec, 8) != NL_REC_VERSION)
		return damaged(8, "its version is not 1", err);
	while (offset < rec->len) {
		size_t left = rec->len - offset, padded;
		uint32_t len;

		if (left < 8)
			return damaged(offset, "the head of a record is cut off", err);
		len = u32_at(rec, offset + 4);
		padded = ((size_t)len + 3) & ~(size_t)3;
		if (padded > left - 8)
			return damaged(offset, "a record is longer than what is left", err);
		if (add_record(rec, u32_at(rec, offset), offset + 8, len, err) != 0)
			return -1;
		offset += 8 + padded;
	}
	return 0;
}

static bool has_end_mark(const struct nl_recording *rec, const struct datagram *datagram)
{
	const struct nlmsghdr *nlh;
	size_t pos = 0;
	bool bad;

	while ((nlh = nl_walk(rec->bytes + datagram->offset, datagram->len, &pos, &bad)) != NULL)
		if (nlh->nlmsg_type == NLMSG_DONE)
			return true;
	return false;
}

static void mark_whole(struct nl_recording *rec)
{
	for (uint32_t i = 0; i < rec->n_lists; i++) {
		struct list *list = &rec->lists[i];

		list->whole = list->last != NONE && has_end_mark(rec, &rec->datagrams[list->last]);
	}
}

static void install(struct nl_recording *rec)
{
	struct nl_recording *old;

	pthread_mutex_lock(&lock);
	old = loaded;
	loaded = rec;
	pthread_mutex_unlock(&lock);
	nl_replay_drop(old);
}

/* Takes bytes, from malloc. */
static int load(unsigned char *bytes, size_t len, struct nl_error *err)
{
	struct nl_recording *rec = calloc(1, sizeof(*rec));

	if (!rec) {
		free(bytes);
		return nl_fail_sys(err, ENOMEM, "no memory for the recording");
	}
	atomic_init(&rec->holders, 1);
	rec->bytes = bytes;
	rec->len = len;
	if (read_records(rec, err) != 0) {
		nl_replay_drop(rec);
		return -1;
	}
	mark_whole(rec);
	install(rec);
	return 0;
}

int nl_replay_memory(const void *bytes, size_t len, struct nl_error *err)
{
	unsigned char *copy = malloc(len ? len : 1);

	if (!copy)
		return nl_fail_sys(err, ENOMEM, "no memory for the recording");
	if (len > 0)
		memcpy(copy, bytes, len);
	return load(copy, len, err);
}

/* The whole of fd; NULL and errno. */
static unsigned char *read_all(int fd, size_t *len)
{
	unsigned char *bytes = NULL, *bigger;
	size_t size = 0;
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		size = (size_t)st.st_size;
	*len = 0;
	for (;;) {
		ssize_t got;

		if (!bytes || *len == size) {
			size = bytes ? size * 2 : size + 4096;
			bigger = realloc(bytes, size);
			if (!bigger)
				break;
			bytes = bigger;
		}
		got = read(fd, bytes + *len, size - *len);
		if (got == 0)
			return bytes;
		if (got > 0)
			*len += (size_t)got;
		else if (errno != EINTR || nl_cancel)
			break;
	}
	free(bytes);
	return NULL;
}

int nl_replay_load(const char *path, struct nl_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), reason;
	unsigned char *bytes;
	struct nl_error why;
	size_t len;

	if (fd < 0)
		return nl_fail_sys(err, errno, "cannot open the recording '%.120s'", path);
	bytes = read_all(fd, &len);
	reason = errno;
	close(fd);
	if (!bytes)
		return nl_fail_sys(err, reason, "cannot read the recording '%.120s'", path);
	if (load(bytes, len, &why) != 0)
		return nl_fail(err, why.code, "'%.80s': %.160s", path, why.text);
	return 0;
}

void nl_replay_unload(void)
{
	install(NULL);
}

bool nl_replay_loaded(void)
{
	bool is;

	pthread_mutex_lock(&lock);
	is = loaded != NULL;
	pthread_mutex_unlock(&lock);
	return is;
}

/*
 * The list recorded last is the freshest. But one that was given up on, or cut
 * short by a failure, only counts when there is no whole one.
 */
bool nl_replay_find(const struct nl_recording *rec, const struct nl_request *req, uint32_t *cursor)
{
	const struct list *best = NULL;

	for (uint32_t i = 0; i < rec->n_lists; i++) {
		const struct list *list = &rec->lists[i];

		if (list->bus == (uint32_t)req->bus && list->type == req->type &&
		    list->key == req->key && (!best || list->whole || !best->whole))
			best = list;
	}
	if (best)
		*cursor = best->first;
	return best != NULL;
}

bool nl_replay_datagram(const struct nl_recording *rec, uint32_t *cursor,
			const unsigned char **data, size_t *len, size_t *offset)
{
	const struct datagram *datagram;

	if (*cursor == NONE)
		return false;
	datagram = &rec->datagrams[*cursor];
	*cursor = datagram->next;
	*data = rec->bytes + datagram->offset;
	*len = datagram->len;
	*offset = datagram->offset;
	return true;
}
