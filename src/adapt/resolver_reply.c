/* SPDX-License-Identifier: ISC */
#include "resolver_reply.h"

#include <string.h>

#include "buf.h"
#include "dns_message.h"
#include "name.h"
#include "text.h"
#include "wire.h"

#define CLASS_IN 1
#define MAX_TXT	 65535

void resolver_reply_fail(struct resolver_answer *answer, int status, int class, const char *text)
{
	answer->head.status = status;
	answer->head.failure.stage = OBS_STAGE_DNS;
	answer->head.failure.class = class;
	answer->head.failure.text = text;
	answer->rr = NULL;
	answer->n = 0;
}

static const char *const ede_names[] = {"Other",
					"Unsupported DNSKEY Algorithm",
					"Unsupported DS Digest Type",
					"Stale Answer",
					"Forged Answer",
					"DNSSEC Indeterminate",
					"DNSSEC Bogus",
					"Signature Expired",
					"Signature Not Yet Valid",
					"DNSKEY Missing",
					"RRSIGs Missing",
					"No Zone Key Bit Set",
					"NSEC Missing",
					"Cached Error",
					"Not Ready",
					"Blocked",
					"Censored",
					"Filtered",
					"Prohibited",
					"Stale NXDOMAIN Answer",
					"Not Authoritative",
					"Not Supported",
					"No Reachable Authority",
					"Network Error",
					"Invalid Data"};

const char *resolver_reply_ede_text(int64_t ede, struct arena *arena)
{
	int64_t code = ede - 1;

	if (code >= 0 && code < (int64_t)(sizeof(ede_names) / sizeof(ede_names[0])))
		return arena_printf(arena, "EDE %d %s", (int)code, ede_names[code]);
	return arena_printf(arena, "EDE %d", (int)code);
}

/* The resolver could not get at the name servers, or is not ready (RFC 8914 sections 4.15, 4.23,
 * 4.24): no signature is at fault. */
static bool is_out_of_reach(int ede)
{
	return ede == 14 || ede == 22 || ede == 23;
}

static const char *rcode_text(unsigned rcode, struct arena *arena)
{
	static const char *const names[] = {"NOERROR",	"FORMERR", "SERVFAIL",
					    "NXDOMAIN", "NOTIMP",  "REFUSED"};

	if (rcode < sizeof(names) / sizeof(names[0]))
		return names[rcode];
	return arena_printf(arena, "RCODE %u", rcode);
}

/* -- rdata ------------------------------------------------------------------------------- */

static const char *latin1(struct arena *arena, const char *bytes, size_t len)
{
	struct buf out;
	const char *copy;

	buf_init(&out, 2 * MAX_TXT + 2);
	text_latin1(&out, bytes, len);
	copy = arena_strdup(arena, buf_str(&out));
	buf_clear(&out);
	return copy;
}

/* The name at offset, which must end where the rdata ends; the root as ".". */
static const char *name_at(const struct dns_message *m, const struct dns_rr *rr, size_t offset,
			   struct arena *arena)
{
	size_t used = 0;
	const char *name = dns_message_name(m, rr, offset, arena, &used);

	if (name == NULL || offset + used != rr->rdlength)
		return NULL;
	return *name == '\0' ? "." : name;
}

static bool read_tlsa(struct resolver_rr *out, struct wire *w, struct arena *arena)
{
	const unsigned char *data;
	unsigned char *copy;

	out->a = wire_u8(w);
	out->b = wire_u8(w);
	out->c = wire_u8(w);
	out->len = wire_left(w);
	data = wire_bytes(w, out->len);
	if (w->failed)
		return false;
	copy = arena_alloc(arena, out->len + 1);
	memcpy(copy, data, out->len);
	out->data = copy;
	return true;
}

/* Flags, tag and value (RFC 8659 section 4.1). */
static bool read_caa(struct resolver_rr *out, struct wire *w, struct arena *arena)
{
	const unsigned char *tag, *value;
	size_t tag_len, value_len;

	out->a = wire_u8(w);
	tag_len = wire_u8(w);
	tag = wire_bytes(w, tag_len);
	value_len = wire_left(w);
	value = wire_bytes(w, value_len);
	if (w->failed || tag_len == 0)
		return false;
	out->tag = latin1(arena, (const char *)tag, tag_len);
	out->text = latin1(arena, (const char *)value, value_len);
	return true;
}

