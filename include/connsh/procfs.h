/*
 * procfs: what the kernel tells by files: network namespaces, cgroups.
 * Everything read here is hostile input.
 */
#ifndef CONNSH_PROCFS_H
#define CONNSH_PROCFS_H

#include "connsh/netlink.h"

/* A network namespace that is held open. Reference counted, one per name and inode. */
struct netns;

/*
 * Finds a namespace by what a user wrote: the name of an entry of /run/netns,
 * the pid of a process in it, or a path (anything with a '/'). A number is a
 * pid unless a namespace of that name exists.
 * Returns 0 and *out, the caller's reference; or -1 and *err: ENOENT with the
 * places that were looked in, EACCES, EINVAL when it is no network namespace.
 */
int netns_open(const char *spec, struct netns **out, struct nl_error *err);
struct netns *netns_ref(struct netns *ns);
void netns_unref(struct netns *ns);
int netns_fd(const struct netns *ns);
const char *netns_name(const struct netns *ns); /* as it was asked for */

/*
 * Path of the cgroup with this id (INET_DIAG_CGROUP_ID) below the cgroup v2
 * mount, "/" for the root; NULL when there is no such mount or no such cgroup.
 * The caller frees it.
 */
char *cgroup_path(uint64_t id);

#endif
