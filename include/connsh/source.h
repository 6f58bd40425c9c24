/*
 * source: record types. A source is one kind of kernel object (sockets,
 * routes ...), declared as one table of fields (field.h) and a way to ask for
 * its rows. Nothing here knows Lua.
 */
#ifndef CONNSH_SOURCE_H
#define CONNSH_SOURCE_H

#include "connsh/field.h"
#include "connsh/procfs.h"

/* ---- the place a run asks, and rows -------------------------------------- */

/*
 * What rows of one run share: the namespace they are from and small caches of
 * names (users, devices). Reference counted: records outlive their run.
 */
struct env *env_new(struct netns *ns); /* takes the reference; NULL ns: here; NULL: no memory */
struct env *env_ref(struct env *e);
void env_unref(struct env *e);
int env_netns_fd(const struct env *e);		 /* -1: here */
const char *env_netns_name(const struct env *e); /* NULL: here */
struct netns *env_netns(const struct env *e);	 /* NULL: here; not the caller's reference */
/* Names from the caches, NULL when there is none (a user without an entry in passwd). */
const char *env_user(struct env *e, uid_t uid);
const char *env_ifname(struct env *e, unsigned ifindex); /* "if7" when it is gone */
const char *env_cgroup(struct env *e, uint64_t id);
/* 0: no device has this name, or the loaded recording does not know of it. */
unsigned env_ifindex(struct env *e, const char *name);
/* The same text, kept as long as the env lives; for texts that repeat. NULL: no memory. */
const char *env_text(struct env *e, const char *text, size_t len);
/*
 * Keeps another env as long as this one lives, for rows that hold rows of
 * others: *number stands for it in env_held. False: no memory.
 */
bool env_hold(struct env *e, struct env *other, uint32_t *number);
struct env *env_held(const struct env *e, uint32_t number);
/*
 * Does a tcp listener of the namespace hold the port (host order)? 1 or 0, or
 * -1 when it is not known. The first call asks for all of them.
 */
int env_listens(struct env *e, uint16_t port);
/*
 * Do fields give what the kernel wrote, also where it means something else or nothing? (Of a
 * listener unacked is its queue, of a socket in time-wait the uid is 0.) False unless set; of NULL
 * too.
 */
bool env_verbatim(const struct env *e);
void env_set_verbatim(struct env *e, bool verbatim);
/* Are its rows from a file: does what they tell of stand here at all? False unless set. */
bool env_of_file(const struct env *e);
void env_set_of_file(struct env *e, bool of_file);
/*
 * The ports that the kernel takes for who asks for none: net.ipv4.ip_local_port_range of the
 * namespace, read once. False when it is not known.
 */
bool env_local_ports(struct env *e, uint16_t *lo, uint16_t *hi);
/* What was asked for beside the rows and could not be had, as a sentence; NULL: nothing. */
const char *env_lacks(const struct env *e);
/* Adds a sentence to it, unless there is one. */
void env_set_lacks(struct env *e, const char *what);
/*
 * Memory, aligned to 8, for the items of a list of rows and for the rows themselves,
 * apart from that of other lists, which the fields of such rows may be: valid until the
 * next list of rows is read. NULL: no memory.
 */
void *env_scratch(struct env *e, size_t size);
/*
 * Notes why rows lack what this user may not read: a text that is constant or of the env
 * (env_text), the last one stands. The answer is whole all the same. NULL: nothing was withheld.
 */
void env_withhold(struct env *e, const char *why);
const char *env_withheld(const struct env *e);
/* Keeps a source that was made at run time as long as the env lives. */
void env_keep_source(struct env *e, const struct source *s);
/*
 * Who holds which socket is looked up by passes over /proc, whose result all
 * envs of a run share: the second looks where the first does.
 */
void env_share_owners(struct env *e, struct env *with);
/*
 * What passes look at if NEED_FDS asks for descriptors: each thread, contexts of security.
 * Before the first pass.
 */
