/* SPDX-License-Identifier: ISC
 *
 * One pass over the message with a sticky reader: header, question, three sections, the end.
 * The rdata of the types we use is walked too, so that the accessors work on checked bytes;
 * they check again, because a fuzzer and a reader should not need to know that.
 */
#include "dns_message.h"

#include <arpa/inet.h>
#include <string.h>

#include "buf.h"
#include "wire.h"

#define HEADER	    12 /* bytes, RFC 1035 §4.1.1 */
#define RR_LEAST    11 /* root owner, type, class, TTL, rdlength */
#define CLASS_IN    1
#define NAME_OCTETS 255 /* RFC 1035 §2.3.4 */
#define HOPS_MAX    16
#define EDE_OPTION  15 /* RFC 8914 §2 */

/* -- names ------------------------------------------------------------------------------- */

/* A label in presentation form, lower case (RFC 1035 §5.1, RFC 4343 §2.1). */
static void put_label(struct buf *out, const unsigned char *label, size_t len)
{
	if (out->len > 0)
		buf_addch(out, '.');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = label[i];
		if (c >= 'A' && c <= 'Z')
			buf_addch(out, (char)(c - 'A' + 'a'));
		else if (c <= ' ' || c > '~' || strchr(".\\\"();@$", c) != NULL)
			buf_printf(out, "\\%03u", (unsigned)c);
		else
			buf_addch(out, (char)c);
	}
}

/* A name at w, which then stands behind it; its text is made only for an arena.  Each pointer
 * leads to before where the run of labels it ends began, so the way is finite (RFC 1035
 * section 4.1.4). */
static const char *read_name(struct wire *w, struct arena *arena)
{
	struct wire at = *w;
	struct buf text;
	size_t run = w->pos, octets = 1;
	bool jumped = false;
	const char *name = NULL;

	buf_init(&text, NAME_OCTETS * 4);
	for (;;) {
		unsigned c = wire_u8(&at);
		if (at.failed)
			break;
		if (c >= 0xc0) {
			size_t target = (c & 0x3fu) << 8 | wire_u8(&at);
			if (at.failed || target < HEADER || target >= run)
				break;
			if (!jumped)
				w->pos = at.pos;
			jumped = true;
			at.pos = run = target;
			continue;
		}
		if (c == 0) {
			if (!jumped)
				w->pos = at.pos;
			name = arena != NULL ? arena_strndup(arena, buf_str(&text), text.len) : "";
			break;
		}
		const unsigned char *label = c < 0x40 ? wire_bytes(&at, c) : NULL;
		octets += c + 1;
		if (label == NULL || octets > NAME_OCTETS)
			break;
		if (arena != NULL)
			put_label(&text, label, c);
	}
	w->failed = w->failed || name == NULL;
	buf_clear(&text);
	return name;
}

/* The message from its first byte to the end of rr's rdata, at offset bytes into the rdata. */
static struct wire inside(const struct dns_message *m, const struct dns_rr *rr, size_t offset)
{
	struct wire w;

	wire_init(&w, m->wire, rr->rdata_offset + rr->rdlength);
	w.pos = rr->rdata_offset;
	wire_bytes(&w, offset);
	return w;
}

const char *dns_message_name(const struct dns_message *m, const struct dns_rr *rr, size_t offset,
			     struct arena *arena, size_t *used)
{
	struct wire w = inside(m, rr, offset);
	const char *name = w.failed ? NULL : read_name(&w, arena);

	if (name != NULL && used != NULL)
		*used = w.pos - rr->rdata_offset - offset;
	return name;
}

/* -- rdata ------------------------------------------------------------------------------- */

/* n names and then bytes more from offset on fill the rdata exactly. */
static bool holds_names(const struct dns_message *m, const struct dns_rr *rr, size_t offset,
			unsigned n, size_t bytes)
{
	struct wire w = inside(m, rr, offset);

	while (n-- > 0 && !w.failed)
		read_name(&w, NULL);
	return !w.failed && wire_left(&w) == bytes;
}

static bool holds_strings(const struct dns_rr *rr)
{
	struct wire w;

	wire_init(&w, rr->rdata, rr->rdlength);
	do {
		wire_bytes(&w, wire_u8(&w));
	} while (!w.failed && wire_left(&w) > 0);
	return !w.failed;
}

