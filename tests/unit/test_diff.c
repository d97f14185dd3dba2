/* SPDX-License-Identifier: ISC
 *
 * Postures and their edges: every event of the catalogue in both directions, what must stay
 * silent (order, case, TTL, flaps, the unknown), and the counting of steps down.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "diff.h"

/* -- postures from text: "key=json" lines, "-" for an absence -- */

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct fact *)a)->key, ((const struct fact *)b)->key);
}

static struct posture *posture(struct arena *arena, const char *text)
{
	struct posture *p = arena_alloc(arena, sizeof(*p));
	p->fact = arena_array(arena, 32, sizeof(*p->fact));
	for (const char *line = text; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		const char *sign = memchr(line, '=', len);
		assert_non_null(sign);
		struct fact *f = &p->fact[p->n++];
		f->key = arena_strndup(arena, line, (size_t)(sign - line));
		f->value = arena_strndup(arena, sign + 1, len - (size_t)(sign + 1 - line));
		f->state = strcmp(f->value, "-") == 0 ? FACT_ABSENT : FACT_VALUE;
		if (f->state == FACT_ABSENT)
			f->value = NULL;
		line += len + (line[len] == '\n');
	}
	if (p->n > 0)
		qsort(p->fact, p->n, sizeof(*p->fact), by_key);
	return p;
}

static const char *told(struct arena *arena, const struct changes *changes)
{
	struct buf b;
	buf_init(&b, 4096);
	for (size_t i = 0; i < changes->n; i++)
		buf_printf(&b, "%s%s %s", i > 0 ? ", " : "", changes->item[i].event,
			   finding_severity_words[changes->item[i].severity]);
	const char *s = arena_strdup(arena, buf_str(&b));
	buf_clear(&b);
	return s;
}

/* -- one edge -- */

#define STS(id, mode, mx)                                                                          \
	"mta_sts.id=\"" id "\"\nmta_sts.policy={\"max_age\":604800,\"mode\":\"" mode               \
	"\",\"mx\":[" mx "]}\n"
#define S25 "[192.0.2.7]:25 "
#define CERT(sha, spki)                                                                            \
	S25 "cert={\"issuer\":\"CN=CA\",\"not_after\":\"2027-01-15T08:00:00Z\",\"sha256\":\"" sha                \
	    "\",\"spki_sha256\":\"" spki "\"}"

