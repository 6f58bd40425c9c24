/* Inside format: characters, one at a time: what they are, their cells, their escapes. */
#ifndef CONNSH_FORMAT_GLYPH_H
#define CONNSH_FORMAT_GLYPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the character at text, len bytes left. Returns its length in bytes,
 * or 0 if no valid UTF-8 stands there (RFC 3629: shortest form only, no
 * surrogates, at most U+10FFFF) or len is 0.
 */
size_t fmt_decode(const char *text, size_t len, uint32_t *c);

/* True for a character that a screen does not show, or obeys instead of showing. */
bool fmt_hidden(uint32_t c);

/* Cells of a character that is not hidden: 0 for a combining mark, 1 or 2. */
unsigned int fmt_cells(uint32_t c);

/* Bytes that one byte of text becomes at most when it is escaped: \xHH. */
enum { ESCAPE_GROWTH = 4 };

/* fmt_escape into a buffer of at least len * ESCAPE_GROWTH bytes; returns how many it took. */
size_t fmt_escape_to(char *out, const char *text, size_t len);

#endif
