/*
 * sockmaker: sockets that come and go. Processes of ours open and close connections until we
 * end, so that a listing is read while the kernel's tables change under it.
 */
#include "sockmaker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Live connections of one process: each is closed when RING more have been opened. */
enum { RING = 64 };

/* A forgotten sockmaker must not load the machine for ever. */
enum { LIFE_SECONDS = 120 };

/* As many connections from one source address leave most of its ports free. */
enum { MOST_PROCESSES = 250, PER_SOURCE = 4000 };

static const long second_ns = 1000L * 1000 * 1000;

struct churn {
	struct sm_endpoint to;
	const struct sm_opts *o;
	int type, protocol;
	int listener;	  /* -1 without accepted ends */
	long number;	  /* of this process, from 1 */
	long interval_ns; /* between two connections of this process; 0: no pause */
	struct sm_pair ring[RING];
};

/*
 * A connection in time-wait keeps its port for a minute, and there are more of them than ports:
 * so they come from 127.254.NUMBER.1 to .254 in turn. IPv6 has ::1 only, and waits for ports.
 */
static void bind_to_turn(const struct churn *c, int fd, long turn)
{
	struct sm_endpoint from;
	char text[32];
	int on = 1;

	snprintf(text, sizeof(text), "127.254.%ld.%ld", c->number, turn / PER_SOURCE % 254 + 1);
	from = sm_address_parse(text, AF_INET);
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	sm_bind(fd, &from);
}

/*
 * A reset is no failure: while this process waited for the processor, another one has accepted
 * the connection, and closed it when its ring was round.
 */
static void connect_when_port_free(const struct churn *c, int fd)
{
	const struct timespec pause = { .tv_nsec = second_ns / 1000 };

	while (connect(fd, (const struct sockaddr *)&c->to.sa, c->to.len) != 0) {
		if (errno == ECONNRESET)
			return;
		if (errno != EADDRNOTAVAIL && errno != EAGAIN)
			sm_die(errno, "churn: connect to %s", sm_show(&c->to));
		nanosleep(&pause, NULL);
	}
}

/* The accepted end may belong to another process's client: there are as many as clients. */
static struct sm_pair open_pair(const struct churn *c, long turn)
{
	int family = c->to.sa.ss_family;
	struct sm_pair pair = { .client = sm_socket(family, c->type, c->protocol, c->o),
				.server = -1 };

	if (pair.client < 0)
		sm_die(0, "churn needs sockets of this family");
	sm_apply(pair.client, family, c->o);
	if (c->o->timewait && family == AF_INET)
		bind_to_turn(c, pair.client, turn);
	connect_when_port_free(c, pair.client);
	if (c->listener < 0)
		return pair;
	pair.server = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);
	if (pair.server < 0)
		sm_die(errno, "churn: accept on %s", sm_show(&c->to));
	if (!c->o->timewait) {
		sm_reset_on_close(pair.client);
		sm_reset_on_close(pair.server);
	}
	return pair;
}

/* The client first: in time-wait it is that end which stays. */
static void close_pair(const struct sm_pair *pair)
{
	close(pair->client);
	if (pair->server >= 0)
		close(pair->server);
}

/* Sleeps until the next connection is due; does not sleep for less than a millisecond. */
static void pace(struct timespec *due, long interval_ns)
{
	struct timespec now;

	if (interval_ns == 0)
		return;
	due->tv_nsec += interval_ns % second_ns;
	due->tv_sec += interval_ns / second_ns + due->tv_nsec / second_ns;
	due->tv_nsec %= second_ns;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((due->tv_sec - now.tv_sec) * second_ns + due->tv_nsec - now.tv_nsec > second_ns / 1000)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, due, NULL);
}

_Noreturn static void come_and_go(struct churn *c, int ready)
{
	struct timespec due;

	signal(SIGALRM, SIG_DFL);
	alarm(LIFE_SECONDS);
	sm_disinherit(&c->listener, &ready);
	clock_gettime(CLOCK_MONOTONIC, &due);
	for (long turn = 0;; turn++) {
		if (turn >= RING)
			close_pair(&c->ring[turn % RING]);
		c->ring[turn % RING] = open_pair(c, turn);
		if (turn == 0) {
			if (write(ready, "r", 1) != 1)
				_exit(SM_EXIT_FAILED);
			close(ready);
		}
		pace(&due, c->interval_ns);
	}
}

static void start(struct churn *c)
{
	long processes = c->o->procs > 0 ? c->o->procs : 1;
	int ready[2];

	if (processes > MOST_PROCESSES)
		sm_die(0, "churn: procs=%ld should be at most %d", processes, MOST_PROCESSES);
	if (c->o->rate > 0)
		c->interval_ns = (long)((double)second_ns * (double)processes / (double)c->o->rate);
	if (pipe(ready) != 0)
		sm_die(errno, "pipe");
	for (c->number = 1; c->number <= processes; c->number++) {
		pid_t pid = sm_fork();

		if (pid == 0)
			come_and_go(c, ready[1]);
		sm_child(pid);
	}
	close(ready[1]);
	sm_await_children(ready[0], processes);
	close(ready[0]);
	sm_made("%ld processes that connect to %s", processes, sm_show(&c->to));
}

void sm_make_churn(char *value, struct sm_opts *o)
{
	struct churn c = {
		.to = sm_endpoint_parse(value), .o = o, .type = SOCK_STREAM, .protocol = IPPROTO_TCP
	};

	c.listener = sm_listener(&c.to, IPPROTO_TCP, o);
	if (c.listener >= 0)
		start(&c);
}

/* A connected client needs nobody at the other end. */
void sm_make_udpchurn(char *value, struct sm_opts *o)
{
	struct churn c = { .to = sm_endpoint_parse(value),
			   .o = o,
			   .type = SOCK_DGRAM,
			   .protocol = IPPROTO_UDP,
			   .listener = -1 };

	if (o->timewait)
		sm_die(0, "udpchurn: there is no time-wait in udp");
	start(&c);
}
