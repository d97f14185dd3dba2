/* SPDX-License-Identifier: ISC
 *
 * The verbs that ask the daemon, through its Unix socket: a table of them with their help; the
 * options of all are parsed in one place.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client_say.h"
#include "client_verbs.h"
#include "console.h"
#include "mxwatch.h"
#include "option.h"

static const struct verb {
	const char *name;
	client_verb *run;
	int min, max;	     /* arguments */
	const char *options; /* letters of the table below, beside those all take */
	bool paged;
	const char *usage, *text, *examples;
} verbs[] = {
    {"status", client_status, 0, 1, "", true, "[DOMAIN]",
     "The daemon and what is wrong, or one domain with its latest changes, on one screen.\n",
     "  mxwatch status\n"
     "  mxwatch status example.org\n"
     "  mxwatch status --json | jq .open_incidents\n"},
    {"list", client_list, 0, 1, "SGO", true, "[PART] [--state STATE] [--group NAME] [--owner NAME]",
     "The watched domains whose name holds PART, by name.\n"
     "STATE: critical, warning, unknown, ok, pending.\n",
     "  mxwatch list --state critical\n"
     "  mxwatch list .example --owner mail-team\n"
     "  mxwatch list --json | jq -r 'select(.grade == \"F\") | .domain'\n"},
    {"incidents", client_incidents, 0, 0, "S", true, "[--state open|closed|all]",
     "What is wrong, one for each cause, newest first.\n",
     "  mxwatch incidents\n"
     "  mxwatch incidents --state all\n"
     "  mxwatch incidents --json | jq -r '.id + \" \" + .subject'\n"},
    {"history", client_history, 1, 1, "lt", true, "DOMAIN [--since WHEN] [--limit N]",
     "What changed at the domain and its hosts, newest first.\n"
     "WHEN: 2h or 3d (ago), 2026-11-20, 2026-11-20T09:00Z.\n",
     "  mxwatch history example.org\n"
     "  mxwatch history example.org --since 7d\n"
     "  mxwatch history example.org --limit 20 --json\n"},
    {"diff", client_diff, 1, 1, "tu", true, "DOMAIN [--since WHEN] [--until WHEN]",
     "How the domain and its hosts differ: between the last two states, or between what was\n"
     "seen at the one time and at the other (now, unless said).\n"
     "WHEN: 2h or 3d (ago), 2026-11-20, 2026-11-20T09:00Z.\n",
     "  mxwatch diff example.org\n"
     "  mxwatch diff example.org --since 1d\n"
     "  mxwatch diff example.org --since 2026-11-01 --until 2026-11-08\n"},
    {"queue", client_queue, 0, 2, "", true, "[retry [ROW]]",
     "Notices that are not delivered; retry sends dead ones again.\n",
     "  mxwatch queue\n"
     "  mxwatch queue retry\n"
     "  mxwatch queue retry 17\n"},
    {"recheck", client_recheck, 1, 1, "W", false, "DOMAIN [--no-wait]",
     "Look at the domain and its hosts now, and print what came of it.\n",
     "  mxwatch recheck example.org\n"
     "  mxwatch recheck --no-wait example.org\n"
     "  mxwatch recheck --json example.org | jq .grade\n"},
    {"reload", client_reload, 0, 0, "fw", false, "[--wait] [--force]",
     "Read the configuration again and print the verdict on it, which is waited for always;\n"
     "--force lets it drop many domains.\n",
     "  mxwatch reload --wait\n"
     "  mxwatch reload --force\n"
     "  mxwatch lint watchlist /etc/mxwatch/mxwatch.yaml && mxwatch reload\n"},
    {"ack", client_ack, 1, 1, "ra", false, "ID [--reason TEXT] [--author NAME]",
     "Say that somebody works on the incident: no more reminders until it is over or graver.\n",
     "  mxwatch incidents\n"
     "  mxwatch ack 3a4ea3d9c9ed67cd1feaaf9298431abe --reason 'renewal is ordered'\n"
     "  mxwatch ack 3a4ea3d9c9ed67cd1feaaf9298431abe --author ada\n"},
    {"silence", client_silence, 1, 3, "ra", true,
     "add MATCH DURATION --reason TEXT [--author NAME] | list | expire ID",
     "Tell nobody about what matches, for a time (90d at most).\n"
     "MATCH: the glob of a domain, or KEY=VALUE,... as in a route.\n",
     "  mxwatch silence add '*.example.org' 2h --reason 'rack moves'\n"
     "  mxwatch silence add 'event=cert.*,tags.env=test' 7d --reason 'new CA'\n"
     "  mxwatch silence expire 4\n"},
    {"test-alert", client_test_alert, 1, 1, "ra", false, "RECEIVER",
     "Send a sample through one receiver and print what the far side said.\n",
     "  mxwatch test-alert oncall\n"
     "  mxwatch test-alert pager --reason 'new key'\n"
     "  mxwatch test-alert hook --json\n"},
    {"export", client_export, 0, 0, "F", false, "[--format json|csv|html|prometheus]",
     "Everything that is known now, on standard output.\n",
     "  mxwatch export > state.json\n"
     "  mxwatch export --format csv > domains.csv\n"
     "  mxwatch export --format prometheus > /var/lib/node_exporter/mxwatch.prom\n"},
    {"backup", client_backup, 1, 1, "", false, "FILE",
     "A whole copy of the state as a new file; the daemon goes on meanwhile.  To restore it, put\n"
     "it in place of state.db while the daemon is stopped.\n",
     "  mxwatch backup /var/backups/mxwatch.db\n"
     "  mxwatch backup \"mxwatch-$(date +%F).db\"\n"
     "  mxwatch backup -s /run/mxwatch/mxwatch.sock copy.db\n"},
    {"config", client_config, 2, 2, "co", true, "show DOMAIN [--origin] [-c FILE]",
     "What applies to the domain, and with --origin which line said so.\n",
     "  mxwatch config show example.org\n"
     "  mxwatch config show example.org --origin\n"
     "  mxwatch config show example.org -c new.yaml\n"},
    {"route", client_route, 2, 2, "cEV", false,
     "test DOMAIN --severity info|warning|critical --event EVENT [-c FILE]",
     "Who would be told, how and when; needs no daemon.\n",
     "  mxwatch route test example.org --severity critical --event dane.broken\n"
     "  mxwatch route test example.org --severity warning --event cert.expiring -c new.yaml\n"
     "  mxwatch route test example.org --severity info --event cert.changed --json\n"},
};

