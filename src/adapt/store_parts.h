/* SPDX-License-Identifier: ISC
 *
 * What the store's own files share: store (file, subjects, history), store_incident, store_outbox.
 */
#ifndef STORE_PARTS_H
#define STORE_PARTS_H

#include "sql.h"
#include "store.h"

struct store {
	struct sql *db;
	char *dir;
	int lock; /* held as long as we write, -1 for a reader */
	char *moved;
};

/* A list that grows while rows are read; the items live in arena. */
#define STORE_PUSH(arena, list, n, type)                                                           \
	((((n) & ((n) - 1)) == 0                                                                   \
		 ? (list) = store_grow((arena), (list), (n), sizeof(type))                         \
		 : (list)),                                                                        \
	    &(list)[(n)++])
/* Room for the double of n items. */
void *store_grow(struct arena *arena, void *list, size_t n, size_t size);

#endif
