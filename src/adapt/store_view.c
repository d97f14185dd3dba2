/* SPDX-License-Identifier: ISC */
#include "store_view.h"

#include <string.h>

#include "posture.h"
#include "roster.h"
#include "store_parts.h"

#define MEMBERS_SHOWN 20

void store_view_begin(struct store *s)
{
	sql_rollback(s->db);
	sql_script(s->db, "BEGIN");
}

bool store_view_end(struct store *s)
{
	bool fine = sql_trouble(s->db) == SQL_FINE;

	sql_rollback(s->db);
	return fine;
}

/* -- marks --------------------------------------------------------------------------------------
 */

/* The domain's place in conf, searched from *at on: both sides are in the order of the names. */
static struct view_mark *walk(const struct conf *conf, struct view_mark *marks, size_t *at,
			      const char *name)
{
	int order = -1;

	while (*at < conf->n_domains && (order = strcmp(conf->domains[*at].name, name)) < 0)
		++*at;
	return *at < conf->n_domains && order == 0 ? &marks[*at] : NULL;
}

#define OPEN_STATUS /* of a problem row, as enum view_state: PROBLEM_OPEN is 2 */                  \
	"CASE WHEN state = 2 AND severity = 3 THEN 4 WHEN state = 2 AND severity = 2 THEN 3"       \
	" WHEN unknown_told THEN 2 ELSE 1 END"

void store_view_marks(struct store *s, const struct conf *conf, struct view_mark *marks)
{
	struct view_mark *m;
	struct sql_rows *r;
	size_t at = 0;

	memset(marks, 0, conf->n_domains * sizeof(*marks));
	r = sql_query(
	    s->db, "SELECT name, at, judged, grade FROM subject WHERE kind = 1 ORDER BY name", "");
	while (sql_next(r)) {
		m = walk(conf, marks, &at, sql_peek(r, 0));
		if (m == NULL)
			continue;
		m->at = sql_int(r, 1);
		m->state = sql_int(r, 2) > 0 ? VIEW_OK : VIEW_PENDING;
		m->grade = (uint8_t)view_grade(sql_peek(r, 3));
	}
	at = 0;
	r = sql_query(
	    s->db,
	    "SELECT domain, max(" OPEN_STATUS ") FROM problem GROUP BY domain ORDER BY domain", "");
	while (sql_next(r)) {
		m = walk(conf, marks, &at, sql_peek(r, 0));
		if (m && m->state != VIEW_PENDING)
			m->state = (uint8_t)sql_int(r, 1);
	}
}

void store_view_problems(struct store *s, struct view_domain *d, struct arena *arena)
{
	struct sql_rows *r = sql_query(s->db,
				       "SELECT summary, " OPEN_STATUS
				       " AS status FROM problem WHERE domain = ? AND status > 1"
				       " ORDER BY status DESC, explained_by = 0 DESC, since",
				       "s", d->name);

	d->open = 0;
	while (sql_next(r))
		if (d->open++ == 0)
			d->summary = sql_text(r, 0, arena);
}

void store_view_open(struct store *s, store_view_problem_cb *cb, void *arg)
{
	static const int status[] = {0, 0, 3, 1, 2};
	struct sql_rows *r =
	    sql_query(s->db,
		      "SELECT domain, check_id, max(" OPEN_STATUS ") AS status FROM problem"
		      " GROUP BY domain, check_id HAVING status > 1 ORDER BY domain, check_id",
		      "");

	while (sql_next(r)) {
		struct view_problem p = {sql_peek(r, 0), sql_peek(r, 1), status[sql_int(r, 2)]};
		cb(&p, arg);
	}
}

void store_view_stamps(struct store *s, store_view_stamp_cb *cb, void *arg)
{
	struct sql_rows *r = sql_query(s->db, "SELECT kind, name, at FROM subject", "");

	while (sql_next(r))
		cb((int)sql_int(r, 0), sql_peek(r, 1), sql_int(r, 2), arg);
}

/* -- incidents ------------------------------------------------------------------------------------
 */

