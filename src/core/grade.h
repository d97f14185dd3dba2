/* SPDX-License-Identifier: ISC
 *
 * The grade of a domain, A+ to F, and the rule that decided it (doc/checks.md).
 */
#ifndef GRADE_H
#define GRADE_H

#include "eval.h"
#include "finding.h"

struct grade {
	const char *letter;  /* "A+" ... "F", NULL when nothing could be graded */
	const char *rule;    /* one sentence: what decided it; static text */
	const char *subject; /* of the finding that decided, NULL if none; borrowed from findings */
	bool open;	     /* it may be better: what an A+ rests on could not be determined */
};

struct grade grade_of(const struct eval_input *in, const struct findings *findings);

#endif
