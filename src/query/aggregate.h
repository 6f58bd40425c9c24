/* Inside query: the numbers of one group. */
#ifndef CONNSH_QUERY_AGGREGATE_H
#define CONNSH_QUERY_AGGREGATE_H

#include "connsh/query.h"

union agg_number {
	int64_t whole;
	double real;
};

/* What one aggregate has taken in; all zero at the start. */
struct agg_state {
	size_t n; /* values */
	int64_t whole;
	double real;		/* the sum, once inexact */
	bool inexact;		/* a real took part, or whole numbers left 64 bits */
	struct value best;	/* min, max */
	char *text;		/* that best points to */
	union agg_number *list; /* quantile; reals once inexact */
	size_t room;
};

enum agg_result { AGG_OK, AGG_NO_NUMBER, AGG_NO_MEMORY };

/* Why the operation cannot have this field (the kind it is), or NULL if it can. */
const char *aggregate_refusal(const struct aggregate *a);
/* The declaration of its column, but for the name. */
void aggregate_field(const struct aggregate *a, struct field *f);
enum agg_result aggregate_take(const struct aggregate *a, struct agg_state *s,
			       const struct row *row);
/* What came out; text points into the state. A sum of nothing is 0, all else of nothing nil. */
void aggregate_value(const struct aggregate *a, struct agg_state *s, struct value *v);
void aggregate_free(struct agg_state *s);

#endif