#define COLUMNS                                                                                    \
	"SELECT i.id, uid, event, check_id, i.subject, host, severity, open, opened, closed,"      \
	" since, last_ok, summary, advice, reference, expected, actual, acked, acked_by,"          \
	" ack_reason FROM incident i "

static void members(struct store *s, struct view_incident *i, struct arena *arena)
{
	i->domains =
	    store_members(s, i->id, MEMBERS_SHOWN, arena, &i->n_domains, &i->domains_total);
}

/* The rows first, their members then: one statement walks at a time. */
static struct view_incident *incidents(struct store *s, struct sql_rows *r, struct arena *arena,
				       size_t *n)
{
	struct view_incident *list = NULL;

	*n = 0;
	while (sql_next(r))
		*STORE_PUSH(arena, list, *n, *list) = (struct view_incident){
		    .id = sql_int(r, 0),
		    .uid = sql_text(r, 1, arena),
		    .event = sql_text(r, 2, arena),
		    .check = sql_text(r, 3, arena),
		    .subject = sql_text(r, 4, arena),
		    .host = sql_text(r, 5, arena),
		    .severity = (int)sql_int(r, 6),
		    .open = sql_int(r, 7) != 0,
		    .opened = sql_int(r, 8),
		    .closed = sql_int(r, 9),
		    .since = sql_int(r, 10),
		    .last_ok = sql_int(r, 11),
		    .summary = sql_text(r, 12, arena),
		    .advice = sql_text(r, 13, arena),
		    .reference = sql_text(r, 14, arena),
		    .expected = sql_text(r, 15, arena),
		    .actual = sql_text(r, 16, arena),
		    .acked = sql_int(r, 17),
		    .acked_by = sql_text(r, 18, arena),
		    .ack_reason = sql_text(r, 19, arena),
		};
	for (size_t i = 0; i < *n; i++)
		members(s, &list[i], arena);
	return list;
}

struct view_incident *store_view_incidents(struct store *s, bool open, bool closed, int64_t before,
					   size_t max, struct arena *arena, size_t *n)
{
	return incidents(s,
			 sql_query(s->db,
				   COLUMNS "WHERE (open = ? OR open = ?) AND i.id < ?"
					   " ORDER BY i.id DESC LIMIT ?",
				   "iiii", (int64_t)(open ? 1 : 0), (int64_t)(closed ? 0 : 1),
				   before ? before : INT64_MAX, (int64_t)max),
			 arena, n);
}

struct view_incident *store_view_gravest(struct store *s, size_t max, struct arena *arena,
					 size_t *n)
{
	return incidents(
	    s,
	    sql_query(
		s->db,
		COLUMNS
		"WHERE open = 1 AND (NOT EXISTS (SELECT 1 FROM problem p WHERE p.incident = i.id)"
		" OR EXISTS (SELECT 1 FROM problem p WHERE p.incident = i.id AND"
		" p.explained_by = 0)) ORDER BY severity DESC, opened DESC LIMIT ?",
		"i", (int64_t)max),
	    arena, n);
}

struct view_incident *store_view_incidents_of(struct store *s, const char *domain, size_t max,
					      struct arena *arena, size_t *n)
{
	return incidents(s,
			 sql_query(s->db,
				   COLUMNS
				   "JOIN incident_member m ON m.incident = i.id WHERE m.domain = ?"
				   " ORDER BY open AND left_at = 0 DESC, severity * open DESC,"
				   " opened DESC LIMIT ?",
				   "si", domain, (int64_t)max),
			 arena, n);
}

struct view_incident *store_view_incidents_at(struct store *s, const char *host, size_t max,
					      struct arena *arena, size_t *n)
{
	return incidents(s,
			 sql_query(s->db,
				   COLUMNS "WHERE open AND (host = ? OR i.subject = ?)"
					   " ORDER BY severity DESC, opened DESC LIMIT ?",
				   "ssi", host, host, (int64_t)max),
			 arena, n);
}

