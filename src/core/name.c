/* SPDX-License-Identifier: ISC */
#include "name.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* -- the form of a name ------------------------------------------------------------------ */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The bytes of a label, in lower case; 0 for any other. */
static char label_byte(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' ? c : '\0';
}

/* A label at s, at most max bytes of it; its length, 0 if it is none.  An underscore may
 * lead where allowed (RFC 8552 §1.1). */
static size_t fold_label(char *out, const char *s, size_t max, bool underscore)
{
	size_t first = underscore && max > 0 && s[0] == '_' ? 1 : 0, n = first;

	out[0] = s[0];
	while (n < max && (out[n] = label_byte(s[n])) != '\0')
		n++;
	return n > first && out[first] != '-' && out[n - 1] != '-' ? n : 0;
}

static bool fold(char out[NAME_MAX_TEXT], const char *s, bool underscore)
{
	const size_t longest = 253;
	size_t at = 0;

	for (;;) {
		size_t left = at < longest ? longest - at : 0;
		size_t len = fold_label(out + at, s + at, left < 63 ? left : 63, underscore);
		at += len;
		if (len == 0 || (s[at] != '.' && s[at] != '\0'))
			return false;
		if (s[at] == '\0' || s[at + 1] == '\0')
			break;
		out[at++] = '.';
	}
	out[at] = '\0';
	return true;
}

bool name_fold(char out[NAME_MAX_TEXT], const char *s)
{
	return fold(out, s, true);
}

bool name_fold_host(char out[NAME_MAX_TEXT], const char *s)
{
	if (!fold(out, s, false))
		return false;
	const char *dot = strrchr(out, '.');
	const char *last = dot != NULL ? dot + 1 : out;
	while (is_digit(*last))
		last++;
	return *last != '\0';
}

bool name_is_host(const char *s)
{
	char name[NAME_MAX_TEXT];
	return name_fold_host(name, s);
}

/* -- relations --------------------------------------------------------------------------- */

static size_t length_without_dot(const char *s)
{
	size_t len = strlen(s);
	return len > 0 && s[len - 1] == '.' ? len - 1 : len;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool equal_bytes(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool name_equal(const char *a, const char *b)
{
	size_t len = length_without_dot(a);
	return len == length_without_dot(b) && equal_bytes(a, b, len);
}

bool name_is_below(const char *name, const char *parent)
{
	size_t len = length_without_dot(name), tail = length_without_dot(parent);

	if (tail == 0)
		return true;
	if (len < tail || !equal_bytes(name + len - tail, parent, tail))
		return false;
	return len == tail || name[len - tail - 1] == '.';
}

const char *name_parent(const char *name)
{
	const char *dot = strchr(name, '.');
	return dot != NULL && dot[1] != '\0' ? dot + 1 : NULL;
}

bool name_matches_certificate(const char *reference, const char *dns_name)
{
	if (!name_is_host(reference))
		return false;
	if (!text_starts(dns_name, "*."))
		return name_is_host(dns_name) && name_equal(reference, dns_name);
	const char *rest = dns_name + 2, *parent = name_parent(reference);
	return parent != NULL && name_is_host(rest) && name_parent(rest) != NULL &&
	       name_equal(parent, rest);
}

/* -- addresses --------------------------------------------------------------------------- */

struct address {
	size_t size; /* 4 or 16 */
	unsigned char bytes[16];
};

static bool parse_address(const char *s, struct address *a)
{
	if (inet_pton(AF_INET, s, a->bytes) == 1)
		a->size = 4;
	else if (inet_pton(AF_INET6, s, a->bytes) == 1)
		a->size = 16;
	else
		return false;
	return true;
}

bool name_is_address_literal(const char *s)
{
	char inner[INET6_ADDRSTRLEN + 8];
	struct address a;
	size_t len = strlen(s);

	if (s[0] != '[')
		return parse_address(s, &a);
	if (len < 3 || s[len - 1] != ']' || len - 2 >= sizeof(inner))
		return false;
	memcpy(inner, s + 1, len - 2);
	inner[len - 2] = '\0';
	text_lower(inner);
	return parse_address(text_starts(inner, "ipv6:") ? inner + 5 : inner, &a);
}

struct block { /* rows of the special-purpose registries (RFC 6890) */
	unsigned char prefix[16];
	unsigned bits;
	enum name_address_class class;
};

static const struct block ipv4_blocks[] = {
    {{0}, 8, NAME_ADDRESS_RESERVED},		 /* this network, RFC 1122 */
    {{10}, 8, NAME_ADDRESS_PRIVATE},		 /* RFC 1918 */
    {{100, 64}, 10, NAME_ADDRESS_PRIVATE},	 /* shared, RFC 6598 */
    {{127}, 8, NAME_ADDRESS_LOOPBACK},		 /* RFC 1122 */
    {{169, 254}, 16, NAME_ADDRESS_PRIVATE},	 /* link-local, RFC 3927 */
    {{172, 16}, 12, NAME_ADDRESS_PRIVATE},	 /* RFC 1918 */
    {{192, 0, 0}, 24, NAME_ADDRESS_RESERVED},	 /* RFC 6890 */
    {{192, 0, 2}, 24, NAME_ADDRESS_RESERVED},	 /* documentation, RFC 5737 */
    {{192, 88, 99}, 24, NAME_ADDRESS_RESERVED},	 /* 6to4 relays, RFC 7526 */
    {{192, 168}, 16, NAME_ADDRESS_PRIVATE},	 /* RFC 1918 */
    {{198, 18}, 15, NAME_ADDRESS_RESERVED},	 /* benchmarks, RFC 2544 */
    {{198, 51, 100}, 24, NAME_ADDRESS_RESERVED}, /* documentation, RFC 5737 */
    {{203, 0, 113}, 24, NAME_ADDRESS_RESERVED},	 /* documentation, RFC 5737 */
    {{224}, 3, NAME_ADDRESS_RESERVED},		 /* multicast, class E, broadcast */
    {{0}, 0, NAME_ADDRESS_PUBLIC},
};

static const struct block ipv6_blocks[] = {
    {{[15] = 1}, 128, NAME_ADDRESS_LOOPBACK},
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48, NAME_ADDRESS_PRIVATE}, /* local NAT64, RFC 8215 */
    {{0xfc}, 7, NAME_ADDRESS_PRIVATE},			     /* RFC 4193 */
    {{0xfe, 0x80}, 10, NAME_ADDRESS_PRIVATE},		     /* link-local, RFC 4291 */
    {{0xfe, 0xc0}, 10, NAME_ADDRESS_PRIVATE},		     /* site-local, RFC 3879 */
    {{0x20, 0x01}, 23, NAME_ADDRESS_RESERVED},		     /* protocols, Teredo, RFC 2928 */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, NAME_ADDRESS_RESERVED},   /* documentation, RFC 3849 */
    {{0x3f, 0xff}, 20, NAME_ADDRESS_RESERVED},		     /* documentation, RFC 9637 */
    {{0x20}, 3, NAME_ADDRESS_PUBLIC},			     /* global unicast, RFC 4291 */
    {{0}, 0, NAME_ADDRESS_RESERVED},
};

