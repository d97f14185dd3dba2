/* SPDX-License-Identifier: ISC
 *
 * Big-endian bytes, read with a sticky error: read ten fields, test once.  After the first
 * read past the end every read gives zero.  Used by the frame codec and the DNS parser.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct wire {
	const unsigned char *data; /* borrowed */
	size_t len;
	size_t pos;
	bool failed;
};

void wire_init(struct wire *w, const void *data, size_t len);
size_t wire_left(const struct wire *w);
uint8_t wire_u8(struct wire *w);
uint16_t wire_u16(struct wire *w);
uint32_t wire_u32(struct wire *w);
uint64_t wire_u64(struct wire *w);
/* n bytes in place, NULL (and failed) if there are fewer. */
const unsigned char *wire_bytes(struct wire *w, size_t n);

bool wire_put_u8(struct buf *out, uint8_t v);
bool wire_put_u16(struct buf *out, uint16_t v);
bool wire_put_u32(struct buf *out, uint32_t v);
bool wire_put_u64(struct buf *out, uint64_t v);

#endif
