/* SPDX-License-Identifier: ISC
 *
 * Rows of problems and incidents.
 */
#include "store_parts.h"

struct problem *store_problems(struct store *s, const char *domain, struct arena *arena, size_t *n)
{
	struct problem *list = NULL;
	struct sql_rows *r = sql_query(
	    s->db,
	    "SELECT check_id, subject, host, state, severity, fails, oks, since, last_ok, counted,"
	    " unknown_since, unknown_told, baseline, incident, explained_by, mark, summary,"
	    " (SELECT count(*) FROM incident i JOIN incident b ON b.key = i.key AND NOT b.open"
	    "  AND b.closed > i.opened - ? WHERE i.id = problem.incident)"
	    " FROM problem WHERE domain = ?",
	    "is", (int64_t)INCIDENT_FLAP_S, domain);

	*n = 0;
	while (sql_next(r))
		*STORE_PUSH(arena, list, *n, *list) = (struct problem){
		    .domain = domain,
		    .check = sql_text(r, 0, arena),
		    .subject = sql_text(r, 1, arena),
		    .host = sql_text(r, 2, arena),
		    .state = (int)sql_int(r, 3),
		    .severity = (int)sql_int(r, 4),
		    .fails = sql_int(r, 5),
		    .oks = sql_int(r, 6),
		    .since = sql_int(r, 7),
		    .last_ok = sql_int(r, 8),
		    .counted_at = sql_int(r, 9),
		    .unknown_since = sql_int(r, 10),
		    .unknown_told = sql_int(r, 11) != 0,
		    .baseline = sql_int(r, 12) != 0,
		    .incident = sql_int(r, 13),
		    .explained_by = sql_int(r, 14),
		    .mark = sql_text(r, 15, arena),
		    .summary = sql_text(r, 16, arena),
		    .before = sql_int(r, 17),
		};
	return list;
}

void store_put_problem(struct store *s, const struct problem *p)
{
	sql_run(s->db,
		"INSERT OR REPLACE INTO problem (domain, check_id, subject, host, state, severity,"
		" fails, oks, since, last_ok, counted, unknown_since, unknown_told, baseline,"
		" incident, explained_by, mark, summary)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"ssssiiiiiiiiiiiiss", p->domain, p->check, p->subject, p->host, (int64_t)p->state,
		(int64_t)p->severity, p->fails, p->oks, p->since, p->last_ok, p->counted_at,
		p->unknown_since, (int64_t)p->unknown_told, (int64_t)p->baseline, p->incident,
		p->explained_by, p->mark, p->summary);
}

void store_drop_problem(struct store *s, const struct problem *p)
{
	sql_run(s->db, "DELETE FROM problem WHERE domain = ? AND check_id = ? AND subject = ?",
		"sss", p->domain, p->check, p->subject);
}

#define UNDECIDED "(state = 1 OR (state = 2 AND oks > 0))" /* PROBLEM_SUSPECT, PROBLEM_OPEN */

void store_undecided(struct store *s, store_source_cb *cb, void *arg)
{
	struct sql_rows *r =
	    sql_query(s->db, "SELECT domain, host FROM problem WHERE " UNDECIDED, "");

	while (sql_next(r))
		cb(sql_peek(r, 0), sql_peek(r, 1), arg);
}

static bool any(struct sql_rows *r)
{
	bool found = sql_next(r);

	if (found)
		sql_end(r);
	return found;
}

bool store_host_undecided(struct store *s, const char *host)
{
	return any(sql_query(
	    s->db,
	    "SELECT 1 FROM problem WHERE host = ? AND host IS NOT NULL AND " UNDECIDED " LIMIT 1",
	    "s", host));
}

bool store_baseline_suspects(struct store *s)
{
	return any(sql_query(
	    s->db, "SELECT 1 FROM problem WHERE " UNDECIDED " AND baseline AND state = ? LIMIT 1",
	    "i", (int64_t)PROBLEM_SUSPECT));
}

/* -- incidents ----------------------------------------------------------------- */

#define INCIDENT_COLUMNS                                                                           \
	"id, uid, key, event, check_id, subject, host, mark, kind, severity, open, quiet,"         \
	" ifnull(initial, 0), opened, closed, since, last_ok, confirmed_by, seq, summary, advice," \
	" reference, expected, actual, changes, before, after, acked, acked_by, ack_reason,"       \
	" title"

static struct incident *incident(struct sql_rows *r, struct arena *arena)
{
	struct incident *i;