static bool read_rdata(struct resolver_rr *out, const struct dns_message *m,
		       const struct dns_rr *rr, struct arena *arena)
{
	struct wire w;
	const char *txt;
	size_t len;

	wire_init(&w, rr->rdata, rr->rdlength);
	switch (rr->type) {
	case DNS_A:
	case DNS_AAAA:
		out->text = dns_message_address(rr, arena);
		return out->text != NULL;
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		out->text = name_at(m, rr, 0, arena);
		return out->text != NULL;
	case DNS_MX:
		out->a = wire_u16(&w);
		out->text = w.failed ? NULL : name_at(m, rr, w.pos, arena);
		return out->text != NULL;
	case DNS_SRV:
		out->a = wire_u16(&w);
		out->b = wire_u16(&w);
		out->c = wire_u16(&w);
		out->text = w.failed ? NULL : name_at(m, rr, w.pos, arena);
		return out->text != NULL;
	case DNS_TXT:
		txt = dns_message_txt(rr, arena, &len);
		out->text = txt != NULL ? latin1(arena, txt, len) : NULL;
		return out->text != NULL;
	case DNS_TLSA:
		return read_tlsa(out, &w, arena);
	case DNS_CAA:
		return read_caa(out, &w, arena);
	default:
		return true;
	}
}

/* -- the answer section --------------------------------------------------------------------- */

static void lower_to(int64_t *ttl, uint32_t seen)
{
	if (*ttl < 0 || seen < *ttl)
		*ttl = seen;
}

static bool in_chain(const char *owner, const char *qname, const struct obs_answer *head)
{
	if (name_equal(owner, qname))
		return true;
	for (size_t i = 0; i < head->n_cname_chain; i++)
		if (name_equal(owner, head->cname_chain[i]))
			return true;
	return false;
}

static void note_rrsig(struct obs_answer *head, const struct dns_rr *rr, int64_t now)
{
	int64_t end = dns_message_rrsig_end(rr, now);

	if (end > 0 && (head->rrsig_end == 0 || end < head->rrsig_end))
		head->rrsig_end = end;
}

/* The records of the type at the end of the chain; false when one of them is malformed. */
static bool read_answer(struct resolver_reply *out, const struct dns_message *m, const char *last,
			int64_t now, struct arena *arena)
{
	struct obs_answer *head = &out->answer.head;
	struct resolver_rr *rr = arena_array(arena, m->n_answer > 0 ? m->n_answer : 1, sizeof(*rr));
	size_t n = 0;
	int64_t ttl = -1;

	for (size_t i = 0; i < m->n_answer; i++) {
		const struct dns_rr *from = &m->answer[i];

		if (from->class != CLASS_IN || !in_chain(from->owner, m->qname, head))
			continue;
		if (from->type == DNS_RRSIG)
			note_rrsig(head, from, now);
		if (from->type == DNS_CNAME)
			lower_to(&ttl, from->ttl);
		if (from->type != m->qtype || !name_equal(from->owner, last))
			continue;
		lower_to(&ttl, from->ttl);
		rr[n].owner = arena_strdup(arena, from->owner);
		if (n == RESOLVER_MAX_RR || !read_rdata(&rr[n], m, from, arena))
			return false;
		n++;
	}
	out->answer.rr = rr;
	out->answer.n = n;
	head->ttl_s = ttl > 0 ? ttl : 0;
	return true;
}

