/*
 * ownermaker: processes whose sockets are known, for the tests of owners.
 *
 *	ownermaker scene FILE -- COMMAND ARGS...
 *		makes one of everything below, writes to FILE who holds what, runs COMMAND
 *		and ends with its exit status. A line of FILE is NAME LPORT RPORT PIDS COMMS:
 *		lists joined by commas in the order of pids, names in hexadecimal ("empty"),
 *		"-" for none; rport 0 is a socket that is not connected.
 *	ownermaker hold PORT
 *		holds a listener until its standard input ends
 *	ownermaker many PORT
 *		holds a listener by several descriptors, in three processes and in threads of the
 *		first one and of the last, of which some have tables of their own, until its
 *		standard input ends; and a datagram socket, at the same port, that only such a
 *		thread has
 *	ownermaker move PORT FILE
 *		prints the pids of two processes, of which the second holds a listener until
 *		it gets SIGUSR1; when the first has it and the second has not, FILE is there
 *	ownermaker churn MS FILE
 *		processes that live so long, each with a connection, until standard input
 *		ends; FILE is a table of 32-bit pids by local port. Keepers hold listeners
 *		at KEEP_PORT and behind it all the while, and one is passed on from process
 *		to process at RELAY_PORT, whose pids are in the table from 0 on.
 *
 * All are on 127.0.0.1 of the network namespace at hand.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	SCENE_PORT = 7000,
	HUB_PORT = 7100, /* the short-lived ones connect to it */
	KEEP_PORT = 7201,
	KEEPERS = 4,
	RELAY_PORT = 7300,
	RELAY_MAX = 1000,
	SHORT_FIRST = 10000, /* their own ports */
	SHORT_LAST = 65000,
	WORKERS = 4,
	/* For which two of the relay hold the socket: much longer than a pass over /proc takes. */
	OVERLAP_MS = 200,
};

static void die(const char *what)
{
	fprintf(stderr, "ownermaker: %s: %s\n", what, strerror(errno));
	exit(125);
}

static void sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static struct sockaddr_in local(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static int bound(int type, int port)
{
	struct sockaddr_in a = local(port);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die("bind");
	return fd;
}

static int listener(int port)
{
	int fd = bound(SOCK_STREAM, port);

	if (listen(fd, 512))
		die("listen");
	return fd;
}

static int connected(int from, int to)
{
	struct sockaddr_in a = local(to);
	int fd = bound(SOCK_STREAM, from);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die("connect");
	return fd;
}

/* ---- descriptors on their way ------------------------------------------------------ */

static void send_fd(int over, int fd)
{
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .buf = { 0 } };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.buf,
			    .msg_controllen = sizeof(control.buf) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(over, &m, 0) != 1)
		die("sendmsg");
}

static int receive_fd(int over)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.buf,
			    .msg_controllen = sizeof(control.buf) };
	int fd = -1;

	if (recvmsg(over, &m, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&m))
		die("recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

/* ---- actors: processes that do something, then stay --------------------------------- */

struct actor {
	const char *comm;
	int port;
	int pair[2]; /* to another actor */
};

static void set_comm(const char *comm)
{
	if (prctl(PR_SET_NAME, comm))
		die("prctl");
}

static pid_t child(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent))
		_exit(125);
	return pid;
}

/* Returns when the child has done what body does. */
static pid_t actor(void (*body)(const struct actor *a), const struct actor *a)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		die("pipe");
	pid = child();
	if (pid == 0) {
		set_comm(a->comm);
		body(a);
		if (write(ready[1], "x", 1) != 1)
			_exit(125);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		die(a->comm);
	close(ready[0]);
	return pid;
}

static void do_listen(const struct actor *a)
{
	listener(a->port);
}

static void do_udp(const struct actor *a)
{
	bound(SOCK_DGRAM, a->port);
}

static void do_listen_as_nobody(const struct actor *a)
{
	if (setgid(65534) || setuid(65534))
		die("setuid");
	/* a change of user makes a process one that others may not look into */
	prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	listener(a->port);
}

static void do_send(const struct actor *a)
{
	send_fd(a->pair[0], listener(a->port));
}

static void do_send_and_close(const struct actor *a)
{
	int fd = listener(a->port);

	send_fd(a->pair[0], fd);
	close(fd);
}

static void do_receive(const struct actor *a)
{
	receive_fd(a->pair[1]);
}

/* Of the connection that is being made. */
static int server_port, server;

static void do_inherit(const struct actor *a)
{
	(void)a;
}

static void do_connect(const struct actor *a)
{
	close(server);
	connected(a->port, server_port);
}

