/* SPDX-License-Identifier: ISC */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mem.h"
#include "store_parts.h"
#include "store_schema.h"

#define LOCK_WAIT_MS 5000
#define LOCK_STEP_MS 50

void *store_grow(struct arena *arena, void *list, size_t n, size_t size)
{
	char *grown = arena_array(arena, n ? 2 * n : 1, size);

	if (n)
		memcpy(grown, list, n * size);
	return grown;
}

/* -- the file ------------------------------------------------------------------ */

static char *path_of(const char *dir, const char *name)
{
	size_t size = strlen(dir) + strlen(name) + 2;
	char *path = mem_alloc(size);

	snprintf(path, size, "%s/%s", dir, name);
	return path;
}

/* 0, or -1 with errno.  The engine of a parent that was killed takes a moment to see it and go. */
static int lock_patiently(int fd)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};

	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += LOCK_STEP_MS) {
		if (errno != EWOULDBLOCK || waited >= LOCK_WAIT_MS)
			return -1;
		nanosleep(&step, NULL);
	}
	return 0;
}

/* One writer: the lock lasts as long as the process, whatever becomes of the file's content. */
static enum store_result take_lock(struct store *s, struct error *err)
{
	char *path = path_of(s->dir, "lock");
	enum store_result result = STORE_OK;

	if (mkdir(s->dir, 0700) < 0 && errno != EEXIST) {
		error_errno(err, "%s", s->dir);
		result = STORE_FAILED;
	} else if ((s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0) {
		error_errno(err, "%s", path);
		result = STORE_FAILED;
	} else if (lock_patiently(s->lock) < 0) {
		result = errno == EWOULDBLOCK ? STORE_BUSY : STORE_FAILED;
		if (result == STORE_BUSY)
			error_set(err, "%s is in use by another engine", s->dir);
		else
			error_errno(err, "%s", path);
	}
	free(path);
	return result;
}

/* Damaged: keep it for whoever wants to look, and begin anew. */
static void move_aside(struct store *s, int64_t now)
{
	static const char *const parts[] = {"", "-wal", "-shm"};
	char *path = path_of(s->dir, "state.db");
	char from[4096], to[4096];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(from, sizeof(from), "%s%s", path, parts[i]);
		snprintf(to, sizeof(to), "%s.corrupt-%lld%s", path, (long long)now, parts[i]);
		if (rename(from, to) == 0 && i == 0) {
			free(s->moved);
			s->moved = mem_strdup(to);
		}
	}
	free(path);
}

static enum store_result migrate(struct store *s, struct error *err)
{
	int64_t version = sql_number(s->db, "PRAGMA user_version");

	if (sql_trouble(s->db) == SQL_FINE && version > (int64_t)store_migration_count) {
		error_set(err, "%s/state.db has schema %lld, written by a newer mxwatch", s->dir,
			  (long long)version);
		return STORE_NEWER;
	}
	for (; sql_trouble(s->db) == SQL_FINE && version < (int64_t)store_migration_count;
	     version++) {
		char mark[64];
		snprintf(mark, sizeof(mark), "PRAGMA user_version = %lld", (long long)version + 1);
		sql_begin(s->db);
		sql_script(s->db, store_migrations[version]);
		sql_script(s->db, mark);
		if (sql_commit(s->db, err) < 0)
			return STORE_FAILED;
	}
	/* Damage shows where pages are read: a look at every table's first pages. */
	sql_number(s->db, "SELECT count(*) FROM sqlite_schema");
	sql_number(s->db, "SELECT max(id) FROM incident");
	sql_number(s->db, "SELECT max(id) FROM outbox");
	if (sql_trouble(s->db) == SQL_FINE)
		return STORE_OK;
	error_set(err, "%s/state.db: %s", s->dir, sql_why(s->db));
	return STORE_FAILED;
}

static enum store_result open_file(struct store *s, enum sql_trouble *trouble, struct error *err)
{
	char *path = path_of(s->dir, "state.db");
	enum store_result result = STORE_FAILED;

