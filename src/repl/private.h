/* Inside repl: the two ways to read a line, the history, and whom to believe. */
#ifndef CONNSH_REPL_PRIVATE_H
#define CONNSH_REPL_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

enum read_result {
	READ_LINE,
	READ_BREAK, /* Ctrl-C: the person wants none of it */
	READ_END,   /* end of input, or a signal that ends the program */
};

/*
 * Reads a line, or a paste of several, with readline. On READ_LINE *line is
 * malloc'ed, without the newline at its end, *len bytes. Signals that arrive
 * meanwhile are served here, and the terminal is as it was on return.
 */
enum read_result repl_edit_line(const char *prompt, char **line, size_t *len);
/* Before the first line: sets readline up and reads the inputrc. */
void repl_edit_open(void);

/* The same from a standard input that is no terminal; prompt to standard output. */
enum read_result repl_plain_line(const char *prompt, char **line, size_t *len);

/* Reads the entries of earlier sessions. A history that cannot be kept is said once. */
void repl_history_open(void);
/*
 * Adds an entry of len bytes, one or several lines, to the session and to the
 * file. Passed over: one that begins with a blank, one that repeats the last.
 */
void repl_history_add(const char *text, size_t len);

/*
 * $HOME if it is a folder of the effective user, and the one who started this
 * process cannot be another (setuid, sudo); else NULL: then nothing from the
 * environment or a home is read or written.
 */
const char *repl_home(void);

#endif
