/*
 * Where a netlink socket, or a file of /proc, lives: it belongs to the network namespace that its
 * thread was in when it was created, for good. Also the names of interfaces,
 * which are a namespace's own. Knows nothing of messages.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Not /proc/self: that is the namespace of the process's first thread. */
#define OWN_NETNS "/proc/thread-self/ns/net"

static int open_here(const char *path, int bus)
{
	if (path)
		return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, bus);
}

static bool is_own(int netns_fd)
{
	struct stat own, other;

	return stat(OWN_NETNS, &own) == 0 && fstat(netns_fd, &other) == 0 &&
	       own.st_ino == other.st_ino && own.st_dev == other.st_dev;
}

/* What is to be opened: a file by its path, or (path NULL) a socket of the bus. */
static int open_in(int netns_fd, const char *path, int bus)
{
	int home, fd, reason;

	if (netns_fd < 0 || is_own(netns_fd))
		return open_here(path, bus);
	home = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return -1;
	if (setns(netns_fd, CLONE_NEWNET) != 0) {
		reason = errno;
		close(home);
		errno = reason;
		return -1;
	}
	fd = open_here(path, bus);
	reason = errno;
	/* In the wrong namespace every later answer would be a lie. */
	if (setns(home, CLONE_NEWNET) != 0) {
		perror("connsh: cannot return to the own network namespace");
		abort();
	}
	close(home);
	errno = reason;
	return fd;
}

int nl_socket_in(int netns_fd, int bus)
{
	return open_in(netns_fd, NULL, bus);
}

int nl_open_in(int netns_fd, const char *path)
{
	return open_in(netns_fd, path, 0);
}

/* One SIOCGIF* call on a socket of the namespace. */
static bool ask(unsigned long what, int netns_fd, struct ifreq *ifr)
{
	bool ok;
	int fd;

	if (nl_replay_loaded())
		return false;
	fd = nl_socket_in(netns_fd, NETLINK_ROUTE);
	if (fd < 0)
		return false;
	ok = ioctl(fd, what, ifr) == 0;
	close(fd);
	return ok;
}

bool nl_ifname(unsigned ifindex, int netns_fd, char name[16])
{
	struct ifreq ifr;

	_Static_assert(IFNAMSIZ == 16, "the header promises 16 bytes");
	memset(&ifr, 0, sizeof(ifr));
	ifr.ifr_ifindex = (int)ifindex;
	if (ifindex == 0 || !ask(SIOCGIFNAME, netns_fd, &ifr))
		return false;
	memcpy(name, ifr.ifr_name, IFNAMSIZ);
	name[IFNAMSIZ - 1] = '\0';
	return true;
}

unsigned nl_ifindex(const char *name, int netns_fd)
{
	struct ifreq ifr;
	size_t len = strlen(name);

	memset(&ifr, 0, sizeof(ifr));
	if (len == 0 || len >= IFNAMSIZ)
		return 0;
	memcpy(ifr.ifr_name, name, len);
	return ask(SIOCGIFINDEX, netns_fd, &ifr) ? (unsigned)ifr.ifr_ifindex : 0;
}