	s->db = sql_open(path, false, trouble, err);
	free(path);
	if (s->db == NULL)
		return STORE_FAILED;
	result = migrate(s, err);
	if (result != STORE_OK) {
		*trouble = sql_trouble(s->db);
		sql_close(s->db);
		s->db = NULL;
	}
	return result;
}

enum store_result store_open(const char *dir, int64_t now, struct store **out, struct error *err)
{
	struct store *s = mem_alloc(sizeof(*s));
	enum sql_trouble trouble = SQL_FINE;
	enum store_result result;
	char *damaged;

	s->lock = -1;
	s->dir = mem_strdup(dir);
	damaged = path_of(dir, "state.db.damaged");
	result = take_lock(s, err);
	if (result == STORE_OK) {
		if (unlink(damaged) == 0)
			move_aside(s, now);
		result = open_file(s, &trouble, err);
		if (result == STORE_FAILED && trouble == SQL_CORRUPT) {
			move_aside(s, now);
			error_set(err, "%s", "");
			result = open_file(s, &trouble, err);
		}
	}
	free(damaged);
	*out = s;
	if (result != STORE_OK) {
		store_close(s);
		*out = NULL;
	}
	return result;
}

struct store *store_open_read_only(const char *dir, struct error *err)
{
	struct store *s = mem_alloc(sizeof(*s));
	enum sql_trouble trouble;
	char *path = path_of(dir, "state.db");

	s->lock = -1;
	s->dir = mem_strdup(dir);
	s->db = sql_open(path, true, &trouble, err);
	free(path);
	if (s->db && sql_number(s->db, "PRAGMA user_version") == (int64_t)store_migration_count)
		return s;
	if (s->db)
		error_set(err, "%s/state.db is of another version of mxwatch", dir);
	store_close(s);
	return NULL;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	sql_close(s->db);
	if (s->lock >= 0)
		close(s->lock);
	free(s->dir);
	free(s->moved);
	free(s);
}

const char *store_moved(const struct store *s)
{
	return s->moved;
}

/* -- transactions -------------------------------------------------------------- */

void store_begin(struct store *s)
{
	sql_begin(s->db);
}

/* Leave word for the next store_open. */
static void mark_damaged(const struct store *s)
{
	char *path = path_of(s->dir, "state.db.damaged");
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	free(path);
}

int store_commit(struct store *s, bool *damaged, struct error *err)
{
	*damaged = false;
	if (sql_commit(s->db, err) == 0)
		return 0;
	*damaged = sql_trouble(s->db) == SQL_CORRUPT;
	if (*damaged)
		mark_damaged(s);
	return -1;
}

void store_rollback(struct store *s)
{
	sql_rollback(s->db);
}

bool store_failed(const struct store *s)
{
	return sql_trouble(s->db) != SQL_FINE;
}

const char *store_meta(struct store *s, const char *key, struct arena *arena)
{
	struct sql_rows *r = sql_query(s->db, "SELECT value FROM meta WHERE key = ?", "s", key);
	const char *value = NULL;

	if (sql_next(r)) {
		value = sql_text(r, 0, arena);
		sql_end(r);
	}
	return value;
}

void store_put_meta(struct store *s, const char *key, const char *value)
{
	sql_run(s->db, "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", "ss", key, value);
}

/* -- subjects ------------------------------------------------------------------ */

