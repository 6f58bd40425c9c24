/*
 * Owners of real sockets that processes of this test hold: alone, shared, passed on,
 * doubled, under strange names and in large tables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_owners.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* One pass over the processes of the list, or over all. */
static struct owners *scanned(const int64_t *pids, size_t npids, unsigned threads)
{
	const struct owners_request req = { .pids = pids, .npids = npids, .threads = threads };
	struct owners *o = owners_new();

	assert_non_null(o);
	scan(o, &req);
	return o;
}

static void test_own(void **state)
{
	int fd = new_socket(), twice = dup(fd), pipes[2];
	struct owners *o;
	struct stat st;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(fstat(pipes[0], &st), 0);
	o = scanned(NULL, 0, 0);
	assert_one_owner(o, inode_of(fd), getpid());
	/* A pipe is no socket, nor is a number that nothing has. */
	assert_int_equal(owners_count(o, (uint32_t)st.st_ino), 0);
	assert_int_equal(owners_count(o, 0), 0);
	assert_null(owners_holder(o, (uint32_t)st.st_ino, 0));
	owners_free(o);
	owners_free(NULL);
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
	close(twice);
}

static bool nothing(void *arg)
{
	(void)arg;
	return true;
}

static void test_shared_by_fork(void **state)
{
	enum { CHILDREN = 40 };
	pid_t pids[CHILDREN];
	int fd = new_socket();
	uint32_t inode = inode_of(fd);

	(void)state;
	for (int i = 0; i < CHILDREN; i++)
		pids[i] = start(nothing, NULL);
	for (size_t t = 0; t < 3; t++) {
		struct owners *o = scanned(NULL, 0, thread_counts[t]);
		pid_t last = 0;
		int children = 0;

		assert_int_equal(owners_count(o, inode), CHILDREN + 1);
		for (size_t i = 0; i < CHILDREN + 1; i++) {
			pid_t pid = owners_holder(o, inode, i)->pid;

			assert_true(pid > last);
			last = pid;
			for (int k = 0; k < CHILDREN; k++)
				children += pids[k] == pid;
		}
		assert_int_equal(children, CHILDREN);
		assert_null(owners_holder(o, inode, CHILDREN + 1));
		owners_free(o);
	}
	for (int i = 0; i < CHILDREN; i++)
		stop(pids[i]);
	close(fd);
}

static bool receive_socket(void *arg)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec part = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &part,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };

	return recvmsg(*(int *)arg, &msg, 0) == 1 && msg.msg_controllen > 0;
}

static void send_socket(int to, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS } };
	struct iovec part = { (char[]){ 'x' }, 1 };
	struct msghdr msg = { .msg_iov = &part,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	assert_int_equal(sendmsg(to, &msg, 0), 1);
}

static void test_passed_on(void **state)
{
	int pair[2], fd = new_socket();
	uint32_t inode = inode_of(fd);
	struct owners *o;
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	send_socket(pair[0], fd);
	close(fd);
	/* On its way: nobody has it. */
	o = scanned(NULL, 0, 0);
	assert_int_equal(owners_count(o, inode), 0);
	owners_free(o);
	pid = start(receive_socket, &pair[1]);
	o = scanned(NULL, 0, 0);
	assert_one_owner(o, inode, pid);
	owners_free(o);
	stop(pid);
	close(pair[0]);
	close(pair[1]);
}

/* ---- names ------------------------------------------------------------------------ */

struct named {
	const char *name;
	uint32_t *inode;
};

static bool hold_under_name(void *arg)
{
	struct named *n = arg;

	*n->inode = inode_of(new_socket());
	return prctl(PR_SET_NAME, n->name) == 0;
}

static void test_names(void **state)
{
	static const char *const names[] = {
		"e)vil",	   "a b",   "\n",	"a\nb\n",     "$(x)", "\xff\xfe\x80", "",
		"fifteen bytes..", ") S 1", "\x1b[31m", "socket:[1]",
	};
	uint32_t *inode = shared_memory(sizeof(*inode));

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct named n = { names[i], inode };
		pid_t pid = start(hold_under_name, &n);
		struct owners *o = scanned((int64_t[]){ pid }, 1, 0);
		const struct holder *h;

		assert_one_owner(o, *inode, pid);
		h = owners_holder(o, *inode, 0);
		assert_int_equal(h->comm_len, strlen(names[i]));
		assert_memory_equal(h->comm, names[i], h->comm_len + 1);
		assert_null(h->exe);
		assert_null(h->cgroup);
		owners_free(o);
		stop(pid);
	}
	munmap(inode, sizeof(*inode));
}

struct wanted_name {
	const char *name;
	pthread_t caller;
	atomic_int asked, open_to_signals;
};

