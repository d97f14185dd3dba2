/* SPDX-License-Identifier: ISC
 *
 * From an observation to facts.  Each part of the document has one function that says which
 * of value, absence and unknown it shows; sets are sorted here and nowhere else.
 */
#include "posture.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "mem.h"
#include "mta_sts.h"
#include "stamp.h"
#include "tls_rpt.h"

/* -- the document -- */

static const char *const fact_state_words[] = {"unknown", "value", "absent", NULL};

static const struct shape_field fact_fields[] = {
    {"key", SHAPE_STRING, offsetof(struct fact, key), .max = 512, .flags = SHAPE_REQUIRED},
    {"state", SHAPE_ENUM, offsetof(struct fact, state), .words = fact_state_words},
    {"value", SHAPE_RAW, offsetof(struct fact, value)},
    {"misses", SHAPE_INT, offsetof(struct fact, misses)},
};
static const struct shape fact_shape = SHAPE("fact", struct fact, fact_fields);

static const struct shape_field posture_fields[] = {
    {"facts", SHAPE_OBJECTS, offsetof(struct posture, fact), offsetof(struct posture, n),
     .max = 4096, .shape = &fact_shape},
};
const struct shape posture_shape = SHAPE("posture", struct posture, posture_fields);

/* -- collecting -- */

struct collector {
	struct arena *arena;
	struct fact *fact; /* malloc'd while it grows */
	size_t n, size;
};

static void add(struct collector *c, const char *key, enum fact_state state, const char *value)
{
	if (state == FACT_UNKNOWN)
		return;
	if (c->n == c->size) {
		c->size = c->size == 0 ? 32 : c->size * 2;
		c->fact = mem_resize(c->fact, c->size, sizeof(*c->fact));
	}
	c->fact[c->n++] =
	    (struct fact){.key = arena_strdup(c->arena, key), .state = state, .value = value};
}

/* Takes json. */
static void add_value(struct collector *c, const char *key, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
	add(c, key, FACT_VALUE, arena_strdup(c->arena, text));
	free(text);
	json_decref(json);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A sorted array without repetitions; list itself stays as it is. */
static json_t *sorted_set(const char *const *list, size_t n)
{
	json_t *array = json_array();
	const char **copy = mem_array(n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = list[i];
	qsort(copy, n, sizeof(*copy), by_text);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || strcmp(copy[i], copy[i - 1]) != 0)
			json_array_append_new(array, json_string(copy[i]));
	}
	free(copy);
	return array;
}

/* What the head of an answer alone decides: is there a set, none, or do we not know. */
static enum fact_state answer_state(const struct obs_answer *a)
{
	switch ((enum obs_dns_status)a->status) {
	case OBS_DNS_ANSWER:
		return FACT_VALUE;
	case OBS_DNS_NODATA:
	case OBS_DNS_NXDOMAIN:
		return FACT_ABSENT;
	case OBS_DNS_UNASKED:
	case OBS_DNS_BOGUS:
	case OBS_DNS_FAILED:
		break;
	}
	return FACT_UNKNOWN;
}

static void add_dnssec(struct collector *c, const char *key, int dnssec)
{
	if (dnssec != OBS_DNSSEC_UNKNOWN)
		add_value(c, key, json_string(obs_dnssec_words[dnssec]));
}

static void add_names(struct collector *c, const char *key, const struct obs_names *names)
{
	enum fact_state state = answer_state(&names->dns);
	if (state == FACT_VALUE && names->n > 0)
		add_value(c, key, sorted_set(names->value, names->n));
	else
		add(c, key, state == FACT_VALUE ? FACT_ABSENT : state, NULL);
}

/* The end of the CNAME chain: a record owner's choice of who runs the thing for them. */
static void add_delegation(struct collector *c, const char *key, const struct obs_answer *a)
{
	if (a->status != OBS_DNS_ANSWER)
		return;
	if (a->cname != NULL)
		add_value(c, key, json_string(a->cname));
	else
		add(c, key, FACT_ABSENT, NULL);
}

/* -- a domain -- */

static void domain_mx(struct collector *c, const struct obs_mx *mx)
{
	enum fact_state state = answer_state(&mx->dns);
	add_dnssec(c, "mx.dnssec", mx->dns.dnssec);
	if (state != FACT_VALUE || mx->n == 0) {
		add(c, "mx", state == FACT_VALUE ? FACT_ABSENT : state, NULL);
		return;
	}
	const char **set = arena_array(c->arena, mx->n, sizeof(*set));
	for (size_t i = 0; i < mx->n; i++)
		set[i] = arena_printf(c->arena, "%lld %s", (long long)mx->rr[i].preference,
				      mx->rr[i].host);
	add_value(c, "mx", sorted_set(set, mx->n));
}

