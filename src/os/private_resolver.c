/* SPDX-License-Identifier: ISC */
#include "private_resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "config.h"
#include "err.h"

#define MAX_CONFIG 60000 /* fits a pipe as it is born (65536 bytes) */
#define READY_MS   3000
#define STEP_MS	   5
#define ATTEMPTS   3 /* the port is free when we look, not when unbound does */
#define ACCOUNT	   "unbound"

static int loopback_socket(int type, uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool is_free(uint16_t port)
{
	int udp = loopback_socket(SOCK_DGRAM, port), tcp = loopback_socket(SOCK_STREAM, port);

	if (udp >= 0)
		close(udp);
	if (tcp >= 0)
		close(tcp);
	return udp >= 0 && tcp >= 0;
}

/* A port that is free for both UDP and TCP. */
static int free_port(uint16_t *port, struct error *err)
{
	for (int i = 0; i < 32; i++) {
		struct sockaddr_in sin;
		socklen_t len = sizeof(sin);
		int udp = loopback_socket(SOCK_DGRAM, 0);

		if (udp < 0 || getsockname(udp, (struct sockaddr *)&sin, &len) != 0) {
			if (udp >= 0)
				close(udp);
			return error_errno(err, "no loopback port for the private resolver");
		}
		close(udp);
		*port = ntohs(sin.sin_port);
		if (is_free(*port))
			return 0;
	}
	return error_set(err, "no loopback port is free for the private resolver");
}

/* The records of a zone file as trust-anchor lines: comments cut, parentheses joined. */
static void add_anchors(struct buf *out, const char *zone)
{
	bool comment = false, quoted = false;
	int depth = 0;

	for (const char *p = zone; *p != '\0'; p++) {
		char c = *p;

		if (c == '\n')
			comment = false;
		if (comment || c == '"' || c == '\r')
			continue;
		if (c == ';') {
			comment = true;
			continue;
		}
		if (c == '(' || c == ')') {
			depth += c == '(' ? 1 : -1;
			c = ' ';
		}
		if (c == '\n' && depth <= 0) {
			if (quoted)
				buf_addstr(out, "\"\n");
			quoted = false;
			continue;
		}
		if (!quoted && (c == ' ' || c == '\t' || c == '\n'))
			continue;
		if (!quoted)
			buf_addstr(out, "\ttrust-anchor: \"");
		quoted = true;
		buf_addch(out, c == '\n' ? ' ' : c);
	}
	if (quoted)
		buf_addstr(out, "\"\n");
}

static int read_anchors(struct buf *out, const char *path, struct error *err)
{
	char text[MAX_CONFIG / 2];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	size_t before = out->len;

	if (fd < 0)
		return error_errno(err, "resolver.trust_anchor: %s (package dns-root-data has one)",
				   path);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return error_errno(err, "resolver.trust_anchor: %s", path);
	text[n] = '\0';
	add_anchors(out, text);
	if (out->len == before || out->truncated)
		return error_set(
		    err, "resolver.trust_anchor: %s holds no usable DS or DNSKEY record", path);
	return 0;
}

static int compose(struct buf *out, const char *trust_anchor, const char *log, uint16_t port,
		   struct error *err)
{
	buf_printf(out,
		   "# Written anew at each start by mxwatchd; changes here are lost.\n"
		   "server:\n"
		   "\tinterface: 127.0.0.1@%u\n"
		   "\taccess-control: 127.0.0.0/8 allow\n"
		   "\tusername: \"\"\n"
		   "\tchroot: \"\"\n"
		   "\tdirectory: \"\"\n"
		   "\tpidfile: \"\"\n"
		   "\tdo-daemonize: no\n"
		   "\tuse-syslog: no\n"
		   "\tlogfile: \"%s\"\n"
		   "\tverbosity: 0\n"
		   "\tnum-threads: 1\n"
		   "\toutgoing-range: 900\n"
		   "\tnum-queries-per-thread: 1800\n"
		   "\tincoming-num-tcp: 100\n"
		   "\tmsg-cache-size: 8m\n"
		   "\trrset-cache-size: 16m\n"
		   "\tcache-max-ttl: 90000\n"
		   "\tcache-max-negative-ttl: 300\n"
		   "\tedns-tcp-keepalive: yes\n"
		   "\tprefetch: yes\n"
		   "\tprefetch-key: yes\n"
		   "\tede: yes\n"
		   "\thide-identity: yes\n"
		   "\thide-version: yes\n"
		   "\thide-trustanchor: yes\n"
		   "\tlocal-zone: \"test.\" nodefault\n"
		   "\tmodule-config: \"validator iterator\"\n",
		   port, log);
	if (read_anchors(out, trust_anchor, err) != 0)
		return -1;
	buf_addstr(out, "remote-control:\n\tcontrol-enable: no\n");
	if (out->truncated)
		return error_set(err, "resolver.trust_anchor: %s is too large", trust_anchor);
	return 0;
}

static int write_copy(const char *dir, const struct buf *config, struct error *err)
{
	char path[4096];
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/unbound.conf", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_errno(err, "%s", path);
	n = write(fd, config->data, config->len);
	if (close(fd) != 0 || n != (ssize_t)config->len)
		return error_errno(err, "%s", path);
	return 0;
}

/* In the child: become the account, hold the configuration on fd 0, turn into unbound. */
static void become_unbound(const struct buf *config, const struct passwd *account, pid_t parent)
{
	sigset_t none;
	int fds[2];

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0); /* a terminal's SIGINT and SIGHUP are for the daemon */
	if (account != NULL && (setgroups(0, NULL) != 0 || setgid(account->pw_gid) != 0 ||
				setuid(account->pw_uid) != 0))
		_exit(111);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
		_exit(111);
	if (pipe(fds) != 0 || write(fds[1], config->data, config->len) != (ssize_t)config->len ||
	    dup2(fds[0], STDIN_FILENO) < 0)
		_exit(111);
	close(fds[0]);
	close(fds[1]);
	execl(UNBOUND_PATH, "unbound", "-d", "-c", "/dev/stdin", (char *)NULL);
	_exit(127);
}

