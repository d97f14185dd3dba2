/* SPDX-License-Identifier: ISC */
#include "sql.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <uthash.h>

#include "mem.h"
#include "text.h"

struct prepared {
	const char *text;
	sqlite3_stmt *stmt;
	UT_hash_handle hh;
};

struct sql {
	sqlite3 *handle;
	struct prepared *prepared; /* uthash, by the literal's address */
	enum sql_trouble trouble;
	char why[256];
};

struct sql_rows { /* a statement under way; it is its own cursor */
	struct sql *db;
	sqlite3_stmt *stmt;
};

static enum sql_trouble classify(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return SQL_FINE;
	case SQLITE_FULL:
	case SQLITE_READONLY:
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_BUSY:
		return SQL_STORAGE;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return SQL_CORRUPT;
	default:
		return SQL_ERROR;
	}
}

/* Remember the first failure; true when rc was none. */
static bool fine(struct sql *db, int rc)
{
	enum sql_trouble t = classify(rc);

	if (t == SQL_FINE)
		return true;
	if (db->trouble == SQL_FINE) {
		db->trouble = t;
		text_copy(db->why, sizeof(db->why),
			  db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc));
	}
	return false;
}

static bool configure(struct sql *db, bool read_only)
{
	sqlite3_busy_timeout(db->handle, 5000);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_extended_result_codes(db->handle, 1);
	if (sql_script(db, "PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON;") < 0)
		return false;
	if (read_only)
		return sql_script(db, "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY;") == 0;
	return sql_script(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			      "PRAGMA journal_size_limit = 16777216;"
			      "PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;") == 0;
}

struct sql *sql_open(const char *path, bool read_only, enum sql_trouble *trouble, struct error *err)
{
	struct sql *db = mem_alloc(sizeof(*db));
	int flags = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

	flags |= SQLITE_OPEN_NOMUTEX; /* one thread */
	*trouble = SQL_FINE;
	if (fine(db, sqlite3_open_v2(path, &db->handle, flags, NULL)) && configure(db, read_only))
		return db;
	*trouble = db->trouble;
	error_set(err, "%s: %s", path, db->why);
	sql_close(db);
	return NULL;
}

void sql_close(struct sql *db)
{
	struct prepared *p, *next;

	if (db == NULL)
		return;
	HASH_ITER(hh, db->prepared, p, next)
	{
		HASH_DEL(db->prepared, p);
		sqlite3_finalize(p->stmt);
		free(p);
	}
	sqlite3_close(db->handle);
	free(db);
}

int sql_script(struct sql *db, const char *text)
{
	if (db->trouble != SQL_FINE)
		return -1;
	return fine(db, sqlite3_exec(db->handle, text, NULL, NULL, NULL)) ? 0 : -1;
}

int64_t sql_number(struct sql *db, const char *text)
{
	sqlite3_stmt *stmt = NULL;
	int64_t n = 0;

	if (db->trouble != SQL_FINE)
		return 0;
	if (fine(db, sqlite3_prepare_v2(db->handle, text, -1, &stmt, NULL))) {
		int rc = sqlite3_step(stmt);
		if (fine(db, rc) && rc == SQLITE_ROW)
			n = sqlite3_column_int64(stmt, 0);
	}
	sqlite3_finalize(stmt);
	return n;
}

static sqlite3_stmt *prepared(struct sql *db, const char *text)
{
	struct prepared *p;
	sqlite3_stmt *stmt;

	HASH_FIND_PTR(db->prepared, &text, p);
	if (p)
		return p->stmt;
	if (!fine(db,
		  sqlite3_prepare_v3(db->handle, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL)))
		return NULL;
	p = mem_alloc(sizeof(*p));
	p->text = text;
	p->stmt = stmt;
	HASH_ADD_PTR(db->prepared, text, p);
	return stmt;
}

static sqlite3_stmt *bind(struct sql *db, const char *statement, const char *types, va_list ap)
{
	sqlite3_stmt *stmt = db->trouble == SQL_FINE ? prepared(db, statement) : NULL;

	if (stmt == NULL)
		return NULL;
	for (int i = 1; *types; types++, i++) {
		int rc = *types == 's' ? sqlite3_bind_text(stmt, i, va_arg(ap, const char *), -1,
							   SQLITE_TRANSIENT)
				       : sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
		if (!fine(db, rc))
			return NULL;
	}
	return stmt;
}

bool sql_run(struct sql *db, const char *statement, const char *types, ...)
{
	sqlite3_stmt *stmt;
	bool ok;
	va_list ap;

	va_start(ap, types);
	stmt = bind(db, statement, types, ap);
	va_end(ap);
	if (stmt == NULL)
		return false;
	ok = fine(db, sqlite3_step(stmt));
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return ok;
}

int64_t sql_changed(struct sql *db)
{
	return sqlite3_changes64(db->handle);
}

int64_t sql_inserted(struct sql *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

struct sql_rows *sql_query(struct sql *db, const char *statement, const char *types, ...)
{
	struct sql_rows *r = mem_alloc(sizeof(*r));
	va_list ap;

	r->db = db;
	va_start(ap, types);
	r->stmt = bind(db, statement, types, ap);
	va_end(ap);
	return r;
}

bool sql_next(struct sql_rows *r)
{
	int rc = r->stmt ? sqlite3_step(r->stmt) : SQLITE_DONE;

	if (rc == SQLITE_ROW)
		return true;
	fine(r->db, rc);
	sql_end(r);
	return false;
}

void sql_end(struct sql_rows *r)
{
	if (r->stmt) {
		sqlite3_reset(r->stmt);
		sqlite3_clear_bindings(r->stmt);
	}
	free(r);
}

int64_t sql_int(struct sql_rows *r, int column)
{
	return sqlite3_column_int64(r->stmt, column);
}

const char *sql_peek(struct sql_rows *r, int column)
{
	return (const char *)sqlite3_column_text(r->stmt, column);
}

const char *sql_text(struct sql_rows *r, int column, struct arena *arena)
{
	return arena_strdup(arena, sql_peek(r, column));
}

void sql_begin(struct sql *db)
{
	db->trouble = SQL_FINE;
	sql_script(db, "BEGIN IMMEDIATE");
}

int sql_commit(struct sql *db, struct error *err)
{
	if (sql_script(db, "COMMIT") == 0)
		return 0;
	error_set(err, "%s", db->why);
	if (!sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	return -1;
}

void sql_rollback(struct sql *db)
{
	if (!sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	db->trouble = SQL_FINE;
}

enum sql_trouble sql_trouble(const struct sql *db)
{
	return db->trouble;
}

const char *sql_why(const struct sql *db)
{
	return db->why;
}
