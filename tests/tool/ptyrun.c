/*
 * ptyrun: runs a command whose standard output is a pseudo-terminal of a given size, and copies
 * what it writes there to our own standard output, byte for byte: the terminal is in raw mode.
 *
 *	ptyrun COLUMNS ROWS COMMAND ARGS...
 *
 * Standard input and error of the command are ours. Ends with the command's exit status, as
 * env(1) does where it cannot be run.
 */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { EXIT_FAILED = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "ptyrun: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILED);
}

static unsigned short size(const char *text, const char *what)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || n > 65535) {
		fprintf(stderr, "ptyrun: %s: '%s' is not a number from 0 to 65535\n", what, text);
		exit(EXIT_FAILED);
	}
	return (unsigned short)n;
}

static void write_all(const char *block, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, block, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die("standard output");
		block += n;
		len -= (size_t)n;
	}
}

/* EIO says that nobody holds the other end any more. */
static void copy(int master)
{
	char block[65536];
	ssize_t n;

	for (;;) {
		n = read(master, block, sizeof(block));
		if (n > 0)
			write_all(block, (size_t)n);
		else if (n == 0 || errno == EIO)
			return;
		else if (errno != EINTR)
			die("terminal");
	}
}

_Noreturn static void become(int slave, char **argv)
{
	if (dup2(slave, STDOUT_FILENO) < 0)
		die("dup2");
	execvp(argv[0], argv);
	fprintf(stderr, "ptyrun: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

int main(int argc, char **argv)
{
	struct winsize window = { 0 };
	struct termios raw = { 0 };
	int master, slave, status;
	pid_t pid;

	if (argc < 4) {
		fputs("usage: ptyrun COLUMNS ROWS COMMAND ARGS...\n", stderr);
		return EXIT_FAILED;
	}
	window.ws_col = size(argv[1], "COLUMNS");
	window.ws_row = size(argv[2], "ROWS");
	cfmakeraw(&raw);
	if (openpty(&master, &slave, NULL, &raw, &window) != 0)
		die("pseudo-terminal");
	/* The command gets one of them, as its standard output. */
	if (fcntl(master, F_SETFD, FD_CLOEXEC) != 0 || fcntl(slave, F_SETFD, FD_CLOEXEC) != 0)
		die("pseudo-terminal");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		become(slave, argv + 3);
	close(slave);
	copy(master);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			die("waitpid");
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
