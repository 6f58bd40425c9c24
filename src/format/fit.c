/* Owns how columns share the width of a terminal. Knows no text. */
#include "private.h"

static size_t at_level(const struct fit *c, size_t level)
{
	if (level < c->least)
		level = c->least;
	return level < c->cells ? level : c->cells;
}

static bool fits(const struct fit *columns, size_t n, size_t level, size_t total)
{
	for (size_t i = 0; i < n; i++) {
		const size_t width = at_level(&columns[i], level);

		if (width > total)
			return false;
		total -= width;
	}
	return true;
}

void fit_columns(struct fit *columns, size_t n, size_t total)
{
	size_t low = 0, high = 0;

	for (size_t i = 0; i < n; i++)
		if (columns[i].cells > high)
			high = columns[i].cells;
	/* the highest level that fits; 0, all as narrow as they may be, if none does */
	while (low < high) {
		const size_t mid = high - (high - low) / 2;

		if (fits(columns, n, mid, total))
			low = mid;
		else
			high = mid - 1;
	}
	for (size_t i = 0; i < n; i++)
		columns[i].width = at_level(&columns[i], low);
}
