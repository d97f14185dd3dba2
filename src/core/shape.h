/* SPDX-License-Identifier: ISC
 *
 * One table per document: a row names a key, a type and the member it fills, and from that
 * row come the encoder and the strict decoder.  Everything that crosses a channel or lies in
 * the state is such a document (doc/ipc.md).
 *
 * Encoding is canonical: keys in the order of the table, absent things left out (NULL
 * strings, empty lists, NULL objects, false, 0, the first word of an enum unless the row says
 * SHAPE_ALWAYS), so equal facts are equal bytes.  Decoding refuses duplicate keys, wrong
 * types, numbers and lists beyond their ceiling, unknown words and nesting deeper than
 * SHAPE_DEPTH; unknown keys are refused on a channel (same build) and passed over in stored rows.
 */
#ifndef SHAPE_H
#define SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "err.h"

struct json_t;

#define SHAPE_DEPTH 12

enum shape_type {
	SHAPE_STRING,  /* const char *        bounded by max bytes */
	SHAPE_INT,     /* int64_t             0..max unless SHAPE_SIGNED */
	SHAPE_BOOL,    /* bool */
	SHAPE_ENUM,    /* int (any C enum)    words[], the index is the value */
	SHAPE_TIME,    /* int64_t             RFC 3339 in the document, 0 = absent */
	SHAPE_STRINGS, /* const char *const * and size_t count */
	SHAPE_OBJECT,  /* struct X *          NULL = absent */
	SHAPE_INLINE,  /* struct X            a member struct; absent = all zero */
	SHAPE_OBJECTS, /* struct X *          and size_t count */
	SHAPE_RAW,     /* const char *        one whole JSON value, kept as compact text */
};

enum shape_flags {
	SHAPE_ALWAYS = 1,   /* write it even when it is zero */
	SHAPE_REQUIRED = 2, /* refuse a document without it (implies always) */
	SHAPE_SIGNED = 4,   /* negative numbers too */
};

struct shape;

struct shape_field {
	const char *key;
	enum shape_type type;
	size_t offset;             /* of the member */
	size_t count_offset;       /* of its size_t, for lists */
	int64_t max;               /* bytes of a string, value of a number, items of a list; 0 = default */
	const struct shape *shape; /* of an object */
	const char *const *words;  /* of an enum, NULL-terminated */
	unsigned flags;
};

struct shape {
	const char *name; /* for error texts */
	size_t size;      /* sizeof the struct */
	const struct shape_field *fields;
	size_t n_fields;
};

#define SHAPE(name, type, table)                                                                   \
	{                                                                                          \
		name, sizeof(type), table, sizeof(table) / sizeof((table)[0])                      \
	}

/* Append the document of *object to out as compact JSON.  False if out's ceiling cut it. */
bool shape_encode(const struct shape *shape, const void *object, struct buf *out);
/* The same as a new jansson value (owned by the caller). */
struct json_t *shape_to_json(const struct shape *shape, const void *object);

enum shape_strictness { SHAPE_STRICT, SHAPE_LENIENT };

/* Fill *object (zeroed first) from len bytes of JSON; strings and lists live in arena.
 * Returns 0, or -1 with err naming the path ("observation.host.services[3].port: ..."). */
int shape_decode(const struct shape *shape, enum shape_strictness strictness, const char *json,
    size_t len, struct arena *arena, void *object, struct error *err);

#endif
