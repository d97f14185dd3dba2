/* SPDX-License-Identifier: ISC
 *
 * The mxwatch command: finds the subcommand and hands over.
 */
#include "mxwatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "console.h"
#include "text.h"

static int cmd_version(int argc, char **argv);
static int cmd_help(int argc, char **argv);

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
    {"check", cmd_check},      {"lint", cmd_lint},	   {"explain", cmd_explain},
    {"tlsa", cmd_tlsa},	       {"status", cmd_client},	   {"list", cmd_client},
    {"incidents", cmd_client}, {"history", cmd_client},	   {"diff", cmd_client},
    {"ack", cmd_client},       {"silence", cmd_client},	   {"recheck", cmd_client},
    {"queue", cmd_client},     {"reload", cmd_client},	   {"config", cmd_client},
    {"route", cmd_client},     {"test-alert", cmd_client}, {"export", cmd_client},
    {"backup", cmd_client},    {"version", cmd_version},   {"help", cmd_help},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const char usage_text[] =
    "usage: mxwatch COMMAND [ARGUMENT]...\n"
    "\n"
    "at once, without the daemon:\n"
    "  check DOMAIN...         probe now and print the report\n"
    "  lint KIND [FILE|-]      parse one policy, record, report or watchlist\n"
    "  explain CHECK           what a check looks at, why, and how to mend it\n"
    "  tlsa HOST               the TLSA records to publish for the live keys\n"
    "through the daemon (-s SOCKET):\n"
    "  status, list, history, diff, recheck        what is known of the domains\n"
    "  incidents, ack, silence                     what is wrong, and who knows\n"
    "  queue, test-alert, route                    where the alerts go\n"
    "  reload, config, export, backup              the daemon itself\n"
    "also: version, help COMMAND\n"
    "\n"
    "examples:\n"
    "  mxwatch check example.org\n"
    "  mxwatch check --json example.org example.net | jq -r '.domain, .grade'\n"
    "  mxwatch lint mta-sts-policy mta-sts.txt --mx mx1.example.org\n"
    "\n"
    "The manual is mxwatch(1).\n";

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int unknown(const char *name)
{
	const char *names[N_COMMANDS + 1] = {NULL};

	for (size_t i = 0; i < N_COMMANDS; i++)
		names[i] = commands[i].name;
	const char *near = text_nearest(name, names);
	struct buf shown;
	buf_init(&shown, 256);
	text_escape(&shown, name, strlen(name), 64);
	if (near != NULL)
		fprintf(stderr, "mxwatch: no command '%s' (did you mean '%s'?)\n", buf_str(&shown),
			near);
	else
		fprintf(stderr, "mxwatch: no command '%s'; mxwatch --help lists them\n",
			buf_str(&shown));
	buf_clear(&shown);
	return EX_USAGE;
}

static int run(int argc, char **argv)
{
	const struct command *c = find(argv[0]);

	if (c == NULL)
		return unknown(argv[0]);
	return c->run(argc, argv);
}

static int cmd_version(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		fputs("usage: mxwatch version [--json]\n", stdout);
	} else if (argc > 1 && strcmp(argv[1], "--json") == 0) {
		puts("{\"name\":\"" PACKAGE_NAME "\",\"version\":\"" PACKAGE_VERSION "\"}");
	} else if (argc > 1) {
		fputs("usage: mxwatch version [--json]\n", stderr);
		return EX_USAGE;
	} else {
		puts(PACKAGE_STRING);
	}
	return 0;
}

static int cmd_help(int argc, char **argv)
{
	static char help[] = "--help";

	if (argc < 2 || find(argv[1]) == find("help")) {
		fputs(usage_text, stdout);
		return 0;
	}
	char *of[] = {argv[1], help, NULL};
	return run(2, of);
}

/* "mxwatch -s SOCKET VERB ..." is "mxwatch VERB -s SOCKET ...". */
static void socket_first(int argc, char **argv)
{
	if (argc < 4 || strcmp(argv[1], "-s") != 0)
		return;
	char *dash = argv[1], *path = argv[2];
	argv[1] = argv[3];
	argv[2] = dash;
	argv[3] = path;
}

int main(int argc, char **argv)
{
	socket_first(argc, argv);
	if (argc < 2) {
		fputs(usage_text, stderr);
		return EX_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return console_finish(cmd_help(0, argv));
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		return console_finish(cmd_version(0, argv));
	return console_finish(run(argc - 1, argv + 1));
}
