/* SPDX-License-Identifier: ISC
 *
 * The state on a real file: the lock, versions, damage, a full disk, and that every row comes
 * back as it went in.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "notice.h"
#include "sql.h"
#include "store.h"

struct place {
	char dir[64];
	struct store *s;
	struct arena *arena;
};

static struct store *open_at(const char *dir)
{
	struct store *s;
	struct error err = {""};

	assert_int_equal(store_open(dir, 1000, &s, &err), STORE_OK);
	assert_string_equal(err.text, "");
	return s;
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->dir, "/tmp/mxwatch-store-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->s = open_at(p->dir);
	p->arena = arena_new();
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char command[128];

	store_close(p->s);
	arena_free(p->arena);
	snprintf(command, sizeof(command), "rm -rf %s", p->dir);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

static void commit(struct store *s)
{
	bool damaged;
	struct error err = {""};

	if (store_commit(s, &damaged, &err) < 0)
		fail_msg("commit: %s", err.text);
}

static void again(struct place *p)
{
	store_close(p->s);
	p->s = open_at(p->dir);
}

static void test_one_writer(void **state)
{
	struct place *p = *state;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct store *s;
		struct error err;
		_exit(store_open(p->dir, 1, &s, &err) == STORE_BUSY ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_newer_is_refused(void **state)
{
	struct place *p = *state;
	char path[128];
	enum sql_trouble trouble;
	struct error err;
	struct store *s;
	struct sql *db;

	store_close(p->s);
	p->s = NULL;
	snprintf(path, sizeof(path), "%s/state.db", p->dir);
	db = sql_open(path, false, &trouble, &err);
	assert_int_equal(sql_script(db, "PRAGMA user_version = 999"), 0);
	sql_close(db);
	assert_int_equal(store_open(p->dir, 1, &s, &err), STORE_NEWER);
	assert_null(s);
	assert_non_null(strstr(err.text, "newer"));
	assert_null(store_open_read_only(p->dir, &err));
}

static void scribble(const char *dir, long at, size_t len)
{
	char path[128], junk[512];
	FILE *f;

	memset(junk, 0x5a, sizeof(junk));
	snprintf(path, sizeof(path), "%s/state.db", dir);
	f = fopen(path, "r+b");
	assert_non_null(f);
	fseek(f, at, SEEK_SET);
	while (len > 0) {
		size_t n = len < sizeof(junk) ? len : sizeof(junk);
		assert_int_equal(fwrite(junk, 1, n, f), n);
		len -= n;
	}
	fclose(f);
}

static void test_damage_is_moved_aside(void **state)
{
	struct place *p = *state;
	char moved[160];

	assert_null(store_moved(p->s));
	store_begin(p->s);
	store_put_meta(p->s, "seed", "7");
	commit(p->s);
	store_close(p->s);
	scribble(p->dir, 0, 4096);
	p->s = open_at(p->dir);
	snprintf(moved, sizeof(moved), "%s/state.db.corrupt-1000", p->dir);
	assert_string_equal(store_moved(p->s), moved);
	assert_int_equal(access(moved, F_OK), 0);
	assert_null(store_meta(p->s, "seed", p->arena));
}

static void test_damage_met_later(void **state)
{
	struct place *p = *state;
	struct error err;
	bool damaged;

	store_begin(p->s);
	for (int i = 0; i < 2000; i++) {
		char name[64];
		snprintf(name, sizeof(name), "d%d.example.test", i);
		store_put_subject(p->s, &(struct store_subject){.kind = 1, .name = name});
	}
	commit(p->s);
	store_close(p->s); /* the last writer leaves no log behind */
	/* leaves of the tree are hit, the first pages are not */
	scribble(p->dir, 40 * 4096, 20 * 4096);
	p->s = open_at(p->dir);
	store_begin(p->s);
	for (int i = 0; i < 2000; i++) {
		char name[64];
		snprintf(name, sizeof(name), "d%d.example.test", i);
		store_put_subject(p->s, &(struct store_subject){.kind = 1, .name = name, .at = 5});
	}
	assert_true(store_failed(p->s));
	assert_int_equal(store_commit(p->s, &damaged, &err), -1);
	assert_true(damaged);
	again(p);
	assert_non_null(store_moved(p->s));
	again(p);
	assert_null(store_moved(p->s));
}

