/* SPDX-License-Identifier: ISC
 *
 * The document is walked member by member; a struct place goes down with the walk and turns
 * into line and column only when there is something to say.
 */
#include "tls_rpt_report.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <jansson.h>

#include "json_place.h"
#include "name.h"
#include "stamp.h"
#include "text.h"

#define SECTION	       "RFC 8460 §4.4"
#define RESULT_SECTION "RFC 8460 §4.3"
#define COUNT_MAX      1000000000000 /* sessions in a day; sums of it cannot overflow */
#define COUNT_DIGITS   12

struct reader {
	const char *json;
	size_t len;
	struct arena *arena;
	struct remarks *remarks;
	bool failed;
};

static void __attribute__((format(printf, 5, 6)))
say(struct reader *r, enum remark_level level, const struct json_path *at, const char *reference,
    const char *fmt, ...)
{
	size_t line, column;
	va_list ap;

	bool first_error = level == REMARK_ERROR && !r->failed;
	r->failed |= level == REMARK_ERROR;
	if (r->remarks->n >= REMARKS_MAX && !first_error)
		return;
	json_place_find(r->json, r->len, at, &line, &column);
	va_start(ap, fmt);
	remarks_add(r->remarks, level, line, column, reference, "%s",
		    arena_vprintf(r->arena, fmt, ap));
	va_end(ap);
}

static const char *quote(struct reader *r, const char *s)
{
	return remarks_quote(r->remarks, s, strlen(s));
}

/* -- members ------------------------------------------------------------------------------ */

/* A string; NULL, and a remark of that level, if it is missing, null, empty or something else. */
static const char *read_string(struct reader *r, json_t *object, const struct json_path *parent,
			       const char *key, enum remark_level level)
{
	struct json_path at = {parent, key, 0};
	json_t *value = json_object_get(object, key);

	if (json_is_string(value) && json_string_length(value) > 0)
		return arena_strdup(r->arena, json_string_value(value));
	if (value == NULL)
		say(r, level, &at, SECTION, "\"%s\" is missing", key);
	else
		say(r, level, &at, SECTION, "\"%s\" is a string, not %s", key,
		    json_is_null(value)	    ? "null"
		    : json_is_string(value) ? "empty"
					    : "this");
	return NULL;
}

/* As read_string, but silent when the member is missing. */
static const char *read_optional(struct reader *r, json_t *object, const struct json_path *parent,
				 const char *key)
{
	return json_object_get(object, key) != NULL
		   ? read_string(r, object, parent, key, REMARK_WARNING)
		   : NULL;
}

static int64_t read_count(struct reader *r, json_t *object, const struct json_path *parent,
			  const char *key)
{
	struct json_path at = {parent, key, 0};
	json_t *value = json_object_get(object, key);
	const char *text = json_string_value(value);

	if (json_is_integer(value) && json_integer_value(value) >= 0 &&
	    json_integer_value(value) <= COUNT_MAX)
		return json_integer_value(value);
	if (value == NULL) {
		say(r, REMARK_WARNING, &at, SECTION, "\"%s\" is missing", key);
	} else if (text != NULL && text[0] != '\0' && strlen(text) <= COUNT_DIGITS &&
		   text[strspn(text, "0123456789")] == '\0') {
		int64_t n = 0;
		for (; *text != '\0'; text++)
			n = n * 10 + (*text - '0');
		say(r, REMARK_WARNING, &at, SECTION, "\"%s\" is a number, not a string", key);
		return n;
	} else {
		say(r, REMARK_ERROR, &at, SECTION, "\"%s\" is a number of sessions, not this", key);
	}
	return 0;
}

/* Members that nobody defined are passed over (RFC 7493 §4.2); a near miss is worth a word. */
static void note_unknown(struct reader *r, json_t *object, const struct json_path *parent,
			 const char *const *known)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		struct json_path at = {parent, key, 0};
		const char *const *k = known;
		while (*k != NULL && strcmp(*k, key) != 0)
			k++;
		if (*k == NULL)
			say(r, REMARK_NOTE, &at, SECTION, "member %s is not in the RFC",
			    quote(r, key));
	}
}

