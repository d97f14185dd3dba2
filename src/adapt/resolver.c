/* SPDX-License-Identifier: ISC
 *
 * A `question` is one (name, type): its waiters, and the last result while its TTL runs.  A
 * `resolver_query` is one waiter; it lies in its question's list until the result is there,
 * then in the resolver's ready list until the deferred event hands it over.
 *
 *     ask ─► cached? ─► ready
 *            else getdns: validated ─ SERVFAIL ─► again with checking disabled ─► BOGUS or FAILED
 *                     no reply ─► suspect: the self-test decides between their fault and ours
 *                     news of DNSSEC ─► suspect: believed by a self-test younger than the answer
 *
 * News is a verdict other than the last one about the same question: without AD, or bogus.  A
 * resolver restarted without its trust anchor, or with a wrong one, gives such answers for
 * every name; so none is believed on the word of an older self-test.
 *
 * getdns is never entered for a question while the self-test says that the resolver is down.
 */
#include "resolver.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "clock.h"
#include "conf.h"
#include "dns_message.h"
#include "log.h"
#include "mem.h"
#include "name.h"
#include "resolver_reply.h"
#include "resolver_stub.h"
#include "text.h"

#define CACHE_MAX	  65536
#define TIMEOUT_MS	  5000
#define TTL_CEILING_MS	  (3600 * 1000)
#define TTL_FLOOR_MS	  1000 /* below the shortest interval: each probe sees what changed since */
#define DENIAL_CEILING_MS (300 * 1000)
#define FAILURE_MS	  (2 * 1000)
#define BATCH		  128	       /* callbacks in one turn of the loop */
#define TEST_UP_MS	  (180 * 1000) /* next self-test */
#define TEST_DOWN_MS	  (3 * 1000)
#define TEST_PATIENCE_MS  (2 * 1000)
#define KEY_MAX		  (NAME_MAX_TEXT + 8)
#define BOGUS_CANARY	  "dnssec-failed.org" /* signed wrongly on purpose, for everybody's tests */

struct result {
	unsigned refs;
	struct arena *arena;
	struct resolver_answer answer;
	bool ad;
	bool unchecked; /* SERVFAIL, and an answer with checking disabled */
	int64_t stored_ms, until_ms;
};

struct question {
	struct resolver *r;
	char *key, *name; /* "15 example.test" */
	unsigned type;
	bool asking;		 /* getdns has it, or it is suspect */
	bool again;		 /* it was asked once more after a broken connection */
	bool timed_out;		 /* why it is suspect */
	struct result *servfail; /* while the question runs with checking disabled */
	struct result *news;	 /* why it is suspect */
	unsigned heard;		 /* the self-tests that had begun when the news came */
	struct result *result;	 /* NULL: nothing known */
	struct resolver_query *waiting;
	UT_hash_handle hh;
	struct question *prev, *next; /* oldest use first */
	struct question *suspect_prev, *suspect_next;
};

struct resolver_query {
	struct resolver *r;
	struct question *question; /* while waiting */
	struct result *result;	   /* when ready */
	resolver_cb *cb;
	void *arg;
	struct resolver_query *prev, *next;
};

enum test_step { TEST_IDLE, TEST_ROOT, TEST_CANARY };

struct test {		    /* one question of the self-test; outlives our patience with it */
	struct resolver *r; /* NULL: abandoned */
};

struct resolver {
	struct event_base *base;
	struct resolver_stub *stub;
	bool trusted; /* AD is believed of these upstreams */
	bool closing; /* every callback is the last one */
	char upstreams[256];
	struct question *table, *by_age, *suspects;
	size_t n_questions, cache_max;
	int64_t timeout_ms;
	struct resolver_query *ready;
	struct event *deliver;
	/* self-test */
	bool known, answers, validates; /* what the last one said */
	bool root_ad;			/* it came with AD, trusted or not */
	unsigned begun;
	bool broken;  /* a connection broke since the last one began */
	bool renewed; /* this test runs on connections of its own */
	enum test_step step;
	struct test *test;
	bool canary_done;
	struct event *test_timer, *patience;
	char test_text[256];
	resolver_self_cb *self_cb;
	void *self_arg;
};

/* -- results and questions ------------------------------------------------------------------ */

static struct result *result_new(void)
{
	struct result *x = mem_alloc(sizeof(*x));

	x->refs = 1;
	x->arena = arena_new();
	return x;
}

static void result_unref(struct result *x)
{
	if (x == NULL || --x->refs > 0)
		return;
	arena_free(x->arena);
	free(x);
}