static bool accepts(uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ok = fd >= 0 && connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

/* 0 when it answers; -1 (and the process is gone and reaped) when it ended or takes too long. */
static int wait_ready(pid_t pid, uint16_t port, struct error *err)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	int status;

	for (int waited = 0; waited < READY_MS; waited += STEP_MS) {
		if (accepts(port))
			return 0;
		if (waitpid(pid, &status, WNOHANG) == pid)
			return error_set(
			    err,
			    "the private resolver (%s) ended at once with status %d; its own words "
			    "are above in the log",
			    UNBOUND_PATH, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
		nanosleep(&step, NULL);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return error_set(err,
			 "the private resolver (%s) did not listen on 127.0.0.1:%u within %d s",
			 UNBOUND_PATH, port, READY_MS / 1000);
}

static pid_t start_once(const char *dir, const char *trust_anchor, const char *log, uint16_t *port,
			struct error *err)
{
	const struct passwd *account = geteuid() == 0 ? getpwnam(ACCOUNT) : NULL;
	pid_t parent = getpid(), pid = -1;
	struct buf config;

	buf_init(&config, MAX_CONFIG);
	if (free_port(port, err) == 0 && compose(&config, trust_anchor, log, *port, err) == 0 &&
	    write_copy(dir, &config, err) == 0) {
		pid = fork();
		if (pid == 0)
			become_unbound(&config, account, parent);
		if (pid < 0)
			error_errno(err, "cannot start the private resolver");
	}
	buf_clear(&config);
	return pid;
}

pid_t private_resolver_start(const char *dir, const char *trust_anchor, const char *log,
			     uint16_t *port, struct error *err)
{
	if (access(UNBOUND_PATH, X_OK) != 0)
		return error_set(
		    err,
		    "no private resolver: %s is not installed (install the package unbound, or "
		    "point resolver.upstreams at a validating resolver)",
		    UNBOUND_PATH);
	for (int i = 0; i < ATTEMPTS; i++) {
		pid_t pid = start_once(dir, trust_anchor, log, port, err);

		if (pid < 0)
			return -1;
		if (wait_ready(pid, *port, err) == 0)
			return pid;
		if (is_free(*port))
			return -1; /* it was not the port */
	}
	return -1;
}
