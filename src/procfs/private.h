/*
 * What the files of the procfs room share among themselves: failures, maps
 * keyed by 32-bit numbers, lists of descriptors, one process, and the hand-over
 * from a pass to the table of owners. No other room includes this.
 */
#ifndef CONNSH_PROCFS_PRIVATE_H
#define CONNSH_PROCFS_PRIVATE_H

#include "connsh/procfs.h"

#include <stdatomic.h>

/* ---- error.c ------------------------------------------------------------------ */

int procfs_no_memory(struct nl_error *err);
/* What an open that failed with this errno, to do what, means: "..., the limit is 1024". */
void procfs_no_descriptors(struct nl_error *err, int code, const char *what);

/* ---- imap.c: a map of u32 -> u32 with open addressing --------------------------- */

/* An inode or a pid is never 0 (get_next_ino() in fs/inode.c), so 0 marks a free slot. */
struct imap_slot {
	uint32_t key;
	uint32_t value;
};

/* All zero: empty. */
struct imap {
	struct imap_slot *slots;
	unsigned bits; /* there are 1 << bits slots, unless slots is NULL */
	size_t used;
};

/* The value of the key or NULL; valid until the next imap_put. */
uint32_t *imap_get(const struct imap *m, uint32_t key);
/* The same; a key that is new gets the value 0. NULL: no memory. The key is not 0. */
uint32_t *imap_put(struct imap *m, uint32_t key);
void imap_free(struct imap *m);

/* ---- fds.c: reading directories of numbers, and what descriptors are ------------- */

/* The inode of what readlink gave for a descriptor if it is a socket, else 0. */
uint32_t fds_socket(const char *link, size_t len);

/* A directory of which the numbered entries are read one by one. */
struct numbers {
	int fd; /* the caller's */
	size_t at, len;
	_Alignas(8) char buf[4096];
};

void numbers_begin(struct numbers *d, int fd);
/*
 * The next entry whose name is a number up to INT_MAX, its name in *name until the
 * next call. 1, 0 at the end, or -1 and errno.
 */
int numbers_next(struct numbers *d, unsigned *number, const char **name);

/*
 * Moves the directory of descriptors to the first that is numbered from or more.
 * Linux takes 2 + the number as the position (proc_readfd_common() in fs/proc/fd.c).
 */
bool fds_seek(int fd, unsigned from);
/* Does /proc below this descriptor work so? Asked about our own descriptors. */
bool fds_can_seek(int proc);

/*
 * Sockets as they were found, one after the other; fds and contexts are lists beside it, or
 * NULL. All zero: none, and their descriptors are not wanted.
 */
struct inodes {
	uint32_t *list;
	uint32_t *fds;	 /* the descriptor of each */
	char **contexts; /* of security, each for free() or NULL */
	size_t n, size;
	bool with_fds, with_contexts;
};

void inodes_clear(struct inodes *l); /* keeps the room */
void inodes_free(struct inodes *l);

/*
 * Appends the sockets among the descriptors numbered from up to to, to itself left
 * out, of the directory that d begins. wanted NULL: all. 0, with *any set if there
 * was any descriptor at all; or -1 and errno, EACCES too when a link may not be read.
 */
int fds_read(struct numbers *d, unsigned from, unsigned to, const struct imap *wanted,
	     struct inodes *out, bool *any);

/* ---- process.c: one process, by one descriptor of its folder ---------------------- */

/* The whole file, NUL-terminated, for free(); NULL and errno. It may hold any byte. */
char *process_read(int dir, const char *name, size_t *len);
/* The same of its first max bytes. */
char *process_read_part(int dir, const char *name, size_t max, size_t *len);
/* Where a symbolic link of the folder leads, whole, for free(); NULL and errno. */
char *process_link(int dir, const char *name);
/*
 * The path of its cgroup, of v2, else of systemd's v1 tree, for free(); NULL and errno
 * ENOMEM, or NULL and another: none is told.
 */
char *process_cgroup(int dir);
/* /proc/PID/comm without the final newline; -1 and errno. */
int process_comm(int dir, struct holder *h);
/*
 * The context of security of the process or thread of this folder, for free(); NULL and errno
 * ENOMEM, or NULL and another: no module tells one.
 */
