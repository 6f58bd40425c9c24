/*
 * Owns the question whether a dump of routes was whole. A route that does not fit the
 * kernel's buffer of 32 KiB (some 2,000 IPv4 paths) ends the dump where it stands, with
 * the end mark of a whole one: neither it nor those behind it come. But the kernel counts
 * its routes: /proc/net/fib_triestat has the number in each IPv4 table,
 * /proc/net/rt6_stats that of all IPv6 ones, each path by itself.
 *
 * Routes may also have been added since the dump, so fewer rows than that are looked into: a
 * dump of everything, with the same count before and behind it.
 */
#include "identity.h"
#include "routes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A dump with a filter is checked by one of everything, unless that is this long. */
#define CHECKED_MOST 50000
#define TRIES	     3

uint64_t route_weigh(struct row *row)
{
	const struct nlattr *multipath = row_nlattr(row, RTA_MULTIPATH);
	const struct rtmsg *r = row_header(row);
	uint64_t n = 0;
	size_t pos = 0;
	bool bad = false;
	struct hop hop;

	/* paths by a nexthop object are one for rt6_stats, and IPv4 counts routes */
	if (!multipath || r->rtm_family != AF_INET6 || row_nlattr(row, RTA_NH_ID))
		return 1;
	while (hop_next(multipath, &pos, &hop, &bad))
		n++;
	return n ? n : 1;
}

/* The number behind the word on a line, "\tPrefixes:       12". */
static bool number_behind(const char *line, size_t len, const char *word, uint64_t *n)
{
	const char *p = line, *end = line + len, *at;
	size_t got = word_next(&p, end, &at);

	if (got != strlen(word) || memcmp(at, word, got) != 0)
		return false;
	got = word_next(&p, end, &at);
	return word_number(at, got, 10, n);
}

/*
 * While there are no rules but the first three, main and local are one trie, which is
 * listed for both: then two texts are alike.
 */
struct trie {
	uint64_t hash, prefixes;
};

enum table { MAIN, LOCAL, OTHER, NONE_YET };

/* The table whose part of the text begins at the line. */
static enum table begins(const char *line, size_t len)
{
	if (len == 0 || line[len - 1] != ':')
		return NONE_YET;
	if (strcmp(line, "Main:") == 0)
		return MAIN;
	if (strcmp(line, "Local:") == 0)
		return LOCAL;
	return strncmp(line, "Id ", 3) == 0 ? OTHER : NONE_YET;
}

static bool read_tries(struct env *env, struct trie tries[OTHER + 1])
{
	struct proc_file *file;
	struct nl_error err;
	const char *line;
	size_t len, at = NONE_YET;

	if (proc_open(&file, env_netns_fd(env), "net/fib_triestat", &err) < 0)
		return false;
	memset(tries, 0, (OTHER + 1) * sizeof(*tries));
	while (proc_line(file, &line, &len, &err) > 0) {
		uint64_t n;

		if (begins(line, len) != NONE_YET) {
			at = begins(line, len);
		} else if (at != NONE_YET) {
			tries[at].hash = identity_bytes(tries[at].hash, line, len);
			if (number_behind(line, len, "Prefixes:", &n))
				tries[at].prefixes += n;
		}
	}
	proc_close(file);
	return at != NONE_YET;
}

/* How many IPv4 routes there are. */
static bool count4(struct env *env, uint64_t *n)
{
	struct trie tries[OTHER + 1];

	if (!read_tries(env, tries))
		return false;
	*n = tries[MAIN].prefixes + tries[OTHER].prefixes;
	if (tries[LOCAL].hash != tries[MAIN].hash)
		*n += tries[LOCAL].prefixes;
	return true;
}

/* How many paths of IPv6 routes there are: the fourth of seven hexadecimal numbers. */
static bool count6(struct env *env, uint64_t *n)
{
	struct nl_error err;
	size_t len;
	char *text = proc_text(env_netns_fd(env), "net/rt6_stats", &len, &err);
	const char *p = text, *word = NULL;
	size_t got = 0;

	for (int i = 0; p && i < 4; i++)
		got = word_next(&p, text + len, &word);
	got = got && word_number(word, got, 16, n);
	free(text);
	return got;
}

static bool count(struct env *env, uint8_t family, uint64_t *n)
{
	return family == AF_INET6 ? count6(env, n) : count4(env, n);
}

/* The weight of a dump of everything; false: it failed. */
static bool dump_all(struct env *env, uint8_t family, uint64_t *weight)
{
	_Alignas(8) const struct rtmsg r = { .rtm_family = family };
	struct nl_request req = { .bus = NETLINK_ROUTE,
				  .type = RTM_GETROUTE,
				  .payload = &r,
				  .len = sizeof(r),
				  .key = family,
				  .what = "routes" };
	const struct nlmsghdr *msg;
	struct nl_dump *dump;
	struct nl_error err;
	int rc;

	*weight = 0;
	if (nl_dump_open(&dump, &req, env_netns_fd(env), &err) < 0)
		return false;
	while ((rc = nl_dump_next(dump, &msg, &err)) > 0) {
		struct row row;

		if (msg->nlmsg_type != RTM_NEWROUTE ||
		    msg->nlmsg_len < NLMSG_HDRLEN + sizeof(struct rtmsg))
			continue;
		memset(&row, 0, offsetof(struct row, attr));
		row.env = env;
		row.msg = msg;
		row.shape = &shape_route;
		*weight += route_weigh(&row);
	}
	nl_dump_close(dump);
	return rc == 0;
}

/* Does a dump give less than is counted, while nothing changes? */
static bool falls_short(struct env *env, uint8_t family)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t before, weight, behind;

		if (!count(env, family, &before) || !dump_all(env, family, &weight) ||
		    !count(env, family, &behind))
			return false;
		if (weight >= before)
			return false;
		if (before == behind)
			return true;
	}
	return false;
}

void routes_ended(struct env *env, const struct dump_plan *plan, uint64_t weight)
{
	const struct rtmsg *r = (const struct rtmsg *)plan->buf;
	bool filtered = plan->len > sizeof(*r) || r->rtm_protocol || r->rtm_type;
	uint64_t n;

	if (nl_replay_loaded() || !count(env, r->rtm_family, &n) || weight >= n)
		return;
	if (filtered && n > CHECKED_MOST)
		return;
	/* a recording shall not hold the list twice; it asks for everything anyway */
	if (!nl_recording() && !falls_short(env, r->rtm_family))
		return;
	env_set_lacks(env,
		      r->rtm_family == AF_INET6
			      ? "the kernel left IPv6 routes out: one has more paths than fit a "
				"message of its own, and no route behind it was listed"
			      : "the kernel left IPv4 routes out: one has more paths than fit a "
				"message of its own, and no route behind it was listed");
}
