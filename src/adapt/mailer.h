/* SPDX-License-Identifier: ISC
 *
 * Delivery of one mail, blocking, in a process of its own that somebody kills at a deadline.
 *
 * smtp:// relays on IPv4 are served through libesmtp.  Its traps are closed here: TLS 1.3 is
 * kept away from it (it deadlocks), the certificate is verified by OpenSSL in the handshake and
 * against the relay's configured name, plaintext behind the reply to STARTTLS ends the session
 * (the library would take it for replies inside TLS), replies without end too, and a mail
 * counts as delivered only when the message and every recipient got a 2xx after the whole text
 * was sent.  What it cannot do goes through libcurl: smtps://, IPv6, relays that want TLS 1.3.
 */
#ifndef MAILER_H
#define MAILER_H

#include "mailer_job.h"
#include "message.h"

/* Told once; ends the process, because it may be called from inside a library whose state
 * cannot be trusted any more. */
typedef void mailer_done(const struct message_sent *sent);

/* Deliver and tell. */
void mailer_send(const struct mailer_job *job, mailer_done *done) __attribute__((noreturn));

/* -- between the two ways (mailer.c, mailer_curl.c) -- */

/* Through libcurl, to this address of the relay. */
void mailer_curl_send(const struct mailer_job *job, const char *address, mailer_done *done)
    __attribute__((noreturn));
/* Tell an outcome with what the far side said; text is escaped and bounded here. */
void mailer_tell(mailer_done *done, int outcome, int64_t code, const char *text)
    __attribute__((noreturn));
/* A password never crosses a network in the clear unless tls is off; a relay on this machine may
 * go without. */
bool mailer_tls_required(const struct mailer_job *job, const char *address);

#endif
