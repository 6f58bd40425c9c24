/*
 * lx: the Lua state of connsh. Only src/lua and those who run chunks include
 * this, since it brings lua.h; no function of it lets a Lua error escape.
 */
#ifndef CONNSH_LX_H
#define CONNSH_LX_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Exit codes of the program; DESIGN: failures. */
enum lx_exit {
	LX_OK = 0,
	LX_ERROR = 1, /* run time, syntax, a failed write */
	LX_USAGE = 2,
	LX_INCOMPLETE = 3, /* an answer was printed and is not whole */
	LX_INTERRUPTED = 130,
};

struct lx_options {
	const char *lua_dir;	/* -L: modules of ours from this folder; NULL: embedded */
	const char *script_dir; /* folder of the script, searched by require; NULL: none */
	const char *netns;	/* --netns: where queries ask that name no namespace; NULL: here */
};

/*
 * Is the environment somebody else's: raised privileges (AT_SECURE, changed
 * ids), or sudo? Then nothing from it or from the home it names is used.
 */
bool lx_raised(void);

/* A state with everything in it, or NULL when memory is short. Strings are copied. */
lua_State *lx_new(const struct lx_options *opt);
void lx_close(lua_State *L);

/* Sets the global arg: script at [0], argv behind it, what came before it below. */
void lx_set_args(lua_State *L, char **argv, int argc, int script);

enum lx_result {
	LX_DONE,       /* ran */
	LX_FAILED,     /* a message was left on the stack */
	LX_UNFINISHED, /* syntax: more lines may mend it; a message was left on the stack */
	LX_STOPPED,    /* interrupted by a signal; nothing on the stack */
};

/*
 * Loads a chunk, selectors translated; chunkname as in lua_load ("=stdin",
 * "@file"). On LX_DONE the function is on the stack.
 */
enum lx_result lx_load(lua_State *L, const char *text, size_t len, const char *chunkname);
/* A script; NULL: standard input. Source text only; a first line with '#' is passed over. */
enum lx_result lx_load_file(lua_State *L, const char *path);
/*
 * What a person typed at a prompt: an expression if it is one, else statements.
 * On LX_DONE the function is on the stack.
 */
enum lx_result lx_load_line(lua_State *L, const char *text, size_t len, const char *chunkname);

/*
 * Calls the function below its nargs arguments. On LX_DONE its results (all of
 * them) are on the stack; on LX_FAILED a message with a traceback where one
 * helps.
 */
enum lx_result lx_call(lua_State *L, int nargs);

/* How rows are printed. */
struct lx_view {
	const char *format;  /* a name of format's; NULL: records vertically, else a table */
	const char *columns; /* "raddr,rtt", "*"; NULL: those of the query */
	size_t width;	     /* of the terminal, 0 for none */
	bool terminal;	     /* units for people, nothing cut elsewhere */
	bool colour;
};

/*
 * Prints the values from index first to the top as a person wants them: queries
 * and lists of records as tables, single records vertically, others as print
 * does; then pops them. LX_DONE, LX_FAILED or LX_STOPPED.
 */
enum lx_result lx_print(lua_State *L, int first, const struct lx_view *view);
/* Is there a format of this name? */
bool lx_is_format(const char *name);
/* How to print to standard output: is it a terminal, how wide, may it have colour? */
void lx_view_stdout(struct lx_view *view);

/* Writes the message on top of the stack to standard error as "connsh: ..." and pops it. */
void lx_complain(lua_State *L);

/*
 * Takes a snapshot (snapshot_take in query.h): a line on standard output says what was
 * written, one on standard error what could not be had (then LX_INCOMPLETE).
 */
enum lx_exit lx_snapshot(lua_State *L, const char *path);

/*
 * Runs a module that is a command: its function main with the list of the arguments, which
 * returns the exit code, *code. Else as lx_call.
 */
enum lx_result lx_command(lua_State *L, const char *module, char **args, int nargs, int *code);

/* LX_INCOMPLETE if an answer was not whole and the script did not accept that, else LX_OK. */
enum lx_exit lx_verdict(lua_State *L);

/*
 * Lets SIGINT stop what Lua does (main chunk, coroutine, pcall loop, dump,
 * sleep): it then ends as LX_STOPPED. A second SIGINT before that kills.
 */
void lx_catch_interrupts(lua_State *L);

#endif
