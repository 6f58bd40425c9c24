/*
 * sockmaker: other processes: those that hold many connections, those that hold our sockets a
 * second time, and the end of them all.
 */
#include "sockmaker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Connections of one source address to one service. Well below half of the ephemeral ports: the
 * kernel looks for a free port among the odd ones first and takes long when those are used up.
 */
enum { PER_SOURCE = 4000, MOST_SOURCES = 254 * 254 };

/* Descriptors that a child needs beside its connections. */
enum { FD_RESERVE = 32 };

struct bulk {
	struct sm_endpoint to;
	int listener;
	bool owner; /* the listener is kept after the set-up */
};

pid_t sm_fork(void)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		sm_die(errno, "fork");
	if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent))
		_exit(SM_EXIT_FAILED);
	return pid;
}

/* Kills what /proc lists as our children, adopted ones too; false if there was none. */
static bool kill_listed(void)
{
	char path[64];
	bool any = false;
	long pid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "re");
	while (f != NULL && fscanf(f, "%ld", &pid) == 1)
		any |= kill((pid_t)pid, SIGKILL) == 0;
	if (f != NULL)
		fclose(f);
	return any;
}

static pid_t *children;
static size_t child_count;

void sm_child(pid_t pid)
{
	children = reallocarray(children, child_count + 1, sizeof(*children));
	if (children == NULL)
		sm_die(errno, "memory");
	children[child_count++] = pid;
}

void sm_disinherit(int *listener, int *ready)
{
	bool has_listener = *listener >= 0;

	if (has_listener && dup2(*listener, 3) < 0)
		sm_die(errno, "descriptors");
	if (dup2(*ready, 4) < 0 || close_range(5, ~0U, 0) != 0)
		sm_die(errno, "descriptors");
	if (has_listener)
		*listener = 3;
	else
		close(3);
	*ready = 4;
}

void sm_kill_children(void)
{
	for (size_t i = 0; i < child_count; i++)
		kill(children[i], SIGKILL);
	for (size_t i = 0; i < child_count; i++)
		waitpid(children[i], NULL, 0);
	child_count = 0;
	/* What the command left running became ours when it ended. */
	while (kill_listed()) {
		while (waitpid(-1, NULL, 0) > 0)
			;
	}
}

/* The K-th of 127.0.1.2, 127.0.2.2 ... 127.253.254.2, or fd7f::K:2 which the parent has added to
 * lo. */
static struct sm_endpoint source(long k, int family)
{
	char text[64];

	if (family == AF_INET)
		snprintf(text, sizeof(text), "127.%ld.%ld.2", k / 254, k % 254 + 1);
	else
		snprintf(text, sizeof(text), "fd7f::%lx:2", k);
	return sm_address_parse(text, family);
}

void sm_reset_on_close(int fd)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

/*
 * One pair. The children share the listener, so that the accepted end may belong to another
 * child's client: there are as many of them as clients, and nobody waits for ever.
 */
static void bulk_pair(const struct bulk *b, long index, const struct sm_opts *o)
{
	int family = b->to.sa.ss_family, on = 1, fd, server;
	struct sm_endpoint from = source(index / PER_SOURCE, family);

	fd = sm_socket(family, SOCK_STREAM, IPPROTO_TCP, o);
	if (fd < 0)
		sm_die(0, "bulk needs sockets of this family");
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	sm_apply(fd, family, o);
	sm_bind(fd, &from);
	if (connect(fd, (const struct sockaddr *)&b->to.sa, b->to.len) != 0)
		sm_die(errno, "bulk: connection %ld to %s", index, sm_show(&b->to));
	server = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC);
	if (server < 0)
		sm_die(errno, "bulk: accept on %s", sm_show(&b->to));
	sm_reset_on_close(fd);
	sm_reset_on_close(server);
}

_Noreturn static void bulk_child(struct bulk *b, int ready, long first, long count,
				 const struct sm_opts *o)
{
	sm_disinherit(&b->listener, &ready);
	for (long i = 0; i < count; i++)
		bulk_pair(b, first + i, o);
	close(b->listener);
	if (write(ready, "r", 1) != 1)
		_exit(SM_EXIT_FAILED);
	close(ready);
	for (;;)
		pause();
}

static long pairs_per_process(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		sm_die(errno, "RLIMIT_NOFILE");
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > 2000000)
		return 1000000;
	if (limit.rlim_cur < FD_RESERVE + 2)
		sm_die(0, "bulk: at most %lu descriptors are too few", (long)limit.rlim_cur);
	return ((long)limit.rlim_cur - FD_RESERVE) / 2;
}

static void add_sources(long total, int family)
{
	for (long k = 0; family == AF_INET6 && k <= (total - 1) / PER_SOURCE; k++) {
		char text[64];

		snprintf(text, sizeof(text), "fd7f::%lx:2/128", k);
		sm_addr_add(text);
	}
}

void sm_await_children(int ready, long processes)
{
	char byte;

	for (long i = 0; i < processes; i++) {
		if (read(ready, &byte, 1) != 1) {
			sm_kill_children();
			sm_die(0, "a process failed");
		}
	}
}

void sm_make_bulk(char *value, struct sm_opts *o)
{
	struct bulk b = { .to = sm_endpoint_parse(value) };
	long per = pairs_per_process(), processes, share;
	int ready[2];

	processes = (o->count + per - 1) / per;
	if (o->procs > processes)
		processes = o->procs;
	share = (o->count + processes - 1) / processes;
	if (o->count > (long)MOST_SOURCES * PER_SOURCE)
		sm_die(0, "bulk: at most %ld connections to one service",
		       (long)MOST_SOURCES * PER_SOURCE);
	b.listener = sm_listener(&b.to, IPPROTO_TCP, o);
	if (b.listener < 0)
		return;
	add_sources(o->count, b.to.sa.ss_family);
	if (pipe(ready) != 0)
		sm_die(errno, "pipe");
	for (long i = 0, first = 0; i < processes; i++, first += share) {
		long n = o->count - first < share ? o->count - first : share;
		pid_t pid = sm_fork();

		if (pid == 0)
			bulk_child(&b, ready[1], first, n, o);
		sm_child(pid);
	}
	close(ready[1]);
	sm_await_children(ready[0], processes);
	close(ready[0]);
	sm_made("%ld connections to %s in %ld processes", o->count, sm_show(&b.to), processes);
}

/* holders=N: N processes that hold all sockets made so far, as after a fork in a server. */
void sm_make_holders(char *value, struct sm_opts *o)
{
	long n = sm_number(value, 1, 1000, "holders");

	(void)o;
	for (long i = 0; i < n; i++) {
		pid_t pid = sm_fork();

		if (pid == 0) {
			(void)prctl(PR_SET_NAME, "holder");
			for (;;)
				pause();
		}
		sm_child(pid);
	}
	sm_made("%ld holders", n);
}
