/* Owns the question whose environment and home this is. */
#include "private.h"

#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

/* Setuid, setgid, file capabilities, sudo. */
static bool raised(void)
{
	return getauxval(AT_SECURE) != 0 || geteuid() != getuid() || getegid() != getgid() ||
	       getenv("SUDO_UID") != NULL;
}

const char *repl_home(void)
{
	const char *home = raised() ? NULL : getenv("HOME");
	struct stat st;

	if (!home || home[0] != '/' || stat(home, &st) != 0)
		return NULL;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() ? home : NULL;
}
