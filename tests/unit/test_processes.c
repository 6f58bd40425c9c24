/*
 * The walk over processes: what is read of one, what it costs in descriptors, and
 * processes that end, pretend, or cannot be looked into.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "connsh/procfs.h"

#include "test_owners.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define ALL                                                                             \
	(PROCESS_STATUS | PROCESS_ARGS | PROCESS_EXE | PROCESS_CGROUP | PROCESS_NETNS | \
	 PROCESS_FDS | PROCESS_SOCKETS)

/* What the walk told of one process, with texts of its own. */
struct seen {
	struct process_info p;
	char comm[64], exe[4096], cgroup[4096];
	char *args;
};

static bool look(pid_t pid, unsigned facts, struct seen *s)
{
	struct processes *w;
	struct nl_error err = { 0 };
	int rc;

	memset(s, 0, sizeof(*s));
	if (processes_open(&w, pid, facts, &err) < 0)
		fail_msg("%s", err.text);
	rc = processes_next(w, &s->p, &err);
	if (rc < 0)
		fail_msg("%s", err.text);
	if (rc > 0) {
		assert_true(s->p.comm_len < sizeof(s->comm));
		memcpy(s->comm, s->p.comm, s->p.comm_len);
		snprintf(s->exe, sizeof(s->exe), "%s", s->p.exe ? s->p.exe : "");
		snprintf(s->cgroup, sizeof(s->cgroup), "%s", s->p.cgroup ? s->p.cgroup : "");
		if (s->p.told & PROCESS_ARGS) {
			s->args = malloc(s->p.args_len);
			assert_non_null(s->args);
			memcpy(s->args, s->p.args, s->p.args_len);
		}
		assert_int_equal(processes_next(w, &(struct process_info){ 0 }, &err), 0);
	}
	processes_close(w);
	return rc > 0;
}

static void test_self(void **state)
{
	char exe[4096] = "";
	struct stat st;
	struct seen s;

	(void)state;
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	assert_true(look(getpid(), ALL, &s));
	assert_int_equal(s.p.pid, getpid());
	assert_int_equal(s.p.ppid, getppid());
	assert_int_equal(s.p.uid, geteuid());
	assert_int_equal(s.p.gid, getegid());
	assert_int_equal(s.p.told & ALL, ALL);
	assert_int_equal(s.p.withheld, 0);
	assert_string_equal(s.exe, exe);
	assert_int_equal(s.p.netns, st.st_ino);
	assert_int_equal(s.cgroup[0], '/');
	assert_int_equal(s.p.state, 'R');
	assert_true(s.p.rss > 0);
	assert_false(s.p.kernel);
	free(s.args);
	assert_true(look(getpid(), 0, &s));
	assert_int_equal(s.p.told, 0);
	assert_null(s.p.exe);
}

static bool open_some(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++)
		if (new_socket() < 0 || open("/dev/null", O_RDONLY) < 0)
			return false;
	prctl(PR_SET_NAME, "a\\b\n) \x01\xff");
	return true;
}

static void test_descriptors_and_a_strange_name(void **state)
{
	struct seen before, s;
	pid_t pid;

	(void)state;
	pid = start(open_some, NULL);
	assert_true(look(pid, PROCESS_FDS | PROCESS_SOCKETS, &s));
	assert_string_equal(s.comm, "a\\b\n) \x01\xff");
	assert_int_equal(s.p.sockets, 5);
	assert_true(s.p.fds >= 10);
	stop(pid);
	assert_false(look(pid, PROCESS_FDS, &before));
}

static bool nothing(void *arg)
{
	(void)arg;
	return true;
}

