/*
 * Owns the form of /proc/net/unix (net/unix/af_unix.c, unix_seq_show), and rows of
 * unix sockets made from it where the kernel has no unix_diag.
 *
 * A name is written as it is: one with a newline in it can hold what looks like
 * any row. Names are up to 108 bytes, and what follows a row may be the end of its
 * name, so nothing in the text alone tells such lines from the kernel's.
 */
#include "nummap.h"
#include "sockets_unix.h"

#include <errno.h>
#include <linux/net.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ACCEPTS 0x10000 /* __SO_ACCEPTCON in Flags, <linux/net.h> */

/* The next word, a number of this base with exactly digits digits (0: any); false: it is none. */
static bool column(const char **p, const char *end, unsigned base, size_t digits, uint64_t *n)
{
	const char *word;
	size_t len = word_next(p, end, &word);

	return (digits == 0 || len == digits) && word_number(word, len, base, n);
}

/* "ffff8881012e4c00:", of as many digits as a pointer has. */
static bool pointer(const char **p, const char *end, uint64_t *n)
{
	const char *word;
	size_t len = word_next(p, end, &word);

	return (len == 17 || len == 9) && word[len - 1] == ':' && word_number(word, len - 1, 16, n);
}

bool unix_line_parse(const char *line, size_t len, struct unix_line *out)
{
	const char *p = line, *end = line + len;
	uint64_t where, refs, protocol, flags, type, state, inode;

	if (len == 0 || *p == ' ' || *p == '\t' || !pointer(&p, end, &where) ||
	    !column(&p, end, 16, 8, &refs) || !column(&p, end, 16, 8, &protocol) ||
	    !column(&p, end, 16, 8, &flags) || !column(&p, end, 16, 4, &type) ||
	    !column(&p, end, 16, 2, &state) || !column(&p, end, 10, 0, &inode))
		return false;
	if (protocol != 0 || inode > UINT32_MAX)
		return false;
	*out = (struct unix_line){
		.pointer = where,
		.refs = (uint32_t)refs,
		.flags = (uint32_t)flags,
		.inode = (uint32_t)inode,
		.type = (uint16_t)type,
		.state = (uint8_t)state,
	};
	if (p < end) {
		out->name = p + 1;
		out->len = (size_t)(end - out->name);
	}
	return true;
}

bool unix_text_parse(const char *line, size_t len, struct unix_line *out)
{
	enum { REFS, PROTOCOL, FLAGS, TYPE, STATE, INODE, COLUMNS };
	static const unsigned char bases[COLUMNS] = { 16, 16, 16, 16, 16, 10 };
	const char *p = line, *end = line + len;
	uint64_t where, n[COLUMNS];
	size_t have;

	if (!text_number(&p, end, 16, &where) || p == end || *p++ != ':')
		return false;
	have = text_numbers(&p, end, bases, COLUMNS, n);
	if (have <= STATE)
		return false;
	*out = (struct unix_line){
		.pointer = where,
		.refs = (uint32_t)n[REFS],
		.flags = (uint32_t)n[FLAGS],
		.inode = (uint32_t)n[INODE],
		.type = (uint16_t)n[TYPE],
		.state = (uint8_t)n[STATE],
	};
	if (have == COLUMNS && p < end) {
		out->name = p + 1;
		out->len = (size_t)(end - out->name);
	}
	return true;
}

/* ---- rows of it -------------------------------------------------------------------- */

struct text {
	struct reader reader;
	struct proc_file *file;
	uint64_t place; /* a number of the namespace, of which several have such rows */
	bool unheld;	/* those without an inode, else those with one */
	bool lenient;	/* of a text that the query names: all of them */
	bool pending;
	struct unix_line row; /* the one at hand; its name is in name */
	char *name;
	size_t len, size;
	uint64_t number; /* of rows, to tell those without an inode apart */
	struct message msg;
};

static void text_close(struct reader *r)
{
	struct text *t = (struct text *)r;

	proc_close(t->file);
	message_free(&t->msg);
	free(t->name);
	free(t);
}

/* Appends to the name of the row at hand. What is longer than any name is cut off. */
static bool name_add(struct text *t, const char *bytes, size_t len)
{
	const size_t most = sizeof(((struct sockaddr_un *)0)->sun_path);

	if (len > most - t->len)
		len = most - t->len;
	if (t->len + len > t->size) {
		size_t size = t->len + len + 128;
		char *name = realloc(t->name, size);

		if (!name)
			return false;
		t->name = name;
		t->size = size;
	}
	if (len)
		memcpy(t->name + t->len, bytes, len);
	t->len += len;
	return true;
}

static bool begin_row(struct text *t, const struct unix_line *row)
{
	t->row = *row;
	t->pending = true;
	t->len = 0;
	return name_add(t, row->name, row->name ? row->len : 0);
}

