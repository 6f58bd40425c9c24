/*
 * form: what forms are made of. A part of the view room's contract for who reads
 * them from somewhere else (the lua room); using them is in view.h.
 *
 * All of it is memory of the form: parts are taken by form_alloc and live as long
 * as it does. Parts are data: filled in, checked by form_value_ready where they
 * have a value, and never changed after form_ready.
 */
#ifndef CONNSH_FORM_H
#define CONNSH_FORM_H

#include "connsh/view.h"

struct form_text {
	const char *p;
	size_t len;
};

/* ---- values -------------------------------------------------------------------------- */

/* What a value is compared with, by unless and map. */
struct form_key {
	enum value_kind kind; /* VALUE_FLOAT: the number, in the unit; ADDR; TEXT */
	double real;
	struct addr addr;
	struct form_text text;
};

/*
 * A printf-like format: one conversion and the text around it. %% is a percent
 * in both. Flags, width and precision mean what they do in printf(3), and no h, l
 * or * is taken: a number is as wide as it is.
 */
struct form_format {
	struct form_text head, tail;
	char conversion; /* d u x X o c: a whole number; f g: a real; s: text */
	bool minus, plus, blank, hash, zero;
	bool precise; /* precision was given */
	unsigned width, precision;
};
#define FORM_WIDTH_MAX 255

/* -1 and *err saying what is wrong with the format. Its texts are copied to the form. */
int form_format_parse(struct form *f, const char *text, size_t len, struct form_format *out,
		      struct nl_error *err);

struct form_value;
struct form_renderer;
/* What a named renderer is told beside the value. */
struct form_options {
	struct form_text proto; /* "tcp"; p NULL: any */
	bool local_range, rpc;
};
/* The renderer of this name; NULL: there is none. */
const struct form_renderer *form_renderer_find(const char *name);
const char *form_renderer_nearest(const char *name);
bool form_renderer_has_options(const struct form_renderer *r);

struct form_entry {
	struct form_key key;
	struct form_text text;
};

/* How one value is printed. Zeroed, it is printed as value_text has it. */
struct form_value {
	const struct field *field; /* NULL: a number that was calculated */
	const char *unit;	   /* "us", "ms", "s" of a duration; NULL: as it is */
	bool wrap;		   /* taken as a signed 32-bit number first */
	uint64_t mul, div;	   /* behind the unit; 0: by none */
	struct form_key *unless;   /* values that are not printed */
	size_t nunless;
	struct form_entry *map; /* values that are printed as these texts */
	size_t nmap;
	const struct form_format *as;	      /* of the others; */
	const struct form_renderer *renderer; /* or this */
	struct form_options options;

	/* form_value_ready fills these: what is asked of each row */
	const struct form_text **by_number; /* map, of small whole numbers */
	uint64_t times, parts;		    /* the kernel's number * times / parts is printed */
	uint64_t per_second;		    /* of the kernel's number; 0: the value is a real */
	bool number;			    /* the number is looked at */
	bool plain;			    /* no unit, mul, div, wrap */
};
/* Reads a user's value (BOOL, INT, FLOAT, TEXT) as one of the field's; -1 and *err. */
int form_key_read(struct form *form, const struct field *f, const struct value *raw,
		  struct form_key *key, struct nl_error *err);
/* By its type: has the field numbers, or names that stand for some? */
bool form_is_number(const struct field *f);
/* Do the members fit the field and each other? -1 and *err. */
int form_value_ready(struct form *f, struct form_value *v, struct nl_error *err);

/* ---- parts --------------------------------------------------------------------------- */

enum form_kind {
	FORM_TEXT,     /* text */
	FORM_SEQUENCE, /* kids, one after the other */
	FORM_FIELD,    /* value */
	FORM_FIRST,    /* the first of kids that applies */
	FORM_EACH,     /* a list: part over each of its rows, or value of each of its values */
	FORM_CALC,     /* steps, as a number: value */
	FORM_FUNCTION, /* what a function says */
};

/* A step of a calculation: puts a number on the stack, or takes two and puts one. */
struct form_step {
	char operation;		  /* + - * / ; 0: a number */
	double real;		  /* the number, */
	struct form_value *value; /* or, if not NULL, that of a field */
};
#define FORM_STACK 16

/*
 * A part applies if its condition holds and it has something to print: a field its
 * value, a list one item that applies, a calculation its operands; text and sequences
 * always do. What it prints ends before the first upto in it (if that is not the empty text),
 * is cut and padded to width, and before and after stand around that. If it does not apply,
 * otherwise stands for it.
 */
struct form_part {
	enum form_kind kind;
	const struct form_test *when; /* NULL: always */
	struct form_part *otherwise;
	struct form_text before, after, upto;
	unsigned width, cut; /* bytes */
	bool right;	     /* padded on its left */
	bool cuts;
	struct form_text text;
	struct form_part **kids;
	size_t n;
	struct form_value value;
	const struct field *list; /* FORM_EACH */
	struct form_part *part;	  /* of FT_ROWS */
	struct form_text between;
	bool reverse; /* the last item first */
	struct form_step *steps;
	size_t nsteps;
	unsigned function; /* its number, for struct calls */
	bool bare;	   /* form_ready says: text, and nothing around it */
};
/* Nested no deeper than this. */
#define FORM_DEPTH 64

/* ---- forms --------------------------------------------------------------------------- */

/* For rows of the source, whose reference is counted. NULL: no memory. */
struct form *form_new(const struct source *s);
/* Zeroed memory of the form; NULL: none was left. */
void *form_alloc(struct form *f, size_t size);
/* A copy in the form's memory, with a NUL behind it; false: none was left. */
bool form_copy(struct form *f, const char *text, size_t len, struct form_text *out);
/*
 * The tree as a condition; takes the reference. own: of the form's rows, so that its fields are
 * used (form_use), not of those of a list. NULL: no memory.
 */
const struct form_test *form_test_new(struct form *f, struct node *tree, bool own);
/* Gives the form its parts, after which it can write. */
void form_ready(struct form *f, struct form_part *root);
/*
 * Counts a field of the form's rows, for form_needs and form_fields. Fields of the rows of a list
 * are not: the list's own is. False: no memory.
 */
bool form_use(struct form *f, const struct field *field);

#endif
