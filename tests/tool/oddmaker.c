/*
 * oddmaker: the sockets that make a listing hard: options that nobody sets, addresses of a scope,
 * names with quotes and blanks, queues that stay full, holders of every kind. It holds them while a
 * command runs, and ends with the command's exit code (125: something could not be made).
 *
 *	oddmaker WHAT[,WHAT...] FOLDER COMMAND ARGS...
 *
 * WHAT: tcp udp raw scopes unix control netlink packet holders; paths are made in FOLDER. `scopes`
 * needs the interface v0 with 10.9.0.1 and fe80::1. What this kernel does not have is left out with
 * a note. It needs a network namespace of its own, for it changes settings under /proc/sys/net.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef IP_RECVERR_RFC4884
#define IP_RECVERR_RFC4884 26
#endif
#ifndef IP_MULTICAST_ALL
#define IP_MULTICAST_ALL 49
#endif
#ifndef SO_MAX_PACING_RATE
#define SO_MAX_PACING_RATE 47
#endif

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { EXIT_FAILED = 125 };

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "oddmaker: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILED);
}

static void note(const char *what)
{
	fprintf(stderr, "oddmaker: note: %s: %s\n", what, strerror(errno));
}

static int check(int rc, const char *what)
{
	if (rc < 0)
		die(what);
	return rc;
}

/* Writes a setting of this namespace; one that the kernel does not have is left out. */
static void setting(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		note(path);
	if (fd >= 0)
		close(fd);
}

static int make(int family, int type, int protocol)
{
	return check(socket(family, type | SOCK_CLOEXEC, protocol), "socket");
}

static void set(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) != 0)
		note("setsockopt");
}

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
};

static struct address address(const char *text, int port, const char *dev)
{
	struct address a = { .len = sizeof(struct sockaddr_in) };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&a.sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a.sa;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((unsigned short)port);
		return a;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		die(text);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((unsigned short)port);
	v6->sin6_scope_id = dev ? if_nametoindex(dev) : 0;
	a.len = sizeof(*v6);
	return a;
}

static void bind_to(int fd, struct address a)
{
	check(bind(fd, (struct sockaddr *)&a.sa, a.len), "bind");
}

static void connect_to(int fd, struct address a)
{
	check(connect(fd, (struct sockaddr *)&a.sa, a.len), "connect");
}

static int tcp_at(struct address a)
{
	int fd = make(a.sa.ss_family, SOCK_STREAM, 0);

	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	bind_to(fd, a);
	return fd;
}

static int listen_at(struct address a)
{
	int fd = tcp_at(a);

	check(listen(fd, 16), "listen");
	return fd;
}

struct pair {
	int client, server;
};

/* A connection through a listener that stays; the client's options are set before. */
static struct pair pair_through(int listener, int client, struct address a)
{
	struct pair p = { .client = client };

	connect_to(client, a);
	p.server = check(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
	return p;
}

static struct pair pair_at(const char *text, int port)
{
	struct address a = address(text, port, NULL);

