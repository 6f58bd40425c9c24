/*
 * Descriptors by which sockets are held: of processes that have one several times, of
 * threads with tables of their own, of large tables, told by several passes; and contexts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/procfs/private.h"

#include "test_owners.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/xattr.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

/* One of a process, or of a thread, at this descriptor; tid 0: threads are not told apart. */
struct expected {
	pid_t pid, tid;
	int fd;
	const char *comm;
};

static void assert_uses(const struct owners *o, uint32_t inode, const struct expected *want,
			size_t n)
{
	size_t first, got = owners_uses(o, inode, &first);

	assert_int_equal(got, n);
	for (size_t i = 0; i < n; i++) {
		struct use u;

		owners_use(o, first + i, &u);
		assert_int_equal(u.holder->pid, want[i].pid);
		assert_int_equal(u.tid, want[i].tid);
		assert_int_equal(u.fd, want[i].fd);
		assert_int_equal(u.comm_len, strlen(want[i].comm));
		assert_memory_equal(u.comm, want[i].comm, u.comm_len + 1);
	}
}

/* Descriptors that nothing else of the test has. */
enum { HIGH = 700 };

static int socket_at(int fd)
{
	int made = new_socket();

	assert_int_equal(dup2(made, fd), fd);
	close(made);
	return fd;
}

static bool hold_twice_more(void *arg)
{
	int fd = *(int *)arg;

	return prctl(PR_SET_NAME, "a) \"b\n") == 0 && dup2(fd, HIGH + 9) >= 0 &&
	       dup2(fd, HIGH + 2) >= 0 && close(fd) == 0;
}

static bool nothing(void *arg)
{
	(void)arg;
	return prctl(PR_SET_NAME, "") == 0;
}

static void test_descriptors(void **state)
{
	int fd = socket_at(HIGH), other = new_socket();
	uint32_t inode = inode_of(fd);
	pid_t one = start(hold_twice_more, &fd), two = start(nothing, NULL);
	const int64_t pids[] = { two, one };
	const struct expected want[] = { { one, 0, HIGH + 2, "a) \"b\n" },
					 { one, 0, HIGH + 9, "a) \"b\n" },
					 { two, 0, HIGH, "" } };
	struct owners *o;
	size_t first;

	(void)state;
	assert_true(one < two);
	for (size_t t = 0; t < 3; t++) {
		o = owners_new();
		scan(o,
		     &(struct owners_request){
			     .pids = pids, .npids = 2, .fds = true, .threads = thread_counts[t] });
		assert_uses(o, inode, want, 3);
		/* a process is counted once all the same */
		assert_int_equal(owners_count(o, inode), 2);
		assert_int_equal(owners_holder(o, inode, 0)->pid, one);
		assert_int_equal(owners_holder(o, inode, 1)->pid, two);
		assert_int_equal(owners_count(o, inode_of(other)), 2);
		assert_int_equal(owners_uses(o, 0, &first), 0);
		owners_free(o);
	}
	o = owners_new();
	scan(o, &(struct owners_request){ .pids = pids, .npids = 2 });
	assert_int_equal(owners_count(o, inode), 2);
	assert_int_equal(owners_uses(o, inode, &first), 0);
	owners_free(o);
	stop(one);
	stop(two);
	close(fd);
	close(other);
}

/* ---- threads --------------------------------------------------------------------------- */

/* What the threads of a child tell. */
struct thread_notes {
	pid_t tids[3];
	uint32_t own;
};

struct actor {
	const char *name;
	struct thread_notes *notes;
	int number, fd;
	bool apart;
	sem_t ready;
};

static void *act(void *arg)
{
	struct actor *a = arg;

	prctl(PR_SET_NAME, a->name);
	a->notes->tids[a->number] = (pid_t)syscall(SYS_gettid);
	if (a->apart && (unshare(CLONE_FILES) != 0 || dup2(a->fd, HIGH + 5) < 0))
		_exit(1);
	if (a->apart)
		a->notes->own = inode_of(new_socket());
	sem_post(&a->ready);
	for (;;)
		pause();
	return NULL;
}

struct scene {
	int fd;
	struct thread_notes *notes;
};

/* A thread that shares the table, and behind it one with a table of its own. */
static bool with_threads(void *arg)
{
	static struct actor actors[2];
	const struct scene *s = arg;

	prctl(PR_SET_NAME, "first");
	for (int i = 0; i < 2; i++) {
		pthread_t thread;

		actors[i] = (struct actor){ .name = i ? "apart" : "shares",
					    .notes = s->notes,
					    .number = i,
					    .fd = s->fd,
					    .apart = i == 1 };
		if (sem_init(&actors[i].ready, 0, 0) ||
		    pthread_create(&thread, NULL, act, &actors[i]))
			return false;
		while (sem_wait(&actors[i].ready) != 0)
			;
	}
	return true;
}

