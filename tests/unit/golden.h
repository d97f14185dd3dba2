/* SPDX-License-Identifier: ISC
 *
 * Golden cases: tests/golden/base.json is a domain where everything is well; each case of the
 * other files patches it (JSON pointers; null removes) and says what it is judged with.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <jansson.h>

#include "arena.h"
#include "conf.h"
#include "eval.h"
#include "finding.h"
#include "observation.h"

#define GOLDEN_HOSTS_MAX 8

struct golden {
	struct arena *arena;
	const char *name; /* of the case */
	struct eval_input in;
	struct conf_domain conf;
	struct conf_settings settings;
	struct conf_extra extra;
	struct eval_history history;
	const struct observation *hosts[GOLDEN_HOSTS_MAX];
	struct findings findings;
};

extern const char *const golden_files[]; /* those with cases; NULL ends them */

/* A file of tests/golden; the test fails where it does not load. */
json_t *golden_load(const char *name);
const char *golden_text(json_t *o, const char *key);
/* The base with the patches of the case, a new one. */
json_t *golden_document(json_t *base, json_t *c);
/* Judge a document as the case says; golden_end() behind it, and before c is gone. */
void golden_judge(struct golden *w, json_t *doc, json_t *c);
void golden_end(struct golden *w);

#endif
