/* SPDX-License-Identifier: ISC
 *
 * The verbs that ask the daemon, through its Unix socket: what is known, what is wrong, and
 * wishes.  Each is a row of the table at the end; the options of all are parsed in one place.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "client_say.h"
#include "client_verbs.h"
#include "clock.h"
#include "console.h"
#include "mem.h"
#include "mxwatch.h"
#include "text.h"

#define STATUS_INCIDENTS 10
#define STATUS_CHANGES	 5

/* The rows of a list, printed one by one. */
struct listing {
	const struct client_call *call;
	void (*print)(bool color, const json_t *row);
	size_t n, max;
};

static void on_row(const json_t *row, void *arg)
{
	struct listing *l = arg;

	if (l->max && l->n >= l->max)
		return;
	l->n++;
	if (l->call->json)
		say_json(row);
	else
		l->print(l->call->color, row);
}

static void empty(const struct listing *l, const char *text)
{
	if (l->n == 0 && !l->call->json)
		puts(text);
}

/* Ask for one object and print it as JSON, or by print. */
static int one(const struct client_call *c, const char *method, char *path, json_t *body,
	       void (*print)(const struct client_call *c, const json_t *o))
{
	struct client_answer a;
	int status = client_get(c, method, path, body, &a);

	if (status == 0 && c->json)
		say_json(a.json);
	else if (status == 0)
		print(c, a.json);
	client_clear(&a);
	free(path);
	return status;
}

/* -- what is known ----------------------------------------------------------------------------- */

