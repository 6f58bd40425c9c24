/*
 * field: what a fact about a kernel object is. Values and their types, the one
 * declaration of a field, single conditions on fields, and the programs by which
 * the kernel filters. A part of the source room's contract; trees of conditions
 * belong to query, and nothing here knows Lua.
 */
#ifndef CONNSH_FIELD_H
#define CONNSH_FIELD_H

#include "connsh/netlink.h"

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
#define NEED_FDS     UINT32_C(0x08000000) /* and every descriptor by which those hold one */
#define NEED_PEER    UINT32_C(0x10000000) /* and of the sockets at their other ends */
#define NEED_OWNER   UINT32_C(0x20000000)
#define NEED_HOLDERS UINT32_C(0x40000000) /* all of them, whatever the conditions ask for */
#define NEED_FACTS   UINT32_C(0x80000000) /* and what /proc says of the owners: exe, cgroup */
#define NEED_OWNERS  (NEED_FDS | NEED_PEER | NEED_OWNER | NEED_HOLDERS | NEED_FACTS)

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
bool kprog_auto(struct kprog *p); /* bind(2) did not choose the port (INET_DIAG_BC_AUTO) */
bool kprog_always(struct kprog *p, bool yes);
/* p = p and q; p = p or q; p = not p. False, p unchanged, when it does not fit. */
bool kprog_and(struct kprog *p, const struct kprog *q);
bool kprog_or(struct kprog *p, const struct kprog *q);
bool kprog_not(struct kprog *p);

#endif
