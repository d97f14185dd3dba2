/* SPDX-License-Identifier: ISC
 *
 * One row per fact: the name of its key, what counts as a step down, and the function that
 * turns its edge into events.  Values are parsed back from their JSON text here; they are the
 * posture's own, so a parse cannot fail.
 */
#include "diff_tell.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "buf.h"
#include "text.h"

#define NAMES_IN_SENTENCE 5

struct row {
	const char *key;	       /* the whole key, or what follows "[address]:port " */
	bool prefix;		       /* key begins so */
	int (*rank)(const char *json); /* a lower one has to be confirmed; NULL: only absence has */
	void (*tell)(struct telling *t, const struct edge *e);
};
static const struct row *row_of(const char *key);

/* -- small helpers -- */

/* What stands behind the service in "[192.0.2.7]:25 cert", or the key itself. */
static const char *bare_key(const char *key)
{
	const char *space = key[0] == '[' ? strchr(key, ' ') : NULL;
	return space != NULL ? space + 1 : key;
}

/* "mx1.example.test[192.0.2.7]:25" for a fact of a service, else the subject itself. */
static const char *subject_of(const struct telling *t, const struct edge *e)
{
	const char *bare = bare_key(e->key);
	if (bare == e->key)
		return t->subject;
	return arena_printf(t->arena, "%s%.*s", t->subject, (int)(bare - 1 - e->key), e->key);
}

static const struct edge *edge_of(const struct telling *t, const char *key)
{
	for (size_t i = 0; i < t->n_edges; i++) {
		if (strcmp(t->edge[i].key, key) == 0)
			return &t->edge[i];
	}
	return NULL;
}

static json_t *parse(const char *text)
{
	return text != NULL ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
}

/* Takes json; NULL stays NULL. */
static const char *print(struct arena *arena, json_t *json)
{
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	const char *copy = arena_strdup(arena, text);
	free(text);
	json_decref(json);
	return copy;
}

/* The text of a JSON string, or otherwise when there is none. */
static const char *word(struct arena *arena, const char *text, const char *otherwise)
{
	json_t *json = parse(text);
	const char *copy =
	    json_is_string(json) ? arena_strdup(arena, json_string_value(json)) : otherwise;
	json_decref(json);
	return copy;
}

static struct change *add(struct telling *t, const struct edge *e, const char *event,
			  const char *check, enum finding_severity severity)
{
	if (t->changes->n == t->size) {
		size_t size = t->size == 0 ? 8 : t->size * 2;
		struct change *item = arena_array(t->arena, size, sizeof(*item));
		if (t->changes->n > 0)
			memcpy(item, t->changes->item, t->changes->n * sizeof(*item));
		t->changes->item = item;
		t->size = size;
	}
	struct change *c = &t->changes->item[t->changes->n++];
	*c = (struct change){.event = event,
			     .check = check,
			     .subject = subject_of(t, e),
			     .severity = severity,
			     .before = e->before,
			     .after = e->after};
	return c;
}

static bool contains(const json_t *array, const char *s)
{
	size_t i;
	json_t *v;
	json_array_foreach(array, i, v)
	{
		if (strcmp(json_string_value(v), s) == 0)
			return true;
	}
	return false;
}

/* The members of a that b lacks, as a new array. */
static json_t *minus(const json_t *a, const json_t *b)
{
	json_t *rest = json_array(), *v;
	size_t i;
	json_array_foreach(a, i, v)
	{
		if (!contains(b, json_string_value(v)))
			json_array_append(rest, v);
	}
	return rest;
}

/* "a, b, c and 4 more" */
static const char *join(struct arena *arena, const json_t *array)
{
	size_t n = json_array_size(array);
	if (n == 0)
		return "nothing";
	struct buf b;
	buf_init(&b, 4096);
	for (size_t i = 0; i < n && i < NAMES_IN_SENTENCE; i++)
		buf_printf(&b, "%s%s", i == 0 ? "" : ", ",
			   json_string_value(json_array_get(array, i)));
	if (n > NAMES_IN_SENTENCE)
		buf_printf(&b, " and %zu more", n - NAMES_IN_SENTENCE);
	const char *s = arena_strndup(arena, buf_str(&b), b.len);
	buf_clear(&b);
	return s;
}

