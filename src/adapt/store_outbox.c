/* SPDX-License-Identifier: ISC
 *
 * Rows of the outbox, and who was told what.
 */
#include "store_parts.h"

#define OUTBOX_COLUMNS                                                                             \
	"o.id, o.uid, o.receiver, o.incident, o.status, o.severity, o.state, o.created, o.due,"    \
	" o.attempts, o.digest, o.batch, o.repeat, o.source, o.stamp, o.fallback_of, o.notice,"    \
	" o.code, o.text, o.ended, o.held"

int64_t store_put_outgoing(struct store *s, const struct store_outgoing *o)
{
	if (!sql_run(
		s->db,
		"INSERT INTO outbox (uid, receiver, incident, status, severity, state, created,"
		" due, attempts, digest, batch, repeat, source, stamp, fallback_of, notice, code,"
		" text, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"ssiiiiiiiiiisissisi", o->uid, o->receiver, o->incident, (int64_t)o->status,
		(int64_t)o->severity, (int64_t)o->state, o->created, o->due, o->attempts,
		(int64_t)o->digest, o->batch, o->repeat_s, o->source, o->stamp, o->fallback_of,
		o->notice, o->code, o->text, o->ended))
		return 0;
	return sql_inserted(s->db);
}

void store_update_outgoing(struct store *s, const struct store_outgoing *o)
{
	sql_run(
	    s->db,
	    "UPDATE outbox SET status = ?, state = ?, due = ?, attempts = ?, digest = ?, batch = ?,"
	    " notice = ?, code = ?, text = ?, ended = ?, held = ? WHERE id = ?",
	    "iiiiiisisiii", (int64_t)o->status, (int64_t)o->state, o->due, o->attempts,
	    (int64_t)o->digest, o->batch, o->notice, o->code, o->text, o->ended, o->held, o->id);
}

static struct store_outgoing *rows(struct sql_rows *r, struct arena *arena, size_t *n)
{
	struct store_outgoing *list = NULL;

	*n = 0;
	while (sql_next(r))
		*STORE_PUSH(arena, list, *n, *list) = (struct store_outgoing){
		    .id = sql_int(r, 0),
		    .uid = sql_text(r, 1, arena),
		    .receiver = sql_text(r, 2, arena),
		    .incident = sql_int(r, 3),
		    .status = (int)sql_int(r, 4),
		    .severity = (int)sql_int(r, 5),
		    .state = (int)sql_int(r, 6),
		    .created = sql_int(r, 7),
		    .due = sql_int(r, 8),
		    .attempts = sql_int(r, 9),
		    .digest = sql_int(r, 10) != 0,
		    .batch = sql_int(r, 11),
		    .repeat_s = sql_int(r, 12),
		    .source = sql_text(r, 13, arena),
		    .stamp = sql_int(r, 14),
		    .fallback_of = sql_text(r, 15, arena),
		    .notice = sql_text(r, 16, arena),
		    .code = sql_int(r, 17),
		    .text = sql_text(r, 18, arena),
		    .ended = sql_int(r, 19),
		    .held = sql_int(r, 20),
		};
	return list;
}

struct store_outgoing *store_outgoing(struct store *s, int64_t id, struct arena *arena)
{
	size_t n;
	struct store_outgoing *o =
	    rows(sql_query(s->db, "SELECT " OUTBOX_COLUMNS " FROM outbox o WHERE id = ?", "i", id),
		 arena, &n);

	return n ? o : NULL;
}

/* No older row of the same incident waits for the same receiver. */
#define IN_ORDER                                                                                   \
	" NOT EXISTS (SELECT 1 FROM outbox e WHERE e.incident = o.incident AND e.incident <> 0"    \
	" AND e.receiver = o.receiver AND e.state = 0 AND e.digest = 0 AND e.id < o.id)"

struct store_outgoing *store_next_outgoing(struct store *s, const char *receiver, int64_t now,
					   struct arena *arena)
{
	size_t n;
	struct store_outgoing *o = rows(
	    sql_query(s->db,
		      "SELECT " OUTBOX_COLUMNS " FROM outbox o WHERE o.state = 0 AND o.digest = 0"
		      " AND o.receiver = ? AND o.due <= ? AND" IN_ORDER
		      " ORDER BY o.due, o.id LIMIT 1",
		      "si", receiver, now),
	    arena, &n);

	return n ? o : NULL;
}

struct store_outgoing *store_digest(struct store *s, const char *receiver, int64_t now, size_t max,
				    struct arena *arena, size_t *n)
{
	return rows(sql_query(s->db,
			      "SELECT " OUTBOX_COLUMNS
			      " FROM outbox o WHERE o.state = 0 AND o.digest = 1"
			      " AND o.receiver = ? AND o.due <= ? ORDER BY o.id LIMIT ?",
			      "sii", receiver, now, (int64_t)max),
		    arena, n);
}

