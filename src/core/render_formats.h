/* SPDX-License-Identifier: ISC
 *
 * The formats behind render_request, one function and one file each.  All return a new
 * document; strings from the wire are escaped for the markup the format knows.
 */
#ifndef RENDER_FORMATS_H
#define RENDER_FORMATS_H

#include <jansson.h>

#include "arena.h"
#include "render.h"

struct render_digest { /* the notices of a digest; n = 0: none */
	const struct notice *item;
	size_t n;
};

json_t *render_json(const struct notice *n, const struct render_digest *digest);
json_t *render_cloudevents(const struct notice *n, const struct render_digest *digest);
json_t *render_alertmanager(const struct notice *n, const struct render_digest *digest,
    const char *receiver);
json_t *render_alertmanager_push(const struct notice *n, const struct render_digest *digest,
    int64_t now);
json_t *render_slack(const struct notice *n, const struct render_digest *digest);
json_t *render_teams(const struct notice *n, const struct render_digest *digest);
json_t *render_discord(const struct notice *n, const struct render_digest *digest);
json_t *render_ntfy(const struct notice *n, const struct render_digest *digest, const char *topic);
json_t *render_gotify(const struct notice *n, const struct render_digest *digest);
json_t *render_pagerduty(const struct notice *n, const char *routing_key);

#endif
