/* SPDX-License-Identifier: ISC
 *
 * A finding: one check of the catalogue applied to one subject.  Pure data; made by eval,
 * read by grade, the report, the incidents and the API.
 */
#ifndef FINDING_H
#define FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "arena.h"

enum finding_status { FINDING_PASS, FINDING_INFO, FINDING_WARN, FINDING_FAIL, FINDING_SKIP, FINDING_UNKNOWN };
enum finding_severity { SEVERITY_NONE, SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL };

extern const char *const finding_status_words[];   /* "pass", "info", ... NULL */
extern const char *const finding_severity_words[]; /* "", "info", "warning", "critical", NULL */

struct finding {
	const char *id;      /* from the check table */
	const char *subject; /* domain, host, or host[address]:port */
	enum finding_status status;
	enum finding_severity severity; /* NONE for pass, skip and unknown (null in JSON) */
	const char *summary;   /* one plain sentence with the observed value; safe to print */
	const char *advice;    /* what to do; "" when nothing */
	const char *reference; /* "RFC 8461 §3.1" */
	json_t *evidence;      /* an object, owned by the set */

	/* Not part of the document: how incidents treat it. */
	const char *host; /* the host it was seen at, NULL for a finding about the domain itself */
	bool definitive;  /* a record, a certificate, a policy was seen: believed at once;
	                   * false: an absence or an error, believed after confirm.fail in a row */
	int64_t seen_at;  /* when, if that is not the time of the observation: a rare test; 0 */
	const char *expected, *actual; /* for the notice; NULL when the summary says it all */
	enum finding_status judged; /* before expectations and acceptances: what the grade reads */
	const char *cause; /* a word for the grade where the status is not enough, NULL */
};

/* A judgement: the findings of one domain, in report order, with the arena they live in. */
struct findings {
	struct arena *arena; /* owned */
	struct finding *item;
	size_t n, size;
};

void findings_init(struct findings *f);
void findings_clear(struct findings *f);
/* A zeroed row at the end; strings should come from f->arena. Valid until the next add. */
struct finding *findings_add(struct findings *f);
size_t findings_count(const struct findings *f, enum finding_status status);
const struct finding *findings_find(const struct findings *f, const char *id, const char *subject);
/* The finding as JSON with exactly the eight keys of the contract; new reference. */
json_t *finding_to_json(const struct finding *f);

#endif
