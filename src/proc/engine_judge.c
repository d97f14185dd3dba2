/* SPDX-License-Identifier: ISC
 *
 * A domain judged: findings from its observation and its hosts', the grade, and what core/
 * incident makes of them, written as rows and told.
 */
#include <string.h>

#include "check.h"
#include "engine_parts.h"
#include "eval.h"
#include "grade.h"
#include "posture.h"
#include "text.h"

#define CLOCK_DOUBT_S (10 * 60) /* after the clock was set */
#define AHEAD_S	      (6 * 3600)
#define AHEAD_BACKLOG 16 /* with more domains waiting there is no time for it */

struct spoken { /* an incident that began in this judgement */
	const struct incident *incident;
	bool by_change; /* a change of this look made it */
};

struct judging {
	struct engine *e;
	uint32_t id;
	struct roster_subject *d;
	struct arena *arena;
	struct eval_input eval;
	struct findings findings;
	struct incident_result result;
	bool *first_look;
	struct spoken *spoken;
	size_t n_spoken;
	int64_t began;	/* incident of the gravest problem that began, 0 none */
	bool over;	/* some problem ended */
	bool unwatched; /* the domain left the configuration */
};

/* -- what is judged ------------------------------------------------------------ */

/* False while a first look is not complete: some host was never seen. */
static bool gather(struct judging *j)
{
	const struct observation **hosts =
	    arena_array(j->arena, j->d->n_links + 1, sizeof(struct observation *));

	j->first_look = arena_array(j->arena, j->d->n_links + 1, sizeof(bool));
	j->eval.domain = engine_observation(j->e, j->id);
	if (j->eval.domain == NULL)
		return false;
	for (uint32_t i = 0; i < j->d->n_links; i++) {
		uint32_t host = roster_links(j->d)[i].subject;
		struct observation *o = engine_observation(j->e, host);
		if (o == NULL && !j->d->baselined)
			return false;
		if (o == NULL)
			continue;
		j->first_look[j->eval.n_hosts] = roster_subject(j->e->roster, host)->first_sweep;
		hosts[j->eval.n_hosts++] = o;
	}
	j->eval.hosts = hosts;
	return true;
}

/* Since when the live id and the live body have been there: the run of equal ones, newest first. */
static void since(struct eval_history *h)
{
	for (size_t i = 0; i < h->n_policies; i++) {
		if (strcmp(h->policies[i].id, h->policies[0].id) != 0)
			break;
		h->id_since = h->policies[i].first;
	}
	for (size_t i = 0; i < h->n_policies; i++) {
		if (strcmp(h->policies[i].body, h->policies[0].body) != 0)
			break;
		h->body_since = h->policies[i].first;
	}
}

static const char *believed_name(const struct posture *p, const char *key, struct arena *arena)
{
	const struct fact *f = posture_get(p, key);
	size_t len = f && f->state == FACT_VALUE && f->value ? strlen(f->value) : 0;

	return len > 2 ? arena_strndup(arena, f->value + 1, len - 2) : NULL;
}

static void recall(struct judging *j)
{
	struct eval_history *h = arena_alloc(j->arena, sizeof(*h));
	struct posture posture;
	const char *text = store_posture(j->e->store, OBS_KIND_DOMAIN, j->d->name, j->arena);
	struct eval_cert_seen *all = NULL;
	struct error err;

	h->available = true;
	h->policies = store_policies(j->e->store, j->d->name, j->arena, &h->n_policies);
	since(h);
	for (uint32_t i = 0; i < j->d->n_links; i++) {
		const struct roster_subject *host =
		    roster_subject(j->e->roster, roster_links(j->d)[i].subject);
		size_t n;
		struct eval_cert_seen *seen = store_certs(j->e->store, host->name, j->arena, &n);
		struct eval_cert_seen *both =
		    arena_array(j->arena, h->n_certs + n + 1, sizeof(*both));
		if (h->n_certs)
			memcpy(both, all, h->n_certs * sizeof(*both));
		if (n)
			memcpy(both + h->n_certs, seen, n * sizeof(*both));
		all = both;
		h->n_certs += n;
		if (host->relay_accepted > h->relay_accepted_before)
			h->relay_accepted_before = host->relay_accepted;
	}
	h->certs = all;
	if (text && strstr(text, "mta_sts.delegation") &&
	    shape_decode(&posture_shape, SHAPE_LENIENT, text, strlen(text), j->arena, &posture,
			 &err) == 0) {
		h->cname_mta_sts_record =
		    believed_name(&posture, "mta_sts.delegation.record", j->arena);
		h->cname_mta_sts_host =
		    believed_name(&posture, "mta_sts.delegation.host", j->arena);
	}
	j->eval.history = h;
}

