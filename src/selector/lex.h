/*
 * The selector room's own header: tokens, and the steps from text to edits.
 *
 * lex.c makes tokens, pair.c matches brackets and finds attribute lists,
 * scan.c tells selectors from comparisons, fault.c words what is wrong, lower.c
 * writes the new text. Nobody outside this folder includes this file.
 */
#ifndef CONNSH_SELECTOR_LEX_H
#define CONNSH_SELECTOR_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connsh/selector.h"

/* As fine as the selector rules need: tokens that behave alike share a kind. */
enum kind {
	T_EOF,
	T_STOP,	 /* a string, comment or byte that is no token: Lua reads no further */
	T_STRAY, /* a bracket or `end` that closes nothing: Lua reads no further */
	T_NAME,
	T_STRING,
	T_NUMBER,
	T_VALUE, /* nil true false ... */
	T_FUNCTION,
	T_NOT,
	T_AND,
	T_OR,
	T_IF,
	T_DO,
	T_REPEAT,
	T_UNTIL,
	T_END,
	T_LOCAL,
	T_WORD,	  /* the other reserved words */
	T_LPAREN, /* ( [ { and their ends stand in the same order */
	T_LBRACKET,
	T_LBRACE,
	T_RPAREN,
	T_RBRACKET,
	T_RBRACE,
	T_LT,
	T_LE,
	T_GT, /* one byte always: whether '>>' and '>=' split is scan.c's matter */
	T_EQ,
	T_NE,
	T_BANG, /* != */
	T_ASSIGN,
	T_MINUS,
	T_TILDE,
	T_HASH,
	T_BINARY, /* the operators that are only binary, but for comparisons and >> */
	T_COMMA,
	T_DOT,
	T_COLON,
	T_OTHER, /* ; and :: */
};

/* What scan.c found about a '<'. */
enum verdict {
	V_NONE,	    /* a comparison, or no candidate */
	V_SELECTOR, /* link is the index of its '>' */
	V_PARTIAL,  /* surely a selector, but T_STOP stands in it */
	V_FAULT,    /* surely a selector, and a wrong one */
};

/* How lower.c rewrites a token. */
enum role {
	R_KEEP,
	R_OPEN,	  /* < becomes { */
	R_ASSIGN, /* = becomes =( */
	R_NAME,	  /* b becomes {"b" */
	R_OP,	  /* > becomes ,">",( */
	R_DROP,	  /* second half of >= */
	R_CLOSE,  /* > becomes the text in the pool at link */
};

/* What lower.c writes after a token. */
enum { AFTER_NOTHING, AFTER_VALUE, AFTER_TRIPLE };

/* What pair.c knows about a '<'. */
enum { IN_ATTRIBUTE = 1, IN_BRACE = 2 };

#define NONE UINT32_MAX

struct token {
	uint32_t off, end; /* bytes [off, end) of the text */
	uint32_t line;	   /* 1-based line of its first byte */
	uint32_t link;	   /* an opener's closer, a selector's end, or NONE */
	uint8_t kind, verdict, role;
	uint8_t mark; /* of a '<': IN_ bits, until lower.c uses it for AFTER_ */
};

/* A text and its tokens; the last token is T_EOF, T_STOP or T_STRAY. */
struct tokens {
	const char *text;
	size_t len;
	struct token *tok;
	uint32_t count, room;
};

/* How far a walk over the conditions of one selector has come, and its end. */
enum fault {
	F_NONE,
	F_STOP,	    /* no token here: Lua has the better words for it */
	F_INNER,    /* the selector that opens at `where` is wrong */
	F_CLOSE,    /* '>' expected */
	F_VALUE,    /* a value or an operand is missing */
	F_COMMA,    /* ',' is missing */
	F_COMPARE,  /* comparison, `and`, `or` need parentheses */
	F_COND,	    /* no condition after the comma */
	F_RESERVED, /* a reserved word as field name */
	F_OPERATOR, /* no operator after the name */
	F_BRACKET,  /* the bracket at `where` is not closed */
	F_NAME,	    /* no name after '.' or ':' */
	F_CALL,	    /* no arguments after a method's name */
	F_SPLIT,    /* '>=' where '>' closes and '=' is left */
	F_TWICE,    /* a name given twice by '=' */
};

struct cond {
	uint32_t name;	/* its token, or NONE if the walk stopped before it */
	uint32_t op;	/* its first token, or NONE if the walk stopped before it */
	uint32_t width; /* tokens in op */
	uint32_t last;	/* last token of the value, or NONE if that is unfinished */
	bool equal;	/* the operator is = or == */
};

struct walk {
	const struct tokens *t;
	uint32_t open; /* the selector's '<' */
	uint32_t at;   /* next token to read */
	bool certain;  /* splits '>>' and '>=' */
	bool trailing; /* the last thing read was a comma */
	enum fault fault;
	uint32_t where; /* token of the fault; the closing '>' if there is none */
};

/* lex.c: fills t->tok. Returns 0, or -1 when out of memory; tokens_free either way. */
int tokens_read(struct tokens *t, const char *text, size_t len);
void tokens_free(struct tokens *t);
/* Whether no byte stands between token i and the next. */
bool tokens_joined(const struct tokens *t, uint32_t i);

/* pair.c: links openers to closers, marks each '<', cuts the text at the first
 * bracket or `end` that closes nothing or the wrong thing. */
void tokens_pair(struct tokens *t);

/* scan.c: gives each '<' its verdict, in time linear in the tokens. */
void selectors_judge(struct tokens *t);
bool selector_certain(const struct tokens *t, uint32_t open);
void walk_start(struct walk *w, const struct tokens *t, uint32_t open);
/* Reads one condition. False at the end (fault F_NONE) and at a fault; then c
 * holds what was read of the condition that has it. */
bool walk_next(struct walk *w, struct cond *c);

/* fault.c: words the fault of the selector at open (V_FAULT). */
void fault_describe(const struct tokens *t, uint32_t open, struct selector_error *err);
/* The same for a name given twice: token `name` is the second. */
void fault_twice(const struct tokens *t, uint32_t open, uint32_t name, struct selector_error *err);

#endif
