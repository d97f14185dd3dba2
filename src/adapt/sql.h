/* SPDX-License-Identifier: ISC
 *
 * SQLite behind a dozen functions; the only includer of sqlite3.h.  A statement is a string
 * literal: it is prepared at its first use and found again by its address.  Failure is sticky, as in base/wire: after the first one every
 * call does nothing and gives nothing, and the caller asks once, at the end of its transaction.
 */
#ifndef SQL_H
#define SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"

struct sql;
struct sql_rows;

enum sql_trouble {
	SQL_FINE,
	SQL_STORAGE, /* disk full, read-only, I/O error: may pass */
	SQL_CORRUPT, /* the file is damaged or no database */
	SQL_ERROR,   /* anything else */
};

/* Open path: WAL, synchronous=FULL (NORMAL loses acknowledged rows in a power cut),
 * foreign keys.  NULL with err and *trouble filled. */
struct sql *sql_open(const char *path, bool read_only, enum sql_trouble *trouble,
    struct error *err);
void sql_close(struct sql *db);

/* Run SQL text that gives no rows (schema). 0/-1. */
int sql_script(struct sql *db, const char *text);
/* One number. 0 when there is no row. */
int64_t sql_number(struct sql *db, const char *text);

/* types: one letter an argument, s (const char *, NULL is null) or i (int64_t). */
bool sql_run(struct sql *db, const char *statement, const char *types, ...);
/* Rows changed by the last sql_run; the rowid it inserted. */
int64_t sql_changed(struct sql *db);
int64_t sql_inserted(struct sql *db);

/* Never NULL; walk with sql_next until it is false, which also ends it. */
struct sql_rows *sql_query(struct sql *db, const char *statement, const char *types, ...);
bool sql_next(struct sql_rows *r);
/* Stop before the end. */
void sql_end(struct sql_rows *r);
int64_t sql_int(struct sql_rows *r, int column);
/* NULL for null; copied to arena. */
const char *sql_text(struct sql_rows *r, int column, struct arena *arena);
/* The same, borrowed until the next step. */
const char *sql_peek(struct sql_rows *r, int column);

/* -- transactions -- */

void sql_begin(struct sql *db);
/* 0, or -1 when anything since sql_begin failed; then nothing of it was written (or, after a
 * failed sync, may have been: the caller must be able to do it again). */
int sql_commit(struct sql *db, struct error *err);
void sql_rollback(struct sql *db);
/* The first failure since the last sql_begin, rollback or clear. */
enum sql_trouble sql_trouble(const struct sql *db);
const char *sql_why(const struct sql *db);

#endif
