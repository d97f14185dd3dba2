/* SPDX-License-Identifier: ISC
 *
 * SMTP on port 25, one address at a time (RFC 5321, RFC 3207).
 */
#include <string.h>

#include "eval_parts.h"
#include "name.h"
#include "text.h"

#define RELAY_AGAIN_S 3000 /* a second acceptance counts when the first is this old */

/* -- how far the conversation came ----------------------------------------------------------------
 */

/* Skip or unknown for a check that needs what was not reached. */
static bool is_closed(struct eval_context *c, const struct part_host *h,
		      const struct part_service *s, const char *id)
{
	struct finding *f;

	if (s->reach == REACH_YES)
		return false;
	if (s->reach == REACH_UNKNOWN)
		f = part_say(c, id, s->subject, FINDING_UNKNOWN, "Could not be determined: %s.",
			     s->why);
	else if (s->reach == REACH_NEVER)
		f = part_say(c, id, s->subject, FINDING_SKIP, "Not checked: %s.", s->why);
	else
		f = part_say(c, id, s->subject, FINDING_SKIP,
			     "Not checked: there is no connection.");
	part_at(f, h);
	return true;
}

static bool is_ours(const struct obs_failure *f)
{
	return f->class == OBS_CLASS_LOCAL || f->class == OBS_CLASS_THROTTLED;
}

/* The EHLO before TLS was answered. */
static bool has_ehlo(const struct obs_service *svc)
{
	return svc->failure.class == OBS_CLASS_NONE || svc->failure.stage > OBS_STAGE_EHLO;
}

static void connect_unreachable(struct eval_context *c, const struct part_host *h,
				const struct part_service *s)
{
	static const char id[] = "smtp.connect";
	struct finding *f;

	if (h->expected_down) {
		f = part_say(c, id, s->subject, FINDING_PASS,
			     "Does not answer, as the watchlist expects: %s.", s->why);
	} else {
		const struct obs_failure *x = &s->svc->failure;
		f = part_soft(part_critical(c, id, s->subject, FINDING_FAIL, "%s: %s.",
					    x->stage == OBS_STAGE_GREETING ? "No usable greeting"
									   : "No connection",
					    s->why));
		part_evidence(f, "stage", obs_stage_words[x->stage]);
		part_evidence(f, "class", obs_class_words[x->class]);
		part_evidence(f, "reply", x->text);
		if (x->code)
			part_evidence_int(f, "code", x->code);
	}
	part_at(f, h);
}

static void connect_check(struct eval_context *c, const struct part_host *h,
			  const struct part_service *s)
{
	static const char id[] = "smtp.connect";
	struct finding *f;

	if (s->reach == REACH_NO) {
		connect_unreachable(c, h, s);
		return;
	}
	if (is_closed(c, h, s, id))
		return;
	if (h->expected_down) {
		f = part_say(c, id, s->subject, FINDING_FAIL,
			     "Answers, but the watchlist expects this host not to.");
		part_advise(c, f,
			    "Take the host out of expect.unreachable, or see who answers there.");
		part_expected(c, f, "unreachable", "answers");
		f->cause = "expected";
	} else {
		f = part_say(c, id, s->subject, FINDING_PASS,
			     "Answers with a greeting after %d ms.",
			     (int)(s->svc->greeting_ms ? s->svc->greeting_ms : s->svc->connect_ms));
	}
	part_evidence(f, "greeting", s->svc->greeting);
	part_evidence_int(f, "connect_ms", s->svc->connect_ms);
	part_at(f, h);
}

static void ehlo_check(struct eval_context *c, const struct part_host *h,
		       const struct part_service *s)
{
	static const char id[] = "smtp.ehlo";
	const struct obs_service *svc = s->svc;
	struct finding *f;

	if (is_closed(c, h, s, id))
		return;
	if (!has_ehlo(svc) && is_ours(&svc->failure)) {
		f = part_say(c, id, s->subject, FINDING_UNKNOWN, "Could not be determined: %s.",
			     part_failure(c, &svc->failure));
	} else if (!has_ehlo(svc)) {
		f = part_soft(part_say(c, id, s->subject, FINDING_FAIL,
				       "EHLO does not get a well-formed 250 reply: %s.",
				       part_failure(c, &svc->failure)));
		if (svc->failure.code)
			part_evidence_int(f, "code", svc->failure.code);
	} else if (part_mute_inside(s)) {
		f = part_soft(part_say(c, id, s->subject, FINDING_FAIL,
				       "EHLO inside TLS does not get a well-formed 250 reply: %s.",
				       part_failure(c, &svc->failure)));
		f->cause = "inside";
	} else if (svc->helo_only) {
		f = part_say(c, id, s->subject, FINDING_WARN,
			     "EHLO is refused; only HELO works, so there are no extensions.");
	} else {
		f = part_say(c, id, s->subject, FINDING_PASS,
			     "EHLO is answered with %zu extension%s.", svc->n_ehlo,
			     svc->n_ehlo == 1 ? "" : "s");
		part_evidence_list(f, "extensions", svc->ehlo, svc->n_ehlo);
	}
	part_at(f, h);
}

