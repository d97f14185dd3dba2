/* SPDX-License-Identifier: ISC */
#include "incident.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "text.h"

struct judging {
	const struct incident_input *in;
	const struct conf_settings *settings;
	struct arena *arena;
	struct incident_result *out;
	const char **retry_hosts;
	size_t max_steps;
};

const char *incident_event(const struct problem *p)
{
	const struct check *c = check_find(p->check);

	return c ? check_event(c, p->severity >= SEVERITY_CRITICAL) : p->check;
}

/* "mx1.example.test:25" of "mx1.example.test[192.0.2.7]:25". */
static const char *host_and_port(const struct problem *p, struct arena *arena)
{
	const char *port = strrchr(p->subject, ']');

	return arena_printf(arena, "%s%s", p->host, port ? port + 1 : "");
}

const char *incident_key(const struct problem *p, struct arena *arena)
{
	const char *event = incident_event(p), *subject = p->subject;

	/* a host's certificate is one thing, on however many addresses it is served */
	if (p->host && text_starts(p->check, "tls.cert."))
		subject = host_and_port(p, arena);
	return p->mark ? arena_printf(arena, "%s|%s|%s", event, subject, p->mark)
		       : arena_printf(arena, "%s|%s", event, subject);
}

const char *incident_unknown_key(const struct problem *p, struct arena *arena)
{
	return arena_printf(arena, "unknown|%s", p->host ? p->host : p->domain);
}

/* -- sources ------------------------------------------------------------------- */

static const struct observation *source(const struct incident_input *in, const char *host)
{
	for (size_t i = 0; host && i < in->eval->n_hosts; i++)
		if (strcmp(in->eval->hosts[i]->subject, host) == 0)
			return in->eval->hosts[i];
	return in->eval->domain;
}

/* Whether an undetermined finding is undetermined through our own fault: told once for all
 * of them (monitor.blind, self.*), never subject by subject. */
static bool our_fault(const struct incident_input *in, const struct finding *f)
{
	const struct observation *o = source(in, f->host);
	const char *address = strchr(f->subject, '[');

	if (o->failure.class == OBS_CLASS_LOCAL || !o->vantage.resolver_answers)
		return true;
	if (!o->vantage.resolver_validates &&
	    (strstr(f->id, "dnssec") || text_starts(f->id, "dane.") ||
	     text_starts(f->id, "delivery.") || text_starts(f->id, "tls.cert.")))
		return true;
	if (o->vantage.no_ca && (strstr(f->id, ".trusted") || strstr(f->id, "policy.tls")))
		return true;
	if (address == NULL)
		return false;
	return memchr(address, ':', strcspn(address, "]")) ? o->vantage.no_ipv6
							   : o->vantage.no_ipv4;
}

/* -- subjects that are no more ------------------------------------------------- */

static bool determined(const struct obs_answer *a)
{
	return a->status == OBS_DNS_ANSWER || a->status == OBS_DNS_NODATA ||
	       a->status == OBS_DNS_NXDOMAIN;
}

static bool is_open(const struct incident_input *in, const char *check)
{
	for (size_t i = 0; i < in->n_problems; i++)
		if (in->problems[i].state == PROBLEM_OPEN &&
		    strcmp(in->problems[i].check, check) == 0)
			return true;
	return false;
}

/* Whether the domain certainly does not lead to this host any more.  That there is no MX at
 * all is believed once the problem it makes is open. */
static bool host_gone(const struct judging *j, const char *host)
{
	const struct eval_input *e = j->in->eval;
	const struct observation *d = e->domain;
	struct eval_host *hosts;
	size_t n;

	if (d->domain == NULL || d->failure.class != OBS_CLASS_NONE ||
	    !determined(&d->domain->mx.dns))
		return false;
	if (d->domain->mx.dns.status != OBS_DNS_ANSWER && !is_open(j->in, "mx.present") &&
	    findings_find(j->in->findings, "mx.present", d->subject) &&
	    findings_find(j->in->findings, "mx.present", d->subject)->status == FINDING_FAIL)
		return false;
	hosts = eval_hosts(d, e->conf, j->arena, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(hosts[i].name, host) == 0)
			return false;
	return true;
}

