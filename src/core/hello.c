/* SPDX-License-Identifier: ISC */
#include "hello.h"

#include <string.h>

#include "wire.h"

#define MLKEM768_COEFFICIENTS 768
#define MLKEM_Q		      3329

enum { RECORD_ALERT = 21, RECORD_HANDSHAKE = 22 };
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2 };
enum { SSL2_CLIENT_HELLO = 1, SSL2_SERVER_HELLO = 4 };
enum {
	EXT_SERVER_NAME = 0,
	EXT_GROUPS = 10,
	EXT_POINT_FORMATS = 11,
	EXT_SIGNATURES = 13,
	EXT_VERSIONS = 43,
	EXT_KEY_SHARE = 51,
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* IANA TLS Cipher Suites registry */
static const uint16_t common[] = {
    0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xccaa, 0x009e, 0x009f, 0xc023, 0xc027,
    0xc024, 0xc028, 0x0067, 0x006b, 0xc009, 0xc013, 0xc00a, 0xc014, 0x0033, 0x0039, 0x0032,
    0x0038, 0x009c, 0x009d, 0x003c, 0x003d, 0x002f, 0x0035, 0x0045, 0x0088, 0x0041, 0x0084};
static const uint16_t null[] = {0x0001, 0x0002, 0x003b, 0xc006, 0xc010, 0xc001, 0xc00b, 0xc015};
static const uint16_t export[] = {0x0003, 0x0006, 0x0008, 0x000b, 0x000e, 0x0011, 0x0014, 0x0017,
				  0x0019, 0x0060, 0x0061, 0x0062, 0x0063, 0x0064, 0x0065};
static const uint16_t rc4[] = {0x0004, 0x0005, 0x0066, 0xc007, 0xc011, 0xc002, 0xc00c};
static const uint16_t des[] = {0x000a, 0x000d, 0x0010, 0x0013, 0x0016, 0xc008, 0xc012,
			       0xc003, 0xc00d, 0x0009, 0x000c, 0x000f, 0x0012, 0x0015};
static const uint16_t anon[] = {0x00a7, 0x00a6, 0x006d, 0x006c, 0xc019, 0xc018, 0x003a, 0x0034,
				0x0089, 0x0046, 0x001b, 0xc017, 0x001a, 0x0018, 0xc016};

static const struct {
	unsigned class;
	const uint16_t *suite;
	size_t n;
} suites[] = {
    {HELLO_COMMON, common, N(common)}, {HELLO_NULL, null, N(null)},
    {HELLO_EXPORT, export, N(export)}, {HELLO_RC4, rc4, N(rc4)},
    {HELLO_3DES, des, N(des)},	       {HELLO_ANON, anon, N(anon)},
};

static const uint16_t tls13_suites[] = {0x1301, 0x1302, 0x1303};
static const uint16_t groups[] = {HELLO_X25519MLKEM768, 29, 23, 24, 25, 256};
static const uint16_t signatures[] = {0x0403, 0x0503, 0x0603, 0x0807, 0x0808,
				      0x0804, 0x0805, 0x0806, 0x0401, 0x0501,
				      0x0601, 0x0203, 0x0201, 0x0402, 0x0202};

/* -- build --------------------------------------------------------------------------------- */

/* A length field of `bytes` bytes, to be filled by end_length(). */
static size_t begin_length(struct buf *out, int bytes)
{
	static const char zero[3];

	buf_add(out, zero, (size_t)bytes);
	return out->len;
}

static void end_length(struct buf *out, size_t begin, int bytes)
{
	size_t len = out->len - begin;

	for (int i = 1; i <= bytes; i++, len >>= 8)
		out->data[begin - (size_t)i] = (char)len;
}

static void put_list(struct buf *out, const uint16_t *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		wire_put_u16(out, list[i]);
}

static void put_extension_list(struct buf *out, int type, const uint16_t *list, size_t n)
{
	wire_put_u16(out, (uint16_t)type);
	wire_put_u16(out, (uint16_t)(2 * n + 2));
	wire_put_u16(out, (uint16_t)(2 * n));
	put_list(out, list, n);
}

static void put_server_name(struct buf *out, const char *name)
{
	size_t len = strlen(name);

	wire_put_u16(out, EXT_SERVER_NAME);
	wire_put_u16(out, (uint16_t)(len + 5));
	wire_put_u16(out, (uint16_t)(len + 3));
	wire_put_u8(out, 0);
	wire_put_u16(out, (uint16_t)len);
	buf_add(out, name, len);
}

/* An encapsulation key nobody holds the other half of: 768 numbers below q in 12 bits each and
 * the seed (FIPS 203 section 7.2), which every server can answer. */
static void put_mlkem_key(struct buf *out, const unsigned char *random)
{
	for (int i = 0; i < MLKEM768_COEFFICIENTS; i += 2, random += 4) {
		unsigned a = (random[0] | (unsigned)random[1] << 8) % MLKEM_Q;
		unsigned b = (random[2] | (unsigned)random[3] << 8) % MLKEM_Q;

		wire_put_u8(out, (uint8_t)a);
		wire_put_u8(out, (uint8_t)(a >> 8 | b << 4));
		wire_put_u8(out, (uint8_t)(b >> 4));
	}
	buf_add(out, random, 32);
}

static void put_key_shares(struct buf *out, const unsigned char *random)
{
	size_t extension, list, share;

	wire_put_u16(out, EXT_KEY_SHARE);
	extension = begin_length(out, 2);
	list = begin_length(out, 2);
	wire_put_u16(out, HELLO_X25519MLKEM768);
	share = begin_length(out, 2);
	put_mlkem_key(out, random + 32);
	buf_add(out, random, 32);
	end_length(out, share, 2);
	wire_put_u16(out, 29);
	share = begin_length(out, 2);
	buf_add(out, random, 32);
	end_length(out, share, 2);
	end_length(out, list, 2);
	end_length(out, extension, 2);
}

static void put_extensions(struct buf *out, const struct hello_params *p)
{
	bool modern = p->version >= HELLO_TLS1_3;
	size_t all = begin_length(out, 2);

	if (p->sni)
		put_server_name(out, p->sni);
	put_extension_list(out, EXT_GROUPS, modern ? groups : groups + 1,
			   modern ? N(groups) : N(groups) - 1);
	wire_put_u16(out, EXT_POINT_FORMATS);
	wire_put_u16(out, 2);
	wire_put_u16(out, 0x0100);
	if (p->version >= HELLO_TLS1_2)
		put_extension_list(out, EXT_SIGNATURES, signatures, N(signatures));
	if (modern) {
		wire_put_u16(out, EXT_VERSIONS);
		wire_put_u16(out, 3);
		wire_put_u8(out, 2);
		wire_put_u16(out, HELLO_TLS1_3);
		put_key_shares(out, p->random + 64);
	}
	end_length(out, all, 2);
}

static void put_suites(struct buf *out, const struct hello_params *p)
{
	size_t list = begin_length(out, 2);

	if (p->version >= HELLO_TLS1_3) {
		put_list(out, tls13_suites, N(tls13_suites));
	} else {
		for (size_t i = 0; i < N(suites); i++)
			if (p->classes & suites[i].class)
				put_list(out, suites[i].suite, suites[i].n);
		wire_put_u16(out, 0x00ff); /* RFC 5746 section 3.3 */
	}
	end_length(out, list, 2);
}

static void build_ssl2(const struct hello_params *p, struct buf *out)
{
	/* RC4 and RC2 with 128 and 40 bits, DES, 3DES */
	static const unsigned char kinds[] = {1, 0, 0x80, 2, 0, 0x80, 3, 0, 0x80,
					      4, 0, 0x80, 6, 0, 0x40, 7, 0, 0xc0};

	wire_put_u16(out, 0x8000 | (9 + sizeof(kinds) + 16));
	wire_put_u8(out, SSL2_CLIENT_HELLO);
	wire_put_u16(out, HELLO_SSL2);
	wire_put_u16(out, sizeof(kinds));
	wire_put_u16(out, 0);
	wire_put_u16(out, 16);
	buf_add(out, kinds, sizeof(kinds));
	buf_add(out, p->random, 16);
}

void hello_build(const struct hello_params *p, struct buf *out)
{
	int version = p->version > HELLO_TLS1_2 ? HELLO_TLS1_2 : p->version;
	size_t record, message;

	if (p->version == HELLO_SSL2) {
		build_ssl2(p, out);
		return;
	}
	wire_put_u8(out, RECORD_HANDSHAKE);
	wire_put_u16(out, p->version == HELLO_SSL3 ? HELLO_SSL3 : HELLO_TLS1_0);
	record = begin_length(out, 2);
	wire_put_u8(out, CLIENT_HELLO);
	message = begin_length(out, 3);
	wire_put_u16(out, (uint16_t)version);
	buf_add(out, p->random, 32);
	if (p->version >= HELLO_TLS1_3) { /* RFC 8446 appendix D.4 */
		wire_put_u8(out, 32);
		buf_add(out, p->random + 32, 32);
	} else {
		wire_put_u8(out, 0);
	}
	put_suites(out, p);
	if (p->compression)
		buf_add(out, "\2\1\0", 3);
	else
		buf_add(out, "\1\0", 2);
	if (p->version >= HELLO_TLS1_0)
		put_extensions(out, p);
	end_length(out, message, 3);
	end_length(out, record, 2);
}

/* -- parse --------------------------------------------------------------------------------- */

static unsigned class_of(int suite)
{
	for (size_t i = 0; i < N(suites); i++)
		for (size_t k = 0; k < suites[i].n; k++)
			if (suites[i].suite[k] == suite)
				return suites[i].class;
	return 0;
}

static void parse_extensions(struct wire *w, struct hello_answer *a)
{
	while (wire_left(w) >= 4) {
		int type = wire_u16(w);
		size_t len = wire_u16(w);
		const unsigned char *body = wire_bytes(w, len);

		if (!body || len < 2)
			continue;
		if (type == EXT_VERSIONS)
			a->version = body[0] << 8 | body[1];
		else if (type == EXT_KEY_SHARE)
			a->group = body[0] << 8 | body[1];
	}
}

static enum hello_status parse_server_hello(const unsigned char *body, size_t len,
					    struct hello_answer *a)
{
	struct wire w;

