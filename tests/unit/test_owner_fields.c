/*
 * What fields of owners say without a process to look at: units and containers
 * by the paths of cgroups, why a socket without an inode has no owner, and holders as a
 * recording tells them.
 */
#include "connsh/recording.h"
#include "connsh/source.h"
#include "source/sockets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define POD                                         \
	"/kubepods.slice/kubepods-burstable.slice/" \
	"kubepods-burstable-pod0f3a6e1c_9d2b_4f0e_8a6f_2d1c0b9a8f7e.slice/"

/* NULL: there is none. */
static const struct {
	const char *path, *unit, *container;
} paths[] = {
	{ "/", NULL, NULL },
	{ "", NULL, NULL },
	{ "/init.scope", "init.scope", NULL },
	{ "/system.slice", NULL, NULL },
	{ "/system.slice/nginx.service", "nginx.service", NULL },
	{ "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", NULL },
	{ "/system.slice/cups.socket", "cups.socket", NULL },
	{ "/system.slice/nginx.service/worker.scope", "nginx.service", NULL },
	{ "/user.slice/user-1000.slice/session-3.scope", "session-3.scope", NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/firefox.service",
	  "user@1000.service", NULL },
	{ "/system.slice/docker-" ID ".scope", "docker-" ID ".scope", ID },
	{ "/docker/" ID, NULL, ID },
	{ "/docker/" ID "/system.slice/ssh.service", "ssh.service", ID },
	{ "/kubepods/burstable/pod0f3a6e1c-9d2b-4f0e-8a6f-2d1c0b9a8f7e/" ID, NULL, ID },
	{ POD "cri-containerd-" ID ".scope", "cri-containerd-" ID ".scope", ID },
	{ POD "crio-" ID ".scope", "crio-" ID ".scope", ID },
	{ POD "crio-" ID ".scope/container", "crio-" ID ".scope", ID },
	{ POD "docker-" ID ".scope", "docker-" ID ".scope", ID },
	{ "/machine.slice/libpod-" ID ".scope/container", "libpod-" ID ".scope", ID },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope",
	  "user@1000.service", ID },
	/* the watchers of containers run outside of them */
	{ "/machine.slice/libpod-conmon-" ID ".scope", "libpod-conmon-" ID ".scope", NULL },
	{ POD "crio-conmon-" ID ".scope", "crio-conmon-" ID ".scope", NULL },
	{ "/lxc/web", NULL, "web" },
	{ "/lxc/web/system.slice/nginx.service", "nginx.service", "web" },
	{ "/lxc.payload.web", NULL, "web" },
	{ "/lxc.payload.web/init.scope", "init.scope", "web" },
	{ "/lxc.payload/web", NULL, "web" },
	{ "/lxc.monitor.web", NULL, NULL },
	{ "/lxc.payload.", NULL, NULL },
	{ "/lxc", NULL, NULL },
	{ "/lxc/", NULL, NULL },
	{ "/machine.slice/machine-box.scope", "machine-box.scope", "box" },
	{ "/machine.slice/systemd-nspawn@box.service/payload", "systemd-nspawn@box.service",
	  "box" },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", "machine-qemu\\x2d1\\x2dvm.scope",
	  NULL },
	/* the innermost counts */
	{ "/lxc/outer/docker/" ID, NULL, ID },
	{ "/docker/" ID "/lxc.payload.inner", NULL, "inner" },
	/* names that only look alike */
	{ "/docker/" ID "0", NULL, NULL },
	{ "/docker/0123456789abcdef", NULL, NULL },
	{ "/.service", NULL, NULL },
	{ "/a.services", NULL, NULL },
	{ "/machine-.scope", "machine-.scope", NULL },
	{ "//system.slice//a.service/", "a.service", NULL },
};

static void same(const char *path, bool found, const struct value *v, const char *want)
{
	if (found != (want != NULL))
		fail_msg("\"%s\": %s, expected %s", path, found ? "found" : "not found",
			 want ? want : "none");
	if (!found)
		return;
	assert_int_equal(v->kind, VALUE_TEXT);
	if (v->text.len != strlen(want) || memcmp(v->text.p, want, v->text.len) != 0)
		fail_msg("\"%s\": \"%.*s\", expected \"%s\"", path, (int)v->text.len, v->text.p,
			 want);
}

