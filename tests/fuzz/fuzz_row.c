/*
 * Fuzzes what reads a row: the bytes are one message of sock_diag, in a block of
 * exactly its size; every field is decoded and shown, and tested by conditions.
 */
#include "source/sockets.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Is the text inside the message, or one of ours? Reading all of it lets ASan see. */
static void touch(const char *text, size_t len)
{
	volatile unsigned sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += (unsigned char)text[i];
	(void)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct source *s = &source_sockets;
	/* a message begins with its family */
	bool is_unix = size && data[0] == AF_UNIX;
	const struct shape *shape = is_unix ? &shape_unix : &shape_inet;
	size_t len = NLMSG_HDRLEN + size;
	struct nlmsghdr *msg;
	struct env *env;
	struct row row;

	if (size < shape->header || size > 65536)
		return 0;
	msg = calloc(1, len);
	env = env_new(NULL);
	if (!msg || !env)
		abort();
	memcpy((char *)msg + NLMSG_HDRLEN, data, size);
	msg->nlmsg_len = (uint32_t)len;
	msg->nlmsg_type = shape->type;
	row = (struct row){ .source = s,
			    .env = env,
			    .msg = msg,
			    .shape = shape,
			    .tag = is_unix	 ? PROTO_UNIX
				   : data[1] & 1 ? PROTO_TCP
						 : PROTO_UDP };
	for (const struct field *f = s->fields; f->name; f++) {
		char buf[VALUE_TEXT_MAX];
		struct value v;
		const char *text;
		size_t n;

		/* the other end is asked of the kernel */
		if (f->cost == COST_LOOKUP || f->needs & NEED_PEER || !field_get(f, &row, &v))
			continue;
		text = value_text(f, &v, buf, &n);
		touch(text, n);
	}
	env_unref(env);
	free(msg);
	return 0;
}
