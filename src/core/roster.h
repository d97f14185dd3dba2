/* SPDX-License-Identifier: ISC
 *
 * The subjects: domains from the configuration and the hosts they lead to.  A host lives as
 * long as a domain uses it, is probed as often as the most impatient of them wants, on the
 * ports any of them wants.  What must be at hand for 100,000 domains is here; observations are
 * in the state.
 *
 * A subject is named by a small number that stays the same over a reload (plan.h counts on it).
 */
#ifndef ROSTER_H
#define ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "conf.h"
#include "eval.h"
#include "observation.h"

#define ROSTER_NONE UINT32_MAX

enum roster_port { ROSTER_25 = 1, ROSTER_465 = 2, ROSTER_587 = 4 };

struct roster_link { /* domain to host and back */
	uint32_t subject : 29;
	uint32_t ports : 3; /* enum roster_port: what the domain wants of the host */
};

struct roster_subject {
	const char *name;               /* of a domain: borrowed from the configuration */
	const struct conf_domain *conf; /* NULL for a host */
	union {                         /* of a domain its hosts, of a host its domains: */
		struct roster_link two[2]; /* up to two, */
		struct roster_link *many;  /* or more; see roster_links */
	};
	uint32_t n_links;
	uint32_t interval_s;
	int64_t digest; /* of the facts of the last observation, 0 unknown */
	uint32_t order; /* in flight, 0 none */
	/* seconds since the epoch, 0 never; good until 2106 */
	uint32_t at;     /* last probe that could see */
	uint32_t judged; /* domain */
	uint32_t sweep, relay, relay_accepted; /* host */
	uint32_t quiet_until; /* domain: equal facts are judged equally until then */
	uint8_t kind;   /* enum obs_kind; OBS_KIND_NONE = a free place */
	uint8_t ports;  /* host: enum roster_port */
	char grade[3];  /* domain: the believed one, "" none */
	bool baselined; /* domain: its silent first look is over */
	bool queued;    /* domain: waits to be judged */
	bool fresh;     /* asked for by a person: probe without the DNS cache */
	bool first_sweep; /* host: its first deep look has just been taken */
};

struct roster;
typedef void roster_cb(uint32_t subject, void *arg);

struct roster *roster_new(void);
void roster_free(struct roster *r);

size_t roster_domains(const struct roster *r);
size_t roster_hosts(const struct roster *r);
/* Places in use lie below this number. */
uint32_t roster_end(const struct roster *r);
/* Borrowed until the next roster_apply or roster_lead. */
struct roster_subject *roster_subject(const struct roster *r, uint32_t subject);
/* Its n_links links, borrowed until they change. */
const struct roster_link *roster_links(const struct roster_subject *s);
uint32_t roster_find(struct roster *r, int kind, const char *name);

/* Watch what conf says.  Domains that stay keep their number and what is known of them, and
 * point into the new configuration afterwards; added is called for new ones, retimed for those
 * whose interval differs, gone for those that left (before they are forgotten) and for hosts
 * that nobody uses any more. */
void roster_apply(struct roster *r, const struct conf *conf, roster_cb *added, roster_cb *retimed,
    roster_cb *gone, void *arg);

/* The domain leads to these hosts now.  added is called for hosts seen for the first time,
 * retimed for those that are to be probed sooner than before, gone for those nobody uses any
 * more (before they are forgotten).  Returns whether anything differs. */
bool roster_lead(struct roster *r, uint32_t domain, const struct eval_host *hosts, size_t n,
    roster_cb *added, roster_cb *retimed, roster_cb *gone, void *arg);

/* A domain's hosts as lines "name ports", and back (unreadable lines are passed over). */
void roster_hosts_encode(const struct roster *r, uint32_t domain, struct buf *out);
size_t roster_hosts_decode(const char *text, struct arena *arena, struct eval_host **hosts);
/* A domain that leads nowhere yet leads to the hosts of such a text. */
void roster_resume(struct roster *r, uint32_t domain, const char *text);

/* What a domain's probe and a host's probe are to look at, and how long they may take. */
int64_t roster_deadline_ms(const struct roster *r, uint32_t subject);
const struct conf_settings *roster_settings(const struct roster *r, uint32_t subject);

#endif
