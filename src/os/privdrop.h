/* SPDX-License-Identifier: ISC
 *
 * Giving up what a process does not need: root, the way back to it, core dumps that would hold
 * secrets, and attachment by a debugger of the same user.
 */
#ifndef PRIVDROP_H
#define PRIVDROP_H

#include <stdbool.h>
#include <sys/types.h>

struct error;

struct privdrop { /* an account to become */
	uid_t uid;
	gid_t gid;
};

/* Look user up.  1 found, 0 there is no such account, -1 the lookup failed (err). */
int privdrop_lookup(const char *user, struct privdrop *out, struct error *err);
/* Become that account for good: groups, gid, uid, and proof that there is no way back. */
int privdrop_become(const struct privdrop *p, struct error *err);
/* No new privileges through execve, no core dump, no debugger of the same user. */
void privdrop_harden(void);
/* Allow as many open files as the hard limit does, at most n; returns what there is now. */
long privdrop_raise_files(long n);

#endif