static uint8_t state_of(const struct unix_line *row)
{
	if (row->flags & ACCEPTS)
		return STATE_LISTEN;
	return row->state == SS_CONNECTED || row->state == SS_CONNECTING ? STATE_ESTABLISHED
									 : STATE_CLOSE;
}

/* "@" in front stands for the NUL of an abstract name; which of the others are NULs is lost. */
static void put_name(struct text *t)
{
	if (t->len == 0)
		return;
	if (t->name[0] == '@')
		t->name[0] = '\0';
	else if (!name_add(t, "", 1))
		t->msg.failed = true;
	message_put(&t->msg, UNIX_DIAG_NAME, t->name, t->len);
}

/*
 * By its inode alone a forged row would pass for the real one, which then is left
 * out as a double: only one that is the same throughout is.
 */
static uint64_t key_of(struct text *t)
{
	const struct unix_line *row = &t->row;
	const uint64_t words[] = {
		row->inode,
		(uint64_t)row->refs << 32 | row->flags,
		(uint64_t)row->type << 8 | row->state,
		hash_bytes(0, t->name ? t->name : "", t->len),
		row->inode ? 0 : ++t->number,
		row->inode ? 0 : t->place,
	};

	return hash_bytes(0, words, sizeof(words));
}

static const struct nlmsghdr *finish_row(struct text *t)
{
	const struct unix_line *row = &t->row;
	struct unix_diag_msg m = {
		.udiag_family = AF_UNIX,
		.udiag_type = (uint8_t)row->type,
		.udiag_state = state_of(row),
		.udiag_ino = row->inode,
	};
	uint64_t key = key_of(t);

	t->pending = false;
	message_begin(&t->msg, SOCK_DIAG_BY_FAMILY, &m, sizeof(m));
	put_name(t);
	message_put(&t->msg, UNIX_ROW_REFS, &row->refs, sizeof(row->refs));
	message_put(&t->msg, UNIX_ROW_KEY, &key, sizeof(key));
	message_put(&t->msg, UNIX_ROW_POINTER, &row->pointer, sizeof(row->pointer));
	message_put(&t->msg, UNIX_ROW_STATE, &row->state, sizeof(row->state));
	return message_end(&t->msg);
}

/* 1 a row is finished, in *msg; 0 more lines are needed; -1 no memory. */
static int take_line(struct text *t, const char *line, size_t len, const struct nlmsghdr **msg)
{
	struct unix_line row;
	bool is_row;

	*msg = NULL;
	is_row = t->lenient ? unix_text_parse(line, len, &row) : unix_line_parse(line, len, &row);
	if (!is_row) {
		/* the end of a name, or the title */
		return !t->pending || (name_add(t, "\n", 1) && name_add(t, line, len)) ? 0 : -1;
	}
	if (t->pending) {
		*msg = finish_row(t);
		if (!*msg)
			return -1;
	}
	if ((t->lenient || (row.inode == 0) == t->unheld) && !begin_row(t, &row))
		return -1;
	return *msg != NULL;
}

static int text_next(struct reader *r, const struct nlmsghdr **msg, struct nl_error *err)
{
	struct text *t = (struct text *)r;
	const char *line;
	size_t len;
	int rc;

	while ((rc = proc_line(t->file, &line, &len, err)) > 0) {
		rc = take_line(t, line, len, msg);
		if (rc < 0)
			return nl_fail(err, ENOMEM, "out of memory");
		if (rc > 0)
			return 1;
	}
	if (rc < 0 || !t->pending)
		return rc;
	*msg = finish_row(t);
	return *msg ? 1 : nl_fail(err, ENOMEM, "out of memory");
}

static const struct reader_ops text_ops = { text_next, text_close };

static struct reader *open_text(const struct scan_request *req, bool unheld, struct nl_error *err)
{
	const char *place = env_netns_name(req->env);
	struct text *t = calloc(1, sizeof(*t));

	if (!t) {
		nl_fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	t->reader.ops = &text_ops;
	t->unheld = unheld;
	t->place = place ? hash_bytes(0, place, strlen(place)) : 0;
	t->lenient = req->input.form != INPUT_NONE;
	if ((t->lenient ? proc_open_file(&t->file, req->input.path, err)
			: proc_open(&t->file, env_netns_fd(req->env), "net/unix", err)) == 0)
		return &t->reader;
	free(t);
	return NULL;
}

struct reader *unix_read_text(const struct scan_request *req, const struct dump_plan *plan,
			      struct nl_error *err)
{
	(void)plan;
	return open_text(req, false, err);
}

struct reader *unix_read_text_unheld(const struct scan_request *req, const struct dump_plan *plan,
				     struct nl_error *err)
{
	(void)plan;
	return open_text(req, true, err);
}
