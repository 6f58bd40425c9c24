/*
 * What owners are made of: facts of processes, told by folders that the test makes;
 * links, maps; and a /proc that is denied, hidden, missing, interrupted, or too much.
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
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

enum { NOBODY = 65534, PASSED = 0, FAILED = 1, NOT_HERE = 2 };

/* ---- a folder like /proc/PID ------------------------------------------------------ */

struct folder {
	char path[32];
	int fd;
};

static int make_folder(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->path, "/tmp/test_owners.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->fd = open(f->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->fd >= 0);
	*state = f;
	return 0;
}

static int drop_folder(void **state)
{
	static const char *const names[] = { "comm", "exe", "cgroup", "status", "stat" };
	struct folder *f = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(f->fd, names[i], 0);
	close(f->fd);
	rmdir(f->path);
	free(f);
	return 0;
}

static void put_file(const struct folder *f, const char *name, const char *text, size_t len)
{
	int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
}

static void test_comm(void **state)
{
	struct folder *f = *state;
	char lng[3000];
	struct holder h = { 0 };

	assert_int_equal(process_comm(f->fd, &h), -1);
	assert_int_equal(errno, ENOENT);
	put_file(f, "comm", "a\n\n", 3);
	assert_int_equal(process_comm(f->fd, &h), 0);
	assert_int_equal(h.comm_len, 2);
	assert_string_equal(h.comm, "a\n");
	free(h.comm);
	put_file(f, "comm", "\n", 1);
	assert_int_equal(process_comm(f->fd, &h), 0);
	assert_int_equal(h.comm_len, 0);
	free(h.comm);
	memset(lng, 'x', sizeof(lng));
	lng[sizeof(lng) - 1] = '\n';
	put_file(f, "comm", lng, sizeof(lng));
	assert_int_equal(process_comm(f->fd, &h), 0);
	assert_int_equal(h.comm_len, sizeof(lng) - 1);
	free(h.comm);
	/* What the kernel never writes is no name. */
	put_file(f, "comm", "", 0);
	assert_int_equal(process_comm(f->fd, &h), -1);
	put_file(f, "comm", "x", 1);
	assert_int_equal(process_comm(f->fd, &h), -1);
}

static void test_exe(void **state)
{
	struct folder *f = *state;
	struct holder h = { 0 };
	char lng[4000];

	assert_int_equal(process_facts(f->fd, -1, &h), 0);
	assert_null(h.exe);
	assert_null(h.cgroup);
	assert_int_equal(symlinkat("/bin/a b\n (deleted)", f->fd, "exe"), 0);
	assert_int_equal(process_facts(f->fd, -1, &h), 0);
	assert_string_equal(h.exe, "/bin/a b\n (deleted)");
	free(h.exe);
	for (size_t n = 254; n < 260; n++) {
		memset(lng, 'x', n);
		lng[n] = '\0';
		unlinkat(f->fd, "exe", 0);
		assert_int_equal(symlinkat(lng, f->fd, "exe"), 0);
		assert_int_equal(process_facts(f->fd, -1, &h), 0);
		assert_string_equal(h.exe, lng);
		free(h.exe);
	}
	memset(lng, 'y', sizeof(lng) - 1);
	lng[sizeof(lng) - 1] = '\0';
	unlinkat(f->fd, "exe", 0);
	assert_int_equal(symlinkat(lng, f->fd, "exe"), 0);
	assert_int_equal(process_facts(f->fd, -1, &h), 0);
	assert_string_equal(h.exe, lng);
	free(h.exe);
}