/* The rdata of a type we use has its form; other types are opaque (RFC 3597 §3). */
static bool rdata_ok(const struct dns_message *m, const struct dns_rr *rr)
{
	switch (rr->type) {
	case DNS_A:
		return rr->rdlength == 4;
	case DNS_AAAA:
		return rr->rdlength == 16;
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
	case DNS_DNAME:
		return holds_names(m, rr, 0, 1, 0);
	case DNS_SOA:
		return holds_names(m, rr, 0, 2, 20);
	case DNS_MX:
		return holds_names(m, rr, 2, 1, 0);
	case DNS_SRV:
		return holds_names(m, rr, 6, 1, 0);
	case DNS_TXT:
		return holds_strings(rr);
	case DNS_TLSA:
		return rr->rdlength >= 3;
	case DNS_CAA: /* flags, length of the tag, tag, value (RFC 8659 §4.1) */
		return rr->rdlength >= 2 && rr->rdata[1] > 0 && rr->rdlength - 2 >= rr->rdata[1];
	case DNS_RRSIG: { /* 18 bytes, the signer, a signature (RFC 4034 §3.1) */
		struct wire w = inside(m, rr, 18);
		return !w.failed && read_name(&w, NULL) != NULL && wire_left(&w) > 0;
	}
	default:
		return true;
	}
}

const char *dns_message_txt(const struct dns_rr *rr, struct arena *arena, size_t *len)
{
	struct wire w;
	char *joined = arena_alloc(arena, rr->rdlength + 1);

	*len = 0;
	wire_init(&w, rr->rdata, rr->rdlength);
	if (rr->rdlength == 0)
		return NULL;
	while (wire_left(&w) > 0) {
		size_t n = wire_u8(&w);
		const unsigned char *part = wire_bytes(&w, n);
		if (part == NULL)
			return NULL;
		memcpy(joined + *len, part, n);
		*len += n;
	}
	return joined;
}

const char *dns_message_address(const struct dns_rr *rr, struct arena *arena)
{
	char text[INET6_ADDRSTRLEN];
	size_t want = rr->type == DNS_A ? 4 : 16;

	if ((rr->type != DNS_A && rr->type != DNS_AAAA) || rr->rdlength != want)
		return NULL;
	inet_ntop(rr->type == DNS_A ? AF_INET : AF_INET6, rr->rdata, text, sizeof(text));
	return arena_strdup(arena, text);
}

int64_t dns_message_rrsig_end(const struct dns_rr *rr, int64_t now)
{
	struct wire w;

	wire_init(&w, rr->rdata, rr->rdlength);
	wire_bytes(&w, 8);
	uint32_t end = wire_u32(&w);
	if (w.failed || rr->type != DNS_RRSIG)
		return 0;
	return now + (int32_t)(end - (uint32_t)now); /* serial arithmetic, RFC 1982 */
}

/* -- sections ---------------------------------------------------------------------------- */

struct counts {
	size_t question, answer, authority, additional;
};

static bool read_header(struct wire *w, struct dns_message *m, struct counts *n)
{
	m->id = wire_u16(w);
	unsigned flags = wire_u16(w);
	n->question = wire_u16(w);
	n->answer = wire_u16(w);
	n->authority = wire_u16(w);
	n->additional = wire_u16(w);
	m->qr = flags & 0x8000;
	m->aa = flags & 0x0400;
	m->tc = flags & 0x0200;
	m->rd = flags & 0x0100;
	m->ra = flags & 0x0080;
	m->ad = flags & 0x0020;
	m->cd = flags & 0x0010;
	m->rcode = flags & 0x000f;
	return (flags & 0x7800) == 0; /* QUERY */
}

static const char *read_rr(struct wire *w, struct dns_message *m, struct dns_rr *rr,
			   struct arena *arena)
{
	rr->owner = read_name(w, arena);
	rr->type = wire_u16(w);
	rr->class = wire_u16(w);
	rr->ttl = wire_u32(w);
	rr->rdlength = wire_u16(w);
	rr->rdata_offset = w->pos;
	rr->rdata = wire_bytes(w, rr->rdlength);
	if (w->failed)
		return "a record is cut short or has a malformed name";
	if (rr->ttl > INT32_MAX) /* RFC 2181 §8 */
		rr->ttl = rr->type == DNS_OPT ? rr->ttl : 0;
	if (rr->class == CLASS_IN && !rdata_ok(m, rr))
		return "the data of a record does not have the form of its type";
	return NULL;
}

static const char *read_section(struct wire *w, struct dns_message *m, size_t n, struct dns_rr **rr,
				size_t *n_rr, struct arena *arena)
{
	if (n > wire_left(w) / RR_LEAST)
		return "more records are announced than the message can hold";
	*rr = arena_array(arena, n, sizeof(**rr));
	for (*n_rr = 0; *n_rr < n; (*n_rr)++) {
		const char *why = read_rr(w, m, &(*rr)[*n_rr], arena);
		if (why != NULL)
			return why;
	}
	return NULL;
}

