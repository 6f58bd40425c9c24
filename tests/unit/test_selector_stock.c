/*
 * The selector translator beside stock Lua, as its judge.
 *
 * Real files and generated chunks that stock Lua accepts come through byte for
 * byte; generated selectors become exactly the text the generator expects, which
 * stock Lua accepts. Links liblua, as the program's selector room never does.
 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lua.h>

#include "connsh/selector.h"
#include "selector_grammar.h"

#define FILES_WANTED  1000
#define CHUNKS_WANTED 100000
#define SELECTORS     20000
#define PACKAGES      "nmap-common highlight-common lua-penlight lua-check lua-unit"

static lua_State *lua;

static bool stock_accepts(const char *text, size_t len)
{
	int rc = luaL_loadbufferx(lua, text, len, "=chunk", "t");

	lua_settop(lua, 0);
	return rc == LUA_OK;
}

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

/* ---- Real files ---- */

static struct {
	size_t accepted, changed;
	char first_changed[512];
} files;

static bool is_lua_file(const char *path)
{
	static const char *const ends[] = { ".lua", ".nse", ".lang", ".theme" };
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (!strcmp(dot, ends[i]))
			return true;
	}
	return false;
}

/* The file without a byte order mark and a first line that begins with '#'. */
static char *read_chunk(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *text = NULL;
	size_t room = 0, skip = 0, line;
	ssize_t n;

	*len = 0;
	if (!f)
		return NULL;
	n = getdelim(&text, &room, EOF, f);
	fclose(f);
	if (n <= 0) {
		free(text);
		return NULL;
	}
	if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		skip = 3;
	if (skip < (size_t)n && text[skip] == '#') {
		line = strcspn(text + skip, "\n");
		skip += line;
	}
	*len = n - skip;
	memmove(text, text + skip, *len);
	return text;
}

static int visit_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct selector_error err;
	size_t len, out_len;
	char *text, *out;

	(void)st;
	(void)ftw;
	if (type != FTW_F || !is_lua_file(path))
		return 0;
	text = read_chunk(path, &len);
	if (text && stock_accepts(text, len)) {
		files.accepted++;
		if (selector_translate(text, len, &out, &out_len, &err) != 0) {
			if (!files.changed++)
				snprintf(files.first_changed, sizeof(files.first_changed), "%s",
					 path);
			free(out);
		}
	}
	free(text);
	return 0;
}

/* A walk that follows no link meets each file once. */
static void test_real_files(void **state)
{
	(void)state;
	nftw("/usr/share", visit_file, 32, FTW_PHYS);
	nftw("/usr/lib", visit_file, 32, FTW_PHYS);
	print_message("# %zu files of other people's Lua, %zu changed\n", files.accepted,
		      files.changed);
	if (files.changed)
		fail_msg("%zu files changed, the first is %s", files.changed, files.first_changed);
	if (files.accepted < FILES_WANTED)
		fail_msg("only %zu Lua files of %d; install " PACKAGES, files.accepted,
			 FILES_WANTED);
}

/* ---- Generated chunks ---- */

struct text {
	char *data;
	size_t len, room;
};

static void append(struct text *t, const char *s)
{
	size_t n = strlen(s);

	if (t->len + n + 1 > t->room) {
		t->room = 2 * (t->len + n + 1);
		t->data = realloc(t->data, t->room);
		assert_non_null(t->data);
	}
	memcpy(t->data + t->len, s, n + 1);
	t->len += n;
}

static bool ends_line(const struct piece *p)
{
	return strchr(p->blank, '\n') != NULL;
}

enum form { AS_WRITTEN, AS_LOWERED, NO_LINE_AFTER_GREATER };

static void render(struct text *t, enum form form)
{
	t->len = 0;
	append(t, "");
	for (size_t i = 0; i < piece_count; i++) {
		const struct piece *p = &pieces[i];
		bool flat = form == NO_LINE_AFTER_GREATER && !strcmp(p->text, ">") && ends_line(p);

		append(t, form == AS_LOWERED ? p->low : p->text);
		append(t, flat ? " " : p->blank);
	}
}

static bool is_one_of(const char *text, const char *const *list)
{
	while (*list && strcmp(*list, text))
		list++;
	return *list != NULL;
}

static bool is_comparison(size_t i)
{
	static const char *const list[] = { "<", "<=", ">", ">=", "==", "~=", NULL };

	return i < piece_count && is_one_of(pieces[i].text, list);
}

static bool is_name(size_t i)
{
	static const char *const words[] = { "and",	 "or",	  "not",   "nil",    "true",
					     "function", "end",	  "if",	   "then",   "else",
					     "elseif",	 "while", "do",	   "for",    "in",
					     "repeat",	 "until", "local", "return", "goto",
					     NULL };
	unsigned char first = i < piece_count ? pieces[i].text[0] : 0;

	return (first == '_' || isalpha(first)) && !is_one_of(pieces[i].text, words);
}

