/* SPDX-License-Identifier: ISC
 *
 * A receiver's settings as a document: how they cross from the engine to the notifier.  Places
 * of secrets, never secrets.
 */
#ifndef RECEIVER_H
#define RECEIVER_H

#include "conf.h"
#include "shape.h"

extern const struct shape receiver_shape; /* struct conf_receiver */

#endif