static void test_full_disk_passes(void **state)
{
	struct place *p = *state;
	struct rlimit limit = {4096, RLIM_INFINITY};
	struct error err;
	bool damaged;

	signal(SIGXFSZ, SIG_IGN);
	store_begin(p->s);
	store_put_meta(p->s, "kept", "yes");
	commit(p->s);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	store_begin(p->s);
	store_put_meta(p->s, "lost", "yes");
	assert_int_equal(store_commit(p->s, &damaged, &err), -1);
	assert_false(damaged);
	limit.rlim_cur = RLIM_INFINITY;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	store_begin(p->s);
	assert_null(store_meta(p->s, "lost", p->arena));
	assert_string_equal(store_meta(p->s, "kept", p->arena), "yes");
	store_put_meta(p->s, "lost", "found");
	commit(p->s);
	again(p);
	assert_string_equal(store_meta(p->s, "lost", p->arena), "found");
}

/* -- rows ---------------------------------------------------------------------- */

static void collect(const struct store_subject *row, void *arg)
{
	char *out = arg;

	snprintf(out + strlen(out), 512 - strlen(out), "%d %s %lld %lld %d %s %s;", row->kind,
		 row->name, (long long)row->at, (long long)row->digest, row->baselined,
		 row->grade ? row->grade : "-", row->hosts ? row->hosts : "-");
}

static void test_subjects(void **state)
{
	struct place *p = *state;
	char seen[512] = "";
	const char *observation, *posture;

	store_begin(p->s);
	store_put_subject(
	    p->s, &(struct store_subject){.kind = 2, .name = "mx.b.test", .at = 3, .digest = -9});
	store_put_subject(p->s, &(struct store_subject){.kind = 1, .name = "b.test"});
	store_put_subject(p->s, &(struct store_subject){.kind = 1,
							.name = "b.test",
							.at = 7,
							.baselined = true,
							.grade = "A",
							.hosts = "h 1"});
	store_put_subject(p->s, &(struct store_subject){.kind = 1, .name = "a.test"});
	store_put_body(p->s, 1, "b.test", "{\"v\":1}", "[]");
	store_put_body(p->s, 1, "b.test", "{\"v\":2}", NULL);
	store_put_past(p->s, 1, "b.test", 5, "{}");
	commit(p->s);
	again(p);
	store_subjects(p->s, collect, seen);
	assert_string_equal(seen,
			    "1 a.test 0 0 0 - -;1 b.test 7 0 1 A h 1;2 mx.b.test 3 -9 0 - -;");
	assert_true(store_body(p->s, 1, "b.test", p->arena, &observation, &posture));
	assert_string_equal(observation, "{\"v\":2}");
	assert_string_equal(posture, "[]");
	store_begin(p->s);
	store_drop_subject(p->s, 1, "b.test");
	commit(p->s);
	assert_false(store_body(p->s, 1, "b.test", p->arena, &observation, &posture));
}

static void test_history(void **state)
{
	struct place *p = *state;
	size_t n;
	struct eval_policy_seen *policies;
	struct eval_cert_seen *certs;

	store_begin(p->s);
	store_put_policy(p->s, "a.test", &(struct eval_policy_seen){"1", "version: STSv1", 10, 20});
	store_put_policy(p->s, "a.test", &(struct eval_policy_seen){"2", "version: STSv1", 30, 30});
	store_put_policy(p->s, "a.test", &(struct eval_policy_seen){"2", "version: STSv1", 30, 40});
	store_put_cert(p->s, &(struct eval_cert_seen){"mx.a.test[::1]:25", "aa", 1, 9, 2, 3});
	store_put_cert(p->s, &(struct eval_cert_seen){"mx.a.test[::1]:25", "aa", 1, 9, 5, 6});
	store_put_cert(p->s, &(struct eval_cert_seen){"mx.a.testing[::1]:25", "bb", 1, 9, 2, 3});
	commit(p->s);
	policies = store_policies(p->s, "a.test", p->arena, &n);
	assert_int_equal(n, 2);
	assert_string_equal(policies[0].id, "2");
	assert_int_equal(policies[0].last, 40);
	certs = store_certs(p->s, "mx.a.test", p->arena, &n);
	assert_int_equal(n, 1);
	assert_int_equal(certs[0].first, 2);
	assert_int_equal(certs[0].last, 6);
}

