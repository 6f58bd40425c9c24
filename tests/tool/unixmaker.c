/*
 * unixmaker: unix sockets of every kind, and both ends of loopback connections, held
 * by two processes while a command runs.
 *
 *   unixmaker FOLDER COMMAND...
 *
 * Runs in the folder, where the paths are made. The command finds the inode of each
 * socket in UM_NAME, the folder in UM_FOLDER, and the two processes in UM_PARENT and
 * UM_CHILD; the child is called "unix-client". Ends with the command's exit code, or 125 when
 * something could not be made.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
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

enum holder { BOTH, PARENT, CHILD, NOBODY };

static struct {
	int fd;
	enum holder holder;
} made[128];
static size_t nmade;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "unixmaker: %s: %s\n", what, strerror(errno));
	exit(125);
}

static void check(int rc, const char *what)
{
	if (rc < 0)
		die(what);
}

static unsigned long inode_of(int fd)
{
	struct stat st;

	check(fstat(fd, &st), "fstat");
	return (unsigned long)st.st_ino;
}

/* Notes a socket, who shall hold it, and under which name its inode is told. */
static int keep(int fd, enum holder holder, const char *name)
{
	char variable[64], number[32];

	check(fd, name);
	snprintf(variable, sizeof(variable), "UM_%s", name);
	snprintf(number, sizeof(number), "%lu", inode_of(fd));
	setenv(variable, number, 1);
	made[nmade].fd = fd;
	made[nmade++].holder = holder;
	return fd;
}

static int unix_socket(int type)
{
	int fd = socket(AF_UNIX, type, 0);

	check(fd, "socket");
	return fd;
}

/* len bytes of sun_path: a path without its NUL, or an abstract name with it. */
static void bind_to(int fd, const char *name, size_t len)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	memcpy(sun.sun_path, name, len);
	check(bind(fd, (struct sockaddr *)&sun,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
	      "bind");
}

static void connect_to(int fd, const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	strcpy(sun.sun_path, path);
	check(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), "connect");
}

static void make_streams(void)
{
	int listener = keep(unix_socket(SOCK_STREAM), PARENT, "LISTENER");
	int client = keep(unix_socket(SOCK_STREAM), CHILD, "CLIENT");
	int waits, gone;

	bind_to(listener, "x.sock", 6);
	check(listen(listener, 5), "listen");
	connect_to(client, "x.sock");
	keep(accept(listener, NULL, NULL), PARENT, "ACCEPTED");
	check((int)send(client, "12345", 5, 0), "send");
	waits = keep(unix_socket(SOCK_STREAM), CHILD, "WAITS");
	connect_to(waits, "x.sock");
	gone = unix_socket(SOCK_STREAM);
	connect_to(gone, "x.sock");
	close(gone);
}

static void make_named(void)
{
	static const char abstract[] = "\0ab\0c\nd\0";
	const struct sockaddr_un none = { .sun_family = AF_UNIX };
	int seq = keep(unix_socket(SOCK_SEQPACKET), PARENT, "ABSTRACT");
	int at = keep(unix_socket(SOCK_STREAM), PARENT, "AT");
	int automatic = keep(unix_socket(SOCK_DGRAM), PARENT, "AUTO");
	int longest = keep(unix_socket(SOCK_STREAM), PARENT, "LONGEST");
	char path[108];

	bind_to(seq, abstract, sizeof(abstract) - 1);
	check(listen(seq, 3), "listen");
	bind_to(at, "@file", 5);
	check(bind(automatic, (const struct sockaddr *)&none, sizeof(sa_family_t)), "autobind");
	memset(path, 'p', sizeof(path));
	bind_to(longest, path, sizeof(path));
	keep(unix_socket(SOCK_STREAM), PARENT, "UNNAMED");
}

static void make_datagrams(void)
{
	int server = keep(unix_socket(SOCK_DGRAM), PARENT, "DGRAM");
	int client = keep(unix_socket(SOCK_DGRAM), CHILD, "DGRAM_CLIENT");

	bind_to(server, "d.sock", 6);
	connect_to(client, "d.sock");
}

static void make_pairs(void)
{
	int pair[2], shared[2];

	check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	keep(pair[0], PARENT, "PAIR");
	keep(pair[1], CHILD, "PAIR_PEER");
	check(shutdown(pair[0], SHUT_WR), "shutdown");
	check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, shared), "socketpair");
	keep(shared[0], BOTH, "SHARED");
	keep(shared[1], PARENT, "SHARED_PEER");
}

/* One end of a pair lies in a message that nobody has received. */
static void make_flight(void)
{
	int way[2], pair[2];
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	check(socketpair(AF_UNIX, SOCK_STREAM, 0, way), "socketpair");
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	keep(pair[0], NOBODY, "FLIGHT");
	keep(pair[1], PARENT, "FLIGHT_PEER");
	keep(way[0], PARENT, "WAY");
	keep(way[1], PARENT, "WAY_PEER");
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &pair[0], sizeof(int));
	check((int)sendmsg(way[0], &msg, 0), "sendmsg");
}