void store_subjects(struct store *s, store_subject_cb *cb, void *arg)
{
	struct sql_rows *r = sql_query(s->db,
				       "SELECT name, at, digest, judged, baselined, grade, hosts"
				       " FROM subject WHERE kind = ? ORDER BY name",
				       "i", (int64_t)OBS_KIND_DOMAIN);

	while (sql_next(r)) {
		struct store_subject row = {
		    .kind = OBS_KIND_DOMAIN,
		    .name = sql_peek(r, 0),
		    .at = sql_int(r, 1),
		    .digest = sql_int(r, 2),
		    .judged = sql_int(r, 3),
		    .baselined = sql_int(r, 4) != 0,
		    .grade = sql_peek(r, 5),
		    .hosts = sql_peek(r, 6),
		};
		cb(&row, arg);
	}
	r = sql_query(s->db,
		      "SELECT name, at, digest, sweep, relay, relay_accepted"
		      " FROM subject WHERE kind = ? ORDER BY name",
		      "i", (int64_t)OBS_KIND_HOST);
	while (sql_next(r)) {
		struct store_subject row = {
		    .kind = OBS_KIND_HOST,
		    .name = sql_peek(r, 0),
		    .at = sql_int(r, 1),
		    .digest = sql_int(r, 2),
		    .sweep = sql_int(r, 3),
		    .relay = sql_int(r, 4),
		    .relay_accepted = sql_int(r, 5),
		};
		cb(&row, arg);
	}
}

void store_put_subject(struct store *s, const struct store_subject *row)
{
	sql_run(s->db,
		"INSERT OR REPLACE INTO subject"
		" (kind, name, at, judged, sweep, relay, relay_accepted, digest, baselined,"
		" grade, hosts)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"isiiiiiiiss", (int64_t)row->kind, row->name, row->at, row->judged, row->sweep,
		row->relay, row->relay_accepted, row->digest, (int64_t)row->baselined, row->grade,
		row->hosts);
}

void store_drop_subject(struct store *s, int kind, const char *name)
{
	sql_run(s->db, "DELETE FROM subject WHERE kind = ? AND name = ?", "is", (int64_t)kind,
		name);
	sql_run(s->db, "DELETE FROM body WHERE kind = ? AND name = ?", "is", (int64_t)kind, name);
}

bool store_body(struct store *s, int kind, const char *name, struct arena *arena,
		const char **observation, const char **posture)
{
	struct sql_rows *r =
	    sql_query(s->db, "SELECT observation, posture FROM body WHERE kind = ? AND name = ?",
		      "is", (int64_t)kind, name);

	*observation = *posture = NULL;
	if (!sql_next(r))
		return false;
	*observation = sql_text(r, 0, arena);
	*posture = sql_text(r, 1, arena);
	sql_end(r);
	return true;
}

const char *store_posture(struct store *s, int kind, const char *name, struct arena *arena)
{
	struct sql_rows *r =
	    sql_query(s->db, "SELECT posture FROM body WHERE kind = ? AND name = ?", "is",
		      (int64_t)kind, name);
	const char *posture = NULL;

	if (sql_next(r)) {
		posture = sql_text(r, 0, arena);
		sql_end(r);
	}
	return posture;
}

void store_put_body(struct store *s, int kind, const char *name, const char *observation,
		    const char *posture)
{
	sql_run(s->db,
		"INSERT INTO body (kind, name, observation, posture) VALUES (?, ?, ?, ?)"
		" ON CONFLICT (kind, name) DO UPDATE SET observation = excluded.observation,"
		" posture = ifnull(excluded.posture, posture)",
		"isss", (int64_t)kind, name, observation, posture);
}

void store_put_posture(struct store *s, int kind, const char *name, const char *posture)
{
	sql_run(s->db, "UPDATE body SET posture = ? WHERE kind = ? AND name = ?", "sis", posture,
		(int64_t)kind, name);
}

void store_put_past(struct store *s, int kind, const char *name, int64_t at,
		    const char *observation)
{
	sql_run(s->db,
		"INSERT OR REPLACE INTO past (kind, name, at, observation) VALUES (?, ?, ?, ?)",
		"isis", (int64_t)kind, name, at, observation);
}

void store_put_change(struct store *s, const struct store_change *c)
{
	sql_run(s->db,
		"INSERT INTO change (at, kind, name, event, check_id, subject, severity, summary,"
		" before, after, notice) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"iissssissss", c->at, (int64_t)c->kind, c->name, c->event, c->check, c->subject,
		(int64_t)c->severity, c->summary, c->before, c->after, c->notice);
}

/* -- what eval remembers ------------------------------------------------------- */

