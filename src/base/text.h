/* SPDX-License-Identifier: ISC
 *
 * Strings from strangers: bounded copies, escapes for each place they can end up in, and
 * the small comparisons the rest of the house needs.  ASCII only, never the locale.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Copy with truncation, always terminated; returns strlen(src). */
size_t text_copy(char *dst, size_t size, const char *src);

/* Make bytes fit to be shown: printable ASCII and valid UTF-8 stay, backslash doubles,
 * everything else (C0, C1, DEL, bidi controls, broken UTF-8) becomes \xNN.  At most
 * max_chars characters of output, "..." in the place of what was cut. */
void text_escape(struct buf *out, const char *bytes, size_t len, size_t max_chars);
/* Keep bytes as facts: valid in JSON and without loss for a parser that treats non-ASCII as
 * foreign.  0x01..0x7F stay, 0x80..0xFF become U+0080..U+00FF in UTF-8, NUL becomes U+FFFD. */
void text_latin1(struct buf *out, const char *bytes, size_t len);
/* The bytes that text_latin1 was given; what it cannot have written stays as it is. */
void text_unlatin1(struct buf *out, const char *s, size_t len);
/* & < > " ' as entities, after text_escape has seen it or not. */
void text_html(struct buf *out, const char *s);
/* Lower-case hex. */
void text_hex(struct buf *out, const void *bytes, size_t len);
/* The reverse; returns the number of bytes written or -1 (odd, foreign digit, too long). */
long text_unhex(unsigned char *out, size_t size, const char *hex);

bool text_is_utf8(const char *s, size_t len);
/* Bytes of the character at s, which is well-formed UTF-8 and not its end. */
size_t text_utf8_length(const char *s);
/* Characters of s, which is well-formed UTF-8. */
size_t text_characters(const char *s);
bool text_is_printable_ascii(const char *s);
bool text_equal_nocase(const char *a, const char *b);
bool text_starts(const char *s, const char *prefix);
void text_lower(char *s);
/* '*' any run, '?' one character, case-insensitive; linear-time backtracking. */
bool text_glob(const char *pattern, const char *s);

/* The candidate (NULL-terminated list) nearest to word in edits, NULL if none is near. */
const char *text_nearest(const char *word, const char *const *candidates);

#endif
