/* SPDX-License-Identifier: ISC
 *
 * The terminal in front of mxwatch: colour or not, how wide, its pager, and one line of
 * progress on standard error that wipes itself.
 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdbool.h>
#include <stdio.h>

enum console_style { CONSOLE_PLAIN, CONSOLE_BOLD, CONSOLE_DIM, CONSOLE_RED, CONSOLE_YELLOW,
	CONSOLE_GREEN, CONSOLE_BLUE };

/* Whether to colour what goes to stream: it is a terminal that can, NO_COLOR is unset or empty
 * (no-color.org), and the user did not say --no-color. */
bool console_color(FILE *stream, bool no_color);
/* The escape sequence that begins a style, "" without colour; CONSOLE_PLAIN ends one. */
const char *console_style(bool color, enum console_style style);
/* Columns of the terminal behind stream; $COLUMNS, else 80, when it is none. */
int console_width(FILE *stream);

/* From here on what is printed goes through $MXWATCH_PAGER, $PAGER or less (LESS is FRX unless it
 * is set), where standard output is a terminal; console_finish waits for it.  Colour and width
 * are to be asked before. */
void console_page(void);

/* Show one line on standard error in place of the last; nothing unless it is a terminal,
 * nor in front of a pager.  The
 * text is escaped and cut at the width. */
void console_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Wipe it: before anything else is printed, and at the end. */
void console_progress_end(void);

/* Flush standard output; the status, or EX_IOERR with a message when what was printed did not
 * arrive (a full disk; a reader that left early is no error). */
int console_finish(int status);

#endif
