/* SPDX-License-Identifier: ISC
 *
 * A growing run of bytes with a ceiling named at birth.  What would pass the ceiling is
 * left out and remembered in `truncated`; nothing here can grow without bound on input.
 */
#ifndef BUF_H
#define BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;     /* owned; NUL behind the last byte once anything was added */
	size_t len;     /* bytes held, without that NUL */
	size_t size;    /* bytes allocated */
	size_t max;     /* ceiling of len */
	bool truncated; /* something did not fit */
};

/* Begin an empty buffer that never holds more than max bytes. */
void buf_init(struct buf *b, size_t max);
/* Release the bytes; the buffer is empty and usable again. */
void buf_clear(struct buf *b);
/* Forget the bytes, keep the memory. */
void buf_reset(struct buf *b);

/* Append.  False (and truncated set) when the ceiling cut something; what fits is kept. */
bool buf_add(struct buf *b, const void *bytes, size_t len);
bool buf_addstr(struct buf *b, const char *s);
bool buf_addch(struct buf *b, char c);
bool buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Drop n bytes from the front. */
void buf_drain(struct buf *b, size_t n);
/* The bytes as a C string, never NULL; borrowed until the next change. */
const char *buf_str(const struct buf *b);
/* Hand the bytes over as a malloc'd C string; the buffer is empty afterwards. */
char *buf_detach(struct buf *b);

#endif
