/*
 * What is wrong with a selector, in one sentence.
 *
 * Knows the faults that scan.c finds and how to word them. Decides nothing.
 */
#include "lex.h"

#include <stdio.h>
#include <string.h>

/* Long enough for a path of names, short enough for struct selector_error. */
#define QUOTE_MAX 48

/* Copies bytes [off, end) of the text, cut with "..." if they are many. */
static void quote(char out[QUOTE_MAX], const struct tokens *t, uint32_t off, uint32_t end)
{
	size_t n = end - off;
	bool cut = n > QUOTE_MAX - 1;

	if (cut)
		n = QUOTE_MAX - 4;
	memcpy(out, t->text + off, n);
	memcpy(out + n, cut ? "..." : "", cut ? 4 : 1);
}

/* How a message calls token i. What a string holds stays out of it. */
static void name_token(char out[QUOTE_MAX + 4], const struct tokens *t, uint32_t i)
{
	const struct token *tok = &t->tok[i];
	char text[QUOTE_MAX];

	if (tok->kind == T_EOF) {
		strcpy(out, "<eof>");
	} else if (tok->kind == T_STRING) {
		strcpy(out, "a string");
	} else {
		quote(text, t, tok->off, tok->end);
		snprintf(out, QUOTE_MAX + 4, "'%s'", text);
	}
}

/* "the selector of 'net.count'", or where it stands if its head has no name. */
static void name_selector(char out[QUOTE_MAX + 32], const struct tokens *t, uint32_t open)
{
	uint32_t first = open - 1;
	char text[QUOTE_MAX];

	if (t->tok[first].kind != T_NAME) {
		quote(text, t, t->tok[first].off, t->tok[first].end);
		snprintf(out, QUOTE_MAX + 32, "the selector after '%s'", text);
		return;
	}
	while (first >= 2 && t->tok[first - 2].kind == T_NAME && tokens_joined(t, first - 2) &&
	       tokens_joined(t, first - 1) &&
	       (t->tok[first - 1].kind == T_DOT || t->tok[first - 1].kind == T_COLON))
		first -= 2;
	quote(text, t, t->tok[first].off, t->tok[open - 1].end);
	snprintf(out, QUOTE_MAX + 32, "the selector of '%s'", text);
}

/* What a value is missing after: `state=` in one word, or the token before. */
static void name_before(char out[QUOTE_MAX + 4], const struct walk *w, const struct cond *c)
{
	const struct tokens *t = w->t;
	char name[QUOTE_MAX];

	if (c->op == NONE || w->where != c->op + c->width) {
		name_token(out, t, w->where - 1);
		return;
	}
	quote(name, t, t->tok[c->name].off, t->tok[c->name].end);
	if (strlen(name) > QUOTE_MAX - 4)
		strcpy(name + QUOTE_MAX - 7, "...");
	snprintf(out, QUOTE_MAX + 4, "'%s%.*s'", name,
		 (int)(t->tok[w->where - 1].end - t->tok[c->op].off), t->text + t->tok[c->op].off);
}

static const char *closer_of(enum kind kind)
{
	switch (kind) {
	case T_LPAREN:
		return ")";
	case T_LBRACKET:
		return "]";
	case T_LBRACE:
		return "}";
	case T_REPEAT:
		return "until";
	default:
		return "end";
	}
}

/* Each sentence has the selector (`in`) once and at most one token besides. */
static void word(struct selector_error *err, const struct walk *w, const struct cond *c,
		 const char *in)
{
	const struct tokens *t = w->t;
	const struct token *at = &t->tok[w->where];
	size_t size = sizeof(err->text);
	char near[QUOTE_MAX + 4], before[QUOTE_MAX + 4];

	name_token(near, t, w->where);
	name_token(before, t, w->where - 1);
	switch (w->fault) {
	case F_VALUE:
		name_before(before, w, c);
		snprintf(err->text, size, "a value is missing after %s in %s", before, in);
		break;
	case F_COMMA:
		snprintf(err->text, size, "',' is missing before %s in %s", near, in);
		break;
	case F_COMPARE:
		snprintf(err->text, size, "%s in a value of %s needs parentheses, as in (a %.*s b)",
			 near, in, (int)(at->end - at->off), t->text + at->off);
		break;
	case F_COND:
		snprintf(err->text, size, "a condition such as name=value expected near %s in %s",
			 near, in);
		break;
	case F_RESERVED:
		snprintf(err->text, size, "%s is a word of Lua and names no field, in %s", near,
			 in);
		break;
	case F_OPERATOR:
		snprintf(err->text, size, "an operator and a value are missing after %s in %s",
			 before, in);
		break;
	case F_BRACKET:
		snprintf(err->text, size, "'%s' expected to close %s at line %u in %s",
			 closer_of(at->kind), near, at->line, in);
		break;
	case F_NAME:
		snprintf(err->text, size, "a name is missing after %s in %s", before, in);
		break;
	case F_CALL:
		snprintf(err->text, size, "the arguments of method %s are missing in %s", before,
			 in);
		break;
	case F_SPLIT:
		snprintf(err->text, size, "'>=' closes %s and leaves '=': to compare, write '> >='",
			 in);
		break;
	default:
		snprintf(err->text, size, "'>' expected to close %s at line %u, near %s", in,
			 t->tok[w->open].line, near);
	}
}

/*
 * Whether the '<' at less may be a selector that the text leaves off in. A '>' at
 * the very end counts as an end, though an operand could follow it: who typed it
 * meant it so, and wants the message now.
 */
static bool undecided(const struct tokens *t, uint32_t less)
{
	uint32_t last = t->count - 1;
	struct walk w;
	struct cond c;

	if (t->tok[last].kind != T_EOF || t->tok[less].kind != T_LT)
		return false;
	if (less + 1 == last || (less + 2 == last && t->tok[less + 1].kind == T_NAME))
		return true;
	walk_start(&w, t, less);
	while (walk_next(&w, &c))
		;
	return w.fault == F_BRACKET || (w.where == last && t->tok[last - 1].kind != T_GT);
}

void fault_describe(const struct tokens *t, uint32_t open, struct selector_error *err)
{
	char in[QUOTE_MAX + 32];
	struct walk w = { .fault = F_INNER, .where = open };
	struct cond c = { .op = NONE };

	while (w.fault == F_INNER) {
		walk_start(&w, t, w.where);
		while (walk_next(&w, &c))
			;
	}
	name_selector(in, t, w.open);
	word(err, &w, &c, in);
	if (w.fault == F_BRACKET)
		err->at_end = t->tok[t->count - 1].kind == T_EOF;
	else
		err->at_end = t->tok[w.where].kind == T_EOF || undecided(t, w.where);
	err->line = t->tok[w.fault == F_VALUE ? w.where - 1 : w.where].line;
}

void fault_twice(const struct tokens *t, uint32_t open, uint32_t name, struct selector_error *err)
{
	char in[QUOTE_MAX + 32], field[QUOTE_MAX];

	name_selector(in, t, open);
	quote(field, t, t->tok[name].off, t->tok[name].end);
	snprintf(err->text, sizeof(err->text),
		 "'%s' is given twice by '=' in %s: for any of several values give a list", field,
		 in);
	err->at_end = false;
	err->line = t->tok[name].line;
}
