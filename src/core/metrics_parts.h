/* SPDX-License-Identifier: ISC
 *
 * What the files of metrics share: an exposition under way.
 */
#ifndef METRICS_PARTS_H
#define METRICS_PARTS_H

#include "metrics.h"

struct exposition {
	struct buf *out;
	bool open_metrics;
};

/* HELP and TYPE of a family; type "counter" wants a name that ends in _total. */
void metrics_head(const struct exposition *e, const char *name, const char *type,
    const char *help);
/* A family of one sample without labels. */
void metrics_single(const struct exposition *e, const char *name, const char *type,
    const char *help, int64_t value);
/* key="value" escaped; value NULL is "". */
void metrics_label(const struct exposition *e, const char *key, const char *value);
void metrics_end(const struct exposition *e);

/* Series for each domain and host. */
void metrics_details(const struct metrics *m, const struct exposition *e);

#endif