static void test_cgroup(void **state)
{
	static const struct {
		const char *text, *path;
	} rows[] = {
		{ "0::/\n", "/" },
		{ "0::/system.slice/ssh.service\n", "/system.slice/ssh.service" },
		{ "4:memory:/m\n1:name=systemd:/s\n0::/\n", "/s" },
		{ "4:memory:/m\n1:name=systemd:/s\n0::/u\n", "/u" },
		{ "0::/u\n12:name=systemd:/s\n", "/u" },
		{ "0::/\n12:name=systemd:/s:x y\n", "/s:x y" },
		{ "1:name=systemd:/\n0::/\n", "/" },
		{ "1:name=systemd:/a\\012b (deleted)\n", "/a\\012b (deleted)" },
		{ "4:memory:/m\n1:name=elogind:/s\n", NULL },
		{ "0::/no/newline", "/no/newline" },
		{ "0::\n", "" },
		{ "10::/x\n:name=systemd\n0:\n\n\n0", NULL },
		{ "", NULL },
	};
	struct folder *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct holder h = { 0 };

		put_file(f, "cgroup", rows[i].text, strlen(rows[i].text));
		assert_int_equal(process_facts(f->fd, -1, &h), 0);
		if (rows[i].path) {
			assert_non_null(h.cgroup);
			assert_string_equal(h.cgroup, rows[i].path);
		} else {
			assert_null(h.cgroup);
		}
		free(h.cgroup);
	}
}

static void test_leader(void **state)
{
	struct folder *f = *state;

	assert_int_equal(process_is_leader(f->fd, 1), -1);
	put_file(f, "status", "Name:\tTgid:\t7\nUmask:\t0\nTgid:\t12\nPid:\t12\n", 41);
	assert_int_equal(process_is_leader(f->fd, 12), 1);
	assert_int_equal(process_is_leader(f->fd, 7), 0);
	put_file(f, "status", "Name:\tx\n", 8);
	assert_int_equal(process_is_leader(f->fd, 12), 0);
}

/* The kernel's own words about this process. */
static void test_own_facts(void **state)
{
	struct owners_request req = { .pids = (int64_t[]){ getpid() }, .npids = 1, .facts = true };
	struct owners *o = owners_new();
	const struct holder *h;
	struct nl_error err;
	char exe[4096] = "";
	int fd = new_socket();

	(void)state;
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	assert_int_equal(owners_scan(o, &req, &err), 0);
	h = owners_holder(o, inode_of(fd), 0);
	assert_non_null(h);
	assert_string_equal(h->exe, exe);
	assert_non_null(h->cgroup);
	assert_int_equal(h->cgroup[0], '/');
	owners_free(o);
	close(fd);
}

/* ---- descriptors --------------------------------------------------------------------- */

