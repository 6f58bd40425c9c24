/*
 * Grids, byte for byte: what ss of iproute2 6.1.0 prints for the same cells (read from it by
 * PROC_NET_TCP), and what it never has: failing streams, cells of any bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "connsh/format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct grid_column ss_columns[] = {
	{ .title = "Netid" },
	{ .title = "State", .before = " " },
	{ .title = "Recv-Q", .before = " " },
	{ .title = "Send-Q", .before = " " },
	{ .title = "Local Address:", .before = " ", .align = FMT_RIGHT },
	{ .title = "Port" },
	{ .title = "Peer Address:", .before = " ", .align = FMT_RIGHT },
	{ .title = "Port" },
	{ .title = "Process" },
};

enum { SS = 9 };

/* A grid like that of ss -t, and what it has written. */
struct bench {
	struct grid *grid;
	FILE *file;
	char *text;
	size_t len;
};

static void set_up(struct bench *b, size_t width, bool header)
{
	struct grid_column columns[SS];

	memcpy(columns, ss_columns, sizeof(columns));
	columns[0].hidden = true;
	b->file = open_memstream(&b->text, &b->len);
	assert_non_null(b->file);
	b->grid = grid_new(columns, SS, width, header, b->file);
	assert_non_null(b->grid);
}

static void cell(struct bench *b, const char *text)
{
	assert_true(grid_cell(b->grid, text, strlen(text)));
}

static void row(struct bench *b, const char *laddr, const char *lport, const char *rport,
		const char *details)
{
	cell(b, "tcp");
	cell(b, "ESTAB");
	cell(b, "0     ");
	cell(b, "0     ");
	cell(b, laddr);
	cell(b, lport);
	cell(b, "127.0.0.1:");
	cell(b, rport);
	cell(b, details);
}

static void assert_written(struct bench *b, const char *expected)
{
	assert_int_equal(fflush(b->file), 0);
	assert_string_equal(b->text, expected);
	assert_int_equal(b->len, strlen(expected));
}

static void tear_down(struct bench *b)
{
	grid_free(b->grid);
	fclose(b->file);
	free(b->text);
}

static void test_no_width(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, 0, true);
	row(&b, "127.0.0.1:", "80", "50", "");
	row(&b, "127.0.0.1:", "80", "50001", " timer:(keepalive,1sec,0)");
	assert_true(grid_end(b.grid));
	/* Process is as wide as its title: the last details do not count */
	assert_written(&b, "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n"
			   "ESTAB 0      0          127.0.0.1:80      127.0.0.1:50          \n"
			   "ESTAB 0      0          127.0.0.1:80      127.0.0.1:50001 "
			   "timer:(keepalive,1sec,0)\n");
	tear_down(&b);
}

static void test_details_that_are_not_last(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, 0, false);
	row(&b, "127.0.0.1:", "80", "50001", " timer:(on,,0)");
	row(&b, "10.0.0.1:", "8", "50", "");
	assert_true(grid_end(b.grid));
	assert_written(&b, "ESTAB 0      0      127.0.0.1:80 127.0.0.1:50001 timer:(on,,0)\n"
			   "ESTAB 0      0       10.0.0.1:8  127.0.0.1:50                 \n");
	tear_down(&b);
}

/* Ports of at most four characters stick to Process. */
static void test_empty(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, 0, true);
	assert_true(grid_end(b.grid));
	assert_written(&b, "State Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n");
	tear_down(&b);
	set_up(&b, 80, true);
	assert_true(grid_end(b.grid));
	assert_written(&b, "State   Recv-Q   Send-Q     Local Address:Port     "
			   "Peer Address:Port  Process   \n");
	tear_down(&b);
	set_up(&b, 0, false);
	assert_true(grid_end(b.grid));
	assert_written(&b, "");
	tear_down(&b);
}

/* Where each title is as wide as the terminal or wider, a column has a line for itself. */
static void test_narrow(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, 10, true);
	assert_true(grid_end(b.grid));
	assert_written(&b, "State      Recv-Q    Send-Q    Local Address:Port       "
			   "Peer Address:Port      Process   \n");
	tear_down(&b);
	set_up(&b, 1, true);
	assert_true(grid_end(b.grid));
	assert_written(&b, "State Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n");
	tear_down(&b);
}

/*
 * The details have no room beside the others, which share what their line has left, from the right;
 * then they have a line to themselves.
 */
static void test_long_details(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, 46, false);
	row(&b, "1.1.1.1:", "1", "2", "\n\t cubic rto:204 rtt:0.022/0.011 cwnd:10");
	row(&b, "1.1.1.1:", "1", "2", " x");
	assert_true(grid_end(b.grid));
	assert_written(&b, "ESTAB 0      0        1.1.1.1:1   127.0.0.1:2 "
			   "\n\t cubic rto:204 rtt:0.022/0.011 cwnd:10      \n"
			   "ESTAB 0      0        1.1.1.1:1   127.0.0.1:2 "
			   " x                                            \n");
	tear_down(&b);
}

