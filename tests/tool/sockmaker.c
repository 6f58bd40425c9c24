/*
 * sockmaker: makes real sockets in the current network namespace, runs a command beside them,
 * and ends with the command's exit status. This file reads the specs and runs the command.
 *
 *	unshare -n sockmaker SPEC... -- COMMAND ARGS...
 *
 * Without a command it prints "ready" and waits for the end of its standard input. The command
 * finds our pid in SOCKMAKER_PID. See usage() for the specs.
 */
#include "sockmaker.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void make_addr(char *value, struct sm_opts *o);
static void make_all(char *value, struct sm_opts *o);

struct spec {
	const char *name;
	void (*make)(char *value, struct sm_opts *o);
	bool bare; /* it may stand without a value */
	const char *usage;
};

static const struct spec specs[] = {
	{ "addr", make_addr, false, "addr ADDR/LEN                 an address on lo" },
	{ "listen", sm_make_listen, false,
	  "listen=ADDR:PORT              *:PORT takes IPv6 and IPv4" },
	{ "listen6only", sm_make_listen6only, false, "listen6only=[ADDR]:PORT" },
	{ "conn", sm_make_conn, false,
	  "conn=ADDR:PORT*N              N established pairs, ,from=ADDR[:PORT]" },
	{ "noaccept", sm_make_noaccept, false,
	  "noaccept=ADDR:PORT*N          N connections left in the accept queue" },
	{ "state", sm_make_state, false,
	  "state=STATE*N,addr=ADDR:PORT  N sockets at ADDR:PORT in that state" },
	{ "mptcp", sm_make_mptcp, false, "mptcp=ADDR:PORT*N             like conn" },
	{ "sctp", sm_make_sctp, false, "sctp=ADDR:PORT*N              like conn" },
	{ "udp", sm_make_udp, false, "udp=ADDR:PORT" },
	{ "udpconn", sm_make_udpconn, false,
	  "udpconn=ADDR:PORT*N           N connected clients, and the server" },
	{ "udplite", sm_make_udplite, false, "udplite=ADDR:PORT" },
	{ "raw", sm_make_raw, false, "raw=icmp|NUMBER               from= binds it" },
	{ "raw6", sm_make_raw6, false, "raw6=icmp6|NUMBER" },
	{ "unix", sm_make_unix, false,
	  "unix=PATH|@NAME|pair*N        N connections, ,queue=M not accepted" },
	{ "packet", sm_make_packet, true,
	  "packet[=all|ip|ipv6|arp|TYPE] "
	  ",rxring=VERSION,txring,fanout=N,promisc,join,auxdata,filter" },
	{ "netlink", sm_make_netlink, true, "netlink[=route|generic|diag|uevent|N],groups=MASK" },
	{ "bulk", sm_make_bulk, false,
	  "bulk=ADDR:PORT*N              N pairs in other processes, ,procs=M" },
	{ "holders", sm_make_holders, false,
	  "holders=N                     N processes that hold all the above too" },
	{ "churn", sm_make_churn, false,
	  "churn=ADDR:PORT               opened and closed till we end, ,rate=N,procs=M,timewait" },
	{ "udpchurn", sm_make_udpchurn, false, "udpchurn=ADDR:PORT            the same for udp" },
	{ "traffic", sm_make_traffic, false,
	  "traffic=ADDR:PORT*N           N pairs in one process that send till we end, "
	  ",rate=BYTES,comm=NAME" },
	{ "all", make_all, true, "all                           some of everything" },
};

enum kind { TEXT, NUMBER, FLAG };

