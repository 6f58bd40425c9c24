/*
 * source: record types. A source is one kind of kernel object (sockets,
 * routes ...), declared as one table of fields and a way to ask for its rows.
 *
 * This header also declares what a field's value is and what a single
 * condition on a field is, since a field's push takes one. Trees of
 * conditions belong to query; nothing here knows Lua.
 */
#ifndef CONNSH_SOURCE_H
#define CONNSH_SOURCE_H

#include "connsh/netlink.h"
#include "connsh/procfs.h"

#include <sys/types.h>

/* ---- values -------------------------------------------------------------- */

/*
 * An address of family AF_INET (4 bytes) or AF_INET6 (16 bytes), network order.
 * A prefix has its length in plen, plus one, and no bits behind it.
 */
struct addr {
	uint8_t family;
	uint8_t plen; /* 0: an address */
	uint8_t bytes[16];
};

enum value_kind {
	VALUE_NIL,
	VALUE_BOOL,
	VALUE_INT,
	VALUE_FLOAT,
	VALUE_TEXT,
	VALUE_ADDR,
	VALUE_ROW, /* an item of a list of FT_ROWS */
	VALUE_LIST
};

/*
 * One value. Text and lists are not owned: they point into the row or into a
 * cache of the row's env; text may hold any byte, a list holds no lists and is
 * valid until the next one is read. Counters of the kernel that are unsigned
 * 64-bit are stored with their bits unchanged.
 */
struct value {
	enum value_kind kind;
	union {
		bool flag;
		int64_t num;
		double real;
		struct {
			const char *p;
			size_t len;
		} text;
		struct addr addr;
		/*
		 * Of the field's source `rows` and of its shape; valid as a list is. It tells all
		 * by itself (names of devices too), so that it can be read far from its namespace.
		 */
		const struct nlmsghdr *row;
		struct {
			const struct value *items;
			size_t n;
		} list;
	};
};

/* Big enough for any value but text and lists. */
#define VALUE_TEXT_MAX 100

struct field;

/*
 * The order of two values of one field: below, equal to or above 0. Numbers and
 * addresses by size (IPv4 first, mapped ones as IPv4), names and text by their
 * bytes. No value (VALUE_NIL) is equal to itself and above all others.
 */
int value_compare(const struct field *f, const struct value *a, const struct value *b);

/*
 * The value as text, exact, in the field's own terms (enum names, addresses,
 * seconds): numbers and addresses are written to buf, text is pointed to as it
 * is (escaping is the printer's job). Returns the text, *len its bytes; nil is
 * the empty text.
 */
const char *value_text(const struct field *f, const struct value *v, char buf[VALUE_TEXT_MAX],
		       size_t *len);

/* v4-mapped IPv6 addresses become the IPv4 address that they stand for (RFC 4291 2.5.5.2). */
struct addr addr_canonical(const struct addr *a);

/*
 * Reads "10.0.0.1", "::1", "[::1]", either with "/len". *plen is the prefix
 * length, of the whole address when none is written. False when it is neither.
 */
bool addr_parse(const char *text, size_t len, struct addr *a, unsigned *plen);

/* ---- fields -------------------------------------------------------------- */

enum field_type {
	FT_BOOL,
	FT_INT,
	FT_MARK,     /* an integer with an optional mask in conditions */
	FT_PORT,     /* 0..65535, host order */
	FT_BYTES,    /* integer */
	FT_RATE,     /* bytes per second, integer */
	FT_DURATION, /* seconds, float */
	FT_FLOAT,
	FT_ENUM, /* integer with names; see enum_is_named */
	FT_TEXT,
	FT_ADDR,
	FT_LLADDR, /* an address of a link layer: its bytes as VALUE_TEXT; or a VALUE_ADDR */
	FT_ROWS,   /* a list of rows of another source */
	FT_ANY,	   /* what a function gives */
	FT_TYPES
};

/* What a field of this type looks like to a user; the table is in value.c. */
struct field_kind {
	const char *name;  /* "duration" */
	const char *takes; /* for messages: what a condition on it can be */
	bool ordered;	   /* < <= > >= make sense */
};
extern const struct field_kind field_kinds[FT_TYPES];

/* A name of an enum value. The first row of a value is its own name, others are spellings. */
struct enum_name {
	int64_t value;
	const char *name;
};

/* Is the enum's value shown by a name? If not it is a number like any (FF_OPEN), or unknown. */
bool enum_is_named(const struct field *f, int64_t value);

