/*
 * Loading a recording: each record's check and structure are judged here, once and
 * for all, so that whoever asks it later meets sound ones only. What is inside a
 * datagram or a text is judged by its reader, as if it had come from the kernel.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_HEAD   12 /* magic and version */
#define RECORD_HEAD 12 /* kind, length, check */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct nl_recording *loaded; /* under lock */

struct nl_recording *nl_replay_hold(void)
{
	struct nl_recording *rec;

	pthread_mutex_lock(&lock);
	rec = loaded;
	if (rec)
		rec->holders++;
	pthread_mutex_unlock(&lock);
	return rec;
}

struct nl_recording *nl_replay_peek(void)
{
	struct nl_recording *rec;

	pthread_mutex_lock(&lock);
	rec = loaded;
	pthread_mutex_unlock(&lock);
	return rec;
}

bool nl_replay_loaded(void)
{
	return nl_replay_peek() != NULL;
}

static void free_recording(struct nl_recording *rec)
{
	struct nl_array *const arrays[] = { &rec->lists,   &rec->data, &rec->names,
					    &rec->netns,   &rec->pids, &rec->processes,
					    &rec->threads, &rec->facts };

	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		free(arrays[i]->items);
	free(rec->order);
	free(rec->bytes);
	free(rec);
}

void nl_replay_drop(struct nl_recording *rec)
{
	bool last;

	if (!rec)
		return;
	pthread_mutex_lock(&lock);
	last = --rec->holders == 0;
	pthread_mutex_unlock(&lock);
	if (last)
		free_recording(rec);
}

static int no_memory(struct nl_error *err)
{
	return nl_fail_sys(err, ENOMEM, "no memory for the recording");
}

/* Room for one more item of size bytes; NULL: no memory. */
static void *add(struct nl_array *a, size_t size)
{
	if (a->n == a->size) {
		size_t more = a->size ? 2 * a->size : 16;
		void *bigger = reallocarray(a->items, more, size);

		if (!bigger)
			return NULL;
		a->items = bigger;
		a->size = more;
	}
	return (char *)a->items + a->n++ * size;
}

static int damaged(size_t offset, const char *why, struct nl_error *err)
{
	return nl_fail(err, EBADMSG, "the recording is damaged at byte %zu: %s", offset, why);
}

/* ---- records -------------------------------------------------------------------- */

/* The bytes of one record. */
struct body {
	size_t at, len;
};

/* Where the text at `from` of the body ends behind its NUL; 0: it has none. */
static size_t text_end(const struct nl_recording *rec, const struct body *b, size_t from)
{
	const unsigned char *p = rec->bytes + b->at, *nul;

	nul = from < b->len ? memchr(p + from, '\0', b->len - from) : NULL;
	return nul ? (size_t)(nul - p) + 1 : 0;
}

/* Is what follows from `from` one text, whole, with nothing behind it? */
static bool is_text(const struct nl_recording *rec, const struct body *b, size_t from)
{
	return text_end(rec, b, from) == b->len && b->len > from;
}

static int add_list(struct nl_recording *rec, const struct nl_head *head, size_t path,
		    struct nl_error *err)
{
	struct nl_rec_list *list =
		rec->lists.n < UINT32_MAX ? add(&rec->lists, sizeof(*list)) : NULL;

	if (!list)
		return no_memory(err);
	*list = (struct nl_rec_list){
		.head = *head, .path = path, .first = NL_NO_DATA, .last = NL_NO_DATA
	};
	rec->current = (uint32_t)(rec->lists.n - 1);
	return 0;
}

static int add_dump(struct nl_recording *rec, const struct body *b, struct nl_error *err)
{
	struct nl_head head = { .kind = NL_REC_DUMP };

	if (b->len != 16)
		return damaged(b->at, "the head of a list has a length other than 16", err);
	head.netns = nl_rec_u32(rec, b->at);
	head.bus = nl_rec_u32(rec, b->at + 4);
	head.type = nl_rec_u32(rec, b->at + 8);
	head.key = nl_rec_u32(rec, b->at + 12);
	return add_list(rec, &head, 0, err);
}

