/*
 * Owns names of this machine for ports and addresses: services(5), hosts by reverse
 * lookup, programs that rpcbind knows. Each is looked up once, failures too, and
 * kept as long as the process lives, but for hosts when there are very many.
 */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what was found ------------------------------------------------------------------- */

/* What is named: a port with a protocol, or an address. */
struct key {
	uint8_t bytes[20];
};

struct entry {
	struct key key;
	bool used;
	char *name; /* NULL: it has none */
};

/* Open addressing; at most half full. */
struct names {
	struct entry *slots;
	size_t n, size; /* a power of 2 */
};

/* Of each kind at most so many; then all are forgotten. */
#define NAMES_MAX 65536

static size_t hash(const struct key *k)
{
	uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */

	for (size_t i = 0; i < sizeof(k->bytes); i++)
		h = (h ^ k->bytes[i]) * UINT64_C(1099511628211);
	return (size_t)(h ^ h >> 32);
}

/* Where the key is, or would be. */
static struct entry *find(const struct names *t, const struct key *k)
{
	size_t i = hash(k);

	while (t->slots[i & (t->size - 1)].used &&
	       memcmp(&t->slots[i & (t->size - 1)].key, k, sizeof(*k)) != 0)
		i++;
	return &t->slots[i & (t->size - 1)];
}

static void forget(struct names *t)
{
	for (size_t i = 0; i < t->size; i++)
		free(t->slots[i].name);
	free(t->slots);
	*t = (struct names){ NULL };
}

/* A slot for the key, with used unset if it was not there; NULL: no memory. */
static struct entry *slot(struct names *t, const struct key *k)
{
	struct entry *e = t->size ? find(t, k) : NULL;
	struct names more = { NULL };

	if (e && (e->used || t->n < t->size / 2))
		return e;
	if (t->n >= NAMES_MAX)
		forget(t);
	more.size = t->size ? t->size * 2 : 64;
	more.n = t->n;
	more.slots = calloc(more.size, sizeof(*more.slots));
	if (!more.slots)
		return NULL;
	for (size_t i = 0; i < t->size; i++)
		if (t->slots[i].used)
			*find(&more, &t->slots[i].key) = t->slots[i];
	free(t->slots);
	*t = more;
	return find(t, k);
}

/* Keeps the malloc'ed name, or that there is none. */
static const char *keep(struct names *t, struct entry *e, const struct key *k, char *name)
{
	e->used = true;
	e->key = *k;
	e->name = name;
	t->n++;
	return name;
}

/* Names of protocols are short; a longer one is cut to what a key holds. */
static struct key port_key(uint16_t port, const char *proto)
{
	struct key k = { { (uint8_t)(port >> 8), (uint8_t)port } };

	if (proto)
		memcpy(k.bytes + 2, proto, strnlen(proto, sizeof(k.bytes) - 2));
	return k;
}

/* ---- services ----------------------------------------------------------------------------- */

/* The C library asks for more room by ERANGE. */
#define ROOM_MAX (1024 * 1024)

static char *ask_service(uint16_t port, const char *proto)
{
	struct servent entry, *got = NULL;
	char *buf = NULL, *name = NULL;
	int rc = ERANGE;

	for (size_t size = 1024; rc == ERANGE && size <= ROOM_MAX; size *= 4) {
		char *more = realloc(buf, size);

		if (!more)
			break;
		buf = more;
		rc = getservbyport_r(htons(port), proto, &entry, buf, size, &got);
	}
	if (rc == 0 && got)
		name = strdup(got->s_name);
	free(buf);
	return name;
}

const char *name_service(uint16_t port, const char *proto)
{
	static struct names services;
	struct key k = port_key(port, proto);
	struct entry *e = slot(&services, &k);

	if (!e)
		return NULL;
	return e->used ? e->name : keep(&services, e, &k, ask_service(port, proto));
}

/* ---- hosts ---------------------------------------------------------------------------------- */