/* -- a list of strings, or the one string some reporters send (erratum 6241) ---------------- */

static void read_hosts(struct reader *r, json_t *object, const struct json_path *parent,
		       const char *key, struct tls_rpt_policy *p)
{
	struct json_path at = {parent, key, 0};
	json_t *value = json_object_get(object, key), *item;
	size_t i;

	if (value == NULL)
		return;
	if (!json_is_array(value) && !json_is_string(value)) {
		say(r, REMARK_WARNING, &at, SECTION, "\"%s\" is an array of strings, not this",
		    key);
		return;
	}
	size_t n = json_is_string(value) ? 1 : json_array_size(value);
	const char **list = arena_array(r->arena, n, sizeof(*list));
	p->mx_host = list;
	if (json_is_string(value)) {
		say(r, REMARK_NOTE, &at, SECTION,
		    "\"%s\" is an array of strings, not a string (erratum 6241)", key);
		list[p->n_mx_host++] = arena_strdup(r->arena, json_string_value(value));
		return;
	}
	json_array_foreach(value, i, item)
	{
		struct json_path place = {&at, NULL, i};
		if (json_is_string(item))
			list[p->n_mx_host++] = arena_strdup(r->arena, json_string_value(item));
		else
			say(r, REMARK_WARNING, &place, SECTION, "not a string");
	}
}

static void check_policy_string(struct reader *r, json_t *object, const struct json_path *parent)
{
	struct json_path at = {parent, "policy-string", 0};
	json_t *value = json_object_get(object, "policy-string"), *item;
	size_t i;

	if (value != NULL && !json_is_array(value)) {
		say(r, REMARK_WARNING, &at, SECTION, "\"policy-string\" is an array of strings");
		return;
	}
	json_array_foreach(value, i, item)
	{
		struct json_path place = {&at, NULL, i};
		if (!json_is_string(item))
			say(r, REMARK_WARNING, &place, SECTION, "not a string");
	}
}

/* -- failure-details ---------------------------------------------------------------------- */

static void check_address(struct reader *r, const struct json_path *parent, const char *key,
			  const char *value)
{
	struct json_path at = {parent, key, 0};
	if (value != NULL && name_address_class(value) == NAME_ADDRESS_INVALID)
		say(r, REMARK_WARNING, &at, SECTION, "\"%s\" is an IP address, not %s", key,
		    quote(r, value));
}

static void read_failure(struct reader *r, json_t *object, const struct json_path *at,
			 struct tls_rpt_failure *f)
{
	static const char *const results[] = {"starttls-not-supported", "certificate-host-mismatch",
					      "certificate-expired",	"certificate-not-trusted",
					      "validation-failure",	"tlsa-invalid",
					      "dnssec-invalid",		"dane-required",
					      "sts-policy-fetch-error", "sts-policy-invalid",
					      "sts-webpki-invalid",	NULL};
	static const char *const known[] = {"result-type",
					    "sending-mta-ip",
					    "receiving-mx-hostname",
					    "receiving-mx-helo",
					    "receiving-ip",
					    "failed-session-count",
					    "additional-information",
					    "additional-info-uri",
					    "failure-reason-code",
					    "failure-error-code",
					    NULL};
	struct json_path type = {at, "result-type", 0};
	const char *const *k = results;

	f->result_type = read_string(r, object, at, "result-type", REMARK_ERROR);
	while (f->result_type != NULL && *k != NULL && strcmp(*k, f->result_type) != 0)
		k++;
	if (*k == NULL)
		say(r, REMARK_WARNING, &type, RESULT_SECTION, "unknown result type %s",
		    quote(r, f->result_type));
	f->sending_mta_ip = read_string(r, object, at, "sending-mta-ip", REMARK_NOTE);
	check_address(r, at, "sending-mta-ip", f->sending_mta_ip);
	f->receiving_mx_hostname = read_optional(r, object, at, "receiving-mx-hostname");
	f->receiving_ip = read_optional(r, object, at, "receiving-ip");
	check_address(r, at, "receiving-ip", f->receiving_ip);
	f->reason = read_optional(r, object, at, "failure-reason-code");
	f->sessions = read_count(r, object, at, "failed-session-count");
	note_unknown(r, object, at, known);
}