/* -- names of the address
 * ----------------------------------------------------------------------------- */

static void ptr_check(struct eval_context *c, const struct part_host *h,
		      const struct part_service *s)
{
	static const char id[] = "smtp.ptr";
	struct finding *f;

	if (s->reach == REACH_NEVER || !s->svc) {
		is_closed(c, h, s, id);
		return;
	}
	const struct obs_names *ptr = &s->svc->ptr;
	const char *names = part_list(c, ptr->value, ptr->n);
	if (s->svc->n_ptr_confirmed > 0)
		f = part_say(c, id, s->subject, FINDING_PASS, "The name %s leads back to it.",
			     part_safe(c, s->svc->ptr_confirmed[0]));
	else if (ptr->dns.status == OBS_DNS_NODATA || ptr->dns.status == OBS_DNS_NXDOMAIN)
		f = part_soft(part_say(c, id, s->subject, FINDING_WARN,
				       "%s has no reverse DNS (PTR) record.", s->address));
	else if (ptr->dns.status == OBS_DNS_BOGUS)
		f = part_soft(part_say(c, id, s->subject, FINDING_WARN,
				       "The reverse DNS of %s fails DNSSEC validation.",
				       s->address));
	else if (part_lookup_failed(&ptr->dns))
		f = part_say(c, id, s->subject, FINDING_UNKNOWN, "Could not be determined: %s.",
			     part_lookup_why(c, &ptr->dns));
	else if (ptr->n > 0 && s->svc->ptr_asked_forward)
		f = part_soft(
		    part_say(c, id, s->subject, FINDING_WARN,
			     "%s has the name %s, but that name does not lead back to it.",
			     s->address, names));
	else
		f = part_say(c, id, s->subject, FINDING_UNKNOWN,
			     "Could not be determined: the name %s could not be looked up.", names);
	part_evidence_list(f, "ptr", ptr->value, ptr->n);
	part_evidence_list(f, "confirmed", s->svc->ptr_confirmed, s->svc->n_ptr_confirmed);
	part_at(f, h);
}

/* The first word of the greeting, without a final dot. */
static const char *greeting_name(struct eval_context *c, const struct obs_service *svc)
{
	const char *s = svc->greeting ? svc->greeting : "";

	s += strspn(s, " ");
	size_t len = strcspn(s, " \t");
	if (len > 0 && s[len - 1] == '.')
		len--;
	return arena_strndup(c->arena, s, len);
}

static void banner_check(struct eval_context *c, const struct part_host *h,
			 const struct part_service *s)
{
	static const char id[] = "smtp.banner_name";
	struct finding *f;

	if (is_closed(c, h, s, id))
		return;
	const struct obs_service *svc = s->svc;
	const char *name = greeting_name(c, svc);
	bool ptr = false;
	for (size_t i = 0; i < svc->ptr.n; i++)
		ptr = ptr || name_equal(svc->ptr.value[i], name);
	if (svc->banner_matches == OBS_OFFER_YES || ptr)
		f = part_say(c, id, s->subject, FINDING_PASS, "The greeting names %s, %s.",
			     part_safe(c, name), ptr ? "like the PTR record" : "of this address");
	else if (!strchr(name, '.') || !name_is_host(name))
		f = part_say(c, id, s->subject, FINDING_INFO,
			     "The greeting does not begin with a host name: "
			     "\"%s\".",
			     part_safe(c, svc->greeting));
	else if (svc->banner_matches == OBS_OFFER_NO)
		f = part_say(
		    c, id, s->subject, FINDING_INFO,
		    "The greeting names %s, which neither has this address nor is its reverse DNS name.",
		    part_safe(c, name));
	else
		f = part_say(
		    c, id, s->subject, FINDING_UNKNOWN,
		    "Could not be determined: the greeting's name %s could not be looked up.",
		    part_safe(c, name));
	part_evidence(f, "greeting", svc->greeting);
	part_at(f, h);
}

/* -- relay, AUTH, STARTTLS again
 * ---------------------------------------------------------------------- */