static const struct option all_options[] = {
    {"socket", required_argument, NULL, 's'},	{"json", no_argument, NULL, 'j'},
    {"no-color", no_argument, NULL, 'n'},	{"no-pager", no_argument, NULL, 'p'},
    {"help", no_argument, NULL, 'h'},		{"state", required_argument, NULL, 'S'},
    {"group", required_argument, NULL, 'G'},	{"owner", required_argument, NULL, 'O'},
    {"since", required_argument, NULL, 't'},	{"until", required_argument, NULL, 'u'},
    {"limit", required_argument, NULL, 'l'},	{"wait", no_argument, NULL, 'w'},
    {"no-wait", no_argument, NULL, 'W'},	{"force", no_argument, NULL, 'f'},
    {"reason", required_argument, NULL, 'r'},	{"author", required_argument, NULL, 'a'},
    {"format", required_argument, NULL, 'F'},	{"origin", no_argument, NULL, 'o'},
    {"severity", required_argument, NULL, 'V'}, {"event", required_argument, NULL, 'E'},
    {"config", required_argument, NULL, 'c'}};

#define N_OPTIONS (sizeof(all_options) / sizeof(all_options[0]))

static void usage(FILE *to, const struct verb *v)
{
	fprintf(to, "usage: mxwatch %s %s\n", v->name, v->usage);
	if (to == stdout)
		fprintf(
		    to,
		    "\n%s\noptions: -s SOCKET (of the daemon), --json, --no-color, --no-pager\n\n%s",
		    v->text, v->examples);
}

/* Those the verb takes, out of all. */
static void select_options(const struct verb *v, struct option out[N_OPTIONS + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < N_OPTIONS; i++)
		if (strchr("sjnph", all_options[i].val) || strchr(v->options, all_options[i].val))
			out[n++] = all_options[i];
	out[n] = (struct option){NULL, 0, NULL, 0};
}

static void take_option(struct client_call *c, int letter)
{
	const struct {
		int letter;
		const char **value;
	} texts[] = {{'s', &c->socket}, {'S', &c->state},  {'G', &c->group},	{'O', &c->owner},
		     {'t', &c->since},	{'u', &c->until},  {'l', &c->limit},	{'r', &c->reason},
		     {'a', &c->author}, {'F', &c->format}, {'V', &c->severity}, {'E', &c->event},
		     {'c', &c->file}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].letter == letter)
			*texts[i].value = optarg;
	c->json = c->json || letter == 'j';
	c->force = c->force || letter == 'f';
	c->origin = c->origin || letter == 'o';
	c->no_wait = c->no_wait || letter == 'W';
}

static int run(const struct verb *v, int argc, char **argv)
{
	const char *letters = strchr(v->options, 'c') ? ":s:c:h" : ":s:h";
	struct option options[N_OPTIONS + 1];
	struct client_call c = {.socket = getenv("MXWATCH_SOCKET")};
	bool no_color = false, no_pager = false;
	int letter, result;

	select_options(v, options);
	opterr = 0;
	optind = 1;
	while ((letter = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		if (letter == 'h') {
			usage(stdout, v);
			return 0;
		}
		if (letter == '?' || letter == ':')
			return option_wrong(v->name, letter, argv, options);
		no_color = no_color || letter == 'n';
		no_pager = no_pager || letter == 'p';
		take_option(&c, letter);
	}
	c.argument = argv + optind;
	c.n = argc - optind;
	c.color = console_color(stdout, no_color || c.json);
	say_width(isatty(STDOUT_FILENO) ? console_width(stdout) : 0);
	if (v->paged && !c.json && !no_pager)
		console_page();
	if (c.n < v->min || c.n > v->max) {
		fprintf(stderr, "mxwatch %s: %s\n", v->name,
			c.n < v->min ? "something is missing" : "these are too many words");
		result = EX_USAGE;
	} else {
		result = v->run(&c);
	}
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
