/* SPDX-License-Identifier: ISC
 *
 * fork and execve, with a pipe that is closed by a successful execve and otherwise carries
 * errno back.  Between fork and execve the child only makes system calls.
 */
#include "config.h"

#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "log.h"
#include "signals.h"
#include "text.h"

#define FDS_MAX 8
#define HIGH	64 /* above every descriptor a child is given */

/* What a child may know of our environment. */
static const char *const kept[] = {"PATH",
				   "TZ",
				   "JOURNAL_STREAM",
				   "CREDENTIALS_DIRECTORY",
				   "STATE_DIRECTORY",
				   "RUNTIME_DIRECTORY",
				   "MXWATCH_SANDBOX",
				   "ASAN_OPTIONS",
				   "LSAN_OPTIONS",
				   "UBSAN_OPTIONS"};
#define N_KEPT (sizeof(kept) / sizeof(kept[0]))

/* The directory we run from when it has our programs in it (a build tree), else false. */
static bool own_directory(char *out, size_t size)
{
	char file[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", out, size - 1);

	if (n <= 0)
		return false;
	out[n] = '\0';
	*strrchr(out, '/') = '\0';
	const char *const siblings[] = {"engine", "prober"};
	for (size_t i = 0; i < 2; i++) {
		int len = snprintf(file, sizeof(file), "%s/%s", out, siblings[i]);
		if (len >= (int)sizeof(file) || access(file, X_OK) < 0)
			return false;
	}
	return true;
}

const char *spawn_path(const char *program, char *out, size_t size)
{
	char directory[PATH_MAX];

	snprintf(out, size, "%s/%s",
		 own_directory(directory, sizeof(directory)) ? directory : PKGLIBEXECDIR, program);
	return out;
}

int spawn_pair(int pair[2], struct error *err)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(err, "socketpair");
	return 0;
}

static void make_environment(char *out[N_KEPT + 1])
{
	size_t n = 0;

	for (char **e = environ; *e != NULL; e++) {
		for (size_t i = 0; i < N_KEPT && n < N_KEPT; i++) {
			size_t len = strlen(kept[i]);
			if (strncmp(*e, kept[i], len) == 0 && (*e)[len] == '=')
				out[n++] = *e;
		}
	}
	out[n] = NULL;
}

/* fds become first, first + 1, ...; all above them are closed by execve. */
static int place_descriptors(const int *fds, size_t n_fds, int first)
{
	int high[FDS_MAX];

	for (size_t i = 0; i < n_fds; i++) {
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, HIGH);
		if (high[i] < 0)
			return -1;
	}
	for (size_t i = 0; i < n_fds; i++)
		if (dup2(high[i], first + (int)i) < 0)
			return -1;
	/* Ours are close-on-exec anyway; this is for what somebody left open in us. */
	close_range((unsigned)first + (unsigned)n_fds, UINT_MAX, CLOSE_RANGE_CLOEXEC);
	return 0;
}

static int child_setup(pid_t starter, const int *fds, size_t n_fds, int first,
		       const struct privdrop *account)
{
	if (account != NULL && privdrop_become(account, NULL) < 0)
		return -1;
	/* Behind the change of account, which would undo it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -1;
	if (getppid() != starter)
		_exit(1);
	if (first == 0) { /* somebody else's program */
		signals_init();
		setpgid(0, 0);
	}
	return place_descriptors(fds, n_fds, first);
}

static pid_t start(const char *path, const char *const *argv, const int *fds, size_t n_fds,
		   int first, const struct privdrop *account, struct error *err)
{
	char *environment[N_KEPT + 1];
	int report[2], number;
	pid_t starter = getpid();

	if (n_fds > FDS_MAX)
		return error_set(err, "%s: too many descriptors", path);
	make_environment(environment);
	if (pipe2(report, O_CLOEXEC) < 0)
		return error_errno(err, "pipe");
	pid_t pid = fork();
	if (pid < 0) {
		error_errno(err, "fork");
	} else if (pid == 0) {
		int to = fcntl(report[1], F_DUPFD_CLOEXEC, HIGH);
		if (to >= 0 && child_setup(starter, fds, n_fds, first, account) == 0)
			execve(path, (char *const *)argv, environment);
		number = errno;
		_exit(write(to, &number, sizeof(number)) == sizeof(number) ? 127 : 126);
	}
	close(report[1]);
	ssize_t n;
	do
		n = pid > 0 ? read(report[0], &number, sizeof(number)) : 0;
	while (n < 0 && errno == EINTR);
	close(report[0]);
	if (n == sizeof(number)) {
		waitpid(pid, NULL, 0);
		errno = number;
		return error_errno(err, "%s", path);
	}
	return pid;
}

pid_t spawn_program(const char *path, const char *const *argv, const int *fds, size_t n_fds,
		    const struct privdrop *account, struct error *err)
{
	return start(path, argv, fds, n_fds, SPAWN_CHANNEL, account, err);
}

pid_t spawn_command(const char *path, const char *const *argv, int in, int out, struct error *err)
{
	return start(path, argv, (const int[]){in, out, out}, 3, 0, NULL, err);
}

int spawn_begin(const char *name)
{
	char title[16];
	int type;
	socklen_t len = sizeof(type);

	log_init(name, LOG_LEVEL_INFO);
	signals_child();
	privdrop_harden();
	snprintf(title, sizeof(title), "mxw-%s", name);
	prctl(PR_SET_NAME, title, 0, 0, 0);
	if (getsockopt(SPAWN_CHANNEL, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
		log_error("start", "this program is started by mxwatchd or mxwatch, not by hand");
		exit(64);
	}
	fcntl(SPAWN_CHANNEL, F_SETFD, FD_CLOEXEC);
	fcntl(SPAWN_CHANNEL + 1, F_SETFD, FD_CLOEXEC); /* the lifeline is not our children's */
	return SPAWN_CHANNEL;
}
