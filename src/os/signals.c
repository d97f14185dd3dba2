/* SPDX-License-Identifier: ISC */
#include "signals.h"

#include <signal.h>
#include <stddef.h>

void signals_init(void)
{
	sigset_t none;

	for (int n = 1; n < NSIG; n++)
		if (n != SIGKILL && n != SIGSTOP)
			signal(n, SIG_DFL); /* refused for the two that the C library keeps */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void signals_child(void)
{
	signals_init();
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
}