static struct problem problem(const char *domain, const char *check, int64_t incident)
{
	return (struct problem){
	    .domain = domain,
	    .check = check,
	    .subject = "mx.a.test[192.0.2.1]:25",
	    .host = "mx.a.test",
	    .state = PROBLEM_OPEN,
	    .severity = SEVERITY_CRITICAL,
	    .fails = 3,
	    .oks = 1,
	    .since = 100,
	    .last_ok = 90,
	    .counted_at = 110,
	    .unknown_since = 120,
	    .incident = incident,
	    .mark = "abc",
	    .summary = "it hurts",
	};
}

static void test_incidents(void **state)
{
	struct place *p = *state;
	struct incident i = {.uid = "u1",
			     .key = "k",
			     .event = "e",
			     .check = "c",
			     .subject = "s",
			     .host = "mx.a.test",
			     .severity = 2,
			     .open = true,
			     .opened = 5,
			     .since = 4,
			     .summary = "sum",
			     .reference = "RFC"};
	struct incident second = i;
	struct incident *back;
	struct problem one, *rows;
	const char *const *names;
	int64_t total;
	size_t n;

	store_begin(p->s);
	store_put_incident(p->s, &i);
	assert_true(i.id > 0);
	one = problem("a.test", "smtp.connect", i.id);
	store_put_problem(p->s, &one);
	one = problem("b.test", "smtp.connect", i.id);
	one.explained_by = 77;
	store_put_problem(p->s, &one);
	store_join(p->s, i.id, "b.test", 5);
	store_join(p->s, i.id, "a.test", 6);
	commit(p->s);

	rows = store_problems(p->s, "a.test", p->arena, &n);
	assert_int_equal(n, 1);
	one = problem("a.test", "smtp.connect", i.id);
	assert_string_equal(rows[0].check, one.check);
	assert_string_equal(rows[0].host, one.host);
	assert_string_equal(rows[0].mark, one.mark);
	assert_int_equal(rows[0].fails, 3);
	assert_int_equal(rows[0].oks, 1);
	assert_int_equal(rows[0].counted_at, 110);
	assert_int_equal(rows[0].unknown_since, 120);

	names = store_members(p->s, i.id, 1, p->arena, &n, &total);
	assert_int_equal(n, 1);
	assert_int_equal(total, 2);
	assert_string_equal(names[0], "a.test");
	assert_true(store_incident_speaks(p->s, i.id));
	assert_true(store_incident_held(p->s, i.id, "a.test"));

	store_begin(p->s);
	store_drop_problem(p->s, &rows[0]);
	store_leave(p->s, i.id, "a.test", 50);
	commit(p->s);
	assert_false(store_incident_held(p->s, i.id, "a.test"));
	assert_true(store_incident_held(p->s, i.id, NULL));
	assert_false(store_incident_speaks(p->s, i.id));
	store_members(p->s, i.id, 50, p->arena, &n, &total);
	assert_int_equal(total, 1);
	names = store_causes(p->s, 77, 9, p->arena, &n);
	assert_int_equal(n, 1);
	assert_string_equal(names[0], "mx.a.test[192.0.2.1]:25: it hurts");

	back = store_incident_by_key(p->s, "k", p->arena);
	assert_int_equal(back->id, i.id);
	assert_string_equal(back->reference, "RFC");
	assert_null(back->advice);
	store_begin(p->s);
	back->open = false;
	back->closed = 60;
	store_put_incident(p->s, back);
	commit(p->s);
	assert_null(store_incident_by_key(p->s, "k", p->arena));
	store_members(p->s, i.id, 50, p->arena, &n, &total); /* all that ever were */
	assert_int_equal(total, 2);
	/* only one open incident a key, any number of closed ones */
	store_begin(p->s);
	second.uid = "u2";
	store_put_incident(p->s, &second);
	commit(p->s);
	assert_int_equal(store_incident_by_key(p->s, "k", p->arena)->id, second.id);
	assert_int_equal(store_open_incidents(p->s), 1);
}

