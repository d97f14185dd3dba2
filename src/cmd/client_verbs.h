/* SPDX-License-Identifier: ISC
 *
 * The verbs of cmd_client's table; each returns the exit status.
 */
#ifndef CLIENT_VERBS_H
#define CLIENT_VERBS_H

#include "client.h"

typedef int client_verb(const struct client_call *c);

/* client_read.c: what is known */
client_verb client_status, client_list, client_incidents, client_history, client_diff;
/* A domain on one screen, as the API has it. */
void client_print_domain(const struct client_call *c, const json_t *o);
/* client_wish.c: what is to be done */
client_verb client_recheck, client_ack, client_reload, client_test_alert, client_queue,
    client_silence;
/* client_export.c */
client_verb client_export, client_backup;
/* client_file.c: from the configuration file, without the daemon */
client_verb client_config, client_route;

#endif
