/* SPDX-License-Identifier: ISC
 *
 * Golden judgements: tests/golden/base.json is a domain where everything is well; each case of
 * the other files patches it (JSON pointers; null removes) and names the findings that must
 * come out as [id, subject, status, severity], and where it matters the grade, the exit
 * status, parts of summaries and what is definitive.  Every case is also checked for what
 * holds always, and all cases together for every outcome a check can have.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "check.h"
#include "eval.h"
#include "grade.h"
#include "mem.h"
#include "observation.h"
#include "stamp.h"
#include "text.h"

#define HOSTS_MAX 8
#define LIST_MAX  8

/* Outcomes the cases must reach together: p(ass) i(nfo) w(arn) f(ail) s(kip) u(nknown). */
static const struct outcomes {
	const char *id, *letters;
} wanted[] = {
    {"mx.present", "piwfu"},
    {"mx.dnssec", "pwfsu"},
    {"mx.resolves", "pwfsu"},
    {"mx.address_dnssec", "pifsu"},
    {"mx.ipv6", "pisu"},
    {"mx.redundancy", "pisu"},
    {"dnssec.rrsig_expiry", "pwfsu"},
    {"caa.issuer", "pwsu"},
    {"smtp.connect", "pfsu"},
    {"smtp.ehlo", "pwfsu"},
    {"smtp.ptr", "pwsu"},
    {"smtp.banner_name", "pisu"},
    {"smtp.open_relay", "pwfsu"},
    {"smtp.starttls_repeat", "pisu"},
    {"smtp.auth_cleartext", "pwfsu"},
    {"tls.starttls", "pfsu"},
    {"tls.starttls_injection", "pfsu"},
    {"tls.version", "piwfsu"},
    {"tls.cipher", "piwfsu"},
    {"tls.key_exchange", "piwfsu"},
    {"tls.compression", "pwsu"},
    {"tls.renegotiation", "pwsu"},
    {"tls.cert.trusted", "piwfsu"},
    {"tls.cert.name", "piwfsu"},
    {"tls.cert.validity", "pifsu"},
    {"tls.cert.expiry", "pwsu"},
    {"tls.cert.key", "pfsu"},
    {"tls.cert.signature", "pfsu"},
    {"tls.cert.pool", "piwsu"},
    {"tls.cert.renewal", "pwsu"},
    {"tls.sni_fallback", "pisu"},
    {"dane.tlsa", "piwfsu"},
    {"dane.dnssec", "pwfsu"},
    {"dane.match", "pfsu"},
    {"dane.rollover", "pisu"},
    {"dane.covers_all_mx", "pwsu"},
    {"dane.denial", "pfsu"},
    {"dane.future", "pwsu"},
    {"dane.ttl", "piwsu"},
    {"mta_sts.record", "piwfsu"},
    {"mta_sts.dnssec", "pifsu"},
    {"mta_sts.policy.tls", "pfsu"},
    {"mta_sts.policy.fetch", "pfsu"},
    {"mta_sts.policy.content_type", "pwsu"},
    {"mta_sts.policy.syntax", "pwfsu"},
    {"mta_sts.policy.mode", "pwfsu"},
    {"mta_sts.policy.max_age", "piwsu"},
    {"mta_sts.mx_match", "pifsu"},
    {"mta_sts.mx_tls", "pwfsu"},
    {"mta_sts.cert_expiry", "pwsu"},
    {"mta_sts.host_consistency", "pwsu"},
    {"mta_sts.id_body", "piws"},
    {"mta_sts.cache_hazard", "pfsu"},
    {"mta_sts.withdrawal", "pwsu"},
    {"mta_sts.delegation", "pifsu"},
    {"tls_rpt.record", "piwfsu"},
    {"tls_rpt.dnssec", "pifsu"},
    {"tls_rpt.destination", "pwsu"},
    {"tls_rpt.self", "pisu"},
    {"delivery.sender_view", "pifsu"},
    {"submission.discovery", "pifsu"},
    {"submission.connect", "piwfsu"},
    {"self.resolver", "pi"},
    {"self.egress25", "pis"},
    {"self.ipv6", "pis"},
    {"self.clock", "pi"},
    {"self.ca_bundle", "pi"},
};
static const char letters[] = "piwfsu"; /* by enum finding_status */
static bool reached[sizeof(wanted) / sizeof(wanted[0])][6];

/* -- patches -------------------------------------------------------------------------------- */

static json_t *load(const char *name)
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

