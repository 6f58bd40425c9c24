/*
 * sockmaker: what its files share. It is a test tool and stands alone: it knows nothing of
 * connsh, and nothing of connsh is linked into it, so that it cannot share a mistake with it.
 */
#ifndef SOCKMAKER_H
#define SOCKMAKER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Exit codes of our own, as env(1) and timeout(1) have them; else it is the command's. */
enum { SM_EXIT_FAILED = 125, SM_EXIT_CANNOT_RUN = 126, SM_EXIT_NOT_FOUND = 127 };

/* An address and port. `*:80` is [::]:80 that takes IPv4 too; mapped addresses are AF_INET6. */
struct sm_endpoint {
	struct sockaddr_storage sa;
	socklen_t len;
};

/* The options of one spec. Numbers are -1 and texts NULL where they were not given. */
struct sm_opts {
	char *from;	     /* the client's source address */
	char *addr;	     /* state=: the local address of the socket in that state */
	char *dev;	     /* SO_BINDTODEVICE */
	char *cong;	     /* TCP_CONGESTION */
	char *comm;	     /* traffic=: the name of its process */
	long count;	     /* the N of `*N`, 1 without it */
	long backlog;	     /* of listen(2) */
	long mark;	     /* SO_MARK */
	long tos;	     /* IP_TOS and IPV6_TCLASS */
	long uid;	     /* the owner of the socket */
	long rcvbuf, sndbuf; /* SO_RCVBUF, SO_SNDBUF, bytes */
	long send;	     /* bytes the client sends and the server reads */
	long pending;	     /* bytes the client sends and the server leaves unread */
	long stuck;	     /* bytes the client sends and the server never acknowledges */
	long queue;	     /* unix=: connections left in the accept queue */
	long groups;	     /* netlink=: bit mask of groups */
	long procs;	     /* bulk=: at least so many processes; churn=: so many */
	long rate;	     /* churn=: connections a second of all processes; 0: all they can;
				traffic=: bytes a second of each connection; 0: none */
	bool counted;	     /* there was a `*N` */
	bool reuseport, nodelay, keepalive, v6only;
	bool orphan;	   /* state=: close the descriptor, leave the socket to the kernel */
	bool disconnected; /* state=close: connected first, then disconnected */
	long rxring;	   /* packet=: version of a receive ring, 1 to 3 */
	long fanout;	   /* packet=: number of its group */
	bool txring, promisc, join, auxdata, filter;
	bool dgram, seqpacket;
	bool timewait; /* churn=: closed in order, which leaves one end in time-wait */
};

/* A connection with both ends in our hands; a descriptor that was closed is -1. */
struct sm_pair {
	int client, server;
};

/* sockmaker_util.c: messages, text, waiting */

