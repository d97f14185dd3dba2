/* SPDX-License-Identifier: ISC
 *
 * What people read about events and checks: a title of a few words for subject lines, and what
 * a broken check means for mail delivery.
 */
#include "notice.h"

#include <string.h>

#include "stamp.h"
#include "text.h"

/* -- titles -- */

static const struct {
	const char *event, *title;
} titles[] = {
    {"cert.changed", "new certificate"},
    {"cert.expiring", "certificate expires soon"},
    {"cert.expired", "certificate expired"},
    {"mx.added", "MX host added"},
    {"mx.removed", "MX host removed"},
    {"mx.changed", "MX set changed"},
    {"mx.pattern_drift", "MX and MTA-STS policy disagree"},
    {"mta_sts.id_changed", "MTA-STS id changed"},
    {"mta_sts.policy_changed", "MTA-STS policy changed, id did not"},
    {"mta_sts.mode_changed", "MTA-STS mode changed"},
    {"mta_sts.removed", "MTA-STS removed"},
    {"mta_sts.published", "MTA-STS published"},
    {"mta_sts.delegation", "MTA-STS delegation changed"},
    {"tls.version_regression", "TLS version fell back"},
    {"tls.cipher_regression", "TLS cipher weakened"},
    {"starttls.lost", "STARTTLS lost"},
    {"starttls.gained", "STARTTLS works"},
    {"dane.lost", "DANE lost"},
    {"dane.gained", "DANE gained"},
    {"dane.tlsa_changed", "TLSA records changed"},
    {"dane.broken", "TLSA mismatch"},
    {"dnssec.lost", "DNSSEC lost"},
    {"dnssec.gained", "DNSSEC gained"},
    {"dnssec.bogus", "DNSSEC validation fails"},
    {"tls_rpt.changed", "TLS-RPT changed"},
    {"tls_rpt.removed", "TLS-RPT removed"},
    {"ptr.changed", "PTR changed"},
    {"relay.opened", "open relay"},
    {"relay.closed", "relay closed"},
    {"grade.dropped", "grade dropped"},
    {"grade.rose", "grade rose"},
    {"host.unreachable", "host unreachable"},
    {"monitor.blind", "the monitor cannot see"},
    {"initial.state", "problems at the first look"},
    {"submission.discovery", "submission records changed"},
    {"digest", "digest"},
    {"test.alert", "test of this receiver"},
    {"config.reload_failed", "reload refused"},
    {"state.damaged", "the state was damaged"},
    {"state.unwritable", "the state cannot be written"},
    {"self.resolver", "our resolver fails"},
    {"self.egress25", "no way out to port 25"},
    {"self.ipv6", "IPv6 is gone here"},
    {"self.clock", "our clock was set"},
    {"self.ca_bundle", "no CA certificates here"},
    {"self.schedule", "checks come late"},
    {"notify.delivery", "notices do not arrive"},
    {"notify.self_dependency", "alerts depend on watched mail"},
    /* problems called by their check */
    {"mx.present", "no usable MX"},
    {"mx.resolves", "MX host does not resolve"},
    {"mx.ipv6", "no IPv6 at the MX"},
    {"mx.redundancy", "one MX alone"},
    {"dnssec.rrsig_expiry", "DNSSEC signatures run out"},
    {"caa.issuer", "CAA forbids the issuer"},
    {"smtp.ehlo", "EHLO goes wrong"},
    {"smtp.ptr", "reverse DNS wrong"},
    {"smtp.banner_name", "greeting names another host"},
    {"smtp.starttls_repeat", "STARTTLS offered twice"},
    {"smtp.auth_cleartext", "AUTH offered in the clear"},
    {"tls.starttls_injection", "STARTTLS injection"},
    {"tls.key_exchange", "weak key exchange"},
    {"tls.compression", "TLS compression on"},
    {"tls.renegotiation", "insecure renegotiation"},
    {"tls.cert.trusted", "certificate not trusted"},
    {"tls.cert.name", "certificate of another name"},
    {"tls.cert.key", "weak certificate key"},
    {"tls.cert.signature", "weak certificate signature"},
    {"tls.cert.pool", "certificates differ by address"},
    {"tls.cert.renewal", "certificate renewal is late"},
    {"tls.sni_fallback", "no answer without SNI"},
    {"dane.tlsa", "TLSA records unusable"},
    {"dane.dnssec", "TLSA records not signed"},
    {"dane.rollover", "no TLSA for the next key"},
    {"dane.covers_all_mx", "MX hosts without DANE"},
    {"dane.denial", "absence of TLSA not proven"},
    {"dane.future", "TLSA match about to break"},
    {"dane.ttl", "TLSA TTL"},
    {"mta_sts.record", "MTA-STS record broken"},
    {"mta_sts.policy.tls", "MTA-STS policy host certificate"},
    {"mta_sts.policy.fetch", "MTA-STS policy not fetched"},
    {"mta_sts.policy.content_type", "MTA-STS policy content type"},
    {"mta_sts.policy.syntax", "MTA-STS policy malformed"},
    {"mta_sts.policy.mode", "MTA-STS not enforced"},
    {"mta_sts.policy.max_age", "MTA-STS policy lifetime"},
    {"mta_sts.mx_tls", "MX fails under MTA-STS"},
    {"mta_sts.host_consistency", "MTA-STS policy hosts disagree"},
    {"mta_sts.cache_hazard", "cached MTA-STS policies refuse mail"},
    {"mta_sts.withdrawal", "MTA-STS withdrawn too early"},
    {"tls_rpt.record", "TLS-RPT record broken"},
    {"tls_rpt.destination", "TLS-RPT reports not accepted"},
    {"tls_rpt.self", "TLS-RPT reports take the same way"},
    {"delivery.sender_view", "senders will not deliver"},
    {"submission.connect", "submission does not answer"},
};

