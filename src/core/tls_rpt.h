/* SPDX-License-Identifier: ISC
 *
 * The TLS-RPT record at _smtp._tls.<domain> (RFC 8460 §3).  Input is text_latin1.
 */
#ifndef TLS_RPT_H
#define TLS_RPT_H

#include <stddef.h>

#include "arena.h"
#include "remark.h"

enum tls_rpt_result {
	TLS_RPT_FOREIGN, /* does not begin "v=TLSRPTv1;": to be discarded */
	TLS_RPT_OK,
	TLS_RPT_MALFORMED,
};

struct tls_rpt_record {
	const char *const *rua; /* URIs, mailto: or https:, in order */
	size_t n_rua;
};

enum tls_rpt_result tls_rpt_record_parse(const char *txt, struct arena *arena,
    struct tls_rpt_record *record, struct remarks *remarks);

/* The mail domain of a mailto URI or the host of an https one, lower case, from arena; NULL if
 * there is none. */
const char *tls_rpt_rua_target(const char *uri, struct arena *arena);

#endif
