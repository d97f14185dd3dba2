/* SPDX-License-Identifier: ISC
 *
 * Typed reading of a YAML tree by tables: a row names a key, the reader of its value, and the
 * member it fills.  Unknown keys are errors with the nearest known one beside them.
 */
#ifndef YAML_SCHEMA_H
#define YAML_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "yaml_tree.h"

struct yaml_loader;

/* Read value into *target (the member of the row); arg is the row's. */
typedef void yaml_reader(struct yaml_loader *l, const struct yaml_node *key,
			 const struct yaml_node *value, void *target, const void *arg);
/* Told of every leaf of a section that was read, with its member. */
typedef void yaml_mark(void *arg, const void *target, const struct yaml_node *value);

struct yaml_key {
	const char *name;
	yaml_reader *read;
	size_t offset;
	const void *arg;
};

struct yaml_section {
	const char *name; /* for errors: "unknown key ... in route" */
	const struct yaml_key *keys;
	size_t n;
};
#define YAML_SECTION(name, keys)                                                                   \
	{                                                                                          \
		name, keys, sizeof(keys) / sizeof((keys)[0])                                       \
	}

struct yaml_loader {
	struct arena *arena;
	struct yaml_problems *problems;
	yaml_mark *mark; /* NULL: nobody listens */
	void *mark_arg;
};

struct yaml_range { /* arg of number and duration readers */
	int64_t min, max;
};

/* Read the mapping into the struct at target. */
void yaml_read_section(struct yaml_loader *l, const struct yaml_section *section,
		       const struct yaml_node *node, void *target);

/* True, or an error said at node that a scalar/sequence/mapping was wanted for key. */
bool yaml_want(struct yaml_loader *l, const struct yaml_node *node, enum yaml_kind kind,
	       const char *what);

yaml_reader yaml_read_mapping;	   /* arg: struct yaml_section */
yaml_reader yaml_read_string;	   /* const char * */
yaml_reader yaml_read_path;	   /* const char *, not empty */
yaml_reader yaml_read_duration;	   /* int64_t seconds; arg: struct yaml_range or NULL */
yaml_reader yaml_read_duration_ms; /* int64_t milliseconds */
yaml_reader yaml_read_int;	   /* int64_t; arg: struct yaml_range */
yaml_reader yaml_read_percent;	   /* int64_t, "33%" */
yaml_reader yaml_read_bool;	   /* bool */
yaml_reader yaml_read_word;	   /* int; arg: NULL-terminated words */
yaml_reader yaml_read_time;	   /* int64_t, a date or RFC 3339 */
yaml_reader yaml_read_clock;	   /* int64_t seconds after midnight, "08:00" */
yaml_reader yaml_read_address;	   /* const char *, an IP address */
yaml_reader yaml_read_host;	   /* const char *, a host name, folded to A-labels */
yaml_reader yaml_read_mailbox;	   /* const char *, a mail address */
yaml_reader yaml_read_url;	   /* const char *, https: or http: */
yaml_reader yaml_read_file_secret; /* const char *: the place of a secret */
yaml_reader yaml_read_credential;  /* the same, as "credential:NAME" (systemd) */
yaml_reader yaml_refuse_secret;	   /* arg: the key to use in its place */
yaml_reader yaml_refuse_later;	   /* a key of the contract whose feature is not there yet */

/* True, or an error said at node that s is no mail address. */
bool yaml_want_mailbox(struct yaml_loader *l, const struct yaml_node *at, const char *s);

/* A list of strings: a sequence, or one scalar. */
struct yaml_strings {
	const char *const *item;
	size_t n;
};
/* Fills a `const char *const *` member and, `arg` bytes behind it, its size_t count
 * (offsetof(n) - offsetof(list)), passed as a pointer value. */
yaml_reader yaml_read_strings;
#define YAML_COUNT(type, list, count) ((const void *)(offsetof(type, count) - offsetof(type, list)))
struct yaml_strings yaml_strings(struct yaml_loader *l, const struct yaml_node *value,
				 const char *what);

/* Join with the folder of the file the node stands in, unless it is absolute. */
const char *yaml_relative(struct yaml_loader *l, const struct yaml_node *node, const char *path);

#endif
