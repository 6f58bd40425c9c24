/*
 * recording: what the kernel and /proc answered, in one file. Written while
 * queries run (a recording), or of everything at once (a snapshot, query.h);
 * read, it answers in their place, on any machine, and nothing else is opened.
 *
 * Layout, all numbers little-endian: magic "connshnl", u32 version (2), then
 * records of {u32 kind, u32 length, u32 check, bytes padded to 4 by zeros}; check is
 * the CRC-32C (RFC 3720 B.4) of kind, length, bytes and padding. Texts inside end with
 * a NUL. A *list* is begun by kind 1, 4 or 13, and is the current one from then on:
 *
 *    1 dump       u32 namespace, bus, type, key
 *    2 data       bytes of the current list: a datagram as the kernel sent it (its port id
 *                 and sequence too), a piece of a text, a message of a reader
 *    3 again      u32: this list, counted from 0, is the current one again
 *    4 text       u32 namespace; path below /proc
 *    5 end        u32 errno or 0, text: the current list is whole, or why it is not
 *    6 namespace  u32 number, u64 inode, name (may be empty); 0 is that of the taker
 *    7 pids       u32 namespace, u32 pid ...: processes in it
 *    8 pass       u32 flags (1: /proc does not show all processes): those that follow are
 *                 of one pass over /proc/PID/fd
 *    9 process    u32 pid, flags (1: it could not be looked into), lengths of comm, exe + 1,
 *                 cgroup + 1 (0: not told), number of sockets; u32 inode ...; comm, exe, cgroup
 *   10 name       u32 namespace, what (enum nl_name), u64 number; u32 1 and the name, or 0:
 *                 it has none
 *   11 fact       key, value
 *   12 last       u64: how many records came before it. The file ends here
 *   13 object     u32 namespace, bus, type, u64 hash: a request for one object
 *   14 thread     u32 tid, lengths of comm + 1 (0: that of the process) and context + 1 (0: not
 *                 told), number; u32 inode, descriptor, length of context + 1 ...; comm, context,
 *                 contexts: by which descriptors a thread of the process before it holds sockets,
 *                 the first thread's first; tid 0: threads were not told apart. Older
 *                 recordings have none
 *
 * A reader takes a dump's first datagram's sequence and port as the expected ones. Of
 * several lists with the same head it takes the last that is whole, or the last; asking
 * again gives the same again. What is open when a recording is unloaded stays usable.
 */
#ifndef CONNSH_RECORDING_H
#define CONNSH_RECORDING_H

#include "connsh/netlink.h"

#define NL_REC_MAGIC   "connshnl"
#define NL_REC_VERSION 2

enum nl_rec_kind {
	NL_REC_DUMP = 1,
	NL_REC_DATA,
	NL_REC_AGAIN,
	NL_REC_TEXT,
	NL_REC_END,
	NL_REC_NETNS,
	NL_REC_PIDS,
	NL_REC_PASS,
	NL_REC_PROCESS,
	NL_REC_NAME,
	NL_REC_FACT,
	NL_REC_LAST,
	NL_REC_OBJECT,
	NL_REC_THREAD,
};

/* A bus that no netlink has: lists of rows that a reader of /proc made. */
#define NL_BUS_READER 0x10000

/* What a number stands for, as it was looked up. */
enum nl_name { NL_NAME_DEVICE = 1, NL_NAME_USER, NL_NAME_CGROUP };

/* CRC-32C of the bytes, behind those whose check is crc (0: none). */
uint32_t nl_crc(uint32_t crc, const void *data, size_t len);

/* ---- writing ------------------------------------------------------------------- */

/* Names one list of the recording being written; zero is none. */
struct nl_mark {
	unsigned generation; /* of the recording, so that a later one is not mixed up */
	uint32_t number;     /* of the list in it */
};

/*
 * From now on what dumps, /proc and names tell is also written to path: aside, 0600,
 * until nl_record_stop gives it its name (a path that is no plain file is
 * written to at once; a link stays, and what it leads to is replaced). EBUSY when a recording is
 * under way. Requests go out as they are: to record whole lists, ask for them without a filter.
 * Failed writes are told at the end: no answer fails for its recording.
 */
int nl_record_start(const char *path, struct nl_error *err);
/* Ends it; -1 and *err when writing failed at any point, and then there is no file; 0 when none is.
 */
int nl_record_stop(struct nl_error *err);
/* Ends it without a file. */
void nl_record_abandon(void);
/* Bytes written so far. */
uint64_t nl_record_size(void);

/*
 * Between true and false: lists are asked for the sake of another one's rows, often not
 * all of them, so those that the recording has already are not written again.
 */
void nl_record_aside(bool on);

/* Each does nothing while no recording is written. netns_fd as in netlink.h. */
struct nl_mark nl_record_dump(const struct nl_request *req, int netns_fd);
struct nl_mark nl_record_object(const struct nl_request *req, int netns_fd);
struct nl_mark nl_record_text(const char *path, int netns_fd);
void nl_record_data(const struct nl_mark *mark, const void *data, size_t len);
/* code 0: it is whole; else a positive errno and why. */
void nl_record_end(const struct nl_mark *mark, int code, const char *why);
/*
 * The number that a namespace has in the recording, by its descriptor; with -1, that of
 * one with this inode that could not be opened. UINT32_MAX while none is written.
 */
