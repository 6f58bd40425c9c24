/*
 * Fuzzes what reads a line of /proc/net: the first byte chooses the protocol and family, the rest
 * is the line, with the NUL behind it that proc_line promises. It is read as one of the kernel's
 * and as one of a text that somebody made. What is accepted becomes a row, of which every field is
 * decoded.
 */
#include "source/sockets.h"

#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_row(const struct sock_table *t, const struct proc_socket *s)
{
	struct row row = { .source = &source_sockets, .shape = &shape_inet, .tag = t->proto };
	struct message m = { .buf = NULL };
	struct value v;

	row.msg = proc_socket_message(s, t, &m);
	row.env = env_new(NULL);
	if (!row.msg || !row.env)
		abort();
	if (source_sockets.key(&row) == 0)
		abort();
	for (const struct field *f = source_sockets.fields; f->name; f++)
		if (f->cost != COST_LOOKUP && f->cost != COST_PROC)
			field_get(f, &row, &v);
	env_unref(row.env);
	message_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proc_socket s;
	const struct sock_table *t;
	char *line;

	if (size < 1)
		return 0;
	/* exactly the bytes, so that reading one more is seen */
	line = calloc(1, size);
	if (!line)
		abort();
	memcpy(line, data + 1, size - 1);
	t = &socket_tables[data[0] % (RAW6 + 1)];
	if (proc_socket_parse(line, size - 1, t, &s)) {
		if (s.msg.idiag_state == 0 || s.msg.idiag_state > STATE_BOUND_INACTIVE)
			abort();
		read_row(t, &s);
		/* the lenient reader takes what the strict one takes */
		if (!text_socket_parse(line, size - 1, t, &s))
			abort();
	}
	if (text_socket_parse(line, size - 1, t, &s))
		read_row(t, &s);
	free(line);
	return 0;
}