/* The token before i at the same depth of brackets and blocks, or SIZE_MAX. */
static size_t step_back(size_t i)
{
	static const char *const ends[] = { ")", "]", "}", "end", "until", NULL };
	static const char *const starts[] = {
		"(", "[", "{", "function", "if", "do", "repeat", NULL
	};
	int depth = 0;

	while (i-- > 0) {
		if (is_one_of(pieces[i].text, ends))
			depth++;
		if (is_one_of(pieces[i].text, starts) && --depth < 0)
			return SIZE_MAX;
		if (!depth)
			return i;
	}
	return SIZE_MAX;
}

/* Rule c at the '>' at i: `head < name op ... name op value >`, a line end, no equality last. */
static bool is_rule_c(size_t i)
{
	size_t at;

	if (strcmp(pieces[i].text, ">") || !ends_line(&pieces[i]))
		return false;
	at = step_back(i);
	while (at != SIZE_MAX && !is_comparison(at))
		at = step_back(at);
	if (at == SIZE_MAX || !strcmp(pieces[at].text, "==") || !is_name(at - 1))
		return false;
	for (at = step_back(at); at != SIZE_MAX; at = step_back(at)) {
		if (!strcmp(pieces[at].text, "<") && is_name(at + 1) && is_comparison(at + 2))
			return true;
	}
	return false;
}

static bool has_rule_c(void)
{
	for (size_t i = 0; i < piece_count; i++) {
		if (is_rule_c(i))
			return true;
	}
	return false;
}

/* A changed chunk is one of rule c, and nothing but the line end made it one. */
static void check_changed(struct text *t, int rc)
{
	struct selector_error err;
	size_t out_len;
	char *out;

	if (rc != 1 || !has_rule_c())
		fail_msg("rc %d for a chunk that Lua accepts:\n%s", rc, t->data);
	render(t, NO_LINE_AFTER_GREATER);
	if (!stock_accepts(t->data, t->len))
		fail_msg("the flat chunk is no Lua:\n%s", t->data);
	if (selector_translate(t->data, t->len, &out, &out_len, &err))
		fail_msg("changed by something else than rule c:\n%s", t->data);
}

static void test_generated_chunks(void **state)
{
	struct text t = { .len = 0 };
	struct selector_error err;
	size_t accepted = 0, changed = 0, less = 0, made = 0, out_len;
	char *out;
	int rc;

	(void)state;
	for (; accepted < CHUNKS_WANTED && made < 3 * CHUNKS_WANTED; made++) {
		start_text(made, false);
		block(3);
		choose_blanks();
		render(&t, AS_WRITTEN);
		if (overflowing || !t.len || !stock_accepts(t.data, t.len))
			continue;
		accepted++;
		for (size_t i = 0; i < piece_count; i++)
			less += !strcmp(pieces[i].text, "<");
		rc = selector_translate(t.data, t.len, &out, &out_len, &err);
		free(out);
		if (rc) {
			changed++;
			check_changed(&t, rc);
		}
	}
	free(t.data);
	print_message("# %zu of %zu chunks accepted, %zu '<' in them, %zu are of rule c\n",
		      accepted, made, less, changed);
	assert_int_equal(accepted, CHUNKS_WANTED);
	assert_true(less > 5 * CHUNKS_WANTED);
	assert_true(changed > 100);
}

/* ---- Generated selectors ---- */

static void check_selectors(struct text *t, struct text *low)
{
	struct selector_error err;
	char *out, *again;
	size_t len, same = 0;

	if (selector_translate(t->data, t->len, &out, &len, &err) != 1)
		fail_msg("not translated: %s, line %d:\n%s", err.text, err.line, t->data);
	while (out[same] && out[same] == low->data[same])
		same++;
	if (out[same] || low->data[same])
		fail_msg("after\n...%.400s\ncame\n%.80s\ninstead of\n%.80s",
			 out + (same > 400 ? same - 400 : 0), out + same, low->data + same);
	assert_int_equal(count_lines(out, len), count_lines(t->data, t->len));
	if (!stock_accepts(out, len))
		fail_msg("Lua does not accept\n%s\nfrom\n%s", out, t->data);
	if (selector_translate(out, len, &again, &len, &err))
		fail_msg("translated again:\n%s", out);
	free(out);
}

static void test_generated_selectors(void **state)
{
	struct text t = { .len = 0 }, low = { .len = 0 };
	size_t checked = 0, made = 0;

	(void)state;
	for (; checked < SELECTORS && made < 2 * SELECTORS; made++) {
		start_text(made, true);
		emit("x");
		emit("=");
		emit("q");
		certain_selector(3);
		emit(";");
		block(3);
		if (overflowing)
			continue;
		choose_blanks();
		render(&t, AS_WRITTEN);
		render(&low, AS_LOWERED);
		check_selectors(&t, &low);
		checked++;
	}
	free(t.data);
	free(low.data);
	assert_int_equal(checked, SELECTORS);
}

static int open_lua(void **state)
{
	(void)state;
	lua = luaL_newstate();
	return lua ? 0 : -1;
}

static int close_lua(void **state)
{
	(void)state;
	lua_close(lua);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_files),
		cmocka_unit_test(test_generated_chunks),
		cmocka_unit_test(test_generated_selectors),
	};

	return cmocka_run_group_tests(tests, open_lua, close_lua);
}
