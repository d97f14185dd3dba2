/* SPDX-License-Identifier: ISC
 *
 * The worst row of the table that applies decides.  What is read is what each check judged,
 * before the watchlist had its say: an accepted fault is accepted, not mended.  What could not
 * be determined counts neither way.
 */
#include "grade.h"

#include <string.h>

#include "text.h"

struct tally {
	size_t mx;   /* hosts judged by mx.resolves */
	size_t dead; /* ... that lead nowhere */
	size_t connect_pass, connect_fail, connect_unknown;
	size_t mute;				/* connect_pass and TLS, but no word inside it */
	size_t tls_pass, tls_fail, tls_unknown; /* tls.starttls on port 25 */
	size_t version, version_13;
	size_t dane_hosts, dane_good;
	const struct finding *dead_host, *no_connection, *no_tls, *no_word;
	const struct finding *relay, *injection, *bogus, *dane;
	const struct finding *old_version, *bad_cert, *minor_cert, *cipher, *ptr;
};

static bool is_port25(const struct finding *f)
{
	size_t len = strlen(f->subject);
	return len < 4 || (strcmp(f->subject + len - 4, ":465") != 0 &&
			   strcmp(f->subject + len - 4, ":587") != 0);
}

static bool is_bad(const struct finding *f)
{
	return f->judged == FINDING_WARN || f->judged == FINDING_FAIL;
}

static bool is(const struct finding *f, const char *id)
{
	return strcmp(f->id, id) == 0;
}

static void keep(const struct finding **slot, const struct finding *f)
{
	if (!*slot)
		*slot = f;
}

static const struct finding *find(const struct findings *all, const char *id)
{
	for (size_t i = 0; i < all->n; i++)
		if (is(&all->item[i], id))
			return &all->item[i];
	return NULL;
}

static bool is_pass(const struct findings *all, const char *id)
{
	const struct finding *f = find(all, id);
	return f && f->judged == FINDING_PASS;
}

/* A valid DANE match makes a certificate good whatever the authorities say. */
static bool is_dane_valid(const struct findings *all, const char *host)
{
	const struct finding *f = host ? findings_find(all, "dane.match", host) : NULL;
	return f && f->judged == FINDING_PASS;
}

static void tally_cert(struct tally *t, const struct findings *all, const struct finding *f)
{
	if (!is_bad(f) || is_dane_valid(all, f->host))
		return;
	if (is(f, "tls.cert.trusted"))
		keep(f->cause && strcmp(f->cause, "missing_intermediate") == 0 ? &t->minor_cert
									       : &t->bad_cert,
		     f);
	else if (is(f, "tls.cert.validity") || is(f, "tls.cert.key"))
		keep(&t->bad_cert, f);
	else if (is(f, "tls.cert.name") || is(f, "tls.cert.expiry") || is(f, "tls.cert.signature"))
		keep(&t->minor_cert, f);
}

static void tally_version(struct tally *t, const struct finding *f)
{
	if (f->judged == FINDING_SKIP || !f->cause)
		return;
	t->version++;
	t->version_13 += strcmp(f->cause, "1.3") == 0;
	if (is_bad(f))
		keep(&t->old_version, f);
}

