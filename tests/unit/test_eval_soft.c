/* SPDX-License-Identifier: ISC
 *
 * An absence or an error is believed only after some attempts in a row.  Each golden case is
 * spoilt in each place a network can spoil: an answer that fails or is gone, a conversation that
 * breaks off, a policy that is not served.  What is worse then than it was must not be definitive.
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

#include "golden.h"
#include "mem.h"

#define STRIDE 23 /* of the ways to spoil a case one in so many, others for each case */

/* Put in the place of an answer, of a conversation, of the fetch of a policy. */
#define DENIALS 2 /* at the end */
static const char *const spoilt_answer[] = {
    "{'status':'failed','failure':{'stage':'dns','class':'dns','text':'SERVFAIL'}}",
    "{'status':'failed','failure':{'stage':'dns','class':'timeout','text':'no answer'}}",
    "{'status':'failed','ede':23,'failure':{'stage':'dns','class':'dns','text':'SERVFAIL'}}",
    "{'status':'bogus','dnssec':'bogus','ede':7}",
    "{'status':'nodata','dnssec':'secure','ttl_s':300}",
    "{'status':'nxdomain','dnssec':'secure','ttl_s':300}",
};
#define SILENT "{'greeting_code':0,'greeting':'',"
static const char *const spoilt_service[] = {
    SILENT "'failure':{'stage':'connect','class':'refused','text':'Connection refused'}}",
    SILENT "'failure':{'stage':'connect','class':'timeout','text':'no connection'}}",
    SILENT "'failure':{'stage':'greeting','class':'timeout','text':'no greeting'}}",
    "{'greeting_code':554,'failure':{'stage':'greeting','class':'refused','code':554,'text':'no'}}",
    "{'failure':{'stage':'ehlo','class':'protocol','text':'no reply'}}",
    "{'ehlo':['PIPELINING']}",
    "{'ehlo':['STARTTLS'],'starttls_offered':true,"
    "'starttls_code':554,'failure':{'stage':'starttls','class':'refused','code':554,'text':'no'}}",
    "{'ehlo':['STARTTLS'],'starttls_offered':true,"
    "'starttls_code':220,'failure':{'stage':'tls','class':'tls','text':'handshake failure'}}",
};
static const char *const spoilt_policy[] = {
    "{'status':404,'content_type':'text/plain'}",
    "{'status':500,'content_type':'text/plain'}",
    "{'failure':{'stage':'connect','class':'refused','text':'Connection refused'}}",
    "{'failure':{'stage':'connect','class':'timeout','text':'no connection'}}",
    "{'failure':{'stage':'tls','class':'tls','text':'handshake failure'}}",
    "{'failure':{'stage':'http','class':'timeout','text':'no answer'}}",
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Walks a document; the n-th way to spoil it is done. */
struct spoiler {
	long n;
	bool done;
};

/* Keep of the old object what says where it is, and put the rest of the new one. */
static void replace(json_t *old, const char *text, const char *const *keep)
{
	char *copy = mem_strdup(text);
	json_t *new, *kept = json_object();

	for (char *s = copy; *s; s++)
		*s = *s == '\'' ? '"' : *s;
	new = json_loads(copy, 0, NULL);
	assert_non_null(new);
	for (; *keep; keep++)
		if (json_object_get(old, *keep))
			json_object_set(kept, *keep, json_object_get(old, *keep));
	json_object_clear(old);
	json_object_update(old, kept);
	json_object_update(old, new);
	json_decref(kept);
	json_decref(new);
	free(copy);
}

static void spoil_one(struct spoiler *s, json_t *o, const char *const *with, size_t n_with,
		      const char *const *keep)
{
	if (s->n >= 0 && s->n < (long)n_with) {
		replace(o, with[s->n], keep);
		s->done = true;
	}
	s->n -= (long)n_with;
}

/* That there are no TLSA records is definitive for the certificate they would have excused. */
static void spoil_answer(struct spoiler *s, json_t *o)
{
	static const char *const keep[] = {"base", "port", "uri", "target", NULL};
	long ways = COUNT(spoilt_answer) - (json_object_get(o, "port") ? DENIALS : 0);

	if (s->n >= 0 && s->n < ways) {
		json_t *dns = json_incref(json_object_get(o, "dns"));
		replace(o, "{}", keep);
		replace(dns, spoilt_answer[s->n], keep);
		json_object_set_new(o, "dns", dns);
		s->done = true;
	}
	s->n -= ways;
}

static void spoil(struct spoiler *s, json_t *at)
{
	static const char *const where[] = {"address",	"port",		 "implicit_tls",
					    "ptr",	"ptr_confirmed", "ptr_asked_forward",
					    "greeting", "greeting_code", "banner_matches",
					    NULL};
	static const char *const policy[] = {"host", "a", "aaaa", "address", NULL};
	const char *key;
	json_t *value;
	size_t i;

	if (json_object_get(at, "dns"))
		spoil_answer(s, at);
	else if (json_object_get(at, "port") && json_object_get(at, "address"))
		spoil_one(s, at, spoilt_service, COUNT(spoilt_service), where);
	else if (json_is_string(json_object_get(at, "host")) && json_object_get(at, "a"))
		spoil_one(s, at, spoilt_policy, COUNT(spoilt_policy), policy);
	if (s->done)
		return;
	json_object_foreach(at, key, value)
	{
		spoil(s, value);
		if (s->done)
			return;
	}
	json_array_foreach(at, i, value)
	{
		spoil(s, value);
		if (s->done)
			return;
	}
}

/* -- the rule ------------------------------------------------------------------------------------
 */

static int badness(const struct finding *f)
{
	return f == NULL || f->status == FINDING_UNKNOWN ? 0 : (int)f->severity;
}

/* Something was seen, not missed: another address's certificate, a host that answers. */
static bool is_sight(const struct golden *w, const struct finding *f)
{
	return strcmp(f->id, "caa.issuer") == 0 ||
	       (strcmp(f->id, "smtp.connect") == 0 && w->extra.expect.n_unreachable > 0);
}

static size_t compare(const struct golden *was, const struct golden *is, long n)
{
	size_t wrong = 0;

	for (size_t i = 0; i < is->findings.n; i++) {
		const struct finding *f = &is->findings.item[i];
		const struct finding *before = findings_find(&was->findings, f->id, f->subject);

		if (is_sight(is, f))
			continue;
		if (f->severity < SEVERITY_WARNING || !f->definitive ||
		    badness(f) <= badness(before))
			continue;
		print_message("%s, spoilt in way %ld: %s of %s is definitive: %s\n", is->name, n,
			      f->id, f->subject, f->summary);
		wrong++;
	}
	return wrong;
}

/* Spoil a case in way first, first + step, ... */
static size_t spoil_case(json_t *base, json_t *c, long first, long step)
{
	struct golden was, is;
	json_t *doc = golden_document(base, c);
	struct spoiler s = {.done = true};
	size_t wrong = 0;

	golden_judge(&was, doc, c);
	json_decref(doc);
	for (long n = first; s.done; n += step) {
		doc = golden_document(base, c);
		s = (struct spoiler){.n = n};
		spoil(&s, doc);
		if (s.done) {
			golden_judge(&is, doc, c);
			wrong += compare(&was, &is, n);
			golden_end(&is);
		}
		json_decref(doc);
	}
	golden_end(&was);
	return wrong;
}

static void test_the_healthy_domain(void **state)
{
	json_t *base = golden_load("base.json"),
	       *c = json_pack("{s:s,s:{}}", "name", "base", "patch");

	(void)state;
	assert_int_equal(spoil_case(base, c, 0, 1), 0);
	json_decref(c);
	json_decref(base);
}

static void test_every_case(void **state)
{
	json_t *base = golden_load("base.json"), *c;
	size_t i, wrong = 0;
	long first = 0;

	(void)state;
	for (size_t f = 0; golden_files[f]; f++) {
		json_t *cases = golden_load(golden_files[f]);
		json_array_foreach(cases, i, c) wrong +=
		    spoil_case(base, c, first++ % STRIDE, STRIDE);
		json_decref(cases);
	}
	assert_int_equal(wrong, 0);
	json_decref(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_healthy_domain),
	    cmocka_unit_test(test_every_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
