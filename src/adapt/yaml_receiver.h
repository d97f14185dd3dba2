/* SPDX-License-Identifier: ISC
 *
 * One receiver of mxwatch.yaml(5): its kinds, their keys, what each cannot do without.
 */
#ifndef YAML_RECEIVER_H
#define YAML_RECEIVER_H

#include "yaml_alerts.h"

/* Read the receiver of this name. */
void yaml_receiver_read(struct yaml_loader *l, struct yaml_alerts *a,
    const struct yaml_node *name, const struct yaml_node *node);
/* A receiver without anything yet; a name that was there before is an error.  Good until the
 * next one is added. */
struct conf_receiver *yaml_receiver_add(struct yaml_loader *l, struct yaml_alerts *a,
    const struct yaml_node *name);
/* Fill in what was left out, and complain of what cannot be. */
void yaml_receiver_check(struct yaml_loader *l, const struct yaml_node *at,
    struct conf_receiver *r);

#endif