struct world {
	struct arena *arena;
	const char *name; /* of the case */
	struct eval_input in;
	struct conf_domain conf;
	struct conf_settings settings;
	struct conf_extra extra;
	struct eval_history history;
	const struct observation *hosts[HOSTS_MAX];
	struct findings findings;
};

static const char *text_at(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static int64_t time_at(json_t *o, const char *key)
{
	const char *s = text_at(o, key);
	int64_t at = 0;

	if (s && !stamp_parse(s, &at))
		fail_msg("not a time: %s", s);
	return at;
}

static struct observation *decode(struct world *w, json_t *doc)
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

static const char *const *texts(struct world *w, json_t *list, size_t *n)
{
	const char **out = arena_array(w->arena, json_array_size(list) + 1, sizeof(*out));

	*n = json_array_size(list);
	for (size_t i = 0; i < *n; i++)
		out[i] = json_string_value(json_array_get(list, i));
	return *n ? out : NULL;
}

static void read_expectations(struct world *w, json_t *e)
{
	struct conf_expect *x = &w->extra.expect;

	x->mta_sts = text_at(e, "mta_sts");
	x->mta_sts_mode = text_at(e, "mta_sts_mode");
	x->dane = text_at(e, "dane");
	x->tls_rpt = text_at(e, "tls_rpt");
	x->submission = text_at(e, "submission");
	x->dnssec = text_at(e, "dnssec");
	x->min_tls = text_at(e, "min_tls");
	x->mx = texts(w, json_object_get(e, "mx"), &x->n_mx);
	x->issuer = texts(w, json_object_get(e, "issuer"), &x->n_issuer);
	x->unreachable = texts(w, json_object_get(e, "unreachable"), &x->n_unreachable);
}

static void read_switches(struct world *w, json_t *checks)
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

static void read_lists(struct world *w, json_t *c)
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
	    (struct conf_accept){text_at(e, "finding"), text_at(e, "subject"), time_at(e, "until"),
				 text_at(e, "reason")};
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
	    (struct conf_submission){text_at(e, "host"), ports, 2};
	w->extra.accept = a;
	w->settings.severity = s;
	w->extra.submission = u;
}

static void read_history(struct world *w, json_t *h)
{
	struct eval_policy_seen *p = arena_array(w->arena, LIST_MAX, sizeof(*p));
	struct eval_cert_seen *s = arena_array(w->arena, LIST_MAX, sizeof(*s));
	size_t i;
	json_t *e;

	if (!h)
		return;
	json_array_foreach(json_object_get(h, "policies"), i, e) p[w->history.n_policies++] =
	    (struct eval_policy_seen){text_at(e, "id"), text_at(e, "body"), time_at(e, "first"),
				      time_at(e, "last")};
	json_array_foreach(json_object_get(h, "certs"), i, e) s[w->history.n_certs++] =
	    (struct eval_cert_seen){text_at(e, "subject"),    text_at(e, "sha256"),
				    time_at(e, "not_before"), time_at(e, "not_after"),
				    time_at(e, "first"),      time_at(e, "last")};
	w->history.policies = p;
	w->history.certs = s;
	w->history.available = json_is_true(json_object_get(h, "available"));
	w->history.id_since = time_at(h, "id_since");
	w->history.body_since = time_at(h, "body_since");
	w->history.cname_mta_sts_record = text_at(h, "cname_mta_sts_record");
	w->history.cname_mta_sts_host = text_at(h, "cname_mta_sts_host");
	w->history.relay_accepted_before = time_at(h, "relay_accepted_before");
	w->in.history = &w->history;
}

static void judge(struct world *w, json_t *base, json_t *c)
{
	json_t *doc = json_deep_copy(base), *value, *flag;
	struct conf *conf = conf_new();
	const char *key;

	*w = (struct world){.arena = arena_new(), .name = text_at(c, "name")};
	json_object_foreach(json_object_get(c, "patch"), key, value) patch(doc, key, value);
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
	w->in.only = text_at(c, "only");
	w->in.skip = text_at(c, "skip");
	w->in.clock_step_s = json_integer_value(json_object_get(c, "clock_step"));
	findings_init(&w->findings);
	eval(&w->in, &w->findings);
	eval_self(&w->in, json_is_true(json_object_get(c, "canaries")), &w->findings);
	conf_free(conf);
	json_decref(doc);
}

static void end(struct world *w)
{
	findings_clear(&w->findings);
	arena_free(w->arena);
}

/* -- what must come out -------------------------------------------------------------------------
 */

