/* SPDX-License-Identifier: ISC */
#include "eval_parts.h"

#include <string.h>

#include "name.h"
#include "stamp.h"
#include "text.h"

#define SUMMARY_MAX	  900 /* characters of a summary */
#define EVIDENCE_MAX	  512 /* characters of one value */
#define LIST_MAX	  8   /* names said in a sentence */
#define EVIDENCE_LIST_MAX 50

const char *const part_ids_host[] = {"mx.resolves", "mx.address_dnssec", "caa.issuer", NULL};
const char *const part_ids_smtp[] = {"smtp.connect",
				     "smtp.ehlo",
				     "smtp.ptr",
				     "smtp.banner_name",
				     "smtp.open_relay",
				     "smtp.starttls_repeat",
				     "smtp.auth_cleartext",
				     NULL};
const char *const part_ids_tls[] = {
    "tls.starttls",	  "tls.starttls_injection", "tls.version",	 "tls.cipher",
    "tls.key_exchange",	  "tls.compression",	    "tls.renegotiation", "tls.cert.trusted",
    "tls.cert.name",	  "tls.cert.validity",	    "tls.cert.expiry",	 "tls.cert.key",
    "tls.cert.signature", "tls.cert.renewal",	    "tls.sni_fallback",	 NULL};
const char *const part_ids_dane[] = {"dane.tlsa",     "dane.dnssec",	    "dane.match",
				     "dane.rollover", "dane.covers_all_mx", "dane.denial",
				     "dane.future",   "dane.ttl",	    NULL};

/* -- text ------------------------------------------------------------------------------------ */

static bool is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7F || c >= 0x80;
}

static const char *safe_text(struct arena *arena, const char *s, size_t max)
{
	size_t len = strlen(s);
	bool odd = len > max;

	for (size_t i = 0; i < len && !odd; i++)
		odd = is_control((unsigned char)s[i]);
	if (!odd)
		return s;
	/* Backslashes of an escape made earlier stay single: only what is odd changes. */
	struct buf b;
	buf_init(&b, 4 * max + 16);
	size_t start = 0;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && s[i] != '\\')
			continue;
		text_escape(&b, s + start, i - start, max);
		if (i < len)
			buf_addch(&b, '\\');
		start = i + 1;
	}
	const char *out = arena_strndup(arena, buf_str(&b), b.len);
	buf_clear(&b);
	return out;
}

const char *part_safe(struct eval_context *c, const char *s)
{
	return s ? safe_text(c->arena, s, EVIDENCE_MAX) : "";
}

const char *part_list(struct eval_context *c, const char *const *item, size_t n)
{
	struct buf b;

	buf_init(&b, 4096);
	size_t shown = n > LIST_MAX ? LIST_MAX : n;
	for (size_t i = 0; i < shown; i++) {
		if (i > 0)
			buf_addstr(&b, i + 1 == n ? " and " : ", ");
		buf_addstr(&b, part_safe(c, item[i]));
	}
	if (shown < n)
		buf_printf(&b, " and %zu more", n - shown);
	const char *out = arena_strdup(c->arena, buf_str(&b));
	buf_clear(&b);
	return out;
}

const char *part_span(struct eval_context *c, int64_t seconds)
{
	char text[STAMP_TEXT];
	return arena_strdup(c->arena, stamp_duration_human(text, seconds < 0 ? -seconds : seconds));
}

const char *part_day(struct eval_context *c, int64_t at)
{
	char text[STAMP_TEXT];
	stamp_format(text, at);
	text[10] = '\0';
	return arena_strdup(c->arena, text);
}

const char *part_failure(struct eval_context *c, const struct obs_failure *f)
{
	static const char *const said[] = {
	    [OBS_CLASS_NONE] = "it failed",
	    [OBS_CLASS_REFUSED] = "it was refused",
	    [OBS_CLASS_TIMEOUT] = "no answer came in time",
	    [OBS_CLASS_PROTOCOL] = "the answer broke the protocol",
	    [OBS_CLASS_TLS] = "the TLS handshake failed",
	    [OBS_CLASS_DNS] = "the lookup failed",
	    [OBS_CLASS_THROTTLED] = "the server asked us to come back later",
	    [OBS_CLASS_LOCAL] = "the fault is on our side",
	    [OBS_CLASS_FORBIDDEN] = "the address is not public",
	};
	size_t class = (size_t)f->class < sizeof(said) / sizeof(said[0]) ? (size_t)f->class : 0;

	if (!f->text || !*f->text)
		return said[class];
	const char *text = part_safe(c, f->text);
	if (f->stage >= OBS_STAGE_GREETING && f->stage <= OBS_STAGE_QUIT &&
	    f->stage != OBS_STAGE_TLS && f->code >= 200 && f->code < 600 &&
	    !text_starts(text, arena_printf(c->arena, "%d", (int)f->code)))
		text = arena_printf(c->arena, "%d %s", (int)f->code, text);
	if (f->class == OBS_CLASS_THROTTLED || f->class == OBS_CLASS_LOCAL)
		return arena_printf(c->arena, "%s (%s)", said[class], text);
	return text;
}

