/* SPDX-License-Identifier: ISC
 *
 * What a domain says of its mail, in the order a sender would ask: MX (RFC 5321 section 5.1),
 * MTA-STS (RFC 8461 section 3), TLS-RPT (RFC 8460 section 3), submission (RFC 6186, RFC 8314).
 * The four go side by side; each answer may ask the next question of its own.  The probe ends
 * when nothing is open any more, or at its deadline with what is known.
 */
#include "domain.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "dns_message.h"
#include "lookup.h"
#include "mem.h"
#include "policy.h"
#include "text.h"
#include "tls_rpt.h"

#define MAX_RUA	  16
#define MAX_URI	  2048
#define MARGIN_MS 250 /* of the deadline, to put the document together */

struct domain_probe {
	struct vantage *v;
	struct message_order order; /* strings borrowed */
	domain_done_cb *done;
	void *arg;
	struct arena *arena;
	struct observation *o;
	struct obs_domain *d;
	struct lookups *lookups;
	struct policy *policy; /* while it runs */
	struct event timer;
	int64_t began_ms, until_ms;
};

/* -- asking and ending
 * ----------------------------------------------------------------------------- */

static const char *below(const struct domain_probe *p, const char *labels)
{
	return arena_printf(p->arena, "%s.%s", labels, p->order.subject);
}

static void ask(struct domain_probe *p, const char *name, unsigned type, lookup_cb *cb,
		struct obs_answer *head, void *context)
{
	answer_pending(head);
	lookup_ask(p->lookups, name, type, cb, context);
}

static void end_if_idle(struct domain_probe *p)
{
	if (lookups_open(p->lookups) == 0 && p->policy == NULL)
		event_active(&p->timer, EV_TIMEOUT, 0);
}

static void names_answered(const struct resolver_answer *a, void *context, void *arg)
{
	struct domain_probe *p = arg;

	answer_names(a, OBS_MAX_ADDRESSES, p->arena, context);
	end_if_idle(p);
}

static void ask_addresses(struct domain_probe *p, const char *name, struct obs_names *a,
			  struct obs_names *aaaa)
{
	ask(p, name, DNS_A, names_answered, &a->dns, a);
	ask(p, name, DNS_AAAA, names_answered, &aaaa->dns, aaaa);
}

/* A name without the record: other names and types may still be there. */
static bool denied(const struct obs_answer *head)
{
	return head->status == OBS_DNS_NODATA || head->status == OBS_DNS_NXDOMAIN;
}

/* -- MX, or the addresses of an implicit one (RFC 5321 section 5.1)
 * --------------------------------- */

static void mx_answered(const struct resolver_answer *a, void *context, void *arg)
{
	struct domain_probe *p = arg;

	(void)context;
	answer_mx(a, p->arena, &p->d->mx);
	if (denied(&p->d->mx.dns))
		ask_addresses(p, p->order.subject, &p->d->a, &p->d->aaaa);
	end_if_idle(p);
}

/* -- MTA-STS: the record, and the policy whatever the record says
 * ------------------------------------ */

static void mta_sts_answered(const struct resolver_answer *a, void *context, void *arg)
{
	struct domain_probe *p = arg;

	(void)context;
	answer_txt(a, p->arena, &p->d->mta_sts);
	end_if_idle(p);
}

static void policy_done(void *arg)
{
	struct domain_probe *p = arg;

	p->policy = NULL;
	end_if_idle(p);
}

static void ask_mta_sts(struct domain_probe *p)
{
	const struct policy_params params = {
	    .domain = p->order.subject,
	    .connect_ms = p->order.connect_ms,
	    .document_ms = p->order.policy_ms,
	    .until_ms = p->until_ms,
	    .fresh = p->order.fresh,
	    .every_address = p->order.policy_addresses,
	};

	ask(p, below(p, "_mta-sts"), DNS_TXT, mta_sts_answered, &p->d->mta_sts.dns, NULL);
	p->policy = policy_start(p->v, &params, p->d, p->arena, policy_done, p);
}

/* -- TLS-RPT: the record, and where its reports would go
 * ---------------------------------------------- */

static void rua_mx_answered(const struct resolver_answer *a, void *context, void *arg)
{
	struct domain_probe *p = arg;
	struct obs_rua *rua = context;

	answer_mx(a, p->arena, &rua->mx);
	if (denied(&rua->mx.dns))
		ask_addresses(p, rua->target, &rua->a, &rua->aaaa);
	end_if_idle(p);
}