static const struct {
	const char *name, *before, *after;
	const char *events; /* with confirm_fail 1 */
} edges[] = {
    /* The MX set */
    {"a host came", "mx=[\"10 a.test\"]", "mx=[\"10 a.test\",\"20 b.test\"]", "mx.added warning"},
    {"a host went", "mx=[\"10 a.test\",\"20 b.test\"]", "mx=[\"10 a.test\"]", "mx.removed warning"},
    {"a host replaced another", "mx=[\"10 a.test\"]", "mx=[\"10 b.test\"]", "mx.changed warning"},
    {"a preference moved", "mx=[\"10 a.test\"]", "mx=[\"20 a.test\"]", "mx.changed warning"},
    {"a host came and a preference moved", "mx=[\"10 a.test\"]", "mx=[\"10 b.test\",\"20 a.test\"]",
     "mx.changed warning"},
    {"no MX any more", "mx=[\"10 a.test\"]", "mx=-", "mx.removed warning"},
    {"MX again", "mx=-", "mx=[\"10 a.test\"]", "mx.added warning"},
    /* DNSSEC */
    {"MX unsigned", "mx.dnssec=\"secure\"", "mx.dnssec=\"insecure\"", "dnssec.lost warning"},
    {"MX signed", "mx.dnssec=\"insecure\"", "mx.dnssec=\"secure\"", "dnssec.gained info"},
    {"MX bogus", "mx.dnssec=\"secure\"", "mx.dnssec=\"bogus\"", "dnssec.bogus critical"},
    {"MX mended", "mx.dnssec=\"bogus\"", "mx.dnssec=\"secure\"", "dnssec.gained info"},
    {"MX bogus to insecure", "mx.dnssec=\"bogus\"", "mx.dnssec=\"insecure\"", ""},
    {"TLSA unsigned", "tlsa:25.dnssec=\"secure\"\ntlsa:25=[\"3 1 1 ab\"]",
     "tlsa:25.dnssec=\"insecure\"\ntlsa:25=-", "dane.lost critical, dnssec.lost warning"},
    {"the whole zone unsigned: one event", "mta_sts.dnssec=\"secure\"\nmx.dnssec=\"secure\"\ntls_rpt.dnssec=\"secure\"",
     "mta_sts.dnssec=\"insecure\"\nmx.dnssec=\"insecure\"\ntls_rpt.dnssec=\"insecure\"",
     "dnssec.lost warning"},
    {"part of it bogus, part unsigned", "mta_sts.dnssec=\"secure\"\nmx.dnssec=\"secure\"",
     "mta_sts.dnssec=\"bogus\"\nmx.dnssec=\"insecure\"",
     "dnssec.bogus critical, dnssec.lost warning"},
    {"submission SRV unsigned", "submission.submissions.dnssec=\"secure\"",
     "submission.submissions.dnssec=\"insecure\"", "dnssec.lost warning"},
    /* MTA-STS */
    {"id alone", STS("1", "enforce", "\"a\""), STS("2", "enforce", "\"a\""),
     "mta_sts.id_changed info"},
    {"id and max_age", STS("1", "enforce", "\"a\""),
     "mta_sts.id=\"2\"\nmta_sts.policy={\"max_age\":86400,\"mode\":\"enforce\",\"mx\":[\"a\"]}",
     "mta_sts.id_changed info"},
    {"body alone", STS("1", "enforce", "\"a\""),
     "mta_sts.id=\"1\"\nmta_sts.policy={\"max_age\":86400,\"mode\":\"enforce\",\"mx\":[\"a\"]}",
     "mta_sts.policy_changed warning"},
    {"mx list under the same id", STS("1", "enforce", "\"a\""), STS("1", "enforce", "\"b\""),
     "mta_sts.policy_changed critical, mx.pattern_drift warning"},
    {"mx list with the id", STS("1", "enforce", "\"a\""), STS("2", "enforce", "\"b\""),
     "mta_sts.id_changed info, mx.pattern_drift warning"},
    {"mx list leaves a live MX out", STS("1", "enforce", "\"a\"") "mta_sts.unmatched=[]",
     STS("2", "enforce", "\"b\"") "mta_sts.unmatched=[\"a\"]",
     "mta_sts.id_changed info, mx.pattern_drift critical"},
    {"the same in testing", STS("1", "testing", "\"a\"") "mta_sts.unmatched=[]",
     STS("2", "testing", "\"b\"") "mta_sts.unmatched=[\"a\"]",
     "mta_sts.id_changed info, mx.pattern_drift warning"},
    {"a live MX left the policy",
     STS("1", "enforce", "\"a\"") "mta_sts.unmatched=[]\nmx=[\"10 a\"]",
     STS("1", "enforce", "\"a\"") "mta_sts.unmatched=[\"b\"]\nmx=[\"10 a\",\"20 b\"]",
     "mx.pattern_drift critical, mx.added warning"},
    {"it is covered again", STS("1", "enforce", "\"a\"") "mta_sts.unmatched=[\"b\"]",
     STS("1", "enforce", "\"a\"") "mta_sts.unmatched=[]", ""},
    {"enforce to testing", STS("1", "enforce", "\"a\""), STS("2", "testing", "\"a\""),
     "mta_sts.id_changed info, mta_sts.mode_changed critical"},
    {"enforce to none", STS("1", "enforce", "\"a\""), STS("2", "none", "\"a\""),
     "mta_sts.id_changed info, mta_sts.mode_changed critical"},
    {"testing to none", STS("1", "testing", "\"a\""), STS("2", "none", "\"a\""),
     "mta_sts.id_changed info, mta_sts.mode_changed warning"},
    {"testing to enforce", STS("1", "testing", "\"a\""), STS("2", "enforce", "\"a\""),
     "mta_sts.id_changed info, mta_sts.mode_changed info"},
    {"record and policy gone", STS("1", "enforce", "\"a\""), "mta_sts.id=-\nmta_sts.policy=-",
     "mta_sts.removed critical"},
    {"record gone", STS("1", "enforce", "\"a\""),
     "mta_sts.id=-\nmta_sts.policy={\"max_age\":604800,\"mode\":\"enforce\",\"mx\":[\"a\"]}",
     "mta_sts.removed critical"},
    {"record gone, policy host silent", STS("1", "enforce", "\"a\""), "mta_sts.id=-",
     "mta_sts.removed critical"},
    {"policy gone", STS("1", "enforce", "\"a\""), "mta_sts.id=\"1\"\nmta_sts.policy=-",
     "mta_sts.removed critical"},
    {"withdrawn in order", STS("1", "none", "\"a\""), "mta_sts.id=-\nmta_sts.policy=-",
     "mta_sts.removed info"},
    {"published", "mta_sts.id=-\nmta_sts.policy=-", STS("1", "enforce", "\"a\""),
     "mta_sts.published info"},
    {"policy behind a record", "mta_sts.id=\"1\"\nmta_sts.policy=-", STS("1", "enforce", "\"a\""),
     "mta_sts.published info"},
    {"delegated elsewhere", "mta_sts.delegation.host=\"a.test\"",
     "mta_sts.delegation.host=\"b.test\"", "mta_sts.delegation info"},
    {"delegation published with the record", "mta_sts.id=-\nmta_sts.delegation.record=-",
     "mta_sts.id=\"1\"\nmta_sts.delegation.record=\"a.test\"", "mta_sts.published info"},
    /* TLS-RPT, submission */
    {"rua moved", "tls_rpt=[\"mailto:a@x.test\"]", "tls_rpt=[\"mailto:b@x.test\"]",
     "tls_rpt.changed info"},
    {"TLS-RPT gone", "tls_rpt=[\"mailto:a@x.test\"]", "tls_rpt=-", "tls_rpt.removed warning"},
    {"TLS-RPT published", "tls_rpt=-", "tls_rpt=[\"mailto:a@x.test\"]", "tls_rpt.changed info"},
    {"SRV moved", "submission.submissions=[\"0 1 465 a\"]",
     "submission.submissions=[\"0 1 465 b\"]", "submission.discovery info"},
    /* DANE */
    {"TLSA gone", "tlsa:25=[\"3 1 1 ab\"]", "tlsa:25=-", "dane.lost critical"},
    {"TLSA published", "tlsa:25=-", "tlsa:25=[\"3 1 1 ab\"]", "dane.gained info"},
    {"TLSA rolled", "tlsa:25=[\"3 1 1 ab\"]", "tlsa:25=[\"3 1 1 ab\",\"3 1 1 cd\"]",
     "dane.tlsa_changed info"},
    /* Services */
    {"STARTTLS gone", S25 "starttls=true", S25 "starttls=-", "starttls.lost critical"},
    {"STARTTLS back", S25 "starttls=-", S25 "starttls=true", "starttls.gained info"},
    {"best version fell", S25 "tls.version=\"TLSv1.3\"", S25 "tls.version=\"TLSv1.2\"",
     "tls.version_regression critical"},
    {"best version rose", S25 "tls.version=\"TLSv1.2\"", S25 "tls.version=\"TLSv1.3\"", ""},
    {"old version again", S25 "tls.lowest=\"TLSv1.2\"", S25 "tls.lowest=\"TLSv1\"",
     "tls.version_regression warning"},
    {"old version off", S25 "tls.lowest=\"TLSv1.1\"", S25 "tls.lowest=\"TLSv1.2\"", ""},
    {"forward secrecy lost", S25 "tls.forward_secrecy=true", S25 "tls.forward_secrecy=false",
     "tls.cipher_regression warning"},
    {"forward secrecy back", S25 "tls.forward_secrecy=false", S25 "tls.forward_secrecy=true", ""},
    {"AEAD lost", S25 "tls.aead=true", S25 "tls.aead=false", "tls.cipher_regression warning"},
    {"new certificate", CERT("aa", "11"), CERT("bb", "22"), "cert.changed info"},
    {"renewed with the same key", CERT("aa", "11"), CERT("bb", "11"), "cert.changed info"},
    {"PTR moved", S25 "ptr=[\"a.test\"]", S25 "ptr=[\"b.test\"]", "ptr.changed info"},
    {"PTR gone", S25 "ptr=[\"a.test\"]", S25 "ptr=-", "ptr.changed info"},
    {"PTR new", S25 "ptr=-", S25 "ptr=[\"a.test\"]", "ptr.changed info"},
    {"relay opened", S25 "relay=\"closed\"", S25 "relay=\"open\"", "relay.opened critical"},
    {"relay closed", S25 "relay=\"open\"", S25 "relay=\"closed\"", "relay.closed info"},
    /* Silence */
    {"addresses moved", "a=[\"192.0.2.7\"]", "a=[\"192.0.2.8\"]", ""},
    {"nothing moved", STS("1", "enforce", "\"a\""), STS("1", "enforce", "\"a\""), ""},
    {"all unknown", STS("1", "enforce", "\"a\"") "mx=[\"10 a\"]", "", ""},
    {"first sight of a fact", "mx=[\"10 a\"]", "mx=[\"10 a\"]\ntls_rpt=[\"mailto:a@x.test\"]", ""},
    {"first sight of an absence", "mx=[\"10 a\"]", "mx=[\"10 a\"]\nmta_sts.id=-", ""},
};

