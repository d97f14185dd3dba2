/* SPDX-License-Identifier: ISC
 *
 * SMTP replies out of a stream of bytes (RFC 5321 §4.2): feed what arrived, get whole
 * replies.  A reply is one or more lines of the same three-digit code, a hyphen behind the
 * code on all but the last.  A reply that breaks the grammar or a bound ends the conversation:
 * nothing is guessed.  A line end of a bare LF is taken and noted.
 *
 * Bounds: REPLY_MAX_LINE bytes a line (RFC 5321 §4.5.3.1.5 asks for 512),
 * REPLY_MAX_LINES lines and REPLY_MAX_BYTES bytes a reply.
 */
#ifndef REPLY_H
#define REPLY_H

#include <stdbool.h>
#include <stddef.h>

#define REPLY_MAX_LINE 2048
#define REPLY_MAX_LINES 100
#define REPLY_MAX_BYTES (32 * 1024)

enum reply_status {
	REPLY_MORE,   /* the reply is not whole yet: feed more */
	REPLY_WHOLE,  /* reply_get has it; bytes behind it were not taken */
	REPLY_BROKEN, /* against the grammar or too long: reply.why says it; stays so until reset */
};

struct reply_line { /* raw bytes behind the code and its separator, without the line end */
	const char *text; /* NUL-terminated, but may hold NULs: text_escape before showing it */
	size_t len;
};

struct reply {
	int code;            /* 200..599; of a broken reply: of its first line, 0 if there was none */
	char enhanced[12];   /* "5.7.1" (RFC 3463, RFC 2034) from the first line, "" if there is none */
	const struct reply_line *line;
	size_t n_lines;
	bool bare_lf;        /* some line ended in LF without CR */
	const char *why;     /* of a broken reply, one phrase; else NULL */
};

struct reply_reader;

struct reply_reader *reply_reader_new(void);
void reply_reader_free(struct reply_reader *r); /* NULL is fine */
/* Forget everything, half a reply too (after STARTTLS, RFC 3207 §4.2). */
void reply_reader_reset(struct reply_reader *r);

/* Take bytes up to the end of one reply; *used says how many.  The first call after a whole
 * reply begins the next one.  Call again with what is left until it wants more. */
enum reply_status reply_read(struct reply_reader *r, const void *bytes, size_t len, size_t *used);
/* The reply so far; borrowed until the next reply_read, reset or free. */
const struct reply *reply_get(const struct reply_reader *r);

#endif
