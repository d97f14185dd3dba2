/* SPDX-License-Identifier: ISC
 *
 * TLS at one address and port: STARTTLS, versions, suites and groups (RFC 3207, RFC 8996,
 * RFC 9325).  Certificates are in eval_cert.c.
 *
 * What only the daily sweep can tell is judged from the ordinary handshake when there was no
 * sweep; where the sweep was made and a question of it stayed open, the finding is unknown.
 */
#include <string.h>

#include "eval_parts.h"
#include "text.h"

static bool is_ours(const struct obs_failure *f)
{
	return f->class == OBS_CLASS_LOCAL || f->class == OBS_CLASS_THROTTLED;
}

bool part_no_tls(struct eval_context *c, const struct part_host *h, const struct part_service *s,
		 const char *id)
{
	enum finding_status status = FINDING_SKIP;
	const char *why = "there was no TLS session";

	if (s->reach == REACH_UNKNOWN) {
		status = FINDING_UNKNOWN;
		why = s->why;
	} else if (s->reach == REACH_NEVER) {
		why = s->why;
	} else if (s->reach == REACH_NO) {
		why = "there is no connection";
	} else if (s->svc->tls) {
		return false;
	} else if (is_ours(&s->svc->failure)) {
		status = FINDING_UNKNOWN;
		why = part_failure(c, &s->svc->failure);
	}
	part_at(part_say(c, id, s->subject, status, "%s: %s.",
			 status == FINDING_SKIP ? "Not checked" : "Could not be determined", why),
		h);
	return true;
}

/* -- names of versions ------------------------------------------------------------------------ */

struct version {
	const char *word; /* as in facts: "TLSv1.3" */
	const char *name, *cause;
};

static const struct version versions[] = {
    {"SSLv2", "SSLv2", "ssl2"},	   {"SSLv3", "SSLv3", "ssl3"},	  {"TLSv1", "TLS 1.0", "1.0"},
    {"TLSv1.1", "TLS 1.1", "1.1"}, {"TLSv1.2", "TLS 1.2", "1.2"}, {"TLSv1.3", "TLS 1.3", "1.3"},
};

static const char *version_name(struct eval_context *c, const char *word)
{
	for (size_t i = 0; word && i < sizeof(versions) / sizeof(versions[0]); i++)
		if (strcmp(word, versions[i].word) == 0)
			return versions[i].name;
	return word ? part_safe(c, word) : "TLS";
}

/* -- tls.starttls
 * ----------------------------------------------------------------------------------- */

static struct finding *starttls_failed(struct eval_context *c, const struct part_service *s)
{
	static const char id[] = "tls.starttls";
	const struct obs_service *svc = s->svc;
	struct finding *f;

	if (svc->failure.class != OBS_CLASS_NONE && svc->failure.stage <= OBS_STAGE_EHLO)
		return part_say(c, id, s->subject, FINDING_SKIP,
				"Not checked: EHLO was not answered.");
	if (!svc->starttls_offered) {
		f = part_critical(c, id, s->subject, FINDING_FAIL, "STARTTLS is not offered%s.",
				  svc->helo_only ? " (EHLO is refused)" : "");
		part_evidence_list(f, "extensions", svc->ehlo, svc->n_ehlo);
	} else if (svc->starttls_code != 0 && svc->starttls_code != 220) {
		f = part_critical(c, id, s->subject, FINDING_FAIL,
				  "STARTTLS is offered but refused: %d %s.",
				  (int)svc->starttls_code,
				  svc->starttls_text ? part_safe(c, svc->starttls_text) : "");
		part_evidence_int(f, "code", svc->starttls_code);
		part_evidence(f, "reply", svc->starttls_text);
	} else {
		f = part_critical(c, id, s->subject, FINDING_FAIL,
				  "STARTTLS is offered but does not work: %s.",
				  part_failure(c, &svc->failure));
		part_evidence(f, "class", obs_class_words[svc->failure.class]);
		part_evidence(f, "error", svc->failure.text);
		if (svc->trailing_bytes > 0)
			part_evidence_int(f, "trailing_bytes", svc->trailing_bytes);
	}
	return part_soft(f);
}

