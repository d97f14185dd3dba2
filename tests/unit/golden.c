/* SPDX-License-Identifier: ISC */
#include "golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"
#include "stamp.h"

#define LIST_MAX 8

const char *const golden_files[] = {"healthy.json",
				    "mx.json",
				    "smtp.json",
				    "tls.json",
				    "cert.json",
				    "dane.json",
				    "mta_sts.json",
				    "history.json",
				    "tls_rpt.json",
				    "submission.json",
				    "watchlist.json",
				    "self.json",
				    NULL};

/* -- patches -------------------------------------------------------------------------------- */

json_t *golden_load(const char *name)
{
	char path[512];
	json_error_t err;

	snprintf(path, sizeof(path), "%s/golden/%s", TESTDIR, name);
	json_t *v = json_load_file(path, JSON_REJECT_DUPLICATES, &err);
	if (!v)
		fail_msg("%s:%d: %s", path, err.line, err.text);
	return v;
}

static json_t *child(json_t *at, const char *key)
{
	return json_is_array(at) ? json_array_get(at, (size_t)atoi(key)) : json_object_get(at, key);
}

static void set(json_t *at, const char *key, json_t *value)
{
	size_t i = (size_t)atoi(key);

	if (!json_is_array(at) && json_is_null(value))
		json_object_del(at, key);
	else if (!json_is_array(at))
		json_object_set(at, key, value);
	else if (json_is_null(value))
		json_array_remove(at, i);
	else if (i == json_array_size(at))
		json_array_append(at, value);
	else
		json_array_set(at, i, value);
}

static void patch(json_t *doc, const char *pointer, json_t *value)
{
	char *copy = mem_strdup(pointer + 1), *key = copy;
	json_t *at = doc;

	for (char *next; (next = strchr(key, '/')) != NULL; key = next + 1) {
		*next = '\0';
		at = child(at, key);
		if (!at)
			fail_msg("%s leads nowhere", pointer);
	}
	json_t *own = json_deep_copy(value);
	set(at, key, own);
	json_decref(own);
	free(copy);
}

/* -- a case ----------------------------------------------------------------------------------- */

