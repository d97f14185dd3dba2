/* SPDX-License-Identifier: ISC
 *
 * Simulated time for a whole program: linked into engine_sim beside the real engine, it
 * answers in place of the kernel's clocks, of epoll's waiting and of its dice.  Time passes
 * only where the program would sleep, and only as far as whoever drives it allows.
 *
 * The driver (simulation.py) holds the other end of the socket SIMULATED_FD.  When the program
 * has nothing left to do it says so, {monotonic ms, wall ms}, and waits for the answer {until ms,
 * shift ms}, with which all that the driver had to say meanwhile has arrived: time may run to
 * `until`, and the wall clock is moved by `shift` against it.  On its way there the program runs
 * by itself from timer to timer, but stops to ask as soon as it has written a frame.  So nothing
 * depends on the speed of either, and a seed means one course of events.
 *
 * SIMULATED_TIME=START:STEP:SEED: seconds since the epoch at which it begins; the least time in
 * ms that one sleep of more than a second lasts, which spares the watchdog's idle ticks; dice.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define STATUS 4 /* MESSAGE_STATUS: the watchdog's tick, nobody acts on it */

static struct {
	bool ready, wrote;
	int fd;
	int64_t now_ms, until_ms, wall_ms, step_ms; /* wall_ms: at now_ms 0 */
	uint64_t dice;
} sim = {.now_ms = 1000000, .until_ms = 1000000};

static void prepare(void)
{
	const char *fd = getenv("SIMULATED_FD"), *time = getenv("SIMULATED_TIME");
	long long start, step;
	unsigned long long seed;

	if (sim.ready)
		return;
	if (fd == NULL || time == NULL ||
	    sscanf(time, "%lld:%lld:%llu", &start, &step, &seed) != 3) {
		fprintf(stderr, "engine_sim is started by simulation.py\n");
		_exit(64);
	}
	sim.fd = atoi(fd);
	sim.wall_ms = start * 1000 - sim.now_ms;
	sim.step_ms = step;
	sim.dice = seed;
	sim.ready = true;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	int64_t ms;

	prepare();
	ms = clock == CLOCK_REALTIME ? sim.wall_ms + sim.now_ms : sim.now_ms;
	t->tv_sec = ms / 1000;
	t->tv_nsec = ms % 1000 * 1000000;
	return 0;
}

/* splitmix64 */
ssize_t getrandom(void *out, size_t len, unsigned flags)
{
	unsigned char *p = out;
	(void)flags;

	prepare();
	for (size_t i = 0; i < len; i++) {
		uint64_t z = sim.dice += 0x9e3779b97f4a7c15;
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
		p[i] = (unsigned char)((z ^ (z >> 31)) >> 24);
	}
	return (ssize_t)len;
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	const unsigned char *header = m->msg_iovlen > 0 ? m->msg_iov[0].iov_base : NULL;

	if (header && (m->msg_iov[0].iov_len < 6 || header[5] != STATUS))
		sim.wrote = true;
	return syscall(SYS_sendmsg, fd, m, flags);
}

static void leave(void)
{
	fprintf(stderr, "simulated time: nobody drives it any more\n");
	_exit(70);
}

static void ask(void)
{
	int64_t idle[2] = {sim.now_ms, sim.wall_ms + sim.now_ms}, answer[2];

	sim.wrote = false;
	if (write(sim.fd, idle, sizeof(idle)) != sizeof(idle) ||
	    read(sim.fd, answer, sizeof(answer)) != sizeof(answer))
		leave();
	sim.until_ms = answer[0];
	sim.wall_ms += answer[1];
}

static int look(int epoll, struct epoll_event *events, int max)
{
	return (int)syscall(SYS_epoll_pwait, epoll, events, max, 0, NULL, 8);
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms)
{
	int64_t due_ms = timeout_ms < 0 ? INT64_MAX : sim.now_ms + timeout_ms;
	int n;

	if (timeout_ms > 1000 && timeout_ms < sim.step_ms)
		due_ms = sim.now_ms + sim.step_ms;
	while ((n = look(epoll, events, max)) == 0 && timeout_ms != 0) {
		if (!sim.wrote && sim.now_ms < sim.until_ms) {
			sim.now_ms = due_ms < sim.until_ms ? due_ms : sim.until_ms;
			return 0;
		}
		ask();
	}
	return n;
}
