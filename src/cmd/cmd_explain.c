/* SPDX-License-Identifier: ISC
 *
 * mxwatch explain: what a check looks at, why it matters, how to mend it, and the RFC; from
 * the same table eval works by.
 */
#include "mxwatch.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "check.h"
#include "text.h"

#define TEXT_MAX (1024 * 1024)

static const char usage_text[] =
    "usage: mxwatch explain CHECK...\n"
    "       mxwatch explain --all [--format text|markdown]\n"
    "\n"
    "What a check looks at, why it matters, how to mend it, and the RFC.\n"
    "CHECK is an id of the report or a glob: tls.cert.name, 'dane.*'.\n";

static int explain(const char *pattern)
{
	const char *ids[256] = {NULL};
	struct buf out;
	size_t n = 0;

	buf_init(&out, TEXT_MAX);
	for (size_t i = 0; i < check_count; i++) {
		if (i + 1 < sizeof(ids) / sizeof(ids[0]))
			ids[i] = check_table[i].id;
		if (!text_glob(pattern, check_table[i].id))
			continue;
		if (n++ > 0)
			buf_addch(&out, '\n');
		check_explain(&check_table[i], &out);
	}
	fputs(buf_str(&out), stdout);
	buf_reset(&out);
	if (n == 0) {
		const char *near = text_nearest(pattern, ids);
		text_escape(&out, pattern, strlen(pattern), 64);
		fprintf(stderr, "mxwatch explain: no check '%s'", buf_str(&out));
		if (near)
			fprintf(stderr, " (did you mean '%s'?)", near);
		fputc('\n', stderr);
	}
	buf_clear(&out);
	return n == 0 ? EX_USAGE : 0;
}

static int explain_all(bool markdown)
{
	struct buf out;

	if (!markdown)
		return explain("*");
	buf_init(&out, TEXT_MAX);
	check_document(&out);
	fputs(buf_str(&out), stdout);
	buf_clear(&out);
	return 0;
}

static int usage(void)
{
	fputs(usage_text, stderr);
	return EX_USAGE;
}

int cmd_explain(int argc, char **argv)
{
	static const struct option options[] = {{"all", no_argument, NULL, 'a'},
						{"format", required_argument, NULL, 'f'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	bool all = false, markdown = false;
	int c, status = 0;

	optind = 1;
	while ((c = getopt_long(argc, argv, "ah", options, NULL)) != -1) {
		switch (c) {
		case 'a':
			all = true;
			break;
		case 'f':
			markdown = strcmp(optarg, "markdown") == 0;
			if (!markdown && strcmp(optarg, "text") != 0)
				return usage();
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 0;
		default:
			return usage();
		}
	}
	if (all != (optind == argc) || (markdown && !all))
		return usage();
	if (all)
		return explain_all(markdown);
	for (int i = optind; i < argc; i++) {
		if (i > optind)
			putchar('\n');
		int one = explain(argv[i]);
		status = one ? one : status;
	}
	return status;
}
