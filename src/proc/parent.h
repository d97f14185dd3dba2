/* SPDX-License-Identifier: ISC
 *
 * mxwatchd itself: it starts the other programs, starts them again when they die, and speaks
 * with systemd.  It parses no file and no peer's payload; all it reads is a few small frames
 * of the engine.
 *
 * The engine comes first, with its channel to us on descriptor 3, and says how many probers,
 * and whether a web and a resolver, are wanted (WANT_PEERS).  Each of those gets a channel to
 * the engine on 3, whose other end goes to the engine in a PEER frame, and a lifeline on 4.
 * EOF (on the channel of the engine, on the lifeline of the others) is the one notice of
 * death; SIGCHLD only collects the status.  Without the engine nobody has work: its end is EOF
 * for all, and all start anew.
 *
 * A dead child starts again after 1 s, doubling up to 60 s; a minute of life forgives.  Status
 * 0 means "start me again" and happens at once.  An engine that exits with one of the statuses
 * below before it was ever ready cannot work as things are: we exit with the same status.
 */
#ifndef PARENT_H
#define PARENT_H

#define PARENT_EXIT_CONFIG 2  /* the configuration has errors */
#define PARENT_EXIT_SYSTEM 78 /* another mxwatchd has the state, or the sandbox is refused */

struct privdrop;

struct parent_config {
	const char *file;		/* the configuration, for the engine to read */
	const struct privdrop *account; /* what the children run as; NULL = what we are */
};

/* Run until SIGTERM or SIGINT; returns the exit status. */
int parent_run(const struct parent_config *config);

#endif
