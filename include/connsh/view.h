/*
 * view: rows as text. Which columns of a query are shown and how each is (data:
 * field, title, alignment, widths), filled from rows and written by format.
 * Knows queries, fields and formats; nothing of Lua.
 */
#ifndef CONNSH_VIEW_H
#define CONNSH_VIEW_H

#include "connsh/format.h"
#include "connsh/query.h"

struct view_column {
	const struct field *field;
	const char *title;				    /* NULL: the field's name */
	enum { VIEW_NATURAL, VIEW_LEFT, VIEW_RIGHT } align; /* natural: numbers right */
	size_t min, max;				    /* as in struct fmt_column */
	bool fixed;
	const char *none;
};

/*
 * The columns that are shown of a query when nobody names them: those that its
 * source marks, and those that conditions, distinct and sort name, in declared
 * order. At most max; returns how many.
 */
size_t view_columns(const struct query *q, struct view_column *out, size_t max);
/* All fields that rows can have. */
size_t view_all_columns(const struct source *s, struct view_column *out, size_t max);
/* What the columns need of their rows. */
uint32_t view_needs(const struct view_column *columns, size_t n);

/* Rows on their way to a stream. */
struct view;
/* NULL: no memory, or n is 0. The stream is the caller's and is not flushed. */
struct view *view_open(const struct fmt_layout *layout, const struct view_column *columns, size_t n,
		       FILE *out);
/* False with errno: no memory, or the stream refused. */
bool view_row(struct view *v, const struct row *row);
/* Forgets the rows before, to begin again; false: some are written already. */
bool view_restart(struct view *v);
/* Writes what was held back; false with errno: something was not written. */
bool view_end(struct view *v);
void view_free(struct view *v); /* NULL is allowed */

/* ---- forms: a row by a template --------------------------------------------- */

/* Parts of text, fields and conditions, made once and then never changed. */
struct form;
/* Extensions of the request that its fields need. */
uint32_t form_needs(const struct form *f);
/* The fields that it reads, those of conditions too, each once; returns how many. */
size_t form_fields(const struct form *f, const struct field *const **list);
/* The rows that it is for. */
const struct source *form_of(const struct form *f);
/* Does it have functions, which calls must answer? */
bool form_has_functions(const struct form *f);
/*
 * Appends what the row prints. calls answers functions, NULL if the form has none. False: memory
 * was short, or a function failed; *err says which.
 */
bool form_write(const struct form *f, const struct row *row, const struct calls *calls,
		struct fmt_text *out, struct nl_error *err);
void form_free(struct form *f); /* NULL is allowed */

#endif
