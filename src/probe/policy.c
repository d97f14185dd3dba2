/* SPDX-License-Identifier: ISC
 *
 * In order of time: addresses, the document, the redirect's addresses and document, every
 * address.  A step that has nothing to do falls through to the next; the last one ends the
 * probe from the timer, so nothing is freed inside a callback of somebody else.
 */
#include "policy.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "dns_message.h"
#include "https.h"
#include "lookup.h"
#include "mem.h"
#include "name.h"

#define MARGIN_MS 100 /* before until_ms, so that the fetch tells first */
#define CLOSE_MS  20  /* a fetch that ended so near to its bound was ended by it */
#define PATH	  "/.well-known/mta-sts.txt"

struct address { /* one of host_consistency's */
	struct policy *probe;
	struct obs_policy_address *facts;
	struct https_fetch *fetch;
};

struct policy {
	struct vantage *v;
	struct policy_params params;
	struct obs_domain *d;
	struct obs_policy *facts;
	struct arena *arena;
	policy_done_cb *done;
	void *arg;
	struct lookups *lookups;
	struct https_fetch *fetch;
	struct obs_names target_a, target_aaaa; /* of the redirect */
	const char *target, *target_path;
	struct address *addresses;
	size_t n_addresses, next_address, n_open;
	struct event timer;
};

/* -- which addresses ----------------------------------------------------------------------------
 */

static void fail(struct obs_failure *f, enum obs_stage stage, enum obs_class class,
		 const char *text)
{
	f->stage = stage;
	f->class = class;
	f->text = text;
}

/* Whether we talk to it; else why not in *f. */
static bool may_contact(const struct policy *p, const char *address, struct obs_failure *f)
{
	bool v6 = strchr(address, ':') != NULL;

	if (!p->v->setup->allow_private && name_address_class(address) != NAME_ADDRESS_PUBLIC)
		fail(f, OBS_STAGE_CONNECT, OBS_CLASS_FORBIDDEN,
		     "not a public address; probe.allow_private would permit it");
	else if (v6 && (p->v->self.no_ipv6 || p->v->setup->ipv6_off))
		fail(f, OBS_STAGE_CONNECT, OBS_CLASS_LOCAL, "no IPv6 here");
	else if (!v6 && p->v->self.no_ipv4)
		fail(f, OBS_STAGE_CONNECT, OBS_CLASS_LOCAL, "no IPv4 here");
	else
		return true;
	return false;
}

/* IPv4 first; into list (room for both).  With none left *f says why. */
static size_t contactable(const struct policy *p, const struct obs_names *a,
			  const struct obs_names *aaaa, const char **list, struct obs_failure *f)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		if (may_contact(p, a->value[i], f))
			list[n++] = a->value[i];
	for (size_t i = 0; i < aaaa->n; i++)
		if (may_contact(p, aaaa->value[i], f))
			list[n++] = aaaa->value[i];
	if (n > 0)
		memset(f, 0, sizeof(*f));
	else if (a->n + aaaa->n > 0)
		; /* the last refusal stands */
	else if (a->dns.failure.class != OBS_CLASS_NONE)
		*f = a->dns.failure;
	else if (aaaa->dns.failure.class != OBS_CLASS_NONE)
		*f = aaaa->dns.failure;
	else
		fail(f, OBS_STAGE_DNS, OBS_CLASS_DNS, "the policy host has no address");
	return n;
}

/* -- fetching ------------------------------------------------------------------------------------
 */

static struct https_fetch *fetch(struct policy *p, const char *host, const char *path,
				 const char *const *addresses, size_t n, https_cb *cb, void *arg)
{
	int64_t left = p->params.until_ms - MARGIN_MS - clock_monotonic_ms();
	struct https_request request = {
	    .host = host,
	    .path = path,
	    .addresses = addresses,
	    .n_addresses = n,
	    .port = p->v->setup->port_https,
	    .source_ipv4 = p->v->setup->source_ipv4,
	    .source_ipv6 = p->v->setup->source_ipv6,
	    .connect_ms = p->params.connect_ms,
	    .deadline_ms = left < p->params.document_ms ? left : p->params.document_ms,
	    .max_body = OBS_MAX_POLICY,
	};

	return https_fetch_start(p->v->https, &request, p->arena, cb, arg);
}

