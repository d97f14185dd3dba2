/* SPDX-License-Identifier: ISC
 *
 * The engine's end of a prober, for `make bench`: hands the real prober orders for COUNT hosts
 * of the responder, IN-FLIGHT at a time, opens every gate, counts what comes back, and prints
 * what the prober used.
 *
 *     drive PROBER SMTP-PORT DNS-PORT ROOT.pem COUNT IN-FLIGHT HOSTS KIND
 *
 * HOSTS is the number of distinct hosts (a repeat meets a remembered chain).  KIND is h, or
 * d for hosts that have every DNS record asked for but no address to talk to, or t: IN-FLIGHT
 * hosts are probed again and again while COUNT others, one each 5 ms, wait at a gate that never
 * opens for their deadline, and it prints how late the prober's timers were.  With COUNT 0 it opens
 * IN-FLIGHT probes, waits until the peer holds them all, and prints the prober's resident memory
 * before and with them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "channel.h"
#include "err.h"
#include "message.h"
#include "observation.h"
#include "spawn.h"

static struct event_base *base;
static struct channel *prober;
static pid_t child;
static unsigned count, in_flight, hosts, ordered, observed, failed, granted;
static int port;
static long resident_before;
static bool hold;
static char name_kind;

#define TIMED	    30000 /* the first host that waits for its deadline, and its order */
#define DEADLINE_MS 1000
#define ENDS_MS	    750 /* what a probe makes of that deadline (probe/host.c, MARGIN_MS) */
static unsigned n_timed, n_late;
static int64_t *late_ms;

static long resident_kib(void)
{
	char path[64], line[256];
	long kib = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)child);
	FILE *f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "VmRSS: %ld", &kib);
	if (f != NULL)
		fclose(f);
	return kib;
}

static void order_host(uint64_t id, char kind, unsigned number, int64_t deadline_ms)
{
	char name[64];
	const char *const ports[] = {"25"};
	snprintf(name, sizeof(name), "%c%u.bench.test", kind, number);
	struct message_order o = {
	    .kind = OBS_KIND_HOST,
	    .subject = name,
	    .deadline_ms = deadline_ms,
	    .connect_ms = 60000,
	    .smtp_ms = 60000,
	    .ports = ports,
	    .n_ports = 1,
	    .dane = true,
	};
	channel_send_shape(prober, MESSAGE_ORDER, id, &message_order_shape, &o);
}

static void order(void)
{
	unsigned number = ordered++ % hosts;

	order_host(ordered, name_kind == 'd' ? 'd' : 'h', number, 120000);
}

static void order_timed(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	if (n_timed == count)
		return;
	order_host(TIMED + n_timed, 'h', TIMED + n_timed, DEADLINE_MS);
	n_timed++;
}

static void begin(void)
{
	resident_before = resident_kib();
	while (ordered < in_flight)
		order();
	if (name_kind == 't') {
		const struct timeval each = {0, 5000};
		event_add(event_new(base, -1, EV_PERSIST, order_timed, NULL), &each);
	}
}