static void test_threads(void **state)
{
	int fd = socket_at(HIGH);
	uint32_t inode = inode_of(fd);
	struct scene s = { fd, shared_memory(sizeof(*s.notes)) };
	pid_t pid = start(with_threads, &s);
	const pid_t *tids = s.notes->tids;
	const struct expected want[] = { { pid, pid, HIGH, "first" },
					 { pid, tids[0], HIGH, "shares" },
					 { pid, tids[1], HIGH, "apart" },
					 { pid, tids[1], HIGH + 5, "apart" } };
	const struct expected plain = { pid, 0, HIGH, "first" };
	struct owners_request req = { .pids = (int64_t[]){ pid }, .npids = 1, .fds = true };
	struct owners *o;

	(void)state;
	for (size_t t = 0; t < 3; t++) {
		req.threads = thread_counts[t];
		req.tasks = true;
		o = owners_new();
		scan(o, &req);
		assert_uses(o, inode, want, 4);
		assert_one_owner(o, inode, pid);
		assert_string_equal(owners_holder(o, inode, 0)->comm, "first");
		/* what no other thread has is the process's all the same */
		assert_one_owner(o, s.notes->own, pid);
		owners_free(o);
		req.tasks = false;
		o = owners_new();
		scan(o, &req);
		assert_uses(o, inode, &plain, 1);
		assert_int_equal(owners_count(o, s.notes->own), 0);
		owners_free(o);
	}
	stop(pid);
	munmap(s.notes, sizeof(*s.notes));
	close(fd);
}

static void *outlive(void *arg)
{
	struct actor *a = arg;

	prctl(PR_SET_NAME, a->name);
	a->notes->tids[a->number] = (pid_t)syscall(SYS_gettid);
	/* the first thread has ended when it is a zombie, which its stat tells */
	for (int i = 0; i < 5000; i++) {
		char path[64], text[512] = "", *state;
		int fd;

		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)getpid());
		fd = open(path, O_RDONLY);
		if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 &&
		    (state = strrchr(text, ')')) && state[2] == 'Z')
			break;
		close(fd);
		usleep(1000);
	}
	if (write(a->fd, "y", 1) != 1)
		_exit(1);
	for (;;)
		pause();
	return NULL;
}

/* Of a process whose first thread has ended, what it holds is shown below the others. */
static void test_first_has_ended(void **state)
{
	int fd = socket_at(HIGH), ready[2];
	struct thread_notes *notes = shared_memory(sizeof(*notes));
	struct actor actor = { .name = "left", .notes = notes };
	struct owners_request req = { .npids = 1, .fds = true, .tasks = true };
	struct owners *o = owners_new();
	pthread_t thread;
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	actor.fd = ready[1];
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (pthread_create(&thread, NULL, outlive, &actor) != 0)
			_exit(1);
		syscall(SYS_exit, 0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	req.pids = (int64_t[]){ pid };
	scan(o, &req);
	assert_uses(o, inode_of(fd), &(struct expected){ pid, notes->tids[0], HIGH, "left" }, 1);
	owners_free(o);
	req.tasks = false;
	o = owners_new();
	scan(o, &req);
	assert_one_owner(o, inode_of(fd), pid);
	owners_free(o);
	stop(pid);
	munmap(notes, sizeof(*notes));
	close(ready[0]);
	close(ready[1]);
	close(fd);
}

/* ---- large tables -------------------------------------------------------------------------- */

enum { MANY = 18000, LOWEST = 100 };

struct table {
	int fd, n;
};

/* As many as the limit allows, more than one range of them where it is the usual one. */
static bool hold_many(void *arg)
{
	struct table *t = arg;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return false;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return false;
	for (; t->n < MANY; t->n++)
		if (LOWEST + t->n != t->fd && dup2(t->fd, LOWEST + t->n) < 0)
			break;
	return t->n > 0;
}

/* Ranges that several threads read give one ascending list. */
static void test_large_table(void **state)
{
	struct table *t = shared_memory(sizeof(*t));
	int fd = t->fd = socket_at(HIGH);
	pid_t pid = start(hold_many, t);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct owners *o = owners_new();
		size_t first;
		struct use u;

		scan(o, &(struct owners_request){ .pids = (int64_t[]){ pid },
						  .npids = 1,
						  .fds = true,
						  .threads = thread_counts[i] });
		assert_int_equal(owners_uses(o, inode_of(fd), &first), t->n);
		for (int k = 0; k < t->n; k++) {
			owners_use(o, first + (size_t)k, &u);
			assert_int_equal(u.fd, LOWEST + k);
		}
		assert_one_owner(o, inode_of(fd), pid);
		owners_free(o);
	}
	stop(pid);
	close(fd);
	munmap(t, sizeof(*t));
}

/* ---- several passes ------------------------------------------------------------------------- */

