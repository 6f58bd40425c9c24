/*
 * Rows of unix sockets from built messages, whole and damaged, and lines of
 * /proc/net/unix, real and forged.
 */
#include "source/sockets_unix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

struct built {
	size_t len;
	_Alignas(8) unsigned char buf[2048];
};

static struct unix_diag_msg *begin(struct built *m, unsigned state)
{
	struct unix_diag_msg *d = (void *)(m->buf + NLMSG_HDRLEN);

	memset(m, 0, sizeof(*m));
	m->len = NLMSG_HDRLEN + sizeof(*d);
	d->udiag_family = AF_UNIX;
	d->udiag_type = SOCK_STREAM;
	d->udiag_state = (uint8_t)state;
	d->udiag_ino = 4711;
	d->udiag_cookie[0] = 7;
	d->udiag_cookie[1] = 1;
	return d;
}

static void attr(struct built *m, uint16_t type, const void *data, size_t len)
{
	assert_true(nl_attr_put(m->buf, &m->len, sizeof(m->buf), type, data, len));
}

/* A row of the first len bytes, in a copy without a byte behind them. */
static struct row row_of(const struct built *m, size_t len)
{
	struct nlmsghdr *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, m->buf, len);
	copy->nlmsg_len = (uint32_t)len;
	copy->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	return (struct row){ .source = &source_sockets,
			     .shape = &shape_unix,
			     .env = env_new(NULL),
			     .tag = PROTO_UNIX,
			     .msg = copy };
}

static void end(struct row *row)
{
	env_unref(row->env);
	free((void *)(uintptr_t)row->msg);
}

static bool get(const struct row *row, const char *field, struct value *v)
{
	const struct field *f = source_field(&source_sockets, field);

	assert_non_null(f);
	return field_get(f, row, v);
}

/* want NULL: absent */
static void same_text(const struct row *row, const char *field, const char *want, size_t len)
{
	struct value v;

	if (get(row, field, &v) != (want != NULL))
		fail_msg("%s is %s", field, want ? "absent" : "there");
	if (!want)
		return;
	assert_int_equal(v.kind, VALUE_TEXT);
	assert_int_equal(v.text.len, len);
	assert_memory_equal(v.text.p, want, len);
}

static void same_number(const struct row *row, const char *field, int64_t want)
{
	struct value v;

	if (!get(row, field, &v))
		fail_msg("%s is absent", field);
	if (v.num != want)
		fail_msg("%s is %lld, not %lld", field, (long long)v.num, (long long)want);
}

static void absent(const struct row *row, const char *field)
{
	struct value v;

	if (get(row, field, &v))
		fail_msg("%s is there", field);
}

/* ---- names -------------------------------------------------------------------------- */

static const struct {
	const char *bytes;
	size_t len;
	const char *path, *abstract;
	size_t alen;
	const char *name;
} names[] = {
	{ "/run/x", 7, "/run/x", NULL, 0, "/run/x" },
	/* a kernel may leave the NUL out; what is behind one is no part of the path */
	{ "/run/x", 6, "/run/x", NULL, 0, "/run/x" },
	{ "/run/x\0rest", 11, "/run/x", NULL, 0, "/run/x" },
	{ "@x", 3, "@x", NULL, 0, "@x" },
	{ "a\nb", 4, "a\nb", NULL, 0, "a\nb" },
	{ "\0x", 2, NULL, "x", 1, "@x" },
	{ "\0x\0", 3, NULL, "x\0", 2, "@x@" },
	{ "\0a\0b\nc", 6, NULL, "a\0b\nc", 5, "@a@b\nc" },
	{ "\0", 1, NULL, "", 0, "@" },
	{ "\0\0\0", 3, NULL, "\0\0", 2, "@@@" },
	{ "\0/run/x", 7, NULL, "/run/x", 6, "@/run/x" },
};

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct built m;
		struct row row;

		begin(&m, STATE_LISTEN);
		attr(&m, UNIX_DIAG_NAME, names[i].bytes, names[i].len);
		row = row_of(&m, m.len);
		same_text(&row, "path", names[i].path, names[i].path ? strlen(names[i].path) : 0);
		same_text(&row, "abstract", names[i].abstract, names[i].alen);
		same_text(&row, "name", names[i].name, strlen(names[i].name));
		/* the same again: the text is kept once */
		same_text(&row, "name", names[i].name, strlen(names[i].name));
		end(&row);
	}
}