	wire_init(&w, body, len);
	a->version = wire_u16(&w);
	wire_bytes(&w, 32);
	wire_bytes(&w, wire_u8(&w));
	a->suite = wire_u16(&w);
	a->compression = wire_u8(&w) != 0;
	if (w.failed)
		return HELLO_BROKEN;
	a->class = class_of(a->suite);
	if (wire_left(&w) >= 2) {
		wire_u16(&w);
		parse_extensions(&w, a);
	}
	return HELLO_ACCEPTED;
}

static enum hello_status parse_ssl2(struct wire w, struct hello_answer *a)
{
	wire_u16(&w);
	if (wire_left(&w) < 5)
		return HELLO_MORE;
	if (wire_u8(&w) != SSL2_SERVER_HELLO)
		return HELLO_BROKEN;
	wire_u16(&w);
	a->version = wire_u16(&w);
	return a->version == HELLO_SSL2 ? HELLO_ACCEPTED : HELLO_BROKEN;
}

/* An alert ends it, unless it is only a warning (RFC 5246 section 7.2). */
static bool parse_alert(const unsigned char *body, size_t len, struct hello_answer *a)
{
	if (len < 2 || (body[0] == 1 && body[1] != 0))
		return false;
	a->alert = body[1];
	return true;
}

enum hello_status hello_parse(const void *bytes, size_t len, struct hello_answer *answer)
{
	enum hello_status status = HELLO_MORE;
	struct buf messages;
	struct wire w;