void store_gather(struct store *s, const char *receiver, int64_t now)
{
	sql_run(s->db,
		"UPDATE outbox SET digest = 1 WHERE state = 0 AND digest = 0 AND receiver = ?1"
		" AND due <= ?2 AND attempts = 0 AND (incident <> 0 OR source IS NOT NULL)"
		" AND 1 < (SELECT count(*) FROM outbox WHERE state = 0 AND digest = 0"
		" AND receiver = ?1 AND due <= ?2)",
		"si", receiver, now);
}

struct store_outgoing *store_batch(struct store *s, int64_t batch, struct arena *arena, size_t *n)
{
	return rows(sql_query(s->db,
			      "SELECT " OUTBOX_COLUMNS
			      " FROM outbox o WHERE o.batch = ? AND o.batch <> 0 ORDER BY o.id",
			      "i", batch),
		    arena, n);
}

int64_t store_outgoing_due(struct store *s, const char *receiver)
{
	int64_t due = INT64_MAX;
	struct sql_rows *r = sql_query(
	    s->db,
	    "SELECT min(due) FROM (SELECT * FROM (SELECT o.due FROM outbox o WHERE o.state = 0"
	    " AND o.digest = 0 AND o.receiver = ?1 AND" IN_ORDER " ORDER BY o.due LIMIT 1)"
	    " UNION ALL SELECT min(due) FROM outbox WHERE state = 0 AND digest = 1"
	    " AND receiver = ?1)",
	    "s", receiver);

	if (sql_next(r)) {
		if (sql_peek(r, 0))
			due = sql_int(r, 0);
		sql_end(r);
	}
	return due;
}

struct store_outgoing *store_pending_of(struct store *s, int64_t incident, struct arena *arena,
					size_t *n)
{
	return rows(
	    sql_query(s->db,
		      "SELECT " OUTBOX_COLUMNS
		      " FROM outbox o WHERE o.incident = ? AND o.incident <> 0 AND o.state = 0"
		      " ORDER BY o.id",
		      "i", incident),
	    arena, n);
}

struct store_outgoing *store_pending_changes(struct store *s, const char *source, int64_t stamp,
					     struct arena *arena, size_t *n)
{
	/* "[" sorts just before a backslash */
	return rows(sql_query(s->db,
			      "SELECT " OUTBOX_COLUMNS
			      " FROM outbox o WHERE (o.source = ? OR (o.source > ? || '[' AND"
			      " o.source < ? || '\\' AND o.source LIKE '%]:25')) AND o.stamp = ?"
			      " AND o.source IS NOT NULL AND o.state = 0 AND o.attempts = 0",
			      "sssi", source, source, source, stamp),
		    arena, n);
}

void store_waiting_receivers(struct store *s, store_name_cb *cb, void *arg)
{
	struct sql_rows *r =
	    sql_query(s->db, "SELECT DISTINCT receiver FROM outbox WHERE state = 0", "");

	while (sql_next(r))
		cb(sql_peek(r, 0), arg);
}

void store_retime(struct store *s, int64_t by)
{
	sql_run(s->db,
		"UPDATE outbox SET created = created + ?1, due = due + ?1"
		" WHERE state = 0 AND digest = 0 AND held = 0",
		"i", by);
	sql_run(s->db, "UPDATE told SET at = at + ?1, remind = remind + ?1 WHERE remind > 0", "i",
		by);
}

void store_stuck_receivers(struct store *s, int64_t before, store_name_cb *cb, void *arg)
{
	struct sql_rows *r = sql_query(s->db,
				       "SELECT DISTINCT receiver FROM outbox WHERE state = 0 AND"
				       " (due < ?1 OR attempts > 6 OR"
				       "  (attempts > 1 AND digest = 0 AND created < ?1))",
				       "i", before);

	while (sql_next(r))
		cb(sql_peek(r, 0), arg);
}

struct store_outgoing *store_queue(struct store *s, size_t max, struct arena *arena, size_t *n)
{
	return rows(sql_query(s->db,
			      "SELECT " OUTBOX_COLUMNS
			      " FROM outbox o WHERE o.state IN (0, 2) ORDER BY o.id DESC LIMIT ?",
			      "i", (int64_t)max),
		    arena, n);
}

int64_t store_retry_dead(struct store *s, int64_t id, int64_t now)
{
	if (!sql_run(s->db,
		     "UPDATE outbox SET state = 0, due = ?1, created = ?1, attempts = 0, ended = 0"
		     " WHERE state = 2 AND (?2 = 0 OR id = ?2)",
		     "ii", now, id))
		return 0;
	return sql_changed(s->db);
}

void store_release_held(struct store *s, int64_t now)
{
	sql_run(
	    s->db,
	    "UPDATE outbox SET due = ?1, held = ?1 WHERE state = 0 AND held > ?1 AND due = held",
	    "i", now);
}

int64_t store_held(struct store *s, int64_t now)
{
	struct sql_rows *r = sql_query(
	    s->db, "SELECT count(*) FROM outbox WHERE state = 0 AND held > ? AND due = held", "i",
	    now);
	int64_t n = 0;

	if (sql_next(r)) {
		n = sql_int(r, 0);
		sql_end(r);
	}
	return n;
}

/* -- who knows ----------------------------------------------------------------- */

