/* SPDX-License-Identifier: ISC
 *
 * What the pages are put together from.
 */
#ifndef PAGE_PARTS_H
#define PAGE_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "view.h"

/* The head, the bar with the place that is active ("/domains", NULL none), <main>. */
void page_begin(struct buf *out, const char *title, const char *active);
void page_end(struct buf *out);

/* A text from anywhere: cleaned, cut at 2000 characters, escaped. NULL is "". */
void page_put(struct buf *out, const char *s);
/* A name as part of a path or a query. */
void page_put_url(struct buf *out, const char *s);
/* "3 min ago", the exact time in its title; "never" for 0. */
void page_ago(struct buf *out, int64_t at, int64_t now);
/* A JSON value for people: strings bare, the rest compact, "none" for NULL. */
void page_value(struct buf *out, const char *json);
/* The word of a state with its sign, in its colour. */
void page_state(struct buf *out, enum view_state state);
void page_severity(struct buf *out, int severity);
void page_status(struct buf *out, enum finding_status status);
/* css class of a grade: "ok", "warning", "critical", "pending". */
const char *page_grade_class(enum view_grade grade);
void page_grade(struct buf *out, enum view_grade grade);
/* The last VIEW_DAYS days in a line of a table, oldest first. */
void page_spark(struct buf *out, const uint8_t *days);
/* css class of a day's worst severity: "f-ok", ..., "f-soft" where it was not watched. */
const char *page_day_class(uint8_t worst);
/* A link to a domain's or host's page, whichever the subject of a finding or change is. */
void page_subject(struct buf *out, const char *subject, bool host);

/* A chip with a number, nothing for 0. */
void page_tally(struct buf *out, const char *class, const char *sign, size_t n, const char *word);
/* Every address of every host, and each chain they sent, once. */
void page_servers(struct buf *out, const struct observation *const *hosts, size_t n, int64_t now);
void page_chains(struct buf *out, const struct observation *const *hosts, size_t n, int64_t now);

/* <ul> of incidents and of changes. */
void page_incident_list(struct buf *out, const struct view_incident *rows, size_t n, bool full,
    int64_t now);
void page_change_list(struct buf *out, const struct view_change *rows, size_t n, int64_t now);

#endif
