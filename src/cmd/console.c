/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE /* pipe2 */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "text.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MAX     1000

static pid_t pager; /* 0 none */

static bool is_capable(FILE *stream)
{
	const char *term = getenv("TERM");
	return isatty(fileno(stream)) && term != NULL && strcmp(term, "dumb") != 0;
}

bool console_color(FILE *stream, bool no_color)
{
	const char *wish = getenv("NO_COLOR");
	return !no_color && (wish == NULL || wish[0] == '\0') && is_capable(stream);
}

const char *console_style(bool color, enum console_style style)
{
	static const char *const codes[] = {
	    [CONSOLE_PLAIN] = "\033[0m",   [CONSOLE_BOLD] = "\033[1m",
	    [CONSOLE_DIM] = "\033[2m",	   [CONSOLE_RED] = "\033[31m",
	    [CONSOLE_YELLOW] = "\033[33m", [CONSOLE_GREEN] = "\033[32m",
	    [CONSOLE_BLUE] = "\033[34m",
	};
	return color ? codes[style] : "";
}

int console_width(FILE *stream)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");
	long width = 0;

	if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	else if (columns != NULL)
		width = strtol(columns, NULL, 10);
	return width > 0 && width <= WIDTH_MAX ? (int)width : WIDTH_DEFAULT;
}

/* -- the pager ---------------------------------------------------------------------------- */

/* What the user set, else less where it is; NULL when nothing is wanted. */
static const char *pager_command(void)
{
	const char *said = getenv("MXWATCH_PAGER");

	if (said == NULL)
		said = getenv("PAGER");
	if (said == NULL)
		return "command -v less >/dev/null && exec less; exec cat";
	return said[0] == '\0' || strcmp(said, "cat") == 0 ? NULL : said;
}

void console_page(void)
{
	const char *command = is_capable(stdout) ? pager_command() : NULL;
	int ends[2];

	if (command == NULL || pager > 0 || pipe2(ends, O_CLOEXEC) < 0)
		return;
	fflush(stdout);
	pager = fork();
	if (pager == 0) {
		dup2(ends[0], STDIN_FILENO);
		setenv("LESS", "FRX", 0);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (pager > 0) {
		dup2(ends[1], STDOUT_FILENO);
		signal(SIGINT, SIG_IGN); /* Ctrl-C is the pager's */
	}
	close(ends[0]);
	close(ends[1]);
}

static void pager_wait(void)
{
	if (pager <= 0)
		return;
	close(STDOUT_FILENO);
	while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
		;
	pager = 0;
}

/* -- progress ---------------------------------------------------------------------------- */

static bool progress_shown;

void console_progress(const char *fmt, ...)
{
	struct buf text, line;
	va_list ap;

	if (pager > 0 || !is_capable(stderr))
		return;
	buf_init(&text, WIDTH_MAX);
	buf_init(&line, 4 * WIDTH_MAX);
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	text_escape(&line, buf_str(&text), text.len, (size_t)console_width(stderr) - 1);
	fprintf(stderr, "\r\033[K%s", buf_str(&line));
	fflush(stderr);
	progress_shown = true;
	buf_clear(&text);
	buf_clear(&line);
}

void console_progress_end(void)
{
	if (progress_shown)
		fputs("\r\033[K", stderr);
	fflush(stderr);
	progress_shown = false;
}

/* Whether nobody reads our pipe any more: errno may be of something later. */
static bool reader_left(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};

	return poll(&out, 1, 0) > 0 && (out.revents & POLLERR);
}

int console_finish(int status)
{
	bool arrived;

	console_progress_end();
	arrived = (fflush(stdout) == 0 && !ferror(stdout)) || reader_left();
	if (!arrived)
		fprintf(stderr, "mxwatch: standard output: %s\n", strerror(errno));
	pager_wait();
	return arrived ? status : EX_IOERR;
}
