/* SPDX-License-Identifier: ISC
 *
 * The last step of a process that is about to read what strangers send: sandbox_enter, called
 * once, before any thread exists, when libraries are initialised (TLS contexts, resolver,
 * sqlite, locale, time zone) and listening sockets are bound.  There is no way out of it.
 *
 * Landlock: only the named files can be opened, and nothing else is executed; engine and web
 * can make no TCP connection (kernel 6.7); no signal and no abstract socket reaches outside
 * (6.12).  What the kernel does not know yet is left out and said once.
 * seccomp: calls no role needs fail with EPERM (ptrace, mount, bpf, io_uring, keys, namespaces,
 * modules, clocks, foreign memory, ...), and by role:
 *
 *                    engine    prober    notifier  courier   web
 *     socket()       UNIX      INET(6)   UNIX, INET(6), NETLINK   none
 *     connect()      no        yes       yes       yes       no
 *     listen()       no        no        no        no        bound before
 *     exec, fork     no        no        config's  no        no
 *     new code pages no        no        yes       yes       no    (mmap, mprotect PROT_EXEC)
 *     kill()         itself    itself    yes       itself    itself
 *
 * What it does not give: open descriptors keep working, the network a role may use is not
 * narrowed by address (vantage and stream check addresses), and other programs of the same
 * account are kept out only by the file system's rights.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

enum sandbox_role { SANDBOX_ENGINE, SANDBOX_PROBER, SANDBOX_NOTIFIER, SANDBOX_COURIER,
	SANDBOX_WEB };

/* Lists of absolute paths, NULL or NULL-terminated; a directory stands for all below it, and a
 * path that does not exist is passed over. */
struct sandbox_config {
	const char *const *read;
	const char *const *write; /* and create, truncate, rename and remove below */
	const char *const *exec;  /* notifier: what it may execute */
};

#define SANDBOX_EXIT 78 /* EX_CONFIG: the system would have to change first */

/* Enter.  NULL, or what of it cannot be had here, in words for a person, with a warning in the
 * log: a kernel (or a container's filter) may know neither Landlock nor seccomp.  The end
 * (SANDBOX_EXIT) when the system has them and refuses, or has them not and the environment says
 * MXWATCH_SANDBOX=required, as the unit does.
 * A build with sanitizers only says that it has no sandbox: they need what this forbids. */
const char *sandbox_enter(enum sandbox_role role, const struct sandbox_config *config);

#endif
