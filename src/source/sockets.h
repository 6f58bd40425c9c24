/* What the files of the source `sockets` share. */
#ifndef CONNSH_SOURCE_SOCKETS_H
#define CONNSH_SOURCE_SOCKETS_H

#include "private.h"

#include <linux/inet_diag.h>

/* States as in <net/tcp_states.h>; inet_diag uses them for every protocol. */
enum {
	STATE_ANY = 0, /* of a table that is asked for all states at once */
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT = 2,
	STATE_SYN_RECV = 3,
	STATE_FIN_WAIT_1 = 4,
	STATE_FIN_WAIT_2 = 5,
	STATE_TIME_WAIT = 6,
	STATE_CLOSE = 7,
	STATE_CLOSE_WAIT = 8,
	STATE_LAST_ACK = 9,
	STATE_LISTEN = 10,
	STATE_CLOSING = 11,
	STATE_NEW_SYN_RECV = 12,
	STATE_BOUND_INACTIVE = 13,
};

/* What a socket is, in the field proto and as the tag of rows: IPPROTO_*, or one of its family. */
enum {
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_DCCP = 33,
	PROTO_SCTP = 132,
	PROTO_UDPLITE = 136,
	PROTO_RAW = 255,
	PROTO_MPTCP = 262,
	PROTO_UNIX = 0x1001, /* 0x1000 | AF_* */
	PROTO_NETLINK = 0x1010,
	PROTO_PACKET = 0x1011,
	PROTO_TIPC = 0x101e,
	PROTO_VSOCK = 0x1028,
	PROTO_XDP = 0x102c,
};

struct sock_table;

/* How sockets of one kind of message are asked, and who answers for their rows. */
struct sock_kind {
	const struct shape *shape;
	/* Fills the plan of a dump of these states; tag and shape are set already. */
	void (*lay_out)(const struct sock_table *t, uint32_t states, const struct scan_request *req,
			struct dump_plan *out);
	uint64_t (*key)(const struct row *row);
	uint32_t (*inode)(const struct row *row, enum owner_status *why);
	uint32_t (*peer)(const struct row *row); /* NULL: none has one that is known */
	/* As in states above; 0: not told. NULL: always closed, as the kernel has it. */
	unsigned (*state)(const struct row *row);
	const struct enum_name *protocols; /* of the numbers in field protocol */
	uint32_t extensions;		   /* bits of needs that its requests carry */
	/* As in struct source; NULL: looked for in a list (socket_relist), cannot be ended. */
	ptrdiff_t (*refetch)(const struct row *row, uint32_t needs, void *buf, size_t size,
			     struct nl_error *err);
	int (*end)(const struct row *row, struct nl_error *err);
};

/* A list that a request can ask for: all sockets of one protocol and family. */
struct sock_table {
	uint16_t proto;
	uint8_t family;
	const char *what;
	const struct sock_kind *kind;
	uint32_t states; /* that its rows can have, 1 << state */
};

enum {
	TCP4,
	TCP6,
	UDP4,
	UDP6,
	UDPLITE4,
	UDPLITE6,
	RAW4,
	RAW6,
	MPTCP4,
	MPTCP6,
	SCTP4,
	SCTP6,
	DCCP4,
	DCCP6,
};
extern const struct sock_table socket_tables[];
extern const size_t socket_table_count;
extern const struct sock_kind sock_unix, sock_unix_waiting;
extern const struct sock_kind sock_inet, sock_packet, sock_netlink, sock_vsock, sock_xdp, sock_tipc,
	sock_raw;
extern const struct shape shape_unix;
extern const struct shape shape_inet, shape_packet, shape_netlink, shape_vsock, shape_xdp,
	shape_tipc;

/* Who answers for the row. */
const struct sock_kind *socket_kind(const struct row *row);

/* sockets_holders.c: what the items of the field holders are. */
extern const struct source socket_holders;

/* Bits of needs: inet's idiag_ext is below, PACKET_SHOW_* and NDIAG_SHOW_* here. */
#define PACKET_NEEDS(show)  ((uint32_t)(show) << 15)
#define NETLINK_NEEDS(show) ((uint32_t)(show) << 21)

