/*
 * Owns the history and its file: entries of one or several lines, each below a
 * line "#" and the time in seconds, as readline's library writes them. Read
 * and written here, since the library follows links and opens by name.
 */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <readline/history.h>

enum {
	ENTRIES = 10000,
	SLACK = 1000,	       /* so many more before the file is shortened */
	FILE_MAX = 8 << 20,    /* bytes read, from the end */
	ENTRY_MAX = 256 << 10, /* bytes of an entry that is kept */
};

static int folder = -1; /* of the file; below 0: nothing is kept */

static void give_up(const char *what)
{
	fprintf(stderr, "connsh: the history is not kept: %s: %m\n", what);
	if (folder >= 0)
		close(folder);
	folder = -1;
}

/* Makes the folders of a path that are missing, for the user alone. */
static void make_folders(char *path)
{
	for (char *at = path + 1; *at != '\0'; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		mkdir(path, 0700);
		*at = '/';
	}
	mkdir(path, 0700);
}

/* $XDG_STATE_HOME/connsh; the specification wants a relative path passed over. */
static bool folder_path(char *path, size_t size)
{
	const char *home = repl_home();
	const char *state = getenv("XDG_STATE_HOME");
	int n;

	if (!home)
		return false;
	if (state && state[0] == '/')
		n = snprintf(path, size, "%s/connsh", state);
	else
		n = snprintf(path, size, "%s/.local/state/connsh", home);
	return n > 0 && (size_t)n < size;
}

/* Owned by us and not for others to write; errno says why not. */
static bool ours(int fd, mode_t type)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	if ((st.st_mode & S_IFMT) == type && st.st_uid == geteuid() && (st.st_mode & 022) == 0)
		return true;
	errno = EPERM;
	return false;
}

static int open_file(int flags)
{
	int fd = openat(folder, "history", flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);

	if (fd < 0)
		return -1;
	if (ours(fd, S_IFREG) && fchmod(fd, 0600) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		const ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return true;
}

/* The file's end, at most FILE_MAX bytes, with a NUL; NULL: none, or errno. */
static char *read_end(int fd, size_t *len)
{
	const off_t size = lseek(fd, 0, SEEK_END);
	const off_t from = size > FILE_MAX ? size - FILE_MAX : 0;
	char *text = malloc(FILE_MAX + 1);

	*len = 0;
	if (!text || size < 0) {
		free(text);
		return NULL;
	}
	while (*len < FILE_MAX) {
		const ssize_t n = pread(fd, text + *len, FILE_MAX - *len, from + (off_t)*len);

		if (n <= 0)
			break;
		*len += (size_t)n;
	}
	text[*len] = '\0';
	return text;
}

/* "#" and digits alone on a line: what stands above each entry. */
static bool is_stamp(const char *line)
{
	size_t n = 0;

	if (line[0] != '#')
		return false;
	n = strspn(line + 1, "0123456789");
	return n > 0 && (line[1 + n] == '\n' || line[1 + n] == '\0');
}

/* The next stamp at a line's start, from at on; the end of the text if there is none. */
static char *next_stamp(char *at, char *end)
{
	while (at < end && !is_stamp(at)) {
		char *newline = memchr(at, '\n', (size_t)(end - at));

		at = newline ? newline + 1 : end;
	}
	return at;
}

/* The line behind a stamp, or the end. */
static char *behind(char *stamp, char *end)
{
	char *newline = memchr(stamp, '\n', (size_t)(end - stamp));

	return newline ? newline + 1 : end;
}

static size_t count_entries(char *text, char *end)
{
	size_t n = 0;

	for (char *at = next_stamp(text, end); at < end; at = next_stamp(behind(at, end), end))
		n++;
	return n;
}

/* Adds the entries to the session; from the stamp at on. */
static void add_entries(char *at, char *end)
{
	while (at < end) {
		char *stamp = at;
		char *entry = behind(at, end);
		char *last;

		at = next_stamp(entry, end);
		last = at > entry && at[-1] == '\n' ? at - 1 : at;
		if (last > entry && !memchr(entry, '\0', (size_t)(last - entry))) {
			const char kept = *last;

			*last = '\0';
			add_history(entry);
			*last = kept;
			entry[-1] = '\0';
			add_history_time(stamp);
			entry[-1] = '\n';
		}
	}
}

/* Writes the file anew with what is left; its name changes hands only when it is whole. */
static void shorten(const char *text, size_t len)
{
	char name[64];
	int fd;
	bool ok;

	snprintf(name, sizeof(name), "history.%ld", (long)getpid());
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	ok = write_all(fd, text, len);
	ok = close(fd) == 0 && ok;
	if (!ok || renameat(folder, name, folder, "history") != 0)
		unlinkat(folder, name, 0);
}

static void load(char *text, size_t len)
{
	char *end = text + len;
	const size_t n = count_entries(text, end);
	char *at = next_stamp(text, end);

	for (size_t i = ENTRIES; i < n; i++)
		at = next_stamp(behind(at, end), end);
	if (n > ENTRIES + SLACK || len == FILE_MAX)
		shorten(at, (size_t)(end - at));
	add_entries(at, end);
}

void repl_history_open(void)
{
	char path[PATH_MAX];
	char *text = NULL;
	size_t len;
	int fd;

	using_history();
	stifle_history(ENTRIES);
	if (!folder_path(path, sizeof(path)))
		return;
	make_folders(path);
	folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	fd = folder >= 0 && ours(folder, S_IFDIR) ? open_file(O_RDWR | O_CREAT) : -1;
	if (fd >= 0)
		text = read_end(fd, &len);
	if (!text)
		give_up(path);
	else
		load(text, len);
	free(text);
	if (fd >= 0)
		close(fd);
}

static bool repeats(const char *text)
{
	const HIST_ENTRY *last = history_get(history_base + history_length - 1);

	return last && strcmp(last->line, text) == 0;
}

/*
 * As it goes to the file. A line inside that looks like a stamp gets a blank
 * in front: that changes only what a long string holds, and keeps the entry.
 */
static char *file_form(const char *text, size_t *len)
{
	char *out = NULL;
	FILE *f = open_memstream(&out, len);

	if (!f)
		return NULL;
	fprintf(f, "#%lld\n", (long long)time(NULL));
	while (*text != '\0') {
		const size_t n = strcspn(text, "\n");

		fprintf(f, "%s%.*s\n", is_stamp(text) ? " " : "", (int)n, text);
		text += n + (text[n] == '\n');
	}
	if (fclose(f) == 0)
		return out;
	free(out);
	return NULL;
}

static void append(const char *text)
{
	size_t len;
	char *form = file_form(text, &len);
	int fd = form ? open_file(O_WRONLY | O_APPEND | O_CREAT) : -1;

	/* One write, so that entries of two sessions do not mix. */
	if (fd < 0 || !write_all(fd, form, len))
		give_up("history");
	if (fd >= 0)
		close(fd);
	free(form);
}

void repl_history_add(const char *text, size_t len)
{
	char *entry;

	while (len > 0 && text[len - 1] == '\n')
		len--;
	if (len == 0 || len > ENTRY_MAX || text[0] == ' ' || text[0] == '\t' ||
	    memchr(text, '\0', len))
		return;
	entry = strndup(text, len);
	if (!entry)
		return;
	if (!repeats(entry)) {
		add_history(entry);
		if (folder >= 0)
			append(entry);
	}
	free(entry);
}