	if (!sql_next(r))
		return NULL;
	i = arena_alloc(arena, sizeof(*i));
	i->id = sql_int(r, 0);
	i->uid = sql_text(r, 1, arena);
	i->key = sql_text(r, 2, arena);
	i->event = sql_text(r, 3, arena);
	i->check = sql_text(r, 4, arena);
	i->subject = sql_text(r, 5, arena);
	i->host = sql_text(r, 6, arena);
	i->mark = sql_text(r, 7, arena);
	i->kind = (int)sql_int(r, 8);
	i->severity = (int)sql_int(r, 9);
	i->open = sql_int(r, 10) != 0;
	i->quiet = sql_int(r, 11) != 0;
	i->initial = sql_int(r, 12);
	i->opened = sql_int(r, 13);
	i->closed = sql_int(r, 14);
	i->since = sql_int(r, 15);
	i->last_ok = sql_int(r, 16);
	i->confirmed_by = sql_int(r, 17);
	i->seq = sql_int(r, 18);
	i->summary = sql_text(r, 19, arena);
	i->advice = sql_text(r, 20, arena);
	i->reference = sql_text(r, 21, arena);
	i->expected = sql_text(r, 22, arena);
	i->actual = sql_text(r, 23, arena);
	i->changes = sql_text(r, 24, arena);
	i->before = sql_text(r, 25, arena);
	i->after = sql_text(r, 26, arena);
	i->acked = sql_int(r, 27);
	i->acked_by = sql_text(r, 28, arena);
	i->ack_reason = sql_text(r, 29, arena);
	i->title = sql_text(r, 30, arena);
	sql_end(r);
	return i;
}

struct incident *store_incident_by_key(struct store *s, const char *key, struct arena *arena)
{
	return incident(
	    sql_query(s->db, "SELECT " INCIDENT_COLUMNS " FROM incident WHERE key = ? AND open",
		      "s", key),
	    arena);
}

struct incident *store_incident(struct store *s, int64_t id, struct arena *arena)
{
	return incident(
	    sql_query(s->db, "SELECT " INCIDENT_COLUMNS " FROM incident WHERE id = ?", "i", id),
	    arena);
}

struct incident *store_incident_by_uid(struct store *s, const char *uid, struct arena *arena)
{
	return incident(
	    sql_query(s->db, "SELECT " INCIDENT_COLUMNS " FROM incident WHERE uid = ?", "s", uid),
	    arena);
}

static void insert_incident(struct store *s, struct incident *i)
{
	if (sql_run(s->db,
		    "INSERT INTO incident (uid, key, event, check_id, subject, host, mark, kind,"
		    " severity, open, quiet, initial, opened, closed, since, last_ok, confirmed_by,"
		    " seq, summary, advice, reference, expected, actual, changes, before, after,"
		    " acked, acked_by, ack_reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		    " nullif(?, 0), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		    "sssssssiiiiiiiiiiissssssssiss", i->uid, i->key, i->event, i->check, i->subject,
		    i->host, i->mark, (int64_t)i->kind, (int64_t)i->severity, (int64_t)i->open,
		    (int64_t)i->quiet, i->initial, i->opened, i->closed, i->since, i->last_ok,
		    i->confirmed_by, i->seq, i->summary, i->advice, i->reference, i->expected,
		    i->actual, i->changes, i->before, i->after, i->acked, i->acked_by,
		    i->ack_reason))
		i->id = sql_inserted(s->db);
}

void store_put_incident(struct store *s, struct incident *i)
{
	if (i->id == 0) {
		insert_incident(s, i);
		return;
	}
	sql_run(s->db,
		"UPDATE incident SET event = ?, severity = ?, open = ?, quiet = ?,"
		" initial = nullif(?, 0), closed = ?, confirmed_by = ?, seq = ?, summary = ?,"
		" advice = ?, reference = ?, expected = ?, actual = ?, changes = ?, before = ?,"
		" after = ?, acked = ?, acked_by = ?, ack_reason = ? WHERE id = ?",
		"siiiiiiissssssssissi", i->event, (int64_t)i->severity, (int64_t)i->open,
		(int64_t)i->quiet, i->initial, i->closed, i->confirmed_by, i->seq, i->summary,
		i->advice, i->reference, i->expected, i->actual, i->changes, i->before, i->after,
		i->acked, i->acked_by, i->ack_reason, i->id);
}

