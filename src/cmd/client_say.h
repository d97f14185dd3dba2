/* SPDX-License-Identifier: ISC
 *
 * How the verbs of mxwatch(1) print what the daemon said: words of strangers made safe, times
 * for people, colour only beside words.
 */
#ifndef CLIENT_SAY_H
#define CLIENT_SAY_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

/* Columns that say_wrapped and say_cut may fill; 0, as at the start: any. */
void say_width(int columns);
/* Print a text, cleaned; NULL is nothing. */
void say(const char *text);
/* Print a text and a newline, broken at spaces; the first line begins at column first, later ones
 * are indented. */
void say_wrapped(const char *text, size_t indent, size_t first);
/* Print what fits behind column first, "..." for the rest. */
void say_cut(const char *text, size_t first);
/* "1 domain", "3 domains"; one of four buffers, used in turn. */
const char *say_count(long long n, const char *thing);
void say_key(const json_t *o, const char *key);
/* "3 min ago" of an RFC 3339 time; "never". */
void say_ago(const json_t *o, const char *key);
/* A JSON value: a string bare, the rest compact. */
void say_value(const json_t *v);
/* One object on a line of its own. */
void say_json(const json_t *v);
/* A word of state or severity in six columns: "FAIL  ", "WARN  ", "????  ", "OK    ". */
void say_mark(bool color, const char *word);
void say_incident(bool color, const json_t *i);
void say_change(const json_t *c);
/* A field of a CSV line (RFC 4180); a leading =, +, - or @ is kept from being a formula. */
void say_csv(const char *text, bool last);

#endif
