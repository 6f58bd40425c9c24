/*
 * Owns how the procfs room words its failures.
 */
#include "private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

int procfs_fail(struct nl_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

int procfs_no_memory(struct nl_error *err)
{
	return procfs_fail(err, ENOMEM, "out of memory");
}

void procfs_no_descriptors(struct nl_error *err, int code)
{
	struct rlimit limit;

	if (code == EMFILE && getrlimit(RLIMIT_NOFILE, &limit) == 0)
		procfs_fail(err, code,
			    "no descriptor is left to look for owners: this process may have %llu "
			    "open files (ulimit -n)",
			    (unsigned long long)limit.rlim_cur);
	else
		procfs_fail(err, code,
			    "no descriptor is left to look for owners: the system may have no more "
			    "open files (/proc/sys/fs/file-max)");
}
