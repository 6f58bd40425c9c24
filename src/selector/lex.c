/*
 * The tokens of Lua 5.4, and `!=`, which is ours.
 *
 * Knows where tokens begin and end and on which line. Does not judge what is in
 * them (a bad escape, a malformed number): the text goes to Lua, which does.
 */
#include "lex.h"

#include <stdlib.h>
#include <string.h>

struct lexer {
	const char *text;
	size_t len, at;
	uint32_t line;
};

static const struct {
	const char *name;
	enum kind kind;
} words[] = {
	{ "and", T_AND },	    { "break", T_WORD },  { "do", T_DO },	{ "else", T_WORD },
	{ "elseif", T_WORD },	    { "end", T_END },	  { "false", T_VALUE }, { "for", T_WORD },
	{ "function", T_FUNCTION }, { "goto", T_WORD },	  { "if", T_IF },	{ "in", T_WORD },
	{ "local", T_LOCAL },	    { "nil", T_VALUE },	  { "not", T_NOT },	{ "or", T_OR },
	{ "repeat", T_REPEAT },	    { "return", T_WORD }, { "then", T_WORD },	{ "true", T_VALUE },
	{ "until", T_UNTIL },	    { "while", T_WORD },
};

/* Longest first; what is not here is a single byte. */
static const struct {
	char name[4];
	enum kind kind;
} operators[] = {
	{ "...", T_VALUE }, { "..", T_BINARY }, { "<<", T_BINARY },
	{ "<=", T_LE },	    { "==", T_EQ },	{ "~=", T_NE },
	{ "!=", T_BANG },   { "//", T_BINARY }, { "::", T_OTHER },
};

static const uint8_t singles[256] = {
	['+'] = T_BINARY, ['*'] = T_BINARY,   ['/'] = T_BINARY,	  ['%'] = T_BINARY,
	['^'] = T_BINARY, ['&'] = T_BINARY,   ['|'] = T_BINARY,	  ['-'] = T_MINUS,
	['~'] = T_TILDE,  ['#'] = T_HASH,     ['<'] = T_LT,	  ['>'] = T_GT,
	['='] = T_ASSIGN, [','] = T_COMMA,    ['.'] = T_DOT,	  [':'] = T_COLON,
	[';'] = T_OTHER,  ['('] = T_LPAREN,   ['['] = T_LBRACKET, ['{'] = T_LBRACE,
	[')'] = T_RPAREN, [']'] = T_RBRACKET, ['}'] = T_RBRACE,
};

