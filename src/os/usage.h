/* SPDX-License-Identifier: ISC
 *
 * What this process uses of the machine, from descriptors that are opened before the sandbox
 * is entered.
 */
#ifndef USAGE_H
#define USAGE_H

#include <dirent.h>
#include <stdint.h>

struct usage_meter {
	int64_t started; /* clock_now() at usage_open */
	int statm;
	DIR *fds;
};

struct usage { /* -1: it cannot be told */
	int64_t started, cpu_ms, resident_bytes, open_fds;
};

void usage_open(struct usage_meter *m);
struct usage usage_read(const struct usage_meter *m);
void usage_close(struct usage_meter *m);

#endif
