/* SPDX-License-Identifier: ISC
 *
 * Log lines: "engine: store: text" on stderr with a syslog level prefix ("<4>") under
 * systemd.  A reader that does not read never blocks us: what does not fit is counted and
 * the count is told later.  Bytes from strangers go through text_escape before they come here.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

typedef void log_hook(enum log_level level, const char *token, const char *line, void *arg);

/* Name this process in every line from now on; keep lines up to level. */
void log_init(const char *process, enum log_level level);
enum log_level log_level(void);
/* Send lines to hook in place of stderr (tests, fuzzers); NULL undoes it. */
void log_set_hook(log_hook *hook, void *arg);

/* token: the part of the house that speaks ("store", "schedule").  log_errno_* append ": strerror". */
void log_error(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_warning(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_debug(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_errno_warning(const char *token, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Say why and exit 1: for what cannot go on (start-up, out of memory). */
void log_fatal(const char *token, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), noreturn));

#endif