static const struct option {
	const char *name;
	enum kind kind;
	size_t offset;
} options[] = {
#define OPTION(n, k)                                                           \
	{                                                                      \
		.name = #n, .kind = (k), .offset = offsetof(struct sm_opts, n) \
	}
	OPTION(from, TEXT),	    OPTION(addr, TEXT),	     OPTION(dev, TEXT),
	OPTION(cong, TEXT),	    OPTION(backlog, NUMBER), OPTION(mark, NUMBER),
	OPTION(tos, NUMBER),	    OPTION(uid, NUMBER),     OPTION(rcvbuf, NUMBER),
	OPTION(sndbuf, NUMBER),	    OPTION(send, NUMBER),    OPTION(pending, NUMBER),
	OPTION(stuck, NUMBER),	    OPTION(queue, NUMBER),   OPTION(groups, NUMBER),
	OPTION(procs, NUMBER),	    OPTION(reuseport, FLAG), OPTION(nodelay, FLAG),
	OPTION(keepalive, FLAG),    OPTION(v6only, FLAG),    OPTION(orphan, FLAG),
	OPTION(disconnected, FLAG), OPTION(dgram, FLAG),     OPTION(seqpacket, FLAG),
	OPTION(rate, NUMBER),	    OPTION(timewait, FLAG),  OPTION(comm, TEXT),
	OPTION(rxring, NUMBER),	    OPTION(txring, FLAG),    OPTION(fanout, NUMBER),
	OPTION(promisc, FLAG),	    OPTION(join, FLAG),	     OPTION(auxdata, FLAG),
	OPTION(filter, FLAG),
#undef OPTION
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct sm_opts no_options = {
	.count = 1,
	.backlog = -1,
	.mark = -1,
	.tos = -1,
	.uid = -1,
	.rcvbuf = -1,
	.sndbuf = -1,
	.send = -1,
	.pending = -1,
	.stuck = -1,
	.queue = -1,
	.groups = -1,
	.procs = -1,
	.rate = -1,
	.rxring = -1,
	.fanout = -1,
};

static void usage(FILE *to)
{
	fputs("usage: sockmaker SPEC... [-- COMMAND ARGS...]\n\nspecs:\n", to);
	for (size_t i = 0; i < COUNT(specs); i++)
		fprintf(to, "  %s\n", specs[i].usage);
	fputs("options, each after a comma (TEXT and N as name=value):\n ", to);
	for (size_t i = 0; i < COUNT(options); i++)
		fprintf(to, " %s%s%s", options[i].name,
			options[i].kind == FLAG	  ? ""
			: options[i].kind == TEXT ? "=TEXT"
						  : "=N",
			i % 8 == 7 && i + 1 < COUNT(options) ? "\n " : "");
	fputs("\nstates: see sockmaker_state.c; orphan closes the descriptor.\n"
	      "SOCKMAKER_VERBOSE=1 says what is made, SOCKMAKER_FORCE=1 works in any namespace.\n",
	      to);
}

static void read_option(char *text, const char *spec, struct sm_opts *o)
{
	char *value = strchr(text, '=');

	if (value != NULL)
		*value++ = '\0';
	for (size_t i = 0; i < COUNT(options); i++) {
		char *field = (char *)o + options[i].offset;

		if (strcmp(options[i].name, text) != 0)
			continue;
		if ((options[i].kind == FLAG) != (value == NULL))
			sm_die(0, "%s: option '%s' %s a value", spec, text,
			       value == NULL ? "needs" : "takes no");
		if (options[i].kind == FLAG)
			*(bool *)(void *)field = true;
		else if (options[i].kind == NUMBER)
			*(long *)(void *)field = sm_number(value, 0, INT_MAX, text);
		else
			*(char **)(void *)field = value;
		return;
	}
	sm_die(0, "%s: there is no option '%s'; see sockmaker --help", spec, text);
}

/* Cuts `*N` off the value. The asterisk of `*:PORT` is none. */
static void read_count(char *value, struct sm_opts *o)
{
	char *star = strrchr(value, '*');

	if (star == NULL || star == value || star[1] < '0' || star[1] > '9')
		return;
	*star = '\0';
	o->count = sm_number(star + 1, 0, 100000000, "*N");
	o->counted = true;
}

static void make(const char *name, const char *text)
{
	struct sm_opts o = no_options;
	char *value = strdup(text), *rest;

	if (value == NULL)
		sm_die(errno, "memory");
	rest = strchr(value, ',');
	if (rest != NULL)
		*rest++ = '\0';
	while (rest != NULL) {
		char *option = strsep(&rest, ",");

		read_option(option, name, &o);
	}
	read_count(value, &o);
	for (size_t i = 0; i < COUNT(specs); i++) {
		if (strcmp(specs[i].name, name) == 0) {
			specs[i].make(value, &o);
			free(value);
			return;
		}
	}
	sm_die(0, "there is no spec '%s'; see sockmaker --help", name);
}

static bool takes_no_value(const char *name)
{
	for (size_t i = 0; i < COUNT(specs); i++) {
		if (strcmp(specs[i].name, name) == 0)
			return specs[i].bare;
	}
	return true; /* make() says that it is unknown */
}

/* Makes what one or two words ask for; returns how many they were. */
static int make_words(char **argv)
{
	char *name = strdup(argv[0]);
	size_t end = strcspn(argv[0], "=,");
	int words = 1;

	if (name == NULL)
		sm_die(errno, "memory");
	name[end] = '\0';
	if (argv[0][end] == '=') {
		make(name, argv[0] + end + 1);
	} else if (takes_no_value(name)) {
		make(name, argv[0] + end); /* empty, or options from the comma on */
	} else {
		if (argv[1] == NULL || strcmp(argv[1], "--") == 0)
			sm_die(0, "spec '%s' needs a value", name);
		make(name, argv[1]);
		words = 2;
	}
	free(name);
	return words;
}

static void make_addr(char *value, struct sm_opts *o)
{
	(void)o;
	sm_addr_add(value);
}

static void make_all(char *value, struct sm_opts *o)
{
	(void)value;
	(void)o;
	for (size_t i = 0; sm_all[i] != NULL; i++) {
		char *word = strdup(sm_all[i]);
		char *words[] = { word, NULL };

		if (word == NULL)
			sm_die(errno, "memory");
		make_words(words);
		free(word);
	}
}

static pid_t command;

static void pass_on(int sig)
{
	if (command > 0)
		kill(command, sig);
}

/* The terminal gives SIGINT to the command too; we live on to clean up after it. */
static void handle_signals(void)
{
	const struct sigaction to_command = { .sa_handler = pass_on };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGTERM, &to_command, NULL);
	sigaction(SIGHUP, &to_command, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGQUIT, &ignore, NULL);
}

