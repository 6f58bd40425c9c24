/*
 * Owns reading a table of /proc/net as rows of `sockets`: one line, one message.
 * What a line means is known to the kind that it is of.
 */
#include "sockets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct lines {
	struct reader reader;
	struct proc_file *file;
	line_message *line;
	const char *path, *prefix;
	bool of_text;	 /* that the query names */
	struct env *env; /* the scan's */
	struct message m;
};

/* A row that is left out must not be missed in silence. */
static void left_out(const struct lines *l)
{
	char text[120];

	snprintf(text, sizeof(text), "a line of %s%s makes no sense: sockets may be missing",
		 l->prefix, l->path);
	if (l->of_text)
		input_lacks(l->env, text);
	else
		env_set_lacks(l->env, text);
}

static int lines_next(struct reader *r, const struct nlmsghdr **msg, struct nl_error *err)
{
	struct lines *l = (struct lines *)r;
	const char *line;
	size_t len;
	int rc;

	while ((rc = proc_line(l->file, &line, &len, err)) > 0) {
		if (!l->line(line, line + len, &l->m)) {
			left_out(l);
			continue;
		}
		*msg = message_end(&l->m);
		return *msg ? 1 : nl_fail(err, ENOMEM, "out of memory");
	}
	return rc;
}

static void lines_close(struct reader *r)
{
	struct lines *l = (struct lines *)r;

	proc_close(l->file);
	message_free(&l->m);
	free(l);
}

static const struct reader_ops lines_ops = { lines_next, lines_close };

static int open_either(struct lines *l, const struct scan_request *req, struct nl_error *err)
{
	if (!req->input.form)
		return proc_open(&l->file, env_netns_fd(req->env), l->path, err);
	l->prefix = "the text in the place of /proc/";
	l->of_text = true;
	return proc_open_file(&l->file, req->input.path, err);
}

struct reader *lines_open(const struct scan_request *req, const char *path, line_message *line,
			  line_message *lenient, struct nl_error *err)
{
	struct lines *l = calloc(1, sizeof(*l));
	const char *first;
	size_t len;

	if (!l) {
		nl_fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	l->reader.ops = &lines_ops;
	l->line = req->input.form ? lenient : line;
	l->path = path;
	l->prefix = "/proc/";
	l->env = req->env;
	if (open_either(l, req, err) < 0) {
		free(l);
		return NULL;
	}
	if (proc_line(l->file, &first, &len, err) < 0) {
		lines_close(&l->reader);
		return NULL;
	}
	return &l->reader;
}

bool line_numbers(const char **line, const char *end, const unsigned char *bases, size_t n,
		  uint64_t *numbers)
{
	for (size_t i = 0; i < n; i++) {
		const char *word;
		size_t len = word_next(line, end, &word);

		if (len == 0)
			return false;
		if (word_number(word, len, bases[i] ? bases[i] : 16, &numbers[i]))
			continue;
		if (bases[i])
			return false;
		numbers[i] = 0;
	}
	return true;
}
