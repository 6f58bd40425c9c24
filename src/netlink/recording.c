/*
 * Writing a recording: what was answered, as it came, into one file, several lists
 * at a time, from several threads. A failed write is remembered and told at the
 * end. The file is written aside, so that its name never stands for half of one.
 */
#include "internal.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct place {
	dev_t dev;
	ino_t ino;
};

/* All under lock. */
static struct {
	FILE *file;	     /* NULL: not recording */
	char *path;	     /* what it shall be called */
	char *aside;	     /* what it is called now; NULL: path, which is no plain file */
	int failure;	     /* errno of the first write that failed */
	unsigned generation; /* of file, from 1 */
	uint32_t lists;	     /* begun so far */
	uint32_t current;    /* the list that data would belong to */
	uint64_t records, bytes;
	unsigned nested;       /* see nl_record_aside */
	struct nl_head *dumps; /* that were begun, each once */
	size_t ndumps;
	struct place *places; /* namespaces by their numbers */
	uint32_t nplaces;
} rec;

/* ---- records --------------------------------------------------------------------- */

static void put(const void *data, size_t len)
{
	rec.bytes += len;
	if (rec.failure == 0 && len > 0 && fwrite(data, 1, len, rec.file) != len)
		rec.failure = errno ? errno : EIO;
}

/* A piece of a record's bytes. */
struct piece {
	const void *data;
	size_t len;
};

static void put_record(enum nl_rec_kind kind, const struct piece *pieces, size_t n)
{
	static const char zeros[4];
	uint32_t head[3] = { htole32(kind) }, crc;
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += pieces[i].len;
	if (len > UINT32_MAX - 4) {
		rec.failure = rec.failure ? rec.failure : EFBIG;
		return;
	}
	head[1] = htole32((uint32_t)len);
	crc = nl_crc(0, head, 8);
	for (size_t i = 0; i < n; i++)
		crc = nl_crc(crc, pieces[i].data, pieces[i].len);
	head[2] = htole32(nl_crc(crc, zeros, -len % 4));
	put(head, sizeof(head));
	for (size_t i = 0; i < n; i++)
		put(pieces[i].data, pieces[i].len);
	put(zeros, -len % 4);
	rec.records++;
}

/* A head of numbers, then a text or bytes. */
static void put_numbers(enum nl_rec_kind kind, uint32_t *numbers, size_t n, const void *data,
			size_t len)
{
	const struct piece pieces[] = { { numbers, n * sizeof(*numbers) }, { data, len } };

	for (size_t i = 0; i < n; i++)
		numbers[i] = htole32(numbers[i]);
	put_record(kind, pieces, 2);
}

static bool begin(void)
{
	pthread_mutex_lock(&lock);
	if (rec.file)
		return true;
	pthread_mutex_unlock(&lock);
	return false;
}

static void end(void)
{
	pthread_mutex_unlock(&lock);
}

/* ---- namespaces ------------------------------------------------------------------ */

static void put_netns(uint32_t number, const char *name)
{
	uint64_t inode = rec.places[number].ino;
	uint32_t head[] = { number, (uint32_t)inode, (uint32_t)(inode >> 32) };

	put_numbers(NL_REC_NETNS, head, 3, name, strlen(name) + 1);
}

static uint32_t new_place(dev_t dev, uint64_t inode)
{
	struct place *bigger = NULL;

	if (rec.nplaces < NL_MOST_NETNS)
		bigger = reallocarray(rec.places, rec.nplaces + 1, sizeof(*bigger));
	if (!bigger) {
		rec.failure = rec.failure ? rec.failure : ENOMEM;
		return 0;
	}
	rec.places = bigger;
	bigger[rec.nplaces] = (struct place){ dev, inode };
	put_netns(rec.nplaces, "");
	return rec.nplaces++;
}

/* The number of a namespace, which is written down when it is new. */
static uint32_t number_of(int netns_fd)
{
	struct stat st;

	if (netns_fd < 0 || fstat(netns_fd, &st) != 0)
		return 0;
	for (uint32_t i = 0; i < rec.nplaces; i++)
		if (rec.places[i].ino == st.st_ino && rec.places[i].dev == st.st_dev)
			return i;
	return new_place(st.st_dev, st.st_ino);
}

