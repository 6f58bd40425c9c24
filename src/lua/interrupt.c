/*
 * Owns stopping Lua by SIGINT: the main chunk, a coroutine, a loop of pcalls, a
 * dump, a sleep.
 *
 * The handler raises nl_cancel and arms a hook on the thread that runs. The
 * hook raises an error and stays armed while the flag is up, so a pcall that
 * swallows it is left at its next instruction. Which thread runs is kept by
 * our coroutine.resume and coroutine.wrap; a hook that were armed on every
 * thread all the time would double the time of a tight loop.
 */
#include "internal.h"

#include <signal.h>

static lua_State *volatile running;

static void hook(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	if (!nl_cancel) {
		lua_sethook(L, NULL, 0, 0);
		return;
	}
	luaL_error(L, "interrupted");
}

static void arm(lua_State *L)
{
	if (L)
		lua_sethook(L, hook, LUA_MASKLINE | LUA_MASKCOUNT | LUA_MASKRET, 1);
}

/* lua_sethook is the one call of Lua that a handler may make. */
static void on_sigint(int sig)
{
	signal(sig, SIG_DFL); /* a second one kills */
	nl_cancel = 1;
	arm(running);
}

static void install(void)
{
	struct sigaction sa = { .sa_handler = on_sigint };

	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL); /* without SA_RESTART: a blocked call returns */
}

/* What was pending was meant for what ran before. */
void lx_catch_interrupts(lua_State *L)
{
	interrupt_clear(L);
	install();
}

void interrupt_check(lua_State *L)
{
	if (nl_cancel) {
		arm(L);
		luaL_error(L, "interrupted");
	}
}

void interrupt_clear(lua_State *L)
{
	if (nl_cancel) {
		nl_cancel = 0;
		lua_sethook(L, NULL, 0, 0);
		install(); /* the handler had left the second one to kill */
	}
	running = L;
}

/* Calls the function on top with nargs as the thread co; leaves status and results. */
static int run_as(lua_State *L, lua_State *co, int nargs)
{
	lua_State *before = running;
	int status;

	running = co;
	if (nl_cancel)
		arm(co);
	status = lua_pcall(L, nargs, LUA_MULTRET, 0);
	running = before;
	if (nl_cancel)
		arm(before);
	return status;
}

/* coroutine.resume(co, ...); upvalue 1: Lua's own. */
static int co_resume(lua_State *L)
{
	lua_State *co = lua_tothread(L, 1);

	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	if (run_as(L, co ? co : L, lua_gettop(L) - 1) != LUA_OK)
		return lua_error(L);
	return lua_gettop(L);
}

/* What coroutine.wrap gave; upvalues: 1 Lua's own function, 2 its thread. */
static int co_wrapped(lua_State *L)
{
	lua_State *co = lua_tothread(L, lua_upvalueindex(2));

	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	if (run_as(L, co ? co : L, lua_gettop(L) - 1) != LUA_OK)
		return lua_error(L);
	return lua_gettop(L);
}

/* coroutine.wrap(f); upvalue 1: Lua's own, whose function has its thread as upvalue. */
static int co_wrap(lua_State *L)
{
	int n = lua_gettop(L);

	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, n, 1);
	if (!lua_getupvalue(L, -1, 1))
		lua_pushnil(L);
	lua_pushcclosure(L, co_wrapped, 2);
	return 1;
}

void interrupt_open(lua_State *L)
{
	static const luaL_Reg wrappers[] = {
		{ "resume", co_resume },
		{ "wrap", co_wrap },
		{ NULL, NULL },
	};

	running = L;
	lua_getglobal(L, "coroutine");
	for (const luaL_Reg *w = wrappers; w->name; w++) {
		lua_getfield(L, -1, w->name);
		lua_pushcclosure(L, w->func, 1);
		lua_setfield(L, -2, w->name);
	}
	lua_pop(L, 1);
}