static void note(const struct finding *f)
{
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (strcmp(wanted[i].id, f->id) == 0)
			reached[i][f->status] = true;
}

static void check_row(const struct world *w, json_t *row)
{
	const char *id = json_string_value(json_array_get(row, 0));
	const char *subject = json_string_value(json_array_get(row, 1));
	const char *status = json_string_value(json_array_get(row, 2));
	const char *severity = json_string_value(json_array_get(row, 3));
	const struct finding *f = findings_find(&w->findings, id, subject);

	if (!f)
		fail_msg("%s: no finding %s of %s", w->name, id, subject);
	if (strcmp(finding_status_words[f->status], status) != 0 ||
	    strcmp(finding_severity_words[f->severity], severity ? severity : "") != 0)
		fail_msg("%s: %s of %s is %s %s, not %s %s (%s)", w->name, id, subject,
			 finding_status_words[f->status], finding_severity_words[f->severity],
			 status, severity ? severity : "", f->summary);
	note(f);
}

/* Some finding of this id that is no pass has this weight. */
static void check_weight(const struct world *w, json_t *ids, bool definitive)
{
	size_t i;
	json_t *id;

	json_array_foreach(ids, i, id)
	{
		bool found = false;
		for (size_t j = 0; j < w->findings.n; j++) {
			const struct finding *f = &w->findings.item[j];
			found = found || (strcmp(f->id, json_string_value(id)) == 0 &&
					  f->status != FINDING_PASS && f->definitive == definitive);
		}
		if (!found)
			fail_msg("%s: no %s is %s", w->name, json_string_value(id),
				 definitive ? "definitive" : "undecided");
	}
}

static void check_text(const struct world *w, json_t *list)
{
	size_t i;
	json_t *part;

	json_array_foreach(list, i, part)
	{
		bool found = false;
		for (size_t j = 0; j < w->findings.n; j++)
			found = found || strstr(w->findings.item[j].summary,
						json_string_value(part)) != NULL;
		if (!found)
			fail_msg("%s: no summary says \"%s\"", w->name, json_string_value(part));
	}
}

/* Each check named has a finding whose advice says so. */
static void check_advice(const struct world *w, json_t *wanted_advice)
{
	const char *id;
	json_t *part;

	json_object_foreach(wanted_advice, id, part)
	{
		bool found = false;
		for (size_t j = 0; j < w->findings.n; j++)
			found = found || (strcmp(w->findings.item[j].id, id) == 0 &&
					  strstr(w->findings.item[j].advice,
						 json_string_value(part)) != NULL);
		if (!found)
			fail_msg("%s: %s does not advise \"%s\"", w->name, id,
				 json_string_value(part));
	}
}

static int exit_of(const struct findings *all)
{
	bool has[6] = {false};

	for (size_t i = 0; i < all->n; i++)
		has[all->item[i].status] = true;
	return has[FINDING_FAIL] ? 2 : has[FINDING_WARN] ? 1 : has[FINDING_UNKNOWN] ? 3 : 0;
}

/* What is true of every judgement. */
static void check_form(const struct world *w, bool whole)
{
	const struct findings *all = &w->findings;

	for (size_t i = 0; i < all->n; i++) {
		const struct finding *f = &all->item[i];
		bool plain = f->status == FINDING_PASS || f->status == FINDING_SKIP ||
			     f->status == FINDING_UNKNOWN;
		assert_non_null(check_find(f->id));
		if (findings_find(all, f->id, f->subject) != f)
			fail_msg("%s: two findings %s of %s", w->name, f->id, f->subject);
		assert_true(plain == (f->severity == SEVERITY_NONE));
		assert_true(json_is_object(f->evidence));
		assert_true(strlen(f->reference) > 0);
		if (f->summary[strlen(f->summary) - 1] != '.' || strchr(f->summary, '\n') ||
		    strstr(f->summary, "(null)"))
			fail_msg("%s: %s says \"%s\"", w->name, f->id, f->summary);
		if (f->status == FINDING_WARN || f->status == FINDING_FAIL)
			assert_true(strlen(f->advice) > 0);
	}
	for (size_t i = 0; whole && i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		bool found = false;
		for (size_t j = 0; j < all->n && !found; j++)
			found = strcmp(all->item[j].id, wanted[i].id) == 0;
		if (!found)
			fail_msg("%s: %s is not in the judgement", w->name, wanted[i].id);
	}
}

