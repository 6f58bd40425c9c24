/*
 * What the tests about owners share. Children: each does something, says that it is
 * ready, and stays until it is ended; what it tells goes through memory that it shares.
 */
#ifndef TEST_OWNERS_H
#define TEST_OWNERS_H

#include "connsh/procfs.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const unsigned thread_counts[] = { 1, 2, 8 };

static inline uint32_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) ? (uint32_t)st.st_ino : 0;
}

static inline int new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* Memory, all zero, that children share. */
static inline void *shared_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

/* Runs body in a child that lives until stop(); body false: the child failed. */
static inline pid_t start(bool (*body)(void *arg), void *arg)
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		byte = body(arg) ? 'y' : 'n';
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_int_equal(byte, 'y');
	return pid;
}

static inline void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Runs body in a child of its own and returns what it returns, or 255. */
static inline int in_child(int (*body)(void *arg), void *arg)
{
	pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body(arg));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static inline void scan(struct owners *o, const struct owners_request *req)
{
	struct nl_error err = { 0 };

	if (owners_scan(o, req, &err) != 0)
		fail_msg("%s", err.text);
}

static inline void assert_one_owner(const struct owners *o, uint32_t inode, pid_t pid)
{
	assert_int_not_equal(inode, 0);
	assert_int_equal(owners_count(o, inode), 1);
	assert_int_equal(owners_holder(o, inode, 0)->pid, pid);
	assert_null(owners_holder(o, inode, 1));
}

#endif
