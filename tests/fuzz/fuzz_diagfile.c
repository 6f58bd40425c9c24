/*
 * Fuzzes what reads a file of netlink messages (setting diag): the first byte chooses the
 * protocol, the rest is the file. Every field of each row is decoded.
 */
#include "source/sockets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory with these bytes; its path in path. */
static int file_of(const uint8_t *data, size_t size, char path[32])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

static void read_fields(const struct row *row)
{
	struct value v;

	for (const struct field *f = source_sockets.fields; f->name; f++)
		if (f->cost != COST_LOOKUP && f->cost != COST_PROC)
			field_get(f, row, &v);
	source_sockets.key(row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scan_request req = { .input = { .form = INPUT_DIAG } };
	const struct sock_table *t;
	struct nl_error err;
	char path[32];
	struct scan *sc;
	struct row row;
	int fd;

	if (size < 1)
		return 0;
	t = &socket_tables[data[0] % (DCCP6 + 1)];
	fd = file_of(data + 1, size - 1, path);
	req.input.path = path;
	req.input.first_dump = data[0] >> 7;
	req.env = env_new(NULL);
	for (unsigned state = 1; state <= STATE_BOUND_INACTIVE; state++) {
		struct part_set one = sockets_parts(t->proto, t->family, state);

		for (size_t i = 0; i < sizeof(one.bits) / sizeof(one.bits[0]); i++)
			req.parts.bits[i] |= one.bits[i];
	}
	sc = scan_open(&source_sockets, &req);
	if (!sc || !req.env)
		abort();
	while (scan_next(sc, &row, &err) > 0)
		read_fields(&row);
	scan_close(sc);
	env_unref(req.env);
	close(fd);
	return 0;
}