static struct result *result_failed(int class, const char *text)
{
	struct result *x = result_new();

	resolver_reply_fail(&x->answer, OBS_DNS_FAILED, class, arena_strdup(x->arena, text));
	return x;
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
	return v < low ? low : v > high ? high : v;
}

static int64_t lifetime_ms(const struct obs_answer *head)
{
	if (head->status == OBS_DNS_ANSWER)
		return clamp(head->ttl_s * 1000, TTL_FLOOR_MS, TTL_CEILING_MS);
	if (head->status == OBS_DNS_NODATA || head->status == OBS_DNS_NXDOMAIN)
		return clamp(head->ttl_s * 1000, TTL_FLOOR_MS, DENIAL_CEILING_MS);
	return FAILURE_MS;
}

static void question_free(struct question *q)
{
	HASH_DEL(q->r->table, q);
	DL_DELETE(q->r->by_age, q);
	q->r->n_questions--;
	result_unref(q->result);
	result_unref(q->servfail);
	result_unref(q->news);
	free(q->key);
	free(q);
}

/* Forget the longest unused answers above the ceiling; questions being asked stay. */
static void cache_trim(struct resolver *r)
{
	struct question *q, *next;

	DL_FOREACH_SAFE(r->by_age, q, next)
	{
		if (r->n_questions < r->cache_max)
			return;
		if (!q->asking)
			question_free(q);
	}
}

static void cache_flush(struct resolver *r)
{
	struct question *q, *next;

	DL_FOREACH_SAFE(r->by_age, q, next)
	if (!q->asking)
		question_free(q);
}

static struct question *question_get(struct resolver *r, const char *name, unsigned type)
{
	char key[KEY_MAX];
	struct question *q;
	int len = snprintf(key, sizeof(key), "%u %s", type, name);

	HASH_FIND(hh, r->table, key, (size_t)len, q);
	if (q != NULL) {
		DL_DELETE(r->by_age, q);
		DL_APPEND(r->by_age, q);
		return q;
	}
	cache_trim(r);
	q = mem_alloc(sizeof(*q));
	q->r = r;
	q->type = type;
	q->key = mem_strdup(key);
	q->name = strchr(q->key, ' ') + 1;
	HASH_ADD_KEYPTR(hh, r->table, q->key, (size_t)len, q);
	DL_APPEND(r->by_age, q);
	r->n_questions++;
	return q;
}

/* -- handing over ----------------------------------------------------------------------------- */

static void query_ready(struct resolver_query *w, struct result *x)
{
	w->question = NULL;
	w->result = x;
	x->refs++;
	DL_APPEND(w->r->ready, w);
	event_active(w->r->deliver, EV_TIMEOUT, 0);
}

static void query_drop(struct resolver_query *w)
{
	if (w->question != NULL)
		DL_DELETE(w->question->waiting, w);
	else
		DL_DELETE(w->r->ready, w);
	result_unref(w->result);
	free(w);
}

/* What is left of the TTL at this moment, on a copy of the head. */
static void deliver_one(struct resolver *r)
{
	struct resolver_query *w = r->ready;
	struct result *x = w->result;
	struct resolver_answer answer = x->answer;
	int64_t gone_s = (clock_monotonic_ms() - x->stored_ms) / 1000;
	resolver_cb *cb = w->cb;
	void *arg = w->arg;

	answer.head.ttl_s = answer.head.ttl_s > gone_s ? answer.head.ttl_s - gone_s : 0;
	x->refs++;
	query_drop(w);
	cb(&answer, arg);
	result_unref(x);
}

static void on_deliver(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;

	(void)fd, (void)what;
	for (int i = 0; i < BATCH && r->ready != NULL; i++)
		deliver_one(r);
	if (r->ready != NULL)
		event_active(r->deliver, EV_TIMEOUT, 0);
}

/* The question is answered by x (taken). */
static void question_end(struct question *q, struct result *x)
{
	struct resolver_query *w, *next;

	x->stored_ms = clock_monotonic_ms();
	x->until_ms = x->stored_ms + lifetime_ms(&x->answer.head);
	result_unref(q->result);
	result_unref(q->servfail);
	result_unref(q->news);
	q->result = x;
	q->servfail = q->news = NULL;
	q->asking = q->again = false;
	DL_FOREACH_SAFE(q->waiting, w, next)
	{
		DL_DELETE(q->waiting, w);
		query_ready(w, x);
	}
}

/* -- asking ------------------------------------------------------------------------------------ */

