/*
 * Owns reading files of /proc line by line. Files of a network namespace are
 * opened by a thread that is in it; once open they stay its own. Texts go through a
 * recording both ways. Knows no particular file.
 */
#include "private.h"

#include "connsh/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What seq_file fills at once; lines may be longer. */
#define FILL 65536

struct proc_file {
	int fd;		      /* -1: it comes from a recording */
	struct nl_list *list; /* then */
	struct nl_mark mark;
	bool ended, cut;
	bool plain;		    /* no file of /proc: it goes through no recording */
	const unsigned char *piece; /* of the recording, what is left of it */
	size_t left;
	size_t at, len, size; /* of buf: what is read lies in [at, len) */
	char *buf;
	char path[]; /* for messages */
};

/* Below /proc/thread-self the files are those of the thread's namespace. */
static int open_path(int netns_fd, const char *path)
{
	char full[256];

	if ((size_t)snprintf(full, sizeof(full), "/proc/%s%s",
			     strncmp(path, "net/", 4) == 0 ? "thread-self/" : "",
			     path) >= sizeof(full)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return nl_open_in(netns_fd, full);
}

static const char *prefix(const struct proc_file *f)
{
	return f->plain ? "" : "/proc/";
}

/* Begins to read, from the loaded recording or from /proc. */
static int begin(struct proc_file *f, int netns_fd, struct nl_error *err)
{
	struct nl_error why;
	int code;

	if (nl_replay_loaded()) {
		f->list = nl_list_text(f->path, netns_fd, err);
		return f->list ? 0 : -1;
	}
	f->fd = open_path(netns_fd, f->path);
	code = errno;
	f->mark = nl_record_text(f->path, netns_fd);
	if (f->fd >= 0)
		return 0;
	nl_fail(&why, code, "/proc/%.100s cannot be read: %s", f->path, strerror(code));
	nl_record_end(&f->mark, code, why.text);
	if (err)
		*err = why;
	return -1;
}

static struct proc_file *new_file(const char *path)
{
	struct proc_file *f = malloc(sizeof(*f) + strlen(path) + 1);

	if (!f)
		return NULL;
	*f = (struct proc_file){ .fd = -1 };
	strcpy(f->path, path);
	return f;
}

int proc_open_file(struct proc_file **out, const char *path, struct nl_error *err)
{
	struct proc_file *f = new_file(path);

	if (!f)
		return procfs_no_memory(err);
	f->plain = true;
	/* a fifo waits here for who writes into it */
	do {
		if (nl_cancel) {
			free(f);
			return nl_fail(err, ECANCELED, "interrupted");
		}
		f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	} while (f->fd < 0 && errno == EINTR);
	if (f->fd < 0) {
		int code = errno;

		free(f);
		return nl_fail(err, code, "%.150s cannot be read: %s", path, strerror(code));
	}
	*out = f;
	return 0;
}

int proc_open(struct proc_file **out, int netns_fd, const char *path, struct nl_error *err)
{
	struct proc_file *f = new_file(path);

	if (!f)
		return procfs_no_memory(err);
	if (begin(f, netns_fd, err) < 0) {
		free(f);
		return -1;
	}
	*out = f;
	return 0;
}

static bool make_room(struct proc_file *f)
{
	size_t size = f->size ? f->size * 2 : 2 * FILL;
	char *buf;

	if (f->at)
		memmove(f->buf, f->buf + f->at, f->len - f->at);
	f->len -= f->at;
	f->at = 0;
	if (f->size > f->len + FILL)
		return true;
	buf = realloc(f->buf, size);
	if (!buf)
		return false;
	f->buf = buf;
	f->size = size;
	return true;
}

/* As read(2) does it; -1 and *err. */
static ssize_t read_recorded(struct proc_file *f, char *buf, size_t size, struct nl_error *err)
{
	size_t offset;
	int rc = 1;

	while (f->left == 0 && rc > 0)
		rc = nl_list_next(f->list, &f->piece, &f->left, &offset, err);
	if (rc < 0)
		return -1;
	if (rc == 0 && !nl_list_ended(f->list))
		return nl_fail(err, EPROTO,
			       "the recorded text of /proc/%.100s ended before its end", f->path);
	if (rc == 0)
		return 0;
	if (size > f->left)
		size = f->left;
	memcpy(buf, f->piece, size);
	f->piece += size;
	f->left -= size;
	return (ssize_t)size;
}

static ssize_t read_live(struct proc_file *f, char *buf, size_t size, struct nl_error *err)
{
	struct nl_error why;
	ssize_t n;
	int code;

	do {
		if (nl_cancel)
			return nl_fail(err, ECANCELED, "interrupted");
		n = read(f->fd, buf, size);
	} while (n < 0 && errno == EINTR);
	code = errno;
	if (n > 0) {
		nl_record_data(&f->mark, buf, (size_t)n);
		return n;
	}
	if (n == 0) {
		nl_record_end(&f->mark, 0, NULL);
		return 0;
	}
	nl_fail(&why, code, "%s%.150s cannot be read: %s", prefix(f), f->path, strerror(code));
	nl_record_end(&f->mark, code, why.text);
	if (err)
		*err = why;
	return -1;
}

/* 1: there is more; 0: the end; -1. */
static int fill(struct proc_file *f, struct nl_error *err)
{
	char *to;
	size_t size;
	ssize_t n;

	if (f->ended)
		return 0;
	if (!make_room(f))
		return procfs_no_memory(err);
	to = f->buf + f->len;
	size = f->size - f->len - 1;
	n = f->list ? read_recorded(f, to, size, err) : read_live(f, to, size, err);
	if (n < 0)
		return -1;
	f->len += (size_t)n;
	f->ended = n == 0;
	return n > 0;
}

int proc_line(struct proc_file *f, const char **line, size_t *len, struct nl_error *err)
{
	size_t looked = f->at;

	for (;;) {
		char *end = f->len > looked ? memchr(f->buf + looked, '\n', f->len - looked) : NULL;
		size_t behind = f->len - f->at;
		int rc;

		if (end) {
			*line = f->buf + f->at;
			*len = (size_t)(end - *line);
			*end = '\0';
			f->at += *len + 1;
			return 1;
		}
		if (behind > PROC_LINE_MAX)
			return nl_fail(err, EMSGSIZE, "%s%.150s has a line of more than %d bytes",
				       prefix(f), f->path, PROC_LINE_MAX);
		rc = fill(f, err);
		looked = f->at + behind;
		if (rc > 0)
			continue;
		if (rc < 0 || f->len == f->at)
			return rc;
		/* the last line lacks its newline */
		*line = f->buf + f->at;
		*len = f->len - f->at;
		f->buf[f->len] = '\0';
		f->at = f->len;
		f->cut = true;
		return 1;
	}
}

bool proc_line_cut(const struct proc_file *f)
{
	return f->cut;
}

void proc_close(struct proc_file *f)
{
	if (!f)
		return;
	if (f->fd >= 0)
		close(f->fd);
	nl_list_close(f->list);
	free(f->buf);
	free(f);
}

char *proc_text(int netns_fd, const char *path, size_t *len, struct nl_error *err)
{
	struct proc_file *f = NULL;
	char *text;
	int rc;

	if (proc_open(&f, netns_fd, path, err) < 0)
		return NULL;
	/* /proc/kcore is as long as all memory that there could be */
	for (rc = 1; rc > 0;) {
		rc = fill(f, err);
		if (rc > 0 && f->len > PROC_TEXT_MAX)
			rc = nl_fail(err, EFBIG, "/proc/%.100s has more than %d bytes", f->path,
				     PROC_TEXT_MAX);
	}
	if (rc < 0) {
		proc_close(f);
		return NULL;
	}
	*len = f->len;
	text = f->buf;
	text[f->len] = '\0';
	f->buf = NULL;
	proc_close(f);
	return text;
}

size_t word_next(const char **p, const char *end, const char **word)
{
	while (*p < end && (**p == ' ' || **p == '\t'))
		++*p;
	*word = *p;
	while (*p < end && **p != ' ' && **p != '\t')
		++*p;
	return (size_t)(*p - *word);
}

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 10 : 99;
}

bool word_number(const char *word, size_t len, unsigned base, uint64_t *n)
{
	uint64_t sum = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = digit_of(word[i]);

		if (digit >= base || __builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, digit, &sum))
			return false;
	}
	*n = sum;
	return true;
}