/* The lesser of the SOA's TTL and MINIMUM (RFC 2308 section 5), not above the chain's. */
static void read_denial(struct resolver_reply *out, const struct dns_message *m, int64_t now)
{
	struct obs_answer *head = &out->answer.head;
	int64_t ttl = head->n_cname_chain > 0 ? head->ttl_s : -1;

	for (size_t i = 0; i < m->n_authority; i++) {
		const struct dns_rr *rr = &m->authority[i];
		struct wire w;

		if (rr->type == DNS_RRSIG)
			note_rrsig(head, rr, now);
		if (rr->type != DNS_SOA || rr->rdlength < 4)
			continue;
		wire_init(&w, rr->rdata + rr->rdlength - 4, 4);
		lower_to(&ttl, rr->ttl);
		lower_to(&ttl, wire_u32(&w));
	}
	head->ttl_s = ttl > 0 ? ttl : 0;
}

static void read_message(struct resolver_reply *out, const struct dns_message *m, int64_t now,
			 struct arena *arena)
{
	struct obs_answer *head = &out->answer.head;
	const char *why = NULL;
	const char *last =
	    dns_message_follow(m, arena, &head->cname_chain, &head->n_cname_chain, &why);

	if (last == NULL || m->qtype == DNS_CNAME) {
		head->cname_chain = NULL;
		head->n_cname_chain = 0;
	}
	if (last == NULL) {
		resolver_reply_fail(&out->answer, OBS_DNS_FAILED, OBS_CLASS_PROTOCOL, why);
		return;
	}
	if (m->qtype == DNS_CNAME)
		last = m->qname;
	if (head->n_cname_chain > 0)
		head->cname = head->cname_chain[head->n_cname_chain - 1];
	if (!read_answer(out, m, last, now, arena)) {
		resolver_reply_fail(&out->answer, OBS_DNS_FAILED, OBS_CLASS_PROTOCOL,
				    "a record of the answer is malformed, or there are too many");
		return;
	}
	if (m->rcode == DNS_NXDOMAIN_RCODE && out->answer.n > 0) {
		resolver_reply_fail(&out->answer, OBS_DNS_FAILED, OBS_CLASS_PROTOCOL,
				    "the reply denies the name and has records of it");
		return;
	}
	if (m->rcode == DNS_NXDOMAIN_RCODE)
		head->status = OBS_DNS_NXDOMAIN;
	else
		head->status = out->answer.n > 0 ? OBS_DNS_ANSWER : OBS_DNS_NODATA;
	if (head->status != OBS_DNS_ANSWER)
		read_denial(out, m, now);
}

static const char *not_ours(const struct dns_message *m, const char *name, unsigned type)
{
	if (!m->qr)
		return "the reply is not a response";
	if (m->qtype != type || !name_equal(m->qname, name))
		return "the reply answers another question";
	if (m->tc)
		return "the reply is truncated, over TCP";
	return NULL;
}

static void read_wire(struct resolver_reply *out, const struct dns_message *m, int64_t now,
		      struct arena *arena)
{
	out->ad = m->ad;
	out->answer.head.ede = m->ede + 1;
	if (m->rcode == DNS_NOERROR || m->rcode == DNS_NXDOMAIN_RCODE) {
		read_message(out, m, now, arena);
		return;
	}
	out->servfail = m->rcode == DNS_SERVFAIL && !is_out_of_reach(m->ede);
	resolver_reply_fail(
	    &out->answer, OBS_DNS_FAILED, OBS_CLASS_DNS,
	    arena_printf(arena, "%s%s%s", rcode_text(m->rcode, arena), m->ede >= 0 ? ", " : "",
			 m->ede >= 0 ? resolver_reply_ede_text(m->ede + 1, arena) : ""));
}

void resolver_reply_read(struct resolver_reply *out, const void *wire, size_t len, const char *name,
			 unsigned type, int64_t now, struct arena *arena)
{
	struct arena *scratch = arena_new();
	const char *why = NULL;
	const struct dns_message *m = dns_message_parse(wire, len, scratch, &why);

	memset(out, 0, sizeof(*out));
	if (m != NULL)
		why = not_ours(m, name, type);
	if (m != NULL && why == NULL)
		read_wire(out, m, now, arena);
	else
		resolver_reply_fail(&out->answer, OBS_DNS_FAILED, OBS_CLASS_PROTOCOL,
				    arena_printf(arena, "malformed DNS reply: %s", why));
	arena_free(scratch);
}
