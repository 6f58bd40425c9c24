/*
 * Owns taking a snapshot: walks the list of sources, whatever they are, and asks each
 * for all that it has, while a recording is made. Knows no particular source.
 */
#include "private.h"

#include "connsh/recording.h"

#include <errno.h>
#include <string.h>

/* Below /proc, of each namespace: what tools other than our sources read. */
static const char *const texts[] = {
	"net/tcp",	"net/tcp6",	 "net/udp",	   "net/udp6",	    "net/udplite",
	"net/udplite6", "net/raw",	 "net/raw6",	   "net/icmp",	    "net/icmp6",
	"net/unix",	"net/packet",	 "net/netlink",	   "net/protocols", "net/igmp",
	"net/igmp6",	"net/dev_mcast", "net/mcfilter",   "net/mcfilter6", "net/snmp",
	"net/snmp6",	"net/netstat",	 "net/sockstat",   "net/sockstat6", "net/dev",
	"net/if_inet6", "net/route",	 "net/ipv6_route", "net/arp",	    "net/softnet_stat",
	"net/psched",
};

struct taking {
	struct snapshot_report *out;
	struct nl_error *err;
};

static void miss(struct taking *t, const char *text)
{
	struct snapshot_report *r = t->out;
	size_t known = r->nmissing < REPORT_WARNINGS ? r->nmissing : REPORT_WARNINGS;

	for (size_t i = 0; i < known; i++)
		if (strcmp(r->texts[i], text) == 0)
			return;
	if (r->nmissing < REPORT_WARNINGS)
		snprintf(r->texts[r->nmissing], sizeof(r->texts[0]), "%s", text);
	r->nmissing++;
}

/* Does it end the whole work, rather than be something that cannot be had? */
static bool ends_all(int code)
{
	return code == ECANCELED || code == ENOMEM || code == EMFILE || code == ENFILE;
}