/* A program with one argument of 100,000 bytes: what is read of it ends somewhere. */
static void test_many_arguments(void **state)
{
	char *text = malloc(100001), fifo[] = "/tmp/test_processes.XXXXXX";
	struct seen s;
	pid_t pid;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 100000);
	text[100000] = '\0';
	assert_non_null(mkdtemp(fifo));
	assert_int_equal(rmdir(fifo), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* killed with it: read waits for an end that does not come */
		execlp("sh", "sh", "-c", "read x <\"$1\"; :", text, fifo, (char *)NULL);
		_exit(1);
	}
	/* until it is the program */
	for (int i = 0; i < 500; i++) {
		assert_true(look(pid, PROCESS_ARGS, &s));
		if (s.args && memmem(s.args, s.p.args_len, "xxxx", 4))
			break;
		free(s.args);
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
	assert_int_equal(s.p.args_len, PROCESS_ARGS_MAX);
	assert_int_equal(s.args[PROCESS_ARGS_MAX - 1], 'x');
	free(s.args);
	stop(pid);
	unlink(fifo);
	free(text);
}

/* It has ended, and its parent has not asked. */
static void test_zombie(void **state)
{
	struct seen s;
	siginfo_t info;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_true(look(pid, ALL, &s));
	assert_int_equal(s.p.state, 'Z');
	assert_int_equal(s.p.told & (PROCESS_ARGS | PROCESS_EXE), 0);
	assert_int_equal(s.p.told & PROCESS_STATUS, PROCESS_STATUS);
	assert_int_equal(s.p.rss, 0);
	waitpid(pid, NULL, 0);
	assert_false(look(pid, ALL, &s));
}

static void *wait_for_ever(void *arg)
{
	pid_t *tid = arg;

	__atomic_store_n(tid, gettid(), __ATOMIC_SEQ_CST);
	for (;;)
		pause();
	return NULL;
}

static bool with_thread(void *arg)
{
	pthread_t t;

	if (new_socket() < 0 || pthread_create(&t, NULL, wait_for_ever, arg))
		return false;
	while (!__atomic_load_n((pid_t *)arg, __ATOMIC_SEQ_CST))
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	return true;
}

static void test_a_thread_is_no_process(void **state)
{
	pid_t *tid = shared_memory(sizeof(*tid));
	struct seen s;
	pid_t pid;

	(void)state;
	pid = start(with_thread, tid);
	assert_true(look(pid, 0, &s));
	assert_int_equal(s.p.threads, 2);
	assert_int_not_equal(*tid, pid);
	assert_false(look(*tid, 0, &s));
	stop(pid);
	munmap(tid, sizeof(*tid));
}

/* The first thread ends, the other holds what there is. */
static void test_first_thread_has_ended(void **state)
{
	pid_t *tid = shared_memory(sizeof(*tid));
	struct seen s;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		with_thread(tid);
		pthread_exit(NULL);
	}
	for (int i = 0; i < 500; i++) {
		assert_true(look(pid, 0, &s));
		if (s.p.state == 'Z')
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
	assert_int_equal(s.p.state, 'Z');
	assert_true(look(pid, ALL, &s));
	assert_int_equal(s.p.told & ALL, ALL);
	assert_true(s.p.sockets >= 1);
	assert_true(s.exe[0] == '/');
	free(s.args);
	stop(pid);
	munmap(tid, sizeof(*tid));
}

/* Each process that there is from begin to end comes once, by ascending pid. */
static void test_all(void **state)
{
	enum { CHILDREN = 200 };
	static pid_t pids[CHILDREN];
	struct process_info p;
	struct processes *w;
	struct nl_error err;
	size_t found = 0;
	pid_t last = 0;
	int rc;

	(void)state;
	for (size_t i = 0; i < CHILDREN; i++)
		pids[i] = start(nothing, NULL);
	assert_int_equal(processes_open(&w, 0, PROCESS_STATUS | PROCESS_EXE, &err), 0);
	while ((rc = processes_next(w, &p, &err)) > 0) {
		assert_true(p.pid > last);
		last = p.pid;
		for (size_t i = 0; i < CHILDREN; i++)
			found += p.pid == pids[i];
	}
	assert_int_equal(rc, 0);
	assert_int_equal(processes_next(w, &p, &err), 0);
	processes_close(w);
	assert_int_equal(found, CHILDREN);
	for (size_t i = 0; i < CHILDREN; i++)
		stop(pids[i]);
}

