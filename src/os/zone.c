/* SPDX-License-Identifier: ISC */
#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mem.h"

int64_t zone_offset(const char *zone, int64_t at)
{
	const char *ours = getenv("TZ");
	char *kept = ours ? mem_strdup(ours) : NULL, there[256];
	time_t t = (time_t)at;
	struct tm local = {.tm_gmtoff = 0};

	snprintf(there, sizeof(there), ":%s", zone);
	setenv("TZ", there, 1);
	tzset();
	localtime_r(&t, &local);
	if (kept)
		setenv("TZ", kept, 1);
	else
		unsetenv("TZ");
	tzset();
	free(kept);
	return local.tm_gmtoff;
}
