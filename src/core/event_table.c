/* SPDX-License-Identifier: ISC
 *
 * The rows of the catalogue of events, in the order of mxwatch-events(7).  In the commands DOMAIN,
 * HOST (an MX host) and ADDRESS (one of its addresses) stand for what the notice names.
 */
#include "event.h"

const struct event event_table[] = {
    {
	.name = "cert.changed",
	.kind = "change",
	.severity = "info",
	.meaning = "An address presents another leaf certificate, or one with another key, "
		   "than before.",
	.urgency = "None, if somebody renewed it. If nobody did, find out today who holds the "
		   "new key.",
	.senders = "They deliver as before, unless another event of this host says otherwise. "
		   "A new key that no TLSA record names stops senders that honour DANE at once "
		   "(`dane.broken`).",
	.verify = "openssl s_client -starttls smtp -connect HOST:25 -servername HOST "
		  "</dev/null 2>/dev/null | openssl x509 -noout -subject -issuer -dates -ext "
		  "subjectAltName\n"
		  "mxwatch diff DOMAIN --since 1d\n",
	.fix = "Compare issuer and key with what your renewal made. Where TLSA records are "
	       "published, publish those of the new key (`mxwatch tlsa HOST`).",
    },
    {
	.name = "cert.expiring",
	.kind = "problem",
	.severity = "by threshold: warning, then critical",
	.meaning = "The certificate of an address, or of the policy host, has less time left "
		   "than the threshold in `cert` (mxwatch.yaml(5)): its renewal has not "
		   "happened when it should have.",
	.urgency = "Days. The usual renewal is late; nothing has failed yet. Critical is the "
		   "second threshold, a week by default.",
	.senders = "They deliver as before until it expires. Then those that honour MTA-STS "
		   "stop delivering; opportunistic senders and those that honour a DANE-EE "
		   "record go on.",
	.verify = "openssl s_client -starttls smtp -connect HOST:25 -servername HOST "
		  "</dev/null 2>/dev/null | openssl x509 -noout -subject -issuer -dates -ext "
		  "subjectAltName\n"
		  "systemctl list-timers | grep -i -e certbot -e acme\n"
		  "journalctl -u certbot --since -7d\n",
	.fix = "Run the renewal by hand and read what it says; mend what stopped it (a "
	       "port 80 that is closed, a DNS record of the challenge, a rate limit). Then "
	       "reload the mail server: a new file on disk that no process has read is the "
	       "most common cause.",
    },
    {
	.name = "cert.expired",
	.kind = "problem",
	.severity = "critical",
	.meaning = "The certificate of an address is past its notAfter, or not yet valid.",
	.urgency = "Now. Mail of senders that verify is being deferred.",
	.senders = "Senders that honour MTA-STS in mode enforce defer, and return the mail "
		   "after some days. Opportunistic senders deliver as before. DANE-EE (usage "
		   "3) senders ignore the dates (RFC 7672 §3.1.1). Mail programs on 465 and "
		   "587 refuse to send.",
	.verify = "openssl s_client -starttls smtp -connect HOST:25 -servername HOST "
		  "</dev/null 2>/dev/null | openssl x509 -noout -subject -issuer -dates -ext "
		  "subjectAltName\n"
		  "mxwatch check --only 'tls.cert.*' --explain DOMAIN\n",
	.fix = "Renew the certificate, install it with its intermediates, and reload the "
	       "mail server on every address. If the clock of the server is wrong, set it.",
    },
    {
	.name = "mx.added",
	.kind = "change",
	.severity = "warning",
	.meaning = "The MX records name a host that was not there before.",
	.urgency = "Minutes, if it was not you: whoever is named there gets the mail.",
	.senders = "They may deliver to the new host at once, by its preference. Under an "
		   "enforced MTA-STS policy that does not list it they refuse it.",
	.verify = "dig +dnssec MX DOMAIN\n"
		  "mxwatch history DOMAIN --since 1d\n",
	.fix = "If it is meant: list it in the MTA-STS policy and change the id, publish "
	       "its TLSA records, give it a certificate with its name. If not: restore the "
	       "records, and look for who may change the zone.",
    },
    {
	.name = "mx.removed",
	.kind = "change",
	.severity = "warning",
	.meaning = "A host is no longer among the MX records.",
	.urgency = "Today. The rest of the MX hosts take its load; if it was the last one, "
		   "now.",
	.senders = "They deliver to the hosts that are left. Without any MX record they try "
		   "the address of the domain itself, or give up.",
	.verify = "dig +dnssec MX DOMAIN\n"
		  "mxwatch history DOMAIN --since 1d\n",
	.fix = "If it is meant: take the host out of the MTA-STS policy only after the "
	       "longest max_age has passed. If not, put the record back.",
    },
    {
	.name = "mx.changed",
	.kind = "change",
	.severity = "warning",
	.meaning = "Hosts were added and removed, or preferences differ, in one step.",
	.urgency = "Minutes, if it was not you: a new MX set is how a domain moves, and how it "
		   "is taken over.",
	.senders = "They follow the new records within the TTL of the old ones.",
	.verify = "dig +dnssec MX DOMAIN\n"
		  "mxwatch history DOMAIN --since 1d\n"
		  "whois DOMAIN\n",
	.fix = "If it is meant: policy, TLSA records and certificates must fit the new "
	       "hosts. If not: restore the zone, and change the credentials of whoever may "
	       "change it.",
    },
    {
	.name = "mx.pattern_drift",
	.kind = "problem or change",
	.severity = "warning; critical when a live MX is unmatched in mode enforce",
	.meaning = "An MX host is not matched by any `mx` line of the MTA-STS policy, or the "
		   "policy's list differs from before.",
	.urgency = "Now, when it is critical: mail to the unmatched host is being refused.",
	.senders = "Senders that honour MTA-STS in mode enforce do not deliver to the "
		   "unmatched host; they try the others, then defer. In mode testing they "
		   "deliver and report.",
	.verify = "dig +short MX DOMAIN\n"
		  "curl -sS -D - https://mta-sts.DOMAIN/.well-known/mta-sts.txt\n"
		  "curl -sS https://mta-sts.DOMAIN/.well-known/mta-sts.txt | mxwatch lint "
		  "mta-sts-policy --mx HOST\n",
	.fix = "Add the host to the policy first, then change the id in the record. Until "
	       "every cached copy has run out, keep an MX host that the old policy names.",
    },
    {
	.name = "host.unreachable",
	.kind = "problem",
	.severity = "critical",
	.meaning = "No connection to an address of an MX host could be made, or no usable "
		   "greeting came, several times in a row, while the self-check says that our "
		   "own network works.",
	.urgency = "Minutes, if it is the only MX host or all its addresses fail; hours "
		   "otherwise.",
	.senders = "They try the other addresses and hosts, then keep the mail and try again "
		   "for days. Nothing bounces yet.",
	.verify = "dig +short A HOST; dig +short AAAA HOST\n"
		  "nc -v -w 10 ADDRESS 25\n"
		  "traceroute -T -p 25 ADDRESS\n",
	.fix = "See whether the server runs and listens on that address, and whether a "
	       "firewall or the provider closed port 25. An address that shall not answer "
	       "is named in `expect.unreachable` (mxwatch.yaml(5)), or leaves the DNS.",
    },
    {
	.name = "ptr.changed",
	.kind = "change",
	.severity = "info",
	.meaning = "The PTR records of an address, or whether they lead back to it, differ.",
	.urgency = "Today, if the address sends mail too.",
	.senders = "They deliver to it as before. Receivers of mail sent from it may refuse it "
		   "or mark it as spam when the name does not lead back (FCrDNS).",
	.verify = "dig -x ADDRESS +short\n"
		  "dig +short A NAME; dig +short AAAA NAME\n",
	.fix = "Ask whoever holds the address block to set the PTR to the name the server "
	       "says in EHLO, and give that name the address.",
    },
    {
	.name = "mta_sts.id_changed",
	.kind = "change",
	.severity = "info",
	.meaning = "The id in the record at _mta-sts.DOMAIN is another one; the notice carries "
		   "what differs in the policy, if anything.",
	.urgency = "None, if you published a policy.",
	.senders = "They fetch the policy anew when they see the id.",
	.verify = "dig +short TXT _mta-sts.DOMAIN\n"
		  "curl -sS -D - https://mta-sts.DOMAIN/.well-known/mta-sts.txt\n",
	.fix = "Nothing, if it is meant. If not, look for who may change the zone.",
    },
    {
	.name = "mta_sts.policy_changed",
	.kind = "problem or change",
	.severity = "warning; critical when the mx list moved",
	.meaning = "The policy is another one, and the id in the record is still the old one, "
		   "for longer than `policy_grace`.",
	.urgency = "Today; at once when the mx list moved.",
	.senders = "Those that hold the old policy go on with it until its max_age has passed: "
		   "they may refuse a host that only the new one names.",
	.verify = "dig +short TXT _mta-sts.DOMAIN\n"
		  "curl -sS -D - https://mta-sts.DOMAIN/.well-known/mta-sts.txt\n"
		  "mxwatch diff DOMAIN --since 1d\n",
	.fix = "Change the id in the record now (RFC 8461 §8.1: the body first, the id "
	       "behind it).",
    },
    {
	.name = "mta_sts.mode_changed",
	.kind = "change",
	.severity = "critical when it was enforce, else info",
	.meaning = "The policy's mode is another one. From enforce to testing or none the "
		   "protection is off.",
	.urgency = "Now, if it was not you: this is what somebody does who wants to read the "
		   "mail.",
	.senders = "In testing and none they deliver also where TLS fails or the certificate "
		   "is wrong; those that still hold the enforced policy go on with it until "
		   "its max_age has passed.",
	.verify = "curl -sS -D - https://mta-sts.DOMAIN/.well-known/mta-sts.txt\n"
		  "mxwatch diff DOMAIN --since 1d\n",
	.fix = "If it is meant, nothing. If not, restore the policy and change the id, and "
	       "look at who may write on the policy host.",
    },
    {
	.name = "mta_sts.removed",
	.kind = "change",
	.severity = "critical; info after mode none",
	.meaning = "The record at _mta-sts.DOMAIN, or the policy, is gone.",
	.urgency = "Today: senders that hold the policy keep it for now.",
	.senders = "New senders deliver without MTA-STS. Those that hold a policy go on with "
		   "it until its max_age has passed, and cannot learn of a new MX host "
		   "meanwhile.",
	.verify = "dig +short TXT _mta-sts.DOMAIN\n"
		  "curl -sS -D - https://mta-sts.DOMAIN/.well-known/mta-sts.txt\n",
	.fix = "If it is meant: publish mode none with a short max_age first and wait the "
	       "old one out (RFC 8461 §8.3). If not, restore it under a new id.",
    },
    {
	.name = "mta_sts.published",
	.kind = "change",
	.severity = "info",
	.meaning = "A record or a policy appeared where there was none.",
	.urgency = "None, if it was you.",
	.senders = "They fetch the policy, and in mode enforce refuse hosts that it does not "
		   "match or whose certificate is wrong.",
	.verify = "dig +short TXT _mta-sts.DOMAIN\n"
		  "curl -sS -D - https://mta-sts.DOMAIN/.well-known/mta-sts.txt\n"
		  "mxwatch check DOMAIN\n",
	.fix = "Nothing, if it is meant. Begin with mode testing and read the TLS reports "
	       "for a while.",
    },
    {
	.name = "mta_sts.delegation",
	.kind = "change",
	.severity = "info",
	.meaning = "The CNAME at _mta-sts.DOMAIN or mta-sts.DOMAIN leads somewhere else.",
	.urgency = "Today, if it was not you: who holds the target writes the policy.",
	.senders = "They follow it; what the new place serves is your policy.",
	.verify = "dig CNAME _mta-sts.DOMAIN +short; dig CNAME mta-sts.DOMAIN +short\n"
		  "curl -sS -D - https://mta-sts.DOMAIN/.well-known/mta-sts.txt\n",
	.fix = "If it is meant, see that the new place serves the same policy. A CNAME to "
	       "a name that nobody has registered is to be removed at once.",
    },
    {
	.name = "tls.version_regression",
	.kind = "problem or change",
	.severity =
	    "critical when the best version fell, warning when an older one is accepted again",
	.meaning = "The best TLS version of an address is lower than before, or it accepts an "
		   "old version (1.0, 1.1) again.",
	.urgency = "Today. It is usually an update or another configuration in use.",
	.senders = "They deliver with the older version; strict ones (some require 1.2) fall "
		   "back to plain text or defer.",
	.verify = "openssl s_client -starttls smtp -connect HOST:25 -tls1_3 </dev/null | grep "
		  "-e Protocol -e New\n"
		  "openssl s_client -starttls smtp -connect HOST:25 -tls1 -cipher "
		  "ALL:@SECLEVEL=0 </dev/null | grep -e Protocol -e New\n",
	.fix = "Allow TLS 1.2 and 1.3 alone; in Postfix: `smtpd_tls_protocols = "
	       ">=TLSv1.2`. See whether a proxy or load balancer in front speaks TLS in "
	       "its place.",
    },
    {
	.name = "tls.cipher_regression",
	.kind = "problem or change",
	.severity = "warning",
	.meaning = "The address no longer negotiates forward secrecy, or an AEAD cipher.",
	.urgency = "Days.",
	.senders = "They deliver; what was recorded can be read by whoever gets the key later.",
	.verify = "openssl s_client -starttls smtp -connect HOST:25 </dev/null | grep -e "
		  "Cipher -e \"Server Temp Key\"\n"
		  "mxwatch check --only 'tls.*' --explain DOMAIN\n",
	.fix = "Allow ECDHE suites with AES-GCM or ChaCha20-Poly1305 and leave the order "
	       "to the client. Remove special cipher lists: the defaults of the TLS "
	       "library are better.",
    },
    {
	.name = "starttls.lost",
	.kind = "problem or change",
	.severity = "critical",
	.meaning = "An address does not offer STARTTLS any more, refuses it, or the handshake "
		   "fails, several times in a row.",
	.urgency = "Now. Mail to this address travels in the clear, or not at all.",
	.senders = "Opportunistic senders deliver in the clear. Those that honour an enforced "
		   "MTA-STS policy or DANE defer.",
	.verify = "openssl s_client -starttls smtp -connect HOST:25 -servername HOST </dev/null\n"
		  "printf 'EHLO me.example\\r\\nQUIT\\r\\n' | nc -w 10 HOST 25\n",
	.fix = "Read the mail server's log for why it turned TLS off: a certificate or key "
	       "it cannot read is the usual cause. If only some networks see it, a "
	       "firewall on the path takes STARTTLS out (it shows as XXXXXXXX in the EHLO "
	       "reply).",
    },
    {
	.name = "starttls.gained",
	.kind = "change",
	.severity = "info",
	.meaning = "An address completes STARTTLS that did not before.",
	.urgency = "None.",
	.senders = "They encrypt from now on.",
	.verify = "openssl s_client -starttls smtp -connect HOST:25 -servername HOST "
		  "</dev/null | grep -e Protocol -e Verify\n",
	.fix = "Nothing.",
    },
    {
	.name = "dane.lost",
	.kind = "change",
	.severity = "critical",
	.meaning = "A host had TLSA records that DNSSEC secures, and has none any more, "
		   "several looks in a row.",
	.urgency = "Today. Mail flows, unprotected.",
	.senders = "Senders that honour DANE fall back to opportunistic TLS: somebody on the "
		   "path can read the mail.",
	.verify = "dig +dnssec TLSA _25._tcp.HOST\n"
		  "dig +dnssec A HOST\n"
		  "delv TLSA _25._tcp.HOST\n",
	.fix = "If the records are gone, publish those of the live keys (`mxwatch tlsa "
	       "HOST`). If they are there and not secure, the zone lost its signatures or "
	       "its DS record.",
    },
    {
	.name = "dane.gained",
	.kind = "change",
	.severity = "info",
	.meaning = "A host has secure TLSA records now.",
	.urgency = "None, if you published them.",
	.senders = "Senders that honour DANE insist on them from now on: the served chain must "
		   "match on every address.",
	.verify = "dig +dnssec TLSA _25._tcp.HOST\n"
		  "mxwatch check --only 'dane.*' --explain DOMAIN\n",
	.fix = "Nothing. Make sure that a renewal keeps the key, or publishes the next "
	       "record two TTLs before.",
    },
    {
	.name = "dane.tlsa_changed",
	.kind = "change",
	.severity = "info",
	.meaning = "The set of TLSA records of a host is another one.",
	.urgency = "None, if a key is being changed.",
	.senders = "They use the new set within the TTL of the old one.",
	.verify = "dig +dnssec TLSA _25._tcp.HOST\n"
		  "mxwatch tlsa HOST\n",
	.fix = "Nothing, if it is meant. A record of the live key must be in the set at "
	       "any moment.",
    },
    {
	.name = "dane.broken",
	.kind = "problem",
	.severity = "critical",
	.meaning = "The chain that an address serves matches none of the host's usable TLSA "
		   "records.",
	.urgency = "Now. Mail of every sender that honours DANE is being deferred.",
	.senders = "Senders that honour DANE do not deliver to that address; they try others, "
		   "keep the mail, and return it after some days. Others deliver.",
	.verify = "dig +dnssec TLSA _25._tcp.HOST\n"
		  "mxwatch tlsa HOST\n"
		  "openssl s_client -starttls smtp -connect HOST:25 -dane_tlsa_domain HOST "
		  "-dane_tlsa_rrdata \"3 1 1 DIGEST\" </dev/null | grep -i verif\n",
	.fix = "Publish the record of the live key now (`mxwatch tlsa HOST` prints it), or "
	       "put the old key back. Then see to it that a renewal keeps the key, or that "
	       "the next record is published two TTLs before the key is used (RFC 7671 "
	       "§8.1).",
    },
    {
	.name = "dnssec.lost",
	.kind = "change",
	.severity = "warning",
	.meaning = "A record set that was secured by DNSSEC is not signed any more, several "
		   "looks in a row.",
	.urgency = "Today. Mail flows, unprotected.",
	.senders = "They believe unsigned answers again; those that honour DANE ignore the "
		   "TLSA records below the unsigned zone.",
	.verify = "dig +dnssec DS DOMAIN\n"
		  "dig +dnssec MX DOMAIN\n"
		  "delv MX DOMAIN\n",
	.fix = "See whether the DS record at the parent is gone (a change of registrar or "
	       "name servers does that), and publish it again once the zone is signed.",
    },
    {
	.name = "dnssec.gained",
	.kind = "change",
	.severity = "info",
	.meaning = "A record set is secured by DNSSEC now.",
	.urgency = "None.",
	.senders = "Validating ones hold you to it: from now on an error in the signatures "
		   "stops mail.",
	.verify = "delv MX DOMAIN\n",
	.fix = "Nothing. Watch `dnssec.rrsig_expiry`.",
    },
    {
	.name = "dnssec.bogus",
	.kind = "problem or change",
	.severity = "critical",
	.meaning = "A record set does not validate: its signatures have run out, or do not fit "
		   "the DS record at the parent.",
	.urgency = "Now. For validating resolvers the name does not exist.",
	.senders = "Those behind validating resolvers defer all mail for the domain (MX), for "
		   "the host (addresses), or do not see the policy (TXT). Others deliver.",
	.verify = "dig MX DOMAIN; dig +cd +dnssec MX DOMAIN\n"
		  "delv MX DOMAIN\n"
		  "dig +dnssec DNSKEY DOMAIN; dig +dnssec DS DOMAIN\n",
	.fix = "An answer with +cd alone means that validation fails. Renew the signatures "
	       "(is the signer running?), or publish the DS record of the key in use. To "
	       "be reachable at once, remove the DS record at the parent and wait its TTL "
	       "out.",
    },
    {
	.name = "tls_rpt.changed",
	.kind = "change",
	.severity = "info",
	.meaning = "The destinations of TLS reports are others, or a record appeared.",
	.urgency = "None, if it was you.",
	.senders = "They send their daily reports to the new place.",
	.verify = "dig +short TXT _smtp._tls.DOMAIN\n"
		  "dig +short TXT _smtp._tls.DOMAIN | mxwatch lint tls-rpt-record\n",
	.fix = "Nothing, if it is meant.",
    },
    {
	.name = "tls_rpt.removed",
	.kind = "change",
	.severity = "warning",
	.meaning = "The record at _smtp._tls.DOMAIN is gone.",
	.urgency = "Days.",
	.senders = "They deliver as before, and tell nobody any more when TLS fails.",
	.verify = "dig +short TXT _smtp._tls.DOMAIN\n",
	.fix = "Publish it again: `v=TLSRPTv1; rua=mailto:tls-reports@DOMAIN`.",
    },
    {
	.name = "relay.opened",
	.kind = "problem or change",
	.severity = "critical",
	.meaning = "A server accepted two recipients of foreign domains from foreign senders, "
		   "asked again an hour later. No mail was sent.",
	.urgency = "Now. Spammers find it within hours, and blocklists within a day.",
	.senders = "They deliver to it as before; what it sends is soon refused everywhere.",
	.verify = "printf 'EHLO me.example\\r\\nMAIL FROM:<a@foreign.example>\\r\\nRCPT "
		  "TO:<b@other.example>\\r\\nRSET\\r\\nQUIT\\r\\n' | nc -w 10 HOST 25\n",
	.fix = "Relay for your own domains and for authenticated users alone; in Postfix: "
	       "`smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, "
	       "reject_unauth_destination`. See that mynetworks holds no more than your "
	       "own. Then empty the queue of what strangers left.",
    },
    {
	.name = "relay.closed",
	.kind = "change",
	.severity = "info",
	.meaning = "A server that relayed for strangers refuses to now.",
	.urgency = "None.",
	.senders = "No difference to them.",
	.verify = "mxwatch check --only smtp.open_relay DOMAIN\n",
	.fix = "Ask the blocklists that have the address to remove it.",
    },
    {
	.name = "grade.dropped",
	.kind = "change",
	.severity = "warning",
	.meaning = "The grade of the domain is worse than before. The notice names the rule; "
		   "the findings behind it have events of their own.",
	.urgency = "As the events beside it.",
	.senders = "As the events beside it.",
	.verify = "mxwatch status DOMAIN\n"
		  "mxwatch check DOMAIN\n",
	.fix = "Mend what the report names first.",
    },
    {
	.name = "grade.rose",
	.kind = "change",
	.severity = "info",
	.meaning = "The grade of the domain is better than before.",
	.urgency = "None.",
	.senders = "Nothing is worse than it was.",
	.verify = "mxwatch status DOMAIN\n",
	.fix = "Nothing.",
    },
    {
	.name = "submission.discovery",
	.kind = "problem or change",
	.severity = "info; critical when a record leads nowhere",
	.meaning = "The SRV records that tell mail programs where to submit mail (RFC 6186) "
		   "are others, or name a host that does not resolve.",
	.urgency = "Today, if users set up their programs by them.",
	.senders = "Mail servers do not use them; mail programs of your users do.",
	.verify = "dig +short SRV _submissions._tcp.DOMAIN; dig +short SRV "
		  "_submission._tcp.DOMAIN\n",
	.fix = "Let them name hosts with addresses of their own that answer on 465 and "
	       "587; `0 0 0 .` says that there is no such service.",
    },
    {
	.name = "initial.state",
	.kind = "problem",
	.severity = "critical",
	.meaning = "What was critical at the first look at a domain, together in one notice. "
		   "Everything else of that look is the silent baseline.",
	.urgency = "As the causes it lists: they may have lasted for a long time.",
	.senders = "As the causes it lists.",
	.verify = "mxwatch status DOMAIN\n"
		  "mxwatch check --explain DOMAIN\n",
	.fix = "Mend the causes, or accept what you live with (`accept` in "
	       "mxwatch.yaml(5)).",
    },
    {
	.name = "monitor.blind",
	.kind = "daemon",
	.severity = "critical",
	.meaning = "Most of what is looked at became undeterminable at once: the fault is "
		   "here, not there. No domain is judged and nothing about domains is told "
		   "meanwhile.",
	.urgency = "Now: nobody watches.",
	.senders = "No difference to them.",
	.verify = "dig . SOA @127.0.0.1 +dnssec\n"
		  "nc -v -w 10 HOST 25\n"
		  "ip route; ip -6 route\n"
		  "mxwatch status\n",
	.fix = "Bring back the resolver, the route, or outbound port 25 of the machine "
	       "mxwatch runs on. Watching goes on by itself.",
    },
    {
	.name = "self.resolver",
	.kind = "daemon",
	.severity = "warning",
	.meaning = "The resolver that mxwatch asks does not validate DNSSEC, or does not "
		   "answer.",
	.urgency = "Today. What rests on DNSSEC (DANE most of all) is unknown meanwhile.",
	.senders = "No difference to them.",
	.verify = "dig . SOA @127.0.0.1 +dnssec | grep flags\n"
		  "dig dnssec-failed.org @127.0.0.1 | grep status\n",
	.fix = "Install the unbound program: mxwatch then runs one of its own; or name a "
	       "validating resolver on loopback in `resolver.upstreams`. The first command "
	       "must show the flag ad, the second SERVFAIL.",
    },
    {
	.name = "self.egress25",
	.kind = "daemon",
	.severity = "warning",
	.meaning = "This machine cannot reach port 25 elsewhere, or has no IPv4 route.",
	.urgency = "Today. SMTP and TLS are unknown meanwhile.",
	.senders = "No difference to them.",
	.verify = "nc -v -w 10 HOST 25\n"
		  "ip route\n",
	.fix = "Ask the provider to open outbound port 25, or run mxwatch where it is "
	       "open. `self_check.tcp` names what is tried.",
    },
    {
	.name = "self.ipv6",
	.kind = "daemon",
	.severity = "warning",
	.meaning = "This machine had a route for IPv6 and has none any more.",
	.urgency = "Days. Addresses of that family are unknown meanwhile.",
	.senders = "No difference to them.",
	.verify = "ip -6 route\n"
		  "ping -6 -c 3 HOST\n",
	.fix = "Bring the route back, or say `probe.source.ipv6: off`.",
    },
    {
	.name = "self.clock",
	.kind = "daemon",
	.severity = "warning",
	.meaning = "The clock of this machine moved by more than ten seconds at once.",
	.urgency = "Today: what rests on dates may have been judged by a wrong clock.",
	.senders = "No difference to them.",
	.verify = "timedatectl\n"
		  "chronyc tracking\n",
	.fix = "Let a time service run, and see why it let the clock drift.",
    },
    {
	.name = "self.ca_bundle",
	.kind = "daemon",
	.severity = "warning",
	.meaning = "The trusted certificates of this machine could not be loaded.",
	.urgency = "Now: no certificate can be verified meanwhile.",
	.senders = "No difference to them.",
	.verify = "openssl crl2pkcs7 -nocrl -certfile /etc/ssl/certs/ca-certificates.crt | "
		  "openssl pkcs7 -print_certs -noout | head\n",
	.fix = "Install ca-certificates, or mend `tls.ca_file`.",
    },
    {
	.name = "self.schedule",
	.kind = "daemon",
	.severity = "warning",
	.meaning = "Subjects are looked at less often than every second interval.",
	.urgency = "Today: changes are seen late.",
	.senders = "No difference to them.",
	.verify = "mxwatch status\n"
		  "top -b -n 1 | head -15\n",
	.fix = "Give the machine more processors, lengthen `interval`, or raise "
	       "`probe.concurrency`. Many dead hosts make every round long: "
	       "`expect.unreachable` and removing them helps.",
    },
    {
	.name = "notify.delivery",
	.kind = "daemon",
	.severity = "warning",
	.meaning = "A receiver has not taken a notice for 15 minutes; this one comes to you "
		   "through the others.",
	.urgency = "Now: alerts are not read by those they are for.",
	.senders = "No difference to them.",
	.verify = "mxwatch queue\n"
		  "mxwatch test-alert RECEIVER\n",
	.fix = "`mxwatch queue` has what the far side said. Mend its address, secret or "
	       "network; what waits is sent again by itself, what was given up by `mxwatch "
	       "queue retry`.",
    },
    {
	.name = "config.reload_failed",
	.kind = "daemon",
	.severity = "warning",
	.meaning = "The configuration was to be read again and has errors, or would drop more "
		   "than 20 % of the domains. The one read before stays in force.",
	.urgency = "Today: what you changed is not in force.",
	.senders = "No difference to them.",
	.verify = "mxwatchd -c /etc/mxwatch/mxwatch.yaml --check\n"
		  "mxwatch reload --wait\n",
	.fix = "Mend what is named with its line and column, then reload. Say `mxwatch "
	       "reload --force` where domains are meant to go.",
    },
    {
	.name = "state.damaged",
	.kind = "daemon",
	.severity = "critical",
	.meaning = "The database of the state was damaged and could not be read; it was set "
		   "aside and a new one begun.",
	.urgency = "Today: history, open incidents and acknowledgements are gone until the "
		   "copy is brought back; every domain begins anew with a silent first look.",
	.senders = "No difference to them.",
	.verify = "ls -l /var/lib/mxwatch\n"
		  "dmesg | grep -i -e error -e ext4 -e nvme\n"
		  "journalctl -u mxwatchd --since -1d\n",
	.fix = "Look for the cause: a disk that fails, a file system that ran full or was "
	       "not unmounted. Stop the daemon, put the last copy (`mxwatch backup`) in "
	       "place of state.db, and start it again.",
    },
    {
	.name = "state.unwritable",
	.kind = "daemon",
	.severity = "critical",
	.meaning = "The state cannot be written: the disk is full, read-only, or failing. "
		   "Looking goes on; alerts wait in memory.",
	.urgency = "Now: alerts wait in memory until it can.",
	.senders = "No difference to them.",
	.verify = "df -h /var/lib/mxwatch; df -i /var/lib/mxwatch\n"
		  "mount | grep /var\n"
		  "dmesg | tail -50\n",
	.fix = "Make room, or bring the disk back. What was seen meanwhile is judged and "
	       "told by itself.",
    },
};

const size_t event_count = sizeof(event_table) / sizeof(event_table[0]);