static void test_no_name(void **state)
{
	struct built m;
	struct row row;

	(void)state;
	begin(&m, STATE_CLOSE);
	attr(&m, UNIX_DIAG_NAME, "", 0);
	row = row_of(&m, m.len);
	absent(&row, "path");
	absent(&row, "abstract");
	absent(&row, "name");
	end(&row);
}

/* ---- values ------------------------------------------------------------------------- */

static void build_all(struct built *m, unsigned state)
{
	const struct unix_diag_vfs vfs = { .udiag_vfs_ino = 99, .udiag_vfs_dev = 254 << 20 | 300 };
	const struct unix_diag_rqlen queue = { 3, 5 };
	const uint32_t mem[9] = { 10, 11, 12, 13, 14, 15, 16, 17, 18 }, peer = 815, uid = 1000;
	const uint32_t icons[2] = { 1, 2 };

	begin(m, state);
	attr(m, UNIX_DIAG_NAME, "/run/x", 7);
	attr(m, UNIX_DIAG_VFS, &vfs, sizeof(vfs));
	attr(m, UNIX_DIAG_PEER, &peer, sizeof(peer));
	attr(m, UNIX_DIAG_ICONS, icons, sizeof(icons));
	attr(m, UNIX_DIAG_RQLEN, &queue, sizeof(queue));
	attr(m, UNIX_DIAG_MEMINFO, mem, sizeof(mem));
	attr(m, UNIX_DIAG_SHUTDOWN, "\1", 1);
	attr(m, UNIX_DIAG_UID, &uid, sizeof(uid));
}

static void test_values(void **state)
{
	struct built m;
	struct row row;
	struct value v;

	(void)state;
	build_all(&m, STATE_LISTEN);
	row = row_of(&m, m.len);
	same_number(&row, "proto", PROTO_UNIX);
	same_number(&row, "family", AF_UNIX);
	same_number(&row, "state", STATE_LISTEN);
	same_number(&row, "type", SOCK_STREAM);
	same_number(&row, "inode", 4711);
	same_number(&row, "cookie", INT64_C(1) << 32 | 7);
	same_number(&row, "recvq", 3);
	same_number(&row, "sendq", 5);
	same_number(&row, "accept_queue", 3);
	same_number(&row, "backlog", 5);
	same_number(&row, "path_inode", 99);
	same_number(&row, "path_dev", (int64_t)makedev(254, 300));
	same_number(&row, "peer_inode", 815);
	same_number(&row, "uid", 1000);
	same_number(&row, "rmem", 10);
	same_number(&row, "drops", 18);
	assert_true(get(&row, "backlog_used", &v) && v.real == 0.6);
	assert_true(get(&row, "shutdown_recv", &v) && v.flag);
	assert_true(get(&row, "shutdown_send", &v) && !v.flag);
	for (size_t i = 0; i < 4; i++)
		absent(&row, ((const char *[]){ "laddr", "rport", "mark", "timer" })[i]);
	end(&row);

	build_all(&m, STATE_ESTABLISHED);
	row = row_of(&m, m.len);
	absent(&row, "accept_queue");
	absent(&row, "backlog");
	absent(&row, "backlog_used");
	absent(&row, "pending");
	same_number(&row, "recvq", 3);
	end(&row);
}

/* Each attribute in each length that is too short for it. */
static void test_short_attributes(void **state)
{
	static const struct {
		uint16_t type;
		size_t whole;
		const char *first, *last; /* what lies at its begin and end */
		size_t first_ends;
	} attrs[] = {
		{ UNIX_DIAG_VFS, 8, "path_inode", "path_dev", 4 },
		{ UNIX_DIAG_PEER, 4, "peer_inode", "peer_inode", 4 },
		{ UNIX_DIAG_RQLEN, 8, "recvq", "sendq", 4 },
		{ UNIX_DIAG_MEMINFO, 36, "rmem", "drops", 4 },
		{ UNIX_DIAG_SHUTDOWN, 1, "shutdown_recv", "shutdown_send", 1 },
		{ UNIX_DIAG_UID, 4, "uid", "uid", 4 },
	};
	unsigned char data[40];

	(void)state;
	memset(data, 1, sizeof(data));
	for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
		for (size_t len = 0; len <= attrs[i].whole + 2; len++) {
			struct built m;
			struct row row;
			struct value v;

			begin(&m, STATE_ESTABLISHED);
			attr(&m, attrs[i].type, data, len);
			row = row_of(&m, m.len);
			assert_int_equal(get(&row, attrs[i].first, &v), len >= attrs[i].first_ends);
			assert_int_equal(get(&row, attrs[i].last, &v), len >= attrs[i].whole);
			end(&row);
		}
}

