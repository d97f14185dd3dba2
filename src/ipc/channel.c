/* SPDX-License-Identifier: ISC
 *
 * Sending queues bytes and asks the loop for one flush, so all frames of a turn leave in one
 * write.  A descriptor leaves in a write that holds bytes of its own frame only; the kernel
 * ends a read behind such a write, so on the other side a descriptor belongs to the frame
 * that holds the last byte of the read it came with.
 *
 * Callbacks may free the channel: every entry from the loop holds it (enter, leave), and the
 * memory goes with the last one.
 */
#include "channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/util.h>

#include "log.h"
#include "mem.h"
#include "message.h"

#define READ_SIZE      65536
#define READS_PER_TURN 16 /* then the loop's other events get their turn */
#define PENDING_MAX    ((size_t)64 * 1024 * 1024)
#define KEEP_MAX       ((size_t)1024 * 1024) /* an emptied buffer larger than this is given back */
#define FDS_MAX	       64

struct passed { /* a descriptor and where in the stream its frame is */
	int fd;
	uint64_t at;
	size_t len; /* outgoing: bytes of its frame */
};

struct passed_list {
	struct passed item[FDS_MAX];
	size_t n;
};

struct channel {
	int fd;
	struct event *readable, *writable;
	channel_frame_cb *on_frame;
	channel_gone_cb *on_gone;
	void *arg;

	struct buf in;
	uint64_t in_at; /* position of in's first byte in the stream */
	struct passed_list in_fds;

	struct buf out;
	size_t sent;	 /* bytes of out that are written already */
	uint64_t out_at; /* position of out's first byte in the stream */
	struct passed_list out_fds;
	const char *fault; /* why the next flush declares us gone */

	unsigned entered;
	bool dead, released;
};

static void passed_add(struct passed_list *list, int fd, uint64_t at, size_t len)
{
	list->item[list->n++] = (struct passed){fd, at, len};
}

static int passed_take(struct passed_list *list)
{
	int fd = list->item[0].fd;
	list->n--;
	memmove(list->item, list->item + 1, list->n * sizeof(list->item[0]));
	return fd;
}

static void passed_close(struct passed_list *list)
{
	while (list->n > 0)
		close(passed_take(list));
}

/* No I/O from now on. */
static void shut(struct channel *c)
{
	if (c->dead)
		return;
	c->dead = true;
	event_free(c->readable);
	event_free(c->writable);
	close(c->fd);
	passed_close(&c->in_fds);
	passed_close(&c->out_fds);
}

static void gone(struct channel *c, const char *why)
{
	if (c->dead)
		return;
	shut(c);
	c->on_gone(c, why, c->arg);
}

static void leave(struct channel *c)
{
	if (--c->entered > 0 || !c->released)
		return;
	buf_clear(&c->in);
	buf_clear(&c->out);
	free(c);
}

/* Hand over every whole frame; the callback may free us at each. */
static void dispatch(struct channel *c)
{
	size_t done = 0;
	while (!c->dead) {
		struct frame f;
		size_t used;
		const char *why;
		enum frame_result result =
		    frame_get(buf_str(&c->in) + done, c->in.len - done, &f, &used, &why);
		if (result == FRAME_BAD)
			gone(c, why);
		if (result != FRAME_WHOLE)
			break;
		done += used;
		int fd = -1;
		if (c->in_fds.n > 0 && c->in_fds.item[0].at < c->in_at + done)
			fd = passed_take(&c->in_fds);
		if (c->in_fds.n > 0 && c->in_fds.item[0].at < c->in_at + done) {
			close(fd);
			gone(c, "two descriptors in one frame");
			break;
		}
		c->on_frame(c, &f, fd, c->arg);
	}
	c->in_at += done;
	buf_drain(&c->in, done);
	if (c->in.len == 0 && c->in.size > KEEP_MAX)
		buf_clear(&c->in);
}

/* Keep the descriptors of one read, whose last byte is the last in c->in. */
static const char *keep_descriptors(struct channel *c, struct msghdr *msg)
{
	const char *fault = msg->msg_flags & MSG_CTRUNC ? "too many descriptors" : NULL;

	for (struct cmsghdr *m = CMSG_FIRSTHDR(msg); m != NULL; m = CMSG_NXTHDR(msg, m)) {
		if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (m->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(m) + i * sizeof(int), sizeof(fd));
			if (fault == NULL && c->in_fds.n < FDS_MAX) {
				passed_add(&c->in_fds, fd, c->in_at + c->in.len - 1, 0);
			} else {
				close(fd);
				fault = "too many descriptors";
			}
		}
	}
	return fault;
}

/* One read.  False when there is nothing more to read now. */
static bool read_once(struct channel *c)
{
	char bytes[READ_SIZE];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return false;
		gone(c, errno == ECONNRESET ? "EOF" : strerror(errno));
		return false;
	}
	if (n == 0) {
		gone(c, c->in.len > 0 ? "EOF inside a frame" : "EOF");
		return false;
	}
	buf_add(&c->in, bytes, (size_t)n);
	const char *fault = keep_descriptors(c, &msg);
	if (fault != NULL)
		gone(c, fault);
	else
		dispatch(c);
	return !c->dead;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct channel *c = arg;
	(void)fd;
	(void)what;
	c->entered++;
	for (int i = 0; i < READS_PER_TURN && read_once(c); i++)
		;
	leave(c);
}