static void every_edge(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		struct arena *arena = arena_new();
		struct changes changes;
		struct posture *next;
		bool pending;
		diff("x.test", posture(arena, edges[i].before), posture(arena, edges[i].after), 1,
		     arena, &changes, &next, &pending);
		if (strcmp(told(arena, &changes), edges[i].events) != 0)
			fail_msg("%s: told \"%s\", wanted \"%s\"", edges[i].name,
				 told(arena, &changes), edges[i].events);
		for (size_t j = 0; j < changes.n; j++) {
			assert_non_null(changes.item[j].summary);
			assert_non_null(changes.item[j].check);
			assert_null(strchr(changes.item[j].summary, '\n'));
		}
		assert_false(pending);
		/* What was told is believed: the same sight again is silent. */
		struct posture *again;
		diff("x.test", next, posture(arena, edges[i].after), 1, arena, &changes, &again,
		     &pending);
		assert_int_equal(changes.n, 0);
		arena_free(arena);
	}
}

/* -- runs of sightings -- */

static const struct {
	const char *name;
	int64_t confirm_fail;
	const char *sight[8]; /* the first is believed */
	const char *events[8];
	bool pending[8]; /* after each sight but the first */
} runs[] = {
    {"a flap is no event",
     3,
     {"mx=[\"10 a\"]", "mx=-", "mx=-", "mx=[\"10 a\"]", "mx=-", "mx=-"},
     {"", "", "", "", ""},
     {true, true, false, true, true}},
    {"the third absence is believed",
     3,
     {"mx=[\"10 a\"]", "mx=-", "mx=-", "mx=-", "mx=-"},
     {"", "", "mx.removed warning", ""},
     {true, true, false, false}},
    {"unknown neither counts nor wipes",
     3,
     {"mx=[\"10 a\"]", "mx=-", "", "mx=-", "mx=-"},
     {"", "", "", "mx.removed warning"},
     {true, false, true, false}},
    {"a new value after absences comes at once",
     3,
     {"mx=[\"10 a\"]", "mx=-", "mx=-", "mx=[\"10 a\",\"20 b\"]"},
     {"", "", "mx.added warning"},
     {true, true, false}},
    {"a best version is given up only after three",
     3,
     {S25 "tls.version=\"TLSv1.3\"", S25 "tls.version=\"TLSv1.2\"", S25 "tls.version=\"TLSv1.3\"",
      S25 "tls.version=\"TLSv1.2\"", S25 "tls.version=\"TLSv1.2\"", S25 "tls.version=\"TLSv1.2\""},
     {"", "", "", "", "tls.version_regression critical"},
     {true, false, true, true, false}},
    {"one SERVFAIL is not bogus DNSSEC",
     3,
     {"mx.dnssec=\"secure\"", "mx.dnssec=\"bogus\"", "mx.dnssec=\"secure\""},
     {"", ""},
     {true, false}},
    {"a relay is asked twice",
     3,
     {S25 "relay=\"closed\"", S25 "relay=\"open\"", "", S25 "relay=\"open\""},
     {"", "", "relay.opened critical"},
     {true, false, false}},
    {"an old version accepted is proof",
     3,
     {S25 "tls.lowest=\"TLSv1.2\"", S25 "tls.lowest=\"TLSv1\""},
     {"tls.version_regression warning"},
     {false}},
    {"record and policy go together",
     2,
     {STS("1", "enforce", "\"a\""), "mta_sts.id=-\nmta_sts.policy=-",
      "mta_sts.id=-\nmta_sts.policy=-"},
     {"", "mta_sts.removed critical"},
     {true, false}},
    {"an id waits for its policy",
     3,
     {STS("1", "enforce", "\"a\""), "mta_sts.id=\"2\"", STS("2", "enforce", "\"b\"")},
     {"", "mta_sts.id_changed info, mx.pattern_drift warning"},
     {false, false}},
    {"a body waits for its id",
     3,
     {STS("1", "enforce", "\"a\"") "mta_sts.unmatched=[]",
      STS("1", "enforce", "\"b\"") "mta_sts.unmatched=[\"a\"]",
      STS("2", "enforce", "\"b\"") "mta_sts.unmatched=[\"a\"]"},
     {"", "mta_sts.id_changed info, mx.pattern_drift critical"},
     {true, false}},
    {"a body waits three sightings",
     3,
     {STS("1", "enforce", "\"a\""), STS("1", "testing", "\"a\""), STS("1", "testing", "\"a\""),
      STS("1", "testing", "\"a\""), STS("2", "testing", "\"a\"")},
     {"", "", "mta_sts.policy_changed warning, mta_sts.mode_changed critical",
      "mta_sts.id_changed info"},
     {true, true, false, false}},
    {"a body without a readable record waits and does not count",
     2,
     {STS("1", "enforce", "\"a\""),
      "mta_sts.policy={\"max_age\":604800,\"mode\":\"none\",\"mx\":[\"a\"]}",
      "mta_sts.policy={\"max_age\":604800,\"mode\":\"none\",\"mx\":[\"a\"]}",
      STS("2", "none", "\"a\"")},
     {"", "", "mta_sts.id_changed info, mta_sts.mode_changed critical"},
     {false, false, false}},
    {"a body that comes back was no change",
     3,
     {STS("1", "enforce", "\"a\""), STS("1", "enforce", "\"b\""), STS("1", "enforce", "\"a\""),
      STS("1", "enforce", "\"b\""), STS("1", "enforce", "\"b\"")},
     {"", "", "", ""},
     {true, false, true, true}},
    {"facts of an address that left are forgotten",
     3,
     {"a=[\"192.0.2.7\"]\n" S25 "starttls=true", "a=[\"192.0.2.8\"]",
      "a=[\"192.0.2.7\"]\n" S25 "starttls=-", "a=[\"192.0.2.7\"]\n" S25 "starttls=true"},
     {"", "", "starttls.gained info"},
     {false, false, false}},
    {"an IPv6 address stays while AAAA is unknown",
     1,
     {"aaaa=[\"2001:db8::1\"]\n[2001:db8::1]:25 starttls=true", "a=[\"192.0.2.8\"]",
      "aaaa=[\"2001:db8::1\"]\n[2001:db8::1]:25 starttls=-"},
     {"", "starttls.lost critical"},
     {false, false}},
};

