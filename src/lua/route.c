/*
 * Owns the function route(dst, options): which route the kernel would use for a
 * packet. Its options are read as values of conditions are, by a field's type.
 */
#include "internal.h"

#include <string.h>
#include <sys/socket.h>

/* The message of a route, whatever it holds, is a datagram of the kernel's. */
#define REPLY_SIZE 65536

int route_push(lua_State *L, struct env *env, const struct route_question *ask)
{
	void *buf = lua_newuserdatauv(L, REPLY_SIZE, 0);
	struct nl_error err;
	struct row row;
	int rc = route_lookup(env, ask, buf, REPLY_SIZE, &row, &err);

	if (rc < 0) {
		interrupt_check(L);
		return raise_error(L, "route", &err);
	}
	if (rc > 0) {
		record_push_alone(L, &row);
		lua_remove(L, -2);
		return 1;
	}
	lua_pop(L, 1);
	lua_pushnil(L);
	lua_pushstring(L, err.text);
	lua_pushinteger(L, err.code);
	return 3;
}

/* ---- options ------------------------------------------------------------------------- */

/* What a number may be at most. */
#define BYTE UINT8_MAX
#define WORD UINT32_MAX

static const struct option {
	struct field field;
	int64_t most;
} options[] = {
	{ { .name = "from", .type = FT_ADDR }, 0 },
	{ { .name = "mark", .type = FT_INT }, WORD },
	{ { .name = "uid", .type = FT_INT }, WORD },
	{ { .name = "tos", .type = FT_INT }, BYTE },
	{ { .name = "proto", .type = FT_ENUM, .flags = FF_OPEN }, BYTE },
	{ { .name = "sport", .type = FT_PORT }, UINT16_MAX },
	{ { .name = "dport", .type = FT_PORT }, UINT16_MAX },
};
enum { FROM, MARK, UID, TOS, PROTO, SPORT, DPORT, NOPTIONS };
_Static_assert(sizeof(options) / sizeof(options[0]) == NOPTIONS, "an index each");

static const struct field dst_field = { .name = "the destination", .type = FT_ADDR };

/* One plain value at index, as a condition on the field would take it [-0, +0, e]. */
static struct value read_value(lua_State *L, const struct field *f, int index)
{
	struct cond c = { .field = f, .op = OP_EQ };
	struct value raw, v = { .kind = VALUE_NIL };
	struct nl_error err;
	int rc;

	raw.kind = VALUE_NIL;
	if (lua_isinteger(L, index)) {
		raw.kind = VALUE_INT;
		raw.num = lua_tointeger(L, index);
	} else if (lua_type(L, index) == LUA_TSTRING) {
		raw.kind = VALUE_TEXT;
		raw.text.p = lua_tolstring(L, index, &raw.text.len);
	} else {
		luaL_error(L, "route: %s cannot be a %s; it takes %s", f->name,
			   luaL_typename(L, index), field_kinds[f->type].takes);
	}
	rc = cond_add(&c, &raw, &err);
	if (rc == 0 &&
	    (c.operands[0].kind == OPERAND_VALUE ||
	     (c.operands[0].kind == OPERAND_PREFIX &&
	      c.operands[0].bits == (c.operands[0].lo.addr.family == AF_INET ? 32 : 128))))
		v = c.operands[0].lo;
	cond_free(&c);
	if (rc < 0)
		raise_error(L, "route", &err);
	if (v.kind == VALUE_NIL)
		luaL_error(L, "route: %s takes one %s, not '%s'", f->name,
			   f->type == FT_ADDR ? "address" : "value", lua_tostring(L, index));
	return v;
}

/* The option of the table at 2; VALUE_NIL: it is not there. */
static struct value option(lua_State *L, unsigned number)
{
	struct field f = options[number].field;
	struct value v = { .kind = VALUE_NIL };

	if (f.type == FT_ENUM)
		f.names = source_field(&source_rules, "ip_proto")->names;
	if (lua_getfield(L, 2, f.name) != LUA_TNIL) {
		v = read_value(L, &f, lua_gettop(L));
		if (v.kind == VALUE_INT && (v.num < 0 || v.num > options[number].most))
			luaL_error(L, "route: %s is a number from 0 to %I", f.name,
				   (LUAI_UACINT)options[number].most);
	}
	lua_pop(L, 1);
	return v;
}

