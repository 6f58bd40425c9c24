/*
 * sockmaker: everything that is no TCP connection: udp, udplite, raw, unix, netlink.
 */
#include "sockmaker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif

/* The udp and udplite sockets made so far, to find the one that a client should reach. */
static struct server {
	int fd;
	int protocol;
} * servers;
static size_t server_count;

static int datagram_server(const struct sm_endpoint *ep, int protocol, const struct sm_opts *o)
{
	int family = ep->sa.ss_family;
	int fd = sm_socket(family, SOCK_DGRAM, protocol, o);

	if (fd < 0)
		return -1;
	sm_apply_bind(fd, family, o);
	sm_apply(fd, family, o);
	sm_bind(fd, ep);
	servers = reallocarray(servers, server_count + 1, sizeof(*servers));
	if (servers == NULL)
		sm_die(errno, "memory");
	servers[server_count++] = (struct server){ .fd = fd, .protocol = protocol };
	return fd;
}

static int server_find(const struct sm_endpoint *ep, int protocol)
{
	for (size_t i = 0; i < server_count; i++) {
		struct sm_endpoint at = sm_local(servers[i].fd);

		if (servers[i].protocol == protocol && sm_port(&at) == sm_port(ep))
			return servers[i].fd;
	}
	return -1;
}

static void datagram(const char *value, int protocol, const char *name, const struct sm_opts *o)
{
	struct sm_endpoint ep = sm_endpoint_parse(value);

	for (long i = 0; i < o->count; i++) {
		if (datagram_server(&ep, protocol, o) >= 0)
			sm_made("%s %s", name, sm_show(&ep));
	}
}

void sm_make_udp(char *value, struct sm_opts *o)
{
	datagram(value, IPPROTO_UDP, "udp", o);
}

void sm_make_udplite(char *value, struct sm_opts *o)
{
	datagram(value, IPPROTO_UDPLITE, "udplite", o);
}

static void send_datagram(int fd, int server, long bytes)
{
	char *data = calloc(1, (size_t)bytes);

	if (data == NULL || send(fd, data, (size_t)bytes, 0) != bytes)
		sm_die(errno, "a datagram of %ld bytes", bytes);
	sm_wait_readable(server, bytes);
	free(data);
}

/* Connected clients of a server that is made if it is not there yet. */
void sm_make_udpconn(char *value, struct sm_opts *o)
{
	struct sm_endpoint ep = sm_endpoint_parse(value);
	int family = ep.sa.ss_family;
	int server = server_find(&ep, IPPROTO_UDP);

	if (server < 0)
		server = datagram_server(&ep, IPPROTO_UDP, o);
	for (long i = 0; server >= 0 && i < o->count; i++) {
		int fd = sm_socket(family, SOCK_DGRAM, IPPROTO_UDP, o);

		if (fd < 0)
			return;
		sm_apply_bind(fd, family, o);
		sm_apply(fd, family, o);
		if (o->from != NULL) {
			struct sm_endpoint from = sm_address_parse(o->from, family);

			sm_bind(fd, &from);
		}
		if (connect(fd, (struct sockaddr *)&ep.sa, ep.len) != 0)
			sm_die(errno, "connect to %s", sm_show(&ep));
		if (o->pending > 0)
			send_datagram(fd, server, o->pending);
		sm_made("udp client of %s", sm_show(&ep));
	}
}

static int protocol_number(const char *text)
{
	static const struct {
		const char *name;
		int number;
	} known[] = {
		{ "icmp", IPPROTO_ICMP }, { "icmp6", IPPROTO_ICMPV6 },
		{ "tcp", IPPROTO_TCP },	  { "udp", IPPROTO_UDP },
		{ "ospf", 89 },		  { "raw", IPPROTO_RAW },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, text) == 0)
			return known[i].number;
	}
	return (int)sm_number(text, 0, 255, "raw: protocol");
}

static void raw(const char *value, int family, const struct sm_opts *o)
{
	for (long i = 0; i < o->count; i++) {
		int fd = sm_socket(family, SOCK_RAW, protocol_number(value), o);

		if (fd < 0)
			return;
		if (o->dev != NULL)
			sm_apply_bind(fd, AF_INET, o);
		sm_apply(fd, family, o);
		if (o->from != NULL) {
			struct sm_endpoint at = sm_address_parse(o->from, family);

			sm_bind(fd, &at);
		}
		sm_made("raw socket of %s", value);
	}
}