/* "x added", "y removed", "x added, y removed" */
static const char *set_difference(struct arena *arena, const json_t *before, const json_t *after)
{
	json_t *came = minus(after, before), *went = minus(before, after);
	const char *s = "the same members in another form";
	if (json_array_size(came) > 0 && json_array_size(went) > 0)
		s = arena_printf(arena, "%s added, %s removed", join(arena, came),
				 join(arena, went));
	else if (json_array_size(came) > 0)
		s = arena_printf(arena, "%s added", join(arena, came));
	else if (json_array_size(went) > 0)
		s = arena_printf(arena, "%s removed", join(arena, went));
	json_decref(came);
	json_decref(went);
	return s;
}

static const char *texts_difference(struct arena *arena, const char *before, const char *after)
{
	json_t *b = parse(before), *a = parse(after);
	const char *s = set_difference(arena, b, a);
	json_decref(b);
	json_decref(a);
	return s;
}

/* -- ranks -- */

static int rank_in(const char *json, const char *const *words)
{
	for (int i = 0; words[i] != NULL; i++) {
		size_t len = strlen(words[i]);
		if (strncmp(json + 1, words[i], len) == 0 && json[1 + len] == '"')
			return i;
	}
	return -1;
}

static int rank_dnssec(const char *json)
{
	static const char *const words[] = {"bogus", "insecure", "secure", NULL};
	return rank_in(json, words);
}

static int rank_version(const char *json)
{
	static const char *const words[] = {"SSLv2",   "SSLv3",	  "TLSv1", "TLSv1.1",
					    "TLSv1.2", "TLSv1.3", NULL};
	return rank_in(json, words);
}

static int rank_relay(const char *json)
{
	static const char *const words[] = {"open", "closed", NULL};
	return rank_in(json, words);
}

static int rank_bool(const char *json)
{
	return strcmp(json, "true") == 0;
}

/* -- MX -- */

/* The host names of an MX set without their preferences. */
static json_t *mx_hosts(const json_t *set)
{
	json_t *hosts = json_array(), *v;
	size_t i;
	json_array_foreach(set, i, v)
	{
		const char *space = strchr(json_string_value(v), ' ');
		json_array_append_new(hosts, json_string(space + 1));
	}
	return hosts;
}

static void tell_mx(struct telling *t, const struct edge *e)
{
	json_t *before = parse(e->before), *after = parse(e->after);
	json_t *had = mx_hosts(before), *has = mx_hosts(after);
	json_t *came = minus(has, had), *went = minus(had, has);
	json_t *lines_went = minus(before, after);
	/* Only hosts that came: every line of before still stands; and the other way round. */
	bool only_added = json_array_size(lines_went) == 0;
	json_t *lines_came = minus(after, before);
	bool only_removed = json_array_size(lines_came) == 0;

	if (only_added && json_array_size(came) > 0)
		add(t, e, "mx.added", "mx.present", SEVERITY_WARNING)->summary = arena_printf(
		    t->arena, "%s has new MX hosts: %s", t->subject, join(t->arena, came));
	else if (only_removed && json_array_size(went) > 0)
		add(t, e, "mx.removed", "mx.present", SEVERITY_WARNING)->summary =
		    e->after == NULL
			? arena_printf(t->arena, "%s has no MX records any more (had %s)",
				       t->subject, join(t->arena, had))
			: arena_printf(t->arena, "%s lost MX hosts: %s", t->subject,
				       join(t->arena, went));
	else
		add(t, e, "mx.changed", "mx.present", SEVERITY_WARNING)->summary =
		    arena_printf(t->arena, "The MX set of %s changed: %s", t->subject,
				 set_difference(t->arena, before, after));
	json_t *all[] = {before, after, had, has, came, went, lines_went, lines_came};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		json_decref(all[i]);
}

