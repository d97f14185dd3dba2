/* SPDX-License-Identifier: ISC
 *
 * POST and GET on the event loop, through libcurl's multi interface: one request, one outcome.
 *
 * The outcome follows the contract: 2xx is delivered; network faults, 408, 425, 429 and 5xx
 * are to be tried again (Retry-After, in seconds or as a date, clamped to 1 s..1 h); any other
 * status is final, a redirect too, for none is followed.  Once a status has arrived it decides,
 * however the rest of the answer ends.  Limits: 20 s in all, HOOK_MAX_ANSWER bytes of answer.
 */
#ifndef HOOK_H
#define HOOK_H

#include <stddef.h>
#include <stdint.h>

#include "message.h"

#define HOOK_MAX_ANSWER ((size_t)64 * 1024)

struct event_base;
struct hook;

struct hook_request {		    /* borrowed during hook_post only */
	const char *url;	    /* http or https */
	const char *ca_file;	    /* NULL: the system's */
	const char *const *headers; /* whole lines */
	size_t n_headers;
	const char *body; /* NULL: GET */
	size_t len;
};

/* sent lives until the return. */
typedef void hook_done(const struct message_sent *sent, void *arg);

struct hook *hook_new(struct event_base *base);
/* Ends what is in flight without telling. */
void hook_free(struct hook *h);
/* done is called later, exactly once, from the loop. */
void hook_post(struct hook *h, const struct hook_request *r, hook_done *done, void *arg);

#endif