/* Whether the host certainly does not have this address any more. */
static bool address_gone(const struct judging *j, const struct problem *p)
{
	const struct observation *o = source(j->in, p->host);
	const char *address = strchr(p->subject, '[');
	const struct obs_host *h = o->host;

	if (address == NULL || h == NULL || o->failure.class != OBS_CLASS_NONE ||
	    !determined(&h->a.dns) || !determined(&h->aaaa.dns) || h->a.n + h->aaaa.n == 0)
		return false;
	for (size_t i = 0; i < h->n_services; i++) {
		const struct obs_service *s = &h->services[i];
		const char *subject =
		    arena_printf(j->arena, "[%s]:%lld", s->address, (long long)s->port);
		if (strcmp(subject, address) == 0)
			return false;
	}
	return true;
}

static bool subject_gone(const struct judging *j, const struct problem *p)
{
	const struct observation *d = j->in->eval->domain;

	if (p->host)
		return host_gone(j, p->host) || address_gone(j, p);
	return d->failure.class == OBS_CLASS_NONE && d->domain && determined(&d->domain->mx.dns);
}

/* -- who explains whom ------------------------------------------------------- */

/* What the others amount to; it never explains them, one of them speaks for it (below). */
static const char consequence[] = "delivery.sender_view";

static bool related(const struct problem *child, const struct problem *parent)
{
	const char *port = strrchr(child->subject, ']');

	if (parent->host == NULL)
		return true;
	if (child->host == NULL)
		return strcmp(parent->check, consequence) == 0;
	if (strcmp(child->host, parent->host) != 0)
		return false;
	if (strchr(parent->subject, '['))
		return strcmp(child->subject, parent->subject) == 0;
	/* a host's problem is about mail coming in */
	return port == NULL || strcmp(port, "]:25") == 0;
}

static bool is_ancestor(const char *check, const struct problem *p)
{
	const struct check *c = check_find(p->check);

	for (int depth = 0; c && c->parent && depth < 8; depth++) {
		if (strcmp(c->parent, check) == 0)
			return true;
		c = check_find(c->parent);
	}
	return false;
}

/* -- one finding and its row --------------------------------------------------- */

static void step(struct judging *j, enum incident_step_kind kind, struct problem *p,
		 const struct finding *f)
{
	j->out->steps[j->out->n_steps++] =
	    (struct incident_step){.kind = kind, .problem = p, .finding = f};
}

static void retry(struct judging *j, const struct problem *p)
{
	j->out->settled = false;
	if (p->host == NULL) {
		j->out->retry_domain = true;
		return;
	}
	for (size_t i = 0; i < j->out->n_retry_hosts; i++)
		if (strcmp(j->retry_hosts[i], p->host) == 0)
			return;
	j->retry_hosts[j->out->n_retry_hosts++] = p->host;
}

static bool is_bad(const struct finding *f)
{
	return (f->status == FINDING_WARN || f->status == FINDING_FAIL) &&
	       f->severity >= SEVERITY_WARNING;
}

/* The leaf certificate whose end a finding is about: each has its own incident. */
static const char *mark_of(const struct finding *f)
{
	static const char *const checks[] = {"tls.cert.expiry", "tls.cert.validity",
					     "mta_sts.cert_expiry", NULL};

	for (size_t i = 0; f->evidence && checks[i]; i++)
		if (strcmp(checks[i], f->id) == 0)
			return json_string_value(json_object_get(f->evidence, "sha256"));
	return NULL;
}

/* A rare test: one result of it stands in many observations. */
static bool is_rare(const struct finding *f)
{
	return f != NULL && f->seen_at != 0;
}

/* When the fact was seen; f is NULL when its subject is no more. */
static int64_t seen_at(const struct judging *j, const struct problem *p, const struct finding *f)
{
	return is_rare(f) ? f->seen_at : source(j->in, p->host)->at;
}

/* Whether the probe seen now is another one than the one counted last, and not too near.  One
 * from before that is one of after the clock was set back. */
static bool counts(const struct judging *j, const struct problem *p, int64_t at)
{
	int64_t apart = j->settings->confirm_retry_s / 2;

	return at < p->counted_at || p->counted_at == 0 ||
	       at >= p->counted_at + (apart > 0 ? apart : 1);
}

/* A host's first deep look is a first look too. */
static bool first_look(const struct incident_input *in, const char *host)
{
	for (size_t i = 0; host && in->first_look && i < in->eval->n_hosts; i++)
		if (strcmp(in->eval->hosts[i]->subject, host) == 0)
			return in->first_look[i];
	return false;
}

