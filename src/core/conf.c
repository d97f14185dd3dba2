/* SPDX-License-Identifier: ISC
 *
 * The built-in defaults of mxwatch.yaml(5), in one place, and look-ups.
 */
#include "conf.h"

#include <stdlib.h>
#include <string.h>

const char *const conf_receiver_kind_words[] = {"email",	"webhook", "pagerduty",
						"alertmanager", "exec",	   NULL};
const char *const conf_webhook_format_words[] = {
    "json", "alertmanager", "slack", "teams", "discord", "ntfy", "gotify", "cloudevents", NULL};
const char *const conf_relay_tls_words[] = {"opportunistic", "required", "off", NULL};
const char *const conf_switch_words[] = {"off", "on", "auto", "required", NULL};
const char *const conf_check_group_words[] = {"mx",	 "dane",       "mta_sts",
					      "tls_rpt", "submission", NULL};

#define MINUTE 60
#define HOUR   3600
#define DAY    86400
#define YEAR   (365 * DAY)

static const struct conf_settings default_settings = {
    .interval_s = HOUR,
    .timeout_connect_s = 10,
    .timeout_smtp_s = 90,
    .timeout_policy_s = MINUTE, /* RFC 8461 section 3.3 */
    .timeout_total_s = 3 * MINUTE,
    .confirm_fail = 3,
    .confirm_ok = 2,
    .confirm_retry_s = 2 * MINUTE,
    .unknown_after_s = 6 * HOUR,
    .policy_grace_s = HOUR,
    .cert_warn = {.percent = 33, .max_s = 21 * DAY},
    .cert_crit = {.percent = 15, .max_s = 7 * DAY},
    .checks = {[CONF_CHECK_MX] = CONF_ON,
	       [CONF_CHECK_DANE] = CONF_AUTO,
	       [CONF_CHECK_MTA_STS] = CONF_AUTO,
	       [CONF_CHECK_TLS_RPT] = CONF_AUTO,
	       [CONF_CHECK_SUBMISSION] = CONF_AUTO},
};

static const char *const default_upstreams[] = {"127.0.0.1"};
static const char *const default_self_check_dns[] = {"."};

struct conf *conf_new(void)
{
	struct arena *arena = arena_new();
	struct conf *c = arena_alloc(arena, sizeof(*c));
	*c = (struct conf){
	    .arena = arena,
	    .state_path = "/var/lib/mxwatch",
	    .retain_changes_s = 5LL * YEAR,
	    .retain_incidents_s = 5LL * YEAR,
	    .retain_observations_s = 90LL * DAY,
	    .resolver_mode = CONF_RESOLVER_AUTO,
	    .upstreams = default_upstreams,
	    .n_upstreams = 1,
	    .trust_ad = CONF_TRUST_AD_LOOPBACK,
	    .trust_anchor = "/usr/share/dns/root.key",
	    .resolver_timeout_s = 5,
	    .concurrency = 256,
	    .per_ip = 1,
	    .per_ip_gap_ms = 2000,
	    .open_relay = true,
	    .sweep_s = DAY,
	    .port_smtp = 25,
	    .port_https = 443,
	    .self_check_dns = default_self_check_dns,
	    .n_self_check_dns = 1,
	    .defaults = default_settings,
	    .route = {.digest_at_s = -1, .group_wait_s = 30, .repeat_s = DAY},
	};
	return c;
}

void conf_free(struct conf *c)
{
	if (c != NULL)
		arena_free(c->arena);
}

static int by_name(const void *name, const void *domain)
{
	return strcmp(name, ((const struct conf_domain *)domain)->name);
}

const struct conf_domain *conf_domain(const struct conf *c, const char *name)
{
	if (c->n_domains == 0)
		return NULL;
	return bsearch(name, c->domains, c->n_domains, sizeof(c->domains[0]), by_name);
}

const struct conf_receiver *conf_receiver(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->n_receivers; i++) {
		if (strcmp(c->receivers[i].name, name) == 0)
			return &c->receivers[i];
	}
	return NULL;
}

bool conf_takes_digests(const struct conf_receiver *r)
{
	return r->kind != CONF_PAGERDUTY && r->kind != CONF_ALERTMANAGER;
}

const struct conf_owner *conf_owner(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->n_owners; i++) {
		if (strcmp(c->owners[i].name, name) == 0)
			return &c->owners[i];
	}
	return NULL;
}

const struct conf_extra *conf_extra_none(void)
{
	static const struct conf_extra none;
	return &none;
}
