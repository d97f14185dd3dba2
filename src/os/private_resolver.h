/* SPDX-License-Identifier: ISC
 *
 * Our own validating resolver, for machines that have none: the `unbound` program on a free
 * loopback port, UDP and TCP, with the trust anchor of the configuration and its cache in
 * memory.  It keeps no state and no control port.
 *
 * The configuration is written to DIR/unbound.conf for people to read, and reaches unbound
 * through a pipe with the anchors in it: AppArmor's profile of unbound on Debian and Ubuntu
 * refuses files outside /etc/unbound and /var/lib/unbound.  When we are root, unbound runs as
 * the account its package made.
 */
#ifndef PRIVATE_RESOLVER_H
#define PRIVATE_RESOLVER_H

#include <stdint.h>
#include <sys/types.h>

struct error;

/* Start it and wait (3 s at most) until it accepts connections on 127.0.0.1:*port.  The caller
 * reaps the process id (its end is the one notice that the resolver is gone; start another)
 * and ends it with SIGTERM; it also ends when the caller dies.  log is the
 * file for what it has to say, "" for standard error.  -1 with err saying what to do. */
pid_t private_resolver_start(const char *dir, const char *trust_anchor, const char *log,
			     uint16_t *port, struct error *err);

#endif