static void seen_bad(struct judging *j, struct problem *p, const struct finding *f)
{
	int64_t at = seen_at(j, p, f);
	const char *mark = mark_of(f);
	bool raised = (int)f->severity > p->severity;

	if (p->state == PROBLEM_WATCHED) {
		p->state = PROBLEM_SUSPECT;
		p->since = at;
		p->fails = 0;
		p->last_ok = j->in->judged_before;
		p->baseline = j->in->baseline || first_look(j->in, p->host);
		p->incident = 0;
	} else if (p->mark && mark && strcmp(p->mark, mark) != 0) {
		/* another certificate: the old one's incident is over, this one's begins */
		if (p->state == PROBLEM_OPEN) {
			struct problem *old = arena_alloc(j->arena, sizeof(*old));
			*old = *p;
			step(j, INCIDENT_CLOSED, old, f);
		}
		p->state = PROBLEM_SUSPECT;
		p->since = at;
		p->baseline = false;
		p->incident = p->explained_by = 0;
	}
	if (p->fails == 0 || counts(j, p, at)) {
		p->fails++;
		p->counted_at = at;
	}
	p->oks = 0;
	p->severity = f->severity;
	p->mark = mark;
	p->summary = f->summary;
	if (p->state == PROBLEM_OPEN) {
		if (raised)
			step(j, INCIDENT_RAISED, p, f);
	} else if (f->definitive || p->fails >= j->settings->confirm_fail) {
		p->state = PROBLEM_OPEN;
		step(j, INCIDENT_OPENED, p, f);
	} else if (!is_rare(f)) {
		retry(j, p);
	} else { /* the test has a schedule of its own */
		j->out->settled = false;
	}
}

/* Good sightings in a row that end it. */
static int64_t patience(const struct judging *j, const struct problem *p)
{
	int64_t ok = j->settings->confirm_ok;

	return p->before == 0 ? ok : p->before == 1 ? 4 * ok : 16 * ok;
}

/* True when the row has served. */
static bool seen_good(struct judging *j, struct problem *p, const struct finding *f, bool at_once)
{
	int64_t at = seen_at(j, p, f);

	if (p->state == PROBLEM_WATCHED)
		return true;
	if (p->state == PROBLEM_SUSPECT) {
		step(j, INCIDENT_PASSED, p, f);
		return true;
	}
	p->fails = 0;
	if (counts(j, p, at)) {
		p->oks++;
		p->counted_at = at;
	}
	if (at_once || is_rare(f) || p->oks >= patience(j, p)) {
		step(j, INCIDENT_CLOSED, p, f);
		return true;
	}
	retry(j, p);
	return false;
}

/* Another row says already why this cannot be seen: an open problem above it, or, of a domain,
 * that the host it is about cannot be seen either. */
static bool hidden(const struct judging *j, const struct problem *p)
{
	for (size_t i = 0; i < j->out->n_problems; i++) {
		const struct problem *r = j->out->problems[i];
		if (!is_ancestor(r->check, p))
			continue;
		if (r->state == PROBLEM_OPEN ? related(p, r)
					     : r->unknown_since != 0 && r->host && !p->host)
			return true;
	}
	return false;
}

/* True when there is nothing to remember. */
static bool seen_unknown(struct judging *j, struct problem *p, const struct finding *f)
{
	int64_t at = source(j->in, p->host)->at;

	if (p->state != PROBLEM_OPEN && our_fault(j->in, f))
		return p->state == PROBLEM_WATCHED && p->unknown_since == 0;
	if (p->state == PROBLEM_SUSPECT)
		j->out->settled = false;
	if (p->unknown_since == 0)
		p->unknown_since = at;
	if (p->state != PROBLEM_OPEN && !p->unknown_told && !hidden(j, p) &&
	    at - p->unknown_since >= j->settings->unknown_after_s) {
		p->state = PROBLEM_WATCHED;
		p->unknown_told = true;
		p->severity = SEVERITY_WARNING;
		p->since = p->unknown_since;
		p->summary = f->summary;
		step(j, INCIDENT_UNKNOWN, p, f);
	}
	return false;
}

/* Whether a decided finding ends a "cannot check". */
static void known_again(struct judging *j, struct problem *p, const struct finding *f)
{
	p->unknown_since = 0;
	if (p->unknown_told) {
		struct problem *old = arena_alloc(j->arena, sizeof(*old));
		*old = *p;
		p->unknown_told = false;
		step(j, INCIDENT_KNOWN, old, f);
	}
}

