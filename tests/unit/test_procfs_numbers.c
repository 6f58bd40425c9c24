/*
 * Texts of /proc as the kernel writes them, and as it does not: numbers with names, the
 * stat and status of a process, lists of ports. Whatever they hold, nothing is read
 * outside of them: each is parsed in memory of its exact size, cut at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/procfs/private.h"
#include "../../src/source/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All numbers of a text in one line: "Ip.Forwarding=1 ..." */
static char *listed(const char *text, size_t len, enum named_form form)
{
	char *out = NULL, *copy = malloc(len ? len : 1);
	struct named_numbers w;
	struct named_number n;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(f);
	assert_non_null(copy);
	memcpy(copy, text, len);
	named_begin(&w, copy, len, form);
	while (named_next(&w, &n)) {
		if (n.group)
			fprintf(f, "%.*s.", (int)n.group_len, n.group);
		fprintf(f, "%.*s=%lld ", (int)n.name_len, n.name, (long long)n.value);
	}
	fclose(f);
	free(copy);
	return out;
}

static void assert_listed(enum named_form form, const char *text, const char *expected)
{
	char *got = listed(text, strlen(text), form);

	assert_string_equal(got, expected);
	free(got);
	for (size_t n = 0; n < strlen(text); n++)
		free(listed(text, n, form));
}

static void test_pairs(void **state)
{
	(void)state;
	assert_listed(NAMED_PAIRS, "Ip: A B\nIp: 1 64\nTcp: MaxConn X\nTcp: -1 0\n",
		      "Ip.A=1 Ip.B=64 Tcp.MaxConn=-1 Tcp.X=0 ");
	/* above half of 64 bits the bits stay, beyond all of them it is no number */
	assert_listed(NAMED_PAIRS, "G: A B C\nG: 18446744073709551615 18446744073709551616 3",
		      "G.A=-1 G.C=3 ");
	/* more names than numbers, more numbers than names, words for numbers */
	assert_listed(NAMED_PAIRS, "G: A B\nG: 1\nH: A\nH: 1 2\nI: A B C D E\nI: x - -- 1- 5\n",
		      "G.A=1 H.A=1 I.E=5 ");
	/* a line without its other is passed over, and the next pair is whole */
	assert_listed(NAMED_PAIRS, "X: A\nG: A\nG: 1\n", "G.A=1 ");
	assert_listed(NAMED_PAIRS, "G: A\n\n\nGG: B\nGG: 2\n", "GG.B=2 ");
	assert_listed(NAMED_PAIRS, "G: A\nGG: B\nG: 1\n", "");
	assert_listed(NAMED_PAIRS, "", "");
	assert_listed(NAMED_PAIRS, "\n", "");
	assert_listed(NAMED_PAIRS, ": A\n: 1\n", "");
	assert_listed(NAMED_PAIRS, "G:\nG:\nH: B\nH: 1", "H.B=1 ");
}

static void test_lines(void **state)
{
	(void)state;
	assert_listed(NAMED_LINES, "Ip6InReceives      \t12\nIcmp6OutType143 3\n",
		      "Ip6InReceives=12 Icmp6OutType143=3 ");
	assert_listed(NAMED_LINES, "A\nB x\n\n  C 4 5\nD 6", "C=4 D=6 ");
}

static void test_labels(void **state)
{
	(void)state;
	assert_listed(NAMED_LABELS, "sockets: used 3\nTCP: inuse 5 orphan 0\nFRAG6: memory 7\n",
		      "sockets.used=3 TCP.inuse=5 TCP.orphan=0 FRAG6.memory=7 ");
	assert_listed(NAMED_LABELS, "TCP inuse 5\nUDP: inuse\nRAW: inuse x mem 2 odd",
		      "RAW.mem=2 ");
}

static void test_find(void **state)
{
	static const char text[] = "TCP: inuse 5 tw 6\nUDP: inuse 7\n";
	uint64_t n;

	(void)state;
	assert_true(named_find(text, sizeof(text) - 1, NAMED_LABELS, "UDP", "inuse", &n));
	assert_int_equal(n, 7);
	assert_true(named_find(text, sizeof(text) - 1, NAMED_LABELS, NULL, "tw", &n));
	assert_int_equal(n, 6);
	assert_false(named_find(text, sizeof(text) - 1, NAMED_LABELS, "UDP", "tw", &n));
	assert_false(named_find(text, sizeof(text) - 1, NAMED_LABELS, "TC", "tw", &n));
}

/* ---- processes ------------------------------------------------------------------------ */

#define TAIL \
	"S 1 7 7 0 -1 4194560 10 0 0 0 250 50 0 0 20 0 3 0 998 10000 25 18446744073709551615 1 1"

/* In memory that ends where the text does. */
static bool stat_of(const char *text, size_t len, struct process_info *p, char **copy)
{
	*copy = malloc(len ? len : 1);
	assert_non_null(*copy);
	memcpy(*copy, text, len);
	memset(p, 0, sizeof(*p));
	return process_stat(*copy, len, p);
}