static void question_ask(struct question *q);
static void test_now(struct resolver *r);

static void fail_local(struct question *q)
{
	question_end(q, result_failed(OBS_CLASS_LOCAL, q->r->test_text));
}

static void suspect(struct question *q)
{
	DL_APPEND2(q->r->suspects, q, suspect_prev, suspect_next);
	test_now(q->r);
}

/* No reply came.  Whose fault that is, a self-test that ends after this moment tells. */
static void question_suspect(struct question *q, bool timed_out)
{
	struct resolver *r = q->r;

	if (r->closing || (r->known && !r->answers)) {
		fail_local(q);
		return;
	}
	q->timed_out = timed_out;
	r->broken = r->broken || !timed_out;
	suspect(q);
}

static struct result *no_reply(const struct question *q)
{
	char text[96];

	if (!q->timed_out)
		return result_failed(OBS_CLASS_LOCAL,
				     "the connection to the resolver keeps breaking");
	snprintf(text, sizeof(text), "no answer within %d ms from a resolver that works",
		 (int)q->r->timeout_ms);
	return result_failed(OBS_CLASS_TIMEOUT, text);
}

static int verdict(const struct resolver *r, const struct result *x)
{
	if (!r->validates)
		return OBS_DNSSEC_UNKNOWN;
	if (x->unchecked)
		return OBS_DNSSEC_BOGUS;
	if (x->answer.head.status == OBS_DNS_FAILED)
		return OBS_DNSSEC_UNKNOWN;
	return x->ad ? OBS_DNSSEC_SECURE : OBS_DNSSEC_INSECURE;
}

static void question_believe(struct question *q, struct result *x)
{
	struct obs_answer *head = &x->answer.head;

	head->dnssec = verdict(q->r, x);
	if (head->dnssec == OBS_DNSSEC_BOGUS) {
		const char *why = head->ede > 0 ? resolver_reply_ede_text(head->ede, x->arena) : "";

		resolver_reply_fail(&x->answer, OBS_DNS_BOGUS, OBS_CLASS_DNS,
				    arena_printf(x->arena, "DNSSEC validation failed%s%s",
						 *why != '\0' ? ": " : "", why));
	}
	question_end(q, x);
}

static bool is_news(const struct question *q, const struct result *x)
{
	int is = verdict(q->r, x);

	if (is == OBS_DNSSEC_INSECURE || is == OBS_DNSSEC_BOGUS)
		return q->result == NULL || q->result->answer.head.dnssec != is;
	return x->ad && !q->r->root_ad; /* it may have come to validate */
}

static void question_answered(struct question *q, struct result *x)
{
	if (q->r->closing || !is_news(q, x)) {
		question_believe(q, x);
		return;
	}
	q->news = x;
	q->heard = q->r->begun;
	suspect(q);
}

static void judge_suspect(struct question *q)
{
	struct resolver *r = q->r;
	struct result *news = q->news;

	if (!r->answers) {
		fail_local(q);
	} else if (news != NULL && q->heard == r->begun) {
		suspect(q); /* this test began before the answer came */
	} else if (news != NULL) {
		q->news = NULL;
		question_believe(q, news);
	} else if (!q->timed_out && !q->again) {
		q->again = true;
		question_ask(q);
	} else {
		question_end(q, no_reply(q));
	}
}

static void judge_suspects(struct resolver *r)
{
	struct question *q, *next, *list = r->suspects;

	r->suspects = NULL;
	DL_FOREACH_SAFE2(list, q, next, suspect_next)
	judge_suspect(q);
}

static void question_reply(struct question *q, const void *wire, size_t len)
{
	struct result *x = result_new(), *servfail = q->servfail;
	struct resolver_reply reply;

	resolver_reply_read(&reply, wire, len, q->name, q->type, clock_now(), x->arena);
	x->answer = reply.answer;
	x->ad = reply.ad;
	if (servfail != NULL) {
		servfail->unchecked = x->answer.head.status != OBS_DNS_FAILED;
		result_unref(x);
		q->servfail = NULL;
		question_answered(q, servfail);
	} else if (reply.servfail && !q->r->closing) {
		q->servfail = x;
		question_ask(q);
	} else {
		question_answered(q, x);
	}
}

static void on_reply(enum resolver_stub_end end, const void *wire, size_t len, void *arg)
{
	struct question *q = arg;

	if (end == RESOLVER_STUB_REPLY)
		question_reply(q, wire, len);
	else
		question_suspect(q, end == RESOLVER_STUB_TIMEOUT);
}

