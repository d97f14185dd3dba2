/* SPDX-License-Identifier: ISC
 *
 * Prometheus Alertmanager in both directions: its own webhook payload (version 4), which every
 * bridge understands, and the alerts of its API v2.  An alert's identity is its labels, so they
 * hold only what stays through the life of an incident; the rest are annotations.
 */
#include "render_formats.h"
#include "render_parts.h"
#include "stamp.h"

#include <stdio.h>
#include <string.h>

#define NEVER	  "0001-01-01T00:00:00Z"
#define CHANGE_S  900 /* how long a change fires */
#define PROBLEM_S 240 /* how long a problem does unless it is renewed: every minute */

static void put(json_t *o, const char *key, const char *value)
{
	if (value != NULL && *value != '\0')
		json_object_set_new(o, key, json_string(value));
}

/* A tag under a label name of its own: [a-zA-Z_][a-zA-Z0-9_]*. */
static void put_tag(json_t *labels, const struct conf_tag *tag)
{
	char name[64];
	snprintf(name, sizeof(name), "tag_%s", tag->key);
	for (char *p = name; *p != '\0'; p++) {
		bool ok = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			  (*p >= '0' && *p <= '9');
		if (!ok)
			*p = '_';
	}
	put(labels, name, tag->value);
}

static json_t *labels_of(const struct notice *n)
{
	json_t *labels = json_object();
	put(labels, "alertname", n->event);
	put(labels, "job", "mxwatch");
	put(labels, "check", n->check);
	put(labels, "subject", n->subject);
	if (n->n_domains == 1 && render_total(n) == 1)
		put(labels, "domain", n->domains[0]);
	put(labels, "owner", n->owner);
	for (size_t i = 0; i < n->n_tags; i++)
		put_tag(labels, &n->tags[i]);
	return labels;
}

static json_t *annotations_of(const struct notice *n)
{
	json_t *a = json_object();
	char total[24];
	snprintf(total, sizeof(total), "%lld", (long long)render_total(n));
	put(a, "summary", n->summary);
	put(a, "expected", n->expected);
	put(a, "actual", n->actual);
	put(a, "impact", n->impact);
	put(a, "advice", n->advice);
	put(a, "reference", n->reference);
	put(a, "incident", n->incident);
	put(a, "domains_total", total);
	put(a, "runbook_url", n->runbook_url);
	return a;
}

/* FNV-1a over the identity, 16 hex digits as Alertmanager has them. */
static void fingerprint(const struct notice *n, char out[17])
{
	const char *const parts[] = {n->event, n->check != NULL ? n->check : "", n->subject};
	uint64_t h = 14695981039346656037ULL;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		for (const char *p = parts[i];; p++) {
			h = (h ^ (unsigned char)*p) * 1099511628211ULL;
			if (*p == '\0')
				break;
		}
	}
	snprintf(out, 17, "%016llx", (unsigned long long)h);
}

static json_t *alert(const struct notice *n, const char *ends_at)
{
	char since[STAMP_TEXT];
	json_t *labels = labels_of(n);
	put(labels, "severity", finding_severity_words[n->severity]);
	json_t *a = json_pack(
	    "{s:o,s:o,s:s,s:s}", "labels", labels, "annotations", annotations_of(n), "startsAt",
	    stamp_format(since, n->since != 0 ? n->since : n->at), "endsAt", ends_at);
	json_object_set_new(a, "generatorURL", json_string(n->url != NULL ? n->url : ""));
	return a;
}

/* One alert of the webhook's payload. */
static json_t *delivered(const struct notice *n)
{
	char ended[STAMP_TEXT], print[17];
	bool resolved = n->status == NOTICE_RESOLVED;
	json_t *a = alert(n, resolved ? stamp_format(ended, n->at) : NEVER);
	fingerprint(n, print);
	json_object_set_new(a, "status", json_string(resolved ? "resolved" : "firing"));
	json_object_set_new(a, "fingerprint", json_string(print));
	return a;
}

/* What all alerts have equal under this key. */
static json_t *common(const json_t *alerts, const char *key)
{
	json_t *shared = json_deep_copy(json_object_get(json_array_get(alerts, 0), key)), *v;
	const char *name;
	void *next;
	size_t i;
	json_t *a;
	json_array_foreach(alerts, i, a)
	{
		json_object_foreach_safe(shared, next, name, v)
		{
			if (!json_equal(v, json_object_get(json_object_get(a, key), name)))
				json_object_del(shared, name);
		}
	}
	return shared;
}

json_t *render_alertmanager(const struct notice *n, const struct render_digest *digest,
			    const char *receiver)
{
	json_t *alerts = json_array();
	bool firing = false;
	for (size_t i = 0; i < digest->n; i++) {
		json_array_append_new(alerts, delivered(&digest->item[i]));
		firing = firing || digest->item[i].status != NOTICE_RESOLVED;
	}
	if (digest->n == 0) {
		json_array_append_new(alerts, delivered(n));
		firing = n->status != NOTICE_RESOLVED;
	}
	json_t *root =
	    json_pack("{s:s,s:s,s:i,s:s,s:s,s:o,s:o,s:o,s:s,s:o}", "version", "4", "groupKey",
		      n->incident != NULL ? n->incident : n->id, "truncatedAlerts", 0, "status",
		      firing ? "firing" : "resolved", "receiver", receiver, "groupLabels",
		      json_object(), "commonLabels", common(alerts, "labels"), "commonAnnotations",
		      common(alerts, "annotations"), "externalURL", n->url != NULL ? n->url : "",
		      "alerts", alerts);
	if (digest->n == 0)
		json_object_set_new(json_object_get(root, "groupLabels"), "alertname",
				    json_string(n->event));
	return root;
}

static json_t *pushed(const struct notice *n, int64_t now)
{
	char ends[STAMP_TEXT];
	int64_t end = n->status == NOTICE_RESOLVED  ? now
		      : n->status == NOTICE_CHANGED ? now + CHANGE_S
						    : now + PROBLEM_S;
	return alert(n, stamp_format(ends, end));
}

json_t *render_alertmanager_push(const struct notice *n, const struct render_digest *digest,
				 int64_t now)
{
	json_t *list = json_array();
	for (size_t i = 0; i < digest->n; i++)
		json_array_append_new(list, pushed(&digest->item[i], now));
	if (digest->n == 0)
		json_array_append_new(list, pushed(n, now));
	return list;
}