static int add_object(struct nl_recording *rec, const struct body *b, struct nl_error *err)
{
	struct nl_head head = { .kind = NL_REC_OBJECT };

	if (b->len != 20)
		return damaged(b->at, "the head of an object has a length other than 20", err);
	head.netns = nl_rec_u32(rec, b->at);
	head.bus = nl_rec_u32(rec, b->at + 4);
	head.type = nl_rec_u32(rec, b->at + 8);
	head.key = nl_rec_u64(rec, b->at + 12);
	return add_list(rec, &head, 0, err);
}

static int add_text(struct nl_recording *rec, const struct body *b, struct nl_error *err)
{
	struct nl_head head = { .kind = NL_REC_TEXT };

	if (!is_text(rec, b, 4))
		return damaged(b->at, "the head of a text has no path", err);
	head.netns = nl_rec_u32(rec, b->at);
	head.key = nl_hash(rec->bytes + b->at + 4, b->len - 5);
	return add_list(rec, &head, b->at + 4, err);
}

static struct nl_rec_list *list_at(const struct nl_recording *rec, uint32_t i)
{
	return (struct nl_rec_list *)rec->lists.items + i;
}

static struct nl_rec_data *data_at(const struct nl_recording *rec, uint32_t i)
{
	return (struct nl_rec_data *)rec->data.items + i;
}

static int add_data(struct nl_recording *rec, const struct body *b, struct nl_error *err)
{
	uint32_t number = (uint32_t)rec->data.n;
	struct nl_rec_list *list;
	struct nl_rec_data *data;

	if (rec->lists.n == 0)
		return damaged(b->at, "data comes before the list that it belongs to", err);
	list = list_at(rec, rec->current);
	if (list->ended)
		return damaged(b->at, "data comes behind the end of its list", err);
	data = rec->data.n < NL_NO_DATA ? add(&rec->data, sizeof(*data)) : NULL;
	if (!data)
		return no_memory(err);
	*data = (struct nl_rec_data){ b->at, (uint32_t)b->len, NL_NO_DATA };
	if (list->last == NL_NO_DATA)
		list->first = number;
	else
		data_at(rec, list->last)->next = number;
	list->last = number;
	return 0;
}

static int add_again(struct nl_recording *rec, const struct body *b, struct nl_error *err)
{
	if (b->len != 4)
		return damaged(b->at, "the number of a list has a length other than 4", err);
	if (nl_rec_u32(rec, b->at) >= rec->lists.n)
		return damaged(b->at, "it goes on with a list that has not begun", err);
	rec->current = nl_rec_u32(rec, b->at);
	return 0;
}

static int add_end(struct nl_recording *rec, const struct body *b, struct nl_error *err)
{
	struct nl_rec_list *list;

	if (!is_text(rec, b, 4) || nl_rec_u32(rec, b->at) > INT32_MAX)
		return damaged(b->at, "the end of a list has no code and text", err);
	if (rec->lists.n == 0 || list_at(rec, rec->current)->ended)
		return damaged(b->at, "an end comes without its list", err);
	list = list_at(rec, rec->current);
	list->ended = true;
	list->code = nl_rec_u32(rec, b->at);
	list->why = b->at + 4;
	return 0;
}

static int add_netns(struct nl_recording *rec, const struct body *b, struct nl_error *err)
{
	struct nl_rec_netns *ns;

	if (!is_text(rec, b, 12) || nl_rec_u32(rec, b->at) > NL_MOST_NETNS)
		return damaged(b->at, "a namespace has no number, inode and name", err);
	ns = add(&rec->netns, sizeof(*ns));
	if (!ns)
		return no_memory(err);
	ns->number = nl_rec_u32(rec, b->at);
	ns->inode = nl_rec_u64(rec, b->at + 4);
	ns->name = b->at + 12;
	return 0;
}

static int add_pids(struct nl_recording *rec, const struct body *b, struct nl_error *err)
{
	struct nl_rec_pids *pids;

	if (b->len < 4 || b->len % 4 || nl_rec_u32(rec, b->at) > NL_MOST_NETNS)
		return damaged(b->at, "pids are no numbers behind that of a namespace", err);
	pids = add(&rec->pids, sizeof(*pids));
	if (!pids)
		return no_memory(err);
	*pids = (struct nl_rec_pids){ nl_rec_u32(rec, b->at), b->at + 4, b->len / 4 - 1 };
	return 0;
}