static struct finding *relay_accepted(struct eval_context *c, const struct part_service *s,
				      bool both)
{
	static const char id[] = "smtp.open_relay";
	const struct eval_history *past = c->in->history;
	const struct obs_relay *r = &s->svc->sweep->relay;
	struct finding *f;

	if (!both) {
		f = part_say(
		    c, id, s->subject, FINDING_WARN,
		    "A foreign recipient was accepted once and not a second time; this may be an open relay.");
	} else {
		f = part_critical(
		    c, id, s->subject, FINDING_FAIL,
		    "Open relay: recipients elsewhere are accepted from senders elsewhere.");
		f->definitive =
		    past && past->relay_accepted_before > 0 &&
		    (r->at ? r->at : c->now) - past->relay_accepted_before >= RELAY_AGAIN_S;
	}
	part_evidence(f, "first_reply", r->first_reply);
	part_evidence(f, "second_reply", r->second_reply);
	return f;
}

static void relay_check(struct eval_context *c, const struct part_host *h,
			const struct part_service *s)
{
	static const char id[] = "smtp.open_relay";
	struct finding *f;

	if (is_closed(c, h, s, id))
		return;
	const struct obs_relay *r = s->svc->sweep ? &s->svc->sweep->relay : NULL;
	if (!r || (r->first == OBS_RELAY_UNASKED && r->second == OBS_RELAY_UNASKED)) {
		f = part_say(c, id, s->subject, FINDING_SKIP,
			     "Not checked: the relay test was not part of this probe.");
	} else if (r->first == OBS_RELAY_ACCEPTED || r->second == OBS_RELAY_ACCEPTED) {
		f = relay_accepted(c, s, r->first == r->second);
	} else if (r->first == OBS_RELAY_REFUSED || r->second == OBS_RELAY_REFUSED) {
		f = part_say(c, id, s->subject, FINDING_PASS, "A foreign recipient is refused.");
		part_evidence(f, "reply", r->first_reply ? r->first_reply : r->second_reply);
	} else {
		f = part_say(c, id, s->subject, FINDING_UNKNOWN,
			     "Could not be determined: the server did not decide (%s).",
			     r->first_reply ? part_safe(c, r->first_reply) : "no reply");
	}
	f->seen_at = r ? r->at : 0;
	part_at(f, h);
}

static void repeat_check(struct eval_context *c, const struct part_host *h,
			 const struct part_service *s)
{
	static const char id[] = "smtp.starttls_repeat";
	struct finding *f;

	if (is_closed(c, h, s, id))
		return;
	const struct obs_service *svc = s->svc;
	if (!svc->tls)
		f = part_say(c, id, s->subject, FINDING_SKIP,
			     "Not checked: there was no TLS session.");
	else if (svc->failure.class != OBS_CLASS_NONE && svc->failure.stage == OBS_STAGE_EHLO_TLS)
		f = part_say(c, id, s->subject, FINDING_UNKNOWN,
			     "Could not be determined: EHLO inside TLS was not answered, %s.",
			     part_failure(c, &svc->failure));
	else if (part_has_extension(svc->ehlo_tls, svc->n_ehlo_tls, "STARTTLS"))
		f = part_say(c, id, s->subject, FINDING_INFO,
			     "STARTTLS is still offered inside TLS.");
	else
		f = part_say(c, id, s->subject, FINDING_PASS,
			     "STARTTLS is not offered again inside TLS.");
	part_at(f, h);
}

static void auth_check(struct eval_context *c, const struct part_host *h,
		       const struct part_service *s)
{
	static const char id[] = "smtp.auth_cleartext";
	struct finding *f;

	if (is_closed(c, h, s, id))
		return;
	const struct obs_service *svc = s->svc;
	if (svc->implicit_tls)
		f = part_skip(c, id, s->subject, "TLS comes first on this port");
	else if (!has_ehlo(svc) && is_ours(&svc->failure))
		f = part_say(c, id, s->subject, FINDING_UNKNOWN, "Could not be determined: %s.",
			     part_failure(c, &svc->failure));
	else if (!has_ehlo(svc))
		f = part_say(c, id, s->subject, FINDING_SKIP,
			     "Not checked: EHLO was not answered.");
	else if (part_has_extension(svc->ehlo, svc->n_ehlo, "AUTH"))
		f = part_say(c, id, s->subject, s->port == 587 ? FINDING_FAIL : FINDING_WARN,
			     "AUTH is offered before TLS: passwords can be sent in clear text.");
	else
		f = part_say(c, id, s->subject, FINDING_PASS, "AUTH is not offered before TLS.");
	part_at(f, h);
}

void eval_smtp(struct eval_context *c, struct part_host *h, struct part_service *s)
{
	if (part_is_submission_port(s)) {
		auth_check(c, h, s);
		return;
	}
	connect_check(c, h, s);
	ehlo_check(c, h, s);
	ptr_check(c, h, s);
	banner_check(c, h, s);
	relay_check(c, h, s);
	repeat_check(c, h, s);
	auth_check(c, h, s);
}
