/*
 * Generated Lua: a list of tokens, each with what it should become.
 *
 * Two grammars in one: plain Lua that is dense in comparisons, and Lua with
 * selectors whose translation the generator itself knows. For
 * test_selector_stock.c alone; knows nothing of src/selector.
 */
#ifndef TESTS_UNIT_SELECTOR_GRAMMAR_H
#define TESTS_UNIT_SELECTOR_GRAMMAR_H

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct piece {
	const char *text;
	const char *low;   /* what it becomes when translated */
	const char *blank; /* what stands after it */
	bool joined;	   /* nothing stands after it */
};

enum { PIECES = 8192, ARENA = 1 << 17 };

static struct piece pieces[PIECES];
static size_t piece_count;
static char arena[ARENA];
static size_t arena_used;
static uint64_t seed;
static unsigned serial;	 /* of labels, for names that must differ */
static bool selecting;	 /* whether expressions may hold selectors */
static bool overflowing; /* the chunk outgrew the arrays: drop it */

/* xorshift64*: the same chunks on every machine and in every run. */
static unsigned pick(unsigned n)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (unsigned)((seed * 2685821657736338717u) >> 33) % n;
}

#define PICK(array) ((array)[pick(sizeof(array) / sizeof((array)[0]))])

__attribute__((format(printf, 1, 2))) static const char *keep(const char *format, ...)
{
	char *at = arena + arena_used;
	size_t left = ARENA - arena_used;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(at, left, format, ap);
	va_end(ap);
	if ((size_t)n >= left) {
		overflowing = true;
		return "";
	}
	arena_used += n + 1;
	return at;
}

static void emit_as(const char *text, const char *low)
{
	if (piece_count == PIECES)
		overflowing = true;
	else
		pieces[piece_count++] = (struct piece){ .text = text, .low = low };
}

static void emit(const char *text)
{
	emit_as(text, text);
}

static void emit_name(void)
{
	static const char *const names[] = { "a",   "b", "c",  "d",	"e",	 "f",
					     "rtt", "q", "_x", "const", "close", "count" };

	emit(PICK(names));
}

static bool chance(unsigned percent)
{
	return pick(100) < percent;
}

static void expression(int depth);
static void block(int depth);
static void certain_selector(int depth);
static void bracketed_selector(int depth);

static void expressions(int depth)
{
	expression(depth);
	for (unsigned n = pick(3); n; n--) {
		emit(",");
		expression(depth);
	}
}

static void table(int depth)
{
	emit("{");
	for (unsigned n = pick(5); n; n--) {
		if (chance(30)) {
			emit_name();
			emit("=");
		} else if (chance(15)) {
			emit("[");
			expression(depth);
			emit("]");
			emit("=");
		}
		expression(depth);
		emit(chance(85) ? "," : ";");
	}
	emit("}");
}

static void function_body(int depth)
{
	emit("(");
	emit("...");
	emit(")");
	block(depth);
	emit("end");
}

static void function(int depth)
{
	emit("function");
	function_body(depth);
}

static void literal(void)
{
	static const char *const literals[] = { "1",
						"0x1p4",
						".5",
						"3e-2",
						"0xA",
						"'>'",
						"\"a<b=1>\"",
						"nil",
						"true",
						"...",
						"[[<a>]]",
						"[=[\n]]>]=]",
						"'\\'<a=1>\\\n'",
						"'\\z \n x'",
						"'\\65\\x41\\u{41}'" };

	emit(PICK(literals));
}

static void arguments(int depth)
{
	if (chance(75)) {
		emit("(");
		if (chance(85))
			expressions(depth);
		emit(")");
	} else if (chance(60)) {
		table(depth);
	} else {
		emit("'s>'");
	}
}

static void suffixed(int depth)
{
	if (chance(80)) {
		emit_name();
	} else {
		emit("(");
		expression(depth);
		emit(")");
	}
	for (unsigned n = depth > 0 ? pick(3) : 0; n; n--) {
		if (selecting && chance(40) && pieces[piece_count - 1].text[0] != '\'') {
			certain_selector(depth - 1);
		} else if (chance(35)) {
			emit(chance(70) ? "." : ":");
			emit_name();
			if (pieces[piece_count - 2].text[0] == ':')
				arguments(depth - 1);
		} else if (chance(30)) {
			emit("[");
			expression(depth - 1);
			emit("]");
		} else {
			arguments(depth - 1);
		}
	}
}

