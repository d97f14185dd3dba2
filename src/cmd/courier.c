/* SPDX-License-Identifier: ISC
 *
 * The courier: one mail, then gone.  It reads a job from its channel until the end of the
 * stream, delivers, and writes the outcome (a message_sent) back.  Its starter kills it at a
 * deadline; an end without an outcome means "try again".
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "arena.h"
#include "buf.h"
#include "log.h"
#include "mailer.h"
#include "sandbox.h"
#include "spawn.h"

static bool read_all(int fd, struct buf *in)
{
	char chunk[16384];
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n == 0)
			return !in->truncated;
		if (n > 0)
			buf_add(in, chunk, (size_t)n);
		else if (errno != EINTR)
			return false;
	}
}

static void done(const struct message_sent *sent)
{
	struct buf out;
	buf_init(&out, 65536);
	shape_encode(&message_sent_shape, sent, &out);
	ssize_t n = write(SPAWN_CHANNEL, buf_str(&out), out.len);
	_exit(n == (ssize_t)out.len ? 0 : 1);
}

int main(void)
{
	int fd = spawn_begin("courier");
	struct arena *arena = arena_new();
	struct mailer_job job;
	struct error err;
	struct buf in;
	buf_init(&in, MAILER_JOB_MAX);
	if (!read_all(fd, &in))
		log_fatal("job", "the job did not arrive whole");
	if (shape_decode(&mailer_job_shape, SHAPE_STRICT, buf_str(&in), in.len, arena, &job,
			 &err) != 0)
		log_fatal("job", "%s", err.text);
	const char *const readable[] = {job.ca_file, NULL};
	sandbox_enter(SANDBOX_COURIER, &(struct sandbox_config){.read = readable});
	mailer_send(&job, done);
}