static long long count(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static void print_incident(bool color, const json_t *i)
{
	say_incident(color, i);
}

static void print_daemon(const struct client_call *c, const json_t *o)
{
	const json_t *states = json_object_get(o, "states");

	printf("%smxwatch ", console_style(c->color, CONSOLE_BOLD));
	say_key(o, "version");
	printf("%s watches %lld domains on %lld hosts\n", console_style(c->color, CONSOLE_PLAIN),
	       count(o, "domains"), count(o, "hosts"));
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
		printf("  MUTED      by %zu, %lld notices held back: see mxwatch silence list\n",
		       json_array_size(json_object_get(o, "mutes")), count(o, "held"));
	if (json_is_true(json_object_get(o, "blind")))
		puts("  BLIND      nothing can be determined: our resolver or network is down");
	if (json_is_false(json_object_get(o, "state_writable")))
		puts("  STATE      cannot be written: see the journal");
	fputs("  file       ", stdout);
	say_key(o, "configuration");
	putchar('\n');
}

static void print_domain(const struct client_call *c, const json_t *o)
{
	const char *grade = json_string_value(json_object_get(o, "grade"));
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
	printf(", every %llds", count(o, "interval_s"));
	if (json_is_string(json_object_get(o, "owner"))) {
		fputs(", owner ", stdout);
		say_key(o, "owner");
	}
	if (grade && json_is_string(json_object_get(o, "rule"))) {
		fputs("\n      Grade ", stdout);
		say_key(o, "rule");
	}
	putchar('\n');
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

static int status(const struct client_call *c)
{
	struct listing open = {c, print_incident, 0, STATUS_INCIDENTS};
	struct listing changes = {c, print_change, 0, STATUS_CHANGES};
	char *path;
	int result;

	if (c->n == 0) {
		result = one(c, "GET", client_path("/api/v1/status", "", ""), NULL, print_daemon);
		if (result == 0 && !c->json)
			result = client_rows(c, "/api/v1/incidents?state=open", on_row, &open);
		return result;
	}
	result =
	    one(c, "GET", client_path("/api/v1/domains/", c->argument[0], ""), NULL, print_domain);
	if (result != 0 || c->json)
		return result;
	path = client_path("/api/v1/domains/", c->argument[0], "/history");
	result = client_rows(c, path, on_row, &changes);
	free(path);
	return result;
}

static void print_row(bool color, const json_t *o)
{
	const char *grade = json_string_value(json_object_get(o, "grade"));

	say_mark(color, json_string_value(json_object_get(o, "state")));
	printf("%-3s ", grade ? grade : "-");
	say_key(o, "domain");
	if (json_is_string(json_object_get(o, "worst"))) {
		fputs("  ", stdout);
		say_key(o, "worst");
	}
	putchar('\n');
}

static int list(const struct client_call *c)
{
	struct listing l = {c, print_row, 0, 0};
	char *part = client_path("/api/v1/domains?q=", c->n ? c->argument[0] : "", "&state=");
	char *path = client_path("", c->state ? c->state : "", "");
	struct buf url;
	int result;

	buf_init(&url, 8192);
	buf_printf(&url, "%s%s", part, path);
	result = client_rows(c, buf_str(&url), on_row, &l);
	buf_clear(&url);
	free(part);
	free(path);
	if (result == 0)
		empty(&l, "no domain is like that");
	return result;
}

static int incidents(const struct client_call *c)
{
	struct listing l = {c, print_incident, 0, 0};
	char *path = client_path("/api/v1/incidents?state=", c->state ? c->state : "open", "");
	int result = client_rows(c, path, on_row, &l);

	free(path);
	if (result == 0)
		empty(&l, "no incident");
	return result;
}

static int history(const struct client_call *c)
{
	struct listing l = {c, print_change, 0, c->limit ? strtoul(c->limit, NULL, 10) : 0};
	char *path = client_path("/api/v1/domains/", c->argument[0], "/history");
	int result = client_rows(c, path, on_row, &l);

	free(path);
	if (result == 0)
		empty(&l, "nothing has changed since the first look");
	return result;
}

static void print_comparison(bool color, const json_t *o)
{
	const json_t *d;
	size_t i;

	printf("%s--- ", console_style(color, CONSOLE_BOLD));
	say_key(o, "subject");
	fputs("  ", stdout);
	say_key(o, "before_at");
	fputs("\n+++ ", stdout);
	say_key(o, "subject");
	fputs("  ", stdout);
	say_key(o, "after_at");
	printf("%s\n", console_style(color, CONSOLE_PLAIN));
	json_array_foreach(json_object_get(o, "differences"), i, d)
	{
		fputs("@@ ", stdout);
		say_key(d, "fact");
		for (int side = 0; side < 2; side++) {
			const json_t *v = json_object_get(d, side ? "after" : "before");
			printf("\n%s%c ", console_style(color, side ? CONSOLE_GREEN : CONSOLE_RED),
			       side ? '+' : '-');
			say_value(v);
			fputs(console_style(color, CONSOLE_PLAIN), stdout);
		}
		putchar('\n');
	}
}

static int diff(const struct client_call *c)
{
	struct listing l = {c, print_comparison, 0, 0};
	char *path = client_path("/api/v1/domains/", c->argument[0], "/diff");
	int result = client_rows(c, path, on_row, &l);

	free(path);
	if (result == 0)
		empty(&l, "only one state of it has been seen");
	return result;
}

/* -- wishes
 * ---------------------------------------------------------------------------------------- */

static json_t *signed_by(const struct client_call *c)
{
	const char *user = getenv("SUDO_USER") ? getenv("SUDO_USER") : getenv("USER");
	const char *author = c->author ? c->author : user ? user : "unknown";

	return json_pack("{s:s, s:s*}", "author", author, "reason", c->reason);
}

static void print_recheck(const struct client_call *c, const json_t *o)
{
	(void)c;
	fputs("looking at ", stdout);
	say_key(o, "domain");
	printf(" and its %lld hosts now\n", count(o, "hosts"));
}

static int recheck(const struct client_call *c)
{
	return one(c, "POST", client_path("/api/v1/domains/", c->argument[0], "/recheck"),
		   json_object(), print_recheck);
}

static void print_ack(const struct client_call *c, const json_t *o)
{
	(void)c;
	fputs("acknowledged: ", stdout);
	say_key(o, "event");
	fputs(" ", stdout);
	say_key(o, "subject");
	fputs("; no reminders until it is over or graver\n", stdout);
}

static int ack(const struct client_call *c)
{
	return one(c, "POST", client_path("/api/v1/incidents/", c->argument[0], "/ack"),
		   signed_by(c), print_ack);
}

static void print_text(const struct client_call *c, const json_t *o)
{
	(void)c;
	say_key(o, "text");
	putchar('\n');
}

/* The daemon's verdict is its answer, so --wait is what happens anyway. */
static int reload(const struct client_call *c)
{
	return one(c, "POST", client_path("/api/v1/reload", "", ""),
		   json_pack("{s:b}", "force", (int)c->force), print_text);
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
static int test_alert(const struct client_call *c)
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
			printf(", %lld ", count(row, "code"));
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

static int queue(const struct client_call *c)
{
	if (c->n == 0)
		return one(c, "GET", client_path("/api/v1/queue", "", ""), NULL, print_queue);
	if (strcmp(c->argument[0], "retry") != 0)
		return EX_USAGE;
	return one(c, "POST",
		   client_path("/api/v1/queue/", c->n > 1 ? c->argument[1] : "0", "/retry"),
		   json_object(), print_retried);
}

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
	return one(c, "POST", client_path("/api/v1/silences", "", ""), body, print_added);
}

static int silence(const struct client_call *c)
{
	const char *what = c->argument[0];

	if (strcmp(what, "add") == 0)
		return silence_add(c);
	if (strcmp(what, "list") == 0 && c->n == 1)
		return one(c, "GET", client_path("/api/v1/silences", "", ""), NULL, print_silences);
	if (strcmp(what, "expire") == 0 && c->n == 2)
		return one(c, "POST", client_path("/api/v1/silences/", c->argument[1], "/expire"),
			   signed_by(c), print_expired);
	return EX_USAGE;
}

/* -- the table
 * -------------------------------------------------------------------------------------- */

static const struct verb {
	const char *name;
	int (*run)(const struct client_call *c);
	int min, max;	     /* arguments */
	const char *options; /* letters of the table below, beside those all take */
	const char *usage;
} verbs[] = {
    {"status", status, 0, 1, "", "[DOMAIN]\n\nThe daemon, or one domain, on one screen.\n"},
    {"list", list, 0, 1, "S",
     "[PART] [--state critical|warning|unknown|ok|pending]\n\nThe watched domains by name.\n"},
    {"incidents", incidents, 0, 0, "S",
     "[--state open|closed|all]\n\nWhat is wrong, one for each cause, newest first.\n"},
    {"history", history, 1, 1, "l",
     "DOMAIN [--limit N]\n\nWhat changed at the domain and its hosts, newest first.\n"},
    {"diff", diff, 1, 1, "",
     "DOMAIN\n\nThe last two states of the domain and of its hosts, as a difference.\n"},
    {"queue", queue, 0, 2, "",
     "[retry [ROW]]\n\nNotices that are not delivered; retry sends dead ones again.\n"},
    {"recheck", recheck, 1, 1, "", "DOMAIN\n\nLook at the domain and its hosts now.\n"},
    {"reload", reload, 0, 0, "fw",
     "[--wait] [--force]\n\nRead the configuration again and print the verdict on it; --force "
     "lets it\ndrop many domains.\n"},
    {"ack", ack, 1, 1, "ra",
     "ID --reason TEXT [--author NAME]\n\nSay that somebody works on it: no more reminders.\n"},
    {"silence", silence, 1, 3, "ra",
     "add MATCH DURATION --reason TEXT | list | expire ID\n\nTell nobody about what matches, for a "
     "time (90d at most).\nMATCH: the glob of a domain, or KEY=VALUE,... as in a route.\n"},
    {"test-alert", test_alert, 1, 1, "ra",
     "CHANNEL\n\nSend a sample through one receiver and print what the far side said.\n"},
    {"export", client_export, 0, 0, "F",
     "--format json|csv|html|prometheus\n\nEverything that is known now, on standard output.\n"},
    {"backup", client_backup, 1, 1, "",
     "FILE\n\nA whole copy of the state as a new file; the daemon goes on meanwhile.\n"},
    {"config", client_config, 2, 2, "coj",
     "show DOMAIN [--origin] [-c FILE]\n\nWhat applies to the domain, and with --origin which line "
     "said so.\n"},
    {"route", client_route, 2, 2, "cEV",
     "test DOMAIN --severity info|warning|critical --event EVENT [-c FILE]\n\nWho would be told, "
     "how and when; needs no daemon.\n"},
};

static const struct option options[] = {
    {"socket", required_argument, NULL, 's'},	{"json", no_argument, NULL, 'j'},
    {"no-color", no_argument, NULL, 'n'},	{"help", no_argument, NULL, 'h'},
    {"state", required_argument, NULL, 'S'},	{"limit", required_argument, NULL, 'l'},
    {"wait", no_argument, NULL, 'w'},		{"force", no_argument, NULL, 'f'},
    {"reason", required_argument, NULL, 'r'},	{"author", required_argument, NULL, 'a'},
    {"format", required_argument, NULL, 'F'},	{"origin", no_argument, NULL, 'o'},
    {"severity", required_argument, NULL, 'V'}, {"event", required_argument, NULL, 'E'},
    {"config", required_argument, NULL, 'c'},	{NULL, 0, NULL, 0}};

static void usage(FILE *to, const struct verb *v)
{
	fprintf(to, "usage: mxwatch %s %s", v->name, v->usage);
	if (to == stdout)
		fputs("\noptions: -s SOCKET (of the daemon), --json, --no-color\n", to);
}

/* False after a wrong option. */
static bool take_option(struct client_call *c, const struct verb *v, int letter)
{
	if (strchr("sjn", letter) == NULL && strchr(v->options, letter) == NULL)
		return false;
	switch (letter) {
	case 's':
		c->socket = optarg;
		break;
	case 'S':
		c->state = optarg;
		break;
	case 'l':
		c->limit = optarg;
		break;
	case 'r':
		c->reason = optarg;
		break;
	case 'a':
		c->author = optarg;
		break;
	case 'F':
		c->format = optarg;
		break;
	case 'V':
		c->severity = optarg;
		break;
	case 'E':
		c->event = optarg;
		break;
	case 'c':
		c->file = optarg;
		break;
	case 'j':
		c->json = true;
		break;
	case 'f':
		c->force = true;
		break;
	case 'o':
		c->origin = true;
		break;
	default:
		break; /* -n is asked for below, -w is what happens anyway */
	}
	return true;
}

static int run(const struct verb *v, int argc, char **argv)
{
	struct client_call c = {0};
	bool no_color = false;
	int letter, result;

	optind = 1;
	while ((letter = getopt_long(argc, argv, "s:c:h", options, NULL)) != -1) {
		if (letter == 'h') {
			usage(stdout, v);
			return 0;
		}
		no_color = no_color || letter == 'n';
		if (letter == '?' || !take_option(&c, v, letter)) {
			usage(stderr, v);
			return EX_USAGE;
		}
	}
	c.argument = argv + optind;
	c.n = argc - optind;
	c.color = console_color(stdout, no_color || c.json);
	result = c.n < v->min || c.n > v->max ? EX_USAGE : v->run(&c);
	if (result == EX_USAGE)
		usage(stderr, v);
	return result;
}

int cmd_client(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, argv[0]) == 0)
			return run(&verbs[i], argc, argv);
	return EX_USAGE;
}
