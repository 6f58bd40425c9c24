/*
 * Owns the conversation: gather a chunk, run it, print what it gives, go on.
 * Knows nothing of how lines are edited, nor of what Lua prints.
 */
#include "connsh/repl.h"

#include "private.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef CONNSH_VERSION
#define CONNSH_VERSION "unknown"
#endif

#define PROMPT	  "connsh> "
#define PROMPT_IN "    ..> " /* as wide, so that lines stand below each other */

struct session {
	lua_State *L;
	bool terminal;
	bool write_failed;
	char *text; /* what was typed since the last chunk ran */
	size_t len;
};

static enum read_result read_line(const struct session *s, const char *prompt, char **line,
				  size_t *len)
{
	if (s->terminal)
		return repl_edit_line(prompt, line, len);
	return repl_plain_line(prompt, line, len);
}

/* The next line, behind what there is. */
static enum read_result read_more(struct session *s, const char *prompt)
{
	const size_t before = s->len ? s->len + 1 : 0;
	enum read_result result;
	char *line, *text;
	size_t len;

	result = read_line(s, prompt, &line, &len);
	if (result != READ_LINE)
		return result;
	text = realloc(s->text, before + len + 1);
	if (!text) {
		free(line);
		fprintf(stderr, "connsh: no memory for this line\n");
		return READ_BREAK;
	}
	if (before)
		text[before - 1] = '\n';
	memcpy(text + before, line, len + 1);
	free(line);
	s->text = text;
	s->len = before + len;
	return READ_LINE;
}

static bool blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r\n\f\v", text[i]) || text[i] == '\0')
			return false;
	return true;
}

/* Asks for lines until they make a chunk; false: the person dropped it, nothing is left. */
static bool complete(struct session *s, enum lx_result *status)
{
	for (;;) {
		*status = lx_load_line(s->L, s->text, s->len, "=stdin");
		if (*status != LX_UNFINISHED)
			return true;
		switch (read_more(s, PROMPT_IN)) {
		case READ_LINE:
			lua_pop(s->L, 1);
			break;
		case READ_BREAK:
			lua_pop(s->L, 1);
			return false;
		case READ_END:
			*status = LX_FAILED;
			return true;
		}
	}
}

static enum lx_result run(lua_State *L)
{
	const int base = lua_gettop(L); /* where the function is, then its first result */
	const enum lx_result status = lx_call(L, 0);
	struct lx_view view = { 0 };

	if (status != LX_DONE || lua_gettop(L) < base)
		return status;
	lx_view_stdout(&view);
	return lx_print(L, base, &view);
}

/*
 * False if something was lost. That is said once; of a reader that has gone
 * away, never.
 */
static bool flush(struct session *s)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	if (!s->write_failed && errno != EPIPE)
		fprintf(stderr, "connsh: cannot write to standard output: %s\n",
			errno ? strerror(errno) : "a write failed");
	s->write_failed = true;
	__fpurge(stdout); /* or each later line fails for this one's sake */
	clearerr(stdout);
	return false;
}

static void run_chunk(struct session *s)
{
	const int base = lua_gettop(s->L);
	enum lx_result status;
	bool whole;

	if (!complete(s, &status))
		return;
	if (s->terminal)
		repl_history_add(s->text, s->len);
	flush(s); /* what fails from here on is the chunk's */
	if (status == LX_DONE)
		status = run(s->L);
	whole = flush(s);
	/* What Lua says of a failed write has been said. */
	if (status == LX_FAILED && whole)
		lx_complain(s->L);
	else if (status == LX_STOPPED)
		fputs(s->terminal ? "\ninterrupted\n" : "interrupted\n", stderr); /* behind ^C */
	lua_settop(s->L, base);
}

static void converse(struct session *s)
{
	for (;;) {
		enum read_result result;

		s->len = 0;
		result = read_more(s, PROMPT);
		if (result == READ_END)
			return;
		if (result != READ_LINE || blank(s->text, s->len))
			continue;
		lx_catch_interrupts(s->L);
		run_chunk(s);
	}
}

int repl_run(lua_State *L)
{
	struct session s = { .L = L };

	s.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	lx_catch_interrupts(L);
	if (s.terminal) {
		setlocale(LC_CTYPE, ""); /* readline counts characters by it */
		puts("connsh " CONNSH_VERSION " - the kernel's networking state in Lua. "
		     "Ctrl-D leaves.");
		repl_edit_open();
		repl_history_open();
	}
	converse(&s);
	free(s.text);
	flush(&s);
	return s.write_failed ? LX_ERROR : LX_OK;
}
