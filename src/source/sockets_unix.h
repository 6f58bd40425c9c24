/* What the files on unix sockets share. */
#ifndef CONNSH_SOURCE_SOCKETS_UNIX_H
#define CONNSH_SOURCE_SOCKETS_UNIX_H

#include "sockets.h"

#include <linux/unix_diag.h>

/* The bits of `needs` that are udiag_show's. */
#define UNIX_SHOW_SHIFT	 8
#define UNIX_NEEDS(show) ((uint32_t)(show) << UNIX_SHOW_SHIFT)

/* Attributes of rows that are made here; the kernel has none of these numbers. */
enum {
	UNIX_ROW_REFS = 40, /* u32: RefCount of /proc/net/unix */
	UNIX_ROW_KEY,	    /* u64: in the place of a cookie */
	UNIX_ROW_POINTER,   /* u64: Num of it */
	UNIX_ROW_STATE,	    /* u8: St of it */
	UNIX_ROW_MAX = UNIX_ROW_STATE,
};

static inline const struct unix_diag_msg *unix_msg(const struct row *row)
{
	return row_header(row);
}

/*
 * UNIX_DIAG_NAME: the kernel's sun_path, whole, with the NUL behind a path. Its
 * number is 0, so no declaration of a field can name it. NULL: it has no name.
 */
const unsigned char *unix_row_name(const struct row *row, size_t *len);

/* UNIX_DIAG_RQLEN of a listener: connections that wait. 0: none, or no listener. */
uint32_t unix_waiting(const struct row *row);

/*
 * Asks for the connections that wait at a listener (UNIX_DIAG_ICONS): for each the
 * inode of the socket that has connected, 0 if it has been closed since. The list
 * lies in buf, *n is its length; 0 when the kernel told it (an empty one too, of a
 * listener that is gone), -1 and *err. Of too many the kernel answers EMSGSIZE: about
 * 900 by unix_diag_get_exact, whose answers are at most a page, twice that where its
 * buffers are rounded up.
 */
struct unix_icons {
	_Alignas(8) unsigned char reply[8192];
	const unsigned char *list; /* n numbers of 4 bytes, unaligned */
	size_t n;
};
int unix_icons(struct unix_icons *icons, const struct unix_diag_msg *listener, struct env *env,
	       struct nl_error *err);
uint32_t unix_icon(const struct unix_icons *icons, size_t i);

/*
 * A dump of these states that shows these things, laid out in plan. aside: a look at
 * something else than the rows, which in a recording must not take their place.
 */
void unix_plan(uint32_t states, uint32_t show, bool aside, struct dump_plan *plan);

/* ---- rows of /proc/net/unix, sockets_unix_text.c ------------------------------------ */

struct unix_line {
	uint64_t pointer;
	uint32_t refs, flags, inode;
	uint16_t type;
	uint8_t state;	  /* SS_*, <linux/net.h> */
	const char *name; /* as it is written: "@" for each NUL; NULL: none */
	size_t len;	  /* up to the end of the line, where the name need not end */
};
/*
 * Reads a line of /proc/net/unix. False: it is no row, but part of a name with a
 * newline in it. One that is a row need not be the kernel's: whoever binds a socket
 * can write such lines into its name.
 */
bool unix_line_parse(const char *line, size_t len, struct unix_line *out);
/* The same of a text that somebody made: numbers of any width, the inode may be missing. */
bool unix_text_parse(const char *line, size_t len, struct unix_line *out);

/* Readers of it: sockets with an inode, and those without (not accepted yet). Both of a text. */
struct reader *unix_read_text(const struct scan_request *req, const struct dump_plan *plan,
			      struct nl_error *err);
struct reader *unix_read_text_unheld(const struct scan_request *req, const struct dump_plan *plan,
				     struct nl_error *err);

/* sockets_unix_waiting.c: connections that wait, from the lists of those who listen. */
struct reader *unix_read_waiting(const struct scan_request *req, const struct dump_plan *plan,
				 struct nl_error *err);

/* ---- the names of a namespace, sockets_unix_names.c ------------------------------------ */

/* The name of the socket at the row's other end, as unix_row_name. */
const unsigned char *unix_peer_name(const struct row *row, size_t *len);
/* RefCount of the row's socket in /proc/net/unix; false: not told there. */
bool unix_refs(const struct row *row, uint32_t *refs);
/* A text that lives as long as the env; NULL: no memory. */
const char *unix_keep_text(struct env *env, const char *text, size_t len);

#endif
