/* SPDX-License-Identifier: ISC
 *
 * From the canonical event to what a receiver wants to read: one function per format, pure.
 * Whatever came from the wire is cleaned and escaped for the place it lands in.
 */
#ifndef RENDER_H
#define RENDER_H

#include "buf.h"
#include "conf.h"
#include "notice.h"

/* -- mail (RFC 5322, MIME): a whole message with CRLF line ends, header and body ------------- */

struct render_letter {
	const char *from; /* the mailbox; also names the domain of Message-ID and List-Id */
	const char *const *to;
	size_t n_to;
	int64_t now; /* Date, where the notice does not say when it was made */
};

/* multipart/alternative: text first and complete, then HTML without anything to load. */
void render_mail(const struct notice *n, const struct render_letter *letter, struct buf *out);
/* The notices of list in one mail; n is the digest's own event (its id and time count). */
void render_mail_digest(const struct notice *n, const struct notice *list, size_t count,
			const struct render_letter *letter, struct buf *out);

#endif