/* True when the row is over. */
static bool follow(struct judging *j, struct problem *p, const struct finding *f)
{
	if (f->status == FINDING_UNKNOWN)
		return seen_unknown(j, p, f);
	known_again(j, p, f);
	if (f->status == FINDING_SKIP && !f->definitive) {
		if (p->state == PROBLEM_SUSPECT)
			j->out->settled = false;
		return p->state == PROBLEM_WATCHED;
	}
	if (is_bad(f)) {
		seen_bad(j, p, f);
		return false;
	}
	return seen_good(j, p, f, f->status == FINDING_SKIP);
}

static struct problem *row_of(struct judging *j, const struct finding *f)
{
	for (size_t i = 0; i < j->out->n_problems; i++) {
		struct problem *p = j->out->problems[i];
		if (strcmp(p->check, f->id) == 0 && strcmp(p->subject, f->subject) == 0)
			return p;
	}
	return NULL;
}

static struct problem *new_row(struct judging *j, const struct finding *f)
{
	struct problem *p = arena_alloc(j->arena, sizeof(*p));

	p->domain = j->in->eval->domain->subject;
	p->check = f->id;
	p->subject = f->subject;
	p->host = f->host;
	return p;
}

/* -- what explains what -------------------------------------------------------- */

static bool opens_now(const struct incident_result *out, const struct problem *p)
{
	for (size_t i = 0; i < out->n_steps; i++)
		if (out->steps[i].problem == p && out->steps[i].kind == INCIDENT_OPENED)
			return true;
	return false;
}

static bool is_consequence(const struct problem *p)
{
	return strcmp(p->check, consequence) == 0;
}

/* The open ancestor nearest to p, or the row that has spoken for it so far. */
static const struct problem *explanation(const struct incident_result *out, const struct problem *p)
{
	const struct problem *nearest = NULL;

	for (size_t i = 0; i < out->n_problems; i++) {
		const struct problem *r = out->problems[i];
		if (out->over[i] || r == p || r->state != PROBLEM_OPEN)
			continue;
		if (p->explained_by != 0 && r->incident == p->explained_by && r->explained_by == 0)
			return r;
		if (!is_consequence(r) && is_ancestor(r->check, p) && related(p, r) &&
		    (nearest == NULL || is_ancestor(nearest->check, r)))
			nearest = r;
	}
	return nearest;
}

static bool has_name(const struct check *c)
{
	return c && (c->event || c->critical_event);
}

/* Whether a is the better spokesman: graver, told before, with a name of its own. */
static bool speaks_better(const struct incident_result *out, const struct problem *a,
			  const struct problem *b)
{
	const struct check *x = check_find(a->check), *y = check_find(b->check);

	if (a->severity != b->severity)
		return a->severity > b->severity;
	if (opens_now(out, a) != opens_now(out, b))
		return opens_now(out, b);
	if (has_name(x) != has_name(y))
		return has_name(x);
	return x < y; /* order of the table: from the network up */
}

/* One page for what senders will do and everything it follows from: the gravest cause speaks,
 * the others and the consequence itself travel with it. */
static void unite(struct incident_result *out, struct problem *view)
{
	struct problem *speaker = NULL;
	bool told = !opens_now(out, view) && view->explained_by == 0;

	for (size_t i = 0; i < out->n_problems; i++) {
		struct problem *r = out->problems[i];
		if (!out->over[i] && r != view && r->state == PROBLEM_OPEN && r->parent == NULL &&
		    (is_ancestor(consequence, r) ||
		     (is_ancestor(r->check, view) && opens_now(out, r))) &&
		    related(r, view) && (speaker == NULL || speaks_better(out, r, speaker)))
			speaker = r;
	}
	if (speaker == NULL)
		return;
	if (told || speaker->severity < view->severity)
		speaker = view;
	for (size_t i = 0; i < out->n_problems; i++) {
		struct problem *r = out->problems[i];
		if (!out->over[i] && r != speaker && r->state == PROBLEM_OPEN &&
		    r->parent == NULL && (opens_now(out, r) || r->explained_by != 0) &&
		    (r == view || (is_ancestor(consequence, r) && related(r, view))))
			r->parent = speaker;
	}
}