static void every_run(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		struct arena *arena = arena_new();
		struct posture *believed = posture(arena, runs[i].sight[0]);
		for (size_t j = 1; j < 8 && runs[i].sight[j] != NULL; j++) {
			struct changes changes;
			bool pending;
			diff("x.test", believed, posture(arena, runs[i].sight[j]),
			     runs[i].confirm_fail, arena, &changes, &believed, &pending);
			if (strcmp(told(arena, &changes), runs[i].events[j - 1]) != 0 ||
			    pending != runs[i].pending[j - 1])
				fail_msg("%s, sight %zu: told \"%s\", pending %d", runs[i].name, j,
					 told(arena, &changes), pending);
		}
		arena_free(arena);
	}
}

static void first_observation_is_silent(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct changes changes;
	struct posture *next;
	bool pending;
	diff("x.test", NULL, posture(arena, STS("1", "enforce", "\"a\"") S25 "starttls=-"), 3,
	     arena, &changes, &next, &pending);
	assert_int_equal(changes.n, 0);
	assert_false(pending);
	assert_int_equal(next->n, 3);
	arena_free(arena);
}

static void texts_and_values(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct changes changes;
	struct posture *next;
	bool pending;
	diff("x.test", posture(arena, STS("1", "enforce", "\"a\",\"b\"")),
	     posture(arena, STS("2", "testing", "\"a\",\"b\"")), 1, arena, &changes, &next,
	     &pending);
	assert_string_equal(changes.item[0].before,
			    "{\"id\":\"1\",\"policy\":{\"mode\":\"enforce\"}}");
	assert_string_equal(changes.item[0].after,
			    "{\"id\":\"2\",\"policy\":{\"mode\":\"testing\"}}");
	assert_string_equal(changes.item[0].check, "mta_sts.id_body");
	assert_string_equal(changes.item[0].summary, "The MTA-STS record id of x.test changed from "
						     "1 to 2, and the policy with it");
	assert_string_equal(changes.item[1].before, "\"enforce\"");
	assert_string_equal(changes.item[1].after, "\"testing\"");

	diff("mx1.x.test", posture(arena, S25 "starttls=true"), posture(arena, S25 "starttls=-"), 1,
	     arena, &changes, &next, &pending);
	assert_string_equal(changes.item[0].subject, "mx1.x.test[192.0.2.7]:25");
	assert_string_equal(changes.item[0].before, "true");
	assert_null(changes.item[0].after);

	diff("x.test", posture(arena, "mx=[\"10 a\",\"10 b\"]"),
	     posture(arena, "mx=[\"10 a\",\"10 b\",\"10 c\",\"10 d\",\"10 e\",\"10 f\",\"10 g\","
			    "\"10 h\",\"10 i\"]"),
	     1, arena, &changes, &next, &pending);
	assert_string_equal(changes.item[0].summary,
			    "x.test has new MX hosts: c, d, e, f, g and 2 more");
	arena_free(arena);
}