static void do_accept(const struct actor *a)
{
	(void)a;
	if (accept4(server, NULL, NULL, SOCK_CLOEXEC) < 0)
		die("accept");
}

/* Closes its end with data that the other does not read. */
static void do_orphan(const struct actor *a)
{
	static char data[65536];
	int fd;

	close(server);
	fd = connected(a->port, server_port);
	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		die("fcntl");
	while (send(fd, data, sizeof(data), 0) > 0)
		;
	close(fd);
}

/* Who closes first keeps the time-wait. */
static void do_time_wait(const struct actor *a)
{
	int fd = connected(a->port, server_port);
	int other = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	char byte;

	close(fd);
	if (read(other, &byte, 1) != 0)
		die("time-wait");
	close(other);
	close(server);
}

/* ---- the scene ------------------------------------------------------------------------ */

static FILE *list;
static int next_port = SCENE_PORT;

struct held {
	pid_t pid;
	const char *comm;
};

static int by_pid(const void *a, const void *b)
{
	const struct held *ha = a, *hb = b;

	return (ha->pid > hb->pid) - (ha->pid < hb->pid);
}

static void note(const char *name, int lport, int rport, size_t n, struct held *by)
{
	fprintf(list, "%s %d %d ", name, lport, rport);
	if (n)
		qsort(by, n, sizeof(*by), by_pid);
	for (size_t i = 0; i < n; i++)
		fprintf(list, "%s%d", i ? "," : "", (int)by[i].pid);
	fputs(n ? " " : "- -", list);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? "," : "", list);
		fputs(*by[i].comm ? "" : "empty", list);
		for (const char *p = by[i].comm; *p; p++)
			fprintf(list, "%02x", (unsigned char)*p);
	}
	fputc('\n', list);
}

static void alone(const char *name, const char *comm, void (*body)(const struct actor *a))
{
	struct actor a = { .comm = comm, .port = next_port++ };
	struct held by = { actor(body, &a), comm };

	note(name, a.port, 0, 1, &by);
}

/* A listener of ours that three inherit. */
static void forked(void)
{
	struct held by[] = { { 0, "share-a" }, { 0, "share-b" }, { 0, "share-c" } };
	int port = next_port++, fd = listener(port);

	for (int i = 0; i < 3; i++)
		by[i].pid = actor(do_inherit, &(struct actor){ .comm = by[i].comm });
	close(fd);
	note("forked", port, 0, 3, by);
}

static void passed(const char *name, bool keeps, bool arrives)
{
	struct actor from = { .comm = "sender", .port = next_port++ }, to = { .comm = "receiver" };
	struct held by[2];
	size_t n = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, from.pair))
		die("socketpair");
	memcpy(to.pair, from.pair, sizeof(to.pair));
	pid = actor(keeps ? do_send : do_send_and_close, &from);
	if (keeps)
		by[n++] = (struct held){ pid, from.comm };
	if (arrives)
		by[n++] = (struct held){ actor(do_receive, &to), to.comm };
	close(from.pair[0]);
	close(from.pair[1]);
	note(name, from.port, 0, n, by);
}

/* A connection whose client does as body says; the two ends are noted, and the listener. */
static void connection(const char *name, void (*body)(const struct actor *a), bool accepts)
{
	struct actor client = { .comm = "client", .port = next_port++ };
	struct actor behind = { .comm = "server" };
	struct held by_client, by_server;
	char other[64];

	server_port = next_port++;
	server = listener(server_port);
	by_client = (struct held){ actor(body, &client), client.comm };
	by_server = (struct held){ actor(accepts ? do_accept : do_inherit, &behind), behind.comm };
	close(server);
	note(name, client.port, server_port, body == do_connect, &by_client);
	snprintf(other, sizeof(other), "%s-other", name);
	note(other, server_port, client.port, accepts, &by_server);
	snprintf(other, sizeof(other), "%s-listener", name);
	note(other, server_port, 0, 1, &by_server);
}

static void time_wait(void)
{
	struct actor a = { .comm = "time-wait", .port = next_port++ };

	server_port = next_port++;
	server = listener(server_port);
	actor(do_time_wait, &a);
	close(server);
	note("time-wait", a.port, server_port, 0, NULL);
}