const char *golden_text(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static int64_t time_at(json_t *o, const char *key)
{
	const char *s = golden_text(o, key);
	int64_t at = 0;

	if (s && !stamp_parse(s, &at))
		fail_msg("not a time: %s", s);
	return at;
}

static struct observation *decode(struct golden *w, json_t *doc)
{
	char *text = json_dumps(doc, JSON_COMPACT);
	struct error err = {""};
	struct observation *o =
	    observation_decode(text, strlen(text), SHAPE_STRICT, w->arena, &err);

	if (!o)
		fail_msg("%s: %s", w->name, err.text);
	free(text);
	return o;
}

static const char *const *texts(struct golden *w, json_t *list, size_t *n)
{
	const char **out = arena_array(w->arena, json_array_size(list) + 1, sizeof(*out));

	*n = json_array_size(list);
	for (size_t i = 0; i < *n; i++)
		out[i] = json_string_value(json_array_get(list, i));
	return *n ? out : NULL;
}

static void read_expectations(struct golden *w, json_t *e)
{
	struct conf_expect *x = &w->extra.expect;

	x->mta_sts = golden_text(e, "mta_sts");
	x->mta_sts_mode = golden_text(e, "mta_sts_mode");
	x->dane = golden_text(e, "dane");
	x->tls_rpt = golden_text(e, "tls_rpt");
	x->submission = golden_text(e, "submission");
	x->dnssec = golden_text(e, "dnssec");
	x->min_tls = golden_text(e, "min_tls");
	x->mx = texts(w, json_object_get(e, "mx"), &x->n_mx);
	x->issuer = texts(w, json_object_get(e, "issuer"), &x->n_issuer);
	x->unreachable = texts(w, json_object_get(e, "unreachable"), &x->n_unreachable);
}

static void read_switches(struct golden *w, json_t *checks)
{
	const char *key;
	json_t *value;

	json_object_foreach(
	    checks, key,
	    value) for (int g = 0; g < CONF_CHECK_N;
			g++) for (int s = 0; conf_switch_words[s];
				  s++) if (strcmp(key, conf_check_group_words[g]) == 0 &&
					   strcmp(json_string_value(value), conf_switch_words[s]) ==
					       0) w->settings.checks[g] = (enum conf_switch)s;
}

static void read_lists(struct golden *w, json_t *c)
{
	json_t *accept = json_object_get(c, "accept"), *severity = json_object_get(c, "severity");
	json_t *submission = json_object_get(c, "submission_conf");
	struct conf_accept *a = arena_array(w->arena, LIST_MAX, sizeof(*a));
	struct conf_severity *s = arena_array(w->arena, LIST_MAX, sizeof(*s));
	struct conf_submission *u = arena_array(w->arena, LIST_MAX, sizeof(*u));
	static const int64_t ports[] = {465, 587};
	size_t i;
	json_t *e;

	json_array_foreach(accept, i, e) a[w->extra.n_accept++] =
	    (struct conf_accept){golden_text(e, "finding"), golden_text(e, "subject"),
				 time_at(e, "until"), golden_text(e, "reason")};
	json_array_foreach(severity, i, e)
	{
		const char *word = json_string_value(json_array_get(e, 1));
		enum finding_severity level = SEVERITY_INFO;
		while (strcmp(finding_severity_words[level], word) != 0)
			level++;
		s[w->settings.n_severity++] =
		    (struct conf_severity){json_string_value(json_array_get(e, 0)), level};
	}
	json_array_foreach(submission, i, e) u[w->extra.n_submission++] =
	    (struct conf_submission){golden_text(e, "host"), ports, 2};
	w->extra.accept = a;
	w->settings.severity = s;
	w->extra.submission = u;
}

static void read_history(struct golden *w, json_t *h)
{
	struct eval_policy_seen *p = arena_array(w->arena, LIST_MAX, sizeof(*p));
	struct eval_cert_seen *s = arena_array(w->arena, LIST_MAX, sizeof(*s));
	size_t i;
	json_t *e;

	if (!h)
		return;
	json_array_foreach(json_object_get(h, "policies"), i, e) p[w->history.n_policies++] =
	    (struct eval_policy_seen){golden_text(e, "id"), golden_text(e, "body"),
				      time_at(e, "first"), time_at(e, "last")};
	json_array_foreach(json_object_get(h, "certs"), i, e) s[w->history.n_certs++] =
	    (struct eval_cert_seen){golden_text(e, "subject"), golden_text(e, "sha256"),
				    time_at(e, "not_before"),  time_at(e, "not_after"),
				    time_at(e, "first"),       time_at(e, "last")};
	w->history.policies = p;
	w->history.certs = s;
	w->history.available = json_is_true(json_object_get(h, "available"));
	w->history.id_since = time_at(h, "id_since");
	w->history.body_since = time_at(h, "body_since");
	w->history.cname_mta_sts_record = golden_text(h, "cname_mta_sts_record");
	w->history.cname_mta_sts_host = golden_text(h, "cname_mta_sts_host");
	w->history.relay_accepted_before = time_at(h, "relay_accepted_before");
	w->in.history = &w->history;
}

json_t *golden_document(json_t *base, json_t *c)
{
	json_t *doc = json_deep_copy(base), *value;
	const char *key;

	json_object_foreach(json_object_get(c, "patch"), key, value) patch(doc, key, value);
	return doc;
}

void golden_judge(struct golden *w, json_t *doc, json_t *c)
{
	struct conf *conf = conf_new();
	json_t *value, *flag;
	const char *key;

	*w = (struct golden){.arena = arena_new(), .name = golden_text(c, "name")};
	w->settings = conf->defaults;
	read_expectations(w, json_object_get(c, "expect_conf"));
	read_switches(w, json_object_get(c, "checks"));
	read_lists(w, c);
	read_history(w, json_object_get(c, "history"));
	w->in.domain = decode(w, json_object_get(doc, "domain"));
	json_object_foreach(json_object_get(doc, "hosts"), key, value) w->hosts[w->in.n_hosts++] =
	    decode(w, value);
	w->conf = (struct conf_domain){w->in.domain->subject, &w->settings, &w->extra};
	w->in.hosts = w->hosts;
	w->in.conf = &w->conf;
	w->in.now = w->in.domain->at;
	flag = json_object_get(c, "allow_private");
	w->in.allow_private = !flag || json_is_true(flag);
	flag = json_object_get(c, "submission");
	w->in.submission = !flag || json_is_true(flag);
	w->in.only = golden_text(c, "only");
	w->in.skip = golden_text(c, "skip");
	w->in.clock_step_s = json_integer_value(json_object_get(c, "clock_step"));
	findings_init(&w->findings);
	eval(&w->in, &w->findings);
	eval_self(&w->in, json_is_true(json_object_get(c, "canaries")), &w->findings);
	conf_free(conf);
}

void golden_end(struct golden *w)
{
	findings_clear(&w->findings);
	arena_free(w->arena);
}
