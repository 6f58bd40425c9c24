/*
 * Owns readline and the terminal while a line is typed. Readline's callback
 * interface, so that the waiting is ours: signals are open only there, and
 * each is served between two keys, never inside of readline.
 */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <readline/readline.h>

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH };

enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };

static volatile sig_atomic_t caught[NSIG];

static struct {
	struct sigaction actions[SIGNALS];
	sigset_t mask;
} outside; /* how signals were before */

static sigset_t waiting; /* the mask while we wait for a key */

/*
 * The terminal, opened anew so that it alone is non-blocking; -1: it could not
 * be. Ctrl-C empties the terminal's queue, so a key that was there when we
 * waited may be gone when we read, and a read that blocks then has the signals
 * blocked too.
 */
static int keys = -1;

static char *typed;
static bool done;
static bool installed;

static void catch_signal(int sig)
{
	caught[sig] = 1;
}

/* Signals are ours, and blocked but for the waiting. Ignored ones stay ignored. */
static void take_signals(void)
{
	const struct sigaction ours = { .sa_handler = catch_signal };
	sigset_t block;

	sigemptyset(&block);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&block, signals[i]);
	sigprocmask(SIG_BLOCK, &block, &outside.mask);
	waiting = outside.mask;
	for (size_t i = 0; i < SIGNALS; i++) {
		sigdelset(&waiting, signals[i]);
		caught[signals[i]] = 0;
		sigaction(signals[i], NULL, &outside.actions[i]);
		if (outside.actions[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &ours, NULL);
	}
}

static void give_signals_back(void)
{
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &outside.actions[i], NULL);
	sigprocmask(SIG_SETMASK, &outside.mask, NULL);
}

/* The signal that ends the program, if one came; 0: none. */
static int deadly(void)
{
	const int list[] = { SIGTERM, SIGHUP, SIGQUIT };

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (caught[list[i]])
			return list[i];
	return 0;
}

/* Waits for a key with signals open; false: a signal came instead. */
static bool wait_key(int fd)
{
	struct pollfd key = { .fd = fd, .events = POLLIN };

	return ppoll(&key, 1, NULL, &waiting) > 0 || errno != EINTR;
}

/*
 * Readline's own would read with signals blocked, and a paste that lacks its
 * end could then not be left by Ctrl-C.
 */
static int get_key(FILE *in)
{
	const int none = RL_ISSTATE(RL_STATE_READCMD) ? READERR : EOF;
	unsigned char c;

	for (;;) {
		ssize_t n;

		if (!wait_key(fileno(in))) {
			if (caught[SIGINT] || deadly())
				return none;
			continue;
		}
		n = read(keys >= 0 ? keys : fileno(in), &c, 1);
		if (n == 1)
			return c;
		if (n == 0 || (errno != EINTR && errno != EAGAIN))
			return none;
	}
}

/* At an end of input readline ends the line on some terminals; we do so on all. */
static void leave_terminal(void)
{
	rl_eof_found = 0;
	rl_deprep_terminal();
}

static void take_line(char *text)
{
	/* In here, or readline shows the prompt once more. */
	rl_callback_handler_remove();
	installed = false;
	typed = text;
	done = true;
}

static void leave_line(void)
{
	if (installed)
		rl_callback_handler_remove();
	installed = false;
}

/* Ctrl-C: the line stays on the screen, marked, and is forgotten. */
static void drop_line(void)
{
	if (installed) {
		rl_point = rl_end;
		rl_redisplay();
	}
	fputs("^C", rl_outstream);
	rl_free_line_state();
	rl_callback_sigcleanup();
	rl_cleanup_after_signal();
	leave_line();
	fputc('\n', rl_outstream);
	fflush(rl_outstream);
}

/* Ctrl-Z: the terminal is handed back in order, and the line is there again after fg. */
static void suspend(void)
{
	rl_deprep_terminal();
	give_signals_back();
	raise(SIGTSTP);
	take_signals();
	rl_prep_terminal(1);
	rl_reset_screen_size();
	rl_forced_update_display();
}

/* Readline may have finished the line in the same turn; then its terminal is left already. */
static void serve_signals(void)
{
	if (caught[SIGTSTP] && installed)
		suspend();
	if (caught[SIGWINCH] && installed)
		rl_resize_terminal();
	caught[SIGTSTP] = 0;
	caught[SIGWINCH] = 0;
}

/* Until a line is complete or a signal ends it. */
static enum read_result edit(void)
{
	while (!done) {
		if (wait_key(fileno(rl_instream)))
			rl_callback_read_char();
		if (caught[SIGINT]) {
			drop_line();
			return READ_BREAK;
		}
		if (deadly()) {
			leave_line();
			return READ_END;
		}
		serve_signals();
	}
	if (typed)
		return READ_LINE;
	fputc('\n', rl_outstream);
	return READ_END;
}

enum read_result repl_edit_line(const char *prompt, char **line, size_t *len)
{
	enum read_result result;
	int sig;

	typed = NULL;
	done = false;
	take_signals();
	rl_reset_screen_size();
	installed = true;
	rl_callback_handler_install(prompt, take_line);
	result = edit();
	sig = deadly();
	give_signals_back();
	/* The terminal is in order, so the signal may do what it came for. */
	if (sig)
		raise(sig);
	if (result != READ_LINE) {
		free(typed);
		return result;
	}
	*line = typed;
	*len = strlen(typed);
	return READ_LINE;
}

void repl_edit_open(void)
{
	/* Key bindings may run macros: only the user's own count. */
	if (!repl_home())
		setenv("INPUTRC", "/etc/inputrc", 1);
	keys = open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	rl_readline_name = "connsh";
	rl_catch_signals = 0;
	rl_catch_sigwinch = 0;
	rl_change_environment = 0;
	rl_getc_function = get_key;
	rl_deprep_term_function = leave_terminal;
	rl_initialize();
	rl_inhibit_completion = 1; /* readline's own would offer file names */
	atexit(leave_line);
}