	return pair_through(listen_at(a), make(a.sa.ss_family, SOCK_STREAM, 0), a);
}

static void send_and_read(struct pair p, size_t len)
{
	char *block = calloc(1, len);

	if (block == NULL || send(p.client, block, len, 0) != (ssize_t)len ||
	    recv(p.server, block, len, MSG_WAITALL) != (ssize_t)len)
		die("data");
	free(block);
}

/* ---- tcp -------------------------------------------------------------------------------- */

static void make_inet_options(void)
{
	static const struct {
		int level, option, value;
	} options[] = {
		{ IPPROTO_IP, IP_RECVERR, 1 },	       { IPPROTO_IP, IP_FREEBIND, 1 },
		{ IPPROTO_IP, IP_TRANSPARENT, 1 },     { IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1 },
		{ IPPROTO_IP, IP_RECVERR_RFC4884, 1 }, { IPPROTO_IP, IP_MULTICAST_LOOP, 0 },
		{ IPPROTO_IP, IP_MULTICAST_ALL, 0 },
	};
	int every = make(AF_INET, SOCK_DGRAM, 0);

	for (size_t i = 0; i < COUNT(options); i++) {
		int udp = make(AF_INET, SOCK_DGRAM, 0);
		int tcp = tcp_at(address("127.0.0.1", 6100 + (int)i, NULL));

		set(udp, options[i].level, options[i].option, options[i].value);
		set(tcp, options[i].level, options[i].option, options[i].value);
		set(every, options[i].level, options[i].option, options[i].value);
		bind_to(udp, address("127.0.0.1", 6100 + (int)i, NULL));
		check(listen(tcp, (int)i), "listen");
	}
	bind_to(every, address("192.0.2.9", 6119, NULL)); /* an address that is not ours */
}

static void make_handshakes(void)
{
	struct pair p;

	setting("tcp_timestamps", "0");
	setting("tcp_sack", "0");
	setting("tcp_window_scaling", "0");
	send_and_read(pair_at("127.0.0.1", 6130), 3000);
	setting("tcp_timestamps", "1");
	setting("tcp_sack", "1");
	setting("tcp_window_scaling", "1");
	setting("tcp_ecn", "1");
	p = pair_at("127.0.0.1", 6131);
	send_and_read(p, 100);
	send_and_read(pair_at("::1", 6131), 70000);
	setting("tcp_ecn", "2");
}

static void make_fastopen(void)
{
	struct address a = address("127.0.0.1", 6140, NULL);
	int listener = tcp_at(a), client = make(AF_INET, SOCK_STREAM, 0);
	int waits = make(AF_INET, SOCK_STREAM, 0);

	setting("tcp_fastopen", "519"); /* both sides, without a cookie */
	set(listener, IPPROTO_TCP, TCP_FASTOPEN, 7);
	check(listen(listener, 7), "listen");
	if (sendto(client, "quick", 5, MSG_FASTOPEN, (struct sockaddr *)&a.sa, a.len) != 5)
		note("fast open");
	set(waits, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	connect_to(waits, a); /* the handshake is put off to the first write */
}

static void make_signed(void)
{
	static const char *const keys[] = { "secret", "with blank, and \\" };

	for (size_t i = 0; i < COUNT(keys); i++) {
		struct tcp_md5sig key = { .tcpm_keylen = (unsigned short)strlen(keys[i]) };
		struct address peer = address(i ? "::1" : "127.0.0.9", 0, NULL);
		int fd = tcp_at(address(i ? "::1" : "127.0.0.1", 6150, NULL));

		memcpy(&key.tcpm_addr, &peer.sa, peer.len);
		memcpy(key.tcpm_key, keys[i], strlen(keys[i]));
		if (setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key)) != 0)
			note("TCP_MD5SIG");
		check(listen(fd, 1), "listen");
	}
}

/* The reader takes nothing: the window is closed, and the sender probes it. */
static void make_persist(void)
{
	struct address a = address("127.0.0.1", 6160, NULL);
	int listener = tcp_at(a), client = make(AF_INET, SOCK_STREAM, 0);
	struct pair p;
	char block[4096] = { 0 };

	set(listener, SOL_SOCKET, SO_RCVBUF, 4096);
	set(client, SOL_SOCKET, SO_SNDBUF, 16384);
	check(listen(listener, 1), "listen");
	p = pair_through(listener, client, a);
	while (send(p.client, block, sizeof(block), MSG_DONTWAIT) > 0)
		;
}