static void read_failures(struct reader *r, json_t *object, const struct json_path *parent,
			  struct tls_rpt_policy *p)
{
	struct json_path at = {parent, "failure-details", 0};
	json_t *list = json_object_get(object, "failure-details"), *item;
	int64_t sum = 0;
	size_t i;

	if (list != NULL && !json_is_array(list)) {
		say(r, json_is_null(list) ? REMARK_WARNING : REMARK_ERROR, &at, SECTION,
		    "\"failure-details\" is an array");
		list = NULL;
	}
	p->failure = arena_array(r->arena, json_array_size(list), sizeof(*p->failure));
	json_array_foreach(list, i, item)
	{
		struct json_path place = {&at, NULL, i};
		if (!json_is_object(item)) {
			say(r, REMARK_ERROR, &place, SECTION, "a failure detail is an object");
			continue;
		}
		struct tls_rpt_failure *f = &p->failure[p->n_failures++];
		read_failure(r, item, &place, f);
		sum += f->sessions;
	}
	if (p->n_failures > 0 && sum != p->failed)
		say(r, REMARK_NOTE, &at, SECTION,
		    "the details add up to %lld failed sessions, the summary says %lld",
		    (long long)sum, (long long)p->failed);
}

/* -- policies ----------------------------------------------------------------------------- */

static void read_policy_head(struct reader *r, json_t *item, const struct json_path *parent,
			     struct tls_rpt_policy *p)
{
	static const char *const types[] = {"tlsa", "sts", "no-policy-found", NULL};
	static const char *const known[] = {"policy-type", "policy-string", "policy-domain",
					    "mx-host", NULL};
	struct json_path at = {parent, "policy", 0}, type = {&at, "policy-type", 0};
	json_t *object = json_object_get(item, "policy");
	const char *const *k = types;

	if (!json_is_object(object)) {
		say(r, REMARK_ERROR, &at, SECTION, "\"policy\" is missing or no object");
		return;
	}
	p->type = read_string(r, object, &at, "policy-type", REMARK_ERROR);
	while (p->type != NULL && *k != NULL && strcmp(*k, p->type) != 0)
		k++;
	if (*k == NULL)
		say(r, REMARK_ERROR, &type, SECTION,
		    "\"policy-type\" is tlsa, sts or no-policy-found, not %s", quote(r, p->type));
	p->domain = read_string(r, object, &at, "policy-domain", REMARK_WARNING);
	check_policy_string(r, object, &at);
	read_hosts(r, object, &at, "mx-host", p);
	note_unknown(r, object, &at, known);
}

static void read_summary(struct reader *r, json_t *item, const struct json_path *parent,
			 struct tls_rpt_policy *p)
{
	struct json_path at = {parent, "summary", 0};
	json_t *object = json_object_get(item, "summary");

	if (!json_is_object(object)) {
		say(r, REMARK_ERROR, &at, SECTION, "\"summary\" is missing or no object");
		return;
	}
	p->successful = read_count(r, object, &at, "total-successful-session-count");
	p->failed = read_count(r, object, &at, "total-failure-session-count");
}

static void read_policies(struct reader *r, json_t *root, const struct json_path *parent,
			  struct tls_rpt_report *report)
{
	static const char *const known[] = {"policy", "summary", "failure-details", NULL};
	struct json_path at = {parent, "policies", 0};
	json_t *list = json_object_get(root, "policies"), *item;
	size_t i;

