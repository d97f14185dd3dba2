/* SPDX-License-Identifier: ISC
 *
 * Which format, which URL, which headers.
 */
#include "render.h"

#include <stdlib.h>
#include <string.h>

#include "render_formats.h"
#include "text.h"

#define PAGERDUTY_EVENTS  "https://events.pagerduty.com/v2/enqueue"
#define PAGERDUTY_ENQUEUE "/v2/enqueue"

static void add_header(struct render_request *request, const char *line)
{
	request->headers[request->n_headers++] = line;
}

/* base with tail behind it, unless it ends so already. */
static const char *with_tail(struct arena *arena, const char *base, const char *tail)
{
	size_t len = strlen(base), skip = strlen(tail);
	if (len >= skip && strcmp(base + len - skip, tail) == 0)
		return base;
	return arena_printf(arena, "%s%s", base,
			    len > 0 && base[len - 1] == '/' ? tail + 1 : tail);
}

/* Changes have an endpoint of their own, which pages nobody. */
static const char *pagerduty_url(struct arena *arena, const struct notice *n, const char *url)
{
	if (url == NULL)
		url = PAGERDUTY_EVENTS;
	size_t len = strlen(url), tail = strlen(PAGERDUTY_ENQUEUE);
	if (n->status != NOTICE_CHANGED || len < tail ||
	    strcmp(url + len - tail, PAGERDUTY_ENQUEUE) != 0)
		return url;
	return arena_printf(arena, "%.*s/v2/change/enqueue", (int)(len - tail), url);
}

static json_t *webhook(const struct notice *n, const struct render_digest *digest,
		       const struct conf_receiver *r, const struct render_place *place,
		       struct arena *arena, struct render_request *request)
{
	switch ((enum conf_webhook_format)r->format) {
	case CONF_FORMAT_ALERTMANAGER:
		return render_alertmanager(n, digest, r->name);
	case CONF_FORMAT_SLACK:
		return render_slack(n, digest);
	case CONF_FORMAT_TEAMS:
		return render_teams(n, digest);
	case CONF_FORMAT_DISCORD:
		return render_discord(n, digest);
	case CONF_FORMAT_NTFY:
		if (place->token != NULL)
			add_header(request,
				   arena_printf(arena, "Authorization: Bearer %s", place->token));
		return render_ntfy(n, digest, r->topic);
	case CONF_FORMAT_GOTIFY:
		request->url = with_tail(arena, place->url, "/message");
		if (place->token != NULL)
			add_header(request, arena_printf(arena, "X-Gotify-Key: %s", place->token));
		return render_gotify(n, digest);
	case CONF_FORMAT_CLOUDEVENTS:
		return render_cloudevents(n, digest);
	case CONF_FORMAT_JSON:
		break;
	}
	return render_json(n, digest);
}

void render_request(const struct notice *n, const struct notice *list, size_t count,
		    const struct conf_receiver *r, const struct render_place *place,
		    struct arena *arena, struct render_request *request)
{
	const struct render_digest digest = {list, list != NULL ? count : 0};
	json_t *body = NULL;
	*request = (struct render_request){.url = place->url};
	if (r->kind == CONF_PAGERDUTY) {
		request->url = pagerduty_url(arena, n, place->url);
		body = render_pagerduty(n, place->routing_key);
	} else if (r->kind == CONF_ALERTMANAGER) {
		request->url = with_tail(arena, place->url, "/api/v2/alerts");
		body = render_alertmanager_push(n, &digest, place->now);
	} else {
		body = webhook(n, &digest, r, place, arena, request);
	}
	bool cloudevent = r->kind == CONF_WEBHOOK && r->format == CONF_FORMAT_CLOUDEVENTS;
	add_header(request, cloudevent ? "Content-Type: application/cloudevents+json"
				       : "Content-Type: application/json");
	char *text = json_dumps(body, JSON_COMPACT);
	request->body = arena_strdup(arena, text);
	request->len = strlen(request->body);
	free(text);
	json_decref(body);
}
