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

/* port GE or LE: the 16 bits of a second slot's `no` hold the port. */
static void put_port(struct kprog *p, uint8_t code, uint16_t port)
{
	put(p, code, 8, 12);
	put(p, INET_DIAG_BC_NOP, 4, port);
}

bool kprog_port(struct kprog *p, bool local, uint16_t lo, uint16_t hi)
{
	struct kprog q = { .len = 0 };

	if (lo > 0)
		put_port(&q, local ? INET_DIAG_BC_S_GE : INET_DIAG_BC_D_GE, lo);
	if (hi < UINT16_MAX) {
		size_t first = q.len;

		put_port(&q, local ? INET_DIAG_BC_S_LE : INET_DIAG_BC_D_LE, hi);
		if (first)
			move_rejects(&q, first, 8);
	}
	if (lo == 0 && hi == UINT16_MAX)
		put(&q, INET_DIAG_BC_NOP, 4, 4);
	return kprog_and(p, &q);
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
