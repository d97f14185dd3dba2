/* SPDX-License-Identifier: ISC
 *
 * The subcommands of mxwatch(1).  Each gets its own name as argv[0], prints its own --help,
 * and returns the exit status.  mxwatch.c has the table.
 */
#ifndef MXWATCH_H
#define MXWATCH_H

#include <sysexits.h> /* EX_USAGE 64, EX_UNAVAILABLE 69 */

/* Without the daemon. */
int cmd_check(int argc, char **argv);
int cmd_lint(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_tlsa(int argc, char **argv);

/* Through the daemon's Unix socket. */
int cmd_status(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_incidents(int argc, char **argv);
int cmd_history(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_ack(int argc, char **argv);
int cmd_silence(int argc, char **argv);
int cmd_recheck(int argc, char **argv);
int cmd_queue(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_route(int argc, char **argv);
int cmd_test_alert(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_backup(int argc, char **argv);

#endif
