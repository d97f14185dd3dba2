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

/* Print a text, cleaned; NULL is nothing. */
void say(const char *text);
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
