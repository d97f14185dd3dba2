/* SPDX-License-Identifier: ISC
 *
 * MTA-STS documents (RFC 8461): the TXT record, the policy, and the matching of mx patterns.
 * Strict to the grammar; every complaint has a place and a section.  Input is text_latin1.
 */
#ifndef MTA_STS_H
#define MTA_STS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "remark.h"

/* -- the record at _mta-sts.<domain> (section 3.1) -- */

enum mta_sts_record_result {
	MTA_STS_RECORD_FOREIGN,   /* does not begin "v=STSv1;": to be discarded */
	MTA_STS_RECORD_OK,
	MTA_STS_RECORD_MALFORMED, /* begins so, and breaks the grammar: no policy */
};

struct mta_sts_record {
	const char *id; /* from arena */
};

enum mta_sts_record_result mta_sts_record_parse(const char *txt, struct arena *arena,
    struct mta_sts_record *record, struct remarks *remarks);

/* -- the policy (section 3.2) -- */

enum mta_sts_mode { MTA_STS_MODE_INVALID, MTA_STS_ENFORCE, MTA_STS_TESTING, MTA_STS_NONE };
extern const char *const mta_sts_mode_words[]; /* "", "enforce", "testing", "none", NULL */

struct mta_sts_policy {
	enum mta_sts_mode mode;
	int64_t max_age_s;   /* -1 if it did not parse */
	const char *const *mx; /* lower case, in order of appearance */
	size_t n_mx;
	bool lf_lines;   /* some line ended in a bare LF (allowed, erratum 6253) */
	bool duplicates; /* a key other than mx stood twice: the first counts */
};

/* 0 when the policy is valid (remarks may hold warnings), -1 when a sender must ignore it
 * (remarks say where and why; *policy holds what could be read, for the report). */
int mta_sts_policy_parse(const char *body, size_t len, struct arena *arena,
    struct mta_sts_policy *policy, struct remarks *remarks);

/* Section 4.1: "*." stands for exactly one left-most label. */
bool mta_sts_mx_match(const char *pattern, const char *host);
/* Whether any pattern of the policy matches. */
bool mta_sts_policy_covers(const struct mta_sts_policy *policy, const char *host);

#endif