/* -- from an observation -- */

static struct posture *reduce(struct arena *arena, const char *json)
{
	struct error err;
	struct observation *o = observation_decode(json, strlen(json), SHAPE_STRICT, arena, &err);
	if (o == NULL)
		fail_msg("%s", err.text);
	return posture_of(o, arena);
}

static const char *listing(struct arena *arena, const struct posture *p)
{
	struct buf b;
	buf_init(&b, 65536);
	for (size_t i = 0; i < p->n; i++)
		buf_printf(&b, "%s=%s\n", p->fact[i].key,
			   p->fact[i].state == FACT_VALUE ? p->fact[i].value : "-");
	const char *s = arena_strdup(arena, buf_str(&b));
	buf_clear(&b);
	return s;
}

#define HEAD(kind)                                                                                 \
	"{\"v\":1,\"kind\":\"" kind "\",\"subject\":\"x.test\",\"at\":\"2026-11-22T13:00:00Z\","   \
	"\"" kind "\":"
#define ANSWER(sec, ttl) "\"dns\":{\"status\":\"answer\",\"dnssec\":\"" sec "\",\"ttl_s\":" ttl "}"
#define POLICY(body)                                                                               \
	"\"policy\":{\"host\":\"mta-sts.x.test\",\"a\":{" ANSWER(                                  \
	    "secure", "60") ",\"value\":[\"192.0.2.1\"]},\"status\":200,\"body\":\"" body "\"}"

