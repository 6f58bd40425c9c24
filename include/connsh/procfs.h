/*
 * procfs: what the kernel tells by files: network namespaces, cgroups, processes and
 * which of them hold which sockets. Everything read here is hostile input.
 */
#ifndef CONNSH_PROCFS_H
#define CONNSH_PROCFS_H

#include "connsh/netlink.h"

#include <sys/types.h>

/*
 * A network namespace that is held open, or one of the loaded recording. Reference
 * counted, one per name and inode.
 */
struct netns;

/*
 * Finds a namespace by what a user wrote: the name of an entry of /run/netns,
 * the pid of a process in it, or a path (anything with a '/'). A number is a
 * pid unless a namespace of that name exists.
 * Returns 0 and *out, the caller's reference; or -1 and *err: ENOENT with the
 * places that were looked in, EACCES, EINVAL when it is no network namespace.
 */
int netns_open(const char *spec, struct netns **out, struct nl_error *err);
struct netns *netns_ref(struct netns *ns);
void netns_unref(struct netns *ns);
int netns_fd(const struct netns *ns); /* of a recording: -1 or below, as in netlink.h; NULL: -1 */
/* Are they the same one, by whatever names? NULL: here. */
bool netns_same(const struct netns *a, const struct netns *b);
const char *netns_name(const struct netns *ns); /* as it was asked for */
uint64_t netns_inode(const struct netns *ns);	/* NULL: of here; 0: not known */

/* A network namespace that was found; see netns_list_read. */
struct netns_entry {
	uint64_t inode; /* as in "net:[4026531840]" */
	size_t nnames;
	char **names;	  /* below /run/netns, then paths of other mounts; each can be asked for */
	pid_t pid;	  /* the lowest of the processes in it; 0: none is known */
	size_t processes; /* that are in it, as far as they may be looked at */
	uint32_t *pids;	  /* theirs; not of a recording */
	size_t room;
	bool own; /* that of this process */
};

struct netns_list {
	struct netns_entry *list;
	size_t n;
	bool hidden; /* there are processes whose namespace may not be looked at */
};

/*
 * All network namespaces that processes are in, by /proc/PID/ns/net, or that are
 * mounted somewhere: the own one first, then those with names. Of a loaded recording:
 * those that were found when it was taken. 0, or -1 and *err.
 */
int netns_list_read(struct netns_list *l, struct nl_error *err);
void netns_list_free(struct netns_list *l);
/*
 * Writes down one that was found, with its names and pids, while a recording is made;
 * ns: as it was opened, NULL: it could not be entered.
 */
void netns_record(const struct netns_entry *e, const struct netns *ns);
/* What it can be asked for by: its first name, else its pid, written to buf. */
#define NETNS_NAME_MAX 32
const char *netns_entry_name(const struct netns_entry *e, char buf[NETNS_NAME_MAX]);
/*
 * Opens it and makes sure that it is that one and can be entered; -1 and *err saying why not.
 * NULL in *out: it is the own one of a recording that has no name for it.
 */
int netns_open_entry(const struct netns_entry *e, struct netns **out, struct nl_error *err);

/*
 * Path of the cgroup with this id (INET_DIAG_CGROUP_ID) below the cgroup v2
 * mount, "/" for the root; NULL when there is no such mount or no such cgroup.
 * The caller frees it.
 */
char *cgroup_path(uint64_t id);
/*
 * The id of the cgroup at this path below the mount, as cgroup_path gives it:
 * it begins with '/' and has no ".." in it. 0: there is none, or the kernel is
 * older than openat2(2), Linux 5.6.
 */
uint64_t cgroup_id(const char *path);
/*
 * The same for a path of the file system, wherever cgroup v2 is mounted: *id, 0 if it leads to
 * what is no cgroup. False: to nothing that has a handle of that size (name_to_handle_at(2)).
 */
bool cgroup_id_of_file(const char *path, uint64_t *id);

/* ---- texts -------------------------------------------------------------------- */

/*
 * A file of /proc by its path below it, read line by line: "net/snmp" and
 * "sys/net/core/somaxconn" are those of the namespace (netns_fd as in netlink.h),
 * others are the same for all. ENOENT: this kernel, or namespace, has no such file.
 */
struct proc_file;
int proc_open(struct proc_file **out, int netns_fd, const char *path, struct nl_error *err);
/* Any file with such a text, not recorded. The path is the user's own: links are followed. */
int proc_open_file(struct proc_file **out, const char *path, struct nl_error *err);
/*
 * The next line without its newline, with a NUL behind it; any byte may be in it. 1, 0, -1
 * (EMSGSIZE: it has more than PROC_LINE_MAX bytes).
 */
