/*
 * Makes one route with many paths, more than ip(8) has room for in its message:
 *
 *	routemaker DST PATHS DEV [TABLE [PROTO]]
 *
 * DST is an IPv4 or IPv6 address; path number i goes to 10.0.0.0 + 2 + i or fd00:: + 2 + i by DEV,
 * onlink, with weight 1 + i % 200. IPv6 paths are added 500 at a time. Exit code 1, and why, when
 * the kernel refuses.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STEP 500

static _Alignas(8) unsigned char buf[65536 + 1024];
static struct nlmsghdr *const msg = (struct nlmsghdr *)buf;

static void fail(const char *what)
{
	fprintf(stderr, "routemaker: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Bytes behind what is there, with room for them; zeroed. */
static void *more(size_t n)
{
	void *p = buf + msg->nlmsg_len;

	if (msg->nlmsg_len + n > sizeof(buf)) {
		errno = EMSGSIZE;
		fail("the route");
	}
	msg->nlmsg_len += (uint32_t)n;
	return memset(p, 0, n);
}

static struct rtattr *attr(unsigned short type, const void *data, size_t len)
{
	struct rtattr *a = more(RTA_SPACE(len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	return a;
}

static void path(unsigned i, int family, unsigned dev)
{
	const unsigned char v4[4] = { 10, 0, (unsigned char)((i + 2) >> 8),
				      (unsigned char)(i + 2) };
	const unsigned char v6[16] = {
		0xfd, [14] = (unsigned char)((i + 2) >> 8), [15] = (unsigned char)(i + 2)
	};
	struct rtnexthop *hop = more(sizeof(*hop));

	hop->rtnh_flags = RTNH_F_ONLINK;
	hop->rtnh_hops = (unsigned char)(i % 200);
	hop->rtnh_ifindex = (int)dev;
	if (family == AF_INET)
		attr(RTA_GATEWAY, v4, sizeof(v4));
	else
		attr(RTA_GATEWAY, v6, sizeof(v6));
	hop->rtnh_len = (unsigned short)(buf + msg->nlmsg_len - (unsigned char *)hop);
}

static void ask_kernel(int fd)
{
	_Alignas(8) char reply[1024 + sizeof(buf)];
	const struct nlmsgerr *err = NLMSG_DATA(reply);

	if (send(fd, msg, msg->nlmsg_len, 0) < 0 || recv(fd, reply, sizeof(reply), 0) < 0)
		fail("netlink");
	errno = -err->error;
	if (errno)
		fail("the kernel refuses the route");
}

int main(int argc, char **argv)
{
	unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 0,
		 dev = argc > 3 ? if_nametoindex(argv[3]) : 0;
	uint32_t table = argc > 4 ? (uint32_t)atoi(argv[4]) : RT_TABLE_MAIN;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int family = argc > 1 && strchr(argv[1], ':') ? AF_INET6 : AF_INET;
	unsigned char dst[16];

	if (n == 0 || dev == 0 || inet_pton(family, argv[1], dst) != 1) {
		fprintf(stderr, "usage: routemaker DST PATHS DEV [TABLE [PROTO]]\n");
		return 2;
	}
	if (fd < 0)
		fail("netlink");
	for (unsigned at = 0, step; at < n; at += step) {
		struct rtattr *paths;
		struct rtmsg *r;

		step = family == AF_INET6 && n - at > STEP ? STEP : n - at;
		memset(msg, 0, sizeof(*msg));
		msg->nlmsg_len = sizeof(*msg);
		msg->nlmsg_type = RTM_NEWROUTE;
		msg->nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE |
						    (at ? NLM_F_APPEND : NLM_F_EXCL));
		r = more(sizeof(*r));
		r->rtm_family = (unsigned char)family;
		r->rtm_dst_len = family == AF_INET ? 32 : 128;
		r->rtm_protocol = argc > 5 ? (unsigned char)atoi(argv[5]) : RTPROT_BOOT;
		r->rtm_type = RTN_UNICAST;
		attr(RTA_DST, dst, family == AF_INET ? 4 : 16);
		attr(RTA_TABLE, &table, sizeof(table));
		paths = attr(RTA_MULTIPATH, NULL, 0);
		for (unsigned i = at; i < at + step; i++)
			path(i, family, dev);
		paths->rta_len = (unsigned short)(buf + msg->nlmsg_len - (unsigned char *)paths);
		ask_kernel(fd);
	}
	close(fd);
	return 0;
}