static void operand(int depth)
{
	static const char *const unary[] = { "-", "#", "~", "not" };

	if (chance(12))
		emit(PICK(unary));
	if (depth <= 0 && !chance(30))
		emit_name();
	else if (depth <= 0 || chance(15))
		literal();
	else if (chance(8))
		table(depth - 1);
	else if (chance(5))
		function(depth - 1);
	else if (selecting && chance(40))
		bracketed_selector(depth - 1);
	else
		suffixed(depth - 1);
}

static void binary_operator(void)
{
	static const char *const compare[] = { ">", ">", ">", ">=", "<=", "==", "~=" };
	static const char *const less[] = { "<", "<", "<", ">", ">" };
	static const char *const other[] = { "and", "or", "+", "-", "..", ">>", "<<", "~", "//" };

	if (chance(25))
		emit(PICK(other));
	else if (selecting || chance(40))
		emit(PICK(compare));
	else
		emit(PICK(less));
}

/* Among selectors a bare '<' stands before a number, where it cannot open one by rule c. */
static void expression(int depth)
{
	operand(depth);
	for (unsigned n = pick(depth > 0 ? 5 : 2); n; n--) {
		if (selecting && chance(20)) {
			emit("<");
			emit("7");
			continue;
		}
		binary_operator();
		operand(depth - 1);
	}
}

static void local_statement(int depth)
{
	static const char *const attributes[] = { "const", "close" };
	bool closed = false;

	emit("local");
	for (unsigned n = 1 + pick(3), i = 0; i < n; i++) {
		if (i)
			emit(",");
		emit(keep("k%u", serial++));
		if (chance(60)) {
			emit("<");
			emit(closed ? "const" : PICK(attributes));
			closed |= !strcmp(pieces[piece_count - 1].text, "close");
			emit(">");
		}
	}
	if (chance(80)) {
		emit("=");
		expressions(depth);
	}
}

static void assignment(int depth)
{
	emit_name();
	if (chance(30)) {
		emit(",");
		emit_name();
		emit("[");
		expression(depth - 1);
		emit("]");
	}
	emit("=");
	expressions(depth);
}

static void loop(int depth)
{
	if (chance(40)) {
		emit("while");
		expression(depth);
	} else if (chance(50)) {
		emit("for");
		emit("i");
		emit("=");
		expression(depth - 1);
		emit(",");
		expression(depth - 1);
	} else {
		emit("for");
		emit("i");
		emit(",");
		emit("j");
		emit("in");
		expressions(depth - 1);
	}
	emit("do");
	block(depth - 1);
	emit("end");
}

static void branch(int depth)
{
	emit("if");
	expression(depth);
	emit("then");
	block(depth - 1);
	if (chance(30)) {
		emit("elseif");
		expression(depth - 1);
		emit("then");
		block(depth - 1);
	}
	if (chance(30)) {
		emit("else");
		block(depth - 1);
	}
	emit("end");
}

static void label(void)
{
	emit("goto");
	emit(keep("l%u", serial));
	emit("::");
	emit(keep("l%u", serial++));
	emit("::");
}

static void statement(int depth)
{
	switch (pick(depth > 1 ? 10 : 6)) {
	case 0:
	case 1:
		local_statement(depth);
		break;
	case 2:
		emit_name();
		emit("(");
		expressions(depth);
		emit(")");
		break;
	case 3:
		label();
		break;
	case 6:
		branch(depth);
		break;
	case 7:
		loop(depth);
		break;
	case 8:
		emit("repeat");
		block(depth - 1);
		emit("until");
		expression(depth);
		break;
	case 9:
		emit("local");
		emit("function");
		emit_name();
		function_body(depth - 1);
		break;
	default:
		assignment(depth);
	}
	if (chance(15))
		emit(";");
}

static void block(int depth)
{
	for (unsigned n = pick(depth > 0 ? 3 : 2); n; n--)
		statement(depth);
	if (chance(25)) {
		emit("return");
		expressions(depth);
	}
}

/* ---- Selectors, each token with what it must become ---- */

/* Adds to what the last token becomes. */
static void close_value(const char *text)
{
	struct piece *last = &pieces[piece_count - 1];

	last->low = keep("%s%s", last->low, text);
}

/* A value has no comparison, `and`, `or` outside brackets; `>>` would close. */
static void value(int depth)
{
	static const char *const operators[] = { "+", "-", "..", "<<", "~", "//", "^" };

	operand(depth);
	while (chance(20)) {
		emit(PICK(operators));
		operand(depth);
	}
}

