/* SPDX-License-Identifier: ISC
 *
 * A TLS report (RFC 8460 §4.4), as JSON text already out of its gzip.  Real reporters differ
 * from the RFC in small ways; what can still be understood is taken with a warning.
 */
#ifndef TLS_RPT_REPORT_H
#define TLS_RPT_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "remark.h"

#define TLS_RPT_REPORT_MAX (8 * 1024 * 1024) /* bytes of JSON a caller should accept */
#define TLS_RPT_REPORT_DEPTH 16

struct tls_rpt_failure {
	const char *result_type;
	const char *sending_mta_ip, *receiving_mx_hostname, *receiving_ip, *reason; /* or NULL */
	int64_t sessions;
};

struct tls_rpt_policy {
	const char *type;   /* "tlsa", "sts", "no-policy-found" */
	const char *domain; /* NULL if it was missing */
	const char *const *mx_host;
	size_t n_mx_host;
	int64_t successful, failed; /* sessions */
	struct tls_rpt_failure *failure;
	size_t n_failures;
};

struct tls_rpt_report {
	const char *organization, *contact, *id; /* NULL if missing */
	int64_t start, end;                      /* 0 if missing */
	struct tls_rpt_policy *policy;
	size_t n_policies;
};

/* 0 when the report can be used (remarks may hold warnings), -1 when it cannot.  Strings are
 * UTF-8 as sent: text_escape before showing them. */
int tls_rpt_report_parse(const char *json, size_t len, struct arena *arena,
    struct tls_rpt_report *report, struct remarks *remarks);

#endif
