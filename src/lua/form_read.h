/*
 * What reads the data of a form while it is made: the reader, and its members. Each function may
 * raise; what it takes belongs to the form, which the box keeps.
 */
#ifndef CONNSH_LUA_FORM_READ_H
#define CONNSH_LUA_FORM_READ_H

#include "columns.h"
#include "connsh/form.h"

struct form_reader {
	lua_State *L;
	struct form *form;
	const struct source *source; /* of the rows that the parts at hand are for */
	int box;		     /* place of the form's userdata */
	int depth;
	bool inside; /* the parts are for rows of a list */
	size_t len;
	char path[160]; /* where in the tables: "part 3: otherwise: " */
};

/* Enters a member of the part at hand; what it returns leaves it. */
size_t reader_enter(struct form_reader *r, const char *name, lua_Unsigned nth);
void reader_leave(struct form_reader *r, size_t before);
int reader_refuse(struct form_reader *r, const struct nl_error *why);
/* "form: part 3: ..." */
int reader_fail(struct form_reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int reader_no_memory(struct form_reader *r);
void *reader_take(struct form_reader *r, size_t size);
/* The length of a list with holes may be any number. */
void *reader_take_list(struct form_reader *r, lua_Unsigned n, size_t size);
/* Pushes the member, read raw; false: it is nil. */
bool reader_member(struct form_reader *r, int table, const char *key);
void reader_text(struct form_reader *r, int index, struct form_text *out);
/* A text; absent: *out stays. True: it is there. */
bool reader_text_member(struct form_reader *r, int table, const char *key, struct form_text *out);
bool reader_flag_member(struct form_reader *r, int table, const char *key);
/* A whole number of at least `least`; absent: 0 and false. */
bool reader_count_member(struct form_reader *r, int table, const char *key, lua_Integer least,
			 lua_Integer most, lua_Integer *out);
/* The name at index is that of a field. */
const struct field *reader_field(struct form_reader *r, int index, const char *key);
/* unit, wrap, mul, div */
void reader_number(struct form_reader *r, int table, struct form_value *v);
void reader_value_ready(struct form_reader *r, struct form_value *v);
void reader_value(struct form_reader *r, int table, struct form_value *v);
struct form_part *reader_part(struct form_reader *r, int index);

#endif