uint32_t nl_record_netns(int netns_fd, uint64_t inode);
void nl_record_netns_name(uint32_t number, const char *name);
void nl_record_netns_pids(uint32_t number, const uint32_t *pids, size_t n);
void nl_record_name(enum nl_name what, int netns_fd, uint64_t number, const char *name);
void nl_record_fact(const char *key, const char *value);

/* A process that holds sockets; texts need no NUL. */
struct nl_process {
	uint32_t pid;
	bool denied;			 /* it could not be looked into */
	const char *comm, *exe, *cgroup; /* exe, cgroup NULL: not told */
	size_t comm_len, exe_len, cgroup_len;
	const unsigned char *inodes; /* u32 each, little-endian, for nl_process_inode */
	size_t ninodes;
	size_t thread, nthreads; /* of those that were read, for nl_replay_thread */
};
/* What one of its threads holds; tid 0: threads are not told apart. */
struct nl_thread {
	uint32_t tid;
	const char *comm, *context; /* need no NUL; NULL: that of the process; not told */
	size_t comm_len, context_len;
	const unsigned char *uses; /* what nl_thread_use has not read yet */
	const char *contexts;
	size_t n;
};
struct nl_use {
	uint32_t inode, fd;  /* fd: at most INT32_MAX */
	const char *context; /* of the socket; NULL: not told */
	size_t context_len;
};
enum { NL_PASS_HIDDEN = 1 };
void nl_record_pass(unsigned flags);
/* inodes: those of p are not used. */
void nl_record_process(const struct nl_process *p, const uint32_t *inodes);
/* Of the process that was written last. uses: those of t are not used. */
void nl_record_thread(const struct nl_thread *t, const struct nl_use *uses);

/* ---- reading ------------------------------------------------------------------- */

/*
 * Loads a recording; any loaded before is dropped when this one is sound. EBADMSG
 * names the byte where it is damaged; EINVAL: of another version, or of a machine
 * with the other byte order.
 */
int nl_replay_load(const char *path, struct nl_error *err);
/* The same from memory; the bytes are copied. */
int nl_replay_memory(const void *bytes, size_t len, struct nl_error *err);
void nl_replay_unload(void);

/* A list that is read from the loaded recording. */
struct nl_list;
/*
 * The list of a dump or reader, or the text of a path of the namespace; NULL and *err: it
 * is not in it (ENOENT), or could not be had then (as it was told then).
 */
struct nl_list *nl_list_dump(const struct nl_request *req, int netns_fd, struct nl_error *err);
struct nl_list *nl_list_text(const char *path, int netns_fd, struct nl_error *err);
struct nl_list *nl_list_object(const struct nl_request *req, int netns_fd, struct nl_error *err);
/* The next piece, and its offset in the file; 1, 0 at the end, -1 and *err. */
int nl_list_next(struct nl_list *l, const unsigned char **data, size_t *len, size_t *offset,
		 struct nl_error *err);
/* Was it recorded to its end, by an end record? */
bool nl_list_ended(const struct nl_list *l);
void nl_list_close(struct nl_list *l); /* NULL is allowed */

/*
 * What follows is NULL, false or 0 when no recording is loaded; texts are valid as long
 * as it is.
 */

/* 1 and *name; 0: it had none; -1: it was not looked up. */
int nl_replay_name(enum nl_name what, int netns_fd, uint64_t number, const char **name);
/* The index of the device whose name was looked up so; 0: none was. */
unsigned nl_replay_ifindex(const char *name, int netns_fd);
const char *nl_replay_fact(const char *key);
/* Seconds since 1970 when it was taken; 0: not loaded. */
double nl_replay_time(void);
/* Flags of all passes over processes; -1: there was none. */
int nl_replay_pass(void);
/* Process number i of the passes, in the order they were found. */
bool nl_replay_process(size_t i, struct nl_process *p);
uint32_t nl_process_inode(const struct nl_process *p, size_t i);
bool nl_replay_thread(const struct nl_process *p, size_t i, struct nl_thread *t);
void nl_thread_use(struct nl_thread *t, struct nl_use *out); /* the next of its n */
/*
 * The namespace of a name, or of the process with this pid, as a number to be used like
 * a descriptor: -1, that of the taker, or below. 0: there is none.
 */
int nl_replay_netns(const char *name);
int nl_replay_netns_pid(uint32_t pid);
/* Record number i of a namespace, of which each can have several; *name NULL: no name. */
bool nl_replay_netns_at(size_t i, int *netns_fd, uint64_t *inode, const char **name);
/* How many processes were in it, and the lowest pid (0: none). */
size_t nl_replay_netns_pids(int netns_fd, uint32_t *lowest);
/* Was anything asked in it? */
bool nl_replay_netns_asked(int netns_fd);

/*
 * The time that answers are of, in seconds: now, or when the loaded recording was taken.
 * Since 1970, and since the machine started (CLOCK_BOOTTIME).
 */
double nl_time(void);
double nl_time_since_boot(void);

#endif
