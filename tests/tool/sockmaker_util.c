/*
 * sockmaker: messages, reading of numbers and addresses, waiting. It opens no socket.
 */
#include "sockmaker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

__attribute__((format(printf, 3, 0))) static void say(const char *kind, int errnum, const char *fmt,
						      va_list ap)
{
	fprintf(stderr, "sockmaker: %s", kind);
	vfprintf(stderr, fmt, ap);
	if (errnum != 0)
		fprintf(stderr, ": %s", strerror(errnum));
	fputc('\n', stderr);
}

void sm_die(int errnum, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", errnum, fmt, ap);
	va_end(ap);
	sm_unix_cleanup();
	exit(SM_EXIT_FAILED);
}

void sm_note(int errnum, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("note: ", errnum, fmt, ap);
	va_end(ap);
}

void sm_made(const char *fmt, ...)
{
	va_list ap;

	if (getenv("SOCKMAKER_VERBOSE") == NULL)
		return;
	va_start(ap, fmt);
	say("made ", 0, fmt, ap);
	va_end(ap);
}

bool sm_refused(int errnum)
{
	switch (errnum) {
	case EPERM:
	case EACCES:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case ESOCKTNOSUPPORT:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
	case ENOSYS:
		return true;
	default:
		return false;
	}
}

long sm_number(const char *text, long min, long max, const char *what)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 0);
	if (errno != 0 || end == text || *end != '\0' || value < min || value > max)
		sm_die(0, "%s: '%s' is not a number from %ld to %ld", what, text, min, max);
	return value;
}

static void set_v4(struct sm_endpoint *ep, struct in_addr addr, int family)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&ep->sa;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&ep->sa;

	if (family == AF_INET6) {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_addr.s6_addr[10] = sin6->sin6_addr.s6_addr[11] = 0xff;
		memcpy(&sin6->sin6_addr.s6_addr[12], &addr, sizeof(addr));
		ep->len = sizeof(*sin6);
	} else {
		sin->sin_family = AF_INET;
		sin->sin_addr = addr;
		ep->len = sizeof(*sin);
	}
}

static bool set_v6(struct sm_endpoint *ep, char *text)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&ep->sa;
	char *scope = strchr(text, '%');

	if (scope != NULL) {
		*scope++ = '\0';
		sin6->sin6_scope_id = if_nametoindex(scope);
	}
	if (inet_pton(AF_INET6, text, &sin6->sin6_addr) != 1)
		return false;
	sin6->sin6_family = AF_INET6;
	ep->len = sizeof(*sin6);
	return true;
}

struct sm_endpoint sm_address_parse(const char *text, int family)
{
	struct sm_endpoint ep = { .len = 0 };
	struct in_addr v4;
	char copy[128];

	snprintf(copy, sizeof(copy), "%s", text);
	if (inet_pton(AF_INET, copy, &v4) == 1)
		set_v4(&ep, v4, family);
	else if (family == AF_INET || !set_v6(&ep, copy))
		sm_die(0, "'%s' is not an %s address", text,
		       family == AF_INET ? "IPv4" : "IPv4 or IPv6");
	return ep;
}

struct sm_endpoint sm_endpoint_parse(const char *text)
{
	struct sm_endpoint ep;
	char host[128];
	const char *colon = strrchr(text, ':');
	size_t len;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		sm_die(0, "'%s' should be ADDR:PORT, [ADDR]:PORT or *:PORT", text);
	len = (size_t)(colon - text);
	memcpy(host, text, len);
	host[len] = '\0';
	if (strcmp(host, "*") == 0) {
		ep = sm_address_parse("::", AF_INET6);
	} else if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		ep = sm_address_parse(host + 1, AF_INET6);
	} else {
		ep = sm_address_parse(host, AF_INET);
	}
	sm_set_port(&ep, (int)sm_number(colon + 1, 0, 65535, text));
	return ep;
}

/* The port lies at the same place in both kinds of address. */
int sm_port(const struct sm_endpoint *ep)
{
	return ntohs(((const struct sockaddr_in *)&ep->sa)->sin_port);
}

void sm_set_port(struct sm_endpoint *ep, int port)
{
	((struct sockaddr_in *)&ep->sa)->sin_port = htons((uint16_t)port);
}

const char *sm_show(const struct sm_endpoint *ep)
{
	static char texts[4][80];
	static unsigned int turn;
	char *text = texts[turn++ % 4];
	char host[INET6_ADDRSTRLEN] = "?";

	if (ep->sa.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)&ep->sa)->sin6_addr, host,
			  sizeof(host));
		snprintf(text, sizeof(texts[0]), "[%s]:%d", host, sm_port(ep));
	} else {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)&ep->sa)->sin_addr, host,
			  sizeof(host));
		snprintf(text, sizeof(texts[0]), "%s:%d", host, sm_port(ep));
	}
	return text;
}

struct sm_endpoint sm_local(int fd)
{
	struct sm_endpoint ep = { .len = sizeof(ep.sa) };

	if (getsockname(fd, (struct sockaddr *)&ep.sa, &ep.len) != 0)
		sm_die(errno, "getsockname");
	return ep;
}

struct sm_endpoint sm_peer(int fd)
{
	struct sm_endpoint ep = { .len = sizeof(ep.sa) };

	if (getpeername(fd, (struct sockaddr *)&ep.sa, &ep.len) != 0)
		sm_die(errno, "getpeername");
	return ep;
}

bool sm_wait(bool (*done)(void *arg), void *arg)
{
	const long limit_ns = 5L * 1000 * 1000 * 1000;
	struct timespec pause = { .tv_nsec = 200 * 1000 };
	long waited = 0;

	while (!done(arg)) {
		if (waited >= limit_ns)
			return false;
		nanosleep(&pause, NULL);
		waited += pause.tv_nsec;
		if (pause.tv_nsec < 20L * 1000 * 1000)
			pause.tv_nsec *= 2;
	}
	return true;
}