/* -- DNSSEC -- */

enum step { STEP_NONE, STEP_LOST, STEP_GAINED, STEP_BOGUS };

static void tell_dnssec(struct telling *t, const struct edge *e);

static enum step dnssec_step(const struct edge *e)
{
	const struct row *row = row_of(e->key);
	int had, has;

	if (row == NULL || row->tell != tell_dnssec)
		return STEP_NONE;
	had = rank_dnssec(e->before), has = rank_dnssec(e->after);
	if (has == 0)
		return STEP_BOGUS;
	if (has < had)
		return STEP_LOST;
	return has == 1 ? STEP_NONE /* from bogus: the problem's end tells it */ : STEP_GAINED;
}

/* One change of the zone is one event, however many record sets show it. */
static void tell_dnssec(struct telling *t, const struct edge *e)
{
	static const struct {
		const char *prefix, *check, *what;
		bool many;
	} set[] = {
	    {"mx.", "mx.dnssec", "MX records", true},
	    {"mta_sts.", "mta_sts.dnssec", "MTA-STS record", false},
	    {"tls_rpt.", "tls_rpt.dnssec", "TLS-RPT record", false},
	    {"submission.", "submission.discovery", "submission SRV records", true},
	    {"address.", "mx.address_dnssec", "addresses", true},
	    {"tlsa:", "dane.dnssec", "TLSA records", true},
	};
	static const struct {
		const char *event, *is, *are;
		enum finding_severity severity;
	} words[] = {
	    [STEP_LOST] = {"dnssec.lost", "is no longer signed", "are no longer signed",
			   SEVERITY_WARNING},
	    [STEP_GAINED] = {"dnssec.gained", "is secured by DNSSEC now",
			     "are secured by DNSSEC now", SEVERITY_INFO},
	    [STEP_BOGUS] = {"dnssec.bogus", "fails DNSSEC validation", "fail DNSSEC validation",
			    SEVERITY_CRITICAL},
	};
	enum step step = dnssec_step(e);
	const char *check = NULL;
	json_t *what = json_array();
	bool many = false;

	for (const struct edge *o = t->edge; o < e && step != STEP_NONE; o++)
		if (dnssec_step(o) == step)
			step = STEP_NONE; /* told with that */
	for (size_t i = 0; step != STEP_NONE && i < sizeof(set) / sizeof(set[0]); i++) {
		const struct edge *o = e, *end = t->edge + t->n_edges;
		while (o < end && !(text_starts(o->key, set[i].prefix) && dnssec_step(o) == step))
			o++;
		if (o == end)
			continue;
		check = check ? check : set[i].check;
		many = set[i].many || json_array_size(what) > 0;
		json_array_append_new(what, json_string(set[i].what));
	}
	if (check)
		add(t, e, words[step].event, check, words[step].severity)->summary =
		    arena_printf(t->arena, "DNSSEC: the %s of %s %s", join(t->arena, what),
				 t->subject, many ? words[step].are : words[step].is);
	json_decref(what);
}

/* -- MTA-STS -- */

static const char *policy_mode(struct arena *arena, const char *policy)
{
	json_t *json = parse(policy);
	const char *mode = arena_strdup(arena, json_string_value(json_object_get(json, "mode")));
	json_decref(json);
	return mode;
}

/* The policy believed behind this comparison, NULL if there is none. */
static const char *policy_after(const struct telling *t)
{
	const struct fact *f = posture_get(t->next, "mta_sts.policy");
	return f != NULL ? f->value : NULL;
}

/* {id, policy: what differs from other}, for one side of an id's edge. */
static const char *id_side(struct arena *arena, const char *id, const char *policy,
			   const char *other)
{
	json_t *side = json_object(), *differs = json_object();
	json_t *mine = parse(policy), *theirs = parse(other), *v;
	const char *key;
	json_object_set_new(side, "id", parse(id));
	json_object_foreach(mine, key, v)
	{
		if (!json_equal(v, json_object_get(theirs, key)))
			json_object_set(differs, key, v);
	}
	if (json_object_size(differs) > 0)
		json_object_set(side, "policy", differs);
	json_decref(mine);
	json_decref(theirs);
	json_decref(differs);
	return print(arena, side);
}

