/*
 * What a recording holds beside lists of netlink: texts of /proc, objects, names, facts,
 * processes and namespaces, each as it was told; and that the room procfs answers from it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "connsh/procfs.h"
#include "connsh/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];

static void begin(void)
{
	struct nl_error err;
	int fd;

	strcpy(path, "/tmp/test_snapshot_XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(nl_record_start(path, &err), 0);
	assert_true(nl_recording());
}

static void load(void)
{
	struct nl_error err;

	assert_int_equal(nl_record_stop(&err), 0);
	assert_int_equal(nl_replay_load(path, &err), 0);
	unlink(path);
}

static void test_checks(void **state)
{
	unsigned char bytes[32];

	(void)state;
	/* RFC 3720 B.4 */
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(nl_crc(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(nl_crc(0, bytes, 32), 0x62a8ab43);
	for (unsigned i = 0; i < 32; i++)
		bytes[i] = (unsigned char)i;
	assert_int_equal(nl_crc(0, bytes, 32), 0x46dd794e);
	for (size_t cut = 0; cut <= 32; cut++)
		assert_int_equal(nl_crc(nl_crc(0, bytes, cut), bytes + cut, 32 - cut), 0x46dd794e);
}

/* All lines of a text, one behind the other with a '|'. */
static char *lines(const char *name)
{
	static char all[4096];
	struct proc_file *f;
	struct nl_error err;
	const char *line;
	size_t len, at = 0;
	int rc;

	if (proc_open(&f, -1, name, &err) < 0)
		return NULL;
	while ((rc = proc_line(f, &line, &len, &err)) > 0) {
		assert_true(at + len + 1 < sizeof(all));
		memcpy(all + at, line, len);
		at += len;
		all[at++] = '|';
	}
	proc_close(f);
	all[at] = '\0';
	return rc == 0 ? all : NULL;
}

static void test_texts_as_they_were(void **state)
{
	struct nl_error err;
	char *text, *live;
	size_t len;

	(void)state;
	begin();
	live = strdup(lines("net/protocols"));
	assert_true(strlen(live) > 40);
	assert_null(lines("net/nosuch"));
	load();
	assert_string_equal(lines("net/protocols"), live);
	text = proc_text(-1, "net/protocols", &len, &err);
	assert_int_equal(len, strlen(live));
	free(text);
	free(live);
	/* what was not there then is not there now, in the same words */
	assert_null(proc_text(-1, "net/nosuch", &len, &err));
	assert_int_equal(err.code, ENOENT);
	assert_string_equal(err.text, "/proc/net/nosuch cannot be read: No such file or directory");
	/* what was not asked is not read from this machine */
	assert_null(proc_text(-1, "version", &len, &err));
	assert_int_equal(err.code, ENOENT);
	assert_string_equal(err.text, "the recording has no text of /proc/version");
	assert_null(proc_text(-2, "net/protocols", &len, &err));
	nl_replay_unload();
}

static void test_text_in_pieces(void **state)
{
	struct nl_error err;
	struct nl_mark mark, other;
	size_t len;

	(void)state;
	begin();
	mark = nl_record_text("net/made", -1);
	nl_record_data(&mark, "one\ntw", 6);
	other = nl_record_text("net/other", -1);
	nl_record_data(&other, "x", 1);
	nl_record_data(&mark, "", 0);
	nl_record_data(&mark, "o\nthr", 5);
	nl_record_end(&other, EIO, "the disk is wet");
	nl_record_data(&mark, "ee", 2);
	nl_record_end(&mark, 0, NULL);
	other = nl_record_text("net/cut", -1);
	nl_record_data(&other, "half", 4);
	load();
	assert_string_equal(lines("net/made"), "one|two|three|");
	assert_null(proc_text(-1, "net/other", &len, &err));
	assert_int_equal(err.code, EIO);
	assert_string_equal(err.text, "the disk is wet");
	assert_null(proc_text(-1, "net/cut", &len, &err));
	assert_int_equal(err.code, EPROTO);
	nl_replay_unload();
}

/* A text that is open outlives its recording. */
static void test_text_outlives(void **state)
{
	struct nl_error err;
	struct proc_file *f;
	struct nl_mark mark;
	const char *line;
	size_t len;

	(void)state;
	begin();
	mark = nl_record_text("net/made", -1);
	nl_record_data(&mark, "one\ntwo\n", 8);
	nl_record_end(&mark, 0, NULL);
	load();
	assert_int_equal(proc_open(&f, -1, "net/made", &err), 0);
	nl_replay_unload();
	assert_int_equal(proc_line(f, &line, &len, &err), 1);
	assert_string_equal(line, "one");
	assert_int_equal(proc_line(f, &line, &len, &err), 1);
	assert_int_equal(proc_line(f, &line, &len, &err), 0);
	proc_close(f);
}

static void test_objects(void **state)
{
	struct ifinfomsg one = { .ifi_index = 1 }, none = { .ifi_index = 0x7ffffff };
	struct nl_request req = {
		.bus = NETLINK_ROUTE,
		.type = RTM_GETLINK,
		.payload = &one,
		.len = sizeof(one),
		.what = "link 1",
	};
	_Alignas(8) unsigned char live[16384], again[16384];
	struct nl_error err, then;
	ptrdiff_t n;

	(void)state;
	begin();
	n = nl_get(&req, -1, live, sizeof(live), &err);
	assert_true(n > 0);
	req.payload = &none;
	assert_int_equal(nl_get(&req, -1, again, sizeof(again), &then), -1);
	load();
	req.payload = &one;
	assert_int_equal(nl_get(&req, -1, again, sizeof(again), &err), n);
	assert_memory_equal(again, live, (size_t)n);
	assert_int_equal(nl_get(&req, -1, again, 20, &err), -1);
	assert_int_equal(err.code, EMSGSIZE);
	req.payload = &none;
	assert_int_equal(nl_get(&req, -1, again, sizeof(again), &err), -1);
	assert_int_equal(err.code, then.code);
	assert_string_equal(err.text, then.text);
	none.ifi_index = 5;
	assert_int_equal(nl_get(&req, -1, again, sizeof(again), &err), -1);
	assert_int_equal(err.code, ENOENT);
	nl_replay_unload();
}

static void test_names_and_facts(void **state)
{
	const char *name;

	(void)state;
	begin();
	nl_record_name(NL_NAME_USER, -1, 1000, "alice");
	nl_record_name(NL_NAME_USER, -1, 1001, NULL);
	nl_record_name(NL_NAME_CGROUP, -1, UINT64_C(0x123456789abcdef0), "/a\nb");
	nl_record_fact("colour", "blue");
	load();
	assert_int_equal(nl_replay_name(NL_NAME_USER, -1, 1000, &name), 1);
	assert_string_equal(name, "alice");
	assert_int_equal(nl_replay_name(NL_NAME_USER, -1, 1001, &name), 0);
	assert_int_equal(nl_replay_name(NL_NAME_USER, -1, 1002, &name), -1);
	assert_int_equal(nl_replay_name(NL_NAME_DEVICE, -1, 1000, &name), -1);
	assert_int_equal(nl_replay_name(NL_NAME_USER, -2, 1000, &name), -1);
	assert_int_equal(nl_replay_name(NL_NAME_CGROUP, -1, UINT64_C(0x123456789abcdef0), &name),
			 1);
	assert_string_equal(name, "/a\nb");
	assert_string_equal(nl_replay_fact("colour"), "blue");
	assert_null(nl_replay_fact("nosuch"));
	assert_true(nl_replay_time() > 1.7e9 && nl_time() == nl_replay_time());
	assert_true(nl_time_since_boot() > 0);
	nl_replay_unload();
	assert_true(nl_replay_time() == 0);
	assert_null(nl_replay_fact("colour"));
	assert_true(nl_time() > 1.7e9);
}

/* ---- processes ---------------------------------------------------------------------- */

/* 10 holds 1, 2, 3; 11 holds 2; 12 could not be looked into. */
static void record_processes(unsigned flags)
{
	static const uint32_t inodes[] = { 1, 2, 3 };
	struct nl_process p = {
		.pid = 10,
		.comm = "a\nb",
		.comm_len = 3,
		.exe = "/bin/a",
		.exe_len = 6,
		.cgroup = "",
		.ninodes = 3,
	};

	nl_record_pass(flags);
	nl_record_process(&p, inodes);
	p = (struct nl_process){ .pid = 11, .comm = "b", .comm_len = 1, .ninodes = 1 };
	nl_record_process(&p, inodes + 1);
	p = (struct nl_process){ .pid = 12, .comm = "c", .comm_len = 1, .denied = true };
	nl_record_process(&p, NULL);
}

static struct owners *scan(const struct owners_request *req)
{
	struct owners *o = owners_new();
	struct nl_error err;

	assert_non_null(o);
	assert_int_equal(owners_scan(o, req, &err), 0);
	return o;
}

static bool is_b(const char *comm, size_t len, void *arg)
{
	(void)arg;
	return len == 1 && *comm == 'b';
}

static bool is_c(const char *comm, size_t len, void *arg)
{
	(void)arg;
	return len == 1 && *comm == 'c';
}

static void test_owners(void **state)
{
	const uint32_t inode = 3;
	const int64_t pids[] = { 11, -1, 1 };
	const struct holder *h;
	struct owners *o;

	(void)state;
	begin();
	record_processes(NL_PASS_HIDDEN);
	load();
	assert_true(owners_hidden());
	o = scan(&(struct owners_request){ 0 });
	assert_true(owners_denied(o));
	assert_int_equal(owners_count(o, 1), 1);
	assert_int_equal(owners_count(o, 2), 2);
	assert_int_equal(owners_count(o, 4), 0);
	h = owners_holder(o, 2, 0);
	assert_int_equal(h->pid, 10);
	assert_int_equal(h->comm_len, 3);
	assert_memory_equal(h->comm, "a\nb", 4);
	assert_string_equal(h->exe, "/bin/a");
	assert_string_equal(h->cgroup, "");
	h = owners_holder(o, 2, 1);
	assert_int_equal(h->pid, 11);
	assert_null(h->exe);
	assert_null(h->cgroup);
	owners_free(o);

	o = scan(&(struct owners_request){ .inodes = &inode, .ninodes = 1 });
	assert_int_equal(owners_count(o, 2), 0);
	assert_int_equal(owners_count(o, 3), 1);
	owners_free(o);
	o = scan(&(struct owners_request){ .pids = pids, .npids = 3 });
	assert_int_equal(owners_count(o, 1), 0);
	assert_int_equal(owners_holder(o, 2, 0)->pid, 11);
	assert_false(owners_denied(o));
	owners_free(o);
	o = scan(&(struct owners_request){ .accept = is_b });
	assert_int_equal(owners_count(o, 2), 1);
	assert_false(owners_denied(o));
	owners_free(o);
	o = scan(&(struct owners_request){ .accept = is_c });
	assert_true(owners_denied(o));
	owners_free(o);
	nl_replay_unload();
}

/* ---- descriptors of a recording -------------------------------------------------------- */

/* Two of three threads, with contexts, and a process that is told as a whole. */
static void record_threads(void)
{
	static const uint32_t inodes[] = { 1, 2, 1 };
	const struct nl_use first[] = { { 2, 9, NULL, 0 },
					{ 1, 4, "sock:a", 6 },
					{ 1, 3, "sock:b", 6 } };
	const struct nl_use other[] = { { 1, 8, "", 0 } };
	struct nl_process p = { .pid = 10, .comm = "a", .comm_len = 1, .ninodes = 3 };

	nl_record_pass(0);
	nl_record_process(&p, inodes);
	nl_record_thread(
		&(struct nl_thread){ .tid = 10, .context = "ctx", .context_len = 3, .n = 3 },
		first);
	nl_record_thread(&(struct nl_thread){ .tid = 12, .comm = "t)", .comm_len = 2, .n = 1 },
			 other);
	p = (struct nl_process){ .pid = 11, .comm = "b", .comm_len = 1, .ninodes = 1 };
	nl_record_process(&p, inodes);
	nl_record_thread(&(struct nl_thread){ .n = 1 }, other);
}

static void assert_use(const struct owners *o, size_t number, pid_t pid, pid_t tid,
		       const char *comm, int fd)
{
	struct use u;

	owners_use(o, number, &u);
	assert_int_equal(u.holder->pid, pid);
	assert_int_equal(u.tid, tid);
	assert_int_equal(u.comm_len, strlen(comm));
	assert_string_equal(u.comm, comm);
	assert_int_equal(u.fd, fd);
}

static void test_threads(void **state)
{
	const uint32_t two = 2;
	struct owners *o;
	struct use u;
	size_t at;

	(void)state;
	begin();
	record_threads();
	load();
	o = scan(&(struct owners_request){ .fds = true, .tasks = true, .contexts = true });
	assert_int_equal(owners_uses(o, 1, &at), 4);
	assert_use(o, at, 10, 10, "a", 3);
	assert_use(o, at + 1, 10, 10, "a", 4);
	assert_use(o, at + 2, 10, 12, "t)", 8);
	assert_use(o, at + 3, 11, 0, "b", 8);
	owners_use(o, at + 1, &u);
	assert_string_equal(u.context, "ctx");
	assert_string_equal(u.sock_context, "sock:a");
	owners_use(o, at + 2, &u);
	assert_null(u.context);
	assert_string_equal(u.sock_context, "");
	assert_int_equal(owners_uses(o, 2, &at), 1);
	owners_use(o, at, &u);
	assert_int_equal(u.fd, 9);
	assert_null(u.sock_context);
	assert_int_equal(owners_count(o, 1), 2);
	owners_free(o);

	/* as a whole: what the first thread holds, and no contexts that are not asked for */
	o = scan(&(struct owners_request){ .fds = true });
	assert_int_equal(owners_uses(o, 1, &at), 3);
	assert_use(o, at, 10, 0, "a", 3);
	assert_use(o, at + 1, 10, 0, "a", 4);
	assert_use(o, at + 2, 11, 0, "b", 8);
	owners_use(o, at, &u);
	assert_null(u.context);
	assert_null(u.sock_context);
	owners_free(o);
	o = scan(&(struct owners_request){ .inodes = &two, .ninodes = 1, .fds = true });
	assert_int_equal(owners_uses(o, 1, &at), 0);
	assert_int_equal(owners_uses(o, 2, &at), 1);
	owners_free(o);
	nl_replay_unload();
}

/* An older recording tells processes and no descriptors: each process stands once. */
static void test_no_descriptors(void **state)
{
	static const uint32_t inodes[] = { 1, 2, 1 };
	const struct nl_process p = { .pid = 10, .comm = "a", .comm_len = 1, .ninodes = 3 };
	struct owners *o;
	size_t at;

	(void)state;
	begin();
	nl_record_pass(0);
	nl_record_process(&p, inodes);
	load();
	for (int tasks = 0; tasks < 2; tasks++) {
		o = scan(
			&(struct owners_request){ .fds = true, .tasks = tasks, .contexts = tasks });
		assert_int_equal(owners_uses(o, 1, &at), 1);
		assert_use(o, at, 10, 0, "a", -1);
		assert_int_equal(owners_uses(o, 2, &at), 1);
		owners_free(o);
	}
	nl_replay_unload();
}

static void test_selinux(void **state)
{
	(void)state;
	begin();
	nl_record_pass(0);
	load();
	assert_false(selinux_enabled());
	nl_replay_unload();
	begin();
	nl_record_fact("selinux", "enabled");
	load();
	assert_true(selinux_enabled());
	nl_replay_unload();
}

/* A live pass is written down whole, whatever is asked of it. */
static void test_live_pass(void **state)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), pair[2];
	uint32_t inodes[2];
	struct stat st;
	struct owners *o;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(fstat(fd, &st), 0);
	inodes[0] = (uint32_t)st.st_ino;
	assert_int_equal(fstat(pair[0], &st), 0);
	inodes[1] = (uint32_t)st.st_ino;
	begin();
	o = scan(&(struct owners_request){ .inodes = inodes, .ninodes = 1 });
	assert_int_equal(owners_count(o, inodes[0]), 1);
	assert_int_equal(owners_count(o, inodes[1]), 0);
	owners_free(o);
	load();
	close(fd);
	close(pair[0]);
	close(pair[1]);
	o = scan(&(struct owners_request){ 0 });
	for (int i = 0; i < 2; i++) {
		const struct holder *h = owners_holder(o, inodes[i], 0);

		assert_non_null(h);
		assert_int_equal(h->pid, getpid());
		assert_non_null(strstr(h->exe, "test_snapshot"));
	}
	owners_free(o);
	/* with descriptors, though they were not asked for then */
	o = scan(&(struct owners_request){ .fds = true, .tasks = true });
	for (int i = 0; i < 2; i++) {
		char comm[16] = "";
		size_t at;

		prctl(PR_GET_NAME, comm);
		assert_int_equal(owners_uses(o, inodes[i], &at), 1);
		assert_use(o, at, getpid(), 0, comm, i ? pair[0] : fd);
	}
	owners_free(o);
	nl_replay_unload();
}