static void assert_stat(const char *name, size_t len)
{
	char text[400], *copy;
	struct process_info p;
	int n = snprintf(text, sizeof(text), "7 (");

	memcpy(text + n, name, len);
	n += (int)len;
	n += snprintf(text + n, sizeof(text) - (size_t)n, ") " TAIL "\n");
	assert_true(stat_of(text, (size_t)n, &p, &copy));
	assert_int_equal(p.comm_len, len);
	assert_memory_equal(p.comm, name, len);
	assert_int_equal(p.pid, 7);
	assert_int_equal(p.ppid, 1);
	assert_int_equal(p.state, 'S');
	assert_int_equal(p.threads, 3);
	assert_int_equal(p.start, 998);
	assert_int_equal(p.cpu, 300);
	assert_false(p.kernel);
	free(copy);
	for (int cut = 0; cut < n; cut++) {
		stat_of(text, (size_t)cut, &p, &copy);
		free(copy);
	}
}

static void test_stat(void **state)
{
	(void)state;
	assert_stat("sh", 2);
	assert_stat("", 0);
	assert_stat(") R 2 3", 7);
	assert_stat("(((", 3);
	assert_stat("a\nb\\ \x01\xff", 8);
}

static void test_stat_of_threads_of_the_kernel(void **state)
{
	static const char text[] = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 31 "
				   "0 0 18446744073709551615";
	struct process_info p;

	(void)state;
	assert_true(process_stat(text, sizeof(text) - 1, &p));
	assert_true(p.kernel);
}

static void test_damaged_stat(void **state)
{
	static const char *const bad[] = {
		"",
		"7",
		"7 ",
		"7 (",
		"7 ()",
		"7 (a)",
		"7 (a) ",
		"7 (a) S",
		"7 (a) S 1 2 3",
		"7 a) " TAIL,
		"7 (a " TAIL,
		"0 (a) " TAIL,
		"-1 (a) " TAIL,
		"4294967296 (a) " TAIL,
		"x (a) " TAIL,
		"7 )a( " TAIL,
		"7 (a) S 4294967296 7 7 0 -1 0 10 0 0 0 250 50 0 0 20 0 3 0 998 10000 25",
		"7 (a) S 1 7 7 0 -1 0 10 0 0 0 250 50 0 0 20 0 3 0 99999999999999999999 10000 25",
		"7 (a) \x01 1 7 7 0 -1 0 10 0 0 0 250 50 0 0 20 0 3 0 998 10000 25",
	};
	struct process_info p;
	char *copy;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (stat_of(bad[i], strlen(bad[i]), &p, &copy))
			fail_msg("taken for a stat: %s", bad[i]);
		free(copy);
	}
}

static void test_status(void **state)
{
	static const char *const bad[] = {
		"",
		"x\nUid:\t1",
		"x\nUid:\t1\t2\nGid:",
		"x\nUid:\t1\nGid:\t1\t2\n",
		"x\nUid:\t1\t-2\nGid:\t1\t2\n",
		"x\nUid:\t1\t4294967296\nGid:\t1\t2\n",
	};
	struct process_info p = { .uid = 1 };

	(void)state;
	assert_true(process_status("Name:\tUid:\nUmask:\t0022\nUid:\t1000\t0\t2\t3\n"
				   "Gid:\t5\t4294967295\t7\t8\nVmRSS:\t    1648 kB\n",
				   &p));
	assert_int_equal(p.uid, 0);
	assert_int_equal(p.gid, UINT32_MAX);
	assert_int_equal(p.rss, 1648 * 1024);
	assert_true(process_status("x\nUid:\t1\t2\nGid:\t1\t2\nVmRSS:", &p));
	assert_int_equal(p.rss, 0);
	assert_true(
		process_status("x\nUid:\t1\t2\nGid:\t1\t2\nVmRSS:\t18446744073709551615 kB", &p));
	assert_int_equal(p.rss, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(process_status(bad[i], &p));
}

static void test_links_of_namespaces(void **state)
{
	static const char *const bad[] = { "",	      "net:[]",		  "net:[1",   "net:1]",
					   "net:[x]", "mnt:[4026531840]", "net:[-1]", "net:[1]x" };
	uint64_t n = 0;

	(void)state;
	assert_true(process_netns("net:[4026531840]", &n));
	assert_int_equal(n, 4026531840);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(process_netns(bad[i], &n));
}

/* ---- ports ------------------------------------------------------------------------------ */

static void assert_ports(const char *text, const char *expected)
{
	size_t len = strlen(text), size;
	char *copy = malloc(len ? len : 1), *out = NULL;
	FILE *f = open_memstream(&out, &size);
	uint64_t ports[1024] = { 0 };

	assert_non_null(copy);
	memcpy(copy, text, len);
	ports_list(copy, len, ports);
	for (unsigned p = 0; p <= UINT16_MAX; p++)
		if (ports[p / 64] >> (p % 64) & 1)
			fprintf(f, "%u ", p);
	fclose(f);
	assert_string_equal(out, expected);
	free(out);
	free(copy);
}

static void test_ports(void **state)
{
	(void)state;
	assert_ports("", "");
	assert_ports("\n", "");
	assert_ports("80\n", "80 ");
	assert_ports("0,63-65,65535", "0 63 64 65 65535 ");
	assert_ports("80,90-92,80\n99", "80 90 91 92 ");
	assert_ports("80,", "80 ");
	assert_ports("80,x,90", "80 ");
	assert_ports("80,65536", "80 ");
	assert_ports("80,65530-65536", "80 ");
	assert_ports("9-5", "");
	assert_ports("9-", "");
	assert_ports("-9", "");
	assert_ports(",9", "");
	assert_ports("99999999999999999999", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_stat_of_threads_of_the_kernel),
		cmocka_unit_test(test_damaged_stat),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_links_of_namespaces),
		cmocka_unit_test(test_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
