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

/* -- mail (RFC 5322, MIME): a whole message with CRLF line ends, header and body -- */

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

/* -- HTTP: what is posted to everything else -- */

struct render_place { /* where it goes, with the secrets that belong into the request */
	const char *url;	 /* the configured one; NULL: the service's own */
	const char *token;	 /* ntfy, gotify */
	const char *routing_key; /* pagerduty */
	int64_t now;
};

struct render_request {
	const char *url;
	const char *headers[4]; /* whole lines, Content-Type among them */
	size_t n_headers;
	const char *body;
	size_t len;
};

/* Fill *request from n, everything from arena.  list: the notices of a digest, NULL if it is
 * none.  r is a webhook, pagerduty or alertmanager receiver. */
void render_request(const struct notice *n, const struct notice *list, size_t count,
    const struct conf_receiver *r, const struct render_place *place, struct arena *arena,
    struct render_request *request);

#endif
