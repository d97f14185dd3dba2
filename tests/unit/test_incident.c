/* SPDX-License-Identifier: ISC
 *
 * When a problem is believed, when it is over, and who speaks, in simulated time.  A script
 * plays one probe after another; the catalogue and the judgement are stood in for, so that the
 * rules stand alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "check.h"
#include "incident.h"

/* -- stand-ins ---------------------------------------------------------------------------- */

static const struct check catalogue[] = {
    {.id = "mx.present"},
    {.id = "mx.dnssec", .critical_event = "dnssec.bogus"},
    {.id = "smtp.connect", .event = "host.unreachable"},
    {.id = "tls.starttls", .event = "starttls.lost", .parent = "smtp.connect"},
    {.id = "tls.cert.trusted", .parent = "delivery.sender_view"},
    {.id = "tls.cert.validity", .event = "cert.expired", .parent = "delivery.sender_view"},
    {.id = "tls.cert.expiry", .event = "cert.expiring", .parent = "tls.cert.validity"},
    {.id = "mta_sts.mx_tls", .parent = "delivery.sender_view"},
    {.id = "delivery.sender_view", .parent = "smtp.connect"},
};

const struct check *check_find(const char *id)
{
	for (size_t i = 0; i < sizeof(catalogue) / sizeof(catalogue[0]); i++)
		if (strcmp(catalogue[i].id, id) == 0)
			return &catalogue[i];
	return NULL;
}

const char *check_event(const struct check *c, bool critical)
{
	if (critical && c->critical_event)
		return c->critical_event;
	return c->event ? c->event : c->id;
}

static bool leads_to_mx1 = true;

struct eval_host *eval_hosts(const struct observation *domain, const struct conf_domain *conf,
			     struct arena *arena, size_t *n)
{
	struct eval_host *h = arena_alloc(arena, sizeof(*h));
	(void)domain;
	(void)conf;
	h->name = "mx1.a.test";
	*n = leads_to_mx1 ? 1 : 0;
	return h;
}

/* -- a world in time ------------------------------------------------------------------------ */

struct row { /* owns its strings: rows outlive the arena of a judgement */
	struct problem p;
	char check[32], subject[64], host[32], mark[16], summary[64];
};

struct world {
	struct conf_settings settings;
	struct conf_domain conf;
	struct obs_domain d;
	struct obs_host h;
	struct obs_service v4;
	struct observation domain, host;
	struct findings findings;
	struct row rows[32], before[32];
	size_t n_rows;
	bool baseline, first_look;
	int64_t last_incident;
	struct buf steps; /* "opened smtp.connect critical; ..." of the last judgement */
	struct incident_result result;
	struct arena *arena;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	leads_to_mx1 = true;
	w->settings = (struct conf_settings){.confirm_fail = 3,
					     .confirm_ok = 2,
					     .confirm_retry_s = 120,
					     .unknown_after_s = 6 * 3600};
	w->conf = (struct conf_domain){.name = "a.test", .settings = &w->settings};
	w->d.mx.dns.status = OBS_DNS_ANSWER;
	w->h.a.dns.status = OBS_DNS_ANSWER;
	w->h.a.n = 1;
	w->h.aaaa.dns.status = OBS_DNS_NODATA;
	w->h.services = &w->v4;
	w->h.n_services = 1;
	w->v4 = (struct obs_service){.address = "192.0.2.1", .port = 25};
	w->domain = (struct observation){.kind = OBS_KIND_DOMAIN,
					 .subject = "a.test",
					 .at = 1000,
					 .vantage = {true, true},
					 .domain = &w->d};
	w->host = (struct observation){.kind = OBS_KIND_HOST,
				       .subject = "mx1.a.test",
				       .at = 1000,
				       .vantage = {true, true},
				       .host = &w->h};
	buf_init(&w->steps, 4096);
	findings_init(&w->findings);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	findings_clear(&w->findings);
	buf_clear(&w->steps);
	if (w->arena)
		arena_free(w->arena);
	free(w);
	return 0;
}

static struct finding *say(struct world *w, const char *id, const char *subject, const char *host,
			   enum finding_status status, bool definitive)
{
	struct finding *f = findings_add(&w->findings);

	f->id = id;
	f->subject = subject;
	f->host = host;
	f->status = status;
	f->severity = status == FINDING_FAIL   ? SEVERITY_CRITICAL
		      : status == FINDING_WARN ? SEVERITY_WARNING
					       : SEVERITY_NONE;
	f->definitive = definitive;
	f->summary = "so it is";
	return f;
}

