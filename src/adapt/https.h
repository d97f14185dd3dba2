/* SPDX-License-Identifier: ISC
 *
 * One document over HTTPS, by libcurl's multi interface on the event loop: from addresses the
 * caller looked up (never another resolver, never a proxy), with full verification of chain
 * and name against our trust store, no redirects, HTTP/1.1.  The chain is told also when it
 * did not pass.
 *
 * Limits: one deadline for all of it, connect_ms for each address, max_body bytes of body
 * counted as they come, curl's 300 kB of header.
 */
#ifndef HTTPS_H
#define HTTPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "observation.h"

struct event_base;
struct https;
struct https_fetch;
struct trust;

struct https_request {	  /* strings are copied */
	const char *host; /* of the URL: SNI, Host and the name the certificate must carry */
	const char *path; /* "/.well-known/mta-sts.txt", query included */
	const char *const *addresses; /* tried in this order until one accepts the connection */
	size_t n_addresses;
	int64_t port;			       /* connected to; the URL itself says 443 */
	const char *source_ipv4, *source_ipv6; /* our own, NULL = the kernel chooses */
	int64_t connect_ms, deadline_ms;
	size_t max_body;
};

struct https_result { /* borrowed during the callback; what it points to is the arena's */
	struct obs_failure failure; /* stage connect, tls or http; NONE when a whole reply came */
	const char *address;	    /* the one that was talked to last */
	int64_t status;		    /* 0 if none arrived */
	const char *content_type;   /* escaped, NULL if the header was missing */
	const char *location;	    /* where a 3xx points, absolute and escaped */
	const char *body;	    /* text_latin1; NULL without a whole reply */
	const char *body_sha256;    /* of the bytes as they came, lower-case hex */
	bool too_large;
	int64_t took_ms;
	struct obs_tls *tls; /* the chain at least, as soon as there was one; else NULL */
};

typedef void https_cb(const struct https_result *result, void *arg);

/* The trust store is borrowed for life. */
struct https *https_new(struct event_base *base, struct trust *trust);
/* After every fetch has ended or was cancelled. */
void https_free(struct https *h);

/* Begin.  cb exactly once, never inside this call; the fetch is released behind it. */
struct https_fetch *https_fetch_start(struct https *h, const struct https_request *request,
				      struct arena *arena, https_cb *cb, void *arg);
/* Give up without a callback.  NULL is fine. */
void https_fetch_cancel(struct https_fetch *f);

/* Split "https://host[:443]/path": false when it is another scheme or port, carries user
 * information or a literal address, or is malformed. */
bool https_url_split(const char *url, struct arena *arena, const char **host, const char **path);

#endif