/* Processes come and go while others are walked over. */
static void test_churn(void **state)
{
	struct process_info p;
	struct nl_error err;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			pid_t kid = fork();

			if (kid == 0)
				_exit(0);
			waitpid(kid, NULL, 0);
		}
	}
	for (int i = 0; i < 50; i++) {
		struct processes *w;
		bool self = false;
		int rc;

		assert_int_equal(processes_open(&w, 0, ALL & ~PROCESS_SOCKETS, &err), 0);
		while ((rc = processes_next(w, &p, &err)) > 0)
			self |= p.pid == getpid();
		if (rc < 0)
			fail_msg("%s", err.text);
		assert_true(self);
		processes_close(w);
	}
	stop(pid);
}

static int without_descriptors(void *arg)
{
	struct rlimit limit;
	struct process_info p;
	struct processes *w;
	struct nl_error err;
	int rc;

	(void)arg;
	if (processes_open(&w, 0, ALL, &err) < 0)
		return 1;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 4;
	setrlimit(RLIMIT_NOFILE, &limit);
	while (dup(0) >= 0)
		;
	while ((rc = processes_next(w, &p, &err)) > 0)
		;
	return rc < 0 && err.code == EMFILE && strstr(err.text, "no descriptor is left to read") &&
			       strstr(err.text, "4 open files")
		       ? 0
		       : 2;
}

/* For want of descriptors no process is left out: it is an error. */
static void test_no_descriptors(void **state)
{
	(void)state;
	assert_int_equal(in_child(without_descriptors, NULL), 0);
}

static void test_interrupted(void **state)
{
	struct process_info p;
	struct processes *w;
	struct nl_error err;

	(void)state;
	assert_int_equal(processes_open(&w, 0, 0, &err), 0);
	assert_int_equal(processes_next(w, &p, &err), 1);
	nl_cancel = 1;
	assert_int_equal(processes_next(w, &p, &err), -1);
	assert_int_equal(err.code, ECANCELED);
	nl_cancel = 0;
	processes_close(w);
	processes_close(NULL);
}

static int as_nobody(void *arg)
{
	struct process_info p;
	struct processes *w;
	struct nl_error err;

	if (setgid(65534) || setuid(65534))
		return 77;
	if (processes_open(&w, *(pid_t *)arg, ALL, &err) < 0 || processes_next(w, &p, &err) != 1)
		return 1;
	if (!(p.told & PROCESS_STATUS) || p.uid != 0)
		return 2;
	if ((p.withheld & (PROCESS_EXE | PROCESS_NETNS)) != (PROCESS_EXE | PROCESS_NETNS))
		return 3;
	if (p.exe || p.told & (PROCESS_EXE | PROCESS_NETNS | PROCESS_SOCKETS))
		return 4;
	processes_close(w);
	return 0;
}

static void test_withheld(void **state)
{
	pid_t pid;
	int rc;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = start(nothing, NULL);
	rc = in_child(as_nobody, &pid);
	stop(pid);
	if (rc == 77)
		skip();
	assert_int_equal(rc, 0);
}

static void test_boot_time(void **state)
{
	struct timespec up, now;
	int64_t boot;

	(void)state;
	clock_gettime(CLOCK_BOOTTIME, &up);
	clock_gettime(CLOCK_REALTIME, &now);
	boot = (int64_t)boot_time();
	assert_true(boot >= now.tv_sec - up.tv_sec - 2 && boot <= now.tv_sec - up.tv_sec + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_self),
		cmocka_unit_test(test_descriptors_and_a_strange_name),
		cmocka_unit_test(test_many_arguments),
		cmocka_unit_test(test_zombie),
		cmocka_unit_test(test_a_thread_is_no_process),
		cmocka_unit_test(test_first_thread_has_ended),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_withheld),
		cmocka_unit_test(test_boot_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