static void test_links(void **state)
{
	static const struct {
		const char *link;
		uint32_t inode;
	} rows[] = {
		{ "socket:[1]", 1 },	       { "socket:[4294967295]", 4294967295u },
		{ "socket:[4294967296]", 0 },  { "socket:[18446744073709551617]", 0 },
		{ "socket:[0]", 0 },	       { "socket:[]", 0 },
		{ "socket:[12", 0 },	       { "socket:[1]x", 0 },
		{ "socket:[1 ]", 0 },	       { "socket:[-1]", 0 },
		{ "socket:[0x1]", 0 },	       { "pipe:[1]", 0 },
		{ "/tmp/socket:[1]", 0 },      { "[0000]:12", 0 },
		{ "socket:[1] (deleted)", 0 }, { "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(fds_socket(rows[i].link, strlen(rows[i].link)), rows[i].inode);
	assert_int_equal(fds_socket("socket:[123]", 11), 0);
}

static int seek_with_gaps(void *arg)
{
	static const unsigned held[] = { 200, 201, 400, 900 };
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct numbers d;
	const char *name;
	unsigned n;

	(void)arg;
	/* Whatever else was open when the tests were started. */
	if (!fds_can_seek(proc) || close_range((unsigned)proc + 1, ~0u, 0) != 0)
		return NOT_HERE;
	for (size_t i = 0; i < 4; i++)
		if (dup2(proc, (int)held[i]) != (int)held[i])
			return NOT_HERE;
	d.fd = openat(proc, "self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (unsigned from = 200; from <= 901; from++) {
		unsigned want = from <= 201 ? from : from <= 400 ? 400 : 900;

		if (!fds_seek(d.fd, from))
			return FAILED;
		numbers_begin(&d, d.fd);
		if (numbers_next(&d, &n, &name) != (from <= 900) || (from <= 900 && n != want))
			return FAILED;
	}
	return PASSED;
}

/* The numbers that come back are those from the asked one on, in a table with gaps. */
static void test_seek(void **state)
{
	int rc = in_child(seek_with_gaps, NULL);

	(void)state;
	if (rc == NOT_HERE)
		skip();
	assert_int_equal(rc, PASSED);
}

static void test_map(void **state)
{
	struct imap m = { 0 };

	(void)state;
	assert_null(imap_get(&m, 5));
	for (uint32_t i = 1; i <= 100000; i++) {
		uint32_t *v = imap_put(&m, i * 2654435761u);

		assert_non_null(v);
		assert_int_equal(*v, 0);
		*v = i;
	}
	for (uint32_t i = 1; i <= 100000; i++) {
		assert_int_equal(*imap_get(&m, i * 2654435761u), i);
		assert_ptr_equal(imap_put(&m, i * 2654435761u), imap_get(&m, i * 2654435761u));
	}
	assert_int_equal(m.used, 100000);
	assert_null(imap_get(&m, 0));
	assert_null(imap_get(&m, 100001 * 2654435761u));
	imap_free(&m);
	assert_null(imap_get(&m, 5));
}

/* ---- what a pass meets ------------------------------------------------------------------ */

static void test_interrupted(void **state)
{
	struct owners_request req = { 0 };
	struct owners *o = owners_new();
	int fd = new_socket(), later;
	struct nl_error err;

	(void)state;
	assert_int_equal(owners_scan(o, &req, &err), 0);
	later = new_socket();
	for (req.threads = 1; req.threads <= 4; req.threads++) {
		nl_cancel = 1;
		assert_int_equal(owners_scan(o, &req, &err), -1);
		nl_cancel = 0;
		assert_int_equal(err.code, ECANCELED);
		assert_string_equal(err.text, "interrupted");
	}
	/* What the earlier pass found stays, and nothing of the others. */
	assert_int_equal(owners_count(o, inode_of(fd)), 1);
	assert_int_equal(owners_count(o, inode_of(later)), 0);
	owners_free(o);
	close(fd);
	close(later);
}

static int be_nobody(void)
{
	return setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
			       setresuid(NOBODY, NOBODY, NOBODY) == 0
		       ? 0
		       : -1;
}

static int scan_denied(void *arg)
{
	int64_t *pids = arg, zombie;
	struct owners_request req = { .pids = pids, .npids = 1 };
	struct owners *o = owners_new();
	struct nl_error err;
	bool ok;

	/* Its descriptors may be read by its user again: what a plain program is. */
	if (be_nobody() != 0 || prctl(PR_SET_DUMPABLE, 1) != 0)
		return NOT_HERE;
	zombie = fork();
	if (zombie == 0)
		_exit(0);
	usleep(20000);
	req.pids = &zombie;
	ok = owners_scan(o, &req, &err) == 0 && !owners_denied(o);
	req.pids = pids;
	ok = ok && owners_scan(o, &req, &err) == 0 && owners_denied(o);
	ok = ok && owners_count(o, (uint32_t)pids[1]) == 0;
	owners_free(o);
	return ok ? PASSED : FAILED;
}

/* Another user's process is denied; one that has ended is not. */
static void test_denied(void **state)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), rc;
	int64_t args[2] = { getpid(), inode_of(fd) };

	(void)state;
	if (geteuid() != 0)
		skip();
	rc = in_child(scan_denied, args);
	close(fd);
	if (rc == NOT_HERE)
		skip();
	assert_int_equal(rc, PASSED);
}

