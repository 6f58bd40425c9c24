/*
 * Owns a value as the text that stands for it in all formats but JSON. Knows no
 * place that the text goes to.
 */
#include "private.h"

bool fmt_put_number(struct fmt_text *to, const struct fmt_cell *cell, enum fmt_unit unit)
{
	char *out;

	if (cell->kind != FMT_INT && cell->kind != FMT_REAL)
		return false;
	out = bytes_room(to, NUMBER_MAX);
	if (!out)
		return true;
	if (cell->kind == FMT_REAL)
		to->len += fmt_human(out, cell->real, unit);
	else if (unit == FMT_PLAIN)
		to->len += fmt_integer(out, cell->num);
	else
		to->len += fmt_human(out, (double)cell->num, unit);
	return true;
}

static void put_one(struct fmt_text *to, const struct fmt_cell *cell, enum fmt_unit unit)
{
	if (fmt_put_number(to, cell, unit))
		return;
	if (cell->kind == FMT_TEXT)
		bytes_escaped(to, cell->text.p, cell->text.len);
	else if (cell->kind == FMT_BOOL)
		bytes_add(to, cell->flag ? "true" : "false", cell->flag ? 4 : 5);
}

static void put_object(struct fmt_text *to, const struct fmt_cell *object)
{
	size_t shown = 0;

	for (size_t i = 0; i < object->object.n; i++) {
		const struct fmt_member *m = &object->object.members[i];

		if (!m->brief || m->cell.kind == FMT_NIL)
			continue;
		if (shown++)
			bytes_byte(to, ' ');
		if (i > 0) {
			bytes_escaped(to, m->name, strlen(m->name));
			bytes_byte(to, ' ');
		}
		fmt_put_cell(to, &m->cell, FMT_PLAIN);
	}
}

static void put_item(struct fmt_text *to, const struct fmt_cell *item, enum fmt_unit unit)
{
	if (item->kind == FMT_OBJECT)
		put_object(to, item);
	else if (item->kind == FMT_NIL || item->kind == FMT_LIST)
		bytes_byte(to, '-'); /* keeps its place */
	else
		put_one(to, item, unit);
}

void fmt_put_cell(struct fmt_text *to, const struct fmt_cell *cell, enum fmt_unit unit)
{
	if (cell->kind != FMT_LIST) {
		put_one(to, cell, unit);
		return;
	}
	for (size_t i = 0; i < cell->list.n; i++) {
		if (i > 0 && cell->list.items[i].kind == FMT_OBJECT)
			bytes_byte(to, ',');
		if (i > 0)
			bytes_byte(to, ' ');
		put_item(to, &cell->list.items[i], unit);
	}
}
