/* SPDX-License-Identifier: ISC
 *
 * Internationalised names through libidn2: U-labels in, A-labels out (IDNA 2008,
 * non-transitional), and back for display.
 */
#ifndef IDN_H
#define IDN_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "name.h"

/* Fold a domain as a person wrote it (UTF-8, any case, final dot) into A-labels, lower case.
 * -1 with err saying what is wrong with it. */
int idn_fold(char out[NAME_MAX_TEXT], const char *name, struct error *err);
/* The U-label form of an A-label name; false when it is the same or cannot be shown. */
bool idn_unicode(struct buf *out, const char *name);

#endif