const char *notice_title(const char *event)
{
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
		if (strcmp(titles[i].event, event) == 0)
			return titles[i].title;
	}
	return event;
}

/* -- the end of a problem -- */

static const char over[] = "Over after ";

const char *notice_over(struct arena *arena, int64_t seconds, const char *summary)
{
	char length[STAMP_TEXT];
	return arena_printf(arena, "%s%s: %s", over, stamp_duration_human(length, seconds),
			    summary);
}

const char *notice_sentence(const struct notice *n)
{
	const char *end = strstr(n->summary, ": ");
	if (n->status != NOTICE_RESOLVED || !text_starts(n->summary, over) || end == NULL)
		return n->summary;
	return end + 2;
}

/* -- impact -- */

/* First match wins; `critical` rows speak for critical findings only. */
static const struct {
	const char *check; /* glob */
	bool critical;
	const char *text;
} impacts[] = {
    {"mx.present", true, "Mail to the domain cannot be delivered: it bounces at the sender."},
    {"mx.present", false, "Senders have to guess where mail for the domain goes."},
    {"mx.resolves", false,
     "Senders cannot reach this MX host and fall back to the others, if any."},
    {"mx.dnssec", true, "Validating senders cannot look up the MX records and defer mail."},
    {"mx.dnssec", false,
     "The choice of MX is open to forgery, and DANE does not protect the domain."},
    {"mx.address_dnssec", true, "Validating senders cannot resolve the host and defer mail to it."},
    {"mx.address_dnssec", false, "DANE senders ignore the TLSA records of this host."},
    {"dnssec.rrsig_expiry", false,
     "When the signatures run out, validating resolvers drop the zone and mail stops."},
    {"caa.issuer", false, "The next renewal of the certificate will be refused by the CA."},
    {"smtp.connect", false,
     "Senders cannot deliver through this address and try the others, if any."},
    {"smtp.ehlo", false, "Senders may not see STARTTLS here and deliver in the clear."},
    {"smtp.ptr", false,
     "Mail sent from this address is refused or marked as spam by many receivers."},
    {"smtp.open_relay", false,
     "Strangers can send mail through this server; it will be blocklisted soon."},
    {"smtp.auth_cleartext", false, "Passwords can cross the network in the clear."},
    {"tls.starttls_injection", false,
     "Somebody on the path can slip commands into encrypted sessions."},
    {"tls.starttls", false,
     "Mail to this address travels unencrypted, and senders that insist on TLS do not deliver."},
    {"tls.version", true,
     "Connections use an older TLS version; strict senders refuse it or fall back to plain text."},
    {"tls.version", false, "Connections can be made with outdated TLS versions."},
    {"tls.cipher", false,
     "Recorded traffic may be read later, or connections fail with strict senders."},
    {"tls.key_exchange", false, "The encryption of this host can be broken by a strong attacker."},
    {"tls.compression", false, "Compressed TLS leaks parts of the traffic (CRIME)."},
    {"tls.renegotiation", false, "An attacker can splice data into TLS sessions."},
    {"tls.cert.expiry", false,
     "After expiry, senders that honour MTA-STS refuse this host, and clients warn their users."},
    {"tls.cert.renewal", false, "If the renewal stays stuck, the certificate runs out."},
    {"tls.cert.*", true, "Senders that verify certificates (MTA-STS) do not deliver to this host."},
    {"tls.cert.*", false, "Senders that verify certificates cannot trust this host."},
    {"dane.match", false, "Senders that honour DANE refuse this host and defer or bounce mail."},
    {"dane.denial", false,
     "Senders that honour DANE cannot prove that there is no TLSA and defer mail."},
    {"dane.dnssec", true, "Senders that honour DANE cannot validate the records and defer mail."},
    {"dane.*", false, "Senders that honour DANE do not get the protection the records promise."},
    {"mta_sts.mx_match", true,
     "Senders that honour MTA-STS refuse the MX hosts outside the policy and defer mail."},
    {"mta_sts.mx_tls", true, "Senders that honour MTA-STS refuse this host and defer mail."},
    {"mta_sts.cache_hazard", false,
     "Senders that still hold the older policy refuse the new MX hosts and defer mail."},
    {"mta_sts.id_body", false,
     "Senders that hold the policy do not fetch the new one until it runs out."},
    {"mta_sts.policy.mode", false,
     "Senders no longer insist on verified TLS: mail can be intercepted on the way."},
    {"mta_sts.record", false, "Senders that do not hold a policy yet deliver without MTA-STS."},
    {"mta_sts.policy.*", false,
     "Senders cannot renew the MTA-STS policy; once it runs out mail goes unprotected."},
    {"mta_sts.cert_expiry", false,
     "After expiry, senders cannot fetch the MTA-STS policy any more."},
    {"mta_sts.withdrawal", false, "Senders that still hold the policy go on enforcing it."},
    {"mta_sts.*", false, "MTA-STS does not protect mail to the domain as intended."},
    {"tls_rpt.*", false, "Nobody is told when senders fail to deliver over TLS."},
    {"delivery.sender_view", false, "Some senders defer or refuse mail to this host."},
    {"submission.*", false, "Mail programs cannot find or use the submission service."},
    {"notify.*", false, "Alerts may not reach the people they are for."},
    {"self.*", false, "Domains cannot be checked as they should until this is mended."},
};

