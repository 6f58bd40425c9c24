/*
 * sockmaker: one TCP socket in each state (RFC 9293, 3.3.2), held there for at least a minute.
 *
 * The socket in the wanted state has the local address of the spec; its peer is left in the
 * state that belongs to it. The trick for states that normally pass in microseconds is a
 * classic BPF filter that drops whatever arrives at one socket: TCP runs it on each segment, so
 * that socket goes deaf and its peer waits for acknowledgements through all retransmissions.
 */
#include "sockmaker.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct fd_state {
	int fd;
	int state;
};

static bool fd_in_state(void *arg)
{
	const struct fd_state *want = arg;
	struct tcp_info info = { .tcpi_state = 0 };
	socklen_t len = sizeof(info);

	return getsockopt(want->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       info.tcpi_state == want->state;
}

static void wait_fd(int fd, int state)
{
	struct fd_state want = { .fd = fd, .state = state };

	if (!sm_wait(fd_in_state, &want))
		sm_die(0, "a socket did not reach TCP state %d", state);
}

/* A connection that no descriptor leads to any more, or not yet. */
struct row_state {
	int lport, rport, state;
};

static bool row_in_file(const char *path, const struct row_state *want)
{
	FILE *f = fopen(path, "re");
	char line[512];
	bool found = false;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		unsigned int lport, rport, state;

		found = sscanf(line, "%*u: %*32[0-9A-F]:%x %*32[0-9A-F]:%x %x", &lport, &rport,
			       &state) == 3 &&
			(int)lport == want->lport && (int)rport == want->rport &&
			(int)state == want->state;
	}
	if (f != NULL)
		fclose(f);
	return found;
}

/* Both files: a half-open IPv4 connection to an IPv6 listener is listed as IPv4. */
static bool row_in_state(void *arg)
{
	return row_in_file("/proc/self/net/tcp", arg) || row_in_file("/proc/self/net/tcp6", arg);
}

static void wait_row(int lport, int rport, int state)
{
	struct row_state want = { .lport = lport, .rport = rport, .state = state };

	if (!sm_wait(row_in_state, &want))
		sm_die(0, "no row of port %d in TCP state %d in /proc/net/tcp", lport, state);
}

static int local_port(int fd)
{
	struct sm_endpoint ep = sm_local(fd);

	return sm_port(&ep);
}

static void shut(int fd)
{
	if (shutdown(fd, SHUT_WR) != 0)
		sm_die(errno, "shutdown");
}

static void to_established(struct sm_pair *p)
{
	wait_fd(p->server, TCP_ESTABLISHED);
	wait_fd(p->client, TCP_ESTABLISHED);
}

/* The FIN never arrives, so it stays unacknowledged. */
static void to_fin_wait_1(struct sm_pair *p)
{
	sm_drop_all(p->client);
	shut(p->server);
	wait_fd(p->server, TCP_FIN_WAIT1);
}

static void to_fin_wait_2(struct sm_pair *p)
{
	shut(p->server);
	wait_fd(p->server, TCP_FIN_WAIT2);
	wait_fd(p->client, TCP_CLOSE_WAIT);
}

static void to_close_wait(struct sm_pair *p)
{
	shut(p->client);
	wait_fd(p->server, TCP_CLOSE_WAIT);
	wait_fd(p->client, TCP_FIN_WAIT2);
}

static void to_last_ack(struct sm_pair *p)
{
	to_close_wait(p);
	sm_drop_all(p->client);
	shut(p->server);
	wait_fd(p->server, TCP_LAST_ACK);
}

/* Our FIN is dropped there while theirs arrives here: both sides closed at the same time. */
static void to_closing(struct sm_pair *p)
{
	to_fin_wait_1(p);
	shut(p->client);
	wait_fd(p->server, TCP_CLOSING);
}

/* The side that closes first keeps TIME-WAIT; no descriptor leads to it. */
static void to_time_wait(struct sm_pair *p)
{
	int lport = local_port(p->server), rport = local_port(p->client);

	to_fin_wait_2(p);
	close(p->client);
	close(p->server);
	wait_row(lport, rport, TCP_TIME_WAIT);
	p->client = p->server = -1;
}

static void orphan(struct sm_pair *p, int state)
{
	int lport = local_port(p->server), rport = local_port(p->client);

	close(p->server);
	p->server = -1;
	wait_row(lport, rport, state);
}

/* States of an accepted connection. */
static void accepted(const struct sm_endpoint *ep, const struct sm_opts *o,
		     void (*bring)(struct sm_pair *), int state)
{
	bool ours = sm_listener_find(ep, IPPROTO_TCP) < 0;
	int listener = sm_listener(ep, IPPROTO_TCP, o);
	struct sm_pair pair;

	for (long i = 0; listener >= 0 && i < o->count; i++) {
		if (!sm_pair(listener, ep, IPPROTO_TCP, o, &pair))
			return;
		bring(&pair);
		if (o->orphan && pair.server >= 0)
			orphan(&pair, state);
	}
	/* Only what was asked for is left. */
	if (ours && listener >= 0)
		sm_listener_close(listener);
}