/* The record went away.  Behind a policy of mode none that is the end of an orderly
 * withdrawal (RFC 8461 section 8.3). */
static void tell_removed(struct telling *t, const struct edge *e, const char *check,
			 const char *what, const char *policy)
{
	const char *mode = policy_mode(t->arena, policy);
	bool orderly = mode != NULL && strcmp(mode, "none") == 0;
	add(t, e, "mta_sts.removed", check, orderly ? SEVERITY_INFO : SEVERITY_CRITICAL)->summary =
	    arena_printf(t->arena, "The MTA-STS %s of %s disappeared%s", what, t->subject,
			 orderly ? " after mode \"none\", as it should" : "");
}

static void tell_id(struct telling *t, const struct edge *e)
{
	const struct edge *policy = edge_of(t, "mta_sts.policy");
	const char *had = policy != NULL ? policy->before : policy_after(t);
	if (e->after == NULL) {
		tell_removed(t, e, "mta_sts.record", "record", had);
		return;
	}
	if (e->before == NULL) {
		add(t, e, "mta_sts.published", "mta_sts.record", SEVERITY_INFO)->summary =
		    arena_printf(t->arena, "%s published an MTA-STS record with id %s", t->subject,
				 word(t->arena, e->after, ""));
		return;
	}
	const char *has = policy != NULL ? policy->after : had;
	struct change *c = add(t, e, "mta_sts.id_changed", "mta_sts.id_body", SEVERITY_INFO);
	c->before = id_side(t->arena, e->before, had, has);
	c->after = id_side(t->arena, e->after, has, had);
	c->summary =
	    arena_printf(t->arena, "The MTA-STS record id of %s changed from %s to %s%s",
			 t->subject, word(t->arena, e->before, ""), word(t->arena, e->after, ""),
			 policy != NULL ? ", and the policy with it" : "; the policy is the same");
}

static void tell_mode(struct telling *t, const struct edge *e)
{
	static const char *const words[] = {"none", "testing", "enforce", NULL};
	const char *before = policy_mode(t->arena, e->before);
	const char *after = policy_mode(t->arena, e->after);
	if (strcmp(before, after) == 0)
		return;
	const struct edge mode = {e->key, print(t->arena, json_string(before)),
				  print(t->arena, json_string(after))};
	enum finding_severity severity = SEVERITY_INFO;
	if (rank_in(mode.after, words) < rank_in(mode.before, words))
		severity = strcmp(before, "enforce") == 0 ? SEVERITY_CRITICAL : SEVERITY_WARNING;
	add(t, &mode, "mta_sts.mode_changed", "mta_sts.policy.mode", severity)->summary =
	    arena_printf(t->arena, "The MTA-STS mode of %s changed from %s to %s", t->subject,
			 before, after);
}

/* Live MX hosts outside the policy, as a new array. */
static json_t *unmatched(const struct telling *t)
{
	const struct fact *f = posture_get(t->next, "mta_sts.unmatched");
	json_t *set = f != NULL ? parse(f->value) : NULL;
	return set != NULL ? set : json_array();
}

/* The policy's mx list moved, or a live MX fell out of it; why says which. */
static void tell_drift(struct telling *t, const struct edge *e, const char *why)
{
	json_t *outside = unmatched(t);
	const char *mode = policy_mode(t->arena, policy_after(t));
	bool refused = json_array_size(outside) > 0 && mode != NULL && strcmp(mode, "enforce") == 0;
	struct change *c = add(t, e, "mx.pattern_drift", "mta_sts.mx_match",
			       refused ? SEVERITY_CRITICAL : SEVERITY_WARNING);
	if (json_array_size(outside) > 0)
		c->summary = arena_printf(t->arena, "%s: the MTA-STS policy does not match %s", why,
					  join(t->arena, outside));
	else
		c->summary = arena_printf(t->arena, "%s; it matches every live MX", why);
	json_decref(outside);
}

