/* SPDX-License-Identifier: ISC
 *
 * A YAML document as a tree of nodes with their places, read from libyaml's events within
 * bounds: depth, size, one document, no aliases, no duplicate keys.  And the list of
 * problems that every reader of the tree adds to.
 */
#ifndef YAML_TREE_H
#define YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "yaml_conf.h"

#define YAML_TREE_DEPTH	    16
#define YAML_TREE_MAX_BYTES (64 * 1024 * 1024)

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_file { /* one source, kept until the problems are printed */
	const char *name;
	const char *text;
	size_t len;
};

struct yaml_node {
	enum yaml_kind kind;
	uint32_t line, column; /* from 1 */
	uint32_t n;	       /* items of a sequence, pairs of a mapping */
	bool plain;	       /* an unquoted scalar */
	const struct yaml_file *file;
	const char *value;	       /* of a scalar */
	const struct yaml_node *first; /* item, or key; a key's value is key->next */
	const struct yaml_node *next;
};

/* Walk the pairs of a mapping. */
#define YAML_EACH_PAIR(map, key, val)                                                              \
	for (const struct yaml_node *key = (map)->first, *val = key ? key->next : NULL;            \
	     key != NULL; key = val->next, val = key ? key->next : NULL)
#define YAML_EACH_ITEM(seq, item)                                                                  \
	for (const struct yaml_node *item = (seq)->first; item != NULL; item = item->next)

/* The root (NULL for an empty document, or after a syntax error, which is in problems).  Nodes
 * live in nodes; the text of scalars lives in strings, which may outlive them. */
const struct yaml_node *yaml_tree_parse(const struct yaml_file *file, struct arena *nodes,
					struct arena *strings, struct yaml_problems *problems);

/* Note a problem at a place. */
void yaml_problem_at(struct yaml_problems *p, const struct yaml_file *file, size_t line,
		     size_t column, bool warning, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
void yaml_error(struct yaml_problems *p, const struct yaml_node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void yaml_warning(struct yaml_problems *p, const struct yaml_node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
