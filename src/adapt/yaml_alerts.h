/* SPDX-License-Identifier: ISC
 *
 * The sections of mxwatch.yaml(5) that say who is told: notify, receivers, route, maintenance,
 * heartbeat.  Read by yaml_conf.
 */
#ifndef YAML_ALERTS_H
#define YAML_ALERTS_H

#include "yaml_schema.h"

struct yaml_alerts { /* gathered over all files, then woven into the configuration */
	struct conf_receiver *receivers;
	const struct yaml_node **receiver_nodes; /* the name's node, for errors */
	size_t n_receivers;
	const struct yaml_node *notify, *route, *maintenance, *heartbeat;
};

/* Note the sections of one more file (NULL for what it does not have). */
void yaml_alerts_add(struct yaml_loader *l, struct yaml_alerts *a, const struct yaml_node *key,
    const struct yaml_node *value);
bool yaml_alerts_key(const char *key);
/* Read them into c and check every name they use. */
void yaml_alerts_finish(struct yaml_loader *l, struct yaml_alerts *a, struct conf *c);
/* Free what was gathered outside the arena. */
void yaml_alerts_clear(struct yaml_alerts *a);

#endif