/* -- incidents ----------------------------------------------------------------- */

static int64_t stamp(const struct judging *j, const char *host)
{
	for (size_t i = 0; host && i < j->eval.n_hosts; i++)
		if (strcmp(j->eval.hosts[i]->subject, host) == 0)
			return j->eval.hosts[i]->at;
	return j->eval.domain->at;
}

static struct incident *new_incident(struct judging *j, const char *key, const struct problem *p,
				     const struct finding *f, bool unknown)
{
	struct incident *i = arena_alloc(j->arena, sizeof(*i));
	int64_t before;

	i->uid = engine_uid(j->arena);
	i->key = key;
	i->event = unknown ? p->check : incident_event(p);
	i->check = p->check;
	i->subject = !unknown ? p->subject : p->host ? p->host : p->domain;
	i->host = p->host;
	i->mark = p->mark;
	i->kind = NOTICE_PROBLEM;
	i->severity = p->severity;
	i->open = true;
	i->opened = j->eval.now;
	i->since = p->since;
	i->last_ok = p->last_ok;
	i->confirmed_by = p->fails > 0 ? p->fails : 1;
	i->summary =
	    unknown ? arena_printf(j->arena, "Cannot be checked: %s", p->summary) : p->summary;
	before = store_ended_lately(j->e->store, key, j->eval.now - INCIDENT_FLAP_S);
	if (before > 0)
		i->summary = arena_printf(j->arena, "%s (it comes and goes: %lld times in a day)",
					  i->summary, (long long)before + 1);
	if (f) {
		i->advice = f->advice;
		i->reference = f->reference;
		i->expected = f->expected ? f->expected : notice_expected(i->check);
		i->actual = f->actual ? f->actual : f->summary;
	}
	return i;
}

static struct incident *incident_for(struct judging *j, struct problem *p, const struct finding *f,
				     bool unknown)
{
	const char *key = unknown ? incident_unknown_key(p, j->arena) : incident_key(p, j->arena);
	struct incident *i = store_incident_by_key(j->e->store, key, j->arena);

	if (i == NULL) {
		i = new_incident(j, key, p, f, unknown);
		store_put_incident(j->e->store, i);
	}
	p->incident = i->id;
	store_join(j->e->store, i->id, p->domain, j->eval.now);
	return i;
}

static void opened(struct judging *j, const struct incident_step *s)
{
	struct problem *p = s->problem;
	struct incident *i =
	    p->incident ? store_incident(j->e->store, p->incident, j->arena) : NULL;

	if (i == NULL || !i->open)
		i = incident_for(j, p, s->finding, false);
	if (p->severity > i->severity) {
		i->severity = p->severity;
		i->summary = p->summary;
		store_put_incident(j->e->store, i);
	}
	if (j->began == 0 && !p->parent && !p->baseline)
		j->began = i->id;
	if (i->seq == 0 && !p->parent)
		ENGINE_LOG(j->e, "incident", "%s %s: %s%s", i->event, i->subject, i->summary,
			   p->baseline ? " (since the first look)" : "");
}

/* Several problems that one change of their subject made at once are one page, and so is the
 * same trouble on all addresses of a host. */