enum field_flag {
	FF_COLUMN = 1 << 0,    /* shown when a record is printed as a row */
	FF_NET_ADMIN = 1 << 1, /* the kernel gives it only to CAP_NET_ADMIN */
	FF_REQUEST = 1 << 2,   /* decides where to ask, not which rows pass */
	FF_BIG_ENDIAN = 1 << 3,
	FF_COUNTER = 1 << 4,	 /* only grows while the object lives: has a rate */
	FF_RATE_COLUMN = 1 << 6, /* of a counter: its rate is shown as FF_COLUMN says */
	FF_SETTING = 1 << 7,	 /* says how to ask; rows have no such value */
	FF_LIST = 1 << 5, /* its value is a list of its type; a condition holds if one item does */
	FF_SIGNED = 1 << 8, /* of 1, 2 or 4 bytes, with a sign */
	FF_OPEN = 1 << 10,  /* of FT_ENUM: numbers without a name are values too (routing tables) */
	FF_BITS = 1 << 9,   /* with FF_LIST, of FT_ENUM: the names whose bits are set */
};

enum field_cost {
	COST_FREE,    /* in every row */
	COST_REQUEST, /* needs an extension of the request */
	COST_LOOKUP,  /* a look-up on this machine per distinct value: names of users, devices */
	COST_PROC,    /* a pass over /proc: which processes hold a socket */
};

/*
 * Bits of `needs` beside those that a request carries (the lower ones, the
 * source's own): rows are given out when their owners are known.
 */
#define NEED_PEER    UINT32_C(0x10000000) /* and of the sockets at their other ends */
#define NEED_OWNER   UINT32_C(0x20000000)
#define NEED_HOLDERS UINT32_C(0x40000000) /* all of them, whatever the conditions ask for */
#define NEED_FACTS   UINT32_C(0x80000000) /* and what /proc says of the owners: exe, cgroup */
#define NEED_OWNERS  (NEED_PEER | NEED_OWNER | NEED_HOLDERS | NEED_FACTS)

/* How well a condition could be handed to the kernel. */
enum push_answer {
	PUSH_EXACT,    /* the kernel passes exactly the rows that match */
	PUSH_SUPERSET, /* it passes those and perhaps others */
	PUSH_CANNOT,
};

struct row;
struct source;
struct env;
struct cond;
struct kprog;
struct scan_request;

/*
 * How the messages of one kind lie: a fixed header behind the nlmsghdr, then
 * attributes. A source can have rows of several shapes.
 */
struct shape {
	const char *name;  /* for messages: "unix sockets" */
	uint16_t type;	   /* nlmsg_type */
	size_t header;	   /* bytes */
	unsigned max_attr; /* the highest that is known; below ROW_ATTRS */
};

/* In attr: the attribute of type 0, which some families have (PACKET_DIAG_INFO). */
#define ATTR_ZERO   UINT16_C(0x4000)
#define FIELD_DEPTH 4

/* Where a field lies in messages of one shape; shape NULL ends a list of them. */
struct place {
	const struct shape *shape;
	uint16_t in[FIELD_DEPTH]; /* as in struct field */
	uint16_t attr, offset, size;
	unsigned flags; /* FF_BIG_ENDIAN, FF_SIGNED */
};

/*
 * The one declaration of a field. Rows of other shapes than shape (if set) lack
 * it. Where the value lies: get, if set; else, if places is set, as the row's
 * shape has it there (in none of them: absent; of several the first that the row
 * has); else in attribute attr (0: in the fixed header behind the nlmsghdr;
 * ATTR_ZERO: in that of type 0) at offset, of size 1, 2, 4 or 8 bytes,
 * (value >> shift) & mask if mask is set, taken as absent when it is none (with
 * has_none), times scale for FT_DURATION and FT_FLOAT. A header or attribute that
 * ends before offset + size is an older kernel: the field is absent.
 *
 * in names the attributes around attr, outermost first, 0 at the end: {
 * IFLA_LINKINFO, IFLA_INFO_DATA }. when, if set, is asked first: false: absent;
 * kind is for it to look at. Without a get, FT_TEXT is the attribute up to its
 * first NUL (absent when empty), FT_ADDR its 4 or 16 bytes (at offset, size if
 * set), FT_LLADDR all of it (from offset on).
 */
struct field {
	const char *name;
	enum field_type type;
	const char *unit; /* shown in headers: "s", "bytes"; NULL: none */
	const char *doc;  /* one sentence */
	const char *from; /* the kernel's own name for it, with the header */
	const struct enum_name *names;
	bool (*get)(const struct row *row, const struct field *f, struct value *v);
	/*
	 * Of a field that can have several values, of which get gives the first:
	 * value number i. A condition holds if one does, != if all are unequal.
	 */
	bool (*get_more)(const struct row *row, const struct field *f, size_t i, struct value *v);
	bool (*grows)(
		const struct row *row); /* of FF_COUNTER: false: not in this row; NULL: in all */
	const struct shape *shape;
	const struct place *places;
	bool (*when)(const struct row *row, const struct field *f);
	const char *kind;
	const struct source *rows; /* of FT_ROWS: what its items are */
	uint16_t in[FIELD_DEPTH];
	uint16_t attr, offset, size;
	uint8_t shift;
	uint32_t mask;
	bool has_none;
	uint64_t none;
	double scale;
	uint32_t needs; /* bits of the request's extension that bring it */
	enum field_cost cost;
	unsigned flags;
	enum push_answer (*push)(const struct cond *c, bool negated, struct kprog *prog,
				 struct env *env);
};

