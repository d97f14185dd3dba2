/* SPDX-License-Identifier: ISC
 *
 * Verbs of cmd_client's table that live in files of their own; each returns the exit status.
 */
#ifndef CLIENT_VERBS_H
#define CLIENT_VERBS_H

#include "client.h"

/* client_export.c */
int client_export(const struct client_call *c);
int client_backup(const struct client_call *c);
/* client_file.c: from the configuration file, without the daemon */
int client_config(const struct client_call *c);
int client_route(const struct client_call *c);

#endif
