/* SPDX-License-Identifier: ISC
 *
 * The form that MTA-STS and TLS-RPT records share: a version, then fields "name=value" with
 * ";" between them, blanks around it (RFC 8461 §3.1, RFC 8460 §3):
 *
 *	record = version 1*(delim field) [delim]        delim = *WSP ";" *WSP
 *	field  = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".") "=" value
 *
 * Here the fields are taken apart and the names checked; what a value may be is the caller's.
 */
#ifndef TXT_FIELDS_H
#define TXT_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "remark.h"

enum txt_fields_result { TXT_FIELDS_FOREIGN, TXT_FIELDS_OK, TXT_FIELDS_MALFORMED };

struct txt_field {
	const char *name;    /* "" of a malformed field */
	const char *value;   /* bytes as published, NUL-terminated */
	size_t value_len;
	size_t column, value_column; /* from 1 */
};

struct txt_fields {
	struct txt_field *item;
	size_t n;
	size_t end_column; /* behind the last byte */
};

/* Take txt (text_latin1) apart.  FOREIGN: it does not begin with version and ";" and senders
 * discard it.  MALFORMED: some field is; the others are still there.  Remarks cite reference. */
enum txt_fields_result txt_fields_split(const char *txt, const char *version,
    const char *reference, struct arena *arena, struct txt_fields *fields, struct remarks *remarks);

/* Whether the value of a field nobody here knows is well-formed: 1*(%x21-3A / %x3C / %x3E-7E).
 * If it is not, a remark says so. */
bool txt_fields_check_extension(const struct txt_field *f, const char *reference,
    struct remarks *remarks);

#endif