/* Not what STARTTLS injection is (the server's own buffer), but its mirror image. */
static struct finding *starttls_trailing(struct eval_context *c, const struct part_service *s)
{
	struct finding *f = part_say(
	    c, "tls.starttls", s->subject, FINDING_FAIL,
	    "%d bytes in clear text follow the 220 reply to STARTTLS: a sender may take them for "
	    "replies inside TLS, careful ones hang up.",
	    (int)s->svc->trailing_bytes);

	f->cause = "trailing";
	part_evidence_int(f, "trailing_bytes", s->svc->trailing_bytes);
	return f;
}

static void starttls_check(struct eval_context *c, const struct part_host *h,
			   const struct part_service *s)
{
	static const char id[] = "tls.starttls";
	struct finding *f;

	if (s->svc && s->svc->implicit_tls)
		f = part_skip(c, id, s->subject, "TLS begins with the connection on this port");
	else if (s->reach != REACH_YES ||
		 (!s->svc->tls && is_ours(&s->svc->failure) && s->svc->starttls_code != 454)) {
		part_no_tls(c, h, s, id);
		return;
	} else if (!s->svc->tls)
		f = starttls_failed(c, s);
	else if (s->svc->trailing_bytes > 0)
		f = starttls_trailing(c, s);
	else
		f = part_say(c, id, s->subject, FINDING_PASS, "STARTTLS works (%s).",
			     version_name(c, s->svc->tls->version));
	part_at(f, h);
}

static void injection_check(struct eval_context *c, const struct part_host *h,
			    const struct part_service *s)
{
	static const char id[] = "tls.starttls_injection";
	struct finding *f;

	if (s->svc && s->svc->implicit_tls) {
		f = part_skip(c, id, s->subject, "there is no STARTTLS on this port");
	} else if (part_no_tls(c, h, s, id)) {
		return;
	} else {
		const struct obs_sweep *sweep = s->svc->sweep;
		switch (sweep ? sweep->starttls_injection : OBS_OFFER_UNASKED) {
		case OBS_OFFER_YES:
			f = part_critical(
			    c, id, s->subject, FINDING_FAIL,
			    "A command sent in clear text behind STARTTLS is answered inside TLS.");
			break;
		case OBS_OFFER_NO:
			f = part_say(c, id, s->subject, FINDING_PASS,
				     "Clear text behind STARTTLS is dropped.");
			break;
		case OBS_OFFER_UNASKED:
			f = part_say(
			    c, id, s->subject, FINDING_SKIP,
			    "Not checked: the daily deep look was not part of this probe.");
			break;
		default:
			f = part_say(c, id, s->subject, FINDING_UNKNOWN,
				     "Could not be determined: the test did not come to an end.");
			break;
		}
	}
	part_at(f, h);
}

/* -- tls.version
 * -------------------------------------------------------------------------------------- */

enum { V_SSL2, V_SSL3, V_TLS10, V_TLS11, V_TLS12, V_TLS13, V_COUNT };

struct offers {
	int accepted[V_COUNT]; /* enum obs_offer */
	int best, lowest;      /* -1: none known */
	bool open;	       /* a question about an old version was asked and not answered */
};

static struct offers offers_of(const struct obs_service *svc)
{
	const struct obs_sweep *w = svc->sweep;
	struct offers o = {.best = -1, .lowest = -1};

