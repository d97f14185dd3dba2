/* SPDX-License-Identifier: ISC
 *
 * The rows of the catalogue, in the order of the report.
 */
#include "check.h"

const struct check check_table[] = {
    /* -- domain and MX ----------------------------------------------------------------------- */
    {
	.id = "mx.present",
	.title = "mail exchangers",
	.observed = "The MX records of the domain, or its addresses when it has none.",
	.why = "Without an MX record or an address nobody can send mail to the domain. A domain "
	       "without MX but with an address still gets mail (an implicit MX), often by mistake. "
	       "A null MX says that the domain takes no mail, and must stand alone.",
	.fix =
	    "Publish at least one MX record that names a host with an address. A domain that takes "
	    "no mail publishes exactly one: \"MX 0 .\".",
	.reference = "RFC 5321 §5.1, RFC 7505 §3",
	.parent = "mx.dnssec",
	.area = "MX",
    },
    {
	.id = "mx.dnssec",
	.title = "MX records signed",
	.observed = "Whether the MX answer, or the denial of one, is secure, insecure or bogus.",
	.why =
	    "Unsigned MX records can be replaced on the way, so a sender can be led to a foreign "
	    "host before DANE ever comes into play. A bogus answer makes validating senders defer "
	    "all mail for the domain.",
	.fix = "Sign the zone and publish its DS record at the parent. When it is bogus, look at "
	       "expired signatures and at a DS that no longer fits the key.",
	.reference = "RFC 4035 §5, RFC 7672 §2.2.1",
	.critical_event = "dnssec.bogus",
	.area = "MX",
    },
    {
	.id = "mx.resolves",
	.title = "MX host resolves",
	.observed = "The A and AAAA records of every MX host.",
	.why =
	    "An MX that names an alias, an address literal, or a host without a public address is "
	    "a dead end or works with some senders only.",
	.fix = "Let the MX name a host that has its own A or AAAA record with a public address.",
	.reference = "RFC 5321 §5.1, RFC 2181 §10.3",
	.parent = "mx.address_dnssec",
	.area = "MX",
    },
    {
	.id = "mx.address_dnssec",
	.title = "MX addresses signed",
	.observed =
	    "Whether the A and AAAA answers of every MX host are secure, insecure or bogus.",
	.why = "DANE is only used with a host whose addresses are signed. Bogus addresses make "
	       "validating senders defer mail.",
	.fix = "Sign the zone the MX host lies in. When it is bogus, renew the signatures or mend "
	       "the DS record.",
	.reference = "RFC 7672 §2.2.2",
	.event = "dnssec.bogus",
	.parent = "mx.dnssec",
	.area = "MX",
    },
    {
	.id = "mx.ipv6",
	.title = "IPv6",
	.observed = "Whether some MX host has an AAAA record.",
	.why = "Senders that have IPv6 only cannot deliver without it.",
	.fix = "Give at least one MX host an AAAA record, and let its mail server listen there.",
	.reference = "RFC 5321 §5.2, RFC 3974 §2",
	.parent = "mx.resolves",
	.area = "MX",
    },
    {
	.id = "mx.redundancy",
	.title = "redundancy",
	.observed = "How many different addresses all MX hosts have together.",
	.why = "With one address a single fault stops the mail. Senders retry for days, so this is "
	       "a matter of choice.",
	.fix = "Add a second MX host or a second address in another network.",
	.reference = "RFC 5321 §5.1",
	.parent = "mx.resolves",
	.area = "MX",
    },
    {
	.id = "dnssec.rrsig_expiry",
	.title = "signatures fresh",
	.observed = "The soonest end of a DNSSEC signature over MX, TXT and TLSA records.",
	.why =
	    "When signatures run out the zone turns bogus, and validating senders defer all mail. "
	    "A signer that stopped shows itself here days before.",
	.fix =
	    "See that the signer runs and re-signs the zone, and that secondaries get the new one.",
	.reference = "RFC 4035 §5.3.1, RFC 6781 §4.4.2",
	.area = "MX",
    },
    {
	.id = "caa.issuer",
	.title = "CAA allows the issuer",
	.observed = "The CAA records of each MX host beside the issuer of its live certificate.",
	.why = "A CAA set that no longer names the authority in use makes the next renewal fail.",
	.fix =
	    "Add the authority to the CAA records, or get the certificate from one that is listed.",
	.reference = "RFC 8659 §4.2",
	.parent = "tls.starttls",
	.area = "MX",
    },

    /* -- SMTP -------------------------------------------------------------------------------- */
    {
	.id = "smtp.connect",
	.title = "answers on port 25",
	.observed = "Whether TCP connects and a 220 greeting arrives, for every address.",
	.why = "A host that does not answer takes no mail. Senders try the others, then queue, and "
	       "after some days give up.",
	.fix =
	    "See that the mail server runs, listens on this address, and that no firewall stands "
	    "before it.",
	.reference = "RFC 5321 §3.1, §4.2",
	.event = "host.unreachable",
	.parent = "mx.address_dnssec",
	.area = "SMTP",
    },
    {
	.id = "smtp.ehlo",
	.title = "EHLO",
	.observed = "The answer to EHLO before and inside TLS, or to HELO where EHLO is refused.",
	.why =
	    "Without EHLO there are no extensions, and so no STARTTLS; without an answer inside TLS "
	    "nobody who uses TLS can deliver.",
	.fix = "Let the server answer EHLO with a well-formed 250 reply; take a middlebox that "
	       "rewrites SMTP out of the way.",
	.reference = "RFC 5321 §4.1.1.1, §4.2.1",
	.parent = "smtp.connect",
	.area = "SMTP",
    },
    {
	.id = "smtp.ptr",
	.title = "reverse DNS",
	.observed =
	    "The PTR record of every address, and whether one of its names leads back to it.",
	.why = "Many receivers refuse or downgrade mail from an address without confirmed reverse "
	       "DNS; an MX often sends too, and bounces come from it.",
	.fix =
	    "Ask the owner of the address block for a PTR record, and give its name an A or AAAA "
	    "record with this address.",
	.reference = "RFC 1912 §2.1, RFC 8601 §3",
	.area = "SMTP",
    },
    {
	.id = "smtp.banner_name",
	.title = "greeting name",
	.observed =
	    "Whether the host name in the greeting resolves to the address or is its PTR name.",
	.why = "A greeting that names another host puzzles people and some filters.",
	.fix = "Set the server's host name (myhostname in Postfix) to the name of the address.",
	.reference = "RFC 5321 §4.3.1",
	.parent = "smtp.connect",
	.area = "SMTP",
    },
    {
	.id = "smtp.open_relay",
	.title = "no open relay",
	.observed = "Whether two foreign-to-foreign recipients are refused, in two sessions, never "
		    "with DATA.",
	.why = "An open relay is found by spammers within hours, and its addresses land on every "
	       "block list.",
	.fix =
	    "Accept mail for your own domains, or from authenticated clients, and refuse the rest "
	    "(smtpd_relay_restrictions in Postfix).",
	.reference = "RFC 2505 §2.1, RFC 5321 §3.6.2",
	.event = "relay.opened",
	.parent = "smtp.connect",
	.area = "SMTP",
    },
    {
	.id = "smtp.starttls_repeat",
	.title = "STARTTLS not repeated",
	.observed = "Whether the EHLO after TLS still lists STARTTLS.",
	.why = "A second STARTTLS inside TLS is against the protocol and a sign of a middlebox.",
	.fix = "Update the server, or the proxy that terminates TLS for it.",
	.reference = "RFC 3207 §4.2",
	.parent = "tls.starttls",
	.area = "SMTP",
    },
    {
	.id = "smtp.auth_cleartext",
	.title = "no AUTH in the clear",
	.observed = "Whether AUTH is offered before TLS.",
	.why = "Clients that take the offer send passwords anyone on the way can read.",
	.fix =
	    "Offer AUTH after TLS only (smtpd_tls_auth_only = yes in Postfix), and not at all on "
	    "port 25.",
	.reference = "RFC 4954 §4, RFC 8314 §4.1",
	.parent = "smtp.ehlo",
	.area = "SMTP",
    },

    /* -- TLS --------------------------------------------------------------------------------- */
    {
	.id = "tls.starttls",
	.title = "STARTTLS works",
	.observed = "Whether STARTTLS is offered, answered with 220, and the handshake completes.",
	.why = "Without it mail arrives in clear text, or not at all from senders that honour "
	       "MTA-STS or DANE. Where it worked before, somebody may be stripping it.",
	.fix = "Turn TLS on in the server, see that it can read its key and certificate, and take "
	       "middleboxes that strip STARTTLS out of the way.",
	.reference = "RFC 3207 §4",
	.event = "starttls.lost",
	.parent = "smtp.connect",
	.area = "TLS",
    },
    {
	.id = "tls.starttls_injection",
	.title = "no STARTTLS injection",
	.observed = "Whether a command sent in clear behind STARTTLS is answered inside TLS.",
	.why = "Somebody on the way can put commands into the protected session "
	       "(CVE-2011-0411 and its kin).",
	.fix = "Update the server: it must drop what it has buffered when TLS starts.",
	.reference = "RFC 3207 §6",
	.parent = "tls.starttls",
	.area = "TLS",
    },
    {
	.id = "tls.version",
	.title = "TLS versions",
	.observed = "The best version the server speaks, and the oldest it accepts.",
	.why = "SSLv3, TLS 1.0 and TLS 1.1 are broken or obsolete; TLS 1.3 is the version to have.",
	.fix = "Allow TLS 1.2 and 1.3 only, and update the TLS library where 1.3 is missing.",
	.reference = "RFC 8996 §4, RFC 9325 §3.1.1",
	.event = "tls.version_regression",
	.parent = "tls.starttls",
	.area = "TLS",
    },
    {
	.id = "tls.cipher",
	.title = "cipher suites",
	.observed = "The negotiated cipher suite, and which weak ones are accepted.",
	.why =
	    "Without forward secrecy recorded mail can be read once the key leaks. NULL, export, "
	    "RC4 and 3DES suites are broken. Anonymous suites matter where clients log in.",
	.fix =
	    "Keep to AEAD suites with ECDHE (ciphers \"ECDHE+AESGCM:ECDHE+CHACHA20\" for TLS 1.2).",
	.reference = "RFC 9325 §4.1, RFC 9325 §4.2",
	.event = "tls.cipher_regression",
	.parent = "tls.starttls",
	.area = "TLS",
    },
    {
	.id = "tls.key_exchange",
	.title = "key exchange",
	.observed = "The group of the key exchange and its strength.",
	.why =
	    "Finite-field groups under 2048 bit can be broken by the well-funded, under 1024 bit "
	    "by anyone.",
	.fix = "Offer X25519 and P-256, and use a DH group of 2048 bit or more, or none.",
	.reference = "RFC 9325 §4.4, RFC 7919",
	.parent = "tls.starttls",
	.area = "TLS",
    },
    {
	.id = "tls.compression",
	.title = "no TLS compression",
	.observed = "Whether TLS compression was negotiated.",
	.why = "Compression leaks the length of secrets (CRIME).",
	.fix = "Turn TLS compression off.",
	.reference = "RFC 9325 §3.3",
	.parent = "tls.starttls",
	.area = "TLS",
    },
    {
	.id = "tls.renegotiation",
	.title = "secure renegotiation",
	.observed = "Whether secure renegotiation is supported, or TLS 1.3 makes it needless.",
	.why = "Without it an attacker can put bytes in front of a session (CVE-2009-3555).",
	.fix = "Update the TLS library; every one since 2010 supports RFC 5746.",
	.reference = "RFC 5746 §3, RFC 9325 §3.5",
	.parent = "tls.starttls",
	.area = "TLS",
    },
    {
	.id = "tls.cert.trusted",
	.title = "certificate trusted",
	.observed =
	    "Whether the chain leads to an authority of the trust store, complete and in order.",
	.why =
	    "Senders that honour MTA-STS refuse a host without a trusted chain, mail clients warn "
	    "their users. Plain senders do not look.",
	.fix = "Serve the full chain (leaf, then intermediates) of a certificate from a public "
	       "authority.",
	.reference = "RFC 8461 §4.2, RFC 5280 §6",
	.parent = "delivery.sender_view",
	.area = "TLS",
    },
    {
	.id = "tls.cert.name",
	.title = "certificate name",
	.observed = "Whether a dNSName of the certificate matches the host's name; the common name "
		    "never counts.",
	.why = "Senders that honour MTA-STS refuse a host whose certificate is for another name.",
	.fix = "Get a certificate that lists the host's name among its subject alternative names.",
	.reference = "RFC 8461 §4.2, RFC 9525 §6.3",
	.parent = "delivery.sender_view",
	.area = "TLS",
    },
    {
	.id = "tls.cert.validity",
	.title = "certificate dates",
	.observed = "Whether now lies between the certificate's two dates.",
	.why = "An expired certificate is refused by every sender that verifies.",
	.fix = "Renew the certificate and reload the server; see why the renewal did not run.",
	.reference = "RFC 5280 §4.1.2.5",
	.event = "cert.expired",
	.parent = "delivery.sender_view",
	.area = "TLS",
    },
    {
	.id = "tls.cert.expiry",
	.title = "certificate time left",
	.observed = "How long leaf and intermediates still run, against the thresholds.",
	.why = "A renewal that is stuck shows itself here while there is time to mend it.",
	.fix = "Run the renewal now, look at its log, and reload the server afterwards.",
	.reference = "RFC 5280 §4.1.2.5",
	.event = "cert.expiring",
	.parent = "tls.cert.validity",
	.area = "TLS",
    },
    {
	.id = "tls.cert.key",
	.title = "certificate key",
	.observed = "Type and size of the keys in the chain.",
	.why =
	    "RSA keys under 2048 bit and curves under 224 bit can be broken; clients refuse them.",
	.fix = "Make a new key: RSA 2048 or more, or EC P-256.",
	.reference = "RFC 9325 §4.5",
	.parent = "tls.starttls",
	.area = "TLS",
    },
    {
	.id = "tls.cert.signature",
	.title = "certificate signatures",
	.observed = "The hash under every signature of the chain but the root's.",
	.why = "SHA-1 and MD5 signatures can be forged; clients refuse them.",
	.fix = "Get a certificate signed with SHA-256 or better.",
	.reference = "RFC 9325 §4.5, RFC 9155 §2",
	.parent = "tls.starttls",
	.area = "TLS",
    },
    {
	.id = "tls.cert.pool",
	.title = "one certificate everywhere",
	.observed =
	    "Whether all addresses of a host, and both key types, serve valid, like chains.",
	.why = "A renewal that reached some machines of a pool only fails for some senders only, "
	       "which is hard to find.",
	.fix = "Roll the certificate out to every machine behind the name.",
	.reference = "RFC 8461 §8.4",
	.parent = "tls.cert.validity",
	.area = "TLS",
    },
    {
	.id = "tls.cert.renewal",
	.title = "renewal on time",
	.observed = "The age of the certificate beside the age at which earlier ones were renewed.",
	.why = "An automatic renewal that got stuck is seen weeks before the certificate expires.",
	.fix = "Look at the log of the renewal (certbot, acme.sh, the load balancer).",
	.reference = "RFC 8555 §7.4",
	.parent = "tls.cert.expiry",
	.area = "TLS",
    },
    {
	.id = "tls.sni_fallback",
	.title = "answers without SNI",
	.observed = "Whether a chain is served to a client that sends no server name.",
	.why = "Some senders send no SNI; a mail server must not insist on it.",
	.fix = "Configure a default certificate.",
	.reference = "RFC 8461 §7.1",
	.parent = "tls.starttls",
	.area = "TLS",
    },

    /* -- DANE -------------------------------------------------------------------------------- */
    {
	.id = "dane.tlsa",
	.title = "TLSA records",
	.observed = "The TLSA records at _25._tcp of the MX host, and which of them SMTP can use.",
	.why =
	    "Usable records let senders authenticate the host without any authority. Records that "
	    "are all unusable protect nothing.",
	.fix = "Publish \"3 1 1\" with the SHA-256 of the server's public key (`mxwatch tlsa HOST` "
	       "prints it).",
	.reference = "RFC 7672 §3.1, RFC 6698 §2.1",
	.parent = "mx.address_dnssec",
	.area = "DANE",
    },
    {
	.id = "dane.dnssec",
	.title = "TLSA signed",
	.observed = "Whether the TLSA records, the host's addresses and the MX records are secure.",
	.why =
	    "Senders ignore unsigned TLSA records. Records that fail validation, or lookups that "
	    "fail, make them defer the mail.",
	.fix = "Sign the zones of the domain and of the MX host; mend what is bogus at once.",
	.reference = "RFC 7672 §2.1, §2.2",
	.parent = "delivery.sender_view",
	.area = "DANE",
    },
    {
	.id = "dane.match",
	.title = "TLSA matches",
	.observed = "Whether the chain served at every address matches a usable TLSA record.",
	.why = "On a mismatch senders that honour DANE do not deliver.",
	.fix =
	    "Publish a record for the live key now; afterwards publish the next key's record two "
	    "TTLs before changing keys.",
	.reference = "RFC 7672 §3.2.2, RFC 7671 §5",
	.event = "dane.broken",
	.parent = "delivery.sender_view",
	.area = "DANE",
    },
    {
	.id = "dane.rollover",
	.title = "next key ready",
	.observed = "Whether a second usable record stands ready beside the one that matches.",
	.why =
	    "With only one record every change of key is a race between DNS caches and the server.",
	.fix = "Publish the record of the next key as well, or \"2 1 1\" of the authority.",
	.reference = "RFC 7671 §8.1",
	.parent = "dane.match",
	.area = "DANE",
    },
    {
	.id = "dane.covers_all_mx",
	.title = "every MX has DANE",
	.observed = "Whether all MX hosts have usable, signed TLSA records, or none.",
	.why = "An attacker who blocks the protected hosts leads the mail to the unprotected one.",
	.fix = "Publish TLSA records for every MX host.",
	.reference = "RFC 7672 §2.2.1, §8.4",
	.area = "DANE",
    },
    {
	.id = "dane.denial",
	.title = "absence proven",
	.observed = "How the name servers answer for _25._tcp where there is no TLSA record.",
	.why = "When the lookup fails or the denial is bogus, senders that honour DANE defer the "
	       "mail, though nobody ever set up DANE.",
	.fix = "Update the name server or load balancer that answers wrongly for _25._tcp names.",
	.reference = "RFC 7672 §2.1.1, RFC 4035 §5.4",
	.parent = "delivery.sender_view",
	.area = "DANE",
    },
    {
	.id = "dane.future",
	.title = "match holds",
	.observed = "Whether the match still holds in 14 days (usage 2 counts dates).",
	.why = "With usage 2 an expired certificate breaks the match as well.",
	.fix = "Renew the certificate in time, or use a \"3 1 1\" record.",
	.reference = "RFC 7672 §3.1.2",
	.parent = "dane.match",
	.area = "DANE",
    },
    {
	.id = "dane.ttl",
	.title = "TLSA TTL",
	.observed = "The TTL of the TLSA records.",
	.why = "A mistake in a record with a long TTL stays in caches for that long.",
	.fix = "Set the TTL to an hour or less.",
	.reference = "RFC 7671 §8.1",
	.area = "DANE",
    },

    /* -- MTA-STS ----------------------------------------------------------------------------- */
    {
	.id = "mta_sts.record",
	.title = "record",
	.observed = "The TXT record at _mta-sts.",
	.why = "Without exactly one well-formed record senders do not look for a policy, and an "
	       "attacker can strip TLS.",
	.fix = "Publish one TXT record: \"v=STSv1; id=20260101T000000;\".",
	.reference = "RFC 8461 §3.1",
	.area = "MTA-STS",
    },
    {
	.id = "mta_sts.dnssec",
	.title = "record signed",
	.observed = "Whether the answer for _mta-sts is secure, insecure or bogus.",
	.why =
	    "MTA-STS works without DNSSEC. A bogus answer hides the record from validating senders.",
	.fix = "Sign the zone, or mend what makes it bogus.",
	.reference = "RFC 8461 §10.2, RFC 4035 §5",
	.event = "dnssec.bogus",
	.parent = "mx.dnssec",
	.area = "MTA-STS",
    },
    {
	.id = "mta_sts.policy.tls",
	.title = "policy host certificate",
	.observed = "Whether mta-sts.<domain> serves a trusted chain for that name.",
	.why = "Senders do not take a policy over a connection that does not verify.",
	.fix = "Get the policy host a certificate for its own name and serve the full chain.",
	.reference = "RFC 8461 §3.3",
	.parent = "mta_sts.record",
	.area = "MTA-STS",
    },
    {
	.id = "mta_sts.policy.fetch",
	.title = "policy fetched",
	.observed = "The HTTPS request for /.well-known/mta-sts.txt.",
	.why =
	    "Only status 200, within a minute and 64 KiB, counts. Redirects must not be followed.",
	.fix = "Serve the policy at https://mta-sts.<domain>/.well-known/mta-sts.txt itself.",
	.reference = "RFC 8461 §3.3",
	.parent = "mta_sts.policy.tls",
	.area = "MTA-STS",
    },
    {
	.id = "mta_sts.policy.content_type",
	.title = "content type",
	.observed = "The media type the policy is served with.",
	.why = "Some senders refuse a policy that is not text/plain.",
	.fix = "Serve it as text/plain.",
	.reference = "RFC 8461 §3.2",
	.parent = "mta_sts.policy.fetch",
	.area = "MTA-STS",
    },
    {
	.id = "mta_sts.policy.syntax",
	.title = "policy syntax",
	.observed = "The policy, against the grammar.",
	.why = "A policy that breaks the grammar is ignored as a whole.",
	.fix =
	    "Mend the line named; `mxwatch lint mta-sts-policy FILE` checks it before you publish.",
	.reference = "RFC 8461 §3.2",
	.parent = "mta_sts.policy.fetch",
	.area = "MTA-STS",
    },
    {
	.id = "mta_sts.policy.mode",
	.title = "policy mode",
	.observed = "The mode of the policy.",
	.why = "Only \"enforce\" protects; \"testing\" reports, \"none\" does nothing.",
	.fix = "Once the TLS reports are clean, set \"mode: enforce\" and a new id.",
	.reference = "RFC 8461 §5",
	.parent = "mta_sts.policy.syntax",
	.area = "MTA-STS",
    },
    {
	.id = "mta_sts.policy.max_age",
	.title = "policy lifetime",
	.observed = "The max_age of the policy.",
	.why = "A short lifetime lets an attacker wait until senders have forgotten the policy.",
	.fix = "Set max_age to a week or more (604800 to 31557600 seconds).",
	.reference = "RFC 8461 §3.2, §10.2",
	.parent = "mta_sts.policy.syntax",
	.area = "MTA-STS",
    },
    {
	.id = "mta_sts.mx_match",
	.title = "policy covers the MX",
	.observed = "Whether every MX host matches an mx pattern of the policy.",
	.why = "In enforce mode senders refuse an MX host the policy does not name.",
	.fix = "Add the host to the policy, then change the id in the record.",
	.reference = "RFC 8461 §4.1",
	.event = "mx.pattern_drift",
	.parent = "delivery.sender_view",
	.area = "MTA-STS",
    },
    {
	.id = "mta_sts.mx_tls",
	.title = "MX verify",
	.observed = "Whether every MX host the policy names passes certificate verification.",
	.why = "In enforce mode senders refuse a host that does not verify.",
	.fix = "Mend the certificate findings of the host; until then set \"mode: testing\".",
	.reference = "RFC 8461 §4.2",
	.parent = "delivery.sender_view",
	.area = "MTA-STS",
    },
    {
	.id = "mta_sts.cert_expiry",
	.title = "policy certificate time left",
	.observed = "How long the policy host's certificate still runs.",
	.why = "When it expires senders cannot refresh the policy, and new ones never get it.",
	.fix = "Run the renewal of the policy host's certificate now.",
	.reference = "RFC 8461 §3.3",
	.event = "cert.expiring",
	.parent = "mta_sts.policy.tls",
	.area = "MTA-STS",
    },
    {
	.id = "mta_sts.host_consistency",
	.title = "policy hosts agree",
	.observed = "The policy and the certificate at every address of the policy host.",
	.why = "When addresses differ, what a sender gets is a matter of luck.",
	.fix = "Serve the same file and a valid certificate at every address.",
	.reference = "RFC 8461 §3.3",
	.parent = "mta_sts.policy.fetch",
	.area = "MTA-STS",
    },
    {
	.id = "mta_sts.id_body",
	.title = "id follows the policy",
	.observed = "Whether the record's id and the policy change together.",
	.why =
	    "Senders fetch a new policy only when the id changes; the old one lives on in caches.",
	.fix = "Publish the policy first, then a new id in the record.",
	.reference = "RFC 8461 §3.1, §8.1",
	.event = "mta_sts.policy_changed",
	.parent = "mta_sts.policy.fetch",
	.area = "MTA-STS",
    },
    {
	.id = "mta_sts.cache_hazard",
	.title = "cached policies",
	.observed = "Every policy a sender may still hold, beside the live MX hosts.",
	.why = "A sender that holds an older policy refuses an MX host it does not name.",
	.fix = "Keep the old MX until the time named, or publish a policy that names both and a "
	       "new id.",
	.reference = "RFC 8461 §3.3, §8.1",
	.parent = "mta_sts.mx_match",
	.area = "MTA-STS",
    },
    {
	.id = "mta_sts.withdrawal",
	.title = "withdrawal",
	.observed = "Whether a policy that is gone went the safe way, through mode none.",
	.why = "Senders go on enforcing a policy they hold, and cannot learn that it is over.",
	.fix = "Publish \"mode: none\" with a new id, wait until the old max_age has passed, then "
	       "remove it.",
	.reference = "RFC 8461 §8.3",
	.area = "MTA-STS",
    },
    {
	.id = "mta_sts.delegation",
	.title = "delegation",
	.observed = "The CNAME targets of _mta-sts and mta-sts.",
	.why = "A delegation that dangles breaks the policy, and may be taken over by a stranger.",
	.fix = "Remove the CNAME, or ask the provider to bring its target back.",
	.reference = "RFC 8461 §8.2",
	.area = "MTA-STS",
    },

    /* -- TLS-RPT ----------------------------------------------------------------------------- */
    {
	.id = "tls_rpt.record",
	.title = "record",
	.observed = "The TXT record at _smtp._tls.",
	.why = "Without it nobody tells you that mail cannot be delivered over TLS.",
	.fix = "Publish one TXT record: \"v=TLSRPTv1; rua=mailto:tls-reports@example.org\".",
	.reference = "RFC 8460 §3",
	.area = "TLS-RPT",
    },
    {
	.id = "tls_rpt.dnssec",
	.title = "record signed",
	.observed = "Whether the answer for _smtp._tls is secure, insecure or bogus.",
	.why = "Reporting works without DNSSEC. A bogus answer hides the record.",
	.fix = "Sign the zone, or mend what makes it bogus.",
	.reference = "RFC 8460 §3, RFC 4035 §5",
	.event = "dnssec.bogus",
	.parent = "mx.dnssec",
	.area = "TLS-RPT",
    },
    {
	.id = "tls_rpt.destination",
	.title = "destinations reachable",
	.observed = "Whether each report destination resolves.",
	.why = "Reports to a destination that does not exist are lost without a word.",
	.fix = "Correct the address in rua=, or give its domain an MX record.",
	.reference = "RFC 8460 §3",
	.parent = "tls_rpt.record",
	.area = "TLS-RPT",
    },
    {
	.id = "tls_rpt.self",
	.title = "reports go elsewhere",
	.observed = "Whether all reports go to mailboxes of the watched domain itself.",
	.why = "When the domain's mail breaks, the reports about it may not arrive either.",
	.fix = "Add a destination at another domain, or an https one.",
	.reference = "RFC 8460 §5.3",
	.parent = "tls_rpt.record",
	.area = "TLS-RPT",
    },

    /* -- delivery ---------------------------------------------------------------------------- */
    {
	.id = "delivery.sender_view",
	.title = "what senders will do",
	.observed = "What a plain sender, one that honours MTA-STS, one that honours DANE, and one "
		    "that honours both do with mail for this host now.",
	.why =
	    "It is the question behind all the others: does the mail arrive, and is it protected?",
	.fix = "Mend what the failing check of this host or its policy says; until then these "
	       "senders keep the mail, try again, and return it in the end.",
	.reference = "RFC 8461 §2, §5, RFC 7672 §2.2",
	.parent = "tls.starttls",
	.area = "Delivery",
    },

    /* -- submission -------------------------------------------------------------------------- */
    {
	.id = "submission.discovery",
	.title = "discovery",
	.observed = "The SRV records _submissions._tcp and _submission._tcp, else smtp.<domain>.",
	.why = "Mail programs find the server to hand mail in by these names.",
	.fix = "Publish SRV records whose target is a host with its own address, or \".\" where "
	       "there is no such service.",
	.reference = "RFC 6186 §3.1, RFC 8314 §5.1",
	.area = "Submission",
    },
    {
	.id = "submission.connect",
	.title = "submission answers",
	.observed = "Whether ports 465 (TLS at once) and 587 (STARTTLS) answer.",
	.why = "People cannot send mail when neither does; some programs know one of the two only.",
	.fix = "Open both, TLS at once on 465 and STARTTLS on 587.",
	.reference = "RFC 8314 §3.3, RFC 6409 §3.1",
	.parent = "submission.discovery",
	.area = "Submission",
    },

    /* -- ourselves --------------------------------------------------------------------------- */
    {
	.id = "self.resolver",
	.title = "our resolver",
	.observed =
	    "Whether our resolver answers and validates: the root is secure, a name known to "
	    "be bogus is refused.",
	.why = "Without a validating resolver nothing can be said about DNSSEC and DANE.",
	.fix = "Install unbound, or set resolver.mode to private.",
	.reference = "RFC 4035 §4.9.3",
	.area = "Ourselves",
    },
    {
	.id = "self.egress25",
	.title = "our way out",
	.observed =
	    "Whether the canaries of self_check.tcp answer; without canaries, whether any address "
	    "answers on port 25.",
	.why = "Many networks block port 25 outbound; then every host seems down.",
	.fix = "Run mxwatch where port 25 is open, or ask the provider to open it.",
	.reference = "RFC 5321 §4.5.4",
	.area = "Ourselves",
    },
    {
	.id = "self.ipv6",
	.title = "our IPv6",
	.observed = "Whether this machine has a route for IPv6.",
	.why = "Without one IPv6 addresses cannot be checked from here.",
	.fix = "Give the machine IPv6, or set probe.source.ipv6 to off.",
	.reference = "RFC 5321 §5.2",
	.area = "Ourselves",
    },
    {
	.id = "self.clock",
	.title = "our clock",
	.observed = "Whether the clock was set by more than 10 seconds lately.",
	.why =
	    "With a wrong clock certificates and signatures seem expired; what depends on dates is "
	    "not judged then.",
	.fix = "Run a time service.",
	.reference = "RFC 8633 §3",
	.area = "Ourselves",
    },
    {
	.id = "self.ca_bundle",
	.title = "our trust store",
	.observed = "Whether the bundle of authorities loads.",
	.why = "Without it no certificate can be called trusted or not.",
	.fix = "Install ca-certificates, or name a bundle in tls.ca_file.",
	.reference = "RFC 5280 §6.1.1",
	.area = "Ourselves",
    },
    {
	.id = "self.schedule",
	.title = "our schedule",
	.observed = "Whether every check runs within twice its interval.",
	.why = "A daemon that falls behind tells news late.",
	.fix = "Raise probe.concurrency, add a core, or lengthen the interval.",
	.reference = "mxwatch.yaml(5)",
	.area = "Ourselves",
    },
    {
	.id = "notify.delivery",
	.title = "notices leave",
	.observed = "Whether a notice is older than 15 minutes in the outbox.",
	.why = "A receiver that does not take notices leaves its people in the dark.",
	.fix = "See `mxwatch queue` for what the far side said.",
	.reference = "mxwatchd(8)",
	.area = "Ourselves",
    },
    {
	.id = "notify.self_dependency",
	.title = "notices take another way",
	.observed =
	    "Whether every receiver is mail to a watched domain, or through a watched host.",
	.why = "News that the mail is down cannot arrive by that mail.",
	.fix = "Add a second receiver: a webhook, or a mailbox elsewhere.",
	.reference = "mxwatch.yaml(5)",
	.area = "Ourselves",
    },
};

const size_t check_count = sizeof(check_table) / sizeof(check_table[0]);