static void make_settings(void)
{
	struct address a = address("::1", 6170, NULL);
	int listener = listen_at(a), fd = make(AF_INET6, SOCK_STREAM, 0);
	struct pair p;

	set(fd, IPPROTO_TCP, TCP_MAXSEG, 700);
	set(fd, IPPROTO_IPV6, IPV6_TCLASS, 0x2e << 2);
	set(fd, SOL_SOCKET, SO_PRIORITY, 6);
	set(fd, SOL_SOCKET, SO_MAX_PACING_RATE, 1234567);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 32000);
	p = pair_through(listener, fd, a);
	send_and_read(p, 5000);
	set(p.server, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(p.server, IPPROTO_TCP, TCP_KEEPIDLE, 550);
	check(shutdown(p.server, SHUT_RD), "shutdown");
	p = pair_at("127.0.0.1", 6171);
	set(p.client, IPPROTO_IP, IP_TOS, 0x10);
	set(p.client, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(p.client, IPPROTO_TCP, TCP_KEEPIDLE, 95);
	check(shutdown(p.client, SHUT_RD), "shutdown");
	/* In and out of order, of the widest ports, at an address with zeros. */
	send_and_read(pair_at("127.0.0.1", 65535), 1);
	listen_at(address("127.255.255.254", 1, NULL));
	listen_at(address("fd00:1::1", 9, NULL));
	listen_at(address("0.0.0.0", 6172, NULL));
	fd = make(AF_INET6, SOCK_STREAM, 0);
	set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	bind_to(fd, address("::", 6173, NULL));
	check(listen(fd, 3), "listen");
	connect_to(make(AF_INET, SOCK_STREAM, 0), address("127.0.0.1", 6173, NULL));
	connect_to(make(AF_INET6, SOCK_STREAM, 0), address("::1", 6173, NULL));
}

static void make_tcp(void)
{
	make_inet_options();
	make_handshakes();
	make_fastopen();
	make_signed();
	make_persist();
	make_settings();
}

/* ---- udp and ping ------------------------------------------------------------------------ */

static void make_udp(void)
{
	struct address a = address("127.0.0.1", 6200, NULL), b = address("::1", 6201, NULL);
	int full = make(AF_INET, SOCK_DGRAM, 0), from = make(AF_INET, SOCK_DGRAM, 0);
	int corked = make(AF_INET6, SOCK_DGRAM, 0), half = make(AF_INET, SOCK_DGRAM, 0);
	int lite = make(AF_INET, SOCK_DGRAM, 0);
	char block[1000] = { 0 };

	set(full, SOL_SOCKET, SO_RCVBUF, 2304);
	bind_to(full, a);
	connect_to(from, a);
	for (int i = 0; i < 20; i++) /* most are dropped, and counted */
		(void)send(from, block, sizeof(block), 0);
	bind_to(make(AF_INET6, SOCK_DGRAM, 0), b);
	connect_to(corked, b);
	set(corked, IPPROTO_UDP, 1 /* UDP_CORK */, 1);
	(void)send(corked, block, sizeof(block), 0);
	connect_to(half, a);
	check(shutdown(half, SHUT_WR), "shutdown");
	set(half, SOL_SOCKET, SO_PRIORITY, 3);
	connect_to(lite, address("127.0.0.77", 6299, NULL)); /* nobody there */
	set(lite, SOL_SOCKET, SO_MARK, 0x80000001);
	bind_to(make(AF_INET6, SOCK_DGRAM, 0), address("::ffff:127.0.0.1", 6202, NULL));
	setting("ping_group_range", "0 2147483647");
	if (socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP) < 0)
		note("ping");
}

static void make_raw(void)
{
	static const int protocols[] = { 1, 6, 17, 41, 47, 50, 89, 132, 200, 253, 255 };
	int fd;

	for (size_t i = 0; i < COUNT(protocols); i++) {
		fd = make(i % 3 == 2 ? AF_INET6 : AF_INET, SOCK_RAW, protocols[i]);
		if (i % 4 == 1)
			connect_to(fd, address(i % 3 == 2 ? "::1" : "127.0.0.1", 0, NULL));
		if (i % 4 == 3 && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) != 0)
			note("device");
	}
	fd = make(AF_INET6, SOCK_RAW, 58);
	bind_to(fd, address("::1", 0, NULL));
}