static void explain(struct judging *j)
{
	struct incident_result *out = j->out;

	for (size_t i = 0; i < out->n_problems; i++)
		if (!out->over[i] && out->problems[i]->state == PROBLEM_OPEN)
			out->problems[i]->parent = explanation(out, out->problems[i]);
	for (size_t i = 0; i < out->n_problems; i++) {
		struct problem *p = out->problems[i];
		if (!out->over[i] && p->state == PROBLEM_OPEN && is_consequence(p) &&
		    p->parent == NULL)
			unite(out, p);
	}
	for (size_t i = 0; i < out->n_problems; i++) {
		struct problem *p = out->problems[i];
		if (out->over[i] || p->state != PROBLEM_OPEN || opens_now(out, p))
			continue;
		if (p->parent && p->explained_by == 0)
			step(j, INCIDENT_EXPLAINED, p, NULL);
		else if (!p->parent && p->explained_by != 0)
			step(j, INCIDENT_OPENED, p,
			     findings_find(j->in->findings, p->check, p->subject));
	}
}

/* Who speaks for p in the end. */
const struct problem *incident_speaker(const struct problem *p)
{
	for (int n = 0; p->parent && n < 8; n++)
		p = p->parent;
	return p;
}

static int generation(const struct problem *p)
{
	int n = 0;

	for (; p->parent && n < 8; p = p->parent)
		n++;
	return n;
}

static int by_generation(const void *a, const void *b)
{
	const struct incident_step *x = a, *y = b;
	int d = generation(x->problem) - generation(y->problem);

	if (d != 0)
		return d;
	/* ends before beginnings, then the gravest first */
	if ((x->kind == INCIDENT_CLOSED) != (y->kind == INCIDENT_CLOSED))
		return x->kind == INCIDENT_CLOSED ? -1 : 1;
	if (x->problem->severity != y->problem->severity)
		return y->problem->severity - x->problem->severity;
	if (x->kind == INCIDENT_UNKNOWN && y->kind == INCIDENT_UNKNOWN) {
		/* the first speaks for all: what the others need */
		const struct check *this = check_find(x->problem->check);
		const struct check *that = check_find(y->problem->check);
		return (this > that) - (this < that);
	}
	return strcmp(x->problem->check, y->problem->check);
}

/* -- all of them --------------------------------------------------------------- */

static void follow_findings(struct judging *j)
{
	const struct findings *all = j->in->findings;
	struct incident_result *out = j->out;

	for (size_t i = 0; i < all->n; i++) {
		const struct finding *f = &all->item[i];
		struct problem *p = row_of(j, f);
		if (p == NULL) {
			if (!is_bad(f) && f->status != FINDING_UNKNOWN)
				continue;
			p = new_row(j, f);
			if (follow(j, p, f))
				continue;
			out->problems[out->n_problems++] = p;
		} else {
			for (size_t k = 0; k < out->n_problems; k++)
				if (out->problems[k] == p)
					out->over[k] = follow(j, p, f);
		}
	}
}

static void drop_gone(struct judging *j)
{
	struct incident_result *out = j->out;

	for (size_t i = 0; i < out->n_problems; i++) {
		struct problem *p = out->problems[i];
		if (findings_find(j->in->findings, p->check, p->subject))
			continue;
		if (!subject_gone(j, p)) {
			if (p->state == PROBLEM_SUSPECT)
				out->settled = false;
			continue;
		}
		known_again(j, p, NULL);
		out->over[i] = seen_good(j, p, NULL, true);
	}
}

void incident_judge(const struct incident_input *in, struct arena *arena,
		    struct incident_result *out)
{
	size_t most = in->n_problems + in->findings->n;
	struct judging j = {.in = in, .arena = arena, .out = out};

	memset(out, 0, sizeof(*out));
	j.settings = in->eval->conf->settings;
	out->settled = true;
	out->problems = arena_array(arena, most + 1, sizeof(struct problem *));
	out->over = arena_array(arena, most + 1, sizeof(bool));
	out->steps = arena_array(arena, 4 * most + 1, sizeof(struct incident_step));
	j.retry_hosts = arena_array(arena, most + 1, sizeof(char *));
	out->retry_hosts = j.retry_hosts;
	for (size_t i = 0; i < in->n_problems; i++) {
		out->problems[i] = arena_alloc(arena, sizeof(struct problem));
		*out->problems[i] = in->problems[i];
		out->problems[i]->parent = NULL;
		out->n_problems++;
	}
	drop_gone(&j);
	follow_findings(&j);
	explain(&j);
	qsort(out->steps, out->n_steps, sizeof(*out->steps), by_generation);
}