static bool has_prefix(const unsigned char *bytes, const unsigned char *prefix, unsigned bits)
{
	if (memcmp(bytes, prefix, bits / 8) != 0)
		return false;
	unsigned char mask = (unsigned char)(0xff00u >> bits % 8);
	return bits % 8 == 0 || ((bytes[bits / 8] ^ prefix[bits / 8]) & mask) == 0;
}

/* Where an IPv4 address is inside an IPv6 one, NULL if none is. */
static const unsigned char *embedded_ipv4(const unsigned char *bytes)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff}; /* RFC 4291 2.5.5.2 */
	static const unsigned char nat64[12] = {0, 0x64, 0xff, 0x9b};	    /* RFC 6052 2.1 */

	if (memcmp(bytes, mapped, 12) == 0 || memcmp(bytes, nat64, 12) == 0)
		return bytes + 12;
	if (bytes[0] == 0x20 && bytes[1] == 0x02) /* 6to4, RFC 3056 */
		return bytes + 2;
	return NULL;
}

enum name_address_class name_address_class(const char *address)
{
	struct address a;

	if (!parse_address(address, &a))
		return NAME_ADDRESS_INVALID;
	const unsigned char *bytes = a.bytes;
	const struct block *b = ipv6_blocks;
	const unsigned char *ipv4 = a.size == 4 ? bytes : embedded_ipv4(bytes);
	if (ipv4 != NULL) {
		bytes = ipv4;
		b = ipv4_blocks;
	}
	while (!has_prefix(bytes, b->prefix, b->bits))
		b++;
	return b->class;
}

bool name_reverse(char out[NAME_MAX_TEXT], const char *address)
{
	struct address a;
	size_t n = 0;

	if (!parse_address(address, &a))
		return false;
	const unsigned char *b = a.bytes;
	if (a.size == 4) {
		snprintf(out, NAME_MAX_TEXT, "%d.%d.%d.%d.in-addr.arpa", b[3], b[2], b[1], b[0]);
		return true;
	}
	for (size_t i = a.size; i-- > 0;)
		n += (size_t)snprintf(out + n, NAME_MAX_TEXT - n, "%x.%x.", b[i] & 15u,
				      (unsigned)b[i] >> 4);
	snprintf(out + n, NAME_MAX_TEXT - n, "ip6.arpa");
	return true;
}
