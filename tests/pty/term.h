/*
 * A program on a pseudo-terminal: keys go in, and what appears is waited for.
 * Knows nothing of the program but that it is the one in $CONNSH. Nothing here
 * measures time: the limit only ends a test that hangs.
 */
#ifndef TEST_PTY_TERM_H
#define TEST_PTY_TERM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#define PROMPT	  "connsh> "
#define PROMPT_IN "    ..> "

enum { TERM_LIMIT = 20 /* seconds */, TERM_SCREEN = 1 << 16, TERM_FILE = 1 << 18, TERM_PATH = 512 };

struct term {
	char home[64];		  /* scratch: HOME, and XDG_STATE_HOME below it */
	pid_t pid;		  /* 0: none runs */
	int master, slave;	  /* below 0: none is open; ours stays open to look at it later */
	struct termios before;	  /* how the terminal was when the program started */
	char screen[TERM_SCREEN]; /* text that appeared, with a NUL; no escapes, no CR */
	size_t len, seen;	  /* bytes of it; those that were waited for */
	char raw[TERM_SCREEN];	  /* every byte that came, with a NUL */
	size_t raw_len;
	enum { TEXT, ESCAPE, SEQUENCE } within; /* where raw stands */
	const char *name, *value;		/* one more variable of the environment, or NULL */
	const char *terminal_type;		/* TERM */
};

static struct term term;

/* A path in the scratch home; good until the next call. */
static inline const char *term_path(const char *name)
{
	static char path[TERM_PATH];

	snprintf(path, sizeof(path), "%s/%s", term.home, name);
	return path;
}

static inline int term_setup(void **state)
{
	(void)state;
	memset(&term, 0, sizeof(term));
	term.master = -1;
	term.slave = -1;
	term.terminal_type = "xterm";
	strcpy(term.home, "/tmp/connsh-pty.XXXXXX");
	return mkdtemp(term.home) ? 0 : -1;
}

static inline void term_close(void)
{
	if (term.pid > 0) {
		kill(term.pid, SIGKILL);
		waitpid(term.pid, NULL, 0);
	}
	term.pid = 0;
	if (term.master >= 0)
		close(term.master);
	if (term.slave >= 0)
		close(term.slave);
	term.master = -1;
	term.slave = -1;
}

static inline int term_teardown(void **state)
{
	static const char *const made[] = { "state/connsh/history",
					    "state/connsh",
					    "state",
					    ".local/state/connsh/history",
					    ".local/state/connsh",
					    ".local/state",
					    ".local",
					    "inputrc",
					    "other",
					    "" };

	(void)state;
	term_close();
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		remove(term_path(made[i]));
	return 0;
}

static inline const char *term_program(void)
{
	const char *program = getenv("CONNSH");

	return program ? program : "build/connsh";
}

/* The environment of a person who has set nothing up. */
static inline void term_environment(void)
{
	char state[TERM_PATH];

	snprintf(state, sizeof(state), "%s/state", term.home);
	setenv("HOME", term.home, 1);
	setenv("XDG_STATE_HOME", state, 1);
	setenv("TERM", term.terminal_type, 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	unsetenv("INPUTRC");
	unsetenv("SUDO_UID");
	unsetenv("COLUMNS");
	unsetenv("LINES");
	if (term.name && term.value)
		setenv(term.name, term.value, 1);
	else if (term.name)
		unsetenv(term.name);
}

/* Starts the program without arguments on a terminal of that many columns. */
static inline void term_start_wide(unsigned short columns)
{
	const struct winsize size = { .ws_row = 24, .ws_col = columns };

	term_close();
	term.screen[0] = '\0';
	term.raw[0] = '\0';
	term.len = 0;
	term.seen = 0;
	term.raw_len = 0;
	term.within = TEXT;
	assert_int_equal(openpty(&term.master, &term.slave, NULL, NULL, &size), 0);
	assert_int_equal(fcntl(term.master, F_SETFD, FD_CLOEXEC), 0);
	assert_int_equal(tcgetattr(term.slave, &term.before), 0);
	fflush(NULL);
	term.pid = fork();
	assert_true(term.pid >= 0);
	if (term.pid == 0) {
		const char *program = term_program();

		term_environment();
		if (login_tty(term.slave) == 0)
			execl(program, program, (char *)NULL);
		_exit(127);
	}
}

/* Shows what was on the screen, printably, and fails the test. */
static inline void term_fail(const char *why, const char *what)
{
	print_error("%s: \"%s\"; the screen:\n", why, what);
	for (size_t i = 0; i < term.raw_len; i++) {
		const unsigned char c = (unsigned char)term.raw[i];

		if (c == '\n' || (c >= 0x20 && c < 0x7f))
			print_error("%c", c);
		else
			print_error("<%02x>", c);
	}
	print_error("\n--- end of the screen\n");
	fail();
}

/* One more byte: text goes to the screen, what steers the terminal does not. */
static inline void term_show(char c)
{
	switch (term.within) {
	case TEXT:
		if (c == '\x1b')
			term.within = ESCAPE;
		else if (c != '\r')
			term.screen[term.len++] = c;
		break;
	case ESCAPE:
		term.within = c == '[' ? SEQUENCE : TEXT;
		break;
	case SEQUENCE:
		if (c >= 0x40 && c <= 0x7e)
			term.within = TEXT;
		break;
	}
	term.screen[term.len] = '\0';
}

/* Takes what the program has written; false: nothing came for a second. */
static inline bool term_read(void)
{
	struct pollfd p = { .fd = term.master, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, 1000) <= 0)
		return false;
	if (term.raw_len + 1 >= TERM_SCREEN)
		term_fail("the screen is full", "");
	n = read(term.master, term.raw + term.raw_len, TERM_SCREEN - 1 - term.raw_len);
	for (ssize_t i = 0; i < n; i++)
		term_show(term.raw[term.raw_len++]);
	term.raw[term.raw_len] = '\0';
	return n > 0;
}