char *process_context(int dir);
/* The same of the socket that is the entry of this name of a directory of descriptors. */
char *process_socket_context(int fds, const char *name);
/* exe and cgroup as far as they are told; -1: no memory. live: see process_live. */
int process_facts(int dir, int live, struct holder *h);
/* Is the folder that of a process, not that of one of its other threads? -1 and errno. */
int process_is_leader(int dir, pid_t pid);
/*
 * A process whose first thread has ended shows its descriptors, and its program,
 * only below a thread that lives. 1 and *live, the folder of such a thread, which the
 * caller closes; 0 when the first thread lives or all have ended, told apart by
 * *ended (NULL: not asked, which is cheaper); -1 and errno.
 */
int process_live(int dir, int *live, bool *ended);

/* ---- processes.c ----------------------------------------------------------------- */

/*
 * Reads a stat, proc_pid_stat(5), into p; comm points into the text. False when it
 * is damaged. (Older kernels write a newline and a backslash of comm as \n and \\.)
 */
bool process_stat(const char *text, size_t len, struct process_info *p);
/* Reads the effective ids, and VmRSS, of a status, proc_pid_status(5); false: the ids are not
 * there. */
bool process_status(const char *text, struct process_info *p);
/* The inode of a link "net:[4026531840]". */
bool process_netns(const char *link, uint64_t *inode);

/* ---- owners.c ------------------------------------------------------------------ */

/* Inodes that one thread holds, or a process, as they were found. */
struct span {
	struct span *next;
	size_t n;
	uint32_t pass;	 /* among those of the list, from 0 on, then of the table */
	uint32_t thread; /* its place in the record's threads, if there are any */
	uint32_t *fds;	 /* the descriptors, ascending; NULL: not told. Behind the inodes */
	char **contexts; /* of each socket, or NULL; the span's own, as their texts are */
	uint32_t inodes[];
};

/* A span of what was found, whose contexts it takes over; NULL: no memory. */
struct span *span_new(struct inodes *found);
void span_free(struct span *s);
/* For leaving entries out: puts one at a place that it does not come behind; drops the rest. */
void span_keep(struct span *s, size_t to, size_t from);
void span_cut(struct span *s, size_t kept);

/* Which thread has descriptors. The first of a process is the first here too. */
struct thread {
	pid_t tid;  /* 0: threads are not told apart */
	char *comm; /* NULL: that of the process */
	size_t comm_len;
	char *context; /* NULL: not told */
};

/* A process that holds sockets, and which. */
struct record {
	struct record *next; /* while it is handed over */
	struct holder holder;
	bool told;   /* exe and cgroup were asked for */
	bool denied; /* it could not be looked into; comm NULL: nor its name read */
	struct span *spans;
	struct thread *threads; /* none: descriptors were not asked for, or nothing is told */
	size_t nthreads;
};

/* One more thread of the record, all zero; NULL: no memory. */
struct thread *record_thread(struct record *r);

void record_free(struct record *r); /* NULL is allowed */
/*
 * Takes over the list of records and enters them; denied: the pass met a process
 * that it could not read; fds: descriptors are asked of the table from now on. -1: no
 * memory; what the table answers is as before then.
 */
int owners_add(struct owners *o, struct record *list, bool denied, bool fds);

/* ---- owners_uses.c --------------------------------------------------------------- */

/* One descriptor, as an entry of a span. */
struct used {
	const struct record *record;
	const struct span *span;
	size_t at;
};

/* All of them, those of one inode in a row. All zero: none. */
struct uses {
	struct imap ends; /* inode -> behind its last one */
	struct used *list;
	size_t n;
};

/*
 * Puts the records, which come by ascending pid, of one pid the newest first, into x. What a
 * later pass found of the same process and inode is kept, and what earlier ones did is taken
 * out of their spans. False: no memory; spans may be shorter, and what they say is the same.
 */
bool uses_make(struct uses *x, struct record *const *records, size_t n);
void uses_free(struct uses *x);

/* What a recording of a machine with SELinux says so by. */
#define SELINUX_FACT "selinux"

/* ---- owners_recorded.c --------------------------------------------------------- */

/*
 * Writes down what a pass over all processes found, and leaves in *list those that
 * the request asks for; *denied as the pass for that request would have it. -1: no memory.
 */
int owners_record(const struct owners_request *req, struct record **list, bool *denied,
		  struct nl_error *err);
/* The same from the loaded recording; ENODATA: it has no pass. */
int owners_replay(const struct owners_request *req, struct record **list, bool *denied,
		  struct nl_error *err);

#endif