static void test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		/* of its own, so that a sanitizer sees a read behind its end */
		char *path = strdup(paths[i].path);
		struct value v;

		assert_non_null(path);
		same(path, cgroup_unit(path, &v), &v, paths[i].unit);
		same(path, cgroup_container(path, &v), &v, paths[i].container);
		free(path);
	}
}

/* ---- no inode, no owner -------------------------------------------------------------- */

static enum owner_status why_none(unsigned tcp_state, unsigned timer)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_msg m;
	} msg = { .m = { .idiag_state = (uint8_t)tcp_state, .idiag_timer = (uint8_t)timer } };
	struct row row = { .source = &source_sockets,
			   .shape = source_sockets.shape,
			   .msg = &msg.head,
			   .tag = IPPROTO_TCP };
	enum owner_status why = OWNER_HELD;

	msg.head.nlmsg_len = sizeof(msg);
	assert_int_equal(source_sockets.inode(&row, &why), 0);
	return why;
}

static void test_no_inode(void **state)
{
	enum { ESTABLISHED = 1, SYN_RECV = 3, FIN_WAIT1 = 4, FIN_WAIT2 = 5, TIME_WAIT = 6 };
	enum { CLOSE_WAIT = 8, LAST_ACK = 9, CLOSING = 11, NEW_SYN_RECV = 12 };

	(void)state;
	assert_int_equal(why_none(TIME_WAIT, 3), OWNER_TIME_WAIT);
	/* inet_twsk_diag_fill() reports the substate; the timer gives it away */
	assert_int_equal(why_none(FIN_WAIT2, 3), OWNER_TIME_WAIT);
	assert_int_equal(why_none(ESTABLISHED, 0), OWNER_NOT_ACCEPTED);
	assert_int_equal(why_none(CLOSE_WAIT, 0), OWNER_NOT_ACCEPTED);
	assert_int_equal(why_none(SYN_RECV, 1), OWNER_NOT_ACCEPTED);
	assert_int_equal(why_none(NEW_SYN_RECV, 1), OWNER_NOT_ACCEPTED);
	assert_int_equal(why_none(FIN_WAIT1, 1), OWNER_CLOSED);
	assert_int_equal(why_none(FIN_WAIT2, 0), OWNER_CLOSED);
	assert_int_equal(why_none(LAST_ACK, 1), OWNER_CLOSED);
	assert_int_equal(why_none(CLOSING, 1), OWNER_CLOSED);
}

static void test_inode(void **state)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_msg m;
	} msg = { .m = { .idiag_state = 1, .idiag_inode = 4242 } };
	struct row row = { .source = &source_sockets,
			   .shape = source_sockets.shape,
			   .msg = &msg.head,
			   .tag = IPPROTO_TCP };
	enum owner_status why;

	(void)state;
	msg.head.nlmsg_len = sizeof(msg);
	assert_int_equal(source_sockets.inode(&row, &why), 4242);
}

/* ---- holders --------------------------------------------------------------------------- */

/* Longer than any attribute. */
static char endless[70000];

/* Loads a recording of one process, with a thread that has inode 7 at descriptor 5. */
static void load_thread(const struct nl_thread *thread, const char *comm, size_t len)
{
	const uint32_t inode = 7;
	const struct nl_use use = { inode, 5, thread->context ? "sock:s0" : NULL, 7 };
	const struct nl_process p = { .pid = 10, .comm = comm, .comm_len = len, .ninodes = 1 };
	struct nl_thread t = *thread;
	char path[] = "/tmp/test_owner_fields_XXXXXX";
	struct nl_error err;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(nl_record_start(path, &err), 0);
	nl_record_pass(0);
	nl_record_process(&p, &inode);
	t.n = 1;
	if (t.tid)
		nl_record_thread(&t, &use);
	assert_int_equal(nl_record_stop(&err), 0);
	assert_int_equal(nl_replay_load(path, &err), 0);
	unlink(path);
}

