/* SPDX-License-Identifier: ISC
 *
 * The domains `mxwatch check` is asked about: the words of the command line and the lines of a
 * file, folded, each once.
 */
#ifndef CHECK_LIST_H
#define CHECK_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <uthash.h>

struct check_list {
	struct check_name { /* an A-label name */
		char *name;
		UT_hash_handle hh; /* in the order they came */
	} *names;
};

void check_list_init(struct check_list *l);
void check_list_clear(struct check_list *l);
/* False when it is no domain name, with a message that begins with where. */
bool check_list_add(struct check_list *l, const char *where, const char *name);
/* Every line's first word; "#" begins a comment, "-" is standard input.  0, EX_NOINPUT or EX_DATAERR
 * after messages. */
int check_list_read(struct check_list *l, const char *file);

#endif
