/*
 * Owns names of this machine for ports and addresses: services(5), hosts by reverse
 * lookup, programs that rpcbind knows. Each is looked up once, failures too, and
 * kept as long as the process lives, but for hosts when there are very many.
 */
#include "private.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- what was found ------------------------------------------------------------------ */

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
	*t = (struct names){ .slots = NULL };
}

/* A slot for the key, with used unset if it was not there; NULL: no memory. */
static struct entry *slot(struct names *t, const struct key *k)
{
	struct entry *e = t->size ? find(t, k) : NULL;
	struct names more = { .slots = NULL };

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

/* ---- services ------------------------------------------------------------------------ */

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

/* ---- hosts --------------------------------------------------------------------------- */

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

/* A mapped address has the name of the IPv4 address that it stands for. */
const char *name_host(const struct addr *addr)
{
	static struct names hosts;
	const struct addr canonical = addr_canonical(addr), *a = &canonical;
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

/* ---- rpcbind ------------------------------------------------------------------------- */

/* Of several programs at one port the last one counts. */
static void keep_program(void *arg, uint16_t port, const char *proto, const char *program)
{
	struct names *programs = arg;
	struct key k = port_key(port, proto);
	struct entry *e = slot(programs, &k);
	char *name;

	if (!e || asprintf(&name, "rpc.%s", program) < 0)
		return;
	if (e->used) {
		free(e->name);
		e->name = name;
	} else {
		keep(programs, e, &k, name);
	}
}

const char *name_rpc(uint16_t port, const char *proto)
{
	static struct names programs;
	static bool asked;
	struct key k = port_key(port, proto);

	if (!asked)
		rpcbind_list(keep_program, &programs);
	asked = true;
	return programs.size ? find(&programs, &k)->name : NULL;
}