static bool is_named(const char *comm, size_t len, void *arg)
{
	struct wanted_name *w = arg;
	sigset_t mask;

	atomic_fetch_add(&w->asked, 1);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	if (!pthread_equal(pthread_self(), w->caller) && !sigismember(&mask, SIGINT))
		atomic_fetch_add(&w->open_to_signals, 1);
	return len == strlen(w->name) && memcmp(comm, w->name, len) == 0;
}

static void test_accept(void **state)
{
	enum { OTHERS = 30 };
	struct wanted_name w = { .name = "c a\n)", .caller = pthread_self() };
	struct owners_request req = { .accept = is_named, .arg = &w };
	uint32_t *inodes = shared_memory(2 * sizeof(*inodes));
	pid_t pid = start(hold_under_name, &(struct named){ w.name, &inodes[0] });
	pid_t others[OTHERS];
	sigset_t mask;

	(void)state;
	for (int i = 0; i < OTHERS; i++)
		others[i] = start(hold_under_name, &(struct named){ "c a", &inodes[1] });
	for (size_t t = 0; t < 3; t++) {
		struct owners *o = owners_new();

		req.threads = thread_counts[t];
		w.asked = 0;
		scan(o, &req);
		pthread_sigmask(SIG_BLOCK, NULL, &mask);
		assert_false(sigismember(&mask, SIGINT));
		assert_one_owner(o, inodes[0], pid);
		assert_int_equal(owners_holder(o, inodes[0], 0)->comm_len, strlen(w.name));
		assert_int_equal(owners_count(o, inodes[1]), 0);
		assert_true(w.asked > OTHERS);
		assert_int_equal(w.open_to_signals, 0);
		owners_free(o);
	}
	for (int i = 0; i < OTHERS; i++)
		stop(others[i]);
	stop(pid);
	munmap(inodes, 2 * sizeof(*inodes));
}

/* ---- many ------------------------------------------------------------------------- */

enum { MANY = 17500, RANGES_OVER = 8192 };

struct table {
	size_t n;
	uint32_t far; /* held by the last descriptor, behind a gap */
	uint32_t inodes[MANY];
};

static bool hold_many(void *arg)
{
	struct table *t = arg;
	struct rlimit limit;
	int far = new_socket();

	t->far = inode_of(far);
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return false;
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_cur > MANY + 2000)
		limit.rlim_cur = MANY + 2000;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || dup2(far, (int)limit.rlim_cur - 1) < 0)
		return false;
	close(far);
	while (t->n < MANY) {
		int fd = new_socket();

		if (fd < 0)
			break;
		t->inodes[t->n++] = inode_of(fd);
	}
	return true;
}

/* A table that is read in ranges: nothing is missed, nothing twice, by any number of threads. */
static void test_large_table(void **state)
{
	struct table *t = shared_memory(sizeof(*t));
	pid_t pid = start(hold_many, t);

	(void)state;
	if (t->n < RANGES_OVER + 100) {
		stop(pid);
		munmap(t, sizeof(*t));
		skip();
	}
	for (size_t k = 0; k < 3; k++) {
		struct owners *o = scanned((int64_t[]){ pid }, 1, thread_counts[k]);

		for (size_t i = 0; i < t->n; i++)
			assert_one_owner(o, t->inodes[i], pid);
		assert_one_owner(o, t->far, pid);
		owners_free(o);
	}
	stop(pid);
	munmap(t, sizeof(*t));
}

static void test_many_processes(void **state)
{
	enum { CHILDREN = 150 };
	uint32_t *inodes = shared_memory(CHILDREN * sizeof(*inodes));
	pid_t pids[CHILDREN];

	(void)state;
	for (int i = 0; i < CHILDREN; i++)
		pids[i] = start(hold_under_name, &(struct named){ "many", &inodes[i] });
	for (size_t t = 0; t < 3; t++) {
		struct owners *o = scanned(NULL, 0, thread_counts[t]);

		for (int i = 0; i < CHILDREN; i++)
			assert_one_owner(o, inodes[i], pids[i]);
		owners_free(o);
	}
	for (int i = 0; i < CHILDREN; i++)
		stop(pids[i]);
	munmap(inodes, CHILDREN * sizeof(*inodes));
}

/* ---- what is asked for --------------------------------------------------------------- */