static void question_ask(struct question *q)
{
	q->asking = true;
	resolver_stub_ask(q->r->stub, q->name, q->type,
			  q->servfail != NULL ? RESOLVER_STUB_UNCHECKED : 0, on_reply, q);
}

struct resolver_query *resolver_ask(struct resolver *r, const char *name, unsigned type, bool fresh,
				    resolver_cb *cb, void *arg)
{
	struct resolver_query *w = mem_alloc(sizeof(*w));
	char folded[NAME_MAX_TEXT] = ".";
	struct question *q;

	w->r = r;
	w->cb = cb;
	w->arg = arg;
	if ((strcmp(name, ".") != 0 && !name_fold(folded, name)) || r->closing) {
		struct result *x = result_failed(r->closing ? OBS_CLASS_LOCAL : OBS_CLASS_PROTOCOL,
						 r->closing ? "shutting down" : "not a host name");
		query_ready(w, x);
		result_unref(x);
		return w;
	}
	q = question_get(r, folded, type);
	if (!q->asking && !fresh && q->result != NULL &&
	    clock_monotonic_ms() < q->result->until_ms) {
		query_ready(w, q->result);
		return w;
	}
	w->question = q;
	DL_APPEND(q->waiting, w);
	if (q->asking)
		return w;
	if (r->known && !r->answers)
		fail_local(q);
	else
		question_ask(q);
	return w;
}

void resolver_cancel(struct resolver_query *q)
{
	if (q != NULL)
		query_drop(q);
}

/* -- the self-test ---------------------------------------------------------------------------- */

/* The test is over (or only this step of it: the canary's answer decides nothing else). */
static void test_end(struct resolver *r, bool answers, bool validates, const char *text)
{
	bool changed = !r->known || answers != r->answers || validates != r->validates;
	int64_t ms = answers ? TEST_UP_MS : TEST_DOWN_MS;
	struct timeval tv = {(time_t)(ms / 1000), 0};

	r->step = TEST_IDLE;
	r->known = true;
	r->answers = answers;
	r->validates = validates;
	text_copy(r->test_text, sizeof(r->test_text), text);
	evtimer_add(r->test_timer, &tv);
	if (changed)
		cache_flush(r);
	judge_suspects(r);
	if (changed && r->self_cb != NULL)
		r->self_cb(answers, validates, r->test_text, r->self_arg);
}

static void test_up(struct resolver *r, bool validates, const char *what)
{
	char text[sizeof(r->test_text)];

	snprintf(text, sizeof(text), "the resolver %.128s %s", r->upstreams, what);
	test_end(r, true, validates, text);
}

static void test_down(struct resolver *r, const char *why)
{
	char text[sizeof(r->test_text)];

	snprintf(text, sizeof(text), "the resolver %.128s is down: %.100s", r->upstreams, why);
	test_end(r, false, false, text);
}

static void test_ask(struct resolver *r, enum test_step step, const char *name, unsigned type);

static void test_root(struct resolver *r, const struct resolver_reply *reply)
{
	const struct obs_answer *head = &reply->answer.head;

	r->root_ad = reply->ad;
	if (head->status != OBS_DNS_ANSWER)
		test_down(r,
			  head->failure.text != NULL ? head->failure.text : "the root has no SOA");
	else if (!reply->ad)
		test_up(r, false, "does not validate DNSSEC; install unbound on this machine");
	else if (!r->trusted)
		test_up(r, false, "is not trusted with DNSSEC (resolver.trust_ad)");
	else if (!r->canary_done)
		test_ask(r, TEST_CANARY, BOGUS_CANARY, DNS_A);
	else
		test_up(r, true, "answers and validates");
}

/* Only an answer speaks against the resolver: the name may be out of reach. */
static void test_canary(struct resolver *r, const struct resolver_reply *reply)
{
	r->canary_done = reply == NULL || reply->answer.head.status != OBS_DNS_ANSWER;
	if (r->canary_done)
		test_up(r, true, "answers and validates");
	else
		test_up(r, false, "takes bogus signatures for good (" BOGUS_CANARY ")");
}

static void test_reply(struct resolver *r, const void *wire, size_t len, const char *why_not)
{
	bool root = r->step == TEST_ROOT;
	struct arena *arena = arena_new();
	struct resolver_reply reply;

	evtimer_del(r->patience);
	if (wire != NULL)
		resolver_reply_read(&reply, wire, len, root ? "." : BOGUS_CANARY,
				    root ? DNS_SOA : DNS_A, clock_now(), arena);
	if (!root)
		test_canary(r, wire != NULL ? &reply : NULL);
	else if (wire != NULL)
		test_root(r, &reply);
	else
		test_down(r, why_not);
	arena_free(arena);
}

