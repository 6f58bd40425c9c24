/*
 * Which '<' opens a selector, and what its conditions are.
 *
 * Knows the rules of DESIGN section 4 and enough of expressions to find where a
 * value ends. Every '<' is judged from the last to the first: what stands inside
 * a candidate is then known already and is jumped over, so nothing recurses and
 * no token is read by more than a few candidates, whatever the nesting.
 */
#include "lex.h"

static enum kind kind_at(const struct tokens *t, uint32_t i)
{
	return i < t->count ? t->tok[i].kind : t->tok[t->count - 1].kind;
}

/* Whether an expression can begin with such a token. */
static bool begins_value(enum kind kind)
{
	switch (kind) {
	case T_MINUS:
	case T_TILDE:
	case T_HASH:
	case T_NOT:
	case T_LBRACE:
	case T_LPAREN:
	case T_STRING:
	case T_NAME:
	case T_NUMBER:
	case T_FUNCTION:
	case T_VALUE:
		return true;
	default:
		return false;
	}
}

static bool is_comparison(enum kind kind)
{
	return kind == T_LT || kind == T_LE || kind == T_EQ || kind == T_NE || kind == T_BANG;
}

/* Notes a fault at token i, or what stands there instead of the token hoped for. */
static bool fail(struct walk *w, enum fault fault, uint32_t i)
{
	w->fault = kind_at(w->t, i) == T_STOP ? F_STOP : fault;
	w->where = i;
	return false;
}

/* Passes what the opener at w->at opens. */
static bool skip_bracket(struct walk *w)
{
	const struct tokens *t = w->t;
	uint32_t close = t->tok[w->at].link;

	if (close == NONE) {
		w->fault = t->tok[t->count - 1].kind == T_STOP ? F_STOP : F_BRACKET;
		w->where = w->at;
		return false;
	}
	w->at = close + 1;
	return true;
}

/* Passes the selector at the '<' at w->at; *found is false if that is none. */
static bool skip_selector(struct walk *w, bool *found)
{
	const struct token *less = &w->t->tok[w->at];

	*found = less->verdict != V_NONE;
	switch ((enum verdict)less->verdict) {
	case V_PARTIAL:
		w->fault = F_STOP;
		w->where = w->at;
		return false;
	case V_FAULT:
		return fail(w, F_INNER, w->at);
	case V_SELECTOR:
		w->at = less->link + 1;
		return true;
	default:
		return true;
	}
}

/* Passes `.name` or `:name` before its arguments. */
static bool skip_member(struct walk *w)
{
	const struct tokens *t = w->t;
	bool method = t->tok[w->at].kind == T_COLON;
	enum kind next;

	w->at++;
	if (kind_at(t, w->at) != T_NAME)
		return fail(w, F_NAME, w->at);
	w->at++;
	next = kind_at(t, w->at);
	if (!method || next == T_LPAREN || next == T_LBRACE || next == T_STRING ||
	    (next == T_LT && t->tok[w->at].verdict != V_NONE))
		return true;
	return fail(w, F_CALL, w->at);
}

/* Passes the indexes, calls and selectors that follow a name or a bracket. */
static bool skip_suffixes(struct walk *w)
{
	bool found = true;

	while (found) {
		bool ok = true;

		switch (kind_at(w->t, w->at)) {
		case T_DOT:
		case T_COLON:
			ok = skip_member(w);
			break;
		case T_LPAREN:
		case T_LBRACKET:
		case T_LBRACE:
			ok = skip_bracket(w);
			break;
		case T_STRING:
			w->at++;
			break;
		case T_LT:
			ok = skip_selector(w, &found);
			break;
		default:
			found = false;
		}
		if (!ok)
			return false;
	}
	return true;
}

