/* SPDX-License-Identifier: ISC */
#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mem.h"

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_clear(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->truncated = false;
	if (b->data != NULL)
		b->data[0] = '\0';
}

/* Make room for len bytes more and their NUL; len is within the ceiling. */
static void reserve(struct buf *b, size_t len)
{
	size_t need = b->len + len + 1;
	if (need <= b->size)
		return;
	size_t size = b->size > 0 ? b->size : 64;
	while (size < need)
		size *= 2;
	if (size - 1 > b->max)
		size = b->max + 1;
	b->data = mem_resize(b->data, size, 1);
	b->size = size;
}

bool buf_add(struct buf *b, const void *bytes, size_t len)
{
	bool whole = len <= b->max - b->len;
	if (!whole) {
		len = b->max - b->len;
		b->truncated = true;
	}
	reserve(b, len);
	if (len > 0)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
	return whole;
}

bool buf_addstr(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

bool buf_addch(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	bool whole = buf_vprintf(b, fmt, ap);
	va_end(ap);
	return whole;
}

bool buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int want = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (want < 0)
		log_fatal("buf", "cannot format \"%s\"", fmt);

	size_t len = (size_t)want;
	bool whole = len <= b->max - b->len;
	if (!whole) {
		len = b->max - b->len;
		b->truncated = true;
	}
	reserve(b, len);
	vsnprintf(b->data + b->len, len + 1, fmt, ap);
	b->len += len;
	return whole;
}

void buf_drain(struct buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		if (b->data != NULL)
			b->data[0] = '\0';
		return;
	}
	b->len -= n;
	memmove(b->data, b->data + n, b->len + 1);
}

const char *buf_str(const struct buf *b)
{
	return b->data != NULL ? b->data : "";
}

char *buf_detach(struct buf *b)
{
	char *s = b->data != NULL ? b->data : mem_strdup("");
	buf_init(b, b->max);
	return s;
}