static void keep(struct row *r, const struct problem *p)
{
	struct row new = {.p = *p};

	snprintf(new.check, sizeof(new.check), "%s", p->check);
	snprintf(new.subject, sizeof(new.subject), "%s", p->subject);
	snprintf(new.host, sizeof(new.host), "%s", p->host ? p->host : "");
	snprintf(new.mark, sizeof(new.mark), "%s", p->mark ? p->mark : "");
	*r = new;
	r->p.parent = NULL;
	r->p.domain = "a.test";
	r->p.check = r->check;
	r->p.subject = r->subject;
	r->p.host = p->host ? r->host : NULL;
	r->p.mark = p->mark ? r->mark : NULL;
	r->p.summary = "";
}

/* What the engine does with a result: incidents get numbers, rows are kept. */
static void apply(struct world *w)
{
	static const char *const kinds[] = {"opened", "raised",	 "explained", "closed",
					    "passed", "unknown", "known"};

	buf_reset(&w->steps);
	for (size_t i = 0; i < w->result.n_steps; i++) {
		const struct incident_step *s = &w->result.steps[i];
		if ((s->kind == INCIDENT_OPENED || s->kind == INCIDENT_UNKNOWN) &&
		    s->problem->incident == 0)
			s->problem->incident = ++w->last_incident;
		buf_printf(&w->steps, "%s%s %s%s", w->steps.len ? "; " : "", kinds[s->kind],
			   s->problem->check, s->problem->parent ? " (travels)" : "");
	}
	w->n_rows = 0;
	for (size_t i = 0; i < w->result.n_problems; i++) {
		struct problem *p = w->result.problems[i];
		if (w->result.over[i])
			continue;
		p->explained_by = incident_speaker(p) != p ? incident_speaker(p)->incident : 0;
		keep(&w->rows[w->n_rows++], p);
	}
}

/* Judge what was said and forget it; returns what happened. */
static const char *judge(struct world *w)
{
	const struct observation *hosts[] = {&w->host};
	struct problem rows[32];
	const bool first[] = {w->first_look};
	struct eval_input eval = {
	    .domain = &w->domain, .hosts = hosts, .n_hosts = 1, .conf = &w->conf};
	struct incident_input in = {.eval = &eval,
				    .findings = &w->findings,
				    .problems = rows,
				    .n_problems = w->n_rows,
				    .baseline = w->baseline,
				    .first_look = first};

	for (size_t i = 0; i < w->n_rows; i++)
		keep(&w->before[i], &w->rows[i].p);
	for (size_t i = 0; i < w->n_rows; i++)
		rows[i] = w->before[i].p;
	if (w->arena)
		arena_free(w->arena);
	w->arena = arena_new();
	incident_judge(&in, w->arena, &w->result);
	apply(w);
	findings_clear(&w->findings);
	findings_init(&w->findings);
	return buf_str(&w->steps);
}

#define MX "mx1.a.test"
#define V4 "mx1.a.test[192.0.2.1]:25"

static const char *connect_is(struct world *w, int64_t at, enum finding_status status)
{
	w->host.at = at;
	say(w, "smtp.connect", V4, MX, status, status != FINDING_FAIL);
	return judge(w);
}

static const struct problem *row(const struct world *w, const char *check)
{
	for (size_t i = 0; i < w->n_rows; i++)
		if (strcmp(w->rows[i].check, check) == 0)
			return &w->rows[i].p;
	return NULL;
}

/* -- confirmation ------------------------------------------------------------------------------ */

static void test_three_in_a_row(void **state)
{
	struct world *w = *state;

	assert_string_equal(connect_is(w, 1000, FINDING_PASS), "");
	assert_int_equal(w->n_rows, 0);
	assert_true(w->result.settled);
	assert_string_equal(connect_is(w, 2000, FINDING_FAIL), "");
	assert_false(w->result.settled);
	assert_int_equal(w->result.n_retry_hosts, 1);
	assert_string_equal(w->result.retry_hosts[0], MX);
	assert_false(w->result.retry_domain);
	assert_string_equal(connect_is(w, 2120, FINDING_FAIL), "");
	assert_string_equal(connect_is(w, 2240, FINDING_FAIL), "opened smtp.connect");
	assert_int_equal(row(w, "smtp.connect")->fails, 3);
	assert_int_equal(row(w, "smtp.connect")->since, 2000);
	assert_true(w->result.settled);
	assert_string_equal(connect_is(w, 6000, FINDING_FAIL), "");
	/* and two good ones end it */
	assert_string_equal(connect_is(w, 7000, FINDING_PASS), "");
	assert_int_equal(w->result.n_retry_hosts, 1);
	assert_string_equal(connect_is(w, 7120, FINDING_PASS), "closed smtp.connect");
	assert_int_equal(w->n_rows, 0);
}

