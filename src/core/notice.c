/* SPDX-License-Identifier: ISC
 *
 * The canonical event to JSON and back.  The contract wants every key in every document, so
 * this is not a shape (which leaves out what is absent) but one table of strings and a few
 * members by hand, in the contract's order.
 */
#include "notice.h"

#include <stdlib.h>
#include <string.h>

#include "stamp.h"
#include "text.h"

const char *const notice_kind_words[] = {"problem", "change", "daemon", "test", NULL};
const char *const notice_status_words[] = {"firing", "resolved", "changed", NULL};

/* -- encoding -- */

static void put(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value != NULL ? value : json_null());
}

static void put_string(json_t *o, const char *key, const char *s)
{
	put(o, key, s != NULL ? json_string(s) : NULL);
}

static void put_strings(json_t *o, const char *key, const char *const *list, size_t n)
{
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(list[i]));
	put(o, key, array);
}

static void put_raw(json_t *o, const char *key, const char *raw)
{
	put(o, key, raw != NULL ? json_loads(raw, JSON_DECODE_ANY, NULL) : NULL);
}

static void put_time(json_t *o, const char *key, int64_t at)
{
	char text[STAMP_TEXT];
	put_string(o, key, at != 0 ? stamp_format(text, at) : NULL);
}

static void put_tags(json_t *o, const struct notice *n)
{
	json_t *tags = json_object();
	for (size_t i = 0; i < n->n_tags; i++)
		put_string(tags, n->tags[i].key, n->tags[i].value);
	put(o, "tags", tags);
}

json_t *notice_to_json(const struct notice *n)
{
	json_t *o = json_object();
	size_t named = n->n_domains < NOTICE_MAX_DOMAINS ? n->n_domains : NOTICE_MAX_DOMAINS;
	int64_t total =
	    n->domains_total > (int64_t)n->n_domains ? n->domains_total : (int64_t)n->n_domains;
	put(o, "schema", json_integer(NOTICE_SCHEMA));
	put_string(o, "id", n->id);
	put_string(o, "incident", n->incident);
	put(o, "seq", json_integer(n->seq));
	put_string(o, "kind", notice_kind_words[n->kind]);
	put_string(o, "status", notice_status_words[n->status]);
	put_string(o, "event", n->event);
	put_string(
	    o, "severity",
	    finding_severity_words[n->severity != SEVERITY_NONE ? n->severity : SEVERITY_INFO]);
	put_string(o, "check", n->check);
	put_string(o, "subject", n->subject);
	put_strings(o, "domains", n->domains, named);
	put(o, "domains_total", json_integer(total));
	put_string(o, "summary", n->summary);
	put_raw(o, "before", n->before);
	put_raw(o, "after", n->after);
	put_string(o, "expected", n->expected);
	put_string(o, "actual", n->actual);
	put_string(o, "impact", n->impact);
	put_string(o, "advice", n->advice);
	put_string(o, "reference", n->reference);
	put_strings(o, "changes", n->changes, n->n_changes);
	put_time(o, "since", n->since);
	put_time(o, "last_ok", n->last_ok);
	put(o, "confirmed_by", json_integer(n->confirmed_by));
	put_string(o, "owner", n->owner);
	put_tags(o, n);
	put_string(o, "url", n->url);
	put_string(o, "runbook_url", n->runbook_url);
	return o;
}

void notice_encode(const struct notice *n, struct buf *out)
{
	json_t *o = notice_to_json(n);
	put_time(o, "at", n->at);
	if (n->n_causes > 0)
		put_strings(o, "causes", n->causes, n->n_causes);
	if (n->title != NULL)
		put_string(o, "title", n->title);
	if (n->acked_by != NULL)
		put_string(o, "acked_by", n->acked_by);
	char *text = json_dumps(o, JSON_COMPACT);
	buf_addstr(out, text);
	free(text);
	json_decref(o);
}

/* -- decoding -- */

static const struct {
	const char *key;
	size_t offset;
	bool required;
} strings[] = {
    {"id", offsetof(struct notice, id), true},
    {"incident", offsetof(struct notice, incident), false},
    {"event", offsetof(struct notice, event), true},
    {"check", offsetof(struct notice, check), false},
    {"subject", offsetof(struct notice, subject), true},
    {"summary", offsetof(struct notice, summary), true},
    {"expected", offsetof(struct notice, expected), false},
    {"actual", offsetof(struct notice, actual), false},
    {"impact", offsetof(struct notice, impact), false},
    {"advice", offsetof(struct notice, advice), false},
    {"reference", offsetof(struct notice, reference), false},
    {"owner", offsetof(struct notice, owner), false},
    {"url", offsetof(struct notice, url), false},
    {"runbook_url", offsetof(struct notice, runbook_url), false},
    {"title", offsetof(struct notice, title), false},
    {"acked_by", offsetof(struct notice, acked_by), false},
};

