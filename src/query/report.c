/* Owns what is to be said of an answer, as it is gathered from stage to stage. */
#include "private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int query_no_memory(struct nl_error *err)
{
	return nl_fail(err, ENOMEM, "out of memory");
}

void report_begin(struct report *r)
{
	memset(r, 0, sizeof(*r));
	r->complete = true;
	r->tries = 1;
	r->source = "netlink";
}

void report_add(struct report *r, const char *text)
{
	for (size_t i = 0; i < r->nwarnings; i++)
		if (strcmp(r->warnings[i], text) == 0)
			return;
	if (r->nwarnings < REPORT_WARNINGS)
		snprintf(r->warnings[r->nwarnings++], sizeof(r->warnings[0]), "%s", text);
}

void report_warn(struct report *r, const char *fmt, ...)
{
	char text[sizeof(r->warnings[0])];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report_add(r, text);
}

bool report_flagged(const struct report *r)
{
	return r->flagged;
}
