/* SPDX-License-Identifier: ISC
 *
 * What defaults, groups, lists and domains can say (interval, timeouts, confirmation,
 * thresholds, checks, severities), each as a partial set of values with their places, and the
 * merge: built-in < defaults < groups in order < list < domain.
 */
#ifndef YAML_SETTINGS_H
#define YAML_SETTINGS_H

#include "yaml_schema.h"

#define YAML_SETTINGS_LEAVES 20

struct yaml_settings { /* a partial: only the leaves with a place are set */
	struct conf_settings value;
	const struct yaml_node *from[YAML_SETTINGS_LEAVES];
	const char *source; /* "defaults", "group gold", "list customers.txt", "domain" */
};

/* The rows, to be embedded in a larger section; offsets are those of struct conf_settings. */
extern const struct yaml_key yaml_settings_keys[];
extern const size_t yaml_settings_n_keys;

/* Read one key (a row above) into the partial. */
void yaml_settings_read(struct yaml_loader *l, struct yaml_settings *s, const struct yaml_key *row,
			const struct yaml_node *key, const struct yaml_node *value);
/* NULL if key is not one of the rows. */
const struct yaml_key *yaml_settings_find(const char *key);
/* Lay what over says over base; origin (may be NULL) gets the places. */
void yaml_settings_merge(struct conf_settings *base, const struct yaml_settings *over,
			 struct yaml_settings *origin);
/* Warn where over leaves the whole, which it was laid over, without the time to tell that a host
 * is silent. */
void yaml_settings_check(struct yaml_problems *problems, const struct conf_settings *whole,
			 const struct yaml_settings *over);
/* The name of leaf i ("timeout.connect"), NULL behind the last, and its value as text. */
const char *yaml_settings_leaf(size_t i);
void yaml_settings_print(const struct conf_settings *s, size_t leaf, struct buf *out);

#endif