static void test_pids(void **state)
{
	uint32_t *inodes = shared_memory(2 * sizeof(*inodes));
	pid_t a = start(hold_under_name, &(struct named){ "a", &inodes[0] });
	pid_t b = start(hold_under_name, &(struct named){ "b", &inodes[1] });
	const int64_t odd[] = { 0, -1, INT64_MIN, INT64_MAX, b, 1LL << 32 | a, b };
	struct owners *o;

	(void)state;
	o = scanned((int64_t[]){ a }, 1, 0);
	assert_one_owner(o, inodes[0], a);
	assert_int_equal(owners_count(o, inodes[1]), 0);
	owners_free(o);
	o = scanned(odd, sizeof(odd) / sizeof(odd[0]), 0);
	assert_one_owner(o, inodes[1], b);
	assert_int_equal(owners_count(o, inodes[0]), 0);
	assert_false(owners_denied(o));
	owners_free(o);
	/* No pids at all are not all pids. */
	o = scanned(odd, 0, 0);
	assert_int_equal(owners_count(o, inodes[0]), 0);
	owners_free(o);
	stop(a);
	stop(b);
	munmap(inodes, 2 * sizeof(*inodes));
}

static void test_inodes(void **state)
{
	int a = new_socket(), b = new_socket(), c = new_socket();
	const uint32_t inodes[] = { inode_of(c), 0, inode_of(a), inode_of(c), UINT32_MAX };
	struct owners_request req = { .inodes = inodes, .ninodes = 5 };
	struct owners *o = owners_new();

	(void)state;
	scan(o, &req);
	assert_one_owner(o, inode_of(a), getpid());
	assert_one_owner(o, inode_of(c), getpid());
	assert_int_equal(owners_count(o, inode_of(b)), 0);
	assert_int_equal(owners_count(o, 0), 0);
	owners_free(o);
	/* No inodes at all are not all inodes. */
	req.ninodes = 0;
	o = owners_new();
	scan(o, &req);
	assert_int_equal(owners_count(o, inode_of(a)), 0);
	owners_free(o);
	close(a);
	close(b);
	close(c);
}

/* ---- a second pass ---------------------------------------------------------------------- */

static void test_second_pass_adds(void **state)
{
	uint32_t *inodes = shared_memory(2 * sizeof(*inodes));
	int both = new_socket();
	pid_t a = start(hold_under_name, &(struct named){ "a", &inodes[0] });
	pid_t b = start(hold_under_name, &(struct named){ "b", &inodes[1] });
	struct owners *o = scanned((int64_t[]){ b }, 1, 0);
	const struct holder *kept = owners_holder(o, inodes[1], 0);

	(void)state;
	assert_one_owner(o, inode_of(both), b);
	assert_int_equal(owners_count(o, inodes[0]), 0);
	for (int i = 0; i < 3; i++) {
		struct owners_request req = { .pids = (int64_t[]){ a, b }, .npids = 2 };

		req.facts = i > 0;
		scan(o, &req);
		assert_one_owner(o, inodes[0], a);
		assert_one_owner(o, inodes[1], b);
		assert_int_equal(owners_count(o, inode_of(both)), 2);
		assert_int_equal(owners_holder(o, inode_of(both), a < b)->pid, b);
		assert_int_equal(owners_holder(o, inode_of(both), a > b)->pid, a);
		assert_ptr_equal(owners_holder(o, inodes[1], 0), kept);
		assert_int_equal(kept->exe != NULL, i > 0);
	}
	owners_free(o);
	stop(a);
	stop(b);
	close(both);
	munmap(inodes, 2 * sizeof(*inodes));
}

/* Under another name the process stands once for each socket, as it was seen last with it. */
static void test_second_pass_renamed(void **state)
{
	int early = new_socket(), stays = new_socket(), late;
	uint32_t gone = inode_of(early);
	struct owners_request req = { .pids = (int64_t[]){ getpid() }, .npids = 1 };
	struct owners *o = owners_new();
	char name[16];

	(void)state;
	prctl(PR_GET_NAME, name);
	prctl(PR_SET_NAME, "before");
	scan(o, &req);
	close(early);
	late = new_socket();
	prctl(PR_SET_NAME, "after");
	scan(o, &req);
	prctl(PR_SET_NAME, name);
	assert_one_owner(o, gone, getpid());
	assert_string_equal(owners_holder(o, gone, 0)->comm, "before");
	assert_one_owner(o, inode_of(stays), getpid());
	assert_string_equal(owners_holder(o, inode_of(stays), 0)->comm, "after");
	assert_one_owner(o, inode_of(late), getpid());
	assert_string_equal(owners_holder(o, inode_of(late), 0)->comm, "after");
	owners_free(o);
	close(stays);
	close(late);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_shared_by_fork),
		cmocka_unit_test(test_passed_on),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_large_table),
		cmocka_unit_test(test_many_processes),
		cmocka_unit_test(test_pids),
		cmocka_unit_test(test_inodes),
		cmocka_unit_test(test_second_pass_adds),
		cmocka_unit_test(test_second_pass_renamed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
