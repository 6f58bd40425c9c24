/*
 * Owns what a recording tells of the machine and the moment that it is of, and
 * the time that answers are of.
 */
#include "internal.h"

#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#ifndef CONNSH_VERSION
#define CONNSH_VERSION "unknown"
#endif

static double clock_of(clockid_t id)
{
	struct timespec t = { 0, 0 };

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void time_fact(const char *key, clockid_t id)
{
	struct timespec t = { 0, 0 };
	char text[64];

	/* no "%f": its point is the locale's */
	clock_gettime(id, &t);
	snprintf(text, sizeof(text), "%lld.%09ld", (long long)t.tv_sec, t.tv_nsec);
	nl_record_fact(key, text);
}

static void number_fact(const char *key, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	nl_record_fact(key, text);
}

void nl_record_facts(void)
{
	struct utsname name;

	nl_record_fact("connsh", CONNSH_VERSION);
	nl_record_fact("byte_order", NL_BYTE_ORDER);
	time_fact("time", CLOCK_REALTIME);
	time_fact("uptime", CLOCK_BOOTTIME);
	number_fact("clock_ticks", sysconf(_SC_CLK_TCK));
	number_fact("page_size", sysconf(_SC_PAGESIZE));
	number_fact("uid", (long)geteuid());
	if (uname(&name) == 0) {
		nl_record_fact("host", name.nodename);
		nl_record_fact("kernel", name.release);
		nl_record_fact("machine", name.machine);
	}
}

/* A recorded time; what is no number is none. */
static double recorded(const char *key)
{
	const char *p = nl_replay_fact(key);
	double t = 0, unit = 1;

	for (; p && *p >= '0' && *p <= '9'; p++)
		t = t * 10 + (*p - '0');
	for (p = p && *p == '.' ? p + 1 : NULL; p && *p >= '0' && *p <= '9'; p++)
		t += (unit /= 10) * (*p - '0');
	return t < 1e12 ? t : 0;
}

double nl_replay_time(void)
{
	return recorded("time");
}

double nl_time(void)
{
	return nl_replay_loaded() ? recorded("time") : clock_of(CLOCK_REALTIME);
}

double nl_time_since_boot(void)
{
	return nl_replay_loaded() ? recorded("uptime") : clock_of(CLOCK_BOOTTIME);
}