static const char domain_one[] = HEAD("domain") "{\"mx\":{" ANSWER(
    "secure",
    "300") ",\"rr\":[{\"preference\":10,\"host\":\"mx1.x.test\"},{\"preference\":20,\"host\":\"b.test\"}]},"
	   "\"mta_sts\":{" ANSWER("secure", "300") ",\"value\":[\"v=STSv1; id=20260101;\",\"other\"]}," POLICY(
	       "version: STSv1\\r\\nmode: enforce\\r\\nmx: *.x.test\\r\\nmx: a.test\\r\\n"
	       "max_age: 604800\\r\\n") ",\"tls_rpt\":{" ANSWER("insecure",
								"300") ",\"value\":[\"v=TLSRPTv1; rua=mailto:b@x.test,mailto:a@x.test\"]}}}";
/* The same in another order, with other TTLs and other case. */
static const char domain_two[] = HEAD("domain") "{\"mx\":{" ANSWER(
    "secure",
    "17") ",\"rr\":[{\"preference\":20,\"host\":\"b.test\"},{\"preference\":10,\"host\":\"mx1.x.test\"}]},"
	  "\"mta_sts\":{" ANSWER("secure", "1") ",\"value\":[\"other\",\"v=STSv1;id=20260101\"]}," POLICY(
	      "version: STSv1\\nmax_age: 604800\\nmx: A.test\\nmx: *.X.test\\nmode: enforce\\n") ",\"tls_rpt\":{" ANSWER("insecure",
															 "2") ",\"value\":[\"v=TLSRPTv1;rua=mailto:a@x.test,mailto:b@x.test\"]}}}";

static void domain_posture(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	const char *one = listing(arena, reduce(arena, domain_one));
	assert_string_equal(
	    one, "mta_sts.delegation.host=-\n"
		 "mta_sts.delegation.record=-\n"
		 "mta_sts.dnssec=\"secure\"\n"
		 "mta_sts.id=\"20260101\"\n"
		 "mta_sts.policy={\"max_age\":604800,\"mode\":\"enforce\",\"mx\":[\"*.x.test\","
		 "\"a.test\"]}\n"
		 "mta_sts.unmatched=[\"b.test\"]\n"
		 "mx=[\"10 mx1.x.test\",\"20 b.test\"]\n"
		 "mx.dnssec=\"secure\"\n"
		 "tls_rpt=[\"mailto:a@x.test\",\"mailto:b@x.test\"]\n"
		 "tls_rpt.dnssec=\"insecure\"\n");
	assert_string_equal(listing(arena, reduce(arena, domain_two)), one);
	arena_free(arena);
}

