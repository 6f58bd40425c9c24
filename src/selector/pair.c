/*
 * Brackets, blocks and attribute lists: what a '<' stands in.
 *
 * Knows which token closes which. Knows nothing of expressions or selectors,
 * whose '<' and '>' are no brackets here.
 */
#include "lex.h"

/* Whether a token opens something that a later token must close. */
static bool opens(enum kind kind)
{
	switch (kind) {
	case T_LPAREN:
	case T_LBRACKET:
	case T_LBRACE:
	case T_FUNCTION:
	case T_IF:
	case T_DO:
	case T_REPEAT:
		return true;
	default:
		return false;
	}
}

static bool closes(enum kind kind)
{
	return kind == T_RPAREN || kind == T_RBRACKET || kind == T_RBRACE || kind == T_END ||
	       kind == T_UNTIL;
}

static bool fits(enum kind open, enum kind close)
{
	if (close == T_UNTIL)
		return open == T_REPEAT;
	if (close == T_END)
		return open == T_FUNCTION || open == T_IF || open == T_DO;
	return open + (T_RPAREN - T_LPAREN) == close;
}

/* Where a token stands in `local a <const>, b <close>`. */
enum attribute { A_NONE, A_NAME, A_NAMED, A_WORD, A_END, A_DONE };

/*
 * The next state. A broken list stays a list up to the first token that no list
 * has, so that Lua's own words about it stand.
 */
static enum attribute step(enum attribute state, enum kind kind)
{
	if (kind == T_LOCAL)
		return A_NAME;
	switch (state) {
	case A_NAME:
		return kind == T_NAME ? A_NAMED : A_NONE;
	case A_NAMED:
		return kind == T_LT ? A_WORD : kind == T_COMMA ? A_NAME : A_NONE;
	case A_WORD:
		return kind == T_NAME ? A_END : A_NONE;
	case A_END:
		return kind == T_GT ? A_DONE : kind == T_COMMA ? A_NAME : A_NONE;
	case A_DONE:
		return kind == T_COMMA ? A_NAME : A_NONE;
	default:
		return A_NONE;
	}
}

static void mark_less(struct tokens *t, uint32_t i, enum attribute before, uint32_t open)
{
	if (before == A_NAMED)
		t->tok[i].mark |= IN_ATTRIBUTE;
	if (open != NONE && t->tok[open].kind == T_LBRACE)
		t->tok[i].mark |= IN_BRACE;
}

void tokens_pair(struct tokens *t)
{
	enum attribute state = A_NONE;
	uint32_t open = NONE; /* innermost; each open one links to the one around it */
	uint32_t outer;

	for (uint32_t i = 0; i < t->count; i++) {
		struct token *tok = &t->tok[i];

		if (tok->kind == T_LT)
			mark_less(t, i, state, open);
		state = step(state, tok->kind);
		if (opens(tok->kind)) {
			tok->link = open;
			open = i;
		} else if (closes(tok->kind)) {
			if (open == NONE || !fits(t->tok[open].kind, tok->kind)) {
				tok->kind = T_STRAY;
				t->count = i + 1;
				break;
			}
			outer = t->tok[open].link;
			t->tok[open].link = i;
			open = outer;
		}
	}
	for (; open != NONE; open = outer) {
		outer = t->tok[open].link;
		t->tok[open].link = NONE;
	}
}
