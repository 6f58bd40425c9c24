/*
 * From selectors to table calls: writes the new text.
 *
 * Walks the tokens once from the left. A selector that is met is given roles,
 * token by token; whatever has no role is copied as it stands, blanks, comments
 * and line ends included, so no token changes its line.
 */
#include "lex.h"

#include <stdlib.h>
#include <string.h>

/* Bytes that grow; `failed` stays set, so that only the end is checked. */
struct bytes {
	char *data;
	size_t len, room;
	bool failed;
};

struct names {
	uint32_t *tok; /* tokens of the names that '=' gives, in order */
	size_t count, room;
};

struct lowering {
	struct tokens t;
	struct bytes out;
	struct bytes pool; /* what closing tokens become, each with a NUL after it */
	struct names names;
	bool changed;
};

static void put(struct bytes *b, const char *data, size_t len)
{
	if (b->failed || !len)
		return;
	if (len > b->room - b->len) {
		size_t room = b->room * 2 + len + 64;
		char *grown = realloc(b->data, room);

		if (!grown) {
			b->failed = true;
			return;
		}
		b->data = grown;
		b->room = room;
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void puts_to(struct bytes *b, const char *text)
{
	put(b, text, strlen(text));
}

static void put_token(struct bytes *b, const struct tokens *t, uint32_t i)
{
	put(b, t->text + t->tok[i].off, t->tok[i].end - t->tok[i].off);
}

/* The operator at token i as the table form spells it: its bytes, but ~= for !=. */
static void put_operator(struct bytes *b, const struct tokens *t, uint32_t i)
{
	if (t->tok[i].kind == T_BANG)
		puts_to(b, "~=");
	else
		put_token(b, t, i);
	if (t->tok[i + 1].role == R_DROP)
		put_token(b, t, i + 1);
}

static bool add_name(struct names *n, uint32_t tok)
{
	if (n->count == n->room) {
		size_t room = n->room ? n->room * 2 : 16;
		uint32_t *grown = realloc(n->tok, room * sizeof(*grown));

		if (!grown)
			return false;
		n->tok = grown;
		n->room = room;
	}
	n->tok[n->count++] = tok;
	return true;
}

/* The spelling first, then the place: equal names stand side by side, in order. */
static int compare_names(const void *a, const void *b, void *arg)
{
	const struct tokens *t = arg;
	const uint32_t *ia = a, *ib = b;
	const struct token *ta = &t->tok[*ia], *tb = &t->tok[*ib];
	uint32_t la = ta->end - ta->off, lb = tb->end - tb->off;
	int order = memcmp(t->text + ta->off, t->text + tb->off, la < lb ? la : lb);

	if (order)
		return order;
	if (la != lb)
		return la < lb ? -1 : 1;
	return *ia < *ib ? -1 : 1;
}

static bool same_name(const struct tokens *t, uint32_t a, uint32_t b)
{
	const struct token *ta = &t->tok[a], *tb = &t->tok[b];

	return ta->end - ta->off == tb->end - tb->off &&
	       !memcmp(t->text + ta->off, t->text + tb->off, ta->end - ta->off);
}

/* The first name that stood before, or NONE. Sorts the names. */
static uint32_t find_repeated(struct lowering *lo)
{
	struct names *n = &lo->names;
	uint32_t found = NONE;

	if (n->count < 2)
		return NONE;
	qsort_r(n->tok, n->count, sizeof(*n->tok), compare_names, &lo->t);
	for (size_t i = 1; i < n->count; i++) {
		if (n->tok[i] < found && same_name(&lo->t, n->tok[i - 1], n->tok[i]))
			found = n->tok[i];
	}
	return found;
}

/* Gives the tokens of one condition their roles, as far as it was read. */
static bool assign_roles(struct lowering *lo, const struct cond *c)
{
	struct token *tok = lo->t.tok;

	if (c->op == NONE)
		return true;
	tok[c->op].role = c->equal ? R_ASSIGN : R_OP;
	if (!c->equal)
		tok[c->name].role = R_NAME;
	if (c->width == 2)
		tok[c->op + 1].role = R_DROP;
	if (c->last != NONE)
		tok[c->last].mark = c->equal ? AFTER_VALUE : AFTER_TRIPLE;
	return !c->equal || add_name(&lo->names, c->name);
}

/* Writes what the closing '>' becomes: entry 0 and the brace. */
static void make_close(struct lowering *lo, uint32_t close, bool trailing)
{
	const struct names *n = &lo->names;

	lo->t.tok[close].role = R_CLOSE;
	lo->t.tok[close].link = lo->pool.len;
	if (n->count)
		puts_to(&lo->pool, trailing ? " [0]=\"" : ", [0]=\"");
	for (size_t i = 0; i < n->count; i++) {
		if (i)
			puts_to(&lo->pool, ",");
		put_token(&lo->pool, &lo->t, n->tok[i]);
	}
	puts_to(&lo->pool, n->count ? "\"}" : "}");
	put(&lo->pool, "", 1);
}

/* Gives roles to the selector at open. Returns 0, -1 (a name twice) or -2. */
static int open_selector(struct lowering *lo, uint32_t open, struct selector_error *err)
{
	bool more = true;
	struct walk w;
	struct cond c;
	uint32_t repeated;

	lo->names.count = 0;
	lo->t.tok[open].role = R_OPEN;
	walk_start(&w, &lo->t, open);
	while (more) {
		more = walk_next(&w, &c);
		if (!assign_roles(lo, &c))
			return -2;
	}
	lo->changed = true;
	if (w.fault != F_NONE)
		return 0; /* partial: no end to write, and Lua will not read that far */
	make_close(lo, w.where, w.trailing);
	repeated = find_repeated(lo);
	if (repeated == NONE)
		return 0;
	fault_twice(&lo->t, open, repeated, err);
	return -1;
}

/* Opens what selector stands at token i, if one does. */
static int visit(struct lowering *lo, uint32_t i, struct selector_error *err)
{
	const struct token *tok = &lo->t.tok[i];

	if (tok->kind != T_LT || tok->verdict == V_NONE || tok->role != R_KEEP)
		return 0;
	if (tok[-1].kind == T_GT && tok[-1].role != R_CLOSE)
		return 0;
	if (tok->verdict != V_FAULT)
		return open_selector(lo, i, err);
	fault_describe(&lo->t, i, err);
	return -1;
}

/* Gives every selector its roles, the outer ones first. */
static int assign_all(struct lowering *lo, struct selector_error *err)
{
	int rc = 0;

	/* The IN_ bits have served; from here on `mark` says what follows a token. */
	for (uint32_t i = 0; i < lo->t.count; i++)
		lo->t.tok[i].mark = AFTER_NOTHING;
	for (uint32_t i = 1; i < lo->t.count && !rc; i++)
		rc = visit(lo, i, err);
	return rc;
}

static void write_token(struct lowering *lo, uint32_t i)
{
	const struct token *tok = &lo->t.tok[i];
	struct bytes *out = &lo->out;

	switch ((enum role)tok->role) {
	case R_KEEP:
		put_token(out, &lo->t, i);
		break;
	case R_OPEN:
		puts_to(out, "{");
		break;
	case R_ASSIGN:
		puts_to(out, "=(");
		break;
	case R_NAME:
		puts_to(out, "{\"");
		put_token(out, &lo->t, i);
		puts_to(out, "\"");
		break;
	case R_OP:
		puts_to(out, ",\"");
		put_operator(out, &lo->t, i);
		puts_to(out, "\",(");
		break;
	case R_DROP:
		break;
	case R_CLOSE:
		puts_to(out, lo->pool.data + tok->link);
		break;
	}
	if (tok->mark)
		puts_to(out, tok->mark == AFTER_VALUE ? ")" : ")}");
}

static void write_all(struct lowering *lo)
{
	const struct tokens *t = &lo->t;
	uint32_t done = 0;

	for (uint32_t i = 0; i < t->count; i++) {
		put(&lo->out, t->text + done, t->tok[i].off - done);
		write_token(lo, i);
		done = t->tok[i].end;
	}
	put(&lo->out, t->text + done, t->len - done);
	put(&lo->out, "", 1);
}

static int translate(struct lowering *lo, const char *text, size_t len, struct selector_error *err)
{
	int rc;

	if (tokens_read(&lo->t, text, len))
		return -2;
	tokens_pair(&lo->t);
	selectors_judge(&lo->t);
	rc = assign_all(lo, err);
	if (lo->pool.failed)
		return -2;
	if (rc || !lo->changed)
		return rc;
	write_all(lo);
	return lo->out.failed ? -2 : 1;
}

int selector_translate(const char *text, size_t len, char **out, size_t *out_len,
		       struct selector_error *err)
{
	struct lowering lo = { .changed = false };
	int rc;

	*out = NULL;
	*out_len = 0;
	*err = (struct selector_error){ .line = 0 };
	/* Offsets are 32 bits; and most scripts have no '<' at all. */
	if (!len || len >= UINT32_MAX / 4 || !memchr(text, '<', len))
		return 0;
	rc = translate(&lo, text, len, err);
	if (rc == 1) {
		*out = lo.out.data;
		*out_len = lo.out.len - 1;
	} else {
		free(lo.out.data);
	}
	free(lo.pool.data);
	free(lo.names.tok);
	tokens_free(&lo.t);
	return rc;
}