/*
 * 90,000 rows whose last but one has details: ss writes 66,043 of them at 48 columns, for that
 * many fill four MiB of its memory and begin the fifth.
 */
static void test_blocks(void **state)
{
	struct bench b;
	char port[8];
	size_t narrow = 0, wide = 0;

	(void)state;
	set_up(&b, 0, false);
	for (int i = 0; i < 90000; i++) {
		snprintf(port, sizeof(port), "%d", i % 60000 + 1);
		if (i == 89998)
			strcpy(port, "1");
		row(&b, "127.0.0.1:", "80", port, i == 89998 ? " timer:(keepalive,16min,0)" : "");
	}
	assert_true(grid_end(b.grid));
	fflush(b.file);
	for (const char *p = b.text; *p;) {
		size_t len = strcspn(p, "\n");

		narrow += len == 48 && wide == 0;
		wide += len == 74;
		p += len + 1;
	}
	assert_int_equal(narrow, 66043);
	assert_int_equal(wide, 90000 - 66043);
	tear_down(&b);
}

static void test_flush_keeps_widths(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, 0, true);
	row(&b, "127.0.0.1:", "80", "50001", " ino:0");
	assert_true(grid_flush(b.grid));
	assert_written(&b, "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n"
			   "ESTAB 0      0          127.0.0.1:80      127.0.0.1:50001 ino:0 \n");
	row(&b, "127.0.0.1:", "8", "5", "");
	assert_true(grid_flush(b.grid));
	assert_true(grid_flush(b.grid));
	assert_true(grid_end(b.grid));
	assert_written(&b, "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n"
			   "ESTAB 0      0          127.0.0.1:80      127.0.0.1:50001 ino:0 \n"
			   "ESTAB 0      0          127.0.0.1:8       127.0.0.1:5           \n");
	tear_down(&b);
}

/* A row that was left in its middle ends with empty cells. */
static void test_half_a_row(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, 0, false);
	cell(&b, "tcp");
	cell(&b, "LISTEN");
	assert_true(grid_end(b.grid));
	assert_written(&b, "LISTEN\n");
	tear_down(&b);
}

static void test_any_bytes(void **state)
{
	const struct grid_column columns[] = { { .title = "A" }, { .title = "B", .before = "|" } };
	const size_t much = 70000;
	char *text = NULL, *long_text = malloc(much);
	size_t len;
	FILE *file = open_memstream(&text, &len);
	struct grid *g = grid_new(columns, 2, 0, false, file);

	(void)state;
	assert_non_null(g);
	assert_non_null(long_text);
	memset(long_text, 'x', much);
	assert_true(grid_cell(g, "a\0b", 3));
	assert_true(grid_cell(g, NULL, 0));
	assert_true(grid_cell(g, "", 0));
	assert_true(grid_cell(g, long_text, much));
	assert_true(grid_cell(g, "c", 1));
	assert_true(grid_cell(g, "\xff", 1));
	assert_true(grid_end(g));
	fflush(file);
	/* a cell is cut to what its length is kept in */
	assert_int_equal(len, 3 * (3 + 1 + 65535 + 1));
	assert_memory_equal(text, "a\0b|  ", 6);
	assert_memory_equal(text + 65540, "   |xxx", 7);
	assert_memory_equal(text + 2 * 65540, "c  |\xff  ", 7);
	grid_free(g);
	fclose(file);
	free(text);
	free(long_text);
}

static void test_nothing_shown(void **state)
{
	const struct grid_column column = { .title = "A", .hidden = true };
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);
	struct grid *g = grid_new(&column, 1, 80, true, file);

	(void)state;
	assert_true(grid_cell(g, "x", 1));
	assert_true(grid_end(g));
	fflush(file);
	assert_string_equal(text, "\n\n");
	grid_free(g);
	fclose(file);
	free(text);
	assert_null(grid_new(&column, 0, 0, true, stdout));
}

/* The first error stays, also when later writes would go well. */
static void test_stream_that_refuses(void **state)
{
	const struct grid_column column = { .title = "A" };
	FILE *full = fopen("/dev/full", "w");
	struct grid *g;

	(void)state;
	assert_non_null(full);
	setvbuf(full, NULL, _IONBF, 0);
	g = grid_new(&column, 1, 0, true, full);
	assert_true(grid_cell(g, "x", 1));
	errno = 0;
	assert_false(grid_flush(g));
	assert_int_equal(errno, ENOSPC);
	errno = 0;
	assert_false(grid_cell(g, "x", 1));
	assert_int_equal(errno, ENOSPC);
	assert_false(grid_end(g));
	grid_free(g);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_width),
		cmocka_unit_test(test_details_that_are_not_last),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_long_details),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_flush_keeps_widths),
		cmocka_unit_test(test_half_a_row),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_nothing_shown),
		cmocka_unit_test(test_stream_that_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
