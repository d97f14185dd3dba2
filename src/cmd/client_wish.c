/* SPDX-License-Identifier: ISC
 *
 * The verbs that wish for something: the engine does it, and its answer is printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "client_say.h"
#include "client_verbs.h"
#include "clock.h"
#include "console.h"
#include "mem.h"
#include "text.h"

#define LOOK_MS	    300 /* between two questions whether a look is over */
#define LOOK_MAX_MS 600000

static long long count(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static json_t *signed_by(const struct client_call *c)
{
	const char *user = getenv("SUDO_USER") ? getenv("SUDO_USER") : getenv("USER");
	const char *author = c->author ? c->author : user ? user : "unknown";

	return json_pack("{s:s, s:s*}", "author", author, "reason", c->reason);
}

/* -- recheck ------------------------------------------------------------------------------- */

static void print_recheck(const struct client_call *c, const json_t *o)
{
	(void)c;
	fputs("looking at ", stdout);
	say_key(o, "domain");
	printf(" and its %lld hosts now\n", count(o, "hosts"));
}

static void nap(void)
{
	static const struct timespec pause = {0, LOOK_MS * 1000000L};

	nanosleep(&pause, NULL);
}

/* Until the daemon has looked at all of it and judged; an exit status. */
static int look_is_over(const struct client_call *c)
{
	int64_t began = clock_monotonic_ms();
	int status = 0;

	for (bool over = false; !over && status == 0;) {
		char *path = client_path("/api/v1/domains/", c->argument[0], "/recheck");
		struct client_answer a;
		int64_t passed = clock_monotonic_ms() - began;
		nap();
		status = client_get(c, "GET", path, NULL, &a);
		over = count(a.json, "waiting") == 0 &&
		       !json_is_true(json_object_get(a.json, "to_judge"));
		if (status == 0 && !over)
			console_progress("%s: %lld of %lld looked at, %lld s", c->argument[0],
					 count(a.json, "all") - count(a.json, "waiting"),
					 count(a.json, "all"), (long long)passed / 1000);
		if (status == 0 && !over && passed > LOOK_MAX_MS) {
			console_progress_end();
			fputs("mxwatch: the daemon is still looking\n", stderr);
			status = 1;
		}
		client_clear(&a);
		free(path);
	}
	console_progress_end();
	return status;
}

int client_recheck(const struct client_call *c)
{
	char *path = client_path("/api/v1/domains/", c->argument[0], "/recheck");
	struct client_answer a;
	int status;

	if (c->no_wait)
		return client_one(c, "POST", path, json_object(), print_recheck);
	status = client_get(c, "POST", path, json_object(), &a);
	client_clear(&a);
	free(path);
	if (status == 0)
		status = look_is_over(c);
	if (status == 0)
		status = client_one(c, "GET", client_path("/api/v1/domains/", c->argument[0], ""),
				    NULL, client_print_domain);
	return status;
}

/* -- ack, reload, test-alert, queue -------------------------------------------------------- */

static void print_ack(const struct client_call *c, const json_t *o)
{
	(void)c;
	fputs("acknowledged: ", stdout);
	say_key(o, "event");
	fputs(" ", stdout);
	say_key(o, "subject");
	fputs("; no reminders until it is over or graver\n", stdout);
}

int client_ack(const struct client_call *c)
{
	return client_one(c, "POST", client_path("/api/v1/incidents/", c->argument[0], "/ack"),
			  signed_by(c), print_ack);
}

/* Errors and warnings of the file as mxwatchd --check prints them: lines with a caret below. */
static void print_problems(const json_t *o)
{
	const char *text = json_string_value(json_object_get(o, "problems"));
	char *copy = mem_strdup(text ? text : ""), *save = NULL;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct buf clean;
		buf_init(&clean, 4096);
		text_escape(&clean, line, strlen(line), 1000);
		fprintf(stderr, "%s\n", buf_str(&clean));
		buf_clear(&clean);
	}
	free(copy);
}

/* The daemon's verdict is its answer, so --wait is what happens anyway. */
int client_reload(const struct client_call *c)
{
	json_t *body = json_pack("{s:b}", "force", (int)c->force);
	struct client_answer a;
	int status = client_get(c, "POST", "/api/v1/reload", body, &a);

	if (c->json && a.json) {
		say_json(a.json);
	} else {
		if (status == 0) {
			say_key(a.json, "text");
			putchar('\n');
		}
		print_problems(a.json);
	}
	client_clear(&a);
	return status;
}

static void print_outcome(const struct client_call *c, const json_t *o)
{
	say_mark(c->color, json_string_value(json_object_get(o, "outcome")));
	say(c->argument[0]);
	fputs(": ", stdout);
	say_key(o, "outcome");
	if (count(o, "code"))
		printf(", %lld", count(o, "code"));
	if (json_is_string(json_object_get(o, "text"))) {
		putchar(' ');
		say_key(o, "text");
	}
	putchar('\n');
}

