/*
 * connsh: arguments -> Lua state -> chunk, script or prompt. Owns the options
 * and the exit code, nothing else.
 */
#include "connsh/lx.h"
#include "connsh/recording.h"
#include "connsh/repl.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef CONNSH_VERSION
#define CONNSH_VERSION "unknown"
#endif

enum { OPT_NETNS = 256, OPT_VERSION, OPT_RECORD, OPT_FROM, OPT_SNAPSHOT, OPT_COLUMNS };

/* One row an option: what getopt needs and what -h says. */
static const struct {
	struct option o;
	const char *arg, *help;
} options[] = {
	{ { NULL, required_argument, NULL, 'e' }, "CHUNK", "run Lua text; may be repeated" },
	{ { NULL, required_argument, NULL, 'p' }, "EXPR", "evaluate and print; may be repeated" },
	{ { NULL, required_argument, NULL, 'q' },
	  "QUERY",
	  "print the rows of a query; may be repeated" },
	{ { NULL, required_argument, NULL, 'o' },
	  "FORMAT",
	  "print rows as table, vertical, json, csv, tsv or markdown" },
	{ { "columns", required_argument, NULL, OPT_COLUMNS },
	  "A,B,...",
	  "print these fields of rows, * for all" },
	{ { NULL, no_argument, NULL, 'i' }, NULL, "then go to the prompt" },
	{ { "netns", required_argument, NULL, OPT_NETNS },
	  "NAME|PID|PATH",
	  "ask in this network namespace" },
	{ { NULL, required_argument, NULL, 'L' }, "DIR", "take connsh's own modules from DIR" },
	{ { "snapshot", required_argument, NULL, OPT_SNAPSHOT },
	  "FILE",
	  "write all that there is to FILE" },
	{ { "from", required_argument, NULL, OPT_FROM },
	  "FILE",
	  "answer from such a FILE, not from the kernel" },
	{ { "replay", required_argument, NULL, OPT_FROM }, "FILE", "the same as --from" },
	{ { "record", required_argument, NULL, OPT_RECORD },
	  "FILE",
	  "write only what the queries ask for to FILE" },
	{ { "help", no_argument, NULL, 'h' }, NULL, "this text" },
	{ { "version", no_argument, NULL, OPT_VERSION }, NULL, "the version" },
};

#define NOPTIONS (sizeof(options) / sizeof(options[0]))

/* Modules that are commands: `connsh ss ARGS`, and the program itself under such a name. */
static const char *const modules[] = { "ss", NULL };

/* What the command line asks for. */
struct command {
	struct lx_options lx;
	const char **chunks; /* pairs: what stands before the text, and the text of an -e or -p */
	int nchunks;
	struct lx_view view; /* how -p and -q print */
	bool interactive;
	const char *record, *from, *snapshot;
	int script;	    /* index of the script, or of the command, in argv; argc: none */
	const char *module; /* the command's; NULL: none */
};

static void usage(FILE *out)
{
	fputs("usage: connsh [OPTIONS] [SCRIPT [ARGS]]\n"
	      "       connsh [OPTIONS] ss [ARGS]\n"
	      "  connsh -e 'print(count<state=\"established\", lport=80>)'\n"
	      "connsh -h lists the options\n",
	      out);
}

static int help(void)
{
	fputs("connsh: a Lua shell for the kernel's networking state\n\n"
	      "usage: connsh [OPTIONS] [SCRIPT [ARGS]]\n"
	      "       connsh [OPTIONS] ss [ARGS]\n\n",
	      stdout);
	for (size_t i = 0; i < NOPTIONS; i++) {
		char left[64];

		snprintf(left, sizeof(left),
			 options[i].o.val < 256 ? "-%c%s%s%s%s" : "%.0d--%s%s%s%s",
			 options[i].o.val < 256 ? options[i].o.val : 0,
			 options[i].o.val < 256 && options[i].o.name ? ", --" : "",
			 options[i].o.name ? options[i].o.name : "", options[i].arg ? " " : "",
			 options[i].arg ? options[i].arg : "");
		printf("  %-24s %s\n", left, options[i].help);
	}
	fputs("  -                        run standard input\n\n"
	      "Without a chunk or script: the prompt on a terminal, else standard input.\n"
	      "Exit: 0 whole answer, 1 error, 2 usage, 3 incomplete answer, 130 interrupted.\n\n"
	      "  connsh -e 'print(count<state=\"established\", lport=80>)'\n"
	      "  connsh -p 'sockets<state=\"listen\">'\n"
	      "  connsh -p 'count<lport>=1024, state=\"established\">'\n"
	      "  connsh -q 'sockets:group(\"state\"):count()' -o json\n",
	      stdout);
	return fflush(stdout) == 0 ? LX_OK : LX_ERROR;
}

