/* SPDX-License-Identifier: ISC */
#include "usage.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"

void usage_open(struct usage_meter *m)
{
	m->started = clock_now();
	m->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	m->fds = opendir("/proc/self/fd");
}

static int64_t cpu_ms(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) < 0)
		return -1;
	return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

static int64_t resident(int statm)
{
	char text[128];
	ssize_t n = statm < 0 ? -1 : pread(statm, text, sizeof(text) - 1, 0);
	long long pages;

	if (n <= 0)
		return -1;
	text[n] = '\0';
	return sscanf(text, "%*d %lld", &pages) == 1 ? pages * sysconf(_SC_PAGESIZE) : -1;
}

static int64_t count(DIR *fds)
{
	const struct dirent *entry;
	int64_t n = 0;

	if (fds == NULL)
		return -1;
	rewinddir(fds);
	while ((entry = readdir(fds)) != NULL)
		n += entry->d_name[0] != '.';
	return n;
}

struct usage usage_read(const struct usage_meter *m)
{
	return (struct usage){m->started, cpu_ms(), resident(m->statm), count(m->fds)};
}

void usage_close(struct usage_meter *m)
{
	if (m->statm >= 0)
		close(m->statm);
	if (m->fds)
		closedir(m->fds);
}
