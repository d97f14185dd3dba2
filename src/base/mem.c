/* SPDX-License-Identifier: ISC */
#include "mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static void *check(void *p)
{
	if (p == NULL)
		log_fatal("mem", "out of memory");
	return p;
}

void *mem_alloc(size_t size)
{
	return check(calloc(1, size > 0 ? size : 1));
}

void *mem_array(size_t n, size_t size)
{
	return check(calloc(n > 0 ? n : 1, size > 0 ? size : 1));
}

void *mem_resize(void *p, size_t n, size_t size)
{
	if (size > 0 && n > SIZE_MAX / size)
		log_fatal("mem", "array of %zu elements is too large", n);
	return check(realloc(p, n * size > 0 ? n * size : 1));
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t len)
{
	len = strnlen(s, len);
	char *copy = mem_alloc(len + 1);
	memcpy(copy, s, len);
	return copy;
}
