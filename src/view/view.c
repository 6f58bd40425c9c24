/* Owns turning fields of rows into cells, and the columns that are shown unasked. */
#include "connsh/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How a number of each type is shown to a person. */
static const enum fmt_unit scales[FT_TYPES] = {
	[FT_BYTES] = FMT_BYTES,
	[FT_RATE] = FMT_RATE,
	[FT_DURATION] = FMT_SECONDS,
};

static const bool is_number[FT_TYPES] = {
	[FT_INT] = true,  [FT_MARK] = true,	[FT_PORT] = true,  [FT_BYTES] = true,
	[FT_RATE] = true, [FT_DURATION] = true, [FT_FLOAT] = true,
};

/* ---- columns ---------------------------------------------------------------------- */

#define MAX_FIELDS 512

static void mark(const struct source *s, const struct field *f, bool *used)
{
	size_t i = (size_t)(f - s->fields);

	if (i < MAX_FIELDS && !(f->flags & (FF_REQUEST | FF_SETTING)))
		used[i] = true;
}

static void mark_conditions(const struct node *n, const struct source *s, bool *used)
{
	if (n->kind == NODE_COND)
		mark(s, n->cond.field, used);
	for (size_t i = 0; i < n->n; i++)
		mark_conditions(n->kids[i], s, used);
}

/* Can a row of the parts that are asked for have the field? */
static bool can_have(const struct query *q, const struct plan *p, const struct field *f)
{
	struct value v;

	for (unsigned i = 0; i < q->source->nparts; i++)
		if (part_has(&p->parts, i) &&
		    (!q->source->part_value(i, f, &v) || v.kind != VALUE_NIL))
			return true;
	return p->nparts == 0;
}

/* Columns that no row of the query can have are not shown: tcp has no path, unix no port. */
static void drop_others(const struct query *q, struct view_column *columns, size_t *n)
{
	struct env *env = q->from || !q->source->part_value ? NULL : env_new(NULL);
	struct plan *p = env ? calloc(1, sizeof(*p)) : NULL;
	size_t kept = 0;

	if (p && plan_make(q, 0, env, p)) {
		for (size_t i = 0; i < *n; i++)
			if (can_have(q, p, columns[i].field))
				columns[kept++] = columns[i];
		*n = kept;
	}
	free(p);
	env_unref(env);
}

size_t view_columns(const struct query *q, struct view_column *out, size_t max)
{
	const struct source *s = q->source;
	bool used[MAX_FIELDS] = { false };
	size_t n = 0;

	if (q->filter)
		mark_conditions(q->filter, s, used);
	for (size_t i = 0; i < q->ndistinct; i++)
		mark(s, q->distinct[i], used);
	for (size_t i = 0; i < q->nsort; i++)
		mark(s, q->sort[i].field, used);
	for (size_t i = 0; s->fields[i].name && n < max; i++)
		if (s->fields[i].flags & FF_COLUMN || (i < MAX_FIELDS && used[i]))
			out[n++] = (struct view_column){ .field = &s->fields[i] };
	drop_others(q, out, &n);
	return n;
}

size_t view_all_columns(const struct source *s, struct view_column *out, size_t max)
{
	size_t n = 0;

	for (const struct field *f = s->fields; f->name && n < max; f++)
		if (!(f->flags & FF_SETTING))
			out[n++] = (struct view_column){ .field = f };
	return n;
}

uint32_t view_needs(const struct view_column *columns, size_t n)
{
	uint32_t needs = 0;

	for (size_t i = 0; i < n; i++)
		needs |= columns[i].field->needs;
	return needs;
}

/* ---- rows ---------------------------------------------------------------------------- */

/* A value that is text only when it is shown: names of enums point elsewhere. */
struct spelt {
	char buf[VALUE_TEXT_MAX];
};

/* Memory for what lies in the lists of the row at hand: blocks that are kept for the next row. */
struct block {
	struct block *next;
	size_t used, size;
	_Alignas(16) unsigned char mem[];
};

struct view {
	struct fmt_writer *writer;
	size_t n;
	const struct field **fields;
	struct fmt_cell *cells;
	struct spelt *texts; /* a cell each */
	struct block *blocks, *now;
};

/* Zeroed; NULL: no memory. */
static void *take(struct view *v, size_t size)
{
	struct block **at = v->now ? &v->now : &v->blocks;
	void *p;

	size = (size + 15) & ~(size_t)15;
	while (*at && (*at)->size - (*at)->used < size)
		at = &(*at)->next;
	if (!*at) {
		size_t room = size > 65536 ? size : 65536;

		*at = malloc(sizeof(**at) + room);
		if (!*at)
			return NULL;
		**at = (struct block){ NULL, 0, room };
	}
	v->now = *at;
	p = v->now->mem + v->now->used;
	v->now->used += size;
	return memset(p, 0, size);
}

static void forget(struct view *v)
{
	for (struct block *b = v->blocks; b; b = b->next)
		b->used = 0;
	v->now = NULL;
}

static struct fmt_column format_column(const struct view_column *c)
{
	bool number = is_number[c->field->type] && !(c->field->flags & FF_LIST);
	bool right = c->align == VIEW_RIGHT || (c->align == VIEW_NATURAL && number);

	return (struct fmt_column){
		.name = c->field->name,
		.title = c->title,
		.unit = c->field->unit,
		.scale = scales[c->field->type],
		.align = right ? FMT_RIGHT : FMT_LEFT,
		.min = c->min,
		.max = c->max,
		/* of a number or an address what is cut off makes it another one */
		.fixed = c->fixed || number || c->field->type == FT_ADDR,
		.none = c->none,
	};
}