/* -- DNS ------------------------------------------------------------------------------------- */

bool part_lookup_failed(const struct obs_answer *a)
{
	return a->status == OBS_DNS_FAILED || a->status == OBS_DNS_UNASKED;
}

const char *part_lookup_why(struct eval_context *c, const struct obs_answer *a)
{
	if (a->status == OBS_DNS_UNASKED)
		return "the question was not asked in this probe";
	if (a->status == OBS_DNS_BOGUS)
		return "the answer fails DNSSEC validation";
	if (a->failure.text && *a->failure.text)
		return arena_printf(c->arena, "the lookup failed: %s",
				    part_safe(c, a->failure.text));
	return "the lookup failed";
}

enum obs_dnssec part_dnssec(const struct obs_answer *a)
{
	return a->status == OBS_DNS_BOGUS ? OBS_DNSSEC_BOGUS : (enum obs_dnssec)a->dnssec;
}

void part_bogus(struct eval_context *c, struct finding *f, const struct obs_answer *a)
{
	static const char *const said[] = {
	    [6] = "the data is bogus",
	    [7] = "a signature has expired",
	    [8] = "a signature is not valid yet",
	    [9] = "a DNSKEY is missing",
	    [10] = "signatures are missing",
	    [11] = "no key is a zone key",
	    [12] = "the proof of absence is missing",
	};
	size_t code = a->ede > 0 ? (size_t)a->ede - 1 : 0;
	const char *why = code < sizeof(said) / sizeof(said[0]) ? said[code] : NULL;

	part_advise(
	    c, f,
	    "%s%s%sLook for signatures that have expired, and for a DS record at the parent "
	    "that fits none of the zone's keys.",
	    why ? "The resolver says that " : "", why ? why : "", why ? ". " : "");
	if (a->ede > 0)
		part_evidence_int(f, "extended_error", a->ede - 1);
}

struct finding *part_no_dnssec(struct eval_context *c, const char *id, const char *subject,
			       const struct obs_answer *a, const struct obs_vantage *vantage)
{
	struct finding *f;

	if (part_lookup_failed(a))
		return part_say(c, id, subject, FINDING_UNKNOWN, "DNSSEC could not be judged: %s.",
				part_lookup_why(c, a));
	f = part_say(c, id, subject, FINDING_UNKNOWN,
		     "DNSSEC could not be judged: our resolver %s.",
		     vantage->resolver_answers ? "does not validate" : "does not answer");
	part_advise(c, f, "Install unbound on this machine, or set resolver.mode to private.");
	return f;
}

/* -- making findings --------------------------------------------------------------------------- */

static enum finding_severity usual_severity(enum finding_status status)
{
	switch (status) {
	case FINDING_INFO:
		return SEVERITY_INFO;
	case FINDING_WARN:
	case FINDING_FAIL:
		return SEVERITY_WARNING;
	case FINDING_PASS:
	case FINDING_SKIP:
	case FINDING_UNKNOWN:
		break;
	}
	return SEVERITY_NONE;
}

static struct finding *say(struct eval_context *c, const char *id, const char *subject,
			   enum finding_status status, const char *fmt, va_list ap)
{
	const struct check *check = check_find(id);
	struct finding *f = findings_add(c->out);
	bool brief = c->in && c->in->brief && status == FINDING_PASS;

	f->id = check->id;
	f->subject = subject;
	f->status = f->judged = status;
	f->severity = usual_severity(status);
	f->summary =
	    brief ? "" : safe_text(c->arena, arena_vprintf(c->arena, fmt, ap), SUMMARY_MAX);
	f->advice = f->severity == SEVERITY_NONE ? "" : check->fix;
	f->reference = check->reference;
	f->evidence = brief ? NULL : json_object();
	f->definitive = status != FINDING_SKIP && status != FINDING_UNKNOWN;
	return f;
}

struct finding *part_say(struct eval_context *c, const char *id, const char *subject,
			 enum finding_status status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct finding *f = say(c, id, subject, status, fmt, ap);
	va_end(ap);
	return f;
}