void env_detail_owners(struct env *e, bool threads, bool contexts);
/*
 * A pass for the inodes of req (whose other members are not used), with what
 * needs asks. If each row must meet the condition `only`, and it names
 * processes by pid or comm, no others are looked at: then only these are the
 * owners of a row, but for NEED_HOLDERS and NEED_PEER, which take a second pass
 * over all.
 */
int env_scan_owners(struct env *e, const struct owners_request *req, const struct cond *only,
		    uint32_t needs, struct nl_error *err);
/* Can a pass be made at all: not if a recording is loaded that has none. */
bool env_tells_owners(void);
bool env_owners_looked(const struct env *e); /* was there any pass? */
/* Has a pass found what fields with these needs tell of the socket? */
bool env_owner_known(const struct env *e, uint32_t inode, uint32_t needs);
/* Has one found who holds the socket at a row's other end? */
bool env_peer_known(const struct env *e, uint32_t inode);
/*
 * Was no holder found though there may be one: not permitted to look into, or
 * not in /proc? And if so, is it known only that the condition names it?
 */
enum owner_hidden { OWNER_NOT_HIDDEN, OWNER_HIDDEN, OWNER_HIDDEN_BY_NAME };
enum owner_hidden env_owner_hidden(const struct env *e, uint32_t inode);
/* Why a single row that was asked for its owner cannot tell it; NULL: it can. */
const struct nl_error *env_owners_error(const struct env *e);
/* Notes, and tells, that a row of the run had damaged attributes. */
void env_set_damaged(struct env *e);
bool env_damaged(const struct env *e);

#define ROW_ATTRS 96

/*
 * One row as it came: the message, and where it came from. The attribute index
 * is made when a field first needs it (row_attr).
 */
struct row {
	const struct source *source;
	struct env *env;
	const struct nlmsghdr *msg;
	const struct shape *shape; /* of msg */
	uint32_t tag;		   /* the source's own: sockets keep the protocol here */
	uint32_t asked;		   /* extension bits that the request named */
	double when; /* it came from the kernel, in s of CLOCK_MONOTONIC; its facts are of then */
	bool indexed;
	const struct nlattr *attr[ROW_ATTRS];
};

/* The attribute of this type with at least size bytes, or NULL. */
const void *row_attr(struct row *row, unsigned type, size_t size);
const struct nlattr *row_nlattr(struct row *row, unsigned type);
/*
 * The attribute of this type within those that in names, as in struct field; NULL
 * when one of them is not there.
 */
const struct nlattr *row_nested(struct row *row, const uint16_t in[FIELD_DEPTH], unsigned type);
/* The fixed header behind the nlmsghdr; scan has checked its length. */
static inline const void *row_header(const struct row *row)
{
	return (const char *)row->msg + NLMSG_HDRLEN;
}

/* The field's value in *v; false and VALUE_NIL when it has none. */
bool field_get(const struct field *f, const struct row *row, struct value *v);
/* The row that an item (VALUE_ROW) of a list of the field f is; env: of the row that has the list.
 */
void item_row(const struct field *f, const struct value *item, struct env *env, struct row *row);

/* ---- sources ------------------------------------------------------------- */

/*
 * A part is a piece of a source that a request can leave out: for sockets one
 * (protocol, family, state). Parts are numbered from 0; at most PARTS_MAX.
 */
#define PARTS_MAX 512
struct part_set {
	uint64_t bits[PARTS_MAX / 64];
};
static inline bool part_has(const struct part_set *s, unsigned i)
{
	return s->bits[i / 64] >> (i % 64) & 1;
}
static inline void part_add(struct part_set *s, unsigned i)
{
	s->bits[i / 64] |= UINT64_C(1) << (i % 64);
}

/*
 * Asks of a request: equalities with one plain value (OPERAND_VALUE, a whole
 * OPERAND_PREFIX) that each row must meet. What the kernel can be asked for, a
 * dump may ask; every row is tested again.
 */
