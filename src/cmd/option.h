/* SPDX-License-Identifier: ISC
 *
 * What the subcommands of mxwatch(1) say about an option that getopt_long did not take, or about
 * the file that one names.
 */
#ifndef OPTION_H
#define OPTION_H

#include <getopt.h>
#include <stdbool.h>

/* Complain about what getopt_long answered with '?' or ':' (its short options begin with ':'), on
 * standard error, with the nearest name there is; EX_USAGE. */
int option_wrong(const char *verb, int c, char **argv, const struct option *options);

/* Whether the file has a certificate (PEM), a DS or DNSKEY record; if not, complain: nobody should
 * wait for a verdict that was made without it. */
bool option_ca_file(const char *verb, const char *path);
bool option_trust_anchor(const char *verb, const char *path);

#endif
