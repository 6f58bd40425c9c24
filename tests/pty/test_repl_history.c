/*
 * What the prompt keeps and whom it believes: the history file, the inputrc,
 * raised privileges. And -i without a terminal, which keeps nothing.
 */
#include "term.h"

#define HISTORY "state/connsh/history"

/* Types a line, and waits for the prompt that follows it. */
static void tell(const char *line)
{
	term_type(line);
	term_type("\r");
	term_expect(PROMPT);
}

static void leave(void)
{
	term_type("\x04");
	term_expect_exit(0);
}

/* The entries of the history file, stamps as "#". */
static void assert_history(const char *expected)
{
	char *text = term_file(HISTORY);
	char *to = text;

	assert_non_null(text);
	for (const char *from = text; *from != '\0'; from++) {
		*to++ = *from;
		if (*from == '#' && (from == text || from[-1] == '\n'))
			from += strspn(from + 1, "0123456789");
	}
	*to = '\0';
	assert_string_equal(text, expected);
	free(text);
}

static void assert_mode(const char *name, mode_t mode)
{
	struct stat st;

	assert_int_equal(lstat(term_path(name), &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void assert_absent(const char *name)
{
	assert_int_equal(access(term_path(name), F_OK), -1);
	assert_int_equal(errno, ENOENT);
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(term_path(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void make_folders(void)
{
	assert_int_equal(mkdir(term_path("state"), 0700), 0);
	assert_int_equal(mkdir(term_path("state/connsh"), 0700), 0);
}

static void test_kept(void **state)
{
	(void)state;
	term_start();
	tell("x = 1");
	tell("x = 1");
	tell(" secret = 2");
	tell("");
	tell("x = = 3");
	tell("x = 1");
	leave();
	assert_mode("state", 0700);
	assert_mode("state/connsh", 0700);
	assert_mode(HISTORY, 0600);
	assert_history("#\nx = 1\n#\nx = = 3\n#\nx = 1\n");
}

/* Typed line by line, one entry; the next session has it back with one key. */
static void test_several_lines(void **state)
{
	(void)state;
	term_start();
	term_type("for i = 1, 2 do\r");
	term_expect(PROMPT_IN);
	term_type("  print(\"row\" .. i)\r");
	term_expect(PROMPT_IN);
	term_type("end\r");
	term_expect("\nrow1\nrow2\n");
	term_expect(PROMPT);
	leave();
	assert_history("#\nfor i = 1, 2 do\n  print(\"row\" .. i)\nend\n");
	term_start();
	term_type("\x1b[A");
	term_expect("end");
	term_type("\r");
	term_expect("\nrow1\nrow2\n");
	term_expect(PROMPT);
	leave();
	assert_history("#\nfor i = 1, 2 do\n  print(\"row\" .. i)\nend\n");
}

static void test_paste(void **state)
{
	(void)state;
	term_start();
	term_type("\x1b[200~local a = 1\rlocal b = 41\rprint(a + b)\r\x1b[201~");
	term_expect("a + b)");
	tell("");
	leave();
	assert_history("#\nlocal a = 1\nlocal b = 41\nprint(a + b)\n");
}

/* A line of a long string that looks like a stamp does not split its entry. */
static void test_stamp_inside(void **state)
{
	(void)state;
	term_start();
	term_type("s = [[\r");
	term_expect(PROMPT_IN);
	term_type("#123\r");
	term_expect(PROMPT_IN);
	tell("]]");
	leave();
	assert_history("#\ns = [[\n #123\n]]\n");
}

/* os.exit and a signal lose nothing. */
static void test_kept_at_once(void **state)
{
	(void)state;
	term_start();
	term_type("os.exit(7)\r");
	term_expect_exit(7);
	assert_history("#\nos.exit(7)\n");
	term_start();
	tell("x = 1");
	assert_int_equal(kill(term.pid, SIGKILL), 0);
	assert_true(WIFSIGNALED(term_wait()));
	assert_history("#\nos.exit(7)\n#\nx = 1\n");
}

/* Two sessions at a time add to the file, neither writes over the other. */
static void test_foreign_entries(void **state)
{
	char *text;

	(void)state;
	term_start();
	tell("x = 1");
	text = term_file(HISTORY);
	assert_non_null(text);
	strcat(text, "#1700000000\ny = 2\n");
	write_file(HISTORY, text);
	free(text);
	tell("z = 3");
	leave();
	assert_history("#\nx = 1\n#\ny = 2\n#\nz = 3\n");
}

/* Bytes that nobody has typed: no crash, and the whole entries are there. */
static void test_broken_file(void **state)
{
	(void)state;
	make_folders();
	write_file(HISTORY,
		   "stray\n#\n#1700000000\n#1700000001\n40 + 2\n\xff\xfe\n#12x\n#1700000002");
	term_start();
	term_type("\x1b[A");
	term_expect("#12x");
	term_type("\x03");
	term_expect("^C\n");
	term_expect(PROMPT);
	term_ask("6 * 7", "42");
	leave();
}

/* Far more entries than are kept: the file is cut to the newest, in order. */
static void test_shortened(void **state)
{
	enum { ENTRIES = 12000, KEPT = 10000 };
	char *text, line[64];
	FILE *f;

	(void)state;
	make_folders();
	f = fopen(term_path(HISTORY), "w");
	assert_non_null(f);
	for (int i = 0; i < ENTRIES; i++)
		assert_true(fprintf(f, "#1\n%d\n", i) > 0);
	assert_int_equal(fclose(f), 0);
	term_start();
	term_type("\x1b[A");
	snprintf(line, sizeof(line), "%d", ENTRIES - 1);
	term_expect(line);
	term_type("\r");
	term_expect(PROMPT);
	leave();
	text = term_file(HISTORY);
	assert_non_null(text);
	snprintf(line, sizeof(line), "#1\n%d\n#1\n", ENTRIES - KEPT);
	assert_memory_equal(text, line, strlen(line));
	free(text);
	assert_mode(HISTORY, 0600);
}

/* A link in the file's place is not followed, and the session goes on. */
static void test_link(void **state)
{
	char *text;

	(void)state;
	make_folders();
	write_file("other", "mine\n");
	assert_int_equal(symlink("../../other", term_path(HISTORY)), 0);
	term_start_wide(100);
	term_expect("connsh: the history is not kept: ");
	term_expect(PROMPT);
	term_ask("6 * 7", "42");
	leave();
	text = term_file("other");
	assert_non_null(text);
	assert_string_equal(text, "mine\n");
	free(text);
}

static void test_linked_folder(void **state)
{
	(void)state;
	assert_int_equal(mkdir(term_path("state"), 0700), 0);
	assert_int_equal(symlink("..", term_path("state/connsh")), 0);
	term_start_wide(100);
	term_expect("connsh: the history is not kept: ");
	term_expect(PROMPT);
	tell("x = 1");
	leave();
	assert_absent("history");
}

/* A folder that others may write to could hold anything. */
static void test_open_folder(void **state)
{
	(void)state;
	make_folders();
	assert_int_equal(chmod(term_path("state/connsh"), 0777), 0);
	term_start_wide(100);
	term_expect("connsh: the history is not kept: ");
	term_expect(PROMPT);
	tell("x = 1");
	leave();
	assert_absent(HISTORY);
}

/* Without XDG_STATE_HOME, and with one that is no absolute path. */
static void test_default_place(void **state)
{
	(void)state;
	term.name = "XDG_STATE_HOME";
	term_start();
	tell("x = 1");
	leave();
	assert_mode(".local/state/connsh/history", 0600);
	assert_absent(HISTORY);
	term.value = "relative";
	term_start();
	tell("y = 1");
	leave();
	assert_absent("relative");
	assert_int_equal(access("relative", F_OK), -1);
}

static void test_sudo(void **state)
{
	(void)state;
	term.name = "SUDO_UID";
	term.value = "1000";
	term_start();
	term_ask("6 * 7", "42");
	leave();
	assert_absent("state");
}

static void test_foreign_home(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(term.home, 65534, 65534), 0);
	term_start();
	term_ask("6 * 7", "42");
	leave();
	assert_absent("state");
}

/* Keys of the person's own, in $INPUTRC and in ~/.inputrc, also below $if connsh. */
static void test_inputrc(void **state)
{
	static char path[TERM_PATH];

	(void)state;
	write_file("inputrc", "$if connsh\n\"Q\": \"1234 + 1\"\n$endif\n");
	snprintf(path, sizeof(path), "%s", term_path("inputrc"));
	term.name = "INPUTRC";
	term.value = path;
	term_start();
	term_ask("Q", "1235");
	leave();
}

/* Keys of whoever wrote that file mean nothing to a root shell under sudo. */
static void test_inputrc_sudo(void **state)
{
	(void)state;
	write_file(".inputrc", "\"Q\": \"1234 + 1\"\n");
	term_start();
	term_ask("Q", "1235");
	leave();
	term.name = "SUDO_UID";
	term.value = "1000";
	term_start();
	term_ask("Q", "nil");
	leave();
	assert_int_equal(remove(term_path(".inputrc")), 0);
}

struct piped_case {
	const char *in;
	const char *out; /* both streams, as they come */
	int code;
};

/* Answers come behind the prompt that is written for the line that the pipe holds. */
static const struct piped_case piped[] = {
	{ "", PROMPT "\n", 0 },
	{ "6 * 7\n", PROMPT "42\n" PROMPT "\n", 0 },
	{ "6 * 7", PROMPT "42\n" PROMPT "\n", 0 },
	{ "\n  \n1\n", PROMPT PROMPT PROMPT "1\n" PROMPT "\n", 0 },
	{ "if true then\nprint(1)\nend\n", PROMPT PROMPT_IN PROMPT_IN "1\n" PROMPT "\n", 0 },
	{ "x = = 1\n2\n",
	  PROMPT "connsh: stdin:1: unexpected symbol near '='\n" PROMPT "2\n" PROMPT "\n", 0 },
	{ "f(\n", PROMPT PROMPT_IN "\nconnsh: stdin:1: unexpected symbol near <eof>\n" PROMPT "\n",
	  0 },
	{ "print(1) os.exit(7)\n2\n", PROMPT "1\n", 7 },
	{ "io.read()\nfirst\n2\n", PROMPT "first\n" PROMPT "2\n" PROMPT "\n", 0 },
};

/* Runs "connsh -i" with that input; errors go to the file "other", output to out or there too. */
static int run_piped(const char *in, const char *out)
{
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], in, strlen(in)), strlen(in));
	close(ends[1]);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const int err = open(term_path("other"), O_WRONLY | O_CREAT | O_APPEND, 0600);
		const int fd = out ? open(out, O_WRONLY) : err;
		const char *program = term_program();

		term_environment();
		if (dup2(ends[0], 0) == 0 && dup2(fd, 1) == 1 && dup2(err, 2) == 2)
			execl(program, program, "-i", (char *)NULL);
		_exit(127);
	}
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_piped(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(piped) / sizeof(piped[0]); i++) {
		char *text;

		assert_int_equal(run_piped(piped[i].in, NULL), piped[i].code);
		text = term_file("other");
		assert_non_null(text);
		assert_string_equal(text, piped[i].out);
		free(text);
		assert_int_equal(remove(term_path("other")), 0);
	}
	assert_absent("state");
}

/* A full disk is said once, however many lines follow, and is an error in the end. */
static void test_piped_full(void **state)
{
	const char *said;
	char *text;

	(void)state;
	assert_int_equal(run_piped("1\nerror(\"out\" .. \"side\")\n3\n", "/dev/full"), 1);
	text = term_file("other");
	assert_non_null(text);
	said = strstr(text, "cannot write to standard output: ");
	assert_non_null(said);
	assert_null(strstr(said + 1, "cannot write to standard output: "));
	assert_non_null(strstr(text, "outside"));
	free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, term_setup, term_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_kept),	  TEST(test_several_lines), TEST(test_paste),
		TEST(test_stamp_inside),  TEST(test_kept_at_once),  TEST(test_foreign_entries),
		TEST(test_broken_file),	  TEST(test_shortened),	    TEST(test_link),
		TEST(test_linked_folder), TEST(test_open_folder),   TEST(test_default_place),
		TEST(test_sudo),	  TEST(test_foreign_home),  TEST(test_inputrc),
		TEST(test_inputrc_sudo),  TEST(test_piped),	    TEST(test_piped_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
