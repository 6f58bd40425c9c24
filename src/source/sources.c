/* Owns the list of sources, in the order in which people read of them. */
#include "connsh/source.h"

const struct source *const sources[] = {
	&source_sockets,
	&source_namespaces,
	NULL,
};
