/*
 * Owns the index of descriptors: for each inode those by which it is held, in the order
 * that is promised, as the last pass that met a process with it told them. All memory is
 * had before the first span is touched, so that a failure changes nothing.
 */
#include "private.h"

#include <stdlib.h>

/* A span, with what it is sorted by. */
struct part {
	const struct record *record;
	struct span *span;
};

void uses_free(struct uses *x)
{
	imap_free(&x->ends);
	free(x->list);
	*x = (struct uses){ 0 };
}

/* ---- the spans, process by process ------------------------------------------------- */

static size_t count_spans(struct record *const *records, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		for (const struct span *s = records[i]->spans; s; s = s->next)
			count++;
	return count;
}

/* All spans, in the order of their records; NULL: no memory. */
static struct part *parts_of(struct record *const *records, size_t n, size_t *count)
{
	struct part *parts;
	size_t at = 0;

	*count = count_spans(records, n);
	parts = calloc(*count + 1, sizeof(*parts));
	for (size_t i = 0; parts && i < n; i++)
		for (struct span *s = records[i]->spans; s; s = s->next)
			parts[at++] = (struct part){ records[i], s };
	return parts;
}

/* Where the parts of the process end that begin at i. */
static size_t process_end(const struct part *parts, size_t i, size_t n)
{
	pid_t pid = parts[i].record->holder.pid;

	while (i < n && parts[i].record->holder.pid == pid)
		i++;
	return i;
}

static int latest_first(const void *a, const void *b)
{
	uint32_t pa = ((const struct part *)a)->span->pass,
		 pb = ((const struct part *)b)->span->pass;

	return (pa < pb) - (pa > pb);
}

/* By thread, then by descriptor; an empty span is anywhere. */
static int by_thread(const void *a, const void *b)
{
	const struct span *sa = ((const struct part *)a)->span,
			  *sb = ((const struct part *)b)->span;
	uint32_t fa = sa->fds && sa->n ? sa->fds[0] : 0, fb = sb->fds && sb->n ? sb->fds[0] : 0;

	if (sa->thread != sb->thread)
		return sa->thread < sb->thread ? -1 : 1;
	return (fa > fb) - (fa < fb);
}

/* ---- what stands ----------------------------------------------------------------------- */

/*
 * Drops what a later pass told anew. Passes over a process are numbered on from first, the
 * latest first; the value of an inode is the number of the one that it was met in last.
 * Returns the number that comes next.
 */
static uint32_t drop_superseded(struct imap *met, struct part *parts, size_t n, uint32_t first)
{
	uint32_t number = first;

	qsort(parts, n, sizeof(*parts), latest_first);
	for (size_t i = 0; i < n; i++) {
		struct span *s = parts[i].span;
		size_t kept = 0;

		if (i > 0 && parts[i - 1].span->pass != s->pass)
			number++;
		for (size_t k = 0; k < s->n; k++) {
			uint32_t *last = imap_get(met, s->inodes[k]);

			if (*last >= first && *last != number)
				continue;
			*last = number;
			span_keep(s, kept++, k);
		}
		span_cut(s, kept);
	}
	return number + 1;
}

/* Is there a process that several passes told of? */
static bool several_passes(const struct part *parts, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (parts[i].record->holder.pid == parts[i - 1].record->holder.pid &&
		    parts[i].span->pass != parts[i - 1].span->pass)
			return true;
	return false;
}

/* ---- the index --------------------------------------------------------------------------- */

/* Every inode a key with the value 0; *total: how many entries there are. */
static bool put_inodes(struct imap *m, const struct part *parts, size_t n, size_t *total)
{
	*total = 0;
	for (size_t i = 0; i < n; i++) {
		*total += parts[i].span->n;
		for (size_t k = 0; k < parts[i].span->n; k++)
			if (!imap_put(m, parts[i].span->inodes[k]))
				return false;
	}
	return *total < UINT32_MAX;
}

static void zero(struct imap *m)
{
	for (size_t i = 0; m->slots && i < (size_t)1 << m->bits; i++)
		m->slots[i].value = 0;
}

/* The values become the places where the entries of each begin. */
static void count_entries(struct imap *m, const struct part *parts, size_t n)
{
	uint32_t at = 0;

	zero(m);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < parts[i].span->n; k++)
			++*imap_get(m, parts[i].span->inodes[k]);
	for (size_t i = 0; m->slots && i < (size_t)1 << m->bits; i++) {
		uint32_t count = m->slots[i].value;

		m->slots[i].value = at;
		at += count;
	}
}

bool uses_make(struct uses *x, struct record *const *records, size_t n)
{
	size_t nparts, total;
	struct part *parts = parts_of(records, n, &nparts);
	uint32_t number = 1;

	*x = (struct uses){ 0 };
	if (!parts || !put_inodes(&x->ends, parts, nparts, &total) ||
	    !(x->list = malloc((total ? total : 1) * sizeof(*x->list)))) {
		free(parts);
		uses_free(x);
		return false;
	}
	if (several_passes(parts, nparts))
		for (size_t i = 0, end; i < nparts; i = end) {
			end = process_end(parts, i, nparts);
			number = drop_superseded(&x->ends, parts + i, end - i, number);
		}
	for (size_t i = 0, end; i < nparts; i = end) {
		end = process_end(parts, i, nparts);
		qsort(parts + i, end - i, sizeof(*parts), by_thread);
	}
	count_entries(&x->ends, parts, nparts);
	for (size_t i = 0; i < nparts; i++)
		for (size_t k = 0; k < parts[i].span->n; k++, x->n++)
			x->list[(*imap_get(&x->ends, parts[i].span->inodes[k]))++] =
				(struct used){ parts[i].record, parts[i].span, k };
	free(parts);
	return true;
}
