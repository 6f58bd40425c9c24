/*
 * named: runs a command beside a process of any name that holds one listening socket.
 *
 *	named NAME PORT COMMAND ARGS...
 *
 * NAME becomes the comm of the holder, cut to 15 bytes by the kernel: any bytes but NUL. The
 * socket listens on 127.0.0.1:PORT. Ends with the command's exit status.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "named: %s: %s\n", what, strerror(errno));
	exit(125);
}

static void hold(const char *name, int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 5) != 0)
		die("socket");
	if (prctl(PR_SET_NAME, name) != 0)
		die("name");
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc < 4) {
		fputs("usage: named NAME PORT COMMAND ARGS...\n", stderr);
		return 125;
	}
	hold(argv[1], atoi(argv[2]));
	pid = fork();
	if (pid == 0) {
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die("command");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
