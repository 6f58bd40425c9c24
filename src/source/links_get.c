/* Owns what fields of `links` must compute: kinds, names of other links, lists, addresses. */
#include "links.h"

#include <linux/if_arp.h>
#include <string.h>
#include <sys/socket.h>

/* The attribute of a declaration; making the row's index changes no fact of it. */
static const struct nlattr *attr_of(const struct row *row, const struct field *f)
{
	return row_nested((struct row *)(uintptr_t)row, f->in, f->attr);
}

/* ---- kinds -------------------------------------------------------------------------- */

/* Is the text, which ends at a NUL or after len bytes, one of the words? */
static bool is_word_of(const char *words, const char *text, size_t len)
{
	len = strnlen(text, len);
	while (len) {
		size_t word = strcspn(words, " ");

		if (word == len && memcmp(words, text, len) == 0)
			return true;
		if (words[word] == '\0')
			break;
		words += word + 1;
	}
	return false;
}

static bool info_is(const struct row *row, uint16_t type, const char *words)
{
	static const uint16_t in[FIELD_DEPTH] = { IFLA_LINKINFO };
	const struct nlattr *a = row_nested((struct row *)(uintptr_t)row, in, type);

	return a && is_word_of(words, nl_attr_data(a), nl_attr_len(a));
}

bool of_kind(const struct row *row, const struct field *f)
{
	return info_is(row, IFLA_INFO_KIND, f->kind);
}

bool of_member_kind(const struct row *row, const struct field *f)
{
	return info_is(row, IFLA_INFO_SLAVE_KIND, f->kind);
}

/* ---- other links ---------------------------------------------------------------------- */

bool get_lower(const struct row *row, const struct field *f, struct value *v)
{
	/* in another namespace the number means another link than here */
	return !row_nlattr((struct row *)(uintptr_t)row, IFLA_LINK_NETNSID) &&
	       get_ifname(row, f, v);
}

/* ---- addresses -------------------------------------------------------------------------- */

static bool set_addr(struct value *v, const void *bytes, size_t len)
{
	if (len != 4 && len != 16)
		return false;
	memset(v, 0, sizeof(*v));
	v->kind = VALUE_ADDR;
	v->addr.family = len == 4 ? AF_INET : AF_INET6;
	memcpy(v->addr.bytes, bytes, len);
	return true;
}

bool get_lladdr(const struct row *row, const struct field *f, struct value *v)
{
	const struct nlattr *a = attr_of(row, f);
	size_t len = a ? nl_attr_len(a) : 0;

	if (len == 0)
		return false;
	switch (((const struct ifinfomsg *)row_header(row))->ifi_type) {
	case ARPHRD_TUNNEL:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
		if (len == 4)
			return set_addr(v, nl_attr_data(a), len);
		break;
	case ARPHRD_TUNNEL6:
	case ARPHRD_IP6GRE:
		if (len == 16)
			return set_addr(v, nl_attr_data(a), len);
		break;
	}
	return field_load(f, row, v);
}

bool get_told_addr(const struct row *row, const struct field *f, struct value *v)
{
	static const uint8_t any[16];

	return field_load(f, row, v) && v->kind == VALUE_ADDR &&
	       memcmp(v->addr.bytes, any, sizeof(any)) != 0;
}

bool get_either_addr(const struct row *row, const struct field *f, struct value *v)
{
	struct field other = *f;

	if (get_told_addr(row, f, v))
		return true;
	other.attr = (uint16_t)f->mask;
	return get_told_addr(row, &other, v);
}

/* ---- lists ------------------------------------------------------------------------------ */

static bool set_item(const struct field *f, const struct nlattr *a, struct value *v)
{
	const char *p = nl_attr_data(a);
	size_t len = nl_attr_len(a);

	if (f->type == FT_ADDR)
		return set_addr(v, p, len);
	if (f->type == FT_TEXT)
		len = strnlen(p, len);
	return len > 0 && (f->type == FT_TEXT || len <= 32) && set_text(v, p, len);
}

/* The attributes inside of the field's, of one type or (0) of all. */
static bool list_in(const struct row *row, const struct field *f, unsigned type, struct value *v)
{
	const struct nlattr *nest = attr_of(row, f), *a;
	const void *start;
	struct value *items;
	size_t len, n = 0;
	unsigned got;
	bool bad = false;

	if (!nest)
		return false;
	start = nl_attr_data(nest);
	len = nl_attr_len(nest);
	for (a = NULL; (a = nl_attr_next(start, len, a, &got, &bad));)
		n++;
	if (bad && row->env)
		env_set_damaged(row->env);
	items = env_list(row->env, n ? n : 1);
	if (!items)
		return false;
	n = 0;
	for (a = NULL; (a = nl_attr_next(start, len, a, &got, &bad));)
		if ((type == 0 || got == type) && set_item(f, a, &items[n]))
			n++;
	v->kind = VALUE_LIST;
	v->list.items = items;
	v->list.n = n;
	return n > 0;
}

bool get_altnames(const struct row *row, const struct field *f, struct value *v)
{
	return list_in(row, f, IFLA_ALT_IFNAME, v);
}

bool get_nested_list(const struct row *row, const struct field *f, struct value *v)
{
	return list_in(row, f, 0, v);
}

/* ---- others ------------------------------------------------------------------------------ */

bool get_present(const struct row *row, const struct field *f, struct value *v)
{
	return set_bool(v, attr_of(row, f) != NULL);
}

bool get_uint(const struct row *row, const struct field *f, struct value *v)
{
	const struct nlattr *a = attr_of(row, f);
	struct field sized = *f;

	if (!a)
		return false;
	sized.size = nl_attr_len(a) < 8 ? 4 : 8;
	return field_load(&sized, row, v);
}