/* Say what failed, with errno's text if errnum is not 0, and exit with SM_EXIT_FAILED. */
_Noreturn void sm_die(int errnum, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The kernel refused something that a test can do without: say so and go on. */
void sm_note(int errnum, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What was made, under SOCKMAKER_VERBOSE only. */
void sm_made(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* True if the error means "not in this kernel" or "not permitted" rather than a mistake. */
bool sm_refused(int errnum);
/* A number in [min, max] in any C notation; dies naming `what` otherwise. */
long sm_number(const char *text, long min, long max, const char *what);
/* Reads `ADDR:PORT`, `[ADDR]:PORT`, `*:PORT`; dies if it is none of them. */
struct sm_endpoint sm_endpoint_parse(const char *text);
/* Reads a bare address, port 0, in the given family (an IPv4 one is mapped for AF_INET6). */
struct sm_endpoint sm_address_parse(const char *text, int family);
int sm_port(const struct sm_endpoint *ep);
void sm_set_port(struct sm_endpoint *ep, int port);
/* `ADDR:PORT` for messages, in one of four static buffers. */
const char *sm_show(const struct sm_endpoint *ep);
struct sm_endpoint sm_local(int fd);
struct sm_endpoint sm_peer(int fd);
/* Polls `done(arg)` for at most five seconds; false if it never held. */
bool sm_wait(bool (*done)(void *arg), void *arg);

/* sockmaker_net.c: the namespace, plain sockets and their options */

/* Dies if an interface other than lo is up: this is no private namespace. */
void sm_check_private(void);
void sm_lo_up(void);
/* Adds `ADDR/LEN` to lo; an address that is there already is no error. */
void sm_addr_add(const char *text);
/* A close-on-exec socket of the wanted owner; -1 after a note if the kernel refuses it. */
int sm_socket(int family, int type, int protocol, const struct sm_opts *o);
/* Options that only count before bind(2): dev, reuseport, v6only. */
void sm_apply_bind(int fd, int family, const struct sm_opts *o);
/* Options that count at any time: mark, tos, cong, keepalive, nodelay, buffers. */
void sm_apply(int fd, int family, const struct sm_opts *o);
/* Binds, or dies. */
void sm_bind(int fd, const struct sm_endpoint *ep);
/* From now on the socket drops every packet that arrives for it. */
void sm_drop_all(int fd);
/* Makes every socket of ours end with a reset when it is closed, that is, at exit. */
void sm_reset_all(void);
/* Waits until `bytes` can be read from fd, or dies. */
void sm_wait_readable(int fd, long bytes);

/* sockmaker_conn.c: listeners and connections of tcp, mptcp, sctp */

/* Our listener that a connection to ep would reach, or -1. */
int sm_listener_find(const struct sm_endpoint *ep, int protocol);
/* The same, and made if there is none; -1 after a note. */
int sm_listener(const struct sm_endpoint *ep, int protocol, const struct sm_opts *o);
/* Forget a listener and close it. */
void sm_listener_close(int fd);
/* A client socket with its options and source address, not connected; -1 after a note. */
int sm_client(const struct sm_endpoint *ep, int protocol, const struct sm_opts *o);
/* One established pair through the listener; false after a note. */
bool sm_pair(int listener, const struct sm_endpoint *ep, int protocol, const struct sm_opts *o,
	     struct sm_pair *pair);

/* The makers of one spec each: the value before the first comma, and the options. */
void sm_make_listen(char *value, struct sm_opts *o);
void sm_make_listen6only(char *value, struct sm_opts *o);
void sm_make_conn(char *value, struct sm_opts *o);
void sm_make_noaccept(char *value, struct sm_opts *o);
void sm_make_mptcp(char *value, struct sm_opts *o);
void sm_make_sctp(char *value, struct sm_opts *o);
void sm_make_state(char *value, struct sm_opts *o); /* sockmaker_state.c */
void sm_make_udp(char *value, struct sm_opts *o);   /* sockmaker_other.c, to netlink */
void sm_make_udpconn(char *value, struct sm_opts *o);
void sm_make_udplite(char *value, struct sm_opts *o);
void sm_make_raw(char *value, struct sm_opts *o);
void sm_make_raw6(char *value, struct sm_opts *o);
void sm_make_unix(char *value, struct sm_opts *o);
void sm_make_packet(char *value, struct sm_opts *o); /* sockmaker_packet.c */
void sm_make_netlink(char *value, struct sm_opts *o);
void sm_make_bulk(char *value, struct sm_opts *o);    /* sockmaker_bulk.c */
void sm_make_holders(char *value, struct sm_opts *o); /* sockmaker_bulk.c */
void sm_make_churn(char *value, struct sm_opts *o);   /* sockmaker_churn.c */
void sm_make_udpchurn(char *value, struct sm_opts *o);
void sm_make_traffic(char *value, struct sm_opts *o); /* sockmaker_traffic.c */

/* sockmaker_all.c: the specs that `all` stands for, NULL at the end. */
extern const char *const sm_all[];

/* Removes what bind(2) left in the file system (unix= with a path). */
void sm_unix_cleanup(void);

/* sockmaker_bulk.c: the processes that hold sockets for us */

/* fork(2) for a child that dies with its parent. Returns as fork does, or dies. */
pid_t sm_fork(void);
/* From now on the process is one that sm_kill_children() ends. */
void sm_child(pid_t pid);
/*
 * For a child: closes all that the parent holds, of which a copy would be a second owner, but
 * for standard files, the listener (-1: none) and the pipe to sm_await_children().
 */
void sm_disinherit(int *listener, int *ready);
/* Reads a byte from each of so many children; ends all and dies if one failed before. */
void sm_await_children(int ready, long processes);
/* The socket ends with a reset when it is closed, and leaves no time-wait. */
void sm_reset_on_close(int fd);
/* Ends every child, and every process the command left behind, and waits for them. */
void sm_kill_children(void);

#endif