static void assert_value(const struct row *row, const char *name, const char *want)
{
	const struct field *f = source_field(row->source, name);
	char buf[VALUE_TEXT_MAX];
	const char *text;
	struct value v;
	size_t len;

	assert_non_null(f);
	if (!want) {
		assert_false(field_get(f, row, &v));
		return;
	}
	assert_true(field_get(f, row, &v));
	text = value_text(f, &v, buf, &len);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(text, want, len);
}

/* The one holder of the socket with inode 7: pid, tid, comm, fd, context, sock_context. */
static void assert_holder(bool threads, bool contexts, const char *const want[6])
{
	static const char *const names[] = {
		"pid", "tid", "comm", "fd", "context", "sock_context"
	};
	struct {
		struct nlmsghdr head;
		struct inet_diag_msg m;
	} msg = { .m = { .idiag_state = 1, .idiag_inode = 7 } };
	struct row item, row = { .source = &source_sockets,
				 .shape = source_sockets.shape,
				 .msg = &msg.head,
				 .env = env_new(NULL),
				 .tag = IPPROTO_TCP };
	const struct field *f = source_field(&source_sockets, "holders");
	struct value v;

	msg.head.nlmsg_len = sizeof(msg);
	assert_non_null(row.env);
	env_detail_owners(row.env, threads, contexts);
	assert_true(field_get(f, &row, &v));
	assert_int_equal(v.kind, VALUE_LIST);
	assert_int_equal(v.list.n, 1);
	item_row(f, &v.list.items[0], row.env, &item);
	assert_true(item.msg->nlmsg_len >= NLMSG_HDRLEN + item.shape->header);
	for (size_t i = 0; i < 6; i++)
		assert_value(&item, names[i], want[i]);
	/* no socket has none */
	msg.m.idiag_inode = 8;
	assert_false(field_get(f, &row, &v));
	env_unref(row.env);
}

static void test_holders(void **state)
{
	const struct nl_thread thread = {
		.tid = 12, .comm = "t\n", .comm_len = 2, .context = "a:b:s0-c1", .context_len = 9
	};
	struct nl_thread unnamed = thread, plain = { .tid = 10 };

	(void)state;
	load_thread(&thread, "a", 1);
	assert_holder(true, true,
		      (const char *const[]){ "10", "12", "t\n", "5", "a:b:s0-c1", "sock:s0" });
	assert_holder(true, false, (const char *const[]){ "10", "12", "t\n", "5", NULL, NULL });
	assert_holder(false, true,
		      (const char *const[]){ "10", NULL, "a", "5", "a:b:s0-c1", "sock:s0" });
	assert_holder(false, false, (const char *const[]){ "10", NULL, "a", "5", NULL, NULL });

	/* an empty name is one; none that is told is that of the process; no thread, no descriptor
	 */
	unnamed.comm_len = 0;
	load_thread(&unnamed, "a", 1);
	assert_holder(true, false, (const char *const[]){ "10", "12", "", "5", NULL, NULL });
	load_thread(&plain, "b", 1);
	assert_holder(true, true, (const char *const[]){ "10", "10", "b", "5", NULL, NULL });
	plain.tid = 0;
	load_thread(&plain, "c", 1);
	assert_holder(true, true, (const char *const[]){ "10", NULL, "c", NULL, NULL, NULL });

	/* what fits into no attribute is absent, whatever stands beside it */
	memset(endless, 'x', sizeof(endless));
	unnamed.comm = unnamed.context = endless;
	unnamed.comm_len = unnamed.context_len = sizeof(endless);
	load_thread(&unnamed, "a", 1);
	assert_holder(true, true, (const char *const[]){ "10", "12", NULL, "5", NULL, "sock:s0" });
	nl_replay_unload();
}

static void test_declarations_of_holders(void **state)
{
	const struct field *holders = source_field(&source_sockets, "holders");

	(void)state;
	assert_ptr_equal(holders->rows, &socket_holders);
	for (const struct field *f = socket_holders.fields; f->name; f++) {
		assert_ptr_equal(source_field(&socket_holders, f->name), f);
		assert_non_null(f->from);
		assert_int_equal(f->doc[strlen(f->doc) - 1], '.');
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_no_inode),
		cmocka_unit_test(test_inode),
		cmocka_unit_test(test_holders),
		cmocka_unit_test(test_declarations_of_holders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