void store_entitle(struct store *s, int64_t id, const char *title)
{
	sql_run(s->db, "UPDATE incident SET title = ? WHERE id = ? AND title IS NULL", "si", title,
		id);
}

void store_join(struct store *s, int64_t id, const char *domain, int64_t at)
{
	sql_run(
	    s->db,
	    "INSERT INTO incident_member (incident, domain, joined, left_at) VALUES (?, ?, ?, 0)"
	    " ON CONFLICT (incident, domain) DO UPDATE SET left_at = 0",
	    "isi", id, domain, at);
}

void store_leave(struct store *s, int64_t id, const char *domain, int64_t at)
{
	sql_run(s->db, "UPDATE incident_member SET left_at = ? WHERE incident = ? AND domain = ?",
		"iis", at, id, domain);
}

bool store_incident_held(struct store *s, int64_t id, const char *domain)
{
	if (domain)
		return any(sql_query(
		    s->db,
		    "SELECT 1 FROM problem WHERE incident = ? AND incident <> 0 AND domain = ?"
		    " LIMIT 1",
		    "is", id, domain));
	return any(sql_query(
	    s->db, "SELECT 1 FROM problem WHERE incident = ? AND incident <> 0 LIMIT 1", "i", id));
}

bool store_incident_speaks(struct store *s, int64_t id)
{
	return any(sql_query(
	    s->db,
	    "SELECT 1 FROM problem WHERE incident = ? AND incident <> 0 AND explained_by = 0"
	    " LIMIT 1",
	    "i", id));
}

static const char *const *strings(struct sql_rows *r, struct arena *arena, size_t *n)
{
	const char **list = NULL;

	*n = 0;
	while (sql_next(r))
		*STORE_PUSH(arena, list, *n, *list) = sql_text(r, 0, arena);
	return list;
}

const char *const *store_members(struct store *s, int64_t id, size_t max, struct arena *arena,
				 size_t *n, int64_t *total)
{
	struct sql_rows *r =
	    sql_query(s->db,
		      "SELECT count(*) FROM incident_member WHERE incident = ? AND (left_at = 0 OR"
		      " (SELECT NOT open FROM incident WHERE id = ?))",
		      "ii", id, id);

	*total = 0;
	if (sql_next(r)) {
		*total = sql_int(r, 0);
		sql_end(r);
	}
	return strings(
	    sql_query(s->db,
		      "SELECT domain FROM incident_member WHERE incident = ? AND (left_at = 0"
		      " OR (SELECT NOT open FROM incident WHERE id = ?))"
		      " ORDER BY domain LIMIT ?",
		      "iii", id, id, (int64_t)max),
	    arena, n);
}

const char *const *store_causes(struct store *s, int64_t id, size_t max, struct arena *arena,
				size_t *n)
{
	return strings(
	    sql_query(s->db,
		      "SELECT subject || ': ' || summary FROM incident WHERE initial = ? AND open"
		      " UNION SELECT subject || ': ' || ifnull(summary, check_id)"
		      " FROM problem WHERE explained_by = ? AND explained_by <> 0"
		      " ORDER BY 1 LIMIT ?",
		      "iii", id, id, (int64_t)max),
	    arena, n);
}

static int64_t number(struct sql_rows *r)
{
	int64_t n = 0;

	if (sql_next(r)) {
		n = sql_int(r, 0);
		sql_end(r);
	}
	return n;
}

size_t store_initial_open(struct store *s, int64_t id)
{
	return (size_t)number(sql_query(
	    s->db,
	    "SELECT count(*) FROM incident WHERE initial = ? AND initial IS NOT NULL AND open", "i",
	    id));
}

int64_t store_initial_waiting(struct store *s)
{
	return number(sql_query(
	    s->db,
	    "SELECT i.id FROM outbox o JOIN incident i ON i.id = o.incident WHERE o.state = 0"
	    " AND o.attempts = 0 AND o.incident <> 0 AND i.event = 'initial.state' LIMIT 1",
	    ""));
}

int64_t store_ended_lately(struct store *s, const char *key, int64_t since)
{
	struct sql_rows *r = sql_query(
	    s->db, "SELECT count(*) FROM incident WHERE key = ? AND NOT open AND closed > ?", "si",
	    key, since);
	int64_t n = sql_next(r) ? sql_int(r, 0) : 0;

	sql_end(r);
	return n;
}

int64_t store_open_incidents(struct store *s)
{
	return sql_number(s->db, "SELECT count(*) FROM incident WHERE open AND NOT quiet");
}
