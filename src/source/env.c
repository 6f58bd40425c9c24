/*
 * Owns what the rows of one run share: the namespace they are from, names
 * looked up once per distinct number, and which ports are listened on. Caches
 * live as long as the run and its records, so a long watcher sees a renamed
 * device in its next run.
 */
#include "limits.h"
#include "sockets.h"

#include "connsh/recording.h"

#include <net/if.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name by its number; name NULL: looked up, and there is none. */
struct cached {
	uint64_t number;
	char *name;
};

/* Few distinct numbers are the rule (users, devices): a sorted array. */
struct cache {
	struct cached *items;
	size_t n, cap;
};

struct env {
	unsigned refs;
	struct netns *ns;
	const struct source *source; /* kept, or NULL */
	struct lookout *lookout;
	struct env **held; /* of rows that lie in rows of this one */
	uint32_t nheld;
	struct value *list; /* the list read last */
	size_t list_size;
	void *scratch; /* where the rows of a list lie */
	size_t scratch_size;
	struct cache users, devices, cgroups, texts; /* texts: by their hash */
	struct unix_names *unix_names;
	struct inet_peers *inet_peers;
	uint64_t *listening; /* a bit for each port; NULL: not known */
	const char *withheld;
	uint16_t ports_lo, ports_hi; /* ip_local_port_range; 0: not known */
	bool ports_asked;
	bool listening_asked;
	bool damaged;
	bool verbatim, of_file;
	char lacks[200]; /* the empty text: nothing */
};

struct env *env_new(struct netns *ns)
{
	struct env *e = calloc(1, sizeof(*e));

	if (e)
		e->lookout = lookout_new();
	if (!e || !e->lookout) {
		free(e);
		netns_unref(ns);
		return NULL;
	}
	e->refs = 1;
	e->ns = ns;
	return e;
}

struct env *env_ref(struct env *e)
{
	e->refs++;
	return e;
}

static void cache_free(struct cache *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->items[i].name);
	free(c->items);
}

void env_unref(struct env *e)
{
	if (!e || --e->refs > 0)
		return;
	cache_free(&e->users);
	cache_free(&e->devices);
	cache_free(&e->cgroups);
	unix_names_free(e->unix_names);
	inet_peers_free(e->inet_peers);
	cache_free(&e->texts);
	free(e->listening);
	netns_unref(e->ns);
	source_unref(e->source);
	lookout_unref(e->lookout);
	free(e->list);
	free(e->scratch);
	for (uint32_t i = 0; i < e->nheld; i++)
		env_unref(e->held[i]);
	free(e->held);
	free(e);
}

/* A run has one env a namespace, so there are few. */
bool env_hold(struct env *e, struct env *other, uint32_t *number)
{
	struct env **held;

	for (*number = 0; *number < e->nheld; ++*number)
		if (e->held[*number] == other)
			return true;
	held = realloc(e->held, (e->nheld + 1) * sizeof(struct env *));
	if (!held)
		return false;
	e->held = held;
	held[e->nheld++] = env_ref(other);
	return true;
}

uint32_t env_nheld(const struct env *e)
{
	return e->nheld;
}

struct env *env_held(const struct env *e, uint32_t number)
{
	return e->held[number];
}

bool env_verbatim(const struct env *e)
{
	return e && e->verbatim;
}

void env_set_verbatim(struct env *e, bool verbatim)
{
	e->verbatim = verbatim;
}

bool env_of_file(const struct env *e)
{
	return e->of_file;
}

void env_set_of_file(struct env *e, bool of_file)
{
	e->of_file = of_file;
}

struct lookout **env_lookout(struct env *e)
{
	return &e->lookout;
}

struct unix_names **env_unix_names(struct env *e)
{
	return &e->unix_names;
}

struct inet_peers **env_inet_peers(struct env *e)
{
	return &e->inet_peers;
}

struct value *env_list(struct env *e, size_t n)
{
	if (n > e->list_size) {
		struct value *list = realloc(e->list, n * sizeof(*list));

		if (!list)
			return NULL;
		e->list = list;
		e->list_size = n;
	}
	return e->list;
}

void *env_scratch(struct env *e, size_t size)
{
	if (size > e->scratch_size) {
		void *scratch = realloc(e->scratch, size);

		if (!scratch)
			return NULL;
		e->scratch = scratch;
		e->scratch_size = size;
	}
	return e->scratch;
}

void env_keep_source(struct env *e, const struct source *s)
{
	source_unref(e->source);
	e->source = source_ref(s);
}

int env_netns_fd(const struct env *e)
{
	return e->ns ? netns_fd(e->ns) : -1;
}

struct netns *env_netns(const struct env *e)
{
	return e->ns;
}

const char *env_netns_name(const struct env *e)
{
	return e->ns ? netns_name(e->ns) : NULL;
}

