/* SPDX-License-Identifier: ISC
 *
 * The configuration as values: what mxwatch.yaml(5) means once every file is read, defaults,
 * groups, lists and domains are merged, and names are folded.  adapt/yaml_conf fills it;
 * conf_check looks at the meaning as a whole.  Lengths of time are seconds.
 *
 * A watchlist may have 100,000 domains, so what a domain can override lives in a `settings`
 * shared by all domains that came to the same values.
 */
#ifndef CONF_H
#define CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "finding.h"

enum conf_switch { CONF_OFF, CONF_ON, CONF_AUTO, CONF_REQUIRED };
enum conf_check_group { CONF_CHECK_MX, CONF_CHECK_DANE, CONF_CHECK_MTA_STS, CONF_CHECK_TLS_RPT,
	CONF_CHECK_SUBMISSION, CONF_CHECK_N };

struct conf_threshold { /* min(percent of the certificate's lifetime, max_s) */
	int64_t percent;
	int64_t max_s;
};

struct conf_severity { /* override of one check's severity */
	const char *check; /* glob of check ids */
	enum finding_severity severity;
};

struct conf_settings { /* what defaults, groups, lists and domains can say */
	int64_t interval_s;
	int64_t timeout_connect_s, timeout_smtp_s, timeout_policy_s, timeout_total_s;
	int64_t confirm_fail, confirm_ok, confirm_retry_s;
	int64_t unknown_after_s;
	int64_t policy_grace_s;
	struct conf_threshold cert_warn, cert_crit;
	enum conf_switch checks[CONF_CHECK_N];
	const struct conf_severity *severity;
	size_t n_severity;
};

struct conf_tag {
	const char *key, *value;
};

struct conf_submission {
	const char *host;
	const int64_t *ports;
	size_t n_ports;
};

struct conf_accept { /* a finding the owner lives with, until a date */
	const char *finding; /* glob of check ids */
	const char *subject; /* glob, NULL = any */
	int64_t until;
	const char *reason;
};

struct conf_expect { /* raises the matching info, warn or skip to fail */
	const char *const *mx; /* the exact set of hosts, NULL = no expectation */
	size_t n_mx;
	const char *mta_sts_mode; /* "enforce", "testing", "none" */
	const char *mta_sts;      /* "required" or a mode */
	const char *dane;         /* "required" */
	const char *tls_rpt;      /* "required" */
	const char *submission;   /* "required" */
	const char *dnssec;       /* "required" */
	const char *min_tls;      /* "1.2", "1.3" */
	const char *const *issuer;
	size_t n_issuer;
	const char *const *unreachable; /* hosts expected not to answer */
	size_t n_unreachable;
};

struct conf_extra { /* what few domains have */
	const char *owner; /* name in conf.owners */
	const struct conf_tag *tags;
	size_t n_tags;
	const char *const *groups;
	size_t n_groups;
	struct conf_expect expect;
	const struct conf_submission *submission;
	size_t n_submission;
	const struct conf_accept *accept;
	size_t n_accept;
};

struct conf_domain {
	const char *name; /* A-labels, lower case, no final dot */
	const struct conf_settings *settings; /* shared */
	const struct conf_extra *extra;       /* shared where equal (groups); never NULL */
};

struct conf_owner {
	const char *name, *email, *runbook_url;
};

enum conf_relay_tls { CONF_TLS_OPPORTUNISTIC, CONF_TLS_REQUIRED, CONF_TLS_OFF };
enum conf_receiver_kind { CONF_EMAIL, CONF_WEBHOOK, CONF_PAGERDUTY, CONF_ALERTMANAGER, CONF_EXEC };
enum conf_webhook_format { CONF_FORMAT_JSON, CONF_FORMAT_ALERTMANAGER, CONF_FORMAT_SLACK,
	CONF_FORMAT_TEAMS, CONF_FORMAT_DISCORD, CONF_FORMAT_NTFY, CONF_FORMAT_GOTIFY,
	CONF_FORMAT_CLOUDEVENTS };
/* What /metrics has for each domain (core/metrics.h). */
enum conf_metrics { CONF_METRICS_AUTO, CONF_METRICS_SUMMARY, CONF_METRICS_DOMAIN, CONF_METRICS_CHECK };
extern const char *const conf_receiver_kind_words[];
extern const char *const conf_webhook_format_words[];
extern const char *const conf_relay_tls_words[];
extern const char *const conf_switch_words[];
extern const char *const conf_check_group_words[];

/* A receiver as it crosses to the notifier: places of secrets, never secrets. */
struct conf_receiver {
	const char *name;
	int kind;             /* enum conf_receiver_kind */
	const char *fallback; /* name of another receiver or NULL */
	int64_t rate_per_minute; /* 0 = default (60) */
	const char *ca_file;
	/* email */
	const char *const *to;
	size_t n_to;
	const char *from;
	const char *relay; /* smtp://host:port or smtps://host:port */
	int relay_tls;     /* enum conf_relay_tls */
	const char *username;
	const char *password_file;
	/* webhook, pagerduty, alertmanager */
	const char *const *urls;
	size_t n_urls;
	const char *url_file;
	int format; /* enum conf_webhook_format */
	const char *const *secret_files;
	size_t n_secret_files;
	const char *routing_key_file;
	const char *token_file; /* ntfy, gotify */
	const char *topic;      /* ntfy */
	/* exec */
	const char *const *argv;
	size_t n_argv;
};

