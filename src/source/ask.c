/* Owns what a request can be told of the rows that are wanted: equalities that each must meet. */
#include "private.h"

#include <string.h>
#include <sys/socket.h>

/* Of an address only a whole one is a value. */
static bool whole(const struct operand *o)
{
	return o->kind != OPERAND_PREFIX || o->bits == (o->lo.addr.family == AF_INET ? 32 : 128);
}

const struct value *ask_value(const struct scan_request *req, const char *field)
{
	for (size_t i = 0; i < req->nasks; i++) {
		const struct cond *c = req->asks[i];

		if (strcmp(c->field->name, field) == 0 && whole(&c->operands[0]))
			return &c->operands[0].lo;
	}
	return NULL;
}

bool ask_number(const struct scan_request *req, const char *field, int64_t *n)
{
	const struct value *v = ask_value(req, field);

	if (!v || v->kind != VALUE_INT)
		return false;
	*n = v->num;
	return true;
}

int ask_ifindex(const struct scan_request *req, const char *index, const char *name,
		unsigned *ifindex)
{
	const struct value *v = name ? ask_value(req, name) : NULL;
	int64_t n;

	if (index && ask_number(req, index, &n) && n > 0 && n <= INT32_MAX) {
		*ifindex = (unsigned)n;
		return 1;
	}
	/* a recording has no interfaces to ask, and is not filtered by its requests anyway */
	if (!v || v->kind != VALUE_TEXT || nl_replay_loaded())
		return 0;
	*ifindex = memchr(v->text.p, 0, v->text.len)
			   ? 0
			   : nl_ifindex(v->text.p, env_netns_fd(req->env));
	return *ifindex ? 1 : -1;
}