/* Several records or a malformed one are a finding, not an edge: unknown (RFC 8461 section 3.1). */
static enum fact_state domain_mta_sts_record(struct collector *c, const struct obs_txt *txt)
{
	enum fact_state state = answer_state(&txt->dns);
	add_dnssec(c, "mta_sts.dnssec", txt->dns.dnssec);
	add_delegation(c, "mta_sts.delegation.record", &txt->dns);
	if (state != FACT_VALUE) {
		add(c, "mta_sts.id", state, NULL);
		return state;
	}
	struct mta_sts_record record = {0};
	struct remarks remarks;
	size_t ok = 0, malformed = 0;
	remarks_init(&remarks, c->arena);
	for (size_t i = 0; i < txt->n; i++) {
		struct mta_sts_record r = {0};
		enum mta_sts_record_result result =
		    mta_sts_record_parse(txt->value[i], c->arena, &r, &remarks);
		ok += result == MTA_STS_RECORD_OK;
		malformed += result == MTA_STS_RECORD_MALFORMED;
		if (result == MTA_STS_RECORD_OK)
			record = r;
	}
	if (ok + malformed == 0)
		state = FACT_ABSENT;
	else if (ok != 1 || malformed > 0)
		state = FACT_UNKNOWN;
	if (state == FACT_VALUE)
		add_value(c, "mta_sts.id", json_string(record.id));
	else
		add(c, "mta_sts.id", state, NULL);
	return state;
}

/* Whether the owner says that there is no policy: a host without address, or "not found".  A
 * host that is down, a bad certificate or a policy with an error is a finding, and senders go
 * on using what they hold. */
static enum fact_state policy_state(const struct obs_policy *p)
{
	enum fact_state a = answer_state(&p->a.dns), aaaa = answer_state(&p->aaaa.dns);
	if (p->status == 200 && p->body != NULL && !p->too_large &&
	    p->failure.class == OBS_CLASS_NONE)
		return FACT_VALUE;
	if (p->status == 404 || p->status == 410)
		return FACT_ABSENT;
	if (a == FACT_ABSENT && aaaa == FACT_ABSENT)
		return FACT_ABSENT;
	return FACT_UNKNOWN;
}

static void domain_unmatched(struct collector *c, const struct obs_mx *mx,
			     const struct mta_sts_policy *policy)
{
	if (mx->dns.status != OBS_DNS_ANSWER || mx->n == 0)
		return;
	const char **set = arena_array(c->arena, mx->n, sizeof(*set));
	size_t n = 0;
	for (size_t i = 0; i < mx->n; i++) {
		const char *host = mx->rr[i].host;
		if (strcmp(host, ".") != 0 && !mta_sts_policy_covers(policy, host))
			set[n++] = host;
	}
	add_value(c, "mta_sts.unmatched", sorted_set(set, n));
}

static void domain_policy(struct collector *c, const struct obs_domain *d, enum fact_state record)
{
	if (d->policy == NULL) { /* without a record nobody asks for one */
		add(c, "mta_sts.policy", record == FACT_ABSENT ? FACT_ABSENT : FACT_UNKNOWN, NULL);
		return;
	}
	add_delegation(c, "mta_sts.delegation.host",
		       d->policy->a.dns.status == OBS_DNS_ANSWER ? &d->policy->a.dns
								 : &d->policy->aaaa.dns);
	enum fact_state state = policy_state(d->policy);
	if (state != FACT_VALUE) {
		add(c, "mta_sts.policy", state, NULL);
		return;
	}
	struct mta_sts_policy policy = {0};
	struct remarks remarks;
	remarks_init(&remarks, c->arena);
	if (mta_sts_policy_parse(d->policy->body, strlen(d->policy->body), c->arena, &policy,
				 &remarks) != 0)
		return;
	add_value(c, "mta_sts.policy",
		  json_pack("{s:I,s:s,s:o}", "max_age", (json_int_t)policy.max_age_s, "mode",
			    mta_sts_mode_words[policy.mode], "mx",
			    sorted_set(policy.mx, policy.n_mx)));
	domain_unmatched(c, &d->mx, &policy);
}