static bool told_together(struct judging *j, struct problem *p, const struct incident *i)
{
	for (size_t k = 0; k < j->n_spoken && i->seq == 0; k++) {
		const struct incident *o = j->spoken[k].incident;
		bool subject = j->spoken[k].by_change && strcmp(o->subject, p->subject) == 0;
		bool host = o->host && i->host && strcmp(o->host, i->host) == 0 &&
			    strcmp(o->event, i->event) == 0 && o->mark == NULL && i->mark == NULL;
		if (o->id == i->id || !(subject || host))
			continue;
		p->explained_by = o->id;
		store_put_problem(j->e->store, p);
		return true;
	}
	return false;
}

/* Tell what opened() made: by itself, or nothing, or with the rest of a first look. */
static void tell_opened(struct judging *j, struct problem *p)
{
	struct engine *e = j->e;
	struct incident *i = store_incident(e->store, p->incident, j->arena);

	if (i == NULL || p->parent)
		return;
	if (p->baseline && i->seq == 0 && i->initial == 0) {
		if (p->severity >= SEVERITY_CRITICAL) {
			i->quiet = false;
			engine_tell_initial(e, i);
		} else if (!i->quiet) {
			i->quiet = true;
			store_put_incident(e->store, i);
		}
		return;
	}
	if (told_together(j, p, i))
		return;
	j->spoken[j->n_spoken].by_change =
	    engine_absorb(e, i, p->subject, stamp(j, p->host), j->arena);
	j->spoken[j->n_spoken++].incident = i;
	if (i->seq == 0 && i->initial == 0)
		engine_tell_firing(e, i, NULL);
	else
		engine_tell_joined(e, i, p->domain);
}

static void raised(struct judging *j, const struct incident_step *s)
{
	struct incident *i = store_incident(j->e->store, s->problem->incident, j->arena);

	if (i == NULL || !i->open || s->problem->severity <= i->severity)
		return;
	i->severity = s->problem->severity;
	i->summary = s->problem->summary;
	i->quiet = false;
	i->acked = 0; /* what somebody knows of was less than this */
	i->acked_by = i->ack_reason = NULL;
	store_put_incident(j->e->store, i);
	ENGINE_LOG(j->e, "incident", "%s %s is graver: %s", i->event, i->subject, i->summary);
	if (s->problem->parent)
		return;
	engine_absorb(j->e, i, s->problem->subject, stamp(j, s->problem->host), j->arena);
	engine_tell_firing(j->e, i, NULL);
}

/* The domain's part in it is over, and the whole of it when nobody else is in. */
static void ended(struct judging *j, const struct problem *p)
{
	struct engine *e = j->e;
	struct incident *i = p->incident ? store_incident(e->store, p->incident, j->arena) : NULL;

	j->over = true;
	if (i == NULL || !i->open)
		return;
	if (!store_incident_held(e->store, i->id, p->domain))
		store_leave(e->store, i->id, p->domain, j->eval.now);
	if (store_incident_held(e->store, i->id, NULL))
		return;
	i->open = false;
	i->closed = j->eval.now;
	if (j->unwatched)
		i->summary = arena_printf(j->arena, "No longer watched: %s", i->summary);
	store_put_incident(e->store, i);
	ENGINE_LOG(j->e, "incident", "%s %s is over", i->event, i->subject);
	engine_tell_closed(e, i);
}

static void passed(struct judging *j, const struct problem *p)
{
	store_put_change(j->e->store, &(struct store_change){
					  .at = j->eval.now,
					  .kind = p->host ? OBS_KIND_HOST : OBS_KIND_DOMAIN,
					  .name = p->host ? p->host : p->domain,
					  .event = "flap",
					  .check = p->check,
					  .subject = p->subject,
					  .severity = SEVERITY_INFO,
					  .summary = p->summary,
				      });
}

static void save(struct judging *j)
{
	for (size_t i = 0; i < j->result.n_problems; i++) {
		struct problem *p = j->result.problems[i];
		const struct problem *speaker = incident_speaker(p);
		if (j->result.over[i]) {
			store_drop_problem(j->e->store, p);
			continue;
		}
		p->explained_by = speaker != p ? speaker->incident : 0;
		store_put_problem(j->e->store, p);
	}
}