static int run(char **command)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		execvp(command[0], command);
		die(command[0]);
	}
	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int scene(const char *file, char **command)
{
	char unique[16]; /* no process of another test has this name */

	list = fopen(file, "we");
	if (!list)
		die(file);
	snprintf(unique, sizeof(unique), "only-%d", (int)getpid());
	alone("plain", unique, do_listen);
	alone("bytes", "a) S\n1 (\x1b[7m\xff\xc3", do_listen);
	alone("unnamed", "", do_listen);
	alone("udp", "udp-holder", do_udp);
	forked();
	passed("passed", true, true);
	passed("handed-over", false, true);
	passed("in-flight", false, false);
	connection("accepted", do_connect, true);
	connection("waiting", do_connect, false);
	connection("orphan", do_orphan, false);
	time_wait();
	if (getuid() == 0)
		alone("nobody", "of-nobody", do_listen_as_nobody);
	if (fclose(list))
		die(file);
	return run(command);
}

/* ---- waiting for the end of standard input --------------------------------------------- */

/* Has it ended within so long? */
static bool ended(int ms)
{
	struct pollfd p = { .fd = 0, .events = POLLIN };
	char byte;

	return poll(&p, 1, ms) > 0 && read(0, &byte, 1) <= 0;
}

static void say_ready(void)
{
	puts("ready");
	fflush(stdout);
}

static int hold(int port)
{
	listener(port);
	set_comm("holder");
	say_ready();
	while (!ended(-1))
		;
	return 0;
}

/* ---- one socket by many descriptors ------------------------------------------------------ */

struct many {
	int port, fd;
	const char *comm;
	bool apart;
	int ready[2];
};

/* Holds what the process holds, or all of it in a table of its own, and a little more and less. */
static void *hold_too(void *arg)
{
	const struct many *m = arg;

	set_comm(m->comm);
	if (m->apart) {
		if (unshare(CLONE_FILES) || dup(m->fd) < 0)
			die("unshare");
		bound(SOCK_DGRAM, m->port);
		close(m->fd);
	}
	if (write(m->ready[1], "x", 1) != 1)
		die("write");
	for (;;)
		pause();
	return NULL;
}

static void hold_in_thread(struct many *m)
{
	pthread_t thread;
	char byte;

	if (pipe2(m->ready, O_CLOEXEC) || pthread_create(&thread, NULL, hold_too, m) ||
	    read(m->ready[0], &byte, 1) != 1)
		die(m->comm);
}

static struct many shares = { .comm = "shares" }, apart = { .comm = ") apart", .apart = true },
		   last = { .comm = "\xff\xfe\x1b[m", .apart = true };

static void do_hold_in_thread(const struct actor *a)
{
	last.fd = a->pair[0];
	last.port = a->port + 1;
	hold_in_thread(&last);
}

static int many(int port)
{
	int fd = listener(port);

	set_comm("a \"b\n) c");
	if (dup2(fd, 100) < 0 || dup2(fd, 60) < 0)
		die("dup2");
	shares.fd = apart.fd = fd;
	shares.port = apart.port = port;
	hold_in_thread(&shares);
	hold_in_thread(&apart);
	hold_in_thread(&shares);
	actor(do_inherit, &(struct actor){ .comm = "" });
	actor(do_hold_in_thread,
	      &(struct actor){ .comm = "l\xc3\xa9", .port = port, .pair = { fd } });
	say_ready();
	while (!ended(-1))
		;
	return 0;
}

/* ---- a move from one process to another, on demand --------------------------------------- */

/* The one that gets the socket. */
static void await(int over)
{
	receive_fd(over);
	if (write(over, "x", 1) != 1)
		_exit(125);
	for (;;)
		pause();
}

/* The one that has it first; SIGUSR1 is blocked. */
static void give(int over, int port, int ready, const char *file)
{
	int fd = listener(port), sig;
	sigset_t set;
	char byte;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (write(ready, "x", 1) != 1 || sigwait(&set, &sig))
		_exit(125);
	send_fd(over, fd);
	if (read(over, &byte, 1) != 1)
		_exit(125);
	close(fd);
	close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	for (;;)
		pause();
}

static int move(int port, const char *file)
{
	int pair[2], ready[2];
	pid_t to, from;
	sigset_t set;
	char byte;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) || pipe2(ready, O_CLOEXEC) ||
	    sigprocmask(SIG_BLOCK, &set, NULL))
		die("move");
	to = child();
	if (to == 0) {
		set_comm("taker");
		await(pair[0]);
	}
	from = child();
	if (from == 0) {
		set_comm("giver");
		give(pair[1], port, ready[1], file);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		die("move");
	printf("%d %d\n", (int)to, (int)from);
	say_ready();
	while (!ended(-1))
		;
	return 0;
}

/* ---- churn ------------------------------------------------------------------------------ */

static uint32_t *pid_of; /* by local port; shared by all */

