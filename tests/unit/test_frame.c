/* SPDX-License-Identifier: ISC
 *
 * The frame codec as a pure function, and channels over a real socketpair: batches,
 * descriptors, and owners that free a channel inside its own callbacks.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "channel.h"
#include "log.h"
#include "message.h"
#include "wire.h"

/* -- codec -- */

static void test_round_trip(void **state)
{
	(void)state;
	struct buf b;
	struct frame f;
	size_t used;
	const char *why;

	buf_init(&b, 4096);
	assert_true(frame_put(&b, MESSAGE_ORDER, UINT64_C(0x0102030405060708), "{}", 2));
	assert_int_equal(b.len, FRAME_HEADER + 2);
	assert_memory_equal(b.data, "\0\0\0\2\0\21\0\1\1\2\3\4\5\6\7\10{}", 18);
	for (size_t len = 0; len < b.len; len++) /* every truncation asks for more */
		assert_int_equal(frame_get(b.data, len, &f, &used, &why), FRAME_MORE);
	assert_int_equal(frame_get(b.data, b.len, &f, &used, &why), FRAME_WHOLE);
	assert_int_equal(used, b.len);
	assert_int_equal(f.type, MESSAGE_ORDER);
	assert_true(f.id == UINT64_C(0x0102030405060708));
	assert_int_equal(f.len, 2);
	assert_memory_equal(f.body, "{}", 2);
	buf_clear(&b);
}

static void test_put_refuses(void **state)
{
	(void)state;
	struct buf b;
	char *body = calloc(1, 5 * 1024 * 1024);

	buf_init(&b, 16 * 1024 * 1024);
	assert_false(frame_put(&b, 999, 1, "{}", 2));
	assert_false(frame_put(&b, MESSAGE_GO, 1, body, message_ceiling(MESSAGE_GO) + 1));
	assert_true(frame_put(&b, MESSAGE_GO, 1, body, message_ceiling(MESSAGE_GO)));
	buf_clear(&b);
	buf_init(&b, FRAME_HEADER + 1);
	assert_false(frame_put(&b, MESSAGE_GO, 1, "{}", 2));
	assert_int_equal(b.len, 0); /* nothing of it */
	buf_clear(&b);
	free(body);
}

static void test_get_refuses(void **state)
{
	(void)state;
	static const struct {
		uint32_t len;
		uint16_t type, version;
		enum frame_result result;
	} rows[] = {
	    {0, MESSAGE_STOP, MESSAGE_VERSION, FRAME_WHOLE},
	    {0, 0, MESSAGE_VERSION, FRAME_BAD},
	    {0, 8, MESSAGE_VERSION, FRAME_BAD},
	    {0, 65535, MESSAGE_VERSION, FRAME_BAD},
	    {0, MESSAGE_STOP, MESSAGE_VERSION + 1, FRAME_BAD},
	    {UINT32_MAX, MESSAGE_OBSERVED, MESSAGE_VERSION, FRAME_BAD},
	    {257, MESSAGE_GO, MESSAGE_VERSION, FRAME_BAD},
	    {256, MESSAGE_GO, MESSAGE_VERSION, FRAME_MORE},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b;
		struct frame f;
		size_t used;
		const char *why = NULL;
		buf_init(&b, 64);
		wire_put_u32(&b, rows[i].len);
		wire_put_u16(&b, rows[i].type);
		wire_put_u16(&b, rows[i].version);
		wire_put_u64(&b, 7);
		assert_int_equal(frame_get(b.data, b.len, &f, &used, &why), rows[i].result);
		assert_true((rows[i].result == FRAME_BAD) == (why != NULL));
		buf_clear(&b);
	}
}

static void test_every_type_has_a_name_and_a_ceiling(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 100; type++)
		assert_true((message_ceiling(type) > 0) ==
			    (strcmp(message_name(type), "unknown") != 0));
}

static void test_shapes_round_trip(void **state)
{
	(void)state;
	struct message_order order = {.kind = 2,
				      .subject = "mx.example.test",
				      .deadline_ms = 5000,
				      .ports = (const char *const[]){"25", "465"},
				      .n_ports = 2,
				      .dane = true};
	struct message_order back;
	struct buf b;
	struct error err;
	struct arena *a = arena_new();

	buf_init(&b, 4096);
	assert_true(shape_encode(&message_order_shape, &order, &b));
	assert_string_equal(
	    buf_str(&b), "{\"kind\":\"host\",\"subject\":\"mx.example.test\",\"deadline_ms\":5000,"
			 "\"ports\":[\"25\",\"465\"],\"dane\":true}");
	assert_int_equal(
	    shape_decode(&message_order_shape, SHAPE_STRICT, b.data, b.len, a, &back, &err), 0);
	assert_int_equal(back.n_ports, 2);
	assert_string_equal(back.ports[1], "465");
	const char *hostile = "{\"kind\":\"host\",\"subject\":\"x\",\"rm\":1}";
	assert_int_equal(shape_decode(&message_order_shape, SHAPE_STRICT, hostile, strlen(hostile),
				      a, &back, &err),
			 -1);
	buf_clear(&b);
	arena_free(a);
}