/* Write what is next: bytes up to the next descriptor's frame, or that frame with it. */
static ssize_t write_once(struct channel *c)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = c->out.data + c->sent, .iov_len = c->out.len - c->sent};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct passed *next = c->out_fds.n > 0 ? &c->out_fds.item[0] : NULL;
	uint64_t here = c->out_at + c->sent;

	if (next != NULL && next->at > here) {
		iov.iov_len = next->at - here;
	} else if (next != NULL) {
		iov.iov_len = next->len;
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *m = CMSG_FIRSTHDR(&msg);
		m->cmsg_level = SOL_SOCKET;
		m->cmsg_type = SCM_RIGHTS;
		m->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(m), &next->fd, sizeof(int));
	}
	ssize_t n = sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0 && msg.msg_control != NULL)
		close(passed_take(&c->out_fds));
	return n;
}

static void drop_output(struct channel *c)
{
	c->out_at += c->out.len;
	c->sent = 0;
	buf_clear(&c->out);
	passed_close(&c->out_fds);
}

/* Write all that goes without waiting.  A reader that is gone shows as EOF when we read. */
static void flush(struct channel *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = write_once(c);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0) {
			drop_output(c);
			return;
		}
		c->sent += (size_t)n;
	}
	if (c->sent == c->out.len && c->out.size > KEEP_MAX) {
		drop_output(c);
	} else if (c->sent > c->out.len / 2) {
		c->out_at += c->sent;
		buf_drain(&c->out, c->sent);
		c->sent = 0;
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct channel *c = arg;
	(void)fd;
	(void)what;
	c->entered++;
	if (c->fault != NULL)
		gone(c, c->fault);
	else
		flush(c);
	if (!c->dead && channel_pending(c) > 0)
		event_add(c->writable, NULL);
	leave(c);
}

struct channel *channel_new(struct event_base *base, int fd, channel_frame_cb *on_frame,
			    channel_gone_cb *on_gone, void *arg)
{
	struct channel *c = mem_alloc(sizeof(*c));
	c->fd = fd;
	c->on_frame = on_frame;
	c->on_gone = on_gone;
	c->arg = arg;
	buf_init(&c->in, SIZE_MAX / 4);	 /* bounded by the largest frame and one read */
	buf_init(&c->out, SIZE_MAX / 4); /* bounded by PENDING_MAX */
	evutil_make_socket_nonblocking(fd);
	evutil_make_socket_closeonexec(fd);
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(base, fd, EV_WRITE, on_writable, c);
	if (c->readable == NULL || c->writable == NULL || event_add(c->readable, NULL) < 0)
		log_fatal("channel", "cannot watch descriptor %d", fd);
	return c;
}

void channel_free(struct channel *c)
{
	if (c == NULL)
		return;
	if (!c->dead)
		flush(c);
	shut(c);
	c->released = true;
	c->entered++;
	leave(c);
}

/* Queue a frame; returns its bytes, 0 if it was refused. */
static size_t queue(struct channel *c, unsigned type, uint64_t id, const void *body, size_t len)
{
	if (c->dead || c->fault != NULL)
		return 0;
	size_t before = c->out.len;
	if (!frame_put(&c->out, type, id, body, len)) {
		log_error("channel", "%s frame of %zu bytes is over its ceiling and was not sent",
			  message_name(type), len);
		return 0;
	}
	if (channel_pending(c) > PENDING_MAX)
		c->fault = "the other side does not read";
	event_active(c->writable, EV_WRITE, 0);
	return c->out.len - before;
}

void channel_send(struct channel *c, unsigned type, uint64_t id, const void *body, size_t len)
{
	queue(c, type, id, body, len);
}

static size_t queue_shape(struct channel *c, unsigned type, uint64_t id, const struct shape *shape,
			  const void *object)
{
	struct buf body;
	buf_init(&body, message_ceiling(type) + 1); /* one more, so that queue sees and says it */
	shape_encode(shape, object, &body);
	size_t n = queue(c, type, id, buf_str(&body), body.len);
	buf_clear(&body);
	return n;
}

void channel_send_shape(struct channel *c, unsigned type, uint64_t id, const struct shape *shape,
			const void *object)
{
	queue_shape(c, type, id, shape, object);
}

void channel_send_fd(struct channel *c, unsigned type, uint64_t id, const struct shape *shape,
		     const void *object, int fd)
{
	size_t n = c->out_fds.n < FDS_MAX ? queue_shape(c, type, id, shape, object) : 0;
	if (n == 0)
		close(fd);
	else
		passed_add(&c->out_fds, fd, c->out_at + c->out.len - n, n);
}

size_t channel_pending(const struct channel *c)
{
	return c->out.len - c->sent;
}
