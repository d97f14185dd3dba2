/* SPDX-License-Identifier: ISC
 *
 * What each kind of program does about signals.  A program starts with whatever its starter
 * left it, so the first thing in main is one of these.  SIGPIPE is ignored by all: a peer
 * that hangs up is an error of write, never our death.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

/* mxwatchd and mxwatch: everything at its default, nothing blocked, SIGPIPE ignored. */
void signals_init(void);
/* Children: SIGINT, SIGHUP and SIGTERM are ignored too (a terminal or systemd may send them to
 * the whole group); a child is told to stop by its channel and killed if it does not. */
void signals_child(void);

#endif
