/* SPDX-License-Identifier: ISC */
#include "reply.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "mem.h"

struct reply_reader {
	struct buf line; /* the line at hand, without its LF */
	struct buf text; /* texts of the lines of this reply, a NUL behind each */
	struct reply_line *lines;
	size_t size;	/* of lines */
	size_t n_bytes; /* of this reply */
	enum reply_status status;
	struct reply reply;
};

struct reply_reader *reply_reader_new(void)
{
	struct reply_reader *r = mem_alloc(sizeof(*r));

	buf_init(&r->line, REPLY_MAX_LINE + 1); /* a CR may stand behind */
	buf_init(&r->text, REPLY_MAX_BYTES);
	return r;
}

void reply_reader_free(struct reply_reader *r)
{
	if (r == NULL)
		return;
	buf_clear(&r->line);
	buf_clear(&r->text);
	free(r->lines);
	free(r);
}

void reply_reader_reset(struct reply_reader *r)
{
	buf_reset(&r->line);
	buf_reset(&r->text);
	r->n_bytes = 0;
	r->status = REPLY_MORE;
	r->reply = (struct reply){0};
}

const struct reply *reply_get(const struct reply_reader *r)
{
	return &r->reply;
}

/* -- one line ---------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* class "." subject "." detail and a blank, the class being the code's (RFC 2034 §4). */
static void read_enhanced(struct reply *reply, const char *s, size_t len)
{
	size_t n = 0, digits = 0, dots = 0;

	if (len < 5 || s[0] != '0' + reply->code / 100 || s[1] != '.')
		return;
	for (; n < len && n < sizeof(reply->enhanced) - 1; n++) {
		if (s[n] == '.' && digits > 0) {
			dots++;
			digits = 0;
		} else if (is_digit(s[n]) && digits < 3) {
			digits++;
		} else {
			break;
		}
	}
	if (dots == 2 && digits > 0 && (n == len || s[n] == ' '))
		memcpy(reply->enhanced, s, n);
}

static void keep_line(struct reply_reader *r, const char *s, size_t len)
{
	if (r->reply.n_lines == r->size) {
		r->size = r->size == 0 ? 4 : r->size * 2;
		r->lines = mem_resize(r->lines, r->size, sizeof(*r->lines));
	}
	size_t before = r->text.len;
	buf_add(&r->text, s, len);
	r->lines[r->reply.n_lines++].len = r->text.len - before;
	buf_addch(&r->text, '\0');
}

/* The offending line is kept whole, as evidence. */
static enum reply_status broken(struct reply_reader *r, const char *why)
{
	keep_line(r, r->line.data != NULL ? r->line.data : "", r->line.len);
	r->reply.why = why;
	return REPLY_BROKEN;
}

/* Reply-line = code [ ("-" / SP) textstring ] (RFC 5321 §4.2). */
static enum reply_status take_line(struct reply_reader *r)
{
	const char *s = buf_str(&r->line);
	size_t len = r->line.len;

	if (len > 0 && s[len - 1] == '\r')
		len--;
	else
		r->reply.bare_lf = true;
	if (len > REPLY_MAX_LINE)
		return broken(r, "a line is too long");
	if (len < 3 || s[0] < '2' || s[0] > '5' || !is_digit(s[1]) || !is_digit(s[2]) ||
	    (len > 3 && s[3] != ' ' && s[3] != '-'))
		return broken(r, "a line does not begin with a reply code");
	int code = (s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0');
	if (r->reply.n_lines > 0 && code != r->reply.code)
		return broken(r, "the code changes from line to line");
	if (r->reply.n_lines == REPLY_MAX_LINES)
		return broken(r, "too many lines");
	r->reply.code = code;
	size_t skip = len > 3 ? 4 : 3;
	if (r->reply.n_lines == 0)
		read_enhanced(&r->reply, s + skip, len - skip);
	keep_line(r, s + skip, len - skip);
	return len > 3 && s[3] == '-' ? REPLY_MORE : REPLY_WHOLE;
}

/* -- the stream -------------------------------------------------------------------------- */

/* The texts have stopped moving: give each line its own. */
static void finish(struct reply_reader *r)
{
	const char *text = buf_str(&r->text);

	for (size_t i = 0; i < r->reply.n_lines; i++) {
		r->lines[i].text = text;
		text += r->lines[i].len + 1;
	}
	r->reply.line = r->lines;
}

enum reply_status reply_read(struct reply_reader *r, const void *bytes, size_t len, size_t *used)
{
	const char *s = bytes;

	if (r->status == REPLY_WHOLE)
		reply_reader_reset(r);
	for (*used = 0; *used < len && r->status == REPLY_MORE;) {
		const char *lf = memchr(s + *used, '\n', len - *used);
		size_t n = lf != NULL ? (size_t)(lf - s) - *used : len - *used;
		bool fits = buf_add(&r->line, s + *used, n);

		n += lf != NULL;
		*used += n;
		r->n_bytes += n;
		if (!fits)
			r->status = broken(r, "a line is too long");
		else if (r->n_bytes > REPLY_MAX_BYTES)
			r->status = broken(r, "the reply is too long");
		else if (lf != NULL) {
			r->status = take_line(r);
			if (r->status != REPLY_BROKEN)
				buf_reset(&r->line);
		}
	}
	if (r->status != REPLY_MORE && r->reply.line == NULL)
		finish(r);
	return r->status;
}