#define NETLINK_FLAG_SHIFT 8 /* of ndiag_flags among sock_flag_names */

/* Attributes beside the kernel's, of rows that were read from /proc. */
enum {
	OWN_POINTER = 64, /* u64; each such message has it and no other */
	OWN_RMEM,
	OWN_WMEM,
	OWN_DROPS,
	OWN_REFS,
	OWN_CALLBACK, /* u64: the column Dump */
	OWN_MAX = OWN_CALLBACK
};

/* The cookie; without one (/proc) a number made of the inode, that is no cookie. */
uint64_t socket_key(const struct row *row);
/* The inode that the row tells; 0: of the kernel, or closed by its program. */
uint32_t socket_own_inode(const struct row *row, enum owner_status *why);

/*
 * Reads a table of /proc/net, or the text that the request names in its place, line by
 * line, without its first line: line (lenient) makes one into a message; false: it is
 * damaged, and left out, which is told (env_set_lacks). path is a constant.
 */
typedef bool line_message(const char *line, const char *end, struct message *m);
struct reader *lines_open(const struct scan_request *req, const char *path, line_message *line,
			  line_message *lenient, struct nl_error *err);
line_message packet_line, netlink_line; /* of net/packet and net/netlink */
line_message packet_text, netlink_text; /* the same of a file that the query names */
/* The next n words of a line as whole numbers of these bases (0: hexadecimal, or 0 if it is none).
 */
bool line_numbers(const char **line, const char *end, const unsigned char *bases, size_t n,
		  uint64_t *numbers);
/* The states of the table that the parts hold; those of a table of STATE_ANY are all or none. */
uint32_t table_states(const struct part_set *parts, const struct sock_table *t);
/* The protocol's table for the family; NULL: there is none. */
const struct sock_table *table_of(uint32_t proto, unsigned family);

/* Marks a plan as a look beside the rows, which in a recording must not take their place. */
void inet_aside(struct dump_plan *plan);
/* One dump for tcp over IPv4 and IPv6. */
void inet_lay_out_merged(uint32_t states, const struct scan_request *req, struct dump_plan *out);
/* The request of these bytes for the table's list by sock_diag(7); the rest of the plan stays. */
void lay_out_list(const struct sock_table *t, const void *request, size_t len,
		  struct dump_plan *out);
/* The part of the protocol, family and state. */
struct part_set sockets_parts(uint32_t proto, unsigned family, unsigned state);

/*
 * sockets_proc.c: the inet sockets of /proc/net (proc(5),
 * Documentation/networking/proc_net_tcp.rst) as messages of shape_inet, with cookie 0 and these
 * attributes of ours. For a protocol that has no file there: none if the namespace has no such
 * socket (EPROTONOSUPPORT), else env_set_lacks.
 */
enum {
	PROC_REFS = 40, /* u32; each message of /proc has it and no other */
	PROC_DROPS,
	PROC_POINTER,	  /* u64 */
	PROC_RETRANSMITS, /* u32, as the rest unless it says otherwise */
	PROC_PROBES,
	PROC_RTO, /* s64, us */
	PROC_ATO, /* s64, us */
	PROC_QUICK_ACK,
	PROC_INTERACTIVE, /* u8 */
	PROC_CWND,
	PROC_SSTHRESH,
	PROC_FASTOPEN, /* in the place of that, of a listener */
	PROC_TAIL,     /* text */
	PROC_ATTR_MAX = PROC_TAIL,
};
reader_open proc_sockets_open;
/* One line of such a file; false when it is damaged. */
struct proc_socket {
	struct inet_diag_msg msg;
	uint32_t refs, drops, retransmits, probes;
	uint32_t ticks; /* of USER_HZ, that the timer runs */
	bool has_drops, has_pointer;
	uint64_t pointer;
	/* what only tcp has, the first `more` of five, and what the line has behind them */
	size_t more;
	int64_t rto, ato; /* us */
	uint32_t ack, cwnd, ssthresh;
	const char *tail; /* in the line */
	size_t tail_len;
};
bool proc_socket_parse(const char *line, size_t len, const struct sock_table *t,
		       struct proc_socket *out);
