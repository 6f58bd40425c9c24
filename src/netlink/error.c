/*
 * The netlink room's failures in words: what was asked, what was answered, and
 * the kernel's extended ack. Knows the shape of NLMSG_ERROR and NLMSG_DONE, not
 * what was being dumped.
 */
#include "internal.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Not in the headers of every supported system: <linux/netlink.h>, since 4.12. */
enum { ACK_TEXT = 1, ACK_OFFSET = 2 };

/* The kernel's greatest errno (MAX_ERRNO): anything beyond is not a code. */
enum { MAX_CODE = 4095 };

/* What the kernel said beside the code. text is not NUL-terminated. */
struct ext_ack {
	const char *text;
	int text_len;
	bool has_offset;
	uint32_t offset; /* into the request */
};

/* Texts come from kernels, files and paths; a message stays one line of text. */
static void tame(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

__attribute__((format(printf, 4, 0))) static int fill(struct nl_error *err, int code,
						      bool with_reason, const char *format,
						      va_list args)
{
	int used;

	if (!err)
		return -1;
	err->code = code;
	used = vsnprintf(err->text, sizeof(err->text), format, args);
	if (with_reason && used >= 0 && (size_t)used < sizeof(err->text))
		snprintf(err->text + used, sizeof(err->text) - (size_t)used, ": %s",
			 strerror(code));
	tame(err->text);
	return -1;
}

int nl_fail(struct nl_error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(err, code, false, format, args);
	va_end(args);
	return -1;
}

int nl_fail_sys(struct nl_error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(err, code, true, format, args);
	va_end(args);
	return -1;
}

int nl_answer_code(const struct nlmsghdr *nlh)
{
	int32_t code;

	if (nlh->nlmsg_len < NLMSG_HDRLEN + sizeof(code))
		return -1;
	memcpy(&code, mnl_nlmsg_get_payload(nlh), sizeof(code));
	return code > 0 || code < -MAX_CODE ? -1 : -code;
}

/*
 * Where the attributes of an extended ack begin, from the start of the message.
 * DONE has them behind its code; ERROR behind the request that it repeats,
 * whole, or its header alone when NLM_F_CAPPED is set.
 */
static size_t ack_start(const struct nlmsghdr *nlh)
{
	struct nlmsghdr request;
	size_t start = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(int32_t));

	if (nlh->nlmsg_type == NLMSG_DONE)
		return start;
	if (nlh->nlmsg_len < start + sizeof(request))
		return nlh->nlmsg_len;
	memcpy(&request, (const char *)nlh + start, sizeof(request));
	start += sizeof(request);
	if (nlh->nlmsg_flags & NLM_F_CAPPED)
		return start;
	if (request.nlmsg_len < sizeof(request) || request.nlmsg_len > nlh->nlmsg_len)
		return nlh->nlmsg_len;
	return start + NLMSG_ALIGN(request.nlmsg_len - sizeof(request));
}

static struct ext_ack read_ack(const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[ACK_OFFSET + 1];
	struct ext_ack ack = { NULL, 0, false, 0 };
	size_t start;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return ack;
	start = ack_start(nlh);
	if (start >= nlh->nlmsg_len)
		return ack;
	/* What stands before a malformed attribute is still worth telling. */
	nl_attrs((const char *)nlh + start, nlh->nlmsg_len - start, tb, ACK_OFFSET);
	if (tb[ACK_TEXT]) {
		ack.text = mnl_attr_get_payload(tb[ACK_TEXT]);
		ack.text_len = (int)strnlen(ack.text, mnl_attr_get_payload_len(tb[ACK_TEXT]));
	}
	if (tb[ACK_OFFSET] && mnl_attr_validate(tb[ACK_OFFSET], MNL_TYPE_U32) == 0) {
		ack.has_offset = true;
		ack.offset = mnl_attr_get_u32(tb[ACK_OFFSET]);
	}
	return ack;
}

int nl_refused(struct nl_error *err, const struct nlmsghdr *nlh, const char *asked,
	       const char *what)
{
	int code = nl_answer_code(nlh);
	struct ext_ack ack = read_ack(nlh);
	char where[48] = "";

	if (code < 0)
		return nl_fail(err, EPROTO,
			       "the kernel's answer to the request %s %s has no valid "
			       "error code",
			       asked, what);
	if (ack.has_offset)
		snprintf(where, sizeof(where), ", at byte %u of the request", ack.offset);
	if (ack.text_len > 0)
		return nl_fail(err, code, "the kernel refused %s %s: %.*s (%s)%s", asked, what,
			       ack.text_len, ack.text, strerror(code), where);
	return nl_fail(err, code, "the kernel refused %s %s: %s%s", asked, what, strerror(code),
		       where);
}