/* ---- addresses of one interface ----------------------------------------------------------- */

static void join4(int fd, const char *group, const char *dev)
{
	struct ip_mreqn mreq = { .imr_ifindex = (int)if_nametoindex(dev) };

	inet_pton(AF_INET, group, &mreq.imr_multiaddr);
	if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)) != 0)
		note(group);
}

static void to_device(int fd, const char *dev)
{
	check(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, (socklen_t)strlen(dev) + 1), dev);
}

static void make_scopes(void)
{
	struct address local = address("fe80::1", 6000, "v0");
	int listener = listen_at(local), fd;

	pair_through(listener, make(AF_INET6, SOCK_STREAM, 0), local);
	bind_to(make(AF_INET6, SOCK_DGRAM, 0), address("fe80::1", 6001, "v0"));
	fd = make(AF_INET6, SOCK_DGRAM, 0);
	bind_to(fd, address("fe80::1", 6004, "v0"));
	connect_to(fd, address("fe80::99", 6005, "v0"));
	fd = make(AF_INET, SOCK_STREAM, 0);
	to_device(fd, "v0");
	bind_to(fd, address("10.9.0.1", 6002, NULL));
	check(listen(fd, 4), "listen");
	fd = make(AF_INET, SOCK_DGRAM, 0);
	to_device(fd, "v0");
	bind_to(fd, address("0.0.0.0", 6003, NULL));
	fd = make(AF_INET6, SOCK_DGRAM, 0);
	to_device(fd, "lo");
	bind_to(fd, address("::1", 6003, NULL));
	fd = make(AF_INET6, SOCK_STREAM, 0);
	to_device(fd, "odd)\"dev'[x]0");
	bind_to(fd, address("::", 6006, NULL));
	check(listen(fd, 4), "listen");
	fd = make(AF_INET, SOCK_DGRAM, 0);
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	bind_to(fd, address("224.0.0.251", 6007, NULL));
	join4(fd, "224.0.0.251", "v0");
	fd = make(AF_INET6, SOCK_DGRAM, 0);
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	bind_to(fd, address("ff02::fb", 6008, "v0"));
}

/* ---- unix --------------------------------------------------------------------------------- */

static int unix_at(int type, const char *name, size_t len)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = make(AF_UNIX, type, 0);

	memcpy(sun.sun_path, name, len);
	check(bind(fd, (struct sockaddr *)&sun,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
	      name);
	return fd;
}

static int unix_to(int type, const char *name, size_t len)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = make(AF_UNIX, type, 0);

	memcpy(sun.sun_path, name, len);
	check(connect(fd, (struct sockaddr *)&sun,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
	      name);
	return fd;
}