static uint32_t *map_table(const char *file)
{
	size_t size = 65536 * sizeof(uint32_t);
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	void *p;

	if (fd < 0 || ftruncate(fd, (off_t)size))
		die(file);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die(file);
	close(fd);
	return p;
}

/* Accepts what comes, and closes what the other side has closed. */
static void do_hub(const struct actor *a)
{
	static struct pollfd fds[4096];
	const struct linger reset = { .l_onoff = 1 };
	size_t n = 1;

	fds[0] = (struct pollfd){ .fd = listener(a->port), .events = POLLIN };
	/* what is accepted has it too: nothing is left behind in time-wait */
	if (setsockopt(fds[0].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)))
		die("setsockopt");
	if (child() != 0)
		return;
	for (;;) {
		poll(fds, n, -1);
		for (size_t i = n; i-- > 1;)
			if (fds[i].revents) {
				close(fds[i].fd);
				fds[i] = fds[--n];
			}
		if (fds[0].revents && n < 4096) {
			int fd = accept4(fds[0].fd, NULL, NULL, SOCK_CLOEXEC);

			if (fd >= 0)
				fds[n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
		}
	}
}

/* Its name and its place in the table stand before its socket does. */
static void short_life(int port, int ms)
{
	const struct linger reset = { .l_onoff = 1 };
	struct sockaddr_in from = local(port), to = local(HUB_PORT);
	char comm[16];
	int fd;

	snprintf(comm, sizeof(comm), "c%d", port);
	set_comm(comm);
	pid_of[port] = (uint32_t)getpid();
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (fd >= 0 && bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		sleep_ms(ms);
	_exit(0);
}

/* Each worker has ports of its own, one after the other. */
static void do_spawn(const struct actor *a)
{
	pid_t worker = child();

	if (worker != 0)
		return;
	signal(SIGCHLD, SIG_IGN);
	for (int port = SHORT_FIRST + a->port; port < SHORT_LAST; port += WORKERS) {
		if (child() == 0)
			short_life(port, a->pair[0]);
		sleep_ms(5);
	}
	for (;;)
		pause();
}

/* Each process of the chain holds the socket, has it held by the next, and ends. */
static void do_relay(const struct actor *a)
{
	int fd = listener(a->port);
	pid_t first = child();

	if (first != 0) {
		close(fd);
		return;
	}
	prctl(PR_SET_PDEATHSIG, 0);
	for (int i = 0; i < RELAY_MAX; i++) {
		pid_t next;

		pid_of[i] = (uint32_t)getpid();
		sleep_ms(a->pair[0]);
		next = fork();
		if (next > 0) {
			sleep_ms(OVERLAP_MS);
			_exit(0);
		}
	}
	for (;;)
		pause();
}

static int churn(int ms, const char *file)
{
	pid_t group = getpid();

	/* the chain ends with the group */
	if (setpgid(0, 0) && errno != EPERM)
		die("setpgid");
	group = getpgrp();
	pid_of = map_table(file);
	for (int i = 0; i < KEEPERS; i++)
		pid_of[KEEP_PORT + i] = (uint32_t)actor(
			do_listen, &(struct actor){ .comm = "keeper", .port = KEEP_PORT + i });
	actor(do_hub, &(struct actor){ .comm = "hub", .port = HUB_PORT });
	actor(do_relay, &(struct actor){ .comm = "relay", .port = RELAY_PORT, .pair = { ms } });
	for (int i = 0; i < WORKERS; i++)
		actor(do_spawn, &(struct actor){ .comm = "spawn", .port = i, .pair = { ms } });
	say_ready();
	while (!ended(-1))
		;
	signal(SIGTERM, SIG_IGN);
	kill(-group, SIGTERM);
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc > 4 && strcmp(argv[1], "scene") == 0 && strcmp(argv[3], "--") == 0)
		return scene(argv[2], argv + 4);
	if (argc == 3 && strcmp(argv[1], "hold") == 0)
		return hold(atoi(argv[2]));
	if (argc == 3 && strcmp(argv[1], "many") == 0)
		return many(atoi(argv[2]));
	if (argc == 4 && strcmp(argv[1], "move") == 0)
		return move(atoi(argv[2]), argv[3]);
	if (argc == 4 && strcmp(argv[1], "churn") == 0)
		return churn(atoi(argv[2]), argv[3]);
	fputs("usage: ownermaker scene FILE -- COMMAND | hold PORT | many PORT | "
	      "move PORT FILE | "
	      "churn MS FILE\n",
	      stderr);
	return 2;
}