void sm_make_raw(char *value, struct sm_opts *o)
{
	raw(value, AF_INET, o);
}

void sm_make_raw6(char *value, struct sm_opts *o)
{
	raw(value, AF_INET6, o);
}

static char **paths;
static size_t path_count;

void sm_unix_cleanup(void)
{
	while (path_count > 0)
		unlink(paths[--path_count]);
}

static int unix_type(const struct sm_opts *o)
{
	return o->dgram ? SOCK_DGRAM : o->seqpacket ? SOCK_SEQPACKET : SOCK_STREAM;
}

static socklen_t unix_address(const char *value, struct sockaddr_un *sun)
{
	size_t len = strlen(value);

	if (len == 0 || len >= sizeof(sun->sun_path))
		sm_die(0, "unix: '%s' should be a path, @NAME or pair", value);
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, value, len);
	if (value[0] != '@') {
		paths = reallocarray(paths, path_count + 1, sizeof(*paths));
		if (paths == NULL)
			sm_die(errno, "memory");
		paths[path_count++] = strdup(value);
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	}
	sun->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static void unix_pairs(const struct sm_opts *o)
{
	int fds[2];

	for (long i = 0; i < o->count; i++) {
		if (socketpair(AF_UNIX, unix_type(o) | SOCK_CLOEXEC, 0, fds) != 0)
			sm_die(errno, "socketpair");
		if (o->pending > 0)
			send_datagram(fds[0], fds[1], o->pending);
		sm_made("unix pair");
	}
}

/* Connects one client to the socket; `bound` itself receives what a datagram client sends. */
static void unix_client(const struct sockaddr_un *sun, socklen_t len, int bound, bool take,
			const struct sm_opts *o)
{
	int client = sm_socket(AF_UNIX, unix_type(o), 0, o);
	int server = bound;

	if (client < 0 || connect(client, (const struct sockaddr *)sun, len) != 0)
		sm_die(errno, "connect to a unix socket");
	if (!take)
		return;
	if (!o->dgram)
		server = accept4(bound, NULL, NULL, SOCK_CLOEXEC);
	if (server < 0)
		sm_die(errno, "accept on a unix socket");
	if (o->pending > 0)
		send_datagram(client, server, o->pending);
}

/* unix=PATH*N: the bound socket, N connections and as many in the queue as `queue=` says. */
void sm_make_unix(char *value, struct sm_opts *o)
{
	long taken = o->counted ? o->count : 0;
	long queued = o->queue > 0 ? o->queue : 0;
	struct sockaddr_un sun;
	socklen_t len;
	int fd;

	if (strcmp(value, "pair") == 0) {
		unix_pairs(o);
		return;
	}
	len = unix_address(value, &sun);
	fd = sm_socket(AF_UNIX, unix_type(o), 0, o);
	if (fd < 0)
		return;
	if (bind(fd, (struct sockaddr *)&sun, len) != 0)
		sm_die(errno, "bind to %s", value);
	if (!o->dgram && listen(fd, o->backlog >= 0 ? (int)o->backlog : 16) != 0)
		sm_die(errno, "listen on %s", value);
	for (long i = 0; i < taken + queued; i++)
		unix_client(&sun, len, fd, i < taken, o);
	sm_made("unix %s with %ld connections, %ld queued", value, taken, queued);
}

/* netlink=PROTOCOL: route (the default), generic, diag, uevent or a number. */
void sm_make_netlink(char *value, struct sm_opts *o)
{
	static const struct {
		const char *name;
		int number;
	} known[] = {
		{ "", NETLINK_ROUTE },
		{ "route", NETLINK_ROUTE },
		{ "generic", NETLINK_GENERIC },
		{ "diag", NETLINK_SOCK_DIAG },
		{ "uevent", NETLINK_KOBJECT_UEVENT },
	};
	struct sockaddr_nl at = { .nl_family = AF_NETLINK };
	int fd, protocol = -1;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, value) == 0)
			protocol = known[i].number;
	}
	if (protocol < 0)
		protocol = (int)sm_number(value, 0, 31, "netlink: protocol");
	if (o->groups >= 0)
		at.nl_groups = (unsigned int)o->groups;
	fd = sm_socket(AF_NETLINK, SOCK_RAW, protocol, o);
	if (fd < 0)
		return;
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		sm_die(errno, "netlink socket");
	sm_made("netlink socket %s", value);
}
