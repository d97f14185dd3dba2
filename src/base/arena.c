/* SPDX-License-Identifier: ISC
 *
 * A list of blocks, the newest first.  Blocks grow with the whole up to BLOCK_MAX, so a small
 * arena costs little, a large one few calls, and no more than a quarter lies idle.  A thing larger
 * than a quarter of the next block gets a block of its own behind the newest, whose free space
 * stays in use.
 */
#include "arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mem.h"

#define BLOCK_MIN 256
#define BLOCK_MAX 65536

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(max_align_t) char data[];
};

struct arena {
	struct block *newest;
	size_t next_size;
	size_t total;
};

struct arena *arena_new(void)
{
	struct arena *a = mem_alloc(sizeof(*a));
	a->next_size = BLOCK_MIN;
	a->total = sizeof(*a);
	return a;
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	for (struct block *b = a->newest, *next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

size_t arena_size(const struct arena *a)
{
	return a->total;
}

static struct block *block_new(struct arena *a, size_t size)
{
	struct block *b = mem_alloc(sizeof(*b) + size);
	b->size = size;
	a->total += sizeof(*b) + size;
	return b;
}

static void *take(struct block *b, size_t size)
{
	void *p = b->data + b->used;
	b->used += size;
	return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);

	if (size > SIZE_MAX / 2)
		log_fatal("arena", "%zu bytes are too many", size);
	size = (size + align - 1) / align * align;
	if (a->newest != NULL && a->newest->size - a->newest->used >= size)
		return take(a->newest, size);
	if (a->newest != NULL && size > a->next_size / 4) {
		struct block *own = block_new(a, size);
		own->next = a->newest->next;
		a->newest->next = own;
		return take(own, size);
	}
	struct block *b = block_new(a, size > a->next_size ? size : a->next_size);
	b->next = a->newest;
	a->newest = b;
	if (a->next_size < BLOCK_MAX && a->total > 4 * a->next_size)
		a->next_size *= 2;
	return take(b, size);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	if (size > 0 && n > SIZE_MAX / size)
		log_fatal("arena", "array of %zu elements is too large", n);
	return arena_alloc(a, n * size);
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s != NULL ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	if (s == NULL)
		return NULL;
	len = strnlen(s, len);
	char *copy = arena_alloc(a, len + 1);
	memcpy(copy, s, len);
	return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		log_fatal("arena", "cannot format \"%s\"", fmt);
	char *s = arena_alloc(a, (size_t)len + 1);
	vsnprintf(s, (size_t)len + 1, fmt, ap);
	return s;
}
