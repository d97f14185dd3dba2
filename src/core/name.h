/* SPDX-License-Identifier: ISC
 *
 * Domain names as text: A-labels, lower case, without the final dot.
 */
#ifndef NAME_H
#define NAME_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_MAX_TEXT 256 /* room for any name and its NUL */

/* Fold s into out: lower-case, final dot dropped.  False when it is not a host name or a name
 * of host names below underscore labels ("_25._tcp.mx.example"): labels of 1..63 letters,
 * digits, hyphens (not at an end) and underscores (only as the first byte of a label), 253
 * bytes in all (RFC 1035 §2.3.4, RFC 5890 §2.3.1). */
bool name_fold(char out[NAME_MAX_TEXT], const char *s);
/* The same without underscores: a host name. */
bool name_fold_host(char out[NAME_MAX_TEXT], const char *s);
bool name_is_host(const char *s);
/* Equal but for case and final dots. */
bool name_equal(const char *a, const char *b);
/* Whether name is parent or lies below it. */
bool name_is_below(const char *name, const char *parent);
/* An IPv4 or IPv6 address, bare or in brackets. */
bool name_is_address_literal(const char *s);
/* The name without its first label, NULL at the top. */
const char *name_parent(const char *name);
/* Reference identifier against a certificate's dNSName (RFC 9525 §6.3): a wildcard is a
 * whole left-most label and stands for exactly one label, of a name with at least two more. */
bool name_matches_certificate(const char *reference, const char *dns_name);

enum name_address_class { NAME_ADDRESS_PUBLIC, NAME_ADDRESS_PRIVATE, NAME_ADDRESS_LOOPBACK,
	NAME_ADDRESS_RESERVED, NAME_ADDRESS_INVALID };
/* Class of an address in text form; IPv4-mapped, NAT64 and 6to4 forms are unwrapped
 * (RFC 6890, RFC 1918, RFC 4193, RFC 6598). */
enum name_address_class name_address_class(const char *address);

/* "2.0.192.in-addr.arpa" style name of an address; false if it is none. */
bool name_reverse(char out[NAME_MAX_TEXT], const char *address);

#endif