static void tell_policy(struct telling *t, const struct edge *e)
{
	const struct fact *id = posture_get(t->next, "mta_sts.id");
	const struct edge *id_edge = edge_of(t, "mta_sts.id");
	bool published = id != NULL && id->state == FACT_VALUE;
	if (e->before == NULL || e->after == NULL) { /* the record's own edge says it already */
		if (!published || (id_edge != NULL && id_edge->before == NULL))
			return;
		if (e->after == NULL)
			tell_removed(t, e, "mta_sts.policy.fetch", "policy", e->before);
		else
			add(t, e, "mta_sts.published", "mta_sts.policy.fetch", SEVERITY_INFO)
			    ->summary =
			    arena_printf(t->arena, "%s serves an MTA-STS policy now", t->subject);
		return;
	}
	json_t *before = parse(e->before), *after = parse(e->after);
	json_t *had = json_object_get(before, "mx"), *has = json_object_get(after, "mx");
	bool moved = !json_equal(had, has);
	if (id_edge == NULL && published)
		add(t, e, "mta_sts.policy_changed", "mta_sts.id_body",
		    moved ? SEVERITY_CRITICAL : SEVERITY_WARNING)
		    ->summary = arena_printf(
		    t->arena,
		    "The MTA-STS policy of %s changed, but the record id did not: senders "
		    "keep the policy they hold",
		    t->subject);
	tell_mode(t, e);
	if (moved) {
		const struct edge list = {e->key, print(t->arena, json_incref(had)),
					  print(t->arena, json_incref(has))};
		tell_drift(t, &list,
			   arena_printf(t->arena,
					"The mx list in the MTA-STS policy of %s changed "
					"(%s)",
					t->subject, set_difference(t->arena, had, has)));
	}
	json_decref(before);
	json_decref(after);
}

/* A live MX fell out of the policy's patterns while these stayed as they were. */
static void tell_unmatched(struct telling *t, const struct edge *e)
{
	const struct edge *policy = edge_of(t, "mta_sts.policy");
	if (policy != NULL || e->before == NULL || e->after == NULL)
		return;
	json_t *before = parse(e->before), *after = parse(e->after);
	json_t *fell_out = minus(after, before);
	if (json_array_size(fell_out) > 0)
		tell_drift(t, e,
			   arena_printf(t->arena, "New MX hosts of %s are outside its policy",
					t->subject));
	json_decref(before);
	json_decref(after);
	json_decref(fell_out);
}

static void tell_delegation(struct telling *t, const struct edge *e)
{
	const struct edge *id = edge_of(t, "mta_sts.id");
	if (id != NULL && (id->before == NULL || id->after == NULL))
		return; /* published or removed with its CNAME */
	bool record = strcmp(e->key, "mta_sts.delegation.record") == 0;
	add(t, e, "mta_sts.delegation", "mta_sts.delegation", SEVERITY_INFO)->summary =
	    arena_printf(t->arena, "%s.%s leads to %s now, before to %s",
			 record ? "_mta-sts" : "mta-sts", t->subject,
			 word(t->arena, e->after, "no other name"),
			 word(t->arena, e->before, "no other name"));
}

/* -- TLS-RPT and submission -- */

static void tell_tls_rpt(struct telling *t, const struct edge *e)
{
	if (e->after == NULL) {
		add(t, e, "tls_rpt.removed", "tls_rpt.record", SEVERITY_WARNING)->summary =
		    arena_printf(t->arena, "The TLS-RPT record of %s disappeared", t->subject);
		return;
	}
	add(t, e, "tls_rpt.changed", "tls_rpt.record", SEVERITY_INFO)->summary =
	    e->before == NULL
		? arena_printf(t->arena, "%s published a TLS-RPT record", t->subject)
		: arena_printf(t->arena, "The TLS-RPT destinations of %s changed: %s", t->subject,
			       texts_difference(t->arena, e->before, e->after));
}

