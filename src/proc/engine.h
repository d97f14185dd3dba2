/* SPDX-License-Identifier: ISC
 *
 * The engine: schedule, state, judgement, incidents, outbox.  It opens no network socket and
 * sees no secret.  One loop:
 *
 *     plan ─► ORDER ─► prober ─► OBSERVED ─► believe ─► judge ─► incidents ─► outbox ─► DELIVER
 *     (engine_orders)            (engine_believe, engine_judge)  (engine_tell, engine_outbox)
 *
 * What arrived in one wake-up, or within 250 ms where wake-ups come thick, is one transaction;
 * a notice leaves only behind the COMMIT of the state that caused it.  When the state cannot be
 * written, what arrived waits in memory, bounded, and is taken up again when it can.
 *
 * engine.c starts and ends it and speaks with the parent; engine_setup reads the configuration
 * and sets up the peers; engine_wish answers the web.
 */
#ifndef ENGINE_H
#define ENGINE_H

/* Run on the channel fd with the configuration in file until the parent says STOP or is gone.
 * Returns the exit status: 0, 1 (cannot work now), or one of parent.h. */
int engine_run(const char *file, int fd);

#endif