static void domain_tls_rpt(struct collector *c, const struct obs_txt *txt)
{
	enum fact_state state = answer_state(&txt->dns);
	add_dnssec(c, "tls_rpt.dnssec", txt->dns.dnssec);
	if (state != FACT_VALUE) {
		add(c, "tls_rpt", state, NULL);
		return;
	}
	struct tls_rpt_record record = {0};
	struct remarks remarks;
	size_t ok = 0, foreign = 0;
	remarks_init(&remarks, c->arena);
	for (size_t i = 0; i < txt->n; i++) {
		struct tls_rpt_record r = {0};
		enum tls_rpt_result result =
		    tls_rpt_record_parse(txt->value[i], c->arena, &r, &remarks);
		foreign += result == TLS_RPT_FOREIGN;
		ok += result == TLS_RPT_OK;
		if (result == TLS_RPT_OK)
			record = r;
	}
	if (foreign == txt->n)
		add(c, "tls_rpt", FACT_ABSENT, NULL);
	else if (ok == 1 && foreign == txt->n - 1)
		add_value(c, "tls_rpt", sorted_set(record.rua, record.n_rua));
}

static void domain_srv(struct collector *c, const char *key, const struct obs_srv *srv)
{
	enum fact_state state = answer_state(&srv->dns);
	add_dnssec(c, arena_printf(c->arena, "%s.dnssec", key), srv->dns.dnssec);
	if (state != FACT_VALUE || srv->n == 0) {
		add(c, key, state == FACT_VALUE ? FACT_ABSENT : state, NULL);
		return;
	}
	const char **set = arena_array(c->arena, srv->n, sizeof(*set));
	for (size_t i = 0; i < srv->n; i++) {
		const struct obs_srv_rr *rr = &srv->rr[i];
		set[i] = arena_printf(c->arena, "%lld %lld %lld %s", (long long)rr->priority,
				      (long long)rr->weight, (long long)rr->port, rr->target);
	}
	add_value(c, key, sorted_set(set, srv->n));
}

static void domain_facts(struct collector *c, const struct obs_domain *d)
{
	domain_mx(c, &d->mx);
	domain_policy(c, d, domain_mta_sts_record(c, &d->mta_sts));
	domain_tls_rpt(c, &d->tls_rpt);
	if (d->submission != NULL) {
		domain_srv(c, "submission.submissions", &d->submission->submissions);
		domain_srv(c, "submission.submission", &d->submission->submission);
	}
}

/* -- a host -- */

/* What DANE senders act on: an insecure set is as good as none (RFC 7672 section 2.2). */
static void host_tlsa(struct collector *c, const struct obs_tlsa *t)
{
	const char *key = arena_printf(c->arena, "tlsa:%lld", (long long)t->port);
	enum fact_state state = answer_state(&t->dns);
	add_dnssec(c, arena_printf(c->arena, "%s.dnssec", key), t->dns.dnssec);
	if (state == FACT_VALUE && t->dns.dnssec == OBS_DNSSEC_UNKNOWN)
		return;
	if (state != FACT_VALUE || t->n == 0 || t->dns.dnssec == OBS_DNSSEC_INSECURE) {
		add(c, key, state == FACT_VALUE ? FACT_ABSENT : state, NULL);
		return;
	}
	const char **set = arena_array(c->arena, t->n, sizeof(*set));
	for (size_t i = 0; i < t->n; i++)
		set[i] = arena_printf(c->arena, "%lld %lld %lld %s", (long long)t->rr[i].usage,
				      (long long)t->rr[i].selector, (long long)t->rr[i].matching,
				      t->rr[i].data);
	add_value(c, key, sorted_set(set, t->n));
}

/* A and AAAA lie in one zone: the worse of the two speaks for both. */
static int address_dnssec(const struct obs_host *h)
{
	return h->a.dns.dnssec > h->aaaa.dns.dnssec ? h->a.dns.dnssec : h->aaaa.dns.dnssec;
}

/* STARTTLS stood or fell only where the conversation came that far. */
static enum fact_state starttls_state(const struct obs_service *s)
{
	if (s->tls != NULL)
		return FACT_VALUE;
	switch ((enum obs_class)s->failure.class) {
	case OBS_CLASS_THROTTLED:
	case OBS_CLASS_LOCAL:
	case OBS_CLASS_FORBIDDEN:
	case OBS_CLASS_DNS:
		return FACT_UNKNOWN;
	case OBS_CLASS_NONE:
		return s->greeting_code == 220 && !s->starttls_offered ? FACT_ABSENT : FACT_UNKNOWN;
	case OBS_CLASS_REFUSED:
	case OBS_CLASS_TIMEOUT:
	case OBS_CLASS_PROTOCOL:
	case OBS_CLASS_TLS:
		break;
	}
	return s->failure.stage == OBS_STAGE_STARTTLS || s->failure.stage == OBS_STAGE_TLS
		   ? FACT_ABSENT
		   : FACT_UNKNOWN;
}

