/* SPDX-License-Identifier: ISC
 *
 * stderr is shared with other processes, so its own flags stay as they are: log_init opens
 * it once more for us, non-blocking.  Where that cannot be (a socket, another user's pipe),
 * a socket is written with MSG_DONTWAIT and anything else after poll says that it has room.
 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static struct {
	char process[32];
	enum log_level level;
	int fd; /* our own description of stderr, or STDERR_FILENO */
	bool systemd;
	unsigned long lost;
	log_hook *hook;
	void *arg;
} state = {.level = LOG_LEVEL_INFO, .fd = STDERR_FILENO};

static const int syslog_level[] = {3, 4, 6, 7};

/* Whether stderr is the journal's stream: systemd.exec(5), $JOURNAL_STREAM is "device:inode". */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char own[64];

	if (stream == NULL || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	return strcmp(stream, own) == 0;
}

void log_init(const char *process, enum log_level level)
{
	snprintf(state.process, sizeof(state.process), "%s", process);
	state.level = level;
	state.systemd = is_journal();
	if (state.fd == STDERR_FILENO) {
		int fd = open("/proc/self/fd/2",
			      O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd >= 0)
			state.fd = fd;
	}
}

enum log_level log_level(void)
{
	return state.level;
}

void log_set_hook(log_hook *hook, void *arg)
{
	state.hook = hook;
	state.arg = arg;
}

/* One line, whole or not at all, without ever waiting. */
static bool write_line(const char *line, size_t len)
{
	ssize_t n = send(state.fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0 || errno != ENOTSOCK)
		return n >= 0;
	struct pollfd p = {.fd = state.fd, .events = POLLOUT};
	if (poll(&p, 1, 0) != 1 || (p.revents & POLLOUT) == 0)
		return false;
	return write(state.fd, line, len) >= 0;
}

static size_t begin_line(char *line, size_t size, enum log_level level, const char *token)
{
	int n = 0;
	if (state.systemd)
		n = snprintf(line, size, "<%d>", syslog_level[level]);
	if (state.process[0] != '\0')
		n += snprintf(line + n, size - (size_t)n, "%s: ", state.process);
	n += snprintf(line + n, size - (size_t)n, "%.32s: ", token);
	return (size_t)n;
}

static void emit(enum log_level level, const char *token, const char *text)
{
	if (state.hook != NULL) {
		state.hook(level, token, text, state.arg);
		return;
	}
	char line[LINE_MAX_BYTES + 128];
	size_t len;
	if (state.lost > 0) {
		len = begin_line(line, sizeof(line), LOG_LEVEL_WARNING, "log");
		len += (size_t)snprintf(line + len, sizeof(line) - len,
					"%lu lines lost: the reader of the log did not keep up\n",
					state.lost);
		if (!write_line(line, len)) {
			state.lost++;
			return;
		}
		state.lost = 0;
	}
	len = begin_line(line, sizeof(line), level, token);
	len += (size_t)snprintf(line + len, sizeof(line) - len, "%s\n", text);
	if (!write_line(line, len))
		state.lost++;
}

static void vlog(enum log_level level, const char *token, int number, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES];

	if (level > state.level)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	if (number != 0) {
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, ": %s", strerror(number));
	}
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	emit(level, token, text);
}

#define LOG_AT(level, number)                                                                      \
	do {                                                                                       \
		int saved = (number);                                                              \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		vlog(level, token, saved, fmt, ap);                                                \
		va_end(ap);                                                                        \
	} while (0)

void log_error(const char *token, const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_ERROR, 0);
}

void log_warning(const char *token, const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_WARNING, 0);
}

void log_info(const char *token, const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_INFO, 0);
}

void log_debug(const char *token, const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_DEBUG, 0);
}

void log_errno_warning(const char *token, const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_WARNING, errno);
}

void log_fatal(const char *token, const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_ERROR, 0);
	exit(1);
}