/* What entry 0 lists; condition() adds to it, selectors inside start their own. */
struct given {
	char names[256];
};

static void equality(int depth, const char *op, struct given *given)
{
	const char *name = keep("f%u", serial++);
	size_t used = strlen(given->names);

	snprintf(given->names + used, sizeof(given->names) - used, "%s%s", used ? "," : "", name);
	emit(name);
	emit_as(op, "=(");
	value(depth);
	close_value(")");
}

static void triple(int depth, const char *op)
{
	emit_name();
	pieces[piece_count - 1].low = keep("{\"%s\"", pieces[piece_count - 1].text);
	emit_as(op, keep(",\"%s\",(", !strcmp(op, "!=") ? "~=" : op));
	value(depth);
	close_value(")}");
}

/* More conditions, perhaps a comma, and the end. Returns whether the last is an equality. */
static bool finish_selector(int depth, struct given *given, bool equal)
{
	static const char *const operators[] = { "<", "<=", ">", ">=", "~=", "!=" };
	bool comma;

	for (unsigned n = pick(4); n; n--) {
		emit(",");
		equal = chance(50);
		if (equal)
			equality(depth, chance(70) ? "=" : "==", given);
		else
			triple(depth, PICK(operators));
	}
	comma = chance(15);
	if (comma)
		emit(",");
	if (*given->names)
		emit_as(">", keep("%s [0]=\"%s\"}", comma ? "" : ",", given->names));
	else
		emit_as(">", "}");
	return equal;
}

static void certain_selector(int depth)
{
	struct given given = { "" };

	emit_as("<", "{");
	if (chance(10)) {
		emit_as(">", "}");
	} else if (chance(70)) {
		equality(depth, "=", &given);
		finish_selector(depth, &given, true);
	} else {
		triple(depth, "!=");
		finish_selector(depth, &given, false);
	}
	pieces[piece_count - 1].joined = chance(50);
}

/* An operator-first selector in parentheses, made sure of by rule a, b or c. */
static void bracketed_selector(int depth)
{
	static const char *const operators[] = { "<", "<=", ">", ">=", "~=" };
	struct given given = { "" };
	bool equal = chance(30), assigns = false;
	size_t start;

	emit("(");
	emit_name();
	emit_as("<", "{");
	if (equal)
		equality(depth, "==", &given);
	else
		triple(depth, PICK(operators));
	start = piece_count;
	equal = finish_selector(depth, &given, equal);
	for (size_t i = start; i < piece_count; i++)
		assigns |= i == start + 2 && !strcmp(pieces[i].text, "=");
	if (assigns || (!equal && chance(60))) {
		if (!assigns)
			pieces[piece_count - 1].blank = "\n";
		emit("-");
		operand(depth);
	}
	emit(")");
}

/* ---- From tokens to text ---- */

/* Whether two tokens would be one, or another pair, without a blank between them. */
static bool would_merge(const char *left, const char *right)
{
	static const char *const pairs[] = { "--", "..", "[[", "[=", "==", "~=", "<<",
					     "<=", ">>", ">=", "//", "::", "!=" };
	unsigned char last = left[strlen(left) - 1], first = right[0];
	bool word = last == '_' || isalnum(last);

	if (word && (first == '_' || isalnum(first)))
		return true;
	if ((isdigit((unsigned char)left[0]) || left[0] == '.') && first == '.')
		return true;
	if (last == '.' && isdigit(first))
		return true;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (pairs[i][0] == last && pairs[i][1] == first)
			return true;
	}
	return false;
}

static void choose_blanks(void)
{
	static const char *const blanks[] = { " ",     "\n",	       " --[[ > ]]",	 "\t",
					      "\r\n ", " -- a<b=1>\n", " --[=[ ]]\n]=] " };

	for (size_t i = 0; i + 1 < piece_count; i++) {
		struct piece *p = &pieces[i];

		if (p->blank)
			continue;
		if (p->joined)
			p->blank = "";
		else if (chance(70))
			p->blank = would_merge(p->text, p[1].text) ? " " : "";
		else
			p->blank = chance(50) ? " " : PICK(blanks);
	}
	if (piece_count)
		pieces[piece_count - 1].blank = "";
}

/* Starts a text that depends on nothing but its number. */
static void start_text(uint64_t number, bool selectors)
{
	seed = (number + 1) * 0x9e3779b97f4a7c15u;
	piece_count = arena_used = 0;
	overflowing = false;
	serial = 0;
	selecting = selectors;
}

#endif
