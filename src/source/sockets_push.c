/*
 * Owns how conditions on sockets become programs that the kernel runs
 * (kprog.c). A program may pass more rows than match, never fewer; only for
 * autobound the kernel's test is a part of what is asked.
 *
 * What the kernel holds against a program (inet_diag_bc_sk, net/ipv4/inet_diag.c)
 * is what the row tells for addresses, ports and the device, of sockets in any
 * state. Not so for marks and cgroups: a socket in time-wait or half open may
 * have one that its row lacks. Then "not" cannot be handed over, for it holds
 * for those rows.
 */
#include "sockets.h"

#include <stdio.h>
#include <string.h>

/* p = p and the operand, which is none of true and false; false: it has no program. */
typedef bool operand_program(const struct cond *c, const struct operand *o, struct env *env,
			     struct kprog *p);

static bool whole_number(const struct operand *o)
{
	return o->kind == OPERAND_VALUE && o->lo.kind == VALUE_INT;
}

static bool fits_u32(int64_t n)
{
	return n >= 0 && n <= (int64_t)UINT32_MAX;
}

static bool is_device(const struct field *f)
{
	return f->push == push_dev || f->push == push_dev_index;
}

/* p = p and the field has a value, as all but the device always have. */
static bool has_value(const struct field *f, struct kprog *p)
{
	struct kprog bound = { .len = 0 };

	if (!is_device(f))
		return kprog_always(p, true);
	return kprog_dev(&bound, 0) && kprog_not(&bound) && kprog_and(p, &bound);
}

static bool operand(const struct cond *c, const struct operand *o, struct env *env,
		    operand_program *one, struct kprog *p)
{
	if (o->kind != OPERAND_PRESENT)
		return one(c, o, env, p);
	return has_value(c->field, p) && (o->lo.flag || kprog_not(p));
}

/* p (empty) = any of the operands. */
static bool any_operand(const struct cond *c, struct env *env, operand_program *one,
			struct kprog *p)
{
	if (c->n == 0)
		return kprog_always(p, false);
	for (size_t i = 0; i < c->n; i++) {
		struct kprog q = { .len = 0 };

		if (!operand(c, &c->operands[i], env, one, &q) ||
		    !(i == 0 ? kprog_and(p, &q) : kprog_or(p, &q)))
			return false;
	}
	return true;
}

/* A field whose value the kernel sees as the row tells it: exact, also negated. */
static enum push_answer push_told(const struct cond *c, bool negated, struct kprog *prog,
				  struct env *env, operand_program *one)
{
	struct kprog all = { .len = 0 };
	bool unequal = c->op == OP_NE;

	if (!any_operand(c, env, one, &all))
		return PUSH_CANNOT;
	/* none of these, and it has a value */
	if (unequal && is_device(c->field) && !cond_asks_presence(c)) {
		if (!kprog_not(&all) || !has_value(c->field, &all))
			return PUSH_CANNOT;
		unequal = false;
	}
	if (negated != unequal && !kprog_not(&all))
		return PUSH_CANNOT;
	return kprog_and(prog, &all) ? PUSH_EXACT : PUSH_CANNOT;
}

/* A field that the kernel may know where the row lacks it: only what asks for a value. */
static enum push_answer push_untold(const struct cond *c, bool negated, struct kprog *prog,
				    struct env *env, operand_program *one)
{
	struct kprog all = { .len = 0 };

	if (negated || cond_asks_presence(c) || (c->op != OP_EQ && c->op != OP_NE))
		return PUSH_CANNOT;
	if (!any_operand(c, env, one, &all) || (c->op == OP_NE && !kprog_not(&all)))
		return PUSH_CANNOT;
	return kprog_and(prog, &all) ? PUSH_SUPERSET : PUSH_CANNOT;
}

static bool is_local(const struct field *f)
{
	return f->offset == offsetof(struct inet_diag_msg, id.idiag_sport) ||
	       f->offset == offsetof(struct inet_diag_msg, id.idiag_src);
}

/* The kernel compares prefixes as we do: IPv4 ones hold for mapped addresses. */
static bool addr_program(const struct cond *c, const struct operand *o, struct env *env,
			 struct kprog *p)
{
	(void)env;
	return o->kind == OPERAND_PREFIX && kprog_addr(p, is_local(c->field), &o->lo.addr, o->bits);
}

enum push_answer push_addr(const struct cond *c, bool negated, struct kprog *prog, struct env *env)
{
	return push_told(c, negated, prog, env, addr_program);
}

/* Ports that pass, as lo..hi, which may be empty; false when the operand is no range. */
static bool port_range(const struct cond *c, const struct operand *o, int64_t *lo, int64_t *hi)
{
	int64_t last = o->kind == OPERAND_RANGE ? o->hi.num : o->lo.num;

	*lo = 0;
	*hi = UINT16_MAX;
	if (o->lo.kind != VALUE_INT || (o->kind != OPERAND_VALUE && o->kind != OPERAND_RANGE))
		return false;
	switch (c->op) {
	case OP_LT:
		*hi = o->lo.num - 1;
		break;
	case OP_GE:
		*lo = o->lo.num;
		break;
	case OP_LE:
		*hi = last;
		break;
	case OP_GT:
		*lo = last + 1;
		break;
	default:
		*lo = o->lo.num;
		*hi = last;
		break;
	}
	return true;
}

static bool port_program(const struct cond *c, const struct operand *o, struct env *env,
			 struct kprog *p)
{
	int64_t lo, hi;

