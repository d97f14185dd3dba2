/* SPDX-License-Identifier: ISC
 *
 * Golden judgements: each case names the findings that must come out as [id, subject, status,
 * severity], and where it matters the grade, the exit status, parts of summaries and what is
 * definitive.  Every case is also checked for what holds always, and all cases together for every
 * outcome a check can have.
 */
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
#include "golden.h"
#include "grade.h"
#include "text.h"

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

static void judge(struct golden *w, json_t *base, json_t *c)
{
	json_t *doc = golden_document(base, c);

	golden_judge(w, doc, c);
	json_decref(doc);
}

/* -- what must come out -------------------------------------------------------------------------
 */

static void note(const struct finding *f)
{
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (strcmp(wanted[i].id, f->id) == 0)
			reached[i][f->status] = true;
}

static void check_row(const struct golden *w, json_t *row)
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
static void check_weight(const struct golden *w, json_t *ids, bool definitive)
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

static void check_text(const struct golden *w, json_t *list)
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
static void check_advice(const struct golden *w, json_t *wanted_advice)
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
static void check_form(const struct golden *w, bool whole)
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

static void check_absent(const struct golden *w, json_t *c)
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
static void check_brief(const struct golden *w)
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
	struct golden w;
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
	const char *grade = golden_text(c, "grade");
	struct grade g = grade_of(&w.in, &w.findings);
	assert_non_null(g.rule);
	const char *rule = golden_text(c, "rule");
	if (rule && !strstr(g.rule, rule))
		fail_msg("%s: the rule is \"%s\"", w.name, g.rule);
	if (grade && strcmp(grade, g.letter ? g.letter : "null") != 0)
		fail_msg("%s: grade %s, not %s (%s, %s)", w.name, g.letter ? g.letter : "null",
			 grade, g.rule, g.subject ? g.subject : "-");
	golden_end(&w);
}

/* -- tests --------------------------------------------------------------------------------------
 */

static void test_golden(void **state)
{
	json_t *base = golden_load("base.json"), *c;
	size_t i;

	(void)state;
	for (size_t f = 0; golden_files[f]; f++) {
		json_t *cases = golden_load(golden_files[f]);
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
	json_t *base = golden_load("base.json");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *c = json_loads(cases[i], JSON_ALLOW_NUL, NULL);
		struct golden w;
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
		golden_end(&w);
		json_decref(c);
	}
	json_decref(base);
}

static void test_finding_json(void **state)
{
	json_t *base = golden_load("base.json"),
	       *c = json_pack("{s:s,s:{}}", "name", "json", "patch");
	struct golden w;

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
	golden_end(&w);
	json_decref(c);
	json_decref(base);
}

static void test_hosts(void **state)
{
	json_t *base = golden_load("base.json"),
	       *c = json_pack("{s:s,s:{}}", "name", "hosts", "patch");
	struct golden w;
	size_t n;

	(void)state;
	judge(&w, base, c);
	struct eval_host *h = eval_hosts(w.in.domain, w.in.conf, w.arena, &n);
	assert_int_equal(n, 3);
	assert_string_equal(h[0].name, "mx1.example.test");
	assert_true(h[0].mx && !h[0].p465);
	assert_string_equal(h[2].name, "smtp.example.test");
	assert_true(!h[2].mx && h[2].p465 && h[2].p587);
	golden_end(&w);
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