static void check_absent(const struct world *w, json_t *c)
{
	size_t i;
	json_t *s;

	for (size_t j = 0; j < w->findings.n; j++) {
		json_array_foreach(json_object_get(c, "absent"), i, s)
		    assert_string_not_equal(w->findings.item[j].id, json_string_value(s));
		json_array_foreach(json_object_get(c, "absent_subject"), i, s)
		    assert_string_not_equal(w->findings.item[j].subject, json_string_value(s));
	}
}

/* A brief judgement is the same but for the words about what passes. */
static void check_brief(const struct world *w)
{
	struct eval_input in = w->in;
	struct findings brief;

	in.brief = true;
	findings_init(&brief);
	eval(&in, &brief);
	assert_in_range(brief.n, 1, w->findings.n); /* those of eval_self are behind */
	for (size_t i = 0; i < brief.n; i++) {
		const struct finding *a = &w->findings.item[i], *b = &brief.item[i];
		assert_string_equal(a->id, b->id);
		assert_string_equal(a->subject, b->subject);
		assert_int_equal(a->status, b->status);
		assert_int_equal(a->severity, b->severity);
		assert_int_equal(a->definitive, b->definitive);
		if (a->status == FINDING_PASS)
			continue;
		assert_string_equal(a->summary, b->summary);
		assert_string_equal(a->advice, b->advice);
	}
	findings_clear(&brief);
}

static void check_case(json_t *base, json_t *c)
{
	struct world w;
	json_t *row, *count;
	size_t i;

	judge(&w, base, c);
	check_form(&w, !w.in.only && !w.in.skip);
	check_brief(&w);
	json_array_foreach(json_object_get(c, "expect"), i, row) check_row(&w, row);
	check_weight(&w, json_object_get(c, "hard"), true);
	check_weight(&w, json_object_get(c, "soft"), false);
	check_text(&w, json_object_get(c, "text"));
	check_advice(&w, json_object_get(c, "advice"));
	check_absent(&w, c);
	if ((count = json_object_get(c, "count")) != NULL)
		assert_int_equal(w.findings.n, json_integer_value(count));
	if (json_object_get(c, "exit"))
		assert_int_equal(exit_of(&w.findings),
				 json_integer_value(json_object_get(c, "exit")));
	const char *grade = text_at(c, "grade");
	struct grade g = grade_of(&w.in, &w.findings);
	assert_non_null(g.rule);
	const char *rule = text_at(c, "rule");
	if (rule && !strstr(g.rule, rule))
		fail_msg("%s: the rule is \"%s\"", w.name, g.rule);
	if (grade && strcmp(grade, g.letter ? g.letter : "null") != 0)
		fail_msg("%s: grade %s, not %s (%s, %s)", w.name, g.letter ? g.letter : "null",
			 grade, g.rule, g.subject ? g.subject : "-");
	end(&w);
}

/* -- tests --------------------------------------------------------------------------------------
 */

static void test_golden(void **state)
{
	static const char *const files[] = {"healthy.json",    "mx.json",	 "smtp.json",
					    "tls.json",	       "cert.json",	 "dane.json",
					    "mta_sts.json",    "history.json",	 "tls_rpt.json",
					    "submission.json", "watchlist.json", "self.json"};
	json_t *base = load("base.json"), *c;
	size_t i;

	(void)state;
	for (size_t f = 0; f < sizeof(files) / sizeof(files[0]); f++) {
		json_t *cases = load(files[f]);
		assert_true(json_array_size(cases) > 0);
		json_array_foreach(cases, i, c) check_case(base, c);
		json_decref(cases);
	}
	json_decref(base);
}

/* Runs behind test_golden. */
static void test_every_outcome(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		for (int s = 0; s < 6; s++)
			if ((strchr(wanted[i].letters, letters[s]) != NULL) != reached[i][s])
				fail_msg("%s %s is not both wanted and in a case", wanted[i].id,
					 finding_status_words[s]);
}

/* All of the catalogue but what the daemon alone can tell. */
static void test_table_is_whole(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < check_count; i++) {
		const struct check *c = &check_table[i];
		assert_true(c->id && c->title && c->observed && c->why && c->fix && c->reference &&
			    c->area);
		assert_ptr_equal(check_find(c->id), c);
		n += !text_glob("notify.*", c->id) && strcmp(c->id, "self.schedule") != 0;
		int depth = 0;
		for (const struct check *p = c; p->parent; p = check_find(p->parent)) {
			assert_non_null(check_find(p->parent));
			assert_true(++depth < 8);
		}
	}
	assert_int_equal(n, sizeof(wanted) / sizeof(wanted[0]));
	assert_null(check_find("no.such_check"));
}

