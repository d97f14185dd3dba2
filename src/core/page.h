/* SPDX-License-Identifier: ISC
 *
 * The status page: values in, HTML out.  No script, one stylesheet, nothing from elsewhere.
 * Words and signs carry the meaning, colour repeats it; every text is escaped, whoever wrote it.
 */
#ifndef PAGE_H
#define PAGE_H

#include "buf.h"
#include "view.h"

#define PAGE_MAX ((size_t)16 << 20) /* ceiling of a page */

void page_overview(const struct view_overview *o, int64_t now, struct buf *out);
void page_domains(const struct view_domain *rows, size_t n, const struct view_page *place,
    const struct view_overview *o, int64_t now, struct buf *out);
void page_domain(const struct view_detail *d, int64_t now, struct buf *out);
void page_host(const struct view_host *h, int64_t now, struct buf *out);
void page_incidents(const struct view_incident *rows, size_t n, const struct view_page *place,
    int64_t now, struct buf *out);
void page_changes(const struct view_change *rows, size_t n, const struct view_page *place,
    int64_t now, struct buf *out);
void page_maintenance(const struct view_muted *m, int64_t now, struct buf *out);
/* Atom (RFC 4287); base: "https://mx.example.org", where links lead. */
void page_atom(const struct view_change *rows, size_t n, const char *base, int64_t now,
    struct buf *out);
/* What an event, or a check, means and what to do about it; false when there is none of that name. */
bool page_event(const char *name, struct buf *out);
void page_error(int status, const char *title, const char *text, struct buf *out);
/* An SVG of two fields: the domain and its grade or state. */
void page_badge(const struct view_domain *d, struct buf *out);
const char *page_style(void);

#endif