#define ASKS_MAX 16

/* Rows that come from a file instead of the kernel. */
enum input_form {
	INPUT_NONE,
	INPUT_TEXT, /* a text as /proc/net has it of the one table that is asked for */
	INPUT_DIAG, /* messages of sock_diag(7), as `ss -D` and q:save_diag write them */
};
struct input {
	enum input_form form;
	const char *path; /* relative to the current folder */
	bool first_dump;  /* of INPUT_DIAG: the first list of several, no more */
};

/* What to ask for. */
struct scan_request {
	struct env *env;
	struct part_set parts;
	struct part_set named;	  /* of them, those that the query means in particular */
	uint32_t needs;		  /* extension bits of the fields in use */
	const struct kprog *prog; /* NULL: none; copied */
	bool listed;		  /* kinds that this kernel does not list are not missing */
	bool ordered; /* rows in the kernel's order, IPv4 before IPv6: one dump a part */
	const struct cond *asks[ASKS_MAX];
	size_t nasks;
	struct input input; /* its path lives as long as the scan */
};

/* The value that each row must have in this field; NULL: any. */
const struct value *ask_value(const struct scan_request *req, const char *field);
/* Of a field of whole numbers; false: any. */
bool ask_number(const struct scan_request *req, const char *field, int64_t *n);
/*
 * The index of the one interface that each row must have: by the number in the
 * field index, or the name in the field name (NULL: there is none of them).
 * 1 it is *ifindex, 0 any, -1 there is no interface of this name: no row matches.
 */
int ask_ifindex(const struct scan_request *req, const char *index, const char *name,
		unsigned *ifindex);

/*
 * Rows that no netlink dump gives: a reader makes them as messages of the plan's
 * shape, from texts of /proc. The first member of each.
 */
struct reader {
	const struct reader_ops *ops;
	bool of_proc; /* one that asks the kernel (dump_plan.asks) was refused and reads /proc */
};
#define READER_TORN 2
struct reader_ops {
	/*
	 * 1 and *msg, valid until the next call; 0 at the end; READER_TORN at the end if
	 * things changed while it read, so that rows may be wrong; -1 *err.
	 */
	int (*next)(struct reader *r, const struct nlmsghdr **msg, struct nl_error *err);
	void (*close)(struct reader *r);
};
struct dump_plan;
/*
 * Begins to read; NULL and *err: EPROTONOSUPPORT says that this system has no such
 * objects at all, which is no failure. req and plan are valid during the call only.
 */
typedef struct reader *reader_open(const struct scan_request *req, const struct dump_plan *plan,
				   struct nl_error *err);

/*
 * What kernels may lack. A dump that is refused for that reason gives no rows; what
 * the answer then lacks is told (see struct scan_gap).
 */
struct dump_optional {
	const char *protocol; /* the name in /proc/net/protocols; NULL: no kernel lacks it */
	const char *config;   /* what its rows take: "CONFIG_XDP_SOCKETS_DIAG" */
	bool named;	      /* the query means it in particular, not just all there is */
};

/* One dump of a scan, as the source lays it out. */
struct dump_plan {
	struct nl_request request; /* payload points to buf; of a reader only `what` counts */
	const struct shape *shape; /* of its rows; NULL: the source's */
	uint32_t tag;
	uint16_t reply; /* nlmsg_type of its rows; 0: the shape's */
	/*
	 * Reads the rows, instead of a dump; or, with otherwise, when the kernel has
	 * no such dump or refuses it (no module, no permission, no such protocol).
	 */
	reader_open *read;
	bool otherwise;
	bool instead; /* also when the kernel refuses the program */
	/* Is a message of that type no row? NULL: each is one. */
	bool (*skip)(const struct nlmsghdr *msg);
	struct dump_optional optional;
	bool asks; /* the reader asks the kernel over netlink, not /proc */
	int none;  /* the errno by which the kernel says that there is no row; 0: none does */
	/*
	 * Called when a dump of the kernel's has come to its end, with the sum of what weigh
	 * gave for its rows (NULL: 1 each), to say with env_set_lacks that rows are missing.
	 */
	void (*ended)(struct env *env, const struct dump_plan *plan, uint64_t weight);
	uint64_t (*weigh)(struct row *row);
	bool merged;	/* stands for several dumps of an ordered request; a kernel may lack it */
	bool filtered;	/* carries the program, so the kernel may refuse it */
	char note[200]; /* for explain: what of it is asked */
	size_t len;
	_Alignas(8) unsigned char buf[sizeof(struct kprog) + 128];
};

