/* SPDX-License-Identifier: ISC
 *
 * The canonical event: what one notice says, before any receiver's format.  It is the webhook's
 * body (format json), lies in the outbox, and every other format is rendered from it.
 */
#ifndef NOTICE_H
#define NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "arena.h"
#include "buf.h"
#include "conf.h"
#include "err.h"
#include "finding.h"

#define NOTICE_SCHEMA	   1
#define NOTICE_MAX_DOMAINS 50 /* named; domains_total has the whole number */

enum notice_kind { NOTICE_PROBLEM, NOTICE_CHANGE, NOTICE_DAEMON, NOTICE_TEST };
enum notice_status { NOTICE_FIRING, NOTICE_RESOLVED, NOTICE_CHANGED };
extern const char *const notice_kind_words[];
extern const char *const notice_status_words[];

struct notice {
	int64_t schema;
	const char *id;	      /* unique; the same on every retry */
	const char *incident; /* the thread it belongs to */
	int64_t seq;	      /* 1 for the first notice of an incident */
	int kind;	      /* enum notice_kind */
	int status;	      /* enum notice_status */
	const char *event;
	int severity; /* enum finding_severity */
	const char *check;
	const char *subject;
	const char *const *domains; /* all may stand here; NOTICE_MAX_DOMAINS are written */
	size_t n_domains;
	int64_t domains_total; /* at least n_domains */
	const char *summary;
	const char *before, *after; /* RAW JSON values, NULL = null */
	const char *expected, *actual, *impact, *advice, *reference;
	const char *const *changes; /* events that travel with it */
	size_t n_changes;
	int64_t since, last_ok; /* 0 = unknown */
	int64_t confirmed_by;
	const char *owner;
	const struct conf_tag *tags; /* as an object in the document */
	size_t n_tags;
	const char *url, *runbook_url;
	/* What follows is for our own rendering and stays out of the contract's document. */
	int64_t at; /* when it was made */
	/* other findings of the same time and subject that this one explains, one line each */
	const char *const *causes;
	size_t n_causes;
	const char *title; /* what its incident's mails are called; NULL = by event and place */
	const char *acked_by; /* it fires and was acknowledged: news for an alarm system alone */
};

/* The contract's JSON object: every key, null for what is not known.  New reference. */
json_t *notice_to_json(const struct notice *n);
/* The same as text and with the rest: as it lies in the outbox and crosses to the notifier. */
void notice_encode(const struct notice *n, struct buf *out);
/* From the outbox or a channel; -1 with err when malformed. */
int notice_decode(const char *json, size_t len, struct arena *arena, struct notice *n,
		  struct error *err);

/* The summary of a problem that is over: "Over after 2 h 13 min: ..." */
const char *notice_over(struct arena *arena, int64_t seconds, const char *summary);
/* A notice's summary without that beginning, for a place that says so itself. */
const char *notice_sentence(const struct notice *n);
/* A few words for a subject line: what is wrong, or what changed; the name of an event that is
 * not known. */
const char *notice_title(const char *event);
/* What the check wants to see, where the finding does not say it; static text, NULL if nothing. */
const char *notice_expected(const char *check);
/* What a broken check means for mail delivery, one sentence; static text, "" if nothing. */
const char *notice_impact(const char *check, enum finding_severity severity);

#endif
