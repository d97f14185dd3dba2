/* SPDX-License-Identifier: ISC
 *
 * A record names a certificate (selector 0) or a key (selector 1) by its digest; the facts of
 * a chain carry the digests of both, so a record matches by comparing hex.  Matching type 0
 * holds the thing itself; its digest comes with the record (obs_tlsa_rr.data_sha256).
 *
 * Limit: a usage 2 record matches a certificate that was presented.  A trust anchor that
 * stands in the DNS alone (2 0 0, 2 1 0 without the certificate in the chain) would need a
 * signature to be verified, and core has no cryptography.
 */
#include "tlsa.h"

#include <string.h>

#include "buf.h"
#include "cert.h"
#include "text.h"

/* -- usability --------------------------------------------------------------------------- */

enum tlsa_usable tlsa_usability(const struct obs_tlsa_rr *rr)
{
	static const size_t digits[] = {0, 64, 128}; /* of hex: SHA-256, SHA-512 */
	size_t len = rr->data != NULL ? strlen(rr->data) : 0;

	if (rr->usage == 0 || rr->usage == 1)
		return TLSA_PKIX_USAGE;
	if (rr->usage != 2 && rr->usage != 3)
		return TLSA_BAD_USAGE;
	if (rr->selector != 0 && rr->selector != 1)
		return TLSA_BAD_SELECTOR;
	if (rr->matching < 0 || rr->matching > 2)
		return TLSA_BAD_MATCHING;
	if (len == 0 || (rr->matching != 0 && len != digits[rr->matching]))
		return TLSA_BAD_LENGTH;
	return TLSA_USABLE;
}

const char *tlsa_usability_text(enum tlsa_usable u)
{
	switch (u) {
	case TLSA_USABLE:
		return "usable";
	case TLSA_PKIX_USAGE:
		return "usage 0 and 1 are not for SMTP";
	case TLSA_BAD_USAGE:
		return "unknown certificate usage";
	case TLSA_BAD_SELECTOR:
		return "unknown selector";
	case TLSA_BAD_MATCHING:
		return "unknown matching type";
	case TLSA_BAD_LENGTH:
		return "the data is empty or not as long as its digest";
	}
	return "";
}

/* -- the match --------------------------------------------------------------------------- */

/* A stronger digest stands beside it for the same usage and selector (RFC 7671 §9). */
static bool outranked(const struct obs_tlsa_rr *rr, size_t n, size_t i)
{
	for (size_t k = 0; k < n; k++)
		if (rr[i].matching != 0 && rr[k].matching > rr[i].matching &&
		    rr[k].usage == rr[i].usage && rr[k].selector == rr[i].selector &&
		    tlsa_usability(&rr[k]) == TLSA_USABLE)
			return true;
	return false;
}

static bool names_certificate(const struct obs_tlsa_rr *rr, const struct obs_cert *c)
{
	const char *sha256 = rr->selector == 0 ? c->sha256 : c->spki_sha256;
	const char *sha512 = rr->selector == 0 ? c->sha512 : c->spki_sha512;
	const char *wanted = rr->matching == 0 ? rr->data_sha256 : rr->data;
	const char *served = rr->matching == 2 ? sha512 : sha256;

	return wanted != NULL && served != NULL && text_equal_nocase(wanted, served);
}

static bool in_dates(const struct obs_cert *c, int64_t now)
{
	return !c->bad_dates && c->not_before <= now && now < c->not_after;
}

static bool has_any_name(const struct obs_cert *leaf, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (cert_matches_name(leaf, names[i]))
			return true;
	return false;
}

/* Usage 2: go up from the leaf by signatures to the certificate that rr names.  Every issuer
 * on the way is a CA.  Returns its index, 0 if the way does not lead there; *dated: all dates
 * on the path hold. */