void store_told(struct store *s, int64_t incident, const char *receiver, int64_t at,
		int64_t repeat_s)
{
	sql_run(s->db,
		"INSERT OR REPLACE INTO told (incident, receiver, at, repeat, remind)"
		" SELECT id, ?2, ?3, ?4, iif(?4 > 0, ?3 + ?4, 0) FROM incident WHERE id = ?1",
		"isii", incident, receiver, at, repeat_s);
}

void store_told_initial(struct store *s, int64_t initial, const char *receiver, int64_t at,
			int64_t repeat_s)
{
	sql_run(s->db,
		"INSERT OR REPLACE INTO told (incident, receiver, at, repeat, remind)"
		" SELECT id, ?2, ?3, ?4, iif(?4 > 0, ?3 + ?4, 0) FROM incident"
		" WHERE initial = ?1 AND initial IS NOT NULL AND open",
		"isii", initial, receiver, at, repeat_s);
}

bool store_was_told(struct store *s, int64_t incident, const char *receiver)
{
	struct sql_rows *r =
	    sql_query(s->db, "SELECT 1 FROM told WHERE incident = ? AND receiver = ?", "is",
		      incident, receiver);
	bool found = sql_next(r);

	if (found)
		sql_end(r);
	return found;
}

const char *const *store_told_receivers(struct store *s, int64_t incident, struct arena *arena,
					size_t *n)
{
	const char **list = NULL;
	struct sql_rows *r =
	    sql_query(s->db, "SELECT receiver FROM told WHERE incident = ?", "i", incident);

	*n = 0;
	while (sql_next(r))
		*STORE_PUSH(arena, list, *n, *list) = sql_text(r, 0, arena);
	return list;
}

struct store_reminder *store_reminders(struct store *s, int64_t now, struct arena *arena, size_t *n)
{
	struct store_reminder *list = NULL;
	struct sql_rows *r = sql_query(
	    s->db,
	    "SELECT t.incident, t.receiver, t.repeat FROM told t JOIN incident i"
	    " ON i.id = t.incident WHERE t.remind > 0 AND t.remind <= ? AND i.open AND i.acked = 0"
	    " AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.incident = t.incident"
	    " AND o.incident <> 0 AND o.receiver = t.receiver AND o.state = 0) LIMIT 100",
	    "i", now);

	*n = 0;
	while (sql_next(r))
		*STORE_PUSH(arena, list, *n, *list) = (struct store_reminder){
		    .incident = sql_int(r, 0),
		    .receiver = sql_text(r, 1, arena),
		    .repeat_s = sql_int(r, 2),
		};
	return list;
}

int64_t *store_renewals(struct store *s, const char *receiver, int64_t closed, struct arena *arena,
			size_t *n)
{
	int64_t *list = NULL;
	struct sql_rows *r = sql_query(
	    s->db,
	    "SELECT i.id FROM incident i JOIN told t ON t.incident = i.id AND t.receiver = ?1"
	    " WHERE i.open UNION ALL"
	    " SELECT i.id FROM incident i JOIN told t ON t.incident = i.id AND t.receiver = ?1"
	    " WHERE NOT i.open AND i.closed >= ?2 ORDER BY 1",
	    "si", receiver, closed);

	*n = 0;
	while (sql_next(r))
		*STORE_PUSH(arena, list, *n, *list) = sql_int(r, 0);
	return list;
}

/* -- silences --------------------------------------------------------------- */

int64_t store_put_silence(struct store *s, const struct mute_silence *m)
{
	if (!sql_run(s->db,
		     "INSERT INTO silence (match, author, reason, since, until)"
		     " VALUES (?, ?, ?, ?, ?)",
		     "sssii", m->text, m->author, m->reason, m->from, m->until))
		return 0;
	return sql_inserted(s->db);
}

static bool read_silence(struct sql_rows *r, struct arena *arena, struct mute_silence *m)
{
	json_t *match;
	struct error err;
	bool good;

	*m = (struct mute_silence){
	    .id = sql_int(r, 0),
	    .text = sql_text(r, 1, arena),
	    .author = sql_text(r, 2, arena),
	    .reason = sql_text(r, 3, arena),
	    .from = sql_int(r, 4),
	    .until = sql_int(r, 5),
	};
	match = json_loads(m->text, 0, NULL);
	good = mute_match_read(match, arena, &m->match, &err) == 0;
	json_decref(match);
	return good;
}

struct mute_silence *store_silences(struct store *s, int64_t now, struct arena *arena, size_t *n)
{
	struct mute_silence *list = NULL, one;
	struct sql_rows *r = sql_query(
	    s->db,
	    "SELECT id, match, author, reason, since, until FROM silence WHERE until > ? ORDER BY id",
	    "i", now);

	*n = 0;
	while (sql_next(r))
		if (read_silence(r, arena, &one))
			*STORE_PUSH(arena, list, *n, *list) = one;
	return list;
}

bool store_expire_silence(struct store *s, int64_t id, int64_t now)
{
	return sql_run(s->db, "UPDATE silence SET until = ?2 WHERE id = ?1 AND until > ?2", "ii",
		       id, now) &&
	       sql_changed(s->db) > 0;
}
