/*
 * netlink: asking the kernel over a netlink socket, and being told the truth.
 *
 * This room owns the receive path: private sockets, dumps, recordings of
 * dumps, attributes. libmnl is included here and nowhere else. Nothing in it
 * knows what a message means; it only promises that a message handed out came
 * from the kernel (or a recording), whole, and in answer to the request.
 */
#ifndef CONNSH_NETLINK_H
#define CONNSH_NETLINK_H

#include <linux/netlink.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Why a call failed. code is a positive errno value; text is a whole sentence
 * without a final stop, ready for a person: what was asked, what was answered,
 * and the kernel's own words (its extended ack) where it gave any.
 */
struct nl_error {
	int code;
	char text[256];
};

/*
 * Fills *err (NULL is allowed) with the code and the sentence, in which control
 * characters become question marks; returns -1, so that an error path is one line.
 */
int nl_fail(struct nl_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * One request for a dump. The payload is what follows the nlmsghdr: the
 * family's header and any attributes, already aligned (see nl_attr_put).
 */
struct nl_request {
	int bus;	     /* NETLINK_SOCK_DIAG, NETLINK_ROUTE ... */
	uint16_t type;	     /* nlmsg_type */
	uint16_t flags;	     /* beside NLM_F_REQUEST, which is always set */
	const void *payload; /* caller's, read only during the call */
	size_t len;	     /* bytes of payload, at most NL_REQUEST_MAX */
	uint32_t key;	     /* names this dump in a recording: two requests with
				the same bus, type and key are the same dump, with
				or without a filter */
	const char *what;    /* for messages: "tcp sockets (IPv4)"; static */
};

#define NL_REQUEST_MAX 65000

/* Facts about a dump that are true so far, or'ed together. */
enum {
	NL_INTERRUPTED = 1, /* NLM_F_DUMP_INTR was seen: rows may be missing or doubled */
	NL_FILTERED = 2,    /* NLM_F_DUMP_FILTERED was seen: the kernel took the filter */
	NL_RECORDED = 4,    /* from a recording: no filter of the request was applied */
};

struct nl_dump; /* one dump on its own socket, or from the recording */

/* Counters of one dump, for :explain(). */
struct nl_stats {
	uint64_t messages;  /* handed out */
	uint64_t bytes;	    /* received */
	uint64_t datagrams; /* received */
	uint64_t foreign;   /* datagrams dropped because their sender is not the kernel */
};

/*
 * Starts a dump: opens a socket (close-on-exec, extended acks, strict checking
 * on NETLINK_ROUTE, bound by the kernel), sends the request with
 * NLM_F_REQUEST | NLM_F_DUMP | req->flags. If a recording is loaded
 * the dump comes from there and no socket is opened.
 * netns_fd: a descriptor of the network namespace to ask in, or -1 for the one
 * this process is in; the caller keeps it. Below -1: a namespace of the loaded
 * recording (nl_replay_netns).
 * Returns 0 and sets *out, or -1 and fills *err (EMFILE, EPERM,
 * EPROTONOSUPPORT ... as the system said; ENOENT when the recording lacks it).
 */
int nl_dump_open(struct nl_dump **out, const struct nl_request *req, int netns_fd,
		 struct nl_error *err);

/*
 * The next message of the dump in *msg, valid until the next call on the same
 * dump. Its nlmsg_len has been checked against the datagram; control messages
 * (NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP) are never handed out. Datagrams that the
 * kernel did not send are dropped and counted; a message from the kernel with a
 * foreign sequence or port id fails the dump, for it stands where a row should.
 * Returns 1 with a message, 0 at the whole end (NLMSG_DONE with code 0; the
 * socket is closed already), -1 with *err: the dump failed and what was handed
 * out is not the whole answer. ECANCELED means nl_cancel was raised. After 0 or
 * -1 every further call returns the same.
 */
int nl_dump_next(struct nl_dump *dump, const struct nlmsghdr **msg, struct nl_error *err);

/*
 * The NLMSG_DONE that ended the dump, once nl_dump_next has returned 0; before, NULL. It is the
 * dump's, until it is closed.
 */
const struct nlmsghdr *nl_dump_done(const struct nl_dump *dump);
/* NL_INTERRUPTED | NL_FILTERED | NL_RECORDED of what was received so far. */
unsigned nl_dump_flags(const struct nl_dump *dump);
const struct nl_stats *nl_dump_stats(const struct nl_dump *dump);

/* Closes the socket and frees the dump; NULL is allowed. At any point of a dump. */
void nl_dump_close(struct nl_dump *dump);

/*
 * Asks for one object (no NLM_F_DUMP) and copies the single reply to buf.
 * Returns the reply's length (an nlmsghdr begins at buf, which the caller
 * aligns to 8), 0 when the kernel said yes without an object (to a request that
 * only acts, with NLM_F_ACK in req->flags), or -1 with *err: ENOENT or ESTALE
 * when the kernel has no such object, EMSGSIZE when buf is too small. A recording
 * has those objects that were asked for in the same words: ENOENT for others. Any bit of NLM_F_DUMP
 * in req->flags makes the kernel answer with a list, hence EINVAL.
 */
ptrdiff_t nl_get(const struct nl_request *req, int netns_fd, void *buf, size_t size,
		 struct nl_error *err);

/* ---- listening: what the kernel tells unasked ------------------------------ */

/* A socket of its own that is a member of multicast groups of a bus. */
struct nl_listen;

/*
 * Opens it: from now on what is told is kept until it is taken, as far as the socket's buffer
 * goes. groups: n numbers of the bus (SKNLGRP_* of <linux/sock_diag.h>, RTNLGRP_* ...); what: for
 * messages, static; netns_fd as in nl_dump_open. -1 with *err: EPERM where the bus lets only
 * privileged users listen, EINVAL when a recording is loaded, in which nothing happens.
 */
int nl_listen_open(struct nl_listen **out, int bus, const unsigned *groups, size_t n, int netns_fd,
		   const char *what, struct nl_error *err);

/*
 * Waits until one of n has something to take, at most so many milliseconds (-1: for ever). 1: it
 * may have, 0: none has, -1 with *err; ECANCELED means nl_cancel was raised.
 */
int nl_listen_wait(struct nl_listen *const *list, size_t n, int milliseconds, struct nl_error *err);

/* Messages were lost: the buffer was full. Those that are in it come still. */
#define NL_LISTEN_LOST 2
/*
 * The next message in *msg, valid until the next call, which does not wait. 1: there is one, its
 * length checked as by nl_dump_next, and the kernel sent it; 0: there is none yet;
 * NL_LISTEN_LOST; -1 with *err.
 */
int nl_listen_next(struct nl_listen *l, const struct nlmsghdr **msg, struct nl_error *err);
uint64_t nl_listen_foreign(const struct nl_listen *l); /* datagrams dropped, not the kernel's */
void nl_listen_close(struct nl_listen *l);	       /* NULL is allowed */

/*
 * A flag that a signal handler may raise. While it is non-zero, a receive that
 * is interrupted (or about to start) ends with ECANCELED; other signals
 * (EINTR) are taken in stride.
 */
extern volatile sig_atomic_t nl_cancel;

/*
 * Names of interfaces in a namespace (netns_fd as above), by ioctl on a
 * netlink socket created there. nl_ifname writes at most IFNAMSIZ bytes with a
 * final NUL and returns false when there is no such index; nl_ifindex returns
 * 0 when there is no such name. Neither works on a recording (false, 0).
 */
bool nl_ifname(unsigned ifindex, int netns_fd, char name[16]);
unsigned nl_ifindex(const char *name, int netns_fd);

/*
 * Opens a file for reading as a thread sees it whose network namespace is this
 * one (netns_fd as above): for /proc/thread-self/net and /proc/sys/net. Returns
 * the descriptor (close-on-exec), or -1 and errno.
 */
int nl_open_in(int netns_fd, const char *path);

/*
 * Is a recording loaded, which answers in the kernel's place, or is one being
 * written? The rest of it is in recording.h.
 */
bool nl_replay_loaded(void);
bool nl_recording(void);

/*
 * Attributes. An index of the attributes in [start, start+len): tb[type] for
 * type <= max is the first attribute of that type or NULL; unknown types are
 * passed over, NLA_F_NESTED and NLA_F_NET_BYTEORDER bits are masked off. tb
 * has max + 1 entries and is cleared first. Returns false when a length does
 * not fit what is left; what came before it is indexed still.
 */
bool nl_attrs(const void *start, size_t len, const struct nlattr *tb[], unsigned max);
size_t nl_attr_len(const struct nlattr *attr);	     /* payload bytes */
const void *nl_attr_data(const struct nlattr *attr); /* payload, 4-aligned */

/*
 * The first attribute of a type in [start, start+len), or NULL. *bad, if not NULL, is set
 * when a length before it does not fit what is left.
 */
const struct nlattr *nl_attr_find(const void *start, size_t len, unsigned type, bool *bad);
/*
 * The attribute behind a (NULL: the first) in [start, start+len), or NULL at the end; its type,
 * without NLA_F_NESTED and NLA_F_NET_BYTEORDER, in *type. *bad as above.
 */
const struct nlattr *nl_attr_next(const void *start, size_t len, const struct nlattr *a,
				  unsigned *type, bool *bad);

/*
 * Appends an attribute to a payload under construction: buf holds *len bytes
 * of size. Returns false, and changes nothing, when it does not fit.
 */
bool nl_attr_put(void *buf, size_t *len, size_t size, uint16_t type, const void *data,
		 size_t data_len);

/*
 * Walks one received datagram: the part of nl_dump_next that faces hostile
 * bytes, apart so that it can be fuzzed alone. Returns the next message at
 * *pos and moves *pos behind it, or NULL at the end; *bad is set when what is
 * left is no whole message.
 */
const struct nlmsghdr *nl_walk(const void *data, size_t len, size_t *pos, bool *bad);

#endif