/* Beginnings get their incidents, rows are written, then ends and what is to be told. */
static void apply(struct judging *j)
{
	const struct incident_step *steps = j->result.steps;
	size_t n = j->result.n_steps;

	j->spoken = arena_array(j->arena, n + 1, sizeof(*j->spoken));
	for (size_t i = 0; i < n; i++) {
		if (steps[i].kind == INCIDENT_OPENED)
			opened(j, &steps[i]);
		else if (steps[i].kind == INCIDENT_UNKNOWN)
			incident_for(j, steps[i].problem, steps[i].finding, true);
	}
	save(j);
	for (size_t i = 0; i < n; i++) {
		struct problem *p = steps[i].problem;
		struct incident *inc;
		switch (steps[i].kind) {
		case INCIDENT_CLOSED:
		case INCIDENT_KNOWN:
			ended(j, p);
			break;
		case INCIDENT_EXPLAINED:
			inc = store_incident(j->e->store, p->incident, j->arena);
			if (inc && inc->open && !store_incident_speaks(j->e->store, inc->id))
				engine_tell_withdrawn(j->e, inc);
			break;
		case INCIDENT_PASSED:
			passed(j, p);
			break;
		case INCIDENT_OPENED:
		case INCIDENT_UNKNOWN:
			tell_opened(j, p);
			break;
		case INCIDENT_RAISED:
			raised(j, &steps[i]);
			break;
		}
	}
}

/* -- the grade ----------------------------------------------------------------- */

static int rank(const char *letter)
{
	static const char *const order[] = {"A+", "A", "B", "C", "D", "F", NULL};

	for (int i = 0; order[i]; i++)
		if (strcmp(order[i], letter) == 0)
			return i;
	return -1;
}

static const char *quoted(struct judging *j, const char *letter)
{
	return arena_printf(j->arena, "\"%s\"", letter);
}

/* Whether some host was never looked at in depth: the grade may be worse than it seems. */
static bool seen_in_part(const struct judging *j)
{
	for (uint32_t i = 0; i < j->d->n_links; i++)
		if (roster_subject(j->e->roster, roster_links(j->d)[i].subject)->sweep == 0)
			return true;
	return false;
}

/* Believed once nothing it may rest on waits for confirmation or a first deep look, and no fall
 * for want of knowledge; told by itself only when no problem that began or ended says it better. */
static void believe_grade(struct judging *j)
{
	struct grade g = grade_of(&j->eval, &j->findings);
	struct change c = {.check = "grade", .subject = j->d->name};
	bool first = j->d->grade[0] == '\0' || !j->d->baselined, dropped;
	struct incident *began;

	if (g.letter == NULL || !j->result.settled || seen_in_part(j) ||
	    strcmp(g.letter, j->d->grade) == 0)
		return;
	dropped = rank(g.letter) > rank(j->d->grade);
	if (dropped && g.open)
		return;
	c.event = dropped ? "grade.dropped" : "grade.rose";
	c.severity = dropped ? SEVERITY_WARNING : SEVERITY_INFO;
	c.summary =
	    arena_printf(j->arena, "The grade of %s %s from %s to %s", j->d->name,
			 dropped ? "fell" : "rose", j->d->grade, g.rule ? g.rule : g.letter);
	c.before = quoted(j, j->d->grade);
	c.after = quoted(j, g.letter);
	text_copy(j->d->grade, sizeof(j->d->grade), g.letter);
	if (first)
		return;
	if (dropped && j->began != 0 &&
	    (began = store_incident(j->e->store, j->began, j->arena)) != NULL)
		engine_travel(j->e, began, c.event, j->arena);
	if ((dropped && j->began != 0) || (!dropped && j->over))
		engine_record_change(j->e, j->id, &c, j->eval.domain->at, NULL);
	else
		engine_tell_change(j->e, j->id, &c, j->eval.domain->at);
}