/* Passes one operand, its unary operators before it. */
static bool skip_operand(struct walk *w)
{
	enum kind kind;
	bool found = false;

	for (;;) {
		kind = kind_at(w->t, w->at);
		if (kind != T_NOT && kind != T_MINUS && kind != T_TILDE && kind != T_HASH)
			break;
		w->at++;
	}
	switch (kind) {
	case T_NAME:
		w->at++;
		return skip_suffixes(w);
	case T_LPAREN:
		return skip_bracket(w) && skip_suffixes(w);
	case T_STRING:
	case T_NUMBER:
	case T_VALUE:
		w->at++;
		return true;
	case T_FUNCTION:
		return skip_bracket(w);
	case T_LBRACE:
		if (!skip_bracket(w))
			return false;
		if (kind_at(w->t, w->at) == T_LT && !skip_selector(w, &found))
			return false;
		return found ? skip_suffixes(w) : true;
	default:
		return fail(w, F_VALUE, w->at);
	}
}

/* Passes a binary operator that may stand in a value; false if there is none. */
static bool skip_binary(struct walk *w)
{
	const struct tokens *t = w->t;

	switch (kind_at(t, w->at)) {
	case T_BINARY:
	case T_MINUS:
	case T_TILDE:
		w->at++;
		return true;
	case T_GT:
		if (w->certain || !tokens_joined(t, w->at) || kind_at(t, w->at + 1) != T_GT)
			return false;
		w->at += 2;
		return true;
	default:
		return false;
	}
}

static bool skip_value(struct walk *w)
{
	do {
		if (!skip_operand(w))
			return false;
	} while (skip_binary(w));
	return true;
}

/* Reads the operator after a condition's name; false if none stands there. */
static bool read_operator(struct walk *w, struct cond *c)
{
	enum kind kind = kind_at(w->t, w->at);
	enum kind next = kind_at(w->t, w->at + 1);
	uint32_t width = 1;

	if (kind != T_ASSIGN && kind != T_GT && !is_comparison(kind))
		return false;
	if (kind == T_GT && tokens_joined(w->t, w->at)) {
		if (next == T_EQ)
			return false;
		if (next == T_ASSIGN)
			width = 2;
	}
	c->equal = kind == T_ASSIGN || kind == T_EQ;
	c->op = w->at;
	c->width = width;
	w->at += width;
	return true;
}

/* Whether the '>' at w->at closes this selector. */
static bool closes(struct walk *w)
{
	const struct tokens *t = w->t;
	enum kind next = kind_at(t, w->at + 1);

	if (!tokens_joined(t, w->at))
		return true;
	if (!w->certain)
		return next != T_GT && next != T_ASSIGN && next != T_EQ;
	return next != T_ASSIGN;
}

/* Ends the walk at the '>' at w->at; always false, as walk_next then is. */
static bool finish(struct walk *w)
{
	if (!closes(w))
		return fail(w, F_SPLIT, w->at);
	w->fault = F_NONE;
	w->where = w->at;
	return false;
}

/* What stands after a value and is neither ',' nor '>'. */
static bool fail_after_value(struct walk *w)
{
	const struct tokens *t = w->t;
	enum kind kind = kind_at(t, w->at);
	enum kind next = kind_at(t, w->at + 1);

	if (is_comparison(kind) || kind == T_AND || kind == T_OR)
		return fail(w, F_COMPARE, w->at);
	if (kind == T_NAME && (is_comparison(next) || next == T_ASSIGN || next == T_GT))
		return fail(w, F_COMMA, w->at);
	return fail(w, F_CLOSE, w->at);
}

/* Whether a reserved word stands at token i, were it a stray `end`. */
static bool is_word(const struct tokens *t, uint32_t i)
{
	char c = t->text[t->tok[i].off];

	return c >= 'a' && c <= 'z' && t->tok[i].kind != T_NAME;
}

static bool fail_at_name(struct walk *w)
{
	enum kind kind = kind_at(w->t, w->at);

	if (kind == T_EOF)
		return fail(w, F_CLOSE, w->at);
	return fail(w, is_word(w->t, w->at) ? F_RESERVED : F_COND, w->at);
}