/* Index of the first item that is not below number. */
static size_t position(const struct cache *c, uint64_t number)
{
	size_t lo = 0, hi = c->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (c->items[mid].number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Keeps name (malloc'ed or NULL) under number; without memory it is not kept. */
static const char *keep(struct cache *c, uint64_t number, char *name)
{
	size_t at = position(c, number);

	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;
		struct cached *items = realloc(c->items, cap * sizeof(*items));

		if (!items) {
			free(name);
			return NULL;
		}
		c->items = items;
		c->cap = cap;
	}
	memmove(&c->items[at + 1], &c->items[at], (c->n - at) * sizeof(*c->items));
	c->items[at] = (struct cached){ number, name };
	c->n++;
	return name;
}

/* The name under number, asking look once when it is new. */
static const char *lookup(struct env *e, struct cache *c, uint64_t number,
			  char *(*look)(struct env *, uint64_t))
{
	size_t at = position(c, number);

	if (at < c->n && c->items[at].number == number)
		return c->items[at].name;
	return keep(c, number, look(e, number));
}

/* The name as the loaded recording tells it; false: none is loaded. */
static bool recorded(struct env *e, enum nl_name what, uint64_t number, char **name)
{
	/* users and cgroups are those of the machine */
	int fd = what == NL_NAME_DEVICE ? env_netns_fd(e) : -1;
	const char *text;

	if (!nl_replay_loaded())
		return false;
	*name = nl_replay_name(what, fd, number, &text) > 0 ? strdup(text) : NULL;
	return true;
}

static char *look_user(struct env *e, uint64_t uid)
{
	struct passwd entry, *got = NULL;
	char buf[4096], *name;

	if (recorded(e, NL_NAME_USER, uid, &name))
		return name;
	if (getpwuid_r((uid_t)uid, &entry, buf, sizeof(buf), &got))
		got = NULL;
	nl_record_name(NL_NAME_USER, -1, uid, got ? got->pw_name : NULL);
	return got ? strdup(got->pw_name) : NULL;
}

static char *look_device(struct env *e, uint64_t ifindex)
{
	char name[IFNAMSIZ], *text = NULL;

	if (recorded(e, NL_NAME_DEVICE, ifindex, &text)) {
		if (text)
			return text;
	} else if (nl_ifname((unsigned)ifindex, env_netns_fd(e), name)) {
		nl_record_name(NL_NAME_DEVICE, env_netns_fd(e), ifindex, name);
		return strdup(name);
	}
	snprintf(name, sizeof(name), "if%u", (unsigned)ifindex);
	return strdup(name);
}

static char *look_cgroup(struct env *e, uint64_t id)
{
	char *path;

	if (recorded(e, NL_NAME_CGROUP, id, &path))
		return path;
	path = cgroup_path(id);
	nl_record_name(NL_NAME_CGROUP, -1, id, path);
	return path;
}

const char *env_user(struct env *e, uid_t uid)
{
	return lookup(e, &e->users, uid, look_user);
}

const char *env_ifname(struct env *e, unsigned ifindex)
{
	return lookup(e, &e->devices, ifindex, look_device);
}

unsigned env_ifindex(struct env *e, const char *name)
{
	unsigned index;

	if (nl_replay_loaded())
		return nl_replay_ifindex(name, env_netns_fd(e));
	index = nl_ifindex(name, env_netns_fd(e));
	/* this writes the name down while a recording is made */
	if (index && nl_recording())
		env_ifname(e, index);
	return index;
}

const char *env_cgroup(struct env *e, uint64_t id)
{
	return lookup(e, &e->cgroups, id, look_cgroup);
}

/* FNV-1a. */
static uint64_t hash_of(const char *text, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Texts that differ and have the same hash lie one behind the other. */
const char *env_text(struct env *e, const char *text, size_t len)
{
	uint64_t hash = hash_of(text, len);
	struct cache *c = &e->texts;
	char *copy;

	for (size_t at = position(c, hash); at < c->n && c->items[at].number == hash; at++, hash++)
		if (strlen(c->items[at].name) == len && memcmp(c->items[at].name, text, len) == 0)
			return c->items[at].name;
	copy = strndup(text, len);
	return copy ? keep(c, hash, copy) : NULL;
}

int env_listens(struct env *e, uint16_t port)
{
	if (!e->listening_asked) {
		e->listening_asked = true;
		e->listening = calloc(1024, sizeof(*e->listening));
		if (e->listening && !sockets_listening(e, e->listening)) {
			free(e->listening);
			e->listening = NULL;
		}
	}
	return e->listening ? (int)(e->listening[port / 64] >> (port % 64) & 1) : -1;
}

bool env_local_ports(struct env *e, uint16_t *lo, uint16_t *hi)
{
	struct port_range range = { 0 };
	struct nl_error err;
	uint64_t n;

	if (!e->ports_asked) {
		e->ports_asked = true;
		if (ports_range(e, &n, &range, &err) <= 0)
			env_set_lacks(e, "net.ipv4.ip_local_port_range could not be read: "
					 "which ports it holds is unknown");
		e->ports_lo = range.lo;
		e->ports_hi = range.hi;
	}
	*lo = e->ports_lo;
	*hi = e->ports_hi;
	return e->ports_hi != 0;
}

void env_set_lacks(struct env *e, const char *what)
{
	if (!e->lacks[0])
		snprintf(e->lacks, sizeof(e->lacks), "%s", what);
}

const char *env_lacks(const struct env *e)
{
	const char *lack = unix_names_lack(e->unix_names);

	if (e->lacks[0])
		return e->lacks;
	if (e->listening_asked && !e->listening)
		return "the listening ports could not be listed: inbound is unknown";
	return lack ? lack : inet_peers_lack(e->inet_peers);
}

void env_withhold(struct env *e, const char *why)
{
	e->withheld = why;
}

const char *env_withheld(const struct env *e)
{
	return e->withheld;
}

void env_set_damaged(struct env *e)
{
	e->damaged = true;
}

bool env_damaged(const struct env *e)
{
	return e->damaged;
}
