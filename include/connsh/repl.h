/* repl: the prompt. The only room that knows readline. */
#ifndef CONNSH_REPL_H
#define CONNSH_REPL_H

#include "connsh/lx.h"

/*
 * Reads, runs and prints until the end of input; returns the program's exit
 * code. Standard input and output are a terminal, or -i was given: then lines
 * are read plainly, with prompts on standard output.
 */
int repl_run(lua_State *L);

#endif