	if (!json_is_array(list)) {
		say(r, REMARK_ERROR, &at, SECTION, "\"policies\" is missing or no array");
		return;
	}
	if (json_array_size(list) == 0)
		say(r, REMARK_WARNING, &at, SECTION, "\"policies\" is empty");
	report->policy = arena_array(r->arena, json_array_size(list), sizeof(*report->policy));
	json_array_foreach(list, i, item)
	{
		struct json_path place = {&at, NULL, i};
		if (!json_is_object(item)) {
			say(r, REMARK_ERROR, &place, SECTION,
			    "an item of \"policies\" is an object");
			continue;
		}
		struct tls_rpt_policy *p = &report->policy[report->n_policies++];
		read_policy_head(r, item, &place, p);
		read_summary(r, item, &place, p);
		read_failures(r, item, &place, p);
		note_unknown(r, item, &place, known);
	}
}

/* -- the report --------------------------------------------------------------------------- */

static int64_t read_date(struct reader *r, json_t *object, const struct json_path *parent,
			 const char *key)
{
	struct json_path at = {parent, key, 0};
	const char *text = read_string(r, object, parent, key, REMARK_ERROR);
	int64_t when = 0;

	if (text != NULL && (strchr(text, 'T') == NULL || !stamp_parse(text, &when)))
		say(r, REMARK_ERROR, &at, SECTION, "\"%s\" is a date and time of RFC 3339, not %s",
		    key, quote(r, text));
	return when;
}

static void read_range(struct reader *r, json_t *root, const struct json_path *parent,
		       struct tls_rpt_report *report)
{
	struct json_path at = {parent, "date-range", 0};
	json_t *object = json_object_get(root, "date-range");

	if (!json_is_object(object)) {
		say(r, REMARK_ERROR, &at, SECTION, "\"date-range\" is missing or no object");
		return;
	}
	report->start = read_date(r, object, &at, "start-datetime");
	report->end = read_date(r, object, &at, "end-datetime");
	if (report->end != 0 && report->end < report->start)
		say(r, REMARK_ERROR, &at, SECTION, "the report ends before it starts");
}

/* I-JSON (RFC 7493 §2): UTF-8, no member twice; and no deeper than anyone needs. */
static json_t *load(struct reader *r)
{
	json_error_t error;
	json_t *root = NULL;
	size_t depth = json_place_depth(r->json, r->len);

	if (depth > TLS_RPT_REPORT_DEPTH) {
		remarks_add(r->remarks, REMARK_ERROR, 1, 1, SECTION,
			    "nested %zu deep, more than %d", depth, TLS_RPT_REPORT_DEPTH);
		return NULL;
	}
	root = json_loadb(r->json, r->len, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL)
		remarks_add(r->remarks, REMARK_ERROR, error.line > 0 ? (size_t)error.line : 1,
			    error.column > 0 ? (size_t)error.column : 1, "RFC 7493 §2",
			    "not I-JSON: %s",
			    remarks_quote(r->remarks, error.text, strlen(error.text)));
	else if (!json_is_object(root))
		remarks_add(r->remarks, REMARK_ERROR, 1, 1, SECTION, "a report is an object");
	return root;
}

int tls_rpt_report_parse(const char *json, size_t len, struct arena *arena,
			 struct tls_rpt_report *report, struct remarks *remarks)
{
	static const char *const known[] = {"organization-name", "date-range", "contact-info",
					    "report-id",	 "policies",   NULL};
	struct reader r = {.json = json, .len = len, .arena = arena, .remarks = remarks};
	struct json_path at = {NULL, NULL, 0};
	json_t *root = load(&r);

	*report = (struct tls_rpt_report){0};
	if (!json_is_object(root)) {
		json_decref(root);
		return -1;
	}
	report->organization = read_string(&r, root, &at, "organization-name", REMARK_WARNING);
	report->contact = read_string(&r, root, &at, "contact-info", REMARK_WARNING);
	report->id = read_string(&r, root, &at, "report-id", REMARK_WARNING);
	read_range(&r, root, &at, report);
	read_policies(&r, root, &at, report);
	note_unknown(&r, root, &at, known);
	json_decref(root);
	return r.failed ? -1 : 0;
}
