/* Owns the list of sources, in the order in which people read of them. */
#include "connsh/source.h"

/* clang-format off */
const struct source *const sources[] = {
	&source_sockets,
	&source_links,
	&source_addrs,
	&source_neighs,
	&source_maddrs,
	&source_routes,
	&source_nexthops,
	&source_rules,
	&source_processes,
	&source_namespaces,
	&source_counters,
	&source_limits,
	NULL,
};
/* clang-format on */