#define DUMPS_MAX 32

/* Which process holds a socket, for those that a process can hold. */
enum owner_status {
	OWNER_HELD,	    /* its holders are known */
	OWNER_PERMISSION,   /* descriptors of some processes could not be read */
	OWNER_OTHER_PIDNS,  /* of a process outside of this pid namespace, or hidden */
	OWNER_KERNEL,	    /* of the kernel, or on its way between two processes */
	OWNER_TIME_WAIT,    /* no process has it any more */
	OWNER_NOT_ACCEPTED, /* waits for accept(2), or is half open */
	OWNER_CLOSED,	    /* its program has closed it; the kernel ends the connection */
	OWNER_GONE,	    /* ended before its holder was found */
	OWNER_UNREADABLE,   /* /proc could not be read */
	OWNER_UNTRUSTED,    /* its row is from a text that any user can write into */
};

/* Where the kernel tells that objects end, and what its messages are. */
#define END_GROUPS 8
struct end_plan {
	int bus;
	unsigned groups[END_GROUPS];
	size_t n;
	const char *what; /* static; for messages: "sockets that end" */
	const struct shape *shape;
	uint16_t type; /* of the messages that are rows */
	/* The tag of the row that the message is; false: it is none. */
	bool (*tag)(const struct nlmsghdr *msg, uint32_t *tag);
};

enum source_flag {
	/* Few rows: all are read before the first is given, again if the kernel flags them. */
	SOURCE_WHOLE = 1 << 0,
	/* And two lists are joined by key, for one can miss rows without any flag. */
	SOURCE_TWICE = 1 << 1,
};

/*
 * Most sources are constants of the program. One that is made at run time (the
 * result of a query) is counted: refs is then 1 or more, and destroy frees it.
 */
