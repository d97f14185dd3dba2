/* SPDX-License-Identifier: ISC
 *
 * The daemon's main: options, the account of the children, --check; the rest is proc/parent.
 */
#include "config.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "log.h"
#include "parent.h"
#include "privdrop.h"
#include "yaml_conf.h"

#define EX_USAGE 64

static const char usage_text[] =
    "usage: mxwatchd -c FILE [--foreground] [--user NAME]\n"
    "       mxwatchd -c FILE --check\n"
    "\n"
    "  -c, --config FILE   the configuration, mxwatch.yaml(5)\n"
    "      --check         read it, report every error, exit 0 or 2\n"
    "      --foreground    stay attached to the terminal (it never detaches anyway)\n"
    "      --user NAME     when started as root: run as this account (" MXWATCH_USER ")\n"
    "  -V, --version\n"
    "  -h, --help\n"
    "\n"
    "The manual is mxwatchd(8).\n";

/* Every problem to stderr; 0, or 2 if any is an error. */
static int check(const char *file)
{
	struct yaml_problems problems = {0};
	struct conf *conf = yaml_conf_load(file, &problems);
	struct buf text;

	buf_init(&text, 16 * 1024 * 1024);
	yaml_problems_print(&problems, &text);
	fputs(buf_str(&text), stderr);
	buf_clear(&text);
	yaml_problems_clear(&problems);
	if (conf == NULL)
		return 2;
	printf("%s: good: %zu %s, %zu %s\n", file, conf->n_domains,
	       conf->n_domains == 1 ? "domain" : "domains", conf->n_receivers,
	       conf->n_receivers == 1 ? "receiver" : "receivers");
	conf_free(conf);
	return 0;
}

/* The account to run the children as, NULL to stay what we are. */
static const struct privdrop *choose_account(const char *user)
{
	static struct privdrop account;
	const char *name = user != NULL ? user : MXWATCH_USER;
	struct error err;

	if (geteuid() != 0) {
		if (user != NULL)
			log_fatal("start", "--user needs root");
		return NULL;
	}
	int found = privdrop_lookup(name, &account, &err);
	if (found > 0)
		return &account;
	if (found < 0)
		log_fatal("start", "%s", err.text);
	if (user != NULL)
		log_fatal("start", "there is no account %s", name);
	log_warning("start", "there is no account %s: everything runs as root", name);
	return NULL;
}

int main(int argc, char **argv)
{
	enum { OPT_CHECK = 256, OPT_FOREGROUND, OPT_USER };
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"check", no_argument, NULL, OPT_CHECK},
						{"foreground", no_argument, NULL, OPT_FOREGROUND},
						{"user", required_argument, NULL, OPT_USER},
						{"version", no_argument, NULL, 'V'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	const char *file = NULL, *user = NULL;
	bool only_check = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:Vh", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			file = optarg;
			break;
		case OPT_CHECK:
			only_check = true;
			break;
		case OPT_FOREGROUND:
			break;
		case OPT_USER:
			user = optarg;
			break;
		case 'V':
			puts("mxwatchd " PACKAGE_VERSION);
			return 0;
		case 'h':
			fputs(usage_text, stdout);
			return 0;
		default:
			fputs(usage_text, stderr);
			return EX_USAGE;
		}
	}
	if (file == NULL || optind < argc) {
		fputs(usage_text, stderr);
		return EX_USAGE;
	}
	if (only_check)
		return check(file);
	log_init("mxwatchd", LOG_LEVEL_INFO);
	const struct parent_config config = {.file = file, .account = choose_account(user)};
	return parent_run(&config);
}
