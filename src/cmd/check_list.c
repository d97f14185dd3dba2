/* SPDX-License-Identifier: ISC */
#include "check_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "idn.h"
#include "mem.h"
#include "name.h"

void check_list_init(struct check_list *l)
{
	l->names = NULL;
}

void check_list_clear(struct check_list *l)
{
	struct check_name *one, *next;

	HASH_ITER(hh, l->names, one, next)
	{
		HASH_DEL(l->names, one);
		free(one->name);
		free(one);
	}
}

bool check_list_add(struct check_list *l, const char *where, const char *name)
{
	char folded[NAME_MAX_TEXT];
	struct check_name *one;
	struct error err;

	if (idn_fold(folded, name, &err) != 0) {
		fprintf(stderr, "mxwatch check: %s%s\n", where, err.text);
		return false;
	}
	HASH_FIND_STR(l->names, folded, one);
	if (one == NULL) {
		one = mem_alloc(sizeof(*one));
		one->name = mem_strdup(folded);
		HASH_ADD_KEYPTR(hh, l->names, one->name, strlen(one->name), one);
	}
	return true;
}

static int read_lines(struct check_list *l, const char *file, FILE *f)
{
	char *line = NULL, where[512];
	size_t size = 0;
	int status = 0;

	for (int number = 1; getline(&line, &size, f) >= 0; number++) {
		char *word = line + strspn(line, " \t\r\n");
		word[strcspn(word, " \t\r\n#")] = '\0';
		snprintf(where, sizeof(where), "%s:%d: ", file, number);
		if (*word && !check_list_add(l, where, word))
			status = EX_DATAERR;
	}
	free(line);
	return status;
}

int check_list_read(struct check_list *l, const char *file)
{
	FILE *f = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	int status;

	if (f == NULL) {
		fprintf(stderr, "mxwatch check: %s: %s\n", file, strerror(errno));
		return EX_NOINPUT;
	}
	status = read_lines(l, file, f);
	if (f != stdin)
		fclose(f);
	return status;
}
