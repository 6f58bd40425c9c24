/*
 * Owners while processes come and go: short-lived ones by the hundred, and one whose
 * first thread has ended.
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
#include <string.h>

enum { RING = 4096 };

struct birth {
	_Atomic uint32_t inode; /* set last */
	pid_t pid;
};

struct births {
	atomic_uint n;
	struct birth ring[RING];
};

/* Holds one socket, under a name that tells which, and ends by exec. */
static void live_shortly(struct births *all)
{
	struct birth *b = &all->ring[atomic_fetch_add(&all->n, 1) % RING];
	int fd = new_socket();
	char name[16];

	snprintf(name, sizeof(name), "s%u", inode_of(fd));
	prctl(PR_SET_NAME, name);
	b->pid = getpid();
	atomic_store(&b->inode, inode_of(fd));
	usleep(300);
	execl("/bin/true", "true", (char *)NULL);
	_exit(1);
}

static bool breed(void *arg)
{
	pid_t mother = fork();

	if (mother != 0)
		return mother > 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		pid_t pid = fork();

		if (pid == 0)
			live_shortly(arg);
		usleep(100);
	}
}

static void assert_birth(const struct owners *o, const struct birth *b)
{
	uint32_t inode = atomic_load(&b->inode);
	const struct holder *h;
	char name[16], own[16];

	if (inode == 0 || owners_count(o, inode) == 0)
		return;
	assert_one_owner(o, inode, b->pid);
	h = owners_holder(o, inode, 0);
	snprintf(name, sizeof(name), "s%u", inode);
	prctl(PR_GET_NAME, own);
	/* Names are read after descriptors: it may run the other program, or have no name yet. */
	if (strcmp(h->comm, "true") != 0 && strcmp(h->comm, own) != 0)
		assert_string_equal(h->comm, name);
}

static void test_churn(void **state)
{
	struct births *all = shared_memory(sizeof(*all));
	pid_t mother = start(breed, all);
	int fd = new_socket();
	size_t seen = 0;

	(void)state;
	for (int pass = 0; pass < 40 || (pass < 400 && seen == 0); pass++) {
		struct owners_request req = { .threads = thread_counts[pass % 3], .facts = true };
		struct owners *o = owners_new();
		unsigned first = atomic_load(&all->n), last;

		usleep(1000);
		scan(o, &req);
		assert_one_owner(o, inode_of(fd), getpid());
		last = atomic_load(&all->n);
		/* Those of a place in the ring that is used anew meanwhile tell nothing. */
		for (unsigned i = first; i < last && last - first < RING / 2; i++) {
			assert_birth(o, &all->ring[i % RING]);
			seen += owners_count(o, all->ring[i % RING].inode) > 0;
		}
		owners_free(o);
	}
	stop(mother);
	close(fd);
	munmap(all, sizeof(*all));
	assert_true(seen > 0);
}

struct headless {
	atomic_int tid; /* of the thread that lives on */
	int fd;
	uint32_t inode;
};

static void *outlive(void *arg)
{
	atomic_store(&((struct headless *)arg)->tid, gettid());
	for (;;)
		pause();
	return NULL;
}

static pid_t start_headless(struct headless *m)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		pthread_t t;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "headless");
		m->fd = new_socket();
		m->inode = inode_of(m->fd);
		if (pthread_create(&t, NULL, outlive, m) != 0)
			_exit(1);
		pthread_exit(NULL);
	}
	return pid;
}

/* A zombie whose other threads live has no descriptors in /proc/PID/fd. */
static bool shows_socket(pid_t pid, int fd)
{
	char path[64], link[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	return readlink(path, link, sizeof(link)) >= 0;
}

/* The first thread of a process may end before the others. */
static void test_first_thread_ended(void **state)
{
	struct headless *m = shared_memory(sizeof(*m));
	pid_t pid = start_headless(m);
	struct owners_request req = { .facts = true, .npids = 1 };
	struct owners *o = owners_new();
	int64_t one;

	(void)state;
	for (int i = 0; i < 2000 && (!atomic_load(&m->tid) || shows_socket(pid, m->fd)); i++)
		usleep(1000);
	assert_false(shows_socket(pid, m->fd));
	scan(o, &req);
	assert_one_owner(o, m->inode, pid);
	assert_string_equal(owners_holder(o, m->inode, 0)->comm, "headless");
	assert_non_null(owners_holder(o, m->inode, 0)->exe);
	owners_free(o);
	/* The same by its pid, and nothing by the number of its thread, which is no process. */
	req.pids = &one;
	for (int by_tid = 0; by_tid < 2; by_tid++) {
		o = owners_new();
		one = by_tid ? m->tid : pid;
		scan(o, &req);
		assert_int_equal(owners_count(o, m->inode), !by_tid);
		owners_free(o);
	}
	stop(pid);
	munmap(m, sizeof(*m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_first_thread_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
