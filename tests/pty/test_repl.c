/*
 * The prompt as a person sees it: answers, several lines, errors, Ctrl-C,
 * Ctrl-D, the terminal afterwards.
 */
#include "term.h"

/* Types a line, and waits for the prompt that follows it. */
static void tell(const char *line, const char *prompt)
{
	term_type(line);
	term_type("\r");
	term_expect(prompt);
}

static void test_answers(void **state)
{
	(void)state;
	term_start_wide(100);
	term_expect_match("connsh [0-9]+\\.[0-9]+\\.[0-9]+");
	term_expect(PROMPT);
	term_ask("6 * 7", "42");
	term_ask("\"a\", 3, nil", "a\t3\tnil");
	tell("x = 20", PROMPT);
	term_ask("print(x + 1)", "21");
	term_ask("\"\xc3\xa9\xe4\xb8\xad\"", "\xc3\xa9\xe4\xb8\xad");
	term_leave();
}

/* No answer, no line: not even an empty one. */
static void test_silence(void **state)
{
	(void)state;
	term_start();
	term_type("y = 1\r");
	term_expect("y = 1");
	term_expect(PROMPT);
	term_type("   \r");
	term_expect(PROMPT);
	term_type("\r");
	term_expect(PROMPT);
	assert_null(strstr(term.screen, "nil"));
	assert_null(strstr(term.screen, "\n\n"));
	term_leave();
}

static void test_continuation(void **state)
{
	(void)state;
	term_start();
	tell("for i = 1, 2 do", PROMPT_IN);
	tell("", PROMPT_IN);
	tell("  print(\"row\" .. i)", PROMPT_IN);
	term_type("end\r");
	term_expect("\nrow1\nrow2\n");
	term_expect(PROMPT);
	tell("s = [[one", PROMPT_IN);
	tell("", PROMPT_IN);
	tell("three]]", PROMPT);
	term_ask("#s", "10");
	term_leave();
}

/* Ctrl-D inside of a chunk tells what was missing and gives the chunk up. */
static void test_unfinished(void **state)
{
	(void)state;
	term_start();
	tell("f = (", PROMPT_IN);
	term_type("\x04");
	term_expect("<eof>");
	term_expect(PROMPT);
	term_ask("1 + 1", "2");
	term_leave();
}

static void test_errors(void **state)
{
	(void)state;
	term_start();
	term_type("x = = 1\r");
	term_expect("\nconnsh: stdin:1: ");
	term_expect(PROMPT);
	term_ask("1 + 1", "2");
	term_type("error(\"out\" .. \"side\")\r");
	term_expect("outside");
	term_expect(PROMPT);
	term_type("error({})\r");
	term_expect("\nconnsh: ");
	term_expect(PROMPT);
	term_type("setmetatable({}, { __tostring = function() error(\"no\" .. \"text\") end })\r");
	term_expect("notext");
	term_expect(PROMPT);
	term_ask("2 + 2", "4");
	term_leave();
}

static void test_break_at_prompt(void **state)
{
	(void)state;
	term_start();
	term_type("garbage((");
	term_expect("garbage((");
	term_type("\x03");
	term_expect("^C\n");
	term_expect(PROMPT);
	term_type("\x03");
	term_expect("^C\n");
	term_expect(PROMPT);
	tell("t = {", PROMPT_IN);
	term_type("1,");
	term_expect("1,");
	term_type("\x03");
	term_expect("^C\n");
	term_expect(PROMPT);
	term_ask("t", "nil");
	term_leave();
}

/* A chunk that never ends by itself is stopped, and the session goes on. */
static void assert_stops(const char *endless)
{
	term_type("io.write(\"be\" .. \"gun\\n\") io.flush() ");
	term_type(endless);
	term_type("\r");
	term_expect("begun\n");
	term_type("\x03");
	term_expect("interrupted");
	term_expect(PROMPT);
	term_ask("6 * 7", "42");
}

static void test_break_loop(void **state)
{
	(void)state;
	term_start();
	assert_stops("while true do end");
	assert_stops("while true do end");
	term_leave();
}

static void test_break_coroutine(void **state)
{
	(void)state;
	term_start();
	assert_stops("coroutine.wrap(function() while true do end end)()");
	assert_stops("coroutine.resume(coroutine.create(function() while true do end end))");
	term_leave();
}

static void test_break_protected(void **state)
{
	(void)state;
	term_start();
	assert_stops("while true do pcall(function() while true do end end) end");
	assert_stops("while true do pcall(error) end");
	term_leave();
}

static void test_break_sleep(void **state)
{
	(void)state;
	term_start();
	assert_stops("sleep(600)");
	assert_stops("while true do pcall(sleep, 600) end");
	term_leave();
}

/* The answer itself never ends: lines go to the terminal until Ctrl-C. */
static void test_break_printing(void **state)
{
	(void)state;
	term_start();
	assert_stops("return setmetatable({}, { __tostring = function() while true do end end })");
	term_leave();
}

