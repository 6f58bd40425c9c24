/*
 * sockmaker: what the spec `all` stands for: every TCP state in IPv4, IPv6 and mapped, and some
 * of every other kind, with the options that show in a listing.
 */
#include "sockmaker.h"

/* The three addresses of this host that the states are made at, at neighbouring ports. */
#define STATE(name, n)                                                          \
	"state=" name ",addr=127.0.0.1:90" n, "state=" name ",addr=[::1]:91" n, \
		"state=" name ",addr=[::ffff:127.0.0.1]:92" n

const char *const sm_all[] = {
	"addr=10.1.0.1/24",
	"addr=fd00:1::1/64",

	/* listeners */
	"listen=127.0.0.1:80",
	"listen=[::1]:80",
	"listen=*:8080",
	"listen6only=[::]:81",
	"listen=0.0.0.0:82,backlog=5",
	"listen=127.0.0.2:67,dev=lo,mark=7,tos=16",
	"listen=[::ffff:127.0.0.1]:443,keepalive,nodelay",
	"listen=127.0.0.1:8081*2,reuseport",
	"listen=10.1.0.1:22,uid=1000",

	/* connections */
	"conn=127.0.0.1:80*5",
	"conn=127.0.0.1:80*2,from=127.0.0.7,mark=5,tos=8",
	"conn=127.0.0.1:80,cong=reno,send=100000,keepalive,nodelay",
	"conn=[::1]:80*3,send=1000,keepalive",
	"conn=[::1]:80,pending=500,cong=cubic,mark=9",
	"conn=127.0.0.1:8080*3,send=10",
	"conn=[::1]:8080*2",
	"conn=[::ffff:127.0.0.1]:443*2,pending=7",
	"conn=127.0.0.2:67,dev=lo",
	"conn=10.1.0.1:22*2,from=10.1.0.1,uid=1000",
	"conn=[fd00:1::1]:22",
	"conn=127.0.0.1:83,stuck=3000",
	"conn=[::1]:83,stuck=3000",
	"noaccept=127.0.0.1:84*3",
	"noaccept=[::1]:84*2",

	/* states */
	STATE("established", "01"),
	STATE("syn-sent", "02"),
	STATE("syn-recv", "03"),
	STATE("fin-wait-1", "04"),
	STATE("fin-wait-2", "05"),
	STATE("time-wait", "06"),
	STATE("close", "07"),
	STATE("close-wait", "08"),
	STATE("last-ack", "09"),
	STATE("listen", "10"),
	STATE("closing", "11"),
	STATE("close,disconnected", "12"),
	STATE("fin-wait-1,orphan", "13"),
	STATE("fin-wait-2,orphan", "14"),
	STATE("last-ack,orphan", "15"),
	STATE("closing,orphan", "16"),

	/* udp */
	"udp=127.0.0.1:5353",
	"udp=0.0.0.0:53,mark=3",
	"udp=[::]:5354",
	"udp=[::1]:5355,v6only",
	"udp=127.0.0.1:68,dev=lo,tos=4",
	"udp=127.0.0.1:5356*2,reuseport",
	"udpconn=127.0.0.1:5353*3,pending=200",
	"udpconn=[::1]:5357*2,pending=90",
	"udpconn=[::ffff:127.0.0.1]:5358",
	"udplite=127.0.0.1:5360",
	"udplite=[::1]:5361",

	/* beside the internet protocols with ports */
	"raw=icmp",
	"raw=ospf,from=127.0.0.1,dev=lo",
	"raw6=icmp6",
	"unix=@sockmaker-stream*2,queue=1",
	"unix=@sockmaker-dgram*1,dgram,pending=20",
	"unix=@sockmaker-seqpacket*1,seqpacket",
	"unix=pair*2,pending=30",
	"packet",
	"packet=ip,dev=lo,dgram",
	"netlink=route,groups=0x51",
	"netlink=generic",
	"mptcp=127.0.0.1:5370*2",
	"mptcp=[::1]:5371",
	NULL,
};
