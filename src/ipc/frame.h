/* SPDX-License-Identifier: ISC
 *
 * The frame codec, pure: 16 bytes of header, big-endian (length of the body, type, version,
 * id), then the body.  The length is checked against the type's ceiling before anything else.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define FRAME_HEADER 16

struct frame {
	unsigned type;
	uint64_t id;
	const char *body; /* borrowed from the input */
	size_t len;
};

enum frame_result { FRAME_WHOLE, FRAME_MORE, FRAME_BAD };

/* Append a frame.  False if the body passes its type's ceiling or out is full. */
bool frame_put(struct buf *out, unsigned type, uint64_t id, const void *body, size_t len);
/* Look at the front of data.  WHOLE: *f filled, *used bytes belong to it.  BAD: *why says what. */
enum frame_result frame_get(const void *data, size_t len, struct frame *f, size_t *used,
    const char **why);

#endif