static uint32_t number(lua_State *L, unsigned which)
{
	struct value v = option(L, which);

	return v.kind == VALUE_INT ? (uint32_t)v.num : 0;
}

/* A device by its name or its index. */
static uint32_t device(lua_State *L, struct env *env, const char *name)
{
	uint32_t index = 0;

	if (lua_getfield(L, 2, name) == LUA_TNIL) {
		lua_pop(L, 1);
		return 0;
	}
	if (lua_isinteger(L, -1) && lua_tointeger(L, -1) > 0 && lua_tointeger(L, -1) <= INT32_MAX)
		index = (uint32_t)lua_tointeger(L, -1);
	else if (lua_type(L, -1) == LUA_TSTRING)
		index = env_ifindex(env, lua_tostring(L, -1));
	else
		luaL_error(L, "route: %s is the name of a network device or its index, not a %s",
			   name, luaL_typename(L, -1));
	if (index == 0)
		luaL_error(L,
			   nl_replay_loaded()
				   ? "route: %s: the recording knows of no network device '%s'"
				   : "route: %s: there is no network device '%s'",
			   name, lua_tostring(L, -1));
	lua_pop(L, 1);
	return index;
}

static void read_options(lua_State *L, struct env *env, struct route_question *ask)
{
	static const char *const known[] = { "from",  "mark", "uid", "tos",   "proto",	  "sport",
					     "dport", "iif",  "oif", "netns", "fibmatch", NULL };
	struct value from, uid;

	keys_check(L, 2, known, "route");
	from = option(L, FROM);
	if (from.kind == VALUE_ADDR)
		ask->from = from.addr;
	if (from.kind == VALUE_ADDR && from.addr.family != ask->dst.family)
		luaL_error(L, "route: from is of another family than the destination");
	uid = option(L, UID);
	ask->has_uid = uid.kind == VALUE_INT;
	ask->uid = ask->has_uid ? (uint32_t)uid.num : 0;
	ask->mark = number(L, MARK);
	ask->tos = (uint8_t)number(L, TOS);
	ask->proto = (uint8_t)number(L, PROTO);
	ask->sport = (uint16_t)number(L, SPORT);
	ask->dport = (uint16_t)number(L, DPORT);
	ask->iif = device(L, env, "iif");
	ask->oif = device(L, env, "oif");
	lua_getfield(L, 2, "fibmatch");
	ask->fibmatch = lua_toboolean(L, -1);
	lua_pop(L, 1);
}

/* ---- the function ------------------------------------------------------------------------ */

static void release_env(void *env)
{
	env_unref(env);
}

/* An env of the namespace that the options name, or that is the default; in a box on top. */
static struct env *open_place(lua_State *L)
{
	struct lx_box *box = box_push(L, release_env);
	const char *spec = lx_state(L)->netns;
	struct netns *ns = NULL;
	struct nl_error err;

	if (lua_getfield(L, 2, "netns") != LUA_TNIL) {
		if (!lua_isstring(L, -1))
			luaL_error(L, "route: netns is a name, a pid or a path, not a %s",
				   luaL_typename(L, -1));
		spec = lua_tostring(L, -1);
	}
	if (spec && netns_open(spec, &ns, &err) < 0)
		raise_error(L, "route", &err);
	lua_pop(L, 1);
	box->p = env_new(ns);
	if (!box->p)
		luaL_error(L, "route: out of memory");
	return box->p;
}

/*
 * route(dst [, {from=, mark=, iif=, oif=, uid=, tos=, proto=, sport=, dport=, netns=,
 * fibmatch=}]): the record of the route that the kernel would use; or nil, why, errno.
 */
static int base_route(lua_State *L)
{
	struct route_question ask;
	struct env *env;

	memset(&ask, 0, sizeof(ask));
	lua_settop(L, 2);
	ask.dst = read_value(L, &dst_field, 1).addr;
	if (lua_isnil(L, 2)) {
		lua_newtable(L);
		lua_replace(L, 2);
	}
	luaL_checktype(L, 2, LUA_TTABLE);
	env = open_place(L);
	read_options(L, env, &ask);
	return route_push(L, env, &ask);
}

void route_open(lua_State *L)
{
	lua_register(L, "route", base_route);
}