/* The lowest accepted version, NULL unless every lower one was answered. */
static const char *lowest_version(const struct obs_sweep *s)
{
	const struct {
		int offer;
		const char *name;
	} version[] = {
	    {s->ssl2, "SSLv2"},	    {s->ssl3, "SSLv3"},	    {s->tls1_0, "TLSv1"},
	    {s->tls1_1, "TLSv1.1"}, {s->tls1_2, "TLSv1.2"}, {s->tls1_3, "TLSv1.3"},
	};
	for (size_t i = 0; i < sizeof(version) / sizeof(version[0]); i++) {
		if (version[i].offer == OBS_OFFER_YES)
			return version[i].name;
		if (version[i].offer != OBS_OFFER_NO)
			return NULL;
	}
	return NULL;
}

static const char *relay_word(const struct obs_relay *r)
{
	if (r->first == OBS_RELAY_REFUSED || r->second == OBS_RELAY_REFUSED)
		return "closed";
	return r->first == OBS_RELAY_ACCEPTED && r->second == OBS_RELAY_ACCEPTED ? "open" : NULL;
}

static const char *service_key(struct collector *c, const struct obs_service *s, const char *name)
{
	return arena_printf(c->arena, "[%s]:%lld %s", s->address, (long long)s->port, name);
}

static void service_tls(struct collector *c, const struct obs_service *s)
{
	const struct obs_tls *t = s->tls;
	if (t->version != NULL)
		add_value(c, service_key(c, s, "tls.version"), json_string(t->version));
	add_value(c, service_key(c, s, "tls.forward_secrecy"), json_boolean(t->forward_secrecy));
	add_value(c, service_key(c, s, "tls.aead"), json_boolean(t->aead));
	if (t->n_chain == 0 || t->chain[0].sha256 == NULL)
		return;
	const struct obs_cert *leaf = &t->chain[0];
	char until[STAMP_TEXT];
	add_value(c, service_key(c, s, "cert"),
		  json_pack("{s:s?,s:s?,s:s,s:s?}", "issuer", leaf->issuer, "not_after",
			    leaf->not_after != 0 ? stamp_format(until, leaf->not_after) : NULL,
			    "sha256", leaf->sha256, "spki_sha256", leaf->spki_sha256));
}

static void service_facts(struct collector *c, const struct obs_service *s)
{
	if (!s->implicit_tls) {
		enum fact_state state = starttls_state(s);
		add(c, service_key(c, s, "starttls"), state, state == FACT_VALUE ? "true" : NULL);
	}
	if (s->tls != NULL)
		service_tls(c, s);
	if (s->port == 25)
		add_names(c, service_key(c, s, "ptr"), &s->ptr);
	if (s->sweep == NULL)
		return;
	const char *lowest = lowest_version(s->sweep), *relay = relay_word(&s->sweep->relay);
	if (lowest != NULL)
		add_value(c, service_key(c, s, "tls.lowest"), json_string(lowest));
	if (relay != NULL)
		add_value(c, service_key(c, s, "relay"), json_string(relay));
}

static void host_facts(struct collector *c, const struct obs_host *h)
{
	add_names(c, "a", &h->a);
	add_names(c, "aaaa", &h->aaaa);
	add_dnssec(c, "address.dnssec", address_dnssec(h));
	for (size_t i = 0; i < h->n_tlsa; i++)
		host_tlsa(c, &h->tlsa[i]);
	for (size_t i = 0; i < h->n_services; i++)
		service_facts(c, &h->services[i]);
}

/* -- the whole -- */

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct fact *)a)->key, ((const struct fact *)b)->key);
}

struct posture *posture_of(const struct observation *o, struct arena *arena)
{
	struct collector c = {.arena = arena};
	if (o->domain != NULL)
		domain_facts(&c, o->domain);
	if (o->host != NULL)
		host_facts(&c, o->host);

	struct posture *p = arena_alloc(arena, sizeof(*p));
	p->fact = arena_array(arena, c.n, sizeof(*p->fact));
	if (c.n > 0)
		qsort(c.fact, c.n, sizeof(*c.fact), by_key);
	for (size_t i = 0; i < c.n; i++) { /* a subject asked twice speaks once */
		if (p->n == 0 || strcmp(p->fact[p->n - 1].key, c.fact[i].key) != 0)
			p->fact[p->n++] = c.fact[i];
	}
	free(c.fact);
	return p;
}

const struct fact *posture_get(const struct posture *p, const char *key)
{
	const struct fact wanted = {.key = key};
	return p->n == 0 ? NULL : bsearch(&wanted, p->fact, p->n, sizeof(*p->fact), by_key);
}
