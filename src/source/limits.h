/* What the files of the source `limits` share. */
#ifndef CONNSH_SOURCE_LIMITS_H
#define CONNSH_SOURCE_LIMITS_H

#include "private.h"

/* The ports that the kernel gives to sockets that ask for none. */
struct port_range {
	uint16_t lo, hi;
	uint64_t reserved[1024]; /* a bit for each port that it leaves out */
};

struct limit;

/*
 * How much of a limit is in use, in *used. 1; 0 when this system does not tell;
 * -1 and *err: it could not be asked.
 */
typedef int limit_used(struct env *env, const struct limit *l, uint64_t *used,
		       struct nl_error *err);

/* One limit. */
struct limit {
	const char *name;
	const char *sysctl; /* "net.core.somaxconn": the file below /proc/sys has '/' for '.' */
	unsigned column;    /* of its numbers */
	const char *unit;
	/* Another value than that number, with its range, in place of it; as limit_used. */
	int (*value)(struct env *env, uint64_t *value, struct port_range *range,
		     struct nl_error *err);
	limit_used *used;
	const char *file, *group, *key; /* for used: where to look */
	unsigned proto;
	const char *doc;
};

#define NLIMITS 21
extern const struct limit limits[]; /* NLIMITS of them */

/* The file of a sysctl below /proc, for free(); NULL: no memory. */
char *sysctl_path(const char *sysctl);
/* The number in this column of a file; 1, 0: there is none, or not for us; -1 and *err. */
int file_number(struct env *env, const char *path, unsigned column, unsigned base, uint64_t *n,
		struct nl_error *err);
/*
 * ip_local_port_range and ip_local_reserved_ports of the env's namespace; *value: how
 * many ports they leave.
 */
int ports_range(struct env *env, uint64_t *value, struct port_range *range, struct nl_error *err);
/* The ports that are reserved, whatever the range: "8080,9000-9100". */
int ports_reserved(struct env *env, uint64_t *value, struct port_range *range,
		   struct nl_error *err);
/* Sets the bits of the ports of such a list; what is no port ends it. */
void ports_list(const char *text, size_t len, uint64_t ports[1024]);

/* Of a file of sockstat: group and key. */
limit_used used_sockstat;
/* Another sysctl, named by key. */
limit_used used_sysctl;
/* fs.file-nr: what is allocated and not free. */
limit_used used_files;
/* The table of neighbours of the whole system; file is its statistics. */
limit_used used_neighbours;
/* Distinct local ports of the range that sockets of proto hold. */
limit_used used_ports;
/* The longest queue of connections that wait for accept(2). */
limit_used used_backlog;

#endif