	if (w) {
		const int accepted[V_COUNT] = {w->ssl2,	  w->ssl3,   w->tls1_0,
					       w->tls1_1, w->tls1_2, w->tls1_3};
		memcpy(o.accepted, accepted, sizeof(accepted));
		for (int i = V_SSL3; i <= V_TLS11; i++)
			o.open = o.open || accepted[i] == OBS_OFFER_UNKNOWN;
	}
	const char *version = svc->tls ? svc->tls->version : NULL;
	int negotiated = version && strcmp(version, "TLSv1.0") == 0 ? V_TLS10 : -1;
	for (int i = 0; i < V_COUNT; i++)
		if (version && strcmp(version, versions[i].word) == 0)
			negotiated = i;
	/* The ordinary handshake offers all there is: what was accepted above it at the deep
	 * look, which may be a day old, is gone. */
	for (int i = negotiated + 1; negotiated >= 0 && i < V_COUNT; i++)
		if (o.accepted[i] == OBS_OFFER_YES)
			o.accepted[i] = OBS_OFFER_NO;
	if (negotiated >= 0)
		o.accepted[negotiated] = OBS_OFFER_YES;
	for (int i = 0; i < V_COUNT; i++) {
		if (o.accepted[i] != OBS_OFFER_YES)
			continue;
		o.best = i;
		o.lowest = o.lowest < 0 ? i : o.lowest;
	}
	return o;
}

static struct finding *version_judged(struct eval_context *c, const struct part_service *s,
				      const struct offers *o)
{
	static const char id[] = "tls.version";
	const char *best = versions[o->best].name, *lowest = versions[o->lowest].name;
	struct finding *f;

	if (o->best < V_TLS12)
		f = part_critical(c, id, s->subject, FINDING_FAIL, "The best version spoken is %s.",
				  best);
	else if (o->lowest <= V_SSL3)
		f = part_critical(c, id, s->subject, FINDING_FAIL, "%s is accepted (best is %s).",
				  lowest, best);
	else if (o->lowest <= V_TLS11)
		f = part_say(c, id, s->subject, FINDING_WARN, "%s is accepted (best is %s).",
			     lowest, best);
	else if (o->open)
		f = part_say(
		    c, id, s->subject, FINDING_UNKNOWN,
		    "Could not be determined: the server did not answer every question about old "
		    "versions (best is %s).",
		    best);
	else
		f = part_say(c, id, s->subject, o->best == V_TLS13 ? FINDING_PASS : FINDING_INFO,
			     s->svc->sweep ? "%s at best, %s at worst." : "The best version is %s.",
			     best, lowest);
	f->cause = versions[o->lowest <= V_TLS11 ? o->lowest : o->best].cause;
	return f;
}

static void version_check(struct eval_context *c, const struct part_host *h,
			  const struct part_service *s)
{
	static const char id[] = "tls.version";
	static const char *const key[V_COUNT] = {"ssl2",   "ssl3",   "tls1_0",
						 "tls1_1", "tls1_2", "tls1_3"};
	struct finding *f;

	/* What only an old ClientHello gets an answer from has no session of ours. */
	struct offers o = s->reach == REACH_YES ? offers_of(s->svc) : (struct offers){.best = -1};
	if (o.best < 0 && part_no_tls(c, h, s, id))
		return;
	if (o.best < 0) {
		f = part_say(c, id, s->subject, FINDING_UNKNOWN,
			     "Could not be determined: the version negotiated is not known.");
	} else {
		f = version_judged(c, s, &o);
	}
	part_evidence(f, "negotiated", s->svc->tls ? s->svc->tls->version : NULL);
	for (int i = 0; s->svc->sweep && i < V_COUNT; i++)
		if (o.accepted[i] != OBS_OFFER_UNASKED)
			part_evidence(f, key[i], obs_offer_words[o.accepted[i]]);
	part_at(f, h);
}

/* -- tls.cipher
 * ---------------------------------------------------------------------------------------- */

static bool has_weak(const struct obs_sweep *w, const char *class)
{
	for (size_t i = 0; w && i < w->n_weak_ciphers; i++)
		if (strcmp(w->weak_ciphers[i], class) == 0)
			return true;
	return false;
}

static const char *broken_suites(struct eval_context *c, const struct part_service *s)
{
	static const char *const broken[] = {"NULL", "EXPORT", "RC4", "3DES"};
	static const char *const in_name[] = {"NULL", "EXP", "RC4", "DES-CBC3"};
	const char *cipher = s->svc->tls ? s->svc->tls->cipher : NULL;
	const char *found[4];
	size_t n = 0;

	for (size_t i = 0; i < 4; i++)
		if (has_weak(s->svc->sweep, broken[i]) || (cipher && strstr(cipher, in_name[i])))
			found[n++] = broken[i];
	return n ? part_list(c, found, n) : NULL;
}

