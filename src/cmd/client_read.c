/* SPDX-License-Identifier: ISC
 *
 * The verbs that print what the daemon knows: status, list, incidents, history, diff.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "client_say.h"
#include "client_verbs.h"
#include "clock.h"
#include "console.h"
#include "stamp.h"

#define STATUS_INCIDENTS 10
#define STATUS_CHANGES	 5
#define NAME_COLUMNS	 32

/* The rows of a list, printed one by one. */
struct listing {
	const struct client_call *call;
	void (*print)(bool color, const json_t *row);
	size_t n, max;
	int64_t since; /* of rows with a time, newest first; 0 all */
};

static bool on_row(const json_t *row, void *arg)
{
	struct listing *l = arg;
	int64_t at;

	if (l->max && l->n >= l->max)
		return false;
	if (l->since && stamp_parse(json_string_value(json_object_get(row, "at")), &at) &&
	    at < l->since)
		return false;
	l->n++;
	if (l->call->json)
		say_json(row);
	else
		l->print(l->call->color, row);
	return true;
}

static int rows(struct listing *l, struct buf *path, const char *none)
{
	int status = client_rows(l->call, buf_str(path), on_row, l);

	if (status == 0 && l->n == 0 && !l->call->json)
		puts(none);
	buf_clear(path);
	return status;
}

static void begin_path(struct buf *out, const char *before, const char *name, const char *behind)
{
	char *path = client_path(before, name, behind);

	buf_init(out, 8192);
	buf_addstr(out, path);
	free(path);
}

/* "2d" (ago) or "2026-11-20", "2026-11-20T09:00Z" into *at; NULL leaves it.  False with a
 * message. */
static bool read_when(const char *said, int64_t *at)
{
	int64_t ago;

	if (said == NULL || stamp_parse(said, at))
		return true;
	if (stamp_duration_parse(said, &ago)) {
		*at = clock_now() - ago;
		return true;
	}
	fprintf(stderr, "mxwatch: a time is 2h or 3d (ago), 2026-11-20 or 2026-11-20T09:00Z\n");
	return false;
}

/* -- status ------------------------------------------------------------------------------------ */