static void test_end_of_input(void **state)
{
	(void)state;
	term_start();
	term_type("\x04");
	term_expect_exit(0);
	/* The shell's prompt comes on a line of its own, and not two lines down. */
	assert_true(term.len >= 1);
	assert_string_equal(term.screen + term.len - 1, "\n");
	assert_null(strstr(term.screen + term.seen, "\n\n"));
}

static void test_os_exit(void **state)
{
	(void)state;
	term_start();
	term_type("os.exit(7)\r");
	term_expect_exit(7);
	term_start();
	term_type("os.exit(true, true)\r");
	term_expect_exit(0);
}

/* A signal that ends the program leaves a terminal that can be typed on. */
static void test_killed(void **state)
{
	const int signals[] = { SIGTERM, SIGHUP, SIGQUIT };

	(void)state;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct termios now;
		int status;

		term_start();
		term_type("half a li");
		term_expect("half a li");
		assert_int_equal(kill(term.pid, signals[i]), 0);
		status = term_wait();
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
		assert_int_equal(tcgetattr(term.slave, &now), 0);
		assert_int_equal(now.c_lflag, term.before.c_lflag);
	}
}

/* Between two lines the terminal is the person's own: what a chunk reads is echoed. */
static void test_terminal_while_running(void **state)
{
	struct termios now;

	(void)state;
	term_start();
	term_type("io.write(\"na\" .. \"me? \") io.flush() n = io.read()\r");
	term_expect("name? ");
	assert_int_equal(tcgetattr(term.slave, &now), 0);
	assert_int_equal(now.c_lflag, term.before.c_lflag);
	term_type("eth0\n");
	term_expect(PROMPT);
	term_ask("n .. n", "eth0eth0");
	term_leave();
}

static void test_paste(void **state)
{
	(void)state;
	term_start();
	term_type("\x1b[200~local a = 1\rlocal b = 41\rprint(\"sum\", a + b)\x1b[201~");
	term_expect("a + b)");
	term_type("\r");
	term_expect("\nsum\t42\n");
	term_expect(PROMPT);
	/* A paste whose end got lost can be left. */
	term_type("\x1b[200~local a");
	term_type("\x03");
	term_expect("^C\n");
	term_expect(PROMPT);
	term_ask("6 * 7", "42");
	term_leave();
}

static void test_tab(void **state)
{
	(void)state;
	term_start();
	term_ask("\"a\tb\"", "a\tb");
	term_leave();
}

static void test_dumb_terminal(void **state)
{
	(void)state;
	term.terminal_type = "dumb";
	term_start();
	term_ask("6 * 7", "42");
	tell("do", PROMPT_IN);
	term_type("\x03");
	term_expect("^C\n");
	term_expect(PROMPT);
	term_ask("1 + 1", "2");
	assert_null(strchr(term.raw, '\x1b'));
	term_leave();
	term.name = "TERM";
	term_start();
	term_ask("6 * 7", "42");
	term_leave();
}

static void test_query(void **state)
{
	(void)state;
	term_start_wide(200);
	term_expect(PROMPT);
	term_type("sockets<state=\"listen\">\r");
	term_expect_match("^proto +state +laddr +lport");
	term_expect(PROMPT);
	term_leave();
}

/* Rows are cut at the width that the terminal has now, not at that of the start. */
static void test_width(void **state)
{
	const struct winsize narrow = { .ws_row = 24, .ws_col = 30 };

	(void)state;
	term_start_wide(200);
	term_expect(PROMPT);
	assert_int_equal(ioctl(term.slave, TIOCSWINSZ, &narrow), 0);
	term_type("sockets{}\r");
	term_expect_match("^proto +state[^\n]*\xe2\x80\xa6$");
	term_expect(PROMPT);
	term_ask("6 * 7", "42");
	term_leave();
}

/* What a script prints is its own business. */
static void test_raw_output(void **state)
{
	(void)state;
	term_start();
	term_type("print(\"\\27[1m\" .. \"bo\" .. \"ld\\27[m\")\r");
	term_expect("\nbold\n");
	term_expect(PROMPT);
	assert_non_null(strstr(term.raw, "\x1b[1mbold\x1b[m\r\n"));
	term_leave();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, term_setup, term_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_answers),
		TEST(test_silence),
		TEST(test_continuation),
		TEST(test_unfinished),
		TEST(test_errors),
		TEST(test_break_at_prompt),
		TEST(test_break_loop),
		TEST(test_break_coroutine),
		TEST(test_break_protected),
		TEST(test_break_sleep),
		TEST(test_break_printing),
		TEST(test_end_of_input),
		TEST(test_os_exit),
		TEST(test_killed),
		TEST(test_paste),
		TEST(test_terminal_while_running),
		TEST(test_tab),
		TEST(test_dumb_terminal),
		TEST(test_query),
		TEST(test_width),
		TEST(test_raw_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