/* Cut at every byte, and with every length of every attribute: nothing is read beyond. */
static void read_all(struct built *m, size_t len)
{
	struct row row = row_of(m, len);
	struct value v;

	for (const struct field *f = source_sockets.fields; f->name; f++)
		if (f->cost == COST_FREE || f->cost == COST_REQUEST)
			field_get(f, &row, &v);
	source_sockets.key(&row);
	source_sockets.peer(&row);
	end(&row);
}

static void test_every_cut(void **state)
{
	struct built m;
	size_t at = NLMSG_HDRLEN + sizeof(struct unix_diag_msg);

	(void)state;
	build_all(&m, STATE_LISTEN);
	for (size_t len = at; len <= m.len; len++)
		read_all(&m, len);
	while (at + NLA_HDRLEN <= m.len) {
		struct nlattr *a = (void *)(m.buf + at);
		uint16_t right = a->nla_len;

		for (unsigned wrong = 0; wrong < 80; wrong++) {
			a->nla_len = (uint16_t)wrong;
			read_all(&m, m.len);
		}
		a->nla_len = UINT16_MAX;
		read_all(&m, m.len);
		a->nla_len = right;
		at += NLA_ALIGN(right);
	}
}

/* ---- who can hold it, and what tells rows apart ---------------------------------------- */

static void test_owners(void **state)
{
	const uint64_t key = 12345;
	enum owner_status why;
	struct unix_diag_msg *d;
	struct built m;
	struct row row;

	(void)state;
	d = begin(&m, STATE_ESTABLISHED);
	row = row_of(&m, m.len);
	assert_int_equal(source_sockets.inode(&row, &why), 4711);
	assert_int_equal(source_sockets.key(&row), UINT64_C(1) << 32 | 7);
	end(&row);
	d->udiag_ino = 0;
	row = row_of(&m, m.len);
	assert_int_equal(source_sockets.inode(&row, &why), 0);
	assert_int_equal(why, OWNER_NOT_ACCEPTED);
	end(&row);
	d->udiag_state = STATE_CLOSE;
	row = row_of(&m, m.len);
	assert_int_equal(source_sockets.inode(&row, &why), 0);
	assert_int_equal(why, OWNER_CLOSED);
	end(&row);
	/* a row of /proc/net/unix has no cookie: its inode is anybody's word */
	d->udiag_ino = 4711;
	memset(d->udiag_cookie, 0, sizeof(d->udiag_cookie));
	attr(&m, UNIX_ROW_KEY, &key, sizeof(key));
	row = row_of(&m, m.len);
	assert_int_equal(source_sockets.inode(&row, &why), 0);
	assert_int_equal(why, OWNER_UNTRUSTED);
	assert_int_equal(source_sockets.key(&row), key);
	same_number(&row, "inode", 4711);
	absent(&row, "cookie");
	end(&row);
}

/* ---- lines of /proc/net/unix ------------------------------------------------------------ */

#define HEAD "ffff8881012e4c00: 00000003 00000000 "

