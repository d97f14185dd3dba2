/* SPDX-License-Identifier: ISC
 *
 * Everything at once: for a spreadsheet, a file share, a text file collector, a safe place.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "client_say.h"
#include "client_verbs.h"
#include "clock.h"
#include "stamp.h"
#include "store_view.h"
#include "text.h"

static const char *const columns[] = {"domain",	       "state", "grade", "checked_at",
				      "open_problems", "worst", "owner"};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static bool csv_row(const json_t *row, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < N_COLUMNS; i++) {
		const json_t *v = json_object_get(row, columns[i]);
		char number[24];
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(v));
		say_csv(json_is_integer(v) ? number : json_string_value(v), i + 1 == N_COLUMNS);
	}
	return true;
}

static int csv(const struct client_call *c)
{
	for (size_t i = 0; i < N_COLUMNS; i++)
		say_csv(columns[i], i + 1 == N_COLUMNS);
	return client_rows(c, "/api/v1/domains", csv_row, NULL);
}

static bool html_row(const json_t *row, void *arg)
{
	(void)arg;
	fputs("<tr>", stdout);
	for (size_t i = 0; i < N_COLUMNS; i++) {
		const json_t *v = json_object_get(row, columns[i]);
		const char *text = json_string_value(v);
		struct buf out;
		buf_init(&out, 65536);
		if (json_is_integer(v))
			buf_printf(&out, "%lld", (long long)json_integer_value(v));
		text_html(&out, text ? text : "");
		printf("<td>%s</td>", buf_str(&out));
		buf_clear(&out);
	}
	puts("</tr>");
	return true;
}

static int html(const struct client_call *c)
{
	char at[STAMP_TEXT];
	int status;

	stamp_format(at, clock_now());
	printf("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	       "<title>mxwatch, %s</title>\n<style>:root{color-scheme:light dark}"
	       "body{font:15px/1.5 system-ui,sans-serif;margin:2em}"
	       "table{border-collapse:collapse}th,td{text-align:left;padding:.4em .9em;"
	       "border-bottom:1px solid #8884}</style></head>\n<body><h1>Watched domains</h1>"
	       "<p>%s</p>\n<table><thead><tr>",
	       at, at);
	for (size_t i = 0; i < N_COLUMNS; i++)
		printf("<th scope=\"col\">%s</th>", columns[i]);
	puts("</tr></thead><tbody>");
	status = client_rows(c, "/api/v1/domains", html_row, NULL);
	puts("</tbody></table></body></html>");
	return status;
}

static bool gather(const json_t *row, void *arg)
{
	json_array_append(arg, (json_t *)row);
	return true;
}

static int whole(const struct client_call *c)
{
	json_t *domains = json_array(), *incidents = json_array(), *out;
	char at[STAMP_TEXT];
	int status = client_rows(c, "/api/v1/domains", gather, domains);

	if (status == 0)
		status = client_rows(c, "/api/v1/incidents?state=open", gather, incidents);
	out = json_pack("{s:i, s:s, s:o, s:o}", "schema", 1, "exported_at",
			stamp_format(at, clock_now()), "domains", domains, "incidents", incidents);
	if (status == 0)
		say_json(out);
	json_decref(out);
	return status;
}

static int prometheus(const struct client_call *c)
{
	struct client_answer a;
	int status = client_get(c, "GET", "/metrics", NULL, &a);

	if (status == 0)
		fwrite(a.body.data, 1, a.body.len, stdout);
	client_clear(&a);
	return status;
}

int client_export(const struct client_call *c)
{
	static const struct {
		const char *name;
		int (*run)(const struct client_call *c);
	} formats[] = {{"json", whole}, {"csv", csv}, {"html", html}, {"prometheus", prometheus}};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].name, c->format ? c->format : "json") == 0)
			return formats[i].run(c);
	client_word(c->format, "json", "csv", "html", "prometheus", NULL);
	return EX_USAGE;
}

/* The daemon says where its state is; it is copied from here, page by page, in one read. */
int client_backup(const struct client_call *c)
{
	struct client_answer a;
	struct error err;
	struct store *s = NULL;
	mode_t mask = umask(0077); /* what the state says is not for everybody */
	int status = client_get(c, "GET", "/api/v1/status", NULL, &a);
	const char *dir = json_string_value(json_object_get(a.json, "state_path"));

	if (status == 0) {
		s = dir ? store_open_read_only(dir, &err) : NULL;
		if (s == NULL || store_view_copy(s, c->argument[0], &err) < 0) {
			fprintf(stderr, "mxwatch: %s\n",
				dir ? err.text : "the daemon hides its state");
			status = EX_CANTCREAT;
		} else {
			printf("%s: a copy of %s/state.db\n", c->argument[0], dir);
		}
	}
	umask(mask);
	store_close(s);
	client_clear(&a);
	return status;
}
