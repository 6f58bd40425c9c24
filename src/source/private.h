/* What the files of the source room share and nobody else needs. */
#ifndef CONNSH_SOURCE_PRIVATE_H
#define CONNSH_SOURCE_PRIVATE_H

#include "connsh/source.h"

#include <sys/socket.h>

/* Is b, of blen bytes, the name a, give or take case, '-' and '_'? */
bool same_spelling(const char *a, const char *b, size_t blen);
/* The value's own name, or NULL. */
const char *enum_text(const struct enum_name *names, int64_t value);
bool addr_is_mapped(const struct addr *a);
/* Is one of the operands true or false, for a field of another type: has it a value at all? */
bool cond_asks_presence(const struct cond *c);

static inline char tolower_ascii(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* lookout.c: who holds the sockets of a run. */
struct lookout;
struct lookout *lookout_new(void);
void lookout_unref(struct lookout *l);
struct lookout **env_lookout(struct env *e); /* never NULL in it */
/* The owners among which a field of a row looks for the inode; NULL: nothing is known. */
const struct owners *row_owners(const struct row *row, const struct field *f, uint32_t inode);

/* May others than these hold it: not permitted to look into, or not in /proc? */
bool row_owners_hidden(const struct row *row, const struct owners *o);

/* scan.c: has the kernel no such list, or not for us? (Any list would fail so: no refusal.) */
bool scan_refused(const struct nl_error *err);

/* How many envs this one keeps by env_hold. */
uint32_t env_nheld(const struct env *e);
/* Room for a list of n values, valid until the next one; NULL: no memory. */
struct value *env_list(struct env *e, size_t n);

/* gap.c: has the kernel this protocol of /proc/net/protocols? If that is not known: yes. */
bool protocol_exists(const struct env *e, const char *name);

/*
 * What is known of other sockets of the env's namespace, looked up when it is
 * first asked for; NULL in it before. env_unref frees them.
 */
struct unix_names; /* sockets_unix_names.c */
struct unix_names **env_unix_names(struct env *e);
void unix_names_free(struct unix_names *u);		 /* NULL is allowed, as below */
const char *unix_names_lack(const struct unix_names *u); /* as env_lacks */
struct inet_peers;					 /* sockets_inet_peer.c */
struct inet_peers **env_inet_peers(struct env *e);
void inet_peers_free(struct inet_peers *p);
const char *inet_peers_lack(const struct inet_peers *p);

/* sockets_owner.c */
bool get_pid(const struct row *row, const struct field *f, struct value *v);
bool get_comm(const struct row *row, const struct field *f, struct value *v);
/*
 * What the path of a cgroup says, as cgroups(7) gives it; the text points into
 * it. The unit is the first part that is a systemd unit and no slice: below
 * user@1000.service it is this one. The container is the innermost one.
 */
bool cgroup_unit(const char *path, struct value *v);
bool cgroup_container(const char *path, struct value *v);

/* For looking at attributes: making the index of a row changes no fact of it. */
static inline struct row *indexed(const struct row *row)
{
	return (struct row *)(uintptr_t)row;
}

/* What getters end with: they fill *v and say yes. */
static inline bool set_int(struct value *v, int64_t n)
{
	v->kind = VALUE_INT;
	v->num = n;
	return true;
}

static inline bool set_bool(struct value *v, bool flag)
{
	v->kind = VALUE_BOOL;
	v->flag = flag;
	return true;
}

static inline bool set_text(struct value *v, const char *text, size_t len)
{
	v->kind = VALUE_TEXT;
	v->text.p = text;
	v->text.len = len;
	return true;
}

/* common.c: what fields of several sources share. */
bool get_netns(const struct row *row, const struct field *f, struct value *v);
bool get_nothing(const struct row *row, const struct field *f, struct value *v); /* of a setting */
/* The name of the interface whose index lies where the declaration says; none for 0. */
bool get_ifname(const struct row *row, const struct field *f, struct value *v);
/* The login name of the uid that lies there; a uid without an entry in passwd has none. */
bool get_user_name(const struct row *row, const struct field *f, struct value *v);

/* Of a source with one part: no field is known for it, and any query means it. */
bool part_varies(unsigned part, const struct field *f, struct value *v);
bool part_always(unsigned part, const struct cond *const *conds, size_t n);

/* The declaration of netns, the same in every source. */
#define FIELD_NETNS                                                                           \
	{                                                                                     \
		.name = "netns", .type = FT_TEXT, .get = get_netns, .flags = FF_REQUEST,      \
		.from = "setns(2)",                                                           \
		.doc = "Network namespace to ask, by name, pid or path; of a row, as it was " \
		       "asked "                                                               \
		       "for, absent here."                                                    \
	}

/* ---- recorded.c: rows and recordings -------------------------------------------- */

/*
 * The plan's reader: live, with its rows written down while a recording is made, or as
 * the loaded recording has them. NULL and *err.
 */
struct reader *reader_begin(const struct source *s, const struct scan_request *req,
			    const struct dump_plan *plan, struct nl_error *err);

/* Rows of a recording may be of parts that were not asked for. */
struct parts_test;
struct parts_test *parts_test_new(const struct source *s, const struct part_set *asked);
bool parts_test(const struct parts_test *t, const struct row *row); /* false: it is */
void parts_test_free(struct parts_test *t);			    /* NULL is allowed */
/* The families of the network that every source names so; rows of a table of names. */
#define NAMES_OF_INET                                                                    \
	{ AF_INET, "inet" }, { AF_INET, "ipv4" }, { AF_INET, "ip4" }, { AF_INET, "v4" }, \
	{                                                                                \
		AF_INET, "4"                                                             \
	}
#define NAMES_OF_INET6                                                                        \
	{ AF_INET6, "inet6" }, { AF_INET6, "ipv6" }, { AF_INET6, "ip6" }, { AF_INET6, "v6" }, \
	{                                                                                     \
		AF_INET6, "6"                                                                 \
	}

/* The kernel's clock_t, in which it tells most of its times: USER_HZ, <asm/param.h>. */
#define CLOCK_TICK 0.01

/* Of a field of FF_BITS: the names whose bits are set in raw; false: none. */
bool field_bits(const struct field *f, const struct row *row, uint64_t raw, struct value *v);

/* The field's value from where its row says that it lies; get is not asked. */
bool field_load(const struct field *f, const struct row *row, struct value *v);
/* The same as a whole number, whatever the field's type. */
bool field_number(const struct field *f, const struct row *row, int64_t *n);

#endif
