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

/* Through the daemon's Unix socket, all of them (status, list, incidents, ...), and the questions to
 * the configuration file. */
int cmd_client(int argc, char **argv);

#endif