static struct store_outgoing row(const char *uid, const char *receiver, int64_t incident,
				 int64_t due)
{
	return (struct store_outgoing){.uid = uid,
				       .receiver = receiver,
				       .incident = incident,
				       .created = 100,
				       .due = due,
				       .notice = "{}"};
}

static void test_outbox(void **state)
{
	struct place *p = *state;
	struct store_outgoing a = row("a", "hook", 1, 200), b = row("b", "hook", 1, 150),
			      c = row("c", "hook", 2, 190), d = row("d", "mail", 2, 500), *o;
	size_t n;

	store_begin(p->s);
	a.id = store_put_outgoing(p->s, &a);
	b.id = store_put_outgoing(p->s, &b);
	c.id = store_put_outgoing(p->s, &c);
	d.digest = true;
	d.id = store_put_outgoing(p->s, &d);
	commit(p->s);
	again(p);
	/* b is due first, but a of the same incident is older */
	assert_null(store_next_outgoing(p->s, "hook", 180, p->arena));
	assert_int_equal(store_outgoing_due(p->s, "hook"), 190);
	o = store_next_outgoing(p->s, "hook", 250, p->arena);
	assert_string_equal(o->uid, "c");
	store_begin(p->s);
	o->state = STORE_DELIVERED;
	o->ended = 251;
	store_update_outgoing(p->s, o);
	commit(p->s);
	o = store_next_outgoing(p->s, "hook", 250, p->arena);
	assert_string_equal(o->uid, "a");
	store_begin(p->s);
	o->state = STORE_DEAD;
	o->code = 404;
	o->text = "no such hook";
	store_update_outgoing(p->s, o);
	commit(p->s);
	assert_string_equal(store_next_outgoing(p->s, "hook", 250, p->arena)->uid, "b");
	assert_null(store_next_outgoing(p->s, "mail", 900, p->arena));
	assert_null(store_digest(p->s, "mail", 499, 10, p->arena, &n));
	assert_string_equal(store_digest(p->s, "mail", 500, 10, p->arena, &n)[0].uid, "d");
	assert_int_equal(n, 1);

	o = store_queue(p->s, 10, p->arena, &n);
	assert_int_equal(n, 3); /* newest first: d, b, and the dead a */
	assert_string_equal(o[2].text, "no such hook");
	store_begin(p->s);
	assert_int_equal(store_retry_dead(p->s, 0, 300), 1);
	commit(p->s);
	assert_string_equal(store_next_outgoing(p->s, "hook", 300, p->arena)->uid, "a");
	assert_int_equal(store_outgoing_due(p->s, "nobody"), INT64_MAX);
}

/* What is due and untried becomes a digest; a sample, and one row alone, do not. */
static void test_gather(void **state)
{
	struct place *p = *state;
	struct store_outgoing a = row("a", "hook", 1, 100), b = row("b", "hook", 2, 100),
			      sample = row("s", "hook", 0, 100), later = row("l", "hook", 3, 300),
			      tried = row("t", "hook", 4, 100), lonely = row("o", "mail", 1, 100),
			      *o;
	size_t n;

	tried.attempts = 1;
	store_begin(p->s);
	store_put_outgoing(p->s, &a);
	store_put_outgoing(p->s, &b);
	store_put_outgoing(p->s, &sample);
	store_put_outgoing(p->s, &later);
	store_put_outgoing(p->s, &tried);
	store_put_outgoing(p->s, &lonely);
	store_gather(p->s, "hook", 200);
	store_gather(p->s, "mail", 200);
	commit(p->s);
	o = store_digest(p->s, "hook", 1000, 10, p->arena, &n);
	assert_int_equal(n, 2);
	assert_string_equal(o[0].uid, "a");
	assert_string_equal(o[1].uid, "b");
	assert_string_equal(store_next_outgoing(p->s, "mail", 200, p->arena)->uid, "o");
}

