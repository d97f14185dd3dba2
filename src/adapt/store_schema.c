/* SPDX-License-Identifier: ISC */
#include "store_schema.h"

/* Times are seconds since the epoch; kind, state and severity are the enums of core, kind of
 * subject is enum obs_kind (1 domain, 2 host), severity enum finding_severity. */
static const char first[] =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"

    /* What the schedule and the roster want at start, lean and in the order of the names. */
    "CREATE TABLE subject ("
    "  kind INTEGER NOT NULL, name TEXT NOT NULL,"
    "  at INTEGER NOT NULL,"	 /* last probe that could see */
    "  judged INTEGER NOT NULL," /* domain: last judgement */
    "  sweep INTEGER NOT NULL,"	 /* host: last deep look */
    "  relay INTEGER NOT NULL,"	 /* host: last relay test, and since when they are accepted */
    "  relay_accepted INTEGER NOT NULL,"
    "  digest INTEGER NOT NULL,"    /* of the facts of the last observation */
    "  baselined INTEGER NOT NULL," /* the silent first look is over */
    "  grade TEXT,"		    /* domain: the believed one */
    "  hosts TEXT,"		    /* domain: \"mx1.example.test 1\" per line, with its ports */
    "  PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE body ("
    "  kind INTEGER NOT NULL, name TEXT NOT NULL,"
    "  observation TEXT NOT NULL,"
    "  posture TEXT," /* believed */
    "  PRIMARY KEY (kind, name)) STRICT;"

    /* Every observation whose facts differ from the one before. */
    "CREATE TABLE past ("
    "  kind INTEGER NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL,"
    "  observation TEXT NOT NULL,"
    "  PRIMARY KEY (kind, name, at)) STRICT;"
    "CREATE INDEX past_at ON past (at);"

    "CREATE TABLE incident ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  uid TEXT NOT NULL UNIQUE, key TEXT NOT NULL, event TEXT NOT NULL,"
    "  check_id TEXT NOT NULL, subject TEXT NOT NULL, host TEXT, mark TEXT,"
    "  kind INTEGER NOT NULL, severity INTEGER NOT NULL,"
    "  open INTEGER NOT NULL, quiet INTEGER NOT NULL,"
    "  initial INTEGER REFERENCES incident (id) ON DELETE SET NULL,"
    "  opened INTEGER NOT NULL, closed INTEGER NOT NULL,"
    "  since INTEGER NOT NULL, last_ok INTEGER NOT NULL,"
    "  confirmed_by INTEGER NOT NULL, seq INTEGER NOT NULL,"
    "  summary TEXT NOT NULL, advice TEXT, reference TEXT, expected TEXT, actual TEXT,"
    "  changes TEXT, before TEXT, after TEXT,"
    "  acked INTEGER NOT NULL, acked_by TEXT, ack_reason TEXT) STRICT;"
    "CREATE UNIQUE INDEX incident_open ON incident (key) WHERE open;"
    "CREATE INDEX incident_initial ON incident (initial) WHERE initial IS NOT NULL;"
    "CREATE INDEX incident_closed ON incident (closed) WHERE NOT open;"

    "CREATE TABLE incident_member ("
    "  incident INTEGER NOT NULL REFERENCES incident (id) ON DELETE CASCADE,"
    "  domain TEXT NOT NULL, joined INTEGER NOT NULL, left_at INTEGER NOT NULL,"
    "  PRIMARY KEY (incident, domain)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX incident_member_domain ON incident_member (domain);"

    /* To whom an incident was told, and when to remind them. */
    "CREATE TABLE told ("
    "  incident INTEGER NOT NULL REFERENCES incident (id) ON DELETE CASCADE,"
    "  receiver TEXT NOT NULL, at INTEGER NOT NULL,"
    "  repeat INTEGER NOT NULL, remind INTEGER NOT NULL,"
    "  PRIMARY KEY (incident, receiver)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX told_remind ON told (remind) WHERE remind > 0;"

    "CREATE TABLE problem ("
    "  domain TEXT NOT NULL, check_id TEXT NOT NULL, subject TEXT NOT NULL,"
    "  host TEXT, state INTEGER NOT NULL, severity INTEGER NOT NULL,"
    "  fails INTEGER NOT NULL, oks INTEGER NOT NULL,"
    "  since INTEGER NOT NULL, last_ok INTEGER NOT NULL, counted INTEGER NOT NULL,"
    "  unknown_since INTEGER NOT NULL, unknown_told INTEGER NOT NULL,"
    "  baseline INTEGER NOT NULL, incident INTEGER NOT NULL, explained_by INTEGER NOT NULL,"
    "  mark TEXT, summary TEXT,"
    "  PRIMARY KEY (domain, check_id, subject)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX problem_incident ON problem (incident, domain) WHERE incident <> 0;"
    "CREATE INDEX problem_explained ON problem (explained_by) WHERE explained_by <> 0;"
    "CREATE INDEX problem_undecided ON problem (host, domain)"
    "  WHERE (state = 1 OR (state = 2 AND oks > 0));" /* PROBLEM_SUSPECT, PROBLEM_OPEN */

    "CREATE TABLE change ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,"
    "  kind INTEGER NOT NULL, name TEXT NOT NULL,"
    "  event TEXT NOT NULL, check_id TEXT NOT NULL, subject TEXT NOT NULL,"
    "  severity INTEGER NOT NULL, summary TEXT NOT NULL, before TEXT, after TEXT,"
    "  notice TEXT) STRICT;" /* the id of the notice that told it */
    "CREATE INDEX change_name ON change (kind, name, at);"
    "CREATE INDEX change_at ON change (at);"

    /* Policies a sender may still hold (RFC 8461 section 3.3), certificates seen. */
    "CREATE TABLE policy_seen ("
    "  domain TEXT NOT NULL, policy_id TEXT NOT NULL, body TEXT NOT NULL,"
    "  first INTEGER NOT NULL, last INTEGER NOT NULL,"
    "  PRIMARY KEY (domain, first, policy_id)) STRICT;"
    "CREATE TABLE cert_seen ("
    "  subject TEXT NOT NULL, sha256 TEXT NOT NULL,"
    "  not_before INTEGER NOT NULL, not_after INTEGER NOT NULL,"
    "  first INTEGER NOT NULL, last INTEGER NOT NULL,"
    "  PRIMARY KEY (subject, sha256)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE outbox ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  uid TEXT NOT NULL," /* of the notice: the same on every retry */
    "  receiver TEXT NOT NULL,"
    "  incident INTEGER NOT NULL," /* 0: a change, a test */
    "  status INTEGER NOT NULL,"   /* enum notice_status */
    "  severity INTEGER NOT NULL,"
    "  state INTEGER NOT NULL," /* enum store_delivery */
    "  created INTEGER NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    "  digest INTEGER NOT NULL, batch INTEGER NOT NULL,"
    "  repeat INTEGER NOT NULL,"	     /* seconds until a reminder */
    "  source TEXT, stamp INTEGER NOT NULL," /* the change's subject and its observation's time */
    "  fallback_of TEXT,"		     /* receiver that could not be reached */
    "  notice TEXT NOT NULL,"
    "  code INTEGER NOT NULL, text TEXT, ended INTEGER NOT NULL) STRICT;"
    "CREATE INDEX outbox_due ON outbox (receiver, digest, due) WHERE state = 0;"
    "CREATE INDEX outbox_incident ON outbox (incident, receiver) WHERE incident <> 0;"
    "CREATE INDEX outbox_source ON outbox (source, stamp) WHERE state = 0 AND source IS NOT NULL;"
    "CREATE INDEX outbox_batch ON outbox (batch) WHERE batch <> 0;"
    "CREATE INDEX outbox_ended ON outbox (ended) WHERE state <> 0;";

/* Silences; and until when a notice was held back by one, or by a maintenance window. */
static const char second[] = "CREATE TABLE silence ("
			     "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
			     "  match TEXT NOT NULL," /* JSON, as it was asked for */
			     "  author TEXT NOT NULL, reason TEXT NOT NULL,"
			     "  since INTEGER NOT NULL, until INTEGER NOT NULL) STRICT;"
			     "CREATE INDEX silence_until ON silence (until);"
			     "ALTER TABLE outbox ADD COLUMN held INTEGER NOT NULL DEFAULT 0;";

/* The Subject of an incident's thread stays, whoever joins it. */
static const char third[] = "ALTER TABLE incident ADD COLUMN title TEXT;";

/* Whether an incident comes and goes: those that had its root cause before. */
static const char fourth[] = "CREATE INDEX incident_key ON incident (key, closed) WHERE NOT open;";

const char *const store_migrations[] = {first, second, third, fourth};
const size_t store_migration_count = sizeof(store_migrations) / sizeof(store_migrations[0]);
