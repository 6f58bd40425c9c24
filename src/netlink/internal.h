/*
 * What the files of the netlink room share among themselves: building errors,
 * one private socket, the recording's two sides. No other room includes this.
 */
#ifndef CONNSH_NETLINK_INTERNAL_H
#define CONNSH_NETLINK_INTERNAL_H

#include "connsh/netlink.h"

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

/* recording.c: names one dump of the recording being written; zero is none. */
struct nl_mark {
	unsigned generation; /* of the recording, so that a later one is not mixed up */
	uint32_t number;     /* of the dump in it */
};

struct nl_mark nl_record_dump(const struct nl_request *req);
void nl_record_datagram(const struct nl_mark *mark, const void *data, size_t len);

/* The layout of a recording, for both of its sides. All numbers little-endian. */
#define NL_REC_MAGIC   "connshnl"
#define NL_REC_VERSION 1
#define NL_REC_HEAD    12 /* bytes of magic and version */

enum {
	NL_REC_DUMP = 1,     /* bus, type, key: begins a dump */
	NL_REC_DATAGRAM = 2, /* one datagram of the current dump */
	NL_REC_AGAIN = 3,    /* number: that dump, counted from 0, is the current one again */
};

/* replay.c: the loaded recording, held while a dump reads it. */
struct nl_recording;

/* The loaded recording or NULL. It stays until nl_replay_drop, even if unloaded. */
struct nl_recording *nl_replay_hold(void);
void nl_replay_drop(struct nl_recording *rec);
/* Sets *cursor before the first datagram of the dump; false when there is none. */
bool nl_replay_find(const struct nl_recording *rec, const struct nl_request *req, uint32_t *cursor);
/*
 * The next datagram of the dump and its offset in the recording; false at the
 * end of what was recorded.
 */
bool nl_replay_datagram(const struct nl_recording *rec, uint32_t *cursor,
			const unsigned char **data, size_t *len, size_t *offset);

#endif
