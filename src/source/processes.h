/* What the files of the source `processes` share: how its messages lie. */
#ifndef CONNSH_SOURCE_PROCESSES_H
#define CONNSH_SOURCE_PROCESSES_H

#include "private.h"

/* The fixed header of a row. */
struct process_row {
	uint32_t pid, ppid, threads;
	uint8_t state; /* the letter of proc_pid_stat(5) */
	uint8_t kernel;
	uint16_t pad;
	uint64_t start;	   /* clock ticks since the boot: with the pid, its identity */
	uint64_t started;  /* microseconds since the epoch; 0: not told */
	uint64_t age, cpu; /* microseconds */
};

enum process_attr {
	PROC_COMM = 1,
	PROC_UID,
	PROC_GID,
	PROC_RSS,
	PROC_CMDLINE, /* joined by blanks */
	PROC_ARGV,    /* each ended by a NUL */
	PROC_EXE,
	PROC_CGROUP,
	PROC_NETNS,
	PROC_FDS,
	PROC_SOCKETS,
	PROC_ATTRS
};

/* What a field needs beside stat: bits of a request. The facts of enum process_fact, and: */
#define NEED_CMDLINE (1u << 16) /* with PROCESS_ARGS */
#define NEED_ARGV    (1u << 17)

extern const struct shape shape_process;
extern const struct field process_fields[];

#endif
