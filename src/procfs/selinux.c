/*
 * Owns the question whether SELinux is in use, by the three facts that its own library
 * goes by.
 */
#include "private.h"

#include "connsh/recording.h"

#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef ST_RDONLY
#define ST_RDONLY 1 /* statfs(2): f_flags */
#endif

static bool is_mounted(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (uint32_t)fs.f_type == SELINUX_MAGIC &&
	       !(fs.f_flags & ST_RDONLY);
}

bool selinux_enabled(void)
{
	if (nl_replay_loaded())
		return nl_replay_fact(SELINUX_FACT) != NULL;
	return (is_mounted("/sys/fs/selinux") || is_mounted("/selinux")) &&
	       access("/etc/selinux/config", F_OK) == 0;
}