/* Our own lack of CA certificates or of time is no fault of the server's. */
static void excuse(const struct policy *p, struct obs_failure *f)
{
	if (f->class == OBS_CLASS_TIMEOUT &&
	    clock_monotonic_ms() >= p->params.until_ms - MARGIN_MS - CLOSE_MS)
		fail(f, f->stage, OBS_CLASS_LOCAL,
		     "no whole answer before the time for this check was up");
	if (p->v->self.no_ca && f->stage == OBS_STAGE_TLS && f->class == OBS_CLASS_TLS)
		fail(f, OBS_STAGE_TLS, OBS_CLASS_LOCAL, "no CA certificates were loaded here");
}

static void finish(struct policy *p)
{
	event_active(&p->timer, EV_TIMEOUT, 0);
}

/* -- every address (host_consistency)
 * -------------------------------------------------------------- */

static void open_addresses(struct policy *p);

static void note_leaf(const struct policy *p, const struct obs_tls *tls,
		      struct obs_policy_address *facts)
{
	if (tls == NULL || tls->n_chain == 0)
		return;
	facts->trusted = tls->trusted;
	facts->leaf_sha256 = tls->chain[0].sha256;
	for (size_t i = 0; i < tls->chain[0].n_dns_names && !facts->name_ok; i++)
		facts->name_ok =
		    name_matches_certificate(p->facts->host, tls->chain[0].dns_names[i]);
}

static void address_fetched(const struct https_result *r, void *arg)
{
	struct address *a = arg;
	struct policy *p = a->probe;

	a->fetch = NULL;
	a->facts->failure = r->failure;
	excuse(p, &a->facts->failure);
	a->facts->status = r->status;
	a->facts->body_sha256 = r->body_sha256;
	note_leaf(p, r->tls, a->facts);
	p->n_open--;
	open_addresses(p);
}

static void open_addresses(struct policy *p)
{
	while (p->n_open < POLICY_ABREAST && p->next_address < p->n_addresses) {
		struct address *a = &p->addresses[p->next_address++];

		if (!may_contact(p, a->facts->address, &a->facts->failure))
			continue;
		p->n_open++;
		a->fetch =
		    fetch(p, p->facts->host, PATH, &a->facts->address, 1, address_fetched, a);
	}
	if (p->n_open == 0)
		finish(p);
}

static void ask_every_address(struct policy *p)
{
	const struct obs_names *lists[] = {&p->facts->a, &p->facts->aaaa};
	size_t n = 0;

	if (!p->params.every_address) {
		finish(p);
		return;
	}
	p->n_addresses = p->facts->a.n + p->facts->aaaa.n;
	p->addresses = mem_array(p->n_addresses + 1, sizeof(*p->addresses));
	p->d->n_policy_addresses = p->n_addresses;
	p->d->policy_addresses =
	    arena_array(p->arena, p->n_addresses + 1, sizeof(*p->d->policy_addresses));
	for (size_t l = 0; l < 2; l++) {
		for (size_t i = 0; i < lists[l]->n; i++, n++) {
			p->addresses[n].probe = p;
			p->addresses[n].facts = &p->d->policy_addresses[n];
			p->addresses[n].facts->address = lists[l]->value[i];
			fail(&p->addresses[n].facts->failure, OBS_STAGE_HTTP, OBS_CLASS_LOCAL,
			     "the probe ran out of time");
		}
	}
	open_addresses(p);
}

/* -- behind a redirect
 * -------------------------------------------------------------------------------- */

static void target_fetched(const struct https_result *r, void *arg)
{
	struct policy *p = arg;

	p->fetch = NULL;
	if (r->status == 200 && r->failure.class == OBS_CLASS_NONE)
		p->facts->redirected_body = r->body;
	ask_every_address(p);
}