void store_view_spans(struct store *s, const char *domain, int64_t since, store_view_span_cb *cb,
		      void *arg)
{
	struct sql_rows *r = sql_query(
	    s->db,
	    "SELECT severity, CASE WHEN since > 0 THEN since ELSE opened END,"
	    " CASE WHEN left_at > 0 THEN left_at WHEN open THEN 0 ELSE closed END AS until"
	    " FROM incident_member m JOIN incident i ON i.id = m.incident"
	    " WHERE m.domain = ? AND (until = 0 OR until >= ?)",
	    "si", domain, since);

	while (sql_next(r))
		cb((int)sql_int(r, 0), sql_int(r, 1), sql_int(r, 2), arg);
}

struct view_incident *store_view_incident(struct store *s, const char *uid, struct arena *arena)
{
	size_t n;
	struct view_incident *found =
	    incidents(s, sql_query(s->db, COLUMNS "WHERE uid = ?", "s", uid), arena, &n);

	return n > 0 ? found : NULL;
}

void store_view_open_by_severity(struct store *s, int64_t counts[4])
{
	struct sql_rows *r = sql_query(
	    s->db, "SELECT severity, count(*) FROM incident WHERE open = 1 GROUP BY severity", "");

	memset(counts, 0, 4 * sizeof(*counts));
	while (sql_next(r))
		counts[sql_int(r, 0) & 3] = sql_int(r, 1);
}

/* -- changes
 * ---------------------------------------------------------------------------------------- */

static struct view_change *changes(struct sql_rows *r, struct arena *arena, size_t *n)
{
	struct view_change *list = NULL;

	*n = 0;
	while (sql_next(r))
		*STORE_PUSH(arena, list, *n, *list) = (struct view_change){
		    .id = sql_int(r, 0),
		    .at = sql_int(r, 1),
		    .kind = (int)sql_int(r, 2),
		    .name = sql_text(r, 3, arena),
		    .event = sql_text(r, 4, arena),
		    .check = sql_text(r, 5, arena),
		    .subject = sql_text(r, 6, arena),
		    .severity = (int)sql_int(r, 7),
		    .summary = sql_text(r, 8, arena),
		    .before = sql_text(r, 9, arena),
		    .after = sql_text(r, 10, arena),
		};
	return list;
}

#define CHANGE_COLUMNS                                                                             \
	"SELECT id, at, kind, name, event, check_id, subject, severity, summary, before, after"    \
	" FROM change "

struct view_change *store_view_changes(struct store *s, int64_t before, int64_t since, size_t max,
				       struct arena *arena, size_t *n)
{
	return changes(sql_query(s->db,
				 CHANGE_COLUMNS "WHERE id < ? AND at >= ? ORDER BY id DESC LIMIT ?",
				 "iii", before ? before : INT64_MAX, since, (int64_t)max),
		       arena, n);
}

int64_t store_view_changes_ever(struct store *s)
{
	return sql_number(
	    s->db, "SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'change'), 0)");
}

struct view_change *store_view_changes_of(struct store *s, int kind, const char *name,
					  int64_t before, size_t max, struct arena *arena,
					  size_t *n)
{
	return changes(sql_query(s->db,
				 CHANGE_COLUMNS "WHERE kind = ? AND name = ? AND id < ?"
						" ORDER BY at DESC, id DESC LIMIT ?",
				 "isii", (int64_t)kind, name, before ? before : INT64_MAX,
				 (int64_t)max),
		       arena, n);
}

/* -- hosts
 * ------------------------------------------------------------------------------------------- */

struct view_expiry *store_view_expiries(struct store *s, size_t max, struct arena *arena, size_t *n)
{
	struct view_expiry *list = NULL;
	/* of each service the certificate seen last: the other columns are of that row */
	struct sql_rows *r = sql_query(
	    s->db,
	    "SELECT subject, not_before, not_after, max(last) FROM cert_seen GROUP BY subject"
	    " HAVING EXISTS (SELECT 1 FROM subject h WHERE h.kind = 2 AND"
	    "  h.name = substr(cert_seen.subject, 1, instr(cert_seen.subject, '[') - 1))"
	    " ORDER BY not_after LIMIT ?",
	    "i", (int64_t)max);

	*n = 0;
	while (sql_next(r))
		*STORE_PUSH(arena, list, *n, *list) =
		    (struct view_expiry){sql_text(r, 0, arena), sql_int(r, 1), sql_int(r, 2)};
	return list;
}