struct reading {
	const json_t *root;
	struct arena *arena;
	struct error *err;
	bool failed;
};

static json_t *get(const struct reading *r, const char *key)
{
	json_t *v = json_object_get(r->root, key);
	return json_is_null(v) ? NULL : v;
}

static void refuse(struct reading *r, const char *key, const char *why)
{
	if (!r->failed)
		error_set(r->err, "notice.%s: %s", key, why);
	r->failed = true;
}

static const char *read_string(struct reading *r, const char *key, bool required)
{
	json_t *v = get(r, key);
	if (v == NULL && !required)
		return NULL;
	if (!json_is_string(v)) {
		refuse(r, key, "a string is wanted");
		return NULL;
	}
	return arena_strdup(r->arena, json_string_value(v));
}

static int64_t read_int(struct reading *r, const char *key)
{
	json_t *v = get(r, key);
	if (v != NULL && !json_is_integer(v))
		refuse(r, key, "a whole number is wanted");
	return json_integer_value(v);
}

static int read_word(struct reading *r, const char *key, const char *const *words)
{
	const char *s = read_string(r, key, true);
	for (int i = 0; s != NULL && words[i] != NULL; i++) {
		if (strcmp(words[i], s) == 0)
			return i;
	}
	refuse(r, key, "unknown word");
	return 0;
}

static int64_t read_time(struct reading *r, const char *key)
{
	const char *s = read_string(r, key, false);
	int64_t at = 0;
	if (s != NULL && !stamp_parse(s, &at))
		refuse(r, key, "a time in RFC 3339 form is wanted");
	return at;
}

static const char *read_raw(struct reading *r, const char *key)
{
	json_t *v = get(r, key);
	if (v == NULL)
		return NULL;
	char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	const char *copy = arena_strdup(r->arena, text);
	free(text);
	return copy;
}

static const char *const *read_strings(struct reading *r, const char *key, size_t *n)
{
	json_t *v = get(r, key);
	*n = 0;
	if (v == NULL)
		return NULL;
	size_t size = json_array_size(v);
	const char **list = arena_array(r->arena, size, sizeof(*list));
	for (size_t i = 0; i < size; i++) {
		const char *s = json_string_value(json_array_get(v, i));
		if (s == NULL) {
			refuse(r, key, "a list of strings is wanted");
			return NULL;
		}
		list[i] = arena_strdup(r->arena, s);
	}
	*n = size;
	return list;
}

static void read_tags(struct reading *r, struct notice *n)
{
	json_t *tags = get(r, "tags"), *v;
	if (tags == NULL)
		return;
	struct conf_tag *list = arena_array(r->arena, json_object_size(tags), sizeof(*list));
	const char *key;
	json_object_foreach(tags, key, v)
	{
		if (!json_is_string(v)) {
			refuse(r, "tags", "an object of strings is wanted");
			return;
		}
		list[n->n_tags++] = (struct conf_tag){arena_strdup(r->arena, key),
						      arena_strdup(r->arena, json_string_value(v))};
	}
	n->tags = list;
}

int notice_decode(const char *json, size_t len, struct arena *arena, struct notice *n,
		  struct error *err)
{
	json_error_t why;
	json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &why);
	struct reading r = {.root = root, .arena = arena, .err = err};
	*n = (struct notice){0};
	if (!json_is_object(root)) {
		json_decref(root);
		return error_set(err, "notice: %s",
				 root != NULL ? "an object is wanted" : why.text);
	}
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		const char *s = read_string(&r, strings[i].key, strings[i].required);
		memcpy((char *)n + strings[i].offset, &s, sizeof(s));
	}
	n->schema = read_int(&r, "schema");
	if (n->schema != NOTICE_SCHEMA)
		refuse(&r, "schema", "not a version known here");
	n->seq = read_int(&r, "seq");
	n->kind = read_word(&r, "kind", notice_kind_words);
	n->status = read_word(&r, "status", notice_status_words);
	n->severity = read_word(&r, "severity", finding_severity_words);
	n->domains = read_strings(&r, "domains", &n->n_domains);
	n->domains_total = read_int(&r, "domains_total");
	n->before = read_raw(&r, "before");
	n->after = read_raw(&r, "after");
	n->changes = read_strings(&r, "changes", &n->n_changes);
	n->causes = read_strings(&r, "causes", &n->n_causes);
	n->since = read_time(&r, "since");
	n->last_ok = read_time(&r, "last_ok");
	n->at = read_time(&r, "at");
	n->confirmed_by = read_int(&r, "confirmed_by");
	read_tags(&r, n);
	json_decref(root);
	return r.failed ? -1 : 0;
}
