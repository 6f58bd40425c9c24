/*
 * What the files of the netlink room share among themselves: building errors,
 * one private socket, a recording as it is loaded. No other room includes this.
 */
#ifndef CONNSH_NETLINK_INTERNAL_H
#define CONNSH_NETLINK_INTERNAL_H

#include "connsh/netlink.h"
#include "connsh/recording.h"

#include <sys/types.h>

/*
 * The kernel fills at most 32 KiB of a dump datagram, but only when the reader
 * offers as much: with less it drops large rows (routes of many nexthops) and
 * still ends the dump with success. Twice that leaves room to see truncation.
 */
#define NL_BUFFER_SIZE 65536

/* error.c: like nl_fail, each returns -1; err may be NULL. */

/* The sentence, ": " and the system's words for code. */
int nl_fail_sys(struct nl_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * From an NLMSG_ERROR or NLMSG_DONE of checked nlmsg_len, the code it carries:
 * 0 for success, a positive errno, or -1 when it is too short for a code or the
 * code is no errno.
 */
int nl_answer_code(const struct nlmsghdr *nlh);
/* "the kernel refused ASKED WHAT: ...", with the extended ack that nlh holds. */
int nl_refused(struct nl_error *err, const struct nlmsghdr *nlh, const char *asked,
	       const char *what);

/* netns.c: a netlink socket that lives in netns_fd (-1: here), or -1 and errno. */
int nl_socket_in(int netns_fd, int bus);

/* sock.c: a private socket for one request and its answer. */
struct nl_sock {
	int fd;	       /* -1 when closed */
	uint32_t port; /* given by the kernel */
	uint32_t seq;  /* of the request sent last */
};

int nl_sock_open(struct nl_sock *sock, const struct nl_request *req, int netns_fd,
		 struct nl_error *err);
int nl_sock_send(struct nl_sock *sock, const struct nl_request *req, unsigned flags,
		 struct nl_error *err);
/*
 * One datagram from the kernel, whole; those of other senders are dropped and
 * counted in *foreign. Returns its length, 0 when there is nothing more to come,
 * or -1.
 */
ssize_t nl_sock_recv(struct nl_sock *sock, void *buf, size_t size, const char *what,
		     uint64_t *foreign, struct nl_error *err);
void nl_sock_close(struct nl_sock *sock);

/* A hash of bytes, the same on every machine: FNV-1a. */
static inline uint64_t nl_hash(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* facts.c */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NL_BYTE_ORDER "little"
#else
#define NL_BYTE_ORDER "big"
#endif
/* Writes the facts into the recording that was begun. */
void nl_record_facts(void);

/* ---- a loaded recording: replay.c makes it, answers.c asks it ------------------------ */

#define NL_PROCESS_HEAD 24 /* bytes before the inodes of a process */
#define NL_THREAD_HEAD	16 /* and before the descriptors of a thread */
#define NL_USE_SIZE	12 /* of each, but for its context */
#define NL_NO_DATA	UINT32_MAX
#define NL_MOST_NETNS	(INT32_MAX - 1) /* -1 minus a number is an int */

/* A dump, an object or a text, as its head names it. */
struct nl_head {
	uint32_t kind, netns, bus, type;
	uint64_t key; /* of a text: the hash of its path */
};

struct nl_rec_list {
	struct nl_head head;
	size_t path;	      /* of a text: where its path lies */
	uint32_t first, last; /* of its data */
	bool whole;	      /* has its end mark */
	bool ended;	      /* has an end record: */
	uint32_t code;
	size_t why;
};

/* A piece of a list. */
struct nl_rec_data {
	size_t offset;
	uint32_t len;
	uint32_t next; /* of the same list */
};

struct nl_rec_name {
	uint32_t netns, what;
	uint64_t number;
	size_t name; /* 0: it has none */
};

struct nl_rec_netns {
	uint64_t inode;
	uint32_t number;
	size_t name;
};

/* Processes in a namespace: n pids from offset on. */
struct nl_rec_pids {
	uint32_t netns;
	size_t offset, n;
};

/* A process, and which of all threads are its. */
struct nl_rec_process {
	size_t at, thread, nthreads;
};

/* An array that grows. */
struct nl_array {
	void *items;
	size_t n, size;
};

struct nl_recording {
	unsigned holders; /* under the lock of replay.c */
	unsigned char *bytes;
	size_t len;
	struct nl_array lists, data, names, netns, pids;
	struct nl_array processes;	/* struct nl_rec_process */
	struct nl_array threads, facts; /* size_t each: where they lie */
	uint32_t *order;		/* numbers of lists, sorted by their heads */
	uint32_t current;		/* list, while loading */
	int pass;			/* flags of all, or -1 */
};

/* The loaded recording or NULL. It stays until nl_replay_drop, even if unloaded. */
struct nl_recording *nl_replay_hold(void);
void nl_replay_drop(struct nl_recording *rec);
/* The same, not held: for answers that are valid while it is loaded. */
struct nl_recording *nl_replay_peek(void);

const char *nl_rec_fact(const struct nl_recording *rec, const char *key);

/* Heads and names in their order; below, equal to or above 0. */
int nl_head_compare(const struct nl_head *a, const struct nl_head *b);
int nl_rec_name_compare(const void *a, const void *b);

static inline uint32_t nl_rec_u32(const struct nl_recording *rec, size_t offset)
{
	const unsigned char *p = rec->bytes + offset;

	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t nl_rec_u64(const struct nl_recording *rec, size_t offset)
{
	return nl_rec_u32(rec, offset) | (uint64_t)nl_rec_u32(rec, offset + 4) << 32;
}

#endif