/* Open, and told to this receiver; or closed not long ago. */
static void test_renewals(void **state)
{
	struct place *p = *state;
	static const struct {
		bool open;
		int64_t closed;
		const char *told;
		bool renewed;
	} table[] = {{true, 0, "am", true},
		     {true, 0, "mail", false},
		     {true, 0, NULL, false},
		     {false, 900, "am", true},
		     {false, 100, "am", false}};
	int64_t wanted[5], *got;
	size_t n, k = 0;

	store_begin(p->s);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char name[8];
		snprintf(name, sizeof(name), "i%zu", i);
		struct incident one = {.uid = name,
				       .key = name,
				       .event = "e",
				       .check = "c",
				       .subject = "s",
				       .summary = "",
				       .open = table[i].open,
				       .closed = table[i].closed};
		store_put_incident(p->s, &one);
		if (table[i].told != NULL)
			store_told(p->s, one.id, table[i].told, 50, 0);
		if (table[i].renewed)
			wanted[k++] = one.id;
	}
	commit(p->s);
	got = store_renewals(p->s, "am", 700, p->arena, &n);
	assert_int_equal(n, k);
	assert_memory_equal(got, wanted, n * sizeof(*got));
}

static void test_reminders(void **state)
{
	struct place *p = *state;
	struct incident i = {.uid = "u1",
			     .key = "k",
			     .event = "e",
			     .check = "c",
			     .subject = "s",
			     .open = true,
			     .summary = ""};
	struct store_outgoing o;
	struct store_reminder *r;
	size_t n;

	store_begin(p->s);
	store_put_incident(p->s, &i);
	store_told(p->s, i.id, "hook", 100, 50);
	store_told(p->s, i.id, "mail", 100, 0);
	store_told(p->s, 999, "hook", 100, 50); /* no such incident */
	commit(p->s);
	assert_true(store_was_told(p->s, i.id, "mail"));
	assert_false(store_was_told(p->s, i.id, "nobody"));
	store_reminders(p->s, 149, p->arena, &n);
	assert_int_equal(n, 0);
	r = store_reminders(p->s, 150, p->arena, &n);
	assert_int_equal(n, 1);
	assert_string_equal(r[0].receiver, "hook");
	/* not while one waits, not after an acknowledgement */
	o = row("x", "hook", i.id, 10);
	store_begin(p->s);
	o.id = store_put_outgoing(p->s, &o);
	commit(p->s);
	store_reminders(p->s, 150, p->arena, &n);
	assert_int_equal(n, 0);
	store_begin(p->s);
	o.state = STORE_DELIVERED;
	store_update_outgoing(p->s, &o);
	i.acked = 120;
	i.acked_by = "kim";
	store_put_incident(p->s, &i);
	commit(p->s);
	store_reminders(p->s, 150, p->arena, &n);
	assert_int_equal(n, 0);
}

static void test_retention(void **state)
{
	struct place *p = *state;
	struct store_outgoing o = row("x", "hook", 0, 10);
	const char *observation, *posture;

	store_begin(p->s);
	store_put_past(p->s, 1, "a.test", 50, "{}");
	store_put_body(p->s, 1, "a.test", "{}", NULL);
	store_put_change(p->s, &(struct store_change){.at = 50,
						      .kind = 1,
						      .name = "a.test",
						      .event = "e",
						      .check = "c",
						      .subject = "a.test",
						      .summary = "s"});
	o.id = store_put_outgoing(p->s, &o);
	store_expire(p->s, 100, 100, 100);
	commit(p->s);
	assert_true(store_body(p->s, 1, "a.test", p->arena, &observation, &posture));
	assert_non_null(store_outgoing(p->s, o.id, p->arena)); /* still pending: never forgotten */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_one_writer, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_newer_is_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_damage_is_moved_aside, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_damage_met_later, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_full_disk_passes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_subjects, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_history, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_incidents, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_outbox, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_reminders, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_gather, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_renewals, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_retention, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