static void tell_submission(struct telling *t, const struct edge *e)
{
	add(t, e, "submission.discovery", "submission.discovery", SEVERITY_INFO)->summary =
	    arena_printf(t->arena, "The SRV records _%s._tcp of %s changed: %s",
			 e->key + strlen("submission."), t->subject,
			 texts_difference(t->arena, e->before, e->after));
}

/* -- DANE -- */

static void tell_tlsa(struct telling *t, const struct edge *e)
{
	const char *port = e->key + strlen("tlsa:");
	if (e->after == NULL)
		add(t, e, "dane.lost", "dane.tlsa", SEVERITY_CRITICAL)->summary =
		    arena_printf(t->arena, "%s has no secure TLSA records for port %s any more",
				 t->subject, port);
	else if (e->before == NULL)
		add(t, e, "dane.gained", "dane.tlsa", SEVERITY_INFO)->summary = arena_printf(
		    t->arena, "%s has secure TLSA records for port %s now", t->subject, port);
	else
		add(t, e, "dane.tlsa_changed", "dane.tlsa", SEVERITY_INFO)->summary =
		    arena_printf(t->arena, "The TLSA records of %s for port %s changed: %s",
				 t->subject, port, texts_difference(t->arena, e->before, e->after));
}

/* -- services -- */

static void tell_starttls(struct telling *t, const struct edge *e)
{
	const char *subject = subject_of(t, e);
	if (e->after == NULL)
		add(t, e, "starttls.lost", "tls.starttls", SEVERITY_CRITICAL)->summary =
		    arena_printf(t->arena, "%s does not complete STARTTLS any more", subject);
	else
		add(t, e, "starttls.gained", "tls.starttls", SEVERITY_INFO)->summary =
		    arena_printf(t->arena, "%s completes STARTTLS now", subject);
}

static void tell_best(struct telling *t, const struct edge *e)
{
	if (e->before == NULL || e->after == NULL ||
	    rank_version(e->after) >= rank_version(e->before))
		return;
	add(t, e, "tls.version_regression", "tls.version", SEVERITY_CRITICAL)->summary =
	    arena_printf(t->arena, "The best TLS version of %s fell from %s to %s",
			 subject_of(t, e), word(t->arena, e->before, ""),
			 word(t->arena, e->after, ""));
}

static void tell_lowest(struct telling *t, const struct edge *e)
{
	if (e->before == NULL || e->after == NULL ||
	    rank_version(e->after) >= rank_version(e->before))
		return;
	add(t, e, "tls.version_regression", "tls.version", SEVERITY_WARNING)->summary =
	    arena_printf(t->arena, "%s accepts %s again; the lowest version was %s",
			 subject_of(t, e), word(t->arena, e->after, ""),
			 word(t->arena, e->before, ""));
}

static void tell_cipher(struct telling *t, const struct edge *e)
{
	if (e->before == NULL || strcmp(e->before, "true") != 0)
		return;
	bool aead = strcmp(bare_key(e->key), "tls.aead") == 0;
	add(t, e, "tls.cipher_regression", "tls.cipher", SEVERITY_WARNING)->summary =
	    arena_printf(t->arena, "%s no longer negotiates %s", subject_of(t, e),
			 aead ? "an AEAD cipher" : "forward secrecy");
}

static void tell_cert(struct telling *t, const struct edge *e)
{
	if (e->before == NULL || e->after == NULL)
		return;
	json_t *before = parse(e->before), *after = parse(e->after);
	bool same_key = json_equal(json_object_get(before, "spki_sha256"),
				   json_object_get(after, "spki_sha256"));
	bool same_issuer =
	    json_equal(json_object_get(before, "issuer"), json_object_get(after, "issuer"));
	const char *until = json_string_value(json_object_get(after, "not_after"));
	add(t, e, "cert.changed", "tls.cert.renewal", SEVERITY_INFO)->summary = arena_printf(
	    t->arena, "%s serves a new certificate with %s from %s issuer%s%.10s", subject_of(t, e),
	    same_key ? "the same key" : "another key", same_issuer ? "the same" : "another",
	    until != NULL ? ", valid until " : "", until != NULL ? until : "");
	json_decref(before);
	json_decref(after);
}

