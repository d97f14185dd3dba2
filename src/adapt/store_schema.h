/* SPDX-License-Identifier: ISC
 *
 * The state's schema as migrations: number N takes the database from user_version N to N + 1.
 * A released migration never changes; a new one is added behind it.
 */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include <stddef.h>

extern const char *const store_migrations[];
extern const size_t store_migration_count;

#endif
