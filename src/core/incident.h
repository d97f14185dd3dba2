/* SPDX-License-Identifier: ISC
 *
 * Problems and incidents: when a bad finding is believed, when it is over, and what is worth
 * telling.  Pure: rows of the state and a judgement go in, new rows and steps come out; the
 * engine writes them in one transaction with the notices they cause.
 *
 * A problem is (domain, check, subject).  A finding that warns or fails makes a suspect; it is
 * open at once when the finding is definitive, else after confirm.fail sightings by different
 * probes of its own source (host findings count on the host's probes, the others on the
 * domain's; never two within half of confirm.retry).  It closes after confirm.ok good
 * sightings.  Unknown and an undecided skip keep the state; a definitive skip, or a subject
 * that is certainly gone, ends it at once.  What comes and goes becomes one event: each time it
 * came back within a day four times as many good sightings are needed (for the third time and
 * later, sixteen times).
 *
 * Problems with the same root cause share an incident: the event and the subject, for a
 * certificate the event, the host and the leaf.  A problem whose check has a parent (check.h)
 * that is open for the same host or domain is explained: it travels with the parent and is
 * told only if it is still there when the parent is over.  delivery.sender_view is what the
 * others amount to: the gravest of its causes speaks for it and the rest, on one page.
 */
#ifndef INCIDENT_H
#define INCIDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "eval.h"
#include "finding.h"

#define INCIDENT_FLAP_S 86400

enum problem_state {
	PROBLEM_WATCHED, /* not bad: the row only knows since when it cannot be determined */
	PROBLEM_SUSPECT, /* seen bad, not believed yet */
	PROBLEM_OPEN,
};

struct problem {
	const char *domain, *check, *subject;
	const char *host; /* whose probes count; NULL = the domain's */
	int state;        /* enum problem_state */
	int severity;     /* enum finding_severity, of the last bad sighting */
	int64_t fails, oks;    /* sightings in a row */
	int64_t since;         /* first bad sighting */
	int64_t last_ok;       /* last judgement before that, 0 unknown */
	int64_t counted_at;    /* time of the last probe that counted */
	int64_t unknown_since; /* 0 = it can be determined */
	bool unknown_told;     /* "cannot check" is an open incident */
	bool baseline;         /* there since the first look at the domain */
	int64_t incident;      /* 0 = none */
	int64_t explained_by;  /* incident it travels with, 0 = it speaks for itself */
	const char *mark;      /* leaf certificate the problem is about, NULL */
	const char *summary;   /* of the last bad sighting */

	int64_t before; /* not stored: incidents of its root cause that ended within INCIDENT_FLAP_S */
	const struct problem *parent; /* not stored: the row that explains this one now */
};

struct incident { /* a root cause, with the domains it hurts */
	int64_t id;      /* row, 0 = not stored yet */
	const char *uid; /* the thread's name in notices */
	const char *key; /* incident_key; one open incident a key */
	const char *event, *check, *subject;
	const char *host, *mark; /* NULL */
	int kind;                /* enum notice_kind */
	int severity;            /* enum finding_severity, the highest so far */
	bool open;
	bool quiet;      /* was there at the first look and is not critical: never told */
	int64_t initial; /* the "initial state" incident that tells it, 0 = none */
	int64_t opened, closed;
	int64_t since, last_ok, confirmed_by;
	int64_t seq; /* of the last notice, 0 = none was made */
	const char *summary, *advice, *reference, *expected, *actual;
	const char *changes; /* events that travel with it, separated by blanks; NULL */
	const char *before, *after; /* of the gravest of them, JSON; NULL */
	const char *title; /* what its first notice was called, NULL before it */
	int64_t acked;
	const char *acked_by, *ack_reason;
};

enum incident_step_kind {
	INCIDENT_OPENED,    /* believed from now on, or no longer explained by another */
	INCIDENT_RAISED,    /* its severity rose */
	INCIDENT_EXPLAINED, /* was told on its own, now an open parent explains it */
	INCIDENT_CLOSED,    /* over */
	INCIDENT_PASSED,    /* a suspect that went by itself: recorded, never told */
	INCIDENT_UNKNOWN,   /* undeterminable for unknown_after */
	INCIDENT_KNOWN,     /* determinable again */
};

struct incident_step {
	enum incident_step_kind kind;
	struct problem *problem;       /* in the result */
	const struct finding *finding; /* NULL when the subject is gone */
};

struct incident_input {
	const struct eval_input *eval;
	const struct findings *findings;
	const struct problem *problems; /* the domain's rows */
	size_t n_problems;
	bool baseline;          /* first judgement of the domain */
	const bool *first_look; /* beside eval->hosts: that host's first deep look; NULL = none */
	int64_t judged_before;  /* time of the judgement before this one, 0 none */
};

struct incident_result {
	struct problem **problems; /* rows to write; those with `over` set are to be deleted */
	bool *over;
	size_t n_problems;
	struct incident_step *steps; /* parents before what they explain */
	size_t n_steps;
	bool retry_domain;             /* probe again after confirm.retry: the domain, */
	const char *const *retry_hosts; /* and these hosts */
	size_t n_retry_hosts;
	bool settled; /* nothing waits for confirmation: a grade can be believed */
};

/* One judgement of one domain.  Everything in out is from arena; input strings are borrowed. */
void incident_judge(const struct incident_input *in, struct arena *arena,
    struct incident_result *out);

/* The row that speaks for p: itself, or the one at the end of its parents. */
const struct problem *incident_speaker(const struct problem *p);
/* What the problem is called in a notice. */
const char *incident_event(const struct problem *p);
/* The root cause as text: equal for problems that belong together.  From arena. */
const char *incident_key(const struct problem *p, struct arena *arena);
/* The same for "cannot check": one for each host or domain, whatever cannot be seen of it. */
const char *incident_unknown_key(const struct problem *p, struct arena *arena);

#endif