/* -- until when ---------------------------------------------------------------- */

static bool same_findings(const struct findings *a, const struct findings *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->item[i].id, b->item[i].id) != 0 ||
		    strcmp(a->item[i].subject, b->item[i].subject) != 0 ||
		    a->item[i].status != b->item[i].status ||
		    a->item[i].severity != b->item[i].severity)
			return false;
	return true;
}

static bool waits(const struct judging *j)
{
	for (size_t i = 0; i < j->result.n_problems; i++) {
		const struct problem *p = j->result.problems[i];
		if (!j->result.over[i] && p->unknown_since > 0 && !p->unknown_told)
			return true;
	}
	return !j->result.settled;
}

/* Time alone changes a judgement too: certificates run out, a grace ends.  When it says the same
 * a while ahead, equal facts need not be judged again until then. */
static void look_ahead(struct judging *j)
{
	struct eval_input later = j->eval;
	struct findings then;

	j->d->quiet_until = 0;
	if (waits(j) || j->e->queue_n > AHEAD_BACKLOG)
		return;
	later.now += AHEAD_S;
	findings_init(&then);
	eval(&later, &then);
	if (same_findings(&j->findings, &then))
		j->d->quiet_until = (uint32_t)later.now;
	findings_clear(&then);
}

/* -- one judgement ------------------------------------------------------------- */

static void schedule_retries(struct judging *j)
{
	if (j->result.retry_domain)
		engine_retry(j->e, j->id);
	for (size_t i = 0; i < j->result.n_retry_hosts; i++) {
		uint32_t host = roster_find(j->e->roster, OBS_KIND_HOST, j->result.retry_hosts[i]);
		if (host != ROSTER_NONE)
			engine_retry(j->e, host);
	}
}

static void judge(struct judging *j)
{
	struct incident_input in = {.eval = &j->eval, .findings = &j->findings};
	size_t n;

	recall(j);
	eval(&j->eval, &j->findings);
	in.problems = store_problems(j->e->store, j->d->name, j->arena, &n);
	in.n_problems = n;
	in.baseline = !j->d->baselined;
	in.first_look = j->first_look;
	in.judged_before = j->d->judged;
	incident_judge(&in, j->arena, &j->result);
	apply(j);
	believe_grade(j);
	schedule_retries(j);
	if (!j->d->baselined) {
		j->d->baselined = true;
		j->e->not_baselined--;
	}
	j->d->judged = j->eval.now;
	engine_put_subject(j->e, j->id);
	look_ahead(j);
	j->e->n_judged++;
	for (size_t i = 0; i < j->findings.n; i++)
		j->e->n_findings[j->findings.item[i].status]++;
}

void engine_judge(struct engine *e, uint32_t domain)
{
	struct judging j = {.e = e, .id = domain, .d = roster_subject(e->roster, domain)};

	j.arena = arena_new();
	j.eval.conf = j.d->conf;
	j.eval.submission = j.d->conf->settings->checks[CONF_CHECK_SUBMISSION] != CONF_OFF;
	j.eval.allow_private = e->conf->allow_private;
	j.eval.brief = true;
	j.eval.now = clock_now();
	j.eval.clock_step_s = j.eval.now - e->own.stepped < CLOCK_DOUBT_S ? e->own.step_s : 0;
	engine_touch(e, domain);
	findings_init(&j.findings);
	if (gather(&j))
		judge(&j);
	findings_clear(&j.findings);
	arena_free(j.arena);
}

void engine_unwatch(struct engine *e, const char *domain)
{
	struct arena *arena = arena_new();
	struct judging j = {.e = e, .arena = arena, .unwatched = true};
	size_t n;
	struct problem *p = store_problems(e->store, domain, arena, &n);

	j.eval.now = clock_now();
	for (size_t i = 0; i < n; i++)
		store_drop_problem(e->store, &p[i]);
	for (size_t i = 0; i < n; i++)
		ended(&j, &p[i]);
	arena_free(arena);
}
