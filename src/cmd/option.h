/* SPDX-License-Identifier: ISC
 *
 * What the subcommands of mxwatch(1) say about an option that getopt_long did not take.
 */
#ifndef OPTION_H
#define OPTION_H

#include <getopt.h>

/* Complain about what getopt_long answered with '?' or ':' (its short options begin with ':'), on
 * standard error, with the nearest name there is; EX_USAGE. */
int option_wrong(const char *verb, int c, char **argv, const struct option *options);

#endif