static struct fmt_writer *open_writer(const struct fmt_layout *layout,
				      const struct view_column *columns, size_t n, FILE *out)
{
	struct fmt_column *list = calloc(n, sizeof(*list));
	struct fmt_writer *w;

	if (!list)
		return NULL;
	for (size_t i = 0; i < n; i++)
		list[i] = format_column(&columns[i]);
	w = fmt_writer_new(layout, list, n, out);
	free(list);
	return w;
}

struct view *view_open(const struct fmt_layout *layout, const struct view_column *columns, size_t n,
		       FILE *out)
{
	struct view *v = n ? calloc(1, sizeof(*v)) : NULL;

	if (!v)
		return NULL;
	v->n = n;
	v->fields = calloc(n, sizeof(*v->fields));
	v->cells = calloc(n, sizeof(*v->cells));
	v->texts = calloc(n, sizeof(*v->texts));
	if (v->fields && v->cells && v->texts)
		v->writer = open_writer(layout, columns, n, out);
	if (!v->writer) {
		view_free(v);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		v->fields[i] = columns[i].field;
	return v;
}

/* Of a value that is no list. */
static void set_cell(const struct field *f, const struct value *value, struct fmt_cell *cell,
		     struct spelt *text)
{
	switch (value->kind) {
	case VALUE_BOOL:
		cell->kind = FMT_BOOL;
		cell->flag = value->flag;
		return;
	case VALUE_FLOAT:
		cell->kind = FMT_REAL;
		cell->real = value->real;
		return;
	case VALUE_INT:
		if (enum_is_named(f, value->num))
			break;
		cell->kind = FMT_INT;
		cell->num = value->num;
		return;
	case VALUE_TEXT:
	case VALUE_ADDR:
		break;
	default:
		cell->kind = FMT_NIL;
		return;
	}
	cell->kind = FMT_TEXT;
	cell->text.p = value_text(f, value, text->buf, &cell->text.len);
}

static bool set_list(struct view *v, const struct field *f, const struct value *list,
		     struct env *env, struct fmt_cell *cell);

/* A text of the row's is copied: the next list of rows takes its place. */
static bool own_text(struct view *v, struct fmt_cell *cell)
{
	char *copy;

	if (cell->kind != FMT_TEXT || cell->text.len == 0)
		return true;
	copy = take(v, cell->text.len);
	if (!copy)
		return false;
	memcpy(copy, cell->text.p, cell->text.len);
	cell->text.p = copy;
	return true;
}

static size_t count_fields(const struct source *s)
{
	size_t n = 0;

	while (s->fields[n].name)
		n++;
	return n;
}

/* A row in a list: a member for each field that has a value. */
static bool set_object(struct view *v, const struct row *row, struct fmt_cell *cell)
{
	struct fmt_member *m = take(v, count_fields(row->source) * sizeof(*m));
	size_t n = 0;

	if (!m)
		return false;
	for (const struct field *f = row->source->fields; f->name; f++, n++) {
		struct spelt text;
		struct value value;

		m[n].name = f->name;
		m[n].brief = f->flags & FF_COLUMN;
		field_get(f, row, &value);
		if (value.kind == VALUE_LIST) {
			if (!set_list(v, f, &value, row->env, &m[n].cell))
				return false;
			continue;
		}
		set_cell(f, &value, &m[n].cell, &text);
		if (!own_text(v, &m[n].cell))
			return false;
	}
	cell->kind = FMT_OBJECT;
	cell->object.members = m;
	cell->object.n = n;
	return true;
}

static bool set_item(struct view *v, const struct field *f, const struct value *item,
		     struct env *env, struct fmt_cell *cell)
{
	struct spelt *text;
	struct row row;

	if (item->kind == VALUE_ROW) {
		item_row(f, item, env, &row);
		return set_object(v, &row, cell);
	}
	text = take(v, sizeof(*text));
	if (text)
		set_cell(f, item, cell, text);
	return text && own_text(v, cell);
}

static bool set_list(struct view *v, const struct field *f, const struct value *list,
		     struct env *env, struct fmt_cell *cell)
{
	const struct value *items = list->list.items;
	size_t n = list->list.n;
	struct fmt_cell *cells = take(v, n * sizeof(*cells));

	if (!cells)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!set_item(v, f, &items[i], env, &cells[i]))
			return false;
	cell->kind = FMT_LIST;
	cell->list.items = cells;
	cell->list.n = n;
	return true;
}

bool view_row(struct view *v, const struct row *row)
{
	forget(v);
	for (size_t i = 0; i < v->n; i++) {
		struct value value;

		field_get(v->fields[i], row, &value);
		if (value.kind != VALUE_LIST)
			set_cell(v->fields[i], &value, &v->cells[i], &v->texts[i]);
		else if (!set_list(v, v->fields[i], &value, row->env, &v->cells[i]))
			return false;
	}
	return fmt_writer_row(v->writer, v->cells);
}

bool view_restart(struct view *v)
{
	return fmt_writer_reset(v->writer);
}

bool view_end(struct view *v)
{
	return fmt_writer_end(v->writer);
}

void view_free(struct view *v)
{
	if (!v)
		return;
	fmt_writer_free(v->writer);
	free(v->fields);
	free(v->cells);
	free(v->texts);
	while (v->blocks) {
		struct block *next = v->blocks->next;

		free(v->blocks);
		v->blocks = next;
	}
	free(v);
}
