/* What the files of the view room share and nobody else needs. */
#ifndef CONNSH_VIEW_PRIVATE_H
#define CONNSH_VIEW_PRIVATE_H

#include "connsh/form.h"

/* ---- form.c -------------------------------------------------------------------------- */

/* Keeps the reference as long as the form lives; false, the reference is gone: no memory. */
bool form_hold(struct form *f, struct node *n);

/* ---- form_value.c: single values ----------------------------------------------------- */

/* A number in the unit of its part: whole (mag, towards 0) and as a real. */
struct number {
	bool negative;
	uint64_t mag;
	double real;
	bool exact; /* the whole number is all of it */
};
/* False: the value is no number. */
bool number_of(const struct form_value *v, const struct value *value, struct number *out);
/* Does it print, and is it none of unless? Then it is appended. */
bool form_value_put(const struct form_value *v, const struct value *value, const struct row *row,
		    struct fmt_text *out);

/* ---- form_format.c: numbers and text as bytes ---------------------------------------- */

void put_number(const struct form_format *fmt, const struct number *n, struct fmt_text *out);
/* The text by the %s of the format; outside: it is from there. */
void put_text(const struct form_format *fmt, const char *text, size_t len, bool outside,
	      struct fmt_text *out);
/* As a user reads it who gave no format. */
void put_plain(const struct number *n, struct fmt_text *out);
/* Text from outside: each control byte is a dot. */
void put_clean(const char *text, size_t len, struct fmt_text *out);

/* ---- form_render.c ------------------------------------------------------------------- */

struct form_renderer {
	const char *name;
	const char *takes; /* for messages */
	bool (*fits)(const struct form_value *v);
	bool options;	  /* struct form_options means something to it */
	const char *unit; /* of durations, unless one was named */
	void (*put)(const struct form_value *v, const struct value *value, const struct number *n,
		    const struct row *row, struct fmt_text *out);
};

/* ---- form_test.c --------------------------------------------------------------------- */

bool form_test(const struct form_test *t, const struct row *row);

/* ---- names.c: names of this machine, each looked up once ----------------------------- */

/* Of a port (host order) with a protocol ("tcp", NULL: any) in services(5); NULL: it has none. */
const char *name_service(uint16_t port, const char *proto);
/* Of a program that rpcbind has at this port, as "rpc.nfs"; NULL: none, or no rpcbind. */
const char *name_rpc(uint16_t port, const char *proto);
/* Of the host with this address; NULL: none. May take as long as the resolver does. */
const char *name_host(const struct addr *a);

/* ---- rpcbind.c ----------------------------------------------------------------------- */

/* A program with a name in rpc(5), that any address of this machine has at the port. */
typedef void rpcbind_take(void *arg, uint16_t port, const char *proto, const char *program);
/* Hands out what rpcbind lists, in its order; nothing if there is no rpcbind. */
void rpcbind_list(rpcbind_take *take, void *arg);
/* The same from its reply, without the marks of the record; as far as it is sound. */
void rpcbind_read(const void *reply, size_t size, rpcbind_take *take, void *arg);

#endif