static int add_pass(struct nl_recording *rec, const struct body *b, struct nl_error *err)
{
	if (b->len != 4 || nl_rec_u32(rec, b->at) > NL_PASS_HIDDEN)
		return damaged(b->at, "a pass over processes has no flags that are known", err);
	rec->pass = (rec->pass < 0 ? 0 : rec->pass) | (int)nl_rec_u32(rec, b->at);
	return 0;
}

static int add_process(struct nl_recording *rec, const struct body *b, struct nl_error *err)
{
	uint64_t need = NL_PROCESS_HEAD;
	struct nl_rec_process *p;

	if (rec->pass < 0)
		return damaged(b->at, "a process comes before its pass", err);
	if (b->len < need)
		return damaged(b->at, "the head of a process is cut off", err);
	need += nl_rec_u32(rec, b->at + 8) + (uint64_t)nl_rec_u32(rec, b->at + 20) * 4;
	for (size_t i = 12; i <= 16; i += 4)
		if (nl_rec_u32(rec, b->at + i))
			need += nl_rec_u32(rec, b->at + i) - 1;
	if (b->len != need || nl_rec_u32(rec, b->at) == 0 || nl_rec_u32(rec, b->at) > INT32_MAX)
		return damaged(b->at, "the lengths of a process do not fit its record", err);
	p = add(&rec->processes, sizeof(*p));
	if (!p)
		return no_memory(err);
	*p = (struct nl_rec_process){ b->at, rec->threads.n, 0 };
	return 0;
}

/* What the descriptors of a thread take, with their contexts; false: one is no descriptor. */
static bool uses_size(const struct nl_recording *rec, size_t at, uint32_t n, uint64_t *size)
{
	*size = (uint64_t)n * NL_USE_SIZE;
	for (uint32_t i = 0; i < n; i++, at += NL_USE_SIZE) {
		uint32_t context = nl_rec_u32(rec, at + 8);

		if (nl_rec_u32(rec, at + 4) > INT32_MAX)
			return false;
		*size += context ? context - 1 : 0;
	}
	return true;
}

static int add_thread(struct nl_recording *rec, const struct body *b, struct nl_error *err)
{
	uint64_t need = NL_THREAD_HEAD, uses;
	uint32_t n;
	size_t *at;

	if (rec->processes.n == 0)
		return damaged(b->at, "a thread comes before its process", err);
	if (b->len < need)
		return damaged(b->at, "the head of a thread is cut off", err);
	for (size_t i = 4; i <= 8; i += 4)
		if (nl_rec_u32(rec, b->at + i))
			need += nl_rec_u32(rec, b->at + i) - 1;
	n = nl_rec_u32(rec, b->at + 12);
	if (b->len < need + (uint64_t)n * NL_USE_SIZE || nl_rec_u32(rec, b->at) > INT32_MAX)
		return damaged(b->at, "the lengths of a thread do not fit its record", err);
	if (!uses_size(rec, b->at + NL_THREAD_HEAD, n, &uses))
		return damaged(b->at, "what a thread holds is no descriptor", err);
	if (b->len != need + uses)
		return damaged(b->at, "the lengths of a thread do not fit its record", err);
	at = add(&rec->threads, sizeof(*at));
	if (!at)
		return no_memory(err);
	*at = b->at;
	((struct nl_rec_process *)rec->processes.items)[rec->processes.n - 1].nthreads++;
	return 0;
}

static int add_name(struct nl_recording *rec, const struct body *b, struct nl_error *err)
{
	struct nl_rec_name *name;
	bool named = b->len > 20;

	if (b->len < 20 || nl_rec_u32(rec, b->at + 16) != named || (named && !is_text(rec, b, 20)))
		return damaged(b->at, "a name has no number and text", err);
	name = add(&rec->names, sizeof(*name));
	if (!name)
		return no_memory(err);
	*name = (struct nl_rec_name){ nl_rec_u32(rec, b->at), nl_rec_u32(rec, b->at + 4),
				      nl_rec_u64(rec, b->at + 8), named ? b->at + 20 : 0 };
	return 0;
}