/* ---- conditions ---------------------------------------------------------- */

enum cond_op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_COUNT };
extern const char *const cond_op_names[OP_COUNT]; /* "=", "!=", "<" ... */
/* Reads = == ~= != < <= > >=; OP_COUNT when it is none of them. */
enum cond_op cond_op_parse(const char *text);

enum operand_kind {
	OPERAND_VALUE,	 /* lo */
	OPERAND_RANGE,	 /* lo .. hi, both inside */
	OPERAND_PREFIX,	 /* lo.addr / bits */
	OPERAND_GLOB,	 /* lo.text with * ? [a-z] */
	OPERAND_MASK,	 /* (x & mask) == lo.num */
	OPERAND_PRESENT, /* has a value; lo.flag false: has none */
	OPERAND_ALL,	 /* has a value, of a name: "*", which means all that there are */
};

struct operand {
	enum operand_kind kind;
	struct value lo, hi; /* text is owned by the condition */
	unsigned bits;
	uint64_t mask;
};

/* field op any of operands. n may be 0: matches nothing. */
struct cond {
	const struct field *field;
	enum cond_op op;
	size_t n;
	struct operand *operands;
};

/*
 * Appends what raw (VALUE_BOOL, INT, FLOAT or TEXT, as a user wrote it) means
 * for the condition's field; one raw may be several operands (a service name
 * with two ports). Returns 0, or -1 with *err naming the field, what it got,
 * what it takes and the nearest name.
 */
int cond_add(struct cond *c, const struct value *raw, struct nl_error *err);
void cond_free(struct cond *c);

/* Does the row match? A field without a value matches nothing but `false`. */
bool cond_match(const struct cond *c, const struct row *row);
/* The same for a value that is known already; VALUE_NIL is no value. */
bool cond_match_value(const struct cond *c, const struct value *v);

/* "state = established", for explain and messages; at most size bytes with the NUL. */
void cond_text(const struct cond *c, char *buf, size_t size);

/* ---- kernel filters ------------------------------------------------------ */

/*
 * A program for INET_DIAG_REQ_BYTECODE under construction (<linux/inet_diag.h>
 * struct inet_diag_bc_op; net/ipv4/inet_diag.c runs it). A fragment accepts by
 * running off its end and rejects by jumping 4 bytes past it.
 */
struct kprog {
	size_t len;
	unsigned char code[4096];
};

/*
 * Each adds one test: p = p and test. False, p unchanged, when it does not fit.
 * Addresses and devices are those of the row; the kernel's mark and cgroup may
 * be known of sockets whose row does not tell them.
 */
bool kprog_port(struct kprog *p, bool local, uint16_t lo, uint16_t hi); /* host order */
/* IPv4 prefixes hold for mapped addresses too. */
bool kprog_addr(struct kprog *p, bool local, const struct addr *a, unsigned bits);
bool kprog_dev(struct kprog *p, uint32_t ifindex); /* 0: bound to none */
/* (mark & mask) == value; the kernel takes it from CAP_NET_ADMIN only. */
bool kprog_mark(struct kprog *p, uint32_t value, uint32_t mask);
bool kprog_cgroup(struct kprog *p, uint64_t id); /* Linux 5.9 */
bool kprog_always(struct kprog *p, bool yes);
/* p = p and q; p = p or q; p = not p. False, p unchanged, when it does not fit. */
bool kprog_and(struct kprog *p, const struct kprog *q);
bool kprog_or(struct kprog *p, const struct kprog *q);
bool kprog_not(struct kprog *p);

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
 * Notes why rows lack what this user may not read: a constant text, the last one
 * stands. The answer is whole all the same. NULL: nothing was withheld.
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

/* What to ask for. */
struct scan_request {
	struct env *env;
	struct part_set parts;
	struct part_set named;	  /* of them, those that the query means in particular */
	uint32_t needs;		  /* extension bits of the fields in use */
	const struct kprog *prog; /* NULL: none; copied */
	bool ordered; /* rows in the kernel's order, IPv4 before IPv6: one dump a part */
	const struct cond *asks[ASKS_MAX];
	size_t nasks;
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
	/* Ends the row's object in the kernel; -1 with *err, ENOENT if it is gone. NULL: cannot. */
	int (*end)(const struct row *row, struct nl_error *err);
	unsigned refs; /* 0: not counted */
	void (*destroy)(struct source *s);
};

const struct source *source_ref(const struct source *s);
void source_unref(const struct source *s); /* NULL is allowed */

extern const struct source source_sockets;
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
