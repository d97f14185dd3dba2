/* SPDX-License-Identifier: ISC */
#include "carry.h"

#include <stdbool.h>
#include <string.h>

/* -- SipHash-1-3 (Aumasson, Bernstein 2012) ------------------------------------ */

struct sip {
	uint64_t v[4], word;
	size_t len;
};

static uint64_t rotate(uint64_t x, int by)
{
	return (x << by) | (x >> (64 - by));
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void sip_word(struct sip *s, uint64_t word)
{
	s->v[3] ^= word;
	sip_round(s->v);
	s->v[0] ^= word;
}

/* Eight bytes, the first the lowest. */
static uint64_t load(const char *bytes)
{
	const unsigned char *b = (const unsigned char *)bytes;

	return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
	       (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 |
	       (uint64_t)b[7] << 56;
}

static void sip_bytes(struct sip *s, const char *bytes, size_t len)
{
	int waiting = 8 * (int)(s->len % 8); /* bits of a word that is not full */

	s->len += len;
	for (; len >= 8; bytes += 8, len -= 8) {
		uint64_t word = load(bytes);
		sip_word(s, s->word | word << waiting);
		s->word = waiting ? word >> (64 - waiting) : 0;
	}
	for (; len > 0; bytes++, len--) {
		s->word |= (uint64_t)(unsigned char)*bytes << waiting;
		waiting += 8;
		if (waiting == 64) {
			sip_word(s, s->word);
			s->word = 0;
			waiting = 0;
		}
	}
}

static uint64_t sip_end(struct sip *s)
{
	sip_word(s, s->word | (uint64_t)s->len << 56);
	s->v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(s->v);
	return s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}

/* -- the document without what moves ------------------------------------------- */

static bool moves(const char *key, size_t len)
{
	static const char *const names[] = {"at",	   "took_ms",	   "ttl_s", "connect_ms",
					    "greeting_ms", "handshake_ms", NULL};

	for (size_t i = 0; names[i]; i++)
		if (*names[i] == *key && strlen(names[i]) == len && memcmp(names[i], key, len) == 0)
			return true;
	return false;
}

/* The end of the string that begins at p (its quote), behind the closing quote. */
static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : end;
}

int64_t carry_digest(const char *json, size_t len, const uint64_t key[2])
{
	struct sip s = {{key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
			 key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u},
			0,
			0};
	const char *p = json, *from = json, *end = json + len;
	uint64_t h;

	while (p < end) {
		const char *next = *p == '"' ? string_end(p, end) : p + 1;
		if (*p == '"' && next < end && *next == ':' &&
		    moves(p + 1, (size_t)(next - p) - 2)) {
			/* a key of ours: its value is a number or a time */
			sip_bytes(&s, from, (size_t)(p - from));
			p = next + 1;
			p = p < end && *p == '"' ? string_end(p, end) : p;
			while (p < end && *p != ',' && *p != '}')
				p++;
			from = p;
			continue;
		}
		p = next;
	}
	sip_bytes(&s, from, (size_t)(p - from));
	h = sip_end(&s);
	return h ? (int64_t)h : 1;
}

/* -- the deep look ------------------------------------------------------------- */

static const struct obs_service *same_service(const struct obs_host *h, const struct obs_service *s)
{
	for (size_t i = 0; i < h->n_services; i++)
		if (h->services[i].port == s->port &&
		    strcmp(h->services[i].address, s->address) == 0)
			return &h->services[i];
	return NULL;
}

static bool untested(const struct obs_relay *r)
{
	return r->first == OBS_RELAY_UNASKED && r->second == OBS_RELAY_UNASKED;
}

/* Its own host and services; all else is borrowed. */
static struct observation *copy(const struct observation *from, struct arena *arena)
{
	struct observation *o = arena_alloc(arena, sizeof(*o));
	size_t n = from->host->n_services;

	*o = *from;
	o->host = arena_alloc(arena, sizeof(*o->host));
	*o->host = *from->host;
	o->host->services = arena_array(arena, n, sizeof(*o->host->services));
	memcpy(o->host->services, from->host->services, n * sizeof(*o->host->services));
	return o;
}

/* What of the deep look of before is to stand in now: it, one's own with its relay test, or one's
 * own. */
static struct obs_sweep *deeper(struct obs_sweep *now, struct obs_sweep *before,
				struct arena *arena)
{
	struct obs_sweep *both;

	if (now == NULL || before == NULL)
		return now == NULL ? before : now;
	if (!untested(&now->relay) || untested(&before->relay))
		return now;
	both = arena_alloc(arena, sizeof(*both));
	*both = *now;
	both->relay = before->relay;
	return both;
}

const struct observation *carry_sweeps(const struct observation *now,
				       const struct observation *before, struct arena *arena)
{
	struct observation *o = NULL;

	if (now->host == NULL || before->host == NULL)
		return now;
	for (size_t i = 0; i < now->host->n_services; i++) {
		const struct obs_service *s = &now->host->services[i];
		const struct obs_service *old = same_service(before->host, s);
		struct obs_sweep *sweep = old ? deeper(s->sweep, old->sweep, arena) : s->sweep;
		if (sweep == s->sweep)
			continue;
		if (o == NULL)
			o = copy(now, arena);
		o->host->services[i].sweep = sweep;
	}
	return o ? o : now;
}