#define PROC_LINE_MAX (16 << 20)
int proc_line(struct proc_file *f, const char **line, size_t *len, struct nl_error *err);
/* Was the line that was given last cut off: the text ended without its newline? */
bool proc_line_cut(const struct proc_file *f);
void proc_close(struct proc_file *f); /* NULL is allowed */
/* All of it, malloc'ed, with a NUL behind it; NULL and *err (EFBIG: more than PROC_TEXT_MAX). */
#define PROC_TEXT_MAX (256 << 20)
char *proc_text(int netns_fd, const char *path, size_t *len, struct nl_error *err);

/*
 * Words of a line, for texts whose columns are divided by blanks: the next one at
 * *p, at most to end, in *word (not ended by a NUL); its length, 0 at the end.
 */
size_t word_next(const char **p, const char *end, const char **word);
/* The word as a number of this base without a sign, whole; false: it is none, or too large. */
bool word_number(const char *word, size_t len, unsigned base, uint64_t *n);

/*
 * Numbers with names, in the forms of the files below /proc/net. A word where a
 * number should be is passed over with its name; a negative number keeps its bits.
 */
enum named_form {
	NAMED_PAIRS,  /* "Tcp: ActiveOpens PassiveOpens" above "Tcp: 3 4": snmp, netstat */
	NAMED_LINES,  /* "Ip6InReceives 12": snmp6 */
	NAMED_LABELS, /* "TCP: inuse 5 orphan 0": sockstat, sockstat6 */
};
struct named_number {
	const char *group, *name; /* point into the text; group NULL: the form has none */
	size_t group_len, name_len;
	uint64_t value;
};
struct named_numbers {
	enum named_form form;
	const char *at, *end; /* what is not read yet */
	const char *names, *names_end, *values, *values_end, *group;
	size_t group_len;
};
void named_begin(struct named_numbers *w, const char *text, size_t len, enum named_form form);
bool named_next(struct named_numbers *w, struct named_number *out); /* false: the end */
/* The number of this name in this group (NULL: any). */
bool named_find(const char *text, size_t len, enum named_form form, const char *group,
		const char *name, uint64_t *value);

/* ---- owners: which processes hold which sockets ------------------------------ */

/* A process as it was when its descriptors were read. */
struct holder {
	pid_t pid;
	char *comm; /* proc_pid_comm(5), whole, without the final newline: any byte but NUL */
	size_t comm_len;
	char *exe;    /* the program it runs; NULL: a kernel thread, or not told */
	char *cgroup; /* path of its cgroup: of v2, else of systemd's v1 tree; NULL: not told */
};

/* A table inode -> holders. */
struct owners;

struct owners_request {
	const uint32_t *inodes; /* sockets that are looked for, in any order; NULL: all */
	size_t ninodes;
	const int64_t *pids; /* processes to look at, in any order; NULL: all */
	size_t npids;
	/* Is a process of this name to be looked at? From several threads. NULL: any. */
	bool (*accept)(const char *comm, size_t len, void *arg);
	void *arg;
	bool facts;	  /* exe and cgroup are wanted too */
	bool fds;	  /* and every descriptor: owners_uses */
	bool tasks;	  /* with fds: each thread is looked at as well, by its own descriptors */
	bool contexts;	  /* with fds: and contexts of security are wanted */
	unsigned threads; /* that do the work; 0: one a processor, at most 8 */
};

struct owners *owners_new(void); /* NULL: no memory */
/*
 * One pass over /proc/PID/fd, added to what is known already. A process that
 * ends meanwhile is left out, and so is one whose descriptors may not be read
 * (see owners_denied). Each process is read through one descriptor of its
 * folder, so a pid that is used again never mixes two of them up. A pid that an
 * earlier pass found under another name, program or cgroup stands, for each
 * socket, as it was when it was seen last with it.
 * With a loaded recording its passes are asked (ENODATA: it has none), and while one is
 * written the pass is over all processes and written down.
 * -1 and *err: ENODEV, ENOENT ... /proc itself cannot be read, EMFILE or ENFILE (no
 * process is skipped for want of descriptors, of which a thread needs a few), ENOMEM, or ECANCELED
 * when nl_cancel was raised. The table answers as before then.
 */
int owners_scan(struct owners *o, const struct owners_request *req, struct nl_error *err);
/*
 * How many processes hold the socket, and the one numbered i, by ascending pid, or
 * NULL; its facts are valid until the next pass. A process counts once, by however
 * many descriptors it holds the socket.
 */