uint32_t nl_record_netns(int netns_fd, uint64_t inode)
{
	uint32_t number = 0;

	if (!begin())
		return UINT32_MAX;
	if (netns_fd >= 0)
		number = number_of(netns_fd);
	else if (rec.nplaces && inode != rec.places[0].ino)
		number = new_place(0, inode);
	end();
	return number;
}

void nl_record_netns_name(uint32_t number, const char *name)
{
	if (number == UINT32_MAX || !begin())
		return;
	put_netns(number, name);
	end();
}

void nl_record_netns_pids(uint32_t number, const uint32_t *pids, size_t n)
{
	uint32_t *body = malloc((n + 1) * sizeof(*body));

	if (number != UINT32_MAX && begin()) {
		if (body) {
			body[0] = number;
			memcpy(body + 1, pids, n * sizeof(*pids));
			put_numbers(NL_REC_PIDS, body, n + 1, NULL, 0);
		} else {
			rec.failure = rec.failure ? rec.failure : ENOMEM;
		}
		end();
	}
	free(body);
}

/* ---- lists ------------------------------------------------------------------------ */

/* The list whose head is written next. */
static struct nl_mark new_list(void)
{
	rec.current = rec.lists;
	return (struct nl_mark){ rec.generation, rec.lists++ };
}

static const struct nl_mark no_mark;

/* Notes the head of a dump; false: it is known already. */
static bool is_new(const struct nl_head *head)
{
	struct nl_head *bigger;

	for (size_t i = 0; i < rec.ndumps; i++)
		if (nl_head_compare(&rec.dumps[i], head) == 0)
			return false;
	bigger = reallocarray(rec.dumps, rec.ndumps + 1, sizeof(*bigger));
	if (!bigger) {
		rec.failure = rec.failure ? rec.failure : ENOMEM;
		return true;
	}
	rec.dumps = bigger;
	bigger[rec.ndumps++] = *head;
	return true;
}

void nl_record_aside(bool on)
{
	if (!begin())
		return;
	if (on)
		rec.nested++;
	else if (rec.nested)
		rec.nested--;
	end();
}

struct nl_mark nl_record_dump(const struct nl_request *req, int netns_fd)
{
	struct nl_mark mark = no_mark;

	if (!begin())
		return mark;
	const struct nl_head head = { NL_REC_DUMP, number_of(netns_fd), (uint32_t)req->bus,
				      req->type, req->key };
	uint32_t numbers[] = { head.netns, head.bus, head.type, req->key };
	if (is_new(&head) || !rec.nested) {
		mark = new_list();
		put_numbers(NL_REC_DUMP, numbers, 4, NULL, 0);
	}
	end();
	return mark;
}

struct nl_mark nl_record_object(const struct nl_request *req, int netns_fd)
{
	struct nl_mark mark = no_mark;
	uint64_t hash = nl_hash(req->payload, req->len);

	if (!begin())
		return mark;
	uint32_t head[] = { number_of(netns_fd), (uint32_t)req->bus, req->type, (uint32_t)hash,
			    (uint32_t)(hash >> 32) };
	mark = new_list();
	put_numbers(NL_REC_OBJECT, head, 5, NULL, 0);
	end();
	return mark;
}

struct nl_mark nl_record_text(const char *path, int netns_fd)
{
	struct nl_mark mark = no_mark;

	if (!begin())
		return mark;
	uint32_t head[] = { number_of(netns_fd) };
	mark = new_list();
	put_numbers(NL_REC_TEXT, head, 1, path, strlen(path) + 1);
	end();
	return mark;
}

/* Is the list of this recording? Makes it the current one. */
static bool go_to(const struct nl_mark *mark)
{
	uint32_t number = mark->number;

	if (mark->generation == 0 || !begin())
		return false;
	if (rec.generation != mark->generation) {
		end();
		return false;
	}
	if (rec.current != number)
		put_numbers(NL_REC_AGAIN, &number, 1, NULL, 0);
	rec.current = mark->number;
	return true;
}

void nl_record_data(const struct nl_mark *mark, const void *data, size_t len)
{
	const struct piece piece = { data, len };

	if (!go_to(mark))
		return;
	put_record(NL_REC_DATA, &piece, 1);
	end();
}