/* The message that sock_diag would give. NULL: no memory. */
const struct nlmsghdr *proc_socket_message(const struct proc_socket *s, const struct sock_table *t,
					   struct message *m);
/* Its timer runs so many ticks of USER_HZ still, by what retransmits and probes are. */
void proc_socket_timer(struct proc_socket *s, uint32_t kind, uint32_t ticks);
/* Was the row, of whatever kind, read from /proc or a text in its form? */
bool from_proc(const struct row *row);

/* ---- sockets_text.c: lines of a text that somebody made ---------------------------------- */

/*
 * The number at *p, behind blanks, as sscanf(3) reads it: a sign, "0x" before hexadecimal digits,
 * and whatever ends it. One that is negative is 2^64 less. False: there is none, *p stays.
 */
bool text_number(const char **p, const char *end, unsigned base, uint64_t *n);
/* How many of n numbers of these bases (0: 16) there are; those that are missing are 0. */
size_t text_numbers(const char **p, const char *end, const unsigned char *bases, size_t n,
		    uint64_t *numbers);
/* As proc_socket_parse; what the line lacks at its end is 0, or not there. */
bool text_socket_parse(const char *line, size_t len, const struct sock_table *t,
		       struct proc_socket *out);
/* The time that its timer runs, as tools have it that reckon in 32 bits. */
void text_socket_wrap(struct proc_socket *s);
/* Reads what a line has from the pointer on. */
void proc_socket_more(const char *p, const char *end, const struct sock_table *t,
		      struct proc_socket *out);

/* ---- sockets_input.c: rows of files ------------------------------------------------------- */

reader_open packet_read, netlink_read;
int sockets_input(const struct scan_request *req, struct dump_plan *out, struct nl_error *err);
/*
 * Tells that a file lacks rows. Whoever wants it verbatim gets what it has, as from a tool that
 * shows such a file: for these the answer is whole, and it is a note.
 */
void input_lacks(struct env *e, const char *text);
/* The reader of INPUT_DIAG: messages of shape_inet. */
reader_open diag_file_open;
/*
 * Was the row told as its socket ended? Such have an attribute that the kernel gives for raw
 * sockets alone else, and nobody asked for them; who had the socket they do not tell.
 */
bool has_ended(const struct row *row);
/* Do rows from /proc tell the field? As in struct source. */
bool proc_sockets_tell(const struct field *f);

/* For a plan's note: "states established, listen"; one word more behind what is there. */
void note_states(uint32_t states, char *note, size_t size);
void note_append(char *buf, size_t size, const char *word, const char *between);

/* The enums and their names; the value of each is the kernel's. */
extern const struct enum_name proto_names[], family_names[], state_names[], timer_names[],
	ca_state_names[], owner_status_names[], tls_version_names[], tls_cipher_names[],
	tls_conf_names[], ip_protocol_names[], sctp_state_names[], sctp_path_names[],
	sctp_type_names[], subflow_flag_names[], sock_type_names[], sock_flag_names[],
	ethertype_names[], netlink_protocol_names[], fanout_names[], tpacket_names[],
	tstamp_names[], ring_feature_names[], cid_names[], socket_state_names[];