/* -- channels -- */

struct side {
	struct event_base *base;
	struct channel *c;
	unsigned frames, fds;
	uint64_t ids[2048];
	uint64_t fd_id;
	int fd;
	size_t last_len;
	const char *gone;
	unsigned free_after; /* free the channel in the callback of this many frames */
};

static void on_frame(struct channel *c, const struct frame *f, int fd, void *arg)
{
	struct side *s = arg;
	s->ids[s->frames++ % 2048] = f->id;
	s->last_len = f->len;
	if (fd >= 0) {
		if (s->fd >= 0)
			close(s->fd);
		s->fd = fd;
		s->fd_id = f->id;
		s->fds++;
	}
	if (s->frames == s->free_after) {
		channel_free(c);
		s->c = NULL;
		assert_true(f->len == 0 || f->body[0] == '{'); /* the frame outlives its channel */
	}
}

static void on_gone(struct channel *c, const char *why, void *arg)
{
	struct side *s = arg;
	assert_null(s->gone);
	s->gone = strdup(why);
	channel_free(c);
	s->c = NULL;
}

static void open_pair(struct side *a, struct side *b, int raw[2])
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	struct event_base *base = event_base_new();
	*a = (struct side){.base = base, .fd = -1};
	*b = (struct side){.base = base, .fd = -1};
	if (raw != NULL) {
		raw[0] = fds[0];
		raw[1] = -1;
	} else {
		a->c = channel_new(base, fds[0], on_frame, on_gone, a);
	}
	b->c = channel_new(base, fds[1], on_frame, on_gone, b);
}

static void close_pair(struct side *a, struct side *b)
{
	channel_free(a->c);
	channel_free(b->c);
	if (b->fd >= 0)
		close(b->fd);
	free((void *)a->gone);
	free((void *)b->gone);
	event_base_free(a->base);
}

static void turn(struct side *s)
{
	event_base_loop(s->base, EVLOOP_NONBLOCK);
}

static void test_batch(void **state)
{
	(void)state;
	struct side a, b;
	open_pair(&a, &b, NULL);
	for (uint64_t id = 0; id < 1000; id++)
		channel_send(a.c, MESSAGE_GO, id, "{}", 2);
	assert_int_equal(channel_pending(a.c), 1000 * 18);
	turn(&a);
	turn(&a);
	assert_int_equal(b.frames, 1000);
	for (uint64_t id = 0; id < 1000; id++)
		assert_true(b.ids[id] == id);
	assert_int_equal(channel_pending(a.c), 0);
	close_pair(&a, &b);
}

static void test_large_frames(void **state)
{
	(void)state;
	struct side a, b;
	size_t len = message_ceiling(MESSAGE_ANSWER);
	char *body = calloc(1, len);
	body[0] = '{';
	open_pair(&a, &b, NULL);
	channel_send(a.c, MESSAGE_ANSWER, 1, body, len);
	channel_send(a.c, MESSAGE_ANSWER, 2, body, len);
	channel_send(a.c, MESSAGE_GO, 3, "{}", 2);
	while (b.frames < 3)
		event_base_loop(a.base, EVLOOP_ONCE);
	assert_true(b.ids[2] == 3);
	free(body);
	close_pair(&a, &b);
}

/* The descriptor of frame 500 of 1000 arrives with frame 500. */
static void test_descriptors(void **state)
{
	(void)state;
	struct side a, b;
	struct message_peer peer = {.role = MESSAGE_ROLE_PROBER, .instance = 3};
	open_pair(&a, &b, NULL);
	for (uint64_t id = 0; id < 1000; id++) {
		if (id % 20 != 10) {
			channel_send(a.c, MESSAGE_GO, id, "{}", 2);
			continue;
		}
		int pipefd[2];
		assert_int_equal(pipe(pipefd), 0);
		assert_int_equal(write(pipefd[1], &id, sizeof(id)), sizeof(id));
		close(pipefd[1]);
		channel_send_fd(a.c, MESSAGE_PEER, id, &message_peer_shape, &peer, pipefd[0]);
		assert_int_equal(fcntl(pipefd[0], F_GETFD) & ~FD_CLOEXEC, 0); /* still ours */
	}
	uint64_t seen = 0;
	while (b.frames < 1000) {
		event_base_loop(a.base, EVLOOP_ONCE);
		if (b.fd >= 0 && b.fd_id != seen) {
			uint64_t id;
			assert_int_equal(read(b.fd, &id, sizeof(id)), sizeof(id));
			assert_true(id == b.fd_id);
			assert_true(fcntl(b.fd, F_GETFD) & FD_CLOEXEC);
			seen = id;
		}
	}
	assert_int_equal(b.fds, 50);
	assert_true(b.fd_id == 990);
	close_pair(&a, &b);
}

