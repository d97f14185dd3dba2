/* SPDX-License-Identifier: ISC
 *
 * mxwatch explain: what a check looks at, why it matters, how to mend it, and the RFC, from the
 * same table eval works by; what an event means and what to do about it.
 */
#include "mxwatch.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "check.h"
#include "console.h"
#include "event.h"
#include "option.h"
#include "text.h"

#define TEXT_MAX (1024 * 1024)

static const char usage_text[] =
    "usage: mxwatch explain NAME... [--format text|markdown] [--no-pager]\n"
    "       mxwatch explain --all [--format text|markdown]\n"
    "\n"
    "What a check looks at, why it matters, how to mend it, and the RFC; what an event of an\n"
    "alert means, how urgent it is, how to see it by hand, mend it, or silence it.\n"
    "NAME is an id of the report, an event, or a glob.  As markdown: the page of an event, and\n"
    "with --all that of the checks.\n"
    "\n"
    "  mxwatch explain tls.cert.name\n"
    "  mxwatch explain dane.broken\n"
    "  mxwatch explain 'mta_sts.*'\n";

static void unknown(const char *pattern)
{
	const char *names[256] = {NULL};
	struct buf out;
	size_t n = 0;

	for (size_t i = 0; i < check_count && n < 255; i++)
		names[n++] = check_table[i].id;
	for (size_t i = 0; i < event_count && n < 255; i++)
		names[n++] = event_table[i].name;
	const char *near = text_nearest(pattern, names);
	buf_init(&out, 512);
	text_escape(&out, pattern, strlen(pattern), 64);
	fprintf(stderr, "mxwatch explain: no check or event '%s'", buf_str(&out));
	if (near)
		fprintf(stderr, " (did you mean '%s'?)", near);
	fputc('\n', stderr);
	buf_clear(&out);
}

static int explain(struct buf *out, const char *pattern, bool markdown)
{
	size_t before = out->len;

	for (size_t i = 0; i < check_count; i++)
		if (!markdown && text_glob(pattern, check_table[i].id)) {
			buf_addstr(out, out->len ? "\n" : "");
			check_explain(&check_table[i], out);
		}
	for (size_t i = 0; i < event_count; i++)
		if (text_glob(pattern, event_table[i].name)) {
			buf_addstr(out, out->len ? "\n" : "");
			(markdown ? event_document : event_explain)(&event_table[i], out);
		}
	if (out->len > before)
		return 0;
	unknown(pattern);
	return EX_USAGE;
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
						{"no-pager", no_argument, NULL, 'p'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	bool all = false, markdown = false, page = true;
	struct buf out;
	int c, status = 0;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage_text, stdout);
			return 0;
		}
		if (c == '?' || c == ':')
			return option_wrong("explain", c, argv, options);
		all = all || c == 'a';
		page = page && c != 'p';
		markdown = c == 'f' ? strcmp(optarg, "markdown") == 0 : markdown;
		if (c == 'f' && !markdown && strcmp(optarg, "text") != 0)
			return usage();
	}
	if (all != (optind == argc))
		return usage();
	buf_init(&out, TEXT_MAX);
	if (all && markdown)
		check_document(&out);
	else if (all)
		status = explain(&out, "*", false);
	for (int i = optind; i < argc; i++) {
		int one = explain(&out, argv[i], markdown);
		status = one ? one : status;
	}
	if (page && out.len > 0)
		console_page();
	fputs(buf_str(&out), stdout);
	buf_clear(&out);
	return status;
}