static char *ask_host(const struct addr *a)
{
	struct hostent entry, *got = NULL;
	char *buf = NULL, *name = NULL;
	socklen_t len = a->family == AF_INET ? 4 : 16;
	int rc = ERANGE, why;

	for (size_t size = 1024; rc == ERANGE && size <= ROOM_MAX; size *= 4) {
		char *more = realloc(buf, size);

		if (!more)
			break;
		buf = more;
		rc = gethostbyaddr_r(a->bytes, len, a->family, &entry, buf, size, &got, &why);
	}
	if (rc == 0 && got && got->h_name)
		name = strdup(got->h_name);
	free(buf);
	return name;
}

const char *name_host(const struct addr *a)
{
	static struct names hosts;
	struct key k = { { a->family } };
	struct entry *e;

	if (a->family != AF_INET && a->family != AF_INET6)
		return NULL;
	memcpy(k.bytes + 1, a->bytes, a->family == AF_INET ? 4 : 16);
	e = slot(&hosts, &k);
	if (!e)
		return NULL;
	return e->used ? e->name : keep(&hosts, e, &k, ask_host(a));
}

/* ---- rpcbind -----------------------------------------------------------------------------------
 */

#define RPCINFO	     "/usr/sbin/rpcinfo"
#define RPC_TEXT_MAX (1024 * 1024)

/* Starts `rpcinfo -p` with its output in *fd; -1: it cannot be. */
static pid_t start_rpcinfo(int *fd)
{
	char name[] = "rpcinfo", option[] = "-p";
	char *argv[] = { name, option, NULL };
	posix_spawn_file_actions_t actions;
	int ends[2], rc;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	if (posix_spawn_file_actions_init(&actions)) {
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (rc == 0)
		rc = posix_spawn(&pid, RPCINFO, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (rc) {
		close(ends[0]);
		return -1;
	}
	*fd = ends[0];
	return pid;
}

/* What it prints; empty if it could not be run, was interrupted or says too much. */
static void read_rpcinfo(struct fmt_text *text)
{
	ssize_t got = 1;
	pid_t pid;
	int fd;

	pid = start_rpcinfo(&fd);
	if (pid < 0)
		return;
	while (got > 0 && text->len < RPC_TEXT_MAX) {
		char *to = fmt_text_room(text, 4096);

		if (!to)
			break;
		do
			got = read(fd, to, 4096);
		while (got < 0 && errno == EINTR && !nl_cancel);
		if (got > 0)
			text->len += (size_t)got;
	}
	if (got != 0) {
		kill(pid, SIGKILL);
		text->len = 0;
	}
	close(fd);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* "   100003    4   tcp   2049  nfs": program, version, protocol, port, name. */
static void read_program(struct names *programs, const char *line, const char *end)
{
	const char *word[5];
	uint64_t number, port;
	size_t len[5];
	struct entry *e;
	char proto[16], *name;
	struct key k;

	for (size_t i = 0; i < 5; i++)
		len[i] = word_next(&line, end, &word[i]);
	if (len[4] == 0 || !word_number(word[0], len[0], 10, &number) ||
	    !word_number(word[3], len[3], 10, &port) || port > UINT16_MAX ||
	    len[2] >= sizeof(proto))
		return;
	memcpy(proto, word[2], len[2]);
	proto[len[2]] = '\0';
	k = port_key((uint16_t)port, proto);
	e = slot(programs, &k);
	if (!e || asprintf(&name, "rpc.%.*s", (int)len[4], word[4]) < 0)
		return;
	if (!e->used) {
		keep(programs, e, &k, name);
		return;
	}
	/* of several programs at one port the last one counts */
	free(e->name);
	e->name = name;
}

const char *name_rpc(uint16_t port, const char *proto)
{
	static struct names programs;
	static bool asked;
	struct key k = port_key(port, proto);

	if (!asked) {
		struct fmt_text text = { NULL };
		const char *line, *end, *next;

		asked = true;
		read_rpcinfo(&text);
		end = text.p ? text.p + text.len : NULL;
		for (line = text.p; line < end; line = next + 1) {
			next = memchr(line, '\n', (size_t)(end - line));
			next = next ? next : end;
			read_program(&programs, line, next);
			if (next == end)
				break;
		}
		fmt_text_free(&text);
	}
	return programs.size ? find(&programs, &k)->name : NULL;
}