#define GETTER(name) bool name(const struct row *row, const struct field *f, struct value *v)
GETTER(get_proto);
GETTER(get_family);
GETTER(get_state);
GETTER(get_addr);
GETTER(get_inbound);
GETTER(get_autobound);
GETTER(get_uid);
GETTER(get_user);
GETTER(get_backlog_used);
GETTER(get_timer_value);
GETTER(get_cgroup);
GETTER(get_cgroup_id);
GETTER(get_text);
GETTER(get_tcp_info);
GETTER(get_md5_keys);
GETTER(get_md5_list);
GETTER(get_protocol_number);
GETTER(get_ulp);
GETTER(get_tls);
GETTER(get_pids);
GETTER(get_holders); /* sockets_holders.c */
GETTER(get_exe);
GETTER(get_unit);
GETTER(get_container);
GETTER(get_owner_status);
GETTER(get_protocol);
GETTER(get_flags);
GETTER(get_groups);
GETTER(get_filter);
GETTER(get_filter_length);
GETTER(get_memberships);
GETTER(get_promiscuous);
GETTER(get_flag);
GETTER(get_timer);
GETTER(get_mptcp);
GETTER(get_sctp_state);
GETTER(get_sctp_assoc);
GETTER(get_sctp_socket);
GETTER(get_sctp_addr);
GETTER(get_is_assoc);
GETTER(get_from_proc);
GETTER(get_groups_mask);
GETTER(get_sctp_addrs);
/* sockets_unix_get.c: the row's own name or its peer's, in the form that kind names */
GETTER(get_unix_name);
GETTER(get_unix_peer_name);
GETTER(get_path_dev);
GETTER(get_pending);
GETTER(get_refs);
/* sockets_peer.c */
GETTER(get_peer_inode);
GETTER(get_peer_pid);
GETTER(get_peer_comm);
#undef GETTER

/* For `when`: what only rows of some protocols have. They look at the row's tag alone. */
#define PREDICATE(name) bool name(const struct row *row, const struct field *f)
PREDICATE(is_mptcp);
PREDICATE(is_sctp);
PREDICATE(has_ports);
/* And this looks at the row: /proc does not tell how many connections of a listener may wait. */
PREDICATE(tells_sendq);
PREDICATE(is_listener);
PREDICATE(tells_backlog); /* both */
#undef PREDICATE

/*
 * The state of an inet row in the terms of TCP. Rows of sctp are sockets, and their associations,
 * which have states of their own (see sctp_state).
 */
unsigned inet_state(const struct row *row);
/* Is an sctp row an association? Only those tell the addresses of a peer. */
bool sctp_is_assoc(const struct row *row);

/* Beside the name: the number in decimal and in hexadecimal. */
bool more_protocols(const struct row *row, const struct field *f, size_t i, struct value *v);

bool more_pids(const struct row *row, const struct field *f, size_t i, struct value *v);
bool more_comms(const struct row *row, const struct field *f, size_t i, struct value *v);
bool more_exes(const struct row *row, const struct field *f, size_t i, struct value *v);
bool more_peer_pids(const struct row *row, const struct field *f, size_t i, struct value *v);
bool more_peer_comms(const struct row *row, const struct field *f, size_t i, struct value *v);

/* The inode of a row, or 0 and why it has none (see struct source). */
uint32_t socket_inode(const struct row *row, enum owner_status *why);
/* The inode of the socket at its other end, or 0. */
uint32_t socket_peer(const struct row *row);
/* sockets_inet_peer.c: for tcp and udp, of a peer in the same namespace. */
uint32_t inet_peer(const struct row *row);

#define PUSHER(name)                                                                  \
	enum push_answer name(const struct cond *c, bool negated, struct kprog *prog, \
			      struct env *env)
PUSHER(push_addr);
PUSHER(push_port);
PUSHER(push_dev);
PUSHER(push_dev_index);
PUSHER(push_mark);
PUSHER(push_cgroup);
PUSHER(push_autobound);
PUSHER(push_cgroup_id);
#undef PUSHER

/*
 * Sets the bit of each port that a tcp listener of the env's namespace holds
 * (1 << (port & 63) of ports[port / 64]); false when they could not be listed.
 */
bool sockets_listening(struct env *env, uint64_t ports[1024]);

/* sockets_places.c: where the fields that several kinds have lie in each. */
extern const struct place type_places[], protocol_places[], refs_places[], flags_places[],
	cookie_places[], inode_places[], uid_places[], dev_places[], recvq_places[], sendq_places[],
	shutdown_places[], drops_places[], rmem_places[], rcvbuf_places[], wmem_places[],
	queue_places[], backlog_places[], sndbuf_places[], fwd_alloc_places[], wmem_queued_places[],
	optmem_places[], backlog_mem_places[], local_port_places[], remote_port_places[],
	pointer_places[], rto_places[], ato_places[], cwnd_places[], ssthresh_places[],
	retransmits_places[], probes_places[];

extern const struct field socket_fields[];

#endif
