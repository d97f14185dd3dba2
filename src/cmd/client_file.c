/* SPDX-License-Identifier: ISC
 *
 * Questions to the configuration file: what applies to a domain, and who would be told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "client_say.h"
#include "client_verbs.h"
#include "clock.h"
#include "idn.h"
#include "mem.h"
#include "route.h"
#include "stamp.h"
#include "text.h"
#include "yaml_conf.h"

/* Lines "key: value  # file:line (why)": the origin is behind the sign. */
static void print_settings(const struct client_call *c, char *text)
{
	for (char *line = text, *next; line && *line; line = next) {
		char *end = strchr(line, '\n'), *origin;
		next = end ? end + 1 : NULL;
		if (end)
			*end = '\0';
		origin = strstr(line, "  # ");
		if (origin && !c->origin)
			*origin = '\0';
		say(line);
		putchar('\n');
	}
}

/* -c, else what the daemon behind -s reads, else the usual place; malloc'd.  NULL after a message.
 */
static char *file_of(const struct client_call *c)
{
	struct client_answer a;
	char *file = NULL;

	if (c->file != NULL || c->socket == NULL)
		return mem_strdup(c->file != NULL ? c->file : SYSCONFDIR "/mxwatch.yaml");
	if (client_get(c, "GET", "/api/v1/status", NULL, &a) == 0) {
		const char *s = json_string_value(json_object_get(a.json, "configuration"));
		file = mem_strdup(s != NULL ? s : SYSCONFDIR "/mxwatch.yaml");
	}
	client_clear(&a);
	return file;
}

int client_config(const struct client_call *c)
{
	char name[NAME_MAX_TEXT];
	struct error err;
	struct buf out;
	char *text;
	int status = 0;

	if (!client_word(c->argument[0], "show", NULL))
		return EX_USAGE;
	char *file = file_of(c);
	if (file == NULL)
		return EX_UNAVAILABLE;
	buf_init(&out, 1 << 20);
	if (idn_fold(name, c->argument[1], &err) < 0 ||
	    yaml_conf_origin(file, name, &out, &err) < 0) {
		fprintf(stderr, "mxwatch: %s\n", err.text);
		status = EX_CONFIG;
	}
	text = buf_detach(&out);
	if (status == 0)
		print_settings(c, text);
	free(text);
	free(file);
	return status;
}

static struct conf *load(const char *file)
{
	struct yaml_problems problems = {NULL, 0, 0};
	struct conf *conf = yaml_conf_load(file, &problems);
	struct buf text;

	buf_init(&text, 1 << 20);
	if (conf == NULL)
		yaml_problems_print(&problems, &text);
	fputs(buf_str(&text), stderr);
	buf_clear(&text);
	yaml_problems_clear(&problems);
	return conf;
}

static json_t *target(const struct route_target *t)
{
	json_t *o = json_pack("{s:s, s:I, s:I}", "receiver", t->receiver, "group_wait_s",
			      (json_int_t)t->group_wait_s, "repeat_s", (json_int_t)t->repeat_s);
	char at[16];

	snprintf(at, sizeof(at), "%02d:%02d", (int)(t->digest_at_s / 3600 % 24),
		 (int)(t->digest_at_s / 60 % 60));
	json_object_set_new(o, "digest_at", t->digest_at_s < 0 ? json_null() : json_string(at));
	return o;
}

static void print_targets(const struct client_call *c, const struct route_target *list, size_t n)
{
	json_t *all = json_array();

	for (size_t i = 0; i < n; i++) {
		char repeat[STAMP_TEXT];
		json_t *o = target(&list[i]);
		const char *digest = json_string_value(json_object_get(o, "digest_at"));
		json_array_append_new(all, o);
		if (c->json)
			continue;
		say(list[i].receiver);
		if (digest)
			printf("  in the digest of %s", digest);
		else
			printf("  at once");
		if (list[i].repeat_s > 0)
			printf(", again every %s", stamp_duration_human(repeat, list[i].repeat_s));
		putchar('\n');
	}
	if (c->json)
		say_json(all);
	else if (n == 0)
		puts("nobody would be told");
	json_decref(all);
}

static int severity(const char *word)
{
	for (int i = SEVERITY_INFO; word && i <= SEVERITY_CRITICAL; i++)
		if (strcmp(finding_severity_words[i], word) == 0)
			return i;
	return -1;
}

/* The owner and the tags of the domain go with the notice, as the engine would fill them. */
int client_route(const struct client_call *c)
{
	char name[NAME_MAX_TEXT];
	const char *const domains[] = {name};
	struct notice n = {.schema = NOTICE_SCHEMA,
			   .seq = 1,
			   .kind = NOTICE_PROBLEM,
			   .event = c->event,
			   .severity = severity(c->severity),
			   .check = c->event,
			   .subject = name,
			   .domains = domains,
			   .n_domains = 1,
			   .domains_total = 1,
			   .at = clock_now()};
	const struct conf_domain *d;
	struct conf *conf;
	struct error err;
	size_t n_targets;

	if (!client_word(c->argument[0], "test", NULL))
		return EX_USAGE;
	if (c->event == NULL || n.severity < 0) {
		fputs(
		    "mxwatch: --event and --severity (info, warning or critical) are both wanted\n",
		    stderr);
		return EX_USAGE;
	}
	if (idn_fold(name, c->argument[1], &err) < 0) {
		fprintf(stderr, "mxwatch: %s\n", err.text);
		return EX_DATAERR;
	}
	char *file = file_of(c);
	if (file == NULL)
		return EX_UNAVAILABLE;
	conf = load(file);
	if (conf == NULL) {
		free(file);
		return EX_CONFIG;
	}
	d = conf_domain(conf, name);
	if (d) {
		struct arena *arena = arena_new();
		n.owner = d->extra->owner;
		n.tags = d->extra->tags;
		n.n_tags = d->extra->n_tags;
		if (text_glob("*changed", n.event) || text_glob("*.removed", n.event))
			n.kind = NOTICE_CHANGE;
		const struct route_target *list = route_targets(conf, &n, arena, &n_targets);
		print_targets(c, list, n_targets);
		arena_free(arena);
	} else {
		fprintf(stderr, "mxwatch: %s does not watch %s\n", file, name);
	}
	free(file);
	conf_free(conf);
	return d ? 0 : EX_NOINPUT;
}