static int scan_without_descriptors(void *arg)
{
	struct owners_request req = { .threads = *(unsigned *)arg };
	struct owners *o = owners_new();
	int fd = dup(0);
	const struct rlimit few = { (rlim_t)fd + 2, (rlim_t)fd + 2 };
	struct nl_error err = { 0 };
	char limit[64];

	/* Enough for /proc and a process, not for its descriptors. */
	if (close(fd) != 0 || setrlimit(RLIMIT_NOFILE, &few) != 0)
		return NOT_HERE;
	snprintf(limit, sizeof(limit), "may have %d open files (ulimit -n)", fd + 2);
	for (int i = 0; i < 3; i++) {
		if (owners_scan(o, &req, &err) != -1 || err.code != EMFILE ||
		    !strstr(err.text, limit))
			return FAILED;
		if (i < 2 && dup(0) < 0)
			return NOT_HERE;
	}
	owners_free(o);
	return PASSED;
}

static void test_no_descriptors(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads <= 4; threads += 3)
		assert_int_equal(in_child(scan_without_descriptors, &threads), PASSED);
}

/* ---- what /proc shows --------------------------------------------------------------------- */

/* A mount namespace of our own, where mounts go nowhere else. */
static bool own_mounts(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static int scan_no_proc(void *arg)
{
	struct owners_request req = { 0 };
	struct owners *o = owners_new();
	struct nl_error err = { 0 };
	bool ok;

	(void)arg;
	if (!own_mounts() || mount("none", "/proc", "tmpfs", 0, NULL) != 0)
		return NOT_HERE;
	ok = owners_scan(o, &req, &err) == -1 && err.code == ENODEV &&
	     strcmp(err.text, "owners of sockets need /proc, but no procfs is mounted there") == 0;
	owners_free(o);
	return ok ? PASSED : FAILED;
}

static void test_no_proc(void **state)
{
	int rc = in_child(scan_no_proc, NULL);

	(void)state;
	if (rc == NOT_HERE)
		skip();
	assert_int_equal(rc, PASSED);
}

struct mounted {
	const char *options;
	bool as_root;
	gid_t gid;
	bool hidden;
};

static int look_hidden(void *arg)
{
	const struct mounted *m = arg;

	if (!own_mounts() || mount("proc", "/proc", "proc", 0, m->options) != 0)
		return NOT_HERE;
	if (!m->as_root && (setgroups(1, &m->gid) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
			    setresuid(NOBODY, NOBODY, NOBODY) != 0))
		return NOT_HERE;
	return owners_hidden() == m->hidden ? PASSED : FAILED;
}

static void test_hidepid(void **state)
{
	static const struct mounted rows[] = {
		{ "", false, NOBODY, false },
		{ "hidepid=1", false, NOBODY, true },
		{ "hidepid=2", false, NOBODY, true },
		{ "hidepid=4", false, NOBODY, true },
		{ "hidepid=2", true, 0, false },
		{ "hidepid=4", true, 0, false },
		{ "hidepid=2", false, 0, false },
		{ "hidepid=4", false, 0, true },
		{ "hidepid=2,gid=77", false, 0, true },
		{ "hidepid=2,gid=77", false, 77, false },
		{ "subset=pid", false, NOBODY, false },
		{ "hidepid=2,subset=pid", false, NOBODY, true },
	};

	(void)state;
	if (geteuid() != 0 || owners_hidden())
		skip();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = in_child(look_hidden, (void *)(uintptr_t)&rows[i]);

		if (rc == NOT_HERE)
			skip();
		if (rc != PASSED)
			fail_msg("options \"%s\", group %u", rows[i].options, rows[i].gid);
	}
}

static int hidden_for_init(void *arg)
{
	(void)arg;
	return owners_hidden() ? PASSED : FAILED;
}

static int look_from_pid_namespace(void *arg)
{
	if (unshare(CLONE_NEWPID) != 0)
		return NOT_HERE;
	return in_child(hidden_for_init, arg);
}

static void test_pid_namespace(void **state)
{
	int rc = in_child(look_from_pid_namespace, NULL);

	(void)state;
	if (rc == NOT_HERE)
		skip();
	assert_int_equal(rc, PASSED);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(test_comm),
		IN_FOLDER(test_exe),
		IN_FOLDER(test_cgroup),
		IN_FOLDER(test_leader),
		cmocka_unit_test(test_own_facts),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_seek),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_no_proc),
		cmocka_unit_test(test_hidepid),
		cmocka_unit_test(test_pid_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
