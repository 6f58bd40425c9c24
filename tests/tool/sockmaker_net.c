/*
 * sockmaker: the namespace (lo, its addresses) and plain sockets with their options. It knows
 * nothing of connections.
 */
#include "sockmaker.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int flags_of(int fd, const char *name, struct ifreq *req)
{
	memset(req, 0, sizeof(*req));
	snprintf(req->ifr_name, sizeof(req->ifr_name), "%s", name);
	return ioctl(fd, SIOCGIFFLAGS, req);
}

static int control_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		sm_die(errno, "socket");
	return fd;
}

void sm_check_private(void)
{
	struct if_nameindex *all = if_nameindex();
	int fd = control_socket();
	struct ifreq req;

	if (all == NULL)
		sm_die(errno, "the interfaces cannot be listed");
	for (struct if_nameindex *i = all; i->if_index != 0; i++) {
		if (strcmp(i->if_name, "lo") == 0)
			continue;
		if (flags_of(fd, i->if_name, &req) == 0 && (req.ifr_flags & IFF_UP) != 0)
			sm_die(0,
			       "interface %s is up, so this is no private network namespace; use "
			       "'unshare -n' (or -Urn), or set SOCKMAKER_FORCE",
			       i->if_name);
	}
	if_freenameindex(all);
	close(fd);
}

void sm_lo_up(void)
{
	int fd = control_socket();
	struct ifreq req;

	if (flags_of(fd, "lo", &req) != 0)
		sm_die(errno, "lo: flags");
	if ((req.ifr_flags & IFF_UP) == 0) {
		req.ifr_flags |= IFF_UP;
		if (ioctl(fd, SIOCSIFFLAGS, &req) != 0)
			sm_die(errno, "lo cannot be brought up");
	}
	close(fd);
}

struct addr_request {
	struct nlmsghdr nlh;
	struct ifaddrmsg ifa;
	char attrs[128];
};

static void add_attr(struct addr_request *req, unsigned short type, const void *data, size_t len)
{
	struct rtattr *rta =
		(struct rtattr *)(void *)((char *)req + NLMSG_ALIGN(req->nlh.nlmsg_len));

	rta->rta_type = type;
	rta->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(rta), data, len);
	req->nlh.nlmsg_len = (unsigned int)(NLMSG_ALIGN(req->nlh.nlmsg_len) + RTA_SPACE(len));
}

/* Sends the request and returns the errno of the acknowledgement, 0 when it was done. */
static int route_request(const struct addr_request *req)
{
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr err;
		char rest[512];
	} reply;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t got;

	if (fd < 0)
		sm_die(errno, "netlink socket");
	if (send(fd, req, req->nlh.nlmsg_len, 0) < 0)
		sm_die(errno, "netlink request");
	got = recv(fd, &reply, sizeof(reply), 0);
	close(fd);
	if (got < (ssize_t)(sizeof(reply.nlh) + sizeof(reply.err.error)) ||
	    reply.nlh.nlmsg_type != NLMSG_ERROR)
		sm_die(0, "netlink: no acknowledgement");
	return -reply.err.error;
}