static void finish(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	if (hold)
		printf("held %u resident_before_kib %ld resident_with_kib %ld\n", granted,
		       resident_before, resident_kib());
	event_base_loopbreak(base);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void took(const struct observation *o)
{
	late_ms[n_late++] = o->took_ms - ENDS_MS;
	if (n_late < count)
		return;
	qsort(late_ms, n_late, sizeof(*late_ms), by_size);
	printf("timers %u late_p50_ms %lld late_p99_ms %lld ", n_late,
	       (long long)late_ms[n_late / 2], (long long)late_ms[n_late * 99 / 100]);
	finish(-1, 0, NULL);
}

static void on_observed(const struct frame *f)
{
	struct arena *arena = arena_new();
	struct error err;
	struct observation *o = observation_decode(f->body, f->len, SHAPE_STRICT, arena, &err);
	const struct obs_service *s = o && o->host->n_services ? &o->host->services[0] : NULL;
	if (o != NULL && f->id >= TIMED) {
		took(o);
		arena_free(arena);
		return;
	}
	if (s == NULL || (name_kind != 'd' && (s->tls == NULL || !s->tls->trusted)))
		failed++;
	if (failed == 1 && observed + 1 == failed)
		fprintf(stderr, "drive: %.*s\n", (int)f->len, f->body);
	arena_free(arena);
	if (++observed == count && name_kind != 't')
		finish(-1, 0, NULL);
	else if (ordered < count || name_kind == 't')
		order();
}

/* Whether a host waits here for its deadline: hN has the address 127.1.x.y. */
static bool is_timed(const struct frame *f)
{
	struct arena *arena = arena_new();
	struct message_address m = {NULL};
	struct error err;
	unsigned high = 0, low = 0;

	shape_decode(&message_address_shape, SHAPE_STRICT, f->body, f->len, arena, &m, &err);
	if (m.address != NULL)
		sscanf(m.address, "127.1.%u.%u", &high, &low);
	arena_free(arena);
	return high * 256 + low >= TIMED;
}

static void on_frame(struct channel *c, const struct frame *f, int fd, void *arg)
{
	(void)fd;
	(void)arg;
	static bool ready;
	switch (f->type) {
	case MESSAGE_SELF: {
		if (!ready)
			begin();
		ready = true;
		break;
	}
	case MESSAGE_WANT:
		if (is_timed(f))
			break;
		channel_send(c, MESSAGE_GO, f->id, "{}", 2);
		if (++granted == in_flight && hold) {
			struct timeval settle = {3, 0};
			event_base_once(base, -1, EV_TIMEOUT, finish, NULL, &settle);
		}
		break;
	case MESSAGE_OBSERVED:
		on_observed(f);
		break;
	default:
		break;
	}
}

static void on_gone(struct channel *c, const char *why, void *arg)
{
	(void)c;
	(void)arg;
	fprintf(stderr, "drive: the prober is gone: %s\n", why);
	exit(1);
}

int main(int argc, char **argv)
{
	int pair[2], life[2];
	struct error err;
	char dns[32];
	if (argc != 9)
		return 64;
	port = atoi(argv[2]);
	count = (unsigned)atoi(argv[5]);
	in_flight = (unsigned)atoi(argv[6]);
	hosts = (unsigned)atoi(argv[7]);
	name_kind = argv[8][0];
	hold = count == 0;
	late_ms = calloc(count + 1u, sizeof(*late_ms));
	if (!hold && in_flight > count)
		in_flight = count;
	const char *const child_argv[] = {argv[1], NULL};
	if (spawn_pair(pair, &err) != 0 || spawn_pair(life, &err) != 0)
		return 1;
	int fds[] = {pair[1], life[1]};
	child = spawn_program(argv[1], child_argv, fds, 2, NULL, &err);
	if (child < 0) {
		fprintf(stderr, "drive: %s\n", err.text);
		return 1;
	}
	close(pair[1]);
	close(life[1]);
	base = event_base_new();
	prober = channel_new(base, pair[0], on_frame, on_gone, NULL);
	snprintf(dns, sizeof(dns), "127.0.0.1:%s", argv[3]);
	const char *const upstreams[] = {dns};
	struct message_setup setup = {
	    .upstreams = upstreams,
	    .n_upstreams = 1,
	    .resolver_timeout_ms = 5000,
	    .ca_file = argv[4],
	    .helo = "bench.test",
	    .ipv6_off = true,
	    .concurrency = 10000,
	    .port_smtp = port,
	    .port_https = 443,
	    .allow_private = true,
	};
	channel_send_shape(prober, MESSAGE_SETUP, 0, &message_setup_shape, &setup);
	event_base_dispatch(base);
	long resident = resident_kib();
	channel_free(prober);
	close(life[0]);
	int status;
	struct rusage used;
	wait4(child, &status, 0, &used);
	if (!hold)
		printf("probes %u failed %u resident_kib %ld user_us %lld sys_us %lld\n", observed,
		       failed, resident,
		       (long long)used.ru_utime.tv_sec * 1000000 + used.ru_utime.tv_usec,
		       (long long)used.ru_stime.tv_sec * 1000000 + used.ru_stime.tv_usec);
	return failed == 0 ? 0 : 1;
}
