/* SPDX-License-Identifier: ISC
 *
 * Between the two halves of the mail's rendering: the HTML part.
 */
#ifndef RENDER_MAIL_H
#define RENDER_MAIL_H

#include "buf.h"
#include "notice.h"

/* A whole document in ASCII (the rest as character references), lines ending in \n. */
void render_mail_html(const struct notice *n, struct buf *out);
void render_mail_digest_html(const struct notice *n, const struct notice *list, size_t count,
    struct buf *out);

#endif