static const char *read_options(const struct dns_rr *opt, struct dns_message *m)
{
	struct wire w;

	wire_init(&w, opt->rdata, opt->rdlength);
	while (wire_left(&w) > 0) {
		unsigned code = wire_u16(&w);
		size_t len = wire_u16(&w);
		const unsigned char *data = wire_bytes(&w, len);
		if (w.failed || (code == EDE_OPTION && len < 2))
			return "an EDNS option is malformed";
		if (code == EDE_OPTION && m->ede < 0)
			m->ede = data[0] << 8 | data[1];
	}
	return NULL;
}

/* OPT stands once at most, at the root, in the additional section (RFC 6891 §6.1.1). */
static const char *read_edns(struct dns_message *m)
{
	const struct dns_rr *opt = NULL;

	for (size_t i = 0; i < m->n_answer; i++)
		if (m->answer[i].type == DNS_OPT)
			return "OPT stands in the answer section";
	for (size_t i = 0; i < m->n_authority; i++)
		if (m->authority[i].type == DNS_OPT)
			return "OPT stands in the authority section";
	for (size_t i = 0; i < m->n_additional; i++) {
		if (m->additional[i].type != DNS_OPT)
			continue;
		if (opt != NULL || m->additional[i].owner[0] != '\0')
			return "OPT stands twice or not at the root";
		opt = &m->additional[i];
	}
	if (opt == NULL)
		return NULL;
	m->rcode |= opt->ttl >> 24 << 4;
	return read_options(opt, m);
}

static const char *read_message(struct wire *w, struct dns_message *m, struct arena *arena)
{
	struct counts n;
	bool query = read_header(w, m, &n);
	const char *why;

	if (w->failed)
		return "shorter than a header";
	if (!m->qr)
		return "a query, not a response";
	if (!query || n.question != 1)
		return "not a response to one question";
	m->qname = read_name(w, arena);
	m->qtype = wire_u16(w);
	unsigned class = wire_u16(w);
	if (w->failed || class != CLASS_IN)
		return "the question is malformed";
	if ((why = read_section(w, m, n.answer, &m->answer, &m->n_answer, arena)) != NULL ||
	    (why = read_section(w, m, n.authority, &m->authority, &m->n_authority, arena)) !=
		NULL ||
	    (why = read_section(w, m, n.additional, &m->additional, &m->n_additional, arena)) !=
		NULL)
		return why;
	if (wire_left(w) > 0)
		return "bytes behind the last record";
	return read_edns(m);
}

struct dns_message *dns_message_parse(const void *wire, size_t len, struct arena *arena,
				      const char **why)
{
	struct dns_message *m = arena_alloc(arena, sizeof(*m));
	struct wire w;

	m->wire = wire;
	m->len = len;
	m->ede = -1;
	wire_init(&w, wire, len);
	*why = read_message(&w, m, arena);
	return *why == NULL ? m : NULL;
}

/* -- the CNAME chain --------------------------------------------------------------------- */

/* The target of owner's CNAME, NULL without one; *n of them. */
static const char *target_of(const struct dns_message *m, const char *owner, struct arena *arena,
			     size_t *n)
{
	const char *target = NULL;

	*n = 0;
	for (size_t i = 0; i < m->n_answer; i++) {
		const struct dns_rr *rr = &m->answer[i];
		if (rr->type != DNS_CNAME || rr->class != CLASS_IN || strcmp(rr->owner, owner) != 0)
			continue;
		const char *name = dns_message_name(m, rr, 0, arena, NULL);
		if (target == NULL || strcmp(target, name) != 0)
			(*n)++;
		target = name;
	}
	return target;
}

const char *dns_message_follow(const struct dns_message *m, struct arena *arena,
			       const char *const **chain, size_t *n, const char **why)
{
	const char **names = arena_array(arena, HOPS_MAX, sizeof(*names));
	const char *name = m->qname;

	*chain = names;
	*n = 0;
	*why = NULL;
	while (m->qtype != DNS_CNAME) {
		size_t targets;
		const char *target = target_of(m, name, arena, &targets);
		if (target == NULL)
			break;
		if (targets > 1)
			*why = "a name has two CNAME records (RFC 2181 §10.1)";
		else if (*n == HOPS_MAX)
			*why = "the CNAME chain loops or is longer than 16";
		if (*why != NULL)
			return NULL;
		names[(*n)++] = name = target;
	}
	return name;
}
