/* What the files of the source `maddrs` share: the form of its rows, which is ours. */
#ifndef CONNSH_SOURCE_MADDRS_H
#define CONNSH_SOURCE_MADDRS_H

#include "private.h"

/* In front of the attributes of a row. */
struct maddr_header {
	uint32_t ifindex;
	uint8_t family; /* AF_PACKET: of the link layer */
	uint8_t pad[3];
};

/* What a line does not tell is not there. */
enum {
	MADDR_DEV = 1,	/* text */
	MADDR_ADDR,	/* 4 or 16 bytes, network order */
	MADDR_LLADDR,	/* bytes */
	MADDR_USERS,	/* u32 */
	MADDR_STATIC,	/* u8 */
	MADDR_TIMER,	/* u32, clock_t */
	MADDR_REPORTER, /* u8 */
	MADDR_VERSION,	/* u8 */
	MADDR_MAX = MADDR_VERSION
};

/* nlmsg_type of these messages; no kernel sends them. */
#define MADDR_TYPE 0x4d01

/*
 * One line of the file of this family (the header of net/igmp has none). True
 * when it is a group, which is in m then, to be ended; false when it is none, or
 * damaged. In net/igmp the interface stands in a line of its own, which is kept
 * in *at.
 */
struct maddr_at {
	uint32_t ifindex; /* 0: none */
	uint32_t count;	  /* of its groups */
	uint8_t version;  /* 0: not told */
	size_t len;
	char dev[16]; /* IFNAMSIZ */
};
bool maddr_line(uint8_t family, const char *line, size_t len, struct maddr_at *at,
		struct message *m);

/*
 * Are there interfaces in this text of net/igmp with more groups than they say?
 * Then the line of another one is missing, whose groups these are (see
 * maddrs_read.c). -1: no memory.
 */
int igmp_torn(const char *text, size_t len);

/* Reads the file of the family in the plan's tag. */
struct reader *maddr_open(const struct scan_request *req, const struct dump_plan *plan,
			  struct nl_error *err);

#endif
