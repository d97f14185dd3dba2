/* SPDX-License-Identifier: ISC */
#include "option.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "buf.h"
#include "text.h"

#define NAMES_MAX 32

static const char *nearest(const char *word, const struct option *options)
{
	const char *names[NAMES_MAX + 1] = {NULL};

	for (size_t i = 0; i < NAMES_MAX && options[i].name != NULL; i++)
		names[i] = options[i].name;
	return text_nearest(word, names);
}

/* "-x" of the letter, or the word as it was given up to its value. */
static void name_option(struct buf *out, char **argv)
{
	const char *word = argv[optind - 1];

	if (optopt > 0 && optopt < 128 && (word[0] != '-' || word[1] != '-'))
		buf_printf(out, "-%c", optopt);
	else
		text_escape(out, word, strcspn(word, "="), 64);
}

int option_wrong(const char *verb, int c, char **argv, const struct option *options)
{
	const char *near = NULL, *what = "no option";
	struct buf name;

	buf_init(&name, 512);
	name_option(&name, argv);
	if (c == ':')
		what = "a value is missing behind";
	else if (optopt > 0 && strncmp(buf_str(&name), "--", 2) == 0)
		what = "no value goes with";
	else if (strncmp(buf_str(&name), "--", 2) == 0)
		near = nearest(buf_str(&name) + 2, options);
	fprintf(stderr, "mxwatch %s: %s '%s'", verb, what, buf_str(&name));
	if (near != NULL)
		fprintf(stderr, " (did you mean '--%s'?)", near);
	fprintf(stderr, "; see mxwatch %s --help\n", verb);
	buf_clear(&name);
	return EX_USAGE;
}

/* Whether a line has one of two words. */
static bool holds(const char *verb, const char *option, const char *path, const char *word,
		  const char *other, const char *wanted)
{
	char line[8192];
	bool found = false;
	FILE *f = fopen(path, "re");
	errno = f != NULL ? 0 : errno;
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = strstr(line, word) != NULL || strstr(line, other) != NULL;
	int error = errno; /* EISDIR comes with the first read */
	if (f != NULL)
		fclose(f);
	if (!found)
		fprintf(stderr, "mxwatch %s: --%s: %s: %s\n", verb, option, path,
			error != 0 ? strerror(error) : wanted);
	return found;
}

bool option_ca_file(const char *verb, const char *path)
{
	return holds(verb, "ca-file", path, "BEGIN CERTIFICATE", "BEGIN TRUSTED CERTIFICATE",
		     "no certificate in it (PEM is wanted)");
}

bool option_trust_anchor(const char *verb, const char *path)
{
	return holds(verb, "trust-anchor", path, "DNSKEY", "DS", "no DS or DNSKEY record in it");
}