static size_t climb(const struct obs_tlsa_rr *rr, const struct obs_tls *tls, int64_t now,
		    bool *dated)
{
	size_t at = 0;

	*dated = in_dates(&tls->chain[0], now);
	for (size_t hops = 1; hops < tls->n_chain; hops++) {
		int64_t by = tls->chain[at].signed_by;
		if (by < 2 || (size_t)by > tls->n_chain || (size_t)by - 1 == at)
			return 0;
		at = (size_t)by - 1;
		if (!tls->chain[at].is_ca)
			return 0;
		*dated = *dated && in_dates(&tls->chain[at], now);
		if (names_certificate(rr, &tls->chain[at]))
			return at;
	}
	return 0;
}

static void match_ee(const struct obs_tlsa_rr *rr, size_t i, const struct obs_tls *tls,
		     struct tlsa_verdict *v)
{
	if (!names_certificate(&rr[i], &tls->chain[0]))
		return;
	v->matched = v->ee = true;
	v->rr = i;
	v->depth = 0;
}

static void match_ta(const struct obs_tlsa_rr *rr, size_t i, const struct obs_tls *tls, bool named,
		     int64_t now, struct tlsa_verdict *v)
{
	bool dated;
	size_t depth = climb(&rr[i], tls, now, &dated);

	if (depth == 0)
		return;
	v->matched = named && dated;
	v->name_failed = !named;
	v->date_failed = !dated;
	v->rr = i;
	v->depth = depth;
}

void tlsa_match(const struct obs_tlsa_rr *rr, size_t n, const struct obs_tls *tls,
		const char *const *names, size_t n_names, int64_t now, struct tlsa_verdict *verdict)
{
	bool served = tls != NULL && tls->n_chain > 0;
	bool named = served && has_any_name(&tls->chain[0], names, n_names);

	*verdict = (struct tlsa_verdict){0};
	for (size_t i = 0; i < n; i++)
		verdict->n_usable += tlsa_usability(&rr[i]) == TLSA_USABLE;
	for (int64_t usage = 3; served && usage >= 2; usage--) {
		for (size_t i = 0; i < n && !verdict->matched; i++) {
			if (rr[i].usage != usage || tlsa_usability(&rr[i]) != TLSA_USABLE ||
			    outranked(rr, n, i))
				continue;
			if (usage == 3)
				match_ee(rr, i, tls, verdict);
			else
				match_ta(rr, i, tls, named, now, verdict);
		}
	}
	if (verdict->matched)
		verdict->name_failed = verdict->date_failed = false;
}

/* -- presentation form (RFC 6698 §2.2, acronyms of RFC 7218 §2) ---------------------------- */

#define SECTION "RFC 6698 §2.2"

struct token {
	const char *s;
	size_t len; /* 0 at the end */
	size_t line, column;
};

struct scanner {
	const char *s;
	size_t line, column;
	struct remarks *remarks;
	bool failed;
};

static void advance(struct scanner *sc)
{
	if (*sc->s == '\n') {
		sc->line++;
		sc->column = 0;
	}
	sc->s++;
	sc->column++;
}

/* The next word.  Parentheses group lines and ";" begins a comment (RFC 1035 §5.1). */
static struct token next_token(struct scanner *sc)
{
	for (; *sc->s != '\0' && strchr(" \t\r\n();", *sc->s) != NULL; advance(sc))
		if (*sc->s == ';')
			while (sc->s[1] != '\0' && sc->s[1] != '\n')
				advance(sc);
	struct token t = {sc->s, strcspn(sc->s, " \t\r\n();"), sc->line, sc->column};
	sc->s += t.len;
	sc->column += t.len;
	return t;
}

static void complain(struct scanner *sc, const struct token *t, const char *what)
{
	if (t->len == 0)
		remarks_add(sc->remarks, REMARK_ERROR, t->line, t->column, SECTION, "%s is missing",
			    what);
	else
		remarks_add(sc->remarks, REMARK_ERROR, t->line, t->column, SECTION, "%s, not %s",
			    what, remarks_quote(sc->remarks, t->s, t->len));
	sc->failed = true;
}

static bool is_word(const struct token *t, const char *word)
{
	char text[16] = "";

	if (t->len < sizeof(text))
		memcpy(text, t->s, t->len);
	return text_equal_nocase(text, word);
}

struct acronym {
	const char *word;
	int64_t value;
};