static void test_no_pass(void **state)
{
	struct owners *o = owners_new();
	struct nl_error err;

	(void)state;
	begin();
	load();
	assert_int_equal(owners_scan(o, &(struct owners_request){ 0 }, &err), -1);
	assert_int_equal(err.code, ENODATA);
	assert_false(owners_hidden());
	owners_free(o);
	nl_replay_unload();
}

/* ---- namespaces ----------------------------------------------------------------------- */

static void test_namespaces(void **state)
{
	static const uint32_t pids[] = { 70, 40, 50 };
	struct nl_error err;
	struct netns *ns;
	struct netns_list found;
	uint32_t number;

	(void)state;
	begin();
	number = nl_record_netns(-1, 4242);
	assert_int_equal(number, 1);
	nl_record_netns_name(number, "blue");
	nl_record_netns_name(number, "/mnt/x");
	nl_record_netns_pids(number, pids, 3);
	load();
	assert_int_equal(nl_replay_netns("blue"), -2);
	assert_int_equal(nl_replay_netns(""), 0);
	assert_int_equal(nl_replay_netns_pid(50), -2);
	assert_int_equal(nl_replay_netns_pid(51), 0);
	assert_false(nl_replay_netns_asked(-2));
	assert_int_equal(netns_open("blue", &ns, &err), -1);
	assert_int_equal(err.code, ENODATA);
	assert_int_equal(netns_open("green", &ns, &err), -1);
	assert_int_equal(err.code, ENOENT);
	assert_int_equal(netns_list_read(&found, &err), 0);
	assert_int_equal(found.n, 2);
	assert_true(found.list[0].own);
	assert_int_equal(found.list[1].inode, 4242);
	assert_int_equal(found.list[1].nnames, 2);
	assert_string_equal(found.list[1].names[0], "blue");
	assert_int_equal(found.list[1].pid, 40);
	assert_int_equal(found.list[1].processes, 3);
	netns_list_free(&found);
	nl_replay_unload();
}

