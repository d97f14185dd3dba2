/* SPDX-License-Identifier: ISC
 *
 * Starting our own programs.  Each is a separate executable (a fresh address space: nothing of
 * the starter leaks into it) whose descriptors 3, 4, ... are given by the starter and which
 * has no others but 0, 1 and 2.  It is killed when its starter dies (PR_SET_PDEATHSIG).
 *
 * Convention: 3 is the channel.  Under mxwatchd 4 is the lifeline, which a child only has to
 * leave alone: the parent sees its death as EOF there.
 */
#ifndef SPAWN_H
#define SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#include "privdrop.h"

struct error;

#define SPAWN_CHANNEL 3

/* Where a sibling program ("prober") is: beside /proc/self/exe when an executable of that name
 * lies there (a build tree), else in PKGLIBEXECDIR.  Returns out. */
const char *spawn_path(const char *program, char *out, size_t size);
/* A connected pair of stream sockets, close-on-exec; 0 or -1. */
int spawn_pair(int pair[2], struct error *err);
/* Start path with argv (argv[0] first, NULL-terminated) as account (NULL: ours); fds become
 * 3, 4, ... there and stay open here.  Returns the process id, or -1 also when the program
 * could not be executed.  The starter reaps it. */
pid_t spawn_program(const char *path, const char *const *argv, const int *fds, size_t n_fds,
    const struct privdrop *account, struct error *err);

/* The same for a program of somebody else's: in becomes its standard input, out its standard
 * output and error, it has no other descriptor, the signals are at their defaults, and it leads
 * a process group of its own. */
pid_t spawn_command(const char *path, const char *const *argv, int in, int out,
    struct error *err);

/* First thing in a child's main: name ("prober") for logs and ps, signals_child,
 * privdrop_harden.  Returns the channel's descriptor; exits 64 with a line on stderr if there
 * is none, because somebody started it by hand. */
int spawn_begin(const char *name);

#endif