struct conf_match { /* every member set must match; NULL and 0 match anything */
	enum finding_severity severity; /* exactly this one */
	const char *kind;               /* "problem", "change", "daemon", "test" */
	const char *event;              /* glob */
	const char *domain;             /* glob: any member domain */
	const char *group;
	const char *owner;
	const struct conf_tag *tags;
	size_t n_tags;
};

struct conf_route { /* a node of the tree; the root matches everything */
	struct conf_match match;
	const char *const *receivers;
	size_t n_receivers;
	bool receivers_set;  /* an empty list is a wish, not an omission */
	bool go_on;          /* "continue" */
	int64_t digest_at_s; /* seconds after local midnight, -1 = at once */
	int64_t group_wait_s, repeat_s; /* -1 = as the parent */
	struct conf_route *routes; /* owned by the arena */
	size_t n_routes;
};

struct conf_maintenance {
	const char *name, *reason;
	struct conf_match match;
	unsigned days;   /* bit 0 = Sunday; 0 = one window from..until */
	int64_t start_s; /* after local midnight */
	int64_t duration_s;
	const char *timezone; /* IANA name, NULL = UTC */
	int64_t from, until;
};

struct conf_heartbeat {
	const char *url, *url_file;
	int64_t every_s;
};

enum conf_resolver_mode { CONF_RESOLVER_AUTO, CONF_RESOLVER_SYSTEM, CONF_RESOLVER_PRIVATE };
enum conf_trust_ad { CONF_TRUST_AD_LOOPBACK, CONF_TRUST_AD_ALWAYS, CONF_TRUST_AD_NEVER };

/* The Unix socket when web.socket does not say (STATE/mxwatch.sock where this cannot be made). */
#define CONF_SOCKET "/run/mxwatch/mxwatch.sock"

struct conf_list { /* where a list file came from, for reload messages */
	const char *file;
	size_t n_domains;
};

struct conf {
	struct arena *arena; /* owned; everything below lives there */
	const char *file;    /* as named on the command line */
	const char *state_path;
	int64_t retain_changes_s, retain_incidents_s, retain_observations_s;

	enum conf_resolver_mode resolver_mode;
	const char *const *upstreams; /* "127.0.0.1", "127.0.0.1:5353", "[::1]:53" */
	size_t n_upstreams;
	enum conf_trust_ad trust_ad;
	const char *trust_anchor;
	int64_t resolver_timeout_s;

	const char *tls_ca_file, *tls_ca_path;

	const char *helo; /* NULL = the machine's name */
	const char *source_ipv4, *source_ipv6; /* NULL = the kernel chooses */
	bool ipv6_off;
	int64_t concurrency, per_ip, per_ip_gap_ms, processes; /* processes 0 = one per core */
	bool open_relay;
	const char *relay_from, *relay_to;
	bool allow_private;
	int64_t sweep_s;
	int64_t port_smtp, port_https;

	const char *const *self_check_dns;
	size_t n_self_check_dns;
	const char *const *self_check_tcp; /* host:port */
	size_t n_self_check_tcp;

	struct conf_settings defaults;
	const struct conf_owner *owners;
	size_t n_owners;
	struct conf_domain *domains; /* sorted by name, unique */
	size_t n_domains;
	const struct conf_list *lists;
	size_t n_lists;
	const char *const *folders; /* where included files and lists lie: to be read again */
	size_t n_folders;

	const struct conf_receiver *receivers;
	size_t n_receivers;
	struct conf_route route;
	bool has_route; /* a route section, or notify: (which makes one) */
	const struct conf_maintenance *maintenance;
	size_t n_maintenance;
	const struct conf_heartbeat *heartbeat;
	size_t n_heartbeat;

	const char *const *web_listen; /* host:port; empty = no web */
	size_t n_web_listen;
	const char *web_socket; /* Unix socket path */
	const char *web_public_url, *web_token_file;
	enum conf_metrics web_metrics;
};

/* The configuration with every built-in default and no domains; never NULL. */
struct conf *conf_new(void);
void conf_free(struct conf *c);
/* The domain's entry, NULL if it is not watched. name in A-labels, lower case. */
const struct conf_domain *conf_domain(const struct conf *c, const char *name);
const struct conf_receiver *conf_receiver(const struct conf *c, const char *name);
/* Whether several notices may go to it as one: people read a list, an alarm system wants each
 * beginning and each end. */
bool conf_takes_digests(const struct conf_receiver *r);
const struct conf_owner *conf_owner(const struct conf *c, const char *name);
/* Settings and extra of a domain nobody listed (mxwatch check without a file). */
const struct conf_extra *conf_extra_none(void);

#endif
