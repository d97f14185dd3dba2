/* SPDX-License-Identifier: ISC
 *
 * The hosts that one run of `mxwatch check` has asked for: each is looked at once, however many
 * domains lead to it.
 */
#ifndef CHECK_HOSTS_H
#define CHECK_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "observation.h"

struct check_wait { /* somebody waits for a host */
	void *who;
	size_t place;
	const struct check_wait *next;
};

struct check_host {
	uint64_t number; /* from 0 */
	const struct observation *seen; /* NULL: nothing came */
	bool over;
	const struct check_wait *waiting; /* also when it is over */
};

struct check_hosts;

struct check_hosts *check_hosts_new(void);
void check_hosts_free(struct check_hosts *t);

/* The host of this name with these ports; *is_new when it is asked for the first time.  Lives as
 * long as the table. */
struct check_host *check_hosts_get(struct check_hosts *t, const char *name,
    const char *const *ports, size_t n_ports, bool *is_new);
void check_hosts_wait(struct check_hosts *t, struct check_host *h, void *who, size_t place);
/* NULL when there is none of that number. */
struct check_host *check_hosts_number(const struct check_hosts *t, uint64_t number);
/* Where what is seen of the hosts is kept. */
struct arena *check_hosts_arena(struct check_hosts *t);

#endif