static void test_free_in_frame_callback(void **state)
{
	(void)state;
	struct side a, b;
	open_pair(&a, &b, NULL);
	b.free_after = 3;
	for (uint64_t id = 0; id < 10; id++)
		channel_send(a.c, MESSAGE_GO, id, "{}", 2);
	while (a.gone == NULL)
		event_base_loop(a.base, EVLOOP_ONCE);
	assert_int_equal(b.frames, 3);
	assert_string_equal(a.gone, "EOF");
	assert_null(b.gone);
	close_pair(&a, &b);
}

/* What was sent before the end is still handed over, then the end is told. */
static void test_end_after_data(void **state)
{
	(void)state;
	struct side a, b;
	open_pair(&a, &b, NULL);
	channel_send(a.c, MESSAGE_GO, 1, "{}", 2);
	channel_free(a.c); /* flushes */
	a.c = NULL;
	channel_send(b.c, MESSAGE_GO, 9, "{}", 2); /* nobody reads this: no SIGPIPE, no early end */
	while (b.gone == NULL)
		event_base_loop(b.base, EVLOOP_ONCE);
	assert_int_equal(b.frames, 1);
	assert_string_equal(b.gone, "EOF");
	close_pair(&a, &b);
}

static void test_protocol_faults(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
		bool end;
		const char *why;
	} rows[] = {
	    {"\0\0\0\0\0\6\0\2\0\0\0\0\0\0\0\0", 16, false, "frame of another version"},
	    {"\0\0\0\0\1\6\0\1\0\0\0\0\0\0\0\0", 16, false, "frame of an unknown type"},
	    {"\377\0\0\0\0\6\0\1\0\0\0\0\0\0\0\0", 16, false, "frame larger than its type allows"},
	    {"\0\0\0\2\0\6\0\1\0\0\0\0\0\0\0\0{", 17, true, "EOF inside a frame"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct side a, b;
		int raw[2];
		open_pair(&a, &b, raw);
		assert_int_equal(write(raw[0], rows[i].bytes, rows[i].len), rows[i].len);
		if (rows[i].end)
			close(raw[0]);
		while (b.gone == NULL)
			event_base_loop(b.base, EVLOOP_ONCE);
		assert_string_equal(b.gone, rows[i].why);
		assert_int_equal(b.frames, 0);
		if (!rows[i].end)
			close(raw[0]);
		close_pair(&a, &b);
	}
}

static void test_reader_that_sleeps(void **state)
{
	(void)state;
	struct side a, b;
	int raw[2];
	size_t len = 1024 * 1024;
	char *body = calloc(1, len);
	open_pair(&a, &b, raw);
	for (int i = 0; i < 70; i++)
		channel_send(b.c, MESSAGE_ANSWER, 1, body, len);
	assert_null(b.gone); /* never inside the send */
	while (b.gone == NULL)
		event_base_loop(b.base, EVLOOP_ONCE);
	assert_string_equal(b.gone, "the other side does not read");
	free(body);
	close(raw[0]);
	close_pair(&a, &b);
}

static void count_line(enum log_level level, const char *token, const char *line, void *arg)
{
	(void)token;
	(void)line;
	if (level == LOG_LEVEL_ERROR)
		++*(unsigned *)arg;
}

static void test_over_ceiling_is_said_and_not_sent(void **state)
{
	(void)state;
	struct side a, b;
	unsigned lines = 0;
	char big[600];
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	struct message_address address = {.address = big};
	open_pair(&a, &b, NULL);
	log_set_hook(count_line, &lines);
	channel_send_shape(a.c, MESSAGE_GO, 1, &message_address_shape, &address);
	log_set_hook(NULL, NULL);
	assert_int_equal(lines, 1);
	channel_send(a.c, MESSAGE_GO, 2, "{}", 2);
	while (b.frames == 0)
		event_base_loop(a.base, EVLOOP_ONCE);
	assert_true(b.ids[0] == 2);
	close_pair(&a, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_put_refuses),
	    cmocka_unit_test(test_get_refuses),
	    cmocka_unit_test(test_every_type_has_a_name_and_a_ceiling),
	    cmocka_unit_test(test_shapes_round_trip),
	    cmocka_unit_test(test_batch),
	    cmocka_unit_test(test_large_frames),
	    cmocka_unit_test(test_descriptors),
	    cmocka_unit_test(test_free_in_frame_callback),
	    cmocka_unit_test(test_end_after_data),
	    cmocka_unit_test(test_protocol_faults),
	    cmocka_unit_test(test_reader_that_sleeps),
	    cmocka_unit_test(test_over_ceiling_is_said_and_not_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