_Noreturn static void become(char **argv, const struct rlimit *files)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", (int)getppid());
	setenv("SOCKMAKER_PID", pid, 1);
	(void)setrlimit(RLIMIT_NOFILE, files);
	execvp(argv[0], argv);
	fprintf(stderr, "sockmaker: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? SM_EXIT_NOT_FOUND : SM_EXIT_CANNOT_RUN);
}

static int run(char **argv, const struct rlimit *files)
{
	int status;

	command = sm_fork();
	if (command == 0)
		become(argv, files);
	handle_signals();
	while (waitpid(command, &status, 0) < 0) {
		if (errno != EINTR)
			sm_die(errno, "waitpid");
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int wait_for_end_of_input(void)
{
	char block[256];

	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, block, sizeof(block)) > 0)
		;
	return 0;
}

static void raise_file_limit(struct rlimit *before)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, before) != 0)
		sm_die(errno, "RLIMIT_NOFILE");
	most = *before;
	most.rlim_cur = most.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &most);
}

int main(int argc, char **argv)
{
	struct rlimit files;
	int i = 1, code;

	if (argc < 2 || strcmp(argv[1], "--help") == 0) {
		usage(argc < 2 ? stderr : stdout);
		return argc < 2 ? SM_EXIT_FAILED : 0;
	}
	if (getenv("SOCKMAKER_FORCE") == NULL)
		sm_check_private();
	raise_file_limit(&files);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	sm_lo_up();
	while (i < argc && strcmp(argv[i], "--") != 0)
		i += make_words(argv + i);
	if (i < argc - 1)
		code = run(argv + i + 1, &files);
	else
		code = wait_for_end_of_input();
	sm_kill_children();
	sm_reset_all();
	sm_unix_cleanup();
	return code;
}
