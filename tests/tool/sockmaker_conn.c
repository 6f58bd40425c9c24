/*
 * sockmaker: listeners and established connections of tcp, mptcp and sctp. Both ends are ours
 * and in this process: a loopback connect completes without anybody accepting, so one thread
 * can do both in turn.
 */
#include "sockmaker.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

struct listener {
	int fd;
	int protocol;
	bool v6only;
	struct sm_endpoint at;
};

static struct listener *listeners;
static size_t listener_count;

static void remember(int fd, int protocol, const struct sm_opts *o)
{
	listeners = reallocarray(listeners, listener_count + 1, sizeof(*listeners));
	if (listeners == NULL)
		sm_die(errno, "memory");
	listeners[listener_count++] = (struct listener){
		.fd = fd, .protocol = protocol, .v6only = o->v6only, .at = sm_local(fd)
	};
}

/* The address as 16 bytes, an IPv4 one mapped. */
static struct in6_addr as_v6(const struct sm_endpoint *ep)
{
	struct in6_addr a = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	if (ep->sa.ss_family == AF_INET6)
		return ((const struct sockaddr_in6 *)&ep->sa)->sin6_addr;
	memcpy(&a.s6_addr[12], &((const struct sockaddr_in *)&ep->sa)->sin_addr, 4);
	return a;
}

static bool is_v4_any(const struct in6_addr *a)
{
	static const unsigned char any[4];

	return IN6_IS_ADDR_V4MAPPED(a) && memcmp(&a->s6_addr[12], any, 4) == 0;
}

/* 2: bound to this very address, 1: to a wildcard that covers it, 0: does not take it. */
static int match(const struct listener *l, const struct sm_endpoint *ep, int protocol)
{
	struct in6_addr have = as_v6(&l->at), want = as_v6(ep);

	if (l->protocol != protocol || sm_port(&l->at) != sm_port(ep))
		return 0;
	if (ep->sa.ss_family == AF_INET6 && l->at.sa.ss_family != AF_INET6)
		return 0;
	if (memcmp(&have, &want, sizeof(have)) == 0)
		return 2;
	if (IN6_IS_ADDR_UNSPECIFIED(&have))
		return l->v6only && IN6_IS_ADDR_V4MAPPED(&want) ? 0 : 1;
	return is_v4_any(&have) && IN6_IS_ADDR_V4MAPPED(&want);
}

int sm_listener_find(const struct sm_endpoint *ep, int protocol)
{
	int best = 0, fd = -1;

	for (size_t i = 0; i < listener_count; i++) {
		int score = match(&listeners[i], ep, protocol);

		if (score > best) {
			best = score;
			fd = listeners[i].fd;
		}
	}
	return fd;
}

static int listener_new(const struct sm_endpoint *ep, int protocol, const struct sm_opts *o)
{
	int family = ep->sa.ss_family;
	int fd = sm_socket(family, SOCK_STREAM, protocol, o);

	if (fd < 0)
		return -1;
	sm_apply_bind(fd, family, o);
	sm_apply(fd, family, o);
	sm_bind(fd, ep);
	if (listen(fd, o->backlog >= 0 ? (int)o->backlog : SOMAXCONN) != 0)
		sm_die(errno, "listen on %s", sm_show(ep));
	remember(fd, protocol, o);
	return fd;
}

int sm_listener(const struct sm_endpoint *ep, int protocol, const struct sm_opts *o)
{
	int fd = sm_listener_find(ep, protocol);

	return fd >= 0 ? fd : listener_new(ep, protocol, o);
}

void sm_listener_close(int fd)
{
	for (size_t i = 0; i < listener_count; i++) {
		if (listeners[i].fd == fd)
			listeners[i] = listeners[--listener_count];
	}
	close(fd);
}