static void tally_address(struct tally *t, const struct finding *f)
{
	if (is(f, "smtp.connect") && f->cause) {
		return; /* the watchlist expects it not to answer */
	} else if (is(f, "smtp.connect")) {
		t->connect_pass += f->judged == FINDING_PASS;
		t->connect_fail += f->judged == FINDING_FAIL;
		t->connect_unknown += f->judged == FINDING_UNKNOWN;
		if (f->judged == FINDING_FAIL)
			keep(&t->no_connection, f);
	} else if (is(f, "smtp.ehlo") && f->cause) {
		t->mute++;
		keep(&t->no_word, f);
	} else if (is(f, "smtp.ehlo") && f->judged == FINDING_FAIL) {
		t->tls_fail++;
		keep(&t->no_tls, f);
	} else if (is(f, "tls.starttls") && f->cause) {
		t->tls_pass++; /* TLS works, what came before it is odd */
	} else if (is(f, "tls.starttls")) {
		t->tls_pass += f->judged == FINDING_PASS;
		t->tls_fail += f->judged == FINDING_FAIL;
		t->tls_unknown += f->judged == FINDING_UNKNOWN;
		if (f->judged == FINDING_FAIL)
			keep(&t->no_tls, f);
	} else if (is(f, "tls.version")) {
		tally_version(t, f);
	} else if (is(f, "smtp.open_relay") && f->judged == FINDING_FAIL) {
		keep(&t->relay, f);
	} else if (is(f, "tls.starttls_injection") && f->judged == FINDING_FAIL) {
		keep(&t->injection, f);
	} else if ((is(f, "tls.cipher") || is(f, "tls.key_exchange")) && is_bad(f)) {
		keep(&t->cipher, f);
	} else if (is(f, "smtp.ptr") && is_bad(f)) {
		keep(&t->ptr, f);
	}
}

static void tally_host(struct tally *t, const struct finding *f)
{
	if (is(f, "mx.resolves") && f->judged != FINDING_SKIP) {
		t->mx++;
		if (f->judged == FINDING_FAIL) {
			t->dead++;
			keep(&t->dead_host, f);
		}
	} else if ((is(f, "mx.dnssec") || is(f, "mx.address_dnssec")) &&
		   f->judged == FINDING_FAIL) {
		keep(&t->bogus, f);
	} else if (is(f, "dane.match")) {
		t->dane_hosts++;
		t->dane_good += f->judged == FINDING_PASS;
		if (f->judged == FINDING_FAIL)
			keep(&t->dane, f);
	} else if (is(f, "dane.dnssec") && f->judged != FINDING_PASS) {
		t->dane_hosts++; /* a match that is not wholly signed is no DANE for the A+ */
	}
}

static struct tally tally_of(const struct findings *all)
{
	struct tally t = {0};

	for (size_t i = 0; i < all->n; i++) {
		const struct finding *f = &all->item[i];
		tally_host(&t, f);
		if (!is_port25(f))
			continue;
		tally_address(&t, f);
		tally_cert(&t, all, f);
	}
	return t;
}

static struct grade row(const char *letter, const char *rule, const struct finding *f)
{
	return (struct grade){letter, rule, f ? f->subject : NULL, false};
}

static struct grade nothing(const char *rule)
{
	return (struct grade){NULL, rule, NULL, false};
}

static bool has_sts(const struct findings *all)
{
	const struct finding *match = find(all, "mta_sts.mx_match");
	const struct finding *syntax = find(all, "mta_sts.policy.syntax");
	const struct finding *tls = find(all, "mta_sts.mx_tls");

	return is_pass(all, "mta_sts.record") && is_pass(all, "mta_sts.policy.tls") &&
	       is_pass(all, "mta_sts.policy.fetch") && is_pass(all, "mta_sts.policy.mode") &&
	       syntax && syntax->judged != FINDING_FAIL && match &&
	       (match->judged == FINDING_PASS || match->judged == FINDING_INFO) && tls &&
	       tls->judged != FINDING_FAIL;
}

/* Whether MTA-STS or DANE may be there, but could not be determined. */
static bool is_open(const struct findings *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->item[i].judged == FINDING_UNKNOWN &&
		    (text_starts(all->item[i].id, "mta_sts.") ||
		     text_starts(all->item[i].id, "dane.")))
			return true;
	return false;
}

static struct grade good(const struct findings *all, const struct tally *t)
{
	bool dane = t->dane_hosts > 0 && t->dane_good == t->dane_hosts;
	struct grade g;