static inline void term_type(const char *keys)
{
	const size_t n = strlen(keys);

	assert_int_equal(write(term.master, keys, n), n);
}

/* Waits until the text appears behind all that was waited for before. */
static inline void term_expect(const char *text)
{
	for (int waits = 0;;) {
		const char *at = strstr(term.screen + term.seen, text);

		if (at) {
			term.seen = (size_t)(at - term.screen) + strlen(text);
			return;
		}
		if (!term_read() && ++waits == TERM_LIMIT)
			term_fail("this did not appear", text);
	}
}

/* The same for an extended regular expression, which sees to the end of a line only. */
static inline void term_expect_match(const char *pattern)
{
	regmatch_t match;
	regex_t regex;
	int waits = 0;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NEWLINE), 0);
	while (regexec(&regex, term.screen + term.seen, 1, &match, 0) != 0)
		if (!term_read() && ++waits == TERM_LIMIT)
			term_fail("no match for this appeared", pattern);
	term.seen += (size_t)match.rm_eo;
	regfree(&regex);
}

static inline void term_start(void)
{
	term_start_wide(100);
	term_expect(PROMPT);
}

/* Types a line, and waits for a line of its own that is the answer, and the prompt. */
static inline void term_ask(const char *line, const char *answer)
{
	char text[256];

	term_type(line);
	term_type("\r");
	snprintf(text, sizeof(text), "\n%s\n", answer);
	term_expect(text);
	term_expect(PROMPT);
}

/* Waits for the end of the program; its status as of waitpid. */
static inline int term_wait(void)
{
	int status;

	for (int waits = 0; waits < TERM_LIMIT * 10; waits++) {
		struct pollfd p = { .fd = term.master, .events = POLLIN };

		if (waitpid(term.pid, &status, WNOHANG) == term.pid) {
			term.pid = 0;
			while (poll(&p, 1, 0) > 0 && term_read())
				;
			return status;
		}
		if (poll(&p, 1, 100) > 0)
			term_read();
	}
	term_fail("the program did not end", "");
	return -1;
}

/* Waits for the end with that code, and checks that the terminal is as it was. */
static inline void term_expect_exit(int code)
{
	const int status = term_wait();
	struct termios now;

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
	assert_int_equal(tcgetattr(term.slave, &now), 0);
	assert_true(now.c_lflag & ICANON);
	assert_true(now.c_lflag & ECHO);
	assert_int_equal(now.c_lflag, term.before.c_lflag);
	assert_int_equal(now.c_iflag, term.before.c_iflag);
	assert_int_equal(now.c_oflag, term.before.c_oflag);
}

/* Ctrl-D at an empty prompt. */
static inline void term_leave(void)
{
	term_type("\x04");
	term_expect_exit(0);
}

/* A file of the scratch home, with a NUL; the caller frees it. NULL: there is none. */
static inline char *term_file(const char *name)
{
	FILE *f = fopen(term_path(name), "r");
	char *text = calloc(1, TERM_FILE);

	assert_non_null(text);
	if (!f) {
		free(text);
		return NULL;
	}
	assert_true(fread(text, 1, TERM_FILE - 1, f) < TERM_FILE - 1);
	fclose(f);
	return text;
}

#endif