/* Lua's own classes are ASCII and know no locale; nor do these. */
static bool digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool hex_digit(int c)
{
	return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The byte n after the current one, or -1 past the end (a NUL is a byte). */
static int peek(const struct lexer *lx, size_t n)
{
	return n < lx->len - lx->at ? (unsigned char)lx->text[lx->at + n] : -1;
}

static bool is_newline(int c)
{
	return c == '\n' || c == '\r';
}

/* Passes one line end: \n, \r, \r\n or \n\r. */
static void skip_newline(struct lexer *lx)
{
	int first = peek(lx, 0);
	int second = peek(lx, 1);

	lx->at += is_newline(second) && second != first ? 2 : 1;
	lx->line++;
}

static bool blank(int c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

static void skip_blanks(struct lexer *lx)
{
	for (;;) {
		int c = peek(lx, 0);

		if (is_newline(c))
			skip_newline(lx);
		else if (blank(c))
			lx->at++;
		else
			return;
	}
}

/* Bytes of the opening of a long bracket at the current '[', or 0 if it is none. */
static size_t long_opening(const struct lexer *lx)
{
	size_t n = 1;

	while (peek(lx, n) == '=')
		n++;
	return peek(lx, n) == '[' ? n + 1 : 0;
}

/* Passes a long string or comment whose opening has `size` bytes; false if it has no end. */
static bool skip_long(struct lexer *lx, size_t size)
{
	lx->at += size;
	for (;;) {
		int c = peek(lx, 0);
		size_t n = 1;

		if (c < 0)
			return false;
		if (is_newline(c)) {
			skip_newline(lx);
			continue;
		}
		if (c == ']') {
			while (n < size && peek(lx, n) == '=')
				n++;
			if (n == size - 1 && peek(lx, n) == ']') {
				lx->at += size;
				return true;
			}
		}
		lx->at += n;
	}
}

/* Passes blanks and comments; false at a long comment without end. */
static bool skip_to_token(struct lexer *lx)
{
	for (;;) {
		size_t start, size;

		skip_blanks(lx);
		if (peek(lx, 0) != '-' || peek(lx, 1) != '-')
			return true;
		start = lx->at;
		lx->at += 2;
		size = peek(lx, 0) == '[' ? long_opening(lx) : 0;
		if (size) {
			if (!skip_long(lx, size)) {
				lx->at = start;
				return false;
			}
			continue;
		}
		while (peek(lx, 0) >= 0 && !is_newline(peek(lx, 0)))
			lx->at++;
	}
}

/* Passes a backslash and what belongs to it. */
static void skip_escape(struct lexer *lx)
{
	lx->at++;
	if (peek(lx, 0) == 'z') {
		lx->at++;
		skip_blanks(lx);
	} else if (is_newline(peek(lx, 0))) {
		skip_newline(lx);
	} else if (peek(lx, 0) >= 0) {
		lx->at++;
	}
}

static enum kind read_string(struct lexer *lx)
{
	int quote = peek(lx, 0);

	lx->at++;
	for (;;) {
		int c = peek(lx, 0);

		if (c < 0 || is_newline(c))
			return T_STOP;
		if (c == '\\') {
			skip_escape(lx);
			continue;
		}
		lx->at++;
		if (c == quote)
			return T_STRING;
	}
}

/* As greedy as Lua: `3..2` is one malformed number, not 3 .. 2. */
static enum kind read_number(struct lexer *lx)
{
	int exponent = 'e';

	if (peek(lx, 0) == '0' && (peek(lx, 1) | 0x20) == 'x') {
		exponent = 'p';
		lx->at += 2;
	}
	for (;;) {
		int c = peek(lx, 0);

		if (c >= 0 && (c | 0x20) == exponent) {
			lx->at++;
			if (peek(lx, 0) == '+' || peek(lx, 0) == '-')
				lx->at++;
		} else if (hex_digit(c) || c == '.') {
			lx->at++;
		} else {
			return letter(c) ? T_STOP : T_NUMBER;
		}
	}
}

static enum kind read_name(struct lexer *lx)
{
	const char *name = lx->text + lx->at;
	size_t n = 1;

	while (letter(peek(lx, n)) || digit(peek(lx, n)))
		n++;
	lx->at += n;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].name[0] == name[0] && strlen(words[i].name) == n &&
		    !memcmp(words[i].name, name, n))
			return words[i].kind;
	}
	return T_NAME;
}

static enum kind read_operator(struct lexer *lx)
{
	size_t left = lx->len - lx->at;
	uint8_t kind = singles[(unsigned char)lx->text[lx->at]];

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		size_t n = strlen(operators[i].name);

		if (n <= left && !memcmp(operators[i].name, lx->text + lx->at, n)) {
			lx->at += n;
			return operators[i].kind;
		}
	}
	lx->at++;
	return kind ? kind : T_STOP;
}

static enum kind read_token(struct lexer *lx)
{
	int c = peek(lx, 0);
	size_t size;

	if (c < 0)
		return T_EOF;
	if (letter(c))
		return read_name(lx);
	if (digit(c) || (c == '.' && digit(peek(lx, 1))))
		return read_number(lx);
	if (c == '"' || c == '\'')
		return read_string(lx);
	if (c == '[') {
		size = long_opening(lx);
		if (size)
			return skip_long(lx, size) ? T_STRING : T_STOP;
		if (peek(lx, 1) == '=')
			return T_STOP;
	}
	return read_operator(lx);
}

static struct token *add_token(struct tokens *t)
{
	if (t->count == t->room) {
		uint32_t room = t->room ? t->room * 2 : 256;
		struct token *tok = realloc(t->tok, room * sizeof(*tok));

		if (!tok)
			return NULL;
		t->tok = tok;
		t->room = room;
	}
	return &t->tok[t->count++];
}

int tokens_read(struct tokens *t, const char *text, size_t len)
{
	struct lexer lx = { .text = text, .len = len, .line = 1 };
	struct token *tok;

	*t = (struct tokens){ .text = text, .len = len };
	do {
		bool ok = skip_to_token(&lx);

		tok = add_token(t);
		if (!tok)
			return -1;
		*tok = (struct token){ .off = lx.at, .line = lx.line, .link = NONE };
		tok->kind = ok ? read_token(&lx) : T_STOP;
		tok->end = lx.at;
	} while (tok->kind != T_EOF && tok->kind != T_STOP);
	return 0;
}

void tokens_free(struct tokens *t)
{
	free(t->tok);
	t->tok = NULL;
}

bool tokens_joined(const struct tokens *t, uint32_t i)
{
	return i + 1 < t->count && t->tok[i].end == t->tok[i + 1].off;
}
