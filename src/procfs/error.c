/*
 * Owns how the procfs room words its failures.
 */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

int procfs_no_memory(struct nl_error *err)
{
	return nl_fail(err, ENOMEM, "out of memory");
}

void procfs_no_descriptors(struct nl_error *err, int code, const char *what)
{
	struct rlimit limit;

	if (code == EMFILE && getrlimit(RLIMIT_NOFILE, &limit) == 0)
		nl_fail(err, code,
			"no descriptor is left to %s: this process may have %llu "
			"open files (ulimit -n)",
			what, (unsigned long long)limit.rlim_cur);
	else
		nl_fail(err, code,
			"no descriptor is left to %s: the system may have no more "
			"open files (/proc/sys/fs/file-max)",
			what);
}
