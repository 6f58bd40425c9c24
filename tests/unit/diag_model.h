/*
 * A model of how net/ipv4/inet_diag.c audits and runs a program: what a socket
 * is to it (struct inet_diag_entry), inet_diag_bc_audit with its valid_* tests,
 * and inet_diag_bc_run. Written from their meaning, apart from the code under
 * test.
 */
#ifndef CONNSH_TEST_DIAG_MODEL_H
#define CONNSH_TEST_DIAG_MODEL_H

#include "connsh/source.h"

#include <linux/inet_diag.h>
#include <string.h>
#include <sys/socket.h>

/* A socket as the kernel sees it, whatever its row tells. */
struct entry {
	uint8_t family;
	uint8_t src[16], dst[16]; /* IPv4 in the first four */
	unsigned sport, dport;
	uint32_t ifindex, mark;
	uint64_t cgroup;
	bool locked; /* bind(2) chose its port */
};

/* How often an instruction gave no and yes. */
static unsigned model_gave[INET_DIAG_BC_CGROUP_COND + 1][2];

static struct inet_diag_bc_op op_at(const struct kprog *p, size_t at)
{
	struct inet_diag_bc_op op;

	memcpy(&op, p->code + at, sizeof(op));
	return op;
}

/* Is `at` on the chain of `yes` from the start? (valid_cc) */
static bool reachable(const struct kprog *p, size_t at)
{
	size_t i = 0;

	while (i < at) {
		unsigned yes = op_at(p, i).yes;

		if (yes < 4 || yes & 3)
			return false;
		i += yes;
	}
	return i == at;
}

/* Bytes that the instruction must have; 0: it is none, or its argument is bad. */
static size_t least_size(const struct kprog *p, size_t at, size_t left)
{
	struct inet_diag_hostcond host;
	size_t addr;

	switch (op_at(p, at).code) {
	case INET_DIAG_BC_NOP:
	case INET_DIAG_BC_JMP:
	case INET_DIAG_BC_AUTO:
		return 4;
	case INET_DIAG_BC_S_GE:
	case INET_DIAG_BC_S_LE:
	case INET_DIAG_BC_D_GE:
	case INET_DIAG_BC_D_LE:
	case INET_DIAG_BC_S_EQ:
	case INET_DIAG_BC_D_EQ:
	case INET_DIAG_BC_DEV_COND:
		return 8;
	case INET_DIAG_BC_MARK_COND:
	case INET_DIAG_BC_CGROUP_COND:
		return 12;
	case INET_DIAG_BC_S_COND:
	case INET_DIAG_BC_D_COND:
		if (left < 4 + sizeof(host))
			return 0;
		memcpy(&host, p->code + at + 4, sizeof(host));
		if (host.family != AF_UNSPEC && host.family != AF_INET && host.family != AF_INET6)
			return 0;
		addr = host.family == AF_INET ? 4 : host.family == AF_INET6 ? 16 : 0;
		return host.prefix_len > 8 * addr ? 0 : 4 + sizeof(host) + addr;
	default:
		return 0;
	}
}

/* A program of no bytes is not sent at all. */
static bool model_audit(const struct kprog *p)
{
	size_t at = 0;

	while (at < p->len) {
		struct inet_diag_bc_op op = op_at(p, at);
		size_t left = p->len - at, min = least_size(p, at, left);

		if (min == 0 || left < min)
			return false;
		if (op.code != INET_DIAG_BC_NOP) {
			if (op.no < min || op.no > left + 4 || op.no & 3)
				return false;
			if (op.no < left && !reachable(p, at + op.no))
				return false;
		}
		if (op.yes < min || op.yes > left + 4 || op.yes & 3)
			return false;
		at += op.yes;
	}
	return at == p->len;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if ((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static bool host_matches(const struct kprog *p, size_t at, const struct entry *e, bool local)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t *have = local ? e->src : e->dst;
	const unsigned char *wanted = p->code + at + 4 + sizeof(struct inet_diag_hostcond);
	struct inet_diag_hostcond host;

	memcpy(&host, p->code + at + 4, sizeof(host));
	if (host.port != -1 && host.port != (int)(local ? e->sport : e->dport))
		return false;
	if (host.family == AF_UNSPEC || host.family == e->family)
		return same_bits(have, wanted, host.prefix_len);
	return host.family == AF_INET && e->family == AF_INET6 && memcmp(have, mapped, 12) == 0 &&
	       same_bits(have + 12, wanted, host.prefix_len);
}

static bool op_holds(const struct kprog *p, size_t at, const struct entry *e)
{
	struct inet_diag_markcond mark;
	uint32_t ifindex;
	uint64_t cgroup;

	switch (op_at(p, at).code) {
	case INET_DIAG_BC_JMP:
		return false;
	case INET_DIAG_BC_AUTO:
		return !e->locked;
	case INET_DIAG_BC_S_GE:
		return e->sport >= op_at(p, at + 4).no;
	case INET_DIAG_BC_S_LE:
		return e->sport <= op_at(p, at + 4).no;
	case INET_DIAG_BC_D_GE:
		return e->dport >= op_at(p, at + 4).no;
	case INET_DIAG_BC_D_LE:
		return e->dport <= op_at(p, at + 4).no;
	case INET_DIAG_BC_S_EQ:
		return e->sport == op_at(p, at + 4).no;
	case INET_DIAG_BC_D_EQ:
		return e->dport == op_at(p, at + 4).no;
	case INET_DIAG_BC_S_COND:
		return host_matches(p, at, e, true);
	case INET_DIAG_BC_D_COND:
		return host_matches(p, at, e, false);
	case INET_DIAG_BC_DEV_COND:
		memcpy(&ifindex, p->code + at + 4, sizeof(ifindex));
		return ifindex == e->ifindex;
	case INET_DIAG_BC_MARK_COND:
		memcpy(&mark, p->code + at + 4, sizeof(mark));
		return (e->mark & mark.mask) == mark.mark;
	case INET_DIAG_BC_CGROUP_COND:
		memcpy(&cgroup, p->code + at + 4, sizeof(cgroup));
		return cgroup == e->cgroup;
	default:
		return true;
	}
}

static bool model_run(const struct kprog *p, const struct entry *e)
{
	long left = (long)p->len;
	size_t at = 0;

	while (left > 0) {
		struct inet_diag_bc_op op = op_at(p, at);
		bool yes = op_holds(p, at, e);

		model_gave[op.code][yes]++;
		left -= yes ? op.yes : op.no;
		at += yes ? op.yes : op.no;
	}
	return left == 0;
}

#endif