static int add_fact(struct nl_recording *rec, const struct body *b, struct nl_error *err)
{
	size_t value = text_end(rec, b, 0), *at;

	if (value == 0 || !is_text(rec, b, value))
		return damaged(b->at, "a fact has no key and value", err);
	at = add(&rec->facts, sizeof(*at));
	if (!at)
		return no_memory(err);
	*at = b->at;
	return 0;
}

typedef int add_record(struct nl_recording *rec, const struct body *b, struct nl_error *err);
static add_record *const kinds[] = {
	[NL_REC_DUMP] = add_dump,     [NL_REC_DATA] = add_data, [NL_REC_AGAIN] = add_again,
	[NL_REC_TEXT] = add_text,     [NL_REC_END] = add_end,	[NL_REC_NETNS] = add_netns,
	[NL_REC_PIDS] = add_pids,     [NL_REC_PASS] = add_pass, [NL_REC_PROCESS] = add_process,
	[NL_REC_NAME] = add_name,     [NL_REC_FACT] = add_fact, [NL_REC_OBJECT] = add_object,
	[NL_REC_THREAD] = add_thread,
};

/* ---- the file --------------------------------------------------------------------- */

static int check_head(const struct nl_recording *rec, struct nl_error *err)
{
	if (rec->len < FILE_HEAD || memcmp(rec->bytes, NL_REC_MAGIC, sizeof(NL_REC_MAGIC) - 1) != 0)
		return damaged(0, "it does not begin with \"" NL_REC_MAGIC "\" and a version", err);
	if (nl_rec_u32(rec, 8) != NL_REC_VERSION)
		return nl_fail(err, EINVAL,
			       "the recording has version %u; this connsh reads version %d",
			       nl_rec_u32(rec, 8), NL_REC_VERSION);
	return 0;
}

/* Checks the record at offset: its bytes in *b. */
static int check_record(const struct nl_recording *rec, size_t offset, struct body *b,
			struct nl_error *err)
{
	size_t left = rec->len - offset, padded;
	uint32_t crc;

	if (left < RECORD_HEAD)
		return damaged(offset, "the head of a record is cut off", err);
	b->at = offset + RECORD_HEAD;
	b->len = nl_rec_u32(rec, offset + 4);
	padded = (b->len + 3) & ~(size_t)3;
	if (padded > left - RECORD_HEAD)
		return damaged(offset, "a record is longer than what is left", err);
	crc = nl_crc(nl_crc(0, rec->bytes + offset, 8), rec->bytes + b->at, padded);
	if (crc != nl_rec_u32(rec, offset + 8))
		return damaged(offset, "the check of a record does not fit its bytes", err);
	return 0;
}

/* The last record, at offset: nothing is missing before it, and nothing follows. */
static int check_last(const struct nl_recording *rec, size_t offset, const struct body *b,
		      uint64_t count, struct nl_error *err)
{
	if (b->len != 8 || nl_rec_u64(rec, b->at) != count)
		return damaged(offset, "records are missing before its last one", err);
	if (b->at + b->len != rec->len)
		return damaged(b->at + b->len, "it goes on behind its last record", err);
	return 0;
}

static int read_records(struct nl_recording *rec, struct nl_error *err)
{
	size_t offset = FILE_HEAD;

	if (check_head(rec, err) != 0)
		return -1;
	for (uint64_t count = 0; offset < rec->len; count++) {
		struct body b;
		uint32_t kind;

		if (check_record(rec, offset, &b, err) != 0)
			return -1;
		kind = nl_rec_u32(rec, offset);
		if (kind == NL_REC_LAST)
			return check_last(rec, offset, &b, count, err);
		if (kind >= sizeof(kinds) / sizeof(kinds[0]) || !kinds[kind])
			return damaged(offset, "a record of unknown kind", err);
		if (kinds[kind](rec, &b, err) != 0)
			return -1;
		offset = b.at + ((b.len + 3) & ~(size_t)3);
	}
	return damaged(offset, "it ends without its last record: something was cut off", err);
}

/* ---- making it fit to be asked ------------------------------------------------------ */

