/* Owns the list of sources, in the order in which people read of them. */
#include "connsh/source.h"

/* One a line, with a comma behind the last. */
const struct source *const sources[] = {
	&source_sockets,
	&source_addrs,
	&source_neighs,
	&source_maddrs,
	NULL,
};