/* What the far side said is printed when it said no, too. */
int client_test_alert(const struct client_call *c)
{
	char *path = client_path("/api/v1/receivers/", c->argument[0], "/test");
	struct client_answer a;
	int result = client_ask(c, "POST", path, signed_by(c), &a);

	free(path);
	if (result == 0 && json_is_string(json_object_get(a.json, "outcome"))) {
		if (c->json)
			say_json(a.json);
		else
			print_outcome(c, a.json);
		result = a.status == 200 ? 0 : 1;
	} else if (result == 0) {
		fputs("mxwatch: ", stderr);
		fprintf(stderr, "%s\n",
			a.status == 404 ? "there is no such receiver"
					: "the sample could not be sent");
		result = EX_UNAVAILABLE;
	}
	client_clear(&a);
	return result;
}

static void print_queue(const struct client_call *c, const json_t *o)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(o, "queue"), i, row)
	{
		say_mark(c->color, json_string_value(json_object_get(row, "state")));
		printf("%lld  ", count(row, "row"));
		say_key(row, "receiver");
		fputs("  ", stdout);
		say_key(row, "event");
		fputs("  ", stdout);
		say_key(row, "subject");
		printf("\n      %lld attempts", count(row, "attempts"));
		if (json_is_string(json_object_get(row, "due"))) {
			fputs(json_is_string(json_object_get(row, "held_until")) ? ", muted until "
										 : ", due ",
			      stdout);
			say_key(row, "due");
		}
		if (json_is_string(json_object_get(row, "text"))) {
			fputs(", ", stdout);
			if (count(row, "code"))
				printf("%lld ", count(row, "code"));
			say_key(row, "text");
		}
		putchar('\n');
	}
	if (json_array_size(json_object_get(o, "queue")) == 0)
		puts("nothing waits");
}

static void print_retried(const struct client_call *c, const json_t *o)
{
	(void)c;
	printf("%lld notices go out again\n", count(o, "retried"));
}

int client_queue(const struct client_call *c)
{
	if (c->n == 0)
		return client_one(c, "GET", client_path("/api/v1/queue", "", ""), NULL,
				  print_queue);
	if (!client_word(c->argument[0], "retry", NULL))
		return EX_USAGE;
	return client_one(c, "POST",
			  client_path("/api/v1/queue/", c->n > 1 ? c->argument[1] : "0", "/retry"),
			  json_object(), print_retried);
}

/* -- silences ---------------------------------------------------------------------------------- */

static void print_silence(const json_t *s)
{
	const char *key;
	json_t *value;

	printf("%lld  ", count(s, "id"));
	json_object_foreach(json_object_get(s, "match"), key, value)
	{
		say(key);
		putchar('=');
		say(json_string_value(value));
		putchar(' ');
	}
	fputs(" until ", stdout);
	say_key(s, "until");
	fputs("\n      ", stdout);
	say_key(s, "author");
	fputs(": ", stdout);
	say_key(s, "reason");
	putchar('\n');
}

static void print_maintenance(const json_t *m)
{
	fputs(json_is_true(json_object_get(m, "active")) ? "now   " : "next  ", stdout);
	say_key(m, "maintenance");
	fputs(", ", stdout);
	say_key(m, "from");
	fputs(" to ", stdout);
	say_key(m, "until");
	putchar('\n');
}

static void print_silences(const struct client_call *c, const json_t *o)
{
	const json_t *one, *silences = json_object_get(o, "silences");
	const json_t *windows = json_object_get(o, "maintenance");
	size_t i;
	(void)c;

	json_array_foreach(silences, i, one) print_silence(one);
	json_array_foreach(windows, i, one) print_maintenance(one);
	if (json_array_size(silences) + json_array_size(windows) == 0)
		puts("nothing is silenced");
}

static void print_added(const struct client_call *c, const json_t *o)
{
	(void)c;
	print_silence(o);
}

static void print_expired(const struct client_call *c, const json_t *o)
{
	(void)c;
	printf("silence %lld is over\n", count(o, "expired"));
}

/* "KEY=VALUE,..." or the glob of a domain; the engine says what is wrong with it. */
static json_t *match_of(const char *text)
{
	char *copy = mem_strdup(text), *save = NULL;
	json_t *match = json_object();

	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		char *value = strchr(w, '=');
		if (value)
			*value++ = '\0';
		json_object_set_new(match, value ? w : "domain", json_string(value ? value : w));
	}
	free(copy);
	return match;
}

static int silence_add(const struct client_call *c)
{
	json_t *body;

	if (c->n != 3 || c->reason == NULL) {
		fputs("mxwatch: silence add MATCH DURATION --reason TEXT: all three are wanted\n",
		      stderr);
		return EX_USAGE;
	}
	body = signed_by(c);
	json_object_set_new(body, "match", match_of(c->argument[1]));
	json_object_set_new(body, "duration", json_string(c->argument[2]));
	return client_one(c, "POST", client_path("/api/v1/silences", "", ""), body, print_added);
}

int client_silence(const struct client_call *c)
{
	const char *what = c->argument[0];

	if (!client_word(what, "add", "list", "expire", NULL))
		return EX_USAGE;
	if (strcmp(what, "add") == 0)
		return silence_add(c);
	if (strcmp(what, "list") == 0 && c->n == 1)
		return client_one(c, "GET", client_path("/api/v1/silences", "", ""), NULL,
				  print_silences);
	if (strcmp(what, "expire") == 0 && c->n == 2)
		return client_one(c, "POST",
				  client_path("/api/v1/silences/", c->argument[1], "/expire"),
				  signed_by(c), print_expired);
	return EX_USAGE;
}
