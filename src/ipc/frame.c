/* SPDX-License-Identifier: ISC */
#include "frame.h"

#include "message.h"
#include "wire.h"

bool frame_put(struct buf *out, unsigned type, uint64_t id, const void *body, size_t len)
{
	size_t ceiling = message_ceiling(type);
	if (ceiling == 0 || len > ceiling || out->max - out->len < FRAME_HEADER + len)
		return false;
	wire_put_u32(out, (uint32_t)len);
	wire_put_u16(out, (uint16_t)type);
	wire_put_u16(out, MESSAGE_VERSION);
	wire_put_u64(out, id);
	return len == 0 || buf_add(out, body, len);
}

static enum frame_result bad(const char **why, const char *text)
{
	*why = text;
	return FRAME_BAD;
}

enum frame_result frame_get(const void *data, size_t len, struct frame *f, size_t *used,
			    const char **why)
{
	struct wire w;
	wire_init(&w, data, len);
	size_t body = wire_u32(&w);
	unsigned type = wire_u16(&w), version = wire_u16(&w);
	uint64_t id = wire_u64(&w);

	if (w.failed)
		return FRAME_MORE;
	if (version != MESSAGE_VERSION)
		return bad(why, "frame of another version");
	if (message_ceiling(type) == 0)
		return bad(why, "frame of an unknown type");
	if (body > message_ceiling(type))
		return bad(why, "frame larger than its type allows");
	if (wire_left(&w) < body)
		return FRAME_MORE;
	*f = (struct frame){
	    .type = type, .id = id, .body = (const char *)wire_bytes(&w, body), .len = body};
	*used = w.pos;
	return FRAME_WHOLE;
}
