/* SPDX-License-Identifier: ISC */
#include "wire.h"

#include <stddef.h>

void wire_init(struct wire *w, const void *data, size_t len)
{
	*w = (struct wire){.data = data, .len = len};
}

size_t wire_left(const struct wire *w)
{
	return w->failed ? 0 : w->len - w->pos;
}

const unsigned char *wire_bytes(struct wire *w, size_t n)
{
	if (wire_left(w) < n || w->failed) {
		w->failed = true;
		return NULL;
	}
	const unsigned char *p = w->data + w->pos;
	w->pos += n;
	return p;
}

static uint64_t get(struct wire *w, size_t n)
{
	const unsigned char *p = wire_bytes(w, n);
	uint64_t v = 0;
	for (size_t i = 0; p != NULL && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t wire_u8(struct wire *w)
{
	return (uint8_t)get(w, 1);
}

uint16_t wire_u16(struct wire *w)
{
	return (uint16_t)get(w, 2);
}

uint32_t wire_u32(struct wire *w)
{
	return (uint32_t)get(w, 4);
}

uint64_t wire_u64(struct wire *w)
{
	return get(w, 8);
}

static bool put(struct buf *out, uint64_t v, size_t n)
{
	unsigned char bytes[8];
	for (size_t i = n; i-- > 0; v >>= 8)
		bytes[i] = (unsigned char)v;
	return buf_add(out, bytes, n);
}

bool wire_put_u8(struct buf *out, uint8_t v)
{
	return put(out, v, 1);
}

bool wire_put_u16(struct buf *out, uint16_t v)
{
	return put(out, v, 2);
}

bool wire_put_u32(struct buf *out, uint32_t v)
{
	return put(out, v, 4);
}

bool wire_put_u64(struct buf *out, uint64_t v)
{
	return put(out, v, 8);
}
