/* SPDX-License-Identifier: ISC
 *
 * The objects of /api/v1 as JSON values, the same that `mxwatch ... --json` prints.  Names are
 * only ever added.  All functions give a new reference.
 */
#ifndef API_H
#define API_H

#include <jansson.h>

#include "buf.h"
#include "view.h"

json_t *api_domain(const struct view_domain *d);
/* The report (core/report.h) and what the daemon knows beside it. */
json_t *api_detail(const struct view_detail *d);
json_t *api_incident(const struct view_incident *i);
json_t *api_change(const struct view_change *c);
json_t *api_comparison(const struct view_comparison *c);
/* {"data": [...], "next": cursor or null}; takes data. */
json_t *api_list(json_t *data, const char *next);
/* RFC 9457; status without a title of its own gets HTTP's. */
json_t *api_problem(int status, const char *detail);
const char *api_status_title(int status);
/* OpenAPI 3.1 of all this. */
void api_openapi(struct buf *out);
/* Append value as compact JSON in which '<' and the JavaScript line ends are escaped. */
void api_print(const json_t *value, struct buf *out);

#endif