static void test_the_same_probe_counts_once(void **state)
{
	struct world *w = *state;

	connect_is(w, 2000, FINDING_FAIL);
	connect_is(w, 2000, FINDING_FAIL); /* another domain had this one judged again */
	connect_is(w, 2000, FINDING_FAIL);
	connect_is(w, 2059, FINDING_FAIL); /* too near: within half of the retry */
	assert_int_equal(row(w, "smtp.connect")->fails, 1);
	connect_is(w, 2060, FINDING_FAIL);
	assert_int_equal(row(w, "smtp.connect")->fails, 2);
	/* the domain's own probes say nothing about the host */
	w->domain.at = 9000;
	connect_is(w, 2060, FINDING_FAIL);
	assert_int_equal(row(w, "smtp.connect")->fails, 2);
}

static void test_a_flap_pages_nobody(void **state)
{
	struct world *w = *state;

	connect_is(w, 2000, FINDING_FAIL);
	connect_is(w, 2120, FINDING_FAIL);
	assert_string_equal(connect_is(w, 2240, FINDING_PASS), "passed smtp.connect");
	assert_int_equal(w->n_rows, 0);
	/* the count starts anew */
	connect_is(w, 3000, FINDING_FAIL);
	assert_int_equal(row(w, "smtp.connect")->fails, 1);
}

static void test_one_bad_look_keeps_it_open(void **state)
{
	struct world *w = *state;

	for (int64_t at = 2000; at <= 2240; at += 120)
		connect_is(w, at, FINDING_FAIL);
	connect_is(w, 3000, FINDING_PASS);
	connect_is(w, 3120, FINDING_FAIL);
	assert_string_equal(connect_is(w, 3240, FINDING_PASS), "");
	assert_string_equal(connect_is(w, 3360, FINDING_PASS), "closed smtp.connect");
}

static void test_definitive_is_believed_at_once(void **state)
{
	struct world *w = *state;

	w->host.at = 2000;
	say(w, "tls.cert.trusted", V4, MX, FINDING_WARN, true);
	assert_string_equal(judge(w), "opened tls.cert.trusted");
	assert_int_equal(row(w, "tls.cert.trusted")->fails, 1);
}

