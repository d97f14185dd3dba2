/* SPDX-License-Identifier: ISC */
#include "remark.h"

#include <stdarg.h>
#include <string.h>

#include "buf.h"
#include "text.h"

const char *const remark_level_words[] = {"note", "warning", "error", NULL};

void remarks_init(struct remarks *r, struct arena *arena)
{
	*r = (struct remarks){.arena = arena};
}

static void grow(struct remarks *r)
{
	size_t size = r->size == 0 ? 8 : r->size * 2;
	struct remark *item = arena_array(r->arena, size, sizeof(*item));

	if (r->n > 0)
		memcpy(item, r->item, r->n * sizeof(*item));
	r->item = item;
	r->size = size;
}

void remarks_add(struct remarks *r, enum remark_level level, size_t line, size_t column,
		 const char *reference, const char *fmt, ...)
{
	va_list ap;

	if (r->n >= REMARKS_MAX &&
	    (level != REMARK_ERROR || remarks_first(r, REMARK_ERROR) != NULL))
		return;
	if (r->n == r->size)
		grow(r);
	va_start(ap, fmt);
	r->item[r->n++] = (struct remark){
	    .level = level,
	    .line = line,
	    .column = column,
	    .rule = arena_vprintf(r->arena, fmt, ap),
	    .reference = reference,
	};
	va_end(ap);
}

const char *remarks_quote(struct remarks *r, const char *bytes, size_t len)
{
	struct buf b;

	buf_init(&b, 512);
	buf_addch(&b, '"');
	text_escape(&b, bytes, len, 64);
	buf_addch(&b, '"');
	const char *quoted = arena_strndup(r->arena, buf_str(&b), b.len);
	buf_clear(&b);
	return quoted;
}

static bool stands_behind(const struct remark *a, const struct remark *b)
{
	return a->line != b->line ? a->line > b->line : a->column > b->column;
}

void remarks_sort(struct remarks *r)
{
	for (size_t i = 1; i < r->n; i++) {
		struct remark row = r->item[i];
		size_t k = i;
		for (; k > 0 && stands_behind(&r->item[k - 1], &row); k--)
			r->item[k] = r->item[k - 1];
		r->item[k] = row;
	}
}

const struct remark *remarks_first(const struct remarks *r, enum remark_level level)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->item[i].level >= level)
			return &r->item[i];
	return NULL;
}