/* The session has neither AEAD nor, before TLS 1.2, any way to it. */
static bool is_cbc_only(const struct obs_service *svc)
{
	bool old = svc->tls->version && strcmp(svc->tls->version, "TLSv1.2") < 0;

	return has_weak(svc->sweep, "CBC-ONLY") || (!svc->tls->aead && (!svc->sweep || old));
}

static struct finding *cipher_judged(struct eval_context *c, const struct part_service *s)
{
	static const char id[] = "tls.cipher";
	const struct obs_tls *tls = s->svc->tls;
	const struct obs_sweep *w = s->svc->sweep;
	const char *broken = broken_suites(c, s);
	bool anonymous = has_weak(w, "ANON") || (tls && tls->anonymous);

	if (broken)
		return part_say(c, id, s->subject, FINDING_FAIL,
				"Broken cipher suites are accepted: %s.", broken);
	if (anonymous && part_is_submission_port(s))
		return part_say(c, id, s->subject, FINDING_FAIL,
				"Anonymous cipher suites are accepted.");
	if (!tls)
		return part_say(c, id, s->subject, FINDING_SKIP,
				"Not checked: there was no TLS session.");
	const char *name = tls->cipher ? part_safe(c, tls->cipher) : "an unnamed suite";
	if (has_weak(w, "NO-PFS") || (!tls->forward_secrecy && !w))
		return part_say(c, id, s->subject, FINDING_WARN,
				"There is no forward secrecy (%s).", name);
	if (is_cbc_only(s->svc))
		return part_say(c, id, s->subject, FINDING_WARN, "Only CBC suites are spoken (%s).",
				name);
	if (anonymous)
		return part_say(
		    c, id, s->subject, FINDING_INFO,
		    "Anonymous cipher suites are accepted; opportunistic senders do not care.");
	if (!tls->aead || !tls->forward_secrecy)
		return part_say(c, id, s->subject, FINDING_INFO,
				"The server prefers %s, though it knows better suites.", name);
	return part_say(c, id, s->subject, FINDING_PASS, "%s%s.", name,
			w ? ", and no weak suite" : " was negotiated");
}

static void cipher_check(struct eval_context *c, const struct part_host *h,
			 const struct part_service *s)
{
	const struct obs_sweep *w = s->svc ? s->svc->sweep : NULL;

	if (!(w && w->n_weak_ciphers > 0) && part_no_tls(c, h, s, "tls.cipher"))
		return;
	struct finding *f = cipher_judged(c, s);
	part_evidence(f, "negotiated", s->svc->tls ? s->svc->tls->cipher : NULL);
	if (w)
		part_evidence_list(f, "weak", w->weak_ciphers, w->n_weak_ciphers);
	part_at(f, h);
}

/* -- key exchange, compression, renegotiation, SNI
 * -------------------------------------------------------- */

static bool is_finite_field(const char *group)
{
	return text_starts(group, "ffdhe") || text_starts(group, "DH") ||
	       text_starts(group, "dh") || text_starts(group, "FFDH") || text_starts(group, "modp");
}

static struct finding *group_judged(struct eval_context *c, const struct part_service *s)
{
	static const char id[] = "tls.key_exchange";
	const struct obs_tls *tls = s->svc->tls;
	const char *group = part_safe(c, tls->group);
	int bits = (int)tls->group_bits;
	bool hybrid = strstr(group, "MLKEM") || strstr(group, "mlkem") || strstr(group, "Kyber");