static void tell_ptr(struct telling *t, const struct edge *e)
{
	add(t, e, "ptr.changed", "smtp.ptr", SEVERITY_INFO)->summary =
	    arena_printf(t->arena, "The PTR names of %s changed: %s", subject_of(t, e),
			 texts_difference(t->arena, e->before, e->after));
}

static void tell_relay(struct telling *t, const struct edge *e)
{
	if (e->before == NULL || e->after == NULL)
		return;
	if (rank_relay(e->after) == 0)
		add(t, e, "relay.opened", "smtp.open_relay", SEVERITY_CRITICAL)->summary =
		    arena_printf(t->arena, "%s relays mail for strangers", subject_of(t, e));
	else
		add(t, e, "relay.closed", "smtp.open_relay", SEVERITY_INFO)->summary = arena_printf(
		    t->arena, "%s does not relay for strangers any more", subject_of(t, e));
}

/* -- the table -- */

/* Facts without a row here (addresses) move in silence: they are for the history. */
static const struct row rows[] = {
    {"mx", false, NULL, tell_mx},
    {"mx.dnssec", false, rank_dnssec, tell_dnssec},
    {"mta_sts.id", false, NULL, tell_id},
    {"mta_sts.dnssec", false, rank_dnssec, tell_dnssec},
    {"mta_sts.policy", false, NULL, tell_policy},
    {"mta_sts.unmatched", false, NULL, tell_unmatched},
    {"mta_sts.delegation.", true, NULL, tell_delegation},
    {"tls_rpt", false, NULL, tell_tls_rpt},
    {"tls_rpt.dnssec", false, rank_dnssec, tell_dnssec},
    {"submission.submissions", false, NULL, tell_submission},
    {"submission.submission", false, NULL, tell_submission},
    {"submission.", true, rank_dnssec, tell_dnssec},
    {"address.dnssec", false, rank_dnssec, tell_dnssec},
    {"tlsa:25.dnssec", false, rank_dnssec, tell_dnssec},
    {"tlsa:465.dnssec", false, rank_dnssec, tell_dnssec},
    {"tlsa:587.dnssec", false, rank_dnssec, tell_dnssec},
    {"tlsa:", true, NULL, tell_tlsa},
    {"starttls", false, NULL, tell_starttls},
    {"tls.version", false, rank_version, tell_best},
    {"tls.lowest", false, NULL, tell_lowest},
    {"tls.forward_secrecy", false, rank_bool, tell_cipher},
    {"tls.aead", false, rank_bool, tell_cipher},
    {"cert", false, NULL, tell_cert},
    {"ptr", false, NULL, tell_ptr},
    {"relay", false, rank_relay, tell_relay},
};

static const struct row *row_of(const char *key)
{
	const char *bare = bare_key(key);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].prefix ? text_starts(bare, rows[i].key)
				   : strcmp(bare, rows[i].key) == 0)
			return &rows[i];
	}
	return NULL;
}

void diff_tell(struct telling *t)
{
	for (size_t i = 0; i < t->n_edges; i++) {
		const struct row *row = row_of(t->edge[i].key);
		if (row != NULL)
			row->tell(t, &t->edge[i]);
	}
}

bool diff_falls(const char *key, const char *before, const char *after)
{
	const struct row *row = row_of(key);
	if (before == NULL || after == NULL)
		return before != NULL;
	return row != NULL && row->rank != NULL && row->rank(after) < row->rank(before);
}

int64_t diff_patience(const char *key, int64_t confirm_fail)
{
	if (strcmp(bare_key(key), "relay") == 0 && confirm_fail > 2)
		return 2; /* asked again an hour later, not at every retry */
	return confirm_fail;
}
