/* SPDX-License-Identifier: ISC
 *
 * Why a shell function (one that does I/O) returned -1.  errno never crosses a function:
 * its text is folded in where the call failed.
 */
#ifndef ERR_H
#define ERR_H

struct error {
	char text[512];
};

/* Fill err (may be NULL) and return -1, so that a caller can `return error_set(...)`. */
int error_set(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same with ": strerror(errno)" behind it. */
int error_errno(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
