/* Owns reading without a terminal: -i behind a pipe. */
#include "private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* A prompt that waits on a pipe holds nothing to save: there Ctrl-C ends the program. */
static ssize_t read_line(char **line, size_t *room)
{
	const struct sigaction kill = { .sa_handler = SIG_DFL };
	struct sigaction before;
	ssize_t n;

	sigaction(SIGINT, NULL, &before);
	if (before.sa_handler == SIG_IGN)
		return getline(line, room, stdin);
	sigaction(SIGINT, &kill, NULL);
	n = getline(line, room, stdin);
	sigaction(SIGINT, &before, NULL);
	return n;
}

enum read_result repl_plain_line(const char *prompt, char **line, size_t *len)
{
	size_t room = 0;
	ssize_t n;

	fputs(prompt, stdout);
	fflush(stdout);
	*line = NULL;
	errno = 0;
	n = read_line(line, &room);
	if (n < 0) {
		if (errno != 0)
			fprintf(stderr, "connsh: cannot read standard input: %m\n");
		free(*line);
		putchar('\n');
		return READ_END;
	}
	if (n > 0 && (*line)[n - 1] == '\n')
		(*line)[--n] = '\0';
	*len = (size_t)n;
	return READ_LINE;
}