const char *notice_impact(const char *check, enum finding_severity severity)
{
	if (severity == SEVERITY_INFO) /* news, or something got better */
		return "";
	for (size_t i = 0; i < sizeof(impacts) / sizeof(impacts[0]); i++) {
		if (impacts[i].critical && severity != SEVERITY_CRITICAL)
			continue;
		if (text_glob(impacts[i].check, check))
			return impacts[i].text;
	}
	return "";
}

/* -- expected -- */

/* First match wins. */
static const struct {
	const char *check; /* glob */
	const char *text;
} expectations[] = {
    {"mx.present", "MX records with a host that can be used"},
    {"mx.resolves", "an address for the host"},
    {"mx.ipv6", "an IPv6 address at one MX host at least"},
    {"mx.redundancy", "two MX hosts"},
    {"dnssec.rrsig_expiry", "signatures with days left"},
    {"caa.issuer", "CAA records that name the issuer of the certificate, or none"},
    {"smtp.connect", "a connection and a 220 greeting"},
    {"smtp.ehlo", "EHLO answered with 250"},
    {"smtp.ptr", "a PTR name that leads back to the address"},
    {"smtp.banner_name", "the host's own name in the greeting"},
    {"smtp.open_relay", "mail for other domains refused"},
    {"smtp.starttls_repeat", "no STARTTLS inside TLS"},
    {"smtp.auth_cleartext", "AUTH inside TLS only"},
    {"tls.starttls", "STARTTLS in the reply to EHLO, and a handshake that completes"},
    {"tls.starttls_injection", "what comes before the handshake discarded"},
    {"tls.version", "TLS 1.2 or 1.3 and nothing older"},
    {"tls.cipher", "AEAD cipher suites with forward secrecy"},
    {"tls.key_exchange", "a key exchange that is strong enough"},
    {"tls.compression", "no compression inside TLS"},
    {"tls.renegotiation", "secure renegotiation"},
    {"tls.cert.trusted", "a chain to a trusted CA"},
    {"tls.cert.name", "the host's name in the certificate"},
    {"tls.cert.validity", "a certificate that is valid today"},
    {"tls.cert.expiry", "a certificate with time left"},
    {"tls.cert.key", "a key that is strong enough"},
    {"tls.cert.signature", "a signature that is strong enough"},
    {"tls.cert.pool", "one certificate on every address"},
    {"tls.cert.renewal", "a new certificate by this time"},
    {"tls.sni_fallback", "a handshake without SNI too"},
    {"dane.tlsa", "TLSA records that can be used"},
    {"dane.match", "a TLSA record that matches the certificate"},
    {"dane.rollover", "a TLSA record for the next key"},
    {"dane.covers_all_mx", "TLSA records at every MX host"},
    {"dane.denial", "a validated answer, also that there is no TLSA"},
    {"dane.future", "a match that outlasts the certificate"},
    {"dane.ttl", "a TTL that lets changes through in time"},
    {"mta_sts.record", "one valid _mta-sts record"},
    {"mta_sts.policy.tls", "a policy host whose certificate verifies"},
    {"mta_sts.policy.fetch", "the policy, with status 200 and no redirect"},
    {"mta_sts.policy.content_type", "text/plain"},
    {"mta_sts.policy.syntax", "a policy that follows the grammar"},
    {"mta_sts.policy.mode", "mode enforce"},
    {"mta_sts.policy.max_age", "a max_age of weeks"},
    {"mta_sts.mx_match", "every MX host in the policy"},
    {"mta_sts.mx_tls", "MX hosts whose TLS verifies"},
    {"mta_sts.cert_expiry", "a certificate with time left"},
    {"mta_sts.host_consistency", "the same policy on every address"},
    {"mta_sts.id_body", "another id with another policy"},
    {"mta_sts.cache_hazard", "MX hosts that cached policies name"},
    {"mta_sts.withdrawal", "mode none until no sender holds a policy any more"},
    {"mta_sts.delegation", "a delegation that leads to the policy"},
    {"tls_rpt.record", "one valid _smtp._tls record"},
    {"tls_rpt.destination", "destinations that take reports"},
    {"tls_rpt.self", "a way for reports that does not need this mail"},
    {"delivery.sender_view", "senders of every kind deliver"},
    {"submission.discovery", "SRV records that lead to the service"},
    {"submission.*", "a connection, and TLS that verifies"},
    {"*dnssec", "an answer that DNSSEC proves"},
};

const char *notice_expected(const char *check)
{
	for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
		if (text_glob(expectations[i].check, check))
			return expectations[i].text;
	}
	return NULL;
}