static void make_unix(void)
{
	static const struct {
		const char *name;
		size_t len;
		int type;
	} names[] = {
#define NAME(text, type) { (text), sizeof(text) - 1, SOCK_##type }
		NAME("path with blanks ", STREAM),
		NAME("ünïcödé", STREAM),
		NAME("eight\xff\xfe"
		     "bit",
		     DGRAM),
		NAME("*", STREAM),
		NAME("users:((\"x\",pid=1,fd=2))", SEQPACKET),
		NAME("@looks-abstract", STREAM),
		NAME("a:b%c[d]", DGRAM),
		NAME("\0abstract", STREAM),
		NAME("\0with\0nuls\0\0", SEQPACKET),
		NAME("\0abstract with blanks", DGRAM),
		NAME("\0\xc3\xa9\xff", STREAM),
		NAME("\0", DGRAM),
		NAME("\0@", STREAM),
#undef NAME
	};
	const struct sockaddr_un none = { .sun_family = AF_UNIX };
	char longest[108], path[] = "path with blanks ";
	int pair[2], fd;

	for (size_t i = 0; i < COUNT(names); i++) {
		fd = unix_at(names[i].type, names[i].name, names[i].len);
		if (names[i].type != SOCK_DGRAM && i % 4 != 1)
			check(listen(fd, 5 + (int)i), "listen");
	}
	memset(longest, 'x', sizeof(longest));
	unix_at(SOCK_STREAM, longest, sizeof(longest));
	longest[0] = '\0';
	unix_at(SOCK_STREAM, longest, sizeof(longest));
	for (int i = 0; i < 3; i++) /* nobody accepts them */
		unix_to(SOCK_STREAM, path, sizeof(path) - 1);
	fd = unix_to(SOCK_STREAM, "\0\xc3\xa9\xff", 4);
	(void)send(fd, "queue", 5, 0);
	close(unix_to(SOCK_STREAM, "\0\xc3\xa9\xff", 4));
	for (int type = 0; type < 3; type++) {
		static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
		static const int ways[] = { SHUT_RD, SHUT_WR, SHUT_RDWR };

		check(socketpair(AF_UNIX, types[type] | SOCK_CLOEXEC, 0, pair), "socketpair");
		(void)send(pair[0], "12345678", 8, 0);
		check(socketpair(AF_UNIX, types[type] | SOCK_CLOEXEC, 0, pair), "socketpair");
		check(shutdown(pair[0], ways[type]), "shutdown");
		make(AF_UNIX, types[type], 0);
	}
	fd = make(AF_UNIX, SOCK_DGRAM, 0);
	check(bind(fd, (const struct sockaddr *)&none, sizeof(sa_family_t)), "autobind");
	fd = unix_to(SOCK_DGRAM, "a:b%c[d]", 8);
	(void)send(fd, "datagram", 8, 0);
}

/* Names that would break a line or move a cursor. */
static void make_control(void)
{
	static const char path[] = "new\nline\tand\033[31mred", abstract[] = "\0bell\a\nline\177";

	check(listen(unix_at(SOCK_STREAM, path, sizeof(path) - 1), 1), "listen");
	unix_at(SOCK_DGRAM, abstract, sizeof(abstract) - 1);
}

/* ---- netlink and packet --------------------------------------------------------------------- */

static int netlink_at(int protocol, unsigned int port, unsigned int groups)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK, .nl_pid = port, .nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
		note("netlink");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static void make_netlink(void)
{
	const struct sockaddr_nl to = { .nl_family = AF_NETLINK,
					.nl_pid = 77,
					.nl_groups = 1 << 4 };
	int fd;

	for (int protocol = 0; protocol < 32; protocol++) {
		if (protocol == NETLINK_SOCK_DIAG || protocol == 1)
			continue; /* the first must hold the reader alone: its place in a listing */
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
		if (fd >= 0)
			close(fd);
		else
			continue;
		netlink_at(protocol, 0, protocol == NETLINK_ROUTE ? 0x51 : 0);
	}
	netlink_at(NETLINK_ROUTE, 0x7ffffff0, 0);
	netlink_at(NETLINK_GENERIC, 0xfffff000, 0);
	netlink_at(NETLINK_KOBJECT_UEVENT, 0, 1);
	fd = netlink_at(NETLINK_USERSOCK, 4000000, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		note("netlink connect");
}

static void make_packet(void)
{
	static const unsigned short types[] = { ETH_P_ALL, ETH_P_ARP, ETH_P_IPV6, ETH_P_8021Q,
						0x88cc,	   0x1234,    ETH_P_802_2 };

	for (size_t i = 0; i < COUNT(types); i++) {
		struct sockaddr_ll at = { .sll_family = AF_PACKET,
					  .sll_protocol = htons(types[i]),
					  .sll_ifindex = i % 2 ? (int)if_nametoindex("lo") : 0 };
		int fd = make(AF_PACKET, i % 3 ? SOCK_RAW : SOCK_DGRAM, 0);

		check(bind(fd, (struct sockaddr *)&at, sizeof(at)), "packet");
	}
	make(AF_PACKET, SOCK_RAW, 0);
}

/* ---- holders ------------------------------------------------------------------------------- */

static void *sleeper(void *name)
{
	(void)prctl(PR_SET_NAME, name);
	for (;;)
		pause();
	return NULL;
}

static void wait_for(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		die("a child ended");
}

/* A process of that name that holds a listener (twice), a unix pair, and what `shared` is. */
static pid_t holder(const char *name, int port, int shared, int threads)
{
	static char thread_names[3][16] = { "thread one", "th)read", "\"t\"" };
	int ready[2], pair[2];
	pid_t parent = getpid(), pid;

	check(pipe2(ready, O_CLOEXEC), "pipe");
	pid = check(fork(), "fork");
	if (pid > 0) {
		close(ready[1]);
		wait_for(ready[0]);
		close(ready[0]);
		return pid;
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(EXIT_FAILED);
	(void)prctl(PR_SET_NAME, name);
	check(dup2(shared, 3), "dup2");
	check(dup3(ready[1], 4, O_CLOEXEC), "dup3");
	check(close_range(5, ~0U, 0), "close_range");
	check(dup2(listen_at(address("127.0.0.1", port, NULL)), 100), "dup2");
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	make(AF_INET6, SOCK_DGRAM, 0);
	connect_to(make(AF_INET, SOCK_DGRAM, 0), address("127.0.0.1", 9, NULL));
	netlink_at(NETLINK_ROUTE, 0, 0);
	make(AF_PACKET, SOCK_DGRAM, 0);
	for (int i = 0; i < threads; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, sleeper, thread_names[i % 3]) != 0)
			_exit(EXIT_FAILED);
	}
	usleep(20000); /* the threads name themselves */
	if (write(4, "r", 1) != 1)
		_exit(EXIT_FAILED);
	for (;;)
		pause();
}

