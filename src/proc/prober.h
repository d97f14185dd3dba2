/* SPDX-License-Identifier: ISC
 *
 * The prober: takes orders from the engine, lets src/probe carry them out, sends back what was
 * observed.  It reads no configuration, holds no state and no secret; whatever strangers send
 * is read here and nowhere else.
 *
 *     SETUP    once; sets the stage, enters the sandbox.  A second one ends the process: the
 *              next prober begins with it.
 *     ORDER    a probe; waits while the view is not known yet and while too many are in work
 *     OBSERVED its answer, always, within the order's deadline
 *     WANT, GO, DONE   the gate (probe/gate.h)
 *     SELF     what we know of our own view, at each change (proc/lookout.h)
 *     STOP, or the end of the channel: gone at once, orders in work are the engine's again
 */
#ifndef PROBER_H
#define PROBER_H

/* Serve the engine at the other end of fd until it stops us; the exit status. */
int prober_run(int fd);

#endif