	if (t->version == 0 || t->version_13 < t->version)
		return row("A", "A: TLS 1.2 or better everywhere, but not TLS 1.3 on every address",
			   NULL);
	if (has_sts(all))
		return row(
		    "A+", "A+: TLS 1.3 everywhere and MTA-STS in enforce mode covers every MX host",
		    NULL);
	if (dane)
		return row("A+", "A+: TLS 1.3 everywhere and valid DANE on every MX host", NULL);
	g = row("A",
		"A: TLS 1.3 and good certificates everywhere, but neither MTA-STS in enforce mode "
		"nor DANE covers every MX host",
		NULL);
	g.open = is_open(all);
	return g;
}

static struct grade failing(const struct tally *t)
{
	if (t->relay)
		return row("F", "F: an open relay", t->relay);
	if (t->injection)
		return row("F", "F: STARTTLS injection", t->injection);
	if (t->mx > 0 && t->dead == t->mx)
		return row("F", "F: no MX host can be reached at all", t->dead_host);
	if (t->connect_fail + t->mute > 0 && t->connect_pass + t->connect_unknown == t->mute)
		return row("F", "F: no MX host can be reached at all",
			   t->no_connection ? t->no_connection : t->no_word);
	if (t->tls_fail > 0 && t->tls_pass + t->tls_unknown == 0)
		return row("F", "F: no TLS on any address that can be reached", t->no_tls);
	if (t->no_tls)
		return row("D", "D: STARTTLS is missing or does not work on some addresses",
			   t->no_tls);
	if (t->no_connection)
		return row("D", "D: some addresses cannot be reached", t->no_connection);
	if (t->no_word)
		return row("D", "D: some addresses do not answer inside TLS", t->no_word);
	if (t->dead_host)
		return row("D", "D: an MX host does not resolve", t->dead_host);
	if (t->dane)
		return row("D", "D: a certificate matches no TLSA record", t->dane);
	if (t->bogus)
		return row("D", "D: MX or address records fail DNSSEC validation", t->bogus);
	return nothing(NULL);
}

/* What exactly is wrong with the certificate. */
static const char *cert_rule(const struct finding *f, bool minor)
{
	if (is(f, "tls.cert.validity"))
		return "C: a certificate is out of its dates";
	if (is(f, "tls.cert.key"))
		return "C: a certificate has a weak key";
	if (is(f, "tls.cert.name"))
		return "B: a certificate is for another name";
	if (is(f, "tls.cert.expiry"))
		return "B: a certificate comes to its end";
	if (is(f, "tls.cert.signature"))
		return "B: a certificate is signed with SHA-1 or worse";
	if (minor)
		return "B: an intermediate certificate is missing";
	return f->cause && strcmp(f->cause, "self_signed") == 0 ? "C: a certificate is self-signed"
								: "C: a certificate is not trusted";
}

struct grade grade_of(const struct eval_input *in, const struct findings *all)
{
	const struct finding *present = find(all, "mx.present");
	struct tally t = tally_of(all);
	struct grade g;

	if (in->only)
		return nothing("no grade: only some checks were made");
	if (present && present->cause && strcmp(present->cause, "null") == 0)
		return nothing("no grade: the domain takes no mail (null MX)");
	if (present && present->cause && strcmp(present->cause, "nxdomain") == 0)
		return nothing("no grade: the domain does not exist");
	g = failing(&t);
	if (g.letter)
		return g;
	if (present && present->judged == FINDING_FAIL && t.mx == 0)
		return row("F", "F: no MX host can be reached at all", present);
	if (t.tls_pass == 0)
		return nothing("no grade: nothing could be determined");
	if (t.old_version)
		return row("C", "C: a TLS version older than 1.2 is accepted", t.old_version);
	if (t.bad_cert)
		return row("C", cert_rule(t.bad_cert, false), t.bad_cert);
	if (t.minor_cert)
		return row("B", cert_rule(t.minor_cert, true), t.minor_cert);
	if (t.cipher)
		return row("B", "B: weak ciphers", t.cipher);
	if (t.ptr)
		return row("B", "B: reverse DNS is not right", t.ptr);
	return good(all, &t);
}
