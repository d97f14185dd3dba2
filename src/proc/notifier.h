/* SPDX-License-Identifier: ISC
 *
 * The notifier: takes deliveries from the engine, renders and sends each, and answers with what
 * the far side said.  It decides nothing: which receiver, whether again and when is the
 * engine's.  Here are the only places where a receiver's secrets are read, when they are used.
 */
#ifndef NOTIFIER_H
#define NOTIFIER_H

/* Until the engine's channel ends. */
void notifier_run(int channel);

#endif