static bool has_end_mark(const struct nl_recording *rec, const struct nl_rec_data *data)
{
	const struct nlmsghdr *nlh;
	size_t pos = 0;
	bool bad;

	while ((nlh = nl_walk(rec->bytes + data->offset, data->len, &pos, &bad)) != NULL)
		if (nlh->nlmsg_type == NLMSG_DONE)
			return true;
	return false;
}

int nl_head_compare(const struct nl_head *a, const struct nl_head *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->netns != b->netns)
		return a->netns < b->netns ? -1 : 1;
	if (a->bus != b->bus)
		return a->bus < b->bus ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return a->key == b->key ? 0 : a->key < b->key ? -1 : 1;
}

static int by_head(const void *a, const void *b, void *arg)
{
	uint32_t na = *(const uint32_t *)a, nb = *(const uint32_t *)b;
	int order = nl_head_compare(&list_at(arg, na)->head, &list_at(arg, nb)->head);

	return order ? order : (na > nb) - (na < nb);
}

int nl_rec_name_compare(const void *a, const void *b)
{
	const struct nl_rec_name *na = a, *nb = b;

	if (na->what != nb->what)
		return na->what < nb->what ? -1 : 1;
	if (na->netns != nb->netns)
		return na->netns < nb->netns ? -1 : 1;
	return na->number == nb->number ? 0 : na->number < nb->number ? -1 : 1;
}

static int arrange(struct nl_recording *rec, struct nl_error *err)
{
	rec->order = malloc((rec->lists.n + 1) * sizeof(*rec->order));
	if (!rec->order)
		return no_memory(err);
	for (uint32_t i = 0; i < rec->lists.n; i++) {
		struct nl_rec_list *list = list_at(rec, i);

		rec->order[i] = i;
		list->whole = list->ended ? list->code == 0
					  : list->last != NL_NO_DATA &&
						    has_end_mark(rec, data_at(rec, list->last));
	}
	if (rec->lists.n)
		qsort_r(rec->order, rec->lists.n, sizeof(*rec->order), by_head, rec);
	if (rec->names.n)
		qsort(rec->names.items, rec->names.n, sizeof(struct nl_rec_name),
		      nl_rec_name_compare);
	return 0;
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

/* What this machine's eyes cannot read: numbers inside messages are the taker's own. */
static int check_order(const struct nl_recording *rec, struct nl_error *err)
{
	const char *order = nl_rec_fact(rec, "byte_order");

	if (!order || strcmp(order, NL_BYTE_ORDER) == 0)
		return 0;
	return nl_fail(err, EINVAL,
		       "the recording is of a %.10s-endian machine; this one is " NL_BYTE_ORDER
		       "-endian",
		       order);
}

/* Takes bytes, from malloc. */
static int load(unsigned char *bytes, size_t len, struct nl_error *err)
{
	struct nl_recording *rec = calloc(1, sizeof(*rec));

	if (!rec) {
		free(bytes);
		return no_memory(err);
	}
	rec->holders = 1;
	rec->pass = -1;
	rec->bytes = bytes;
	rec->len = len;
	if (read_records(rec, err) != 0 || check_order(rec, err) != 0 || arrange(rec, err) != 0) {
		nl_replay_drop(rec);
		return -1;
	}
	install(rec);
	return 0;
}

int nl_replay_memory(const void *bytes, size_t len, struct nl_error *err)
{
	unsigned char *copy = malloc(len ? len : 1);

	if (!copy)
		return no_memory(err);
	if (len > 0)
		memcpy(copy, bytes, len);
	return load(copy, len, err);
}

/* Is it worth reading on? A device or a pipe that gives something else may never end. */
static bool may_be_one(const unsigned char *bytes, size_t len)
{
	size_t n = sizeof(NL_REC_MAGIC) - 1;

	return memcmp(bytes, NL_REC_MAGIC, len < n ? len : n) == 0;
}

/* The whole of fd, or of what is no recording its beginning; NULL and errno. */
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
		if (got > 0) {
			*len += (size_t)got;
			if (!may_be_one(bytes, *len))
				return bytes;
		} else if (errno != EINTR || nl_cancel)
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