static const struct {
	const char *line;
	bool row;
	uint32_t refs, inode, type, state;
	const char *name;
} lines[] = {
	{ HEAD "00000000 0001 03  4711", true, 3, 4711, 1, 3, NULL },
	{ HEAD "00010000 0005 01     7 /run/x", true, 3, 7, 5, 1, "/run/x" },
	{ HEAD "00000000 0001 02     0 @a b", true, 3, 0, 1, 2, "@a b" },
	{ HEAD "00000000 0001 03  4711  two blanks ", true, 3, 4711, 1, 3, " two blanks " },
	{ HEAD "00000000 0001 03  4711 ", true, 3, 4711, 1, 3, "" },
	{ HEAD "00000000 0001 03 4294967295", true, 3, UINT32_MAX, 1, 3, NULL },
	{ "c12e4c00: 00000003 00000000 00000000 0001 03  4711", true, 3, 4711, 1, 3, NULL },
	/* no row of this kernel's */
	{ "Num       RefCount Protocol Flags    Type St Inode Path", false, 0, 0, 0, 0, NULL },
	{ "", false, 0, 0, 0, 0, NULL },
	{ " " HEAD "00000000 0001 03  4711", false, 0, 0, 0, 0, NULL },
	{ HEAD "00000000 0001 03 4294967296", false, 0, 0, 0, 0, NULL },
	{ HEAD "00000000 0001 03", false, 0, 0, 0, 0, NULL },
	{ HEAD "00000000 0001 3 4711", false, 0, 0, 0, 0, NULL },
	{ HEAD "00000000 01 03 4711", false, 0, 0, 0, 0, NULL },
	{ HEAD "00000000 0001 03 47x11", false, 0, 0, 0, 0, NULL },
	{ HEAD "00000000 0001 03 -1", false, 0, 0, 0, 0, NULL },
	{ "ffff8881012e4c00 00000003 00000000 00000000 0001 03 4711", false, 0, 0, 0, 0, NULL },
	{ "pointer: 00000003 00000000 00000000 0001 03 4711", false, 0, 0, 0, 0, NULL },
	{ "ffff8881012e4c000: 00000003 00000000 00000000 0001 03 4711", false, 0, 0, 0, 0, NULL },
	{ "ffff8881012e4c00: 3 00000000 00000000 0001 03 4711", false, 0, 0, 0, 0, NULL },
	{ "ffff8881012e4c00: 00000003 00000001 00000000 0001 03 4711", false, 0, 0, 0, 0, NULL },
};

/* In a block of its own, so that a sanitizer sees a read behind its end. */
static bool parse(const char *text, size_t len, struct unix_line *out, char **copy)
{
	*copy = malloc(len + 1);
	assert_non_null(*copy);
	memcpy(*copy, text, len);
	*copy = realloc(*copy, len ? len : 1);
	return unix_line_parse(*copy, len, out);
}

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct unix_line row;
		char *copy;

		if (parse(lines[i].line, strlen(lines[i].line), &row, &copy) != lines[i].row)
			fail_msg("\"%s\" is %s row", lines[i].line, lines[i].row ? "no" : "a");
		if (lines[i].row) {
			assert_int_equal(row.refs, lines[i].refs);
			assert_int_equal(row.inode, lines[i].inode);
			assert_int_equal(row.type, lines[i].type);
			assert_int_equal(row.state, lines[i].state);
			assert_int_equal(row.name != NULL, lines[i].name != NULL);
			if (row.name) {
				assert_int_equal(row.len, strlen(lines[i].name));
				assert_memory_equal(row.name, lines[i].name, row.len);
			}
		}
		free(copy);
	}
}

/* Every beginning of a row, and a row with every byte changed: no row, or a whole one. */
static void test_damaged_lines(void **state)
{
	static const char line[] = HEAD "00010000 0001 01  4711 /run/x";
	const size_t whole = sizeof(HEAD "00010000 0001 01  ") - 1, len = sizeof(line) - 1;
	struct unix_line row;
	char *copy;

	(void)state;
	for (size_t cut = 0; cut <= len; cut++) {
		assert_int_equal(parse(line, cut, &row, &copy), cut > whole);
		free(copy);
	}
	for (size_t at = 0; at < len; at++)
		for (unsigned byte = 0; byte < 256; byte++) {
			char other[sizeof(line)];

			memcpy(other, line, sizeof(line));
			other[at] = (char)byte;
			if (parse(other, len, &row, &copy) && row.name)
				assert_true(row.name + row.len == copy + len);
			free(copy);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	  cmocka_unit_test(test_no_name),
		cmocka_unit_test(test_values),	  cmocka_unit_test(test_short_attributes),
		cmocka_unit_test(test_every_cut), cmocka_unit_test(test_owners),
		cmocka_unit_test(test_lines),	  cmocka_unit_test(test_damaged_lines),
	};

	return cmocka_run_group_tests_name("unix rows", tests, NULL, NULL);
}
