/*
 * selector: `name<conditions>` to plain Lua, text to text.
 *
 * Knows the tokens of Lua 5.4 and nothing of its API, of the kernel or of any
 * field. A chunk without selectors comes through byte for byte.
 */
#ifndef CONNSH_SELECTOR_H
#define CONNSH_SELECTOR_H

#include <stdbool.h>
#include <stddef.h>

/* What is wrong with a selector, and where. */
struct selector_error {
	int line;	/* 1-based line of the selector's '<' or of the fault */
	bool at_end;	/* the text ended inside a selector: more lines may mend it */
	char text[256]; /* one sentence, no file and no line, no final stop */
};

/*
 * Translates len bytes of Lua source. Returns
 *   0  nothing to translate: *out is NULL, use the text as it is;
 *   1  translated: *out is malloc'ed, *out_len bytes and a NUL after them, the
 *      caller frees it; it has as many newlines as the text, each lowered
 *      token on the line it came from;
 *  -1  a selector is wrong: *err says so, *out is NULL;
 *  -2  out of memory.
 * A text that is not Lua at all (a broken string, a stray byte) is no error
 * here: it is left as it is from there on, for Lua to complain about; a selector
 * that it stands in is translated up to there, so that Lua comes as far as that.
 */
int selector_translate(const char *text, size_t len, char **out, size_t *out_len,
		       struct selector_error *err);

#endif