/* A datagram from the address to itself arrives. */
static bool reaches_itself(void *arg)
{
	const struct sm_endpoint *ep = arg;
	int fd = socket(ep->sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sm_endpoint at;
	char byte = 0;
	bool ok = false;

	if (fd < 0)
		sm_die(errno, "socket");
	if (bind(fd, (const struct sockaddr *)&ep->sa, ep->len) == 0) {
		at = sm_local(fd);
		ok = sendto(fd, &byte, 1, 0, (struct sockaddr *)&at.sa, at.len) == 1 &&
		     recv(fd, &byte, 1, MSG_DONTWAIT) == 1;
	}
	close(fd);
	return ok;
}

/* The local route to a new IPv6 address is made later, by a worker of the kernel. */
static void wait_route(const char *host, int family)
{
	struct sm_endpoint ep = sm_address_parse(host, family);

	if (!sm_wait(reaches_itself, &ep))
		sm_die(0, "addr: %s was added but cannot be reached", host);
}

void sm_addr_add(const char *text)
{
	struct addr_request req = {
		.nlh = { .nlmsg_len = NLMSG_LENGTH(sizeof(req.ifa)),
			 .nlmsg_type = RTM_NEWADDR,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL },
		.ifa = { .ifa_family = AF_INET, .ifa_index = if_nametoindex("lo") },
	};
	char host[128];
	unsigned char raw[16];
	char *slash;
	int err;

	snprintf(host, sizeof(host), "%s", text);
	slash = strchr(host, '/');
	if (slash != NULL)
		*slash++ = '\0';
	if (inet_pton(AF_INET, host, raw) != 1) {
		if (inet_pton(AF_INET6, host, raw) != 1)
			sm_die(0, "addr: '%s' should be ADDR/LEN", text);
		req.ifa.ifa_family = AF_INET6;
		req.ifa.ifa_flags = IFA_F_NODAD;
	}
	req.ifa.ifa_prefixlen = req.ifa.ifa_family == AF_INET ? 32 : 128;
	if (slash != NULL)
		req.ifa.ifa_prefixlen =
			(unsigned char)sm_number(slash, 0, req.ifa.ifa_prefixlen, "addr: length");
	add_attr(&req, IFA_LOCAL, raw, req.ifa.ifa_family == AF_INET ? 4 : 16);
	add_attr(&req, IFA_ADDRESS, raw, req.ifa.ifa_family == AF_INET ? 4 : 16);
	err = route_request(&req);
	if (err != 0 && err != EEXIST)
		sm_die(err, "addr: '%s' cannot be added to lo", text);
	wait_route(host, req.ifa.ifa_family);
	sm_made("address %s on lo", text);
}

int sm_socket(int family, int type, int protocol, const struct sm_opts *o)
{
	int fd, err;

	/* The owner of a socket is the file system uid of who makes it. */
	if (o->uid >= 0) {
		setfsuid((uid_t)o->uid);
		if (setfsuid((uid_t)-1) != (int)o->uid)
			sm_note(0, "uid=%ld is not permitted", o->uid);
	}
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	err = errno;
	if (o->uid >= 0)
		setfsuid(geteuid());
	if (fd < 0) {
		if (!sm_refused(err))
			sm_die(err, "socket(%d, %d, %d)", family, type, protocol);
		sm_note(err, "socket(%d, %d, %d) left out", family, type, protocol);
	}
	return fd;
}

static void set_int(int fd, int level, int name, long value, const char *what)
{
	int v = (int)value;

	if (setsockopt(fd, level, name, &v, sizeof(v)) != 0)
		sm_note(errno, "%s=%d", what, v);
}

void sm_apply_bind(int fd, int family, const struct sm_opts *o)
{
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1, "reuseaddr");
	if (o->reuseport)
		set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1, "reuseport");
	if (o->dev != NULL &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->dev, (socklen_t)strlen(o->dev) + 1) != 0)
		sm_note(errno, "dev=%s", o->dev);
	if (family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, o->v6only, "v6only");
}

void sm_apply(int fd, int family, const struct sm_opts *o)
{
	if (o->mark >= 0)
		set_int(fd, SOL_SOCKET, SO_MARK, o->mark, "mark");
	if (o->tos >= 0)
		set_int(fd, IPPROTO_IP, IP_TOS, o->tos, "tos");
	if (o->tos >= 0 && family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, o->tos, "tclass");
	if (o->keepalive)
		set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1, "keepalive");
	if (o->nodelay)
		set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1, "nodelay");
	if (o->rcvbuf >= 0)
		set_int(fd, SOL_SOCKET, SO_RCVBUF, o->rcvbuf, "rcvbuf");
	if (o->sndbuf >= 0)
		set_int(fd, SOL_SOCKET, SO_SNDBUF, o->sndbuf, "sndbuf");
	if (o->cong != NULL &&
	    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, o->cong, (socklen_t)strlen(o->cong)) != 0)
		sm_note(errno, "cong=%s", o->cong);
}

void sm_bind(int fd, const struct sm_endpoint *ep)
{
	if (bind(fd, (const struct sockaddr *)&ep->sa, ep->len) != 0)
		sm_die(errno, "bind to %s", sm_show(ep));
}

void sm_drop_all(int fd)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { .len = 1, .filter = &code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) != 0)
		sm_die(errno, "SO_ATTACH_FILTER");
}

/*
 * Without this a socket with a FIN or data that nobody acknowledges would outlive us by minutes,
 * and the namespace with it. The filters go first: the resets must reach the orphans.
 */
void sm_reset_all(void)
{
	static const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	DIR *dir = opendir("/proc/self/fd");
	int on = 1;

	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		int fd = atoi(e->d_name);

		if (fd > 2) {
			(void)setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof(on));
			(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		}
	}
	if (dir != NULL)
		closedir(dir);
}

struct readable {
	int fd;
	long bytes;
};

static bool has_bytes(void *arg)
{
	const struct readable *r = arg;
	int now = 0;

	return ioctl(r->fd, FIONREAD, &now) == 0 && now >= r->bytes;
}

void sm_wait_readable(int fd, long bytes)
{
	struct readable r = { .fd = fd, .bytes = bytes };

	if (!sm_wait(has_bytes, &r))
		sm_die(0, "%ld bytes did not arrive", bytes);
}