	if (is_finite_field(group)) {
		if (bits < 2048)
			return part_say(
			    c, id, s->subject, bits < 1024 ? FINDING_FAIL : FINDING_WARN,
			    "The key exchange uses a finite-field group of %d bit (%s).", bits,
			    group);
		return part_say(c, id, s->subject, bits < 3072 ? FINDING_INFO : FINDING_PASS,
				"The key exchange uses a finite-field group of %d bit (%s).", bits,
				group);
	}
	if (bits > 0 && bits < 250 && !hybrid)
		return part_say(c, id, s->subject, bits < 224 ? FINDING_WARN : FINDING_INFO,
				"The key exchange uses a curve of %d bit (%s).", bits, group);
	return part_say(c, id, s->subject, FINDING_PASS, "The key exchange uses %s%s.", group,
			hybrid ? ", a post-quantum hybrid"
			: s->svc->sweep && s->svc->sweep->post_quantum == OBS_OFFER_YES
			    ? "; a post-quantum hybrid is spoken too"
			    : "");
}

static void key_exchange_check(struct eval_context *c, const struct part_host *h,
			       const struct part_service *s)
{
	static const char id[] = "tls.key_exchange";
	const struct obs_tls *tls;
	struct finding *f;

	if (part_no_tls(c, h, s, id))
		return;
	tls = s->svc->tls;
	if (tls->group && *tls->group) {
		f = group_judged(c, s);
		part_evidence(f, "group", tls->group);
		part_evidence_int(f, "bits", tls->group_bits);
	} else if (!tls->forward_secrecy) {
		f = part_skip(c, id, s->subject,
			      "the session used RSA key transport (see tls.cipher)");
	} else {
		f = part_say(c, id, s->subject, FINDING_UNKNOWN,
			     "Could not be determined: the group is not known.");
	}
	if (s->svc->sweep && s->svc->sweep->post_quantum != OBS_OFFER_UNASKED)
		part_evidence(f, "post_quantum", obs_offer_words[s->svc->sweep->post_quantum]);
	part_at(f, h);
}

static void old_faults_check(struct eval_context *c, const struct part_host *h,
			     const struct part_service *s)
{
	struct finding *f;

	if (!part_no_tls(c, h, s, "tls.compression")) {
		bool on = s->svc->tls->compression;
		f = part_say(c, "tls.compression", s->subject, on ? FINDING_WARN : FINDING_PASS,
			     "TLS compression is %s.", on ? "on" : "off");
		part_at(f, h);
	}
	if (!part_no_tls(c, h, s, "tls.renegotiation")) {
		const struct obs_tls *tls = s->svc->tls;
		bool tls13 = tls->version && strcmp(tls->version, "TLSv1.3") == 0;
		bool good = tls13 || tls->secure_renegotiation;
		f = part_say(c, "tls.renegotiation", s->subject, good ? FINDING_PASS : FINDING_WARN,
			     "%s.",
			     tls13  ? "TLS 1.3 has no renegotiation"
			     : good ? "Renegotiation is secure (RFC 5746)"
				    : "Secure renegotiation (RFC 5746) is not supported");
		part_at(f, h);
	}
}

void eval_tls_sni(struct eval_context *c, struct part_host *h, struct part_service *s)
{
	static const char id[] = "tls.sni_fallback";
	struct finding *f;

	if (part_no_tls(c, h, s, id))
		return;
	const struct obs_sweep *w = s->svc->sweep;
	switch (w ? w->without_sni : OBS_OFFER_UNASKED) {
	case OBS_OFFER_YES:
		f = part_say(c, id, s->subject, FINDING_PASS,
			     "A certificate is served without SNI too.");
		part_evidence(f, "leaf_sha256", w->without_sni_sha256);
		break;
	case OBS_OFFER_NO:
		f = part_say(c, id, s->subject, FINDING_INFO, "A client without SNI is refused.");
		break;
	case OBS_OFFER_UNASKED:
		f = part_say(c, id, s->subject, FINDING_SKIP,
			     "Not checked: the daily deep look was not part of this probe.");
		break;
	default:
		f = part_say(c, id, s->subject, FINDING_UNKNOWN,
			     "Could not be determined: the test did not come to an end.");
		break;
	}
	part_at(f, h);
}

void eval_tls(struct eval_context *c, struct part_host *h, struct part_service *s)
{
	starttls_check(c, h, s);
	injection_check(c, h, s);
	version_check(c, h, s);
	cipher_check(c, h, s);
	key_exchange_check(c, h, s);
	old_faults_check(c, h, s);
}