void walk_start(struct walk *w, const struct tokens *t, uint32_t open)
{
	*w = (struct walk){ .t = t, .open = open, .at = open + 1 };
	w->certain = selector_certain(t, open);
}

bool walk_next(struct walk *w, struct cond *c)
{
	const struct tokens *t = w->t;
	bool first = w->at == w->open + 1;

	*c = (struct cond){ .name = NONE, .op = NONE, .last = NONE };
	if (!first && kind_at(t, w->at) == T_GT && !w->trailing)
		return finish(w);
	if (!first && !w->trailing)
		return fail_after_value(w);
	if (kind_at(t, w->at) == T_GT)
		return finish(w);
	if (kind_at(t, w->at) != T_NAME)
		return fail_at_name(w);
	c->name = w->at++;
	if (!read_operator(w, c))
		return fail(w, F_OPERATOR, w->at);
	if (!skip_value(w))
		return false;
	c->last = w->at - 1;
	w->trailing = kind_at(t, w->at) == T_COMMA;
	if (w->trailing)
		w->at++;
	return true;
}

bool selector_certain(const struct tokens *t, uint32_t open)
{
	enum kind next = kind_at(t, open + 1);
	enum kind second = kind_at(t, open + 2);

	return next == T_GT || (next == T_NAME && (second == T_ASSIGN || second == T_BANG));
}

/* `< name op`: may be a selector, may be a comparison of comparisons. */
static bool operator_first(const struct tokens *t, uint32_t open)
{
	enum kind second = kind_at(t, open + 2);

	return kind_at(t, open + 1) == T_NAME && (is_comparison(second) || second == T_GT);
}

static enum verdict judge_certain(struct tokens *t, uint32_t open)
{
	struct walk w;
	struct cond c;

	walk_start(&w, t, open);
	while (walk_next(&w, &c))
		;
	if (w.fault == F_STOP)
		return V_PARTIAL;
	if (w.fault != F_NONE)
		return V_FAULT;
	t->tok[open].link = w.where;
	return V_SELECTOR;
}

/* Rules a, b and c: no chunk that works as plain Lua passes one of them. */
static bool cannot_compare(const struct tokens *t, uint32_t open, uint32_t close, bool assigns,
			   bool equal)
{
	enum kind next = kind_at(t, close + 1);

	if (!begins_value(next) && next != T_STOP)
		return true;
	if (assigns && !(t->tok[open].mark & IN_BRACE))
		return true;
	return !equal && next != T_STOP && t->tok[close + 1].line > t->tok[close].line;
}

static enum verdict judge_operator_first(struct tokens *t, uint32_t open)
{
	bool assigns = false, equal = false;
	struct walk w;
	struct cond c;

	walk_start(&w, t, open);
	while (walk_next(&w, &c)) {
		equal = c.equal;
		assigns |= kind_at(t, c.op) == T_ASSIGN;
	}
	if (w.fault != F_NONE || !cannot_compare(t, open, w.where, assigns, equal))
		return V_NONE;
	t->tok[open].link = w.where;
	return V_SELECTOR;
}

/*
 * Whether a selector may open after such a token. A '>' counts because it may
 * close a selector, which then is called once more: `q<a=1><b=2>`; whoever meets
 * the second '<' knows what the '>' before it was.
 */
static bool ends_head(enum kind kind)
{
	return kind == T_NAME || kind == T_RPAREN || kind == T_RBRACKET || kind == T_RBRACE ||
	       kind == T_GT;
}

void selectors_judge(struct tokens *t)
{
	for (uint32_t i = t->count; i-- > 1;) {
		struct token *less = &t->tok[i];

		if (less->kind != T_LT || (less->mark & IN_ATTRIBUTE) ||
		    !ends_head(kind_at(t, i - 1)))
			continue;
		if (selector_certain(t, i))
			less->verdict = judge_certain(t, i);
		else if (operator_first(t, i))
			less->verdict = judge_operator_first(t, i);
	}
}