size_t owners_count(const struct owners *o, uint32_t inode);
const struct holder *owners_holder(const struct owners *o, uint32_t inode, size_t i);

/* A descriptor by which a socket is held, for the request's fds. */
struct use {
	const struct holder *holder; /* the process */
	pid_t tid;		     /* its thread; 0: threads were not looked at */
	const char *comm;	     /* of this thread, else of the process; as in struct holder */
	size_t comm_len;
	int fd; /* -1: not told: of a recording without descriptors */
	/*
	 * What a security module says: of the thread by /proc/PID/attr/current, else of the
	 * process, and of the socket by its attribute security.selinux (<linux/xattr.h>).
	 * NULL: not asked for, or nothing is told.
	 */
	const char *context, *sock_context;
};
/*
 * How many descriptors the socket is held by, and the number of the first, for owners_use;
 * the others follow: by ascending pid, of one process thread by thread in the order of
 * /proc/PID/task (oldest first, the first of all begins), of one by ascending descriptor.
 * What several passes found of one process and socket stands as the last one found it.
 * 0 too when no pass was asked for descriptors. Numbers and texts are valid until the next pass.
 */
size_t owners_uses(const struct owners *o, uint32_t inode, size_t *first);
void owners_use(const struct owners *o, size_t number, struct use *out);
/* Has a pass met a process whose descriptors it could not read? */
bool owners_denied(const struct owners *o);
/*
 * Can there be processes that /proc does not show: is this a pid namespace but the
 * first, or does a hidepid of proc(5) hide those of other users from us?
 */
bool owners_hidden(void);
void owners_free(struct owners *o); /* NULL is allowed */

/*
 * Is SELinux in use, as selinux(8) has it: is its file system mounted at /sys/fs/selinux (or
 * /selinux), not read-only, and is there /etc/selinux/config? Of a loaded recording: was it, when
 * owners were recorded?
 */
bool selinux_enabled(void);

/* ---- processes ---------------------------------------------------------------- */

/* What is read of a process beside its stat, proc_pid_stat(5). */
enum process_fact {
	PROCESS_STATUS = 1 << 0,  /* uid, gid, rss */
	PROCESS_ARGS = 1 << 1,	  /* args */
	PROCESS_EXE = 1 << 2,	  /* exe */
	PROCESS_CGROUP = 1 << 3,  /* cgroup */
	PROCESS_NETNS = 1 << 4,	  /* netns */
	PROCESS_FDS = 1 << 5,	  /* fds */
	PROCESS_SOCKETS = 1 << 6, /* sockets */
};

/* Bytes of the arguments that are read: a process can pretend to have gigabytes of them. */
#define PROCESS_ARGS_MAX 65000

/* A process as it was when it was read; texts are the walk's and valid until its next. */
struct process_info {
	pid_t pid, ppid;
	char state;  /* R, S, D ... */
	bool kernel; /* a thread of the kernel: it has no memory of its own */
	uint64_t threads;
	uint64_t start;	  /* clock ticks (sysconf(_SC_CLK_TCK)) from the boot on */
	uint64_t cpu;	  /* time it has run, of user and kernel, in clock ticks */
	const char *comm; /* whole: any byte but NUL */
	size_t comm_len;
	unsigned told;	   /* PROCESS_* facts that are known; those below are of use only then */
	unsigned withheld; /* and those that this user may not read */
	uint32_t uid, gid; /* effective ones */
	uint64_t rss;	   /* bytes of memory; 0: it has none of its own */
	const char *args;  /* each ended by a NUL */
	size_t args_len;
	const char *exe, *cgroup;
	uint64_t netns;	       /* inode of its network namespace */
	uint64_t fds, sockets; /* how many descriptors, and how many of them are sockets */
};

/*
 * A walk over the processes that /proc shows, by ascending pid. One that ends
 * meanwhile is left out whole. Each is read through one descriptor of its folder.
 */
struct processes;
/*
 * only: the pid of the one that is wanted, 0: all. A thread is no process. -1 and
 * *err: /proc cannot be read.
 */
int processes_open(struct processes **out, pid_t only, unsigned facts, struct nl_error *err);
/* 1, 0 at the end; -1 and *err: EMFILE, ENFILE, ENOMEM, or ECANCELED (nl_cancel). */
int processes_next(struct processes *w, struct process_info *p, struct nl_error *err);
void processes_close(struct processes *w); /* NULL is allowed */
/* Does a hidepid of proc(5) hide the processes of other users from us? */
bool processes_hidden(void);
/* When the system was started, in seconds since the epoch (btime of proc_stat(5)); 0: not told. */
uint64_t boot_time(void);

#endif