#define FAILED(class)                                                                              \
	"\"dns\":{\"status\":\"failed\",\"failure\":{\"stage\":\"dns\",\"class\":\"" class "\"}}"

/* What we could not see leaves no fact; what its owner denies leaves an absence. */
static void domain_unknown_and_absent(void **state)
{
	(void)state;
	static const struct {
		const char *json, *facts;
	} table[] = {
	    {HEAD("domain") "{\"mx\":{" FAILED("local") "},\"mta_sts\":{" FAILED(
		 "timeout") "},\"tls_rpt\":{\"dns\":{\"status\":\"bogus\",\"dnssec\":\"bogus\"}}}}",
	     "tls_rpt.dnssec=\"bogus\"\n"},
	    {HEAD(
		 "domain") "{\"mx\":{\"dns\":{\"status\":\"nxdomain\"}},\"mta_sts\":{\"dns\":"
			   "{\"status\":\"nodata\"}},\"tls_rpt\":{\"dns\":{\"status\":\"nodata\"}}}}",
	     "mta_sts.id=-\nmta_sts.policy=-\nmx=-\ntls_rpt=-\n"},
	    /* two records, a malformed one: findings, not edges */
	    {HEAD("domain") "{\"mta_sts\":{" ANSWER(
		 "unknown",
		 "1") ",\"value\":[\"v=STSv1; id=1;\",\"v=STSv1; id=2;\"]},\"tls_rpt\":{" ANSWER("unknown",
												 "1") ",\"value\":[\"v=TLSRPTv1; nothing\"]}}}",
	     "mta_sts.delegation.record=-\n"},
	    /* the policy host is down: senders go on with what they hold */
	    {HEAD("domain") "{\"policy\":{\"host\":\"mta-sts.x.test\",\"a\":{" ANSWER(
		 "unknown", "1") ",\"value\":[\"192.0.2.1\"]},\"failure\":{\"stage\":\"connect\","
				 "\"class\":\"refused\"}}}}",
	     "mta_sts.delegation.host=-\n"},
	    {HEAD("domain") "{\"policy\":{\"host\":\"mta-sts.x.test\",\"a\":{" ANSWER(
		 "unknown", "1") ",\"value\":[\"192.0.2.1\"]},\"status\":404}}}",
	     "mta_sts.delegation.host=-\nmta_sts.policy=-\n"},
	    {HEAD("domain") "{\"policy\":{\"host\":\"mta-sts.x.test\",\"a\":{\"dns\":{\"status\":"
			    "\"nodata\"}},\"aaaa\":{\"dns\":{\"status\":\"nodata\"}}}}}",
	     "mta_sts.policy=-\n"},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct arena *arena = arena_new();
		assert_string_equal(listing(arena, reduce(arena, table[i].json)), table[i].facts);
		arena_free(arena);
	}
}

