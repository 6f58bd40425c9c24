/* Owns the values of unix sockets that a plain copy out of the message does not give. */
#include "sockets_unix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

/* ---- names ------------------------------------------------------------------------- */

/* "@" for each NUL, as ss and /proc/net/unix write an abstract name. */
static bool shown(struct env *env, const unsigned char *name, size_t len, struct value *v)
{
	char *text = malloc(len);
	const char *kept;

	if (!text)
		return false;
	for (size_t i = 0; i < len; i++)
		text[i] = name[i] ? (char)name[i] : '@';
	kept = unix_keep_text(env, text, len);
	free(text);
	return kept && set_text(v, kept, len);
}

/* Of a name of the kernel's the form that the field tells; a name begins with a NUL or is a path.
 */
static bool form(const struct field *f, struct env *env, const unsigned char *name, size_t len,
		 struct value *v)
{
	bool abstract = name[0] == '\0';

	if (!abstract)
		len = strnlen((const char *)name, len);
	if (!f->kind && abstract)
		return shown(env, name, len, v);
	if (f->kind && (strcmp(f->kind, "abstract") == 0) != abstract)
		return false;
	return set_text(v, (const char *)name + abstract, len - abstract);
}

bool get_unix_name(const struct row *row, const struct field *f, struct value *v)
{
	size_t len;
	const unsigned char *name = unix_row_name(row, &len);

	return name && form(f, row->env, name, len, v);
}

bool get_unix_peer_name(const struct row *row, const struct field *f, struct value *v)
{
	size_t len;
	const unsigned char *name = unix_peer_name(row, &len);

	return name && form(f, row->env, name, len, v);
}

/* ---- others ------------------------------------------------------------------------- */

/* The kernel's own dev_t, 12 bits above 20, is not that of programs. */
bool get_path_dev(const struct row *row, const struct field *f, struct value *v)
{
	uint32_t dev;

	if (!field_load(f, row, v))
		return false;
	dev = (uint32_t)v->num;
	return set_int(v, (int64_t)makedev(dev >> 20, dev & 0xfffff));
}

bool get_pending(const struct row *row, const struct field *f, struct value *v)
{
	struct unix_icons *icons;
	struct value *list = NULL;
	struct nl_error err;
	size_t n = 0;

	(void)f;
	if (unix_waiting(row) == 0)
		return false;
	icons = malloc(sizeof(*icons));
	if (icons && unix_icons(icons, unix_msg(row), row->env, &err) == 0 && icons->n)
		list = env_list(row->env, icons->n);
	/* one that was closed while it waits has no inode any more: the kernel says 0 */
	for (size_t i = 0; list && i < icons->n; i++)
		if (unix_icon(icons, i) || env_verbatim(row->env))
			set_int(&list[n++], unix_icon(icons, i));
	free(icons);
	v->kind = VALUE_LIST;
	v->list.items = list;
	v->list.n = n;
	return n > 0;
}

bool get_refs(const struct row *row, const struct field *f, struct value *v)
{
	const void *p = row_attr((struct row *)(uintptr_t)row, UNIX_ROW_REFS, sizeof(uint32_t));
	uint32_t refs;

	if (row->shape != &shape_unix)
		return field_load(f, row, v);
	if (p)
		memcpy(&refs, p, sizeof(refs));
	else if (!unix_refs(row, &refs))
		return false;
	return set_int(v, refs);
}