static void target_resolved(const struct resolver_answer *a, void *context, void *arg)
{
	const char *list[2 * OBS_MAX_ADDRESSES];
	struct policy *p = arg;
	struct obs_failure why = {0};
	size_t n;

	answer_names(a, OBS_MAX_ADDRESSES, p->arena, context);
	if (lookups_open(p->lookups) > 0)
		return;
	n = contactable(p, &p->target_a, &p->target_aaaa, list, &why);
	if (n > 0)
		p->fetch = fetch(p, p->target, p->target_path, list, n, target_fetched, p);
	else
		ask_every_address(p);
}

static void follow(struct policy *p)
{
	if (p->facts->location == NULL ||
	    !https_url_split(p->facts->location, p->arena, &p->target, &p->target_path)) {
		ask_every_address(p);
		return;
	}
	lookup_ask(p->lookups, p->target, DNS_A, target_resolved, &p->target_a);
	lookup_ask(p->lookups, p->target, DNS_AAAA, target_resolved, &p->target_aaaa);
}

/* -- the document
 * -------------------------------------------------------------------------------------- */

static void document_fetched(const struct https_result *r, void *arg)
{
	struct policy *p = arg;
	struct obs_policy *facts = p->facts;

	p->fetch = NULL;
	facts->address = r->address;
	facts->failure = r->failure;
	excuse(p, &facts->failure);
	facts->status = r->status;
	facts->content_type = r->content_type;
	facts->location = r->location;
	facts->too_large = r->too_large;
	facts->took_ms = r->took_ms;
	facts->body = r->status == 200 ? r->body : NULL;
	facts->tls = r->tls;
	follow(p);
}

static void host_resolved(const struct resolver_answer *a, void *context, void *arg)
{
	const char *list[2 * OBS_MAX_ADDRESSES];
	struct policy *p = arg;
	struct obs_failure why = {0};
	size_t n;

	answer_names(a, OBS_MAX_ADDRESSES, p->arena, context);
	if (lookups_open(p->lookups) > 0)
		return;
	n = contactable(p, &p->facts->a, &p->facts->aaaa, list, &why);
	if (n > 0) {
		p->fetch = fetch(p, p->facts->host, PATH, list, n, document_fetched, p);
		return;
	}
	p->facts->failure = why;
	ask_every_address(p);
}

/* -- life
 * ------------------------------------------------------------------------------------------------
 */

static void release(struct policy *p)
{
	event_del(&p->timer);
	lookups_free(p->lookups);
	https_fetch_cancel(p->fetch);
	for (size_t i = 0; i < p->n_addresses; i++)
		https_fetch_cancel(p->addresses[i].fetch);
	free(p->addresses);
	free(p);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct policy *p = arg;

	(void)fd, (void)what;
	p->done(p->arg);
	release(p);
}

struct policy *policy_start(struct vantage *v, const struct policy_params *params,
			    struct obs_domain *d, struct arena *arena, policy_done_cb *done,
			    void *arg)
{
	struct policy *p = mem_alloc(sizeof(*p));
	int64_t left = params->until_ms - clock_monotonic_ms();
	struct timeval tv = {0, 0};

	p->v = v;
	p->params = *params;
	p->d = d;
	p->arena = arena;
	p->done = done;
	p->arg = arg;
	p->lookups = lookups_new(v->resolver, params->fresh, p);
	event_assign(&p->timer, v->base, -1, 0, on_timer, p);
	event_priority_set(&p->timer, 0);
	if (left > 0)
		tv = (struct timeval){(time_t)(left / 1000), (suseconds_t)(left % 1000 * 1000)};
	event_add(&p->timer, &tv);
	p->facts = d->policy = arena_alloc(arena, sizeof(*d->policy));
	p->facts->host = arena_printf(arena, "mta-sts.%s", params->domain);
	fail(&p->facts->failure, OBS_STAGE_HTTP, OBS_CLASS_LOCAL, "the probe ran out of time");
	answer_pending(&p->facts->a.dns);
	answer_pending(&p->facts->aaaa.dns);
	lookup_ask(p->lookups, p->facts->host, DNS_A, host_resolved, &p->facts->a);
	lookup_ask(p->lookups, p->facts->host, DNS_AAAA, host_resolved, &p->facts->aaaa);
	return p;
}

void policy_cancel(struct policy *p)
{
	if (p != NULL)
		release(p);
}