	(void)env;
	if (!port_range(c, o, &lo, &hi))
		return false;
	return lo > hi ? kprog_always(p, false)
		       : kprog_port(p, is_local(c->field), (uint16_t)lo, (uint16_t)hi);
}

enum push_answer push_port(const struct cond *c, bool negated, struct kprog *prog, struct env *env)
{
	if (c->n != 1 && c->op != OP_EQ && c->op != OP_NE)
		return PUSH_CANNOT; /* an order against a list holds for nothing */
	return push_told(c, negated, prog, env, port_program);
}

static bool dev_index_program(const struct cond *c, const struct operand *o, struct env *env,
			      struct kprog *p)
{
	(void)c;
	(void)env;
	if (!whole_number(o))
		return false;
	/* 0 is no device, so no row has it */
	return o->lo.num != 0 && fits_u32(o->lo.num) ? kprog_dev(p, (uint32_t)o->lo.num)
						     : kprog_always(p, false);
}

enum push_answer push_dev_index(const struct cond *c, bool negated, struct kprog *prog,
				struct env *env)
{
	if (c->op != OP_EQ && c->op != OP_NE)
		return PUSH_CANNOT;
	return push_told(c, negated, prog, env, dev_index_program);
}

/* The operand's text if it is one without a NUL: what names are looked up by. */
static const char *plain_name(const struct operand *o)
{
	if (o->kind != OPERAND_VALUE || o->lo.kind != VALUE_TEXT || nl_replay_loaded() ||
	    memchr(o->lo.text.p, '\0', o->lo.text.len))
		return NULL;
	return o->lo.text.p;
}

/*
 * The name must be the one that rows show: an alternative name leads to a
 * device too, and "if7" stands for a device 7 that is gone.
 */
static bool dev_program(const struct cond *c, const struct operand *o, struct env *env,
			struct kprog *p)
{
	const char *name = plain_name(o), *shown;
	unsigned index;

	(void)c;
	if (!name || (strncmp(name, "if", 2) == 0 && name[2] >= '0' && name[2] <= '9'))
		return false;
	index = nl_ifindex(name, env_netns_fd(env));
	shown = index ? env_ifname(env, index) : NULL;
	return shown && strcmp(shown, name) == 0 && kprog_dev(p, index);
}

enum push_answer push_dev(const struct cond *c, bool negated, struct kprog *prog, struct env *env)
{
	if (c->op != OP_EQ && c->op != OP_NE)
		return PUSH_CANNOT;
	return push_told(c, negated, prog, env, dev_program);
}

static bool mark_program(const struct cond *c, const struct operand *o, struct env *env,
			 struct kprog *p)
{
	uint64_t mask = o->kind == OPERAND_MASK ? o->mask : UINT32_MAX;

	(void)c;
	(void)env;
	if (o->kind != OPERAND_MASK && !whole_number(o))
		return false;
	/* marks have 32 bits, so none equals a larger value */
	return fits_u32(o->lo.num) ? kprog_mark(p, (uint32_t)o->lo.num, (uint32_t)mask)
				   : kprog_always(p, false);
}

enum push_answer push_mark(const struct cond *c, bool negated, struct kprog *prog, struct env *env)
{
	return push_untold(c, negated, prog, env, mark_program);
}

/*
 * The kernel knows of each socket whether bind(2) chose its port, rows tell only where the port
 * lies: neither test holds the other. So what is asked for must pass both, and so must what is
 * not, as the doc of the field says.
 */
enum push_answer push_autobound(const struct cond *c, bool negated, struct kprog *prog,
				struct env *env)
{
	struct kprog one = { .len = 0 };
	bool yes = false, no = false;

	(void)env;
	for (size_t i = 0; i < c->n; i++) {
		if (c->operands[i].kind != OPERAND_VALUE || c->operands[i].lo.kind != VALUE_BOOL)
			return PUSH_CANNOT;
		*(c->operands[i].lo.flag ? &yes : &no) = true;
	}
	if (yes == no || (c->op != OP_EQ && c->op != OP_NE))
		return PUSH_CANNOT;
	if (!kprog_auto(&one) || (yes == ((c->op == OP_NE) != negated) && !kprog_not(&one)))
		return PUSH_CANNOT;
	return kprog_and(prog, &one) ? PUSH_SUPERSET : PUSH_CANNOT;
}

static bool cgroup_id_program(const struct cond *c, const struct operand *o, struct env *env,
			      struct kprog *p)
{
	(void)c;
	(void)env;
	return whole_number(o) && kprog_cgroup(p, (uint64_t)o->lo.num);
}

enum push_answer push_cgroup_id(const struct cond *c, bool negated, struct kprog *prog,
				struct env *env)
{
	return push_untold(c, negated, prog, env, cgroup_id_program);
}

/*
 * Again the path must be the one that rows show. The kernel shows a removed
 * cgroup with " (deleted)" behind its path, as a living one may be called too.
 */
static bool cgroup_program(const struct cond *c, const struct operand *o, struct env *env,
			   struct kprog *p)
{
	const char *path = plain_name(o), *shown;
	uint64_t id;

	(void)c;
	if (!path || strstr(path, " (deleted)"))
		return false;
	id = cgroup_id(path);
	shown = id ? env_cgroup(env, id) : NULL;
	return shown && strcmp(shown, path) == 0 && kprog_cgroup(p, id);
}

enum push_answer push_cgroup(const struct cond *c, bool negated, struct kprog *prog,
			     struct env *env)
{
	return push_untold(c, negated, prog, env, cgroup_program);
}