/* Names that hold rows of /proc/net/unix: of a unix socket, and of one that is none. */
static void make_forgeries(void)
{
	static const char form[] = "%s\n0000000000000000: 00000099 00000000 00000000 0001 03 "
				   "%lu %s";
	char name[200];
	int n;

	n = snprintf(name, sizeof(name), form, "f", strtoul(getenv("UM_LISTENER"), NULL, 10),
		     "x.sock");
	bind_to(keep(unix_socket(SOCK_STREAM), CHILD, "FORGER"), name, (size_t)n);
	n = snprintf(name, sizeof(name), form, "g", strtoul(getenv("UM_TCP"), NULL, 10), "evil");
	bind_to(keep(unix_socket(SOCK_STREAM), CHILD, "FORGER_TCP"), name, (size_t)n);
	n = snprintf(name + 1, sizeof(name) - 1, form, "h", strtoul(getenv("UM_CLIENT"), NULL, 10),
		     "y");
	name[0] = '\0';
	bind_to(keep(unix_socket(SOCK_DGRAM), CHILD, "FORGER_ABSTRACT"), name, (size_t)n + 1);
}

static struct sockaddr_in loopback(unsigned short port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sin;
}

static void make_connection(int listener, unsigned short port, const char *client,
			    const char *server)
{
	struct sockaddr_in to = loopback(port);
	int fd = keep(socket(AF_INET, SOCK_STREAM, 0), CHILD, client);

	check(listen(listener, 5), "listen");
	check(connect(fd, (struct sockaddr *)&to, sizeof(to)), "connect");
	keep(accept(listener, NULL, NULL), PARENT, server);
}

static void make_inet(void)
{
	struct sockaddr_in at = loopback(7001), one = loopback(7003), two = loopback(7004);
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(7002) };
	int listener = keep(socket(AF_INET, SOCK_STREAM, 0), PARENT, "TCP");
	int dual = keep(socket(AF_INET6, SOCK_STREAM, 0), PARENT, "TCP6");
	int here = keep(socket(AF_INET, SOCK_DGRAM, 0), PARENT, "UDP");
	int there = keep(socket(AF_INET, SOCK_DGRAM, 0), CHILD, "UDP_PEER");
	int waits = keep(socket(AF_INET, SOCK_STREAM, 0), CHILD, "TCP_WAITS");

	check(bind(listener, (struct sockaddr *)&at, sizeof(at)), "bind");
	make_connection(listener, 7001, "TCP_CLIENT", "TCP_ACCEPTED");
	check(bind(dual, (struct sockaddr *)&any, sizeof(any)), "bind");
	make_connection(dual, 7002, "MAPPED_CLIENT", "MAPPED_ACCEPTED");
	check(connect(waits, (struct sockaddr *)&at, sizeof(at)), "connect");
	check(bind(here, (struct sockaddr *)&one, sizeof(one)), "bind");
	check(bind(there, (struct sockaddr *)&two, sizeof(two)), "bind");
	check(connect(here, (struct sockaddr *)&two, sizeof(two)), "connect");
	check(connect(there, (struct sockaddr *)&one, sizeof(one)), "connect");
}

static void drop(enum holder me)
{
	for (size_t i = 0; i < nmade; i++)
		if (made[i].holder != BOTH && made[i].holder != me)
			close(made[i].fd);
}

static pid_t start_child(void)
{
	int ready[2];
	char byte, number[32];
	pid_t pid;

	check(pipe(ready), "pipe");
	pid = fork();
	check(pid, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "unix-client");
		drop(CHILD);
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	check((int)read(ready[0], &byte, 1), "read");
	close(ready[0]);
	drop(PARENT);
	snprintf(number, sizeof(number), "%d", (int)pid);
	setenv("UM_CHILD", number, 1);
	snprintf(number, sizeof(number), "%d", (int)getpid());
	setenv("UM_PARENT", number, 1);
	return pid;
}

int main(int argc, char **argv)
{
	char old[4096];
	pid_t child, command;
	int status;

	if (argc < 3 || !getcwd(old, sizeof(old))) {
		fprintf(stderr, "usage: unixmaker FOLDER COMMAND...\n");
		return 125;
	}
	check(chdir(argv[1]), argv[1]);
	make_streams();
	make_named();
	make_datagrams();
	make_pairs();
	make_flight();
	make_inet();
	make_forgeries();
	check(chdir(old), old);
	setenv("UM_FOLDER", argv[1], 1);
	child = start_child();
	command = fork();
	check(command, "fork");
	if (command == 0) {
		for (size_t i = 0; i < nmade; i++)
			close(made[i].fd);
		execvp(argv[2], argv + 2);
		die(argv[2]);
	}
	check(waitpid(command, &status, 0), "waitpid");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
