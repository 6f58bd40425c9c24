/* What the files of the source `neighs` share. */
#ifndef CONNSH_SOURCE_NEIGHS_H
#define CONNSH_SOURCE_NEIGHS_H

#include "private.h"

#include <linux/neighbour.h>

extern const struct field neigh_fields[];

/* Is it a field that rows of the tables of IPv4 and IPv6 never have: the bridge's own? */
bool neigh_field_of_bridge(const struct field *f);

#endif