static const struct acronym usages[] = {{"PKIX-TA", 0}, {"PKIX-EE", 1},	   {"DANE-TA", 2},
					{"DANE-EE", 3}, {"PrivCert", 255}, {NULL, 0}};
static const struct acronym selectors[] = {{"Cert", 0}, {"SPKI", 1}, {"PrivSel", 255}, {NULL, 0}};
static const struct acronym matchings[] = {
    {"Full", 0}, {"SHA2-256", 1}, {"SHA2-512", 2}, {"PrivMatch", 255}, {NULL, 0}};

static int64_t read_number(struct scanner *sc, const struct token *t, const struct acronym *a,
			   const char *what)
{
	char word[16] = "";
	int64_t value = 0;

	for (; a->word != NULL; a++)
		if (is_word(t, a->word))
			return a->value;
	if (t->len < sizeof(word))
		memcpy(word, t->s, t->len);
	for (const char *p = word; *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (*p - '0');
	if (word[0] == '\0' || word[strspn(word, "0123456789")] != '\0' || value > 255) {
		complain(sc, t, what);
		return 0;
	}
	return value;
}

/* Hex in one or more words. */
static const char *read_data(struct scanner *sc, struct token t, struct arena *arena)
{
	struct token first = t;
	struct buf hex;

	buf_init(&hex, 2 * 65535);
	for (; t.len > 0; t = next_token(sc)) {
		size_t good = 0;
		while (good < t.len && strchr("0123456789abcdefABCDEF", t.s[good]) != NULL)
			good++;
		if (good < t.len) {
			t.column += good;
			complain(sc, &t, "the data is hexadecimal digits");
			break;
		}
		buf_add(&hex, t.s, t.len);
	}
	if (first.len == 0)
		complain(sc, &first, "the data (hexadecimal digits)");
	else if (!sc->failed && hex.len % 2 != 0)
		complain(sc, &first, "the data has an even number of digits");
	char *data = arena_strndup(arena, buf_str(&hex), hex.len);
	buf_clear(&hex);
	text_lower(data);
	return data;
}

/* The first word behind owner, TTL, class and "TLSA", where a whole zone file line is given. */
static struct token skip_owner(struct scanner *sc)
{
	struct scanner behind = *sc;
	struct token t;

	do {
		t = next_token(&behind);
	} while (t.len > 0 && !is_word(&t, "TLSA"));
	if (t.len > 0)
		*sc = behind;
	return next_token(sc);
}

static void judge(const struct obs_tlsa_rr *rr, const struct token *at, struct remarks *remarks)
{
	enum tlsa_usable u = tlsa_usability(rr);
	const char *text = tlsa_usability_text(u);

	if (u == TLSA_PKIX_USAGE)
		remarks_add(remarks, REMARK_WARNING, at[0].line, at[0].column, "RFC 7672 §3.1.3",
			    "%s: senders may treat the record as unusable", text);
	else if (u != TLSA_USABLE) {
		const struct token *t = u == TLSA_BAD_USAGE	 ? &at[0]
					: u == TLSA_BAD_SELECTOR ? &at[1]
					: u == TLSA_BAD_MATCHING ? &at[2]
								 : &at[3];
		remarks_add(remarks, REMARK_ERROR, t->line, t->column, "RFC 6698 §2.1",
			    "%s: senders treat the record as unusable", text);
	}
}

int tlsa_record_parse(const char *text, struct arena *arena, struct obs_tlsa_rr *rr,
		      struct remarks *remarks)
{
	struct scanner sc = {.s = text, .line = 1, .column = 1, .remarks = remarks};
	struct token at[4];

	*rr = (struct obs_tlsa_rr){0};
	at[0] = skip_owner(&sc);
	for (size_t i = 1; i < 4; i++)
		at[i] = next_token(&sc);
	rr->usage = read_number(&sc, &at[0], usages, "the certificate usage (0 to 255)");
	rr->selector = read_number(&sc, &at[1], selectors, "the selector (0 to 255)");
	rr->matching = read_number(&sc, &at[2], matchings, "the matching type (0 to 255)");
	rr->data = read_data(&sc, at[3], arena);
	if (sc.failed)
		return -1;
	judge(rr, at, remarks);
	return 0;
}