struct eval_policy_seen *store_policies(struct store *s, const char *domain, struct arena *arena,
					size_t *n)
{
	struct eval_policy_seen *list = NULL;
	struct sql_rows *r =
	    sql_query(s->db,
		      "SELECT policy_id, body, first, last FROM policy_seen WHERE domain = ?"
		      " ORDER BY last DESC, first DESC LIMIT 100",
		      "s", domain);

	*n = 0;
	while (sql_next(r))
		*STORE_PUSH(arena, list, *n, *list) = (struct eval_policy_seen){
		    .id = sql_text(r, 0, arena),
		    .body = sql_text(r, 1, arena),
		    .first = sql_int(r, 2),
		    .last = sql_int(r, 3),
		};
	return list;
}

void store_put_policy(struct store *s, const char *domain, const struct eval_policy_seen *p)
{
	sql_run(s->db,
		"INSERT OR REPLACE INTO policy_seen (domain, policy_id, body, first, last)"
		" VALUES (?, ?, ?, ?, ?)",
		"sssii", domain, p->id, p->body, p->first, p->last);
}

struct eval_cert_seen *store_certs(struct store *s, const char *host, struct arena *arena,
				   size_t *n)
{
	struct eval_cert_seen *list = NULL;
	/* every "host[address]:port": the range of names that begin "host[" */
	const char *from = arena_printf(arena, "%s[", host);
	const char *to = arena_printf(arena, "%s\\", host); /* '\' follows '[' */
	struct sql_rows *r = sql_query(
	    s->db,
	    "SELECT subject, sha256, not_before, not_after, first, last FROM cert_seen"
	    " WHERE subject >= ? AND subject < ? ORDER BY last DESC, first DESC LIMIT 400",
	    "ss", from, to);

	*n = 0;
	while (sql_next(r))
		*STORE_PUSH(arena, list, *n, *list) = (struct eval_cert_seen){
		    .subject = sql_text(r, 0, arena),
		    .sha256 = sql_text(r, 1, arena),
		    .not_before = sql_int(r, 2),
		    .not_after = sql_int(r, 3),
		    .first = sql_int(r, 4),
		    .last = sql_int(r, 5),
		};
	return list;
}

void store_put_cert(struct store *s, const struct eval_cert_seen *c)
{
	sql_run(s->db,
		"INSERT INTO cert_seen (subject, sha256, not_before, not_after, first, last)"
		" VALUES (?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (subject, sha256) DO UPDATE SET last = excluded.last",
		"ssiiii", c->subject, c->sha256, c->not_before, c->not_after, c->first, c->last);
}

/* -- retention ----------------------------------------------------------------- */

void store_expire(struct store *s, int64_t changes, int64_t incidents, int64_t observations)
{
	sql_run(s->db,
		"DELETE FROM past WHERE rowid IN (SELECT rowid FROM past WHERE at < ?"
		" LIMIT 500)",
		"i", observations);
	sql_run(s->db,
		"DELETE FROM change WHERE id IN (SELECT id FROM change WHERE at < ?"
		" LIMIT 500)",
		"i", changes);
	sql_run(s->db,
		"DELETE FROM incident WHERE id IN (SELECT id FROM incident"
		" WHERE NOT open AND closed < ? LIMIT 200)",
		"i", incidents);
	sql_run(
	    s->db,
	    "DELETE FROM silence WHERE id IN (SELECT id FROM silence WHERE until < ? LIMIT 100)",
	    "i", incidents);
	sql_run(s->db,
		"DELETE FROM outbox WHERE id IN (SELECT id FROM outbox"
		" WHERE state <> 0 AND ended < ? LIMIT 500)",
		"i", observations);
	sql_run(s->db,
		"DELETE FROM policy_seen WHERE rowid IN (SELECT rowid FROM policy_seen"
		" WHERE last < ? LIMIT 500)",
		"i", incidents);
	sql_run(s->db,
		"DELETE FROM cert_seen WHERE (subject, sha256) IN (SELECT subject, sha256"
		" FROM cert_seen WHERE last < ? LIMIT 500)",
		"i", incidents);
}
