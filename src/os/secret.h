/* SPDX-License-Identifier: ISC
 *
 * Secrets from files, read when they are used, so that a changed file needs no reload.
 */
#ifndef SECRET_H
#define SECRET_H

#include "buf.h"
#include "err.h"

#define SECRET_MAX_BYTES 65536

/* Read place into out (initialised by the caller with room for SECRET_MAX_BYTES) without one
 * trailing newline.  place: a path, or "credential:NAME" for a systemd credential.  -1 when it
 * cannot be read, is empty or too long; err names the place, never the content. */
int secret_read(const char *place, struct buf *out, struct error *err);

#endif
