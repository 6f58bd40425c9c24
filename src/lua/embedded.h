/* The modules of lua/, as the build embeds them (build/embedded.c). */
#ifndef CONNSH_LUA_EMBEDDED_H
#define CONNSH_LUA_EMBEDDED_H

#include <stddef.h>

struct embedded {
	const char *name; /* "help"; NULL at the end */
	const unsigned char *text;
	size_t len;
};

extern const struct embedded embedded_modules[];

#endif