static long long count(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static void print_daemon(const struct client_call *c, const json_t *o)
{
	const json_t *states = json_object_get(o, "states");

	printf("%smxwatch ", console_style(c->color, CONSOLE_BOLD));
	say_key(o, "version");
	printf("%s watches %s on %s\n", console_style(c->color, CONSOLE_PLAIN),
	       say_count(count(o, "domains"), "domain"), say_count(count(o, "hosts"), "host"));
	printf("  domains    %lld critical, %lld warning, %lld unknown, %lld fine, %lld waiting\n",
	       count(states, "critical"), count(states, "warning"), count(states, "unknown"),
	       count(states, "ok"), count(states, "pending"));
	fputs("  looks      last ", stdout);
	say_ago(o, "newest_look");
	fputs(", the longest ago ", stdout);
	say_ago(o, "oldest_look");
	printf(", %lld under way\n", count(o, "in_flight"));
	printf("  incidents  %lld open\n", count(o, "open_incidents"));
	if (json_array_size(json_object_get(o, "mutes")) > 0)
		printf("  MUTED      by %zu, %s held back: see mxwatch silence list\n",
		       json_array_size(json_object_get(o, "mutes")),
		       say_count(count(o, "held"), "notice"));
	if (json_is_string(json_object_get(o, "self_dependency"))) {
		fputs("  ALERTS     ", stdout);
		say_key(o, "self_dependency");
		putchar('\n');
	}
	if (json_is_true(json_object_get(o, "blind")))
		puts("  BLIND      nothing can be determined: our resolver or network is down");
	if (json_is_false(json_object_get(o, "state_writable")))
		puts("  STATE      cannot be written: see the journal");
	if (json_object_get(o, "sandbox_lacks")) {
		fputs("  SANDBOX    ", stdout);
		say_key(o, "sandbox_lacks");
		putchar('\n');
	}
	fputs("  file       ", stdout);
	say_key(o, "configuration");
	putchar('\n');
	if (count(o, "domains") == 0)
		puts("Nothing is watched yet: name domains in that file, then mxwatch reload.");
}

void client_print_domain(const struct client_call *c, const json_t *o)
{
	const char *grade = json_string_value(json_object_get(o, "grade"));
	char interval[STAMP_TEXT];
	const json_t *i;
	size_t k;

	say_mark(c->color, json_string_value(json_object_get(o, "state")));
	fputs(console_style(c->color, CONSOLE_BOLD), stdout);
	say_key(o, "domain");
	fputs(console_style(c->color, CONSOLE_PLAIN), stdout);
	if (grade)
		printf("  grade %s", grade);
	fputs("\n      looked at ", stdout);
	say_ago(o, "checked_at");
	printf(", every %s", stamp_duration_format(interval, count(o, "interval_s")));
	if (json_is_string(json_object_get(o, "owner"))) {
		fputs(", owner ", stdout);
		say_key(o, "owner");
	}
	putchar('\n');
	if (grade && json_is_string(json_object_get(o, "rule"))) {
		fputs("      Grade ", stdout);
		say_wrapped(json_string_value(json_object_get(o, "rule")), 6, 12);
	}
	json_array_foreach(json_object_get(o, "incidents"), k, i)
	{
		const char *state = json_string_value(json_object_get(i, "state"));
		if (state && strcmp(state, "open") == 0)
			say_incident(c->color, i);
	}
}

static void print_change(bool color, const json_t *row)
{
	(void)color;
	say_change(row);
}

int client_status(const struct client_call *c)
{
	struct listing open = {c, say_incident, 0, STATUS_INCIDENTS, 0};
	struct listing changes = {c, print_change, 0, STATUS_CHANGES, 0};
	char *path;
	int result;

	if (c->n == 0) {
		result =
		    client_one(c, "GET", client_path("/api/v1/status", "", ""), NULL, print_daemon);
		if (result == 0 && !c->json)
			result = client_rows(c, "/api/v1/incidents?state=open", on_row, &open);
		return result;
	}
	result = client_one(c, "GET", client_path("/api/v1/domains/", c->argument[0], ""), NULL,
			    client_print_domain);
	if (result != 0 || c->json)
		return result;
	path = client_path("/api/v1/domains/", c->argument[0], "/history");
	result = client_rows(c, path, on_row, &changes);
	free(path);
	return result;
}

/* -- lists ------------------------------------------------------------------------------------- */

static void print_row(bool color, const json_t *o)
{
	const char *grade = json_string_value(json_object_get(o, "grade"));
	const char *name = json_string_value(json_object_get(o, "domain"));
	const char *worst = json_string_value(json_object_get(o, "worst"));

	say_mark(color, json_string_value(json_object_get(o, "state")));
	printf("%-3s ", grade ? grade : "-");
	if (worst == NULL) {
		say(name);
	} else {
		int pad = NAME_COLUMNS - (int)strlen(name);
		say(name);
		printf("%*s", pad > 2 ? pad : 2, "");
		say_cut(worst, pad > 2 ? 10 + NAME_COLUMNS : 12 + strlen(name));
	}
	putchar('\n');
}

int client_list(const struct client_call *c)
{
	struct listing l = {c, print_row, 0, 0, 0};
	struct buf path;

	if (c->state &&
	    !client_word(c->state, "critical", "warning", "unknown", "ok", "pending", NULL))
		return EX_USAGE;
	begin_path(&path, "/api/v1/domains", "", "");
	client_query(&path, "q", c->n ? c->argument[0] : NULL);
	client_query(&path, "state", c->state);
	client_query(&path, "group", c->group);
	client_query(&path, "owner", c->owner);
	return rows(&l, &path, "no domain is like that");
}

int client_incidents(const struct client_call *c)
{
	struct listing l = {c, say_incident, 0, 0, 0};
	struct buf path;

	if (c->state && !client_word(c->state, "open", "closed", "all", NULL))
		return EX_USAGE;
	begin_path(&path, "/api/v1/incidents", "", "");
	client_query(&path, "state", c->state ? c->state : "open");
	return rows(&l, &path, "no incident");
}

int client_history(const struct client_call *c)
{
	struct listing l = {c, print_change, 0, 0, 0};
	struct buf path;
	char *end;

	if (c->limit) {
		l.max = strtoul(c->limit, &end, 10);
		if (*end || l.max == 0) {
			fputs("mxwatch: --limit is a number of rows\n", stderr);
			return EX_USAGE;
		}
	}
	if (!read_when(c->since, &l.since))
		return EX_USAGE;
	begin_path(&path, "/api/v1/domains/", c->argument[0], "/history");
	return rows(&l, &path,
		    c->since ? "nothing has changed in that time"
			     : "nothing has changed since the first look");
}

/* -- diff -------------------------------------------------------------------------------------- */

static void print_side(bool color, bool after, const char *key, const json_t *v)
{
	printf("%s%c ", console_style(color, after ? CONSOLE_GREEN : CONSOLE_RED),
	       after ? '+' : '-');
	if (key) {
		say(key);
		fputs(": ", stdout);
	}
	say_value(v);
	printf("%s\n", console_style(color, CONSOLE_PLAIN));
}

static bool holds(const json_t *list, const json_t *v)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one) if (json_equal(one, v)) return true;
	return false;
}

