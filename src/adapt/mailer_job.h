/* SPDX-License-Identifier: ISC
 *
 * One mail to one relay as a document: what the notifier hands to a courier.  The answer is a
 * message_sent.
 */
#ifndef MAILER_JOB_H
#define MAILER_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shape.h"

#define MAILER_JOB_MAX ((size_t)4 * 1024 * 1024) /* bytes of the document */

struct mailer_job {
	const char *host; /* name or address; certificates are checked against it */
	int64_t port;
	bool implicit_tls; /* smtps:// */
	int tls;	   /* enum conf_relay_tls */
	const char *username, *password;
	const char *ca_file; /* NULL: the system's */
	const char *from;    /* envelope sender */
	const char *const *to;
	size_t n_to;
	const char *message; /* RFC 5322, CRLF */
};

extern const struct shape mailer_job_shape;

/* Host and port of "smtp://HOST[:PORT]" or "smtps://HOST[:PORT]" ("[2001:db8::1]" for an IPv6
 * address); false if url is not one. */
bool mailer_job_relay(struct mailer_job *job, const char *url, struct arena *arena);

#endif
