/* SPDX-License-Identifier: ISC
 *
 * Where in a JSON text a value stands, for messages: jansson keeps no positions.  The text
 * was accepted by a parser before; here it is only walked.
 */
#ifndef JSON_PLACE_H
#define JSON_PLACE_H

#include <stddef.h>

struct json_path { /* one step from a value down to a part of it; the root has no parent */
	const struct json_path *parent;
	const char *key; /* member of an object, or NULL: */
	size_t index;    /* item of an array */
};

/* Line and column (from 1) of the value that path leads to; where the way ends earlier, of the
 * last value reached. */
void json_place_find(const char *text, size_t len, const struct json_path *path, size_t *line,
    size_t *column);

/* The deepest nesting of arrays and objects in text, valid or not: what a parser would recurse. */
size_t json_place_depth(const char *text, size_t len);

#endif