static void ask_destination(struct domain_probe *p, const char *uri)
{
	const char *target = tls_rpt_rua_target(uri, p->arena);
	struct obs_rua *rua;

	if (target == NULL || p->d->n_rua == MAX_RUA || strlen(uri) > MAX_URI)
		return;
	rua = &p->d->rua[p->d->n_rua++];
	rua->uri = arena_strdup(p->arena, uri);
	rua->target = target;
	if (text_starts(target, "["))
		return; /* a literal address wants no look-up */
	if (text_equal_nocase(arena_strndup(p->arena, uri, strlen("mailto:")), "mailto:"))
		ask(p, target, DNS_MX, rua_mx_answered, &rua->mx.dns, rua);
	else
		ask_addresses(p, target, &rua->a, &rua->aaaa);
}

static void tls_rpt_answered(const struct resolver_answer *a, void *context, void *arg)
{
	struct domain_probe *p = arg;

	(void)context;
	answer_txt(a, p->arena, &p->d->tls_rpt);
	p->d->rua = arena_array(p->arena, MAX_RUA, sizeof(*p->d->rua));
	for (size_t i = 0; i < p->d->tls_rpt.n; i++) {
		struct tls_rpt_record record = {0};
		struct remarks remarks;

		remarks_init(&remarks, p->arena);
		if (tls_rpt_record_parse(p->d->tls_rpt.value[i], p->arena, &record, &remarks) !=
		    TLS_RPT_OK)
			continue;
		for (size_t j = 0; j < record.n_rua; j++)
			ask_destination(p, record.rua[j]);
	}
	end_if_idle(p);
}

/* -- submission: SRV, else the customary name
 * ----------------------------------------------------------- */

static void srv_answered(const struct resolver_answer *a, void *context, void *arg)
{
	struct domain_probe *p = arg;
	struct obs_submission *s = p->d->submission;

	answer_srv(a, p->arena, context);
	if (denied(&s->submissions.dns) && denied(&s->submission.dns))
		ask_addresses(p, below(p, "smtp"), &s->fallback_a, &s->fallback_aaaa);
	end_if_idle(p);
}

static void ask_submission(struct domain_probe *p)
{
	struct obs_submission *s = arena_alloc(p->arena, sizeof(*s));

	p->d->submission = s;
	ask(p, below(p, "_submissions._tcp"), DNS_SRV, srv_answered, &s->submissions.dns,
	    &s->submissions);
	ask(p, below(p, "_submission._tcp"), DNS_SRV, srv_answered, &s->submission.dns,
	    &s->submission);
}

/* -- life
 * ------------------------------------------------------------------------------------------------
 */

static void release(struct domain_probe *p)
{
	event_del(&p->timer);
	policy_cancel(p->policy);
	lookups_free(p->lookups);
	arena_free(p->arena);
	free(p);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct domain_probe *p = arg;

	(void)fd, (void)what;
	p->o->vantage = p->v->self;
	p->o->at = clock_now();
	p->o->took_ms = clock_monotonic_ms() - p->began_ms;
	p->done(p->o, p->arg);
	release(p);
}

static void set_deadline(struct domain_probe *p)
{
	int64_t ms = p->order.deadline_ms - MARGIN_MS;
	struct timeval tv;

	if (ms < p->order.deadline_ms / 2)
		ms = p->order.deadline_ms / 2;
	tv = (struct timeval){(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
	p->began_ms = clock_monotonic_ms();
	p->until_ms = p->began_ms + ms;
	event_assign(&p->timer, p->v->base, -1, 0, on_timer, p);
	event_priority_set(&p->timer, 0);
	event_add(&p->timer, &tv);
}

struct domain_probe *domain_probe_start(struct vantage *v, const struct message_order *order,
					domain_done_cb *done, void *arg)
{
	struct domain_probe *p = mem_alloc(sizeof(*p));

	p->v = v;
	p->done = done;
	p->arg = arg;
	p->arena = arena_new();
	p->order = *order;
	p->o = arena_alloc(p->arena, sizeof(*p->o));
	p->d = arena_alloc(p->arena, sizeof(*p->d));
	p->o->v = OBS_VERSION;
	p->o->kind = OBS_KIND_DOMAIN;
	p->o->subject = p->order.subject;
	p->o->domain = p->d;
	p->lookups = lookups_new(v->resolver, order->fresh, p);
	set_deadline(p);

	ask(p, p->order.subject, DNS_MX, mx_answered, &p->d->mx.dns, NULL);
	if (p->order.mta_sts)
		ask_mta_sts(p);
	if (p->order.tls_rpt)
		ask(p, below(p, "_smtp._tls"), DNS_TXT, tls_rpt_answered, &p->d->tls_rpt.dns, NULL);
	if (p->order.submission)
		ask_submission(p);
	return p;
}

void domain_probe_cancel(struct domain_probe *p)
{
	if (p != NULL)
		release(p);
}
