/* Owns the getters that fields of several sources share, and what sources of one part say. */
#include "private.h"

#include <string.h>

bool get_netns(const struct row *row, const struct field *f, struct value *v)
{
	const char *name = env_netns_name(row->env);

	(void)f;
	return name && set_text(v, name, strlen(name));
}

bool get_nothing(const struct row *row, const struct field *f, struct value *v)
{
	(void)row;
	(void)f;
	(void)v;
	return false;
}

bool get_ifname(const struct row *row, const struct field *f, struct value *v)
{
	const char *name;
	int64_t index;

	if (!field_number(f, row, &index) || index <= 0)
		return false;
	name = env_ifname(row->env, (unsigned)index);
	return name && set_text(v, name, strlen(name));
}

bool get_user_name(const struct row *row, const struct field *f, struct value *v)
{
	const char *name;
	int64_t uid;

	if (!field_number(f, row, &uid))
		return false;
	name = env_user(row->env, (uid_t)uid);
	return name && set_text(v, name, strlen(name));
}

bool part_varies(unsigned part, const struct field *f, struct value *v)
{
	(void)part;
	(void)f;
	(void)v;
	return false;
}

bool part_always(unsigned part, const struct cond *const *conds, size_t n)
{
	(void)part;
	(void)conds;
	(void)n;
	return true;
}