	memset(answer, 0, sizeof(*answer));
	wire_init(&w, bytes, len);
	if (len > 0 && (*(const unsigned char *)bytes & 0x80))
		return parse_ssl2(w, answer);
	buf_init(&messages, HELLO_MAX_ANSWER);
	while (status == HELLO_MORE && wire_left(&w) >= 5) {
		int type = wire_u8(&w), version = wire_u16(&w);
		size_t size = wire_u16(&w);
		const unsigned char *body;

		if ((type != RECORD_ALERT && type != RECORD_HANDSHAKE) || version >> 8 != 3)
			status = HELLO_BROKEN;
		else if (!(body = wire_bytes(&w, size)))
			break;
		else if (type == RECORD_ALERT)
			status = parse_alert(body, size, answer) ? HELLO_REFUSED : HELLO_MORE;
		else
			buf_add(&messages, body, size);
		if (status == HELLO_MORE && messages.len >= 4) {
			const unsigned char *m = (const unsigned char *)messages.data;
			size_t want = (size_t)m[1] << 16 | (size_t)m[2] << 8 | m[3];

			if (m[0] != SERVER_HELLO)
				status = HELLO_BROKEN;
			else if (messages.len >= 4 + want)
				status = parse_server_hello(m + 4, want, answer);
		}
	}
	buf_clear(&messages);
	return status;
}