/* The documents of a hostile peer: whatever is patched in, the judgement comes out whole. */
static void test_hostile_text(void **state)
{
	static const char *const cases[] = {
	    "{\"name\":\"hostile\",\"patch\":{"
	    "\"/domain/domain/mta_sts/value\":[\"v=STSv1; id=\\u001b[31m;\"],"
	    "\"/domain/domain/policy/body\":\"version: STSv1\\nmode: \\u0007\\u001b]0;x\\u0007\\n\","
	    "\"/domain/domain/tls_rpt/value\":[\"v=TLSRPTv1; rua=mailto:\\u202eevil\"],"
	    "\"/hosts/mx1.example.test/host/services/0/greeting\":\"\\u001b[2J\\r\\nX-Evil: 1\","
	    "\"/hosts/mx1.example.test/host/services/0/tls/chain/0/dns_names\":[\"\\u0000a\\u009b\"],"
	    "\"/hosts/mx1.example.test/host/services/0/tls/chain/0/subject\":\"CN=\\u001b[31m\"},"
	    "\"expect\":[[\"mta_sts.record\",\"example.test\",\"fail\",\"warning\"]]}",
	};
	json_t *base = load("base.json");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *c = json_loads(cases[i], JSON_ALLOW_NUL, NULL);
		struct world w;
		assert_non_null(c);
		json_t *names = json_object_get(
		    json_object_get(c, "patch"),
		    "/hosts/mx1.example.test/host/services/0/tls/chain/0/dns_names");
		json_array_set_new(names, 0, json_string("a\xc2\x9b"));
		judge(&w, base, c);
		for (size_t j = 0; j < w.findings.n; j++)
			for (const char *s = w.findings.item[j].summary; *s; s++)
				if ((unsigned char)*s < 0x20 || *s == 0x7F ||
				    ((unsigned char)s[0] == 0xC2 && (unsigned char)s[1] < 0xA0))
					fail_msg("%s: a control byte in the summary",
						 w.findings.item[j].id);
		check_form(&w, true);
		end(&w);
		json_decref(c);
	}
	json_decref(base);
}

static void test_finding_json(void **state)
{
	json_t *base = load("base.json"), *c = json_pack("{s:s,s:{}}", "name", "json", "patch");
	struct world w;

	(void)state;
	judge(&w, base, c);
	for (size_t i = 0; i < w.findings.n; i++) {
		json_t *o = finding_to_json(&w.findings.item[i]);
		assert_int_equal(json_object_size(o), 8);
		assert_true(json_is_object(json_object_get(o, "evidence")));
		assert_true(json_is_null(json_object_get(o, "severity")) ==
			    (w.findings.item[i].severity == SEVERITY_NONE));
		json_decref(o);
	}
	end(&w);
	json_decref(c);
	json_decref(base);
}

static void test_hosts(void **state)
{
	json_t *base = load("base.json"), *c = json_pack("{s:s,s:{}}", "name", "hosts", "patch");
	struct world w;
	size_t n;

	(void)state;
	judge(&w, base, c);
	struct eval_host *h = eval_hosts(w.in.domain, w.in.conf, w.arena, &n);
	assert_int_equal(n, 3);
	assert_string_equal(h[0].name, "mx1.example.test");
	assert_true(h[0].mx && !h[0].p465);
	assert_string_equal(h[2].name, "smtp.example.test");
	assert_true(!h[2].mx && h[2].p465 && h[2].p587);
	end(&w);
	json_decref(c);
	json_decref(base);
}

/* doc/checks.md is what `mxwatch explain --all --format markdown` prints. */
static void test_document(void **state)
{
	struct buf want, have;
	char chunk[4096];
	size_t got;

	(void)state;
	FILE *f = fopen(TESTDIR "/../doc/checks.md", "r");
	assert_non_null(f);
	buf_init(&want, 1024 * 1024);
	buf_init(&have, 1024 * 1024);
	while ((got = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&have, chunk, got);
	fclose(f);
	check_document(&want);
	if (strcmp(buf_str(&want), buf_str(&have)) != 0)
		fail_msg("doc/checks.md is stale: mxwatch explain --all --format markdown");
	buf_clear(&want);
	buf_clear(&have);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table_is_whole), cmocka_unit_test(test_golden),
	    cmocka_unit_test(test_every_outcome),  cmocka_unit_test(test_hostile_text),
	    cmocka_unit_test(test_finding_json),   cmocka_unit_test(test_hosts),
	    cmocka_unit_test(test_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
