/*
 * Owns what a kernel lacks: whether a protocol whose list was refused is there at
 * all. If it is not, it has no sockets; if it is, they are just not told.
 */
#include "private.h"

#include <string.h>

bool protocol_exists(const struct env *e, const char *name)
{
	struct proc_file *f;
	const char *line, *word;
	struct nl_error err;
	bool found = false;
	size_t len;
	int rc;

	if (proc_open(&f, env_netns_fd(e), "net/protocols", &err) < 0)
		return true;
	while (!found && (rc = proc_line(f, &line, &len, &err)) > 0) {
		const char *at = line;
		size_t n = word_next(&at, line + len, &word);

		found = n == strlen(name) && memcmp(word, name, n) == 0;
	}
	proc_close(f);
	return found || rc < 0;
}
