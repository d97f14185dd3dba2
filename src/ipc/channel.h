/* SPDX-License-Identifier: ISC
 *
 * Frames over a socketpair on an event loop.  Every whole frame that has arrived is handed
 * over in one wake-up.  EOF on a channel is the one notice that the other side died.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "shape.h"

struct event_base;
struct channel;

/* One frame.  fd is a descriptor that came with it (the receiver owns it), else -1.  The
 * callback may send and may call channel_free on this channel. */
typedef void channel_frame_cb(struct channel *c, const struct frame *f, int fd, void *arg);
/* The other side is gone, or spoke against the protocol (why says which; "EOF" for a plain
 * end).  Called once; the channel is dead and must be freed by the owner. */
typedef void channel_gone_cb(struct channel *c, const char *why, void *arg);

/* Take fd (made non-blocking and close-on-exec; closed with the channel). Never NULL. */
struct channel *channel_new(struct event_base *base, int fd, channel_frame_cb *on_frame,
    channel_gone_cb *on_gone, void *arg);
void channel_free(struct channel *c);

/* Queue a frame.  Never blocks; a channel whose other side does not read is declared gone
 * when more than 64 MiB wait. */
void channel_send(struct channel *c, unsigned type, uint64_t id, const void *body, size_t len);
/* Encode object by shape and queue it. */
void channel_send_shape(struct channel *c, unsigned type, uint64_t id, const struct shape *shape,
    const void *object);
/* Queue a frame with a descriptor; fd is closed here once it was passed. */
void channel_send_fd(struct channel *c, unsigned type, uint64_t id, const struct shape *shape,
    const void *object, int fd);
/* Bytes waiting to be written. */
size_t channel_pending(const struct channel *c);

#endif