int64_t store_view_hosts(struct store *s)
{
	return sql_number(s->db, "SELECT count(*) FROM subject WHERE kind = 2");
}

/* hosts has a line "NAME PORTS" for each. */
static bool leads_to(const char *hosts, const char *host)
{
	size_t len = strlen(host);

	for (const char *at = hosts; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (strncmp(at, host, len) == 0 && at[len] == ' ')
			return true;
	return false;
}

const char *const *store_view_domains_of(struct store *s, const char *host, size_t max,
					 struct arena *arena, size_t *n, int64_t *total)
{
	const char **list = NULL;
	struct sql_rows *r = sql_query(s->db,
				       "SELECT name, hosts FROM subject WHERE kind = 1"
				       " AND instr(hosts, ? || ' ') > 0 ORDER BY name",
				       "s", host);

	*n = 0;
	*total = 0;
	while (sql_next(r))
		if (leads_to(sql_peek(r, 1), host) && ++*total <= (int64_t)max)
			*STORE_PUSH(arena, list, *n, *list) = sql_text(r, 0, arena);
	return list;
}

struct observation *store_view_observation(struct store *s, int kind, const char *name,
					   struct arena *arena)
{
	const char *json, *posture;
	struct observation *o;
	struct sql_rows *r;
	struct error err;

	if (!store_body(s, kind, name, arena, &json, &posture) || json == NULL)
		return NULL;
	o = observation_decode(json, strlen(json), SHAPE_LENIENT, arena, &err);
	/* equal facts are not stored again: they were last seen so when the subject was */
	r = sql_query(s->db, "SELECT at FROM subject WHERE kind = ? AND name = ?", "is", kind,
		      name);
	if (sql_next(r)) {
		if (o)
			o->at = sql_int(r, 0);
		sql_end(r);
	}
	return o;
}

int64_t store_view_first(struct store *s, const char *domain)
{
	struct sql_rows *r =
	    sql_query(s->db, "SELECT min(at) FROM past WHERE kind = 1 AND name = ?", "s", domain);
	int64_t at = 0;

	if (sql_next(r)) {
		at = sql_int(r, 0);
		sql_end(r);
	}
	return at;
}

struct eval_host *store_view_hosts_of(struct store *s, const char *domain, struct arena *arena,
				      size_t *n)
{
	struct eval_host *hosts = NULL;
	struct sql_rows *r =
	    sql_query(s->db, "SELECT hosts FROM subject WHERE kind = 1 AND name = ?", "s", domain);

	*n = 0;
	if (!sql_next(r))
		return NULL;
	if (sql_peek(r, 0))
		*n = roster_hosts_decode(sql_peek(r, 0), arena, &hosts);
	sql_end(r);
	return hosts;
}

struct observation *store_view_seen_at(struct store *s, int kind, const char *name, int64_t at,
				       struct arena *arena, int64_t *unreadable)
{
	struct observation *o = NULL;
	struct error err;
	struct sql_rows *r =
	    sql_query(s->db,
		      "SELECT observation, at FROM past WHERE kind = ? AND name = ?"
		      " ORDER BY at > ?, CASE WHEN at > ? THEN at ELSE -at END LIMIT 1",
		      "isii", (int64_t)kind, name, at, at);

	while (sql_next(r)) {
		const char *json = sql_peek(r, 0);
		o = observation_decode(json, strlen(json), SHAPE_LENIENT, arena, &err);
		if (o == NULL)
			*unreadable = sql_int(r, 1);
	}
	return o;
}

/* -- the past
 * ------------------------------------------------------------------------------------------ */

/* Since when the live id and the live body have been there: the run of equal ones, newest first. */
static void since(struct eval_history *h)
{
	for (size_t i = 0; i < h->n_policies && strcmp(h->policies[i].id, h->policies[0].id) == 0;
	     i++)
		h->id_since = h->policies[i].first;
	for (size_t i = 0;
	     i < h->n_policies && strcmp(h->policies[i].body, h->policies[0].body) == 0; i++)
		h->body_since = h->policies[i].first;
}

/* A believed name without the quotes of its JSON. */
static const char *believed(const struct posture *p, const char *key, struct arena *arena)
{
	const struct fact *f = posture_get(p, key);
	size_t len = f && f->state == FACT_VALUE && f->value ? strlen(f->value) : 0;

	return len > 2 ? arena_strndup(arena, f->value + 1, len - 2) : NULL;
}

static void delegation(struct store *s, const char *domain, struct eval_history *h,
		       struct arena *arena)
{
	const char *json, *text;
	struct posture posture;
	struct error err;

	if (!store_body(s, OBS_KIND_DOMAIN, domain, arena, &json, &text) || text == NULL ||
	    shape_decode(&posture_shape, SHAPE_LENIENT, text, strlen(text), arena, &posture, &err) <
		0)
		return;
	h->cname_mta_sts_record = believed(&posture, "mta_sts.delegation.record", arena);
	h->cname_mta_sts_host = believed(&posture, "mta_sts.delegation.host", arena);
}

static int64_t relay_accepted(struct store *s, const char *host)
{
	struct sql_rows *r = sql_query(
	    s->db, "SELECT relay_accepted FROM subject WHERE kind = 2 AND name = ?", "s", host);
	int64_t at = 0;

	if (sql_next(r)) {
		at = sql_int(r, 0);
		sql_end(r);
	}
	return at;
}

struct eval_history *store_view_history(struct store *s, const char *domain,
					const struct eval_host *hosts, size_t n_hosts,
					struct arena *arena)
{
	struct eval_history *h = arena_alloc(arena, sizeof(*h));
	struct eval_cert_seen *all = NULL;

	h->available = true;
	h->policies = store_policies(s, domain, arena, &h->n_policies);
	since(h);
	for (size_t i = 0; i < n_hosts; i++) {
		int64_t accepted = relay_accepted(s, hosts[i].name);
		size_t n;
		struct eval_cert_seen *seen = store_certs(s, hosts[i].name, arena, &n);
		struct eval_cert_seen *both = arena_array(arena, h->n_certs + n + 1, sizeof(*both));
		if (h->n_certs)
			memcpy(both, all, h->n_certs * sizeof(*both));
		if (n)
			memcpy(both + h->n_certs, seen, n * sizeof(*both));
		all = both;
		h->n_certs += n;
		if (accepted > h->relay_accepted_before)
			h->relay_accepted_before = accepted;
	}
	h->certs = all;
	delegation(s, domain, h, arena);
	return h;
}

int store_view_copy(struct store *s, const char *file, struct error *err)
{
	sql_rollback(s->db);
	sql_script(s->db,
		   "PRAGMA query_only = OFF"); /* it was opened for reading: nothing can write it */
	if (sql_run(s->db, "VACUUM INTO ?", "s", file))
		return 0;
	return error_set(err, "%s: %s", file, sql_why(s->db));
}

struct view_outbox *store_view_outbox(struct store *s, int64_t now, struct arena *arena, size_t *n)
{
	struct view_outbox *list = NULL, *more;
	struct sql_rows *r = sql_query(
	    s->db,
	    "SELECT receiver, sum(state = 0), sum(state = 2),"
	    " sum(state = 0 AND held > ?1 AND due = held),"
	    " ifnull(min(CASE WHEN state = 0 AND NOT digest AND NOT (held > ?1 AND due = held)"
	    " THEN max(created, held) END), 0)"
	    " FROM outbox WHERE state IN (0, 2) GROUP BY receiver",
	    "i", now);

	*n = 0;
	while (sql_next(r)) {
		if ((*n & (*n - 1)) == 0) {
			more = arena_array(arena, *n ? 2 * *n : 1, sizeof(*more));
			if (*n)
				memcpy(more, list, *n * sizeof(*more));
			list = more;
		}
		list[(*n)++] =
		    (struct view_outbox){arena_strdup(arena, sql_peek(r, 0)), sql_int(r, 1),
					 sql_int(r, 2), sql_int(r, 3), sql_int(r, 4)};
	}
	return list;
}
