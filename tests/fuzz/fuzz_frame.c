/* SPDX-License-Identifier: ISC
 *
 * What a child that has been taken over can send: frames, and the documents in them.  A
 * document that is accepted must come back the same after another round.
 */
#include <string.h>

#include "frame.h"
#include "fuzz.h"
#include "message.h"
#include "observation.h"

static const struct {
	unsigned type;
	const struct shape *shape;
} documents[] = {
    {MESSAGE_PEER, &message_peer_shape},       {MESSAGE_READY, &message_status_shape},
    {MESSAGE_STATUS, &message_status_shape},   {MESSAGE_RELOADED, &message_status_shape},
    {MESSAGE_SETUP, &message_setup_shape},     {MESSAGE_WANT_PEERS, &message_want_peers_shape},
    {MESSAGE_ORDER, &message_order_shape},     {MESSAGE_OBSERVED, &observation_shape},
    {MESSAGE_WANT, &message_address_shape},    {MESSAGE_SELF, &message_self_shape},
    {MESSAGE_DELIVER, &message_deliver_shape}, {MESSAGE_SENT, &message_sent_shape},
    {MESSAGE_WISH, &message_wish_shape},       {MESSAGE_ANSWER, &message_answer_shape},
};

static void document(const struct shape *shape, const struct frame *f)
{
	struct arena *arena = arena_new();
	void *object = arena_alloc(arena, shape->size), *again = arena_alloc(arena, shape->size);
	struct error err;
	struct buf first, second;

	if (shape_decode(shape, SHAPE_STRICT, f->body, f->len, arena, object, &err) == 0) {
		buf_init(&first, SIZE_MAX);
		buf_init(&second, SIZE_MAX);
		PROMISE(shape_encode(shape, object, &first));
		PROMISE(shape_decode(shape, SHAPE_STRICT, buf_str(&first), first.len, arena, again,
				     &err) == 0);
		PROMISE(shape_encode(shape, again, &second));
		PROMISE(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
		buf_clear(&first);
		buf_clear(&second);
	}
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct frame f;
	size_t used;
	const char *why = NULL;
	enum frame_result result;

	while ((result = frame_get(data, len, &f, &used, &why)) == FRAME_WHOLE) {
		PROMISE(used == FRAME_HEADER + f.len && used <= len);
		PROMISE(f.len <= message_ceiling(f.type));
		for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++)
			if (documents[i].type == f.type)
				document(documents[i].shape, &f);
		data += used;
		len -= used;
	}
	PROMISE((result == FRAME_BAD) == (why != NULL));
	return 0;
}
