/*
 * Owns what names stand for: hosts, services and cgroups, as this system knows them
 * (nsswitch.conf(5)). Each asks when it is called, and keeps nothing.
 */
#include "internal.h"

#include "connsh/procfs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A text without a NUL, as C takes names. */
static const char *plain(lua_State *L, int arg)
{
	size_t len;
	const char *text = luaL_checklstring(L, arg, &len);

	luaL_argcheck(L, strlen(text) == len, arg, "a name has no NUL in it");
	return text;
}

/* Appends the host's addresses of the family to the list on top [-0, +0, m]. */
static void add_addresses(lua_State *L, const char *name, int family, struct lx_box *box)
{
	size_t size = 1024;
	struct hostent host, *got = NULL;
	char text[INET6_ADDRSTRLEN];
	int rc, why;

	do {
		free(box->p);
		size *= 2;
		box->p = malloc(size);
		if (!box->p)
			luaL_error(L, "out of memory");
		rc = gethostbyname2_r(name, family, &host, box->p, size, &got, &why);
	} while (rc == ERANGE && size < 1 << 20);
	if (rc || !got || got->h_addrtype != family)
		return;
	for (char **a = got->h_addr_list; *a; a++) {
		if (!inet_ntop(family, *a, text, sizeof(text)))
			continue;
		lua_pushstring(L, text);
		lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
	}
}

/*
 * connsh.resolve(name [, family]): the addresses of a host as a list of texts, those of IPv4
 * first; family "inet" or "inet6" asks for one kind. The list is empty when the name is not known.
 */
static int names_resolve(lua_State *L)
{
	static const char *const families[] = { "inet", "inet6", "any", NULL };
	const char *name = plain(L, 1);
	int which = luaL_checkoption(L, 2, "any", families);
	struct lx_box *box = box_push(L, free);

	lua_newtable(L);
	if (which != 1)
		add_addresses(L, name, AF_INET, box);
	if (which != 0)
		add_addresses(L, name, AF_INET6, box);
	return 1;
}

/*
 * connsh.service(name [, protocol]): the port of a service of "tcp" (so without protocol), "udp"
 * ... by services(5), or nil.
 */
static int names_service(lua_State *L)
{
	const char *name = plain(L, 1);
	const char *proto = lua_isnoneornil(L, 2) ? "tcp" : plain(L, 2);
	struct servent entry, *got = NULL;
	char buf[4096];

	if (getservbyname_r(name, proto, &entry, buf, sizeof(buf), &got) == 0 && got)
		lua_pushinteger(L, ntohs((uint16_t)got->s_port));
	else
		luaL_pushfail(L);
	return 1;
}

/*
 * connsh.cgroup_id(path): the id of a cgroup (v2) as sockets have it in the field cgroup_id. The
 * path is one of the file system or one below the mount; 0 when it is no cgroup, nil and a
 * message when there is nothing there.
 */
static int names_cgroup_id(lua_State *L)
{
	const char *path = plain(L, 1);
	uint64_t id = 0;
	int code;

	if (cgroup_id_of_file(path, &id)) {
		lua_pushinteger(L, (lua_Integer)id);
		return 1;
	}
	lua_pushfstring(L, "%s%s", path[0] == '/' ? "" : "/", path);
	errno = ENOENT;
	id = cgroup_id(lua_tostring(L, -1));
	code = errno;
	if (id) {
		lua_pushinteger(L, (lua_Integer)id);
		return 1;
	}
	luaL_pushfail(L);
	lua_pushstring(L, strerror(code));
	lua_pushinteger(L, code);
	return 3;
}

void names_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "resolve", names_resolve },
		{ "service", names_service },
		{ "cgroup_id", names_cgroup_id },
		{ NULL, NULL },
	};

	lua_getglobal(L, "connsh");
	luaL_setfuncs(L, functions, 0);
	lua_pop(L, 1);
}