static void on_test_reply(enum resolver_stub_end end, const void *wire, size_t len, void *arg)
{
	struct test *t = arg;
	struct resolver *r = t->r;

	free(t);
	if (r == NULL || r->closing)
		return;
	r->test = NULL;
	r->broken = end == RESOLVER_STUB_BROKEN;
	if (r->broken && !r->renewed && r->step == TEST_ROOT) {
		evtimer_del(r->patience);
		r->step = TEST_IDLE;
		test_now(r);
		return;
	}
	test_reply(r, wire, len, r->broken ? "no connection" : "no answer");
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;

	(void)fd, (void)what;
	r->test->r = NULL;
	r->test = NULL;
	test_reply(r, NULL, 0, "no answer");
}

static void test_ask(struct resolver *r, enum test_step step, const char *name, unsigned type)
{
	static const struct timeval patience = {TEST_PATIENCE_MS / 1000, 0};

	r->step = step;
	r->test = mem_alloc(sizeof(*r->test));
	r->test->r = r;
	evtimer_add(r->patience, &patience);
	resolver_stub_ask(r->stub, name, type, RESOLVER_STUB_URGENT, on_test_reply, r->test);
}

/* A broken connection is no verdict on the resolver: the test begins on a new one. */
static void on_test_timer(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;
	struct error err;

	(void)fd, (void)what;
	if (r->step != TEST_IDLE)
		return;
	r->renewed = r->broken;
	if (r->broken && resolver_stub_reconnect(r->stub, &err) != 0)
		log_warning("resolver", "%s", err.text);
	r->broken = false;
	r->begun++;
	test_ask(r, TEST_ROOT, ".", DNS_SOA);
}

/* From the loop: the caller may be inside a callback of the stub. */
static void test_now(struct resolver *r)
{
	static const struct timeval now = {0, 0};

	if (r->step == TEST_IDLE)
		evtimer_add(r->test_timer, &now);
}

void resolver_self_test(struct resolver *r, resolver_self_cb *cb, void *arg)
{
	r->self_cb = cb;
	r->self_arg = arg;
	test_now(r);
}

/* -- birth and death -------------------------------------------------------------------------- */

static struct event *timer_new(struct resolver *r, event_callback_fn fn)
{
	return evtimer_new(r->base, fn, r);
}

static void name_upstreams(struct resolver *r, const struct resolver_config *config)
{
	size_t used = 0;

	for (size_t i = 0; i < config->n_upstreams && used < sizeof(r->upstreams); i++)
		used += (size_t)snprintf(r->upstreams + used, sizeof(r->upstreams) - used, "%s%s",
					 i > 0 ? ", " : "", config->upstreams[i]);
}

struct resolver *resolver_new(struct event_base *base, const struct resolver_config *config,
			      struct error *err)
{
	struct resolver *r = mem_alloc(sizeof(*r));

	r->base = base;
	r->cache_max = config->cache_max > 0 ? config->cache_max : CACHE_MAX;
	r->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : TIMEOUT_MS;
	r->deliver = timer_new(r, on_deliver);
	r->test_timer = timer_new(r, on_test_timer);
	r->patience = timer_new(r, on_patience);
	r->stub =
	    resolver_stub_new(base, config->upstreams, config->n_upstreams, r->timeout_ms, err);
	if (r->stub == NULL) {
		resolver_free(r);
		return NULL;
	}
	name_upstreams(r, config);
	r->trusted =
	    config->trust_ad == CONF_TRUST_AD_ALWAYS ||
	    (config->trust_ad == CONF_TRUST_AD_LOOPBACK && resolver_stub_is_loopback(r->stub));
	return r;
}

void resolver_free(struct resolver *r)
{
	struct question *q, *next;

	if (r == NULL)
		return;
	r->closing = true;
	text_copy(r->test_text, sizeof(r->test_text), "shutting down");
	resolver_stub_free(r->stub); /* calls back whatever it still holds */
	DL_FOREACH_SAFE2(r->suspects, q, next, suspect_next)
	fail_local(q);
	while (r->ready != NULL)
		deliver_one(r);
	DL_FOREACH_SAFE(r->by_age, q, next)
	question_free(q);
	event_free(r->deliver);
	event_free(r->test_timer);
	event_free(r->patience);
	free(r);
}
