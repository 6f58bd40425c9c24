/*
 * Owns reading the texts below /proc/net in which numbers have names. Knows how
 * they are written, and no particular name.
 */
#include "private.h"

#include <string.h>

void named_begin(struct named_numbers *w, const char *text, size_t len, enum named_form form)
{
	*w = (struct named_numbers){ .form = form, .at = text, .end = text + len };
}

/* The next line at *at, without its newline; false: there is none. */
static bool next_line(const char **at, const char *end, const char **line, const char **stop)
{
	if (*at >= end)
		return false;
	*line = *at;
	*stop = memchr(*at, '\n', (size_t)(end - *at));
	if (!*stop)
		*stop = end;
	*at = *stop < end ? *stop + 1 : end;
	return true;
}

/* "Tcp:" -> "Tcp"; 0: the line has no such label. *line goes on behind it. */
static size_t label(const char **line, const char *stop, const char **word)
{
	size_t len = word_next(line, stop, word);

	return len > 1 && (*word)[len - 1] == ':' ? len - 1 : 0;
}

/* With a sign or without; the bits of what is unsigned are unchanged. */
static bool signed_number(const char *word, size_t len, uint64_t *n)
{
	bool negative = len > 1 && word[0] == '-';

	if (!word_number(word + negative, len - negative, 10, n))
		return false;
	if (negative)
		*n = -*n;
	return true;
}

/*
 * "Ip: Forwarding DefaultTTL" above "Ip: 1 64". A line whose label the next one does
 * not have is passed over.
 */
static bool next_pair(struct named_numbers *w)
{
	const char *line, *stop, *group, *at, *again;
	size_t len, n;

	while (next_line(&w->at, w->end, &line, &stop)) {
		len = label(&line, stop, &group);
		at = w->at;
		if (len == 0 || !next_line(&at, w->end, &w->values, &w->values_end))
			continue;
		n = label(&w->values, w->values_end, &again);
		if (n != len || memcmp(group, again, len) != 0)
			continue;
		w->at = at;
		w->names = line;
		w->names_end = stop;
		w->group = group;
		w->group_len = len;
		return true;
	}
	return false;
}

static bool next_of_pairs(struct named_numbers *w, struct named_number *out)
{
	const char *value;
	size_t len;

	do {
		while ((out->name_len = word_next(&w->names, w->names_end, &out->name)) > 0 &&
		       (len = word_next(&w->values, w->values_end, &value)) > 0)
			if (signed_number(value, len, &out->value))
				return true;
	} while (next_pair(w));
	return false;
}

/* "Ip6InReceives    12", each on its line. */
static bool next_of_lines(struct named_numbers *w, struct named_number *out)
{
	const char *line, *stop, *value;
	size_t len;

	while (next_line(&w->at, w->end, &line, &stop)) {
		out->name_len = word_next(&line, stop, &out->name);
		len = word_next(&line, stop, &value);
		if (out->name_len && signed_number(value, len, &out->value))
			return true;
	}
	return false;
}

/* "TCP: inuse 5 orphan 0" */
static bool next_of_labels(struct named_numbers *w, struct named_number *out)
{
	const char *value;
	size_t len;

	do {
		while ((out->name_len = word_next(&w->names, w->names_end, &out->name)) > 0) {
			len = word_next(&w->names, w->names_end, &value);
			if (w->group_len && signed_number(value, len, &out->value))
				return true;
		}
		if (!next_line(&w->at, w->end, &w->names, &w->names_end))
			return false;
		w->group_len = label(&w->names, w->names_end, &w->group);
	} while (true);
}

bool named_next(struct named_numbers *w, struct named_number *out)
{
	bool more;

	switch (w->form) {
	case NAMED_PAIRS:
		more = next_of_pairs(w, out);
		break;
	case NAMED_LINES:
		more = next_of_lines(w, out);
		break;
	default:
		more = next_of_labels(w, out);
		break;
	}
	out->group = w->group;
	out->group_len = w->group_len;
	return more;
}

static bool is_word(const char *word, size_t len, const char *text)
{
	return strlen(text) == len && memcmp(word, text, len) == 0;
}

bool named_find(const char *text, size_t len, enum named_form form, const char *group,
		const char *name, uint64_t *value)
{
	struct named_numbers w;
	struct named_number n;

	named_begin(&w, text, len, form);
	while (named_next(&w, &n)) {
		if (!is_word(n.name, n.name_len, name) ||
		    (group && !is_word(n.group, n.group_len, group)))
			continue;
		*value = n.value;
		return true;
	}
	return false;
}
