/* SPDX-License-Identifier: ISC
 *
 * What a reader of the state is shown: plain values between the queries (adapt/store_view)
 * and the three ways to say them (core/page, core/api, core/metrics).  Strings are borrowed.
 */
#ifndef VIEW_H
#define VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "finding.h"
#include "grade.h"
#include "mute.h"
#include "observation.h"

enum view_state { /* of a domain, by what is open */
	VIEW_PENDING, /* not judged yet */
	VIEW_OK,
	VIEW_UNKNOWN,
	VIEW_WARNING,
	VIEW_CRITICAL,
	VIEW_N
};
extern const char *const view_state_words[]; /* "pending", "ok", ... NULL */

enum view_grade { VIEW_GRADE_NONE, VIEW_A_PLUS, VIEW_A, VIEW_B, VIEW_C, VIEW_D, VIEW_F, VIEW_GRADES };
extern const char *const view_grade_words[]; /* "", "A+", ... NULL */
enum view_grade view_grade(const char *letter);

struct view_mark { /* a domain in a few bytes, beside conf->domains */
	uint8_t state; /* enum view_state */
	uint8_t grade; /* enum view_grade */
	int64_t at;    /* last look */
};

#define VIEW_DAYS 90

struct view_domain { /* a row of a list */
	const char *name, *unicode; /* unicode NULL where it does not differ */
	const struct conf_domain *conf;
	struct view_mark mark;
	int64_t open;        /* problems */
	const char *summary; /* of the gravest, NULL */
	const uint8_t *days; /* VIEW_DAYS of them, as in view_detail; NULL not asked for */
};

struct view_incident {
	int64_t id;
	const char *uid, *event, *check, *subject, *host;
	int severity; /* enum finding_severity */
	bool open;
	int64_t opened, closed, since, last_ok;
	const char *summary, *advice, *reference, *expected, *actual;
	int64_t acked;
	const char *acked_by, *ack_reason;
	int64_t muted_until; /* 0 = nobody is kept from hearing of it */
	const char *const *domains; /* some of the members */
	size_t n_domains;
	int64_t domains_total;
};

struct view_change {
	int64_t id, at;
	int kind; /* enum obs_kind of the observation that showed it */
	const char *name, *event, *check, *subject, *summary;
	const char *before, *after; /* JSON, NULL */
	int severity;
};

struct view_expiry { /* of the leaf certificate one service shows */
	const char *subject; /* host[address]:port */
	int64_t not_before, not_after;
};

struct view_problem { /* an open problem, for the metrics */
	const char *domain, *check;
	int status; /* 1 warning, 2 critical, 3 unknown */
};

struct view_outbox { /* notices of a receiver */
	const char *receiver;
	int64_t pending, dead, held; /* held: of the pending ones, by what mutes them */
	int64_t oldest; /* when the oldest that is to leave at once could have, 0 none */
};

#define VIEW_WEEKS 13

struct view_overview {
	size_t states[VIEW_N], grades[VIEW_GRADES], domains;
	int64_t hosts, newest, oldest; /* looks at domains */
	int64_t incidents_open, incidents_critical, incidents_warning;
	const struct view_incident *incidents; /* open, gravest first */
	size_t n_incidents;
	const struct view_change *changes; /* of the last day, newest first */
	size_t n_changes;
	const struct view_expiry *expiries; /* soonest first */
	size_t n_expiries;
	size_t weeks[VIEW_WEEKS + 2]; /* certificates by the week they end in: over, first, ..., later */
	size_t silences, windows;     /* in force now */
	const char *trouble;	      /* of the daemon itself, NULL */
};

struct view_muted { /* what holds notices back, now or at its next turn */
	const struct mute_window *windows; /* of every maintenance of the configuration */
	size_t n_windows;
	const struct mute_silence *silences; /* in force */
	size_t n_silences;
};

struct view_page { /* where a keyset page ends */
	const char *query, *state, *grade, *group, *owner; /* filters, NULL */
	const char *const *groups; /* that may be filtered by */
	size_t n_groups;
	const char *next;          /* cursor of the next page, NULL at the end */
	bool first;                /* not reached through a cursor */
	size_t total;              /* rows of all pages, where it is known */
};

struct view_host { /* one host and who stands behind it */
	const char *name;
	const struct observation *seen; /* NULL */
	const struct view_domain *domains; /* name and mark; some of them */
	size_t n_domains;
	int64_t domains_total;
	const struct view_incident *incidents; /* open */
	size_t n_incidents;
	const struct view_change *changes;
	size_t n_changes;
};

/* A domain as its own page shows it. */
struct view_detail {
	struct view_domain row;
	const struct eval_input *in; /* in->domain NULL: not looked at yet */
	struct findings *findings; /* owned by the maker */
	struct grade grade;
	const struct view_incident *incidents; /* open first, then the latest */
	size_t n_incidents;
	const struct view_change *changes;
	size_t n_changes;
	const uint8_t *days; /* worst severity of each of the last 90 days, oldest first; 255 not watched */
};
/* Facts that differ between two observations of a subject. */
struct view_difference {
	const char *key;
	const char *before, *after; /* JSON, NULL = absent */
};
struct view_comparison {
	int kind;
	const char *subject;
	int64_t before_at, after_at;
	const struct view_difference *item;
	size_t n;
	int64_t unreadable; /* when a state was seen that is left out: it cannot be read; 0 none */
};

#endif
