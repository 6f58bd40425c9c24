/*
 * openlog: a preload library that writes the path of each file that is opened,
 * a line each, to the file that CONNSH_OPENLOG names.
 *
 * With CONNSH_OPENLOG_AT, a pid: when its folder is opened for the first time, the
 * process gets SIGUSR1, and the call goes on when the file CONNSH_OPENLOG_WAIT is
 * there.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int log_fd = -1;

/* By the system call: it must not come back here. */
__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("CONNSH_OPENLOG");

	if (path)
		log_fd = (int)syscall(SYS_openat, AT_FDCWD, path,
				      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		_exit(99);
}

/* Once: a process does at this very moment what it was told to. */
static void at(const char *path)
{
	static atomic_flag done = ATOMIC_FLAG_INIT;
	const char *pid = getenv("CONNSH_OPENLOG_AT"), *file = getenv("CONNSH_OPENLOG_WAIT");

	if (!pid || !file || strcmp(path, pid) != 0 || atomic_flag_test_and_set(&done))
		return;
	if (kill((pid_t)atoi(pid), SIGUSR1))
		_exit(99);
	while (access(file, F_OK))
		usleep(1000);
}

static int logged(int dir, const char *path, int flags, unsigned mode)
{
	char line[4200];
	int n = snprintf(line, sizeof(line), "%s\n", path), saved = errno;

	/* one write a line: threads open files side by side */
	if (n < 0 || (size_t)n >= sizeof(line) || write(log_fd, line, (size_t)n) != n)
		_exit(99);
	at(path);
	errno = saved;
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}

static unsigned mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, unsigned) : 0;
}

#define OPEN(name)                                          \
	int name(const char *path, int flags, ...)          \
	{                                                   \
		va_list ap;                                 \
		unsigned mode;                              \
                                                            \
		va_start(ap, flags);                        \
		mode = mode_of(flags, ap);                  \
		va_end(ap);                                 \
		return logged(AT_FDCWD, path, flags, mode); \
	}
#define OPENAT(name)                                        \
	int name(int dir, const char *path, int flags, ...) \
	{                                                   \
		va_list ap;                                 \
		unsigned mode;                              \
                                                            \
		va_start(ap, flags);                        \
		mode = mode_of(flags, ap);                  \
		va_end(ap);                                 \
		return logged(dir, path, flags, mode);      \
	}

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

/* What _FORTIFY_SOURCE makes of them. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);

int __open_2(const char *path, int flags)
{
	return logged(AT_FDCWD, path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
	return logged(AT_FDCWD, path, flags, 0);
}

int __openat_2(int dir, const char *path, int flags)
{
	return logged(dir, path, flags, 0);
}

int __openat64_2(int dir, const char *path, int flags)
{
	return logged(dir, path, flags, 0);
}
