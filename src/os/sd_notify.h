/* SPDX-License-Identifier: ISC
 *
 * The protocol of sd_notify(3), by ourselves: a datagram of assignments to the socket named in
 * $NOTIFY_SOCKET (a path, or abstract with '@').  Without that variable all of it does nothing.
 */
#ifndef SD_NOTIFY_H
#define SD_NOTIFY_H

/* Open the socket and take the variables out of the environment, so that no child inherits them. */
void sd_notify_init(void);
/* Started, or through with a reload; text (may be NULL) is the status shown by systemctl. */
void sd_notify_ready(const char *text);
void sd_notify_reloading(void);
void sd_notify_status(const char *text);
/* Alive; systemd restarts a service (WatchdogSec=) that does not say so in time. */
void sd_notify_watchdog(void);
void sd_notify_stopping(void);

#endif