static void test_passes(void **state)
{
	int fd = socket_at(HIGH), kept = socket_at(HIGH + 20);
	uint32_t inode = inode_of(fd), other = inode_of(kept);
	pid_t child = start(nothing, NULL), own = getpid();
	const int64_t both[] = { own, child }, us[] = { own };
	struct owners_request req = { .pids = both, .npids = 2, .fds = true };
	struct owners *o = owners_new();
	char name[16] = "";

	(void)state;
	prctl(PR_GET_NAME, name);
	scan(o, &req);
	assert_uses(o, inode, (struct expected[]){ { own, 0, HIGH, name }, { child, 0, HIGH, "" } },
		    2);
	/* the same again is no second one */
	scan(o, &req);
	assert_uses(o, inode, (struct expected[]){ { own, 0, HIGH, name }, { child, 0, HIGH, "" } },
		    2);

	/* moved meanwhile: what was found last stands, of those that were looked at */
	assert_int_equal(dup2(fd, HIGH + 1), HIGH + 1);
	assert_int_equal(dup2(fd, HIGH + 3), HIGH + 3);
	close(fd);
	req.pids = us;
	req.npids = 1;
	req.inodes = &inode;
	req.ninodes = 1;
	prctl(PR_SET_NAME, "renamed");
	scan(o, &req);
	assert_uses(o, inode,
		    (struct expected[]){ { own, 0, HIGH + 1, "renamed" },
					 { own, 0, HIGH + 3, "renamed" },
					 { child, 0, HIGH, "" } },
		    3);
	assert_uses(o, other,
		    (struct expected[]){ { own, 0, HIGH + 20, name }, { child, 0, HIGH + 20, "" } },
		    2);

	/* closed here: what was known of it stays, as of any that a pass does not find */
	close(HIGH + 1);
	close(HIGH + 3);
	scan(o, &req);
	assert_int_equal(owners_count(o, inode), 2);
	prctl(PR_SET_NAME, name);
	owners_free(o);
	stop(child);
	close(kept);
}

/* ---- contexts ---------------------------------------------------------------------------------
 */

static void test_contexts(void **state)
{
	static const char text[] = "system_u:object_r:initrc_t:s0";
	char path[] = "/tmp/test_owners_uses.XXXXXX", *got;
	int dir, fd;

	(void)state;
	assert_non_null(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY);
	assert_true(dir >= 0);
	/* no module tells one: the folder has no such file */
	assert_null(process_context(dir));
	assert_int_equal(mkdirat(dir, "attr", 0700), 0);
	fd = openat(dir, "attr/current", O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "unconfined\n", 11), 11);
	close(fd);
	got = process_context(dir);
	assert_string_equal(got, "unconfined");
	free(got);
	fd = openat(dir, "attr/current", O_TRUNC | O_WRONLY);
	assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
	close(fd);
	got = process_context(dir);
	assert_string_equal(got, text);
	free(got);
	close(openat(dir, "attr/current", O_TRUNC | O_WRONLY));
	assert_null(process_context(dir));

	/* a name such as descriptors have */
	fd = openat(dir, "7", O_CREAT | O_WRONLY, 0600);
	assert_null(process_socket_context(dir, "7"));
	assert_null(process_socket_context(dir, "8"));
	if (fsetxattr(fd, XATTR_NAME_SELINUX, text, sizeof(text), 0) == 0) {
		got = process_socket_context(dir, "7");
		assert_string_equal(got, text);
		free(got);
	} else {
		print_message("security.selinux cannot be set here: %s\n", strerror(errno));
	}
	close(fd);
	unlinkat(dir, "attr/current", 0);
	unlinkat(dir, "attr", AT_REMOVEDIR);
	unlinkat(dir, "7", 0);
	close(dir);
	rmdir(path);
}

/* What a pass tells of us is what the kernel says; on most machines, nothing. */
static void test_own_context(void **state)
{
	int fd = new_socket();
	char text[4096] = "", *end;
	struct owners *o = owners_new();
	int file = open("/proc/self/attr/current", O_RDONLY);
	ssize_t n = file >= 0 ? read(file, text, sizeof(text) - 1) : -1;
	size_t first;
	struct use u;

	(void)state;
	end = n > 0 ? strpbrk(text, "\n") : NULL;
	if (end)
		*end = '\0';
	scan(o,
	     &(struct owners_request){
		     .pids = (int64_t[]){ getpid() }, .npids = 1, .fds = true, .contexts = true });
	assert_int_equal(owners_uses(o, inode_of(fd), &first), 1);
	owners_use(o, first, &u);
	assert_int_equal(u.tid, 0);
	assert_int_equal(u.fd, fd);
	if (n > 0 && text[0])
		assert_string_equal(u.context, text);
	else
		assert_null(u.context);
	owners_free(o);
	if (file >= 0)
		close(file);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptors),	cmocka_unit_test(test_threads),
		cmocka_unit_test(test_first_has_ended), cmocka_unit_test(test_large_table),
		cmocka_unit_test(test_passes),		cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_own_context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