struct finding *part_critical(struct eval_context *c, const char *id, const char *subject,
			      enum finding_status status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct finding *f = say(c, id, subject, status, fmt, ap);
	va_end(ap);
	f->severity = SEVERITY_CRITICAL;
	return f;
}

void part_advise(struct eval_context *c, struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	f->advice = safe_text(c->arena, arena_vprintf(c->arena, fmt, ap), SUMMARY_MAX);
	va_end(ap);
}

struct finding *part_soft(struct finding *f)
{
	f->definitive = false;
	return f;
}

struct finding *part_moot(struct finding *f)
{
	f->definitive = true;
	return f;
}

struct finding *part_at(struct finding *f, const struct part_host *h)
{
	f->host = h->name;
	return f;
}

void part_expected(struct eval_context *c, struct finding *f, const char *expected,
		   const char *actual)
{
	f->expected = part_safe(c, expected);
	f->actual = part_safe(c, actual);
}

static json_t *evidence_string(const char *s)
{
	size_t len = strlen(s), keep = len;

	if (keep > EVIDENCE_MAX)
		for (keep = EVIDENCE_MAX; keep > 0 && ((unsigned char)s[keep] & 0xC0) == 0x80;)
			keep--;
	json_t *v = json_stringn(s, keep);
	return v ? v : json_string("(not text)");
}

void part_evidence(struct finding *f, const char *key, const char *value)
{
	if (value && f->evidence)
		json_object_set_new(f->evidence, key, evidence_string(value));
}

void part_evidence_int(struct finding *f, const char *key, int64_t value)
{
	if (f->evidence)
		json_object_set_new(f->evidence, key, json_integer(value));
}

void part_evidence_list(struct finding *f, const char *key, const char *const *value, size_t n)
{
	json_t *list;

	if (f->evidence == NULL)
		return;
	list = json_array();
	for (size_t i = 0; i < n && i < EVIDENCE_LIST_MAX; i++)
		json_array_append_new(list, evidence_string(value[i]));
	json_object_set_new(f->evidence, key, list);
}

void part_evidence_time(struct finding *f, const char *key, int64_t at)
{
	char text[STAMP_TEXT];

	if (at != 0 && f->evidence)
		part_evidence(f, key, stamp_format(text, at));
}

struct finding *part_skip(struct eval_context *c, const char *id, const char *subject,
			  const char *why)
{
	return part_moot(part_say(c, id, subject, FINDING_SKIP, "Not checked: %s.", why));
}

void part_all(struct eval_context *c, const char *const *ids, const char *subject,
	      const struct part_host *h, enum part_closed closed, const char *why)
{
	for (; *ids; ids++) {
		struct finding *f = part_say(
		    c, *ids, subject, closed == CLOSED_UNKNOWN ? FINDING_UNKNOWN : FINDING_SKIP,
		    "%s: %s.", closed == CLOSED_UNKNOWN ? "Could not be determined" : "Not checked",
		    why);
		f->definitive = closed == CLOSED_MOOT;
		f->host = h ? h->name : NULL;
	}
}

/* -- small questions -----------------------------------------------------------------------------
 */

bool part_switched_off(const struct eval_context *c, enum conf_check_group group)
{
	return c->settings->checks[group] == CONF_OFF;
}

bool part_is_submission_port(const struct part_service *s)
{
	return s->port == 465 || s->port == 587 || (s->svc && s->svc->implicit_tls);
}

bool part_mute_inside(const struct part_service *s)
{
	const struct obs_failure *f = &s->svc->failure;

	return f->stage == OBS_STAGE_EHLO_TLS && f->class != OBS_CLASS_NONE &&
	       f->class != OBS_CLASS_LOCAL && f->class != OBS_CLASS_THROTTLED;
}

bool part_has_extension(const char *const *ehlo, size_t n, const char *keyword)
{
	size_t len = strlen(keyword);

	for (size_t i = 0; i < n; i++)
		if (strncmp(ehlo[i], keyword, len) == 0 &&
		    (ehlo[i][len] == '\0' || ehlo[i][len] == ' ' || ehlo[i][len] == '='))
			return true;
	return false;
}

bool part_dates_ok(const struct obs_cert *cert, int64_t now)
{
	return !cert->bad_dates && cert->not_before <= now && now < cert->not_after;
}

bool part_enforced(const struct eval_context *c, const struct part_host *h)
{
	return c->sts.in_force && c->sts.policy.mode == MTA_STS_ENFORCE &&
	       mta_sts_policy_covers(&c->sts.policy, h->name);
}

bool part_trust_bad(enum part_trust t)
{
	return t != TRUST_OK && t != TRUST_DISORDER && t != TRUST_UNKNOWN;
}