static void make_listen(const struct sm_endpoint *ep, const struct sm_opts *o)
{
	int fd = sm_listener(ep, IPPROTO_TCP, o);

	if (fd >= 0)
		wait_fd(fd, TCP_LISTEN);
}

/* A listener that drops the SYN, at a port of the kernel's choice. */
static int deaf_listener(const struct sm_endpoint *ep, const struct sm_opts *o)
{
	struct sm_endpoint any = *ep;
	int fd;

	sm_set_port(&any, 0);
	fd = sm_listener(&any, IPPROTO_TCP, o);
	if (fd >= 0)
		sm_drop_all(fd);
	return fd;
}

static void make_syn_sent(const struct sm_endpoint *ep, const struct sm_opts *o)
{
	const int retries = 20;

	for (long i = 0; i < o->count; i++) {
		int listener = deaf_listener(ep, o), fd;
		struct sm_endpoint to;

		if (listener < 0)
			return;
		to = sm_local(listener);
		fd = sm_client(ep, IPPROTO_TCP, o);
		if (fd < 0)
			return;
		sm_bind(fd, ep);
		(void)setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &retries, sizeof(retries));
		if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
			sm_die(errno, "O_NONBLOCK");
		if (connect(fd, (struct sockaddr *)&to.sa, to.len) == 0 || errno != EINPROGRESS)
			sm_die(errno, "connect to %s", sm_show(&to));
		wait_fd(fd, TCP_SYN_SENT);
	}
}

/* A deferred accept keeps the request until data comes, which never does. */
static void make_syn_recv(const struct sm_endpoint *ep, const struct sm_opts *o)
{
	const int seconds = 600;
	int listener = sm_listener(ep, IPPROTO_TCP, o);

	if (listener < 0)
		return;
	if (setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds)) != 0)
		sm_die(errno, "TCP_DEFER_ACCEPT");
	for (long i = 0; i < o->count; i++) {
		int fd = sm_client(ep, IPPROTO_TCP, o);

		if (fd < 0)
			return;
		if (connect(fd, (const struct sockaddr *)&ep->sa, ep->len) != 0)
			sm_die(errno, "connect to %s", sm_show(ep));
		wait_row(sm_port(ep), local_port(fd), TCP_SYN_RECV);
	}
}

/*
 * Bound and not connected. Such a socket is in no table that a dump walks, except that
 * kernels from 6.8 on list it when the request names the state BOUND_INACTIVE.
 */
static void make_close(const struct sm_endpoint *ep, const struct sm_opts *o)
{
	static const struct sockaddr none = { .sa_family = AF_UNSPEC };

	for (long i = 0; i < o->count; i++) {
		int fd = sm_client(ep, IPPROTO_TCP, o);
		struct sm_endpoint to;
		int listener;

		if (fd < 0)
			return;
		sm_bind(fd, ep);
		if (o->disconnected) {
			to = *ep;
			sm_set_port(&to, 0);
			listener = sm_listener(&to, IPPROTO_TCP, o);
			if (listener < 0)
				return;
			to = sm_local(listener);
			if (connect(fd, (struct sockaddr *)&to.sa, to.len) != 0)
				sm_die(errno, "connect to %s", sm_show(&to));
			if (connect(fd, &none, sizeof(none)) != 0)
				sm_die(errno, "disconnect");
			sm_listener_close(listener);
		}
		wait_fd(fd, TCP_CLOSE);
	}
}

static const struct state {
	const char *name;
	int number;
	void (*bring)(struct sm_pair *);
	void (*make)(const struct sm_endpoint *ep, const struct sm_opts *o);
} states[] = {
	{ .name = "established", .number = TCP_ESTABLISHED, .bring = to_established },
	{ .name = "syn-sent", .make = make_syn_sent },
	{ .name = "syn-recv", .make = make_syn_recv },
	{ .name = "fin-wait-1", .number = TCP_FIN_WAIT1, .bring = to_fin_wait_1 },
	{ .name = "fin-wait-2", .number = TCP_FIN_WAIT2, .bring = to_fin_wait_2 },
	{ .name = "time-wait", .number = TCP_TIME_WAIT, .bring = to_time_wait },
	{ .name = "close", .make = make_close },
	{ .name = "close-wait", .number = TCP_CLOSE_WAIT, .bring = to_close_wait },
	{ .name = "last-ack", .number = TCP_LAST_ACK, .bring = to_last_ack },
	{ .name = "listen", .make = make_listen },
	{ .name = "closing", .number = TCP_CLOSING, .bring = to_closing },
};

void sm_make_state(char *value, struct sm_opts *o)
{
	struct sm_endpoint ep;

	if (o->addr == NULL)
		sm_die(0, "state=%s needs ,addr=ADDR:PORT", value);
	ep = sm_endpoint_parse(o->addr);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (strcmp(states[i].name, value) != 0)
			continue;
		if (states[i].make != NULL)
			states[i].make(&ep, o);
		else
			accepted(&ep, o, states[i].bring, states[i].number);
		sm_made("%ld x %s at %s", o->count, value, sm_show(&ep));
		return;
	}
	sm_die(0,
	       "state=%s: the states are established, syn-sent, syn-recv, fin-wait-1, "
	       "fin-wait-2, time-wait, close, close-wait, last-ack, listen and closing",
	       value);
}