void nl_record_end(const struct nl_mark *mark, int code, const char *why)
{
	uint32_t head[] = { (uint32_t)code };

	if (!go_to(mark))
		return;
	put_numbers(NL_REC_END, head, 1, why ? why : "", why ? strlen(why) + 1 : 1);
	end();
}

/* ---- processes, names, facts ------------------------------------------------------- */

void nl_record_pass(unsigned flags)
{
	uint32_t head[] = { flags };

	if (!begin())
		return;
	put_numbers(NL_REC_PASS, head, 1, NULL, 0);
	end();
}

static uint32_t length(const void *text, size_t len)
{
	return text ? (uint32_t)len + 1 : 0;
}

void nl_record_process(const struct nl_process *p, const uint32_t *inodes)
{
	const uint32_t head[] = {
		htole32(p->pid),
		htole32(p->denied),
		htole32((uint32_t)p->comm_len),
		htole32(length(p->exe, p->exe_len)),
		htole32(length(p->cgroup, p->cgroup_len)),
		htole32((uint32_t)p->ninodes),
	};
	uint32_t *list = malloc((p->ninodes + 1) * sizeof(*list));
	const struct piece pieces[] = {
		{ head, sizeof(head) },
		{ list, p->ninodes * sizeof(*list) },
		{ p->comm, p->comm_len },
		{ p->exe, p->exe ? p->exe_len : 0 },
		{ p->cgroup, p->cgroup ? p->cgroup_len : 0 },
	};

	for (size_t i = 0; list && i < p->ninodes; i++)
		list[i] = htole32(inodes[i]);
	if (begin()) {
		if (list)
			put_record(NL_REC_PROCESS, pieces, 5);
		else
			rec.failure = rec.failure ? rec.failure : ENOMEM;
		end();
	}
	free(list);
}

/* The descriptors of a thread as they lie in a record, and behind them their contexts. */
static unsigned char *uses_bytes(const struct nl_thread *t, const struct nl_use *uses, size_t *size)
{
	unsigned char *bytes;
	char *text;

	*size = t->n * NL_USE_SIZE;
	for (size_t i = 0; i < t->n; i++)
		*size += uses[i].context ? uses[i].context_len : 0;
	bytes = malloc(*size + 1);
	text = bytes ? (char *)bytes + t->n * NL_USE_SIZE : NULL;
	for (size_t i = 0; bytes && i < t->n; i++) {
		const uint32_t head[] = {
			htole32(uses[i].inode),
			htole32(uses[i].fd),
			htole32(length(uses[i].context, uses[i].context_len)),
		};

		memcpy(bytes + i * NL_USE_SIZE, head, sizeof(head));
		if (uses[i].context) {
			memcpy(text, uses[i].context, uses[i].context_len);
			text += uses[i].context_len;
		}
	}
	return bytes;
}

void nl_record_thread(const struct nl_thread *t, const struct nl_use *uses)
{
	const uint32_t head[] = {
		htole32(t->tid),
		htole32(length(t->comm, t->comm_len)),
		htole32(length(t->context, t->context_len)),
		htole32((uint32_t)t->n),
	};
	size_t size, fixed = t->n * NL_USE_SIZE;
	unsigned char *bytes = uses_bytes(t, uses, &size);
	const struct piece pieces[] = {
		{ head, sizeof(head) },
		{ bytes, fixed },
		{ t->comm, t->comm ? t->comm_len : 0 },
		{ t->context, t->context ? t->context_len : 0 },
		{ bytes ? bytes + fixed : NULL, size - fixed },
	};

	if (begin()) {
		if (bytes)
			put_record(NL_REC_THREAD, pieces, 5);
		else
			rec.failure = rec.failure ? rec.failure : ENOMEM;
		end();
	}
	free(bytes);
}

void nl_record_name(enum nl_name what, int netns_fd, uint64_t number, const char *name)
{
	if (!begin())
		return;
	uint32_t head[] = { number_of(netns_fd), what, (uint32_t)number, (uint32_t)(number >> 32),
			    name != NULL };
	put_numbers(NL_REC_NAME, head, 5, name, name ? strlen(name) + 1 : 0);
	end();
}

void nl_record_fact(const char *key, const char *value)
{
	const struct piece pieces[] = { { key, strlen(key) + 1 }, { value, strlen(value) + 1 } };

	if (!begin())
		return;
	put_record(NL_REC_FACT, pieces, 2);
	end();
}