static void host_posture(void **state)
{
	(void)state;
	static const char json[] = HEAD("host") "{\"a\":{" ANSWER(
	    "secure",
	    "9") ",\"value\":[\"192.0.2.8\",\"192.0.2.7\"]},"
		 "\"aaaa\":{\"dns\":{\"status\":\"nodata\",\"dnssec\":\"insecure\"}},"
		 "\"tlsa\":[{\"port\":25," ANSWER(
		     "secure",
		     "9") ",\"rr\":[{\"usage\":3,\"selector\":1,"
			  "\"matching\":1,\"data\":\"ab\"}]},{\"port\":465," ANSWER(
			      "insecure",
			      "9") ",\"rr\":[{\"usage\":3,\"selector\":1,\"matching\":1,\"data\":\"ab\"}]}],"
				   "\"services\":["
				   "{\"address\":\"192.0.2.7\",\"port\":25,\"greeting_code\":220,\"starttls_offered\":true,"
				   "\"tls\":{\"version\":\"TLSv1.3\",\"forward_secrecy\":true,\"aead\":true,\"chain\":[{"
				   "\"sha256\":\"aa\",\"spki_sha256\":\"bb\",\"issuer\":\"CN=CA\",\"not_after\":"
				   "\"2027-01-15T08:00:00Z\"}]},\"ptr\":{" ANSWER(
				       "unknown",
				       "3") ",\"value\":[\"mx1.x.test\"]},\"sweep\":{\"ssl2\":\"no\",\"ssl3\":\"no\",\"tls1_0\":"
					    "\"yes\",\"relay\":{\"first\":\"accepted\",\"second\":\"refused\"}}},"
					    "{\"address\":\"192.0.2.8\",\"port\":25,\"greeting_code\":220,\"sweep\":{\"ssl2\":"
					    "\"no\",\"ssl3\":\"unknown\",\"tls1_0\":\"yes\"}}]}}";
	struct arena *arena = arena_new();
	struct posture *p = reduce(arena, json);
	assert_string_equal(listing(arena, p),
			    "[192.0.2.7]:25 cert={\"issuer\":\"CN=CA\",\"not_after\":\"2027-01-15T08:00:00Z\","
			    "\"sha256\":\"aa\",\"spki_sha256\":\"bb\"}\n"
			    "[192.0.2.7]:25 ptr=[\"mx1.x.test\"]\n"
			    "[192.0.2.7]:25 relay=\"closed\"\n"
			    "[192.0.2.7]:25 starttls=true\n"
			    "[192.0.2.7]:25 tls.aead=true\n"
			    "[192.0.2.7]:25 tls.forward_secrecy=true\n"
			    "[192.0.2.7]:25 tls.lowest=\"TLSv1\"\n"
			    "[192.0.2.7]:25 tls.version=\"TLSv1.3\"\n"
			    "[192.0.2.8]:25 starttls=-\n"
			    "a=[\"192.0.2.7\",\"192.0.2.8\"]\n"
			    "aaaa=-\n"
			    "address.dnssec=\"insecure\"\n"
			    "tlsa:25=[\"3 1 1 ab\"]\n"
			    "tlsa:25.dnssec=\"secure\"\n"
			    "tlsa:465=-\n"
			    "tlsa:465.dnssec=\"insecure\"\n");
	arena_free(arena);
}

/* Where the conversation stopped decides what is known of STARTTLS. */
static void starttls_from_failures(void **state)
{
	(void)state;
	static const struct {
		const char *stage, *class, *fact; /* NULL: unknown */
	} table[] = {
	    {"connect", "refused", NULL},    {"connect", "timeout", NULL},
	    {"greeting", "throttled", NULL}, {"ehlo", "protocol", NULL},
	    {"starttls", "throttled", NULL}, {"tls", "local", NULL},
	    {"starttls", "refused", "-"},    {"tls", "tls", "-"},
	    {"tls", "timeout", "-"},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct arena *arena = arena_new();
		const char *json = arena_printf(
		    arena,
		    HEAD("host") "{\"services\":[{\"address\":\"192.0.2.7\",\"port\":25,"
				 "\"failure\":{\"stage\":\"%s\",\"class\":\"%s\"},"
				 "\"greeting_code\":220,\"starttls_offered\":true}]}}",
		    table[i].stage, table[i].class);
		const struct fact *f = posture_get(reduce(arena, json), S25 "starttls");
		if (table[i].fact == NULL)
			assert_null(f);
		else
			assert_int_equal(f->state, FACT_ABSENT);
		arena_free(arena);
	}
}

/* A stored posture compares equal with a fresh one. */
static void posture_survives_storage(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct posture *p = reduce(arena, domain_one), back;
	struct error err;
	struct buf b;
	buf_init(&b, 65536);
	p->fact[0].misses = 2;
	assert_true(shape_encode(&posture_shape, p, &b));
	assert_int_equal(
	    shape_decode(&posture_shape, SHAPE_LENIENT, buf_str(&b), b.len, arena, &back, &err), 0);
	assert_string_equal(listing(arena, &back), listing(arena, p));
	assert_int_equal(back.fact[0].misses, 2);
	buf_clear(&b);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_edge),
	    cmocka_unit_test(every_run),
	    cmocka_unit_test(first_observation_is_silent),
	    cmocka_unit_test(texts_and_values),
	    cmocka_unit_test(domain_posture),
	    cmocka_unit_test(domain_unknown_and_absent),
	    cmocka_unit_test(host_posture),
	    cmocka_unit_test(starttls_from_failures),
	    cmocka_unit_test(posture_survives_storage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