/* The relay test is made once a day: the looks between repeat what it saw and confirm nothing. */
static void test_a_rare_test_counts_once(void **state)
{
	static const struct {
		int64_t at, seen_at;
		enum finding_status status;
		bool definitive;
		const char *happens;
	} looks[] = {
	    {1000, 1000, FINDING_FAIL, false, ""},
	    {2000, 1000, FINDING_FAIL, false, ""},
	    {3000, 1000, FINDING_FAIL, false, ""},
	    {4600, 1000, FINDING_FAIL, false, ""},
	    {4700, 4700, FINDING_FAIL, true, "opened smtp.open_relay"},
	    {5000, 4700, FINDING_FAIL, true, ""},
	    {91100, 91100, FINDING_PASS, true, "closed smtp.open_relay"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		w->host.at = looks[i].at;
		say(w, "smtp.open_relay", V4, MX, looks[i].status, looks[i].definitive)->seen_at =
		    looks[i].seen_at;
		assert_string_equal(judge(w), looks[i].happens);
		assert_int_equal(w->result.n_retry_hosts, 0);
		assert_int_equal(w->result.settled, i >= 4);
	}
}

static void test_severity_rises_and_falls(void **state)
{
	struct world *w = *state;

	say(w, "tls.cert.trusted", V4, MX, FINDING_WARN, true);
	judge(w);
	w->host.at += 3600;
	say(w, "tls.cert.trusted", V4, MX, FINDING_FAIL, true);
	assert_string_equal(judge(w), "raised tls.cert.trusted");
	w->host.at += 3600;
	say(w, "tls.cert.trusted", V4, MX, FINDING_WARN, true);
	assert_string_equal(judge(w), ""); /* does not resolve */
	assert_int_equal(row(w, "tls.cert.trusted")->severity, SEVERITY_WARNING);
	assert_int_equal(row(w, "tls.cert.trusted")->state, PROBLEM_OPEN);
}

static void test_an_info_severity_is_no_problem(void **state)
{
	struct world *w = *state;

	say(w, "tls.cert.trusted", V4, MX, FINDING_WARN, true)->severity = SEVERITY_INFO;
	assert_string_equal(judge(w), "");
	assert_int_equal(w->n_rows, 0);
}

/* -- unknown, skip, gone --------------------------------------------------------------------------
 */

static void test_unknown_keeps_the_state(void **state)
{
	struct world *w = *state;

	connect_is(w, 2000, FINDING_FAIL);
	assert_string_equal(connect_is(w, 2120, FINDING_UNKNOWN), "");
	assert_int_equal(w->result.n_retry_hosts, 0); /* no fast retries against a throttle */
	connect_is(w, 2240, FINDING_FAIL);
	assert_string_equal(connect_is(w, 2360, FINDING_FAIL), "opened smtp.connect");
	assert_string_equal(connect_is(w, 99000, FINDING_UNKNOWN),
			    ""); /* still open: said already */
	assert_int_equal(row(w, "smtp.connect")->state, PROBLEM_OPEN);
}

static void test_unknown_for_long_is_told_once(void **state)
{
	struct world *w = *state;

	assert_string_equal(connect_is(w, 1000, FINDING_UNKNOWN), "");
	assert_string_equal(connect_is(w, 1000 + 6 * 3600 - 1, FINDING_UNKNOWN), "");
	assert_string_equal(connect_is(w, 1000 + 6 * 3600, FINDING_UNKNOWN),
			    "unknown smtp.connect");
	assert_string_equal(connect_is(w, 1000 + 12 * 3600, FINDING_UNKNOWN), "");
	assert_string_equal(connect_is(w, 1000 + 13 * 3600, FINDING_PASS), "known smtp.connect");
	assert_int_equal(w->n_rows, 0);
}

static void test_our_own_fault_is_never_told_by_subject(void **state)
{
	struct world *w = *state;

	w->host.vantage.no_ipv4 = true;
	connect_is(w, 1000, FINDING_UNKNOWN);
	assert_int_equal(w->n_rows, 0);
	w->host.vantage = (struct obs_vantage){.resolver_answers = false};
	connect_is(w, 1000, FINDING_UNKNOWN);
	assert_int_equal(w->n_rows, 0);
}

static void test_skip(void **state)
{
	struct world *w = *state;

	say(w, "tls.cert.trusted", V4, MX, FINDING_WARN, true);
	judge(w);
	w->host.at += 3600;
	say(w, "tls.cert.trusted", V4, MX, FINDING_SKIP, false); /* could not get there */
	assert_string_equal(judge(w), "");
	w->host.at += 3600;
	say(w, "tls.cert.trusted", V4, MX, FINDING_SKIP, true); /* does not apply any more */
	assert_string_equal(judge(w), "closed tls.cert.trusted");
}

static void test_a_host_that_left(void **state)
{
	struct world *w = *state;

	say(w, "tls.cert.trusted", V4, MX, FINDING_WARN, true);
	judge(w);
	leads_to_mx1 = false;
	w->d.mx.dns.status = OBS_DNS_FAILED; /* we do not know where the mail goes */
	assert_string_equal(judge(w), "");
	w->d.mx.dns.status = OBS_DNS_NXDOMAIN; /* believed only when its own problem is */
	say(w, "mx.present", "a.test", NULL, FINDING_FAIL, false);
	assert_string_equal(judge(w), "");
	w->d.mx.dns.status = OBS_DNS_ANSWER;
	assert_string_equal(judge(w), "closed tls.cert.trusted; passed mx.present");
}

static void test_an_address_that_left(void **state)
{
	struct world *w = *state;
	struct obs_service other = {.address = "192.0.2.9", .port = 25};

	say(w, "tls.cert.trusted", V4, MX, FINDING_WARN, true);
	judge(w);
	w->h.services = &other;
	w->h.n_services = 1;
	w->h.aaaa.dns.status = OBS_DNS_FAILED; /* half of the truth is none */
	assert_string_equal(judge(w), "");
	w->h.aaaa.dns.status = OBS_DNS_NODATA;
	assert_string_equal(judge(w), "closed tls.cert.trusted");
}

/* -- incidents
 * ------------------------------------------------------------------------------------- */

static const char *expiry_is(struct world *w, const char *leaf, enum finding_status status)
{
	struct finding *f;

	w->host.at += 3600;
	f = say(w, "tls.cert.expiry", V4, MX, status, true);
	f->evidence = json_pack("{s:s}", "sha256", leaf);
	return judge(w);
}

static void test_each_certificate_has_its_own_incident(void **state)
{
	struct world *w = *state;

	assert_string_equal(expiry_is(w, "aa", FINDING_WARN), "opened tls.cert.expiry");
	assert_string_equal(expiry_is(w, "aa", FINDING_WARN), ""); /* each step once */
	assert_string_equal(expiry_is(w, "aa", FINDING_FAIL), "raised tls.cert.expiry");
	assert_string_equal(expiry_is(w, "bb", FINDING_WARN),
			    "closed tls.cert.expiry; opened tls.cert.expiry");
	assert_string_equal(row(w, "tls.cert.expiry")->mark, "bb");
	assert_string_equal(expiry_is(w, "cc", FINDING_PASS), "");
	assert_string_equal(expiry_is(w, "cc", FINDING_PASS), "closed tls.cert.expiry");
}

static void test_keys(void **state)
{
	struct arena *a = arena_new();
	struct problem p = {.domain = "a.test", .check = "smtp.connect", .subject = V4, .host = MX};
	(void)state;

	assert_string_equal(incident_key(&p, a), "host.unreachable|" V4);
	assert_string_equal(incident_unknown_key(&p, a), "unknown|" MX);
	p.check = "tls.cert.expiry";
	p.mark = "aa";
	assert_string_equal(incident_key(&p, a), "cert.expiring|mx1.a.test:25|aa");
	p.mark = NULL;
	p.check = "tls.cert.trusted";
	assert_string_equal(incident_key(&p, a), "tls.cert.trusted|mx1.a.test:25");
	p = (struct problem){.domain = "a.test", .check = "mx.present", .subject = "a.test"};
	assert_string_equal(incident_key(&p, a), "mx.present|a.test");
	p.check = "mx.dnssec"; /* insecure is not bogus */
	p.severity = SEVERITY_WARNING;
	assert_string_equal(incident_key(&p, a), "mx.dnssec|a.test");
	p.severity = SEVERITY_CRITICAL;
	assert_string_equal(incident_key(&p, a), "dnssec.bogus|a.test");
	arena_free(a);
}

static void test_baseline(void **state)
{
	struct world *w = *state;

	w->baseline = true;
	connect_is(w, 1000, FINDING_FAIL);
	w->baseline = false; /* confirmed later, and still there from the start */
	connect_is(w, 1120, FINDING_FAIL);
	connect_is(w, 1240, FINDING_FAIL);
	assert_true(row(w, "smtp.connect")->baseline);
	connect_is(w, 2000, FINDING_PASS);
	connect_is(w, 2120, FINDING_PASS);
	connect_is(w, 3000, FINDING_FAIL);
	assert_false(row(w, "smtp.connect")->baseline);
	/* the first deep look at a host is a first look too */
	w->first_look = true;
	say(w, "tls.starttls", V4, MX, FINDING_WARN, true);
	judge(w);
	assert_true(row(w, "tls.starttls")->baseline);
}

/* -- who speaks
 * ------------------------------------------------------------------------------------ */

static void say_certificate(struct world *w, enum finding_status validity, enum finding_status view)
{
	w->host.at += 3600;
	say(w, "tls.cert.validity", V4, MX, validity, true);
	say(w, "mta_sts.mx_tls", "a.test", NULL, validity, true);
	say(w, "delivery.sender_view", MX, MX, view, true);
}

static void test_one_page_for_what_senders_will_do(void **state)
{
	struct world *w = *state;
	int64_t speaker;

	say_certificate(w, FINDING_FAIL, FINDING_FAIL);
	/* the cause with a name of its own speaks, the rest travels */
	assert_string_equal(judge(w),
			    "opened tls.cert.validity; opened delivery.sender_view (travels); "
			    "opened mta_sts.mx_tls (travels)");
	speaker = row(w, "tls.cert.validity")->incident;
	assert_int_equal(row(w, "delivery.sender_view")->explained_by, speaker);
	assert_int_equal(row(w, "mta_sts.mx_tls")->explained_by, speaker);
	/* and stays so */
	say_certificate(w, FINDING_FAIL, FINDING_FAIL);
	assert_string_equal(judge(w), "");
	/* what is left when the speaker is over: the next cause speaks */
	w->host.at += 3600;
	w->domain.at = w->host.at;
	for (int i = 0; i < 2; i++) {
		w->host.at += 3600;
		say(w, "tls.cert.validity", V4, MX, FINDING_PASS, true);
		say(w, "mta_sts.mx_tls", "a.test", NULL, FINDING_FAIL, true);
		say(w, "delivery.sender_view", MX, MX, FINDING_FAIL, true);
		judge(w);
	}
	assert_string_equal(buf_str(&w->steps), "closed tls.cert.validity; opened mta_sts.mx_tls");
	assert_int_equal(row(w, "delivery.sender_view")->explained_by,
			 row(w, "mta_sts.mx_tls")->incident);
}

static void test_a_consequence_that_comes_later_is_no_news(void **state)
{
	struct world *w = *state;

	say_certificate(w, FINDING_FAIL, FINDING_PASS);
	judge(w);
	say_certificate(w, FINDING_FAIL, FINDING_FAIL);
	assert_string_equal(judge(w), "opened delivery.sender_view (travels)");
}

static void test_a_graver_consequence_speaks(void **state)
{
	struct world *w = *state;

	say_certificate(w, FINDING_WARN, FINDING_FAIL);
	assert_string_equal(judge(w),
			    "opened delivery.sender_view; opened mta_sts.mx_tls (travels); "
			    "opened tls.cert.validity (travels)");
}

static void test_a_parent_that_opens_takes_its_children_along(void **state)
{
	struct world *w = *state;

	say(w, "tls.starttls", V4, MX, FINDING_WARN, true);
	assert_string_equal(judge(w), "opened tls.starttls");
	w->host.at += 3600;
	say(w, "smtp.connect", V4, MX, FINDING_FAIL, true);
	say(w, "tls.starttls", V4, MX, FINDING_SKIP, false);
	assert_string_equal(judge(w), "opened smtp.connect; explained tls.starttls (travels)");
	for (int i = 0; i < 2; i++) {
		w->host.at += 3600;
		say(w, "smtp.connect", V4, MX, FINDING_PASS, true);
		say(w, "tls.starttls", V4, MX, FINDING_WARN, true);
		judge(w);
	}
	assert_string_equal(buf_str(&w->steps), "closed smtp.connect; opened tls.starttls");
}

static void test_another_address_explains_nothing(void **state)
{
	struct world *w = *state;

	say(w, "smtp.connect", "mx1.a.test[192.0.2.2]:25", MX, FINDING_FAIL, true);
	say(w, "tls.starttls", V4, MX, FINDING_WARN, true);
	assert_string_equal(judge(w), "opened smtp.connect; opened tls.starttls");
}

/* -- a year of flaps
 * ---------------------------------------------------------------------------------- */

/* A host that fails at random: whatever happens, openings and ends alternate, and no single or
 * double failure is ever told. */
static void test_random_weather(void **state)
{
	struct world *w = *state;
	uint64_t seed = 20261122;
	int run = 0;
	bool open = false;

	for (int64_t at = 100000; at < 100000 + 365 * 86400; at += 3600) {
		bool bad;
		const char *steps;
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		bad = (seed >> 40) % 100 < 30;
		run = bad ? run + 1 : 0;
		steps = connect_is(w, at, bad ? FINDING_FAIL : FINDING_PASS);
		if (strstr(steps, "opened")) {
			assert_false(open);
			assert_true(run >= 3);
			open = true;
		} else if (strstr(steps, "closed")) {
			assert_true(open);
			assert_int_equal(run, 0);
			open = false;
		}
		assert_true(!(run >= 3 && !open));
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_three_in_a_row),
	    T(test_the_same_probe_counts_once),
	    T(test_a_flap_pages_nobody),
	    T(test_one_bad_look_keeps_it_open),
	    T(test_definitive_is_believed_at_once),
	    T(test_a_rare_test_counts_once),
	    T(test_severity_rises_and_falls),
	    T(test_an_info_severity_is_no_problem),
	    T(test_unknown_keeps_the_state),
	    T(test_unknown_for_long_is_told_once),
	    T(test_our_own_fault_is_never_told_by_subject),
	    T(test_skip),
	    T(test_a_host_that_left),
	    T(test_an_address_that_left),
	    T(test_each_certificate_has_its_own_incident),
	    T(test_keys),
	    T(test_baseline),
	    T(test_one_page_for_what_senders_will_do),
	    T(test_a_consequence_that_comes_later_is_no_news),
	    T(test_a_graver_consequence_speaks),
	    T(test_a_parent_that_opens_takes_its_children_along),
	    T(test_another_address_explains_nothing),
	    T(test_random_weather),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
