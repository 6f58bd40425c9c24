/* Signals in the middle of a wait, for tests of what waits. Behind cmocka.h. */
#ifndef TEST_ALARMS_H
#define TEST_ALARMS_H

#include "connsh/netlink.h"

#include <signal.h>
#include <sys/time.h>

static volatile sig_atomic_t alarms, alarms_until_cancel;

static void on_alarm(int signo)
{
	(void)signo;
	if (++alarms >= alarms_until_cancel)
		nl_cancel = 1;
}

/* SIGALRM every few milliseconds; the given one of them raises nl_cancel. */
static void start_alarms(int until_cancel)
{
	const struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	const struct itimerval every = { { 0, 5000 }, { 0, 5000 } };

	alarms = 0;
	alarms_until_cancel = until_cancel;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
}

static void stop_alarms(void)
{
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };

	setitimer(ITIMER_REAL, &never, NULL);
	nl_cancel = 0;
}

#endif
