/* SPDX-License-Identifier: ISC
 *
 * gzip out of zlib (RFC 1952), with a ceiling on what comes out.
 */
#ifndef GZIP_H
#define GZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"

/* Whether bytes begin like gzip. */
bool gzip_is(const void *bytes, size_t len);
/* Append the contents of one gzip member to out, whose ceiling is the limit.  -1 with err when
 * it is damaged, cut short, larger than that, or followed by other bytes. */
int gzip_inflate(const void *bytes, size_t len, struct buf *out, struct error *err);

#endif
