/*
 * Owns the kernel's socket filter programs (INET_DIAG_REQ_BYTECODE,
 * <linux/inet_diag.h>; audited and run by net/ipv4/inet_diag.c).
 *
 * A fragment accepts when it runs off its end and rejects by a jump to 4 bytes
 * past it. That makes joining two of them a matter of moving those jumps. An
 * instruction's `yes` always leads to the next one, as the kernel's audit
 * wants: it finds the start of every jump target along that chain.
 */
#include "private.h"

#include <linux/inet_diag.h>
#include <string.h>
#include <sys/socket.h>

static bool fits(const struct kprog *p, size_t more)
{
	/* `no` is 16 bits and may point 4 past the end */
	return p->len + more + 8 <= sizeof(p->code);
}

static void put(struct kprog *p, uint8_t code, uint8_t yes, size_t no)
{
	struct inet_diag_bc_op op = { .code = code, .yes = yes, .no = (unsigned short)no };

	memcpy(p->code + p->len, &op, sizeof(op));
	p->len += sizeof(op);
}

/* Size of the instruction at this place, its argument included. */
static size_t op_size(const struct kprog *p, size_t at)
{
	struct inet_diag_bc_op op;

	memcpy(&op, p->code + at, sizeof(op));
	return op.yes;
}

/* Moves every reject of p's first len bytes (a jump to len + 4) by more bytes. */
static void move_rejects(struct kprog *p, size_t len, size_t more)
{
	struct inet_diag_bc_op op;

	for (size_t at = 0; at < len; at += op_size(p, at)) {
		memcpy(&op, p->code + at, sizeof(op));
		if (at + op.no == len + 4) {
			op.no = (unsigned short)(op.no + more);
			memcpy(p->code + at, &op, sizeof(op));
		}
	}
}

/* Bytes of the argument behind an instruction; an address follows that of the *_COND. */
static const uint8_t arg_sizes[] = {
	[INET_DIAG_BC_NOP] = 0,
	[INET_DIAG_BC_JMP] = 0,
	[INET_DIAG_BC_AUTO] = 0,
	[INET_DIAG_BC_S_GE] = sizeof(struct inet_diag_bc_op),
	[INET_DIAG_BC_S_LE] = sizeof(struct inet_diag_bc_op),
	[INET_DIAG_BC_D_GE] = sizeof(struct inet_diag_bc_op),
	[INET_DIAG_BC_D_LE] = sizeof(struct inet_diag_bc_op),
	[INET_DIAG_BC_S_COND] = sizeof(struct inet_diag_hostcond),
	[INET_DIAG_BC_D_COND] = sizeof(struct inet_diag_hostcond),
	[INET_DIAG_BC_DEV_COND] = sizeof(uint32_t),
	[INET_DIAG_BC_MARK_COND] = sizeof(struct inet_diag_markcond),
	[INET_DIAG_BC_S_EQ] = sizeof(struct inet_diag_bc_op),
	[INET_DIAG_BC_D_EQ] = sizeof(struct inet_diag_bc_op),
	[INET_DIAG_BC_CGROUP_COND] = sizeof(uint64_t),
};

/* p = p and one instruction with its argument, behind which more bytes stand. */
static bool and_test(struct kprog *p, uint8_t code, const void *arg, size_t more)
{
	size_t args = arg_sizes[code] + more;
	size_t size = sizeof(struct inet_diag_bc_op) + args;

	if (!fits(p, size))
		return false;
	move_rejects(p, p->len, size);
	put(p, code, (uint8_t)size, size + 4);
	if (args)
		memcpy(p->code + p->len, arg, args);
	p->len += args;
	return true;
}

/* The 16 bits of a second slot's `no` hold the port. */
static bool and_port(struct kprog *p, uint8_t code, uint16_t port)
{
	struct inet_diag_bc_op arg = { .no = port };

	return and_test(p, code, &arg, 0);
}

bool kprog_port(struct kprog *p, bool local, uint16_t lo, uint16_t hi)
{
	if (lo == hi)
		return and_port(p, local ? INET_DIAG_BC_S_EQ : INET_DIAG_BC_D_EQ, lo);
	if (lo == 0 && hi == UINT16_MAX)
		return kprog_always(p, true);
	if (!fits(p, 2 * (sizeof(struct inet_diag_bc_op) + arg_sizes[INET_DIAG_BC_S_GE])))
		return false;
	if (lo > 0)
		and_port(p, local ? INET_DIAG_BC_S_GE : INET_DIAG_BC_D_GE, lo);
	if (hi < UINT16_MAX)
		and_port(p, local ? INET_DIAG_BC_S_LE : INET_DIAG_BC_D_LE, hi);
	return true;
}

bool kprog_addr(struct kprog *p, bool local, const struct addr *a, unsigned bits)
{
	size_t len = a->family == AF_INET ? 4 : 16;
	struct inet_diag_hostcond cond = {
		.family = a->family, .prefix_len = (uint8_t)bits, .port = -1, /* any */
	};
	unsigned char arg[sizeof(cond) + 16];

	memcpy(arg, &cond, sizeof(cond));
	memcpy(arg + sizeof(cond), a->bytes, len);
	return and_test(p, local ? INET_DIAG_BC_S_COND : INET_DIAG_BC_D_COND, arg, len);
}

bool kprog_dev(struct kprog *p, uint32_t ifindex)
{
	return and_test(p, INET_DIAG_BC_DEV_COND, &ifindex, 0);
}

bool kprog_mark(struct kprog *p, uint32_t value, uint32_t mask)
{
	struct inet_diag_markcond arg = { .mark = value, .mask = mask };

	return and_test(p, INET_DIAG_BC_MARK_COND, &arg, 0);
}

bool kprog_cgroup(struct kprog *p, uint64_t id)
{
	return and_test(p, INET_DIAG_BC_CGROUP_COND, &id, 0);
}

bool kprog_auto(struct kprog *p)
{
	return and_test(p, INET_DIAG_BC_AUTO, NULL, 0);
}

bool kprog_always(struct kprog *p, bool yes)
{
	return and_test(p, yes ? INET_DIAG_BC_NOP : INET_DIAG_BC_JMP, NULL, 0);
}

bool kprog_and(struct kprog *p, const struct kprog *q)
{
	if (!fits(p, q->len))
		return false;
	move_rejects(p, p->len, q->len);
	memcpy(p->code + p->len, q->code, q->len);
	p->len += q->len;
	return true;
}

bool kprog_or(struct kprog *p, const struct kprog *q)
{
	if (!fits(p, q->len + 4))
		return false;
	/* what p rejects lands right behind the jump: at q */
	put(p, INET_DIAG_BC_JMP, 4, q->len + 4);
	memcpy(p->code + p->len, q->code, q->len);
	p->len += q->len;
	return true;
}

bool kprog_not(struct kprog *p)
{
	if (!fits(p, 4))
		return false;
	/* true runs into the jump past the end; false lands behind it */
	put(p, INET_DIAG_BC_JMP, 4, 8);
	return true;
}
