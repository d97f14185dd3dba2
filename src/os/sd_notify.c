/* SPDX-License-Identifier: ISC */
#include "sd_notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

static struct {
	int fd;
	struct sockaddr_un to;
	socklen_t to_len;
} notify = {.fd = -1};

void sd_notify_init(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path != NULL ? strlen(path) : 0;

	if (len > 0 && (path[0] == '/' || path[0] == '@') && len < sizeof(notify.to.sun_path)) {
		notify.to.sun_family = AF_UNIX;
		memcpy(notify.to.sun_path, path, len);
		if (path[0] == '@')
			notify.to.sun_path[0] = '\0';
		notify.to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
		notify.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	} else if (path != NULL) {
		log_warning("systemd", "NOTIFY_SOCKET is not a path that can be used");
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static void send_text(const char *text)
{
	if (notify.fd >= 0 && sendto(notify.fd, text, strlen(text), MSG_NOSIGNAL,
				     (const struct sockaddr *)&notify.to, notify.to_len) < 0)
		log_errno_warning("systemd", "cannot notify");
}

/* before, and then "STATUS=text" with its line breaks as blanks. */
static void send_status(const char *before, const char *text)
{
	char message[1024];
	int len = snprintf(message, sizeof(message), "%s", before);

	if (text != NULL)
		snprintf(message + len, sizeof(message) - (size_t)len, "STATUS=%s", text);
	for (char *p = message + len; *p != '\0'; p++)
		if (*p == '\n')
			*p = ' ';
	send_text(message);
}

void sd_notify_ready(const char *text)
{
	send_status("READY=1\n", text);
}

void sd_notify_reloading(void)
{
	char message[64];
	snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
		 clock_monotonic_us());
	send_text(message);
}

void sd_notify_status(const char *text)
{
	send_status("", text);
}

void sd_notify_watchdog(void)
{
	send_text("WATCHDOG=1");
}

void sd_notify_stopping(void)
{
	send_text("STOPPING=1");
}