/* What this kernel does not have at all is not missing. */
static bool is_absent(int code)
{
	static const int codes[] = {
		ENOENT,	    ENODEV,	     EPROTONOSUPPORT, EAFNOSUPPORT, EPFNOSUPPORT,
		EOPNOTSUPP, ESOCKTNOSUPPORT, ENOSYS,	      EINVAL,
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (code == codes[i])
			return true;
	return false;
}

/* ---- sources ------------------------------------------------------------------------ */

/* One list of a source: how many rows, and a sum that two lists of the same rows share. */
struct listing {
	uint64_t rows, sum;
	unsigned flags;
};

/* Reading a field looks up names and objects, which are written down then. */
static void look_up(const struct row *row)
{
	struct value v;

	nl_record_aside(true);
	for (const struct field *f = row->source->fields; f->name; f++)
		if (f->get && f->cost != COST_PROC && !(f->flags & (FF_SETTING | FF_REQUEST)))
			field_get(f, row, &v);
	nl_record_aside(false);
}

static uint64_t mix(uint64_t key)
{
	key = (key ^ key >> 31) * UINT64_C(0x9e3779b97f4a7c15);
	return key ^ key >> 29;
}

static int list_source(struct taking *t, const struct source *s, const struct scan_request *req,
		       struct listing *l)
{
	struct scan *sc = scan_open(s, req);
	struct nl_error why;
	struct row row;
	int rc;

	*l = (struct listing){ 0 };
	if (!sc)
		return query_no_memory(t->err);
	while ((rc = scan_next(sc, &row, &why)) != 0) {
		if (rc > 0) {
			l->rows++;
			l->sum += s->key ? mix(s->key(&row)) : 0;
			look_up(&row);
		} else if (ends_all(why.code)) {
			scan_close(sc);
			*t->err = why;
			return -1;
		} else {
			if (!is_absent(why.code))
				miss(t, why.text);
			scan_go_on(sc);
		}
	}
	l->flags = scan_flags(sc);
	scan_close(sc);
	return 0;
}

static uint32_t all_needs(const struct source *s)
{
	uint32_t needs = 0;

	for (const struct field *f = s->fields; f->name; f++)
		needs |= f->needs & ~NEED_OWNERS;
	return needs;
}

/*
 * A list that the kernel flags is asked again. One that can miss rows without a flag is,
 * until two in a row are the same: then it is unlikely that both missed something.
 */
static int take_source(struct taking *t, const struct source *s, struct env *env)
{
	struct scan_request req = { .env = env, .needs = all_needs(s), .ordered = true };
	struct listing before = { .rows = UINT64_MAX }, l;
	char text[128];
	bool good;

	for (unsigned i = 0; i < s->nparts; i++)
		part_add(&req.parts, i);
	for (unsigned tries = 1;; tries++) {
		if (list_source(t, s, &req, &l) < 0)
			return -1;
		good = !(l.flags & (SCAN_INTERRUPTED | SCAN_FOREIGN));
		if (s->flags & SOURCE_TWICE)
			good = good && l.rows == before.rows && l.sum == before.sum;
		if (good || tries == QUERY_TRIES)
			break;
		before = l;
	}
	t->out->rows += l.rows;
	if (!good) {
		snprintf(text, sizeof(text),
			 "%s changed each time they were listed: rows may be missing", s->name);
		miss(t, text);
	}
	return 0;
}

/* ---- texts, namespaces, owners --------------------------------------------------------- */

static int take_text(struct taking *t, const char *path, int netns_fd)
{
	struct proc_file *f;
	struct nl_error why;
	const char *line;
	size_t len;
	int rc = proc_open(&f, netns_fd, path, &why);

	if (rc == 0) {
		while ((rc = proc_line(f, &line, &len, &why)) > 0)
			;
		proc_close(f);
	}
	if (rc == 0)
		return 0;
	if (ends_all(why.code)) {
		*t->err = why;
		return -1;
	}
	if (!is_absent(why.code))
		miss(t, why.text);
	return 0;
}

/* Takes the reference; NULL: the namespace that we are in. */
static int take_place(struct taking *t, struct netns *ns)
{
	struct env *env = env_new(ns);
	int rc = env ? 0 : query_no_memory(t->err);

	for (size_t i = 0; rc == 0 && sources[i]; i++)
		rc = take_source(t, sources[i], env);
	for (size_t i = 0; rc == 0 && i < sizeof(texts) / sizeof(texts[0]); i++)
		rc = take_text(t, texts[i], env_netns_fd(env));
	env_unref(env);
	t->out->namespaces += rc == 0;
	return rc;
}

static int take_entry(struct taking *t, const struct netns_entry *e)
{
	char name[NETNS_NAME_MAX], text[256];
	struct netns *ns = NULL;
	struct nl_error why;

	if (!e->own && netns_open_entry(e, &ns, &why) < 0) {
		if (ends_all(why.code)) {
			*t->err = why;
			return -1;
		}
		netns_record(e, NULL);
		snprintf(text, sizeof(text), "network namespace %.100s (%.120s)",
			 netns_entry_name(e, name), why.text);
		miss(t, text);
		return 0;
	}
	netns_record(e, ns);
	return take_place(t, ns);
}

static int take_places(struct taking *t)
{
	struct netns_list found;
	struct nl_error why;
	int rc = 0;

	if (netns_list_read(&found, &why) < 0) {
		if (ends_all(why.code)) {
			*t->err = why;
			return -1;
		}
		miss(t, why.text);
		return take_place(t, NULL);
	}
	t->out->hidden |= found.hidden;
	for (size_t i = 0; rc == 0 && i < found.n; i++)
		rc = take_entry(t, &found.list[i]);
	netns_list_free(&found);
	return rc;
}

/* Behind all lists, so that each socket in them is held by somebody still, or has ended. */
static int take_owners(struct taking *t)
{
	const struct owners_request all = { .facts = true };
	struct owners *o = owners_new();
	struct nl_error why;
	int rc = o ? 0 : query_no_memory(t->err);

	if (rc == 0 && owners_scan(o, &all, &why) < 0) {
		if (ends_all(why.code)) {
			*t->err = why;
			rc = -1;
		} else {
			miss(t, why.text);
		}
	}
	if (rc == 0)
		t->out->hidden |= owners_denied(o) || owners_hidden();
	owners_free(o);
	return rc;
}

int snapshot_take(const char *path, struct snapshot_report *out, struct nl_error *err)
{
	struct taking t = { out, err };

	memset(out, 0, sizeof(*out));
	if (nl_replay_loaded())
		return nl_fail(err, EINVAL, "a snapshot can only be taken of a living system");
	if (nl_record_start(path, err) < 0)
		return -1;
	if (take_places(&t) < 0 || take_owners(&t) < 0) {
		nl_record_abandon();
		return -1;
	}
	if (nl_record_stop(err) < 0)
		return -1;
	out->bytes = nl_record_size();
	return 0;
}