struct source {
	const char *name;
	const char *doc;
	const char *row_name;	    /* "socket" */
	const struct field *fields; /* name NULL at the end */
	unsigned nparts;
	unsigned flags;		   /* SOURCE_* */
	const struct shape *shape; /* of its rows, unless a dump's plan says another */
	/*
	 * The field that names its rows, so that `counters.TcpInSegs` in Lua is the row of
	 * this name, or its value in the other field (NULL: the row). NULL: rows have no names.
	 */
	const char *row_names, *row_value;
	/* A field that is known for a part; false when it varies inside it. NULL: none is. */
	bool (*part_value)(unsigned part, const struct field *f, struct value *v);
	/*
	 * Does a query with these n conditions (wherever in its tree) mean the part at all?
	 * NULL: any does.
	 */
	bool (*part_asked)(unsigned part, const struct cond *const *conds, size_t n);
	/* And is it meant in particular, not only as one of all? NULL: yes. */
	bool (*part_named)(unsigned part, const struct cond *const *conds, size_t n);
	/* Lays out dump number i for a request; false when there are no more. */
	bool (*dump)(const struct scan_request *req, unsigned i, struct dump_plan *out);
	/*
	 * Lays out how req->input is read: 1; 0: no row of it can be wanted; -1 and *err (EINVAL):
	 * what it holds is not said, or there are no such files. NULL: rows never come from files.
	 */
	int (*input)(const struct scan_request *req, struct dump_plan *out, struct nl_error *err);
	/* A number that no other row of the source has at the same time; 0: unknown. */
	uint64_t (*key)(const struct row *row);
	/*
	 * Asks again for one row with more extensions: size of the reply, 0 when the
	 * object is gone, -1 with *err when it could not be asked. NULL: cannot.
	 */
	ptrdiff_t (*refetch)(const struct row *row, uint32_t needs, void *buf, size_t size,
			     struct nl_error *err);
	/*
	 * Do rows that a reader made, since the kernel refused the dump, tell the field?
	 * NULL: they tell all.
	 */
	bool (*proc_tells)(const struct field *f);
	/*
	 * The inode by which /proc/PID/fd names the row's socket; 0 with *why if no
	 * process can have it. NULL: rows of this source are no sockets.
	 */
	uint32_t (*inode)(const struct row *row, enum owner_status *why);
	/* The inode of the socket at the other end; 0: it has none, or it is not known. NULL: so.
	 */
	uint32_t (*peer)(const struct row *row);
	/*
	 * Lays out how rows of these parts are told as they end; -1 with *err: they are not.
	 * NULL: the kernel tells the end of none.
	 */
	int (*ends)(const struct part_set *parts, struct end_plan *out, struct nl_error *err);
	/* Ends the row's object in the kernel; -1 with *err, ENOENT if it is gone. NULL: cannot. */
	int (*end)(const struct row *row, struct nl_error *err);
	unsigned refs; /* 0: not counted */
	void (*destroy)(struct source *s);
};

const struct source *source_ref(const struct source *s);
void source_unref(const struct source *s); /* NULL is allowed */

extern const struct source source_sockets;
/* What a request for inet sockets can ask for: 1 << (INET_DIAG_* - 1), by the name of that. */
extern const struct enum_name diag_extensions[];
extern const struct source source_links;
extern const struct source source_namespaces;
extern const struct source source_addrs;
extern const struct source source_neighs;
extern const struct source source_maddrs;
extern const struct source source_processes;
extern const struct source source_counters;
extern const struct source source_limits;
extern const struct source source_routes, source_nexthops, source_rules;

/* A packet that route_lookup asks about; what is 0 is left to the kernel. */
struct route_question {
	struct addr dst, from; /* family 0: none; both of one family */
	uint32_t iif, oif;     /* as if it had come in by iif; if it has to leave by oif */
	uint32_t mark, uid;
	bool has_uid; /* of this user, else of the one who asks */
	uint8_t tos, proto;
	uint16_t sport, dport; /* host order */
	bool fibmatch; /* the entry of the table, with all its paths, not what is made of it */
};
/*
 * Which route the kernel would use, in the namespace of the env: 1 and *row of
 * source_routes, whose message is in buf (aligned to 8; 64 KiB hold any); 0 and *err: none,
 * or one that sends nothing (ENETUNREACH, EHOSTUNREACH, EACCES: prohibit, EINVAL: blackhole
 * ...); -1 and *err: it could not be asked.
 */
int route_lookup(struct env *env, const struct route_question *ask, void *buf, size_t size,
		 struct row *row, struct nl_error *err);

/* All sources, NULL at the end. */
extern const struct source *const sources[];

const struct field *source_field(const struct source *s, const char *name);
/* Can rows of this shape have the field, by its declaration? */
bool field_in_shape(const struct field *f, const struct shape *shape);
/* The field's name that is nearest to a word, or NULL when none is near. */
const char *source_nearest(const struct source *s, const char *word);
/* The nearer of best (or NULL) and candidate to word; NULL when neither is near. */
const char *nearest_name(const char *word, const char *best, const char *candidate);

/* ---- navigation: where rows lead to ----------------------------------------- */

