/* SPDX-License-Identifier: ISC
 *
 * Allocation that does not fail: every input has a ceiling, so running out of memory means
 * the machine is out of it; we say so and exit (the parent starts us again).
 */
#ifndef MEM_H
#define MEM_H

#include <stddef.h>

void *mem_alloc(size_t size); /* zeroed */
void *mem_array(size_t n, size_t size); /* zeroed, overflow checked */
void *mem_resize(void *p, size_t n, size_t size);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t len);

#endif