static pid_t children[16];
static size_t child_count;

static void make_holders(void)
{
	static const char *const names[] = {
		"a) \"b",	   "(sd-pam)", "quo'te\\", "\xff\xfe\xc3\xa9",
		"fifteen bytes!!", " blank ",  "))))"
	};
	int shared = listen_at(address("127.0.0.1", 6300, NULL));

	for (size_t i = 0; i < COUNT(names); i++)
		children[child_count++] = holder(names[i], 6301 + (int)i, shared, i == 0 ? 3 : 0);
}

static void make_control_holder(void)
{
	int shared = listen_at(address("127.0.0.1", 6320, NULL));

	children[child_count++] = holder("e\033[31m\nx\t", 6321, shared, 0);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	void (*make)(void);
} parts[] = {
	{ "tcp", make_tcp },	     { "udp", make_udp },
	{ "raw", make_raw },	     { "scopes", make_scopes },
	{ "unix", make_unix },	     { "control", make_control },
	{ "netlink", make_netlink }, { "packet", make_packet },
	{ "holders", make_holders }, { "control-holder", make_control_holder },
};

static void make_part(const char *name)
{
	for (size_t i = 0; i < COUNT(parts); i++) {
		if (strcmp(parts[i].name, name) == 0) {
			parts[i].make();
			return;
		}
	}
	fprintf(stderr, "oddmaker: there is no '%s'\n", name);
	exit(EXIT_FAILED);
}

int main(int argc, char **argv)
{
	char *what, *name, old[4096];
	int status;
	pid_t pid;

	if (argc < 4) {
		fputs("usage: oddmaker WHAT[,WHAT...] FOLDER COMMAND ARGS...\n", stderr);
		return EXIT_FAILED;
	}
	if (getcwd(old, sizeof(old)) == NULL || chdir(argv[2]) != 0)
		die(argv[2]);
	what = argv[1];
	while ((name = strsep(&what, ",")) != NULL)
		make_part(name);
	check(chdir(old), old);
	pid = check(fork(), "fork");
	if (pid == 0) {
		execvp(argv[3], argv + 3);
		die(argv[3]);
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			die("waitpid");
	}
	for (size_t i = 0; i < child_count; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