/* `from=` is an address, or an address and a port as in an endpoint. */
static void bind_source(int fd, const struct sm_endpoint *to, const struct sm_opts *o)
{
	const char *colon = strchr(o->from, ':');
	struct sm_endpoint from;
	int on = 1;

	if (o->from[0] == '[' || (colon != NULL && strchr(colon + 1, ':') == NULL))
		from = sm_endpoint_parse(o->from);
	else
		from = sm_address_parse(o->from, to->sa.ss_family);
	/* Leaves the choice of the port to connect(2), where a port can serve many peers. */
	if (sm_port(&from) == 0)
		(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	sm_bind(fd, &from);
}

int sm_client(const struct sm_endpoint *ep, int protocol, const struct sm_opts *o)
{
	/* So that a connect which gets no answer ends with an error. */
	const struct timeval limit = { .tv_sec = 5 };
	int family = ep->sa.ss_family;
	int fd = sm_socket(family, SOCK_STREAM, protocol, o);

	if (fd < 0)
		return -1;
	sm_apply_bind(fd, family, o);
	sm_apply(fd, family, o);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (o->from != NULL)
		bind_source(fd, ep, o);
	return fd;
}

/* Accepts the connection whose client end is fd, from whichever listener the kernel chose. */
static int accept_from(int fd, int listener, int protocol)
{
	struct pollfd polls[64];
	struct sm_endpoint at = sm_local(listener), client = sm_local(fd), peer;
	nfds_t n = 0;
	int server;

	for (size_t i = 0; i < listener_count && n < 64; i++) {
		if (listeners[i].protocol == protocol && sm_port(&listeners[i].at) == sm_port(&at))
			polls[n++] = (struct pollfd){ .fd = listeners[i].fd, .events = POLLIN };
	}
	if (poll(polls, n, 5000) <= 0)
		sm_die(0, "the connection to %s did not reach its listener", sm_show(&at));
	for (nfds_t i = 0; i < n; i++) {
		if ((polls[i].revents & POLLIN) != 0)
			listener = polls[i].fd;
	}
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (server < 0)
		sm_die(errno, "accept on %s", sm_show(&at));
	peer = sm_peer(server);
	if (sm_port(&peer) != sm_port(&client))
		sm_die(0, "%s has other connections in its queue: %s was expected, not %s",
		       sm_show(&at), sm_show(&client), sm_show(&peer));
	return server;
}

static void send_all(int fd, long bytes)
{
	static const char block[16384];

	while (bytes > 0) {
		ssize_t n = send(fd, block, (size_t)(bytes < 16384 ? bytes : 16384),
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			sm_die(errno, "%ld more bytes do not fit into the socket", bytes);
		bytes -= n;
	}
}

static void receive_all(int fd, long bytes)
{
	char block[16384];

	while (bytes > 0) {
		ssize_t n = recv(fd, block, (size_t)(bytes < 16384 ? bytes : 16384), 0);

		if (n <= 0)
			sm_die(n < 0 ? errno : 0, "%ld more bytes did not arrive", bytes);
		bytes -= n;
	}
}

static void transfer(const struct sm_pair *pair, const struct sm_opts *o)
{
	for (long left = o->send; left > 0; left -= 16384) {
		long n = left < 16384 ? left : 16384;

		send_all(pair->client, n);
		receive_all(pair->server, n);
	}
	if (o->pending > 0) {
		send_all(pair->client, o->pending);
		sm_wait_readable(pair->server, o->pending);
	}
	if (o->stuck > 0) {
		sm_drop_all(pair->server);
		send_all(pair->client, o->stuck);
	}
}

bool sm_pair(int listener, const struct sm_endpoint *ep, int protocol, const struct sm_opts *o,
	     struct sm_pair *pair)
{
	pair->client = sm_client(ep, protocol, o);
	if (pair->client < 0)
		return false;
	if (connect(pair->client, (const struct sockaddr *)&ep->sa, ep->len) != 0)
		sm_die(errno, "connect to %s", sm_show(ep));
	pair->server = accept_from(pair->client, listener, protocol);
	sm_apply(pair->server, sm_local(pair->server).sa.ss_family, o);
	transfer(pair, o);
	return true;
}

void sm_make_listen(char *value, struct sm_opts *o)
{
	struct sm_endpoint ep = sm_endpoint_parse(value);

	for (long i = 0; i < o->count; i++) {
		if (listener_new(&ep, IPPROTO_TCP, o) >= 0)
			sm_made("listener %s", sm_show(&ep));
	}
}

void sm_make_listen6only(char *value, struct sm_opts *o)
{
	o->v6only = true;
	sm_make_listen(value, o);
}

static void connections(const char *value, int protocol, const char *kind, const struct sm_opts *o)
{
	struct sm_endpoint ep = sm_endpoint_parse(value);
	int listener = sm_listener(&ep, protocol, o);
	struct sm_pair pair;

	if (listener < 0)
		return;
	for (long i = 0; i < o->count; i++) {
		struct sm_endpoint from;

		if (!sm_pair(listener, &ep, protocol, o, &pair))
			return;
		from = sm_local(pair.client);
		sm_made("%s connection %s -> %s", kind, sm_show(&from), sm_show(&ep));
	}
}

void sm_make_conn(char *value, struct sm_opts *o)
{
	connections(value, IPPROTO_TCP, "tcp", o);
}

void sm_make_mptcp(char *value, struct sm_opts *o)
{
	connections(value, IPPROTO_MPTCP, "mptcp", o);
}

void sm_make_sctp(char *value, struct sm_opts *o)
{
	connections(value, IPPROTO_SCTP, "sctp", o);
}

static bool has_queued(void *arg)
{
	struct pollfd p = { .fd = *(int *)arg, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

void sm_make_noaccept(char *value, struct sm_opts *o)
{
	struct sm_endpoint ep = sm_endpoint_parse(value);
	int listener = sm_listener(&ep, IPPROTO_TCP, o);

	if (listener < 0)
		return;
	for (long i = 0; i < o->count; i++) {
		int fd = sm_client(&ep, IPPROTO_TCP, o);

		if (fd < 0)
			return;
		if (connect(fd, (const struct sockaddr *)&ep.sa, ep.len) != 0)
			sm_die(errno, "connect to %s", sm_show(&ep));
		sm_made("queued connection to %s", sm_show(&ep));
	}
	if (!sm_wait(has_queued, &listener))
		sm_die(0, "nothing is in the accept queue of %s", sm_show(&ep));
}