enum nav_kind {
	NAV_ONE,   /* the first row of `to` whose field theirs equals ours, if there is one */
	NAV_MANY,  /* all of them */
	NAV_ROUTE, /* what the kernel answers to who would send to the address in ours */
};
enum nav_place {
	NAV_HERE,    /* in the namespace of the row */
	NAV_ANY,     /* `to` is the same in all namespaces */
	NAV_PROCESS, /* in that of the process whose pid is in ours */
};

/* For NAV_ROUTE: what else is told of the question, and the field that has it. */
struct nav_told {
	const char *name; /* NULL ends a list */
	const char *field;
};

struct nav {
	const char *name;
	const char *doc; /* one sentence */
	enum nav_kind kind;
	enum nav_place place;
	const struct source *to;
	const struct field *ours, *theirs; /* theirs: NULL for NAV_ROUTE */
	const struct field *any;     /* has any value: rows that come when it is named; or NULL */
	const struct nav_told *told; /* NULL but for NAV_ROUTE */
	/* Where the row lacks ours: what the record that this other member leads to has; or NULL.
	 */
	const char *through;
};
/*
 * Where rows of the source lead to, number i in *out; false when there are no
 * more. One that leads to a source that the program has not is left out.
 */
bool source_nav(const struct source *s, size_t i, struct nav *out);

/* ---- scans: the dumps of one request, one after the other ----------------- */

struct scan;

enum {
	SCAN_INTERRUPTED = 1, /* the kernel said that things changed under a dump */
	SCAN_REFUSED = 2,     /* the kernel did not take the program: filter here */
	SCAN_RECORDED = 4,    /* from a recording */
	SCAN_FOREIGN = 8,     /* messages that were not the kernel's were dropped */
	SCAN_DAMAGED = 16,    /* a row's attributes did not fit their lengths */
	SCAN_PROC = 32,	      /* rows came from /proc */
	SCAN_NETLINK = 64,    /* rows came from a dump */
	SCAN_FALLBACK = 128,  /* from /proc because a dump was refused */
	SCAN_FILE = 256,      /* from a file that the query names */
};

/* A list that this kernel does not give. */
struct scan_gap {
	const char *what; /* as in nl_request */
	const char *config;
	bool exists; /* there may be such objects: the kernel has the protocol */
	bool named;
};

struct scan_stats {
	struct nl_stats nl;
	unsigned dumps;
};

/*
 * A message under construction, for readers. begin forgets the one before; end
 * gives it, valid until the next begin, or NULL when memory was short.
 */
struct message {
	unsigned char *buf;
	size_t len, size;
	bool failed;
};
void message_begin(struct message *m, uint16_t type, const void *header, size_t len);
void message_put(struct message *m, uint16_t type, const void *data, size_t len);
void message_put_text(struct message *m, uint16_t type, const char *text); /* NULL: nothing */
/* What is put between the two lies in one attribute; nest gives what unnest takes. */
size_t message_nest(struct message *m, uint16_t type);
void message_unnest(struct message *m, size_t nest);
const struct nlmsghdr *message_end(struct message *m);
void message_free(struct message *m);

/* Nothing is asked before the first scan_next. NULL: no memory. */
struct scan *scan_open(const struct source *s, const struct scan_request *req);
/* 1: *row is filled, valid until the next call; 0: the end; -1: *err. */
int scan_next(struct scan *sc, struct row *row, struct nl_error *err);
/* After -1: the next scan_next begins with the dump behind the one that failed. */
void scan_go_on(struct scan *sc);
unsigned scan_flags(const struct scan *sc);
void scan_stats(const struct scan *sc, struct scan_stats *out);
/*
 * How many of its dumps were read from /proc since the kernel refused them, what they list (as in
 * nl_request), and the errno of the first refusal. *what is valid until scan_close.
 */
size_t scan_from_proc(const struct scan *sc, const char *const **what, int *code);
/* How many lists were not to be had, and which; *gaps is valid until scan_close. */
size_t scan_gaps(const struct scan *sc, const struct scan_gap **gaps);
void scan_close(struct scan *sc); /* NULL is allowed */

#endif