/* The own namespace, asked for by a descriptor and by a path, is one in the file. */
static void test_own_namespace(void **state)
{
	struct nl_error err;
	struct netns *ns, *same;
	size_t len;

	(void)state;
	begin();
	assert_int_equal(netns_open("/proc/self/ns/net", &ns, &err), 0);
	free(proc_text(netns_fd(ns), "net/protocols", &len, &err));
	netns_unref(ns);
	load();
	assert_int_equal(netns_open("/proc/self/ns/net", &ns, &err), 0);
	assert_int_equal(netns_fd(ns), -1);
	assert_int_equal(netns_open("/proc/self/ns/net", &same, &err), 0);
	assert_ptr_equal(same, ns);
	netns_unref(same);
	netns_unref(ns);
	assert_non_null(lines("net/protocols"));
	nl_replay_unload();
}

/* What is given up on leaves nothing behind. */
static void test_abandoned(void **state)
{
	struct nl_error err;
	struct stat st;

	(void)state;
	begin();
	assert_true(nl_record_size() > 12);
	nl_record_abandon();
	assert_false(nl_recording());
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(nl_record_stop(&err), 0);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checks),	       cmocka_unit_test(test_texts_as_they_were),
		cmocka_unit_test(test_text_in_pieces), cmocka_unit_test(test_text_outlives),
		cmocka_unit_test(test_objects),	       cmocka_unit_test(test_names_and_facts),
		cmocka_unit_test(test_threads),	       cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_selinux),	       cmocka_unit_test(test_owners),
		cmocka_unit_test(test_live_pass),      cmocka_unit_test(test_no_pass),
		cmocka_unit_test(test_namespaces),     cmocka_unit_test(test_own_namespace),
		cmocka_unit_test(test_abandoned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
