/*
 * What fields of owners say without a process to look at: units and containers
 * by the paths of cgroups, and why a socket without an inode has no owner.
 */
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_no_inode),
		cmocka_unit_test(test_inode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
