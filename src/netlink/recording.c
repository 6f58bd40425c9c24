/*
 * Writing a recording: every dump's datagrams, as they came, into one file.
 * Several dumps may be open, in several threads. A failed write is remembered
 * and told at the end: a dump must not fail for its recording.
 */
#include "internal.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* All under lock. */
static struct {
	FILE *file;	     /* NULL: not recording */
	int failure;	     /* errno of the first write that failed */
	unsigned generation; /* of file, from 1 */
	uint32_t dumps;	     /* begun so far */
	uint32_t current;    /* the dump that a datagram would belong to */
} rec;

static void put(const void *data, size_t len)
{
	if (rec.failure == 0 && len > 0 && fwrite(data, 1, len, rec.file) != len)
		rec.failure = errno ? errno : EIO;
}

static void put_u32(uint32_t value)
{
	value = htole32(value);
	put(&value, sizeof(value));
}

static void put_record(uint32_t kind, const void *data, size_t len)
{
	static const char zeros[4];

	put_u32(kind);
	put_u32((uint32_t)len);
	put(data, len);
	put(zeros, -len % 4);
}

struct nl_mark nl_record_dump(const struct nl_request *req)
{
	struct nl_mark mark = { 0, 0 };

	pthread_mutex_lock(&lock);
	if (rec.file) {
		const uint32_t body[] = { htole32((uint32_t)req->bus), htole32(req->type),
					  htole32(req->key) };

		mark.generation = rec.generation;
		mark.number = rec.current = rec.dumps++;
		put_record(NL_REC_DUMP, body, sizeof(body));
	}
	pthread_mutex_unlock(&lock);
	return mark;
}

void nl_record_datagram(const struct nl_mark *mark, const void *data, size_t len)
{
	if (mark->generation == 0)
		return;
	pthread_mutex_lock(&lock);
	if (rec.file && rec.generation == mark->generation) {
		if (rec.current != mark->number) {
			const uint32_t number = htole32(mark->number);

			put_record(NL_REC_AGAIN, &number, sizeof(number));
			rec.current = mark->number;
		}
		put_record(NL_REC_DATAGRAM, data, len);
	}
	pthread_mutex_unlock(&lock);
}

/* Sockets of all users are in it: readable by its owner only, even if it existed. */
static FILE *create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
	struct stat st;
	FILE *file;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && fchmod(fd, 0600) != 0) {
		close(fd);
		return NULL;
	}
	file = fdopen(fd, "w");
	if (!file)
		close(fd);
	return file;
}

int nl_record_start(const char *path, struct nl_error *err)
{
	FILE *file = create(path);
	int reason = errno;

	if (!file)
		return nl_fail_sys(err, reason, "cannot record to '%.120s'", path);
	pthread_mutex_lock(&lock);
	if (rec.file) {
		pthread_mutex_unlock(&lock);
		fclose(file);
		return nl_fail(err, EBUSY, "cannot record to '%.120s': a recording is under way",
			       path);
	}
	rec.file = file;
	rec.failure = 0;
	rec.generation++;
	rec.dumps = 0;
	rec.current = 0;
	put(NL_REC_MAGIC, sizeof(NL_REC_MAGIC) - 1);
	put_u32(NL_REC_VERSION);
	pthread_mutex_unlock(&lock);
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

int nl_record_stop(struct nl_error *err)
{
	int failure;

	pthread_mutex_lock(&lock);
	if (!rec.file) {
		pthread_mutex_unlock(&lock);
		return 0;
	}
	failure = rec.failure;
	if (fclose(rec.file) != 0 && failure == 0)
		failure = errno;
	rec.file = NULL;
	pthread_mutex_unlock(&lock);
	if (failure)
		return nl_fail_sys(err, failure, "the recording is not whole: writing it failed");
	return 0;
}