/* Descriptors 0 to 2 are open from here on, so that no netlink socket becomes one. */
static void open_standard(void)
{
	/* the wrong way round: using a closed one stays an error */
	static const int flags[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", flags[fd]) != fd)
			_exit(LX_ERROR);
}

static bool complained;	 /* an error was told already */
static bool interrupted; /* the signal may have met a write, which is no fault of the stream */

/*
 * A full disk is an error, also when the script left by os.exit. Who interrupts does not wait for
 * a pipe that nobody reads.
 */
static void close_stdout(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
	int failed = ferror(stdout);

	if (interrupted && poll(&out, 1, 0) == 0)
		_exit(LX_INTERRUPTED);
	if (fflush(stdout) == 0 && !failed)
		return;
	if (interrupted)
		_exit(LX_INTERRUPTED);
	if (errno != EPIPE && !complained)
		fprintf(stderr, "connsh: cannot write to standard output: %s\n", strerror(errno));
	_exit(LX_ERROR);
}

/* A script that left by os.exit leaves its recording whole too. */
static void close_recording(void)
{
	struct nl_error err;

	if (nl_record_stop(&err) == 0)
		return;
	fprintf(stderr, "connsh: %s\n", err.text);
	complained = true;
	fflush(stdout);
	_exit(LX_ERROR);
}

/* "e:p:iL:h" and the table of long options, from the one table. */
static void getopt_tables(char *letters, struct option *longs)
{
	*letters++ = '+';
	for (size_t i = 0; i < NOPTIONS; i++) {
		if (options[i].o.val < 256) {
			*letters++ = (char)options[i].o.val;
			if (options[i].o.has_arg)
				*letters++ = ':';
		}
		if (options[i].o.name)
			*longs++ = options[i].o;
	}
	*letters = '\0';
	*longs = (struct option){ 0 };
}

/* The module that is the command of this name; NULL: there is none. */
static const char *find_module(const char *name)
{
	for (size_t i = 0; modules[i]; i++)
		if (strcmp(modules[i], name) == 0)
			return modules[i];
	return NULL;
}

/* What does not go together: -1: nothing; else the exit code. */
static int check(const struct command *c, int argc)
{
	if (c->from && c->record) {
		fputs("connsh: --record writes what the kernel tells: it does not go with --from\n",
		      stderr);
		return LX_USAGE;
	}
	if (!c->snapshot || !(c->from || c->record || c->lx.netns || c->nchunks || c->interactive ||
			      c->script < argc))
		return -1;
	fputs("connsh: --snapshot takes everything and does nothing else: no other option or "
	      "script goes with it\n",
	      stderr);
	return LX_USAGE;
}

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct command *c)
{
	char letters[3 * NOPTIONS];
	struct option longs[NOPTIONS + 1];
	int opt;

	getopt_tables(letters, longs);
	while ((opt = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		switch (opt) {
		case 'e':
		case 'p':
		case 'q':
			c->chunks[c->nchunks * 2] = opt == 'e' ? "" : "return ";
			c->chunks[c->nchunks++ * 2 + 1] = optarg;
			break;
		case 'o':
			if (!lx_is_format(optarg)) {
				fprintf(stderr, "connsh: there is no format '%s'; -h lists them\n",
					optarg);
				return LX_USAGE;
			}
			c->view.format = optarg;
			break;
		case OPT_COLUMNS:
			c->view.columns = optarg;
			break;
		case 'i':
			c->interactive = true;
			break;
		case 'L':
			c->lx.lua_dir = optarg;
			break;
		case OPT_NETNS:
			c->lx.netns = optarg;
			break;
		case OPT_RECORD:
			c->record = optarg;
			break;
		case OPT_FROM:
			c->from = optarg;
			break;
		case OPT_SNAPSHOT:
			c->snapshot = optarg;
			break;
		case 'h':
			return help();
		case OPT_VERSION:
			puts("connsh " CONNSH_VERSION);
			return LX_OK;
		default:
			usage(stderr);
			return LX_USAGE;
		}
	}
	c->script = optind;
	c->module = optind < argc ? find_module(argv[optind]) : NULL;
	return check(c, argc);
}

static int exit_code(lua_State *L, enum lx_result rc)
{
	if (rc == LX_DONE)
		return LX_OK;
	if (rc == LX_STOPPED)
		return LX_INTERRUPTED;
	lx_complain(L);
	complained = true;
	return LX_ERROR;
}

/* One -e, or a -p or -q, whose results are printed. */
static int run_chunk(lua_State *L, const char *prefix, const char *chunk,
		     const struct lx_view *view)
{
	size_t n = strlen(prefix), len = strlen(chunk);
	char *text = malloc(n + len + 1);
	int base = lua_gettop(L);
	enum lx_result rc;

	if (!text) {
		fputs("connsh: out of memory\n", stderr);
		return LX_ERROR;
	}
	memcpy(text, prefix, n);
	memcpy(text + n, chunk, len + 1);
	rc = lx_load(L, text, n + len, "=(command line)");
	free(text);
	if (rc == LX_DONE)
		rc = lx_call(L, 0);
	if (rc == LX_DONE && n)
		rc = lx_print(L, base + 1, view);
	return exit_code(L, rc);
}

static int run_script(lua_State *L, const char *path, char **args, int nargs)
{
	enum lx_result rc = lx_load_file(L, path && strcmp(path, "-") != 0 ? path : NULL);

	if (rc == LX_DONE && !lua_checkstack(L, nargs + 4)) {
		fputs("connsh: too many arguments\n", stderr);
		return LX_ERROR;
	}
	if (rc == LX_DONE) {
		for (int i = 0; i < nargs; i++)
			lua_pushstring(L, args[i]);
		rc = lx_call(L, nargs);
	}
	return exit_code(L, rc);
}

static int run_module(lua_State *L, const char *module, char **args, int nargs)
{
	int code = LX_OK, rc = exit_code(L, lx_command(L, module, args, nargs, &code));

	return rc != LX_OK ? rc : code;
}

static int run(lua_State *L, const struct command *c, int argc, char **argv)
{
	bool script = c->script < argc, prompt = c->interactive;
	int rc = LX_OK;

	lx_set_args(L, argv, argc, script ? c->script : 0);
	lx_catch_interrupts(L);
	if (c->snapshot)
		return (int)lx_snapshot(L, c->snapshot);
	for (int i = 0; rc == LX_OK && i < c->nchunks; i++)
		rc = run_chunk(L, c->chunks[i * 2], c->chunks[i * 2 + 1], &c->view);
	if (rc == LX_OK && c->module)
		rc = run_module(L, c->module, argv + c->script + 1, argc - c->script - 1);
	else if (rc == LX_OK && script)
		rc = run_script(L, argv[c->script], argv + c->script + 1, argc - c->script - 1);
	else if (rc == LX_OK && !prompt && c->nchunks == 0) {
		prompt = isatty(0);
		if (!prompt)
			rc = run_script(L, NULL, NULL, 0);
	}
	if (rc == LX_OK && prompt)
		rc = repl_run(L);
	return rc != LX_OK ? rc : (int)lx_verdict(L);
}

static int start_recordings(const struct command *c)
{
	struct nl_error err;

	if ((c->from && nl_replay_load(c->from, &err) < 0) ||
	    (c->record && nl_record_start(c->record, &err) < 0)) {
		fprintf(stderr, "connsh: %s\n", err.text);
		return LX_ERROR;
	}
	return LX_OK;
}

static int run_state(struct command *c, int argc, char **argv)
{
	char *dir = c->script < argc && !c->module && strcmp(argv[c->script], "-") != 0
			    ? strdup(argv[c->script])
			    : NULL;
	struct nl_error err;
	lua_State *L;
	int rc = start_recordings(c);

	if (rc != LX_OK) {
		free(dir);
		return rc;
	}
	c->lx.script_dir = dir ? dirname(dir) : NULL;
	L = lx_new(&c->lx);
	free(dir);
	if (!L) {
		fputs("connsh: out of memory\n", stderr);
		return LX_ERROR;
	}
	rc = run(L, c, argc, argv);
	lx_close(L);
	if (c->record && nl_record_stop(&err) < 0) {
		fprintf(stderr, "connsh: %s\n", err.text);
		rc = LX_ERROR;
	}
	nl_replay_unload();
	return rc;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int main(int argc, char **argv)
{
	struct command c = { .chunks = calloc((size_t)argc * 2 + 2, sizeof(char *)) };
	int rc;

	open_standard();
	lx_view_stdout(&c.view);
	signal(SIGPIPE, SIG_DFL); /* a closed pipe ends quietly, whatever was inherited */
	atexit(close_stdout);
	atexit(close_recording); /* before it: the last comes first */
	if (!c.chunks)
		return LX_ERROR;
	c.module = argc > 0 ? find_module(base_name(argv[0])) : NULL;
	rc = c.module ? -1 : parse(argc, argv, &c);
	if (rc < 0)
		rc = run_state(&c, argc, argv);
	interrupted = rc == LX_INTERRUPTED;
	free(c.chunks);
	return rc;
}