uint64_t nl_record_size(void)
{
	uint64_t n;

	pthread_mutex_lock(&lock);
	n = rec.bytes;
	pthread_mutex_unlock(&lock);
	return n;
}

/* ---- the file ---------------------------------------------------------------------- */

/* What a link leads to, so that the file gets its name and the link stays; NULL and errno. */
static char *behind_links(const char *path)
{
	char *real = realpath(path, NULL);
	struct stat st;

	if (real || errno != ENOENT)
		return real;
	/* a new file; not a link to nowhere, as below /proc/self/fd when the file was deleted */
	if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode))
		return strdup(path);
	errno = ENOENT;
	return NULL;
}

/* Sockets of all users are in it: readable by its owner only. -1 and errno. */
static int create(const char *path, char **aside)
{
	struct stat st;
	int fd;

	*aside = NULL;
	/* what is no plain file is no place to put one */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (asprintf(aside, "%s.XXXXXX", path) < 0) {
		*aside = NULL;
		errno = ENOMEM;
		return -1;
	}
	fd = mkostemp(*aside, O_CLOEXEC);
	if (fd < 0) {
		free(*aside);
		*aside = NULL;
	}
	return fd;
}

/* Takes over what it is given. */
static void start(FILE *file, char *path, char *aside)
{
	const uint32_t version = htole32(NL_REC_VERSION);
	struct stat st;

	rec.file = file;
	rec.path = path;
	rec.aside = aside;
	rec.failure = 0;
	rec.generation++;
	rec.lists = rec.current = 0;
	rec.records = rec.bytes = 0;
	put(NL_REC_MAGIC, sizeof(NL_REC_MAGIC) - 1);
	put(&version, sizeof(version));
	rec.nested = 0;
	rec.dumps = NULL;
	rec.ndumps = 0;
	rec.places = NULL;
	rec.nplaces = 0;
	if (stat("/proc/thread-self/ns/net", &st) == 0)
		new_place(st.st_dev, st.st_ino);
	else
		new_place(0, 0);
}

int nl_record_start(const char *path, struct nl_error *err)
{
	char *aside, *name = behind_links(path);
	int fd = name ? create(path, &aside) : -1, reason = errno;
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (!file) {
		if (fd >= 0)
			close(fd);
		free(name);
		return nl_fail_sys(err, reason, "cannot record to '%.120s'", path);
	}
	pthread_mutex_lock(&lock);
	if (rec.file) {
		pthread_mutex_unlock(&lock);
		fclose(file);
		if (aside)
			unlink(aside);
		free(aside);
		free(name);
		return nl_fail(err, EBUSY, "cannot record to '%.120s': a recording is under way",
			       path);
	}
	start(file, name, aside);
	pthread_mutex_unlock(&lock);
	nl_record_facts();
	return 0;
}

bool nl_recording(void)
{
	bool on;

	pthread_mutex_lock(&lock);
	on = rec.file != NULL;
	pthread_mutex_unlock(&lock);
	return on;
}

/* Closes the file, under lock; the errno of what failed. */
static int finish(bool keep)
{
	int failure;

	if (keep) {
		uint32_t count[] = { (uint32_t)rec.records, (uint32_t)(rec.records >> 32) };

		put_numbers(NL_REC_LAST, count, 2, NULL, 0);
	}
	failure = rec.failure;
	if (fclose(rec.file) != 0 && failure == 0)
		failure = errno;
	if (rec.aside && keep && failure == 0 && rename(rec.aside, rec.path) != 0)
		failure = errno;
	if (rec.aside && (!keep || failure))
		unlink(rec.aside);
	free(rec.aside);
	free(rec.path);
	free(rec.places);
	free(rec.dumps);
	rec.file = NULL;
	rec.aside = rec.path = NULL;
	rec.places = NULL;
	rec.dumps = NULL;
	return failure;
}

int nl_record_stop(struct nl_error *err)
{
	int failure = 0;

	if (begin()) {
		failure = finish(true);
		end();
	}
	if (failure)
		return nl_fail_sys(err, failure, "the recording is not whole: writing it failed");
	return 0;
}

void nl_record_abandon(void)
{
	if (!begin())
		return;
	finish(false);
	end();
}