/* Of sets the members that came or went, of objects the keys that differ, else all of it. */
static void print_difference(bool color, const json_t *before, const json_t *after)
{
	const json_t *side[] = {before, after};
	bool sets = json_is_array(before) && json_is_array(after);
	bool objects = json_is_object(before) && json_is_object(after);

	for (int k = 0; k < 2; k++) {
		const json_t *other = side[!k];
		const char *key;
		json_t *v;
		size_t i;
		if (!sets && !objects)
			print_side(color, k, NULL, side[k]);
		json_array_foreach(sets ? side[k] : NULL, i, v) if (!holds(other, v))
		    print_side(color, k, NULL, v);
		json_object_foreach(objects ? (json_t *)side[k] : NULL, key, v)
		{
			if (!json_equal(v, json_object_get(other, key)))
				print_side(color, k, key, v);
		}
	}
}

static void print_comparison(bool color, const json_t *o)
{
	const json_t *d, *differences = json_object_get(o, "differences");
	size_t i;

	if (json_is_string(json_object_get(o, "unreadable_at"))) {
		say_key(o, "subject");
		fputs(": its state of ", stdout);
		say_key(o, "unreadable_at");
		puts(" can no longer be read and is left out");
	}
	if (json_array_size(differences) == 0)
		return;
	printf("%s--- ", console_style(color, CONSOLE_BOLD));
	say_key(o, "subject");
	fputs("  ", stdout);
	say_key(o, "before_at");
	fputs("\n+++ ", stdout);
	say_key(o, "subject");
	fputs("  ", stdout);
	say_key(o, "after_at");
	printf("%s\n", console_style(color, CONSOLE_PLAIN));
	json_array_foreach(differences, i, d)
	{
		fputs("@@ ", stdout);
		say_key(d, "fact");
		putchar('\n');
		print_difference(color, json_object_get(d, "before"), json_object_get(d, "after"));
	}
}

static void add_when(struct buf *path, const char *key, int64_t at)
{
	char text[STAMP_TEXT];

	client_query(path, key, at ? stamp_format(text, at) : NULL);
}

int client_diff(const struct client_call *c)
{
	struct listing l = {c, print_comparison, 0, 0, 0};
	int64_t since = 0, until = 0;
	struct buf path;

	if (!read_when(c->since, &since) || !read_when(c->until, &until))
		return EX_USAGE;
	begin_path(&path, "/api/v1/domains/", c->argument[0], "/diff");
	add_when(&path, "before", since);
	add_when(&path, "after", until);
	return rows(&l, &path, "no two states of it differ");
}
