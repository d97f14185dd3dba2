/* SPDX-License-Identifier: ISC
 *
 * One HTTP request to the daemon through its Unix socket, and what the verbs of mxwatch(1)
 * that use it have in common.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "buf.h"

struct client_call { /* one verb on its way: what the user said */
	const char *socket; /* NULL: the usual places */
	const char *file;   /* of the configuration; NULL: the daemon's, or the usual one */
	const char *format, *severity, *event, *reason, *author, *state, *group, *owner;
	const char *since, *until, *limit;
	bool json, color, force, origin, no_wait;
	char **argument;
	int n;
};

struct client_answer {
	int status; /* HTTP */
	struct buf body;
	json_t *json; /* NULL when the body is none */
};

/* Ask; body: a JSON object (taken) or NULL.  0, or an exit status with a message when the daemon
 * could not be reached.  Clear the answer in any case. */
int client_ask(const struct client_call *c, const char *method, const char *path, json_t *body,
    struct client_answer *a);
/* The same, and a status beyond 299 is a message and an exit status too. */
int client_get(const struct client_call *c, const char *method, const char *path, json_t *body,
    struct client_answer *a);
void client_clear(struct client_answer *a);

/* Whether word is one of the words; a message when it is none. */
bool client_word(const char *word, ...) __attribute__((sentinel));

/* A name as part of a path; free it. */
char *client_path(const char *before, const char *name, const char *behind);
/* Append "&KEY=VALUE", or "?..." as the first, to a path; nothing when value is NULL. */
void client_query(struct buf *path, const char *key, const char *value);

/* Every row of a list of the API, page by page, until cb says that it has enough (false); row is
 * borrowed. */
typedef bool client_row_cb(const json_t *row, void *arg);
int client_rows(const struct client_call *c, const char *path, client_row_cb *cb, void *arg);
/* Ask for one object and print it as JSON, or by print; takes path and body. */
int client_one(const struct client_call *c, const char *method, char *path, json_t *body,
    void (*print)(const struct client_call *c, const json_t *o));

#endif
