/*
 * sockmaker: connections that carry a known number of bytes a second, in a process of their own
 * with a name of its own.
 */
#include "sockmaker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* A forgotten sockmaker must not load the machine for ever. */
enum { LIFE_SECONDS = 120, TICK_NS = 5 * 1000 * 1000, CHUNK = 64 * 1024 };

struct traffic {
	struct sm_endpoint to;
	const struct sm_opts *o;
	int listener;
	struct sm_pair *pairs;
};

static struct sm_pair open_pair(const struct traffic *t)
{
	struct sm_pair pair = { .client = sm_client(&t->to, IPPROTO_TCP, t->o) };

	if (pair.client < 0)
		sm_die(0, "traffic needs sockets of this family");
	if (connect(pair.client, (const struct sockaddr *)&t->to.sa, t->to.len) != 0)
		sm_die(errno, "traffic: connect to %s", sm_show(&t->to));
	pair.server = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC);
	if (pair.server < 0)
		sm_die(errno, "traffic: accept on %s", sm_show(&t->to));
	sm_reset_on_close(pair.client);
	sm_reset_on_close(pair.server);
	return pair;
}

/* What is sent is read at once, so nothing ever waits. */
static void carry(const struct sm_pair *pair, long bytes)
{
	static char buf[CHUNK];

	while (bytes > 0) {
		size_t n = bytes < CHUNK ? (size_t)bytes : CHUNK;

		if (write(pair->client, buf, n) != (ssize_t)n)
			_exit(SM_EXIT_FAILED);
		bytes -= (long)n;
		while (n > 0) {
			ssize_t got = read(pair->server, buf, n);

			if (got <= 0)
				_exit(SM_EXIT_FAILED);
			n -= (size_t)got;
		}
	}
}

static double seconds_since(const struct timespec *begin)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
}

_Noreturn static void send_for_ever(struct traffic *t, int ready)
{
	const struct timespec tick = { .tv_nsec = TICK_NS };
	struct timespec begin;
	long sent = 0;

	signal(SIGALRM, SIG_DFL);
	alarm(LIFE_SECONDS);
	sm_disinherit(&t->listener, &ready);
	if (t->o->comm != NULL)
		prctl(PR_SET_NAME, t->o->comm);
	for (long i = 0; i < t->o->count; i++)
		t->pairs[i] = open_pair(t);
	close(t->listener);
	if (write(ready, "r", 1) != 1)
		_exit(SM_EXIT_FAILED);
	close(ready);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (;;) {
		long due = (long)(seconds_since(&begin) * (double)t->o->rate) - sent;

		for (long i = 0; t->o->rate > 0 && i < t->o->count; i++)
			carry(&t->pairs[i], due);
		sent += due;
		nanosleep(&tick, NULL);
	}
}

void sm_make_traffic(char *value, struct sm_opts *o)
{
	struct traffic t = { .to = sm_endpoint_parse(value), .o = o };
	int ready[2];
	pid_t pid;

	t.listener = sm_listener(&t.to, IPPROTO_TCP, o);
	t.pairs = reallocarray(NULL, (size_t)o->count + 1, sizeof(*t.pairs));
	if (t.listener < 0)
		return;
	if (t.pairs == NULL || pipe(ready) != 0)
		sm_die(errno, "traffic");
	pid = sm_fork();
	if (pid == 0)
		send_for_ever(&t, ready[1]);
	sm_child(pid);
	close(ready[1]);
	sm_await_children(ready[0], 1);
	close(ready[0]);
	free(t.pairs);
	sm_made("%ld connections to %s with %ld bytes/s", o->count, sm_show(&t.to), o->rate);
}
